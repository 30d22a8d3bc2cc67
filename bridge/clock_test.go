package bridge_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"peyk/sandbox/panel"
	"peyk/sandbox/telegram"
)

// TestAnOrderIsCarriedOutOnceWhateverTheClockShows kills the bridge after an order was carried out, starts it by a clock that is wrong, and
// has Telegram give the order again.
func TestAnOrderIsCarriedOutOnceWhateverTheClockShows(t *testing.T) {
	for name, ahead := range map[string]time.Duration{
		"8 days ahead": 8 * 24 * time.Hour, "100 days ahead": 2400 * time.Hour, "a year behind": -8760 * time.Hour, "four hours ahead": 4 * time.Hour,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, telegram.Options{}, panel.Options{})
				w.start()
				w.quietAs(w.sara)
				w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "/send 09121234567 once"})
				w.sent(1)
				w.sees(w.group, "sent")
				w.end()
				again := func() {
					t.Helper()
					for _, u := range w.tg.Updates() {
						if u.Kind == "message" && strings.Contains(u.JSON, "once") {
							if err := w.tg.Redeliver(u.ID); err != nil {
								t.Fatal(err)
							}
						}
					}
				}

				w.storeOpts.Now = func() time.Time { return time.Now().Add(ahead) }
				w.start()
				w.logged("are apart: nothing old is forgotten")
				w.sees(w.sara, "clock", "minutes off")
				again()
				w.says(telegram.Post{Chat: w.sara, From: w.sara, Text: "/check"})
				w.sees(w.sara, "store: ", "clock: this machine's is", "set-ntp true")
				w.quiet()
				if got := w.sent(1); len(got) != 1 {
					t.Errorf("%d SMS went out", len(got))
				}
				if n := strings.Count(w.logs.String(), "are apart"); n != 1 {
					t.Errorf("%d lines in the log of one wrong clock", n)
				}
				w.end()

				w.storeOpts.Now = nil
				w.start()
				w.logged("agree again")
				again()
				w.quiet()
				if got := w.sent(1); len(got) != 1 {
					t.Errorf("%d SMS went out once the clock was right", len(got))
				}
			})
		})
	}
}
