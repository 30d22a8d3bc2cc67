package crash

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"peyk/internal/play"
	"peyk/sandbox/telegram"
	"peyk/store"
)

// Every n-th system call on the store's file, and on the copy a migration makes of it, fails or is where the bridge is killed, by strace's
// injection. It counts the calls of each thread by itself: crashpoint.OneThread has all of them made by one. A call that fails so was not
// carried out, and the next one works again. Writes that are cut short are left to TestR3DiskFull, whose disk is full to the kernel, too.

// killed is what befalls a call where the bridge is killed, instead of the name of an error.
const killed = "killed"

// faults are what may befall each call.
var faults = []struct {
	call   string
	faults []string
}{
	{"newfstatat", []string{"EIO", killed}},
	{"openat", []string{"EIO", "ENOSPC", killed}},
	{"fstat", []string{"EIO", killed}},
	{"flock", []string{"EIO", killed}},
	{"pread64", []string{"EIO", killed}},
	{"mmap", []string{"ENOMEM", killed}},
	{"ftruncate", []string{"EIO", "ENOSPC", killed}},
	{"pwrite64", []string{"EIO", "ENOSPC", killed}},
	{"write", []string{"EIO", "ENOSPC", killed}},
	{"fdatasync", []string{"EIO", "ENOSPC", killed}},
	{"fsync", []string{"EIO", "ENOSPC", killed}},
	{"close", []string{"EIO", killed}},
}

// injection is one call of one episode, and what befalls it.
type injection struct {
	episode, call, fault string
	n                    int
}

func (i injection) String() string {
	return fmt.Sprintf("%s:%s:%s:%d", i.episode, i.call, i.fault, i.n)
}

// readInjection reads what String returns.
func readInjection(s string) (i injection, err error) {
	parts := strings.Split(s, ":")
	if len(parts) == 4 {
		i = injection{episode: parts[0], call: parts[1], fault: parts[2]}
		i.n, err = strconv.Atoi(parts[3])
	}
	if err != nil || i.n < 1 || episodes[i.episode].begin == nil {
		return i, fmt.Errorf("%q: want EPISODE:CALL:FAULT:N", s)
	}
	return i, nil
}

// episode is a short life of a bridge, with the same calls on its file each time, as far as chance lets it.
type episode struct {
	begin func(*world)
	acts  []func(*world) error // while the bridge runs; until has its end as an error
	rest  func(*world) []error // once more, without a fault: what is wrong then
}

var episodes = map[string]episode{
	"desk": {
		begin: func(w *world) { w.receives(1) },
		acts:  []func(*world) error{(*world).isShown, (*world).isAnswered, (*world).isSentToTwo},
		rest: func(w *world) []error {
			e, err := w.rest()
			if err != nil {
				return []error{err}
			}
			defer e.Store.Close()
			return e.violations()
		},
	},
	// A file of the first schema is brought to the last. Both networks are out of reach, so that nothing becomes of what is in it.
	"migration": {
		begin: func(w *world) {
			w.panelNet.down()
			err := w.TG.Arm(telegram.Fault{Kind: telegram.CloseBefore, Times: -1})
			if err := errors.Join(err, unpack(oldest, w.database())); err != nil {
				w.Fatal(err)
			}
		},
		acts: []func(*world) error{(*world).isHeard},
		rest: func(w *world) []error {
			w.start()
			if err := errors.Join(w.isHeard(), w.bridge.end(), w.isMigrated()); err != nil {
				return []error{err}
			}
			return nil
		},
	},
}

// isShown waits until both chats show the only SMS.
func (w *world) isShown() error {
	for _, chat := range []int64{w.Group, w.Sara} {
		if err := w.until(w.told(chat, "«end0»")); err != nil {
			return err
		}
	}
	return nil
}

// isAnswered has Ali answer the only SMS, and waits until the answer is delivered.
func (w *world) isAnswered() error {
	w.replies(w.Group, w.look().Shown[w.Group][0])
	return w.until(func() error {
		if m, _ := w.TG.Message(w.Group, w.Orders[0].Message); play.MarksOf(m) != "👍" {
			return fmt.Errorf("the reply bears %q", play.MarksOf(m))
		}
		return nil
	})
}

// isSentToTwo has Ali write to two, say yes to the question that raises, and waits until both have the SMS.
func (w *world) isSentToTwo() error {
	w.sends(receiver, "09130000010")
	if err := w.until(w.told(w.Group, "Send this?")); err != nil {
		return err
	}
	asked, err := w.says(w.Group, "Send this?")
	if err != nil {
		return err
	}
	w.pushes(w.Ali, asked, "Send")
	return w.until(w.told(w.Group, "2 delivered"))
}

// oldest is a file of the first schema.
const oldest = "../store/testdata/schema/1.db.gz"

// isMigrated returns an error unless the file, which was the oldest, holds what that held, and a copy was kept of how it was.
func (w *world) isMigrated() error {
	old := filepath.Join(w.dir, "old.db")
	if err := unpack(oldest, old); err != nil {
		return err
	}
	want, failed := w.holds(old)
	got, err := w.holds(w.database())
	if err := errors.Join(failed, err); err != nil {
		return err
	}
	if got != want {
		return fmt.Errorf("the file holds\n%swhat it held before is\n%s", got, want)
	}
	kept, err := store.Inspect(w.database()+".schema1", store.Options{})
	if err == nil {
		err = errors.Join(kept.Check(), kept.Close())
	}
	if err != nil {
		return fmt.Errorf("the copy made before the migration: %w", err)
	}
	return nil
}

// unpack makes the file that is packed in another.
func unpack(name, path string) error {
	packed, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return err
	}
	text, err := io.ReadAll(r)
	return errors.Join(err, os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, text, 0o600))
}

// holds tells what is in a file, which no bridge has open: everything but what a start or a panel out of reach adds to it.
func (w *world) holds(path string) (string, error) {
	st, err := store.Open(path, w.StoreOptions())
	if err != nil {
		return "", err
	}
	defer st.Close()
	if err := st.Check(); err != nil {
		return "", err
	}
	var b strings.Builder
	for seq := store.Seq(1); ; seq++ {
		m, err := st.SMS(seq)
		if errors.Is(err, store.ErrNotFound) {
			break
		}
		if err != nil {
			return "", err
		}
		fmt.Fprintln(&b, m.Seq, m.Direction, m.Line, string(m.Customer), m.Text, m.Status, m.ID, m.Batch)
	}
	for id := store.BatchID(1); ; id++ {
		o, err := st.Batch(id)
		if errors.Is(err, store.ErrNotFound) {
			break
		}
		if err != nil {
			return "", err
		}
		fmt.Fprintln(&b, o.ID, o.Agent, o.Chat, o.Message, o.N, o.Counts, o.Uncertain, o.Text)
	}
	agents, err := st.Agents()
	fmt.Fprintln(&b, agents)
	return b.String(), err
}

// saysWhy tells whether the last error in a log is of that name, such as EIO.
func saysWhy(log, name string) bool {
	words := map[string]error{"EIO": syscall.EIO, "ENOSPC": syscall.ENOSPC, "ENOMEM": syscall.ENOMEM}[name]
	i := strings.LastIndex(log, "level=ERROR")
	return i >= 0 && words != nil && strings.Contains(log[i:], words.Error())
}

// strace returns the program that runs the bridge with what is injected, and without it if i has no call, and writes its calls to out.
func (i injection) strace(w *world, out string) *exec.Cmd {
	var calls []string
	for _, f := range faults {
		calls = append(calls, f.call)
	}
	args := []string{"-D", "-f", "-P", w.database(), "-P", w.database() + ".schema1", "-s", "0", "-o", out,
		"-e", "trace=" + strings.Join(calls, ","), "-e", "signal=none"}
	if i.call != "" {
		what := "error=" + i.fault
		if i.fault == killed {
			what = "signal=SIGKILL"
		}
		args = append(args, "-e", fmt.Sprintf("inject=%s:%s:when=%d", i.call, what, i.n))
	}
	return exec.Command("strace", append(args, w.program)...)
}

var calledLine = regexp.MustCompile(`(?m)^\d+ +(\w+)\(`)

// endures has a bridge live an episode with a fault, or without one if i has no call; starts it once more, and returns what is wrong. It tells
// which calls were made before that, and whether it came to the one that fails.
func (w *world) endures(i injection) (made map[string]int, reached bool, wrong []error) {
	w.Helper()
	e := episodes[i.episode]
	usual := w.environ
	// What an empty fetch does to the file comes when it comes: seldom, but soon enough after one that could not begin.
	w.environ = append(slices.Clone(usual), "DB_PATH="+w.database(), "POLL_INTERVAL=2s")
	e.begin(w)
	trace, unended := w.liveOut(e, i)
	w.environ = usual
	made = map[string]int{}
	for _, found := range calledLine.FindAllSubmatch(trace, -1) {
		made[string(found[1])]++
	}
	reached = bytes.Contains(trace, []byte("(INJECTED)"))
	switch code := w.bridge.state.ExitCode(); {
	case unended != nil:
		return made, reached, []error{unended}
	case code == 0:
	case i.fault == killed && w.bridge.killed():
		reached = true
	case code != 1 || !reached:
		return made, reached, []error{fmt.Errorf("the bridge ends with %v", w.bridge.state)}
	case !saysWhy(logTail(w.dir, 1000), i.fault):
		return made, reached, []error{errors.New("the bridge ends and does not say why")}
	}
	if wrong = w.soundFile(); len(wrong) > 0 {
		return made, reached, wrong
	}
	return made, reached, e.rest(w)
}

// liveOut has a bridge live an episode and end, and returns the trace of its calls. The error is that it neither went on nor ended.
func (w *world) liveOut(e episode, i injection) (trace []byte, wrong error) {
	w.Helper()
	out := filepath.Join(w.TempDir(), "trace")
	ended, held, err := os.Pipe()
	if err != nil {
		w.Fatal(err)
	}
	defer ended.Close()
	command := i.strace(w, out)
	command.ExtraFiles = []*os.File{held} // the tracer holds it open until it has written everything, see trace
	w.startAs(command)
	held.Close()
	for _, act := range e.acts {
		if err := act(w); err != nil {
			wrong = fmt.Errorf("the bridge neither goes on nor ends: %w", err)
			break
		}
	}
	select {
	case <-w.bridge.gone:
		if wrong = nil; w.bridge.state.Success() {
			wrong = errors.New("the bridge ends as if it had been asked to")
		}
	default:
		w.bridge.cmd.Process.Signal(syscall.SIGTERM)
	}
	select {
	case <-w.bridge.gone:
	case <-time.After(patience):
		wrong = errors.Join(wrong, errors.New("the bridge does not end on SIGTERM"))
		w.bridge.kill()
	}
	if _, err := io.ReadAll(ended); err != nil {
		w.Fatal(err)
	}
	w.arrived()
	if trace, err = os.ReadFile(out); err != nil {
		w.Fatal(err)
	}
	return trace, wrong
}

// tried is what the table at the end tells of one fault of one call.
type tried struct {
	runs, reached, violations int
	took                      time.Duration
}

// sampled is how many calls are tried where nobody asks for more; alwaysTried are tried besides. One is a sync that has a transaction in the
// file and not known to be on the disk.
const sampled = 8

var alwaysTried = []injection{{"desk", "fdatasync", "EIO", 33}}

// TestEverySystemCall has calls on the store's file fail, and the bridge killed at them: some that chance chooses; all of them if PEYK_SYSCALLS
// is all; or those it names.
func TestEverySystemCall(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("strace"); err != nil {
		if os.Getenv("CI") == "true" { // where nobody reads what was skipped
			t.Fatalf("no system call can be made to fail: %v", err)
		}
		t.Skipf("no system call was made to fail: %v", err)
	}
	chosen, all := chooseInjections(t)
	table, begun := map[string]tried{}, time.Now()
	var mu sync.Mutex
	slots := make(chan struct{}, worldsAtOnce/2)
	var worlds sync.WaitGroup
	for _, i := range chosen {
		slots <- struct{}{}
		worlds.Go(func() {
			defer func() { <-slots }()
			t.Run(i.String(), func(t *testing.T) {
				begun := time.Now()
				w := newWorld(t, 1)
				_, reached, wrong := w.endures(i)
				for _, err := range wrong {
					t.Errorf("PEYK_SYSCALLS=%v: %v", i, err)
				}
				if t.Failed() {
					t.Logf("the bridge's last words:\n%s", logTail(w.dir, 40))
				}
				mu.Lock()
				defer mu.Unlock()
				name := fmt.Sprintf("%-10s %-11s %-7s", i.episode, i.call, i.fault)
				row := table[name]
				row.runs++
				row.violations += len(wrong)
				row.took += time.Since(begun)
				if reached {
					row.reached++
				}
				table[name] = row
			})
		})
	}
	worlds.Wait()
	var b strings.Builder
	fmt.Fprintf(&b, "%-30s %8s %8s %10s %10s\n", "call and fault", "tried", "reached", "violations", "time each")
	for _, name := range slices.Sorted(maps.Keys(table)) {
		row := table[name]
		each := (row.took / time.Duration(row.runs)).Round(time.Millisecond)
		fmt.Fprintf(&b, "%-30s %8d %8d %10d %10s\n", name, row.runs, row.reached, row.violations, each)
		// The last few of an episode may not come this time.
		if all && row.reached*2 < row.runs {
			t.Errorf("%s: %d of %d calls were reached", name, row.reached, row.runs)
		}
	}
	t.Logf("%s\n%s", time.Since(begun).Round(time.Second), &b)
}

// chooseInjections returns what is asked for, and whether it is everything.
func chooseInjections(t *testing.T) (chosen []injection, all bool) {
	switch wanted := os.Getenv("PEYK_SYSCALLS"); wanted {
	case "all":
		return allInjections(t), true
	case "":
		seed := uint64(number(t, "PEYK_SEED", 0))
		if seed == 0 {
			seed = uint64(time.Now().UnixNano())
		}
		t.Logf("PEYK_SEED=%d", seed)
		chosen = allInjections(t)
		r := rand.New(rand.NewPCG(seed, 7))
		r.Shuffle(len(chosen), func(i, j int) { chosen[i], chosen[j] = chosen[j], chosen[i] })
		return append(chosen[:sampled:sampled], alwaysTried...), false
	default:
		for _, s := range strings.Split(wanted, ",") {
			i, err := readInjection(s)
			if err != nil {
				t.Fatalf("PEYK_SYSCALLS: %v", err)
			}
			chosen = append(chosen, i)
		}
		return chosen, false
	}
}

// allInjections returns all calls of all episodes, with all that may befall each.
func allInjections(t *testing.T) []injection {
	var all []injection
	for _, name := range slices.Sorted(maps.Keys(episodes)) {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 1)
			made, _, wrong := w.endures(injection{episode: name})
			for _, err := range wrong {
				t.Errorf("without a fault: %v", err)
			}
			for _, f := range faults {
				for n := range made[f.call] {
					for _, fault := range f.faults {
						all = append(all, injection{name, f.call, fault, n + 1})
					}
				}
			}
		})
	}
	if t.Failed() {
		t.FailNow()
	}
	return all
}
