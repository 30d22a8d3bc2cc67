package bot

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"time"

	"peyk/bot/text"
	"peyk/internal/crashpoint"
	"peyk/sms"
	"peyk/store"
	"peyk/telegram"
)

// A chat may keep the list of who waits pinned. It tells since when each waits and not for how long, so that it changes with what happens and not with
// each minute. Every few seconds it is compared with what its message says; where they differ, a row of the post queue has the message changed, when
// nobody else needs the chat's turn.

// pinsRead is how often pinned lists are compared.
var pinsRead = 5 * crashpoint.Second(time.Second)

// pin has a chat or topic keep the list of who waits pinned. The list itself is the answer.
func (b *Bot) pin(m *telegram.Message, r role) error {
	if r < admin {
		return b.respond(m, b.language(m.Chat).OnlyAdmins)
	}
	p := store.Chat{ID: m.Chat}.PostPin()
	p.Topic, p.ReplyTo, p.Revision = m.Topic, m.ID, int(m.ID)
	_, err := b.store.Take(updateKey(m), store.Caused{EditChat: func(c *store.Chat) { c.PinIn(m.Topic, m.ID) }, Posts: []store.Post{p}})
	return err
}

// unpin ends that.
func (b *Bot) unpin(m *telegram.Message, r role) error {
	t := b.language(m.Chat)
	if r < admin {
		return b.respond(m, t.OnlyAdmins)
	}
	c, err := b.store.Chat(m.Chat)
	switch {
	case err != nil:
		return err
	case c.Pin == nil:
		return b.respond(m, t.PinNone)
	}
	c.Pin = nil
	p := c.PostPin()
	p.Revision = int(m.ID)
	_, err = b.store.Take(updateKey(m), store.Caused{EditChat: (*store.Chat).Unpin, Posts: []store.Post{p, response(m, t.PinEnded)}})
	return err
}

// keepPins has pinned lists brought up to date.
func (w *poster) keepPins(ctx context.Context) error {
	every := time.NewTicker(pinsRead)
	defer every.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-every.C:
		}
		if err := w.comparePins(); err != nil {
			w.log.Error("read who waits", "err", err)
		}
	}
}

func (w *poster) comparePins() error {
	var list *waitingList
	var failed error
	err := w.store.PinsDiffer(func(c store.Chat) bool {
		if list == nil && failed == nil {
			var read waitingList
			read, failed = w.whoWaits(0)
			list = &read
		}
		return failed == nil && hashOf(w.pinText(w.language(c.ID), c.ID, *list)) != c.Pin.Text
	})
	return errors.Join(failed, err)
}

// pinText returns what the pinned list of a chat says.
func (v voice) pinText(t *text.Language, chat sms.ChatID, l waitingList) string {
	now := v.now()
	said := v.waitingText(t, chat, l, func(at time.Time) string { return t.Clock(at, now) })
	if !l.last() {
		said += "\n" + t.Say(t.PinRest, l.all-len(l.page))
	}
	return said
}

func hashOf(s string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(s))
	return h.Sum64()
}

// showPin takes the next step for the pinned list of a chat: it has an earlier one unpinned, posts it, pins it, or brings it up to date.
func (w *poster) showPin(ctx context.Context, t *text.Language, p store.Post) error {
	c, err := w.store.Chat(p.Chat)
	if err != nil {
		return fmt.Errorf("read chat: %w", err)
	}
	switch {
	case len(c.Unpins) > 0:
		return w.unpinOld(ctx, p, c.Unpins[0])
	case c.Pin == nil:
		return w.store.Persist(ctx, "note a post", func() error { return w.store.PostNotNeeded(p) })
	case c.Pin.Message != 0 && !c.Pin.Pinned && !c.Pin.Denied:
		return w.pinMessage(ctx, t, p, *c.Pin)
	}
	list, err := w.whoWaits(0)
	if err != nil {
		return err
	}
	pin := *c.Pin
	o := telegram.Outgoing{Chat: p.Chat, Topic: pin.Topic, ReplyTo: p.ReplyTo, Edit: pin.Message, HTML: w.pinText(t, p.Chat, list)}
	if o.Edit != 0 && hashOf(o.HTML) == pin.Text {
		return w.store.Persist(ctx, "note a post", func() error { return w.store.PostNotNeeded(p) })
	}
	pin.Text = hashOf(o.HTML)
	o.HTML = t.SetApart(o.HTML)
	o.Plain = text.Plain(o.HTML)
	if o.Edit == 0 {
		if pin.Message, err = w.post(ctx, &o); err != nil {
			return err
		}
		pin.Topic = o.Topic
		return w.store.Persist(ctx, "note a pin", func() error { return w.store.PinChanged(p, pin, false) })
	}
	_, err = w.tg.Post(ctx, o)
	w.arrived(p.Chat, err)
	switch telegram.FateOf(err) {
	case telegram.NotEditable, telegram.Refused, telegram.TopicLost:
		w.log.Info("pinned list is gone", "chat", int64(p.Chat), "err", err)
		said := store.Post{Chat: p.Chat, Topic: pin.Topic, Kind: store.PostText, Text: t.PinLost}
		return w.store.Persist(ctx, "note a pin", func() error { return w.store.PinLost(p, pin, said) })
	case telegram.NotModified, telegram.TopicClosed: // somebody may open the topic again
		err = nil
	}
	if err != nil {
		return err
	}
	return w.store.Persist(ctx, "note a pin", func() error { return w.store.PinChanged(p, pin, true) })
}

// pinMessage pins a list that is posted.
func (w *poster) pinMessage(ctx context.Context, t *text.Language, p store.Post, pin store.Pin) error {
	err := w.tg.Pin(ctx, p.Chat, pin.Message)
	w.arrived(p.Chat, err)
	var say []store.Post
	switch e, failed := errors.AsType[*telegram.Error](err); {
	case !failed:
		pin.Pinned = true
	case e.Fate == telegram.PinsDenied, e.Fate == telegram.Refused:
		w.log.Info("chat takes no pin", "chat", int64(p.Chat), "reason", e.Reason)
		pin.Denied = true
		say = []store.Post{{Chat: p.Chat, Topic: pin.Topic, Kind: store.PostText, Text: t.PinDenied, ReplyTo: pin.Message}}
	default:
		return err
	}
	return w.store.Persist(ctx, "note a pin", func() error { return w.store.PinChanged(p, pin, true, say...) })
}

// unpinOld unpins a list that is not kept up to date any more, if it still is pinned.
func (w *poster) unpinOld(ctx context.Context, p store.Post, message sms.ChatMessageID) error {
	err := w.tg.Unpin(ctx, p.Chat, message)
	if e, failed := errors.AsType[*telegram.Error](err); failed && e.Fate != telegram.PinsDenied && e.Fate != telegram.Refused {
		return err
	}
	return w.store.Persist(ctx, "note a pin", func() error { return w.store.Unpinned(p, message) })
}
