package bridge_test

import (
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"peyk/sandbox/panel"
	"peyk/sandbox/telegram"
)

// TestAFileThatIsNotReadIsToldOf kills the bridge while it fetches the file of a command, or once it has asked about it.
func TestAFileThatIsNotReadIsToldOf(t *testing.T) {
	const rows = "09121111111,x\n09122222222,y\n"
	for name, tc := range map[string]struct {
		caption string
		hangs   bool
		says    []string
	}{
		"an order":                 {"/bulk", true, []string{"nothing was done"}},
		"contacts":                 {"/contacts", true, []string{"nothing was done"}},
		"an order once it is read": {"/bulk", false, []string{"Send these?"}},
		"contacts once they are":   {"/contacts", false, []string{"New: 2"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, telegram.Options{}, panel.Options{})
				var dead atomic.Bool
				w.storeOpts.Commit = func(write func() error) error {
					if dead.Load() {
						return errors.New("killed")
					}
					return write()
				}
				w.start()
				if tc.hangs {
					if err := w.tg.Arm(telegram.Fault{Kind: telegram.Hang, Method: "getFile"}); err != nil {
						t.Fatal(err)
					}
				}
				asked := w.says(telegram.Post{Chat: w.sara, From: w.sara, Caption: tc.caption, Document: csvFile(rows)})
				time.Sleep(10 * time.Second)
				backup := w.backsUp()

				dead.Store(true)
				w.PanelNet.Down()
				w.TGNet.Down()
				w.stop()
				<-w.ended
				w.store.Close() // which writes nothing any more
				dead.Store(false)
				w.PanelNet.Up()
				w.TGNet.Up()
				w.tg.Disarm()
				w.start()
				time.Sleep(5 * time.Minute)
				w.restart()
				time.Sleep(5 * time.Minute)
				said := func() (all []string) {
					for _, m := range w.fromBot(w.sara) {
						if m.ReplyTo == asked {
							all = append(all, m.Text)
						}
					}
					return all
				}
				if all := said(); !slices.EqualFunc(all, tc.says, strings.Contains) {
					t.Errorf("said %q, want %q\n%s", all, tc.says, w.transcript(w.sara))
				}

				// Of a backup nobody knows what was done after it was made.
				w.end()
				w.restores(backup)
				w.start()
				time.Sleep(5 * time.Minute)
				if n := strings.Count(strings.Join(said(), "\n"), "nothing was done"); n != strings.Count(tc.says[0], "nothing was done") {
					t.Errorf("a restored backup says %q", said())
				}
			})
		})
	}
}
