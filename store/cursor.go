package store

import (
	"errors"
	"slices"
	"time"

	"peyk/sms"
)

// Some panels take no SMS away: they are read on from the last one. How far that is is stored with the SMS themselves, so a crash loses none and
// nothing need be marked before; what is read twice has an id that tells.

// Cursor is how far the SMS of a panel have been read.
type Cursor struct {
	Account string `json:"account"` // whose: in another one they have other ids
	After   sms.ID `json:"after"`   // the last
	// Marks are where After stood before, oldest first: an SMS may appear late, under an id below the last one's.
	Marks []Mark    `json:"marks,omitempty"`
	Moved time.Time `json:"moved,omitzero"` // when After last did
	// Restored says that it is of a backup that was restored: what is read on from there may have been shown already. So has a store whose panel has
	// no cursor, until OweRestored.
	Restored bool `json:"restored,omitempty"`
}

// Mark is where a Cursor stood until some time; at first nowhere.
type Mark struct {
	After sms.ID    `json:"after"`
	At    time.Time `json:"at"`
}

const (
	lateBy     = 15 * time.Minute // for how long what was read is read again
	markEvery  = 5 * time.Minute
	marksAtAll = 3 * aDay // what is older is not in seen any more, perhaps
)

// Back returns from where to read again what has been read already, at some time, and whether that may bring anything.
func (c Cursor) Back(now time.Time) (sms.ID, bool) {
	if len(c.Marks) == 0 || now.Sub(c.Marks[0].At).Abs() > marksAtAll {
		return "", false
	}
	return c.Marks[0].After, true
}

// Settled reports whether all that may be late of what was read has been read again.
func (c Cursor) Settled(now time.Time) bool { return now.Sub(c.Moved).Abs() > lateBy+2*markEvery }

// moved returns c after a round that ended at an id.
func (c Cursor) moved(after sms.ID, now time.Time) Cursor {
	if after == c.After {
		return c
	}
	marks := slices.Clone(c.Marks)
	if len(marks) == 0 || now.Sub(marks[len(marks)-1].At).Abs() >= markEvery {
		marks = append(marks, Mark{c.After, now})
	}
	for len(marks) > 1 && now.Sub(marks[1].At) >= lateBy {
		marks = marks[1:]
	}
	c.After, c.Marks, c.Moved = after, marks, now
	return c
}

// Cursor returns how far the SMS of an account have been read.
func (s *Store) Cursor(account string) (c Cursor, err error) {
	err = s.view(func(t *tx) error {
		c = Cursor{}
		err := get(t.bucket(bucketMeta), keyCursor, &c)
		if errors.Is(err, ErrNotFound) {
			err = nil
		}
		return err
	})
	if c.Account != account {
		c = Cursor{Account: account, Restored: c.Restored}
	}
	return c, err
}

// SaveRead stores SMS that were read on from c, in their order, and queues them for the chats that show them. SMS stored before are skipped. It
// returns how many were new. If the round is over with them, c is moved to after, in the same transaction.
func (s *Store) SaveRead(messages []sms.Message, c *Cursor, after sms.ID, over bool) (stored int, err error) {
	var moved Cursor
	err = s.update(func(t *tx) (err error) {
		if stored, err = t.saveUnread(messages, false, c.Restored); err != nil {
			return err
		}
		if len(messages) > 0 {
			if err := t.noteFetched(); err != nil {
				return err
			}
		}
		if moved = *c; !over {
			return nil
		}
		moved = c.moved(after, t.now)
		moved.Restored = false
		return put(t.bucket(bucketMeta), keyCursor, moved)
	})
	if err == nil {
		*c = moved
	}
	return stored, err
}
