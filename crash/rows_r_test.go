package crash

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"peyk/sandbox/panel"
	"peyk/sandbox/telegram"
)

// TestR1SIGTERM ends the bridge while the panel holds a call; once more while it still waits for it.
func TestR1SIGTERM(t *testing.T) {
	for _, method := range []string{"GetMsg", "SendSMS"} {
		for _, signals := range []int{1, 2} {
			t.Run(fmt.Sprintf("%s %d", method, signals), func(t *testing.T) {
				w := newRow(t)
				w.onlySMS()
				held, release := make(chan struct{}), make(chan struct{})
				ending := make(chan struct{})
				began := false // of the call that is held
				w.Panel.OnCall(func(c panel.Call) {
					w.Mu.Lock()
					hold := !began && c.Method == method && c.Stage == panel.CarriedOut
					began = began || hold
					w.Mu.Unlock()
					if hold {
						close(held)
						<-release
					}
					w.called("panel", c.Method, string(c.Stage))
				})
				w.sends(receiver) // an update: the bridge confirms it when it ends
				w.receives(1)
				if method == "SendSMS" {
					w.lives(w.told(w.Group, "«end0»"))
				} else {
					w.start()
				}
				<-held
				ctx, cancel := context.WithTimeout(context.Background(), patience)
				defer cancel()
				if err := w.TG.WaitConfirmed(ctx); err != nil {
					t.Fatal(err)
				}
				w.TG.OnCall(func(stage telegram.Stage, method string, _ int64) {
					if method == "getUpdates" && stage == telegram.AfterHandling {
						select {
						case <-ending:
						default:
							close(ending)
						}
					}
					w.called("telegram", method, string(stage))
				})
				process := w.bridge.cmd.Process
				process.Signal(syscall.SIGTERM)
				<-ending
				fetches := w.Asked("GetMsg")
				if signals == 2 {
					process.Signal(syscall.SIGTERM)
					<-w.bridge.gone
				}
				close(release)
				<-w.bridge.gone
				if code := w.bridge.state.ExitCode(); code != signals-1 {
					t.Fatalf("the bridge ends with %d:\n%s", code, logTail(w.dir, 20))
				}
				if n := w.Asked("GetMsg"); method == "SendSMS" && n > fetches+1 || method == "GetMsg" && n > fetches+1 {
					t.Errorf("the panel was asked for SMS %d times after the signal", n-fetches)
				}
				e := w.rests("I2")
				switch {
				case signals == 1:
					e.shownOnce()
					if method == "SendSMS" {
						e.sentOnce()
					}
				case method == "GetMsg":
					if len(e.Missing()) != 1 || len(e.Incidents) != 2 {
						t.Errorf("%d SMS missing, told in %d messages, want 1 and 2", len(e.Missing()), len(e.Incidents))
					}
				default:
					e.uncertain(1, 1)
				}
			})
		}
	}
}

func TestR2BackupRestored(t *testing.T) {
	backUp := func(w *world) {
		if code, said := w.peyk("backup", "backup.db"); code != 0 {
			w.Fatalf("peyk backup: %d, %s", code, said)
		}
	}
	restore := func(w *world) {
		if code, said := w.peyk("restore", "backup.db"); code != 0 {
			w.Fatalf("peyk restore: %d, %s", code, said)
		}
	}
	each(t, map[string]func(*world){
		"an order": func(w *world) {
			w.sends(receiver)
			w.diesAt("send.queued", 1)
			backUp(w)
			w.rests().sentOnce()
			restore(w)
			e := w.rests("I6", "I7", "I8") // of what happened since, the store knows nothing
			if e.Batches[0].Uncertain != 1 || w.Asked("SendSMS") != 1 {
				w.Errorf("%d are uncertain, the panel was asked %d times; want 1 and 1", e.Batches[0].Uncertain, w.Asked("SendSMS"))
			}
		},
		"an SMS": func(w *world) {
			w.onlySMS()
			w.receives(1)
			w.diesAt("post.due", 1)
			backUp(w)
			w.rests()
			restore(w)
			e := w.rests("I2")
			again := 0
			for _, chat := range []int64{w.Group, w.Sara} {
				copies := e.copies(chat, 0)
				for _, c := range copies[1:] {
					again++
					if !c.Repeated {
						w.Errorf("message %d of chat %d does not say that it may repeat", c.Message, chat)
					}
				}
			}
			if again == 0 {
				w.Error("what the backup was to show is not shown again")
			}
		},
	})
}

func TestR4SecondProcess(t *testing.T) {
	each(t, map[string]func(*world){
		"on the same file": func(w *world) {
			w.receives(1)
			w.lives(w.told(w.Group, "«end0»"))
			if code, said := w.peyk(); code != 1 || !strings.Contains(said, "another peyk is running on this file") {
				w.Errorf("the second one ends with %d, %s", code, said)
			}
			w.receives(1)
			w.goesOn(w.told(w.Group, "«end1»")) // the first one does not mind
			if err := w.bridge.end(); err != nil {
				w.Fatal(err)
			}
			w.rests()
		},
		"with the same token": func(w *world) {
			w.lives(func() error {
				if n := w.given(); n > 0 {
					return fmt.Errorf("%d updates are not taken", n)
				}
				return nil
			})
			elsewhere := w.TempDir()
			second := exec.Command(program)
			second.Dir, second.Env = elsewhere, w.environ
			log, err := os.Create(filepath.Join(elsewhere, "log"))
			if err != nil {
				w.Fatal(err)
			}
			defer log.Close()
			second.Stderr = log
			began := time.Now()
			if err := second.Start(); err != nil {
				w.Fatal(err)
			}
			conflicts := func() (n int) {
				for _, c := range w.TG.Calls() {
					if c.Code == 409 {
						n++
					}
				}
				return n
			}
			w.goesOn(func() error {
				if n := conflicts(); n < 3 {
					return fmt.Errorf("%d conflicts", n)
				}
				return nil
			})
			took := time.Since(began)
			second.Process.Kill()
			second.Wait()
			// Each pauses longer every time: half a second, one, two.
			if took < 500*time.Millisecond {
				w.Errorf("three conflicts in %v", took)
			}
			said := logTail(w.dir, 1000) + logTail(elsewhere, 1000)
			if !strings.Contains(said, "another program uses this bot's token") {
				w.Errorf("nobody says why:\n%s", said)
			}
			w.sends(receiver)
			w.goesOn(w.told(w.Group, "delivered."))
			if err := w.bridge.end(); err != nil {
				w.Fatal(err)
			}
			w.rests().sentOnce()
		},
	})
}

// TestR5KilledInAMigration makes the file, which is a migration of an empty one, in several attempts. Of older files package store tells.
func TestR5KilledInAMigration(t *testing.T) {
	w := newRow(t)
	w.receives(1)
	w.diesAt("open.migrating", 1)
	w.diesAt("open.migrated", 1)
	w.diesAt("open.settled", 1)
	w.rests().shownOnce()
}
