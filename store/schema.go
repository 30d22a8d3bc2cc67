package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"time"

	bolt "go.etcd.io/bbolt"

	"peyk/internal/crashpoint"
)

// migrations lead from each schema to the next: the i-th from schema i to i+1. Each runs in one transaction that also stores the new number, so
// that a crash in it leaves the file at one schema or the other.
//
// A migration that was released is never changed, nor is anything it calls, as files that went through it will not do so again. So each names its
// buckets itself, and reads rows with types of its own.
var migrations = []func(*bolt.Tx) error{
	func(t *bolt.Tx) error {
		return makeBuckets(t, "meta", "raw", "sms", "seen", "batch", "piece", "outbox", "uncertain", "id", "due", "post",
			"dead", "link", "chat_batch", "taken", "taken_day", "chat", "agent", "incident")
	},
	func(t *bolt.Tx) error { return makeBuckets(t, "customer", "bound") },
	// Versions of schema 2 made none, one, two or all of these.
	func(t *bolt.Tx) error {
		if err := makeBuckets(t, "asking", "spent", "credit"); err != nil {
			return err
		}
		return indexAsking(t)
	},
	mergeSpellings,  // in schema4.go
	codesToStates,   // in schema5.go
	newNumbersApart, // in schema6.go
	func(t *bolt.Tx) error { return makeBuckets(t, "history") }, // which IndexHistory fills
	func(t *bolt.Tx) error { return makeBuckets(t, "canned", "import", "contacts") },
	func(t *bolt.Tx) error { return makeBuckets(t, "waiting", "snoozed") }, // of what came before, nothing waits
	func(t *bolt.Tx) error { return makeBuckets(t, "remind") },
	func(t *bolt.Tx) error { return makeBuckets(t, "wish", "blocked") },
	func(t *bolt.Tx) error { return makeBuckets(t, "scheduled") },
}

// makeBuckets makes those that are missing.
func makeBuckets(t *bolt.Tx, names ...string) error {
	for _, name := range names {
		if _, err := t.CreateBucketIfNotExists([]byte(name)); err != nil {
			return err
		}
	}
	return nil
}

// indexAsking puts questions into their index that are older than it.
func indexAsking(t *bolt.Tx) error {
	asking := t.Bucket([]byte("asking"))
	return t.Bucket([]byte("piece")).ForEach(func(key, value []byte) error {
		var piece struct {
			State string `json:"state"`
		}
		if err := decode(value, &piece); err != nil || piece.State != "asking" {
			return err
		}
		return asking.Put(key, nil)
	})
}

// schemaOf returns the schema of a file; 0 is none.
func schemaOf(t *bolt.Tx) int {
	if meta := t.Bucket(bucketMeta); meta != nil {
		if v := meta.Get(keySchema); len(v) == 8 {
			return int(binary.BigEndian.Uint64(v))
		}
	}
	return 0
}

// prepare brings the file to the current schema, and puts in order what an earlier process left unfinished.
func (s *Store) prepare(path string) error {
	schema, log := 0, ""
	err := s.db.View(func(t *bolt.Tx) (err error) {
		schema = schemaOf(t)
		log, s.entry, err = placeOf(t)
		return err
	})
	if err != nil {
		return err
	}
	if schema > len(migrations) {
		return fmt.Errorf("schema %d, this version knows %d: %w", schema, len(migrations), ErrNewer)
	}
	if log != "" && s.opts.Journal == nil { // from now on the file has what no journal has
		err := s.transact(func(t *bolt.Tx) error {
			meta := t.Bucket(bucketMeta)
			return errors.Join(meta.Delete(keyLog), meta.Delete(keyEntry))
		}, nil)
		if err != nil {
			return err
		}
	}
	if schema > 0 && schema < len(migrations) {
		if err := copyFile(s.db, fmt.Sprintf("%s.schema%d", path, schema)); err != nil {
			return fmt.Errorf("copy before migration: %w", err)
		}
	}
	for ; schema < len(migrations); schema++ {
		err := s.transact(func(t *bolt.Tx) error {
			if err := migrations[schema](t); err != nil {
				return err
			}
			crashpoint.At("open.migrating")
			return t.Bucket(bucketMeta).Put(keySchema, u64(uint64(schema+1)))
		}, s.migrated)
		if err != nil {
			return fmt.Errorf("migrate to schema %d: %w", schema+1, err)
		}
	}
	crashpoint.At("open.migrated")
	t := &tx{store: s, now: s.Now(), written: s.noting()}
	begun := time.Now()
	err = s.transact(func(b *bolt.Tx) error {
		t.Tx = b
		return t.recover()
	}, t.changes)
	t.commit.Took, t.commit.Err = time.Since(begun), err
	s.opts.Committed(t.commit)
	return err
}

// transact carries out one transaction of those that Open makes, while nobody else reads or writes. changes says what it changed.
func (s *Store) transact(fn func(*bolt.Tx) error, changes func(*bolt.Tx) (Changes, error)) error {
	kept := false
	err := s.opts.Commit(func() error {
		return s.db.Update(func(t *bolt.Tx) error {
			err := fn(t)
			if err == nil {
				kept, err = s.keep(t, changes)
			}
			return err
		})
	})
	if err == nil && kept {
		s.entry++
	}
	return err
}

// migrated returns what a migration changed, which writes as it likes: by reading the file as it was and as it is.
func (s *Store) migrated(after *bolt.Tx) (Changes, error) {
	before, err := s.db.Begin(false)
	if err != nil {
		return nil, err
	}
	defer before.Rollback()
	return differences(before, after)
}

// recover puts in order what the process before this one left behind. If that was killed, keyRunning is still there.
func (t *tx) recover() error {
	meta := t.bucket(bucketMeta)
	if err := get(meta, keyEnded, &t.store.ended); err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	if err := t.doubtClock(t.store.ended); err != nil {
		return err
	}
	if err := t.endInFlight(meta.Get(keyRunning) != nil); err != nil {
		return err
	}
	if meta.Get(keyRunning) != nil {
		var begun time.Time
		if err := get(meta, keyRunning, &begun); err != nil {
			return err
		}
		if err := t.doubtClock(begun); err != nil {
			return err
		}
		t.store.ended = t.now
		if err := t.markRepeated(); err != nil {
			return err
		}
	}
	if err := t.readNewest(); err != nil {
		return err
	}
	if err := t.makeSendingUncertain(); err != nil {
		return err
	}
	if err := t.reportLostFetch(); err != nil {
		return err
	}
	crashpoint.At("open.settled")
	if err := t.routeWaiting(); err != nil { // the settings may name other chats than before
		return err
	}
	return put(meta, keyRunning, t.now)
}

func copyFile(db *bolt.DB, path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	err = db.View(func(t *bolt.Tx) error {
		_, err := t.WriteTo(f)
		return err
	})
	if err != nil {
		return err
	}
	return f.Sync()
}
