package store

import (
	"cmp"
	"errors"
	"slices"
	"time"

	"peyk/internal/crashpoint"
	"peyk/sms"
)

// Icon is how things stand with a customer, as the icon of their topic shows it.
type Icon string

const (
	NoIcon       Icon = ""         // snoozed
	IconWaiting  Icon = "waiting"  // for an answer
	IconFailed   Icon = "failed"   // our last answer did not arrive
	IconAnswered Icon = "answered" // it did, or is on its way
	IconDone     Icon = "done"     // they need none
)

// iconUnknown is what a topic has while Telegram is asked to change it, and for as long as it gave no answer.
const iconUnknown Icon = "unknown"

// iconOf returns the icon of a customer for whom SMS wait or who is snoozed; answer is how the SMS fared that answered them last, nil if there is none
// or they needed none since.
func iconOf(waits, snoozed bool, answer *SMS) Icon {
	switch {
	case waits:
		return IconWaiting
	case snoozed:
		return NoIcon
	case answer == nil:
		return IconDone
	case answer.Status == sms.Failed:
		return IconFailed
	}
	return IconAnswered
}

// iconDelay is how long an icon may show what is past: what follows one another soon makes one change of it.
var iconDelay = 7 * crashpoint.Second(time.Second)

// noIconsFor is how long the icons of a chat are left alone that refused one, or where Telegram asked for patience, unless our rights there change.
const noIconsFor = time.Hour

// takesIcons tells whether icons may be changed in a chat, and if not, when they may again.
func (c Chat) takesIcons(now time.Time) (bool, time.Time) {
	until := c.NoIcons.Add(noIconsFor)
	return c.NoIcons.IsZero() || !PutOff(until, now, noIconsFor+time.Minute), until
}

// icon returns the icon of a customer by now.
func (t *tx) icon(c Customer) (Icon, error) {
	waiting, err := t.waitingOf(c.Number)
	if err != nil {
		return NoIcon, err
	}
	var answer *SMS
	if c.Answer != 0 {
		m, err := t.sms(c.Answer)
		if err != nil && !errors.Is(err, ErrNotFound) { // one that is kept no more did answer
			return NoIcon, err
		}
		answer = &m
	}
	return iconOf(len(waiting) > 0, len(t.snoozesOf(sms.Conversation{Customer: c.Number})) > 0, answer), nil
}

// showIcons queues what changes the icon of a customer's topics, if they show another.
func (t *tx) showIcons(n sms.Number) error {
	c, err := t.customer(n)
	if err != nil || len(c.Topics) == 0 {
		return err
	}
	icon, err := t.icon(c)
	if err != nil {
		return err
	}
	return t.wishIcon(c, icon)
}

// wishIcon is showIcons for a customer whose icon is known.
func (t *tx) wishIcon(c Customer, icon Icon) error {
	for _, place := range c.Topics {
		b, err := t.bound(place)
		if err != nil {
			return err
		}
		p := Post{Chat: place.Chat, Class: Signs, ID: uint64(place.Topic), Kind: PostIcon, Topic: place.Topic, Edit: true, NotBefore: t.now.Add(iconDelay)}
		if !b.Made || b.Icon == icon {
			continue
		}
		if waiting, err := t.post(p); err == nil { // it will tell this, too, unless it is just found to have nothing to tell
			waiting.Revision++
			if err := t.putPost(waiting); err != nil {
				return err
			}
			continue
		}
		if _, err := t.addPost(p); err != nil {
			return err
		}
	}
	return nil
}

// answeredBy notes that an SMS answers its customer, or, with 0, that they need no answer, and has the icon tell it.
func (t *tx) answeredBy(n sms.Number, answer Seq) error {
	c, err := t.customer(n)
	if err != nil || len(c.Topics) == 0 { // an order to many must not add a row for each
		return err
	}
	if c.Answer != answer {
		c.Answer = answer
		if err := t.putCustomer(c); err != nil {
			return err
		}
	}
	return t.showIcons(n)
}

// IconOf returns the icon that the topic of an icon's post should have; ok is false if it has it, or belongs to nobody any more.
func (s *Store) IconOf(p Post) (icon Icon, ok bool, err error) {
	err = s.view(func(t *tx) error {
		icon, ok = NoIcon, false
		b, err := t.bound(sms.Place{Chat: p.Chat, Topic: p.Topic})
		if errors.Is(err, ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		c, err := t.customer(b.Customer)
		if err != nil {
			return err
		}
		icon, err = t.icon(c)
		ok = b.Icon != icon
		return err
	})
	return icon, ok, err
}

// IconBegins notes, before Telegram is asked, that nobody knows any more which icon the topic of an icon's post has.
func (s *Store) IconBegins(p Post) error {
	return s.update(func(t *tx) error {
		b, err := t.bound(sms.Place{Chat: p.Chat, Topic: p.Topic})
		if errors.Is(err, ErrNotFound) || err == nil && b.Icon == iconUnknown {
			return nil
		}
		if err != nil {
			return err
		}
		b.Icon = iconUnknown
		return t.putBound(b)
	})
}

// IconShown records that a topic has an icon, and ends its post. Should it have another by now, a post follows.
func (s *Store) IconShown(p Post, icon Icon) error {
	return s.update(func(t *tx) error {
		if err := errors.Join(t.postTaken(p), t.deletePost(p)); err != nil {
			return err
		}
		b, err := t.bound(sms.Place{Chat: p.Chat, Topic: p.Topic})
		if errors.Is(err, ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		b.Icon = icon
		return errors.Join(t.putBound(b), t.showIcons(b.Customer))
	})
}

// IconsRefused notes that icons in a chat are to be left alone for a while. Those that wait do so until then.
func (s *Store) IconsRefused(chat sms.ChatID) error {
	return s.update(func(t *tx) error {
		c, err := t.chat(chat)
		if err != nil {
			return err
		}
		c.NoIcons = t.now
		return t.putChat(c)
	})
}

// IconsAllowed has icons tried again in a chat, as what we may do there has changed.
func (s *Store) IconsAllowed(id sms.ChatID) error {
	if c, err := s.Chat(id); err != nil || c.NoIcons.IsZero() {
		return err
	}
	return s.update(func(t *tx) error {
		t.posts = true
		return t.editChat(id, func(c *Chat) { c.NoIcons = time.Time{} })
	})
}

// signsRead bounds how many signs of a chat are read to find the one that waits longest.
const signsRead = 100

// nextSign returns the sign of a chat that has waited longest of those that are due, and when the next is; ErrNotFound if none is.
func (t *tx) nextSign(c Chat) (first Post, next time.Time, err error) {
	takes, until := c.takesIcons(t.now)
	var due []Post
	rows := t.bucket(bucketPost).Cursor()
	n := 0
	for key, value := rows.Seek(postKey(c.ID, Signs, 0)); ofClass(key, c.ID, Signs) && n < signsRead; key, value = rows.Next() {
		n++
		p, err := readPost(key, value)
		switch {
		case err != nil:
			return p, next, err
		case p.Kind == PostIcon && !takes:
			next = sooner(next, until)
		case PutOff(p.NotBefore, t.now, mostPutOff):
			next = sooner(next, p.NotBefore)
		default:
			due = append(due, p)
		}
	}
	if len(due) == 0 {
		return first, next, ErrNotFound
	}
	return slices.MinFunc(due, func(a, b Post) int { return cmp.Or(a.Since().Compare(b.Since()), cmp.Compare(a.ID, b.ID)) }), next, nil
}
