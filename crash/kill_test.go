package crash

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
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

func (t *table) hit(point string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.points[point]++
}

// rarest returns a point that was hit least often.
func (t *table) rarest(points []string) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.MinFunc(points, func(a, b string) int { return t.points[a] - t.points[b] })
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

// points returns the names of the points in the program, as its source has them.
func points(t testing.TB) []string {
	t.Helper()
	var found []string
	for _, dir := range []string{"../bot", "../store"} {
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("no source in %s: %v", dir, err)
		}
		for _, file := range files {
			parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(parsed, func(n ast.Node) bool {
				if call, ok := n.(*ast.CallExpr); ok && len(call.Args) == 1 {
					if f, ok := call.Fun.(*ast.SelectorExpr); ok && f.Sel.Name == "At" && fmt.Sprint(f.X) == "crashpoint" {
						name, err := strconv.Unquote(call.Args[0].(*ast.BasicLit).Value)
						if err != nil {
							t.Fatal(err)
						}
						found = append(found, name)
					}
				}
				return true
			})
		}
	}
	slices.Sort(found)
	if len(found) == 0 || len(slices.Compact(slices.Clone(found))) != len(found) {
		t.Fatalf("points in the program: %v", found)
	}
	return found
}

// killsEach is how many kills a world sees: its history is part of what a restart must cope with, and of what each check reads.
const killsEach = 10

// worldsAtOnce run at the same time. They wait for the clock most of the time.
const worldsAtOnce = 16

// TestKills kills the bridge again and again, in several ways, and checks the invariants after each.
func TestKills(t *testing.T) {
	kills := number(t, "PEYK_KILLS", 300)
	if testing.Short() {
		kills = 30
	}
	first := uint64(time.Now().UnixNano())
	if seed := number(t, "PEYK_SEED", 0); seed != 0 {
		first, kills = uint64(seed), min(kills, killsEach)
	}
	all := points(t)
	counted := &table{ways: map[string]tally{}, points: map[string]int{}}
	for _, p := range all {
		counted.points[p] = 0
	}
	begun := time.Now()
	// Not t.Parallel, which allows as many as there are processors.
	slots := make(chan struct{}, worldsAtOnce)
	var worlds sync.WaitGroup
	for seed := first; kills > 0; seed++ {
		n := min(kills, killsEach)
		kills -= n
		slots <- struct{}{}
		worlds.Go(func() {
			defer func() { <-slots }()
			t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) { newWorld(t, seed).history(n, all, counted) })
		})
	}
	worlds.Wait()
	t.Logf("%s\n%s", time.Since(begun).Round(time.Second), counted)
	if t.Failed() || testing.Short() || os.Getenv("PEYK_SEED") != "" {
		return
	}
	for p, n := range counted.points {
		if n == 0 {
			t.Errorf("no kill at the point %s", p)
		}
	}
}

// history kills the bridge n times. It ends with the first violation, as all that follows would be one, too.
func (w *world) history(n int, points []string, counted *table) {
	for i := range n {
		begun := time.Now()
		way := []string{byPanel, byPanel, byTelegram, byTelegram, byPoint, byPoint, byPoint, byPoint, byChance, bySignal}[w.rand.IntN(10)]
		name := counted.rarest(points)
		// The first time a point is come to is the time at which the least has happened before.
		nth := 1 + w.rand.IntN(3)
		if strings.HasPrefix(name, "open.") || name == "credit.answered" {
			nth = 1
		}
		if name == "open.migrating" { // once in the life of a file
			if i > 0 {
				name = points[w.rand.IntN(len(points))]
			} else {
				way = byPoint
			}
		}
		how := fmt.Sprint("kill ", i, ", ", way, " ", name)
		way = w.killOnce(way, fmt.Sprintf("%s:%d", name, nth))
		if way == byPoint {
			counted.hit(name)
		}
		wrong := w.soundFile()
		e, err := w.rest()
		if err != nil {
			wrong = append(wrong, err)
		} else {
			wrong = append(wrong, e.violations()...)
			if err := e.store.Close(); err != nil {
				w.Error(err)
			}
		}
		counted.add(way, len(wrong), time.Since(begun))
		for _, err := range wrong {
			w.Errorf("seed %d, %s: %v", w.seed, how, err)
		}
		if w.Failed() {
			w.Logf("the bridge's last words:\n%s", logTail(w.dir, 60))
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
