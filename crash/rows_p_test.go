package crash

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"peyk/internal/play"
	"peyk/sandbox/telegram"
	"peyk/store"
)

func TestP1BeforeTheCall(t *testing.T) {
	w := newRow(t)
	w.onlySMS()
	w.receives(3)
	w.diesAt("post.due", 1)
	if n := len(w.look().copies(w.Group, 0)) + len(w.look().copies(w.Sara, 0)); n > 1 {
		t.Errorf("the SMS is shown %d times before the call", n)
	}
	w.rests("I2") // the other chat may show a copy
}

func TestP2AcceptedNotCommitted(t *testing.T) {
	// I2 looks for the word that a copy may be one; that the second copy exists and both can be answered is looked for here.
	check := func(w *world) {
		e := w.rests()
		chat := w.Group
		copies := e.copies(chat, 0)
		if len(copies) < 2 {
			chat = w.Sara
			copies = e.copies(chat, 0)
		}
		if len(copies) != 2 || copies[0].Repeated || !copies[1].Repeated {
			w.Fatalf("the SMS is shown %+v, want twice, the second time perhaps repeated", copies)
		}
		for _, c := range copies {
			w.replies(chat, c)
		}
		w.lives(func() error {
			if n := w.Panel.SentCount(); n < 2 {
				return fmt.Errorf("%d of 2 replies were sent", n)
			}
			return nil
		})
		if err := w.bridge.end(); err != nil {
			w.Fatal(err)
		}
		w.rests()
		for _, s := range w.Panel.Sent() {
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
			if err := w.TG.Arm(telegram.Fault{Method: "sendMessage", Chat: w.Group, Kind: telegram.CloseAfter}); err != nil {
				w.Fatal(err)
			}
			w.receives(1)
			check(w)
		},
	})
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
			f.Method, f.Chat = "sendMessage", w.Group
			if err := w.TG.Arm(f); err != nil {
				t.Fatal(err)
			}
			w.receives(3)
			w.lives(w.told(w.Group, "«end2»"))
			if err := w.bridge.end(); err != nil { // a message can be seen before its call is counted
				t.Fatal(err)
			}
			var calls []telegram.Call
			for _, c := range w.TG.Calls() {
				if c.Method == "sendMessage" && c.Chat == w.Group {
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
			if first := w.rests().Shown[w.Group][0].Mark; first != "«in0»" {
				t.Errorf("%s is shown first", first)
			}
		})
	}
}

func TestP4RefusedForGood(t *testing.T) {
	each(t, map[string]func(*world){
		"thrown out of the group": func(w *world) {
			w.onlySMS()
			if err := w.TG.RemoveBot(w.Group, w.Sara); err != nil {
				w.Fatal(err)
			}
			w.receives(2)
			w.lives(w.told(w.Sara, "can no longer write to the chat"))
			w.bridge.kill()
			w.lives(w.told(w.Sara, "«in1»"))
			w.bridge.kill()
			if err := w.TG.AddBot(w.Group, w.Sara); err != nil {
				w.Fatal(err)
			}
			w.rests() // I2: shown there, too
		},
		"one message refused": func(w *world) {
			w.onlySMS()
			if err := w.TG.Arm(telegram.Fault{Method: "sendMessage", Chat: w.Group, Kind: telegram.Refuse, Times: 3, Code: 400, Description: "Bad Request: MESSAGE_ODD"}); err != nil {
				w.Fatal(err)
			}
			w.receives(1)
			w.lives(w.told(w.Sara, "MESSAGE_ODD"))
			w.bridge.kill()
			w.receives(1)
			e := w.rests("I2") // the refused one is not there
			if before, after := len(e.copies(w.Group, 0)), len(e.copies(w.Group, 1)); before != 0 || after != 1 {
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
			old := w.TG.AddGroup("Small", w.Sara, w.Ali, w.TG.Bot().ID)
			w.Group = old
			w.onlySMS()
			w.receives(2)
			w.TG.SetDown(true) // none is shown before
			w.diesAt("fetch.stored", 1)
			w.TG.SetDown(false)
			super, err := w.TG.Migrate(old)
			if err != nil {
				t.Fatal(err)
			}
			w.diesAt(at, 1)
			w.Group = super
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
			topics := map[int]int{}                                   // messages of the bot in each
			for round := 0; len(topics) == 0 && round < 20; round++ { // where the machine was slow, they waited too long to be shown but outside: then the next gets the topic
				for _, m := range w.rests("I2", "I12").Messages[w.Group] {
					if m.Topic != 0 && m.Service == "" {
						topics[m.Topic]++
					}
				}
				if len(topics) == 0 {
					w.receives(1)
				}
			}
			made := 0
			for _, chat := range w.TG.Chats() {
				if chat.ID == w.Group {
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
			if err := w.TG.Arm(telegram.Fault{Method: "sendMessage", Chat: w.Group, Kind: telegram.Refuse, Times: 3, Code: 400, Description: "Bad Request: MESSAGE_ODD"}); err != nil {
				w.Fatal(err)
			}
			w.receives(1)
			w.diesAt(c.point, 1)
			const words = "refuses to show this SMS"
			if err := w.told(w.Group, words)(); (err == nil) != (c.notices == 2) {
				w.Errorf("killed at %s: %v", c.point, err)
			}
			w.receives(1) // nothing is held up
			w.lives(func() error {
				return errors.Join(w.told(w.Group, "«end2»")(), w.told(w.Sara, "MESSAGE_ODD")(), w.told(w.Sara, "«end1»")())
			})
			notices := slices.DeleteFunc(w.TG.Messages(w.Group), func(m telegram.Message) bool { return !m.FromBot || !strings.Contains(m.Text, words) })
			if len(notices) != c.notices {
				w.Fatalf("the notice stands there %d times, want %d", len(notices), c.notices)
			}
			e := w.look()
			for _, m := range notices {
				if !strings.Contains(m.Text, "MESSAGE_ODD") || !strings.Contains(m.Text, writer) || m.Topic != e.copies(w.Group, 0)[0].Topic {
					w.Errorf("the notice in topic %d does not say whose SMS it is, and why: %q", m.Topic, m.Text)
				}
			}
			if before, next := len(e.copies(w.Group, 1)), e.copies(w.Group, 2)[0]; before != 0 || next.Message < notices[len(notices)-1].ID {
				w.Errorf("the refused SMS is shown %d times; the next stands in message %d", before, next.Message)
			}
			for i, m := range notices { // the first one shows it, whichever of them that is
				ctx, cancel := context.WithTimeout(context.Background(), patience)
				a, err := w.pushes(w.Ali, m, "Show again").Wait(ctx)
				cancel()
				if again := strings.Contains(a.Text, "already shown again"); err != nil || again != (i > 0) || a.Alert != again {
					w.Errorf("[Show again] of notice %d is answered %+v, %v", i, a, err)
				}
				w.goesOn(w.told(w.Group, "«end1»"))
			}
			for _, m := range notices {
				w.replies(w.Group, play.Sighting{Mark: "«in1»", Message: m.ID})
			}
			w.goesOn(func() error {
				if n := w.Panel.SentCount(); n < len(notices) {
					return fmt.Errorf("%d of %d replies were sent", n, len(notices))
				}
				return nil
			})
			if err := w.bridge.end(); err != nil {
				w.Fatal(err)
			}
			e = w.rests("I3") // what is shown again stands where it was asked for
			// Whether a loss is told of is I1's: a fetch may have been in flight when the bridge was killed.
			if n := len(e.copies(w.Group, 1)); n != 1 || len(e.Missing()) != 0 {
				w.Errorf("the refused SMS is shown %d times, %d SMS are missing; want 1 and 0", n, len(e.Missing()))
			}
			told := 0
			for _, m := range e.Messages[w.Sara] {
				told += strings.Count(m.Text, "MESSAGE_ODD")
			}
			if told != 1 {
				w.Errorf("the admin is told %d times", told)
			}
			for _, s := range w.Panel.Sent() {
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
