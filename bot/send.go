package bot

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"peyk/bot/text"
	"peyk/internal/crashpoint"
	"peyk/sms"
	"peyk/smsapi"
	"peyk/store"
	"peyk/telegram"
)

// More than this is asked about before it is sent, and so is every foreign number.
const (
	usualRecipients = 1
	usualParts      = 1
)

// order takes m together with the batch it orders; answers is that it goes on with a conversation.
func (b *Bot) order(ctx context.Context, m *telegram.Message, line sms.Number, to []sms.Number, words string, reply, answers bool) error {
	t := b.language(m.Chat)
	hidden := ""
	if !reply {
		hidden = cmp.Or(heldNumber(words), heldNumber(firstAddress(m, words)))
	}
	written := spelled(m, words)
	linked := written != words
	words = written
	if m.Garbled && strings.ContainsRune(words, utf8.RuneError) {
		return b.say(m, t.Garbled)
	}
	if refused := b.refused(to); len(refused) > 0 {
		return b.say(m, t.Say(t.NotAllowed, clip(refused), text.Code(text.Short(strings.Join(b.opts.Prefixes, ", "), text.ReasonRunes))))
	}
	parts := b.opts.PartSizes.Count(words).Parts
	ask := len(to) > usualRecipients || parts > usualParts || slices.ContainsFunc(to, sms.Number.Foreign) || hidden != ""
	id, err := b.store.Take(key(m), store.Caused{Order: &store.Order{
		Place: sms.Place{Chat: m.Chat, Topic: m.Topic}, Agent: m.From.ID, Message: m.ID, Reply: reply,
		Line: line, Text: words, Parts: parts, Pieces: smsapi.Pieces(to), Ask: ask, AddedURLs: linked, MaybeNumber: text.Short(hidden, text.NameRunes),
		Claim: answers, AgentName: text.Short(m.From.Name, text.NameRunes),
	}})
	if over, ok := errors.AsType[*store.OverCap](err); ok {
		b.log.Info("order above the cap of a day", "agent", int64(m.From.ID), "parts", over.Parts, "left", over.Left)
		return b.say(m, t.Say(t.AboveCap, over.Parts, over.Left, over.Cap))
	}
	if err != nil {
		return err
	}
	b.log.Info("ordered", "batch", uint64(id), "agent", int64(m.From.ID), "line", line, "recipients", len(to), "asks", ask)
	if ask {
		b.ask(ctx, func(ctx context.Context) {
			ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
			defer cancel()
			credit, err := b.panel.Credit(ctx)
			crashpoint.At("credit.answered")
			if err == nil {
				err = b.store.SetCredit(id, credit)
			}
			if err != nil {
				b.log.Warn("credit for a question", "batch", uint64(id), "err", err) // the question stands without it
			}
		})
	}
	return nil
}

// refused returns the numbers that the settings let nobody send to.
func (b *Bot) refused(to []sms.Number) []string {
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
	answers := false
	if len(to) == 0 && len(wrong) == 0 {
		c, err := b.customerOf(&telegram.Message{Chat: m.Chat, Topic: m.Topic})
		if err != nil {
			return err
		}
		if c.Customer != "" {
			line, to, answers = c.Line, []sms.Number{c.Customer}, true
			other, err := b.answersAnother(m, c.Customer)
			if err != nil {
				return err
			}
			if other {
				return b.say(m, t.Say(t.AnotherPlace, text.Number(c.Customer)))
			}
		} else if word, _ := nextWord(words); hasDigit(undressed(word)) {
			wrong = append(wrong, word)
		}
	}
	switch {
	case len(wrong) > 0:
		for i, w := range wrong {
			wrong[i] = text.Code(text.Short(w, text.NameRunes))
		}
		return b.say(m, t.Say(t.WrongNumbers, clip(wrong)))
	case len(to) == 0:
		return b.say(m, t.NoRecipient)
	case text.Blank(words):
		return b.say(m, t.NothingToSend)
	case answers && !to[0].Answerable():
		return b.say(m, t.Say(t.CannotAnswer, text.Code(text.Short(string(to[0]), text.NameRunes))))
	}
	return b.order(ctx, m, line, to, words, false, answers)
}

// takeReply orders an SMS to the customer whose SMS m answers, from the line that customer wrote to.
func (b *Bot) takeReply(ctx context.Context, m *telegram.Message) error {
	t := b.language(m.Chat)
	c, words, refusal, err := b.conversation(m)
	switch {
	case err != nil:
		return err
	case refusal != "":
		return b.say(m, refusal)
	case m.Text == "":
		return nil // a service message
	case text.Blank(words):
		return b.say(m, t.NothingToSend)
	case c.Customer == "":
		return b.say(m, t.AnswerNobody)
	case !c.Customer.Answerable():
		return b.say(m, t.Say(t.CannotAnswer, text.Code(text.Short(string(c.Customer), text.NameRunes))))
	case c.Line == "": // the panel did not say
		if c.Line, err = b.lineOf(m.Chat); err != nil {
			return err
		}
	}
	return b.order(ctx, m, c.Line, []sms.Number{c.Customer}, words, true, true)
}

// answered returns the message of ours that m answers, wherever it is, or nil.
func (b *Bot) answered(m *telegram.Message) *telegram.Message {
	if m.ReplyTo != nil && m.ReplyTo.From.ID == b.self.ID {
		return m.ReplyTo
	}
	return m.Elsewhere
}

// answersAnother reports whether m answers what is of another customer than n.
func (b *Bot) answersAnother(m *telegram.Message, n sms.Number) (bool, error) {
	reply := *m
	if reply.ReplyTo = b.answered(m); reply.ReplyTo == nil {
		return false, nil
	}
	reply.Chat = reply.ReplyTo.Chat
	c, _, refusal, err := b.conversation(&reply)
	return refusal == "" && c.Customer != n, err
}

// asks reports whether a message of ours holds a question that is not decided yet. Words in reply to it are meant for us, not for a
// customer, and no words decide anything: buttons do.
func (b *Bot) asks(m *telegram.Message) (bool, error) {
	link, err := b.store.Shows(m.Chat, m.ID)
	if errors.Is(err, store.ErrNotFound) { // shown just now, or by a process that was killed before it could note that
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

// conversation finds out whom a reply goes to and with which words, or why to nobody.
func (b *Bot) conversation(m *telegram.Message) (c sms.Conversation, words, refusal string, err error) {
	t := b.language(m.Chat)
	link, err := b.store.Shows(m.Chat, m.ReplyTo.ID)
	if errors.Is(err, store.ErrNotFound) {
		card, missing := b.store.Bound(sms.Place{Chat: m.Chat, Topic: m.Topic})
		if missing == nil && card.Card == m.ReplyTo.ID {
			c, err := b.conversationWith(m.Chat, card.Customer)
			return c, m.Text, "", err
		}
		// The chat message of a post that was interrupted was never learned; its heads name the SMS.
		if link.Seqs, err = b.named(m.ReplyTo); err == nil && len(link.Seqs) == 0 {
			return c, "", t.NotAnSMS, nil
		}
	}
	if err != nil {
		return c, "", "", err
	}
	if link.Batch != 0 {
		batch, err := b.store.Batch(link.Batch)
		if err != nil {
			return c, "", "", err
		}
		if batch.N > 1 {
			return c, "", t.Say(t.ToMany, batch.N), nil
		}
		link.Seq = batch.First
	}
	words = m.Text
	if len(link.Seqs) > 0 {
		if link.Seq, words, err = b.pick(m, link.Seqs); err != nil {
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
	return shown.Conversation, words, "", err
}

// named returns the SMS that the heads in a message of ours name, or none when one of them is unknown. In a store begun anew an old id
// is that of another SMS: the head must name its customer, too.
func (b *Bot) named(m *telegram.Message) ([]store.Seq, error) {
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

// pick finds out which of several SMS shown in one message m answers, and with which words: the one whose id it begins with, the one it
// quotes, or any when they are all of one conversation. It returns 0 when that cannot be told.
func (b *Bot) pick(m *telegram.Message, shown []store.Seq) (store.Seq, string, error) {
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
	if m.QuoteAt >= 0 && len(m.ReplyTo.Blocks) == len(shown) {
		for i, block := range m.ReplyTo.Blocks { // its head stands between the block before and its own
			if m.QuoteAt < block.To {
				return shown[i], m.Text, nil
			}
		}
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

// readSend reads what follows /send: numbers, separated by commas, spaces or lines and themselves perhaps written with spaces, then
// the text. Words that were surely meant as numbers and are none are wrong.
func readSend(args string) (to []sms.Number, wrong []string, words string) {
	rest := args
	listed := false // a comma came before: what follows is a number
	for {
		rest = strings.TrimLeftFunc(rest, unicode.IsSpace)
		n, length := leadingNumber(rest)
		if length == 0 {
			word, after := nextWord(rest)
			if word == "" || !listed && !numberLike(word, after) {
				return to, wrong, rest
			}
			if listed && !hasDigit(word) {
				return to, wrong, rest // a comma too many before the text
			}
			wrong = append(wrong, word)
			length = len(word)
		} else if !slices.Contains(to, n) {
			to = append(to, n)
		}
		rest = strings.TrimLeftFunc(rest[length:], func(r rune) bool { return r == ' ' || r == '\t' })
		listed = false
		if r, size := utf8.DecodeRuneInString(rest); strings.ContainsRune(",،;؛", r) && size > 0 {
			rest, listed = rest[size:], true
		}
	}
}

// numberMarks are what people write between the digits of a number, and the bidi marks that come along when one is copied.
const numberMarks = "+-–−.()\u200e\u200f\u202a\u202c\u2066\u2067\u2068\u2069"

// leadingNumber returns the telephone number s begins with and how much of s it takes: one word, or several that are one only
// together. Of foreign ones in groups that is as many as can belong to it: some countries have numbers of very different lengths.
func leadingNumber(s string) (found sms.Number, length int) {
	end := 0
	for i := range 6 { // +98 912 123 45 67 has five
		word, _ := nextWord(s[end:])
		if end > 0 && utf8.RuneCountInString(word) < 2 {
			break // nobody writes a group of one digit: it is the text that begins
		}
		if word == "" || strings.Trim(strings.Map(dropDigits, sms.Digits(word)), numberMarks) != "" {
			break
		}
		end += len(word)
		if n, err := sms.ParseRecipient(s[:end]); err == nil {
			found, length = n, end
			if i == 0 || !n.Foreign() {
				break
			}
		}
		spaces := len(s[end:]) - len(strings.TrimLeft(s[end:], " \u00a0\u202f"))
		if spaces == 0 {
			break
		}
		end += spaces
	}
	return found, length
}

// nextWord returns the word s begins with, and what follows it.
func nextWord(s string) (word, after string) {
	i := strings.IndexFunc(s, func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune(",،;؛", r) })
	if i < 0 {
		return s, ""
	}
	return s[:i], s[i:]
}

// numberLike tells whether a word that is no telephone number was meant as one: it is written like one, or a comma that makes a
// list of it follows. To take a slip of the pen for text would send it to the others.
func numberLike(word, after string) bool {
	word = sms.Digits(word)
	digits := len(word) - len(strings.Map(dropDigits, word))
	if strings.HasPrefix(word, "09") && digits >= 7 {
		return true
	}
	if digits == 0 || strings.Trim(strings.Map(dropDigits, word), numberMarks+"/_*#") != "" {
		return false
	}
	if r, size := utf8.DecodeRuneInString(strings.TrimLeft(after, " ")); strings.ContainsRune(",،;؛", r) {
		group, _ := nextWord(strings.TrimLeft(after, " ")[size:])
		sum := digits <= 3 && len([]rune(group)) == 3 && strings.Map(dropDigits, sms.Digits(group)) == "" && after[0] != ' '
		return !sum
	}
	return numberLong(word) && (strings.HasPrefix(sms.Clean(word), "+") || strings.HasPrefix(sms.Clean(word), "00"))
}

func dropDigits(r rune) rune {
	if r >= '0' && r <= '9' {
		return -1
	}
	return r
}

func hasDigit(word string) bool { return strings.ContainsAny(sms.Digits(word), "0123456789") }
