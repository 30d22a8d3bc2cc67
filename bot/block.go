package bot

import (
	"context"
	"slices"
	"strings"

	"peyk/bot/text"
	"peyk/store"
	"peyk/telegram"
)

// block has a customer's SMS kept and not shown.
func (b *Bot) block(_ context.Context, m *telegram.Message, _ role) error {
	return b.setBlock(m, true)
}

// unblock has them shown again.
func (b *Bot) unblock(_ context.Context, m *telegram.Message, _ role) error {
	return b.setBlock(m, false)
}

func (b *Bot) setBlock(m *telegram.Message, blocks bool) error {
	t := b.language(m.Chat)
	usage, said := t.UnblockUsage, t.Unblocked
	if blocks {
		usage, said = t.BlockUsage, t.Blocked
	}
	c, rest, refusal, err := b.conversationOf(m, usage)
	switch {
	case err != nil:
		return err
	case refusal != "":
		return b.respond(m, refusal)
	case strings.TrimSpace(rest) != "" || !c.Customer.Names():
		return b.respond(m, usage)
	}
	change := store.Block{Customer: c.Customer}
	if blocks {
		change.At, change.By = b.store.Now(), text.Short(m.From.Name, text.NameRunes)
	}
	_, err = b.store.Take(updateKey(m), store.Caused{Block: &change, Posts: []store.Post{response(m, t.Say(said, text.Number(c.Customer)))}})
	if err == nil {
		b.log.Info("a customer is blocked or no longer", "agent", int64(m.From.ID), "blocked", blocks)
	}
	return err
}

// blocked lists who is blocked, those blocked last first.
func (b *Bot) blocked(_ context.Context, m *telegram.Message, _ role) error {
	t, now := b.language(m.Chat), b.now()
	all, err := b.store.Blocked()
	if err != nil {
		return err
	}
	if len(all) == 0 {
		return b.respond(m, t.BlockedNone)
	}
	lines := []string{t.Say(t.BlockedHead, len(all))}
	slices.SortStableFunc(all, func(a, b store.Block) int { return b.At.Compare(a.At) })
	for _, c := range all {
		lines = append(lines, t.Say(t.BlockedLine, text.Number(c.Customer), text.Isolated(c.By), t.Clock(c.At.In(now.Location()), now), c.SMS))
	}
	return b.respond(m, text.Clip(lines))
}
