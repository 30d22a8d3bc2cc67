package bridge_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"peyk/sandbox/panel"
	"peyk/sandbox/telegram"
)

// nowhere fails if one of words stands in a file beside the store, in the store or in the log.
func (w *world) nowhere(words ...string) {
	w.Helper()
	for _, word := range words {
		if strings.Contains(w.logs.String(), word) {
			w.Errorf("%q is in the log", word)
		}
	}
	err := filepath.WalkDir(filepath.Dir(w.path), func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(path)
		for _, word := range words {
			if i := strings.Index(string(content), word); i >= 0 {
				w.Errorf("%q is in %s: %q", word, filepath.Base(path), content[max(0, i-60):min(len(content), i+60)])
			}
		}
		return err
	})
	if err != nil {
		w.Fatal(err)
	}
}

func TestForget(t *testing.T) {
	for language, s := range map[string]struct{ ask, button, begun, told, onlyAdmins, nobody string }{
		"en": {"Forget 09121111111 for good?", "Forget", "It has begun", "A customer was forgotten: 3 SMS, ordered by \u2068Sara\u2069", "Only administrators", "This customer was forgotten"},
		"fa": {"برای همیشه فراموش شود؟", "فراموش شود", "آغاز شد", "یک مشتری فراموش شد: ۳ پیامک، به دستور \u2068Sara\u2069", "فقط مدیران", "این مشتری فراموش شده است"},
	} {
		t.Run(language, func(t *testing.T) {
			atEach(t, func(t *testing.T, server telegram.Options) {
				w := newWorld(t, server, panel.Options{Statuses: []panel.Step{{Status: 4}}})
				w.opts.Language = language
				w.start()
				w.quietAs(w.sara) // who can be written to since
				w.panel.Receive("09121111111", "30001234", "where is my parcel")
				w.panel.Receive("09122222222", "30001234", "and mine")
				shown := w.sees(w.group, "where is my parcel")
				w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "/name Mrs Forouhar", ReplyTo: shown.ID})
				answer := w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "it is under way", ReplyTo: shown.ID})
				w.bears(w.group, answer, "👍")
				w.bears(w.group, w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "/send 09121111111 it has come"}), "👍")

				w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "/forget 09121111111"})
				w.sees(w.group, s.onlyAdmins)
				w.says(telegram.Post{Chat: w.group, From: w.sara, Text: "/forget +98 912 111 1111"})
				question := w.sees(w.group, strings.Fields(s.ask)...)
				if a := w.presses(w.ali, question, s.button); !a.Alert {
					t.Errorf("an agent who is no admin is answered %+v", a)
				}
				w.quiet()
				if c, err := w.store.Customer("09121111111"); err != nil || c.Name == "" {
					t.Fatalf("forgotten by one who may not: %+v, %v", c, err)
				}
				w.presses(w.sara, question, s.button)
				if begun := w.turned(question, s.begun); len(begun.Buttons) > 0 || strings.Contains(begun.Text, "0912") {
					t.Errorf("the question came to be %q, with %q", begun.Text, labels(begun))
				}
				w.sees(w.sara, s.told)
				if a := w.presses(w.sara, question, s.button); !a.Alert {
					t.Errorf("a second press is answered %+v", a)
				}
				w.nowhere("9121111111", "where is my parcel", "it is under way", "it has come", "Forouhar")

				w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "to nobody", ReplyTo: shown.ID})
				w.sees(w.group, s.nobody)
				w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "nor to whom was answered", ReplyTo: answer})
				w.sees(w.group, s.nobody)
				w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "/status"})
				w.panel.Receive("09121111111", "30001234", "it is me again")
				again := w.sees(w.group, "it is me again")
				w.bears(w.group, w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "hello", ReplyTo: again.ID}), "👍")
				w.sent(3)
			})
		})
	}
}

func TestForgetAsksAgainOnceItIsLate(t *testing.T) {
	atEach(t, func(t *testing.T, server telegram.Options) {
		w := newWorld(t, server, panel.Options{})
		w.start()
		w.says(telegram.Post{Chat: w.sara, From: w.sara, Text: "/forget"})
		w.sees(w.sara, "Use /forget NUMBER")
		w.says(telegram.Post{Chat: w.sara, From: w.sara, Text: "/forget 09121111111"})
		question := w.sees(w.sara, "for good?")
		time.Sleep(16 * time.Minute)
		if a := w.presses(w.sara, question, "Forget"); !a.Alert {
			t.Errorf("a late press is answered %+v", a)
		}
	})
}

func TestForgetWaitsForWhatIsUndecided(t *testing.T) {
	atEach(t, func(t *testing.T, server telegram.Options) {
		w := newWorld(t, server, panel.Options{})
		w.start()
		w.says(telegram.Post{Chat: w.sara, From: w.sara, Text: "/send 09121111111,09122222222 hello"})
		order := w.sees(w.sara, "Send this?")
		w.says(telegram.Post{Chat: w.sara, From: w.sara, Text: "/forget 09121111111"})
		question := w.sees(w.sara, "for good?")
		if a := w.presses(w.sara, question, "Forget"); !strings.Contains(a.Text, "Decide or cancel it first") {
			t.Errorf("answered %+v", a)
		}
		w.presses(w.sara, order, "Cancel")
		w.sees(w.sara, "nothing was sent")
		w.presses(w.sara, question, "Forget")
		w.sees(w.sara, "A customer was forgotten: 1 SMS")
		w.nowhere("9121111111")
	})
}

// TestReplyToADigestOfWhichOneIsForgotten goes to nobody, or to whose SMS it names, and holds up nothing.
func TestReplyToADigestOfWhichOneIsForgotten(t *testing.T) {
	atEach(t, func(t *testing.T, server telegram.Options) {
		w := newWorld(t, server, panel.Options{})
		for i := range 30 {
			w.panel.Receive(fmt.Sprintf("091211111%02d", i), "30001234", fmt.Sprintf("question %02d", i))
		}
		w.start()
		digest := w.sees(w.group, "30 SMS.", "question 29")
		w.says(telegram.Post{Chat: w.sara, From: w.sara, Text: "/forget 09121111100"})
		w.presses(w.sara, w.sees(w.sara, "Forget 09121111100 for good?"), "Forget")
		w.sees(w.sara, "A customer was forgotten")
		w.replies(digest, "to whom?")
		w.sees(w.group, "several customers", "nothing was sent")
		w.quiet()
	})
}
