package bot_test

import (
	"fmt"
	"testing"

	"peyk/sandbox/panel"
	"peyk/sandbox/telegram"
)

func TestAllowAndDeny(t *testing.T) {
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
	answered(w.group, fmt.Sprint(nima), "may use the bot now")
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
	answered(w.group, "Omid", "may use the bot now")
	command(w.sara, w.sara, 0, "/users")
	answered(w.sara, fmt.Sprintf("\u2068Sara\u2069 (%d): administrator", w.sara), fmt.Sprint("\n", w.ali, ": agent"), fmt.Sprintf("\u2068Omid\u2069 (%d): agent", w.omid), fmt.Sprintf("\u2068Nima\u2069 (%d): agent", nima))
	w.end()
	w.start()
	command(w.omid, w.omid, 0, "/credit")
	answered(w.omid, "Credit")

	command(w.sara, w.sara, 0, fmt.Sprint("/deny ", w.sara))
	answered(w.sara, "cannot take yourself off")
	command(w.sara, w.sara, 0, fmt.Sprint("/deny ", w.ali))
	answered(w.sara, "stands in the settings")
	command(w.sara, w.sara, 0, "/deny 42")
	answered(w.sara, "42 is not on the list")
	command(w.sara, w.sara, 0, fmt.Sprint("/deny ", w.omid))
	answered(w.sara, "Omid", "may no longer use the bot")
	command(w.omid, w.omid, 0, "/send 09121111111 free")
	w.quiet()
	if n := w.panel.SentCount(); n != 0 {
		t.Errorf("somebody denied sent %d SMS", n)
	}
}

func TestOwnerMayAllow(t *testing.T) {
	w := newWorld(t, telegram.Options{}, panel.Options{})
	w.opts.Users, w.opts.Admins, w.storeOpts.Admins = nil, nil, nil
	w.start()
	w.says(telegram.Post{Chat: w.sara, From: w.sara, Text: "/start " + w.logged("code=")})
	w.sees(w.sara, "You are now the owner")
	w.says(telegram.Post{Chat: w.sara, From: w.sara, Text: fmt.Sprint("/allow ", w.ali)})
	w.sees(w.sara, "may use the bot now")
	w.quiet()
	w.says(telegram.Post{Chat: w.sara, From: w.sara, Text: fmt.Sprint("/deny ", w.ali)})
	w.sees(w.sara, "may no longer use the bot")
}
