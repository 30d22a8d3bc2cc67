package store

import (
	"errors"
	"sync"
	"testing"
	"time"

	"peyk/sms"
)

// capped are options under which an agent may order ten parts a day, in Tehran.
func (c *clock) capped(t *testing.T) Options {
	return Options{Now: c.now, Inbox: []sms.ChatID{group}, DailyParts: 10, Location: ok(time.LoadLocation("Asia/Tehran"))}
}

// parts is an order of so many parts to each of to.
func parts(n int, to ...sms.Number) *Order {
	o := order(to...)
	o.Parts = n
	return o
}

// refusal takes an update that orders o and returns how many parts were left when it was refused, or -1 when it was not.
func refusal(t *testing.T, s *Store, o *Order) int {
	t.Helper()
	before := rowCounts(s)
	next := sms.ChatMessageID(1)
	for ok(s.Taken(UpdateKey{Chat: o.Chat, Message: next})) {
		next++
	}
	_, err := s.Take(UpdateKey{Chat: o.Chat, Message: next}, Caused{Order: o})
	if err == nil {
		return -1
	}
	over, is := errors.AsType[*OverCap](err)
	if !is || over.Cap != 10 || over.Parts != o.Parts*len(o.Pieces[0]) {
		t.Fatalf("got %v", err)
	}
	for bucket, n := range rowCounts(s) {
		if n != before[bucket] {
			t.Errorf("an order that was refused stored %d rows in %s", n-before[bucket], bucket)
		}
	}
	return over.Left
}

func TestACapHoldsForAnAgentAndADay(t *testing.T) {
	path, c := tempFile(t), newClock() // 14:01 in Tehran
	s := open(t, path, c.capped(t))
	take(t, s, parts(3, ali, sara))
	if left := refusal(t, s, parts(5, ali)); left != 4 {
		t.Errorf("left %d, want 4", left)
	}
	other := parts(5, ali, sara)
	other.Agent = 6
	take(t, s, other)
	crash(t, s)
	s = open(t, path, c.capped(t))
	take(t, s, parts(4, ali))
	if left := refusal(t, s, parts(1, ali)); left != 0 {
		t.Errorf("left %d, want none", left)
	}
	c.pass(9*time.Hour + 58*time.Minute) // 23:59
	if left := refusal(t, s, parts(1, ali)); left != 0 {
		t.Errorf("in the night %d are left, want none", left)
	}
	c.pass(time.Minute) // in Greenwich it is 20:30
	take(t, s, parts(10, ali))
	// Settings may change.
	must(t, s.Close())
	opts := c.capped(t)
	opts.DailyParts = 0
	s = open(t, path, opts)
	take(t, s, parts(1000, ali))
	must(t, s.Close())
	s = open(t, path, c.capped(t))
	if left := refusal(t, s, parts(1, ali)); left != 0 {
		t.Errorf("left %d, want none", left)
	}
}

func TestOnlyWhatIsSentCostsOfTheDay(t *testing.T) {
	path, c := tempFile(t), newClock()
	s := open(t, path, c.capped(t))
	ask := func(n int) BatchID {
		o := parts(n, ali)
		o.Ask = true
		return take(t, s, o)
	}
	tooMuch := parts(11, ali)
	tooMuch.Ask = true
	if left := refusal(t, s, tooMuch); left != 10 {
		t.Errorf("left %d, want all", left)
	}
	ok(s.Decide(ask(8), 1, Cancel, "Ali"))
	ask(8)
	c.pass(askFor)
	ok(s.Expire())
	first, second := ask(8), ask(8)
	ok(s.Decide(first, 1, Send, "Ali"))
	_, err := s.Decide(second, 1, Send, "Ali")
	if over, is := errors.AsType[*OverCap](err); !is || *over != (OverCap{Parts: 8, Left: 2, Cap: 10}) {
		t.Errorf("got %v", err)
	}
	crash(t, s)
	s = open(t, path, c.capped(t))
	if b := ok(s.Batch(second)); b.State != Asking || b.DecidedBy != "" || b.Generation != 1 || len(queued(t, s)) != 1 {
		t.Errorf("got %+v, want that it still asks", b)
	}
	if left := refusal(t, s, parts(3, ali)); left != 2 {
		t.Errorf("left %d, want 2", left)
	}
	ok(s.Decide(second, 1, Cancel, "Ali"))
	// What is sent again was counted already, what the panel refuses stays counted.
	must(t, s.Uncertain(claim(t, s)))
	ok(s.Decide(first, ok(s.Batch(first)).Generation, Again, "Sara"))
	must(t, s.Refuse(claim(t, s), "no credit", "-3"))
	if left := refusal(t, s, parts(3, ali)); left != 2 {
		t.Errorf("left %d, want 2", left)
	}
}

func TestACapHoldsForOrdersOfTheSameMoment(t *testing.T) {
	c := newClock()
	s := open(t, tempFile(t), c.capped(t))
	asked := make([]BatchID, 4)
	for i := range asked {
		o := parts(3, ali)
		o.Ask = true
		asked[i] = take(t, s, o)
	}
	var all sync.WaitGroup
	results := make(chan error, 2*len(asked))
	for i, id := range asked {
		all.Go(func() {
			_, err := s.Decide(id, 1, Send, "Ali")
			results <- err
		})
		all.Go(func() {
			_, err := s.Take(UpdateKey{Chat: group, Message: sms.ChatMessageID(100 + i)}, Caused{Order: parts(3, ali)})
			results <- err
		})
	}
	all.Wait()
	close(results)
	sent := 0
	for err := range results {
		if _, over := errors.AsType[*OverCap](err); err == nil {
			sent++
		} else if !over {
			t.Error(err)
		}
	}
	if sent != 3 || len(queued(t, s)) != 3 {
		t.Errorf("%d orders of 3 parts went out, %d are queued, want 3 of a cap of 10", sent, len(queued(t, s)))
	}
}

func TestSpentIsKeptForAYear(t *testing.T) {
	c := newClock()
	s := open(t, tempFile(t), c.capped(t))
	take(t, s, parts(3, ali))
	spent := func() int { return rowCounts(s)["spent"] }
	c.pass(365 * aDay)
	if prune(t, s); spent() != 1 {
		t.Errorf("%d rows after a year, want the one", spent())
	}
	c.pass(aDay)
	if prune(t, s); spent() != 0 {
		t.Errorf("%d rows after a year and a day", spent())
	}
}
