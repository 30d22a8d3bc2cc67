// Package bot is the bridge between the SMS panel and Telegram, in both directions.
//
// Every step of a flow ends with a commit to the store, and what a crash after it means is settled by that commit alone.
//
//	Inbound (inbound.go)  mark the fetch - GetMsg - keep the raw answer - decode - store the SMS with a post for each chat
//	  crash before the raw answer is kept   the next start reports that SMS may be lost
//	  crash after it                        the next start decodes it
//	Post (post.go)        show the row that is first in its chat - note the chat message, remove the row
//	  crash between                         shown once more, marked "perhaps repeated"; in a group's minute both count
//	Mark (mark.go)        put on a reply how far it has come - note the mark, remove the row
//	  crash between                         put there once more, as it is by then
//	Take (updates.go)     note that the update was acted on together with what it caused - confirm it to Telegram
//	  crash between                         Telegram gives it again, the note absorbs it
//	Outbound (outbound.go) reserve a piece - SendSMS - store the outcome with the post that tells it
//	  crash before the outcome              nobody knows: the agents are asked, nothing is sent again by itself
//	Panel (down.go)       GetCredit, while the panel is in trouble - store that it is, or no longer, with the incident that tells it
//	  crash anywhere                        the next start begins with GetCredit
//	Questions (outbound.go) end those nobody answered in time with the posts that tell it
//	  crash anywhere                        ended at the next start; a press that comes too late ends nothing
//	Delivery (delivery.go) GetStatus - store the statuses with the posts that tell them
//	  crash anywhere                        asked again
//	Credit (credit.go)    GetCredit - store it with the incident that it is low
//	  crash anywhere                        asked again; what was told is told once
//	Tidy (prune.go)       forget a page of old rows
//	  crash anywhere                        the next page goes on
//
// Each flow is one goroutine, its own state in its own variables; the post queue, the marks and the outbox start bounded
// numbers of calls at once and wait for them. Flows meet in the store, which wakes them. In memory they share only what a
// restart may forget: how the panel is (down.go), and what Telegram's limits still allow (pace.go).
package bot

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"peyk/bot/text"
	"peyk/internal/crashpoint"
	"peyk/sms"
	"peyk/smsapi/soap"
	"peyk/store"
	"peyk/telegram"
)

// Options are the settings of a Bot. Lines is required; the rest may be left out.
type Options struct {
	Lines  []sms.Number // ours, as sms.NormalizeLine gives them; the first is the default
	Users  []sms.AgentID
	Admins []sms.AgentID // agents, too

	Prefixes  []string      // such as +98912: numbers that begin with one may be sent to; all when empty
	PartSizes sms.PartSizes // by which the panel counts; the standard's when zero

	LowCredit      float64       // admins are warned when less is left at the panel; nobody looks when zero
	CreditInterval time.Duration // pause between two looks, or a tenth of it when something was sent; 10 minutes when zero

	PollInterval time.Duration  // pause between two GetMsg when nothing came; 5 s when zero
	Language     string         // en or fa, where a chat has not chosen; en when empty
	Location     *time.Location // of the times shown; UTC when nil
	Log          *slog.Logger   // nowhere when nil
	Metrics      *Metrics       // what counts into it is read by others; its own when nil

	// TelegramSecond is how long the second of Telegram's limits lasts; a second when zero. Tests run against one that is faster.
	TelegramSecond time.Duration
}

// Bot is the bridge. It is made by New and used by one Run.
type Bot struct {
	store   *store.Store
	panel   meteredPanel
	tg      *telegram.Client
	self    telegram.User // who we are, once meet has returned; of the updates' flow
	opts    Options
	log     *slog.Logger
	metrics *Metrics

	contested time.Time // when another program last asked for updates with our token; of the updates' flow
	code      string    // makes the first who sends it the owner; empty when there are admins
	strangers strangers // how often those off the list were answered
	joiners   strangers // how often the admins were told who of them added us to a group
	pace      *pacer
	known     atomic.Bool   // Telegram knew our token since the start
	doubting  chan struct{} // bounds those who ask whether our token is still known to one
	delivery  chan struct{} // wakes the delivery loop
	sent      chan struct{} // wakes who watches the credit
	questions sync.WaitGroup
	slots     chan struct{} // bounds the questions to the panel under way
	calls     chan struct{} // bounds the small calls of Telegram beside the flows

	state *panelState // how the panel is

	late    chan struct{} // closed when lastWait is over
	unsaved atomic.Int64  // writes that were given up then

	fetched, updated moment // when the panel and Telegram last answered their flow well
}

// posters bounds the calls that post at once, one for each chat; senders the requests that send.
const (
	posters = 30 // as many messages as Telegram takes in a second
	senders = 8
	askers  = 8
)

// New returns a bridge over an open store, which the caller closes after Run.
func New(st *store.Store, panel *soap.Client, tg *telegram.Client, opts Options) *Bot {
	if opts.PollInterval == 0 {
		opts.PollInterval = 5 * time.Second
	}
	if opts.PartSizes == (sms.PartSizes{}) {
		opts.PartSizes = sms.StandardParts
	}
	if opts.CreditInterval == 0 {
		opts.CreditInterval = 10 * time.Minute
	}
	if opts.TelegramSecond == 0 {
		opts.TelegramSecond = crashpoint.Second(time.Second)
	}
	if text.Languages[opts.Language] == nil {
		opts.Language = "en"
	}
	if opts.Location == nil {
		opts.Location = time.UTC
	}
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	if opts.Metrics == nil {
		opts.Metrics = NewMetrics()
	}
	state := newPanelState(opts.PollInterval)
	b := &Bot{
		store: st, late: make(chan struct{}), panel: meteredPanel{panel, opts.Metrics, state}, state: state, tg: tg, opts: opts, log: opts.Log, metrics: opts.Metrics,
		pace: newPacer(opts.TelegramSecond), delivery: make(chan struct{}, 1), sent: make(chan struct{}, 1), slots: make(chan struct{}, askers), calls: make(chan struct{}, askers), doubting: make(chan struct{}, 1),
	}
	b.metrics.MustRegister(gauges{b})
	return b
}

// Run bridges until ctx ends, then lets what is under way come to its end and returns nil. It returns an error when it cannot
// go on: the token is not valid, or the store fails.
func (b *Bot) Run(ctx context.Context) error {
	if err := b.offerOwnership(); err != nil {
		return err
	}
	if err := b.store.ShutOut(slices.Concat(b.opts.Users, b.opts.Admins)); err != nil {
		return fmt.Errorf("shut out who is no agent: %w", err)
	}
	if err := b.beginPanel(); err != nil {
		return err
	}
	chats, err := b.store.Chats()
	if err != nil {
		return fmt.Errorf("read chats: %w", err)
	}
	b.pace.remember(chats, b.store.Ended(), time.Now()) // before any flow asks what a chat takes
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	defer context.AfterFunc(ctx, func() { time.AfterFunc(lastWait, func() { close(b.late) }) })()
	var flows sync.WaitGroup
	for _, flow := range []func(context.Context) error{b.takeUpdates, b.showPosts, b.showMarks, b.fetchUnread, b.sendQueued, b.watchPanel, b.expireQuestions, b.followDelivery, b.watchCredit, b.keepTidy} {
		flows.Go(func() {
			if err := flow(ctx); err != nil {
				stop(err)
			}
		})
	}
	flows.Go(func() {
		select {
		case err := <-b.store.Damaged():
			stop(err)
		case <-ctx.Done():
		}
	})
	flows.Wait()
	b.questions.Wait()
	if err := context.Cause(ctx); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	if n := b.unsaved.Load(); n > 0 {
		return fmt.Errorf("the end came before there was room on the disk: %d writes were given up", n)
	}
	return nil
}

// language returns the sentences in the language of a chat.
func (b *Bot) language(chat sms.ChatID) *text.Language {
	if c, err := b.store.Chat(chat); err == nil && text.Languages[c.Language] != nil {
		return text.Languages[c.Language]
	}
	return text.Languages[b.opts.Language]
}

// now is the store's time, in the zone that times are shown in.
func (b *Bot) now() time.Time { return b.store.Now().In(b.opts.Location) }

// line returns the line of ours that a number the panel wrote stands for; one we do not know stays as it is.
func (b *Bot) line(n sms.Number) sms.Number {
	if l := sms.NormalizeLine(string(n)); slices.Contains(b.opts.Lines, l) {
		return l
	}
	return n
}

// lastWord is how long after the end of ctx a question may still take: it changes nothing, and who asked can ask again.
const lastWord = 5 * time.Second

// lastWait is how long after the end of ctx the bridge waits for room on a full disk.
const lastWait = 40 * time.Second

// ask runs a question to the panel beside the flows, so that none waits for it.
func (b *Bot) ask(ctx context.Context, question func(context.Context)) {
	b.beside(ctx, b.slots, question)
}

// tell runs a small call of Telegram beside the flows, such as the answer to a button, which no slow panel may hold up.
func (b *Bot) tell(ctx context.Context, call func(context.Context)) { b.beside(ctx, b.calls, call) }

func (b *Bot) beside(ctx context.Context, slots chan struct{}, call func(context.Context)) {
	b.questions.Go(func() {
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return
		}
		defer func() { <-slots }()
		last, cancel := context.WithCancel(context.WithoutCancel(ctx))
		defer cancel()
		defer context.AfterFunc(ctx, func() { time.AfterFunc(lastWord, cancel) })()
		call(last)
	})
}

// sleep waits for d, or less when ctx ends or wake receives.
func sleep(ctx context.Context, d time.Duration, wake <-chan struct{}) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-wake:
	case <-timer.C:
	}
}

// pause returns how long to wait after the n-th failure in a row, the first being 1: from shortest, doubling, up to a minute, and never
// less than shortest.
func pause(shortest time.Duration, n int) time.Duration {
	d := shortest
	for range n - 1 {
		if d *= 2; d >= time.Minute {
			return max(time.Minute, shortest)
		}
	}
	return d
}

// longestPause is how many intervals the pause between failing calls of a panel grows to: who wants SMS soon does not wait a minute behind a
// panel that is back.
const longestPause = 12

// pollPause is pause for what is asked again and again at an interval.
func pollPause(interval time.Duration, n int) time.Duration {
	return min(pause(interval, n), longestPause*interval)
}

// outage makes one log line of the beginning of a row of failures, and one of its end.
type outage struct {
	log      *slog.Logger
	what     string
	since    time.Time
	failures int
}

func (o *outage) failed(err error) int {
	if o.failures++; o.failures == 1 {
		o.since = time.Now()
		o.log.Warn(o.what+" fails", "err", err)
	}
	return o.failures
}

func (o *outage) worked() {
	if o.failures > 0 {
		o.log.Info(o.what+" works again", "failures", o.failures, "after", time.Since(o.since).Round(time.Second).String())
		o.failures = 0
	}
}

// persist repeats a write that must not be given up while the disk is full or broken; any other error is returned at once, as no
// repetition mends it. The end of ctx ends it early. What cannot be known again, such as the outcome of a send, is given a ctx
// without an end: rather than lose it the bridge waits for room, after the end of Run's ctx for lastWait.
func (b *Bot) persist(ctx context.Context, what string, write func() error) error {
	trouble := outage{log: b.log, what: "store: " + what}
	for {
		err := write()
		if err == nil {
			trouble.worked()
			return nil
		}
		if !errors.Is(err, store.ErrDisk) || ctx.Err() != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		sleep(ctx, pause(100*time.Millisecond, trouble.failed(err)), b.late)
		select {
		case <-b.late:
			b.unsaved.Add(1)
			b.log.Error("the store took no write until the end: the next start asks about what it was, or tells that it may be lost", "what", what)
			return fmt.Errorf("%s: %w", what, err)
		default:
		}
	}
}
