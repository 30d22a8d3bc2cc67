package store

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	bolt "go.etcd.io/bbolt"
)

// Follower is a file to which what another process's journal keeps is applied, entry by entry, so that it is equal to that process's file. Nobody else
// reads or writes it. It is used by one goroutine.
type Follower struct {
	db    *bolt.DB
	file  *os.File
	path  string
	log   string
	entry uint64
	used  bool
}

// ErrGap means that changes do not follow what the file has.
var ErrGap = errors.New("entries of the journal are missing between the file's and this one")

// Follow opens the file at path to follow another, or makes an empty one. The errors are those of Open, but that a file of a later schema can be followed
// too. The caller closes the Follower, or has it Lead.
func Follow(path string, opts Options) (*Follower, error) {
	opts.setDefaults()
	size, err := checkPath(path)
	if err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	f := &Follower{path: path}
	f.db, f.file, err = openFile(path, size, opts.LockWait)
	if err == nil {
		err = f.readPlace()
	}
	if err != nil {
		return nil, fmt.Errorf("open store %s: %w", path, err)
	}
	return f, nil
}

// readPlace finds out what the file has. If it cannot be read it is closed.
func (f *Follower) readPlace() error {
	err := guarded(func() error {
		return f.db.View(func(t *bolt.Tx) (err error) {
			f.used = schemaOf(t) > 0
			f.log, f.entry, err = placeOf(t)
			return err
		})
	})
	if err != nil {
		return errors.Join(err, f.Close())
	}
	return nil
}

// Place returns which journal's entries the file has, and how many of them. A file that follows none has the name "".
func (f *Follower) Place() (journal string, entry uint64) { return f.log, f.entry }

// Used reports whether the file is or was a store.
func (f *Follower) Used() bool { return f.used }

// Begin makes the file the first of a new journal: its entry 0 is the file as it is.
func (f *Follower) Begin(journal string) error {
	err := f.db.Update(func(t *bolt.Tx) error {
		meta, err := t.CreateBucketIfNotExists(bucketMeta)
		if err != nil {
			return err
		}
		rows := bucket{Bucket: meta}
		return errors.Join(put(rows, keyLog, journal), put(rows, keyEntry, 0))
	})
	if err != nil {
		return fmt.Errorf("begin a journal: %w", err)
	}
	f.log, f.entry = journal, 0
	return nil
}

// Apply applies the changes of an entry. One that the file has already does nothing; if one between is missing, the error is ErrGap.
func (f *Follower) Apply(entry uint64, changes Changes) error {
	switch {
	case entry <= f.entry:
		return nil
	case entry > f.entry+1 || f.log == "":
		return ErrGap
	}
	err := guarded(func() error {
		return f.db.Update(func(t *bolt.Tx) error {
			f.db.AllocSize = int(min(max(t.Size(), leastGrowth), mostGrowth))
			if err := changes.apply(t); err != nil {
				return err
			}
			return put(bucket{Bucket: t.Bucket(bucketMeta)}, keyEntry, entry)
		})
	})
	if err != nil {
		return fmt.Errorf("apply entry %d of the journal: %w", entry, err)
	}
	f.entry, f.used = entry, true
	return nil
}

// Backup writes the file to w as it is.
func (f *Follower) Backup(w io.Writer) error {
	err := f.db.View(func(t *bolt.Tx) error {
		_, err := t.WriteTo(w)
		return err
	})
	if err != nil {
		return fmt.Errorf("back up store: %w", err)
	}
	return nil
}

// Replace puts another file in the place of this one: what copyOut writes, which is a backup of a file of some journal. What was there is kept under the
// name in kept, unless that is empty. After an error the caller closes the Follower and opens it again.
func (f *Follower) Replace(kept string, copyOut func(io.Writer) error) error {
	work, err := os.MkdirTemp(filepath.Dir(f.path), ".restore-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	path := filepath.Join(work, "peyk.db")
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if err := errors.Join(copyOut(file), file.Sync(), file.Close()); err != nil {
		return err
	}
	fresh, err := Follow(path, Options{})
	if err != nil {
		return err
	}
	if fresh.log == "" {
		err = errors.New("the copy follows no journal")
	}
	if err := errors.Join(err, fresh.Close()); err != nil {
		return err
	}
	if kept != "" {
		if err := os.Link(f.path, kept); err != nil {
			return err
		}
	}
	if err := os.Rename(path, f.path); err != nil {
		return err
	}
	if err := errors.Join(f.db.Close(), syncDir(filepath.Dir(f.path))); err != nil { // the lock keeps others out until now
		return err
	}
	again, err := Follow(f.path, Options{})
	if err != nil {
		return err
	}
	*f = *again
	return nil
}

// Lead opens the file as a store, as Open does. The Follower is used no more, whether that works or not.
func (f *Follower) Lead(opts Options) (*Store, error) {
	opts.setDefaults()
	return begin(f.db, f.file, f.path, opts)
}

// Close closes the file.
func (f *Follower) Close() error { return f.db.Close() }
