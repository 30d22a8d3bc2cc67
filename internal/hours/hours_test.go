package hours

import (
	"slices"
	"testing"
	"time"
)

const usual = "Sat-Wed 8:00-17:00, Thu 8:00-13:00"

func parse(t testing.TB, s string) Week {
	t.Helper()
	w, err := Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func TestParse(t *testing.T) {
	for s, want := range map[string]Week{
		usual: {
			time.Saturday: {{480, 1020}}, time.Sunday: {{480, 1020}}, time.Monday: {{480, 1020}}, time.Tuesday: {{480, 1020}}, time.Wednesday: {{480, 1020}},
			time.Thursday: {{480, 780}},
		},
		"mon 14-18 8:30-12":            {time.Monday: {{510, 720}, {840, 1080}}},
		"FRI 0:00-24:00":               {time.Friday: {{0, 1440}}},
		"Fri-Sat 22:00-6:00":           {time.Friday: {{1320, 1440}}, time.Saturday: {{0, 360}, {1320, 1440}}, time.Sunday: {{0, 360}}},
		"Sat 20:00-0:00":               {time.Saturday: {{1200, 1440}}},
		"Mon 8:00-12:00; Mon 12:00-13": {time.Monday: {{480, 720}, {720, 780}}},
	} {
		w, err := Parse(s)
		if err != nil {
			t.Errorf("%s: %v", s, err)
		}
		for day := range w {
			if !slices.Equal(w[day], want[day]) {
				t.Errorf("%s: on %v %v, want %v", s, time.Weekday(day), w[day], want[day])
			}
		}
	}
	for _, s := range []string{"", ",", "Sat", "8:00-17:00", "Sat 8:00", "Sat 8:00-8:00", "Sat 25:00-26:00", "Sat 24:00-8:00", "Sat 8:0-9:00", "Sat 8:60-9:00", "Sat -8:00-9:00",
		"Sat-Xyz 8-9", "Sat 8-9 and 10-11", "Mon 8-12, Mon 11-13", "Sunday-Monday 8-9", "Fri 22-6, Sat 5-7"} {
		if w, err := Parse(s); err == nil {
			t.Errorf("%q is read as %v", s, w)
		}
	}
}

func calendar(t testing.TB, s string, closed ...string) Calendar {
	zone, err := time.LoadLocation("Asia/Tehran")
	if err != nil {
		t.Fatal(err)
	}
	c := Calendar{Zone: zone, Closed: func(day string) bool { return slices.Contains(closed, day) }}
	if s != "" {
		c.Week = parse(t, s)
	}
	return c
}

// TestAYear walks through the Persian year 1405 minute by minute, with the first days of spring closed, and compares with what a person would say.
func TestAYear(t *testing.T) {
	c := calendar(t, usual, "2026-03-21", "2026-03-22", "2026-03-23", "2026-03-24", "2026-04-01")
	first := time.Date(2026, 3, 21, 0, 0, 0, 0, c.Zone)
	worked, days := 0, 0
	var minutes []time.Time // in which they work, in order
	for at := first; at.Before(first.AddDate(1, 0, 0)); at = at.Add(time.Minute) {
		hour := at.Hour()
		works := hour >= 8 && hour < 17
		switch at.Weekday() {
		case time.Thursday:
			works = hour >= 8 && hour < 13
		case time.Friday:
			works = false
		}
		if at.Month() == 3 && at.Day() >= 21 && at.Day() <= 24 && at.Year() == 2026 || at.Month() == 4 && at.Day() == 1 {
			works = false
		}
		if c.Open(at) != works {
			t.Fatalf("open at %v: %t", at, !works)
		}
		if works {
			worked++
			minutes = append(minutes, at)
			if hour == 8 && at.Minute() == 0 {
				days++
				if opens, ok := c.Opens(at.Add(-3 * time.Hour)); !ok || !opens.Equal(at) {
					t.Errorf("opens at %v, want %v", opens, at)
				}
			}
		}
	}
	if days != 365-52-5 || worked != (days-52)*9*60+52*5*60 {
		t.Errorf("%d days, %d minutes", days, worked)
	}
	// An hour and a half of work later, from each minute of the year that has it, open or not.
	next := 0
	for at := first; next+90 < len(minutes); at = at.Add(time.Minute) {
		for minutes[next].Before(at) {
			next++
		}
		if next+90 >= len(minutes) {
			break
		}
		if got, want := c.Add(at, 90*time.Minute), minutes[next+89].Add(time.Minute); !got.Equal(want) {
			t.Fatalf("90 minutes after %v it is %v, want %v", at, got, want)
		}
	}
}

func TestWithoutHoursEveryTimeCounts(t *testing.T) {
	c := calendar(t, "", "2026-07-02")
	at := time.Date(2026, 7, 1, 23, 50, 0, 0, c.Zone)
	if !c.Open(at) || c.Open(at.Add(time.Hour)) {
		t.Error("only the closed day is closed")
	}
	if got, want := c.Add(at, 15*time.Minute), time.Date(2026, 7, 3, 0, 5, 0, 0, c.Zone); !got.Equal(want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := c.Add(at, 0); !got.Equal(at) {
		t.Errorf("got %v", got)
	}
}

func TestATeamThatNeverWorksAgain(t *testing.T) {
	c := calendar(t, usual)
	c.Closed = func(string) bool { return true }
	at := time.Date(2026, 7, 1, 12, 0, 0, 0, c.Zone)
	if got := c.Add(at, time.Second); got.Sub(at) < 365*24*time.Hour {
		t.Errorf("got %v", got)
	}
	if _, ok := c.Opens(at); ok {
		t.Error("it opens")
	}
}

// TestTheNightTheClockChanges: an hour that comes twice counts twice, one that is left out does not count.
func TestTheNightTheClockChanges(t *testing.T) {
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	c := calendar(t, "Sun 0:00-6:00")
	c.Zone = zone
	for day, want := range map[time.Time]time.Duration{time.Date(2026, 3, 29, 0, 0, 0, 0, zone): 5 * time.Hour, time.Date(2026, 10, 25, 0, 0, 0, 0, zone): 7 * time.Hour} {
		if end := c.Add(day, want); end.Hour() != 6 || end.Day() != day.Day() {
			t.Errorf("%v of work after %v it is %v", want, day, end)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{usual, "Fri-Sat 22:00-6:00", "mon 8-12 13-17;tue 0-24", "Sat--Sun 1-2", ",,,"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		w, err := Parse(s)
		if err != nil {
			return
		}
		c := calendar(t, "")
		c.Week = w
		at := time.Date(2026, 7, 1, 12, 0, 0, 0, c.Zone)
		end := c.Add(at, time.Minute)
		if !end.After(at) || end.Sub(at) > 8*24*time.Hour || !c.Open(end.Add(-time.Second)) {
			t.Errorf("%q: a minute of work after %v it is %v", s, at, end)
		}
	})
}
