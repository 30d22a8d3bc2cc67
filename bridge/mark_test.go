package bridge_test

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"peyk/sandbox/panel"
	"peyk/sandbox/telegram"
	"peyk/sms"
	"peyk/store"
)

// bears waits until a message bears a mark of the bot's and no other; "" is none.
func (w *world) bears(chat int64, message int, mark string) {
	w.Helper()
	if w.old {
		w.reported(chat, message, map[string]string{"👀": "⏳", "👌": "✔️", "👍": "✅", "👎": "❌"}[mark])
		return
	}
	_, err := w.tg.WaitMessage(w.context(), chat, func(m telegram.Message) bool { return m.ID == message && w.marksOf(m) == mark })
	if err != nil {
		w.Fatalf("message %d does not come to bear %s: %v\nthe chat has:\n%s\nlog:\n%s", message, mark, err, w.transcript(chat), w.logs)
	}
}

func (w *world) marksOf(m telegram.Message) string {
	var all strings.Builder
	for _, r := range m.Reactions {
		if r.From == w.tg.Bot().ID {
			all.WriteString(r.Emoji)
		}
	}
	return all.String()
}

// replies has Ali answer in a chat and returns the message.
func (w *world) replies(to telegram.Message, text string) int {
	w.Helper()
	by := w.ali
	if to.Chat == w.sara {
		by = w.sara
	}
	return w.says(telegram.Post{Chat: to.Chat, From: by, Text: text, ReplyTo: to.ID})
}

// reports returns what the bot wrote in answer to a message.
func (w *world) reports(chat int64, message int) []telegram.Message {
	return slices.DeleteFunc(w.fromBot(chat), func(m telegram.Message) bool { return m.ReplyTo != message })
}

// reported waits for a message that answers one, and says all the words.
func (w *world) reported(chat int64, message int, words ...string) telegram.Message {
	w.Helper()
	m, err := w.tg.WaitMessage(w.context(), chat, func(m telegram.Message) bool {
		return m.FromBot && m.ReplyTo == message && containsAll(m.Text, words)
	})
	if err != nil {
		w.Fatalf("nothing says %q about message %d: %v\nthe chat has:\n%s\nlog:\n%s", words, message, err, w.transcript(chat), w.logs)
	}
	return m
}

// reacted returns how many calls put marks on messages, and how many of them Telegram took.
func (w *world) reacted() (calls, taken int) {
	for _, c := range w.tg.Calls() {
		if c.Method == "setMessageReaction" && c.Message != 0 { // not only to find out whether there is such a method
			calls++
			if c.Code == 200 {
				taken++
			}
		}
	}
	return calls, taken
}

// TestAReplysCourseIsItsMarkAlone plays it where agents work: in a group, in private, in a topic of a customer's.
func TestAReplysCourseIsItsMarkAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, tc := range map[string]struct {
			world func(testing.TB) *world
			chat  func(*world) int64
		}{
			"a group": {func(t testing.TB) *world {
				w := newWorld(t, telegram.Options{}, panel.Options{Statuses: []panel.Step{{Status: 4}}})
				w.start()
				return w
			}, func(w *world) int64 { return w.group }},
			"in private": {func(t testing.TB) *world {
				w := newWorld(t, telegram.Options{}, panel.Options{Statuses: []panel.Step{{Status: 4}}})
				w.says(telegram.Post{Chat: w.sara, From: w.sara, Text: "/start"})
				w.storeOpts.Inbox = []sms.ChatID{sms.ChatID(w.sara)}
				w.start()
				return w
			}, func(w *world) int64 { return w.sara }},
			"a forum's topics": {newDesk, func(w *world) int64 { return w.group }},
		} {
			t.Log(name)
			w := tc.world(t)
			chat := tc.chat(w)
			w.panel.Receive("09121111111", "30001234", "where is my order?")
			shown := w.sees(chat, "where is my order?")
			first, second := w.replies(shown, "on its way"), w.replies(shown, "today")
			w.bears(chat, first, "👍")
			w.bears(chat, second, "👍")
			w.settles(chat)
			for _, id := range []int{first, second} {
				for _, m := range w.reports(chat, id) {
					t.Errorf("a message reports what went well: %q", m.Text)
				}
			}
			told := 0
			for _, m := range w.fromBot(chat) {
				if strings.Contains(m.Text, "The marks I put") {
					told++
					if m.Topic != shown.Topic || !m.Silent {
						t.Errorf("what the marks mean: %+v, want it without a sound in topic %d", m, shown.Topic)
					}
				}
			}
			if told != 1 {
				t.Errorf("what the marks mean is told %d times", told)
			}
			w.restart()
			w.bears(chat, w.replies(shown, "once more"), "👍")
			w.settles(chat)
			for _, m := range w.fromBot(chat)[len(w.fromBot(chat))-2:] {
				if strings.Contains(m.Text, "The marks I put") {
					t.Error("what the marks mean is told again after a restart")
				}
			}
			// All that a message would have said, /status does.
			ask := w.says(telegram.Post{Chat: chat, From: map[bool]int64{true: w.sara, false: w.ali}[chat == w.sara], Text: "/status", ReplyTo: second, Topic: shown.Topic})
			w.reported(chat, ask, "To 09121111111", "delivered", "5000000002")
		}
	})
}

// TestMarksPassTheirStates stops at each: what the panel says last is what the reply bears.
func TestMarksPassTheirStates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		w.start()
		shown := w.shows("09121111111", "hello")
		w.panel.Arm(panel.Fault{Method: "SendSMS", Kind: panel.Slow, Delay: time.Second})
		reply := w.replies(shown, "answer")
		w.bears(w.group, reply, "👀")
		w.bears(w.group, reply, "👌")
		for _, step := range []struct {
			code int
			mark string
		}{{3, "👌"}, {5, "👎"}, {4, "👍"}} { // not delivered, and delivered after all
			w.panel.SetStatus("5000000001", step.code)
			w.bears(w.group, reply, step.mark)
		}
		m := w.reported(w.group, reply, "delivered.")
		if len(m.History) == 0 || !strings.Contains(m.History[0].Text, "did not reach") || !m.Silent {
			t.Errorf("the report is %+v, want it to have told that it was not delivered, without a sound", m)
		}
	})
}

func TestOnlyTheLastOfThreeStatesIsMarkedAfterAnOutage(t *testing.T) {
	stored := map[int]store.Report{
		1: {Status: sms.Sent}, 2: {Status: sms.Failed, Reason: sms.TelecomProblem}, 3: {Status: sms.AtTelecom}, 4: {Status: sms.Delivered}, 5: {Status: sms.Failed, Reason: sms.NotDelivered},
	}
	for name, tc := range map[string]struct {
		codes []int
		says  string // a message; "" is none
	}{
		"all went well":         {[]int{1, 3, 4}, ""},
		"not delivered for now": {[]int{2, 5, 4}, "delivered."}, // Telegram may have shown that it was not, and its answer was lost
		"not delivered":         {[]int{3, 2, 5}, "did not reach"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, telegram.Options{}, panel.Options{})
				w.start()
				reply := w.replies(w.shows("09121111111", "hello"), "answer")
				w.bears(w.group, reply, "👌")
				w.knows("👌")
				w.settles(w.group)
				_, before := w.reacted()
				w.tg.SetDown(true)
				for _, code := range tc.codes {
					w.panel.SetStatus("5000000001", code)
					w.until("the status", func() bool {
						m, err := w.store.ByID("5000000001")
						return err == nil && m.Status == stored[code].Status && m.Reason == stored[code].Reason
					})
				}
				w.tg.SetDown(false)
				last := map[bool]string{true: "👍", false: "👎"}[tc.codes[2] == 4]
				w.bears(w.group, reply, last)
				w.knows(last) // a mark can be seen before its call is counted
				if tc.says != "" {
					w.reported(w.group, reply, tc.says)
				}
				w.settles(w.group)
				if _, after := w.reacted(); after != before+1 {
					t.Errorf("%d marks are put there after the outage, want the last alone", after-before)
				}
				for _, m := range w.reports(w.group, reply) {
					if tc.says == "" || !strings.Contains(m.Text, tc.says) || m.Edits > 0 {
						t.Errorf("a message says %q, edited %d times", m.Text, m.Edits)
					}
				}
			})
		})
	}
}

// knows waits until the bridge knows which mark the only reply bears.
func (w *world) knows(mark string) {
	w.Helper()
	w.until("the mark to be known", func() bool {
		b, err := w.store.Batch(1)
		return err == nil && b.Reaction == mark
	})
}

// TestChatThatTakesNoMarks has the message tell what the mark cannot, however Telegram says so and whenever.
func TestChatThatTakesNoMarks(t *testing.T) {
	forbids := func(w *world) error { return w.tg.ForbidReactions(w.group, true) }
	refuses := func(description string) func(*world) error {
		code := 400
		if strings.HasPrefix(description, "Forbidden") {
			code = 403
		}
		return func(w *world) error {
			return w.tg.Arm(telegram.Fault{Method: "setMessageReaction", Kind: telegram.Refuse, Times: -1, Code: code, Description: description})
		}
	}
	for name, forbid := range map[string]func(*world) error{
		"reactions are off": forbids,
		"no admin":          refuses("Bad Request: CHAT_ADMIN_REQUIRED"),
		"not enough rights": refuses("Bad Request: not enough rights to react to the message"),
		"may not react":     refuses("Forbidden: not enough rights to react"), // but write
		"never heard of":    refuses("Bad Request: something nobody foresaw"),
		"too many":          refuses("Bad Request: REACTIONS_TOO_MANY"),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, telegram.Options{}, panel.Options{})
				if err := forbid(w); err != nil {
					t.Fatal(err)
				}
				w.start()
				shown := w.shows("09121111111", "hello")
				first := w.replies(shown, "answer")
				m := w.reported(w.group, first, "To 09121111111: ✔️ sent")
				w.panel.SetStatus("5000000001", 4)
				if again := w.reported(w.group, first, "delivered."); again.ID != m.ID || !again.Silent {
					t.Errorf("the delivery is reported by another message, or with a sound: %+v", again)
				}
				calls, _ := w.reacted()
				w.restart()
				second := w.replies(shown, "and another")
				w.reported(w.group, second, "✔️ sent")
				if after, taken := w.reacted(); after != calls || taken > 0 {
					t.Errorf("%d marks are tried where none is taken, %d taken", after-calls, taken)
				}
				for _, m := range w.fromBot(w.group) {
					if strings.Contains(m.Text, "The marks") {
						t.Error("the chat is told about marks that it does not have")
					}
				}
				if n := len(w.reports(w.group, first)) + len(w.reports(w.group, second)); n != 2 {
					t.Errorf("%d messages tell of two replies", n)
				}
				// When the rights there change, the chat is tried again.
				w.tg.Disarm()
				if err := w.tg.ForbidReactions(w.group, false); err != nil {
					t.Fatal(err)
				}
				if err := w.tg.SetBotRights(w.group, telegram.Rights{Admin: true}); err != nil {
					t.Fatal(err)
				}
				w.settles(w.group)
				w.bears(w.group, w.replies(shown, "a third"), "👌")
			})
		})
	}
}

func TestChatThatForbidsReactionsMidway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		w.start()
		shown := w.shows("09121111111", "hello")
		reply := w.replies(shown, "answer")
		w.bears(w.group, reply, "👌")
		w.settles(w.group)
		if err := w.tg.ForbidReactions(w.group, true); err != nil {
			t.Fatal(err)
		}
		w.panel.SetStatus("5000000001", 4)
		w.reported(w.group, reply, "delivered.")
		w.reported(w.group, w.replies(shown, "another"), "✔️ sent")
	})
}

func TestReplyDeletedBeforeItsMark(t *testing.T) {
	for name, description := range map[string]string{
		"found so by Telegram": "",
		"no such message":      "Bad Request: MESSAGE_ID_INVALID",
		"its topic is gone":    "Bad Request: message thread not found",
		"its topic is closed":  "Bad Request: TOPIC_CLOSED",
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, telegram.Options{}, panel.Options{})
				w.start()
				shown := w.shows("09121111111", "hello")
				release := make(chan struct{})
				w.panel.Arm(panel.Fault{Method: "SendSMS", Kind: panel.Slow, Delay: 100 * time.Millisecond})
				if description != "" {
					if err := w.tg.Arm(telegram.Fault{Method: "setMessageReaction", Kind: telegram.Refuse, Description: description}); err != nil {
						t.Fatal(err)
					}
					close(release)
				} else {
					var gone int
					w.tg.OnCall(func(stage telegram.Stage, method string, _ int64) {
						if stage == telegram.BeforeHandling && method == "setMessageReaction" && gone == 0 {
							for _, m := range w.tg.Messages(w.group) {
								if m.Text == "answer" {
									gone = m.ID
									if err := w.tg.Delete(w.group, m.ID); err != nil {
										t.Error(err)
									}
								}
							}
							close(release)
						}
					})
				}
				w.replies(shown, "answer")
				<-release
				w.sees(w.group, "To 09121111111: ✔️ sent")
				// It says nothing of the others.
				w.bears(w.group, w.replies(shown, "another"), "👌")
				w.sent(2)
			})
		})
	}
}

// TestMarkInAChatThatIsLost: the bot is removed, and added again.
func TestMarkInAChatThatIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		w.says(telegram.Post{Chat: w.sara, From: w.sara, Text: "/start"})
		w.start()
		shown := w.shows("09121111111", "hello")
		reply := w.replies(shown, "answer")
		w.bears(w.group, reply, "👌")
		w.knows("👌")
		w.sees(w.group, "The marks")
		if err := w.tg.RemoveBot(w.group, w.sara); err != nil {
			t.Fatal(err)
		}
		w.panel.SetStatus("5000000001", 4)
		w.sees(w.sara, "I can no longer write to the chat")
		if err := w.tg.AddBot(w.group, w.sara); err != nil {
			t.Fatal(err)
		}
		w.sees(w.group, "delivered.")
		w.bears(w.group, w.replies(w.shows("09121111111", "thanks"), "you are welcome"), "👌")
	})
}

func TestMarkAfterARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{Statuses: []panel.Step{{Status: 4}}})
		w.start()
		shown := w.shows("09121111111", "hello")
		w.settles(w.group)
		if err := w.tg.Arm(telegram.Fault{Method: "setMessageReaction", Kind: telegram.CloseBefore, Times: -1}); err != nil {
			t.Fatal(err)
		}
		reply := w.replies(shown, "answer")
		w.sent(1)
		if err := w.end(); err != nil {
			t.Fatal(err)
		}
		w.tg.Disarm()
		w.start()
		w.bears(w.group, reply, "👍")
	})
}

func TestMarkThatTelegramAsksPatienceFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const seconds = 2
		w := newWorld(t, telegram.Options{}, panel.Options{Statuses: []panel.Step{{Status: 4}}})
		w.start()
		shown := w.shows("09121111111", "hello")
		if err := w.tg.Arm(telegram.Fault{Method: "setMessageReaction", Kind: telegram.TooMany, RetryAfter: seconds}); err != nil {
			t.Fatal(err)
		}
		first := w.replies(shown, "answer")
		w.logged("telegram asks for patience") // else another mark may be under way already
		second := w.replies(shown, "another")
		w.shows("09122222222", "behind it") // holds up no SMS, and no answer
		w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "/id"})
		w.sees(w.group, "this chat is")
		w.restart() // still asked for
		w.bears(w.group, first, "👍")
		w.bears(w.group, second, "👍")
		w.end() // a mark can be seen before its call is counted
		var asked, next time.Time
		for _, c := range w.tg.Calls() {
			switch {
			case c.Method != "setMessageReaction":
			case c.Code == 429:
				asked = c.At
			case !asked.IsZero() && next.IsZero():
				next = c.At
			}
		}
		if wait := next.Sub(asked); asked.IsZero() || wait < seconds*time.Second {
			t.Errorf("the next mark comes after %v, want %d s", wait, seconds)
		}
	})
}

func TestMarkThatFailsHoldsNothingUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		w.start()
		if err := w.tg.Arm(telegram.Fault{Method: "setMessageReaction", Kind: telegram.BadGateway, Times: -1}); err != nil {
			t.Fatal(err)
		}
		first := w.shows("09121111111", "hello")
		reply := w.replies(first, "answer")
		w.sent(1)
		w.shows("09122222222", "behind it")
		// Telegram takes it at the next try.
		w.tg.Disarm()
		w.bears(w.group, reply, "👌")
		// When it never succeeds, a message is posted instead.
		if err := w.tg.Arm(telegram.Fault{Method: "setMessageReaction", Kind: telegram.BadGateway, Times: -1}); err != nil {
			t.Fatal(err)
		}
		reply = w.replies(first, "another")
		for told := false; !told; {
			w.settles(w.group) // Telegram works otherwise
			if calls, _ := w.reacted(); calls > 30 {
				t.Fatal("nothing reports on a reply whose mark always fails")
			}
			told = len(w.reports(w.group, reply)) > 0
		}
	})
}

// TestAnOutageIsNoMarksFault has marks fail with all else, and some times more after that.
func TestAnOutageIsNoMarksFault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		w.start()
		reply := w.replies(w.shows("09121111111", "hello"), "answer")
		w.bears(w.group, reply, "👌")
		w.knows("👌")
		w.settles(w.group)
		before, _ := w.reacted()
		w.tg.SetDown(true)
		w.panel.SetStatus("5000000001", 4)
		w.until("failing marks", func() bool { calls, _ := w.reacted(); return calls >= before+10 })
		if err := w.tg.Arm(telegram.Fault{Method: "setMessageReaction", Kind: telegram.CloseBefore, Times: 4}); err != nil {
			t.Fatal(err)
		}
		w.tg.SetDown(false)
		w.settles(w.group)
		w.bears(w.group, reply, "👍")
		w.settles(w.group)
		if all := w.reports(w.group, reply); len(all) > 0 {
			t.Errorf("a message says %q, as if marks alone had failed", all[0].Text)
		}
	})
}

// TestReplyInAGroupThatMigrates: the reply stays behind in the old group, where nobody can mark it, so a message reports on it in the new
// one.
func TestReplyInAGroupThatMigrates(t *testing.T) {
	for name, when := range map[string]string{"before it is taken": "taken", "before its mark": "marked", "before it is delivered": "delivered"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, telegram.Options{}, panel.Options{})
				group := w.tg.AddGroup("Small", w.sara, w.ali, w.tg.Bot().ID)
				w.storeOpts.Inbox = []sms.ChatID{sms.ChatID(group)}
				w.start()
				w.panel.Receive("09121111111", "30001234", "before")
				shown := w.sees(group, "before")
				var super int64
				migrate := func() {
					var err error
					if super, err = w.tg.Migrate(group); err != nil {
						t.Fatal(err)
					}
				}
				switch when {
				case "taken":
					w.end()
					w.replies(shown, "answer")
					migrate()
					w.start()
				case "marked":
					if err := w.tg.Arm(telegram.Fault{Method: "setMessageReaction", Kind: telegram.CloseBefore, Times: -1}); err != nil {
						t.Fatal(err)
					}
					w.replies(shown, "answer")
					w.sent(1)
					w.end()
					migrate()
					w.tg.Disarm()
					w.start()
				case "delivered":
					w.bears(group, w.replies(shown, "answer"), "👌")
					w.sees(group, "The marks")
					w.settles(group) // it is noted that they were told: else they are told again where the group goes
					migrate()
				}
				w.sent(1)
				w.panel.SetStatus("5000000001", 4)
				w.sees(super, "To 09121111111", "delivered.")
				w.panel.Receive("09121111111", "30001234", "after")
				w.bears(super, w.replies(w.sees(super, "after"), "and another"), "👌")
				w.settles(super)
				told := 0
				for _, m := range w.fromBot(super) {
					if strings.Contains(m.Text, "The marks") {
						told++
					}
				}
				if told > 1 || when == "delivered" && told > 0 {
					t.Errorf("what the marks mean is told %d times in the supergroup", told)
				}
			})
		})
	}
}

// TestOnlySMSQuestionsAndAlarmsMakeASound looks at each kind of message that the bot posts.
func TestOnlySMSQuestionsAndAlarmsMakeASound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{Statuses: []panel.Step{{Status: 5}}})
		w.says(telegram.Post{Chat: w.sara, From: w.sara, Text: "/start"})
		w.start()
		w.panel.Receive("09121111111", "30001234", strings.Repeat("a long story ", 400)+"END")
		shown := w.sees(w.group, "END")
		w.reported(w.group, w.replies(shown, "answer"), "did not reach")
		w.agentSays("/send 09122222222 hi")
		w.sees(w.group, "To 09122222222", "did not reach")
		w.agentSays("/send 09122222222,09123333333 hi")
		w.presses(w.ali, w.sees(w.group, "Send this?"), "Cancel")
		w.panel.Arm(panel.Fault{Method: "SendSMS", Kind: panel.Close})
		w.reported(w.group, w.replies(shown, "another"), "can know whether")
		w.panel.Arm(panel.Fault{Method: "GetMsg", Kind: panel.HTML})
		w.sees(w.group, "cannot be read")
		w.PanelNet.Down()
		w.reported(w.group, w.replies(shown, "a third"), "not sent yet") // with [Cancel], which asks nothing
		w.PanelNet.Up()
		w.agentSays("/help")
		w.sees(w.group, "/credit")
		w.says(telegram.Post{Chat: w.group, From: w.sara, Text: "/link 09121111111"})
		w.sees(w.group, "👤")
		w.settles(w.group)
		loud := map[bool]int{}
		for _, m := range w.fromBot(w.group) {
			first := m.Text
			if len(m.History) > 0 {
				first = m.History[0].Text
			}
			sounds := false
			for _, words := range []string{"📩", "Send this?", "can know whether", "⚠️"} {
				sounds = sounds || strings.Contains(first, words)
			}
			if m.Silent == sounds {
				t.Errorf("silent is %t: %.80q", m.Silent, first)
			}
			loud[sounds]++
		}
		if loud[true] < 5 || loud[false] < 6 {
			t.Errorf("%d messages make a sound, %d do not: some are missing", loud[true], loud[false])
		}
	})
}

// TestMarksComeAtOnceInABusyGroup: 👀 does not wait for the group's minute, which SMS have used up.
func TestMarksComeAtOnceInABusyGroup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		w.start()
		shown := w.shows("09121111111", "hello")
		for i := range 40 {
			w.panel.Receive("09122222222", "30001234", fmt.Sprint("more ", i))
		}
		w.sees(w.group, "more 15")
		for i := range 10 {
			w.bears(w.group, w.replies(shown, fmt.Sprint("answer ", i)), "👌")
		}
		if n := w.tg.Throttled(); n > 0 {
			t.Errorf("Telegram asked %d times for patience", n)
		}
	})
}

// TestMarksOfOneChatWaitForNoSlowNetwork holds each of three marks until all are in flight.
func TestMarksOfOneChatWaitForNoSlowNetwork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		w.start()
		shown := []telegram.Message{w.shows("09121111111", "one"), w.shows("09122222222", "two"), w.shows("09123333333", "three")}
		arrived, all := make(chan bool, len(shown)), make(chan struct{})
		go func() {
			for range shown {
				<-arrived
			}
			close(all)
		}()
		w.tg.OnCall(func(stage telegram.Stage, method string, _ int64) {
			if method == "setMessageReaction" && stage == telegram.BeforeHandling {
				select {
				case arrived <- true:
				case <-all:
				}
				<-all
			}
		})
		var replies []int
		for _, m := range shown {
			replies = append(replies, w.replies(m, "answer"))
		}
		for _, id := range replies {
			w.bears(w.group, id, "👌")
		}
	})
}

// TestAFullDiskEndsNothingInABusyGroup has the disk be full when a mark alone is to tell of an order, as the group has had all the answers it takes.
func TestAFullDiskEndsNothingInABusyGroup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{Statuses: []panel.Step{{After: 10 * time.Second, Status: 4}}})
		var full atomic.Bool
		w.storeOpts.Commit = func(write func() error) error {
			if full.Load() {
				return syscall.ENOSPC
			}
			return write()
		}
		w.start()
		for range 14 {
			w.agentSays("/line")
			time.Sleep(4 * time.Second)
		}
		w.panel.Arm(panel.Fault{Kind: panel.Slow, Method: "SendSMS", Delay: 5 * time.Second, CarryOut: true})
		order := w.agentSays("/send 09121111111 hello") // it is told of after a second, as the panel takes longer
		time.Sleep(600 * time.Millisecond)
		w.agentSays("/line") // its answer takes the second in which that falls
		time.Sleep(300 * time.Millisecond)
		full.Store(true)
		time.Sleep(3 * time.Second)
		full.Store(false)
		w.bears(w.group, order, "👍")
	})
}

// TestAnOrderToNobodyIsToldInABusyGroup: no mark tells that all recipients were left out.
func TestAnOrderToNobodyIsToldInABusyGroup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		w.start()
		for _, customer := range []string{"09121111111", "09122222222"} {
			w.says(telegram.Post{Chat: w.group, From: w.sara, Text: "/block " + customer})
			w.sees(w.group, customer+" is blocked")
		}
		for range 14 {
			w.agentSays("/line")
			time.Sleep(4 * time.Second)
		}
		w.agentSays("/line") // its answer takes the second in which the order's would come
		order := w.agentSays("/send 09121111111,09122222222 hello")
		time.Sleep(2 * time.Minute)
		answered := slices.ContainsFunc(w.fromBot(w.group), func(m telegram.Message) bool {
			return m.ReplyTo == order && strings.Contains(m.Text, "Left out, as they are blocked: 09121111111, 09122222222")
		})
		if !answered {
			t.Errorf("nobody is told what became of an order to two who are blocked")
		}
		w.sent(0)
	})
}
