package bot

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"peyk/sms"
	"peyk/store"
)

// lostChatPause is how often a chat that takes no posts is tried, beside when it is heard of.
const lostChatPause = 10 * time.Minute

// chatStates is when chats may be posted to again.
type chatStates struct {
	mu     sync.Mutex
	until  map[store.ChatID]time.Time // a chat that asked for patience
	busy   map[store.ChatID]bool
	all    time.Time // all chats: Telegram is down, or more than one asked for patience
	revive chan struct{}
}

func newChatStates() *chatStates {
	return &chatStates{until: map[store.ChatID]time.Time{}, busy: map[store.ChatID]bool{}, revive: make(chan struct{}, 1)}
}

// held tells whether a chat is not to be posted to at now.
func (c *chatStates) held(chat store.ChatID, now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.busy[chat] || c.until[chat].After(now) || c.all.After(now)
}

// next returns the earliest end of a hold after now; zero when there is none.
func (c *chatStates) next(now time.Time) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	var next time.Time
	for chat, until := range c.until {
		if !until.After(now) {
			delete(c.until, chat)
			continue
		}
		if next.IsZero() || until.Before(next) {
			next = until
		}
	}
	if c.all.After(now) {
		next = c.all
	}
	return next
}

func (c *chatStates) setBusy(chat store.ChatID, busy bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if busy {
		c.busy[chat] = true
	} else {
		delete(c.busy, chat)
	}
}

// hold keeps a chat from being posted to for d. With flood set, and another chat held for the same reason, it keeps all: nothing
// in a 429 says which limit was hit.
func (c *chatStates) hold(chat store.ChatID, d time.Duration, now time.Time, flood bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if flood {
		for other, until := range c.until {
			if other != chat && until.After(now) {
				c.all = later(c.all, now.Add(d))
			}
		}
	}
	c.until[chat] = later(c.until[chat], now.Add(d))
}

func (c *chatStates) holdAll(d time.Duration, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all = later(c.all, now.Add(d))
}

func (c *chatStates) allHeld(now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.all.After(now)
}

// releaseAll ends a hold of all chats: Telegram was heard of.
func (c *chatStates) releaseAll() {
	c.mu.Lock()
	c.all = time.Time{}
	c.mu.Unlock()
	c.wake()
}

// release lets a chat be tried at once: it was heard of.
func (c *chatStates) release(chat store.ChatID) {
	c.mu.Lock()
	delete(c.until, chat)
	c.mu.Unlock()
	c.wake()
}

func (c *chatStates) wake() {
	select {
	case c.revive <- struct{}{}:
	default:
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// shown is how one post went.
type shown struct {
	post store.Post
	err  error
}

// showPosts works off the post queue: in each chat in order and one at a time, in several chats at once.
func (b *Bot) showPosts(ctx context.Context) error {
	ended := make(chan shown)
	running := 0
	trouble := outage{log: b.log, what: "telegram"}
	repeated := map[store.ChatID]uint64{} // the SMS of a chat whose last try may have arrived
	defer func() {
		for ; running > 0; running-- {
			<-ended
		}
	}()
	for {
		now := time.Now()
		var due time.Time
		if ctx.Err() == nil && running < posters {
			heads, next, err := b.store.Heads(func(c store.ChatID) bool { return b.chats.held(c, now) })
			if err != nil {
				return fmt.Errorf("read post queue: %w", err)
			}
			due = next
			for _, p := range heads[:min(len(heads), posters-running)] {
				if id, ok := repeated[p.Chat]; ok && p.Class == store.Backlog && id == p.ID {
					p.Repeated = true
				}
				b.chats.setBusy(p.Chat, true)
				running++
				go func() { ended <- shown{p, b.show(context.WithoutCancel(ctx), p)} }()
			}
		}
		if ctx.Err() != nil {
			return nil
		}
		if hold := b.chats.next(now); due.IsZero() || !hold.IsZero() && hold.Before(due) {
			due = hold
		}
		wait := time.Hour
		if !due.IsZero() {
			wait = max(time.Until(due), time.Millisecond)
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-b.store.Posts():
		case <-b.chats.revive:
		case <-timer.C:
		case s := <-ended:
			running--
			b.chats.setBusy(s.post.Chat, false)
			if fateOf(s.err) == revoked {
				timer.Stop()
				return b.fatal(s.err)
			}
			b.settle(s, &trouble, repeated)
		}
		timer.Stop()
	}
}

// settle does what the outcome of a post calls for.
func (b *Bot) settle(s shown, trouble *outage, repeated map[store.ChatID]uint64) {
	now, chat := time.Now(), s.post.Chat
	if s.err == nil {
		trouble.worked()
		delete(repeated, chat)
		return
	}
	e, ok := errors.AsType[*telegramError](s.err)
	if !ok { // the store: the row is still there
		b.log.Error("show post", "chat", int64(chat), "err", s.err)
		b.chats.hold(chat, time.Second, now, false)
		return
	}
	var err error
	switch e.fate {
	case slowDown:
		b.log.Warn("telegram asks for patience", "chat", int64(chat), "seconds", e.retryAfter.Seconds())
		b.chats.hold(chat, e.retryAfter, now, true)
	case migrated:
		b.log.Info("group became a supergroup", "chat", int64(chat), "now", int64(e.migratedTo))
		err = b.store.MigrateChat(chat, e.migratedTo)
	case chatLost:
		b.chats.hold(chat, lostChatPause, now, false)
		b.log.Warn("chat takes no posts", "chat", int64(chat), "reason", e.reason)
		err = b.store.ChatLost(chat, e.reason)
	case refused, badMarkup:
		b.log.Error("telegram refuses a post", "chat", int64(chat), "post", s.post.ID, "kind", string(s.post.Kind), "reason", e.reason)
		err = b.store.Refused(s.post, e.reason)
	default:
		if e.arrived && s.post.Class == store.Backlog {
			repeated[chat] = s.post.ID
		}
		if !b.chats.allHeld(now) { // calls that failed together are one failure
			b.chats.holdAll(pause(500*time.Millisecond, trouble.failed(s.err)), now)
		}
	}
	if err != nil {
		b.log.Error("store the fate of a post", "chat", int64(chat), "err", err)
		b.chats.hold(chat, time.Second, now, false)
	}
}

// show carries out one post, or the next part of it, and notes that it was.
func (b *Bot) show(ctx context.Context, p store.Post) error {
	t := b.text(p.Chat)
	o := outgoing{chat: p.Chat, topic: p.Topic, replyTo: p.ReplyTo}
	emoji, more := "", false
	switch p.Kind {
	case store.PostText:
		o.html, o.plain = p.Text, plain(p.Text)
		for _, button := range p.Buttons {
			o.buttons = append(o.buttons, []store.Button{button})
		}
	case store.PostSMS:
		m, err := b.store.SMS(p.Seq)
		if err != nil {
			return fmt.Errorf("read sms %d: %w", p.Seq, err)
		}
		parts := b.renderSMS(t, m, p.Repeated, time.Now())
		part := parts[min(p.Part, len(parts)-1)]
		o.html, o.plain, more = part.html, part.plain, p.Part < len(parts)-1
	case store.PostIncident:
		i, err := b.store.Incident(p.Incident)
		if err != nil {
			return fmt.Errorf("read incident %d: %w", p.Incident, err)
		}
		o.html = b.renderIncident(t, i, time.Now())
		o.plain = plain(o.html)
	case store.PostBatch:
		return b.showBatch(ctx, p, t)
	}
	id, err := b.place(ctx, o)
	if err != nil {
		return err
	}
	return b.persist(ctx, "note a post", func() error { return b.store.Posted(p, id, emoji, more) })
}

// place posts o, at the next best place when its own is gone.
func (b *Bot) place(ctx context.Context, o outgoing) (store.ChatMessageID, error) {
	for {
		id, err := b.tg.post(ctx, o)
		switch {
		case err == nil:
			return id, nil
		case fateOf(err) == topicLost && o.topic != 0:
			o.topic = 0
		case fateOf(err) == replyLost && o.replyTo != 0:
			o.replyTo = 0
		case fateOf(err) == notModified && o.edit != 0:
			return o.edit, nil
		case fateOf(err) == notEditable && o.edit != 0:
			o.edit = 0
		default:
			return 0, err
		}
	}
}

// recipientsShown bounds how many recipients of a batch are read to find those that failed.
const recipientsShown = 1000

// showBatch edits the message that reports a batch, or posts it, and puts the emoji on the reply that ordered it. Both may be done again.
func (b *Bot) showBatch(ctx context.Context, p store.Post, t *text) error {
	batch, err := b.store.Batch(p.Batch)
	if err != nil {
		return fmt.Errorf("read batch %d: %w", p.Batch, err)
	}
	limit := 1
	if batch.Counts[sms.Failed] > 0 {
		limit = recipientsShown
	}
	recipients, err := b.store.Recipients(batch, 0, limit)
	if err != nil {
		return fmt.Errorf("read recipients of batch %d: %w", p.Batch, err)
	}
	o := outgoing{chat: p.Chat, topic: p.Topic, replyTo: batch.Message, edit: batch.Shown}
	if p.Chat != batch.Chat {
		// The group became a supergroup: its messages stayed behind.
		o.replyTo, o.edit = 0, 0
		if l, err := b.store.Link(p.Chat, batch.Shown); err == nil && l.Batch == batch.ID {
			o.edit = batch.Shown
		}
	}
	var emoji string
	o.html, o.buttons, emoji = b.renderBatch(t, batch, recipients)
	o.plain = plain(o.html)
	id, err := b.place(ctx, o)
	if err != nil {
		return err
	}
	if batch.Reply && emoji != batch.Reaction && p.Chat == batch.Chat {
		// A chat may forbid reactions: the message says the same.
		if err := b.tg.react(ctx, p.Chat, batch.Message, emoji); err != nil && (fateOf(err) == passing || fateOf(err) == slowDown) {
			return err
		}
	} else {
		emoji = batch.Reaction
	}
	return b.persist(ctx, "note a post", func() error { return b.store.Posted(p, id, emoji, false) })
}
