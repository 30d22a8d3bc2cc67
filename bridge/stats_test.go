//lint:file-ignore ST1018 Persian is written with U+200C

package bridge_test

import (
	"bytes"
	"image/png"
	"strings"
	"testing"
	"time"

	"peyk/sandbox/panel"
	"peyk/sandbox/telegram"
)

func TestStats(t *testing.T) {
	for language, s := range map[string]struct{ usage, none, said string }{
		"en": {"Use /stats DAYS", "no SMS of these days: 7", `📊 Days: 7, since 2026-02-23

🔵 In: 3
🟠 Out: 2
🟢 Delivered: 100%
🟣 First answer after: 12 min (median of 2)
🔵 Busiest hours: 11

By line
30001234: 🔵 2 🟠 1 🟢 100% 🟣 12 min
30005678: 🔵 1 🟠 1 🟢 100% 🟣 2 min

By agent
Ali (500000002): 🟠 2 🟢 100% 🟣 12 min`},
		"fa": {"تعداد روزها", "پیامکی نبوده است: ۷", `📊 آمار ۷ روز، از ۱۴۰۴/۱۲/۰۴

🔵 رسیده: ۳
🟠 فرستاده: ۲
🟢 رسیده به گوشی: ۱۰۰٪
🟣 نخستین پاسخ پس از: ۱۲ دقیقه (میانهٔ ۲ پاسخ)
🔵 شلوغ‌ترین ساعت‌ها: ۱۱

به تفکیک خط
30001234: 🔵 ۲ 🟠 ۱ 🟢 ۱۰۰٪ 🟣 ۱۲ دقیقه
30005678: 🔵 ۱ 🟠 ۱ 🟢 ۱۰۰٪ 🟣 ۲ دقیقه

به تفکیک کارشناس
Ali (500000002): 🟠 ۲ 🟢 ۱۰۰٪ 🟣 ۱۲ دقیقه`},
	} {
		t.Run(language, func(t *testing.T) {
			atEach(t, func(t *testing.T, server telegram.Options) {
				w := newWorld(t, server, panel.Options{Statuses: []panel.Step{{Status: 4}}})
				w.opts.Language, w.opts.Location = language, time.FixedZone("", 3*3600+1800)
				w.start()
				w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "/stats"})
				w.sees(w.group, s.none)
				w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "/stats many"})
				w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "/stats 0"})
				w.sees(w.group, s.usage)

				first := w.shows("09121111111", "where is my parcel")
				w.panel.Receive("09122222222", "30005678", "and mine")
				second := w.sees(w.group, "and mine")
				w.panel.Receive("09123333333", "30001234", "nobody answers me")
				w.sees(w.group, "nobody answers me")
				time.Sleep(2 * time.Minute)
				w.bears(w.group, w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "yours too", ReplyTo: second.ID}), "👍")
				time.Sleep(10 * time.Minute)
				w.bears(w.group, w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "under way", ReplyTo: first.ID}), "👍")

				asked := w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "/stats ۷"})
				shown := w.sees(w.group, "📊")
				isolates := strings.NewReplacer("\u2066", "", "\u2067", "", "\u2068", "", "\u2069", "", "\u200f", "")
				if got := isolates.Replace(shown.Text); got != s.said {
					t.Errorf("said\n%s\nwant\n%s", got, s.said)
				}
				if shown.ReplyTo != asked || shown.Document == nil || !shown.Document.Photo || !shown.Silent {
					t.Fatalf("shown as %+v", shown)
				}
				if _, err := png.Decode(bytes.NewReader(shown.Document.Data)); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// Where a group takes no pictures, or Telegram not this one, the words are shown.
func TestStatsWithoutAPicture(t *testing.T) {
	atEach(t, func(t *testing.T, server telegram.Options) {
		w := newWorld(t, server, panel.Options{})
		w.start()
		w.shows("09121111111", "hello")
		if err := w.tg.OnlyAdminsSendFiles(w.group, true); err != nil {
			t.Fatal(err)
		}
		w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "/stats"})
		if m := w.sees(w.group, "📊", "In: 1"); m.Document != nil {
			t.Errorf("shown with %+v", m.Document)
		}
		w.shows("09121111111", "the group is not lost")
	})
}

// Pictures count for what Telegram takes in a group: a flood of them meets no 429, and each that was not asked for anew comes.
func TestStatsKeepThePace(t *testing.T) {
	atEach(t, func(t *testing.T, server telegram.Options) {
		w := newWorld(t, server, panel.Options{})
		w.start()
		w.shows("09121111111", "hello")
		last := 0
		for range 24 {
			last = w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "/stats"})
			time.Sleep(time.Second)
		}
		w.until("the last answer", func() bool {
			posted := w.fromBot(w.group)
			return posted[len(posted)-1].ReplyTo == last
		})
		if n := w.tg.Throttled(); n > 0 {
			t.Errorf("Telegram refused %d calls for their pace", n)
		}
	})
}

// After a crash the picture is still shown if it was made; a 429 only puts it off.
func TestStatsAreShownAfterPatience(t *testing.T) {
	atEach(t, func(t *testing.T, server telegram.Options) {
		w := newWorld(t, server, panel.Options{})
		w.start()
		w.shows("09121111111", "hello")
		if err := w.tg.Arm(telegram.Fault{Method: "sendPhoto", Kind: telegram.TooMany, RetryAfter: 30}); err != nil {
			t.Fatal(err)
		}
		w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "/stats"})
		w.until("the call", func() bool {
			calls := w.tg.Calls()
			return calls[len(calls)-1].Method == "sendPhoto"
		})
		w.passes(31 * time.Second)
		if m := w.sees(w.group, "📊"); m.Document == nil {
			t.Errorf("shown as %+v", m)
		}
	})
}
