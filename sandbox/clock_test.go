package sandbox

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestTheClockGoesForwardForAll: after it was moved, the bridge's next life is told so, and both networks tell the same time.
func TestTheClockGoesForwardForAll(t *testing.T) {
	p := start(t, Options{Environ: []string{"SANDBOX_CLOCK=5h", "HOURS=Sat-Wed 8:00-17:00", "LANGUAGE=fa"}})
	l := p.life(0)
	if l.Env["SANDBOX_CLOCK"] != "" || l.Env["LANGUAGE"] != "en" || l.Env["HOURS"] != "Sat-Wed 8:00-17:00" || l.Env["REMIND_AFTER"] != "30m" {
		t.Errorf("the bridge begins with %v", l.Env)
	}
	gets := func(address string) (dated time.Duration, body []byte) {
		t.Helper()
		answer, err := http.Get(address)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		at, err := http.ParseTime(answer.Header.Get("Date"))
		if err != nil {
			t.Fatal(err)
		}
		body, err = io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		return time.Until(at).Round(time.Hour), body
	}
	for n, step := range []struct {
		forward string
		ahead   time.Duration
	}{{"", 0}, {"1h", time.Hour}, {"25h", 26 * time.Hour}} {
		if step.forward != "" {
			p.curl("/clock", "forward="+step.forward)
			l = p.life(n)
			if got := l.Env["SANDBOX_CLOCK"]; got != step.ahead.String() {
				t.Errorf("life %d has SANDBOX_CLOCK=%q, want %v", n, got, step.ahead)
			}
		}
		for _, address := range []string{l.Env["TELEGRAM_API_URL"] + "/bot" + l.Env["TELEGRAM_BOT_TOKEN"] + "/getMe", l.Env["SMS_API_URL"] + "?wsdl"} {
			if got, _ := gets(address); got != step.ahead {
				t.Errorf("%v ahead, an answer says %v", step.ahead, got)
			}
		}
		p.curl("/panel/sms", "from=09121111111", "text=hello")
		_, body := gets("http://" + p.addr + "/panel/inbox")
		var inbox []struct{ At time.Time }
		if err := json.Unmarshal(body, &inbox); err != nil {
			t.Fatal(err)
		}
		if got := time.Until(inbox[n].At).Round(time.Hour); got != step.ahead {
			t.Errorf("%v ahead, a customer writes at a time that is %v ahead", step.ahead, got)
		}
	}
	for _, wrong := range []string{"forward=-1h", "forward=soon", "to=25:00", "forward=9000h"} {
		if got := p.curl("/clock", wrong); !strings.Contains(got, "error") {
			t.Errorf("%s: %s", wrong, got)
		}
	}
	p.curl("/bridge/kill")
	p.curl("/clock", "to=8:00")
	if _, bridge := gets("http://" + p.addr + "/bridge"); !strings.Contains(string(bridge), `"running":false`) {
		t.Errorf("the clock has started a bridge that was killed: %s", bridge)
	}
	p.curl("/bridge/start")
	if got, err := time.ParseDuration(p.life(3).Env["SANDBOX_CLOCK"]); err != nil || got <= 26*time.Hour || got > 50*time.Hour {
		t.Errorf("SANDBOX_CLOCK is %v, %v", got, err)
	}
}

func TestUntilATimeOfDay(t *testing.T) {
	for now, want := range map[string]time.Duration{
		"2026-03-01T04:00:00Z": 30 * time.Minute, // 7:30 in Tehran
		"2026-03-01T04:30:00Z": 24 * time.Hour,
		"2026-03-01T20:30:00Z": 8 * time.Hour,
	} {
		at, err := time.Parse(time.RFC3339, now)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := until("8:00", at); got != want || err != nil {
			t.Errorf("from %s it is %v, %v; want %v", now, got, err, want)
		}
	}
	for _, wrong := range []string{"", "8", "24:00", "soon"} {
		if got, err := until(wrong, time.Now()); err == nil {
			t.Errorf("%q is %v away", wrong, got)
		}
	}
}
