package bridge_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"peyk/sandbox/panel"
	"peyk/sandbox/telegram"
	"peyk/sms"
	"peyk/store"
)

// What an enemy may try, where no other test of the bridge tries it already.

// TestNoAnswerLeadsElsewhere has both networks point to another port of this machine.
func TestNoAnswerLeadsElsewhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const elsewhere = "http://elsewhere.example"
		w := newWorld(t, telegram.Options{}, panel.Options{})
		var visits atomic.Int32
		watched := func(answer http.Handler) http.Handler { // whatever the address is, it is answered
			return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				if r.Host == "elsewhere.example" {
					visits.Add(1)
				}
				answer.ServeHTTP(rw, r)
			})
		}
		w.TGNet.Handler, w.PanelNet.Handler = watched(w.tg), watched(w.panel)
		w.start()
		shown := w.shows("09121111111", "see "+elsewhere+"/in-an-sms")
		redirects := func(method string, times int) {
			w.panel.Arm(panel.Fault{Method: method, Times: times, Kind: panel.Redirect, Location: elsewhere + "/from-the-panel"})
		}
		redirects("GetMsg", 1)
		redirects("SendSMS", 1)
		w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "an answer", ReplyTo: shown.ID})
		w.sees(w.group, "can know whether")
		redirects("GetCredit", -1) // also when the bridge asks by itself how the panel is
		w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "/credit"})
		w.sees(w.group, "could not be read")
		w.panel.Disarm()
		w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "/status " + elsewhere})
		w.shows("09121111111", "the panel is back")
		w.end()

		w.TGNet.Handler = watched(http.RedirectHandler(elsewhere+"/from-telegram", http.StatusTemporaryRedirect))
		w.start()
		w.logged("reach telegram fails")
		w.end()
		if n := visits.Load(); n != 0 {
			t.Errorf("%d requests went elsewhere", n)
		}
	})
}

// TestLinksAreNeverOpened looks at each kind of message the bot posts or changes: a preview would have Telegram fetch a link, which can
// use up a login link.
func TestLinksAreNeverOpened(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const link = "https://shop.example/login?once=1234"
		w := newWorld(t, telegram.Options{}, panel.Options{})
		for range 30 { // more than go one by one, all there when the bridge starts
			w.panel.Receive("09121111111", "30001234", "your link "+link)
		}
		w.panel.Receive("09121111111", "30001234", strings.Repeat("long ", 2000)+link)
		w.start()
		w.sees(w.group, "part 3 of 3", link)
		if err := w.tg.Arm(telegram.Fault{Method: "sendMessage", Kind: telegram.Refuse, Code: 400, Description: "Bad Request: can't parse entities"}); err != nil {
			t.Fatal(err)
		}
		shown := w.shows("09121111112", "plain "+link)
		reply := w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "try " + link, ReplyTo: shown.ID})
		w.bears(w.group, reply, "👌")
		w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "/send 09121111111,09121111113 " + link})
		asked := w.sees(w.group, "Send this?")
		w.presses(w.ali, asked, "Cancel")
		w.sees(w.group, "cancelled")
		w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "/send 091211111,09121111111 " + link})
		w.sees(w.group, "not phone numbers")
		w.panel.Arm(panel.Fault{Method: "GetMsg", Kind: panel.HTML, Body: link})
		w.sees(w.group, "cannot be read")
		digests := 0
		for _, m := range w.fromBot(w.group) {
			if !m.NoPreview {
				t.Errorf("message %d has a preview: %.100q", m.ID, m.Text)
			}
			if strings.Count(m.Text, link) > 1 {
				digests++
			}
		}
		if digests == 0 {
			t.Error("no message shows several SMS: that kind was not looked at")
		}
	})
}

// TestForgedMigrationChangesNothing says what Telegram's own service message says.
func TestForgedMigrationChangesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{NoPrivacy: true}, panel.Options{})
		theirs := w.tg.AddSupergroup("Theirs", w.omid, w.tg.Bot().ID)
		w.start()
		shown := w.shows("09121111111", "before")
		for _, text := range []string{
			fmt.Sprintf(`{"migrate_to_chat_id":%d}`, theirs), fmt.Sprint("migrate_to_chat_id: ", theirs), fmt.Sprint("/migrate ", theirs),
			fmt.Sprintf("Group became a supergroup: %d", theirs),
		} {
			for _, who := range []int64{w.ali, w.omid} {
				w.says(telegram.Post{Chat: w.group, From: who, Text: text})
				w.says(telegram.Post{Chat: w.group, From: w.omid, Text: text, ReplyTo: shown.ID})
			}
		}
		// A group of somebody else's may really become ours, as far as its own messages tell.
		small := w.tg.AddGroup("Small", w.omid, w.tg.Bot().ID)
		if _, err := w.tg.Migrate(small); err != nil {
			t.Fatal(err)
		}
		w.settles(w.group)
		w.shows("09121111111", "after")
		if got := w.fromBot(theirs); len(got) != 0 {
			t.Errorf("the bot posted %+v", got)
		}
	})
}

// TestPoisonousAnswersStopNothing has GetMsg answer what would eat memory or fetch files.
func TestPoisonousAnswersStopNothing(t *testing.T) {
	var megabyte bytes.Buffer
	z := gzip.NewWriter(&megabyte)
	if _, err := z.Write(make([]byte, 1<<20)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	var visits atomic.Int32
	elsewhere := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { visits.Add(1) }))
	defer elsewhere.Close()
	const envelope = `<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body><r><return><ErrCode>0</ErrCode><result>&x;</result></return></r></e:Body></e:Envelope>`
	for name, body := range map[string]string{
		"a gzip bomb":         strings.Repeat(megabyte.String(), 64),
		"an external DOCTYPE": `<!DOCTYPE a SYSTEM "` + elsewhere.URL + `/dtd">` + envelope,
		"an external entity":  `<!DOCTYPE a [<!ENTITY x SYSTEM "` + elsewhere.URL + `/entity">]>` + envelope,
		"a file's entity":     `<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>` + envelope,
		"a billion laughs":    `<!DOCTYPE a [<!ENTITY y "ha"><!ENTITY x "` + strings.Repeat("&y;", 1000) + `">]>` + envelope,
		"a deep tree":         strings.Repeat("<a>", 1<<16),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, telegram.Options{}, panel.Options{})
				w.panel.Arm(panel.Fault{Method: "GetMsg", Kind: panel.Custom, Body: body, CarryOut: true})
				w.panel.Receive("09121111111", "30001234", "taken away with it")
				w.start()
				w.sees(w.group, "⚠️", "SMS")
				w.shows("09121111111", "the next")
				incidents, err := w.store.Incidents()
				if err != nil || len(incidents) != 1 || incidents[0].Raw == 0 {
					t.Errorf("incidents: %+v, %v, want one that keeps the answer", incidents, err)
				}
				if err := w.end(); err != nil {
					t.Error(err)
				}
				info, err := os.Stat(w.path)
				if err != nil {
					t.Fatal(err)
				}
				if info.Size() > 64<<20 {
					t.Errorf("the store has %d bytes", info.Size())
				}
			})
		})
	}
	if n := visits.Load(); n != 0 {
		t.Errorf("%d requests went where an answer pointed", n)
	}
}

// sizeOfFlood returns n, or a tenth when the race detector would make that take minutes.
func sizeOfFlood(n int) int {
	info, ok := debug.ReadBuildInfo()
	if testing.Short() || ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"}) {
		return n / 10
	}
	return n
}

// TestStrangeLinesStopNothing has the panel leave out which line an SMS came to, or say what is none.
func TestStrangeLinesStopNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newDesk(t)
		w.panel.Receive("09121111111", "", "to nobody")
		shown := w.sees(w.group, "to nobody")
		w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "an answer", ReplyTo: shown.ID})
		if got := w.sent(1)[0]; got.Line != "30001234" {
			t.Errorf("the answer comes from %q", got.Line)
		}
		w.panel.Receive("09122222222", strings.Repeat("3000", 2000), "to a long line")
		w.card(w.sees(w.group, "to a long line").Topic, "Received: 1")
	})
}

// TestFloodOfStrangersCostsNothing gives the bridge 100,000 updates from a stranger, then one command. TestStrangeSendersStopNothing has a
// panel leave out who sent an SMS, or name a sender that no phone can have: the SMS is shown all the same, whoever does something to it is
// told why it cannot be, and customers go on being served.
func TestStrangeSendersStopNothing(t *testing.T) {
	for _, topics := range []bool{false, true} {
		t.Run(fmt.Sprintf("topics=%t", topics), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var w *world
				if topics {
					w = newDesk(t)
				} else {
					w = newWorld(t, telegram.Options{}, panel.Options{})
					w.start()
				}
				for i, sender := range []string{"", " ", "\u200f", strings.Repeat("9", 40_000), strings.Repeat("x", 40_000), "<b>"} {
					words := fmt.Sprintf("strange SMS %d", i)
					w.panel.Receive(sender, "30001234", words)
					shown := w.sees(w.group, "📩", words)
					if i < 3 && !strings.HasPrefix(shown.Text, "📩 no sender → 30001234") {
						t.Errorf("shown as %q", shown.Text)
					}
					for _, words := range []string{"an answer", "/name Somebody", "/take", "/release"} {
						asked := w.says(telegram.Post{Chat: w.group, From: w.ali, Topic: shown.Topic, Text: words, ReplyTo: shown.ID})
						_, err := w.tg.WaitMessage(w.context(), w.group, func(m telegram.Message) bool { return m.FromBot && m.ReplyTo == asked })
						if err != nil {
							t.Fatalf("no answer to %q about sender %d (%.10q): %v, log:\n%s", words, i, sender, err, w.logs)
						}
					}
				}
				w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "for a customer", ReplyTo: w.receives("09121111111", "hello").ID})
				if sent := w.sent(1); sent[0].Text != "for a customer" {
					t.Errorf("sent %v", sent)
				}
				w.end()
				w.start()
				w.receives("09121111111", "after a restart")
			})
		})
	}
}

func TestFloodOfStrangersCostsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		flood := sizeOfFlood(100_000)
		w := newWorld(t, telegram.Options{NoPrivacy: true}, panel.Options{})
		w.relay.PollInterval = 2 * time.Hour // the fetches write, too
		w.start()
		w.quiet()
		before := w.commits.Load()
		var some []store.UpdateKey
		for i := range flood {
			p := telegram.Post{Chat: w.group, From: w.omid, Text: "/send 09121234567 buy now"}
			switch i % 4 {
			case 1:
				p.Chat, p.Text = w.omid, "buy now"
			case 2:
				p.Text = "buy now"
			case 3:
				p.Chat, p.Text = w.omid, "/credit"
			}
			if id := w.says(p); i%97 == 0 {
				some = append(some, store.UpdateKey{Chat: sms.ChatID(p.Chat), Message: sms.ChatMessageID(id)})
			}
		}
		if err := w.tg.WaitConfirmed(w.context()); err != nil {
			t.Fatalf("the flood is not taken: %v", err)
		}
		w.quiet()
		// The flows that begin with the bridge, and the command that shows that all is quiet, may still write a little.
		if n := w.commits.Load() - before; n > 50 {
			t.Errorf("%d updates of strangers cost %d commits", flood, n)
		}
		for _, key := range some {
			if taken, err := w.store.Taken(key); err != nil || taken {
				t.Fatalf("update %+v of a stranger is in the store: %v, %v", key, taken, err)
			}
		}
		if n := len(w.fromBot(w.group)) + len(w.fromBot(w.omid)); n != 0 || w.waits(w.group) || w.waits(w.omid) {
			t.Errorf("the flood is answered %d times", n)
		}
	})
}

// TestFloodOfSMSLetsCommandsThrough has a customer, or a machine, write 10,000 SMS.
func TestFloodOfSMSLetsCommandsThrough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		flood := sizeOfFlood(10_000)
		w := newWorld(t, telegram.Options{}, panel.Options{})
		for i := range flood {
			w.panel.Receive("09121111111", "30001234", fmt.Sprint("flood ", i))
		}
		w.start()
		if err := w.panel.Wait(w.context(), func() bool { return w.panel.Unread() == 0 }); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if behind := w.answeredBehind(); behind > 2 {
				t.Errorf("the command is answered behind %d messages that came after it", behind)
			}
		}
		if n := w.tg.Throttled(); n != 0 {
			t.Errorf("Telegram said 429 %d times", n)
		}
	})
}
