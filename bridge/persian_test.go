//lint:file-ignore ST1018 Persian is written with U+200C

package bridge_test

import (
	"testing"
	"testing/synctest"
	"time"

	"peyk/sandbox/panel"
	"peyk/sandbox/telegram"
	"peyk/sms"
)

// TestPersian plays both directions in Persian, as a setting and as a chat's choice.
func TestPersian(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{Statuses: []panel.Step{{Status: 4}}})
		w.opts.Language = "fa"
		w.start()
		w.panel.Receive("09121111111", "30001234", "سلام، سفارش من؟")
		shown := w.sees(w.group, "📩\u200f \u206609121111111\u2069 ← \u206630001234\u2069", "\u2066#s1\u2069", "سلام، سفارش من؟")
		reply := w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "در راه است", ReplyTo: shown.ID})
		w.bears(w.group, reply, "👍")
		w.sees(w.group, "👀 دیدم", "\u2066/status\u2069")
		w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "/status", ReplyTo: reply})
		w.sees(w.group, "به \u206609121111111\u2069", "✅ به گوشی رسید.")
		w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "/send ۰۹۱۲۲۲۲۲۲۲۲، ۰۹۱۲۳۳۳۳۳۳۳ فردا تعطیل است"})
		question := w.sees(w.group, "فرستاده شود؟", "گیرنده: ۲", "یونیکد، به خاطر «ف»")
		w.presses(w.ali, question, "بفرست")
		w.sees(w.group, "به ۲ گیرنده", "۲ رسیده")
		w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "/credit"})
		w.sees(w.group, "اعتبار پنل")
		w.says(telegram.Post{Chat: w.ali, From: w.ali, Text: "/language de"})
		w.sees(w.ali, "/language fa\u2069 یا")
		w.says(telegram.Post{Chat: w.ali, From: w.ali, Text: "/language en"})
		w.sees(w.ali, "I now speak English here.")
		w.says(telegram.Post{Chat: w.ali, From: w.ali, Text: "/credit"})
		w.sees(w.ali, "Credit at the panel")
		w.until("the menu in the chat's language", func() bool {
			menu := w.tg.CommandsFor(w.ali, w.ali)
			return len(menu) > 0 && menu[0].Description == "what this bot is"
		})
		w.end()
		w.start()
		w.says(telegram.Post{Chat: w.ali, From: w.ali, Text: "/credit"})
		w.sees(w.ali, "Credit at the panel")
		w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "answer", ReplyTo: shown.ID})
		w.sent(4)
	})
}

// TestPersianDesk plays a day at a desk with topics in Persian.
func TestPersianDesk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{Statuses: []panel.Step{{Status: 4}}})
		w.opts.Language = "fa"
		w.group = w.tg.AddForum("میز", w.sara, w.ali, w.tg.Bot().ID)
		w.allowTopics(true)
		w.storeOpts.Inbox = []sms.ChatID{sms.ChatID(w.group)}
		w.says(telegram.Post{Chat: w.sara, From: w.sara, Text: "/start"})
		w.start()
		w.commands(w.sara, 0, "/topics on")
		w.sees(w.group, "هر مشتری این‌جا یک موضوع")
		shown := w.receives("09121111111", "سفارش من کجاست؟")
		w.card(shown.Topic, "👤\u200f \u206609121111111\u2069 ← \u206630001234\u2069", "رسیده: ۱ · فرستاده: ۰ · از ", "هنوز کسی پاسخ نداده است.", "میان خودتان می‌ماند")
		w.commands(w.ali, shown.Topic, "/name خانم رضایی")
		w.sees(w.group, "نام \u206609121111111\u2069 از این پس \u2068خانم رضایی\u2069 است")
		w.titled(shown.Topic, "خانم رضایی")
		w.commands(w.ali, shown.Topic, "/send فردا می‌رسد")
		w.sees(w.group, "به \u206609121111111\u2069", "✅ به گوشی رسید.")
		w.card(shown.Topic, "خانم رضایی", "پاسخ‌گو: \u2068Ali\u2069")
		w.says(telegram.Post{Chat: w.group, From: w.sara, Text: "پس‌فردا", ReplyTo: shown.ID})
		w.presses(w.sara, w.sees(w.group, "به این مشتری \u2068Ali\u2069 دارد پاسخ می‌دهد"), "با این حال بفرست")
		w.sent(2)
		w.commands(w.ali, shown.Topic, "/take")
		w.sees(w.group, "از این پس \u2068Ali\u2069 به \u206609121111111\u2069 پاسخ می‌دهد")
		w.commands(w.ali, shown.Topic, "/release")
		w.sees(w.group, "هر کسی می‌تواند به \u206609121111111\u2069 پاسخ بدهد")
		w.commands(w.sara, 0, "/link ۰۹۱۲۲۲۲۲۲۲۲")
		w.sees(w.group, "پیامک‌های \u206609122222222\u2069 فقط این‌جا")
		w.commands(w.sara, 0, "/unlink")
		w.sees(w.group, "این‌جا دیگر به \u206609122222222\u2069 اختصاص ندارد")
		w.allowTopics(false)
		time.Sleep(time.Minute) // the group has room for a topic
		w.receives("09123333333", "کسی هست؟")
		w.sees(w.sara, "اجازهٔ ساختن موضوع")
	})
}

// TestPersianDigitsNameAnSMS has an agent type the id of one SMS of several in Persian digits.
func TestPersianDigitsNameAnSMS(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		w.opts.Language = "fa"
		for i := range 30 {
			w.panel.Receive("0912111111"+string(rune('0'+i%10)), "30001234", "سلام")
		}
		w.start()
		digest := w.sees(w.group, "۳۰ پیامک")
		w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "#s۳ بفرمایید", ReplyTo: digest.ID})
		if got := w.sent(1)[0]; got.Customer != "09121111112" || got.Text != "بفرمایید" {
			t.Errorf("sent %+v", got)
		}
	})
}
