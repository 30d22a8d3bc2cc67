package bot

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"peyk/bot/text"
	"peyk/sms"
	"peyk/store"
	"peyk/telegram"
)

// takeReply orders an SMS to the customer whose SMS m replies to, from the line that customer wrote to.
func (b *Bot) takeReply(ctx context.Context, m *telegram.Message) error {
	t := b.language(m.Chat)
	c, words, refusal, err := b.replyTarget(m)
	switch {
	case err != nil:
		return err
	case refusal != "":
		return b.respond(m, refusal)
	case m.Text == "":
		return nil // a service message
	case text.Blank(words):
		return b.respond(m, t.NothingToSend)
	}
	switch c, refusal, err = b.answerable(m, c); {
	case err != nil:
		return err
	case refusal != "":
		return b.respond(m, refusal)
	}
	if m.Inline {
		return b.orderCanned(ctx, m, c, words)
	}
	return b.order(ctx, m, addressed{c.Line, []sms.Number{c.Customer}, words, true})
}

// answerable returns a conversation with the line that an answer to it goes out from, or the sentence that says why it cannot be answered.
func (b *Bot) answerable(m *telegram.Message, c sms.Conversation) (to sms.Conversation, refusal string, err error) {
	t := b.language(m.Chat)
	switch {
	case c.Customer == "":
		refusal = t.AnswerNobody
	case !c.Customer.Answerable():
		refusal = t.Say(t.CannotAnswer, text.Code(text.Short(string(c.Customer), text.NameRunes)))
	case c.Line == "": // the panel did not name it
		c.Line, err = b.lineOf(m.Chat)
	}
	return c, refusal, err
}

// repliedTo returns our message that m replies to, in whatever chat, or nil.
func (b *Bot) repliedTo(m *telegram.Message) *telegram.Message {
	if b.repliesToUs(m) {
		return m.ReplyTo
	}
	return m.Elsewhere
}

// repliesToAnotherCustomer reports whether m replies to a message about a customer other than n.
func (b *Bot) repliesToAnotherCustomer(m *telegram.Message, n sms.Number) (bool, error) {
	reply := *m
	if reply.ReplyTo = b.repliedTo(m); reply.ReplyTo == nil {
		return false, nil
	}
	reply.Chat = reply.ReplyTo.Chat
	c, _, refusal, err := b.replyTarget(&reply)
	return refusal == "" && c.Customer != n, err
}

// holdsQuestion reports whether our message m asks a question that is still undecided. A reply to it is meant for the bot, not for a
// customer; but only its buttons decide anything.
func (b *Bot) holdsQuestion(m *telegram.Message) (bool, error) {
	link, err := b.store.Shows(m.Chat, m.ID)
	if errors.Is(err, store.ErrNotFound) { // posted just now, or by a process that was killed before it could note that
		link.Batch, _, _, _ = readPressData(m.Data)
	} else if err != nil {
		return false, err
	}
	batch, err := b.store.Batch(link.Batch)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	return batch.Undecided(), err
}

// replyTarget returns whom a reply goes to and with which words, or the sentence that says why to nobody.
func (b *Bot) replyTarget(m *telegram.Message) (c sms.Conversation, words, refusal string, err error) {
	t := b.language(m.Chat)
	link, err := b.store.Shows(m.Chat, m.ReplyTo.ID)
	if errors.Is(err, store.ErrNotFound) {
		card, missing := b.store.Bound(sms.Place{Chat: m.Chat, Topic: m.Topic})
		if missing == nil && card.Card == m.ReplyTo.ID {
			c, err := b.conversationWith(m.Chat, card.Customer)
			return c, m.Text, "", err
		}
		// The id of a message whose posting was interrupted was never learned, but its heads name the SMS.
		if link.Seqs, err = b.seqsInHeads(m.ReplyTo); err == nil && len(link.Seqs) == 0 {
			return c, "", t.NotAnSMS, nil
		}
	}
	if err != nil {
		return c, "", "", err
	}
	if link.Batch != 0 {
		batch, err := b.store.Batch(link.Batch)
		if errors.Is(err, store.ErrNotFound) {
			return c, "", t.NotAnSMS, nil
		}
		if err != nil {
			return c, "", "", err
		}
		if !batch.Lone() {
			return c, "", t.Say(t.ToMany, batch.N), nil
		}
		link.Seq = batch.First
	}
	words = m.Text
	if len(link.Seqs) > 0 {
		if link.Seq, words, err = b.pickSMS(m, link.Seqs); err != nil {
			return c, "", "", err
		}
		if link.Seq == 0 {
			return c, "", t.Say(t.WhichOne, text.ShortID(link.Seqs[0])), nil
		}
	}
	shown, err := b.store.SMS(link.Seq)
	if errors.Is(err, store.ErrNotFound) {
		return c, "", t.NotAnSMS, nil
	}
	if err == nil && shown.Customer == "" && (shown.Text == "" || shown.Direction == sms.Outbound) {
		return c, "", t.AnswerGone, nil // what a panel leaves without a sender has its words still
	}
	return shown.Conversation, words, "", err
}

// seqsInHeads returns the SMS that the heads in our message m name, or none when one of them is unknown. In a new store an old id belongs
// to a different SMS, so the head must also name its customer.
func (b *Bot) seqsInHeads(m *telegram.Message) ([]store.Seq, error) {
	if customer, shown, ok := text.HistoryOf(m); ok {
		for _, seq := range shown {
			s, err := b.store.SMS(seq)
			if errors.Is(err, store.ErrNotFound) || err == nil && !text.Says(customer, s.Customer) {
				return nil, nil
			}
			if err != nil {
				return nil, err
			}
		}
		return shown, nil
	}
	var shown []store.Seq
	for _, head := range text.HeadsOf(m) {
		seq, ok := text.ReadShortID(head)
		if !ok {
			return nil, nil
		}
		s, err := b.store.SMS(seq)
		if errors.Is(err, store.ErrNotFound) || err == nil && !text.NamesCustomer(head, s) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		shown = append(shown, seq)
	}
	return shown, nil
}

// pickSMS returns which of several SMS shown in one message m replies to, and with which words: the SMS whose id it begins with, the one it
// quotes, or the last when all belong to one conversation. It returns 0 when it cannot tell.
func (b *Bot) pickSMS(m *telegram.Message, shown []store.Seq) (store.Seq, string, error) {
	first, rest, _ := strings.Cut(strings.TrimSpace(m.Text), " ")
	if i := strings.IndexByte(first, '\n'); i > 0 {
		first, rest = first[:i], first[i+1:]+" "+rest
	}
	if id, ok := strings.CutPrefix(strings.ToLower(sms.Digits(first)), "#s"); ok {
		seq, err := strconv.ParseUint(id, 36, 64)
		if err == nil && slices.Contains(shown, store.Seq(seq)) {
			return store.Seq(seq), strings.TrimSpace(rest), nil
		}
	}
	if i := text.Quoted(m.ReplyTo, len(shown), m.QuoteAt); i >= 0 {
		return shown[i], m.Text, nil
	}
	if _, list := text.QueryOf(m.ReplyTo); list {
		return 0, "", nil // of many who have nothing to do with one another
	}
	var one sms.Conversation
	for i, seq := range shown {
		s, err := b.store.SMS(seq)
		if err != nil {
			return 0, "", err
		}
		if i > 0 && s.Conversation != one {
			return 0, "", nil
		}
		one = s.Conversation
	}
	return shown[len(shown)-1], m.Text, nil
}
