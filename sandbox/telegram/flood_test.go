package telegram

import (
	"testing"
	"time"
)

// schedule sends n messages as soon as the limiter lets it, to chats in turn, and returns when the last one went.
// It moves in steps of a millisecond, as a sender that knows the limits would.
func schedule(f *limiter, n int, chats int64, group bool) time.Duration {
	now := time.Duration(0)
	for i := range n {
		for f.take(now, int64(i)%chats, group) > 0 {
			now += time.Millisecond
		}
	}
	return now
}

func TestLimitsLetThroughExactlyWhatTheyAllow(t *testing.T) {
	usual := UsualLimits()
	for _, c := range []struct {
		name   string
		limits Limits
		n      int
		chats  int64
		group  bool
		want   time.Duration
	}{
		{"none", Limits{}, 1000, 1, true, 0},
		{"one group", usual, 100, 1, true, (60*4 + 19) * time.Second}, // 60 floor((N-1)/20) + (N-1) mod 20
		{"one private chat", usual, 100, 1, false, 99 * time.Second},
		{"each to one of many chats", usual, 301, 301, true, 10 * time.Second}, // N/30
		{"all to 30 private chats", usual, 300, 30, false, 9 * time.Second},
		{"a burst", Limits{PerChatSecond: 1, ChatBurst: 3}, 5, 1, false, 2 * time.Second},
		{"two a second", Limits{PerChatSecond: 2}, 6, 1, false, 2 * time.Second},
	} {
		if got := schedule(newLimiter(c.limits), c.n, c.chats, c.group); got != c.want {
			t.Errorf("%s: %d messages took %v, want %v", c.name, c.n, got, c.want)
		}
	}
}

func TestWaitingRetryAfterIsEnoughAndRefusalsDoNotCount(t *testing.T) {
	f := newLimiter(UsualLimits())
	now := time.Duration(0)
	for i := range 20 {
		now = time.Duration(i) * time.Second
		if wait := f.take(now, 1, true); wait != 0 {
			t.Fatalf("message %d: wait %d s", i, wait)
		}
	}
	now += 1500 * time.Millisecond
	for range 100 {
		if wait := f.take(now, 1, true); wait != 40 { // the first left the window at 60 s; it is 20.5 s
			t.Fatalf("got %d s, want 40", wait)
		}
	}
	if wait := f.take(now, 2, true); wait != 0 {
		t.Errorf("another chat: wait %d s", wait)
	}
	if wait := f.take(now+40*time.Second, 1, true); wait != 0 {
		t.Errorf("after retry_after: wait %d s", wait)
	}
}

func TestTheServerAnswers429(t *testing.T) {
	s, b, owner, team := room(t, Options{Limits: Limits{PerGroupMinute: 1}})
	b.send(params{"chat_id": team, "text": "x"})
	a := b.call("sendMessage", params{"chat_id": team, "text": "x"})
	if a.Code != 429 || a.Parameters.RetryAfter < 1 || a.Parameters.RetryAfter > 60 || s.Throttled() != 1 {
		t.Fatalf("got %+v, throttled %d", a, s.Throttled())
	}
	b.send(params{"chat_id": owner.ID, "text": "x"})
	edit := params{"chat_id": team, "message_id": s.Messages(team)[0].ID, "text": "y"}
	if a := b.call("editMessageText", edit); a.Code != 429 {
		t.Errorf("an edit is answered %+v, as if it did not count", a)
	}
	s.SetLimits(Limits{})
	for range 50 {
		b.send(params{"chat_id": team, "text": "x"})
	}
}

func TestItsClockRunsFast(t *testing.T) {
	_, b, _, team := room(t, Options{Limits: Limits{PerGroupMinute: 1}, Speed: 6000})
	b.send(params{"chat_id": team, "text": "x"})
	for ctx := deadline(t); ; { // which ends before a minute has passed; one here is 10 ms
		a, err := b.try(ctx, "sendMessage", params{"chat_id": team, "text": "x"})
		if err != nil || a.OK {
			check(t, err)
			break
		}
	}
}
