//lint:file-ignore ST1018 Persian is written with U+200C

package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"peyk/sms"
)

// search finds all there is, page by page.
func search(tb testing.TB, s *Store, q Search) (all []Found, customers []Customer) {
	tb.Helper()
	for i, word := range q.Words {
		q.Words[i] = sms.Fold(word)
	}
	for pages := 0; pages < 1000; pages++ {
		found, known, next, done, err := s.Find(tb.Context(), q)
		must(tb, err)
		if len(found) > q.Limit || !done && len(found) < q.Limit || pages > 0 && len(known) > 0 {
			tb.Fatalf("page %d has %d SMS and %d customers, done: %v", pages, len(found), len(known), done)
		}
		all, customers = append(all, found...), append(customers, known...)
		if done {
			return all, customers
		}
		q.From = next
	}
	tb.Fatal("a search does not end")
	return nil, nil
}

func seqsOf(found []Found) (seqs []Seq) {
	for _, f := range found {
		seqs = append(seqs, f.Seq)
	}
	return seqs
}

// TestFindFindsWhatEveryRowSays compares pages of any size with a look at every SMS, in words that JSON escapes, too.
func TestFindFindsWhatEveryRowSays(t *testing.T) {
	c := newClock()
	s := open(t, tempFile(t), c.inbox(group))
	words := []string{"سلام", "كتاب", "<b>", "\"quoted\"", "back\\slash", "ORDER", "۱۲۳", "line\u2028end", "a\nb", "می‌روم"}
	for i := range 150 {
		m := unread(c, words[i%len(words)]+" "+words[i*7%len(words)]+fmt.Sprint(" nr", i))
		m[0].Customer = sms.Number(fmt.Sprintf("0912000%04d", i%7))
		if i%9 == 0 {
			m[0].Customer = `a "bank"`
		}
		fetched(t, s, m)
		if i%5 == 0 {
			o := order(sms.Number(fmt.Sprintf("0913000%04d", i)))
			o.Text, o.Message = words[i/5%len(words)], sms.ChatMessageID(10000+i)
			take(t, s, o)
		}
	}
	must(t, s.update(func(t *tx) error {
		return t.editCustomer("09120000003", func(c *Customer) { c.Name = `Mrs "R" Karimi` })
	}))
	text := func(m SMS) string {
		if m.Batch != 0 {
			m.Text = ok(s.Batch(m.Batch)).Text
		}
		c := ok(s.Customer(m.Customer))
		return sms.Fold(m.Text) + "\x00" + string(m.Customer) + "\x00" + sms.Fold(c.Name)
	}
	var rows []SMS
	must(t, s.view(func(t *tx) error {
		return t.bucket(bucketSMS).ForEach(func(key, value []byte) error {
			m, err := readSMS(key, value)
			rows = append(rows, m)
			return err
		})
	}))
	slices.Reverse(rows)
	texts := map[Seq]string{}
	for _, m := range rows {
		texts[m.Seq] = text(m)
	}
	for _, sought := range [][]string{
		{"سلام"}, {"کتاب"}, {"کتاب", "سلام"}, {"<B>"}, {`"quoted"`}, {`k\s`}, {"order"}, {"123"}, {"میروم"}, {"nr1"}, {"0912000"}, {"0003", "کتاب"}, {"karimi"}, {"karimi", "order"},
		{"bank"}, {"0913"}, {"zzz"}, {"\u0062"}, {"u003"}, {"x"}, {`"c"`},
	} {
		var want []Seq
		for _, m := range rows {
			if !slices.ContainsFunc(sought, func(w string) bool { return !strings.Contains(texts[m.Seq], sms.Fold(w)) }) {
				want = append(want, m.Seq)
			}
		}
		for _, limit := range []int{1, 3, 10, 1000} {
			found, customers := search(t, s, Search{Words: slices.Clone(sought), Limit: limit})
			if got := seqsOf(found); !slices.Equal(got, want) {
				t.Errorf("%q, %d at once: found %v, want %v", sought, limit, got, want)
			}
			if known := len(customers) == 1; known != (sought[0] == "karimi" && len(sought) == 1) && known != strings.Contains("09120000003", sought[0]) {
				t.Errorf("%q: customers %+v", sought, customers)
			}
		}
	}
}

// TestAChatFindsWhatItWasShown, and what was ordered there, also before it became a supergroup; and where that stands is known.
func TestAChatFindsWhatItWasShown(t *testing.T) {
	const before, now, other = sms.ChatID(-77), sms.ChatID(-1000000000077), sms.ChatID(-1000000000088)
	c := newClock()
	opts := c.inbox(before)
	opts.Inbox = append(opts.Inbox, other)
	s := open(t, tempFile(t), opts)
	n := sms.ChatMessageID(0)
	show := func(in ...sms.ChatID) {
		for chat := range map[sms.ChatID]bool{before: true, now: true, other: true} {
			for {
				i := slices.IndexFunc(heads(t, s), func(p Post) bool { return p.Chat == chat })
				if i < 0 {
					break
				}
				n++
				must(t, s.Posted(heads(t, s)[i], n, false))
			}
		}
	}
	fetched(t, s, unread(c, "apple one", "pear"))
	show()
	must(t, s.MigrateChat(before, now))
	fetched(t, s, unread(c, "apple two"))
	show()
	o := order("09135555555", "09136666666")
	o.Place, o.Text, o.Message = sms.Place{Chat: other}, "an apple for you", 900
	take(t, s, o)
	show()

	for _, tc := range []struct {
		chat sms.ChatID
		word string
		want []Seq
	}{{0, "apple", []Seq{5, 3, 1}}, {now, "apple", []Seq{3, 1}}, {other, "apple", []Seq{5, 3, 1}}, {-5, "apple", nil}, {now, "pear", []Seq{2}}, {other, "09135555555", []Seq{4}}} {
		for _, limit := range []int{1, 10} {
			found, _ := search(t, s, Search{Words: []string{tc.word}, Chat: tc.chat, Limit: limit})
			if got := seqsOf(found); !slices.Equal(got, tc.want) {
				t.Errorf("%d finds %q in %v, want %v", tc.chat, tc.word, got, tc.want)
			}
			for _, f := range found {
				link, err := s.Shows(f.At.Chat, f.At.ID)
				if err != nil || link.Seq != f.Seq && (f.Batch == 0 || link.Batch != f.Batch) {
					t.Errorf("message %d of %d shows %+v, not %d: %v", f.At.ID, f.At.Chat, link, f.Seq, err)
				}
			}
		}
	}
}

func TestASearchEndsWithItsContext(t *testing.T) {
	c := newClock()
	s := open(t, tempFile(t), c.inbox(group))
	fetched(t, s, unread(c, "apple"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, _, _, err := s.Find(ctx, Search{Words: []string{"apple"}, Limit: 10}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// FuzzFoldJSON: what stands in a row is folded as what was written into it.
func FuzzFoldJSON(f *testing.F) {
	f.Add("a\"b\\c\n<&>\u2028سلام \x01\x7f")
	f.Fuzz(func(t *testing.T, s string) {
		row, err := json.Marshal(map[string]string{"x": s})
		if err != nil {
			t.Skip()
		}
		var back map[string]string
		must(t, json.Unmarshal(row, &back))
		space := func(s string) string {
			return strings.Map(func(r rune) rune {
				if strings.ContainsRune("\n\r\t\b\f", r) {
					return ' '
				}
				return r
			}, s)
		}
		if got, want := string(foldJSON(nil, row[len(`{"x":"`):])), sms.Fold(space(back["x"])); got != want {
			t.Errorf("%q in a row is folded to %q, want %q", s, got, want)
		}
	})
}

// BenchmarkFind looks for what is nowhere, among all SMS and in a chat. Limits: 100 ms at 100,000 SMS, 1 s at 1,000,000; 400 bytes an SMS.
func BenchmarkFind(b *testing.B) {
	for _, stored := range []int{1e5, 1e6} {
		if testing.Short() && stored > 1e5 {
			continue
		}
		path, c := tempFile(b), newClock()
		s := openTimed(b, path, c.inbox(group))
		fill(b, s, c, stored, 0)
		for name, chat := range map[string]sms.ChatID{"all": 0, "chat": group} {
			b.Run(fmt.Sprint(name, "/", stored), func(b *testing.B) {
				var took []time.Duration
				for b.Loop() {
					begun := time.Now()
					found, _, _, done, err := s.Find(b.Context(), Search{Words: []string{sms.Fold("سفارش"), sms.Fold("خوبی")}, Chat: chat, Limit: 10})
					if took = append(took, time.Since(begun)); err != nil || !done || len(found) > 0 {
						b.Fatal(len(found), done, err)
					}
				}
				slices.Sort(took)
				median := took[len(took)/2]
				b.ReportMetric(float64(median.Milliseconds()), "median-ms")
				b.ReportMetric(float64(median)/(float64(stored)*float64(time.Microsecond)), "ratio-to-limit")
			})
		}
		size := ok(os.Stat(path)).Size()
		b.Logf("%d bytes an SMS", size/int64(stored))
	}
}
