//lint:file-ignore ST1018 Persian is written with U+200C

package bridge_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"unicode/utf16"

	"peyk/sandbox/panel"
	"peyk/sandbox/telegram"
)

// marked returns a text and its entities: "[words](address)" is a link, "*[words]" is bold.
func marked(src string) (text string, entities []telegram.Entity) {
	units := func() int { return len(utf16.Encode([]rune(text))) }
	for {
		before, rest, found := strings.Cut(src, "[")
		bold := found && strings.HasSuffix(before, "*")
		text += strings.TrimSuffix(before, "*")
		if !found {
			return text, entities
		}
		words, rest, _ := strings.Cut(rest, "]")
		e := telegram.Entity{Type: "bold", Offset: units(), Length: len(utf16.Encode([]rune(words)))}
		if !bold {
			e.Type = "text_link"
			e.URL, rest, _ = strings.Cut(rest[1:], ")")
		}
		text += words
		entities = append(entities, e)
		src = rest
	}
}

func TestAddressesOfLinksGoOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		w.start()
		shown := w.shows("09121111111", "hello")
		for i, tc := range []struct{ name, src, want string }{
			{"at the end", "pay [here](https://pay.ir/x1)", "pay here https://pay.ir/x1"},
			{"in the middle", "pay [here](https://pay.ir/x2) today", "pay here https://pay.ir/x2 today"},
			{"all of it", "[pay here](https://pay.ir/x3)", "pay here https://pay.ir/x3"},
			{"before a full stop", "pay [here](https://pay.ir/x4).", "pay here https://pay.ir/x4 ."},
			{"several", "[pay](https://pay.ir/x5) or [call](https://call.ir/5) us", "pay https://pay.ir/x5 or call https://call.ir/5 us"},
			{"behind emoji", "😀👨‍👩‍👧 *[see] [this](https://e.ir/6) 😀", "😀👨‍👩‍👧 see this https://e.ir/6 😀"},
			{"Persian", "برای پرداخت [این‌جا](https://pay.ir/۷) را بزنید", "برای پرداخت این‌جا https://pay.ir/۷ را بزنید"},
			{"the word is an emoji", "[💳](https://pay.ir/x8) pay", "💳 https://pay.ir/x8 pay"},
			{"a mail", "write [us](mailto:info@example.com)", "write us info@example.com"},
			{"a telephone", "call [us](tel:+982188776655)", "call us +982188776655"},
			{"two lines", "[see](https://e.ir/9)\n[that](https://e.ir/10)", "see https://e.ir/9\nthat https://e.ir/10"},
			{"a link in two pieces, as one half is bold", "[pay ](https://pay.ir/x11)[here](https://pay.ir/x11) now", "pay here https://pay.ir/x11 now"},
			{"another address than it says", "[example.com](https://example.org/12)", "example.com https://example.org/12"},
			{"the address itself", "see [https://example.com/13](https://example.com/13)", "see https://example.com/13"},
			{"the address without its scheme", "see [example.com](http://example.com/) 14", "see example.com 14"},
			{"the address in capitals", "see [Example.com/a](https://example.com/a/) 15", "see Example.com/a 15"},
			{"the address as people read it", "see [https://e.ir/سلام](https://e.ir/%D8%B3%D9%84%D8%A7%D9%85) 16", "see https://e.ir/سلام 16"},
			{"a mail itself", "write [info@example.com](mailto:info@example.com) 17", "write info@example.com 17"},
			{"a telephone itself", "call [021-8877 6655](tel:+982188776655) 18", "call 021-8877 6655 18"},
			{"its words and its address", "[our site example.com](https://example.com) 19", "our site example.com 19"},
			{"somebody on Telegram", "ask [Sara](tg://user?id=5) 20", "ask Sara 20"},
			{"a space belongs to the link", "pay [here ](https://pay.ir/x21)now", "pay here https://pay.ir/x21 now"},
		} {
			for end, how := range map[string]string{" a": "", " b": "/send 09121111111 ", " c": "/send@PeykSandboxBot 0912 111 1111, "} { // three orders
				t.Log(tc.name + ", " + how)
				p, want := telegram.Post{Chat: w.group, From: w.ali}, tc.want+end
				if how == "" {
					p.ReplyTo = shown.ID
				}
				p.Text, p.Entities = marked(how + tc.src + end)
				n := w.panel.SentCount()
				id := w.says(p)
				m, err := w.tg.WaitMessage(w.context(), w.group, func(m telegram.Message) bool {
					return w.panel.SentCount() > n || m.FromBot && m.ReplyTo == id && len(m.Buttons) > 0
				})
				if err != nil {
					t.Fatal(err)
				}
				if w.panel.SentCount() == n { // Persian texts, and emoji, have longer addresses than one part holds
					w.presses(w.ali, m, "Send")
				}
				sent := w.sent(n + 1)
				if got := sent[n]; got.Text != want || got.Customer != "09121111111" {
					t.Errorf("%d: sent %q, want %q", i, got.Text, want)
				}
			}
		}
	})
}

func TestAddressesOfLinksCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		w.start()
		shown := w.shows("09121111111", "hello")
		for i, src := range []string{
			strings.Repeat("a", 150) + " [here](https://example.com/pay)",
			strings.Repeat("س", 60) + " [این‌جا](https://example.com/pay)",
			"[" + strings.Repeat("a", 155) + "](tel:+982188776655)",
		} {
			text, entities := marked(src)
			id := w.says(telegram.Post{Chat: w.group, From: w.ali, Text: text, Entities: entities, ReplyTo: shown.ID})
			m, err := w.tg.WaitMessage(w.context(), w.group, func(m telegram.Message) bool { return m.FromBot && m.ReplyTo == id })
			if err != nil {
				t.Fatal(err)
			}
			if !containsAll(m.Text, []string{"To 09121111111", "Send this?", "parts each: 2", "links are written out"}) || len(m.Buttons) == 0 {
				t.Errorf("%d: the agent is told %q", i, m.Text)
				continue
			}
			w.presses(w.ali, m, "Send")
			w.sent(i + 1)
		}
	})
}

func TestLinksOfWhatIsNoText(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		w.start()
		// A link that a number bears is of the number, and one over both is of the text.
		text, entities := marked("/send [09121111111](tel:09121111111), [0912 222 2222](https://example.com/crm/5) hello")
		w.says(telegram.Post{Chat: w.group, From: w.ali, Text: text, Entities: entities})
		w.presses(w.ali, w.sees(w.group, "Recipients: 2"), "Send")
		for _, m := range w.sent(2) {
			if m.Text != "hello" {
				t.Errorf("sent %q", m.Text)
			}
		}
		text, entities = marked("[/send 09123333333 hello](https://example.com/1)")
		order := w.says(telegram.Post{Chat: w.group, From: w.ali, Text: text, Entities: entities})
		if got := w.sent(3)[2]; got.Customer != "09123333333" || got.Text != "hello https://example.com/1" {
			t.Errorf("sent %+v", got)
		}
		w.sees(w.group, "To 09123333333: ✔️ sent")
		// The order stands as it is in the message, links and all.
		said := w.answers(w.group, func() { w.editsInvisibly(order) })
		checkTold(t, said, "")
		// A command that is bold is a command.
		text, entities = marked("*[/send 09124444444 bold]")
		w.says(telegram.Post{Chat: w.group, From: w.ali, Text: text, Entities: entities})
		if got := w.sent(4)[3]; got.Text != "bold" {
			t.Errorf("sent %+v", got)
		}
		// In a chat of a customer's, a number may hide behind a word.
		w.says(telegram.Post{Chat: w.group, From: w.sara, Text: "/link 09121111111"})
		w.sees(w.group, "SMS of 09121111111 are now shown here")
		for i, src := range []string{"/send [Ali](tel:09122222222) your code is %d", "/send [Ali](https://wa.me/989122222222) your code is %d", "/send «[Ali](tel:+98-912-222-2222)» your code is %d"} {
			text, entities = marked(fmt.Sprintf(src, i))
			id := w.says(telegram.Post{Chat: w.group, From: w.ali, Text: text, Entities: entities})
			m, err := w.tg.WaitMessage(w.context(), w.group, func(m telegram.Message) bool { return m.FromBot && m.ReplyTo == id })
			if err != nil || len(m.Buttons) == 0 || !containsAll(m.Text, []string{"To 09121111111", "phone number"}) {
				t.Errorf("%s: the agent is told %q, %v", src, m.Text, err)
			}
		}
		w.sent(4)
	})
}
