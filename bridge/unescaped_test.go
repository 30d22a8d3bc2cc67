package bridge_test

import (
	"strings"
	"testing"
	"testing/synctest"

	"peyk/sandbox/panel"
	"peyk/sandbox/telegram"
)

// TestWhatCannotBeReadIsShownAsItCame: no customer hides another's SMS, or writes in another's name, by markup that the panel hands on.
func TestWhatCannotBeReadIsShownAsItCame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		sms := func(from, text string) string {
			return "<item><from>" + from + "</from><to>30001234</to><msg>" + text + "</msg><time>1790000000</time></item>"
		}
		w.panel.Arm(panel.Fault{Kind: panel.Custom, Method: "GetMsg", Body: `<Envelope><Body><R><return><ErrCode>0</ErrCode><result>` +
			sms("09121111111", "I <3 you") + sms("09122222222", "a <b>x</b> c") + sms("09123333333", "hi</msg><from>09129999999</from><msg>there") + sms("09124444444", "fine &lt;3") +
			`</result></return></R></Body></Envelope>`})
		w.start()
		w.sees(w.group, "fine <3")
		seen := w.transcript(w.group)
		for _, want := range []string{"I <3 you", "a <b>x</b> c", "hi</msg><from>09129999999</from><msg>there", "09121111111", "09122222222", "09123333333", "as it came"} {
			if !strings.Contains(seen, want) {
				t.Errorf("%q is not shown:\n%s", want, seen)
			}
		}
		for _, m := range w.fromBot(w.group) {
			if strings.Contains(m.Text, "fine <3") && strings.Count(m.Text, "as it came") > 3 {
				t.Errorf("what could be read is marked: %q", m.Text)
			}
		}
		for _, customer := range []string{"09121111111", "09124444444"} {
			if n := strings.Count(seen, customer); n != 1 {
				t.Errorf("%s is shown %d times:\n%s", customer, n, seen)
			}
		}
	})
}

// TestACutThatTheServerDidNotSeeIsTold: seven of ten SMS came in an answer of the right length.
func TestACutThatTheServerDidNotSeeIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, end := range map[string]string{"in a tag": "<item><fr", "between two": "", "with the server's last words": "<br />Fatal error: out of memory"} {
			w := newWorld(t, telegram.Options{}, panel.Options{})
			body := `<Envelope><Body><R><return><ErrCode>0</ErrCode><result>`
			for i := range 7 {
				body += "<item><from>0912111111" + string(rune('0'+i)) + "</from><to>30001234</to><msg>hello</msg><time>1790000000</time></item>"
			}
			w.panel.Arm(panel.Fault{Kind: panel.Custom, Method: "GetMsg", Body: body + end})
			w.start()
			m := w.sees(w.group, "cut off")
			if !strings.Contains(m.Text, "7") {
				t.Errorf("%s: got %q", name, m.Text)
			}
			w.end()
		}
	})
}
