package bot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"peyk/internal/crashpoint"
	"peyk/sms"
	"peyk/smsapi"
	"peyk/store"
)

// sendQueued works off the outbox: several pieces at once, but to one customer in the order they were written, and no more than the
// condition of the panel lets begin. After ctx ends no piece is begun; those under way come to their end.
func (b *Bot) sendQueued(ctx context.Context) error {
	type end struct {
		to  []sms.Number
		at  time.Time
		err error // of the reservation
	}
	var worked time.Time
	ended := make(chan end)
	trouble := outage{log: b.log, what: "store: reserve a piece"}
	busy := map[sms.Number]bool{} // customers of pieces under way
	running := 0
	defer func() {
		for ; running > 0; running-- {
			<-ended
		}
	}()
	for {
		waiting := map[sms.Number]bool{} // customers of pieces passed over: later ones must not overtake
		now := b.store.Now()
		var next time.Time
		var late []store.BatchID
		c, _, changed := b.state.condition()
		idle, limit := running == 0, c.sends()
		err := b.store.Queued(func(p store.Piece, batch store.Batch, to []sms.Number) bool {
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
				err := b.send(context.WithoutCancel(ctx), p, batch, to)
				at := time.Now()
				if err != nil {
					sleep(ctx, time.Second, nil) // a full disk: nothing is sent, the piece stays queued
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
			wait = max(next.Sub(b.store.Now()), time.Millisecond)
		}
		if len(late) > 0 && !b.store.ClockHeard() {
			// Perhaps it is the clock: the question would tell what is not so, and expire at once when the clock is right. Nobody could
			// be asked yet either.
			wait, late = min(wait, time.Second), nil
		}
		for _, id := range late {
			if err := b.store.AskLate(id); err != nil {
				trouble.failed(err)
				wait = min(wait, time.Second)
			}
		}
		b.state.setIdle(idle)
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-b.store.Outbox():
		case <-changed:
		case <-timer.C:
		case e := <-ended:
			running--
			for _, n := range e.to {
				delete(busy, n)
			}
			switch {
			case e.err == nil:
				trouble.worked()
				worked = e.at
			case e.at.After(worked): // else the disk has room again, which another piece told first
				trouble.failed(e.err)
			}
		}
		timer.Stop()
	}
}

// expireQuestions ends the questions nobody answered in time.
func (b *Bot) expireQuestions(ctx context.Context) error {
	trouble := outage{log: b.log, what: "end old questions"}
	for ctx.Err() == nil {
		wait, err := b.store.Expire()
		if err != nil {
			sleep(ctx, pause(time.Second, trouble.failed(err)), nil)
			continue
		}
		trouble.worked()
		sleep(ctx, wait, nil)
	}
	return nil
}

// send reserves a piece, asks the panel once, and stores what is then known. Nothing leaves before the reservation is on disk; its error is that it
// is not.
func (b *Bot) send(ctx context.Context, p store.Piece, batch store.Batch, to []sms.Number) error {
	crashpoint.At("send.queued")
	p, err := b.store.Reserve(p)
	if errors.Is(err, store.ErrDecided) {
		return nil // called off meanwhile
	}
	if err != nil {
		return fmt.Errorf("batch %d: %w", p.Batch, err)
	}
	begun := time.Now()
	crashpoint.At("send.claimed")
	sent, failure := b.panel.Send(ctx, batch.Line, to, batch.Text)
	crashpoint.At("send.answered")
	log := b.log.With("batch", uint64(p.Batch), "piece", p.I, "attempt", p.Attempt, "recipients", len(to), "took", time.Since(begun).Round(time.Millisecond).String())
	err = b.persist(ctx, "store the outcome of a send", func() error {
		switch e, ok := errors.AsType[*smsapi.Error](failure); {
		case failure == nil:
			return b.store.Sent(p, outcomes(sent.Results), sent.IDs)
		case ok && e.Kind == smsapi.Unavailable:
			return b.store.Requeue(p, b.store.Now().Add(pause(2*time.Second, p.Attempt)))
		case ok && e.Kind == smsapi.Auth:
			return b.store.Wait(p, store.LoginRefused, b.store.Now().Add(pause(2*time.Second, p.Attempt)))
		case ok && e.Kind == smsapi.Rejected:
			return b.store.Refuse(p, e.Text, strconv.Itoa(e.Code))
		default:
			return b.store.Uncertain(p)
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
		for _, flow := range []chan struct{}{b.delivery, b.sent} {
			select {
			case flow <- struct{}{}:
			default:
			}
		}
	}
	return nil
}

func outcomes(results []smsapi.Result) []store.Outcome {
	said := make([]store.Outcome, len(results))
	for i, r := range results {
		said[i].ID = r.ID
		switch {
		case r.Err == nil:
		case r.Err.Kind == smsapi.Uncertain:
			said[i].Reason, said[i].Words = sms.Unclear, r.Err.Text
		default:
			said[i].Reason, said[i].Words, said[i].Code = sms.Refused, r.Err.Text, strconv.Itoa(r.Err.Code)
		}
	}
	return said
}
