package crash

import (
	"fmt"
	"testing"
	"time"

	"peyk/internal/play"
	"peyk/sandbox/telegram"
	"peyk/sms"
	"peyk/store"
)

// schedules has the store hold an order of Ali's whose time has come, as /later and [Schedule] leave it; a minute is the shortest that the command takes.
func (w *world) schedules(to string) play.Order {
	w.Helper()
	w.rests() // which makes the store
	w.Mu.Lock()
	defer w.Mu.Unlock()
	o := play.Order{Chat: w.Group, From: w.Ali, Line: "30001234", Recipients: []string{to}, Text: fmt.Sprintf("out%d hello", len(w.Orders))}
	o.Said = "this goes out later"
	o.Message = w.Say(telegram.Post{Chat: o.Chat, From: o.From, Text: o.Said})
	w.Orders = append(w.Orders, o)
	s, err := store.Open(w.database(), w.StoreOptions())
	if err != nil {
		w.Fatal(err)
	}
	defer s.Close()
	said := func(store.Scheduled) store.Post {
		return store.Post{Chat: sms.ChatID(o.Chat), Kind: store.PostText, Text: "later"}
	}
	var id store.ScheduledID
	err = s.Schedule(store.UpdateKey{Chat: sms.ChatID(o.Chat), Message: 1 << 40}, store.Scheduled{At: time.Now().Add(time.Second), Order: store.Order{
		Place: sms.Place{Chat: sms.ChatID(o.Chat)}, Agent: sms.AgentID(o.From), AgentName: "Ali", Message: sms.ChatMessageID(o.Message), Line: "30001234",
		Text: o.Text, Parts: 1, Pieces: [][]sms.Number{{sms.Number(to)}},
	}}, func(row store.Scheduled) store.Post { id = row.ID; return said(row) })
	if err == nil {
		err = s.ConfirmScheduled(id, 0, said)
	}
	if err != nil {
		w.Fatal(err)
	}
	return o
}

func TestL1ScheduledOrderDueNotBegun(t *testing.T) {
	w := newRow(t)
	w.schedules(receiver)
	w.diesAt("later.due", 1)
	w.lives(w.told(w.Group, "delivered"))
	if err := w.bridge.end(); err != nil {
		t.Fatal(err)
	}
	w.rests().sentOnce()
}

func TestL2ScheduledOrderBegun(t *testing.T) {
	w := newRow(t)
	w.schedules(receiver)
	w.diesAt("later.begun", 1)
	e := w.rests()
	if n := w.Panel.SentCount(); n > 1 || len(e.Batches) != 1 { // the send may have been under way
		t.Errorf("the panel sent %d SMS, of %d orders", n, len(e.Batches))
	}
	if left, err := e.Store.ScheduledIn(0); len(left) > 0 {
		t.Errorf("still scheduled: %v, %v", left, err)
	}
}
