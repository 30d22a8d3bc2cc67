package sandbox

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"

	"peyk/sandbox/panel"
	"peyk/sandbox/telegram"
)

// post is a message of the bot that shows SMS: heads and words by turns.
func post(topic int, parts ...string) telegram.Message {
	m := telegram.Message{FromBot: true, Topic: topic}
	units := func(s string) int { return len(utf16.Encode([]rune(s))) }
	for i := 0; i < len(parts); i += 2 {
		m.Text += parts[i] + "\n"
		m.Entities = append(m.Entities, telegram.Entity{Type: "blockquote", Offset: units(m.Text), Length: units(parts[i+1])})
		m.Text += parts[i+1] + "\n"
	}
	return m
}

func head(number, id string) string { return "📩 " + number + " → 30001234 · 12:00 · " + id }

func TestFindShown(t *testing.T) {
	const a, b = "09121111111", "09122222222"
	long := strings.Repeat("کلمه ", 1000)
	said := post(0, head(a, "#s1"), "hi")
	said.FromBot = false
	for _, tt := range []struct {
		name     string
		inbox    [][2]string // customer, words
		messages []telegram.Message
		want     []bool
	}{
		{"nothing", [][2]string{{a, "hi"}}, nil, []bool{false}},
		{"one", [][2]string{{a, "hi"}, {b, "hi"}}, []telegram.Message{post(0, head(b, "#s1"), "hi")}, []bool{false, true}},
		{"of equal ones the first", [][2]string{{a, "hi"}, {a, "hi"}}, []telegram.Message{post(0, head(a, "#s1"), "hi")}, []bool{true, false}},
		{"equal ones", [][2]string{{a, "hi"}, {a, "hi"}}, []telegram.Message{post(0, head(a, "#s1"), "hi"), post(0, head(a, "#s2"), "hi")}, []bool{true, true}},
		{"one again, in another chat or after a kill", [][2]string{{a, "hi"}, {a, "hi"}},
			[]telegram.Message{post(0, head(a, "#s1"), "hi"), post(0, head(a, "#s1 · ♻️ perhaps repeated"), "hi")}, []bool{true, false}},
		{"several in one message", [][2]string{{a, "hi"}, {b, "no"}, {b, "yes"}},
			[]telegram.Message{post(0, "2 SMS.\n"+head(a, "#s1"), "hi", head(b, "#s3"), "yes")}, []bool{true, false, true}},
		{"a number written otherwise", [][2]string{{"+98" + a[1:], "hi"}}, []telegram.Message{post(0, head(a, "#s1"), "hi")}, []bool{true}},
		{"in a customer's topic", [][2]string{{a, "hi"}}, []telegram.Message{post(7, "📩 12:00 · #s1", "hi")}, []bool{true}},
		{"somebody else's words", [][2]string{{a, "hi"}}, []telegram.Message{post(0, head(b, "#s1"), "hi")}, []bool{false}},
		{"an agent's words", [][2]string{{a, "hi"}}, []telegram.Message{said}, []bool{false}},
		{"characters no network keeps", [][2]string{{a, " a\x1b\u202eb\n\n"}}, []telegram.Message{post(0, head(a, "#s1"), "a\uFFFDb")}, []bool{true}},
		{"nothing that can be seen", [][2]string{{a, "\u200b "}}, []telegram.Message{post(0, head(a, "#s1"), "∅")}, []bool{true}},
		{"the first part of a long one", [][2]string{{a, long}}, []telegram.Message{post(0, head(a, "#s1 · part 1 of 2"), long[:4000])}, []bool{false}},
		{"its last part", [][2]string{{a, long}}, []telegram.Message{post(0, head(a, "#s1 · part 1 of 2"), long[:4500]), post(0, head(a, "#s1 · part 2 of 2"), long[4500:])}, []bool{true}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var inbox []panel.Inbound
			for _, m := range tt.inbox {
				inbox = append(inbox, panel.Inbound{SMS: panel.SMS{Customer: m[0], Text: m[1]}})
			}
			if got := findShown(inbox, tt.messages); !cmp.Equal(got, tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

// TestCountsAddUp has the panel go through everything that can happen to an SMS, and counts after each step what it did, not what it tells.
func TestCountsAddUp(t *testing.T) {
	p := start(t, Options{})
	l := p.life(0)
	steps := []struct {
		name string
		do   func()
		want counts
	}{
		{"nothing", func() {}, counts{}},
		{"a customer writes", func() {
			p.curl("/panel/sms", "from=09121111111", "text=one")
			p.curl("/panel/sms", "from=09121111111", "text=two")
		},
			counts{Written: 2, Unread: 2}},
		{"both are fetched", func() { p.soap(l, "GetMsg", "") }, counts{Written: 2, Fetched: 2}},
		{"one is shown", func() {
			p.bot(l, "sendMessage", map[string]any{"chat_id": l.Env["INBOX_CHATS"], "parse_mode": "HTML", "text": head("09121111111", "#s2") + "\n<blockquote>two</blockquote>"})
		}, counts{Written: 2, Fetched: 1, Shown: 1}},
		{"two are asked for", func() { p.send(l, "30001234", "09121111111", "09122222222") },
			counts{Written: 2, Fetched: 1, Shown: 1, Asked: 2, Sent: 2, Accepted: 2, Underway: 2}},
		{"one arrives, one does not", func() {
			p.curl("/panel/status", "number=09121111111", "status=4")
			p.curl("/panel/status", "number=09122222222", "status=6")
		}, counts{Written: 2, Fetched: 1, Shown: 1, Asked: 2, Sent: 2, Accepted: 2, Delivered: 1, Failed: 1}},
		{"from a wrong line", func() { p.send(l, "30009999", "09121111111") },
			counts{Written: 2, Fetched: 1, Shown: 1, Asked: 3, Sent: 2, Refused: 1, Accepted: 2, Delivered: 1, Failed: 1}},
		{"refused by a fault", func() {
			p.curl("/panel/fault", "kind=errcode", "code=-3")
			p.send(l, "30001234", "09121111111")
		}, counts{Written: 2, Fetched: 1, Shown: 1, Asked: 4, Sent: 2, Refused: 2, Accepted: 2, Delivered: 1, Failed: 1}},
		{"the answer with an SMS is lost", func() {
			p.curl("/panel/sms", "from=09121111111", "text=three")
			p.curl("/panel/fault", "kind=crash", "carry_out=true", "method=GetMsg")
			p.soap(l, "GetMsg", "")
		}, counts{Written: 3, Fetched: 1, Lost: 1, Shown: 1, Asked: 4, Sent: 2, Refused: 2, Accepted: 2, Delivered: 1, Failed: 1}},
		{"the panel gives it again", func() {
			p.curl("/panel/repeat")
			p.soap(l, "GetMsg", "")
		}, counts{Written: 3, Fetched: 2, Shown: 1, Asked: 4, Sent: 2, Refused: 2, Accepted: 2, Delivered: 1, Failed: 1}},
		{"sent, the answer is lost", func() {
			p.curl("/panel/fault", "kind=crash", "carry_out=true")
			p.send(l, "30001234", "09121111111")
		}, counts{Written: 3, Fetched: 2, Shown: 1, Asked: 5, Sent: 2, Refused: 2, Uncertain: 1, Accepted: 3, Delivered: 2, Failed: 1}},
		{"not sent, no answer", func() {
			p.curl("/panel/fault", "kind=crash")
			p.send(l, "30001234", "09121111111", "09122222222")
		}, counts{Written: 3, Fetched: 2, Shown: 1, Asked: 7, Sent: 2, Refused: 2, Uncertain: 3, Accepted: 3, Delivered: 2, Failed: 1}},
	}
	page := p.live(t)
	for _, step := range steps {
		step.do()
		page.wait(t, step.name, func(s liveState) bool {
			c := s.Counts
			if c.Written != c.Unread+c.Fetched+c.Lost+c.Shown || c.Asked != c.Sent+c.Refused+c.Uncertain || c.Accepted != c.Underway+c.Delivered+c.Failed {
				t.Errorf("%s: they do not add up: %+v", step.name, c)
			}
			return c == step.want
		})
	}
}

// send calls SendSMS as the bridge would.
func (p *play) send(l life, line string, to ...string) {
	items := ""
	for _, n := range to {
		items += `<item xsi:type="xsd:string">` + n + `</item>`
	}
	p.soap(l, "SendSMS", fmt.Sprintf(`<fromNum>%s</fromNum><toNum c:arrayType="xsd:string[%d]">%s</toNum><messageContent>hi</messageContent>`, line, len(to), items))
}
