//lint:file-ignore ST1018 Persian is written with U+200C

package bridge_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"peyk/bot/lint"
	"peyk/internal/hours"
	"peyk/sandbox/panel"
	"peyk/sandbox/telegram"
)

// TestFooterAndQuietHours are of orders to several: one to somebody alone is left as it is.
func TestFooterAndQuietHours(t *testing.T) {
	for language, s := range map[string]struct{ footer, quiet, now, buttons, parts, send string }{
		"en": {"Added at the end: \u2068لغو11", "These are quiet hours, until ", "Send now", "Send at 08:00, Send now, Cancel", "parts in all: 4", "Send"},
		"fa": {"در پایان متن اضافه شد: \u2068لغو11", "اکنون ساعت سکوت است، تا ", "همین حالا بفرست", "ساعت ۰۸:۰۰ بفرست, همین حالا بفرست, لغو", "جمع بخش‌ها: ۴", "بفرست"},
	} {
		t.Run(language, func(t *testing.T) {
			atEachPanel(t, func(t *testing.T, server telegram.Options, kind panel.Options) {
				w := newWorld(t, server, kind)
				w.opts.Language, w.opts.Footer = language, "لغو11"
				w.opts.Quiet = hours.Quiet{From: 22 * 60, To: 8 * 60}
				time.Sleep(time.Until(time.Now().Truncate(24 * time.Hour).Add(23 * time.Hour)))
				w.start()
				w.hears()
				w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "/send 09121111111 سلام"})
				if got := w.sent(1)[0].Text; got != "سلام" {
					t.Errorf("one alone is sent %q", got)
				}
				question := w.asks(telegram.Post{Chat: w.group, From: w.ali, Text: "/send 09121111111, 09122222222 " + strings.Repeat("س", 65)})
				if !containsAll(question.Text, []string{s.footer, s.quiet}) || labels(question) != s.buttons {
					t.Errorf("asked %q, with %q", question.Text, labels(question))
				}
				if !strings.Contains(question.Text, s.parts) {
					t.Errorf("the footer does not count: %q", question.Text)
				}
				w.presses(w.ali, question, s.now)
				if got := w.sent(3)[2].Text; !strings.HasSuffix(got, "س\nلغو11") {
					t.Errorf("sent %q", got)
				}
				// Who ended it so has it once; and by day nothing is said.
				w.passes(10 * time.Hour)
				w.hears()
				question = w.asks(telegram.Post{Chat: w.group, From: w.ali, Text: "/send 09121111111, 09122222222 تعطیلیم\nلغو۱۱"})
				if strings.Contains(question.Text, s.footer) || strings.Contains(question.Text, s.quiet) {
					t.Errorf("asked %q", question.Text)
				}
				w.presses(w.ali, question, s.send)
				if got := w.sent(5)[4].Text; got != "تعطیلیم\nلغو۱۱" {
					t.Errorf("sent %q", got)
				}
			})
		})
	}
}

// TestSentWhenQuietHoursAreOver has an agent put off what others order at night: it is sent once, in the morning, to those who want it by then.
func TestSentWhenQuietHoursAreOver(t *testing.T) {
	for language, s := range map[string]struct{ buttons, at, off, cancel, listed, none, was, to string }{
		"en": {"Send at 08:00, Send now, Cancel", "Send at 08:00", "put off to Monday 2026-03-02 08:00 by \u2068Ali", "Cancel", "Scheduled: 1", "Nothing is scheduled here", "Cancelled by \u2068Ali", "To 2 recipients: "},
		"fa": {"ساعت ۰۸:۰۰ بفرست, همین حالا بفرست, لغو", "ساعت ۰۸:۰۰ بفرست", "به دوشنبه ۱۴۰۴/۱۲/۱۱ ۰۸:۰۰ موکول شد، به خواست \u2068Ali", "لغو", "زمان‌بندی‌شده: ۱", "این‌جا چیزی زمان‌بندی نشده", "لغو کرد", "به ۲ گیرنده: "},
	} {
		t.Run(language, func(t *testing.T) {
			atEachPanel(t, func(t *testing.T, server telegram.Options, kind panel.Options) {
				w := newWorld(t, server, kind)
				w.tehran()
				w.opts.Language, w.opts.Footer = language, "لغو11"
				w.opts.Quiet = hours.Quiet{From: 22 * 60, To: 8 * 60}
				w.wishWords()
				time.Sleep(11 * time.Hour) // 22:30
				w.start()
				w.hears()
				asked := w.asks(telegram.Post{Chat: w.group, From: w.ali, Text: "/send 09121111111, 09122222222 hello"})
				if labels(asked) != s.buttons {
					t.Fatalf("asked with %q", labels(asked))
				}
				if a := w.presses(w.sara, asked, s.at); !a.Alert {
					t.Errorf("somebody else is answered %+v", a)
				}
				w.presses(w.ali, asked, s.at)
				holds(t, w.turned(asked, "🕗"), s.off)
				if a := w.pressesData(w.ali, asked, buttonData(asked, s.at)); !a.Alert {
					t.Errorf("a second press is answered %+v", a)
				}
				holds(t, w.bids("/scheduled", 0), s.listed, "09122222222")
				w.restart()
				w.presses(w.ali, w.buttoned(asked, 1), s.cancel)
				holds(t, w.turned(asked, "🚫"), s.was)
				holds(t, w.bids("/scheduled", 0), s.none)

				asked = w.asks(telegram.Post{Chat: w.group, From: w.ali, Text: "/send 09121111111, 09122222222, 09123333333 good morning"})
				w.presses(w.ali, asked, s.at)
				w.turned(asked, "🕗")
				w.panel.Receive("09123333333", "30001234", "stop")
				w.end()
				time.Sleep(9 * time.Hour)
				if n := w.panel.SentCount(); n != 0 {
					t.Errorf("%d SMS went out too early", n)
				}
				w.start()
				for _, sent := range w.sent(2) {
					if late := sent.At.Sub(time.Date(2026, 3, 2, 4, 30, 0, 0, time.UTC)); sent.Text != "good morning\nلغو11" || late < 0 || late > time.Hour {
						t.Errorf("%v after the time %q went out", late, sent.Text)
					}
				}
				w.quiet()
				w.sent(2)
				holds(t, w.bids("/scheduled", 0), s.none)
			})
		})
	}
}

func TestShorten(t *testing.T) {
	for language, s := range map[string]struct{ two, one, shorten, written, shown, send string }{
		"en": {"parts each: 2", "parts each: 1", "Shorten", "As I wrote it", "Shortened, it reads:\n", "Send"},
		"fa": {"بخش برای هر گیرنده: ۲", "بخش برای هر گیرنده: ۱", "کوتاه کن", "همان که نوشتم", "کوتاه‌شدهٔ آن:\n", "بفرست"},
	} {
		t.Run(language, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, telegram.Options{}, panel.Options{})
				w.opts.Language = language
				w.start()
				w.hears()
				long := strings.TrimSpace(strings.Repeat("سلام  <b> ", 7))
				short := strings.TrimSpace(strings.Repeat("سلام <b> ", 7))
				long += strings.Repeat("ـ", 71-len([]rune(long)))
				question := w.asks(telegram.Post{Chat: w.group, From: w.ali, Text: "/send 09121111111 " + long})
				if !strings.Contains(question.Text, s.two) {
					t.Fatalf("asked %q", question.Text)
				}
				if a := w.presses(w.sara, question, s.shorten); !a.Alert {
					t.Errorf("somebody else is answered %+v", a)
				}
				w.presses(w.ali, question, s.shorten)
				shorter := w.turned(question, s.one, s.shown+short)
				w.restart()
				w.presses(w.ali, shorter, s.written)
				again := w.turned(shorter, s.two)
				if strings.Contains(again.Text, s.shown) {
					t.Errorf("asked %q", again.Text)
				}
				if a := w.pressesData(w.ali, again, buttonData(shorter, s.send)); !a.Alert {
					t.Errorf("a button of the question before is answered %+v", a)
				}
				w.presses(w.ali, again, s.shorten)
				shorter = w.turned(again, s.one)
				w.presses(w.ali, shorter, s.send)
				if got := w.sent(1)[0].Text; got != short {
					t.Errorf("sent %q, want %q", got, short)
				}
				// Where nothing is saved there is no button.
				if q := w.asks(telegram.Post{Chat: w.group, From: w.ali, Text: "/send 09121111111 " + strings.Repeat("س", 80)}); strings.Contains(labels(q), s.shorten) {
					t.Errorf("offered %q", labels(q))
				}
			})
		})
	}
}

// buttonData returns the data of a button.
func buttonData(m telegram.Message, label string) string {
	for _, row := range m.Buttons {
		for _, b := range row {
			if b.Text == label {
				return b.Data
			}
		}
	}
	return ""
}

func TestLintWarnsAndRefusesNothing(t *testing.T) {
	for language, s := range map[string]struct{ word, link, send string }{
		"en": {"⚠️ \u2068برنده\u2069: \u2068an operator has charged", "⚠️ \u2068bit.ly\u2069: \u2068operators filter", "Send"},
		"fa": {"⚠️ \u2068برنده\u2069: \u2068اپراتور پیامک‌های", "⚠️ \u2068bit.ly\u2069: \u2068اپراتورها کوتاه‌کننده‌های", "بفرست"},
	} {
		t.Run(language, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, telegram.Options{}, panel.Options{})
				w.opts.Language, w.opts.Lint = language, lint.Builtin()
				w.start()
				w.hears()
				w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "/send 09121111111 برنده شدید"}) // which asks nothing
				w.sent(1)
				question := w.asks(telegram.Post{Chat: w.group, From: w.ali, Text: "/send 09121111111, 09122222222 برنده‌اید: bit.ly/x"})
				if !containsAll(question.Text, []string{s.word, s.link}) {
					t.Errorf("asked %q", question.Text)
				}
				w.presses(w.ali, question, s.send)
				w.sent(3)
			})
		})
	}
}
