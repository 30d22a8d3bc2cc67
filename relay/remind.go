package relay

import (
	"context"
	"time"

	"peyk/internal/backoff"
)

// remindAgents has customers wait again whom agents put off until now, and reminds of those who wait for long.
func (r *Relay) remindAgents(ctx context.Context) error {
	trouble := backoff.Backoff{Log: r.log, What: "remind agents", Shortest: time.Second}
	for ctx.Err() == nil {
		wait, err := r.store.EndSnoozes()
		if err == nil {
			var next time.Duration
			next, err = r.store.Remind()
			wait = min(wait, next)
		}
		if err != nil {
			trouble.Wait(ctx, err, nil)
			continue
		}
		trouble.After(nil)
		backoff.Sleep(ctx, wait, nil)
	}
	return nil
}
