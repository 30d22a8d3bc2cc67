package sim

import (
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"peyk/internal/play"
)

var days = flag.Int("days", 0, "how many days of desks TestDays plays, a week of each; none when zero")

// office are the hours in which a desk works.
const opens, closes = 9 * time.Hour, 17 * time.Hour

// desk returns what happens at a desk in so many days: much in office hours, little at night; now and then a network fails, every few days for
// hours; the bridge is ended and started, and killed, once a day or so. At the end of each day all comes to rest and is checked.
func desk(seed uint64, days int) []step {
	r := play.Chance(seed)
	all := []step{{time.Second, "start", 0}}
	at := time.Duration(0) // since midnight of the first day
	now := 8 * time.Hour   // as far as the steps so far lead
	then := func(do string) {
		all = append(all, step{max(0, at-now), do, r.Uint64()})
		now = max(now, at)
	}
	for day := range days {
		midnight := time.Duration(day) * 24 * time.Hour
		for at = max(now, midnight); at < midnight+24*time.Hour; {
			switch hour := at - midnight; {
			case hour >= opens && hour < closes:
				at += time.Duration(r.ExpFloat64() * float64(90*time.Second))
				then(workday(r))
			default:
				at += time.Duration(r.ExpFloat64() * float64(30*time.Minute))
				then("customers write")
			}
		}
		then("check")
		then("start")
	}
	return all
}

// workday is what happens next in office hours.
func workday(r *rand.Rand) string {
	switch n := r.IntN(400); {
	case n < 8:
		return anEvent(r)
	case n == 8:
		return []string{"telegram is out for hours", "the panel is out for hours"}[r.IntN(2)]
	case n == 9:
		return "restart"
	case n == 10:
		return "kill and start"
	case n == 11 && r.IntN(4) == 0:
		return "a backup is restored" // and started by the next "start"
	}
	return play.AnAct(r)
}

// hours is how long something is not to be had that is not seen to at once.
func hours(r *rand.Rand) time.Duration {
	return time.Duration(math.Exp(r.Float64()*math.Log(48)) * float64(time.Hour))
}

// TestDays plays desks, each for a week.
func TestDays(t *testing.T) {
	if *days == 0 {
		t.Skip("-days says how many")
	}
	seed := *seed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	if *procs > 1 {
		spread(t, seed, 1, (*days+6)/7, func(weeks int) []string { return []string{"-days", fmt.Sprint(7 * weeks)} })
		return
	}
	all := account{begun: time.Now()}
	for left := *days; left > 0; left -= 7 {
		days := min(left, 7)
		o := live(t, seed, desk(seed, days))
		for _, wrong := range o.wrong {
			t.Error(wrong)
		}
		if len(o.wrong) > 0 {
			t.Logf("go test ./sim -run TestDays -seed %d -days %d\n%s", seed, days, o.story)
		}
		all.add(o)
		seed++
	}
	t.Log(all)
}
