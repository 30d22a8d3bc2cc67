package store

import (
	"context"
	"errors"
	"os"
	"regexp"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"peyk/sms"
)

func TestStatsCountWhatWaits(t *testing.T) {
	c := newClock()
	path := tempFile(t)
	begun := c.now()
	// The zero Stats but for the file's size, which is whatever it is.
	check := func(s *Store, when string, want Stats) {
		t.Helper()
		got := ok(s.Stats())
		if got.Size <= 0 {
			t.Errorf("%s: the file has %d bytes", when, got.Size)
		}
		if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(Stats{}, "Size")); diff != "" {
			t.Errorf("%s:\n%s", when, diff)
		}
	}

	s := open(t, path, Options{Now: c.now})
	check(s, "nothing has happened", Stats{})
	fetched(t, s, unread(c, "one", "two"))
	unrouted := ok(s.Stats()).Unrouted // with the notice that no chat shows them
	check(s, "no chat", Stats{Unrouted: unrouted, OldestSMS: begun})
	must(t, s.Close())

	c.pass(time.Minute)
	s = open(t, path, Options{Now: c.now, Inbox: []sms.ChatID{group, 88}})
	due := posts(t, s)
	check(s, "two chats", Stats{Posts: len(due), OldestSMS: begun})
	for _, p := range due {
		must(t, s.Posted(p, sms.ChatMessageID(p.ID), false))
	}
	check(s, "shown", Stats{})

	ordered := c.now()
	take(t, s, order(numbers(61)...))
	c.pass(time.Minute)
	take(t, s, order(ali))
	pieces := queued(t, s)
	sending := ok(s.Reserve(pieces[0], "", false))
	check(s, "ordered", Stats{Posts: 4, Pieces: 3, OldestOrder: ordered})
	must(t, s.Uncertain(sending))
	must(t, s.Sent(ok(s.Reserve(pieces[1], "", false)), nil, nil))
	check(s, "one uncertain", Stats{Posts: 4, Pieces: 1, OldestOrder: ordered.Add(time.Minute), Uncertain: 1})

	ok(s.SaveRaw(Raw{Body: []byte("?")}))
	check(s, "an answer not read", Stats{Posts: 4, Pieces: 1, OldestOrder: ordered.Add(time.Minute), Uncertain: 1, Undecoded: 1})
}

func TestWhatATransactionCameToIsTold(t *testing.T) {
	c := newClock()
	var told Commit
	lostFetches := 0
	opts := c.inbox(group)
	opts.Committed = func(commit Commit) {
		told = commit
		lostFetches += commit.Incidents[FetchLost]
	}
	path := tempFile(t)
	s := open(t, path, opts)

	batch := sent(t, s, 3)
	first := ok(s.Batch(batch)).First
	must(t, s.SetDelivery([]Report{delivered.of(first), notReached.of(first + 1), atTelecom.of(first + 2)}))
	if diff := cmp.Diff(map[sms.Status]int{sms.Delivered: 1, sms.Failed: 1, sms.AtTelecom: 1}, told.Statuses); diff != "" {
		t.Errorf("statuses:\n%s", diff)
	}
	must(t, s.SetDelivery([]Report{delivered.of(first), delivered.of(first + 1), atTelecom.of(first + 2)}))
	if diff := cmp.Diff(map[sms.Status]int{sms.Delivered: 1}, told.Statuses); diff != "" {
		t.Errorf("statuses, of which one is new:\n%s", diff)
	}
	if told.Took <= 0 || told.Err != nil {
		t.Errorf("got %+v", told)
	}

	// A write that runs again because another one failed beside it counts once.
	lost := write{fn: func(t *tx) error { return t.addIncident(&Incident{Kind: FetchLost}) }, done: make(chan error, 1)}
	fails := write{fn: func(*tx) error { return errors.New("no") }, done: make(chan error, 1)}
	reached, goOn := make(chan struct{}), make(chan struct{})
	go s.update(func(*tx) error { close(reached); <-goOn; return nil })
	<-reached
	s.writes <- lost
	s.writes <- fails
	close(goOn)
	must(t, <-lost.done)
	if <-fails.done == nil {
		t.Error("the write that fails did not")
	}
	if lostFetches != 1 {
		t.Errorf("%d incidents were told of, want 1", lostFetches)
	}

	must(t, s.BeginFetch())
	crash(t, s)

	told = Commit{}
	open(t, path, opts)
	if diff := cmp.Diff(map[IncidentKind]int{FetchLost: 1}, told.Incidents); diff != "" {
		t.Errorf("incidents of a start after a crash:\n%s", diff)
	}
}

// TestIncidentKindsAreAll reads the source: Go cannot list constants.
func TestIncidentKindsAreAll(t *testing.T) {
	source, err := os.ReadFile("incident.go")
	must(t, err)
	var want []IncidentKind
	for _, kind := range regexp.MustCompile(`IncidentKind = "([a-z ]+)"`).FindAllStringSubmatch(string(source), -1) {
		want = append(want, IncidentKind(kind[1]))
	}
	if diff := cmp.Diff(want, IncidentKinds); diff != "" {
		t.Error(diff)
	}
}

func TestAliveWritesNothingAndEndsWithItsContext(t *testing.T) {
	s := open(t, tempFile(t), Options{})
	before := commits(s)
	must(t, s.Alive(t.Context()))
	if got := commits(s); got != before {
		t.Errorf("%d transactions were committed", got-before)
	}
	blocked := make(chan struct{})
	done := make(chan error, 1)
	go func() { done <- s.update(func(*tx) error { <-blocked; return nil }) }()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	for err := error(nil); err == nil; { // until the writer is at the one that blocks
		err = s.Alive(ctx)
		if err != nil && !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a writer that stands still: got %v", err)
		}
	}
	close(blocked)
	must(t, <-done)
	must(t, s.Alive(t.Context()))
	must(t, s.Close())
	if err := s.Alive(t.Context()); !errors.Is(err, ErrClosed) {
		t.Errorf("closed: got %v, want ErrClosed", err)
	}
}
