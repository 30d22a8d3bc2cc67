package store

import (
	"errors"
	"time"

	"peyk/sms"
)

// Mark is the emoji that tells on an order how far it has come: 👀 taken, 👌 accepted by the panel, 👍 delivered, 👎 failed. It is empty if nothing
// was sent, and nothing will be.
func (b Batch) Mark() string {
	accepted := b.Counts[sms.Sent] + b.Counts[sms.AtTelecom]
	switch {
	case b.State == Cancelled || b.State == Expired:
		return ""
	case b.State == Asking:
		return "👀"
	case b.Counts[sms.Failed] > b.Withheld:
		return "👎"
	case b.Withheld == b.N:
		return ""
	case b.Counts[sms.Delivered]+b.Withheld == b.N:
		return "👍"
	case b.Counts[sms.Delivered]+accepted+b.Withheld == b.N:
		return "👌"
	}
	return "👀"
}

// NeedsMessage tells whether there is more to say of a batch than its mark can. Once there is a message, it is kept up to date.
func (b Batch) NeedsMessage() bool {
	if b.Away { // what shows the SMS says it
		return b.Shown != 0 || b.State == Expired || b.trouble() > b.NoReport
	}
	marked := b.Message != 0 && !b.Unmarked && (b.Reply || b.Quiet)
	return !marked || b.Shown != 0 || b.State != Going || b.Decision != "" || b.Waiting() || b.trouble()+b.Withheld+b.Found+b.Resent+b.Matched > 0
}

// trouble returns how many recipients of b the agent must be told of.
func (b Batch) trouble() int {
	return b.Counts[sms.Failed] - b.Withheld + b.Uncertain + b.LeftUncertain + b.NoReport
}

// TellByMark has the mark alone tell how far a batch has come, until there is more to say, and reports whether it does: its chat is busy.
func (s *Store) TellByMark(p Post) (bool, error) {
	done := false
	err := s.update(func(t *tx) error {
		done = false
		row, err := t.post(p)
		if errors.Is(err, ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		b, err := t.batch(p.Batch)
		if err != nil {
			return err
		}
		if b.Quiet = true; b.NeedsMessage() || row.Repeated {
			return nil
		}
		done = true
		return errors.Join(t.deletePost(row), t.putBatch(b), t.queueMark(b))
	})
	return done, err
}

// unmarkedFor is how long a chat that refused a mark gets no other: by then an admin may allow reactions again.
const unmarkedFor = time.Hour

// TakesMarks tells whether to try a mark in a chat.
func (c Chat) TakesMarks(now time.Time) bool {
	return c.NoMarks.IsZero() || now.Sub(c.NoMarks).Abs() >= unmarkedFor
}

// queueMark queues the mark of b, unless its reply bears it. A row that waits already stays, as an older mark of it may have been set.
func (t *tx) queueMark(b Batch) error {
	if b.Message == 0 {
		return nil
	}
	rows, key := t.bucket(bucketPost), postKey(b.Chat, Marks, b.Post)
	p := Post{Kind: PostMark, Topic: b.Topic, Batch: b.ID}
	var waiting Post
	switch err := get(rows, key, &waiting); {
	case err == nil:
		p.Revision, p.NotBefore = waiting.Revision+1, waiting.NotBefore
	case !errors.Is(err, ErrNotFound):
		return err
	case b.Mark() == b.Reaction:
		return nil
	}
	t.marks = true
	return put(rows, key, p)
}

// Marks returns the marks to set next in each chat that is open, at most limit for each, and when the first of those that are not due yet will be;
// zero if there is none. One that is not due holds up those behind it, as Telegram asked us to wait in that chat.
func (s *Store) Marks(limit int, open func(sms.ChatID) bool) (heads []Post, next time.Time, err error) {
	err = s.view(func(t *tx) error {
		heads, next = nil, time.Time{}
		c := t.bucket(bucketPost).Cursor()
		for key, _ := c.First(); key != nil; {
			chat := readI64[sms.ChatID](key[:8])
			mark, value := c.Seek(postKey(chat, Marks, 0))
			lets := ofClass(mark, chat, Marks) && open(chat)
			for n := 0; lets && n < limit && ofClass(mark, chat, Marks); n++ {
				p, err := readPost(mark, value)
				if err != nil {
					return err
				}
				if PutOff(p.NotBefore, t.now, mostPutOff) {
					next = sooner(next, p.NotBefore)
					break
				}
				heads = append(heads, p)
				mark, value = c.Next()
			}
			key, _ = c.Seek(i64(chat + 1))
		}
		return nil
	})
	return heads, next, err
}

// Marked records that the reply bears emoji, for p. Once in each chat a message says what the marks mean.
func (s *Store) Marked(p Post, emoji string) error {
	return s.update(func(t *tx) error {
		rows, key := t.bucket(bucketPost), postKey(p.Chat, p.Class, p.ID)
		var row Post
		if err := get(rows, key, &row); errors.Is(err, ErrNotFound) {
			return nil // its group has become another chat
		} else if err != nil {
			return err
		}
		b, err := t.batch(p.Batch)
		if err != nil {
			return err
		}
		b.Reaction = emoji
		if err := t.putBatch(b); err != nil {
			return err
		}
		if row.Revision == p.Revision {
			if err := rows.Delete(key); err != nil {
				return err
			}
		}
		c, err := t.chat(p.Chat)
		if err != nil || c.Gone == "" && c.NoMarks.IsZero() && (c.MarksTold || emoji == "") {
			return err
		}
		if err := t.chatFound(p.Chat); err != nil {
			return err
		}
		if c, err = t.chat(p.Chat); err != nil {
			return err
		}
		c.NoMarks = time.Time{}
		if !c.MarksTold && emoji != "" {
			c.MarksTold = true
			if _, err := t.addPost(Post{Chat: p.Chat, Topic: p.Topic, Kind: PostMarks}); err != nil {
				return err
			}
		}
		return t.putChat(c)
	})
}

// MarkRefused notes that a reply takes no mark, or, with chat set, that no reply in its chat does. A message tells instead.
func (s *Store) MarkRefused(p Post, chat bool) error {
	return s.update(func(t *tx) error {
		if err := t.bucket(bucketPost).Delete(postKey(p.Chat, p.Class, p.ID)); err != nil {
			return err
		}
		if chat {
			c, err := t.chat(p.Chat)
			if err != nil {
				return err
			}
			c.NoMarks = t.now
			if err := t.putChat(c); err != nil {
				return err
			}
		}
		b, err := t.batch(p.Batch)
		if err != nil || b.Unmarked {
			return err
		}
		b.Unmarked = true
		return t.report(b, 0)
	})
}

// HoldMarks notes that Telegram asked us to set p, and the marks behind it, not before at.
func (s *Store) HoldMarks(p Post, at time.Time) error {
	return s.update(func(t *tx) error {
		rows, key := t.bucket(bucketPost), postKey(p.Chat, p.Class, p.ID)
		var row Post
		if err := get(rows, key, &row); errors.Is(err, ErrNotFound) {
			return nil
		} else if err != nil {
			return err
		}
		row.NotBefore = at
		return put(rows, key, row)
	})
}

// MarksAllowed has marks tried again in a chat, as what we may do there has changed.
func (s *Store) MarksAllowed(id sms.ChatID) error {
	if c, err := s.Chat(id); err != nil || c.NoMarks.IsZero() {
		return err
	}
	return s.update(func(t *tx) error {
		return t.editChat(id, func(c *Chat) { c.NoMarks = time.Time{} })
	})
}

// PostNotNeeded ends a post about a batch without showing it, as the mark says all there is to say. If the row changed meanwhile, it stays.
func (s *Store) PostNotNeeded(p Post) error {
	return s.update(func(t *tx) error {
		rows, key := t.bucket(bucketPost), postKey(p.Chat, p.Class, p.ID)
		var row Post
		if err := get(rows, key, &row); errors.Is(err, ErrNotFound) || err == nil && row.Revision != p.Revision {
			return nil
		} else if err != nil {
			return err
		}
		if p.Kind != PostBatch {
			return rows.Delete(key)
		}
		b, err := t.batch(p.Batch)
		if err != nil {
			return err
		}
		return errors.Join(rows.Delete(key), t.queueMark(b))
	})
}
