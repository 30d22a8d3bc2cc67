package store

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"peyk/internal/hours"
	"peyk/sms"
)

// reminds runs what is due, and returns what is to be told: the kind, the chat, the SMS, what it replies to; and clears that.
func reminds(tb testing.TB, s *Store) (told []string) {
	tb.Helper()
	ok(s.EndSnoozes())
	for n := 0; ok(s.Remind()) == 0; n++ {
		if n > 1000 {
			tb.Fatal("reminders do not end")
		}
	}
	for _, p := range posts(tb, s) {
		switch p.Kind {
		case PostAwake, PostRemind, PostEscalate:
			told = append(told, fmt.Sprintf("%s %d #%d>%d %s", p.Kind, p.Chat, p.Seq, p.ReplyTo, p.Text))
			must(tb, s.PostNotNeeded(p))
		}
	}
	return told
}

func remindedOf(tb testing.TB, s *Store, want ...string) {
	tb.Helper()
	if diff := cmp.Diff(want, reminds(tb, s)); diff != "" {
		tb.Errorf("reminders: %s", diff)
	}
}

// reminding are options with reminders, and hours that the clock of a test, which begins on Wednesday 1 July 2026 at 10:31, is in.
func reminding(c *clock) Options {
	o := c.inbox(group)
	o.Hours = ok(hours.Parse("Sat-Wed 8:00-17:00, Thu 8:00-13:00"))
	o.RemindAfter, o.EscalateAfter = 15*time.Minute, time.Hour
	return o
}

func rowsIn(tb testing.TB, s *Store, bucket []byte) (n int) {
	tb.Helper()
	must(tb, s.view(func(t *tx) error { n = count(t.bucket(bucket)); return nil }))
	return n
}

func TestOneReminderThenTheAdmins(t *testing.T) {
	path, c := tempFile(t), newClock()
	s := open(t, path, reminding(c))
	fetched(t, s, unread(c, "one"))
	must(t, s.Posted(heads(t, s)[0], 100, false))
	c.pass(5 * time.Minute)
	fetched(t, s, unread(c, "two"))
	caused(t, s, Caused{Customer: ali, EditCustomer: func(cu *Customer) { cu.Claim = Claim{Owner: 5, Name: "Sara", At: c.now(), Taken: true} }})
	c.pass(10*time.Minute - 2*time.Second)
	remindedOf(t, s)
	if wait := ok(s.Remind()); wait != 2*time.Second {
		t.Errorf("looks again in %v", wait)
	}
	crash(t, s)
	s = open(t, path, reminding(c))
	c.pass(2 * time.Second)
	remindedOf(t, s, "remind -1001 #1>100 ")
	crash(t, s)
	s = open(t, path, reminding(c))
	remindedOf(t, s)
	c.pass(44 * time.Minute)
	remindedOf(t, s)
	c.pass(time.Minute)
	remindedOf(t, s, fmt.Sprintf("escalate %d #1>0 Sara", admin))
	if cl := ok(s.Customer(ali)).Claim; cl.Held(c.now()) {
		t.Errorf("the claim stays: %+v", cl)
	}
	c.pass(100 * time.Hour)
	remindedOf(t, s)
	if n := rowsIn(t, s, bucketRemind); n != 0 {
		t.Errorf("%d rows are left", n)
	}
}

func TestRemindersCountWorkingHours(t *testing.T) {
	c := newClock()
	s := open(t, tempFile(t), reminding(c))
	c.pass(6*time.Hour + 24*time.Minute) // Wednesday, 16:55
	fetched(t, s, unread(c, "late"))
	must(t, s.Posted(heads(t, s)[0], 100, false))
	c.pass(15*time.Hour + 14*time.Minute) // Thursday, 8:09
	remindedOf(t, s)
	c.pass(time.Minute)
	remindedOf(t, s, "remind -1001 #1>100 ")

	take(t, s, order(ali))
	c.pass(4*time.Hour + 45*time.Minute) // Thursday, 12:55
	fetched(t, s, fromCustomer(sara, unread(c, "later")))
	caused(t, s, Caused{Days: &Days{"2026-07-04", "2026-07-04", false}}) // and Saturday is closed, as is known only now
	c.pass(67*time.Hour + 15*time.Minute)                                // Sunday, 8:10
	remindedOf(t, s, "remind -1001 #3>0 ")
}

func TestWhoIsAnsweredNeedsNoReminder(t *testing.T) {
	for name, happens := range map[string]func(s *Store, c *clock){
		"answered": func(s *Store, _ *clock) { take(t, s, order(ali)) },
		"done":     func(s *Store, _ *clock) { caused(t, s, Caused{Done: &aliOnLine}) },
		"forgotten": func(s *Store, _ *clock) {
			must(t, s.ForgetCustomer(UpdateKey{Chat: group, Message: 999}, ali, Agent{ID: admin}))
			forgetAll(t, s, never)
		},
		"snoozed": func(s *Store, c *clock) { snoozeAli(t, s, c, 3*time.Hour) },
	} {
		t.Run(name, func(t *testing.T) {
			c := newClock()
			s := open(t, tempFile(t), reminding(c))
			fetched(t, s, unread(c, "one"))
			happens(s, c)
			c.pass(2 * time.Hour)
			remindedOf(t, s)
		})
	}
}

func TestWhoWaitsAnewIsRemindedOfAnew(t *testing.T) {
	c := newClock()
	s := open(t, tempFile(t), reminding(c))
	fetched(t, s, unread(c, "one"))
	must(t, s.Posted(heads(t, s)[0], 100, false))
	snoozeAli(t, s, c, 10*time.Minute)
	c.pass(10 * time.Minute)
	remindedOf(t, s, "awake -1001 #1>100 ")
	c.pass(14 * time.Minute)
	remindedOf(t, s)
	c.pass(time.Minute)
	remindedOf(t, s, "remind -1001 #1>100 ")

	p := claimed(t, s, take(t, s, order(ali)))
	must(t, s.Refuse(p, "no", "-3"))
	c.pass(15 * time.Minute)
	remindedOf(t, s, "remind -1001 #1>0 ")
	c.pass(45 * time.Minute)
	remindedOf(t, s, fmt.Sprintf("escalate %d #1>0 ", admin))
}

func TestRemindersAndTheSettings(t *testing.T) {
	path, c := tempFile(t), newClock()
	s := open(t, path, reminding(c))
	fetched(t, s, unread(c, "one"))
	crash(t, s)
	only := reminding(c)
	only.RemindAfter = 0
	s = open(t, path, only)
	c.pass(15 * time.Minute)
	remindedOf(t, s)
	c.pass(45 * time.Minute)
	remindedOf(t, s, fmt.Sprintf("escalate %d #1>0 ", admin))
	fetched(t, s, fromCustomer(sara, unread(c, "sara")))
	crash(t, s)
	s = open(t, path, c.inbox(group)) // without any
	fetched(t, s, fromCustomer("09120000000", unread(c, "other")))
	c.pass(100 * time.Hour)
	remindedOf(t, s)
	if n := rowsIn(t, s, bucketRemind); n != 0 {
		t.Errorf("%d rows are left", n)
	}
}

// TestAWrongClockNeitherFloodsWithRemindersNorSilencesThem: a clock that was ahead dated what it wrote far into the future, one that was behind long ago.
func TestAWrongClockNeitherFloodsWithRemindersNorSilencesThem(t *testing.T) {
	for name, off := range map[string]time.Duration{"ahead": 365 * aDay, "behind": -3650 * aDay} {
		t.Run(name, func(t *testing.T) {
			path, c := tempFile(t), newClock()
			opts := reminding(c)
			opts.Hours = hours.Week{}
			c.pass(off)
			s := ok(Open(path, opts))
			for i := range 30 {
				fetched(t, s, fromCustomer(sms.Number(fmt.Sprintf("0912%07d", i)), unread(c, "hello")))
			}
			for range 2 { // Telegram's clock, which is right
				s.HeardAnswer(0, c.now().Add(-off))
				_, _, err := s.NoteClock()
				must(t, err)
			}
			must(t, s.Close())
			c.pass(-off)
			s = open(t, path, opts)
			if told := reminds(t, s); len(told) != 0 {
				t.Errorf("%d reminders at once", len(told))
			}
			c.pass(16 * time.Minute)
			if told := reminds(t, s); len(told) != 30 {
				t.Errorf("%d reminders, want 30", len(told))
			}
			c.pass(16 * time.Minute)
			if told := reminds(t, s); len(told) != 0 {
				t.Errorf("%d reminders again", len(told))
			}
		})
	}
}

func TestAClockThatGoesBackALittleRemindsOnce(t *testing.T) {
	for _, back := range []time.Duration{time.Second, time.Minute, 2 * time.Hour} {
		c := newClock()
		s := open(t, tempFile(t), reminding(c))
		fetched(t, s, unread(c, "one"))
		must(t, s.Posted(heads(t, s)[0], 100, false))
		c.pass(-back)
		remindedOf(t, s)
		c.pass(15*time.Minute + min(back, time.Minute))
		remindedOf(t, s, "remind -1001 #1>100 ")
		remindedOf(t, s)
	}
}
