package bridge_test

import (
	"cmp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"peyk/sandbox/panel"
	"peyk/sandbox/telegram"
)

func TestSecondAgentIsAskedOnce(t *testing.T) {
	atEach(t, func(t *testing.T, server telegram.Options) {
		w := newWorld(t, server, panel.Options{})
		w.says(telegram.Post{Chat: w.sara, From: w.sara, Text: "/start"})
		w.start()
		shown := w.receives("09121111111", "hello")
		reply := func(from int64, text string) int {
			return w.says(telegram.Post{Chat: w.group, From: from, Text: text, ReplyTo: shown.ID})
		}
		reply(w.ali, "ali's")
		w.sent(1)
		second := reply(w.sara, "sara's")
		question := w.sees(w.group, "Ali\u2069 is answering this customer", "Send your answer too?")
		if question.ReplyTo != second {
			t.Errorf("the question answers message %d, want %d", question.ReplyTo, second)
		}
		if a := w.presses(w.ali, question, "Send anyway"); !a.Alert {
			t.Error("somebody else may send it")
		}
		w.presses(w.sara, question, "Leave it")
		w.sees(w.group, "cancelled by \u2068Sara\u2069, nothing was sent")
		third := reply(w.sara, "sara's, after all")
		m, err := w.tg.WaitMessage(w.context(), w.group, func(m telegram.Message) bool { return m.FromBot && m.ReplyTo == third && len(m.Buttons) > 0 })
		if err != nil {
			t.Fatal(err)
		}
		w.end()
		w.start() // the question outlives a restart
		w.presses(w.sara, m, "Send anyway")
		w.sent(2)
		reply(w.sara, "not asked again")
		reply(w.ali, "neither is the owner")
		sent := w.sent(4)
		for i, want := range []string{"ali's", "sara's, after all", "not asked again", "neither is the owner"} {
			if sent[i].Text != want {
				t.Errorf("SMS %d is %q, want %q", i+1, sent[i].Text, want)
			}
		}
		// Another customer is nobody's.
		w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "hi", ReplyTo: w.receives("09122222222", "me, too").ID})
		w.sent(5)
	})
}

// TestSendIsAskedAboutAsAReplyIs: whom an order is for is what counts, not how that was said.
func TestSendIsAskedAboutAsAReplyIs(t *testing.T) {
	atEach(t, func(t *testing.T, server telegram.Options) {
		w := newWorld(t, server, panel.Options{})
		w.start()
		shown := w.receives("09121111111", "hello")
		w.says(telegram.Post{Chat: w.group, From: w.sara, Text: "/name Mrs. Rezaei", ReplyTo: shown.ID})
		w.says(telegram.Post{Chat: w.group, From: w.sara, Text: "/take", ReplyTo: shown.ID})
		w.sees(w.group, "Sara\u2069 answers 09121111111 from now on")
		other := w.receives("09122222222", "hello, too")
		w.says(telegram.Post{Chat: w.group, From: w.sara, Text: "hi", ReplyTo: other.ID})
		w.sent(1)
		sent := 1
		for _, tc := range []struct {
			name  string
			order telegram.Post
			told  []string
		}{
			{"a number", telegram.Post{Text: "/send 09121111111 one"}, []string{"To 09121111111 \u2068Mrs. Rezaei", "Sara\u2069 is answering this customer"}},
			{"another spelling", telegram.Post{Text: "/send +98 912 111 1111 two"}, []string{"To 09121111111", "Sara\u2069 is answering this customer"}},
			{"in private", telegram.Post{Chat: w.ali, Text: "/send ۰۹۱۲۱۱۱۱۱۱۱ سه"}, []string{"To 09121111111", "Sara\u2069 is answering this customer"}},
			{"as a reply to another customer's SMS", telegram.Post{Text: "/send 09121111111 four", ReplyTo: other.ID}, []string{"To 09121111111", "Sara\u2069 is answering this customer"}},
			{"who was answered, not taken", telegram.Post{Text: "/send 09122222222 five"}, []string{"To 09122222222", "Sara\u2069 is answering this customer"}},
			{"two parts", telegram.Post{Text: "/send 09121111111 " + strings.Repeat("six ", 50)}, []string{"To 09121111111", "Sara\u2069 is answering this customer", "parts each: 2"}},
			{"several", telegram.Post{Text: "/send 09123333333, 09121111111, 09122222222 seven"}, []string{"Some of these customers are being answered by \u2068Sara\u2069.", "Recipients: 3"}},
		} {
			t.Log(tc.name)
			tc.order.From, tc.order.Chat = w.ali, cmp.Or(tc.order.Chat, w.group)
			id := w.says(tc.order)
			m, err := w.tg.WaitMessage(w.context(), tc.order.Chat, func(m telegram.Message) bool {
				return m.FromBot && m.ReplyTo == id && containsAll(m.Text, tc.told)
			})
			if err != nil {
				t.Fatalf("%v\n%s", err, w.transcript(tc.order.Chat))
			}
			w.presses(w.ali, m, "Leave it")
		}
		w.settles(w.group)
		w.sent(sent)
		// Asked and sent, one answers, too.
		order := w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "/send 09121111111 after all"})
		m, err := w.tg.WaitMessage(w.context(), w.group, func(m telegram.Message) bool { return m.FromBot && m.ReplyTo == order && len(m.Buttons) > 0 })
		if err != nil {
			t.Fatal(err)
		}
		w.presses(w.ali, m, "Send anyway")
		w.sent(sent + 1)
		w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "/send 09121111111 not asked again"})
		w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "nor in a reply", ReplyTo: shown.ID})
		w.says(telegram.Post{Chat: w.group, From: w.sara, Text: "/send 09121111111 nor is the owner"})
		w.sent(sent + 4)
		time.Sleep(40 * time.Minute) // an answer makes nobody the one who answers for so long
		w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "/send 09122222222 much later"})
		w.sent(sent + 5)
	})
}

func TestAnswersAtTheSameMoment(t *testing.T) {
	atEach(t, func(t *testing.T, server telegram.Options) {
		w := newWorld(t, server, panel.Options{})
		w.start()
		shown := w.receives("09121111111", "hello")
		w.end()
		w.says(telegram.Post{Chat: w.group, From: w.sara, Text: "first", ReplyTo: shown.ID})
		w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "second", ReplyTo: shown.ID})
		w.start() // both come with one call of Telegram's
		question := w.sees(w.group, "Sara\u2069 is answering this customer")
		if got := w.sent(1)[0].Text; got != "first" {
			t.Errorf("sent %q", got)
		}
		w.presses(w.ali, question, "Send anyway")
		w.sent(2)
		w.presses(w.ali, question, "Send anyway")
		w.quiet()
		w.sent(2)
	})
}

func TestTakeAndRelease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newDesk(t)
		topic := w.receives("09121111111", "hello").Topic
		w.commands(w.ali, 0, "/take")
		w.sees(w.group, "Write this in a customer's topic")
		w.commands(w.ali, topic, "/release")
		w.sees(w.group, "Nobody has taken 09121111111")
		w.commands(w.ali, topic, "/take")
		w.sees(w.group, "Ali\u2069 answers 09121111111 from now on")
		w.card(topic, "Answered by: \u2068Ali\u2069")
		w.passes(2 * time.Hour) // what was taken by command does not lapse
		w.commands(w.sara, topic, "/send mine")
		w.presses(w.sara, w.sees(w.group, "is answering this customer"), "Leave it")
		w.sees(w.group, "cancelled by \u2068Sara\u2069")
		w.commands(w.sara, topic, "/take")
		w.card(topic, "Answered by: \u2068Sara\u2069")
		w.commands(w.ali, topic, "/release")
		w.sees(w.group, "Only \u2068Sara\u2069 or an administrator can do that")
		w.commands(w.sara, topic, "/release")
		w.card(topic, "Nobody has answered")
		w.commands(w.ali, topic, "/send first come")
		w.sent(1)
		w.commands(w.sara, topic, "/send second")
		w.sees(w.group, "Ali\u2069 is answering this customer")
		w.passes(2 * time.Hour) // what was only answered does
		w.commands(w.sara, topic, "/send much later")
		if got := w.sent(2)[1].Text; got != "much later" {
			t.Errorf("sent %q", got)
		}
	})
}
