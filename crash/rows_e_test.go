package crash

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"peyk/internal/play"
	"peyk/sandbox/telegram"
)

// accepted has a reply come so far as to bear 👌, and the panel report its delivery while the bridge is down.
func (w *world) accepted() {
	w.Helper()
	w.receives(1)
	if err := w.Panel.SetStatusOf("*0", 1); err != nil {
		w.Fatal(err)
	}
	w.lives(w.told(w.Group, "«end0»"))
	o := w.replies(w.Group, w.look().copies(w.Group, 0)[0])
	w.goesOn(func() error {
		if m, _ := w.TG.Message(o.Chat, o.Message); play.MarksOf(m) != "👌" {
			return fmt.Errorf("the reply bears %q", play.MarksOf(m))
		}
		return nil
	})
	if err := w.bridge.end(); err != nil {
		w.Fatal(err)
	}
	if !w.Panel.SetStatus(w.Panel.Sent()[0].ID, 4) {
		w.Fatal("no such SMS")
	}
}

// reported has an order come so far as to be reported as sent, and the panel report its delivery while the bridge is down: so the report
// will be edited. A bridge that runs on may come to report the order only once it is delivered.
func (w *world) reported() {
	w.Helper()
	if err := w.Panel.ExpectStatus(receiver, 1); err != nil {
		w.Fatal(err)
	}
	w.sends(receiver)
	w.lives(w.told(w.Group, "sent, no word from the phone"))
	if err := w.bridge.end(); err != nil {
		w.Fatal(err)
	}
	if !w.Panel.SetStatus(w.Panel.Sent()[0].ID, 4) {
		w.Fatal("no such SMS")
	}
}

func TestE1InAnEdit(t *testing.T) {
	// reports counts the messages that report the only order.
	reports := func(w *world, e *evidence) int {
		n := 0
		for _, m := range e.Messages[w.Group] {
			if m.ReplyTo == w.Orders[0].Message {
				n++
			}
		}
		return n
	}
	each(t, map[string]func(*world){
		"before an edit": func(w *world) {
			w.reported()
			w.diesIn("telegram", "editMessageText", "before")
			if n := reports(w, w.rests()); n != 1 {
				w.Errorf("reported in %d messages", n)
			}
		},
		"after an edit": func(w *world) {
			w.reported()
			w.diesIn("telegram", "editMessageText", "after")
			if n := reports(w, w.rests()); n != 1 {
				w.Errorf("reported in %d messages", n)
			}
			if !slices.ContainsFunc(w.TG.Calls(), func(c telegram.Call) bool { return strings.Contains(c.Description, "not modified") }) {
				w.Error("the edit was not repeated")
			}
		},
		"before a reaction": func(w *world) {
			w.accepted()
			w.diesIn("telegram", "setMessageReaction", "before")
			w.rests().marked("👍")
		},
		"after a reaction": func(w *world) {
			w.accepted()
			w.diesIn("telegram", "setMessageReaction", "after")
			w.rests().marked("👍")
		},
		"between a reaction and what tells of it": func(w *world) {
			w.accepted()
			w.diesAt("mark.answered", 1)
			w.rests().marked("👍")
		},
		"the message is gone": func(w *world) {
			w.reported()
			m, err := w.says(w.Group, "sent, no word from the phone")
			if err == nil {
				err = w.TG.Delete(w.Group, m.ID)
			}
			if err != nil {
				w.Fatal(err)
			}
			if again := w.rests().reports("delivered."); again.ID == m.ID || again.Deleted {
				w.Errorf("the report stands in %+v", again)
			}
		},
	})
}
