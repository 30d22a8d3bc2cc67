package main

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"testing"

	"peyk/store"
)

// openStore makes a store with something in it and serves backups of it until the test ends.
func openStore(t *testing.T) (path string, stop func()) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "peyk.db")
	st, err := store.Open(path, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for range 200 { // more than a socket holds that nobody reads
		if _, err := st.SaveRaw(store.Raw{Body: make([]byte, 10_000)}); err != nil {
			t.Fatal(err)
		}
	}
	stop, err = serveBackups(st, path, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stop()
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	return path, stop
}

func TestBackupIsForItsUserAlone(t *testing.T) {
	path, _ := openStore(t)
	to := filepath.Join(t.TempDir(), "backup.db")
	if _, err := (settings{dbPath: path}).backUp(t.Context(), to); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{to, backupSocket(path)} {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != 0o600 {
			t.Errorf("%s has mode %v", filepath.Base(name), got)
		}
	}
}

func TestTheEndOfTheBridgeDoesNotWaitForASlowBackup(t *testing.T) {
	path, stop := openStore(t)
	conn, err := net.Dial("unix", backupSocket(path))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.ReadFull(conn, make([]byte, 1)); err != nil { // the backup has begun, and will fill what a socket holds
		t.Fatal(err)
	}
	stop()
	got, _ := io.ReadAll(conn)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if int64(len(got)) >= info.Size()-1 {
		t.Errorf("the whole file came: the end has waited, or the file is too small for this test")
	}
}

// TestABackupBrokenOffLeavesNoFile has the bridge end in the middle of a backup.
func TestABackupBrokenOffLeavesNoFile(t *testing.T) {
	path, stop := openStore(t)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	stop()
	listener, err := net.Listen("unix", backupSocket(path))
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		conn, err := listener.Accept()
		if err == nil {
			io.Copy(conn, bytes.NewReader(whole[:len(whole)/2]))
			conn.Close()
		}
	}()
	to := filepath.Join(t.TempDir(), "backup.db")
	if _, err := (settings{dbPath: path}).backUp(t.Context(), to); err == nil {
		t.Error("half a backup was taken for a whole one")
	}
	if _, err := os.Stat(to); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what came of it is left: %v", err)
	}
}

func TestASocketIsNotMadeInPlaceOfAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "peyk.db")
	st, err := store.Open(path, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	if err := os.WriteFile(backupSocket(path), []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if stop, err := serveBackups(st, path, slog.New(slog.DiscardHandler)); err == nil {
		stop()
		t.Error("it was")
	}
	if got, err := os.ReadFile(backupSocket(path)); err != nil || string(got) != "mine" {
		t.Errorf("the file holds %q (%v)", got, err)
	}
}
