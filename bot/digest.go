package bot

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"peyk/bot/text"
	"peyk/internal/crashpoint"
	"peyk/store"
)

// showSMS shows an SMS, or the next part of a long one, or it and those behind it in one message.
func (w *poster) showSMS(ctx context.Context, t *text.Language, p store.Post) error {
	chat, err := w.store.Chat(p.Chat)
	if err != nil {
		return err
	}
	place, made, err := w.topicFor(ctx, chat, p)
	if err != nil || made {
		return err
	}
	posts, err := w.digest(p, chat.Topics)
	if err != nil { // perhaps the post has gone to another chat with its group
		return err
	}
	messages, names, repeated := make([]store.SMS, len(posts)), make([]string, len(posts)), false
	for i, p := range posts {
		if messages[i], names[i], err = w.readSMS(p.Seq); err != nil {
			return err
		}
		repeated = repeated || p.Repeated
	}
	if len(posts) > 1 {
		o := text.Digest(t, messages, names, repeated, w.now())
		crashpoint.At("digest.begun")
		o.Chat, o.Topic = place.Chat, place.Topic
		id, topic, err := w.placeSMS(ctx, o)
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
	id, topic, err := w.placeSMS(ctx, o)
	crashpoint.At("post.answered")
	if err != nil || id == 0 {
		return err
	}
	p.Topic = topic
	return w.store.Persist(ctx, "note a post", func() error { return w.store.Posted(p, id, p.Part < len(parts)-1) })
}

// readSMS returns an SMS and the name its customer was given.
func (w *poster) readSMS(seq store.Seq) (store.SMS, string, error) {
	m, err := w.store.SMS(seq)
	if err != nil {
		return m, "", fmt.Errorf("read sms %d: %w", seq, err)
	}
	c, err := w.store.Customer(m.Customer)
	return m, c.Name, err
}

// digestPage is how many SMS one message holds at most. Telegram keeps a hundred marks in a message and drops those behind: here one, and
// three for each SMS, without whose block an answer would not find it.
const digestPage = 32

// digest returns the posts that p is to be shown together with: those of an interrupted digest, else as many as one message holds when
// more wait than the chat takes one by one, else p alone. Where customers have topics all are one customer's.
func (w *poster) digest(p store.Post, topics bool) ([]store.Post, error) {
	if p.Part > 0 {
		return []store.Post{p}, nil
	}
	limit := digestPage
	if p.Digest > 0 {
		limit = p.Digest
	}
	posts, waiting, err := w.store.Following(p, limit, topics)
	if err != nil || len(posts) == 0 {
		return nil, fmt.Errorf("read post queue: %w", cmp.Or(err, store.ErrNotFound))
	}
	if p.Digest > 0 {
		return posts, nil
	}
	n := 1
	if waiting > w.pace.room(p.Chat, time.Now()) {
		if n, err = w.digestSize(posts); err != nil {
			return nil, err
		}
	}
	w.pace.digesting(p.Chat, n > 1)
	if n == 1 {
		return posts[:1], nil
	}
	return posts[:n], w.store.BeginDigest(p, n)
}

// digestSize is how many of posts, from the first on, one message holds.
func (w *poster) digestSize(posts []store.Post) (int, error) {
	units := text.HeadUnits
	for i, p := range posts {
		m, name, err := w.readSMS(p.Seq)
		if err != nil {
			return 0, err
		}
		// The head is counted with its tags, which Telegram does not count: a little less fits than could.
		if units += text.Units(m, name); units > text.MessageUnits {
			return max(i, 1), nil
		}
	}
	return len(posts), nil
}
