package store

import (
	"errors"
	"testing"
	"time"

	"peyk/sms"
)

// sent stores a batch to n customers that the panel has accepted.
func sent(tb testing.TB, s *Store, n int) BatchID {
	tb.Helper()
	id := take(tb, s, order(numbers(n)...))
	p := claim(tb, s)
	must(tb, s.Sent(p, accepted(p), nil))
	return id
}

func report(code int) (int, sms.Status) {
	switch code {
	case 1:
		return code, sms.Sent
	case 3:
		return code, sms.AtTelecom
	case 4:
		return code, sms.Delivered
	case 2, 5, 6:
		return code, sms.Failed
	}
	return code, sms.Queued
}

// asks waits until the next SMS is due and reports code of it; it returns the pause, 0 when none is ever due.
func asks(tb testing.TB, s *Store, c *clock, code int) time.Duration {
	tb.Helper()
	due, next, err := s.Due(10)
	must(tb, err)
	pause := time.Duration(0)
	if len(due) == 0 {
		if next.IsZero() {
			return 0
		}
		pause = next.Sub(c.now())
		c.pass(pause)
		if due, _, err = s.Due(10); err != nil || len(due) == 0 {
			tb.Fatalf("at the time Due gave nothing is due: %v", err)
		}
	}
	var reports []Report
	for _, m := range due {
		r := Report{Seq: m.Seq}
		r.Code, r.Status = report(code)
		reports = append(reports, r)
	}
	must(tb, s.SetDelivery(reports))
	return pause
}

func TestDeliveryIsFollowedForTwoDays(t *testing.T) {
	path, c := tempFile(t), newClock()
	s := open(t, path, c.options())
	id := sent(t, s, 1)
	begun, last := c.now(), time.Duration(0)
	asked := 0
	for {
		if asked == 5 {
			crash(t, s)
			s = open(t, path, c.options())
		}
		pause := asks(t, s, c, 3)
		if pause == 0 {
			break
		}
		if pause < last || pause > maxPause+time.Second {
			t.Errorf("pause %d is %v after %v", asked, pause, last)
		}
		if asked == 0 && pause != 15*time.Second {
			t.Errorf("first pause %v, want the interval of 15 s", pause)
		}
		last = pause
		asked++
	}
	if took := c.now().Sub(begun); took > FollowFor || took < FollowFor-2*maxPause {
		t.Errorf("followed for %v, want up to %v", took, FollowFor)
	}
	if asked < 40 || asked > 80 {
		t.Errorf("asked %d times", asked)
	}
	b := ok(s.Batch(id))
	if b.NoReport != 1 || b.Counts[sms.AtTelecom] != 1 {
		t.Errorf("counts %v, no report %d, want one at the telecom, no longer asked for", b.Counts, b.NoReport)
	}
	// An agent asks, long after: nothing is counted twice, and a delivery still counts.
	for _, code := range []int{3, 0} {
		code, status := report(code)
		must(t, s.SetDelivery([]Report{{b.First, code, status}}))
		if got := ok(s.Batch(id)).NoReport; got != 1 {
			t.Errorf("asked by hand, code %d: no report of %d, want 1", code, got)
		}
	}
	must(t, s.SetDelivery([]Report{{b.First, 4, sms.Delivered}}))
	if b := ok(s.Batch(id)); b.NoReport != 0 || b.Counts[sms.Delivered] != 1 {
		t.Errorf("delivered in the end: counts %v, no report %d", b.Counts, b.NoReport)
	}
}

func TestDeliveryIsFollowedFromTheSendingOn(t *testing.T) {
	c := newClock()
	s := open(t, tempFile(t), c.options())
	id := take(t, s, order(ali))
	c.pass(3 * 24 * time.Hour) // the panel was away
	p := claim(t, s)
	must(t, s.Sent(p, accepted(p), nil))
	asks(t, s, c, 1)
	if pause := asks(t, s, c, 3); pause == 0 {
		t.Error("three days after the order, a minute after the sending, nobody asks any more")
	}
	if got := ok(s.Batch(id)).NoReport; got != 0 {
		t.Errorf("%d without report, want none", got)
	}
}

func TestFinalStatusNeverGoesBack(t *testing.T) {
	for _, last := range []int{4, 6} {
		path, c := tempFile(t), newClock()
		s := open(t, path, c.options())
		id := sent(t, s, 1)
		asks(t, s, c, 3)
		asks(t, s, c, last)
		if _, next, _ := s.Due(1); !next.IsZero() {
			t.Errorf("after %d it is to be asked for at %v", last, next)
		}
		crash(t, s)
		s = open(t, path, c.options())
		c.pass(time.Minute)
		shown(t, s)
		want := ok(s.SMS(1))
		for _, code := range []int{0, 1, 2, 3, 5, 9} {
			code, status := report(code)
			must(t, s.SetDelivery([]Report{{1, code, status}}))
			if got := ok(s.SMS(1)); got != want {
				t.Errorf("%d after %d made it %+v", code, last, got)
			}
		}
		if reported(t, s, id) {
			t.Errorf("after %d there is something new to show", last)
		}
	}
}

func TestTroubleMayStillTurnIntoDelivery(t *testing.T) {
	for _, trouble := range []int{2, 5} {
		c := newClock()
		s := open(t, tempFile(t), c.options())
		id := sent(t, s, 1)
		asks(t, s, c, trouble)
		if b := ok(s.Batch(id)); b.Counts[sms.Failed] != 1 {
			t.Errorf("counts %v, want one failed", b.Counts)
		}
		if pause := asks(t, s, c, 4); pause == 0 {
			t.Errorf("after %d nobody asks again", trouble)
		}
		if b := ok(s.Batch(id)); b.Counts[sms.Delivered] != 1 {
			t.Errorf("counts %v, want one delivered", b.Counts)
		}

		id = sent(t, s, 1)
		begun := c.now()
		for asks(t, s, c, trouble) != 0 {
		}
		if took := c.now().Sub(begun); took > doubtFor || took < doubtFor-2*maxPause {
			t.Errorf("after %d asked for %v, want up to %v", trouble, took, doubtFor)
		}
		if b := ok(s.Batch(id)); b.NoReport != 0 || b.Counts[sms.Failed] != 1 {
			t.Errorf("counts %v, no report %d", b.Counts, b.NoReport)
		}
	}
}

func TestOnlyNewsIsShown(t *testing.T) {
	c := newClock()
	s := open(t, tempFile(t), c.options())
	id := sent(t, s, 1)
	for i, step := range []struct {
		code int
		news bool
	}{{1, true}, {1, false}, {0, false}, {99, false}, {3, true}, {3, false}, {2, true}, {5, true}, {5, false}, {4, true}, {4, false}} {
		c.pass(time.Minute)
		shown(t, s)
		asks(t, s, c, step.code)
		if got := reported(t, s, id); got != step.news {
			t.Errorf("step %d, code %d: something to show: %t, want %t", i, step.code, got, step.news)
		}
	}
}

func TestDueComesInTurnsOfLimit(t *testing.T) {
	c := newClock()
	s := open(t, tempFile(t), Options{Now: c.now, StatusInterval: 300 * time.Millisecond})
	sent(t, s, 60)
	if due, next, _ := s.Due(50); len(due) != 0 || !next.Equal(c.now().Add(time.Second)) {
		t.Errorf("%d due at once, next at %v, want none before a second has gone", len(due), next)
	}
	c.pass(time.Second)
	due, next, err := s.Due(50)
	if err != nil || len(due) != 50 || next.After(c.now()) {
		t.Errorf("%d due, next at %v (%v), want 50 and the rest at once", len(due), next, err)
	}
	var reports []Report
	for _, m := range due {
		reports = append(reports, Report{m.Seq, 4, sms.Delivered})
	}
	must(t, s.SetDelivery(reports))
	if due, _, _ := s.Due(50); len(due) != 10 {
		t.Errorf("%d due, want the 10 left", len(due))
	}
}

func TestReportsOfSeveralBatches(t *testing.T) {
	c := newClock()
	s := open(t, tempFile(t), c.options())
	first, second := sent(t, s, 2), sent(t, s, 2)
	must(t, s.SetDelivery([]Report{{1, 4, sms.Delivered}, {3, 3, sms.AtTelecom}, {2, 6, sms.Failed}, {4, 0, sms.Queued}}))
	if b := ok(s.Batch(first)); b.Counts[sms.Delivered] != 1 || b.Counts[sms.Failed] != 1 {
		t.Errorf("first counts %v", b.Counts)
	}
	if b := ok(s.Batch(second)); b.Counts[sms.AtTelecom] != 1 || b.Counts[sms.Sent] != 1 {
		t.Errorf("second counts %v", b.Counts)
	}
	if err := s.SetDelivery([]Report{{99, 4, sms.Delivered}}); !errors.Is(err, ErrNotFound) {
		t.Errorf("got %v, want ErrNotFound", err)
	}
}

func TestDeliveryIsAskedForAlthoughAClockWasAhead(t *testing.T) {
	for _, ahead := range []time.Duration{3 * time.Hour, 10 * 365 * 24 * time.Hour} {
		c := newClock()
		s := open(t, tempFile(t), c.options())
		c.pass(ahead)
		sent(t, s, 2)
		c.pass(-ahead)
		if pause := asks(t, s, c, 4); pause != 0 {
			t.Errorf("they are asked for after %v", pause)
		}
		id := sent(t, s, 1)
		if pause := asks(t, s, c, 4); pause != 15*time.Second {
			t.Errorf("the next was asked for after %v", pause)
		}
		if b := ok(s.Batch(id)); b.Counts[sms.Delivered] != 1 {
			t.Errorf("got %v", b.Counts)
		}
	}
}
