package store

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"peyk/sms"
)

// waits returns who waits, the longest first: customer, line, and the texts that do.
func waits(tb testing.TB, s *Store) (who []string) {
	tb.Helper()
	found, all, more, err := s.WhoWaits(0, 1000)
	must(tb, err)
	if all != len(found) || more {
		tb.Errorf("%d of %d, more %t", len(found), all, more)
	}
	for _, w := range found {
		who = append(who, fmt.Sprintf("%s>%s %d from %q", string(w.First.Customer), string(w.First.Line), w.N, w.First.Text))
	}
	return who
}

func wait(tb testing.TB, s *Store, want ...string) {
	tb.Helper()
	if diff := cmp.Diff(want, waits(tb, s)); diff != "" {
		tb.Errorf("who waits: %s", diff)
	}
}

func caused(tb testing.TB, s *Store, c Caused) {
	tb.Helper()
	next := sms.ChatMessageID(1)
	for ok(s.Taken(UpdateKey{Chat: group, Message: next})) {
		next++
	}
	ok(s.Take(UpdateKey{Chat: group, Message: next}, c))
}

var (
	aliOnLine  = sms.Conversation{Line: line, Customer: ali}
	aliAnyLine = sms.Conversation{Customer: ali}
)

func TestACustomerWaitsUntilAnsweredOrDone(t *testing.T) {
	const aliWaits, aliWaits2, saraWaits = `09121234567>30001234 2 from "one"`, `09121234567>30005678 1 from "other line"`, `09351234567>30001234 1 from "sara"`
	for name, tc := range map[string]struct {
		happens func(s *Store, c *clock)
		want    []string
	}{
		"nothing":             {func(*Store, *clock) {}, []string{aliWaits, saraWaits, aliWaits2}},
		"answered":            {func(s *Store, _ *clock) { take(t, s, order(ali)) }, []string{saraWaits, aliWaits2}},
		"from another line":   {func(s *Store, _ *clock) { o := order(sara); o.Line = line2; take(t, s, o) }, []string{aliWaits, aliWaits2}},
		"an order to several": {func(s *Store, _ *clock) { take(t, s, order(ali, sara)) }, []string{aliWaits, saraWaits, aliWaits2}},
		"an order that asks":  {func(s *Store, _ *clock) { take(t, s, asking(ali)) }, []string{aliWaits, saraWaits, aliWaits2}},
		"and is sent": {func(s *Store, _ *clock) {
			ok(s.Decide(take(t, s, asking(ali)), 1, Send, "Ali"))
		}, []string{saraWaits, aliWaits2}},
		"and is called off": {func(s *Store, _ *clock) {
			ok(s.Decide(take(t, s, asking(ali)), 1, Cancel, "Ali"))
		}, []string{aliWaits, saraWaits, aliWaits2}},
		"sent": {func(s *Store, _ *clock) {
			p := claimed(t, s, take(t, s, order(ali)))
			must(t, s.Sent(p, accepted(p), nil))
		}, []string{saraWaits, aliWaits2}},
		"called off while the panel is down": {func(s *Store, c *clock) {
			p := claimed(t, s, take(t, s, order(ali)))
			must(t, s.Requeue(p, c.now()))
			b := ok(s.Batch(p.Batch))
			ok(s.Decide(b.ID, b.Generation, Cancel, "Ali"))
		}, []string{`09121234567>30001234 1 from "one"`, saraWaits, aliWaits2}},
		"refused":        {func(s *Store, _ *clock) { must(t, s.Refuse(claimed(t, s, take(t, s, order(ali))), "no", "-3")) }, []string{`09121234567>30001234 1 from "one"`, saraWaits, aliWaits2}},
		"perhaps sent":   {func(s *Store, _ *clock) { must(t, s.Uncertain(claimed(t, s, take(t, s, order(ali))))) }, []string{saraWaits, aliWaits2}},
		"done":           {func(s *Store, _ *clock) { caused(t, s, Caused{Done: &aliOnLine}) }, []string{saraWaits, aliWaits2}},
		"done with them": {func(s *Store, _ *clock) { caused(t, s, Caused{Done: &aliAnyLine}) }, []string{saraWaits}},
		"writes again": {func(s *Store, c *clock) {
			caused(t, s, Caused{Done: &aliAnyLine})
			fetched(t, s, unread(c, "again"))
		}, []string{saraWaits, `09121234567>30001234 1 from "again"`}},
	} {
		t.Run(name, func(t *testing.T) {
			path, c := tempFile(t), newClock()
			s := open(t, path, c.inbox(group))
			fetched(t, s, unread(c, "one"))
			fetched(t, s, fromCustomer(sara, unread(c, "sara")))
			fetched(t, s, unread(c, "two"))
			fetched(t, s, toLine(line2, unread(c, "other line")))
			fetched(t, s, fromCustomer("BankMelli", unread(c, "nobody can answer that")))
			tc.happens(s, c)
			wait(t, s, tc.want...)
			crash(t, s)
			wait(t, open(t, path, c.inbox(group)), tc.want...)
		})
	}
}

func TestWhoWaitsLinksToTheMessagesThatShowThem(t *testing.T) {
	c := newClock()
	s := open(t, tempFile(t), c.inbox(group, 88))
	fetched(t, s, unread(c, "one", "two"))
	fetched(t, s, fromCustomer(sara, unread(c, "sara")))
	for _, p := range heads(t, s) {
		must(t, s.Posted(p, sms.ChatMessageID(100+p.Seq), false))
	}
	due := heads(t, s)[1] // in 88, where both go into one message
	show := ok(s.ToShow(due, 20, 0, c.now()))
	must(t, s.DigestPosted(show.Posts, 0, 300))
	caused(t, s, Caused{Customer: ali, EditCustomer: func(c *Customer) {
		c.Name, c.Claim = "Mr Alavi", Claim{Owner: 5, Name: "Sara", At: s.Now(), Taken: true}
	}})
	found, all, _, err := s.WhoWaits(0, 1)
	must(t, err)
	if all != 2 || len(found) != 1 || found[0].Name != "Mr Alavi" || found[0].Claim.Name != "Sara" || found[0].N != 2 {
		t.Errorf("%d wait, the first are %+v", all, found)
	}
	if diff := cmp.Diff([]ChatMessage{{sms.Place{Chat: group}, 101}, {sms.Place{Chat: 88}, 101}}, found[0].Shown); diff != "" {
		t.Error(diff)
	}
	found, _, _, err = s.WhoWaits(1, 1)
	must(t, err)
	if diff := cmp.Diff([]ChatMessage{{sms.Place{Chat: 88}, 300}}, found[0].Shown); diff != "" {
		t.Error(diff)
	}

	const super = sms.ChatID(-1000000000001)
	must(t, s.MigrateChat(group, super))
	found, _, _, err = s.WhoWaits(0, 1)
	must(t, err)
	if diff := cmp.Diff([]ChatMessage{{sms.Place{Chat: 88}, 101}}, found[0].Shown); diff != "" {
		t.Errorf("the messages of the group that became a supergroup: %s", diff)
	}
}

func snoozeAli(tb testing.TB, s *Store, c *clock, d time.Duration) {
	tb.Helper()
	caused(tb, s, Caused{Snooze: &aliOnLine, Until: c.now().Add(d)})
}

// awake returns what is to tell that snoozes are over.
func awake(tb testing.TB, s *Store) (told []Post) {
	tb.Helper()
	for _, p := range posts(tb, s) {
		if p.Kind == PostAwake {
			told = append(told, Post{Chat: p.Chat, Seq: p.Seq, ReplyTo: p.ReplyTo})
		}
	}
	return told
}

func TestASnoozeEndsInTimeOrWhenTheCustomerWrites(t *testing.T) {
	path, c := tempFile(t), newClock()
	s := open(t, path, c.inbox(group))
	fetched(t, s, unread(c, "one", "two"))
	fetched(t, s, toLine(line2, unread(c, "other line")))
	must(t, s.Posted(heads(t, s)[0], 100, false))
	snoozeAli(t, s, c, time.Hour)
	wait(t, s, `09121234567>30005678 1 from "other line"`)
	if n, snoozed, err := s.Waits(aliOnLine); n != 0 || !snoozed || err != nil || ok(s.Snoozed()) != 1 {
		t.Errorf("%d wait, snoozed %t (%v)", n, snoozed, err)
	}

	c.pass(time.Hour - 2*time.Second)
	if d := ok(s.EndSnoozes()); d != 2*time.Second || awake(t, s) != nil {
		t.Errorf("waits %v, told %v", d, awake(t, s))
	}
	crash(t, s)
	c.pass(2 * time.Second)
	s = open(t, path, c.inbox(group))
	ok(s.EndSnoozes())
	ok(s.EndSnoozes())
	wait(t, s, `09121234567>30001234 1 from "one"`, `09121234567>30005678 1 from "other line"`)
	if diff := cmp.Diff([]Post{{Chat: group, Seq: 1, ReplyTo: 100}}, awake(t, s)); diff != "" {
		t.Error(diff)
	}

	snoozeAli(t, s, c, time.Hour)
	snoozeAli(t, s, c, 3*time.Hour) // the last counts
	c.pass(2 * time.Hour)
	ok(s.EndSnoozes())
	wait(t, s, `09121234567>30005678 1 from "other line"`)
	fetched(t, s, unread(c, "three"))
	wait(t, s, `09121234567>30001234 2 from "one"`, `09121234567>30005678 1 from "other line"`)
	c.pass(2 * time.Hour)
	ok(s.EndSnoozes())
	if got := len(awake(t, s)); got != 1 {
		t.Errorf("told %d times that a snooze is over, want 1: the SMS itself tells", got)
	}

	snoozeAli(t, s, c, time.Hour)
	take(t, s, order(ali))
	c.pass(2 * time.Hour)
	ok(s.EndSnoozes())
	wait(t, s, `09121234567>30005678 1 from "other line"`)
}

func TestASnoozeOfAWrongClockDoesNotLast(t *testing.T) {
	path, c := tempFile(t), newClock()
	s := open(t, path, c.inbox(group))
	fetched(t, s, unread(c, "one"))
	c.pass(365 * aDay)
	crash(t, s)
	s = open(t, path, c.inbox(group))
	snoozeAli(t, s, c, time.Hour)
	crash(t, s)
	c.pass(-365 * aDay)

	s = ok(Open(path, c.inbox(group)))
	defer s.Close()
	if ok(s.EndSnoozes()); waits(t, s) != nil {
		t.Error("a clock that may be wrong ends a snooze")
	}
	s.HeardAnswer(0, c.now())
	ok(s.EndSnoozes())
	wait(t, s, `09121234567>30001234 1 from "one"`)
}

func TestForgottenAndPrunedCustomersDoNotWait(t *testing.T) {
	c := newClock()
	s := open(t, tempFile(t), c.inbox(group))
	fetched(t, s, unread(c, "one"))
	fetched(t, s, toLine(line2, unread(c, "other line")))
	fetched(t, s, fromCustomer(sara, unread(c, "sara", "sara again")))
	snoozeAli(t, s, c, 1000*time.Hour)
	must(t, s.ForgetCustomer(UpdateKey{Chat: group, Message: 999}, ali, Agent{ID: admin}))
	if ok(s.Snoozed()) != 0 {
		t.Error("the snooze of a forgotten customer stays")
	}
	fetched(t, s, unread(c, "later"))
	forgetAll(t, s, never)
	wait(t, s, `09351234567>30001234 2 from "sara"`, `09121234567>30001234 1 from "later"`)

	caused(t, s, Caused{Snooze: &sms.Conversation{Customer: sara}, Until: c.now().Add(2000 * time.Hour)})
	shown(t, s)
	c.pass(keepHistory + aDay)
	prune(t, s)
	wait(t, s)
	if ok(s.Snoozed()) != 0 {
		t.Error("the snooze of an SMS that is not kept stays")
	}
}

// TestAnswersFindWhatWaitsInAnyBlock: the SMS of a customer are found by the index, by reading, and across the gap of a restored backup.
func TestAnswersFindWhatWaitsInAnyBlock(t *testing.T) {
	path, c := tempFile(t), newClock()
	s := open(t, path, c.inbox(group))
	fetched(t, s, unread(c, "one"))
	for i := range 2 * blockSize / 1000 {
		fetched(t, s, fromCustomer(sms.Number(fmt.Sprintf("0912%07d", i)), unread(c, numbered2(1000, i)...)))
	}
	fetched(t, s, unread(c, "two"))
	must(t, s.Close())
	to := tempFile(t)
	ok(Restore(path, to, c.inbox(group)))
	s = open(t, to, c.inbox(group))
	fetched(t, s, unread(c, "three"))
	if n, _, err := s.Waits(aliOnLine); n != 3 || err != nil {
		t.Errorf("%d wait (%v), want 3", n, err)
	}
	take(t, s, order(ali))
	if n, _, err := s.Waits(aliOnLine); n != 0 || err != nil {
		t.Errorf("%d wait (%v), want none", n, err)
	}
}

func numbered2(n, of int) (texts []string) {
	for i := range n {
		texts = append(texts, fmt.Sprint(of, " ", i))
	}
	return texts
}

func TestOfBeforeThereWasAListNothingWaits(t *testing.T) {
	path, c := unpacked(t, schemaFile(7)), newClock()
	s := open(t, path, c.inbox(group))
	wait(t, s)
	fetched(t, s, unread(c, "new"))
	wait(t, s, `09121234567>30001234 1 from "new"`)
}

func TestCheckKnowsWhoCannotWait(t *testing.T) {
	for name, damage := range map[string]func(t *tx) error{
		"waits for nothing": func(t *tx) error { return put(t.bucket(bucketWaiting), u64(77), unanswered{}) },
		"another's snooze": func(t *tx) error {
			return put(t.bucket(bucketSnoozed), conversationKey(sms.Conversation{Customer: sara}), Snooze{Seq: 1})
		},
		"snoozes of nothing": func(t *tx) error { return put(t.bucket(bucketSnoozed), conversationKey(aliOnLine), Snooze{Seq: 77}) },
	} {
		t.Run(name, func(t *testing.T) {
			c := newClock()
			s := ok(Open(tempFile(t), c.inbox(group)))
			defer s.Close()
			fetched(t, s, unread(c, "one"))
			must(t, s.Check())
			must(t, s.update(damage))
			if s.Check() == nil {
				t.Error("the check finds nothing")
			}
		})
	}
}

// BenchmarkWhoWaits reads the first page of a thousand conversations that wait, among a hundred thousand SMS. Limit: 25 ms, half of what /waiting has.
func BenchmarkWhoWaits(b *testing.B) {
	c := newClock()
	s := openTimed(b, tempFile(b), c.inbox(group))
	s.db.NoSync = true
	for range 20 {
		ok(s.SaveUnread(ok(s.SaveRaw(Raw{})), traffic(c, 5000), nil))
	}
	must(b, s.update(func(t *tx) error {
		rows := t.bucket(bucketWaiting)
		left := rows.Stats().KeyN
		var gone [][]byte
		rows.ForEach(func(key, _ []byte) error {
			if left--; left >= 1000 {
				gone = append(gone, append([]byte(nil), key...))
			}
			return nil
		})
		for _, key := range gone {
			if err := rows.Delete(key); err != nil {
				return err
			}
		}
		return nil
	}))
	for b.Loop() {
		found, _, _, err := s.WhoWaits(0, 20)
		if err != nil || len(found) != 20 {
			b.Fatalf("%d found (%v)", len(found), err)
		}
	}
	b.ReportMetric(float64(b.Elapsed())/float64(b.N)/float64(25*time.Millisecond), "ratio-to-limit")
}
