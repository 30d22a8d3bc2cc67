package bridge_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"peyk/sandbox/panel"
	"peyk/sandbox/telegram"
	"peyk/sms"
	"peyk/smsapi"
	"peyk/store"
)

// TestAWrongClockMakesNoOrderLate starts the bridge by a clock that is wrong, with an order of just now in its store, and a panel that is
// there before Telegram is, which alone knows what time it is. What did wait for long is still asked about.
func TestAWrongClockMakesNoOrderLate(t *testing.T) {
	_, many := manyNumbers(61)
	for _, tc := range []struct {
		name  string
		ahead time.Duration // of our clock
		age   time.Duration // of the order
		to    string
		asks  bool
	}{
		{"a machine that keeps no time while it is off", -56 * 365 * 24 * time.Hour, 0, "09121111111", false},
		{"three days ahead", 72 * time.Hour, 0, "09121111111", false},
		{"two hours behind, two pieces", -2 * time.Hour, 0, many, false},
		{"a year ahead, half an hour old", 8760 * time.Hour, 30 * time.Minute, "09121111111", false},
		{"two hours behind, five hours old", -2 * time.Hour, 5 * time.Hour, "09121111111", true},
		{"right, two hours old", 0, 2 * time.Hour, "09121111111", true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, telegram.Options{}, panel.Options{})
				opts := w.storeOpts
				opts.Now = func() time.Time { return time.Now().Add(-tc.age) }
				st, err := store.Open(w.path, opts)
				if err != nil {
					t.Fatal(err)
				}
				var to []sms.Number
				for n := range strings.SplitSeq(tc.to, ",") {
					to = append(to, sms.Normalize(n))
				}
				order := w.says(telegram.Post{Chat: w.group, From: w.omid, Text: "something"}) // nobody of ours, so that it is no order itself
				_, err = st.Take(store.UpdateKey{Chat: sms.ChatID(w.group), Message: 1000}, store.Caused{Order: &store.Order{
					Place: sms.Place{Chat: sms.ChatID(w.group)}, Agent: sms.AgentID(w.ali), Message: sms.ChatMessageID(order),
					Line: "30001234", Text: "hello", Parts: 1, Pieces: smsapi.Pieces(to),
				}})
				if err := errors.Join(err, st.Close()); err != nil {
					t.Fatal(err)
				}
				there := make(chan struct{})
				w.TGNet.Handler = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
					<-there
					w.tg.ServeHTTP(rw, r)
				})
				w.storeOpts.Now = func() time.Time { return time.Now().Add(tc.ahead) }
				w.start()
				defer w.end()
				err = w.panel.Wait(w.context(), func() bool { // the panel was looked at, and the order after it
					looks, fetches := 0, 0
					for _, r := range w.panel.Requests() {
						switch {
						case r.Method == "GetCredit":
							looks++
						case r.Method == "GetMsg" && looks > 0:
							fetches++
						}
					}
					return fetches > 10
				})
				close(there)
				if err != nil {
					t.Fatalf("the panel is not looked at: %v", err)
				}
				if !tc.asks {
					w.sent(len(to))
					w.settles(w.group)
					if got := w.transcript(w.group); strings.Contains(got, "more than an hour") || strings.Contains(got, "⌛") {
						t.Errorf("it is asked about:\n%s", got)
					}
					return
				}
				asked := w.under(order, "now?", "waited for more than an hour")
				if n := w.panel.SentCount(); n != 0 {
					t.Errorf("%d SMS were sent before anybody said so", n)
				}
				w.presses(w.ali, asked, "Send")
				w.sent(len(to))
			})
		})
	}
}
