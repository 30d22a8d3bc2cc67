package crash

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"peyk/sandbox/telegram"
	"peyk/store"
)

// asks has Ali order an SMS to two customers and returns the question, answered by nobody yet. The bridge runs, and will be killed at
// the point.
func (w *world) asks(point string) telegram.Message {
	w.Helper()
	w.sends(receiver, "09130000010")
	w.lives(w.told(w.Group, "Send this?"), "PEYK_CRASH="+point+":1")
	m, err := w.says(w.Group, "Send this?")
	if err != nil {
		w.Fatal(err)
	}
	return m
}

func TestB1DecisionNotCommitted(t *testing.T) {
	w := newRow(t)
	w.pushes(w.Ali, w.asks("press.read"), "Send")
	w.died()
	if n := w.Asked("SendSMS"); n != 0 {
		t.Errorf("the panel was asked %d times", n)
	}
	w.lives(w.told(w.Group, "2 delivered"))
	if err := w.bridge.end(); err != nil {
		t.Fatal(err)
	}
	e := w.rests()
	if e.Batches[0].Decision != store.Send || w.Panel.SentCount() != 2 {
		t.Errorf("decided %q, %d SMS sent", e.Batches[0].Decision, w.Panel.SentCount())
	}
}

func TestB2DecisionCommitted(t *testing.T) {
	answers := func(w *world, q *telegram.Query) {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		a, err := q.Wait(ctx)
		if err != nil || !strings.Contains(a.Text, "\u2068Ali\u2069 has already decided") {
			w.Errorf("the second press is answered %+v, %v", a, err)
		}
	}
	each(t, map[string]func(*world){
		"pressed again": func(w *world) {
			m := w.asks("press.decided")
			w.pushes(w.Ali, m, "Send")
			w.died()
			q := w.pushes(w.Ali, m, "Cancel")
			w.lives(func() error {
				if report := w.lastReport(); !strings.Contains(report, "2 delivered") && !strings.Contains(report, "can know whether") {
					return fmt.Errorf("reported as %q", report)
				}
				return nil
			})
			answers(w, q)
			if err := w.bridge.end(); err != nil {
				w.Fatal(err)
			}
			// The killed bridge may have begun to send: then the agents are asked.
			e := w.rests()
			if b := e.Batches[0]; b.State != store.Going || b.Decision != store.Send || w.Asked("SendSMS") > 1 {
				w.Errorf("decided %q, the panel was asked %d times", b.Decision, w.Asked("SendSMS"))
			}
		},
		"pressed by another": func(w *world) {
			w.sends(receiver)
			w.diesAt("send.reserved", 1)
			m := w.rests().uncertain(0, 0)
			w.pushes(w.Ali, m, "Send again")
			w.diesAt("press.decided", 1)
			q := w.pushes(w.Sara, m, "Send again")
			w.lives(func() error {
				if w.Panel.SentCount() == 0 && !strings.Contains(w.lastReport(), "can know whether") {
					return errors.New("nothing is sent again")
				}
				return nil
			})
			answers(w, q)
			if err := w.bridge.end(); err != nil {
				w.Fatal(err)
			}
			w.rests()
			if n := w.Asked("SendSMS"); n > 1 {
				w.Errorf("the panel was asked %d times", n)
			}
		},
	})
}

// lastReport is what the last order is reported as.
func (w *world) lastReport() string {
	o := w.Orders[len(w.Orders)-1]
	text := ""
	for _, m := range w.TG.Messages(o.Chat) {
		if m.FromBot && m.ReplyTo == o.Message {
			text = m.Text
		}
	}
	return text
}
