package bridge_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"peyk/sandbox/panel"
	"peyk/sandbox/telegram"
	"peyk/store"
)

func TestWhatIsForgottenIsNotAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		w.start()
		w.panel.Receive("09121234567", "30001234", "hello")
		shown := w.sees(w.group, "hello")
		w.end()

		w.storeOpts.Keep = time.Nanosecond
		w.start()
		w.logged("rows deleted")
		if _, err := w.store.SMS(1); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("the SMS is read after its time: %v", err)
		}
		w.says(telegram.Post{Chat: w.group, From: w.ali, ReplyTo: shown.ID, Text: "too late"})
		w.sees(w.group, "not an SMS I know")
		w.panel.Receive("09121234567", "30001234", "hello again")
		again := w.sees(w.group, "hello again")
		w.says(telegram.Post{Chat: w.group, From: w.ali, ReplyTo: again.ID, Text: "in time"})
		if got := w.sent(1); got[0].Text != "in time" {
			t.Errorf("sent %q", got[0].Text)
		}
	})
}

// TestCopiesOfKilledChecksGo: they hold every SMS, and nobody would look for them.
func TestCopiesOfKilledChecksGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		dir := filepath.Dir(w.path)
		left, underWay := filepath.Join(dir, ".check-1"), filepath.Join(dir, ".check-2")
		for _, path := range []string{left, underWay} {
			if err := os.WriteFile(path, []byte("SMS"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		long := time.Now().Add(-2 * time.Hour)
		if err := os.Chtimes(left, long, long); err != nil {
			t.Fatal(err)
		}
		w.start()
		w.logged("copies of the store removed")
		if _, err := os.Stat(left); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("the copy is there: %v", err)
		}
		if _, err := os.Stat(underWay); err != nil {
			t.Errorf("the copy of a running check: %v", err)
		}
	})
}
