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

// refuses has somebody answer a message and makes sure that they are told to press a button, and that nothing is ordered.
func (w *world) refuses(p telegram.Post) {
	w.Helper()
	orders, sent := w.orders(p.Chat), w.panel.SentCount()
	id := w.says(p)
	m, err := w.tg.WaitMessage(w.context(), p.Chat, func(m telegram.Message) bool { return m.FromBot && m.ReplyTo == id })
	if err != nil {
		w.Fatalf("%q is not answered: %v\n%s", p.Text+p.Caption, err, w.transcript(p.Chat))
	}
	if !containsAll(m.Text, []string{"asks a question", "press one", "nothing was sent"}) {
		w.Errorf("who answers a question with %q is told %q", p.Text+p.Caption, m.Text)
	}
	w.settles(p.Chat)
	if n := w.orders(p.Chat); n != orders || w.panel.SentCount() != sent {
		w.Errorf("%q to a question made %d orders and sent %d SMS", p.Text+p.Caption, n-orders, w.panel.SentCount()-sent)
	}
}

// answersInWords are the words with which somebody may answer the question m instead of pressing a button.
func (w *world) answersInWords(m telegram.Message) []telegram.Post {
	return []telegram.Post{
		{From: w.ali, Text: "yes"},
		{From: w.ali, Text: "send again please"},
		{From: w.sara, Text: "do it"}, // a colleague's question
		{From: w.ali, Text: "no", Quote: &telegram.Quote{Text: strings.Fields(m.Text)[0]}},
		{From: w.ali, Caption: "yes, as in the file", Document: &telegram.Document{Name: "a.txt", Data: []byte("x")}},
		{From: w.ali, Caption: "/send yes", Document: &telegram.Document{Name: "a.txt", Data: []byte("x")}},
		{From: w.ali, Kind: "story"},
		{From: w.ali, Text: "/send yes"},
		{From: w.ali, Text: "/SEND@" + w.tg.Bot().Username + " 09121111111 yes"},
		{From: w.ali, Text: "yes, said somebody", ForwardFrom: w.sara},
		{From: w.ali, Text: "#s1 yes"},
	}
}

func (w *world) refusesWords(m telegram.Message) {
	w.Helper()
	m, _ = w.tg.Message(m.Chat, m.ID) // as it stands now, perhaps with the credit
	for _, p := range w.answersInWords(m) {
		p.Chat, p.ReplyTo = m.Chat, m.ID
		w.refuses(p)
	}
}

func TestWordsAreNoAnswerToAQuestion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{Credit: 5000})
		w.start()
		long := strings.Repeat("a", 161)
		shown := w.shows("09121111111", "hello")

		w.agentSays("/send 09121111111 " + long)
		asked := w.sees(w.group, "Send this?", "parts each: 2", "Credit")
		w.refusesWords(asked)
		w.end()
		w.start() // the question outlives a restart
		w.refuses(telegram.Post{Chat: w.group, From: w.ali, Text: "yes", ReplyTo: asked.ID})
		w.presses(w.ali, asked, "Send")
		if got := w.sent(1)[0]; got.Text != long {
			t.Errorf("sent %q", got.Text)
		}
		w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "decided: this is for the customer", ReplyTo: asked.ID})
		w.sent(2)

		w.says(telegram.Post{Chat: w.group, From: w.sara, Text: "mine", ReplyTo: shown.ID})
		claimed := w.sees(w.group, "is answering this customer")
		w.refusesWords(claimed)
		w.presses(w.sara, claimed, "Leave it")
		w.sees(w.group, "cancelled by")
		w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "cancelled: this is for the customer", ReplyTo: claimed.ID})
		w.sent(3)

		w.agentSays("/send 09121111111,09122222222 to both")
		both := w.sees(w.group, "Recipients: 2")
		w.refusesWords(both)
		// What sends nothing is a command as ever.
		status := w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "/status", ReplyTo: both.ID})
		if _, err := w.tg.WaitMessage(w.context(), w.group, func(m telegram.Message) bool {
			return m.FromBot && m.ReplyTo == status && strings.Contains(m.Text, "Send this?")
		}); err != nil {
			t.Errorf("/status to a question: %v", err)
		}
	})
}

func TestWordsAreNoAnswerToWhetherToSendAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		w.start()
		shown := w.shows("09121111111", "hello")
		w.panel.Arm(panel.Fault{Kind: panel.Close, Method: "SendSMS", CarryOut: true, Times: 2})
		w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "on its way", ReplyTo: shown.ID})
		asked := w.sees(w.group, "To 09121111111", uncertain)
		w.refusesWords(asked)
		w.presses(w.sara, asked, "Send again")
		again, err := w.tg.WaitMessage(w.context(), w.group, func(m telegram.Message) bool {
			return m.FromBot && strings.Contains(m.Text, uncertain) && len(m.Buttons) > 0 && m.Buttons[0][0].Data != asked.Buttons[0][0].Data
		})
		if err != nil {
			t.Fatal(err)
		}
		w.refuses(telegram.Post{Chat: w.group, From: w.ali, Text: "again, please", ReplyTo: again.ID})
		w.presses(w.ali, again, "Leave")
		w.sees(w.group, "left so")
		w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "sorry for the delay", ReplyTo: again.ID})
		if got := w.sent(3)[2]; got.Text != "sorry for the delay" {
			t.Errorf("sent %q", got.Text)
		}
	})
}

// TestWordsToAQuestionAboutSomeOfMany: of two pieces one is uncertain.
func TestWordsToAQuestionAboutSomeOfMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		w.start()
		_, list := manyNumbers(61)
		w.agentSays("/send " + list + " hi")
		asked := w.sees(w.group, "Send this?", "Credit")
		w.panel.Arm(panel.Fault{Kind: panel.Close, Method: "SendSMS", CarryOut: true})
		w.presses(w.ali, asked, "Send")
		w.sent(61)
		some, err := w.tg.WaitMessage(w.context(), w.group, func(m telegram.Message) bool {
			return m.FromBot && containsAll(m.Text, []string{" sent", "uncertain", "of these"}) && len(m.Buttons) > 0
		})
		if err != nil {
			t.Fatalf("%v\n%s", err, w.transcript(w.group))
		}
		w.refusesWords(some)
		w.presses(w.ali, some, "It was sent")
		w.sees(w.group, "To 61 recipients: 61 sent")
		said := w.answers(w.group, func() {
			w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "decided", ReplyTo: some.ID})
		})
		checkTold(t, said, "61 recipients: nothing was sent")
	})
}

func TestWordsToAQuestionInATopic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newDesk(t)
		topic := w.receives("09121111111", "hello").Topic
		w.commands(w.ali, topic, "/send "+strings.Repeat("a", 161))
		asked := w.sees(w.group, "Send this?", "parts each: 2", "Credit")
		if asked.Topic != topic {
			t.Fatalf("asked in topic %d, want %d", asked.Topic, topic)
		}
		w.refusesWords(asked)
		// A reply across topics, where /send would go to the customer of this one.
		other := w.receives("09122222222", "hello, too").Topic
		for _, words := range []string{"/send yes", "/send 09122222222 yes", "yes"} {
			w.refuses(telegram.Post{Chat: w.group, From: w.ali, Topic: other, Text: words, ReplyTo: asked.ID})
		}
		w.commands(w.ali, topic, "/send a message of its own")
		w.sent(1)
	})
}

// TestSendInReplyToSomebodyElse: the SMS replied to is of one customer, and the place belongs to another.
func TestSendInReplyToSomebodyElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		w.start()
		mine, other, name := w.shows("09121111111", "hello"), w.shows("09122222222", "hello, too"), w.shows("DigiKala", "a code")
		w.says(telegram.Post{Chat: w.group, From: w.sara, Text: "/link 09121111111"})
		w.sees(w.group, "SMS of 09121111111 are now shown here")
		w.card(0, "Received")
		w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "/send 09122222222 hi", ReplyTo: mine.ID}) // named
		w.sent(1)
		answered := w.sees(w.group, "To 09122222222")
		for _, m := range []telegram.Message{other, name, answered} {
			said := w.answers(w.group, func() { w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "/send hello", ReplyTo: m.ID}) })
			checkTold(t, said, "this place belongs to 09121111111: nothing was sent")
		}
		help := w.agentSays("/help")
		for i, m := range []int{mine.ID, help, 0} {
			w.says(telegram.Post{Chat: w.group, From: w.ali, Text: fmt.Sprint("/send mine ", i), ReplyTo: m})
		}
		for _, m := range w.sent(4)[1:] {
			if m.Customer != "09121111111" {
				t.Errorf("sent %+v", m)
			}
		}
	})
}

func TestWordsToAQuestionInPrivate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		w.start()
		w.says(telegram.Post{Chat: w.ali, From: w.ali, Text: "/send +447911123456 hi"})
		asked := w.sees(w.ali, "Abroad", "Credit")
		for _, words := range []string{"yes", "بله", "👍", "/send yes"} {
			w.refuses(telegram.Post{Chat: w.ali, From: w.ali, Text: words, ReplyTo: asked.ID})
		}
	})
}

func TestWordsToAQuestionOfAGroupThatMoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		w.group = w.tg.AddGroup("Small", w.sara, w.ali, w.tg.Bot().ID)
		w.start()
		w.agentSays("/send 09121111111 " + strings.Repeat("a", 161))
		w.sees(w.group, "Send this?", "Credit")
		super, err := w.tg.Migrate(w.group)
		if err != nil {
			t.Fatal(err)
		}
		asked := w.sees(super, "Send this?")
		w.refusesWords(asked)
		w.presses(w.ali, asked, "Send")
		w.sent(1)
	})
}

func TestWordsToAQuestionThatIsTooOld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		w.start()
		w.agentSays("/send 09121111111 " + strings.Repeat("a", 161))
		asked := w.sees(w.group, "Send this?", "Credit")
		time.Sleep(14 * time.Minute)
		w.refuses(telegram.Post{Chat: w.group, From: w.ali, Text: "yes", ReplyTo: asked.ID})
		w.settles(w.group)
		w.sees(w.group, "nobody answered in time, nothing was sent")
		w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "expired: this is for the customer", ReplyTo: asked.ID})
		w.sent(1)
	})
}
