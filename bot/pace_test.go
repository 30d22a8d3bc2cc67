package bot

import (
	"testing"
	"time"

	"peyk/sms"
)

// TestPatienceOutlastsOtherHolds has a chat be held for several reasons at once: what Telegram asked for does not end with the others, nor they with it.
func TestPatienceOutlastsOtherHolds(t *testing.T) {
	const chat, second, third = sms.ChatID(1), sms.ChatID(2), sms.ChatID(3)
	now := time.Now()
	for name, test := range map[string]struct {
		do   func(p *pacer)
		of   sms.ChatID
		want time.Duration // for how long it is held
	}{
		"the disk takes nothing as it asks": {func(p *pacer) { p.slowDown(chat, time.Minute, now); p.hold(chat, storePause, now); p.release(chat) }, chat, time.Minute},
		"it asks of a chat that is lost":    {func(p *pacer) { p.hold(chat, lostChatPause, now); p.slowDown(chat, time.Second, now); p.release(chat) }, chat, time.Second},
		"a lost chat was asked before":      {func(p *pacer) { p.slowDown(chat, time.Second, now); p.hold(chat, lostChatPause, now) }, chat, lostChatPause},
		"it asks two, and is heard of again": {func(p *pacer) {
			p.holdAll(func() time.Duration { return time.Second }, now)
			p.slowDown(chat, time.Minute, now)
			p.slowDown(second, time.Minute, now)
			p.releaseAll()
		}, third, time.Minute},
		"it is heard of again":    {func(p *pacer) { p.holdAll(func() time.Duration { return time.Minute }, now); p.releaseAll() }, third, 0},
		"a lost chat is heard of": {func(p *pacer) { p.hold(chat, lostChatPause, now); p.release(chat) }, chat, 0},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPacer(time.Second)
			test.do(p)
			if got := max(0, p.heldUntil(test.of, now).Sub(now)); got != test.want {
				t.Errorf("held for %v, want %v", got, test.want)
			}
		})
	}
}
