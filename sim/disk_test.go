package sim

import (
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// disk is what becomes of commits.
type disk struct {
	mu sync.Mutex
	trouble
	failed [][2]time.Time // from when to when commits failed
}

// trouble is what is wrong with a disk; the zero value is nothing.
type trouble struct {
	fails  error         // each commit, which is not carried out
	slow   time.Duration // a commit takes so long at most, before it is carried out and after
	chance *rand.Rand    // of slow
}

func (d *disk) set(t trouble) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.fails != nil {
		d.failed[len(d.failed)-1][1] = time.Now()
	}
	if d.trouble = t; t.fails != nil {
		d.failed = append(d.failed, [2]time.Time{time.Now(), start.AddDate(100, 0, 0)})
	}
}

// failedAt tells whether commits failed then, or a moment later.
func (d *disk) failedAt(at time.Time) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.ContainsFunc(d.failed, func(f [2]time.Time) bool { return at.After(f[0].Add(-inTransit)) && at.Before(f[1]) })
}

// inTransit is how long an answer is on its way at most, nearly always.
const inTransit = 5 * time.Second

// next returns how long the next commit takes before and after it is carried out, and why it is not.
func (d *disk) next() (before, after time.Duration, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.slow > 0 {
		before, after = time.Duration(d.chance.Int64N(int64(d.slow))), time.Duration(d.chance.Int64N(int64(d.slow)))
	}
	return before, after, d.fails
}
