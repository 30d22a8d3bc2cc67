package relay

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"peyk/internal/backoff"
	"peyk/internal/metrics"
	"peyk/sms"
	"peyk/smsapi"
	"peyk/store"
)

// Panel is the panel's client, whose calls are counted, and say how the panel is, whoever makes them.
type Panel struct {
	smsapi.Panel
	store   *store.Store
	metrics *metrics.Metrics
	state   *panelState
}

func (p Panel) Credit(ctx context.Context) (string, error) { return p.credit(ctx, false) }

// probe asks for the credit to see how the panel is.
func (p Panel) probe(ctx context.Context) { p.credit(ctx, true) }

func (p Panel) credit(ctx context.Context, look bool) (string, error) {
	begun := time.Now()
	credit, err := p.Panel.Credit(ctx)
	p.metrics.PanelAsked("GetCredit", time.Since(begun), err)
	p.state.noteCall(panelCall{method: "GetCredit", look: look, begun: begun, err: err})
	if n, ok := smsapi.Amount(credit); ok {
		p.metrics.Credit(n)
	}
	return credit, err
}

func (p Panel) Send(ctx context.Context, line sms.Number, to []sms.Number, text string) (smsapi.Sent, error) {
	begun := time.Now()
	sent, err := p.Panel.Send(ctx, line, to, text)
	p.metrics.PanelAsked("SendSMS", time.Since(begun), err)
	p.state.noteCall(panelCall{method: "SendSMS", begun: begun, err: err})
	p.metrics.Sends(len(to), sent.Results, err)
	return sent, err
}

func (p Panel) Status(ctx context.Context, ids []sms.ID) ([]smsapi.Delivery, error) {
	begun := time.Now()
	said, err := p.Panel.Status(ctx, ids)
	p.metrics.PanelAsked("GetStatus", time.Since(begun), err)
	p.state.noteCall(panelCall{method: "GetStatus", begun: begun, err: err})
	return said, err
}

// Unread leaves its errors to FetchFailed, and to say how the panel is to the flow: whether it failed is known only when the answer has been
// read.
func (p Panel) Unread(ctx context.Context) (smsapi.Answer, error) {
	begun := time.Now()
	answer, err := p.Panel.Unread(ctx)
	p.metrics.PanelAsked("GetMsg", time.Since(begun), nil)
	return answer, err
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

func (p *panelState) update(to func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now, idle := p.now, p.idle
	if to(); p.now != now || p.idle != idle {
		close(p.changed)
		p.changed = make(chan struct{})
	}
}

// noteCall notes a call that has ended.
func (p *panelState) noteCall(k panelCall) {
	if errors.Is(k.err, context.Canceled) {
		return // by us, which says nothing of the panel
	}
	p.update(func() { p.now = p.now.afterCall(k, p.poll, time.Now()) })
}

// setIdle notes whether orders wait.
func (p *panelState) setIdle(idle bool) { p.update(func() { p.idle = idle }) }

// wait waits until the panel is troubled no longer, at most for limit: whoever waits then tries all the same, as there may be panels that
// do all but tell the credit.
func (p *panelState) wait(ctx context.Context, limit time.Duration) {
	late := time.Now().Add(limit)
	for ctx.Err() == nil && time.Now().Before(late) {
		c, _, changed := p.condition()
		if !c.troubled() {
			return
		}
		backoff.Sleep(ctx, time.Until(late), changed)
	}
}

// restoreCondition takes over what the process before this one knew: the panel was in trouble, or orders wait that nothing is known of.
func (r *Relay) restoreCondition() error {
	held, err := r.store.Held()
	if err != nil {
		return fmt.Errorf("read what holds the outbox: %w", err)
	}
	waiting := false
	err = r.store.Queued(func(store.Piece, store.Batch, []sms.Number) bool {
		waiting = true
		return false
	})
	if err != nil {
		return fmt.Errorf("read outbox: %w", err)
	}
	var c condition
	switch {
	case held == store.LoginRefused:
		c.beginTrouble(refused, time.Now())
	case held != "":
		c.beginTrouble(down, time.Now())
	case waiting:
		c.beginTrouble(doubtful, time.Now())
	}
	r.state.update(func() { r.state.now, r.state.idle = c, !waiting })
	return nil
}

// watchPanel asks a panel that is in trouble for the credit until it answers, and has it told when the trouble begins and when it is over.
func (r *Relay) watchPanel(ctx context.Context) error {
	held, err := r.store.Held()
	if err != nil {
		return fmt.Errorf("read what holds the outbox: %w", err)
	}
	trouble := backoff.Backoff{Log: r.log, What: "panel"}
	for ctx.Err() == nil {
		c, idle, changed := r.state.condition()
		now := time.Now()
		if holds := c.waitFor(held, idle, now); holds != held {
			err := r.store.Persist(ctx, "tell how the panel is", func() error {
				if holds == "" {
					return r.store.Release()
				}
				return r.store.Hold(holds, c.since, c.reason)
			})
			if ctx.Err() != nil {
				return nil // the next start sees for itself
			}
			if err != nil {
				return err // else nobody would ask a panel that is in trouble, and nothing be sent any more
			}
			if held = holds; held == "" {
				trouble.After(nil)
			} else {
				trouble.After(errors.New(string(held)))
			}
			continue
		}
		wait := time.Hour
		switch {
		case c.troubled():
			if wait = c.nextProbe.Sub(now); wait <= 0 {
				r.panel.probe(ctx)
				continue
			}
		case c.state == unreachable && held == "":
			wait = c.since.Add(believeAfter).Sub(now)
		}
		backoff.Sleep(ctx, wait, changed)
	}
	return nil
}
