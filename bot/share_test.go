package bot

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"peyk/store"
)

// group is a group whose messages are shown in no time: each share's posts wait from when they came, and a message shows one of them, or, of SMS,
// all that wait.
type group struct {
	turns
	now     time.Time
	waiting [shares][]time.Time
	waits   [shares][]time.Duration
	gaps    []time.Duration // how long edits had no turn, though one waited
	calls   []time.Time
	by      []share
}

func newGroup() *group {
	return &group{turns: turns{second: time.Second, most: GroupPerMinute}, now: time.Unix(1_800_000_000, 0)}
}

// pass lets time pass until at, and shows what may be shown.
func (g *group) pass(until time.Time) {
	for {
		for s := range shares {
			g.oldest[s] = time.Time{}
			if len(g.waiting[s]) > 0 {
				g.oldest[s] = g.waiting[s][0]
			}
		}
		s, ok, again := g.next(g.now)
		switch {
		case !ok && (again.IsZero() || again.After(until)):
			g.now = until
			return
		case !ok:
			g.now = again
			continue
		}
		n := 1
		if s == known || s == newNumbers {
			n = len(g.waiting[s])
		}
		if s == upkeep {
			g.gaps = append(g.gaps, g.now.Sub(later(g.waiting[s][0], g.last[s])))
		}
		for _, since := range g.waiting[s][:n] {
			g.waits[s] = append(g.waits[s], g.now.Sub(since))
		}
		g.waiting[s] = g.waiting[s][n:]
		g.calls, g.by = append(g.calls, g.now), append(g.by, s)
		g.turns = *g.after(s, g.now)
	}
}

// arrivals are when posts of a share come: with gaps of at least least, and more by chance.
func arrivals(r *rand.Rand, least, more, lasts time.Duration) []time.Duration {
	var all []time.Duration
	for at := time.Duration(r.Int64N(int64(least + more + 1))); at < lasts; at += least + time.Duration(r.ExpFloat64()*float64(more)) {
		all = append(all, at)
	}
	return all
}

// play has posts come to the shares for an hour, in a group that others have used before.
func (g *group) play(comes [shares][]time.Duration) {
	type arrival struct {
		at time.Duration
		of share
	}
	var all []arrival
	for s, times := range comes {
		for _, at := range times {
			all = append(all, arrival{at, share(s)})
		}
	}
	slices.SortStableFunc(all, func(a, b arrival) int { return int(a.at - b.at) })
	start := g.now
	for _, a := range all {
		g.pass(start.Add(a.at))
		g.waiting[a.of] = append(g.waiting[a.of], g.now)
	}
	g.pass(g.now.Add(5 * time.Minute))
}

// broken returns which of Telegram's limits are.
func (g *group) broken() error {
	for i := 1; i < len(g.calls); i++ {
		if g.calls[i].Sub(g.calls[i-1]) < time.Second {
			return fmt.Errorf("two messages in %s", g.calls[i].Sub(g.calls[i-1]))
		}
		if i >= GroupPerMinute && g.calls[i].Sub(g.calls[i-GroupPerMinute]) < time.Minute {
			return fmt.Errorf("%d messages in %s", GroupPerMinute+1, g.calls[i].Sub(g.calls[i-GroupPerMinute]))
		}
	}
	return nil
}

// TestNoShareWaitsForAnother has all shares used at random, each within its limits or, but for answers, far beyond.
func TestNoShareWaitsForAnother(t *testing.T) {
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 1))
		some := func() time.Duration { return time.Duration(r.ExpFloat64() * float64(time.Minute)) }
		g := newGroup()
		g.play([shares][]time.Duration{
			answers:    arrivals(r, 6*time.Second, some()/10, time.Hour),
			known:      arrivals(r, time.Second, some()/10, time.Hour),
			newNumbers: arrivals(r, time.Second/5, some()/60, time.Hour),
			upkeep:     arrivals(r, time.Second, some(), time.Hour),
		})
		if err := g.broken(); err != nil {
			t.Errorf("seed %d: %v", seed, err)
		}
		// Others that are due with it may go a second ahead.
		if longest := slices.Max(append(g.gaps, 0)); longest > 33*time.Second {
			t.Errorf("seed %d: edits have no turn for %s", seed, longest)
		}
		for s, promised := range map[share]time.Duration{answers: 6, known: 13, newNumbers: 30} {
			if longest := slices.Max(append(g.waits[s], 0)); longest > promised*time.Second {
				t.Errorf("seed %d: share %d waits %s, promised %ds", seed, s, longest, promised)
			}
		}
	}
}

// TestWhatBearsATimeToComeHasItsTurn has an SMS whose topic is to be made, and a card, written while the clock seemed weeks ahead.
func TestWhatBearsATimeToComeHasItsTurn(t *testing.T) {
	g := newGroup()
	p := store.Post{At: g.now.Add(20 * 24 * time.Hour)}
	g.pair[newNumbers] = true
	for end := g.now.Add(time.Minute); g.now.Before(end); {
		g.oldest[newNumbers], g.oldest[upkeep] = waitsSince(p, g.now, g.now), waitsSince(p, g.now, g.now)
		s, ok, again := g.next(g.now)
		if ok {
			if s != newNumbers {
				t.Errorf("it is the turn of %v", s)
			}
			return
		}
		g.now = again
	}
	t.Error("they had no turn in a minute")
}
