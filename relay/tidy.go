package relay

import (
	"context"
	"time"

	"peyk/internal/backoff"
)

// What is old is forgotten in pages of so many rows, each a transaction of 2 ms or so, which is what others wait for.
const (
	tidyEvery = time.Hour
	tidyPage  = 200
	tidyPause = 50 * time.Millisecond // after each page, so that a long tidying up leaves the disk to the others
)

// keepTidy has the store forget what is old and not needed any more, once Telegram has told that our clock is right.
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
				r.log.Info("old rows forgotten", "count", deleted)
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

// expireQuestions ends the questions nobody answered in time.
func (r *Relay) expireQuestions(ctx context.Context) error {
	trouble := backoff.Backoff{Log: r.log, What: "end old questions", Shortest: time.Second}
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
