package relay

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"peyk/internal/backoff"
	"peyk/sms"
	"peyk/store"
)

// panelState is the condition of the panel, shared by all flows.
type panelState struct {
	poll time.Duration

	mu      sync.Mutex
	now     condition
	idle    bool             // no order waits
	changed chan struct{}    // closed when either changes
	took    [2]time.Duration // by the last calls that were answered: any, and those to send
}

func newPanelState(poll time.Duration) *panelState {
	return &panelState{poll: poll, changed: make(chan struct{})}
}

// condition returns how the panel is doing, whether no order waits, and a channel that is closed when either changes.
func (p *panelState) condition() (now condition, idle bool, changed <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.now, p.idle, p.changed
}

func (p *panelState) update(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now, idle := p.now, p.idle
	if change(); p.now != now || p.idle != idle {
		close(p.changed)
		p.changed = make(chan struct{})
	}
}

// noteCall takes in the outcome of a call.
func (p *panelState) noteCall(k panelCall) {
	if errors.Is(k.err, context.Canceled) {
		return // we broke it off, which says nothing about the panel
	}
	p.update(func() { p.now = p.now.afterCall(k, p.poll, time.Now()) })
	if k.err == nil {
		p.notePace(k)
	}
}

// notePace takes in how long the panel took to answer. The newest call counts for a quarter.
func (p *panelState) notePace(k panelCall) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range p.took {
		if i == 1 && !k.sends() {
			break
		}
		took := time.Since(k.begun)
		if p.took[i] != 0 {
			took = (3*p.took[i] + took) / 4
		}
		p.took[i] = took
	}
}

// pace returns how long the panel takes to answer a request to send, as far as it is known; 0 if it has answered none.
func (p *panelState) pace() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return cmp.Or(p.took[1], p.took[0])
}

// setIdle notes whether orders wait.
func (p *panelState) setIdle(idle bool) { p.update(func() { p.idle = idle }) }

// wait waits until the panel is no longer troubled, at most for limit. After that the caller tries anyway: there may be panels that do
// everything but answer with the credit.
func (p *panelState) wait(ctx context.Context, limit time.Duration) {
	deadline := time.Now().Add(limit)
	for ctx.Err() == nil && time.Now().Before(deadline) {
		c, _, changed := p.condition()
		if !c.troubled() {
			return
		}
		backoff.Sleep(ctx, time.Until(deadline), changed)
	}
}

// restoreCondition begins where the previous process ended: the panel was in trouble, or orders wait of which nothing is known.
func (r *Relay) restoreCondition() error {
	held, err := r.store.Held()
	if err != nil {
		return fmt.Errorf("read why the outbox waits: %w", err)
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

// watchPanel probes a panel that is in trouble until it answers, and has the team told when the trouble begins and ends.
func (r *Relay) watchPanel(ctx context.Context) error {
	told, err := r.store.Held()
	if err != nil {
		return fmt.Errorf("read why the outbox waits: %w", err)
	}
	trouble := backoff.Backoff{Log: r.log, What: "panel"}
	for ctx.Err() == nil {
		c, idle, changed := r.state.condition()
		now := time.Now()
		if reason := c.waitFor(told, idle, now); reason != told {
			err := r.store.Persist(ctx, "note how the panel is doing", func() error {
				if reason == "" {
					return r.store.Release()
				}
				return r.store.Hold(reason, r.store.Now().Add(c.since.Sub(now)), c.reason) // it is told, as other times are
			})
			if ctx.Err() != nil {
				return nil // the next start finds out for itself
			}
			if err != nil {
				return err // going on without probes would mean that nothing is ever sent again
			}
			if told = reason; told == "" {
				trouble.After(nil)
			} else {
				trouble.After(errors.New(string(told)))
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
		case c.state == unreachable && told == "":
			wait = c.since.Add(believeAfter).Sub(now)
		}
		backoff.Sleep(ctx, wait, changed)
	}
	return nil
}
