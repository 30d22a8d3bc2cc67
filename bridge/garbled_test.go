package bridge_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"

	"peyk/sandbox/panel"
	"peyk/sandbox/telegram"
)

// TestATextThatWeCannotReadIsNotSent has Telegram give texts that hold halves of emoji, which JSON can carry and a text cannot.
func TestATextThatWeCannotReadIsNotSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		broken := strings.NewReplacer("HIGH", `\ud83d`, "LOW", `\uDE00`, "BYTES", "\xe2\x80", "OTHER", `\ud83d\u0633`)
		w.TGNet.Handler = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			answer := httptest.NewRecorder()
			w.tg.ServeHTTP(answer, r)
			rw.WriteHeader(answer.Code)
			io.WriteString(rw, broken.Replace(answer.Body.String()))
		})
		w.start()
		w.panel.Receive("09121111111", "30001234", "hello")
		shown := w.sees(w.group, "hello")
		for name, text := range map[string]string{
			"the first half of an emoji":   "thanks HIGH",
			"its second half":              "thanks LOW",
			"halves in the wrong order":    "LOWHIGH",
			"a half before another letter": "OTHER",
			"bytes that are no UTF-8":      "thanks BYTES",
			"a command":                    "/send 09122222222 thanks HIGH!",
		} {
			id := w.says(telegram.Post{Chat: w.group, From: w.ali, Text: text, ReplyTo: shown.ID})
			m, err := w.tg.WaitMessage(w.context(), w.group, func(m telegram.Message) bool { return m.FromBot && m.ReplyTo == id })
			if err != nil || !strings.Contains(m.Text, "nothing was sent") {
				t.Errorf("%s: got %q, %v", name, m.Text, err)
			}
		}
		w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "whole: HIGHLOW", ReplyTo: shown.ID})
		w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "typed: \ufffd", ReplyTo: shown.ID})
		for i, want := range []string{"whole: 😀", "typed: \ufffd"} {
			if got := w.sent(2)[i].Text; got != want {
				t.Errorf("sent %q, want %q", got, want)
			}
		}
	})
}
