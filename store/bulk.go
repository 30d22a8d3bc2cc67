package store

import (
	"errors"
	"slices"
	"time"

	"peyk/sms"
)

// A bulk order comes from a file: each of its rows is an SMS, also those that are left out, so that the file of what became of them has all. Texts that
// differ stand with the SMS; one for all stands with the batch, as ever.

// Row is a row of a file that orders an SMS.
type Row struct {
	N     int // its number in the file
	To    sms.Number
	Text  string     // its own; empty if all have the order's
	Parts int        // of Text
	Why   sms.Reason // why it is left out; sms.NoReason if it is not, as far as the caller knows
}

// Bulk is what a batch has besides if it comes from a file.
type Bulk struct {
	Own     bool               `json:"own,omitempty"`      // each SMS has a text of its own
	Parts   int                `json:"parts,omitempty"`    // then: of all that are sent, together
	LeftOut map[sms.Reason]int `json:"left_out,omitempty"` // how many are, and why
	Filed   bool               `json:"filed,omitempty"`    // what became of each was told by a file, since something was last sent

	// What the question says, of all texts.
	Least   int           `json:"least,omitempty"` // parts of the shortest text, and of the longest
	Most    int           `json:"most,omitempty"`
	Unicode int           `json:"unicode,omitempty"` // how many texts are not in the GSM alphabet, the row of the first, and what forced it
	Row     int           `json:"row,omitempty"`
	Forced  rune          `json:"forced,omitempty"`
	Abroad  int           `json:"abroad,omitempty"` // recipients
	Words   []string      `json:"words,omitempty"`  // that operators may not deliver
	Takes   time.Duration `json:"takes,omitempty"`  // how long the panel takes, as it was then
}

// Lone tells whether b is for one recipient, not from a file.
func (b Batch) Lone() bool { return b.N == 1 && b.Bulk == nil }

// own tells whether the SMS of b have texts of their own.
func (b Batch) own() bool { return b.Bulk != nil && b.Bulk.Own }

// leaveOut counts m among those that are left out, or takes it from them.
func (b *Bulk) leaveOut(m SMS, by int) {
	if b.LeftOut == nil {
		b.LeftOut = map[sms.Reason]int{}
	}
	if b.LeftOut[m.Reason] += by; b.LeftOut[m.Reason] == 0 {
		delete(b.LeftOut, m.Reason)
	}
	if b.Own {
		b.Parts -= by * m.Parts
	}
}

// rows returns what o orders, a slice for each piece.
func (o Order) rows() [][]Row {
	if o.Bulk != nil {
		return slices.Collect(slices.Chunk(o.Rows, pieceSize))
	}
	pieces := make([][]Row, len(o.Pieces))
	for i, to := range o.Pieces {
		for _, n := range to {
			pieces[i] = append(pieces[i], Row{To: n})
		}
	}
	return pieces
}

// pieceSize is how many rows of a file one request is for, as panels take.
const pieceSize = 60

// leaveOut notes in the rows of a file who gets nothing of it, and which are more than the agent may order today.
func (t *tx) leaveOut(o Order) error {
	spent, err := t.afford(o.Agent, 0)
	if err != nil && !isOverCap(err) {
		return err
	}
	nobody := t.empty(bucketWish) && t.empty(bucketBlocked)
	for i := range o.Rows {
		row := &o.Rows[i]
		if row.Why == sms.NoReason && !nobody {
			if row.Why, err = t.withheld(sms.Conversation{Line: o.Line, Customer: row.To}); err != nil {
				return err
			}
		}
		if row.Why != sms.NoReason {
			continue
		}
		parts := max(row.Parts, o.Parts, 1)
		if limit := t.store.opts.DailyParts; limit > 0 && spent+parts > limit {
			row.Why = sms.AboveCap
			continue
		}
		spent += parts
	}
	return nil
}

func isOverCap(err error) bool {
	_, is := errors.AsType[*OverCap](err)
	return is
}

// AddOrder stores an order from a file, whose update was taken before the file was read.
func (s *Store) AddOrder(o Order) (Batch, error) {
	var b Batch
	err := s.update(func(t *tx) (err error) {
		o := o
		o.Rows = slices.Clone(o.Rows) // this may run again
		b, err = t.addBatch(o)
		return err
	})
	return b, err
}

// Postponed returns the rows of a bulk order that was put off, as they stand in it, but for customers who were forgotten. Who is left out, but for
// who stands in the file twice, is looked at again when they are ordered. The error is ErrNotFound if it is kept no more.
func (s *Store) Postponed(id BatchID) (rows []Row, bulk *Bulk, err error) {
	b, err := s.Batch(id)
	if err != nil {
		return nil, nil, err
	}
	b.Text = "" // which stands in the order for later
	err = s.Result(b, func(m SMS, _ PieceState) error {
		if m.Customer == "" {
			return nil
		}
		row := Row{N: m.Row, To: m.Customer, Text: m.Text, Parts: m.Parts}
		if m.Reason == sms.Twice {
			row.Why = m.Reason
		}
		rows = append(rows, row)
		return nil
	})
	bulk = b.Bulk
	bulk.Parts, bulk.LeftOut, bulk.Filed = 0, nil, false
	return rows, bulk, err
}

// AllParts returns how many parts those SMS of b take together that are not left out.
func (b Batch) AllParts() int { return b.cost() }

// ended tells whether nothing of b is being sent, or will be unless an agent decides so.
func (b *Batch) ended() bool {
	return b.State == Going && b.Counts[sms.Queued] == b.Dropped && b.inFlight() == 0
}

// file queues the file of what became of each row of b, once nothing is being sent any more. The caller stores b.
func (t *tx) file(b *Batch) error {
	if b.Bulk == nil || b.Bulk.Filed == b.ended() {
		return nil
	}
	if b.Bulk.Filed = b.ended(); !b.Bulk.Filed {
		return nil
	}
	_, err := t.addPost(Post{Chat: b.Chat, Topic: b.Topic, ReplyTo: b.Message, Kind: PostResult, Batch: b.ID})
	return err
}

// Result calls yield with each SMS of a batch and the state of its piece, in their order. The file is read in short pieces: what changes meanwhile may be
// told as it was or as it is.
func (s *Store) Result(b Batch, yield func(SMS, PieceState) error) error {
	for i := 0; ; i++ {
		var p Piece
		var found []SMS
		err := s.view(func(t *tx) (err error) {
			if p, err = t.piece(b.ID, i); err != nil {
				return err
			}
			found = make([]SMS, p.N)
			for at := range found {
				if found[at], err = t.sms(p.First + Seq(at)); err != nil {
					return err
				}
			}
			return nil
		})
		if errors.Is(err, ErrNotFound) && i > 0 {
			return nil
		}
		if err != nil {
			return err
		}
		for _, m := range found {
			if m.Text == "" && m.Customer != "" {
				m.Text = b.Text
			}
			if err := yield(m, p.State); err != nil {
				return err
			}
		}
	}
}
