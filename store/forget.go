package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"peyk/sms"
)

// Forgetting a customer takes every text, name and number of theirs out of the file. Their SMS stay as rows without words and without a customer: they
// are counted, and batches and messages that name them still find them. It is done in steps, each a transaction, and goes on after a crash where it
// stopped. At last nothing in the file names them any more; then the pages that nothing uses, which still hold what was deleted from them, are
// overwritten, and copies of the file that stand beside it are removed.
//
// It is about what was in the store when it began. An SMS that comes later is one of a new customer.

// forgetting is one that is under way.
type forgetting struct {
	Number sms.Number  `json:"number,omitempty"` // gone once no row holds it
	Name   string      `json:"name,omitempty"`   // likewise
	By     sms.AgentID `json:"by"`
	ByName string      `json:"who,omitempty"` // theirs then
	UpTo   Seq         `json:"up_to"`         // later SMS are others
	SMS    int         `json:"sms,omitempty"`

	Walk  int    `json:"walk,omitempty"` // which of forgets goes on; behind the last, pages are overwritten
	Next  []byte `json:"next,omitempty"` // the key it goes on at
	Waits int    `json:"waits,omitempty"`
	Page  uint64 `json:"page,omitempty"` // the first that may still hold old bytes
}

// ErrOpenOrders is that an order to a customer is still to be sent, or asked about.
var ErrOpenOrders = errors.New("an order to the customer is still open")

// forgets are the buckets whose rows may name a customer or hold their words, beside those of customers, their places, snoozes, wishes and
// blocks, which are few and go at once. found tells that a row does; clear takes it, or what it says of them, away.
var forgets = []struct {
	bucket []byte
	found  func(f *forgetting, key, value []byte) bool
	clear  func(t *tx, f *forgetting, key []byte) error
}{
	{bucketSMS, (*forgetting).isOf, (*tx).forgetSMS},
	{bucketBatch, (*forgetting).batchNames, (*tx).forgetInBatch},
	{bucketPost, (*forgetting).says, forgetRow(bucketPost)},
	{bucketDead, (*forgetting).says, forgetRow(bucketDead)},
	{bucketRaw, (*forgetting).keptNames, forgetRow(bucketRaw)},
	{bucketIncident, (*forgetting).tells, (*tx).forgetInIncident},
	{bucketCanned, (*forgetting).cannedNames, forgetRow(bucketCanned)},
	{bucketContacts, (*forgetting).lists, (*tx).forgetContact},
}

// How many rows a step looks at, changes, and how many pages it overwrites, so that others wait for milliseconds only.
const (
	forgetLooks   = 10000
	forgetChanges = 100
	forgetPages   = 256
)

// ForgetCustomer begins to forget a customer, and says what the update k brought about. Their name, places and claim are gone at once, the rest by
// ForgetStep. The error is ErrTaken if the update was acted on before, and ErrOpenOrders if an order to them is still to be sent, or asked about.
func (s *Store) ForgetCustomer(k UpdateKey, n sms.Number, by Agent, posts ...Post) error {
	err := s.update(func(t *tx) error {
		if err := t.noOpenOrders(n); err != nil {
			return err
		}
		if err := t.take(k); err != nil {
			return err
		}
		c, err := t.customer(n)
		if err != nil {
			return err
		}
		for _, p := range c.places() {
			if err := t.unbind(p); err != nil {
				return err
			}
		}
		if err := t.bucket(bucketCustomer).Delete([]byte(n)); err != nil {
			return err
		}
		if err := errors.Join(t.forgetWishes(n), t.bucket(bucketBlocked).Delete([]byte(n))); err != nil {
			return err
		}
		for _, key := range t.snoozesOf(sms.Conversation{Customer: n}) {
			if err := t.bucket(bucketSnoozed).Delete(key); err != nil {
				return err
			}
		}
		var p pruned // which may be about to go on at their row
		if err := t.pruned(&p); err != nil {
			return err
		}
		if bytes.HasPrefix(p.Next, []byte(n)) {
			p.Next = nil
			if err := put(t.bucket(bucketMeta), keyPruned, p); err != nil {
				return err
			}
		}
		under, err := t.forgettings()
		if err != nil {
			return err
		}
		f := forgetting{Number: n, Name: c.Name, By: by.ID, ByName: by.Name, UpTo: Seq(t.bucket(bucketSMS).Sequence())}
		if err := put(t.bucket(bucketMeta), keyForget, append(under, f)); err != nil {
			return err
		}
		for _, p := range posts {
			if _, err := t.addPost(p); err != nil {
				return err
			}
		}
		return nil
	})
	wake(s.forget, err == nil)
	return err
}

// Forgets receives a value after a customer is to be forgotten.
func (s *Store) Forgets() <-chan struct{} { return s.forget }

// noOpenOrders returns ErrOpenOrders if a piece that may still be sent, or sent again, holds n, or an order for later does.
func (t *tx) noOpenOrders(n sms.Number) error {
	switch scheduled, err := t.scheduledTo(n); {
	case err != nil:
		return err
	case scheduled:
		return ErrOpenOrders
	}
	for _, index := range pieceIndexes {
		err := t.pieces(index.bucket, 0, func(p Piece) (bool, error) {
			for i := range p.N {
				m, err := t.sms(p.First + Seq(i))
				if err != nil {
					return false, err
				}
				if m.Customer == n {
					return false, ErrOpenOrders
				}
			}
			return true, nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (t *tx) forgettings() ([]forgetting, error) {
	var under []forgetting
	err := get(t.bucket(bucketMeta), keyForget, &under)
	if errors.Is(err, ErrNotFound) {
		err = nil
	}
	return under, err
}

// ForgetStep takes one step in forgetting customers, and returns whether there is more to do: at once, or in a while, when reads under way have ended.
func (s *Store) ForgetStep() (more bool, err error) {
	var f forgetting
	var keys [][]byte
	var next []byte
	err = s.view(func(t *tx) error {
		under, err := t.forgettings()
		if more = len(under) > 0; err != nil || !more {
			return err
		}
		if f = under[0]; f.Walk < len(forgets) {
			keys, next = t.findForgotten(&f)
		}
		return nil
	})
	if err != nil || !more {
		return false, err
	}
	if f.Walk > len(forgets) { // the file is clean
		if err := s.removeCopies(); err != nil {
			return true, err
		}
	}
	err = s.update(func(t *tx) error {
		under, err := t.forgettings()
		if err != nil || len(under) == 0 {
			return err
		}
		f := &under[0]
		switch {
		case f.Walk < len(forgets):
			err = t.forgetRows(f, keys, next)
		case f.Walk == len(forgets):
			err = t.overwrite(f)
		default:
			if err := t.addIncident(&Incident{Kind: Forgotten, From: t.now, Agent: f.By, AgentName: f.ByName, Count: f.SMS}); err != nil {
				return err
			}
			under = under[1:]
		}
		if err != nil {
			return err
		}
		if len(under) == 0 {
			return t.bucket(bucketMeta).Delete(keyForget)
		}
		return put(t.bucket(bucketMeta), keyForget, under)
	})
	return true, err
}

// findForgotten returns the next rows that f is about, and the key to look on at; nil at the end of their bucket.
func (t *tx) findForgotten(f *forgetting) (keys [][]byte, next []byte) {
	c := t.bucket(forgets[f.Walk].bucket).Cursor()
	key, value := c.Seek(f.Next)
	for n := 0; key != nil && n < forgetLooks && len(keys) < forgetChanges; n++ {
		if forgets[f.Walk].found(f, key, value) {
			keys = append(keys, bytes.Clone(key))
		}
		key, value = c.Next()
	}
	return keys, bytes.Clone(key)
}

func (t *tx) forgetRows(f *forgetting, keys [][]byte, next []byte) error {
	walk := forgets[f.Walk]
	for _, key := range keys {
		value := t.bucket(walk.bucket).Get(key)
		if value == nil || !walk.found(f, key, value) { // changed meanwhile
			continue
		}
		if err := walk.clear(t, f, key); err != nil {
			return err
		}
	}
	if f.Next = next; next == nil {
		f.Walk++
	}
	if f.Walk == len(forgets) {
		f.Number, f.Name = "", "" // the row itself must not be what still holds them
	}
	return nil
}

// isOf tells whether a row of sms is one of theirs.
func (f *forgetting) isOf(key, value []byte) bool {
	if Seq(binary.BigEndian.Uint64(key)) > f.UpTo {
		return false
	}
	if number, plain := textField(value, `"c":"`); plain {
		return string(number) == string(f.Number)
	}
	m, err := readSMS(key, value)
	return err == nil && m.Customer == f.Number
}

// forgetSMS takes the words and the customer out of an SMS, and its posts out of the queues.
func (t *tx) forgetSMS(f *forgetting, key []byte) error {
	m, err := t.sms(Seq(binary.BigEndian.Uint64(key)))
	if err != nil {
		return err
	}
	f.SMS++
	m.Customer, m.Text, m.Words, m.Verbatim = "", "", "", false
	if err := t.putSMS(m); err != nil {
		return err
	}
	if m.Direction == sms.Inbound {
		return errors.Join(t.bucket(bucketWaiting).Delete(key), t.dropPostsOf(m.Seq))
	}
	b, err := t.batch(m.Batch)
	if err != nil {
		return err
	}
	for i := range b.N { // the words are those of the others, too
		if other, err := t.sms(b.First + Seq(i)); err != nil || other.Customer != "" {
			return err
		}
	}
	b.Text, b.Written, b.CustomerName, b.MaybeNumber, b.Forgotten = "", "", "", "", true
	if err := t.putBatch(b); err != nil {
		return err
	}
	for _, class := range []Class{Answers, Marks} {
		for _, bucket := range [][]byte{bucketPost, bucketDead} {
			if err := t.bucket(bucket).Delete(postKey(b.Chat, class, b.Post)); err != nil {
				return err
			}
		}
	}
	return nil
}

// dropPostsOf takes the posts of an SMS out of the queues of all chats. What was to be shown in one message with it may be shown already.
func (t *tx) dropPostsOf(seq Seq) error {
	for _, bucket := range [][]byte{bucketPost, bucketDead} {
		rows := t.bucket(bucket)
		c := rows.Cursor()
		for key, _ := c.First(); key != nil; {
			chat := readI64[sms.ChatID](key[:8])
			for _, class := range inbound {
				at := postKey(chat, class, uint64(seq))
				value := rows.Get(at)
				if value == nil {
					continue
				}
				p, err := readPost(at, value)
				if err != nil {
					return err
				}
				if p.Digest > 1 && p.Kind == PostSMS && string(bucket) == string(bucketPost) {
					p.Repeated = true
					if err := t.splitDigest(p); err != nil {
						return err
					}
				}
				if err := rows.Delete(at); err != nil {
					return err
				}
			}
			key, _ = c.Seek(i64(chat + 1))
		}
	}
	return nil
}

// forgetRow returns what deletes a row.
func forgetRow(bucket []byte) func(*tx, *forgetting, []byte) error {
	return func(t *tx, _ *forgetting, key []byte) error { return t.bucket(bucket).Delete(key) }
}

// names tells whether words hold the number, in whatever digits and spelling and not as part of a longer one, or the name as our sentences set it apart.
func (f *forgetting) names(words string) bool {
	number := strings.TrimPrefix(string(f.Number), "+")
	if f.Number.Mobile() {
		number = number[1:] // 0912…, +98912… and 98912… are one
	}
	inWord := func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }
	for rest := sms.Digits(words); ; {
		before, after, found := strings.Cut(rest, number)
		if !found {
			return f.Name != "" && strings.Contains(words, "\u2068"+f.Name+"\u2069")
		}
		next, _ := utf8.DecodeRuneInString(after)
		last, _ := utf8.DecodeLastRuneInString(before)
		if !inWord(next) && (!inWord(last) || f.Number.Mobile() && (last == '0' || last == '8')) {
			return true
		}
		rest = after
	}
}

// says tells whether a post names them in what it says. Posts that only say what is to be shown go with that.
func (f *forgetting) says(key, value []byte) bool {
	p, err := readPost(key, value)
	return err == nil && f.names(p.Text)
}

// tells tells whether an incident is about them.
func (f *forgetting) tells(_, value []byte) bool {
	var i Incident
	return decode(value, &i) == nil && (i.Customer == f.Number || f.names(i.Reason))
}

// batchNames tells whether an order to others names them: with a number it begins with.
func (f *forgetting) batchNames(_, value []byte) bool {
	hidden, plain := textField(value, `"hidden":"`)
	return plain && f.names(string(hidden))
}

func (t *tx) forgetInBatch(_ *forgetting, key []byte) error {
	b, err := t.batch(BatchID(binary.BigEndian.Uint64(key)))
	if err != nil {
		return err
	}
	b.MaybeNumber = ""
	return t.putBatch(b)
}

// keptNames tells whether an answer of the panel that could not be read seems to name them. One that is still to be read brings SMS that come later.
func (f *forgetting) keptNames(_, value []byte) bool {
	var r Raw
	return decode(value, &r) == nil && r.Kept && f.names(strings.ReplaceAll(string(r.Body), "\x00", ""))
}

func (t *tx) forgetInIncident(_ *forgetting, key []byte) error {
	var i Incident
	if err := get(t.bucket(bucketIncident), key, &i); err != nil {
		return err
	}
	i.Customer, i.Reason = "", ""
	return put(t.bucket(bucketIncident), key, i)
}

// overwrite overwrites some of the pages that nothing uses. Two transactions must come first: a page that one of the last two used is needed if the
// power fails, and reads under way need what they began with. Our own transaction writes pages only when it ends.
func (t *tx) overwrite(f *forgetting) error {
	if f.Waits < 2 {
		f.Waits++
		return nil
	}
	free, err := t.store.freePages()
	if err != nil {
		return err
	}
	if t.store.db.Stats().OpenTxN > 0 { // none can begin meanwhile: the writer keeps them out
		return nil
	}
	i, _ := slices.BinarySearch(free.ids, f.Page)
	ids := free.ids[i:]
	if len(ids) > forgetPages {
		ids = ids[:forgetPages]
	}
	zeros := make([]byte, free.pageSize)
	for _, id := range ids {
		if _, err := t.store.file.WriteAt(zeros, int64(id)*free.pageSize); err != nil {
			return err
		}
		f.Page = id + 1
	}
	if len(ids) > 0 {
		return t.store.file.Sync()
	}
	f.Walk++
	return nil
}

type freePages struct {
	ids      []uint64 // in order
	pageSize int64
}

// freePages returns the pages that neither of the last two transactions uses.
func (s *Store) freePages() (free freePages, err error) {
	info, err := s.file.Stat()
	if err != nil {
		return free, err
	}
	last, err := readMetas(s.file, 0)
	if err != nil {
		return free, err
	}
	before, err := readMetas(s.file, last.tx-1)
	if err != nil {
		return free, err
	}
	listed := func(m metaPage) ([]bool, error) {
		w, err := newPageWalk(s.file, info.Size(), m)
		if err != nil {
			return nil, err
		}
		w.seen[0], w.seen[1] = false, false
		w.free()
		if m.freelist < m.high {
			for id := m.freelist; id < m.high && w.seen[id] && id <= m.freelist+w.freelistMore; id++ { // the list itself is used
				w.seen[id] = false
			}
		}
		return w.seen, w.found()
	}
	now, err := listed(last)
	if err != nil {
		return free, err
	}
	then, err := listed(before)
	if err != nil {
		return free, err
	}
	free.pageSize = last.pageSize
	for id, is := range now {
		if is && (id >= len(then) || then[id]) {
			free.ids = append(free.ids, uint64(id))
		}
	}
	return free, nil
}

// removeCopies removes the copies of the file that stand beside it: those of before a migration, of before a backup was restored, and those made to be
// looked at.
func (s *Store) removeCopies() error {
	dir, name := filepath.Split(s.Path())
	entries, err := os.ReadDir(filepath.Clean(dir))
	if err != nil {
		return err
	}
	for _, e := range entries {
		scratch, _ := filepath.Match(scratchName, e.Name())
		switch {
		case strings.HasPrefix(e.Name(), name+".schema"), strings.HasPrefix(e.Name(), name+".before-"), scratch:
			if err := os.Remove(filepath.Join(dir, e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("remove a copy of the store: %w", err)
			}
		}
	}
	return syncDir(filepath.Clean(dir))
}
