package bot

import (
	"context"
	"errors"
	"fmt"
	"time"

	"peyk/internal/backoff"
	"peyk/internal/crashpoint"
	"peyk/sms"
	"peyk/store"
	"peyk/telegram"
)

// markers bounds the calls that put marks on replies at once, markersEach those in one chat: agents wait for no slow network.
const (
	markers        = 8
	markersPerChat = 4
)

// A mark that fails while the rest of Telegram works is tried so often, by pauses that grow to the longest; then a message tells instead.
const (
	markTries        = 5
	longestMarkPause = 10 * time.Second
)

// markLane is how the marks of one chat fare. They hold up one another, and nothing else.
type markLane struct {
	inFlight map[uint64]bool // calls under way, by the posts' ids
	until    time.Time       // before which none begins
	failing  map[uint64]failingPost
}

// showMarks keeps the marks on replies up to date, beside the post queue: Telegram does not count them as messages.
func (w *poster) showMarks(ctx context.Context) error {
	ended := make(chan outcome)
	lanes := map[sms.ChatID]*markLane{}
	running := 0
	defer func() {
		for ; running > 0; running-- { // what they came to must be known to the next start
			s := <-ended
			w.afterMark(s, lanes[s.post.Chat])
		}
	}()
	for {
		now := time.Now()
		var due time.Time
		soonest := func(at time.Time) {
			if !at.IsZero() && (due.IsZero() || at.Before(due)) {
				due = at
			}
		}
		if running < markers {
			heads, next, err := w.store.Marks(markersPerChat, func(chat sms.ChatID) bool {
				lane := lanes[chat]
				if lane == nil {
					lane = &markLane{inFlight: map[uint64]bool{}, failing: map[uint64]failingPost{}}
					lanes[chat] = lane
				}
				until := later(lane.until, w.pace.heldUntil(chat, now))
				if until.After(now) {
					soonest(until)
				}
				return !until.After(now)
			})
			if err != nil {
				return fmt.Errorf("read marks: %w", err)
			}
			if !next.IsZero() {
				soonest(now.Add(next.Sub(w.store.Now()))) // as in showPosts
			}
			for _, p := range heads {
				if running == markers || lanes[p.Chat].inFlight[p.ID] {
					continue
				}
				running++
				lanes[p.Chat].inFlight[p.ID] = true
				go func() { ended <- outcome{p, w.showMark(context.WithoutCancel(ctx), p)} }()
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
		case <-w.store.MarksQueued():
		case <-w.pace.released:
		case <-timer.C:
		case s := <-ended:
			running--
			crashpoint.At("mark.ended")
			w.afterMark(s, lanes[s.post.Chat])
		}
		timer.Stop()
	}
}

// showMark puts on a reply the mark of how far it has come by now.
func (w *poster) showMark(ctx context.Context, p store.Post) error {
	batch, err := w.store.Batch(p.Batch)
	if err != nil {
		return fmt.Errorf("read batch %d: %w", p.Batch, err)
	}
	chat, err := w.store.Chat(p.Chat)
	if err != nil {
		return fmt.Errorf("read chat: %w", err)
	}
	if batch.Unmarked || !chat.TakesMarks(w.store.Now()) {
		return w.store.Persist(ctx, "note a mark", func() error { return w.store.MarkRefused(p, false) })
	}
	emoji := batch.Mark()
	crashpoint.At("mark.due")
	err = w.tg.React(ctx, p.Chat, batch.Message, emoji)
	crashpoint.At("mark.answered")
	if err != nil && telegram.FateOf(err) != telegram.NotModified {
		return err
	}
	return w.store.Persist(ctx, "note a mark", func() error { return w.store.Marked(p, emoji) })
}

// afterMark does what the outcome of a mark calls for.
func (w *poster) afterMark(s outcome, lane *markLane) {
	now, chat := time.Now(), s.post.Chat
	delete(lane.inFlight, s.post.ID)
	failing := lane.failing[s.post.ID]
	delete(lane.failing, s.post.ID)
	if s.err == nil {
		return
	}
	e, ok := errors.AsType[*telegram.Error](s.err)
	if !ok { // the store: the row is still there
		w.log.Error("show mark", "chat", int64(chat), "err", s.err)
		lane.until = now.Add(time.Second)
		return
	}
	var err error
	switch e.Fate {
	case telegram.SlowDown: // nothing in it says that messages are meant, too: those will be told so themselves
		w.log.Warn("telegram asks for patience", "chat", int64(chat), "seconds", e.RetryAfter.Seconds())
		lane.until = later(lane.until, now.Add(e.RetryAfter))
		err = w.store.HoldMarks(s.post, w.store.Now().Add(e.RetryAfter))
	case telegram.Migrated:
		w.log.Info("group became a supergroup", "chat", int64(chat), "now", int64(e.MigratedTo))
		err = w.store.MigrateChat(chat, e.MigratedTo)
	case telegram.ReplyLost:
		err = w.store.MarkRefused(s.post, false)
	case telegram.MarksDenied:
		w.log.Info("chat takes no marks", "chat", int64(chat), "reason", e.Reason)
		err = w.store.MarkRefused(s.post, true)
	default:
		if failing.tries++; failing.tries == 1 {
			failing.since = now
		}
		lane.until = later(lane.until, now.Add(backoff.Pause(500*time.Millisecond, longestMarkPause, failing.tries)))
		if failing.tries >= markTries && w.tg.Worked().After(failing.since) {
			w.log.Warn("telegram fails on marks only", "chat", int64(chat), "reason", e.Reason)
			err = w.store.MarkRefused(s.post, false)
			break
		}
		lane.failing[s.post.ID] = failing
	}
	if err != nil {
		w.log.Error("store the fate of a mark", "chat", int64(chat), "err", err)
		lane.until = later(lane.until, now.Add(time.Second))
	}
}
