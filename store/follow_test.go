package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	bolt "go.etcd.io/bbolt"
)

// followers are those of the files that tests have opened, by path.
var followers sync.Map

// followed has another file follow the store that is to be opened at path, and fails the test if the two ever differ: when the path is opened again, and
// at the end of the test. So every test of the store is one of its changes.
func followed(tb testing.TB, path string) Journal {
	tb.Helper()
	f, err := Follow(path, Options{})
	if err != nil {
		return nil // Open will say so
	}
	f.db.NoSync = true
	if before, known := followers.Load(path); known {
		sameFiles(tb, f, before.(*Follower))
	}
	copied := filepath.Join(tb.TempDir(), "follower.db")
	must(tb, f.Begin(copied))
	file := ok(os.OpenFile(copied, os.O_WRONLY|os.O_CREATE, 0o600))
	must(tb, errors.Join(f.Backup(file), file.Close(), f.Close()))
	follower := ok(Follow(copied, Options{}))
	follower.db.NoSync = true
	followers.Store(path, follower)
	tb.Cleanup(func() {
		defer follower.Close()
		if f, err := Follow(path, Options{}); err == nil {
			sameFiles(tb, f, follower)
			must(tb, f.Close())
		}
	})
	return follower.Apply
}

// sameFiles fails the test if a file differs from its follower. A file that is another by now, such as a restored one, has none.
func sameFiles(tb testing.TB, f, follower *Follower) {
	tb.Helper()
	if f.log != follower.log {
		return
	}
	if f.entry != follower.entry {
		tb.Errorf("the file has %d entries, its follower %d", f.entry, follower.entry)
	}
	must(tb, f.db.View(func(leads *bolt.Tx) error {
		return follower.db.View(func(follows *bolt.Tx) error {
			if found, want := everything(follows), everything(leads); found != want {
				tb.Errorf("the follower's file differs from that which it follows:\n%s", firstDifference(found, want))
			}
			return nil
		})
	}))
}

// everything returns all that a file holds, a line a row.
func everything(t *bolt.Tx) string {
	var all strings.Builder
	t.ForEach(func(name []byte, rows *bolt.Bucket) error {
		fmt.Fprintf(&all, "%s %d\n", name, rows.Sequence())
		return rows.ForEach(func(key, value []byte) error {
			fmt.Fprintf(&all, "%s %x %x\n", name, key, value)
			return nil
		})
	})
	return all.String()
}

func firstDifference(found, want string) string {
	f, w := strings.Split(found, "\n"), strings.Split(want, "\n")
	for i := range w {
		if i >= len(f) || f[i] != w[i] {
			return fmt.Sprintf("found %.200q\nwant  %.200q", strings.Join(f[min(i, len(f)):min(i+1, len(f))], ""), w[i])
		}
	}
	return "more rows"
}
