package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"peyk/internal/connect"
	"peyk/panels"
	"peyk/relay"
	"peyk/sms"
	"peyk/smsapi"
	"peyk/smsapi/exchange"
)

// panelSettings are the settings of the panel.
type panelSettings struct {
	Kind                string // one of panels.Kinds; empty: the first
	URL, User, Password string
	Key                 string                // instead of user and password, at a kind that is OneKey
	Lines               []sms.Number          // ours; the first is the default
	Written             map[sms.Number]string // each as the panel names it
	Proxy               *url.URL              // nil: none
	Now                 func() time.Time      // our clock; nil: time.Now
	Dial                connect.Dial          // nil: by net.Dialer
}

func (p panelSettings) kind() panels.Kind {
	kind, _ := panels.Named(p.Kind)
	return kind
}

// unread reports whether a setting of a panel's login means nothing at a panel of this kind.
func (p panelSettings) unread(name string) bool {
	if p.kind().OneKey {
		return name == "SMS_API_USER" || name == "SMS_API_PASSWORD"
	}
	return name == "SMS_API_KEY"
}

// client returns the panel these settings name. Nothing is asked of it yet.
func (p panelSettings) client() (relay.Client, error) {
	return p.kind().New(panels.Login{URL: p.URL, User: p.User, Password: p.Password, Key: p.Key, Lines: p.Written}, exchange.Options{Proxy: p.Proxy, Now: p.Now, Dial: p.Dial})
}

// panelCall is one call of peyk panel. Its methods are the subcommands.
type panelCall struct {
	call
	settings panelSettings
	client   relay.Client
	line     string   // --line
	to       []string // --to
}

// commands are the methods of the panel as a shell calls them.
func (p *panelCall) commands() []command {
	return []command{
		{name: "credit", does: "what is left at the panel", more: "Asks GetCredit. The unit is the panel's own.", run: p.credit},
		{name: "send", args: "[--line L] --to N,N… TEXT", does: "send one text to one or many",
			more: "Asks SendSMS. A number given twice counts once; more than 60 go out in pieces. A piece that fails ends\n" +
				"the sending; its recipients and those behind it are listed with the error.",
			flags: func(flags *flag.FlagSet) { p.lineFlag(flags); p.toFlag(flags) }, run: p.send},
		{name: "send-each", args: "[--line L] < CSV", does: "send each recipient a text of its own",
			more: "Asks SendMultipleSMS. Standard input is CSV in UTF-8 without a heading: number,text. More than 60 go out in\n" +
				"pieces. A piece that fails ends the sending; its recipients and those behind it are listed with the error.",
			flags: p.lineFlag, run: p.sendEach},
		{name: "status", args: "ID…", does: "how far sent SMS have come", more: "Asks GetStatus.", run: p.status},
		{name: "unread", does: "fetch unread SMS and TAKE THEM AWAY from the panel",
			more: "Asks GetMsg, which answers up to 50 unread SMS and marks them as read: neither this command nor the\n" +
				"bridge will see them again. IPPanel Edge has nothing taken away: it tells what is new on its first page. An\n" +
				"answer that cannot be read is written to standard error as it is.",
			run: p.unread},
	}
}

func (p *panelCall) lineFlag(flags *flag.FlagSet) {
	flags.StringVar(&p.line, "line", "", "the line `L` to send from, instead of the first of SMS_LINES")
}

func (p *panelCall) toFlag(flags *flag.FlagSet) {
	flags.Func("to", "the recipients `N,N…`; may be given several times", func(value string) error {
		p.to = append(p.to, strings.FieldsFunc(value, func(r rune) bool { return strings.ContainsRune(",،;؛\n", r) })...)
		return nil
	})
}

func (c *call) panel(ctx context.Context) error {
	if len(c.args) == 0 || slices.ContainsFunc(c.args, asksForHelp) {
		return c.panelWith(ctx, panelSettings{})
	}
	s, err := c.readSettings("SMS_")
	if err != nil {
		return err
	}
	return c.panelWith(ctx, s.panel)
}

// panelWith runs a subcommand of peyk panel. It ends with 0 when that is done, with 1 when the panel refused or failed, with 2 on wrong use.
// Every outcome of 0 and 1 is one line of JSON on stdout.
func (c *call) panelWith(ctx context.Context, settings panelSettings) error {
	p := &panelCall{call: *c, settings: settings}
	if len(p.args) > 0 && asksForHelp(p.args[0]) {
		p.args[0] = "panel"
		return p.help(ctx)
	}
	row, err := p.find(p.commands())
	if p.name == "" {
		err = wrongUse("it takes a command: credit, send, send-each, status or unread")
	}
	if err == nil {
		err = p.try(ctx, row)
	}
	_, told := errors.AsType[exit](err)
	_, misused := errors.AsType[wrongUse](err)
	switch {
	case err == nil:
		return nil
	case err == flag.ErrHelp:
		row.help(p.stdout, p.path)
		return nil
	case told || misused:
		return p.tell(err)
	}
	p.print(map[string]any{"error": readableError(err)})
	return exit(1)
}

// try runs a subcommand unless something is wrong with how it was called.
func (p *panelCall) try(ctx context.Context, row command) (err error) {
	typed := p.args
	if err := p.parse(row); err != nil {
		return err
	}
	if i := slices.IndexFunc(typed, func(arg string) bool { return !utf8.ValidString(arg) }); i >= 0 {
		return wrongUse(fmt.Sprintf("argument %d is not UTF-8, nothing was sent: set the shell or the script that gives it to UTF-8", i+1))
	}
	if p.client, err = p.settings.client(); err != nil {
		return wrongUse(err.Error())
	}
	return row.run(ctx)
}

// shownError is an error as scripts read it.
type shownError struct {
	Kind string      `json:"kind"`
	Code smsapi.Code `json:"code,omitempty"`
	Text string      `json:"text"`
}

func readableError(err error) *shownError {
	var failed *smsapi.Error
	if !errors.As(err, &failed) {
		return &shownError{Kind: smsapi.Uncertain.String(), Text: err.Error()}
	}
	text := failed.Text
	if failed.Err != nil {
		text = strings.TrimPrefix(text+": "+failed.Err.Error(), ": ")
	}
	return &shownError{Kind: failed.Kind.String(), Code: failed.Code, Text: text}
}

// print writes one line of JSON, with texts as they are.
func (p *panelCall) print(v any) error {
	e := json.NewEncoder(p.stdout)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		fmt.Fprintf(p.stderr, "peyk panel %s: write result: %v\n", p.name, err)
		return exit(1)
	}
	return nil
}

func (p *panelCall) noArguments() error {
	if len(p.args) > 0 {
		return wrongUse(fmt.Sprintf("unexpected argument %q", p.args[0]))
	}
	return nil
}

func (p *panelCall) credit(ctx context.Context) error {
	credit, err := p.client.Credit(ctx)
	if err != nil {
		return err
	}
	return p.print(map[string]any{"credit": credit})
}

func (p *panelCall) status(ctx context.Context) error {
	var ids []sms.ID
	for _, id := range p.args {
		if id = strings.TrimSpace(id); id != "" {
			ids = append(ids, sms.ID(id))
		}
	}
	if len(ids) == 0 {
		return wrongUse("ids are missing")
	}
	deliveries, err := p.client.Status(ctx, ids)
	if err != nil {
		return err
	}
	type status struct {
		ID     sms.ID      `json:"id"`
		Code   smsapi.Code `json:"code"`
		Status string      `json:"status"`
	}
	var shown []status
	for _, d := range deliveries {
		shown = append(shown, status{d.ID, d.Code, stateWord(d)})
	}
	return p.print(map[string]any{"statuses": shown})
}

// stateWord names a delivery as scripts read it.
func stateWord(d smsapi.Delivery) string {
	word := d.Status.String()
	switch d.Status {
	case sms.Queued:
		word = "unknown"
	case sms.Sent:
		word = "sending" // the panel's own word for what it has
	case sms.Failed:
		word = d.Reason.String()
	}
	return strings.ReplaceAll(word, " ", "_")
}

func (p *panelCall) unread(ctx context.Context) error {
	places := []smsapi.Place{{}}
	if p.client.Traits().Again > 0 { // it is asked for each line
		places = nil
		for _, line := range p.settings.Lines {
			places = append(places, smsapi.Place{Line: line})
		}
	}
	var answer smsapi.Answer
	var messages []sms.Message
	var err error
	for _, at := range places { // until one fails: what was taken before is printed with that
		var in smsapi.Inbox
		var wrong error
		answer, err = p.client.Fetch(ctx, at)
		in, wrong = p.client.Decode(answer)
		messages = append(messages, in.Messages...)
		if err == nil {
			err = wrong
		}
		if err != nil {
			break
		}
	}
	smsapi.InboxOrder(0).Sort(messages)
	type message struct {
		From string `json:"from"`
		To   string `json:"to"`
		Text string `json:"text"`
		Time int64  `json:"time"`
	}
	shown := struct {
		Messages []message   `json:"messages,omitempty"`
		Error    *shownError `json:"error"`
	}{}
	for _, m := range messages {
		at := int64(0)
		if !m.Time.IsZero() {
			at = m.Time.Unix()
		}
		shown.Messages = append(shown.Messages, message{string(m.Customer), string(m.Line), m.Text, at})
	}
	if err == nil {
		return p.print(map[string]any{"messages": append([]message{}, shown.Messages...)})
	}
	// The panel will not give them again: whatever came must not be lost.
	shown.Error = readableError(err)
	if len(answer.Body) > 0 && shown.Error.Code == "" {
		fmt.Fprintf(p.stderr, "peyk panel unread: the answer as it came:\n%s\n", answer.Body)
	}
	if err := p.print(shown); err != nil {
		return err
	}
	return exit(1)
}
