//go:build crashpoints

package sim

import "peyk/internal/crashpoint"

// pointed tells whether bridges can be killed at the named points in the program.
const pointed = true

func watch(f func(point string)) { crashpoint.Watch(f) }
