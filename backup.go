package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"peyk/cluster"
	"peyk/store"
)

// Only one process at a time can open the store, so a running bridge must make its own backups. It sends one to everybody who connects to a
// socket beside the store. It reads nothing from the connection. Only the store's user can connect, who can read the store anyway.

// A backup is aborted when it stalls for backupPatience or takes longer than backupLimit: until it ends the store cannot reuse pages, and once
// the file outgrows its memory map, nothing can be stored.
const (
	backupPatience = 30 * time.Second
	backupLimit    = 10 * time.Minute
)

func backupSocket(dbPath string) string { return dbPath + ".sock" }

// serveBackups serves the socket until stop is called, which waits until that has ended.
func serveBackups(st *store.Store, dbPath string, log *slog.Logger) (stop func(), err error) {
	path := backupSocket(dbPath)
	if info, err := os.Lstat(path); err == nil && info.Mode().Type() == fs.ModeSocket {
		os.Remove(path) // left by a process that was killed: we have the store's lock
	}
	listener, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	var mu sync.Mutex
	var current net.Conn // closed by stop
	stopped := false
	var served sync.WaitGroup
	served.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			current = conn
			ending := stopped
			mu.Unlock()
			if !ending {
				if err := st.Backup(patientWriter{conn, time.Now().Add(backupLimit)}); err != nil {
					log.Warn("backup aborted", "err", err)
				} else {
					log.Info("backup served")
				}
			}
			conn.Close()
		}
	})
	return func() {
		listener.Close()
		mu.Lock()
		stopped = true
		if current != nil {
			current.Close()
		}
		mu.Unlock()
		served.Wait()
	}, nil
}

// patientWriter gives each write a deadline, and all of them together one.
type patientWriter struct {
	conn net.Conn
	late time.Time
}

func (w patientWriter) Write(p []byte) (int, error) {
	limit := time.Now().Add(backupPatience)
	if w.late.Before(limit) {
		limit = w.late
	}
	if err := w.conn.SetWriteDeadline(limit); err != nil {
		return 0, err
	}
	return w.conn.Write(p)
}

func (c *call) backup(ctx context.Context) error {
	file, s, err := c.fileAndSettings()
	if err != nil {
		return err
	}
	done, err := s.backUp(ctx, file)
	if err == nil {
		fmt.Fprintln(c.stdout, done)
	}
	return err
}

func (c *call) restore(ctx context.Context) error {
	file, s, err := c.fileAndSettings()
	if err != nil {
		return err
	}
	done, err := restore(file, s.dbPath, s.store)
	if err != nil {
		return err
	}
	fmt.Fprintln(c.stdout, done)
	if len(s.cluster.Endpoints) == 0 {
		return nil
	}
	etcd := s.cluster.dial()
	defer etcd.Close()
	if err := cluster.Restart(ctx, etcd, s.cluster.Name, s.dbPath); err != nil {
		return fmt.Errorf("the cluster goes on without what was restored, until this is done again: %w", err)
	}
	fmt.Fprintln(c.stdout, "the cluster goes on with it: start this bridge first")
	return nil
}

// fileAndSettings returns the only argument, a file, and the settings. The error is of where the store is: whoever the others name is told of a restore,
// even if some are wrong.
func (c *call) fileAndSettings() (file string, s settings, err error) {
	if len(c.args) != 1 || strings.HasPrefix(c.args[0], "-") {
		return "", s, wrongUse("it takes one argument, the name of a file")
	}
	if s, err = c.readSettings("DB_"); err == nil {
		s, _, _ = readSettings(c.environ, "")
	}
	return c.args[0], s, err
}

// backUp writes the store as it is now to a new file and checks that file.
func (s settings) backUp(ctx context.Context, to string) (done string, err error) {
	f, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return "", fmt.Errorf("%s already exists: name another file, or remove it", to)
	}
	if err != nil {
		return "", err
	}
	err = errors.Join(s.copyStore(ctx, f), f.Sync(), f.Close())
	if err == nil {
		err = inspect(to)
	}
	if err != nil {
		return "", errors.Join(err, os.Remove(to))
	}
	return fmt.Sprintf("backup of %s in %s, checked", s.dbPath, to), nil
}

// copyStore writes the store to w. If a bridge is running, the bridge does it, otherwise this process. The error is doctor.ErrFollows where a member of a
// cluster runs that does not lead.
func (s settings) copyStore(ctx context.Context, w io.Writer) error {
	var dialer net.Dialer
	conn, dialled := dialer.DialContext(ctx, "unix", backupSocket(s.dbPath))
	if dialled == nil {
		defer conn.Close()
		defer context.AfterFunc(ctx, func() { conn.Close() })()
		_, err := io.Copy(w, conn) // if it ends too early, the check of the copy finds that
		return err
	}
	st, err := store.Inspect(s.dbPath, store.Options{})
	if errors.Is(err, store.ErrLocked) {
		if err := s.cluster.leadsElsewhere(ctx, self(s.dbPath)); err != nil {
			return err
		}
		return fmt.Errorf("%w: a peyk is running and does not answer: %w", err, dialled)
	}
	if err != nil {
		return err
	}
	return errors.Join(st.Backup(w), st.Close())
}

// inspect checks a file that no process writes.
func inspect(path string) error {
	st, err := store.Inspect(path, store.Options{})
	if err != nil {
		return err
	}
	return errors.Join(st.Check(), st.Close())
}

// restore puts a backup in the store's place.
func restore(from, dbPath string, opts store.Options) (done string, err error) {
	kept, err := store.Restore(from, dbPath, opts)
	if errors.Is(err, store.ErrLocked) {
		return "", fmt.Errorf("%w: stop it first", err)
	}
	if err != nil {
		return "", err
	}
	done = fmt.Sprintf("restored %s to %s", from, dbPath)
	if kept != "" {
		done += "; what was there is now " + kept
	}
	return done, nil
}
