package store

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"peyk/sms"
)

// The limits are those of the guarantees: a figure over its limit is a fault.

// openTimed opens a store that writes as in use, and does not check itself: a million rows take a minute.
func openTimed(b *testing.B, path string, opts Options) *Store {
	b.Helper()
	s, err := Open(path, opts)
	must(b, err)
	b.Cleanup(func() { s.Close() })
	s.HeardAnswer(0, s.opts.Now()) // nothing is pruned by a clock that may be wrong
	if _, _, err := s.NoteClock(); err != nil {
		b.Fatal(err)
	}
	return s
}

var persian = strings.Repeat("سلام خوبی؟ ", 6) // 66 characters: one part

// traffic is n SMS of many customers, one a second from the clock on.
func traffic(c *clock, n int) []sms.Message {
	all := make([]sms.Message, n)
	for i := range all {
		c.pass(time.Second)
		all[i] = sms.Message{
			Conversation: sms.Conversation{Line: line, Customer: sms.Number(fmt.Sprintf("0912%07d", c.now().Unix()*7919%1e7))},
			Text:         persian, Time: c.now(), Received: c.now(),
		}
	}
	return all
}

// fill stores n SMS, all but the last waiting shown.
func fill(b testing.TB, s *Store, c *clock, n, waiting int) {
	b.Helper()
	s.db.NoSync = true
	for left := n; left > 0; {
		some := min(5000, left)
		raw := ok(s.SaveRaw(Raw{}))
		ok(s.SaveUnread(raw, traffic(c, some), nil))
		left -= some
		due := posts(b, s)
		if left < waiting {
			due = due[:max(0, len(due)-(waiting-left))]
		}
		must(b, s.update(func(t *tx) error {
			for _, p := range due {
				if err := put(t.bucket(bucketShows), messageKey(p.Chat, sms.ChatMessageID(p.Seq)), Shown{Seq: p.Seq}); err != nil {
					return err
				}
				if err := t.bucket(bucketPost).Delete(postKey(p.Chat, p.Class, p.ID)); err != nil {
					return err
				}
			}
			return nil
		}))
	}
	must(b, s.db.Sync())
	s.db.NoSync = false
}

func BenchmarkCommit(b *testing.B) {
	s := openTimed(b, tempFile(b), Options{})
	for b.Loop() {
		must(b, s.BeginFetch())
		must(b, s.EndFetch(nil))
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/2, "µs/commit")
}

func BenchmarkFiftyWriters(b *testing.B) {
	s := openTimed(b, tempFile(b), Options{})
	before := commits(s)
	var wg sync.WaitGroup
	each := b.N/50 + 1
	for w := range 50 {
		wg.Go(func() {
			for i := range each {
				s.Take(UpdateKey{Chat: sms.ChatID(w), Message: sms.ChatMessageID(i)}, Caused{})
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(50*each)/b.Elapsed().Seconds(), "writes/s")
	b.ReportMetric(float64(50*each)/float64(commits(s)-before), "writes/commit")
}

// BenchmarkGrowth times what is done all day, at a thousand SMS stored and at a million. Limits: ratio 2; 400 bytes an SMS.
func BenchmarkGrowth(b *testing.B) {
	if testing.Short() {
		b.Skip("builds a file of 400 MB")
	}
	const rounds = 300
	took, worst := map[string]map[int][]time.Duration{}, 0.0
	for _, stored := range []int{1e3, 1e6} {
		path, c := tempFile(b), newClock()
		s := openTimed(b, path, c.inbox(group))
		fill(b, s, c, stored, 0)
		must(b, s.Close())
		size := ok(os.Stat(path)).Size()
		s = openTimed(b, path, c.inbox(group))
		measure := func(name string, do func()) {
			begun := time.Now()
			do()
			if took[name] == nil {
				took[name] = map[int][]time.Duration{}
			}
			took[name][stored] = append(took[name][stored], time.Since(begun))
		}
		for i := range rounds {
			unread := traffic(c, 50)
			raw := ok(s.SaveRaw(Raw{}))
			measure("fetch50", func() { ok(s.SaveUnread(raw, unread, nil)) })
			p := heads(b, s)[0]
			measure("post", func() { must(b, s.Posted(p, sms.ChatMessageID(1e7)+sms.ChatMessageID(p.Seq), false)) })
			measure("heads", func() { heads(b, s) })
			measure("order", func() { ok(s.Take(UpdateKey{Chat: group, Message: sms.ChatMessageID(i)}, Caused{Order: order(ali)})) })
			piece := claim(b, s)
			measure("sent", func() { must(b, s.Sent(piece, accepted(piece), nil)) })
		}
		if stored == 1e6 {
			b.ReportMetric(float64(size)/float64(stored), "B/SMS")
			worst = float64(size) / float64(stored) / 400
		}
	}
	for name, of := range took {
		b.ReportMetric(float64(median(of[1e6]).Microseconds()), name+"-µs")
		slower := float64(median(of[1e6])) / float64(median(of[1e3]))
		b.ReportMetric(slower, name+"-1e6/1e3")
		worst = max(worst, slower/2)
	}
	b.ReportMetric(worst, "ratio-to-limit")
}

// BenchmarkStartWithoutAChat opens a file in which a hundred thousand SMS wait for a chat to be set up.
func BenchmarkStartWithoutAChat(b *testing.B) {
	path, c := tempFile(b), newClock()
	s := openTimed(b, path, c.inbox())
	s.db.NoSync = true
	for range 20 {
		ok(s.SaveUnread(ok(s.SaveRaw(Raw{})), traffic(c, 5000), nil))
	}
	must(b, s.Close())
	for b.Loop() {
		s, err := Open(path, c.inbox())
		must(b, err)
		b.StopTimer()
		kill(b, s)
		b.StartTimer()
	}
	b.ReportMetric(float64(b.Elapsed())/float64(b.N)/float64(50*time.Millisecond), "ratio-to-limit")
}

// BenchmarkStats counts what waits when a hundred thousand SMS do. Limit: 10 ms, as it is asked for every few seconds.
func BenchmarkStats(b *testing.B) {
	c := newClock()
	s := openTimed(b, tempFile(b), c.inbox(group))
	s.db.NoSync = true
	for range 20 {
		ok(s.SaveUnread(ok(s.SaveRaw(Raw{})), traffic(c, 5000), nil))
	}
	for b.Loop() {
		if n := ok(s.Stats()); n.Posts != 1e5 {
			b.Fatalf("%d posts wait, want 100,000", n.Posts)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/1e3, "ms")
	b.ReportMetric(float64(b.Elapsed())/float64(b.N)/float64(10*time.Millisecond), "ratio-to-limit")
}

func median(all []time.Duration) time.Duration {
	slices.Sort(all)
	return all[len(all)/2]
}

// BenchmarkStart opens a file of a million SMS, a hundred thousand of which wait. Limit: 50 ms from there to the first post.
func BenchmarkStart(b *testing.B) {
	if testing.Short() {
		b.Skip("builds a file of 400 MB")
	}
	path, c := filepath.Join(b.TempDir(), "peyk.db"), newClock()
	s := openTimed(b, path, c.inbox(group, 88))
	fill(b, s, c, 1e6, 1e5)
	if _, queued, err := s.Waiting(); err != nil || queued < 1e5 {
		b.Fatalf("%d posts wait (%v), want 100,000", queued, err)
	}
	must(b, s.Close())
	var opened, headed time.Duration
	b.ResetTimer()
	for range b.N {
		begun := time.Now()
		s, err := Open(path, c.inbox(group, 88))
		must(b, err)
		opened += time.Since(begun)
		begun = time.Now()
		if len(heads(b, s)) == 0 {
			b.Fatal("nothing waits")
		}
		headed += time.Since(begun)
		b.StopTimer()
		kill(b, s)
		b.StartTimer()
	}
	b.ReportMetric(float64(opened.Microseconds())/float64(b.N)/1e3, "ms/open")
	b.ReportMetric(float64(headed.Microseconds())/float64(b.N), "µs/heads")
	b.ReportMetric(float64((opened+headed).Microseconds())/float64(b.N)/50e3, "ratio-to-limit")
}
