package store

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"slices"
	"strings"
	"time"

	"peyk/sms"
)

// A customer who opted out of a line gets nothing of any order to several, nor does one who is blocked, see block.go; an order to them alone is asked
// about. That is looked at when an order is taken, so that the question can say it, and again in the commit after which a piece is sent. Their wish is
// noted by the commit that stores the SMS it stands in; nothing but their own words, an agent's [Undo] under them and an admin's file changes it.
//
// It is kept for good. When a customer is forgotten, only a hash of the conversation stays: too short to tell whose it is, long enough to know it again.

// Wish is what an SMS says its customer wishes.
type Wish string

const (
	OptOut Wish = "out" // to get no more from the line
	OptIn  Wish = "in"  // to get SMS again
)

// Wished is the last wish about a conversation. If the panel did not name the line, it is about all of ours.
type Wished struct {
	sms.Conversation `json:"-"`
	Wish             Wish      `json:"wish"`
	At               time.Time `json:"at"`
	Seq              Seq       `json:"seq,omitempty"` // the SMS that said so; 0 for a file
	By               string    `json:"by,omitempty"`  // who undid what the SMS said: the customer wishes the opposite
}

// conversationKey is the key of what is noted of one conversation.
func conversationKey(c sms.Conversation) []byte {
	return []byte(string(c.Customer) + "\x00" + string(c.Line))
}

// forgottenKey is the key of the opt-out of a customer who was forgotten. No number begins with a zero byte.
func forgottenKey(c sms.Conversation) []byte {
	hash := sha256.Sum256(conversationKey(c))
	return append([]byte{0}, hash[:4]...)
}

// wishIn returns what the words of an SMS wish, if they are exactly those that stand for it.
func (opts *Options) wishIn(words string) Wish {
	switch words = strings.Join(strings.Fields(sms.Fold(words)), " "); {
	case slices.Contains(opts.OptOutWords, words):
		return OptOut
	case slices.Contains(opts.OptInWords, words):
		return OptIn
	}
	return ""
}

// takeWish notes what an SMS wishes, and returns it if that is something new.
func (t *tx) takeWish(m SMS) (Wish, error) {
	wish := t.store.opts.wishIn(m.Text)
	if wish == "" || !m.Customer.Answerable() {
		return "", nil
	}
	out, err := t.optedOut(m.Conversation)
	if err != nil || out == (wish == OptOut) {
		return "", err
	}
	return wish, t.setWish(Wished{Conversation: m.Conversation, Wish: wish, At: t.now, Seq: m.Seq})
}

// everywhere is the conversation whose wish is about all lines.
func everywhere(c sms.Conversation) sms.Conversation { return sms.Conversation{Customer: c.Customer} }

// optedOut tells whether the customer of a conversation wants no more SMS of its line.
func (t *tx) optedOut(c sms.Conversation) (bool, error) {
	rows := t.bucket(bucketWish)
	for _, of := range []sms.Conversation{c, everywhere(c)} {
		for _, key := range [][]byte{conversationKey(of), forgottenKey(of)} {
			var w Wished
			if err := get(rows, key, &w); err == nil && w.Wish == OptOut {
				return true, nil
			} else if err != nil && !errors.Is(err, ErrNotFound) {
				return false, err
			}
		}
	}
	return false, nil
}

// setWish notes a wish in the place of those before it. To opt in ends an opt-out of all lines, too.
func (t *tx) setWish(w Wished) error {
	rows := t.bucket(bucketWish)
	ended := [][]byte{forgottenKey(w.Conversation)}
	if w.Wish == OptIn {
		ended = append(ended, forgottenKey(everywhere(w.Conversation)), conversationKey(everywhere(w.Conversation)))
		if w.Line == "" {
			ended = append(ended, t.wishesOf(w.Customer)...)
		}
	}
	for _, key := range ended {
		if err := rows.Delete(key); err != nil {
			return err
		}
	}
	return put(rows, conversationKey(w.Conversation), w)
}

// wishesOf returns the keys of the wishes of a customer.
func (t *tx) wishesOf(n sms.Number) (keys [][]byte) {
	c := t.bucket(bucketWish).Cursor()
	prefix := conversationKey(sms.Conversation{Customer: n})
	for key, _ := c.Seek(prefix); bytes.HasPrefix(key, prefix); key, _ = c.Next() {
		keys = append(keys, bytes.Clone(key))
	}
	return keys
}

// forgetWishes leaves of the opt-outs of a customer what tells only a caller who names them.
func (t *tx) forgetWishes(n sms.Number) error {
	rows := t.bucket(bucketWish)
	for _, key := range t.wishesOf(n) {
		var w Wished
		if err := get(rows, key, &w); err != nil {
			return err
		}
		if err := rows.Delete(key); err != nil {
			return err
		}
		if w.Wish == OptIn {
			continue
		}
		_, line, _ := bytes.Cut(key, []byte{0})
		of := sms.Conversation{Line: sms.Number(line), Customer: n}
		if err := put(rows, forgottenKey(of), Wished{Wish: OptOut, At: w.At}); err != nil {
			return err
		}
	}
	return nil
}

// wished returns the wish that an SMS is the last to have changed; the error is ErrNotFound if it is not.
func (t *tx) wished(seq Seq) (Wished, error) {
	m, err := t.sms(seq)
	if err != nil {
		return Wished{}, err
	}
	w := Wished{Conversation: m.Conversation}
	if err := get(t.bucket(bucketWish), conversationKey(m.Conversation), &w); err != nil {
		return w, err
	}
	if w.Seq != seq {
		return w, ErrNotFound
	}
	return w, nil
}

// Wished returns the wish that an SMS was the last to change; the error is ErrNotFound if there is none.
func (s *Store) Wished(seq Seq) (w Wished, err error) {
	err = s.view(func(t *tx) error {
		w, err = t.wished(seq)
		return err
	})
	return w, err
}

// UndoWish takes back what an SMS wished, as it meant something else, and posts what is said of it. The error is ErrDecided if somebody did, whom the
// wish names, and ErrNotFound if it is not the last wish any more.
func (s *Store) UndoWish(seq Seq, by string, said func(Wished) Post) (w Wished, err error) {
	err = s.update(func(t *tx) error {
		w, err = t.wished(seq)
		switch {
		case err != nil:
			return err
		case w.By != "":
			return ErrDecided
		}
		w.At, w.By = t.now, by
		if w.Wish == OptOut {
			w.Wish = OptIn
		} else {
			w.Wish = OptOut
		}
		if err := t.setWish(w); err != nil {
			return err
		}
		_, err = t.addPost(said(w))
		return err
	})
	return w, err
}

// OptedOut returns who opted out of what, in the order of their numbers, and how many more did who were forgotten since.
func (s *Store) OptedOut() (all []Wished, forgotten int, err error) {
	err = s.view(func(t *tx) error {
		all, forgotten = nil, 0
		return t.bucket(bucketWish).ForEach(func(key, value []byte) error {
			number, line, _ := bytes.Cut(key, []byte{0})
			w := Wished{Conversation: sms.Conversation{Line: sms.Number(line), Customer: sms.Number(number)}}
			if err := decode(value, &w); err != nil || w.Wish != OptOut {
				return err
			}
			if key[0] == 0 {
				forgotten++
			} else {
				all = append(all, w)
			}
			return nil
		})
	})
	return all, forgotten, err
}

// importOptOut opts a customer out of a line, as a file says, or takes that back, unless there has been another wish since.
func (t *tx) importOptOut(i *Import, row *Contact) error {
	c := sms.Conversation{Line: row.Line, Customer: row.Number}
	if i.State == Importing {
		if out, err := t.optedOut(c); err != nil || out {
			return err
		}
		row.Given = true
		i.New++
		return t.setWish(Wished{Conversation: c, Wish: OptOut, At: t.now})
	}
	if !row.Given {
		return nil
	}
	var w Wished
	if err := get(t.bucket(bucketWish), conversationKey(c), &w); err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	if w.Wish != OptOut || w.Seq != 0 {
		i.Left++
		return nil
	}
	row.Given = false
	i.New++
	return t.bucket(bucketWish).Delete(conversationKey(c))
}

// wish deletes an old wish to get SMS again: it is as good as none.
func (p *pruning) wish(key, value []byte) ([]byte, error) {
	var w Wished
	if err := decode(value, &w); err != nil {
		return nil, err
	}
	if w.Wish == OptOut || p.young(w.At, p.store.opts.Keep) {
		return after(key), nil
	}
	return after(key), p.delete(bucketWish, key)
}

// tellWishes queues what tells, as a reply to the message that shows these SMS, what they wish. A reply to that goes to the customer if they are one.
func (t *tx) tellWishes(at ChatMessage, wishes ...Seq) error {
	if len(wishes) == 0 {
		return nil
	}
	p := Post{Chat: at.Chat, Topic: at.Topic, Kind: PostWish, Wishes: wishes, ReplyTo: at.ID}
	if len(wishes) == 1 {
		p.Seq = wishes[0]
	}
	_, err := t.addPost(p)
	return err
}

// withheld returns why the customer of a conversation should get no SMS of its line; sms.NoReason if they may.
func (t *tx) withheld(c sms.Conversation) (sms.Reason, error) {
	if out, err := t.optedOut(c); err != nil || out {
		return sms.OptedOut, err
	}
	_, err := t.block(c.Customer)
	if errors.Is(err, ErrNotFound) {
		return sms.NoReason, nil
	}
	return sms.Blocked, err
}

// withhold leaves out of p, a piece of b that is not sent yet, who should get nothing of an order to several, or no away text. The caller stores both.
func (t *tx) withhold(b *Batch, p *Piece) error {
	nobody := t.empty(bucketWish) && t.empty(bucketBlocked)
	if b.Lone() && !b.Away || nobody {
		return nil
	}
	for i := range p.N {
		m, err := t.sms(p.First + Seq(i))
		if err != nil {
			return err
		}
		if m.Reason.Withheld() {
			continue
		}
		why, err := t.withheld(m.Conversation)
		if err != nil {
			return err
		}
		if why == sms.NoReason {
			continue
		}
		b.count(m, -1)
		m.Status, m.Reason = sms.Failed, why
		b.count(m, +1)
		p.Withheld++
		if err := t.putSMS(m); err != nil {
			return err
		}
	}
	if p.reaches() == 0 {
		p.State = PieceDropped
	}
	return nil
}

// withholdNow is withhold for a piece that would be sent now. It reports whether that is not to be: nobody is left, or the only recipient opted out
// or was blocked after it was ordered, and the agent is asked. Then it stores both.
func (t *tx) withholdNow(b *Batch, p *Piece) (bool, error) {
	if !b.Lone() || b.Away { // nobody is asked about that
		if err := t.withhold(b, p); err != nil || p.reaches() > 0 {
			return false, err
		}
		return true, errors.Join(t.putPiece(*p), t.report(*b, 0))
	}
	m, err := t.sms(b.First)
	if err != nil || b.Against != sms.NoReason {
		return false, err
	}
	if b.Against, err = t.withheld(m.Conversation); err != nil || b.Against == sms.NoReason {
		return false, err
	}
	p.State, p.NotBefore = PieceAsking, time.Time{}
	if err := t.putPiece(*p); err != nil {
		return true, err
	}
	return true, t.askNow(*b)
}

// empty tells whether a bucket has no rows.
func (t *tx) empty(bucket []byte) bool {
	key, _ := t.bucket(bucket).Cursor().First()
	return key == nil
}

// checkWishes: a wish is one of two, and names the SMS that said so only if that is one of its customer, or was pruned or forgotten.
func (t *tx) checkWishes(wrong func(string, ...any)) error {
	return t.bucket(bucketWish).ForEach(func(key, value []byte) error {
		var w Wished
		if err := decode(value, &w); err != nil {
			return err
		}
		if w.Wish != OptOut && w.Wish != OptIn {
			wrong("a wish of unknown kind %q", w.Wish)
		}
		m, err := t.sms(w.Seq)
		if err == nil && m.Customer != "" && !bytes.Equal(key, conversationKey(m.Conversation)) {
			wrong("sms %d is the wish of another customer", w.Seq)
		}
		return nil
	})
}
