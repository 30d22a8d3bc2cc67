package bridge_test

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"peyk/sandbox/panel"
	"peyk/sandbox/telegram"
	"peyk/sms"
)

func newKeyedWorld(t *testing.T, opts panel.Options) *world {
	opts.Dialect = panel.Kavenegar
	w := newWorld(t, telegram.Options{}, opts)
	w.relay.PollInterval = 30 * time.Second // hours pass
	w.start()
	return w
}

// TestALostAnswerDecidesItself loses the answer to a send in each way, at a panel that takes keys.
func TestALostAnswerDecidesItself(t *testing.T) {
	for name, tc := range map[string]struct {
		fault panel.Fault
		says  string
	}{
		"it was carried out":     {panel.Fault{Kind: panel.Close, CarryOut: true}, "it has it"},
		"its answer was cut":     {panel.Fault{Kind: panel.Cut}, "it has it"},
		"it never arrived":       {panel.Fault{Kind: panel.Close}, "it did not have it"},
		"a page came":            {panel.Fault{Kind: panel.HTML}, "it did not have it"},
		"a page came, and it is": {panel.Fault{Kind: panel.HTML, CarryOut: true}, "it has it"},
		"it took too long":       {panel.Fault{Kind: panel.Slow, Delay: 61 * time.Second}, "it has it"},
		"busy":                   {panel.Fault{Kind: panel.ErrCode, Code: 409}, "it did not have it"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newKeyedWorld(t, panel.Options{})
				shown := w.shows("09121111111", "hello")
				tc.fault.Method = "SendSMS"
				w.panel.Arm(tc.fault)
				w.replies(shown, "good morning")
				w.sees(w.group, tc.says)
				if sent := w.sent(1); sent[0].Customer != "09121111111" || sent[0].Text != "good morning" {
					t.Errorf("sent %+v", sent)
				}
				var sent, asked time.Time
				for _, r := range w.panel.Requests() {
					switch {
					case r.Method == "SendSMS" && sent.IsZero():
						sent = r.At
					case r.Method == "FindKeys" && asked.IsZero():
						asked = r.At
					}
				}
				if left := asked.Sub(sent); left < time.Minute || left > 3*time.Minute {
					t.Errorf("asked %v after it was sent, want a minute or a little more", left)
				}
				if n := w.panel.Overlaps(); n > 0 {
					t.Errorf("%d keys were in two requests at once", n)
				}
				for _, m := range w.fromBot(w.group) {
					if len(m.Buttons) > 0 && strings.Contains(fmt.Sprint(m.Buttons), "Send again") {
						t.Errorf("the agents were asked: %s", m.Text)
					}
				}
			})
		})
	}
}

// TestAPanelThatRefusesToTellIsAskedAgain has it answer with an error of its own when it is asked what became of a piece: for a while, and for good.
func TestAPanelThatRefusesToTellIsAskedAgain(t *testing.T) {
	for name, tc := range map[string]struct {
		refuses int
		says    string
		sent    int
	}{
		"for a while": {3, "it did not have it", 2},
		"for good":    {-1, "Nobody can know", 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newKeyedWorld(t, panel.Options{})
				shown := w.shows("09121111111", "hello")
				w.panel.Arm(panel.Fault{Method: "SendSMS", Kind: panel.Close})
				w.panel.Arm(panel.Fault{Method: "FindKeys", Kind: panel.ErrCode, Code: 418, Times: tc.refuses})
				w.replies(shown, "good morning")
				time.Sleep(2 * time.Minute)
				w.replies(shown, "and how are you?") // it is not held up
				w.sees(w.group, tc.says)
				time.Sleep(time.Hour)
				w.sent(tc.sent)
			})
		})
	}
}

// TestAPanelThatCannotTellIsAskedAbout has it forget its keys before it can be asked.
func TestAPanelThatCannotTellIsAskedAbout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newKeyedWorld(t, panel.Options{})
		shown := w.shows("09121111111", "hello")
		w.panel.Arm(panel.Fault{Method: "SendSMS", Kind: panel.Close})
		w.panel.Arm(panel.Fault{Method: "FindKeys", Kind: panel.HTML, Times: -1})
		w.replies(shown, "good morning")
		time.Sleep(11 * time.Hour)
		if strings.Contains(w.transcript(w.group), "Send again") {
			t.Error("asked while the panel could still tell")
		}
		time.Sleep(2 * time.Hour)
		w.sees(w.group, "Nobody can know")
		w.sent(0)
	})
}

// TestAnotherAccountCannotTell changes the key of the panel, as with another account, while an answer is lost.
func TestAnotherAccountCannotTell(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newKeyedWorld(t, panel.Options{})
		shown := w.shows("09121111111", "hello")
		w.panel.Arm(panel.Fault{Method: "SendSMS", Kind: panel.Close})
		w.replies(shown, "good morning")
		time.Sleep(10 * time.Second)
		w.end()
		w.password = "another account"
		w.panel.SetPassword(w.password)
		w.start()
		w.sees(w.group, "Nobody can know")
		w.sent(0)
	})
}

// TestNothingTakenIsLost has answers to fetches be lost, in each way.
func TestNothingTakenIsLost(t *testing.T) {
	for name, fault := range map[string]panel.Fault{
		"the connection ended": {Kind: panel.Close, CarryOut: true},
		"the answer was cut":   {Kind: panel.Cut},
		"a page came instead":  {Kind: panel.HTML, CarryOut: true},
		"it never ended":       {Kind: panel.Endless},
		"it took too long":     {Kind: panel.Slow, Delay: 90 * time.Second, CarryOut: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newKeyedWorld(t, panel.Options{PageSize: 3})
				w.shows("09121111111", "before")
				fault.Method, fault.Times = "GetMsg", 2
				w.panel.Arm(fault)
				for i := range 10 {
					w.panel.Receive("09121111111", "30001234", fmt.Sprintf("number %d of ten", i%5)) // some are equal
					w.panel.Receive("09122222222", "30005678", fmt.Sprintf("other %d of ten", i))
				}
				w.until("all SMS", func() bool {
					said := w.transcript(w.group)
					return strings.Count(said, "of ten") >= 20
				})
				time.Sleep(time.Hour)
				said := w.transcript(w.group)
				if n := strings.Count(said, "of ten"); n != 20 {
					t.Errorf("%d SMS are shown, want 20:\n%s", n, said)
				}
				if strings.Contains(said, "may be lost") {
					t.Errorf("reported as lost:\n%s", said)
				}
			})
		})
	}
}

// TestWhatIsGoneIsToldOf has a panel be down for longer than it tells again what it has handed out.
func TestWhatIsGoneIsToldOf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newKeyedWorld(t, panel.Options{})
		w.shows("09121111111", "before")
		w.panel.Arm(panel.Fault{Method: "GetMsg", Kind: panel.Close, CarryOut: true})
		w.panel.Arm(panel.Fault{Method: "ListMsg", Kind: panel.HTML, Times: -1})
		w.panel.Receive("09121111111", "30001234", "taken and never seen")
		time.Sleep(46 * time.Hour)
		if strings.Contains(w.transcript(w.group), "may be lost") {
			t.Error("reported as lost while it could be read again")
		}
		w.panel.Receive("09121111111", "30001234", "and on it goes")
		w.sees(w.group, "and on it goes")
		time.Sleep(2 * time.Hour)
		w.sees(w.group, "may be lost")
	})
}

// TestNoCutAnswerSendsTwice loses the answers to many sends, half of them of requests that were carried out. PEYK_CUTS says how many.
func TestNoCutAnswerSendsTwice(t *testing.T) {
	cuts := 60
	if n, err := strconv.Atoi(os.Getenv("PEYK_CUTS")); err == nil {
		cuts = n
	}
	const each = 20 // at once, as orders to one recipient; a bulk file would be one order
	synctest.Test(t, func(t *testing.T) {
		w := newKeyedWorld(t, panel.Options{})
		faults := []panel.Fault{
			{Kind: panel.Close, CarryOut: true}, {Kind: panel.Close}, {Kind: panel.Cut}, {Kind: panel.HTML}, {Kind: panel.HTML, CarryOut: true}, {Kind: panel.Crash},
		}
		struck := 0
		for n := 0; n < cuts; n += each {
			for i := n; i < min(n+each, cuts); i++ {
				w.says(telegram.Post{Chat: w.ali, From: w.ali, Text: fmt.Sprintf("/send 0912%07d text %d", i, i)})
			}
			for range min(each, cuts-n) {
				fault := faults[struck%len(faults)]
				fault.Method = "SendSMS"
				w.panel.Arm(fault)
				struck++
			}
			if err := w.panel.Wait(w.context(), func() bool { return w.panel.SentCount() >= min(n+each, cuts) && len(w.panel.State().Faults) == 0 }); err != nil {
				t.Fatalf("%d of %d went out: %v", w.panel.SentCount(), min(n+each, cuts), err)
			}
		}
		w.until("that nothing is open", func() bool { stats, err := w.store.Stats(); return err == nil && stats.Pieces == 0 })
		times := map[string]int{}
		for _, m := range w.sent(cuts) {
			times[m.Customer]++
		}
		for customer, n := range times {
			if n != 1 {
				t.Errorf("%s got it %d times", customer, n)
			}
		}
		batches, err := w.store.Batches(sms.ChatID(w.ali), cuts)
		if err != nil || len(batches) != cuts {
			t.Fatalf("%d orders, %v", len(batches), err)
		}
		found, resent := 0, 0
		for _, b := range batches {
			found, resent = found+b.Found, resent+b.Resent
			if b.Uncertain+b.LeftUncertain > 0 || b.Counts[sms.Sending]+b.Counts[sms.Queued] > 0 {
				t.Errorf("order %d is open: %+v", b.ID, b)
			}
		}
		if w.panel.Overlaps() > 0 || struck != cuts {
			t.Errorf("%d overlaps; %d answers were lost", w.panel.Overlaps(), struck)
		}
		t.Logf("%d answers lost: %d went out once, %d found, %d sent again, none open, none asked about", struck, len(times), found, resent)
	})
}

// TestWhatWaitedIsNotLost has SMS wait at the panel while nothing runs, and the answer that takes them be lost, whatever its clock says.
func TestWhatWaitedIsNotLost(t *testing.T) {
	for name, ahead := range map[string]time.Duration{"clocks agree": 0, "the panel's is behind": -time.Hour, "the panel's is ahead": time.Hour} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newKeyedWorld(t, panel.Options{})
				w.panel.Forward(ahead)
				w.shows("09121111111", "before")
				time.Sleep(time.Minute)
				w.end()
				w.panel.Receive("09121111111", "30001234", "waits for long")
				time.Sleep(10 * time.Hour)
				w.panel.Receive("09121111111", "30001234", "waits for a moment")
				w.panel.Arm(panel.Fault{Method: "GetMsg", Kind: panel.Close, CarryOut: true, Times: 2})
				w.start()
				w.sees(w.group, "waits for long")
				w.sees(w.group, "waits for a moment")
				time.Sleep(time.Hour)
				if said := w.transcript(w.group); strings.Contains(said, "may be lost") || strings.Count(said, "waits for") != 2 {
					t.Errorf("shown:\n%s", said)
				}
			})
		})
	}
}

// TestWhatIsTooOldToBeReadAgainIsToldOf is that for SMS of which one waited for longer than the panel lists what it has handed out.
func TestWhatIsTooOldToBeReadAgainIsToldOf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newKeyedWorld(t, panel.Options{})
		w.shows("09121111111", "before")
		time.Sleep(time.Minute)
		w.end()
		w.panel.Receive("09121111111", "30001234", "waited for three days")
		time.Sleep(3 * 24 * time.Hour)
		w.panel.Receive("09121111111", "30001234", "waited for a moment")
		w.panel.Arm(panel.Fault{Method: "GetMsg", Kind: panel.Close, CarryOut: true, Times: 2})
		w.start()
		w.sees(w.group, "waited for a moment")
		w.sees(w.group, "may be lost")
		time.Sleep(time.Hour)
		if said := w.transcript(w.group); strings.Contains(said, "waited for three days") {
			t.Errorf("the panel lists what is too old:\n%s", said)
		}
	})
}

// TestWhatIsHandedOutAfterACutIsNotLost has the connection of a fetch end before the panel carries it out, which it does all the same, after it was asked
// what it had handed out.
func TestWhatIsHandedOutAfterACutIsNotLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{Dialect: panel.Kavenegar})
		w.relay.PollInterval = 5 * time.Second
		w.start()
		w.shows("09121111111", "before")
		release, arrived := make(chan struct{}), atomic.Int32{}
		w.panel.OnCall(func(c panel.Call) {
			if c.Method == "GetMsg" && c.Stage == panel.Arrived && arrived.Add(1) == 1 {
				<-release
			}
		})
		w.until("a fetch", func() bool { return arrived.Load() > 0 })
		w.PanelNet.Down()
		w.PanelNet.Up()
		w.until("the next round", func() bool { return arrived.Load() > 2 })
		for _, line := range []string{"30001234", "30005678"} { // it was a fetch of either
			w.panel.Receive("09121111111", line, "taken late from "+line)
		}
		close(release)
		time.Sleep(time.Hour)
		if said := w.transcript(w.group); strings.Contains(said, "may be lost") || strings.Count(said, "taken late") != 2 {
			t.Errorf("shown:\n%s", said)
		}
	})
}

// TestWhatIsOwedIsByThePanelsClock ends the bridge after an answer was lost, where clocks are days apart: the next one reads again what was in it.
func TestWhatIsOwedIsByThePanelsClock(t *testing.T) {
	for name, ahead := range map[string]time.Duration{"the panel's is behind": -72 * time.Hour, "the panel's is ahead": 72 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, telegram.Options{}, panel.Options{Dialect: panel.Kavenegar})
				w.relay.PollInterval = 30 * time.Second
				w.panel.Forward(ahead)
				w.start()
				w.shows("09121111111", "before")
				w.panel.Arm(panel.Fault{Method: "GetMsg", Kind: panel.Close, CarryOut: true, Times: 2})
				w.panel.Receive("09121111111", "30001234", "taken in the end")
				w.until("the fetch", func() bool { return len(w.panel.State().Faults) == 0 })
				w.end()
				w.start()
				w.sees(w.group, "taken in the end")
				time.Sleep(time.Hour)
				if said := w.transcript(w.group); strings.Contains(said, "may be lost") || strings.Count(said, "taken in") != 1 {
					t.Errorf("shown:\n%s", said)
				}
			})
		})
	}
}
