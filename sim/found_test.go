package sim

import (
	"testing"
	"testing/synctest"
	"time"

	"peyk/internal/play"
)

// Faults that the worlds found, each as small as it could be made.

// TestAPanelOutOfReachIsTriedLessAndLess has orders wait for it: each is tried with growing pauses, up to a minute.
func TestAPanelOutOfReachIsTriedLessAndLess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1)
		w.start()
		time.Sleep(time.Minute)
		w.panelNet.Down()
		for seed := range uint64(3) {
			w.Do("an agent sends", play.Chance(seed))
		}
		before := w.panelNet.Dialed()
		time.Sleep(30 * time.Minute)
		// Three orders, the fetches, and what else is asked: about one a minute each.
		if n := w.panelNet.Dialed() - before; n > 5*40 {
			t.Errorf("the panel was called %d times in half an hour", n)
		}
	})
}
