package bridge_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"peyk/panels"
	"peyk/sandbox/panel"
	"peyk/sandbox/telegram"
	"peyk/sms"
	"peyk/smsapi"
	"peyk/smsapi/exchange"
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
				if strings.Contains(said, "may be lost") || strings.Contains(said, "cannot be read") {
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

// TestALostAnswerIsLookedFor loses the answer to a send in each way, at a panel that can be searched.
func TestALostAnswerIsLookedFor(t *testing.T) {
	const found, unfound = "exactly once", "was not found for certain"
	for name, tc := range map[string]struct {
		fault panel.Fault
		says  string
		delay time.Duration // of what the panel lists
		more  func(*world)  // happens while it is lost
	}{
		"it was carried out":              {panel.Fault{Kind: panel.Close, CarryOut: true}, found, 0, nil},
		"its answer was cut":              {panel.Fault{Kind: panel.Cut}, found, 0, nil},
		"it has no id":                    {panel.Fault{Kind: panel.Garbage, Body: "<br>"}, found, 0, nil},
		"it is listed ten minutes later":  {panel.Fault{Kind: panel.HTML, CarryOut: true}, found, 10 * time.Minute, nil},
		"it is listed an hour later":      {panel.Fault{Kind: panel.HTML, CarryOut: true}, unfound, time.Hour, nil},
		"it never arrived":                {panel.Fault{Kind: panel.Close}, unfound, 0, nil},
		"a proxy's 503":                   {panel.Fault{Kind: panel.ErrCode, Code: 503}, unfound, 0, nil},
		"the bridge was killed":           {panel.Fault{Kind: panel.Hang, CarryOut: true}, found, 0, func(w *world) { w.passes(time.Second) }},
		"another program sent it, too":    {panel.Fault{Kind: panel.Close, CarryOut: true}, unfound, 0, func(w *world) { w.sendsToo(45 * time.Second) }},
		"only another program's went out": {panel.Fault{Kind: panel.Close}, found, 0, func(w *world) { w.sendsToo(time.Second) }}, // nobody can tell it from ours
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, telegram.Options{}, panel.Options{Dialect: panel.Edge, ListDelay: tc.delay})
				w.start()
				shown := w.shows("09121111111", "hello")
				w.replies(shown, "an order before")
				w.sent(1)
				tc.fault.Method = "SendSMS"
				w.panel.Arm(tc.fault)
				w.replies(shown, "good morning")
				w.until("the request", func() bool { return len(w.panel.State().Faults) == 0 })
				time.Sleep(time.Second)
				if tc.more != nil {
					tc.more(w)
				}
				time.Sleep(time.Hour)
				w.sees(w.group, tc.says)
				asked := strings.Contains(w.transcript(w.group), "Nobody can know")
				if asked != (tc.says == unfound) {
					t.Errorf("the agents were asked: %t\n%s", asked, w.transcript(w.group))
				}
				n := 0
				for _, r := range w.panel.Requests() {
					if r.Method == "SendSMS" && slices.Contains(r.Params["messageContent"], "good morning") {
						n++
					}
				}
				if n != 1 && !strings.Contains(name, "another program") {
					t.Errorf("asked %d times to send", n)
				}
			})
		})
	}
}

// sendsToo has another program send the same, later.
func (w *world) sendsToo(later time.Duration) {
	time.Sleep(later)
	client, err := w.kind.New(panels.Login{URL: w.PanelURL, Key: w.password}, exchange.Options{Dial: w.PanelNet.Dial})
	if err != nil {
		w.Fatal(err)
	}
	if _, err := client.Send(w.Context(), smsapi.Order{Line: "30001234", To: []sms.Number{"09121111111"}, Text: "good morning"}); err != nil {
		w.Fatal(err)
	}
}

// TestOneIsNotFoundForTwo loses two equal orders, of which one was carried out: nobody can tell which.
func TestOneIsNotFoundForTwo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{Dialect: panel.Edge})
		w.start()
		shown := w.shows("09121111111", "hello")
		w.panel.Arm(panel.Fault{Kind: panel.Close, Method: "SendSMS"})
		w.replies(shown, "yes")
		w.until("the request", func() bool { return len(w.panel.State().Faults) == 0 })
		w.panel.Arm(panel.Fault{Kind: panel.Close, Method: "SendSMS", CarryOut: true})
		w.replies(shown, "yes")
		w.presses(w.ali, w.buttonOf(w.group, "Send anyway"), "Send anyway")
		time.Sleep(2 * time.Hour)
		said := w.transcript(w.group)
		if n := strings.Count(said, "was not found for certain"); n != 2 || strings.Contains(said, "exactly once") {
			t.Errorf("%d are asked about:\n%s", n, said)
		}
		w.sent(1)
	})
}

// TestTheSameAgainWaits orders the same for the same customer twice: the panel refuses the second for 40 seconds.
func TestTheSameAgainWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{Dialect: panel.Edge})
		w.start()
		shown := w.shows("09121111111", "hello")
		w.replies(shown, "yes")
		w.sent(1)
		w.replies(shown, "yes")
		w.presses(w.ali, w.buttonOf(w.group, "Send anyway"), "Send anyway")
		w.sees(w.group, "had the same text for the same recipient")
		sent := w.sent(2)
		if after := sent[1].At.Sub(sent[0].At); after < 40*time.Second || after > 2*time.Minute {
			t.Errorf("the second went out %v after the first", after)
		}
	})
}

// TestNoCutAnswerSendsTwiceWhereItIsSearched is TestNoCutAnswerSendsTwice at a panel without keys: what is not found is left to the agents.
func TestNoCutAnswerSendsTwiceWhereItIsSearched(t *testing.T) {
	cuts := 60
	if n, err := strconv.Atoi(os.Getenv("PEYK_CUTS")); err == nil {
		cuts = n
	}
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{Dialect: panel.Edge})
		w.start()
		faults := []panel.Fault{
			{Kind: panel.Close, CarryOut: true}, {Kind: panel.Close}, {Kind: panel.Cut}, {Kind: panel.HTML}, {Kind: panel.HTML, CarryOut: true}, {Kind: panel.Crash},
		}
		carried := 0
		for i := range cuts { // two orders, of which one is struck: a panel that makes no sense for long is tried seldom
			fault := faults[i%len(faults)]
			fault.Method = "SendSMS"
			w.panel.Arm(fault)
			if fault.CarryOut || fault.Kind == panel.Cut {
				carried++
			}
			for j := range 2 {
				w.says(telegram.Post{Chat: w.ali, From: w.ali, Text: fmt.Sprintf("/send 0912%07d text %d", 2*i+j, i)})
			}
			for range 100 {
				if time.Sleep(5 * time.Second); w.panel.SentCount() == carried+i+1 && len(w.panel.State().Faults) == 0 {
					break
				}
			}
		}
		time.Sleep(time.Hour)
		times := map[string]int{}
		for _, m := range w.sent(carried + cuts) {
			times[m.Customer]++
		}
		for customer, n := range times {
			if n != 1 {
				t.Errorf("%s got it %d times", customer, n)
			}
		}
		batches, err := w.store.Batches(sms.ChatID(w.ali), 2*cuts)
		if err != nil || len(batches) != 2*cuts {
			t.Fatalf("%d orders, %v", len(batches), err)
		}
		matched, left := 0, 0
		for _, b := range batches {
			matched, left = matched+b.Matched, left+b.Unmatched
			if b.Counts[sms.Queued] > 0 || b.Matched+b.Unmatched > 1 || b.Unmatched != b.Uncertain+b.LeftUncertain+b.Dropped {
				t.Errorf("order %d is neither sent, found nor asked about: %+v", b.ID, b)
			}
		}
		if matched != carried || left != cuts-carried || len(times) != carried+cuts {
			t.Errorf("%d of %d found, %d of %d left to agents", matched, carried, left, cuts-carried)
		}
		t.Logf("%d answers lost: of %d that were accepted %d were found, none went out twice; %d were not accepted and left to agents", cuts, carried, matched, left)
	})
}

// buttonOf waits for a message that has a button.
func (w *world) buttonOf(chat int64, label string) (with telegram.Message) {
	w.Helper()
	w.until(label, func() bool {
		for _, m := range w.fromBot(chat) {
			if _, ok := m.Button(label); ok {
				with = m
				return true
			}
		}
		return false
	})
	return with
}

// TestNoKillLosesWhatStaysThere ends the bridge at any commit, as a kill does: the file keeps what was committed before, and nothing leaves it any more. PEYK_KILLS
// says how often.
func TestNoKillLosesWhatStaysThere(t *testing.T) {
	kills := 40
	if n, err := strconv.Atoi(os.Getenv("PEYK_KILLS")); err == nil {
		kills = n
	}
	atBothReadings(t, func(t *testing.T, opts panel.Options) {
		r := rand.New(rand.NewPCG(1, 2))
		w := newWorld(t, telegram.Options{}, opts)
		var left atomic.Int64 // commits until the kill
		left.Store(1 << 40)
		w.storeOpts.Commit = func(write func() error) error {
			if left.Add(-1) < 0 {
				w.PanelNet.Down()
				w.TGNet.Down()
				return errors.New("killed")
			}
			return write()
		}
		w.start()
		n, late := 0, map[int]bool{}
		for range kills {
			for range 1 + r.IntN(7) {
				n++
				text := fmt.Sprintf("«%d»", n)
				if late[n] = r.IntN(4) == 0; late[n] {
					w.panel.ReceiveLate("09121111111", "30001234", text, time.Duration(r.IntN(600))*time.Second)
				} else {
					w.panel.Receive("09121111111", "30001234", text)
				}
				time.Sleep(time.Duration(r.IntN(2000)) * time.Millisecond)
			}
			left.Store(int64(r.IntN(8)))
			time.Sleep(time.Duration(r.IntN(20000)) * time.Millisecond)
			left.Store(0)
			w.stop()
			<-w.ended
			w.store.Close() // which writes nothing any more
			left.Store(1 << 40)
			w.PanelNet.Up()
			w.TGNet.Up()
			w.start()
		}
		time.Sleep(2 * time.Hour)
		said := w.transcript(w.group)
		lost := 0
		for i := range n {
			if !strings.Contains(said, fmt.Sprintf("«%d»", i+1)) {
				lost++
				t.Logf("%d, late: %t", i+1, late[i+1])
			}
		}
		if lost > 0 || strings.Contains(said, "may be lost") {
			t.Errorf("%d of %d SMS are not shown; reported as lost: %t", lost, n, strings.Contains(said, "may be lost"))
		}
		t.Logf("%d kills: %d SMS, none lost, none reported as lost", kills, n)
	})
}

// TestWhatComesBetweenPagesKeepsItsOrder has customers write while the pages of a round are read, at a panel that says that there are always more.
func TestWhatComesBetweenPagesKeepsItsOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{Dialect: panel.Edge, PageSize: 3, Millions: true})
		w.start()
		w.shows("09121111111", "before")
		n := 0
		write := func(more int) {
			for range more {
				n++
				w.panel.Receive("09121111111", "30001234", fmt.Sprintf("«%02d»", n))
			}
		}
		left := 5 // that find something that came just then
		w.panel.OnCall(func(c panel.Call) {
			if c.Method == "GetMsg" && c.Stage == panel.Answered && n > 0 && left > 0 {
				left--
				write(4)
			}
		})
		write(2)
		w.until("all SMS", func() bool { return strings.Count(w.transcript(w.group), "«") >= 22 })
		said, last := w.transcript(w.group), -1
		for i := range 22 {
			at := strings.Index(said, fmt.Sprintf("«%02d»", i+1))
			if at < last {
				t.Errorf("number %d is shown too early:\n%s", i+1, said)
			}
			last = at
		}
	})
}

// TestAQuestionTellsThePrice asks about orders at a panel that tells its prices: by those of a part, at the operators at which it costs least and most.
func TestAQuestionTellsThePrice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{Dialect: panel.Edge})
		w.start()
		question := func(order string) string {
			id := w.says(telegram.Post{Chat: w.ali, From: w.ali, Text: "/send " + order})
			m, err := w.tg.WaitMessage(w.context(), w.ali, func(m telegram.Message) bool { return m.ReplyTo == id && strings.Contains(m.Text, "Credit:") })
			if err != nil {
				t.Fatalf("no question with the credit: %v\n%s", err, w.transcript(w.ali))
			}
			return m.Text
		}
		const two = "09121111111 09122222222\n"
		for text, want := range map[string]string{
			"hello":                             "about 2040–2301 rial",
			strings.Repeat("سلام ", 40):         "about 6120–6903 rial",
			strings.Repeat("hello ", 40) + "«1": "about 8160–9204 rial",
		} {
			if said := question(two + text); !strings.Contains(said, want) {
				t.Errorf("%.20s: got\n%s\nwant %s", text, said, want)
			}
		}
		w.bulk("", "09121111111,one\n09122222222,"+strings.Repeat("two ", 50)+"\n")
		w.sees(w.ali, "Send these?", "about 3060–3452 rial", "Credit:")

		w.panel.Arm(panel.Fault{Method: "GetPrice", Kind: panel.HTML})
		if said := question(two + "without"); strings.Contains(said, "rial") {
			t.Errorf("a price nobody told: %s", said)
		}
		if said := question("09121111111 +4915112345678\nabroad"); strings.Contains(said, "rial") {
			t.Errorf("a price of home: %s", said)
		}
	})
}
