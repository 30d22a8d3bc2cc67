package relay

import (
	"context"
	"errors"
	"fmt"
	"time"

	"peyk/internal/backoff"
	"peyk/internal/crashpoint"
	"peyk/sms"
	"peyk/smsapi"
	"peyk/store"
)

// finder is what the client of a panel has whose Traits say that it is Keyed.
type finder interface {
	// Find returns what the panel has of an order by its keys, without sending anything.
	Find(context.Context, smsapi.Order) (smsapi.Found, error)
}

// find asks the panel what it has of an order.
func (p Panel) find(ctx context.Context, o smsapi.Order) (smsapi.Found, error) {
	begun := time.Now()
	found, err := p.Client.(finder).Find(ctx, o)
	p.metrics.PanelAsked("FindKeys", time.Since(begun), err)
	p.state.noteCall(panelCall{method: "FindKeys", begun: begun, err: err})
	return found, err
}

// searcher is what the client of a panel has whose Traits say that it Finds.
type searcher interface {
	// FindAlike returns, for each recipient of an order, the ids of what was accepted since it was begun and is like it, without sending anything.
	FindAlike(ctx context.Context, o smsapi.Order, begun time.Time) ([][]sms.ID, error)
}

// findAlike asks the panel what it has that is like an order.
func (p Panel) findAlike(ctx context.Context, o smsapi.Order, begun time.Time) ([][]sms.ID, error) {
	at := time.Now()
	alike, err := p.Client.(searcher).FindAlike(ctx, o, begun)
	p.metrics.PanelAsked("FindSent", time.Since(at), err)
	p.state.noteCall(panelCall{method: "FindSent", begun: at, err: err})
	return alike, err
}

// account returns whose panel a piece is handed to, if that can be asked what became of it.
func account(t smsapi.Traits) string {
	if t.Keyed || t.Finds {
		return t.Account
	}
	return ""
}

// searchFor is how long a panel is searched at most for a piece that was lost, if it does not answer.
const searchFor = time.Hour

// searches reports whether a panel can still be searched for a piece whose answer was lost.
func searches(t smsapi.Traits, p store.Piece, now time.Time) bool {
	return t.Finds && len(p.Keys) == 0 && p.Account == t.Account && now.Sub(p.Lasted).Abs() < searchFor
}

// tells reports whether a panel can still be asked what became of a piece whose answer was lost: it is the one that the piece was handed to,
// and has not forgotten its keys.
func tells(t smsapi.Traits, p store.Piece, now time.Time) bool {
	return t.Keyed && len(p.Keys) > 0 && p.Account == t.Account && now.Sub(p.Lasted).Abs() < t.KeyFor-keyMargin
}

// keyMargin is how much earlier than a panel forgets a key it is no longer believed that it does not have it: clocks differ.
const keyMargin = 10 * time.Minute

// settleLost asks the panel what became of pieces whose answer was lost. Those it does not have are queued again with their keys; the agents
// are asked about those of which the panel cannot tell.
func (r *Relay) settleLost(ctx context.Context) error {
	trouble := backoff.Backoff{Log: r.log, What: "ask panel for lost answers", Shortest: 5 * time.Second}
	for ctx.Err() == nil {
		lost, next, err := r.store.Lost()
		if err != nil {
			return fmt.Errorf("read what was lost: %w", err)
		}
		var failed error
		for _, p := range lost {
			if failed = errors.Join(failed, r.settle(ctx, p)); ctx.Err() != nil {
				return nil
			}
		}
		if trouble.After(failed); failed != nil {
			backoff.Sleep(ctx, backoff.Pause(5*time.Second, time.Minute, trouble.Failures()), nil)
			continue
		}
		if len(lost) > 0 {
			continue // they may be due again before the next is
		}
		wait := time.Hour
		if !next.IsZero() {
			wait = max(next.Sub(r.store.Now()), time.Millisecond)
		}
		backoff.Sleep(ctx, wait, r.lost)
	}
	return nil
}

// settle asks the panel about one piece.
func (r *Relay) settle(ctx context.Context, p store.Piece) error {
	ask := func() error { return r.store.Uncertain(p) }
	if searches(r.panel.Traits(), p, r.store.Now()) {
		return r.search(ctx, p)
	}
	if !tells(r.panel.Traits(), p, r.store.Now()) {
		return r.store.Persist(ctx, "store the outcome of a send", ask)
	}
	found, err := r.panel.find(ctx, smsapi.Order{To: p.To, Keys: p.Keys})
	crashpoint.At("settle.answered")
	if e, ok := errors.AsType[*smsapi.Error](err); ok && e.Kind == smsapi.Rejected {
		return errors.Join(err, r.store.Persist(ctx, "store the outcome of a send", func() error { return r.store.Untold(p) })) // it must not hold up the others
	}
	if err != nil {
		return err
	}
	err = r.store.Persist(ctx, "store the outcome of a send", func() error { return r.store.Settle(p, found.IDs) })
	crashpoint.At("settle.stored")
	if err == nil {
		r.log.Info("lost answer settled", "batch", uint64(p.Batch), "piece", p.I, "attempt", p.Attempt, "recipients", len(p.To))
		wake(r.delivery)
	}
	return err
}

// search looks for one piece at the panel by what it says. What it finds proves that the piece was accepted.
func (r *Relay) search(ctx context.Context, p store.Piece) error {
	batch, err := r.store.Batch(p.Batch)
	if err != nil {
		return fmt.Errorf("batch %d: %w", p.Batch, err)
	}
	alike, err := r.panel.findAlike(ctx, order(batch, p), p.Lasted)
	crashpoint.At("search.answered")
	if e, ok := errors.AsType[*smsapi.Error](err); ok && e.Kind == smsapi.Rejected {
		alike, err = make([][]sms.ID, len(p.To)), nil // it must not hold up the others
	}
	if err != nil {
		return err
	}
	err = r.store.Persist(ctx, "store the outcome of a send", func() error { return r.store.Match(p, alike) })
	crashpoint.At("search.stored")
	if err == nil {
		r.log.Info("lost answer looked for", "batch", uint64(p.Batch), "piece", p.I, "attempt", p.Attempt, "recipients", len(p.To))
		wake(r.delivery)
	}
	return err
}

// wake wakes a flow that waits.
func wake(flow chan struct{}) {
	select {
	case flow <- struct{}{}:
	default:
	}
}
