package bridge_test

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"peyk/sandbox/panel"
	"peyk/sandbox/telegram"
	"peyk/smsapi"
	"peyk/smsapi/soap"
	"peyk/store"
)

func TestUnreadIsDrainedFiftyByFifty(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		w.relay.PollInterval = 2 * time.Hour // a pause between two of the fetches would take longer than the test may
		for i := range 170 {
			w.panel.Receive("09121111111", "30001234", fmt.Sprintf("sms %03d", i))
		}
		w.start()
		w.sees(w.group, "sms 169")
		for i, text := range w.texts(w.group) {
			if want := fmt.Sprintf("sms %03d", i); text != want {
				t.Fatalf("number %d is %q", i, text)
			}
		}
		fetches := 0
		for _, r := range w.panel.Requests() {
			if r.Method == "GetMsg" {
				fetches++
			}
		}
		if fetches != 4 {
			t.Errorf("%d fetches, want 4", fetches)
		}
	})
}

func TestPanelThatDoesNotMarkAsRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{Resend: true})
		at := time.Now()
		for range 2 { // two equal ones in one answer are two
			w.panel.ReceiveAt("09121111111", "30001234", "same", at)
		}
		for i := range 60 {
			w.panel.ReceiveAt("09121111111", "30001234", fmt.Sprint("sms ", i), at.Add(time.Second))
		}
		w.start()
		w.sees(w.group, "sms 59")
		requests := len(w.panel.Requests())
		if err := w.panel.Wait(w.context(), func() bool { return len(w.panel.Requests()) > requests+5 }); err != nil {
			t.Fatal(err)
		}
		w.quiet()
		seen := map[string]int{}
		for _, text := range w.texts(w.group) {
			seen[text]++
		}
		for text, n := range seen {
			if n != 1 {
				t.Errorf("%q is shown %d times", text, n)
			}
		}
	})
}

func TestTroubledAnswers(t *testing.T) {
	for _, tc := range []struct {
		name  string
		fault panel.Fault
		shown bool   // the SMS is shown in the end
		told  string // in the group
	}{
		{name: "page instead of an answer, nothing taken away", fault: panel.Fault{Kind: panel.HTML}, shown: true, told: "cannot be read"},
		{name: "answer lost after it was given", fault: panel.Fault{Kind: panel.Close, CarryOut: true}, told: "up to 50 SMS may be lost"},
		{name: "answer cut in the middle", fault: panel.Fault{Kind: panel.Cut}, told: "cut off"},
		{name: "empty answer after it was given", fault: panel.Fault{Kind: panel.Empty, CarryOut: true}, told: "may be lost"},
		{name: "warning before the answer", fault: panel.Fault{Kind: panel.Garbage}, shown: true},
		{name: "crash", fault: panel.Fault{Kind: panel.Crash}, shown: true, told: "may be lost"},
		{name: "error code", fault: panel.Fault{Kind: panel.ErrCode, Code: -3}, shown: true},
		{name: "endless answer", fault: panel.Fault{Kind: panel.Endless}, told: "cut off"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, telegram.Options{}, panel.Options{})
				tc.fault.Method = "GetMsg"
				w.panel.Arm(tc.fault)
				w.panel.Receive("09121111111", "30001234", "the one in question")
				w.start()
				if tc.told != "" {
					w.sees(w.group, "⚠️", tc.told)
				}
				if tc.shown {
					w.sees(w.group, "the one in question")
				}
				w.panel.Receive("09121111111", "30001234", "the next")
				w.sees(w.group, "the next")
				if tc.told == "" {
					for _, m := range w.fromBot(w.group) {
						if strings.Contains(m.Text, "⚠️") {
							t.Errorf("told in vain: %q", m.Text)
						}
					}
				}
			})
		})
	}
}

// holdsSecondFetch has the panel wait with the second GetMsg until release is called: an incident that lasts on by the time it is shown
// is told as one.
func (w *world) holdsSecondFetch() (release func()) {
	told := make(chan struct{})
	release = sync.OnceFunc(func() { close(told) })
	w.Cleanup(release)
	var fetches atomic.Int32
	w.panel.OnCall(func(c panel.Call) {
		if c == (panel.Call{Method: "GetMsg", Stage: panel.Arrived}) && fetches.Add(1) == 2 {
			<-told
		}
	})
	return release
}

func TestUnreadableAnswersAreKeptAndToldOnceAndAgainAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		for _, page := range []string{"<html>suspended</html>", "<html>suspended</html>", "<html>suspended, 2</html>"} {
			w.panel.Arm(panel.Fault{Method: "GetMsg", Kind: panel.Custom, Body: page})
		}
		goOn := w.holdsSecondFetch()
		w.start()
		w.sees(w.group, "⚠️ At", "cannot be read")
		goOn()
		w.panel.Receive("09121111111", "30001234", "back again")
		w.sees(w.group, "back again")
		w.sees(w.group, "⚠️ Between", "3 answers that cannot be read")
		told := 0
		for _, m := range w.fromBot(w.group) {
			if strings.Contains(m.Text, "cannot be read") {
				told++
			}
		}
		if told != 2 {
			t.Errorf("one outage is told %d times", told)
		}
		incidents, err := w.store.Incidents()
		if err != nil || len(incidents) != 1 || incidents[0].Kind != store.Undecodable || incidents[0].Count != 3 || incidents[0].Lasts {
			t.Errorf("incidents: %+v, %v", incidents, err)
		}
	})
}

// TestAnAnswerThatIsNoneIsKeptWhereItIsAskedForAgain has a panel that tells again what it told answer with what is no answer: its bytes are kept, the admins are
// told once and at the end, the team is not, and nothing is lost.
func TestAnAnswerThatIsNoneIsKeptWhereItIsAskedForAgain(t *testing.T) {
	for name, bodies := range map[string][]string{
		"pages":                {"<html>suspended</html>", "<html>suspended</html>", "<html>suspended, 2</html>"},
		"what breaks off":      {`{"return":{"status":200},"entries":[{"messageid":7,"message":"half`, `{"data":[{"messages_inbox_id":7,"message":"half`, `{"data":[7`},
		"what says nothing":    {`{}`, `[]`, `{"data":[]}`},
		"the bridge was ended": {"<html>suspended</html>", "<html>suspended</html>", "<html>suspended, 2</html>"},
	} {
		t.Run(name, func(t *testing.T) {
			readAgainAt(t, func(t *testing.T, opts panel.Options) {
				w := newWorld(t, telegram.Options{}, opts)
				w.start()
				w.quietAs(w.sara)
				w.shows("09121111111", "before")
				bytes := map[string]int{}
				for _, body := range bodies {
					w.panel.Receive("09121111111", "30001234", "taken with nonsense")
					w.panel.Arm(panel.Fault{Method: "GetMsg", Kind: panel.Custom, ContentType: "text/html", Body: body, CarryOut: true})
					bytes[body] = len(body)
				}
				w.sees(w.sara, "⚠️ At", "something that is no answer")
				if strings.Contains(name, "ended") {
					w.passes(time.Second)
				}
				w.until("the SMS", func() bool { return strings.Count(w.transcript(w.group), "taken with nonsense") == 3 })
				time.Sleep(time.Hour)
				w.sees(w.sara, "⚠️ Between", "3 times with something that is no answer")
				if n := strings.Count(w.transcript(w.sara), "no answer"); n != 2 {
					t.Errorf("the admin was told %d times:\n%s", n, w.transcript(w.sara))
				}
				if said := w.transcript(w.group); strings.Contains(said, "no answer") || strings.Contains(said, "lost") || strings.Count(said, "taken with nonsense") != 3 {
					t.Errorf("the group is shown:\n%s", said)
				}
				want := 0
				for _, n := range bytes {
					want += n
				}
				incidents, err := w.store.Incidents()
				if err != nil || len(incidents) != 1 || incidents[0].Kind != store.Garbled || incidents[0].Count != 3 || incidents[0].Raw == 0 || incidents[0].Bytes[0]+incidents[0].Bytes[1] != want {
					t.Errorf("incidents: %+v, %v; want one with %d bytes", incidents, err, want)
				}
				if n := strings.Count(w.logs.String(), "fetch from panel fails"); n < 1 || n > 3 {
					t.Errorf("the log says %d times that it fails", n)
				}
			})
		})
	}
}

func TestOutageThatOutlivesTheProcessIsToldAtItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		w.panel.Arm(panel.Fault{Method: "GetMsg", Kind: panel.Custom, Body: "<html>suspended</html>", Times: -1})
		w.start()
		w.sees(w.group, "cannot be read")
		requests := len(w.panel.Requests())
		if err := w.panel.Wait(w.context(), func() bool { return len(w.panel.Requests()) > requests+2 }); err != nil {
			t.Fatal(err)
		}
		w.end()
		w.panel.Disarm()
		w.start()
		w.sees(w.group, "⚠️ Between", "answers that cannot be read")
	})
}

func TestPanelOutageIsOneIncident(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		w.panel.Arm(panel.Fault{Method: "GetMsg", Kind: panel.Close, CarryOut: true, Times: 3})
		goOn := w.holdsSecondFetch()
		w.start()
		w.sees(w.group, "up to 50 SMS may be lost")
		goOn()
		w.sees(w.group, "up to 150 SMS may be lost")
		if n := len(w.fromBot(w.group)); n != 2 {
			t.Errorf("an outage of three fetches is told in %d messages, want 2, at its beginning and at its end:\n%s", n, w.transcript(w.group))
		}
	})
}

func TestOutageThatTurnsIntoAnotherIsToldInFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		w.panel.Arm(panel.Fault{Method: "GetMsg", Kind: panel.Close, CarryOut: true, Times: 2})
		w.panel.Arm(panel.Fault{Method: "GetMsg", Kind: panel.HTML})
		w.start()
		w.sees(w.group, "cannot be read")
		w.sees(w.group, "up to 100 SMS may be lost")
	})
}

func TestSMSHandedOutAfterTheConnectionBrokeAreToldOf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		w.relay.PollInterval = 2 * time.Hour // no second fetch takes the SMS
		told := make(chan struct{})
		w.panel.OnCall(func(c panel.Call) {
			if c != (panel.Call{Method: "GetMsg", Stage: panel.Arrived}) {
				return
			}
			w.PanelNet.Down()
			w.PanelNet.Up()
			<-told
			w.panel.Receive("09121111111", "30001234", "to a caller long gone")
		})
		w.start()
		w.sees(w.group, "may be lost")
		close(told)
		if err := w.panel.Wait(w.context(), func() bool { return len(w.panel.Requests()) > 0 && w.panel.Unread() == 0 }); err != nil {
			t.Fatal(err)
		}
		handedOut := w.panel.Requests()[0].At
		incidents, err := w.store.Incidents()
		if err != nil || len(incidents) != 1 || handedOut.Before(incidents[0].From) || handedOut.After(incidents[0].To) {
			t.Errorf("SMS were handed out at %v, incidents: %+v, %v", handedOut, incidents, err)
		}
	})
}

func TestPanelThatCannotBeReachedLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		w.PanelNet.Down()
		w.panel.Receive("09121111111", "30001234", "kept by the panel")
		w.start()
		w.logged("fetch from panel fails")
		w.PanelNet.Up()
		w.sees(w.group, "kept by the panel")
		if got := w.fromBot(w.group); len(got) != 1 {
			t.Errorf("a loss that cannot be is reported:\n%s", w.transcript(w.group))
		}
	})
}

func TestWrongPanelPasswordIsToldOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		w.says(telegram.Post{Chat: w.sara, From: w.sara, Text: "/start"})
		w.password = "wrong-password"
		w.start()
		w.sees(w.sara, "refuses our user name or password")
		requests := len(w.panel.Requests())
		if err := w.panel.Wait(w.context(), func() bool { return len(w.panel.Requests()) > requests+1 }); err != nil {
			t.Fatal(err)
		}
		w.quietAs(w.sara)
		told := 0
		for _, m := range w.fromBot(w.sara) {
			if strings.Contains(m.Text, "refuses our user name") {
				told++
			}
		}
		if told != 1 {
			t.Errorf("told %d times", told)
		}
		w.panel.SetPassword("wrong-password") // which is right now
		w.panel.Receive("09121111111", "30001234", "after it was mended")
		w.sees(w.group, "after it was mended")
	})
}

func TestLinesHaveTheirChats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		sales := w.tg.AddForum("Sales", w.sara, w.ali, w.tg.Bot().ID)
		topic, err := w.tg.AddTopic(w.sara, sales, "SMS")
		if err != nil {
			t.Fatal(err)
		}
		w.start()
		w.quietAs(w.sara)
		w.says(telegram.Post{Chat: sales, Topic: topic, From: w.sara, Text: "/inbox on 30005678"})
		w.sees(sales, "30005678 are now shown here")
		w.panel.Receive("09121111111", "+9830005678", "to sales")
		w.panel.Receive("09121111111", "30001234", "to support")
		if m := w.sees(sales, "to sales"); m.Topic != topic {
			t.Errorf("shown in topic %d, want %d", m.Topic, topic)
		}
		w.sees(w.group, "to support")
		w.says(telegram.Post{Chat: w.group, From: w.sara, Text: "/inbox off"})
		w.sees(w.group, "no longer shown here")
		w.panel.Receive("09121111111", "30001234", "to nobody")
		w.sees(w.sara, "no chat shows them")
		if got := w.texts(w.group); len(got) != 1 {
			t.Errorf("support sees %q", got)
		}
		w.says(telegram.Post{Chat: sales, From: w.sara, Text: "/inbox on"})
		if m := w.sees(sales, "to nobody"); m.Topic != 0 {
			t.Errorf("shown in topic %d", m.Topic)
		}
	})
}

func TestFetchInterruptedByACrashIsReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		s, err := store.Open(w.path, w.storeOpts)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.BeginFetch(); err != nil {
			t.Fatal(err)
		}
		raw, err := s.SaveRaw(store.Raw{ContentType: "text/xml", Body: []byte(oneUnread), Fetched: time.Now()})
		if err != nil || raw == 0 {
			t.Fatal(err)
		}
		if err := s.BeginFetch(); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		w.start()
		w.sees(w.group, "stored before it was decoded")
		w.sees(w.group, "up to 50 SMS may be lost")
	})
}

const oneUnread = `<?xml version="1.0" encoding="UTF-8"?><SOAP-ENV:Envelope xmlns:SOAP-ENV="http://schemas.xmlsoap.org/soap/envelope/"><SOAP-ENV:Body><ns1:GetMsgResponse xmlns:ns1="urn:x"><return><ErrCode>0</ErrCode><result><item><from>09121111111</from><to>30001234</to><msg>stored before it was decoded</msg><time>1790000000</time></item></result></return></ns1:GetMsgResponse></SOAP-ENV:Body></SOAP-ENV:Envelope>`

// TestAnswerOfAnotherPanelIsKept has the settings name another panel than the one whose answer was stored and not yet decoded.
func TestAnswerOfAnotherPanelIsKept(t *testing.T) {
	for panelOf, readable := range map[string]bool{"": true, "soap": true, "another": false} {
		t.Run(panelOf, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, telegram.Options{}, panel.Options{})
				s, err := store.Open(w.path, w.storeOpts)
				if err != nil {
					t.Fatal(err)
				}
				raw, err := s.SaveRaw(store.Raw{Panel: panelOf, ContentType: "text/xml", Body: []byte(oneUnread), Begun: time.Now(), Fetched: time.Now(), Holds: true})
				if err != nil {
					t.Fatal(err)
				}
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
				w.start()
				if readable {
					w.sees(w.group, "stored before it was decoded")
					return
				}
				w.until("an incident", func() bool { incidents, err := w.store.Incidents(); return err == nil && len(incidents) == 1 })
				incidents, err := w.store.Incidents()
				if err != nil || incidents[0].Kind != store.Undecodable || incidents[0].Raw != raw {
					t.Errorf("got %+v, %v, want one that names the answer", incidents, err)
				}
				w.panel.Receive("09121111111", "30001234", "and on it goes")
				w.sees(w.group, "and on it goes")
			})
		})
	}
}

func TestEmptyAnswerIsAnError(t *testing.T) {
	if _, err := soap.Decode(smsapi.Answer{}); err == nil {
		t.Error("an empty answer is an answer")
	}
}
