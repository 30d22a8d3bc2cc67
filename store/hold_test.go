package store

import (
	"errors"
	"sync"
	"testing"
	"time"

	"peyk/sms"
)

// lateOnes has all that has waited too long asked about.
func lateOnes(tb testing.TB, s *Store) (asked int) {
	tb.Helper()
	late := map[BatchID]bool{}
	must(tb, s.Queued(func(p Piece, _ Batch, _ []sms.Number) bool {
		late[p.Batch] = late[p.Batch] || p.Late
		return true
	}))
	for id, is := range late {
		if is {
			must(tb, s.AskLate(id))
			asked++
		}
	}
	return asked
}

// TestWhatIsLate: an order is late when somebody said longer than an hour ago that it be sent, however often it was tried since.
func TestWhatIsLate(t *testing.T) {
	for _, tc := range []struct {
		name string
		wait func(t *testing.T, s *Store, c *clock, id BatchID)
		late bool
	}{
		{"59 minutes", func(t *testing.T, s *Store, c *clock, id BatchID) { c.pass(59 * time.Minute) }, false},
		{"an hour", func(t *testing.T, s *Store, c *clock, id BatchID) { c.pass(time.Hour) }, false},
		{"61 minutes", func(t *testing.T, s *Store, c *clock, id BatchID) { c.pass(61 * time.Minute) }, true},
		{"tried every minute", func(t *testing.T, s *Store, c *clock, id BatchID) {
			for range 61 {
				must(t, s.Wait(claim(t, s), LoginRefused, c.now()))
				c.pass(time.Minute)
			}
		}, true},
		{"a clock put back by a day", func(t *testing.T, s *Store, c *clock, id BatchID) { c.pass(-24 * time.Hour) }, true},
		{"a clock put back by a minute", func(t *testing.T, s *Store, c *clock, id BatchID) { c.pass(-time.Minute) }, false},
		{"sent again after a day of doubt", func(t *testing.T, s *Store, c *clock, id BatchID) {
			must(t, s.Uncertain(claim(t, s)))
			c.pass(24 * time.Hour)
			ok(s.Decide(id, ok(s.Batch(id)).Generation, Again, "Ali"))
			c.pass(time.Minute)
		}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			path, c := tempFile(t), newClock()
			s := open(t, path, c.options())
			id := take(t, s, order(ali))
			tc.wait(t, s, c, id)
			crash(t, s)
			s = open(t, path, c.options())
			if asked := lateOnes(t, s); (asked == 1) != tc.late {
				t.Errorf("%d are asked about", asked)
			}
			b := ok(s.Batch(id))
			if (b.State == Asking) != tc.late || (len(queued(t, s)) == 0) != tc.late {
				t.Errorf("it is %s, %d queued", b.State, len(queued(t, s)))
			}
		})
	}
}

// TestALateBatchThatIsPartlySent has of four pieces one sent, one uncertain, one under way and one waiting.
func TestALateBatchThatIsPartlySent(t *testing.T) {
	for _, tc := range []struct {
		end     string
		state   BatchState
		queued  int
		dropped int
	}{{"send", Going, 1, 0}, {"cancel", Going, 0, 60}, {"expire", Going, 0, 60}, {"requeued", Asking, 0, 0}} {
		t.Run(tc.end, func(t *testing.T) {
			path, c := tempFile(t), newClock()
			opts := c.options()
			opts.DailyParts = 240
			s := open(t, path, opts)
			id := take(t, s, order(numbers(240)...))
			p := claim(t, s)
			must(t, s.Sent(p, accepted(p), nil))
			must(t, s.Uncertain(claim(t, s)))
			c.pass(2 * time.Hour)
			under := claim(t, s)
			lateOnes(t, s)
			b := ok(s.Batch(id))
			if b.State != Asking || !b.Late || b.Uncertain != 60 || len(queued(t, s)) != 0 {
				t.Fatalf("got %+v", b)
			}
			question := b.Generation
			switch tc.end {
			case "send":
				ok(s.Decide(id, question, Send, "Ali")) // of the day it was counted when it was ordered
			case "cancel":
				ok(s.Decide(id, question, Cancel, "Ali"))
			case "expire":
				c.pass(askFor)
				if _, err := s.Decide(id, question, Send, "Ali"); !errors.Is(err, ErrExpired) {
					t.Errorf("a late [Send]: %v", err)
				}
				ok(s.Expire())
			case "requeued":
				must(t, s.Wait(under, PanelDown, c.now()))
				lateOnes(t, s)
				if b := ok(s.Batch(id)); b.Generation == question || b.State != Asking {
					t.Errorf("what came back is not asked about with the others: %+v", b)
				}
			}
			b = ok(s.Batch(id))
			if b.State != tc.state || len(queued(t, s)) != tc.queued || b.Dropped != tc.dropped || b.Uncertain != 60 {
				t.Errorf("got %+v, %d queued", b, len(queued(t, s)))
			}
			if _, err := s.Decide(id, question, Send, "Sara"); err == nil {
				t.Error("decided twice")
			}
			ok(s.Decide(id, b.Generation, WasSent, "Sara")) // the uncertain one is another question
			if tc.end != "requeued" {
				must(t, s.Sent(under, accepted(under), nil))
			}
			must(t, s.Check())
		})
	}
}

// TestCancelOfWhatWaits: who presses calls off what is queued and nothing else, in one transaction.
func TestCancelOfWhatWaits(t *testing.T) {
	t.Run("all of it", func(t *testing.T) {
		c := newClock()
		s := open(t, tempFile(t), c.options())
		id := take(t, s, order(numbers(61)...))
		must(t, s.Hold(PanelDown, c.now(), ""))
		b := ok(s.Decide(id, 0, Cancel, "Ali"))
		if b.State != Cancelled || len(queued(t, s)) != 0 {
			t.Errorf("got %+v", b)
		}
		if _, err := s.Decide(id, 0, Cancel, "Sara"); !errors.Is(err, ErrDecided) {
			t.Errorf("pressed again: %v", err)
		}
	})
	t.Run("a part", func(t *testing.T) {
		c := newClock()
		s := open(t, tempFile(t), c.options())
		id := take(t, s, order(numbers(120)...))
		p := claim(t, s)
		b := ok(s.Decide(id, 0, Cancel, "Ali"))
		if b.State != Going || b.Dropped != 60 {
			t.Errorf("got %+v", b)
		}
		must(t, s.Sent(p, accepted(p), nil))
		must(t, s.Check())
	})
	t.Run("what is under way", func(t *testing.T) {
		c := newClock()
		s := open(t, tempFile(t), c.options())
		id := take(t, s, order(ali))
		p := claim(t, s)
		if _, err := s.Decide(id, 0, Cancel, "Ali"); !errors.Is(err, ErrInFlight) {
			t.Errorf("got %v", err)
		}
		must(t, s.Wait(p, LoginRefused, c.now()))
		ok(s.Decide(id, 0, Cancel, "Ali"))
		if _, err := s.Reserve(p, "", false); !errors.Is(err, ErrDecided) {
			t.Errorf("claimed after [Cancel]: %v", err)
		}
	})
	t.Run("what was sent", func(t *testing.T) {
		c := newClock()
		s := open(t, tempFile(t), c.options())
		id := take(t, s, order(ali))
		p := claim(t, s)
		must(t, s.Sent(p, accepted(p), nil))
		if _, err := s.Decide(id, 0, Cancel, "Ali"); !errors.Is(err, ErrDecided) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("at the same moment", func(t *testing.T) {
		for range 20 {
			c := newClock()
			s := open(t, tempFile(t), c.options())
			id := take(t, s, order(ali))
			waiting := queued(t, s)[0]
			var all sync.WaitGroup
			var pressed, claimed error
			all.Go(func() { _, pressed = s.Decide(id, 0, Cancel, "Ali") })
			all.Go(func() { _, claimed = s.Reserve(waiting, "", false) })
			all.Wait()
			if (pressed == nil) == (claimed == nil) {
				t.Errorf("pressed: %v; claimed: %v", pressed, claimed)
			}
		}
	})
}

// TestHoldIsToldOnceAndOutlivesAKill: one incident at the beginning, told again at the end, and orders of before and after say so.
func TestHoldIsToldOnceAndOutlivesAKill(t *testing.T) {
	path, c := tempFile(t), newClock()
	opts := c.inbox(group)
	opts.Admins = []sms.AgentID{admin}
	s := open(t, path, opts)
	before := take(t, s, order(ali))
	c.pass(statusDelay)
	shown(t, s)
	for range 3 {
		must(t, s.Hold(PanelDown, c.now(), ""))
		crash(t, s)
		s = open(t, path, opts)
	}
	after := take(t, s, order(sara))
	for _, id := range []BatchID{before, after} {
		if b := ok(s.Batch(id)); b.Waits != PanelDown || !reported(t, s, id) {
			t.Errorf("batch %d waits for %q, reported: %t", id, b.Waits, reported(t, s, id))
		}
	}
	if diff := told(t, s); len(diff[group]) != 0 || len(diff[admin]) != 1 {
		t.Errorf("told: %v, want the admin alone, once", diff)
	}
	shown(t, s)
	must(t, s.Hold(LoginRefused, c.now(), "who are you?")) // the one trouble ends, the other begins
	if got := told(t, s)[admin]; len(got) != 2 {
		t.Errorf("told %v", got)
	}
	shown(t, s)
	c.pass(time.Minute)
	must(t, s.Release())
	must(t, s.Release())
	if got := told(t, s)[admin]; len(got) != 1 || ok(s.Held()) != "" {
		t.Errorf("told %v", got)
	}
	for _, i := range ok(s.Incidents()) {
		if i.To.IsZero() || i.Lasts {
			t.Errorf("%+v is not over", i)
		}
	}
}

// TestWhatWaitsFollowsTheGroup: the buttons of before stay in the old group, where nobody can press them.
func TestWhatWaitsFollowsTheGroup(t *testing.T) {
	const super = group - 1000
	for name, prepare := range map[string]func(s *Store, c *clock){
		"down":    func(s *Store, c *clock) { must(t, s.Hold(PanelDown, c.now(), "")) },
		"refused": func(s *Store, c *clock) { must(t, s.Wait(claim(t, s), LoginRefused, c.now())) },
		"late": func(s *Store, c *clock) {
			c.pass(2 * time.Hour)
			lateOnes(t, s)
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newClock()
			s := open(t, tempFile(t), c.inbox(group))
			id := take(t, s, order(ali))
			prepare(s, c)
			shown(t, s)
			must(t, s.MigrateChat(group, super))
			if b := ok(s.Batch(id)); b.Chat != super || !reported(t, s, id) {
				t.Errorf("%+v, reported: %t", b, reported(t, s, id))
			}
		})
	}
}

// TestWhatIsKeptOfATroubleIsBounded has a panel give many answers that cannot be read.
func TestWhatIsKeptOfATroubleIsBounded(t *testing.T) {
	body := func(n, size int) []byte {
		b := make([]byte, size)
		copy(b, []byte{byte(n), byte(n >> 8), byte(n >> 16)})
		return b
	}
	for _, tc := range []struct {
		name     string
		answers  int
		size     int
		holds    bool
		equal    bool
		most     int // bytes
		kept     int // answers
		untold   int
		restarts bool
	}{
		{"error pages of 900 KB", 10, 900 << 10, false, false, 1 << 20, 1, 9, false},
		{"small error pages", 40, 1 << 10, false, false, 1 << 20, 8, 32, true},
		{"a page of 8 MB", 2, 8 << 20, false, false, 1 << 20, 1, 2, false},
		{"the same page", 20, 900 << 10, false, true, 1 << 20, 1, 0, true},
		{"answers of the panel's", 40, 100 << 10, true, false, 64 << 20, 40, 0, true},
		{"answers of the panel's of 8 MB", 10, 8 << 20, true, false, 64 << 20, 8, 2, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			path, c := tempFile(t), newClock()
			s := open(t, path, c.inbox(group))
			for n := range tc.answers {
				if tc.equal {
					n = 0
				}
				r := Raw{Body: body(n, tc.size), Holds: tc.holds, Fetched: c.now()}
				ok(s.SaveUnread(ok(s.SaveRaw(r)), nil, &Incident{Kind: Undecodable, From: c.now(), To: c.now()}))
				c.pass(time.Minute)
				if tc.restarts && n%10 == 9 {
					crash(t, s)
					s = open(t, path, c.inbox(group))
				}
			}
			kept, size := 0, 0
			must(t, s.view(func(t *tx) error {
				return t.bucket(bucketRaw).ForEach(func(_, value []byte) error {
					var r Raw
					if err := decode(value, &r); err != nil {
						return err
					}
					kept++
					size += len(r.Body)
					return nil
				})
			}))
			all := ok(s.Incidents())
			if kept != tc.kept || size > tc.most || len(all) != 1 || all[0].Count != tc.answers || all[0].Gone != tc.untold {
				t.Errorf("%d are kept, %d bytes; %+v", kept, size, all)
			}
		})
	}
}

// TestAnswersWithSMSAreKeptBesidePages: pages that come before leave the room for what may hold SMS alone.
func TestAnswersWithSMSAreKeptBesidePages(t *testing.T) {
	c := newClock()
	s := open(t, tempFile(t), c.inbox(group))
	for n := range 30 {
		ok(s.SaveUnread(ok(s.SaveRaw(Raw{Body: []byte{byte(n)}})), nil, &Incident{Kind: Undecodable, From: c.now()}))
	}
	ok(s.SaveUnread(ok(s.SaveRaw(Raw{Body: []byte("perhaps fifty SMS"), Holds: true})), nil, &Incident{Kind: Undecodable, From: c.now()}))
	found := false
	must(t, s.view(func(t *tx) error {
		return t.bucket(bucketRaw).ForEach(func(_, value []byte) error {
			var r Raw
			err := decode(value, &r)
			found = found || string(r.Body) == "perhaps fifty SMS"
			return err
		})
	}))
	if !found {
		t.Error("what may hold SMS is not kept")
	}
}

// TestWhatIsCalledOffIsNotSentLater: [Cancel] finds some of a batch under way. What comes back of that, as surely not sent, is called off, too.
func TestWhatIsCalledOffIsNotSentLater(t *testing.T) {
	for name, back := range map[string]func(s *Store, c *clock, p Piece) error{
		"the login is refused":        func(s *Store, c *clock, p Piece) error { return s.Wait(p, LoginRefused, c.now()) },
		"the panel cannot be reached": func(s *Store, c *clock, p Piece) error { return s.Requeue(p, c.now().Add(time.Minute)) },
		"refused while all waits already": func(s *Store, c *clock, p Piece) error {
			return errors.Join(s.Hold(LoginRefused, c.now(), ""), s.Wait(p, LoginRefused, c.now()))
		},
	} {
		t.Run(name, func(t *testing.T) {
			path, c := tempFile(t), newClock()
			s := open(t, path, c.options())
			id := take(t, s, order(numbers(120)...))
			p := claim(t, s)
			must(t, s.Hold(PanelDown, c.now(), ""))
			ok(s.Decide(id, 0, Cancel, "Ali"))
			must(t, back(s, c, p))
			b := ok(s.Batch(id))
			if n := len(queued(t, s)); n != 0 || b.Dropped != 120 || b.State != Cancelled || b.Waiting() || b.DecidedBy != "Ali" {
				t.Errorf("%d are queued after [Cancel]: %+v", n, b)
			}
			crash(t, s)
			s = open(t, path, c.options())
			if n := len(queued(t, s)); n != 0 {
				t.Errorf("%d are queued after a restart", n)
			}
			must(t, s.Check())
		})
	}
}

// TestWhatIsSentAgainWhileThePanelIsDown waits as what comes new does, with [Cancel]; and as the first attempt may have been carried out, nobody is
// told that nothing was sent when it is called off.
func TestWhatIsSentAgainWhileThePanelIsDown(t *testing.T) {
	late := func(s *Store, c *clock) {
		c.pass(2 * time.Hour)
		must(t, s.Release())
		lateOnes(t, s)
	}
	for name, end := range map[string]func(s *Store, c *clock, id BatchID){
		"called off": func(s *Store, c *clock, id BatchID) { ok(s.Decide(id, ok(s.Batch(id)).Generation, Cancel, "Sara")) },
		"called off after another vain try": func(s *Store, c *clock, id BatchID) {
			must(t, s.Wait(claim(t, s), LoginRefused, c.now()))
			ok(s.Decide(id, ok(s.Batch(id)).Generation, Cancel, "Sara"))
		},
		"late, called off": func(s *Store, c *clock, id BatchID) {
			late(s, c)
			ok(s.Decide(id, ok(s.Batch(id)).Generation, Cancel, "Sara"))
		},
		"late, nobody answers": func(s *Store, c *clock, id BatchID) {
			late(s, c)
			c.pass(askFor)
			ok(s.Expire())
		},
	} {
		t.Run(name, func(t *testing.T) {
			path, c := tempFile(t), newClock()
			opts := c.options()
			s := open(t, path, opts)
			id := take(t, s, order(ali))
			claim(t, s)
			crash(t, s) // whether it was sent nobody knows
			s = open(t, path, opts)
			must(t, s.Hold(PanelDown, c.now(), ""))
			ok(s.Decide(id, ok(s.Batch(id)).Generation, Again, "Ali"))
			if b := ok(s.Batch(id)); !b.Waiting() || b.Waits != PanelDown {
				t.Errorf("it does not say that it waits: %+v", b)
			}
			end(s, c, id)
			b := ok(s.Batch(id))
			if b.State != Going || b.LeftUncertain != 1 || b.Dropped != 0 || b.Uncertain != 0 || b.Counts[sms.Sending] != 1 || b.Waiting() || len(queued(t, s)) != 0 {
				t.Errorf("got %+v, %d queued", b, len(queued(t, s)))
			}
			must(t, s.Check())
		})
	}
}
