package crash

import (
	"fmt"
	"peyk/internal/play"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// witness takes down what is wrong with a mutant, which is no fault of the test.
type witness struct {
	testing.TB
	mu    sync.Mutex
	found []string
}

func (w *witness) say(what string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.found = append(w.found, what)
}

func (w *witness) Errorf(format string, args ...any) { w.say(fmt.Sprintf(format, args...)) }
func (w *witness) Error(args ...any)                 { w.say(fmt.Sprintln(args...)) }
func (w *witness) Logf(string, ...any)               {}

func (w *witness) Fatalf(format string, args ...any) {
	w.Errorf(format, args...)
	runtime.Goexit()
}

func (w *witness) Fatal(args ...any) {
	w.Error(args...)
	runtime.Goexit()
}

func (w *witness) Failed() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.found) > 0
}

// names tells whether any of them stands in what was found.
func (w *witness) names(any []string) bool {
	return slices.ContainsFunc(w.found, func(found string) bool {
		return slices.ContainsFunc(any, func(name string) bool { return strings.Contains(found, name) })
	})
}

// TestMutantsFit keeps the mutants true to the program they change.
func TestMutantsFit(t *testing.T) {
	for _, m := range slices.Concat(play.Mutants, play.PastFaults, []play.Mutant{play.Later}) {
		if _, _, err := m.Apply(); err != nil {
			t.Errorf("%s: %v", m.Name, err)
		}
	}
}

// TestMutants has the invariants look at programs that break what they hold. PEYK_MUTANTS is how many worlds each of those has that
// drop SMS, of which 95 in a hundred must be found; the others have as many as it takes, but no more than that.
func TestMutants(t *testing.T) {
	worlds := number(t, "PEYK_MUTANTS", 0)
	if worlds == 0 {
		t.Skip("PEYK_MUTANTS says in how many worlds each mutant is tried")
	}
	all := reached(t)
	for i, m := range slices.Concat(play.Mutants, play.PastFaults) {
		if i >= len(play.Mutants) && !m.Power && m.Call == "" {
			continue // sim's
		}
		t.Run(m.Name, func(t *testing.T) {
			made, err := m.Build(t.TempDir(), "build", "peyk")
			if err != nil {
				t.Fatal(err)
			}
			counted := &table{ways: map[string]tally{}, points: map[string]int{}, trying: map[string]int{}}
			for _, p := range all {
				counted.points[p] = 0
			}
			var mu sync.Mutex
			first := uint64(time.Now().UnixNano())
			tried, caught, dropped, seen := 0, 0, 0, 0
			var other []string
			one := func(seed uint64) {
				w := &witness{TB: t}
				var lost []int // of those it dropped
				gone := make(chan struct{})
				go func() { // which Fatal ends
					defer close(gone)
					kind, _ := play.SeedAt(m.Kind)
					if m.Kind == "" {
						kind = 0
					}
					world := worldAt(w, seed, kind)
					world.program = made
					switch {
					case m.Power:
						tryImages(w, world, 30)
						return
					case m.Call != "":
						_, _, wrong := world.endures(injection{"desk", m.Call, "EIO", int(seed-first) + 1})
						for _, err := range wrong {
							w.Error(err)
						}
						return
					}
					world.history(killsEach, all, counted)
					if m.Drops {
						lost = world.dropped()
					}
				}()
				<-gone
				mu.Lock()
				defer mu.Unlock()
				tried++
				if w.names(m.Caught) {
					caught++
				} else {
					other = append(other, w.found...)
				}
				dropped += len(lost)
				for _, n := range lost {
					if w.names([]string{fmt.Sprintf("SMS %d, handed out", n)}) {
						seen++
					}
				}
			}
			slots := make(chan struct{}, worldsAtOnce)
			var running sync.WaitGroup
			for i := range worlds {
				slots <- struct{}{}
				mu.Lock()
				enough := caught > 0 && !m.Drops
				mu.Unlock()
				if enough {
					break
				}
				running.Go(func() {
					defer func() { <-slots }()
					one(first + uint64(i))
				})
			}
			running.Wait()
			t.Logf("caught in %d of %d worlds", caught, tried)
			if m.Drops {
				t.Logf("%d SMS were dropped, %d of them were found", dropped, seen)
			}
			if caught == 0 || m.Drops && seen*100 < dropped*95 {
				t.Errorf("%s is not found; what was: %.2000q", m.Name, other)
			}
		})
	}
}

// dropped returns the SMS that a mutant says it has dropped, and did not show after all: an answer is read again after a kill.
func (w *world) dropped() []int {
	b, found := w.look().Balance(), map[int]bool{}
	for _, line := range strings.Split(logTail(w.dir, 1<<20), "\n") {
		if words, ok := strings.CutPrefix(line, "dropped "); ok {
			if n := play.NumberOf(words); b.Missing[n] > 0 {
				found[n] = true
			}
		}
	}
	var all []int
	for n := range found {
		all = append(all, n)
	}
	return all
}
