package bot

import (
	"context"
	"time"
)

// What is old is forgotten in pages of so many rows, each a transaction of 2 ms or so, which is what others wait for.
const (
	tidyEvery = time.Hour
	tidyPage  = 200
	tidyPause = 50 * time.Millisecond // after each page, so that a long tidying up leaves the disk to the others
)

// keepTidy has the store forget what is old and not needed any more, once Telegram has told that our clock is right.
func (b *Bot) keepTidy(ctx context.Context) error {
	trouble := outage{log: b.log, what: "tidy the store"}
	deleted, unsure := 0, 0
	for ctx.Err() == nil {
		if b.noteClock(); !b.store.ClockRight() {
			unsure++
			sleep(ctx, pause(100*time.Millisecond, unsure), nil)
			continue
		}
		unsure = 0
		n, more, err := b.store.Prune(tidyPage)
		deleted += n
		switch {
		case err != nil:
			sleep(ctx, pause(time.Second, trouble.failed(err)), nil)
		case more:
			trouble.worked()
			sleep(ctx, tidyPause, nil)
		default:
			trouble.worked()
			if deleted > 0 {
				b.log.Info("old rows forgotten", "count", deleted)
			}
			deleted = 0
			if n := b.store.RemoveScratch(time.Now().Add(-tidyEvery)); n > 0 {
				b.log.Warn("copies of the store removed", "count", n)
			}
			sleep(ctx, tidyEvery, nil)
		}
	}
	return nil
}
