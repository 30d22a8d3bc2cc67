//lint:file-ignore ST1018 Persian is written with U+200C

package bridge_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"peyk/sandbox/panel"
	"peyk/sandbox/telegram"
	"peyk/sms"
)

// wishWords has the words of the settings that are wishes be known.
func (w *world) wishWords() {
	w.storeOpts.OptOutWords, w.storeOpts.OptInWords = []string{"11", "لغو", "لغو11", "stop"}, []string{"12"}
}

// TestOptOut: a customer writes the word, an order to several leaves them out, an order to them alone is asked about, and they opt back in.
func TestOptOut(t *testing.T) {
	for language, s := range map[string]struct{ out, undo, leftOut, ask, send, anyway, counts, lone, in string }{
		"en": {
			"09121111111 opted out of 30001234", "Undo", "Left out, as they opted out of 30001234: 09121111111", "Recipients: 2, parts each: 1, parts in all: 2", "Send",
			"Send anyway", "2 delivered, 1 left out", "This customer opted out of 30001234", "09121111111 opted back in to 30001234",
		},
		"fa": {
			"09121111111\u2069 دریافت پیامک از \u206630001234\u2069 را لغو کرد", "برگرداندن", "چون دریافت پیامک از \u206630001234\u2069 را لغو کرده: \u206609121111111", "گیرنده: ۲، بخش برای هر گیرنده: ۱، جمع بخش‌ها: ۲", "بفرست",
			"با این حال بفرست", "۲ رسیده، ۱ کنار گذاشته‌شده", "این مشتری دریافت پیامک از \u206630001234\u2069 را لغو کرده است", "دوباره از \u206630001234\u2069 پیامک می‌خواهد",
		},
	} {
		t.Run(language, func(t *testing.T) {
			atEachPanel(t, func(t *testing.T, server telegram.Options, kind panel.Options) {
				kind.Statuses = []panel.Step{{Status: 4}}
				w := newWorld(t, server, kind)
				w.opts.Language = language
				w.wishWords()
				w.start()
				shown := w.receives("09121111111", "۱۱")
				notice := w.sees(w.group, s.out)
				if notice.ReplyTo != shown.ID || labels(notice) != s.undo {
					t.Errorf("the notice answers %d, with %q under it", notice.ReplyTo, labels(notice))
				}
				order := "/send 09121111111, 09122222222, 09123333333 tomorrow we are closed"
				question := w.asks(telegram.Post{Chat: w.group, From: w.ali, Text: order})
				if !containsAll(question.Text, []string{s.ask, s.leftOut}) {
					t.Errorf("the question is %q", question.Text)
				}
				w.presses(w.ali, question, s.send)
				w.turned(question, s.counts, s.leftOut)
				for _, m := range w.sent(2) {
					if m.Customer == "09121111111" {
						t.Error("sent to who opted out")
					}
				}
				// One by one only after a question, whoever asks and however.
				alone := w.asks(telegram.Post{Chat: w.group, From: w.sara, Text: "about your order", ReplyTo: shown.ID})
				if !strings.Contains(alone.Text, s.lone) {
					t.Errorf("the question is %q", alone.Text)
				}
				w.quiet()
				w.sent(2)
				w.presses(w.sara, alone, s.anyway)
				w.sent(3)
				// From another line they may be written to.
				w.says(telegram.Post{Chat: w.group, From: w.sara, Text: "/line 30005678"})
				w.says(telegram.Post{Chat: w.group, From: w.sara, Text: "/send 09121111111 from the other line"})
				w.sent(4)
				w.receives("09121111111", "12")
				w.sees(w.group, s.in)
				w.says(telegram.Post{Chat: w.group, From: w.sara, Text: "welcome back", ReplyTo: shown.ID})
				w.sent(5)
			})
		})
	}
}

// TestEleven: a customer answers a question with 11.
func TestEleven(t *testing.T) {
	for language, s := range map[string]struct{ out, undo, undone, already string }{
		"en": {"opted out", "Undo", "Ali\u2069 undid it: 09121111111 is not opted out of 30001234", "Ali"},
		"fa": {"را لغو کرد.", "برگرداندن", "Ali\u2069 برگرداند: \u206609121111111\u2069 دریافت پیامک از", "Ali"},
	} {
		t.Run(language, func(t *testing.T) {
			atEachPanel(t, func(t *testing.T, server telegram.Options, kind panel.Options) {
				w := newWorld(t, server, kind)
				w.opts.Language = language
				w.wishWords()
				w.start()
				w.receives("09121111111", "11")
				notice := w.sees(w.group, s.out)
				w.restart()
				if a := w.presses(w.omid, notice, s.undo); !a.Alert {
					t.Errorf("a stranger is answered %+v", a)
				}
				w.presses(w.ali, notice, s.undo)
				w.sees(w.group, s.undone)
				if a := w.presses(w.sara, notice, s.undo); !a.Alert || !strings.Contains(a.Text, s.already) {
					t.Errorf("a second press is answered %+v", a)
				}
				w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "/send 09121111111 eleven it is"})
				w.sent(1)
			})
		})
	}
}

// TestManyOptOutsAtOnce come in one message, and are told in one, with a button for each.
func TestManyOptOutsAtOnce(t *testing.T) {
	atEachPanel(t, func(t *testing.T, server telegram.Options, kind panel.Options) {
		w := newWorld(t, server, kind)
		w.wishWords()
		for i := range 30 {
			w.panel.Receive(fmt.Sprintf("091211111%02d", i), "30001234", "لغو۱۱")
		}
		w.start()
		notice := w.sees(w.group, "09121111100 opted out", "09121111129 opted out")
		w.presses(w.ali, notice, "Undo 09121111107")
		w.sees(w.group, "Ali\u2069 undid it: 09121111107 is not opted out")
		w.settles(w.group)
		if n := len(w.fromBot(w.group)); n != 4 {
			t.Errorf("%d messages, want the SMS, the wishes, the undoing and what /id is answered\n%s", n, w.transcript(w.group))
		}
		var all []string
		for i := range 30 {
			all = append(all, fmt.Sprintf("091211111%02d", i))
		}
		order := w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "/send " + strings.Join(all, ",") + " hello"})
		question := w.under(order, "Recipients: 1", "Left out", "and 19 more")
		w.presses(w.ali, question, "Send")
		if got := w.sent(1)[0].Customer; got != "09121111107" {
			t.Errorf("sent to %s", got)
		}
	})
}

// TestTheWordComesBetween the order and [Send], and between [Send] and the panel.
func TestTheWordComesBetween(t *testing.T) {
	atEachPanel(t, func(t *testing.T, server telegram.Options, kind panel.Options) {
		w := newWorld(t, server, kind)
		w.wishWords()
		w.start()
		w.hears()
		question := w.asks(telegram.Post{Chat: w.group, From: w.ali, Text: "/send 09121111111, 09122222222, 09123333333 hello"})
		w.receives("09121111111", "stop")
		w.panel.Arm(panel.Fault{Method: "SendSMS", Kind: panel.ErrCode, Code: -1, Times: -1})
		w.presses(w.ali, question, "Send")
		w.turned(question, "1 left out")
		w.receives("09122222222", "stop")
		w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "/send 09124444444 to one"})
		w.receives("09124444444", "stop")
		w.panel.Disarm()
		w.turned(question, "2 left out", "09122222222")
		w.sees(w.group, "09124444444", "This customer opted out of 30001234")
		time.Sleep(5 * time.Minute)
		if got := w.sent(1)[0].Customer; got != "09123333333" {
			t.Errorf("sent to %s", got)
		}
	})
}

func TestBlock(t *testing.T) {
	for language, s := range map[string]struct{ onlyAdmins, usage, blocked, list, ask, leftOut, unblocked, nobody string }{
		"en": {
			"Only administrators", "Name the customer: /block", "09121111111 is blocked", "09121111111 · by \u2068Sara", "This customer is blocked", "Left out, as they are blocked: 09121111111",
			"09121111111 is not blocked", "Nobody is blocked",
		},
		"fa": {
			"فقط مدیران", "شمارهٔ مشتری را هم بنویسید", "09121111111\u2069 مسدود شد", "09121111111\u2069 · توسط \u2068Sara", "این مشتری مسدود است", "چون مسدود است: \u206609121111111",
			"09121111111\u2069 مسدود نیست", "کسی مسدود نیست",
		},
	} {
		t.Run(language, func(t *testing.T) {
			atEachPanel(t, func(t *testing.T, server telegram.Options, kind panel.Options) {
				w := newWorld(t, server, kind)
				w.opts.Language = language
				w.start()
				shown := w.receives("09121111111", "buy gold")
				w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "/block", ReplyTo: shown.ID})
				w.sees(w.group, s.onlyAdmins)
				w.says(telegram.Post{Chat: w.group, From: w.sara, Text: "/block"})
				w.sees(w.group, s.usage)
				w.says(telegram.Post{Chat: w.group, From: w.sara, Text: "/block", ReplyTo: shown.ID})
				w.sees(w.group, s.blocked)
				w.panel.Receive("09121111111", "30005678", "buy more gold")
				w.receives("09122222222", "a question") // which comes after it, and is shown
				w.says(telegram.Post{Chat: w.group, From: w.sara, Text: "/blocked"})
				w.sees(w.group, s.list)
				for _, m := range w.fromBot(w.group) {
					if strings.Contains(m.Text, "buy more gold") {
						t.Errorf("shown: %q", m.Text)
					}
				}
				if n, _, err := w.store.Waits(sms.Conversation{Customer: "09121111111"}); n != 0 || err != nil {
					t.Errorf("%d of theirs wait, %v", n, err)
				}
				w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "/history 09121111111"})
				w.sees(w.group, "buy more gold")
				if q := w.asks(telegram.Post{Chat: w.group, From: w.ali, Text: "no", ReplyTo: shown.ID}); !strings.Contains(q.Text, s.ask) {
					t.Errorf("asked %q", q.Text)
				}
				if q := w.asks(telegram.Post{Chat: w.group, From: w.ali, Text: "/send 09121111111, 09122222222, 09123333333 hello"}); !strings.Contains(q.Text, s.leftOut) {
					t.Errorf("asked %q", q.Text)
				}
				w.says(telegram.Post{Chat: w.group, From: w.sara, Text: "/unblock 0912 111 1111"})
				w.sees(w.group, s.unblocked)
				w.says(telegram.Post{Chat: w.group, From: w.sara, Text: "/blocked"})
				w.sees(w.group, s.nobody)
				w.receives("09121111111", "shown again")
				w.sent(0)
			})
		})
	}
}

// TestNoAwayTextAgainstAWish: not for the word itself, nor for what they write later, nor for who is blocked.
func TestNoAwayTextAgainstAWish(t *testing.T) {
	atEachPanel(t, func(t *testing.T, server telegram.Options, kind panel.Options) {
		w := newNight(t, server, kind)
		w.wishWords()
		w.start()
		w.quiet()
		holds(t, w.receives("09121111111", "stop"), "-🌙")
		holds(t, w.receives("09121111111", "when do you open?"), "-🌙")
		w.says(telegram.Post{Chat: w.group, From: w.sara, Text: "/block 09122222222"})
		w.sees(w.group, "09122222222 is blocked")
		w.panel.Receive("09122222222", "30001234", "buy gold")
		holds(t, w.receives("09123333333", "when do you open?"), "🌙")
		w.getsAway(1, "09123333333", "30001234")
	})
}

// TestOptOutFile: what one bridge exports, another imports.
func TestOptOutFile(t *testing.T) {
	for language, s := range map[string]struct{ none, onlyAdmins, head, sheet, ask, wrong, button, done, undo, taken, left, leftOut string }{
		"en": {
			"Nobody opted out", "Only administrators", "Opted out: 2", "Opted out", "New: 2, opted out already: 0", "Rows without a phone number, passed over: 1 (row 4)", "Opt out", "Opted out by the file: 2",
			"Undo", "no longer opted out: 1", "left as they are: 1", "Left out, as they opted out of 30001234: 09121111111, 09122222222",
		},
		"fa": {
			"هیچ‌کس لغو نکرده است", "فقط مدیران", "لغو کرده‌اند: ۲", "لغو", "تازه: ۲، از پیش لغوشده: ۰", "شمارهٔ تلفن ندارند و کنار گذاشته می‌شوند: ۱ تا (ردیف ۴)", "لغو شود", "شماره‌های فایل لغو شد: ۲",
			"برگرداندن", "دیگر لغو نیست: ۱", "همان می‌ماند: ۱", "را لغو کرده: \u206609121111111\u2069، \u206609122222222",
		},
	} {
		t.Run(language, func(t *testing.T) {
			var exported []byte
			atEachPanel(t, func(t *testing.T, server telegram.Options, kind panel.Options) {
				w := newWorld(t, server, kind)
				w.opts.Language = language
				w.wishWords()
				w.says(telegram.Post{Chat: w.sara, From: w.sara, Text: "/start"})
				w.start()
				w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "/optout"})
				w.sees(w.group, s.onlyAdmins)
				w.says(telegram.Post{Chat: w.group, From: w.sara, Text: "/optout"})
				w.sees(w.group, s.none)
				w.receives("09121111111", "11")
				w.receives("09122222222", "لغو")
				w.says(telegram.Post{Chat: w.group, From: w.sara, Text: "/optout"})
				w.sees(w.group, s.head, "09121111111", "09122222222")
				exported = w.fileIn(w.sara).Data
				rows := w.rowsOf(exported, s.sheet)
				if len(rows) != 3 || rows[1][0] != "09121111111" || rows[2][1] != "30001234" {
					t.Errorf("the file holds %q", rows)
				}
			})
			atEachPanel(t, func(t *testing.T, server telegram.Options, kind panel.Options) {
				w := newWorld(t, server, kind)
				w.opts.Language = language
				w.wishWords()
				w.start()
				w.hears()
				sent := w.says(telegram.Post{Chat: w.group, From: w.sara, Document: csvFile("number,line\n09121111111,30001234\n0912 222 2222,\nnobody,\n")})
				question := w.asks(telegram.Post{Chat: w.group, From: w.sara, Text: "/optout", ReplyTo: sent})
				if !containsAll(question.Text, []string{s.ask, s.wrong}) {
					t.Errorf("asked %q", question.Text)
				}
				w.presses(w.sara, question, s.button)
				done := w.turned(question, s.done)
				order := w.asks(telegram.Post{Chat: w.group, From: w.ali, Text: "/send 09121111111, 09122222222, 09123333333 hello"})
				if !strings.Contains(order.Text, s.leftOut) {
					t.Errorf("asked %q", order.Text)
				}
				w.receives("09121111111", "12")
				w.receives("09121111111", "stop") // their own word, which [Undo] of the file leaves as it is
				w.presses(w.sara, done, s.undo)
				w.turned(done, s.taken, s.left)
				w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "/send 09122222222 hello again"})
				w.sent(1)
				file := *csvFile("")
				file.Name, file.Data = "opted-out.xlsx", exported
				own := w.asks(telegram.Post{Chat: w.group, From: w.sara, Text: "/optout", ReplyTo: w.says(telegram.Post{Chat: w.group, From: w.sara, Document: &file})})
				if len(own.Buttons) == 0 {
					t.Errorf("our own file is met with %q", own.Text)
				}
			})
		})
	}
}

// TestWhoOptedOutGetsNothing from any send to several: not of /send, nor of a file, an away text, or an order that was scheduled before or after. One by one
// they are sent what an agent sends anyway.
func TestWhoOptedOutGetsNothing(t *testing.T) {
	for language, s := range map[string]struct{ leftOut, opted, lone, anyway, send, wasLeftOut, at string }{
		"en": {"Left out, as they opted out of 30001234: 09121111111", "left out, opted out", "This customer opted out of 30001234", "Send anyway", "Send", "1 left out", "2026-03-01 22:00"},
		"fa": {
			"چون دریافت پیامک از \u206630001234\u2069 را لغو کرده: \u206609121111111", "کنار گذاشته‌شده، لغو کرده است", "این مشتری دریافت پیامک از \u206630001234\u2069 را لغو کرده است", "با این حال بفرست", "بفرست",
			"۱ کنار گذاشته‌شده", "۱۴۰۴/۱۲/۱۰ ۲۲:۰۰",
		},
	} {
		t.Run(language, func(t *testing.T) {
			atEachPanel(t, func(t *testing.T, server telegram.Options, kind panel.Options) {
				kind.Statuses = []panel.Step{{Status: 4}}
				w := newNight(t, server, kind)
				w.opts.Language = language
				w.wishWords()
				w.start()
				w.hears()
				w.schedules(telegram.Post{Text: "/later 2h 09121111111 09122222222 scheduled before, to two"})
				w.schedules(telegram.Post{Text: "/later 2h 09121111111 scheduled before, to one"})
				holds(t, w.receives("09121111111", "لغو"), "-🌙")
				shown := w.receives("09121111111", "and who are you?")
				holds(t, shown, "-🌙")

				w.quiet()
				question := w.asks(telegram.Post{Chat: w.group, From: w.ali, Text: "/send 09121111111, 09122222222, 09123333333 to three"})
				holds(t, question, s.leftOut)
				w.presses(w.ali, question, s.send)
				w.turned(question, s.wasLeftOut)
				question = w.bulk("", "09121111111,of a file\n09122222222,of a file\n09123333333,of a file\u200c too\n")
				holds(t, question, s.opted)
				w.presses(w.ali, question, s.send)
				w.turned(question, s.wasLeftOut)
				if rows := w.results(w.ali, 1); rows[1][3] != s.opted || rows[2][3] == s.opted {
					t.Errorf("the result is %q", rows)
				}
				w.schedules(telegram.Post{Text: "/later 1h 09121111111 09123333333 scheduled after, to two"})
				w.quiet()
				alone := []telegram.Message{
					w.asks(telegram.Post{Chat: w.group, From: w.sara, Text: "a reply", ReplyTo: shown.ID}),
					w.asks(telegram.Post{Chat: w.group, From: w.sara, Text: "/send 09121111111 by number"}),
				}
				for _, asked := range alone {
					holds(t, asked, s.lone)
				}
				time.Sleep(2 * time.Hour)
				late := w.sees(w.group, s.lone, s.at)
				for _, m := range w.panel.Sent() {
					if m.Customer == "09121111111" {
						t.Errorf("they were sent %q", m.Text)
					}
				}
				w.presses(w.ali, late, s.anyway)
				want := map[string]int{"to three": 2, "of a file": 1, "of a file\u200c too": 1, "scheduled after, to two": 1, "scheduled before, to two": 1, "scheduled before, to one": 1}
				got := map[string]int{}
				for _, m := range w.sent(7) {
					if got[m.Text]++; m.Customer == "09121111111" && m.Text != "scheduled before, to one" {
						t.Errorf("they were sent %q", m.Text)
					}
				}
				if !cmp.Equal(got, want) {
					t.Errorf("sent was %v", got)
				}
			})
		})
	}
}
