package bridge_test

import (
	"strings"
	"testing"
	"time"

	"peyk/sandbox/panel"
	"peyk/sandbox/telegram"
)

const justOrdered = "You ordered exactly this a moment ago"

// asked waits for the answer to an order and reports whether it asks about a duplicate.
func (w *world) asked(p telegram.Post) (m telegram.Message, twice bool) {
	w.Helper()
	id := w.says(p)
	m, err := w.tg.WaitMessage(w.context(), p.Chat, func(m telegram.Message) bool { return m.FromBot && m.ReplyTo == id && len(m.Buttons) > 0 })
	if err != nil {
		w.Fatalf("%q: nothing is asked: %v\n%s", p.Text, err, w.transcript(p.Chat))
	}
	return m, strings.Contains(m.Text, justOrdered)
}

func TestTheSameOrderIsAskedAbout(t *testing.T) {
	atEach(t, func(t *testing.T, server telegram.Options) {
		w := newWorld(t, server, panel.Options{Credit: 5000})
		w.start()
		shown := w.shows("09121111111", "hello")
		send := func(text string) telegram.Post { return telegram.Post{Chat: w.group, From: w.ali, Text: text} }
		reply := func(text string) telegram.Post {
			return telegram.Post{Chat: w.group, From: w.ali, Text: text, ReplyTo: shown.ID}
		}
		private := func(text string) telegram.Post { return telegram.Post{Chat: w.ali, From: w.ali, Text: text} }
		must := func(p telegram.Post, want bool) telegram.Message {
			t.Helper()
			m, twice := w.asked(p)
			if twice != want {
				t.Errorf("%q: asked about it as one given twice: %t, want %t: %q", p.Text, twice, want, m.Text)
			}
			return m
		}

		w.says(send("/send 09122222222 one"))
		w.sent(1)
		again := must(send("/send 09122222222 one"), true)
		if !strings.Contains(again.Text, "To 09122222222") {
			t.Errorf("the question does not say to whom: %q", again.Text)
		}
		w.presses(w.ali, again, "Leave it")
		w.presses(w.ali, must(send("/send 00989122222222 one"), true), "Leave it") // another spelling
		w.presses(w.ali, must(private("/send 09122222222 one"), true), "Leave it") // another chat
		w.end()
		w.start()
		w.presses(w.ali, must(send("/send 09122222222   one"), true), "Send anyway")
		w.sent(2)

		w.says(reply("yes"))
		w.sent(3)
		w.presses(w.ali, must(reply("yes"), true), "Leave it")
		w.presses(w.ali, must(send("/send 09121111111 yes"), true), "Leave it") // a command instead of a reply
		w.sent(3)

		// The recipients of a list in another order; the first is not even decided.
		first := must(send("/send 09121111111, 09122222222, 09123333333 to all"), false)
		second := must(send("/send 09123333333 09121111111 09122222222 to all"), true)
		w.presses(w.ali, second, "Leave it")
		w.presses(w.ali, first, "Cancel")
		w.sees(w.group, "cancelled by")
		// A cancelled order does not count.
		w.presses(w.ali, must(send("/send 09121111111, 09122222222, 09123333333 to all"), false), "Send")
		w.sent(6)

		// Something else is something else.
		for _, p := range []telegram.Post{
			send("/send 09122222222 one!"), send("/send 09123333333 one"), send("/send 09122222222 One"), reply("yes."),
		} {
			w.says(p)
		}
		w.sent(10)
		w.says(telegram.Post{Chat: w.group, From: w.sara, Text: "/send 09122222222 one"}) // another agent
		w.sent(11)
		must(send("/send 09121111111, 09122222222 to all"), false) // fewer recipients

		w.says(telegram.Post{Chat: w.group, From: w.sara, Text: "/line 30005678"})
		w.sees(w.group, "now sends from 30005678")
		ordered := time.Now()
		w.says(send("/send 09122222222 one")) // another line
		w.sent(12)
		w.presses(w.ali, must(send("/send 09122222222 one"), true), "Leave it")
		time.Sleep(time.Until(ordered.Add(119 * time.Second)))
		w.presses(w.ali, must(send("/send 09122222222 one"), true), "Leave it")
		time.Sleep(time.Until(ordered.Add(2*time.Minute + time.Second)))
		w.says(send("/send 09122222222 one"))
		w.sent(13)
	})
}

// TestTheSameOrderWhileTheFirstIsUnderWay holds the first request to the panel.
func TestTheSameOrderWhileTheFirstIsUnderWay(t *testing.T) {
	atEach(t, func(t *testing.T, server telegram.Options) {
		w := newWorld(t, server, panel.Options{})
		w.start()
		shown := w.shows("09121111111", "hello")
		release := make(chan struct{})
		w.panel.OnCall(func(c panel.Call) {
			if c.Method == "SendSMS" && c.Stage == panel.Arrived {
				<-release
			}
		})
		t.Cleanup(func() { w.panel.OnCall(nil) })
		w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "on its way", ReplyTo: shown.ID})
		m, twice := w.asked(telegram.Post{Chat: w.group, From: w.ali, Text: "on its way", ReplyTo: shown.ID})
		if !twice {
			t.Errorf("asked %q", m.Text)
		}
		close(release)
		w.sent(1)
		w.presses(w.ali, m, "Send anyway")
		w.sent(2)
	})
}

// TestTheSameOrderOfTheSameMoment: both come with one call of Telegram's.
func TestTheSameOrderOfTheSameMoment(t *testing.T) {
	atEach(t, func(t *testing.T, server telegram.Options) {
		w := newWorld(t, server, panel.Options{})
		w.start()
		w.end()
		for range 3 {
			w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "/send 09121111111 three times"})
		}
		w.start()
		w.settles(w.group)
		w.sent(1)
		asking := 0
		for _, m := range w.fromBot(w.group) {
			if strings.Contains(m.Text, justOrdered) && len(m.Buttons) > 0 {
				asking++
			}
		}
		if asking != 2 {
			t.Errorf("%d of 3 are asked about, want 2:\n%s", asking, w.transcript(w.group))
		}
	})
}

// TestWhatExpiredWasNoOrder: nobody answered the question about the first.
func TestWhatExpiredWasNoOrder(t *testing.T) {
	atEach(t, func(t *testing.T, server telegram.Options) {
		w := newWorld(t, server, panel.Options{})
		w.start()
		for range 2 {
			id := w.agentSays("/send 09121111111,09122222222 hi")
			_, err := w.tg.WaitMessage(w.context(), w.group, func(m telegram.Message) bool {
				return m.FromBot && m.ReplyTo == id && strings.Contains(m.Text, "nobody answered in time")
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		for _, m := range w.fromBot(w.group) {
			for _, v := range m.History {
				if strings.Contains(v.Text, justOrdered) {
					t.Errorf("asked %q", v.Text)
				}
			}
		}
	})
}
