package store

import (
	"cmp"
	"errors"
	"slices"
	"time"
)

// sameWithin is how long after an order the same agent is asked before the same one goes out again: a poor connection may have sent their message
// twice, or they were not sure that the first one arrived.
const sameWithin = 2 * time.Minute

// sameAmong is how many of the last orders are looked at. Two minutes bring fewer, unless a clock was ahead.
const sameAmong = 1000

// justOrdered tells whether the agent of o ordered the same just before: the same texts, line and recipients, in any order and any chat. An order
// that was called off or expired does not count.
func (t *tx) justOrdered(o Order) (bool, error) {
	ordered := slices.Concat(o.rows()...)
	sortRows(ordered)
	c := t.bucket(bucketBatch).Cursor()
	key, value := c.Last()
	for range sameAmong {
		if key == nil {
			break
		}
		var b Batch
		if err := decode(value, &b); err != nil {
			return false, err
		}
		age := t.now.Sub(b.Created)
		if age >= sameWithin {
			break
		}
		calledOff := b.State == Cancelled || b.State == Expired || b.State == Asking && t.store.late(b.Created, t.now)
		if age.Abs() < sameWithin && !calledOff && b.Agent == o.Agent && b.Line == o.Line && cmp.Or(b.Written, b.Text) == o.Text && b.N == len(ordered) && b.own() == (o.Bulk != nil && o.Bulk.Own) {
			before, err := t.recipients(b)
			if err != nil && !errors.Is(err, ErrNotFound) {
				return false, err
			}
			if err == nil && slices.EqualFunc(ordered, before, func(a, b Row) bool { return a.To == b.To && a.Text == b.Text }) {
				return true, nil
			}
		}
		key, value = c.Prev()
	}
	return false, nil
}

// recipients returns whom b is for, and the texts they have of their own, sorted.
func (t *tx) recipients(b Batch) ([]Row, error) {
	to := make([]Row, b.N)
	for i := range to {
		m, err := t.sms(b.First + Seq(i))
		if err != nil {
			return nil, err
		}
		to[i] = Row{To: m.Customer, Text: m.Text}
	}
	sortRows(to)
	return to, nil
}

func sortRows(rows []Row) {
	slices.SortFunc(rows, func(a, b Row) int { return cmp.Or(cmp.Compare(a.To, b.To), cmp.Compare(a.Text, b.Text)) })
}
