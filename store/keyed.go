package store

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"peyk/internal/crashpoint"
	"peyk/sms"
)

// Some panels take a key with each SMS, and send what has the same key once. There a piece whose answer was lost is no question yet: the
// panel is asked for its keys, and what it does not have is sent again with the same ones. Until that is known the piece stays Sending, and Lost.

// settleAfter is how long the panel is left alone with a request whose answer was lost, before it is asked what it made of that.
var settleAfter = 60 * crashpoint.Second(time.Second) // in a test of crashes, sixty of its seconds

// mostSettling is the longest pause before a lost piece is asked about, and a little more.
var mostSettling = lookAgain[len(lookAgain)-1] + time.Second

// keysFrom is when keys began: a key is the milliseconds since then and 12 bits more. So they stay below 2^53 until 2089, and those of a restored
// backup are not those that were used since.
var keysFrom = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)

// newKeys returns the first of n keys that no SMS had.
func (t *tx) newKeys(n int) (int64, error) {
	meta := t.bucket(bucketMeta)
	var next int64
	if err := get(meta, keyKeys, &next); err != nil && !errors.Is(err, ErrNotFound) {
		return 0, err
	}
	first := max(next, t.now.Sub(keysFrom).Milliseconds()<<12)
	return first, put(meta, keyKeys, first+int64(n))
}

// keep notes whose panel p is handed to, and gives it its keys, unless it has them or takes none.
func (p *Piece) keep(t *tx, account string, keyed bool) (err error) {
	if keyed && p.Key == 0 {
		if p.Key, err = t.newKeys(p.N); err != nil {
			return err
		}
	}
	p.Account, p.Lost, p.Looks = account, false, 0
	return nil
}

// Lose notes that the answer to a reserved piece was lost which the panel can be asked about: see Lost.
func (s *Store) Lose(p Piece) error {
	return s.endPiece(p, func(t *tx, row *Piece, _ *Batch) error {
		row.lose(t)
		return nil
	})
}

func (p *Piece) lose(t *tx) {
	p.Lost, p.Lasted, p.NotBefore = true, p.Since, t.now.Add(settleAfter)
}

// Lost returns the pieces whose answer was lost and of which the panel is to be asked now, with their recipients, texts and keys, and when the next
// one will be; zero if there is none.
func (s *Store) Lost() (lost []Piece, next time.Time, err error) {
	err = s.view(func(t *tx) error {
		lost, next = nil, time.Time{}
		return t.pieces(bucketOutbox, 0, func(p Piece) (bool, error) {
			switch {
			case p.State != PieceSending || !p.Lost:
				return true, nil
			case PutOff(p.NotBefore, t.now, mostSettling):
				if next.IsZero() || p.NotBefore.Before(next) {
					next = p.NotBefore
				}
				return true, nil
			}
			for i := range p.N {
				m, err := t.sms(p.First + Seq(i))
				if err != nil {
					return false, err
				}
				if m.Reason.Withheld() {
					continue
				}
				p.To = append(p.To, m.Customer)
				if p.Key != 0 {
					p.Keys = append(p.Keys, p.key(m))
				}
				if m.Text != "" {
					p.Texts = append(p.Texts, m.Text)
				}
			}
			lost = append(lost, p)
			return true, nil
		})
	})
	return lost, next, err
}

// key returns the key of one of p's SMS.
func (p Piece) key(m SMS) int64 { return p.Key + int64(m.Seq-p.First) }

// Settle ends a piece that was Lost, as the panel says which of its SMS it has: ids are parallel to To, empty for one that it surely does not
// have. If all went out, the piece is Sent. Else it is queued again, to be sent with the same keys: what went out does not go out again. If it was
// called off meanwhile and nothing of it went out, it is dropped. The chat is told what was found.
func (s *Store) Settle(p Piece, ids []sms.ID) error {
	if len(ids) != len(p.To) {
		return fmt.Errorf("settle piece %d of batch %d: %d ids of %d SMS", p.I, p.Batch, len(ids), len(p.To))
	}
	missing := 0
	outcomes := make([]Outcome, len(ids))
	for i, id := range ids {
		if outcomes[i].ID = id; id == "" {
			missing++
		}
	}
	return s.endPiece(p, func(t *tx, row *Piece, b *Batch) error {
		if row.Lost = false; missing == 0 {
			b.Found += len(ids)
			return t.accept(row, b, outcomes, nil)
		}
		if row.State = PieceQueued; row.CalledOff && missing == len(ids) {
			return errors.Join(t.setPieceStatus(*row, sms.Queued, b), t.drop(b, row, Cancelled))
		}
		b.Found, b.Resent, row.NotBefore = b.Found+len(ids)-missing, b.Resent+missing, time.Time{}
		return t.setPieceStatus(*row, sms.Queued, b)
	})
}

// Untold notes that the panel refuses to tell of a piece that was Lost. It is asked again, as after a search in vain; after the last time the agents are.
func (s *Store) Untold(p Piece) error {
	return s.update(func(t *tx) error {
		row, err := t.piece(p.Batch, p.I)
		switch {
		case err != nil:
			return err
		case row.Looks >= len(lookAgain):
			return t.endPiece(p, makeUncertain)
		}
		return t.lookAgain(row)
	})
}

// Owed is of a line whose SMS must be read again, of a panel where that can be done. Its times are by the panel's clock, but for Restored.
type Owed struct {
	Begun time.Time // when they were taken by a fetch whose answer is not stored, at the earliest
	Since time.Time // and when nothing unread was left the last time before that: none of them is older; zero if that is not known
	Anew  bool      // or nobody knows what was taken, since a backup was made that was restored
}

// Owed returns the lines whose SMS must be read again.
func (s *Store) Owed() (owed map[sms.Number]Owed, err error) {
	err = s.view(func(t *tx) error {
		begun, emptied, err := t.owed()
		if err != nil {
			return err
		}
		anew, err := t.anew()
		owed = map[sms.Number]Owed{}
		for line, at := range begun {
			owed[line] = Owed{at, emptied[line], anew[line]}
		}
		return err
	})
	return owed, err
}

// OweRestored has lines be read again, of a store that was restored from a backup: nobody knows what was taken since that was made. It is now by the
// panel's clock. Without lines nothing can be read again. What was restored and is read by a Cursor is no matter of this.
func (s *Store) OweRestored(lines []sms.Number, now time.Time) error {
	return s.update(func(t *tx) error {
		begun, _, err := t.owed()
		if err != nil {
			return err
		}
		anew := map[sms.Number]bool{}
		for _, line := range lines {
			if anew[line] = true; begun[line].IsZero() {
				begun[line] = now
			}
		}
		if err := errors.Join(put(t.bucket(bucketMeta), keyOwed, begun), put(t.bucket(bucketMeta), keyAnew, anew)); err != nil {
			return err
		}
		return t.setRestored(false)
	})
}

// anew returns the lines that are read again because a backup was restored.
func (t *tx) anew() (lines map[sms.Number]bool, err error) {
	lines = map[sms.Number]bool{}
	if err = get(t.bucket(bucketMeta), keyAnew, &lines); errors.Is(err, ErrNotFound) {
		err = nil
	}
	return lines, err
}

func (t *tx) owed() (begun, emptied map[sms.Number]time.Time, err error) {
	begun, emptied = map[sms.Number]time.Time{}, map[sms.Number]time.Time{}
	err = get(t.bucket(bucketMeta), keyOwed, &begun)
	if err == nil || errors.Is(err, ErrNotFound) {
		err = get(t.bucket(bucketMeta), keyEmptied, &emptied)
	}
	if errors.Is(err, ErrNotFound) {
		err = nil
	}
	return begun, emptied, err
}

// BeginTaking is BeginFetch for a panel whose SMS can be read again: from now on those of line must be, until EndTaking. It is now by the panel's
// clock. It returns what is owed, which may be so for longer.
func (s *Store) BeginTaking(line sms.Number, now time.Time) (owed Owed, err error) {
	err = s.update(func(t *tx) error {
		begun, emptied, err := t.owed()
		if err != nil {
			return err
		}
		at, known := begun[line]
		if owed = (Owed{Begun: at, Since: emptied[line]}); known {
			return nil
		}
		owed.Begun, begun[line] = now, now
		return put(t.bucket(bucketMeta), keyOwed, begun)
	})
	return owed, err
}

// EndTaking notes that all SMS that were taken of line are stored, and, unless emptied is zero, that none was left unread then.
func (s *Store) EndTaking(line sms.Number, emptied time.Time) error {
	return s.update(func(t *tx) error {
		if err := t.taken(line, nil); err != nil || emptied.IsZero() {
			return err
		}
		_, all, err := t.owed()
		if err != nil {
			return err
		}
		all[line] = emptied
		return put(t.bucket(bucketMeta), keyEmptied, all)
	})
}

// Gone is EndTaking for SMS that cannot be read again any more: they are told of as lost.
func (s *Store) Gone(line sms.Number) error {
	return s.update(func(t *tx) error { return t.gone(line) })
}

func (t *tx) gone(line sms.Number) error {
	return t.taken(line, func(since time.Time) error {
		return t.addLoss(&Incident{Kind: FetchLost, From: since, To: since.Add(FetchLimit), Count: 1})
	})
}

func (t *tx) taken(line sms.Number, lost func(since time.Time) error) error {
	owed, _, err := t.owed()
	if err != nil {
		return err
	}
	since, known := owed[line]
	if !known {
		return nil
	}
	if lost != nil {
		if err := lost(since); err != nil {
			return err
		}
	}
	delete(owed, line)
	anew, err := t.anew()
	if err == nil && anew[line] {
		delete(anew, line)
		err = put(t.bucket(bucketMeta), keyAnew, anew)
	}
	return errors.Join(err, put(t.bucket(bucketMeta), keyOwed, owed))
}

// identified tells whether the panel names each of the SMS by an id.
func identified(messages []sms.Message) bool {
	return len(messages) > 0 && !slices.ContainsFunc(messages, func(m sms.Message) bool { return m.InboxID == "" })
}
