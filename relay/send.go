package relay

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"peyk/internal/backoff"
	"peyk/internal/crashpoint"
	"peyk/sms"
	"peyk/smsapi"
	"peyk/store"
)

// sendQueued works off the outbox: several pieces at once, but to one customer in the order they were written, and no more than the
// condition of the panel lets begin. After ctx ends no piece is begun; those under way come to their end.
func (r *Relay) sendQueued(ctx context.Context) error {
	type end struct {
		to  []sms.Number
		at  time.Time
		err error // of the reservation
	}
	var worked time.Time
	ended := make(chan end)
	trouble := backoff.Backoff{Log: r.log, What: "store: reserve a piece"}
	busy := map[sms.Number]bool{} // customers of pieces under way
	running := 0
	defer func() {
		for ; running > 0; running-- {
			<-ended
		}
	}()
	for {
		waiting := map[sms.Number]bool{} // customers of pieces passed over: later ones must not overtake
		now := r.store.Now()
		var next time.Time
		var late []store.BatchID
		c, _, changed := r.state.condition()
		idle, limit := running == 0, c.maxSends()
		err := r.store.Queued(func(p store.Piece, batch store.Batch, to []sms.Number) bool {
			if p.Late && limit > 0 {
				if !slices.Contains(late, p.Batch) {
					late = append(late, p.Batch)
				}
				return true
			}
			idle = false
			if running >= limit {
				return false
			}
			notYet := store.PutOff(p.NotBefore, now, time.Minute)
			if notYet && (next.IsZero() || p.NotBefore.Before(next)) {
				next = p.NotBefore
			}
			if notYet || slices.ContainsFunc(to, func(n sms.Number) bool { return busy[n] || waiting[n] }) {
				for _, n := range to {
					waiting[n] = true
				}
				return true
			}
			for _, n := range to {
				busy[n] = true
			}
			running++
			go func() {
				err := r.send(context.WithoutCancel(ctx), p, batch, to)
				at := time.Now()
				if err != nil {
					backoff.Sleep(ctx, time.Second, nil) // a full disk: nothing is sent, the piece stays queued
				}
				ended <- end{to, at, err}
			}()
			return true
		})
		if err != nil {
			return fmt.Errorf("read outbox: %w", err)
		}
		wait := time.Hour
		if !next.IsZero() {
			wait = max(next.Sub(r.store.Now()), time.Millisecond)
		}
		if len(late) > 0 && !r.store.ClockHeard() {
			// Perhaps it is the clock: the question would tell what is not so, and expire at once when the clock is right. Nobody could
			// be asked yet either.
			wait, late = min(wait, time.Second), nil
		}
		for _, id := range late {
			if err := r.store.AskLate(id); err != nil {
				trouble.After(err)
				wait = min(wait, time.Second)
			}
		}
		r.state.setIdle(idle)
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-r.store.Outbox():
		case <-changed:
		case <-timer.C:
		case e := <-ended:
			running--
			for _, n := range e.to {
				delete(busy, n)
			}
			switch {
			case e.err == nil:
				trouble.After(nil)
				worked = e.at
			case e.at.After(worked): // else the disk has room again, which another piece told first
				trouble.After(e.err)
			}
		}
		timer.Stop()
	}
}

// send reserves a piece, asks the panel once, and stores what is then known. Nothing leaves before the reservation is on disk; its error is that it
// is not.
func (r *Relay) send(ctx context.Context, p store.Piece, batch store.Batch, to []sms.Number) error {
	crashpoint.At("send.queued")
	p, err := r.store.Reserve(p)
	if errors.Is(err, store.ErrDecided) {
		return nil // called off meanwhile
	}
	if err != nil {
		return fmt.Errorf("batch %d: %w", p.Batch, err)
	}
	begun := time.Now()
	crashpoint.At("send.claimed")
	sent, failure := r.panel.Send(ctx, batch.Line, to, batch.Text)
	crashpoint.At("send.answered")
	log := r.log.With("batch", uint64(p.Batch), "piece", p.I, "attempt", p.Attempt, "recipients", len(to), "took", time.Since(begun).Round(time.Millisecond).String())
	err = r.store.Persist(ctx, "store the outcome of a send", func() error {
		switch e, ok := errors.AsType[*smsapi.Error](failure); {
		case failure == nil:
			return r.store.Sent(p, toOutcomes(sent.Results), sent.IDs)
		case ok && e.Kind == smsapi.Unavailable:
			return r.store.Requeue(p, r.store.Now().Add(backoff.Pause(2*time.Second, 0, p.Attempt)))
		case ok && e.Kind == smsapi.Auth:
			return r.store.Wait(p, store.LoginRefused, r.store.Now().Add(backoff.Pause(2*time.Second, 0, p.Attempt)))
		case ok && e.Kind == smsapi.Rejected:
			return r.store.Refuse(p, e.Text, strconv.Itoa(e.Code))
		default:
			return r.store.Uncertain(p)
		}
	})
	crashpoint.At("send.stored")
	switch {
	case err != nil:
		log.Error("store the outcome of a send", "err", err)
	case failure != nil:
		log.Warn("piece not sent", "err", failure)
	default:
		log.Info("piece sent")
		for _, flow := range []chan struct{}{r.delivery, r.sent} {
			select {
			case flow <- struct{}{}:
			default:
			}
		}
	}
	return nil
}

func toOutcomes(results []smsapi.Result) []store.Outcome {
	said := make([]store.Outcome, len(results))
	for i, one := range results {
		said[i].ID = one.ID
		switch {
		case one.Err == nil:
		case one.Err.Kind == smsapi.Uncertain:
			said[i].Reason, said[i].Words = sms.Unclear, one.Err.Text
		default:
			said[i].Reason, said[i].Words, said[i].Code = sms.Refused, one.Err.Text, strconv.Itoa(one.Err.Code)
		}
	}
	return said
}
