package bridge_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"peyk/sandbox/panel"
	"peyk/sandbox/telegram"
	"peyk/sms"
)

// newDesk is a world whose team works in a forum where the bot may manage topics, with a topic for each customer. One thing has been posted there.
func newDesk(t testing.TB) *world {
	t.Helper()
	return newDeskAt(t, panel.Options{Statuses: []panel.Step{{Status: 4}}})
}

func newDeskAt(t testing.TB, o panel.Options) *world {
	t.Helper()
	w := newWorld(t, telegram.Options{}, o)
	w.group = w.tg.AddForum("Desk", w.sara, w.ali, w.tg.Bot().ID)
	w.allowTopics(true)
	w.storeOpts.Inbox = []sms.ChatID{sms.ChatID(w.group)}
	w.says(telegram.Post{Chat: w.sara, From: w.sara, Text: "/start"}) // a bot cannot write first
	w.start()
	w.commands(w.sara, 0, "/topics on")
	w.sees(w.group, "each customer gets a topic here")
	return w
}

func (w *world) allowTopics(allowed bool) {
	w.Helper()
	if err := w.tg.SetBotRights(w.group, telegram.Rights{Admin: true, ManageTopics: allowed}); err != nil {
		w.Fatal(err)
	}
}

// commands has somebody write in a topic of the group.
func (w *world) commands(from int64, topic int, text string) int {
	w.Helper()
	return w.says(telegram.Post{Chat: w.group, From: from, Topic: topic, Text: text})
}

// receives has a customer write and returns the message that shows the SMS.
func (w *world) receives(customer, text string) telegram.Message {
	w.Helper()
	w.panel.Receive(customer, "30001234", text)
	return w.sees(w.group, customer, text)
}

// topics returns the topics of the group.
func (w *world) topics() []telegram.Topic {
	w.Helper()
	for _, c := range w.tg.Chats() {
		if c.ID == w.group {
			return c.Topics
		}
	}
	w.Fatal("the group is gone")
	return nil
}

// card waits until the card of a topic says all words, and returns it.
func (w *world) card(topic int, words ...string) telegram.Message {
	w.Helper()
	m, err := w.tg.WaitMessage(w.context(), w.group, func(m telegram.Message) bool {
		return m.FromBot && !m.Deleted && m.Topic == topic && strings.HasPrefix(m.Text, "👤") && containsAll(m.Text, words)
	})
	if err != nil {
		w.Fatalf("no card with %q in topic %d: %v\nit has:\n%s\nlog:\n%s", words, topic, err, w.transcript(w.group), w.logs)
	}
	return m
}

// titled waits until a topic has a title.
func (w *world) titled(topic int, title string) {
	w.Helper()
	_, err := w.tg.WaitMessage(w.context(), w.group, func(telegram.Message) bool {
		for _, c := range w.tg.Chats() {
			for _, t := range c.Topics {
				if c.ID == w.group && t.ID == topic {
					return t.Name == title
				}
			}
		}
		return false
	})
	if err != nil {
		w.Fatalf("topic %d is not called %q: %v, log:\n%s", topic, title, w.topics(), w.logs)
	}
}

func TestATopicForEachCustomer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newDesk(t)
		first := w.receives("09121111111", "where is my order?")
		other := w.receives("09122222222", "what does it cost?")
		again := w.receives("09121111111", "hello?")
		if first.Topic == 0 || other.Topic == 0 || first.Topic == other.Topic || again.Topic != first.Topic {
			t.Fatalf("shown in the topics %d, %d and %d", first.Topic, other.Topic, again.Topic)
		}
		if got := w.topics(); len(got) != 2 || got[0].Name != "09121111111" || got[1].Name != "09122222222" {
			t.Errorf("topics %v, want one of each number", got)
		}
		card := w.card(first.Topic, "09121111111 → 30001234", "Received: 1 · sent: 0 · since ", "Nobody has answered", "stays among you")
		if card.ID < first.ID {
			t.Error("the SMS waited for the card")
		}

		// Only replies to the bot's messages and /send leave.
		w.commands(w.ali, first.Topic, "colleagues, what shall I tell them?")
		note := w.commands(w.ali, first.Topic, "perhaps tomorrow")
		w.says(telegram.Post{Chat: w.group, From: w.sara, Text: "yes, tomorrow", ReplyTo: note})
		reply := w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "It comes tomorrow.", ReplyTo: again.ID})
		w.bears(w.group, reply, "👍")
		w.commands(w.ali, other.Topic, "/send 12 euro, two of them")
		w.sees(w.group, "To 09122222222", "delivered")
		w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "to the card", ReplyTo: card.ID})
		sent := w.sent(3)
		for i, want := range []string{"09121111111 It comes tomorrow.", "09122222222 12 euro, two of them", "09121111111 to the card"} {
			if got := string(sent[i].Customer) + " " + sent[i].Text; got != want {
				t.Errorf("SMS %d is %q, want %q", i+1, got, want)
			}
		}
		w.card(first.Topic, "Answered by: \u2068Ali\u2069")

		w.end()
		w.start()
		if m := w.receives("09122222222", "after the restart"); m.Topic != other.Topic {
			t.Errorf("after a restart shown in topic %d, want %d", m.Topic, other.Topic)
		}
		w.commands(w.sara, 0, "/topics off")
		w.sees(w.group, "I make no more topics")
		if m := w.receives("09122222222", "no topic"); m.Topic != 0 {
			t.Errorf("shown in topic %d although they are off", m.Topic)
		}
	})
}

func TestTopicsChangedByHand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newDesk(t)
		topic := w.receives("09121111111", "one").Topic
		other := w.receives("09122222222", "another").Topic

		// Renamed: the name is the customer's, and the head shows it.
		if err := w.tg.RenameTopic(w.sara, w.group, topic, "Mrs Rezaei"); err != nil {
			t.Fatal(err)
		}
		w.card(topic, "Mrs Rezaei")
		if m := w.receives("09121111111", "two"); m.Topic != topic || !strings.Contains(m.Text, "09121111111 \u2068Mrs Rezaei\u2069 → 30001234") {
			t.Errorf("shown in %d as %q", m.Topic, m.Text)
		}
		w.titled(topic, "Mrs Rezaei")
		w.commands(w.ali, topic, "/name Mrs Rezaei of Shiraz")
		w.titled(topic, "Mrs Rezaei of Shiraz")

		// Closed: the customer's next SMS opens it.
		if err := w.tg.CloseTopic(w.sara, w.group, topic); err != nil {
			t.Fatal(err)
		}
		w.quiet()
		if m := w.receives("09121111111", "three"); m.Topic != topic {
			t.Errorf("shown in %d, want %d", m.Topic, topic)
		}
		for _, topic := range w.topics() {
			if topic.Closed {
				t.Errorf("topic %q is still closed", topic.Name)
			}
		}

		// Deleted: made again, with the name.
		if err := w.tg.DeleteTopic(w.sara, w.group, topic); err != nil {
			t.Fatal(err)
		}
		anew := w.receives("09121111111", "four").Topic
		if anew == topic || anew == 0 || anew == other {
			t.Errorf("shown in %d, want a new topic", anew)
		}
		w.titled(anew, "Mrs Rezaei of Shiraz")
		w.card(anew, "Mrs Rezaei of Shiraz", "Received: 4")
		if m := w.receives("09122222222", "and another"); m.Topic != other {
			t.Errorf("shown in %d, want %d", m.Topic, other)
		}
		w.quiet()
		if n := len(w.topics()); n != 2 {
			t.Errorf("there are %d topics, want 2: %v", n, w.topics())
		}
	})
}

func TestRightToManageTopicsTakenAndGiven(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newDesk(t)
		known := w.receives("09121111111", "one").Topic
		w.allowTopics(false)
		shown := w.receives("09122222222", "new customer")
		if shown.Topic != 0 {
			t.Errorf("shown in topic %d, want the general chat", shown.Topic)
		}
		w.sees(w.sara, "may not make topics", "Manage Topics")
		w.receives("09123333333", "another new one")
		if m := w.receives("09121111111", "two"); m.Topic != known {
			t.Errorf("shown in %d, want the topic that is there", m.Topic)
		}
		// A topic of ours that is closed to us: outside of it.
		if err := w.tg.CloseTopic(w.sara, w.group, known); err != nil {
			t.Fatal(err)
		}
		if err := w.tg.SetBotRights(w.group, telegram.Rights{}); err != nil {
			t.Fatal(err)
		}
		w.receives("09121111111", "closed to you")
		w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "an answer", ReplyTo: shown.ID})
		if got := w.sent(1)[0]; got.Customer != "09122222222" {
			t.Errorf("sent to %s", got.Customer)
		}
		w.allowTopics(true)
		w.quiet()
		if m := w.receives("09122222222", "and now?"); m.Topic == 0 {
			t.Error("shown outside of topics although they are allowed again")
		}
		told := 0
		for _, m := range w.fromBot(w.sara) {
			if strings.Contains(m.Text, "may not make topics") {
				told++
			}
		}
		if told != 1 {
			t.Errorf("the admin was told %d times, want once", told)
		}
	})
}

func TestTopicsWhereThereAreNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		w.start()
		w.commands(w.sara, 0, "/topics on")
		w.sees(w.group, "has no topics")
		w.commands(w.ali, 0, "/topics on")
		w.sees(w.group, "Only administrators")
		w.commands(w.sara, 0, "/topics")
		w.sees(w.group, "Use /topics on")
		if m := w.receives("09121111111", "hello"); m.Topic != 0 {
			t.Errorf("shown in topic %d", m.Topic)
		}
	})
}

// TestATopicThatIsRefusedHidesNoSMS has Telegram dislike one topic, for a reason nobody foresaw.
func TestATopicThatIsRefusedHidesNoSMS(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newDesk(t)
		if err := w.tg.Arm(telegram.Fault{Method: "createForumTopic", Chat: w.group, Kind: telegram.Refuse, Description: "Bad Request: TOPIC_TITLE_UNPLEASANT"}); err != nil {
			t.Fatal(err)
		}
		if m := w.receives("09121111111", "shown outside"); m.Topic != 0 {
			t.Errorf("shown in topic %d", m.Topic)
		}
		if m := w.receives("09121111111", "shown in a topic"); m.Topic == 0 {
			t.Error("no topic is tried again")
		}
		// As long as only topics fail, nothing else waits for them.
		if err := w.tg.Arm(telegram.Fault{Method: "createForumTopic", Kind: telegram.Refuse, Code: 500, Times: -1, Description: "Internal Server Error"}); err != nil {
			t.Fatal(err)
		}
		if m := w.receives("09122222222", "shown outside, too"); m.Topic != 0 {
			t.Errorf("shown in topic %d", m.Topic)
		}
	})
}

func TestLink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		w.storeOpts.Inbox = nil
		w.says(telegram.Post{Chat: w.sara, From: w.sara, Text: "/start"})
		w.start()
		vip := w.tg.AddSupergroup("VIP", w.sara, w.ali, w.tg.Bot().ID)
		say := func(from, chat int64, text string) { w.says(telegram.Post{Chat: chat, From: from, Text: text}) }
		w.panel.Receive("09121111111", "30005678", "waiting for a chat")
		w.sees(w.sara, "no chat shows them")
		say(w.ali, vip, "/link 09121111111")
		w.sees(vip, "Only administrators")
		say(w.sara, vip, "/link Mr Ahmadi")
		w.sees(vip, "Use /link NUMBER")
		say(w.sara, vip, "/link +98 912 111 11 11")
		w.sees(vip, "SMS of 09121111111 are now shown here")
		w.sees(vip, "waiting for a chat")
		w.sees(vip, "👤", "09121111111 → 30005678", "Received: 1")
		w.commands(w.sara, 0, "/inbox on")
		w.sees(w.group, "of all lines are now shown here")
		w.receives("09122222222", "somebody else")
		w.panel.Receive("00989121111111", "30005678", "for the VIP chat only")
		w.sees(vip, "for the VIP chat only")
		w.quiet()
		if m := w.transcript(w.group); strings.Contains(m, "VIP chat only") {
			t.Errorf("shown elsewhere, too:\n%s", m)
		}
		say(w.ali, vip, "/send good morning")
		if got := w.sent(1)[0]; got.Customer != "09121111111" || got.Line != "30005678" || got.Text != "good morning" {
			t.Errorf("sent %+v", got)
		}
		// Linked elsewhere, it leaves here.
		say(w.sara, w.sara, "/link 09121111111")
		w.sees(w.sara, "SMS of 09121111111 are now shown here")
		w.panel.Receive("09121111111", "30005678", "in private")
		w.sees(w.sara, "in private")
		say(w.sara, vip, "/unlink")
		w.sees(vip, "does not belong to a customer")
		say(w.sara, vip, "/send nobody's")
		w.sees(vip, "There is no number")
		say(w.sara, w.sara, "/unlink")
		w.sees(w.sara, "no longer belongs to 09121111111")
		w.receives("09121111111", "like all others")
	})
}

func TestLinkFollowsTheGroup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		basic := w.tg.AddGroup("Team", w.sara, w.ali, w.tg.Bot().ID)
		w.start()
		w.says(telegram.Post{Chat: basic, From: w.sara, Text: "/link 09121111111"})
		w.sees(basic, "are now shown here")
		w.panel.Receive("09121111111", "30001234", "before")
		w.sees(basic, "before")
		super, err := w.tg.Migrate(basic)
		if err != nil {
			t.Fatal(err)
		}
		w.panel.Receive("09121111111", "30001234", "after")
		w.sees(super, "after")
		w.sees(super, "👤")
		w.says(telegram.Post{Chat: super, From: w.ali, Text: "/send hello"})
		if got := w.sent(1)[0]; got.Customer != "09121111111" {
			t.Errorf("sent to %s", got.Customer)
		}
	})
}

func TestName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		w.start()
		shown := w.receives("09121111111", "hello")
		w.commands(w.ali, 0, "/name Somebody")
		w.sees(w.group, "Use /name TEXT")
		w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "/name #s9 <b>\u202eReza", ReplyTo: shown.ID})
		w.sees(w.group, "09121111111 is now called \u2068#s9 <b>Reza\u2069")
		named := w.receives("09121111111", "again")
		if !strings.Contains(named.Text, "09121111111 \u2068#s9 <b>Reza\u2069 → 30001234") {
			t.Errorf("shown as %q", named.Text)
		}
		w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "hello Reza", ReplyTo: named.ID})
		w.sent(1)
		w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "/name -", ReplyTo: named.ID})
		w.sees(w.group, "no longer has a name")
		if m := w.receives("09121111111", "and again"); strings.Contains(m.Text, "Reza") {
			t.Errorf("shown as %q", m.Text)
		}
	})
}

// Whatever Telegram has against a topic's opening, the SMS is shown.
func TestATopicThatCannotBeChangedHidesNoSMS(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newDesk(t)
		topic := w.receives("09121111111", "one").Topic
		if err := w.tg.CloseTopic(w.sara, w.group, topic); err != nil {
			t.Fatal(err)
		}
		w.quiet()
		for _, code := range []int{400, 500} {
			for _, method := range []string{"reopenForumTopic", "editForumTopic"} {
				if err := w.tg.Arm(telegram.Fault{Method: method, Kind: telegram.Refuse, Code: code, Times: -1, Description: "something nobody foresaw"}); err != nil {
					t.Fatal(err)
				}
			}
			w.receives("09121111111", fmt.Sprint("closed, ", code))
			w.commands(w.sara, topic, fmt.Sprint("/name Reza", code))
			w.card(topic, fmt.Sprint("Reza", code))
			w.tg.Disarm()
		}
		if strings.Contains(w.logs.String(), "telegram refuses a post") {
			t.Error("a post was set aside")
		}
	})
}

func TestASenderWithoutATelephoneIsNotWrittenTo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newDesk(t)
		shown := w.receives("MELLI-BANK", "Your code is 1234")
		w.commands(w.ali, shown.Topic, "/send thank you")
		w.sees(w.group, "MELLI-BANK is a sender's name", "Nothing was sent")
		w.sent(0)
	})
}

func TestGeneralIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newDesk(t)
		w.commands(w.sara, 0, "/topics off")
		w.sees(w.group, "I make no more topics")
		if err := w.tg.Arm(telegram.Fault{Method: "sendMessage", Chat: w.group, Kind: telegram.Refuse, Times: -1, Description: "Bad Request: TOPIC_CLOSED"}); err != nil {
			t.Fatal(err)
		}
		w.commands(w.ali, 0, "/id")
		w.sees(w.sara, "refuses one message", "TOPIC_CLOSED")
		w.panel.Receive("09121111111", "30001234", "one")
		w.sees(w.sara, "no longer write to the chat", "TOPIC_CLOSED")
		w.tg.Disarm()
		w.commands(w.ali, 0, "/id")
		w.sees(w.group, "09121111111", "one")
	})
}

// TestNewTopicsKeepToThePace has more customers write for the first time than Telegram lets be shown, each in a new topic, in a minute.
func TestNewTopicsKeepToThePace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newDesk(t)
		w.customersAsk(0, 10)
		if n := w.tg.Throttled(); n != 0 {
			t.Errorf("Telegram said 429 %d times", n)
		}
	})
}

// TestALongSMSIsShownInItsTopic has more customers write than there is room for, and the first at such length that no other fits into its message:
// to show it outside of topics would save nothing, or the making of one topic.
func TestALongSMSIsShownInItsTopic(t *testing.T) {
	for name, wroteBefore := range map[string]bool{"who has one": true, "who has none": false} {
		t.Run("of a customer "+name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newDesk(t)
				if wroteBefore {
					w.receives("09121111111", "hello")
				}
				w.panel.Receive("09121111111", "30001234", strings.Repeat("a long story ", 400)+"that ends")
				w.customersAsk(0, 8)
				if got := w.topics(); len(got) == 0 || got[0].Name != "09121111111" {
					t.Fatalf("topics %v", got)
				}
				for _, words := range []string{"a long story", "that ends"} {
					if m := w.sees(w.group, words); m.Topic != w.topics()[0].ID {
						t.Errorf("%q is shown in topic %d, want %d", words, m.Topic, w.topics()[0].ID)
					}
				}
			})
		})
	}
}

func TestRestartRemembersTopicsThatMayBeMade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newDesk(t)
		if err := w.tg.Arm(telegram.Fault{Method: "createForumTopic", Kind: telegram.CloseAfter}); err != nil {
			t.Fatal(err)
		}
		w.customersAsk(0, 6) // a topic, its card and the SMS of each: with the word above and the topic nobody knows of, a minute's 20
		w.end()
		w.start()
		w.customersAsk(6, 7)
		if n := w.tg.Throttled(); n != 0 {
			t.Errorf("Telegram said 429 %d times", n)
		}
	})
}

// customersAsk has those customers write, each one SMS, and waits until all are seen.
func (w *world) customersAsk(from, to int) {
	w.Helper()
	for i := from; i < to; i++ {
		w.panel.Receive(fmt.Sprintf("0912000%04d", i), "30001234", fmt.Sprintf("question %02d", i))
	}
	for i := from; i < to; i++ {
		w.sees(w.group, fmt.Sprintf("question %02d", i))
	}
}

// TestReplyFromAnotherTopicIsSentToNobody has Telegram show it without the message it answers.
func TestReplyFromAnotherTopicIsSentToNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newDesk(t)
		one, other := w.receives("09121111111", "where is my order?"), w.receives("09122222222", "and mine?")
		w.says(telegram.Post{Chat: w.group, From: w.ali, Topic: other.Topic, Text: "on its way", ReplyTo: one.ID})
		told := w.sees(w.group, "from another chat or topic", "nothing was sent")
		if told.Topic != other.Topic {
			t.Errorf("told in topic %d, want %d, where it was written", told.Topic, other.Topic)
		}
		w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "on its way", ReplyTo: one.ID})
		if sent := w.sent(1)[0]; sent.Customer != "09121111111" {
			t.Errorf("sent %+v", sent)
		}
	})
}

// TestRestartRemembersALinkedTopicThatMayBeMade deletes the topic a customer is linked to; Telegram makes another, and its answer is lost.
func TestRestartRemembersALinkedTopicThatMayBeMade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newDesk(t)
		topic, err := w.tg.AddTopic(w.sara, w.group, "Mrs Rezaei")
		if err != nil {
			t.Fatal(err)
		}
		w.commands(w.sara, topic, "/link 09121111111")
		w.receives("09121111111", "one")
		if err := w.tg.DeleteTopic(w.sara, w.group, topic); err != nil {
			t.Fatal(err)
		}
		if err := w.tg.Arm(telegram.Fault{Method: "createForumTopic", Kind: telegram.CloseAfter}); err != nil {
			t.Fatal(err)
		}
		w.receives("09121111111", "two")
		w.customersAsk(0, 4) // what was posted, the topic nobody knows of, and three messages for each of these: a minute's 20
		w.end()
		w.start()
		w.customersAsk(4, 5)
		if n := w.tg.Throttled(); n != 0 {
			t.Errorf("Telegram said 429 %d times", n)
		}
	})
}
