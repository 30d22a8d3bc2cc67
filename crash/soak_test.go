package crash

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"peyk/internal/play"
)

// What a bridge may hold more at the end of a soak than when it was warm, each time at rest.
const (
	moreGoroutines = 8    // besides those of connections
	moreFiles      = 2    // besides connections
	moreHeap       = 2    // MB that are in use
	moreMemory     = 8192 // kB, besides the pages of the store's file, which the kernel takes back when it needs them; the runtime keeps what it has freed as long as it likes
	mostSockets    = 40   // thirty connections to Telegram are kept alive, so many were once needed at a time; two to the panel; those we listen on
	perRow         = 2048 // bytes of the file for each SMS in and out: an order, its report and what was taken count as its SMS
)

// Every half of Telegram's minutes people do so much, which the twenty messages a group takes in a minute just about tell of.
const (
	halfMinute   = 30 * second
	inHalfMinute = 8
)

// shift is how long people and networks play, at least, before each look at the bridge at rest.
const shift = 3 * time.Second

// levels is what a bridge holds.
type levels struct {
	goroutines              int // without the two of each connection
	threads, files, sockets int // files without sockets
	heap                    int // MB in use, when the runtime last looked
	memory, resident        int // kB; without and with the pages of files
	file                    int64
}

// TestSoak lets people and failing networks play for a long time with one bridge that nobody kills. It must not hold more and
// more of anything, and must keep every promise. PEYK_SOAK is how long: 3m are two and a half hours of Telegram's.
func TestSoak(t *testing.T) {
	t.Parallel()
	lasts := 20 * time.Second
	if value := os.Getenv("PEYK_SOAK"); value != "" {
		var err error
		if lasts, err = time.ParseDuration(value); err != nil {
			t.Fatalf("PEYK_SOAK: %v", err)
		}
	}
	if testing.Short() {
		lasts = 8 * time.Second
	}
	seed := uint64(number(t, "PEYK_SEED", int(time.Now().UnixNano())))
	w := newWorld(t, seed)
	defer func() {
		if t.Failed() {
			t.Logf("seed %d; the bridge's last words:\n%s", seed, logTail(w.dir, 60))
		}
	}()
	// The runtime itself tells of its goroutines: nothing is in the program for this test's sake.
	w.environ = append(w.environ, "GODEBUG=schedtrace=200,scheddetail=1,gctrace=1", "GOGC=25", "LOG_LEVEL=info") // it looks at its heap often
	w.start()

	begun := time.Now()
	var rest []levels
	var peak levels
	for time.Since(begun) < lasts || len(rest) < 3 {
		peak = peak.max(w.play(max(shift, lasts/30)))
		if err := w.until(w.caughtUp); err != nil {
			t.Fatalf("after %s the bridge does not come to rest: %v", time.Since(begun).Round(time.Second), err)
		}
		l, err := w.levels()
		if err != nil {
			t.Fatal(err)
		}
		rest = append(rest, l)
	}
	if err := w.bridge.end(); err != nil {
		t.Fatal(err)
	}
	t.Log(w.account(time.Since(begun), rest, peak))
	e, err := w.rest()
	if err != nil {
		t.Fatal(err)
	}
	defer e.Store.Close()
	for _, err := range e.Violations() {
		t.Error(err)
	}
	for _, err := range growth(rest, len(w.Inbound)+len(w.Panel.Sent())) {
		t.Error(err)
	}
}

// growth returns what a bridge held more and more of, after a warm-up. It compares the least of the first and the last looks, as a
// look may meet work under way.
func growth(rest []levels, rows int) []error {
	third := max(1, (len(rest)-1)/3)
	warm, late := least(rest[1:1+third]), least(rest[len(rest)-third:])
	var wrong []error
	for _, of := range []struct {
		what             string
		warm, late, more int
	}{
		{"goroutines", warm.goroutines, late.goroutines, moreGoroutines},
		{"threads", warm.threads, late.threads, moreGoroutines},
		{"open files", warm.files, late.files, moreFiles},
		{"MB of heap", warm.heap, late.heap, moreHeap},
		{"kB of memory", warm.memory, late.memory, moreMemory},
	} {
		if of.late > of.warm+of.more {
			wrong = append(wrong, fmt.Errorf("%s grew from %d to %d", of.what, of.warm, of.late))
		}
	}
	if late.sockets > mostSockets {
		wrong = append(wrong, fmt.Errorf("%d sockets are open", late.sockets))
	}
	if size := rest[len(rest)-1].file; size > 1<<20+int64(rows)*perRow {
		wrong = append(wrong, fmt.Errorf("the file has %d bytes for %d SMS", size, rows))
	}
	return wrong
}

func least(all []levels) levels {
	low := all[0]
	for _, l := range all {
		low.goroutines, low.threads, low.files = min(low.goroutines, l.goroutines), min(low.threads, l.threads), min(low.files, l.files)
		low.sockets, low.heap = min(low.sockets, l.sockets), min(low.heap, l.heap)
		low.memory, low.resident = min(low.memory, l.memory), min(low.resident, l.resident)
	}
	return low
}

func (l levels) max(o levels) levels {
	return levels{
		max(l.goroutines, o.goroutines), max(l.threads, o.threads), max(l.files, o.files), max(l.sockets, o.sockets), max(l.heap, o.heap),
		max(l.memory, o.memory), max(l.resident, o.resident), max(l.file, o.file),
	}
}

// play has people at work and networks failing for that long, and returns the most the bridge held meanwhile.
func (w *world) play(lasts time.Duration) levels {
	peak := levels{}
	over, tick := time.After(lasts), time.NewTicker(halfMinute)
	defer tick.Stop()
	for {
		w.Mu.Lock()
		w.fail()
		w.idle = inHalfMinute
		w.Mu.Unlock()
		select {
		case <-tick.C:
			held, err := w.held()
			if err != nil {
				w.Fatal(err)
			}
			peak = peak.max(held)
		case <-over:
			w.Mu.Lock()
			w.idle = 0
			w.Mu.Unlock()
			w.mend()
			return peak
		}
	}
}

// caughtUp returns why the bridge has not come to rest: while much is to be shown, one chat may be far behind another.
func (w *world) caughtUp() error {
	if err := w.settled(); err != nil {
		return err
	}
	e := w.look()
	marks := func(chat int64) map[string]bool {
		seen := map[string]bool{}
		for _, s := range e.Shown[chat] {
			if !e.ErasedSMS(play.NumberOf(s.Mark)) { // that may have been forgotten in between
				seen[s.Mark] = true
			}
		}
		return seen
	}
	if group, sara := marks(w.Group), marks(w.Sara); !maps.Equal(group, sara) {
		return fmt.Errorf("the group shows %d beginnings and ends of SMS, the private chat %d", len(group), len(sara))
	}
	return nil
}

// levels returns what the bridge holds, its goroutines at a moment after the call, too.
func (w *world) levels() (levels, error) {
	log := filepath.Join(w.dir, "log")
	info, err := os.Stat(log)
	if err != nil {
		return levels{}, err
	}
	goroutines, heap := 0, 0
	err = w.until(func() error {
		text, err := os.ReadFile(log)
		if err != nil {
			return err
		}
		n, ok := liveGoroutines(string(text[info.Size():]))
		if !ok {
			return errors.New("the runtime tells nothing of its goroutines")
		}
		goroutines = n
		if heap, ok = liveHeap(string(text)); !ok {
			return errors.New("the runtime tells nothing of its heap")
		}
		return nil
	})
	if err != nil {
		return levels{}, err
	}
	l, err := w.held()
	l.goroutines, l.heap = goroutines-2*l.sockets, heap
	return l, err
}

var (
	traced    = regexp.MustCompile(`SCHED \d+ms: `)
	goroutine = regexp.MustCompile(`  G\d+: status=(\d+)\(`)
)

// liveGoroutines counts the goroutines, the runtime's own among them, in the first whole trace of its scheduler in a log.
func liveGoroutines(log string) (int, bool) {
	begins := traced.FindAllStringIndex(log, 2)
	if len(begins) < 2 {
		return 0, false
	}
	n := 0
	for _, g := range goroutine.FindAllStringSubmatch(log[begins[0][0]:begins[1][0]], -1) {
		if !slices.Contains([]string{"0", "6", "11"}, g[1]) { // neither new nor dead (runtime/runtime2.go)
			n++
		}
	}
	return n, n > 0
}

var collected = regexp.MustCompile(`(?m)^gc \d+ @.*->(\d+) MB, `)

// liveHeap returns the MB that were in use at the last collection in a log.
func liveHeap(log string) (int, bool) {
	all := collected.FindAllStringSubmatch(log, -1)
	if len(all) == 0 {
		return 0, false
	}
	n, err := strconv.Atoi(all[len(all)-1][1])
	return n, err == nil
}

// held returns what the kernel knows of what the bridge holds.
func (w *world) held() (levels, error) {
	proc := fmt.Sprintf("/proc/%d", w.bridge.cmd.Process.Pid)
	status, err := os.ReadFile(filepath.Join(proc, "status"))
	if err != nil {
		return levels{}, err
	}
	files, err := os.ReadDir(filepath.Join(proc, "fd"))
	if err != nil {
		return levels{}, err
	}
	l := levels{}
	for _, f := range files {
		name, _ := os.Readlink(filepath.Join(proc, "fd", f.Name())) // of one closed meanwhile it is empty
		if strings.HasPrefix(name, "socket:") {
			l.sockets++
		} else {
			l.files++
		}
	}
	for _, of := range []struct {
		name string
		to   *int
	}{{"Threads", &l.threads}, {"RssAnon", &l.memory}, {"VmRSS", &l.resident}} {
		_, value, _ := strings.Cut(string(status), "\n"+of.name+":")
		if _, err := fmt.Sscan(value, of.to); err != nil {
			return levels{}, fmt.Errorf("%s of the bridge: %w", of.name, err)
		}
	}
	if info, err := os.Stat(w.database()); err == nil { // not yet, when it has just started
		l.file = info.Size()
	}
	return l, nil
}

// account is the table of what happened and of what the bridge held.
func (w *world) account(lasted time.Duration, rest []levels, peak levels) string {
	w.Mu.Lock()
	defer w.Mu.Unlock()
	faults := 0
	for _, c := range w.TG.Calls() {
		if c.Fault != "" {
			faults++
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s, of Telegram's %s\n", lasted.Round(time.Second), (lasted * (time.Second / second)).Round(time.Minute))
	fmt.Fprintf(&b, "%d SMS in, %d orders, %d SMS out, %d presses, %d calls of Telegram spoilt\n\n", len(w.Inbound), len(w.Orders), len(w.Panel.Sent()), w.Pressed(), faults)
	fmt.Fprintf(&b, "%-10s %10s %8s %8s %8s %8s %10s %12s %8s\n", "at rest", "goroutines", "threads", "files", "sockets", "heap MB", "memory kB", "resident kB", "file kB")
	row := func(name, goroutines string, l levels) {
		fmt.Fprintf(&b, "%-10s %10s %8d %8d %8d %8d %10d %12d %8d\n", name, goroutines, l.threads, l.files, l.sockets, l.heap, l.memory, l.resident, l.file>>10)
	}
	for i := 0; i < len(rest); i += max(1, len(rest)/10) {
		row(strconv.Itoa(i+1), strconv.Itoa(rest[i].goroutines), rest[i])
	}
	last := rest[len(rest)-1]
	row("last", strconv.Itoa(last.goroutines), last)
	row("peak", "", peak) // goroutines are counted at rest
	return b.String()
}
