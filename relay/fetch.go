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

// A row of losses is over after quietFetches good fetches, or after quietAtLeast of them where those take quietTime.
const (
	quietFetches = 60
	quietAtLeast = 6
	quietTime    = time.Hour
)

// repeatsPause is how many times the poll interval is doubled while the panel keeps handing out the same SMS.
const repeatsPause = 5

// lossesOver reports whether this many good fetches, over this long since the last loss, mean that the trouble is over.
func lossesOver(fetches int, since time.Duration) bool {
	return fetches >= quietFetches || fetches >= quietAtLeast && since >= quietTime
}

// fetcher is the state of the inbound flow.
type fetcher struct {
	*Relay
	empty       []byte // the last answer without SMS: the same bytes need not be decoded again
	trouble     backoff.Backoff
	hadSMS      bool // an answer has held SMS since the last one without any
	repeating   bool // the panel keeps handing out the same SMS
	order       smsapi.InboxOrder
	owed        map[sms.Number]owing
	askedClock  bool         // the panel has answered the question for its clock
	cursor      store.Cursor // at a panel that has one; down: it is read from the newest on
	down        bool
	wentBack    time.Time // when what was read already was last read again
	goodFetches int       // fetches that went well since the last loss
	lastLoss    time.Time // zero when the losses are over
}

// fetchUnread fetches unread SMS until ctx ends. A fetch in flight is never broken off: what it takes from the panel is gone there.
func (r *Relay) fetchUnread(ctx context.Context) error {
	f, err := r.newFetcher()
	if err != nil {
		return err
	}
	if err := f.decodeKept(ctx); err != nil {
		return err
	}
	for ctx.Err() == nil {
		if f.awaitPanel(ctx); ctx.Err() != nil {
			break
		}
		begun := time.Now()
		more, err := f.fetchAll(context.WithoutCancel(ctx))
		if !errors.Is(err, store.ErrDisk) {
			r.state.noteCall(panelCall{method: "GetMsg", begun: begun, err: err})
		}
		if err == nil {
			r.metrics.Fetched(time.Now())
		} else {
			r.metrics.FetchFailed(err)
		}
		if wait := f.pauseAfter(more, err); wait > 0 {
			backoff.Sleep(ctx, wait, nil)
		}
	}
	return nil
}

// newFetcher returns a fetcher that goes on where the previous process ended.
func (r *Relay) newFetcher() (*fetcher, error) {
	f := &fetcher{Relay: r, trouble: backoff.Backoff{
		Log: r.log, What: "fetch from panel", Shortest: r.opts.PollInterval, Longest: longestPause(r.opts.PollInterval),
	}}
	order, err := r.store.PanelOrder()
	if err != nil {
		return nil, fmt.Errorf("read the panel's order: %w", err)
	}
	f.order = smsapi.InboxOrder(order)
	if f.hadSMS, f.repeating, err = r.store.Repeats(); err != nil {
		return nil, fmt.Errorf("read the last answer: %w", err)
	}
	if err := f.readOwed(); err != nil {
		return nil, err
	}
	if f.cursor, err = r.store.Cursor(r.panel.Traits().Account); err != nil {
		return nil, fmt.Errorf("read how far SMS were read: %w", err)
	}
	f.lastLoss = time.Now() // the previous process may have lost some
	return f, nil
}

// decodeKept decodes the answers that the previous process stored and could not decode. One that still cannot be read stays stored, the
// team is told, and fetching goes on.
func (f *fetcher) decodeKept(ctx context.Context) error {
	raw, err := f.store.Undecoded()
	if err != nil {
		return fmt.Errorf("read kept answers: %w", err)
	}
	for _, kept := range raw {
		answer := smsapi.Answer{ContentType: kept.ContentType, Body: kept.Body, Cut: kept.Cut}
		if _, _, err := f.decode(ctx, kept, answer, f.decoder(kept.Panel)); err != nil {
			f.log.Warn("decode a kept answer", "err", err)
		}
	}
	return nil
}

// awaitPanel waits while the panel gives no sensible answers: SMS that it hands out now may be lost with its answer.
func (f *fetcher) awaitPanel(ctx context.Context) {
	c, _, _ := f.state.condition()
	if f.trouble.Failures() == 0 && c.state != down && c.state != refused {
		return
	}
	limit := believeAfter
	if c.creditAnswered {
		limit = longestTrialPause
	}
	f.state.wait(ctx, max(limit, f.opts.PollInterval))
}

// pauseAfter returns how long to wait after a fetch.
func (f *fetcher) pauseAfter(more bool, err error) time.Duration {
	wait := f.trouble.After(err)
	if err != nil {
		if e, ok := errors.AsType[*smsapi.Error](err); ok && e.Kind == smsapi.Auth {
			// A panel that keeps being asked with a wrong password may block our address.
			return pollPause(f.opts.PollInterval, f.trouble.Failures()+4)
		}
		return wait
	}
	switch {
	case more:
		return 0
	case f.repeating: // it may have nothing else to hand out
		return pollPause(f.opts.PollInterval, repeatsPause)
	}
	return f.opts.PollInterval
}

// fetchAll fetches from the panel, of each line if it wants that. It reports whether there may be more.
func (f *fetcher) fetchAll(ctx context.Context) (more bool, err error) {
	if f.panel.Traits().Cursor {
		return f.readOn(ctx)
	}
	again := f.panel.Traits().Again > 0
	if again {
		f.askClock(ctx)
	}
	if err := f.oweRestored(ctx); err != nil {
		return false, err
	}
	if !again {
		return f.fetch(ctx)
	}
	for _, line := range f.opts.Lines {
		again, failure := f.readAgain(ctx, line)
		unread, wrong := f.take(ctx, line)
		more, err = more || again || unread, errors.Join(err, failure, wrong)
	}
	return more && err == nil, err
}

// fetch asks the panel once. It reports whether there may be more, and the error of the panel or of the store; the team has been told
// already where it must know.
func (f *fetcher) fetch(ctx context.Context) (more bool, err error) {
	begun := f.store.Now()
	crashpoint.At("fetch.due")
	if err := f.store.BeginFetch(); err != nil {
		return false, fmt.Errorf("mark the fetch: %w", err)
	}
	crashpoint.At("fetch.marked")
	answer, failure := f.panel.Fetch(ctx, smsapi.Place{})
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
	kept, err := f.keep(ctx, answer, store.Raw{Begun: begun, Fetched: received})
	if err != nil {
		return false, err
	}
	crashpoint.At("fetch.saved")
	in, stored, err := f.decode(ctx, kept, answer, f.panel.Decode)
	return err == nil && stored > 0 && in.More, err
}

// keep keeps an answer before anything is made of it. It returns kept with what is in it.
func (f *fetcher) keep(ctx context.Context, answer smsapi.Answer, kept store.Raw) (store.Raw, error) {
	kept.Panel, kept.ContentType, kept.Body, kept.Cut, kept.Holds = f.panel.Traits().Name, answer.ContentType, answer.Body, answer.Cut, answer.Holds
	err := f.store.Persist(ctx, "keep an answer", func() (err error) {
		kept.ID, err = f.store.SaveRaw(kept)
		return err
	})
	return kept, err
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

// endUnanswered ends a fetch without an answer. SMS may be lost with it unless the panel surely never began to carry it out.
func (f *fetcher) endUnanswered(ctx context.Context, failure error, begun, ended time.Time) error {
	var i *store.Incident
	if mayLoseSMS(failure) {
		to := begun.Add(store.FetchLimit) // a panel may carry on although the connection is gone
		if ended.After(to) {
			to = ended
		}
		i = &store.Incident{Kind: store.FetchLost, From: begun, To: to, Count: 1}
	}
	err := f.store.Persist(ctx, "end a fetch", func() error { return f.store.EndFetch(i) })
	if i != nil {
		f.noteLoss(ended)
	}
	return errors.Join(failure, err)
}

// mayLoseSMS reports whether SMS may be lost with a fetch that failed this way. A panel that refuses us has handed out nothing, and neither
// has one whose web server had no process to pass the request to.
func mayLoseSMS(failure error) bool {
	if e, ok := errors.AsType[*smsapi.Error](failure); ok && e.Kind != smsapi.Uncertain {
		return false
	}
	status, ok := errors.AsType[connect.Status](failure)
	return !ok || status != http.StatusServiceUnavailable && status != http.StatusTooManyRequests
}

// noteLoss notes that SMS may be lost; the store knows already.
func (f *fetcher) noteLoss(at time.Time) { f.goodFetches, f.lastLoss = 0, at }

// noteGoodFetch counts a good fetch. After enough of them the losses are over, and the team is told once more what they came to.
func (f *fetcher) noteGoodFetch(ctx context.Context) {
	if f.goodFetches++; f.lastLoss.IsZero() || !lossesOver(f.goodFetches, time.Since(f.lastLoss)) {
		return
	}
	if err := f.store.Persist(ctx, "note an incident", f.store.EndLosses); err != nil {
		f.log.Error("note an incident", "err", err)
		return
	}
	f.lastLoss = time.Time{}
}

// decoder is what reads the answers of a panel.
type decoder func(smsapi.Answer) (smsapi.Inbox, error)

// decoder returns what reads an answer that was kept of a kind of panel, whichever is asked now.
func (f *fetcher) decoder(kind string) decoder {
	return func(a smsapi.Answer) (smsapi.Inbox, error) {
		switch {
		case kind == f.panel.Traits().Name:
			return f.panel.Decode(a)
		case f.opts.Decode != nil:
			return f.opts.Decode(kind, a)
		}
		return smsapi.Inbox{}, fmt.Errorf("the answer of a panel of kind %q, which nothing here reads", kind)
	}
}

// decode decodes an answer that is kept and stores the SMS in it. The raw bytes stay in the store if they cannot be read.
func (f *fetcher) decode(ctx context.Context, kept store.Raw, answer smsapi.Answer, read decoder) (in smsapi.Inbox, stored int, err error) {
	in, failure := decodeSafely(read, answer)
	messages, order := in.Messages, f.order.Sort(in.Messages)
	for i := range messages {
		messages[i].Received = kept.Fetched
		messages[i].Line = f.line(messages[i].Line)
	}
	incident := lossOf(answer, failure, len(messages), kept)
	crashpoint.At("fetch.decoded")
	err = f.store.Persist(ctx, "store inbound sms", func() error {
		var err error
		stored, err = f.store.SaveUnread(kept.ID, messages, incident)
		return err
	})
	if err != nil {
		return in, 0, err
	}
	crashpoint.At("fetch.stored")
	f.metrics.Received(stored)
	if stored > 0 {
		f.log.Info("inbound sms stored", "count", stored)
	}
	f.hadSMS = f.hadSMS || len(messages) > 0
	if failure != nil {
		if incident != nil {
			f.noteLoss(kept.Fetched)
		}
		return in, stored, failure
	}
	f.noteGoodFetch(ctx)
	if len(messages) == 0 {
		f.empty = slices.Clone(answer.Body)
		if f.hadSMS {
			return in, 0, f.endEmpty(ctx)
		}
		return in, 0, nil
	}
	if _, f.repeating, err = f.store.Repeats(); err != nil {
		return in, 0, fmt.Errorf("read the last answer: %w", err)
	}
	if err := f.noteOrder(ctx, order); err != nil {
		return in, 0, err
	}
	return in, stored, nil
}

// noteOrder notes what is known by now of the panel's order. Only what changes how SMS of the same second are sorted is worth a write.
func (f *fetcher) noteOrder(ctx context.Context, order smsapi.InboxOrder) error {
	before := f.order
	f.order = order
	if order == before || (order > 0) == (before > 0) && !order.Sure() {
		return nil
	}
	return f.store.Persist(ctx, "note the panel's order", func() error { return f.store.SetPanelOrder(int(order)) })
}

// lossOf returns the incident of SMS lost because an answer cannot be read, or one that says that it cannot, or nil when neither is so. What is missing
// was handed out between when it was asked for and when it came.
func lossOf(answer smsapi.Answer, failure error, saved int, kept store.Raw) *store.Incident {
	if failure == nil || !mayLoseSMS(failure) {
		return nil
	}
	i := &store.Incident{Kind: store.Undecodable, From: kept.Begun, To: kept.Fetched, Count: 1}
	if i.From.IsZero() { // stored by a version that did not note it
		i.From = i.To
	}
	switch {
	case kept.Again:
		i.Kind = store.Garbled
	case answer.Cut:
		i.Kind, i.Saved = store.FetchCut, saved
	}
	return i
}

// keepGarbled keeps an answer of a panel that is asked again for what is in it, if it is none, and stores what read makes of it. It returns why it is none.
func (f *fetcher) keepGarbled(ctx context.Context, answer smsapi.Answer, kept store.Raw, read decoder, failure error) error {
	if !garbled(answer, failure) {
		return failure
	}
	kept.Again, kept.Fetched = true, f.store.Now()
	kept, err := f.keep(ctx, answer, kept)
	if err == nil {
		_, _, err = f.decode(ctx, kept, answer, read)
	}
	if errors.Is(err, store.ErrDisk) {
		return err
	}
	return failure
}

// garbled reports whether an answer came whole, and neither the panel nor what stands before it is known to answer so.
func garbled(answer smsapi.Answer, failure error) bool {
	if e, ok := errors.AsType[*smsapi.Error](failure); ok && e.Kind != smsapi.Uncertain {
		return false
	}
	status, ok := errors.AsType[connect.Status](failure)
	return len(answer.Body) > 0 && !answer.Cut && (!ok || status >= 200 && status <= 299)
}

// decodeSafely turns a panic of a decoder into an error: otherwise the same answer would crash every start.
func decodeSafely(read decoder, a smsapi.Answer) (in smsapi.Inbox, err error) {
	defer func() {
		if fault := recover(); fault != nil {
			in, err = smsapi.Inbox{}, fmt.Errorf("decode answer: panic: %v", fault)
		}
	}()
	return read(a)
}
