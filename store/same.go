package store

import (
	"errors"
	"slices"
	"time"

	"peyk/sms"
)

// sameWithin is how long an agent who gives the same order again is asked about it: a message that a poor connection sent twice, a tap too
// many, a doubt whether the first one came.
const sameWithin = 2 * time.Minute

// sameAmong is how many of the last orders are looked at: those of two minutes are fewer, unless a clock was ahead.
const sameAmong = 1000

// justOrdered tells whether the agent of o ordered the same just before: the text, the line and the recipients, in whatever order and
// chat. What was called off, or never answered, was no order.
func (t *tx) justOrdered(o Order) (bool, error) {
	to := slices.Sorted(slices.Values(slices.Concat(o.Pieces...)))
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
		if age.Abs() < sameWithin && !calledOff && b.Agent == o.Agent && b.Line == o.Line && b.Text == o.Text && b.N == len(to) {
			before, err := t.recipients(b)
			if err != nil && !errors.Is(err, ErrNotFound) {
				return false, err
			}
			if err == nil && slices.Equal(to, before) {
				return true, nil
			}
		}
		key, value = c.Prev()
	}
	return false, nil
}

// recipients returns whom b is for, sorted.
func (t *tx) recipients(b Batch) ([]sms.Number, error) {
	to := make([]sms.Number, b.N)
	for i := range to {
		m, err := t.sms(b.First + Seq(i))
		if err != nil {
			return nil, err
		}
		to[i] = m.Customer
	}
	slices.Sort(to)
	return to, nil
}
