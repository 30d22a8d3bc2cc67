package store

import (
	"slices"
	"sync"
	"testing"
	"time"

	"peyk/sms"
)

func TestTheSameOrderAsks(t *testing.T) {
	for _, tc := range []struct {
		name  string
		after func(t *testing.T, s *Store, c *clock, id BatchID)
		again func(o *Order)
		want  bool
	}{
		{"at once", nil, nil, true},
		{"the recipients in another order and in other pieces", nil, func(o *Order) {
			to := slices.Concat(o.Pieces...)
			slices.Reverse(to)
			o.Pieces = [][]sms.Number{to[:2], to[2:]}
		}, true},
		{"in another chat, as a reply", nil, func(o *Order) { o.Chat, o.Reply = -7, true }, true},
		{"just before two minutes", func(_ *testing.T, _ *Store, c *clock, _ BatchID) { c.pass(sameWithin - time.Second) }, nil, true},
		{"after two minutes", func(_ *testing.T, _ *Store, c *clock, _ BatchID) { c.pass(sameWithin) }, nil, false},
		{"by a clock that was put back a little", func(_ *testing.T, _ *Store, c *clock, _ BatchID) { c.pass(-time.Minute) }, nil, true},
		{"by a clock that was days ahead", func(_ *testing.T, _ *Store, c *clock, _ BatchID) { c.pass(-8 * aDay) }, nil, false},
		{"behind others", func(t *testing.T, s *Store, _ *clock, _ BatchID) {
			for range 20 {
				take(t, s, order(ali))
			}
		}, nil, true},
		{"while it is sent", func(t *testing.T, s *Store, _ *clock, id BatchID) { claimed(t, s, id) }, nil, true},
		{"what is uncertain", func(t *testing.T, s *Store, _ *clock, id BatchID) { must(t, s.Uncertain(claimed(t, s, id))) }, nil, true},
		{"another agent", nil, func(o *Order) { o.Agent++ }, false},
		{"another text", nil, func(o *Order) { o.Text += "." }, false},
		{"another line", nil, func(o *Order) { o.Line = line2 }, false},
		{"one recipient more", nil, func(o *Order) { o.Pieces = append(o.Pieces, []sms.Number{ali}) }, false},
		{"another recipient", nil, func(o *Order) { o.Pieces = [][]sms.Number{append(numbers(2), ali)} }, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			path, c := tempFile(t), newClock()
			s := open(t, path, c.inbox(group))
			o := order(numbers(3)...)
			id := take(t, s, o)
			if tc.after != nil {
				tc.after(t, s, c, id)
			}
			crash(t, s)
			s = open(t, path, c.inbox(group))
			again := *o
			if tc.again != nil {
				tc.again(&again)
			}
			b := ok(s.Batch(take(t, s, &again)))
			if b.Duplicate != tc.want || (b.State == Asking) != tc.want {
				t.Errorf("it is %s (same: %t), want that it asks: %t", b.State, b.Duplicate, tc.want)
			}
		})
	}
}

func TestWhatWasCalledOffIsNoSameOrder(t *testing.T) {
	path, c := tempFile(t), newClock()
	opts := c.inbox(group)
	opts.AskFor = time.Minute
	s := open(t, path, opts)
	o := asking(numbers(3)...)
	same := func() bool {
		t.Helper()
		b := ok(s.Batch(take(t, s, o)))
		ok(s.Decide(b.ID, 1, Cancel, "Ali"))
		return b.Duplicate
	}
	first := take(t, s, o)
	if !same() {
		t.Error("what is not decided yet does not count")
	}
	ok(s.Decide(first, 1, Cancel, "Ali"))
	if same() {
		t.Error("what was cancelled counts")
	}
	take(t, s, o)
	c.pass(time.Minute) // nobody answered, and Expire did not come by
	if same() {
		t.Error("what is too late counts")
	}
	ok(s.Expire())
	if same() {
		t.Error("what expired counts")
	}
}

func TestSameOrdersOfTheSameMoment(t *testing.T) {
	s := open(t, tempFile(t), newClock().inbox(group))
	o := order(ali, sara)
	var all sync.WaitGroup
	ids := make([]BatchID, 8)
	for i := range ids {
		all.Go(func() {
			ids[i], _ = s.Take(UpdateKey{Chat: group, Message: sms.ChatMessageID(100 + i)}, Caused{Order: o})
		})
	}
	all.Wait()
	going := 0
	for _, id := range ids {
		if ok(s.Batch(id)).State == Going {
			going++
		}
	}
	if going != 1 {
		t.Errorf("%d of %d go out unasked, want 1", going, len(ids))
	}
}
