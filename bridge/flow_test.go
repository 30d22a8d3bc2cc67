package bridge_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"peyk/sandbox/panel"
	"peyk/sandbox/telegram"
)

func TestCustomerWritesAgentAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, dialect := range []panel.Dialect{panel.Nusoap, panel.Native} {
			w := newWorld(t, telegram.Options{}, panel.Options{Dialect: dialect, Statuses: []panel.Step{{After: 60 * time.Millisecond, Status: 3}, {After: 100 * time.Millisecond, Status: 4}}})
			w.start()
			w.panel.Receive("+989121111111", "30005678", "سلام <b>وقت بخیر</b> & 😀")
			shown := w.sees(w.group, "09121111111", "30005678", "سلام <b>وقت بخیر</b> & 😀")
			if !shown.NoPreview {
				t.Error("an SMS is shown with a link preview")
			}
			reply := w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "سلام، در خدمتم", ReplyTo: shown.ID})
			sent := w.sent(1)[0]
			if sent.Line != "30005678" || sent.Customer != "09121111111" || sent.Text != "سلام، در خدمتم" {
				t.Errorf("sent %+v", sent)
			}
			w.bears(w.group, reply, "👍")
			// Another answer to the same SMS goes to the same customer.
			w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "one more thing", ReplyTo: shown.ID})
			if sent := w.sent(2)[1]; sent.Customer != "09121111111" || sent.Line != "30005678" {
				t.Errorf("sent %+v", sent)
			}
			w.end()
		}
	})
}

func TestCommands(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{Credit: 1234})
		w.start()
		w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "/credit@PeykSandboxBot"})
		w.sees(w.group, "Credit", "1234")
		w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "/send ۰۹۱۲۳۴۵۶۷۸۹ Your order\nis ready"})
		if sent := w.sent(1)[0]; sent.Line != "30001234" || sent.Customer != "09123456789" || sent.Text != "Your order\nis ready" {
			t.Errorf("sent %+v", sent)
		}
		w.sees(w.group, "09123456789", "sent, no word from the phone")
		w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "/status"})
		w.sees(w.group, "·", "09123456789", "5000000001")
		w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "/status 5000000001 77"})
		w.sees(w.group, "5000000001: being sent\n77: the panel does not know it")
		w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "/line"})
		w.sees(w.group, "sends from 30001234")
		w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "/line 30005678"})
		w.sees(w.group, "Only administrators")
		w.says(telegram.Post{Chat: w.group, From: w.sara, Text: "/line 99999"})
		w.sees(w.group, "99999 is not a line of ours")
		w.says(telegram.Post{Chat: w.group, From: w.sara, Text: "/line +9830005678"})
		w.sees(w.group, "now sends from 30005678")
		w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "/send 09123456789 hi"})
		if sent := w.sent(2)[1]; sent.Line != "30005678" {
			t.Errorf("sent from %s", sent.Line)
		}
		w.says(telegram.Post{Chat: w.ali, From: w.ali, Text: "/help"})
		help := w.sees(w.ali, "/credit")
		if containsAll(help.Text, []string{"/inbox"}) {
			t.Error("help shows an agent what only admins may do")
		}
		w.says(telegram.Post{Chat: w.ali, From: w.ali, Text: "/nonsense"})
		w.sees(w.ali, "no command /nonsense")
	})
}

func TestOwnerCode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		w.opts.Users, w.opts.Admins, w.storeOpts.Admins, w.storeOpts.Inbox = nil, nil, nil, nil
		w.start()
		w.panel.Receive("09121111111", "30001234", "anybody there?")
		code := w.logged("code=")
		// Telegram sends /start and what the link says, and takes no other characters in it.
		if link := w.logged("link="); link != fmt.Sprintf("%q", "https://t.me/PeykSandboxBot?start="+code) || !regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`).MatchString(code) {
			t.Errorf("the link is %s", link)
		}
		w.says(telegram.Post{Chat: w.omid, From: w.omid, Text: "/start wrong"})
		w.sees(w.omid, "private bot")
		w.says(telegram.Post{Chat: w.sara, From: w.sara, Text: "/start " + code})
		w.sees(w.sara, "You are now the owner")
		w.sees(w.sara, "no chat shows them")
		w.says(telegram.Post{Chat: w.omid, From: w.omid, Text: "/start " + code})
		w.quietAs(w.sara)
		for w.waits(w.omid) {
			w.quietAs(w.sara)
		}
		if got := len(w.fromBot(w.omid)); got != 2 {
			t.Errorf("the stranger was answered %d times, want 2, as one", got)
		}
		w.says(telegram.Post{Chat: w.sara, From: w.sara, Text: "/inbox on"})
		w.sees(w.sara, "anybody there?")
		w.end()
		w.start() // the owner is known, no code is made
		w.says(telegram.Post{Chat: w.sara, From: w.sara, Text: "/credit"})
		w.sees(w.sara, "Credit")
	})
}

func TestStatusNamesTheIDOfOneRecipientOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		w.start()
		w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "/send 09121111111,09122222222 hello"})
		w.presses(w.ali, w.sees(w.group, "Send this?"), "Send")
		w.sees(w.group, "2 sent")
		w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "/status"})
		if m := w.sees(w.group, "·", "To 2 recipients"); strings.Contains(m.Text, "5000000001") {
			t.Errorf("one id stands for two recipients: %q", m.Text)
		}
	})
}

func TestIDThePanelRefusesKeepsNoOtherFromBeingAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{Statuses: []panel.Step{{Status: 4}}})
		w.panel.Arm(panel.Fault{Method: "GetStatus", Kind: panel.ErrCode, Code: -4})
		w.start()
		w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "/send 09121111111,09122222222,09123333333 hello"})
		w.presses(w.ali, w.sees(w.group, "Send this?"), "Send")
		w.sees(w.group, "3 delivered")
		asked := []int{}
		for _, r := range w.panel.Requests() {
			if r.Method == "GetStatus" {
				asked = append(asked, len(r.Params["unique_ids"]))
			}
		}
		if want := []int{3, 1, 2}; !slices.Equal(asked, want) {
			t.Errorf("asked for %v ids, want %v: the refused ones again, apart", asked, want)
		}
	})
}

func TestIDThePanelBreaksOnKeepsNoOtherFromBeingAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{Statuses: []panel.Step{{Status: 4}}})
		w.PanelNet.Handler = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			if strings.Contains(string(body), "GetStatus") && strings.Contains(string(body), "5000000001") {
				rw.WriteHeader(http.StatusInternalServerError) // as PHP does when it crashes
				return
			}
			r.Body = io.NopCloser(bytes.NewReader(body))
			w.panel.ServeHTTP(rw, r)
		})
		w.start()
		w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "/send 09121111111 hello"})
		w.logged("ask panel for delivery fails")
		w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "/send 09122222222 hello"})
		w.sees(w.group, "09122222222", "delivered")
	})
}

func TestStatusOfAnIDIsShownWhereItWasSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		w.storeOpts.StatusInterval = 2 * time.Hour // nothing asks by itself
		w.start()
		w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "/send 09121111111 hello"})
		w.sees(w.group, "sent, no word from the phone")
		w.panel.SetStatus("5000000001", 4)
		w.says(telegram.Post{Chat: w.ali, From: w.ali, Text: "/status 5000000001 4711"})
		w.sees(w.ali, "5000000001: delivered")
		w.sees(w.group, "✅ delivered")
	})
}
