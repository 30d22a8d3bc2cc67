package bridge_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"peyk/sandbox/panel"
	"peyk/sandbox/telegram"
)

// TestALinkHoldsForEverySpelling: whatever the panel makes of a number, it is one customer's, whose SMS show where they are linked to.
func TestALinkHoldsForEverySpelling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		w.start()
		for i, c := range []struct {
			typed, want string
			spellings   []string
		}{
			{"+98 912 111 1111", "09121111111", []string{"989121111111.0", "9.89121111111E11", "0989121111111", "+00989121111111", "98 0912 111 1111", "０９１２ـ１１１１１１１"}},
			{"+447911123456", "+447911123456", []string{"447911123456", "00447911123456", "447911123456.00", "4.47911123456e+11"}},
		} {
			vip := w.tg.AddSupergroup(fmt.Sprint("VIP ", i), w.sara, w.ali, w.tg.Bot().ID)
			w.says(telegram.Post{Chat: vip, From: w.sara, Text: "/link " + c.typed})
			w.sees(vip, "are now shown here")
			for n, spelling := range c.spellings {
				w.panel.Receive(spelling, "30001234.0", fmt.Sprintf("secret %d.%d", i, n))
				w.sees(vip, c.want, fmt.Sprintf("secret %d.%d", i, n))
			}
		}
		w.quiet()
		if m := w.transcript(w.group); strings.Contains(m, "secret") {
			t.Errorf("shown elsewhere, too:\n%s", m)
		}
	})
}

// TestNothingIsSentToWhatIsNotSurelyANumber answers senders of which nobody can tell who they are.
func TestNothingIsSentToWhatIsNotSurelyANumber(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		w.start()
		for _, sender := range []string{"989121111111.5", "9.89121E+11", "-9121111111", "98912111111", "009121234567"} {
			time.Sleep(10 * time.Second) // each is shown by itself
			shown := w.shows(sender, "from "+sender)
			w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "hello", ReplyTo: shown.ID})
			w.sees(w.group, sender, "cannot be answered. Nothing was sent")
		}
		shown := w.shows("9121111111.0", "whole")
		w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "hello", ReplyTo: shown.ID})
		if got := w.sent(1)[0]; got.Customer != "09121111111" || got.Line != "30001234" {
			t.Errorf("sent %+v", got)
		}
	})
}
