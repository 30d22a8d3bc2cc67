// Package backoff waits between the tries of something that fails, longer each time, and logs one line when it begins to fail and one when
// it works again. It does not know what is tried.
package backoff

import (
	"context"
	"log/slog"
	"time"
)

// Backoff is for one thing that one goroutine tries again and again. Log and What are required.
type Backoff struct {
	Log      *slog.Logger
	What     string        // what fails, for the log: "fetch from panel"
	Shortest time.Duration // the first pause: the interval of a flow that has one
	Longest  time.Duration // what pauses grow to; a minute when zero. No pause is shorter than Shortest

	failures int
	since    time.Time // of the first failure in the row
}

// After notes the outcome of a try and returns how long to wait before the next: 0 after one that worked.
func (b *Backoff) After(err error) time.Duration {
	switch {
	case err == nil && b.failures > 0:
		b.Log.Info(b.What+" works again", "failures", b.failures, "after", time.Since(b.since).Round(time.Second).String())
		b.failures = 0
	case err != nil:
		if b.failures++; b.failures == 1 {
			b.since = time.Now()
			b.Log.Warn(b.What+" fails", "err", err)
		}
		return Pause(b.Shortest, b.Longest, b.failures)
	}
	return 0
}

// Wait waits as long as After says, or less when ctx ends or wake receives.
func (b *Backoff) Wait(ctx context.Context, err error, wake <-chan struct{}) {
	if d := b.After(err); d > 0 {
		Sleep(ctx, d, wake)
	}
}

// Failures returns how often it has failed in a row.
func (b *Backoff) Failures() int { return b.failures }

// Pause returns how long to wait after the n-th failure in a row, the first being 1: shortest, then twice as long each time, up to longest,
// which is a minute when zero; never less than shortest.
func Pause(shortest, longest time.Duration, n int) time.Duration {
	if longest == 0 {
		longest = time.Minute
	}
	d := shortest
	for range n - 1 {
		if d *= 2; d >= longest {
			break
		}
	}
	return max(min(d, longest), shortest)
}

// Sleep waits for d, or less when ctx ends or wake receives.
func Sleep(ctx context.Context, d time.Duration, wake <-chan struct{}) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-wake:
	case <-timer.C:
	}
}
