package cluster

import (
	"context"
	"net"
	"testing"
	"testing/synctest"
	"time"
)

// TestDecide goes through every state that a follower can be in, as far as decisions can tell states apart.
func TestDecide(t *testing.T) {
	now := time.Hour
	counts := map[step]int{}
	for _, revision := range []int64{0, 7} {
		for _, ever := range []bool{false, true} {
			for _, holder := range []string{"", "other"} {
				for _, silent := range []time.Duration{0, takeAfter - 1, takeAfter, time.Hour} {
					for _, f := range []file{{}, {used: true}, {last: true}, {used: true, last: true}, {log: "log", used: true, last: true}, {log: "log", used: true}, {log: "log", entry: 5, used: true}, {log: "old", entry: 5, used: true}, {log: "log", entry: 5}} {
						for head := uint64(0); head < 9; head++ {
							for low := uint64(1); low <= max(1, head); low++ { // the log has the entries from low through head
								if revision == 0 && holder != "" || ever && revision != 0 {
									continue // cannot be seen
								}
								l := logged{ours: low <= f.entry && f.entry <= head, any: head != 0}
								if head > f.entry {
									l.next = max(low, f.entry+1)
								}
								s := sight{office: office{Holder: holder, Epoch: 3, Log: "log"}, revision: revision, since: now - silent, heard: now, ever: ever || revision != 0}
								if revision == 0 {
									s.office = office{}
								}
								got := decide(s, f, l, now)
								counts[got]++
								leads := got == takeOver || got == begin
								again := f.last && f.log != "log" && revision != 0 && head == 0 // it began the log, and does not know
								switch {
								case again:
									if got != begin {
										t.Errorf("%+v %+v: %d, though it alone can begin", s, f, got)
									}
								case leads && revision != 0 && holder != "" && silent < takeAfter:
									t.Errorf("%+v %+v: takes over from one that may still act", s, f)
								case got == takeOver && (f.log != "log" || f.entry != head):
									t.Errorf("%+v %+v head %d: leads with a file that is not the last", s, f, head)
								case got == begin && (ever || head != 0):
									t.Errorf("%+v %+v head %d: begins a log where there is or was one", s, f, head)
								case got == apply && (f.log != "log" || l.next != f.entry+1):
									t.Errorf("%+v %+v %+v: applies what does not follow", s, f, l)
								case got == fetch && f.used && f.log == "":
									t.Errorf("%+v %+v: replaces a file that nobody knows elsewhere", s, f)
								case f.log == "log" && f.entry == head && revision != 0 && (holder == "" || silent >= takeAfter) && got != takeOver:
									t.Errorf("%+v %+v: %d, though nobody leads and it has all", s, f, got)
								}
							}
						}
					}
				}
			}
		}
	}
	for s := wait; s <= gone; s++ {
		if counts[s] == 0 {
			t.Errorf("no state leads to step %d: does this test still look at all?", s)
		}
	}
}

func TestSight(t *testing.T) {
	one, two, none := office{"a", 1, "log"}, office{"b", 2, "log"}, office{"", 2, "log"}
	var s sight
	for _, look := range []struct {
		name     string
		at       time.Duration
		o        office
		revision int64
		same     time.Duration
		steady   time.Duration
		silent   bool
	}{
		{"at first it counts from now on", 100 * time.Second, one, 5, 0, 0, false},
		{"unchanged", 100*time.Second + 500*time.Millisecond, one, 5, 500 * time.Millisecond, 500 * time.Millisecond, false},
		{"for longer", 101 * time.Second, one, 5, time.Second, time.Second, false},
		{"renewed, though it holds the same", 101*time.Second + 500*time.Millisecond, one, 6, 0, 1500 * time.Millisecond, false},
		{"etcd was silent: who knows whether the leader was", 106 * time.Second, one, 6, 4500 * time.Millisecond, 0, false},
		{"the leader has time to say so", 107 * time.Second, one, 6, 5500 * time.Millisecond, time.Second, false},
		{"it does not", 108 * time.Second, one, 6, 6500 * time.Millisecond, 2 * time.Second, true},
		{"another leads", 109 * time.Second, two, 7, 0, 3 * time.Second, false},
		{"nobody leads", 110 * time.Second, none, 8, 0, 4 * time.Second, true},
		{"another leads", 111 * time.Second, two, 9, 0, 5 * time.Second, false},
		{"the machine slept", 2 * time.Hour, two, 9, 2*time.Hour - 111*time.Second, 0, false},
	} {
		s = s.after(look.o, look.revision, look.at)
		if look.at-s.since != look.same || look.at-s.steady != look.steady || s.silent(look.at) != look.silent || s.office != look.o || !s.ever {
			t.Errorf("%s: %+v, silent %v, at %v; want %+v", look.name, s, s.silent(look.at), look.at, look)
		}
	}
	if gone := s.after(office{}, 0, 3*time.Hour); !gone.ever || gone.revision != 0 {
		t.Errorf("a key that is gone: %+v", gone)
	}
}

func TestTheMarginIsKept(t *testing.T) {
	// A leader acts until mayAct after the beginning of a renewal; who takes over has seen that renewal at its beginning or later.
	if takeAfter <= mayAct {
		t.Error("somebody takes over while the leader may still act")
	}
	if unheard >= takeAfter || steadyFor < askFor+lookEvery+unheard/2 || 2*lookEvery >= unheard || askFor >= mayAct-renewEvery {
		t.Error("a single slow answer of etcd costs a leader its place")
	}
}

func TestEntriesAreRead(t *testing.T) {
	for _, e := range []struct {
		epoch   uint64
		parts   int
		changes string
	}{{1, 0, ""}, {1 << 60, 0, "changes"}, {7, 300, ""}} {
		epoch, parts, changes, err := readEntry(entryValue(e.epoch, e.parts, []byte(e.changes)))
		if err != nil || epoch != e.epoch || parts != e.parts || string(changes) != e.changes {
			t.Errorf("%+v is read as %d, %d, %q, %v", e, epoch, parts, changes, err)
		}
	}
	for _, foreign := range []string{"", "\x02\x01\x00", "\x01", "\x01\xff", "\x01\x01\xff\xff\xff\xff\xff\xff\xff\x7f"} {
		if _, _, _, err := readEntry([]byte(foreign)); err == nil {
			t.Errorf("%q is read as an entry", foreign)
		}
	}
}

func TestWhatIsKeptOfTheLogIsBounded(t *testing.T) {
	l := ledger{m: New(Config{})}
	now, deleted := time.Duration(0), uint64(0)
	for entry := uint64(1); entry <= 3*60*6; entry++ { // one each ten seconds for three hours
		now += 10 * time.Second
		l.add(entry, 100, int64(entry), now)
		if k, found := l.old(now); found {
			if k.entry >= entry || k.entry <= deleted {
				t.Fatalf("at entry %d all through %d are deleted, after %d", entry, k.entry, deleted)
			}
			deleted = k.entry
		}
		if len(l.marks) > 80 {
			t.Fatalf("%d marks", len(l.marks))
		}
	}
	if kept := 3*60*6 - deleted; kept < 350 || kept > 380 {
		t.Errorf("%d entries of an hour's 360 are kept", kept)
	}
	for range 200 { // a megabyte each, all at once
		l.add(l.last()+1, 1<<20, 0, now)
	}
	if k, found := l.old(now); !found || l.last()-k.entry < 60 || l.last()-k.entry > 70 {
		t.Errorf("%d MB are kept", l.last()-k.entry)
	}
	l.add(l.last()+1, 1<<30, 0, now)
	if k, found := l.old(now); found && k.entry >= l.last() {
		t.Error("the last entry is deleted, which tells how far the log goes")
	}
}

// TestCallsWaitWithTheirLeader has a leader wait for etcd for ten seconds, or until it leads no more.
func TestCallsWaitWithTheirLeader(t *testing.T) {
	for name, test := range map[string]struct {
		then  func(*Term)
		limit time.Duration // of the call
		took  time.Duration
		goes  bool
	}{
		"it goes on":       {func(t *Term) { t.until.Store(int64(time.Hour)) }, time.Minute, 10 * time.Second, true},
		"another leads":    {func(t *Term) { t.end(errDeposed) }, time.Minute, 10 * time.Second, false},
		"it is to end":     {func(t *Term) { t.unwait() }, time.Minute, 10 * time.Second, false},
		"the call is late": {func(*Term) {}, 5 * time.Second, 5 * time.Second, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				begun := time.Now()
				term := &Term{m: New(Config{Clock: func() time.Duration { return time.Since(begun) }})}
				term.ended, term.end = context.WithCancelCause(t.Context())
				term.waiting, term.unwait = context.WithCancel(t.Context())
				defer term.stop()
				ours, theirs := net.Pipe()
				defer theirs.Close()
				dial := term.Guard(func(context.Context, string, string) (net.Conn, error) { return ours, nil })
				time.AfterFunc(10*time.Second, func() { test.then(term) })
				ctx, cancel := context.WithTimeout(t.Context(), test.limit)
				defer cancel()
				conn, err := dial(ctx, "tcp", "panel:80")
				if took := time.Since(begun); (err == nil) != test.goes || took < test.took || took > test.took+lookEvery {
					t.Errorf("%v after %v", err, took)
				}
				if conn != nil {
					conn.Close()
				}
			})
		})
	}
}
