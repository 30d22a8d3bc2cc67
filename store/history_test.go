package store

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"peyk/sms"
)

// addSMS stores n SMS of so many customers, in and out, with nothing that belongs to them.
func addSMS(tb testing.TB, s *Store, c *clock, n, customers int) {
	tb.Helper()
	for left := n; left > 0; left -= 5000 {
		must(tb, s.update(func(t *tx) error {
			for _, m := range traffic(c, min(5000, left)) {
				seq, err := t.nextSMS()
				if err != nil {
					return err
				}
				m.Customer = sms.Number(fmt.Sprintf("0912%07d", uint64(seq)*7919%uint64(customers)))
				if seq%3 == 0 {
					m.Line = line2
				}
				if err := t.putSMS(SMS{Seq: seq, Message: m}); err != nil {
					return err
				}
			}
			return nil
		}))
	}
}

// walked reads all there is of a customer, page by page: to the oldest and back.
func walked(tb testing.TB, s *Store, p Page) (older, newer []Seq) {
	tb.Helper()
	for more := true; more; {
		var page []SMS
		page, more = ok2(s.History(p))
		for _, m := range slices.Backward(page) {
			older = append(older, m.Seq)
			p.From = m.Seq
		}
	}
	for p.Newer, p.From = true, 0; ; {
		page, more := ok2(s.History(p))
		for _, m := range page {
			newer = append(newer, m.Seq)
			p.From = m.Seq
		}
		if !more {
			return older, newer
		}
	}
}

func ok2[A, B any](a A, b B, err error) (A, B) {
	if err != nil {
		panic(err)
	}
	return a, b
}

// rowsOf reads every row for the SMS of customers, by the customer.
func rowsOf(tb testing.TB, s *Store) map[sms.Number][]SMS {
	tb.Helper()
	found := map[sms.Number][]SMS{}
	must(tb, s.view(func(t *tx) error {
		return t.bucket(bucketSMS).ForEach(func(key, value []byte) error {
			m, err := readSMS(key, value)
			found[m.Customer] = append(found[m.Customer], m)
			return err
		})
	}))
	return found
}

func indexed(tb testing.TB, s *Store) (blocks int) {
	tb.Helper()
	must(tb, s.view(func(t *tx) error { blocks = count(t.bucket(bucketHistory)); return nil }))
	return blocks
}

func TestTheHistoryOfACustomerIsWhatTheirRowsSay(t *testing.T) {
	c := newClock()
	s := open(t, tempFile(t), c.inbox(group))
	odd := unread(c, "one", "two")
	odd[0].Customer, odd[1].Customer = `"A\B"`, ""
	fetched(t, s, odd)
	addSMS(t, s, c, 3*blockSize, 500)
	take(t, s, order(ali, sara, ali))
	must(t, s.update(func(t *tx) error { return t.bucket(bucketSMS).SetSequence(1e6) })) // as a restored backup does
	addSMS(t, s, c, blockSize, 500)
	take(t, s, order(sara))

	whole := func(t *testing.T) {
		t.Helper()
		rows := rowsOf(t, s)
		for _, n := range []sms.Number{ali, sara, `"A\B"`, "09120000000", "09120000123", "09120000499", "09129999999"} {
			for _, line := range []sms.Number{"", line, line2, "3000999"} {
				var want []Seq
				for _, m := range rows[n] {
					if line == "" || m.Line == line {
						want = append(want, m.Seq)
					}
				}
				older, newer := walked(t, s, Page{Customer: n, Line: line, Limit: 7})
				slices.Reverse(older)
				if !slices.Equal(older, want) || !slices.Equal(newer, want) {
					t.Errorf("of %s on %s the history has %v, and back %v, want %v", string(n), string(line), older, newer, want)
				}
			}
		}
	}
	t.Run("as it is written", whole)
	if got := indexed(t, s); got < 3 || got > 4 {
		t.Errorf("%d blocks are indexed", got)
	}
	t.Run("with blocks missing", func(t *testing.T) {
		must(t, s.update(func(t *tx) error { return t.bucket(bucketHistory).Delete(u64(1)) }))
		whole(t)
	})
	t.Run("without an index", func(t *testing.T) {
		withoutIndex(t, s)
		whole(t)
	})
	t.Run("filled again", func(t *testing.T) {
		for more := true; more; {
			more = ok(s.IndexHistory())
		}
		if got := indexed(t, s); got < 4 {
			t.Errorf("%d blocks are indexed", got)
		}
		whole(t)
	})
	t.Run("when others are deleted", func(t *testing.T) {
		must(t, s.update(func(t *tx) error {
			for range 5000 {
				if err := t.bucket(bucketSMS).Delete(u64(uint64(3 + rand.IntN(3*blockSize)))); err != nil {
					return err
				}
			}
			return nil
		}))
		whole(t)
	})
	kill(t, s) // rows were deleted that others name: Check would say so
}

// withoutIndex takes the index from a file, as if it were older than that.
func withoutIndex(tb testing.TB, s *Store) {
	tb.Helper()
	must(tb, s.update(func(t *tx) error {
		rows := t.bucket(bucketHistory)
		for key, _ := rows.Cursor().First(); key != nil; key, _ = rows.Cursor().First() {
			if err := rows.Delete(key); err != nil {
				return err
			}
		}
		return nil
	}))
}

func TestAnOldFileIsIndexedBlockByBlock(t *testing.T) {
	path, c := tempFile(t), newClock()
	s := open(t, path, c.inbox(group))
	addSMS(t, s, c, 5*blockSize, 500)
	withoutIndex(t, s)
	want := len(rowsOf(t, s)["09120000123"])
	for done := 0; done <= 5; done++ { // killed after each
		if got := indexed(t, s); got != done {
			t.Errorf("%d blocks are indexed after %d steps", got, done)
		}
		if more := ok(s.IndexHistory()); more != (done < 5) {
			t.Errorf("more: %t after %d blocks", more, done)
		}
		if older, _ := walked(t, s, Page{Customer: "09120000123", Limit: 20}); len(older) != want {
			t.Errorf("the history has %v", older)
		}
		crash(t, s)
		s = open(t, path, c.inbox(group))
	}
}

func TestTheIndexOfWhatIsGoneGoes(t *testing.T) {
	c := newClock()
	s := open(t, tempFile(t), c.inbox(group))
	addSMS(t, s, c, 2*blockSize, 500)
	if got := indexed(t, s); got != 2 {
		t.Fatalf("%d blocks are indexed, want 2", got)
	}
	c.pass(91 * aDay)
	fetched(t, s, unread(c, "new"))
	prune(t, s)
	if got := indexed(t, s); got != 0 {
		t.Errorf("%d blocks are indexed, and their SMS are gone", got)
	}
	if more := ok(s.IndexHistory()); more {
		t.Error("there is something to index")
	}
	if page, more := ok2(s.History(Page{Customer: unread(c, "x")[0].Customer, Limit: 20})); len(page) != 1 || more {
		t.Errorf("the history has %v, %t", page, more)
	}
}

func TestAForgottenCustomerHasNoHistory(t *testing.T) {
	s, _ := known(t)
	must(t, s.update(func(t *tx) error { return t.bucket(bucketSMS).SetSequence(2*blockSize - 1) }))
	for more := true; more; {
		more = ok(s.IndexHistory())
	}
	if page, _ := ok2(s.History(Page{Customer: reza, Limit: 20})); len(page) != 4 {
		t.Errorf("the history has %d SMS, want 4", len(page))
	}
	ok(0, s.ForgetCustomer(UpdateKey{Chat: group, Message: 77}, reza, Agent{ID: admin}))
	forgetAll(t, s, never)
	if page, _ := ok2(s.History(Page{Customer: reza, Limit: 20})); len(page) != 0 {
		t.Errorf("the history has %d SMS", len(page))
	}
}

// BenchmarkHistory reads the first page of a customer with a million SMS stored: of one who writes often, of one who wrote once long ago, and of
// nobody. Limit: 5 ms, with a page of SMS that are not indexed yet.
func BenchmarkHistory(b *testing.B) {
	if testing.Short() {
		b.Skip("builds a file of 300 MB")
	}
	c := newClock()
	path := tempFile(b)
	s := openTimed(b, path, c.inbox(group))
	s.db.NoSync = true
	addSMS(b, s, c, 100, 100)
	must(b, s.update(func(t *tx) error {
		seq, err := t.nextSMS()
		m := traffic(c, 1)[0]
		m.Customer = sara
		return errors.Join(err, t.putSMS(SMS{Seq: seq, Message: m}))
	}))
	addSMS(b, s, c, 1_003_000, 5000)
	must(b, s.db.Sync())
	var index bolt.BucketStats
	must(b, s.view(func(t *tx) error { index = t.bucket(bucketHistory).Stats(); return nil }))
	bytes := index.LeafAlloc + index.BranchAlloc
	for name, n := range map[string]sms.Number{"often": "09120000123", "once": sara, "never": ali} {
		b.Run(name, func(b *testing.B) {
			var took []time.Duration
			for b.Loop() {
				begun := time.Now()
				ok2(s.History(Page{Customer: n, Limit: 20}))
				took = append(took, time.Since(begun))
			}
			b.ReportMetric(float64(median(took))/float64(5*time.Millisecond), "ratio-to-limit")
			b.ReportMetric(float64(bytes)/1e6, "index-B/SMS")
			b.ReportMetric(float64(ok(os.Stat(path)).Size())/1e6, "B/SMS")
		})
	}
}
