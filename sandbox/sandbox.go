// Package sandbox lets the bridge be played with: a Telegram and an SMS panel on loopback, the bridge as a process of its own between
// them, and one address from which all three are controlled.
//
//	curl, page ──> control ──┬─ /telegram ─> sandbox/telegram <── Bot API ── the bridge,
//	                         ├─ /panel ────> sandbox/panel <───── SOAP ───── started with settings
//	                         └─ /bridge ───> start, stop, kill ────────────> in its environment only
//
// Nothing in the bridge knows of the sandbox, and the sandbox knows the bridge only by the two protocols and its settings. The store is in
// a temporary directory that survives the bridge's deaths and is removed when the sandbox ends.
package sandbox

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"peyk/sandbox/panel"
	"peyk/sandbox/telegram"
)

// DefaultAddr is where the sandbox is controlled unless Options or a taken port say otherwise.
const DefaultAddr = "127.0.0.1:8383"

// Options says what Run runs. The zero value runs the program it is called from.
type Options struct {
	// Exe is the bridge's program, Args its arguments; "" means this very program.
	Exe  string
	Args []string
	// Environ is the environment the bridge inherits, without Peyk's own settings; nil means this program's.
	Environ []string
	// Panel is the kind of panel, as SMS_PANEL names it; empty is soap.
	Panel string
	// Addr is the loopback address of the controls; "" means DefaultAddr. If it is taken a free port is used.
	Addr string
	// Stdout gets the explanation and the transcript, Stderr the bridge's log; nil discards.
	Stdout, Stderr io.Writer
}

// Run runs the sandbox until ctx ends. Then it stops the bridge with SIGTERM, waits for it, and leaves nothing behind. Its error says why
// it could not start.
func Run(ctx context.Context, opts Options) (err error) {
	opts.Stdout = cmp.Or[io.Writer](opts.Stdout, io.Discard)
	opts.Stderr = cmp.Or[io.Writer](opts.Stderr, io.Discard)
	if opts.Exe == "" {
		if opts.Exe, err = os.Executable(); err != nil {
			return fmt.Errorf("find this program: %w", err)
		}
	}
	if opts.Environ == nil {
		opts.Environ = os.Environ()
	}

	dir, err := os.MkdirTemp("", "peyk-sandbox-")
	if err != nil {
		return fmt.Errorf("make the sandbox's directory: %w", err)
	}
	defer os.RemoveAll(dir)
	// The bridge reads .env where it is started: there must be none.
	empty := filepath.Join(dir, "empty")
	if err := os.Mkdir(empty, 0o700); err != nil {
		return fmt.Errorf("make the bridge's directory: %w", err)
	}

	dialect, known := panel.OfKind(cmp.Or(opts.Panel, panel.Nusoap.Kind()))
	if !known {
		return fmt.Errorf("the sandbox has no panel of kind %q", opts.Panel)
	}
	sms := panel.New(panel.Options{Dialect: dialect, Statuses: []panel.Step{{After: 2 * time.Second, Status: 3}, {After: 3 * time.Second, Status: 4}}})
	smsURL, err := sms.Start("")
	if err != nil {
		return err
	}
	defer sms.Close()

	tg := telegram.New(telegram.Options{Inline: true, Limits: telegram.UsualLimits()})
	defer tg.Close()
	tgAddr, closeTelegram, err := serve("127.0.0.1:0", tg)
	if err != nil {
		return fmt.Errorf("start telegram: %w", err)
	}
	defer closeTelegram()

	world, err := newWorld(tg)
	if err != nil {
		return fmt.Errorf("make the sandbox's world: %w", err)
	}

	// The page and the controls outlast ctx, to show how the bridge stops.
	shown, hide := context.WithCancel(context.WithoutCancel(ctx))
	defer hide()
	out := newTranscript(opts.Stdout, tg)
	b := newBridge(opts.Exe, opts.Args, empty, opts.Stderr, out.bridge)
	b.env = append([]string{"REMIND_AFTER=30m", "ESCALATE_AFTER=2h"}, withoutSettings(opts.Environ)...) // what stands later wins
	b.env = append(b.env,
		"TELEGRAM_BOT_TOKEN="+tg.Token(),
		"TELEGRAM_API_URL=http://"+tgAddr,
		"SMS_API_URL="+smsURL,
		"SMS_PANEL="+dialect.Kind(),
		"SMS_API_USER=demo",
		"SMS_API_PASSWORD=demo-pass",
		"SMS_API_KEY=demo-pass",
		"SMS_LINES="+strings.Join(lines, ","),
		"ADMIN_USERS="+strconv.FormatInt(world.Sara, 10),
		"ALLOWED_USERS="+strconv.FormatInt(world.Ali, 10),
		"INBOX_CHATS="+strconv.FormatInt(world.Group, 10),
		"DB_PATH="+filepath.Join(dir, "peyk.db"),
		"POLL_INTERVAL=1s",
		"STATUS_INTERVAL=2s",
		"LOW_CREDIT=100",
		"LOG_LEVEL=info",
	)

	control := newControl(tg, sms, b, world)
	addr, closeControl, err := serve(cmp.Or(opts.Addr, DefaultAddr), control)
	if errors.Is(err, syscall.EADDRINUSE) {
		host, _, _ := net.SplitHostPort(cmp.Or(opts.Addr, DefaultAddr))
		addr, closeControl, err = serve(net.JoinHostPort(host, "0"), control)
	}
	if err != nil {
		return fmt.Errorf("start the sandbox's controls: %w", err)
	}
	defer closeControl()

	out.explain(addr)
	followed := out.follow(tg.Watch(shown), sms.Watch(shown))
	b.run(ctx)
	hide()
	<-followed
	return nil
}

// serve serves h on a loopback address, and returns the address it got and a function that stops it.
func serve(addr string, h http.Handler) (string, func(), error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return "", nil, err
	}
	if ip := net.ParseIP(host); host != "localhost" && !ip.IsLoopback() {
		return "", nil, fmt.Errorf("%s is not a loopback address; the sandbox has no passwords", addr)
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return "", nil, err
	}
	server, ended := &http.Server{Handler: h}, make(chan struct{})
	go func() {
		defer close(ended)
		server.Serve(l)
	}()
	return l.Addr().String(), func() { server.Close(); <-ended }, nil
}

// settings are the names that Peyk reads from its environment, besides all that begin with TELEGRAM_, SMS_ and CLUSTER. Those of a desk's hours reach the bridge.
var settings = []string{
	"ALLOWED_USERS", "ADMIN_USERS", "INBOX_CHATS", "POLL_INTERVAL", "STATUS_INTERVAL", "DAILY_PARTS", "ALLOWED_PREFIXES", "PART_SIZES", "LOW_CREDIT",
	"OPT_OUT_WORDS", "OPT_IN_WORDS", "BULK_FOOTER", "QUIET_HOURS", "LINT", "LANGUAGE", "TIMEZONE", sandboxClock, "DB_PATH", "KEEP_DAYS", "HTTP_ADDR", "LOG_LEVEL", "LOG_FORMAT",
}

// withoutSettings returns environ without Peyk's settings, so that the sandbox touches nobody's real account.
func withoutSettings(environ []string) []string {
	var kept []string
next:
	for _, entry := range environ {
		name, _, _ := strings.Cut(entry, "=")
		name = strings.TrimSuffix(name, "_FILE")
		if strings.HasPrefix(name, "TELEGRAM_") || strings.HasPrefix(name, "SMS_") || strings.HasPrefix(name, "CLUSTER") {
			continue
		}
		for _, s := range settings {
			if name == s {
				continue next
			}
		}
		kept = append(kept, entry)
	}
	return kept
}

// lines are the account's numbers, the panel's own by default.
var lines = []string{"30001234", "30005678"}

// world is who and what there is when the sandbox begins.
type world struct {
	telegram.Team
	// named are the ids of all, the bot's too, by their English names.
	named map[string]int64
}

func newWorld(tg *telegram.Server) (world, error) {
	w := world{Team: tg.AddTeam()}
	bot := tg.Bot()
	desk := tg.AddForum("Desk", w.Sara, w.Ali, bot.ID) // where the bot may make topics and pin messages
	w.named = map[string]int64{
		"Sara": w.Sara, "Ali": w.Ali, "Omid": w.Omid, bot.FirstName: bot.ID,
		"Support": w.Group, "Desk": desk, "Sales": tg.AddSupergroup("Sales", w.Sara, w.Ali),
	}
	if err := tg.SetBotRights(desk, telegram.Rights{Admin: true, ManageTopics: true, PinMessages: true}); err != nil {
		return w, err
	}
	// A bot cannot write first: whoever it is to tell something must have written to it.
	return w, tg.Begin(w.Sara)
}

// persian are the names that a Persian visitor meets.
var persian = map[string]string{
	"Sara": "سارا", "Ali": "علی", "Omid": "امید", "Peyk": "پیک", "Support": "پشتیبانی", "Desk": "میز خدمت", "Sales": "فروش",
}

// speak gives all the names they have in a language.
func (w world) speak(tg *telegram.Server, language string) {
	for name, id := range w.named {
		if language == "fa" {
			name = persian[name]
		}
		tg.Rename(id, name)
	}
}

// id finds one by their English name, whatever they are called now. 0 is none.
func (w world) id(name string) int64 {
	for english, id := range w.named {
		if strings.EqualFold(english, name) {
			return id
		}
	}
	return 0
}
