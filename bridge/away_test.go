package bridge_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"peyk/internal/hours"
	"peyk/sandbox/panel"
	"peyk/sandbox/telegram"
	"peyk/store"
)

const awayText = "We are closed now. We answer from 8 o'clock on."

// newNight makes a world whose team works from 8:00 to 17:00; it is 20:00.
func newNight(t testing.TB, server telegram.Options, panelOpts panel.Options) *world {
	w := newWorld(t, server, panelOpts)
	w.relay.PollInterval = 30 * time.Second // hours pass
	week, err := hours.Parse("Sat-Fri 8:00-17:00")
	if err != nil {
		t.Fatal(err)
	}
	w.storeOpts.Hours = week
	w.storeOpts.Away = store.Away{Text: awayText, Parts: 1, PerHour: 30}
	time.Sleep(time.Until(time.Now().Truncate(24 * time.Hour).Add(20 * time.Hour)))
	return w
}

// getsAway waits until the panel has n SMS, of which the last is the away text to customer, from a line.
func (w *world) getsAway(n int, customer, line string) {
	w.Helper()
	if got := w.sent(n)[n-1]; got.Customer != customer || got.Line != line || got.Text != awayText {
		w.Errorf("sent: %+v; want the away text to %s from %s", got, customer, line)
	}
}

func TestTheAwayText(t *testing.T) {
	for language, say := range map[string]struct{ gets, waits, by, first string }{
		"en": {"🌙 gets the away text", "Waiting for an answer: 1", "away text", "First answer"},
		"fa": {"🌙 پاسخ خودکار می\u200cگیرد", "در انتظار پاسخ: ۱", "پاسخ خودکار", "نخستین پاسخ"},
	} {
		t.Run(language, func(t *testing.T) {
			atEach(t, func(t *testing.T, server telegram.Options) {
				w := newNight(t, server, panel.Options{})
				w.opts.Language = language
				w.start()
				w.quiet() // Telegram has told the time
				writes := func(customer, text string) telegram.Message {
					w.panel.Receive(customer, "30005678", text)
					return w.sees(w.group, text)
				}
				shown := writes("09121111111", "when do you open?")
				holds(t, shown, say.gets)
				w.getsAway(1, "09121111111", "30005678")
				w.panel.SetStatusOf("*", 4)
				time.Sleep(time.Minute)
				w.quiet()
				if posted := w.fromBot(w.group); len(posted) != 1 || len(posted[0].Reactions) != 0 {
					t.Errorf("the group has %d messages, want the SMS alone, without marks:\n%s", len(posted), w.transcript(w.group))
				}
				holds(t, w.bids("/waiting", 0), say.waits)
				holds(t, w.bids("/history", shown.ID), say.by)
				if m := w.bids("/status", 0); strings.Contains(m.Text, "09121111111") {
					t.Errorf("it is among the orders of the chat: %q", m.Text)
				}
				stats := w.bids("/stats", 0)
				if strings.Contains(stats.Text, say.first) {
					t.Errorf("it counts as an answer: %q", stats.Text)
				}

				holds(t, writes("09121111111", "hello?"), "-"+say.gets)
				for _, nobody := range []string{"2000", "50001234567890", "BankMelli", "+447911123456"} {
					holds(t, writes(nobody, "of "+nobody), "-"+say.gets)
				}
				holds(t, writes("09122222222", "RE: "+awayText), "-"+say.gets) // a machine
				w.restart()
				holds(t, writes("09121111111", "is somebody there?"), "-"+say.gets)
				w.sent(1)

				w.passes(14 * time.Hour) // 10:00
				w.quiet()
				holds(t, writes("09123333333", "by day"), "-"+say.gets)
				w.passes(10 * time.Hour)
				w.quiet()
				holds(t, writes("09121111111", "when do you OPEN?"), "-"+say.gets) // word for word as the last time
				shown = writes("09121111111", "and tomorrow?")
				holds(t, shown, say.gets)
				w.getsAway(2, "09121111111", "30005678")

				w.replies(shown, "at eight")
				w.sent(3)
				holds(t, w.bids("/waiting", 0), "-09121111111")
			})
		})
	}
}

// TestAnAwayTextThatFails: agents are told what became of it, without a sound and without a question.
func TestAnAwayTextThatFails(t *testing.T) {
	for language, say := range map[string]struct{ head, refused, unknown, late string }{
		"en": {"🌙 Away text to 09121111111: ", "The panel refuses: ", "unknown whether it was sent", "waited for the panel for more than an hour, and was not sent"},
		"fa": {"🌙 پاسخ خودکار به \u206609121111111\u2069: ", "پنل نپذیرفت: ", "معلوم نیست فرستاده شده یا نه", "بیش از یک ساعت در انتظار پنل ماند و فرستاده نشد"},
	} {
		for name, tc := range map[string]struct {
			fault  panel.Fault
			passes time.Duration
			want   string
			sent   int
		}{
			"refused":         {panel.Fault{Kind: panel.ErrCode, Code: -8, Text: "no credit"}, time.Minute, say.refused, 0},
			"an answer lost":  {panel.Fault{Kind: panel.Close, CarryOut: true}, time.Minute, say.unknown, 1},
			"panel down":      {panel.Fault{Kind: panel.ErrCode, Code: -1, Times: -1}, 2 * time.Hour, say.late, 0},
			"down for a time": {panel.Fault{Kind: panel.ErrCode, Code: -1, Times: 3}, 30 * time.Minute, "", 1},
		} {
			t.Run(language+", "+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := newNight(t, telegram.Options{}, panel.Options{})
					w.opts.Language = language
					w.start()
					w.quiet()
					tc.fault.Method = "SendSMS"
					w.panel.Arm(tc.fault)
					holds(t, w.receives("09121111111", "hello?"), "🌙")
					time.Sleep(tc.passes)
					if tc.want != "" {
						told := w.sees(w.group, say.head, tc.want)
						if !told.Silent || len(told.Buttons) > 0 {
							t.Errorf("silent: %t, buttons: %v", told.Silent, told.Buttons)
						}
					}
					w.panel.Disarm()
					w.restart()
					time.Sleep(time.Hour)
					w.settles(w.group)
					w.sent(tc.sent)
					if n := w.told(w.group, "🌙"); tc.want != "" && n != 2 || tc.want == "" && n != 1 {
						t.Errorf("%d messages tell of it:\n%s", n, w.transcript(w.group))
					}
				})
			})
		}
	}
}

// TestForgedNumbersSpendNoCredit: whatever limit stops away texts, all SMS are shown, and the admins hear it once in a closed time.
func TestForgedNumbersSpendNoCredit(t *testing.T) {
	for language, say := range map[string]struct{ hour, credit, day string }{
		"en": {"3 went out within an hour (AWAY_PER_HOUR)", "below LOW_CREDIT, or not known", "as DAILY_PARTS allows"},
		"fa": {"در یک ساعت ۳ تا فرستاده شد", "کمتر است، یا معلوم نیست", "به سقف \u2066DAILY_PARTS\u2069 رسید"},
	} {
		for name, tc := range map[string]struct {
			limit func(w *world)
			want  string
			again int // how many go out an hour later
		}{
			"an hour": {func(w *world) { w.storeOpts.Away.PerHour = 3 }, say.hour, 3},
			"credit": {func(w *world) {
				w.storeOpts.Away.LowCredit, w.relay.LowCredit = 100, 100
				w.panel.SetCredit(102.5)
			}, say.credit, 0},
			"a day": {func(w *world) { w.storeOpts.DailyParts = 3 }, say.day, 0},
		} {
			t.Run(language+", "+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := newNight(t, telegram.Options{}, panel.Options{Credit: 1000})
					w.opts.Language = language
					tc.limit(w)
					w.hears()
					w.start()
					w.quiet()
					writes := func(round int) {
						for i := range 5 {
							w.panel.Receive(fmt.Sprintf("0912%d00000%d", round, i), "30001234", fmt.Sprint("hello from ", round, i))
							w.sees(w.group, fmt.Sprint("hello from ", round, i))
							time.Sleep(2 * time.Minute) // the credit is looked at
						}
					}
					writes(1)
					w.sent(3)
					w.sees(w.sara, "🌙", tc.want)
					w.restart()
					time.Sleep(time.Hour)
					writes(2)
					w.sent(3 + tc.again)
					if n := w.told(w.sara, "🌙"); n != 1 {
						t.Errorf("the admin is told %d times:\n%s", n, w.transcript(w.sara))
					}
					if n := w.told(w.group, "DAILY_PARTS") + w.told(w.group, "AWAY_PER_HOUR"); n > 0 {
						t.Error("agents are told of limits")
					}
				})
			})
		}
	}
}

// TestAnOutageAtNight: what customers wrote long before it is fetched gets no away text, whether it waited at the panel or in our file.
func TestAnOutageAtNight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newNight(t, telegram.Options{}, panel.Options{})
		w.start()
		w.quiet()
		w.end()
		w.panel.Receive("09121111111", "30001234", "hello")
		time.Sleep(3 * time.Hour)
		w.panel.Receive("09122222222", "30001234", "just now")
		w.start()
		holds(t, w.sees(w.group, "hello"), "-🌙")
		holds(t, w.sees(w.group, "just now"), "🌙")
		w.getsAway(1, "09122222222", "30001234")
		time.Sleep(time.Hour)
		w.sent(1)
	})
}

// TestAwayTextsAndAWrongClock has our clock seem to be in the night at noon, and at noon in the night.
func TestAwayTextsAndAWrongClock(t *testing.T) {
	for _, restarts := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			w := newNight(t, telegram.Options{}, panel.Options{})
			ahead := 16 * time.Hour
			w.storeOpts.Now = func() time.Time { return time.Now().Add(ahead) } // noon
			w.start()
			w.logged("are apart")
			w.panel.Receive("09121111111", "30001234", "in the night")
			w.sees(w.group, "in the night", "🌙")
			w.getsAway(1, "09121111111", "30001234")
			if restarts {
				w.restart()
				w.quiet()
			}
			w.panel.Receive("09121111111", "30001234", "again")
			holds(t, w.sees(w.group, "again"), "-🌙")
			w.passes(16 * time.Hour) // noon, for us four in the morning
			w.logged("are apart")
			w.quiet()
			w.panel.Receive("09121111111", "30001234", "at noon")
			holds(t, w.sees(w.group, "at noon"), "-🌙")
			w.end()

			w.storeOpts.Now = nil
			time.Sleep(8 * time.Hour) // 20:00 again
			w.start()
			w.logged("agree again")
			w.panel.Receive("09121111111", "30001234", "the next evening")
			w.sees(w.group, "the next evening", "🌙")
			w.getsAway(2, "09121111111", "30001234")
		})
	}
}
