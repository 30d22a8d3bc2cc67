//lint:file-ignore ST1018 Persian is written with U+200C

package bridge_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"peyk/sandbox/panel"
	"peyk/sandbox/telegram"
)

// prompted waits for the message that opens somebody's reply field, and returns it.
func (w *world) prompted(who int64, after int) telegram.Message {
	w.Helper()
	m, err := w.tg.WaitMessage(w.context(), w.group, func(m telegram.Message) bool {
		return m.ID > after && m.Prompt != nil && slices.Equal(m.Prompt.For, []int64{who})
	})
	if err != nil {
		w.Fatalf("nobody opens the reply field of %d: %v\n%s", who, err, w.transcript(w.group))
	}
	time.Sleep(time.Second) // nobody answers before the bridge has noted what it posted
	return m
}

// deleted waits until a message is gone.
func (w *world) deleted(m telegram.Message) {
	w.Helper()
	if _, err := w.tg.WaitMessage(w.context(), m.Chat, func(now telegram.Message) bool { return now.ID == m.ID && now.Deleted }); err != nil {
		w.Fatalf("%q is not deleted: %v", m.Text, err)
	}
}

func TestAnswerOpensTheReplyField(t *testing.T) {
	for language, s := range map[string]struct{ answer, copies, field, stands, old string }{
		"en": {"Answer", "Copy number", "Answer to 09121111111", "the message that names you", "out of date"},
		"fa": {"پاسخ", "کپی شماره", "پاسخ به 09121111111", "نام شما در آن است", ""},
	} {
		t.Run(language, func(t *testing.T) {
			atEach(t, func(t *testing.T, server telegram.Options) {
				w := newWorld(t, server, panel.Options{})
				w.opts.Language = language
				w.start()
				shown := w.shows("09121111111", "hello")
				if len(shown.Buttons) != 1 || shown.Buttons[0][0].Text != s.answer || w.old != (len(shown.Buttons[0]) == 1) {
					t.Fatalf("under an SMS stands %v", shown.Buttons)
				}
				if !w.old && (shown.Buttons[0][1].Text != s.copies || shown.Buttons[0][1].Copy.Text != "09121111111") {
					t.Errorf("what copies the number is %+v", shown.Buttons[0][1])
				}
				if a := w.presses(w.omid, shown, s.answer); !a.Alert {
					t.Errorf("a stranger is answered %+v", a)
				}
				w.presses(w.ali, shown, s.answer)
				prompt := w.prompted(w.ali, shown.ID)
				if prompt.ReplyTo != shown.ID || !prompt.Silent || prompt.Prompt.Field != s.field || !containsAll(prompt.Text, []string{"Ali", "09121111111", "#s1"}) {
					t.Errorf("the reply field is opened by %+v, %+v", prompt, prompt.Prompt)
				}
				if a := w.presses(w.ali, shown, s.answer); !strings.Contains(a.Text, s.stands) || a.Alert {
					t.Errorf("pressed twice: %+v", a)
				}
				w.replies(prompt, "good morning")
				if sent := w.sent(1)[0]; sent.Customer != "09121111111" || sent.Line != "30001234" || sent.Text != "good morning" {
					t.Errorf("the answer became %+v", sent)
				}
				w.deleted(prompt)

				// A colleague may answer it, asked as for any answer; a plain reply is as good.
				w.presses(w.sara, shown, s.answer)
				second := w.prompted(w.sara, prompt.ID)
				w.replies(second, "one more word")
				w.sent(2)
				w.replies(shown, "and another")
				w.sent(3)
				w.deleted(second)

				// One field is open for an agent at a time, and none for ever, restart or not.
				other := w.shows("09122222222", "me, too")
				w.presses(w.ali, shown, s.answer)
				third := w.prompted(w.ali, second.ID)
				w.presses(w.ali, other, s.answer)
				fourth := w.prompted(w.ali, third.ID)
				w.deleted(third)
				w.end()
				time.Sleep(16 * time.Minute)
				w.start()
				w.deleted(fourth)
				// What is no SMS has nothing to answer.
				if a := w.pressesData(w.ali, w.asks(telegram.Post{Chat: w.group, From: w.ali, Text: "/id"}), "answer"); !a.Alert || !strings.Contains(a.Text, s.old) {
					t.Errorf("under what is no SMS: %+v", a)
				}
			})
		})
	}
}

// TestAPromptWhoseIDWasNotLearnedIsAnswered: Telegram's answer to its posting was lost. It names its SMS, as heads do.
func TestAPromptWhoseIDWasNotLearnedIsAnswered(t *testing.T) {
	for _, language := range []string{"en", "fa"} {
		t.Run(language, func(t *testing.T) {
			atEach(t, func(t *testing.T, server telegram.Options) {
				w := newWorld(t, server, panel.Options{})
				w.opts.Language = language
				w.start()
				shown := w.shows("09121111111", "hello")
				if err := w.tg.Arm(telegram.Fault{Method: "sendMessage", Chat: w.group, Kind: telegram.CloseAfter}); err != nil {
					t.Fatal(err)
				}
				w.presses(w.ali, shown, map[string]string{"en": "Answer", "fa": "پاسخ"}[language])
				unknown := w.prompted(w.ali, shown.ID)
				w.replies(unknown, "good morning")
				if sent := w.sent(1)[0]; sent.Customer != "09121111111" || sent.Line != "30001234" || sent.Text != "good morning" {
					t.Errorf("the answer became %+v", sent)
				}
				w.deleted(w.prompted(w.ali, unknown.ID)) // its repetition, when nobody answers that
			})
		})
	}
}

// TestWhatHasNoAnswerButton: a digest, a sender without a telephone.
func TestWhatHasNoAnswerButton(t *testing.T) {
	atEach(t, func(t *testing.T, server telegram.Options) {
		w := newWorld(t, server, panel.Options{})
		w.start()
		if m := w.shows("Bank", "your code is 4711"); len(m.Buttons) > 0 {
			t.Errorf("under an SMS that nobody can answer stands %v", m.Buttons)
		}
		w.end()
		for _, n := range []string{"09121111111", "09122222222", "09123333333", "09124444444", "09125555555"} {
			for _, words := range []string{"a", "b", "c", "d", "e", "f"} {
				w.panel.Receive(n, "30001234", words)
			}
		}
		w.start()
		digest := w.sees(w.group, "09121111111", "09125555555")
		if len(digest.Buttons) > 0 {
			t.Errorf("under many SMS stands %v", digest.Buttons)
		}
	})
}

func TestButtonsHaveTheirColours(t *testing.T) {
	for language, s := range map[string]struct{ send, cancel, forget string }{
		"en": {"Send", "Cancel", "Forget"}, "fa": {"بفرست", "لغو", "فراموش"},
	} {
		t.Run(language, func(t *testing.T) {
			atEach(t, func(t *testing.T, server telegram.Options) {
				w := newWorld(t, server, panel.Options{})
				w.opts.Language = language
				w.start()
				colours := map[string]string{}
				for _, m := range []telegram.Message{
					w.asks(telegram.Post{Chat: w.group, From: w.ali, Text: "/send 09121111111,09122222222 hi"}),
					w.asks(telegram.Post{Chat: w.sara, From: w.sara, Text: "/forget 09121111111"}),
					w.shows("09121111111", "hello"),
				} {
					for _, row := range m.Buttons {
						for _, b := range row {
							colours[b.Text] = b.Style
						}
					}
				}
				want := map[string]string{s.send: "success", s.cancel: "danger", s.forget: "danger"}
				for label, colour := range colours {
					for begins, style := range want {
						if strings.HasPrefix(label, begins) && !w.old && colour != style || w.old && colour != "" {
							t.Errorf("%q is %q, want %q", label, colour, style)
						}
					}
				}
				if len(colours) < 4 {
					t.Errorf("buttons: %v", colours)
				}
			})
		})
	}
}
