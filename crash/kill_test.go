package crash

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"peyk/internal/play"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// tally is what the table at the end tells of one way to kill.
type tally struct {
	kills, violations int
	took              time.Duration
}

// table counts over all worlds.
type table struct {
	mu     sync.Mutex
	ways   map[string]tally
	points map[string]int // kills at each point in the program
	trying map[string]int // bridges that shall be killed there
}

func (t *table) add(way string, violations int, took time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	row := t.ways[way]
	row.kills++
	row.violations += violations
	row.took += took
	t.ways[way] = row
}

// try returns the point among some at which the fewest kills were or are to be. The caller tells by done how it went.
func (t *table) try(points []string) (point string, done func(killed bool)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	point = slices.MinFunc(points, func(a, b string) int { return t.points[a] + t.trying[a] - t.points[b] - t.trying[b] })
	t.trying[point]++
	return point, func(killed bool) {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.trying[point]--
		if killed {
			t.points[point]++
		}
	}
}

// short tells whether fewer than n kills were at some point.
func (t *table) short(n int) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Min(slices.Collect(maps.Values(t.points))) < n
}

func (t *table) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-22s %8s %10s %12s\n", "killed by", "kills", "violations", "time a kill")
	for _, way := range slices.Sorted(maps.Keys(t.ways)) {
		row := t.ways[way]
		fmt.Fprintf(&b, "%-22s %8d %10d %12s\n", way, row.kills, row.violations, (row.took / time.Duration(row.kills)).Round(time.Millisecond))
	}
	b.WriteString("\nkills at each point\n")
	for _, p := range slices.Sorted(maps.Keys(t.points)) {
		fmt.Fprintf(&b, "%-22s %8d\n", p, t.points[p])
	}
	return b.String()
}

// number returns what the environment asks for.
func number(t testing.TB, name string, otherwise int) int {
	value := os.Getenv(name)
	if value == "" {
		return otherwise
	}
	n, err := strconv.Atoi(value)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// reached returns the points that worlds come to: Telegram refuses none of their SMS, so that nobody is told of one, and nobody schedules any;
// TestP7Notice, TestL1… and TestL2… kill there.
func reached(t testing.TB) []string {
	return slices.DeleteFunc(play.Points(t), func(p string) bool {
		of, _, _ := strings.Cut(p, ".")
		return of == "notice" || of == "later"
	})
}

// killsEach is how many kills a world sees: its history is part of what a restart must cope with, and of what each check reads.
const killsEach = 10

// worldsAtOnce run at the same time. They wait for the clock most of the time.
const worldsAtOnce = 16

// TestKills kills the bridge again and again, in several ways, and checks the invariants after each; of hundreds at every point in the program at
// least once, of thousands 20 times. An ordinary run has few, at a SOAP panel: sim plays the same with no process, and these hold it to reality. Hundreds take
// turns at the kinds of panel; PEYK_PANEL names one for all.
func TestKills(t *testing.T) {
	t.Parallel()
	kills, atEach := number(t, "PEYK_KILLS", 50), 0
	everywhere := kills >= 300 || os.Getenv("PEYK_SEED") != ""
	switch {
	case kills >= 2000: // of 1,000 too few are at points
		atEach = 20
	case kills >= 300:
		atEach = 1
	}
	if testing.Short() {
		kills = 30
	}
	first := uint64(time.Now().UnixNano())
	if seed := number(t, "PEYK_SEED", 0); seed != 0 {
		first, kills, atEach = uint64(seed), min(kills, killsEach), 0
	}
	only := uint64(0)
	if name := os.Getenv("PEYK_PANEL"); name != "" {
		ok := false
		if only, ok = play.SeedAt(name); !ok {
			t.Fatalf("PEYK_PANEL=%s: no such kind", name)
		}
		atEach = 0 // it has not all points
	}
	all := reached(t)
	counted := &table{ways: map[string]tally{}, points: map[string]int{}, trying: map[string]int{}}
	for _, p := range all {
		counted.points[p] = 0
	}
	begun := time.Now()
	slots := make(chan struct{}, worldsAtOnce)
	var worlds sync.WaitGroup
	world := func(seed uint64, n int) {
		slots <- struct{}{}
		worlds.Go(func() {
			defer func() { <-slots }()
			t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
				kind := seed
				switch {
				case only != 0:
					kind = only
				case !everywhere:
					kind = 0
				}
				w := worldAt(t, seed, kind)
				if seed%3 == 0 { // they take twice as long: each customer has messages of their own
					w.useTopics()
				}
				w.history(n, all, counted)
			})
		})
	}
	seed := first
	for ; kills > 0; kills -= killsEach {
		world(seed, min(kills, killsEach))
		seed++
	}
	worlds.Wait()
	for range 5 { // a bridge may live without coming to the point it shall be killed at
		for range worldsAtOnce {
			if counted.short(atEach) && !t.Failed() {
				world(seed, killsEach)
				seed++
			}
		}
		worlds.Wait()
	}
	t.Logf("%s\n%s", time.Since(begun).Round(time.Second), counted)
	if counted.short(atEach) && !t.Failed() {
		t.Errorf("fewer than %d kills at a point", atEach)
	}
}

// history kills the bridge n times. It ends with the first violation, as all that follows would be one, too.
func (w *world) history(n int, points []string, counted *table) {
	for i := range n {
		begun := time.Now()
		way := []string{byPanel, byPanel, byTelegram, byTelegram, byPoint, byPoint, byPoint, byPoint, byChance, bySignal}[w.Rand.IntN(10)]
		among := slices.DeleteFunc(slices.Clone(points), func(p string) bool {
			ofTopics := strings.HasPrefix(p, "topic.") || strings.HasPrefix(p, "card.")
			return p == "open.migrating" && i > 0 || ofTopics && !w.Topics || !w.Kind.Comes(p) // once in the life of a file
		})
		point, how, done := "", way, func(bool) {}
		if way == byPoint {
			point, done = counted.try(among)
			nth := 1
			if !strings.HasPrefix(point, "open.") {
				nth += w.Rand.IntN(3)
			}
			how += fmt.Sprintf(" %s:%d", point, nth)
			point = fmt.Sprintf("%s:%d", point, nth)
		}
		way = w.killOnce(way, point)
		done(way == byPoint)
		wrong := w.soundFile()
		e, err := w.rest()
		if err != nil {
			wrong = append(wrong, err)
		} else {
			wrong = append(wrong, e.Violations()...)
			if err := e.Store.Close(); err != nil {
				w.Error(err)
			}
		}
		counted.add(way, len(wrong), time.Since(begun))
		for _, err := range wrong {
			w.Errorf("seed %d, kill %d, %s: %v", w.seed, i, how, err)
		}
		if w.Failed() {
			w.Logf("the bridge's last words:\n%s\n%s", logTail(w.dir, 200), w.lastMessages(100))
			return
		}
	}
}

// soundFile checks I9 on what a kill has left of the file, if there is any.
func (w *world) soundFile() []error {
	st, err := w.openCopy()
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = errors.Join(st.Check(), st.Close())
	}
	if err != nil {
		return []error{fmt.Errorf("I9, before the restart: %w", err)}
	}
	return nil
}
