package crash

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"peyk/internal/play"
	"peyk/sandbox/panel"
	"peyk/sandbox/telegram"
)

// Each row of the table of crash points has a test of that name. The bridge is killed just there, or meets just that failure; then it is
// started again, and the row's own promise is looked for in the chats and at the panel. All invariants are checked besides.

const (
	writer   = "09121111100" // a customer; SMS to this number arrive, see newWorld
	receiver = "09130000000" // another, who is only written to
	barred   = "09130000009" // on the blacklist
)

func newRow(t *testing.T) *world {
	t.Parallel()
	return newWorld(t, 1)
}

// each runs a row's cases, each in a world of its own.
func each(t *testing.T, cases map[string]func(*world)) {
	for name, run := range cases {
		t.Run(name, func(t *testing.T) { run(newRow(t)) })
	}
}

// receives has the customer write n SMS.
func (w *world) receives(n int) {
	w.Mu.Lock()
	defer w.Mu.Unlock()
	for range n {
		i := len(w.Inbound)
		w.Inbound = append(w.Inbound, play.Sender{Customer: writer, Line: "30001234"})
		words := sha256.Sum256([]byte{byte(i)}) // unlike one another, or half of a packed answer holds none
		w.Panel.Receive(writer, "30001234", fmt.Sprintf("«in%d» %x «end%d»", i, words, i))
	}
}

// sends has Ali order an SMS in the group.
func (w *world) sends(to ...string) play.Order {
	w.Mu.Lock()
	defer w.Mu.Unlock()
	o := play.Order{Chat: w.Group, From: w.Ali, Line: "30001234", Recipients: to, Text: fmt.Sprintf("out%d hello", len(w.Orders))}
	o.Said = "/send " + strings.Join(to, ",") + " " + o.Text
	o.Message = w.Say(telegram.Post{Chat: o.Chat, From: o.From, Text: o.Said})
	w.Orders = append(w.Orders, o)
	return o
}

// replies has an agent answer the SMS that a message shows.
func (w *world) replies(chat int64, s play.Sighting) play.Order {
	w.Mu.Lock()
	defer w.Mu.Unlock()
	to := w.Inbound[play.NumberOf(s.Mark)]
	o := play.Order{Chat: chat, From: w.Ali, Line: to.Line, Recipients: []string{to.Customer}, Reply: true, Text: fmt.Sprintf("out%d ok", len(w.Orders))}
	if chat == w.Sara {
		o.From = w.Sara
	}
	o.Said = o.Text
	o.Message = w.Say(telegram.Post{Chat: chat, From: o.From, Text: o.Said, ReplyTo: s.Message})
	w.Orders = append(w.Orders, o)
	return o
}

// pushes has somebody press the button of that label under m.
func (w *world) pushes(by int64, m telegram.Message, label string) *telegram.Query {
	w.Helper()
	data, ok := m.Button(label)
	if !ok {
		w.Fatalf("no button %q under %q: %v", label, m.Text, m.Buttons)
	}
	w.Mu.Lock()
	w.NotePress(by, data)
	w.Mu.Unlock()
	q, err := w.TG.Press(by, m.Chat, m.ID, data)
	if err != nil {
		w.Fatal(err)
	}
	return q
}

// diesAt runs the bridge until it comes to a point in the program for the n-th time, where it is killed.
func (w *world) diesAt(point string, n int) {
	w.Helper()
	w.start(fmt.Sprintf("PEYK_CRASH=%s:%d", point, n))
	w.died()
}

// diesIn runs the bridge until a call comes to that stage, where it is killed.
func (w *world) diesIn(network, method, stage string) {
	w.Helper()
	w.Mu.Lock()
	w.trap = &trap{network: network, method: method, stage: stage, n: 1, unread: stage == string(panel.Answered)}
	w.Mu.Unlock()
	w.start()
	w.died()
}

func (w *world) died() {
	w.Helper()
	select {
	case <-w.bridge.gone:
	case <-time.After(patience):
		w.Fatalf("the bridge is not killed; its last words:\n%s", logTail(w.dir, 40))
	}
	if !w.bridge.killed() {
		w.Fatalf("the bridge ended by itself: %v\n%s", w.bridge.state, logTail(w.dir, 40))
	}
	w.arrived()
}

// lives runs the bridge, with more in its environment, until done returns nil. It runs on.
func (w *world) lives(done func() error, environ ...string) {
	w.Helper()
	w.start(environ...)
	w.goesOn(done)
}

func (w *world) goesOn(done func() error) {
	w.Helper()
	if err := w.until(done); err != nil {
		w.Fatalf("%v; the bridge's last words:\n%s", err, logTail(w.dir, 40))
	}
}

// rests starts the bridge once more, lets it do what is left to do, ends it, and checks the invariants; except those that the row itself
// says do not hold.
func (w *world) rests(except ...string) *evidence {
	w.Helper()
	e, err := w.rest()
	if err != nil {
		w.Fatalf("%v; the bridge's last words:\n%s", err, logTail(w.dir, 40))
	}
	defer e.Store.Close()
	for _, err := range e.violations(except...) {
		w.Error(err)
	}
	if w.Failed() {
		w.Logf("the bridge's last words:\n%s", logTail(w.dir, 40))
	}
	return e
}

// violations checks the invariants, except those named and I11, which is left to TestKills: what a killed bridge had on the wire may come late
// where many worlds share few processors.
func (e *evidence) violations(except ...string) []error {
	var all []error
	for _, i := range play.Invariants {
		if i.Name == "I11" || slices.Contains(except, i.Name) {
			continue
		}
		if err := i.Check(e.Evidence); err != nil {
			all = append(all, fmt.Errorf("%s: %w", i.Name, err))
		}
	}
	return all
}

// says finds a message of the bot with words in it.
func (w *world) says(chat int64, words string) (telegram.Message, error) {
	for _, m := range slices.Backward(w.TG.Messages(chat)) {
		if m.FromBot && strings.Contains(m.Text, words) {
			return m, nil
		}
	}
	return telegram.Message{}, fmt.Errorf("chat %d: nobody says %q", chat, words)
}

// told is says as a condition to wait for.
func (w *world) told(chat int64, words string) func() error {
	return func() error {
		_, err := w.says(chat, words)
		return err
	}
}

// onlySMS has the bridge take and answer what was said so far, so that what it posts next is an SMS.
func (w *world) onlySMS() {
	w.Helper()
	w.rests()
}

// given is how many updates the bridge will be given when it starts: the last of them is what was said last.
func (w *world) given() int {
	n := 0
	for _, u := range w.TG.Updates() {
		if !u.Confirmed {
			n++
		}
	}
	return n
}

// logs waits until the bridge has logged the words.
func (w *world) logs(words string) {
	w.Helper()
	w.logsAfter(0, regexp.QuoteMeta(words))
}

// logsAfter waits until the bridge has logged what matches pattern, after so much of the log, and returns it.
func (w *world) logsAfter(from int, pattern string) string {
	w.Helper()
	re := regexp.MustCompile(pattern)
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	late := time.After(patience)
	for {
		if found := re.FindString(logTail(w.dir, 10000)[from:]); found != "" {
			return found
		}
		select {
		case <-look.C:
		case <-w.bridge.gone:
			w.Fatalf("the bridge ended by itself: %v\n%s", w.bridge.state, logTail(w.dir, 40))
		case <-late:
			w.Fatalf("the bridge does not log %q:\n%s", pattern, logTail(w.dir, 40))
		}
	}
}

// peyk runs another command of the program in the world's directory, and returns its exit code and what it prints.
func (w *world) peyk(args ...string) (int, string) {
	w.Helper()
	cmd := exec.Command(program, args...)
	cmd.Dir, cmd.Env = w.dir, w.environ
	out, err := cmd.CombinedOutput()
	if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited {
		w.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), string(out)
}
