package store

import (
	"bytes"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"peyk/sms"
)

// TestCheckFindsWhatDoesNotAgree breaks one thing at a time: a check that finds nothing proves nothing.
func TestCheckFindsWhatDoesNotAgree(t *testing.T) {
	del := func(bucket []byte) func(*tx) error {
		return func(t *tx) error {
			key, _ := t.bucket(bucket).Cursor().First()
			return t.bucket(bucket).Delete(key)
		}
	}
	add := func(bucket, key []byte, record any) func(*tx) error {
		return func(t *tx) error { return put(t.bucket(bucket), key, record) }
	}
	batch := func(change func(*Batch)) func(*tx) error {
		return func(t *tx) error {
			b, err := t.batch(1)
			change(&b)
			_ = t.putBatch(b)
			return err
		}
	}
	for name, fault := range map[string]func(*tx) error{
		"outbox lacks a piece":            del(bucketOutbox),
		"outbox names one that is sent":   add(bucketOutbox, pieceKey(1, 0), nil),
		"outbox names one of nowhere":     add(bucketOutbox, pieceKey(99, 0), nil),
		"uncertain lacks a piece":         del(bucketUncertain),
		"uncertain names one that is not": add(bucketUncertain, pieceKey(1, 0), nil),
		"a batch counts wrong":            batch(func(b *Batch) { b.Counts[sms.Delivered]++ }),
		"a batch counts silence wrong":    batch(func(b *Batch) { b.NoReport++ }),
		"a batch counts doubt wrong":      batch(func(b *Batch) { b.Uncertain++ }),
		"a batch is in another chat":      batch(func(b *Batch) { b.Chat++ }),
		"a chat names a batch too many":   add(bucketChatBatch, chatBatchKey(group, 99), nil),
		"due lacks an SMS":                del(bucketDue),
		"due names one that is not":       add(bucketDue, dueKey(time.Unix(5, 0), 1), nil),
		"id lacks an SMS":                 del(bucketID),
		"an SMS is gone":                  del(bucketSMS),
		"a post is of no SMS":             add(bucketPost, postKey(group, NewNumbers, 99), Post{Kind: PostSMS, Seq: 99}),
		"a post is of no batch":           add(bucketPost, postKey(group, Answers, 99), Post{Kind: PostBatch, Batch: 99}),
		"a post is of no incident":        add(bucketDead, postKey(group, Answers, 99), Post{Kind: PostIncident, Incident: 99}),
		"a post cannot be read":           func(t *tx) error { return t.bucket(bucketPost).Put(postKey(group, Answers, 99), []byte("x")) },
		"nobody was told of the waiting":  add(bucketPost, postKey(0, NewNumbers, 1), Post{Kind: PostSMS, Seq: 1}),
		"a link is to no SMS":             add(bucketShows, messageKey(group, 99), Shown{Seq: 99}),
		"a digest is of no SMS":           add(bucketShows, messageKey(group, 99), Shown{Seqs: []Seq{1, 99}}),
		"a link is to no batch":           add(bucketShows, messageKey(group, 99), Shown{Batch: 99}),
		"an update has no day":            del(bucketTakenDay),
		"a day has no update":             func(t *tx) error { _ = del(bucketTaken)(t); return t.bucket(bucketTaken).Put([]byte("x"), []byte("x")) },
		"a history lacks an SMS":          func(t *tx) error { return t.bucket(bucketHistory).Put(u64(0), nil) },
		"seen names no SMS":               func(t *tx) error { return t.bucket(bucketSeen).Put([]byte("x"), u64(99)) },
	} {
		t.Run(name, func(t *testing.T) {
			c := newClock()
			s, err := Open(tempFile(t), c.inbox(group))
			must(t, err)
			defer s.Close()
			s.db.NoSync = true
			filled(t, s, c)
			if err := s.Check(); err != nil {
				t.Fatalf("before: %v", err)
			}
			must(t, s.update(fault))
			if err := s.Check(); err == nil {
				t.Error("the check finds nothing")
			}
		})
	}
}

// TestCheckReadsEachRowOfMeta puts what none of them can be in the place of each row that keys.go names.
func TestCheckReadsEachRowOfMeta(t *testing.T) {
	keys := regexp.MustCompile(`key\w+ += \[\]byte\("(\w+)"\)`).FindAllSubmatch(ok(os.ReadFile("keys.go")), -1)
	if len(keys) < 20 {
		t.Fatalf("keys.go names %d keys", len(keys))
	}
	c := newClock()
	s := open(t, tempFile(t), c.inbox(group))
	s.db.NoSync = true
	filled(t, s, c)
	for _, key := range keys {
		if name := string(key[1]); name == string(keySchema) || name == string(keyEntry) { // one no file is opened without, one each commit writes
			continue
		}
		var before []byte
		must(t, s.update(func(t *tx) error {
			before = bytes.Clone(t.bucket(bucketMeta).Get(key[1]))
			return put(t.bucket(bucketMeta), key[1], true)
		}))
		if err := s.Check(); err == nil || !strings.Contains(err.Error(), strconv.Quote(string(key[1]))) {
			t.Errorf("row %q: the check finds %v", key[1], err)
		}
		must(t, s.update(func(t *tx) error {
			if before == nil {
				return t.bucket(bucketMeta).Delete(key[1])
			}
			return t.bucket(bucketMeta).Put(key[1], before)
		}))
	}
}

func TestCheckMissesEachBucket(t *testing.T) {
	fresh := open(t, tempFile(t), newClock().options())
	var names []string
	must(t, fresh.view(func(t *tx) error {
		return t.ForEach(func(name []byte, _ *bolt.Bucket) error {
			names = append(names, string(name))
			return nil
		})
	}))
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			s := ok(Open(tempFile(t), newClock().options()))
			defer s.Close()
			s.db.NoSync = true
			must(t, s.update(func(t *tx) error { return t.DeleteBucket([]byte(name)) }))
			if err := s.Check(); err == nil {
				t.Error("the check finds nothing")
			}
		})
	}
}
