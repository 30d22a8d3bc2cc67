package text

import (
	"fmt"
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

// Date returns a time with its date, in its own zone and the calendar of the language.
func (t *Language) Date(at time.Time, clock string) string {
	if !t.persian {
		return at.Format("2006-01-02 " + clock)
	}
	day := ptime.New(at)
	return t.digits(fmt.Sprintf("%d/%02d/%02d %s", day.Year(), day.Month(), day.Day(), at.Format(clock)))
}
