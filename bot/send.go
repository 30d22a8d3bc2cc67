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

// newOrder returns the order that m gives, or the sentence that says why it cannot be.
func (b *Bot) newOrder(m *telegram.Message, a addressed) (o store.Order, refusal string) {
	t := b.language(m.Chat)
	o = store.Order{
		Place: sms.Place{Chat: m.Chat, Topic: m.Topic}, Agent: m.From.ID, AgentName: text.Short(m.From.Name, text.NameRunes),
		Message: m.ID, Line: a.line, Pieces: smsapi.Pieces(a.numbers),
	}
	full := withAddresses(m, a.words)
	o.AddedURLs = full != a.words
	if len(a.numbers) > usualRecipients {
		full, o.Footer = b.withFooter(full)
		o.QuietUntil = b.opts.Quiet.Until(b.now())
	}
	if m.Garbled && strings.ContainsRune(full, utf8.RuneError) {
		return o, t.Garbled
	}
	if outside := b.outsidePrefixes(a.numbers); len(outside) > 0 {
		return o, b.notAllowed(t, outside)
	}
	o.Text, o.Parts = full, b.opts.PartSizes.Count(full).Parts
	return o, ""
}

// order takes m together with the batch it orders.
func (b *Bot) order(ctx context.Context, m *telegram.Message, a addressed) error {
	t := b.language(m.Chat)
	o, refusal := b.newOrder(m, a)
	if refusal != "" {
		return b.respond(m, refusal)
	}
	o.Reply, o.Claim = m.Command == "", a.claims
	if !o.Reply {
		o.MaybeNumber = text.Short(cmp.Or(disguisedNumber(a.words), disguisedNumber(firstAddress(m, a.words))), text.NameRunes)
	}
	o.Ask = len(a.numbers) > usualRecipients || o.Parts > usualParts || slices.ContainsFunc(a.numbers, sms.Number.Foreign) || o.MaybeNumber != ""
	answers, err := b.answersPrompt(m)
	if err != nil {
		return err
	}
	id, err := b.store.Take(updateKey(m), store.Caused{EditChat: answers, Order: &o})
	if over, ok := errors.AsType[*store.OverCap](err); ok {
		b.log.Info("order above the daily cap", "agent", int64(m.From.ID), "parts", over.Parts, "left", over.Left)
		return b.respond(m, t.Say(t.AboveCap, over.Parts, over.Left, over.Cap))
	}
	if err != nil {
		return err
	}
	b.log.Info("ordered", "batch", uint64(id), "agent", int64(m.From.ID), "line", a.line, "recipients", len(a.numbers), "asks", o.Ask)
	if o.Ask {
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

// addCredit adds the panel's credit to the question of a batch, and its price where it tells one. Without them the question stands all the same.
func (b *Bot) addCredit(ctx context.Context, id store.BatchID) {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	credit, err := b.panel.Credit(ctx)
	crashpoint.At("credit.answered")
	if err == nil {
		price, wrong := b.priceOf(ctx, id)
		err = errors.Join(wrong, b.store.SetCredit(id, credit, price.Least, price.Most))
	}
	if err != nil {
		b.log.Warn("credit for a question", "batch", uint64(id), "err", err)
	}
}

// priceOf asks the panel what a part of an order costs.
func (b *Bot) priceOf(ctx context.Context, id store.BatchID) (smsapi.Price, error) {
	batch, err := b.store.Batch(id)
	if err != nil || batch.State != store.Asking {
		return smsapi.Price{}, err
	}
	words := batch.Text
	if words == "" { // each has its own
		recipients, err := b.store.Recipients(batch, 0, 1)
		if err != nil || len(recipients) == 0 {
			return smsapi.Price{}, err
		}
		words = recipients[0].Text
	}
	return b.panel.Price(ctx, batch.Line, sample(words, b.opts.PartSizes))
}

// sampled is how many characters a price is asked for: of any kind, they are one part.
const sampled = 30

// sample returns what of a text its price is asked for: one part in its alphabet, as a panel may mean a part or all of it.
func sample(words string, sizes sms.PartSizes) string {
	seg := sizes.Count(words)
	if seg.Parts <= 1 {
		return words
	}
	if seg.Unicode {
		words = words[strings.IndexRune(words, seg.Forced):]
	}
	runes := []rune(words)
	return string(runes[:min(sampled, len(runes))])
}

// notAllowed says that the settings allow nobody to send to some numbers.
func (b *Bot) notAllowed(t *text.Language, outside []string) string {
	return t.Say(t.NotAllowed, text.Clip(outside), text.Code(text.Short(strings.Join(b.opts.Prefixes, ", "), text.ReasonRunes)))
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
	a, refusal, err := b.addressees(m, m.Args)
	switch {
	case err != nil:
		return err
	case refusal != "":
		return b.respond(m, refusal)
	}
	return b.order(ctx, m, a)
}

// addressed is what is to be sent, and to whom.
type addressed struct {
	line    sms.Number
	numbers []sms.Number
	words   string
	claims  bool // it continues a conversation, whose customer the agent then answers
}

// addressees reads what follows a command: numbers and the text for them, or the text alone for the customer of the place. refusal says why it is for
// nobody.
func (b *Bot) addressees(m *telegram.Message, args string) (a addressed, refusal string, err error) {
	t := b.language(m.Chat)
	var wrong []string
	a.numbers, wrong, a.words = readSend(args)
	if a.line, err = b.lineOf(m.Chat); err != nil {
		return a, "", err
	}
	if len(a.numbers) == 0 && len(wrong) == 0 {
		c, err := b.customerOfPlace(sms.Place{Chat: m.Chat, Topic: m.Topic})
		if err != nil {
			return a, "", err
		}
		if c.Customer == "" {
			if word, _ := nextWord(a.words); hasDigit(normalizeWord(word)) {
				wrong = append(wrong, word)
			}
		} else {
			other, err := b.repliesToAnotherCustomer(m, c.Customer)
			if err != nil {
				return a, "", err
			}
			if other {
				return a, t.Say(t.AnotherPlace, text.Number(c.Customer)), nil
			}
			a.line, a.numbers, a.claims = c.Line, []sms.Number{c.Customer}, true
		}
	}
	switch {
	case len(wrong) > 0:
		for i, w := range wrong {
			wrong[i] = text.Code(text.Short(w, text.NameRunes))
		}
		return a, t.Say(t.WrongNumbers, text.Clip(wrong)), nil
	case len(a.numbers) == 0:
		return a, t.NoRecipient, nil
	case text.Blank(a.words):
		return a, t.NothingToSend, nil
	case a.claims && !a.numbers[0].Answerable():
		return a, t.Say(t.CannotAnswer, text.Code(text.Short(string(a.numbers[0]), text.NameRunes))), nil
	}
	return a, "", nil
}
