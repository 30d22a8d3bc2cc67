package sim

import (
	"cmp"
	"flag"
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

var (
	seed   = flag.Uint64("seed", 0, "play the world of this seed, alone unless -worlds says how many from it on")
	worlds = flag.Int("worlds", 0, "how many worlds are played; 2 when zero")
	last   = flag.Int("last", 60, "how many of the last events are told when something is wrong")
	rounds = flag.Int("rounds", 2, "how often each comes to rest and is checked")
)

// TestWorlds plays worlds in which everything fails.
func TestWorlds(t *testing.T) {
	first, n := uint64(time.Now().UnixNano()), cmp.Or(*worlds, 2)
	if *seed != 0 {
		first, n = *seed, cmp.Or(*worlds, 1)
	}
	for i := range n {
		t.Run(fmt.Sprint("seed=", first+uint64(i)), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, first+uint64(i))
				steps := script(first+uint64(i), *rounds)
				for _, err := range w.play(steps) {
					t.Error(err)
				}
				if t.Failed() {
					t.Logf("the last events:\n%s", w.story(*last))
					t.Logf("the bridge's last words:\n%s", w.log.last(40))
				}
				t.Logf("%s, %d starts, %d SMS in, %d orders", time.Since(start).Round(time.Minute), len(w.Starts), len(w.Inbound), len(w.Orders))
			})
		})
	}
}
