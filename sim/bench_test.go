//go:build unix

package sim

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"peyk/internal/play"
)

// BenchmarkDesk is four hours of a busy desk, with an act of somebody every ten seconds, and of a night, with an SMS every half an hour.
func BenchmarkDesk(b *testing.B) {
	for name, every := range map[string]time.Duration{"busy": 10 * time.Second, "night": 30 * time.Minute} {
		b.Run(name, func(b *testing.B) {
			all := account{begun: time.Now()}
			before := cpu(b)
			for range b.N {
				r := play.Chance(1)
				all.add(bench(b, 1, steps(4*time.Hour, func() (string, time.Duration) {
					do := "customers write"
					if name == "busy" {
						do = play.AnAct(r)
					}
					return do, time.Duration(r.ExpFloat64() * float64(every))
				})))
			}
			report(b, all, before, "simulated-s", all.lasted.Seconds())
		})
	}
}

// BenchmarkKills kills bridges in worlds in which everything fails, as make worlds does: four of five in a row, as they take up what was left.
func BenchmarkKills(b *testing.B) {
	all := account{begun: time.Now()}
	before := cpu(b)
	for i := range b.N {
		all.add(bench(b, uint64(i+1), script(uint64(i+1), 2, 8, 4)))
	}
	report(b, all, before, "kills", float64(all.kills))
}

// BenchmarkWaits tells how long each class waits in a plain group and in a forum, in an hour in which nothing fails: ten replies and orders and
// 24 SMS a minute.
func BenchmarkWaits(b *testing.B) {
	for name, seed := range map[string]uint64{"group": 1, "forum": 3} {
		b.Run(name, func(b *testing.B) {
			all := account{begun: time.Now()}
			for range b.N {
				r := play.Chance(seed)
				all.add(bench(b, seed, steps(time.Hour, func() (string, time.Duration) {
					acts := []string{"customers write", "customers write", "an agent replies", "an agent sends", "an agent asks"}
					return acts[r.IntN(len(acts))], time.Duration(r.ExpFloat64() * float64(3*time.Second))
				})))
			}
			for _, c := range slices.Sorted(maps.Keys(all.waits)) {
				over := slices.Sorted(slices.Values(all.waits[c].Over))
				class := strings.NewReplacer(" ", "_", "->", "to").Replace(string(c))
				b.ReportMetric(play.Part(over, 0.99).Seconds(), class+"_99%-s")
				b.ReportMetric(play.Part(over, 1).Seconds(), class+"_longest-s")
			}
			// Only marks are promised to so many: 2 s, whatever else waits.
			b.ReportMetric(play.Part(slices.Sorted(slices.Values(all.waits[play.MarkWait].Over)), 1).Seconds()/2, "ratio-to-limit")
			b.ReportMetric(0, "ns/op")
			b.Log(all)
		})
	}
}

// steps returns what next says happens, and how long after what was before, for so long, and a check.
func steps(lasts time.Duration, next func() (do string, wait time.Duration)) []step {
	r := play.Chance(1)
	all := []step{{time.Second, "start", 0}}
	for at := time.Duration(0); at < lasts; {
		do, wait := next()
		at += wait
		all = append(all, step{wait, do, r.Uint64()})
	}
	return append(all, step{time.Second, "check", 0})
}

// report tells how much of something was played in a second, and in a second of one processor.
func report(b *testing.B, all account, before time.Duration, unit string, n float64) {
	b.ReportMetric(n/b.Elapsed().Seconds(), unit+"/s")
	b.ReportMetric(n/(cpu(b)-before).Seconds(), unit+"/cpu-s")
	b.ReportMetric(0, "ns/op")
}

// cpu returns how much of the processors this process has used.
func cpu(b *testing.B) time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// bench plays steps and returns what came of it.
func bench(b *testing.B, seed uint64, steps []step) (o outcome) {
	ok := testing.RunTests(func(string, string) (bool, error) { return true, nil }, []testing.InternalTest{{Name: fmt.Sprint(b.Name()), F: func(t *testing.T) {
		o = live(t, seed, steps)
		for _, wrong := range o.wrong {
			t.Error(wrong)
		}
	}}})
	if !ok {
		b.Fatal("the play failed")
	}
	return o
}
