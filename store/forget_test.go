package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"peyk/sms"
)

const (
	reza     = sms.Number("09351239876")
	rezaSays = "my order 4711 is late"
	rezaIs   = "Reza Tehrani"
	rezaTold = "we are sorry Reza"
)

// known is a store with all that may be known of reza, among others, and its directory.
func known(t *testing.T) (s *Store, c *clock) {
	path := tempFile(t)
	c = newClock()
	s = open(t, path, c.inbox(group))
	must(t, os.WriteFile(path+".schema3", []byte(reza), 0o600))
	must(t, os.WriteFile(path+".before-20260101-000000", []byte(reza), 0o600))
	must(t, os.WriteFile(filepath.Join(filepath.Dir(path), ".check-123"), []byte(reza), 0o600))
	from := func(n sms.Number, texts ...string) {
		all := unread(c, texts...)
		for i := range all {
			all[i].Customer = n
		}
		fetched(t, s, all)
	}
	for i := range 200 { // so that rows fill more than a page
		from(sms.Number(fmt.Sprintf("0912%07d", i)), fmt.Sprint("of others ", i))
	}
	from(reza, rezaSays, rezaSays+"!")
	for _, p := range heads(t, s) {
		must(t, s.Posted(p, 10, false))
	}
	must(t, s.AddTopic(201, sms.Place{Chat: group, Topic: 12}, rezaIs+" "+string(reza), ""))
	ok(s.Take(UpdateKey{Chat: group, Message: 1}, Caused{
		Customer: reza, EditCustomer: func(c *Customer) { c.Name = rezaIs },
		Posts: []Post{{Chat: group, Kind: PostText, Text: "<code>+98" + string(reza[1:]) + "</code> is now called \u2068" + rezaIs + "\u2069."}},
	}))
	alone := order(reza)
	alone.Text, alone.MaybeNumber = rezaTold, string(reza)
	must(t, s.Refuse(claimed(t, s, take(t, s, alone)), "not "+string(reza), "-3"))
	many := order(ali, reza, sara)
	many.MaybeNumber = "۰۹۳۵۱۲۳۹۸۷۶"
	p := claimed(t, s, take(t, s, many))
	must(t, s.Sent(p, []Outcome{{ID: "71"}, {ID: "72"}, {ID: "73"}}, nil))
	raw := ok(s.SaveRaw(Raw{Body: []byte("<from>98" + reza[1:] + "</from><text>" + rezaSays), Fetched: c.now()}))
	ok(s.SaveUnread(raw, nil, &Incident{Kind: Undecodable, From: c.now()}))
	raw = ok(s.SaveRaw(Raw{Body: []byte("<from>989121111111</from>"), Fetched: c.now()}))
	ok(s.SaveUnread(raw, nil, &Incident{Kind: Undecodable, From: c.now()}))
	must(t, s.AddIncident(Incident{Kind: LinkLost, From: c.now(), Customer: reza}))
	ok(s.Take(UpdateKey{Chat: group, Message: 951}, Caused{Canned: &Canned{Key: "courier", Name: "courier", Text: "call " + string(reza)}}))
	id := ok(s.AddImport(Import{Place: sms.Place{Chat: group}}, []Contact{{Number: ali, Name: "Ali"}, {Number: reza, Name: rezaIs}}))
	must(t, s.DecideImport(id, Importing, 7))
	must(t, s.ImportStep(id))
	return s, c
}

// forgetAll takes steps until a customer is forgotten, or stop says so after one.
func forgetAll(t *testing.T, s *Store, stop func(step int) bool) (done bool) {
	t.Helper()
	for step := range 10000 {
		if more := ok(s.ForgetStep()); !more {
			return true
		}
		if stop(step) {
			return false
		}
	}
	t.Fatal("forgetting does not end")
	return false
}

func never(int) bool { return false }

// traces returns where in the files of a directory something of reza stands.
func traces(t *testing.T, dir string) (found []string) {
	t.Helper()
	wide := func(s string) string {
		var b bytes.Buffer
		binary.Write(&b, binary.LittleEndian, utf16.Encode([]rune(s)))
		return b.String()
	}
	core := string(reza[1:])
	packed := uint64(9351239876)
	what := []string{
		core, "۹۳۵۱۲۳۹۸۷۶", wide(core), rezaSays, rezaIs, rezaTold, wide(rezaSays),
		string(binary.BigEndian.AppendUint64(nil, packed)[3:]), string(binary.LittleEndian.AppendUint64(nil, packed)[:5]),
		string(binary.BigEndian.AppendUint64(nil, 98e10+packed)[3:]),
	}
	must(t, filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content := string(ok(os.ReadFile(path)))
		for _, w := range what {
			if i := strings.Index(content, w); i >= 0 {
				found = append(found, fmt.Sprintf("%q at %d of %s: %q", w, i, filepath.Base(path), content[max(0, i-40):min(len(content), i+60)]))
			}
		}
		return nil
	}))
	return found
}

func TestNothingOfAForgottenCustomerIsLeftInTheDirectory(t *testing.T) {
	s, c := known(t)
	dir := filepath.Dir(s.Path())
	if len(traces(t, dir)) < 5 {
		t.Fatal("there is nothing to forget: this test finds nothing")
	}
	before := rows(t, s)
	must(t, s.ForgetCustomer(UpdateKey{Chat: 5, Message: 1}, reza, Agent{ID: 5}))
	forgetAll(t, s, never)
	if found := traces(t, dir); len(found) > 0 {
		t.Errorf("left:\n%s", strings.Join(found, "\n"))
	}
	must(t, s.Check())
	after := rows(t, s)
	for _, same := range []string{"sms", "batch", "piece", "id", "link", "seen", "chat_batch"} {
		if before[same] != after[same] {
			t.Errorf("%d rows of %s, there were %d", after[same], same, before[same])
		}
	}
	if after["raw"] != 1 {
		t.Errorf("%d answers kept, want that which is of another", after["raw"])
	}
	for _, n := range []Seq{200, 204, 206} { // others stay: the last who wrote, and two who were written to with reza
		if m := ok(s.SMS(n)); m.Customer == "" {
			t.Errorf("sms %d is forgotten, too", n)
		}
	}
	if b := ok(s.Batch(2)); b.Text == "" || b.Counts[sms.Sent] != 3 {
		t.Errorf("the order to others is %+v", b)
	}
	last := ok(s.Incidents())
	if i := last[len(last)-1]; i.Kind != Forgotten || i.Agent != 5 || i.Count != 4 {
		t.Errorf("told is %+v", i)
	}

	// What comes later is of a new customer.
	more := unread(c, "it is me again")
	more[0].Customer = reza
	c.pass(time.Second)
	fetched(t, s, more)
	if got := shown(t, s)[group]; len(got) == 0 || got[len(got)-1] != "it is me again" {
		t.Errorf("shown %v", got)
	}
	if got := ok(s.Customer(reza)); got.Name != "" || got.In != 0 {
		t.Errorf("a new customer is %+v", got)
	}
	must(t, s.SetDelivery([]Report{{Seq: ok(s.ByID("72")).Seq, Status: sms.Delivered}})) // and reports go on being counted
	if b := ok(s.Batch(2)); b.Counts[sms.Delivered] != 1 {
		t.Errorf("the order to others is %+v", b)
	}
}

func TestForgettingGoesOnAfterACrash(t *testing.T) {
	for after := 0; ; after++ {
		s, c := known(t)
		path := s.Path()
		must(t, s.ForgetCustomer(UpdateKey{Chat: 5, Message: 1}, reza, Agent{ID: 5}))
		done := forgetAll(t, s, func(step int) bool { return step == after })
		crash(t, s)
		s = open(t, path, c.inbox(group))
		must(t, s.Check())
		forgetAll(t, s, never)
		if found := traces(t, filepath.Dir(path)); len(found) > 0 {
			t.Fatalf("after a crash behind step %d, left:\n%s", after, strings.Join(found, "\n"))
		}
		must(t, s.Check())
		must(t, s.Close())
		if done {
			break
		}
	}
}

func TestACustomerWithAnOpenOrderIsNotForgotten(t *testing.T) {
	s, _ := known(t)
	take(t, s, asking(ali, reza))
	if err := s.ForgetCustomer(UpdateKey{Chat: 5, Message: 1}, reza, Agent{ID: 5}); !errors.Is(err, ErrOpenOrders) {
		t.Errorf("got %v, want that an order is open", err)
	}
	if ok(s.Taken(UpdateKey{Chat: 5, Message: 1})) || ok(s.Customer(reza)).Name != rezaIs {
		t.Error("something was done")
	}
}

// Pages that a read under way began with are left alone until it has ended.
func TestForgettingWaitsForReads(t *testing.T) {
	s, _ := known(t)
	must(t, s.view(func(read *tx) error {
		must(t, s.ForgetCustomer(UpdateKey{Chat: 5, Message: 1}, reza, Agent{ID: 5}))
		for range 100 {
			ok(s.ForgetStep())
		}
		if m, err := read.sms(201); err != nil || m.Text != rezaSays {
			t.Errorf("the read finds %+v, %v", m, err)
		}
		return nil
	}))
	forgetAll(t, s, never)
	if found := traces(t, filepath.Dir(s.Path())); len(found) > 0 {
		t.Errorf("left:\n%s", strings.Join(found, "\n"))
	}
}

func TestNamesOfAForgottenCustomer(t *testing.T) {
	for words, want := range map[string]bool{
		"09351239876": true, "+989351239876": true, "00989351239876": true, "9351239876": true, "۰۹۳۵۱۲۳۹۸۷۶،": true, `"989351239876"`: true,
		"193512398761": false, "093512398765": false, "1935123987": false, "": false, "\u2068Reza Tehrani\u2069": true, "Reza Tehrani": false,
	} {
		f := forgetting{Number: reza, Name: rezaIs}
		if got := f.names(words); got != want {
			t.Errorf("%q names them: %t", words, got)
		}
	}
	short := forgetting{Number: "2020"}
	if short.names("20201") || short.names("12020") || !short.names("code 2020, yes") {
		t.Error("a short number is taken for part of another")
	}
}
