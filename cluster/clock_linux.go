package cluster

import (
	"time"

	"golang.org/x/sys/unix"
)

// bootTime returns how long ago the machine was started; it goes on while the machine sleeps, and nobody can set it.
func bootTime() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &t); err != nil {
		panic("clock_gettime: " + err.Error()) // every Linux of the last fifteen years has it
	}
	return time.Duration(t.Nano())
}
