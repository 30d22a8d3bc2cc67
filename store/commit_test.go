package store

import (
	"errors"
	"path/filepath"
	"syscall"
	"testing"
)

// TestADiskThatFailsOrIsSlow has each transaction, those of Open among them, go through Options.Commit.
func TestADiskThatFailsOrIsSlow(t *testing.T) {
	var refuses error
	calls := 0
	opts := Options{Commit: func(write func() error) error {
		calls++
		if refuses != nil {
			return refuses
		}
		return write()
	}}
	path := filepath.Join(t.TempDir(), "peyk.db")

	refuses = syscall.EIO
	if _, err := Open(path, opts); !errors.Is(err, syscall.EIO) {
		t.Fatalf("opened on a disk that fails: %v", err)
	}
	refuses = nil
	s := ok(Open(path, opts))
	refuses, calls = syscall.ENOSPC, 0
	if err := s.BeginFetch(); !errors.Is(err, ErrDisk) || !errors.Is(err, syscall.ENOSPC) || calls != 1 {
		t.Errorf("%d commits of a write, which returned %v", calls, err)
	}
	refuses = nil
	must(t, s.BeginFetch())
	must(t, s.Close())
	refuses = syscall.EIO
	if _, err := Open(path, opts); !errors.Is(err, syscall.EIO) {
		t.Errorf("opened on a disk that fails: %v", err)
	}
}
