package bridge_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"peyk/sandbox/panel"
	"peyk/sandbox/telegram"
)

// pinning lets the bot pin messages in the group.
func (w *world) pinning() {
	w.Helper()
	if err := w.tg.SetBotRights(w.group, telegram.Rights{Admin: true, PinMessages: true}); err != nil {
		w.Fatal(err)
	}
}

// pins has Sara keep the list of who waits pinned, and returns its message.
func (w *world) pins(chat int64) telegram.Message {
	w.Helper()
	list := w.Asks(telegram.Post{Chat: chat, From: w.sara, Text: "/waiting pin"})
	time.Sleep(20 * time.Second)
	return w.now(list)
}

// now returns a message as it is now.
func (w *world) now(m telegram.Message) telegram.Message {
	w.Helper()
	for _, is := range w.tg.Messages(m.Chat) {
		if is.ID == m.ID {
			return is
		}
	}
	w.Fatalf("message %d is not in chat %d", m.ID, m.Chat)
	return m
}

// TestThePinnedList: it is made, pinned without a sound and kept up to date with what happens, at most every ten seconds, across restarts; the minutes that
// pass change nothing.
func TestThePinnedList(t *testing.T) {
	for language, say := range map[string]struct{ none, head, snoozed, only, ended, not string }{
		"en": {"Nobody waits", "Waiting for an answer: 2", "snoozed: 1", "Only admin", "not kept up to date here any more", "No list of who waits"},
		"fa": {"هیچ مشتری\u200cای در انتظار", "در انتظار پاسخ: ۲", "به تعویق افتاده: ۱", "فقط مدیر", "دیگر به\u200cروز نمی\u200cشود", "به\u200cروز نمی\u200cشود"},
	} {
		t.Run(language, func(t *testing.T) {
			atEach(t, func(t *testing.T, server telegram.Options) {
				w := newWorld(t, server, panel.Options{})
				w.opts.Language = language
				w.pinning()
				w.relay.PollInterval = 15 * time.Second // hours pass
				w.start()
				sara := func(text string) telegram.Message {
					return w.Asks(telegram.Post{Chat: w.group, From: w.sara, Text: text})
				}
				holds(t, w.bids("/waiting pin", 0), say.only)
				holds(t, w.bids("/waiting unpin", 0), say.only)
				holds(t, sara("/waiting unpin"), say.not)
				list := w.pins(w.group)
				holds(t, list, say.none)
				if !list.Pinned || !list.Silent {
					t.Errorf("pinned %t, silent %t", list.Pinned, list.Silent)
				}
				for _, m := range w.tg.Messages(w.group) {
					if m.Service == "pinned_message" && (!m.Silent || !m.Deleted) {
						t.Errorf("the word that it was pinned: silent %t, deleted %t", m.Silent, m.Deleted)
					}
				}

				first := w.receives("09121111111", "hello")
				w.receives("09122222222", "me, too")
				w.bids("/take", first.ID)
				time.Sleep(20 * time.Second)
				list = w.now(list)
				holds(t, list, say.head, "09121111111", "09122222222", "✍")
				if link := fmt.Sprintf(`<a href="https://t.me/c/%d/%d">`, -1000000000000-w.group, first.ID); !strings.Contains(list.Source, link) {
					t.Errorf("no %s in %q", link, list.Source)
				}

				edits := list.Edits
				time.Sleep(3 * time.Hour)
				w.end()
				w.start()
				time.Sleep(time.Minute)
				if got := w.now(list).Edits; got != edits {
					t.Errorf("%d edits while nothing happened", got-edits)
				}
				w.bids("/snooze 2h", first.ID)
				w.end()
				w.start()
				time.Sleep(20 * time.Second)
				holds(t, w.now(list), "-09121111111", "09122222222", say.snoozed)

				for i := range 60 {
					w.panel.Receive(fmt.Sprintf("091233333%02d", i), "30001234", "hello")
					time.Sleep(2 * time.Second)
				}
				time.Sleep(time.Minute)
				list = w.now(list)
				for i, v := range list.History[1:] {
					if d := v.Until.Sub(list.History[i].Until); d < 10*time.Second {
						t.Errorf("changed again after %v", d)
					}
				}
				holds(t, list, "/waiting")

				second := w.pins(w.group)
				if list = w.now(list); list.Pinned || !second.Pinned {
					t.Errorf("the old one is pinned %t, the new one %t", list.Pinned, second.Pinned)
				}
				holds(t, sara("/waiting unpin"), say.ended)
				w.receives("09124444444", "hello")
				time.Sleep(time.Minute)
				if now := w.now(second); now.Pinned || now.Edits != second.Edits || w.now(list).Edits != list.Edits {
					t.Errorf("pinned %t after the end, or edited", now.Pinned)
				}
				if n := w.tg.Throttled(); n > 0 {
					t.Errorf("Telegram asked for patience %d times", n)
				}
			})
		})
	}
}

// TestThePinnedListWhereItMayNotBe: where the bot may not pin, the chat is told once and the list kept up to date all the same, and pinned once the bot may;
// where somebody deletes it, the chat is told once and no other is made.
func TestThePinnedListWhereItMayNotBe(t *testing.T) {
	for language, say := range map[string]struct{ denied, lost string }{
		"en": {"I may not pin", "was deleted"},
		"fa": {"اجازهٔ سنجاق", "حذف شده"},
	} {
		t.Run(language, func(t *testing.T) {
			atEach(t, func(t *testing.T, server telegram.Options) {
				w := newWorld(t, server, panel.Options{})
				w.opts.Language = language
				w.start()
				list := w.pins(w.group)
				holds(t, w.sees(w.group, say.denied), "-09")
				w.receives("09121111111", "hello")
				time.Sleep(20 * time.Second)
				if list = w.now(list); list.Pinned {
					t.Error("pinned without the right")
				}
				holds(t, list, "09121111111")
				w.pinning()
				time.Sleep(20 * time.Second)
				if list = w.now(list); !list.Pinned {
					t.Error("not pinned although the bot may")
				}

				if err := w.tg.Unpin(w.sara, w.group, list.ID); err != nil {
					t.Fatal(err)
				}
				w.bids("/done 09121111111", 0)
				time.Sleep(20 * time.Second)
				holds(t, w.now(list), "-09121111111")

				if err := w.tg.RemoveBot(w.group, w.sara); err != nil {
					t.Fatal(err)
				}
				w.panel.Receive("09122222222", "30001234", "hello")
				time.Sleep(time.Minute)
				if err := w.tg.AddBot(w.group, w.sara); err != nil {
					t.Fatal(err)
				}
				w.sees(w.group, "09122222222")
				time.Sleep(time.Minute)
				holds(t, w.now(list), "09122222222")

				if err := w.tg.Delete(w.group, list.ID); err != nil {
					t.Fatal(err)
				}
				for range 3 {
					w.bids("/done 09122222222", 0)
					time.Sleep(time.Minute)
					w.receives("09122222222", "hello")
					time.Sleep(time.Minute)
				}
				told := map[string]int{}
				for _, m := range w.fromBot(w.group) {
					for _, words := range []string{say.denied, say.lost} {
						if strings.Contains(m.Text, words) {
							told[words]++
						}
					}
				}
				if told[say.denied] != 1 || told[say.lost] != 1 {
					t.Errorf("told %v", told)
				}
			})
		})
	}
}

// TestWhatWasPerhapsPinnedIsUnpinned: Telegram pins a list, its answer is lost, and before the bot asks again the list is to be kept no longer.
func TestWhatWasPerhapsPinnedIsUnpinned(t *testing.T) {
	for _, instead := range []string{"/waiting unpin", "/waiting pin"} {
		t.Run(instead, func(t *testing.T) {
			atEach(t, func(t *testing.T, server telegram.Options) {
				w := newWorld(t, server, panel.Options{})
				w.pinning()
				if err := w.tg.Arm(telegram.Fault{Method: "pinChatMessage", Kind: telegram.CloseAfter}); err != nil {
					t.Fatal(err)
				}
				w.start()
				list := w.Asks(telegram.Post{Chat: w.group, From: w.sara, Text: "/waiting pin"})
				for range 100 {
					if list = w.now(list); list.Pinned {
						break
					}
					time.Sleep(100 * time.Millisecond)
				}
				if !list.Pinned {
					t.Fatal("it was never pinned")
				}
				w.Asks(telegram.Post{Chat: w.group, From: w.sara, Text: instead})
				time.Sleep(time.Minute)
				if w.now(list).Pinned {
					t.Errorf("it is pinned after %s", instead)
				}
			})
		})
	}
}

// TestThePinnedListMovesWithItsGroup: what was shown in a group that became a supergroup means nothing there, so another is made.
func TestThePinnedListMovesWithItsGroup(t *testing.T) {
	atEach(t, func(t *testing.T, server telegram.Options) {
		w := newWorld(t, server, panel.Options{})
		group := w.tg.AddGroup("Old", w.sara, w.ali, w.tg.Bot().ID)
		if err := w.tg.SetBotRights(group, telegram.Rights{Admin: true, PinMessages: true}); err != nil {
			t.Fatal(err)
		}
		w.start()
		if list := w.pins(group); !list.Pinned {
			t.Fatal("not pinned")
		}
		now, err := w.tg.Migrate(group)
		if err != nil {
			t.Fatal(err)
		}
		w.receives("09121111111", "hello")
		time.Sleep(time.Minute)
		for _, m := range w.fromBot(now) {
			if m.Pinned {
				holds(t, m, "09121111111")
				return
			}
		}
		t.Errorf("nothing is pinned in the supergroup:\n%s", w.transcript(now))
	})
}

// TestThePinnedListOfSomebodyWhoLeft: in the private chat of an admin who is none any more it is kept no longer.
func TestThePinnedListOfSomebodyWhoLeft(t *testing.T) {
	atEach(t, func(t *testing.T, server telegram.Options) {
		w := newWorld(t, server, panel.Options{})
		w.says(telegram.Post{Chat: w.sara, From: w.sara, Text: "/start"})
		w.start()
		list := w.pins(w.sara)
		if !list.Pinned {
			t.Error("not pinned in private")
		}
		w.end()
		w.opts.Admins = nil
		w.start()
		w.receives("09121111111", "hello")
		time.Sleep(time.Minute)
		holds(t, w.now(list), "-09121111111")
	})
}
