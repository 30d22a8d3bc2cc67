package bridge_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"peyk/sandbox/panel"
	"peyk/sandbox/telegram"
)

// icon returns the icon of the topic that shows m.
func (w *world) icon(m telegram.Message) string {
	w.Helper()
	for _, topic := range w.topics() {
		if topic.ID == m.Topic {
			return strings.TrimSuffix(topic.Icon, "\ufe0f")
		}
	}
	w.Fatalf("no topic %d", m.Topic)
	return ""
}

// wears fails unless a topic has that icon half a minute later.
func (w *world) wears(m telegram.Message, want, why string) {
	w.Helper()
	time.Sleep(40 * time.Second) // two of upkeep's turns
	if got := w.icon(m); got != want {
		w.Errorf("%s: the topic has %q, want %q", why, got, want)
	}
}

// iconCalls returns how many icons the bot changed.
func (w *world) iconCalls() (n int) {
	for _, c := range w.tg.Calls() {
		if c.Method == "editForumTopic" {
			n++
		}
	}
	return n
}

// TestTopicIcons: a topic is made with the icon of those who wait, and follows what happens; words stand beside.
func TestTopicIcons(t *testing.T) {
	for language, legend := range map[string][]string{
		"en": {"❗ waits for an answer", "‼ our answer did not arrive", "💬 answered", "✅ needs no answer"},
		"fa": {"❗ در انتظار پاسخ", "‼ پاسخ ما نرسید", "💬 پاسخ داده شد", "✅ پاسخ لازم ندارد"},
	} {
		t.Run(language, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newDesk(t)
				holds(t, w.Asks(telegram.Post{Chat: w.group, From: w.sara, Text: "/language " + language}))
				holds(t, w.Asks(telegram.Post{Chat: w.group, From: w.sara, Text: "/topics on"}), legend...)
				shown := w.receives("09121111111", "hello")
				if got := w.icon(shown); got != "❗" {
					t.Errorf("made with %q", got)
				}
				w.sees(w.group, append(legend, "09121111111")...) // the card
				time.Sleep(time.Minute)
				if n := w.iconCalls(); n > 0 {
					t.Errorf("a new customer cost %d changes of icons", n)
				}

				say := func(text string) {
					w.says(telegram.Post{Chat: w.group, Topic: shown.Topic, From: w.ali, Text: text, ReplyTo: shown.ID})
				}
				say("come at noon")
				w.wears(shown, "💬", "answered")
				w.reacts(w.ali, shown, "👌")
				w.wears(shown, "✅", "answered, and 👌")
				w.reacts(w.sara, shown, "👌")
				w.reacts(w.ali, shown)
				w.wears(shown, "✅", "of two 👌 one is taken back")
				w.reacts(w.sara, shown)
				w.wears(shown, "💬", "both are taken back, answered as before")
				w.panel.Receive("09121111111", "30001234", "thank you")
				w.wears(shown, "❗", "wrote again")
				say("/done")
				w.wears(shown, "✅", "done")
				w.panel.Receive("09121111111", "30001234", "one more thing")
				w.wears(shown, "❗", "wrote after done")
				say("/snooze 2h")
				w.wears(shown, "", "snoozed")
				w.reacts(w.ali, shown, "👌")
				w.wears(shown, "✅", "👌")
				w.reacts(w.ali, shown)
				w.wears(shown, "", "👌 taken back, snoozed as before")
				w.end()
				time.Sleep(3 * time.Hour)
				w.start()
				w.wears(shown, "❗", "the snooze is over, and there was a restart")

				calls := w.iconCalls()
				w.end()
				w.start()
				time.Sleep(2 * time.Minute)
				if n := w.iconCalls() - calls; n > 0 {
					t.Errorf("%d changes of icons at a start", n)
				}
				for range 3 { // back within seconds
					w.reacts(w.ali, shown, "👌")
					w.reacts(w.ali, shown)
				}
				time.Sleep(time.Minute)
				if n := w.iconCalls() - calls; n > 0 {
					t.Errorf("%d changes of icons, though nothing is different", n)
				}
				for _, m := range w.tg.Messages(w.group) {
					if m.Service == "forum_topic_edited" && !m.Deleted {
						t.Error("a word of Telegram's that the icon was changed stays")
					}
				}
				if n := w.tg.Throttled(); n > 0 {
					t.Errorf("Telegram asked for patience %d times", n)
				}
			})
		})
	}
}

// TestTheIconOfAnAnswerThatDidNotArrive: it shows until the customer writes, or an agent says that they need none.
func TestTheIconOfAnAnswerThatDidNotArrive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newDeskAt(t, panel.Options{Statuses: []panel.Step{{Status: 1}, {After: 5 * time.Minute, Status: 5}}})
		shown := w.receives("09121111111", "hello")
		w.says(telegram.Post{Chat: w.group, Topic: shown.Topic, From: w.ali, Text: "come at noon", ReplyTo: shown.ID})
		w.wears(shown, "💬", "sent")
		time.Sleep(time.Hour)
		w.wears(shown, "‼", "not delivered")
		w.panel.Receive("09121111111", "30001234", "hello?")
		w.wears(shown, "❗", "wrote after that")
		w.says(telegram.Post{Chat: w.group, Topic: shown.Topic, From: w.ali, Text: "/done", ReplyTo: shown.ID})
		w.wears(shown, "✅", "done")
	})
}

// TestTheIconOfWhoIsBlocked: nobody answers them, so they do not wait.
func TestTheIconOfWhoIsBlocked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newDesk(t)
		w.Asks(telegram.Post{Chat: w.group, From: w.sara, Text: "/topics on"})
		shown := w.receives("09121111111", "buy gold")
		w.wears(shown, "❗", "they wait")
		w.says(telegram.Post{Chat: w.group, From: w.sara, Text: "/block 09121111111"})
		w.wears(shown, "✅", "blocked")
		w.panel.Receive("09121111111", "30001234", "buy more gold")
		w.wears(shown, "✅", "they wrote again")
	})
}

// TestTheIconOfWhatIsKeptNoMore: an SMS that waits, or is snoozed, is deleted as it is old, and no icon goes on telling of it. That somebody was answered
// stays true: no call is spent on each of them.
func TestTheIconOfWhatIsKeptNoMore(t *testing.T) {
	for follows, icons := range map[string][2]string{"": {"❗", "✅"}, "/snooze 3d": {"", "✅"}, "come at noon": {"💬", "💬"}} {
		t.Run(follows, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newDesk(t)
				w.storeOpts.Keep = 24 * time.Hour
				w.restart()
				shown := w.receives("09121111111", "hello")
				if follows != "" {
					w.says(telegram.Post{Chat: w.group, Topic: shown.Topic, From: w.ali, Text: follows, ReplyTo: shown.ID})
				}
				w.wears(shown, icons[0], "it is kept")
				w.passes(50 * time.Hour)
				w.wears(shown, icons[1], "it is deleted")
			})
		})
	}
}

// TestAnIconWhoseAnswerWasLost: Telegram changed it, nobody was told, and things stand as before when it is tried again.
func TestAnIconWhoseAnswerWasLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newDesk(t)
		holds(t, w.Asks(telegram.Post{Chat: w.group, From: w.sara, Text: "/topics on"}))
		shown := w.receives("09121111111", "hello")
		if err := w.tg.Arm(telegram.Fault{Method: "editForumTopic", Kind: telegram.CloseAfter}); err != nil {
			t.Fatal(err)
		}
		w.reacts(w.ali, shown, "👌")
		for range 300 {
			if time.Sleep(100 * time.Millisecond); w.icon(shown) == "✅" {
				break
			}
		}
		w.reacts(w.ali, shown)
		w.wears(shown, "❗", "the reaction was taken back")
	})
}

// TestIconsWaitForEverybodyElse: in a flood no SMS or answer waits for icons, and a group's twenty calls are kept; at the end each is right.
func TestIconsWaitForEverybodyElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newDesk(t)
		var shown []telegram.Message
		for i := range 30 {
			shown = append(shown, w.receives(fmt.Sprintf("091211111%02d", i), "hello"))
			time.Sleep(20 * time.Second)
		}
		time.Sleep(30 * time.Minute)
		for _, m := range shown {
			w.says(telegram.Post{Chat: w.group, Topic: m.Topic, From: w.ali, Text: "/done", ReplyTo: m.ID})
			time.Sleep(time.Second)
		}
		begun := time.Now()
		late := w.receives("09121111100", "still there?")
		if d := time.Since(begun); d > 30*time.Second {
			t.Errorf("an SMS of a new number waited for %v", d)
		}
		time.Sleep(30 * time.Minute)
		for _, m := range shown {
			want := "✅"
			if m.Topic == late.Topic {
				want = "❗"
			}
			if got := w.icon(m); got != want {
				t.Errorf("topic %d has %q, want %q", m.Topic, got, want)
			}
		}
		if n := w.tg.Throttled(); n > 0 {
			t.Errorf("Telegram asked for patience %d times", n)
		}
	})
}

// TestWhereThereAreNoIcons: the topic is deleted, the right is taken, Telegram asks for patience or offers no icons: SMS are shown all the same, nobody
// is told again and again, and icons come back.
func TestWhereThereAreNoIcons(t *testing.T) {
	done := func(w *world, m telegram.Message) {
		w.Asks(telegram.Post{Chat: w.group, Topic: m.Topic, From: w.ali, Text: "/done", ReplyTo: m.ID})
	}
	t.Run("patience", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newDesk(t)
			first, second := w.receives("09121111111", "hello"), w.receives("09122222222", "hello")
			if err := w.tg.Arm(telegram.Fault{Kind: telegram.TooMany, Method: "editForumTopic", RetryAfter: 20}); err != nil {
				t.Fatal(err)
			}
			done(w, first)
			time.Sleep(time.Minute)
			begun := time.Now()
			done(w, second)
			if d := time.Since(begun); d > 10*time.Second {
				t.Errorf("an answer waited for %v, as icons may not be changed", d)
			}
			time.Sleep(10 * time.Minute)
			if n := w.iconCalls(); n != 1 {
				t.Errorf("%d changes of icons tried, want 1", n)
			}
			time.Sleep(time.Hour)
			w.wears(first, "✅", "an hour later")
			w.wears(second, "✅", "an hour later")
		})
	})
	t.Run("no right", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newDesk(t)
			shown := w.receives("09121111111", "hello")
			if err := w.tg.Arm(telegram.Fault{Kind: telegram.Refuse, Method: "editForumTopic", Code: 400, Description: "Bad Request: not enough rights to edit the topic"}); err != nil {
				t.Fatal(err)
			}
			done(w, shown)
			w.wears(shown, "❗", "without the right")
			w.allowTopics(true)
			w.wears(shown, "✅", "rights have changed")
		})
	})
	t.Run("deleted", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newDesk(t)
			shown := w.receives("09121111111", "hello")
			if err := w.tg.DeleteTopic(w.sara, w.group, shown.Topic); err != nil {
				t.Fatal(err)
			}
			w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "/done 09121111111"})
			time.Sleep(time.Minute)
			again := w.receives("09121111111", "hello again")
			w.wears(again, "❗", "another topic")
		})
	})
	t.Run("none offered", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newDesk(t)
			if err := w.tg.Arm(telegram.Fault{Kind: telegram.Refuse, Method: "getForumTopicIconStickers", Code: 404, Description: "Not Found: method not found"}); err != nil {
				t.Fatal(err)
			}
			shown := w.receives("09121111111", "hello")
			done(w, shown)
			w.wears(shown, "", "no icons")
			if n := w.iconCalls(); n > 0 {
				t.Errorf("%d changes of icons", n)
			}
		})
	})
	t.Run("a person's choice", func(t *testing.T) { // of a topic that an admin linked
		synctest.Test(t, func(t *testing.T) {
			w := newDesk(t)
			topic, err := w.tg.AddTopic(w.sara, w.group, "Mrs Rezaei")
			if err != nil {
				t.Fatal(err)
			}
			w.Asks(telegram.Post{Chat: w.group, Topic: topic, From: w.sara, Text: "/link 09121111111"})
			shown := w.receives("09121111111", "hello")
			w.wears(shown, "", "a linked topic")
			if !slices.ContainsFunc(w.topics(), func(t telegram.Topic) bool { return t.ID == topic }) || shown.Topic != topic {
				t.Error("shown elsewhere")
			}
		})
	})
}

// TestNoIconWaitsInAGroupThatIsNoForumAnyMore: its topics are gone for good, and nothing is tried again each hour.
func TestNoIconWaitsInAGroupThatIsNoForumAnyMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newDesk(t)
		shown := w.receives("09121111111", "hello")
		if err := w.tg.Arm(telegram.Fault{Method: "editForumTopic", Kind: telegram.Refuse, Description: "Bad Request: the chat is not a forum", Times: -1}); err != nil {
			t.Fatal(err)
		}
		w.Asks(telegram.Post{Chat: w.group, Topic: shown.Topic, From: w.ali, Text: "/done", ReplyTo: shown.ID})
		time.Sleep(3 * time.Hour)
		if n := w.iconCalls(); n != 1 {
			t.Errorf("the icon was tried %d times, want once", n)
		}
		if _, queued, err := w.store.Waiting(); err != nil || queued != 0 {
			t.Errorf("%d posts wait, %v", queued, err)
		}
	})
}
