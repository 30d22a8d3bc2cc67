package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	bolt "go.etcd.io/bbolt"

	"peyk/sms"
)

// Check reads the whole file and returns every inconsistency: pages that are damaged, and indexes that disagree with their rows.
func (s *Store) Check() error {
	var found []error
	wrong := func(format string, args ...any) { found = append(found, fmt.Errorf(format, args...)) }
	if err := s.checkPages(); err != nil { // rows of broken pages cannot be read
		return err
	}
	err := s.view(func(t *tx) error {
		switch schema := schemaOf(t.Tx); {
		case schema == 0:
			return ErrDamaged
		case schema < len(migrations): // earlier schemas have other rules
			return nil
		}
		for _, name := range buckets {
			if t.Bucket(name) == nil { // its name may be damaged, and the page sound
				wrong("no bucket %q", name)
			}
		}
		if len(found) > 0 {
			return nil
		}
		for _, check := range []func(func(string, ...any)) error{t.checkRecords, t.checkPieces, t.checkBatches, t.checkSMS, t.checkPosts, t.checkTaken, t.checkCustomers, t.checkHistory, t.checkImports, t.checkWaiting, t.checkWishes, t.checkScheduled} {
			if err := check(wrong); err != nil {
				return err
			}
		}
		return nil
	})
	return errors.Join(append(found, err)...)
}

// checkPages looks through all pages of the last transaction.
func (s *Store) checkPages() error {
	s.syncing.RLock()
	b, err := s.db.Begin(false) // until it ends, its pages are not overwritten
	var m metaPage
	if err == nil {
		m, err = readMetas(s.file, uint64(b.ID()))
	}
	s.syncing.RUnlock()
	if b == nil {
		return err
	}
	defer b.Rollback()
	info, failed := s.file.Stat()
	if err := errors.Join(err, failed); err != nil {
		return err
	}
	return checkPages(s.file, info.Size(), m)
}

// holds tells whether key is in a bucket whose values may be empty, which Get cannot tell from none.
func (t *tx) holds(bucket, key []byte) bool {
	k, _ := t.bucket(bucket).Cursor().Seek(key)
	return bytes.Equal(k, key)
}

// recordsAlone are the buckets whose rows no index names, with what they hold.
var recordsAlone = []struct {
	bucket []byte
	record func() any
}{
	{bucketRaw, func() any { return new(Raw) }},
	{bucketChat, func() any { return new(Chat) }},
	{bucketAgent, func() any { return new(Agent) }},
	{bucketIncident, func() any { return new(Incident) }},
	{bucketSpent, func() any { return new(int) }},
	{bucketCredit, func() any { return new(creditDay) }},
	{bucketCanned, func() any { return new(Canned) }},
	{bucketContacts, func() any { return new([]Contact) }},
	{bucketBlocked, func() any { return new(Block) }},
	{bucketSnoozed, func() any { return new(Snooze) }},
}

// metaRows are the rows of meta but for the schema's number, with what they hold.
var metaRows = []struct {
	key    []byte
	record func() any
}{
	{keyRunning, func() any { return new(time.Time) }},
	{keyEnded, func() any { return new(time.Time) }},
	{keyFetch, func() any { return new(time.Time) }},
	{keyOwed, func() any { return new(map[sms.Number]time.Time) }},
	{keyAnew, func() any { return new(map[sms.Number]bool) }},
	{keyPanel, func() any { return new(atPanel) }},
	{keyEmptied, func() any { return new(map[sms.Number]time.Time) }},
	{keyCursor, func() any { return new(Cursor) }},
	{keyKeys, func() any { return new(int64) }},
	{keySilent, func() any { return new(time.Time) }},
	{keyLow, func() any { return new(time.Time) }},
	{keyRestored, func() any { return new(uint64) }},
	{keyLog, func() any { return new(string) }},
	{keyEntry, func() any { return new(uint64) }},
	{keyForget, func() any { return new([]forgetting) }},
	{keyClosed, func() any { return new([]string) }},
	{keyAway, func() any { return new(awayRow) }},
	{keyHeld, func() any { return new(hold) }},
	{keyFetched, func() any { return new(time.Time) }},
	{keyPruned, func() any { return new(pruned) }},
	{keyNewest, func() any { return new(time.Time) }},
	{keyClock, func() any { return new(clockRow) }},
	{keyLastAnswer, func() any { return new(lastAnswer) }},
	{keyRepeats, func() any { return new(time.Time) }},
	{keyOrder, func() any { return new(int) }},
}

// checkRecords: what no other check reads can be read.
func (t *tx) checkRecords(wrong func(string, ...any)) error {
	for _, of := range recordsAlone {
		err := t.bucket(of.bucket).ForEach(func(key, value []byte) error {
			if err := decode(value, of.record()); err != nil {
				wrong("a row of %s cannot be read: %v", of.bucket, err)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	for _, row := range metaRows {
		if err := get(t.bucket(bucketMeta), row.key, row.record()); err != nil && !errors.Is(err, ErrNotFound) {
			wrong("row %q of meta cannot be read: %v", row.key, err)
		}
	}
	return nil
}

// checkPieces: the indexes name exactly the pieces in their states.
func (t *tx) checkPieces(wrong func(string, ...any)) error {
	err := t.bucket(bucketPiece).ForEach(func(key, value []byte) error {
		p, err := readPiece(key, value)
		if err != nil {
			return err
		}
		for _, index := range pieceIndexes {
			if in := slices.Contains(index.states, p.State); in != t.holds(index.bucket, key) {
				wrong("piece %d of batch %d is %s, in %s: %t", p.I, p.Batch, p.State, index.bucket, !in)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, index := range pieceIndexes {
		err := t.bucket(index.bucket).ForEach(func(key, _ []byte) error {
			if t.bucket(bucketPiece).Get(key) == nil {
				wrong("%s names a piece that is not there", index.bucket)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// checkBatches: a batch counts its recipients right, and its chat knows of it.
func (t *tx) checkBatches(wrong func(string, ...any)) error {
	uncertain := map[BatchID]int{}
	err := t.bucket(bucketPiece).ForEach(func(key, value []byte) error {
		p, err := readPiece(key, value)
		if p.State == PieceUncertain {
			uncertain[p.Batch] += p.reaches()
		}
		return err
	})
	if err != nil {
		return err
	}
	if orders, batches := count(t.bucket(bucketChatBatch)), count(t.bucket(bucketBatch)); orders != batches {
		wrong("chats name %d batches, there are %d", orders, batches)
	}
	return t.bucket(bucketBatch).ForEach(func(key, value []byte) error {
		b := Batch{ID: BatchID(binary.BigEndian.Uint64(key))}
		if err := decode(value, &b); err != nil {
			return err
		}
		got := Batch{}
		if b.Bulk != nil {
			got.Bulk = &Bulk{Own: b.Bulk.Own}
		}
		for i := range b.N {
			m, err := t.sms(b.First + Seq(i))
			if err != nil {
				wrong("recipient %d of batch %d: %v", i, b.ID, err)
				continue
			}
			got.count(m, +1)
			if b.own() {
				got.Bulk.Parts += m.Parts
			}
			if b.own() && m.Text == "" && m.Customer != "" {
				wrong("sms %d of batch %d has no text", m.Seq, b.ID)
			}
		}
		if got.Counts != b.Counts || got.NoReport != b.NoReport || got.Withheld != b.Withheld {
			wrong("batch %d counts %v, %d without report, %d withheld, its recipients are %v, %d, %d", b.ID, b.Counts, b.NoReport, b.Withheld, got.Counts, got.NoReport, got.Withheld)
		}
		if b.Bulk != nil && (got.Bulk.Parts != b.Bulk.Parts || !maps.Equal(got.Bulk.LeftOut, b.Bulk.LeftOut)) {
			wrong("batch %d takes %d parts and leaves out %v, its SMS %d and %v", b.ID, b.Bulk.Parts, b.Bulk.LeftOut, got.Bulk.Parts, got.Bulk.LeftOut)
		}
		if !t.holds(bucketChatBatch, chatBatchKey(b.Chat, b.ID)) {
			wrong("batch %d was ordered in chat %d, which does not name it", b.ID, b.Chat)
		}
		if uncertain[b.ID] != b.Uncertain {
			wrong("batch %d counts %d uncertain, its pieces say %d", b.ID, b.Uncertain, uncertain[b.ID])
		}
		return nil
	})
}

// checkSMS: id and due name each other's SMS; seen names SMS that are there or were pruned.
func (t *tx) checkSMS(wrong func(string, ...any)) error {
	due := 0
	err := t.bucket(bucketSMS).ForEach(func(key, value []byte) error {
		m, err := readSMS(key, value)
		if err != nil {
			return err
		}
		if !m.Due.IsZero() {
			due++
			if !t.holds(bucketDue, dueKey(m.Due, m.Seq)) {
				wrong("sms %d is due, due does not name it", m.Seq)
			}
		}
		// If a panel gave an id twice, id names the later SMS: only that there is a row can be checked.
		if m.ID != "" && t.bucket(bucketID).Get([]byte(m.ID)) == nil {
			wrong("sms %d has an id that id does not name", m.Seq)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if n := count(t.bucket(bucketDue)); n != due {
		wrong("due has %d rows, %d SMS are due", n, due)
	}
	var forgotten pruned
	if err := t.pruned(&forgotten); err != nil {
		return err
	}
	return t.bucket(bucketSeen).ForEach(func(_, value []byte) error {
		seq, _, err := t.readSeen(value)
		if err != nil {
			return err
		}
		if _, err := t.sms(seq); seq > forgotten.Seq && err != nil {
			wrong("seen names sms %d: %v", seq, err)
		}
		return nil
	})
}

// checkPosts: every post, refused post and shown message is about something that is there, or that was pruned; while SMS wait
// for a chat, the team was told.
func (t *tx) checkPosts(wrong func(string, ...any)) error {
	for _, bucket := range [][]byte{bucketPost, bucketDead} {
		err := t.bucket(bucket).ForEach(func(key, value []byte) error {
			p, err := readPost(key, value)
			if err != nil {
				return err
			}
			switch p.Kind {
			case PostSMS:
				_, err = t.sms(p.Seq)
				if p.Chat == 0 && t.bucket(bucketMeta).Get(keySilent) == nil {
					wrong("sms %d waits for a chat and nobody was told", p.Seq)
				}
			case PostBatch, PostMark:
				_, err = t.batch(p.Batch)
			case PostIncident:
				var i Incident
				err = get(t.bucket(bucketIncident), u64(p.Incident), &i)
			case PostCard:
				if string(bucket) == string(bucketPost) { // a refused one may outlive what it was about
					_, err = t.bound(sms.Place{Chat: p.Chat, Topic: p.Topic})
				}
			}
			if err != nil {
				wrong("%s %d of chat %d: %v", bucket, p.ID, p.Chat, err)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	var forgotten pruned // what a message shows and rows of seen may outlive what they name
	if err := t.pruned(&forgotten); err != nil {
		return err
	}
	return t.bucket(bucketShows).ForEach(func(key, value []byte) error {
		var l Shown
		if err := decode(value, &l); err != nil {
			return err
		}
		for _, seq := range append(l.Seqs, l.Seq) {
			if _, err := t.sms(seq); seq > forgotten.Seq && err != nil {
				wrong("a message shows sms %d: %v", seq, err)
			}
		}
		if _, err := t.batch(l.Batch); l.Batch > forgotten.Batch && err != nil {
			wrong("a message shows batch %d: %v", l.Batch, err)
		}
		return nil
	})
}

// checkTaken: taken and taken_day have the same keys.
func (t *tx) checkTaken(wrong func(string, ...any)) error {
	if taken, days := count(t.bucket(bucketTaken)), count(t.bucket(bucketTakenDay)); taken != days {
		wrong("taken has %d rows, taken_day %d", taken, days)
	}
	return t.bucket(bucketTakenDay).ForEach(func(key, _ []byte) error {
		if t.bucket(bucketTaken).Get(key[4:]) == nil {
			wrong("taken_day names an update that taken does not")
		}
		return nil
	})
}

// checkCustomers: customers and the places that belong to them name each other, and each place has a row of its own in the post queue.
func (t *tx) checkCustomers(wrong func(string, ...any)) error {
	places, rows := 0, map[uint64]bool{}
	err := t.bucket(bucketCustomer).ForEach(func(key, value []byte) error {
		c := Customer{Number: sms.Number(key)}
		if err := decode(value, &c); err != nil {
			return err
		}
		for _, p := range c.places() {
			places++
			if b, err := t.bound(p); err != nil || b.Customer != c.Number {
				wrong("topic %d of chat %d is a customer's and does not say so: %v", p.Topic, p.Chat, err)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if bound := count(t.bucket(bucketBound)); bound != places {
		wrong("%d topics and chats belong to customers, who name %d", bound, places)
	}
	return t.bucket(bucketBound).ForEach(func(key, value []byte) error {
		b, err := readBound(key, value)
		if err == nil && rows[b.Post] {
			wrong("topic %d of chat %d shares its row of the post queue", b.Topic, b.Chat)
		}
		rows[b.Post] = true
		return err
	})
}

func count(b interface{ Cursor() *bolt.Cursor }) int {
	n := 0
	c := b.Cursor()
	for key, _ := c.First(); key != nil; key, _ = c.Next() {
		n++
	}
	return n
}
