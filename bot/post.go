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

// lostChatPause is how often a chat that takes no posts is tried, beside when it is heard of.
const lostChatPause = 10 * time.Minute

// closedPause is how often a chat is tried whose General is closed to us: what goes into its topics waits no longer.
const closedPause = 10 * time.Second

// poster shows what the store says chats are to show. It is told nothing: what others know it finds in the store.
type poster struct {
	voice
	tg          *telegram.Client
	log         *slog.Logger
	pace        *pacer
	verifyToken func(context.Context, error) error // whether our token is still known, see Bot.doubt
}

// outcome is how one post went.
type outcome struct {
	post store.Post
	err  error
}

// showPosts works off the post queue: in each chat in order and one at a time, in several chats at once.
func (w *poster) showPosts(ctx context.Context) error {
	ended := make(chan outcome)
	running := 0
	trouble := backoff.Backoff{Log: w.log, What: "telegram", Shortest: 500 * time.Millisecond}
	var suspected failingPosts
	defer func() {
		for ; running > 0; running-- { // what they came to must be known to the next start
			w.afterPost(<-ended, &trouble, &suspected)
		}
	}()
	for {
		now := time.Now()
		w.pace.forget(now)
		var due time.Time
		soonest := func(at time.Time) {
			if !at.IsZero() && (due.IsZero() || at.Before(due)) {
				due = at
			}
		}
		if running < posters {
			heads, next, err := w.store.Heads(func(chat sms.ChatID) store.Gate {
				g, next := w.pace.gate(chat, now)
				soonest(next)
				return g
			})
			if err != nil {
				return fmt.Errorf("read post queue: %w", err)
			}
			if !next.IsZero() {
				soonest(now.Add(next.Sub(w.store.Now()))) // the pace is kept by our own clock, whatever it shows
			}
			for _, p := range heads[:min(len(heads), posters-running)] {
				if next, ok := w.pace.begin(p.Chat); !ok {
					soonest(next)
					continue
				}
				running++
				go func() { ended <- outcome{p, w.showInFlight(context.WithoutCancel(ctx), p)} }()
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
		case <-w.store.Posts():
		case <-w.pace.wake:
		case <-timer.C:
		case s := <-ended:
			running--
			crashpoint.At("post.ended")
			w.pace.end(s.post.Chat)
			if err := w.verifyToken(ctx, s.err); err != nil { // no chat is posted to meanwhile
				timer.Stop()
				return err
			}
			w.afterPost(s, &trouble, &suspected)
		}
		timer.Stop()
	}
}

// poisonTries is how often a post may fail while others work, before it is set aside: some minutes.
const poisonTries = 10

// failingPosts tells a post on which alone Telegram fails from an outage: others work meanwhile. The zero value is ready.
type failingPosts struct {
	lastWorked time.Time
	failing    map[sms.ChatID]failingPost
}

type failingPost struct {
	post  uint64
	since time.Time
	tries int
}

func (s *failingPosts) worked(p store.Post, now time.Time) {
	s.lastWorked = now
	if s.failing[p.Chat].post == p.ID {
		delete(s.failing, p.Chat)
	}
}

// failed counts a failure of p and tells whether others worked since its first.
func (s *failingPosts) failed(p store.Post, now time.Time) (tries int, alone bool) {
	f := s.failing[p.Chat]
	if f.post != p.ID {
		f = failingPost{post: p.ID, since: now}
	}
	f.tries++
	if s.failing == nil {
		s.failing = map[sms.ChatID]failingPost{}
	}
	s.failing[p.Chat] = f
	return f.tries, s.lastWorked.After(f.since)
}

// afterPost does what the outcome of a post calls for.
func (w *poster) afterPost(s outcome, trouble *backoff.Backoff, suspects *failingPosts) {
	now, chat := time.Now(), s.post.Chat
	if s.err == nil {
		trouble.After(nil)
		suspects.worked(s.post, now)
		return
	}
	e, ok := errors.AsType[*telegram.Error](s.err)
	if !ok { // the store: the row is still there
		w.log.Error("show post", "chat", int64(chat), "err", s.err)
		w.pace.hold(chat, time.Second, now)
		return
	}
	var err error
	switch e.Fate {
	case telegram.SlowDown:
		w.log.Warn("telegram asks for patience", "chat", int64(chat), "seconds", e.RetryAfter.Seconds())
		w.pace.slowDown(chat, e.RetryAfter, now)
		err = w.store.HoldChat(chat, now.Add(e.RetryAfter))
	case telegram.Migrated:
		w.log.Info("group became a supergroup", "chat", int64(chat), "now", int64(e.MigratedTo))
		err = w.store.MigrateChat(chat, e.MigratedTo)
	case telegram.ChatLost:
		err = w.holdLostChat(s.post, e.Reason, now)
	case telegram.TopicClosed, telegram.TopicLost: // General, too: there is no place left
		w.log.Warn("chat takes no posts outside of topics", "chat", int64(chat), "reason", e.Reason)
		if s.post.Class == store.Answers {
			err = w.store.SetAside(s.post, e.Reason)
			break
		}
		w.pace.hold(chat, closedPause, now)
		err = w.store.ChatLost(chat, e.Reason)
	case telegram.Refused, telegram.BadMarkup:
		w.log.Error("telegram refuses a post", "chat", int64(chat), "post", s.post.ID, "kind", string(s.post.Kind), "reason", e.Reason)
		err = w.noticeInstead(s.post, e.Reason, now)
	default:
		tries, alone := suspects.failed(s.post, now)
		if alone && tries >= poisonTries && e.Code != 0 {
			w.log.Error("telegram fails on one post only", "chat", int64(chat), "post", s.post.ID, "kind", string(s.post.Kind), "reason", e.Reason)
			delete(suspects.failing, chat)
			err = w.noticeInstead(s.post, e.Reason, now)
			break
		}
		if e.Arrived {
			err = w.store.PostUncertain(s.post)
		}
		if alone {
			w.pace.hold(chat, backoff.Pause(500*time.Millisecond, 0, tries), now)
			break
		}
		w.pace.holdAll(func() time.Duration { return trouble.After(s.err) }, now)
	}
	if err != nil {
		w.log.Error("store the fate of a post", "chat", int64(chat), "err", err)
		w.pace.hold(chat, time.Second, now)
	}
}

// noticeInstead has a notice take the place of a post that Telegram refuses in every form. If the notice is refused, too, it is the chat, whatever
// Telegram calls the reason: all waits until it takes posts again.
func (w *poster) noticeInstead(p store.Post, reason string, now time.Time) error {
	if p.Reason == "" {
		return w.store.NoticeInstead(p, reason)
	}
	return w.holdLostChat(p, reason, now)
}

// holdLostChat leaves a chat alone that takes no posts. p is tried from the beginning then.
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
