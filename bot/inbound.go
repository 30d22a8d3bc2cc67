package bot

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"peyk/internal/crashpoint"
	"peyk/sms"
	"peyk/smsapi"
	"peyk/store"
)

// fullAnswer is how many SMS the panel gives at once: after so many it is asked again without a pause.
const fullAnswer = 50

// longestPause is how many poll intervals the pause between failing fetches grows to: who wants SMS soon does not wait a minute
// behind a panel that is back.
const longestPause = 12

// fetcher is the state of the inbound flow.
type fetcher struct {
	*Bot
	empty    []byte // the last answer that held nothing; the same bytes need not be decoded again
	trouble  outage
	incident *store.Incident // of the trouble under way, once told
}

// fetchUnread fetches unread SMS until ctx ends. A fetch under way is never broken off: what it takes away from the panel is gone there.
func (b *Bot) fetchUnread(ctx context.Context) error {
	f := &fetcher{Bot: b, trouble: outage{log: b.log, what: "fetch from panel"}}
	raw, err := b.store.Undecoded()
	if err != nil {
		return fmt.Errorf("read kept answers: %w", err)
	}
	incidents, err := b.store.Incidents()
	if err != nil {
		return fmt.Errorf("read incidents: %w", err)
	}
	for i := range incidents {
		if incidents[i].Lasts { // when the process before this one ended
			f.incident = &incidents[i]
		}
	}
	for _, r := range raw {
		// One that cannot be read stays kept, and the team is told; fetching goes on.
		if _, err := f.decode(ctx, r.ID, smsapi.Answer{ContentType: r.ContentType, Body: r.Body, Cut: r.Cut}, r.Fetched); err != nil {
			b.log.Warn("decode a kept answer", "err", err)
		}
	}
	for ctx.Err() == nil {
		more, err := f.fetch(context.WithoutCancel(ctx))
		if err == nil {
			b.fetched.set(time.Now())
		}
		switch {
		case err != nil:
			b.metrics.fetchFailed(err)
			n := f.trouble.failed(err)
			if kind, ok := errors.AsType[*smsapi.Error](err); ok && kind.Kind == smsapi.Auth {
				n += 4 // a panel that is asked with a wrong password over and over may block our address
			}
			sleep(ctx, min(pause(b.opts.PollInterval, n), longestPause*b.opts.PollInterval), nil)
		case !more:
			f.trouble.worked()
			sleep(ctx, b.opts.PollInterval, nil)
		default:
			f.trouble.worked()
		}
	}
	return nil
}

// fetch asks the panel once. It reports whether there may be more, and the error of the panel or of the store, already told
// where the team must know it.
func (f *fetcher) fetch(ctx context.Context) (more bool, err error) {
	begun := time.Now()
	crashpoint.At("fetch.due")
	if err := f.store.BeginFetch(); err != nil {
		return false, fmt.Errorf("mark the fetch: %w", err)
	}
	crashpoint.At("fetch.marked")
	answer, failure := f.panel.Unread(ctx)
	crashpoint.At("fetch.answered")
	received := time.Now()
	if failure == nil && len(answer.Body) == 0 {
		failure = errors.New("the panel answered nothing")
	}
	if len(answer.Body) == 0 {
		return false, f.nothing(ctx, failure, begun, received)
	}
	if failure == nil && f.empty != nil && bytes.Equal(answer.Body, f.empty) {
		f.over(ctx)
		return false, f.persist(ctx, "end a fetch", func() error { return f.store.EndFetch(nil) })
	}
	var id uint64
	err = f.persist(ctx, "keep an answer", func() error {
		var err error
		id, err = f.store.SaveRaw(store.Raw{ContentType: answer.ContentType, Body: answer.Body, Cut: answer.Cut, Fetched: received})
		return err
	})
	if err != nil {
		return false, err
	}
	crashpoint.At("fetch.saved")
	return f.decode(ctx, id, answer, received)
}

// nothing ends a fetch that brought no answer at all. Only if the panel was surely not reached is nothing lost.
func (f *fetcher) nothing(ctx context.Context, failure error, begun, ended time.Time) error {
	var i *store.Incident
	if e, ok := errors.AsType[*smsapi.Error](failure); !ok || e.Kind == smsapi.Uncertain {
		i = f.begunOr(ctx, store.Incident{Kind: store.FetchLost, From: begun, Count: 1})
		i.To = later(ended, begun.Add(store.FetchLimit)) // that the connection is gone keeps no panel from going on
	}
	err := f.persist(ctx, "end a fetch", func() error {
		if i != nil && i.ID != 0 {
			if err := f.store.UpdateIncident(*i, false); err != nil {
				return err
			}
			return f.store.EndFetch(nil)
		}
		return f.store.EndFetch(i)
	})
	if i != nil && err == nil {
		f.incident = i
	}
	return errors.Join(failure, err)
}

// over ends a trouble of several fetches: what it cost in all is told once more.
func (f *fetcher) over(ctx context.Context) {
	if i := f.incident; i != nil && i.Lasts {
		i.Lasts = false
		if err := f.persist(ctx, "note an incident", func() error { return f.store.UpdateIncident(*i, true) }); err != nil {
			f.log.Error("tell of an incident", "err", err)
		}
	}
	f.incident = nil
}

// decode reads a kept answer and stores what it holds. Whatever happens the bytes are in the store before, and stay there if they
// cannot be read.
func (f *fetcher) decode(ctx context.Context, raw uint64, answer smsapi.Answer, received time.Time) (more bool, err error) {
	messages, failure := decodeUnread(answer)
	for i := range messages {
		messages[i].Received = received
		messages[i].Line = f.line(messages[i].Line)
	}
	incident := f.problem(ctx, answer, failure, len(messages), received)
	crashpoint.At("fetch.decoded")
	var stored int
	err = f.persist(ctx, "store inbound sms", func() error {
		var err error
		stored, err = f.store.SaveUnread(raw, messages, incident)
		return err
	})
	if err != nil {
		return false, err
	}
	crashpoint.At("fetch.stored")
	f.metrics.received.Add(float64(stored))
	if stored > 0 {
		f.log.Info("inbound sms stored", "count", stored)
	}
	if failure != nil {
		if incident != nil {
			f.incident = incident
		}
		return false, failure
	}
	f.over(ctx)
	if len(messages) == 0 {
		f.empty = slices.Clone(answer.Body)
	}
	return stored > 0 && len(messages) >= fullAnswer, nil
}

// problem returns the incident a failure to read an answer is: the one under way when it is of the same kind, nil when the failure
// loses nothing.
func (f *fetcher) problem(ctx context.Context, answer smsapi.Answer, failure error, saved int, received time.Time) *store.Incident {
	if failure == nil {
		return nil
	}
	e, ok := errors.AsType[*smsapi.Error](failure)
	switch {
	case ok && e.Kind == smsapi.Auth:
		return f.begunOr(ctx, store.Incident{Kind: store.PanelRefuses, From: received, Reason: e.Text})
	case ok && e.Kind != smsapi.Uncertain:
		return nil // the panel said plainly that it gave nothing
	case answer.Cut:
		i := f.begunOr(ctx, store.Incident{Kind: store.FetchCut, From: received})
		i.Saved += saved
		return i
	}
	return f.begunOr(ctx, store.Incident{Kind: store.Undecodable, From: received, Count: 1})
}

// begunOr returns the incident of first's kind that lasts, with one failure more, or first, which ends one of another kind.
func (f *fetcher) begunOr(ctx context.Context, first store.Incident) *store.Incident {
	i := f.incident
	if i == nil || i.Kind != first.Kind {
		f.over(ctx)
		return &first
	}
	i.To, i.Lasts = first.From, i.Kind != store.PanelRefuses // whose end is seen by SMS coming in again
	i.Count++
	return i
}

// decodeUnread keeps a fault in the decoder from ending the program with the answer undecoded for ever.
func decodeUnread(a smsapi.Answer) (messages []sms.Message, err error) {
	defer func() {
		if fault := recover(); fault != nil {
			messages, err = nil, fmt.Errorf("decode answer: panic: %v", fault)
		}
	}()
	return smsapi.DecodeUnread(a)
}
