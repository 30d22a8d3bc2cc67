package crash

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
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

	"peyk/cluster"
	"peyk/cluster/etcdtest"
	"peyk/internal/play"
	"peyk/sandbox/sandboxtest"
	"peyk/store"
)

// machine is one of two, with a store of its own.
type machine struct {
	dir, address string         // of its files, of /readyz
	gate         *etcdtest.Gate // between it and etcd
	etcd         []string       // the addresses by which it reaches etcd
	bridge       *bridge
}

// pair is a world with two machines that take turns.
type pair struct {
	*world
	servers  *etcdtest.Servers
	etcd     *cluster.Client
	name     string
	machines [2]*machine
	leader   *machine
}

// newPair starts both; environ is added to their environment.
func newPair(t testing.TB, seed uint64, servers *etcdtest.Servers, environ ...string) *pair {
	p := &pair{world: newWorld(t, seed), servers: servers, etcd: servers.Dial(), name: fmt.Sprint("seed-", seed)}
	p.environ = slices.Concat(p.environ, []string{"LOG_LEVEL=info", fmt.Sprintf("INBOX_CHATS=%d,%d", p.Group, p.Sara)}, environ)
	for i := range p.machines {
		m := &machine{dir: filepath.Join(p.dir, fmt.Sprint("machine", i)), address: freeAddress(t), gate: new(etcdtest.Gate)}
		if err := os.Mkdir(m.dir, 0o700); err != nil {
			t.Fatal(err)
		}
		for _, at := range servers.Endpoints() {
			m.etcd = append(m.etcd, "http://"+etcdtest.Forward(t, strings.TrimPrefix(at, "http://"), func(net.Conn) *etcdtest.Gate { return m.gate }))
		}
		p.machines[i] = m
		t.Cleanup(func() {
			if m.bridge != nil {
				m.bridge.kill()
			}
		})
		p.run(m)
		if i == 0 {
			p.Mu.Lock()
			p.NoteStart(m.bridge.started, false, time.Time{})
			p.Mu.Unlock()
			p.leader, p.bridge = m, m.bridge
		}
		p.ready(m, []string{"leader", "follower of"}[i])
	}
	return p
}

// freeAddress returns one that no other process takes meanwhile.
func freeAddress(t testing.TB) string {
	l, err := net.Listen("tcp", net.JoinHostPort(sandboxtest.OwnHost(), "0"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// asks is for how long an answer is waited for: a machine that was stopped gives none.
var asks = http.Client{Timeout: patience}

func (p *pair) run(m *machine) { p.runAs(m, exec.Command(p.program)) }

func (p *pair) runAs(m *machine, command *exec.Cmd) {
	m.bridge = startBridge(p, m.dir, p.environOf(m), command)
}

func (p *pair) environOf(m *machine) []string {
	return slices.Concat(p.environ, []string{"CLUSTER=" + strings.Join(m.etcd, ","), "CLUSTER_NAME=" + p.name, "HTTP_ADDR=" + m.address})
}

// ready waits until a machine is ready as what it is to be.
func (p *pair) ready(m *machine, role string) {
	p.Helper()
	p.await(func() error { return p.says(m, http.StatusOK, role) })
}

// says returns an error unless a machine says words of itself.
func (p *pair) says(m *machine, status int, words ...string) error {
	p.Helper()
	select {
	case <-m.bridge.gone:
		p.Fatalf("%s ended by itself: %v\n%s", m.dir, m.bridge.state, logTail(m.dir, 20))
	default:
	}
	answer, err := asks.Get("http://" + m.address + "/readyz")
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	said, _ := io.ReadAll(answer.Body)
	if answer.StatusCode != status || slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(string(said), w) }) {
		return fmt.Errorf("%s says %d %s, and not %d %q", m.dir, answer.StatusCode, said, status, words)
	}
	return nil
}

// settles waits until one of the machines leads and calls the networks, and the other follows: on a busy machine they may change places once more.
func (p *pair) settles() {
	p.Helper()
	p.await(func() error {
		all := p.terms()
		p.leader = all[len(all)-1].machine
		p.bridge = p.leader.bridge
		for _, m := range p.machines {
			role := "follower of "
			if m == p.leader {
				role = "leader, "
			}
			if err := p.says(m, http.StatusOK, role); err != nil {
				return err
			}
		}
		p.Mu.Lock()
		defer p.Mu.Unlock()
		if p.still == 0 || !p.acted.After(all[len(all)-1].at) {
			return fmt.Errorf("%s leads and calls nobody", p.leader.dir)
		}
		return nil
	})
}

func (p *pair) await(done func() error) {
	p.Helper()
	for late := time.Now().Add(2 * patience); ; time.Sleep(20 * time.Millisecond) {
		err := done()
		if err == nil {
			return
		}
		if time.Now().After(late) {
			for _, m := range p.machines {
				if m != nil {
					p.Logf("%s:\n%s", m.dir, logTail(m.dir, 20))
				}
			}
			p.Logf("etcd:\n%s", p.servers.Tell())
			p.Fatal(err)
		}
	}
}

// term is what a machine's log says of a time in which it led.
type term struct {
	*machine
	epoch   uint64
	at      time.Time
	givenUp bool
}

var termLine = regexp.MustCompile(`(?m)^time=(\S+) .*msg="cluster: this member (leads|has given up its place)" epoch=(\d+)$`)

// terms returns what all logs say, in their order.
func (p *pair) terms() (all []term) {
	for _, m := range p.machines {
		log, err := os.ReadFile(filepath.Join(m.dir, "log"))
		if err != nil {
			p.Fatal(err)
		}
		for _, line := range termLine.FindAllStringSubmatch(string(log), -1) {
			at, err := time.Parse(time.RFC3339Nano, line[1])
			epoch, failed := strconv.ParseUint(line[3], 10, 64)
			if err := errors.Join(err, failed); err != nil {
				p.Fatal(err)
			}
			if line[2] == "leads" {
				all = append(all, term{machine: m, epoch: epoch, at: at})
			} else {
				all[len(all)-1].givenUp = true
			}
		}
	}
	slices.SortFunc(all, func(a, b term) int { return cmp.Compare(a.epoch, b.epoch) })
	return all
}

// way is how a leader falls silent, or etcd.
type way struct {
	name  string
	alone bool // etcd suffers, too: the pair has one of its own
	stays bool // the same member is to go on
	disk  bool // it needs a disk that can be filled
	ends  bool // it ends by itself: what is short nobody takes over from

	// harm does it to the leader, for so long, unless that says nothing. mend, if not nil, ends it.
	harm func(p *pair, old *machine, lasts time.Duration) (mend func())
}

// ways are the rows of the histogram.
var ways = []way{
	{name: "kill -9", harm: func(p *pair, old *machine, _ time.Duration) func() {
		old.bridge.kill()
		return func() { p.run(old) }
	}},
	{name: "SIGTERM", harm: func(p *pair, old *machine, _ time.Duration) func() {
		if err := old.bridge.end(); err != nil {
			p.Error(err)
		}
		return func() { p.run(old) }
	}},
	{name: "SIGSTOP", ends: true, harm: func(p *pair, old *machine, _ time.Duration) func() {
		old.bridge.cmd.Process.Signal(syscall.SIGSTOP)
		return func() { old.bridge.cmd.Process.Signal(syscall.SIGCONT) }
	}},
	{name: "a cut between it and etcd", ends: true, harm: cut(true, true)},
	{name: "a cut to etcd", ends: true, harm: cut(true, false)},
	{name: "a cut from etcd", ends: true, harm: cut(false, true)},
	{name: "kill -9 of its follower, again and again", stays: true, harm: func(p *pair, old *machine, lasts time.Duration) func() {
		p.followerDies(old, lasts, false)
		return nil
	}},
	{name: "its follower's file lost, as 1,000 SMS a minute come", stays: true, harm: func(p *pair, old *machine, lasts time.Duration) func() {
		p.followerDies(old, lasts, true)
		return nil
	}},
	{name: "kill -9 of it and of etcd's leader", alone: true, harm: func(p *pair, old *machine, _ time.Duration) func() {
		first := p.etcdLeader()
		old.bridge.kill()
		p.servers.Kill(first)
		return func() {
			p.servers.Run(first)
			p.run(old)
		}
	}},
	{name: "kill -9 of etcd's leader", alone: true, stays: true, harm: func(p *pair, _ *machine, _ time.Duration) func() {
		first := p.etcdLeader()
		p.servers.Kill(first)
		return func() { p.servers.Run(first) }
	}},
	{name: "a cut between etcd's leader and the others", alone: true, stays: true, harm: func(p *pair, _ *machine, _ time.Duration) func() {
		first := p.etcdLeader()
		p.servers.Isolate(first, true)
		return func() { p.servers.Isolate(first, false) }
	}},
	{name: "etcd's quota used up, once there is room", alone: true, stays: true, harm: (*pair).useUpQuota},
	{name: "etcd's disk full, once it runs again", alone: true, stays: true, disk: true, harm: (*pair).fillDisk},
}

func cut(there, back bool) func(*pair, *machine, time.Duration) func() {
	return func(_ *pair, old *machine, _ time.Duration) func() {
		old.gate.Shut(there, back)
		return func() { old.gate.Shut(false, false) }
	}
}

// etcdLeader returns which server leads etcd, waiting until one does.
func (p *pair) etcdLeader() (first int) {
	p.Helper()
	p.await(func() error {
		if first = p.servers.Leader(p.etcd); first < 0 {
			return errors.New("no server of etcd says that it leads")
		}
		return nil
	})
	return first
}

// waits waits until a leader says that it waits for etcd, and why, and nobody fetches, sends or shows anything any more.
func (p *pair) waits(why string) {
	p.Helper()
	p.await(func() (err error) {
		for _, m := range p.machines {
			one := p.says(m, http.StatusServiceUnavailable, "leader, ", "waits for etcd: ", why)
			if one == nil {
				return nil
			}
			err = errors.Join(err, one)
		}
		return err
	})
	p.await(func() error {
		p.Mu.Lock()
		defer p.Mu.Unlock()
		if time.Since(p.acted) < 2*time.Second {
			return errors.New("the leader says that it waits for etcd, and goes on")
		}
		return nil
	})
}

// followerDies kills the other machine again and again, each time at a moment of its start or after it, or with its file when it has one like the leader's;
// meanwhile, then, 1,000 SMS a minute come.
func (p *pair) followerDies(leader *machine, lasts time.Duration, file bool) {
	p.Helper()
	other := p.machines[0]
	if other == leader {
		other = p.machines[1]
	}
	ended, written := make(chan struct{}), make(chan struct{})
	defer func() {
		close(ended)
		<-written
	}()
	go func() {
		defer close(written)
		for file {
			select {
			case <-ended:
				return
			case <-time.After(time.Minute / 1000):
				p.Mu.Lock()
				p.CustomersWrite(1)
				p.Mu.Unlock()
			}
		}
	}()
	for begun, again := time.Now(), true; again; again = time.Since(begun) < lasts {
		other.bridge.kill()
		if file {
			if err := os.RemoveAll(filepath.Join(other.dir, "data")); err != nil {
				p.Fatal(err)
			}
			p.run(other)
			p.ready(other, " s behind")
			continue
		}
		p.run(other)
		p.Mu.Lock()
		moment := time.Duration(p.Rand.Int64N(int64(time.Second)))
		p.Mu.Unlock()
		<-time.After(moment)
	}
}

// etcdQuota is that of etcd where it is to be used up.
const etcdQuota = 24 << 20

// useUpQuota fills etcd with keys that are not ours, until it takes no more, and makes room again.
func (p *pair) useUpQuota(_ *machine, lasts time.Duration) func() {
	p.Helper()
	filler := make([]byte, 1<<20)
	for i := 0; ; i++ {
		ctx, cancel := context.WithTimeout(p.Context(), patience)
		_, err := p.etcd.Do(ctx, cluster.Txn{Then: []cluster.Op{{Key: fmt.Sprint("filler/", i), Put: filler}}})
		cancel()
		if errors.Is(err, cluster.ErrNoRoom) {
			break
		}
		if i == 2*etcdQuota>>20 {
			p.Fatalf("etcd takes %d MB: %v", i, err)
		}
	}
	p.waits("quota")
	<-time.After(lasts)
	ask := func(path string, question, answer any) {
		p.Helper()
		p.await(func() error {
			ctx, cancel := context.WithTimeout(p.Context(), patience)
			defer cancel()
			return p.etcd.Ask(ctx, path, question, answer)
		})
	}
	p.makeRoom()
	var alarms struct {
		All []struct {
			Member string `json:"memberID"`
			Alarm  string `json:"alarm"`
		} `json:"alarms"`
	}
	ask("/v3/maintenance/alarm", map[string]string{"action": "GET"}, &alarms)
	if len(alarms.All) == 0 {
		p.Error("etcd took nothing, and raised no alarm")
	}
	p.begun()
	for _, a := range alarms.All {
		ask("/v3/maintenance/alarm", map[string]string{"action": "DEACTIVATE", "memberID": a.Member, "alarm": a.Alarm}, &struct{}{})
	}
	return nil
}

// makeRoom removes what etcd was filled with, as doc/cluster.md says.
func (p *pair) makeRoom() {
	p.Helper()
	p.await(func() error {
		ctx, cancel := context.WithTimeout(p.Context(), patience)
		defer cancel()
		r, err := p.etcd.Do(ctx, cluster.Txn{Then: []cluster.Op{{Key: "filler/", To: "filler0", Delete: true}}})
		if err == nil {
			err = p.etcd.Compact(ctx, r.Revision)
		}
		return err
	})
	for i := range p.servers.Endpoints() {
		p.await(func() error { // it may break a connection meanwhile
			p.servers.RunAgain()
			return p.servers.Defragment(i)
		})
	}
}

// fillDisk fills the disk of all servers of etcd, which end of it, and starts them again when there is room.
func (p *pair) fillDisk(_ *machine, lasts time.Duration) func() {
	p.Helper()
	path := filepath.Join(p.servers.Dir, "filler")
	filler, err := os.Create(path)
	if err != nil {
		p.Fatal(err)
	}
	for b := make([]byte, 1<<20); len(b) > 0; { // to the last byte
		if n, err := filler.Write(b); err != nil {
			b = b[:min(n, len(b)/2)]
		}
	}
	filler.Close()
	for failed, puts := 0, 0; failed < 2 && puts < etcdQuota>>20; puts++ { // until etcd's file has to grow: much of it may be free
		ctx, cancel := context.WithTimeout(p.Context(), takesOver)
		_, err := p.etcd.Do(ctx, cluster.Txn{Then: []cluster.Op{{Key: "filler/disk", Put: make([]byte, 1<<20)}}})
		cancel()
		if err != nil {
			failed++
		}
	}
	p.waits("")
	<-time.After(lasts)
	if err := os.Remove(path); err != nil {
		p.Error(err)
	}
	for i := range p.servers.Endpoints() {
		p.servers.Kill(i)
	}
	p.begun()
	for i := range p.servers.Endpoints() {
		p.servers.Run(i)
	}
	return p.makeRoom // else its quota is used up some time
}

// begun has it counted from now on how long nobody does anything.
func (p *pair) begun() {
	p.Mu.Lock()
	defer p.Mu.Unlock()
	p.acted, p.still = time.Now(), 0
}

// takesOver is how long what a leader does not survive must last.
const takesOver = 5 * time.Second

// takeOver has the leader fall silent for so long, and returns how long nobody fetched, sent or showed anything.
func (p *pair) takeOver(w way, lasts time.Duration) time.Duration {
	p.Helper()
	takes := !w.stays && !(w.ends && lasts < takesOver)
	p.Mu.Lock()
	if takes { // else it is the same process that goes on, after pauses that it makes when networks fail
		p.fail()
	}
	p.idle = 10 + p.Rand.IntN(20)
	before := 2 + p.Rand.IntN(6)
	moment := time.Duration(p.Rand.Int64N(int64(1500 * time.Millisecond)))
	p.Mu.Unlock()
	for range before {
		p.Act()
	}
	<-time.After(moment)
	p.servers.RunAgain()
	known := p.terms()
	p.leader = known[len(known)-1].machine
	p.begun()
	begun := time.Now()
	mend := w.harm(p, p.leader, lasts)
	if takes {
		p.await(func() error {
			if len(p.terms()) == len(known) {
				return fmt.Errorf("nobody leads after %s of %s", w.name, p.leader.dir)
			}
			return nil
		})
	}
	p.mend()
	if mend != nil {
		<-time.After(max(0, lasts-time.Since(begun)))
		mend()
	}
	p.settles()
	p.Mu.Lock()
	defer p.Mu.Unlock()
	p.idle = 0
	return p.still
}

// finish ends both machines, notes who led when, and has the last leader's file be that of a machine alone.
func (p *pair) finish() {
	p.Helper()
	for _, m := range p.machines {
		if m != p.leader {
			if err := m.bridge.end(); err != nil {
				p.Error(err)
			}
		}
	}
	if err := p.leader.bridge.end(); err != nil {
		p.Error(err)
	}
	all := p.terms()
	p.leader = all[len(all)-1].machine
	marks := p.marks()
	p.Mu.Lock()
	for i, t := range all[1:] {
		broken, mark := !all[i].givenUp, time.Time{}
		if broken {
			mark = marks[t.epoch]
		}
		p.NoteTakeover(t.at, broken, mark)
	}
	p.Mu.Unlock()
	p.dir = p.leader.dir
	p.bridge = p.leader.bridge
}

// marks returns which fetch was in flight when each epoch began, by following the log from its beginning.
func (p *pair) marks() map[uint64]time.Time {
	p.Helper()
	f, err := store.Follow(filepath.Join(p.dir, "all.db"), store.Options{})
	if err == nil {
		err = f.Begin("all")
	}
	if err != nil {
		p.Fatal(err)
	}
	defer func() { f.Close() }()
	prefix := "/peyk/" + p.name + "/log/"
	marks, last := map[uint64]time.Time{}, uint64(0)
	for from := prefix; ; {
		var r cluster.Result
		p.await(func() (err error) {
			r, err = p.etcd.Do(context.Background(), cluster.Txn{Then: []cluster.Op{{Key: from, To: strings.TrimSuffix(prefix, "/") + "0", Limit: 256}}})
			return err
		})
		if len(r.Reads[0]) == 0 {
			return marks
		}
		for _, e := range r.Reads[0] {
			epoch, n := binary.Uvarint(e.Value[1:])
			parts, k := binary.Uvarint(e.Value[1+n:])
			if n <= 0 || k <= 0 || parts != 0 {
				p.Fatalf("%s is not an entry", e.Key)
			}
			if epoch != last {
				if _, entry := f.Place(); entry > 0 {
					copied := filepath.Join(p.dir, "mark.db")
					file, err := os.Create(copied)
					if err == nil {
						err = errors.Join(file.Chmod(0o600), f.Backup(file), file.Close())
					}
					if err != nil {
						p.Fatal(err)
					}
					marks[epoch] = p.FetchMark(copied, filepath.Join(p.dir, "mark2.db"))
				}
				last = epoch
			}
			entry, err := strconv.ParseUint(strings.TrimPrefix(e.Key, prefix), 10, 64)
			if err == nil {
				err = f.Apply(entry, store.Changes(e.Value[1+n+k:]))
			}
			if err != nil {
				p.Fatal(err)
			}
			from = e.Key + "\x00"
		}
	}
}

// takeoversEach is how many a pair sees.
const takeoversEach = 4

// TestTakeovers has real machines fall silent on a real etcd of three servers, again and again: PEYK_TAKEOVERS of them, in all ways, which last up to a
// minute; without that a few, on an etcd that all is well with. The other goes on, and every invariant holds as after a restart.
func TestTakeovers(t *testing.T) {
	t.Parallel()
	takeovers, first := number(t, "PEYK_TAKEOVERS", 0), uint64(time.Now().UnixNano())
	least, most, all := time.Duration(0), time.Minute, true
	if takeovers == 0 {
		takeovers, least, most, all = takeoversEach, takesOver, 8*time.Second, false
	}
	if seed := number(t, "PEYK_SEED", 0); seed != 0 {
		first, takeovers = uint64(seed), takeoversEach
	}
	servers := etcdtest.StartWith(t, 3, etcdtest.Options{Dir: play.InMemory(t)}) // a slow disk would only be one more busy machine
	var mu sync.Mutex
	silences := map[string][]time.Duration{}
	slots := make(chan struct{}, 5)
	var pairs sync.WaitGroup
	for seed := first; takeovers > 0; seed, takeovers = seed+1, takeovers-takeoversEach {
		n, alone := min(takeovers, takeoversEach), all && seed%5 < 2
		slots <- struct{}{}
		pairs.Go(func() {
			defer func() { <-slots }()
			t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
				servers, ways := servers, waysOf(alone, os.Getenv("PEYK_WAY"))
				if len(ways) == 0 {
					t.Skip("PEYK_WAY names none of these")
				}
				if alone {
					servers = etcdtest.StartWith(t, 3, etcdtest.Options{Args: []string{"--quota-backend-bytes", fmt.Sprint(etcdQuota)}, Dir: smallDisk(t, &ways), Gates: true})
				}
				p := newPair(t, seed, servers)
				for range n {
					p.Mu.Lock()
					w := ways[p.Rand.IntN(len(ways))]
					lasts := least + time.Duration(p.Rand.Int64N(int64(most-least)))
					if !w.ends {
						lasts /= 6 // nobody waits for it
					}
					p.Mu.Unlock()
					silence := p.takeOver(w, lasts)
					t.Logf("%s, for %v: silent for %v", w.name, lasts.Round(time.Millisecond), silence.Round(time.Millisecond))
					mu.Lock()
					silences[w.row(lasts)] = append(silences[w.row(lasts)], silence)
					mu.Unlock()
				}
				p.finish()
				e, err := p.rest()
				if err != nil {
					t.Error(err)
				} else {
					for _, err := range e.Violations() {
						t.Errorf("seed %d: %v", seed, err)
					}
					if err := e.Store.Close(); err != nil {
						t.Error(err)
					}
				}
				if t.Failed() {
					t.Logf("last words:\n%s\n%s", logTail(p.machines[0].dir, 40), logTail(p.machines[1].dir, 40))
				}
			})
		})
	}
	pairs.Wait()
	t.Log("\n" + histogram(silences))
}

// waysOf are those of pairs that have an etcd of their own, or of the others, whose names begin like that.
func waysOf(alone bool, like string) (found []way) {
	for _, w := range ways {
		if w.alone == alone && strings.HasPrefix(w.name, like) {
			found = append(found, w)
		}
	}
	return found
}

// row is where w counts when it lasts so long.
func (w way) row(lasts time.Duration) string {
	if w.ends && lasts < takesOver {
		return w.name + below
	}
	return w.name
}

const below = ", below 5 s"

// histogram tells how long nobody fetched, sent or showed anything.
func histogram(silences map[string][]time.Duration) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-54s %6s %8s %8s %8s %8s\n", "way", "n", "least", "median", "99 %", "most")
	for _, w := range ways {
		for _, row := range []string{w.name, w.name + below} {
			all := slices.Sorted(slices.Values(silences[row]))
			if len(all) == 0 {
				continue
			}
			at := func(share float64) time.Duration {
				return all[int(share*float64(len(all)-1)+0.5)].Round(10 * time.Millisecond)
			}
			fmt.Fprintf(&b, "%-54s %6d %8v %8v %8v %8v\n", row, len(all), at(0), at(0.5), at(0.99), at(1))
		}
	}
	return b.String()
}
