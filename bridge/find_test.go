//lint:file-ignore ST1018 Persian is written with U+200C

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
)

// linksIn returns where the words of a message lead.
func linksIn(m telegram.Message) (all []string) {
	for _, e := range m.Entities {
		if e.Type == "text_link" {
			all = append(all, e.URL)
		}
	}
	return all
}

func TestFind(t *testing.T) {
	for language, s := range map[string]struct{ more, none, noMore, which, usage, delivered, nobody string }{
		"en": {"More", "No SMS I may look at here holds", "No more hold", "Quote the one you answer", "Use /find WORDS", "delivered", "No SMS from or to"},
		"fa": {"بیشتر", "پیدا نشد", "چیز دیگری", "نقل‌قول", "واژه‌ها را هم بنویسید", "رسیده", "هیچ پیامکی"},
	} {
		t.Run(language, func(t *testing.T) {
			atEach(t, func(t *testing.T, server telegram.Options) {
				w := newWorld(t, server, panel.Options{Statuses: []panel.Step{{Status: 4}}})
				w.opts.Language = language
				w.start()
				ask := func(chat int64, text string) telegram.Message {
					return w.asks(telegram.Post{Chat: chat, From: w.ali, Text: "/find " + text})
				}
				w.panel.Receive("09121111111", "30001234", "كتاب شماره ۱۲ را مي‌خواهم")
				first := w.sees(w.group, "كتاب")
				w.panel.Receive("09122222222", "30005678", "ORDER 77 <b>late</b>")
				w.sees(w.group, "ORDER 77")
				w.says(telegram.Post{Chat: w.group, From: w.ali, ReplyTo: first.ID, Text: "/name خانم رضایی"})
				w.bears(w.group, w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "/send 09123333333 your order is here"}), "👍")
				w.bears(w.ali, w.says(telegram.Post{Chat: w.ali, From: w.ali, Text: "/send 09124444444 a private order"}), "👍")

				hit := ask(w.group, "کتاب 12 می‌خواهم")
				if !containsAll(hit.Text, []string{"🔎", "09121111111", "خانم رضایی", "كتاب شماره"}) || strings.Contains(hit.Text, "ORDER") {
					t.Fatalf("found %q", hit.Text)
				}
				w.isTold(w.group, func() { w.replies(hit, "to whom?") }, s.which)
				w.isTold(w.group, func() {
					w.says(telegram.Post{Chat: w.group, From: w.ali, ReplyTo: hit.ID, Text: "to the words?", Quote: quoteOf(hit, "کتاب 12")})
				}, s.which)

				both := ask(w.group, "order")
				if !containsAll(both.Text, []string{"ORDER 77 <b>late</b>", "your order is here", "Ali", s.delivered}) || strings.Contains(both.Text, "private") {
					t.Fatalf("found %q", both.Text)
				}
				all := ask(w.ali, "order")
				if !containsAll(all.Text, []string{"ORDER 77", "your order is here", "a private order"}) {
					t.Fatalf("in private: found %q", all.Text)
				}
				w.picks(all, "late", "soon")
				w.picks(all, "your order", "and soon")
				for _, sent := range w.sent(4)[2:] {
					if late := sent.Text == "soon"; late != (sent.Customer == "09122222222" && sent.Line == "30005678") || late == (sent.Customer == "09123333333") {
						t.Errorf("sent %+v", sent)
					}
				}

				if m := ask(w.ali, "رضایی"); !containsAll(m.Text, []string{"👤", "خانم رضایی", "كتاب شماره"}) {
					t.Errorf("of a name: found %q", m.Text)
				}
				if m := ask(w.ali, "+989122222222"); !containsAll(m.Text, []string{"ORDER 77", "soon"}) {
					t.Errorf("of a number: found %q", m.Text)
				}
				if m := ask(w.group, "private"); !strings.Contains(m.Text, s.none) {
					t.Errorf("in the group: found %q", m.Text)
				}
				if m := ask(w.group, " \u200c "); !strings.Contains(m.Text, s.usage) {
					t.Errorf("told %q", m.Text)
				}

				for i := range 12 {
					w.panel.Receive("09121111111", "30001234", fmt.Sprintf("apple%d.", i))
				}
				w.sees(w.group, "apple11.")
				page := ask(w.group, "apple")
				if !containsAll(page.Text, []string{"apple11.", "apple2."}) || strings.Contains(page.Text, "apple1.") || labels(page) != s.more {
					t.Fatalf("found %q, with %q", page.Text, labels(page))
				}
				if a := w.presses(w.omid, page, s.more); !a.Alert {
					t.Errorf("a stranger is answered %+v", a)
				}
				w.presses(w.ali, page, s.more)
				next := w.sees(w.group, "🔎", "apple1.", "apple0.")
				if strings.Contains(next.Text, "apple2.") || next.ID == page.ID {
					t.Errorf("the next page is %q", next.Text)
				}
				if a := w.presses(w.ali, page, s.more); !a.Alert {
					t.Errorf("a second press is answered %+v", a)
				}
			})
		})
	}
}

// TestAHitLeadsToItsMessage in a forum's topics, and to none where Telegram has no addresses.
func TestAHitLeadsToItsMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newDesk(t)
		shown := w.receives("09121111111", "an apple")
		w.bears(w.group, w.says(telegram.Post{Chat: w.group, From: w.sara, Topic: shown.Topic, ReplyTo: shown.ID, Text: "what apple?"}), "👍")
		id := -w.group - 1000000000000
		want := fmt.Sprintf("https://t.me/c/%d/%d/%d", id, shown.Topic, shown.ID)
		for _, chat := range []int64{w.group, w.sara} {
			list := w.asks(telegram.Post{Chat: chat, From: w.sara, Text: "/find apple"})
			if links := linksIn(list); len(links) != 2 || links[1] != want || !strings.HasPrefix(links[0], want[:len(want)-1]) {
				t.Errorf("%q leads to %q, want %q", list.Text, links, want)
			}
		}
	})
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		w.group = w.tg.AddGroup("Old", w.sara, w.ali, w.tg.Bot().ID)
		w.storeOpts.Inbox = []sms.ChatID{sms.ChatID(w.group)}
		w.start()
		w.shows("09121111111", "an apple")
		list := w.asks(telegram.Post{Chat: w.group, From: w.ali, Text: "/find apple"})
		if links := linksIn(list); len(links) > 0 || !strings.Contains(list.Text, "an apple") {
			t.Errorf("%q leads to %q", list.Text, links)
		}
	})
}

// TestWhatIsForgottenIsNotFound, whoever asks.
func TestWhatIsForgottenIsNotFound(t *testing.T) {
	atEach(t, func(t *testing.T, server telegram.Options) {
		w := newWorld(t, server, panel.Options{})
		w.start()
		w.quietAs(w.sara)
		shown := w.shows("09121111111", "an apple")
		w.says(telegram.Post{Chat: w.group, From: w.ali, ReplyTo: shown.ID, Text: "/name Mrs Apple"})
		list := w.asks(telegram.Post{Chat: w.group, From: w.ali, Text: "/find apple"})
		page := w.asks(telegram.Post{Chat: w.group, From: w.ali, Text: "/history 09121111111"})
		w.presses(w.sara, w.asks(telegram.Post{Chat: w.sara, From: w.sara, Text: "/forget 09121111111"}), "Forget")
		w.sees(w.sara, "A customer was forgotten")
		w.nowhere("9121111111", "apple", "Apple")
		for _, chat := range []int64{w.group, w.sara} {
			if m := w.asks(telegram.Post{Chat: chat, From: w.sara, Text: "/find apple"}); !strings.Contains(m.Text, "No SMS I may look at") {
				t.Errorf("found %q", m.Text)
			}
		}
		for _, old := range []telegram.Message{list, page} {
			w.isTold(w.group, func() {
				w.says(telegram.Post{Chat: w.group, From: w.ali, ReplyTo: old.ID, Text: "hello", Quote: quoteOf(old, "an apple")})
			}, "not an SMS I know")
		}
		if slices.ContainsFunc(w.panel.Sent(), func(panel.SMS) bool { return true }) {
			t.Error("something was sent")
		}
	})
}
