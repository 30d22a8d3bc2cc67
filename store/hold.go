package store

import (
	"errors"
	"time"

	"peyk/sms"
)

// Wait is why queued pieces are not sent.
type Wait string

const (
	PanelDown    Wait = "down"  // the panel cannot be reached, or answers nothing that makes sense
	LoginRefused Wait = "login" // it does not take our user name or password
	SaidJustNow  Wait = "twin"  // it had the same text for the same recipient a moment ago, and takes it once in a while
)

// Waiting tells whether pieces of b wait, for the reason it names.
func (b Batch) Waiting() bool { return b.Waits != "" && b.Counts[sms.Queued] > b.Dropped }

// hold is the trouble that keeps queued pieces from being sent, while it lasts.
type hold struct {
	Why      Wait   `json:"why"`
	Incident uint64 `json:"incident"`
}

// Hold notes that nothing is sent until Release, and why. The admins are told of a trouble that began at since, and its reason. Every order that
// waits says so, and so do new ones. A second Hold for the same trouble does nothing. A hold outlives the process.
func (s *Store) Hold(why Wait, since time.Time, reason string) error {
	return s.update(func(t *tx) error {
		var h hold
		switch err := get(t.bucket(bucketMeta), keyHeld, &h); {
		case errors.Is(err, ErrNotFound):
		case err != nil || h.Why == why:
			return err
		default: // one trouble has turned into another
			if err := t.endIncident(h.Incident); err != nil {
				return err
			}
		}
		i := Incident{Kind: PanelSilent, From: since, Reason: reason, Lasts: true}
		if why == LoginRefused {
			i.Kind = PanelRefuses
		}
		if err := t.addIncident(&i); err != nil {
			return err
		}
		if err := put(t.bucket(bucketMeta), keyHeld, hold{why, i.ID}); err != nil {
			return err
		}
		return t.eachWaiting(func(b Batch) error {
			if b.Waits == why {
				return nil
			}
			b.Waits = why
			return t.report(b, 0)
		})
	})
}

// Release ends the hold, if there is one, and has the admins told.
func (s *Store) Release() error {
	return s.update(func(t *tx) error {
		var h hold
		switch err := get(t.bucket(bucketMeta), keyHeld, &h); {
		case errors.Is(err, ErrNotFound):
			return nil
		case err != nil:
			return err
		}
		if err := t.endIncident(h.Incident); err != nil {
			return err
		}
		if err := t.bucket(bucketMeta).Delete(keyHeld); err != nil {
			return err
		}
		return t.eachWaiting(func(b Batch) error { // it is sent soon, and that is told
			b.Waits = ""
			return t.putBatch(b)
		})
	})
}

// Held returns why nothing is sent, or "".
func (s *Store) Held() (why Wait, err error) {
	err = s.view(func(t *tx) error {
		var err error
		why, err = t.held()
		return err
	})
	return why, err
}

func (t *tx) held() (Wait, error) {
	var h hold
	err := get(t.bucket(bucketMeta), keyHeld, &h)
	if errors.Is(err, ErrNotFound) {
		err = nil
	}
	return h.Why, err
}

// eachWaiting calls fn for every batch with a queued piece.
func (t *tx) eachWaiting(fn func(Batch) error) error {
	var waiting []BatchID
	err := t.pieces(bucketOutbox, 0, func(p Piece) (bool, error) {
		if p.State == PieceQueued && (len(waiting) == 0 || waiting[len(waiting)-1] != p.Batch) {
			waiting = append(waiting, p.Batch)
		}
		return true, nil
	})
	if err != nil {
		return err
	}
	for _, id := range waiting {
		b, err := t.batch(id)
		if err == nil {
			err = fn(b)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// endIncident notes that an incident which lasted is over, and has that told.
func (t *tx) endIncident(id uint64) error {
	i := Incident{ID: id}
	switch err := get(t.bucket(bucketIncident), u64(id), &i); {
	case errors.Is(err, ErrNotFound): // forgotten
		return nil
	case err != nil:
		return err
	}
	i.To, i.Lasts, i.Told = t.now, false, false
	return t.tellIncident(&i)
}

// AskLate asks about the queued pieces of a batch that have waited too long to be sent unasked. They are sent only after [Send], and expire as
// those of any question do; an away text expires at once. Pieces that were sent, or are being sent, stay as they are.
func (s *Store) AskLate(id BatchID) error {
	return s.update(func(t *tx) error {
		b, err := t.batch(id)
		if err != nil || b.State != Going && !(b.State == Asking && b.Late) {
			return err
		}
		waiting, err := t.undecided(b, bucketOutbox)
		if err != nil {
			return err
		}
		asks := false
		for _, p := range waiting {
			if p.State != PieceQueued || !p.late(t.now) {
				continue
			}
			if b.Away {
				return t.expire(p)
			}
			asks = true
			p.State, p.NotBefore = PieceAsking, time.Time{}
			if err := t.putPiece(p); err != nil {
				return err
			}
		}
		if !asks {
			return nil
		}
		return t.askNow(b)
	})
}

// askNow asks about the pieces of b that are asking, some of them since now: it has been sent in part, or was to be.
func (t *tx) askNow(b Batch) error {
	asked, err := t.undecided(b, bucketAsking)
	if err != nil {
		return err
	}
	for _, p := range asked { // also those asked about before: it is one question
		p.Since = t.now
		if err := t.putPiece(p); err != nil {
			return err
		}
	}
	b.State, b.Late, b.Asked, b.Waits = Asking, true, t.now, ""
	b.Shown = 0 // nobody would notice a change of an hour-old message
	b.Generation++
	return t.report(b, 0)
}
