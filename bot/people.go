package bot

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"peyk/bot/text"
	"peyk/sms"
	"peyk/store"
	"peyk/telegram"
)

// person returns whom /allow or /deny is about: the id given, or who wrote the message replied to.
func (b *Bot) person(m *telegram.Message) (telegram.User, bool) {
	if m.Args == "" && m.ReplyTo != nil && !m.ReplyTo.Anonymous && !m.ReplyTo.From.Bot {
		return m.ReplyTo.From, true
	}
	id, err := strconv.ParseInt(sms.Digits(strings.TrimSpace(m.Args)), 10, 64)
	// Groups and channels have negative ids, and some accounts are shared by many people.
	return telegram.User{ID: sms.AgentID(id)}, err == nil && id > 0 && !telegram.SharedAccount(sms.AgentID(id)) && sms.AgentID(id) != b.self.ID
}

// allow puts somebody on the allow-list of the store.
func (b *Bot) allow(ctx context.Context, m *telegram.Message, _ role) error {
	t := b.language(m.Chat)
	who, ok := b.person(m)
	if !ok {
		return b.respond(m, t.AllowUsage)
	}
	known, err := b.roleOf(who.ID)
	if err != nil {
		return err
	}
	if known != stranger {
		return b.respond(m, t.Say(t.AllowedAlready, mention(who)))
	}
	_, err = b.store.Take(updateKey(m), store.Caused{
		Allow: &store.Agent{ID: who.ID, Name: text.Short(who.Name, text.NameRunes), Since: b.store.Now(), Update: b.taking},
		Posts: []store.Post{response(m, t.Say(t.Allowed, mention(who)))},
	})
	if err == nil {
		b.log.Info("allowed", "agent", int64(who.ID), "by", int64(m.From.ID))
		b.callTelegram(ctx, func(ctx context.Context) { b.setMenu(ctx, sms.ChatID(who.ID), agent) })
	}
	return err
}

// deny takes somebody off the allow-list of the store. Nobody can deny themselves, so one admin always remains. People in the settings'
// list stay.
func (b *Bot) deny(ctx context.Context, m *telegram.Message, _ role) error {
	t := b.language(m.Chat)
	who, ok := b.person(m)
	switch {
	case !ok:
		return b.respond(m, t.DenyUsage)
	case who.ID == m.From.ID:
		return b.respond(m, t.DenyYourself)
	case slices.Contains(b.opts.Users, who.ID) || slices.Contains(b.opts.Admins, who.ID):
		return b.respond(m, t.Say(t.DenySettings, mention(who)))
	}
	agents, err := b.store.Agents()
	if err != nil {
		return err
	}
	i := slices.IndexFunc(agents, func(a store.Agent) bool { return a.ID == who.ID })
	if i < 0 {
		return b.respond(m, t.Say(t.DenyUnknown, mention(who)))
	}
	gone := agents[i]
	_, err = b.store.Take(updateKey(m), store.Caused{
		Deny: gone.ID, Posts: []store.Post{response(m, t.Say(t.Denied, mention(telegram.User{ID: gone.ID, Name: gone.Name})))},
	})
	if err == nil {
		b.log.Info("denied", "agent", int64(who.ID), "by", int64(m.From.ID))
		b.callTelegram(ctx, func(ctx context.Context) { b.setMenu(ctx, sms.ChatID(who.ID), stranger) })
	}
	return err
}

// namesTimeout is how long /users may ask Telegram for names.
const namesTimeout = 10 * time.Second

// users lists the allow-lists of the settings and of the store.
func (b *Bot) users(ctx context.Context, m *telegram.Message, _ role) error {
	agents, err := b.store.Agents()
	if err != nil {
		return err
	}
	names := map[sms.AgentID]string{}
	all := slices.Concat(b.opts.Admins, b.opts.Users)
	for _, a := range agents {
		names[a.ID] = a.Name
		all = append(all, a.ID)
	}
	roles := map[sms.AgentID]role{}
	var listed []sms.AgentID
	for _, id := range all {
		if _, again := roles[id]; again {
			continue
		}
		if roles[id], err = b.roleOf(id); err != nil {
			return err
		}
		listed = append(listed, id)
	}
	return b.inquire(ctx, m, func(ctx context.Context, t *text.Language) string {
		ctx, cancel := context.WithTimeout(ctx, namesTimeout)
		defer cancel()
		var lines []string
		for _, id := range listed {
			word := t.UserAgent
			if roles[id] == admin {
				word = t.UserAdmin
			}
			lines = append(lines, t.Say(t.UserLine, mention(b.named(ctx, id, names)), word))
		}
		return text.Clip(lines)
	})
}

// named returns somebody with their name: that in names, by the allow-list, or, of those allowed by id, what Telegram knows of them once they wrote to
// the bot in private.
func (b *Bot) named(ctx context.Context, id sms.AgentID, names map[sms.AgentID]string) telegram.User {
	if name := names[id]; name != "" {
		return telegram.User{ID: id, Name: name}
	}
	chat, _ := b.tg.GetChat(ctx, sms.ChatID(id))
	return telegram.User{ID: id, Name: chat.Name()}
}

// mention returns somebody's name with their id, as names are not unique.
func mention(u telegram.User) string {
	id := text.Code(fmt.Sprint(int64(u.ID)))
	if u.Name == "" {
		return id
	}
	return text.Isolated(u.Name) + " (" + id + ")"
}
