package bot_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"peyk/sandbox/panel"
	"peyk/sandbox/telegram"
)

// The limits are those of doc/performance.md; every benchmark prints how its figure stands to its limit, so that at most 1 is well.

// BenchmarkPanelToTelegram measures how long an SMS takes from the panel to the chat at a poll interval of 100 ms, when customers write
// at random moments. The limit is 1.15 (P/2 + 3 ms) for the median.
func BenchmarkPanelToTelegram(b *testing.B) {
	const interval = 100 * time.Millisecond
	w := newWorld(b, telegram.Options{}, panel.Options{})
	w.opts.PollInterval = interval
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

// BenchmarkCommandToSendSMS measures from an agent's /send to the request at the panel. The limit is 3 ms.
func BenchmarkCommandToSendSMS(b *testing.B) {
	w := newWorld(b, telegram.Options{}, panel.Options{})
	w.opts.PollInterval = time.Second
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
		w.says(telegram.Post{Chat: w.ali, From: w.ali, Text: "/send 09121111111 hello"})
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
		w := newWorld(b, telegram.Options{}, panel.Options{})
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
