package sim

import (
	"flag"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"peyk/internal/play"
	"peyk/store"
)

var weeks = flag.Int("weeks", 0, "for how many weeks TestWeeks has a bridge run; not at all when zero")

// holding is what a bridge at rest holds.
type holding struct {
	goroutines int
	bytes      int64 // that its packages allocated
	file       int64 // bytes of it
}

func (h holding) String() string {
	return fmt.Sprintf("%d goroutines, %d KB of memory, a file of %d KB", h.goroutines, h.bytes>>10, h.file>>10)
}

// TestWeeks has a bridge that keeps rows for a week run at a small desk, without an end. From the third week on it must hold no more than then:
// what happens in a week is the same each week.
func TestWeeks(t *testing.T) {
	if *weeks == 0 {
		t.Skip("-weeks says for how many")
	}
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, max(1, *seed))
		w.keep, w.poll = 7*24*time.Hour, 30*time.Second
		w.start()
		var third holding
		for week := 1; week <= *weeks; week++ {
			for _, s := range aWeek(week) {
				time.Sleep(s.wait)
				w.perform(s)
			}
			w.mend()
			h, err := w.holds()
			if err != nil {
				t.Fatalf("week %d: %v", week, err)
			}
			t.Logf("week %d: %s", week, h)
			switch {
			case week == 3:
				third = h
			case week > 3 && (h.goroutines > third.goroutines+8 || h.bytes > 2*third.bytes+1<<20 || h.file > 2*third.file):
				t.Errorf("in week %d it holds %s; in week 3 it was %s", week, h, third)
			}
		}
	})
}

// aWeek is what happens at a small desk in a week: something every twenty minutes by day, every two hours by night, and a trouble now and then.
func aWeek(week int) []step {
	r := play.Chance(uint64(week))
	var all []step
	for at := time.Duration(0); at < 7*24*time.Hour; {
		every := 2 * time.Hour
		if hour := at % (24 * time.Hour); hour < 9*time.Hour { // worlds begin at eight
			every = 20 * time.Minute
		}
		wait := time.Duration(r.ExpFloat64() * float64(every))
		at += wait
		do := play.AnAct(r)
		if r.IntN(20) == 0 {
			do = anEvent(r)
		}
		all = append(all, step{wait, do, r.Uint64()})
	}
	return all
}

// holds returns what the bridge holds once it has come to rest.
func (w *world) holds() (holding, error) {
	var stats store.Stats
	err := w.until(func() (err error) {
		if stats, err = w.life.opened().Stats(); err == nil && stats.Posts+stats.Pieces+w.Panel.Unread() > 0 {
			err = fmt.Errorf("%d posts, %d pieces and %d SMS wait", stats.Posts, stats.Pieces, w.Panel.Unread())
		}
		return err
	})
	n, _ := goroutines()
	h := holding{goroutines: n - w.idle, file: stats.Size}
	runtime.GC()
	runtime.GC() // the profile is as of the last but one
	n, _ = runtime.MemProfile(nil, false)
	records := make([]runtime.MemProfileRecord, n+1000)
	n, _ = runtime.MemProfile(records, false)
	for _, r := range records[:n] {
		if ofBridge(r.Stack()) {
			h.bytes += r.InUseBytes()
		}
	}
	return h, err
}

// ofBridge tells whether a stack is one of the bridge.
func ofBridge(stack []uintptr) bool {
	frames := runtime.CallersFrames(stack)
	for {
		f, more := frames.Next()
		if path, ours := strings.CutPrefix(f.Function, "peyk/"); ours {
			for _, name := range []string{"bot", "relay", "store", "telegram", "smsapi", "bridge"} {
				if strings.HasPrefix(path, name) {
					return true
				}
			}
			return false
		}
		if !more {
			return false
		}
	}
}
