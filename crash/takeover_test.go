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
	"peyk/sandbox/sandboxtest"
	"peyk/store"
)

// machine is one of two, with a store of its own.
type machine struct {
	dir, address string // of its files, of /readyz
	bridge       *bridge
}

// pair is a world with two machines that take turns.
type pair struct {
	*world
	etcd     *cluster.Client
	name     string
	machines [2]*machine
	leader   *machine
}

func newPair(t testing.TB, seed uint64, servers *etcdtest.Servers) *pair {
	p := &pair{world: newWorld(t, seed), etcd: servers.Dial(), name: fmt.Sprint("seed-", seed)}
	p.environ = append(p.environ, "LOG_LEVEL=info", fmt.Sprintf("INBOX_CHATS=%d,%d", p.Group, p.Sara))
	for i := range p.machines {
		m := &machine{dir: filepath.Join(p.dir, fmt.Sprint("machine", i)), address: freeAddress(t)}
		if err := os.Mkdir(m.dir, 0o700); err != nil {
			t.Fatal(err)
		}
		p.machines[i] = m
		t.Cleanup(func() {
			if m.bridge != nil {
				m.bridge.kill()
			}
		})
		p.run(m, servers)
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

func (p *pair) run(m *machine, servers *etcdtest.Servers) {
	m.bridge = startBridge(p, m.dir, slices.Concat(p.environ, []string{
		"CLUSTER=" + strings.Join(servers.Endpoints(), ","), "CLUSTER_NAME=" + p.name, "HTTP_ADDR=" + m.address,
	}), exec.Command(p.program))
}

// ready waits until a machine is ready as what it is to be.
func (p *pair) ready(m *machine, role string) {
	p.Helper()
	p.await(func() error {
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
		if answer.StatusCode != http.StatusOK || !strings.HasPrefix(string(said), role) {
			return fmt.Errorf("%s is not ready as %s: %d %s", m.dir, role, answer.StatusCode, said)
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
			p.Fatalf("%v\n%s\n%s", err, logTail(p.machines[0].dir, 20), logTail(p.machines[1].dir, 20))
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

// ways for a machine to fall silent.
const (
	byKill = "kill -9"
	byTerm = "SIGTERM"
	byStop = "SIGSTOP"
	byBoth = "kill -9 of it and of etcd's leader"
)

// takeOver has the leader fall silent, and returns how long nobody called a network.
func (p *pair) takeOver(way string, servers *etcdtest.Servers) time.Duration {
	p.Helper()
	p.Mu.Lock()
	p.fail()
	p.idle = 10 + p.Rand.IntN(20)
	before := 2 + p.Rand.IntN(6)
	moment := time.Duration(p.Rand.Int64N(int64(1500 * time.Millisecond)))
	asleep := time.Duration(p.Rand.Int64N(int64(12 * time.Second)))
	p.Mu.Unlock()
	for range before {
		p.Act()
	}
	<-time.After(moment)
	killed := -1
	if way == byBoth {
		killed = servers.Leader(p.etcd)
	}
	old, begun := p.leader, time.Now()
	known := p.terms()
	switch way {
	case byBoth:
		old.bridge.kill()
		if killed >= 0 {
			servers.Kill(killed)
		}
	case byKill:
		old.bridge.kill()
	case byTerm:
		if err := old.bridge.end(); err != nil {
			p.Error(err)
		}
	case byStop:
		old.bridge.cmd.Process.Signal(syscall.SIGSTOP)
	}
	var next term
	p.await(func() error {
		all := p.terms()
		if next = all[len(all)-1]; len(all) == len(known) {
			return fmt.Errorf("nobody leads after %s of %s", way, old.dir)
		}
		return nil
	})
	var silence time.Duration
	p.await(func() error {
		p.Mu.Lock()
		defer p.Mu.Unlock()
		if silence = p.heard.Sub(begun); !p.heard.After(next.at.Add(time.Millisecond)) {
			return fmt.Errorf("%s leads and calls nobody", next.dir)
		}
		return nil
	})
	p.mend()
	if killed >= 0 {
		servers.Run(killed)
	}
	if way == byStop {
		<-time.After(max(0, asleep-time.Since(begun)))
		old.bridge.cmd.Process.Signal(syscall.SIGCONT)
	} else {
		p.run(old, servers)
	}
	// A busy machine may have had them change places once more.
	all := p.terms()
	p.leader = all[len(all)-1].machine
	p.bridge = p.leader.bridge
	for _, m := range p.machines {
		if m != p.leader {
			p.ready(m, "follower of")
		}
	}
	p.Mu.Lock()
	p.idle = 0
	p.Mu.Unlock()
	return silence
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
		r, err := p.etcd.Do(context.Background(), cluster.Txn{Then: []cluster.Op{{Key: from, To: strings.TrimSuffix(prefix, "/") + "0", Limit: 256}}})
		if err != nil {
			p.Fatal(err)
		}
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

// TestTakeovers has real machines fall silent on a real etcd of three servers, again and again: PEYK_TAKEOVERS of them. The other goes on, and every
// invariant holds as after a restart.
func TestTakeovers(t *testing.T) {
	t.Parallel()
	takeovers, first := number(t, "PEYK_TAKEOVERS", 4), uint64(time.Now().UnixNano())
	if seed := number(t, "PEYK_SEED", 0); seed != 0 {
		first, takeovers = uint64(seed), takeoversEach
	}
	servers := etcdtest.Start(t, 3)
	var mu sync.Mutex
	silences := map[string][]time.Duration{}
	slots := make(chan struct{}, 4)
	var pairs sync.WaitGroup
	for seed := first; takeovers > 0; seed, takeovers = seed+1, takeovers-takeoversEach {
		n, alone := min(takeovers, takeoversEach), takeovers > takeoversEach && seed%8 == 7 // with an etcd whose leader is killed, too
		slots <- struct{}{}
		pairs.Go(func() {
			defer func() { <-slots }()
			t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
				servers := servers
				if alone {
					servers = etcdtest.Start(t, 3)
				}
				p := newPair(t, seed, servers)
				for range n {
					p.Mu.Lock()
					way := []string{byKill, byKill, byTerm, byStop}[p.Rand.IntN(4)]
					if alone {
						way = byBoth
					}
					p.Mu.Unlock()
					silence := p.takeOver(way, servers)
					t.Logf("%s: silent for %v", way, silence.Round(time.Millisecond))
					mu.Lock()
					silences[way] = append(silences[way], silence)
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

// histogram tells how long nobody led.
func histogram(silences map[string][]time.Duration) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-34s %6s %8s %8s %8s %8s\n", "way", "n", "least", "median", "99 %", "most")
	for _, way := range []string{byKill, byTerm, byStop, byBoth} {
		all := slices.Sorted(slices.Values(silences[way]))
		if len(all) == 0 {
			continue
		}
		at := func(share float64) time.Duration {
			return all[int(share*float64(len(all)-1)+0.5)].Round(10 * time.Millisecond)
		}
		fmt.Fprintf(&b, "%-34s %6d %8v %8v %8v %8v\n", way, len(all), at(0), at(0.5), at(0.99), at(1))
	}
	return b.String()
}
