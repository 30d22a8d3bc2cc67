package store

import (
	"context"
	"errors"
	"testing"
	"time"

	"peyk/sms"
)

func exportedBy(tb testing.TB, s *Store, e Export) (rows []ExportRow) {
	tb.Helper()
	must(tb, s.Export(tb.Context(), e, func(some []ExportRow) error {
		if len(some) == 0 || len(some) > exportRows {
			tb.Errorf("%d rows at once", len(some))
		}
		rows = append(rows, some...)
		return nil
	}))
	return rows
}

func TestExport(t *testing.T) {
	c := newClock()
	s := open(t, tempFile(t), c.inbox(group))
	if rows := exportedBy(t, s, Export{}); len(rows) > 0 {
		t.Errorf("of an empty store: %+v", rows)
	}
	fetched(t, s, unread(c, "one", "two"))
	ok(s.Take(UpdateKey{Chat: group, Message: 1}, Caused{Customer: ali, EditCustomer: func(c *Customer) { c.Name = "Ali" }}))
	c.pass(48 * time.Hour)
	since := c.now()
	o := order(ali, sara)
	o.AgentName = "Reza"
	ok(s.Take(UpdateKey{Chat: group, Message: 2}, Caused{Order: o}))
	fetched(t, s, fromCustomer(sara, unread(c, "three")))

	rows := exportedBy(t, s, Export{})
	if len(rows) != 5 {
		t.Fatalf("%d rows: %+v", len(rows), rows)
	}
	if r := rows[0]; r.Text != "one" || r.Name != "Ali" || r.Customer != ali || r.Direction != sms.Inbound {
		t.Errorf("the first is %+v", r)
	}
	if r := rows[3]; r.Text != o.Text || r.Name != "" || r.Customer != sara || r.Order.AgentName != "Reza" || r.Status != sms.Queued {
		t.Errorf("the second that was ordered is %+v", r)
	}
	if rows := exportedBy(t, s, Export{Since: since}); len(rows) != 3 || rows[0].Text != o.Text {
		t.Errorf("since then: %+v", rows)
	}
	if rows := exportedBy(t, s, Export{Customer: sara}); len(rows) != 2 || rows[1].Text != "three" {
		t.Errorf("of one: %+v", rows)
	}
	if rows := exportedBy(t, s, Export{Customer: sara, Since: c.now().Add(time.Minute)}); len(rows) > 0 {
		t.Errorf("of the future: %+v", rows)
	}
}

func TestExportGoesOnBetweenPiecesAndEnds(t *testing.T) {
	c := newClock()
	s := open(t, tempFile(t), c.inbox(group))
	addSMS(t, s, c, 3*exportRows, 7)
	n := 0
	must(t, s.Export(t.Context(), Export{}, func(rows []ExportRow) error {
		if n += len(rows); n == exportRows {
			fetched(t, s, unread(c, "meanwhile")) // the store takes writes while an export is under way
		}
		return nil
	}))
	if n != 3*exportRows+1 {
		t.Errorf("%d rows", n)
	}
	broken := errors.New("broken")
	if err := s.Export(t.Context(), Export{}, func([]ExportRow) error { return broken }); err != broken {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	if err := s.Export(ctx, Export{}, func([]ExportRow) error { cancel(); return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("broken off: %v", err)
	}
}

func TestExportKnowsNothingOfTheForgotten(t *testing.T) {
	c := newClock()
	s := open(t, tempFile(t), c.inbox(group))
	fetched(t, s, unread(c, "one"))
	fetched(t, s, fromCustomer(sara, unread(c, "two")))
	must(t, s.ForgetCustomer(UpdateKey{Chat: group, Message: 1}, ali, Agent{ID: 5}))
	for more := true; more; {
		more = ok(s.ForgetStep())
	}
	if rows := exportedBy(t, s, Export{}); len(rows) != 1 || rows[0].Text != "two" {
		t.Errorf("exported %+v", rows)
	}
}
