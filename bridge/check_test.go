package bridge_test

import (
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"

	"peyk/sandbox/panel"
	"peyk/sandbox/telegram"
	"peyk/sms"
)

func TestCheckInTheChat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		w.opts.Lines = append(w.opts.Lines, sms.Number("20009999"))
		w.start()
		w.says(telegram.Post{Chat: w.sara, From: w.sara, Text: "/start"})
		w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "/check"})
		w.sees(w.group, "Only administrators can do that.")

		asked := w.says(telegram.Post{Chat: w.group, From: w.sara, Text: "/check"})
		found := w.sees(w.group, "store: ")
		if found.ReplyTo != asked {
			t.Errorf("it answers %d, asked was in %d", found.ReplyTo, asked)
		}
		first, _, _ := strings.Cut(found.Text, "\n")
		if first != "❌ lines: 20009999 is not ours, says the panel: correct SMS_LINES." {
			t.Errorf("what is wrong does not come first:\n%s", found.Text)
		}
		for _, want := range []string{"✅ store: ", "a copy was read", "✅ token: it belongs to \u2068@PeykSandboxBot\u2069", "✅ group privacy: on", "✅ chat: the bot may write in \u2068Support\u2069",
			"✅ panel: it takes our user name and password; credit 1000000.", "✅ lines: the panel lets us send from 30001234, 30005678.", "✅ clock: right."} {
			if !strings.Contains(found.Text, want) {
				t.Errorf("%q is missing in\n%s", want, found.Text)
			}
		}

		w.says(telegram.Post{Chat: w.sara, From: w.sara, Text: "/language fa"})
		w.says(telegram.Post{Chat: w.sara, From: w.sara, Text: "/check"})
		w.sees(w.sara, "❌ خط\u200cها: پنل می\u200cگوید \u206620009999\u2069", "✅ ساعت: درست است.")
		if w.panel.SentCount() != 0 {
			t.Errorf("%d SMS were sent", w.panel.SentCount())
		}
	})
}

func TestCheckLooksAtLinkedChats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		w.start()
		w.says(telegram.Post{Chat: w.sara, From: w.sara, Text: "/start"})
		vip := w.tg.AddSupergroup("VIP", w.sara, w.tg.Bot().ID)
		w.says(telegram.Post{Chat: vip, From: w.sara, Text: "/link 09121111111"})
		w.sees(vip, "are now shown here")
		if err := w.tg.OnlyAdminsWrite(vip, true); err != nil {
			t.Fatal(err)
		}
		w.says(telegram.Post{Chat: w.sara, From: w.sara, Text: "/check"})
		w.sees(w.sara, "❌ chat: the bot may not write in \u2068VIP\u2069", "✅ chat: the bot may write in \u2068Support\u2069")
	})
}

// TestCheckTellsOfAnotherProgramWithOurToken has it ask for updates, too.
func TestCheckTellsOfAnotherProgramWithOurToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		w.start()
		w.settles(w.group)
		w.until("the bridge to see it", func() bool {
			w.tg.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/bot"+w.token+"/getUpdates", nil)) // between two polls of the bridge's it hits nothing
			return strings.Contains(w.logs.String(), "another program uses this bot's token")
		})
		w.says(telegram.Post{Chat: w.group, From: w.sara, Text: "/check"})
		w.sees(w.group, "❌ updates: at ", "another program fetched them with our token")
	})
}
