package store

import (
	"encoding/binary"
	"errors"
	"slices"
	"time"

	"peyk/sms"
)

// ScheduledID is the number of a scheduled order.
type ScheduledID uint64

// Scheduled is an order for later. It is a row of its own, which nothing prunes, until its time has come; then it becomes an order like any other, in
// the transaction that removes the row, and what is looked at when somebody orders is looked at then.
type Scheduled struct {
	ID    ScheduledID `json:"-"`
	Order Order       `json:"order"`

	// At is when it is to go out, and bears what the clock of Zone showed then. If the rules of the zone change meanwhile, it goes out when that clock
	// shows the same: that is what its agent wrote. Without a zone it is so long from when it was written, whatever clocks show.
	At   time.Time `json:"at"`
	Zone string    `json:"zone,omitempty"`

	Confirmed bool              `json:"confirmed,omitempty"` // else it waits for [Schedule]
	Since     time.Time         `json:"since"`               // of that
	Message   sms.ChatMessageID `json:"message,omitempty"`   // of ours, which tells of it, once it is confirmed
}

// MaxScheduled is how many orders may be scheduled: all are looked at each time.
const MaxScheduled = 1000

// due returns At by the rules that its zone has now; here is the zone of the settings.
func (s Scheduled) due(here *time.Location) time.Time {
	if s.Zone == "" {
		return s.At
	}
	zone := here
	if zone.String() != s.Zone {
		var err error
		if zone, err = time.LoadLocation(s.Zone); err != nil {
			return s.At
		}
	}
	const shown = "2006-01-02 15:04:05"
	if at := s.At.In(zone); at.Format(shown) == s.At.Format(shown) { // an hour that comes twice stays the one it was
		return at
	}
	return time.Date(s.At.Year(), s.At.Month(), s.At.Day(), s.At.Hour(), s.At.Minute(), s.At.Second(), s.At.Nanosecond(), zone)
}

func (t *tx) readScheduled(key, value []byte) (Scheduled, error) {
	s := Scheduled{ID: ScheduledID(binary.BigEndian.Uint64(key))}
	err := decode(value, &s)
	s.At = s.due(t.store.opts.Location)
	return s, err
}

func (t *tx) scheduled(id ScheduledID) (Scheduled, error) {
	key := u64(uint64(id))
	value := t.bucket(bucketScheduled).Get(key)
	if value == nil {
		return Scheduled{}, ErrNotFound
	}
	return t.readScheduled(key, value)
}

func (t *tx) putScheduled(s Scheduled) error {
	return put(t.bucket(bucketScheduled), u64(uint64(s.ID)), s)
}

func (t *tx) deleteScheduled(id ScheduledID) error {
	return t.bucket(bucketScheduled).Delete(u64(uint64(id)))
}

// allScheduled returns all that want takes, the first to go out first.
func (t *tx) allScheduled(want func(Scheduled) bool) ([]Scheduled, error) {
	var found []Scheduled
	err := t.bucket(bucketScheduled).ForEach(func(key, value []byte) error {
		s, err := t.readScheduled(key, value)
		if err == nil && want(s) {
			found = append(found, s)
		}
		return err
	})
	slices.SortStableFunc(found, func(a, b Scheduled) int { return a.At.Compare(b.At) })
	return found, err
}

// asksNoMore tells whether nobody pressed [Schedule] in time.
func (t *tx) asksNoMore(s Scheduled) bool { return !s.Confirmed && t.store.late(s.Since, t.now) }

// Schedule notes that the update k was acted on, and keeps an order for later, which question asks about. The error is ErrTaken if the update was
// acted on before, and ErrTooMany if MaxScheduled are kept.
func (s *Store) Schedule(k UpdateKey, o Scheduled, question func(Scheduled) Post) error {
	return s.update(func(t *tx) error {
		if err := t.take(k); err != nil {
			return err
		}
		row, err := t.addScheduled(o)
		if err != nil {
			return err
		}
		_, err = t.addPost(question(row))
		return err
	})
}

// addScheduled keeps an order for later, and returns it with its number. The error is ErrTooMany if MaxScheduled are kept.
func (t *tx) addScheduled(s Scheduled) (Scheduled, error) {
	rows := t.bucket(bucketScheduled)
	if count(rows) >= MaxScheduled {
		return s, ErrTooMany
	}
	id, err := rows.NextSequence()
	if err != nil {
		return s, err
	}
	s.ID, s.Since = ScheduledID(id), t.now
	if chat := t.resolve(s.Order.Chat); chat != s.Order.Chat {
		s.moveTo(chat)
	}
	return s, t.putScheduled(s)
}

// postpone keeps an order for later in the place of b, which asks in quiet hours. The message that asks tells of it.
func (t *tx) postpone(b Batch) (ScheduledID, error) {
	o := Order{
		Place: b.Place, Agent: b.Agent, AgentName: b.AgentName, Message: b.Message, Reply: b.Reply, Line: b.Line, Text: b.Text, Parts: b.Parts,
		AddedURLs: b.AddedURLs, Footer: b.Footer,
	}
	pieces, err := t.undecided(b, bucketAsking)
	if err != nil {
		return 0, err
	}
	if b.Bulk != nil { // they may be thousands: all that are scheduled are read again and again
		o.Of, pieces = b.ID, nil
	}
	for _, p := range pieces {
		var to []sms.Number
		for i := range p.N {
			m, err := t.sms(p.First + Seq(i))
			if err != nil {
				return 0, err
			}
			to = append(to, m.Customer)
		}
		o.Pieces = append(o.Pieces, to)
	}
	zone := t.store.opts.Location
	s, err := t.addScheduled(Scheduled{Order: o, At: b.QuietUntil.In(zone), Zone: zone.String(), Confirmed: true, Message: b.Shown})
	return s.ID, err
}

// Scheduled returns an order for later; the error is ErrNotFound once it is none.
func (s *Store) Scheduled(id ScheduledID) (Scheduled, error) {
	var found Scheduled
	err := s.view(func(t *tx) error {
		var err error
		found, err = t.scheduled(id)
		return err
	})
	return found, err
}

// ScheduledIn returns the orders for later of a chat, or of all for 0, the first to go out first.
func (s *Store) ScheduledIn(chat sms.ChatID) ([]Scheduled, error) {
	var found []Scheduled
	err := s.view(func(t *tx) error {
		var err error
		found, err = t.allScheduled(func(s Scheduled) bool { return chat == 0 || s.Order.Chat == chat })
		return err
	})
	return found, err
}

// ConfirmScheduled notes that [Schedule] was pressed under a message of ours, which said then tells of the order in its place. The error is ErrNotFound
// if the order is none any more, ErrDecided if it is confirmed already, and ErrExpired if nobody pressed in time, or the time of the order has come:
// then it is none any more.
func (s *Store) ConfirmScheduled(id ScheduledID, message sms.ChatMessageID, said func(Scheduled) Post) error {
	var late error
	err := s.update(func(t *tx) error {
		late = nil
		row, err := t.scheduled(id)
		switch {
		case err != nil:
			return err
		case row.Confirmed:
			return ErrDecided
		case t.asksNoMore(row) || !row.At.After(t.now):
			late = ErrExpired
			return t.deleteScheduled(id)
		}
		row.Confirmed, row.Since, row.Message = true, t.now, message
		if err := t.putScheduled(row); err != nil {
			return err
		}
		_, err = t.addPost(said(row))
		return err
	})
	wake(s.schedules, err == nil)
	if err == nil {
		err = late
	}
	return err
}

// Schedules receives a value after an order for later was confirmed.
func (s *Store) Schedules() <-chan struct{} { return s.schedules }

// DueScheduled returns the orders whose time has come, and how long to wait before asking again.
func (s *Store) DueScheduled() (due []Scheduled, wait time.Duration, err error) {
	if !s.clock().known { // nothing is sent by a wrong clock
		return nil, time.Second, nil
	}
	err = s.view(func(t *tx) error {
		due, wait = nil, waitsRead
		all, err := t.allScheduled(func(s Scheduled) bool { return s.Confirmed })
		for i, row := range all {
			if row.At.After(t.now) {
				due, wait = all[:i], min(wait, row.At.Sub(t.now))
				return err
			}
		}
		due = all
		return err
	})
	return due, wait, err
}

// BeginScheduled has an order for later become o, and adds posts. The error is ErrNotFound if it is none any more, and an OverCap if it is more than its
// agent may send today: then it stays.
func (s *Store) BeginScheduled(id ScheduledID, o Order, posts ...Post) (BatchID, error) {
	var batch BatchID
	err := s.endScheduled(id, posts, func(t *tx) error {
		b, err := t.addBatch(o)
		batch = b.ID
		return err
	})
	return batch, err
}

// EndScheduled ends an order for later without a send, and adds what is said of that. The error is ErrNotFound if it is none any more.
func (s *Store) EndScheduled(id ScheduledID, posts ...Post) error {
	return s.endScheduled(id, posts, func(*tx) error { return nil })
}

func (s *Store) endScheduled(id ScheduledID, posts []Post, with func(*tx) error) error {
	return s.update(func(t *tx) error {
		if _, err := t.scheduled(id); err != nil {
			return err
		}
		if err := with(t); err != nil {
			return err
		}
		for _, p := range posts {
			if _, err := t.addPost(p); err != nil {
				return err
			}
		}
		return t.deleteScheduled(id)
	})
}

// expireScheduled ends the orders for later that nobody confirmed in time. It returns how long to wait before calling it again, at most wait.
func (t *tx) expireScheduled(wait time.Duration) (time.Duration, error) {
	asked, err := t.allScheduled(func(s Scheduled) bool { return !s.Confirmed })
	for _, row := range asked {
		if !t.asksNoMore(row) {
			wait = min(wait, t.store.opts.AskFor-t.now.Sub(row.Since))
		} else if err := t.deleteScheduled(row.ID); err != nil {
			return wait, err
		}
	}
	return wait, err
}

// moveTo gives s to the supergroup its chat became, where messages have new numbers.
func (s *Scheduled) moveTo(chat sms.ChatID) {
	s.Order.Place, s.Order.Message, s.Order.Reply, s.Message = sms.Place{Chat: chat}, 0, false, 0
}

func (t *tx) moveScheduled(from, to sms.ChatID) error {
	moved, err := t.allScheduled(func(s Scheduled) bool { return s.Order.Chat == from })
	for _, row := range moved {
		row.moveTo(to)
		if err := t.putScheduled(row); err != nil {
			return err
		}
	}
	return err
}

// doubtScheduled notes that orders for later may have gone out, or been cancelled, after the backup that holds them was made.
func (t *tx) doubtScheduled() error {
	all, err := t.allScheduled(func(Scheduled) bool { return true })
	for _, row := range all {
		row.Order.Doubtful = true
		if err := t.putScheduled(row); err != nil {
			return err
		}
	}
	return err
}

// scheduledTo tells whether an order for later is for n.
func (t *tx) scheduledTo(n sms.Number) (bool, error) {
	var bulks []BatchID
	found, err := t.allScheduled(func(s Scheduled) bool {
		if s.Order.Of != 0 {
			bulks = append(bulks, s.Order.Of)
		}
		return slices.Contains(slices.Concat(s.Order.Pieces...), n)
	})
	for _, id := range bulks {
		b, failed := t.batch(id)
		for i := 0; failed == nil && i < b.N; i++ {
			var m SMS
			if m, failed = t.sms(b.First + Seq(i)); m.Customer == n {
				return true, failed
			}
		}
		err = errors.Join(err, failed)
	}
	return len(found) > 0, err
}

// checkScheduled: each order for later is one, and has a time.
func (t *tx) checkScheduled(wrong func(string, ...any)) error {
	return t.bucket(bucketScheduled).ForEach(func(key, value []byte) error {
		s, err := t.readScheduled(key, value)
		if err != nil {
			return err
		}
		whole := len(s.Order.Pieces) > 0 && s.Order.Text != ""
		if s.Order.Of != 0 {
			b, err := t.batch(s.Order.Of)
			whole = err == nil && b.Bulk != nil && b.Decision == Later
		}
		if s.At.IsZero() || !whole || s.Order.Line == "" {
			wrong("scheduled order %d lacks something", s.ID)
		}
		return err
	})
}
