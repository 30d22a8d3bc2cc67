package store

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	bolt "go.etcd.io/bbolt"

	"peyk/sms"
)

func TestTakenOnceAcrossARestart(t *testing.T) {
	path, c := tempFile(t), newClock()
	s := open(t, path, c.inbox(group))
	k := UpdateKey{Chat: group, Message: 9}
	all := Caused{
		Posts:    []Post{{Chat: group, Kind: PostText, Text: " ok"}},
		Order:    order(ali),
		Allow:    &Agent{ID: 5},
		EditChat: func(c *Chat) { c.Language += "fa" },
	}
	if ok(s.Taken(k)) {
		t.Error("taken before it came")
	}
	id := ok(s.Take(k, all))
	if id != 1 {
		t.Errorf("batch %d, want the first", id)
	}
	look := func() []any {
		unrouted, queued, err := s.Waiting()
		must(t, err)
		chats := ok(s.Chats())
		for i := range chats {
			chats[i].Recent = nil // of which a start after a crash adds one
		}
		return []any{unrouted, queued, ok(s.Agents()), chats, ok(s.Batches(group, 9)), rowCounts(s)}
	}
	want := look()
	for i := range 3 {
		if i == 1 {
			crash(t, s)
			s = open(t, path, c.inbox(group))
		}
		if !ok(s.Taken(k)) {
			t.Error("not taken any more")
		}
		if again, err := s.Take(k, all); !errors.Is(err, ErrTaken) || again != 0 {
			t.Errorf("given again: batch %d, %v, want ErrTaken", again, err)
		}
		if diff := cmp.Diff(want, look()); diff != "" {
			t.Errorf("given again it caused %s", diff)
		}
	}
	edited := k
	edited.Kind = Edited
	if id := ok(s.Take(edited, Caused{})); id != 0 {
		t.Errorf("the same message, edited, gave batch %d", id)
	}
	other := k
	other.Chat = -5
	ok(s.Take(other, Caused{}))
}

// rowCounts returns how many rows each bucket has.
func rowCounts(s *Store) map[string]int {
	rows := map[string]int{}
	s.view(func(t *tx) error {
		return t.ForEach(func(name []byte, b *bolt.Bucket) error {
			rows[string(name)] = count(b)
			return nil
		})
	})
	return rows
}

func TestTakeStoresAllOrNothing(t *testing.T) {
	c := newClock()
	s := open(t, tempFile(t), c.inbox(group))
	fetched(t, s, unread(c, "one"))
	// A chat whose row cannot be read fails a take after it has stored other things.
	must(t, s.update(func(t *tx) error { return t.bucket(bucketChat).Put(i64(sms.ChatID(999)), []byte("broken")) }))
	k, before := UpdateKey{Chat: group, Message: 9}, rowCounts(s)
	_, err := s.Take(k, Caused{EditChat: func(c *Chat) { c.Language = "fa" }, Order: order(ali), Allow: &Agent{ID: 5}})
	if err == nil {
		t.Fatal("a row that cannot be read was passed over")
	}
	if diff := cmp.Diff(before, rowCounts(s)); diff != "" {
		t.Errorf("a take that failed stored %s", diff)
	}
	if ok(s.Taken(k)) {
		t.Error("a take that failed is taken")
	}
	must(t, s.update(func(t *tx) error { return t.bucket(bucketChat).Delete(i64(sms.ChatID(999))) }))
	ok(s.Take(k, Caused{Order: order(ali)}))
}
