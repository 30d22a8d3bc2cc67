package bot

import (
	"context"
	"errors"
	"slices"
	"time"

	"peyk/bot/text"
	"peyk/sms"
	"peyk/store"
	"peyk/telegram"
)

// takeMember acts on the bot being added to a chat or removed from one.
func (b *Bot) takeMember(ctx context.Context, m *telegram.Member) error {
	switch {
	case m.Private && m.In, !m.Private && m.In && m.WasIn:
		b.poster.pace.release(m.Chat)
		// Our rights may have changed.
		return errors.Join(b.noteTitle(m.Chat, m.Title), b.store.ChatFound(m.Chat), b.store.TopicsAllowed(m.Chat), b.store.MarksAllowed(m.Chat), b.store.PinAllowed(m.Chat), b.store.IconsAllowed(m.Chat))
	case !m.In || m.Private:
		return nil // posts wait, and the first one that is refused has the admins told
	}
	if ours, err := b.isOurSupergroup(ctx, m.Chat); err != nil || ours {
		if ours {
			b.refreshMenu(ctx, m.Chat, agent)
		}
		return err
	}
	r, err := b.roleOf(m.By.ID)
	if err != nil {
		return err
	}
	k := store.UpdateKey{Chat: m.Chat, Message: sms.ChatMessageID(m.Date), Kind: store.Joined}
	if r == admin {
		b.poster.pace.release(m.Chat)
		if err := errors.Join(b.store.ChatFound(m.Chat), b.noteTitle(m.Chat, m.Title)); err != nil {
			return err
		}
		welcome, err := b.welcome(b.language(m.Chat), m.Chat)
		if err != nil {
			return err
		}
		_, err = b.store.Take(k, store.Caused{Posts: []store.Post{welcome}})
		return err
	}
	return b.leaveUninvited(ctx, m, k)
}

// leaveUninvited leaves a chat to which somebody other than an admin added the bot. It says so there and tells the admins, within limits.
func (b *Bot) leaveUninvited(ctx context.Context, m *telegram.Member, k store.UpdateKey) error {
	b.log.Warn("added to a chat by somebody who is not an admin: leaving", "chat", int64(m.Chat))
	t := b.language(m.Chat)
	told := b.joiners.allow(m.By.ID, b.store.Now())
	b.callTelegram(ctx, func(ctx context.Context) {
		if told {
			if _, err := b.tg.Post(ctx, telegram.Outgoing{Chat: m.Chat, HTML: t.Leaving}); err != nil {
				b.log.Debug("say why the bot leaves", "chat", int64(m.Chat), "err", err)
			}
			b.poster.pace.arrived(m.Chat, time.Now())
		}
		if err := b.tg.Leave(ctx, m.Chat); err != nil {
			b.log.Warn("leave chat", "chat", int64(m.Chat), "err", err)
		}
	})
	if !told {
		return nil // the admins have been told often enough
	}
	caused := store.Caused{}
	admins, err := b.store.Admins()
	if err != nil {
		return err
	}
	for _, id := range admins {
		t := b.language(sms.ChatID(id))
		caused.Posts = append(caused.Posts, store.Post{
			Chat: sms.ChatID(id), Kind: store.PostText, Text: t.Say(t.LeftGroup, mention(m.By), text.Isolated(m.Title)),
		})
	}
	_, err = b.store.Take(k, caused)
	return err
}

// welcome returns the post that greets a group: it says what is shown there, and offers to show SMS when none are.
func (b *Bot) welcome(t *text.Language, chat sms.ChatID) (store.Post, error) {
	p := store.Post{Chat: chat, Kind: store.PostText, Text: t.WelcomeShown}
	inboxes, err := b.store.InboxChats()
	if err != nil || slices.Contains(inboxes, chat) {
		return p, err
	}
	p.Text, p.Buttons = t.WelcomeGroup, []store.Button{{Label: t.ShowHere, Data: pressShowHere}}
	bound, err := b.store.Bound(sms.Place{Chat: chat})
	if errors.Is(err, store.ErrNotFound) {
		return p, nil
	}
	p.Text = t.Say(t.WelcomeLinked, text.Number(bound.Customer))
	return p, err
}

// isOurSupergroup reports whether a chat is the supergroup that one of our groups became. Telegram names whoever converted it as the one
// who added us, perhaps before it reports the conversion itself (https://github.com/tdlib/telegram-bot-api/issues/266).
func (b *Bot) isOurSupergroup(ctx context.Context, chat sms.ChatID) (bool, error) {
	chats, err := b.store.Chats()
	if err != nil {
		return false, err
	}
	groups, err := b.store.InboxChats()
	if err != nil {
		return false, err
	}
	for _, c := range chats {
		if c.MigratedTo == chat {
			return true, nil
		}
		if c.MigratedTo == 0 && !slices.Contains(groups, c.ID) {
			groups = append(groups, c.ID)
		}
	}
	for _, id := range groups {
		if !telegram.BasicGroup(id) {
			continue
		}
		e, ok := errors.AsType[*telegram.Error](b.tg.Typing(ctx, id))
		if ok && e.MigratedTo == chat {
			return true, b.store.MigrateChat(id, chat)
		}
	}
	return false, nil
}

// noteTitle stores the title of a group, by which messages in other chats name it.
func (b *Bot) noteTitle(chat sms.ChatID, title string) error {
	if chat > 0 || title == "" {
		return nil
	}
	return b.store.NoteTitle(chat, text.Short(title, text.NameRunes))
}
