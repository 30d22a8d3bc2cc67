package crash

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"peyk/sandbox/panel"
	"peyk/sandbox/telegram"
	"peyk/sms"
	"peyk/store"
)

// Each row of the table of crash points has a test of that name. The bridge is killed just there, or meets just that failure; then it is
// started again, and the row's own promise is looked for in the chats and at the panel. All invariants are checked besides.

const (
	writer   = "09121111100" // a customer; SMS to this number arrive, see newWorld
	receiver = "09130000000" // another, who is only written to
	barred   = "09130000009" // on the black list
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
	w.mu.Lock()
	defer w.mu.Unlock()
	for range n {
		i := len(w.inbound)
		w.inbound = append(w.inbound, sender{customer: writer, line: "30001234"})
		words := sha256.Sum256([]byte{byte(i)}) // unlike one another, or half of a packed answer holds none
		w.panel.Receive(writer, "30001234", fmt.Sprintf("«in%d» %x «end%d»", i, words, i))
	}
}

// sends has Ali order an SMS in the group.
func (w *world) sends(to ...string) order {
	w.mu.Lock()
	defer w.mu.Unlock()
	o := order{chat: w.group, from: w.ali, line: "30001234", recipients: to, text: fmt.Sprintf("out%d hello", len(w.orders))}
	o.said = "/send " + strings.Join(to, ",") + " " + o.text
	o.message = w.say(telegram.Post{Chat: o.chat, From: o.from, Text: o.said})
	w.orders = append(w.orders, o)
	return o
}

// replies has an agent answer the SMS that a message shows.
func (w *world) replies(chat int64, s sighting) order {
	w.mu.Lock()
	defer w.mu.Unlock()
	to := w.inbound[numberOf(s.mark)]
	o := order{chat: chat, from: w.ali, line: to.line, recipients: []string{to.customer}, reply: true, text: fmt.Sprintf("out%d ok", len(w.orders))}
	if chat == w.sara {
		o.from = w.sara
	}
	o.said = o.text
	o.message = w.say(telegram.Post{Chat: chat, From: o.from, Text: o.said, ReplyTo: s.message})
	w.orders = append(w.orders, o)
	return o
}

// pushes has somebody press the button of that label under m.
func (w *world) pushes(by int64, m telegram.Message, label string) *telegram.Query {
	w.Helper()
	for _, row := range m.Buttons {
		for _, b := range row {
			if b.Text != label {
				continue
			}
			parts := strings.Split(b.Data, ":")
			batch, _ := strconv.ParseUint(parts[1], 36, 64)
			generation, _ := strconv.Atoi(parts[2])
			w.mu.Lock()
			w.presses = append(w.presses, pressed{time.Now(), by, store.BatchID(batch), generation, store.Decision(parts[3])})
			w.mu.Unlock()
			q, err := w.tg.Press(by, m.Chat, m.ID, b.Data)
			if err != nil {
				w.Fatal(err)
			}
			return q
		}
	}
	w.Fatalf("no button %q under %q: %v", label, m.Text, m.Buttons)
	return nil
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
	w.mu.Lock()
	w.trap = &trap{network: network, method: method, stage: stage, n: 1, unread: stage == string(panel.Answered)}
	w.mu.Unlock()
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
	defer e.store.Close()
	for _, i := range invariants {
		// I11 is left to TestKills: what a killed bridge had on the wire may come late where many worlds share few processors.
		if i.name == "I11" || slices.Contains(except, i.name) {
			continue
		}
		if err := i.check(e); err != nil {
			w.Errorf("%s: %v", i.name, err)
		}
	}
	if w.Failed() {
		w.Logf("the bridge's last words:\n%s", logTail(w.dir, 40))
	}
	return e
}

// copies returns the messages of a chat that show the n-th SMS.
func (e *evidence) copies(chat int64, n int) []sighting {
	return slices.DeleteFunc(slices.Clone(e.shown[chat]), func(s sighting) bool { return s.mark != fmt.Sprintf("«in%d»", n) })
}

// shownOnce checks that each SMS stands once in each chat, and that nobody was told of a loss.
func (e *evidence) shownOnce() {
	e.Helper()
	for n := range e.inbound {
		for _, chat := range []int64{e.group, e.sara} {
			if got := len(e.copies(chat, n)); got != 1 {
				e.Errorf("SMS %d is shown %d times in chat %d, want once", n, got, chat)
			}
		}
	}
	if len(e.incidents) != 0 {
		e.Errorf("told of a loss: %v", e.incidents)
	}
}

// toldOfLoss checks that both chats were told of a loss, between the two times.
func (e *evidence) toldOfLoss(from, to time.Time) {
	e.Helper()
	if len(e.incidents) != 2 {
		e.Errorf("told of a loss in %d messages, want one in each chat", len(e.incidents))
	}
	for _, v := range e.incidents {
		if v.from.Before(from.Truncate(time.Second)) || v.to.After(to.Add(time.Second)) {
			e.Errorf("told of a loss between %v and %v; it was between %v and %v", v.from, v.to, from, to)
		}
	}
}

// asked returns how often the panel was asked for something.
func (w *world) asked(method string) int {
	n := 0
	for _, r := range w.panel.Requests() {
		if r.Method == method {
			n++
		}
	}
	return n
}

// says finds a message of the bot with words in it.
func (w *world) says(chat int64, words string) (telegram.Message, error) {
	for _, m := range slices.Backward(w.tg.Messages(chat)) {
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

// sentOnce checks that the only order went out once and is reported as delivered.
func (e *evidence) sentOnce() {
	e.Helper()
	if asked, sent := e.asked("SendSMS"), e.panel.SentCount(); asked != 1 || sent != 1 {
		e.Errorf("the panel was asked %d times to send, and sent %d SMS, want one", asked, sent)
	}
	e.reports("delivered.")
}

// uncertain checks that the agents are asked about the only order, with all they may answer, and that the panel was asked so often.
func (e *evidence) uncertain(asked, sent int) telegram.Message {
	e.Helper()
	if a, s := e.asked("SendSMS"), e.panel.SentCount(); a != asked || s != sent {
		e.Errorf("the panel was asked %d times to send, and sent %d SMS, want %d and %d", a, s, asked, sent)
	}
	m := e.reports("cannot be known")
	var labels []string
	for _, row := range m.Buttons {
		for _, b := range row {
			labels = append(labels, b.Text)
		}
	}
	slices.Sort(labels)
	if want := []string{"It was sent", "Leave", "Send again"}; !slices.Equal(labels, want) {
		e.Errorf("the question has the buttons %q, want %q", labels, want)
	}
	return m
}

// reports checks that the only order's report has words in it, and returns it.
func (e *evidence) reports(words string) telegram.Message {
	e.Helper()
	if len(e.batches) != 1 {
		e.Fatalf("%d batches, want 1", len(e.batches))
	}
	m, ok := e.report(e.batches[0])
	if !ok || !strings.Contains(m.Text, words) {
		e.Errorf("the order is reported as %q, want %q", m.Text, words)
	}
	return m
}

// marked checks that the only order, a reply, bears a mark and is told of by nothing else.
func (e *evidence) marked(mark string) {
	e.Helper()
	if len(e.batches) != 1 {
		e.Fatalf("%d batches, want 1", len(e.batches))
	}
	if got := e.markOf(e.batches[0]); got != mark {
		e.Errorf("the reply bears %q, want %q", got, mark)
	}
	for _, m := range e.messages[int64(e.batches[0].Chat)] {
		if m.ReplyTo == int(e.batches[0].Message) {
			e.Errorf("a message tells of it, too: %q", m.Text)
		}
	}
}

// Fetch.

func TestF1BeforeTheMarker(t *testing.T) {
	w := newRow(t)
	w.receives(1)
	w.diesAt("fetch.due", 1)
	if n := w.asked("GetMsg"); n != 0 {
		t.Errorf("the panel was asked %d times before the marker", n)
	}
	w.rests().shownOnce()
}

func TestF2MarkerCommitted(t *testing.T) {
	check := func(w *world, lost int) {
		began := w.starts[0].at
		e := w.rests()
		e.toldOfLoss(began, e.starts[1].at.Add(patience))
		if n := len(e.missing()); n != lost {
			w.Errorf("%d SMS are missing, want %d", n, lost)
		}
	}
	each(t, map[string]func(*world){
		"a false alarm": func(w *world) {
			w.receives(1)
			w.diesAt("fetch.marked", 1)
			check(w, 0)
		},
		"the panel has answered": func(w *world) {
			w.receives(1)
			w.diesIn("panel", "GetMsg", "carried_out")
			check(w, 1)
		},
		"half of the answer was here": func(w *world) {
			w.receives(10)
			w.diesIn("panel", "GetMsg", "half_answered")
			check(w, 10)
		},
	})
}

func TestF3AnswerCutOrLost(t *testing.T) {
	spoilt := func(w *world, f panel.Fault) *evidence {
		f.Method = "GetMsg"
		w.panel.Arm(f)
		w.receives(40)
		e := w.rests()
		// Nothing repeats the call by itself: the next one is another fetch, after the pause.
		if gap := e.fetches[1].Sub(e.fetches[0]); gap < 100*time.Millisecond {
			w.Errorf("the panel was asked again after %v", gap)
		}
		if len(e.incidents) != 2 {
			w.Errorf("told of it in %d messages, want one in each chat", len(e.incidents))
		}
		return e
	}
	each(t, map[string]func(*world){
		"cut": func(w *world) {
			e := spoilt(w, panel.Fault{Kind: panel.Cut})
			if n := len(e.missing()); n == 0 || n == 40 {
				w.Errorf("%d of 40 SMS are missing; the first half of the answer was here", n)
			}
		},
		"lost": func(w *world) {
			if n := len(spoilt(w, panel.Fault{Kind: panel.Close, CarryOut: true}).missing()); n != 40 {
				w.Errorf("%d of 40 SMS are missing, nothing was here", n)
			}
		},
	})
}

func TestF4AnswerWholeNotCommitted(t *testing.T) {
	check := func(w *world) {
		began := w.starts[0].at
		e := w.rests()
		e.toldOfLoss(began, e.starts[1].at.Add(patience))
		if n := len(e.missing()); n != 1 {
			w.Errorf("%d SMS are missing, want 1", n)
		}
	}
	each(t, map[string]func(*world){
		"on the wire": func(w *world) {
			w.receives(1)
			w.diesIn("panel", "GetMsg", "answered")
			check(w)
		},
		"in the program": func(w *world) {
			w.receives(1)
			w.diesAt("fetch.answered", 1)
			check(w)
		},
	})
}

func TestF5AnswerKeptNotDecoded(t *testing.T) {
	each(t, map[string]func(*world){
		"not begun": func(w *world) {
			w.receives(3)
			w.diesAt("fetch.saved", 1)
			w.rests().shownOnce()
		},
		"not stored": func(w *world) {
			w.receives(3)
			w.diesAt("fetch.decoded", 1)
			w.rests().shownOnce()
		},
	})
}

func TestF6AnswerThatCannotBeDecoded(t *testing.T) {
	const page = "<html>this account is suspended</html>"
	check := func(w *world) {
		w.rests()
		w.receives(1) // fetching goes on
		e := w.rests()
		if len(e.incidents) != 2 || len(e.missing()) != 1 || len(e.copies(w.group, 1)) != 1 {
			w.Errorf("told of it in %d messages, %d SMS missing, the next shown %d times; want 2, 1 and 1", len(e.incidents), len(e.missing()), len(e.copies(w.group, 1)))
		}
		file, err := os.ReadFile(w.database())
		if err != nil {
			w.Fatal(err)
		}
		if !bytes.Contains(file, []byte(base64.StdEncoding.EncodeToString([]byte(page)))) {
			w.Error("the answer is not kept")
		}
	}
	spoil := func(w *world) {
		w.receives(1)
		w.panel.Arm(panel.Fault{Method: "GetMsg", Kind: panel.Custom, Body: page, CarryOut: true})
	}
	each(t, map[string]func(*world){
		"at once": func(w *world) {
			spoil(w)
			check(w)
		},
		"after a crash": func(w *world) {
			spoil(w)
			w.diesAt("fetch.saved", 1)
			check(w)
		},
	})
}

func TestF7Decoded(t *testing.T) {
	w := newRow(t)
	w.receives(3)
	w.diesAt("fetch.stored", 1)
	if e := w.rests(); len(e.incidents) != 0 || len(e.missing()) != 0 { // I2: one of them may have been on its way
		t.Errorf("told of a loss in %d messages, %d SMS are missing", len(e.incidents), len(e.missing()))
	}
}

func TestF8TheSameAnswerAgain(t *testing.T) {
	w := newRow(t)
	at := time.Now()
	again := func() {
		for range 2 { // two equal ones are two SMS, each time
			w.panel.ReceiveAt(writer, "30001234", "«in0» hello «end0»", at)
		}
	}
	w.inbound = append(w.inbound, sender{customer: writer, line: "30001234"})
	again()
	w.diesAt("fetch.stored", 1)
	again()
	w.diesAt("fetch.stored", 1)
	again()
	e := w.rests("I2") // it takes the two for one
	for _, chat := range []int64{w.group, w.sara} {
		copies := slices.DeleteFunc(e.copies(chat, 0), func(s sighting) bool { return s.repeated })
		if len(copies) > 2 || len(e.copies(chat, 0)) < 2 {
			t.Errorf("two SMS are shown in chat %d as %+v", chat, e.copies(chat, 0))
		}
	}
}

// Post.

func TestP1BeforeTheCall(t *testing.T) {
	w := newRow(t)
	w.onlySMS()
	w.receives(3)
	w.diesAt("post.due", 1)
	if n := len(w.look().copies(w.group, 0)) + len(w.look().copies(w.sara, 0)); n > 1 {
		t.Errorf("the SMS is shown %d times before the call", n)
	}
	w.rests("I2") // the other chat may show a copy
}

func TestP2AcceptedNotCommitted(t *testing.T) {
	// I2 looks for the word that a copy may be one; that the second copy exists and both can be answered is looked for here.
	check := func(w *world) {
		e := w.rests()
		chat := w.group
		copies := e.copies(chat, 0)
		if len(copies) < 2 {
			chat = w.sara
			copies = e.copies(chat, 0)
		}
		if len(copies) != 2 || copies[0].repeated || !copies[1].repeated {
			w.Fatalf("the SMS is shown %+v, want twice, the second time perhaps repeated", copies)
		}
		for _, c := range copies {
			w.replies(chat, c)
		}
		w.lives(func() error {
			if n := w.panel.SentCount(); n < 2 {
				return fmt.Errorf("%d of 2 replies were sent", n)
			}
			return nil
		})
		if err := w.bridge.end(); err != nil {
			w.Fatal(err)
		}
		w.rests()
		for _, s := range w.panel.Sent() {
			if s.Customer != writer {
				w.Errorf("a reply went to %s", s.Customer)
			}
		}
	}
	each(t, map[string]func(*world){
		"answer not here": func(w *world) {
			w.onlySMS()
			w.receives(1)
			w.diesIn("telegram", "sendMessage", "after")
			check(w)
		},
		"answer not committed": func(w *world) {
			w.onlySMS()
			w.receives(1)
			w.diesAt("post.answered", 1)
			check(w)
		},
		"answer lost": func(w *world) {
			w.onlySMS()
			if err := w.tg.Arm(telegram.Fault{Method: "sendMessage", Chat: w.group, Kind: telegram.CloseAfter}); err != nil {
				w.Fatal(err)
			}
			w.receives(1)
			check(w)
		},
	})
}

// TestP6TopicMadeNotNoted: a topic nobody noted stays empty, another one is made and used.
func TestP6TopicMadeNotNoted(t *testing.T) {
	cases := map[string]func(*world){}
	for _, c := range []struct {
		name, point string
		topics      int // there are in the end
	}{
		{"before it is made", "topic.due", 1}, {"made, not noted", "topic.made", 2}, {"noted, no card yet", "card.due", 1}, {"card not noted", "card.answered", 1},
	} {
		cases[c.name] = func(w *world) {
			w.useTopics()
			w.receives(2)
			w.diesAt(c.point, 1)
			e := w.rests("I2", "I12")
			topics := map[int]int{} // messages of the bot in each
			for _, m := range e.messages[w.group] {
				if m.Topic != 0 && m.Service == "" {
					topics[m.Topic]++
				}
			}
			made := 0
			for _, chat := range w.tg.Chats() {
				if chat.ID == w.group {
					made = len(chat.Topics)
				}
			}
			if made != c.topics || len(topics) != 1 {
				w.Errorf("there are %d topics, %v in use; want %d and one", made, topics, c.topics)
			}
		}
	}
	each(t, cases)
}

// onlySMS has the bridge take and answer what was said so far, so that what it posts next is an SMS.
func (w *world) onlySMS() {
	w.Helper()
	w.rests()
}

func TestP3TelegramIsInTrouble(t *testing.T) {
	for name, f := range map[string]telegram.Fault{
		"429":  {Kind: telegram.TooMany, RetryAfter: 1},
		"5xx":  {Kind: telegram.Refuse, Code: 500, Description: "Internal Server Error"},
		"HTML": {Kind: telegram.BadGateway},
		"EOF":  {Kind: telegram.CloseBefore},
	} {
		t.Run(name, func(t *testing.T) {
			w := newRow(t)
			w.onlySMS()
			f.Method, f.Chat = "sendMessage", w.group
			if err := w.tg.Arm(f); err != nil {
				t.Fatal(err)
			}
			w.receives(3)
			w.lives(w.told(w.group, "«end2»"))
			var calls []telegram.Call
			for _, c := range w.tg.Calls() {
				if c.Method == "sendMessage" && c.Chat == w.group {
					calls = append(calls, c)
				}
			}
			if len(calls) < 2 || calls[0].Fault == "" {
				t.Fatalf("calls: %+v", calls)
			}
			held := 500 * time.Millisecond
			if f.Kind == telegram.TooMany {
				held = time.Second
			}
			if gap := calls[1].At.Sub(calls[0].At); gap < held {
				t.Errorf("the chat was written to after %v, want it held for %v", gap, held)
			}
			if err := w.bridge.end(); err != nil {
				t.Fatal(err)
			}
			if first := w.rests().shown[w.group][0].mark; first != "«in0»" {
				t.Errorf("%s is shown first", first)
			}
		})
	}
}

func TestP4RefusedForGood(t *testing.T) {
	each(t, map[string]func(*world){
		"thrown out of the group": func(w *world) {
			w.onlySMS()
			if err := w.tg.RemoveBot(w.group, w.sara); err != nil {
				w.Fatal(err)
			}
			w.receives(2)
			w.lives(w.told(w.sara, "can no longer write to the chat"))
			w.bridge.kill()
			w.lives(w.told(w.sara, "«in1»"))
			w.bridge.kill()
			if err := w.tg.AddBot(w.group, w.sara); err != nil {
				w.Fatal(err)
			}
			w.rests() // I2: shown there, too
		},
		"one message refused": func(w *world) {
			w.onlySMS()
			if err := w.tg.Arm(telegram.Fault{Method: "sendMessage", Chat: w.group, Kind: telegram.Refuse, Times: 2, Code: 400, Description: "Bad Request: MESSAGE_ODD"}); err != nil {
				w.Fatal(err)
			}
			w.receives(1)
			w.lives(w.told(w.sara, "MESSAGE_ODD"))
			w.bridge.kill()
			w.receives(1)
			e := w.rests("I2") // the refused one is not there
			if before, after := len(e.copies(w.group, 0)), len(e.copies(w.group, 1)); before != 0 || after != 1 {
				w.Errorf("the refused SMS is shown %d times, the next %d times; want 0 and 1", before, after)
			}
			st, err := store.Inspect(w.database(), store.Options{})
			if err != nil {
				w.Fatal(err)
			}
			defer st.Close()
			if m, err := st.SMS(1); err != nil || !strings.Contains(m.Text, "«in0»") {
				w.Errorf("the refused SMS is %q, %v in the store", m.Text, err)
			}
		},
	})
}

func TestP5GroupBecameASupergroup(t *testing.T) {
	for _, at := range []string{"update.given", "post.ended", "post.answered"} {
		t.Run(at, func(t *testing.T) {
			w := newRow(t)
			// Another group, that the settings name and that is renamed before the first SMS.
			old := w.tg.AddGroup("Small", w.sara, w.ali, w.tg.Bot().ID)
			w.environ = slices.DeleteFunc(w.environ, func(s string) bool { return strings.HasPrefix(s, "INBOX_CHATS=") })
			w.environ = append(w.environ, fmt.Sprintf("INBOX_CHATS=%d,%d", old, w.sara))
			w.group = old
			w.onlySMS()
			w.receives(2)
			w.tg.SetDown(true) // none is shown before
			w.diesAt("fetch.stored", 1)
			w.tg.SetDown(false)
			super, err := w.tg.Migrate(old)
			if err != nil {
				t.Fatal(err)
			}
			w.diesAt(at, 1)
			w.group = super
			e := w.rests("I2") // one of the two chats may show a copy
			for n := range 2 {
				copies := e.copies(super, n)
				if len(copies) == 0 || len(copies) > 2 {
					t.Errorf("SMS %d is shown %d times in the supergroup", n, len(copies))
				}
			}
			w.replies(super, e.copies(super, 1)[0])
			w.rests("I2").marked("👍")
		})
	}
}

// TestP7Notice kills the bridge at the notice of an SMS that Telegram refuses: that stands there then, at worst twice, and either copy serves.
func TestP7Notice(t *testing.T) {
	cases := map[string]func(*world){}
	for _, c := range []struct {
		name, point string
		notices     int // stand there in the end
	}{
		{"before it is posted", "notice.due", 1}, {"posted, not noted", "notice.answered", 2},
	} {
		run := func(w *world) {
			w.receives(1)
			w.rests() // so that the customer's topic, where there is one, has its card
			if err := w.tg.Arm(telegram.Fault{Method: "sendMessage", Chat: w.group, Kind: telegram.Refuse, Times: 2, Code: 400, Description: "Bad Request: MESSAGE_ODD"}); err != nil {
				w.Fatal(err)
			}
			w.receives(1)
			w.diesAt(c.point, 1)
			const words = "refuses to show this SMS"
			if err := w.told(w.group, words)(); (err == nil) != (c.notices == 2) {
				w.Errorf("killed at %s: %v", c.point, err)
			}
			w.receives(1) // nothing is held up
			w.lives(func() error {
				return errors.Join(w.told(w.group, "«end2»")(), w.told(w.sara, "MESSAGE_ODD")(), w.told(w.sara, "«end1»")())
			})
			notices := slices.DeleteFunc(w.tg.Messages(w.group), func(m telegram.Message) bool { return !m.FromBot || !strings.Contains(m.Text, words) })
			if len(notices) != c.notices {
				w.Fatalf("the notice stands there %d times, want %d", len(notices), c.notices)
			}
			e := w.look()
			for _, m := range notices {
				if !strings.Contains(m.Text, "MESSAGE_ODD") || !strings.Contains(m.Text, writer) || m.Topic != e.copies(w.group, 0)[0].topic {
					w.Errorf("the notice in topic %d does not say whose SMS it is, and why: %q", m.Topic, m.Text)
				}
			}
			if before, next := len(e.copies(w.group, 1)), e.copies(w.group, 2)[0]; before != 0 || next.message < notices[len(notices)-1].ID {
				w.Errorf("the refused SMS is shown %d times; the next stands in message %d", before, next.message)
			}
			for i, m := range notices { // the first one shows it, whichever of them that is
				ctx, cancel := context.WithTimeout(context.Background(), patience)
				a, err := w.pushes(w.ali, m, "Show again").Wait(ctx)
				cancel()
				if again := strings.Contains(a.Text, "shown again already"); err != nil || again != (i > 0) || a.Alert != again {
					w.Errorf("[Show again] of notice %d is answered %+v, %v", i, a, err)
				}
				w.goesOn(w.told(w.group, "«end1»"))
			}
			for _, m := range notices {
				w.replies(w.group, sighting{mark: "«in1»", message: m.ID})
			}
			w.goesOn(func() error {
				if n := w.panel.SentCount(); n < len(notices) {
					return fmt.Errorf("%d of %d replies were sent", n, len(notices))
				}
				return nil
			})
			if err := w.bridge.end(); err != nil {
				w.Fatal(err)
			}
			e = w.rests("I3") // what is shown again stands where it was asked for
			if n := len(e.copies(w.group, 1)); n != 1 || len(e.missing()) != 0 || len(e.incidents) != 0 {
				w.Errorf("the refused SMS is shown %d times, %d SMS are missing, told of a loss in %d messages; want 1, 0 and 0", n, len(e.missing()), len(e.incidents))
			}
			told := 0
			for _, m := range e.messages[w.sara] {
				told += strings.Count(m.Text, "MESSAGE_ODD")
			}
			if told != 1 {
				w.Errorf("the admin is told %d times", told)
			}
			for _, s := range w.panel.Sent() {
				if s.Customer != writer {
					w.Errorf("a reply went to %s", s.Customer)
				}
			}
		}
		cases[c.name] = run
		cases[c.name+", in a topic"] = func(w *world) {
			w.useTopics()
			run(w)
		}
	}
	each(t, cases)
}

// Take an update.

// given is how many updates the bridge will be given when it starts: the last of them is what was said last.
func (w *world) given() int {
	n := 0
	for _, u := range w.tg.Updates() {
		if !u.Confirmed {
			n++
		}
	}
	return n
}

func TestT1UpdateNotCommitted(t *testing.T) {
	w := newRow(t)
	w.sends(receiver)
	w.diesAt("update.given", w.given())
	if n := w.asked("SendSMS"); n != 0 {
		t.Errorf("the panel was asked %d times", n)
	}
	w.rests().sentOnce()
}

func TestT2UpdateCommittedNotConfirmed(t *testing.T) {
	w := newRow(t)
	w.sends(barred) // of which one question about its status is enough
	w.diesAt("update.taken", w.given())
	if w.given() == 0 {
		t.Fatal("the update is confirmed")
	}
	e := w.rests("I6", "I8")
	if len(e.batches) != 1 {
		t.Errorf("one command gave %d batches", len(e.batches))
	}
	if n := w.asked("SendSMS"); n > 1 {
		t.Errorf("the panel was asked %d times", n)
	}
}

func TestT3UpdateThatCannotBeRead(t *testing.T) {
	w := newRow(t)
	for _, odd := range []string{`{"message":"what is this"}`, `{"message":{"message_id":"x","chat":[]}}`, `{"callback_query":7}`} {
		if _, err := w.tg.RawUpdate(odd); err != nil {
			t.Fatal(err)
		}
	}
	w.sends(receiver)
	w.diesAt("update.given", w.given())
	w.rests().sentOnce()
	if n := strings.Count(logTail(w.dir, 1000), "update passed over"); n != 6 {
		t.Errorf("three unreadable updates are noted %d times in two starts", n)
	}
}

func TestT4CommandEdited(t *testing.T) {
	w := newRow(t)
	o := w.sends(receiver)
	w.rests().sentOnce()
	if err := w.tg.Edit(o.from, o.chat, o.message, "/send "+receiver+" something else"); err != nil {
		t.Fatal(err)
	}
	w.diesAt("update.given", 1)
	w.diesAt("update.taken", 1)
	e := w.rests()
	e.sentOnce()
	told := 0
	for _, m := range e.messages[w.group] {
		if m.ReplyTo == o.message && strings.Contains(m.Text, "the edit changes nothing") {
			told++
		}
	}
	if told < 1 || told > 2 {
		t.Errorf("told %d times that the edit changes nothing", told)
	}
}

// Send a piece.

func TestS1Queued(t *testing.T) {
	w := newRow(t)
	w.sends(receiver)
	w.diesAt("send.queued", 1)
	w.rests().sentOnce()
}

func TestS2ClaimedNotBegun(t *testing.T) {
	w := newRow(t)
	w.sends(receiver)
	w.diesAt("send.claimed", 1)
	w.rests().uncertain(0, 0)
}

func TestS3AnswerLostOrUnreadable(t *testing.T) {
	const short = `<?xml version="1.0"?><e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body><r><return></return></r></e:Body></e:Envelope>`
	for name, f := range map[string]panel.Fault{
		"lost":          {Kind: panel.Close, CarryOut: true},
		"cut":           {Kind: panel.Cut},
		"unreadable":    {Kind: panel.HTML, CarryOut: true},
		"a crash":       {Kind: panel.Crash, CarryOut: true},
		"nothing in it": {Kind: panel.Empty, CarryOut: true},
		"too short":     {Kind: panel.Custom, Body: short, CarryOut: true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newRow(t)
			f.Method = "SendSMS"
			w.panel.Arm(f)
			w.sends(receiver)
			w.rests().uncertain(1, 1)
		})
	}
	for label, want := range map[string]struct {
		sent int
		says string
	}{
		"Send again":  {2, "delivered."},
		"It was sent": {1, "gives no report"},
		"Leave":       {1, "left so"},
	} {
		t.Run(label, func(t *testing.T) {
			w := newRow(t)
			w.panel.Arm(panel.Fault{Method: "SendSMS", Kind: panel.Close, CarryOut: true})
			o := w.sends(receiver)
			w.pushes(w.sara, w.rests().uncertain(1, 1), label)
			w.lives(func() error {
				for _, m := range w.tg.Messages(o.chat) {
					if m.FromBot && m.ReplyTo == o.message && strings.Contains(m.Text, want.says) {
						return nil
					}
				}
				return fmt.Errorf("not reported as %q", want.says)
			})
			if err := w.bridge.end(); err != nil {
				t.Fatal(err)
			}
			w.rests().reports(want.says)
			if n := w.panel.SentCount(); n != want.sent {
				t.Errorf("the panel sent %d SMS, want %d", n, want.sent)
			}
		})
	}
}

func TestS4AnswerSeenNotCommitted(t *testing.T) {
	each(t, map[string]func(*world){
		"on the wire": func(w *world) {
			w.sends(receiver)
			w.diesIn("panel", "SendSMS", "answered")
			w.rests().uncertain(1, 1)
		},
		"in the program": func(w *world) {
			w.sends(receiver)
			w.diesAt("send.answered", 1)
			w.rests().uncertain(1, 1)
		},
	})
}

func TestS5CommittedNotTold(t *testing.T) {
	w := newRow(t)
	w.sends(receiver)
	w.diesAt("send.stored", 1)
	w.rests().sentOnce()
}

func TestS6BetweenPieces(t *testing.T) {
	w := newRow(t)
	var to []string
	for i := range 150 {
		to = append(to, fmt.Sprintf("0913000%03d0", i))
	}
	w.sends(to...)
	w.lives(w.told(w.group, "Send this?"), "PEYK_CRASH=send.stored:1")
	asked, err := w.says(w.group, "Send this?")
	if err != nil {
		t.Fatal(err)
	}
	w.pushes(w.ali, asked, "Send")
	w.died()
	e := w.rests()
	b := e.batches[0]
	if done := b.Counts[sms.Delivered] + b.Counts[sms.AtTelecom] + b.Counts[sms.Sent]; done < 30 || done+b.Uncertain != 150 {
		t.Errorf("of 150 recipients in three pieces %d are sent and %d uncertain; at least one piece was finished", done, b.Uncertain)
	}
	if n := w.asked("SendSMS"); n > 3 {
		t.Errorf("the panel was asked %d times to send three pieces", n)
	}
}

func TestS7SurelyNotSent(t *testing.T) {
	each(t, map[string]func(*world){
		"no connection": func(w *world) {
			w.onlySMS()
			w.panelNet.down()
			w.sends(receiver)
			// fails waits until an attempt has failed, which is made after from, and returns when the next one is to come.
			fails := func(attempt int, from time.Time, pause time.Duration) time.Time {
				w.start()
				w.logs(fmt.Sprintf("attempt=%d", attempt))
				known := time.Now()
				w.bridge.kill()
				w.arrived()
				next := w.nextAttempt(attempt)
				if next.Before(from.Add(pause)) || next.After(known.Add(pause)) {
					w.Errorf("attempt %d fails between %v and %v, the next one is to come at %v, want it after %v", attempt, from, known, next, pause)
				}
				return next
			}
			fails(2, fails(1, time.Now(), 2*time.Second), 4*time.Second)
			if err := w.panelNet.up(); err != nil {
				w.Fatal(err)
			}
			w.rests().sentOnce()
		},
		"an error code": func(w *world) {
			w.panel.Arm(panel.Fault{Method: "SendSMS", Kind: panel.ErrCode, Code: -3, Text: "server is busy"})
			w.sends(receiver)
			w.diesAt("send.stored", 1)
			e := w.rests()
			e.reports("server is busy")
			if n := w.asked("SendSMS"); n != 1 || w.panel.SentCount() != 0 {
				w.Errorf("the panel was asked %d times and sent %d SMS, want 1 and 0", n, w.panel.SentCount())
			}
		},
	})
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

// nextAttempt returns when the only piece is to be tried again, after so many attempts.
func (w *world) nextAttempt(attempts int) time.Time {
	w.Helper()
	st, err := store.Inspect(w.database(), store.Options{})
	if err != nil {
		w.Fatal(err)
	}
	defer st.Close()
	var next time.Time
	err = st.Queued(func(p store.Piece, _ store.Batch, _ []sms.Number) bool {
		if p.Attempt == attempts {
			next = p.NotBefore
		}
		return true
	})
	if err != nil {
		w.Fatal(err)
	}
	return next
}

// The rest.

func TestG1Delivery(t *testing.T) {
	die := map[string]func(*world){
		"before the call":    func(w *world) { w.diesAt("delivery.due", 1) },
		"half of the answer": func(w *world) { w.diesIn("panel", "GetStatus", "half_answered") },
		"before the commit":  func(w *world) { w.diesAt("delivery.answered", 1) },
		"after the commit":   func(w *world) { w.diesAt("delivery.stored", 1) },
		"before the edit":    func(w *world) { w.diesIn("telegram", "editMessageText", "before") },
	}
	for name, die := range die {
		t.Run(name, func(t *testing.T) {
			w := newRow(t)
			w.sends(receiver)
			die(w)
			e := w.rests()
			e.sentOnce()
			far := -1
			report := e.reports("delivered.")
			for _, v := range append(report.History, telegram.Version{Text: report.Text}) {
				now := slices.IndexFunc([]string{"sent, no word", "reached the telecom", "delivered."}, func(s string) bool { return strings.Contains(v.Text, s) })
				if now < far {
					t.Errorf("the report goes back: %q in %+v", v.Text, report.History)
				}
				far = now
			}
		})
	}
}

// asks has Ali order an SMS to two customers and returns the question, answered by nobody yet. The bridge runs, and will be killed at
// the point.
func (w *world) asks(point string) telegram.Message {
	w.Helper()
	w.sends(receiver, "09130000010")
	w.lives(w.told(w.group, "Send this?"), "PEYK_CRASH="+point+":1")
	m, err := w.says(w.group, "Send this?")
	if err != nil {
		w.Fatal(err)
	}
	return m
}

func TestB1DecisionNotCommitted(t *testing.T) {
	w := newRow(t)
	w.pushes(w.ali, w.asks("press.read"), "Send")
	w.died()
	if n := w.asked("SendSMS"); n != 0 {
		t.Errorf("the panel was asked %d times", n)
	}
	w.lives(w.told(w.group, "2 delivered"))
	if err := w.bridge.end(); err != nil {
		t.Fatal(err)
	}
	e := w.rests()
	if e.batches[0].Decision != store.Send || w.panel.SentCount() != 2 {
		t.Errorf("decided %q, %d SMS sent", e.batches[0].Decision, w.panel.SentCount())
	}
}

func TestB2DecisionCommitted(t *testing.T) {
	answers := func(w *world, q *telegram.Query) {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		a, err := q.Wait(ctx)
		if err != nil || !strings.Contains(a.Text, "\u2068Ali\u2069 has decided already") {
			w.Errorf("the second press is answered %+v, %v", a, err)
		}
	}
	each(t, map[string]func(*world){
		"pressed again": func(w *world) {
			m := w.asks("press.decided")
			w.pushes(w.ali, m, "Send")
			w.died()
			q := w.pushes(w.ali, m, "Cancel")
			w.lives(func() error {
				if report := w.lastReport(); !strings.Contains(report, "2 delivered") && !strings.Contains(report, "cannot be known") {
					return fmt.Errorf("reported as %q", report)
				}
				return nil
			})
			answers(w, q)
			if err := w.bridge.end(); err != nil {
				w.Fatal(err)
			}
			// The killed bridge may have begun to send: then the agents are asked.
			e := w.rests()
			if b := e.batches[0]; b.State != store.Going || b.Decision != store.Send || w.asked("SendSMS") > 1 {
				w.Errorf("decided %q, the panel was asked %d times", b.Decision, w.asked("SendSMS"))
			}
		},
		"pressed by another": func(w *world) {
			w.sends(receiver)
			w.diesAt("send.claimed", 1)
			m := w.rests().uncertain(0, 0)
			w.pushes(w.ali, m, "Send again")
			w.diesAt("press.decided", 1)
			q := w.pushes(w.sara, m, "Send again")
			w.lives(func() error {
				if w.panel.SentCount() == 0 && !strings.Contains(w.lastReport(), "cannot be known") {
					return errors.New("nothing is sent again")
				}
				return nil
			})
			answers(w, q)
			if err := w.bridge.end(); err != nil {
				w.Fatal(err)
			}
			w.rests()
			if n := w.asked("SendSMS"); n > 1 {
				w.Errorf("the panel was asked %d times", n)
			}
		},
	})
}

// lastReport is what the last order is reported as.
func (w *world) lastReport() string {
	o := w.orders[len(w.orders)-1]
	text := ""
	for _, m := range w.tg.Messages(o.chat) {
		if m.FromBot && m.ReplyTo == o.message {
			text = m.Text
		}
	}
	return text
}

// accepted has a reply come so far as to bear 👌, and the panel report its delivery while the bridge is down.
func (w *world) accepted() {
	w.Helper()
	w.receives(1)
	if err := w.panel.SetStatusOf("*0", 1); err != nil {
		w.Fatal(err)
	}
	w.lives(w.told(w.group, "«end0»"))
	o := w.replies(w.group, w.look().copies(w.group, 0)[0])
	w.goesOn(func() error {
		if m, _ := w.tg.Message(o.chat, o.message); marksOf(m) != "👌" {
			return fmt.Errorf("the reply bears %q", marksOf(m))
		}
		return nil
	})
	if err := w.bridge.end(); err != nil {
		w.Fatal(err)
	}
	if !w.panel.SetStatus(w.panel.Sent()[0].ID, 4) {
		w.Fatal("no such SMS")
	}
}

func TestE1InAnEdit(t *testing.T) {
	// reports counts the messages that report the only order.
	reports := func(w *world, e *evidence) int {
		n := 0
		for _, m := range e.messages[w.group] {
			if m.ReplyTo == w.orders[0].message {
				n++
			}
		}
		return n
	}
	each(t, map[string]func(*world){
		"before an edit": func(w *world) {
			w.sends(barred)
			w.diesIn("telegram", "editMessageText", "before")
			if n := reports(w, w.rests()); n != 1 {
				w.Errorf("reported in %d messages", n)
			}
		},
		"after an edit": func(w *world) {
			w.sends(barred)
			w.diesIn("telegram", "editMessageText", "after")
			if n := reports(w, w.rests()); n != 1 {
				w.Errorf("reported in %d messages", n)
			}
			if !slices.ContainsFunc(w.tg.Calls(), func(c telegram.Call) bool { return strings.Contains(c.Description, "not modified") }) {
				w.Error("the edit was not repeated")
			}
		},
		"before a reaction": func(w *world) {
			w.accepted()
			w.diesIn("telegram", "setMessageReaction", "before")
			w.rests().marked("👍")
		},
		"after a reaction": func(w *world) {
			w.accepted()
			w.diesIn("telegram", "setMessageReaction", "after")
			w.rests().marked("👍")
		},
		"between a reaction and what tells of it": func(w *world) {
			w.accepted()
			w.diesAt("mark.answered", 1)
			w.rests().marked("👍")
		},
		"the message is gone": func(w *world) {
			if err := w.panel.SetStatusOf("*5", 1); err != nil {
				w.Fatal(err)
			}
			w.sends("09130000005")
			w.lives(w.told(w.group, "sent, no word"))
			w.bridge.kill()
			w.arrived()
			m, err := w.says(w.group, "sent, no word")
			if err == nil {
				err = w.tg.Delete(w.group, m.ID)
			}
			if err != nil {
				w.Fatal(err)
			}
			if !w.panel.SetStatus(w.panel.Sent()[0].ID, 4) {
				w.Fatal("no such SMS")
			}
			if again := w.rests().reports("delivered."); again.ID == m.ID || again.Deleted {
				w.Errorf("the report stands in %+v", again)
			}
		},
	})
}

// TestR1SIGTERM ends the bridge while the panel holds a call; once more while it still waits for it.
func TestR1SIGTERM(t *testing.T) {
	for _, method := range []string{"GetMsg", "SendSMS"} {
		for _, signals := range []int{1, 2} {
			t.Run(fmt.Sprintf("%s %d", method, signals), func(t *testing.T) {
				w := newRow(t)
				w.onlySMS()
				held, release := make(chan struct{}), make(chan struct{})
				ending := make(chan struct{})
				began := false // of the call that is held
				w.panel.OnCall(func(c panel.Call) {
					w.mu.Lock()
					hold := !began && c.Method == method && c.Stage == panel.CarriedOut
					began = began || hold
					w.mu.Unlock()
					if hold {
						close(held)
						<-release
					}
					w.called("panel", c.Method, string(c.Stage))
				})
				w.sends(receiver) // an update: the bridge confirms it when it ends
				w.receives(1)
				if method == "SendSMS" {
					w.lives(w.told(w.group, "«end0»"))
				} else {
					w.start()
				}
				<-held
				ctx, cancel := context.WithTimeout(context.Background(), patience)
				defer cancel()
				if err := w.tg.WaitConfirmed(ctx); err != nil {
					t.Fatal(err)
				}
				w.tg.OnCall(func(stage telegram.Stage, method string, _ int64) {
					if method == "getUpdates" && stage == telegram.AfterHandling {
						select {
						case <-ending:
						default:
							close(ending)
						}
					}
					w.called("telegram", method, string(stage))
				})
				process := w.bridge.cmd.Process
				process.Signal(syscall.SIGTERM)
				<-ending
				fetches := w.asked("GetMsg")
				if signals == 2 {
					process.Signal(syscall.SIGTERM)
					<-w.bridge.gone
				}
				close(release)
				<-w.bridge.gone
				if code := w.bridge.state.ExitCode(); code != signals-1 {
					t.Fatalf("the bridge ends with %d:\n%s", code, logTail(w.dir, 20))
				}
				if n := w.asked("GetMsg"); method == "SendSMS" && n > fetches+1 || method == "GetMsg" && n > fetches+1 {
					t.Errorf("the panel was asked for SMS %d times after the signal", n-fetches)
				}
				e := w.rests("I2")
				switch {
				case signals == 1:
					e.shownOnce()
					if method == "SendSMS" {
						e.sentOnce()
					}
				case method == "GetMsg":
					if len(e.missing()) != 1 || len(e.incidents) != 2 {
						t.Errorf("%d SMS missing, told in %d messages, want 1 and 2", len(e.missing()), len(e.incidents))
					}
				default:
					e.uncertain(1, 1)
				}
			})
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

func TestR2BackupRestored(t *testing.T) {
	backUp := func(w *world) {
		if code, said := w.peyk("backup", "backup.db"); code != 0 {
			w.Fatalf("peyk backup: %d, %s", code, said)
		}
	}
	restore := func(w *world) {
		if code, said := w.peyk("restore", "backup.db"); code != 0 {
			w.Fatalf("peyk restore: %d, %s", code, said)
		}
	}
	each(t, map[string]func(*world){
		"an order": func(w *world) {
			w.sends(receiver)
			w.diesAt("send.queued", 1)
			backUp(w)
			w.rests().sentOnce()
			restore(w)
			e := w.rests("I6", "I7", "I8") // of what happened since, the store knows nothing
			if e.batches[0].Uncertain != 1 || w.asked("SendSMS") != 1 {
				w.Errorf("%d are uncertain, the panel was asked %d times; want 1 and 1", e.batches[0].Uncertain, w.asked("SendSMS"))
			}
		},
		"an SMS": func(w *world) {
			w.onlySMS()
			w.receives(1)
			w.diesAt("post.due", 1)
			backUp(w)
			w.rests()
			restore(w)
			e := w.rests("I2")
			again := 0
			for _, chat := range []int64{w.group, w.sara} {
				copies := e.copies(chat, 0)
				for _, c := range copies[1:] {
					again++
					if !c.repeated {
						w.Errorf("message %d of chat %d does not say that it may repeat", c.message, chat)
					}
				}
			}
			if again == 0 {
				w.Error("what the backup was to show is not shown again")
			}
		},
	})
}

func TestR4SecondProcess(t *testing.T) {
	each(t, map[string]func(*world){
		"on the same file": func(w *world) {
			w.receives(1)
			w.lives(w.told(w.group, "«end0»"))
			if code, said := w.peyk(); code != 1 || !strings.Contains(said, "another peyk is running on this file") {
				w.Errorf("the second one ends with %d, %s", code, said)
			}
			w.receives(1)
			w.goesOn(w.told(w.group, "«end1»")) // the first one does not mind
			if err := w.bridge.end(); err != nil {
				w.Fatal(err)
			}
			w.rests()
		},
		"with the same token": func(w *world) {
			w.lives(func() error {
				if n := w.given(); n > 0 {
					return fmt.Errorf("%d updates are not taken", n)
				}
				return nil
			})
			elsewhere := w.TempDir()
			second := exec.Command(program)
			second.Dir, second.Env = elsewhere, w.environ
			log, err := os.Create(filepath.Join(elsewhere, "log"))
			if err != nil {
				w.Fatal(err)
			}
			defer log.Close()
			second.Stderr = log
			began := time.Now()
			if err := second.Start(); err != nil {
				w.Fatal(err)
			}
			conflicts := func() (n int) {
				for _, c := range w.tg.Calls() {
					if c.Code == 409 {
						n++
					}
				}
				return n
			}
			w.goesOn(func() error {
				if n := conflicts(); n < 3 {
					return fmt.Errorf("%d conflicts", n)
				}
				return nil
			})
			took := time.Since(began)
			second.Process.Kill()
			second.Wait()
			// Each pauses longer every time: half a second, one, two.
			if took < 500*time.Millisecond {
				w.Errorf("three conflicts in %v", took)
			}
			said := logTail(w.dir, 1000) + logTail(elsewhere, 1000)
			if !strings.Contains(said, "another program uses this bot's token") {
				w.Errorf("nobody says why:\n%s", said)
			}
			w.sends(receiver)
			w.goesOn(w.told(w.group, "delivered."))
			if err := w.bridge.end(); err != nil {
				w.Fatal(err)
			}
			w.rests().sentOnce()
		},
	})
}

// TestR5KilledInAMigration makes the file, which is a migration of an empty one, in several attempts. Of older files package store tells.
func TestR5KilledInAMigration(t *testing.T) {
	w := newRow(t)
	w.receives(1)
	w.diesAt("open.migrating", 1)
	w.diesAt("open.migrated", 1)
	w.diesAt("open.settled", 1)
	w.rests().shownOnce()
}
