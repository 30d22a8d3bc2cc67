package crash

import (
	"strings"
	"testing"
)

func TestT1UpdateNotCommitted(t *testing.T) {
	w := newRow(t)
	w.sends(receiver)
	w.diesAt("update.given", w.given())
	if n := w.Asked("SendSMS"); n != 0 {
		t.Errorf("the panel was asked %d times", n)
	}
	w.rests().sentOnce()
}

func TestT2UpdateCommittedNotConfirmed(t *testing.T) {
	w := newRow(t)
	w.sends(barred) // of which one question about its status is enough
	w.diesAt("update.taken", w.given())
	if w.given() == 0 {
		t.Fatal("the update is confirmed")
	}
	e := w.rests("I6", "I8")
	if len(e.Batches) != 1 {
		t.Errorf("one command gave %d batches", len(e.Batches))
	}
	if n := w.Asked("SendSMS"); n > 1 {
		t.Errorf("the panel was asked %d times", n)
	}
}

func TestT3UpdateThatCannotBeRead(t *testing.T) {
	w := newRow(t)
	for _, odd := range []string{`{"message":"what is this"}`, `{"message":{"message_id":"x","chat":[]}}`, `{"callback_query":7}`} {
		if _, err := w.TG.RawUpdate(odd); err != nil {
			t.Fatal(err)
		}
	}
	w.sends(receiver)
	w.diesAt("update.given", w.given())
	w.rests().sentOnce()
	if n := strings.Count(logTail(w.dir, 1000), "update passed over"); n != 6 {
		t.Errorf("three unreadable updates are noted %d times in two starts", n)
	}
}

func TestT4CommandEdited(t *testing.T) {
	w := newRow(t)
	o := w.sends(receiver)
	w.rests().sentOnce()
	if err := w.TG.Edit(o.From, o.Chat, o.Message, "/send "+receiver+" something else"); err != nil {
		t.Fatal(err)
	}
	w.diesAt("update.given", 1)
	w.diesAt("update.taken", 1)
	e := w.rests()
	e.sentOnce()
	told := 0
	for _, m := range e.Messages[w.Group] {
		if m.ReplyTo == o.Message && strings.Contains(m.Text, "the edit changes nothing") {
			told++
		}
	}
	if told < 1 || told > 2 {
		t.Errorf("told %d times that the edit changes nothing", told)
	}
}
