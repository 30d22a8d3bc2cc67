package bot

import (
	"context"
	"errors"
	"slices"

	"peyk/bot/text"
	"peyk/sms"
	"peyk/telegram"
)

// refreshMenu sets the menu of a chat in the background. A group's menu is that of agents, as all its members see it.
func (b *Bot) refreshMenu(ctx context.Context, chat sms.ChatID, r role) {
	if chat < 0 {
		r = agent
	}
	b.callTelegram(ctx, func(ctx context.Context) { b.setMenu(ctx, chat, r) })
}

// setMenus shows people the commands they may use in the menus of Telegram's apps. That is a convenience: who may do what is decided when
// they do it.
func (b *Bot) setMenus(ctx context.Context) {
	menus := map[sms.ChatID]role{0: stranger}
	admins, err := b.store.Admins()
	if err != nil {
		return
	}
	for _, id := range b.opts.Users {
		menus[sms.ChatID(id)] = agent
	}
	agents, _ := b.store.Agents()
	for _, a := range agents {
		menus[sms.ChatID(a.ID)] = agent
	}
	for _, id := range admins {
		menus[sms.ChatID(id)] = admin
	}
	inboxes, _ := b.store.InboxChats()
	linked, _ := b.store.LinkedChats()
	for _, id := range slices.Concat(inboxes, linked) {
		menus[id] = max(menus[id], agent)
	}
	for chat, r := range menus {
		if ctx.Err() != nil {
			return
		}
		b.setMenu(ctx, chat, r)
		if chat < 0 { // so that a group where nobody has written since is known by its title
			if c, err := b.tg.GetChat(ctx, chat); err == nil {
				_ = b.noteTitle(chat, c.Title) // the next message brings it again
			}
		}
	}
}

// setMenu sets the menu of one chat, in its language; chat 0 means every chat without a menu of its own, in all languages.
func (b *Bot) setMenu(ctx context.Context, chat sms.ChatID, r role) {
	err := b.tg.SetMenu(ctx, chat, "", menu(b.language(chat), r))
	if chat == 0 {
		for name, t := range text.Languages {
			err = errors.Join(err, b.tg.SetMenu(ctx, chat, name, menu(t, r)))
		}
	}
	if err != nil {
		b.log.Debug("set menu", "chat", int64(chat), "err", err) // usually somebody who never wrote to the bot
	}
}

// menu returns the commands that somebody may use.
func menu(t *text.Language, r role) []telegram.MenuEntry {
	var entries []telegram.MenuEntry
	for _, c := range commands() {
		if c.who <= r {
			entries = append(entries, telegram.MenuEntry{Command: c.name, Description: t.Commands[c.name]})
		}
	}
	return entries
}
