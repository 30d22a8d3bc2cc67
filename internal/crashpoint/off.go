//go:build !crashpoints

package crashpoint

import "time"

// At does nothing.
func At(string) {}

// Second returns second.
func Second(second time.Duration) time.Duration { return second }

// OneThread runs fn.
func OneThread(fn func()) { fn() }
