package cluster_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"peyk/cluster"
	"peyk/cluster/etcdtest"
	"peyk/internal/play"
	"peyk/store"
)

var (
	plays = flag.Int("plays", 1, "how many plays TestPlay plays")
	seed  = flag.Uint64("seed", 0, "of the first")
)

// stage is an etcd in memory with members that lead or follow, fail and come back.
type stage struct {
	testing.TB
	*rand.Rand
	etcd  etcdtest.Model
	dir   string
	nodes []*node

	mu     sync.Mutex
	terms  []*cluster.Term
	acked  []string // what a leader was told is stored
	last   time.Time
	counts map[string]int
}

// node is one machine.
type node struct {
	*stage
	name string
	path string
	log  *slog.Logger // nowhere when nil

	mu     sync.Mutex
	cut    bool // nothing reaches etcd
	deaf   bool // no answer comes back
	slow   time.Duration
	thaw   chan struct{} // nil: it runs
	cancel context.CancelFunc
	ended  chan struct{}
	member *cluster.Member
}

func newStage(t testing.TB, seed uint64, n int) *stage {
	s := &stage{TB: t, Rand: rand.New(rand.NewPCG(seed, 7)), dir: play.InMemory(t), counts: map[string]int{}}
	for i := range n {
		name := fmt.Sprint("m", i)
		s.nodes = append(s.nodes, &node{stage: s, name: name, path: filepath.Join(s.dir, name, "peyk.db")})
	}
	return s
}

// start starts the process of a machine.
func (n *node) start() {
	ctx, cancel := context.WithCancel(context.Background())
	n.mu.Lock()
	n.cut, n.deaf, n.slow, n.thaw = false, false, 0, nil
	n.cancel, n.ended = cancel, make(chan struct{})
	link := &etcdtest.Link{Model: &n.etcd, Ask: n.ask, Answer: n.answer}
	m := cluster.New(cluster.Config{Etcd: link, Name: "peyk", Self: n.name, Path: n.path, Lead: n.lead, Log: n.log,
		Clock: func() time.Duration { return time.Since(began) }})
	n.member = m
	ended := n.ended
	n.mu.Unlock()
	go func() {
		defer close(ended)
		err := m.Run(ctx)
		n.mu.Lock()
		cut := n.cut
		n.mu.Unlock()
		if err != nil && !cut {
			n.Errorf("%s: %v", n.name, err)
		}
	}()
}

var began = time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC) // before any bubble's

// end ends the process, which says so to etcd.
func (n *node) end() {
	n.cancel()
	<-n.ended
}

// kill cuts the process off before it ends it, so that nobody hears of it.
func (n *node) kill() {
	n.mu.Lock()
	n.cut = true
	n.mu.Unlock()
	n.resume()
	n.cancel()
}

func (n *node) stop() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.thaw == nil {
		n.thaw = make(chan struct{})
	}
}

func (n *node) resume() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.thaw != nil {
		close(n.thaw)
		n.thaw = nil
	}
}

// runs waits while the process is stopped.
func (n *node) runs() {
	n.mu.Lock()
	thaw := n.thaw
	n.mu.Unlock()
	if thaw != nil {
		<-thaw
	}
}

func (n *node) travel(ctx context.Context, lost bool) error {
	n.mu.Lock()
	cut, slow := n.cut, n.slow
	n.mu.Unlock()
	n.runs()
	if cut || lost {
		<-ctx.Done()
		return etcdtest.ErrLost
	}
	select {
	case <-time.After(time.Millisecond + slow):
		return nil
	case <-ctx.Done():
		return etcdtest.ErrLost
	}
}

func (n *node) ask(ctx context.Context) error { return n.travel(ctx, false) }

func (n *node) answer(ctx context.Context) error {
	n.mu.Lock()
	deaf := n.deaf
	n.mu.Unlock()
	return n.travel(ctx, deaf)
}

// lead is the bridge: it stores one thing after the other.
func (n *node) lead(ctx context.Context, st *store.Store, t *cluster.Term) error {
	n.stage.mu.Lock()
	n.terms = append(n.terms, t)
	n.counts["terms"]++
	long := n.counts["terms"]%4 == 1
	n.stage.mu.Unlock()
	for i := 0; ctx.Err() == nil; i++ {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(250 * time.Millisecond):
		}
		n.runs()
		if !t.MayAct() {
			continue
		}
		n.oneActs()
		body := fmt.Sprintf("%s of %p, %d", n.name, t, i)
		if i%100 == 7 && long {
			body += string(make([]byte, 900<<10)) // in parts, as it is longer in its row
		}
		_, err := st.SaveRaw(store.Raw{Body: []byte(body)})
		switch {
		case err == nil:
			n.stage.mu.Lock()
			n.acked = append(n.acked, body)
			n.last = time.Now()
			n.counts["stored"]++
			n.stage.mu.Unlock()
		case !errors.Is(err, store.ErrStuck):
			return err
		default:
			return nil // somebody else leads, or it was cut off to the end
		}
	}
	return nil
}

// oneActs checks that at most one member may act.
func (s *stage) oneActs() {
	s.mu.Lock()
	defer s.mu.Unlock()
	acting := 0
	for _, t := range s.terms {
		if t.MayAct() {
			acting++
		}
	}
	if acting > 1 {
		s.Errorf("%d members may act at once", acting)
	}
}

// calm waits until a leader stores again, and returns how long nothing was stored.
func (s *stage) calm(within time.Duration) time.Duration {
	s.Helper()
	s.mu.Lock()
	before := s.last
	s.mu.Unlock()
	for begun := time.Now(); ; {
		s.mu.Lock()
		last := s.last
		s.mu.Unlock()
		if last.After(before) && last.After(begun) {
			return last.Sub(before)
		}
		if time.Since(begun) > within {
			s.Errorf("nothing is stored for %v: %+v", time.Since(before), s.states())
			return time.Since(before)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func (s *stage) states() (all []cluster.Status) {
	for _, n := range s.nodes {
		if n.member != nil { // it was started
			all = append(all, n.member.Status())
		}
	}
	return all
}

// leader returns the machine whose process leads, nil if none does. Who does not hear of etcd does not know that another leads by now.
func (s *stage) leader() (found *node) {
	epoch := uint64(0)
	for _, n := range s.nodes {
		if st := n.member.Status(); st.Role == cluster.Leading && st.Epoch > epoch {
			found, epoch = n, st.Epoch
		}
	}
	return found
}

// finish ends all, and looks at the files: each holds all that was stored by then, once, and nothing that the leader's does not hold.
func (s *stage) finish() {
	s.Helper()
	leader := s.leader()
	for range 20 { // until one has led for a while: others may not know yet that they do no longer
		was := leader
		time.Sleep(5 * time.Second)
		if leader = s.leader(); leader != nil && leader == was && leader.member.Status().Behind < 2*time.Second {
			break
		}
	}
	s.mu.Lock()
	stored := slices.Clone(s.acked)
	s.mu.Unlock()
	time.Sleep(time.Second)
	for _, n := range s.nodes {
		if n != leader {
			s.level(n, leader)
		}
	}
	for _, n := range s.nodes { // the others stop before anything more is written
		if n != leader {
			n.end()
		}
	}
	leader.end()
	all := s.bodies(leader)
	for i, body := range all {
		if slices.Contains(all[:i], body) {
			s.Errorf("%.60q is there twice", body)
		}
	}
	for _, n := range s.nodes {
		got := all
		if n != leader {
			got = s.bodies(n)
		}
		if len(got) > len(all) || !slices.Equal(got, all[:len(got)]) {
			s.Errorf("%s has %d rows, the leader %d, and they differ", n.name, len(got), len(all))
		}
		for _, body := range stored {
			if !slices.Contains(got, body) {
				s.Errorf("%.60q was stored, and is gone from %s", body, n.name)
			}
		}
	}
}

// level waits until n has all that the leader has, which it then stops.
func (s *stage) level(n, leader *node) {
	for range 1000 {
		if st := n.member.Status(); st.Behind < time.Second && st.Trouble == "" {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	s.Errorf("%s does not catch up: %+v", n.name, n.member.Status())
}

func (s *stage) bodies(n *node) (all []string) {
	st, err := store.Inspect(n.path, store.Options{})
	if err != nil {
		s.Fatal(err)
	}
	defer st.Close()
	if err := st.Check(); err != nil {
		s.Error(err)
	}
	rows, err := st.Undecoded()
	if err != nil {
		s.Fatal(err)
	}
	for _, r := range rows {
		all = append(all, string(r.Body))
	}
	return all
}

// TestPlay has members killed, stopped, cut off and slowed down, at random.
func TestPlay(t *testing.T) {
	var takeovers atomic.Int64
	t.Cleanup(func() { t.Logf("%d plays, in which another led %d times", *plays, takeovers.Load()) })
	for i := range uint64(*plays) {
		t.Run(fmt.Sprint("seed=", *seed+i), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { takeovers.Add(playOne(t, *seed+i)) })
		})
	}
}

// playOne returns how often a member led after the first.
func playOne(t *testing.T, seed uint64) (takeovers int64) {
	s := newStage(t, seed, 2+int(seed%2))
	for _, n := range s.nodes {
		n.start()
		s.calm(20 * time.Second)
		s.level(n, s.nodes[0]) // who has no file cannot lead
	}
	late := time.Duration(0)
	for range 12 {
		n := s.nodes[s.IntN(len(s.nodes))]
		if l := s.leader(); l != nil && s.IntN(3) > 0 {
			n = l
		}
		led := n == s.leader()
		what := s.IntN(7)
		goal := 6*time.Second + late
		if late = 0; what > 1 { // a question that gets no answer is asked again after that
			late = 1200 * time.Millisecond
		}
		switch what {
		case 0:
			n.kill()
		case 1:
			n.end()
			n.start()
			goal = 2 * time.Second
		case 2:
			n.stop()
			time.Sleep(time.Duration(s.IntN(20_000)) * time.Millisecond)
			s.oneActs()
			n.resume()
			goal = 20 * time.Second
		case 3, 4:
			n.mu.Lock()
			n.cut, n.deaf = what == 3, what == 4
			n.mu.Unlock()
			for range 100 {
				time.Sleep(time.Duration(s.IntN(120)) * time.Millisecond)
				s.oneActs()
			}
			n.mu.Lock()
			n.cut, n.deaf = false, false
			n.mu.Unlock()
			goal = 12 * time.Second
		case 5:
			n.mu.Lock()
			n.slow = time.Duration(s.IntN(700)) * time.Millisecond
			n.mu.Unlock()
			goal = time.Minute
		case 6:
			for _, n := range s.nodes { // etcd away from all
				n.mu.Lock()
				n.cut = true
				n.mu.Unlock()
			}
			time.Sleep(time.Duration(s.IntN(30_000)) * time.Millisecond)
			s.oneActs()
			for _, n := range s.nodes {
				n.mu.Lock()
				n.cut = false
				n.mu.Unlock()
			}
			goal = 45 * time.Second
		}
		silence := s.calm(2 * time.Minute)
		if silence > goal {
			t.Errorf("step %d, which it did to a leader (%v): silent for %v, want %v", what, led, silence, goal)
		}
		n.mu.Lock()
		n.slow = 0
		n.mu.Unlock()
		if what == 0 {
			<-n.ended // a real one ends at once; this one first gives up waiting for etcd
			n.start()
		}
	}
	s.calm(time.Minute)
	s.finish()
	t.Log(s.counts)
	return int64(s.counts["terms"] - 1)
}

// TestABeginningIsLost has the first of all members take its place and not hear of it, or end before it has noted which log it began.
func TestABeginningIsLost(t *testing.T) {
	for name, harm := range map[string]func(*node){
		"no answer": func(n *node) {
			n.mu.Lock()
			n.deaf = true
			n.mu.Unlock()
			time.Sleep(time.Second)
			n.mu.Lock()
			n.deaf = false
			n.mu.Unlock()
		},
		"a kill": func(n *node) {
			n.kill()
			<-n.ended
			n.start()
		},
	} {
		for _, used := range []bool{false, true} {
			t.Run(fmt.Sprint(name, ", used ", used), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := newStage(t, 1, 2)
					first, second := s.nodes[0], s.nodes[1]
					if used {
						st, err := store.Open(first.path, store.Options{})
						if err != nil {
							t.Fatal(err)
						}
						if err := st.Close(); err != nil {
							t.Fatal(err)
						}
					}
					first.start()
					for took := false; !took; { // its place, and the answer is on its way
						time.Sleep(100 * time.Microsecond)
						r, err := s.etcd.Do(t.Context(), cluster.Txn{Then: []cluster.Op{{Key: "/peyk/peyk/leader"}}})
						took = err != nil || len(r.Reads[0]) > 0
					}
					harm(first)
					s.calm(20 * time.Second)
					second.start()
					s.level(second, first)
					s.finish()
				})
			})
		}
	}
}

// TestRestart has a cluster go on with another file than its leader had.
func TestRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, 1, 2)
		first, second := s.nodes[0], s.nodes[1]
		first.start()
		s.calm(20 * time.Second)
		second.start()
		s.level(second, first)
		restart := func() error {
			return cluster.Restart(t.Context(), &etcdtest.Link{Model: &s.etcd}, "peyk", filepath.Join(s.dir, "restored.db"))
		}
		if err := restart(); !errors.Is(err, cluster.ErrLed) {
			t.Errorf("while a bridge leads: %v", err)
		}
		second.end()
		first.end()
		if err := restart(); err != nil {
			t.Fatal(err)
		}
		second.start() // its file is of the log before
		time.Sleep(time.Minute)
		if s.leader() != nil {
			t.Error("somebody leads with what was before")
		}
		if err := os.MkdirAll(filepath.Dir(first.path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(filepath.Join(s.dir, "restored.db"), first.path); err != nil {
			t.Fatal(err)
		}
		s.acked = nil // of before
		first.start()
		s.calm(20 * time.Second)
		if s.leader() != first {
			t.Error("the one that has what was restored does not lead")
		}
		s.level(second, first)
		s.finish()
	})
}

// TestATroubleIsLoggedOnce has a follower look again and again, each time in vain.
func TestATroubleIsLoggedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, 1, 2)
		first, second := s.nodes[0], s.nodes[1]
		first.start()
		s.calm(20 * time.Second)
		alone, err := store.Open(second.path, store.Options{}) // as a bridge without a cluster has it
		if err != nil {
			t.Fatal(err)
		}
		if err := alone.Close(); err != nil {
			t.Fatal(err)
		}
		var log bytes.Buffer
		second.log = slog.New(slog.NewTextHandler(&log, nil))
		second.start()
		time.Sleep(time.Minute)
		second.end()
		if told, over := strings.Count(log.String(), "written outside"), strings.Count(log.String(), "all is well"); told != 1 || over != 0 {
			t.Errorf("it was told %d times, and %d times to be over, in:\n%.2000s", told, over, &log)
		}
		first.end()
	})
}
