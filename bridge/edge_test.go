package bridge_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"peyk/sandbox/panel"
	"peyk/sandbox/telegram"
)

// atBothReadings plays a scenario at a panel with a cursor, in both readings of what its documentation leaves open.
func atBothReadings(t *testing.T, scenario func(*testing.T, panel.Options)) {
	t.Helper()
	for name, opts := range map[string]panel.Options{
		"as documented":        {PageSize: 3},
		"in its other reading": {PageSize: 3, FromIDBelow: true, Millions: true, PersianDigits: true, EmptyIsNull: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				opts.Dialect = panel.Edge
				scenario(t, opts)
			})
		})
	}
}

// TestNothingIsLostOfWhatStaysThere has answers to fetches be lost, in each way, kills the bridge, and has one SMS's id be late.
func TestNothingIsLostOfWhatStaysThere(t *testing.T) {
	for name, fault := range map[string]panel.Fault{
		"the connection ended": {Kind: panel.Close, CarryOut: true},
		"the answer was cut":   {Kind: panel.Cut},
		"a page came instead":  {Kind: panel.HTML},
		"it never ended":       {Kind: panel.Endless},
		"it took too long":     {Kind: panel.Slow, Delay: 90 * time.Second, CarryOut: true},
		"200 with an error":    {Kind: panel.Custom, ContentType: "application/json", Body: `{"data":null,"meta":{"status":false,"message":"no"}}`},
		"200 without data":     {Kind: panel.Custom, ContentType: "application/json", Body: `{"meta":{"status":true}}`},
	} {
		t.Run(name, func(t *testing.T) {
			atBothReadings(t, func(t *testing.T, opts panel.Options) {
				w := newWorld(t, telegram.Options{}, opts)
				w.start()
				w.shows("09121111111", "before")
				fault.Method, fault.Times = "GetMsg", 2
				w.panel.Arm(fault)
				w.panel.ReceiveLate("09121111111", "30001234", "late of ten", 8*time.Minute)
				for i := range 10 {
					w.panel.Receive("09121111111", "30001234", fmt.Sprintf("number %d of ten", i%5)) // some are equal
					w.panel.Receive("09122222222", "30005678", fmt.Sprintf("other %d of ten", i))
				}
				w.until("all SMS", func() bool { return strings.Count(w.transcript(w.group), "of ten") >= 20 })
				w.passes(time.Minute)
				w.panel.Receive("09122222222", "30005678", "another of ten")
				time.Sleep(time.Hour)
				said := w.transcript(w.group)
				if n := strings.Count(said, "of ten"); n != 22 {
					t.Errorf("%d SMS are shown, want 22:\n%s", n, said)
				}
				if strings.Contains(said, "lost") || strings.Contains(said, "cannot be read") {
					t.Errorf("reported as lost:\n%s", said)
				}
				last := -1 // in the order in which they came, of the first five
				for i := range 5 {
					at := strings.Index(said, fmt.Sprintf("number %d of ten", i))
					if at < last {
						t.Errorf("number %d is shown too early:\n%s", i, said)
					}
					last = at
				}
			})
		})
	}
}

// TestQuietReadsCostNothing has nothing come for a day: nothing is written, and one page is asked for at a time.
func TestQuietReadsCostNothing(t *testing.T) {
	atBothReadings(t, func(t *testing.T, opts panel.Options) {
		w := newWorld(t, telegram.Options{}, opts)
		w.start()
		for i := range 10 {
			w.panel.Receive("09121111111", "30001234", fmt.Sprint("SMS ", i))
		}
		w.until("all SMS", func() bool { return strings.Count(w.transcript(w.group), "SMS") >= 10 })
		time.Sleep(time.Hour)
		asked, commits := len(w.panel.Requests()), w.commits.Load()
		time.Sleep(time.Hour)
		if n := w.commits.Load() - commits; n > 10 { // the credit, the clock
			t.Errorf("%d commits in a quiet hour", n)
		}
		if n := len(w.panel.Requests()) - asked; n > 720+20 {
			t.Errorf("the panel was asked %d times in a quiet hour", n)
		}
	})
}
