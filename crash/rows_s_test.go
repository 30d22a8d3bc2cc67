package crash

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"peyk/sandbox/panel"
	"peyk/sms"
	"peyk/store"
)

func TestS1Queued(t *testing.T) {
	w := newRow(t)
	w.sends(receiver)
	w.diesAt("send.queued", 1)
	w.rests().sentOnce()
}

func TestS2ClaimedNotBegun(t *testing.T) {
	w := newRow(t)
	w.sends(receiver)
	w.diesAt("send.reserved", 1)
	w.rests().uncertain(0, 0)
}

func TestS3AnswerLostOrUnreadable(t *testing.T) {
	const short = `<?xml version="1.0"?><e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body><r><return></return></r></e:Body></e:Envelope>`
	for name, f := range map[string]panel.Fault{
		"lost":          {Kind: panel.Close, CarryOut: true},
		"cut":           {Kind: panel.Cut},
		"unreadable":    {Kind: panel.HTML, CarryOut: true},
		"a crash":       {Kind: panel.Crash, CarryOut: true},
		"nothing in it": {Kind: panel.Empty, CarryOut: true},
		"too short":     {Kind: panel.Custom, Body: short, CarryOut: true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newRow(t)
			f.Method = "SendSMS"
			w.Panel.Arm(f)
			w.sends(receiver)
			w.rests().uncertain(1, 1)
		})
	}
	for label, want := range map[string]struct {
		sent int
		says string
	}{
		"Send again":  {2, "delivered."},
		"It was sent": {1, "gives no delivery report"},
		"Leave":       {1, "left so"},
	} {
		t.Run(label, func(t *testing.T) {
			w := newRow(t)
			w.Panel.Arm(panel.Fault{Method: "SendSMS", Kind: panel.Close, CarryOut: true})
			o := w.sends(receiver)
			w.pushes(w.Sara, w.rests().uncertain(1, 1), label)
			w.lives(func() error {
				for _, m := range w.TG.Messages(o.Chat) {
					if m.FromBot && m.ReplyTo == o.Message && strings.Contains(m.Text, want.says) {
						return nil
					}
				}
				return fmt.Errorf("not reported as %q", want.says)
			})
			if err := w.bridge.end(); err != nil {
				t.Fatal(err)
			}
			w.rests().reports(want.says)
			if n := w.Panel.SentCount(); n != want.sent {
				t.Errorf("the panel sent %d SMS, want %d", n, want.sent)
			}
		})
	}
}

func TestS4AnswerSeenNotCommitted(t *testing.T) {
	each(t, map[string]func(*world){
		"on the wire": func(w *world) {
			w.sends(receiver)
			w.diesIn("panel", "SendSMS", "answered")
			w.rests().uncertain(1, 1)
		},
		"in the program": func(w *world) {
			w.sends(receiver)
			w.diesAt("send.answered", 1)
			w.rests().uncertain(1, 1)
		},
	})
}

func TestS5CommittedNotTold(t *testing.T) {
	w := newRow(t)
	w.sends(receiver)
	w.diesAt("send.stored", 1)
	w.rests().sentOnce()
}

func TestS6BetweenPieces(t *testing.T) {
	w := newRow(t)
	var to []string
	for i := range 150 {
		to = append(to, fmt.Sprintf("0913000%03d0", i))
	}
	w.sends(to...)
	w.lives(w.told(w.Group, "Send this?"), "PEYK_CRASH=send.stored:1")
	asked, err := w.says(w.Group, "Send this?")
	if err != nil {
		t.Fatal(err)
	}
	w.pushes(w.Ali, asked, "Send")
	w.died()
	e := w.rests()
	b := e.Batches[0]
	if done := b.Counts[sms.Delivered] + b.Counts[sms.AtTelecom] + b.Counts[sms.Sent]; done < 30 || done+b.Uncertain != 150 {
		t.Errorf("of 150 recipients in three pieces %d are sent and %d uncertain; at least one piece was finished", done, b.Uncertain)
	}
	if n := w.Asked("SendSMS"); n > 3 {
		t.Errorf("the panel was asked %d times to send three pieces", n)
	}
}

func TestS7SurelyNotSent(t *testing.T) {
	each(t, map[string]func(*world){
		"no connection": func(w *world) {
			w.onlySMS()
			w.panelNet.down()
			w.sends(receiver)
			// fails waits until an attempt has failed, which is made after from, and returns when the next one is to come.
			fails := func(attempt int, from time.Time, pause time.Duration) time.Time {
				w.start()
				w.logs(fmt.Sprintf("attempt=%d", attempt))
				known := time.Now()
				w.bridge.kill()
				w.arrived()
				next := w.nextAttempt(attempt)
				if next.Before(from.Add(pause)) || next.After(known.Add(pause)) {
					w.Errorf("attempt %d fails between %v and %v, the next one is to come at %v, want it after %v", attempt, from, known, next, pause)
				}
				return next
			}
			fails(2, fails(1, time.Now(), 2*time.Second), 4*time.Second)
			if err := w.panelNet.up(); err != nil {
				w.Fatal(err)
			}
			w.rests().sentOnce()
		},
		"an error code": func(w *world) {
			w.Panel.Arm(panel.Fault{Method: "SendSMS", Kind: panel.ErrCode, Code: -3, Text: "server is busy"})
			w.sends(receiver)
			w.diesAt("send.stored", 1)
			e := w.rests()
			e.reports("server is busy")
			if n := w.Asked("SendSMS"); n != 1 || w.Panel.SentCount() != 0 {
				w.Errorf("the panel was asked %d times and sent %d SMS, want 1 and 0", n, w.Panel.SentCount())
			}
		},
	})
}

// nextAttempt returns when the only piece is to be tried again, after so many attempts.
func (w *world) nextAttempt(attempts int) time.Time {
	w.Helper()
	st, err := store.Inspect(w.database(), store.Options{})
	if err != nil {
		w.Fatal(err)
	}
	defer st.Close()
	var next time.Time
	err = st.Queued(func(p store.Piece, _ store.Batch, _ []sms.Number) bool {
		if p.Attempt == attempts {
			next = p.NotBefore
		}
		return true
	})
	if err != nil {
		w.Fatal(err)
	}
	return next
}
