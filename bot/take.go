package bot

import (
	"context"
	"errors"
	"time"

	"peyk/sms"
	"peyk/store"
	"peyk/telegram"
)

// take acts on one update. An error means that nothing was stored and that the update must be taken again.
func (b *Bot) take(ctx context.Context, u telegram.Update) error {
	var err error
	b.taking = u.ID
	switch {
	case u.Refused != "":
		b.log.Warn("update passed over", "update_id", u.ID, "reason", u.Refused)
	case u.Message != nil:
		err = b.takeMessage(ctx, u.Message)
	case u.Edited != nil:
		err = b.takeEdit(u.Edited)
	case u.Press != nil:
		err = b.takePress(ctx, u.Press)
	case u.Inline != nil:
		err = b.takeInline(ctx, u.Inline)
	case u.React != nil:
		err = b.takeReaction(u.React)
	case u.Member != nil:
		err = b.takeMember(ctx, u.Member)
	}
	switch {
	case errors.Is(err, store.ErrTaken):
		return nil
	case errors.Is(err, store.ErrNotFound): // trying again would not help
		b.log.Error("update about what is not in the store passed over", "update_id", u.ID, "err", err)
		return nil
	}
	return err
}

// takeMessage acts on a message if it concerns the bot: a command, or a reply to one of our messages.
func (b *Bot) takeMessage(ctx context.Context, m *telegram.Message) error {
	switch {
	case m.MigrateTo != 0:
		b.refreshMenu(ctx, m.MigrateTo, agent)
		return b.store.MigrateChat(m.Chat, m.MigrateTo)
	case (m.Pinned || m.IconChanged) && m.From.ID == b.self.ID:
		b.callTelegram(ctx, func(ctx context.Context) { // what we did shows without it; at worst it stays
			if err := b.tg.Delete(ctx, m.Chat, m.ID); err != nil {
				b.log.Debug("delete a message of telegram's", "chat", int64(m.Chat), "err", err)
			}
		})
		return nil
	case m.TopicChanged != "":
		return b.takeTopicChange(m)
	case !b.concernsUs(m):
		return nil
	case m.Anonymous:
		// Limited, as strangers may speak in the name of a channel too.
		if !b.strangers.allow(sms.AgentID(m.Chat), time.Now()) {
			return nil
		}
		return b.respond(m, b.language(m.Chat).Faceless)
	}
	r, err := b.roleOf(m.From.ID)
	if err != nil {
		return err
	}
	if r == stranger {
		return b.takeStranger(ctx, m)
	}
	if err := errors.Join(b.store.ChatFound(m.Chat), b.noteTitle(m.Chat, m.Title)); err != nil {
		return err
	}
	b.poster.pace.release(m.Chat)
	return b.takeFromAgent(ctx, m, r)
}

// concernsUs reports whether a message is a command for this bot, a reply to one of its messages, or written to it in private.
func (b *Bot) concernsUs(m *telegram.Message) bool {
	switch {
	case m.ForOtherBot:
		return false
	case m.Private || m.Inline || b.repliesToUs(m):
		return true
	case m.Command == "":
		return m.Elsewhere != nil
	}
	return m.NamesUs || isCommand(m.Command) // where group privacy is off we also see the commands of other bots
}

// repliesToUs reports whether m replies to a message of ours in the same place.
func (b *Bot) repliesToUs(m *telegram.Message) bool {
	return m.ReplyTo != nil && m.ReplyTo.From.ID == b.self.ID
}

// takeFromAgent acts on a message of an agent that concerns the bot.
func (b *Bot) takeFromAgent(ctx context.Context, m *telegram.Message, r role) error {
	t := b.language(m.Chat)
	undecided := false
	if ours := b.repliedTo(m); ours != nil && sends(m.Command) {
		var err error
		if undecided, err = b.holdsQuestion(ours); err != nil {
			return err
		}
	}
	switch {
	case undecided:
		return b.respond(m, t.Undecided)
	case m.File != nil && m.Private && r >= admin && m.Command == "" && m.ReplyTo == nil:
		return b.respond(m, t.ContactsHow)
	case m.Media && !takesFile(m.Command):
		return b.respond(m, t.OnlyText)
	case m.Command != "":
		return b.takeCommand(ctx, m, r)
	case m.Elsewhere != nil:
		return b.respond(m, t.Elsewhere)
	case m.Forwarded && m.Text != "":
		return b.respond(m, t.NotYourWords)
	case b.repliesToUs(m):
		return b.takeReply(ctx, m)
	case m.Text != "": // in private, or chosen among our offers, and not a reply
		return b.respond(m, t.ToNobody)
	}
	return nil
}

func updateKey(m *telegram.Message) store.UpdateKey {
	return store.UpdateKey{Chat: m.Chat, Message: m.ID}
}

// response is the post that answers m.
func response(m *telegram.Message, html string) store.Post {
	return store.Post{Chat: m.Chat, Topic: m.Topic, Kind: store.PostText, Text: html, ReplyTo: m.ID}
}

// respond takes m and answers it.
func (b *Bot) respond(m *telegram.Message, html string) error {
	_, err := b.store.Take(updateKey(m), store.Caused{Posts: []store.Post{response(m, html)}})
	return err
}
