package store

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"peyk/sms"
)

// Commit is what one transaction of the writer came to, for metrics.
type Commit struct {
	Took      time.Duration
	Err       error                // nothing of it was stored
	Incidents map[IncidentKind]int // begun
	Statuses  map[sms.Status]int   // for how many SMS the panel reported a status that is new
}

// tally adds one to a count of what a transaction brings about.
func tally[K comparable](counts *map[K]int, of K) {
	if *counts == nil {
		*counts = map[K]int{}
	}
	(*counts)[of]++
}

// Stats is what waits in the store at a moment.
type Stats struct {
	Posts       int       // to be shown, that wait for their turn in their chat
	Unrouted    int       // to be shown, that no chat shows
	OldestSMS   time.Time // when the first SMS of these came; zero if there is none
	Pieces      int       // to be sent, or being sent
	OldestOrder time.Time // when the first order was given of which there are such pieces; zero if there are none
	Uncertain   int       // pieces nobody knows the fate of
	Undecoded   int       // answers of the panel that were not decoded yet, or could not be
	Size        int64     // of the file, in bytes
}

// Stats counts what waits, without reading what is done.
func (s *Store) Stats() (Stats, error) {
	var n Stats
	err := s.view(func(t *tx) error {
		n = Stats{Size: t.Size()}
		oldest := Seq(0)
		rows := t.bucket(bucketPost)
		c := rows.Cursor()
		for key, _ := c.First(); key != nil; { // from chat to chat: a hundred thousand may wait
			chat := readI64[sms.ChatID](key[:8])
			for ; key != nil && chat == 0 && readI64[sms.ChatID](key[:8]) == 0; key, _ = c.Next() {
				n.Unrouted++
			}
			for _, class := range inbound {
				first, _ := c.Seek(postKey(chat, class, 0))
				if !ofClass(first, chat, class) {
					continue
				}
				if seq := Seq(binary.BigEndian.Uint64(first[9:])); oldest == 0 || seq < oldest {
					oldest = seq
				}
			}
			key, _ = c.Seek(i64(chat + 1))
		}
		n.Posts = rows.Stats().KeyN - n.Unrouted // counted by pages
		if oldest != 0 {
			m, err := t.sms(oldest)
			if err != nil {
				return err
			}
			n.OldestSMS = m.Received
		}
		if first, _ := t.bucket(bucketOutbox).Cursor().First(); first != nil {
			b, err := t.batch(BatchID(binary.BigEndian.Uint64(first)))
			if err != nil {
				return err
			}
			n.OldestOrder = b.Created
		}
		n.Pieces, n.Uncertain, n.Undecoded = count(t.bucket(bucketOutbox)), count(t.bucket(bucketUncertain)), count(t.bucket(bucketRaw))
		return nil
	})
	return n, err
}

// errAsked ends the transaction of Alive, so that nothing is written.
var errAsked = errors.New("asked only")

// Alive returns nil when the writer answers before ctx ends. It writes nothing: a full disk does not fail it.
func (s *Store) Alive(ctx context.Context) error {
	w := write{fn: func(*tx) error { return errAsked }, done: make(chan error, 1)}
	select {
	case s.writes <- w:
	case <-s.done:
		return ErrClosed
	case <-ctx.Done():
		return fmt.Errorf("the store's writer takes nothing: %w", ctx.Err())
	}
	select {
	case <-w.done:
		return nil
	case <-s.done:
		return ErrClosed
	case <-ctx.Done():
		return fmt.Errorf("the store's writer does not answer: %w", ctx.Err())
	}
}
