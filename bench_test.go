package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"peyk/cluster"
	"peyk/cluster/etcdtest"
	"peyk/sandbox/panel"
	"peyk/sandbox/sandboxtest"
	"peyk/sandbox/telegram"
	"peyk/sms"
	"peyk/store"
)

// The limits are those of doc/performance.md; every benchmark prints how its figure stands to its limit, so that at most 1 is well.

// stage is what the bridge is measured between. Its team is Sara alone, with one line.
type stage struct {
	*sandboxtest.World
	dir     string
	environ []string
}

func newStage(b testing.TB) *stage {
	s := &stage{World: sandboxtest.New(b, telegram.Options{}, panel.Options{}), dir: b.TempDir()}
	s.Listen()
	s.environ = append(s.Environ(), "ALLOWED_USERS=", "SMS_LINES=30001234", "POLL_INTERVAL=100ms", "DB_PATH="+filepath.Join(s.dir, "peyk.db"))
	return s
}

// arrivals receives when Telegram is called with that method; what nobody waits for is dropped.
func (s *stage) arrivals(of string) <-chan time.Time {
	arrived := make(chan time.Time, 1)
	s.TG.OnCall(func(stage telegram.Stage, method string, _ int64) {
		if stage == telegram.BeforeHandling && method == of {
			select {
			case arrived <- time.Now():
			default:
			}
		}
	})
	return arrived
}

// BenchmarkProgram measures the program as it is installed: its size on disk, its start and its memory when nothing is to be done.
// The limits are 12 MB, 20 ms from its start to the first getUpdates, and 20 MB.
func BenchmarkProgram(b *testing.B) {
	const mb = 1e6
	program := filepath.Join(b.TempDir(), "peyk")
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", program, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("build: %v\n%s", err, out)
	}
	start := func(b *testing.B, s *stage) *exec.Cmd {
		cmd := exec.Command(program)
		cmd.Dir, cmd.Env = s.dir, s.environ
		if err := cmd.Start(); err != nil {
			b.Fatal(err)
		}
		return cmd
	}
	end := func(b *testing.B, cmd *exec.Cmd) {
		if err := errors.Join(cmd.Process.Signal(syscall.SIGTERM), cmd.Wait()); err != nil {
			b.Fatal(err)
		}
	}

	b.Run("size", func(b *testing.B) {
		info, err := os.Stat(program)
		if err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
		}
		b.ReportMetric(float64(info.Size())/mb, "MB")
		b.ReportMetric(float64(info.Size())/(12*mb), "ratio-to-limit")
	})
	b.Run("start", func(b *testing.B) {
		s := newStage(b)
		asked := s.arrivals("getUpdates")
		var took []time.Duration
		for b.Loop() {
			begun := time.Now()
			cmd := start(b, s)
			took = append(took, (<-asked).Sub(begun))
			b.StopTimer()
			end(b, cmd)
			for len(asked) > 0 {
				<-asked // the last one confirms
			}
			b.StartTimer()
		}
		slices.Sort(took)
		median := took[len(took)/2]
		b.ReportMetric(float64(median)/1e6, "median-ms")
		b.ReportMetric(float64(median)/float64(20*time.Millisecond), "ratio-to-limit")
	})
	b.Run("idle", func(b *testing.B) {
		if _, err := os.Stat("/proc/self/status"); err != nil {
			b.Skip("only Linux tells of memory in this way: ", err)
		}
		s := newStage(b)
		fetched := make(chan struct{})
		s.Panel.OnCall(func(c panel.Call) {
			if c.Method == "GetMsg" && c.Stage == panel.Arrived {
				fetched <- struct{}{}
			}
		})
		var resident, anonymous int
		for b.Loop() {
			cmd := start(b, s)
			for range 20 {
				<-fetched
			}
			status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", cmd.Process.Pid))
			if err != nil {
				b.Fatal(err)
			}
			for name, to := range map[string]*int{"VmRSS": &resident, "RssAnon": &anonymous} {
				_, value, _ := strings.Cut(string(status), "\n"+name+":")
				if _, err := fmt.Sscan(value, to); err != nil {
					b.Fatal(name, err)
				}
			}
			ended := make(chan struct{})
			go func() { // a fetch under way is let come to its end
				for {
					select {
					case <-fetched:
					case <-ended:
						return
					}
				}
			}()
			end(b, cmd)
			close(ended)
		}
		b.ReportMetric(float64(anonymous)*1024/mb, "MB-without-files")
		b.ReportMetric(float64(resident)*1024/mb, "MB")
		b.ReportMetric(float64(resident)*1024/(20*mb), "ratio-to-limit")
	})
	b.Run("bulk", func(b *testing.B) {
		benchmarkBulk(b, func(s *stage) (pid int, stop func()) {
			cmd := start(b, s)
			return cmd.Process.Pid, func() { end(b, cmd) }
		})
	})
}

// benchmarkBulk measures a bulk order of 10,000 rows, each with a text of its own, at a panel that takes 20 ms for a request. The limits are 1 s from the
// file to the question, 10 s from [Send] to the last SMS, 2 s for an order of one that is given meanwhile, and 20 MB of memory more than before.
func benchmarkBulk(b *testing.B, start func(*stage) (pid int, stop func())) {
	const rows, mb = 10_000, 1e6
	if _, err := os.Stat("/proc/self/status"); err != nil {
		b.Skip("only Linux tells of memory in this way: ", err)
	}
	var file strings.Builder
	for i := range rows {
		fmt.Fprintf(&file, "0912%07d,سلام، سفارش %d شما آماده است. برای هماهنگی تحویل با ما تماس بگیرید.\n", i, i)
	}
	var asked, took, answered time.Duration
	var memory float64
	for b.Loop() {
		s := newStage(b)
		pid, stop := start(s)
		var mu sync.Mutex
		most := 0
		sample := func() int {
			mu.Lock()
			defer mu.Unlock()
			status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
			_, value, _ := strings.Cut(string(status), "\nRssAnon:")
			now := 0
			if _, failed := fmt.Sscan(value, &now); err != nil || failed != nil {
				b.Error("memory: ", err, failed)
			}
			most = max(most, now)
			return now
		}
		s.Says(telegram.Post{Chat: s.Group, From: s.Sara, Text: "/start"})
		s.Sees(s.Group, "Customers' SMS")
		before := sample()
		arrived := make(chan time.Time, 100)
		s.Panel.OnCall(func(c panel.Call) {
			sample()
			if c.Method == "SendSMS" && c.Stage == panel.Arrived {
				arrived <- time.Now()
			}
		})
		s.TG.OnCall(func(telegram.Stage, string, int64) { sample() })
		s.Panel.Arm(panel.Fault{Kind: panel.Slow, Method: "SendMultipleSMS", Delay: 20 * time.Millisecond, Times: -1})

		begun := time.Now()
		s.Says(telegram.Post{Chat: s.Sara, From: s.Sara, Caption: "/bulk", Document: &telegram.Document{Name: "bulk.csv", Data: []byte(file.String())}})
		question := s.Sees(s.Sara, "Recipients: 10000")
		asked = max(asked, time.Since(begun))
		begun = time.Now()
		s.Presses(s.Sara, question, "Send")
		orders := 0
		for done := 0; done < rows; done = s.Panel.SentCount() - orders {
			at := time.Now()
			orders++
			s.Says(telegram.Post{Chat: s.Group, From: s.Sara, Text: fmt.Sprintf("/send 09351111111 hello %d", orders)})
			answered = max(answered, (<-arrived).Sub(at))
		}
		took = max(took, time.Since(begun))
		s.Sees(s.Sara, "What became of each row")
		memory = max(memory, float64(most-before)*1024/mb)
		stop()
	}
	b.ReportMetric(float64(asked)/1e6, "ms-to-question")
	b.ReportMetric(took.Seconds(), "s")
	b.ReportMetric(float64(answered)/1e6, "ms-meanwhile")
	b.ReportMetric(memory, "MB-more")
	b.ReportMetric(max(asked.Seconds(), took.Seconds()/10, answered.Seconds()/2, memory/20), "ratio-to-limit")
}

// BenchmarkFirstPost measures from the opening of a file of a million SMS, a hundred thousand of which wait, to the first message in
// the chat. The limit is 50 ms.
func BenchmarkFirstPost(b *testing.B) {
	if testing.Short() {
		b.Skip("builds a file of 500 MB")
	}
	s := newStage(b)
	settings := s.settings(b)
	fill(b, settings, 1e6, 1e5)
	posted := s.arrivals("sendMessage")
	var took []time.Duration
	for b.Loop() {
		ctx, stop := context.WithCancel(b.Context())
		ended := make(chan error)
		begun := time.Now()
		go func() { ended <- runBridge(ctx, settings, slog.New(slog.DiscardHandler)) }()
		took = append(took, (<-posted).Sub(begun))
		b.StopTimer()
		stop()
		if err := <-ended; err != nil {
			b.Fatal(err)
		}
		for len(posted) > 0 {
			<-posted
		}
		b.StartTimer()
	}
	slices.Sort(took)
	median := took[len(took)/2]
	b.ReportMetric(float64(median)/1e6, "median-ms")
	b.ReportMetric(float64(median)/float64(50*time.Millisecond), "ratio-to-limit")
}

// BenchmarkClusterSend measures from an agent's order to the panel, with an etcd of three on loopback and, by turns, without: the limit of what
// the cluster takes more is two puts of that etcd's, and 1 ms. ratio-of-all is of the whole way with a cluster to that limit.
func BenchmarkClusterSend(b *testing.B) {
	servers := etcdtest.Start(b, 3)
	etcd := servers.Dial()
	put := func(n int) time.Duration {
		begun := time.Now()
		key := fmt.Sprint("bench/", n)
		_, err := etcd.Do(b.Context(), cluster.Txn{If: []cluster.Guard{{Key: key}}, Then: []cluster.Op{{Key: key, Put: make([]byte, 2048)}}})
		if err != nil {
			b.Fatal(err)
		}
		return time.Since(begun)
	}
	with := newStage(b).sender(b, "CLUSTER="+strings.Join(servers.Endpoints(), ","))
	without := newStage(b).sender(b)
	var clustered, alone, puts []time.Duration
	for n := 0; b.Loop(); n++ {
		clustered = append(clustered, with(n))
		b.StopTimer()
		time.Sleep(300 * time.Millisecond) // what follows a send is at rest by then, most of the time
		alone = append(alone, without(n))
		time.Sleep(300 * time.Millisecond)
		puts = append(puts, put(n))
		b.StartTimer()
	}
	median := func(all []time.Duration) time.Duration {
		slices.Sort(all)
		return all[len(all)/2]
	}
	limit, more := 2*median(puts)+time.Millisecond, median(clustered)-median(alone)
	b.ReportMetric(float64(median(puts))/1e6, "put-ms")
	b.ReportMetric(float64(median(clustered))/1e6, "median-ms")
	b.ReportMetric(float64(median(alone))/1e6, "ms-without")
	b.ReportMetric(float64(more)/float64(limit), "ratio-to-limit")
	b.ReportMetric(float64(median(clustered))/float64(limit), "ratio-of-all")
}

// sender runs a bridge with more settings and returns how long its n-th order takes from the agent to the panel.
func (s *stage) sender(b *testing.B, more ...string) (order func(n int) time.Duration) {
	sent := make(chan time.Time, 1)
	s.Panel.OnCall(func(c panel.Call) {
		if c.Method == "SendSMS" && c.Stage == panel.Arrived {
			sent <- time.Now()
		}
	})
	s.run(b, append([]string{"POLL_INTERVAL=1h"}, more...)...)
	s.Says(telegram.Post{Chat: s.Group, From: s.Sara, Text: "/start"})
	s.Sees(s.Group, "Customers' SMS")
	return func(n int) time.Duration {
		begun := time.Now()
		s.Says(telegram.Post{Chat: s.Group, From: s.Sara, Text: fmt.Sprintf("/send 0912%07d salam %d", n, n)})
		return (<-sent).Sub(begun)
	}
}

// settings are those of a bridge, with more; the last of a name counts.
func (s *stage) settings(b *testing.B, more ...string) settings {
	settings, _, err := readSettings(append(slices.Clone(s.environ), more...), "")
	if err != nil {
		b.Fatal(err)
	}
	settings.bot.TelegramSecond = time.Millisecond // or a start within a second of the last end waits, as it must
	return settings
}

// run runs a bridge until the benchmark ends.
func (s *stage) run(b *testing.B, more ...string) {
	settings := s.settings(b, more...)
	ctx, stop := context.WithCancel(b.Context())
	ended := make(chan error)
	go func() { ended <- runBridge(ctx, settings, slog.New(slog.DiscardHandler)) }()
	b.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			b.Error(err)
		}
	})
}

// BenchmarkClusterCopy has a machine without a file join one that has stored a million SMS, while 1,000 come in a minute and agents write, with an etcd of
// three on loopback. The limits are a minute until it is ready to take over, and 2 s from an agent's order to the panel meanwhile.
func BenchmarkClusterCopy(b *testing.B) {
	if testing.Short() {
		b.Skip("builds a file of 500 MB")
	}
	for b.Loop() {
		b.StopTimer()
		s, etcd := newStage(b), "CLUSTER="+strings.Join(etcdtest.Start(b, 3).Endpoints(), ",")
		fill(b, s.settings(b), 1e6, 0)
		order := s.sender(b, etcd, "POLL_INTERVAL=100ms")
		ctx, stop := context.WithCancel(b.Context())
		var coming sync.WaitGroup
		coming.Go(func() {
			every := time.NewTicker(60 * time.Millisecond)
			defer every.Stop()
			for n := 0; ctx.Err() == nil; n++ {
				s.Panel.Receive(fmt.Sprintf("0913%07d", n), "30001234", fmt.Sprint("salam ", n))
				<-every.C
			}
		})
		orders := 0
		waits := func(until func() bool) (longest time.Duration) {
			for !until() {
				longest = max(longest, order(orders))
				orders++
				time.Sleep(100 * time.Millisecond)
			}
			return longest
		}
		before := waits(func() bool { return orders == 100 })
		address, asks := freeAddress(b), http.Client{Timeout: time.Second}
		b.StartTimer()
		begun := time.Now()
		s.run(b, etcd, "DB_PATH="+filepath.Join(b.TempDir(), "peyk.db"), "HTTP_ADDR="+address)
		during := waits(func() bool {
			answer, err := asks.Get("http://" + address + "/readyz")
			if err != nil {
				return false
			}
			answer.Body.Close()
			return answer.StatusCode == http.StatusOK
		})
		took, left := time.Since(begun), 0
		for _, m := range s.Panel.Inbox() {
			if !m.Fetched {
				left++
			}
		}
		stop()
		coming.Wait()
		b.ReportMetric(float64(left), "SMS-left-at-panel")
		b.ReportMetric(float64(before)/1e6, "ms-longest-before")
		b.ReportMetric(float64(during)/1e6, "ms-longest")
		b.ReportMetric(took.Seconds(), "s")
		b.ReportMetric(max(took.Minutes(), during.Seconds()/2), "ratio-to-limit")
	}
}

// freeAddress returns one that nobody listens on.
func freeAddress(b *testing.B) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// fill stores n SMS of the last days, in digests of thirty all of them shown but the last waiting.
func fill(b *testing.B, s settings, n, waiting int) {
	const page, digest = 5000, 30
	st, err := store.Open(s.dbPath, s.store)
	if err != nil {
		b.Fatal(err)
	}
	begun := time.Now()
	for stored := 0; stored < n; stored += page {
		messages := make([]sms.Message, page)
		for i := range messages {
			at := begun.Add(time.Duration(stored+i-n) * time.Second / 2)
			messages[i] = sms.Message{
				Conversation: sms.Conversation{Line: s.bot.Lines[0], Customer: sms.Number(fmt.Sprintf("0912%07d", (stored+i)%9999991))},
				Text:         strings.Repeat("سلام خوبی؟ ", 6), Time: at, Received: at,
			}
		}
		raw, err := st.SaveRaw(store.Raw{})
		if err == nil {
			_, err = st.SaveUnread(raw, messages, nil)
		}
		if err != nil {
			b.Fatal(err)
		}
		if stored >= n-waiting {
			continue
		}
		for {
			heads, _, err := st.Heads(func(sms.ChatID) bool { return true })
			if err != nil {
				b.Fatal(err)
			}
			if len(heads) == 0 {
				break
			}
			show, err := st.ToShow(heads[0][0], page, 0, time.Time{})
			if err != nil {
				b.Fatal(err)
			}
			var shown sync.WaitGroup // at once, and so in one transaction
			for some := range slices.Chunk(show.Posts, digest) {
				shown.Go(func() {
					if err := st.DigestPosted(some, 0, sms.ChatMessageID(some[0].Seq)); err != nil {
						b.Error(err)
					}
				})
			}
			shown.Wait()
		}
	}
	if _, queued, err := st.Waiting(); err != nil || queued != waiting {
		b.Fatalf("%d posts wait, %v; want %d", queued, err, waiting)
	}
	if err := st.Close(); err != nil {
		b.Fatal(err)
	}
	b.Logf("built in %s", time.Since(begun).Round(time.Second))
}
