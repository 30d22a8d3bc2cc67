package store

import (
	"bytes"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	bolt "go.etcd.io/bbolt"
)

// What must hold of changes is held by every test of the store: open has a second file follow each.

func TestChangesOfEveryKind(t *testing.T) {
	leads, follows := scratchFile(t), scratchFile(t)
	steps := []func(*bolt.Tx) error{
		func(b *bolt.Tx) error { return makeBuckets(b, "meta", "sms", "empty") },
		func(b *bolt.Tx) error {
			rows := b.Bucket([]byte("sms"))
			return errors.Join(rows.Put([]byte("a"), nil), rows.Put([]byte("b"), []byte("1")), rows.Put([]byte("\x00"), bytes.Repeat([]byte("x"), 10_000)), rows.SetSequence(1<<63))
		},
		func(b *bolt.Tx) error {
			rows := b.Bucket([]byte("sms"))
			return errors.Join(rows.Delete([]byte("a")), rows.Put([]byte("b"), nil), rows.Put([]byte("c"), []byte("2")), rows.SetSequence(0))
		},
		func(b *bolt.Tx) error { return errors.Join(b.DeleteBucket([]byte("empty")), makeBuckets(b, "last")) },
		func(*bolt.Tx) error { return nil },
	}
	for i, step := range steps {
		var c Changes
		must(t, leads.Update(func(after *bolt.Tx) error {
			if err := step(after); err != nil {
				return err
			}
			return leads.View(func(before *bolt.Tx) (err error) {
				c, err = differences(before, after)
				return err
			})
		}))
		if c == nil {
			if i != len(steps)-1 {
				t.Errorf("step %d changes nothing", i)
			}
			continue
		}
		must(t, follows.Update(c.apply))
		must(t, leads.View(func(want *bolt.Tx) error {
			return follows.View(func(found *bolt.Tx) error {
				if found, want := everything(found), everything(want); found != want {
					t.Errorf("step %d:\n%s", i, firstDifference(found, want))
				}
				return nil
			})
		}))
	}
}

func scratchFile(tb testing.TB) *bolt.DB {
	tb.Helper()
	db := ok(bolt.Open(filepath.Join(tb.TempDir(), "scratch.db"), 0o600, &bolt.Options{NoSync: true}))
	tb.Cleanup(func() { must(tb, db.Close()) })
	return db
}

// FuzzChanges: foreign bytes are refused or applied, but they end nothing, and what is cut short is never applied in part.
func FuzzChanges(f *testing.F) {
	whole := Changes(nil).bucket([]byte("sms"), nil, 0)
	f.Add([]byte(whole))
	f.Add([]byte("\x01\x03sms\x01\x05\x02\x01a\x00\x01b\x01\x01c"))
	db := scratchFile(f)
	f.Fuzz(func(t *testing.T, foreign []byte) {
		enough := errors.New("enough")
		err := db.Update(func(b *bolt.Tx) error {
			if err := makeBuckets(b, "sms"); err != nil {
				return err
			}
			return errors.Join(Changes(foreign).apply(b), enough)
		})
		if !errors.Is(err, enough) {
			t.Fatal(err)
		}
	})
}

func TestNothingIsReadBeforeTheJournalHasIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun, go_on := make(chan struct{}, 1), make(chan error)
		c := newClock()
		opts := c.inbox(group)
		s := ok(Open(tempFile(t), opts))
		s.opts.Journal = func(uint64, Changes) error { begun <- struct{}{}; return <-go_on }
		done := make(chan error, 1)
		go func() { done <- s.Hold(PanelDown, c.now(), "") }()
		<-begun
		time.Sleep(time.Hour) // reads do not wait, or the bubble would not get here
		if why := ok(s.Held()); why != "" {
			t.Errorf("%q is read, which the journal does not have", why)
		}
		go_on <- nil
		must(t, <-done)
		if why := ok(s.Held()); why != PanelDown {
			t.Errorf("%q is there, want what was written", why)
		}

		// The journal fails: perhaps it has the changes, so nothing may come after them.
		gone := errors.New("somebody else leads")
		go func() { done <- s.Release() }()
		<-begun
		go_on <- gone
		if err := <-done; !errors.Is(err, ErrStuck) || !errors.Is(err, gone) {
			t.Errorf("got %v, want that the store is stuck, and why", err)
		}
		if err := <-s.Damaged(); !errors.Is(err, gone) {
			t.Errorf("the bridge is told %v", err)
		}
		if _, err := s.Held(); !errors.Is(err, ErrStuck) {
			t.Errorf("a read returns %v", err)
		}
		if err := s.Release(); !errors.Is(err, ErrStuck) {
			t.Errorf("the next write returns %v", err)
		}
		s.Close()
	})
}

// TestAFileThatFailsAfterTheJournal: what the journal has the file must have before anything else is written.
func TestAFileThatFailsAfterTheJournal(t *testing.T) {
	path, c := tempFile(t), newClock()
	opts := c.inbox(group)
	kept, full := 0, func() {}
	opts.Journal = func(uint64, Changes) error {
		kept++
		full()
		return nil
	}
	f := ok(Follow(path, opts))
	must(t, f.Begin("journal"))
	s := ok(f.Lead(opts))
	before := kept
	full = func() { s.file.Close() }
	if err := s.Hold(PanelDown, c.now(), ""); !errors.Is(err, ErrStuck) || kept != before+1 {
		t.Errorf("got %v with %d entries, want a store that is stuck and one entry more than %d", err, kept, before)
	}
	if err := s.Release(); !errors.Is(err, ErrStuck) || kept != before+1 {
		t.Errorf("got %v with %d entries: an entry follows one that the file lacks", err, kept)
	}
	s.Close()
}

func TestAFileThatIsWrittenWithoutAJournalFollowsNone(t *testing.T) {
	path, c := tempFile(t), newClock()
	f := ok(Follow(path, c.options()))
	must(t, f.Begin("journal"))
	opts := c.options()
	last := uint64(0)
	opts.Journal = func(entry uint64, _ Changes) error { last = entry; return nil }
	must(t, ok(f.Lead(opts)).Close())
	f = ok(Follow(path, c.options()))
	if log, entry := f.Place(); log != "journal" || entry != last || entry == 0 {
		t.Errorf("the file has %d of %q, want %d", entry, log, last)
	}
	must(t, f.Close())
	must(t, ok(Open(path, c.options())).Close())
	f = ok(Follow(path, c.options()))
	defer f.Close()
	if log, entry := f.Place(); log != "" || entry != 0 || !f.Used() {
		t.Errorf("the file still has %d of %q", entry, log)
	}
	if err := f.Apply(last+1, Changes{changesVersion}); !errors.Is(err, ErrGap) {
		t.Errorf("got %v, want ErrGap", err)
	}
}

func TestAGapIsSeen(t *testing.T) {
	f := ok(Follow(tempFile(t), Options{}))
	defer f.Close()
	must(t, f.Begin("journal"))
	c := Changes{changesVersion}
	for _, step := range []struct {
		entry uint64
		want  error
	}{{2, ErrGap}, {1, nil}, {1, nil}, {3, ErrGap}, {2, nil}} {
		if err := f.Apply(step.entry, c); !errors.Is(err, step.want) {
			t.Errorf("entry %d: %v, want %v", step.entry, err, step.want)
		}
	}
}

// TestCursorsDeleteNothing: bbolt's cursors can delete rows, and nobody would note it.
func TestCursorsDeleteNothing(t *testing.T) {
	files := ok(filepath.Glob("*.go"))
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		parsed := ok(parser.ParseFile(token.NewFileSet(), name, nil, 0))
		ast.Inspect(parsed, func(n ast.Node) bool {
			if call, is := n.(*ast.CallExpr); is && len(call.Args) == 0 {
				if f, is := call.Fun.(*ast.SelectorExpr); is && f.Sel.Name == "Delete" {
					t.Errorf("%s: a cursor deletes", name)
				}
			}
			return true
		})
	}
}
