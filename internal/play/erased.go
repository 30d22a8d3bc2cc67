package play

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"peyk/sandbox/panel"
	"peyk/sandbox/telegram"
	"peyk/store"
)

// erasing is the first press of [Forget] under a question.
type erasing struct {
	customer string
	at       time.Time
	chat     int64 // of the question
	message  int
}

// adminForgets asks to forget a customer.
func (w *World) adminForgets() {
	chat := w.Sara
	if w.Away[chat] || w.Rand.IntN(2) == 0 && !w.Away[w.Group] {
		chat = w.Group
	}
	if len(w.Inbound) == 0 || w.Remembers {
		return
	}
	w.Say(telegram.Post{Chat: chat, From: w.Sara, Text: "/forget " + w.Inbound[w.Rand.IntN(len(w.Inbound))].Customer})
}

// adminPressesForget presses [Forget] where that was asked, now and then as somebody who may not.
func (w *World) adminPressesForget() {
	for _, chat := range []int64{w.Group, w.Sara} {
		m, ok := w.Recent(chat, func(m telegram.Message) bool { _, asks := m.Button("Forget"); return asks && m.Chat == chat })
		if !ok || w.Away[chat] {
			continue
		}
		by := w.Sara
		if chat == w.Group && w.Rand.IntN(5) == 0 && !w.gone {
			by = w.Ali
		}
		data, _ := m.Button("Forget")
		w.pressForget(by, m, data)
		return
	}
}

// pressForget presses that button, and notes it. Mu is held.
func (w *World) pressForget(by int64, m telegram.Message, data string) {
	again := slices.ContainsFunc(w.erasings, func(x erasing) bool { return x.chat == m.Chat && x.message == m.ID })
	if parts := strings.Split(data, ":"); by == w.Sara && len(parts) == 3 && !again {
		w.erasings = append(w.erasings, erasing{parts[2], time.Now(), m.Chat, m.ID})
	}
	if _, err := w.TG.Press(by, m.Chat, m.ID, data); err != nil {
		w.Errorf("press: %v", err)
	}
}

// begun returns when the team was told that x had begun, in place of the question; false if it was not: perhaps it has, perhaps it may not.
func (e *Evidence) begun(x erasing) (time.Time, bool) {
	for _, m := range slices.Concat(e.Messages[e.Group], e.Messages[e.Sara]) {
		if m.Chat == x.chat && m.ID == x.message && strings.HasPrefix(m.Text, "It has begun") && m.Edits > 0 {
			return m.History[m.Edits-1].Until, true
		}
		if m.Chat == x.chat && m.ReplyTo == x.message && strings.HasPrefix(m.Text, "It has begun") { // where the question could not be changed
			return m.Date, true
		}
	}
	return time.Time{}, false
}

// erased reports whether what came from a customer, or was ordered for them, at a time may be forgotten since. What came later may not.
func (e *Evidence) erased(customer string, at time.Time) bool {
	if e.until == nil {
		e.until = map[string]time.Time{}
		for _, x := range e.erasings {
			until, ok := e.begun(x)
			if !ok || len(e.Restored) > 0 { // the press may be given again to a bridge that does not know of it, and the store know what it had forgotten
				until = time.Now()
			}
			if until.After(e.until[x.customer]) {
				e.until[x.customer] = until
			}
		}
	}
	until, asked := e.until[customer]
	return asked && !at.After(until)
}

// ErasedSMS reports whether the n-th SMS of customers may be forgotten.
func (e *Evidence) ErasedSMS(n int) bool {
	return n >= 0 && e.erased(e.Inbound[n].Customer, e.Inbound[n].at)
}

// cameBack reports whether s shows an SMS that may have been forgotten and that a backup, restored since, brought back.
func (e *Evidence) cameBack(s Sighting) bool {
	from := e.Inbound[NumberOf(s.Mark)]
	return slices.ContainsFunc(e.erasings, func(x erasing) bool {
		return x.customer == from.Customer && x.at.After(from.at) && e.era(x.at) < e.era(s.at)
	})
}

// blank reports whether nothing but a count is left of the SMS with that short id.
func (e *Evidence) blank(id string) bool {
	m, err := e.Store.SMS(seqOf(id))
	return err == nil && m.Customer == "" && m.Text == ""
}

// erasedFor reports whether an order may have answered an SMS that was forgotten: that goes to nobody; or is forgotten itself, and nothing says any more
// which it was, as its group has become a supergroup.
func (e *Evidence) erasedFor(o Order) bool {
	return slices.ContainsFunc(o.of, e.blank) || (len(e.Restored) > 0 || o.Chat == e.was) && slices.ContainsFunc(o.Recipients, func(n string) bool { return e.erased(n, o.At) })
}

// stillErasing returns why a customer that the team had forgotten is not forgotten yet, as far as can be seen from outside.
func (e *Evidence) stillErasing() error {
	begun, told := 0, 0
	for _, x := range e.erasings {
		if _, ok := e.begun(x); ok && e.era(x.at) == len(e.Restored) {
			begun++
		}
	}
	for _, all := range e.Messages {
		for _, m := range all {
			if strings.Contains(m.Text, "A customer was forgotten") && e.era(m.Date) == len(e.Restored) {
				told++
			}
		}
	}
	if told < begun && len(e.Restored) == 0 {
		return fmt.Errorf("%d customers are forgotten of %d", told, begun)
	}
	return nil
}

// I15: what was to be forgotten is: no number, name or text of the customer is in the file, unless they, or somebody who spoke of them, brought it back;
// and nothing else is forgotten.
func I15(e *Evidence) error {
	var wrong []error
	for chat, all := range e.Shown {
		for _, s := range all {
			if n := NumberOf(s.Mark); s.id != "" && !e.ErasedSMS(n) && e.blank(s.id) {
				wrong = append(wrong, fmt.Errorf("chat %d: SMS %d, of %s, was forgotten, though nobody asked for that", chat, n, e.Inbound[n].Customer))
			}
		}
	}
	for _, b := range e.Batches {
		if o, ok := e.orderAt(b); b.Forgotten && ok && !slices.ContainsFunc(o.Recipients, func(n string) bool { return e.erased(n, o.At) }) {
			wrong = append(wrong, fmt.Errorf("batch %d was forgotten, though nobody asked for that", b.ID))
		}
	}
	if len(e.erasings) == 0 || len(e.Restored) > 0 || e.panel.Resend { // a backup, or the panel, may bring all back
		return errors.Join(wrong...)
	}
	incidents, err := e.Store.Incidents()
	if err != nil {
		return err
	}
	done := 0
	for _, i := range incidents {
		if i.Kind == store.Forgotten {
			done++
		}
	}
	begun := 0
	for _, x := range e.erasings {
		if _, ok := e.begun(x); ok {
			begun++
		}
	}
	if done < begun {
		wrong = append(wrong, fmt.Errorf("%d customers are forgotten of %d", done, begun))
		return errors.Join(wrong...)
	}
	file, err := os.ReadFile(e.Store.Path())
	for _, x := range e.erasings {
		since, ok := e.begun(x)
		if !ok || e.broughtBack(x.customer, x.at) {
			continue
		}
		for _, secret := range e.secretsOf(x.customer, since) {
			if i := bytes.Index(file, []byte(secret)); i >= 0 {
				wrong = append(wrong, fmt.Errorf("%s was forgotten at %s, and %q is in the file: %q", x.customer, since.Format(time.StampMicro), secret, file[max(0, i-100):min(len(file), i+100)]))
			}
		}
	}
	return errors.Join(append(wrong, err)...)
}

// orderAt returns the order that a batch came from.
func (e *Evidence) orderAt(b batch) (Order, bool) {
	i := slices.IndexFunc(e.Orders, func(o Order) bool { return o.Chat == int64(b.Chat) && o.Message == int(b.Message) })
	if i < 0 {
		return Order{}, false
	}
	return e.Orders[i], true
}

// broughtBack reports whether a customer wrote, was written to, or was spoken of since then. Only a page of a list has words of theirs otherwise.
func (e *Evidence) broughtBack(customer string, since time.Time) bool {
	if slices.ContainsFunc(e.Inbound, func(s Sender) bool { return s.Customer == customer && s.at.After(since) }) ||
		slices.ContainsFunc(e.Orders, func(o Order) bool { return slices.Contains(o.Recipients, customer) && o.At.After(since) }) ||
		slices.ContainsFunc(e.named, func(n named) bool { return n.customer == customer && n.at.After(since) }) {
		return true
	}
	for _, r := range e.Requests { // what the panel gave late, or the disk took late
		if r.At.After(since.Add(-time.Minute)) && slices.ContainsFunc(r.Given, func(m panel.SMS) bool { return e.Inbound[NumberOf(m.Text)].Customer == customer }) {
			return true
		}
	}
	for _, chat := range e.TG.Chats() {
		for _, m := range e.TG.Messages(chat.ID) {
			if !m.FromBot && m.Date.After(since) && (strings.Contains(m.Text, customer) || strings.Contains(m.Text, customer[4:9])) {
				return true
			}
		}
	}
	return false
}

// secretsOf returns what the file must not hold of a customer who was forgotten.
func (e *Evidence) secretsOf(customer string, since time.Time) []string {
	secrets := []string{customer[1:]}
	for i, s := range e.Inbound {
		if s.Customer == customer && !s.at.After(since) {
			secrets = append(secrets, fmt.Sprintf("«in%d»", i), fmt.Sprintf("«end%d»", i))
		}
	}
	for _, o := range e.Orders {
		if slices.Equal(o.Recipients, []string{customer}) && !o.At.After(since) {
			secrets = append(secrets, o.Text)
		}
	}
	for _, n := range e.named {
		if n.customer == customer && n.name != "" && !n.at.After(since) {
			secrets = append(secrets, n.name)
		}
	}
	return secrets
}
