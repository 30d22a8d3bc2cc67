package store

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	bolt "go.etcd.io/bbolt"

	"peyk/sms"
)

// backup writes a backup of s to a new file.
func backup(tb testing.TB, s *Store) string {
	tb.Helper()
	var b bytes.Buffer
	must(tb, s.Backup(&b))
	path := filepath.Join(tb.TempDir(), "backup.db")
	must(tb, os.WriteFile(path, b.Bytes(), 0o600))
	return path
}

// inspect opens a file to be read until the test ends.
func inspect(tb testing.TB, path string) *Store {
	tb.Helper()
	s, err := Inspect(path, Options{})
	must(tb, err)
	tb.Cleanup(func() { must(tb, s.Close()) })
	return s
}

func TestABackupMadeWhileOthersWriteIsWhole(t *testing.T) {
	c := newClock()
	s := open(t, tempFile(t), c.inbox(group))
	var wg sync.WaitGroup
	stop := make(chan struct{})
	for w := range 2 {
		wg.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				if _, err := s.Take(UpdateKey{Chat: sms.ChatID(100 + w), Message: sms.ChatMessageID(i)}, Caused{Order: order(numbers(7)...)}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for round := range 3 {
		k := UpdateKey{Chat: 99, Message: sms.ChatMessageID(round)}
		ok(s.Take(k, Caused{}))
		b := inspect(t, backup(t, s))
		if err := b.Check(); err != nil {
			t.Errorf("check: %v", err)
		}
		if !ok(b.Taken(k)) {
			t.Errorf("round %d: what was committed before is not in the backup", round)
		}
	}
	close(stop)
	wg.Wait()
}

func TestInspectChangesNothing(t *testing.T) {
	path, c := tempFile(t), newClock()
	s := open(t, path, c.inbox(group))
	filled(t, s, c)
	p := claim(t, s)
	if _, err := Inspect(path, Options{}); !errors.Is(err, ErrLocked) {
		t.Errorf("while it is open: got %v, want ErrLocked", err)
	}
	crash(t, s)
	before := ok(os.ReadFile(path))
	i := inspect(t, path)
	if got := pieceState(i, p.Batch, p.I); got != PieceSending {
		t.Errorf("the piece under way is %s, want it as it was left", got)
	}
	if err := i.BeginFetch(); !errors.Is(err, ErrClosed) {
		t.Errorf("write: got %v, want ErrClosed", err)
	}
	if _, err := Open(path, Options{LockWait: time.Millisecond}); !errors.Is(err, ErrLocked) {
		t.Errorf("open while it is read: got %v, want ErrLocked", err)
	}
	if !bytes.Equal(before, ok(os.ReadFile(path))) {
		t.Error("the file was changed")
	}
}

func TestInspectOfWhatIsNoStore(t *testing.T) {
	dir := t.TempDir()
	other := filepath.Join(dir, "other.db")
	db := ok(bolt.Open(other, 0o600, nil))
	must(t, db.Close())
	newer, c := tempFile(t), newClock()
	s := open(t, newer, c.options())
	must(t, s.update(func(t *tx) error { return t.bucket(bucketMeta).Put(keySchema, u64(uint64(len(migrations)+1))) }))
	must(t, s.Close())
	empty := filepath.Join(dir, "empty")
	must(t, os.WriteFile(empty, nil, 0o600))
	for name, want := range map[string]error{other: nil, empty: nil, dir: nil, filepath.Join(dir, "none"): os.ErrNotExist, newer: ErrNewer} {
		if _, err := Inspect(name, Options{}); err == nil || want != nil && !errors.Is(err, want) {
			t.Errorf("%s: got %v, want an error (%v)", filepath.Base(name), err, want)
		}
		if _, err := Restore(name, filepath.Join(dir, "new.db"), Options{}); err == nil {
			t.Errorf("%s: restored", filepath.Base(name))
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "none")); err == nil {
		t.Error("looking made a file")
	}
}

// TestRestore makes a backup, goes on, and comes back to it.
func TestRestore(t *testing.T) {
	path, c := tempFile(t), newClock()
	s := open(t, path, c.inbox(group))
	fetched(t, s, unread(c, "one", "two", "three"))
	queuedBatch := take(t, s, order(numbers(61)...))
	sendingBatch := take(t, s, order(sara))
	sending := claimed(t, s, sendingBatch)
	askingBatch := take(t, s, asking(ali))
	sentBatch := take(t, s, order(ali))
	sent := claimed(t, s, sentBatch)
	must(t, s.Sent(sent, accepted(sent), nil))
	saved := backup(t, s)

	c.pass(time.Hour)
	showAll(t, s)
	must(t, s.Sent(sending, accepted(sending), nil))
	for range 2 {
		p := claimed(t, s, queuedBatch)
		must(t, s.Sent(p, accepted(p), nil))
	}
	fetched(t, s, unread(c, "of later"))
	later := take(t, s, order(ali))
	laterSMS := ok(s.Batch(later)).First
	if _, err := Restore(saved, path, c.options()); !errors.Is(err, ErrLocked) {
		t.Fatalf("restored over an open store: %v", err)
	}
	must(t, s.Check())
	must(t, s.Close())
	before := ok(os.ReadFile(path))

	kept, err := Restore(saved, path, c.options())
	must(t, err)
	if !bytes.Equal(before, ok(os.ReadFile(kept))) {
		t.Error("the file that was there is not kept as it was")
	}
	if mode := ok(os.Stat(path)).Mode(); mode != 0o600 {
		t.Errorf("mode %v", mode)
	}
	var names []string
	for _, e := range ok(os.ReadDir(filepath.Dir(path))) {
		names = append(names, e.Name())
	}
	if want := []string{filepath.Base(path), filepath.Base(kept)}; !cmp.Equal(names, want) {
		t.Errorf("the directory holds %v, want %v", names, want)
	}

	s = open(t, path, c.inbox(group))
	for id, n := range map[BatchID]int{queuedBatch: 61, sendingBatch: 1, askingBatch: 1} {
		b := ok(s.Batch(id))
		if b.Uncertain != n || b.Counts[sms.Sending] != n || !reported(t, s, id) {
			t.Errorf("batch %d: %+v, reported: %t; want %d uncertain and told", id, b, reported(t, s, id), n)
		}
	}
	if got := queued(t, s); len(got) != 0 {
		t.Errorf("%v would be sent again by themselves", got)
	}
	if b := ok(s.Batch(askingBatch)); b.State != Going || b.Generation <= 2 {
		t.Errorf("the batch that asked is %+v", b)
	}
	if b := ok(s.Batch(sentBatch)); b.Counts[sms.Sent] != 1 || b.Uncertain != 0 {
		t.Errorf("the batch that was sent is %+v", b)
	}
	var waiting []Seq
	for _, p := range posts(t, s) {
		if p.Kind == PostSMS {
			waiting = append(waiting, p.Seq)
			if !p.Repeated {
				t.Errorf("SMS %d is shown and does not say that it may be again", p.Seq)
			}
		}
	}
	if !slices.Equal(waiting, []Seq{1, 2, 3}) {
		t.Errorf("%v wait, want 1 to 3", waiting)
	}
	all := ok(s.Incidents())
	if len(all) != 1 || all[0].Kind != Restored || !all[0].From.Equal(c.now().Add(-time.Hour)) || !all[0].To.Equal(c.now()) {
		t.Errorf("incidents: %+v", all)
	}
	if got := told(t, s); len(got[admin]) == 0 {
		t.Errorf("told: %v", got)
	}
	// What chats show of the time after the backup must mean nothing, rather than something else.
	if _, err := s.Batch(later); !errors.Is(err, ErrNotFound) {
		t.Errorf("batch %d: %v", later, err)
	}
	id := take(t, s, asking(ali))
	if b := ok(s.Batch(id)); b.ID <= later || b.First <= laterSMS {
		t.Errorf("numbers of after the backup are given again: batch %d, SMS %d", b.ID, b.First)
	}
	b := ok(s.Batch(queuedBatch))
	ok(s.Decide(b.ID, b.Generation, Again, "Ali"))
	if got := len(queued(t, s)); got != 2 {
		t.Errorf("%d pieces are queued when an agent says so, want 2", got)
	}
}

// TestARestoreAsksAnewWhatWasDecidedSince has a question that the backup asks decided before it is put back: the chat shows that decision.
func TestARestoreAsksAnewWhatWasDecidedSince(t *testing.T) {
	path, c := tempFile(t), newClock()
	s := open(t, path, c.inbox(group))
	id := take(t, s, order(ali))
	must(t, s.Uncertain(claimed(t, s, id)))
	showAll(t, s)
	saved := backup(t, s)
	decided := ok(s.Batch(id)).Generation
	ok(s.Decide(id, decided, Again, "Ali"))
	must(t, s.Uncertain(claimed(t, s, id)))
	asked := ok(s.Batch(id)).Generation
	showAll(t, s)
	must(t, s.Close())
	ok(Restore(saved, path, c.inbox(group)))
	s = open(t, path, c.inbox(group))
	b := ok(s.Batch(id))
	if b.Uncertain != 1 || !reported(t, s, id) {
		t.Errorf("%+v, reported: %t; want it asked about again", b, reported(t, s, id))
	}
	for _, before := range []int{decided, asked} { // Telegram gives the press again, or somebody presses what the chat still shows
		if _, err := s.Decide(id, before, Again, "Ali"); !errors.Is(err, ErrDecided) {
			t.Errorf("a button of before the restore, of generation %d, gives %v", before, err)
		}
	}
	ok(s.Decide(id, b.Generation, Again, "Ali"))
}

// TestARestoreTwiceGivesNoNumberAgain restores one backup, goes on, and restores it once more.
func TestARestoreTwiceGivesNoNumberAgain(t *testing.T) {
	path, c := tempFile(t), newClock()
	s := open(t, path, c.inbox(group))
	fetched(t, s, unread(c, "one"))
	id := take(t, s, order(ali))
	must(t, s.Uncertain(claimed(t, s, id)))
	saved := backup(t, s)
	var last Batch
	generation := ok(s.Batch(id)).Generation
	for range 3 {
		must(t, s.Close())
		c.pass(time.Minute)
		ok(Restore(saved, path, c.inbox(group)))
		s = open(t, path, c.inbox(group))
		b := ok(s.Batch(take(t, s, order(ali))))
		if b.ID <= last.ID || b.First <= last.First || b.Post <= last.Post {
			t.Errorf("batch %d, SMS %d, post %d come after %d, %d, %d", b.ID, b.First, b.Post, last.ID, last.First, last.Post)
		}
		last = b
		if asked := ok(s.Batch(id)).Generation; asked <= generation {
			t.Errorf("the question of generation %d is asked anew as of %d", generation, asked)
		} else {
			generation = asked
		}
	}
}

// TestAfterARestoreGroupsWaitForAMinute has nobody know what was posted to them in the minute before.
func TestAfterARestoreGroupsWaitForAMinute(t *testing.T) {
	path, c := tempFile(t), newClock()
	s := open(t, path, c.inbox(group, 88))
	edit(t, s, 88, func(c *Chat) { c.Language = "fa" })
	saved := backup(t, s)
	must(t, s.Close())
	c.pass(time.Hour)
	ok(Restore(saved, path, c.inbox(group, 88)))
	s = open(t, path, c.inbox(group, 88))
	if held := ok(s.Chat(group)).Held; !held.Equal(c.now().Add(time.Minute)) {
		t.Errorf("the group waits until %v, want a minute from %v on", held, c.now())
	}
	if held := ok(s.Chat(88)).Held; !held.IsZero() {
		t.Errorf("a private chat waits until %v", held)
	}
}

// TestAnAnswerThatABackupHeldIsMarkedWhenItIsShownAgain has a backup made of an answer that is stored and not yet decoded.
func TestAnAnswerThatABackupHeldIsMarkedWhenItIsShownAgain(t *testing.T) {
	path, c := tempFile(t), newClock()
	s := open(t, path, c.inbox(group))
	must(t, s.BeginFetch())
	raw := ok(s.SaveRaw(Raw{Body: []byte("<xml/>")}))
	saved := backup(t, s)
	ok(s.SaveUnread(raw, unread(c, "one", "two"), nil))
	showAll(t, s)
	must(t, s.Close())
	ok(Restore(saved, path, c.options()))

	s = open(t, path, c.inbox(group))
	ok(s.SaveUnread(raw, unread(c, "one", "two"), nil))
	fetched(t, s, unread(c, "of later"))
	for _, p := range posts(t, s) {
		if p.Kind != PostSMS {
			continue
		}
		if later := ok(s.SMS(p.Seq)).Text == "of later"; p.Repeated == later {
			t.Errorf("SMS %d is marked: %t", p.Seq, p.Repeated)
		}
	}
}

func TestRestoreWhereNothingIs(t *testing.T) {
	c := newClock()
	s := open(t, tempFile(t), c.inbox(group))
	filled(t, s, c)
	to := filepath.Join(t.TempDir(), "new", "peyk.db")
	kept, err := Restore(backup(t, s), to, c.options())
	if err != nil || kept != "" {
		t.Fatalf("got %q, %v", kept, err)
	}
	restored := open(t, to, c.inbox(group))
	if got := ok(restored.SMS(1)).Text; got != "سلام" {
		t.Errorf("SMS 1 is %q", got)
	}
	if mode := ok(os.Stat(filepath.Dir(to))).Mode().Perm(); mode != 0o700 {
		t.Errorf("the directory has mode %v", mode)
	}
}

func TestRestoreBehindALink(t *testing.T) {
	path, c := tempFile(t), newClock()
	s := open(t, path, c.inbox(group))
	fetched(t, s, unread(c, "one"))
	saved := backup(t, s)
	must(t, s.Close())
	link := filepath.Join(t.TempDir(), "peyk.db")
	must(t, os.Symlink(path, link))
	ok(Restore(saved, link, c.options()))
	if info := ok(os.Lstat(link)); info.Mode().Type() != os.ModeSymlink {
		t.Errorf("the link became %v", info.Mode())
	}
	if got := len(ok(open(t, path, c.inbox(group)).Incidents())); got != 1 {
		t.Errorf("the file behind the link has %d incidents, want that it was restored", got)
	}
}

func TestRestoreOfAnOldSchema(t *testing.T) {
	c := newClock()
	to := filepath.Join(t.TempDir(), "peyk.db")
	if _, err := Restore(unpacked(t, schemaFile(1)), to, c.inbox(group)); err != nil {
		t.Fatal(err)
	}
	if got := ok(open(t, to, c.inbox(group)).SMS(1)).Text; got != "سلام" {
		t.Errorf("SMS 1 is %q", got)
	}
}

// TestADamagedBackupIsRefused breaks a backup in many ways. Some hit a page that is not in use; what is accepted must be whole.
func TestADamagedBackupIsRefused(t *testing.T) {
	path, c := tempFile(t), newClock()
	s := open(t, path, c.inbox(group))
	filled(t, s, c)
	fill(t, s, c, 100, 50)
	s.db.NoSync = true
	good := ok(os.ReadFile(backup(t, s)))
	must(t, s.Close())
	before := ok(os.ReadFile(path))
	broken := filepath.Join(t.TempDir(), "broken.db")
	size := os.Getpagesize()
	refused := 0
	try := func(name string, damaged []byte) {
		must(t, os.WriteFile(broken, damaged, 0o600))
		kept, err := Restore(broken, path, c.inbox(group))
		if err != nil {
			refused++
			if !bytes.Equal(before, ok(os.ReadFile(path))) {
				t.Fatalf("%s: refused, and yet the store was changed", name)
			}
			return
		}
		s := open(t, path, c.inbox(group))
		must(t, s.Check())
		must(t, s.Close())
		must(t, os.WriteFile(path, before, 0o600))
		must(t, os.Remove(kept))
	}
	for at := 0; at < len(good); at += size {
		try(fmt.Sprintf("cut at %d", at), good[:at])
		for name, with := range map[string][]byte{"zero": make([]byte, size), "ones": bytes.Repeat([]byte{0xff}, size), "another page": good[2*size : 3*size]} {
			damaged := slices.Clone(good)
			copy(damaged[at:], with)
			try(fmt.Sprintf("%s at %d", name, at), damaged)
		}
	}
	if pages := len(good) / size; refused < pages*2 {
		t.Errorf("%d of %d damaged backups are refused", refused, 4*pages)
	}
}

// TestADamagedStoreIsNotOpened cuts a store short, where the system would kill whoever reads on, and breaks what its opening reads.
func TestADamagedStoreIsNotOpened(t *testing.T) {
	path, c := tempFile(t), newClock()
	s := open(t, path, c.inbox(group))
	filled(t, s, c)
	must(t, s.Close())
	good, size := ok(os.ReadFile(path)), os.Getpagesize()
	try := func(name string, damaged []byte) {
		broken := filepath.Join(t.TempDir(), "broken.db")
		must(t, os.WriteFile(broken, damaged, 0o600))
		if _, err := Open(broken, c.inbox(group)); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: got %v, want ErrDamaged", name, err)
		}
		if _, err := Restore(broken, path, c.inbox(group)); err == nil {
			t.Errorf("%s: it is taken for a backup", name)
		}
	}
	try("another file", bytes.Repeat([]byte("another "), size))
	db := ok(bolt.Open(path, 0o600, &bolt.Options{ReadOnly: true, PreLoadFreelist: true}))
	defer db.Close()
	must(t, db.View(func(tx *bolt.Tx) error {
		used := int(tx.Size()) / size
		for at := 1; at < used; at++ {
			try(fmt.Sprintf("cut behind page %d", at), good[:at*size])
			if page := ok(tx.Page(at)); page.Type == "freelist" {
				damaged := slices.Clone(good)
				clear(damaged[at*size : (at+1)*size])
				try(fmt.Sprintf("page %d emptied", at), damaged)
			}
		}
		return nil
	}))
}

func TestAFileReplacedWhileItsLockIsWaitedForIsNotOpened(t *testing.T) {
	path, c := tempFile(t), newClock()
	must(t, open(t, path, c.options()).Close())
	f := ok(os.Open(path))
	defer f.Close()
	must(t, unreplaced(path, f))
	must(t, os.Rename(path, path+".old"))
	must(t, open(t, path, c.options()).Close())
	if err := unreplaced(path, f); !errors.Is(err, ErrLocked) {
		t.Errorf("got %v, want ErrLocked", err)
	}
}

// BenchmarkBackup writes a hundred thousand SMS and restores them.
func BenchmarkBackup(b *testing.B) {
	c := newClock()
	s := openTimed(b, tempFile(b), c.inbox(group))
	fill(b, s, c, 1e5, 1000)
	path := filepath.Join(b.TempDir(), "backup.db")
	var backing, restoring time.Duration
	var size int64
	for b.Loop() {
		begun := time.Now()
		f := ok(os.Create(path))
		must(b, errors.Join(s.Backup(f), f.Sync(), f.Close()))
		backing += time.Since(begun)
		begun = time.Now()
		ok(Restore(path, filepath.Join(b.TempDir(), "peyk.db"), c.options()))
		restoring += time.Since(begun)
		size = ok(os.Stat(path)).Size()
	}
	b.ReportMetric(float64(size)/1e6, "MB")
	b.ReportMetric(backing.Seconds()/float64(b.N), "s/backup")
	b.ReportMetric(restoring.Seconds()/float64(b.N), "s/restore")
}
