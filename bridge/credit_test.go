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

// looks returns how often the panel was asked for the credit.
func (w *world) looks() int {
	n := 0
	for _, r := range w.panel.Requests() {
		if r.Method == "GetCredit" {
			n++
		}
	}
	return n
}

// looked waits until the credit as it is now was asked for and what came of it is stored: the flow asks again only then.
func (w *world) looked() {
	w.Helper()
	before := w.looks()
	if err := w.panel.Wait(w.context(), func() bool { return w.looks() >= before+3 }); err != nil {
		w.Fatalf("the panel is not asked: %v\nlog:\n%s", err, w.logs)
	}
}

// warnings returns how the bot warned somebody of a low credit.
func (w *world) warnings(who int64) []string {
	w.Helper()
	w.quietAs(who)
	var said []string
	for _, m := range w.fromBot(who) {
		if strings.Contains(m.Text, "LOW_CREDIT") {
			said = append(said, m.Text)
		}
	}
	return said
}

func TestLowCreditIsToldOncePerFall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{Credit: 1000})
		w.relay.LowCredit, w.relay.CreditInterval = 500, time.Minute
		w.says(telegram.Post{Chat: w.sara, From: w.sara, Text: "/start"}) // or the bot may not write to her
		w.start()
		begun := time.Now()
		w.looked()
		w.end()
		time.Sleep(time.Until(begun.Add(2 * 24 * time.Hour)))
		w.panel.SetCredit(400)
		w.start()
		w.sees(w.sara, "The credit at the panel is down to 400, below 500", "about 300 a day was used. Days left at that rate: about 1.")
		w.panel.SetCredit(450)
		w.looked()
		w.restart()
		w.looked()
		if told := w.warnings(w.sara); len(told) != 1 {
			t.Errorf("the admin is told %q, want one warning", told)
		}
		w.panel.SetCredit(500.25)
		w.looked()
		w.panel.SetCredit(499.999)
		w.sees(w.sara, "is down to 499.999, below 500")
		w.looked()
		if told := w.warnings(w.sara); len(told) != 2 {
			t.Errorf("the admin is told %q, want two warnings", told)
		}
		w.settles(w.group)
		if told := append(w.texts(w.ali), w.texts(w.group)...); strings.Contains(strings.Join(told, "\n"), "LOW_CREDIT") {
			t.Errorf("agents are told %q", told)
		}
	})
}

func TestLowCreditFromTheStartOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{Credit: 12.5})
		w.relay.LowCredit, w.opts.Language = 1000, "fa"
		w.says(telegram.Post{Chat: w.sara, From: w.sara, Text: "/start"})
		w.start()
		m := w.sees(w.sara, "اعتبار پنل به \u206612.5\u2069 رسیده که از \u20661000\u2069")
		if strings.Contains(m.Text, "روند") {
			t.Errorf("days are estimated from one reading: %q", m.Text)
		}
	})
}

func TestNobodyLooksAtTheCreditUnasked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{Credit: 1})
		w.relay.CreditInterval = time.Millisecond
		w.start()
		w.agentSays("/send 09121111111 hi")
		w.sees(w.group, "no word from the phone yet")
		w.settles(w.group)
		if n := w.looks(); n != 0 {
			t.Errorf("the panel was asked for the credit %d times", n)
		}
	})
}

func TestCreditIsLookedAtAfterSends(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{Credit: 1000})
		w.relay.LowCredit, w.relay.CreditInterval = 1000, 2*time.Hour // longer than any wait of a test
		w.says(telegram.Post{Chat: w.sara, From: w.sara, Text: "/start"})
		w.start()
		if err := w.panel.Wait(w.context(), func() bool { return w.looks() == 1 }); err != nil {
			t.Fatal(err)
		}
		for i := range 5 {
			w.agentSays(fmt.Sprint("/send 09121111111 hi ", i))
		}
		w.sees(w.sara, "is down to 99")
		w.sent(5)
		// behind reports whether a look came after the last send, and the shortest time between looks.
		var least time.Duration
		behind := func() bool {
			var last time.Time
			after := false
			least = time.Hour
			for _, r := range w.panel.Requests() {
				switch r.Method {
				case "SendSMS":
					after = false
				case "GetCredit":
					if after = true; !last.IsZero() {
						least = min(least, r.At.Sub(last))
					}
					last = r.At
				}
			}
			return after
		}
		if err := w.panel.Wait(w.context(), behind); err != nil {
			t.Fatalf("the panel is not asked behind the last send: %v", err)
		}
		// How many sends are looked at together is a matter of how long they take here.
		if least < w.relay.CreditInterval/10 {
			t.Errorf("between two looks were %v, want %v at least", least, w.relay.CreditInterval/10)
		}
	})
}

func TestCreditThatIsNoNumber(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		w.relay.LowCredit, w.relay.CreditInterval = 1000, time.Minute
		said := strings.NewReplacer("SendSMSResponse", "GetCreditResponse").Replace(answer(`<ErrCode>0</ErrCode><result>12 تومان</result>`))
		w.panel.Arm(panel.Fault{Kind: panel.Custom, Body: said, Method: "GetCredit", Times: -1})
		w.says(telegram.Post{Chat: w.sara, From: w.sara, Text: "/start"})
		w.start()
		w.looked()
		w.agentSays("/send 09121111111,09122222222 " + strings.Repeat("a", 161*10))
		if asked := w.sees(w.group, "Send this?", "Credit: 12 تومان"); strings.Contains(asked.Text, "enough") {
			t.Errorf("asked %q", asked.Text)
		}
		if told := w.warnings(w.sara); len(told) != 0 {
			t.Errorf("the admin is told %q", told)
		}
		if n := strings.Count(w.logs.String(), "credit is not a number"); n != 1 {
			t.Errorf("the log says %d times that it is not a number:\n%s", n, w.logs)
		}
	})
}

func TestCreditThatCannotBeAskedForIsOneOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{Credit: 10})
		w.relay.LowCredit, w.relay.CreditInterval = 1000, time.Minute
		w.panel.Arm(panel.Fault{Kind: panel.HTML, Method: "GetCredit", Times: 5})
		w.says(telegram.Post{Chat: w.sara, From: w.sara, Text: "/start"})
		w.start()
		w.sees(w.sara, "is down to 10")
		w.logged("watch the credit works again")
		if n := strings.Count(w.logs.String(), "watch the credit fails"); n != 1 {
			t.Errorf("the log has it %d times:\n%s", n, w.logs)
		}
	})
}

func TestCreditThatMayNotBeEnough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{Credit: 3.5})
		w.start()
		const little = "That is less than the number of parts: the credit may not be enough"
		w.agentSays("/send 09121111111,09122222222 " + strings.Repeat("a", 161))
		w.sees(w.group, "parts in all: 4", "Credit: 3.5", little)
		w.agentSays("/send 09121111111,09122222222,09123333333 hi")
		if asked := w.sees(w.group, "parts in all: 3", "Credit: 3.5"); strings.Contains(asked.Text, little) {
			t.Errorf("asked %q", asked.Text)
		}
	})
}
