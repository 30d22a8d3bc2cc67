// Package bridge runs relay and bot together over one store, each with its own network. Both end when either does.
package bridge

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"peyk/bot"
	"peyk/internal/metrics"
	"peyk/relay"
	"peyk/store"
	"peyk/telegram"
)

// Bridge is made by New and used by one Run.
type Bridge struct {
	store   *store.Store
	relay   *relay.Relay
	bot     *bot.Bot
	metrics *metrics.Metrics
}

// New returns a bridge over an open store, which the caller closes after Run. Both sides count into m.
func New(st *store.Store, panel relay.Client, tg *telegram.Client, r relay.Options, b bot.Options, m *metrics.Metrics) *Bridge {
	m.Watch(st)
	r.Metrics, b.Metrics = m, m
	panelSide := relay.New(st, panel, r)
	return &Bridge{store: st, relay: panelSide, bot: bot.New(st, panelSide.Panel(), tg, b), metrics: m}
}

// lastWait is how long the bridge waits for room on a full disk after ctx has ended.
const lastWait = 40 * time.Second

// Run bridges until ctx ends, then finishes what is in flight and returns nil. It returns an error when it cannot go on: the token is not
// valid, or the store fails.
func (b *Bridge) Run(ctx context.Context) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	defer context.AfterFunc(ctx, func() { time.AfterFunc(lastWait, b.store.GiveUp) })()
	var sides sync.WaitGroup
	for _, side := range []func(context.Context) error{b.relay.Run, b.bot.Run} {
		sides.Go(func() {
			if err := side(ctx); err != nil {
				stop(err)
			}
		})
	}
	sides.Go(func() {
		select {
		case err := <-b.store.Damaged():
			stop(err)
		case <-ctx.Done():
		}
	})
	sides.Wait()
	if err := context.Cause(ctx); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	if n := b.store.Unsaved(); n > 0 {
		return fmt.Errorf("stopped with the disk still full: %d writes were given up", n)
	}
	return nil
}

// Ready returns nil when both networks have answered well within the time that takes when all is well. Its error says in one line which has
// not, and since when.
func (b *Bridge) Ready(now time.Time) error {
	return b.metrics.Ready(now, b.relay.FetchesWithin(), bot.UpdatesWithin)
}
