package sim

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
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
	sender "peyk/telegram"
)

// world is a store with the bridges that have it one after the other, the two networks, and people.
type world struct {
	*play.World

	dir             string
	kind            panels.Kind
	tgNet, panelNet *sandboxtest.Network
	disk            disk
	keep, poll      time.Duration // how long bridges keep rows, and how often they ask the panel; as usual when zero
	log             *tail

	held    map[*sandboxtest.Network][]sandboxtest.Shut // connections on which a bridge stood still, and since when: it may have given up what it waited for
	begun   []event                                     // steps of the script, and what the bridges did
	life    *life                                       // the last bridge
	file    int                                         // which file is the store's: each kill makes the next
	kills   int
	idle    int // goroutines without a bridge
	lives   sync.WaitGroup
	mending []*time.Timer
	backup  time.Time        // when the one that is kept was made; zero when there is none
	ahead   [2]time.Duration // of Telegram's answers and messages, when nothing fails

	tgDialed, panelDialed rate
	inGroup               lately

	mu   sync.Mutex                               // guards held and begun, too
	trap func(network, method, stage string) bool // whether the bridge is to be killed in the middle of this call
	mine func(point string) bool                  // whether it is to be killed at this point in the program
}

// life is one bridge from its start to its end.
type life struct {
	w      *world
	path   string
	began  time.Time
	cancel context.CancelFunc
	ending atomic.Bool   // it was asked to end
	ended  chan struct{} // closed when it has ended, with
	err    error

	disk sync.Mutex // held while a commit is carried out

	mu     sync.Mutex
	killed bool
	still  time.Time // the bridge stands still until then
	conns  map[net.Conn]bool
	store  *store.Store // nil until it is open
}

// start is when worlds begin: synctest's clock begins in a year in which there was no SMS panel. It is a day after files of earlier schemas end.
var start = time.Date(2026, 7, 2, 8, 0, 0, 0, time.UTC)

// newWorld returns a world for as long as the test runs, in whose bubble it is.
func newWorld(t testing.TB, seed uint64) *world {
	r := play.Chance(seed)
	w := bare(t, r, seed)
	w.UseDesk(play.Chance(seed+100), 2*time.Minute)
	switch r.IntN(6) {
	case 0:
		w.UseGroup()
	case 1:
		files := schemas(t)
		w.beginWith(files[r.IntN(len(files))])
		if n := r.IntN(8); pointed && n > 0 {
			w.mine = func(point string) bool { // killed while it brings the file to the last schema
				if point == "open.migrating" {
					n--
				}
				return n == 0
			}
		}
	case 2, 3: // it takes twice as long: each customer has messages of their own
		w.UseForum()
		w.start()
		err := w.until(func() error {
			if _, ok := w.Recent(w.Group, func(m telegram.Message) bool { return strings.Contains(m.Text, "gets a topic here") }); !ok {
				return play.ErrNotYet
			}
			return nil
		})
		if err := errors.Join(err, w.life.end()); err != nil {
			t.Fatal(err)
		}
		w.arrived()
		w.rested()
	case 4: // where it hears of reactions, and may pin
		if err := w.TG.SetBotRights(w.Group, telegram.Rights{Admin: true, PinMessages: true}); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

// bare returns a world whose team has a supergroup. r decides what its networks are like, and what its people do.
func bare(t testing.TB, r *rand.Rand, seed uint64) *world {
	return at(t, r, seed, play.PanelOf(seed, panel.Options{
		Dialect: []panel.Dialect{panel.Nusoap, panel.Native}[r.IntN(2)], NoWSDL: r.IntN(4) == 0, LeavesOut: r.IntN(4) == 0, NewestFirst: r.IntN(4) == 0, Resend: r.IntN(8) == 0 && *days == 0, // as its answers grow so long
		Statuses: []panel.Step{{After: 2 * time.Second, Status: 3}, {After: 20 * time.Second, Status: 4}},
	}))
}

// at is bare, at a panel of one kind.
func at(t testing.TB, r *rand.Rand, seed uint64, opts panel.Options) *world {
	time.Sleep(time.Until(start))
	kind, _ := panels.Named(opts.Dialect.Kind())
	w := &world{dir: play.InMemory(t), kind: kind, log: &tail{}, held: map[*sandboxtest.Network][]sandboxtest.Shut{}}
	w.World = play.New(t, r, telegram.Options{Limits: telegram.UsualLimits(), FirstGroup: oldGroup}, opts)
	w.tgNet = &sandboxtest.Network{Handler: w.TG, Delay: delays(seed, 30*time.Millisecond)}
	w.panelNet = &sandboxtest.Network{Handler: w.Panel, Delay: delays(seed+1, 60*time.Millisecond)}
	w.DiskFailed = w.disk.failedAt
	w.Outages = func() []sandboxtest.Shut { return append(w.panelNet.Outages(), w.heldOf(w.panelNet)...) }
	w.TelegramOutages = func() []sandboxtest.Shut { return w.heldOf(w.tgNet) }
	w.TG.OnCall(func(stage telegram.Stage, method string, chat int64) {
		if stage == telegram.AfterHandling && chat < 0 && (method == "sendMessage" || method == "createForumTopic") {
			w.inGroup.note(time.Now())
		}
		w.called("telegram", method, string(stage))
	})
	w.Panel.OnCall(func(c panel.Call) { w.called("panel", c.Method, string(c.Stage)) })
	watch(w.reached)
	w.tgNet.Up()
	w.panelNet.Up()
	t.Cleanup(func() {
		watch(func(string) {})
		if w.life != nil {
			w.life.kill()
		}
		w.TG.Close()
		w.tgNet.Close()
		w.panelNet.Close()
		w.lives.Wait()
		time.Sleep(time.Hour) // the ends of connections arrive, also where a bridge stands still
	})
	w.rested()
	return w
}

// rested notes how many goroutines there are while no bridge runs.
func (w *world) rested() {
	time.Sleep(time.Second)
	w.idle, _ = goroutines()
}

// schemas returns the files of every schema there was.
func schemas(t testing.TB) []string {
	files, err := filepath.Glob("../store/testdata/schema/*.db.gz")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files of earlier schemas: %v", err)
	}
	return files
}

// oldGroup is the group that files of earlier schemas are of.
const oldGroup = -1001

// beginWith begins with the file of an earlier schema, of a group that is the team's.
func (w *world) beginWith(file string) {
	w.UseGroup()
	in, err := os.Open(file)
	if err != nil {
		w.Fatal(err)
	}
	defer in.Close()
	unpacked, err := gzip.NewReader(in)
	if err != nil {
		w.Fatal(err)
	}
	all, err := io.ReadAll(unpacked)
	if err := errors.Join(err, os.WriteFile(w.store(0), all, 0o600)); err != nil {
		w.Fatal(err)
	}
	w.BeginWith(w.store(0), filepath.Join(w.dir, "first.db"))
}

// delays returns how long the packets of each connection take: most some milliseconds, few much longer.
func delays(seed uint64, usual time.Duration) func(int) time.Duration {
	r := play.Chance(seed)
	return func(int) time.Duration {
		d := usual/4 + time.Duration(r.Int64N(int64(usual)))
		if r.IntN(200) == 0 {
			d *= 20
		}
		return d
	}
}

// called is told of every stage of every call.
func (w *world) called(network, method, stage string) {
	w.Mu.Lock()
	w.NoteCall(method, stage)
	w.Mu.Unlock()
	w.mu.Lock()
	victim := w.life
	kill := w.trap != nil && w.trap(network, method, stage)
	if kill {
		w.trap = nil
	}
	w.mu.Unlock()
	if kill {
		victim.kill()
	}
}

// reached is told of every point in the program that a bridge comes to.
func (w *world) reached(point string) {
	w.mu.Lock()
	victim := w.life
	kill := w.mine != nil && w.mine(point)
	if kill {
		w.mine = nil
	}
	w.mu.Unlock()
	switch {
	case !kill:
	case slices.Contains([]string{"commit.begun", "open.migrating", "open.settled"}, point):
		victim.killWithin()
	default:
		victim.kill()
	}
}

func (w *world) store(file int) string { return filepath.Join(w.dir, fmt.Sprint("peyk", file, ".db")) }

// start starts a bridge; one that runs goes on.
func (w *world) start() {
	if w.life != nil && w.life.running() {
		if !w.life.ending.Load() {
			return
		}
		<-w.life.ended
	}
	broken, mark := w.life != nil && (w.life.isKilled() || w.life.err != nil), time.Time{}
	path := w.store(w.file)
	if w.life != nil {
		w.arrived()
		<-time.After(time.Millisecond) // what came before and what comes after can be told apart
	}
	w.Mu.Lock()
	if broken {
		mark = w.FetchMark(path, filepath.Join(w.dir, "mark.db"))
	}
	w.NoteStart(time.Now(), broken, mark)
	w.Mu.Unlock()
	w.note(fmt.Sprintf("start %d; after a kill %t, a fetch was under way since %s", len(w.Starts)-1, broken, mark.Format("15:04:05.000000")))
	ctx, cancel := context.WithCancel(context.Background())
	l := &life{w: w, path: path, began: time.Now(), cancel: cancel, ended: make(chan struct{}), conns: map[net.Conn]bool{}}
	w.mu.Lock()
	w.life = l
	w.mu.Unlock()
	w.lives.Go(func() {
		defer close(l.ended)
		defer cancel()
		l.err = l.run(ctx)
		l.hangUp()
		w.note(fmt.Sprintf("ended: %v", l.err))
	})
}

// run is the bridge as its command makes it of the settings.
func (l *life) run(ctx context.Context) (err error) {
	w := l.w
	log := slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelInfo}))
	lines := []sms.Number{"30001234", "30005678"}
	login := panels.Login{URL: "http://panel.example" + w.PanelPath(), User: "demo", Password: "demo-pass", Key: "demo-pass"}
	client, err := w.kind.New(login, exchange.Options{Dial: l.dial(w.panelNet, &w.panelDialed)})
	if err != nil {
		return err
	}
	m := metrics.New()
	opts := w.StoreOptions()
	opts.Keep, opts.RecentPosts, opts.Commit, opts.Committed, opts.Log = w.keep, bot.GroupPerMinute, l.commit, m.Committed, log
	st, err := store.Open(l.path, opts)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	l.mu.Lock()
	l.store = st
	l.mu.Unlock()
	tg := sender.New(sender.Options{
		Token: w.TG.Token(), URL: "http://telegram.example", Dial: l.dial(w.tgNet, &w.tgDialed), OnCall: m.TelegramAsked, OnAnswer: st.HeardAnswer,
	})
	admins := []sms.AgentID{sms.AgentID(w.Sara)}
	return bridge.New(st, client, tg, relay.Options{Lines: lines, PollInterval: w.poll, Decode: panels.Decode, Log: log}, bot.Options{
		Lines: lines, Admins: admins, Users: []sms.AgentID{sms.AgentID(w.Ali)}, TelegramSecond: time.Second, Location: opts.Location, Log: log,
	}, m).Run(ctx)
}

func (l *life) running() bool {
	select {
	case <-l.ended:
		return false
	default:
		return !l.isKilled()
	}
}

// failed tells whether the bridge has ended by itself.
func (l *life) failed() bool {
	select {
	case <-l.ended:
		return l.err != nil && !l.ending.Load() && !l.isKilled()
	default:
		return false
	}
}

// opened returns the bridge's store, nil until it is open.
func (l *life) opened() *store.Store {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.store
}

func (l *life) isKilled() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.killed
}

// dial returns how the bridge connects to a network while it lives.
func (l *life) dial(n *sandboxtest.Network, dialed *rate) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		dialed.note(time.Now())
		l.stand()
		if l.isKilled() {
			return nil, net.ErrClosed
		}
		c, err := n.Dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.killed {
			c.Close()
			return nil, net.ErrClosed
		}
		ours := &connection{c, l, n}
		l.conns[ours] = true
		return ours, nil
	}
}

type connection struct {
	net.Conn
	l *life
	n *sandboxtest.Network
}

func (c *connection) Close() error {
	c.l.mu.Lock()
	delete(c.l.conns, c)
	c.l.mu.Unlock()
	return c.Conn.Close()
}

func (c *connection) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.stand()
	return n, err
}

func (c *connection) Write(b []byte) (int, error) {
	c.stand()
	return c.Conn.Write(b)
}

// stand is life's, and notes that something on c waited for that.
func (c *connection) stand() {
	since := time.Now()
	if !c.l.stand() {
		return
	}
	c.l.w.mu.Lock()
	defer c.l.w.mu.Unlock()
	c.l.w.held[c.n] = append(c.l.w.held[c.n], sandboxtest.Shut{At: since, Callers: []string{c.LocalAddr().String()}})
}

func (w *world) heldOf(n *sandboxtest.Network) []sandboxtest.Shut {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.held[n])
}

// stand waits while the bridge stands still, and reports whether it did. A process that does so computes nothing either; here it only hears,
// says and stores nothing.
func (l *life) stand() bool {
	l.mu.Lock()
	until := l.still
	l.mu.Unlock()
	wait := time.Until(until)
	time.Sleep(wait)
	return wait > 0
}

// commit carries out a transaction of the store as the disk lets it.
func (l *life) commit(write func() error) error {
	l.stand()
	before, after, err := l.w.disk.next()
	time.Sleep(before)
	if err == nil {
		l.disk.Lock()
		if err = syscall.EIO; !l.isKilled() {
			err = write()
		}
		l.disk.Unlock()
	}
	time.Sleep(after)
	return err
}

// kill ends the bridge: nothing of it reaches a network or the next one's file any more. It is not to be called within a commit.
func (l *life) kill() {
	l.disk.Lock()
	defer l.disk.Unlock()
	l.killWithin()
}

// killWithin is kill within a commit, which does not take place.
func (l *life) killWithin() {
	l.mu.Lock()
	if l.killed || !l.alive() {
		l.mu.Unlock()
		return
	}
	l.killed = true
	l.mu.Unlock()
	l.w.note("killed")
	l.hangUp()
	w := l.w
	w.file++
	w.kills++
	if err := play.CopyFile(l.path, w.store(w.file)); err != nil && !errors.Is(err, os.ErrNotExist) {
		w.Errorf("kill: %v", err)
	}
	l.cancel()
}

// hangUp closes what connections the bridge has, as the end of a process does.
func (l *life) hangUp() {
	l.mu.Lock()
	conns := l.conns
	l.conns = map[net.Conn]bool{}
	l.mu.Unlock()
	for c := range conns {
		c.(*connection).Conn.Close()
	}
}

// alive tells whether the bridge has not ended by itself. mu is held.
func (l *life) alive() bool {
	select {
	case <-l.ended:
		return false
	default:
		return true
	}
}

func (l *life) askToEnd() {
	l.ending.Store(true)
	l.cancel()
}

// end ends the bridge in order; one that stands still begins with that when it goes on.
func (l *life) end() error {
	l.askToEnd()
	l.mu.Lock()
	still := max(0, time.Until(l.still))
	l.mu.Unlock()
	select {
	case <-l.ended:
		return l.err
	case <-time.After(still + 5*time.Minute):
		return errors.New("the bridge does not end")
	}
}

// arrived waits until what a bridge, which is gone, had put on the wire has arrived.
func (w *world) arrived() {
	for range 3000 {
		if w.tgNet.Connections()+w.panelNet.Connections() == 0 {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	w.Errorf("%d connections to Telegram and %d to the panel outlive the bridge", w.tgNet.Connections(), w.panelNet.Connections())
}

// mend ends all faults.
func (w *world) mend() {
	for _, t := range w.mending {
		t.Stop()
	}
	w.mending = nil
	w.TG.Disarm()
	w.TG.SetDown(false)
	w.Panel.Disarm()
	w.panelNet.Up()
	w.disk.set(trouble{})
	w.SetClock(w.ahead[0], w.ahead[1])
	w.back()
	w.Promote()
	w.mu.Lock()
	w.trap, w.mine = nil, nil
	w.mu.Unlock()
}

// patience is how long a bridge may stand still, by its clock, and come to rest all the same.
const patience = 3 * time.Hour

// until waits until done returns nil, and returns its last error when that has not changed for as long as patience lasts.
func (w *world) until(done func() error) error {
	late := time.Now().Add(patience)
	var last error
	for wait := 5 * time.Second; ; wait = min(wait+wait/4, time.Minute) { // to look costs more than to wait
		err := done()
		if err == nil {
			return nil
		}
		if last == nil || !errors.Is(err, play.ErrNotYet) {
			if last == nil || last.Error() != err.Error() {
				late = time.Now().Add(patience)
			}
			last = err
		}
		if time.Now().After(late) {
			return last
		}
		select {
		case <-time.After(wait):
		case <-w.life.ended:
			return fmt.Errorf("the bridge ended by itself: %v", w.life.err)
		}
	}
}

// rest mends all, lets the bridge come to rest and ends it, until its store has nothing left to do, and returns what was seen, whose store is
// to be closed. The error is why it does not come to rest.
func (w *world) rest() (*play.Evidence, error) {
	before := w.life
	w.mend()
	deadline := time.Now().Add(30 * patience)
	for again := 0; ; again++ {
		w.start()
		err := w.until(func() error { return w.Settled(w.life.began) })
		if err != nil && w.life.failed() && w.life == before {
			continue // of what was not mended yet, such as a disk that let it open no store; it is started again, as systemd does
		}
		if err != nil {
			return nil, fmt.Errorf("the bridge does not come to rest: %w", err)
		}
		if w.Pins() {
			time.Sleep(20 * time.Second) // they are changed every ten
		}
		if err := w.life.end(); err != nil {
			return nil, err
		}
		copied := filepath.Join(w.dir, "copy.db")
		if err := play.CopyFile(w.life.path, copied); err != nil {
			return nil, err
		}
		st, err := store.Open(copied, w.StoreOptions())
		if err != nil {
			return nil, err
		}
		e := w.Look()
		if err := e.Open(st); err != nil {
			return nil, errors.Join(err, st.Close())
		}
		open, err := st.Stats()
		if err != nil {
			return nil, err
		}
		behind := e.Behind()
		if open.Unrouted+open.Posts+open.Pieces+len(behind) == 0 && (again > 4 || e.StalePins() == nil) {
			return e, nil
		}
		st.Close()
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("%d posts are never shown, %d pieces are never sent, nor asked about, and %q never ends", open.Unrouted+open.Posts, open.Pieces, behind)
		}
		w.start()
		time.Sleep(time.Minute)
	}
}

// check lets the bridge come to rest and returns which invariants are broken.
func (w *world) check() []error {
	e, err := w.rest()
	if err != nil {
		return []error{err}
	}
	defer e.Store.Close()
	wrong := e.Violations()
	if err := w.grown(e); err != nil {
		wrong = append(wrong, fmt.Errorf("I16: %w", err))
	}
	return wrong
}

// lately is when something happened the last twenty times.
type lately struct {
	mu   sync.Mutex
	last []time.Time
}

func (l *lately) note(at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last = append(l.last[max(0, len(l.last)-19):], at)
}

// within returns how often it happened in so long, at most twenty.
func (l *lately) within(d time.Duration) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(slices.DeleteFunc(slices.Clone(l.last), func(at time.Time) bool { return time.Since(at) >= d }))
}

// event is something that happened.
type event struct {
	at   time.Time
	what string
}

func (w *world) note(what string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.begun = append(w.begun, event{time.Now(), what})
}

// story tells the last n events.
func (w *world) story(n int) string {
	w.mu.Lock()
	all := slices.Clone(w.begun)
	w.mu.Unlock()
	for _, c := range w.TG.Calls() {
		all = append(all, event{c.At, fmt.Sprintf("    telegram %s in %d: %d %s %s", c.Method, c.Chat, c.Code, c.Fault, c.Description)})
	}
	for _, r := range w.Panel.Requests() {
		var of []string
		for _, m := range r.Asked[:min(1, len(r.Asked))] {
			of = append(of, m.Text)
		}
		for _, m := range r.Given {
			of = append(of, fmt.Sprint(play.NumberOf(m.Text)))
		}
		all = append(all, event{r.At, fmt.Sprintf("    panel %s of %s: %s, answered %t, %.60q", r.Method, r.Caller, r.Answer, r.Answered, of)})
	}
	slices.SortStableFunc(all, func(a, b event) int { return a.at.Compare(b.at) })
	var text strings.Builder
	for _, e := range all[max(0, len(all)-n):] {
		fmt.Fprintf(&text, "%s %s\n", e.at.Format("02 15:04:05.000000"), e.what)
	}
	return text.String()
}

// tail keeps the last of a log.
type tail struct {
	mu   sync.Mutex
	text []byte
}

func (l *tail) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if *follow {
		os.Stderr.Write(b)
	}
	if l.text = append(l.text, b...); len(l.text) > 1<<16 {
		l.text = slices.Clone(l.text[1<<15:])
	}
	return len(b), nil
}

func (l *tail) last(lines int) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := strings.SplitAfter(string(bytes.TrimSpace(l.text)), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "")
}
