package relay

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"peyk/internal/backoff"
	"peyk/internal/crashpoint"
	"peyk/sms"
	"peyk/smsapi"
	"peyk/store"
)

// sender is the state of the flow that works off the outbox.
type sender struct {
	*Relay
	inFlight  int
	busy      map[sms.Number]bool // customers of pieces in flight
	ended     chan sendEnd
	trouble   backoff.Backoff // of reserving
	lastSaved time.Time       // when a piece last ended whose reservation the store had taken
}

// sendEnd is how one piece went.
type sendEnd struct {
	to  []sms.Number
	at  time.Time
	err error // of the reservation
}

// sendQueued works off the outbox: several pieces at once, but to one customer in the order they were written, and no more than the
// condition of the panel allows. After ctx ends no piece is begun; those in flight are finished.
func (r *Relay) sendQueued(ctx context.Context) error {
	s := &sender{
		Relay: r, busy: map[sms.Number]bool{}, ended: make(chan sendEnd), trouble: backoff.Backoff{Log: r.log, What: "store: reserve a piece"},
	}
	defer func() {
		for ; s.inFlight > 0; s.inFlight-- {
			<-s.ended
		}
	}()
	for {
		c, _, changed := r.state.condition()
		q, err := s.beginQueued(ctx, c.maxSends())
		if err != nil {
			return err
		}
		wait := s.askLate(q.late, q.wait)
		r.state.setIdle(q.idle)
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-r.store.Outbox():
		case <-changed:
		case <-timer.C:
		case e := <-s.ended:
			s.note(e)
		}
		timer.Stop()
	}
}

// queued is what a walk through the outbox left there.
type queued struct {
	idle bool            // nothing is in flight, and nothing waits but what is late
	late []store.BatchID // waited for so long that their agents must be asked first
	wait time.Duration   // until the next piece may be begun
}

// beginQueued begins the pieces that may be begun now, so that no more than limit are in flight.
func (s *sender) beginQueued(ctx context.Context, limit int) (queued, error) {
	waiting := map[sms.Number]bool{} // customers of pieces passed over: later pieces must not overtake
	now := s.store.Now()
	var next time.Time
	q := queued{idle: s.inFlight == 0, wait: time.Hour}
	err := s.store.Queued(func(p store.Piece, batch store.Batch, to []sms.Number) bool {
		if p.Late && limit > 0 {
			if !slices.Contains(q.late, p.Batch) {
				q.late = append(q.late, p.Batch)
			}
			return true
		}
		q.idle = false
		if s.inFlight >= limit {
			return false
		}
		notYet := store.PutOff(p.NotBefore, now, mostPutOff)
		if notYet && (next.IsZero() || p.NotBefore.Before(next)) {
			next = p.NotBefore
		}
		if notYet || slices.ContainsFunc(to, func(n sms.Number) bool { return s.busy[n] || waiting[n] }) {
			for _, n := range to {
				waiting[n] = true
			}
			return true
		}
		s.begin(ctx, p, batch, to)
		return true
	})
	if err != nil {
		return q, fmt.Errorf("read outbox: %w", err)
	}
	if !next.IsZero() {
		q.wait = max(next.Sub(s.store.Now()), time.Millisecond)
	}
	return q, nil
}

// begin starts sending a piece.
func (s *sender) begin(ctx context.Context, p store.Piece, batch store.Batch, to []sms.Number) {
	for _, n := range to {
		s.busy[n] = true
	}
	s.inFlight++
	go func() {
		err := s.send(context.WithoutCancel(ctx), p, batch)
		at := time.Now()
		if err != nil {
			backoff.Sleep(ctx, time.Second, nil) // a full disk: nothing is sent, the piece stays queued
		}
		s.ended <- sendEnd{to, at, err}
	}()
}

// note takes in how a piece went.
func (s *sender) note(e sendEnd) {
	s.inFlight--
	for _, n := range e.to {
		delete(s.busy, n)
	}
	switch {
	case e.err == nil:
		s.trouble.After(nil)
		s.lastSaved = e.at
	case e.at.After(s.lastSaved): // else the disk has room again, as a piece that ended later has shown
		s.trouble.After(e.err)
	}
}

// askLate has the agents asked about batches that have waited too long, and returns how long to wait now, at most wait.
func (s *sender) askLate(late []store.BatchID, wait time.Duration) time.Duration {
	if len(late) > 0 && !s.store.ClockHeard() {
		// Perhaps our clock is wrong: then the question would be false, and would expire at once when the clock is set right. Nobody
		// could be asked yet either.
		return min(wait, time.Second)
	}
	for _, id := range late {
		if err := s.store.AskLate(id); err != nil {
			s.trouble.After(err)
			wait = min(wait, time.Second)
		}
	}
	return wait
}

// mostPutOff is the longest pause before a piece is tried again, and a little more: now may have been looked at just before that was put off.
const mostPutOff = time.Minute + time.Second

// send reserves a piece, asks the panel once, and stores what is known then. Nothing is sent before the reservation is on disk. An error
// means that the reservation was not stored.
func (r *Relay) send(ctx context.Context, p store.Piece, batch store.Batch) error {
	crashpoint.At("send.queued")
	p, err := r.store.Reserve(p, account(r.panel.Traits()), r.panel.Traits().Keyed)
	if errors.Is(err, store.ErrDecided) {
		return nil // cancelled meanwhile, or withheld
	}
	if err != nil {
		return fmt.Errorf("batch %d: %w", p.Batch, err)
	}
	begun, to := time.Now(), p.To
	crashpoint.At("send.reserved")
	sent, failure := r.panel.Send(ctx, order(batch, p))
	crashpoint.At("send.answered")
	took := time.Since(begun).Round(time.Millisecond).String()
	log := r.log.With("batch", uint64(p.Batch), "piece", p.I, "attempt", p.Attempt, "recipients", len(to), "took", took)
	err = r.store.Persist(ctx, "store the outcome of a send", func() error {
		switch e, ok := errors.AsType[*smsapi.Error](failure); {
		case failure == nil:
			return r.store.Sent(p, toOutcomes(sent.Results), sent.IDs)
		case errors.Is(failure, smsapi.ErrTwin):
			return r.store.Wait(p, store.SaidJustNow, r.store.Now().Add(r.panel.Traits().Twin))
		case ok && e.Kind == smsapi.Unavailable:
			return r.store.Requeue(p, r.store.Now().Add(backoff.Pause(2*time.Second, 0, p.Attempt)))
		case ok && e.Kind == smsapi.Auth:
			return r.store.Wait(p, store.LoginRefused, r.store.Now().Add(backoff.Pause(2*time.Second, 0, p.Attempt)))
		case ok && e.Kind == smsapi.Rejected:
			return r.store.Refuse(p, e.Text, string(e.Code))
		case p.Account != "":
			return r.store.Lose(p) // see settleLost
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
		wake(r.lost)
	default:
		log.Info("piece sent")
		wake(r.delivery)
		wake(r.sent)
	}
	return nil
}

// order returns what the panel is asked for by a reserved piece: one text to all of its recipients, or each their own where they differ.
func order(batch store.Batch, p store.Piece) smsapi.Order {
	o := smsapi.Order{Line: batch.Line, To: p.To, Text: batch.Text, Texts: p.Texts, Keys: p.Keys}
	if len(p.Texts) > 0 && !slices.ContainsFunc(p.Texts, func(text string) bool { return text != p.Texts[0] }) {
		o.Text, o.Texts = p.Texts[0], nil
	}
	return o
}

func toOutcomes(results []smsapi.Result) []store.Outcome {
	outcomes := make([]store.Outcome, len(results))
	for i, result := range results {
		outcomes[i].ID = result.ID
		switch {
		case result.Err == nil:
		case result.Err.Kind == smsapi.Uncertain:
			outcomes[i].Reason, outcomes[i].Words = sms.Unclear, result.Err.Text
		default:
			outcomes[i].Reason, outcomes[i].Words, outcomes[i].Code = sms.Refused, result.Err.Text, string(result.Err.Code)
		}
	}
	return outcomes
}
