//lint:file-ignore ST1018 Persian is written with U+200C

package bridge_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"peyk/sandbox/panel"
	"peyk/sandbox/telegram"
	"peyk/store"
)

// tehran is the zone of a world whose bridge shows times as in Iran. Worlds begin on Sunday, 1 March 2026, at 11:30 there.
func (w *world) tehran() {
	w.Helper()
	zone, err := time.LoadLocation("Asia/Tehran")
	if err != nil {
		w.Fatal(err)
	}
	w.opts.Location, w.storeOpts.Location = zone, zone
	w.relay.PollInterval = time.Minute // hours pass
}

// schedules has Ali write /later, and press [Schedule] under the question, which it returns as it is by then.
func (w *world) schedules(p telegram.Post) telegram.Message {
	w.Helper()
	p.From = w.ali
	if p.Chat == 0 {
		p.Chat = w.group
	}
	asked := w.Asks(p)
	w.presses(w.ali, asked, asked.Buttons[0][0].Text)
	return w.buttoned(asked, 1)
}

// buttoned waits until a message has as many buttons, and returns it.
func (w *world) buttoned(m telegram.Message, buttons int) telegram.Message {
	w.Helper()
	changed, err := w.tg.WaitMessage(w.context(), m.Chat, func(now telegram.Message) bool {
		n := 0
		for _, row := range now.Buttons {
			n += len(row)
		}
		return now.ID == m.ID && n == buttons
	})
	if err != nil {
		w.Fatalf("message %d does not come to have %d buttons: %v\n%s", m.ID, buttons, err, w.transcript(m.Chat))
	}
	return changed
}

func TestLaterInTheChat(t *testing.T) {
	for language, say := range map[string]struct {
		ask, at, set, cancel, list, none, was, sent, usage, past, read string
	}{
		"en": {
			"/later tomorrow 9:00 09121111111, 09122222222 good\nmorning, all", "Monday 2026-03-02 09:00, in 21 h 30 min", "Scheduled for Monday 2026-03-02 09:00 by \u2068Ali", "Cancel",
			"Scheduled: 1", "Nothing is scheduled here", "Cancelled by \u2068Ali", "To 2 recipients: ", "Write when", "2026-03-01 03:00 is over", "Read so far: Monday 2026-03-02 09:00",
		},
		"fa": {
			"/later فردا ۹ ۰۹۱۲۱۱۱۱۱۱۱ ۰۹۱۲۲۲۲۲۲۲۲ good\nmorning, all", "دوشنبه ۱۴۰۴/۱۲/۱۱ ۰۹:۰۰، ۲۱ ساعت و ۳۰ دقیقه دیگر", "دوشنبه ۱۴۰۴/۱۲/۱۱ ۰۹:۰۰ فرستاده می‌شود؛ به خواست \u2068Ali", "لغو",
			"زمان‌بندی‌شده: ۱", "این‌جا چیزی زمان‌بندی نشده", "لغو کرد", "به ۲ گیرنده: ", "زمان، و پس از آن", "۱۴۰۴/۱۲/۱۰ ۰۳:۰۰ گذشته است", "فهمیدم: دوشنبه ۱۴۰۴/۱۲/۱۱ ۰۹:۰۰",
		},
	} {
		t.Run(language, func(t *testing.T) {
			atEachPanel(t, func(t *testing.T, server telegram.Options, kind panel.Options) {
				w := newWorld(t, server, kind)
				w.tehran()
				w.opts.Language = language
				w.start()
				holds(t, w.bids("/scheduled", 0), say.none)
				holds(t, w.bids("/later", 0), say.usage)
				holds(t, w.bids("/later today 3:00 09121111111 hello", 0), say.past, "-"+say.usage)
				holds(t, w.bids("/later فردا ۹ نفر می‌آیند", 0), say.read, "نفر", say.usage)
				holds(t, w.bids("/later tomorrow 9:00", 0), say.usage)
				holds(t, w.bids("/later tomorrow 9:00 0912111111 hello", 0), "0912111111")
				holds(t, w.bids("/scheduled", 0), say.none)

				asked := w.bids(say.ask, 0)
				holds(t, asked, say.at, "good\nmorning, all")
				w.presses(w.ali, asked, asked.Buttons[0][1].Text)
				holds(t, w.turned(asked, "🚫"), say.was)
				set := w.schedules(telegram.Post{Text: say.ask})
				holds(t, set, say.set, "09121111111", "09122222222", "good\nmorning, all")
				holds(t, w.bids("/scheduled", 0), say.list, "09121111111", "good morning, all")

				w.end()
				time.Sleep(20 * time.Hour)
				w.start()
				time.Sleep(89 * time.Minute)
				if n := w.panel.SentCount(); n != 0 {
					t.Errorf("%d SMS went out too early", n)
				}
				for _, sent := range w.sent(2) {
					if late := sent.At.Sub(time.Date(2026, 3, 2, 5, 30, 0, 0, time.UTC)); sent.Text != "good\nmorning, all" || late < 0 || late > 2*time.Second {
						t.Errorf("%v after the time %q went out", late, sent.Text)
					}
				}
				if told := w.sees(w.group, say.sent); told.ReplyTo != set.ReplyTo {
					t.Errorf("what became of it replies to %d, want %d", told.ReplyTo, set.ReplyTo)
				}
				holds(t, w.buttoned(set, 0), say.set)
				holds(t, w.bids("/scheduled", 0), say.none)
				w.passes(48 * time.Hour)
				w.quiet()
				w.sent(2)
			})
		})
	}
}

// TestLaterGoesToWhomItSays: numbers behind the time, whose SMS it replies to, or whose the place is.
func TestLaterGoesToWhomItSays(t *testing.T) {
	atEachPanel(t, func(t *testing.T, server telegram.Options, kind panel.Options) {
		w := newWorld(t, server, kind)
		w.tehran()
		w.start()
		shown := w.receives("09121111111", "where is my order?")
		w.bids("/name Mr Alavi", shown.ID)
		set := w.schedules(telegram.Post{Text: "/later 1h, 09125555555 is our other number", ReplyTo: shown.ID})
		holds(t, set, "to 09121111111:", "09125555555 is our other number")
		set = w.schedules(telegram.Post{Text: "/later 2h 09122222222 hello", ReplyTo: shown.ID})
		holds(t, set, "to 09122222222:")
		set = w.schedules(telegram.Post{Text: "/later 3h\n09123333333\nfirst\nsecond"})
		holds(t, set, "to 09123333333:", "first\nsecond")
		holds(t, w.bids("/later 1h, hello", 0), "Write when") // to nobody
		holds(t, w.bids("/later 1h hello", shown.ID), "cannot read hello", "Read so far: Sunday 2026-03-01 12:3")
		asked := w.bids("/later 400d, hello", shown.ID)
		holds(t, asked, "a year at most")
		asked = w.bids("/later 4h, "+strings.Repeat("a", 200), shown.ID)
		holds(t, asked, "Mr Alavi", "parts each: 2")
		holds(t, w.bids("hello", asked.ID), "-2026")

		w.says(telegram.Post{Chat: w.sara, From: w.sara, Text: "/link 09124444444"})
		w.Asks(telegram.Post{Chat: w.sara, From: w.sara, Text: "/id"})
		asked = w.Asks(telegram.Post{Chat: w.sara, From: w.sara, Text: "/later 4h، ۱۲ نفر می‌آییم"})
		holds(t, asked, "09124444444", "۱۲ نفر می‌آییم")
		w.presses(w.sara, asked, "Schedule")
		w.buttoned(asked, 1)
		time.Sleep(4*time.Hour + 5*time.Minute)
		var got []string
		for _, sent := range w.sent(4) {
			got = append(got, sent.Customer)
		}
		if want := "[09121111111 09122222222 09123333333 09124444444]"; fmt.Sprint(got) != want {
			t.Errorf("they went to %v, want %v", got, want)
		}
		// What was scheduled answers nobody.
		holds(t, w.bids("/waiting", 0), "09121111111")
	})
}

// TestScheduledOrdersCanBeCancelled, by who wrote them or an admin, under the order and in the list; nobody else can.
func TestScheduledOrdersCanBeCancelled(t *testing.T) {
	atEachPanel(t, func(t *testing.T, server telegram.Options, kind panel.Options) {
		w := newWorld(t, server, kind)
		w.tehran()
		w.start()
		var sets []telegram.Message
		for i := range 7 {
			sets = append(sets, w.schedules(telegram.Post{Text: fmt.Sprintf("/later %dh 0912000000%d hello %d", i+1, i, i)}))
		}
		if a := w.presses(w.omid, sets[0], "Cancel"); !a.Alert {
			t.Error("a stranger cancels")
		}
		list := w.bids("/scheduled", 0)
		holds(t, list, "Scheduled: 7", "1. Sunday 2026-03-01 12:3", "5. ", "-6. ")
		w.presses(w.ali, list, "Next ▶")
		holds(t, w.turned(list, "6. "), "7. ", "-5. ", "09120000006")
		w.presses(w.sara, w.buttoned(list, 3), "🚫 7") // an admin
		holds(t, w.turned(sets[6], "🚫"), "Cancelled by \u2068Sara", "09120000006")
		w.presses(w.ali, sets[0], "Cancel")
		holds(t, w.turned(sets[0], "🚫"), "Cancelled by \u2068Ali", "09120000000")
		if a := w.pressesData(w.ali, sets[0], sets[0].Buttons[0][0].Data); !a.Alert {
			t.Error("it is cancelled twice")
		}
		// Elsewhere nobody sees them but an admin in private.
		holds(t, w.Asks(telegram.Post{Chat: w.ali, From: w.ali, Text: "/scheduled"}), "Nothing is scheduled")
		all := w.Asks(telegram.Post{Chat: w.sara, From: w.sara, Text: "/scheduled"})
		holds(t, all, "Scheduled: 5")
		w.presses(w.sara, all, "🚫 2")
		holds(t, w.turned(sets[2], "🚫"), "09120000002")
		w.passes(6*time.Hour + 30*time.Minute)
		time.Sleep(10 * time.Minute)
		w.quiet()
		w.sent(1) // the others are late: they are asked about
	})
}

// TestQuestionsAboutLaterExpire: without [Schedule] nothing is scheduled, and a press that comes too late says so.
func TestQuestionsAboutLaterExpire(t *testing.T) {
	for language, say := range map[string][2]string{"en": {"Schedule", "Too late: nothing was sent"}, "fa": {"زمان‌بندی", "دیر شد؛ چیزی فرستاده نشد"}} {
		t.Run(language, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, telegram.Options{}, panel.Options{})
				w.opts.Language = language
				w.start()
				asked := w.bids("/later 1h 09121111111 hello", 0)
				if a := w.presses(w.sara, asked, say[0]); !a.Alert {
					t.Error("somebody else schedules it")
				}
				soon := w.bids("/later 5m 09121111111 hello", 0)
				time.Sleep(6 * time.Minute)
				for _, late := range []telegram.Message{soon, asked} {
					if a := w.presses(w.ali, late, say[0]); !a.Alert || !strings.Contains(a.Text, say[1]) {
						t.Errorf("who is late is told %+v", a)
					}
					w.turned(late, "⌛")
					time.Sleep(10 * time.Minute)
				}
				w.passes(2 * time.Hour)
				w.quiet()
				w.sent(0)
			})
		})
	}
}

// TestWhatIsScheduledIsLookedAtAgain when it is due: the agent, the line, the prefixes, the cap, the credit, and how late it is.
func TestWhatIsScheduledIsLookedAtAgain(t *testing.T) {
	for name, is := range map[string]struct {
		before   func(*world)
		down     time.Duration
		says     string
		asks, fa bool
	}{
		"the agent may not use it any more": {before: func(w *world) { w.opts.Users = nil }, says: "may not use the bot any more"},
		"the same in Persian":               {before: func(w *world) { w.opts.Users = nil }, says: "دیگر اجازهٔ کار با ربات را ندارد", fa: true},
		"the line is not ours any more":     {before: func(w *world) { w.opts.Lines = w.opts.Lines[1:]; w.relay.Lines = w.opts.Lines }, says: "30001234 is not a line of ours"},
		"the prefix is not allowed":         {before: func(w *world) { w.opts.Prefixes = []string{"+44"} }, says: "Sending to these numbers is not allowed"},
		"the day's cap is reached":          {before: func(w *world) { w.storeOpts.DailyParts = 1 }, says: "SMS parts it takes: 2, left today: 1 of 1"},
		"the credit is not enough":          {before: func(w *world) { w.panel.SetCredit(1) }, says: "the credit may not be enough", asks: true},
		"it is late":                        {down: time.Hour, says: "I was not running then, and now it is late", asks: true},
		"it is late, in Persian":            {down: time.Hour, says: "آن زمان کار نمی‌کردم و حالا دیر شده است", asks: true, fa: true},
		"a backup was restored":             {before: (*world).restoresItself, says: "A backup was restored since it was written", asks: true},
		"a backup was restored, in Persian": {before: (*world).restoresItself, says: "شاید پیش از این فرستاده یا لغو شده باشد", asks: true, fa: true},
		"nothing is amiss":                  {says: "To 2 recipients"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, telegram.Options{}, panel.Options{})
				if is.fa {
					w.opts.Language = "fa"
				}
				w.start()
				set := w.schedules(telegram.Post{Text: "/later 1h 09121111111 09122222222 hello"})
				w.end()
				if is.before != nil {
					is.before(w)
				}
				time.Sleep(time.Hour + is.down + 30*time.Second)
				w.start()
				said := w.sees(w.group, is.says)
				if said.ReplyTo != set.ReplyTo {
					t.Errorf("it replies to %d, want %d", said.ReplyTo, set.ReplyTo)
				}
				switch {
				case is.asks:
					asked := w.buttoned(said, 2)
					w.sent(0)
					w.panel.SetCredit(1000)
					w.presses(w.ali, asked, asked.Buttons[0][0].Text)
					w.sent(2)
				case is.before != nil:
					time.Sleep(time.Minute)
					w.quietAs(w.sara)
					w.sent(0)
				default:
					w.sent(2)
				}
				w.passes(time.Hour)
				w.quietAs(w.sara)
				if n := w.panel.SentCount(); n > 2 {
					t.Errorf("%d SMS went out", n)
				}
			})
		})
	}
}

// restoresItself puts a copy of the store, whose bridge has ended, in its place as a backup.
func (w *world) restoresItself() {
	w.Helper()
	saved := w.path + ".saved"
	content, err := os.ReadFile(w.path)
	if err == nil {
		err = os.WriteFile(saved, content, 0o600)
	}
	if err == nil {
		_, err = store.Restore(saved, w.path, w.storeOpts)
	}
	if err != nil {
		w.Fatal(err)
	}
}

// TestAScheduledOrderMovesWithItsGroup, and outlives what the store forgets of old age.
func TestAScheduledOrderMovesWithItsGroup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		w.storeOpts.Keep = 24 * time.Hour
		group := w.tg.AddGroup("Old", w.sara, w.ali, w.tg.Bot().ID)
		w.start()
		w.schedules(telegram.Post{Chat: group, Text: "/later 10d 09121111111 hello"})
		now, err := w.tg.Migrate(group)
		if err != nil {
			t.Fatal(err)
		}
		w.Asks(telegram.Post{Chat: now, From: w.ali, Text: "/id"})
		holds(t, w.Asks(telegram.Post{Chat: now, From: w.ali, Text: "/scheduled"}), "09121111111")
		for range 9 {
			w.passes(24 * time.Hour)
			time.Sleep(10 * time.Minute)
		}
		w.passes(21 * time.Hour)
		time.Sleep(2 * time.Hour)
		w.sees(now, "To 09121111111")
		w.sent(1)
	})
}

// TestAYearOfLater has an agent of Berlin order for later through a year in which clocks change twice, and the bridge or the panel is down at many of the
// times. What is missed by more than an hour is asked about; all else goes out once, when the clock shows what was written, or once it can.
func TestAYearOfLater(t *testing.T) {
	for _, dialect := range slices.Sorted(maps.Keys(dialects)) {
		t.Run(dialect, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { aYearOfLater(t, dialects[dialect]) })
		})
	}
}

func aYearOfLater(t *testing.T, dialect panel.Dialect) {
	w := newWorld(t, telegram.Options{}, panel.Options{Dialect: dialect})
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	w.opts.Location, w.storeOpts.Location = berlin, berlin
	w.storeOpts.Keep = 24 * time.Hour
	w.start()
	r, begun, sent, missed := rand.New(rand.NewPCG(18, 366)), time.Now(), 0, 0
	clocks := []time.Time{time.Date(2026, 3, 29, 2, 30, 0, 0, berlin), time.Date(2026, 10, 25, 2, 30, 0, 0, berlin), time.Date(2026, 10, 25, 3, 0, 0, 0, berlin)}
	for n := 0; time.Since(begun) < 366*24*time.Hour; n++ {
		day := time.Now().In(berlin).AddDate(0, 0, 1+r.IntN(18))
		due := time.Date(day.Year(), day.Month(), day.Day(), r.IntN(24), r.IntN(60), 0, 0, berlin)
		if i := slices.IndexFunc(clocks, func(c time.Time) bool { return c.After(time.Now()) && !c.After(due) }); i >= 0 {
			due = clocks[i]
		}
		text := fmt.Sprint("order ", n)
		set := w.schedules(telegram.Post{Text: "/later " + due.Format("2006-01-02 15:04") + " 09121111111 " + text})
		holds(t, set, due.Format("Monday 2006-01-02 15:04"))
		late := []time.Duration{-2 * time.Minute, -2 * time.Minute, 20 * time.Minute, 3 * time.Hour, -30 * time.Second}[n%5]
		w.passes(time.Until(due) + late)
		switch {
		case n%5 == 1: // the panel is down when it is due
			w.PanelNet.Down()
			time.Sleep(20 * time.Minute)
			if got := w.panel.SentCount(); got != sent {
				t.Fatalf("%d SMS went out, want %d", got, sent)
			}
			w.PanelNet.Up()
			due = time.Now()
		case late > time.Hour:
			missed++
			asked := w.buttoned(w.sees(w.group, "I was not running then"), 2)
			if missed%2 == 0 {
				w.presses(w.ali, asked, "Cancel")
				w.turned(asked, "🚫")
				continue
			}
			w.presses(w.ali, asked, "Send")
			due = time.Now()
		}
		sent++
		last := w.sent(sent)[sent-1]
		if after := last.At.Sub(due); last.Text != text || after < 0 || after > max(late, 0)+time.Minute {
			t.Errorf("%s after %s %q went out, want %q", after, due, last.Text, text)
		}
		w.quiet()
	}
	w.passes(48 * time.Hour)
	w.quiet()
	w.sent(sent)
	t.Logf("%d went out, %d were missed, in %s", sent, missed, time.Since(begun))
}

// TestForgettingACustomerWaitsForWhatIsScheduled: nothing of theirs may stay in the store.
func TestForgettingACustomerWaitsForWhatIsScheduled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		w.start()
		set := w.schedules(telegram.Post{Text: "/later 10d 09121111111 09122222222 hello"})
		ask := func() telegram.Answer {
			return w.presses(w.sara, w.Asks(telegram.Post{Chat: w.sara, From: w.sara, Text: "/forget 09122222222"}), "Forget")
		}
		if a := ask(); !a.Alert || !strings.Contains(a.Text, "still to be sent") {
			t.Errorf("the admin is told %+v", a)
		}
		w.presses(w.ali, set, "Cancel")
		w.turned(set, "🚫")
		if a := ask(); a.Alert {
			t.Errorf("the admin is told %+v", a)
		}
	})
}

// TestAnEditedLaterStaysAsItWas, and its agent is told.
func TestAnEditedLaterStaysAsItWas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		w.start()
		set := w.schedules(telegram.Post{Text: "/later 1h 09121111111 hello"})
		if err := w.tg.Edit(w.ali, w.group, set.ReplyTo, "/later 2h 09121111111 goodbye"); err != nil {
			t.Fatal(err)
		}
		w.sees(w.group, "I do not read edits: it stays as first written")
		time.Sleep(time.Hour)
		if got := w.sent(1)[0]; got.Text != "hello" {
			t.Errorf("%q went out", got.Text)
		}
	})
}

// TestNothingScheduledGoesOutByAWrongClock: one that is a day ahead has nothing sent; what is due goes out when it is.
func TestNothingScheduledGoesOutByAWrongClock(t *testing.T) {
	for _, ahead := range []time.Duration{24 * time.Hour, -24 * time.Hour} {
		t.Run(ahead.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, telegram.Options{}, panel.Options{})
				w.start()
				w.schedules(telegram.Post{Text: "/later 2h 09121111111 hello"})
				w.end()
				w.storeOpts.Now = func() time.Time { return time.Now().Add(ahead) }
				w.start()
				time.Sleep(time.Hour)
				w.quiet()
				w.sent(0)
				time.Sleep(time.Hour)
				w.sent(1)
			})
		})
	}
}

// TestWhoOptsOutGetsNothingThatWasScheduledBefore: of several they are left out, and an order to them alone is asked about.
func TestWhoOptsOutGetsNothingThatWasScheduledBefore(t *testing.T) {
	atEachPanel(t, func(t *testing.T, server telegram.Options, kind panel.Options) {
		w := newWorld(t, server, kind)
		w.storeOpts.OptOutWords = []string{"11"}
		w.start()
		w.schedules(telegram.Post{Text: "/later 1h 09121111111 09122222222 hello, all"})
		w.schedules(telegram.Post{Text: "/later 1h 09122222222 hello, you"})
		w.panel.Receive("09122222222", "30001234", "11")
		w.sees(w.group, "opted out")
		time.Sleep(time.Hour)
		w.sees(w.group, "Left out", "09122222222")
		asked := w.sees(w.group, "This customer opted out", "Scheduled for Sunday 2026-03-01")
		if got := w.sent(1)[0]; got.Customer != "09121111111" {
			t.Errorf("%+v went out", got)
		}
		w.presses(w.ali, asked, asked.Buttons[0][0].Text)
		w.sent(2)
	})
}
