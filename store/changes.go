package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"

	bolt "go.etcd.io/bbolt"
)

// Changes are all that one transaction changes of a file, in bytes of their own: applied to an equal file they make it equal again. They hold, for
// each bucket with a change, its name, its sequence and what each key that was written holds at the end; nothing of how it came to that, and nothing of
// pages.
//
//	changes = version u8, bucket*
//	bucket  = name, 0                                  the bucket is gone
//	        | name, 1, sequence, how many rows, row*
//	row     = key, 0                                   the key is gone
//	        | key, 1, value
//
// Numbers are uvarints, names, keys and values have their length before them; buckets and rows are in their order.
type Changes []byte

const changesVersion = 1

// Journal keeps the changes of each transaction before the file has them. entry counts those transactions of a file: if the file is later found without it,
// as after a crash, applying the changes gives it what it lacks. Journal returns nil once they are kept, and may take as long as that takes. After an error,
// when they are perhaps kept, the transaction is not committed and the store is stuck, as it is when the file does not take what the journal has.
type Journal func(entry uint64, changes Changes) error

// errJournal is why a store is stuck whose journal did not take the changes.
var errJournal = errors.New("the journal did not take what was to be written")

// written are the keys that a transaction wrote, of each bucket; "", which no row has, stands for the bucket's sequence. It is nil without a journal.
type written map[string]map[string]struct{}

// bucket is one of the buckets of a transaction that notes what is written to it.
type bucket struct {
	*bolt.Bucket
	written map[string]struct{} // nil when nobody wants to know
}

func (b bucket) note(key []byte) {
	if b.written != nil {
		b.written[string(key)] = struct{}{}
	}
}

func (b bucket) Put(key, value []byte) error {
	b.note(key)
	return b.Bucket.Put(key, value)
}

func (b bucket) Delete(key []byte) error {
	b.note(key)
	return b.Bucket.Delete(key)
}

func (b bucket) NextSequence() (uint64, error) {
	b.note(nil)
	return b.Bucket.NextSequence()
}

func (b bucket) SetSequence(n uint64) error {
	b.note(nil)
	return b.Bucket.SetSequence(n)
}

// noting returns the keys that are written to a bucket, to be added to.
func (w written) noting(name []byte) map[string]struct{} {
	if w == nil {
		return nil
	}
	keys := w[string(name)]
	if keys == nil {
		keys = map[string]struct{}{}
		w[string(name)] = keys
	}
	return keys
}

// changes returns what b changed, nil if nothing.
func (w written) changes(b *bolt.Tx) (Changes, error) {
	var c Changes
	for _, name := range slices.Sorted(maps.Keys(w)) {
		keys := w[name]
		if len(keys) == 0 {
			continue
		}
		rows := b.Bucket([]byte(name))
		delete(keys, "")
		c = c.bucket([]byte(name), rows, len(keys))
		cursor := rows.Cursor()
		for _, key := range slices.Sorted(maps.Keys(keys)) {
			at, value := cursor.Seek([]byte(key))
			c = c.row([]byte(key), value, bytes.Equal(at, []byte(key)))
		}
	}
	return c, nil
}

func (c Changes) bytes(b []byte) Changes {
	return append(binary.AppendUvarint(c, uint64(len(b))), b...)
}

func (c Changes) bucket(name []byte, rows *bolt.Bucket, n int) Changes {
	if c == nil {
		c = Changes{changesVersion}
	}
	c = c.bytes(name)
	if rows == nil {
		return append(c, 0)
	}
	c = binary.AppendUvarint(append(c, 1), rows.Sequence())
	return binary.AppendUvarint(c, uint64(n))
}

func (c Changes) row(key, value []byte, there bool) Changes {
	c = c.bytes(key)
	if !there {
		return append(c, 0)
	}
	return append(c, 1).bytes(value)
}

// differences returns what leads from one state of a file to another, by reading both: of a migration, which writes as it likes.
func differences(before, after *bolt.Tx) (Changes, error) {
	var c Changes
	err := before.ForEach(func(name []byte, _ *bolt.Bucket) error {
		if after.Bucket(name) == nil {
			c = c.bucket(name, nil, 0)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	err = after.ForEach(func(name []byte, rows *bolt.Bucket) error {
		was := before.Bucket(name)
		n := 0
		var changed Changes
		row := func(key, value []byte, there bool) {
			n++
			changed = changed.row(key, value, there)
		}
		cursor := rows.Cursor()
		key, value := cursor.First()
		var old *bolt.Cursor
		var oldKey, oldValue []byte
		if was != nil {
			old = was.Cursor()
			oldKey, oldValue = old.First()
		}
		for key != nil || oldKey != nil {
			switch order := compareKeys(oldKey, key); {
			case order < 0:
				row(oldKey, nil, false)
				oldKey, oldValue = old.Next()
			case order > 0:
				row(key, value, true)
				key, value = cursor.Next()
			default:
				if !bytes.Equal(oldValue, value) {
					row(key, value, true)
				}
				oldKey, oldValue = old.Next()
				key, value = cursor.Next()
			}
		}
		if n > 0 || was == nil || was.Sequence() != rows.Sequence() {
			c = append(c.bucket(name, rows, n), changed...)
		}
		return nil
	})
	return c, err
}

// compareKeys has nil, the end, after every key.
func compareKeys(a, b []byte) int {
	switch {
	case a == nil && b == nil:
		return 0
	case a == nil:
		return 1
	case b == nil:
		return -1
	}
	return bytes.Compare(a, b)
}

// apply writes the changes to a file of equal content to that which they were made of.
func (c Changes) apply(b *bolt.Tx) error {
	if len(c) == 0 || c[0] != changesVersion {
		return fmt.Errorf("changes of another version than %d, which this peyk knows", changesVersion)
	}
	r := changesReader{rest: c[1:]}
	for len(r.rest) > 0 && !r.short {
		name := r.bytes()
		if r.byte() == 0 {
			if r.short {
				break
			}
			if err := b.DeleteBucket(name); err != nil {
				return err
			}
			continue
		}
		sequence, n := r.uvarint(), r.uvarint()
		if r.short {
			break
		}
		rows, err := b.CreateBucketIfNotExists(name)
		if err != nil {
			return err
		}
		rows.FillPercent = 0.9
		if err := rows.SetSequence(sequence); err != nil {
			return err
		}
		for ; n > 0 && !r.short; n-- {
			key, there := r.bytes(), r.byte()
			value := r.rest[:0]
			if there == 1 {
				value = r.bytes()
			}
			switch {
			case r.short:
			case there == 1:
				err = rows.Put(key, value)
			default:
				err = rows.Delete(key)
			}
			if err != nil {
				return err
			}
		}
	}
	if r.short {
		return errors.New("changes are cut short, or none of peyk's")
	}
	return nil
}

// changesReader reads what Changes are made of; short is set where it ends too early, and then all it returns is zero.
type changesReader struct {
	rest  []byte
	short bool
}

func (r *changesReader) byte() byte {
	if len(r.rest) == 0 || r.rest[0] > 1 {
		r.short, r.rest = true, nil
		return 0
	}
	b := r.rest[0]
	r.rest = r.rest[1:]
	return b
}

func (r *changesReader) uvarint() uint64 {
	n, size := binary.Uvarint(r.rest)
	if size <= 0 {
		r.short, r.rest = true, nil
		return 0
	}
	r.rest = r.rest[size:]
	return n
}

func (r *changesReader) bytes() []byte {
	n := r.uvarint()
	if n > uint64(len(r.rest)) {
		r.short, r.rest = true, nil
		return nil
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

// noting returns where a transaction notes what it writes.
func (s *Store) noting() written {
	if s.opts.Journal == nil {
		return nil
	}
	return written{}
}

// keep has the journal keep what b changed, if anything, and counts it in the file: not among the changes, as whoever applies them counts too.
func (s *Store) keep(b *bolt.Tx, changes func(*bolt.Tx) (Changes, error)) (kept bool, err error) {
	if s.opts.Journal == nil {
		return false, nil
	}
	c, err := changes(b)
	if err != nil || c == nil {
		return false, err
	}
	if err := put(bucket{Bucket: b.Bucket(bucketMeta)}, keyEntry, s.entry+1); err != nil {
		return false, err
	}
	if err := s.opts.Journal(s.entry+1, c); err != nil {
		return false, fmt.Errorf("%w: %w", errJournal, err)
	}
	return true, nil
}

// placeOf returns which journal's entries a file has, and how many of them; "" and 0 if it has none.
func placeOf(b *bolt.Tx) (log string, entry uint64, err error) {
	meta := b.Bucket(bucketMeta)
	if meta == nil || meta.Get(keyLog) == nil {
		return "", 0, nil
	}
	rows := bucket{Bucket: meta}
	err = errors.Join(get(rows, keyLog, &log), get(rows, keyEntry, &entry))
	return log, entry, err
}
