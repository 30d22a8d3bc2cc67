package crash

import (
	"errors"
	"fmt"
	"math"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"peyk/internal/play"
	"peyk/sandbox/panel"
	"peyk/sandbox/telegram"
	"peyk/store"
)

// world is one store and its bridge, the two networks, the people, and what is known of what they did.
type world struct {
	*play.World

	seed    uint64
	dir     string
	program string // the bridge

	tgNet, panelNet *network

	environ []string

	changed chan struct{} // receives when either network was called

	// What the networks' calls touch, too, mu guards.
	trap   *trap
	idle   int // acts of people still to come while the bridge runs
	bridge *bridge
	outage *time.Timer   // its end
	heard  time.Time     // when a bridge called last
	acted  time.Time     // when a call for something else than updates last came to a stage
	still  time.Duration // how long none did, at most, since this was set to 0
}

// trap kills the bridge in the middle of a call: of that method, at that stage, the n-th time.
type trap struct {
	network, method, stage string
	n                      int
	unread                 bool // of the stage answered: the bridge is paused when half of the answer is on the wire, and so cannot read the rest
}

// newWorld returns a world at a SOAP panel.
func newWorld(t testing.TB, seed uint64) *world { return worldAt(t, seed, 0) }

// worldAt returns a world at the kind of panel that seeds like kind play at.
func worldAt(t testing.TB, seed, kind uint64) *world {
	w := &world{seed: seed, dir: play.InMemory(t), program: program, changed: make(chan struct{}, 1)}
	r := play.Chance(seed)
	w.World = play.New(t, r, telegram.Options{Limits: telegram.UsualLimits(), Speed: float64(time.Second / second)}, play.PanelOf(kind, panel.Options{
		Dialect:  []panel.Dialect{panel.Nusoap, panel.Native}[r.IntN(2)],
		Statuses: []panel.Step{{After: 50 * time.Millisecond, Status: 3}, {After: 300 * time.Millisecond, Status: 4}},
	}))
	w.UseDesk(play.Chance(seed+100), 10*time.Second)
	if seed%3 == 0 { // where it hears of reactions, and may pin
		if err := w.TG.SetBotRights(w.Group, telegram.Rights{Admin: true, PinMessages: true}); err != nil {
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
	w.Outages = w.panelNet.outages
	t.Cleanup(func() {
		if w.bridge != nil {
			w.bridge.kill()
		}
		w.TG.Close()
		w.tgNet.down()
		w.panelNet.down()
	})
	w.TGURL, w.PanelURL = "http://"+w.tgNet.addr, "http://"+w.panelNet.addr+w.PanelPath()
	w.environ = append(slices.Concat(w.Environ(), w.DeskEnviron(), play.WishEnviron()),
		"POLL_INTERVAL=100ms", "STATUS_INTERVAL=100ms", "TIMEZONE=UTC", "DB_PATH=data/peyk.db", "LOG_LEVEL=debug",
		"PEYK_CRASH_SECOND="+second.String())
	w.TG.OnCall(func(stage telegram.Stage, method string, _ int64) { w.called("telegram", method, string(stage)) })
	w.Panel.OnCall(func(c panel.Call) { w.called("panel", c.Method, string(c.Stage)) })
	return w
}

// useTopics has the team work in a forum, with a topic for each customer.
func (w *world) useTopics() {
	w.Helper()
	w.UseForum()
	w.start()
	said := func() error {
		if _, ok := w.Recent(w.Group, func(m telegram.Message) bool { return strings.Contains(m.Text, "gets a topic here") }); !ok {
			return play.ErrNotYet
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

func (w *world) wake() {
	select {
	case w.changed <- struct{}{}:
	default:
	}
}

// called is told of every stage of every call. Calls are the clock the people live by: fetches come all the time.
func (w *world) called(network, method, stage string) {
	w.Mu.Lock()
	w.heard = time.Now()
	if method != "getUpdates" {
		w.still = max(w.still, w.heard.Sub(w.acted))
		w.acted = w.heard
	}
	fetch := method == "GetMsg" && stage == string(panel.Arrived)
	w.NoteCall(method, stage)
	acts := 0
	if fetch || method == "sendMessage" && stage == string(telegram.AfterHandling) {
		acts = min(w.idle, w.Rand.IntN(4))
		w.idle -= acts
	}
	var victim *bridge
	if t := w.trap; t != nil && t.unread && t.network == network && t.method == method && stage == string(panel.HalfAnswered) {
		w.bridge.pause()
	}
	if t := w.trap; t != nil && t.network == network && t.method == method && t.stage == stage {
		if t.n--; t.n == 0 {
			victim, w.trap = w.bridge, nil
		}
	}
	w.Mu.Unlock()
	if victim != nil {
		victim.kill() // the call stands still until it is no more
	}
	for range acts {
		w.Act()
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
	w.Mu.Lock()
	defer w.Mu.Unlock()
	broken, mark := w.bridge != nil && w.bridge.state.ExitCode() != 0, time.Time{}
	if broken {
		mark = w.FetchMark(w.database(), filepath.Join(w.dir, "mark.db"))
	}
	w.bridge = startBridge(w, w.dir, slices.Concat(environ, w.environ, []string{fmt.Sprintf("INBOX_CHATS=%d,%d", w.Group, w.Sara)}), command)
	w.NoteStart(w.bridge.started, broken, mark)
}

func (w *world) database() string { return filepath.Join(w.dir, "data", "peyk.db") }

// openCopy opens a copy of the file, which no bridge has open: to open the file itself would settle what a restart is to settle.
func (w *world) openCopy() (*store.Store, error) {
	path := filepath.Join(w.dir, "copy.db")
	if err := play.CopyFile(w.database(), path); err != nil {
		return nil, err
	}
	return store.Open(path, w.StoreOptions())
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
		if last == nil || !errors.Is(err, play.ErrNotYet) {
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

// lastMessages tells of the last messages of the team's chats what a failure is understood by.
func (w *world) lastMessages(n int) string {
	var b strings.Builder
	for _, chat := range []int64{w.Group, w.Sara} {
		all := w.TG.Messages(chat)
		for _, m := range all[max(0, len(all)-n):] {
			fmt.Fprintf(&b, "%d %d at %s, from %d to %d, edits %d, deleted %t, %s: %.1500q\n", m.Chat, m.ID, m.Date.Format("05.000"), m.From, m.ReplyTo, m.Edits, m.Deleted, play.MarksOf(m), m.Text)
		}
	}
	return b.String()
}

// isHeard waits until the bridge that runs has called a network.
func (w *world) isHeard() error {
	return w.until(func() error {
		w.Mu.Lock()
		defer w.Mu.Unlock()
		if !w.heard.After(w.bridge.started) {
			return play.ErrNotYet
		}
		return nil
	})
}

// look returns what both networks saw.
func (w *world) look() *evidence { return &evidence{w.World.Look()} }

// evidence is what both networks saw of a world.
type evidence struct {
	*play.Evidence
}

// settled returns why the bridge has not come to rest.
func (w *world) settled() error { return w.World.Settled(w.bridge.started) }

// ways to kill.
const (
	byTelegram = "call of telegram"
	byPanel    = "call of the panel"
	byPoint    = "point in the program"
	byChance   = "random moment"
	bySignal   = "SIGTERM" // no kill: what is under way comes to its end
)

// life is how long a bridge lives that no call and no point kills: then a kill comes by chance.
const life = 2500 * time.Millisecond

// killOnce lets people and networks play with a bridge that is killed one way or another, and returns how it was in the end.
// For byPoint, point is NAME:N. One time in four the next one is killed, too, while it takes up what was left.
func (w *world) killOnce(way, point string) string {
	w.Helper()
	w.Mu.Lock()
	w.fail()
	w.idle = 10 + w.Rand.IntN(20)
	lives := life
	var environ []string
	switch way {
	case byChance:
		lives = time.Duration(w.Rand.Int64N(int64(life / 2)))
	case bySignal:
		lives = time.Duration(w.Rand.Int64N(int64(life / 2)))
	case byPoint:
		environ = []string{"PEYK_CRASH=" + point}
		name, _, _ := strings.Cut(point, ":")
		w.Lose(name)
	default:
		for w.trap == nil {
			if m := w.Kind.AMoment(w.Rand); (m.Network == "panel") == (way == byPanel) {
				w.trap = &trap{network: m.Network, method: m.Method, stage: m.Stage, n: m.N}
			}
		}
	}
	before := 2 + w.Rand.IntN(6)
	w.Mu.Unlock()
	for range before { // while the bridge is down
		w.Act()
	}
	w.start(environ...)
	select {
	case <-w.bridge.gone:
	case <-time.After(lives):
		if way == bySignal {
			// One that has not come so far as to listen to signals is killed by them.
			if err := errors.Join(w.isHeard(), w.bridge.end()); err != nil {
				w.Error(err)
			}
			break
		}
		way = byChance
		w.bridge.kill()
	}
	w.Mu.Lock()
	w.trap, w.idle = nil, 0
	w.Mu.Unlock()
	if way != bySignal && !w.bridge.killed() {
		w.Errorf("the bridge ended by itself: %v", w.bridge.state)
	}
	w.mend()
	w.arrived()
	if w.Rand.IntN(4) == 0 {
		w.start()
		<-time.After(time.Duration(w.Rand.Int64N(int64(100 * time.Millisecond))))
		w.bridge.kill()
		w.arrived()
	}
	return way
}

// fail has the networks fail a few times, and perhaps be out for a while.
func (w *world) fail() {
	w.Spoil()
	w.outage = nil
	end := time.Duration(w.Rand.Int64N(int64(life / 3)))
	switch w.Rand.IntN(16) {
	case 0:
		w.TG.SetDown(true)
		w.outage = time.AfterFunc(end, func() { w.TG.SetDown(false) })
	case 1:
		w.panelNet.down()
		w.outage = time.AfterFunc(end, func() { w.panelUp() })
	}
}

func (w *world) panelUp() {
	if err := w.panelNet.up(); err != nil {
		w.Errorf("panel: %v", err)
	}
}

// mend ends all faults.
func (w *world) mend() {
	if w.outage != nil {
		w.outage.Stop()
	}
	w.TG.Disarm()
	w.TG.SetDown(false)
	w.Panel.Disarm()
	w.panelUp()
}

// rest starts the bridge, lets it come to rest and ends it, until its store has nothing left to do, and returns the evidence, to be
// closed. The error is why it does not come to rest.
func (w *world) rest() (*evidence, error) {
	deadline, least := time.Now().Add(patience), math.MaxInt
	for again := false; ; again = true {
		w.start()
		if err := w.until(w.settled); err != nil {
			return nil, fmt.Errorf("the bridge does not come to rest: %w", err)
		}
		if again { // what is due waits for a second after each start, until it is known which clock is right
			<-time.After(2 * time.Second)
		}
		if err := w.bridge.end(); err != nil {
			return nil, err
		}
		e := w.look()
		st, err := w.openCopy()
		if err != nil {
			return nil, err
		}
		if err := e.Open(st); err != nil {
			return nil, err
		}
		unrouted, queued, err := e.Store.Waiting()
		if err != nil {
			return nil, err
		}
		behind := e.Behind()
		if err := e.StalePins(); err != nil {
			behind = append(behind, err.Error())
		}
		waiting := unrouted + queued + len(behind)
		if waiting == 0 {
			return e, nil
		}
		e.Store.Close()
		if waiting < least { // it comes forward, however slowly: the machine is busy
			deadline, least = time.Now().Add(patience), waiting
		}
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("%d posts are never shown, and %q never ends", unrouted+queued, behind)
		}
	}
}
