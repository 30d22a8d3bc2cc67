// Package bot is Telegram's side of the bridge: it takes what agents write and press into the store, and shows in their chats what the
// store holds for them. It knows no panel's protocol, and asks a panel only for commands such as /credit: SMS, and what becomes of orders,
// it finds in the store. What it says is in package text.
//
// Every step of a flow ends with a commit to the store, and that commit alone decides what a crash after it means.
//
//	Take (updates.go)  note that the update was acted on together with what it caused - confirm it to Telegram
//	  crash between          Telegram gives it again, the note absorbs it
//	Post (post.go)     show the first row of a chat - note the chat message, remove the row
//	  crash between          shown once more, marked "perhaps repeated"; in a group's minute both count
//	Mark (mark.go)     set on a reply how far it has come - note the mark, remove the row
//	  crash between          set once more, as it is by then
//	Import (contacts.go) name some of a file's customers, and note how far that has come - go on
//	  crash between          goes on there
//	Later (later.go)   remove a scheduled order together with the order it becomes, the question, or what is said of it
//	  crash before           done at the next start; asked about if that is an hour late
//
// Each flow is one goroutine that owns its state; those that show start bounded numbers of calls at once and wait for them. Bot takes,
// poster shows. Flows meet in the store, which wakes them, and share only what a restart may forget: what Telegram's limits still allow
// (pace.go), and what the server at hand is too old for (abilities.go).
package bot

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"peyk/bot/lint"
	"peyk/bot/text"
	"peyk/doctor"
	"peyk/internal/crashpoint"
	"peyk/internal/hours"
	"peyk/internal/metrics"
	"peyk/sms"
	"peyk/smsapi"
	"peyk/store"
	"peyk/telegram"
)

// Options are the settings of a Bot. Lines is required; the rest may be left out.
type Options struct {
	Lines  []sms.Number // ours, as sms.NormalizeLine gives them; the first is the default
	Users  []sms.AgentID
	Admins []sms.AgentID // they are agents too

	Prefixes  []string      // such as +98912: only numbers that begin with one may be sent to; all when empty
	PartSizes sms.PartSizes // how the panel counts parts; the standard when zero

	Footer string      // ends each text to several; nothing when empty
	Quiet  hours.Quiet // when nobody should get one; never when zero
	Lint   lint.List   // what is warned of

	Language string           // en or fa, where a chat has not chosen; en when empty
	Location *time.Location   // of times shown; UTC when nil
	Log      *slog.Logger     // discarded when nil
	Metrics  *metrics.Metrics // its own when nil

	// TelegramSecond is how long a second of Telegram's limits lasts; a second when zero. Tests use shorter ones.
	TelegramSecond time.Duration
}

// Panel is what commands need of a panel: relay has one, which bot may not know.
type Panel interface {
	doctor.Panel
	// Status returns how far each of the SMS has come, in their order.
	Status(context.Context, []sms.ID) ([]smsapi.Delivery, error)
	// AskDelivery asks for the status of SMS that have ids, and stores what the panel says.
	AskDelivery(context.Context, []store.SMS) error
	// Price returns what an SMS from a line costs with a text, of one part at most; zero where the panel tells none.
	Price(ctx context.Context, line sms.Number, text string) (smsapi.Price, error)
	// Takes returns how long so many requests to send take, as the panel answers now; 0 if nobody knows.
	Takes(requests int) time.Duration
}

// Bot is made by New and used by one Run.
type Bot struct {
	voice
	panel   Panel
	tg      *telegram.Client
	self    telegram.User // who we are, once identify has returned; owned by takeUpdates
	log     *slog.Logger
	metrics *metrics.Metrics
	poster  *poster

	taking        int64         // the update at hand; owned by takeUpdates
	contested     time.Time     // when another program last polled with our token; owned by takeUpdates
	code          string        // makes the first to send it the owner; empty when there are admins
	strangers     answerLimit   // for strangers who write
	joiners       answerLimit   // for strangers who add the bot to groups
	tokenKnown    atomic.Bool   // Telegram has accepted our token since the start
	verifying     chan struct{} // a semaphore: one verifyToken at a time
	background    sync.WaitGroup
	panelSlots    chan struct{} // a semaphore for questions to the panel
	telegramSlots chan struct{} // a semaphore for small calls of Telegram
	fileSlots     chan struct{} // a semaphore for files that people sent
	readSlots     chan struct{} // a semaphore for questions that much is read for
	exportSlots   chan struct{} // a semaphore for exports: each may take 50 MB

	reading map[question]context.CancelFunc // ends such a question; owned by takeUpdates
}

// posters is how many chats may be posted to at once; backgroundCalls is how many questions to the panel, and how many small calls of
// Telegram, may run beside the flows; reads is how many questions that much is read for.
const (
	posters         = 30 // as many messages as Telegram takes in a second
	backgroundCalls = 8
	reads           = 2
)

// New returns a bot over an open store, which the caller closes after Run.
func New(st *store.Store, panel Panel, tg *telegram.Client, opts Options) *Bot {
	if opts.PartSizes == (sms.PartSizes{}) {
		opts.PartSizes = sms.StandardParts
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
		opts.Metrics = metrics.New()
	}
	b := &Bot{
		voice: voice{st, opts}, panel: panel, tg: tg, log: opts.Log, metrics: opts.Metrics,
		panelSlots: make(chan struct{}, backgroundCalls), telegramSlots: make(chan struct{}, backgroundCalls), readSlots: make(chan struct{}, reads), fileSlots: make(chan struct{}, 1), exportSlots: make(chan struct{}, 1), verifying: make(chan struct{}, 1),
		reading: map[question]context.CancelFunc{},
	}
	b.poster = &poster{voice: b.voice, tg: tg, log: opts.Log, pace: newPacer(opts.TelegramSecond), abilities: &abilities{log: opts.Log}, verifyToken: b.verifyToken}
	return b
}

// Run takes and shows until ctx ends, then finishes what is in flight and returns nil. It returns an error when it cannot go on: the token
// is not valid, or the store fails.
func (b *Bot) Run(ctx context.Context) error {
	if err := b.makeOwnerCode(); err != nil {
		return err
	}
	if err := b.store.CloseToStrangers(slices.Concat(b.opts.Users, b.opts.Admins)); err != nil {
		return fmt.Errorf("stop showing SMS to people who are not agents: %w", err)
	}
	if err := b.store.TellEnded(); err != nil {
		return fmt.Errorf("tell of what was asked for before: %w", err)
	}
	chats, err := b.store.Chats()
	if err != nil {
		return fmt.Errorf("read chats: %w", err)
	}
	b.poster.pace.remember(chats, b.store.Ended(), b.store.Now(), time.Now()) // before any flow asks what a chat may be sent
	flows, ctx := errgroup.WithContext(ctx)
	for _, flow := range []func(context.Context) error{b.takeUpdates, b.importContacts, b.sendScheduled, b.poster.showPosts, b.poster.showMarks, b.poster.deletePrompts, b.poster.keepPins} {
		flows.Go(func() error { return flow(ctx) })
	}
	err = flows.Wait()
	b.background.Wait()
	return err
}

// pollTime is the longest that Telegram lets a poll wait.
const pollTime = 50 * time.Second

// UpdatesWithin is how long it takes at most, when all is well, until Telegram has answered getUpdates.
const UpdatesWithin = 2 * pollTime

// backgroundGrace is how long background work may go on after ctx has ended. It changes nothing, and whoever asked can ask again.
const backgroundGrace = 5 * time.Second

// askPanel runs a question to the panel in the background, so that no flow waits for it.
func (b *Bot) askPanel(ctx context.Context, question func(context.Context)) {
	b.runInBackground(ctx, b.panelSlots, question)
}

// callTelegram runs a small call of Telegram in the background, such as the answer to a button, which a slow panel must not hold up.
func (b *Bot) callTelegram(ctx context.Context, call func(context.Context)) {
	b.runInBackground(ctx, b.telegramSlots, call)
}

// runLatest runs work in the background, and ends what still runs, or waits, for an older question like it. Only takeUpdates calls it.
func (b *Bot) runLatest(ctx context.Context, of question, slots chan struct{}, work func(context.Context)) {
	if end := b.reading[of]; end != nil {
		end()
	}
	ctx, end := context.WithCancel(ctx)
	b.reading[of] = end
	b.background.Go(func() {
		defer end()
		select {
		case slots <- struct{}{}:
			defer func() { <-slots }()
			work(ctx)
		case <-ctx.Done():
		}
	})
}

func (b *Bot) runInBackground(ctx context.Context, slots chan struct{}, call func(context.Context)) {
	b.background.Go(func() {
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return
		}
		defer func() { <-slots }()
		last, cancel := context.WithCancel(context.WithoutCancel(ctx))
		defer cancel()
		defer context.AfterFunc(ctx, func() { time.AfterFunc(backgroundGrace, cancel) })()
		call(last)
	})
}
