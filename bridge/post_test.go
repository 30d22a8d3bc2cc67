package bridge_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf16"

	"peyk/sandbox/panel"
	"peyk/sandbox/telegram"
	"peyk/sms"
)

// texts returns what the bot shows of inbound SMS in a chat, without the heads, in order.
func (w *world) texts(chat int64) []string {
	var shown []string
	for _, m := range w.fromBot(chat) {
		units := utf16.Encode([]rune(m.Text))
		for _, e := range m.Entities {
			if e.Type == "blockquote" {
				shown = append(shown, string(utf16.Decode(units[e.Offset:e.Offset+e.Length])))
			}
		}
	}
	return shown
}

func TestSMSKeepTheirOrderThroughTelegramsRefusals(t *testing.T) {
	for _, tc := range []struct {
		name     string
		fault    telegram.Fault
		repeated bool // one SMS may stand there twice, marked
	}{
		{name: "429", fault: telegram.Fault{Kind: telegram.TooMany, RetryAfter: 1}},
		{name: "502 with a page", fault: telegram.Fault{Kind: telegram.BadGateway, Times: 2}, repeated: true},
		{name: "connection closed before", fault: telegram.Fault{Kind: telegram.CloseBefore}, repeated: true},
		{name: "connection closed after", fault: telegram.Fault{Kind: telegram.CloseAfter}, repeated: true},
		{name: "answer cut", fault: telegram.Fault{Kind: telegram.CutAnswer}, repeated: true},
		{name: "500", fault: telegram.Fault{Kind: telegram.Refuse, Code: 500, Description: "Internal Server Error"}, repeated: true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, telegram.Options{}, panel.Options{})
				tc.fault.Method, tc.fault.Skip = "sendMessage", 2
				if err := w.tg.Arm(tc.fault); err != nil {
					t.Fatal(err)
				}
				var want []string
				w.start()
				for i := range 6 {
					want = append(want, fmt.Sprint("sms ", i))
					w.panel.Receive("09121111111", "30001234", want[i])
					time.Sleep(10 * time.Second) // they come one by one
				}
				w.sees(w.group, "sms 5")
				got := w.texts(w.group)
				if marked := countMarked(w.fromBot(w.group)); marked > 0 && !tc.repeated {
					t.Errorf("%d SMS are marked as perhaps repeated, though Telegram refused them plainly", marked)
				}
				if first := slices.Compact(slices.Clone(got)); !slices.Equal(first, want) {
					t.Errorf("shown %q, want %q", got, want)
				}
				for i := 1; i < len(got); i++ {
					if again := w.fromBot(w.group)[i]; got[i] == got[i-1] && !strings.Contains(again.Text, "perhaps repeated") {
						t.Errorf("shown twice and not marked: %q", again.Text)
					}
				}
			})
		})
	}
}

func countMarked(messages []telegram.Message) int {
	n := 0
	for _, m := range messages {
		if strings.Contains(m.Text, "perhaps repeated") {
			n++
		}
	}
	return n
}

func TestOneChatsPatienceDoesNotHoldAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		if err := w.tg.Arm(telegram.Fault{Method: "sendMessage", Chat: w.group, Kind: telegram.TooMany, RetryAfter: 3600}); err != nil {
			t.Fatal(err)
		}
		w.start()
		w.panel.Receive("09121111111", "30001234", "into the held group")
		w.logged("seconds=3600")
		w.quiet() // Ali is answered in private all the same
		if got := w.fromBot(w.group); len(got) != 0 {
			t.Errorf("the group was not held: %q", got[0].Text)
		}
	})
}

func TestMarkupThatTelegramRefusesGoesOutPlain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		if err := w.tg.Arm(telegram.Fault{Method: "sendMessage", Kind: telegram.Refuse, Description: "Bad Request: can't parse entities: Unmatched end tag"}); err != nil {
			t.Fatal(err)
		}
		w.start()
		w.panel.Receive("09121111111", "30001234", "1 < 2 & <b>")
		m := w.sees(w.group, "1 < 2 & <b>", "09121111111")
		if m.ParseMode != "" || len(m.Entities) > 0 && m.Entities[0].Type == "code" {
			t.Errorf("not plain: %+v", m)
		}
		w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "answered", ReplyTo: m.ID})
		w.sent(1)
	})
}

// TestSMSWaitsForAChatThatTelegramRestricts has Telegram's own servers refuse a post in the words of theirs that the Bot API hands on
// (https://github.com/tdlib/telegram-bot-api/issues/863, https://github.com/vrumger/telegram-errors).
func TestSMSWaitsForAChatThatTelegramRestricts(t *testing.T) {
	for _, words := range []string{"CHAT_RESTRICTED", "CHANNEL_PRIVATE"} {
		t.Run(words, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, telegram.Options{}, panel.Options{})
				w.start()
				w.quietAs(w.sara)
				err := w.tg.Arm(telegram.Fault{Method: "sendMessage", Chat: w.group, Kind: telegram.Refuse, Description: "Bad Request: " + words})
				if err != nil {
					t.Fatal(err)
				}
				w.panel.Receive("09121111111", "30001234", "where is my order?")
				w.sees(w.sara, "no longer write to the chat", words)
				w.agentSays("/id") // the group is heard of
				w.sees(w.group, "where is my order?")
			})
		})
	}
}

func TestChatThatTakesNoPostsIsToldOnceAndCatchesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		w.start()
		w.quietAs(w.sara)
		if err := w.tg.RemoveBot(w.group, w.sara); err != nil {
			t.Fatal(err)
		}
		w.panel.Receive("09121111111", "30001234", "first")
		w.sees(w.sara, "no longer write to the chat", fmt.Sprint(w.group))
		w.panel.Receive("09121111111", "30001234", "second")
		if err := w.panel.Wait(w.context(), func() bool { return w.panel.Unread() == 0 }); err != nil {
			t.Fatal(err)
		}
		w.quietAs(w.sara)
		if err := w.tg.AddBot(w.group, w.sara); err != nil {
			t.Fatal(err)
		}
		w.sees(w.group, "second")
		if got, want := w.texts(w.group), []string{"first", "second"}; !slices.Equal(got, want) {
			t.Errorf("shown %q, want %q", got, want)
		}
		told := 0
		for _, m := range w.fromBot(w.sara) {
			if strings.Contains(m.Text, "no longer write") {
				told++
			}
		}
		if told != 1 {
			t.Errorf("the admin was told %d times", told)
		}
	})
}

func TestPostThatTelegramRefusesForGoodIsSetAside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		if err := w.tg.Arm(telegram.Fault{Method: "sendMessage", Chat: w.group, Kind: telegram.Refuse, Times: 3, Description: "Bad Request: something nobody foresaw"}); err != nil {
			t.Fatal(err)
		}
		w.start()
		w.quietAs(w.sara)
		w.panel.Receive("09121111111", "30001234", "poisonous")
		w.panel.Receive("09121111111", "30001234", "the next")
		w.sees(w.group, "the next")
		w.sees(w.sara, "refuses one message", "something nobody foresaw")
	})
}

// Whatever Telegram has against a change, what it was to tell is told.
func TestChangeThatTelegramRefusesIsPostedAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{Statuses: []panel.Step{{Status: 4}}})
		if err := w.tg.Arm(telegram.Fault{Method: "editMessageText", Kind: telegram.Refuse, Times: -1, Description: "Bad Request: something nobody foresaw"}); err != nil {
			t.Fatal(err)
		}
		w.start()
		w.agentSays("/send 09121111111,09122222222 hi")
		asked := w.sees(w.group, "Recipients: 2")
		w.presses(w.ali, asked, "Send")
		w.sees(w.group, "delivered")
	})
}

func TestGroupBecomesSupergroup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		group := w.tg.AddGroup("Small", w.sara, w.ali, w.tg.Bot().ID)
		w.storeOpts.Inbox = []sms.ChatID{sms.ChatID(group)}
		w.start()
		w.panel.Receive("09121111111", "30001234", "before")
		w.sees(group, "before")
		w.end()
		// Migrated while the bridge is down, then found out by a post that is refused, and by the service message.
		super, err := w.tg.Migrate(group)
		if err != nil {
			t.Fatal(err)
		}
		w.panel.Receive("09121111111", "30001234", "after")
		w.start()
		shown := w.sees(super, "after")
		reply := w.says(telegram.Post{Chat: super, From: w.ali, Text: "answer", ReplyTo: shown.ID})
		w.sent(1)
		w.bears(super, reply, "👌")
		w.end()
		w.start()
		w.panel.Receive("09121111111", "30001234", "later")
		w.sees(super, "later")
	})
}

// Any member may turn a group into a supergroup, often without knowing, and is then told as who added the bot to it.
func TestGroupThatSomebodyMadeASupergroupIsNotLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		group := w.tg.AddGroup("Small", w.omid, w.sara, w.ali, w.tg.Bot().ID)
		w.storeOpts.Inbox = []sms.ChatID{sms.ChatID(group)}
		w.says(telegram.Post{Chat: w.sara, From: w.sara, Text: "/start"})
		w.start()
		super, err := w.tg.Migrate(group)
		if err != nil {
			t.Fatal(err)
		}
		w.quiet()
		w.panel.Receive("09121111111", "30001234", "after")
		w.sees(super, "after")
		for _, m := range append(w.fromBot(w.sara), w.fromBot(super)...) {
			if strings.Contains(m.Text, "so I left") || strings.Contains(m.Text, "press the button") {
				t.Errorf("the bot says %q", m.Text)
			}
		}
	})
}

func TestLongSMSIsSplitAndEveryPartAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		w.start()
		long := strings.Repeat("یک پیام بسیار بلند برای آزمودن. ", 400)
		w.panel.Receive("09121111111", "30001234", long+"END")
		last := w.sees(w.group, "END")
		got := strings.Join(w.texts(w.group), "")
		if strings.ReplaceAll(got, " ", "") != strings.ReplaceAll(long+"END", " ", "") { // Telegram trims the ends of messages
			t.Errorf("shown %d bytes, want %d", len(got), len(long)+3)
		}
		if !strings.Contains(last.Text, "part 4 of 4") {
			t.Errorf("head of the last part: %.80q", last.Text)
		}
		for i, m := range w.fromBot(w.group) {
			w.says(telegram.Post{Chat: w.group, From: w.ali, Text: fmt.Sprint("ok ", i), ReplyTo: m.ID})
		}
		w.sent(4)
	})
}

func TestTelegramIsDownAtStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		w.tg.SetDown(true)
		w.panel.Receive("09121111111", "30001234", "waits")
		w.start()
		if err := w.panel.Wait(w.context(), func() bool { return w.panel.Unread() == 0 }); err != nil {
			t.Fatal(err)
		}
		w.logged("reach telegram fails")
		w.tg.SetDown(false)
		w.sees(w.group, "waits")
		if n := strings.Count(w.logs.String(), "reach telegram fails"); n != 1 {
			t.Errorf("the outage is %d log lines", n)
		}
	})
}

func TestRevokedTokenEndsTheProgram(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		w.start()
		w.quiet()
		w.tg.Revoke()
		w.panel.Receive("09121111111", "30001234", "too late")
		select {
		case err := <-w.ended:
			if err == nil || !strings.Contains(err.Error(), "TELEGRAM_BOT_TOKEN") || strings.Contains(err.Error(), w.token) {
				t.Errorf("Run = %v", err)
			}
			w.ended <- nil
		case <-w.context().Done():
			t.Error("the bridge goes on")
		}
	})
}

func TestAnswerInBetweenDoesNotHideARepetition(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		w.start()
		w.quiet()
		if err := w.tg.Arm(telegram.Fault{Method: "sendMessage", Chat: w.group, Kind: telegram.CloseAfter}); err != nil {
			t.Fatal(err)
		}
		w.panel.Receive("09121111111", "30001234", "shown and not known to be")
		w.sees(w.group, "shown and not known to be")
		w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "/id"})
		w.sees(w.group, "You are")
		w.sees(w.group, "perhaps repeated", "shown and not known to be")
	})
}

func TestEndDuringAnOutageDoesNotHideARepetition(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		w.start()
		w.quiet()
		if err := w.tg.Arm(telegram.Fault{Method: "sendMessage", Chat: w.group, Kind: telegram.CloseAfter}); err != nil {
			t.Fatal(err)
		}
		w.panel.Receive("09121111111", "30001234", "shown and not known to be")
		w.logged("telegram fails")
		w.end()
		w.start()
		w.sees(w.group, "perhaps repeated", "shown and not known to be")
	})
}

func TestOnePostThatTelegramFailsOnStopsNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		w.start()
		w.quietAs(w.sara)
		err := w.tg.Arm(telegram.Fault{Method: "sendMessage", Chat: w.group, Kind: telegram.Refuse, Code: 500, Description: "Internal Server Error", Times: -1})
		if err != nil {
			t.Fatal(err)
		}
		w.panel.Receive("09121111111", "30001234", "poisonous")
		w.logged("telegram fails")
		w.quiet() // held with it, until Telegram is seen to take others
		time.Sleep(15 * time.Second)
		begun := time.Now()
		w.quiet()
		if took := time.Since(begun); took > 100*time.Millisecond {
			t.Errorf("another chat is answered after %v", took)
		}
		w.tg.Disarm()
		w.sees(w.group, "poisonous")
	})
}

// TestAnOutageSetsNoPostAside has a post fail with all others, and twice more after that.
func TestAnOutageSetsNoPostAside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		w.start()
		w.quietAs(w.sara)
		if err := w.tg.Arm(telegram.Fault{Method: "sendMessage", Kind: telegram.Refuse, Code: 500, Times: -1}); err != nil {
			t.Fatal(err)
		}
		w.panel.Receive("09121111111", "30001234", "patient")
		w.until("ten tries", func() bool {
			tries := 0
			for _, c := range w.tg.Calls() {
				if c.Code == 500 {
					tries++
				}
			}
			return tries >= 10
		})
		w.tg.Disarm()
		if err := w.tg.Arm(telegram.Fault{Method: "sendMessage", Chat: w.group, Kind: telegram.Refuse, Code: 500, Times: 2}); err != nil {
			t.Fatal(err)
		}
		w.says(telegram.Post{Chat: w.sara, From: w.sara, Text: "/id"})
		w.sees(w.group, "patient")
		if strings.Contains(w.logs.String(), "on one post only") {
			t.Error("an outage is taken for one post's fault")
		}
	})
}
