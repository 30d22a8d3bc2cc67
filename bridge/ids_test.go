package bridge_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"peyk/sandbox/panel"
	"peyk/sandbox/telegram"
)

// TestWhatStandsInAnIDsPlaceIsTold: nobody is told that an SMS went out which the panel gave no id.
func TestWhatStandsInAnIDsPlaceIsTold(t *testing.T) {
	for item, want := range map[string]string{
		"-5":             "the sending number is not yours",
		"-3":             "sending failed",
		"no such number": "can know whether it was sent",
		"خطا":            "can know whether it was sent",
		"0":              "can know whether it was sent",
	} {
		t.Run(item, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, telegram.Options{}, panel.Options{})
				w.start()
				w.panel.Arm(panel.Fault{Kind: panel.Custom, Method: "SendSMS", Body: `<Envelope><Body><R><return><ErrCode>0</ErrCode><result><item>5000000001</item><item>` + item + `</item></result></return></R></Body></Envelope>`})
				w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "/send 09121111111,09122222222 hello"})
				w.presses(w.ali, w.sees(w.group, "Send this?"), "Send")
				m := w.sees(w.group, want)
				if !containsAll(m.Text, []string{"09122222222", "1 failed"}) || strings.Contains(m.Text, "09121111111") {
					t.Errorf("got %q", m.Text)
				}
				w.end()
				w.start() // and nothing sends it again
				w.quiet()
				if n := len(sends(w)); n != 1 {
					t.Errorf("the panel was asked to send %d times", n)
				}
			})
		})
	}
}

// TestWordsInTheOnlyIDsPlaceAreAsked: of one SMS that may or may not have been sent, the agent decides.
func TestWordsInTheOnlyIDsPlaceAreAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, result := range []string{"<result>خطا</result>", "<result><item>false</item></result>", "<result><item/></result>", "<result>0</result>"} {
			w := newWorld(t, telegram.Options{}, panel.Options{})
			w.start()
			w.panel.Arm(panel.Fault{Kind: panel.Custom, Method: "SendSMS", Body: `<Envelope><Body><R><return><ErrCode>0</ErrCode>` + result + `</return></R></Body></Envelope>`})
			w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "/send 09121111111 hello"})
			if m := w.sees(w.group, "can know whether it was sent"); len(m.Buttons) == 0 {
				t.Errorf("%s: no buttons under %q", result, m.Text)
			}
			w.end()
			if n := len(sends(w)); n != 1 {
				t.Errorf("%s: the panel was asked to send %d times", result, n)
			}
		}
	})
}

// TestABarePanelIsABridgeLikeAnother works with a panel that answers GetCredit and SendSMS without ErrCode.
func TestABarePanelIsABridgeLikeAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bare := func(s string) string { return `<Envelope><Body><R><return>` + s + `</return></R></Body></Envelope>` }
		w := newWorld(t, telegram.Options{}, panel.Options{})
		w.panel.Arm(panel.Fault{Kind: panel.Custom, Method: "GetCredit", Times: -1, Body: bare("125000")})
		w.start()
		w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "/credit@PeykSandboxBot"})
		w.sees(w.group, "Credit", "125000")
		for answer, want := range map[string]string{
			"5000000001":              "sent",
			"-5":                      "the sending number is not yours",
			"<item>5000000002</item>": "sent",
			"Array":                   "can know whether",
			"ارسال با موفقیت انجام شد":             "can know whether",
			`<x xsi:type="xsd:int">5000000003</x>`: "sent",
		} {
			w.panel.Arm(panel.Fault{Kind: panel.Custom, Method: "SendSMS", Body: bare(answer)})
			id := w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "/send 09121111111 hello " + answer})
			m, err := w.tg.WaitMessage(w.context(), w.group, func(m telegram.Message) bool {
				return m.FromBot && m.ReplyTo == id && strings.Contains(m.Text, want)
			})
			if err != nil {
				t.Errorf("%s: got %q, %v\n%s", answer, m.Text, err, w.transcript(w.group))
			}
			time.Sleep(time.Minute) // where ten answers and notices came within a minute, a mark alone says that an SMS went out
		}
	})
}

// sends are the calls of the panel that were to send.
func sends(w *world) []panel.Request {
	var calls []panel.Request
	for _, r := range w.panel.Requests() {
		if r.Method == "SendSMS" {
			calls = append(calls, r)
		}
	}
	return calls
}
