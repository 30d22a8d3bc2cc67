package store

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"peyk/sms"
)

// imports is a store with Ali, who has a name, and an import of three blocks that names him and others.
func imports(t *testing.T) (*Store, *clock, ImportID, []Contact) {
	c := newClock()
	s := open(t, tempFile(t), c.inbox(group))
	named(t, s, ali, "Ali")
	rows := []Contact{{Number: ali, Name: "Ali Karimi"}, {Number: sara, Name: "Sara"}}
	for i := range 2 * importBlock {
		rows = append(rows, Contact{Number: sms.Number(fmt.Sprintf("0935%07d", i)), Name: fmt.Sprint("customer ", i)})
	}
	return s, c, ok(s.AddImport(Import{Place: sms.Place{Chat: group}, Agent: 5}, rows)), rows
}

func named(t *testing.T, s *Store, n sms.Number, name string) {
	t.Helper()
	k := UpdateKey{Chat: group, Message: sms.ChatMessageID(time.Now().UnixNano())}
	ok(s.Take(k, Caused{Customer: n, EditCustomer: func(c *Customer) { c.Name = name }}))
}

// goesOn carries on with what is under way until it is over, and says "done"; stop ends it before.
func goesOn(t *testing.T, s *Store, stop func(step int) bool) bool {
	t.Helper()
	for step := 0; ; step++ {
		i, err := s.NextImport()
		if errors.Is(err, ErrNotFound) {
			return true
		}
		must(t, err)
		if stop(step) {
			return false
		}
		if i.Done() {
			must(t, s.EndImport(i.ID, Post{Chat: group, Kind: PostText, Text: "done"}))
		} else {
			must(t, s.ImportStep(i.ID))
		}
	}
}

func TestAnImportNamesManyAndIsTakenBack(t *testing.T) {
	s, c, id, rows := imports(t)
	if got := ok(s.Customer(sara)).Name; got != "" {
		t.Errorf("before [Import] she is called %q", got)
	}
	must(t, s.DecideImport(id, Importing, 7))
	if err := s.DecideImport(id, Importing, 7); !errors.Is(err, ErrDecided) {
		t.Errorf("a second [Import]: %v", err)
	}
	goesOn(t, s, never)
	for _, row := range rows {
		if got := ok(s.Customer(row.Number)).Name; got != row.Name {
			t.Fatalf("%s is called %q, want %q", row.Number, got, row.Name)
		}
	}
	if i := ok(s.Import(id)); i.State != Imported || i.New != len(rows)-1 || i.Renamed != 1 {
		t.Errorf("got %+v", i)
	}
	must(t, s.Check())

	named(t, s, sara, "Sara Karimi") // whom somebody has named since keeps that name
	c.pass(importFor)
	must(t, s.DecideImport(id, ImportUndoing, 7))
	goesOn(t, s, never)
	for _, row := range rows {
		want := map[sms.Number]string{ali: "Ali", sara: "Sara Karimi"}[row.Number]
		if got := ok(s.Customer(row.Number)).Name; got != want {
			t.Fatalf("%s is called %q, want %q", row.Number, got, want)
		}
	}
	if _, err := s.Import(id); !errors.Is(err, ErrNotFound) {
		t.Errorf("once it is taken back: %v", err)
	}
	must(t, s.Check())
}

func TestAnImportGoesOnAfterACrash(t *testing.T) {
	for after := 0; ; after++ {
		s, c, id, rows := imports(t)
		path := s.Path()
		again := func(to ImportState) (done bool) {
			must(t, s.DecideImport(id, to, 7))
			done = goesOn(t, s, func(step int) bool { return step == after })
			crash(t, s)
			s = open(t, path, c.inbox(group))
			goesOn(t, s, never)
			must(t, s.Check())
			return done
		}
		again(Importing)
		if i := ok(s.Import(id)); i.New != len(rows)-1 || i.Renamed != 1 || ok(s.Customer(sara)).Name != "Sara" {
			t.Fatalf("after a crash behind step %d: %+v", after, i)
		}
		done := again(ImportUndoing)
		if got := ok(s.Customer(ali)).Name + ok(s.Customer(sara)).Name; got != "Ali" {
			t.Fatalf("after a crash behind step %d of undoing: %q", after, got)
		}
		var said []string
		for _, p := range posts(t, s) {
			said = append(said, p.Text)
		}
		if diff := cmp.Diff([]string{"done", "done"}, said); diff != "" {
			t.Fatalf("after a crash behind step %d: %s", after, diff)
		}
		must(t, s.Close())
		if done {
			return
		}
	}
}

func TestAnImportIsKeptForAnHour(t *testing.T) {
	s, c, id, _ := imports(t)
	c.pass(importFor + time.Second)
	if err := s.DecideImport(id, Importing, 7); !errors.Is(err, ErrExpired) {
		t.Errorf("late: %v", err)
	}
	prune(t, s)
	if _, err := s.Import(id); !errors.Is(err, ErrNotFound) {
		t.Errorf("after an hour: %v", err)
	}
	must(t, s.Check())
	if n := rows(t, s)["contacts"]; n != 0 {
		t.Errorf("%d blocks of contacts are left", n)
	}
}

func TestACustomerWhoIsBeingForgottenIsNotNamed(t *testing.T) {
	s, _, id, _ := imports(t)
	must(t, s.ForgetCustomer(UpdateKey{Chat: 5, Message: 1}, sara, Agent{ID: 5}))
	must(t, s.DecideImport(id, Importing, 7))
	goesOn(t, s, never)
	if got := ok(s.Customer(sara)).Name; got != "" {
		t.Errorf("she is called %q", got)
	}
	if i := ok(s.Import(id)); i.New != 2*importBlock {
		t.Errorf("got %+v", i)
	}
}

// TestAnImportReadsTheQueuesOnceAStep: whoever is newly known is shown sooner. The flows wait while a step looks among what waits for those it named.
func TestAnImportReadsTheQueuesOnceAStep(t *testing.T) {
	s, c, id, rows := imports(t)
	const waiting = 500
	var unread []sms.Message
	for i := range waiting {
		unread = append(unread, sms.Message{Conversation: sms.Conversation{Line: line, Customer: sms.Number(fmt.Sprintf("0936%07d", i))}, Text: "hello", Time: c.now()})
	}
	for _, row := range rows[1:5] { // who are in the first block
		unread = append(unread, sms.Message{Conversation: sms.Conversation{Line: line, Customer: row.Number}, Text: "hello", Time: c.now()})
	}
	ok(s.SaveUnread(ok(s.SaveRaw(Raw{})), unread, nil))
	must(t, s.DecideImport(id, Importing, 7))
	before := s.db.Stats() // each read of a row by its key makes a cursor
	must(t, s.ImportStep(id))
	after := s.db.Stats()
	if n := after.TxStats.GetCursorCount() - before.TxStats.GetCursorCount(); n > 4*waiting {
		t.Errorf("a step makes %d cursors, with %d SMS that wait", n, waiting)
	}
	var known int
	must(t, s.view(func(t *tx) error {
		c := t.bucket(bucketPost).Cursor()
		for key, _ := c.Seek(postKey(group, Known, 0)); ofClass(key, group, Known); key, _ = c.Next() {
			known++
		}
		return nil
	}))
	if known != 4 {
		t.Errorf("%d SMS wait as those of customers we know, want 4", known)
	}
	goesOn(t, s, never)
}

func TestPreparedAnswersAreBounded(t *testing.T) {
	s := open(t, tempFile(t), newClock().options())
	keep := func(i int, key, text string) error {
		_, err := s.Take(UpdateKey{Chat: group, Message: sms.ChatMessageID(i)}, Caused{Canned: &Canned{Key: key, Name: key, Text: text}})
		return err
	}
	for i := range MaxCanned {
		must(t, keep(i, fmt.Sprint("answer", i), "hello"))
	}
	if err := keep(1000, "one more", "hello"); !errors.Is(err, ErrTooMany) {
		t.Errorf("one more: %v", err)
	}
	must(t, keep(1000, "answer1", "changed")) // the refused update was not taken
	must(t, keep(1001, "answer2", ""))
	must(t, keep(1002, "one more", "hello"))
	all := ok(s.Canned())
	if len(all) != MaxCanned || all[1].Text != "changed" {
		t.Errorf("%d answers, the second is %+v", len(all), all[1])
	}
}
