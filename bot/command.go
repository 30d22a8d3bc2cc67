package bot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"peyk/bot/text"
	"peyk/sms"
	"peyk/smsapi"
	"peyk/store"
	"peyk/telegram"
)

// command is a row of the table from which help, menus and dispatch come. What it does, in words, is in text.Language.Commands.
type command struct {
	name string
	who  role
	run  func(*Bot, context.Context, *telegram.Message, role) error
}

// sends reports whether the words after a command, or without any, may go out to a customer.
func sends(command string) bool {
	return command == "" || command == "send" || command == "c" || command == "later"
}

// commands returns the table, in the order of the help.
func commands() []command {
	return []command{
		{"start", stranger, (*Bot).start},
		{"help", stranger, (*Bot).help},
		{"id", stranger, (*Bot).id},
		{"send", agent, (*Bot).sendCommand},
		{"bulk", agent, (*Bot).bulk},
		{"later", agent, (*Bot).later},
		{"scheduled", agent, (*Bot).scheduled},
		{"status", agent, (*Bot).status},
		{"history", agent, (*Bot).history},
		{"find", agent, (*Bot).find},
		{"credit", agent, (*Bot).credit},
		{"canned", agent, (*Bot).canned},
		{"c", agent, (*Bot).sendCanned},
		{"stats", agent, (*Bot).stats},
		{"name", agent, (*Bot).name},
		{"take", agent, (*Bot).takeOver},
		{"release", agent, (*Bot).release},
		{"waiting", agent, (*Bot).waiting},
		{"done", agent, (*Bot).done},
		{"snooze", agent, (*Bot).snooze},
		{"line", agent, (*Bot).setLine},
		{"language", agent, (*Bot).setLanguage},
		{"inbox", admin, (*Bot).setInbox},
		{"topics", admin, (*Bot).setTopics},
		{"link", admin, (*Bot).link},
		{"unlink", admin, (*Bot).unlink},
		{"allow", admin, (*Bot).allow},
		{"deny", admin, (*Bot).deny},
		{"users", admin, (*Bot).users},
		{"closed", admin, (*Bot).closed},
		{"block", admin, (*Bot).block},
		{"unblock", admin, (*Bot).unblock},
		{"blocked", admin, (*Bot).blocked},
		{"export", admin, (*Bot).export},
		{"optout", admin, (*Bot).optOut},
		{"contacts", admin, (*Bot).contacts},
		{"forget", admin, (*Bot).forget},
		{"check", admin, (*Bot).checkCommand},
	}
}

// isCommand reports whether there is a command of that name.
func isCommand(name string) bool {
	return slices.ContainsFunc(commands(), func(c command) bool { return c.name == name })
}

// takeCommand carries out a command of an agent.
func (b *Bot) takeCommand(ctx context.Context, m *telegram.Message, r role) error {
	t := b.language(m.Chat)
	for _, c := range commands() {
		if c.name != m.Command {
			continue
		}
		if c.who > r {
			return b.respond(m, t.OnlyAdmins)
		}
		return c.run(b, ctx, m, r)
	}
	return b.respond(m, t.Say(t.UnknownCommand, text.Code("/"+text.Short(m.Command, text.NameRunes))))
}

func (b *Bot) start(ctx context.Context, m *telegram.Message, r role) error {
	if m.Private { // the menu could not be set before they first wrote here
		b.refreshMenu(ctx, m.Chat, r)
	}
	return b.respond(m, b.language(m.Chat).Hello)
}

func (b *Bot) help(_ context.Context, m *telegram.Message, r role) error {
	t := b.language(m.Chat)
	lines := []string{t.HelpHead, t.HelpReply, ""}
	for _, e := range menu(t, r) {
		lines = append(lines, t.Say(t.HelpCommand, e.Command, text.Escape(e.Description)))
		if example := t.Examples[e.Command]; example != text.Code("/"+e.Command) {
			lines = append(lines, t.Say(t.HelpExample, example))
		}
	}
	return b.respond(m, strings.Join(lines, "\n"))
}

func (b *Bot) id(_ context.Context, m *telegram.Message, _ role) error {
	return b.respond(m, fmt.Sprintf(b.language(m.Chat).ID, text.Code(fmt.Sprint(int64(m.From.ID))), text.Code(fmt.Sprint(int64(m.Chat)))))
}

// inquire takes m, runs find in the background, and posts what it returns. After a crash in between the agent has to ask again.
func (b *Bot) inquire(ctx context.Context, m *telegram.Message, find func(context.Context, *text.Language) string) error {
	return b.inquireIn(ctx, m, b.panelSlots, store.Caused{}, func(ctx context.Context, t *text.Language) store.Post { return response(m, find(ctx, t)) })
}

// inquireIn is inquire where others may wait for the same slots, the answer may have buttons, or none be left to post, and more than the taking is stored
// before.
func (b *Bot) inquireIn(ctx context.Context, m *telegram.Message, slots chan struct{}, first store.Caused, find func(context.Context, *text.Language) store.Post) error {
	if _, err := b.store.Take(updateKey(m), first); err != nil {
		return err
	}
	b.runInBackground(ctx, slots, func(ctx context.Context) {
		p := find(ctx, b.language(m.Chat))
		if p.Kind == "" {
			return // what it did is answered already
		}
		if err := b.store.Persist(ctx, "answer a command", func() error { return b.store.Answer(updateKey(m), p) }); err != nil {
			b.log.Error("answer a command", "err", err)
		}
	})
	return nil
}

// question is what a newer one of the same kind takes the place of, in a chat or, with the chat of somebody alone, wherever they ask.
type question struct {
	chat    sms.ChatID
	command string
}

// inquireStore takes m, has find read the store beside the flows, and posts what it returns. A newer question of the same kind ends an older one of the
// chat, which then gets no answer. After a crash the agent has to ask again.
func (b *Bot) inquireStore(ctx context.Context, m *telegram.Message, find func(context.Context, *text.Language) (store.Post, error)) error {
	if _, err := b.store.Take(updateKey(m), store.Caused{}); err != nil {
		return err
	}
	t := b.language(m.Chat)
	b.readStore(ctx, question{m.Chat, m.Command}, func(ctx context.Context) (store.Post, error) { return find(ctx, t) }, b.store.AddPost)
	return nil
}

// readStore has find read the store beside the flows, a few questions at once, and answer store the post it returns, unless a newer question takes its
// place.
func (b *Bot) readStore(ctx context.Context, of question, find func(context.Context) (store.Post, error), answer func(store.Post) error) {
	b.runLatest(ctx, of, b.readSlots, func(ctx context.Context) {
		p, err := find(ctx)
		if err == nil {
			err = b.store.Persist(ctx, "answer a command", func() error { return answer(p) })
		}
		if err != nil && ctx.Err() == nil && !errors.Is(err, store.ErrTaken) {
			b.log.Error("answer a command", "err", err)
		}
	})
}

func (b *Bot) credit(ctx context.Context, m *telegram.Message, _ role) error {
	return b.inquire(ctx, m, func(ctx context.Context, t *text.Language) string {
		credit, err := b.panel.Credit(ctx)
		if err != nil {
			return b.panelSays(t, err)
		}
		return t.Say(t.Credit, text.Code(text.Short(credit, text.NameRunes)))
	})
}

// panelSays turns an error of the panel into a sentence.
func (b *Bot) panelSays(t *text.Language, err error) string {
	b.log.Warn("ask panel", "err", err)
	e, ok := errors.AsType[*smsapi.Error](err)
	switch {
	case ok && e.Kind == smsapi.Rejected:
		return t.Say(t.PanelRejected, text.Reason(e.Text))
	case ok && e.Kind == smsapi.Auth:
		return t.PanelAuth
	case ok && e.Kind == smsapi.Unavailable:
		return t.PanelUnavailable
	}
	return t.PanelUncertain
}
