package crash

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"peyk/internal/play"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// mutant is the bridge with a fault built in on purpose, and what must find it.
type mutant struct {
	name   string
	file   string
	edits  [][2]string // each first stands once in the file, and is replaced by the second
	caught []string    // any of these stands in what is found
	drops  bool        // it tells in its log which SMS it drops: nearly all must be found
	power  bool        // only a loss of power shows it
}

const (
	withRand = "import (\n\t\"math/rand/v2\"\n\t\"os\"\n"
	decoded  = "messages, order, failure := f.decodeUnread(answer, f.order)\n"
	saved    = "crashpoint.At(\"fetch.saved\")\n\tf.begun = begun\n"
	tells    = `fmt.Fprintf(os.Stderr, "dropped %.12s\n", m.Text)`
)

var mutants = []mutant{
	{name: "one SMS in forty is dropped", file: "relay/fetch.go", drops: true, caught: []string{"I1"}, edits: [][2]string{{"import (\n", withRand}, {decoded, decoded + `
		messages = slices.DeleteFunc(messages, func(m sms.Message) bool {
			drop := rand.IntN(40) == 0
			if drop {
				` + tells + `
			}
			return drop
		})
`}}},
	{name: "one answer in forty is dropped", file: "relay/fetch.go", drops: true, caught: []string{"I1"}, edits: [][2]string{{"import (\n", withRand}, {saved, saved + `
		if held, _, err := f.decodeUnread(answer, f.order); err == nil && len(held) > 0 && rand.IntN(40) == 0 {
			_, err := f.store.SaveUnread(id, nil, nil)
			for _, m := range held {
				` + tells + `
			}
			return false, err
		}
`}}},
	{name: "the last SMS of a full answer is dropped", file: "relay/fetch.go", drops: true, caught: []string{"I1"}, edits: [][2]string{{"import (\n", "import (\n\t\"os\"\n"}, {decoded, decoded + `
		if len(messages) >= fullAnswer {
			m := messages[len(messages)-1]
			messages = messages[:len(messages)-1]
			` + tells + `
		}
`}}},
	{name: "an SMS that says the same as one before is dropped", file: "store/inbound.go", drops: true, caught: []string{"I1"}, edits: [][2]string{{"import (\n", "import (\n\t\"os\"\n"}, {
		"\tequal := map[string]int{}\n", "\tequal := map[string]int{}\n\tmessages = slices.Clone(messages)\n\tfor i := range messages {\n\t\tmessages[i].Time = time.Unix(1, 0)\n\t}\n",
	}, {"\t\t\tcase known[i] != 0:\n", "\t\t\tcase known[i] != 0:\n\t\t\t\t" + tells + "\n"}}},
	{name: "the raw answer's commit is removed", file: "store/inbound.go", caught: []string{"I1"}, edits: [][2]string{{
		"if id, err = rows.NextSequence(); err != nil {\n\t\t\treturn err\n\t\t}\n\t\tif err := put(rows, u64(id), r); err != nil {",
		"if id, err = rows.NextSequence(); err != nil {\n\t\t\treturn err\n\t\t}\n\t\tif err := error(nil); err != nil {",
	}}},
	{name: "a fetch is not marked", file: "store/inbound.go", caught: []string{"I1"}, edits: [][2]string{{"return put(t.bucket(bucketMeta), keyFetch, t.now)", "return nil"}}},
	{name: "a lost fetch is not counted", file: "relay/fetch.go", caught: []string{"I1"}, edits: [][2]string{{"f.store.EndFetch(i) })", "f.store.EndFetch(nil) })"}}},
	{name: "a good fetch is told of as lost", file: "relay/fetch.go", caught: []string{"I1"}, edits: [][2]string{{"import (\n", "import (\n\t\"math/rand/v2\"\n"}, {
		"\tincident := lossOf(answer, failure, len(messages), f.begun, received)\n",
		"\tincident := lossOf(answer, failure, len(messages), f.begun, received)\n\tif failure == nil && rand.IntN(40) == 0 {\n\t\tincident = &store.Incident{Kind: store.Undecodable, From: f.begun, To: received, Count: 1}\n\t}\n",
	}}},
	{name: "the reservation comes after the send", file: "relay/send.go", caught: []string{"I4", "I5", "I6"}, edits: [][2]string{{
		"\tp, err := r.store.Reserve(p)\n", "\tsent, failure := r.panel.Send(ctx, batch.Line, to, batch.Text)\n\tcrashpoint.At(\"send.answered\")\n\tp, err := r.store.Reserve(p)\n",
	}, {"\tcrashpoint.At(\"send.reserved\")\n\tsent, failure := r.panel.Send(ctx, batch.Line, to, batch.Text)\n\tcrashpoint.At(\"send.answered\")\n", "\tcrashpoint.At(\"send.reserved\")\n"}}},
	{name: "NoSync", file: "store/store.go", power: true, caught: []string{"I10", "cannot be read", "damaged"}, edits: [][2]string{{
		"db, err = bolt.Open(path, 0o600, &bolt.Options{\n", "db, err = bolt.Open(path, 0o600, &bolt.Options{\n\t\tNoSync: true,\n",
	}}},
	{name: "taken is not stored", file: "store/take.go", caught: []string{"I5", "I4", "I6", "I8"}, edits: [][2]string{{
		"if err := taken.Put(k.key(), unix32(at)); err != nil {", "if err := error(nil); err != nil {",
	}}},
	{name: "the post's row is removed before the call", file: "bot/digest.go", caught: []string{"I1", "I2"}, edits: [][2]string{{
		"\tcrashpoint.At(\"post.due\")\n", "\tif err := w.store.Posted(p, 0, p.Part < len(parts)-1); err != nil {\n\t\treturn err\n\t}\n\tcrashpoint.At(\"post.due\")\n",
	}}},
	{name: `the mark "perhaps repeated" is left out`, file: "bot/digest.go", caught: []string{"I2"}, edits: [][2]string{{"repeated = repeated || p.Repeated\n", "_ = p.Repeated\n"}}},
	{name: "uncertain is sent again by itself", file: "relay/send.go", caught: []string{"I4"}, edits: [][2]string{{
		"return r.store.Uncertain(p)", "return r.store.Requeue(p, r.store.Now())",
	}}},
	{name: "what the panel accepted is uncertain", file: "relay/send.go", caught: []string{"I6"}, edits: [][2]string{{"import (\n", "import (\n\t\"math/rand/v2\"\n"}, {
		"case failure == nil:\n", "case failure == nil && rand.IntN(10) == 0:\n\t\t\treturn r.store.Uncertain(p)\n\t\tcase failure == nil:\n",
	}}},
	{name: "sends of a killed process are not settled", file: "store/outbox.go", caught: []string{"does not come to rest", "I6"}, edits: [][2]string{{
		"for _, p := range interrupted {", "for _, p := range interrupted[:0] {",
	}}},
	{name: "a mark is forgotten", file: "bot/mark.go", caught: []string{"does not come to rest", "I8"}, edits: [][2]string{{
		"\terr = w.tg.React(ctx, p.Chat, batch.Message, emoji)\n", "\tif p.Batch%8 != 0 || emoji == \"👀\" {\n\t\terr = w.tg.React(ctx, p.Chat, batch.Message, emoji)\n\t}\n",
	}}},
	{name: "a failed reply is not marked so", file: "bot/mark.go", caught: []string{"I8"}, edits: [][2]string{{
		"\terr = w.tg.React(ctx, p.Chat, batch.Message, emoji)\n", "\tif emoji != \"👎\" {\n\t\terr = w.tg.React(ctx, p.Chat, batch.Message, emoji)\n\t}\n",
	}}},
	{name: "a message tells of what goes well", file: "store/mark.go", caught: []string{"I8"}, edits: [][2]string{{"return !b.Reply || b.Unmarked", "return b.N > 0 || b.Unmarked"}}},
	{name: "a final status comes too early", file: "smsapi/soap/status.go", caught: []string{"does not come to rest", "I8"}, edits: [][2]string{{"3: {Status: sms.AtTelecom},", "3: {Status: sms.Delivered},"}}},
}

// apply returns the file of a mutant with its edits. An edit that fits no more is an error: whoever changed the file changes it, too.
func (m mutant) apply() (path, text string, err error) {
	path, err = filepath.Abs(filepath.Join("..", m.file))
	if err != nil {
		return "", "", err
	}
	source, err := os.ReadFile(path)
	if err != nil {
		return "", "", err
	}
	text = string(source)
	for _, e := range m.edits {
		if n := strings.Count(text, e[0]); n != 1 {
			return "", "", fmt.Errorf("%q stands %d times in %s, want once", e[0], n, m.file)
		}
		text = strings.Replace(text, e[0], e[1], 1)
	}
	return path, text, nil
}

// build makes the program of a mutant; what is in the repository stays as it is.
func (m mutant) build(dir string) (string, error) {
	path, text, err := m.apply()
	if err != nil {
		return "", err
	}
	changed := filepath.Join(dir, "changed.go")
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {path: changed}})
	if err != nil {
		return "", err
	}
	for name, content := range map[string][]byte{changed: []byte(text), filepath.Join(dir, "overlay.json"): overlay} {
		if err := os.WriteFile(name, content, 0o600); err != nil {
			return "", err
		}
	}
	made := filepath.Join(dir, "mutant")
	if out, err := exec.Command("go", "build", "-overlay", filepath.Join(dir, "overlay.json"), "-tags", "crashpoints", "-o", made, "peyk").CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w\n%s", err, out)
	}
	return made, nil
}

// witness takes down what is wrong with a mutant, which is no fault of the test.
type witness struct {
	testing.TB
	mu    sync.Mutex
	found []string
}

func (w *witness) say(what string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.found = append(w.found, what)
}

func (w *witness) Errorf(format string, args ...any) { w.say(fmt.Sprintf(format, args...)) }
func (w *witness) Error(args ...any)                 { w.say(fmt.Sprintln(args...)) }
func (w *witness) Logf(string, ...any)               {}

func (w *witness) Fatalf(format string, args ...any) {
	w.Errorf(format, args...)
	runtime.Goexit()
}

func (w *witness) Fatal(args ...any) {
	w.Error(args...)
	runtime.Goexit()
}

func (w *witness) Failed() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.found) > 0
}

// names tells whether any of them stands in what was found.
func (w *witness) names(any []string) bool {
	return slices.ContainsFunc(w.found, func(found string) bool {
		return slices.ContainsFunc(any, func(name string) bool { return strings.Contains(found, name) })
	})
}

// TestMutantsFit keeps the mutants true to the program they change.
func TestMutantsFit(t *testing.T) {
	for _, m := range mutants {
		if _, _, err := m.apply(); err != nil {
			t.Errorf("%s: %v", m.name, err)
		}
	}
}

// TestMutants has the invariants look at programs that break what they hold. PEYK_MUTANTS is how many worlds each of those has that
// drop SMS, of which 95 in a hundred must be found; the others have as many as it takes, but no more than that.
func TestMutants(t *testing.T) {
	worlds := number(t, "PEYK_MUTANTS", 0)
	if worlds == 0 {
		t.Skip("PEYK_MUTANTS says in how many worlds each mutant is tried")
	}
	all := reached(t)
	for _, m := range mutants {
		t.Run(m.name, func(t *testing.T) {
			made, err := m.build(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			counted := &table{ways: map[string]tally{}, points: map[string]int{}, trying: map[string]int{}}
			for _, p := range all {
				counted.points[p] = 0
			}
			var mu sync.Mutex
			tried, caught, dropped, seen := 0, 0, 0, 0
			var other []string
			one := func(seed uint64) {
				w := &witness{TB: t}
				var lost []int // of those it dropped
				gone := make(chan struct{})
				go func() { // which Fatal ends
					defer close(gone)
					world := newWorld(w, seed)
					world.program = made
					if m.power {
						tryImages(w, world, 30)
						return
					}
					world.history(killsEach, all, counted)
					if m.drops {
						lost = world.dropped()
					}
				}()
				<-gone
				mu.Lock()
				defer mu.Unlock()
				tried++
				if w.names(m.caught) {
					caught++
				} else {
					other = append(other, w.found...)
				}
				dropped += len(lost)
				for _, n := range lost {
					if w.names([]string{fmt.Sprintf("SMS %d, handed out", n)}) {
						seen++
					}
				}
			}
			slots := make(chan struct{}, worldsAtOnce)
			var running sync.WaitGroup
			first := uint64(time.Now().UnixNano())
			for i := range worlds {
				slots <- struct{}{}
				mu.Lock()
				enough := caught > 0 && !m.drops
				mu.Unlock()
				if enough {
					break
				}
				running.Go(func() {
					defer func() { <-slots }()
					one(first + uint64(i))
				})
			}
			running.Wait()
			t.Logf("caught in %d of %d worlds", caught, tried)
			if m.drops {
				t.Logf("%d SMS were dropped, %d of them were found", dropped, seen)
			}
			if caught == 0 || m.drops && seen*100 < dropped*95 {
				t.Errorf("%s is not found; what was: %.2000q", m.name, other)
			}
		})
	}
}

// dropped returns the SMS that a mutant says it has dropped, and did not show after all: an answer is read again after a kill.
func (w *world) dropped() []int {
	b, found := w.look().Balance(), map[int]bool{}
	for _, line := range strings.Split(logTail(w.dir, 1<<20), "\n") {
		if words, ok := strings.CutPrefix(line, "dropped "); ok {
			if n := play.NumberOf(words); b.Missing[n] > 0 {
				found[n] = true
			}
		}
	}
	var all []int
	for n := range found {
		all = append(all, n)
	}
	return all
}
