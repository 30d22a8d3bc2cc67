package main

import (
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

	"peyk/bot/text"
	"peyk/doctor"
	"peyk/panels"
	"peyk/sms"
	"peyk/telegram"
)

// manual is what the first .env is made from.
//
//go:embed .env.example
var manual []byte

// setup runs peyk setup, which asks for what is needed and writes it into .env, or where --out says.
func (c *call) setup(ctx context.Context) error {
	if info, err := os.Stat(c.out); err == nil && info.IsDir() {
		c.out = filepath.Join(c.out, "peyk.env")
	}
	s := setup{
		dialog: newDialog(c.stdin, c.stdout), environ: c.environ, path: cmp.Or(c.out, ".env"), split: c.out != "",
		answers: map[string]string{}, refused: map[string]bool{}, told: map[string]bool{},
	}
	err := s.languageStep(ctx)
	if err == nil {
		done := linesByTheirLetters(c.stdout, s.Language)
		err = s.run(ctx)
		done()
	}
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		err = errors.New(s.Interrupted)
	case errors.Is(err, io.EOF):
		err = errors.New(s.InputEnded)
	}
	defer linesByTheirLetters(c.stderr, s.Language)()
	fmt.Fprintf(c.stderr, "\n%s\n", s.Say(s.CommandSays, c.path, strings.ReplaceAll(err.Error(), "\n", "; ")))
	return exit(1)
}

// setup is one run of peyk setup.
type setup struct {
	dialog
	settings
	environ []string
	path    string // of the file to write
	split   bool   // whether it is for the unit or compose: each secret goes into a file of its own beside it
	from    sources
	answers map[string]string // for the file
	refused map[string]bool   // settings whose value was found wrong
	link    string            // to the bot, once it is known
	told    map[string]bool   // findings of the steps before
}

// question asks for one setting.
type question struct {
	name, ask string
	secret    bool   // not shown while it is typed
	optional  bool   // Enter leaves it as it was before
	otherwise string // the default
}

func (s *setup) run(ctx context.Context) error {
	old, err := os.ReadFile(s.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		old = manual
	case err != nil:
		return says(s.Language, s.FileUnread, s.path, err)
	default:
		yes, err := s.yes(ctx, s.Say(s.AskChange, s.path))
		if err != nil {
			return err
		}
		if !yes {
			return errors.New(s.Unchanged)
		}
	}
	if err := s.begin(); err != nil {
		return err
	}
	for _, step := range []func(context.Context) error{s.telegramStep, s.panelStep, s.linesStep, s.clusterStep} {
		fmt.Fprintln(s.out)
		if err := step(ctx); err != nil {
			return err
		}
	}
	if err := s.write(old); err != nil {
		return err
	}
	s.farewell()
	return nil
}

// split are the secrets that the unit and the compose file take from files of their own, beside that of the settings. The file of one that the kind of
// the panel does not take is empty.
var split = []string{"TELEGRAM_BOT_TOKEN", "SMS_API_PASSWORD", "SMS_API_KEY"}

// secretFile returns the file of a secret.
func (s *setup) secretFile(name string) string {
	return filepath.Join(filepath.Dir(s.path), strings.ToLower(name))
}

// open reads what is set already. A service has another environment than setup: of that, only the files of its secrets are here.
func (s *setup) open() sources {
	if !s.split {
		return openSources(s.environ, s.path)
	}
	var environ []string
	for _, name := range split {
		if _, err := os.Stat(s.secretFile(name)); err == nil {
			environ = append(environ, name+"_FILE="+s.secretFile(name))
		}
	}
	return openSources(environ, s.path)
}

// languageStep asks, in each language, which one to speak, unless the environment says so.
func (s *setup) languageStep(ctx context.Context) error {
	s.from = s.open()
	s.Language = s.from.Language
	if text.Languages[s.from.outside["LANGUAGE"]] != nil {
		return nil
	}
	q, was := question{name: "LANGUAGE"}, ""
	known := slices.Sorted(maps.Keys(text.Languages))
	for _, name := range known {
		t := text.Languages[name]
		q.ask += t.AskLanguage + " / "
		if t == s.Language {
			was = name
		}
	}
	q.ask = strings.TrimSuffix(q.ask, " / ") + " (" + strings.Join(known, ", ") + ")"
	for {
		value, err := s.ask(ctx, q, was)
		if err != nil {
			return err
		}
		name, err := readLanguage(s.Language, value)
		if err != nil {
			s.say(s.Say(s.WrongAnswer, err))
			continue
		}
		s.Language, s.from.Language = text.Languages[name], text.Languages[name]
		if name != s.from.file["LANGUAGE"] {
			s.answers["LANGUAGE"] = name
		}
		return nil
	}
}

// begin reads what is set already. It fails if all answers would be in vain.
func (s *setup) begin() error {
	if _, err := s.from.readFile(); err != nil {
		return err
	}
	dir := filepath.Dir(s.path)
	probe, err := os.CreateTemp(dir, ".env-*")
	if err != nil {
		return says(s.Language, s.NoFileHere, dir, err)
	}
	if err := errors.Join(probe.Close(), os.Remove(probe.Name())); err != nil {
		return err
	}
	// With these wrong, the answers would be tried in the wrong place.
	for _, name := range []string{"TELEGRAM_API_URL", "TELEGRAM_PROXY", "SMS_API_PROXY"} {
		if _, _, err := s.from.read(name); err != nil {
			return err
		}
	}
	s.settings, _, _ = s.from.read("") // what is missing is asked for; other mistakes are shown at the end
	return nil
}

func (s *setup) telegramStep(ctx context.Context) error {
	s.say(s.SetupBot)
	return s.step(ctx, []question{{name: "TELEGRAM_BOT_TOKEN", ask: s.AskToken, secret: true}},
		&question{name: "TELEGRAM_PROXY", ask: s.AskProxy, optional: true},
		func() ([]doctor.Finding, error) {
			return doctor.Doctor{Telegram: telegram.New(s.telegram)}.Check(ctx, s.Language), nil
		})
}

func (s *setup) panelStep(ctx context.Context) error {
	s.say(s.SetupPanel)
	if err := s.answer(ctx, question{name: "SMS_PANEL", ask: s.Say(s.AskPanel, strings.Join(panels.Names(), ", ")), otherwise: panels.Kinds[0].Name}); err != nil {
		return err
	}
	asked := []question{
		{name: "SMS_API_URL", ask: s.AskURL},
		{name: "SMS_API_USER", ask: s.AskUser},
		{name: "SMS_API_PASSWORD", ask: s.AskPassword, secret: true},
	}
	if s.panel.kind().OneKey {
		asked = []question{{name: "SMS_API_KEY", ask: s.AskKey, secret: true}}
		if was, _, _ := s.from.lookUp("SMS_PANEL"); was != s.panel.Kind && !s.inEnvironment("SMS_API_URL") {
			s.answers["SMS_API_URL"], s.panel.URL = "", "" // it is another panel's
		}
		s.panel.URL = cmp.Or(s.panel.URL, s.panel.kind().Address)
	}
	return s.step(ctx, asked, nil, func() ([]doctor.Finding, error) { return s.askPanel(ctx, nil) })
}

func (s *setup) linesStep(ctx context.Context) error {
	s.say(s.SetupLines)
	return s.step(ctx, []question{{name: "SMS_LINES", ask: s.AskLines}}, nil,
		func() ([]doctor.Finding, error) { return s.askPanel(ctx, s.panel.Lines) })
}

func (s *setup) clusterStep(ctx context.Context) error {
	s.say(s.SetupCluster)
	return s.step(ctx, []question{{name: "CLUSTER", ask: s.AskCluster, optional: true}}, nil, func() ([]doctor.Finding, error) {
		if len(s.cluster.Endpoints) == 0 {
			return nil, nil
		}
		found, _ := s.cluster.checkEtcd(ctx, s.Language)
		return found, nil
	})
}

func (s *setup) askPanel(ctx context.Context, lines []sms.Number) ([]doctor.Finding, error) {
	client, err := s.panel.client()
	if err != nil {
		return nil, err
	}
	return doctor.Doctor{Panel: client, Lines: lines}.Check(ctx, s.Language), nil
}

// step asks its questions until try finds nothing wrong or the answers are to be kept anyway. It asks again only for the settings that what is
// wrong names. otherWay, if not nil, asks for another way to a side that cannot be reached.
func (s *setup) step(ctx context.Context, questions []question, otherWay *question, try func() ([]doctor.Finding, error)) error {
	for again := questions; ; {
		for _, q := range again {
			if err := s.answer(ctx, q); err != nil {
				return err
			}
		}
		found, err := try()
		if err = cmp.Or(ctx.Err(), err); err != nil {
			return err
		}
		wrong := s.show(found)
		if otherWay != nil && slices.ContainsFunc(wrong, func(f doctor.Finding) bool { return f.Unreached }) {
			if err := s.answer(ctx, *otherWay); err != nil {
				return err
			}
			if again = nil; s.answers[otherWay.name] != "" {
				continue
			}
		}
		keep := len(wrong) == 0
		if !keep {
			if keep, err = s.yes(ctx, s.AskKeep); err != nil {
				return err
			}
		}
		if keep {
			for _, f := range found {
				s.told[f.Line(s.Language)] = true
			}
			return nil
		}
		again = nil
		for _, q := range questions {
			if slices.ContainsFunc(wrong, func(f doctor.Finding) bool { return strings.Contains(f.HTML, text.Code(q.name)) }) {
				again, s.refused[q.name] = append(again, q), true
			}
		}
		if len(again) > 0 && !slices.ContainsFunc(again, func(q question) bool { return !s.inEnvironment(q.name) }) {
			return errors.New(s.FixEnvironment)
		}
	}
}

// show shows what was found and no earlier step has shown, and returns what of it is wrong.
func (s *setup) show(found []doctor.Finding) (wrong []doctor.Finding) {
	for _, f := range found {
		s.link = cmp.Or(f.Link, s.link)
		line := f.Line(s.Language)
		if s.told[line] {
			continue
		}
		fmt.Fprintln(s.out, line)
		if f.State == doctor.Wrong {
			wrong = append(wrong, f)
		}
	}
	return wrong
}

// answer asks until the answer can be read, and keeps it. It does not ask for what the environment sets, nor offer a value that was refused.
func (s *setup) answer(ctx context.Context, q question) error {
	before, _, err := s.from.lookUp(q.name)
	if err != nil {
		return err
	}
	if s.inEnvironment(q.name) {
		s.say(s.Say(s.FromEnvironment, q.name))
		return s.read(q.name, before)
	}
	offered := cmp.Or(s.answers[q.name], before, q.otherwise)
	if s.refused[q.name] || q.optional {
		offered = ""
	}
	for {
		value, err := s.ask(ctx, q, offered)
		if err != nil {
			return err
		}
		switch {
		case value == "" && q.optional:
			return s.leave(q.name)
		case value == "":
			s.say(s.Required)
			continue
		}
		if err := s.read(q.name, value); err != nil {
			s.say(s.Say(s.WrongAnswer, err))
			offered = ""
			continue
		}
		if value == before || before == "" && value == q.otherwise {
			return s.leave(q.name)
		}
		if !s.split || !slices.Contains(split, q.name) {
			if _, err := quote(value); err != nil {
				s.say(s.Say(s.Unquotable, s.path, q.name+"_FILE"))
				continue
			}
			if err := plain(s.Language, value); err != nil {
				s.say(s.Say(s.WrongAnswer, err))
				continue
			}
		}
		s.answers[q.name] = value
		return nil
	}
}

// leave leaves a setting as it was before.
func (s *setup) leave(name string) error {
	delete(s.answers, name)
	s.settings, _, _ = s.from.read("")
	for name, value := range s.answers {
		if err := s.read(name, value); err != nil {
			return err
		}
	}
	return nil
}

// inEnvironment reports whether the setting comes from the environment, in which peyk is going to run.
func (s *setup) inEnvironment(name string) bool {
	return !s.split && s.from.outside[name]+s.from.outside[name+"_FILE"] != ""
}

// read reads a value into the settings, just as the bridge does when it starts.
func (s *setup) read(name, value string) error {
	for _, row := range s.table(s.Language) {
		if row.name == name {
			return row.read(s.Language, value)
		}
	}
	return fmt.Errorf("%s is not a setting", name)
}

// write writes the answers into the file, whose text was old, and the secrets into theirs.
func (s *setup) write(old []byte) error {
	files := map[string][]byte{}
	if s.split {
		for name, value := range map[string]string{"TELEGRAM_BOT_TOKEN": s.telegram.Token, "SMS_API_PASSWORD": s.panel.Password, "SMS_API_KEY": s.panel.Key} {
			if s.panel.unread(name) {
				value = ""
			}
			files[s.secretFile(name)] = []byte(value)
			s.answers[name] = ""
		}
	}
	changed, err := setDotEnv(old, s.answers)
	if name, ok := errors.AsType[unwritable](err); ok {
		return says(s.Language, s.Unwritable, string(name), s.path)
	}
	if err != nil {
		return err
	}
	files[s.path] = changed
	for path, text := range files {
		if err := replaceFile(path, text); err != nil {
			return says(s.Language, s.NotWritten, path, err)
		}
	}
	return nil
}

// farewell says what to do next.
func (s *setup) farewell() {
	fmt.Fprintln(s.out)
	s.say(s.Say(s.Written, s.path))
	start := s.NextStart
	if s.split {
		start = s.NextStartService
		for _, name := range split {
			if !s.panel.unread(name) {
				s.say(s.Say(s.WrittenSecret, s.secretFile(name), name))
			}
		}
	}
	now, warnings, err := s.open().read("")
	if err != nil {
		s.say(s.FixBefore)
		fmt.Fprintln(s.out, "  "+strings.ReplaceAll(err.Error(), "\n", "\n  "))
	}
	for _, w := range warnings {
		s.say(s.Say(s.Note, w))
	}
	fmt.Fprintln(s.out)
	s.say(s.NextSteps)
	steps := []string{start, s.NextOwner, s.Say(s.NextGroup, cmp.Or(s.link, s.TheBot))}
	if len(now.bot.Admins)+len(now.bot.Users) > 0 {
		steps = slices.Delete(steps, 1, 2)
	}
	for i, step := range steps {
		fmt.Fprintf(s.out, "  %s. %s\n", s.Say("%v", i+1), step)
	}
}
