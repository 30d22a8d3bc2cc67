package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"peyk/panels"
	"peyk/sandbox/panel"
	"peyk/sandbox/sandboxtest"
	"peyk/sandbox/telegram"
)

// TestMain makes the test binary be peyk when it is started under that name.
func TestMain(m *testing.M) {
	flag.Set("test.parallel", "4") // whatever the number of processors: programs wait for the clock, or for each other
	testscript.Main(m, map[string]func(){"peyk": main})
}

// TestScript plays the scripts of testdata/script: the program from outside, between a Telegram and a panel of the script's own. In the
// Telegram there are Sara (an admin), Ali (an agent) and Omid (a stranger), each with a private chat of that name, and the group Support,
// which shows inbound SMS. What scripts can do besides testscript's own commands:
//
//	exits CODE PROGRAM ARGS…           run a program that must end with that code
//	terminate                          send the bridge SIGTERM and wait until it has acted on it: it leaves off its long poll
//	tg say WHO CHAT TEXT               WHO writes
//	tg reply WHO CHAT PATTERN TEXT     WHO answers the last message of the bot that matches
//	tg press WHO CHAT LABEL            WHO presses the button
//	tg wait CHAT PATTERN               wait for a message of the bot that matches, as it stands then
//	tg save CHAT PATTERN PATH          wait for a message of the bot that matches and bears a picture or file, and save that
//	tg reacted CHAT PATTERN EMOJI      wait until the message that matches bears the emoji
//	tg count CHAT PATTERN N            so many messages of the bot match
//	panel receive CUSTOMER LINE TEXT   a customer writes
//	panel sent CUSTOMER TEXT           wait until the panel was given that SMS to send
//	panel status CUSTOMER STATUS       what the panel says of SMS to CUSTOMER from now on
//	panel count N                      so many SMS were given to the panel
//	panel hold METHOD STAGE            let the next call stand still at that stage (arrived, carried_out)
//	panel held                         wait until it does
//	panel release                      let it go on
//	panel password PASSWORD            the account has another password now
//	panel refuse METHOD CODE           the next call is answered with that code
//	panel set DEBUG RESENDFAILED       the account at Kavenegar is set so: on or off each
func TestScript(t *testing.T) {
	t.Parallel()
	p := scripts(panel.Nusoap)
	p.Files, p.Dir = slices.DeleteFunc(scriptFiles(t), func(file string) bool {
		return slices.ContainsFunc(panels.Names(), func(kind string) bool { return file == setupAt(kind) })
	}), ""
	testscript.Run(t, p)
}

// setupAt returns the script about the setup of a kind of panel but the first.
func setupAt(kind string) string { return "testdata/script/setup-" + kind + ".txtar" }

func scriptFiles(t *testing.T) []string {
	files, err := filepath.Glob("testdata/script/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no scripts: ", err)
	}
	return files
}

// ofAPanel are the scripts that are about one kind of panel: its settings, its login, and what it leaves to the agents.
var ofAPanel = []string{"check", "second-signal", "settings", "setup", "start", "uncertain", "usage", "wrong-password"}

// sampled are those of the others that an ordinary run plays at each kind.
var sampled = []string{"both-directions", "restart"}

// TestScriptAtEachPanel plays scripts at the other kinds of panel: the one about its setup and two, or with PEYK_SCRIPTS=all each that is not of one kind.
func TestScriptAtEachPanel(t *testing.T) {
	t.Parallel()
	files := slices.DeleteFunc(scriptFiles(t), func(file string) bool {
		name := strings.TrimSuffix(filepath.Base(file), ".txtar")
		return strings.HasPrefix(name, "setup-") || slices.Contains(ofAPanel, name) || os.Getenv("PEYK_SCRIPTS") != "all" && !slices.Contains(sampled, name)
	})
	for _, kind := range panels.Names()[1:] {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			dialect, ok := panel.OfKind(kind)
			if !ok {
				t.Fatal("the sandbox has none")
			}
			p := scripts(dialect)
			p.Dir, p.Files = "", append(slices.Clone(files), setupAt(kind))
			testscript.Run(t, p)
		})
	}
}

// scripts are all of testdata/script, at a kind of panel.
func scripts(at panel.Dialect) testscript.Params {
	return testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup:               func(env *testscript.Env) error { return setUp(env, at) },
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":     exits,
			"terminate": terminate,
			"tg":        inScript(tgCommands),
			"panel":     inScript(panelSideCommands),
		},
	}
}

const patience = sandboxtest.Patience

// world is what a script's bridge is placed in.
type world struct {
	*sandboxtest.World
	held     chan struct{} // receives when the call on hold stands still
	released chan struct{}
}

type worldKey struct{}

func setUp(env *testscript.Env, at panel.Dialect) error {
	w := newWorldAt(env.T().(testing.TB), at)
	env.Values[worldKey{}] = w
	for name, value := range asMap(w.environ()) {
		env.Setenv(name, value)
	}
	return nil
}

func newWorld(t testing.TB) *world { return newWorldAt(t, panel.Nusoap) }

func newWorldAt(t testing.TB, at panel.Dialect) *world {
	w := &world{World: sandboxtest.New(t, telegram.Options{}, panel.Options{Dialect: at})}
	w.Listen()
	t.Cleanup(w.release)
	// A bot cannot write first: who is to be told something must have said a word.
	w.Says(telegram.Post{Chat: w.Sara, From: w.Sara, Text: "/start"})
	return w
}

// environ returns the settings of a bridge in w.
func (w *world) environ() []string {
	return append(w.Environ(), "POLL_INTERVAL=100ms", "STATUS_INTERVAL=100ms", "LOG_LEVEL=debug",
		"GORACE=atexit_sleep_ms=10") // else every end takes a second
}

// ids are of people, who are chats too, and of the group.
func (w *world) ids() map[string]int64 {
	return map[string]int64{"Sara": w.Sara, "Ali": w.Ali, "Omid": w.Omid, "Support": w.Group}
}

func (w *world) release() {
	if w.released != nil {
		close(w.released)
		w.released = nil
	}
}

// scriptCommand is one thing a script can do to one side; n is how many arguments it takes.
type scriptCommand struct {
	n   int
	run func(w *world, ctx context.Context, args []string) error
}

// inScript makes a table one command of scripts.
func inScript(table map[string]scriptCommand) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		if neg || len(args) == 0 || table[args[0]].run == nil || table[args[0]].n != len(args)-1 {
			ts.Fatalf("wrong use: %q", args)
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute+patience) // after a restore groups hear nothing for a minute
		defer cancel()
		ts.Check(table[args[0]].run(ts.Value(worldKey{}).(*world), ctx, args[1:]))
	}
}

// shown returns whether m is a message of the bot that matches pattern.
func shown(pattern string) (func(telegram.Message) bool, error) {
	re, err := regexp.Compile(pattern)
	if err != nil {
		return nil, err
	}
	return func(m telegram.Message) bool { return m.FromBot && !m.Deleted && re.MatchString(m.Text) }, nil
}

// find returns the last message in chat that matches.
func (w *world) find(chat string, match func(telegram.Message) bool) (telegram.Message, error) {
	var found telegram.Message
	for _, m := range w.TG.Messages(w.ids()[chat]) {
		if match(m) {
			found = m
		}
	}
	if found.ID == 0 {
		return found, fmt.Errorf("there is no such message in %s", chat)
	}
	return found, nil
}

var tgCommands = map[string]scriptCommand{
	"say": {3, func(w *world, _ context.Context, args []string) error {
		_, err := w.TG.Say(telegram.Post{From: w.ids()[args[0]], Chat: w.ids()[args[1]], Text: args[2]})
		return err
	}},
	"reply": {4, func(w *world, _ context.Context, args []string) error {
		match, err := shown(args[2])
		if err != nil {
			return err
		}
		to, err := w.find(args[1], match)
		if err != nil {
			return err
		}
		_, err = w.TG.Say(telegram.Post{From: w.ids()[args[0]], Chat: w.ids()[args[1]], Text: args[3], ReplyTo: to.ID})
		return err
	}},
	"press": {3, func(w *world, ctx context.Context, args []string) error {
		m, err := w.find(args[1], func(m telegram.Message) bool { _, ok := m.Button(args[2]); return ok })
		if err != nil {
			return err
		}
		data, _ := m.Button(args[2])
		query, err := w.TG.Press(w.ids()[args[0]], w.ids()[args[1]], m.ID, data)
		if err != nil {
			return err
		}
		_, err = query.Wait(ctx)
		return err
	}},
	"wait": {2, func(w *world, ctx context.Context, args []string) error {
		match, err := shown(args[1])
		if err != nil {
			return err
		}
		_, err = w.TG.WaitMessage(ctx, w.ids()[args[0]], match)
		return err
	}},
	"save": {3, func(w *world, ctx context.Context, args []string) error {
		match, err := shown(args[1])
		if err != nil {
			return err
		}
		m, err := w.TG.WaitMessage(ctx, w.ids()[args[0]], func(m telegram.Message) bool { return match(m) && m.Document != nil })
		if err != nil {
			return err
		}
		return os.WriteFile(args[2], m.Document.Data, 0o600)
	}},
	"reacted": {3, func(w *world, ctx context.Context, args []string) error {
		re, err := regexp.Compile(args[1])
		if err != nil {
			return err
		}
		_, err = w.TG.WaitMessage(ctx, w.ids()[args[0]], func(m telegram.Message) bool {
			for _, r := range m.Reactions {
				if r.Emoji == args[2] && re.MatchString(m.Text) {
					return true
				}
			}
			return false
		})
		return err
	}},
	"count": {3, func(w *world, _ context.Context, args []string) error {
		match, err := shown(args[1])
		if err != nil {
			return err
		}
		n := 0
		for _, m := range w.TG.Messages(w.ids()[args[0]]) {
			if match(m) {
				n++
			}
		}
		return wanted(n, args[2])
	}},
}

func wanted(got int, want string) error {
	if strconv.Itoa(got) != want {
		return fmt.Errorf("got %d, want %s", got, want)
	}
	return nil
}

var panelSideCommands = map[string]scriptCommand{
	"receive": {3, func(w *world, _ context.Context, args []string) error {
		w.Panel.Receive(args[0], args[1], args[2])
		return nil
	}},
	"sent": {2, func(w *world, ctx context.Context, args []string) error {
		return w.Panel.Wait(ctx, func() bool {
			for _, m := range w.Panel.Sent() {
				if m.Customer == args[0] && m.Text == args[1] {
					return true
				}
			}
			return false
		})
	}},
	"status": {2, func(w *world, _ context.Context, args []string) error {
		status, err := strconv.Atoi(args[1])
		return cmp.Or(err, w.Panel.SetStatusOf(args[0], status))
	}},
	"count": {1, func(w *world, _ context.Context, args []string) error { return wanted(w.Panel.SentCount(), args[0]) }},
	"hold": {2, func(w *world, _ context.Context, args []string) error {
		held, released := make(chan struct{}), make(chan struct{})
		w.held, w.released = held, released
		var once sync.Once
		w.Panel.OnCall(func(c panel.Call) {
			if c.Method == args[0] && c.Stage == panel.Stage(args[1]) {
				once.Do(func() { close(held) })
				<-released
			}
		})
		return nil
	}},
	"held": {0, func(w *world, ctx context.Context, _ []string) error {
		select {
		case <-w.held:
			return nil
		case <-ctx.Done():
			return errors.New("the call on hold never came")
		}
	}},
	"release": {0, func(w *world, _ context.Context, _ []string) error {
		w.release()
		return nil
	}},
	"password": {1, func(w *world, _ context.Context, args []string) error {
		w.Panel.SetPassword(args[0])
		return nil
	}},
	"refuse": {2, func(w *world, _ context.Context, args []string) error {
		code, err := strconv.Atoi(args[1])
		w.Panel.Arm(panel.Fault{Method: args[0], Kind: panel.ErrCode, Code: code})
		return err
	}},
	"set": {2, func(w *world, _ context.Context, args []string) error {
		w.Panel.SetOddities(args[0] == "on", args[1] == "on")
		return nil
	}},
}

// exits runs a program that must end with a certain code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("wrong use: exits CODE PROGRAM ARGS…")
	}
	code := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		failed := (*exec.ExitError)(nil)
		if !errors.As(err, &failed) {
			ts.Fatalf("%v", err)
		}
		code = failed.ExitCode()
	}
	ts.Check(wanted(code, args[0]))
}

// terminate sends SIGTERM to what runs in the background. It returns once a long poll has ended, which none does by itself in that time.
// It is for bridges that have taken an update: others have nothing to confirm and may end without a word.
func terminate(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 0 {
		ts.Fatalf("wrong use: terminate takes nothing")
	}
	w := ts.Value(worldKey{}).(*world)
	ended := make(chan struct{})
	var once sync.Once
	w.TG.OnCall(func(stage telegram.Stage, method string, _ int64) {
		if method == "getUpdates" && stage == telegram.AfterHandling {
			once.Do(func() { close(ended) })
		}
	})
	for _, cmd := range ts.BackgroundCmds() {
		ts.Check(cmd.Process.Signal(syscall.SIGTERM))
	}
	select {
	case <-ended:
	case <-time.After(patience):
		ts.Fatalf("the bridge goes on waiting for updates")
	}
}
