// Package cluster has several bridges take turns. One leads, which means that it runs, the others follow its store, and when it falls silent one of them
// leads. etcd decides who, and keeps what the store of the leader writes until all have it. A takeover is what a restart is: the store that opens is the one that the dead leader had when anything left it.
//
// These keys are all that is kept in etcd, below /peyk/NAME/:
//
//	leader             {holder, epoch, log}: who leads, for the how-manieth time, and which log. Nobody while holder is ""
//	log/ENTRY          the changes of one commit of the leader's store
//	part/ENTRY/EPOCH/N a piece of an entry that is too long for one key
//	want/ID            a follower asks for a copy of the leader's file
//	copy/ID/…          the copy on its way to it
//	member/NAME        what a member says of itself, for peyk check
//
// The leader renews its key every second, by a transaction that holds only while the key is as the renewal before left it, and was told so. For 3 seconds from the beginning of the last
// renewal that held it may act, which is asked before each write to the panel or to Telegram (Term.Guard). Whoever has seen no change of the key for 4
// seconds, in the last two of which etcd answered, puts itself in its place, if it is still as it was seen, and has the next epoch. So two never act at once, whatever the
// clocks show: only how fast they run matters, and the clock is one that goes on while the machine sleeps.
//
// Each commit is put into the log before the file has it, by a transaction that holds while the leader's key is its own and there is no such entry. If the
// answer is lost it is asked again, until it is known what became of it: an entry that stands is committed. Where it cannot be known the leader waits,
// and nothing leaves it. The new leader first takes the key, then reads what is left of the log, as no entry of the old epoch can come any more.
//
// What a member is to do next is decided by pure functions of what it has seen and of the time: decide in leader.go.
package cluster

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"peyk/internal/connect"
	"peyk/store"
)

// How long things take. What may be done for mayAct ends before anybody takes over after takeAfter, with a second to spare.
const (
	renewEvery = time.Second
	mayAct     = 3 * time.Second
	takeAfter  = 4 * time.Second
	lookEvery  = 250 * time.Millisecond
	askFor     = 900 * time.Millisecond // how long one question to etcd may take, before it is asked again, perhaps another server
	unheard    = time.Second            // who has not heard from etcd for that long does not know whether the leader was silent
	steadyFor  = 2 * time.Second        // how long etcd must have answered before it is the leader who is silent
)

// Config is what a Member needs.
type Config struct {
	Etcd    Etcd
	Name    string // of the bridge
	Self    string // of this member, unlike that of any other
	Path    string // of its file
	Version string // of the program
	Same    string // a hash of the settings that must be the same for all

	// Store is what the leader opens its store with.
	Store store.Options
	// Lead runs the bridge until ctx ends. When it returns the store is closed.
	Lead func(ctx context.Context, st *store.Store, t *Term) error

	Clock func() time.Duration // which goes on while the machine sleeps; the system's when nil
	Log   *slog.Logger         // nowhere when nil
}

// Member is one of the bridges. It is made by New and used by one Run.
type Member struct {
	Config
	prefix string

	differ bool // whether the settings of others were found to; of the goroutine that tells

	mu     sync.Mutex
	status Status
}

// Role is what a member is.
type Role string

const (
	Leading   Role = "leader"
	Following Role = "follower"
)

// Status is how a member is.
type Status struct {
	Role      Role
	Leader    string        // who leads, as far as is known; "" when nobody does
	Epoch     uint64        // of the leader
	Entry     uint64        // how many entries our file has
	Behind    time.Duration // how long ago a follower had all; for a leader, how long ago it knew that it leads
	Takeovers int           // how often this process took over
	Trouble   string        // what keeps it from its work; "" when nothing does
	Alive     time.Duration // how long ago it did anything
}

// New returns a member.
func New(c Config) *Member {
	if c.Clock == nil {
		c.Clock = bootTime
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	m := &Member{Config: c, prefix: "/peyk/" + c.Name + "/"}
	now := c.Clock()
	m.status = Status{Role: Following, Behind: now - keepFor, Alive: now} // nobody knows yet how far
	return m
}

// Status returns how the member is.
func (m *Member) Status() Status {
	m.mu.Lock()
	s := m.status
	m.mu.Unlock()
	now := m.Clock()
	s.Behind, s.Alive = now-s.Behind, now-s.Alive // noted as times
	return s
}

// note changes what Status returns. It logs each trouble when it begins, and when it is over.
func (m *Member) note(change func(*Status)) {
	m.mu.Lock()
	before := m.status.Trouble
	change(&m.status)
	m.status.Alive = m.Clock()
	now := m.status
	m.mu.Unlock()
	switch {
	case now.Trouble == before:
	case now.Trouble == "":
		m.Log.Info("cluster: all is well again", "role", string(now.Role))
	default:
		m.Log.Warn("cluster: "+now.Trouble, "role", string(now.Role))
	}
}

// Run takes part until ctx ends; then whoever leads ends its work, and gives up its place to another at once. The error is one that another start does not
// mend, such as that of a file that cannot be opened.
func (m *Member) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		f, err := store.Follow(m.Path, m.Store)
		if err != nil {
			return err
		}
		term, err := m.follow(ctx, f)
		if term == nil {
			if err := errors.Join(f.Close(), err); err != nil && ctx.Err() == nil {
				return err
			}
			continue
		}
		if err := m.lead(ctx, f, term); err != nil {
			return err
		}
	}
	return nil
}

// lead opens the store and has the bridge run, until ctx ends or somebody else leads. What keeps it from going on, but would not keep a restart or
// another member from it, ends only this term.
func (m *Member) lead(ctx context.Context, f *store.Follower, t *Term) (err error) {
	m.note(func(s *Status) {
		s.Role, s.Leader, s.Epoch = Leading, m.Self, t.office.Epoch
		s.Takeovers++
	})
	m.Log.Info("cluster: this member leads", "epoch", t.office.Epoch)
	opts := m.Store
	opts.Journal, opts.TakenOver = t.append, !t.first
	st, err := f.Lead(opts)
	if err == nil {
		t.store.Store(st)
		term, cancel := context.WithCancel(ctx)
		defer cancel()
		defer context.AfterFunc(t.ended, cancel)()
		// When the bridge gives up what it cannot write, so does the log.
		defer context.AfterFunc(ctx, func() { time.AfterFunc(lastWait, t.stopWaiting) })()
		err = m.Lead(term, st, t)
		err = errors.Join(err, st.Close())
	}
	lost := t.lost()
	t.stop()
	t.renewing.Wait()
	m.note(func(s *Status) { s.Role, s.Behind, s.Trouble = Following, m.Clock(), "" })
	switch {
	case lost != nil:
		m.Log.Warn("cluster: this member leads no longer", "err", lost)
		return nil
	case ctx.Err() == nil && errors.Is(err, store.ErrStuck): // the log has what the file did not take: it is to follow, and another may lead
		m.Log.Error("cluster: the file did not take what the log has", "err", err)
		err = nil
	}
	t.giveUp()
	return err
}

// lastWait is how long a leader that is to end waits for etcd: as long as a bridge does for its disk, and a little more.
const lastWait = 42 * time.Second

func (m *Member) do(ctx context.Context, t Txn) (Result, error) {
	ctx, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	return m.Etcd.Do(ctx, t)
}

func (m *Member) key(parts ...any) string { return m.prefix + fmt.Sprint(parts...) }

// errFenced is why nothing is written to a network.
var errFenced = errors.New("this member of the cluster may not act: it has not been confirmed as the leader for 3 seconds")

// Guard returns a dial whose connections refuse every write unless the term's member may act at that moment, and break when the term ends: whoever leads no
// longer waits for no answer. A leader that waits for etcd has its calls wait before they connect, so that they go on when it does.
func (t *Term) Guard(dial connect.Dial) connect.Dial {
	if dial == nil {
		dial = (&net.Dialer{}).DialContext
	}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		for !t.MayAct() {
			select {
			case <-time.After(lookEvery / 5):
				continue
			case <-ctx.Done():
			case <-t.ended.Done():
			case <-t.waiting.Done():
			}
			return nil, errFenced
		}
		conn, err := dial(ctx, network, address)
		if err == nil && !t.MayAct() { // it may have taken its time
			return nil, errors.Join(errFenced, conn.Close())
		}
		if err != nil {
			return nil, err
		}
		return guarded{conn, t, context.AfterFunc(t.ended, func() { conn.Close() })}, nil
	}
}

type guarded struct {
	net.Conn
	t    *Term
	stop func() bool
}

func (g guarded) Close() error {
	g.stop()
	return g.Conn.Close()
}

func (g guarded) Write(p []byte) (int, error) {
	if !g.t.MayAct() {
		return 0, errFenced
	}
	return g.Conn.Write(p)
}

// random returns a name that nobody else has.
func random() string { return rand.Text()[:13] }
