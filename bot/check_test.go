package bot_test

import (
	"net/http"
	"strings"
	"testing"

	"peyk/sandbox/panel"
	"peyk/sandbox/telegram"
	"peyk/sms"
)

func TestCheckInTheChat(t *testing.T) {
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
	for _, want := range []string{"✅ store: ", "a copy was read", "✅ token: it is that of \u2068@PeykSandboxBot\u2069", "✅ group privacy: on", "✅ chat: the bot may write in \u2068Support\u2069",
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
}

// TestCheckTellsOfAnotherProgramWithOurToken has it ask for updates, too.
func TestCheckTellsOfAnotherProgramWithOurToken(t *testing.T) {
	w := newWorld(t, telegram.Options{}, panel.Options{})
	w.start()
	w.settles(w.group)
	ctx := w.context()
	for !strings.Contains(w.logs.String(), "another program uses this bot's token") {
		if ctx.Err() != nil {
			t.Fatal("the bridge does not see it")
		}
		answer, err := http.Get(w.tgURL + "/bot" + w.token + "/getUpdates") // between two polls of the bridge's it hits nothing
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		w.logs.wait()
	}
	w.says(telegram.Post{Chat: w.group, From: w.sara, Text: "/check"})
	w.sees(w.group, "❌ updates: at ", "another program fetched them with our token")
}
