package bridge_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"peyk/sandbox/panel"
	"peyk/sandbox/telegram"
)

// handsOut is an answer to GetMsg with SMS of a text and a time each.
func handsOut(items ...[2]string) panel.Fault {
	var b strings.Builder
	b.WriteString(`<?xml version="1.0" encoding="UTF-8"?><SOAP-ENV:Envelope xmlns:SOAP-ENV="http://schemas.xmlsoap.org/soap/envelope/"><SOAP-ENV:Body><ns1:GetMsgResponse xmlns:ns1="urn:x"><return><ErrCode>0</ErrCode><result>`)
	for _, item := range items {
		fmt.Fprintf(&b, `<item><from>09121111111</from><to>30001234</to><msg>%s</msg><time>%s</time></item>`, item[0], item[1])
	}
	b.WriteString(`</result></return></ns1:GetMsgResponse></SOAP-ENV:Body></SOAP-ENV:Envelope>`)
	return panel.Fault{Method: "GetMsg", Kind: panel.Custom, Body: b.String()}
}

// fetches waits until the panel was asked for SMS n times more.
func (w *world) fetches(n int) {
	w.Helper()
	asked := func() (asked int) {
		for _, r := range w.panel.Requests() {
			if r.Method == "GetMsg" {
				asked++
			}
		}
		return asked
	}
	before := asked()
	if err := w.panel.Wait(w.context(), func() bool { return asked() >= before+n }); err != nil {
		w.Fatal(err)
	}
}

func TestAPanelThatGivesTheSameAgainIsCountedAndAskedLessOften(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		w.says(telegram.Post{Chat: w.sara, From: w.sara, Text: "/start"})
		now := time.Now().Unix()
		for i := range int64(9) {
			w.panel.Arm(handsOut([2]string{"salam", fmt.Sprint(now - 100 + i)}))
		}
		w.start()
		w.sees(w.group, "×3")
		w.sees(w.sara, "same SMS 3 times in a row")
		w.sees(w.group, "×9")
		w.fetches(2)
		w.quiet()
		if got, want := w.texts(w.group), []string{"salam", "salam", "×3", "×9"}; !slices.Equal(got, want) {
			t.Errorf("shown %q, want %q", got, want)
		}
		told := 0
		for _, m := range w.fromBot(w.sara) {
			if strings.Contains(m.Text, "in a row") {
				told++
			}
		}
		if told != 1 {
			t.Errorf("told %d times", told)
		}
		var asked []time.Time
		for _, r := range w.panel.Requests() {
			if r.Method == "GetMsg" {
				asked = append(asked, r.At)
			}
		}
		for i := 3; i < 9; i++ {
			if pause := asked[i].Sub(asked[i-1]); pause < 50*time.Second { // ten times as long as usual
				t.Errorf("fetch %d began %v after the one before, want it to wait", i+1, pause)
			}
		}
		// It is what it was once the panel is.
		w.panel.Receive("09121111111", "30001234", "salam")
		if _, err := w.tg.WaitMessage(w.context(), w.group, func(telegram.Message) bool { return len(w.texts(w.group)) == 5 }); err != nil {
			t.Errorf("what comes after it is not shown: %q", w.texts(w.group))
		}
	})
}

func TestWhoSaysYesAgainIsShownAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		w.start()
		now := time.Now().Unix()
		for i, clock := range []string{fmt.Sprint(now), fmt.Sprint(now + 1), fmt.Sprint(now + 2), "10:31 today", "10:31 today", "0", "", "-1"} {
			w.panel.Arm(handsOut([2]string{"yes", clock}))
			w.fetches(3)
			if _, err := w.tg.WaitMessage(w.context(), w.group, func(telegram.Message) bool { return len(w.texts(w.group)) == i+1 }); err != nil {
				t.Fatalf("of time %q it is not shown: %q", clock, w.texts(w.group))
			}
		}
	})
}

func TestSMSOfAnyTimeAreShownOnceByAPanelThatDoesNotMarkAsRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		var items [][2]string
		for i, clock := range []string{
			"1790000000123", "1790000000123456", "1790000000.0", "1.79E+9", "1.790000000123E12", "2026-09-21 17:43:20", "1405/06/30 17:43", "۱۴۰۵/۰۶/۳۰ ۱۷:۴۳:۲۰", "20260921174320",
			"99999999999", "99999999999999999999", "7 آذر ساعت 10:31", "28/11/2026 10:31:05", "1790000000",
		} {
			items = append(items, [2]string{fmt.Sprintf("sms %02d", i), clock})
		}
		answer := handsOut(items...)
		answer.Times = -1
		w.panel.Arm(answer)
		w.start()
		w.fetches(100) // which is longer than a second
		w.sees(w.group, "sms 13")
		w.quiet()
		got := w.texts(w.group)
		slices.Sort(got)
		if len(got) != len(items) || len(slices.Compact(got)) != len(items) {
			t.Errorf("shown %q, want each once", got)
		}
	})
}

func TestTheOrderOfAPanelIsRememberedOverARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{NewestFirst: true})
		at := time.Now().Truncate(time.Second).Add(-time.Minute)
		w.panel.ReceiveAt("09121111111", "30001234", "first", at)
		w.panel.ReceiveAt("09121111111", "30001234", "second", at.Add(time.Second))
		w.start()
		w.sees(w.group, "second")
		w.fetches(2)
		w.end()
		for _, text := range []string{"third", "fourth", "fifth"} {
			w.panel.ReceiveAt("09121111111", "30001234", text, at.Add(2*time.Second))
		}
		w.start()
		w.sees(w.group, "fifth")
		w.quiet()
		if got, want := w.texts(w.group), []string{"first", "second", "third", "fourth", "fifth"}; !slices.Equal(got, want) {
			t.Errorf("shown %q, want %q", got, want)
		}
	})
}
