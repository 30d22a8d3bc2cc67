package bridge_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"peyk/sandbox/panel"
	"peyk/sandbox/telegram"
	"peyk/sms"
	"peyk/store"
)

func TestBacklogIsShownAtThePaceTelegramAllows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		var want []string
		for i := range 100 {
			want = append(want, fmt.Sprintf("sms %03d <&> %s", i, strings.Repeat("ش", i)))
			w.panel.Receive(fmt.Sprintf("0912000%04d", i%7), "30001234", want[i])
		}
		w.start()
		w.sees(w.group, "sms 099")
		if got := w.texts(w.group); !slices.Equal(got, want) {
			t.Errorf("shown %d SMS, want %d in order: %.300q", len(got), len(want), got)
		}
		if n := w.tg.Throttled(); n != 0 {
			t.Errorf("Telegram said 429 %d times", n)
		}
		if n := len(w.fromBot(w.group)); n > 20 {
			t.Errorf("%d SMS took %d messages", len(want), n)
		}
	})
}

func TestCommandIsAnsweredAheadOfTheBacklog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		for i := range 1000 {
			w.panel.Receive(fmt.Sprintf("0912000%04d", i), "30001234", strings.Repeat("طولانی ", 80))
		}
		w.start()
		w.sees(w.group, "#s1")
		if behind := w.answeredBehind(); behind > 2 {
			t.Errorf("answered behind %d messages", behind)
		}
	})
}

// answeredBehind has Ali write a command in the group and returns behind how many messages it is answered that came after the bridge had
// taken it: how long it takes to, and what is shown meanwhile, is the disk's affair.
func (w *world) answeredBehind() int {
	w.Helper()
	id := w.agentSays("/id")
	if err := w.tg.WaitConfirmed(w.context()); err != nil {
		w.Fatalf("the command is not taken: %v", err)
	}
	before := len(w.fromBot(w.group))
	answer, err := w.tg.WaitMessage(w.context(), w.group, func(m telegram.Message) bool { return m.FromBot && m.ReplyTo == id })
	if err != nil {
		w.Fatalf("the command is not answered: %v", err)
	}
	return slices.IndexFunc(w.fromBot(w.group), func(m telegram.Message) bool { return m.ID == answer.ID }) - before
}

func TestReplyToADigestFindsItsCustomer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		for i := range 30 {
			w.panel.Receive(fmt.Sprintf("0912000%04d", i), "30001234", fmt.Sprintf("question %02d\n📩 09129999999 → 30001234 · 10:00 · #s1", i))
		}
		w.start()
		digest := w.sees(w.group, "30 SMS.", "question 29")
		w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "to whom?", ReplyTo: digest.ID})
		w.sees(w.group, "several customers", "nothing was sent")
		w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "#s8", ReplyTo: digest.ID})
		w.sees(w.group, "There is no text")
		// By the id at the beginning.
		w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "#s8 by id", ReplyTo: digest.ID})
		if sent := w.sent(1)[0]; sent.Customer != "09120000007" || sent.Text != "by id" {
			t.Errorf("sent %+v", sent)
		}
		// By a quote, of the words or of the head.
		for i, quote := range []string{"question 12", "09120000017"} {
			at := len([]rune(digest.Text[:strings.Index(digest.Text, quote)])) + strings.Count(digest.Text[:strings.Index(digest.Text, quote)], "📩")
			raw := fmt.Sprintf(`{"message":{"message_id":%d,"date":1,"chat":{"id":%d,"type":"supergroup"},"from":{"id":%d,"first_name":"Ali"},"text":"by quote",
			"quote":{"text":%q,"position":%d},"reply_to_message":%s}}`, 9000+i, w.group, w.ali, quote, at, wire(w, digest))
			w.gives(raw)
		}
		sent := w.sent(3)
		customers := []string{sent[1].Customer, sent[2].Customer}
		slices.Sort(customers)
		if want := []string{"09120000012", "09120000017"}; !slices.Equal(customers, want) {
			t.Errorf("sent to %q, want %q", customers, want)
		}
	})
}

// wire writes a message of the bot's as Telegram shows it in a reply to it.
func wire(w *world, m telegram.Message) string {
	var entities []string
	for _, e := range m.Entities {
		entities = append(entities, fmt.Sprintf(`{"type":%q,"offset":%d,"length":%d}`, e.Type, e.Offset, e.Length))
	}
	return fmt.Sprintf(`{"message_id":%d,"date":1,"chat":{"id":%d,"type":"supergroup"},"from":{"id":%d,"is_bot":true,"first_name":"Peyk"},"text":%q,"entities":[%s]}`,
		m.ID, m.Chat, w.tg.Bot().ID, m.Text, strings.Join(entities, ","))
}

func TestInterruptedDigestIsRepeatedAsItWas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		for i := range 30 {
			w.panel.Receive(fmt.Sprintf("0912000%04d", i), "30001234", fmt.Sprintf("question %02d", i))
		}
		if err := w.tg.Arm(telegram.Fault{Method: "sendMessage", Kind: telegram.CloseAfter}); err != nil {
			t.Fatal(err)
		}
		w.start()
		again := w.sees(w.group, "perhaps repeated", "question 29")
		posted := w.fromBot(w.group)
		if len(posted) != 2 || posted[1].ID != again.ID {
			t.Fatalf("posted %d messages, want the digest and its repetition", len(posted))
		}
		// The copy whose id the bridge never learned can be answered, too.
		w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "#s3 to the first copy", ReplyTo: posted[0].ID})
		if sent := w.sent(1)[0]; sent.Customer != "09120000002" {
			t.Errorf("sent %+v", sent)
		}
	})
}

func TestRefusedDigestThatMayBeThereIsRepeatedOneByOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		const n = 30
		for i := range n {
			w.panel.Receive(fmt.Sprintf("0912000%04d", i), "30001234", fmt.Sprintf("question %02d", i))
		}
		for _, f := range []telegram.Fault{
			{Method: "sendMessage", Kind: telegram.CloseAfter},
			{Method: "sendMessage", Kind: telegram.Refuse, Code: 400, Times: 2, Description: "Bad Request: MESSAGE_UNPLEASANT"},
		} {
			if err := w.tg.Arm(f); err != nil {
				t.Fatal(err)
			}
		}
		w.start()
		w.sees(w.group, "perhaps repeated", fmt.Sprintf("question %02d", n-1))
		for i := range n {
			question := fmt.Sprintf("question %02d", i)
			shown := slices.DeleteFunc(w.fromBot(w.group), func(m telegram.Message) bool { return !strings.Contains(m.Text, question) })
			if len(shown) != 2 || !strings.Contains(shown[1].Text, "perhaps repeated") {
				t.Errorf("%s is shown %d times:\n%s", question, len(shown), w.transcript(w.group))
				break
			}
		}
	})
}

func TestSecondChatsFloodHoldsAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		other := w.tg.AddSupergroup("Other", w.sara, w.tg.Bot().ID)
		w.storeOpts.Inbox = append(w.storeOpts.Inbox, sms.ChatID(other))
		for _, chat := range []int64{w.group, other} {
			if err := w.tg.Arm(telegram.Fault{Method: "sendMessage", Chat: chat, Kind: telegram.TooMany, RetryAfter: 2}); err != nil {
				t.Fatal(err)
			}
		}
		w.start()
		w.panel.Receive("09121111111", "30001234", "to both")
		w.logged("chat=" + fmt.Sprint(other) + " seconds=2")
		w.logged("chat=" + fmt.Sprint(w.group) + " seconds=2")
		w.quiet() // a third chat waits, too
		w.end()   // a message can be seen before its call is counted
		var asked, posted time.Time
		for _, c := range w.tg.Calls() {
			switch {
			case c.Fault == telegram.TooMany:
				asked = c.At
			case c.Method == "sendMessage" && c.Chat == w.ali:
				posted = c.At
			}
		}
		if waited := posted.Sub(asked); waited < 2*time.Second {
			t.Errorf("a third chat was posted to after %v", waited)
		}
	})
}

func TestRestartInAFloodKeepsToThePace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		for i := range 26 {
			w.panel.Receive("09121111111", "30001234", fmt.Sprintf("sms %02d %s", i, strings.Repeat("بلند ", 700)))
		}
		w.start()
		w.sees(w.group, "sms 18")
		w.end()
		w.start()
		w.sees(w.group, "sms 25")
		if n := w.tg.Throttled(); n != 0 {
			t.Errorf("Telegram said 429 %d times", n)
		}
	})
}

func TestRestartRemembersWhatTelegramMayHaveTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		for i := range 26 {
			w.panel.Receive("09121111111", "30001234", fmt.Sprintf("sms %02d %s", i, strings.Repeat("بلند ", 700)))
		}
		if err := w.tg.Arm(telegram.Fault{Method: "sendMessage", Chat: w.group, Kind: telegram.CloseAfter}); err != nil {
			t.Fatal(err)
		}
		w.start()
		w.sees(w.group, "sms 18") // the twentieth message, as the first one is there twice
		w.end()
		w.start()
		w.sees(w.group, "sms 25")
		if n := w.tg.Throttled(); n != 0 {
			t.Errorf("Telegram said 429 %d times", n)
		}
	})
}

func TestRestartRemembersThatTelegramAskedForPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		const asked = 2 // seconds
		if err := w.tg.Arm(telegram.Fault{Method: "sendMessage", Chat: w.group, Kind: telegram.TooMany, RetryAfter: asked}); err != nil {
			t.Fatal(err)
		}
		w.panel.Receive("09121111111", "30001234", "held")
		w.start()
		w.logged("chat=" + fmt.Sprint(w.group) + " seconds=2")
		w.end()
		w.start()
		w.sees(w.group, "held")
		w.end() // a message can be seen before its call is counted
		var posted []time.Time
		for _, c := range w.tg.Calls() {
			if c.Method == "sendMessage" && c.Chat == w.group {
				posted = append(posted, c.At)
			}
		}
		if len(posted) != 2 || posted[1].Sub(posted[0]) < asked*time.Second {
			t.Errorf("Telegram asked for %d seconds, and was called at %v", asked, posted)
		}
	})
}

// TestEverySMSOfADigestStandsInABlock has very short ones come, of which very many would fit: Telegram keeps a hundred marks in a message.
func TestEverySMSOfADigestStandsInABlock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		var want []string
		for i := range 200 {
			want = append(want, fmt.Sprint(i))
			w.panel.Receive(fmt.Sprintf("0912000%04d", i), "30001234", want[i])
		}
		w.start()
		w.sees(w.group, "\n199")
		if got := w.texts(w.group); !slices.Equal(got, want) {
			t.Errorf("%d SMS stand in blocks, want %d", len(got), len(want))
		}
	})
}

// TestAClockThatWasAheadHoldsNoChatUp has a process before this one post by a clock that was put back since.
func TestAClockThatWasAheadHoldsNoChatUp(t *testing.T) {
	for name, test := range map[string]struct {
		ahead  time.Duration
		before func(st *store.Store, group sms.ChatID) error
	}{
		"it ended": {3 * time.Hour, func(*store.Store, sms.ChatID) error { return nil }},
		"it posted": {3 * time.Hour, func(st *store.Store, group sms.ChatID) error {
			return st.Posted(store.Post{Chat: group}, 1, false)
		}},
		"it was asked for patience": {10 * 365 * 24 * time.Hour, func(st *store.Store, group sms.ChatID) error {
			return st.HoldChat(group, 30*time.Second)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, telegram.Options{}, panel.Options{})
				opts, ahead := w.storeOpts, time.Now().Add(test.ahead)
				opts.Now = func() time.Time { return ahead }
				st, err := store.Open(w.path, opts)
				if err != nil {
					t.Fatal(err)
				}
				if err := errors.Join(test.before(st, sms.ChatID(w.group)), st.Close()); err != nil {
					t.Fatal(err)
				}
				w.panel.Receive("09121234567", "30001234", "hello")
				w.start()
				w.sees(w.group, "hello")
			})
		})
	}
}

// TestEditsKeepToThePace has a team decide on more questions at once than Telegram takes edits of in a minute, while a customer writes:
// all that waits for a bridge that starts, so that it does not depend on how quickly the team's buttons are answered.
func TestEditsKeepToThePace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		w.start()
		const questions = 20
		var asked []telegram.Message
		for range questions {
			order := w.agentSays("/send 09121111111,09122222222 hi")
			m, err := w.tg.WaitMessage(w.context(), w.group, func(m telegram.Message) bool { return m.FromBot && m.ReplyTo == order && len(m.Buttons) > 0 })
			if err != nil {
				t.Fatal(err)
			}
			asked = append(asked, m)
		}
		w.end()
		for _, m := range asked {
			if _, err := w.tg.Press(w.ali, w.group, m.ID, m.Buttons[0][1].Data); err != nil {
				t.Fatal(err)
			}
		}
		w.panel.Receive("09122222222", "30001234", "another one")
		w.start()
		shown := w.sees(w.group, "another one")
		cancelled := func() (n, before int) {
			for _, m := range w.fromBot(w.group) {
				if strings.Contains(m.Text, "cancelled by") {
					n++
					if m.History[0].Until.Before(shown.Date) {
						before++
					}
				}
			}
			return n, before
		}
		_, err := w.tg.WaitMessage(w.context(), w.group, func(telegram.Message) bool { n, _ := cancelled(); return n == questions })
		if err != nil {
			t.Fatal(err)
		}
		if _, before := cancelled(); before == questions {
			t.Errorf("the SMS is shown behind %d edits", before)
		}
		if n := w.tg.Throttled(); n != 0 {
			t.Errorf("Telegram said 429 %d times", n)
		}
	})
}
