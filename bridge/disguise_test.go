//lint:file-ignore ST1018 Persian is written with U+200C

package bridge_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"peyk/sandbox/panel"
	"peyk/sandbox/telegram"
)

// disguised are texts that begin with a whole phone number in a form that strict reading does not recognise.
var disguised = []string{
	"«09122222222» رمز شما ۱۲۳۴ است",
	`"09122222222" your code is 1234`,
	"“+989122222222” your code is 1234",
	"[09122222222] your code is 1234",
	"{0912 222 2222} your code is 1234",
	"(09122222222), your code is 1234",
	"((۰۹۱۲)۲۲۲۲۲۲۲): رمز شما ۱۲۳۴ است",
	"`09122222222` your code is 1234",
	"'09122222222' your code is 1234",
	"<09122222222> your code is 1234",
	"<b>09122222222</b> your code is 1234",
	"**09122222222** your code is 1234",
	"||09122222222|| your code is 1234",
	"۰۹۱۲ـ۲۲۲ـ۲۲۲۲ رمز شما ۱۲۳۴ است",
	"۰ـ۹ـ۱ـ۲ـ۲ـ۲ـ۲ـ۲ـ۲ـ۲ـ۲ رمز شما ۱۲۳۴ است",
	"«09\u200b12\u200d222\u20602222» your code is 1234",
	"\u202b«\u206609122222222\u2069»\u202c رمز شما",
	"０９１２２２２２２２２ your code is 1234",
	"＋９８９１２２２２２２２２ your code is 1234",
	"०९१२२२२२२२२ your code is 1234",
	"𝟎𝟗𝟏𝟐𝟐𝟐𝟐𝟐𝟐𝟐𝟐 your code is 1234",
	"0️⃣9️⃣1️⃣2️⃣2️⃣2️⃣2️⃣2️⃣2️⃣2️⃣2️⃣ your code is 1234",
	"09122222222: your code is 1234",
	"09122222222– your code is 1234",
	"09122222222... your code is 1234",
	"09122222222… your code is 1234",
	"09122222222! your code is 1234",
	"09122222222» your code is 1234",
	"09122222222/ your code is 1234",
	"+989122222222سلام، رمز شما ۱۲۳۴ است",
	"9122222222سلام",
	"09122222222\u200cسلام",
	"سلام09122222222 رمز شما",
	"tel:+989122222222 your code is 1234",
	"tel: 09122222222 your code is 1234",
	"TEL:0912-222-2222 your code is 1234",
	"https://wa.me/989122222222 your code is 1234",
	"wa.me/+989122222222 your code is 1234",
	"https://api.whatsapp.com/send?phone=989122222222&text=hi your code is 1234",
	"https://t.me/+447911123456 your code is 1234",
	"https://example.com/989122222222/pay your code is 1234",
	"0912 / 222 / 2222 your code is 1234",
	"0912/222/2222 your code is 1234",
	"0912 - 222 - 2222 your code is 1234",
	"0912 . 222 . 2222 your code is 1234",
	"0912:222:2222 your code is 1234",
	"0912\n222\n2222\nyour code is 1234",
	"0 9 1 2 2 2 2 2 2 2 2 your code is 1234",
	"«0912» «222» «2222» your code is 1234",
	"0912 222 2222سلام",
	"09122222222\u2028رمز",
	"📱09122222222 your code is 1234",
	"📱 ☎️ 09122222222 your code is 1234",
	"- 09122222222 your code is 1234",
	"1) 09122222222 your code is 1234",
	"@09122222222 your code is 1234",
	"#09122222222 your code is 1234",
	"«+44 7911 123456» your code is 1234",
	"«447911123456» your code is 1234",
	"447911123456 your code is 1234",
	"O9122222222 your code is 1234",
	"1-800-555-1234 your code is 1234",
	"«021-88776655» your code is 1234",
}

// ordinary are texts that do not begin with a phone number.
var ordinary = []string{
	"1234 is your code", "«1234» رمز شما", "[12] boxes", "#1234 is ready", "۱۲۳۴۵: رمز شما",
	"500 تومان", "1,500,000 toman", "۱٬۵۰۰٬۰۰۰٬۰۰۰ ریال", "12500000 ریال", "12.500.000 IRR", "$49.99 only today",
	"1403/05/12 is the day", "1403-05-12 10:30 نوبت شما", "2026-11-28T19:30:45 is the time", "«۱۴۰۳/۰۵/۱۲» نوبت شما",
	"12:30، منتظریم", "9-17 is when we are there", "1403/05/12-1403/05/20 تعطیل است",
	"6037-9975-1234-5678 is our card", "6037997512345678 is our card", "IR120570029971601460641001 شبا",
	"ORD-2024-0001 has left", "DG-1234567 ارسال شد", "https://example.com/o/1234 is your order", "24/7 پشتیبانی", "۲ تا ۳ روز دیگر",
	"call 09122222222", "شمارهٔ تازهٔ ما 09122222222 است", "😀", "110 پلیس", "021 is Tehran", "0912 is an old range",
}

// toBound has an agent order a text in the chat that belongs to a customer, and returns what the bot says first.
func (w *world) toBound(text string) telegram.Message {
	w.Helper()
	id := w.agentSays("/send " + text)
	m, err := w.tg.WaitMessage(w.context(), w.group, func(m telegram.Message) bool { return m.FromBot && m.ReplyTo == id })
	if err != nil {
		w.Fatalf("%q is not answered: %v", text, err)
	}
	return m
}

func TestADisguisedNumberIsNotSentToSomebodyElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		w.start()
		w.says(telegram.Post{Chat: w.group, From: w.sara, Text: "/link 09121111111"})
		w.sees(w.group, "SMS of 09121111111 are now shown here")
		for _, text := range disguised {
			m := w.toBound(text)
			asks := len(m.Buttons) > 0 && containsAll(m.Text, []string{"To 09121111111", "phone number", "Send this?"})
			// Or it is read as the number it is.
			read := strings.Contains(m.Text, "To 09122222222")
			if refused := strings.Contains(m.Text, "nothing was sent"); !asks && !refused && !read {
				t.Errorf("%q: the agent is told %q", text, m.Text)
			}
			if asks {
				w.presses(w.ali, m, "Cancel")
			}
		}
		w.settles(w.group)
		for _, m := range w.panel.Sent() {
			if m.Customer == "09121111111" {
				t.Errorf("%q went to the customer of the chat", m.Text)
			}
		}
		asked := w.toBound(disguised[0])
		w.presses(w.ali, asked, "Send")
		if err := w.panel.Wait(w.context(), func() bool {
			return slices.ContainsFunc(w.panel.Sent(), func(m panel.SMS) bool { return m.Customer == "09121111111" && m.Text == disguised[0] })
		}); err != nil {
			t.Errorf("what was asked about is not sent: %v", err)
		}
	})
}

func TestADisguisedNumberBehindANumberIsAskedAbout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		w.start()
		for _, text := range disguised {
			id := w.agentSays("/send 09121111111 " + text)
			m, err := w.tg.WaitMessage(w.context(), w.group, func(m telegram.Message) bool { return m.FromBot && m.ReplyTo == id })
			if err != nil {
				t.Fatal(err)
			}
			if len(m.Buttons) == 0 && !strings.Contains(m.Text, "nothing was sent") {
				t.Errorf("%q: the agent is told %q", text, m.Text)
			}
		}
		w.settles(w.group)
		if n := w.panel.SentCount(); n > 0 {
			t.Errorf("%d SMS were sent: %+v", n, w.panel.Sent())
		}
	})
}

func TestTextsThatBeginWithOtherDigitsAreSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		w.start()
		w.says(telegram.Post{Chat: w.group, From: w.sara, Text: "/link 09121111111"})
		w.sees(w.group, "SMS of 09121111111 are now shown here")
		for i, text := range ordinary {
			time.Sleep(10 * time.Second) // of more orders marks alone would tell
			if m := w.toBound(text); len(m.Buttons) > 0 {
				t.Errorf("%q: the agent is asked %q", text, m.Text)
				w.presses(w.ali, m, "Send")
			}
			if got := w.sent(i + 1)[i]; got.Text != text || got.Customer != "09121111111" {
				t.Errorf("sent %+v, want %q", got, text)
			}
		}
		// Of these nobody can tell.
		for _, text := range []string{"123456789012 شمارهٔ سفارش شماست", "1234567890 is your order", "125000000 ریال", "«9121234567» کد رهگیری", "20240101123045 is the order"} {
			if m := w.toBound(text); len(m.Buttons) == 0 || !strings.Contains(m.Text, "phone number") {
				t.Errorf("%q: the agent is told %q", text, m.Text)
			}
		}
	})
}

func TestWhatIsNoNumberIsNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		w.start()
		for text, named := range map[string]string{
			"/send 0912 x": "0912", "/send «09122222222» hi": "«09122222222»", "/send 500 toman": "500", "/send tel:+989122222222 hi": "tel:+989122222222",
			"/send ۰۹۱۲ سلام": "۰۹۱۲", "/send https://wa.me/989122222222": "https://wa.me/989122222222", "/send 1403/05/12 is the day": "1403/05/12",
			"/send 447911123456 hi": "447911123456",
		} {
			said := w.answers(w.group, func() { w.agentSays(text) })
			if len(said) != 1 || !containsAll(said[0], []string{"not phone numbers", "nothing was sent", "\n" + named}) {
				t.Errorf("%s: the agent is told %q", text, said)
			}
		}
		for _, text := range []string{"/send hello", "/send", "/send سلام ۱۲۳۴", "/send 😀"} {
			checkTold(t, w.answers(w.group, func() { w.agentSays(text) }), "There is no number: nothing was sent")
		}
		if n := w.orders(w.group); n > 0 {
			t.Errorf("there are %d orders", n)
		}
	})
}
