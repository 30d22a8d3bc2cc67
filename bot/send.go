package bot

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"peyk/bot/text"
	"peyk/internal/crashpoint"
	"peyk/sms"
	"peyk/smsapi"
	"peyk/store"
	"peyk/telegram"
)

// Orders with more recipients or parts than usual are asked about before they are sent, and so is every foreign number.
const (
	usualRecipients = 1
	usualParts      = 1
)

// order takes m together with the batch it orders. claims says that it continues a conversation, whose customer the agent then answers.
func (b *Bot) order(ctx context.Context, m *telegram.Message, line sms.Number, to []sms.Number, words string, claims bool) error {
	t := b.language(m.Chat)
	reply := m.Command == ""
	maybeNumber := ""
	if !reply {
		maybeNumber = cmp.Or(disguisedNumber(words), disguisedNumber(firstAddress(m, words)))
	}
	full := withAddresses(m, words)
	order := store.Order{AddedURLs: full != words}
	if len(to) > usualRecipients {
		full, order.Footer = b.withFooter(full)
		order.QuietUntil = b.opts.Quiet.Until(b.now())
	}
	if m.Garbled && strings.ContainsRune(full, utf8.RuneError) {
		return b.respond(m, t.Garbled)
	}
	if outside := b.outsidePrefixes(to); len(outside) > 0 {
		return b.respond(m, t.Say(t.NotAllowed, text.Clip(outside), text.Code(text.Short(strings.Join(b.opts.Prefixes, ", "), text.ReasonRunes))))
	}
	parts := b.opts.PartSizes.Count(full).Parts
	ask := len(to) > usualRecipients || parts > usualParts || slices.ContainsFunc(to, sms.Number.Foreign) || maybeNumber != ""
	answers, err := b.answersPrompt(m)
	if err != nil {
		return err
	}
	order.Place, order.Agent, order.AgentName = sms.Place{Chat: m.Chat, Topic: m.Topic}, m.From.ID, text.Short(m.From.Name, text.NameRunes)
	order.Message, order.Reply, order.Claim, order.Line = m.ID, reply, claims, line
	order.Text, order.Parts, order.Pieces, order.Ask = full, parts, smsapi.Pieces(to), ask
	order.MaybeNumber = text.Short(maybeNumber, text.NameRunes)
	id, err := b.store.Take(updateKey(m), store.Caused{EditChat: answers, Order: &order})
	if over, ok := errors.AsType[*store.OverCap](err); ok {
		b.log.Info("order above the daily cap", "agent", int64(m.From.ID), "parts", over.Parts, "left", over.Left)
		return b.respond(m, t.Say(t.AboveCap, over.Parts, over.Left, over.Cap))
	}
	if err != nil {
		return err
	}
	b.log.Info("ordered", "batch", uint64(id), "agent", int64(m.From.ID), "line", line, "recipients", len(to), "asks", ask)
	if ask {
		b.askPanel(ctx, func(ctx context.Context) { b.addCredit(ctx, id) })
	}
	return nil
}

// withFooter returns a text to several with the footer of the settings, and that; without it if the text ends so already.
func (b *Bot) withFooter(words string) (full, footer string) {
	if footer = b.opts.Footer; footer == "" || strings.HasSuffix(sms.Fold(strings.TrimSpace(words)), sms.Fold(footer)) {
		return words, ""
	}
	return strings.TrimRight(words, " \n") + "\n" + footer, footer
}

// addCredit adds the panel's credit to the question of a batch. Without it the question stands all the same.
func (b *Bot) addCredit(ctx context.Context, id store.BatchID) {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	credit, err := b.panel.Credit(ctx)
	crashpoint.At("credit.answered")
	if err == nil {
		err = b.store.SetCredit(id, credit)
	}
	if err != nil {
		b.log.Warn("credit for a question", "batch", uint64(id), "err", err)
	}
}

// outsidePrefixes returns the numbers that the settings allow nobody to send to.
func (b *Bot) outsidePrefixes(to []sms.Number) []string {
	var refused []string
	for _, n := range to {
		begins := func(prefix string) bool { return strings.HasPrefix(string(n.International()), prefix) }
		if len(b.opts.Prefixes) > 0 && !slices.ContainsFunc(b.opts.Prefixes, begins) {
			refused = append(refused, text.Number(n))
		}
	}
	return refused
}

// sendCommand orders an SMS to the numbers the command names, from the chat's line.
func (b *Bot) sendCommand(ctx context.Context, m *telegram.Message, _ role) error {
	t := b.language(m.Chat)
	to, wrong, words := readSend(m.Args)
	line, err := b.lineOf(m.Chat)
	if err != nil {
		return err
	}
	claims := false
	if len(to) == 0 && len(wrong) == 0 {
		c, err := b.customerOfPlace(sms.Place{Chat: m.Chat, Topic: m.Topic})
		if err != nil {
			return err
		}
		if c.Customer == "" {
			if word, _ := nextWord(words); hasDigit(normalizeWord(word)) {
				wrong = append(wrong, word)
			}
		} else {
			other, err := b.repliesToAnotherCustomer(m, c.Customer)
			if err != nil {
				return err
			}
			if other {
				return b.respond(m, t.Say(t.AnotherPlace, text.Number(c.Customer)))
			}
			line, to, claims = c.Line, []sms.Number{c.Customer}, true
		}
	}
	switch {
	case len(wrong) > 0:
		for i, w := range wrong {
			wrong[i] = text.Code(text.Short(w, text.NameRunes))
		}
		return b.respond(m, t.Say(t.WrongNumbers, text.Clip(wrong)))
	case len(to) == 0:
		return b.respond(m, t.NoRecipient)
	case text.Blank(words):
		return b.respond(m, t.NothingToSend)
	case claims && !to[0].Answerable():
		return b.respond(m, t.Say(t.CannotAnswer, text.Code(text.Short(string(to[0]), text.NameRunes))))
	}
	return b.order(ctx, m, line, to, words, claims)
}
