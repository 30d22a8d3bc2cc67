package sim

import (
	"math/rand/v2"
	"sync"
	"time"
)

// disk is what becomes of commits.
type disk struct {
	mu sync.Mutex
	trouble
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
	d.trouble = t
}

// next returns how long the next commit takes before and after it is carried out, and why it is not.
func (d *disk) next() (before, after time.Duration, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.slow > 0 {
		before, after = time.Duration(d.chance.Int64N(int64(d.slow))), time.Duration(d.chance.Int64N(int64(d.slow)))
	}
	return before, after, d.fails
}
