package store

import (
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"time"

	"peyk/sms"
)

// How long rows are kept. SMS, batches and what belongs to them are kept for Options.Keep.
const (
	aDay         = 24 * time.Hour
	keepHistory  = 90 * aDay // the default
	keepSeen     = 7 * aDay
	keepTaken    = 7 * aDay
	keepRaw      = 30 * aDay
	keepDead     = 30 * aDay
	keepIncident = 180 * aDay
	keepSpent    = 365 * aDay
	keepCredit   = 30 * aDay
)

// pruned is how far pruning has come. It is stored, so that each step goes on where the one before it stopped.
type pruned struct {
	Walk  int     `json:"walk,omitempty"`  // which of walks goes on
	Next  []byte  `json:"next,omitempty"`  // the key it goes on at
	Seq   Seq     `json:"seq,omitempty"`   // up to here SMS may be missing
	Batch BatchID `json:"batch,omitempty"` // up to here batches may be missing
}

// pruning is one step.
type pruning struct {
	*tx
	pruned
	left       int // rows that may still be looked at or deleted
	deleted    int
	rightSince time.Time // when our clock was last found right again

	queues    []queue         // of chats for which posts wait; made when first needed
	incidents map[uint64]bool // that posts tell of; likewise
}

// walk goes through one bucket, from its first key on. row deletes a row, and all that names it, if it is old enough and nothing needs it. It
// returns the key to go on at; nil ends the walk, as the rows beyond are younger.
type walk struct {
	bucket []byte
	row    func(p *pruning, key, value []byte) (next []byte, err error)
}

// walks come one after another, that of what messages show after that of the SMS. Rows that are still needed must be looked at again in every
// round, but not in every step: that is why the place is kept.
var walks = []walk{
	{bucketSMS, (*pruning).sms},
	{bucketShows, (*pruning).shows},
	{bucketSeen, (*pruning).seen},
	{bucketTakenDay, (*pruning).taken},
	{bucketRaw, (*pruning).raw},
	{bucketDead, (*pruning).dead},
	{bucketIncident, (*pruning).incident},
	{bucketCustomer, (*pruning).customer},
	byDay(bucketSpent, keepSpent),
	byDay(bucketCredit, keepCredit),
	{bucketHistory, (*pruning).block},
	{bucketImport, (*pruning).imported},
	{bucketSnoozed, (*pruning).snoozed},
	{bucketWish, (*pruning).wish},
	{bucketRemind, (*pruning).remind},
}

// Prune takes one step in deleting what is old and not needed any more. It looks at about limit rows, so that other writers wait for
// milliseconds only, and returns how many it deleted and whether there is more to do at once.
//
// Nothing is deleted while our clock is not known to be right.
func (s *Store) Prune(limit int) (deleted int, more bool, err error) {
	if !s.ClockRight() {
		return 0, false, nil
	}
	err = s.update(func(t *tx) error {
		deleted, more = 0, false
		row, err := t.clockRow()
		if err != nil || !row.trusted() || !s.ClockRight() { // it was set while others wrote
			return err
		}
		p := &pruning{tx: t, left: limit}
		p.rightSince = row.RightSince
		if err := t.pruned(&p.pruned); err != nil {
			return err
		}
		for p.Walk < len(walks) && p.left > 0 {
			if err := p.walk(); err != nil {
				return err
			}
		}
		if more = p.Walk < len(walks); !more {
			p.Walk = 0
		}
		deleted = p.deleted
		return put(t.bucket(bucketMeta), keyPruned, p.pruned)
	})
	return deleted, more, err
}

// pruned reads how far pruning has come.
func (t *tx) pruned(to *pruned) error {
	err := get(t.bucket(bucketMeta), keyPruned, to)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

// walk goes on with the current walk, until that or the step ends.
func (p *pruning) walk() error {
	w := walks[p.Walk]
	c := p.bucket(w.bucket).Cursor()
	for ; p.left > 0; p.left-- {
		key, value := c.Seek(p.Next)
		if key == nil {
			p.Next = nil
		} else {
			next, err := w.row(p, key, value)
			if err != nil {
				return err
			}
			p.Next = next
		}
		if p.Next == nil {
			p.Walk++
			return nil
		}
	}
	return nil
}

// after returns the first key that may follow key.
func after(key []byte) []byte { return append(slices.Clone(key), 0) }

func (p *pruning) young(at time.Time, keep time.Duration) bool {
	return p.now.Sub(p.believed(at)) < keep
}

func (p *pruning) believed(at time.Time) time.Time { return believed(at, p.rightSince, p.now) }

func (p *pruning) delete(bucket, key []byte) error {
	p.left--
	p.deleted++
	return p.bucket(bucket).Delete(key)
}

// arrived returns when an SMS came to us.
func arrived(m SMS) time.Time {
	if m.Received.IsZero() {
		return m.Time
	}
	return m.Received
}

// sms deletes old SMS. Those of a batch follow one another, and are deleted with it.
func (p *pruning) sms(key, value []byte) ([]byte, error) {
	m, err := readSMS(key, value)
	if err != nil {
		return nil, err
	}
	switch {
	case m.Batch != 0:
		return p.batch(m)
	case p.young(arrived(m), p.store.opts.Keep):
		return nil, nil
	case p.waiting(Known, uint64(m.Seq)) || p.waiting(NewNumbers, uint64(m.Seq)):
		return after(key), nil
	}
	p.Seq = max(p.Seq, m.Seq)
	waited := p.bucket(bucketWaiting).Get(key) != nil
	if err := errors.Join(p.bucket(bucketWaiting).Delete(key), p.delete(bucketSMS, key)); err != nil {
		return nil, err
	}
	if waited {
		err = p.showIcons(m.Customer)
	}
	return after(key), err
}

// batch deletes the last piece of the batch that m, its first SMS, belongs to, and with the only piece the batch. So a step stays short, and what
// is left is consistent; who asks is told that it is gone from the first on.
func (p *pruning) batch(m SMS) ([]byte, error) {
	b, err := p.tx.batch(m.Batch)
	if errors.Is(err, ErrNotFound) {
		return after(u64(uint64(m.Seq))), nil // Check tells of it
	}
	if err != nil {
		return nil, err
	}
	behind := u64(uint64(b.First) + uint64(b.N))
	if p.young(b.Created, p.store.opts.Keep) {
		return nil, nil
	}
	if _, err := p.tx.scheduled(b.Scheduled); b.Scheduled != 0 && err == nil { // its rows are still to be sent
		return behind, nil
	}
	pieces, err := p.undecided(b, bucketPiece)
	if err != nil {
		return nil, err
	}
	for _, piece := range pieces {
		open := piece.State == PieceAsking || piece.State == PieceQueued || piece.State == PieceSending || piece.State == PieceUncertain
		if open || p.young(piece.Since, p.store.opts.Keep) { // it may have been sent again lately
			return behind, nil
		}
	}
	if len(pieces) == 0 || p.waiting(Answers, b.Post) || p.waiting(Marks, b.Post) {
		return behind, nil
	}
	last := pieces[len(pieces)-1]
	recipients := make([]SMS, last.N)
	for i := range recipients {
		if recipients[i], err = p.tx.sms(last.First + Seq(i)); err != nil {
			return nil, err
		}
		if !recipients[i].Due.IsZero() {
			return behind, nil
		}
	}
	for _, m := range recipients {
		b.count(m, -1)
		if seq := u64(uint64(m.Seq)); m.ID != "" && string(p.bucket(bucketID).Get([]byte(m.ID))) == string(seq) {
			if err := p.delete(bucketID, []byte(m.ID)); err != nil {
				return nil, err
			}
		}
		if err := p.delete(bucketSMS, u64(uint64(m.Seq))); err != nil {
			return nil, err
		}
	}
	if err := p.delete(bucketPiece, pieceKey(b.ID, last.I)); err != nil {
		return nil, err
	}
	p.Seq = max(p.Seq, last.First+Seq(last.N)-1)
	if b.N -= last.N; len(pieces) > 1 {
		b.Gone = true
		return u64(uint64(b.First)), p.putBatch(b)
	}
	p.Batch = max(p.Batch, b.ID)
	if err := p.delete(bucketChatBatch, chatBatchKey(b.Chat, b.ID)); err != nil {
		return nil, err
	}
	return behind, p.delete(bucketBatch, u64(uint64(b.ID)))
}

// queue is where the posts of one chat begin, of those that wait or of those it refused.
type queue struct {
	bucket []byte
	chat   sms.ChatID
	first  [NewNumbers + 1]uint64
}

// waiting tells whether a chat is still to show the post of that class and number, or refused it lately. Nearly always all posts are newer, and
// nothing needs to be looked up.
func (p *pruning) waiting(class Class, id uint64) bool {
	if p.queues == nil {
		p.queues = []queue{}
		for _, bucket := range [][]byte{bucketPost, bucketDead} {
			c := p.bucket(bucket).Cursor()
			for key, _ := c.First(); key != nil; {
				q := queue{bucket: bucket, chat: readI64[sms.ChatID](key[:8]), first: [...]uint64{math.MaxUint64, math.MaxUint64, math.MaxUint64, math.MaxUint64}}
				for class := range q.first {
					if key, _ := c.Seek(postKey(q.chat, Class(class), 0)); key != nil && readI64[sms.ChatID](key[:8]) == q.chat && key[8] == byte(class) {
						q.first[class] = binary.BigEndian.Uint64(key[9:])
					}
				}
				p.queues = append(p.queues, q)
				key, _ = c.Seek(i64(q.chat + 1))
			}
		}
	}
	for _, q := range p.queues {
		if q.first[class] <= id && p.bucket(q.bucket).Get(postKey(q.chat, class, id)) != nil {
			return true
		}
	}
	return false
}

// shows deletes what a chat message showed, once that is not kept any more. In a chat newer messages show newer things: after the first young one
// comes the next chat.
func (p *pruning) shows(key, value []byte) ([]byte, error) {
	var l Shown
	if err := decode(value, &l); err != nil {
		return nil, err
	}
	switch at, err := p.newestShown(l); {
	case errors.Is(err, ErrNotFound):
		return after(key), p.delete(bucketShows, key)
	case err != nil:
		return nil, err
	case p.young(at, p.store.opts.Keep):
		return i64(readI64[sms.ChatID](key[:8]) + 1), nil
	}
	return after(key), nil
}

// seen deletes the row of an unread SMS once the panel has handed out others for long, and never again this one. While the panel is silent, or we
// do not run, nothing is deleted: the panel may still have them all.
func (p *pruning) seen(key, value []byte) ([]byte, error) {
	var answered time.Time
	if err := get(p.bucket(bucketMeta), keyFetched, &answered); err != nil {
		if errors.Is(err, ErrNotFound) {
			err = nil
		}
		return nil, err
	}
	_, met, err := p.readSeen(value)
	if err != nil {
		return nil, err
	}
	at := time.Unix(int64(binary.BigEndian.Uint32(key)), 0) // by the panel's clock, which orders the rows and may be wrong
	switch {
	case p.believed(answered).Sub(p.believed(met)) >= keepSeen:
		return after(key), p.delete(bucketSeen, key)
	case p.young(at, keepSeen) && at.Before(p.now.Add(aDay)):
		return unix32(p.now.Add(aDay)), nil
	}
	return after(key), nil
}

// taken deletes that an update was taken, once messages are so much newer that Telegram does not send it again.
func (p *pruning) taken(key, _ []byte) ([]byte, error) {
	newest := time.Unix(p.store.newest.Load(), 0)
	if newest.Sub(endOf(key)) < keepTaken || p.young(endOf(key), keepTaken) {
		return nil, nil
	}
	if err := p.delete(bucketTaken, key[4:]); err != nil {
		return nil, err
	}
	return after(key), p.delete(bucketTakenDay, key)
}

// raw deletes an old answer that could not be decoded. One that was not tried yet stays.
func (p *pruning) raw(key, value []byte) ([]byte, error) {
	var r Raw
	if err := decode(value, &r); err != nil {
		return nil, err
	}
	switch {
	case p.young(r.Fetched, keepRaw):
		return nil, nil
	case r.Kept:
		return after(key), p.delete(bucketRaw, key)
	}
	return after(key), nil
}

// dead deletes an old refused post. Rows of earlier versions do not say when they were refused: for them that is now.
func (p *pruning) dead(key, value []byte) ([]byte, error) {
	post, err := readPost(key, value)
	if err != nil {
		return nil, err
	}
	switch {
	case post.Refused.IsZero():
		post.Refused = p.now
		return after(key), put(p.bucket(bucketDead), key, post)
	case p.young(post.Refused, keepDead):
		return after(key), nil
	}
	return after(key), p.delete(bucketDead, key)
}

func (p *pruning) incident(key, value []byte) ([]byte, error) {
	var i Incident
	if err := decode(value, &i); err != nil {
		return nil, err
	}
	if p.young(i.From, keepIncident) {
		return nil, nil
	}
	if !i.Told || i.Lasts || p.young(i.To, keepIncident) {
		return after(key), nil
	}
	told, err := p.toldOf()
	if err != nil || told[binary.BigEndian.Uint64(key)] {
		return after(key), err
	}
	return after(key), p.delete(bucketIncident, key)
}

// byDay deletes rows whose keys begin with a day that is long over.
func byDay(bucket []byte, keep time.Duration) walk {
	return walk{bucket, func(p *pruning, key, _ []byte) ([]byte, error) {
		if p.young(endOf(key), keep) {
			return nil, nil
		}
		return after(key), p.delete(bucket, key)
	}}
}

// toldOf returns the incidents that posts in the queue or among the dead tell of.
func (p *pruning) toldOf() (map[uint64]bool, error) {
	if p.incidents != nil {
		return p.incidents, nil
	}
	p.incidents = map[uint64]bool{}
	for _, bucket := range [][]byte{bucketPost, bucketDead} {
		c := p.bucket(bucket).Cursor()
		for key, value := c.First(); key != nil; {
			if Class(key[8]) != Answers { // incidents are told as answers: the backlog, which may be long, need not be read
				key, value = c.Seek(i64(readI64[sms.ChatID](key[:8]) + 1))
				continue
			}
			post, err := readPost(key, value)
			if err != nil {
				return nil, err
			}
			if post.Kind == PostIncident {
				p.incidents[post.Incident] = true
			}
			key, value = c.Next()
		}
	}
	return p.incidents, nil
}

// customer deletes a customer who has neither written nor been answered for long, unless agents gave them a name, a place, or a claim by command.
func (p *pruning) customer(key, value []byte) ([]byte, error) {
	c := Customer{Number: sms.Number(key)}
	if err := decode(value, &c); err != nil {
		return nil, err
	}
	keep := p.store.opts.Keep
	away := c.Away != nil && p.young(c.Away.At, keep)
	if away || p.young(c.Last, keep) || p.young(c.Claim.At, keep) || p.young(c.Written, keep) || c.Name != "" || len(c.places()) > 0 || c.Claim.Taken {
		return after(key), nil
	}
	return after(key), p.delete(bucketCustomer, key)
}
