package bot_test

import (
	"cmp"
	"fmt"
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

func TestForeignNumbersAreAskedAbout(t *testing.T) {
	w := newWorld(t, telegram.Options{}, panel.Options{})
	w.start()
	w.agentSays("/send +447911123456 hi")
	w.presses(w.ali, w.sees(w.group, "Send this?", "Recipients: 1, parts each: 1", "Abroad", "+447911123456"), "Send")
	if got := w.sent(1)[0]; got.Customer != "447911123456" || got.Text != "hi" {
		t.Errorf("sent %+v", got)
	}
	// The panel may leave out the plus.
	shown := w.shows("447911123457", "where is my order?")
	w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "on its way", ReplyTo: shown.ID})
	w.presses(w.ali, w.sees(w.group, "Send this?", "Abroad", ": 447911123457"), "Cancel")
	var foreign []string
	for i := range 12 {
		foreign = append(foreign, fmt.Sprintf("+4479111234%02d", i))
	}
	w.agentSays("/send 09121111111," + strings.Join(foreign, ",") + " hi")
	asked := w.sees(w.group, "Recipients: 13", "Abroad", foreign[0], foreign[9], "and 2 more")
	if strings.Contains(asked.Text, "09121111111") || strings.Contains(asked.Text, foreign[10]) {
		t.Errorf("asked %q", asked.Text)
	}
	w.presses(w.ali, asked, "Cancel")
	w.agentSays("/send 02188776655 a landline is not asked about")
	w.sent(2)
}

func TestOnlyAllowedPrefixesAreSentTo(t *testing.T) {
	w := newWorld(t, telegram.Options{}, panel.Options{})
	w.opts.Prefixes = []string{"+98912", "+44"}
	w.start()
	const told = "These numbers may not be sent to; nothing was sent to anybody"
	shown := w.shows("09351111111", "where is my order?")
	for name, p := range map[string]telegram.Post{
		"a command":            {Text: "/send 09121111111,09351111111,+15417543010 hi"},
		"a reply":              {Text: "on its way", ReplyTo: shown.ID},
		"a command of another": {Text: "/send 09351111111 hi", From: w.sara},
	} {
		t.Run(name, func(t *testing.T) {
			p.Chat, p.From = w.group, cmp.Or(p.From, w.ali)
			said := w.answers(w.group, func() { w.says(p) })
			if len(said) != 1 || !containsAll(said[0], []string{told, "\n09351111111\n", "begin with +98912, +44", "ALLOWED_PREFIXES"}) || strings.Contains(said[0], "09121111111") {
				t.Errorf("the agent is told %q", said)
			}
		})
	}
	if n := w.orders(w.group); n != 0 {
		t.Errorf("there are %d orders", n)
	}
	w.agentSays("/send 09121111111 hi")
	w.sent(1)
	w.agentSays("/send +447911123456 hi")
	w.presses(w.ali, w.sees(w.group, "Send this?", "Abroad"), "Send")
	w.sent(2)
}
