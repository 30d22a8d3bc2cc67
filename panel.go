package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"peyk/sms"
	"peyk/smsapi"
	"peyk/smsapi/soap"
)

// panelSettings are the settings that the panel's side needs.
type panelSettings struct {
	URL, User, Password string
	Lines               []sms.Number          // ours; the first is the default
	Written             map[sms.Number]string // each as the panel names it
	Proxy               *url.URL              // nil: none
}

func (p panelSettings) client() (*soap.Client, error) {
	return soap.New(p.URL, p.User, p.Password, soap.Options{Proxy: p.Proxy, Lines: p.Written})
}

// panelCommands are the methods of the panel as a shell calls them; the table is also their help.
var panelCommands = []struct {
	name, args, does, more string
	run                    func(*panelCall) error
}{
	{"credit", "", "what is left at the panel", "Asks GetCredit. The unit is the panel's own.", (*panelCall).credit},
	{"send", "[--line L] --to N,N… TEXT", "send one text to one or many",
		"Asks SendSMS. A number given twice counts once; more than 60 go out in pieces. A piece that fails ends\n" +
			"the sending; its recipients and those behind it are listed with the error.", (*panelCall).send},
	{"send-each", "[--line L] < CSV", "send each recipient a text of its own",
		"Asks SendMultipleSMS. Standard input is CSV in UTF-8 without a heading: number,text. More than 60 go out in\n" +
			"pieces. A piece that fails ends the sending; its recipients and those behind it are listed with the error.",
		(*panelCall).sendEach},
	{"status", "ID…", "how far sent SMS have come", "Asks GetStatus.", (*panelCall).status},
	{"unread", "", "fetch unread SMS and TAKE THEM AWAY from the panel",
		"Asks GetMsg, which answers up to 50 unread SMS and marks them as read: neither this command nor the\n" +
			"bridge will see them again. An answer that cannot be read is written to standard error as it came.",
		(*panelCall).unread},
}

// panelCall is one subcommand while it runs.
type panelCall struct {
	ctx    context.Context
	cfg    panelSettings
	client *soap.Client
	flags  *flag.FlagSet // parsed
	line   string
	to     []string
	stdin  io.Reader
	stdout io.Writer
	stderr io.Writer
}

// wrongUse is a mistake of whoever typed the command: nothing was done.
type wrongUse string

func (w wrongUse) Error() string { return string(w) }

// errShown ends a command that failed and has printed why.
var errShown = errors.New("failed")

// panelCommand runs "peyk panel" with the arguments behind these words and returns the exit code: 0 done, 1 the panel
// refused or failed, 2 wrong use or settings. Every outcome of 0 and 1 is one line of JSON on stdout.
func panelCommand(ctx context.Context, args []string, cfg panelSettings, stdin io.Reader, stdout, stderr io.Writer) int {
	name := ""
	if len(args) > 0 {
		name, args = args[0], args[1:]
	}
	if slices.Contains([]string{"help", "-h", "-help", "--help"}, name) {
		panelHelp(stdout)
		return 0
	}
	for _, c := range panelCommands {
		if c.name != name {
			continue
		}
		call := panelCall{ctx: ctx, cfg: cfg, flags: flag.NewFlagSet(name, flag.ContinueOnError), stdin: stdin, stdout: stdout, stderr: stderr}
		call.flags.SetOutput(io.Discard)
		if strings.Contains(c.args, "--line") {
			call.flags.StringVar(&call.line, "line", "", "")
		}
		if strings.Contains(c.args, "--to") {
			call.flags.Func("to", "", func(s string) error {
				call.to = append(call.to, strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune(",،;؛\n", r) })...)
				return nil
			})
		}
		err := call.flags.Parse(args)
		if err == flag.ErrHelp {
			fmt.Fprintf(stdout, "%s\n\n%s\n", strings.TrimSpace("usage: peyk panel "+name+" "+c.args), c.more)
			return 0
		}
		if err != nil {
			err = wrongUse(err.Error())
		} else if i := slices.IndexFunc(args, func(arg string) bool { return !utf8.ValidString(arg) }); i >= 0 {
			err = wrongUse(fmt.Sprintf("argument %d is not UTF-8, nothing was sent: set the shell or the script that gives it to UTF-8", i+1))
		} else if call.client, err = cfg.client(); err != nil {
			err = wrongUse(err.Error())
		} else {
			err = c.run(&call)
		}
		var wrong wrongUse
		switch {
		case err == nil:
			return 0
		case errors.As(err, &wrong):
			fmt.Fprintf(stderr, "peyk panel %s: %v\n", name, wrong)
			return 2
		case err != errShown:
			call.print(map[string]any{"error": readableError(err)})
		}
		return 1
	}
	if name != "" {
		fmt.Fprintf(stderr, "peyk panel: there is no command %q\n\n", name)
	}
	panelHelp(stderr)
	return 2
}

func panelHelp(w io.Writer) {
	fmt.Fprintln(w, "usage: peyk panel COMMAND; each has a -h of its own")
	for _, c := range panelCommands {
		fmt.Fprintf(w, "  %-36s %s\n", strings.TrimSpace(c.name+" "+c.args), c.does)
	}
}

// shownError is an error as scripts read it.
type shownError struct {
	Kind string `json:"kind"`
	Code int    `json:"code,omitempty"`
	Text string `json:"text"`
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
		fmt.Fprintf(p.stderr, "peyk panel %s: write result: %v\n", p.flags.Name(), err)
		return errShown
	}
	return nil
}

func (p *panelCall) noArguments() error {
	if p.flags.NArg() > 0 {
		return wrongUse(fmt.Sprintf("%q is one argument too many", p.flags.Arg(0)))
	}
	return nil
}

func (p *panelCall) credit() error {
	if err := p.noArguments(); err != nil {
		return err
	}
	credit, err := p.client.Credit(p.ctx)
	if err != nil {
		return err
	}
	return p.print(map[string]any{"credit": credit})
}

func (p *panelCall) send() error {
	line, err := p.ourLine()
	if err != nil {
		return err
	}
	var to []sms.Number
	var wrong []string
	for _, typed := range p.to {
		if typed = strings.TrimSpace(typed); typed == "" {
			continue
		}
		recipient, err := sms.ParseRecipient(typed)
		if err != nil {
			wrong = append(wrong, fmt.Sprintf("%q", typed))
		}
		to = append(to, recipient)
	}
	switch {
	case len(wrong) > 0:
		return wrongUse("no telephone number, nothing was sent: " + strings.Join(wrong, ", "))
	case len(to) == 0:
		return wrongUse("--to is missing: whom the text is for")
	case p.flags.NArg() > 1:
		return wrongUse("the text must be one argument behind the flags, in quotes")
	case strings.TrimSpace(p.flags.Arg(0)) == "":
		return wrongUse("the text is missing")
	}
	return sendPieces(p, smsapi.Pieces(to), func(r sms.Number) sms.Number { return r }, func(piece []sms.Number) (smsapi.Sent, error) {
		return p.client.Send(p.ctx, line, piece, p.flags.Arg(0))
	})
}

func (p *panelCall) sendEach() error {
	if err := p.noArguments(); err != nil {
		return err
	}
	line, err := p.ourLine()
	if err != nil {
		return err
	}
	input, err := io.ReadAll(p.stdin)
	if err != nil {
		return wrongUse(fmt.Sprintf("read standard input: %v", err))
	}
	if where := notUTF8(input); where != "" {
		return wrongUse("standard input is " + where + ", nothing was sent: save the file as 'CSV UTF-8'")
	}
	rows := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(input, []byte("\ufeff"))))
	rows.FieldsPerRecord = 2
	var each []smsapi.Addressed
	var wrong []string
	for {
		row, err := rows.Read()
		if err == io.EOF {
			break
		}
		if err != nil {
			return wrongUse(fmt.Sprintf("standard input is not CSV of number,text, nothing was sent: %v", err))
		}
		at, _ := rows.FieldPos(0)
		recipient, err := sms.ParseRecipient(row[0])
		if err != nil {
			wrong = append(wrong, fmt.Sprintf("line %d: %q", at, row[0]))
		} else if strings.TrimSpace(row[1]) == "" {
			wrong = append(wrong, fmt.Sprintf("line %d: no text", at))
		}
		each = append(each, smsapi.Addressed{To: recipient, Text: row[1]})
	}
	if len(wrong) > 0 {
		return wrongUse("no telephone number or no text, nothing was sent: " + strings.Join(wrong, ", "))
	}
	if len(each) == 0 {
		return wrongUse("standard input is empty")
	}
	pieces := slices.Collect(slices.Chunk(each, smsapi.MaxRecipients))
	return sendPieces(p, pieces, func(a smsapi.Addressed) sms.Number { return a.To }, func(piece []smsapi.Addressed) (smsapi.Sent, error) {
		return p.client.SendEach(p.ctx, line, piece)
	})
}

// notUTF8 says where a file is something else than UTF-8, or "" when it nowhere is. What would be read in its place is U+FFFD, which costs
// as much as the letter it stands for. A zero byte is half of a letter in UTF-16.
func notUTF8(file []byte) string {
	if bytes.HasPrefix(file, []byte("\xff\xfe")) || bytes.HasPrefix(file, []byte("\xfe\xff")) || bytes.IndexByte(file, 0) >= 0 {
		return "UTF-16, from line 1 on"
	}
	line, first, more := 0, 0, 0
	for text := range bytes.Lines(file) {
		line++
		switch {
		case utf8.Valid(text):
		case first == 0:
			first = line
		default:
			more++
		}
	}
	switch {
	case first == 0:
		return ""
	case more == 0:
		return fmt.Sprintf("not UTF-8 in line %d", first)
	}
	return fmt.Sprintf("not UTF-8 in line %d and %d more", first, more)
}

// ourLine returns the line to send from.
func (p *panelCall) ourLine() (sms.Number, error) {
	if len(p.cfg.Lines) == 0 {
		return "", wrongUse("SMS_LINES names no line to send from")
	}
	if p.line == "" {
		return p.cfg.Lines[0], nil
	}
	form := func(line string) sms.Number { return cmp.Or(sms.NormalizeLine(line), sms.Normalize(line)) }
	for _, line := range p.cfg.Lines {
		if form(string(line)) == form(p.line) {
			return line, nil
		}
	}
	return "", wrongUse(fmt.Sprintf("%q is not one of SMS_LINES", p.line))
}

// shownResult is what became of one recipient.
type shownResult struct {
	Recipient string      `json:"recipient"`
	ID        sms.ID      `json:"id,omitempty"`
	Error     *shownError `json:"error,omitempty"`
}

// sendPieces sends piece after piece and prints what became of each recipient. The first piece that fails ends it: what was
// accepted before must be told, what comes behind was surely not sent.
func sendPieces[T any](p *panelCall, pieces [][]T, recipient func(T) sms.Number, send func([]T) (smsapi.Sent, error)) error {
	shown := struct {
		Results []shownResult `json:"results"`
		IDs     []sms.ID      `json:"ids,omitempty"`
	}{}
	failed := false
	for i, piece := range pieces {
		sent, err := send(piece)
		if err == nil {
			for _, r := range sent.Results {
				result := shownResult{Recipient: string(r.Recipient), ID: r.ID}
				if r.Err != nil {
					result.Error, failed = readableError(r.Err), true
				}
				shown.Results = append(shown.Results, result)
			}
			shown.IDs = append(shown.IDs, sent.IDs...)
			continue
		}
		cause := readableError(err)
		if i == 0 && (len(pieces) == 1 || cause.Kind != smsapi.Uncertain.String()) {
			return err // the same for all
		}
		for _, one := range piece {
			shown.Results = append(shown.Results, shownResult{Recipient: string(recipient(one)), Error: cause})
		}
		rest := &shownError{Kind: smsapi.Unavailable.String(), Text: "not sent: the request before it failed"}
		for _, one := range slices.Concat(pieces[i+1:]...) {
			shown.Results = append(shown.Results, shownResult{Recipient: string(recipient(one)), Error: rest})
		}
		failed = true
		break
	}
	if err := p.print(shown); err != nil || !failed {
		return err
	}
	return errShown
}

func (p *panelCall) status() error {
	var ids []sms.ID
	for _, id := range p.flags.Args() {
		if id = strings.TrimSpace(id); id != "" {
			ids = append(ids, sms.ID(id))
		}
	}
	if len(ids) == 0 {
		return wrongUse("the ids to ask for are missing")
	}
	deliveries, err := p.client.Status(p.ctx, ids)
	if err != nil {
		return err
	}
	type status struct {
		ID     sms.ID `json:"id"`
		Code   int    `json:"code"`
		Status string `json:"status"`
	}
	var shown []status
	for _, d := range deliveries {
		shown = append(shown, status{d.ID, d.Code, d.Word})
	}
	return p.print(map[string]any{"statuses": shown})
}

func (p *panelCall) unread() error {
	if err := p.noArguments(); err != nil {
		return err
	}
	answer, err := p.client.Unread(p.ctx)
	messages, _, wrong := p.client.Decode(answer, 0)
	if err == nil {
		err = wrong
	}
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
	// The panel will not give them again, so whatever came must not be lost.
	shown.Error = readableError(err)
	if len(answer.Body) > 0 && shown.Error.Code == 0 {
		fmt.Fprintf(p.stderr, "peyk panel unread: the answer as it came:\n%s\n", answer.Body)
	}
	if err := p.print(shown); err != nil {
		return err
	}
	return errShown
}
