//lint:file-ignore ST1018 Persian is written with U+200C

package bridge_test

import (
	"strings"
	"testing"

	"peyk/sandbox/panel"
	"peyk/sandbox/telegram"
)

func TestCanned(t *testing.T) {
	for language, s := range map[string]struct{ none, kept, changed, parts, field, list, unknown, nameless, removed, usage, date, asks string }{
		"en": {
			"There are no prepared answers", "is kept. To send it", "in place of its earlier text", "It takes 2 SMS parts", "I don't know this field",
			"Prepared answers.", "There is no prepared answer", "has no name yet", "is removed", "Keep one with", "2026-03-01", "Send this?",
		},
		"fa": {
			"هنوز پاسخ آماده‌ای نیست", "نگه داشته شد. برای فرستادن", "به جای متن پیشین", "این متن ۲ بخش", "این جای خالی را نمی‌شناسم",
			"پاسخ‌های آماده.", "پاسخ آماده‌ای به نام", "هنوز نامی ندارد", "برداشته شد", "نگه داشتن:", "۱۴۰۴/۱۲/۱۰", "فرستاده شود؟",
		},
	} {
		t.Run(language, func(t *testing.T) {
			atEach(t, func(t *testing.T, server telegram.Options) {
				w := newWorld(t, server, panel.Options{Statuses: []panel.Step{{Status: 4}}})
				w.opts.Language = language
				w.start()
				says := func(text string) { w.says(telegram.Post{Chat: w.group, From: w.ali, Text: text}) }
				says("/canned")
				w.sees(w.group, s.none)
				says("/canned كي سلام {name}، از {line} به {number} در {date}. {agent}")
				w.sees(w.group, s.kept, "/c كي")
				says("/canned Hours We open at 8.")
				w.sees(w.group, s.kept, "/c Hours")
				says("/canned HOURS We open at 9.\n{agent}")
				w.sees(w.group, s.changed)
				says("/canned long " + strings.Repeat("x", 161))
				w.sees(w.group, s.parts)
				says("/canned bad Dear {nmae}!")
				w.sees(w.group, s.field, "{nmae}")
				says("/canned bad Dear {name")
				w.sees(w.group, s.field, "{name")
				says("/canned")
				w.sees(w.group, s.list, "HOURS", "long", "We open at 9")
				says("/canned ---")
				w.sees(w.group, s.usage)

				shown := w.receives("09121111111", "when?")
				c := func(name string) int {
					return w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "/c " + name, ReplyTo: shown.ID})
				}
				w.bears(w.group, c("hours"), "👍")
				if got := w.sent(1)[0]; got.Text != "We open at 9.\nAli" || got.Customer != "09121111111" {
					t.Errorf("sent %+v", got)
				}
				c("huors")
				w.sees(w.group, s.unknown, "huors", "HOURS")
				c("کی") // on the other keyboard
				w.sees(w.group, s.nameless, "{name}")
				w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "/name Mina {agent}", ReplyTo: shown.ID})
				w.bears(w.group, c("کی"), "👍")
				got := w.sent(2)[1].Text
				if !strings.HasPrefix(got, "سلام Mina {agent}، از 30001234 به 09121111111 در "+s.date) || !strings.HasSuffix(got, ". Ali") {
					t.Errorf("sent %q", got)
				}
				c("long")
				w.sees(w.group, s.asks)
				w.sent(2)
				says("/canned -long")
				w.sees(w.group, s.removed)
				c("long")
				w.sees(w.group, s.unknown)
				says("/c hours") // to nobody
				w.quiet()
				w.says(telegram.Post{Chat: w.group, From: w.omid, Text: "/c hours", ReplyTo: shown.ID})
				w.quiet()
				w.sent(2)
			})
		})
	}
}

// TestACannedAnswerIsAReply: what would ask about a reply's words asks about a prepared answer's, too.
func TestACannedAnswerIsAReply(t *testing.T) {
	atEach(t, func(t *testing.T, server telegram.Options) {
		w := newWorld(t, server, panel.Options{})
		w.start()
		shown := w.receives("09121111111", "hello")
		w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "/canned hi Good morning"})
		w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "/c hi", ReplyTo: shown.ID})
		w.sent(1)
		w.says(telegram.Post{Chat: w.group, From: w.sara, Text: "/c hi", ReplyTo: shown.ID})
		question := w.sees(w.group, "Ali\u2069 is answering this customer")
		w.says(telegram.Post{Chat: w.group, From: w.sara, Text: "/c hi", ReplyTo: question.ID})
		w.sees(w.group, "only its buttons can answer")
		w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "/c hi", ReplyTo: shown.ID})
		w.sees(w.group, "You ordered exactly this a moment ago")
		w.sent(1)
	})
}

func TestACannedAnswerInACustomersPlace(t *testing.T) {
	atEach(t, func(t *testing.T, server telegram.Options) {
		w := newWorld(t, server, panel.Options{})
		w.start()
		w.says(telegram.Post{Chat: w.group, From: w.sara, Text: "/link 09121111111"})
		w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "/canned hi Good morning"})
		id := w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "/c hi"})
		w.bears(w.group, id, "👌")
		if got := w.sent(1)[0]; got.Customer != "09121111111" || got.Text != "Good morning" {
			t.Errorf("sent %+v", got)
		}
		w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "/c"})
		w.sees(w.group, "Keep one with")
	})
}
