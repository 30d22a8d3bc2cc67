package bridge_test

import (
	"strings"
	"testing"
	"testing/synctest"

	"peyk/sandbox/panel"
	"peyk/sandbox/telegram"
	"peyk/store"
)

// declines has Telegram refuse this many posts in the group, -1 for all.
func (w *world) declines(words string, times int) {
	w.Helper()
	if err := w.tg.Arm(telegram.Fault{Method: "sendMessage", Chat: w.group, Kind: telegram.Refuse, Description: "Bad Request: " + words, Times: times}); err != nil {
		w.Fatal(err)
	}
}

// tellsAdmin lets the bot write to the admin, which it cannot do first.
func (w *world) tellsAdmin() {
	w.Helper()
	w.says(telegram.Post{Chat: w.sara, From: w.sara, Text: "/start"})
	w.sees(w.sara, "Peyk joins")
}

func TestWhatMarkupIsRefusedForIsShownPlain(t *testing.T) {
	for _, words := range []string{
		"ENTITIES_TOO_LONG", "ENTITY_BOUNDS_INVALID", "can't parse entities: unsupported start tag", "entity beginning at UTF-16 offset 3 ends after the end of the text",
		"MESSAGE_TOO_LONG", "something entirely new", "",
	} {
		t.Run(words, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, telegram.Options{}, panel.Options{})
				w.declines(words, 1)
				w.start()
				w.shows("09121111111", "where is my <order>?")
			})
		})
	}
}

func TestRefusedPostIsNamedAndShownAgain(t *testing.T) {
	for _, words := range []string{"ENTITIES_TOO_LONG", "MESSAGE_TOO_LONG", "BUTTON_DATA_INVALID", "something entirely new", "<b>ودیعه</b> & so on"} {
		t.Run(words, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, telegram.Options{}, panel.Options{})
				w.start()
				w.tellsAdmin()
				w.declines(words, 3)
				w.panel.Receive("09121111111", "30005678", "my secret is 4711")
				w.panel.Receive("09122222222", "30001234", "the next one")
				notice := w.sees(w.group, "refuses to show this SMS", "09121111111", "30005678", words)
				next := w.sees(w.group, "the next one")
				if next.ID < notice.ID {
					t.Error("the notice stands behind the next SMS")
				}
				told := w.sees(w.sara, "refuses one message", "09121111111", "30005678", words)
				for _, m := range []telegram.Message{notice, told} {
					if strings.Contains(m.Text, "4711") {
						t.Errorf("the notice repeats what was refused: %q", m.Text)
					}
				}
				w.restart()
				if a := w.presses(w.omid, notice, "Show again"); !a.Alert {
					t.Errorf("a stranger is told %+v", a)
				}
				if a := w.presses(w.ali, notice, "Show again"); a.Alert {
					t.Errorf("an agent is told %+v", a)
				}
				shown := w.sees(w.group, "my secret is 4711")
				if a := w.presses(w.sara, notice, "Show again"); !a.Alert || !strings.Contains(a.Text, "already") {
					t.Errorf("who presses again is told %+v", a)
				}
				if a := w.presses(w.sara, told, "Show again"); !a.Alert || !strings.Contains(a.Text, "already") {
					t.Errorf("the admin is told %+v", a)
				}
				for i, to := range []telegram.Message{shown, notice} {
					w.says(telegram.Post{Chat: w.group, From: w.ali, Text: []string{"noted", "and done"}[i], ReplyTo: to.ID})
					if sent := w.sent(i + 1)[i]; sent.Customer != "09121111111" || sent.Line != "30005678" {
						t.Errorf("sent %+v", sent)
					}
				}
				for _, secret := range []string{"09121111111", "9121111111", "4711"} {
					if strings.Contains(w.logs.String(), secret) {
						t.Errorf("the log holds %q", secret)
					}
				}
			})
		})
	}
}

// TestShowAgainIsLookedUp presses buttons that nobody offered, and those of posts no longer in the store.
func TestShowAgainIsLookedUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		other := w.tg.AddSupergroup("Other", w.sara, w.ali, w.tg.Bot().ID)
		w.start()
		w.tellsAdmin()
		w.says(telegram.Post{Chat: other, From: w.ali, Text: "/id"})
		elsewhere := w.sees(other, "You are")
		w.declines("odd", 3)
		w.panel.Receive("09121111111", "30005678", "my secret is 4711")
		notice := w.sees(w.group, "refuses to show this SMS")
		w.settles(w.group)
		data := notice.Buttons[0][0].Data
		if len(data) > 64 {
			t.Errorf("%q is too long", data)
		}
		if a := w.pressesData(w.ali, elsewhere, data); !a.Alert {
			t.Errorf("an agent in another chat is told %+v", a)
		}
		for _, made := range []string{"show:", "show:::", "show:1:1:1", data + ":1", data[:len(data)-1] + "2", strings.Replace(data, ":1:", ":0:", 1), strings.Replace(data, ":1:", ":256:", 1), strings.Replace(data, ":1:", ":-1:", 1)} {
			if a := w.pressesData(w.sara, notice, made); !a.Alert {
				t.Errorf("who presses %q is told %+v", made, a)
			}
		}
		w.quiet()
		if got := w.fromBot(w.group); strings.Contains(got[len(got)-1].Text, "4711") {
			t.Error("shown again by what was made up")
		}
		if err := w.tg.Delete(w.group, notice.ID); err != nil { // as an old one
			t.Fatal(err)
		}
		if a := w.pressesData(w.ali, notice, data); a.Alert {
			t.Errorf("an agent is told %+v", a)
		}
		w.sees(w.group, "my secret is 4711")
	})
}

func TestChatThatRefusesEverythingWaits(t *testing.T) {
	for _, words := range []string{
		"group chat was deactivated", "CHAT_WRITE_FORBIDDEN", "CHAT_RESTRICTED", "USER_IS_BLOCKED", "PEER_ID_INVALID", "have no rights to send a message",
		"need administrator rights in the channel chat", "CHAT_SEND_PLAIN_FORBIDDEN", "a reason of next year",
	} {
		t.Run(words, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, telegram.Options{}, panel.Options{})
				w.start()
				w.tellsAdmin()
				w.declines(words, -1)
				w.panel.Receive("09121111111", "30005678", "first")
				w.panel.Receive("09122222222", "30001234", "second")
				w.sees(w.sara, "can no longer write", words)
				w.tg.Disarm()
				w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "/id"})
				w.sees(w.group, "second")
				if got := w.texts(w.group); len(got) != 2 || got[0] != "first" {
					t.Errorf("shown %q", got)
				}
				for _, m := range w.fromBot(w.group) {
					if strings.Contains(m.Text, "refuses") {
						t.Errorf("told: %q", m.Text)
					}
				}
				if incidents, err := w.store.Incidents(); err != nil || len(incidents) != 1 || incidents[0].Kind != store.ChatLost {
					t.Errorf("incidents %+v, %v", incidents, err)
				}
			})
		})
	}
}

// TestRefusedAnswersAndQuestionsAreNamed has Telegram refuse posts that are not SMS.
func TestRefusedAnswersAndQuestionsAreNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		w.start()
		w.declines("odd", 2)
		id := w.agentSays("/id")
		notice := w.sees(w.group, "refuses to show a message")
		if notice.ReplyTo != id {
			t.Errorf("the notice answers %d, want %d", notice.ReplyTo, id)
		}
		w.settles(w.group)
		w.presses(w.ali, notice, "Show again")
		w.sees(w.group, "You are")
		// A question whose buttons are refused still says what it is about.
		w.declines("REPLY_MARKUP_INVALID", 2)
		w.agentSays("/send 09121111111,09122222222 to both")
		w.sees(w.group, "Send this?")
	})
}

// TestARefusedCardOfAPlaceThatIsNobodysHoldsUpNothing has it shown again once there is nothing to show.
func TestARefusedCardOfAPlaceThatIsNobodysHoldsUpNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		w.start()
		w.tellsAdmin()
		// The answer goes first.
		if err := w.tg.Arm(telegram.Fault{Method: "sendMessage", Chat: w.group, Kind: telegram.Refuse, Description: "Bad Request: odd", Skip: 1, Times: 3}); err != nil {
			t.Fatal(err)
		}
		w.says(telegram.Post{Chat: w.group, From: w.sara, Text: "/link 09121111111"})
		told := w.sees(w.sara, "refuses one message")
		w.sees(w.group, "are now shown here")
		w.says(telegram.Post{Chat: w.group, From: w.sara, Text: "/unlink"})
		w.sees(w.group, "no longer belongs")
		if a := w.presses(w.sara, told, "Show again"); !strings.Contains(a.Text, "no longer kept") {
			t.Errorf("the admin is told %+v", a)
		}
		w.shows("09122222222", "the next one")
	})
}
