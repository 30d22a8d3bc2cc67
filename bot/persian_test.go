package bot_test

import (
	"testing"
	"time"

	"peyk/sandbox/panel"
	"peyk/sandbox/telegram"
)

// TestPersian plays both directions in Persian, as a setting and as a chat's choice.
func TestPersian(t *testing.T) {
	w := newWorld(t, telegram.Options{}, panel.Options{Statuses: []panel.Step{{Status: 4}}})
	w.opts.Language = "fa"
	w.start()
	w.panel.Receive("09121111111", "30001234", "سلام، سفارش من؟")
	shown := w.sees(w.group, "📩\u200f \u206609121111111\u2069 ← \u206630001234\u2069", "\u2066#s1\u2069", "سلام، سفارش من؟")
	w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "در راه است", ReplyTo: shown.ID})
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
	w.sees(w.ali, "From now on I speak English here.")
	w.says(telegram.Post{Chat: w.ali, From: w.ali, Text: "/credit"})
	w.sees(w.ali, "Credit at the panel")
	for deadline := time.Now().Add(patience); ; w.quiet() {
		menu := w.tg.CommandsFor(w.ali, w.ali)
		if len(menu) > 0 && menu[0].Description == "what this bot is" {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the menu is not in the chat's language: %v", menu)
		}
	}
	w.end()
	w.start()
	w.says(telegram.Post{Chat: w.ali, From: w.ali, Text: "/credit"})
	w.sees(w.ali, "Credit at the panel")
	w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "answer", ReplyTo: shown.ID})
	w.sent(4)
}
