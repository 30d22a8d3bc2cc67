package store

import (
	"errors"
	"slices"
	"time"

	"peyk/sms"
)

// Some panels take no keys, but can be searched for what was accepted. That proves that an order was accepted, if there is exactly one that is like
// it and is nobody else's; it never proves that it was not, as a panel may know later. There a piece whose answer was lost is looked for a few
// times before it is asked about.

// lookAgain is when the panel is asked again about a piece that it did not find, or refused to tell of, since the time before.
var lookAgain = []time.Duration{settleAfter, 5 * settleAfter, 15 * settleAfter}

// Match takes in what a search found of a piece that was Lost: for each of its SMS, the panel's ids of all that is like it. Those that other SMS have
// are not its. If each is there exactly once, and no other open order may be what was found, the piece is Sent. Else it is looked for again, or the
// agents are asked after the last time; of a piece of which some were found for certain, only those not found are unclear.
func (s *Store) Match(p Piece, alike [][]sms.ID) error {
	return s.update(func(t *tx) error {
		row, err := t.piece(p.Batch, p.I)
		if err != nil {
			return err
		}
		b, err := t.batch(p.Batch)
		if err != nil {
			return err
		}
		rivals, err := t.rivals(p, b)
		if err != nil {
			return err
		}
		found, outcomes := 0, make([]Outcome, len(p.To))
		for i := range p.To {
			if id := t.only(alike, i); id != "" && !rivals[i] && !slices.ContainsFunc(outcomes, func(o Outcome) bool { return o.ID == id }) {
				outcomes[i].ID = id
				found++
				continue
			}
			outcomes[i] = Outcome{Reason: sms.Unclear}
		}
		last := row.Looks >= len(lookAgain)
		switch {
		case found == len(p.To), found > 0 && last:
			return t.endPiece(p, func(t *tx, row *Piece, b *Batch) error {
				row.Lost = false
				b.Matched, b.Unmatched = b.Matched+found, b.Unmatched+len(p.To)-found
				return t.accept(row, b, outcomes, nil)
			})
		case last:
			return t.endPiece(p, func(t *tx, row *Piece, b *Batch) error {
				b.Unmatched += len(p.To)
				return makeUncertain(t, row, b)
			})
		}
		return t.lookAgain(row)
	})
}

// lookAgain has the panel be asked once more about a piece that was lost.
func (t *tx) lookAgain(p Piece) error {
	p.NotBefore = t.now.Add(lookAgain[p.Looks])
	p.Looks++
	return t.putPiece(p)
}

// only returns the one id that may be the i-th SMS's and is no other's; empty if there is none, or more.
func (t *tx) only(alike [][]sms.ID, i int) (id sms.ID) {
	for _, one := range alike[i] {
		switch {
		case t.bucket(bucketID).Get([]byte(one)) != nil:
		case id != "":
			return ""
		default:
			id = one
		}
	}
	return id
}

// saying is what a search cannot tell apart.
type saying struct {
	customer sms.Number
	text     string
}

// rivals tells which SMS of p another piece has, too, that may have been accepted without our knowing its id: it is being sent, was lost, or is
// asked about.
func (t *tx) rivals(p Piece, b Batch) ([]bool, error) {
	found := make([]bool, len(p.To))
	look := func(other Piece) (bool, error) {
		open := other.State == PieceSending || other.State == PieceUncertain || other.MaybeSent && other.State == PieceQueued
		if other.Batch == p.Batch && other.I == p.I || !open {
			return true, nil
		}
		of, err := t.batch(other.Batch)
		if err != nil || of.Line != b.Line || of.Text != b.Text && of.Text != "" && b.Text != "" {
			return err == nil, err
		}
		has := map[saying]bool{}
		for i := range other.N {
			m, err := t.sms(other.First + Seq(i))
			if err != nil {
				return false, err
			}
			text := m.Text
			if text == "" {
				text = of.Text
			}
			has[saying{m.Customer, text}] = true
		}
		for i, to := range p.To {
			text := b.Text
			if len(p.Texts) > 0 {
				text = p.Texts[i]
			}
			found[i] = found[i] || has[saying{to, text}]
		}
		return slices.Contains(found, false), nil
	}
	return found, errors.Join(t.pieces(bucketOutbox, 0, look), t.pieces(bucketUncertain, 0, look))
}
