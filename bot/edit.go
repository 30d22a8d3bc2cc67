package bot

import (
	"errors"
	"slices"

	"peyk/sms"
	"peyk/store"
	"peyk/telegram"
)

// takeEdit tells whoever edits an order that it was carried out as first written.
func (b *Bot) takeEdit(m *telegram.Message) error {
	link, err := b.store.Shows(m.Chat, m.ID)
	if errors.Is(err, store.ErrNotFound) || err == nil && !link.Order {
		return b.refuseEdit(m)
	}
	if err != nil {
		return err
	}
	batch, err := b.store.Batch(link.Batch)
	if errors.Is(err, store.ErrNotFound) {
		return b.refuseEdit(m)
	}
	if err != nil {
		return err
	}
	if m.Inline { // which nobody can edit
		return nil
	}
	// Telegram also reports edits in which nothing visible has changed.
	if same, err := b.sameOrder(m, batch); err != nil || same {
		return err
	}
	k := updateKey(m)
	k.Kind = store.Edited
	t := b.language(m.Chat)
	said := t.Edited
	switch batch.State {
	case store.Asking:
		said = t.EditedAsked
	case store.Cancelled, store.Expired:
		said = t.EditedUnsent
		if batch.Decision == store.Later {
			said = t.LaterEdited
		}
	}
	_, err = b.store.Take(k, store.Caused{Posts: []store.Post{response(m, said)}})
	return err
}

// sameOrder reports whether m, as it is now, would order the same as batch.
func (b *Bot) sameOrder(m *telegram.Message, batch store.Batch) (bool, error) {
	if m.Command != "send" {
		return batch.Reply && withAddresses(m, m.Text) == batch.Text, nil
	}
	to, _, words := readSend(m.Args)
	if withAddresses(m, words) != batch.Text {
		return false, nil
	}
	if len(to) == 0 {
		c, err := b.customerOfPlace(sms.Place{Chat: m.Chat, Topic: m.Topic})
		if err != nil {
			return false, err
		}
		to = []sms.Number{c.Customer}
	}
	recipients, err := b.store.Recipients(batch, 0, batch.N)
	return slices.EqualFunc(to, recipients, func(n sms.Number, r store.SMS) bool { return n == r.Customer }), err
}

// refuseEdit tells an agent who corrects a refused /send or /c that nobody reads the correction.
func (b *Bot) refuseEdit(m *telegram.Message) error {
	r, err := b.roleOf(m.From.ID)
	if err != nil || r == stranger || m.Anonymous || m.Command == "" || !sends(m.Command) && m.Command != "bulk" {
		return err
	}
	t := b.language(m.Chat)
	said := t.EditUnread
	scheduled, err := b.store.ScheduledIn(m.Chat)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(scheduled, func(s store.Scheduled) bool { return s.Order.Message == m.ID }) {
		said = t.LaterEdited
	}
	k := updateKey(m)
	k.Kind = store.Edited
	_, err = b.store.Take(k, store.Caused{Posts: []store.Post{response(m, said)}})
	return err
}
