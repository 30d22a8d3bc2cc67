package bot

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"peyk/sms"
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

// panelState is the condition of the panel as all flows see it.
type panelState struct {
	poll time.Duration

	mu      sync.Mutex
	now     condition
	idle    bool          // no order waits
	changed chan struct{} // closed when any of that is another
}

func newPanelState(poll time.Duration) *panelState {
	return &panelState{poll: poll, changed: make(chan struct{})}
}

// condition returns how the panel is, whether no order waits, and what is closed when that changes.
func (p *panelState) condition() (now condition, idle bool, changed <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.now, p.idle, p.changed
}

func (p *panelState) change(to func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now, idle := p.now, p.idle
	if to(); p.now != now || p.idle != idle {
		close(p.changed)
		p.changed = make(chan struct{})
	}
}

// called notes a call that has ended.
func (p *panelState) called(k called) {
	if errors.Is(k.err, context.Canceled) {
		return // by us, which says nothing of the panel
	}
	p.change(func() { p.now = p.now.after(k, p.poll, time.Now()) })
}

// setIdle notes whether orders wait.
func (p *panelState) setIdle(idle bool) { p.change(func() { p.idle = idle }) }

// wait waits until the panel is troubled no longer, at most for limit: whoever waits then tries all the same, as there may be panels that
// do all but tell the credit.
func (p *panelState) wait(ctx context.Context, limit time.Duration) {
	late := time.Now().Add(limit)
	for ctx.Err() == nil && time.Now().Before(late) {
		c, _, changed := p.condition()
		if !c.troubled() {
			return
		}
		sleep(ctx, time.Until(late), changed)
	}
}

// beginPanel takes over what the process before this one knew: the panel was in trouble, or orders wait that nothing is known of.
func (b *Bot) beginPanel() error {
	held, err := b.store.Held()
	if err != nil {
		return fmt.Errorf("read what holds the outbox: %w", err)
	}
	waiting := false
	err = b.store.Queued(func(store.Piece, store.Batch, []sms.Number) bool {
		waiting = true
		return false
	})
	if err != nil {
		return fmt.Errorf("read outbox: %w", err)
	}
	var c condition
	switch {
	case held == store.LoginRefused:
		c.begin(refuses, time.Now())
	case held != "":
		c.begin(down, time.Now())
	case waiting:
		c.begin(doubtful, time.Now())
	}
	b.state.change(func() { b.state.now, b.state.idle = c, !waiting })
	return nil
}

// watchPanel asks a panel that is in trouble for the credit until it answers, and has it told when the trouble begins and when it is over.
func (b *Bot) watchPanel(ctx context.Context) error {
	held, err := b.store.Held()
	if err != nil {
		return fmt.Errorf("read what holds the outbox: %w", err)
	}
	trouble := outage{log: b.log, what: "panel"}
	for ctx.Err() == nil {
		c, idle, changed := b.state.condition()
		now := time.Now()
		if holds := c.holds(held, idle, now); holds != held {
			err := b.persist(ctx, "tell how the panel is", func() error {
				if holds == "" {
					return b.store.Release()
				}
				return b.store.Hold(holds, c.since, c.reason)
			})
			if ctx.Err() != nil {
				return nil // the next start sees for itself
			}
			if err != nil {
				return err // else nobody would ask a panel that is in trouble, and nothing be sent any more
			}
			if held = holds; held == "" {
				trouble.worked()
			} else {
				trouble.failed(fmt.Errorf("%s", held))
			}
			continue
		}
		wait := time.Hour
		switch {
		case c.troubled():
			if wait = c.next.Sub(now); wait <= 0 {
				b.panel.look(ctx)
				continue
			}
		case c.state == away && held == "":
			wait = c.since.Add(creditFails).Sub(now)
		}
		sleep(ctx, wait, changed)
	}
	return nil
}
