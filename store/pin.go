package store

import (
	"errors"
	"time"

	"peyk/internal/crashpoint"
	"peyk/sms"
)

// Pin is the message of a chat that lists who waits, and is kept up to date. There is one row of the post queue for it: it posts the message, pins it,
// and later changes it. What an earlier pin of the chat left pinned is unpinned by the same row.
type Pin struct {
	By      sms.ChatMessageID `json:"by"` // the command that asked for it, which tells it from an earlier one
	Topic   sms.TopicID       `json:"topic,omitempty"`
	Message sms.ChatMessageID `json:"message,omitempty"`
	Pinned  bool              `json:"pinned,omitempty"`
	Denied  bool              `json:"denied,omitempty"` // the chat does not let us pin it, and was told so
	Text    uint64            `json:"text,omitempty"`   // a hash of what it says
	At      time.Time         `json:"at,omitzero"`      // when it was last changed
}

// pinPause is how long a pinned list may tell less than is known: it is changed no more often.
var pinPause = 10 * crashpoint.Second(time.Second)

// PostPin returns the row of the post queue that brings the pinned list of c up to date.
func (c Chat) PostPin() Post {
	return Post{Chat: c.ID, Class: Signs, Kind: PostPin, Edit: c.Pin != nil && c.Pin.Message != 0}
}

// PinIn has c keep a list pinned in a topic, instead of any that it has, as the command by asked. The row of the post queue has the command as its revision.
func (c *Chat) PinIn(topic sms.TopicID, by sms.ChatMessageID) {
	c.Unpin()
	c.Pin = &Pin{By: by, Topic: topic}
}

// Unpin has c keep no list pinned. One that Telegram was asked to pin may be, whatever became of its answer.
func (c *Chat) Unpin() {
	if c.Pin != nil && c.Pin.Message != 0 && !c.Pin.Denied {
		c.Unpins = append(c.Unpins, c.Pin.Message)
	}
	c.Pin = nil
}

// PinsDiffer queues what brings pinned lists up to date, in chats where differs says that they say something else by now.
func (s *Store) PinsDiffer(differs func(Chat) bool) error {
	chats, err := s.Chats()
	if err != nil {
		return err
	}
	var stale []Chat
	for _, c := range chats {
		if c.Pin != nil && c.Pin.Message != 0 && c.Gone == "" && differs(c) {
			stale = append(stale, c)
		}
	}
	if len(stale) == 0 {
		return nil
	}
	return s.update(func(t *tx) error {
		for _, c := range stale {
			p := c.PostPin()
			if _, err := t.post(p); err == nil {
				continue
			}
			p.NotBefore = c.Pin.At.Add(pinPause)
			if _, err := t.addPost(p); err != nil {
				return err
			}
		}
		return nil
	})
}

// PinChanged records how the pinned list of a chat is now, with a call of Telegram that brought it there, and queues what is to be said of it. done is that
// nothing is left to be done for it. If another pin took the place of it meanwhile, only the call counts.
func (s *Store) PinChanged(p Post, pin Pin, done bool, say ...Post) error {
	return s.update(func(t *tx) error {
		if err := t.postTaken(p); err != nil {
			return err
		}
		c, err := t.chat(p.Chat)
		if err != nil || c.Pin == nil || c.Pin.By != pin.By {
			return err
		}
		pin.At = t.now
		c.Pin = &pin
		return t.pinned(p, c, done, say)
	})
}

// PinLost notes that the message of a pin is gone, and queues what tells so.
func (s *Store) PinLost(p Post, pin Pin, say ...Post) error {
	return s.update(func(t *tx) error {
		c, err := t.chat(p.Chat)
		if err != nil || c.Pin == nil || c.Pin.By != pin.By {
			return err
		}
		c.Pin = nil
		return t.pinned(p, c, true, say)
	})
}

// Unpinned records that a message of a chat is not pinned any more.
func (s *Store) Unpinned(p Post, message sms.ChatMessageID) error {
	return s.update(func(t *tx) error {
		c, err := t.chat(p.Chat)
		if err != nil {
			return err
		}
		for i, m := range c.Unpins {
			if m == message {
				c.Unpins = append(c.Unpins[:i:i], c.Unpins[i+1:]...)
				break
			}
		}
		return t.pinned(p, c, len(c.Unpins) == 0 && c.Pin == nil, nil)
	})
}

// pinned stores c, and ends p if nothing is left to do for it.
func (t *tx) pinned(p Post, c Chat, done bool, say []Post) error {
	if err := t.putChat(c); err != nil {
		return err
	}
	for _, said := range say {
		if _, err := t.addPost(said); err != nil {
			return err
		}
	}
	if !done {
		return nil
	}
	return t.deletePost(p)
}

// PinAllowed has the list of a chat pinned that did not let us, as what we may do there has changed.
func (s *Store) PinAllowed(id sms.ChatID) error {
	if c, err := s.Chat(id); err != nil || c.Pin == nil || !c.Pin.Denied {
		return err
	}
	return s.update(func(t *tx) error {
		c, err := t.chat(t.resolve(id))
		if err != nil || c.Pin == nil {
			return err
		}
		c.Pin.Denied = false
		_, err = t.addPost(c.PostPin())
		return errors.Join(err, t.putChat(c))
	})
}
