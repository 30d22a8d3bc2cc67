//lint:file-ignore ST1018 Persian is written with U+200C

package store

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"peyk/sms"
)

const other = sms.Number("30009999")

// wishes are options of a store in which words are wishes.
func wishes(c *clock) Options {
	opts := c.inbox(group)
	opts.OptOutWords, opts.OptInWords = []string{"11", "لغو", "لغو11", "stop"}, []string{"12"}
	return opts
}

// writes has a customer write an SMS to a line.
func writes(tb testing.TB, s *Store, c *clock, n, line sms.Number, text string) Seq {
	tb.Helper()
	c.pass(1e9)
	m := unread(c, text)[0]
	m.Customer, m.Line = n, line
	fetched(tb, s, []sms.Message{m})
	return sequence(s)
}

// sequence returns the number of the last SMS.
func sequence(s *Store) (n Seq) {
	s.view(func(t *tx) error { n = Seq(t.bucket(bucketSMS).Sequence()); return nil })
	return n
}

// out tells whether a customer is opted out of a line.
func out(s *Store, line, n sms.Number) (is bool) {
	s.view(func(t *tx) error {
		is = ok(t.optedOut(sms.Conversation{Line: line, Customer: n}))
		return nil
	})
	return is
}

func TestAWordIsAWishOnlyAlone(t *testing.T) {
	opts := wishes(newClock())
	for words, want := range map[string]Wish{
		"11": OptOut, "۱۱": OptOut, "١١": OptOut, " 11\n": OptOut, "لغو": OptOut, "لغو۱۱": OptOut, "لغو١١": OptOut, "STOP": OptOut, "Stop ": OptOut, "\u200fلغو": OptOut, "لـغو": OptOut,
		"12": OptIn, "۱۲": OptIn,
		"11.": "", "111": "", "1 1": "", "11 12": "", "stop it": "", "نمی‌خواهم لغو شود": "", "11\n12": "", "": "", "لغو سفارش": "", "1١2": "", "please stop": "",
	} {
		if got := opts.wishIn(words); got != want {
			t.Errorf("%q wishes %q, want %q", words, got, want)
		}
	}
}

func TestAWishIsOfOneLineAndTheLastCounts(t *testing.T) {
	c := newClock()
	s := open(t, tempFile(t), wishes(c))
	writes(t, s, c, ali, line, "۱۱")
	if !out(s, line, ali) || out(s, other, ali) || out(s, line, sara) {
		t.Error("not opted out of that line alone")
	}
	writes(t, s, c, ali, line, "11") // nothing new
	writes(t, s, c, ali, other, "لغو")
	writes(t, s, c, ali, line, "12")
	if out(s, line, ali) || !out(s, other, ali) {
		t.Error("opted in to the other line")
	}
	writes(t, s, c, sara, "", "stop") // to a line that the panel does not name
	if !out(s, line, sara) || !out(s, other, sara) {
		t.Error("not opted out of all lines")
	}
	writes(t, s, c, sara, line, "12")
	if out(s, line, sara) {
		t.Error("opted out after opting in")
	}
	var told []Seq
	for len(heads(t, s)) > 0 {
		p := heads(t, s)[0]
		if p.Kind == PostWish {
			told = append(told, p.Wishes...)
		}
		must(t, s.Posted(p, sms.ChatMessageID(100+p.ID), false))
	}
	if want := []Seq{1, 3, 4, 5, 6}; !cmp.Equal(slices.Sorted(slices.Values(told)), want) {
		t.Errorf("told under %v, want %v", told, want)
	}
	must(t, s.Check())
}

func TestAnSMSThatThePanelRepeatsWishesOnce(t *testing.T) {
	c, path := newClock(), tempFile(t)
	s := open(t, path, wishes(c))
	stop := unread(c, "11")
	fetched(t, s, stop)
	w := ok(s.UndoWish(1, "Ali", func(Wished) Post { return Post{Chat: group, Kind: PostText, Text: "undone"} }))
	if w.Wish != OptIn || out(s, line, ali) {
		t.Errorf("after [Undo] the wish is %+v", w)
	}
	crash(t, s)
	s = open(t, path, wishes(c))
	if n := fetched(t, s, stop); n != 0 || out(s, line, ali) {
		t.Errorf("%d SMS stored anew, opted out: %t", n, out(s, line, ali))
	}
	if _, err := s.UndoWish(1, "Sara", nil); !errors.Is(err, ErrDecided) {
		t.Errorf("a second [Undo] got %v", err)
	}
	writes(t, s, c, ali, line, "stop")
	if _, err := s.UndoWish(1, "Sara", nil); !errors.Is(err, ErrNotFound) {
		t.Errorf("[Undo] of an older wish got %v", err)
	}
	if !out(s, line, ali) {
		t.Error("an [Undo] that came too late changed the wish")
	}
}

// TestOrdersToSeveralLeaveThemOut: before they are asked about, when [Send] is pressed, and in the commit before a piece is sent.
func TestOrdersToSeveralLeaveThemOut(t *testing.T) {
	c := newClock()
	s := open(t, tempFile(t), wishes(c))
	customers := numbers(5)
	stops := func(i int) { writes(t, s, c, customers[i], line, "11") }
	stops(0)
	o := asking(customers...)
	o.Parts = 2
	b := ok(s.Batch(take(t, s, o)))
	if b.Withheld != 1 || b.cost() != 8 || b.State != Asking {
		t.Errorf("asked about as %+v", b)
	}
	stops(1)
	must(t, s.update(func(t *tx) error { return t.setBlock(Block{Customer: customers[2], At: c.now()}) }))
	b = ok(s.Decide(b.ID, b.Generation, Send, "Ali"))
	if b.Withheld != 3 || b.cost() != 4 {
		t.Errorf("pressed [Send], and it is %+v", b)
	}
	must(t, s.Check())
	waiting := queued(t, s)[0]
	stops(3)
	p := ok(s.Reserve(waiting, "", false))
	if !cmp.Equal(p.To, customers[4:]) || p.Withheld != 4 {
		t.Errorf("sent to %v: %+v", len(p.To), p)
	}
	must(t, s.Check())
	must(t, s.Sent(p, []Outcome{{ID: "77"}}, nil))
	want := []sms.Status{sms.Failed, sms.Failed, sms.Failed, sms.Failed, sms.Sent}
	if got := statuses(t, s, b.ID); !cmp.Equal(got, want) || ok(s.ByID("77")).Customer != customers[4] {
		t.Errorf("the recipients are %v, want %v", got, want)
	}
	b = ok(s.Batch(b.ID))
	if b.Mark() != "👌" || b.trouble() != 0 || b.Withheld != 4 {
		t.Errorf("marked %q, trouble %d: %+v", b.Mark(), b.trouble(), b)
	}
	must(t, s.Check())
}

func TestAnOrderToSeveralThatAllOptedOutOfIsOver(t *testing.T) {
	c := newClock()
	s := open(t, tempFile(t), wishes(c))
	for _, n := range []sms.Number{ali, sara} {
		writes(t, s, c, n, line, "stop")
	}
	b := ok(s.Batch(take(t, s, asking(ali, sara))))
	if b.Withheld != 2 || b.Undecided() || len(queued(t, s)) > 0 || b.Mark() != "" {
		t.Errorf("it is %+v", b)
	}
	// And so when the last of them does between the order and the panel.
	b = ok(s.Batch(take(t, s, order("09121111111", "09122222222"))))
	waiting := queued(t, s)[0]
	writes(t, s, c, "09121111111", line, "11")
	writes(t, s, c, "09122222222", line, "11")
	if _, err := s.Reserve(waiting, "", false); !errors.Is(err, ErrDecided) {
		t.Errorf("reserved: %v", err)
	}
	if b = ok(s.Batch(b.ID)); b.Withheld != 2 || len(queued(t, s)) > 0 {
		t.Errorf("it is %+v", b)
	}
	must(t, s.Check())
	c.pass(100 * aDay)
	prune(t, s)
	must(t, s.Check())
}

// TestWhatBecomesOfAPieceIsNotAboutThoseLeftOut goes through what may happen to a piece, with one of its recipients withheld.
func TestWhatBecomesOfAPieceIsNotAboutThoseLeftOut(t *testing.T) {
	for name, happens := range map[string]func(t *testing.T, s *Store, p Piece){
		"uncertain, and left": func(t *testing.T, s *Store, p Piece) {
			must(t, s.Uncertain(p))
			b := ok(s.Batch(p.Batch))
			if b.Uncertain != 2 {
				t.Errorf("%d uncertain", b.Uncertain)
			}
			ok(s.Decide(b.ID, b.Generation, Leave, "Ali"))
		},
		"uncertain, and sent again": func(t *testing.T, s *Store, p Piece) {
			must(t, s.Uncertain(p))
			b := ok(s.Batch(p.Batch))
			ok(s.Decide(b.ID, b.Generation, Again, "Ali"))
			again := ok(s.Reserve(queued(t, s)[0], "", false))
			if len(again.To) != 2 {
				t.Errorf("sent again to %d", len(again.To))
			}
			must(t, s.Sent(again, nil, nil))
		},
		"cut off by a crash": func(t *testing.T, s *Store, p Piece) {
			must(t, s.update(func(t *tx) error { return t.makeSendingUncertain() })) // as the next start does
			if b := ok(s.Batch(p.Batch)); b.Uncertain != 2 {
				t.Errorf("%d uncertain", b.Uncertain)
			}
		},
		"refused": func(t *testing.T, s *Store, p Piece) { must(t, s.Refuse(p, "no", "-9")) },
		"waits, and is called off": func(t *testing.T, s *Store, p Piece) {
			must(t, s.Requeue(p, s.Now()))
			b := ok(s.Batch(p.Batch))
			if b = ok(s.Decide(b.ID, b.Generation, Cancel, "Ali")); b.State != Cancelled || b.Dropped != 2 {
				t.Errorf("called off as %+v", b)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newClock()
			s := open(t, tempFile(t), wishes(c))
			writes(t, s, c, sara, line, "11")
			p := claimed(t, s, take(t, s, order(ali, sara, "09121111111")))
			if len(p.To) != 2 || slices.Contains(p.To, sara) {
				t.Fatalf("sent to %d", len(p.To))
			}
			happens(t, s, p)
			must(t, s.Check())
		})
	}
}

func TestALoneOrderIsAskedAbout(t *testing.T) {
	c := newClock()
	s := open(t, tempFile(t), wishes(c))
	writes(t, s, c, ali, line, "11")
	b := ok(s.Batch(take(t, s, order(ali))))
	if b.State != Asking || b.Against != sms.OptedOut {
		t.Fatalf("it is %+v", b)
	}
	ok(s.Decide(b.ID, b.Generation, Send, "Ali"))
	p := claim(t, s)
	if !cmp.Equal(p.To, []sms.Number{ali}) {
		t.Errorf("sent to %v", p.To)
	}
	must(t, s.Sent(p, accepted(p), nil))
	must(t, s.update(func(t *tx) error { return t.setBlock(Block{Customer: sara, At: c.now()}) }))
	if b := ok(s.Batch(take(t, s, order(sara)))); b.State != Asking || b.Against != sms.Blocked {
		t.Errorf("it is %+v", b)
	}
	// The customer writes the word while the order waits for the panel.
	const late = sms.Number("09121111111")
	id := take(t, s, order(late))
	waiting := queued(t, s)[0]
	writes(t, s, c, late, line, "stop")
	if _, err := s.Reserve(waiting, "", false); !errors.Is(err, ErrDecided) {
		t.Fatalf("reserved: %v", err)
	}
	b = ok(s.Batch(id))
	if b.State != Asking || b.Against != sms.OptedOut || len(queued(t, s)) > 0 {
		t.Fatalf("it is %+v", b)
	}
	must(t, s.Check())
	ok(s.Decide(b.ID, b.Generation, Send, "Ali"))
	if p := claim(t, s); p.Batch != id {
		t.Errorf("sent %+v", p)
	}
}

func TestABlockedCustomersSMSAreKeptAndNotShown(t *testing.T) {
	c := newClock()
	s := open(t, tempFile(t), wishes(c))
	writes(t, s, c, ali, line, "shown")
	must(t, s.Posted(heads(t, s)[0], 100, false))
	writes(t, s, c, ali, line, "waits to be shown")
	writes(t, s, c, sara, line, "of another")
	block := func(b Block) {
		t.Helper()
		ok(s.Take(UpdateKey{Chat: group, Message: sms.ChatMessageID(sequence(s)) + 1000, Kind: TakenKind(len(ok(s.Blocked())))}, Caused{Block: &b}))
		must(t, s.Check())
	}
	block(Block{Customer: ali, At: c.now(), By: "Sara"})
	seq := writes(t, s, c, ali, line, "11")
	if got := shown(t, s)[group]; !cmp.Equal(got, []string{"of another"}) {
		t.Errorf("shown %v", got)
	}
	if n, _, _ := s.Waits(sms.Conversation{Customer: ali}); n != 0 || !out(s, line, ali) || ok(s.SMS(seq)).Text != "11" {
		t.Errorf("%d of theirs wait, opted out: %t", n, out(s, line, ali))
	}
	if got := ok(s.Blocked()); len(got) != 1 || got[0].SMS != 1 || got[0].By != "Sara" || got[0].Customer != ali {
		t.Errorf("blocked are %+v", got)
	}
	block(Block{Customer: ali})
	writes(t, s, c, ali, line, "shown again")
	if got := shown(t, s)[group]; !cmp.Equal(got, []string{"shown again"}) {
		t.Errorf("shown %v", got)
	}
}

// TestAWishOutlivesItsSMSAndItsCustomer: KEEP_DAYS does not end it, nor does /forget, after which the file does not hold the number.
func TestAWishOutlivesItsSMSAndItsCustomer(t *testing.T) {
	c := newClock()
	s := open(t, tempFile(t), wishes(c))
	writes(t, s, c, ali, line, "11")
	writes(t, s, c, sara, line, "11")
	writes(t, s, c, sara, line, "12")
	shown(t, s)
	c.pass(200 * aDay)
	prune(t, s)
	if _, err := s.SMS(1); !errors.Is(err, ErrNotFound) || !out(s, line, ali) {
		t.Errorf("the SMS: %v, opted out: %t", err, out(s, line, ali))
	}
	must(t, s.view(func(b *tx) error {
		if n := count(b.bucket(bucketWish)); n != 1 {
			t.Errorf("%d wishes are kept, want the opt-out alone", n)
		}
		return nil
	}))
	must(t, s.ForgetCustomer(UpdateKey{Chat: group, Message: 50}, ali, Agent{ID: 5}))
	for more := true; more; {
		var err error
		more, err = s.ForgetStep()
		must(t, err)
	}
	if !out(s, line, ali) || out(s, other, ali) || out(s, line, sara) {
		t.Error("after they were forgotten the wish is another")
	}
	all, forgotten, err := s.OptedOut()
	if must(t, err); len(all) != 0 || forgotten != 1 {
		t.Errorf("listed %v and %d forgotten", all, forgotten)
	}
	must(t, s.view(func(b *tx) error {
		return b.bucket(bucketWish).ForEach(func(key, value []byte) error {
			if strings.Contains(fmt.Sprintf("%s%s", key, value), "912") {
				t.Errorf("a row names them: %q %s", key, value)
			}
			return nil
		})
	}))
	must(t, s.Check())
	writes(t, s, c, ali, line, "12")
	if out(s, line, ali) {
		t.Error("opted out after opting in")
	}
}
