package store

import (
	"time"

	"peyk/sms"
)

// TakenKind tells apart what may happen to one chat message.
type TakenKind uint8

const (
	Written TakenKind = iota // the message came
	Edited                   // it was changed afterwards
	Joined                   // we were added to the chat; there is no message, so the time stands for its number
	Reacted                  // reactions to a message changed, as they may again: a number made of all that the update says stands for it
)

// UpdateKey names an update by what it is about: Telegram may start its own numbers of updates again.
type UpdateKey struct {
	Chat    sms.ChatID
	Message sms.ChatMessageID
	Kind    TakenKind
}

func (k UpdateKey) key() []byte { return append(messageKey(k.Chat, k.Message), byte(k.Kind)) }

// Caused is all that an update brings about in the store.
type Caused struct {
	Posts    []Post
	Order    *Order
	Allow    *Agent      // may use the bot from now on
	Deny     sms.AgentID // may not any more
	EditChat func(*Chat) // of the update's chat; may be called more than once

	Customer     sms.Number
	EditCustomer func(*Customer) // of Customer; may be called more than once
	Link         *Bound          // its place becomes its customer's, or nobody's if it names none
	Canned       *Canned         // is kept, or removed
	Block        *Block          // its customer is blocked, or, without a time, no longer

	Days   *Days             // the team works on them, or not
	Done   *sms.Conversation // waits no more; all conversations of its customer if it names no line
	Snooze *sms.Conversation // likewise, until then
	Until  time.Time
	React  *React // to a message of the update's chat
}

// Take notes that an update was acted on and stores what it caused, or neither. It returns the batch that was ordered, if one was. The error is
// ErrTaken if the update was acted on before, ErrTooMany if
// no more prepared answers are kept, and an OverCap if the order is more than its agent may send today.
func (s *Store) Take(k UpdateKey, c Caused) (BatchID, error) {
	var id BatchID
	err := s.update(func(t *tx) error {
		id = 0
		if err := t.take(k); err != nil {
			return err
		}
		if c.EditChat != nil {
			if err := t.editChat(k.Chat, c.EditChat); err != nil {
				return err
			}
		}
		if c.EditCustomer != nil {
			if err := t.editCustomer(c.Customer, c.EditCustomer); err != nil {
				return err
			}
		}
		if c.Link != nil {
			if err := t.setLink(*c.Link); err != nil {
				return err
			}
		}
		if c.Canned != nil {
			if err := t.keepCanned(*c.Canned); err != nil {
				return err
			}
		}
		if c.Block != nil {
			if err := t.setBlock(*c.Block); err != nil {
				return err
			}
		}
		if c.Days != nil {
			if err := t.setDays(*c.Days); err != nil {
				return err
			}
		}
		if err := t.takeWaiting(c); err != nil {
			return err
		}
		if c.React != nil {
			if err := t.react(k.Chat, *c.React); err != nil {
				return err
			}
		}
		if c.Allow != nil {
			if err := t.allow(*c.Allow); err != nil {
				return err
			}
		}
		if c.Deny != 0 {
			if err := t.deny(c.Deny); err != nil {
				return err
			}
		}
		if c.Order != nil {
			b, err := t.addBatch(*c.Order)
			if err != nil {
				return err
			}
			id = b.ID
		}
		for _, p := range c.Posts {
			if _, err := t.addPost(p); err != nil {
				return err
			}
		}
		return nil
	})
	return id, err
}

// take notes that an update was acted on. The error is ErrTaken if it was before.
func (t *tx) take(k UpdateKey) error {
	taken := t.bucket(bucketTaken)
	if taken.Get(k.key()) != nil {
		return ErrTaken
	}
	at, err := t.noteNewest()
	if err != nil {
		return err
	}
	if err := taken.Put(k.key(), unix32(at)); err != nil {
		return err
	}
	day := uint32(at.Unix() / int64(24*time.Hour/time.Second))
	return t.bucket(bucketTakenDay).Put(join(u32(day), k.key()), nil)
}

// Taken tells whether an update was acted on.
func (s *Store) Taken(k UpdateKey) (bool, error) {
	taken := false
	err := s.view(func(t *tx) error {
		taken = t.bucket(bucketTaken).Get(k.key()) != nil
		return nil
	})
	return taken, err
}
