// Package doctor looks at everything a bridge needs and says what is right, what should be known and what is wrong, with the remedy: the
// store's file, Telegram and what we may do there, the panel, the clocks. It fetches, sends and posts nothing, and does not ask for updates,
// for that would end the poll of whoever else does. It knows no flow of the bridge; what it looks at is given to it.
package doctor

import (
	"context"
	"io"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"

	"peyk/bot/text"
	"peyk/sms"
	"peyk/smsapi"
	"peyk/store"
	"peyk/telegram"
)

const (
	timeout  = 30 * time.Second // for each side: who checks waits for it
	clockOff = 3 * time.Minute
	fullDisk = 100 << 20
)

// Doctor is what is looked at. What is nil or empty is left out.
type Doctor struct {
	Telegram *telegram.Client
	Panel    smsapi.Panel
	Lines    []sms.Number  // ours, which the panel is asked about
	Users    []sms.AgentID // whom the settings let in

	Path    string // of the store
	Options store.Options
	Open    *store.Store          // the same, when this process has it open
	CopyOut func(io.Writer) error // writes out the store while a bridge has it open
}

// Check returns what it finds, in the language t, within half a minute or so.
func (d Doctor) Check(ctx context.Context, t *text.Language) []Finding {
	home, tg, panel := findings{Language: t}, findings{Language: t}, findings{Language: t}
	var known settings
	if d.Path != "" {
		known = d.checkStore(&home)
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	var sides sync.WaitGroup
	if d.Telegram != nil {
		sides.Go(func() { d.checkTelegram(ctx, &tg, known.showing(), known.admins) })
	}
	if d.Panel != nil {
		sides.Go(func() { d.checkPanel(ctx, &panel) })
	}
	sides.Wait()
	all := findings{Language: t, list: slices.Concat(home.list, tg.list, panel.list)}
	d.checkClock(&all)
	return all.list
}

// State is what a finding means.
type State int

const (
	Right State = iota
	Noted       // it works, and should be known
	Wrong
)

// Finding is one thing a check found, in a sentence that says the remedy if there is something to remedy.
type Finding struct {
	State     State
	HTML      string // the sentence
	Unreached bool   // nothing is known: the other side could not be asked
	Cause     error  // what is behind it, for who runs the program; no chat is shown it
	Link      string // to the bot, in the finding that its token is right
}

// String returns the finding as one line for a terminal: ok, note or WRONG, the sentence, the cause.
func (f Finding) String() string {
	said := text.Plain(f.HTML)
	if f.Cause != nil {
		said += " (" + f.Cause.Error() + ")"
	}
	said = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsControl(r): // of a chat's title, or of the panel's words
			return ' '
		case r >= '\u2066' && r <= '\u2069': // ours around them: few terminals know what they mean
			return -1
		}
		return r
	}, said)
	return [...]string{"ok    ", "note  ", "WRONG "}[f.State] + said
}

// findings are what was found so far, and the language of it.
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
