package bridge_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"peyk/sandbox/panel"
	"peyk/sandbox/telegram"
)

// bids has an agent write in the group, perhaps as a reply, and returns the bot's answer.
func (w *world) bids(text string, replyTo int) telegram.Message {
	w.Helper()
	return w.Asks(telegram.Post{Chat: w.group, From: w.ali, Text: text, ReplyTo: replyTo})
}

// holds fails unless a message holds all the words, and none of those that begin with a dash.
func holds(t *testing.T, m telegram.Message, words ...string) {
	t.Helper()
	for _, word := range words {
		absent, not := strings.CutPrefix(word, "-")
		if not && strings.Contains(m.Text, absent) || !not && !strings.Contains(m.Text, word) {
			t.Errorf("got %q, want %q", m.Text, words)
		}
	}
}

func TestWhoWaitsInTheChat(t *testing.T) {
	for language, say := range map[string]struct {
		none, head, done, not, snoozed, count, again, usage string
	}{
		"en": {"Nobody waits", "Waiting for an answer: 2", "09122222222 waits no more", "09122222222 does not wait", "09121111111 waits again from", "snoozed: 1", "The snooze is over", "Use /snooze 2h"},
		"fa": {"هیچ مشتری\u200cای در انتظار", "در انتظار پاسخ: ۲", "دیگر در انتظار پاسخ نیست", "در انتظار پاسخ نیست", "به تعویق افتاد: از", "به تعویق افتاده: ۱", "مهلت تعویق تمام شد", "۲ ساعت"},
	} {
		t.Run(language, func(t *testing.T) {
			atEach(t, func(t *testing.T, server telegram.Options) {
				w := newWorld(t, server, panel.Options{})
				w.opts.Language = language
				w.start()
				holds(t, w.bids("/waiting", 0), say.none)
				first := w.receives("09121111111", "hello")
				time.Sleep(70 * time.Minute)
				second := w.receives("09122222222", "me, too")
				w.bids("/take", second.ID)
				w.bids("/name Mr Alavi", second.ID)
				list := w.bids("/waiting", 0)
				holds(t, list, say.head, "09121111111", "09122222222", "Mr Alavi", "✍")
				if link := fmt.Sprintf(`<a href="https://t.me/c/%d/%d">`, -1000000000000-w.group, first.ID); !strings.Contains(list.Source, link) {
					t.Errorf("no %s in %q", link, list.Source)
				}
				if strings.Index(list.Text, "09121111111") > strings.Index(list.Text, "09122222222") {
					t.Errorf("the longest does not come first: %q", list.Text)
				}

				holds(t, w.bids("/done", second.ID), say.done)
				holds(t, w.bids("/done", second.ID), say.not)
				holds(t, w.bids("/snooze", first.ID), say.usage)
				holds(t, w.bids("/snooze 40d", first.ID), "-09121111111")
				for _, when := range []string{"2h", "۲ ساعت", "tomorrow", "فردا ساعت ۹"} {
					holds(t, w.bids("/snooze "+when, first.ID), say.snoozed, "09121111111")
				}
				holds(t, w.bids("/waiting", 0), say.none, say.count)
				w.passes(30 * time.Hour)
				again := w.sees(w.group, say.again, "09121111111")
				if again.ReplyTo != first.ID || again.Silent {
					t.Errorf("it replies to %d, silent %t; want a sound, and a reply to %d", again.ReplyTo, again.Silent, first.ID)
				}
				w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "we come at noon", ReplyTo: again.ID})
				if got := w.sent(1)[0]; got.Customer != "09121111111" {
					t.Errorf("the answer went to %s", got.Customer)
				}
				holds(t, w.bids("/waiting", 0), say.none, "-"+say.count)
			})
		})
	}
}

// TestManyWait: a list of many has pages, and each conversation stands on one of them.
func TestManyWait(t *testing.T) {
	atEach(t, func(t *testing.T, server telegram.Options) {
		w := newWorld(t, server, panel.Options{})
		w.start()
		for i := range 50 {
			w.panel.Receive(fmt.Sprintf("091211111%02d", i), "30001234", "hello")
		}
		time.Sleep(10 * time.Minute)
		seen := map[string]int{}
		note := func(m telegram.Message, n int) telegram.Message {
			t.Helper()
			lines := strings.Split(m.Text, "\n")[1:]
			if len(lines) != n {
				t.Errorf("%d on a page, want %d: %q", len(lines), n, m.Text)
			}
			for _, line := range lines {
				seen[strings.Fields(strings.SplitAfter(line, "· ")[1])[0]]++
			}
			return m
		}
		first := note(w.bids("/waiting", 0), 20)
		if _, before := first.Button("◀ Before"); before {
			t.Error("there is a page before the first")
		}
		w.presses(w.ali, first, "Next ▶")
		second := note(w.turned(first, "\n21. "), 20)
		if a := w.presses(w.omid, second, "Next ▶"); !a.Alert {
			t.Error("a stranger turns pages")
		}
		w.presses(w.sara, second, "Next ▶")
		last := note(w.turned(second, "\n41. "), 10)
		if _, more := last.Button("Next ▶"); more {
			t.Error("there is a page after the last")
		}
		for i := range 50 {
			if n := fmt.Sprintf("091211111%02d", i); seen[n] != 1 {
				t.Errorf("%s stands there %d times", n, seen[n])
			}
		}
		w.presses(w.ali, last, "◀ Before")
		w.turned(last, "\n21. ")
	})
}

// TestDoneAndSnoozeFindTheCustomer: by number, in a topic, as a reply to an SMS or to what was said of it; elsewhere they say what they need.
func TestDoneAndSnoozeFindTheCustomer(t *testing.T) {
	atEach(t, func(t *testing.T, server telegram.Options) {
		w := newWorld(t, server, panel.Options{})
		w.start()
		shown := w.receives("09121111111", "hello")
		holds(t, w.bids("/done", 0), "Use /done")
		holds(t, w.bids("/done now", 0), "Use /done")
		holds(t, w.bids("/done now", shown.ID), "Use /done")
		holds(t, w.bids("/snooze 2h", 0), "Use /snooze")
		holds(t, w.bids("/snooze 09123333333 2h", 0), "09123333333 does not wait")
		holds(t, w.bids("/snooze ۰۹۱۲۱۱۱۱۱۱۱ ۲ ساعت", 0), "09121111111 waits again")
		holds(t, w.bids("/done +98 912 111 1111", 0), "09121111111 waits no more")
		holds(t, w.bids("/snooze 2h", shown.ID), "09121111111 does not wait")

		w.receives("09121111111", "one more thing")
		holds(t, w.Asks(telegram.Post{Chat: w.ali, From: w.ali, Text: "/waiting"}), "09121111111")
		w.bids("/link 09121111111", 0)
		w.Asks(telegram.Post{Chat: w.group, From: w.sara, Text: "/link 09121111111"})
		holds(t, w.bids("/done", 0), "09121111111 waits no more")
		w.bids("/id", 0)
	})
}

// TestAnAnswerThatIsCalledOffLeavesTheCustomerWaiting, from outside: the panel is down, and the agent thinks better of it.
func TestAnAnswerThatIsCalledOffLeavesTheCustomerWaiting(t *testing.T) {
	atEach(t, func(t *testing.T, server telegram.Options) {
		w := newWorld(t, server, panel.Options{})
		w.start()
		shown := w.receives("09121111111", "hello")
		w.PanelNet.Down()
		w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "come at noon", ReplyTo: shown.ID})
		queued := w.sees(w.group, "not sent yet: the panel is down")
		holds(t, w.bids("/waiting", 0), "Nobody waits")
		w.presses(w.ali, queued, "Cancel")
		w.sees(w.group, "cancelled by")
		holds(t, w.bids("/waiting", 0), "Waiting for an answer: 1", "09121111111")
	})
}

func TestClosedDaysInTheChat(t *testing.T) {
	for language, say := range map[string]struct{ none, closed, listed, usage, open, long string }{
		"en": {"No day is closed", "Closed: Saturday 2026-03-21 to Tuesday 2026-03-24", "· Saturday 2026-03-21 to Tuesday 2026-03-24", "Use /closed", "Open as usual: Sunday 2026-03-22", "60 days"},
		"fa": {"روز تعطیلی نیست", "تعطیل شد: شنبه ۱۴۰۵/۰۱/۰۱ تا سه", "· شنبه ۱۴۰۵/۰۱/۰۱ تا سه", "این\u200cطور بفرستید", "مانند همیشه باز است: یک", "۶۰ روز"},
	} {
		t.Run(language, func(t *testing.T) {
			atEach(t, func(t *testing.T, server telegram.Options) {
				w := newWorld(t, server, panel.Options{})
				w.opts.Language = language
				w.start()
				sara := func(text string) telegram.Message {
					return w.Asks(telegram.Post{Chat: w.group, From: w.sara, Text: text})
				}
				holds(t, w.bids("/closed 2026-03-21", 0), "-2026", "-۱۴۰۵") // an agent
				holds(t, sara("/closed"), say.none)
				holds(t, sara("/closed ۱۴۰۵/۱/۱ تا 2026-03-24"), say.closed)
				holds(t, sara("/closed 2026-03-24 2026-03-21"), say.usage)
				holds(t, sara("/closed nowruz"), say.usage)
				holds(t, sara("/closed 2026-03-21 2026-09-24"), say.long)
				w.end()
				w.start()
				holds(t, sara("/closed"), say.listed)
				holds(t, sara("/closed -1405/01/02"), say.open)
				if got := strings.Count(sara("/closed").Text, "\n"); got != 2 {
					t.Errorf("%d lines of closed days, want 2", got)
				}
			})
		})
	}
}

// TestRemindersInTheChat: the agents are reminded once, in time and with a sound, then the admin is told in private; their answer goes to the customer.
func TestRemindersInTheChat(t *testing.T) {
	for language, say := range map[string]struct{ remind, silent, answer string }{
		"en": {"This customer has waited for 15 min", "Ali\u2069 had taken them", "answers 09121111111"},
		"fa": {"این مشتری ۱۵ دقیقه است", "پاسخ\u200cگویش \u2068Ali\u2069 بود", "09121111111"},
	} {
		t.Run(language, func(t *testing.T) {
			atEach(t, func(t *testing.T, server telegram.Options) {
				w := newWorld(t, server, panel.Options{})
				w.opts.Language = language
				w.storeOpts.RemindAfter, w.storeOpts.EscalateAfter = 15*time.Minute, time.Hour
				w.says(telegram.Post{Chat: w.sara, From: w.sara, Text: "/start"})
				w.start()
				shown := w.receives("09121111111", "hello")
				holds(t, w.bids("/take", shown.ID), say.answer)
				time.Sleep(14 * time.Minute)
				w.end()
				w.start()
				remind := w.sees(w.group, say.remind, "✍ \u2068Ali")
				if late := remind.Date.Sub(shown.Date) - 15*time.Minute; remind.ReplyTo != shown.ID || remind.Silent || late > 2*time.Second || late < -time.Second {
					t.Errorf("it replies to %d, silent %t, is %v late", remind.ReplyTo, remind.Silent, late)
				}
				w.end()
				time.Sleep(2 * time.Hour)
				w.start()
				told := w.sees(w.sara, "🚨")
				holds(t, told, say.silent, "🚨", "09121111111")
				if !strings.Contains(told.Source, fmt.Sprintf("/%d\">", shown.ID)) {
					t.Errorf("no link to the SMS in %q", told.Source)
				}
				w.says(telegram.Post{Chat: w.sara, From: w.sara, Text: "sorry, at noon", ReplyTo: told.ID})
				if got := w.sent(1)[0]; got.Customer != "09121111111" {
					t.Errorf("the answer went to %s", got.Customer)
				}
				w.passes(50 * time.Hour)
				w.quiet()
				for _, m := range append(w.fromBot(w.group), w.fromBot(w.sara)...) {
					if m.ID != remind.ID && m.ID != told.ID && (strings.Contains(m.Text, "⏰") || strings.Contains(m.Text, "🚨")) {
						t.Errorf("reminded again: %q", m.Text)
					}
				}
			})
		})
	}
}
