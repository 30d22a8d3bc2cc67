package bot

import (
	"context"
	"slices"
	"strings"

	"peyk/bot/text"
	"peyk/sms"
	"peyk/store"
	"peyk/telegram"
)

// lineOf returns the line that a chat sends from.
func (b *Bot) lineOf(chat sms.ChatID) (sms.Number, error) {
	c, err := b.store.Chat(chat)
	if err != nil {
		return "", err
	}
	if slices.Contains(b.opts.Lines, c.Line) {
		return c.Line, nil
	}
	return b.opts.Lines[0], nil
}

// readLines returns the lines that words name, or the first word that is not one of our lines.
func (b *Bot) readLines(words []string) (lines []sms.Number, wrong string) {
	for _, w := range words {
		l := sms.NormalizeLine(w)
		if !slices.Contains(b.opts.Lines, l) {
			return nil, w
		}
		if !slices.Contains(lines, l) {
			lines = append(lines, l)
		}
	}
	return lines, ""
}

// setLine shows the line that a chat sends from, or sets it.
func (b *Bot) setLine(_ context.Context, m *telegram.Message, r role) error {
	t := b.language(m.Chat)
	if m.Args == "" {
		line, err := b.lineOf(m.Chat)
		if err != nil {
			return err
		}
		return b.respond(m, t.Say(t.LineIs, text.Number(line), t.Numbers(b.opts.Lines)))
	}
	if r < admin {
		return b.respond(m, t.OnlyAdmins)
	}
	lines, wrong := b.readLines([]string{m.Args})
	if wrong != "" {
		return b.respond(m, t.Say(t.NotOurLine, text.Code(text.Short(wrong, text.NameRunes)), t.Numbers(b.opts.Lines)))
	}
	_, err := b.store.Take(updateKey(m), store.Caused{
		EditChat: func(c *store.Chat) { c.Line = lines[0] },
		Posts:    []store.Post{response(m, t.Say(t.LineSet, text.Number(lines[0])))},
	})
	return err
}

// setInbox shows or sets which inbound SMS a chat or topic shows.
func (b *Bot) setInbox(ctx context.Context, m *telegram.Message, r role) error {
	t := b.language(m.Chat)
	words := strings.FieldsFunc(m.Args, func(r rune) bool { return r == ' ' || r == ',' || r == '\n' || r == '،' })
	if len(words) == 0 {
		state, err := b.inboxState(t, m)
		if err != nil {
			return err
		}
		return b.respond(m, b.addLinkedNote(t, m, t.Say(t.InboxIs, state))+"\n"+t.InboxUsage)
	}
	var edit func(*store.Chat)
	var said string
	switch strings.ToLower(words[0]) {
	case "on":
		lines, wrong := b.readLines(words[1:])
		if wrong != "" {
			return b.respond(m, t.Say(t.NotOurLine, text.Code(text.Short(wrong, text.NameRunes)), t.Numbers(b.opts.Lines)))
		}
		edit = addInbox(m.Topic, lines)
		said = t.InboxOn
		if len(lines) > 0 {
			said = t.Say(t.InboxOnLines, t.Numbers(lines))
		}
	case "off":
		if len(words) > 1 {
			return b.respond(m, t.InboxUsage)
		}
		said = b.addLinkedNote(t, m, t.InboxOff)
		edit = func(c *store.Chat) {
			c.Inboxes = slices.DeleteFunc(c.Inboxes, func(in store.Inbox) bool { return in.Topic == m.Topic })
			c.Off = len(c.Inboxes) == 0
		}
	default:
		return b.respond(m, t.InboxUsage)
	}
	inboxes, err := b.store.InboxChats()
	if err != nil {
		return err
	}
	_, err = b.store.Take(updateKey(m), store.Caused{
		EditChat: func(c *store.Chat) {
			if len(c.Inboxes) == 0 && slices.Contains(inboxes, m.Chat) { // an inbox by the settings, which it remains outside of this topic
				c.Inboxes = []store.Inbox{{}}
			}
			edit(c)
		},
		Posts: []store.Post{response(m, said)},
	})
	if err == nil {
		b.refreshMenu(ctx, m.Chat, r)
	}
	return err
}

// addLinkedNote adds to what is said about the inbox of a chat or topic that the SMS of its own customer are shown there in any case.
func (b *Bot) addLinkedNote(t *text.Language, m *telegram.Message, said string) string {
	bound, err := b.store.Bound(sms.Place{Chat: m.Chat, Topic: m.Topic})
	if err != nil {
		return said
	}
	return said + " " + t.Say(t.InboxLinked, text.Number(bound.Customer))
}

// addInbox returns an edit that makes a topic, or the chat itself when it is 0, show inbound SMS of some lines, or of all when lines is
// empty. A chat shows an SMS in one place: what other topics showed of these lines moves here.
func addInbox(topic sms.TopicID, lines []sms.Number) func(*store.Chat) {
	return func(c *store.Chat) {
		inboxes := []store.Inbox{{Topic: topic, Lines: lines}}
		for _, in := range c.Inboxes {
			all := len(in.Lines) == 0
			in.Lines = slices.DeleteFunc(slices.Clone(in.Lines), func(l sms.Number) bool { return slices.Contains(lines, l) })
			moved := len(in.Lines) == 0 && (!all || len(lines) == 0)
			if in.Topic != topic && !moved {
				inboxes = append(inboxes, in)
			}
		}
		c.Off, c.Inboxes = false, inboxes
	}
}

// inboxState says which inbound SMS the chat or topic of m shows.
func (b *Bot) inboxState(t *text.Language, m *telegram.Message) (string, error) {
	c, err := b.store.Chat(m.Chat)
	if err != nil {
		return "", err
	}
	for _, in := range c.Inboxes {
		if in.Topic == m.Topic && len(in.Lines) > 0 {
			return t.Numbers(in.Lines), nil
		}
		if in.Topic == m.Topic {
			return t.InboxAll, nil
		}
	}
	if len(c.Inboxes) > 0 {
		return t.InboxNone, nil
	}
	inboxes, err := b.store.InboxChats() // those of the settings among them
	if slices.Contains(inboxes, m.Chat) {
		return t.InboxAll, err
	}
	return t.InboxNone, err
}

// setLanguage sets the language of a chat, and says so in it.
func (b *Bot) setLanguage(ctx context.Context, m *telegram.Message, r role) error {
	chosen := text.Languages[strings.ToLower(m.Args)]
	if chosen == nil {
		return b.respond(m, b.language(m.Chat).LanguageUsage)
	}
	_, err := b.store.Take(updateKey(m), store.Caused{
		EditChat: func(c *store.Chat) { c.Language = strings.ToLower(m.Args) },
		Posts:    []store.Post{response(m, chosen.LanguageSet)},
	})
	if err == nil {
		if !m.Private {
			r = agent // all members of a group see its menu
		}
		b.callTelegram(ctx, func(ctx context.Context) { b.setMenu(ctx, m.Chat, r) })
	}
	return err
}
