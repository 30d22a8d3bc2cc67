package text

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"peyk/sms"

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

// Days says one day, or several in a row, with their weekdays, in the calendar of the language.
func (t *Language) Days(first, last time.Time) string {
	day := func(at time.Time) string {
		weekday := at.Weekday().String()
		if t.persian {
			weekday = ptime.New(at).Weekday().String()
		}
		return weekday + " " + t.Day(at)
	}
	if t.Day(first) == t.Day(last) {
		return day(first)
	}
	return t.Say(t.fromTo, day(first), day(last))
}

// Instant says a time with its day and weekday, in its own zone and the calendar of the language.
func (t *Language) Instant(at time.Time) string {
	return t.Days(at, at) + " " + t.digits(at.Format("15:04"))
}

// ReadDate reads a day of our calendar or of the Persian one, such as 2026-03-21 or ۱۴۰۵/۱/۱, which years tell apart. now bears the zone.
func ReadDate(s string, now time.Time) (day time.Time, ok bool) {
	parts := strings.FieldsFunc(sms.Digits(s), func(r rune) bool { return r == '-' || r == '/' || r == '.' })
	if len(parts) != 3 {
		return day, false
	}
	var n [3]int
	for i, part := range parts {
		var err error
		if n[i], err = strconv.Atoi(part); err != nil || n[i] < 1 {
			return day, false
		}
	}
	year, month, of := n[0], n[1], n[2]
	switch {
	case month > 12 || of > 31:
		return day, false
	case year >= 1300 && year < 1500:
		persian := ptime.Date(year, ptime.Month(month), of, 12, 0, 0, 0, now.Location())
		at := persian.Time()
		if back := ptime.New(at); back.Year() != year || int(back.Month()) != month || back.Day() != of {
			return day, false
		}
		return time.Date(at.Year(), at.Month(), at.Day(), 0, 0, 0, 0, now.Location()), true
	case year < 1900 || year > 2200:
		return day, false
	}
	day = time.Date(year, time.Month(month), of, 0, 0, 0, 0, now.Location())
	return day, day.Day() == of
}
