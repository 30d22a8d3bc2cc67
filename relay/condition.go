package relay

import (
	"errors"
	"time"

	"peyk/smsapi"
	"peyk/store"
)

// state is how the panel is.
type state uint8

const (
	well     state = iota
	away           // it cannot be reached: what is sent surely does not arrive, so that nothing need be held back
	doubtful       // an answer made no sense: it is asked for the credit, which costs nothing, before anything that may
	down           // nor does its answer to that
	refuses        // it does not take our user name or password
	trial          // it answers again: one order tries
)

// condition is what the panel's answers so far say of it.
type condition struct {
	state  state
	since  time.Time // of state, or of the first of a row of such states
	reason string    // the panel's words when it refuses us
	looks  int       // how often it was asked for the credit in vain
	tries  int       // orders in a row that tried and failed
	next   time.Time // when it is asked for the credit next
	heard  bool      // other calls begun since were answered well: the credit alone is not to be had
	shut   bool      // the last fetch was refused for want of a login
	proven bool      // it has answered a question for the credit: one that it does not answer says something
}

// called is a call of the panel that has come to its end.
type called struct {
	method string
	look   bool // GetCredit, to see how the panel is
	begun  time.Time
	err    error
}

// Pauses between two looks, and before one more order tries.
const (
	lookPause   = 5 * time.Second // or the poll interval, if that is shorter
	tryPause    = 2 * time.Second
	longestTry  = 10 * time.Minute
	creditFails = time.Minute // how long it takes to believe that only the credit is not to be had, or that a panel out of reach stays so
)

// after returns the condition after a call that ended now. Only what may be spoilt raises suspicion: a panel that does not tell its credit,
// or a status, sends and hands out SMS all the same.
func (c condition) after(k called, poll time.Duration, now time.Time) condition {
	e, known := errors.AsType[*smsapi.Error](k.err)
	spoilt := k.method == "SendSMS" || k.method == "GetMsg"
	if k.method == "GetMsg" {
		c.shut = known && e.Kind == smsapi.Auth
	}
	switch {
	case k.err == nil || known && e.Kind == smsapi.Rejected && e.Code != 0:
		c.proven = c.proven || k.method == "GetCredit"
		switch {
		case k.look && c.troubled():
			c.state, c.looks = trial, 0
		case c.state == away, c.state == trial && k.method == "SendSMS" && !k.begun.Before(c.since):
			return condition{shut: c.shut, proven: c.proven}
		case !k.look && !k.begun.Before(c.since):
			c.heard = true
		}
	case known && e.Kind == smsapi.Rejected: // by ourselves: the panel was not asked
	case known && e.Kind == smsapi.Unavailable:
		switch {
		case c.state == well:
			c.state, c.since = away, now
		case k.look && c.state == doubtful:
			c.state = away
		case k.look:
			c = c.inVain(poll, now)
		}
	case known && e.Kind == smsapi.Auth && (k.look || spoilt):
		if c.state == trial && k.method == "SendSMS" {
			c.tries++
		}
		if k.look && c.heard && !c.shut && now.Sub(c.since) >= creditFails { // it is the credit that we may not see
			c.state = trial
			break
		}
		if c.state != refuses {
			c.begin(refuses, now)
		}
		c.reason = e.Text
		if k.look {
			c.looks++
		}
		// A panel that is asked with a wrong password over and over may block our address.
		c.next = now.Add(max(pollPause(poll, c.looks+5), c.tryAfter()))
	case known && e.Kind == smsapi.Auth:
		if c.state == well {
			c.begin(doubtful, now)
		}
	case k.look:
		if c = c.inVain(poll, now); c.heard && now.Sub(c.since) >= creditFails {
			c.state = trial
		} else if c.state == doubtful && (c.looks > 1 || c.proven) && !c.heard {
			c.state = down
		}
	case spoilt && c.state == trial && k.method == "SendSMS":
		c.tries++
		c.begin(down, now)
		c.next = now.Add(c.tryAfter())
	case spoilt && !c.troubled():
		c.begin(doubtful, now)
	}
	return c
}

// begin begins a trouble in which the panel is asked for the credit at once.
func (c *condition) begin(s state, now time.Time) {
	c.state, c.since, c.looks, c.next, c.heard = s, now, 0, now, false
}

// inVain counts a look that told nothing.
func (c condition) inVain(poll time.Duration, now time.Time) condition {
	c.looks++
	c.next = now.Add(pollPause(min(poll, lookPause), c.looks))
	return c
}

// tryAfter is how long the panel is left alone after so many orders that tried and failed.
func (c condition) tryAfter() time.Duration {
	if c.tries == 0 {
		return 0
	}
	return min(tryPause<<min(c.tries-1, 20), longestTry)
}

// troubled tells whether the panel is to be asked for the credit before anything else.
func (c condition) troubled() bool {
	return c.state == doubtful || c.state == down || c.state == refuses
}

// sends is how many orders may be under way.
func (c condition) sends() int {
	switch {
	case c.troubled():
		return 0
	case c.state == trial:
		return 1
	}
	return senders
}

// holds returns what the team is to be told of, "" for nothing; idle is that no order waits to try. What was told before goes on until an order
// went well, or none waits.
func (c condition) holds(told store.Wait, idle bool, now time.Time) store.Wait {
	switch {
	case c.state == refuses || c.shut:
		return store.LoginRefused
	case c.state == down, c.state == away && now.Sub(c.since) >= creditFails:
		return store.PanelDown
	case c.state == doubtful, c.state == trial && !idle:
		return told
	}
	return ""
}
