package bridge_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"peyk/bot"
	"peyk/bridge"
	"peyk/internal/metrics"
	"peyk/internal/play"
	"peyk/panels"
	"peyk/relay"
	"peyk/sandbox/panel"
	"peyk/sandbox/sandboxtest"
	"peyk/sandbox/telegram"
	"peyk/sms"
	"peyk/smsapi/exchange"
	"peyk/store"
	api "peyk/telegram"
)

// world is a bridge between a Telegram and a panel, with a team and its group.
type world struct {
	*sandboxtest.World
	tg    *telegram.Server // World's, as what follows, under the names of these tests
	panel *panel.Server

	sara, ali, omid int64 // an admin, an agent, a stranger
	group           int64

	old             bool // Telegram is of 2021
	path            string
	opts            bot.Options
	relay           relay.Options
	metrics         *metrics.Metrics
	commits         atomic.Int64 // of the store
	storeOpts       store.Options
	kind            panels.Kind // of the panel
	token, password string

	logs *logs

	store *store.Store
	stop  context.CancelFunc
	ended chan error
}

// logs keeps what the bridge logs.
type logs struct {
	mu sync.Mutex
	bytes.Buffer
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.Buffer.Write(p)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.Buffer.String()
}

// atEach plays a scenario at a Telegram of today, and at one of 2021, which has nothing of what came since.
func atEach(t *testing.T, scenario func(*testing.T, telegram.Options)) {
	t.Helper()
	for name, server := range map[string]telegram.Options{"today": {}, "2021": {Old: true}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { scenario(t, server) })
		})
	}
}

// atEachPanel is atEach, at each kind of server that panels run on.
func atEachPanel(t *testing.T, scenario func(*testing.T, telegram.Options, panel.Options)) {
	t.Helper()
	for name, dialect := range dialects {
		t.Run(name, func(t *testing.T) {
			atEach(t, func(t *testing.T, server telegram.Options) { scenario(t, server, panel.Options{Dialect: dialect}) })
		})
	}
}

// newWorld makes everything but the bridge, which start starts, for a test in a bubble of testing/synctest: networks are in memory, and time is
// simulated. Telegram and the bridge have their usual limits and pauses, which cost nothing there.
func newWorld(t testing.TB, tgOpts telegram.Options, panelOpts panel.Options) *world {
	t.Helper()
	tgOpts.Limits = telegram.UsualLimits()
	w := makeWorld(t, tgOpts, panelOpts, play.InMemory(t))
	w.Connect()
	return w
}

// newLoopbackWorld is newWorld on real sockets, in real time, of which a test must have little: Telegram and the bridge hurry.
func newLoopbackWorld(t testing.TB, tgOpts telegram.Options) *world {
	t.Helper()
	w := makeWorld(t, tgOpts, panel.Options{}, t.TempDir())
	w.Listen()
	w.opts.TelegramSecond = 1 // no limits, as this Telegram has none
	w.relay.PollInterval, w.storeOpts.StatusInterval = 20*time.Millisecond, 50*time.Millisecond
	return w
}

func makeWorld(t testing.TB, tgOpts telegram.Options, panelOpts panel.Options, dir string) *world {
	t.Helper()
	w := &world{World: sandboxtest.New(t, tgOpts, panelOpts), logs: &logs{}, password: "demo-pass", old: tgOpts.Old}
	w.kind, _ = panels.Named(panelOpts.Dialect.Kind())
	w.BridgeLog = w.logs.String
	w.tg, w.panel, w.token = w.TG, w.Panel, w.TG.Token()
	w.sara, w.ali, w.omid, w.group = w.Sara, w.Ali, w.Omid, w.Group
	w.path = filepath.Join(dir, "peyk.db")
	w.opts = bot.Options{
		Lines: []sms.Number{"30001234", "30005678"}, Users: []sms.AgentID{sms.AgentID(w.ali)}, Admins: []sms.AgentID{sms.AgentID(w.sara)},
		Log: slog.New(slog.NewTextHandler(w.logs, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	w.relay = relay.Options{Lines: w.opts.Lines, Decode: panels.Decode, Log: w.opts.Log}
	w.storeOpts = store.Options{Log: w.opts.Log, Inbox: []sms.ChatID{sms.ChatID(w.group)}, Admins: w.opts.Admins, RecentPosts: bot.GroupPerMinute}
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
	w.metrics = metrics.New()
	w.storeOpts.Committed = func(c store.Commit) {
		w.commits.Add(1)
		w.metrics.Committed(c)
	}
	var err error
	if w.store, err = store.Open(w.path, w.storeOpts); err != nil {
		w.Fatal(err)
	}
	panelOpts := exchange.Options{}
	tgOpts := api.Options{Token: w.token, URL: w.TGURL, OnCall: w.metrics.TelegramAsked, OnAnswer: w.store.HeardAnswer}
	if w.PanelNet != nil {
		panelOpts.Dial, tgOpts.Dial = w.PanelNet.Dial, w.TGNet.Dial
	}
	client, err := w.kind.New(panels.Login{URL: w.PanelURL, User: "demo", Password: w.password, Key: w.password}, panelOpts)
	if err != nil {
		w.Fatal(err)
	}
	b := bridge.New(w.store, client, api.New(tgOpts), w.relay, w.opts, w.metrics)
	ctx, cancel := context.WithCancel(context.Background())
	w.stop, w.ended = cancel, make(chan error, 1)
	ended := w.ended
	asked := len(w.tg.Calls())
	go func() { ended <- b.Run(ctx) }()
	// At its start the bot asks what Telegram can. A fault that a test arms is not meant for that; one armed before this may be.
	for wait := 0; wait < 100 && !w.tg.Down() && len(w.tg.Armed()) == 0; wait++ {
		n := 0
		for _, c := range w.tg.CallsAfter(asked) {
			if c.Chat == 0 && (c.Method == "setMessageReaction" || c.Method == "createForumTopic") {
				n++
			}
		}
		if n == 2 {
			break
		}
		time.Sleep(time.Millisecond)
	}
}

// passes has time pass without a bridge, which would ask the panel every few seconds.
func (w *world) passes(d time.Duration) {
	w.Helper()
	w.end()
	time.Sleep(d)
	w.start()
}

// end stops the bridge and returns what Run returned.
func (w *world) end() error {
	w.Helper()
	w.stop()
	var err error
	select {
	case err = <-w.ended:
	case <-w.context().Done():
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

// gives has Telegram give the bridge an update of any shape. A date of 1 stands for now, as a message of long ago would say that our clock is wrong.
func (w *world) gives(update string) {
	w.Helper()
	if _, err := w.tg.RawUpdate(strings.ReplaceAll(update, `"date":1,`, fmt.Sprintf(`"date":%d,`, time.Now().Unix()))); err != nil {
		w.Fatal(err)
	}
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
func (w *world) logged(attribute string) (value string) {
	w.Helper()
	w.until(fmt.Sprintf("%q in the log", attribute), func() bool {
		_, rest, ok := strings.Cut(w.logs.String(), attribute)
		value, _, _ = strings.Cut(rest, "\n")
		value, _, _ = strings.Cut(value, " ")
		return ok
	})
	return value
}

// until waits until something is so that only asking shows.
func (w *world) until(what string, so func() bool) {
	w.Helper()
	for late := w.context(); !so(); time.Sleep(100 * time.Millisecond) {
		if late.Err() != nil {
			w.Fatalf("waited in vain for %s; log:\n%s", what, w.logs)
		}
	}
}
