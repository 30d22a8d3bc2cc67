package bot

import (
	"context"
	"errors"
	"time"

	"peyk/sms"
	"peyk/store"
	"peyk/telegram"
)

// take acts on one update. An error means that nothing was stored and it is to be taken again.
func (b *Bot) take(ctx context.Context, u telegram.Update) error {
	var err error
	switch {
	case u.Refused != "":
		b.log.Warn("update passed over", "update_id", u.ID, "reason", u.Refused)
	case u.Message != nil:
		err = b.takeMessage(ctx, u.Message)
	case u.Edited != nil:
		err = b.takeEdit(u.Edited)
	case u.Press != nil:
		err = b.takePress(ctx, u.Press)
	case u.Member != nil:
		err = b.takeMember(ctx, u.Member)
	}
	switch {
	case errors.Is(err, store.ErrTaken):
		return nil
	case errors.Is(err, store.ErrNotFound): // also the next time
		b.log.Error("update about what is not in the store passed over", "update_id", u.ID, "err", err)
		return nil
	}
	return err
}

// takeMessage acts on what somebody wrote, if it concerns us: commands, and replies to our messages.
func (b *Bot) takeMessage(ctx context.Context, m *telegram.Message) error {
	if m.MigrateTo != 0 {
		b.refreshMenu(ctx, m.MigrateTo, agent)
		return b.store.MigrateChat(m.Chat, m.MigrateTo)
	}
	if m.TopicChanged != "" {
		return b.takeTopicChange(m)
	}
	toUs := m.ReplyTo != nil && m.ReplyTo.From.ID == b.self.ID
	if m.ForOtherBot || m.Command == "" && !toUs && m.Elsewhere == nil && !m.Private {
		return nil
	}
	if m.Command != "" && !m.Private && !m.NamesUs && !toUs && !isCommand(m.Command) {
		return nil // where we hear everything, that is some other bot's
	}
	t := b.language(m.Chat)
	if m.Faceless {
		// Not without end: somebody off the list may speak as a channel, too.
		if !b.strangers.allow(sms.AgentID(m.Chat), time.Now()) {
			return nil
		}
		return b.respond(m, t.Faceless)
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
	asks := false
	if answered := b.repliedTo(m); answered != nil && sends(m.Command) {
		if asks, err = b.holdsQuestion(answered); err != nil {
			return err
		}
	}
	switch {
	case asks:
		return b.respond(m, t.Undecided)
	case m.Media:
		return b.respond(m, t.OnlyText)
	case m.Command != "":
		return b.takeCommand(ctx, m, r)
	case m.Elsewhere != nil:
		return b.respond(m, t.Elsewhere)
	case m.Forwarded && m.Text != "":
		return b.respond(m, t.NotYourWords)
	case toUs:
		return b.takeReply(ctx, m)
	case m.Text != "": // in private, not a reply
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
