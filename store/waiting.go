package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"time"

	"peyk/sms"
)

// A conversation waits from a customer's SMS until an agent answers, says that it is done, or snoozes it. Each SMS that waits has a row, with its own
// number as the key: rows are added at the end, as one for each conversation would have a fetch of 50 SMS write 50 pages all over the file. What a
// customer wrote before there were such rows waits for nobody.
//
//	customer wrote         the SMS waits; a snooze ends, and what it put off waits again
//	answered, done         no SMS of the conversation waits, and no snooze lasts
//	answer not sent        called off, too late or refused at once: the SMS since which the customer waited waits again
//	snoozed                no SMS waits; the first that did is noted, with the time until which
//	snooze ended           that SMS waits again, from then on
//
// SMS that nobody can answer, such as those of a sender without a phone, wait for nothing. Who answers a customer is in Claim.

// ChatMessage is one message of a chat.
type ChatMessage struct {
	sms.Place
	ID sms.ChatMessageID `json:"id"`
}

// unanswered is the row of an SMS that waits.
type unanswered struct {
	Shown []ChatMessage `json:"shown,omitempty"` // which show it, one in each chat
	Since time.Time     `json:"since,omitzero"`  // when it began to wait anew, if it did
	Told  reminder      `json:"told,omitempty"`  // the next stage of reminders since then
}

// since returns since when m waits, whose row is u.
func (u unanswered) since(m SMS) time.Time {
	if u.Since.IsZero() {
		return arrived(m)
	}
	return u.Since
}

// Snooze is that a conversation waits again only from some time on.
type Snooze struct {
	Seq   Seq           `json:"seq"` // the first SMS that waited
	At    time.Time     `json:"at"`  // when it was snoozed
	Until time.Time     `json:"until"`
	Shown []ChatMessage `json:"shown,omitempty"` // which show Seq, one in each chat
}

// over tells whether a snooze has ended. One of a time to come is of a clock that was ahead, and so may its end be.
func (z Snooze) over(now time.Time) bool {
	return !now.Before(z.Until) || z.At.After(now.Add(ClockOff))
}

// Waiting is a conversation that waits.
type Waiting struct {
	First SMS           // of those that wait
	N     int           // how many do
	Shown []ChatMessage // which show First, one in each chat
	Name  string        // the customer's
	Claim Claim         // on the customer
}

// whoWaitsRead bounds how many SMS that wait are read to tell who does.
const whoWaitsRead = 5000

// WhoWaits returns the conversations that wait, those that wait longest first: at most limit from the from-th on, which begin at 0. all is how many
// there are, or, if more is set, some of them, as too many SMS wait.
func (s *Store) WhoWaits(from, limit int) (found []Waiting, all int, more bool, err error) {
	err = s.view(func(t *tx) error {
		found, all, more = nil, 0, false
		nth := map[sms.Conversation]int{}
		c, rows := t.bucket(bucketWaiting).Cursor(), t.bucket(bucketSMS)
		read := 0
		for key, value := c.First(); key != nil; key, value = c.Next() {
			if read++; read > whoWaitsRead {
				more = true
				break
			}
			of, err := conversationOf(key, rows.Get(key))
			if err != nil {
				return err
			}
			i, again := nth[of]
			if !again {
				i, all = all, all+1
				nth[of] = i
			}
			switch {
			case i < from || i >= from+limit:
			case again:
				found[i-from].N++
			default:
				var u unanswered
				if err := decode(value, &u); err != nil {
					return err
				}
				m, err := t.sms(Seq(binary.BigEndian.Uint64(key)))
				if err != nil {
					return err
				}
				w, err := t.waitingSince(m, u.Shown)
				if err != nil {
					return err
				}
				found = append(found, w)
			}
		}
		return nil
	})
	return found, all, more, err
}

// conversationOf returns the conversation of a row of sms. Pinned lists ask for those of all that wait, every few seconds.
func conversationOf(key, value []byte) (of sms.Conversation, err error) {
	line, plain := textField(value, `"l":"`)
	customer, too := textField(value, `"c":"`)
	if plain && too {
		return sms.Conversation{Line: sms.Number(line), Customer: sms.Number(customer)}, nil
	}
	if value == nil {
		return of, ErrNotFound
	}
	m, err := readSMS(key, value)
	return m.Conversation, err
}

// waitingSince returns the conversation whose first SMS that waits is m, which these messages show.
func (t *tx) waitingSince(m SMS, shown []ChatMessage) (Waiting, error) {
	c, err := t.customer(m.Customer)
	if err != nil {
		return Waiting{}, err
	}
	shown = slices.DeleteFunc(shown, func(at ChatMessage) bool { return t.resolve(at.Chat) != at.Chat }) // the messages of the group it was mean nothing
	return Waiting{First: m, N: 1, Shown: shown, Name: c.Name, Claim: c.Claim}, nil
}

// StillWaits returns the conversation of an SMS that waits. The error is ErrNotFound if it waits no more.
func (s *Store) StillWaits(seq Seq) (w Waiting, err error) {
	err = s.view(func(t *tx) error {
		var u unanswered
		if err := get(t.bucket(bucketWaiting), u64(uint64(seq)), &u); err != nil {
			return err
		}
		m, err := t.sms(seq)
		if err != nil {
			return err
		}
		w, err = t.waitingSince(m, u.Shown)
		return err
	})
	return w, err
}

// Snoozed returns how many conversations are snoozed.
func (s *Store) Snoozed() (n int, err error) {
	err = s.view(func(t *tx) error {
		n = count(t.bucket(bucketSnoozed))
		return nil
	})
	return n, err
}

// Waits returns how many SMS of a conversation wait, and whether it is snoozed. Without a line it is about all conversations of the customer.
func (s *Store) Waits(c sms.Conversation) (n int, snoozed bool, err error) {
	err = s.view(func(t *tx) error {
		n, snoozed = 0, len(t.snoozesOf(c)) > 0
		waiting, err := t.waitingOf(c.Customer)
		for _, m := range waiting {
			if m.isOf(c) {
				n++
			}
		}
		return err
	})
	return n, snoozed, err
}

// waitingOf returns the SMS of a customer that wait, in order.
func (t *tx) waitingOf(n sms.Number) (found []SMS, err error) {
	rows := t.bucket(bucketWaiting)
	first, _ := rows.Cursor().First()
	if first == nil {
		return nil, nil
	}
	last := blockOf(Seq(t.bucket(bucketSMS).Sequence()))
	for block := blockOf(Seq(binary.BigEndian.Uint64(first))); block <= last; block++ {
		seqs, _, err := t.ofCustomer(n, block)
		if err != nil {
			return nil, err
		}
		for _, seq := range seqs {
			if rows.Get(u64(uint64(seq))) == nil {
				continue
			}
			m, err := t.sms(seq)
			if err != nil {
				return nil, err
			}
			if m.Customer == n {
				found = append(found, m)
			}
		}
	}
	return found, nil
}

// isOf tells whether m is of a conversation, or, if that names no line, of its customer.
func (m SMS) isOf(c sms.Conversation) bool {
	return m.Customer == c.Customer && (c.Line == "" || m.Line == c.Line)
}

// snoozesOf returns the keys of the snoozes of a conversation; of all conversations of the customer if it names no line.
func (t *tx) snoozesOf(c sms.Conversation) (keys [][]byte) {
	rows := t.bucket(bucketSnoozed).Cursor()
	prefix := conversationKey(c)
	for key, _ := rows.Seek(prefix); bytes.HasPrefix(key, prefix) && (c.Line == "" || len(key) == len(prefix)); key, _ = rows.Next() {
		keys = append(keys, bytes.Clone(key))
	}
	return keys
}

// wrote notes that a customer wrote m.
func (t *tx) wrote(m SMS) error {
	if !m.Customer.Answerable() {
		return nil
	}
	if err := t.endSnooze(conversationKey(m.Conversation)); err != nil {
		return err
	}
	if err := t.remindOf(m.Seq, arrived(m), remindAgents); err != nil {
		return err
	}
	c, err := t.customer(m.Customer)
	if err == nil {
		err = t.wishIcon(c, IconWaiting)
	}
	return errors.Join(err, t.bucket(bucketWaiting).Put(u64(uint64(m.Seq)), justCame))
}

// justCame is the row of an SMS that no message shows yet: most are written so.
var justCame = []byte{recordVersion, '{', '}'}

// waitsAnew has an SMS wait again, from now on.
func (t *tx) waitsAnew(seq Seq, shown []ChatMessage) error {
	if err := t.remindOf(seq, t.now, remindAgents); err != nil {
		return err
	}
	return put(t.bucket(bucketWaiting), u64(uint64(seq)), unanswered{Shown: shown, Since: t.now})
}

// endSnooze has the SMS wait again that a snooze put off, if there is one.
func (t *tx) endSnooze(key []byte) error {
	var z Snooze
	if err := get(t.bucket(bucketSnoozed), key, &z); errors.Is(err, ErrNotFound) {
		return nil
	} else if err != nil {
		return err
	}
	if err := t.waitsAnew(z.Seq, z.Shown); err != nil {
		return err
	}
	return t.bucket(bucketSnoozed).Delete(key)
}

// done has no SMS of a conversation wait any more, of those of its customer that do, and returns the first that did, or was to; 0 if none.
func (t *tx) done(c sms.Conversation, waiting []SMS) (first Seq, err error) {
	for _, m := range waiting {
		if !m.isOf(c) {
			continue
		}
		if err := t.bucket(bucketWaiting).Delete(u64(uint64(m.Seq))); err != nil {
			return 0, err
		}
		if first == 0 {
			first = m.Seq
		}
	}
	for _, key := range t.snoozesOf(c) {
		var z Snooze
		if err := get(t.bucket(bucketSnoozed), key, &z); err != nil {
			return 0, err
		}
		if err := t.bucket(bucketSnoozed).Delete(key); err != nil {
			return 0, err
		}
		if first == 0 || z.Seq < first {
			first = z.Seq
		}
	}
	return first, nil
}

// answered notes that b, which is to be sent, answers its customer: on its line, or, if nobody waits there, on whichever they wait. An order to several
// answers nobody.
func (t *tx) answered(b *Batch) error {
	if !b.Lone() || !b.Due.IsZero() { // what was scheduled was not written to who has written since
		return nil
	}
	m, err := t.sms(b.First)
	if err != nil {
		return err
	}
	waiting, err := t.waitingOf(m.Customer)
	if err != nil {
		return err
	}
	c := m.Conversation
	if len(t.snoozesOf(c)) == 0 && !slices.ContainsFunc(waiting, func(m SMS) bool { return m.isOf(c) }) {
		c.Line = ""
	}
	first, err := t.done(c, waiting)
	if first != 0 {
		b.Answers = first
	}
	if err != nil || b.Away {
		return err
	}
	return t.answeredBy(m.Customer, m.Seq)
}

// unanswer notes that nothing of b was sent: the customer waits again whom it was to answer.
func (t *tx) unanswer(b *Batch) error {
	if b.Answers == 0 {
		return nil
	}
	m, err := t.sms(b.Answers)
	b.Answers = 0
	switch {
	case errors.Is(err, ErrNotFound):
		return nil
	case err != nil:
		return err
	case m.Customer == "", len(t.snoozesOf(m.Conversation)) > 0: // forgotten; put off since
		return nil
	}
	return errors.Join(t.waitsAnew(m.Seq, nil), t.showIcons(m.Customer))
}

// snooze has a conversation wait again only from until on, or all that wait of a customer's, without a line.
func (t *tx) snooze(c sms.Conversation, until time.Time) error {
	waiting, err := t.waitingOf(c.Customer)
	if err != nil {
		return err
	}
	rows := t.bucket(bucketSnoozed)
	for _, key := range t.snoozesOf(c) {
		var z Snooze
		if err := get(rows, key, &z); err != nil {
			return err
		}
		z.At, z.Until = t.now, until
		if err := put(rows, key, z); err != nil {
			return err
		}
	}
	for _, m := range waiting {
		if !m.isOf(c) {
			continue
		}
		key := u64(uint64(m.Seq))
		if rows.Get(conversationKey(m.Conversation)) == nil {
			var u unanswered
			if err := get(t.bucket(bucketWaiting), key, &u); err != nil {
				return err
			}
			if err := put(rows, conversationKey(m.Conversation), Snooze{m.Seq, t.now, until, u.Shown}); err != nil {
				return err
			}
		}
		if err := t.bucket(bucketWaiting).Delete(key); err != nil {
			return err
		}
	}
	return nil
}

// waitsRead is how often it is looked whether a snooze is over, or a reminder due: none is so short.
const waitsRead = 5 * time.Second

// EndSnoozes has wait again whose snooze is over, and queues what tells so where their SMS are shown. It returns how long to wait before calling it
// again.
func (s *Store) EndSnoozes() (wait time.Duration, err error) {
	if !s.clock().known { // a clock that is ahead would end all
		return time.Second, nil
	}
	wait = waitsRead
	var over [][]byte
	err = s.view(func(t *tx) error {
		over = nil
		return t.bucket(bucketSnoozed).ForEach(func(key, value []byte) error {
			var z Snooze
			if err := decode(value, &z); err != nil {
				return err
			}
			if z.over(t.now) {
				over = append(over, bytes.Clone(key))
			} else {
				wait = min(wait, max(z.Until.Sub(t.now), time.Millisecond))
			}
			return nil
		})
	})
	if err != nil || len(over) == 0 {
		return wait, err
	}
	return wait, s.update(func(t *tx) error {
		for _, key := range over {
			var z Snooze
			err := get(t.bucket(bucketSnoozed), key, &z)
			if errors.Is(err, ErrNotFound) || err == nil && !z.over(t.now) { // changed meanwhile
				continue
			}
			if err == nil {
				err = t.awake(key, z)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// awake ends a snooze and queues what tells so.
func (t *tx) awake(key []byte, z Snooze) error {
	if err := t.endSnooze(key); err != nil {
		return err
	}
	m, err := t.sms(z.Seq)
	if errors.Is(err, ErrNotFound) { // it is not kept any more
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(t.showIcons(m.Customer), t.tellWaits(PostAwake, m, z.Shown))
}

// tellWaits queues what tells, as a reply to m, that it waits; where no message shows m, wherever it is to be shown.
func (t *tx) tellWaits(kind PostKind, m SMS, shown []ChatMessage) error {
	w, err := t.waitingSince(m, shown)
	if err != nil {
		return err
	}
	if len(w.Shown) == 0 {
		c, err := t.customer(m.Customer)
		if err != nil {
			return err
		}
		inboxes, err := t.inboxes()
		if err != nil {
			return err
		}
		for _, p := range routes(c, inboxes, m.Line) {
			w.Shown = append(w.Shown, ChatMessage{Place: p})
		}
	}
	for _, at := range w.Shown {
		if _, err := t.addPost(Post{Chat: at.Chat, Topic: at.Topic, Kind: kind, Seq: m.Seq, ReplyTo: at.ID}); err != nil {
			return err
		}
	}
	return nil
}

// takeWaiting does what an update says about who waits.
func (t *tx) takeWaiting(c Caused) error {
	if c.Done != nil {
		waiting, err := t.waitingOf(c.Done.Customer)
		if err == nil {
			_, err = t.done(*c.Done, waiting)
			err = errors.Join(err, t.answeredBy(c.Done.Customer, 0))
		}
		if err != nil {
			return err
		}
	}
	if c.Snooze != nil {
		return errors.Join(t.snooze(*c.Snooze, c.Until), t.showIcons(c.Snooze.Customer))
	}
	return nil
}

// waitsIn notes that a message shows an SMS, if that waits.
func (t *tx) waitsIn(seq Seq, at ChatMessage) error {
	key := u64(uint64(seq))
	var u unanswered
	err := get(t.bucket(bucketWaiting), key, &u)
	if errors.Is(err, ErrNotFound) || err == nil && slices.ContainsFunc(u.Shown, func(m ChatMessage) bool { return m.Chat == at.Chat }) {
		return nil
	}
	if err != nil {
		return err
	}
	u.Shown = append(u.Shown, at)
	return put(t.bucket(bucketWaiting), key, u)
}

// snoozed deletes a snooze whose SMS is not kept any more.
func (p *pruning) snoozed(key, value []byte) ([]byte, error) {
	var z Snooze
	if err := decode(value, &z); err != nil {
		return nil, err
	}
	if _, err := p.tx.sms(z.Seq); !errors.Is(err, ErrNotFound) {
		return after(key), err
	}
	if err := p.delete(bucketSnoozed, key); err != nil {
		return nil, err
	}
	customer, _, _ := strings.Cut(string(key), "\x00")
	return after(key), p.showIcons(sms.Number(customer))
}

// checkWaiting: what waits, or is snoozed, is an SMS of a customer who can be answered, and is snoozed under that customer's name.
func (t *tx) checkWaiting(wrong func(string, ...any)) error {
	err := t.bucket(bucketWaiting).ForEach(func(key, _ []byte) error {
		seq := Seq(binary.BigEndian.Uint64(key))
		if m, err := t.sms(seq); err != nil || m.Direction != sms.Inbound || !m.Customer.Answerable() {
			wrong("sms %d waits for an answer and cannot get one: %v", seq, err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	var forgotten pruned
	if err := t.pruned(&forgotten); err != nil {
		return err
	}
	return t.bucket(bucketSnoozed).ForEach(func(key, value []byte) error {
		var z Snooze
		if err := decode(value, &z); err != nil {
			return err
		}
		m, err := t.sms(z.Seq)
		if z.Seq > forgotten.Seq && err != nil || err == nil && !bytes.Equal(key, conversationKey(m.Conversation)) {
			wrong("sms %d is snoozed under another name: %v", z.Seq, err)
		}
		return nil
	})
}
