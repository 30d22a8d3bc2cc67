package bridge_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"peyk/sandbox/panel"
	"peyk/sandbox/telegram"
	"peyk/sms"
	"peyk/store"
)

// The limits are those of doc/performance.md; every benchmark prints how its figure stands to its limit, so that at most 1 is well.

// BenchmarkPanelToTelegram measures how long an SMS takes from the panel to the chat at a poll interval of 100 ms, when customers write
// at random moments. The limit is 1.15 (P/2 + 3 ms) for the median.
func BenchmarkPanelToTelegram(b *testing.B) {
	const interval = 100 * time.Millisecond
	w := newLoopbackWorld(b, telegram.Options{})
	w.relay.PollInterval = interval
	w.start()
	posted := make(chan time.Time, 1)
	w.tg.OnCall(func(stage telegram.Stage, method string, _ int64) {
		if method == "sendMessage" && stage == telegram.AfterHandling {
			posted <- time.Now()
		}
	})
	var took []time.Duration
	for b.Loop() {
		time.Sleep(rand.N(interval)) // a customer's own time, not a wait for something
		begun := time.Now()
		w.panel.Receive("09121111111", "30001234", fmt.Sprint("message ", len(took)))
		took = append(took, (<-posted).Sub(begun))
	}
	slices.Sort(took)
	median, p99 := took[len(took)/2], took[len(took)*99/100]
	limit := 1.15 * float64(interval/2+3*time.Millisecond)
	b.ReportMetric(float64(median)/1e6, "median-ms")
	b.ReportMetric(float64(p99)/1e6, "p99-ms")
	b.ReportMetric(float64(median)/limit, "ratio-to-limit")
}

// BenchmarkInboundBesideFind measures the same while somebody searches 120,000 SMS again and again, and while nobody does. The limit is 1.1 times.
func BenchmarkInboundBesideFind(b *testing.B) {
	w := newLoopbackWorld(b, telegram.Options{})
	w.relay.PollInterval = 100 * time.Millisecond
	w.start()
	for order := range 2 { // which is cancelled
		o := &store.Order{Place: sms.Place{Chat: 7}, Agent: 7, Message: sms.ChatMessageID(order + 1), Line: "30001234", Text: "سلام خوبی؟", Parts: 1, Ask: true}
		for i := range 1000 {
			var piece []sms.Number
			for j := range 60 {
				piece = append(piece, sms.Number(fmt.Sprintf("0913%07d", 60*i+j)))
			}
			o.Pieces = append(o.Pieces, piece)
		}
		id, err := w.store.Take(store.UpdateKey{Chat: 7, Message: o.Message}, store.Caused{Order: o})
		if err == nil {
			_, err = w.store.Decide(id, 1, store.Cancel, "Ali")
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	posted := make(chan time.Time, 1)
	w.tg.OnCall(func(stage telegram.Stage, method string, chat int64) {
		if method == "sendMessage" && chat == w.group && stage == telegram.AfterHandling {
			posted <- time.Now()
		}
	})
	took := map[bool][]time.Duration{}
	inbound := func(searching bool) {
		ctx, stop := context.WithCancel(b.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			for searching && ctx.Err() == nil {
				if _, _, _, done, err := w.store.Find(ctx, store.Search{Words: []string{"apple"}, Limit: 10}); err == nil && !done {
					b.Error("the search found something")
				}
			}
		}()
		time.Sleep(rand.N(w.relay.PollInterval))
		begun := time.Now()
		w.panel.Receive("09121111111", "30001234", fmt.Sprintf("message %d, %t", len(took[true]), searching))
		took[searching] = append(took[searching], (<-posted).Sub(begun))
		stop()
		<-ended
	}
	for b.Loop() {
		inbound(false)
		inbound(true)
	}
	for _, t := range took {
		slices.Sort(t)
	}
	without, with := took[false][len(took[false])/2], took[true][len(took[true])/2]
	b.ReportMetric(float64(without)/1e6, "without-ms")
	b.ReportMetric(float64(with)/1e6, "with-ms")
	b.ReportMetric(float64(with)/float64(without)/1.1, "ratio-to-limit")
}

// BenchmarkCommandToSendSMS measures from an agent's /send to the request at the panel. The limit is 3 ms.
func BenchmarkCommandToSendSMS(b *testing.B) {
	w := newLoopbackWorld(b, telegram.Options{})
	w.relay.PollInterval = time.Second
	w.storeOpts.StatusInterval = time.Hour
	w.start()
	w.quiet()
	arrived := make(chan time.Time, 1)
	w.panel.OnCall(func(c panel.Call) {
		if c.Method == "SendSMS" && c.Stage == panel.Arrived {
			arrived <- time.Now()
		}
	})
	var took []time.Duration
	for b.Loop() {
		begun := time.Now()
		w.says(telegram.Post{Chat: w.ali, From: w.ali, Text: fmt.Sprint("/send 09121111111 hello ", len(took))})
		took = append(took, (<-arrived).Sub(begun))
	}
	slices.Sort(took)
	median := took[len(took)/2]
	b.ReportMetric(float64(median)/1e6, "median-ms")
	b.ReportMetric(float64(median)/float64(3*time.Millisecond), "ratio-to-limit")
}

// BenchmarkInbound measures how many SMS a second one poller and one chat take without Telegram's limits. The limit is 1,000.
func BenchmarkInbound(b *testing.B) {
	const n = 2000
	for b.Loop() {
		w := newLoopbackWorld(b, telegram.Options{})
		for i := range n {
			w.panel.Receive(fmt.Sprintf("0912%07d", i), "30001234", "سلام، سفارش من چه شد؟")
		}
		events := w.tg.Watch(w.context())
		begun := time.Now()
		w.start()
		for shown := 0; shown < n; {
			for _, e := range (<-events).Message.Entities {
				if e.Type == "blockquote" {
					shown++
				}
			}
		}
		rate := n / time.Since(begun).Seconds()
		b.ReportMetric(rate, "SMS/s")
		b.ReportMetric(1000/rate, "ratio-to-limit")
		w.end()
	}
}

// telegramSpeed is how much faster than real time Telegram's limits pass in the benchmarks of the queue.
const telegramSpeed = 5

func newLimitedWorld(b *testing.B) *world {
	w := newLoopbackWorld(b, telegram.Options{Limits: telegram.UsualLimits(), Speed: telegramSpeed})
	w.opts.TelegramSecond = time.Second / telegramSpeed
	return w
}

// BenchmarkQueue measures how long a backlog takes at Telegram's limits, against the time the limits themselves take. The
// limit is 1.02 one by one, 1.1 with several SMS in one message; Telegram must never have to say 429.
func BenchmarkQueue(b *testing.B) {
	long := strings.Repeat("بلند ", 800) // too long for two of them to share a message
	for _, bench := range []struct {
		name         string
		chats, texts int
		group        bool
		text         string
		allowed      float64 // over the formula
		formula      func(messages int) float64
	}{
		{"one group, one by one", 1, 60, true, long, 1.02, groupSeconds},
		{"one group, digests", 1, 1000, true, "سلام، سفارش من چه شد؟ لطفا پیگیری کنید", 1.1, groupSeconds},
		{"30 private chats", 30, 20, false, long, 1.02, func(n int) float64 { return float64(n/30 - 1) }},
		{"many groups, one each", 300, 1, true, long, 1.02, func(n int) float64 { return float64(n) / 30 }},
	} {
		b.Run(bench.name, func(b *testing.B) {
			for b.Loop() {
				w := newLimitedWorld(b)
				w.storeOpts.Inbox = nil
				for range bench.chats {
					chat := w.tg.AddUser(telegram.User{FirstName: "Reader"}).ID
					if bench.group {
						chat = w.tg.AddSupergroup("Group", w.sara, w.tg.Bot().ID)
					} else if _, err := w.tg.Say(telegram.Post{Chat: chat, From: chat, Text: "hello"}); err != nil {
						b.Fatal(err)
					}
					w.storeOpts.Inbox = append(w.storeOpts.Inbox, sms.ChatID(chat))
				}
				for i := range bench.texts {
					w.panel.Receive(fmt.Sprintf("0912%07d", i), "30001234", bench.text)
				}
				events := w.tg.Watch(context.Background())
				w.start()
				showsAll(b, w, events, bench.texts*bench.chats, bench.allowed, bench.formula)
				w.end()
			}
		})
	}
}

// showsAll waits until n SMS are shown and reports the time from the first message to the last.
func showsAll(b *testing.B, w *world, events <-chan telegram.Event, n int, allowed float64, formula func(messages int) float64) {
	var first, last time.Time
	messages := 0
	for shown := 0; shown < n; {
		e := <-events
		blocks := 0
		for _, entity := range e.Message.Entities {
			if entity.Type == "blockquote" {
				blocks++
			}
		}
		if blocks == 0 {
			continue
		}
		if messages++; messages == 1 {
			first = e.At
		}
		shown += blocks
		last = e.At
	}
	seconds := last.Sub(first).Seconds() * telegramSpeed
	limit := formula(messages)
	b.ReportMetric(seconds, "telegram-s")
	b.ReportMetric(float64(messages), "messages")
	b.ReportMetric(seconds/limit, "of-the-formula")
	b.ReportMetric(seconds/limit/allowed, "ratio-to-limit")
	b.ReportMetric(float64(w.tg.Throttled()), "429s")
}

// groupSeconds is T(n) of doc/performance.md: how long n messages into one group take where nothing else waits.
func groupSeconds(n int) float64 { return 60*float64((n-1)/20) + 2.9*float64((n-1)%20) }
