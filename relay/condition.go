package relay

import (
	"errors"
	"time"

	"peyk/smsapi"
	"peyk/store"
)

// state is how the panel is doing.
type state uint8

const (
	well        state = iota
	unreachable       // no connection: what we send surely does not arrive, so nothing need be held back
	doubtful          // an answer made no sense: before anything that may cost, we ask for the credit, which costs nothing
	down              // the answer to that made no sense either
	refused           // it does not accept our user name or password
	trial             // it answers again: one order goes out as a trial
)

// condition is what the panel's answers so far say about it.
type condition struct {
	state          state
	since          time.Time // when the state began, or the first of several such states in a row
	reason         string    // the panel's words when it refuses us
	failedProbes   int       // probes in a row that failed
	failedTrials   int       // trial orders in a row that failed
	nextProbe      time.Time
	othersAnswered bool // other calls begun since then were answered well: only the credit is unavailable
	fetchRefused   bool // the last fetch was refused because of the login
	creditAnswered bool // it has answered a question for the credit, so one that it does not answer means something
}

// panelCall is a call of the panel that has ended.
type panelCall struct {
	method string
	probe  bool // a GetCredit that asks how the panel is doing
	begun  time.Time
	err    error
}

// risky reports whether a failed call may have done harm: sent an SMS that costs, or taken unread SMS away.
func (k panelCall) risky() bool { return k.sends() || k.method == "GetMsg" }

// sends reports whether a call was to send SMS.
func (k panelCall) sends() bool { return k.method == "SendSMS" || k.method == "SendMultipleSMS" }

const (
	probePause         = 5 * time.Second // between two probes, or the poll interval if that is shorter
	shortestTrialPause = 2 * time.Second
	longestTrialPause  = 10 * time.Minute
	believeAfter       = time.Minute // how long until we believe that only the credit is unavailable, or that an unreachable panel stays so
)

// afterCall returns the condition after a call that ended now. Only a risky call raises suspicion: a panel that does not answer with its
// credit, or with a status, still sends and hands out SMS.
func (c condition) afterCall(k panelCall, poll time.Duration, now time.Time) condition {
	e, known := errors.AsType[*smsapi.Error](k.err)
	if k.method == "GetMsg" {
		c.fetchRefused = known && e.Kind == smsapi.Auth
	}
	switch {
	case k.err == nil || known && e.Kind == smsapi.Rejected && e.Code != "":
		return c.afterAnswer(k)
	case known && e.Kind == smsapi.Rejected:
		return c // our own client rejected it: the panel was not asked
	case known && e.Kind == smsapi.Unavailable:
		return c.afterNoConnection(k, poll, now)
	case known && e.Kind == smsapi.Auth:
		return c.afterRefusal(k, e.Text, poll, now)
	}
	return c.afterNonsense(k, poll, now)
}

// afterAnswer returns the condition after an answer that makes sense, an error code among them.
func (c condition) afterAnswer(k panelCall) condition {
	c.creditAnswered = c.creditAnswered || k.method == "GetCredit"
	switch {
	case k.probe && c.troubled():
		c.state, c.failedProbes = trial, 0
	case c.state == unreachable, c.state == trial && k.sends() && !k.begun.Before(c.since):
		return condition{fetchRefused: c.fetchRefused, creditAnswered: c.creditAnswered}
	case !k.probe && !k.begun.Before(c.since):
		c.othersAnswered = true
	}
	return c
}

func (c condition) afterNoConnection(k panelCall, poll time.Duration, now time.Time) condition {
	switch {
	case c.state == well:
		c.state, c.since = unreachable, now
	case k.probe && c.state == doubtful:
		c.state = unreachable
	case k.probe:
		c.countFailedProbe(poll, now)
	}
	return c
}

// afterRefusal returns the condition after the panel refused our login.
func (c condition) afterRefusal(k panelCall, reason string, poll time.Duration, now time.Time) condition {
	if !k.probe && !k.risky() {
		if c.state == well {
			c.beginTrouble(doubtful, now)
		}
		return c
	}
	if c.state == trial && k.sends() {
		c.failedTrials++
	}
	if k.probe && c.othersAnswered && !c.fetchRefused && now.Sub(c.since) >= believeAfter { // only the credit is closed to us
		c.state = trial
		return c
	}
	if c.state != refused {
		c.beginTrouble(refused, now)
	}
	c.reason = reason
	if k.probe {
		c.failedProbes++
	}
	// A panel that keeps being asked with a wrong password may block our address.
	c.nextProbe = now.Add(max(pollPause(poll, c.failedProbes+5), c.trialPause()))
	return c
}

// afterNonsense returns the condition after a call whose answer is missing or makes no sense.
func (c condition) afterNonsense(k panelCall, poll time.Duration, now time.Time) condition {
	switch {
	case k.probe:
		c.countFailedProbe(poll, now)
		switch {
		case c.othersAnswered && now.Sub(c.since) >= believeAfter:
			c.state = trial
		case c.state == doubtful && (c.failedProbes > 1 || c.creditAnswered) && !c.othersAnswered:
			c.state = down
		}
	case k.sends() && c.state == trial:
		c.failedTrials++
		c.beginTrouble(down, now)
		c.nextProbe = now.Add(c.trialPause())
	case k.risky() && !c.troubled():
		c.beginTrouble(doubtful, now)
	}
	return c
}

// beginTrouble enters a state in which the panel is probed, the first time at once.
func (c *condition) beginTrouble(s state, now time.Time) {
	c.state, c.since, c.failedProbes, c.nextProbe, c.othersAnswered = s, now, 0, now, false
}

func (c *condition) countFailedProbe(poll time.Duration, now time.Time) {
	c.failedProbes++
	c.nextProbe = now.Add(pollPause(min(poll, probePause), c.failedProbes))
}

// trialPause is how long the panel is left alone after the trial orders that have failed so far.
func (c condition) trialPause() time.Duration {
	if c.failedTrials == 0 {
		return 0
	}
	return min(shortestTrialPause<<min(c.failedTrials-1, 20), longestTrialPause)
}

// troubled reports whether the panel must answer a probe before anything else is asked of it.
func (c condition) troubled() bool {
	return c.state == doubtful || c.state == down || c.state == refused
}

// maxSends is how many orders may be in flight.
func (c condition) maxSends() int {
	switch {
	case c.troubled():
		return 0
	case c.state == trial:
		return 1
	}
	return senders
}

// waitFor returns what holds orders back, as the team is to be told; "" when nothing does. idle says that no order waits for a trial. What
// the team was told before stays true until an order has gone well, or none waits.
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
