//lint:file-ignore ST1018 Persian is written with U+200C

package bridge_test

import (
	"cmp"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"peyk/sandbox/panel"
	"peyk/sandbox/telegram"
	"peyk/sms"
)

func TestPartsAreCountedByTheSizesOfThePanel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		w.opts.PartSizes = sms.PartSizes{GSM: sms.PartSize{Alone: 20, Joined: 15}, Unicode: sms.PartSize{Alone: 12, Joined: 10}}
		w.start()
		w.agentSays("/send 09121111111 " + strings.Repeat("a", 21))
		w.sees(w.group, "Recipients: 1, parts each: 2, parts in all: 2", "Latin text, 20 characters in one part, 15 in each of several")
		w.agentSays("/send 09121111111 " + strings.Repeat("س", 21))
		w.sees(w.group, "Recipients: 1, parts each: 3, parts in all: 3", "(U+0633): 12 characters in one part, 10 in each of several")
		w.agentSays("/send 09121111111 " + strings.Repeat("a", 20))
		w.sent(1)
	})
}

func TestForeignNumbersAreAskedAbout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		w.start()
		w.agentSays("/send +447911123456 hi")
		w.presses(w.ali, w.sees(w.group, "Send this?", "Recipients: 1, parts each: 1", "Abroad", "+447911123456"), "Send")
		if got := w.sent(1)[0]; got.Customer != "447911123456" || got.Text != "hi" {
			t.Errorf("sent %+v", got)
		}
		// The panel may leave out the plus.
		shown := w.shows("447911123457", "where is my order?")
		w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "on its way", ReplyTo: shown.ID})
		w.presses(w.ali, w.sees(w.group, "Send this?", "Abroad", ": +447911123457"), "Cancel")
		var foreign []string
		for i := range 12 {
			foreign = append(foreign, fmt.Sprintf("+4479111234%02d", i))
		}
		w.agentSays("/send 09121111111," + strings.Join(foreign, ",") + " hi")
		asked := w.sees(w.group, "Recipients: 13", "Abroad", foreign[0], foreign[9], "and 2 more")
		if strings.Contains(asked.Text, "09121111111") || strings.Contains(asked.Text, foreign[10]) {
			t.Errorf("asked %q", asked.Text)
		}
		w.presses(w.ali, asked, "Cancel")
		w.agentSays("/send 02188776655 a landline is not asked about")
		w.sent(2)
	})
}

func TestOnlyAllowedPrefixesAreSentTo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		w.opts.Prefixes = []string{"+98912", "+44"}
		w.start()
		const told = "Sending to these numbers is not allowed; nothing was sent to anybody"
		shown := w.shows("09351111111", "where is my order?")
		for name, p := range map[string]telegram.Post{
			"a command":            {Text: "/send 09121111111,09351111111,+15417543010 hi"},
			"a reply":              {Text: "on its way", ReplyTo: shown.ID},
			"a command of another": {Text: "/send 09351111111 hi", From: w.sara},
		} {
			t.Log(name)
			p.Chat, p.From = w.group, cmp.Or(p.From, w.ali)
			said := w.answers(w.group, func() { w.says(p) })
			if len(said) != 1 || !containsAll(said[0], []string{told, "\n09351111111\n", "begin with +98912, +44", "ALLOWED_PREFIXES"}) || strings.Contains(said[0], "09121111111") {
				t.Errorf("the agent is told %q", said)
			}
		}
		if n := w.orders(w.group); n != 0 {
			t.Errorf("there are %d orders", n)
		}
		w.agentSays("/send 09121111111 hi")
		w.sent(1)
		w.agentSays("/send +447911123456 hi")
		w.presses(w.ali, w.sees(w.group, "Send this?", "Abroad"), "Send")
		w.sent(2)
	})
}

func TestQuestionsExpire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		const tooLate = "Too late: nothing was sent"
		w.start()
		shown := w.shows("09121111111", "where is my order?")
		w.says(telegram.Post{Chat: w.group, From: w.ali, Text: strings.Repeat("soon ", 40), ReplyTo: shown.ID})
		asked := w.sees(w.group, "Send this?", "Credit")
		if a := w.presses(w.sara, asked, "Send"); !a.Alert || !strings.Contains(a.Text, "Only the person who asked can answer this") {
			t.Errorf("the colleague is told %+v", a)
		}
		time.Sleep(15 * time.Minute)
		if a := w.presses(w.ali, asked, "Send"); !a.Alert || !strings.Contains(a.Text, tooLate) {
			t.Errorf("who is late is told %+v", a)
		}
		expired := w.sees(w.group, "To 09121111111: ⌛ nobody answered in time, nothing was sent")
		if expired.ID != asked.ID || len(expired.Buttons) != 0 {
			t.Errorf("the question is now %+v", expired)
		}
		for _, button := range asked.Buttons[0] {
			if a := w.pressesData(w.ali, asked, button.Data); !a.Alert || !strings.Contains(a.Text, tooLate) {
				t.Errorf("who presses %q is told %+v", button.Text, a)
			}
		}
		w.settles(w.group)
		if n := w.panel.SentCount(); n != 0 {
			t.Errorf("%d SMS were sent", n)
		}
	})
}

func TestQuestionsExpireWhileTheBridgeRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		w.start()
		for range 3 {
			order := w.agentSays("/send 09121111111,09122222222 hi")
			_, err := w.tg.WaitMessage(w.context(), w.group, func(m telegram.Message) bool {
				return m.FromBot && m.ReplyTo == order && len(m.Buttons) == 0 && strings.Contains(m.Text, "To 2 recipients: ⌛ nobody answered in time")
			})
			if err != nil {
				t.Fatalf("%v:\n%s", err, w.transcript(w.group))
			}
		}
		w.opts.Language = "fa"
		w.restart()
		w.agentSays("/send 09121111111,09122222222 hi")
		w.sees(w.group, "⌛ کسی به‌موقع پاسخ نداد؛ چیزی فرستاده نشد")
		if n := w.panel.SentCount(); n != 0 {
			t.Errorf("%d SMS were sent", n)
		}
	})
}

func TestACapOfADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		w.storeOpts.DailyParts = 5
		w.start()
		refused := func(p telegram.Post, told string) {
			t.Helper()
			p.Chat, p.From = w.group, cmp.Or(p.From, w.ali)
			before := w.orders(w.group)
			order := w.says(p)
			answer, err := w.tg.WaitMessage(w.context(), w.group, func(m telegram.Message) bool { return m.FromBot && m.ReplyTo == order })
			if err != nil {
				t.Fatal(err)
			}
			if !containsAll(answer.Text, []string{told, "Whoever runs the bot can change DAILY_PARTS"}) {
				t.Errorf("the agent is told %q, want %q", answer.Text, told)
			}
			if n := w.orders(w.group); n != before {
				t.Errorf("it ordered %d", n-before)
			}
		}
		refused(telegram.Post{Text: "/send 09121111111,09122222222,09123333333 " + strings.Repeat("a", 161)}, "SMS parts it takes: 6, left today: 5 of 5")
		shown := w.shows("09121111111", "where is my order?")
		w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "on its way", ReplyTo: shown.ID})
		w.sent(1)

		// Two questions of which one has room: asking costs nothing.
		w.agentSays("/send 09121111111,09122222222,09123333333 one")
		first := w.sees(w.group, "Send this?", "parts in all: 3")
		w.agentSays("/send 09121111111,09122222222 two")
		second := w.sees(w.group, "Send this?", "parts in all: 2")
		w.presses(w.ali, first, "Send")
		w.sent(4)
		w.restart()
		if a := w.presses(w.ali, second, "Send"); !a.Alert || !containsAll(a.Text, []string{"Nothing was sent", "SMS parts it takes: 2, left today: 1 of 5"}) {
			t.Errorf("the presser is told %+v", a)
		}
		w.presses(w.ali, second, "Cancel")
		w.sees(w.group, "cancelled by \u2068Ali\u2069")
		w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "it left", ReplyTo: shown.ID})
		w.sent(5)
		refused(telegram.Post{Text: "where is it?", ReplyTo: shown.ID}, "SMS parts it takes: 1, left today: 0 of 5")

		// An admin has a cap of her own, the same.
		refused(telegram.Post{From: w.sara, Text: "/send 09121111111,09122222222,09123333333 " + strings.Repeat("a", 161)}, "SMS parts it takes: 6, left today: 5 of 5")
		w.says(telegram.Post{Chat: w.group, From: w.sara, Text: "/send 09122222222 hi"})
		w.sent(6)

		w.passes(time.Until(time.Now().Truncate(24 * time.Hour).Add(24*time.Hour - time.Minute)))
		refused(telegram.Post{Text: "it is late", ReplyTo: shown.ID}, "SMS parts it takes: 1, left today: 0 of 5")
		time.Sleep(time.Minute)
		w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "good morning", ReplyTo: shown.ID})
		w.sent(7)
	})
}

func TestACapAndOrdersOfTheSameMoment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		w.storeOpts.DailyParts = 5
		for i := range 8 { // one batch of updates
			w.agentSays(fmt.Sprintf("/send 0912111111%d hi", i))
		}
		w.start()
		w.settles(w.group)
		w.sent(5)
		refused := 0
		for _, m := range w.fromBot(w.group) {
			if strings.Contains(m.Text, "left today: 0 of 5") {
				refused++
			}
		}
		if n := w.orders(w.group); n != 5 || refused != 3 {
			t.Errorf("%d orders, %d refused, want 5 and 3", n, refused)
		}
	})
}
