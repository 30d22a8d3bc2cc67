// Package doctor checks everything a bridge needs and says what is right, what should be known and what is wrong, with the fix: the store's
// file, Telegram and what the bot may do there, the panel, the clocks. It fetches, sends and posts nothing, and does not ask for updates:
// that would end the poll of a running bridge. It knows none of the bridge's flows; its caller hands it what to check.
package doctor

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync"
	"time"

	"peyk/bot/text"
	"peyk/sms"
	"peyk/smsapi"
	"peyk/store"
	"peyk/telegram"
)

const (
	patience = 10 * time.Second // for one question to a network: somebody waits for the check
	timeout  = 30 * time.Second // for all questions to one network
	asked    = 5                // chats that are asked about at once
	clockOff = 3 * time.Minute
	fullDisk = 100 << 20
)

// Panel is what is asked of a panel's client.
type Panel interface {
	Traits() smsapi.Traits
	Credit(context.Context) (string, error)
	InClear() bool                           // the login can be read on the way
	Skew() (ahead time.Duration, known bool) // of the panel's clock
	Lacks(context.Context) ([]string, error) // methods
	// Foreign returns which lines are not ours there; told is false when it does not tell.
	Foreign(ctx context.Context, lines []sms.Number) (foreign []sms.Number, told bool, err error)
}

// Doctor is what to check. What is nil or empty is skipped.
type Doctor struct {
	Telegram *telegram.Client
	Panel    Panel
	Lines    []sms.Number  // ours: the panel is asked whether they are
	Users    []sms.AgentID // agents by the settings

	Path    string // of the store
	Options store.Options
	Open    *store.Store          // the store at Path, when this process has it open
	CopyOut func(io.Writer) error // copies the store while a bridge has it open; its error may be ErrFollows
}

// ErrFollows means that there is no copy of the store, as the process that has it open follows another.
var ErrFollows = errors.New("the peyk that runs here follows another of its cluster")

// Check returns what it finds, in the language t. Of a network that does not answer it knows after ten seconds; with many chats, or a slow
// panel, it takes half a minute at most.
func (d Doctor) Check(ctx context.Context, t *text.Language) []Finding {
	home, tg, panel := findings{Language: t}, findings{Language: t}, findings{Language: t}
	var sides sync.WaitGroup
	within := func(side func(context.Context)) {
		ctx, cancel := context.WithTimeout(ctx, timeout)
		defer cancel()
		side(ctx)
	}
	if d.Panel != nil {
		sides.Go(func() { within(func(ctx context.Context) { d.checkPanel(ctx, &panel) }) })
	}
	away := d.Options.Away
	if d.Open != nil {
		away = d.Open.Away()
	}
	if away.Parts > 1 {
		home.add(Noted, home.Say(home.CheckAway, away.Parts))
	}
	var known settings // which chats to ask Telegram about
	if d.Path != "" {
		known = d.checkStore(&home)
	}
	if d.Telegram != nil {
		within(func(ctx context.Context) { d.checkTelegram(ctx, &tg, known.showing(), known.admins) })
	}
	sides.Wait()
	all := findings{Language: t, list: slices.Concat(home.list, tg.list, panel.list)}
	d.checkClock(&all)
	return all.list
}

// ask asks one question, which may take as long as somebody wants to wait for it.
func ask[T any](ctx context.Context, question func(context.Context) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return question(ctx)
}

// State is what a finding means.
type State int

const (
	Right State = iota
	Noted       // it works, but should be known
	Wrong
)

// Finding is one thing that a check found, in a sentence that names the fix where something is wrong.
type Finding struct {
	State     State
	HTML      string // the sentence
	Unreached bool   // nothing is known, because the network could not be reached
	Cause     error  // the error behind it, for whoever runs the program; never shown in a chat
	Link      string // to the bot, in the finding that its token is valid
}

// Line returns the finding as one line for a terminal: ok, note or WRONG, in the words of the language, the sentence, and in brackets what the system or a
// server said.
func (f Finding) Line(t *text.Language) string {
	said := f.HTML
	if why := cause(t, f.Cause); why != "" {
		said += " (\u2066" + text.Escape(why) + "\u2069)"
	}
	return [...]string{t.Right, t.Noted, t.Wrong}[f.State] + t.OnTerminal(said)
}

// findings are what has been found so far, and the language it is said in.
type findings struct {
	*text.Language
	list []Finding
}

func (f *findings) add(state State, html string) {
	f.list = append(f.list, Finding{State: state, HTML: html})
}

func (f *findings) wrong(cause error, html string) {
	f.list = append(f.list, Finding{State: Wrong, Cause: cause, HTML: html})
}
