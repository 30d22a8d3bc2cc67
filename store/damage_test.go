package store

import (
	"errors"
	"testing"
)

// TestAPanicEndsItsTransactionAlone has readers and writers meet what they cannot read.
func TestAPanicEndsItsTransactionAlone(t *testing.T) {
	for name, broken := range map[string]func(*tx) error{
		"no bucket":         func(t *tx) error { return t.bucket([]byte("nothing")).Put(nil, nil) },
		"a short key":       func(t *tx) error { _ = postKey(1, Answers, 2)[99:]; return nil },
		"bbolt's assertion": func(t *tx) error { return errors.Join(t.Rollback(), t.Commit()) },
		"a fault":           func(*tx) error { var key *[1 << 20]byte; _ = key[1<<19]; return nil },
	} {
		t.Run(name, func(t *testing.T) {
			c := newClock()
			s := open(t, tempFile(t), c.inbox(group))
			if err := s.view(broken); err == nil {
				t.Error("a reader was told nothing")
			}
			good := make(chan error, 1)
			go func() {
				good <- s.update(func(t *tx) error { return t.editChat(group, func(c *Chat) { c.Language = "fa" }) })
			}()
			if err := s.update(broken); !errors.Is(err, ErrDamaged) {
				t.Errorf("the writer was told %v", err)
			}
			must(t, <-good)
			if got := ok(s.Chat(group)).Language; got != "fa" {
				t.Errorf("another's write is %q", got)
			}
			must(t, s.Close()) // waits for readers
		})
	}
}
