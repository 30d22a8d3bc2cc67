package hours

import (
	"strings"
	"time"
)

// Quiet is a part of each day in which people are left in peace; one that ends before it begins goes on after midnight. The zero Quiet is never.
type Quiet Span

// ParseQuiet reads hours such as "22:00-8:00". The error is a *Mistake.
func ParseQuiet(s string) (Quiet, error) {
	span, ok := readSpan(strings.TrimSpace(s))
	if !ok {
		return Quiet{}, &Mistake{s}
	}
	return Quiet(span), nil
}

// Until returns when the quiet ends that a time is in, in that time's zone; zero if it is in none.
func (q Quiet) Until(at time.Time) time.Time {
	minutes := at.Hour()*60 + at.Minute()
	days := 0
	switch {
	case q.From < q.To && minutes >= q.From && minutes < q.To:
	case q.From > q.To && minutes < q.To:
	case q.From > q.To && minutes >= q.From:
		days = 1
	default:
		return time.Time{}
	}
	return time.Date(at.Year(), at.Month(), at.Day()+days, 0, q.To, 0, 0, at.Location())
}
