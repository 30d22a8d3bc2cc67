package bot

import (
	"context"
	"errors"
	"fmt"
	"time"

	"peyk/bot/text"
	"peyk/internal/crashpoint"
	"peyk/sms"
	"peyk/store"
)

// overflowAfter is how long SMS wait in a group that has too little room to show them one by one, or in a forum each in its customer's topic. Then all are
// shown in one message: with the turns that each share has, none waits for longer than promised, twenty and thirty seconds.
func overflowAfter(s share) time.Duration {
	if s == known {
		return 6 * time.Second
	}
	return 2 * time.Second
}

// showSMS shows an SMS, or the next part of a long one, or several SMS in one message.
func (w *poster) showSMS(ctx context.Context, t *text.Language, p store.Post) error {
	late := w.store.Now().Add(-overflowAfter(shareOf(p)))
	if p.Chat > 0 { // nobody else takes its turns
		late = time.Time{}
	}
	room := w.pace.room(p.Chat)
	show, err := w.store.ToShow(p, text.DigestMost, room, late)
	if errors.Is(err, store.ErrNotFound) { // the queue has changed since it was looked at, and is looked at again
		return nil
	}
	if err != nil {
		return fmt.Errorf("read what to show: %w", err)
	}
	p = show.Posts[0]
	if show.Mixed && p.Digest == 0 && text.DigestSize(show.SMS, show.Names) == 1 { // no other fits into its message, which may as well go to its topic
		_, has := show.Customer.TopicIn(p.Chat)
		show.Mixed = !has && room < 2
	}
	place := sms.Place{Chat: p.Chat, Topic: p.Topic}
	if !show.Mixed {
		var made bool
		if place, made, err = w.topicFor(ctx, show, p); err != nil || made {
			return err
		}
	}
	n, err := w.digest(p, show)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	posts, messages, names, repeated := show.Posts[:n], show.SMS[:n], show.Names[:n], false
	for _, p := range posts {
		repeated = repeated || p.Repeated
	}
	if len(posts) > 1 {
		o := text.Digest(t, messages, names, repeated, w.now())
		crashpoint.At("digest.begun")
		o.Chat, o.Topic = place.Chat, place.Topic
		id, topic, err := w.postSMS(ctx, o)
		crashpoint.At("digest.answered")
		if err != nil || id == 0 {
			return err
		}
		return w.store.Persist(ctx, "note a post", func() error { return w.store.DigestPosted(posts, topic, id) })
	}
	parts := text.SMS(t, messages[0], names[0], repeated, w.now())
	o := parts[min(p.Part, len(parts)-1)]
	crashpoint.At("post.due")
	o.Chat, o.Topic = place.Chat, place.Topic
	if p.Part >= len(parts)-1 {
		_, own := show.Customer.TopicIn(place.Chat)
		o.Buttons = answerButtons(t, messages[0].Customer, own || show.Customer.Linked != nil && *show.Customer.Linked == place)
	}
	id, topic, err := w.postSMS(ctx, o)
	crashpoint.At("post.answered")
	if err != nil || id == 0 {
		return err
	}
	p.Topic = topic
	return w.store.Persist(ctx, "note a post", func() error { return w.store.Posted(p, id, p.Part < len(parts)-1) })
}

// digest returns how many of the posts to show go into one message: those of an interrupted digest, or as many as fit. Of several it notes
// that they begin.
func (w *poster) digest(p store.Post, show store.ToShow) (int, error) {
	if p.Part > 0 || p.Digest > 0 {
		return len(show.Posts), nil
	}
	n := text.DigestSize(show.SMS, show.Names)
	if n == 1 && !show.Mixed {
		return 1, nil
	}
	return n, w.store.BeginDigest(show.Posts[:n], show.Mixed)
}
