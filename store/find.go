package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"strconv"
	"time"
	"unicode/utf8"

	bolt "go.etcd.io/bbolt"

	"peyk/sms"
)

// Searching reads rows one after the other, the newest first. No index could hold parts of words in a file that may take 400 bytes for an SMS, and a
// million rows are read in half a second. They are read in short pieces, as a read under way keeps the file from growing and its pages from being used
// again; between them others have their turn. A row is decoded only once its bytes hold the words.

// findRead is how many rows are read at once: one or two milliseconds. findRest is the pause between: in it the runtime asks the network, even where this is
// the only processor.
const (
	findRead = 4000
	findRest = 100 * time.Microsecond
)

// Search is what is sought.
type Search struct {
	Words []string   // as sms.Fold gives them; an SMS must hold all, in its words, its customer's number or their name
	Chat  sms.ChatID // among what this chat was shown, and what was ordered there; among all SMS when 0
	From  FindFrom   // go on there
	Limit int
}

// FindFrom is where a search goes on: before a message of a chat, or before an SMS if Chat is 0. The zero value begins with the newest.
type FindFrom struct {
	Chat   sms.ChatID
	Row    uint64
	Within int // in that message, behind so many of its SMS, instead of before it
}

// Found is an SMS that was sought; an outbound one has its words in its batch.
type Found struct {
	SMS
	At ChatMessage // which shows or ordered it, if that is known; else zero
}

// Find returns what was found, the newest first, customers who hold all the words themselves, and where to go on; done is that all was read. Customers,
// at most Limit, come with the first page of a search among all. Of an order of one text to several one recipient is found. The error is ctx's if that ends first.
//
// The file is read in short pieces, so SMS that come or go meanwhile may be among them or not.
func (s *Store) Find(ctx context.Context, q Search) (found []Found, customers []Customer, next FindFrom, done bool, err error) {
	f := finder{Search: q, named: make([]map[string]bool, len(q.Words)), seen: map[Seq]bool{}, next: q.From}
	if err := s.pieces(ctx, f.readNames); err != nil {
		return nil, nil, next, false, err
	}
	if q.Chat == 0 {
		err = s.pieces(ctx, f.readSMS)
	} else {
		err = s.pieces(ctx, f.readChat)
	}
	if err != nil {
		return nil, nil, next, false, err
	}
	for i := range f.found {
		if err := s.view(func(t *tx) error { return t.locate(&f.found[i]) }); err != nil {
			return nil, nil, next, false, err
		}
	}
	if q.From != (FindFrom{}) || q.Chat != 0 {
		f.customers = nil
	}
	return f.found, f.customers, f.next, f.done, nil
}

// pieces has read take pieces, each in a transaction of its own, until one says that it was the last.
func (s *Store) pieces(ctx context.Context, read func(*tx) (last bool, err error)) error {
	for last := false; !last; time.Sleep(findRest) {
		if err := ctx.Err(); err != nil {
			return err
		}
		err := s.view(func(t *tx) (err error) {
			last, err = read(t)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// finder is one search. A piece that fails is not repeated.
type finder struct {
	Search
	after []byte            // the last customer whose name was read
	named []map[string]bool // the numbers of the customers whose name holds each word
	chats []sms.ChatID      // those to read: the chat, and what it was before it became a supergroup

	found     []Found
	customers []Customer
	seen      map[Seq]bool
	order     BatchID // of the last one found
	next      FindFrom
	done      bool

	batches   bucket
	batch     uint64 // the last one read
	batchText []byte // its folded words
	text      []byte // scratch
}

// readNames reads the names of customers.
func (f *finder) readNames(t *tx) (last bool, err error) {
	c := t.bucket(bucketCustomer).Cursor()
	key, value := c.Seek(f.after)
	for n := 0; n < findRead; n++ {
		if key == nil {
			return true, nil
		}
		if err := f.readName(key, value); err != nil {
			return false, err
		}
		key, value = c.Next()
	}
	f.after = bytes.Clone(key)
	return key == nil, nil
}

func (f *finder) readName(key, value []byte) error {
	i := bytes.Index(value, []byte(`"name":"`))
	if i < 0 {
		return nil
	}
	f.text = foldJSON(f.text[:0], value[i+len(`"name":"`):])
	all := true
	for i, word := range f.Words {
		if bytes.Contains(f.text, []byte(word)) {
			if f.named[i] == nil {
				f.named[i] = map[string]bool{}
			}
			f.named[i][string(key)] = true
		} else if !bytes.Contains(key, []byte(word)) {
			all = false
		}
	}
	if !all || len(f.customers) == f.Limit {
		return nil
	}
	c := Customer{Number: sms.Number(key)}
	f.customers = append(f.customers, c)
	return decode(value, &f.customers[len(f.customers)-1])
}

// readSMS reads rows of sms, from the newest on.
func (f *finder) readSMS(t *tx) (last bool, err error) {
	f.batches, f.batch = t.bucket(bucketBatch), 0
	c := t.bucket(bucketSMS).Cursor()
	key, value := c.Last()
	if f.next.Row != 0 {
		if m, err := t.sms(Seq(f.next.Row)); err == nil && f.next == f.From { // of an order that the page before found
			f.order = m.Batch
		}
		if key = before(c, u64(f.next.Row)); key != nil {
			key, value = c.Seek(key)
		}
	}
	for range findRead {
		if f.done = key == nil; f.done {
			return true, nil
		}
		f.next.Row = binary.BigEndian.Uint64(key)
		if err := f.look(key, value, Found{}); err != nil || len(f.found) == f.Limit {
			return true, err
		}
		key, value = c.Prev()
	}
	return false, nil
}

// readChat reads what messages of a chat show, and which ordered something, from the newest on.
func (f *finder) readChat(t *tx) (last bool, err error) {
	f.batches, f.batch = t.bucket(bucketBatch), 0
	if f.chats == nil {
		if f.chats, err = t.formerly(f.Chat); err != nil {
			return true, err
		}
		if f.next.Chat == 0 {
			f.next.Chat = f.chats[0]
		}
	}
	rows := smsRows{c: t.bucket(bucketSMS).Cursor()}
	for i, chat := range f.chats {
		if chat != f.next.Chat {
			continue
		}
		c := t.bucket(bucketShows).Cursor()
		key := before(c, i64(chat+1))
		if at := messageKey(chat, sms.ChatMessageID(f.next.Row)); f.next.Within > 0 && c.Bucket().Get(at) != nil {
			key = at
		} else if f.next.Row != 0 {
			key = before(c, at)
		}
		var value []byte
		if key != nil {
			key, value = c.Seek(key)
		}
		for n := 0; key != nil && readI64[sms.ChatID](key[:8]) == chat; n++ {
			if n >= findRead {
				return false, nil
			}
			message := sms.ChatMessageID(binary.BigEndian.Uint64(key[8:]))
			read, err := f.lookAtMessage(t, &rows, chat, message, value)
			if err != nil {
				return true, err
			}
			n += read
			if len(f.found) == f.Limit {
				return true, nil
			}
			key, value = c.Prev()
		}
		if f.done = i == len(f.chats)-1; !f.done {
			f.next = FindFrom{Chat: f.chats[i+1]}
			return false, nil
		}
	}
	f.done = true
	return true, nil
}

// formerly returns a chat, and what it was before.
func (t *tx) formerly(chat sms.ChatID) ([]sms.ChatID, error) {
	chats := []sms.ChatID{chat}
	return chats, t.bucket(bucketChat).ForEach(func(key, _ []byte) error {
		if was := readI64[sms.ChatID](key); was != chat && t.resolve(was) == chat {
			chats = append(chats, was)
		}
		return nil
	})
}

// smsRows reads rows of sms of which most stand just before the one read last.
type smsRows struct {
	c    *bolt.Cursor
	last Seq
}

func (r *smsRows) row(seq Seq) (key, value []byte) {
	if r.last == seq+1 {
		key, value = r.c.Prev()
	}
	if key == nil || Seq(binary.BigEndian.Uint64(key)) != seq {
		key, value = r.c.Seek(u64(uint64(seq)))
	}
	if r.last = seq; key == nil || Seq(binary.BigEndian.Uint64(key)) != seq {
		r.last = 0
		return nil, nil
	}
	return key, value
}

// lookAtMessage looks at the SMS that a message shows, or ordered, from the last on; what reports an order is passed over. It returns how many rows it read
// beyond one.
func (f *finder) lookAtMessage(t *tx, rows *smsRows, chat sms.ChatID, message sms.ChatMessageID, value []byte) (read int, err error) {
	var l Shown
	own := false // each has its own words
	if seq := intField(value, `"seq":`); seq > 0 {
		l.Seq = Seq(seq)
	} else if err := decode(value, &l); err != nil {
		return 0, err
	}
	at := Found{At: ChatMessage{Place: sms.Place{Chat: chat}, ID: message}}
	switch {
	case l.Seq != 0:
		l.Seqs = []Seq{l.Seq}
	case l.Batch != 0 && l.Order:
		b, err := t.batch(l.Batch)
		if err != nil {
			return 0, nil // deleted
		}
		own = b.own()
		for i := range b.N {
			l.Seqs = append(l.Seqs, b.First+Seq(i))
		}
	}
	if f.next.Row != uint64(message) {
		f.next.Row, f.next.Within = uint64(message), 0
	}
	hits := len(f.found)
	for i := len(l.Seqs) - 1 - f.next.Within; i >= 0; i-- {
		if key, value := rows.row(l.Seqs[i]); key != nil {
			if err := f.look(key, value, at); err != nil {
				return 0, err
			}
		}
		if l.Batch != 0 && !own && len(f.found) > hits {
			break
		}
		if f.next.Within++; len(f.found) == f.Limit && i > 0 {
			return len(l.Seqs) - 1, nil
		}
	}
	f.next.Within = 0
	return len(l.Seqs) - 1, nil
}

// look adds a row of sms to what was found, if it holds the words.
func (f *finder) look(key, value []byte, at Found) error {
	customer, plain := textField(value, `"c":"`)
	if !plain || len(value) == 0 || value[0] != recordVersion { // of an unusual form: it tells what is wrong
		m, err := readSMS(key, value)
		if err != nil {
			return err
		}
		customer = []byte(m.Customer)
	}
	batch := uint64(intField(value, `"b":`))
	f.text = f.text[:0]
	own := false // it has its text itself
	if i := bytes.Index(value, []byte(`"x":"`)); i >= 0 {
		own, f.text = true, foldJSON(f.text, value[i+len(`"x":"`):])
	}
	var words []byte
	switch {
	case batch == 0:
		words = f.text
	case len(customer) == 0:
		return nil // forgotten: the words are those of the others
	case own:
		words = f.text
	default:
		words = f.wordsOf(batch)
	}
	for i, word := range f.Words {
		if !bytes.Contains(words, []byte(word)) && !bytes.Contains(customer, []byte(word)) && !f.named[i][string(customer)] {
			return nil
		}
	}
	m, err := readSMS(key, value)
	if err != nil || f.seen[m.Seq] || batch != 0 && !own && at.At.ID == 0 && f.order == m.Batch {
		return err
	}
	f.seen[m.Seq], f.order = true, m.Batch
	at.SMS = m
	f.found = append(f.found, at)
	return nil
}

// wordsOf returns the folded words of a batch, whose SMS stand one behind the other.
func (f *finder) wordsOf(batch uint64) []byte {
	if f.batch != batch {
		f.batch, f.batchText = batch, f.batchText[:0]
		row := f.batches.Get(u64(batch))
		if i := bytes.Index(row, []byte(`"text":"`)); i >= 0 {
			f.batchText = foldJSON(f.batchText, row[i+len(`"text":"`):])
		}
	}
	return f.batchText
}

// foldJSON appends what stands in s up to a quote, folded, with the escapes of JSON undone.
func foldJSON(folded, s []byte) []byte {
	end := bytes.IndexByte(s, '"')
	if end < 0 {
		end = len(s)
	}
	if bytes.IndexByte(s[:end], '\\') < 0 {
		return sms.AppendFold(folded, s[:end])
	}
	for len(s) > 0 && s[0] != '"' {
		if s[0] != '\\' {
			plain := bytes.IndexAny(s, `"\`)
			if plain < 0 {
				plain = len(s)
			}
			folded, s = sms.AppendFold(folded, s[:plain]), s[plain:]
			continue
		}
		r, n := rune(' '), 2 // a line's end or a tab
		switch {
		case len(s) < 2:
			return folded
		case s[1] == 'u' && len(s) >= 6:
			n = 6
			if code, err := strconv.ParseUint(string(s[2:6]), 16, 16); err == nil {
				r = rune(code)
			}
		case s[1] == '"' || s[1] == '\\' || s[1] == '/':
			r = rune(s[1])
		}
		folded, s = sms.AppendFold(folded, utf8.AppendRune(nil, r)), s[n:]
	}
	return folded
}

// locateRead is how many messages on either side of where one should stand are looked at for it.
const locateRead = 500

// locate notes where an SMS is shown, or was ordered, and in which topic, as far as that is known. Of chats it prefers those whose messages have links.
func (t *tx) locate(f *Found) error {
	if f.Batch != 0 {
		b, err := t.batch(f.Batch)
		if err == nil && b.Message != 0 {
			f.At = ChatMessage{Place: b.Place, ID: b.Message}
		}
		return nil
	}
	if f.At.ID == 0 {
		c := t.bucket(bucketShows).Cursor()
		for key, _ := c.First(); key != nil; {
			chat := readI64[sms.ChatID](key[:8])
			if chat < 0 {
				if message := t.messageOf(chat, f.Seq); message != 0 {
					f.At = ChatMessage{Place: sms.Place{Chat: chat}, ID: message}
					break
				}
			}
			key, _ = c.Seek(i64(chat + 1))
		}
	}
	if f.At.ID == 0 {
		return nil
	}
	c, err := t.customer(f.Customer)
	if err != nil {
		return err
	}
	topic, has := c.TopicIn(f.At.Chat)
	if c.Linked != nil && c.Linked.Chat == f.At.Chat {
		topic, has = *c.Linked, true
	}
	var l Shown
	err = get(t.bucket(bucketShows), messageKey(f.At.Chat, f.At.ID), &l)
	if has && err == nil && len(l.Seqs) == 0 && int64(f.At.ID) > int64(topic.Topic) { // else it is of before the topic, or may be outside
		f.At.Topic = topic.Topic
	}
	return nil
}

// messageOf returns the message of a chat that shows an inbound SMS; 0 when it is not where it should be: messages show SMS about in order.
func (t *tx) messageOf(chat sms.ChatID, seq Seq) sms.ChatMessageID {
	c := t.bucket(bucketShows).Cursor()
	in := func(key []byte) bool { return key != nil && readI64[sms.ChatID](key[:8]) == chat }
	first, _ := c.Seek(i64(chat))
	last := before(c, i64(chat+1))
	if !in(first) || !in(last) {
		return 0
	}
	low, high := binary.BigEndian.Uint64(first[8:]), binary.BigEndian.Uint64(last[8:])
	for low < high {
		middle := low + (high-low)/2
		shown := Seq(0)
		key, value := c.Seek(join(i64(chat), u64(middle)))
		for ; shown == 0 && in(key); key, value = c.Next() {
			shown = firstShown(value)
		}
		if shown != 0 && shown < seq {
			low = middle + 1
		} else {
			high = middle
		}
	}
	start, _ := c.Seek(join(i64(chat), u64(low)))
	for range locateRead {
		before, _ := c.Prev()
		if !in(before) {
			break
		}
		start = before
	}
	key, value := c.Seek(start)
	for n := 0; n < 2*locateRead && in(key); n++ {
		if shows(value, seq) {
			return sms.ChatMessageID(binary.BigEndian.Uint64(key[8:]))
		}
		key, value = c.Next()
	}
	return 0
}

// firstShown returns the first SMS that a message shows; 0 if it shows none.
func firstShown(value []byte) Seq {
	if seq := intField(value, `"seq":`); seq > 0 {
		return Seq(seq)
	}
	var l Shown
	if decode(value, &l) == nil && len(l.Seqs) > 0 {
		return l.Seqs[0]
	}
	return 0
}

func shows(value []byte, seq Seq) bool {
	var l Shown
	if decode(value, &l) != nil {
		return false
	}
	for _, s := range l.Seqs {
		if s == seq {
			return true
		}
	}
	return l.Seq == seq
}
