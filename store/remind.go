package store

import (
	"encoding/binary"
	"errors"
	"time"

	"peyk/internal/hours"
	"peyk/sms"
)

// Reminders are rows with a time: for each SMS that waits, when to remind the agents of it, later when to tell the admins. A row whose time has come
// looks at how things are by then: an SMS that waits no more, or behind another of its conversation, needs none; if a day was closed meanwhile, or the
// wait began anew, it comes later. With what it tells, the row of the next stage is written, and the stage noted: a restart neither repeats nor loses one.
// Times are counted in working hours.

// reminder is the stage of a row.
type reminder byte

const (
	remindAgents reminder = iota // as a reply to the SMS
	tellAdmins                   // and a claim that nothing came of ends
	reminders
)

// reminded is how many rows have their turn in one transaction.
const reminded = 100

// after is how long an SMS waits until then; 0 if nobody is told.
func (s *Store) after(r reminder) time.Duration {
	return [reminders]time.Duration{s.opts.RemindAfter, s.opts.EscalateAfter}[r]
}

// hours returns when the team works.
func (t *tx) hours() (hours.Calendar, error) {
	days, err := t.closed()
	return t.store.calendar(days), err
}

// remindOf writes the row of the first stage, from r on, of an SMS that waits since then.
func (t *tx) remindOf(seq Seq, since time.Time, r reminder) error {
	for ; r < reminders; r++ {
		if after := t.store.after(r); after > 0 {
			work, err := t.hours()
			if err != nil {
				return err
			}
			return t.bucket(bucketRemind).Put(dueKey(work.Add(since, after), seq), []byte{byte(r)})
		}
	}
	return nil
}

// Remind queues the reminders whose time has come. It returns how long to wait before calling it again.
func (s *Store) Remind() (wait time.Duration, err error) {
	if !s.clock().known { // a clock that is ahead would remind of all
		return time.Second, nil
	}
	wait = waitsRead
	err = s.view(func(t *tx) error {
		due, next, err := t.dueReminders()
		if len(due) > 0 {
			wait = 0
		} else if !next.IsZero() {
			wait = min(wait, max(next.Sub(t.now), time.Millisecond))
		}
		return err
	})
	if err != nil || wait > 0 {
		return wait, err
	}
	return 0, s.update(func(t *tx) error {
		due, _, err := t.dueReminders()
		if err != nil {
			return err
		}
		for key, r := range due {
			if err := t.bucket(bucketRemind).Delete([]byte(key)); err != nil {
				return err
			}
			if err := t.remind(Seq(binary.BigEndian.Uint64([]byte(key)[4:])), r, !dueAt([]byte(key)).After(t.now)); err != nil {
				return err
			}
		}
		return nil
	})
}

// dueReminders returns rows whose time has come, by key, and when the next one's will. One that is further off than any that is written now is of a clock
// that was ahead: its time has come, too.
func (t *tx) dueReminders() (due map[string]reminder, next time.Time, err error) {
	due = map[string]reminder{}
	work, err := t.hours()
	if err != nil {
		return due, next, err
	}
	c := t.bucket(bucketRemind).Cursor()
	key, value := c.First()
	for ; key != nil && !dueAt(key).After(t.now) && len(due) < reminded; key, value = c.Next() {
		due[string(key)] = reminder(value[0])
	}
	if key == nil || len(due) == reminded {
		return due, next, nil
	}
	next = dueAt(key)
	furthest := work.Add(t.now, max(t.store.opts.RemindAfter, t.store.opts.EscalateAfter))
	for key, value = c.Last(); key != nil && dueAt(key).After(furthest) && len(due) < reminded; key, value = c.Prev() {
		due[string(key)] = reminder(value[0])
	}
	return due, next, nil
}

// remind tells that an SMS waits for long, or notes when to, if that is later. Its row is gone, whose time has come, or was too far off to be of this clock.
func (t *tx) remind(seq Seq, r reminder, come bool) error {
	var u unanswered
	err := get(t.bucket(bucketWaiting), u64(uint64(seq)), &u)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	m, err := t.sms(seq)
	if err != nil {
		return err
	}
	if first, err := t.firstOf(m.Conversation); err != nil || first != seq {
		return err
	}
	clock, err := t.clockRow()
	if err != nil {
		return err
	}
	since := believed(u.since(m), clock.RightSince, t.now)
	if after := t.store.after(r); after > 0 && r >= u.Told {
		work, err := t.hours()
		if err != nil {
			return err
		}
		at := work.Add(since, after)
		if since.After(t.now) { // the clock went back: the wait counts from when that is found
			if at = t.now; !come {
				at = work.Add(t.now, after)
			}
		}
		if at.Unix() > t.now.Unix() {
			return t.bucket(bucketRemind).Put(dueKey(at, seq), []byte{byte(r)})
		}
		if err := t.tell(r, m, u); err != nil {
			return err
		}
	}
	return t.remindOf(seq, since, r+1)
}

// tell queues what tells that m, whose row is u, waits for long, and notes that it was told.
func (t *tx) tell(r reminder, m SMS, u unanswered) error {
	var err error
	if r == remindAgents {
		err = t.tellWaits(PostRemind, m, u.Shown)
	} else {
		err = t.escalate(m)
	}
	u.Told = r + 1
	return errors.Join(err, put(t.bucket(bucketWaiting), u64(uint64(m.Seq)), u))
}

// firstOf returns the first SMS of a conversation that waits; 0 if none does.
func (t *tx) firstOf(c sms.Conversation) (Seq, error) {
	waiting, err := t.waitingOf(c.Customer)
	for _, m := range waiting {
		if m.Line == c.Line {
			return m.Seq, err
		}
	}
	return 0, err
}

// escalate queues what tells the admins that nobody answers m, and ends the claim on its customer, as nothing came of it.
func (t *tx) escalate(m SMS) error {
	c, err := t.customer(m.Customer)
	if err != nil {
		return err
	}
	silent := ""
	if c.Claim.Held(t.now) {
		silent = c.Claim.Name
		c.Claim = Claim{}
		if err := errors.Join(t.putCustomer(c), t.showCards(c, 0)); err != nil {
			return err
		}
	}
	places, err := t.noticePlaces(false)
	if err != nil {
		return err
	}
	for _, p := range places {
		if _, err := t.addPost(Post{Chat: p.Chat, Topic: p.Topic, Kind: PostEscalate, Seq: m.Seq, Text: silent}); err != nil {
			return err
		}
	}
	return nil
}

// remind deletes the row of an SMS that is not kept any more.
func (p *pruning) remind(key, _ []byte) ([]byte, error) {
	if _, err := p.tx.sms(Seq(binary.BigEndian.Uint64(key[4:]))); !errors.Is(err, ErrNotFound) {
		return after(key), err
	}
	return after(key), p.delete(bucketRemind, key)
}
