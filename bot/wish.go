package bot

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"peyk/bot/text"
	"peyk/sms"
	"peyk/store"
	"peyk/telegram"
)

// wishData is the data of [Undo] under what tells of a wish: the SMS that says it.
func wishData(seq store.Seq) string { return "wish:" + strconv.FormatUint(uint64(seq), 36) }

func readWish(data string) (store.Seq, bool) {
	rest, ok := strings.CutPrefix(data, "wish:")
	seq, err := strconv.ParseUint(rest, 36, 64)
	return store.Seq(seq), ok && err == nil
}

// lineName returns how a line is called whose name the panel may have left out.
func lineName(t *text.Language, line sms.Number) string {
	if line == "" {
		return t.AllLines
	}
	return text.Number(line)
}

// showWishes says that customers opted out or in by the SMS that a message shows, unless another wish has followed.
func (w *poster) showWishes(ctx context.Context, t *text.Language, p store.Post) error {
	o := telegram.Outgoing{Chat: p.Chat, Topic: p.Topic, ReplyTo: p.ReplyTo}
	var lines []string
	out := false
	for _, seq := range p.Wishes {
		wished, err := w.store.Wished(seq)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		sentence := t.OptedIn
		if wished.Wish == store.OptOut {
			sentence, out = t.OptedOut, true
		}
		lines = append(lines, t.Say(sentence, text.Number(wished.Customer), lineName(t, wished.Line)))
		label := t.Undo
		if len(p.Wishes) > 1 {
			label += " " + string(wished.Customer)
		}
		if wished.By == "" {
			o.Buttons = append(o.Buttons, []telegram.Button{{Label: label, Data: wishData(seq)}})
		}
	}
	if len(lines) == 0 {
		return w.store.Persist(ctx, "note a post", func() error { return w.store.PostNotNeeded(p) })
	}
	if out {
		lines = append(lines, t.OptOutMeans)
	}
	o.HTML = text.Clip(lines)
	o.Plain = text.Plain(o.HTML)
	id, err := w.post(ctx, &o)
	if err != nil {
		return err
	}
	return w.store.Persist(ctx, "note a post", func() error { return w.store.Posted(p, id, false) })
}

// wishPressed takes back what an SMS wished: its words meant something else.
func (b *Bot) wishPressed(p *telegram.Press, t *text.Language, seq store.Seq) (word string, alert bool, err error) {
	by := text.Short(p.From.Name, text.NameRunes)
	wished, err := b.store.UndoWish(seq, by, func(wished store.Wished) store.Post {
		sentence := t.OptOutUndone
		if wished.Wish == store.OptOut {
			sentence = t.OptInUndone
		}
		said := t.Say(sentence, text.Isolated(by), text.Number(wished.Customer), lineName(t, wished.Line))
		return store.Post{Chat: p.Message.Chat, Topic: p.Message.Topic, ReplyTo: p.Message.ID, Kind: store.PostText, Text: said}
	})
	switch {
	case errors.Is(err, store.ErrDecided):
		return text.Plain(t.Say(t.PressAlready, text.Isolated(wished.By))), true, nil
	case errors.Is(err, store.ErrNotFound):
		return t.PressOld, true, nil
	case err != nil:
		return "", false, err
	}
	b.log.Info("a wish is undone", "agent", int64(p.From.ID), "wish", string(wished.Wish))
	return t.PressDone, false, nil
}

// against says why the only recipient of a batch should get nothing; "" if they may.
func against(t *text.Language, batch store.Batch) string {
	switch batch.Against {
	case sms.OptedOut:
		return t.Say(t.AskOptedOut, lineName(t, batch.Line))
	case sms.Blocked:
		return t.AskBlocked
	}
	return ""
}

// renderWithheld names who gets nothing of an order to several, and says why.
func renderWithheld(t *text.Language, batch store.Batch, recipients []store.SMS) []string {
	if batch.Bulk != nil { // they may be thousands: its file names them
		return nil
	}
	var lines []string
	named := 0
	for _, why := range []sms.Reason{sms.OptedOut, sms.Blocked} {
		var those []sms.Number
		for _, m := range recipients {
			if m.Reason == why && m.Customer != "" && len(those) < maxNamed {
				those = append(those, m.Customer)
			}
		}
		if len(those) == 0 {
			continue
		}
		named += len(those)
		said := t.Say(t.LeftOutBlocked, t.Numbers(those))
		if why == sms.OptedOut {
			said = t.Say(t.LeftOut, lineName(t, batch.Line), t.Numbers(those))
		}
		lines = append(lines, said)
	}
	if more := batch.Withheld - named; more > 0 && named > 0 {
		lines[len(lines)-1] += " " + t.Say(t.More, more)
	}
	return lines
}
