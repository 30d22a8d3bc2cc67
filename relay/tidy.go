package relay

import (
	"context"
	"time"

	"peyk/internal/backoff"
)

// Old rows are deleted in pages, each a transaction of about 2 ms: others wait no longer than that.
const (
	tidyEvery = time.Hour
	tidyPage  = 200
	tidyPause = 50 * time.Millisecond // after each page, to leave the disk to others
)

// keepTidy has the store delete what is old and no longer needed, once Telegram has confirmed that our clock is right.
func (r *Relay) keepTidy(ctx context.Context) error {
	trouble := backoff.Backoff{Log: r.log, What: "tidy the store", Shortest: time.Second}
	deleted, unsure := 0, 0
	for ctx.Err() == nil {
		if r.store.NoteClock(); !r.store.ClockRight() {
			unsure++
			backoff.Sleep(ctx, backoff.Pause(100*time.Millisecond, 0, unsure), nil)
			continue
		}
		unsure = 0
		n, more, err := r.store.Prune(tidyPage)
		deleted += n
		switch {
		case err != nil:
			trouble.Wait(ctx, err, nil)
		case more:
			trouble.After(nil)
			backoff.Sleep(ctx, tidyPause, nil)
		default:
			trouble.After(nil)
			if deleted > 0 {
				r.log.Info("old rows deleted", "count", deleted)
			}
			deleted = 0
			if n := r.store.RemoveScratch(time.Now().Add(-tidyEvery)); n > 0 {
				r.log.Warn("copies of the store removed", "count", n)
			}
			backoff.Sleep(ctx, tidyEvery, nil)
		}
	}
	return nil
}

// indexHistory has the store index what came before there was an index, block by block, and ends.
func (r *Relay) indexHistory(ctx context.Context) error {
	trouble := backoff.Backoff{Log: r.log, What: "index SMS", Shortest: time.Second}
	for more := true; more && ctx.Err() == nil; {
		var err error
		if more, err = r.store.IndexHistory(); err != nil {
			trouble.Wait(ctx, err, nil)
			more = true
			continue
		}
		trouble.After(nil)
		backoff.Sleep(ctx, tidyPause, nil)
	}
	return nil
}

// expireQuestions ends questions that nobody answered in time.
func (r *Relay) expireQuestions(ctx context.Context) error {
	trouble := backoff.Backoff{Log: r.log, What: "expire old questions", Shortest: time.Second}
	for ctx.Err() == nil {
		wait, err := r.store.Expire()
		if err != nil {
			trouble.Wait(ctx, err, nil)
			continue
		}
		trouble.After(nil)
		backoff.Sleep(ctx, wait, nil)
	}
	return nil
}
