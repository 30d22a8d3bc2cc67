package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"time"

	"peyk/sms"
)

// SMS is one message of the store, in either direction.
type SMS struct {
	Seq Seq
	sms.Message
	Batch  BatchID    // outbound: what ordered it, and has its text unless it has one of its own
	ID     sms.ID     // the panel's, once it accepted the SMS and if it said which is whose
	Status sms.Status // outbound
	Reason sms.Reason // why it is Failed
	Words  string     // what the panel said if it Failed at once, for people to read
	Code   string     // the panel's code for that
	Asked  int        // how often delivery was asked for
	Due    time.Time  // when it will be asked for next; zero if it will not
	Times  int        // inbound: how often it came in a row, if that is counted instead of shown
	Away   bool       // inbound: its customer gets the away text
	Row    int        // outbound: of the file that it was ordered by; and of how many parts a text of its own is
	Parts  int
}

// smsRecord is an SMS in the file, kept short as there are many.
type smsRecord struct {
	Direction sms.Direction `json:"d,omitempty"`
	Line      sms.Number    `json:"l"`
	Customer  sms.Number    `json:"c"`
	Text      string        `json:"x,omitempty"`
	Time      int64         `json:"t,omitempty"`
	Received  int64         `json:"r,omitempty"`
	Batch     BatchID       `json:"b,omitempty"`
	ID        sms.ID        `json:"i,omitempty"`
	Status    sms.Status    `json:"s,omitempty"`
	Reason    sms.Reason    `json:"f,omitempty"`
	Words     string        `json:"w,omitempty"`
	Code      string        `json:"e,omitempty"`
	Asked     int           `json:"n,omitempty"`
	Due       int64         `json:"u,omitempty"`
	Verbatim  bool          `json:"a,omitempty"`
	Times     int           `json:"m,omitempty"`
	Away      bool          `json:"o,omitempty"`
	Row       int           `json:"k,omitempty"`
	Parts     int           `json:"p,omitempty"`
}

func unix(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

func fromUnix(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(n, 0)
}

func (t *tx) putSMS(m SMS) error {
	return put(t.bucket(bucketSMS), u64(uint64(m.Seq)), smsRecord{
		m.Direction, m.Line, m.Customer, m.Text, unix(m.Time), unix(m.Received), m.Batch, m.ID, m.Status, m.Reason, m.Words, m.Code, m.Asked, unix(m.Due), m.Verbatim, m.Times, m.Away, m.Row, m.Parts,
	})
}

func readSMS(key, value []byte) (SMS, error) {
	var r smsRecord
	if err := decode(value, &r); err != nil {
		return SMS{}, err
	}
	if r.Status > sms.Failed {
		return SMS{}, fmt.Errorf("sms of unknown status %d", r.Status)
	}
	m := SMS{Seq: Seq(binary.BigEndian.Uint64(key)), Batch: r.Batch, ID: r.ID, Status: r.Status, Reason: r.Reason, Words: r.Words, Code: r.Code, Asked: r.Asked, Due: fromUnix(r.Due)}
	m.Direction, m.Line, m.Customer, m.Text, m.Time, m.Received = r.Direction, r.Line, r.Customer, r.Text, fromUnix(r.Time), fromUnix(r.Received)
	m.Verbatim, m.Times, m.Away, m.Row, m.Parts = r.Verbatim, r.Times, r.Away, r.Row, r.Parts
	return m, nil
}

func (t *tx) sms(seq Seq) (SMS, error) {
	key := u64(uint64(seq))
	value := t.bucket(bucketSMS).Get(key)
	if value == nil {
		return SMS{}, ErrNotFound
	}
	return readSMS(key, value)
}

// SMS returns one message, or ErrNotFound.
func (s *Store) SMS(seq Seq) (SMS, error) {
	var m SMS
	err := s.view(func(t *tx) error {
		var err error
		m, err = t.sms(seq)
		return err
	})
	return m, err
}

// Raw is an answer to GetMsg as it came.
type Raw struct {
	ID          uint64    `json:"-"`
	Panel       string    `json:"panel,omitempty"` // the kind of panel, whose decoder reads it; empty: the first there was, soap
	ContentType string    `json:"type,omitempty"`
	Body        []byte    `json:"body"`
	Cut         bool      `json:"cut,omitempty"`
	Fetched     time.Time `json:"fetched"`
	Kept        bool      `json:"kept,omitempty"`  // it could not be decoded, and is not tried again
	Begun       time.Time `json:"begun,omitzero"`  // when it was asked for
	Holds       bool      `json:"holds,omitempty"` // SMS may be in it
	Again       bool      `json:"again,omitempty"` // which the panel has still: it is asked again

	Takes sms.Number `json:"-"` // the line of which it is all that was taken, see BeginTaking
	Reads sms.Number `json:"-"` // the line of which it was read again
}

// FetchLimit is how long a fetch may take. Until then a slow panel may still hand out SMS to a request that we gave up; after that it has given up,
// too.
const FetchLimit = time.Minute

// BeginFetch notes that GetMsg is about to be called. If its answer never gets here, the next Open or BeginFetch makes it an
// incident.
func (s *Store) BeginFetch() error {
	return s.update(func(t *tx) error {
		if err := t.reportLostFetch(); err != nil {
			return err
		}
		return put(t.bucket(bucketMeta), keyFetch, t.now)
	})
}

// Fetching returns since when a fetch is under way; of a file that nobody has open, since when one was that nobody ended. It is zero if none is.
func (s *Store) Fetching() (begun time.Time, err error) {
	err = s.view(func(t *tx) error {
		begun = time.Time{}
		err := get(t.bucket(bucketMeta), keyFetch, &begun)
		if errors.Is(err, ErrNotFound) {
			err = nil
		}
		return err
	})
	return begun, err
}

// reportLostFetch makes an incident of a fetch that was begun and never ended: the panel may have handed out SMS that never arrived.
func (t *tx) reportLostFetch() error {
	var begun time.Time
	meta := t.bucket(bucketMeta)
	if get(meta, keyFetch, &begun) != nil {
		return nil
	}
	if err := meta.Delete(keyFetch); err != nil {
		return err
	}
	to := t.now
	if late := begun.Add(FetchLimit); late.After(to) {
		to = late
	}
	return t.addLoss(&Incident{Kind: FetchLost, From: begun, To: to})
}

// EndFetch notes that GetMsg brought nothing. An incident, if not nil, is noted with it. Losses that follow one another become one incident, and
// incident becomes that.
func (s *Store) EndFetch(incident *Incident) error {
	var noted Incident
	err := s.update(func(t *tx) error {
		if incident != nil {
			noted = *incident // the write may run again or fail: the caller's incident changes only once it worked
			if err := t.noteIncident(&noted); err != nil {
				return err
			}
		}
		return t.bucket(bucketMeta).Delete(keyFetch)
	})
	if err == nil && incident != nil {
		*incident = noted
	}
	return err
}

// EndEmptyFetch notes that GetMsg was answered, and that the panel has no SMS.
func (s *Store) EndEmptyFetch() error {
	return s.update(func(t *tx) error {
		last, err := t.lastAnswer()
		if err != nil {
			return err
		}
		if len(last.SMS) > 0 {
			inboxes, err := t.inboxes()
			if err != nil {
				return err
			}
			if err := t.replaceLastAnswer(last, last.compare(nil, nil), inboxes); err != nil {
				return err
			}
		}
		return t.bucket(bucketMeta).Delete(keyFetch)
	})
}

// SaveRaw keeps an answer to GetMsg, which ends the fetch.
func (s *Store) SaveRaw(r Raw) (uint64, error) {
	var id uint64
	err := s.update(func(t *tx) error {
		rows := t.bucket(bucketRaw)
		var err error
		if id, err = rows.NextSequence(); err != nil {
			return err
		}
		if err := put(rows, u64(id), r); err != nil {
			return err
		}
		if r.Takes != "" {
			return t.taken(r.Takes, nil)
		}
		if anew, err := t.anew(); err != nil || anew[r.Reads] {
			return errors.Join(err, put(t.bucket(bucketMeta), keyRestored, id))
		}
		return t.bucket(bucketMeta).Delete(keyFetch)
	})
	return id, err
}

// Undecoded returns the answers that were saved and neither decoded nor given up.
func (s *Store) Undecoded() ([]Raw, error) {
	var found []Raw
	err := s.view(func(t *tx) error {
		found = nil
		return t.bucket(bucketRaw).ForEach(func(key, value []byte) error {
			r := Raw{ID: binary.BigEndian.Uint64(key)}
			if err := decode(value, &r); err != nil {
				return err
			}
			if !r.Kept {
				found = append(found, r)
			}
			return nil
		})
	})
	return found, err
}

// SaveUnread stores the SMS of an answer, in its order, queues them for the chats that show them, and returns how many were new. SMS stored
// before are skipped. As an SMS has no id, equal ones in an answer are told apart by how many came before. SMS that a panel repeats with other
// times are counted, see lastAnswer. Without an incident the raw answer is deleted; with one it is kept, and the incident told.
func (s *Store) SaveUnread(raw uint64, messages []sms.Message, incident *Incident) (int, error) {
	stored := 0
	var noted *Incident
	err := s.update(func(t *tx) error {
		stored, noted = 0, nil
		if incident != nil {
			again := *incident // as in EndFetch
			noted = &again
		}
		repeated, err := t.wasRestored(raw)
		if err != nil {
			return err
		}
		whole := (incident == nil || incident.Kind == Undecodable) && !identified(messages)
		if stored, err = t.saveUnread(messages, whole, repeated); err != nil {
			return err
		}
		if len(messages) > 0 && incident == nil {
			if err := t.noteFetched(); err != nil {
				return err
			}
		}
		return t.endRaw(raw, noted)
	})
	if err == nil && incident != nil {
		*incident = *noted
	}
	return stored, err
}

// saveUnread stores SMS that are new. whole means that they are all of an answer of SMS without ids: those of the next may be the same.
func (t *tx) saveUnread(messages []sms.Message, whole, repeated bool) (stored int, err error) {
	inboxes, err := t.inboxes()
	if err != nil {
		return 0, err
	}
	last, err := t.lastAnswer()
	if err != nil {
		return 0, err
	}
	keys, known, err := t.known(messages, last)
	if err != nil {
		return 0, err
	}
	this := last.compare(messages, known)
	for i, m := range messages {
		switch {
		case known[i] != 0, m.InboxID != "" && t.bucket(bucketSeen).Get(keys[i]) != nil:
			continue
		case this.counts() && whole && this.again[i].Seq != 0:
			this.SMS[i].Seq = this.again[i].Seq
			err := t.countAgain(this.SMS[i], inboxes)
			if err == nil {
				continue
			}
			if !errors.Is(err, ErrNotFound) { // else it is not kept any more, and shown as new
				return 0, err
			}
		}
		if this.SMS[i].Seq, err = t.addInbound(m, inboxes, repeated); err != nil {
			return 0, err
		}
		if err := t.bucket(bucketSeen).Put(keys[i], seenValue(this.SMS[i].Seq, t.now)); err != nil {
			return 0, err
		}
		stored++
	}
	if len(messages) > 0 && whole {
		return stored, t.replaceLastAnswer(last, this, inboxes)
	}
	return stored, nil
}

// known returns the keys of messages in seen, and which of them are stored; 0 if one is not. last is the answer before.
func (t *tx) known(messages []sms.Message, last lastAnswer) (keys [][]byte, known []Seq, err error) {
	equal := map[string]int{}
	keys, known = make([][]byte, len(messages)), make([]Seq, len(messages))
	for i, m := range messages {
		keys[i] = seenKey(m, 0)
		nth := equal[string(keys[i])]
		equal[string(keys[i])]++
		if nth > 0 && m.InboxID == "" { // with an id it is the same SMS twice, as where pages shift while they are read
			keys[i] = seenKey(m, nth)
		}
		// A text in place of a time, such as "10:31", is the same for many SMS: it names one only while the panel goes on handing it out.
		if m.Clock != "" && !last.holds(m) {
			continue
		}
		if known[i], err = t.findSeen(keys[i]); err != nil {
			return nil, nil, err
		}
	}
	return keys, known, nil
}

// noteEvery is how exact times are that only days are read of: it saves a write at every poll.
const noteEvery = time.Hour

func seenValue(seq Seq, met time.Time) []byte { return join(u64(uint64(seq)), unix32(met)) }

// readSeen returns which SMS a row of seen is of, and when the panel last handed it out. Rows of the first version do not say.
func (t *tx) readSeen(value []byte) (seq Seq, met time.Time, err error) {
	switch len(value) {
	case 12:
		return Seq(binary.BigEndian.Uint64(value)), time.Unix(int64(binary.BigEndian.Uint32(value[8:])), 0), nil
	case 8:
		seq = Seq(binary.BigEndian.Uint64(value))
		m, err := t.sms(seq)
		if errors.Is(err, ErrNotFound) {
			err = nil
		}
		return seq, arrived(m), err
	}
	return 0, time.Time{}, errors.New("seen row of unknown form")
}

// findSeen returns the SMS with that key in seen, or 0 when none is stored, and notes that the panel still hands it out.
func (t *tx) findSeen(key []byte) (Seq, error) {
	rows := t.bucket(bucketSeen)
	value := rows.Get(key)
	if value == nil {
		return 0, nil
	}
	seq, met, err := t.readSeen(value)
	if err != nil || t.now.Sub(met).Abs() < noteEvery || !t.store.clock().known {
		return seq, err
	}
	return seq, rows.Put(key, seenValue(seq, t.now))
}

// noteFetched notes that the panel hands out SMS, for pruning seen.
func (t *tx) noteFetched() error {
	meta := t.bucket(bucketMeta)
	if !t.store.clock().known { // a wrong time would have others pruned
		return nil
	}
	var noted time.Time
	if err := get(meta, keyFetched, &noted); err == nil && t.now.Sub(noted).Abs() < noteEvery { // not when a clock was ahead
		return nil
	}
	return put(meta, keyFetched, t.now)
}

// addInbound stores an SMS and what shows it, where its chats may show it already if it is repeated.
func (t *tx) addInbound(m sms.Message, inboxes []inbox, repeated bool) (Seq, error) {
	seq, err := t.nextSMS()
	if err != nil {
		return 0, err
	}
	stored := SMS{Seq: seq, Message: m}
	wish, err := t.takeWish(stored)
	if err != nil {
		return 0, err
	}
	if blocked, err := t.countBlocked(m.Customer); err != nil || blocked {
		return seq, errors.Join(err, t.putSMS(stored))
	}
	c, err := t.customer(m.Customer)
	if err != nil {
		return 0, err
	}
	places, err := t.placesOf(c, m, inboxes)
	if err != nil {
		return 0, err
	}
	if stored.Away, err = t.getsAway(m, c, !repeated && places[0].Chat != 0); err != nil {
		return 0, err
	}
	if err := errors.Join(t.putSMS(stored), t.wrote(stored)); err != nil {
		return 0, err
	}
	for _, p := range places {
		if _, err := t.addPost(Post{Chat: p.Chat, Topic: p.Topic, Class: c.class(), ID: uint64(seq), Kind: PostSMS, Seq: seq, Repeated: repeated, Wish: wish}); err != nil {
			return 0, err
		}
	}
	if stored.Away {
		return seq, t.addAway(m, c, places[0])
	}
	return seq, nil
}

// placesOf returns where an SMS of c is to be shown. If no chat shows it, it waits for one, and the team is told.
func (t *tx) placesOf(c Customer, m sms.Message, inboxes []inbox) ([]sms.Place, error) {
	places := routes(c, inboxes, m.Line)
	if len(places) > 0 {
		return places, nil
	}
	if meta := t.bucket(bucketMeta); meta.Get(keySilent) == nil {
		if err := put(meta, keySilent, t.now); err != nil {
			return nil, err
		}
		if err := t.addIncident(&Incident{Kind: NoChat, From: t.now}); err != nil {
			return nil, err
		}
	}
	return []sms.Place{{}}, nil
}

func (t *tx) endRaw(id uint64, incident *Incident) error {
	rows := t.bucket(bucketRaw)
	if incident == nil {
		return rows.Delete(u64(id))
	}
	var r Raw
	if err := get(rows, u64(id), &r); err != nil {
		return err
	}
	if err := t.noteIncident(incident); err != nil {
		return err
	}
	keep := incident.keep(r)
	if keep == nil {
		if err := rows.Delete(u64(id)); err != nil {
			return err
		}
	} else {
		if incident.Raw == 0 {
			incident.Raw = id
		}
		keep.Kept = true
		if err := put(rows, u64(id), *keep); err != nil {
			return err
		}
	}
	return t.updateIncident(incident)
}

// noteIncident notes i; one of fetches that failed becomes part of the one that goes on, if one does.
func (t *tx) noteIncident(i *Incident) error {
	if i.Fails() {
		return t.addLoss(i)
	}
	return t.addIncident(i)
}

// How much is kept of the answers of one trouble, together: a page that stands where an answer should tells all with its first lines, and a
// panel may give another one at every poll; what may hold SMS is all there is of them.
const (
	keptPages, keptPageBytes     = 8, 1 << 20
	keptAnswers, keptAnswerBytes = 1000, 64 << 20
)

// keep returns what is to be kept of an answer that i is of, nil for nothing, and notes it in i. Equal ones are kept once.
func (i *Incident) keep(r Raw) *Raw {
	h := fnv.New64a()
	h.Write(r.Body)
	sum := h.Sum64()
	if slices.Contains(i.Kept, sum) {
		return nil
	}
	class, number, room := 0, keptPages, keptPageBytes-i.Bytes[0]
	if r.Holds {
		class, number, room = 1, keptAnswers, keptAnswerBytes-i.Bytes[1]
	}
	first := i.Bytes == [2]int{}
	switch {
	case len(r.Body) <= room && len(i.Kept) < number:
	case first: // its beginning tells what the panel does
		r.Body, r.Cut = r.Body[:room], true
		i.Gone++
	default:
		i.Gone++
		return nil
	}
	i.Kept = append(i.Kept, sum)
	i.Bytes[class] += len(r.Body)
	return &r
}
