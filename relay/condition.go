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
	well        state = iota
	unreachable       // it cannot be reached: what is sent surely does not arrive, so that nothing need be held back
	doubtful          // an answer made no sense: it is asked for the credit, which costs nothing, before anything that may
	down              // nor does its answer to that
	refused           // it does not take our user name or password
	trial             // it answers again: one order tries
)

// condition is what the panel's answers so far say of it.
type condition struct {
	state          state
	since          time.Time // of state, or of the first of a row of such states
	reason         string    // the panel's words when it refuses us
	failedProbes   int       // how often it was asked for the credit in vain
	failedTrials   int       // orders in a row that tried and failed
	nextProbe      time.Time // when it is asked for the credit next
	othersAnswered bool      // other calls begun since were answered well: the credit alone is not to be had
	fetchRefused   bool      // the last fetch was refused for want of a login
	creditAnswered bool      // it has answered a question for the credit: one that it does not answer says something
}

// panelCall is a call of the panel that has come to its end.
type panelCall struct {
	method string
	look   bool // GetCredit, to see how the panel is
	begun  time.Time
	err    error
}

// Pauses between two looks, and before one more order tries.
const (
	probePause         = 5 * time.Second // or the poll interval, if that is shorter
	shortestTrialPause = 2 * time.Second
	longestTrialPause  = 10 * time.Minute
	believeAfter       = time.Minute // how long it takes to believe that only the credit is not to be had, or that a panel out of reach stays so
)

// afterCall returns the condition after a call that ended now. Only what may be spoilt raises suspicion: a panel that does not tell its credit,
// or a status, sends and hands out SMS all the same.
func (c condition) afterCall(k panelCall, poll time.Duration, now time.Time) condition {
	e, known := errors.AsType[*smsapi.Error](k.err)
	spoilt := k.method == "SendSMS" || k.method == "GetMsg"
	if k.method == "GetMsg" {
		c.fetchRefused = known && e.Kind == smsapi.Auth
	}
	switch {
	case k.err == nil || known && e.Kind == smsapi.Rejected && e.Code != 0:
		c.creditAnswered = c.creditAnswered || k.method == "GetCredit"
		switch {
		case k.look && c.troubled():
			c.state, c.failedProbes = trial, 0
		case c.state == unreachable, c.state == trial && k.method == "SendSMS" && !k.begun.Before(c.since):
			return condition{fetchRefused: c.fetchRefused, creditAnswered: c.creditAnswered}
		case !k.look && !k.begun.Before(c.since):
			c.othersAnswered = true
		}
	case known && e.Kind == smsapi.Rejected: // by ourselves: the panel was not asked
	case known && e.Kind == smsapi.Unavailable:
		switch {
		case c.state == well:
			c.state, c.since = unreachable, now
		case k.look && c.state == doubtful:
			c.state = unreachable
		case k.look:
			c = c.afterFailedProbe(poll, now)
		}
	case known && e.Kind == smsapi.Auth && (k.look || spoilt):
		if c.state == trial && k.method == "SendSMS" {
			c.failedTrials++
		}
		if k.look && c.othersAnswered && !c.fetchRefused && now.Sub(c.since) >= believeAfter { // it is the credit that we may not see
			c.state = trial
			break
		}
		if c.state != refused {
			c.beginTrouble(refused, now)
		}
		c.reason = e.Text
		if k.look {
			c.failedProbes++
		}
		// A panel that is asked with a wrong password over and over may block our address.
		c.nextProbe = now.Add(max(pollPause(poll, c.failedProbes+5), c.trialPause()))
	case known && e.Kind == smsapi.Auth:
		if c.state == well {
			c.beginTrouble(doubtful, now)
		}
	case k.look:
		if c = c.afterFailedProbe(poll, now); c.othersAnswered && now.Sub(c.since) >= believeAfter {
			c.state = trial
		} else if c.state == doubtful && (c.failedProbes > 1 || c.creditAnswered) && !c.othersAnswered {
			c.state = down
		}
	case spoilt && c.state == trial && k.method == "SendSMS":
		c.failedTrials++
		c.beginTrouble(down, now)
		c.nextProbe = now.Add(c.trialPause())
	case spoilt && !c.troubled():
		c.beginTrouble(doubtful, now)
	}
	return c
}

// beginTrouble begins a trouble in which the panel is asked for the credit at once.
func (c *condition) beginTrouble(s state, now time.Time) {
	c.state, c.since, c.failedProbes, c.nextProbe, c.othersAnswered = s, now, 0, now, false
}

// afterFailedProbe counts a look that told nothing.
func (c condition) afterFailedProbe(poll time.Duration, now time.Time) condition {
	c.failedProbes++
	c.nextProbe = now.Add(pollPause(min(poll, probePause), c.failedProbes))
	return c
}

// trialPause is how long the panel is left alone after so many orders that tried and failed.
func (c condition) trialPause() time.Duration {
	if c.failedTrials == 0 {
		return 0
	}
	return min(shortestTrialPause<<min(c.failedTrials-1, 20), longestTrialPause)
}

// troubled tells whether the panel is to be asked for the credit before anything else.
func (c condition) troubled() bool {
	return c.state == doubtful || c.state == down || c.state == refused
}

// maxSends is how many orders may be under way.
func (c condition) maxSends() int {
	switch {
	case c.troubled():
		return 0
	case c.state == trial:
		return 1
	}
	return senders
}

// waitFor returns what the team is to be told of, "" for nothing; idle is that no order waits to try. What was told before goes on until an order
// went well, or none waits.
func (c condition) waitFor(told store.Wait, idle bool, now time.Time) store.Wait {
	switch {
	case c.state == refused || c.fetchRefused:
		return store.LoginRefused
	case c.state == down, c.state == unreachable && now.Sub(c.since) >= believeAfter:
		return store.PanelDown
	case c.state == doubtful, c.state == trial && !idle:
		return told
	}
	return ""
}
