package crash

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"peyk/cluster/etcdtest"
	"peyk/internal/play"
	"peyk/sandbox/telegram"
	"peyk/store"
)

// command runs a command of peyk where a machine is, and returns what it says, and whether it ends well.
func (p *pair) command(m *machine, args ...string) (said string, well bool) {
	p.Helper()
	cmd := exec.Command(p.program, args...)
	cmd.Dir, cmd.Env = m.dir, p.environOf(m)
	out, err := cmd.CombinedOutput()
	if failed, ok := errors.AsType[*exec.ExitError](err); err != nil && (!ok || failed.ExitCode() < 0) {
		p.Fatalf("peyk %q: %v", args, err)
	}
	return string(out), err == nil
}

// insists gives a command of peyk, again as long as etcd, which may be busy, does not answer it in time.
func (p *pair) insists(m *machine, args ...string) (said string, well bool) {
	p.Helper()
	for late := time.Now().Add(2 * patience); ; {
		said, well = p.command(m, args...)
		if !strings.Contains(said, ": etcd at ") || time.Now().After(late) {
			return said, well
		}
	}
}

// refuses has a command of peyk fail with those words.
func (p *pair) refuses(m *machine, words string, args ...string) {
	p.Helper()
	if said, well := p.insists(m, args...); well || !strings.Contains(said, words) {
		p.Errorf("peyk %q, well %t, says %q, not %q", args, well, said, words)
	}
}

// does has a command of peyk end well, with those words.
func (p *pair) does(m *machine, words string, args ...string) {
	p.Helper()
	if said, well := p.insists(m, args...); !well || !strings.Contains(said, words) {
		p.Fatalf("peyk %q, well %t, says %q, not %q", args, well, said, words)
	}
}

// asks has a customer write, and waits until the group sees it.
func (p *pair) asks(customer string) {
	p.Helper()
	p.Panel.Receive(customer, "30001234", "hello")
	p.await(func() error {
		if _, ok := p.Recent(p.Group, func(m telegram.Message) bool { return strings.Contains(m.Text, customer) }); !ok {
			return fmt.Errorf("the group does not see what %s wrote", customer)
		}
		return nil
	})
}

// waiting returns who waits by a machine's file, which no process has open, and whose log that follows.
func (p *pair) waiting(m *machine) (customers []string, log string) {
	p.Helper()
	path := filepath.Join(m.dir, "data", "peyk.db")
	f, err := store.Follow(path, store.Options{})
	if err != nil {
		p.Fatal(err)
	}
	log, _ = f.Place()
	if err := f.Close(); err != nil {
		p.Fatal(err)
	}
	st, err := store.Inspect(path, store.Options{})
	if err != nil {
		p.Fatal(err)
	}
	defer st.Close()
	all, _, _, err := st.WhoWaits(0, 20)
	if err != nil {
		p.Fatal(err)
	}
	for _, w := range all {
		customers = append(customers, string(w.First.Customer))
	}
	return customers, log
}

func (p *pair) ends(all ...*machine) {
	p.Helper()
	for _, m := range all {
		if err := m.bridge.end(); err != nil {
			p.Error(err)
		}
	}
}

// logs waits until a machine's log holds words.
func (p *pair) logs(m *machine, words string) {
	p.Helper()
	p.await(func() error {
		log, err := os.ReadFile(filepath.Join(m.dir, "log"))
		if err == nil && !strings.Contains(string(log), words) {
			err = fmt.Errorf("%s does not log %q", m.dir, words)
		}
		return err
	})
}

// TestABackupIsPutBackInACluster: it is made where the leader is, and put back while none runs; then a new log begins, which the others fetch, whoever starts
// first.
func TestABackupIsPutBackInACluster(t *testing.T) {
	t.Parallel()
	p := newPair(t, 1, etcdtest.Start(t, 1))
	one, two := p.machines[0], p.machines[1]
	backup := filepath.Join(p.dir, "backup.db")
	p.asks("09120000001")
	p.refuses(two, "follows another of its cluster: a backup is made where the leader is, which is ", "backup", backup)
	p.does(one, "checked", "backup", backup)
	p.asks("09120000002")
	p.refuses(two, "stop it first", "restore", backup)
	p.ends(two)
	p.refuses(two, "stop all of them first", "restore", backup)
	p.ends(one)
	before, log := p.waiting(one)
	if len(before) != 2 {
		t.Fatalf("%q wait before", before)
	}
	p.does(two, "the cluster goes on with it: start this bridge first", "restore", backup)
	p.run(one) // all the same
	p.logs(one, "a copy of the leader's was asked for")
	p.run(two)
	p.ready(two, "leader, ")
	p.ready(one, "follower of ")
	p.ends(one, two)
	for _, m := range p.machines {
		if now, its := p.waiting(m); len(now) != 1 || now[0] != "09120000001" || its == log {
			t.Errorf("by the file of %s %q wait, and its log is new: %t", m.dir, now, its != log)
		}
	}
	kept, _ := filepath.Glob(filepath.Join(one.dir, "data", "peyk.db.before-*"))
	if len(kept) != 1 {
		t.Errorf("of what was before the restore %q are kept", kept)
	}
}

// TestAnUpgradeNeedsNoStop upgrades two machines one after the other, as doc/cluster.md says, to a version with a later schema.
func TestAnUpgradeNeedsNoStop(t *testing.T) {
	t.Parallel()
	if number(t, "PEYK_TAKEOVERS", 0) == 0 {
		t.Skip("it builds another version: PEYK_TAKEOVERS says that there is time")
	}
	later, err := play.Later.Build(t.TempDir(), "build", "peyk")
	if err != nil {
		t.Fatal(err)
	}
	p := newPair(t, 1, etcdtest.Start(t, 3))
	old, upgraded := p.machines[0], p.machines[1]
	p.asks("09120000001")
	p.ends(upgraded)
	p.runAs(upgraded, exec.Command(later))
	p.ready(upgraded, "follower of ")
	p.asks("09120000002") // the old version leads, and the new one follows
	p.begun()
	p.ends(old)
	p.ready(upgraded, "leader, ")
	p.asks("09120000003")
	p.Mu.Lock()
	t.Logf("nobody did anything for %v", p.still.Round(time.Millisecond))
	p.Mu.Unlock()
	if copies, _ := filepath.Glob(filepath.Join(upgraded.dir, "data", "peyk.db.schema*")); len(copies) != 1 {
		t.Errorf("there is no copy of the file as it was: %q", copies)
	}
	// The old version follows, and cannot lead: it says so and ends, and the new one leads when it is back.
	p.run(old)
	p.ready(old, "follower of ")
	p.asks("09120000004")
	upgraded.bridge.kill()
	p.logs(old, "a newer peyk has written this file")
	<-old.bridge.gone
	p.runAs(upgraded, exec.Command(later))
	p.ready(upgraded, "leader, ")
	p.runAs(old, exec.Command(later))
	p.ready(old, "follower of ")
	p.asks("09120000005")
	p.ends(upgraded)
	p.ready(old, "leader, ")
	p.asks("09120000006")
	p.ends(old)
}

// passed are bytes to and from the leader, to and from its follower, and between the servers of etcd.
type passed [3]int64

func (p *pair) passed() (n passed) {
	for i, m := range p.machines {
		there, back := m.gate.Passed()
		n[i] = there + back
	}
	n[2] = p.servers.Passed()
	return n
}

// during returns what passes while do does its work, without what passes in as much time when there is none; idle is that of a minute.
func (p *pair) during(idle passed, do func()) passed {
	before, begun := p.passed(), time.Now()
	do()
	n, minutes := p.passed(), time.Since(begun).Minutes()
	for i := range n {
		n[i] -= before[i] + int64(float64(idle[i])*minutes)
	}
	return n
}

// TestTraffic measures what two machines and three servers of etcd have to say to each other, by the settings that are usual.
func TestTraffic(t *testing.T) {
	if number(t, "PEYK_TAKEOVERS", 0) == 0 {
		t.Skip("it takes minutes: PEYK_TAKEOVERS says that there is time")
	}
	t.Parallel()
	servers := etcdtest.StartWith(t, 3, etcdtest.Options{Dir: play.InMemory(t), Gates: true})
	p := newPair(t, 1, servers, "POLL_INTERVAL=5s", "STATUS_INTERVAL=15s")
	idle := p.during(passed{}, func() { <-time.After(time.Minute) })
	t.Logf("an idle minute: %d bytes to and from the leader, %d the follower, %d between etcd's servers: %d MB in 30 days",
		idle[0], idle[1], idle[2], (idle[0]+idle[1]+idle[2])*60*24*30/1e6)
	const n = 20
	customer := func(i int) string { return fmt.Sprintf("09120000%02d1", i) } // what is sent to such a number arrives
	in := p.during(idle, func() {
		for i := range n {
			p.asks(customer(i))
		}
	})
	t.Logf("an SMS that comes alone, and is shown in two chats: %d, %d, %d bytes: %d in all", in[0]/n, in[1]/n, in[2]/n, (in[0]+in[1]+in[2])/n)
	out := p.during(idle, func() {
		var orders []int
		for i := range n {
			orders = append(orders, p.Say(telegram.Post{Chat: p.Group, From: p.Ali, Text: "/send " + customer(i) + " hello"}))
		}
		for i, order := range orders {
			p.await(func() error { // of more than ten in a minute a mark alone tells
				if m, _ := p.TG.Message(p.Group, order); play.MarksOf(m) != "👍" {
					return fmt.Errorf("what was sent to %s is not delivered: %q", customer(i), play.MarksOf(m))
				}
				return nil
			})
		}
	})
	t.Logf("an SMS that is sent and followed until it is delivered: %d, %d, %d bytes: %d in all", out[0]/n, out[1]/n, out[2]/n, (out[0]+out[1]+out[2])/n)
}
