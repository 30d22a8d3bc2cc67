package telegram

import (
	"context"
	"runtime"
	"strings"
	"testing"
)

func TestFaultsSpoilCalls(t *testing.T) {
	for _, c := range []struct {
		fault   Fault
		err     string // part of the transport's error
		refusal string
		posted  bool
	}{
		{Fault{Kind: Refuse, Code: 403, Description: "Forbidden: user is deactivated"}, "", "Forbidden: user is deactivated", false},
		{Fault{Kind: Refuse}, "", "Bad Request", false},
		{Fault{Kind: TooMany, RetryAfter: 7}, "", "Too Many Requests: retry after 7", false},
		{Fault{Kind: BadGateway}, "status 502", "", false},
		{Fault{Kind: CloseBefore}, "EOF", "", false},
		{Fault{Kind: CloseAfter}, "EOF", "", true},
		{Fault{Kind: CutAnswer}, "unexpected EOF", "", true},
		{Fault{Kind: Slow, Delay: 1}, "", "", true},
	} {
		t.Run(string(c.fault.Kind), func(t *testing.T) {
			s, b, _, team := room(t, Options{})
			c.fault.Method = "SENDMESSAGE"
			check(t, s.Arm(c.fault))
			b.must(nil, "getMe", nil) // another method
			a, err := b.try(deadline(t), "sendMessage", params{"chat_id": team, "text": "x"})
			switch {
			case c.err == "" && err != nil, c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)):
				t.Errorf("got %v, want %s", err, c.err)
			case a.Description != c.refusal:
				t.Errorf("got %+v, want %s", a, c.refusal)
			case c.fault.RetryAfter != a.Parameters.RetryAfter:
				t.Errorf("got %+v", a)
			}
			if got := len(s.Messages(team)) == 1; got != c.posted {
				t.Errorf("posted: %v, want %v", got, c.posted)
			}
			calls := s.Calls()
			if last := calls[len(calls)-1]; last.Fault != c.fault.Kind || last.Chat != team {
				t.Errorf("got %+v", last)
			}
			if len(s.Armed()) != 0 || s.Throttled() != 0 {
				t.Errorf("left: %v, throttled %d", s.Armed(), s.Throttled())
			}
			b.send(params{"chat_id": team, "text": "used up"})
		})
	}
}

func TestFaultsCountAndChoose(t *testing.T) {
	s, b, owner, team := room(t, Options{})
	if s.Arm(Fault{Kind: "nonsense"}) == nil {
		t.Error("armed nonsense")
	}
	if s.Arm(Fault{Kind: Refuse, Chance: 2}) == nil {
		t.Error("armed a chance above one")
	}
	check(t, s.Arm(Fault{Kind: Refuse, Chat: team, Chance: 1e-300})) // strikes nobody
	check(t, s.Arm(Fault{Kind: Refuse, Chat: team, Skip: 1, Times: 2}))
	check(t, s.Arm(Fault{Kind: Refuse, Chat: owner.ID, Times: -1}))
	outcome := func(chat int64) (o string) {
		for range 4 {
			if b.call("sendMessage", params{"chat_id": chat, "text": "x"}).OK {
				o += "+"
			} else {
				o += "-"
			}
		}
		return o
	}
	if got := outcome(team) + outcome(owner.ID); got != "+--+----" {
		t.Errorf("got %s", got)
	}
	check(t, s.Arm(Fault{Kind: CloseBefore, Times: -1}))
	s.TakeBack(CloseBefore)
	if got := outcome(owner.ID); got != "----" {
		t.Errorf("another was taken back: got %s", got)
	}
	s.Disarm()
	if got := outcome(owner.ID); got != "++++" {
		t.Errorf("disarmed: got %s", got)
	}
}

func TestAHangingCallEndsWithItsCallerDisarmOrDown(t *testing.T) {
	for _, end := range []string{"caller", "disarm", "down"} {
		t.Run(end, func(t *testing.T) {
			s, b, _, team := room(t, Options{})
			check(t, s.Arm(Fault{Kind: Hang}))
			ctx, cancel := context.WithCancel(deadline(t))
			defer cancel()
			failed := make(chan error)
			go func() {
				_, err := b.try(ctx, "sendMessage", params{"chat_id": team, "text": "x"})
				failed <- err
			}()
			for len(s.Armed()) > 0 {
				runtime.Gosched()
			}
			switch end {
			case "caller":
				cancel()
			case "disarm":
				s.Disarm()
			case "down":
				s.SetDown(true)
			}
			if err := <-failed; err == nil || len(s.Messages(team)) != 0 {
				t.Errorf("got %v, %d messages", err, len(s.Messages(team)))
			}
		})
	}
}

func TestOnCallHoldsTheCallAtBothStages(t *testing.T) {
	s, b, _, team := room(t, Options{})
	var stages []string
	s.OnCall(func(stage Stage, method string, chat int64) {
		stages = append(stages, string(stage)+" "+method)
		if chat != team {
			t.Errorf("got chat %d", chat)
		}
		want := 0
		if stage == AfterHandling {
			want = 1
		}
		if got := len(s.Messages(team)); got != want { // the server can be asked from within
			t.Errorf("%s: %d messages", stage, got)
		}
	})
	b.send(params{"chat_id": team, "text": "x"})
	if got := strings.Join(stages, ", "); got != "before sendMessage, after sendMessage" {
		t.Errorf("got %s", got)
	}
}
