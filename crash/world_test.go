package crash

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"peyk/sandbox/panel"
	"peyk/sandbox/sandboxtest"
	"peyk/sandbox/telegram"
	"peyk/sms"
	"peyk/store"
)

// world is one store and its bridge, the two networks, the people, and what is known of what they did.
type world struct {
	*sandboxtest.World // whose group shows inbound SMS, and so does Sara's private chat

	seed    uint64
	rand    *rand.Rand
	dir     string
	program string // the bridge

	tgNet, panelNet *network

	topics  bool // the group is a forum with a topic for each customer
	strict  bool // somebody forbids reactions in the group now and then
	environ []string

	changed chan struct{} // receives when either network was called

	mu     sync.Mutex // guards what the networks' calls touch
	trap   *trap
	idle   int // acts of people still to come while the bridge runs
	bridge *bridge
	outage *time.Timer // its end
	looked int         // fetches when settled looked last
	heard  time.Time   // when a bridge called last
	quiet  int         // fetches since something was shown
	past
}

// past is what happened. It only grows: a copy stays as it is.
type past struct {
	starts  []start
	fetches []time.Time // when each GetMsg arrived
	inbound []sender    // who wrote each SMS
	fetched []handed    // in the order the panel handed them out
	orders  []order
	presses []pressed
}

// source makes one source of chance serve several goroutines.
type source struct {
	mu  sync.Mutex
	pcg *rand.PCG
}

func (s *source) Uint64() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pcg.Uint64()
}

// start is a process that began.
type start struct {
	at     time.Time
	broken bool      // it did not end in order,
	mark   time.Time // and a fetch was under way then, since when; zero when none was
}

// sender is who wrote an SMS, to which line of ours, and what.
type sender struct {
	customer, line, text string
	at                   time.Time
	again                bool // they said the same twice
}

// handed is an SMS the panel handed out.
type handed struct {
	n  int // which of those customers wrote
	at time.Time
}

// order is what an agent wrote to have an SMS sent.
type order struct {
	chat       int64
	message    int
	from       int64
	said       string // the message
	text       string // of the SMS, unique
	line       string
	recipients []string
	reply      bool
}

// pressed is a button an agent pressed.
type pressed struct {
	at         time.Time
	by         int64
	batch      store.BatchID
	generation int
	decision   store.Decision
}

// trap kills the bridge in the middle of a call: of that method, at that stage, the n-th time.
type trap struct {
	network, method, stage string
	n                      int
	unread                 bool // of the stage answered: the bridge is stopped when half of the answer is on the wire, and so cannot read the rest
}

func newWorld(t testing.TB, seed uint64) *world {
	w := &world{seed: seed, dir: inMemory(t), program: program, rand: rand.New(&source{pcg: rand.NewPCG(seed, 7)}), changed: make(chan struct{}, 1)}
	w.World = sandboxtest.New(t, telegram.Options{Limits: telegram.UsualLimits(), Speed: float64(time.Second / second)}, panel.Options{
		Dialect:  []panel.Dialect{panel.Nusoap, panel.Native}[w.rand.IntN(2)],
		Statuses: []panel.Step{{After: 50 * time.Millisecond, Status: 3}, {After: 300 * time.Millisecond, Status: 4}},
	})
	// What becomes of an SMS can be told from the last digit of its number.
	for pattern, status := range map[string]int{"*7": 2, "*8": 5, "*9": 6} {
		if err := w.Panel.SetStatusOf(pattern, status); err != nil {
			t.Fatal(err)
		}
	}
	var err error
	if w.tgNet, err = serve(w.TG, w.wake); err != nil {
		t.Fatal(err)
	}
	if w.panelNet, err = serve(w.Panel, w.wake); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	events := w.Panel.Watch(ctx)
	t.Cleanup(func() {
		cancel()
		if w.bridge != nil {
			w.bridge.kill()
		}
		w.TG.Close()
		w.tgNet.down()
		w.panelNet.down()
	})
	go w.note(events)
	w.strict = w.rand.IntN(5) == 0
	w.say(telegram.Post{Chat: w.Sara, From: w.Sara, Text: "/start"}) // a bot cannot write first
	w.say(telegram.Post{Chat: w.Ali, From: w.Ali, Text: "/start"})
	w.TGURL, w.PanelURL = "http://"+w.tgNet.addr, "http://"+w.panelNet.addr+"/class/sms/webservice3/server.php"
	w.environ = append(w.Environ(),
		"POLL_INTERVAL=100ms", "STATUS_INTERVAL=100ms", "TIMEZONE=UTC", "DB_PATH=data/peyk.db", "LOG_LEVEL=debug",
		"PEYK_CRASH_SECOND="+second.String())
	w.TG.OnCall(func(stage telegram.Stage, method string, _ int64) { w.called("telegram", method, string(stage)) })
	w.Panel.OnCall(func(c panel.Call) { w.called("panel", c.Method, string(c.Stage)) })
	return w
}

// roomForAll is more than all worlds at once take.
const roomForAll = 2 << 30

// inMemory returns a directory for what is gone with the test, where syncs cost nothing if there is one: a killed process leaves its pages
// with the kernel, synced or not, and on a slow disk bridges would be killed before they come to do anything.
func inMemory(t testing.TB) string {
	const memory = "/dev/shm"
	if room, err := store.Room(memory); err != nil || room < roomForAll { // containers often have 64 MB there
		return t.TempDir()
	}
	dir, err := os.MkdirTemp(memory, "peyk-crash-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// useTopics has the team work in a forum, with a topic for each customer.
func (w *world) useTopics() {
	w.Helper()
	w.topics = true
	w.Group = w.TG.AddForum("Desk", w.Sara, w.Ali, w.TG.Bot().ID)
	if err := w.TG.SetBotRights(w.Group, telegram.Rights{Admin: true, ManageTopics: true}); err != nil {
		w.Fatal(err)
	}
	w.say(telegram.Post{Chat: w.Group, From: w.Sara, Text: "/topics on"})
	w.start()
	said := func() error {
		if _, ok := w.recent(w.Group, func(m telegram.Message) bool { return strings.Contains(m.Text, "has a topic here") }); !ok {
			return errNotYet
		}
		return nil
	}
	if err := errors.Join(w.until(said), w.bridge.end()); err != nil {
		w.Fatal(err)
	}
}

// arrived waits until what a bridge, which is gone, had put on the wire has arrived: no restart is so quick that it comes after.
func (w *world) arrived() {
	w.Helper()
	late := time.After(patience / 4)
	for _, n := range []*network{w.tgNet, w.panelNet} {
		c := n.knock()
		for c != nil && !n.knows(c) {
			select {
			case <-w.changed:
			case <-late:
				w.Errorf("a network accepts no connection")
				return
			}
		}
		if c != nil {
			c.Close()
		}
	}
	for {
		tg, panel := w.tgNet.connections(), w.panelNet.connections()
		if tg+panel == 0 {
			return
		}
		select {
		case <-w.changed:
		case <-late: // by now all that was written is read
			w.Logf("%d connections to Telegram and %d to the panel outlive the bridge: closed", tg, panel)
			w.tgNet.cut()
			w.panelNet.cut()
			return
		}
	}
}

// note keeps what the panel handed out, and when.
func (w *world) note(events <-chan panel.Event) {
	for e := range events {
		if e.Kind != panel.Fetched {
			continue
		}
		w.mu.Lock()
		w.fetched = append(w.fetched, handed{numberOf(e.SMS.Text), e.At})
		w.mu.Unlock()
		w.wake()
	}
}

func (w *world) wake() {
	select {
	case w.changed <- struct{}{}:
	default:
	}
}

// called is told of every stage of every call. Calls are the clock the people live by: fetches come all the time.
func (w *world) called(network, method, stage string) {
	w.mu.Lock()
	w.heard = time.Now()
	fetch := method == "GetMsg" && stage == string(panel.Arrived)
	if fetch {
		w.fetches = append(w.fetches, time.Now())
		w.quiet++
	}
	if method == "sendMessage" {
		w.quiet = 0
	}
	acts := 0
	if fetch || method == "sendMessage" && stage == string(telegram.AfterHandling) {
		acts = min(w.idle, w.rand.IntN(4))
		w.idle -= acts
	}
	var victim *bridge
	if t := w.trap; t != nil && t.unread && t.network == network && t.method == method && stage == string(panel.HalfAnswered) {
		w.bridge.cmd.Process.Signal(syscall.SIGSTOP)
	}
	if t := w.trap; t != nil && t.network == network && t.method == method && t.stage == stage {
		if t.n--; t.n == 0 {
			victim, w.trap = w.bridge, nil
		}
	}
	w.mu.Unlock()
	if victim != nil {
		victim.kill() // the call stands still until it is no more
	}
	for range acts {
		w.act()
	}
	w.wake()
}

// start starts the bridge; environ is added to its environment.
func (w *world) start(environ ...string) {
	w.Helper()
	w.startAs(exec.Command(w.program), environ...)
}

func (w *world) startAs(command *exec.Cmd, environ ...string) {
	w.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.quiet = 0
	if w.bridge != nil && w.bridge.state.ExitCode() != 0 {
		last := &w.starts[len(w.starts)-1]
		last.broken, last.mark = true, w.fetchMark()
	}
	w.bridge = startBridge(w, w.dir, slices.Concat(environ, w.environ, []string{fmt.Sprintf("INBOX_CHATS=%d,%d", w.Group, w.Sara)}), command)
	w.starts = append(w.starts, start{at: w.bridge.started})
}

func (w *world) say(p telegram.Post) int {
	w.Helper()
	id, err := w.TG.Say(p)
	if err != nil {
		w.Errorf("say: %v", err) // not Fatal: calls of the networks are other goroutines
	}
	return id
}

func (w *world) database() string { return filepath.Join(w.dir, "data", "peyk.db") }

// openCopy opens a copy of the file, which no bridge has open: to open the file itself would settle what a restart is to settle.
func (w *world) openCopy() (*store.Store, error) {
	path := filepath.Join(w.dir, "copy.db")
	if err := copyFile(w.database(), path); err != nil {
		return nil, err
	}
	return store.Open(path, w.options())
}

// options are what the bridge's settings make of the store's.
func (w *world) options() store.Options {
	return store.Options{
		Inbox: []sms.ChatID{sms.ChatID(w.Group), sms.ChatID(w.Sara)}, Admins: []sms.AgentID{sms.AgentID(w.Sara)}, RecentPosts: 20,
	}
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// until waits until done returns nil, asking whenever a network was called, and returns its last error when that has not changed for as long
// as patience lasts.
func (w *world) until(done func() error) error {
	late := time.After(patience)
	var last error
	for {
		err := done()
		if err == nil {
			return nil
		}
		if last == nil || !errors.Is(err, errNotYet) {
			if last == nil || last.Error() != err.Error() { // it comes forward, however slowly: the machine is busy
				late = time.After(patience)
			}
			last = err
		}
		select {
		case <-w.changed:
		case <-w.bridge.gone:
			return fmt.Errorf("the bridge ended by itself: %v", w.bridge.state)
		case <-late:
			return last
		}
	}
}

// errNotYet says that done of until has nothing new to say.
var errNotYet = errors.New("the bridge has not fetched")

// ways to kill.
const (
	byTelegram = "call of telegram"
	byPanel    = "call of the panel"
	byPoint    = "point in the program"
	byChance   = "random moment"
	bySignal   = "SIGTERM" // no kill: what is under way comes to its end
)

// moments of calls at which the networks kill, more often where a flow has its steps.
var moments = []struct {
	way, network, method string
	stages               []string
	n                    int // at most so many of them are let pass
}{
	{byPanel, "panel", "GetMsg", []string{"arrived", "carried_out", "half_answered", "answered"}, 12},
	{byPanel, "panel", "SendSMS", []string{"arrived", "carried_out", "half_answered", "answered"}, 3},
	{byPanel, "panel", "GetStatus", []string{"arrived", "carried_out", "half_answered", "answered"}, 2},
	{byPanel, "panel", "GetCredit", []string{"arrived", "answered"}, 1},
	{byTelegram, "telegram", "sendMessage", []string{"before", "after"}, 6},
	{byTelegram, "telegram", "editMessageText", []string{"before", "after"}, 4},
	{byTelegram, "telegram", "createForumTopic", []string{"before", "after"}, 3},
	{byTelegram, "telegram", "setMessageReaction", []string{"before", "after"}, 6},
	{byTelegram, "telegram", "getUpdates", []string{"before", "after"}, 6},
	{byTelegram, "telegram", "answerCallbackQuery", []string{"before", "after"}, 2},
	{byTelegram, "telegram", "getMe", []string{"before", "after"}, 1},
	{byTelegram, "telegram", "setMyCommands", []string{"before", "after"}, 2},
}

// life is how long a bridge lives that no call and no point kills: then a kill comes by chance.
const life = 2500 * time.Millisecond

// killOnce lets people and networks play with a bridge that is killed one way or another, and returns how it was in the end.
// For byPoint, point is NAME:N. One time in four the next one is killed, too, while it takes up what was left.
func (w *world) killOnce(way, point string) string {
	w.Helper()
	w.mu.Lock()
	w.fail()
	w.idle = 10 + w.rand.IntN(20)
	lives := life
	var environ []string
	switch way {
	case byChance:
		lives = time.Duration(w.rand.Int64N(int64(life / 2)))
	case bySignal:
		lives = time.Duration(w.rand.Int64N(int64(life / 2)))
	case byPoint:
		environ = []string{"PEYK_CRASH=" + point}
	default:
		for w.trap == nil {
			if m := moments[w.rand.IntN(len(moments))]; m.way == way {
				w.trap = &trap{network: m.network, method: m.method, stage: m.stages[w.rand.IntN(len(m.stages))], n: 1 + w.rand.IntN(m.n)}
			}
		}
	}
	before := 2 + w.rand.IntN(6)
	w.mu.Unlock()
	for range before { // while the bridge is down
		w.act()
	}
	w.start(environ...)
	select {
	case <-w.bridge.gone:
	case <-time.After(lives):
		if way == bySignal {
			// One that has not come so far as to listen to signals is killed by them.
			err := w.until(func() error {
				w.mu.Lock()
				defer w.mu.Unlock()
				if !w.heard.After(w.bridge.started) {
					return errNotYet
				}
				return nil
			})
			if err := errors.Join(err, w.bridge.end()); err != nil {
				w.Error(err)
			}
			break
		}
		way = byChance
		w.bridge.kill()
	}
	w.mu.Lock()
	w.trap, w.idle = nil, 0
	w.mu.Unlock()
	if way != bySignal && !w.bridge.killed() {
		w.Errorf("the bridge ended by itself: %v", w.bridge.state)
	}
	w.mend()
	w.arrived()
	if w.rand.IntN(4) == 0 {
		w.start()
		<-time.After(time.Duration(w.rand.Int64N(int64(100 * time.Millisecond))))
		w.bridge.kill()
		w.arrived()
	}
	return way
}
