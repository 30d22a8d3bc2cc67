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

// markers is how many marks may be set at once, markersPerChat how many in one chat: a slow network must not make agents wait.
const (
	markers        = 8
	markersPerChat = 4
)

// A mark that fails again and again, while the rest of Telegram works in between, is tried so often, with pauses that grow to longestMarkPause. Then a
// message is posted instead.
const (
	markTries        = 5
	longestMarkPause = 10 * time.Second
)

// markLane is the state of the marks of one chat. Chats do not hold up one another.
type markLane struct {
	inFlight map[uint64]bool // by the posts' ids
	until    time.Time       // no call begins before
	failing  map[uint64]failing
}

// markFlow is the state of the flow that sets marks.
type markFlow struct {
	*poster
	inFlight int
	ended    chan outcome
	lanes    map[sms.ChatID]*markLane
}

// showMarks keeps the marks on replies up to date. It runs beside showPosts, as Telegram does not count marks as messages.
func (w *poster) showMarks(ctx context.Context) error {
	f := &markFlow{poster: w, ended: make(chan outcome), lanes: map[sms.ChatID]*markLane{}}
	defer func() {
		for ; f.inFlight > 0; f.inFlight-- { // the next start must know how they ended
			f.afterMark(<-f.ended)
		}
	}()
	for {
		due, err := f.beginMarks(ctx)
		if err != nil {
			return err
		}
		timer := time.NewTimer(waitUntil(due))
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-w.store.MarksQueued():
		case <-w.pace.wakeMarks:
		case <-timer.C:
		case o := <-f.ended:
			f.inFlight--
			crashpoint.At("mark.ended")
			f.afterMark(o)
		}
		timer.Stop()
	}
}

// beginMarks begins the marks that may be set now, and returns when to look again; zero when only an event can change anything.
func (f *markFlow) beginMarks(ctx context.Context) (due time.Time, err error) {
	if f.inFlight == markers {
		return time.Time{}, nil
	}
	now := time.Now()
	heads, next, err := f.store.Marks(markersPerChat, func(chat sms.ChatID) bool {
		until := later(f.lane(chat).until, f.pace.heldUntil(chat, now))
		if until.After(now) {
			due = earliest(due, until)
		}
		return !until.After(now)
	})
	if err != nil {
		return due, fmt.Errorf("read marks: %w", err)
	}
	if !next.IsZero() {
		due = earliest(due, now.Add(next.Sub(f.store.Now()))) // as in beginPosts
	}
	for _, p := range heads {
		lane := f.lane(p.Chat)
		if f.inFlight == markers || lane.inFlight[p.ID] {
			continue
		}
		f.inFlight++
		lane.inFlight[p.ID] = true
		go func() { f.ended <- outcome{p, f.showMark(context.WithoutCancel(ctx), p)} }()
	}
	return due, nil
}

func (f *markFlow) lane(chat sms.ChatID) *markLane {
	lane := f.lanes[chat]
	if lane == nil {
		lane = &markLane{inFlight: map[uint64]bool{}, failing: map[uint64]failing{}}
		f.lanes[chat] = lane
	}
	return lane
}

// showMark sets the mark on a reply that says how far it has come by now.
func (w *poster) showMark(ctx context.Context, p store.Post) error {
	batch, err := w.store.Batch(p.Batch)
	if err != nil {
		return fmt.Errorf("read batch %d: %w", p.Batch, err)
	}
	chat, err := w.store.Chat(p.Chat)
	if err != nil {
		return fmt.Errorf("read chat: %w", err)
	}
	lacking := !w.abilities.has(reactions)
	if batch.Unmarked || lacking || !chat.TakesMarks(w.store.Now()) {
		return w.store.Persist(ctx, "note a mark", func() error { return w.store.MarkRefused(p, lacking) })
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
func (f *markFlow) afterMark(o outcome) {
	now, chat, lane := time.Now(), o.post.Chat, f.lane(o.post.Chat)
	delete(lane.inFlight, o.post.ID)
	failing := lane.failing[o.post.ID]
	delete(lane.failing, o.post.ID)
	if o.err == nil {
		return
	}
	e, ok := errors.AsType[*telegram.Error](o.err)
	if !ok { // of the store
		f.log.Error("show mark", "chat", int64(chat), "err", o.err)
		lane.until = later(lane.until, now.Add(storePause))
		return
	}
	var err error
	switch e.Fate {
	case telegram.SlowDown: // for marks alone: if messages are to slow down as well, Telegram will say so to one of them
		f.log.Warn("telegram asks for patience", "chat", int64(chat), "seconds", e.RetryAfter.Seconds())
		lane.until = later(lane.until, now.Add(e.RetryAfter))
		err = f.store.HoldMarks(o.post, f.store.Now().Add(e.RetryAfter))
	case telegram.Migrated:
		f.log.Info("group became a supergroup", "chat", int64(chat), "now", int64(e.MigratedTo))
		err = f.store.MigrateChat(chat, e.MigratedTo)
	case telegram.ReplyLost:
		err = f.store.MarkRefused(o.post, false)
	case telegram.Lacking:
		f.abilities.lacks(reactions)
		err = f.store.MarkRefused(o.post, true)
	case telegram.MarksDenied:
		f.log.Info("chat takes no marks", "chat", int64(chat), "reason", e.Reason)
		err = f.store.MarkRefused(o.post, true)
	default:
		failing.failed(now, f.tg.Worked())
		lane.until = later(lane.until, now.Add(backoff.Pause(firstPause, longestMarkPause, failing.tries)))
		if failing.alone >= markTries {
			f.log.Warn("telegram fails on marks only", "chat", int64(chat), "reason", e.Reason)
			err = f.store.MarkRefused(o.post, false)
			break
		}
		lane.failing[o.post.ID] = failing
	}
	if err != nil {
		f.log.Error("store the fate of a mark", "chat", int64(chat), "err", err)
		lane.until = later(lane.until, now.Add(storePause))
	}
}
