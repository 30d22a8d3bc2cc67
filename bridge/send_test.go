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

// agentSays has the agent write into the group.
func (w *world) agentSays(text string) int {
	w.Helper()
	return w.says(telegram.Post{Chat: w.group, From: w.ali, Text: text})
}

// sendRequests returns the SendSMS that reached the panel.
func (w *world) sendRequests() []panel.Request {
	var sends []panel.Request
	for _, r := range w.panel.Requests() {
		if r.Method == "SendSMS" {
			sends = append(sends, r)
		}
	}
	return sends
}

// manyNumbers returns n different numbers, and a list of them as one would type it.
func manyNumbers(n int) (numbers []string, list string) {
	typed := make([]string, n)
	for i := range n {
		typed[i] = fmt.Sprintf("9121%06d", i)
		numbers = append(numbers, "0"+typed[i])
	}
	return numbers, strings.Join(typed, ",")
}

func TestManyRecipients(t *testing.T) {
	// 360 is near the most that fits into one chat message.
	for _, tc := range []struct{ recipients, pieces int }{{2, 1}, {60, 1}, {61, 2}, {360, 6}} {
		t.Run(fmt.Sprint(tc.recipients), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, telegram.Options{}, panel.Options{Credit: 98765})
				w.start()
				numbers, list := manyNumbers(tc.recipients)
				w.agentSays("/send " + list + " the shop is closed")
				asked := w.sees(w.group, "Send this?", fmt.Sprintf("Recipients: %d, parts each: 1, parts in all: %[1]d", tc.recipients), "Latin", "Credit: 98765")
				if w.panel.SentCount() != 0 {
					t.Fatal("sent before it was asked")
				}
				if a := w.presses(w.ali, asked, "Send"); a.Alert {
					t.Fatalf("the presser is told %+v", a)
				}
				times := map[string]int{}
				for _, m := range w.sent(tc.recipients) {
					times[m.Customer]++
					if m.Text != "the shop is closed" || m.Line != "30001234" {
						t.Fatalf("sent %+v", m)
					}
				}
				for _, n := range numbers {
					if times[n] != 1 {
						t.Errorf("%s got it %d times", n, times[n])
					}
				}
				w.sees(w.group, fmt.Sprintf("To %d recipients: %[1]d sent", tc.recipients))
				sends := w.sendRequests()
				if len(sends) != tc.pieces {
					t.Errorf("it took %d requests, want %d", len(sends), tc.pieces)
				}
				for _, r := range sends {
					if n := len(r.Params["toNum"]); n > 60 {
						t.Errorf("a request had %d recipients", n)
					}
				}
				if err := w.panel.SetStatusOf("0912100000*", 4); err != nil {
					t.Fatal(err)
				}
				if err := w.panel.SetStatusOf("0912100000[1]", 6); err != nil {
					t.Fatal(err)
				}
				w.sees(w.group, "1 failed", "09121000001: the number is on the operator's blacklist")
			})
		})
	}
}

func TestQuestions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{Credit: 12.5})
		w.start()
		shown := w.shows("09121111111", "where is my order?")
		long := strings.Repeat("a", 161)
		for n, tc := range []struct {
			name, text string
			reply      bool
			words      []string
		}{
			{"two parts", "/send 09121111111 " + long, false, []string{"Recipients: 1, parts each: 2, parts in all: 2", "Latin"}},
			{"a reply of two parts", long, true, []string{"Recipients: 1, parts each: 2"}},
			{"unicode", "/send 09121111111,09122222222 it costs 5€ – “cheap”", false, []string{"Unicode because of “–” (U+2013)", "parts each: 1, parts in all: 2"}},
			{"an invisible character", "/send 09121111111,09122222222 a\u200cb", false, []string{"(U+200C)"}},
			{"a character of markup", "/send 09121111111,09122222222 <b>سلام</b>", false, []string{"“س” (U+0633)"}},
			{"the same customer in four spellings", "/send 09121111111 +989121111111 9121111111 00989121111111, 09122222222 hi", false, []string{"Recipients: 2"}},
		} {
			t.Log(tc.name)
			p := telegram.Post{Chat: w.group, From: w.ali, Text: tc.text}
			if tc.reply {
				p.ReplyTo = shown.ID
			}
			order := w.says(p)
			asked, err := w.tg.WaitMessage(w.context(), w.group, func(m telegram.Message) bool {
				return m.FromBot && m.ReplyTo == order && containsAll(m.Text, append(tc.words, "Send this?", "Credit: 12.5"))
			})
			if err != nil {
				t.Fatalf("%v:\n%s", err, w.transcript(w.group))
			}
			if a := w.presses(w.ali, asked, "Cancel"); a.Alert {
				t.Errorf("who cancels is told %+v", a)
			}
			cancelled, err := w.tg.WaitMessage(w.context(), w.group, func(m telegram.Message) bool {
				return m.ID == asked.ID && strings.Contains(m.Text, "cancelled by \u2068Ali\u2069, nothing was sent")
			})
			if err != nil {
				t.Fatal(err)
			}
			if len(cancelled.Buttons) != 0 {
				t.Error("the buttons are still there")
			}
			if a := w.presses(w.ali, asked, "Send"); !a.Alert || !strings.Contains(a.Text, "\u2068Ali\u2069 has already decided") {
				t.Errorf("who presses Send after Cancel is told %+v", a)
			}
			if got := w.orders(w.group); got != n+1 {
				t.Errorf("there are %d orders, want %d", got, n+1)
			}
		}
		if w.panel.SentCount() != 0 {
			t.Error("something was sent")
		}
	})
}

func TestQuestionStandsWithoutCredit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		w.start()
		w.panel.Arm(panel.Fault{Kind: panel.HTML, Method: "GetCredit", Times: -1})
		w.agentSays("/send 09121111111,09122222222 hi")
		w.presses(w.ali, w.sees(w.group, "Send this?"), "Send")
		w.sent(2)
	})
}

func TestSendRefusedBeforeThePanel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		w.start()
		wrong := strings.Repeat("0912,", 800)
		for _, tc := range []struct {
			name, text string
			told       []string
		}{
			{"no text", "/send 09121111111", []string{"There is no text: nothing was sent"}},
			{"blank text", "/send 09121111111 \n \u00a0", []string{"There is no text: nothing was sent"}},
			{"no number", "/send hello", []string{"There is no number: nothing was sent"}},
			{"nothing", "/send", []string{"There is no number: nothing was sent"}},
			{"two wrong numbers", "/send 09121111111,0912,<b>1</b>,09122222222 hi", []string{"nothing was sent to anybody", "\n0912\n<b>1</b>"}},
			{"hundreds of wrong numbers", "/send " + wrong + " hi", []string{"nothing was sent to anybody", "\n0912\n", "…"}},
			{"a wrong number without end", "/send " + strings.Repeat("1", 4000) + ", hi", []string{"nothing was sent to anybody", "111…"}},
		} {
			t.Log(tc.name)
			said := w.answers(w.group, func() { w.agentSays(tc.text) })
			if len(said) != 1 || !containsAll(said[0], tc.told) {
				t.Errorf("the agent is told %q, want %q", said, tc.told)
			}
			if n := w.orders(w.group); n != 0 {
				t.Errorf("it ordered %d batches", n)
			}
		}
	})
}

// uncertain is what the chat shows when nobody can know whether an SMS went out.
const uncertain = "Nobody can know whether it was sent"

// TestPanelTroubleWhileSending breaks SendSMS in every way there is: what the chat then shows, and that the panel was asked once.
func TestPanelTroubleWhileSending(t *testing.T) {
	for _, tc := range []struct {
		name     string
		fault    panel.Fault
		shows    []string
		accepted int
	}{
		{"-2", panel.Fault{Kind: panel.ErrCode, Code: -2}, []string{"❌", "60"}, 0},
		{"-3", panel.Fault{Kind: panel.ErrCode, Code: -3, Text: "خطای <b>شبکه</b>"}, []string{"❌ The panel refuses: \u2068خطای <b>شبکه</b>\u2069"}, 0},
		{"-3 in 5,000 words", panel.Fault{Kind: panel.ErrCode, Code: -3, Text: strings.Repeat("word ", 5000)}, []string{"❌ The panel refuses: \u2068word word", "…"}, 0},
		{"-5", panel.Fault{Kind: panel.ErrCode, Code: -5}, []string{"❌", "شماره ارسال متعلق به شما نیست"}, 0},
		{"an unknown code", panel.Fault{Kind: panel.ErrCode, Code: -77, Text: "soon"}, []string{"❌", "soon"}, 0},
		{"html", panel.Fault{Kind: panel.HTML}, []string{uncertain}, 0},
		{"html after it was carried out", panel.Fault{Kind: panel.HTML, CarryOut: true}, []string{uncertain}, 1},
		{"crash", panel.Fault{Kind: panel.Crash, CarryOut: true}, []string{uncertain}, 1},
		{"fault", panel.Fault{Kind: panel.SOAPFault, Text: "no memory", CarryOut: true}, []string{uncertain}, 1},
		{"answer lost", panel.Fault{Kind: panel.Close, CarryOut: true}, []string{uncertain}, 1},
		{"question lost", panel.Fault{Kind: panel.Close}, []string{uncertain}, 0},
		{"answer cut", panel.Fault{Kind: panel.Cut, Bytes: 40}, []string{uncertain}, 1},
		{"answer empty", panel.Fault{Kind: panel.Empty, CarryOut: true}, []string{uncertain}, 1},
		{"hangs", panel.Fault{Kind: panel.Hang}, []string{uncertain}, 0},
		{"hangs after it was carried out", panel.Fault{Kind: panel.Hang, CarryOut: true}, []string{uncertain}, 1},
		{"endless", panel.Fault{Kind: panel.Endless}, []string{uncertain}, 1},
		{"redirect", panel.Fault{Kind: panel.Redirect, Location: "/elsewhere"}, []string{uncertain}, 0},
		{"rubbish before the answer", panel.Fault{Kind: panel.Garbage}, nil, 1},
		{"slow", panel.Fault{Kind: panel.Slow, Delay: 50 * time.Second}, nil, 1},
		{"no id", panel.Fault{Kind: panel.Custom, Body: answer(`<ErrCode>0</ErrCode><result></result>`)}, []string{"✔️ sent; the panel gives no delivery report"}, 0},
		{"more ids than numbers", panel.Fault{Kind: panel.Custom, Body: answer(`<ErrCode>0</ErrCode><result><item>1</item><item>2</item></result>`)}, []string{"✔️ sent; the panel gives no delivery report"}, 0},
		{"no error code", panel.Fault{Kind: panel.Custom, Body: answer(`<result><item>1</item></result>`)}, []string{uncertain}, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, telegram.Options{}, panel.Options{})
				w.start()
				shown := w.shows("09121111111", "where is my order?")
				tc.fault.Method = "SendSMS"
				w.panel.Arm(tc.fault)
				reply := w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "on its way", ReplyTo: shown.ID})
				if tc.shows == nil { // all is well: the mark says so
					w.bears(w.group, reply, "👌")
				} else {
					m := w.sees(w.group, append(tc.shows, "To 09121111111: ")...)
					if m.ReplyTo != reply {
						t.Errorf("the report answers message %d, want %d", m.ReplyTo, reply)
					}
					asks := strings.Contains(m.Text, uncertain)
					if asks != (len(m.Buttons) == 1 && len(m.Buttons[0]) == 3) {
						t.Errorf("under %q stand the buttons %v", m.Text, m.Buttons)
					}
				}
				w.restart() // nothing is repeated by a new start either
				w.settles(w.group)
				if n := len(w.sendRequests()); n > 1 || w.panel.SentCount() != tc.accepted {
					t.Errorf("the panel was asked %d times and accepted %d SMS, want %d", n, w.panel.SentCount(), tc.accepted)
				}
				// What comes next is not disturbed.
				w.agentSays("/send 09122222222 next")
				if sent := w.sent(tc.accepted + 1); sent[tc.accepted].Text != "next" {
					t.Errorf("sent %+v", sent)
				}
			})
		})
	}
}

// answer is an answer to SendSMS.
func answer(inner string) string {
	return `<?xml version="1.0" encoding="UTF-8"?><e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body><SendSMSResponse><return>` +
		inner + `</return></SendSMSResponse></e:Body></e:Envelope>`
}

func TestUncertainIsDecidedByAnAgent(t *testing.T) {
	for _, tc := range []struct {
		button string
		shows  []string
		sent   int
	}{
		{"Send again", []string{"✔️ sent, no word from the phone", "sent again, says \u2068Sara\u2069"}, 2},
		{"It was sent", []string{"✔️ sent; the panel gives no delivery report", "it was sent, says \u2068Sara\u2069"}, 1},
		{"Leave", []string{"❔ unknown whether it was sent", "left so by \u2068Sara\u2069"}, 1},
	} {
		t.Run(tc.button, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, telegram.Options{}, panel.Options{})
				w.start()
				w.panel.Arm(panel.Fault{Kind: panel.Close, Method: "SendSMS", CarryOut: true})
				w.agentSays("/send 09121111111 hi")
				asked := w.sees(w.group, uncertain)
				if a := w.presses(w.omid, asked, tc.button); !a.Alert {
					t.Errorf("the stranger is told %+v", a)
				}
				// Any agent may: who wrote it may have gone home.
				if a := w.presses(w.sara, asked, tc.button); a.Alert {
					t.Errorf("the presser is told %+v", a)
				}
				decided := w.sees(w.group, tc.shows...)
				if decided.ID != asked.ID || len(decided.Buttons) != 0 {
					t.Errorf("the question is now %+v", decided)
				}
				for _, button := range asked.Buttons[0] {
					if a := w.pressesData(w.ali, asked, button.Data); !a.Alert || !strings.Contains(a.Text, "\u2068Sara\u2069 has already decided") {
						t.Errorf("who presses %q afterwards is told %+v", button.Text, a)
					}
				}
				w.restart()
				w.settles(w.group)
				if n := len(w.sendRequests()); n != tc.sent || w.panel.SentCount() != tc.sent {
					t.Errorf("the panel was asked %d times and accepted %d, want %d", n, w.panel.SentCount(), tc.sent)
				}
			})
		})
	}
}

// The earlier buttons stay in the old group.
func TestQuestionsFollowTheGroup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		w.group = w.tg.AddGroup("Small", w.sara, w.ali, w.tg.Bot().ID)
		w.start()
		w.panel.Arm(panel.Fault{Kind: panel.Close, Method: "SendSMS", CarryOut: true})
		w.agentSays("/send 09121111111 hi")
		w.sees(w.group, uncertain)
		w.agentSays("/send 09121111111,09122222222 hi")
		w.sees(w.group, "Recipients: 2")
		super, err := w.tg.Migrate(w.group)
		if err != nil {
			t.Fatal(err)
		}
		if a := w.presses(w.ali, w.sees(super, "Recipients: 2"), "Cancel"); a.Alert {
			t.Errorf("the presser is told %+v", a)
		}
		if a := w.presses(w.sara, w.sees(super, uncertain), "It was sent"); a.Alert {
			t.Errorf("the presser is told %+v", a)
		}
	})
}

func TestUncertainTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		w.start()
		w.panel.Arm(panel.Fault{Kind: panel.Close, Method: "SendSMS", Times: 2})
		w.agentSays("/send 09121111111 hi")
		first := w.sees(w.group, uncertain)
		w.presses(w.ali, first, "Send again")
		again, err := w.tg.WaitMessage(w.context(), w.group, func(m telegram.Message) bool {
			return m.ID == first.ID && len(m.Buttons) == 1 && m.Buttons[0][0].Data != first.Buttons[0][0].Data
		})
		if err != nil {
			t.Fatalf("%v:\n%s", err, w.transcript(w.group))
		}
		// The button of the first question does not answer the second.
		if a := w.pressesData(w.ali, first, first.Buttons[0][0].Data); !a.Alert {
			t.Errorf("who presses the old button is told %+v", a)
		}
		if n := len(w.sendRequests()); n != 2 {
			t.Errorf("the panel was asked %d times, want 2", n)
		}
		w.presses(w.ali, again, "Send again")
		w.sent(1)
		w.sees(w.group, "✔️ sent, no word from the phone")
		if n := len(w.sendRequests()); n != 3 {
			t.Errorf("the panel was asked %d times, want 3", n)
		}
	})
}

func TestOnePieceOfManyIsUncertain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		w.start()
		_, list := manyNumbers(100)
		w.agentSays("/send " + list + " hi")
		asked := w.sees(w.group, "Send this?")
		w.panel.Arm(panel.Fault{Kind: panel.Crash, Method: "SendSMS", CarryOut: true})
		w.presses(w.ali, asked, "Send")
		w.sent(100)
		m, err := w.tg.WaitMessage(w.context(), w.group, func(m telegram.Message) bool {
			return m.ID == asked.ID && (containsAll(m.Text, []string{"40 sent, 60 uncertain", "For 60 of these"}) || containsAll(m.Text, []string{"60 sent, 40 uncertain", "For 40 of these"}))
		})
		if err != nil {
			t.Fatalf("%v:\n%s", err, w.transcript(w.group))
		}
		w.presses(w.ali, m, "It was sent")
		w.sees(w.group, "100 sent", "it was sent, says \u2068Ali\u2069")
		if n := len(w.sendRequests()); n != 2 {
			t.Errorf("the panel was asked %d times, want 2", n)
		}
	})
}

func TestIDsThatCannotBeAttributed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		w.start()
		w.panel.Arm(panel.Fault{Kind: panel.Custom, Method: "SendSMS", Body: answer(`<ErrCode>0</ErrCode><result><item>81</item></result>`)})
		w.agentSays("/send 09121111111,09122222222 hi")
		w.presses(w.ali, w.sees(w.group, "Send this?", "Credit"), "Send")
		m := w.sees(w.group, "To 2 recipients: 2 sent", "no report for 2")
		if len(m.Buttons) != 0 {
			t.Errorf("something is asked: %+v", m)
		}
		if n := len(w.sendRequests()); n != 1 {
			t.Errorf("the panel was asked %d times, want 1", n)
		}
	})
}

func TestPanelDownThenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		w.start()
		shown := w.shows("09121111111", "where is my order?")
		w.PanelNet.Down()
		w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "first", ReplyTo: shown.ID})
		w.sees(w.group, "To 09121111111: ⏳ not sent yet")
		w.PanelNet.Up()
		// A later one does not overtake the one that waits to be tried again.
		w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "second", ReplyTo: shown.ID})
		if sent := w.sent(2); sent[0].Text != "first" || sent[1].Text != "second" {
			t.Errorf("sent %+v", sent)
		}
		if n := len(w.sendRequests()); n != 2 {
			t.Errorf("the panel was asked %d times, want 2", n)
		}
		if m := w.sees(w.group, "✔️ sent, no word from the phone"); len(m.Buttons) != 0 {
			t.Errorf("something is asked: %+v", m)
		}
	})
}

// TestOrderToOneCustomer holds the first request: the next one to the same customer waits, those to others do not.
func TestOrderToOneCustomer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		w.start()
		release := make(chan struct{})
		holding := make(chan struct{})
		first := make(chan struct{}, 1)
		first <- struct{}{}
		w.panel.OnCall(func(c panel.Call) {
			if c.Method != "SendSMS" || c.Stage != panel.Arrived {
				return
			}
			select {
			case <-first:
				close(holding)
				<-release
			default:
			}
		})
		t.Cleanup(func() { w.panel.OnCall(nil) })
		w.agentSays("/send 09121111111 one")
		select {
		case <-holding:
		case <-w.context().Done():
			t.Fatal("the first request does not come")
		}
		w.agentSays("/send 09121111111 two")
		w.agentSays("/send 09121111111 three")
		w.agentSays("/send 09122222222 other")
		if sent := w.sent(1)[0]; sent.Text != "other" {
			t.Errorf("sent %+v first", sent)
		}
		w.settles(w.group)
		w.sent(1)
		close(release)
		var texts []string
		for _, m := range w.sent(4) {
			texts = append(texts, m.Text)
		}
		if got, want := strings.Join(texts, " "), "other one two three"; got != want {
			t.Errorf("sent %q, want %q", got, want)
		}
	})
}

func TestStatusesInWords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type step struct {
			code  int
			words string
			mark  string
		}
		const (
			trouble      = "trouble in the telecom's network; it may still arrive"
			notDelivered = "did not reach the phone"
			blackList    = "blacklist"
			atTelecom    = "reached the telecom, not the phone yet"
			delivered    = "✅ delivered"
		)
		for _, steps := range [][]step{
			{{2, trouble, "👎"}, {5, notDelivered, "👎"}, {3, atTelecom, "👌"}, {77, atTelecom, "👌"}, {4, delivered, "👍"}, {3, delivered, "👍"}, {5, delivered, "👍"}, {6, delivered, "👍"}},
			{{6, blackList, "👎"}, {1, blackList, "👎"}, {4, blackList, "👎"}},
		} {
			w := newWorld(t, telegram.Options{}, panel.Options{})
			w.start()
			shown := w.shows("09121111111", "where is my order?")
			reply := w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "on its way", ReplyTo: shown.ID})
			w.bears(w.group, reply, "👌")
			w.settles(w.group)
			for _, step := range steps {
				w.panel.SetStatus("5000000001", step.code)
				ask := w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "/status", ReplyTo: reply})
				said, err := w.tg.WaitMessage(w.context(), w.group, func(m telegram.Message) bool { return m.FromBot && m.ReplyTo == ask })
				if err != nil {
					t.Fatalf("%v:\n%s", err, w.transcript(w.group))
				}
				if !containsAll(said.Text, []string{"To 09121111111: ", step.words, "5000000001"}) {
					t.Errorf("after the panel's %d of %v the agent is told %q, want %q", step.code, steps, said.Text, step.words)
				}
				w.bears(w.group, reply, step.mark)
				if _, err := w.tg.WaitMessage(w.context(), w.group, func(m telegram.Message) bool {
					return m.ReplyTo == reply && m.FromBot && strings.Contains(m.Text, step.words)
				}); err != nil {
					t.Fatalf("after the panel's %d: %v:\n%s", step.code, err, w.transcript(w.group))
				}
			}
			report, err := w.tg.WaitMessage(w.context(), w.group, func(m telegram.Message) bool { return m.ReplyTo == reply && m.FromBot })
			if err != nil {
				t.Fatal(err)
			}
			last := steps[len(steps)-1].words
			w.restart()
			w.settles(w.group)
			if m, _ := w.tg.Message(w.group, report.ID); !strings.Contains(m.Text, last) {
				t.Errorf("the report went back to %q", m.Text)
			}
		}
	})
}

func TestStatusCommand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		w.start()
		shown := w.shows("09121111111", "where is my order?")
		for _, tc := range []struct {
			name string
			post telegram.Post
			told string
		}{
			{"nothing was sent yet", telegram.Post{Text: "/status"}, "nothing has been sent from this chat yet"},
			{"only commas", telegram.Post{Text: "/status , ،"}, "nothing has been sent from this chat yet"},
			{"of an inbound SMS", telegram.Post{Text: "/status", ReplyTo: shown.ID}, "not about an SMS we sent"},
		} {
			t.Log(tc.name)
			tc.post.Chat, tc.post.From = w.group, w.ali
			checkTold(t, w.answers(w.group, func() { w.says(tc.post) }), tc.told)
		}
		w.panel.Arm(panel.Fault{Kind: panel.Custom, Method: "GetStatus", Body: answer(`<ErrCode>0</ErrCode><result><item>77</item></result>`)})
		w.agentSays("/status 81")
		w.sees(w.group, "81: status 77, which is not in the panel's guide")
		for text, told := range map[string]string{
			"/status ۱۲۳":                          "123: the panel does not know it",
			"/status <b>":                          "<b>: the panel does not know it",
			"/status " + strings.Repeat("x ", 500): "x: the panel does not know it",
			"/status " + strings.Repeat("y", 3000): "yyy…: the panel does not know it",
		} {
			w.agentSays(text)
			w.sees(w.group, told)
		}
		w.PanelNet.Down()
		w.agentSays("/status 5")
		w.sees(w.group, "The panel cannot be reached right now")
		credit := w.agentSays("/credit")
		if _, err := w.tg.WaitMessage(w.context(), w.group, func(m telegram.Message) bool {
			return m.ReplyTo == credit && strings.Contains(m.Text, "The panel cannot be reached right now")
		}); err != nil {
			t.Error(err)
		}
	})
}

func TestNoReportForTwoDays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for status, words := range map[int][2]string{
			1: {"sent, no word from the phone", "✔️ sent; no delivery report in 48 hours."},
			3: {"reached the telecom, not the phone yet", "✔️ reached the telecom; no report from the phone in 48 hours."},
		} {
			w := newWorld(t, telegram.Options{}, panel.Options{})
			if err := w.panel.SetStatusOf("*", status); err != nil {
				t.Fatal(err)
			}
			w.start()
			w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "/send 09121111111 hello"})
			w.sees(w.group, words[0])
			w.passes(49 * time.Hour)
			w.sees(w.group, words[1])
			w.end()
		}
	})
}

// TestAFailureAfterTwoDaysIsNoReport has the first question fail that is asked after the bridge was down for days: the panel knows how the SMS fared.
func TestAFailureAfterTwoDaysIsNoReport(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		w.start()
		w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "/send 09121111111 hello"})
		w.sees(w.group, "sent, no word from the phone")
		if err := w.panel.SetStatusOf("*", 4); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			w.panel.Arm(panel.Fault{Kind: panel.Close, Method: "GetStatus"})
		}
		w.relay.PollInterval = time.Minute
		w.passes(49 * time.Hour)
		time.Sleep(3 * time.Hour)
		w.sees(w.group, "✅ delivered.")
	})
}

// TestWhatAClockThatWasAheadPutOffIsNotKeptWaiting stops the bridge while the panel is down, and puts its work off as a process does whose
// clock is ahead: by as much as of one that takes local time for UTC, and by ten years.
func TestWhatAClockThatWasAheadPutOffIsNotKeptWaiting(t *testing.T) {
	for _, ahead := range []time.Duration{3*time.Hour + 30*time.Minute, 10 * 365 * 24 * time.Hour} {
		t.Run(ahead.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { testClockAhead(t, ahead) })
		})
	}
}

func testClockAhead(t *testing.T, by time.Duration) {
	w := newWorld(t, telegram.Options{}, panel.Options{Statuses: []panel.Step{{Status: 4}}})
	must := func(errs ...error) {
		if err := errors.Join(errs...); err != nil {
			t.Helper()
			t.Fatal(err)
		}
	}
	w.PanelNet.Down()
	w.start()
	w.agentSays("/send 09121234567 first")
	w.sees(w.group, "09121234567", "⏳")
	must(w.end())
	ahead := func() time.Time { return time.Now().Add(by) }
	opts := w.storeOpts
	opts.Now = ahead
	st, err := store.Open(w.path, opts)
	must(err)
	var waiting store.Piece
	must(st.Queued(func(p store.Piece, _ store.Batch, _ []sms.Number) bool {
		waiting = p
		return false
	}))
	waiting, err = st.Reserve(waiting, "", false)
	must(err, st.Requeue(waiting, ahead()), st.Close())
	w.PanelNet.Up()
	w.start()
	w.sent(1)
	w.sees(w.group, "09121234567", "delivered")
}

func TestAnEndIsNoFailureOfThePanel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		w.panel.Arm(panel.Fault{Method: "GetStatus", Kind: panel.Hang})
		w.start()
		w.agentSays("/send 09121234567 hello")
		asked := func() bool {
			return slices.ContainsFunc(w.panel.Requests(), func(r panel.Request) bool { return r.Method == "GetStatus" })
		}
		if err := w.panel.Wait(w.context(), asked); err != nil {
			t.Fatal(err)
		}
		if err := w.end(); err != nil {
			t.Fatal(err)
		}
		if log := w.logs.String(); strings.Contains(log, "ask panel for delivery fails") {
			t.Errorf("the log:\n%s", log)
		}
	})
}

// TestRepliesWithoutATextAreRefused has those of a kind that is younger than most libraries.
func TestRepliesWithoutATextAreRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		w.start()
		shown := w.shows("09121111111", "where is my order?")
		for _, kind := range []string{"story", "paid_media", "checklist", "rich_message"} {
			order := w.says(telegram.Post{Chat: w.group, From: w.ali, Kind: kind, ReplyTo: shown.ID})
			answer, err := w.tg.WaitMessage(w.context(), w.group, func(m telegram.Message) bool { return m.FromBot && m.ReplyTo == order })
			if err != nil {
				t.Fatalf("%s: %v", kind, err)
			}
			if !strings.Contains(answer.Text, "An SMS can only hold text: nothing was sent") {
				t.Errorf("%s: the agent is told %q", kind, answer.Text)
			}
		}
	})
}
