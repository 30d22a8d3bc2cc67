package store

import (
	"cmp"
	"errors"
	"slices"
	"time"

	"peyk/sms"
)

// Decision is what an agent answers to a question about a batch.
type Decision string

const (
	Send    Decision = "send"   // a batch that asks: send it
	Cancel  Decision = "cancel" // a batch that asks, or that waits for the panel: do not send it
	Again   Decision = "again"  // what is uncertain: send it again
	WasSent Decision = "was"    // what is uncertain: it was sent
	Leave   Decision = "leave"  // what is uncertain: leave it
	Later   Decision = "later"  // a batch that asks in quiet hours: an order for later takes its place, which goes out when they are over
)

// Errors of Decide: its question is no longer open.
var (
	ErrDecided  = errors.New("decided already")
	ErrExpired  = errors.New("nobody answered in time")
	ErrInFlight = errors.New("under way to the panel") // it cannot be called off
	ErrTooSoon  = errors.New("what was asked elsewhere may still be carried out")
)

// settles is how long after a takeover nothing uncertain is sent again: as long as the process before this one waited for the panel's answer.
const settles = time.Minute

// askFor is how long a question waits for [Send]: whoever comes back later has forgotten what it was about.
const askFor = 15 * time.Minute

// Decide carries out what an agent, called name, answered to the question of that generation. From then on every answer to it gives
// ErrDecided, and the batch returned says who decided what. The error is ErrExpired if the answer came too late; if Expire has not run since, that
// ends the question, as the agent is told. It is ErrInFlight if all that was to be called off is being sent. It is an OverCap if [Send] would take the agent above the cap: then the
// question stays open. It is ErrTooMany if nothing more can be scheduled, and ErrTooSoon for [Send again] in the minute after a takeover. Sending again what is uncertain or has waited long does not count against the cap, as it counted when it was ordered.
func (s *Store) Decide(id BatchID, generation int, d Decision, name string) (Batch, error) {
	var b Batch
	var late error
	err := s.update(func(t *tx) error {
		var err error
		if b, err = t.batch(id); err != nil {
			return err
		}
		pieces, err := t.decided(b, generation, d)
		if late = nil; b.State == Asking && errors.Is(err, ErrExpired) {
			late = err
			return t.expireAll(b)
		}
		if err != nil {
			return err
		}
		if d == Send && !b.Late {
			for i := range pieces { // somebody may have opted out since it was asked
				if err := t.withhold(&b, &pieces[i]); err != nil {
					return err
				}
			}
			if err := t.spend(b.Agent, b.cost()); err != nil {
				return err
			}
		}
		if d == Later {
			if b.Scheduled, err = t.postpone(b); err != nil {
				return err
			}
		}
		b.Decision, b.DecidedBy = d, name
		b.Generation++
		if d == Send {
			b.State, b.Late = Going, false
			if err := t.answered(&b); err != nil {
				return err
			}
			if b.Claim || b.ClaimedBy != "" && b.Lone() {
				if err := t.claimCustomerOf(b, name); err != nil {
					return err
				}
			}
		}
		if d == Send || d == Again {
			if b.Waits, err = t.held(); err != nil {
				return err
			}
		}
		for _, p := range pieces {
			if err := t.carryOut(d, &b, p); err != nil {
				return err
			}
		}
		if d == Again || d == WasSent || d == Leave {
			b.Uncertain = 0
		}
		return t.report(b, 0)
	})
	wake(s.schedules, err == nil && d == Later)
	return b, cmp.Or(err, late)
}

// Reword gives the question of that generation, which waits for [Send], another text of so many parts, to be looked at before it is sent; that of the
// order itself is kept. The error is that of Decide.
func (s *Store) Reword(id BatchID, generation int, text string, parts int) (Batch, error) {
	var b Batch
	err := s.update(func(t *tx) error {
		var err error
		if b, err = t.batch(id); err != nil {
			return err
		}
		if _, err := t.decided(b, generation, Send); err != nil {
			return err
		}
		if b.Late { // sent in part
			return ErrDecided
		}
		written := cmp.Or(b.Written, b.Text)
		b.Price = [2]float64{} // it may be another alphabet now
		if b.Text, b.Parts, b.Written = text, parts, written; text == written {
			b.Written = ""
		}
		b.Generation++
		return t.report(b, 0)
	})
	return b, err
}

// expireAll ends the question of b.
func (t *tx) expireAll(b Batch) error {
	pieces, err := t.undecided(b, bucketAsking)
	if err != nil {
		return err
	}
	for _, p := range pieces {
		if err := t.expire(p); err != nil {
			return err
		}
	}
	return nil
}

// expire ends the question of p without a send.
func (t *tx) expire(p Piece) error {
	return t.changeBatch(p, func(t *tx, p *Piece, b *Batch) error {
		b.Decision, b.DecidedBy = "", ""
		return t.drop(b, p, Expired)
	})
}

// decided returns the pieces of b that d is about, or why the question is no longer open.
func (t *tx) decided(b Batch, generation int, d Decision) ([]Piece, error) {
	asked := b.Created
	if !b.Asked.IsZero() {
		asked = b.Asked
	}
	asksToSend := b.State == Asking && (d == Send || d == Cancel || d == Later && b.MayWait())
	if b.State == Expired || asksToSend && t.store.late(asked, t.now) {
		return nil, ErrExpired
	}
	if d == Again && b.Uncertain > 0 && t.store.opts.TakenOver && t.now.Sub(t.store.opened).Abs() < settles {
		return nil, ErrTooSoon
	}
	callsOff := b.State == Going && d == Cancel
	var bucket []byte
	switch {
	case asksToSend:
		bucket = bucketAsking
	case callsOff:
		bucket = bucketOutbox
	case b.Uncertain > 0 && (d == Again || d == WasSent || d == Leave):
		bucket = bucketUncertain
	default:
		return nil, ErrDecided
	}
	if b.Generation != generation && !(callsOff && b.Bulk != nil) { // [Stop] means what is left by now
		return nil, ErrDecided
	}
	pieces, err := t.undecided(b, bucket)
	if err == nil && callsOff && !slices.ContainsFunc(pieces, func(p Piece) bool { return p.State == PieceQueued }) {
		if err = ErrDecided; b.inFlight() > 0 {
			err = ErrInFlight
		}
	}
	return pieces, err
}

// carryOut does with p, one of b, what was decided. The caller stores b.
func (t *tx) carryOut(d Decision, b *Batch, p Piece) error {
	if d == Cancel && p.State == PieceSending {
		p.CalledOff = true
		return t.putPiece(p)
	}
	p.Since = t.now
	var err error
	switch d {
	case Send, Again:
		if p.reaches() == 0 {
			break
		}
		p.State, p.NotBefore, p.Queued, p.CalledOff = PieceQueued, time.Time{}, t.now, false
		err = t.setPieceStatus(p, sms.Queued, b)
	case WasSent:
		p.State = PieceSent
		err = t.setPieceStatus(p, sms.Sent, b)
	case Leave:
		p.State = PieceDropped
		b.LeftUncertain += p.reaches()
	case Cancel, Later:
		err = t.drop(b, &p, Cancelled)
	}
	if err != nil {
		return err
	}
	return t.putPiece(p)
}

// inFlight is how many recipients the panel is being asked to send to.
func (b *Batch) inFlight() int { return b.Counts[sms.Sending] - b.Uncertain - b.LeftUncertain }

// drop ends p without sending it. If nothing else of b was sent, b ends as state says. But if p may have been sent before, nobody knows: then it
// is left uncertain.
func (t *tx) drop(b *Batch, p *Piece, state BatchState) error {
	p.State = PieceDropped
	b.State, b.Late, b.Waits = Going, false, ""
	if p.MaybeSent {
		b.LeftUncertain += p.reaches()
		return t.setPieceStatus(*p, sms.Sending, b)
	}
	b.Dropped += p.reaches()
	if b.Dropped+b.Withheld < b.N {
		return nil
	}
	b.State = state
	return t.unanswer(b)
}

// late tells whether a question asked then waits no longer. One asked in the future, by a clock that was ahead, is late.
func (s *Store) late(asked, now time.Time) bool { return now.Sub(asked).Abs() >= s.opts.AskFor }

// undecided returns the pieces of b that bucket names.
func (t *tx) undecided(b Batch, bucket []byte) ([]Piece, error) {
	var found []Piece
	err := t.pieces(bucket, b.ID, func(p Piece) (bool, error) {
		if p.Batch == b.ID {
			found = append(found, p)
		}
		return p.Batch == b.ID, nil
	})
	return found, err
}

// Expire ends the questions that waited too long for [Send]: nothing of them is sent, and their chats are told. It returns how long to wait
// before calling it again.
func (s *Store) Expire() (wait time.Duration, err error) {
	if !s.clock().known { // nobody can press [Send] before Telegram answers either
		return time.Second, nil
	}
	err = s.update(func(t *tx) error {
		wait = s.opts.AskFor
		var late []Piece
		err := t.pieces(bucketAsking, 0, func(p Piece) (bool, error) {
			if !s.late(p.Since, t.now) {
				wait = min(wait, s.opts.AskFor-t.now.Sub(p.Since))
				return true, nil // an older order may have been asked about later
			}
			late = append(late, p)
			return true, nil
		})
		if err != nil {
			return err
		}
		for _, p := range late {
			if err := t.expire(p); err != nil {
				return err
			}
		}
		wait, err = t.expireScheduled(wait)
		return err
	})
	return wait, err
}
