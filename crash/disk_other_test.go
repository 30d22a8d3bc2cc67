//go:build !linux

package crash

import (
	"slices"
	"testing"
)

// smallDisk takes the way that needs one from the others.
func smallDisk(_ testing.TB, ways *[]way) string {
	*ways = slices.DeleteFunc(*ways, func(w way) bool { return w.disk })
	return ""
}
