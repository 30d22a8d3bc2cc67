package bridge_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"peyk/internal/hours"
	"peyk/sandbox/panel"
	"peyk/sandbox/telegram"
	"peyk/store"
)

// TestWhoWaitsDelaysNoFlood: reminders, away texts and a list that is kept up to date take at most a twentieth longer to show what a thousand customers
// write at once. Time is simulated, so no machine matters.
func TestWhoWaitsDelaysNoFlood(t *testing.T) {
	lasts := func(t *testing.T, waits bool) (lasts time.Duration) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, telegram.Options{}, panel.Options{Credit: 10000})
			w.pinning()
			if waits {
				week, err := hours.Parse("Sat-Fri 8:00-17:00")
				if err != nil {
					t.Fatal(err)
				}
				w.storeOpts.Hours, w.storeOpts.RemindAfter, w.storeOpts.EscalateAfter = week, time.Minute, 2*time.Minute
				w.storeOpts.Away = store.Away{Text: awayText, Parts: 1, PerHour: 30}
			}
			time.Sleep(time.Until(time.Now().Truncate(24 * time.Hour).Add(20 * time.Hour)))
			w.start()
			w.quiet()
			if waits {
				w.pins(w.group)
			}
			time.Sleep(2 * time.Minute) // the group's minute is free again
			const n = 4000
			for i := range n {
				w.panel.Receive(fmt.Sprintf("0912%07d", i), "30001234", "سلام، سفارش من چه شد؟ لطفا پیگیری کنید")
			}
			begun := time.Now()
			for shown := 0; shown < n; {
				time.Sleep(time.Second)
				shown = 0
				for _, m := range w.fromBot(w.group) {
					for _, e := range m.Entities {
						if e.Type == "blockquote" {
							shown++
							lasts = max(lasts, m.Date.Sub(begun))
						}
					}
				}
			}
			if sent := len(w.panel.Sent()); waits && sent < 20 {
				t.Errorf("%d away texts were sent", sent)
			}
			if n := w.tg.Throttled(); n > 0 {
				t.Errorf("Telegram asked for patience %d times", n)
			}
		})
		return lasts
	}
	without, with := lasts(t, false), lasts(t, true)
	t.Logf("a flood of 4,000 SMS takes %v, and %v with all that tells who waits: %.3f times", without, with, float64(with)/float64(without))
	if float64(with) > 1.05*float64(without) {
		t.Errorf("it takes %v, without %v", with, without)
	}
}
