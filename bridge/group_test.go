package bridge_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"peyk/sandbox/panel"
	"peyk/sandbox/telegram"
	"peyk/sms"
	"peyk/store"
)

// offers waits until the menu that somebody sees in a chat has, or has not, a command.
func (w *world) offers(chat, who int64, command string) {
	w.Helper()
	w.until("/"+command+" in the menu", func() bool {
		return slices.ContainsFunc(w.tg.CommandsFor(chat, who), func(c telegram.Command) bool { return c.Command == command })
	})
}

// TestMenuIsSetAtOnce is about every way a chat comes to use the bot.
func TestMenuIsSetAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		w.storeOpts.Inbox = nil
		w.start()
		added := func(forum bool) int64 {
			group := w.tg.AddGroup("Shop", w.sara, w.ali)
			if forum {
				group = w.tg.AddForum("Shop", w.sara, w.ali)
			}
			if err := w.tg.AddBot(group, w.sara); err != nil {
				t.Fatal(err)
			}
			return group
		}
		shop := added(false)
		w.presses(w.sara, w.sees(shop, "press the button"), "Show SMS here")
		w.offers(shop, w.ali, "send")
		super, err := w.tg.Migrate(shop)
		if err != nil {
			t.Fatal(err)
		}
		w.offers(super, w.ali, "send")
		for _, command := range []string{"/inbox on", "/topics on", "/link 09121111111"} {
			group := added(true)
			w.says(telegram.Post{Chat: group, From: w.sara, Text: command})
			w.offers(group, w.ali, "send")
		}
		w.says(telegram.Post{Chat: w.ali, From: w.ali, Text: "/start"}) // who could not be set one before
		w.offers(w.ali, w.ali, "send")
	})
}

func TestCommandsOfOtherBotsAreMetWithSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{NoPrivacy: true}, panel.Options{})
		w.start()
		shown := w.shows("09121111111", "where is my order?")
		said := w.answers(w.group, func() {
			for _, text := range []string{"/ban", "/weather tehran", "/sned 09121111111 hi", "/ban@OtherBot", "/1"} {
				for _, who := range []int64{w.ali, w.sara, w.omid} {
					w.says(telegram.Post{Chat: w.group, From: who, Text: text})
				}
			}
			w.says(telegram.Post{Chat: w.group, From: w.sara, AsChat: w.group, Text: "/ban"})
		})
		if len(said) != 0 {
			t.Errorf("said %q", said)
		}
		w.agentSays("/ban@PeykSandboxBot")
		w.sees(w.group, "no command /ban")
		w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "/fine", ReplyTo: shown.ID})
		w.sees(w.group, "no command /fine")
		w.says(telegram.Post{Chat: w.ali, From: w.ali, Text: "/weather"})
		w.sees(w.ali, "no command /weather")
	})
}

// TestStrangerWhoAddsTheBotIsTold, and so are the admins, whatever else he asked before.
func TestStrangerWhoAddsTheBotIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		w.start()
		w.tellsAdmin()
		for range 5 {
			w.says(telegram.Post{Chat: w.omid, From: w.omid, Text: "/id"})
		}
		for i, group := range []int64{w.tg.AddGroup("small", w.omid), w.tg.AddSupergroup("large", w.omid), w.tg.AddForum("with topics", w.omid)} {
			if err := w.tg.AddBot(group, w.omid); err != nil {
				t.Fatal(err)
			}
			w.sees(group, "Only one of my administrators may add me")
			w.sees(w.sara, "Omid", fmt.Sprint(w.omid), []string{"small", "large", "with topics"}[i], "so I left")
		}
	})
}

func TestGroupIsNamedByItsTitle(t *testing.T) {
	for name, lose := range map[string]func(*world){
		"thrown out":  func(w *world) { w.tg.RemoveBot(w.group, w.sara) },
		"muted":       func(w *world) { w.tg.SetBotRights(w.group, telegram.Rights{Muted: true}) },
		"one refused": func(w *world) { w.declines("odd", 3) },
	} {
		for _, restarted := range []bool{false, true} {
			t.Run(fmt.Sprint(name, restarted), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := newWorld(t, telegram.Options{}, panel.Options{})
					w.start()
					w.tellsAdmin()
					w.agentSays("/id")
					w.sees(w.group, "You are")
					if restarted {
						w.restart()
					}
					lose(w)
					w.panel.Receive("09121111111", "30001234", "where is my order?")
					w.sees(w.sara, "⚠️", "Support", fmt.Sprint(w.group))
				})
			})
		}
	}
}

// TestLinkedTopicDeletedByHand is made again where the chat has topics; else the admins and the chat are told once.
func TestLinkedTopicDeletedByHand(t *testing.T) {
	for name, topics := range map[string]bool{"a forum with topics for each": true, "a forum without": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newDesk(t)
				other := w.tg.AddSupergroup("Other", w.sara, w.ali, w.tg.Bot().ID)
				w.says(telegram.Post{Chat: other, From: w.sara, Text: "/inbox on"})
				w.sees(other, "are now shown here")
				if !topics {
					w.commands(w.sara, 0, "/topics off")
					w.sees(w.group, "I make no more topics")
				}
				topic, err := w.tg.AddTopic(w.sara, w.group, "Mrs Rezaei")
				if err != nil {
					t.Fatal(err)
				}
				w.commands(w.sara, topic, "/link 09121111111")
				if m := w.receives("09121111111", "one"); m.Topic != topic {
					t.Fatalf("shown in %d, want %d", m.Topic, topic)
				}
				if err := w.tg.DeleteTopic(w.sara, w.group, topic); err != nil {
					t.Fatal(err)
				}
				two := w.receives("09121111111", "two")
				if topics {
					if two.Topic == 0 || two.Topic == topic {
						t.Errorf("shown in topic %d", two.Topic)
					}
					if m := w.receives("09121111111", "three"); m.Topic != two.Topic {
						t.Errorf("shown in topic %d, then in %d", two.Topic, m.Topic)
					}
					w.settles(other)
					for _, m := range w.fromBot(other) {
						if strings.Contains(m.Text, "09121111111") {
							t.Errorf("shown in another chat: %q", m.Text)
						}
					}
					return
				}
				for _, chat := range []int64{w.sara, w.group} {
					w.sees(chat, "is gone", "09121111111", "/link")
				}
				w.panel.Receive("09121111111", "30001234", "three")
				w.sees(other, "three")
				if incidents, err := w.store.Incidents(); err != nil || len(incidents) != 1 || incidents[0].Kind != store.LinkLost {
					t.Errorf("incidents %+v, %v", incidents, err)
				}
			})
		})
	}
}

// TestTicksOfATopicThatIsGoneAreDropped: not so a failure, which names its customer.
func TestTicksOfATopicThatIsGoneAreDropped(t *testing.T) {
	ticks := map[int]sms.Status{3: sms.AtTelecom, 4: sms.Delivered}
	for status, told := range map[int]bool{3: false, 4: false, 5: true, 6: true} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newDeskAt(t, panel.Options{})
				topic := w.receives("09121111111", "one").Topic
				w.commands(w.ali, topic, "/send the answer")
				id := w.sent(1)[0].ID
				m := w.sees(w.group, "To 09121111111")
				if m.Topic != topic {
					t.Fatalf("told in %d", m.Topic)
				}
				if err := w.tg.DeleteTopic(w.sara, w.group, topic); err != nil {
					t.Fatal(err)
				}
				w.panel.SetStatus(id, status)
				if told {
					w.sees(w.group, "To 09121111111")
					return
				}
				w.until("the tick", func() bool {
					m, err := w.store.SMS(2)
					if err != nil {
						t.Fatal(err)
					}
					return m.Status == ticks[status]
				})
				w.quiet() // and all that came of it
				w.settles(w.group)
				for _, m := range w.fromBot(w.group) {
					if m.Topic == 0 && strings.Contains(m.Text, "09121111111") {
						t.Errorf("told in General: %q", m.Text)
					}
				}
			})
		})
	}
}
