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

// reacts has somebody put these reactions on a message, and no others, and waits until the bridge has taken that.
func (w *world) reacts(from int64, m telegram.Message, emoji ...string) {
	w.Helper()
	if err := w.tg.React(from, m.Chat, m.ID, emoji...); err != nil {
		w.Fatal(err)
	}
	w.quiet()
}

// administers makes the bot an administrator of the group.
func (w *world) administers() {
	w.Helper()
	if err := w.tg.SetBotRights(w.group, telegram.Rights{Admin: true}); err != nil {
		w.Fatal(err)
	}
}

// TestReactionsOfAgents: they do what the commands do, without a word, and taken back they are undone.
func TestReactionsOfAgents(t *testing.T) {
	for language, say := range map[string]struct{ none, one, snoozed, again string }{
		"en": {"Nobody waits", "Waiting for an answer: 1", "snoozed: 1", "The snooze is over"},
		"fa": {"هیچ مشتری\u200cای در انتظار", "در انتظار پاسخ: ۱", "به تعویق افتاده: ۱", "مهلت تعویق تمام شد"},
	} {
		t.Run(language, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, telegram.Options{}, panel.Options{})
				w.opts.Language = language
				w.administers()
				w.start()
				shown := w.receives("09121111111", "hello")
				time.Sleep(2 * time.Hour)
				said := len(w.fromBot(w.group))

				w.reacts(w.ali, shown, "👌")
				list := w.bids("/waiting", 0)
				holds(t, list, say.none)
				w.end()
				w.start()
				w.reacts(w.ali, shown)
				holds(t, w.bids("/waiting", 0), say.one, "09121111111", "-✍")

				w.reacts(w.ali, shown, "✍\ufe0f")
				holds(t, w.bids("/waiting", 0), say.one, "✍ \u2068Ali")
				w.reacts(w.sara, shown, "✍")
				holds(t, w.bids("/waiting", 0), say.one, "✍ \u2068Sara")
				w.reacts(w.ali, shown)
				holds(t, w.bids("/waiting", 0), say.one, "✍ \u2068Sara")
				w.reacts(w.sara, shown)
				holds(t, w.bids("/waiting", 0), say.one, "✍ \u2068Ali")
				w.bids("/release", shown.ID)

				w.reacts(w.ali, shown, "😴", "🔥")
				holds(t, w.bids("/waiting", 0), say.none, say.snoozed)
				w.reacts(w.ali, shown, "👌")
				holds(t, w.bids("/waiting", 0), say.none, "-"+say.snoozed)
				w.reacts(w.ali, shown, "😴")
				w.reacts(w.ali, shown)
				holds(t, w.bids("/waiting", 0), say.one, "-"+say.snoozed)
				w.reacts(w.ali, shown, "😴")
				if got := len(w.fromBot(w.group)) - said; got != 10 { // the answers to our own commands
					t.Errorf("the bot said %d things", got)
				}
				w.passes(26 * time.Hour)
				if again := w.sees(w.group, say.again); again.ReplyTo != shown.ID {
					t.Errorf("it replies to %d", again.ReplyTo)
				}
			})
		})
	}
}

// TestAReactionTakenBackUndoesNothingElse: what has happened since stays.
func TestAReactionTakenBackUndoesNothingElse(t *testing.T) {
	const none, one = "Nobody waits", "Waiting for an answer: 1"
	for name, tc := range map[string]struct {
		reaction string
		before   string // a command of Ali's as a reply to the SMS
		since    func(w *world, shown telegram.Message)
		want     []string
	}{
		"they wrote":            {"👌", "", func(w *world, _ telegram.Message) { w.receives("09121111111", "one more") }, []string{one, "2 SMS", "1 h"}},
		"they were answered":    {"👌", "", func(w *world, m telegram.Message) { w.comesAtNoon(m) }, []string{none}},
		"an answer is not sent": {"👌", "", func(w *world, m telegram.Message) { w.answerCalledOff(m) }, []string{one, "1 h"}},
		"an answer does not arrive": {"👌", "", func(w *world, m telegram.Message) {
			w.comesAtNoon(m)
			w.panel.SetStatus(w.panel.Sent()[0].ID, 5)
			w.until("the answer is told of as not delivered", func() bool { return strings.Contains(w.transcript(w.group), "did not reach") })
		}, []string{none}},
		"an order of before is sent": {"👌", strings.Repeat("come at noon ", 60), func(w *world, _ telegram.Message) {
			w.presses(w.ali, w.buttonOf(w.group, "Send"), "Send")
			w.sent(1)
		}, []string{none}},
		"a colleague agrees": {"👌", "", func(w *world, m telegram.Message) { w.reacts(w.sara, m, "👌") }, []string{none}},
		"and changes their mind": {"👌", "", func(w *world, m telegram.Message) {
			w.reacts(w.sara, m, "👌")
			w.reacts(w.ali, m)
			w.reacts(w.sara, m)
		}, []string{one, "1 h"}},
		"it is done":   {"😴", "", func(w *world, m telegram.Message) { w.bids("/done", m.ID) }, []string{none, "-snoozed"}},
		"put off anew": {"😴", "", func(w *world, m telegram.Message) { w.bids("/snooze 3d", m.ID) }, []string{none, "snoozed: 1"}},
		"put off, and they wrote": {"😴", "", func(w *world, _ telegram.Message) { w.receives("09121111111", "one more") },
			[]string{one, "2 SMS", "-snoozed"}},
		"put off, and answered": {"😴", "", func(w *world, m telegram.Message) { w.comesAtNoon(m) }, []string{none, "-snoozed"}},
		"taken by command":      {"✍", "", func(w *world, m telegram.Message) { w.bids("/take", m.ID) }, []string{one, "✍ \u2068Ali"}},
		"released":              {"✍", "", func(w *world, m telegram.Message) { w.bids("/release", m.ID) }, []string{one, "-✍"}},
		"it was put off":        {"👌", "/snooze 3d", func(*world, telegram.Message) {}, []string{none, "snoozed: 1"}},
		"it was put off, and they wrote": {"👌", "/snooze 3d", func(w *world, _ telegram.Message) { w.receives("09121111111", "one more") },
			[]string{one, "2 SMS", "-snoozed"}},
		"put off again": {"😴", "/snooze 3d", func(*world, telegram.Message) {}, []string{none, "snoozed: 1"}},
		"forgotten": {"👌", "", func(w *world, m telegram.Message) {
			ask := w.Asks(telegram.Post{Chat: w.sara, From: w.sara, Text: "/forget 09121111111"})
			w.presses(w.sara, ask, "Forget")
			time.Sleep(time.Minute)
		}, []string{none}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, telegram.Options{}, panel.Options{})
				w.administers()
				w.relay.PollInterval = time.Minute // hours pass
				w.start()
				shown := w.receives("09121111111", "hello")
				time.Sleep(time.Hour)
				if tc.before != "" {
					w.bids(tc.before, shown.ID)
				}
				w.reacts(w.ali, shown, tc.reaction)
				time.Sleep(time.Minute)
				tc.since(w, shown)
				w.reacts(w.ali, shown)
				holds(t, w.bids("/waiting", 0), tc.want...)
			})
		})
	}
}

// comesAtNoon has Ali answer, and waits until the panel has it.
func (w *world) comesAtNoon(m telegram.Message) {
	w.Helper()
	n := w.panel.SentCount()
	w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "come at noon", ReplyTo: m.ID})
	w.sent(n + 1)
}

// answerCalledOff has Ali answer while the panel is down, and call it off.
func (w *world) answerCalledOff(m telegram.Message) {
	w.Helper()
	w.PanelNet.Down()
	w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "come at noon", ReplyTo: m.ID})
	w.presses(w.ali, w.sees(w.group, "not sent yet: the panel is down"), "Cancel")
	w.sees(w.group, "cancelled by")
}

// TestReactionsThatMeanNothing: of somebody who is no agent, in the name of the group, on what is no SMS or shows those of several customers, in a group
// where the bot is no administrator, and what Telegram gives twice.
func TestReactionsThatMeanNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		w.start()
		shown := w.receives("09121111111", "hello")
		waits := func(why string) {
			t.Helper()
			if list := w.bids("/waiting", 0); !strings.Contains(list.Text, "09121111111") || strings.Contains(list.Text, "✍") {
				t.Errorf("%s: %q", why, list.Text)
			}
		}
		w.reacts(w.ali, shown, "👌")
		w.reacts(w.ali, shown)
		waits("the bot is no administrator")
		holds(t, w.Asks(telegram.Post{Chat: w.sara, From: w.sara, Text: "/check"}), "👌", "😴")
		w.administers()
		holds(t, w.Asks(telegram.Post{Chat: w.sara, From: w.sara, Text: "/check"}), "-👌")

		w.reacts(w.omid, shown, "👌")
		waits("a stranger")
		w.gives(fmt.Sprintf(`{"message_reaction":{"chat":{"id":%d,"type":"supergroup"},"message_id":%d,"actor_chat":{"id":%d,"type":"supergroup"},"date":1,"old_reaction":[],"new_reaction":[{"type":"emoji","emoji":"👌"}]}}`, w.group, shown.ID, w.group))
		w.gives(fmt.Sprintf(`{"message_reaction":{"chat":{"id":%d,"type":"supergroup"},"message_id":%d,"user":{"id":%d,"first_name":"Ali"},"date":1,"old_reaction":[],"new_reaction":[{"type":"custom_emoji","custom_emoji_id":"5"},{"type":"paid"}]}}`, w.group, shown.ID, w.ali))
		w.quiet()
		waits("in the name of the group, or with an emoji of their own")
		list := w.bids("/waiting", 0)
		w.reacts(w.ali, list, "👌")
		w.reacts(w.ali, shown, "🔥", "💯")
		waits("no SMS, or no deed")

		w.reacts(w.ali, shown, "👌")
		w.reacts(w.ali, shown)
		for _, u := range w.tg.Updates() {
			if u.Kind == "message_reaction" && u.Confirmed && strings.Contains(u.JSON, "👌") {
				if err := w.tg.Redeliver(u.ID); err != nil {
					t.Fatal(err)
				}
			}
		}
		w.quiet()
		waits("given twice")

		w.bids("/done 09121111111", 0)
		for i := range 40 {
			w.panel.Receive(fmt.Sprintf("091211111%02d", i+1), "30001234", "hello")
		}
		time.Sleep(10 * time.Minute)
		digest := w.sees(w.group, "09121111105", "09121111106")
		before := w.bids("/waiting", 0).Text
		w.reacts(w.ali, digest, "👌")
		after := w.bids("/waiting", 0).Text
		if head := strings.SplitN(before, "\n", 2)[0]; !strings.HasPrefix(after, head) || !strings.Contains(head, "40") {
			t.Errorf("a message of many customers: before %q, after %q", head, after)
		}
	})
}

// TestAnAwayTextIsNoAnswer: a customer whom it was sent to waits again when the reaction of before is taken back.
func TestAnAwayTextIsNoAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newNight(t, telegram.Options{}, panel.Options{})
		w.administers()
		w.start()
		shown := w.receives("09121111111", "hello")
		w.getsAway(1, "09121111111", "30001234")
		time.Sleep(22 * time.Hour) // work, and its end
		w.reacts(w.ali, shown, "👌")
		w.receives("09121111111", "anybody there?")
		w.getsAway(2, "09121111111", "30001234")
		w.reacts(w.ali, shown)
		holds(t, w.bids("/waiting", 0), "Waiting for an answer: 1", "2 SMS")
	})
}
