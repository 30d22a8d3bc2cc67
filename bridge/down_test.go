package bridge_test

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"peyk/sandbox/panel"
	"peyk/sandbox/telegram"
	"peyk/sms"
	"peyk/smsapi"
	"peyk/store"
)

const (
	waitsForLogin = "⏳ not sent yet: the panel refuses our login"
	waitsForPanel = "⏳ not sent yet: the panel is down"
)

// hears lets Sara, the admin, hear what only admins are told.
func (w *world) hears() { w.says(telegram.Post{Chat: w.sara, From: w.sara, Text: "/start"}) }

// told returns how many messages of the bot's in a chat have words in them.
func (w *world) told(chat int64, words string) int {
	n := 0
	for _, m := range w.fromBot(chat) {
		if strings.Contains(m.Text, words) {
			n++
		}
	}
	return n
}

// under waits for the bot's answer to a message that has words in it.
func (w *world) under(order int, words ...string) telegram.Message {
	w.Helper()
	m, err := w.tg.WaitMessage(w.context(), w.group, func(m telegram.Message) bool {
		return m.FromBot && m.ReplyTo == order && containsAll(m.Text, words)
	})
	if err != nil {
		w.Fatalf("nothing under %d says %q: %v\n%s\nlog:\n%s", order, words, err, w.transcript(w.group), w.logs)
	}
	return m
}

func labels(m telegram.Message) string {
	var all []string
	for _, row := range m.Buttons {
		for _, b := range row {
			all = append(all, b.Text)
		}
	}
	return strings.Join(all, ", ")
}

// panelAsks waits until the panel has been asked this many more times.
func (w *world) panelAsks(more int) {
	w.Helper()
	before := len(w.panel.Requests())
	if err := w.panel.Wait(w.context(), func() bool { return len(w.panel.Requests()) >= before+more }); err != nil {
		w.Fatalf("the panel is not asked: %v\nlog:\n%s", err, w.logs)
	}
}

// TestOrdersWaitWhileTheLoginIsRefused has replies, /send and orders to many come before and after it is known, in the ways a panel refuses
// a login: none is given up, all say why and can be cancelled, and all go out once when it works again.
func TestOrdersWaitWhileTheLoginIsRefused(t *testing.T) {
	for _, tc := range []struct {
		name          string
		refuse, admit func(w *world)
		restart       bool
	}{
		{"everything", func(w *world) { w.panel.SetPassword("another") }, func(w *world) { w.panel.SetPassword("demo-pass") }, false},
		{"everything, over a restart", func(w *world) { w.panel.SetPassword("another") }, func(w *world) { w.panel.SetPassword("demo-pass") }, true},
		{"sends alone", func(w *world) {
			w.panel.Arm(panel.Fault{Method: "SendSMS", Kind: panel.ErrCode, Code: -1, Times: -1})
		}, func(w *world) { w.panel.Disarm() }, false},
		{"a bare code, without words", func(w *world) {
			w.panel.Arm(panel.Fault{Kind: panel.Custom, Body: answer("-1"), Times: -1})
		}, func(w *world) { w.panel.Disarm() }, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, telegram.Options{}, panel.Options{})
				w.hears()
				w.start()
				shown := w.shows("09121111111", "where is my order?")
				_, list := manyNumbers(61)
				w.agentSays("/send " + list + " to many")
				many := w.sees(w.group, "Send this?", "Credit")
				w.agentSays("/send 09129999999,09128888888 called off")
				off := w.sees(w.group, "Recipients: 2", "Credit")

				tc.refuse(w)
				reply := w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "on its way", ReplyTo: shown.ID})
				if m := w.under(reply, "To 09121111111: "+waitsForLogin, "administrators were told"); labels(m) != "Cancel" {
					t.Errorf("under what waits stands %q", labels(m))
				}
				alone := w.agentSays("/send 09122222222 alone")
				w.under(alone, waitsForLogin)
				w.presses(w.ali, many, "Send")
				w.sees(w.group, "To 61 recipients: 61 waiting", waitsForLogin)
				w.presses(w.ali, off, "Send")
				off = w.sees(w.group, "To 2 recipients: 2 waiting", waitsForLogin)
				if a := w.presses(w.ali, off, "Cancel"); a.Alert {
					t.Errorf("who calls it off is told %+v", a)
				}
				w.sees(w.group, "To 2 recipients: 🚫 cancelled by \u2068Ali\u2069")
				w.sees(w.sara, "refuses our user name or password")
				if strings.Contains(w.transcript(w.group), "کاربر شناسایی نشد") || strings.Contains(w.transcript(w.group), "❌") {
					t.Errorf("agents are told:\n%s", w.transcript(w.group))
				}
				if tc.restart {
					w.restart()
					w.panelAsks(3)
				}
				if n := w.panel.SentCount(); n != 0 {
					t.Fatalf("%d SMS were sent", n)
				}
				tc.admit(w)
				w.sent(63)
				w.sees(w.sara, "accepts our user name and password again")
				w.under(reply, "✔️ sent, no word from the phone")
				w.settles(w.group)
				w.quietAs(w.sara)
				if n := w.told(w.sara, "refuses our user name or password"); n != 1 {
					t.Errorf("the admin is told %d times", n)
				}
				if n := w.told(w.group, "user name"); n != 0 {
					t.Errorf("the group is told %d times of what is for admins", n)
				}
				w.sent(63)
			})
		})
	}
}

// TestWhatHasWaitedForAnHourAsks stops the bridge, or lets it run, while the panel refuses or is down, until it is well again after so
// long.
func TestWhatHasWaitedForAnHourAsks(t *testing.T) {
	refuses := func(w *world) { w.panel.SetPassword("another") }
	for _, tc := range []struct {
		name     string
		trouble  func(w *world)
		passes   time.Duration
		runs     bool // the bridge, meanwhile
		asks     bool
		decision string
	}{
		{"a password mended after 55 minutes", refuses, 55 * time.Minute, false, false, ""},
		{"a password mended after 61 minutes", refuses, 61 * time.Minute, false, true, "Send"},
		{"61 minutes, called off", refuses, 61 * time.Minute, true, true, "Cancel"},
		{"two days, nobody answers", refuses, 48 * time.Hour, false, true, ""},
		{"a panel out of reach for 3 hours", func(w *world) {
			w.PanelNet.Down()
		}, 3 * time.Hour, false, true, "Send"},
		{"a panel out of reach for 20 minutes", func(w *world) {
			w.PanelNet.Down()
		}, 20 * time.Minute, true, false, ""},
		{"a page for 61 minutes", func(w *world) { w.panel.Arm(panel.Fault{Kind: panel.HTML, Times: -1}) }, 61 * time.Minute, true, true, "Send"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, telegram.Options{}, panel.Options{})
				w.hears()
				w.start()
				w.settles(w.group)
				tc.trouble(w)
				if strings.Contains(tc.name, "page") {
					w.sees(w.sara, "Since", "answers make no sense")
				}
				order := w.agentSays("/send 09121111111 hello")
				w.under(order, "⏳ not sent yet")
				if !tc.runs {
					w.end()
				}
				time.Sleep(tc.passes)
				if !tc.runs {
					w.start()
					w.settles(w.group)
				}
				w.panel.Disarm()
				w.panel.SetPassword("demo-pass")
				w.PanelNet.Up()
				if !tc.asks {
					w.sent(1)
					w.under(order, "✔️ sent, no word from the phone")
					return
				}
				asked := w.under(order, "To 09121111111: ⏳ Send it now? It was not sent, and has waited for more than an hour")
				if labels(asked) != "Send, Cancel" {
					t.Errorf("asked with %q", labels(asked))
				}
				if a := w.presses(w.omid, asked, "Send"); !a.Alert {
					t.Errorf("the stranger is told %+v", a)
				}
				if n := len(w.sendRequests()); tc.name != "a page for 61 minutes" && w.panel.SentCount() != 0 {
					t.Fatalf("%d requests before anybody said so", n)
				}
				switch tc.decision {
				case "Send":
					w.presses(w.ali, asked, "Send")
					w.sent(1)
					w.under(order, "✔️ sent, no word from the phone")
				case "Cancel":
					w.presses(w.ali, asked, "Cancel")
					w.under(order, "🚫 cancelled")
				default:
					time.Sleep(16 * time.Minute)
					w.under(order, "⌛ nobody answered in time")
					if a := w.pressesData(w.ali, asked, asked.Buttons[0][0].Data); !a.Alert {
						t.Errorf("who is late is told %+v", a)
					}
				}
				if a := w.pressesData(w.ali, asked, asked.Buttons[0][1].Data); !a.Alert {
					t.Errorf("who presses [Cancel] afterwards is told %+v", a)
				}
				w.settles(w.group)
				if n := w.panel.SentCount(); n != 0 && tc.decision != "Send" || n > 1 {
					t.Errorf("%d SMS were sent", n)
				}
			})
		})
	}
}

// TestOrdersThatWaitedForTheBridgeAsk has orders lie in a store that no bridge has opened for so long.
func TestOrdersThatWaitedForTheBridgeAsk(t *testing.T) {
	_, list := manyNumbers(61)
	many := strings.Split(list, ",")
	for _, tc := range []struct {
		name    string
		stopped time.Duration
		to      []string
		asks    bool
	}{
		{"two hours", 2 * time.Hour, []string{"09121111111"}, true},
		{"59 minutes", 59 * time.Minute, []string{"09121111111"}, false},
		{"a clock that was ahead by a year", -365 * 24 * time.Hour, []string{"09121111111"}, true},
		{"a month, two pieces", 30 * 24 * time.Hour, many, true},
		{"half an hour, two pieces", 30 * time.Minute, many, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, telegram.Options{}, panel.Options{})
				opts := w.storeOpts
				opts.Now = func() time.Time { return time.Now().Add(-tc.stopped) }
				st, err := store.Open(w.path, opts)
				if err != nil {
					t.Fatal(err)
				}
				var to []sms.Number
				for _, n := range tc.to {
					to = append(to, sms.Normalize(n))
				}
				order := w.says(telegram.Post{Chat: w.group, From: w.omid, Text: "something"}) // nobody of ours, so that it is no order itself
				_, err = st.Take(store.UpdateKey{Chat: sms.ChatID(w.group), Message: 1000}, store.Caused{Order: &store.Order{
					Place: sms.Place{Chat: sms.ChatID(w.group)}, Agent: sms.AgentID(w.ali), Message: sms.ChatMessageID(order),
					Line: "30001234", Text: "hello", Parts: 1, Pieces: smsapi.Pieces(to),
				}})
				if err := errors.Join(err, st.Close()); err != nil {
					t.Fatal(err)
				}
				w.start()
				if !tc.asks {
					w.sent(len(to))
					return
				}
				asked := w.under(order, "now?", "waited for more than an hour")
				if labels(asked) != "Send, Cancel" || w.panel.SentCount() != 0 {
					t.Errorf("%d SMS were sent, asked with %q", w.panel.SentCount(), labels(asked))
				}
				w.presses(w.ali, asked, "Send")
				w.sent(len(to))
			})
		})
	}
}

// TestAPanelThatAnswersNothingSensibleIsDown spoils every answer in one way: at most one order becomes ❓, the others wait and say so,
// admins are told once at the beginning and once at the end, the team at most once that SMS may be lost.
func TestAPanelThatAnswersNothingSensibleIsDown(t *testing.T) {
	for _, tc := range []struct {
		name    string
		fault   panel.Fault
		restart bool
	}{
		{"a page", panel.Fault{Kind: panel.HTML}, false},
		{"a fault", panel.Fault{Kind: panel.SOAPFault, Text: "no memory"}, false},
		{"an empty 500", panel.Fault{Kind: panel.Crash}, false},
		{"an empty 200", panel.Fault{Kind: panel.Empty}, true},
		{"a redirect", panel.Fault{Kind: panel.Redirect, Location: "/elsewhere"}, false},
		{"no answer", panel.Fault{Kind: panel.Close}, true},
		{"never an answer", panel.Fault{Kind: panel.Hang}, false},
		{"garbage", panel.Fault{Kind: panel.Custom, Body: "\x00\x01 not a word", ContentType: "application/octet-stream"}, true},
		{"words", panel.Fault{Kind: panel.Custom, Body: "Database connection failed"}, false},
		{"another service", panel.Fault{Kind: panel.Custom, Body: answer("<x>1</x>")}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, telegram.Options{}, panel.Options{})
				w.hears()
				w.start()
				shown := w.shows("09121111111", "where is my order?")
				tc.fault.Times = -1
				w.panel.Arm(tc.fault)
				first := w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "first", ReplyTo: shown.ID})
				w.sees(w.sara, "answers make no sense")
				var orders []int
				for i := range 5 {
					orders = append(orders, w.agentSays(fmt.Sprintf("/send 0912222222%d later", i)))
				}
				for _, o := range orders {
					if m := w.under(o, waitsForPanel); labels(m) != "Cancel" {
						t.Errorf("under what waits stands %q", labels(m))
					}
				}
				if tc.restart {
					w.restart()
				}
				w.panelAsks(3)
				w.presses(w.ali, w.under(orders[0], waitsForPanel), "Cancel")
				w.under(orders[0], "🚫 cancelled")
				w.settles(w.group)
				if n := w.told(w.group, uncertain); n > 1 {
					t.Errorf("%d orders are uncertain:\n%s", n, w.transcript(w.group))
				}
				wasUncertain := w.told(w.group, uncertain)
				w.panel.Disarm()
				for _, o := range orders[1:] {
					w.under(o, "✔️ sent, no word from the phone")
				}
				if wasUncertain == 0 {
					w.under(first, "✔️ sent, no word from the phone")
				}
				w.sees(w.sara, "The panel answers again")
				w.quietAs(w.sara)
				if begun, over := w.told(w.sara, "answers make no sense"), w.told(w.sara, "The panel answers again"); begun+over != 2 {
					t.Errorf("the admin is told %d times that it is down and %d that it is over:\n%s", begun, over, w.transcript(w.sara))
				}
				if n := w.told(w.group, "⚠️"); n > 2 { // a fetch that was lost as it began, and one more
					t.Errorf("the group is told %d alarms:\n%s", n, w.transcript(w.group))
				}
				if n := w.told(w.group, "answers make no sense"); n != 0 {
					t.Errorf("the group is told what is for admins:\n%s", w.transcript(w.group))
				}
				w.settles(w.group)
				if n := w.told(w.group, uncertain); n != wasUncertain {
					t.Errorf("%d orders are uncertain, %d were", n, wasUncertain)
				}
			})
		})
	}
}

// TestOneLostAnswerStopsNobody: the panel is asked for the credit, answers, and the next order goes out at once.
func TestOneLostAnswerStopsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, kind := range []panel.Kind{panel.Close, panel.HTML, panel.Crash, panel.Empty} {
			w := newWorld(t, telegram.Options{}, panel.Options{})
			w.hears()
			w.start()
			w.panel.Arm(panel.Fault{Method: "SendSMS", Kind: kind, CarryOut: true})
			w.under(w.agentSays("/send 09121111111 lost"), uncertain)
			for i := range 5 {
				w.agentSays(fmt.Sprintf("/send 0912222222%d next", i))
			}
			w.sent(6)
			if n := w.looks(); n != 1 {
				t.Errorf("%s: the panel was asked for the credit %d times, want once", kind, n)
			}
			w.quietAs(w.sara)
			if n := w.told(w.sara, "⚠️"); n != 0 {
				t.Errorf("%s: the admin is told:\n%s", kind, w.transcript(w.sara))
			}
			w.end()
		}
	})
}

// TestOneOrderTriesBeforeTheRest: the panel answers with its credit, but each send is lost.
func TestOneOrderTriesBeforeTheRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		w.hears()
		w.start()
		w.settles(w.group)
		w.panel.Arm(panel.Fault{Kind: panel.HTML, Times: -1})
		w.sees(w.sara, "answers make no sense")
		for i := range 20 {
			w.agentSays(fmt.Sprintf("/send 091222222%02d later", i))
		}
		w.settles(w.group)
		w.panel.Disarm()
		w.panel.Arm(panel.Fault{Method: "SendSMS", Kind: panel.Close, Times: 2})
		w.sees(w.group, uncertain)
		w.sent(18) // two have tried
		w.settles(w.group)
		if n := w.told(w.group, uncertain); n != 2 {
			t.Errorf("%d orders are uncertain, want 2", n)
		}
		w.sees(w.sara, "The panel answers again")
		w.quietAs(w.sara)
		if n := w.told(w.sara, "answers make no sense"); n != 1 {
			t.Errorf("told %d times", n)
		}
	})
}

// TestUnavailable503 has a web server answer that nobody is behind it, to everything: no SMS can be lost with that.
func TestUnavailable503(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		w.hears()
		var shut atomic.Bool
		w.PanelNet.Handler = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if shut.Load() {
				http.Error(rw, "<html>Service Unavailable</html>", http.StatusServiceUnavailable)
				return
			}
			w.panel.ServeHTTP(rw, r)
		})
		w.start()
		w.shows("09121111111", "hello")
		shut.Store(true)
		w.sees(w.sara, "answers make no sense")
		order := w.agentSays("/send 09122222222 later")
		w.under(order, waitsForPanel)
		shut.Store(false)
		w.under(order, "✔️ sent, no word from the phone")
		w.sees(w.sara, "The panel answers again")
		w.settles(w.group)
		if strings.Contains(w.transcript(w.group), "⚠️") || strings.Contains(w.transcript(w.group), "❓") {
			t.Errorf("the group is told:\n%s", w.transcript(w.group))
		}
	})
}

// TestAPressAndAClaimCannotBothWin has [Cancel] pressed while the panel comes back.
func TestAPressAndAClaimCannotBothWin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		w.hears()
		w.start()
		w.settles(w.group)
		w.panel.SetPassword("another")
		w.sees(w.sara, "refuses our user name or password")
		var orders []int
		for i := range 8 {
			orders = append(orders, w.agentSays(fmt.Sprintf("/send 0912222222%d later", i)))
		}
		var asked []telegram.Message
		for _, o := range orders {
			asked = append(asked, w.under(o, waitsForLogin))
		}
		w.panel.SetPassword("demo-pass")
		calledOff := 0
		for _, m := range asked {
			if a := w.presses(w.ali, m, "Cancel"); !a.Alert {
				calledOff++
			}
		}
		w.sent(8 - calledOff)
		for _, o := range orders {
			m := w.under(o)
			if _, err := w.tg.WaitMessage(w.context(), w.group, func(now telegram.Message) bool {
				return now.ID == m.ID && !strings.Contains(now.Text, "⏳")
			}); err != nil {
				t.Error(err)
			}
		}
		if n := w.told(w.group, "🚫 cancelled"); n != calledOff {
			t.Errorf("%d are cancelled, %d presses said so", n, calledOff)
		}
		w.sent(8 - calledOff)
	})
}

// TestLossesThatRecurAreOneIncident spoils every n-th fetch: told once, and once more, in all, when it is over; over a restart, too.
func TestLossesThatRecurAreOneIncident(t *testing.T) {
	for _, tc := range []struct {
		name  string
		every int
		kinds []panel.Fault
		over  []string // what is told in the end
		count func(i store.Incident) bool
	}{
		{"every third is lost", 3, []panel.Fault{{Kind: panel.Close, CarryOut: true}}, []string{"up to 400 SMS may be lost", "failed fetches: 8"}, func(i store.Incident) bool { return i.Lost == 8 }},
		{"every second is cut", 2, []panel.Fault{{Kind: panel.Cut}}, []string{"cut off, again and again (failed fetches: 8)"}, func(i store.Incident) bool { return i.Cut == 8 }},
		{"every fifth is a page", 5, []panel.Fault{{Kind: panel.HTML}}, []string{"8 answers that cannot be read"}, func(i store.Incident) bool { return i.Unread == 8 }},
		{"each in another way", 4, []panel.Fault{{Kind: panel.Close}, {Kind: panel.Cut}, {Kind: panel.Crash}, {Kind: panel.HTML}}, []string{"up to 200 SMS", "cut off, again and again (failed fetches: 2)", "2 answers that cannot be read"}, func(i store.Incident) bool { return i.Lost == 4 && i.Cut == 2 && i.Unread == 2 }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, telegram.Options{}, panel.Options{})
				w.hears()
				fetches, spoilt := atomic.Int32{}, atomic.Int32{}
				w.panel.OnCall(func(c panel.Call) {
					if c != (panel.Call{Method: "GetMsg", Stage: panel.Answered}) {
						return
					}
					if n := int(fetches.Add(1)); n%(tc.every-1) == 0 && spoilt.Load() < 8 {
						f := tc.kinds[int(spoilt.Add(1)-1)%len(tc.kinds)]
						f.Method = "GetMsg"
						w.panel.Arm(f)
					}
				})
				w.start()
				w.sees(w.group, "⚠️")
				w.sees(w.sara, "⚠️")
				if err := w.panel.Wait(w.context(), func() bool { return spoilt.Load() >= 4 }); err != nil {
					t.Fatal(err)
				}
				w.restart()
				m := w.sees(w.group, tc.over...)
				w.sees(w.sara, tc.over...)
				for _, chat := range []int64{w.group, w.sara} {
					if n := w.told(chat, "⚠️"); n != 2 {
						t.Errorf("told in %d messages, want 2:\n%s", n, w.transcript(chat))
					}
				}
				all, err := w.store.Incidents()
				if err != nil || len(all) != 1 || all[0].Count != 8 || all[0].Lasts || !tc.count(all[0]) {
					t.Errorf("told %q of %+v, %v", m.Text, all, err)
				}
			})
		})
	}
}

// TestDifferingPagesDoNotFillTheDisk has the panel give another page of 900 KB at every poll, then an answer of its own that nobody can
// read.
func TestDifferingPagesDoNotFillTheDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		w.start()
		w.settles(w.group)
		const pages = 6
		filler := strings.Repeat("<p>We are sorry.</p>", 45000)
		for i := range pages {
			w.panel.Arm(panel.Fault{Method: "GetMsg", Kind: panel.Custom, Body: fmt.Sprintf("<html>%d%s", i, filler)})
		}
		w.panel.Arm(panel.Fault{Method: "GetMsg", Kind: panel.Custom, Body: "<GetMsgResponse><return><ErrCode>0</ErrCode><result><item><msg>perhaps fifty SMS"})
		w.sees(w.group, fmt.Sprintf("%d answers that cannot be read", pages+1), fmt.Sprintf("not kept whole for lack of room: %d", pages-1))
		all, err := w.store.Incidents()
		if err != nil || len(all) != 1 || all[0].Count != pages+1 || all[0].Bytes[0] > 1<<20 || all[0].Bytes[1] == 0 {
			t.Errorf("incidents %+v, %v", all, err)
		}
		if info, err := os.Stat(w.path); err != nil || info.Size() > 16<<20 {
			t.Errorf("the store has %d bytes, %v", info.Size(), err)
		}
	})
}

// TestSendAgainWhileThePanelIsDown: what an agent wants sent again waits like the rest, says why, and can be cancelled; then nobody is told
// that nothing was sent.
func TestSendAgainWhileThePanelIsDown(t *testing.T) {
	for name, fault := range map[string]panel.Fault{
		"a page": {Kind: panel.HTML, Times: -1}, "no answer, though carried out": {Kind: panel.Close, CarryOut: true, Times: -1}, "words": {Kind: panel.Custom, Body: "Database connection failed", Times: -1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, telegram.Options{}, panel.Options{})
				w.hears()
				w.start()
				w.settles(w.group)
				// The order comes first: were it a fetch, the panel might be known to be down by then, and the order wait.
				first, rest := fault, fault
				first.Method, first.Times = "SendSMS", 1
				var broken sync.Once
				w.panel.Arm(first)
				w.panel.OnCall(func(c panel.Call) {
					if c.Method == "SendSMS" && c.Stage == panel.Arrived {
						broken.Do(func() { w.panel.Arm(rest) })
					}
				})
				order := w.agentSays("/send 09121111111 hello")
				asked := w.under(order, "❓")
				w.sees(w.sara, "answers make no sense")
				w.presses(w.ali, asked, "Send again")
				waits := w.under(order, waitsForPanel)
				if labels(waits) != "Cancel" {
					t.Fatalf("it waits with %q", labels(waits))
				}
				requests := len(w.sendRequests())
				w.presses(w.ali, waits, "Cancel")
				w.under(order, "❔ unknown whether it was sent", "what waited was cancelled")
				w.panel.Disarm()
				w.sees(w.sara, "The panel answers again")
				w.settles(w.group)
				if n := len(w.sendRequests()); n != requests {
					t.Errorf("%d requests to send after [Cancel]", n-requests)
				}
			})
		})
	}
}
