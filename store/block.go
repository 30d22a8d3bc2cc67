package store

import (
	"errors"
	"time"

	"peyk/sms"
)

// Block is that a customer's SMS are kept and not shown, on any line. Nobody waits for an answer to them.
type Block struct {
	Customer sms.Number `json:"-"`
	At       time.Time  `json:"at"`
	By       string     `json:"by,omitempty"`  // who blocked them
	SMS      int        `json:"sms,omitempty"` // how many came since
}

// block returns the block on a customer; the error is ErrNotFound if there is none.
func (t *tx) block(n sms.Number) (Block, error) {
	b := Block{Customer: n}
	if n == "" {
		return b, ErrNotFound
	}
	err := get(t.bucket(bucketBlocked), []byte(n), &b)
	return b, err
}

// setBlock blocks a customer: what they wrote waits no more, neither for an answer nor to be shown. Without a time it ends that.
func (t *tx) setBlock(b Block) error {
	key := []byte(b.Customer)
	if b.At.IsZero() {
		return t.bucket(bucketBlocked).Delete(key)
	}
	waiting, err := t.waitingOf(b.Customer)
	if err != nil {
		return err
	}
	for _, m := range waiting {
		var u unanswered
		if err := get(t.bucket(bucketWaiting), u64(uint64(m.Seq)), &u); err != nil {
			return err
		}
		if len(u.Shown) > 0 {
			continue
		}
		if err := t.dropPostsOf(m.Seq); err != nil {
			return err
		}
	}
	if _, err := t.done(sms.Conversation{Customer: b.Customer}, waiting); err != nil {
		return err
	}
	return errors.Join(put(t.bucket(bucketBlocked), key, b), t.answeredBy(b.Customer, 0))
}

// countBlocked counts an SMS of a customer if they are blocked, and reports whether they are.
func (t *tx) countBlocked(n sms.Number) (bool, error) {
	b, err := t.block(n)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	b.SMS++
	return true, put(t.bucket(bucketBlocked), []byte(n), b)
}

// Blocked returns who is blocked, in the order of their numbers.
func (s *Store) Blocked() (all []Block, err error) {
	err = s.view(func(t *tx) error {
		all = nil
		return t.bucket(bucketBlocked).ForEach(func(key, value []byte) error {
			all = append(all, Block{Customer: sms.Number(key)})
			return decode(value, &all[len(all)-1])
		})
	})
	return all, err
}
