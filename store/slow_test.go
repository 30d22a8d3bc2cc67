package store

import (
	"io"
	"os"
	"testing"
	"time"
)

// TestASlowBackupHoldsUpNoCommit has somebody read a backup, stop, and go on when the file has outgrown what bbolt maps by itself.
func TestASlowBackupHoldsUpNoCommit(t *testing.T) {
	for _, start := range []int{0, 200, 2000} { // SMS stored before: files of different sizes
		path, c := tempFile(t), newClock()
		s := open(t, path, c.inbox(group))
		for range start / 100 {
			c.pass(time.Second)
			fetched(t, s, unread(c, make([]string, 100)...))
		}
		r, w, err := os.Pipe()
		must(t, err)
		backed := make(chan error, 1)
		go func() { backed <- s.Backup(w); w.Close() }()
		first := make([]byte, 1)
		ok(io.ReadFull(r, first))
		size := ok(os.Stat(path)).Size()
		stored := make(chan error, 1)
		go func() {
			for ok(os.Stat(path)).Size() < 5*max(size, 1<<20) {
				if _, err := s.SaveRaw(Raw{Body: make([]byte, 1<<18)}); err != nil {
					stored <- err
					return
				}
			}
			stored <- nil
		}()
		select {
		case err := <-stored:
			must(t, err)
		case <-time.After(time.Minute):
			t.Fatal("nothing is stored while a backup stands still")
		}
		ok(io.Copy(io.Discard, r))
		must(t, <-backed)
		r.Close()
	}
}
