package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	bolt "go.etcd.io/bbolt"

	"peyk/sms"
)

// BatchState says whether a batch is to be sent.
type BatchState string

const (
	Asking    BatchState = "asking"    // waits for [Send] or [Cancel]
	Going     BatchState = "going"     // was given to the outbox
	Cancelled BatchState = "cancelled" // nothing was or will be sent
	Expired   BatchState = "expired"   // likewise: nobody answered in time
)

// Batch is one order to send a text, or several from a file, by one command. Its recipients are the SMS First to First+N-1.
type Batch struct {
	ID        BatchID     `json:"-"`
	sms.Place             // where it was ordered and is reported
	Agent     sms.AgentID `json:"agent"`
	AgentName string      `json:"who,omitempty"`
	// Message ordered it, and bears its mark. A command is reported by a message, too.
	Message sms.ChatMessageID `json:"message"`
	Reply   bool              `json:"reply,omitempty"`
	Line    sms.Number        `json:"line"`
	Text    string            `json:"text"`            // empty if each SMS has its own
	Parts   int               `json:"parts,omitempty"` // for each recipient
	Bulk    *Bulk             `json:"bulk,omitempty"`  // if it comes from a file
	First   Seq               `json:"first"`
	N       int               `json:"n"`
	Created time.Time         `json:"created"`
	State   BatchState        `json:"state"`

	// Generation numbers the questions b has asked. A button carries that of its own question.
	Generation int      `json:"gen,omitempty"`
	Decision   Decision `json:"decision,omitempty"` // the last one
	DecidedBy  string   `json:"by,omitempty"`

	Credit string     `json:"credit,omitempty"` // at the panel when the question was asked
	Price  [2]float64 `json:"price,omitzero"`   // of a part then, in rial: at the least, and at the most

	// Why it is asked about: it costs much or says something odd, ClaimedBy answers the customer, or the same was ordered just before.
	Costly       bool   `json:"costly,omitempty"`
	ClaimedBy    string `json:"answering,omitempty"`
	Duplicate    bool   `json:"same,omitempty"`
	MaybeNumber  string `json:"hidden,omitempty"` // what the text begins with, if that may be a number
	AddedURLs    bool   `json:"linked,omitempty"` // addresses of links were added to the text
	CustomerName string `json:"named,omitempty"`  // what the only recipient was called when it was ordered
	Claim        bool   `json:"claim,omitempty"`  // see Order

	Footer     string      `json:"footer,omitempty"`     // what was added to the text, at its end
	QuietUntil time.Time   `json:"quiet_until,omitzero"` // it was ordered to several in hours in which they should be left in peace
	Scheduled  ScheduledID `json:"later,omitempty"`      // by Later
	Written    string      `json:"written,omitempty"`    // the text as it was ordered, while another is asked about, see Reword

	Against sms.Reason `json:"against,omitempty"` // why its only recipient should get nothing, once an agent was asked about that

	Answers Seq `json:"answers,omitempty"` // the first SMS that waited until it was to be sent

	Due      time.Time `json:"due,omitzero"`        // when it was scheduled for, if it was
	Doubtful bool      `json:"doubt,omitempty"`     // a backup was restored since: it may have gone out, or been cancelled
	Waits    Wait      `json:"waits_for,omitempty"` // why what is queued of it is not sent, once known
	Late     bool      `json:"late,omitempty"`      // it was to be sent, and is asked about as it has waited too long
	Asked    time.Time `json:"asked,omitzero"`      // when it was asked about, if not when it was ordered
	Dropped  int       `json:"dropped,omitempty"`   // of those Queued, how many will not be sent

	Away      bool `json:"away,omitempty"`      // of its own accord, see Away: no agent ordered it, and none is asked
	Forgotten bool `json:"forgotten,omitempty"` // with all its recipients: it is counted, and told of no more
	Gone      bool `json:"gone,omitempty"`      // it is old, and deleted piece by piece: nobody is told of what is left

	Counts        [sms.Failed + 1]int `json:"counts"`              // recipients by status
	Uncertain     int                 `json:"uncertain,omitempty"` // of those Sending, how many nobody knows the fate of
	LeftUncertain int                 `json:"left,omitempty"`      // of those Sending, how many were left uncertain by decision
	Found         int                 `json:"found,omitempty"`     // how many the panel was found to have, after its answer was lost
	Resent        int                 `json:"resent,omitempty"`    // and how many it did not have: they were sent again
	Matched       int                 `json:"matched,omitempty"`   // how many were found there by what they say
	Unmatched     int                 `json:"unmatched,omitempty"` // and how many were not, which proves nothing
	NoReport      int                 `json:"no_report,omitempty"` // accepted recipients whose delivery is not, or no longer, asked for
	Withheld      int                 `json:"withheld,omitempty"`  // of those Failed, how many get nothing of an order to several, see wish.go

	Post     uint64            `json:"post"`               // its row in the post queue, when there is something new to show
	Shown    sms.ChatMessageID `json:"shown,omitempty"`    // the message that reports it
	Reaction string            `json:"reaction,omitempty"` // the mark that Message bears
	Unmarked bool              `json:"unmarked,omitempty"` // Message takes no mark
	Quiet    bool              `json:"quiet,omitempty"`    // its chat was busy: as of a reply, only what a mark cannot say is told by a message
}

// Undecided reports whether b asks something that only a button answers.
func (b Batch) Undecided() bool { return b.State == Asking || b.Uncertain > 0 }

// MayWait reports whether b asks, before anything of it was sent, in hours in which its recipients should be left in peace.
func (b Batch) MayWait() bool { return b.State == Asking && !b.Late && !b.QuietUntil.IsZero() }

// PieceState says what became of one request to send.
type PieceState string

const (
	PieceAsking    PieceState = "asking"
	PieceQueued    PieceState = "queued"
	PieceSending   PieceState = "sending"   // a request may be under way
	PieceSent      PieceState = "sent"      // the panel accepted it
	PieceRefused   PieceState = "refused"   // the panel refused it
	PieceUncertain PieceState = "uncertain" // the panel may have accepted it
	PieceDropped   PieceState = "dropped"   // not sent, or left as it was: an agent decided so, or none did in time
)

// Piece is at most 60 recipients of a batch, sent by one request: the SMS First to First+N-1.
type Piece struct {
	Batch BatchID `json:"-"`
	I     int     `json:"-"`

	State     PieceState `json:"state"`
	Attempt   int        `json:"attempt,omitempty"` // how many requests were begun
	Since     time.Time  `json:"since,omitzero"`    // of State
	First     Seq        `json:"first"`
	N         int        `json:"n"`
	NotBefore time.Time  `json:"after,omitzero"`
	Queued    time.Time  `json:"queued,omitzero"`   // when an agent last ordered or confirmed it
	CalledOff bool       `json:"off,omitempty"`     // [Cancel] was pressed while it was being sent: if the panel does not carry it out, it is dropped
	MaybeSent bool       `json:"unsure,omitempty"`  // an earlier attempt may have been carried out
	Late      bool       `json:"-"`                 // see Queued
	Key       int64      `json:"key,omitempty"`     // of the SMS First, at a panel that takes keys; that of the next is one more
	Account   string     `json:"account,omitempty"` // whose panel it was last handed to, if that can be asked what became of it
	Looks     int        `json:"looks,omitempty"`   // while Lost, how often the panel was asked about it in vain
	Lost      bool       `json:"lost,omitempty"`    // while Sending: the request is over, its answer was lost
	Lasted    time.Time  `json:"begun,omitzero"`    // and when that ended, at the latest
	IDs       []sms.ID   `json:"ids,omitempty"`     // from the panel, which did not say whose is which

	Withheld int          `json:"withheld,omitempty"` // recipients who get nothing, see wish.go: nothing of what happens to p is about them
	To       []sms.Number `json:"-"`                  // the others; see Queued and Reserve
	Texts    []string     `json:"-"`                  // theirs, if they have their own; see Reserve
	Keys     []int64      `json:"-"`                  // parallel to To, if they have any
}

// reaches returns how many recipients p is sent to.
func (p Piece) reaches() int { return p.N - p.Withheld }

// Order is what an agent asks to send: Pieces are the recipients, at most 60 each, or Rows are those of a file.
type Order struct {
	sms.Place
	Agent   sms.AgentID       `json:"agent"`
	Message sms.ChatMessageID `json:"message,omitempty"`
	Reply   bool              `json:"reply,omitempty"`
	Line    sms.Number        `json:"line"`
	Text    string            `json:"text"`
	Parts   int               `json:"parts"` // for each recipient
	Pieces  [][]sms.Number    `json:"to"`
	Rows    []Row             `json:"-"`
	Bulk    *Bulk             `json:"-"`             // with Rows
	Of      BatchID           `json:"of,omitempty"`  // for later: the bulk order, put off, whose rows these are; see Postponed
	Ask     bool              `json:"ask,omitempty"` // send only after [Send]; the store asks, too, if somebody else answers a recipient or the same was ordered just before
	Due     time.Time         `json:"due,omitzero"`  // when it was scheduled for: it answers nobody, and who answers or the same before it are no reason to ask

	Doubtful    bool      `json:"doubt,omitempty"`  // see Batch
	MaybeNumber string    `json:"hidden,omitempty"` // likewise
	AddedURLs   bool      `json:"linked,omitempty"`
	Footer      string    `json:"footer,omitempty"`
	QuietUntil  time.Time `json:"quiet,omitzero"`
	Claim       bool      `json:"claim,omitempty"` // Agent, called AgentName, claims the only recipient, unless somebody else has
	AgentName   string    `json:"who,omitempty"`
}

// statusDelay is how long a new batch is not reported: most are accepted within it, which saves an edit.
const statusDelay = time.Second

func (t *tx) addBatch(o Order) (Batch, error) {
	batches := t.bucket(bucketBatch)
	id, err := batches.NextSequence()
	if err != nil {
		return Batch{}, err
	}
	b := Batch{
		ID: BatchID(id), Place: o.Place, Agent: o.Agent, AgentName: o.AgentName, Message: o.Message, Reply: o.Reply, Line: o.Line, Text: o.Text, Parts: o.Parts,
		Created: t.now, State: Going, Costly: o.Ask, Claim: o.Claim, MaybeNumber: o.MaybeNumber, AddedURLs: o.AddedURLs, Due: o.Due, Doubtful: o.Doubtful,
		Footer: o.Footer, QuietUntil: o.QuietUntil,
	}
	if o.Bulk != nil {
		bulk := *o.Bulk
		b.Bulk = &bulk
		if err := errors.Join(t.leaveOut(o), t.fulfil(UpdateKey{Chat: o.Chat, Message: o.Message})); err != nil {
			return b, err
		}
	}
	if chat := t.resolve(o.Chat); chat != o.Chat {
		b.moveTo(chat)
	}
	if b.CustomerName, b.ClaimedBy, err = t.claimFor(o); err != nil {
		return b, err
	}
	if b.Duplicate, err = t.justOrdered(o); err != nil {
		return b, err
	}
	if !o.Due.IsZero() {
		b.ClaimedBy, b.Duplicate = "", false
	}
	pieces := o.rows()
	for _, rows := range pieces {
		b.N += len(rows)
	}
	if b.Lone() {
		if b.Against, err = t.withheld(sms.Conversation{Line: o.Line, Customer: pieces[0][0].To}); err != nil {
			return b, err
		}
	}
	state, ask := PieceQueued, o.Ask || b.ClaimedBy != "" || b.Duplicate || b.Against != sms.NoReason
	if ask {
		b.State, b.Generation, state = Asking, 1, PieceAsking
	} else if b.Waits, err = t.held(); err != nil {
		return b, err
	}
	if b.Post, err = t.bucket(bucketPost).NextSequence(); err != nil {
		return b, err
	}
	for i, rows := range pieces {
		if err := t.addPiece(&b, i, rows, state); err != nil {
			return b, err
		}
	}
	if b.Withheld == b.N {
		b.State, ask = Going, false
	}
	if ask {
		_, err = t.afford(b.Agent, b.cost()) // [Send] counts it
	} else {
		err = t.spend(b.Agent, b.cost())
	}
	if err != nil {
		return b, err
	}
	if !ask {
		if err := t.answered(&b); err != nil {
			return b, err
		}
	}
	if err := t.bucket(bucketChatBatch).Put(chatBatchKey(b.Chat, b.ID), nil); err != nil {
		return b, err
	}
	if o.Message != 0 { // it stayed behind when the chat of a scheduled order became a supergroup
		if err := put(t.bucket(bucketShows), messageKey(o.Chat, o.Message), Shown{Batch: b.ID, Order: true}); err != nil {
			return b, err
		}
	}
	delay := statusDelay
	if ask || b.Waits != "" {
		delay = 0
	}
	return b, t.report(b, delay)
}

// addPiece adds the i-th piece to b, and the SMS to its recipients, which are Queued unless they are withheld. The caller stores b.
func (t *tx) addPiece(b *Batch, i int, rows []Row, state PieceState) error {
	p := Piece{Batch: b.ID, I: i, State: state, Since: t.now, Queued: t.now, N: len(rows)}
	for _, row := range rows {
		seq, err := t.nextSMS()
		if err != nil {
			return err
		}
		if p.First == 0 {
			p.First = seq
		}
		m := SMS{Seq: seq, Batch: b.ID, Status: sms.Queued, Row: row.N, Parts: row.Parts}
		m.Direction, m.Line, m.Customer, m.Text, m.Time = sms.Outbound, b.Line, row.To, row.Text, t.now
		if row.Why != sms.NoReason {
			m.Status, m.Reason = sms.Failed, row.Why
			p.Withheld++
		}
		if b.own() {
			b.Bulk.Parts += m.Parts
		}
		b.count(m, +1)
		if err := t.putSMS(m); err != nil {
			return err
		}
	}
	if b.First == 0 {
		b.First = p.First
	}
	if p.reaches() == 0 {
		p.State = PieceDropped
	} else if err := t.withhold(b, &p); err != nil {
		return err
	}
	return t.putPiece(p)
}

func (t *tx) batch(id BatchID) (Batch, error) {
	b := Batch{ID: id}
	err := get(t.bucket(bucketBatch), u64(uint64(id)), &b)
	return b, err
}

func (t *tx) putBatch(b Batch) error {
	return put(t.bucket(bucketBatch), u64(uint64(b.ID)), b)
}

// moveTo gives b to the supergroup its chat became. Messages have new numbers there: with the old ones, its report would edit, or reply to,
// messages about something else.
func (b *Batch) moveTo(chat sms.ChatID) {
	b.Place, b.Message, b.Reply, b.Shown, b.Reaction = sms.Place{Chat: chat}, 0, false, 0, ""
}

// moveBatches renames the chat of all batches ordered in it. Those that ask something ask it again, as their buttons stay behind.
func (t *tx) moveBatches(from, to sms.ChatID) error {
	var moved []Batch
	index := t.bucket(bucketChatBatch)
	c := index.Cursor()
	for key, _ := c.Seek(i64(from)); key != nil && readI64[sms.ChatID](key[:8]) == from; key, _ = c.Next() {
		b, err := t.batch(BatchID(binary.BigEndian.Uint64(key[8:])))
		if err != nil {
			return err
		}
		moved = append(moved, b)
	}
	for _, b := range moved {
		b.moveTo(to)
		err := t.putBatch(b)
		if b.Undecided() || b.Waiting() {
			err = t.report(b, 0)
		}
		if err != nil {
			return err
		}
		if err := index.Delete(chatBatchKey(from, b.ID)); err != nil {
			return err
		}
		if err := index.Put(chatBatchKey(to, b.ID), nil); err != nil {
			return err
		}
	}
	return nil
}

// report stores b and queues what tells how far it has come: a mark on the reply, and a message if that says too little. If one of these
// waits already, it will tell the newest.
func (t *tx) report(b Batch, delay time.Duration) error {
	if b.Forgotten || b.Gone {
		return t.putBatch(b)
	}
	if b.Message != 0 && !b.Unmarked {
		chat, err := t.chat(b.Chat)
		if err != nil {
			return err
		}
		b.Unmarked = !chat.TakesMarks(t.now)
	}
	if err := errors.Join(t.file(&b), t.putBatch(b)); err != nil {
		return err
	}
	if b.Lone() {
		m, err := t.sms(b.First)
		if err == nil {
			err = t.showIcons(m.Customer)
		}
		if err != nil {
			return err
		}
	}
	if b.Message != 0 && !b.Unmarked {
		if err := t.queueMark(b); err != nil {
			return err
		}
	}
	p := Post{Chat: b.Chat, Class: Answers, ID: b.Post, Kind: PostBatch, Topic: b.Topic, Batch: b.ID, Edit: b.edits()}
	var waiting Post
	if err := get(t.bucket(bucketPost), postKey(p.Chat, p.Class, p.ID), &waiting); err == nil {
		p.Revision, p.Repeated, p.At = waiting.Revision+1, waiting.Repeated, waiting.At
	} else if !b.NeedsMessage() {
		return nil
	}
	if delay > 0 {
		p.NotBefore = t.now.Add(delay)
	}
	_, err := t.addPost(p)
	return err
}

// edits tells whether the message about b only brings up to date what another one told, and nobody waits for it.
func (b Batch) edits() bool {
	return b.Shown != 0 && !b.Undecided() && (!b.Lone() || b.trouble() == 0)
}

// batchShown notes which message reports a batch; 0 is none yet, or still the same.
func (t *tx) batchShown(id BatchID, message sms.ChatMessageID) error {
	b, err := t.batch(id)
	if err != nil || message == 0 || b.Shown == message {
		return err
	}
	b.Shown = message
	return t.putBatch(b)
}

// SetCredit adds the credit to the question a batch asks, unless it was decided meanwhile, and what a part costs, at the least and at the most; zeros if
// that is not known.
func (s *Store) SetCredit(id BatchID, credit string, least, most float64) error {
	return s.update(func(t *tx) error {
		b, err := t.batch(id)
		if err != nil || b.State != Asking {
			return err
		}
		b.Credit, b.Price = credit, [2]float64{least, most}
		return t.report(b, 0)
	})
}

// Batch returns one batch, or ErrNotFound when it is kept no more.
func (s *Store) Batch(id BatchID) (Batch, error) {
	var b Batch
	err := s.view(func(t *tx) error {
		var err error
		b, err = t.batch(id)
		return err
	})
	if err == nil && b.Gone {
		err = ErrNotFound
	}
	return b, err
}

// Batches returns the last batches ordered in a chat, the newest first.
func (s *Store) Batches(chat sms.ChatID, limit int) ([]Batch, error) {
	var found []Batch
	err := s.view(func(t *tx) error {
		found = nil
		c := t.bucket(bucketChatBatch).Cursor()
		key, _ := c.Seek(i64(chat + 1))
		if key == nil {
			key, _ = c.Last()
		} else {
			key, _ = c.Prev()
		}
		for ; key != nil && readI64[sms.ChatID](key[:8]) == chat && len(found) < limit; key, _ = c.Prev() {
			b, err := t.batch(BatchID(binary.BigEndian.Uint64(key[8:])))
			if err != nil {
				return err
			}
			if !b.Away && !b.Gone {
				found = append(found, b)
			}
		}
		return nil
	})
	return found, err
}

// Recipients returns the SMS of a batch, at most limit of them beginning at from.
func (s *Store) Recipients(b Batch, from, limit int) ([]SMS, error) {
	var found []SMS
	err := s.view(func(t *tx) error {
		found = nil
		for i := from; i < b.N && len(found) < limit; i++ {
			m, err := t.sms(b.First + Seq(i))
			if err != nil {
				return err
			}
			found = append(found, m)
		}
		return nil
	})
	return found, err
}

func (t *tx) piece(batch BatchID, i int) (Piece, error) {
	p := Piece{Batch: batch, I: i}
	err := get(t.bucket(bucketPiece), pieceKey(batch, i), &p)
	return p, err
}

func readPiece(key, value []byte) (Piece, error) {
	p := Piece{Batch: BatchID(binary.BigEndian.Uint64(key)), I: int(binary.BigEndian.Uint32(key[8:]))}
	err := decode(value, &p)
	return p, err
}

// pieceIndexes are the buckets that name pieces, and in which states.
var pieceIndexes = []struct {
	bucket []byte
	states []PieceState
}{
	{bucketOutbox, []PieceState{PieceQueued, PieceSending}},
	{bucketUncertain, []PieceState{PieceUncertain}},
	{bucketAsking, []PieceState{PieceAsking}},
}

// putPiece stores p and keeps the indexes in step with its state.
func (t *tx) putPiece(p Piece) error {
	key := pieceKey(p.Batch, p.I)
	for _, index := range pieceIndexes {
		var err error
		if slices.Contains(index.states, p.State) {
			err = t.bucket(index.bucket).Put(key, nil)
		} else {
			err = t.bucket(index.bucket).Delete(key)
		}
		if err != nil {
			return err
		}
	}
	t.outbox = t.outbox || p.State == PieceQueued
	return put(t.bucket(bucketPiece), key, p)
}

// pieces calls fn for every piece that an index names, from batch on, until fn returns false.
func (t *tx) pieces(bucket []byte, batch BatchID, fn func(Piece) (bool, error)) error {
	c := t.bucket(bucket).Cursor()
	for key, _ := c.Seek(pieceKey(batch, 0)); key != nil; key, _ = c.Next() {
		p, err := t.piece(BatchID(binary.BigEndian.Uint64(key)), int(binary.BigEndian.Uint32(key[8:])))
		if err != nil {
			return err
		}
		if more, err := fn(p); err != nil || !more {
			return err
		}
	}
	return nil
}

// waitsFor is how long a queued piece may wait and still be sent unasked. After that the customer may have been answered by other means, and
// whoever wrote it may have forgotten it.
const waitsFor = time.Hour

// late tells whether p has waited too long to be sent unasked. If a clock was wrong, nobody knows how long it waited: that is too long.
func (p Piece) late(now time.Time) bool {
	since := p.Queued
	if since.IsZero() { // queued by a version that did not note it
		since = p.Since
	}
	return now.Sub(since).Abs() > waitsFor
}

// Queued calls yield with the queued pieces and their recipients, the oldest first, until it returns false; those of bulk orders come last, as an answer
// must not wait for thousands of them. Pieces whose NotBefore has not come are among them, those of bulk orders without their recipients. Meanwhile a read
// of the file is open: yield must not wait for a write. Do not reserve a piece that is Late, but AskLate.
func (s *Store) Queued(yield func(Piece, Batch, []sms.Number) bool) error {
	return s.view(func(t *tx) error {
		var bulks []Batch
		c := t.bucket(bucketOutbox).Cursor()
		for key, _ := c.First(); key != nil; {
			b, err := t.batch(BatchID(binary.BigEndian.Uint64(key)))
			if err != nil {
				return err
			}
			if b.Bulk != nil {
				bulks = append(bulks, b)
			} else if more, err := t.queued(b, yield); err != nil || !more {
				return err
			}
			key, _ = c.Seek(pieceKey(b.ID+1, 0))
		}
		for _, b := range bulks {
			if more, err := t.queued(b, yield); err != nil || !more {
				return err
			}
		}
		return nil
	})
}

// queued is Queued for one batch. It reports whether yield wants more.
func (t *tx) queued(b Batch, yield func(Piece, Batch, []sms.Number) bool) (more bool, err error) {
	more = true
	err = t.pieces(bucketOutbox, b.ID, func(p Piece) (bool, error) {
		if p.Batch != b.ID || p.State != PieceQueued {
			return p.Batch == b.ID, nil
		}
		if b.Bulk == nil || !PutOff(p.NotBefore, t.now, time.Minute) {
			for i := range p.N {
				m, err := t.sms(p.First + Seq(i))
				if err != nil {
					return false, err
				}
				if !m.Reason.Withheld() {
					p.To = append(p.To, m.Customer)
				}
			}
		}
		p.Late = p.late(t.now)
		more = yield(p, b, p.To)
		return more, nil
	})
	return more, err
}

// Reserve marks a queued piece as being sent, to the recipients in its To. If account is not empty it names whose panel can be asked what became of
// it, by its Keys if it is keyed. Begin the request only after it returned nil: if the process dies in
// between, the piece becomes uncertain and is not sent again by itself. The error is ErrDecided if the piece is no longer queued, as after [Cancel],
// or is not to be sent now: its recipients opted out or were blocked meanwhile.
func (s *Store) Reserve(p Piece, account string, keyed bool) (Piece, error) {
	withheld := false
	err := s.update(func(t *tx) error {
		withheld = false
		row, err := t.piece(p.Batch, p.I)
		if err != nil {
			return err
		}
		if row.State != PieceQueued {
			return fmt.Errorf("reserve piece %d of batch %d: it is %s: %w", p.I, p.Batch, row.State, ErrDecided)
		}
		b, err := t.batch(p.Batch)
		if err != nil {
			return err
		}
		if withheld, err = t.withholdNow(&b, &row); err != nil || withheld {
			return err
		}
		row.State, row.Since, row.Attempt, row.NotBefore = PieceSending, t.now, row.Attempt+1, time.Time{}
		if err := row.keep(t, account, keyed); err != nil {
			return err
		}
		err = t.changePiece(row, &b, func(_ int, m *SMS) error {
			m.Status = sms.Sending
			row.To = append(row.To, m.Customer)
			if keyed {
				row.Keys = append(row.Keys, row.key(*m))
			}
			if m.Text != "" {
				row.Texts = append(row.Texts, m.Text)
			}
			return nil
		})
		if err != nil {
			return err
		}
		p = row
		if err := t.putBatch(b); err != nil {
			return err
		}
		return t.putPiece(row)
	})
	if err == nil && withheld {
		err = fmt.Errorf("reserve piece %d of batch %d: its recipients get nothing: %w", p.I, p.Batch, ErrDecided)
	}
	return p, err
}

// Outcome is what the panel said of one recipient.
type Outcome struct {
	ID     sms.ID     // empty if the panel did not say which is whose
	Reason sms.Reason // why it Failed at once; sms.NoReason when it was accepted
	Words  string     // what the panel said then, for people to read; and its code
	Code   string
}

// Sent ends a reserved piece that the panel has answered. outcomes are parallel to its To; a recipient without one was accepted. ids are
// those that the panel gave to nobody in particular. The same transaction queues what tells the agent.
func (s *Store) Sent(p Piece, outcomes []Outcome, ids []sms.ID) error {
	return s.endPiece(p, func(t *tx, row *Piece, b *Batch) error { return t.accept(row, b, outcomes, ids) })
}

// accept is Sent for a piece at hand, and its batch, which the caller stores.
func (t *tx) accept(p *Piece, b *Batch, outcomes []Outcome, ids []sms.ID) error {
	p.State, p.IDs = PieceSent, ids
	return t.changePiece(*p, b, func(i int, m *SMS) error {
		var o Outcome
		if i < len(outcomes) {
			o = outcomes[i]
		}
		if len(o.ID) > bolt.MaxKeySize {
			o.ID = "" // nothing could find it
		}
		m.ID, m.Reason, m.Words, m.Code, m.Status, m.Time = o.ID, o.Reason, o.Words, o.Code, sms.Sent, t.now
		if o.ID != "" {
			if err := t.bucket(bucketID).Put([]byte(o.ID), u64(uint64(m.Seq))); err != nil {
				return err
			}
		}
		if o.Reason != sms.NoReason {
			m.Status = sms.Failed
			return nil
		}
		if !b.Away { // else whoever forges a number would become a customer of ours
			if err := t.noteOutbound(m.Customer); err != nil {
				return err
			}
		}
		if o.ID == "" {
			return nil
		}
		return t.setDue(m, t.now.Add(t.store.opts.StatusInterval))
	})
}

// Refuse ends a reserved piece that the panel refused, with its words and its code.
func (s *Store) Refuse(p Piece, words, code string) error {
	return s.endPiece(p, func(t *tx, row *Piece, b *Batch) error {
		row.State = PieceRefused
		return t.changePiece(*row, b, func(_ int, m *SMS) error {
			m.Status, m.Reason, m.Words, m.Code = sms.Failed, sms.Refused, words, code
			return nil
		})
	})
}

// Requeue gives back a reserved piece that never reached the panel, to be tried again at notBefore.
func (s *Store) Requeue(p Piece, notBefore time.Time) error { return s.Wait(p, PanelDown, notBefore) }

// Wait gives back a reserved piece that the panel did not carry out, to be tried again at notBefore, and says why. If [Cancel] was pressed
// meanwhile, the piece is called off with the others.
func (s *Store) Wait(p Piece, why Wait, notBefore time.Time) error {
	return s.endPiece(p, func(t *tx, row *Piece, b *Batch) error {
		row.State, row.NotBefore, b.Waits = PieceQueued, notBefore, why
		if err := t.setPieceStatus(*row, sms.Queued, b); err != nil {
			return err
		}
		if row.CalledOff {
			return t.drop(b, row, Cancelled)
		}
		return nil
	})
}

// Uncertain ends a reserved piece that the panel may or may not have carried out. The agent is asked; an away text is left so.
func (s *Store) Uncertain(p Piece) error {
	return s.endPiece(p, makeUncertain)
}

func makeUncertain(_ *tx, p *Piece, b *Batch) error {
	p.Lost = false
	if b.Away {
		p.State = PieceDropped
		b.LeftUncertain += p.N
		return nil
	}
	p.State, p.MaybeSent = PieceUncertain, true
	b.Uncertain += p.reaches()
	b.Generation++
	return nil
}

// endPiece changes a piece that is being sent and reports its batch.
func (s *Store) endPiece(p Piece, change func(*tx, *Piece, *Batch) error) error {
	return s.update(func(t *tx) error { return t.endPiece(p, change) })
}

func (t *tx) endPiece(p Piece, change func(*tx, *Piece, *Batch) error) error {
	row, err := t.piece(p.Batch, p.I)
	if err != nil {
		return err
	}
	if row.State != PieceSending || row.Attempt != p.Attempt {
		return fmt.Errorf("end piece %d of batch %d: it is %s, attempt %d", p.I, p.Batch, row.State, row.Attempt)
	}
	held, err := t.held() // then the others of the batch go on waiting
	if err != nil {
		return err
	}
	return t.changeBatch(row, func(t *tx, row *Piece, b *Batch) error {
		b.Waits = held
		if err := change(t, row, b); err != nil || b.Counts[sms.Failed] < b.N {
			return err
		}
		return t.unanswer(b)
	})
}

func (t *tx) changeBatch(p Piece, change func(*tx, *Piece, *Batch) error) error {
	b, err := t.batch(p.Batch)
	if err != nil {
		return err
	}
	p.Since = t.now
	waited := b.Waits
	if err := change(t, &p, &b); err != nil {
		return err
	}
	if err := t.putPiece(p); err != nil {
		return err
	}
	if p.State == PieceQueued && p.Attempt > 1 && b.Waits == waited {
		return t.putBatch(b) // it waits as before, so there is nothing new to show
	}
	return t.report(b, 0)
}

// count takes m out of the counts of b, or into them.
func (b *Batch) count(m SMS, by int) {
	b.Counts[m.Status] += by
	if unfollowed(m) {
		b.NoReport += by
	}
	if m.Reason.Withheld() {
		b.Withheld += by
		if b.Bulk != nil {
			b.Bulk.leaveOut(m, by)
		}
	}
}

// changePiece changes the SMS of p, but for those withheld, and keeps the counts of b in step. i counts them.
func (t *tx) changePiece(p Piece, b *Batch, change func(i int, m *SMS) error) error {
	i := 0
	for at := range p.N {
		m, err := t.sms(p.First + Seq(at))
		if err != nil {
			return err
		}
		if m.Reason.Withheld() {
			continue
		}
		was := m
		if err := change(i, &m); err != nil {
			return err
		}
		i++
		if m == was {
			continue
		}
		b.count(was, -1)
		b.count(m, +1)
		if err := t.putSMS(m); err != nil {
			return err
		}
	}
	return nil
}

func (t *tx) setPieceStatus(p Piece, status sms.Status, b *Batch) error {
	return t.changePiece(p, b, func(_ int, m *SMS) error {
		m.Status = status
		return nil
	})
}

// makeSendingUncertain makes uncertain what a process before this one may have sent, unless the panel can be asked for its keys.
func (t *tx) makeSendingUncertain() error {
	var interrupted []Piece
	err := t.pieces(bucketOutbox, 0, func(p Piece) (bool, error) {
		if p.State == PieceSending && !p.Lost {
			interrupted = append(interrupted, p)
		}
		return true, nil
	})
	if err != nil {
		return err
	}
	for _, p := range interrupted {
		var err error
		if p.Account != "" {
			p.lose(t)
			err = t.putPiece(p)
		} else {
			err = t.changeBatch(p, makeUncertain)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
