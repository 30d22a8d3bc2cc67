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
