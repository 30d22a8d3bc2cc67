package bot

import (
	"context"
	"errors"
	"strings"
	"time"

	"peyk/bot/text"
	"peyk/internal/crashpoint"
	"peyk/sms"
	"peyk/store"
	"peyk/telegram"
)

// showCard posts or edits the card of the customer that a place belongs to. The title of a topic that we made follows the customer's name.
func (w *poster) showCard(ctx context.Context, t *text.Language, p store.Post) error {
	place := sms.Place{Chat: p.Chat, Topic: p.Topic}
	bound, err := w.store.Bound(place)
	if errors.Is(err, store.ErrNotFound) { // an earlier version queued it although the place belongs to nobody any more
		return w.store.Persist(ctx, "note a post", func() error { return w.store.Posted(p, 0, false) })
	}
	if err != nil {
		return err
	}
	c, err := w.store.Customer(bound.Customer)
	if err != nil {
		return err
	}
	if title := topicTitle(c); bound.Made && title != bound.Title {
		err := w.tg.RenameTopic(ctx, place, title)
		if e, failed := errors.AsType[*telegram.Error](err); failed && (e.Fate == telegram.SlowDown || e.Fate == telegram.Passing && e.Code < 500) {
			return err
		}
		if err == nil {
			err = w.store.EditTopic(place, func(bound *store.Bound) { bound.Title = title })
		}
		if err != nil {
			w.log.Warn("rename topic", "chat", int64(p.Chat), "topic", int64(p.Topic), "err", err) // the card says the name all the same
		}
	}
	o := telegram.Outgoing{Chat: p.Chat, Topic: p.Topic, Edit: bound.Card, Strict: p.Topic != 0, HTML: renderCard(t, c, bound.Made, w.now())}
	o.Plain = text.Plain(o.HTML)
	if c.Number.Answerable() {
		o.Buttons = [][]telegram.Button{{copyButton(t, c.Number)}}
	}
	crashpoint.At("card.due")
	id, err := w.post(ctx, &o)
	crashpoint.At("card.answered")
	switch {
	case o.Strict && telegram.FateOf(err) == telegram.TopicLost:
		return w.replaceLostTopic(ctx, bound, err)
	case o.Strict && telegram.FateOf(err) == telegram.TopicClosed:
		// It is posted when the topic is opened again.
		return w.store.Persist(ctx, "note a post", func() error { return w.store.Posted(p, 0, false) })
	case err != nil:
		return err
	}
	return w.store.Persist(ctx, "note a post", func() error { return w.store.Posted(p, id, false) })
}

// renderCard says who a customer is, in a topic of ours or another place.
func renderCard(t *text.Language, c store.Customer, ours bool, now time.Time) string {
	who := text.Code(text.Short(string(c.Number), text.NameRunes))
	if c.Name != "" {
		who = "<b>" + text.Isolated(c.Name) + "</b> · " + who
	}
	head := t.Say(t.CardHead, who)
	if c.Line != "" {
		head += t.Say(t.CardLine, text.Code(text.Short(string(c.Line), text.NameRunes)))
	}
	counts := t.Say(t.CardCounts, c.In, c.Out)
	if !c.First.IsZero() {
		counts += t.Say(t.CardSince, t.Clock(c.First, now))
	}
	lines := []string{head, counts}
	if c.Claim.Owner != 0 {
		lines = append(lines, t.Say(t.CardOwner, text.Isolated(c.Claim.Name)))
	} else {
		lines = append(lines, t.CardNobody)
	}
	lines = append(lines, "", t.CardRule)
	if ours {
		lines = append(lines, iconLegend(t))
	}
	return strings.Join(lines, "\n")
}
