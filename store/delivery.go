package store

import (
	"encoding/binary"
	"time"

	"peyk/sms"
)

// FollowFor is how long delivery is followed after the panel took the SMS, by pauses that grow to at most maxPause.
const FollowFor = 48 * time.Hour

const (
	maxPause = time.Hour
	mostAsks = int(FollowFor / maxPause)
	// doubtFor is how long what Failed, but not finally, is still followed: it may arrive yet.
	doubtFor = 6 * time.Hour
)

// StatusInterval returns the first pause before delivery is asked for.
func (s *Store) StatusInterval() time.Duration { return s.opts.StatusInterval }

// Report is what the panel said of the delivery of one SMS. A Status of sms.Queued stands for an answer that says nothing.
type Report struct {
	Seq    Seq
	Status sms.Status
	Reason sms.Reason
	// Unanswered says that it did not answer at all, and may know more.
	Unanswered bool
}

// Due returns the SMS whose delivery is to be asked for now, at most limit, and when the next one will be.
func (s *Store) Due(limit int) (due []SMS, next time.Time, err error) {
	err = s.view(func(t *tx) error {
		due, next = nil, time.Time{}
		c := t.bucket(bucketDue).Cursor()
		for key, _ := c.First(); key != nil; key, _ = c.Next() {
			if at := dueAt(key); at.After(t.now) || len(due) == limit {
				next = at
				break
			}
			m, err := t.sms(Seq(binary.BigEndian.Uint64(key[4:])))
			if err != nil {
				return err
			}
			due = append(due, m)
		}
		longest := maxPause + t.store.opts.StatusInterval
		for key, _ := c.Last(); key != nil && len(due) < limit && dueAt(key).After(t.now) && !PutOff(dueAt(key), t.now, longest); key, _ = c.Prev() {
			m, err := t.sms(Seq(binary.BigEndian.Uint64(key[4:])))
			if err != nil {
				return err
			}
			due = append(due, m)
		}
		return nil
	})
	return due, next, err
}

func dueAt(key []byte) time.Time { return time.Unix(int64(binary.BigEndian.Uint32(key)), 0) }

// PutOff tells whether something is to wait until at that is never put off for longer than longest: what seems to be was put off by a
// clock that was ahead, and must not wait until then.
func PutOff(at, now time.Time, longest time.Duration) bool {
	return at.After(now) && at.Before(now.Add(longest))
}

// SetDelivery stores what the panel reported and reports the batches it changes. A final status never goes back.
func (s *Store) SetDelivery(reports []Report) error {
	return s.update(func(t *tx) error {
		clock, err := t.clockRow()
		if err != nil {
			return err
		}
		changed := map[BatchID]*Batch{}
		for _, r := range reports {
			before, err := t.sms(r.Seq)
			if err != nil {
				return err
			}
			if before.final() {
				continue
			}
			m, err := t.reported(before, r, clock)
			if err != nil {
				return err
			}
			if m.Status != before.Status {
				tally(&t.commit.Statuses, m.Status)
			}
			if m.Status == before.Status && m.Reason == before.Reason && unfollowed(m) == unfollowed(before) {
				continue // nothing new to show
			}
			b := changed[m.Batch]
			if b == nil {
				row, err := t.batch(m.Batch)
				if err != nil {
					return err
				}
				b = &row
				changed[m.Batch] = b
			}
			b.count(before, -1)
			b.count(m, +1)
		}
		for _, b := range changed {
			if err := t.report(*b, 0); err != nil {
				return err
			}
		}
		return nil
	})
}

// reported stores what was reported of m, and when to ask next.
func (t *tx) reported(m SMS, r Report, clock clockRow) (SMS, error) {
	if r.Status != sms.Queued {
		m.Status, m.Reason = r.Status, r.Reason
	}
	m.Asked++
	next := nextAsk(m, believed(m.Time, clock.RightSince, t.now), t.store.opts.StatusInterval, t.now)
	// Nobody may know how old it is, but we know how often it was asked about.
	ageUnknown := !t.store.clock().right() || !clock.trusted() || m.Time.After(t.now.Add(ClockOff))
	if next.IsZero() && !m.final() && (ageUnknown || r.Unanswered) && m.Asked < mostAsks {
		next = t.now.Add(maxPause)
	}
	if err := t.setDue(&m, next); err != nil {
		return m, err
	}
	return m, t.putSMS(m)
}

func (m SMS) final() bool { return m.Status.Final(m.Reason) }

// unfollowed tells whether m was accepted and nobody is going to ask how it went on.
func unfollowed(m SMS) bool {
	return (m.Status == sms.Sent || m.Status == sms.AtTelecom) && m.Due.IsZero()
}

// nextAsk returns when to ask again for the delivery of m, which was sent then; zero is never.
func nextAsk(m SMS, sent time.Time, interval time.Duration, now time.Time) time.Time {
	if m.final() {
		return time.Time{}
	}
	pause := interval
	for range m.Asked {
		if pause = pause * 3 / 2; pause >= maxPause {
			pause = maxPause
			break
		}
	}
	limit := FollowFor
	if m.Status == sms.Failed {
		limit = doubtFor
	}
	next := now.Add(pause)
	if next.Sub(sent).Abs() > limit { // also of one sent by a clock that was ahead
		return time.Time{}
	}
	return next
}

// setDue moves m in the schedule; zero takes it out. The caller stores m.
func (t *tx) setDue(m *SMS, at time.Time) error {
	rows := t.bucket(bucketDue)
	if !m.Due.IsZero() {
		if err := rows.Delete(dueKey(m.Due, m.Seq)); err != nil {
			return err
		}
	}
	m.Due = at
	if at.IsZero() {
		return nil
	}
	// The key has whole seconds: rounding up keeps a short interval from being asked for too early.
	m.Due = at.Add(time.Second - 1).Truncate(time.Second)
	return rows.Put(dueKey(m.Due, m.Seq), nil)
}

// ByID returns the SMS the panel calls id, or ErrNotFound.
func (s *Store) ByID(id sms.ID) (SMS, error) {
	var m SMS
	err := s.view(func(t *tx) error {
		seq := t.bucket(bucketID).Get([]byte(id))
		if seq == nil {
			return ErrNotFound
		}
		var err error
		m, err = t.sms(Seq(binary.BigEndian.Uint64(seq)))
		return err
	})
	return m, err
}
