package sim

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"peyk/internal/play"
	"peyk/sandbox/telegram"
)

var mixing = flag.Duration("mixing", 2*time.Minute, "how long each mix of TestShares lasts; its benchmark plays hours")

// mix is what a group has to show at the same time.
type mix struct {
	name   string
	within bool // the limits that promises are made for
	groups int  // besides the one where orders are given
	// All of these come each minute, spread evenly.
	orders, commands, knownWrite, newWrite int

	flood    int           // new numbers write at once, every ten minutes
	backlog  int           // customers have written before the start, half of them known
	patience time.Duration // Telegram asks for so much of it, every other minute
	restarts bool          // in the middle
}

var mixes = []mix{
	{name: "10 orders a minute", within: true, orders: 9, commands: 1, knownWrite: 10, newWrite: 5},
	{name: "24 orders a minute", within: true, orders: 23, commands: 1, knownWrite: 10, newWrite: 5},
	{name: "24 SMS a minute and commands", within: true, commands: 4, knownWrite: 24},
	{name: "300 forged numbers and known customers", within: true, orders: 5, commands: 1, knownWrite: 20, flood: 300},
	{name: "a backlog of 1,000 and commands", commands: 4, knownWrite: 5, backlog: 1000},
	{name: "topics are made while agents answer", within: true, orders: 8, commands: 2, knownWrite: 10, newWrite: 10},
	{name: "30 groups at once", groups: 29, within: true, commands: 2, knownWrite: 10, newWrite: 10},
	{name: "Telegram asks for patience", orders: 9, commands: 1, knownWrite: 10, newWrite: 10, patience: 5 * time.Second},
	{name: "a restart in the middle", orders: 9, commands: 1, knownWrite: 10, newWrite: 10, restarts: true},
}

// promised is how long each class waits at most, without the network.
var promised = map[play.Class]time.Duration{
	play.MarkWait: 2 * time.Second, play.AnswerWait: 6 * time.Second, play.KnownWait: 20 * time.Second, play.NewWait: 30 * time.Second,
}

// onTheWay is how long the network takes at most: a call, and the answer to one before it, of which one in two hundred takes twenty times as long.
const onTheWay = 2500 * time.Millisecond

// play plays a mix and returns how long each class waited.
func (m mix) play(t *testing.T, forum bool, lasts time.Duration) (waits map[play.Class]play.Waits) {
	synctest.Test(t, func(t *testing.T) {
		const seed = 5 // of a panel like most
		w := bare(t, play.Chance(seed), seed)
		if forum {
			w.UseForum()
		}
		for i := range m.groups {
			w.Inboxes = append(w.Inboxes, w.TG.AddSupergroup(fmt.Sprint("Group ", i), w.Sara, w.TG.Bot().ID))
		}
		for i := range m.backlog {
			w.CustomerWrites(fmt.Sprintf("0914%07d", i))
		}
		w.start()
		var known []string
		for i := range 20 { // agents have written to them before
			known = append(known, fmt.Sprintf("0912111%03d%d", i, i%7)) // what is sent to them arrives
			w.AliOrders(known[i])
			time.Sleep(10 * time.Second)
		}
		time.Sleep(2 * time.Minute)
		begun := time.Now()
		r := rand.New(rand.NewPCG(seed, 2))
		type happening struct {
			at time.Duration
			do func()
		}
		var all []happening
		evenly := func(aMinute int, do func()) {
			for i := range aMinute * int(lasts/time.Minute) {
				every := time.Minute / time.Duration(aMinute)
				all = append(all, happening{time.Duration(i)*every + time.Duration(r.Int64N(int64(every)/10)), do})
			}
		}
		answer := time.Duration(0)
		if m.orders+m.commands > 0 { // all ask for an answer: one after the other
			answer = time.Minute / time.Duration(m.orders+m.commands)
		}
		for i := range (m.orders + m.commands) * int(lasts/time.Minute) {
			do := func() { w.AliOrders(known[r.IntN(len(known))]) }
			if i%(m.orders+m.commands) >= m.orders {
				do = func() { w.Say(telegram.Post{Chat: w.Group, From: w.Ali, Text: "/line"}) }
			}
			all = append(all, happening{time.Duration(i) * answer, do})
		}
		evenly(m.knownWrite, func() { w.CustomerWrites(known[r.IntN(len(known))]) })
		number := 0
		newcomer := func() {
			number++
			w.CustomerWrites(fmt.Sprintf("0935%07d", number))
		}
		evenly(m.newWrite, newcomer)
		for at := time.Duration(0); at < lasts && m.flood > 0; at += 10 * time.Minute {
			for range m.flood {
				all = append(all, happening{at, newcomer})
			}
		}
		for at := time.Minute; at < lasts && m.patience > 0; at += 2 * time.Minute {
			all = append(all, happening{at, func() {
				if err := w.TG.Arm(telegram.Fault{Method: "sendMessage", Chat: w.Group, Kind: telegram.TooMany, RetryAfter: int(m.patience.Seconds())}); err != nil {
					t.Error(err)
				}
			}})
		}
		if m.restarts {
			all = append(all, happening{lasts / 2, func() {
				if err := w.life.end(); err != nil {
					t.Error(err)
				}
				w.start()
			}})
		}
		slices.SortStableFunc(all, func(a, b happening) int { return int(a.at - b.at) })
		for _, h := range all {
			time.Sleep(time.Until(begun.Add(h.at)))
			h.do()
		}
		time.Sleep(time.Minute)
		waits = w.Waits(w.Group)
		if n := w.TG.Throttled(); n > 0 {
			t.Errorf("Telegram said 429 %d times", n)
		}
		for _, err := range w.check() {
			t.Error(err)
		}
	})
	return waits
}

// TestShares has each mix keep what is promised.
func TestShares(t *testing.T) {
	for _, m := range mixes {
		for name, forum := range map[string]bool{"group": false, "forum": true} {
			t.Run(m.name+", "+name, func(t *testing.T) {
				waits := m.play(t, forum, *mixing)
				t.Logf("\n%s", play.TellWaits(waits))
				if !m.within {
					return
				}
				for class, most := range promised {
					if len(waits[class].Over) == 0 || class == play.AnswerWait && m.orders+m.commands > 10 { // more wait for one another
						continue
					}
					longest := slices.Max(waits[class].Over)
					if class == play.NewWait && m.flood > 0 { // the first digest is promised, not the last
						longest = slices.Min(waits[class].Over)
					}
					if longest > most+onTheWay {
						t.Errorf("%s takes %s, promised is %s", class, longest, most)
					}
				}
			})
		}
	}
}

// BenchmarkShares tells how long each class waits in an hour of each mix, as a part of what is promised.
func BenchmarkShares(b *testing.B) {
	for _, m := range mixes {
		for name, forum := range map[string]bool{"group": false, "forum": true} {
			b.Run(m.name+", "+name, func(b *testing.B) {
				var waits map[play.Class]play.Waits
				for range b.N {
					if !testing.RunTests(func(string, string) (bool, error) { return true, nil }, []testing.InternalTest{{Name: b.Name(), F: func(t *testing.T) {
						waits = m.play(t, forum, time.Hour)
					}}}) {
						b.Fatal("the play failed")
					}
				}
				for class, most := range promised {
					over := slices.Sorted(slices.Values(waits[class].Over))
					of := strings.NewReplacer(" ", "_", "->", "to").Replace(string(class))
					b.ReportMetric(float64(play.Part(over, 0.99))/float64(most), of+"_99%-of-promise")
					b.ReportMetric(float64(play.Part(over, 1))/float64(most), of+"_longest-of-promise")
				}
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}
