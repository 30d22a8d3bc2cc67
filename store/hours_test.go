package store

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"peyk/internal/hours"
)

func TestClosedDays(t *testing.T) {
	path, c := tempFile(t), newClock() // on 1 July 2026
	opts := c.inbox(group)
	opts.Hours = ok(hours.Parse("Sat-Wed 8:00-17:00"))
	s := open(t, path, opts)
	set := func(first, last string, open bool) { caused(t, s, Caused{Days: &Days{first, last, open}}) }
	closed := func(want ...string) {
		t.Helper()
		if diff := cmp.Diff(want, ok(s.Closed())); diff != "" {
			t.Error(diff)
		}
	}
	closed()
	set("2026-07-30", "2026-08-02", false)
	set("2026-07-05", "2026-07-05", false)
	set("2026-07-31", "2026-07-31", false) // again
	closed("2026-07-05", "2026-07-30", "2026-07-31", "2026-08-01", "2026-08-02")
	set("2026-07-31", "2026-08-01", true)
	crash(t, s)
	s = open(t, path, opts)
	closed("2026-07-05", "2026-07-30", "2026-08-02")

	noon := func(day int) time.Time { return time.Date(2026, 7, day, 12, 0, 0, 0, time.UTC) }
	when := ok(s.Hours())
	if when.Open(noon(5)) || !when.Open(noon(6)) || when.Open(noon(3)) { // closed, a Monday, a Friday
		t.Error("the calendar does not know the hours and the closed days")
	}
	c.pass(500 * aDay)
	set("2027-11-20", "2027-11-20", false)
	closed("2027-11-20")
}
