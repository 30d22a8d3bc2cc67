package store

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"peyk/sms"
)

// twoClocks are ours, which may be wrong, and Telegram's, which is not.
type twoClocks struct {
	*clock
	ahead time.Duration
}

func (c *twoClocks) set(ahead time.Duration) {
	c.pass(ahead - c.ahead)
	c.ahead = ahead
}

func (c *twoClocks) telegrams() time.Time { return c.now().Add(-c.ahead) }

// answer has Telegram answer, with its clock in the head.
func (c *twoClocks) answer(s *Store) {
	c.answers(s)
	_, _, err := s.NoteClock()
	if err != nil {
		panic(err)
	}
}

func (c *twoClocks) answers(s *Store) {
	for range 2 {
		s.HeardAnswer(0, c.telegrams())
	}
}

// message has a message come that was written just now.
func (c *twoClocks) message(s *Store) {
	s.HeardMessage(c.telegrams())
	if _, _, err := s.NoteClock(); err != nil {
		panic(err)
	}
}

// start opens the store as a process does that has not heard of Telegram yet.
func start(t *testing.T, path string, c *twoClocks) *Store {
	t.Helper()
	s := ok(Open(path, c.inbox(group)))
	s.db.NoSync = true
	t.Cleanup(func() {
		select {
		case <-s.done: // the test ended it
		default:
			must(t, errors.Join(s.Check(), s.Close()))
		}
	})
	return s
}

// TestAnUpdateIsTakenOnceWhateverTheClockShows has Telegram give an update again within the day it keeps it for.
func TestAnUpdateIsTakenOnceWhateverTheClockShows(t *testing.T) {
	both := func(c *twoClocks, s *Store) { c.answer(s); prune(t, s); c.message(s); prune(t, s) }
	messagesOnly := func(c *twoClocks, s *Store) { c.message(s); prune(t, s) }
	lying := func(c *twoClocks, s *Store) { s.HeardAnswer(0, c.now()); c.message(s); prune(t, s) }
	for name, test := range map[string]struct {
		first, then, later time.Duration // how far our clock is ahead
		hear               func(*twoClocks, *Store)
	}{
		"8 days ahead at the next start":            {0, 8 * aDay, 8 * aDay, both},
		"100 days ahead, and right again":           {0, 100 * aDay, 0, both},
		"8 days behind first, and right then":       {-8 * aDay, 0, 0, both},
		"from before there was a Telegram":          {-20000 * aDay, 0, 0, both},
		"no clock in the answers, but in messages":  {0, 8 * aDay, 8 * aDay, messagesOnly},
		"a server of our own tells our own time":    {0, 8 * aDay, 9 * aDay, lying},
		"behind at the next start, and far ahead":   {0, -3 * aDay, 30 * aDay, both},
		"far ahead first, right and far ahead then": {30 * aDay, 0, 60 * aDay, both},
	} {
		t.Run(name, func(t *testing.T) {
			path, c := tempFile(t), &twoClocks{clock: newClock()}
			k := UpdateKey{Chat: group, Message: 9}
			c.set(test.first)
			s := start(t, path, c)
			prune(t, s)
			test.hear(c, s)
			ok(s.Take(k, Caused{Order: order(ali)}))
			p := claim(t, s)
			must(t, s.Sent(p, accepted(p), nil))
			crash(t, s)

			c.set(test.then)
			s = start(t, path, c)
			prune(t, s)
			test.hear(c, s)
			c.set(test.later)
			test.hear(c, s)
			c.pass(aDay - time.Minute)
			test.hear(c, s)
			if _, err := s.Take(k, Caused{Order: order(ali)}); !errors.Is(err, ErrTaken) {
				t.Errorf("the update was taken again: %v", err)
			}
			if got := queued(t, s); len(got) > 0 {
				t.Errorf("%d pieces are sent again", len(got))
			}
		})
	}
}

// TestAFarDateOfOneMessageForgetsNothing: no message can bear it, but what reads strangers' bytes must not believe all.
func TestAFarDateOfOneMessageForgetsNothing(t *testing.T) {
	c := &twoClocks{clock: newClock()}
	s := start(t, tempFile(t), c)
	c.answer(s)
	k := UpdateKey{Chat: group, Message: 9}
	s.HeardMessage(c.now())
	ok(s.Take(k, Caused{}))
	for _, far := range []time.Time{time.Unix(1<<40, 0), time.Unix(1, 0), c.now().Add(8 * aDay)} {
		s.HeardMessage(far)
		prune(t, s)
		c.answer(s)
		s.HeardMessage(c.now())
		prune(t, s)
		if !ok(s.Taken(k)) {
			t.Fatalf("a message of %v made a taken update be forgotten", far)
		}
	}
}

// TestAWrongClockForgetsNothing has one of everything that is forgotten one day, and clocks that say the day has come.
func TestAWrongClockForgetsNothing(t *testing.T) {
	for name, test := range map[string]struct {
		written, wrong time.Duration // how far our clock is ahead when all is written, and then
		heard          bool          // whether Telegram answers meanwhile
	}{
		"100 days ahead, Telegram is silent":   {0, 100 * aDay, false},
		"100 days ahead":                       {0, 100 * aDay, true},
		"ten years ahead":                      {0, 3653 * aDay, true},
		"written 100 days ago, as it seemed":   {-100 * aDay, 0, true},
		"written in 1970, as it seemed":        {-20000 * aDay, 0, true},
		"written in 1970, and silence":         {-20000 * aDay, 0, false},
		"written ten years ahead, right again": {3653 * aDay, 0, true},
		"a month behind, then a year ahead":    {-30 * aDay, 365 * aDay, true},
	} {
		t.Run(name, func(t *testing.T) {
			path, c := tempFile(t), &twoClocks{clock: newClock()}
			right := start(t, path, c) // a day on which all was well
			c.answer(right)
			must(t, right.Close())

			c.pass(aDay)
			c.set(test.written)
			s := start(t, path, c)
			if test.heard {
				c.answer(s)
			}
			filled(t, s, c.clock)
			showAll(t, s)
			before := rows(t, s)
			crash(t, s)
			c.set(test.wrong)
			s = start(t, path, c)
			showAll(t, s)
			before["link"], before["post"] = rows(t, s)["link"], 0
			check := func(when string) {
				t.Helper()
				showAll(t, s)
				after := rows(t, s)
				for bucket, n := range before {
					if bucket != "link" && after[bucket] < n {
						t.Errorf("%s: %s has %d rows, had %d", when, bucket, after[bucket], n)
					}
				}
			}
			prune(t, s)
			check("before Telegram answered")
			if test.heard {
				c.answer(s)
			}
			c.message(s)
			prune(t, s)
			check("when it had answered")
			c.set(0)
			c.answer(s)
			prune(t, s)
			check("when our clock was right again")
			delete(before, "import") // kept for an hour
			delete(before, "contacts")
			c.pass(6 * aDay)
			c.answer(s)
			s.HeardMessage(c.telegrams())
			prune(t, s)
			check("6 days later")
			must(t, s.Check())
			// In the end all goes as it would have, or somewhat later.
			for range 4 {
				c.pass(400 * aDay)
				c.answer(s)
				s.HeardMessage(c.telegrams())
				prune(t, s)
			}
			for bucket, n := range rows(t, s) {
				if bucket == "taken" || bucket == "spent" || bucket == "credit" {
					t.Errorf("%s has %d rows in the end", bucket, n)
				}
			}
		})
	}
}

// TestAQuestionWaitsByTheRightClock asks at ten, and looks what is left of it 5 and 20 minutes later.
// TestAServerThatDatesWronglyForgetsNoSMS has a server between Telegram and us date everything four years ahead for a while. The panel marks nothing as
// read: what it hands out again must be known for what it is.
func TestAServerThatDatesWronglyForgetsNoSMS(t *testing.T) {
	path, c := tempFile(t), &twoClocks{clock: newClock()}
	s := start(t, path, c)
	c.answer(s)
	m := unread(c.clock, "hello")
	fetched(t, s, m)
	crash(t, s)
	c.pass(2 * time.Hour)
	c.ahead = -4 * 365 * aDay
	s = start(t, path, c)
	c.answer(s)
	fetched(t, s, m)
	c.message(s)
	c.pass(2 * time.Hour)
	fetched(t, s, m)
	crash(t, s)
	c.ahead = 0
	s = start(t, path, c)
	c.answer(s)
	prune(t, s)
	if n := fetched(t, s, m); n != 0 {
		t.Errorf("%d SMS that the panel handed out again are taken for new", n)
	}
}

func TestAQuestionWaitsByTheRightClock(t *testing.T) {
	for name, jump := range map[string]time.Duration{
		"an hour ahead": time.Hour, "8 days ahead": 8 * aDay, "an hour behind": -time.Hour, "a year behind": -365 * aDay, "right": 0,
	} {
		t.Run(name, func(t *testing.T) {
			path, c := tempFile(t), &twoClocks{clock: newClock()}
			s := start(t, path, c)
			c.answer(s)
			id := take(t, s, asking(ali))
			crash(t, s)
			c.pass(5 * time.Minute)
			c.set(jump)
			s = start(t, path, c)
			if wait := ok(s.Expire()); wait > time.Minute {
				t.Errorf("looks again after %v, though Telegram may answer at once", wait)
			}
			c.answer(s)
			ok(s.Expire())
			if got := ok(s.Batch(id)).State; got != Asking {
				t.Fatalf("after 5 minutes it is %s", got)
			}
			c.message(s)
			c.pass(15 * time.Minute)
			c.answer(s)
			if _, err := s.Decide(id, 1, Send, "Ali"); !errors.Is(err, ErrExpired) {
				t.Errorf("after 20 minutes [Send] gives %v", err)
			}
			ok(s.Expire())
			if got := ok(s.Batch(id)).State; got != Expired {
				t.Errorf("after 20 minutes it is %s", got)
			}
		})
	}
}

// TestALatePressEndsItsQuestion has a server in between tell another time than messages do: nothing expires by itself then.
func TestALatePressEndsItsQuestion(t *testing.T) {
	c := &twoClocks{clock: newClock()}
	s := start(t, tempFile(t), c)
	c.answer(s)
	id := take(t, s, asking(numbers(61)...))
	c.pass(16 * time.Minute)
	s.HeardMessage(c.telegrams().Add(4 * time.Hour))
	ok(s.Expire())
	if got := ok(s.Batch(id)).State; got != Asking {
		t.Fatalf("by a clock that nobody believes the question is %s", got)
	}
	if _, err := s.Decide(id, 1, Cancel, "Ali"); !errors.Is(err, ErrExpired) {
		t.Errorf("after 16 minutes [Cancel] gives %v", err)
	}
	if b := ok(s.Batch(id)); b.State != Expired || b.Dropped != 61 || b.DecidedBy != "" || !reported(t, s, id) {
		t.Errorf("who pressed was told that it was too late, and the question is %s: %+v", b.State, b)
	}
}

// TestDeliveryIsFollowedByTheRightClock sends an SMS and has the clock jump before its first report.
func TestDeliveryIsFollowedByTheRightClock(t *testing.T) {
	for name, test := range map[string]struct{ sent, then, before time.Duration }{
		"four days ahead":                 {then: 4 * aDay},
		"a year ahead":                    {then: 365 * aDay},
		"four days behind":                {then: -4 * aDay},
		"sent by one a year behind":       {sent: -365 * aDay},
		"sent by one two days ahead":      {sent: 2 * aDay},
		"sent by one ahead, still so":     {sent: 30 * aDay, then: 30 * aDay},
		"sent by one behind, then ahead":  {sent: -3 * aDay, then: 3 * aDay},
		"sent in 1970, then far too late": {sent: -20000 * aDay, then: 3 * aDay},
		"four days behind all the time":   {-4 * aDay, -4 * aDay, -4 * aDay},
	} {
		t.Run(name, func(t *testing.T) {
			path, c := tempFile(t), &twoClocks{clock: newClock()}
			c.set(test.before)
			s := start(t, path, c)
			if test.before == 0 {
				c.answer(s)
			}
			must(t, s.Close())
			c.set(test.sent)
			s = start(t, path, c)
			id := sent(t, s, 1)
			crash(t, s)
			c.set(test.then)
			s = start(t, path, c)
			m := ok(s.Recipients(ok(s.Batch(id)), 0, 1))[0]
			for _, when := range []struct {
				name string
				do   func(*Store)
			}{{"before Telegram answers", func(*Store) {}}, {"before its answer is noted", c.answers}, {"once it is", c.answer}} {
				when.do(s)
				must(t, s.SetDelivery([]Report{{Seq: m.Seq, Status: sms.AtTelecom}}))
				if m := ok(s.SMS(m.Seq)); m.Due.IsZero() {
					t.Errorf("given up %s", when.name)
				}
			}
			c.pass(time.Minute)
			c.answer(s)
			due, next, err := s.Due(1)
			must(t, err)
			if len(due) == 0 && next.Sub(s.Now()) > time.Hour+time.Second {
				t.Errorf("asked for again in %v", next.Sub(s.Now()))
			}
		})
	}
}

// TestACapIsADaysWhateverTheClockShows has an agent order all of a day, and the clock show other days.
func TestACapIsADaysWhateverTheClockShows(t *testing.T) {
	for name, ahead := range map[string]time.Duration{"the next day": aDay, "the day before": -aDay, "100 days ahead": 100 * aDay} {
		for _, lies := range []bool{false, true} { // whether Telegram's answers bear our own time, and only messages the right one
			c := &twoClocks{clock: newClock()}
			s := open(t, tempFile(t), c.capped(t))
			s.HeardMessage(c.telegrams())
			ok(s.Take(UpdateKey{Chat: group, Message: 1}, Caused{Order: parts(1, numbers(s.opts.DailyParts)...)}))
			c.set(ahead)
			if lies {
				s.HeardAnswer(0, c.now())
			} else {
				c.answers(s)
			}
			s.HeardMessage(c.telegrams())
			var over *OverCap
			if _, err := s.Take(UpdateKey{Chat: group, Message: 2}, Caused{Order: parts(1, ali)}); !errors.As(err, &over) && !(lies && ahead == aDay) {
				// A message may be a day old: within that nothing tells that our clock is wrong.
				t.Errorf("%s: got %v, want an OverCap", name, err)
			}
		}
	}
}

func TestAWrongClockIsToldOnce(t *testing.T) {
	path, c := tempFile(t), &twoClocks{clock: newClock()}
	s := start(t, path, c)
	note := func(wantOff time.Duration, wantChanged bool) {
		t.Helper()
		c.answers(s)
		if off, changed, err := s.NoteClock(); off != wantOff || changed != wantChanged || err != nil {
			t.Errorf("got %v, %t, %v, want %v, %t", off, changed, err, wantOff, wantChanged)
		}
	}
	clockTold := func() (n int) {
		for _, i := range ok(s.Incidents()) {
			if i.Kind == ClockWrong {
				n++
			}
		}
		return n
	}
	note(0, false)
	c.set(2 * time.Minute)
	note(0, false)
	c.set(8 * aDay)
	note(-8*aDay, true)
	note(-8*aDay, false)
	crash(t, s)
	s = start(t, path, c)
	note(-8*aDay, false) // told by the process before
	if got := told(t, s); !cmp.Equal(got, map[sms.ChatID][]IncidentKind{admin: {ClockWrong}}) {
		t.Errorf("told %v", got)
	}
	c.set(0)
	note(0, true)
	c.set(-time.Hour)
	note(time.Hour, true)
	c.set(0)
	note(0, true)
	if n := clockTold(); n != 1 {
		t.Errorf("told %d times of a clock that comes and goes, want 1", n)
	}
	c.pass(2 * aDay)
	c.set(time.Hour)
	note(-time.Hour, true)
	if n := clockTold(); n != 2 {
		t.Errorf("told %d times, want again when it is another day's", n)
	}
}

// TestAProcessThatStoodStillHasARightClock gets an answer that lay on the way, or before a stopped process, for an hour.
func TestAProcessThatStoodStillHasARightClock(t *testing.T) {
	c := newClock()
	s := open(t, filepath.Join(t.TempDir(), "peyk.db"), c.options())
	dated := c.now()
	c.pass(time.Hour)
	s.HeardAnswer(time.Hour+time.Second, dated)
	if !s.ClockRight() || !s.Now().Equal(c.now()) {
		t.Errorf("it is %v, want %v", s.Now(), c.now())
	}
	s.HeardAnswer(time.Second, dated)
	if !s.ClockRight() {
		t.Error("one odd answer was believed")
	}
	s.HeardAnswer(time.Second, dated)
	if s.ClockRight() || !s.Now().Equal(dated) {
		t.Errorf("it is %v, want Telegram's %v", s.Now(), dated)
	}
}

// TestWhenTheClockIsHeardOf: what waits for that waits for no answer that never comes, as of a server of ours whose clock is as wrong as ours.
func TestWhenTheClockIsHeardOf(t *testing.T) {
	for name, test := range map[string]struct {
		ahead time.Duration
		hear  func(*twoClocks, *Store)
		heard bool
	}{
		"nothing yet":                               {0, func(*twoClocks, *Store) {}, false},
		"an answer that agrees":                     {0, func(c *twoClocks, s *Store) { s.HeardAnswer(0, c.telegrams()) }, true},
		"one answer that does not":                  {aDay, func(c *twoClocks, s *Store) { s.HeardAnswer(0, c.telegrams()) }, false},
		"two of them":                               {aDay, func(c *twoClocks, s *Store) { c.answers(s) }, true},
		"a message":                                 {0, func(c *twoClocks, s *Store) { s.HeardMessage(c.telegrams()) }, true},
		"a message of another year":                 {-400 * aDay, func(c *twoClocks, s *Store) { s.HeardMessage(c.telegrams()) }, true},
		"our own wrong time, and a message, behind": {-400 * aDay, func(c *twoClocks, s *Store) { s.HeardAnswer(0, c.now()); s.HeardMessage(c.telegrams()) }, true},
		"our own wrong time, and a message, ahead":  {400 * aDay, func(c *twoClocks, s *Store) { s.HeardAnswer(0, c.now()); s.HeardMessage(c.telegrams()) }, true},
	} {
		t.Run(name, func(t *testing.T) {
			c := &twoClocks{clock: newClock()}
			c.set(test.ahead)
			s := start(t, tempFile(t), c)
			test.hear(c, s)
			if got := s.ClockHeard(); got != test.heard {
				t.Errorf("got %t: %+v", got, s.clock())
			}
		})
	}
}

// TestThePaceIsKeptByOurOwnClock has the next start find, by its own clock, when a group's last messages were posted: it knows no other yet.
func TestThePaceIsKeptByOurOwnClock(t *testing.T) {
	for name, ahead := range map[string]time.Duration{"ahead": 5 * time.Hour, "behind": -5 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			path, c := tempFile(t), &twoClocks{clock: newClock()}
			c.set(ahead)
			s := start(t, path, c)
			c.answer(s)
			fetched(t, s, unread(c.clock, "one"))
			must(t, s.Posted(heads(t, s)[0], 10, false))
			recent := ok(s.Chat(group)).Recent
			if len(recent) != 1 || time.UnixMilli(recent[0]).Sub(c.now()).Abs() > time.Second {
				t.Errorf("it is %v, the last message was posted at %v", c.now(), recent)
			}
			must(t, s.Close())
			if ended := start(t, path, c).Ended(); !ended.Equal(c.now()) {
				t.Errorf("it is %v, the process before ended at %v", c.now(), ended)
			}
		})
	}
}

// TestPatienceIsNotedByOurClock has Telegram's be apart from ours: the next start knows no other.
func TestPatienceIsNotedByOurClock(t *testing.T) {
	c := &twoClocks{clock: newClock()}
	s := start(t, tempFile(t), c)
	c.set(3 * time.Hour)
	c.answer(s)
	if s.ClockOff() == 0 {
		t.Fatal("the clocks agree")
	}
	must(t, s.HoldChat(group, time.Minute))
	if held := ok(s.Chat(group)).Held; !held.Equal(c.now().Add(time.Minute)) {
		t.Errorf("held until %v, want a minute from %v on", held, c.now())
	}
}
