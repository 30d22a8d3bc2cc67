package store

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// scratchName is the name of a copy that is made of a store to look at it once; * stands for digits.
const scratchName = ".check-*"

// Scratch has copyOut write a store that is open elsewhere into a file in dir, to be looked at and removed.
func Scratch(dir string, copyOut func(io.Writer) error) (path string, remove func() error, err error) {
	f, err := os.CreateTemp(dir, scratchName)
	if err != nil {
		return "", nil, err
	}
	remove = func() error { return os.Remove(f.Name()) }
	if err := errors.Join(copyOut(f), f.Close()); err != nil {
		return "", nil, errors.Join(err, remove())
	}
	return f.Name(), remove, nil
}

// RemoveScratch removes the copies next to the store that were made before then by a process that was killed, and returns how many there were. A
// copy that stays would keep what the store deletes.
func (s *Store) RemoveScratch(then time.Time) (removed int) {
	dir := filepath.Dir(s.Path())
	copies, _ := fs.Glob(os.DirFS(dir), scratchName)
	for _, name := range copies {
		path := filepath.Join(dir, name)
		if info, err := os.Lstat(path); err == nil && info.ModTime().Before(then) && os.Remove(path) == nil {
			removed++
		}
	}
	return removed
}
