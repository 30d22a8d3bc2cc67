package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"peyk/sms"
)

// Backup writes the file to w as it is at this moment. Everything else goes on meanwhile. While w is slow the file grows, and if it outgrows its
// map, see firstMap, commits wait for w.
func (s *Store) Backup(w io.Writer) error {
	err := s.db.View(func(t *bolt.Tx) error {
		_, err := t.WriteTo(w)
		return err
	})
	if err != nil {
		return fmt.Errorf("back up store: %w", err)
	}
	return nil
}

// Inspect opens the file at path for reading alone, as it is: methods that would change it return ErrClosed. The error is ErrLocked if a bridge has
// the file open, ErrNewer if the file is of a later schema, and ErrDamaged if the file is seen to be damaged. The caller closes the store.
func Inspect(path string, opts Options) (s *Store, err error) {
	var db *bolt.DB
	defer func() {
		if err == nil {
			return
		}
		s, err = nil, fmt.Errorf("read store %s: %w", path, err)
		if db != nil {
			err = errors.Join(err, db.Close())
		}
	}()
	db, file, err := openWhole(path, lockWait)
	if err != nil {
		return nil, err
	}
	err = guarded(func() error {
		return db.View(func(t *bolt.Tx) error {
			switch schema := schemaOf(t); {
			case schema == 0:
				return ErrDamaged
			case schema > len(migrations):
				return fmt.Errorf("schema %d, this version knows %d: %w", schema, len(migrations), ErrNewer)
			}
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	noWriter := make(chan struct{})
	close(noWriter)
	if opts.Now == nil {
		opts.Now = time.Now
	}
	return &Store{db: db, file: file, damaged: make(chan error, 1), opts: opts, done: noWriter}, nil
}

// openWhole opens a file for reading, if its pages are right. All pages are checked if the file is small or was not closed. Of a large one that
// was closed only the pages that lead to the others are checked, as all would take seconds.
func openWhole(path string, wait time.Duration) (db *bolt.DB, file *os.File, err error) {
	db, err = bolt.Open(path, 0o600, &bolt.Options{ReadOnly: true, Timeout: wait, OpenFile: func(name string, flag int, mode os.FileMode) (_ *os.File, err error) {
		file, err = os.OpenFile(name, flag, mode)
		return file, err
	}})
	if err != nil {
		return nil, nil, openError(path, err)
	}
	info, err := file.Stat()
	var m metaPage
	if err == nil {
		m, err = readMetas(file, 0)
	}
	if err == nil {
		err = checkHead(file, info.Size(), m)
	}
	running := false
	if err == nil && info.Size() > looked {
		err = guarded(func() error {
			return db.View(func(t *bolt.Tx) error {
				meta := t.Bucket(bucketMeta)
				running = meta != nil && meta.Get(keyRunning) != nil
				return nil
			})
		})
	}
	if err == nil && (info.Size() <= looked || running) {
		err = checkPages(file, info.Size(), m)
	}
	if err != nil {
		return nil, nil, errors.Join(err, db.Close())
	}
	return db, file, nil
}

// looked is the size up to which all of a file is checked whenever it is opened, which takes a tenth of a second.
const looked = 32 << 20

// openError says what an error means with which bbolt did not open a file.
func openError(path string, err error) error {
	info, failed := os.Stat(path)
	switch {
	case errors.Is(err, bolterrors.ErrTimeout):
		return ErrLocked
	case errors.Is(err, bolterrors.ErrInvalid), errors.Is(err, bolterrors.ErrChecksum), errors.Is(err, bolterrors.ErrVersionMismatch),
		failed == nil && info.Size() < int64(2*os.Getpagesize()):
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return err
}

// afterBackup is how far numbers of SMS, batches and posts jump when a backup is restored. Chats show numbers that were given after the backup, in
// heads and under buttons, and these must not come to mean something else.
const afterBackup = 1e6

// numbered are the buckets whose numbers jump.
var numbered = [][]byte{bucketSMS, bucketBatch, bucketPost, bucketScheduled}

// Restore puts the backup at from in the place of the store at to. If there is a file at to, it is kept under the name returned. What the backup
// was to send, or asked about, becomes uncertain, as it may have been sent since; what was scheduled is asked about when it is due; what it was to show is marked as perhaps repeated; the team is
// told. Nothing at to changes until the last step, which renames the new file. The error is ErrLocked if a process has the store open.
func Restore(from, to string, opts Options) (kept string, err error) {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("restore store: %w", err)
		}
	}()
	backup, err := Inspect(from, opts)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, backup.Close()) }()
	if err := backup.Check(); err != nil {
		return "", fmt.Errorf("%s is damaged: %w", from, err)
	}
	if target, err := filepath.EvalSymlinks(to); err == nil {
		to = target
	}
	dir := filepath.Dir(to)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	// The lock keeps every bridge out until the new file is in place. A file too damaged to be opened is one that no bridge has open.
	old, err := bolt.Open(to, 0o600, &bolt.Options{ReadOnly: true, Timeout: lockWait})
	var given [4]uint64
	switch {
	case err == nil:
		defer old.Close()
		given = lastNumbers(old)
	case errors.Is(err, bolterrors.ErrTimeout):
		return "", fmt.Errorf("%s: %w", to, ErrLocked)
	}
	work, err := os.MkdirTemp(dir, ".restore-*")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(work)
	file := filepath.Join(work, "peyk.db")
	if err := copyFile(backup.db, file); err != nil {
		return "", err
	}
	s, err := Open(file, opts)
	if err != nil {
		return "", err
	}
	if err := errors.Join(s.update(func(t *tx) error { return t.restored(given) }), s.Check(), s.Close()); err != nil {
		return "", err
	}
	kept = to + ".before-" + opts.Now().UTC().Format("20060102-150405")
	switch err := os.Link(to, kept); {
	case errors.Is(err, fs.ErrNotExist):
		kept = ""
	case err != nil:
		return "", fmt.Errorf("keep the old file: %w", err)
	}
	if err := os.Rename(file, to); err != nil {
		return "", err
	}
	return kept, syncDir(dir)
}

// lastNumbers returns the last numbers of each bucket of numbered that a file has given; zeros where it is too damaged to tell.
func lastNumbers(db *bolt.DB) (given [4]uint64) {
	_ = guarded(func() error { // what is damaged is replaced
		return db.View(func(t *bolt.Tx) error {
			for i, name := range numbered {
				if b := t.Bucket(name); b != nil {
					given[i] = b.Sequence()
				}
			}
			return nil
		})
	})
	return given
}

// restored puts in order what may have happened since the backup was made, in addition to what Open does. given are the last numbers of the file
// that is replaced, which may be that of a backup that was restored before.
func (t *tx) restored(given [4]uint64) error {
	last, err := t.lastHeard()
	if err != nil {
		return err
	}
	var pieces []Piece
	for _, bucket := range [][]byte{bucketOutbox, bucketAsking} { // somebody may have pressed [Send]
		err := t.pieces(bucket, 0, func(p Piece) (bool, error) {
			pieces = append(pieces, p)
			return true, nil
		})
		if err != nil {
			return err
		}
	}
	for _, p := range pieces {
		err := t.changeBatch(p, func(t *tx, p *Piece, b *Batch) error {
			b.State = Going
			if err := t.setPieceStatus(*p, sms.Sending, b); err != nil {
				return err
			}
			return makeUncertain(t, p, b)
		})
		if err != nil {
			return err
		}
	}
	for i, name := range numbered {
		rows := t.bucket(name)
		if err := rows.SetSequence(max(rows.Sequence(), given[i]) + afterBackup); err != nil {
			return err
		}
	}
	if err := errors.Join(t.markAllRepeated(), t.dropEnded(), t.askAnew(), t.holdGroups(), t.doubtScheduled()); err != nil {
		return err
	}
	return t.addIncident(&Incident{Kind: Restored, From: last, To: t.now})
}

// lastHeard returns the time of the last SMS in or out: what came later is not in the file.
func (t *tx) lastHeard() (time.Time, error) {
	key, value := t.bucket(bucketSMS).Cursor().Last()
	if key == nil {
		return t.now, nil
	}
	m, err := readSMS(key, value)
	return arrived(m), err
}

// markAllRepeated marks every SMS that waits as perhaps repeated, also those of answers that are still to be decoded: a process that went on after the
// backup may have shown them all.
func (t *tx) markAllRepeated() error {
	rows := t.bucket(bucketPost)
	var waiting []Post
	err := rows.ForEach(func(key, value []byte) error {
		p, err := readPost(key, value)
		if p.Kind == PostSMS && !p.Repeated {
			waiting = append(waiting, p)
		}
		return err
	})
	if err != nil {
		return err
	}
	for _, p := range waiting {
		p.Repeated = true
		if err := t.putPost(p); err != nil {
			return err
		}
	}
	return errors.Join(t.setRestored(true), put(t.bucket(bucketMeta), keyRestored, t.bucket(bucketRaw).Sequence()))
}

// setRestored notes whether what is read next, where it can be read again, may have been shown before a backup was restored.
func (t *tx) setRestored(restored bool) error {
	var c Cursor
	if err := get(t.bucket(bucketMeta), keyCursor, &c); err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	c.Restored = restored
	return put(t.bucket(bucketMeta), keyCursor, c)
}

// wasRestored tells whether what is in an answer of the panel may have been shown before a backup was restored: that held it, or it was asked for
// because of that.
func (t *tx) wasRestored(raw uint64) (bool, error) {
	var last uint64
	err := get(t.bucket(bucketMeta), keyRestored, &last)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return raw <= last, err
}

// askAnew has everything that is uncertain asked about again, and its replies marked: since the backup it may have been decided and told otherwise. No
// button of before decides: Telegram may give a press again that the backup knows nothing of, and once more an SMS would be sent again.
func (t *tx) askAnew() error {
	return t.pieces(bucketUncertain, 0, func(p Piece) (bool, error) {
		b, err := t.batch(p.Batch)
		if err != nil {
			return false, err
		}
		if b.Message != 0 && !b.Unmarked {
			b.Reaction = "?"
		}
		b.Generation += int(t.bucket(bucketBatch).Sequence()) // which jumped, and is never the same again
		return true, t.report(b, 0)
	})
}

// holdGroups has nothing posted to groups for a minute: nobody knows what was posted to them in the minute before.
func (t *tx) holdGroups() error {
	inboxes, err := t.inboxes()
	if err != nil {
		return err
	}
	chats, err := t.chats()
	if err != nil {
		return err
	}
	for _, in := range inboxes {
		if !slices.ContainsFunc(chats, func(c Chat) bool { return c.ID == in.place.Chat }) {
			chats = append(chats, Chat{ID: in.place.Chat})
		}
	}
	for _, c := range chats {
		if c.ID > 0 || c.MigratedTo != 0 {
			continue
		}
		c.Held = t.store.opts.Now().Add(time.Minute)
		if err := t.putChat(c); err != nil {
			return err
		}
	}
	return nil
}

// syncDir has the system write down which files dir holds.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
