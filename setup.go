package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/term"

	"peyk/bot/text"
	"peyk/doctor"
	"peyk/sms"
	"peyk/telegram"
)

// manual is what the first .env is made from.
//
//go:embed .env.example
var manual []byte

// setup runs peyk setup, which asks for what is needed and writes it into .env.
func (c *call) setup(ctx context.Context) error {
	s := setup{dialog: newDialog(c.stdin, c.stdout), environ: c.environ, answers: map[string]string{}, told: map[string]bool{}}
	err := s.run(ctx)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		fmt.Fprintln(c.stderr, "\npeyk setup: interrupted: nothing was written")
	case errors.Is(err, io.EOF):
		fmt.Fprintln(c.stderr, "\npeyk setup: the input ended before the last question: nothing was written")
	default:
		fmt.Fprintf(c.stderr, "peyk setup: %s\n", strings.ReplaceAll(err.Error(), "\n", "\n  "))
	}
	return exit(1)
}

// setup is one run of peyk setup.
type setup struct {
	dialog
	settings
	environ []string
	outside map[string]string // the environment
	file    map[string]string // .env, as it was
	answers map[string]string // for .env
	link    string            // to the bot, once it is known
	told    map[string]bool   // findings of the steps before
}

func (s *setup) run(ctx context.Context) error {
	old, err := os.ReadFile(".env")
	switch {
	case errors.Is(err, fs.ErrNotExist):
		old = manual
	case err != nil:
		return fmt.Errorf(".env cannot be read: %w", err)
	default:
		yes, err := s.yes(ctx, ".env already exists. Change it? Settings that are not asked for stay as they are.")
		if err != nil {
			return err
		}
		if !yes {
			return errors.New("nothing was changed")
		}
	}
	if err := s.begin(); err != nil {
		return err
	}
	for _, step := range []func(context.Context) error{s.telegramStep, s.panelStep, s.linesStep} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	changed, err := setDotEnv(old, s.answers)
	if err != nil {
		return err
	}
	if err := replaceFile(".env", changed); err != nil {
		return fmt.Errorf("write .env: %w", err)
	}
	s.farewell()
	return nil
}

// begin reads what is set already. It fails if all answers would be in vain.
func (s *setup) begin() (err error) {
	if s.file, err = readDotEnv(); err != nil {
		return err
	}
	s.outside = asMap(s.environ)
	probe, err := os.CreateTemp(".", ".env-*")
	if err != nil {
		return fmt.Errorf("no file can be made here: run it in a directory that you can write to: %w", err)
	}
	if err := errors.Join(probe.Close(), os.Remove(probe.Name())); err != nil {
		return err
	}
	// With these wrong, the answers would be tried in the wrong place.
	for _, name := range []string{"TELEGRAM_API_URL", "TELEGRAM_PROXY", "SMS_API_PROXY"} {
		if _, _, err := readSettings(s.environ, name); err != nil {
			return err
		}
	}
	s.settings, _, _ = readSettings(s.environ, "") // what is missing is asked for; other mistakes are shown at the end
	return nil
}

func (s *setup) telegramStep(ctx context.Context) error {
	s.sayf("\nThe bot. On Telegram, send /newbot to @BotFather to make one; you get a token for it.\n")
	token := question{name: "TELEGRAM_BOT_TOKEN", ask: "Token", secret: true}
	try := func() ([]doctor.Finding, error) {
		return doctor.Doctor{Telegram: telegram.New(s.telegram)}.Check(ctx, &text.English), nil
	}
	viaProxy := func() (bool, error) {
		was := s.answers["TELEGRAM_PROXY"]
		_, err := s.answer(ctx, question{name: "TELEGRAM_PROXY", ask: "If Telegram needs a proxy here, its address, such as socks5://HOST:PORT; otherwise press Enter", optional: true})
		return s.answers["TELEGRAM_PROXY"] != was, err
	}
	return s.step(ctx, []question{token}, try, viaProxy)
}

func (s *setup) panelStep(ctx context.Context) error {
	s.sayf("\nThe panel. Your SMS provider gives you all three; the address is often http://HOST/class/sms/webservice3/server.php?wsdl\n")
	return s.step(ctx, []question{
		{name: "SMS_API_URL", ask: "Address of the web service (SOAP)"},
		{name: "SMS_API_USER", ask: "User name"},
		{name: "SMS_API_PASSWORD", ask: "Password", secret: true},
	}, func() ([]doctor.Finding, error) { return s.askPanel(ctx, nil) }, nil)
}

func (s *setup) linesStep(ctx context.Context) error {
	s.sayf("\nYour lines: your numbers at the panel, separated by commas, the one to send from first.\n")
	return s.step(ctx, []question{{name: "SMS_LINES", ask: "Lines"}},
		func() ([]doctor.Finding, error) { return s.askPanel(ctx, s.panel.Lines) }, nil)
}

func (s *setup) askPanel(ctx context.Context, lines []sms.Number) ([]doctor.Finding, error) {
	client, err := s.panel.client()
	if err != nil {
		return nil, err
	}
	return doctor.Doctor{Panel: client, Lines: lines}.Check(ctx, &text.English), nil
}

// step asks its questions until try finds nothing wrong or the answers are to be kept anyway. otherWay, if not nil, asks for another way to a
// side that cannot be reached, and reports whether one was given.
func (s *setup) step(ctx context.Context, questions []question, try func() ([]doctor.Finding, error), otherWay func() (bool, error)) error {
	for {
		asked := false
		for _, q := range questions {
			one, err := s.answer(ctx, q)
			if err != nil {
				return err
			}
			asked = asked || one
		}
		found, keep, err := s.tryOut(ctx, try, otherWay)
		if err == nil && !keep {
			keep, err = s.yes(ctx, "Keep it anyway?")
		}
		switch {
		case err != nil:
			return err
		case keep:
			for _, f := range found {
				s.told[f.String()] = true
			}
			return nil
		case !asked:
			return errors.New("it comes from the environment: correct it there, then run peyk setup again. Nothing was written")
		}
	}
}

// tryOut shows what try finds and no earlier step has shown, and returns whether nothing is wrong.
func (s *setup) tryOut(ctx context.Context, try func() ([]doctor.Finding, error), otherWay func() (bool, error)) (found []doctor.Finding, right bool, err error) {
	for {
		found, err = try()
		if err = cmp.Or(ctx.Err(), err); err != nil {
			return nil, false, err
		}
		right = true
		unreached := false
		for _, f := range found {
			s.link = cmp.Or(f.Link, s.link)
			if line := f.String(); !s.told[line] {
				s.sayf("%s\n", line)
				right, unreached = right && f.State != doctor.Wrong, unreached || f.Unreached
			}
		}
		if !unreached || otherWay == nil {
			return found, right, nil
		}
		if given, err := otherWay(); err != nil || !given {
			return found, right, err
		}
	}
}

// farewell says what to do next.
func (s *setup) farewell() {
	s.sayf("\n.env is written. Only you can read it.\n")
	_, warnings, err := readSettings(s.environ, "")
	if err != nil {
		s.sayf("Before you start, fix these settings:\n  %s\n", strings.ReplaceAll(err.Error(), "\n", "\n  "))
	}
	for _, w := range warnings {
		s.sayf("note: %s\n", w)
	}
	s.sayf("\nNext steps:\n  - Start it: run peyk here. peyk check says at any time whether all is well.\n")
	bot := cmp.Or(s.link, "the bot")
	if len(s.bot.Admins)+len(s.bot.Users) == 0 {
		s.sayf("  - Its log shows a link: open it to become the owner of the bot.\n")
	}
	s.sayf("  - Add %s to your team's group and press [Show SMS here].\n", bot)
}

// question asks for one setting.
type question struct {
	name, ask string
	secret    bool // not shown while it is typed
	optional  bool
}

// answer asks until the answer can be read, and keeps it. It does not ask for what the environment sets, and then reports false.
func (s *setup) answer(ctx context.Context, q question) (asked bool, err error) {
	set, _, err := lookUp(q.name, s.outside)
	if err != nil {
		return false, err
	}
	if set != "" {
		s.sayf("%s comes from the environment.\n", q.name)
		return false, s.read(q.name, set)
	}
	was := s.answers[q.name]
	if was == "" {
		if was, _, err = lookUp(q.name, s.file); err != nil {
			return false, err
		}
	}
	for {
		value, err := s.ask(ctx, q, was)
		if err != nil {
			return true, err
		}
		switch {
		case value == "" && q.optional:
			return true, nil
		case value == "":
			s.sayf("It is required.\n")
			continue
		}
		if err := s.read(q.name, value); err != nil {
			s.sayf("It %v\n", err)
			continue
		}
		if value != was {
			if _, err := quote(value); err != nil {
				s.sayf("It %v: put it into a file of its own, write that file's path into .env as %s_FILE='…', and run peyk setup again.\n", err, q.name)
				continue
			}
			if err := plain(value); err != nil {
				s.sayf("It %v\n", err)
				continue
			}
			s.answers[q.name] = value
		}
		return true, nil
	}
}

// read reads a value into the settings, just as the bridge does when it starts.
func (s *setup) read(name, value string) error {
	for _, row := range s.table() {
		if row.name == name {
			return row.read(value)
		}
	}
	return fmt.Errorf("%s is not a setting", name)
}

// setDotEnv returns the text of a .env file with values set in it. A value replaces the old one, or follows the line that shows it as a comment,
// or comes at the end. Any other line that sets it is removed; all other lines stay.
func setDotEnv(text []byte, values map[string]string) ([]byte, error) {
	var b bytes.Buffer
	left := maps.Clone(values)
	write := func(name string) error {
		quoted, err := quote(left[name])
		if err != nil {
			return fmt.Errorf("%s %w", name, err)
		}
		fmt.Fprintf(&b, "%s=%s\n", name, quoted)
		delete(left, name)
		return nil
	}
	for _, statement := range statements(text) {
		named, err := parseDotEnv(statement)
		if err != nil {
			return nil, err
		}
		for name := range named { // one, or none
			bare := strings.TrimSuffix(name, "_FILE")
			if _, ours := values[bare]; !ours {
				continue
			}
			statement = nil
			if _, waits := left[bare]; waits && bare == name {
				if err := write(name); err != nil {
					return nil, err
				}
			}
		}
		b.Write(statement)
		if n := len(statement); n > 0 && statement[n-1] != '\n' {
			b.WriteByte('\n')
		}
		if name, _, ok := strings.Cut(strings.TrimPrefix(string(statement), "#"), "="); ok && len(named) == 0 && left[name] != "" {
			if err := write(name); err != nil {
				return nil, err
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(left)) {
		if err := write(name); err != nil {
			return nil, err
		}
	}
	read, err := parseDotEnv(b.Bytes())
	if err != nil {
		return nil, err
	}
	for name, value := range values {
		if read[name] != value {
			return nil, fmt.Errorf("%s cannot be written into this .env: write it there yourself", name)
		}
	}
	return b.Bytes(), nil
}

// replaceFile replaces a file by text, readable by this user only. At no time is half of it there, or readable by others.
func replaceFile(path string, text []byte) error {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".env-*")
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

// dialog asks questions on a terminal, or reads the answers from a pipe.
type dialog struct {
	in       *bufio.Reader
	terminal int // its file descriptor, -1 when there is none
	out      io.Writer
}

func newDialog(in io.Reader, out io.Writer) dialog {
	d := dialog{in: bufio.NewReader(in), terminal: -1, out: out}
	if f, ok := in.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		d.terminal = int(f.Fd())
	}
	return d
}

func (d *dialog) sayf(format string, args ...any) { fmt.Fprintf(d.out, format, args...) }

// ask returns what is typed, or was if that is nothing. The error is io.EOF when the input has ended, or that of ctx.
func (d *dialog) ask(ctx context.Context, q question, was string) (string, error) {
	switch {
	case was != "" && q.secret:
		d.sayf("%s, hidden [Enter keeps the current one]: ", q.ask)
	case q.secret:
		d.sayf("%s, hidden: ", q.ask)
	case was != "":
		d.sayf("%s [%s]: ", q.ask, was)
	default:
		d.sayf("%s: ", q.ask)
	}
	typed, err := d.line(ctx, q.secret)
	if d.terminal < 0 || q.secret && err == nil {
		d.sayf("\n")
	}
	return cmp.Or(strings.TrimSpace(typed), was), err
}

func (d *dialog) yes(ctx context.Context, ask string) (bool, error) {
	typed, err := d.ask(ctx, question{ask: ask + " [y/N]"}, "")
	return strings.HasPrefix(strings.ToLower(typed), "y"), err
}

// line reads a line. A read from a terminal cannot be interrupted: when ctx ends the read is left behind, as the program is about to end.
func (d *dialog) line(ctx context.Context, secret bool) (string, error) {
	type line struct {
		text string
		err  error
	}
	came := make(chan line, 1)
	read := func() line {
		text, err := d.in.ReadString('\n')
		if text != "" {
			err = nil
		}
		return line{text, err}
	}
	if secret && d.terminal >= 0 {
		shown, err := term.GetState(d.terminal)
		if err != nil {
			return "", err
		}
		defer term.Restore(d.terminal, shown)
		read = func() line {
			text, err := term.ReadPassword(d.terminal)
			return line{string(text), err}
		}
	}
	go func() { came <- read() }()
	select {
	case l := <-came:
		return l.text, l.err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}
