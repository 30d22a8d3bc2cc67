package relay

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"peyk/internal/backoff"
	"peyk/internal/connect"
	"peyk/internal/crashpoint"
	"peyk/sms"
	"peyk/smsapi"
	"peyk/store"
)

// fullAnswer is how many SMS the panel gives at once: after so many it is asked again without a pause.
const fullAnswer = 50

// What ends a row of losses: so many fetches in a row that went well, or fewer of them where that takes long.
const (
	quietFetches = 60
	quietAtLeast = 6
	quietTime    = time.Hour
)

// repeatsPause is how many pauses the panel is asked later by, each twice as long, while it hands out the same SMS again and again.
const repeatsPause = 5

// lossesOver tells whether so many good fetches since a loss, which they took so long for, are the end of its trouble.
func lossesOver(fetches int, since time.Duration) bool {
	return fetches >= quietFetches || fetches >= quietAtLeast && since >= quietTime
}

// fetcher is the state of the inbound flow.
type fetcher struct {
	*Relay
	empty       []byte    // the last answer that held nothing; the same bytes need not be decoded again
	begun       time.Time // when the answer at hand was asked for; zero when that was not noted
	trouble     backoff.Backoff
	hadSMS      bool // an answer held SMS since the last one that held none
	repeating   bool // the panel hands out the same SMS again and again
	order       smsapi.InboxOrder
	goodFetches int       // fetches that went well since the last loss
	lastLoss    time.Time // when that was; zero when it is over
}

// fetchUnread fetches unread SMS until ctx ends. A fetch under way is never broken off: what it takes away from the panel is gone there.
func (r *Relay) fetchUnread(ctx context.Context) error {
	f := &fetcher{Relay: r, trouble: backoff.Backoff{
		Log: r.log, What: "fetch from panel", Shortest: r.opts.PollInterval, Longest: longestPause(r.opts.PollInterval),
	}}
	raw, err := r.store.Undecoded()
	if err != nil {
		return fmt.Errorf("read kept answers: %w", err)
	}
	order, err := r.store.PanelOrder()
	if err != nil {
		return fmt.Errorf("read the panel's order: %w", err)
	}
	f.order = smsapi.InboxOrder(order)
	if f.hadSMS, f.repeating, err = r.store.Repeats(); err != nil {
		return fmt.Errorf("read the last answer: %w", err)
	}
	f.lastLoss = time.Now() // perhaps the process before this one lost some
	for _, kept := range raw {
		// One that cannot be read stays kept, and the team is told; fetching goes on.
		f.begun = kept.Begun
		if _, err := f.decode(ctx, kept.ID, smsapi.Answer{ContentType: kept.ContentType, Body: kept.Body, Cut: kept.Cut}, kept.Fetched); err != nil {
			r.log.Warn("decode a kept answer", "err", err)
		}
	}
	for ctx.Err() == nil {
		if c, _, _ := r.state.condition(); f.trouble.Failures() > 0 || c.state == down || c.state == refused {
			// What is asked of a panel that answers nothing sensible may be lost with its answer.
			limit := believeAfter
			if c.creditAnswered {
				limit = longestTrialPause
			}
			if r.state.wait(ctx, max(limit, r.opts.PollInterval)); ctx.Err() != nil {
				break
			}
		}
		begun := time.Now()
		more, err := f.fetch(context.WithoutCancel(ctx))
		if !errors.Is(err, store.ErrDisk) {
			r.state.noteCall(panelCall{method: "GetMsg", begun: begun, err: err})
		}
		if err == nil {
			r.metrics.Fetched(time.Now())
		}
		switch {
		case err != nil:
			r.metrics.FetchFailed(err)
			wait := f.trouble.After(err)
			if kind, ok := errors.AsType[*smsapi.Error](err); ok && kind.Kind == smsapi.Auth {
				// A panel that is asked with a wrong password over and over may block our address.
				wait = pollPause(r.opts.PollInterval, f.trouble.Failures()+4)
			}
			backoff.Sleep(ctx, wait, nil)
		case !more:
			f.trouble.After(nil)
			wait := r.opts.PollInterval
			if f.repeating { // and may have nothing else to say
				wait = pollPause(wait, repeatsPause)
			}
			backoff.Sleep(ctx, wait, nil)
		default:
			f.trouble.After(nil)
		}
	}
	return nil
}

// fetch asks the panel once. It reports whether there may be more, and the error of the panel or of the store, already told
// where the team must know it.
func (f *fetcher) fetch(ctx context.Context) (more bool, err error) {
	begun := f.store.Now()
	crashpoint.At("fetch.due")
	if err := f.store.BeginFetch(); err != nil {
		return false, fmt.Errorf("mark the fetch: %w", err)
	}
	crashpoint.At("fetch.marked")
	answer, failure := f.panel.Unread(ctx)
	crashpoint.At("fetch.answered")
	received := f.store.Now()
	if failure == nil && len(answer.Body) == 0 {
		failure = errors.New("the panel's answer is empty")
	}
	if len(answer.Body) == 0 || failure != nil && !mayLoseSMS(failure) && !answer.Holds {
		return false, f.endUnanswered(ctx, failure, begun, received)
	}
	if failure == nil && f.empty != nil && bytes.Equal(answer.Body, f.empty) {
		f.noteGoodFetch(ctx)
		return false, f.endEmpty(ctx)
	}
	var id uint64
	err = f.store.Persist(ctx, "keep an answer", func() error {
		var err error
		id, err = f.store.SaveRaw(store.Raw{ContentType: answer.ContentType, Body: answer.Body, Cut: answer.Cut, Begun: begun, Fetched: received, Holds: answer.Holds})
		return err
	})
	if err != nil {
		return false, err
	}
	crashpoint.At("fetch.saved")
	f.begun = begun
	return f.decode(ctx, id, answer, received)
}

// endEmpty ends a fetch whose answer holds no SMS.
func (f *fetcher) endEmpty(ctx context.Context) error {
	end := func() error { return f.store.EndFetch(nil) }
	if f.hadSMS {
		end = f.store.EndEmptyFetch
	}
	err := f.store.Persist(ctx, "end a fetch", end)
	if err == nil {
		f.hadSMS, f.repeating = false, false
	}
	return err
}

// endUnanswered ends a fetch that brought no answer at all. Only if the panel was surely not reached, or did not begin with it, is nothing lost.
func (f *fetcher) endUnanswered(ctx context.Context, failure error, begun, ended time.Time) error {
	var i *store.Incident
	if mayLoseSMS(failure) {
		// That the connection is gone keeps no panel from going on.
		i = &store.Incident{Kind: store.FetchLost, From: begun, To: slices.MaxFunc([]time.Time{ended, begun.Add(store.FetchLimit)}, time.Time.Compare), Count: 1}
	}
	err := f.store.Persist(ctx, "end a fetch", func() error { return f.store.EndFetch(i) })
	if i != nil {
		f.noteLoss(ended)
	}
	return errors.Join(failure, err)
}

// mayLoseSMS tells whether SMS may be lost with a fetch that failed so. A panel that refuses us handed out nothing, nor did one whose web server had
// nobody to hand the request to.
func mayLoseSMS(failure error) bool {
	if e, ok := errors.AsType[*smsapi.Error](failure); ok && e.Kind != smsapi.Uncertain {
		return false
	}
	status, ok := errors.AsType[connect.Status](failure)
	return !ok || status != http.StatusServiceUnavailable && status != http.StatusTooManyRequests
}

// noteLoss notes that SMS may be lost, as the store was told.
func (f *fetcher) noteLoss(at time.Time) { f.goodFetches, f.lastLoss = 0, at }

// noteGoodFetch counts a good fetch, and ends a row of losses after enough of them: what it cost in all is told once more.
func (f *fetcher) noteGoodFetch(ctx context.Context) {
	if f.goodFetches++; f.lastLoss.IsZero() || !lossesOver(f.goodFetches, time.Since(f.lastLoss)) {
		return
	}
	if err := f.store.Persist(ctx, "note an incident", f.store.EndLosses); err != nil {
		f.log.Error("tell of an incident", "err", err)
		return
	}
	f.lastLoss = time.Time{}
}

// decode reads a kept answer and stores what it holds. Whatever happens the bytes are in the store before, and stay there if they
// cannot be read.
func (f *fetcher) decode(ctx context.Context, raw uint64, answer smsapi.Answer, received time.Time) (more bool, err error) {
	messages, order, failure := f.decodeUnread(answer, f.order)
	for i := range messages {
		messages[i].Received = received
		messages[i].Line = f.line(messages[i].Line)
	}
	incident := lossOf(answer, failure, len(messages), f.begun, received)
	crashpoint.At("fetch.decoded")
	var stored int
	err = f.store.Persist(ctx, "store inbound sms", func() error {
		var err error
		stored, err = f.store.SaveUnread(raw, messages, incident)
		return err
	})
	if err != nil {
		return false, err
	}
	crashpoint.At("fetch.stored")
	f.metrics.Received(stored)
	if stored > 0 {
		f.log.Info("inbound sms stored", "count", stored)
	}
	f.hadSMS = f.hadSMS || len(messages) > 0
	if failure != nil {
		if incident != nil {
			f.noteLoss(received)
		}
		return false, failure
	}
	f.noteGoodFetch(ctx)
	if len(messages) == 0 {
		f.empty = slices.Clone(answer.Body)
		if f.hadSMS {
			return false, f.endEmpty(ctx)
		}
		return false, nil
	}
	if _, f.repeating, err = f.store.Repeats(); err != nil {
		return false, fmt.Errorf("read the last answer: %w", err)
	}
	if err := f.noteOrder(ctx, order); err != nil {
		return false, err
	}
	return stored > 0 && len(messages) >= fullAnswer, nil
}

// noteOrder notes what is known of the panel's order by now. Only what changes how an answer of one second is read is worth a write.
func (f *fetcher) noteOrder(ctx context.Context, order smsapi.InboxOrder) error {
	before := f.order
	f.order = order
	if order == before || (order > 0) == (before > 0) && !order.Sure() {
		return nil
	}
	return f.store.Persist(ctx, "note the panel's order", func() error { return f.store.SetPanelOrder(int(order)) })
}

// lossOf returns the loss that a failure to read an answer is, nil when it loses nothing. What is missing was handed out while it was
// fetched.
func lossOf(answer smsapi.Answer, failure error, saved int, begun, received time.Time) *store.Incident {
	if failure == nil || !mayLoseSMS(failure) {
		return nil
	}
	if begun.IsZero() { // kept before that was noted
		begun = received
	}
	i := &store.Incident{Kind: store.Undecodable, From: begun, To: received, Count: 1}
	if answer.Cut {
		i.Kind, i.Saved = store.FetchCut, saved
	}
	return i
}

// decodeUnread keeps a fault in the decoder from ending the program with the answer undecoded for ever.
func (f *fetcher) decodeUnread(a smsapi.Answer, known smsapi.InboxOrder) (messages []sms.Message, order smsapi.InboxOrder, err error) {
	defer func() {
		if fault := recover(); fault != nil {
			messages, order, err = nil, known, fmt.Errorf("decode answer: panic: %v", fault)
		}
	}()
	return f.panel.Decode(a, known)
}
