package store

import "testing"

// TestOnlyWhatWasBegunCountsAfterAKill kills a process twenty times in a minute: what a group's minute has room for depends on what may have been
// posted, not on how often the program was started.
func TestOnlyWhatWasBegunCountsAfterAKill(t *testing.T) {
	for name, test := range map[string]struct {
		run  func(*testing.T, *Store) // between a start and its kill
		want int                      // messages counted in the end
	}{
		"nothing is begun": {func(*testing.T, *Store) {}, 0},
		"begun, and did not get there": {func(t *testing.T, s *Store) {
			must(t, s.SetInFlight(group, true))
			must(t, s.SetInFlight(group, false))
		}, 0},
		"killed in the middle":   {func(t *testing.T, s *Store) { must(t, s.SetInFlight(group, true)) }, 20},
		"begun in another group": {func(t *testing.T, s *Store) { must(t, s.SetInFlight(group-1, true)) }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			path, c := tempFile(t), newClock()
			s := open(t, path, c.inbox(group))
			fetched(t, s, unread(c, "waits"))
			for range 20 {
				test.run(t, s)
				crash(t, s)
				s = open(t, path, c.inbox(group))
			}
			if got := ok(s.Chat(group)); len(got.Recent) != test.want || got.InFlight {
				t.Errorf("%d messages count, want %d; begun %t", len(got.Recent), test.want, got.InFlight)
			}
			must(t, s.SetInFlight(group, true))
			must(t, s.Close())
			s = open(t, path, c.inbox(group))
			if got := ok(s.Chat(group)); len(got.Recent) != test.want || got.InFlight {
				t.Errorf("after a clean end %d messages count, want %d; begun %t", len(got.Recent), test.want, got.InFlight)
			}
		})
	}
}
