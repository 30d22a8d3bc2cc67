package bot

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"peyk/bot/text"
	"peyk/internal/backoff"
	"peyk/internal/crashpoint"
	"peyk/sms"
	"peyk/store"
	"peyk/telegram"
)

// lostChatPause is how often a chat that takes no posts is tried, beside when it is heard of.
const lostChatPause = 10 * time.Minute

// closedPause is how often a chat is tried whose General is closed to us: what goes into its topics waits no longer.
const closedPause = 10 * time.Second

// shown is how one post went.
type shown struct {
	post store.Post
	err  error
}

// showPosts works off the post queue: in each chat in order and one at a time, in several chats at once.
func (b *Bot) showPosts(ctx context.Context) error {
	ended := make(chan shown)
	running := 0
	trouble := backoff.Backoff{Log: b.log, What: "telegram", Shortest: 500 * time.Millisecond}
	var suspected suspects
	defer func() {
		for ; running > 0; running-- { // what they came to must be known to the next start
			b.settle(<-ended, &trouble, &suspected)
		}
	}()
	for {
		now := time.Now()
		b.pace.forget(now)
		var due time.Time
		soonest := func(at time.Time) {
			if !at.IsZero() && (due.IsZero() || at.Before(due)) {
				due = at
			}
		}
		if running < posters {
			heads, next, err := b.store.Heads(func(chat sms.ChatID) store.Gate {
				g, next := b.pace.gate(chat, now)
				soonest(next)
				return g
			})
			if err != nil {
				return fmt.Errorf("read post queue: %w", err)
			}
			if !next.IsZero() {
				soonest(now.Add(next.Sub(b.store.Now()))) // the pace is kept by our own clock, whatever it shows
			}
			for _, p := range heads[:min(len(heads), posters-running)] {
				if next, ok := b.pace.begin(p.Chat); !ok {
					soonest(next)
					continue
				}
				running++
				go func() { ended <- shown{p, b.showBegun(context.WithoutCancel(ctx), p)} }()
			}
		}
		wait := time.Hour
		if !due.IsZero() {
			wait = max(time.Until(due), 0)
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-b.store.Posts():
		case <-b.pace.wake:
		case <-timer.C:
		case s := <-ended:
			running--
			crashpoint.At("post.ended")
			b.pace.end(s.post.Chat)
			if err := b.doubt(ctx, s.err); err != nil { // no chat is posted to meanwhile
				timer.Stop()
				return err
			}
			b.settle(s, &trouble, &suspected)
		}
		timer.Stop()
	}
}

// poisonTries is how often a post may fail while others work, before it is set aside: some minutes.
const poisonTries = 10

// suspects tells a post on which alone Telegram fails from an outage: others work meanwhile. The zero value is ready.
type suspects struct {
	lastWorked time.Time
	failing    map[sms.ChatID]suspect
}

type suspect struct {
	post  uint64
	since time.Time
	tries int
}

func (s *suspects) worked(p store.Post, now time.Time) {
	s.lastWorked = now
	if s.failing[p.Chat].post == p.ID {
		delete(s.failing, p.Chat)
	}
}

// failed counts a failure of p and tells whether others worked since its first.
func (s *suspects) failed(p store.Post, now time.Time) (tries int, alone bool) {
	f := s.failing[p.Chat]
	if f.post != p.ID {
		f = suspect{post: p.ID, since: now}
	}
	f.tries++
	if s.failing == nil {
		s.failing = map[sms.ChatID]suspect{}
	}
	s.failing[p.Chat] = f
	return f.tries, s.lastWorked.After(f.since)
}

// settle does what the outcome of a post calls for.
func (b *Bot) settle(s shown, trouble *backoff.Backoff, suspects *suspects) {
	now, chat := time.Now(), s.post.Chat
	if s.err == nil {
		trouble.After(nil)
		suspects.worked(s.post, now)
		return
	}
	e, ok := errors.AsType[*telegram.Error](s.err)
	if !ok { // the store: the row is still there
		b.log.Error("show post", "chat", int64(chat), "err", s.err)
		b.pace.hold(chat, time.Second, now)
		return
	}
	var err error
	switch e.Fate {
	case telegram.SlowDown:
		b.log.Warn("telegram asks for patience", "chat", int64(chat), "seconds", e.RetryAfter.Seconds())
		b.pace.patience(chat, e.RetryAfter, now)
		err = b.store.HoldChat(chat, now.Add(e.RetryAfter))
	case telegram.Migrated:
		b.log.Info("group became a supergroup", "chat", int64(chat), "now", int64(e.MigratedTo))
		err = b.store.MigrateChat(chat, e.MigratedTo)
	case telegram.ChatLost:
		err = b.lost(s.post, e.Reason, now)
	case telegram.TopicClosed, telegram.TopicLost: // General, too: there is no place left
		b.log.Warn("chat takes no posts outside of topics", "chat", int64(chat), "reason", e.Reason)
		if s.post.Class == store.Answers {
			err = b.store.SetAside(s.post, e.Reason)
			break
		}
		b.pace.hold(chat, closedPause, now)
		err = b.store.ChatLost(chat, e.Reason)
	case telegram.Refused, telegram.BadMarkup:
		b.log.Error("telegram refuses a post", "chat", int64(chat), "post", s.post.ID, "kind", string(s.post.Kind), "reason", e.Reason)
		err = b.unshown(s.post, e.Reason, now)
	default:
		tries, alone := suspects.failed(s.post, now)
		if alone && tries >= poisonTries && e.Code != 0 {
			b.log.Error("telegram fails on one post only", "chat", int64(chat), "post", s.post.ID, "kind", string(s.post.Kind), "reason", e.Reason)
			delete(suspects.failing, chat)
			err = b.unshown(s.post, e.Reason, now)
			break
		}
		if e.Arrived {
			err = b.store.PostUncertain(s.post)
		}
		if alone {
			b.pace.hold(chat, backoff.Pause(500*time.Millisecond, 0, tries), now)
			break
		}
		b.pace.holdAll(func() time.Duration { return trouble.After(s.err) }, now)
	}
	if err != nil {
		b.log.Error("store the fate of a post", "chat", int64(chat), "err", err)
		b.pace.hold(chat, time.Second, now)
	}
}

// unshown has a notice take the place of a post that Telegram refuses in every form. If the notice is refused, too, it is the chat, whatever
// Telegram calls the reason: all waits until it takes posts again.
func (b *Bot) unshown(p store.Post, reason string, now time.Time) error {
	if p.Reason == "" {
		return b.store.NoticeInstead(p, reason)
	}
	return b.lost(p, reason, now)
}

// lost leaves a chat alone that takes no posts. p is tried from the beginning then.
func (b *Bot) lost(p store.Post, reason string, now time.Time) error {
	b.pace.hold(p.Chat, lostChatPause, now)
	b.log.Warn("chat takes no posts", "chat", int64(p.Chat), "reason", reason)
	if p.Reason != "" {
		if err := b.store.NoticeInstead(p, ""); err != nil {
			return err
		}
	}
	return b.store.ChatLost(p.Chat, reason)
}

// showNotice shows, instead of a post that Telegram refused, which one it is.
func (b *Bot) showNotice(ctx context.Context, t *text.Language, p store.Post) error {
	o := telegram.Outgoing{Chat: p.Chat, Topic: p.Topic, ReplyTo: p.ReplyTo, HTML: t.Say(t.Unshown, text.Reason(p.Reason)), Buttons: showAgainButton(t, p.Chat, p.Class, p.ID), Loud: true}
	if p.Kind == store.PostSMS {
		chat, err := b.store.Chat(p.Chat)
		if err != nil {
			return err
		}
		place, made, err := b.topicFor(ctx, chat, p)
		if err != nil || made {
			return err
		}
		o.Topic = place.Topic
		// The head stands first, where a reply to a notice that nobody noted finds it.
		o.HTML = strings.TrimPrefix(b.nameSMS(t, p.Seq)+"\n"+t.Say(t.UnshownSMS, text.Reason(p.Reason)), "\n")
	}
	o.Plain = text.Plain(o.HTML)
	place := b.place
	if p.Kind == store.PostSMS {
		place = func(ctx context.Context, o *telegram.Outgoing) (sms.ChatMessageID, error) {
			id, _, err := b.placeSMS(ctx, *o)
			return id, err
		}
	}
	crashpoint.At("notice.due")
	id, err := place(ctx, &o)
	crashpoint.At("notice.answered")
	if err != nil || id == 0 {
		return err
	}
	return b.store.Persist(ctx, "note a post", func() error { return b.store.NoticePosted(p, id) })
}

// nameSMS says which SMS it is, without its words; "" when it is not kept any more.
func (b *Bot) nameSMS(t *text.Language, seq store.Seq) string {
	if seq == 0 {
		return ""
	}
	m, err := b.store.SMS(seq)
	if err != nil {
		return ""
	}
	return text.Head(t, m, "", b.now())
}

// showBegun is show, noting before a group's first post that one may be on its way. A call that surely did not get there takes the note back, so that
// however often the program is started, only what was begun counts.
func (b *Bot) showBegun(ctx context.Context, p store.Post) error {
	note := func(begun bool) error {
		if p.Chat > 0 || b.pace.noteBegun(p.Chat, begun) {
			return nil
		}
		return b.store.Persist(ctx, "note that a post begins", func() error { return b.store.SetInFlight(p.Chat, begun) })
	}
	if err := note(true); err != nil {
		return err
	}
	err := b.show(ctx, p)
	if e, failed := errors.AsType[*telegram.Error](err); failed && !e.Arrived {
		return errors.Join(err, note(false))
	}
	return err
}

// show carries out one post, or the next part of it, and notes that it was.
func (b *Bot) show(ctx context.Context, p store.Post) error {
	t := b.language(p.Chat)
	if p.Reason != "" {
		return b.showNotice(ctx, t, p)
	}
	o := telegram.Outgoing{Chat: p.Chat, Topic: p.Topic, ReplyTo: p.ReplyTo}
	switch p.Kind {
	case store.PostText:
		o.HTML, o.Plain = p.Text, text.Plain(p.Text)
		for _, under := range p.Buttons {
			o.Buttons = append(o.Buttons, []telegram.Button{telegram.Button(under)})
		}
	case store.PostSMS:
		return b.showSMS(ctx, t, p)
	case store.PostCard:
		return b.showCard(ctx, t, p)
	case store.PostMarks:
		o.HTML, o.Plain = t.Marks, text.Plain(t.Marks)
	case store.PostIncident:
		i, err := b.store.Incident(p.Incident)
		if err != nil {
			return fmt.Errorf("read incident %d: %w", p.Incident, err)
		}
		o.HTML = b.renderIncident(t, i, b.now())
		o.Plain, o.Loud = text.Plain(o.HTML), true
		if i.Post != 0 {
			o.Buttons = showAgainButton(t, i.Chat, i.Class, i.Post)
		}
	case store.PostBatch:
		return b.showBatch(ctx, p, t)
	}
	crashpoint.At("text.due")
	id, err := b.place(ctx, &o)
	crashpoint.At("text.answered")
	if err != nil {
		return err
	}
	return b.store.Persist(ctx, "note a post", func() error { return b.store.Posted(p, id, false) })
}

// showSMS shows an SMS, or the next part of a long one, or it and those behind it in one message.
func (b *Bot) showSMS(ctx context.Context, t *text.Language, p store.Post) error {
	chat, err := b.store.Chat(p.Chat)
	if err != nil {
		return err
	}
	place, made, err := b.topicFor(ctx, chat, p)
	if err != nil || made {
		return err
	}
	posts, err := b.digest(p, chat.Topics)
	if err != nil { // perhaps the post has gone to another chat with its group
		return err
	}
	messages, names, repeated := make([]store.SMS, len(posts)), make([]string, len(posts)), false
	for i, p := range posts {
		if messages[i], names[i], err = b.readSMS(p.Seq); err != nil {
			return err
		}
		repeated = repeated || p.Repeated
	}
	if len(posts) > 1 {
		o := text.Digest(t, messages, names, repeated, b.now())
		crashpoint.At("digest.begun")
		o.Chat, o.Topic = place.Chat, place.Topic
		id, topic, err := b.placeSMS(ctx, o)
		crashpoint.At("digest.answered")
		if err != nil || id == 0 {
			return err
		}
		return b.store.Persist(ctx, "note a post", func() error { return b.store.DigestPosted(posts, topic, id) })
	}
	parts := text.SMS(t, messages[0], names[0], repeated, b.now())
	o := parts[min(p.Part, len(parts)-1)]
	crashpoint.At("post.due")
	o.Chat, o.Topic = place.Chat, place.Topic
	id, topic, err := b.placeSMS(ctx, o)
	crashpoint.At("post.answered")
	if err != nil || id == 0 {
		return err
	}
	p.Topic = topic
	return b.store.Persist(ctx, "note a post", func() error { return b.store.Posted(p, id, p.Part < len(parts)-1) })
}

// readSMS returns an SMS and the name its customer was given.
func (b *Bot) readSMS(seq store.Seq) (store.SMS, string, error) {
	m, err := b.store.SMS(seq)
	if err != nil {
		return m, "", fmt.Errorf("read sms %d: %w", seq, err)
	}
	c, err := b.store.Customer(m.Customer)
	return m, c.Name, err
}

// digestPage is how many SMS one message holds at most. Telegram keeps a hundred marks in a message and drops those behind: here one, and
// three for each SMS, without whose block an answer would not find it.
const digestPage = 32

// digest returns the posts that p is to be shown together with: those of an interrupted digest, else as many as one message holds when
// more wait than the chat takes one by one, else p alone. Where customers have topics all are one customer's.
func (b *Bot) digest(p store.Post, topics bool) ([]store.Post, error) {
	if p.Part > 0 {
		return []store.Post{p}, nil
	}
	limit := digestPage
	if p.Digest > 0 {
		limit = p.Digest
	}
	posts, waiting, err := b.store.Following(p, limit, topics)
	if err != nil || len(posts) == 0 {
		return nil, fmt.Errorf("read post queue: %w", cmp.Or(err, store.ErrNotFound))
	}
	if p.Digest > 0 {
		return posts, nil
	}
	n := 1
	if waiting > b.pace.room(p.Chat, time.Now()) {
		if n, err = b.digestSize(posts); err != nil {
			return nil, err
		}
	}
	b.pace.digesting(p.Chat, n > 1)
	if n == 1 {
		return posts[:1], nil
	}
	return posts[:n], b.store.BeginDigest(p, n)
}

// digestSize is how many of posts, from the first on, one message holds.
func (b *Bot) digestSize(posts []store.Post) (int, error) {
	units := text.HeadUnits
	for i, p := range posts {
		m, name, err := b.readSMS(p.Seq)
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

// place posts o, at the next best place when its own is gone; o says in the end where that is.
func (b *Bot) place(ctx context.Context, o *telegram.Outgoing) (sms.ChatMessageID, error) {
	o.HTML = b.language(o.Chat).Set(o.HTML)
	for {
		id, err := b.tg.Post(ctx, *o)
		if e, failed := errors.AsType[*telegram.Error](err); !failed || e.Arrived {
			b.pace.arrived(o.Chat, o.Edit != 0, time.Now())
		}
		switch {
		case err == nil:
			return id, nil
		case (telegram.FateOf(err) == telegram.TopicLost || telegram.FateOf(err) == telegram.TopicClosed) && o.Topic != 0 && !o.Strict:
			o.Topic = 0
		case telegram.FateOf(err) == telegram.ReplyLost && o.ReplyTo != 0:
			o.ReplyTo = 0
		case telegram.FateOf(err) == telegram.NotModified && o.Edit != 0:
			return o.Edit, nil
		case (telegram.FateOf(err) == telegram.NotEditable || telegram.FateOf(err) == telegram.Refused) && o.Edit != 0:
			o.Edit = 0
		default:
			return 0, err
		}
	}
}

// recipientsShown bounds how many recipients of a batch are read to find those that are named.
const recipientsShown = 1000

// showBatch edits the message that reports a batch, or posts it. It may be done again.
func (b *Bot) showBatch(ctx context.Context, p store.Post, t *text.Language) error {
	batch, err := b.store.Batch(p.Batch)
	if err != nil {
		return fmt.Errorf("read batch %d: %w", p.Batch, err)
	}
	if !batch.NeedsMessage() && !p.Repeated { // what there was to say is over, and nobody was told of it
		return b.store.Persist(ctx, "note a post", func() error { return b.store.PostNotNeeded(p) })
	}
	limit := 1
	if batch.Counts[sms.Failed] > 0 || batch.State == store.Asking {
		limit = recipientsShown
	}
	recipients, err := b.store.Recipients(batch, 0, limit)
	if err != nil {
		return fmt.Errorf("read recipients of batch %d: %w", p.Batch, err)
	}
	o := telegram.Outgoing{Chat: p.Chat, Topic: p.Topic, ReplyTo: batch.Message, Edit: batch.Shown}
	if p.Chat != batch.Chat {
		// The group became a supergroup: its messages stayed behind.
		o.ReplyTo, o.Edit = 0, 0
		if l, err := b.store.Shows(p.Chat, batch.Shown); err == nil && l.Batch == batch.ID {
			o.Edit = batch.Shown
		}
	}
	o.HTML, o.Buttons = renderBatch(t, batch, recipients, b.opts.PartSizes)
	o.Plain, o.Loud = text.Plain(o.HTML), batch.Undecided()
	// In General nobody would know what a tick is about; a question and a failure name their customer.
	o.Strict = o.Topic != 0 && !batch.Undecided() && batch.Counts[sms.Failed] == 0
	id, err := b.place(ctx, &o)
	if o.Strict && (telegram.FateOf(err) == telegram.TopicLost || telegram.FateOf(err) == telegram.TopicClosed) {
		id, err = 0, nil
	}
	if err != nil {
		return err
	}
	return b.store.Persist(ctx, "note a post", func() error { return b.store.Posted(p, id, false) })
}
