//go:build !linux

package cluster

import "time"

var started = time.Now()

// bootTime returns how long this process runs, by a clock that nobody can set; where the system stops it while the machine sleeps, a machine that sleeps
// must not be a member.
func bootTime() time.Duration { return time.Since(started) }
