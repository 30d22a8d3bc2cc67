package store

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"
	"go.uber.org/goleak"

	"peyk/sms"
)

func TestMain(m *testing.M) {
	// A process of its own that tries to open a file, for TestOneProcessAtATime.
	if path := os.Getenv("STORE_TEST_OPEN"); path != "" {
		_, err := Open(path, Options{LockWait: 10 * time.Millisecond})
		fmt.Print(errors.Is(err, ErrLocked))
		os.Exit(0)
	}
	if path := os.Getenv("STORE_TEST_FULL"); path != "" {
		fmt.Print(fillUp(path))
		os.Exit(0)
	}
	if path := os.Getenv("STORE_TEST_MAKE"); path != "" {
		fmt.Print(makeFull(path))
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// makeFull makes a store where two pages fit, and then where there is room. It returns how either went.
func makeFull(path string) (full, room error) {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		panic(err)
	}
	least := limit
	least.Cur = 2 * uint64(os.Getpagesize())
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &least); err != nil {
		panic(err)
	}
	_, full = Open(path, Options{})
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		panic(err)
	}
	s, room := Open(path, Options{})
	if room == nil {
		room = s.Close()
	}
	return full, room
}

// fillUp stores SMS until the file may not grow any more, and a few when it may again. It returns how many the store said it has.
func fillUp(path string) (stored int) {
	c := newClock()
	s := ok(Open(path, c.inbox(group)))
	one := func() error {
		c.pass(time.Second)
		err := s.BeginFetch()
		if err == nil {
			var raw uint64
			if raw, err = s.SaveRaw(Raw{Body: make([]byte, 4096)}); err == nil {
				if _, err = s.SaveUnread(raw, unread(c, fmt.Sprint("salam ", stored)), nil); err == nil {
					stored++
				}
			}
		}
		return err
	}
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		panic(err)
	}
	full := limit
	full.Cur = uint64(ok(os.Stat(path)).Size()) + 1<<18
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &full); err != nil {
		panic(err)
	}
	for one() == nil {
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		panic(err)
	}
	for range 3 {
		if err := one(); err != nil {
			panic(err)
		}
	}
	return stored
}

// clock is the time of a store under test.
type clock struct{ unix atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.unix.Store(time.Date(2026, 7, 1, 10, 31, 2, 0, time.UTC).Unix())
	return c
}

func (c *clock) now() time.Time       { return time.Unix(c.unix.Load(), 0) }
func (c *clock) pass(d time.Duration) { c.unix.Add(int64(d / time.Second)) }
func (c *clock) options() Options     { return Options{Now: c.now, RecentPosts: 20} }
func (c *clock) inbox(i ...sms.ChatID) Options {
	return Options{Now: c.now, RecentPosts: 20, Inbox: i, Admins: []sms.AgentID{admin}}
}

const (
	admin = 77
	group = sms.ChatID(-1001)
	line  = sms.Number("30001234")
	line2 = sms.Number("30005678")
	ali   = sms.Number("09121234567")
	sara  = sms.Number("09351234567")
)

func tempFile(tb testing.TB) string { return filepath.Join(tb.TempDir(), "data", "peyk.db") }

// open opens a store and, when the test ends, has it check itself.
func open(tb testing.TB, path string, opts Options) *Store {
	tb.Helper()
	if _, bench := tb.(*testing.B); !bench && opts.Journal == nil {
		opts.Journal = followed(tb, path)
	}
	s, err := Open(path, opts)
	if err != nil {
		tb.Fatal(err)
	}
	// A killed process leaves its pages with the kernel: only a power cut, which no test here makes, could tell the difference.
	s.db.NoSync = true
	s.HeardAnswer(0, s.opts.Now()) // what is old is forgotten by a clock that is known to be right
	if _, _, err := s.NoteClock(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		select {
		case <-s.done:
			return // the test ended it and perhaps opened another
		default:
		}
		if err := s.Check(); err != nil {
			tb.Errorf("check: %v", err)
		}
		if err := s.Close(); err != nil {
			tb.Errorf("close: %v", err)
		}
	})
	return s
}

// crash ends s as a killed process would: what was committed stays, nothing else is written.
func crash(tb testing.TB, s *Store) {
	tb.Helper()
	if err := s.Check(); err != nil {
		tb.Errorf("check before crash: %v", err)
	}
	kill(tb, s)
}

func kill(tb testing.TB, s *Store) {
	tb.Helper()
	s.queue(write{fn: func(*tx) error { return nil }, last: true})
	<-s.done
	must(tb, s.db.Close())
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// ok returns v, for calls that must succeed.
func ok[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestFileIsForItsUserAlone(t *testing.T) {
	path := tempFile(t)
	open(t, path, Options{})
	for name, want := range map[string]os.FileMode{path: 0o600, filepath.Dir(path): os.ModeDir | 0o700} {
		if got := ok(os.Stat(name)).Mode(); got != want {
			t.Errorf("%s has mode %v, want %v", filepath.Base(name), got, want)
		}
	}
}

func TestFileReadableByOthersIsRefused(t *testing.T) {
	for _, mode := range []os.FileMode{0o644, 0o640, 0o604, 0o660} {
		path := tempFile(t)
		must(t, open(t, path, Options{}).Close())
		must(t, os.Chmod(path, mode))
		if _, err := Open(path, Options{}); err == nil {
			t.Errorf("a file of mode %04o was opened", mode)
		}
		must(t, os.Chmod(path, 0o600))
		open(t, path, Options{})
	}
}

func TestOneProcessAtATime(t *testing.T) {
	path := tempFile(t)
	s := open(t, path, Options{})
	if _, err := Open(path, Options{LockWait: 10 * time.Millisecond}); !errors.Is(err, ErrLocked) {
		t.Errorf("second open: got %v, want ErrLocked", err)
	}
	opened := func() string {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "STORE_TEST_OPEN="+path)
		return string(ok(cmd.Output()))
	}
	if got := opened(); got != "true" {
		t.Errorf("another process found the file locked: %s, want true", got)
	}
	must(t, s.Close())
	if got := opened(); got != "false" {
		t.Errorf("after Close another process found the file locked: %s, want false", got)
	}
	open(t, path, Options{})
}

func TestFullDiskLosesNothingAcknowledged(t *testing.T) {
	path := tempFile(t)
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "STORE_TEST_FULL="+path)
	cmd.Stderr = os.Stderr
	stored, err := strconv.Atoi(string(ok(cmd.Output())))
	if err != nil || stored < 4 {
		t.Fatalf("%d SMS stored (%v)", stored, err)
	}
	s := open(t, path, newClock().inbox(group)) // not closed before: killed
	if got := len(shown(t, s)[group]); got != stored {
		t.Errorf("%d SMS shown, the store had said it has %d", got, stored)
	}
}

func TestAFullDiskLeavesNoDamagedFile(t *testing.T) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "STORE_TEST_MAKE="+tempFile(t))
	cmd.Stderr = os.Stderr
	got := string(ok(cmd.Output()))
	if strings.Contains(got, ErrDamaged.Error()) || !strings.Contains(got, "file too large") || !strings.HasSuffix(got, "<nil>") {
		t.Errorf("got %s; want that it did not fit, and none", got)
	}
}

func TestAfterCloseEverythingIsRefused(t *testing.T) {
	s := open(t, tempFile(t), Options{})
	must(t, s.Close())
	if err := s.BeginFetch(); !errors.Is(err, ErrClosed) {
		t.Errorf("write: got %v, want ErrClosed", err)
	}
	if _, err := s.Agents(); err == nil {
		t.Error("read: got no error")
	}
	if err := s.Close(); err != nil {
		t.Errorf("second close: %v", err)
	}
}

func TestWritersThatRaceWithCloseAreToldTheTruth(t *testing.T) {
	path := tempFile(t)
	s := open(t, path, Options{})
	var wg sync.WaitGroup
	var stored atomic.Int64
	for range 50 {
		wg.Go(func() {
			switch err := s.AddIncident(Incident{Kind: FetchCut}); {
			case err == nil:
				stored.Add(1)
			case !errors.Is(err, ErrClosed):
				t.Errorf("got %v, want ErrClosed", err)
			}
		})
	}
	must(t, s.Close())
	wg.Wait()
	s = open(t, path, Options{})
	if got := len(ok(s.Incidents())); got != int(stored.Load()) {
		t.Errorf("%d incidents in the file, %d writers were told so", got, stored.Load())
	}
}

func TestOneFailingWriterOfFifty(t *testing.T) {
	s := open(t, tempFile(t), Options{})
	taken := UpdateKey{Chat: group, Message: 1}
	ok(s.Take(taken, Caused{}))
	errs := make([]error, 50)
	// One transaction holds the writer until all fifty wait, so that they share the next one.
	held, release := make(chan bool), make(chan bool)
	var wg sync.WaitGroup
	wg.Go(func() {
		s.update(func(*tx) error { close(held); <-release; return nil })
	})
	<-held
	for i := range errs {
		k := UpdateKey{Chat: group, Message: sms.ChatMessageID(100 + i)}
		if i == 31 {
			k = taken
		}
		wg.Go(func() { _, errs[i] = s.Take(k, Caused{Posts: []Post{{Chat: group, Kind: PostText}}}) })
	}
	for len(s.writes) < len(errs) { // they need no help of ours to get there
		runtime.Gosched()
	}
	before := commits(s)
	release <- true
	wg.Wait()
	for i, err := range errs {
		if want := i == 31; errors.Is(err, ErrTaken) != want || !want && err != nil {
			t.Errorf("writer %d got %v", i, err)
		}
	}
	if _, queued, _ := s.Waiting(); queued != 49 {
		t.Errorf("%d posts are queued, want 49", queued)
	}
	if got := commits(s) - before; got > 2 {
		t.Errorf("fifty writers needed %d commits, want the one that was held and one more", got)
	}
}

// commits returns how many transactions have changed the file.
func commits(s *Store) int {
	id := 0
	s.db.View(func(t *bolt.Tx) error { id = t.ID(); return nil })
	return id
}

func TestCommitsOfEachStep(t *testing.T) {
	c := newClock()
	s := open(t, tempFile(t), c.inbox(group))
	counted := func(name string, want int, step func()) {
		before := commits(s)
		step()
		if got := commits(s) - before; got != want {
			t.Errorf("%s: %d commits, want %d", name, got, want)
		}
	}
	counted("fetch with SMS", 3, func() {
		must(t, s.BeginFetch())
		ok(s.SaveUnread(ok(s.SaveRaw(Raw{Body: []byte("x")})), unread(c, "one", "two"), nil))
	})
	counted("empty fetch", 2, func() {
		must(t, s.BeginFetch())
		must(t, s.EndFetch(nil))
	})
	counted("post", 1, func() { must(t, s.Posted(heads(t, s)[0], 5, false)) })
	ok(s.Take(UpdateKey{Chat: group, Message: 9}, Caused{Order: order(ali)}))
	counted("piece", 2, func() {
		must(t, s.Sent(claim(t, s), []Outcome{{ID: "1"}}, nil))
	})
}
