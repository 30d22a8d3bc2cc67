package crash

import (
	"os"
	"os/exec"
	"path/filepath"
	"peyk/internal/play"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestAFaultIsNotTakenForWrongUse has the program fail in every way in which Go ends one. Exit code 2 means wrong settings, after which
// nothing starts it again.
func TestAFaultIsNotTakenForWrongUse(t *testing.T) {
	for way, says := range map[string]string{
		"panic":     "panic: crashpoint",
		"goroutine": "panic: crashpoint",
		"nil":       "nil pointer dereference",
		"map":       "concurrent map writes",
		"stack":     "stack overflow",
		"memory":    "out of memory",
		"quit":      "SIGQUIT",
	} {
		t.Run(way, func(t *testing.T) {
			w := newRow(t)
			// With all the cores that the system lets it have.
			command := exec.Command("sh", "-c", `ulimit -S -c "$(ulimit -H -c)"; exec "$0"`, program)
			if way == "quit" {
				w.startAs(command)
				w.goesOn(func() error {
					if w.Asked("GetMsg") == 0 {
						return play.ErrNotYet
					}
					return nil
				})
				w.bridge.cmd.Process.Signal(syscall.SIGQUIT)
			} else {
				w.startAs(command, "PEYK_CRASH=send.reserved:1", "PEYK_CRASH_BY="+way)
			}
			o := w.sends(receiver)
			select {
			case <-w.bridge.gone:
			case <-time.After(patience):
				w.Fatalf("the bridge does not end; its last words:\n%s", logTail(w.dir, 40))
			}
			if status := w.bridge.state.Sys().(syscall.WaitStatus); !status.Signaled() || status.Signal() != syscall.SIGABRT || status.CoreDump() {
				t.Errorf("it ended with %v, want SIGABRT without a core", w.bridge.state)
			}
			if cores, _ := filepath.Glob(filepath.Join(w.dir, "core*")); len(cores) > 0 {
				t.Errorf("it left %v", cores)
			}
			log, err := os.ReadFile(filepath.Join(w.dir, "log"))
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(string(log), says) || !strings.Contains(string(log), "goroutine ") {
				t.Errorf("the log does not say %q and where:\n%s", says, logTail(w.dir, 40))
			}
			for _, secret := range []string{w.TG.Token(), "demo-pass", receiver, o.Text} {
				if strings.Contains(string(log), secret) {
					t.Errorf("the log shows %q", secret)
				}
			}
			w.bridge = nil
		})
	}
}
