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

// TestAnEndThatGivesUpAWriteIsACrash has the disk full until the very end: what could not be noted may have happened all the same.
func TestAnEndThatGivesUpAWriteIsACrash(t *testing.T) {
	path, c := tempFile(t), newClock()
	opts := c.inbox(group)
	full := false
	opts.Commit = func(write func() error) error {
		if full {
			return syscall.ENOSPC
		}
		return write()
	}
	s := open(t, path, opts)
	fetched(t, s, unread(c, "one"))
	p := heads(t, s)[0]
	full = true
	s.GiveUp()
	if err := s.Persist(t.Context(), "note a post", func() error { return s.Posted(p, 7, false) }); !errors.Is(err, ErrDisk) || s.Unsaved() != 1 {
		t.Fatalf("noted on a full disk: %v, %d writes were given up", err, s.Unsaved())
	}
	full = false
	must(t, s.Close())
	s = open(t, path, opts)
	if p := heads(t, s)[0]; !p.Repeated {
		t.Error("an SMS that is perhaps shown is not marked as repeated")
	}
}
