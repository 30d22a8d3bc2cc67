package bridge_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"peyk/panels"
	"peyk/sandbox/panel"
	"peyk/sandbox/telegram"
	"peyk/sms"
	"peyk/smsapi"
	"peyk/smsapi/exchange"
	"peyk/store"
)

// backsUp returns the file of a backup of the store as it is.
func (w *world) backsUp() string {
	w.Helper()
	path := filepath.Join(w.TempDir(), "backup.db")
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o600)
	if err != nil {
		w.Fatal(err)
	}
	defer f.Close()
	if err := w.store.Backup(f); err != nil {
		w.Fatal(err)
	}
	return path
}

// restores puts a backup in the place of the store, whose bridge has ended.
func (w *world) restores(backup string) {
	w.Helper()
	if _, err := store.Restore(backup, w.path, w.storeOpts); err != nil {
		w.Fatal(err)
	}
}

// marked returns which of some SMS a chat shows as perhaps repeated.
func (w *world) marked(texts ...string) (marked []string) {
	for _, text := range texts {
		for _, m := range w.fromBot(w.group) {
			if strings.Contains(m.Text, text) && strings.Contains(m.Text, "perhaps repeated") {
				marked = append(marked, text)
			}
		}
	}
	return marked
}

// readAgainAt are the kinds of panel at which what was handed out can be read once more, by their dialects.
func readAgainAt(t *testing.T, scenario func(*testing.T, panel.Options)) {
	t.Helper()
	for _, kind := range panels.Kinds {
		client, err := kind.New(panels.Login{URL: "http://panel.example", User: "demo", Password: "demo-pass", Key: "demo-pass"}, exchange.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if can := client.Traits(); can.Again > 0 || can.Cursor {
			t.Run(kind.Name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { scenario(t, panel.Options{Dialect: dialectOf(t, kind.Name), PageSize: 3}) })
			})
		}
	}
}

// TestARestoreReadsAgainWhatTheBackupLacks restores a backup where the panel tells again what it has handed out: what came since is shown once more, and
// says that it may be; nothing is told of as lost but what the report of the restore names.
func TestARestoreReadsAgainWhatTheBackupLacks(t *testing.T) {
	for name, tc := range map[string]struct {
		first  bool          // the backup was made before anything was fetched
		cut    bool          // and the last answer before the restore was lost
		old    time.Duration // of the backup
		ahead  time.Duration // of the panel's clock
		listed bool          // the first readings fail
	}{
		"of an hour ago":                {old: time.Hour},
		"of a moment ago":               {old: time.Second},
		"of before the first fetch":     {old: time.Hour, first: true},
		"when an answer was lost":       {old: time.Hour, cut: true},
		"when the panel is days ahead":  {old: time.Hour, ahead: 72 * time.Hour},
		"when the panel is days behind": {old: time.Hour, ahead: -72 * time.Hour},
		"where reading fails for long":  {old: time.Hour, listed: true},
	} {
		t.Run(name, func(t *testing.T) {
			readAgainAt(t, func(t *testing.T, opts panel.Options) {
				w := newWorld(t, telegram.Options{}, opts)
				w.panel.Forward(tc.ahead)
				w.PanelNet.Down()
				w.start()
				var backup string
				if tc.first {
					backup = w.backsUp()
				}
				w.PanelNet.Up()
				w.shows("09121111111", "in the backup «1»")
				if !tc.first {
					time.Sleep(time.Minute)
					backup = w.backsUp()
				}
				time.Sleep(tc.old / 2)
				later := []string{"«2»", "«3»", "«4»", "«5»", "«6»"}
				for _, text := range later {
					w.shows("09121111111", "since the backup "+text)
				}
				if tc.cut {
					w.panel.Arm(panel.Fault{Method: "GetMsg", Kind: panel.Close, CarryOut: true})
					w.panel.Receive("09121111111", "30001234", "taken in the end «7»")
					w.until("the fetch", func() bool { return len(w.panel.State().Faults) == 0 })
				}
				w.end()
				time.Sleep(tc.old / 2)
				w.restores(backup)
				if tc.listed {
					w.panel.Arm(panel.Fault{Method: "ListMsg", Kind: panel.Crash, Times: 20})
				}
				w.start()
				w.sees(w.group, "restored from a backup")
				for _, text := range later {
					w.sees(w.group, text, "perhaps repeated")
				}
				time.Sleep(time.Hour)
				w.panel.Receive("09121111111", "30001234", "and on it goes «8»")
				w.sees(w.group, "«8»")
				if tc.cut {
					w.sees(w.group, "«7»")
				}
				w.passes(10 * time.Minute)
				time.Sleep(10 * time.Minute)
				said := w.transcript(w.group)
				if strings.Contains(said, "may be lost") {
					t.Errorf("reported as lost:\n%s", said)
				}
				for _, text := range later {
					if n := strings.Count(said, text); n != 2 {
						t.Errorf("%s is shown %d times, want 2:\n%s", text, n, said)
					}
				}
				if n := strings.Count(said, "«1»"); n != 1 && !tc.first {
					t.Errorf("what the backup has is shown %d times:\n%s", n, said)
				}
				if marked := w.marked("«8»"); len(marked) > 0 {
					t.Errorf("marked: %v", marked)
				}
			})
		})
	}
}

// TestAnOldBackupIsReadAgainAsFarAsThePanelTells restores one of before what the panel tells again: the report of the restore names that time, and nothing else is
// told of as lost; an answer that is lost after it is.
func TestAnOldBackupIsReadAgainAsFarAsThePanelTells(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{Dialect: panel.Kavenegar})
		w.start()
		w.shows("09121111111", "in the backup")
		time.Sleep(time.Minute)
		backup := w.backsUp()
		w.shows("09121111111", "three days ago")
		w.end()
		time.Sleep(3 * 24 * time.Hour)
		w.start()
		w.shows("09121111111", "an hour ago")
		w.end()
		time.Sleep(time.Hour)
		w.restores(backup)
		w.start()
		w.sees(w.group, "an hour ago", "perhaps repeated")
		time.Sleep(time.Hour)
		if said := w.transcript(w.group); strings.Contains(said, "may be lost") || len(w.marked("three days ago")) > 0 {
			t.Errorf("shown:\n%s", said)
		}
		w.end()
		w.restores(backup)
		w.panel.Arm(panel.Fault{Method: "GetMsg", Kind: panel.Close, CarryOut: true, Times: 2})
		w.panel.Receive("09121111111", "30001234", "waits")
		w.start()
		w.sees(w.group, "waits")
		w.sees(w.group, "may be lost") // of what waited there nobody knows for how long it had
	})
}

// TestARestoreIsOverWhenItsStoreMoves restores a store at a panel that tells nothing again, and moves it to one that does: what is read there nobody can
// have been shown.
func TestARestoreIsOverWhenItsStoreMoves(t *testing.T) {
	readAgainAt(t, func(t *testing.T, opts panel.Options) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		w.start()
		w.shows("09121111111", "before")
		backup := w.backsUp()
		w.end()
		w.restores(backup)
		w.start()
		w.shows("09121111111", "goes on")
		w.passes(24 * time.Hour)
		w.end()
		w.moves(opts)
		w.panel.Receive("09122222222", "30001234", "waits at the new one «1»")
		w.panel.Receive("09123333333", "30001234", "taken there by another «2»")
		if opts.Dialect == panel.Kavenegar {
			w.takes()
			w.panel.Receive("09122222222", "30001234", "waits at the new one «3»")
		}
		w.start()
		if opts.Dialect == panel.Kavenegar {
			w.sees(w.group, "«3»")
		} else {
			w.sees(w.group, "«1»")
		}
		time.Sleep(time.Hour)
		if marked := w.marked("«1»", "«2»", "«3»"); len(marked) > 0 {
			t.Errorf("marked: %v\n%s", marked, w.transcript(w.group))
		}
		if said := w.transcript(w.group); opts.Dialect == panel.Kavenegar && strings.Contains(said, "«2»") {
			t.Errorf("what another program had taken is shown:\n%s", said)
		}
	})
}

// TestARestoreThatMovesReadsAgain restores a backup of before the store moved to a panel that tells again: what came at that one is shown once more.
func TestARestoreThatMovesReadsAgain(t *testing.T) {
	readAgainAt(t, func(t *testing.T, opts panel.Options) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		w.start()
		w.shows("09121111111", "before")
		backup := w.backsUp()
		w.end()
		w.moves(opts)
		w.start()
		w.shows("09121111111", "at the new one")
		w.passes(time.Hour)
		w.end()
		w.restores(backup)
		w.start()
		w.sees(w.group, "at the new one", "perhaps repeated")
		w.shows("09121111111", "goes on")
		time.Sleep(time.Hour)
		if marked := w.marked("goes on"); len(marked) > 0 {
			t.Errorf("marked: %v\n%s", marked, w.transcript(w.group))
		}
	})
}

// takes has another program take what is unread at the panel.
func (w *world) takes() {
	w.Helper()
	client, err := w.kind.New(panels.Login{URL: w.PanelURL, User: "demo", Password: w.password, Key: w.password}, exchange.Options{Dial: w.PanelNet.Dial})
	if err != nil {
		w.Fatal(err)
	}
	if _, err := client.Fetch(w.Context(), smsapi.Place{Line: sms.Number("30001234")}); err != nil {
		w.Fatal(err)
	}
}
