package bridge_test

import (
	"slices"
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
