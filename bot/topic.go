package bot

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"peyk/bot/text"
	"peyk/internal/crashpoint"
	"peyk/sms"
	"peyk/store"
	"peyk/telegram"
)

// In a forum with topics each customer has one. It is made when the customer's first SMS is to be shown, if the forum has room for it: made at
// Telegram, then noted in the store together with its card; then the SMS is shown, and the card when there is time. After a crash in between another
// topic is made and the first stays empty: the Bot API cannot list topics.

// noTopicsPause is how long we make no topics in a forum that has refused one, unless our rights there change.
const noTopicsPause = time.Hour

// topicTitle returns the title of a customer's topic. Telegram allows 128 characters.
func topicTitle(c store.Customer) string {
	if name := text.Short(c.Name, 2*text.NameRunes); name != "" {
		return name
	}
	return text.Short(string(c.Number), 2*text.NameRunes)
}

// topicFor returns the place to show an SMS: the one its customer is linked to, or the customer's topic if the forum has topics. made says
// that the topic was made just now: the SMS is shown by the next call.
func (w *poster) topicFor(ctx context.Context, show store.ToShow, p store.Post) (place sms.Place, made bool, err error) {
	place = sms.Place{Chat: p.Chat, Topic: p.Topic}
	chat, c := show.Chat, show.Customer
	if c.Linked != nil && c.Linked.Chat == p.Chat {
		return *c.Linked, false, nil // even if it was linked after the post was added
	}
	if !chat.Topics || !c.Number.Names() {
		return place, false, nil
	}
	if topic, has := c.TopicIn(p.Chat); has {
		return topic, false, nil
	}
	if w.store.Now().Sub(chat.NoTopics).Abs() < noTopicsPause {
		return place, false, nil
	}
	title := topicTitle(c)
	id, icon, err := w.makeTopic(ctx, p.Chat, title)
	if e, failed := errors.AsType[*telegram.Error](err); failed {
		switch {
		case e.Fate == telegram.TopicsDenied:
			return place, false, w.topicsForbidden(ctx, p.Chat, e.Reason)
		case e.Fate == telegram.Refused || e.Code >= 500: // only this topic, perhaps because of its title; the SMS must be shown anyway
			w.log.Warn("telegram refuses a topic", "chat", int64(p.Chat), "reason", e.Reason)
			return place, false, nil
		}
	}
	if err != nil {
		return place, false, err
	}
	return place, true, w.store.Persist(ctx, "note a topic", func() error {
		return w.store.AddTopic(p.Seq, sms.Place{Chat: p.Chat, Topic: id}, title, icon)
	})
}

// makeTopic makes a topic, whose customer waits, and counts it, as topics count like messages; one whose answer was lost may be there, too, and a restart
// must know. It returns the icon that the topic has. An error says nothing about what the topic was to show.
func (w *poster) makeTopic(ctx context.Context, chat sms.ChatID, title string) (sms.TopicID, store.Icon, error) {
	icon := store.IconWaiting
	of, _ := w.icons.id(ctx, w, icon) // without, if Telegram does not say: it gets one later
	if of == "" {
		icon = store.NoIcon
	}
	crashpoint.At("topic.due")
	id, err := w.tg.MakeTopic(ctx, chat, title, of)
	if telegram.FateOf(err) == telegram.Refused { // perhaps the icon is at fault: the next topic has none
		w.icons.refused()
	}
	crashpoint.At("topic.made")
	e, failed := errors.AsType[*telegram.Error](err)
	if !failed {
		w.pace.topicArrived(chat, time.Now())
		return id, icon, err
	}
	if e.Fate == telegram.Lacking {
		w.abilities.lacks(topics)
		e.Fate = telegram.TopicsDenied
	}
	if e.Arrived {
		w.pace.topicArrived(chat, time.Now())
		if err := w.store.Persist(ctx, "note a topic", func() error { return w.store.TopicUncertain(chat) }); err != nil {
			return 0, store.NoIcon, err
		}
		e.Arrived = false
	}
	return 0, store.NoIcon, e
}

// topicsForbidden notes that a forum lets us make no topics, and has the admins told.
func (w *poster) topicsForbidden(ctx context.Context, chat sms.ChatID, reason string) error {
	w.log.Warn("forum takes no topics", "chat", int64(chat), "reason", reason)
	return w.store.Persist(ctx, "note a forum without topics", func() error { return w.store.TopicsForbidden(chat, reason) })
}

// postSMS posts SMS and returns the message and the topic that show them. It reopens a customer's closed topic. If the topic is gone,
// nothing is posted and the message is 0: another topic must be made first.
func (w *poster) postSMS(ctx context.Context, o telegram.Outgoing) (sms.ChatMessageID, sms.TopicID, error) {
	place := sms.Place{Chat: o.Chat, Topic: o.Topic}
	bound, err := w.store.Bound(place)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return 0, 0, err
	}
	o.Strict = err == nil && o.Topic != 0
	if o.Strict && bound.Closed {
		if err := w.reopen(ctx, place); err != nil {
			return 0, 0, err
		}
	}
	id, err := w.post(ctx, &o)
	switch {
	case !o.Strict:
	case telegram.FateOf(err) == telegram.TopicLost:
		return 0, 0, w.replaceLostTopic(ctx, bound, err)
	case telegram.FateOf(err) == telegram.TopicClosed:
		if err := w.reopen(ctx, place); err != nil {
			return 0, 0, err
		}
		o.Strict = false // outside of the topic, as it stayed closed
		id, err = w.post(ctx, &o)
	}
	return id, o.Topic, err
}

// reopen opens a topic that somebody closed, as its customer has written. If we may not, the admins are told.
func (w *poster) reopen(ctx context.Context, p sms.Place) error {
	err := w.tg.ReopenTopic(ctx, p)
	switch e, failed := errors.AsType[*telegram.Error](err); {
	case !failed:
		return w.store.Persist(ctx, "note a topic", func() error {
			return w.store.EditTopic(p, func(bound *store.Bound) { bound.Closed = false })
		})
	case e.Fate == telegram.TopicsDenied:
		return w.topicsForbidden(ctx, p.Chat, e.Reason)
	case e.Fate == telegram.TopicLost || e.Fate == telegram.Lacking || e.Fate == telegram.Refused || e.Code >= 500:
		return nil // the post will show
	default:
		e.Arrived = false // the reopening may have, but not the SMS
		return e
	}
}

// replaceLostTopic has another topic made in place of one that is gone. If that one never showed anything, nobody deleted it: SMS are shown
// outside of topics then, so that we do not make one topic after another.
func (w *poster) replaceLostTopic(ctx context.Context, bound store.Bound, err error) error {
	w.log.Info("topic is gone", "chat", int64(bound.Chat), "topic", int64(bound.Topic))
	if again, err := w.relink(ctx, bound); again || err != nil {
		return err
	}
	if e, ok := errors.AsType[*telegram.Error](err); ok && bound.Made && bound.Card == 0 && !bound.Used {
		if err := w.topicsForbidden(ctx, bound.Chat, e.Reason); err != nil {
			return err
		}
	}
	return w.store.Persist(ctx, "note a topic", func() error { return w.store.TopicGone(bound.Place) })
}

// relink makes another topic for a customer who is linked to one that is gone, if the chat has topics. It reports false if there is none,
// and TopicGone must have the link removed.
func (w *poster) relink(ctx context.Context, bound store.Bound) (bool, error) {
	c, err := w.store.Customer(bound.Customer)
	if err != nil || c.Linked == nil || *c.Linked != bound.Place {
		return false, err
	}
	chat, err := w.store.Chat(bound.Chat)
	if err != nil || !chat.Topics || bound.Made && bound.Card == 0 && !bound.Used || w.store.Now().Sub(chat.NoTopics) < noTopicsPause {
		return false, err
	}
	title := topicTitle(c)
	id, icon, err := w.makeTopic(ctx, bound.Chat, title)
	if e, failed := errors.AsType[*telegram.Error](err); failed {
		switch {
		case e.Fate == telegram.TopicsDenied:
			return false, w.topicsForbidden(ctx, bound.Chat, e.Reason)
		case e.Fate == telegram.Refused || e.Code >= 500:
			return false, nil
		}
	}
	if err != nil {
		return false, err
	}
	return true, w.store.Persist(ctx, "note a topic", func() error {
		return w.store.LinkAgain(bound, sms.Place{Chat: bound.Chat, Topic: id}, title, icon)
	})
}

// takeTopicChange notes what somebody did to a topic by hand. An agent who renames it names the customer.
func (b *Bot) takeTopicChange(m *telegram.Message) error {
	place := sms.Place{Chat: m.Chat, Topic: m.Topic}
	bound, err := b.store.Bound(place)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if m.TopicChanged != "renamed" {
		return b.store.EditTopic(place, func(bound *store.Bound) { bound.Closed = m.TopicChanged == "closed" })
	}
	r, err := b.roleOf(m.From.ID)
	if err != nil || r == stranger || m.Anonymous {
		return err
	}
	_, err = b.store.Take(updateKey(m), store.Caused{
		Customer: bound.Customer, EditCustomer: func(c *store.Customer) { c.Name = text.Short(m.TopicTitle, text.NameRunes) },
	})
	return err
}

// setTopics switches topics for customers on or off in a forum.
func (b *Bot) setTopics(ctx context.Context, m *telegram.Message, r role) error {
	t := b.language(m.Chat)
	word := strings.ToLower(m.Args)
	switch {
	case word != "on" && word != "off":
		return b.respond(m, t.TopicsUsage)
	case word == "on" && !m.Forum:
		return b.respond(m, t.TopicsNoForum)
	}
	said := t.TopicsOff
	edit := func(c *store.Chat) { c.Topics = false }
	if word == "on" {
		said = t.TopicsOn + " " + iconLegend(t)
		inboxes, err := b.store.InboxChats()
		if err != nil {
			return err
		}
		show := func(*store.Chat) {}
		if !slices.Contains(inboxes, m.Chat) { // without an inbox there would be nothing to show in topics
			show = addInbox(0, nil)
			said += " " + t.InboxOn
		}
		edit = func(c *store.Chat) {
			show(c)
			c.Topics, c.NoTopics = true, time.Time{}
		}
	}
	_, err := b.store.Take(updateKey(m), store.Caused{EditChat: edit, Posts: []store.Post{response(m, said)}})
	if err == nil {
		b.refreshMenu(ctx, m.Chat, r)
	}
	return err
}
