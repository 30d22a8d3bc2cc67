package store

import (
	"cmp"
	"errors"
	"slices"
	"time"

	"peyk/sms"
)

// Deed is what an agent does about a customer by a reaction to a message that shows an SMS. What it changed is noted with the message: taken back, it is
// undone, as far as nothing else has happened since. A message that shows SMS of several customers is about none of them.
type Deed string

const (
	DeedDone   Deed = "done"   // the customer needs no answer
	DeedTake   Deed = "take"   // the agent answers the customer
	DeedSnooze Deed = "snooze" // the customer waits again only later
)

// React is that an agent reacts to a message, and takes reactions back.
type React struct {
	Message sms.ChatMessageID
	By      sms.AgentID
	Name    string
	Undone  []Deed
	Done    []Deed
	Until   time.Time // for DeedSnooze
}

// deed is one that was done, and what was so before.
type deed struct {
	Deed    Deed        `json:"deed"`
	By      sms.AgentID `json:"by"`
	At      time.Time   `json:"at"`
	UpTo    Seq         `json:"up_to"` // the last SMS then
	Waited  []waited    `json:"waited,omitempty"`
	Snoozes []Snooze    `json:"snoozes,omitempty"`
	Claim   Claim       `json:"claim,omitzero"`
	Answer  Seq         `json:"answer,omitempty"` // the customer's, that DeedDone took away
}

// waited is an SMS that waited.
type waited struct {
	Seq Seq `json:"seq"`
	unanswered
}

// undoable is how many SMS that waited are noted to wait again: the first of them.
const undoable = 100

// react does what a reaction asks for, and undoes what one taken back had done.
func (t *tx) react(chat sms.ChatID, r React) error {
	var l Shown
	key := messageKey(chat, r.Message)
	err := get(t.bucket(bucketShows), key, &l)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	c, err := t.conversationIn(l)
	if err != nil || c.Customer == "" {
		return err
	}
	for _, d := range r.Undone {
		if err := t.undo(&l, c, d, r.By); err != nil {
			return err
		}
	}
	for _, d := range r.Done {
		if err := t.do(&l, c, d, r); err != nil {
			return err
		}
	}
	return errors.Join(put(t.bucket(bucketShows), key, l), t.showIcons(c.Customer))
}

// conversationIn returns the conversation of the SMS of a customer that a message shows; without a line if they are of several. Its customer is empty if
// the message shows none, or those of several customers.
func (t *tx) conversationIn(l Shown) (c sms.Conversation, err error) {
	for _, seq := range append(slices.Clone(l.Seqs), l.Seq) {
		if seq == 0 {
			continue
		}
		m, err := t.sms(seq)
		switch {
		case errors.Is(err, ErrNotFound):
			return sms.Conversation{}, nil
		case err != nil:
			return c, err
		case m.Direction != sms.Inbound || !m.Customer.Answerable() || c.Customer != "" && c.Customer != m.Customer:
			return sms.Conversation{}, nil
		case c.Customer == "":
			c = m.Conversation
		case c.Line != m.Line:
			c.Line = ""
		}
	}
	return c, nil
}

// do does a deed about a conversation and notes it with the message.
func (t *tx) do(l *Shown, c sms.Conversation, what Deed, r React) error {
	d := deed{Deed: what, By: r.By, At: t.now, UpTo: Seq(t.bucket(bucketSMS).Sequence())}
	customer, err := t.customer(c.Customer)
	if err != nil {
		return err
	}
	if what == DeedTake {
		d.Claim = customer.Claim
		customer.Claim = Claim{Owner: r.By, Name: r.Name, At: t.now, Taken: true}
		l.Deeds = append(l.Deeds, d)
		return errors.Join(t.putCustomer(customer), t.showCards(customer, 0))
	}
	waiting, err := t.waitingOf(c.Customer)
	if err != nil {
		return err
	}
	for _, m := range waiting {
		if !m.isOf(c) || len(d.Waited) == undoable {
			continue
		}
		w := waited{Seq: m.Seq}
		if err := get(t.bucket(bucketWaiting), u64(uint64(m.Seq)), &w.unanswered); err != nil {
			return err
		}
		d.Waited = append(d.Waited, w)
	}
	for _, key := range t.snoozesOf(c) {
		var z Snooze
		if err := get(t.bucket(bucketSnoozed), key, &z); err != nil {
			return err
		}
		d.Snoozes = append(d.Snoozes, z)
	}
	if what == DeedSnooze {
		l.Deeds = append(l.Deeds, d)
		return t.snooze(c, r.Until)
	}
	d.Answer = customer.Answer
	l.Deeds = append(l.Deeds, d)
	_, err = t.done(c, waiting)
	return errors.Join(err, t.answeredBy(c.Customer, 0))
}

// undo undoes what an agent had done, unless something else has happened since.
func (t *tx) undo(l *Shown, c sms.Conversation, what Deed, by sms.AgentID) error {
	i := slices.IndexFunc(l.Deeds, func(d deed) bool { return d.Deed == what && d.By == by })
	if i < 0 {
		return nil
	}
	d := l.Deeds[i]
	l.Deeds = slices.Delete(l.Deeds, i, i+1)
	switch what {
	case DeedTake:
		return t.undoTake(c, d)
	case DeedSnooze:
		return t.undoSnooze(c, d)
	}
	if i := slices.IndexFunc(l.Deeds, func(other deed) bool { return other.Deed == what }); i >= 0 { // a colleague says so, too
		other := &l.Deeds[i]
		if other.Answer = cmp.Or(other.Answer, d.Answer); len(other.Waited)+len(other.Snoozes) == 0 {
			other.Waited, other.Snoozes, other.UpTo = d.Waited, d.Snoozes, d.UpTo
		}
		return nil
	}
	if answered, err := t.writtenSince(c.Customer, d); err != nil || answered {
		return err
	}
	if d.Answer != 0 {
		if err := t.answeredBy(c.Customer, d.Answer); err != nil {
			return err
		}
	}
	return t.waitAsBefore(d, func(sms.Conversation) bool { return true })
}

func (t *tx) undoTake(about sms.Conversation, d deed) error {
	c, err := t.customer(about.Customer)
	if err != nil || c.Claim.Owner != d.By || !c.Claim.At.Equal(d.At) {
		return err
	}
	c.Claim = d.Claim
	return errors.Join(t.putCustomer(c), t.showCards(c, 0))
}

func (t *tx) undoSnooze(c sms.Conversation, d deed) error {
	ended := map[string]bool{}
	for _, key := range t.snoozesOf(c) {
		var z Snooze
		if err := get(t.bucket(bucketSnoozed), key, &z); err != nil {
			return err
		}
		if !z.At.Equal(d.At) { // put off anew since
			continue
		}
		ended[string(key)] = true
		if err := t.bucket(bucketSnoozed).Delete(key); err != nil {
			return err
		}
	}
	return t.waitAsBefore(d, func(c sms.Conversation) bool { return ended[string(conversationKey(c))] })
}

// waitAsBefore has wait again what waited before d, in conversations that may, and be snoozed what was.
func (t *tx) waitAsBefore(d deed, may func(sms.Conversation) bool) error {
	back := func(seq Seq) (SMS, bool, error) {
		m, err := t.sms(seq)
		if errors.Is(err, ErrNotFound) {
			return m, false, nil
		}
		return m, err == nil && m.Customer != "" && may(m.Conversation) && len(t.snoozesOf(m.Conversation)) == 0, err
	}
	for _, w := range d.Waited {
		m, is, err := back(w.Seq)
		if err != nil {
			return err
		}
		if !is {
			continue
		}
		if err := t.remindOf(w.Seq, w.since(m), w.Told); err != nil {
			return err
		}
		if err := put(t.bucket(bucketWaiting), u64(uint64(w.Seq)), w.unanswered); err != nil {
			return err
		}
	}
	for _, z := range d.Snoozes {
		m, is, err := back(z.Seq)
		if err != nil {
			return err
		}
		if !is {
			continue
		}
		first, err := t.firstOf(m.Conversation)
		switch {
		case err != nil:
		case first != 0: // they wrote meanwhile, which ends a snooze
			err = t.waitsAnew(z.Seq, z.Shown)
		default:
			err = put(t.bucket(bucketSnoozed), conversationKey(m.Conversation), z)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// writtenSince tells whether an agent wrote to a customer alone after a deed, and it did not come to nothing. What the panel took answers them though no
// phone has it. An order of before the deed may have waited to be confirmed: it is looked for one block back, and counts from when it was queued.
func (t *tx) writtenSince(n sms.Number, d deed) (bool, error) {
	last := Seq(t.bucket(bucketSMS).Sequence())
	for block := max(blockOf(d.UpTo), 1) - 1; block <= blockOf(last); block++ {
		seqs, _, err := t.ofCustomer(n, block)
		if err != nil {
			return false, err
		}
		for _, seq := range seqs {
			is, err := t.answersSince(n, seq, d)
			if err != nil && !errors.Is(err, ErrNotFound) { // pruned
				return false, err
			}
			if is {
				return true, nil
			}
		}
	}
	return false, nil
}

func (t *tx) answersSince(n sms.Number, seq Seq, d deed) (bool, error) {
	m, err := t.sms(seq)
	if err != nil || m.Customer != n || m.Direction != sms.Outbound || m.Status == sms.Failed && m.ID == "" {
		return false, err
	}
	b, err := t.batch(m.Batch)
	if err != nil || !b.Lone() || b.State != Going || b.Away {
		return false, err
	}
	if seq > d.UpTo {
		return true, nil
	}
	p, err := t.piece(b.ID, 0)
	return err == nil && p.Queued.After(d.At), err
}
