package bridge_test

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"peyk/bot"
	"peyk/bridge"
	"peyk/internal/metrics"
	"peyk/relay"
	"peyk/sandbox/panel"
	"peyk/sandbox/sandboxtest"
	"peyk/sandbox/telegram"
	"peyk/sms"
	"peyk/smsapi/soap"
	"peyk/store"
	api "peyk/telegram"
)

const patience = sandboxtest.Patience

// world is a bridge between a Telegram and a panel on loopback, with a team and its group.
type world struct {
	*sandboxtest.World
	tg    *telegram.Server // World's, as what follows, under the names of these tests
	panel *panel.Server

	sara, ali, omid int64 // an admin, an agent, a stranger
	group           int64

	path            string
	opts            bot.Options
	relay           relay.Options
	metrics         *metrics.Metrics
	commits         atomic.Int64 // of the store
	storeOpts       store.Options
	token, password string

	logs       *logs
	wrongClock bool // whether that of storeOpts is; else Telegram's goes with it

	store *store.Store
	stop  context.CancelFunc
	ended chan error
}

// logs keeps what the bridge logs.
type logs struct {
	mu sync.Mutex
	bytes.Buffer
	written chan struct{}
}

// wait waits for the next line, or a little while.
func (l *logs) wait() {
	select {
	case <-l.written:
	case <-time.After(time.Second):
	}
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case l.written <- struct{}{}:
	default:
	}
	return l.Buffer.Write(p)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.Buffer.String()
}

// dated dates Telegram's answers by the clock of the store: where that passes time, it does so for Telegram, too.
type dated struct {
	http.ResponseWriter
	now func() time.Time
}

func (d *dated) Unwrap() http.ResponseWriter { return d.ResponseWriter }

func (d *dated) WriteHeader(status int) {
	d.Header().Set("Date", d.now().UTC().Format(http.TimeFormat))
	d.ResponseWriter.WriteHeader(status)
}

// hearAnswer passes over an answer that was given before the test had time pass: it would say that our clock is wrong.
func (w *world) hearAnswer(took time.Duration, date time.Time) {
	if w.storeOpts.Now != nil && !w.wrongClock && w.storeOpts.Now().Sub(date) > took+time.Minute {
		return
	}
	w.store.HeardAnswer(took, date)
}

// newWorld makes everything but the bridge, which start starts.
func newWorld(t testing.TB, tgOpts telegram.Options, panelOpts panel.Options) *world {
	t.Helper()
	w := &world{World: sandboxtest.New(t, tgOpts, panelOpts), logs: &logs{written: make(chan struct{}, 1)}, password: "demo-pass"}
	w.BridgeLog = w.logs.String
	w.tg, w.panel, w.token = w.TG, w.Panel, w.TG.Token()
	w.sara, w.ali, w.omid, w.group = w.Sara, w.Ali, w.Omid, w.Group
	w.Listen(http.HandlerFunc(func(answer http.ResponseWriter, r *http.Request) {
		if w.storeOpts.Now != nil && !w.wrongClock {
			answer = &dated{ResponseWriter: answer, now: w.storeOpts.Now}
		}
		w.tg.ServeHTTP(answer, r)
	}))
	w.path = filepath.Join(t.TempDir(), "peyk.db")
	w.opts = bot.Options{
		Lines: []sms.Number{"30001234", "30005678"}, Users: []sms.AgentID{sms.AgentID(w.ali)}, Admins: []sms.AgentID{sms.AgentID(w.sara)},
		TelegramSecond: 1, // no limits, as this Telegram has none
		Log:            slog.New(slog.NewTextHandler(w.logs, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	w.relay = relay.Options{Lines: w.opts.Lines, PollInterval: 20 * time.Millisecond, Log: w.opts.Log}
	w.storeOpts = store.Options{Log: w.opts.Log, Inbox: []sms.ChatID{sms.ChatID(w.group)}, Admins: w.opts.Admins, RecentPosts: bot.GroupPerMinute, StatusInterval: 50 * time.Millisecond}
	t.Cleanup(func() {
		if w.store != nil {
			w.end()
		}
	})
	return w
}

// start starts the bridge. The store is checked whenever it ends.
func (w *world) start() {
	w.Helper()
	w.startImpatient(0)
}

// startImpatient is start with this timeout for the panel; 0 means the client's own.
func (w *world) startImpatient(timeout time.Duration) {
	w.Helper()
	w.metrics = metrics.New()
	w.storeOpts.Committed = func(c store.Commit) {
		w.commits.Add(1)
		w.metrics.Committed(c)
	}
	var err error
	if w.store, err = store.Open(w.path, w.storeOpts); err != nil {
		w.Fatal(err)
	}
	client, err := soap.New(w.PanelURL, "demo", w.password, soap.Options{Timeout: timeout})
	if err != nil {
		w.Fatal(err)
	}
	tg := api.New(api.Options{Token: w.token, URL: w.TGURL, OnCall: w.metrics.TelegramAsked, OnAnswer: w.hearAnswer})
	b := bridge.New(w.store, client, tg, w.relay, w.opts, w.metrics)
	ctx, cancel := context.WithCancel(context.Background())
	w.stop, w.ended = cancel, make(chan error, 1)
	ended := w.ended
	go func() { ended <- b.Run(ctx) }()
}

// end stops the bridge and returns what Run returned.
func (w *world) end() error {
	w.Helper()
	w.stop()
	var err error
	select {
	case err = <-w.ended:
	case <-time.After(patience):
		w.Fatal("the bridge does not end")
	}
	if err := w.store.Check(); err != nil {
		w.Errorf("store: %v", err)
	}
	if err := w.store.Close(); err != nil {
		w.Errorf("close store: %v", err)
	}
	w.store = nil
	return err
}

func (w *world) context() context.Context { return w.Soon() }

func (w *world) sees(chat int64, words ...string) telegram.Message {
	w.Helper()
	return w.Sees(chat, words...)
}

func containsAll(s string, words []string) bool {
	for _, word := range words {
		if !strings.Contains(s, word) {
			return false
		}
	}
	return true
}

func (w *world) transcript(chat int64) string { return w.Transcript(chat) }

func (w *world) says(p telegram.Post) int {
	w.Helper()
	return w.Says(p)
}

func (w *world) presses(from int64, m telegram.Message, label string) telegram.Answer {
	w.Helper()
	return w.Presses(from, m, label)
}

func (w *world) pressesData(from int64, m telegram.Message, data string) telegram.Answer {
	w.Helper()
	return w.PressesData(from, m, data)
}

// sent waits until the panel has accepted n SMS and returns them.
func (w *world) sent(n int) []panel.SMS {
	w.Helper()
	if err := w.panel.Wait(w.context(), func() bool { return w.panel.SentCount() >= n }); err != nil {
		w.Fatalf("the panel accepted %d SMS, want %d: %v\nlog:\n%s", w.panel.SentCount(), n, err, w.logs)
	}
	sent := w.panel.Sent()
	if len(sent) != n {
		w.Fatalf("the panel accepted %d SMS, want %d", len(sent), n)
	}
	return sent
}

// quiet waits until the bridge has acted on everything said before: a command of Ali's in private is answered after it.
func (w *world) quiet() {
	w.Helper()
	w.quietAs(w.ali)
}

// quietAs is quiet, with somebody else's command.
func (w *world) quietAs(who int64) {
	w.Helper()
	w.Asks(telegram.Post{Chat: who, From: who, Text: "/id"})
}

// fromBot returns what the bot posted in a chat.
func (w *world) fromBot(chat int64) []telegram.Message {
	var posted []telegram.Message
	for _, m := range w.tg.Messages(chat) {
		if m.FromBot {
			posted = append(posted, m)
		}
	}
	return posted
}

// logged waits for an attribute in the log and returns its value.
func (w *world) logged(attribute string) string {
	w.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		if _, rest, ok := strings.Cut(w.logs.String(), attribute); ok {
			value, _, _ := strings.Cut(rest, "\n")
			value, _, _ = strings.Cut(value, " ")
			return value
		}
		w.logs.wait()
	}
	w.Fatalf("no %q in the log:\n%s", attribute, w.logs)
	return ""
}
