package crash

import (
	"slices"
	"syscall"
	"testing"
)

// smallDisk returns a directory on a disk that can be filled, and takes the way that needs one from the others where it may not be made: then the
// directory is "".
func smallDisk(t testing.TB, ways *[]way) string {
	dir := t.TempDir()
	// Each of three servers allots 128 MB to its log at once.
	if err := syscall.Mount("etcd", dir, "tmpfs", 0, "size=640m"); err != nil {
		t.Logf("no disk is filled: %v", err)
		*ways = slices.DeleteFunc(*ways, func(w way) bool { return w.disk })
		return ""
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	return dir
}
