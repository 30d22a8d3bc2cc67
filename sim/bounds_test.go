package sim

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"time"

	"peyk/internal/play"
)

// I16: nothing grows without bound, and nobody is asked again and again without a pause.

const (
	// mostDialed is how often a bridge tries to connect to a network in a minute at most. Orders that wait and all that is asked beside them come
	// to a hundred or two; without pauses it would be tens of thousands.
	mostDialed = 500
	// mostBytes is how large a file is at most for each SMS, and emptyBytes without any.
	mostBytes, emptyBytes = 16 << 10, 1 << 20
)

// rate is how often something happened in the minute in which it happened most.
type rate struct {
	mu      sync.Mutex
	minute  time.Time
	n, most int
}

func (r *rate) note(now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if m := now.Truncate(time.Minute); m != r.minute {
		r.minute, r.n = m, 0
	}
	r.n++
	r.most = max(r.most, r.n)
}

// goroutines returns how many goroutines are in a bubble, and what they do. Outside of it the runtime has some of its own, now and then.
func goroutines() (int, string) {
	all := stacks.Get().(*[]byte)
	defer stacks.Put(all)
	text := string((*all)[:runtime.Stack(*all, true)])
	return strings.Count(text, "synctest bubble"), text
}

var stacks = sync.Pool{New: func() any { all := make([]byte, 1<<20); return &all }}

// grown returns what a bridge that came to rest, and has ended, leaves too much of.
func (w *world) grown(e *play.Evidence) error {
	var wrong []error
	for name, r := range map[string]*rate{"telegram": &w.tgDialed, "the panel": &w.panelDialed} {
		if r.most > mostDialed {
			wrong = append(wrong, fmt.Errorf("%s was called %d times in a minute", name, r.most))
		}
	}
	w.lives.Wait() // one that was killed may still stand still
	w.arrived()
	time.Sleep(time.Second)
	if n, all := goroutines(); n-w.idle-1 > 0 { // e's store has one
		wrong = append(wrong, fmt.Errorf("%d goroutines are left of the bridge: %s", n-w.idle-1, all))
	}
	raw, err := e.Store.Undecoded()
	stats, failed := e.Store.Stats()
	_, lost, unread := play.Losses(e.Store)
	garbled, untold := play.Garbled(e.Store)
	if err := errors.Join(err, failed, unread, untold); err != nil {
		return errors.Join(append(wrong, err)...)
	}
	if len(raw) > 0 {
		wrong = append(wrong, fmt.Errorf("%d answers are never decoded", len(raw)))
	}
	if stats.Undecoded > lost+garbled {
		wrong = append(wrong, fmt.Errorf("%d answers are kept of %d lost fetches and %d that were none", stats.Undecoded, lost, garbled))
	}
	if stats.Pieces > 0 {
		wrong = append(wrong, fmt.Errorf("%d pieces are never sent, nor asked about", stats.Pieces))
	}
	rows := len(e.Inbound)
	for _, o := range e.Orders {
		rows += len(o.Recipients)
	}
	if most := int64(emptyBytes + rows*mostBytes); stats.Size > most {
		wrong = append(wrong, fmt.Errorf("the file has %d bytes, for %d SMS", stats.Size, rows))
	}
	return errors.Join(wrong...)
}
