package store

import (
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"peyk/sms"
)

// TestTheTeamIsToldOfARestore whoever knows its chats: the settings of the restore, those of the next start alone, or the store.
func TestTheTeamIsToldOfARestore(t *testing.T) {
	for name, test := range map[string]struct{ before, restoring, after bool }{
		"the settings all along":             {true, true, true},
		"the next start's settings":          {true, false, true},
		"first the next start's":             {false, false, true},
		"the restore's and the next start's": {false, true, true},
	} {
		c := newClock()
		options := func(named bool) Options {
			if named {
				return c.inbox(group)
			}
			return c.options()
		}
		path := filepath.Join(t.TempDir(), "peyk.db")
		s := open(t, path, options(test.before))
		saved := backup(t, s)
		must(t, s.Close())
		ok(Restore(saved, path, options(test.restoring)))
		s = open(t, path, options(test.after))
		if diff := cmp.Diff(map[sms.ChatID][]IncidentKind{admin: {Restored}, group: {Restored}}, told(t, s)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		must(t, s.Close())
	}
}

// TestWhatIsReadAfterARestoreMayBeShown restores a backup at a panel with a cursor: what is read on from there, and may be shown, says so, in that round and in
// no later one.
func TestWhatIsReadAfterARestoreMayBeShown(t *testing.T) {
	for name, read := range map[string]bool{"where something was read": true, "where nothing was": false} {
		c, path := newClock(), filepath.Join(t.TempDir(), "peyk.db")
		s := open(t, path, c.inbox(group))
		cursor := ok(s.Cursor("ours"))
		message := func(id string) []sms.Message {
			return []sms.Message{{Conversation: sms.Conversation{Line: "30001234", Customer: "09121111111"}, Text: "yes " + id, InboxID: sms.ID(id), Time: c.now(), Received: c.now()}}
		}
		if read {
			ok(s.SaveRead(message("1"), &cursor, "1", true))
		}
		saved := backup(t, s)
		ok(s.SaveRead(message("2"), &cursor, "2", true)) // and is shown
		must(t, s.Close())
		ok(Restore(saved, path, c.inbox(group)))
		s = open(t, path, c.inbox(group))
		cursor = ok(s.Cursor("ours"))
		ok(s.SaveRead(message("2"), &cursor, "", false))
		ok(s.SaveRead(message("3"), &cursor, "3", true))
		ok(s.SaveRead(message("4"), &cursor, "4", true))
		repeated := map[string]bool{}
		for _, p := range posts(t, s) {
			if p.Kind == PostSMS {
				repeated[ok(s.SMS(p.Seq)).Text] = p.Repeated
			}
		}
		want := map[string]bool{"yes 2": true, "yes 3": true, "yes 4": false}
		if read {
			want["yes 1"] = true // it waited
		}
		if diff := cmp.Diff(want, repeated); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		must(t, s.Close())
	}
}
