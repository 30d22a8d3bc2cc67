// Package relay is the panel's side of the bridge: it brings SMS from the panel into the store, sends what waits in the store, and follows
// its delivery. It knows no chats and no sentences: what a chat is to be told it leaves in the store, where bot finds it.
//
// Every step of a flow ends with a commit to the store, and that commit alone decides what a crash after it means.
//
//	Fetch (fetch.go)        mark the fetch - GetMsg - keep the raw answer - decode - store the SMS with a post for each chat
//	  crash before the raw answer is kept  the next start reports that SMS may be lost
//	  crash after it                       the next start decodes it
//	Read on (cursor.go)     where the panel takes nothing away: ask for what came after the last SMS - store the SMS, and with the last of them where that is
//	  crash anywhere                       asked again; ids tell what is stored
//	Send (send.go)          reserve a piece - SendSMS - store the outcome with the post that reports it
//	  crash before the outcome             nobody knows: the agents are asked, nothing is resent by itself; or, if the panel can be asked:
//	Settle (settle.go)      ask the panel by the keys of a piece whose answer was lost - store what it has of it, or that it is queued again
//	  crash anywhere                       asked again; sent again with the same keys, it goes out once
//	Search (settle.go)      where there are no keys, look for what says the same - store that it is there, or that it is to be looked for again
//	  crash anywhere                       looked for again; what is not found is asked about, and never sent by itself
//	Watch (watch.go)        GetCredit, while the panel is in trouble - store that it is, or no longer, with the incident that reports it
//	  crash anywhere                       the next start begins with GetCredit
//	Delivery (delivery.go)  GetStatus - store the statuses with the posts that report them
//	  crash anywhere                       asked again
//	Credit (credit.go)      GetCredit - store it with the incident that it is low
//	  crash anywhere                       asked again; the team is told once
//	Forget (forget.go)      take a page of a customer's words out of the store, or overwrite a page of what was deleted
//	  crash anywhere                       the next page goes on
//	Tidy (tidy.go)          delete a page of old rows; index a block of old SMS; end the questions nobody answered in time
//	  crash anywhere                       the next page goes on; a press that comes too late ends nothing
//	Remind (remind.go)      end the snoozes that are over, with the posts that tell so; remind of who waits for long, with the time of what comes next
//	  crash anywhere                       done once, at the next start
//
// Each flow is one goroutine that owns its state; the outbox starts a bounded number of sends at once and waits for them. Flows meet in the
// store, which wakes them, and share only what a restart may forget: how the panel is doing (condition.go).
package relay

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"peyk/internal/backoff"
	"peyk/internal/metrics"
	"peyk/sms"
	"peyk/smsapi"
	"peyk/store"
)

// Options are the settings of a Relay. Lines is required; the rest may be left out.
type Options struct {
	Lines []sms.Number // ours, as sms.NormalizeLine gives them

	PollInterval   time.Duration // between two GetMsg when nothing came; 5 s when zero
	LowCredit      float64       // admins are warned below this; off when zero
	CreditInterval time.Duration // between two looks at the credit, a tenth of it after sends; 10 minutes when zero

	// Decode reads an answer that was kept of another kind of panel, named as its smsapi.Traits are; empty: the first there was. When nil none
	// is read, and the team is told.
	Decode func(kind string, a smsapi.Answer) (smsapi.Inbox, error)

	Log     *slog.Logger     // discarded when nil
	Metrics *metrics.Metrics // its own when nil
}

// Relay is made by New and used by one Run.
type Relay struct {
	store   *store.Store
	panel   Panel
	opts    Options
	log     *slog.Logger
	metrics *metrics.Metrics

	state    *panelState   // how the panel is doing
	delivery chan struct{} // wakes followDelivery
	sent     chan struct{} // wakes watchCredit
	lost     chan struct{} // wakes settleLost
}

// senders is how many SendSMS may be in flight.
const senders = 8

// New returns a relay between a panel and an open store, which the caller closes after Run.
func New(st *store.Store, panel Client, opts Options) *Relay {
	if opts.PollInterval == 0 {
		opts.PollInterval = 5 * time.Second
	}
	if opts.CreditInterval == 0 {
		opts.CreditInterval = 10 * time.Minute
	}
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	if opts.Metrics == nil {
		opts.Metrics = metrics.New()
	}
	state := newPanelState(opts.PollInterval)
	return &Relay{
		store: st, panel: Panel{panel, st, opts.Metrics, state}, opts: opts, log: opts.Log, metrics: opts.Metrics,
		state: state, delivery: make(chan struct{}, 1), sent: make(chan struct{}, 1), lost: make(chan struct{}, 1),
	}
}

// Panel returns the panel for commands: their calls are counted, and show how the panel is doing.
func (r *Relay) Panel() Panel { return r.panel }

// FetchesWithin is how long it takes at most, when all is well, until a fetch has succeeded: a slow panel may use up its timeout, and a
// fetch or two may fail.
func (r *Relay) FetchesWithin() time.Duration { return 3*r.opts.PollInterval + r.panel.Timeout() }

// Run relays until ctx ends, then finishes what is in flight and returns nil. It returns an error when it cannot go on because the store
// fails.
func (r *Relay) Run(ctx context.Context) error {
	if err := r.store.Persist(ctx, "note the kind of panel", func() error { return r.store.UsePanel(r.panel.Traits().Name) }); err != nil {
		return err
	}
	if err := r.restoreCondition(); err != nil {
		return err
	}
	flows, ctx := errgroup.WithContext(ctx)
	for _, flow := range []func(context.Context) error{
		r.fetchUnread, r.sendQueued, r.settleLost, r.watchPanel, r.expireQuestions, r.remindAgents, r.followDelivery, r.watchCredit, r.keepTidy, r.indexHistory, r.forgetCustomers,
	} {
		flows.Go(func() error { return flow(ctx) })
	}
	return flows.Wait()
}

// line returns our line for a number as the panel writes it; one that is not ours stays as it is.
func (r *Relay) line(n sms.Number) sms.Number {
	if l := sms.NormalizeLine(string(n)); slices.Contains(r.opts.Lines, l) {
		return l
	}
	return n
}

// longestPause is what the pause between failing calls of the panel grows to. It follows the interval: who polls often wants SMS soon after
// the panel is back.
func longestPause(interval time.Duration) time.Duration { return min(time.Minute, 12*interval) }

// pollPause is how long to wait after the n-th failure in a row of something polled at an interval.
func pollPause(interval time.Duration, n int) time.Duration {
	return backoff.Pause(interval, longestPause(interval), n)
}
