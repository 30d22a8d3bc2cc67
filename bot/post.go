package bot

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"peyk/internal/backoff"
	"peyk/internal/crashpoint"
	"peyk/sms"
	"peyk/store"
	"peyk/telegram"
)

// lostChatPause is how often a chat that takes no posts is tried, unless it is heard of before.
const lostChatPause = 10 * time.Minute

// closedPause is how often a chat is tried whose General topic is closed to us. It is short, as posts for other topics of the chat wait
// too.
const closedPause = 10 * time.Second

// storePause is how long a chat waits after the store has failed: the row is still there.
const storePause = time.Second

// firstPause is the first pause after a failure of Telegram.
const firstPause = 500 * time.Millisecond

// poster shows what the store says that chats are to show. Nobody calls it: it finds everything in the store.
type poster struct {
	voice
	tg          *telegram.Client
	log         *slog.Logger
	pace        *pacer
	icons       icons
	abilities   *abilities
	verifyToken func(context.Context, error) error // see Bot.verifyToken
}

// outcome is how one post went.
type outcome struct {
	post store.Post
	err  error
}

// postFlow is the state of the flow that shows posts.
type postFlow struct {
	*poster
	inFlight int
	ended    chan outcome
	trouble  backoff.Backoff
	failing  failingPosts
}

// showPosts works off the post queue: within a chat in order and one at a time, in several chats at once.
func (w *poster) showPosts(ctx context.Context) error {
	f := &postFlow{poster: w, ended: make(chan outcome), trouble: backoff.Backoff{Log: w.log, What: "telegram", Shortest: firstPause}}
	defer func() {
		for ; f.inFlight > 0; f.inFlight-- { // the next start must know how they ended
			f.afterPost(<-f.ended)
		}
	}()
	for {
		due, err := f.beginPosts(ctx)
		if err != nil {
			return err
		}
		timer := time.NewTimer(waitUntil(due))
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-w.store.Posts():
		case <-w.pace.wakePosts:
		case <-timer.C:
		case o := <-f.ended:
			f.inFlight--
			crashpoint.At("post.ended")
			w.pace.end(o.post.Chat)
			if err := w.verifyToken(ctx, o.err); err != nil { // nothing is posted meanwhile
				timer.Stop()
				return err
			}
			f.afterPost(o)
		}
		timer.Stop()
	}
}

// beginPosts begins the posts that may be shown now, and returns when to look again; zero when only an event can change anything.
func (f *postFlow) beginPosts(ctx context.Context) (due time.Time, err error) {
	now := time.Now()
	f.pace.forget(now)
	if f.inFlight == posters {
		return time.Time{}, nil
	}
	heads, next, err := f.store.Heads(func(chat sms.ChatID) bool {
		open, opens := f.pace.open(chat, now)
		due = earliest(due, opens)
		return open
	})
	if err != nil {
		return due, fmt.Errorf("read post queue: %w", err)
	}
	storeNow := f.store.Now()
	if !next.IsZero() {
		due = earliest(due, now.Add(next.Sub(storeNow))) // next is in the store's time, due in our own
	}
	for _, of := range heads {
		p, ok, opens := f.pace.next(of, now, func(p store.Post) time.Time { return waitsSince(p, now, storeNow) })
		if ok && f.inFlight < posters {
			opens, ok = f.pace.begin(p, now)
		}
		if !ok {
			due = earliest(earliest(due, opens), f.tellByMark(of, now))
			continue
		}
		if f.inFlight == posters {
			break
		}
		f.inFlight++
		go func() { f.ended <- outcome{p, f.showInFlight(context.WithoutCancel(ctx), p)} }()
	}
	return due, nil
}

// waitsSince returns since when p waits, by our own clock. What bears a time to come was written while the clock seemed ahead, and waits for as long
// as that lies ahead: if it seemed new at every look, its turn would not come while it had none to spare.
func waitsSince(p store.Post, now, storeNow time.Time) time.Time {
	return now.Add(-storeNow.Sub(p.Since()).Abs())
}

// tellByMark has the mark alone tell what an answer would, if that only says that an order goes well and more answers wait than their share.
// It returns when to look again: at once if the next answer can be looked at; zero if nothing was done.
func (f *postFlow) tellByMark(heads []store.Post, now time.Time) time.Time {
	for _, p := range heads {
		if shareOf(p) != answers || p.Kind != store.PostBatch || !f.pace.crowded(p.Chat, now) {
			continue
		}
		batch, err := f.store.Batch(p.Batch)
		told := false
		if batch.Quiet = true; err == nil && !batch.NeedsMessage() { // most need none: a look before a write
			told, err = f.store.TellByMark(p)
		}
		switch {
		case err != nil: // the message is not lost, it only waits
			f.log.Error("leave an answer to its mark", "chat", int64(p.Chat), "err", err)
			return now.Add(storePause)
		case told:
			return now
		}
	}
	return time.Time{}
}

// poisonTries is how often a post may fail while others succeed before it is set aside: some minutes.
const poisonTries = 10

// failing tells what always fails from an outage: others succeed meanwhile. What was on its way when an outage ended is one try of several.
type failing struct {
	tries int
	alone int // those before which others had succeeded, after the try before
	last  time.Time
}

// failed counts a failure; worked is when others last succeeded.
func (f *failing) failed(now, worked time.Time) {
	if f.tries++; f.tries > 1 && worked.After(f.last) {
		f.alone++
	}
	f.last = now
}

// failingPosts are those that stand first in their chats. The zero value is ready.
type failingPosts struct {
	lastWorked time.Time
	byChat     map[sms.ChatID]failingPost
}

type failingPost struct {
	post uint64
	failing
}

func (s *failingPosts) worked(p store.Post, now time.Time) {
	s.lastWorked = now
	if s.byChat[p.Chat].post == p.ID {
		delete(s.byChat, p.Chat)
	}
}

// failed counts a failure of p and returns how it fails.
func (s *failingPosts) failed(p store.Post, now time.Time) failing {
	f := s.byChat[p.Chat]
	if f.post != p.ID {
		f = failingPost{post: p.ID}
	}
	f.failed(now, s.lastWorked)
	if s.byChat == nil {
		s.byChat = map[sms.ChatID]failingPost{}
	}
	s.byChat[p.Chat] = f
	return f.failing
}

// afterPost does what the outcome of a post calls for.
func (f *postFlow) afterPost(o outcome) {
	now, chat := time.Now(), o.post.Chat
	if o.err == nil {
		f.trouble.After(nil)
		f.failing.worked(o.post, now)
		return
	}
	e, ok := errors.AsType[*telegram.Error](o.err)
	if !ok { // of the store
		f.log.Error("show post", "chat", int64(chat), "err", o.err)
		f.pace.hold(chat, storePause, now)
		return
	}
	var err error
	switch e.Fate {
	case telegram.SlowDown:
		f.log.Warn("telegram asks for patience", "chat", int64(chat), "seconds", e.RetryAfter.Seconds())
		f.pace.slowDown(chat, e.RetryAfter, now)
		err = f.store.HoldChat(chat, e.RetryAfter)
	case telegram.Migrated:
		f.log.Info("group became a supergroup", "chat", int64(chat), "now", int64(e.MigratedTo))
		err = f.store.MigrateChat(chat, e.MigratedTo)
	case telegram.ChatLost:
		err = f.holdLostChat(o.post, e.Reason, now)
	case telegram.TopicClosed, telegram.TopicLost: // General is closed too: there is nowhere left
		f.log.Warn("chat takes no posts outside of topics", "chat", int64(chat), "reason", e.Reason)
		if o.post.Class == store.Answers {
			err = f.store.SetAside(o.post, e.Reason)
			break
		}
		f.pace.hold(chat, closedPause, now)
		err = f.store.ChatLost(chat, e.Reason)
	case telegram.Refused, telegram.BadMarkup, telegram.LackingTag, telegram.LackingButton:
		f.log.Error("telegram refuses a post", "chat", int64(chat), "post", o.post.ID, "kind", string(o.post.Kind), "reason", e.Reason)
		err = f.noticeInstead(o.post, e.Reason, now)
	default:
		err = f.afterPassing(o.post, e, now)
	}
	if err != nil {
		f.log.Error("store the fate of a post", "chat", int64(chat), "err", err)
		f.pace.hold(chat, storePause, now)
	}
}

// afterPassing has a post tried again later that failed for a passing reason. One that keeps failing while others succeed is set aside.
func (f *postFlow) afterPassing(p store.Post, e *telegram.Error, now time.Time) error {
	failing := f.failing.failed(p, now)
	if failing.alone > 1 && failing.tries >= poisonTries && e.Code != 0 {
		f.log.Error("telegram fails on one post only", "chat", int64(p.Chat), "post", p.ID, "kind", string(p.Kind), "reason", e.Reason)
		delete(f.failing.byChat, p.Chat)
		return f.noticeInstead(p, e.Reason, now)
	}
	if failing.alone > 0 {
		f.pace.hold(p.Chat, backoff.Pause(firstPause, 0, failing.tries), now)
	} else {
		f.pace.holdAll(func() time.Duration { return f.trouble.After(e) }, now)
	}
	return nil
}

// noticeInstead replaces a post that Telegram refuses in every form by a notice. If the notice is refused too, the chat itself is the
// problem, whatever reason Telegram gives: everything waits until it takes posts again.
func (w *poster) noticeInstead(p store.Post, reason string, now time.Time) error {
	switch {
	case p.Kind == store.PostIcon:
		return w.store.PostNotNeeded(p)
	case p.Reason == "":
		return w.store.NoticeInstead(p, reason)
	}
	return w.holdLostChat(p, reason, now)
}

// holdLostChat leaves a chat alone that takes no posts. When it does again, p starts over in its full form.
func (w *poster) holdLostChat(p store.Post, reason string, now time.Time) error {
	w.pace.hold(p.Chat, lostChatPause, now)
	w.log.Warn("chat takes no posts", "chat", int64(p.Chat), "reason", reason)
	if p.Reason != "" {
		if err := w.store.NoticeInstead(p, ""); err != nil {
			return err
		}
	}
	return w.store.ChatLost(p.Chat, reason)
}

// earliest returns the earlier of two times, of which zero is none.
func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// waitUntil returns how long a flow waits until due, or for an event when due is zero.
func waitUntil(due time.Time) time.Duration {
	if due.IsZero() {
		return time.Hour
	}
	return max(time.Until(due), 0)
}
