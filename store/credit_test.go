package store

import (
	"math"
	"testing"
	"time"
)

// lowCredits returns the incidents that tell of a low credit.
func lowCredits(t *testing.T, s *Store) []Incident {
	t.Helper()
	var low []Incident
	for _, i := range ok(s.Incidents()) {
		if i.Kind == LowCredit {
			low = append(low, i)
		}
	}
	return low
}

func TestLowCreditIsToldOncePerFall(t *testing.T) {
	path, c := tempFile(t), newClock()
	s := open(t, path, c.inbox(group))
	for i, reading := range []struct {
		credit float64
		told   int
	}{{600, 0}, {500, 0}, {499.5, 1}, {400, 1}, {450, 1}, {500, 1}, {499, 2}, {0, 2}, {-3, 2}, {1000, 2}, {10, 3}} {
		must(t, s.SaveCredit(reading.credit, 500))
		if i%2 == 0 {
			crash(t, s)
			s = open(t, path, c.inbox(group))
		}
		low := lowCredits(t, s)
		if len(low) != reading.told {
			t.Fatalf("at %v it was told %d times, want %d", reading.credit, len(low), reading.told)
		}
		if n := len(low); n > 0 && low[n-1].Low != 500 {
			t.Errorf("told of %+v", low[n-1])
		}
	}
	admins := 0
	for _, p := range posts(t, s) {
		if p.Kind == PostIncident && p.Chat == admin {
			admins++
		}
	}
	if admins != 3 {
		t.Errorf("the admin is told %d times, want 3", admins)
	}
}

func TestCreditGoesByWhatFellLately(t *testing.T) {
	for name, test := range map[string]struct {
		readings func(read func(credit float64), pass func(time.Duration))
		burn     float64
	}{
		"half a day says nothing": {func(read func(float64), pass func(time.Duration)) {
			read(1000)
			pass(12 * time.Hour)
		}, 0},
		"a hundred a day": {func(read func(float64), pass func(time.Duration)) {
			for i := range 31 {
				read(3500 - 100*float64(i))
				pass(aDay)
			}
		}, 100},
		"what was paid in does not count": {func(read func(float64), pass func(time.Duration)) {
			for range 5 {
				read(1000)
				pass(12 * time.Hour)
				read(940)
				pass(12 * time.Hour)
				read(900)
			}
		}, 100},
		"faster than weeks ago": {func(read func(float64), pass func(time.Duration)) {
			for i := range 20 {
				read(5000 - 10*float64(i))
				pass(aDay)
			}
			for i := range 10 {
				read(4800 - 200*float64(i))
				pass(aDay)
			}
		}, 200},
		"nobody looked for ten days": {func(read func(float64), pass func(time.Duration)) {
			read(2000)
			pass(10 * aDay)
			read(1000)
			pass(aDay)
			read(900)
		}, 100},
	} {
		t.Run(name, func(t *testing.T) {
			c := newClock()
			s := open(t, tempFile(t), c.inbox(group))
			last := 0.0
			test.readings(func(credit float64) {
				must(t, s.SaveCredit(credit, 0))
				last = credit
			}, c.pass)
			must(t, s.SaveCredit(last, last+1))
			low := lowCredits(t, s)
			if len(low) != 1 || low[0].Credit != last || math.Abs(low[0].Burn-test.burn) > test.burn/7 {
				t.Errorf("told of %+v, want that about %v a day goes", low, test.burn)
			}
		})
	}
}

func TestCreditReadingsAreKeptForAMonth(t *testing.T) {
	c := newClock()
	s := open(t, tempFile(t), c.inbox(group))
	for i := range 100 {
		for range 3 {
			must(t, s.SaveCredit(float64(1000-i), 0))
			c.pass(8 * time.Hour)
		}
		prune(t, s)
	}
	if n := rowCounts(s)["credit"]; n < 30 || n > 32 {
		t.Errorf("%d rows are kept, want those of 30 days", n)
	}
	// A clock that is put back changes nothing that was.
	c.pass(-50 * aDay)
	must(t, s.SaveCredit(500, 0))
	if n := rowCounts(s)["credit"]; n > 32 {
		t.Errorf("%d rows", n)
	}
}
