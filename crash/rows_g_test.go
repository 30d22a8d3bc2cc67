package crash

import (
	"slices"
	"strings"
	"testing"

	"peyk/sandbox/telegram"
)

func TestG1Delivery(t *testing.T) {
	die := map[string]func(*world){
		"before the call":    func(w *world) { w.sends(receiver); w.diesAt("delivery.due", 1) },
		"half of the answer": func(w *world) { w.sends(receiver); w.diesIn("panel", "GetStatus", "half_answered") },
		"before the commit":  func(w *world) { w.sends(receiver); w.diesAt("delivery.answered", 1) },
		"after the commit":   func(w *world) { w.sends(receiver); w.diesAt("delivery.stored", 1) },
		"before the edit":    func(w *world) { w.reported(); w.diesIn("telegram", "editMessageText", "before") },
	}
	for name, die := range die {
		t.Run(name, func(t *testing.T) {
			w := newRow(t)
			die(w)
			e := w.rests()
			e.sentOnce()
			far := -1
			report := e.reports("delivered.")
			for _, v := range append(report.History, telegram.Version{Text: report.Text}) {
				now := slices.IndexFunc([]string{"sent, no word from the phone", "reached the telecom", "delivered."}, func(s string) bool { return strings.Contains(v.Text, s) })
				if now < far {
					t.Errorf("the report goes back: %q in %+v", v.Text, report.History)
				}
				far = now
			}
		})
	}
}
