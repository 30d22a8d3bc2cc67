package text

import (
	"fmt"
	"strings"
	"time"

	ptime "github.com/yaa110/go-persian-calendar"
)

// Clock returns a time as agents read it, in the zone of now: without the date when it is on the same day.
func (t *Language) Clock(at, now time.Time) string {
	at = at.In(now.Location())
	if at.YearDay() == now.YearDay() && at.Year() == now.Year() {
		return t.digits(at.Format("15:04"))
	}
	return t.Date(at, "15:04")
}

// Day returns the day of a time, in its own zone and the calendar of the language.
func (t *Language) Day(at time.Time) string { return strings.TrimSpace(t.Date(at, "")) }

// DayOfMonth returns the number of a time's day in its month, in the calendar of the language.
func (t *Language) DayOfMonth(at time.Time) int {
	if t.persian {
		return ptime.New(at).Day()
	}
	return at.Day()
}

// Took says how long something took.
func (t *Language) Took(d time.Duration) string {
	switch d = d.Round(time.Second); {
	case d < time.Minute:
		return t.Say(t.tookSeconds, int(d/time.Second))
	case d < time.Hour:
		return t.Say(t.tookMinutes, int(d.Round(time.Minute)/time.Minute))
	}
	d = d.Round(time.Minute)
	return t.Say(t.tookHours, int(d/time.Hour), int(d%time.Hour/time.Minute))
}

// Lasting says how long something has lasted, which may be days.
func (t *Language) Lasting(d time.Duration) string {
	if d < 24*time.Hour {
		return t.Took(max(d, 0))
	}
	hours := int(d / time.Hour)
	return t.Say(t.days, hours/24, hours%24)
}

// Date returns a time with its date, in its own zone and the calendar of the language.
func (t *Language) Date(at time.Time, clock string) string {
	if !t.persian {
		return at.Format("2006-01-02 " + clock)
	}
	day := ptime.New(at)
	return t.digits(fmt.Sprintf("%d/%02d/%02d %s", day.Year(), day.Month(), day.Day(), at.Format(clock)))
}
