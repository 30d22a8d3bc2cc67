// Package hours knows when a team works: the hours of each weekday, without the days on which it is closed. It counts time in them.
package hours

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Span is a part of a day, in minutes since it began; To is not part of it.
type Span struct{ From, To int }

const dayEnds = 24 * 60

// Week is when a team works on each time.Weekday: spans in order, apart from one another. The zero Week is always.
type Week [7][]Span

// Always tells whether w has no hours at all, and so is always.
func (w Week) Always() bool {
	return !slices.ContainsFunc(w[:], func(spans []Span) bool { return len(spans) > 0 })
}

var weekdays = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

// Parse reads hours such as "Sat-Wed 8:00-17:00, Thu 8:00-12:00 14:00-16:00". Hours that end before they begin go on after midnight. The error is a
// *Mistake.
func Parse(s string) (Week, error) {
	var w Week
	for item := range strings.FieldsFuncSeq(s, func(r rune) bool { return r == ',' || r == ';' || r == '،' }) {
		words := strings.Fields(item)
		if len(words) == 0 {
			continue
		}
		days, ok := readDays(words[0])
		if !ok || len(words) == 1 {
			return Week{}, &Mistake{strings.TrimSpace(item)}
		}
		for _, word := range words[1:] {
			span, ok := readSpan(word)
			if !ok {
				return Week{}, &Mistake{word}
			}
			for _, day := range days {
				if span.To > span.From {
					w[day] = append(w[day], span)
					continue
				}
				next := (day + 1) % 7
				w[day], w[next] = append(w[day], Span{span.From, dayEnds}), append(w[next], Span{0, span.To})
			}
		}
	}
	for day, spans := range w {
		spans = slices.DeleteFunc(spans, func(s Span) bool { return s.From == s.To })
		slices.SortFunc(spans, func(a, b Span) int { return a.From - b.From })
		for i := range len(spans) - 1 {
			if spans[i].To > spans[i+1].From {
				return Week{}, &Mistake{fmt.Sprintf("%s %v-%v", weekdays[day], clock(spans[i+1].From), clock(spans[i].To))}
			}
		}
		w[day] = spans
	}
	if w.Always() {
		return Week{}, &Mistake{s}
	}
	return w, nil
}

// Mistake is what cannot be read in hours, or is said twice.
type Mistake struct{ At string }

func (m *Mistake) Error() string { return "not hours of weekdays: " + strconv.Quote(m.At) }

func clock(minutes int) string { return fmt.Sprintf("%d:%02d", minutes/60, minutes%60) }

// readDays reads "Sat" or "Sat-Wed".
func readDays(s string) (days []int, ok bool) {
	first, last, isRange := strings.Cut(strings.ToLower(s), "-")
	from := slices.Index(weekdays, first)
	to := from
	if isRange {
		to = slices.Index(weekdays, last)
	}
	if from < 0 || to < 0 {
		return nil, false
	}
	for day := from; ; day = (day + 1) % 7 {
		if days = append(days, day); day == to {
			return days, true
		}
	}
}

// readSpan reads "8:00-17:00".
func readSpan(s string) (Span, bool) {
	from, to, ok := strings.Cut(s, "-")
	f, fromOK := readClock(from)
	t, toOK := readClock(to)
	return Span{f, t}, ok && fromOK && toOK && f != t && f < dayEnds
}

func readClock(s string) (minutes int, ok bool) {
	hour, min, colon := strings.Cut(s, ":")
	h, err := strconv.Atoi(hour)
	m := 0
	if colon && err == nil {
		m, err = strconv.Atoi(min)
		if len(min) != 2 {
			err = errors.New("minutes have two digits")
		}
	}
	minutes = h*60 + m
	return minutes, err == nil && len(hour) <= 2 && h >= 0 && m >= 0 && m < 60 && minutes <= dayEnds
}

// Calendar is when a team works.
type Calendar struct {
	Week   Week
	Zone   *time.Location
	Closed func(day string) bool // whether it does not on a day such as 2026-03-21
}

// Day names the day of a time, in its own zone.
func Day(at time.Time) string { return at.Format(time.DateOnly) }

// spans returns when the team works on the day of at, as times.
func (c Calendar) spans(at time.Time) (spans [][2]time.Time) {
	at = at.In(c.Zone)
	if c.Closed(Day(at)) {
		return nil
	}
	week := c.Week[at.Weekday()]
	if c.Week.Always() {
		week = []Span{{0, dayEnds}}
	}
	for _, s := range week {
		minute := func(n int) time.Time { return time.Date(at.Year(), at.Month(), at.Day(), 0, n, 0, 0, c.Zone) }
		spans = append(spans, [2]time.Time{minute(s.From), minute(s.To)})
	}
	return spans
}

// Open tells whether the team works.
func (c Calendar) Open(at time.Time) bool {
	return slices.ContainsFunc(c.spans(at), func(s [2]time.Time) bool { return !at.Before(s[0]) && at.Before(s[1]) })
}

// Opens returns when the team begins to work on the day of at; ok is false if it does not.
func (c Calendar) Opens(at time.Time) (opens time.Time, ok bool) {
	if spans := c.spans(at); len(spans) > 0 {
		return spans[0][0], true
	}
	return at, false
}

// looksAhead bounds how many days Add looks for working hours.
const looksAhead = 400

// Add returns when the team will have worked for d since from: the end of that time, and not the next morning. If it works no more, that is a year and
// more away.
func (c Calendar) Add(from time.Time, d time.Duration) time.Time {
	at := from.In(c.Zone)
	for range looksAhead {
		for _, s := range c.spans(at) {
			begins := s[0]
			if from.After(begins) {
				begins = from
			}
			lasts := s[1].Sub(begins)
			if lasts <= 0 {
				continue
			}
			if d <= lasts {
				return begins.Add(d)
			}
			d -= lasts
		}
		at = time.Date(at.Year(), at.Month(), at.Day()+1, 0, 0, 0, 0, c.Zone)
	}
	return at
}
