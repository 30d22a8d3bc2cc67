package store

import (
	"errors"
	"time"
)

// A machine's clock may be wrong: some keep no time while they are off, a snapshot may have been restored, or somebody set it wrong.
// Telegram's clock is right, and every answer of Telegram's tells it. So the store deletes nothing for its age, and gives up nothing as too
// late, unless the clock is known to be right:
//
//   - While our clock and the Date of Telegram's answers disagree, Now is Telegram's time. Between two answers it goes on by the machine's
//     monotonic clock, which nobody sets.
//   - Nothing is pruned before Telegram has answered, or while the clocks disagree. Once they agree again, nothing counts as older than that
//     moment, as what was written before may bear any time.
//   - Updates that were taken age by the dates of newer messages.
//   - Until anything is known, no question expires, no delivery is given up, and nothing is asked about for having waited long.

// ClockOff is how far apart two clocks may be and still count as agreeing.
const ClockOff = 3 * time.Minute

// updatesKept is how old the updates are at most that we still get.
const updatesKept = aDay

// reading is what Telegram's clock showed, and what ours did then, which its user may have set since.
type reading struct{ telegrams, ours time.Time }

// at returns what Telegram's clock shows when ours shows now.
func (r reading) at(now time.Time) time.Time { return r.telegrams.Add(now.Sub(r.ours)) }

// apart tells whether two clocks do not agree. The monotonic part of a time knows nothing of that.
func apart(a, b time.Time) bool { return a.Round(0).Sub(b.Round(0)).Abs() > ClockOff }

// HeardAnswer tells the date of an answer of Telegram's that has just come, and how long ago it was asked for. Only two answers in a row make
// us believe that our clock is wrong.
func (s *Store) HeardAnswer(took time.Duration, dated time.Time) {
	now := s.opts.Now()
	r := reading{dated, now}
	// It was dated at some time in between: a stopped process or a slow network does not make our clock wrong.
	if asked := now.Round(0).Add(-took); dated.After(asked.Add(-ClockOff)) && dated.Before(now.Round(0).Add(ClockOff)) {
		r.telegrams = now.Round(0)
	}
	// A single one may come from a gateway, or may have been on its way while our clock was set.
	if last := s.suspect.Swap(&r); r.telegrams.Equal(now.Round(0)) || last != nil && !apart(last.at(now), r.telegrams) {
		s.answer.Store(&r)
	}
}

// HeardMessage tells the date of a new message that an update brought. It may be a day old.
func (s *Store) HeardMessage(dated time.Time) {
	s.message.Store(&reading{dated, s.opts.Now()})
	for {
		newest := s.newest.Load()
		if dated.Unix() <= newest || s.newest.CompareAndSwap(newest, dated.Unix()) {
			return
		}
	}
}

// clockState is what is known of our clock.
type clockState struct {
	now   time.Time     // the best known
	off   time.Duration // how far Telegram's clock is ahead of ours, when that is more than ClockOff
	known bool          // now can be believed
}

// right tells whether our own clock can be believed.
func (c clockState) right() bool { return c.known && c.off == 0 }

func (s *Store) clock() clockState {
	c := clockState{now: s.opts.Now()}
	answer, message := s.answer.Load(), s.message.Load()
	ours := c.now
	fits := func(at time.Time) bool { // whether a message that has come can bear its date
		if message == nil {
			return true
		}
		since := message.at(ours)
		return at.Round(0).After(since.Add(-ClockOff)) && at.Round(0).Before(since.Add(updatesKept+ClockOff))
	}
	if answer != nil {
		if telegrams := answer.at(ours); apart(telegrams, ours) {
			c.off = telegrams.Sub(ours.Round(0))
			if fits(telegrams) || !fits(ours) {
				c.now = telegrams
			}
		}
	}
	// A server of ours between Telegram and us has a clock of its own, perhaps this machine's: the messages know better.
	if c.off == 0 && message != nil && !fits(ours) {
		c.off = message.at(ours).Sub(ours.Round(0))
	}
	c.known = (answer != nil || message != nil) && fits(c.now)
	return c
}

// Now returns what time it is: by our clock, or by Telegram's when they are known to be apart.
func (s *Store) Now() time.Time { return s.clock().now }

// ClockHeard tells whether it is known by now if our clock is right or wrong.
func (s *Store) ClockHeard() bool {
	c := s.clock()
	return c.known || c.off != 0
}

// ClockOff returns how far Telegram's clock is ahead of ours, or 0 when they agree or that is not known.
func (s *Store) ClockOff() time.Duration { return s.clock().off }

// ClockRight tells whether our clock is known to be right, and was noted to be so.
func (s *Store) ClockRight() bool { return s.clockNoted.Load() && s.clock().right() }

// clockRow is what the file remembers of our clock.
type clockRow struct {
	Since      time.Time `json:"since,omitzero"`  // when it was found wrong, if it still is
	Doubt      bool      `json:"doubt,omitempty"` // it was set, and nobody knows whether it was wrong before or is now
	Told       time.Time `json:"told,omitzero"`   // when the admins were last told
	RightSince time.Time `json:"mended,omitzero"` // when it was found right again; nothing counts as older
}

// trusted tells whether our clock was last found right, with no doubt since.
func (r clockRow) trusted() bool { return r.Since.IsZero() && !r.Doubt }

// retellClock is the least time between two reports to the admins of a clock that goes wrong again and again.
const retellClock = aDay

// NoteClock notes whether our clock is right, by what was heard of Telegram's. It returns how far Telegram's is ahead if it is wrong, and
// whether that is new, or over: then it is logged. Admins are told when it begins.
func (s *Store) NoteClock() (off time.Duration, changed bool, err error) {
	off, changed, err = s.noteClock()
	switch {
	case err != nil:
		s.opts.Log.Debug("note the clock", "err", err) // tried again after the next answer
	case changed && off != 0:
		s.opts.Log.Warn("our clock and Telegram's are apart: nothing old is forgotten until they agree; set this machine's by NTP", "ahead", off.Round(time.Second).String())
	case changed:
		s.opts.Log.Info("our clock and Telegram's agree again")
	}
	return off, changed, err
}

func (s *Store) noteClock() (off time.Duration, changed bool, err error) {
	c := s.clock()
	if !c.known && c.off == 0 {
		return 0, false, nil
	}
	now := s.opts.Now()
	// It was set since the start, perhaps from a wrong time to the right one: what was written before bears the wrong one.
	stepped := !s.clockNoted.Load() && apart(now, s.opened.Round(0).Add(now.Sub(s.opened)))
	if wrong := c.off != 0; s.clockNoted.Load() && wrong == s.clockWrong.Load() {
		return c.off, false, nil
	}
	note := func(t *tx) error {
		row, err := t.clockRow()
		if err != nil {
			return err
		}
		next := row.noted(c, t.now, stepped)
		if changed = !next.Since.Equal(row.Since); next == row {
			return nil
		}
		if next.Told != row.Told {
			if err := t.addIncident(&Incident{Kind: ClockWrong, From: t.now, Off: c.off}); err != nil {
				return err
			}
		}
		return put(t.bucket(bucketMeta), keyClock, next)
	}
	var row clockRow
	err = s.view(func(t *tx) error { row, err = t.clockRow(); return err })
	if err == nil && row.noted(c, c.now, stepped) != row {
		err = s.update(note)
	}
	if err == nil {
		s.clockWrong.Store(c.off != 0)
		s.clockNoted.Store(true)
	}
	return c.off, changed, err
}

// noted returns what is remembered once c is known; stepped, that our clock was set since the start.
func (r clockRow) noted(c clockState, now time.Time, stepped bool) clockRow {
	switch {
	case c.off != 0 && r.Since.IsZero():
		r.Since = now
		if r.Told.IsZero() || now.Sub(r.Told).Abs() >= retellClock {
			r.Told = now
		}
	case c.right() && (!r.trusted() || stepped):
		r.Since, r.Doubt, r.RightSince = time.Time{}, false, now
	}
	return r
}

func (t *tx) clockRow() (row clockRow, err error) {
	if err = get(t.bucket(bucketMeta), keyClock, &row); errors.Is(err, ErrNotFound) {
		err = nil
	}
	return row, err
}

// doubtClock compares our clock at the start with what the process before this one wrote last: that cannot be later than now if both had the
// right time.
func (t *tx) doubtClock(last time.Time) error {
	if !last.After(t.now.Add(ClockOff)) {
		return nil
	}
	row, err := t.clockRow()
	if err != nil || row.Doubt {
		return err
	}
	row.Doubt = true
	return put(t.bucket(bucketMeta), keyClock, row)
}

// believed returns when something was that bears the time at: not before the clock was last found right again, and no later than now.
func believed(at, rightSince, now time.Time) time.Time {
	if !rightSince.IsZero() && (at.Before(rightSince) || at.After(now)) {
		return rightSince
	}
	return at
}

// readNewest reads the newest date of a message that was taken.
func (t *tx) readNewest() error {
	var newest time.Time
	if err := get(t.bucket(bucketMeta), keyNewest, &newest); err != nil {
		if errors.Is(err, ErrNotFound) {
			err = nil
		}
		return err
	}
	t.store.newest.Store(newest.Unix())
	return nil
}

// noteNewest returns the newest date of a message, and stores it; our own time while there is none.
func (t *tx) noteNewest() (time.Time, error) {
	newest := t.store.newest.Load()
	if newest == 0 {
		return t.now, nil
	}
	at := time.Unix(newest, 0).UTC()
	return at, put(t.bucket(bucketMeta), keyNewest, at)
}
