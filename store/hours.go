package store

import (
	"errors"
	"slices"
	"time"

	"peyk/internal/hours"
)

// keepClosed is how long a day stays known on which the team did not work.
const keepClosed = 400 * aDay

// closed returns the days on which the team does not work, such as 2026-03-21, in order.
func (t *tx) closed() ([]string, error) {
	var days []string
	err := get(t.bucket(bucketMeta), keyClosed, &days)
	if errors.Is(err, ErrNotFound) {
		err = nil
	}
	return days, err
}

// Closed returns the days on which the team does not work, such as 2026-03-21, in order.
func (s *Store) Closed() ([]string, error) {
	var days []string
	err := s.view(func(t *tx) error {
		var err error
		days, err = t.closed()
		return err
	})
	return days, err
}

// Days are some days in a row, such as 2026-03-21, and whether the team works on them, as on others.
type Days struct {
	First, Last string
	Open        bool
}

// setDays notes whether the team works on some days. What is long past is forgotten.
func (t *tx) setDays(d Days) error {
	days, err := t.closed()
	if err != nil {
		return err
	}
	past := hours.Day(t.now.Add(-keepClosed))
	days = slices.DeleteFunc(days, func(day string) bool { return day >= d.First && day <= d.Last || day < past })
	first, err := time.Parse(time.DateOnly, d.First)
	if err != nil {
		return err
	}
	for at := first; !d.Open && hours.Day(at) <= d.Last; at = at.AddDate(0, 0, 1) {
		days = append(days, hours.Day(at))
	}
	slices.Sort(days)
	return put(t.bucket(bucketMeta), keyClosed, days)
}

// Hours returns when the team works.
func (s *Store) Hours() (hours.Calendar, error) {
	days, err := s.Closed()
	return s.calendar(days), err
}

// calendar is when the team works that does not on some days, which are in order.
func (s *Store) calendar(closed []string) hours.Calendar {
	return hours.Calendar{Week: s.opts.Hours, Zone: s.opts.Location, Closed: func(day string) bool {
		_, found := slices.BinarySearch(closed, day)
		return found
	}}
}
