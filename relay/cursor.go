package relay

import (
	"context"
	"errors"
	"slices"
	"time"

	"peyk/internal/crashpoint"
	"peyk/sms"
	"peyk/smsapi"
	"peyk/store"
)

// At a panel with a cursor fetching takes nothing away: a round reads on from the last SMS that is stored, page by page, and where it ended is
// committed with the SMS of its last page. Whatever becomes of an answer, the next round has them all again; their ids tell which are stored.
// Nothing is marked before, and nothing can be lost that would have to be reported.

// backEvery is how often what was read already is read again, in case an id was late.
const backEvery = 5 * time.Minute

// commits is how many SMS one transaction stores.
const commits = 100

var errSamePage = errors.New("the panel gives page after page without an end")

// readOn reads one round. It reports that there is no more: with the round all is read.
func (f *fetcher) readOn(ctx context.Context) (more bool, err error) {
	now := f.store.Now()
	at := smsapi.Place{After: f.cursor.After, Down: f.down}
	back := f.wentBack.IsZero() || now.Sub(f.wentBack).Abs() >= backEvery && !f.cursor.Settled(now)
	if from, may := f.cursor.Back(now); back && may {
		at.After = from
	}
	var pages [][]sms.Message // that are still to be stored, the newest first
	for range most {
		crashpoint.At("read.due")
		begun := f.store.Now()
		answer, err := f.panel.Fetch(ctx, at)
		crashpoint.At("read.answered")
		var in smsapi.Inbox
		if err == nil {
			in, err = decodeSafely(f.panel.Decode, answer)
		}
		if err != nil { // what there is in it is read in its turn, once it can be
			return false, f.keepGarbled(ctx, answer, store.Raw{Begun: begun}, func(smsapi.Answer) (smsapi.Inbox, error) { return smsapi.Inbox{}, err }, err)
		}
		received := f.store.Now()
		for i := range in.Messages {
			in.Messages[i].Received = received
			in.Messages[i].Line = f.line(in.Messages[i].Line)
		}
		if pages = append(pages, in.Messages); in.Next.Down || at.Down || at.After == "" || !in.More {
			at = in.Next // of the newest first nothing is stored before what is older
		} else if at, pages = in.Next, nil; len(in.Messages) > 0 {
			if err := f.saveRead(ctx, in.Messages, "", false); err != nil {
				return false, err
			}
		}
		if in.More {
			continue
		}
		slices.Reverse(pages)
		if err := f.saveRead(ctx, slices.Concat(pages...), at.After, true); err != nil {
			return false, err
		}
		f.down = at.Down
		if back {
			f.wentBack = now
		}
		f.noteGoodFetch(ctx)
		return false, nil
	}
	return false, errSamePage
}

// saveRead stores SMS in the order of their times, and of their ids within a second, and where the round ended if it is over.
func (f *fetcher) saveRead(ctx context.Context, messages []sms.Message, after sms.ID, over bool) error {
	smsapi.InboxOrder(0).Sort(messages)
	stored := 0
	for {
		n := min(commits, len(messages))
		last := over && n == len(messages)
		if n == 0 && (!last || after == f.cursor.After && !f.cursor.Restored) {
			break
		}
		c := f.cursor
		err := f.store.Persist(ctx, "store inbound sms", func() error {
			some, err := f.store.SaveRead(messages[:n], &c, after, last)
			if err == nil {
				stored += some
			}
			return err
		})
		if err != nil {
			return err
		}
		crashpoint.At("read.stored")
		f.cursor = c
		if messages = messages[n:]; len(messages) == 0 {
			break
		}
	}
	f.metrics.Received(stored)
	if stored > 0 {
		f.log.Info("inbound sms stored", "count", stored)
	}
	return nil
}
