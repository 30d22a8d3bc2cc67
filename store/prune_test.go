package store

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"peyk/sms"
)

// prune prunes until there is no more to do, and once again for what the first round set free.
func prune(tb testing.TB, s *Store) (deleted int) {
	tb.Helper()
	for range 2 {
		for more := true; more; {
			var n int
			var err error
			n, more, err = s.Prune(100)
			must(tb, err)
			deleted += n
		}
	}
	return deleted
}

// rows returns how many rows each bucket has, but for those that are kept until people change them.
func rows(tb testing.TB, s *Store) map[string]int {
	tb.Helper()
	left := map[string]int{}
	must(tb, s.view(func(t *tx) error {
		return t.ForEach(func(name []byte, b *bolt.Bucket) error {
			if n := count(b); n > 0 && string(name) != "meta" && string(name) != "chat" && string(name) != "agent" && string(name) != "wish" && string(name) != "blocked" {
				left[string(name)] = n
			}
			return nil
		})
	}))
	return left
}

// lastMessage is that of all chats: Telegram never gives a number again.
var lastMessage atomic.Int64

// showAll posts all that waits.
func showAll(tb testing.TB, s *Store) {
	tb.Helper()
	for all := heads(tb, s); len(all) > 0 || len(marked(tb, s)) > 0; all = heads(tb, s) {
		for _, p := range all {
			must(tb, s.Posted(p, sms.ChatMessageID(lastMessage.Add(1)), false))
		}
	}
}

func TestInTheEndEverythingGoes(t *testing.T) {
	c := newClock()
	s := open(t, tempFile(t), c.inbox(group))
	filled(t, s, c)
	must(t, s.EndFetch(nil))
	must(t, s.BeginFetch())
	ok(s.SaveUnread(ok(s.SaveRaw(Raw{Fetched: c.now()})), unread(c, "half"), &Incident{Kind: FetchCut, From: c.now()}))
	must(t, s.Refuse(claim(t, s), "too many", "-2"))
	b := ok(s.Batch(2))
	ok(s.Decide(b.ID, b.Generation, Leave, "Ali"))
	c.pass(askFor)
	ok(s.Expire())
	due, _, err := s.Due(10)
	must(t, err)
	for _, m := range due {
		must(t, s.SetDelivery([]Report{delivered.of(m.Seq)}))
	}
	for _, r := range ok(s.Undecoded()) {
		ok(s.SaveUnread(r.ID, nil, nil))
	}
	showAll(t, s)
	if got := prune(t, s); got != 0 {
		t.Errorf("%d rows are gone at once", got)
	}
	before := rows(t, s)
	c.pass(89 * aDay)
	fetched(t, s, unread(c, "one more")) // the panel does not return the others
	s.HeardMessage(c.now())
	showAll(t, s)
	prune(t, s)
	must(t, s.Check())
	for bucket, n := range rows(t, s) {
		gone := bucket == "taken" || bucket == "taken_day" || bucket == "raw" || bucket == "dead" || bucket == "seen" || bucket == "credit"
		if !gone && n < before[bucket] {
			t.Errorf("%s has %d rows after 89 days, had %d", bucket, n, before[bucket])
		}
		if gone && n != 0 && bucket != "seen" {
			t.Errorf("%s has %d rows after 89 days", bucket, n)
		}
	}
	c.pass(2 * aDay)
	prune(t, s)
	must(t, s.Check())
	if left := rows(t, s); left["sms"] != 1 || left["batch"] != 0 || left["link"] != 1 || left["incident"] == 0 {
		t.Errorf("left after 91 days: %v", left)
	}
	if _, err := s.Shows(group, 10); !errors.Is(err, ErrNotFound) {
		t.Errorf("a link to what is gone: %v", err)
	}
	c.pass(2 * keepIncident)
	prune(t, s)
	showAll(t, s) // the icon of who waits no more
	// The panel has been silent since: it may return that one. A customer with a topic is known for ever, one without is not. Prepared answers stay, and what is for later.
	if left := rows(t, s); !maps.Equal(left, map[string]int{"seen": 1, "customer": 1, "bound": 1, "canned": 1, "scheduled": 1}) {
		t.Errorf("left in the end: %v", left)
	}
	must(t, s.TopicGone(sms.Place{Chat: group, Topic: 12}))
	ok(s.Take(UpdateKey{Chat: group, Message: 901}, Caused{Customer: ali, EditCustomer: func(c *Customer) { c.Name = "" }}))
	c.pass(9 * aDay)
	s.HeardMessage(c.now())
	prune(t, s)
	if left := rows(t, s); !maps.Equal(left, map[string]int{"seen": 1, "canned": 1, "scheduled": 1}) {
		t.Errorf("left when nothing is bound to them: %v", left)
	}
}

func TestNothingGoesThatIsNeeded(t *testing.T) {
	year := 365 * aDay
	for name, test := range map[string]func(t *testing.T, s *Store, c *clock) (still func() error, done func()){
		"an SMS that waits for its chat": func(t *testing.T, s *Store, c *clock) (func() error, func()) {
			fetched(t, s, unread(c, "one", "two"))
			must(t, s.Posted(heads(t, s)[0], 10, false))
			c.pass(year)
			return func() error { _, err := s.SMS(2); return err }, func() { must(t, s.Posted(heads(t, s)[0], 11, false)) }
		},
		"an SMS that waits for a chat to be set up": func(t *testing.T, s *Store, c *clock) (func() error, func()) {
			edit(t, s, group, func(c *Chat) { c.Off = true })
			fetched(t, s, unread(c, "one"))
			c.pass(year)
			return func() error { _, err := s.SMS(1); return err }, func() {
				edit(t, s, group, func(c *Chat) { c.Off = false })
				showAll(t, s)
			}
		},
		"an SMS its chat refused lately": func(t *testing.T, s *Store, c *clock) (func() error, func()) {
			fetched(t, s, unread(c, "one"))
			c.pass(year)
			must(t, s.SetAside(heads(t, s)[0], "Bad Request"))
			return func() error { _, err := s.SMS(1); return err }, func() { c.pass(keepDead) }
		},
		"a batch that is queued": func(t *testing.T, s *Store, c *clock) (func() error, func()) {
			id := take(t, s, order(numbers(100)...))
			showAll(t, s)
			c.pass(year)
			showAll(t, s)
			return func() error { _, err := s.Batch(id); return err }, func() {
				for range 2 {
					must(t, s.Refuse(claim(t, s), "", "-3"))
				}
				c.pass(year)
				showAll(t, s)
			}
		},
		"a batch that is being sent": func(t *testing.T, s *Store, c *clock) (func() error, func()) {
			id := take(t, s, order(ali))
			p := claim(t, s)
			c.pass(year)
			showAll(t, s)
			return func() error { _, err := s.Batch(id); return err }, func() {
				must(t, s.Refuse(p, "", "-3"))
				c.pass(year)
				showAll(t, s)
			}
		},
		"a batch nobody has decided about": func(t *testing.T, s *Store, c *clock) (func() error, func()) {
			id := take(t, s, order(numbers(61)...))
			must(t, s.Refuse(claim(t, s), "", "-3"))
			must(t, s.Uncertain(claim(t, s)))
			showAll(t, s)
			c.pass(year)
			return func() error { _, err := s.Batch(id); return err }, func() {
				ok(s.Decide(id, ok(s.Batch(id)).Generation, WasSent, "Ali"))
				showAll(t, s)
				c.pass(year)
			}
		},
		"a batch decided about lately": func(t *testing.T, s *Store, c *clock) (func() error, func()) {
			id := take(t, s, order(ali))
			must(t, s.Uncertain(claim(t, s)))
			c.pass(year)
			ok(s.Decide(id, ok(s.Batch(id)).Generation, WasSent, "Ali"))
			showAll(t, s)
			return func() error { _, err := s.Batch(id); return err }, func() { c.pass(year) }
		},
		"a batch whose delivery is to be asked for": func(t *testing.T, s *Store, c *clock) (func() error, func()) {
			id := take(t, s, order(ali))
			p := claim(t, s)
			must(t, s.Sent(p, accepted(p), nil))
			c.pass(year)
			showAll(t, s)
			return func() error { _, err := s.Batch(id); return err }, func() {
				must(t, s.SetDelivery([]Report{delivered.of(ok(s.Batch(id)).First)}))
				showAll(t, s)
			}
		},
		"a batch whose report waits": func(t *testing.T, s *Store, c *clock) (func() error, func()) {
			id := take(t, s, order(ali))
			must(t, s.Refuse(claim(t, s), "", "-3"))
			c.pass(year)
			return func() error { _, err := s.Batch(id); return err }, func() { showAll(t, s) }
		},
		"a batch that asks": func(t *testing.T, s *Store, c *clock) (func() error, func()) {
			id := take(t, s, asking(ali))
			showAll(t, s)
			c.pass(year)
			return func() error { _, err := s.Batch(id); return err }, func() {
				ok(s.Expire())
				c.pass(year)
				showAll(t, s)
			}
		},
		"an incident nobody was told of": func(t *testing.T, s *Store, c *clock) (func() error, func()) {
			must(t, s.AddIncident(Incident{Kind: FetchLost, From: c.now()}))
			c.pass(year)
			return func() error { _, err := s.Incident(1); return err }, func() { showAll(t, s) }
		},
		"an incident one chat was not told of": func(t *testing.T, s *Store, c *clock) (func() error, func()) {
			must(t, s.AddIncident(Incident{Kind: FetchLost, From: c.now()}))
			must(t, s.Posted(heads(t, s)[0], 10, false))
			c.pass(year)
			return func() error { _, err := s.Incident(1); return err }, func() { showAll(t, s) }
		},
		"an incident that lasted when the bridge was stopped": func(t *testing.T, s *Store, c *clock) (func() error, func()) {
			must(t, s.AddIncident(Incident{Kind: FetchLost, From: c.now(), To: c.now(), Lasts: true}))
			showAll(t, s)
			c.pass(year)
			return func() error { _, err := s.Incident(1); return err }, func() {
				i := ok(s.Incident(1))
				i.Lasts = false
				must(t, s.UpdateIncident(i, true))
				showAll(t, s)
			}
		},
		"a customer an agent wrote to": func(t *testing.T, s *Store, c *clock) (func() error, func()) {
			take(t, s, order(ali))
			c.pass(89 * aDay)
			return func() error {
				if !ok(s.Customer(ali)).Known() {
					return ErrNotFound
				}
				return nil
			}, func() { c.pass(2 * aDay) }
		},
		"an answer that was not decoded yet": func(t *testing.T, s *Store, c *clock) (func() error, func()) {
			raw := ok(s.SaveRaw(Raw{Fetched: c.now()}))
			c.pass(year)
			return func() error {
					if len(ok(s.Undecoded())) == 0 {
						return ErrNotFound
					}
					return nil
				}, func() {
					ok(s.SaveUnread(raw, nil, &Incident{Kind: Undecodable, From: c.now()}))
					showAll(t, s)
				}
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newClock()
			s := open(t, tempFile(t), c.inbox(group))
			still, done := test(t, s, c)
			prune(t, s)
			must(t, s.Check())
			if err := still(); err != nil {
				t.Fatalf("it is gone: %v", err)
			}
			done()
			prune(t, s)
			if err := still(); !errors.Is(err, ErrNotFound) {
				t.Errorf("when it is needed no more: got %v, want ErrNotFound", err)
			}
		})
	}
}

func TestWhatThePanelStillReturnsIsNotShownAgain(t *testing.T) {
	c := newClock()
	s := open(t, tempFile(t), c.inbox(group))
	kept := unread(c, "kept at the panel")
	fetched(t, s, append(kept, unread(c, "read once")...))
	for range 100 {
		c.pass(aDay)
		if got := fetched(t, s, append(unread(c, "new"), kept...)); got != 1 {
			t.Fatalf("after %v: %d SMS are new, want 1", c.now(), got)
		}
		showAll(t, s)
		prune(t, s)
		must(t, s.Check())
	}
	if _, err := s.SMS(1); !errors.Is(err, ErrNotFound) {
		t.Errorf("the SMS itself: got %v, want that it is gone", err)
	}
	if got := rows(t, s)["seen"]; got != 1+7 {
		t.Errorf("%d rows of seen, want that one and those of a week", got)
	}
	// Nobody asks for a month, and the panel has it still.
	c.pass(30 * aDay)
	prune(t, s)
	if got := fetched(t, s, kept); got != 0 {
		t.Error("after a month it is new again")
	}
}

func TestWhatThePanelStillReturnsIsNotShownAgainAfterAClockWasAhead(t *testing.T) {
	c := newClock()
	s := open(t, tempFile(t), c.inbox(group))
	c.pass(30 * aDay)
	fetched(t, s, unread(c, "one"))
	c.pass(-30 * aDay)
	kept := unread(c, "kept at the panel")
	fetched(t, s, kept)
	for range 3 {
		c.pass(time.Hour)
		prune(t, s)
		if got := fetched(t, s, kept); got != 0 {
			t.Fatal("it is new again")
		}
	}
}

func TestSMSWithoutAPlausibleTimeIsSeenForAWeek(t *testing.T) {
	for _, at := range []time.Time{time.Unix(1, 0), time.Unix(1<<32-1, 0)} {
		c := newClock()
		s := open(t, tempFile(t), c.inbox(group))
		m := unread(c, "by a clock that is wrong")
		m[0].Time = at
		fetched(t, s, m)
		c.pass(6 * aDay)
		prune(t, s)
		if got := fetched(t, s, m); got != 0 {
			t.Errorf("%v: new again after six days", at)
		}
		c.pass(8 * aDay)
		fetched(t, s, unread(c, "another"))
		prune(t, s)
		if got := rows(t, s)["seen"]; got != 1 {
			t.Errorf("%v: %d rows of seen, want the other's only", at, got)
		}
	}
}

// TestRowsThatDoNotSayHowOldTheyAre are in the file of schema 1: when the panel last returned an SMS, when a post was refused.
func TestRowsThatDoNotSayHowOldTheyAre(t *testing.T) {
	path, c := tempFile(t), newClock()
	must(t, os.Mkdir(filepath.Dir(path), 0o700))
	must(t, os.Rename(unpacked(t, schemaFile(1)), path))
	s := open(t, path, c.inbox(group))
	c.pass(6 * aDay)
	fetched(t, s, unread(c, "new"))
	before := rows(t, s)
	prune(t, s)
	if after := rows(t, s); after["seen"] != before["seen"] || after["dead"] != before["dead"] {
		t.Errorf("had %v, has %v", before, after)
	}
	c.pass(2 * aDay)
	fetched(t, s, unread(c, "newer"))
	prune(t, s)
	if left := rows(t, s); left["seen"] != 2 || left["dead"] != before["dead"] {
		t.Errorf("after a week: %v", left)
	}
	c.pass(29 * aDay)
	prune(t, s)
	if left := rows(t, s)["dead"]; left != 0 {
		t.Errorf("%d refused posts are left", left)
	}
}

func TestPruningGoesOnAfterAStart(t *testing.T) {
	path, c := tempFile(t), newClock()
	s := open(t, path, c.inbox(group))
	fetched(t, s, unread(c, "1", "2", "3", "4", "5", "6"))
	take(t, s, order(numbers(130)...))
	for range 3 {
		must(t, s.Refuse(claim(t, s), "", "-3"))
	}
	showAll(t, s)
	c.pass(91 * aDay)
	steps := 0
	for more := true; more; steps++ {
		_, m, err := s.Prune(2)
		must(t, err)
		more = m
		crash(t, s) // which checks
		s = open(t, path, c.inbox(group))
	}
	if left := rows(t, s); left["sms"] != 0 || left["batch"] != 0 || left["link"] != 0 || steps < 10 {
		t.Errorf("left after %d steps: %v", steps, left)
	}
	fetched(t, s, unread(c, "7"))
	if _, err := s.SMS(6); !errors.Is(err, ErrNotFound) || len(heads(t, s)) != 1 || heads(t, s)[0].Seq != 137 {
		t.Errorf("the number of an SMS that is gone was given again: %v", heads(t, s))
	}
}

func TestTheFileStopsGrowing(t *testing.T) {
	path, c := tempFile(t), newClock()
	s := open(t, path, Options{Now: c.now, Inbox: []sms.ChatID{group}, Keep: 10 * aDay})
	var grown int64
	for today := range 35 {
		fill(t, s, c, 300, 0)
		s.db.NoSync = true
		p := claimed(t, s, take(t, s, order(numbers(60)...)))
		must(t, s.Refuse(p, "no credit", "-3"))
		showAll(t, s)
		c.pass(aDay - 300*time.Second)
		prune(t, s)
		if size := ok(os.Stat(path)).Size(); today == 20 {
			grown = size
		} else if today > 20 && size > grown {
			t.Fatalf("day %d: %d bytes, were %d on day 20", today, size, grown)
		}
	}
}

func TestManyGoInSmallSteps(t *testing.T) {
	c := newClock()
	s := open(t, tempFile(t), c.inbox(group))
	fill(t, s, c, 2e4, 0)
	s.db.NoSync = true
	c.pass(91 * aDay)
	fetched(t, s, unread(c, "new"))
	const limit, piece = 1000, 122
	deleted := 0
	for more := true; more; {
		n, m, err := s.Prune(limit)
		must(t, err)
		if n > limit+piece {
			t.Fatalf("%d rows deleted in one transaction", n)
		}
		deleted, more = deleted+n, m
	}
	if left := rows(t, s); deleted < 6e4 || left["sms"] != 1 || left["seen"] != 1 || left["link"] != 0 {
		t.Errorf("%d rows deleted, left %v", deleted, left)
	}
}

// TestAnOrderGoesAtOnceForThoseWhoAsk deletes an order to 130, a piece in each step: nobody is told what is left of it as if that was all, not even as
// the panel tells of one of those.
func TestAnOrderGoesAtOnceForThoseWhoAsk(t *testing.T) {
	c := newClock()
	s := open(t, tempFile(t), c.inbox(group))
	id := sent(t, s, 130)
	for range 2 {
		p := claim(t, s)
		must(t, s.Sent(p, accepted(p), nil))
	}
	first := ok(s.Batch(id)).First
	reports := []Report{atTelecom.of(first)}
	for i := range Seq(129) {
		reports = append(reports, delivered.of(first+1+i))
	}
	must(t, s.SetDelivery(reports))
	c.pass(91 * aDay)
	fetched(t, s, unread(c, "new"))
	must(t, s.SetDelivery(reports[:1])) // it is followed no more
	showAll(t, s)
	steps, told := 0, false
	for more := true; more; steps++ {
		_, m, err := s.Prune(1)
		must(t, err)
		more = m
		must(t, s.Check())
		b, err := s.Batch(id)
		listed := len(ok(s.Batches(group, 9)))
		if _, missing := s.SMS(first); err != nil && missing == nil && !told {
			told = true
			must(t, s.SetDelivery([]Report{delivered.of(first)}))
			if posts := heads(t, s); len(posts)+len(marked(t, s)) > 0 {
				t.Errorf("step %d: what is left of the order is told of: %+v", steps, posts)
			}
		}
		if err == nil && (b.N != 130 || listed != 1) || err != nil && (!errors.Is(err, ErrNotFound) || listed != 0) {
			t.Fatalf("step %d: the order is to %d, %v, and %d are listed", steps, b.N, err, listed)
		}
	}
	if left := rows(t, s); left["batch"] != 0 || left["piece"] != 0 || !told {
		t.Errorf("after %d steps left %v, told %t", steps, left, told)
	}
}

// BenchmarkPrune forgets a hundred thousand SMS of two hundred thousand. Limit: 3 ms for a transaction, which other writers wait for.
func BenchmarkPrune(b *testing.B) {
	var took []time.Duration
	for b.Loop() {
		b.StopTimer()
		c := newClock()
		s := openTimed(b, tempFile(b), c.inbox(group))
		fill(b, s, c, 1e5, 0)
		c.pass(91 * aDay)
		fill(b, s, c, 1e5, 0)
		b.StartTimer()
		for more := true; more; {
			begun := time.Now()
			n, m, err := s.Prune(200) // as bot does
			must(b, err)
			if more = m; n > 0 {
				took = append(took, time.Since(begun))
			}
		}
		b.StopTimer()
		if left := rows(b, s)["sms"]; left != 1e5 {
			b.Fatalf("%d SMS are left", left)
		}
		b.StartTimer()
	}
	slices.Sort(took)
	for name, at := range map[string]int{"median": len(took) / 2, "99%": len(took) * 99 / 100, "longest": len(took) - 1} {
		b.ReportMetric(float64(took[at].Microseconds())/1e3, "ms/"+name)
	}
	b.ReportMetric(float64(took[len(took)*99/100])/float64(3*time.Millisecond), "ratio-to-limit")
}
