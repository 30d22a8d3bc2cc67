//lint:file-ignore ST1018 Persian is written with U+200C

package bridge_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"peyk/sandbox/panel"
	"peyk/sandbox/telegram"
)

// TestAnOldServerIsAskedOnce has a bridge find out what its Telegram is too old for, do without, and find out when that is over.
func TestAnOldServerIsAskedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{Old: true}, panel.Options{})
		w.start()
		shown := w.shows("09121111111", "hello")
		for _, words := range []string{"answer", "and more"} {
			w.reported(w.group, w.replies(shown, words), "✔️ sent")
		}
		if calls, _ := w.reacted(); calls > 0 {
			t.Errorf("%d marks are tried on a server without reactions", calls)
		}
		w.logged(`msg="this telegram server is too old" for=reactions`)
		w.logged(`msg="this telegram server is too old" for=topics`)
		w.tg.SetOld(false)
		w.old = false
		time.Sleep(time.Hour)
		w.bears(w.group, w.replies(shown, "another"), "👌")
	})
}

// TestWhatAnOutageSaysOfAbilities has all questions about abilities fail: that says nothing about them.
func TestWhatAnOutageSaysOfAbilities(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		for _, method := range []string{"setMessageReaction", "createForumTopic"} {
			if err := w.tg.Arm(telegram.Fault{Method: method, Kind: telegram.BadGateway}); err != nil {
				t.Fatal(err)
			}
		}
		w.start()
		w.bears(w.group, w.replies(w.shows("09121111111", "hello"), "answer"), "👌")
		if len(w.tg.Armed()) > 0 || !slices.ContainsFunc(w.tg.Calls(), func(c telegram.Call) bool { return c.Method == "createForumTopic" }) {
			t.Error("nobody asked what the server can")
		}
	})
}

// TestADeskOf2021 is a morning at a desk whose Telegram server is years old: all goes on, in the old way, and of what the server refuses each kind is tried
// once.
func TestADeskOf2021(t *testing.T) {
	for language, s := range map[string]struct{ send, waits, done, snoozed, awake string }{
		"en": {"Send", "Waiting for an answer: 1", "waits no more", "waits again from", "waits again."},
		"fa": {"بفرست", "در انتظار پاسخ: ۱", "دیگر در انتظار پاسخ نیست", "به تعویق افتاد", "دوباره در انتظار پاسخ است"},
	} {
		t.Run(language, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, telegram.Options{Old: true}, panel.Options{Statuses: []panel.Step{{Status: 4}}})
				w.opts.Language = language
				w.start()
				ask := func(text string) telegram.Message {
					return w.asks(telegram.Post{Chat: w.group, From: w.ali, Text: text})
				}
				shown := w.shows("09121111111", "see https://shop.example/1 <b>now</b>")
				if !shown.NoPreview || shown.Silent || !slices.ContainsFunc(shown.Entities, func(e telegram.Entity) bool { return e.Type == "italic" }) {
					t.Errorf("shown as %+v", shown)
				}
				if m := ask("/waiting"); !containsAll(m.Text, []string{s.waits, "09121111111"}) {
					t.Errorf("/waiting: %q", m.Text)
				}
				w.reported(w.group, w.replies(shown, "on its way"), "✅")
				question := ask("/send 09122222222,09123333333 we are closed tomorrow")
				w.presses(w.ali, question, s.send)
				w.sent(3)

				for _, words := range []string{"thanks", "one more thing"} {
					shown = w.shows("09121111111", words)
				}
				if m := w.asks(telegram.Post{Chat: w.group, From: w.ali, ReplyTo: shown.ID, Text: "/done"}); !strings.Contains(m.Text, s.done) {
					t.Errorf("/done: %q", m.Text)
				}
				shown = w.shows("09124444444", "call me")
				if m := w.asks(telegram.Post{Chat: w.group, From: w.ali, ReplyTo: shown.ID, Text: "/snooze 30m"}); !strings.Contains(m.Text, s.snoozed) {
					t.Errorf("/snooze: %q", m.Text)
				}
				w.replies(w.sees(w.group, "09124444444", s.awake), "calling")
				if last := w.sent(4)[3]; last.Customer != "09124444444" {
					t.Errorf("a reply to what waits again became %+v", last)
				}

				page := ask("/history 09121111111")
				w.replies(page, "as I said")
				if last := w.sent(5)[4]; last.Customer != "09121111111" {
					t.Errorf("a reply to a page became %+v", last)
				}
				w.picks(ask("/find closed tomorrow"), "tomorrow\n", "or on Monday")
				w.sent(6)
				for i := range 40 {
					w.panel.Receive(fmt.Sprintf("091255555%02d", i), "30001234", fmt.Sprintf("all at once %d.", i))
				}
				w.picks(w.sees(w.group, "all at once 38."), "all at once 38.", "one by one")
				if last := w.sent(7)[6]; last.Customer != "09125555538" {
					t.Errorf("an answer by its id became %+v", last)
				}

				refused := map[string]int{}
				for _, c := range w.tg.Calls() {
					if c.Code == 400 && c.Method != "setMyCommands" || c.Code == 404 {
						refused[c.Method]++
					}
				}
				if want := map[string]int{"setMessageReaction": 1, "createForumTopic": 1, "sendMessage": 2}; !maps.Equal(refused, want) {
					t.Errorf("refused %v, want %v", refused, want)
				}
			})
		})
	}
}
