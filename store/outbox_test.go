package store

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"peyk/sms"
)

var orders atomic.Uint64

// order is a command in the group to send one text, which nobody ordered before; it asks nobody.
func order(to ...sms.Number) *Order {
	o := &Order{Place: sms.Place{Chat: group}, Agent: 5, Message: 9, Line: line, Text: fmt.Sprintf("salam %d", orders.Add(1))}
	for len(to) > 0 {
		n := min(60, len(to))
		o.Pieces, to = append(o.Pieces, to[:n]), to[n:]
	}
	return o
}

func asking(to ...sms.Number) *Order {
	o := order(to...)
	o.Ask = true
	return o
}

// numbers returns n customers.
func numbers(n int) []sms.Number {
	all := make([]sms.Number, n)
	for i := range all {
		all[i] = sms.Number(fmt.Sprintf("0912%07d", i))
	}
	return all
}

// take takes an update of its own that causes o.
func take(tb testing.TB, s *Store, o *Order) BatchID {
	tb.Helper()
	next := sms.ChatMessageID(1)
	for ok(s.Taken(UpdateKey{Chat: o.Chat, Message: next})) {
		next++
	}
	return ok(s.Take(UpdateKey{Chat: o.Chat, Message: next}, Caused{Order: o}))
}

// queued returns the pieces to be sent now.
func queued(tb testing.TB, s *Store) []Piece {
	tb.Helper()
	var all []Piece
	must(tb, s.Queued(func(p Piece, _ Batch, _ []sms.Number) bool {
		if !p.NotBefore.After(s.opts.Now()) {
			all = append(all, p)
		}
		return true
	}))
	return all
}

// claim claims the first piece to be sent.
func claim(tb testing.TB, s *Store) Piece {
	tb.Helper()
	all := queued(tb, s)
	if len(all) == 0 {
		tb.Fatal("nothing is queued")
	}
	return ok(s.Reserve(all[0], "", false))
}

// accepted is the panel's answer to a piece: an id for each recipient.
func accepted(p Piece) []Outcome {
	all := make([]Outcome, p.N)
	for i := range all {
		all[i].ID = sms.ID(fmt.Sprintf("5%09d", int(p.First)+i))
	}
	return all
}

// statuses returns those of a batch's recipients.
func statuses(tb testing.TB, s *Store, id BatchID) []sms.Status {
	tb.Helper()
	var all []sms.Status
	b := ok(s.Batch(id))
	for _, m := range ok(s.Recipients(b, 0, b.N)) {
		all = append(all, m.Status)
	}
	return all
}

func pieceState(s *Store, id BatchID, i int) PieceState {
	var p Piece
	ok(0, s.view(func(t *tx) (err error) { p, err = t.piece(id, i); return err }))
	return p.State
}

// reported tells whether a post that shows batch id waits.
func reported(tb testing.TB, s *Store, id BatchID) bool {
	tb.Helper()
	for _, p := range posts(tb, s) {
		if p.Kind == PostBatch && p.Batch == id {
			return true
		}
	}
	return false
}

func TestSendStoppedAfterEachStep(t *testing.T) {
	steps := []struct {
		name     string
		do       func(*testing.T, *Store, *clock)
		piece    PieceState
		status   sms.Status
		queued   int // pieces to be sent at once
		reported bool
	}{
		{"queued", func(t *testing.T, s *Store, c *clock) {}, PieceQueued, sms.Queued, 1, false},
		{"claimed", func(t *testing.T, s *Store, c *clock) { claim(t, s) }, PieceUncertain, sms.Sending, 0, true},
		{"accepted", func(t *testing.T, s *Store, c *clock) {
			p := claim(t, s)
			must(t, s.Sent(p, accepted(p), nil))
		}, PieceSent, sms.Sent, 0, true},
		{"refused", func(t *testing.T, s *Store, c *clock) { must(t, s.Refuse(claim(t, s), "شماره", "-5")) }, PieceRefused, sms.Failed, 0, true},
		{"surely not sent", func(t *testing.T, s *Store, c *clock) { must(t, s.Requeue(claim(t, s), c.now().Add(time.Second))) }, PieceQueued, sms.Queued, 0, true},
		{"answer lost", func(t *testing.T, s *Store, c *clock) { must(t, s.Uncertain(claim(t, s))) }, PieceUncertain, sms.Sending, 0, true},
		{"claimed, given back, claimed", func(t *testing.T, s *Store, c *clock) {
			must(t, s.Requeue(claim(t, s), c.now()))
			claim(t, s)
		}, PieceUncertain, sms.Sending, 0, true},
	}
	for _, step := range steps {
		t.Run(step.name, func(t *testing.T) {
			path, c := tempFile(t), newClock()
			s := open(t, path, c.inbox(group))
			id := take(t, s, order(ali, sara))
			c.pass(statusDelay)
			shown(t, s) // the report of the order itself, so that one that waits later is the step's
			step.do(t, s, c)
			crash(t, s)
			s = open(t, path, c.inbox(group))
			if got := pieceState(s, id, 0); got != step.piece {
				t.Errorf("the piece is %s, want %s", got, step.piece)
			}
			if got, want := statuses(t, s, id), []sms.Status{step.status, step.status}; !cmp.Equal(got, want) {
				t.Errorf("its recipients are %v, want %v", got, want)
			}
			b := ok(s.Batch(id))
			if b.Counts[step.status] != 2 {
				t.Errorf("the batch counts %v", b.Counts)
			}
			if want := 2; step.piece == PieceUncertain && b.Uncertain != want {
				t.Errorf("%d uncertain, want %d", b.Uncertain, want)
			}
			if got := len(queued(t, s)); got != step.queued {
				t.Errorf("%d pieces to be sent, want %d", got, step.queued)
			}
			if got := reported(t, s, id); got != step.reported {
				t.Errorf("a report waits: %t, want %t", got, step.reported)
			}
			generation := b.Generation
			crash(t, s)
			s = open(t, path, c.inbox(group))
			if got := ok(s.Batch(id)).Generation; got != generation {
				t.Errorf("opened once more it is generation %d, want %d", got, generation)
			}
		})
	}
}

func TestWhatThePanelSaidOfEachRecipient(t *testing.T) {
	c := newClock()
	s := open(t, tempFile(t), c.options())
	id := take(t, s, order(numbers(4)...))
	p := claim(t, s)
	c.pass(3 * time.Second)
	must(t, s.Sent(p, []Outcome{{ID: "71"}, {Reason: sms.Refused, Words: "blocked", Code: "-3"}, {}, {ID: "74", Reason: sms.Refused, Code: "-3"}}, []sms.ID{"80"}))
	all := ok(s.Recipients(ok(s.Batch(id)), 0, 10))
	want := []SMS{{ID: "71", Status: sms.Sent, Due: c.now().Add(15 * time.Second)}, {Status: sms.Failed, Reason: sms.Refused, Words: "blocked", Code: "-3"}, {Status: sms.Sent}, {ID: "74", Status: sms.Failed, Reason: sms.Refused, Code: "-3"}}
	for i := range want {
		want[i].Seq, want[i].Batch = Seq(i+1), id
		want[i].Direction, want[i].Line, want[i].Customer, want[i].Time = sms.Outbound, line, numbers(4)[i], all[i].Time
	}
	if diff := cmp.Diff(want, all); diff != "" {
		t.Error(diff)
	}
	b := ok(s.Batch(id))
	if b.Counts[sms.Sent] != 2 || b.Counts[sms.Failed] != 2 || b.NoReport != 1 {
		t.Errorf("counts %v, no report %d", b.Counts, b.NoReport)
	}
	if got := ok(s.ByID("71")).Seq; got != 1 {
		t.Errorf("id 71 is SMS %d, want 1", got)
	}
	if _, err := s.ByID("80"); !errors.Is(err, ErrNotFound) {
		t.Errorf("an id without its recipient: got %v, want ErrNotFound", err)
	}
	var row Piece
	must(t, s.view(func(t *tx) (err error) { row, err = t.piece(id, 0); return err }))
	if diff := cmp.Diff([]sms.ID{"80"}, row.IDs); diff != "" {
		t.Error(diff)
	}
}

func TestIDsThatNobodyCanAttribute(t *testing.T) {
	c := newClock()
	s := open(t, tempFile(t), c.options())
	id := take(t, s, order(ali, sara))
	must(t, s.Sent(claim(t, s), nil, []sms.ID{"80"}))
	b := ok(s.Batch(id))
	if b.Counts[sms.Sent] != 2 || b.NoReport != 2 {
		t.Errorf("counts %v, no report %d, want both sent and neither followed", b.Counts, b.NoReport)
	}
	if due, next, _ := s.Due(10); len(due) != 0 || !next.IsZero() {
		t.Errorf("%d due, next %v, want none ever", len(due), next)
	}
}

func TestAnIDThatIsNoKey(t *testing.T) {
	c := newClock()
	s := open(t, tempFile(t), c.options())
	id := take(t, s, order(ali))
	long := make([]byte, 40000)
	must(t, s.Sent(claim(t, s), []Outcome{{ID: sms.ID(long)}}, nil))
	if b := ok(s.Batch(id)); b.Counts[sms.Sent] != 1 || b.NoReport != 1 {
		t.Errorf("counts %v, no report %d, want sent and not followed", b.Counts, b.NoReport)
	}
}

func TestSixHundredInTenPieces(t *testing.T) {
	path, c := tempFile(t), newClock()
	s := open(t, path, c.inbox(group))
	id := take(t, s, order(numbers(600)...))
	if got := len(queued(t, s)); got != 10 {
		t.Fatalf("%d pieces, want 10", got)
	}
	var order []sms.Number
	for i := range 4 {
		p := claim(t, s)
		if p.I != i {
			t.Errorf("piece %d is sent as number %d", p.I, i)
		}
		must(t, s.Sent(p, accepted(p), nil))
	}
	claim(t, s)
	crash(t, s)
	s = open(t, path, c.inbox(group))
	b := ok(s.Batch(id))
	if b.Counts[sms.Sent] != 240 || b.Counts[sms.Sending] != 60 || b.Counts[sms.Queued] != 300 || b.Uncertain != 60 {
		t.Errorf("after a crash in the fifth: counts %v, uncertain %d", b.Counts, b.Uncertain)
	}
	for range 5 {
		p := claim(t, s)
		must(t, s.Sent(p, accepted(p), nil))
	}
	if got := len(queued(t, s)); got != 0 {
		t.Errorf("%d pieces left, want none: nothing sends the fifth again", got)
	}
	b = ok(s.Batch(id))
	for _, m := range append(ok(s.Recipients(b, 0, 250)), ok(s.Recipients(b, 250, 1000))...) {
		order = append(order, m.Customer)
	}
	if diff := cmp.Diff(numbers(600), order); diff != "" {
		t.Errorf("recipients: %s", diff)
	}
}

func TestPiecesAreYieldedInOrderAlsoThoseThatWait(t *testing.T) {
	c := newClock()
	s := open(t, tempFile(t), c.options())
	first, second := take(t, s, order(ali)), take(t, s, order(sara))
	must(t, s.Requeue(claim(t, s), c.now().Add(time.Minute)))
	var got []Piece
	must(t, s.Queued(func(p Piece, _ Batch, _ []sms.Number) bool { got = append(got, p); return true }))
	if len(got) != 2 || got[0].Batch != first || got[1].Batch != second {
		t.Fatalf("got %+v, want both, the first first", got)
	}
	if want := c.now().Add(time.Minute); !got[0].NotBefore.Equal(want) || !got[1].NotBefore.IsZero() {
		t.Errorf("not before %v and %v, want %v and at once", got[0].NotBefore, got[1].NotBefore, want)
	}
	must(t, s.Queued(func(_ Piece, b Batch, to []sms.Number) bool {
		if b.ID != first || !strings.HasPrefix(b.Text, "salam") || !cmp.Equal(to, []sms.Number{ali}) {
			t.Errorf("got %+v to %v", b, to)
		}
		return false
	}))
	yielded := 0
	must(t, s.Queued(func(Piece, Batch, []sms.Number) bool { yielded++; return false }))
	if yielded != 1 {
		t.Errorf("yielded %d after being told to stop", yielded)
	}
}

func TestAPieceIsClaimedAndEndedOnce(t *testing.T) {
	c := newClock()
	s := open(t, tempFile(t), c.options())
	take(t, s, order(ali))
	waiting := queued(t, s)[0]
	p := ok(s.Reserve(waiting, "", false))
	if p.Attempt != 1 || !p.Since.Equal(c.now()) {
		t.Errorf("claimed %+v, want attempt 1, now", p)
	}
	if _, err := s.Reserve(waiting, "", false); err == nil {
		t.Error("claimed twice")
	}
	must(t, s.Requeue(p, c.now()))
	again := claim(t, s)
	ends := map[string]func(Piece) error{
		"sent":      func(p Piece) error { return s.Sent(p, accepted(p), nil) },
		"refused":   func(p Piece) error { return s.Refuse(p, "", "-3") },
		"requeued":  func(p Piece) error { return s.Requeue(p, c.now()) },
		"uncertain": s.Uncertain,
	}
	for name, end := range ends {
		if end(p) == nil {
			t.Errorf("%s: the answer to the first attempt ended the second", name)
		}
	}
	must(t, ends["sent"](again))
	for name, end := range ends {
		if end(again) == nil {
			t.Errorf("%s: ended twice", name)
		}
	}
}

func TestDecisions(t *testing.T) {
	tests := []struct {
		decision   Decision
		order      *Order
		open       []Decision // answers to the same question
		state      BatchState
		piece      PieceState
		status     sms.Status
		left, mute int
		queued     int
	}{
		{Send, asking(ali, sara), []Decision{Send, Cancel}, Going, PieceQueued, sms.Queued, 0, 0, 1},
		{Cancel, asking(ali, sara), []Decision{Send, Cancel}, Cancelled, PieceDropped, sms.Queued, 0, 0, 0},
		{Again, order(ali, sara), []Decision{Again, WasSent, Leave}, Going, PieceQueued, sms.Queued, 0, 0, 1},
		{WasSent, order(ali, sara), []Decision{Again, WasSent, Leave}, Going, PieceSent, sms.Sent, 0, 2, 0},
		{Leave, order(ali, sara), []Decision{Again, WasSent, Leave}, Going, PieceDropped, sms.Sending, 2, 0, 0},
	}
	for _, test := range tests {
		t.Run(string(test.decision), func(t *testing.T) {
			path, c := tempFile(t), newClock()
			s := open(t, path, c.options())
			id := take(t, s, test.order)
			if !test.order.Ask {
				must(t, s.Uncertain(claim(t, s)))
			} else if got := len(queued(t, s)); got != 0 {
				t.Fatalf("%d pieces queued before anybody said so", got)
			}
			c.pass(statusDelay)
			shown(t, s)
			crash(t, s)
			s = open(t, path, c.options())

			question := ok(s.Batch(id)).Generation
			for _, d := range []Decision{Send, Cancel, Again, WasSent, Leave, "nonsense"} {
				for _, generation := range []int{question - 1, question, question + 1} {
					isOpen := generation == question && cmp.Equal(test.open, []Decision{Send, Cancel}) == (d == Send || d == Cancel) && d != "nonsense"
					if isOpen {
						continue
					}
					if _, err := s.Decide(id, generation, d, "stranger"); !errors.Is(err, ErrDecided) {
						t.Errorf("%s of generation %d: got %v, want ErrDecided", d, generation, err)
					}
				}
			}
			b, err := s.Decide(id, question, test.decision, "Ali")
			if err != nil {
				t.Fatal(err)
			}
			if b.State != test.state || b.Uncertain != 0 || b.LeftUncertain != test.left || b.NoReport != test.mute || b.Counts[test.status] != 2 {
				t.Errorf("got %+v", b)
			}
			if diff := cmp.Diff(ok(s.Batch(id)), b); diff != "" {
				t.Errorf("returned and stored differ: %s", diff)
			}
			if got := pieceState(s, id, 0); got != test.piece {
				t.Errorf("the piece is %s, want %s", got, test.piece)
			}
			if got := len(queued(t, s)); got != test.queued {
				t.Errorf("%d pieces queued, want %d", got, test.queued)
			}
			if !reported(t, s, id) {
				t.Error("nobody is shown the decision")
			}
			crash(t, s)
			s = open(t, path, c.options())
			for _, d := range test.open {
				b, err := s.Decide(id, question, d, "Sara")
				if !errors.Is(err, ErrDecided) || b.Decision != test.decision || b.DecidedBy != "Ali" {
					t.Errorf("pressed again: %v, decided %s by %s", err, b.Decision, b.DecidedBy)
				}
			}
			if got := len(queued(t, s)); got != test.queued {
				t.Errorf("after a second press %d pieces queued, want %d", got, test.queued)
			}
		})
	}
}

func TestQuestionsOfAClockThatWasAheadExpire(t *testing.T) {
	c := newClock()
	s := open(t, tempFile(t), c.options())
	c.pass(365 * 24 * time.Hour)
	ahead := take(t, s, asking(ali, sara))
	c.pass(-365 * 24 * time.Hour)
	after := take(t, s, asking(ali, sara))
	c.pass(askFor)
	if _, err := s.Decide(ahead, 1, Send, "Ali"); !errors.Is(err, ErrExpired) {
		t.Errorf("[Send] of a year's time: %v, want ErrExpired", err)
	}
	ok(s.Expire())
	for _, id := range []BatchID{ahead, after} {
		if b := ok(s.Batch(id)); b.State != Expired {
			t.Errorf("batch %d is %s", id, b.State)
		}
	}
}

func TestQuestionsExpire(t *testing.T) {
	for _, test := range []struct {
		name    string
		settle  func(t *testing.T, s *Store, id BatchID) // what happens before it is too late
		state   BatchState
		late    error // what a press after it gives
		pieces  PieceState
		expires bool
	}{
		{"nobody answers", func(*testing.T, *Store, BatchID) {}, Expired, ErrExpired, PieceDropped, true},
		{"sent", func(t *testing.T, s *Store, id BatchID) { ok(s.Decide(id, 1, Send, "Ali")) }, Going, ErrDecided, PieceQueued, false},
		{"cancelled", func(t *testing.T, s *Store, id BatchID) { ok(s.Decide(id, 1, Cancel, "Ali")) }, Cancelled, ErrDecided, PieceDropped, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			path, c := tempFile(t), newClock()
			s := open(t, path, c.options())
			id := take(t, s, asking(numbers(61)...))
			c.pass(askFor - time.Second)
			if wait := ok(s.Expire()); wait != time.Second || ok(s.Batch(id)).State != Asking {
				t.Fatalf("too early, or to be looked at in %v: %+v", wait, ok(s.Batch(id)))
			}
			test.settle(t, s, id)
			showAll(t, s)
			c.pass(time.Second)
			crash(t, s)
			s = open(t, path, c.options())
			press := func() {
				t.Helper()
				for _, d := range []Decision{Send, Cancel} {
					if _, err := s.Decide(id, 1, d, "Sara"); !errors.Is(err, test.late) {
						t.Errorf("a late %s: %v, want %v", d, err, test.late)
					}
				}
			}
			press() // before anybody has looked for what is too late
			if wait := ok(s.Expire()); wait != askFor {
				t.Errorf("nothing is left, and to be looked at in %v", wait)
			}
			if got := reported(t, s, id); got != test.expires {
				t.Errorf("told that it expired: %t", got)
			}
			press()
			must(t, s.SetCredit(id, "1000", 0, 0))
			if b := ok(s.Batch(id)); b.State != test.state || b.Credit != "" || pieceState(s, id, 0) != test.pieces || pieceState(s, id, 1) != test.pieces {
				t.Errorf("got %+v, its pieces are %s and %s", b, pieceState(s, id, 0), pieceState(s, id, 1))
			}
		})
	}
}

func TestAPressAndTheExpiryCannotBothWin(t *testing.T) {
	for range 20 {
		c := newClock()
		s := open(t, tempFile(t), c.options())
		id := take(t, s, asking(ali))
		c.pass(askFor - time.Second)
		var all sync.WaitGroup
		var pressed error
		all.Go(func() { _, pressed = s.Decide(id, 1, Send, "Ali") })
		all.Go(func() {
			c.pass(time.Second)
			ok(s.Expire())
		})
		all.Wait()
		b := ok(s.Batch(id))
		if sent := len(queued(t, s)) == 1; sent != (pressed == nil) || sent != (b.State == Going) || !sent && (b.State != Expired || !errors.Is(pressed, ErrExpired)) {
			t.Errorf("pressed: %v; queued: %t; %s", pressed, sent, b.State)
		}
	}
}

func TestUncertainTwiceIsANewQuestion(t *testing.T) {
	c := newClock()
	s := open(t, tempFile(t), c.options())
	id := take(t, s, order(ali))
	must(t, s.Uncertain(claim(t, s)))
	first := ok(s.Batch(id)).Generation
	ok(s.Decide(id, first, Again, "Ali"))
	p := claim(t, s)
	if p.Attempt != 2 {
		t.Errorf("attempt %d, want 2", p.Attempt)
	}
	must(t, s.Uncertain(p))
	if _, err := s.Decide(id, first, Again, "Sara"); !errors.Is(err, ErrDecided) {
		t.Errorf("the button of the first question: got %v, want ErrDecided", err)
	}
	ok(s.Decide(id, ok(s.Batch(id)).Generation, WasSent, "Sara"))
}

func TestADecisionConcernsWhatIsUncertainOnly(t *testing.T) {
	c := newClock()
	s := open(t, tempFile(t), c.options())
	id := take(t, s, order(numbers(180)...))
	p := claim(t, s)
	must(t, s.Sent(p, accepted(p), nil))
	must(t, s.Uncertain(claim(t, s)))
	b := ok(s.Decide(id, ok(s.Batch(id)).Generation, Leave, "Ali"))
	if b.LeftUncertain != 60 || b.Counts[sms.Sent] != 60 || b.Counts[sms.Queued] != 60 {
		t.Errorf("got %+v", b)
	}
	if got := queued(t, s); len(got) != 1 || got[0].I != 2 {
		t.Errorf("got %+v, want the third piece to go on", got)
	}
}

func TestCreditComesIntoTheQuestion(t *testing.T) {
	c := newClock()
	s := open(t, tempFile(t), c.options())
	id := take(t, s, asking(ali))
	shown(t, s)
	must(t, s.SetCredit(id, "1000", 0, 0))
	if b := ok(s.Batch(id)); b.Credit != "1000" || !reported(t, s, id) {
		t.Errorf("credit %q, to be shown: %t", b.Credit, reported(t, s, id))
	}
	want := ok(s.Decide(id, 1, Cancel, "Ali"))
	must(t, s.SetCredit(id, "2000", 0, 0))
	if diff := cmp.Diff(want, ok(s.Batch(id))); diff != "" {
		t.Errorf("after the decision it changed %s", diff)
	}
}

func TestBatchesOfAChat(t *testing.T) {
	c := newClock()
	s := open(t, tempFile(t), c.options())
	for _, chat := range []sms.ChatID{group - 1, group, group + 1, 5} {
		o := order(ali)
		o.Chat = chat
		for range 3 {
			take(t, s, o)
		}
	}
	for chat, want := range map[sms.ChatID][]BatchID{group - 1: {3, 2}, group: {6, 5}, 5: {12, 11}, 6: nil, -9000: nil} {
		var got []BatchID
		for _, b := range ok(s.Batches(chat, 2)) {
			got = append(got, b.ID)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("chat %d: %s", chat, diff)
		}
	}
	if _, err := s.Batch(99); !errors.Is(err, ErrNotFound) {
		t.Errorf("got %v, want ErrNotFound", err)
	}
}

// TestNothingIsSentAgainRightAfterATakeover has another machine take over while the panel is asked.
func TestNothingIsSentAgainRightAfterATakeover(t *testing.T) {
	path, c := tempFile(t), newClock()
	s := open(t, path, c.inbox(group))
	id := take(t, s, order(ali))
	claimed(t, s, id)
	must(t, s.Close())
	opts := c.inbox(group)
	opts.TakenOver = true
	s = open(t, path, opts)
	b := ok(s.Batch(id))
	for range 2 { // it is told so each time, and the question stays open
		if _, err := s.Decide(id, b.Generation, Again, "Ali"); !errors.Is(err, ErrTooSoon) {
			t.Errorf("[Send again] right after a takeover: %v", err)
		}
		c.pass(settles / 3)
	}
	if n := len(queued(t, s)); n != 0 {
		t.Errorf("%d pieces are to be sent", n)
	}
	c.pass(settles)
	ok(s.Decide(id, b.Generation, Again, "Ali"))
	if n := len(queued(t, s)); n != 1 {
		t.Errorf("%d pieces are to be sent a minute later, want 1", n)
	}
}
