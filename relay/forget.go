package relay

import (
	"context"
	"time"

	"peyk/internal/backoff"
)

// forgetPause is how long to wait after each step in forgetting a customer, to leave the disk to others.
const forgetPause = 20 * time.Millisecond

// forgetCustomers has the store forget the customers whom admins had forgotten, also those whom a process before this one had begun to.
func (r *Relay) forgetCustomers(ctx context.Context) error {
	trouble := backoff.Backoff{Log: r.log, What: "forget a customer", Shortest: time.Second}
	for ctx.Err() == nil {
		more, err := r.store.ForgetStep()
		if err != nil {
			trouble.Wait(ctx, err, nil)
			continue
		}
		trouble.After(nil)
		if more {
			backoff.Sleep(ctx, forgetPause, nil)
			continue
		}
		select {
		case <-ctx.Done():
		case <-r.store.Forgets():
		}
	}
	return nil
}
