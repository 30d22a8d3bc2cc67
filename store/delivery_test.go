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

// said is what a panel says of the delivery of an SMS.
type said struct {
	status sms.Status
	why    sms.Reason
}

func (r said) of(seq Seq) Report { return Report{Seq: seq, Status: r.status, Reason: r.why} }

var (
	silent     = said{} // or a code its guide does not know
	underWay   = said{status: sms.Sent}
	atTelecom  = said{status: sms.AtTelecom}
	delivered  = said{status: sms.Delivered}
	trouble    = said{sms.Failed, sms.TelecomProblem}
	notReached = said{sms.Failed, sms.NotDelivered}
	blackList  = said{sms.Failed, sms.Blacklisted}
)

// asks waits until the next SMS is due and reports r of it; it returns the pause, 0 when none is ever due.
func asks(tb testing.TB, s *Store, c *clock, r said) time.Duration {
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
		reports = append(reports, r.of(m.Seq))
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
		pause := asks(t, s, c, atTelecom)
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
	for _, r := range []said{atTelecom, silent} {
		must(t, s.SetDelivery([]Report{r.of(b.First)}))
		if got := ok(s.Batch(id)).NoReport; got != 1 {
			t.Errorf("asked by hand, told %v: no report of %d, want 1", r, got)
		}
	}
	must(t, s.SetDelivery([]Report{delivered.of(b.First)}))
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
	asks(t, s, c, underWay)
	if pause := asks(t, s, c, atTelecom); pause == 0 {
		t.Error("three days after the order, a minute after the sending, nobody asks any more")
	}
	if got := ok(s.Batch(id)).NoReport; got != 0 {
		t.Errorf("%d without report, want none", got)
	}
}

func TestFinalStatusNeverGoesBack(t *testing.T) {
	for _, last := range []said{delivered, blackList} {
		path, c := tempFile(t), newClock()
		s := open(t, path, c.options())
		id := sent(t, s, 1)
		asks(t, s, c, atTelecom)
		asks(t, s, c, last)
		if _, next, _ := s.Due(1); !next.IsZero() {
			t.Errorf("after %v it is to be asked for at %v", last, next)
		}
		crash(t, s)
		s = open(t, path, c.options())
		c.pass(time.Minute)
		shown(t, s)
		want := ok(s.SMS(1))
		for _, r := range []said{silent, underWay, trouble, atTelecom, notReached} {
			must(t, s.SetDelivery([]Report{r.of(1)}))
			if got := ok(s.SMS(1)); got != want {
				t.Errorf("%v after %v made it %+v", r, last, got)
			}
		}
		if reported(t, s, id) {
			t.Errorf("after %v there is something new to show", last)
		}
	}
}

func TestTroubleMayStillTurnIntoDelivery(t *testing.T) {
	for _, failed := range []said{trouble, notReached} {
		c := newClock()
		s := open(t, tempFile(t), c.options())
		id := sent(t, s, 1)
		asks(t, s, c, failed)
		if b := ok(s.Batch(id)); b.Counts[sms.Failed] != 1 {
			t.Errorf("counts %v, want one failed", b.Counts)
		}
		if pause := asks(t, s, c, delivered); pause == 0 {
			t.Errorf("after %v nobody asks again", failed)
		}
		if b := ok(s.Batch(id)); b.Counts[sms.Delivered] != 1 {
			t.Errorf("counts %v, want one delivered", b.Counts)
		}

		id = sent(t, s, 1)
		begun := c.now()
		for asks(t, s, c, failed) != 0 {
		}
		if took := c.now().Sub(begun); took > doubtFor || took < doubtFor-2*maxPause {
			t.Errorf("after %v asked for %v, want up to %v", failed, took, doubtFor)
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
		said said
		news bool
	}{
		{underWay, false}, {silent, false}, {atTelecom, true}, {atTelecom, false}, {trouble, true}, {notReached, true}, {notReached, false}, {delivered, true}, {delivered, false},
	} {
		c.pass(time.Minute)
		shown(t, s)
		asks(t, s, c, step.said)
		if got := reported(t, s, id); got != step.news {
			t.Errorf("step %d, %v: something to show: %t, want %t", i, step.said, got, step.news)
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
		reports = append(reports, delivered.of(m.Seq))
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
	must(t, s.SetDelivery([]Report{delivered.of(1), atTelecom.of(3), blackList.of(2), silent.of(4)}))
	if b := ok(s.Batch(first)); b.Counts[sms.Delivered] != 1 || b.Counts[sms.Failed] != 1 {
		t.Errorf("first counts %v", b.Counts)
	}
	if b := ok(s.Batch(second)); b.Counts[sms.AtTelecom] != 1 || b.Counts[sms.Sent] != 1 {
		t.Errorf("second counts %v", b.Counts)
	}
	if err := s.SetDelivery([]Report{delivered.of(99)}); !errors.Is(err, ErrNotFound) {
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
		if pause := asks(t, s, c, delivered); pause != 0 {
			t.Errorf("they are asked for after %v", pause)
		}
		id := sent(t, s, 1)
		if pause := asks(t, s, c, delivered); pause != 15*time.Second {
			t.Errorf("the next was asked for after %v", pause)
		}
		if b := ok(s.Batch(id)); b.Counts[sms.Delivered] != 1 {
			t.Errorf("got %v", b.Counts)
		}
	}
}
