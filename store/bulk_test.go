package store

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"peyk/sms"
)

// fromFile is an order from a file with a text for each number, of one part each.
func fromFile(to ...sms.Number) Order {
	o := Order{Place: sms.Place{Chat: group}, Agent: 5, AgentName: "Ali", Message: 9, Line: line, Bulk: &Bulk{Own: true}, Ask: true}
	for i, n := range to {
		o.Rows = append(o.Rows, Row{N: i + 2, To: n, Text: fmt.Sprintf("salam %d, %d", i, orders.Add(1)), Parts: 1})
	}
	return o
}

// resultOf returns what became of each row.
func resultOf(tb testing.TB, s *Store, id BatchID) (rows []SMS, pieces []PieceState) {
	tb.Helper()
	must(tb, s.Result(ok(s.Batch(id)), func(m SMS, p PieceState) error {
		rows, pieces = append(rows, m), append(pieces, p)
		return nil
	}))
	return rows, pieces
}

func files(tb testing.TB, s *Store) (n int) {
	tb.Helper()
	for _, p := range posts(tb, s) {
		if p.Kind == PostResult {
			n++
		}
	}
	return n
}

func TestABulkOrderKeepsEachRow(t *testing.T) {
	c := newClock()
	opts := wishes(c)
	opts.DailyParts = 124
	s := open(t, tempFile(t), opts)
	to := numbers(130)
	writes(t, s, c, to[3], line, "stop")
	must(t, errorOf(s.Take(UpdateKey{Chat: group, Message: 3}, Caused{Block: &Block{Customer: to[4], By: "Sara", At: c.now()}})))
	o := fromFile(to...)
	o.Rows[1].Why, o.Rows[2].Why = sms.Twice, sms.Outside
	o.Rows[1].To = to[0]
	b := ok(s.AddOrder(o))
	want := map[sms.Reason]int{sms.Twice: 1, sms.Outside: 1, sms.OptedOut: 1, sms.Blocked: 1, sms.AboveCap: 2}
	if b.State != Asking || b.N != 130 || b.Withheld != 6 || b.cost() != 124 || !cmp.Equal(b.Bulk.LeftOut, want) {
		t.Fatalf("%s: %d of %d are left out, %v; it takes %d parts", b.State, b.Withheld, b.N, b.Bulk.LeftOut, b.cost())
	}
	must(t, s.Check())
	ok(s.Decide(b.ID, 1, Send, "Ali"))
	var sent []string
	for i, left := range []int{56, 60, 8} {
		p := claim(t, s)
		if p.I != i || len(p.To) != left || len(p.Texts) != left {
			t.Errorf("piece %d is piece %d for %d, with %d texts", i, p.I, len(p.To), len(p.Texts))
		}
		sent = append(sent, p.Texts...)
		if files(t, s) > 0 {
			t.Errorf("a file of what became of it comes before piece %d has gone", i)
		}
		if i == 1 {
			must(t, s.Uncertain(p))
		} else {
			must(t, s.Sent(p, accepted(p), nil))
		}
	}
	if n := files(t, s); n != 1 {
		t.Errorf("%d files of what became of it", n)
	}
	rows, pieces := resultOf(t, s, b.ID)
	next := 0
	for i, m := range rows {
		if m.Row != i+2 || m.Text != o.Rows[i].Text {
			t.Errorf("row %d is row %d, %q", i+2, m.Row, m.Text)
		}
		if m.Reason.Withheld() {
			continue
		}
		if sent[next] != m.Text {
			t.Errorf("row %d was sent as %q", m.Row, sent[next])
		}
		next++
		if uncertain := pieces[i] == PieceUncertain; uncertain != (i >= 60 && i < 120) {
			t.Errorf("row %d is %s", m.Row, pieces[i])
		}
	}
	b = ok(s.Batch(b.ID))
	ok(s.Decide(b.ID, b.Generation, Again, "Ali"))
	p := claim(t, s)
	if !slices.Equal(p.Texts, sent[56:116]) {
		t.Errorf("sent again are %q", p.Texts)
	}
	must(t, s.Sent(p, accepted(p), nil))
	if n := files(t, s); n != 2 {
		t.Errorf("%d files after what was uncertain has been sent", n)
	}
	must(t, s.Check())
}

func errorOf[T any](_ T, err error) error { return err }

// TestAnAnswerOvertakesABulkOrder: it is sent before what still waits of the order.
func TestAnAnswerOvertakesABulkOrder(t *testing.T) {
	c := newClock()
	s := open(t, tempFile(t), c.inbox(group))
	o := fromFile(numbers(180)...)
	o.Ask = false
	bulk := ok(s.AddOrder(o))
	must(t, s.Requeue(claim(t, s), c.now().Add(time.Second)))
	answer := take(t, s, order(ali))
	var got []string
	must(t, s.Queued(func(p Piece, b Batch, to []sms.Number) bool {
		got = append(got, fmt.Sprint(b.ID == bulk.ID, p.I, len(to)))
		return true
	}))
	if want := []string{fmt.Sprint(ok(s.Batch(answer)).Bulk != nil, 0, 1), "true 0 0", "true 1 60", "true 2 60"}; !cmp.Equal(got, want) {
		t.Errorf("queued are %q, want %q", got, want)
	}
}

// TestStopEndsABulkOrder: whichever question the button stood under, what waits is not sent; nor is what was under way, if the panel did not carry it out.
func TestStopEndsABulkOrder(t *testing.T) {
	c := newClock()
	s := open(t, tempFile(t), c.inbox(group))
	o := fromFile(numbers(300)...)
	o.Ask = false
	b := ok(s.AddOrder(o))
	lost, waits, goes := claim(t, s), claim(t, s), claim(t, s)
	must(t, s.Uncertain(lost))
	ok(s.Decide(b.ID, 0, Cancel, "Sara"))
	must(t, s.Sent(goes, accepted(goes), nil))
	b = ok(s.Batch(b.ID))
	ok(s.Decide(b.ID, b.Generation, Leave, "Ali")) // which does not take it back
	must(t, s.Requeue(waits, c.now()))
	if left := queued(t, s); len(left) > 0 {
		t.Errorf("%d pieces are still to be sent", len(left))
	}
	b = ok(s.Batch(b.ID))
	if b.Dropped != 180 || b.LeftUncertain != 60 || b.Counts[sms.Sent] != 60 || files(t, s) != 1 {
		t.Errorf("%d are dropped, %d uncertain, counts %v, %d files", b.Dropped, b.LeftUncertain, b.Counts, files(t, s))
	}
	must(t, s.Check())
}

// TestTextsOfTheirOwnAreFoundExportedAndForgotten with their SMS.
func TestTextsOfTheirOwnAreFoundExportedAndForgotten(t *testing.T) {
	c := newClock()
	s := open(t, tempFile(t), c.inbox(group))
	o := fromFile(ali, sara)
	o.Rows[0].Text, o.Rows[1].Text = "Dear Ali, your parcel", "Dear Sara, your parcel"
	o.Ask = false
	b := ok(s.AddOrder(o))
	for words, want := range map[string]int{"parcel": 2, "sara": 1, "nobody": 0} {
		if found, _ := search(t, s, Search{Words: []string{words}, Limit: 10}); len(found) != want {
			t.Errorf("%q finds %d", words, len(found))
		}
		if found, _ := search(t, s, Search{Words: []string{words}, Limit: 10, Chat: group}); len(found) != want {
			t.Errorf("in its chat %q finds %d", words, len(found))
		}
	}
	if rows := exportedBy(t, s, Export{}); len(rows) != 2 || rows[0].Text != o.Rows[0].Text || rows[1].Text != o.Rows[1].Text {
		t.Errorf("exported are %+v", rows)
	}
	if again := ok(s.AddOrder(o)); !again.Duplicate || again.State != Asking {
		t.Errorf("the same again is %+v", again)
	}
	o.Rows[1].Text = "another"
	if other := ok(s.AddOrder(o)); other.Duplicate {
		t.Error("another text is taken for the same order")
	}
	for _, p := range queued(t, s) {
		p = ok(s.Reserve(p, "", false))
		must(t, s.Sent(p, accepted(p), nil))
	}
	ok(s.Decide(b.ID+1, 1, Cancel, "Ali"))
	must(t, s.ForgetCustomer(UpdateKey{Chat: 5, Message: 1}, sara, Agent{ID: 5}))
	for more := true; more; {
		more = ok(s.ForgetStep())
	}
	rows, _ := resultOf(t, s, b.ID)
	if rows[0].Text != "Dear Ali, your parcel" || rows[1].Text != "" || rows[1].Customer != "" {
		t.Errorf("after Sara was forgotten: %+v", rows)
	}
	must(t, s.Check())
}
