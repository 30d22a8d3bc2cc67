package relay

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"peyk/internal/crashpoint"
	"peyk/sms"
	"peyk/smsapi"
	"peyk/store"
)

// At a panel that tells again what it has handed out, nothing need be reported as lost: whatever becomes of an answer, the SMS are read again
// from before the moment at which it was asked for. The ids tell which are stored already.

// before is how much earlier the panel may say that an SMS came than the fetch began that took it.
const before = 2 * time.Minute

// most is of how many pages one reading is at most: two days of SMS are fewer.
const most = 1000

// take takes the unread SMS of a line away from the panel. It reports whether there may be more.
func (f *fetcher) take(ctx context.Context, line sms.Number) (more bool, err error) {
	begun := f.store.Now()
	crashpoint.At("again.due")
	if err := f.store.BeginTaking(line); err != nil {
		return false, fmt.Errorf("mark the fetch: %w", err)
	}
	if _, known := f.owed[line]; !known {
		f.owed[line] = begun
	}
	crashpoint.At("again.marked")
	answer, failure := f.panel.Fetch(ctx, smsapi.Place{Line: line})
	crashpoint.At("again.answered")
	switch {
	case failure != nil && !mayLoseSMS(failure) && f.owed[line].Equal(begun):
		return false, errors.Join(failure, f.endTaking(ctx, line))
	case failure != nil:
		return false, failure
	case !f.owed[line].Equal(begun):
		line = "" // an earlier reading is still owed
	}
	if line != "" && f.empty != nil && bytes.Equal(answer.Body, f.empty) {
		f.noteGoodFetch(ctx)
		return false, f.endTaking(ctx, line)
	}
	in, stored, err := f.keep(ctx, answer, begun, line)
	return err == nil && in.More && stored > 0, err
}

// readAgain reads what was taken of a line and did not surely arrive. It reports whether that is done.
func (f *fetcher) readAgain(ctx context.Context, line sms.Number) (done bool, err error) {
	since, owed := f.owed[line]
	if !owed {
		return false, nil
	}
	if f.store.Now().Sub(since).Abs() > f.panel.Traits().Again-time.Hour {
		return false, f.gone(ctx, line)
	}
	for page := range most {
		begun := f.store.Now()
		answer, err := f.panel.Fetch(ctx, smsapi.Place{Line: line, Since: since.Add(-before), Page: page})
		crashpoint.At("again.listed")
		if err != nil {
			return false, err
		}
		in, _, err := f.keep(ctx, answer, begun, "")
		if err != nil {
			return false, err
		}
		if !in.More {
			break
		}
	}
	return true, f.endTaking(ctx, line)
}

// keep keeps a whole answer and stores the SMS in it. takes is the line of which all is in it that was taken, or empty.
func (f *fetcher) keep(ctx context.Context, answer smsapi.Answer, begun time.Time, takes sms.Number) (in smsapi.Inbox, stored int, err error) {
	received := f.store.Now()
	var id uint64
	err = f.store.Persist(ctx, "keep an answer", func() (err error) {
		id, err = f.store.SaveRaw(store.Raw{
			Panel: f.panel.Traits().Name, ContentType: answer.ContentType, Body: answer.Body, Cut: answer.Cut, Begun: begun, Fetched: received, Holds: answer.Holds, Takes: takes,
		})
		return err
	})
	if err != nil {
		return in, 0, err
	}
	if takes != "" {
		delete(f.owed, takes)
	}
	crashpoint.At("again.saved")
	f.begun = begun
	return f.decode(ctx, id, answer, f.panel.Decode, received)
}

func (f *fetcher) endTaking(ctx context.Context, line sms.Number) error {
	err := f.store.Persist(ctx, "end a fetch", func() error { return f.store.EndTaking(line) })
	if err == nil {
		delete(f.owed, line)
	}
	return err
}

// gone has what cannot be read again be told of as lost.
func (f *fetcher) gone(ctx context.Context, line sms.Number) error {
	err := f.store.Persist(ctx, "end a fetch", func() error { return f.store.Gone(line) })
	if err == nil {
		delete(f.owed, line)
		f.noteLoss(f.store.Now())
	}
	return err
}
