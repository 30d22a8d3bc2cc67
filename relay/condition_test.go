package relay

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"peyk/internal/backoff"
	"peyk/smsapi"
	"peyk/store"
)

// TestHowThePanelIs gives a panel's calls, one a second, and says after them how many orders may be in flight and what the team is told.
func TestHowThePanelIs(t *testing.T) {
	failure := func(kind smsapi.Kind, code int) error {
		return &smsapi.Error{Kind: kind, Code: smsapi.NumberCode(code), Text: "words"}
	}
	lost, refused, unreached := failure(smsapi.Uncertain, 0), failure(smsapi.Auth, -1), failure(smsapi.Unavailable, 0)
	call := func(method string, err error) panelCall { return panelCall{method: method, err: err} }
	probe := func(err error) panelCall { return panelCall{method: "GetCredit", probe: true, err: err} }
	hour := panelCall{method: "nothing"} // passes
	for _, tc := range []struct {
		name  string
		calls []panelCall
		sends int
		told  store.Wait
	}{
		{"nothing was asked yet", nil, senders, ""},
		{"all is well", []panelCall{call("GetMsg", nil), call("SendSMS", nil)}, senders, ""},
		{"one answer to a send is lost", []panelCall{call("SendSMS", lost)}, 0, ""},
		{"one is lost, the credit comes", []panelCall{call("SendSMS", lost), probe(nil)}, 1, ""},
		{"and the next order is taken", []panelCall{call("SendSMS", lost), probe(nil), call("SendSMS", nil)}, senders, ""},
		{"and the next order is refused for its line", []panelCall{call("SendSMS", lost), probe(nil), call("SendSMS", failure(smsapi.Rejected, -5))}, senders, ""},
		{"and the next is lost, too", []panelCall{call("SendSMS", lost), probe(nil), call("SendSMS", lost)}, 0, store.PanelDown},
		{"one fetch is lost", []panelCall{call("GetMsg", lost)}, 0, ""},
		{"an answer of no error of the client's", []panelCall{call("GetMsg", errors.New("the panel's answer is empty"))}, 0, ""},
		{"the credit does not come either", []panelCall{call("GetMsg", lost), probe(lost), probe(lost)}, 0, store.PanelDown},
		{"once it did", []panelCall{call("GetCredit", nil), call("SendSMS", lost), probe(lost)}, 0, store.PanelDown},
		{"an error code instead of the credit", []panelCall{call("SendSMS", lost), probe(failure(smsapi.Rejected, -3))}, 1, ""},
		{"only the credit is not told", []panelCall{call("GetCredit", lost), call("GetCredit", lost)}, senders, ""},
		{"only a status is not told", []panelCall{call("GetStatus", lost)}, senders, ""},
		{"the credit is never told, SMS come in", []panelCall{call("SendSMS", lost), call("GetMsg", nil), probe(lost), probe(lost), hour, probe(lost)}, 1, ""},
		{"we refuse by ourselves", []panelCall{call("SendSMS", failure(smsapi.Rejected, 0))}, senders, ""},
		{"it cannot be reached", []panelCall{call("SendSMS", unreached), call("GetMsg", unreached)}, senders, ""},
		{"it cannot be reached for long", []panelCall{call("GetMsg", unreached), hour, call("GetMsg", unreached)}, senders, store.PanelDown},
		{"down, then out of reach", []panelCall{call("SendSMS", lost), probe(lost), probe(lost), probe(unreached)}, 0, store.PanelDown},
		{"lost as it went out of reach", []panelCall{call("SendSMS", lost), probe(unreached)}, senders, ""},
		{"a send is refused", []panelCall{call("SendSMS", refused)}, 0, store.LoginRefused},
		{"a fetch is refused", []panelCall{call("GetMsg", refused)}, 0, store.LoginRefused},
		{"the credit is refused to an agent", []panelCall{call("GetCredit", refused)}, 0, ""},
		{"and to us", []panelCall{call("GetCredit", refused), probe(refused)}, 0, store.LoginRefused},
		{"the credit is refused, SMS come in", []panelCall{call("SendSMS", lost), probe(refused), call("GetMsg", nil), probe(refused), hour, probe(refused)}, 1, store.LoginRefused},
		{"and orders are taken", []panelCall{call("SendSMS", lost), probe(refused), call("GetMsg", nil), hour, probe(refused), call("SendSMS", nil)}, senders, ""},
		{"and orders are refused, too", []panelCall{call("SendSMS", lost), probe(refused), call("GetMsg", nil), hour, probe(refused), call("SendSMS", refused), probe(refused)}, 0, store.LoginRefused},
		{"it was refused to an agent, a status comes", []panelCall{call("GetCredit", refused), probe(refused), call("GetStatus", nil), hour, probe(refused)}, 1, store.LoginRefused},
		{"SMS came in, then are refused, too", []panelCall{call("SendSMS", lost), probe(refused), call("GetMsg", nil), call("GetMsg", refused), hour, probe(refused)}, 0, store.LoginRefused},
		{"SMS came in, but a moment ago", []panelCall{call("SendSMS", lost), probe(refused), call("GetMsg", nil), probe(refused)}, 0, store.LoginRefused},
		{"a status is refused, the credit not", []panelCall{call("GetStatus", refused), probe(nil)}, 1, ""},
		{"a send is refused, the credit not, an order waits", []panelCall{call("SendSMS", refused), probe(nil)}, 1, store.LoginRefused},
		{"and again", []panelCall{call("SendSMS", refused), probe(nil), call("SendSMS", refused)}, 0, store.LoginRefused},
		{"until it is taken", []panelCall{call("SendSMS", refused), probe(nil), call("SendSMS", nil)}, senders, ""},
		{"fetches are refused, sends are not", []panelCall{call("GetMsg", refused), probe(nil), call("SendSMS", nil)}, senders, store.LoginRefused},
		{"down, then it refuses us", []panelCall{call("SendSMS", lost), probe(lost), probe(lost), probe(refused)}, 0, store.LoginRefused},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var c condition
			var told store.Wait
			now := midday
			for _, k := range tc.calls {
				if k.method == "nothing" {
					now = now.Add(time.Hour)
					continue
				}
				now = now.Add(time.Second)
				k.begun = now
				c = c.afterCall(k, 5*time.Second, now)
				told = c.waitFor(told, false, now)
			}
			if c.maxSends() != tc.sends || told != tc.told {
				t.Errorf("%d may be in flight, %q is told, want %d and %q: %+v", c.maxSends(), told, tc.sends, tc.told, c)
			}
		})
	}
}

// TestWhatWasInFlightBeforeSaysNothing: an answer to a request made before the trouble does not end it.
func TestWhatWasInFlightBeforeSaysNothing(t *testing.T) {
	c := condition{}.afterCall(panelCall{method: "SendSMS", begun: midday, err: &smsapi.Error{}}, time.Second, midday.Add(time.Minute))
	c = c.afterCall(panelCall{method: "GetCredit", probe: true, begun: midday.Add(time.Minute)}, time.Second, midday.Add(2*time.Minute))
	if c = c.afterCall(panelCall{method: "SendSMS", begun: midday.Add(time.Second)}, time.Second, midday.Add(3*time.Minute)); c.maxSends() != 1 {
		t.Errorf("%d may be in flight, want one", c.maxSends())
	}
}

// TestNoPauseIsShorterThanTheInterval takes every flow's pauses after many failures in a row.
func TestNoPauseIsShorterThanTheInterval(t *testing.T) {
	for _, interval := range []time.Duration{100 * time.Millisecond, time.Second, 5 * time.Second, 45 * time.Second, time.Minute, 61 * time.Second, 10 * time.Minute, 24 * time.Hour} {
		last := time.Duration(0)
		for n := 1; n < 70; n++ {
			for name, d := range map[string]time.Duration{"pause": backoff.Pause(interval, 0, n), "of fetches": pollPause(interval, n)} {
				if d < interval || d < last && name == "of fetches" {
					t.Errorf("%s after %d failures at %v: %v, before %v", name, n, interval, d, last)
				}
			}
			last = pollPause(interval, n)
		}
		c := condition{}
		for n := range 10 {
			now := midday.Add(time.Duration(n) * 24 * time.Hour)
			c = c.afterCall(panelCall{method: "GetMsg", begun: now, err: &smsapi.Error{Kind: smsapi.Auth, Code: "-1"}}, interval, now)
			if c = c.afterCall(panelCall{method: "GetCredit", probe: true, begun: now, err: &smsapi.Error{Kind: smsapi.Auth, Code: "-1"}}, interval, now); c.nextProbe.Sub(now) < interval {
				t.Errorf("a login refused at %v is tried again after %v", interval, c.nextProbe.Sub(now))
			}
		}
	}
}

// TestTrialsGrowFurtherApart: what is lost with each order that tries.
func TestTrialsGrowFurtherApart(t *testing.T) {
	c, now, before := condition{}, midday, time.Duration(0)
	for n := range 40 {
		c = c.afterCall(panelCall{method: "SendSMS", begun: now, err: &smsapi.Error{}}, 5*time.Second, now)
		if apart := c.nextProbe.Sub(now); n > 1 && apart < before || apart > longestTrialPause {
			t.Errorf("after %d tries the next look is in %v, before it was %v", n, apart, before)
		} else {
			before = apart
		}
		now = c.nextProbe
		c = c.afterCall(panelCall{method: "GetCredit", probe: true, begun: now}, 5*time.Second, now)
	}
	if before != longestTrialPause {
		t.Errorf("in the end %v apart", before)
	}
}

// TestWhoWaitsForThePanelIsLetGo: after a while also while it is in trouble, and at once when that is over.
func TestWhoWaitsForThePanelIsLetGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPanelState(time.Second)
		waits := func() time.Duration {
			begun := time.Now()
			p.wait(context.Background(), time.Hour)
			return time.Since(begun)
		}
		if d := waits(); d != 0 {
			t.Errorf("waited %v for a panel that is well", d)
		}
		p.noteCall(panelCall{method: "GetMsg", begun: time.Now(), err: &smsapi.Error{}})
		if d := waits(); d != time.Hour {
			t.Errorf("waited %v", d)
		}
		go func() {
			time.Sleep(time.Minute)
			p.noteCall(panelCall{method: "GetMsg", begun: time.Now(), err: &smsapi.Error{}})
			time.Sleep(time.Minute)
			p.noteCall(panelCall{method: "GetCredit", probe: true, begun: time.Now()})
		}()
		if d := waits(); d != 2*time.Minute {
			t.Errorf("waited %v", d)
		}
	})
}

func TestARowOfLossesEndsAfterQuietTime(t *testing.T) {
	for _, tc := range []struct {
		fetches int
		since   time.Duration
		over    bool
	}{
		{1, 0, false}, {59, 5 * time.Minute, false}, {60, time.Second, true}, {3, 24 * time.Hour, false}, {6, 59 * time.Minute, false}, {6, time.Hour, true},
	} {
		if got := lossesOver(tc.fetches, tc.since); got != tc.over {
			t.Errorf("after %d good fetches in %v: %t", tc.fetches, tc.since, got)
		}
	}
}

var midday = time.Date(2026, 3, 21, 12, 0, 0, 0, time.UTC)
