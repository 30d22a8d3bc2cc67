package bot_test

import (
	"strings"
	"testing"

	"peyk/sandbox/panel"
	"peyk/sandbox/telegram"
	"peyk/sms"
)

func TestPartsAreCountedByTheSizesOfThePanel(t *testing.T) {
	w := newWorld(t, telegram.Options{}, panel.Options{})
	w.opts.PartSizes = sms.PartSizes{GSM: sms.PartSize{Alone: 20, Joined: 15}, Unicode: sms.PartSize{Alone: 12, Joined: 10}}
	w.start()
	w.agentSays("/send 09121111111 " + strings.Repeat("a", 21))
	w.sees(w.group, "Recipients: 1, parts each: 2, parts in all: 2", "Latin text, 20 characters in one part, 15 in each of several")
	w.agentSays("/send 09121111111 " + strings.Repeat("س", 21))
	w.sees(w.group, "Recipients: 1, parts each: 3, parts in all: 3", "(U+0633): 12 characters in one part, 10 in each of several")
	w.agentSays("/send 09121111111 " + strings.Repeat("a", 20))
	w.sent(1)
}
