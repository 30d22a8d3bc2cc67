package store

import (
	"errors"
	"hash/fnv"
	"slices"
	"time"

	"peyk/sms"
)

// Some panels hand out the same SMS at every fetch, each time with another time. Nothing tells that from a customer who says the same thing again.
// So each is shown twice. From the third time on it is counted, until the panel once leaves it out. Meanwhile the panel is asked less often, which
// gives it time to do so.

// lastAnswer is the last answer of the panel that held SMS. It is forgotten when one holds none.
type lastAnswer struct {
	SMS   []lastSMS `json:"sms"`
	Times int       `json:"times"` // how often in a row it came, each time with other times
}

type lastSMS struct {
	Hash uint64 `json:"h"` // of all but its time
	Seq  Seq    `json:"s"`
	N    int    `json:"n"` // how often in a row it came, each time with another time
}

// countedFrom is how often in a row the same answer comes before its SMS are counted instead of shown.
const countedFrom = 3

// fullAnswer is how many SMS an answer must hold before new ones may have pushed old ones out of it.
const fullAnswer = 50

// toldEvery is how often at most the admins are told that the panel repeats itself.
const toldEvery = aDay

func (h lastAnswer) counts() bool { return h.Times >= countedFrom }

func hashWithoutTime(m sms.Message) uint64 {
	h := fnv.New64a()
	hashParts(h, string(m.Line), string(m.Customer), m.Text)
	return h.Sum64()
}

func (t *tx) lastAnswer() (lastAnswer, error) {
	var h lastAnswer
	err := get(t.bucket(bucketMeta), keyLastAnswer, &h)
	if errors.Is(err, ErrNotFound) {
		err = nil
	}
	return h, err
}

// holds tells whether an SMS like m was in the answer.
func (h lastAnswer) holds(m sms.Message) bool {
	hash := hashWithoutTime(m)
	return slices.ContainsFunc(h.SMS, func(before lastSMS) bool { return before.Hash == hash })
}

// replaceLastAnswer puts this in the place of the last answer, and tells what there is to tell of SMS that came again.
func (t *tx) replaceLastAnswer(last lastAnswer, this comparison, inboxes []inbox) error {
	meta := t.bucket(bucketMeta)
	var err error
	switch {
	case !last.counts() && this.counts():
		err = t.tellRepeats()
	case last.counts() && this.counts():
		err = t.endRepeats(this.gone, inboxes)
	case last.counts():
		err = t.endRepeats(last.SMS, inboxes)
	}
	switch {
	case err != nil:
		return err
	case len(this.SMS) == 0:
		return meta.Delete(keyLastAnswer)
	case last.Times == this.Times && slices.Equal(last.SMS, this.SMS):
		return nil // the panel does not mark SMS as read
	}
	return put(meta, keyLastAnswer, this.lastAnswer)
}

// Repeats tells whether the last answer of the panel held SMS, and whether the panel goes on handing out the same ones with other times, so that
// they are counted.
func (s *Store) Repeats() (held, counts bool, err error) {
	var h lastAnswer
	err = s.view(func(t *tx) error {
		var err error
		h, err = t.lastAnswer()
		return err
	})
	return len(h.SMS) > 0, h.counts(), err
}

// comparison is an answer compared with the one before it.
type comparison struct {
	lastAnswer           // the answer, but for the SMS that are stored with it
	again      []lastSMS // what each of its SMS is in the one before; zero where it is not in it
	gone       []lastSMS // what of the one before is not in it
}

// compare finds out which of messages were in the answer before. Those that are known are stored, and have the same time as before. If a panel
// hands out some of these again, it does not mark SMS as read: then those without any time are the same as before, too, and become known.
func (last lastAnswer) compare(messages []sms.Message, known []Seq) comparison {
	resends := slices.ContainsFunc(known, func(seq Seq) bool { return seq != 0 })
	r := comparison{again: make([]lastSMS, len(messages))}
	before := map[uint64][]lastSMS{}
	for _, m := range last.SMS {
		before[m.Hash] = append(before[m.Hash], m)
	}
	shared, other := 0, len(messages) > 0
	for i, m := range messages {
		hash := hashWithoutTime(m)
		row := lastSMS{Hash: hash, Seq: known[i], N: 1}
		if same := before[hash]; len(same) > 0 {
			r.again[i], before[hash] = same[0], same[1:]
			row.N = same[0].N
			shared++
			switch {
			case known[i] != 0:
			case resends && m.Time.IsZero() && m.Clock == "":
				row.Seq, known[i] = same[0].Seq, same[0].Seq
			default:
				row.N++
			}
		}
		other = other && known[i] == 0 // a panel whose times stay as they are tells a second "yes" from the first
		r.SMS = append(r.SMS, row)
	}
	for _, m := range last.SMS {
		if same := before[m.Hash]; len(same) > 0 {
			r.gone, before[m.Hash] = append(r.gone, same[0]), same[1:]
		}
	}
	r.Times = 1
	// It is the same answer even with a new SMS in it, or one that took the place of an old one if it is full.
	all := shared == len(last.SMS) || len(messages) >= fullAnswer && 2*shared >= len(last.SMS)
	if other && shared > 0 && (all || last.counts()) {
		r.Times = last.Times + 1
		return r
	}
	for i := range r.SMS {
		r.SMS[i].N = 1
	}
	return r
}

// countAgain notes that an SMS came for the n-th time in a row. The third time is shown at once, the count of more when the row ends.
func (t *tx) countAgain(m lastSMS, inboxes []inbox) error {
	row, err := t.sms(m.Seq)
	if err != nil {
		return err
	}
	row.Times = m.N
	if err := t.putSMS(row); err != nil || m.N != countedFrom {
		return err
	}
	return t.showCount(row, inboxes)
}

// endRepeats shows the counts that were not shown yet.
func (t *tx) endRepeats(ended []lastSMS, inboxes []inbox) error {
	for _, m := range ended {
		row, err := t.sms(m.Seq)
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err == nil && row.Times > 1 && row.Times != countedFrom {
			err = t.showCount(row, inboxes)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// showCount queues m where it belongs, to be shown with its count. If it still waits there, it is shown once, with the count.
func (t *tx) showCount(m SMS, inboxes []inbox) error {
	if _, err := t.block(m.Customer); !errors.Is(err, ErrNotFound) {
		return err
	}
	c, err := t.customer(m.Customer)
	if err != nil {
		return err
	}
	places, err := t.placesOf(c, m.Message, inboxes)
	if err != nil {
		return err
	}
	for _, p := range places {
		post := Post{Chat: t.resolve(p.Chat), Topic: p.Topic, Class: c.class(), ID: uint64(m.Seq), Kind: PostSMS, Seq: m.Seq}
		switch waiting, err := t.post(post); {
		case err == nil:
			post.Class, post.Repeated, post.Digest, post.Mixed, post.At = waiting.Class, waiting.Repeated, waiting.Digest, waiting.Mixed, waiting.At
			post.Wish = waiting.Wish
			post.Revision = waiting.Revision + 1
		case !errors.Is(err, ErrNotFound):
			return err
		}
		if _, err := t.addPost(post); err != nil {
			return err
		}
	}
	return nil
}

// tellRepeats tells the admins that the panel repeats itself.
func (t *tx) tellRepeats() error {
	meta := t.bucket(bucketMeta)
	var told time.Time
	if err := get(meta, keyRepeats, &told); err == nil && t.now.Sub(told).Abs() < toldEvery {
		return nil
	}
	if err := put(meta, keyRepeats, t.now); err != nil {
		return err
	}
	return t.addIncident(&Incident{Kind: PanelRepeats, From: t.now, Count: countedFrom})
}

// PanelOrder returns what SetPanelOrder was given last, or 0.
func (s *Store) PanelOrder() (int, error) {
	order := 0
	err := s.view(func(t *tx) error {
		order = 0
		err := get(t.bucket(bucketMeta), keyOrder, &order)
		if errors.Is(err, ErrNotFound) {
			err = nil
		}
		return err
	})
	return order, err
}

// SetPanelOrder keeps what is known of the order in which the panel gives SMS.
func (s *Store) SetPanelOrder(order int) error {
	return s.update(func(t *tx) error { return put(t.bucket(bucketMeta), keyOrder, order) })
}
