package sim

import (
	"errors"
	"flag"
	"fmt"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"peyk/internal/play"
)

var mutants = flag.Int("mutants", 0, "build each mutant, and play at most so many of its worlds, until one is caught")

var (
	seedOf = regexp.MustCompile(`--- FAIL: TestWorlds/seed=(\d+)`)
	begun  = regexp.MustCompile(`=== RUN   TestWorlds/seed=(\d+)`)
)

// TestMutants has the invariants look at bridges with a fault built in, and at those that the bridge once had.
func TestMutants(t *testing.T) {
	if *mutants == 0 {
		t.Skip("-mutants says how many worlds of each are played")
	}
	for _, m := range slices.Concat(play.Mutants, play.PastFaults) {
		t.Run(m.Name, func(t *testing.T) {
			switch {
			case m.Power, m.Call != "":
				t.Skip("loss of power, and system calls that fail, are crash's")
			case m.Unseen != "":
				t.Skip(m.Unseen)
			}
			made, err := m.Build(t.TempDir(), "test", "-c", "peyk/sim")
			if err != nil {
				t.Fatal(err)
			}
			since := time.Now()
			out, err := exec.Command(made, "-test.run", "TestWorlds", "-test.failfast", "-test.v", "-seed", "1", "-kind", m.Kind, "-worlds", fmt.Sprint(*mutants), "-rounds", "4", "-killed", fmt.Sprint(*killed), "-row", fmt.Sprint(*row), "-tries", "0").CombinedOutput()
			found := seedOf.FindSubmatch(out)
			if found == nil { // it may have ended with a panic
				if all := begun.FindAllSubmatch(out, -1); len(all) > 0 {
					found = all[len(all)-1]
				}
			}
			if _, failed := errors.AsType[*exec.ExitError](err); !failed || found == nil {
				t.Errorf("not found in %s: %v\n%.2000s", time.Since(since).Round(time.Second), err, out)
				return
			}
			if !slices.ContainsFunc(m.Caught, func(name string) bool { return strings.Contains(string(out), name+":") }) {
				t.Errorf("what was found is none of %q:\n%.2000s", m.Caught, out)
			}
			t.Logf("found with seed %s after %s", found[1], time.Since(since).Round(100*time.Millisecond))
		})
	}
}
