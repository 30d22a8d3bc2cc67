package play

import (
	"os"
	"testing"

	"peyk/store"
)

// InMemory returns a directory for what is gone with the test, where syncs cost nothing if there is one: a killed process leaves its pages
// with the kernel, synced or not, and a slow disk would only make the test slow.
func InMemory(t testing.TB) string {
	const memory, roomForAll = "/dev/shm", 2 << 30 // containers often have 64 MB there
	if room, err := store.Room(memory); err != nil || room < roomForAll {
		return t.TempDir()
	}
	dir, err := os.MkdirTemp(memory, "peyk-test-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}
