package bot

import (
	"context"
	"errors"
	"slices"
	"strings"
	"unicode"

	"peyk/bot/text"
	"peyk/sms"
	"peyk/smsapi"
	"peyk/store"
	"peyk/telegram"
)

// statusShown is how many batches /status without an id reports on.
const statusShown = 10

// status asks the panel about the ids given, the message replied to, or the last batches of the chat.
func (b *Bot) status(ctx context.Context, m *telegram.Message, _ role) error {
	if ids := strings.FieldsFunc(sms.Digits(m.Args), func(r rune) bool { return unicode.IsSpace(r) || r == ',' || r == '،' }); len(ids) > 0 {
		return b.inquire(ctx, m, func(ctx context.Context, t *text.Language) string { return b.statusOfIDs(ctx, t, ids) })
	}
	var batches []store.Batch
	if m.ReplyTo != nil {
		link, err := b.store.Shows(m.Chat, m.ReplyTo.ID)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		if link.Batch == 0 {
			return b.respond(m, b.language(m.Chat).NotSent)
		}
		batch, err := b.store.Batch(link.Batch)
		if errors.Is(err, store.ErrNotFound) {
			return b.respond(m, b.language(m.Chat).NotSent)
		}
		if err != nil {
			return err
		}
		batches = []store.Batch{batch}
	} else {
		var err error
		if batches, err = b.store.Batches(m.Chat, statusShown); err != nil {
			return err
		}
	}
	if len(batches) == 0 {
		return b.respond(m, b.language(m.Chat).NoStatus)
	}
	return b.inquireIn(ctx, m, b.panelSlots, store.Caused{}, func(ctx context.Context, t *text.Language) store.Post {
		said := response(m, b.statusOfBatches(ctx, t, batches))
		if m.ReplyTo == nil || batches[0].Bulk == nil {
			return said
		}
		if err := b.store.Persist(ctx, "answer a command", func() error { return b.store.AddPost(said) }); err != nil {
			b.log.Error("answer a command", "err", err)
		}
		said.Kind, said.Batch, said.Text = store.PostResult, batches[0].ID, "" // and what became of each row
		return said
	})
}

// statusOfIDs asks the panel about ids and returns what it says.
func (b *Bot) statusOfIDs(ctx context.Context, t *text.Language, ids []string) string {
	asked := make([]sms.ID, len(ids))
	for i, id := range ids {
		asked[i] = sms.ID(id)
	}
	said, err := b.panel.Status(ctx, asked)
	if err != nil {
		return b.panelSays(t, err)
	}
	var lines []string
	var reports []store.Report // of those we sent: their own messages show it too
	for _, d := range said {
		if m, err := b.store.ByID(d.ID); err == nil && d.Known() {
			reports = append(reports, store.Report{Seq: m.Seq, Status: d.Status, Reason: d.Reason})
		}
		lines = append(lines, t.Say(t.StatusLine, text.Code(text.Short(string(d.ID), text.NameRunes)), stateWords(t, d)))
	}
	if err := b.store.SetDelivery(reports); err != nil {
		b.log.Error("store delivery", "err", err)
	}
	return text.Clip(lines)
}

// stateWords returns what the panel said about one SMS, in words.
func stateWords(t *text.Language, d smsapi.Delivery) string {
	switch {
	case d.Status == sms.Failed:
		return t.Failures[d.Reason]
	case !d.Known() && d.Code != "":
		return t.Say(t.StatusUnknown, d.Code)
	}
	return t.Statuses[d.Status]
}

// statusOfBatches asks the panel about recipients of whom more may be learned, then reports on all batches.
func (b *Bot) statusOfBatches(ctx context.Context, t *text.Language, batches []store.Batch) string {
	var open []store.SMS
	for _, batch := range batches {
		recipients, err := b.store.Recipients(batch, 0, smsapi.MaxRecipients)
		if err != nil {
			b.log.Error("read recipients", "err", err)
			continue
		}
		for _, r := range recipients {
			if r.ID != "" && r.Status != sms.Delivered {
				open = append(open, r)
			}
		}
	}
	var lines []string
	for part := range slices.Chunk(open, smsapi.MaxRecipients) {
		if err := b.panel.AskDelivery(ctx, part); err != nil {
			lines = append(lines, b.panelSays(t, err))
			break
		}
	}
	for _, batch := range batches {
		batch, err := b.store.Batch(batch.ID)
		if errors.Is(err, store.ErrNotFound) {
			lines = append(lines, t.NotSent)
			continue
		}
		if err != nil {
			b.log.Error("read batch", "err", err)
			continue
		}
		limit := 1
		if len(batches) == 1 || batch.State == store.Asking {
			limit = recipientsShown
		}
		recipients, err := b.store.Recipients(batch, 0, limit)
		if err != nil {
			b.log.Error("read recipients", "err", err)
			continue
		}
		html, _ := renderBatch(t, batch, recipients, &b.opts)
		lines = append(lines, t.Clock(batch.Created, b.now())+" · "+html)
		if batch.Lone() && recipients[0].ID != "" {
			lines[len(lines)-1] += " " + text.Code(text.Short(string(recipients[0].ID), text.NameRunes))
		}
	}
	return text.Clip(lines)
}
