//lint:file-ignore ST1018 Persian is written with U+200C

package bridge_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"peyk/sandbox/panel"
	"peyk/sandbox/telegram"
	"peyk/sms"
)

func csvFile(content string) *telegram.Document {
	return &telegram.Document{Name: "names.csv", MIME: "text/csv", Data: []byte(content)}
}

// called returns what a customer is called.
func (w *world) called(n sms.Number) string {
	w.Helper()
	c, err := w.store.Customer(n)
	if err != nil {
		w.Fatal(err)
	}
	return c.Name
}

func TestContacts(t *testing.T) {
	for language, s := range map[string]struct{ usage, onlyAdmins, ask, wrong, nameless, doubled, button, done, undo, undone, left, nothing, unreadable string }{
		"en": {
			"reply to it with /contacts", "Only administrators", "New: 2, renamed: 1, unchanged: 1", "without a phone number, passed over: 1 (row 5)",
			"without a name, passed over: 1 (row 6)", "stands further up, passed over: 1 (row 8)", "Import", "New: 2, renamed: 1. For an hour", "Undo",
			"Without a name again: 1, as they were called before: 1", "left as they are: 1", "changes nothing", "neither CSV nor XLSX",
		},
		"fa": {
			"به آن پاسخ (Reply) دهید", "فقط مدیران", "تازه: ۲، تغییر نام: ۱، بی‌تغییر: ۱", "شمارهٔ تلفن ندارند و کنار گذاشته می‌شوند: ۱ تا (ردیف ۵)",
			"نام ندارند و کنار گذاشته می‌شوند: ۱ تا (ردیف ۶)", "بالاتر هم آمده و کنار گذاشته می‌شوند: ۱ تا (ردیف ۸)", "گذاشتن نام‌ها", "نام‌ها گذاشته شد. تازه: ۲، تغییر نام: ۱", "برگرداندن",
			"دوباره بی‌نام: ۱، با نام پیشین: ۱", "همان می‌ماند: ۱", "چیزی را عوض نمی‌کند", "این فایل CSV یا XLSX نیست",
		},
	} {
		t.Run(language, func(t *testing.T) {
			atEach(t, func(t *testing.T, server telegram.Options) {
				w := newWorld(t, server, panel.Options{})
				w.opts.Language = language
				w.start()
				shown := w.receives("09121111111", "hello")
				named := func(message int, name string) {
					w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "/name " + name, ReplyTo: message})
					w.sees(w.group, name)
				}
				named(shown.ID, "Old name")
				same := w.receives("09124444444", "hello from me")
				named(same.ID, "Zari")

				w.says(telegram.Post{Chat: w.group, From: w.sara, Text: "/contacts"})
				w.sees(w.group, s.usage)
				file := csvFile("\ufeffشماره;نام\r\n09121111111;مینا\r\n+989122222222;Ali & Co <b>\r\n۰۹۱۲۳۳۳۳۳۳۳;سارا\r\nnobody;Nobody\r\n09125555555;\r\n9124444444;Zari\r\n09122222222;Another\r\n")
				sent := w.says(telegram.Post{Chat: w.group, From: w.ali, Document: file})
				w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "/contacts", ReplyTo: sent})
				w.sees(w.group, s.onlyAdmins)
				w.says(telegram.Post{Chat: w.group, From: w.sara, Text: "/contacts", ReplyTo: sent})
				question := w.sees(w.group, s.ask, s.wrong, s.nameless, s.doubled)
				if got := w.called("09121111111"); got != "Old name" {
					t.Errorf("before [Import] they are called %q", got)
				}
				if a := w.presses(w.ali, question, s.button); !a.Alert {
					t.Errorf("an agent who is no admin is answered %+v", a)
				}
				w.presses(w.sara, question, s.button)
				done := w.turned(question, s.done)
				if labels(done) != s.undo {
					t.Errorf("beneath what was done are %q", labels(done))
				}
				for n, want := range map[sms.Number]string{"09121111111": "مینا", "09122222222": "Ali & Co <b>", "09123333333": "سارا", "09124444444": "Zari", "09125555555": ""} {
					if got := w.called(n); got != want {
						t.Errorf("%s is called %q, want %q", string(n), got, want)
					}
				}
				if a := w.presses(w.sara, question, s.button); !a.Alert {
					t.Errorf("a second press is answered %+v", a)
				}
				w.receives("09123333333", "it is سارا") // who is shown by her new name, and named anew
				w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "/name Sara Karimi", ReplyTo: w.sees(w.group, "it is سارا").ID})
				w.sees(w.group, "Sara Karimi")
				w.presses(w.sara, done, s.undo)
				if undone := w.turned(done, s.undone, s.left); len(undone.Buttons) > 0 {
					t.Errorf("beneath what was undone are %q", labels(undone))
				}
				for n, want := range map[sms.Number]string{"09121111111": "Old name", "09122222222": "", "09123333333": "Sara Karimi", "09124444444": "Zari"} {
					if got := w.called(n); got != want {
						t.Errorf("after [Undo] %s is called %q, want %q", string(n), got, want)
					}
				}
				w.says(telegram.Post{Chat: w.sara, From: w.sara, Caption: "/contacts", Document: csvFile("09124444444,Zari")})
				w.sees(w.sara, s.nothing)
				w.says(telegram.Post{Chat: w.sara, From: w.sara, Caption: "/contacts", Document: &telegram.Document{Name: "a.xls", Data: []byte("\xd0\xcf\x11\xe0\x00")}})
				w.sees(w.sara, s.unreadable)
			})
		})
	}
}

// TestAnImportGoesOnAfterARestart: what [Import] began happens, whenever the bridge is ended.
func TestAnImportGoesOnAfterARestart(t *testing.T) {
	atEach(t, func(t *testing.T, server telegram.Options) {
		w := newWorld(t, server, panel.Options{})
		w.start()
		var rows strings.Builder
		for i := range 1000 {
			fmt.Fprintf(&rows, "0912%07d,customer %d\n", i, i)
		}
		w.says(telegram.Post{Chat: w.sara, From: w.sara, Caption: "/contacts", Document: csvFile(rows.String())})
		question := w.sees(w.sara, "New: 1000")
		w.end()
		w.start()
		w.presses(w.sara, question, "Import")
		if got := w.called("09120000999"); got != "" {
			t.Fatalf("it is over already: the last is called %q", got)
		}
		w.end()
		w.start()
		w.sees(w.sara, "New: 1000, renamed: 0. For an hour")
		if got := w.called("09120000999"); got != "customer 999" {
			t.Errorf("the last is called %q", got)
		}
	})
}

func TestContactsAreKeptForAnHour(t *testing.T) {
	atEach(t, func(t *testing.T, server telegram.Options) {
		w := newWorld(t, server, panel.Options{})
		w.start()
		w.says(telegram.Post{Chat: w.sara, From: w.sara, Caption: "/contacts", Document: csvFile("09127654321,Forouhar\n")})
		question := w.sees(w.sara, "New: 1")
		time.Sleep(61 * time.Minute)
		if a := w.presses(w.sara, question, "Import"); !a.Alert {
			t.Errorf("a late press is answered %+v", a)
		}
		w.says(telegram.Post{Chat: w.sara, From: w.sara, Caption: "/contacts", Document: csvFile("09127654321,Forouhar\n09121111111,Mina\n")})
		question = w.sees(w.sara, "New: 2")
		if a := w.presses(w.sara, question, "Cancel"); a.Alert {
			t.Errorf("[Cancel] is answered %+v", a)
		}
		if cancelled := w.turned(question, "Cancelled by", "no name was changed"); len(cancelled.Buttons) > 0 {
			t.Errorf("beneath what was cancelled are %q", labels(cancelled))
		}
		if a := w.presses(w.sara, question, "Import"); !a.Alert {
			t.Errorf("[Import] after [Cancel] is answered %+v", a)
		}
		w.quiet()
		if got := w.called("09127654321"); got != "" {
			t.Errorf("called %q", got)
		}
	})
}

// TestAFileAloneIsToldWhatToDoWithIt: the usage says to send the file, then to reply to it.
func TestAFileAloneIsToldWhatToDoWithIt(t *testing.T) {
	atEach(t, func(t *testing.T, server telegram.Options) {
		w := newWorld(t, server, panel.Options{})
		w.start()
		shown := w.shows("09121111111", "hello")
		sent := w.says(telegram.Post{Chat: w.sara, From: w.sara, Document: csvFile("09127654321,Forouhar\n")})
		w.sees(w.sara, "Reply to this file with /contacts")
		w.says(telegram.Post{Chat: w.sara, From: w.sara, Text: "/contacts", ReplyTo: sent})
		w.sees(w.sara, "New: 1")
		w.isTold(w.ali, func() { w.says(telegram.Post{Chat: w.ali, From: w.ali, Document: csvFile("a,b")}) }, "An SMS can only hold text")
		w.isTold(w.group, func() {
			w.says(telegram.Post{Chat: w.group, From: w.sara, ReplyTo: shown.ID, Document: csvFile("a,b")})
		}, "SMS can only hold text")
	})
}

// TestForgetReachesContacts: names that wait for [Import] or [Undo] are a customer's, too.
func TestForgetReachesContacts(t *testing.T) {
	atEach(t, func(t *testing.T, server telegram.Options) {
		w := newWorld(t, server, panel.Options{})
		w.start()
		w.says(telegram.Post{Chat: w.sara, From: w.sara, Caption: "/contacts", Document: csvFile("09127654321,Forouhar\n09121111111,Mina\n")})
		question := w.sees(w.sara, "New: 2")
		w.says(telegram.Post{Chat: w.sara, From: w.sara, Text: "/forget 09127654321"})
		w.presses(w.sara, w.sees(w.sara, "for good?"), "Forget")
		w.sees(w.sara, "A customer was forgotten")
		w.nowhere("9127654321", "Forouhar")
		w.presses(w.sara, question, "Import")
		w.sees(w.sara, "New: 1, renamed: 0. For an hour")
		w.nowhere("9127654321", "Forouhar")
	})
}
