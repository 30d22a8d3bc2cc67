package store

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"peyk/sms"
)

// Entries reads only a few fields of each row, and not as JSON: what it says must be what whole rows say.
func TestEntriesSayWhatTheRowsSay(t *testing.T) {
	c := newClock()
	s := open(t, tempFile(t), c.inbox(group))
	odd := unread(c, `a text with "c":"09120000000" and ,"agent":9 and \`, "", "\"")
	odd[1].Customer, odd[2].Line, odd[2].Received = `"quo"ted\`, "", time.Time{}
	fetched(t, s, odd)
	c.pass(time.Hour)
	o := order(ali, sara)
	o.Text, o.AgentName = `{"agent":99,"who":"nobody","s":4,"r":1}`, "علی"
	p := claimed(t, s, take(t, s, o))
	must(t, s.Sent(p, []Outcome{{ID: "71"}, {Reason: sms.Refused, Words: `"d":0,"s":1`}}, nil))
	take(t, s, order(ali))
	fetched(t, s, unread(c, "later"))

	for _, since := range []time.Time{{}, c.now().Add(-time.Minute)} {
		var got []Entry
		must(t, s.Entries(t.Context(), since, func(e *Entry) { got = append(got, *e) }))
		n, customers := 0, map[sms.Number]int{}
		for seq := Seq(1); seq <= 7; seq++ {
			m := ok(s.SMS(seq))
			want := Entry{Direction: m.Direction, Line: m.Line, At: arrived(m).Unix(), Status: m.Status}
			if m.Batch != 0 {
				b := ok(s.Batch(m.Batch))
				want.Agent, want.AgentName = b.Agent, b.AgentName
			}
			if _, met := customers[m.Customer]; !met {
				customers[m.Customer] = len(customers)
			}
			want.Customer = customers[m.Customer]
			if want.At < since.Unix() {
				continue
			}
			if n >= len(got) || got[n] != want {
				t.Errorf("since %v: entry of sms %d is not %+v: %+v", since, seq, want, got)
				break
			}
			n++
		}
		if n != len(got) {
			t.Errorf("since %v: %d entries, want %d", since, len(got), n)
		}
	}
}

func TestEntriesBeginWhereTheirTimeIs(t *testing.T) {
	c := newClock()
	s := open(t, tempFile(t), c.inbox(group))
	must(t, s.Entries(t.Context(), time.Time{}, func(*Entry) { t.Error("an entry of an empty store") }))
	begun := c.now()
	for i := range 40 {
		n := strconv.Itoa(i)
		fetched(t, s, unread(c, "one "+n, "two "+n, "three "+n))
		c.pass(12 * time.Hour)
	}
	must(t, s.update(func(t *tx) error { return t.bucket(bucketSMS).SetSequence(1e9) })) // as a restored backup does
	fetched(t, s, unread(c, "new"))
	for days := range 25 {
		since := begun.Add(time.Duration(days)*aDay - time.Second)
		n := 0
		must(t, s.Entries(t.Context(), since, func(*Entry) { n++ }))
		want := 3 * max(0, 40-2*days)
		if days <= 20 {
			want++
		}
		if n != want {
			t.Errorf("since day %d: %d entries, want %d", days, n, want)
		}
	}
}

// BenchmarkEntries reads a million SMS of a hundred thousand customers, as /stats does for 90 days.
func BenchmarkEntries(b *testing.B) {
	c := newClock()
	s := openTimed(b, tempFile(b), c.inbox(group))
	s.db.NoSync = true
	for range 200 {
		must(b, s.update(func(t *tx) error {
			for _, m := range traffic(c, 5000) {
				seq, _ := t.bucket(bucketSMS).NextSequence()
				m.Customer = sms.Number(fmt.Sprintf("0912%07d", seq*7919%100_000))
				if err := t.putSMS(SMS{Seq: Seq(seq), Message: m}); err != nil {
					return err
				}
			}
			return nil
		}))
	}
	for b.Loop() {
		n := 0
		must(b, s.Entries(b.Context(), time.Time{}, func(*Entry) { n++ }))
		if n != 1_000_000 {
			b.Fatalf("%d entries", n)
		}
	}
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N)/1, "ratio-to-limit") // of 1 s
}
