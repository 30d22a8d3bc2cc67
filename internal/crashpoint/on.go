//go:build crashpoints

package crashpoint

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

var (
	wanted, nth = wish(os.Getenv("PEYK_CRASH"))
	hits        atomic.Int64
)

// wish reads NAME:N; without a name no point is ever reached. It panics on a typo, which must not look like a program that survives.
func wish(s string) (string, int64) {
	name, number, _ := strings.Cut(s, ":")
	n, err := strconv.ParseInt(number, 10, 64)
	if s != "" && (err != nil || name == "") {
		panic(fmt.Sprintf("PEYK_CRASH=%s: want NAME:N", s))
	}
	return name, n
}

// ways are the ways to end the process, by their names in PEYK_CRASH_BY.
var ways = map[string]func(){
	"": func() {
		if self, err := os.FindProcess(os.Getpid()); err == nil {
			_ = self.Kill()
		}
	},
	"panic":     func() { panic("crashpoint") },
	"goroutine": func() { go panic("crashpoint") },
	"nil":       func() { fmt.Println(*(*string)(nil)) },
	"map": func() { // concurrent writes, which the runtime detects
		m := map[int]int{}
		for range 8 {
			go func() {
				for i := 0; ; i++ {
					m[i%8]++
				}
			}()
		}
	},
	"stack": func() {
		debug.SetMaxStack(1 << 20) // the usual limit is a gigabyte
		overflow(0)
	},
	"memory": func() { fmt.Println(len(make([]byte, 1<<nth<<45))) },
}

func overflow(n int) int { return overflow(n+1) + 1 }

var watcher atomic.Pointer[func(string)]

// Watch has f called at every point, in the goroutine that reaches it, which goes on when f returns.
func Watch(f func(name string)) { watcher.Store(&f) }

// At ends the process if this is the point and the count asked for. It does not return then.
func At(name string) {
	if f := watcher.Load(); f != nil {
		(*f)(name)
	}
	if name != wanted || hits.Add(1) != nth {
		return
	}
	ways[os.Getenv("PEYK_CRASH_BY")]()
	select {} // until the process is dead
}

// Second returns how long a second of Telegram's limits lasts: second, unless the environment says otherwise.
func Second(second time.Duration) time.Duration {
	if d, err := time.ParseDuration(os.Getenv("PEYK_CRASH_SECOND")); err == nil {
		return d
	}
	return second
}

var (
	begin  sync.Once
	thread = make(chan func())
)

// OneThread runs fn on a thread of the system that runs nothing else, whoever calls: strace counts the calls of each thread by itself. No fn
// may call OneThread. Where the points are watched it calls fn itself: nothing is traced there, and in a bubble of synctest no time would pass while
// somebody waits for a goroutine outside.
func OneThread(fn func()) {
	if watcher.Load() != nil {
		fn()
		return
	}
	begin.Do(func() {
		go func() { // lives as long as the process
			runtime.LockOSThread()
			for fn := range thread {
				fn()
			}
		}()
	})
	done := make(chan struct{})
	thread <- func() {
		defer close(done)
		fn()
	}
	<-done
}
