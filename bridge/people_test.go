package bridge_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"peyk/sandbox/panel"
	"peyk/sandbox/telegram"
	"peyk/sms"
)

func TestAllowAndDeny(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		w.start()
		command := func(from, chat int64, replyTo int, text string) int {
			return w.says(telegram.Post{Chat: chat, From: from, ReplyTo: replyTo, Text: text})
		}
		answered := func(chat int64, words ...string) {
			t.Helper()
			w.sees(chat, words...)
		}
		nima := w.tg.AddUser(telegram.User{FirstName: "Nima"}).ID
		command(w.ali, w.group, 0, fmt.Sprint("/allow ", nima))
		answered(w.group, "Only administrators")
		command(w.sara, w.group, 0, fmt.Sprint("/allow ", nima))
		answered(w.group, fmt.Sprint(nima), "may now use the bot")
		command(nima, nima, 0, "/credit")
		answered(nima, "Credit")
		for _, who := range []string{"1087968824", "136817688", "777000", fmt.Sprint(w.tg.Bot().ID), fmt.Sprint(w.group), "0", "me", ""} {
			id := command(w.sara, w.sara, 0, "/allow "+who)
			if m, err := w.tg.WaitMessage(w.context(), w.sara, func(m telegram.Message) bool { return m.ReplyTo == id }); err != nil || !containsAll(m.Text, []string{"Use /allow ID"}) {
				t.Errorf("/allow %s: %q, %v", who, m.Text, err)
			}
		}
		// As a reply to somebody, whose name is kept.
		said := command(w.omid, w.group, 0, "hello, I am new")
		command(w.sara, w.group, said, "/allow")
		answered(w.group, "Omid", "may now use the bot")
		command(w.sara, w.sara, 0, "/users")
		answered(w.sara, fmt.Sprintf("\u2068Sara\u2069 (%d): administrator", w.sara), fmt.Sprint("\n", w.ali, ": agent"), fmt.Sprintf("\u2068Omid\u2069 (%d): agent", w.omid), fmt.Sprintf("\u2068Nima\u2069 (%d): agent", nima))
		w.end()
		w.start()
		command(w.omid, w.omid, 0, "/credit")
		answered(w.omid, "Credit")

		command(w.sara, w.sara, 0, fmt.Sprint("/deny ", w.sara))
		answered(w.sara, "cannot take yourself off")
		command(w.sara, w.sara, 0, fmt.Sprint("/deny ", w.ali))
		answered(w.sara, "is in the settings")
		command(w.sara, w.sara, 0, "/deny 42")
		answered(w.sara, "42 is not on the list")
		command(w.sara, w.sara, 0, fmt.Sprint("/deny ", w.omid))
		answered(w.sara, "Omid", "may no longer use the bot")
		command(w.omid, w.omid, 0, "/send 09121111111 free")
		w.quiet()
		if n := w.panel.SentCount(); n != 0 {
			t.Errorf("somebody denied sent %d SMS", n)
		}
	})
}

// What waits for somebody who blocks the bot must not reach them once they are denied; and it must be seen.
func TestWhatWaitsForSomebodyDeniedIsShownToOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		nima := w.tg.AddUser(telegram.User{FirstName: "Nima"}).ID
		w.storeOpts.Inbox = []sms.ChatID{sms.ChatID(nima)}
		w.start()
		command := func(from, chat int64, text string, words ...string) {
			t.Helper()
			w.says(telegram.Post{Chat: chat, From: from, Text: text})
			w.sees(chat, words...)
		}
		command(w.sara, w.sara, fmt.Sprint("/allow ", nima), "may now use the bot")
		command(nima, nima, "/start", "Peyk joins")
		w.panel.Receive("09121111111", "30001234", "for Nima")
		w.sees(nima, "for Nima")
		if err := w.tg.Block(nima); err != nil {
			t.Fatal(err)
		}
		w.panel.Receive("09121111111", "30001234", "a secret")
		w.sees(w.sara, "no longer write to the chat", fmt.Sprint(nima))
		command(w.sara, w.sara, fmt.Sprint("/deny ", nima), "may no longer use the bot")
		if err := w.tg.Unblock(nima); err != nil {
			t.Fatal(err)
		}
		w.panel.Receive("09121111111", "30001234", "another secret")
		command(w.sara, w.group, "/inbox on", "are now shown here")
		w.sees(w.group, "a secret")
		w.sees(w.group, "another secret")
		for _, m := range w.fromBot(nima) {
			if strings.Contains(m.Text, "secret") {
				t.Errorf("somebody denied sees %q", m.Text)
			}
		}
		command(w.sara, w.sara, fmt.Sprint("/allow ", nima), "may now use the bot")
		w.panel.Receive("09121111111", "30001234", "for all")
		w.sees(w.group, "for all")
		w.sees(nima, "for all")
	})
}

func TestWhoLeavesTheSettingsSeesNoMoreSMS(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		mahsa := w.tg.AddUser(telegram.User{FirstName: "Mahsa"}).ID
		w.opts.Admins = append(w.opts.Admins, sms.AgentID(mahsa))
		w.storeOpts.Admins = w.opts.Admins
		w.start()
		for _, command := range []string{"/inbox on", "/link 09122222222"} {
			w.says(telegram.Post{Chat: mahsa, From: mahsa, Text: command})
			w.sees(mahsa, "are now shown here")
		}
		w.panel.Receive("09121111111", "30001234", "before")
		w.panel.Receive("09122222222", "30001234", "before, linked")
		w.sees(mahsa, "before, linked")
		w.sees(mahsa, "before")
		w.end()

		w.opts.Admins = w.opts.Admins[:1]
		w.storeOpts.Admins = w.opts.Admins
		w.start()
		w.panel.Receive("09121111111", "30001234", "after")
		w.panel.Receive("09122222222", "30001234", "after, linked")
		w.sees(w.group, "after, linked")
		w.sees(w.group, "after")
		w.settles(w.group)
		for _, m := range w.fromBot(mahsa) {
			if strings.Contains(m.Text, "after") {
				t.Errorf("a person who is no longer an agent sees %q", m.Text)
			}
		}
	})
}

func TestOwnerMayAllow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		w.opts.Users, w.opts.Admins, w.storeOpts.Admins = nil, nil, nil
		w.start()
		w.says(telegram.Post{Chat: w.sara, From: w.sara, Text: "/start " + w.logged("code=")})
		w.sees(w.sara, "You are now the owner")
		w.says(telegram.Post{Chat: w.sara, From: w.sara, Text: fmt.Sprint("/allow ", w.ali)})
		w.sees(w.sara, "may now use the bot")
		w.quiet()
		w.says(telegram.Post{Chat: w.sara, From: w.sara, Text: fmt.Sprint("/deny ", w.ali)})
		w.sees(w.sara, "may no longer use the bot")
	})
}
