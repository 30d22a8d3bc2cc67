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

// At a panel that tells again what it has handed out, nothing need be reported as lost: whatever becomes of an answer, the SMS are read again that
// came since nothing unread was left there. The ids tell which are stored already. All times of this are by the panel's clock.

// before is how much earlier the panel may say that an SMS came than it handed it out first: it counts in seconds, and so does what tells its clock.
const before = 2 * time.Minute

// margin is by how much less than the panel lists it is asked for.
const margin = 10 * time.Minute

// lateFor is for how long after it was begun a panel may still carry out a fetch that nobody waits for any more, as store.FetchLimit has it; in a test of
// crashes, as many of its seconds.
var lateFor = store.FetchLimit / time.Second * crashpoint.Second(time.Second)

// owing is what must be read again of a line: at once, and once more when none of it can be handed out any more.
type owing struct {
	store.Owed
	late time.Time // until then some may be
	read bool      // it was read since the last that may be late was begun
}

// readOwed reads what is owed from the store, at the start and when that changes there.
func (f *fetcher) readOwed() error {
	owed, err := f.store.Owed()
	if err != nil {
		return fmt.Errorf("read what must be read again: %w", err)
	}
	f.owed = map[sms.Number]owing{}
	for line, o := range owed {
		f.owed[line] = owing{Owed: o, late: time.Now().Add(lateFor)} // the previous process may have begun it just now
	}
	return nil
}

// askClock has the panel tell its clock, by any answer, before the first fetch: what is owed is by that, and ours may be days off.
func (f *fetcher) askClock(ctx context.Context) {
	if _, known := f.panel.Skew(); known || f.askedClock {
		return
	}
	_, err := f.panel.credit(ctx, true)
	f.askedClock = err == nil
}

// oweRestored has all lines be read again if the store was restored from a backup, where that can be done. At other panels what was taken since the
// backup was made is gone, as the team was told.
func (f *fetcher) oweRestored(ctx context.Context) error {
	if !f.cursor.Restored {
		return nil
	}
	var lines []sms.Number
	if f.panel.Traits().Again > 0 {
		lines = f.opts.Lines
	}
	err := f.store.Persist(ctx, "note what must be read again", func() error { return f.store.OweRestored(lines, f.panel.Now()) })
	if err != nil {
		return err
	}
	f.cursor.Restored = false
	return f.readOwed()
}

// most is of how many pages one reading is at most: two days of SMS are fewer.
const most = 1000

// take takes the unread SMS of a line away from the panel. It reports whether there may be more.
func (f *fetcher) take(ctx context.Context, line sms.Number) (more bool, err error) {
	begun, now, late := f.store.Now(), f.panel.Now(), time.Now().Add(lateFor)
	crashpoint.At("again.due")
	owed, err := f.store.BeginTaking(line, now)
	if err != nil {
		return false, fmt.Errorf("mark the fetch: %w", err)
	}
	before, owes := f.owed[line]
	first := !owes                          // no earlier reading is owed
	f.owed[line] = owing{owed, late, false} // Anew no more, until the answer is there
	crashpoint.At("again.marked")
	answer, failure := f.panel.Fetch(ctx, smsapi.Place{Line: line})
	crashpoint.At("again.answered")
	switch {
	case failure != nil && !mayLoseSMS(failure) && first:
		return false, errors.Join(failure, f.endTaking(ctx, line, time.Time{}))
	case failure != nil && !mayLoseSMS(failure):
		f.owed[line] = before
		return false, failure
	case failure != nil:
		return false, f.keepGarbled(ctx, answer, store.Raw{Begun: begun}, f.panel.Decode, failure)
	case first && f.empty != nil && bytes.Equal(answer.Body, f.empty):
		f.noteGoodFetch(ctx)
		return false, f.endTaking(ctx, line, now)
	}
	kept := store.Raw{Takes: line, Begun: begun}
	if !first {
		kept.Takes, f.owed[line] = "", before
	}
	in, stored, err := f.keepRead(ctx, answer, kept)
	if err == nil && first && !in.More {
		err = f.endTaking(ctx, line, now)
	}
	return err == nil && in.More && stored > 0, err
}

// readAgain reads what was taken of a line and did not surely arrive. It reports whether that is done.
func (f *fetcher) readAgain(ctx context.Context, line sms.Number) (done bool, err error) {
	owed, known := f.owed[line]
	late := time.Until(owed.late) > 0
	if !known || owed.read && late {
		return false, nil
	}
	now, lists := f.panel.Now(), f.panel.Traits().Again-margin
	if now.Sub(owed.Begun).Abs() > lists {
		return false, f.gone(ctx, line)
	}
	since, older := owed.Since.Add(-before), false
	if from := now.Add(-lists); since.Before(from) || since.After(now) {
		since, older = from, true
	}
	for page := range most {
		kept := store.Raw{Reads: line, Begun: f.store.Now()}
		answer, err := f.panel.Fetch(ctx, smsapi.Place{Line: line, Since: since, Page: page})
		crashpoint.At("again.listed")
		if err != nil {
			return false, f.keepGarbled(ctx, answer, kept, f.panel.Decode, err)
		}
		in, _, err := f.keepRead(ctx, answer, kept)
		if err != nil {
			return false, err
		}
		if !in.More {
			break
		}
	}
	if late {
		owed.read = true
		f.owed[line] = owed
		return false, nil
	}
	if older && !owed.Anew { // some of them may have waited for so long that they are not listed any more; what a backup lacks the team was told of
		return true, f.gone(ctx, line)
	}
	return true, f.endTaking(ctx, line, time.Time{})
}

// keepRead keeps an answer, as kept says of which line it is, and stores the SMS in it.
func (f *fetcher) keepRead(ctx context.Context, answer smsapi.Answer, kept store.Raw) (in smsapi.Inbox, stored int, err error) {
	kept.Fetched = f.store.Now()
	if kept, err = f.keep(ctx, answer, kept); err != nil {
		return in, 0, err
	}
	if kept.Takes != "" {
		delete(f.owed, kept.Takes)
	}
	crashpoint.At("again.saved")
	return f.decode(ctx, kept, answer, f.panel.Decode)
}

// endTaking ends what is owed of a line. emptied is when nothing unread was left of it, or zero.
func (f *fetcher) endTaking(ctx context.Context, line sms.Number, emptied time.Time) error {
	err := f.store.Persist(ctx, "end a fetch", func() error { return f.store.EndTaking(line, emptied) })
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
