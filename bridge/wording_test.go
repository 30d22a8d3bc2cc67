//lint:file-ignore ST1018 Persian is written with U+200C

package bridge_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"peyk/sandbox/panel"
	"peyk/sandbox/telegram"
)

// isTold has somebody act and makes sure that they are told what, and what not.
func (w *world) isTold(chat int64, action func(), want string, not ...string) {
	w.Helper()
	said := strings.Join(w.answers(chat, action), "\n")
	if !strings.Contains(said, want) {
		w.Errorf("told %q, want %q", said, want)
	}
	for _, words := range not {
		if strings.Contains(said, words) {
			w.Errorf("told %q, which is not so: %q", said, words)
		}
	}
}

// TestAnEditIsToldWhatBecameOfTheOrder: only what was given to the panel, or waits for it, was ordered.
func TestAnEditIsToldWhatBecameOfTheOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		w.start()
		shown := w.shows("09121111111", "hello")
		edit := func(id int) func() {
			return func() {
				if err := w.tg.Edit(w.ali, w.group, id, "/send 09121111111 something else"); err != nil {
					t.Fatal(err)
				}
			}
		}
		const asked, unsent, ordered = "The question is about the original text: the edit changes nothing", "Nothing was sent, and the edit changes nothing", "The SMS was ordered"
		long := strings.Repeat("a", 161)

		reply := w.says(telegram.Post{Chat: w.group, From: w.ali, Text: long, ReplyTo: shown.ID})
		w.sees(w.group, "parts each: 2", "Credit")
		w.isTold(w.group, edit(reply), asked, ordered)

		many := w.agentSays("/send 09121111111,09122222222 hello")
		question := w.sees(w.group, "Recipients: 2", "Credit")
		w.isTold(w.group, edit(many), asked, ordered)
		w.presses(w.ali, question, "Cancel")

		cancelled := w.agentSays("/send 09122222222 " + long + "b")
		w.presses(w.ali, w.sees(w.group, "To 09122222222", "parts each: 2", "Credit"), "Cancel")
		w.sees(w.group, "To 09122222222: 🚫")
		w.isTold(w.group, edit(cancelled), unsent, ordered, asked)

		expired := w.agentSays("/send 09123333333 " + long + "c")
		w.sees(w.group, "To 09123333333", "Credit")
		w.sees(w.group, "To 09123333333: ⌛")
		w.isTold(w.group, edit(expired), unsent, ordered, asked)

		w.panel.Arm(panel.Fault{Kind: panel.Close, Method: "SendSMS", CarryOut: true})
		doubtful := w.agentSays("/send 09124444444 hello")
		w.sees(w.group, "To 09124444444: ❓")
		w.isTold(w.group, edit(doubtful), ordered, unsent, asked)
	})
}

func TestWhatIsSaidInPrivateToNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		w.start()
		const unknown = "not an SMS I know"
		first := w.says(telegram.Post{Chat: w.ali, From: w.ali, Text: "/id"})
		for _, tc := range []struct {
			post telegram.Post
			told string
		}{
			{telegram.Post{Text: "/send 09121111111 hello", ForwardFrom: w.sara}, "somebody else's words"},
			{telegram.Post{Text: "where is my order?", ForwardFrom: w.omid}, "somebody else's words"},
			{telegram.Post{Text: "/credit", ForwardFrom: w.ali}, "somebody else's words"},
			{telegram.Post{Text: "made by a bot", ViaBot: "gif"}, "somebody else's words"},
			{telegram.Post{Text: "hello?"}, "I don't know who that is for"},
			{telegram.Post{Text: "09121111111 hello"}, "I don't know who that is for"},
			{telegram.Post{Text: "and this", ReplyTo: first}, "I don't know who that is for"},
		} {
			tc.post.Chat, tc.post.From = w.ali, w.ali
			w.isTold(w.ali, func() { w.says(tc.post) }, tc.told, unknown)
			w.isTold(w.ali, func() { w.says(tc.post) }, "nothing was sent", unknown)
		}
	})
}

// TestADecisionIsToldOnce says neither twice what was decided, nor that it was carried out before it was.
func TestADecisionIsToldOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		w.start()
		lose := func(text string) telegram.Message {
			w.panel.Arm(panel.Fault{Kind: panel.Close, Method: "SendSMS", CarryOut: true})
			w.agentSays("/send " + text)
			return w.sees(w.group, "To "+text[:11]+": ❓")
		}
		w.presses(w.ali, lose("09121111111 one"), "Leave")
		left := w.sees(w.group, "To 09121111111: ❔", "left so by \u2068Ali\u2069")
		if n := strings.Count(left.Text, "left so"); n != 1 {
			t.Errorf("told %d times that it was left: %q", n, left.Text)
		}
		asked := lose("09123333333 three")
		w.PanelNet.Down()
		w.presses(w.ali, asked, "Send again")
		waits := w.sees(w.group, "To 09123333333: ⏳", "to be sent again, says \u2068Ali\u2069")
		if waits.ID != asked.ID {
			t.Errorf("told %q", waits.Text)
		}
	})
}

func TestWhatIsNotSoIsNotSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		w.start()
		say := func(p telegram.Post) func() {
			return func() {
				p.Chat, p.From = w.group, w.sara
				w.says(p)
			}
		}
		w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "/send 09121111111,09122222222 hello"})
		many := w.sees(w.group, "Recipients: 2", "Credit")
		w.presses(w.ali, many, "Cancel")
		w.sees(w.group, "To 2 recipients: 🚫")
		w.isTold(w.group, say(telegram.Post{Text: "hello", ReplyTo: many.ID}), "2 recipients: nothing was sent", "That went to")
		shown := w.shows("09123333333", "I was answered long ago")
		w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "as you said", ReplyTo: shown.ID})
		w.sent(1)
		time.Sleep(40 * time.Minute)
		w.isTold(w.group, say(telegram.Post{Text: "/release", ReplyTo: shown.ID}), "Nobody has taken 09123333333", "for \u2068Ali")
		w.isTold(w.group, say(telegram.Post{Text: "/link 09121111111"}), "SMS of 09121111111 are now shown here")
		w.isTold(w.group, say(telegram.Post{Text: "/inbox off"}), "SMS of 09121111111 still are")
		w.isTold(w.group, say(telegram.Post{Text: "/inbox"}), "SMS of 09121111111 still are")
		w.isTold(w.group, say(telegram.Post{Text: "/unlink"}), "no longer belongs to 09121111111")
		w.isTold(w.group, say(telegram.Post{Text: "/inbox off"}), "no longer shown here", "still are")
	})
}

func TestHelpHasExamples(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for language, examples := range map[string][]string{
			"en": {"/send 09121234567 Hello", "/status 5000000001", "/name Mrs. Rezaei", "/line 30001234", "/inbox on 30001234", "/topics on", "/link 09121234567", "/allow 123456789", "/deny 123456789", "/language fa"},
			"fa": {"/send 09121234567 سلام", "/status 5000000001", "/name خانم رضایی", "/line 30001234", "/inbox on 30001234", "/topics on", "/link 09121234567", "/allow 123456789", "/deny 123456789", "/language en"},
		} {
			w := newWorld(t, telegram.Options{}, panel.Options{})
			w.opts.Language = language
			w.start()
			w.says(telegram.Post{Chat: w.sara, From: w.sara, Text: "/help"})
			help := w.sees(w.sara, "/check")
			for _, example := range examples {
				if !slices.ContainsFunc(help.Entities, func(e telegram.Entity) bool { return e.Type == "code" }) || !strings.Contains(help.Text, example) {
					t.Errorf("%s: no example %q in %q", language, example, help.Text)
				}
			}
			w.says(telegram.Post{Chat: w.ali, From: w.ali, Text: "/help"})
			if help := w.sees(w.ali, "/send"); strings.Contains(help.Text, "/allow") {
				t.Errorf("%s: an agent is told %q", language, help.Text)
			}
			w.end()
		}
	})
}

func TestWelcomeSaysWhatIsSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		w.start()
		const will = "once you press the button"
		for name, tc := range map[string]struct {
			before  []string // said while the bot was in the group before
			told    string
			button  bool
			setting bool
		}{
			"a group of the settings":          {nil, "Customers' SMS are shown here", false, true},
			"another group":                    {nil, will, true, false},
			"an inbox":                         {[]string{"/inbox on"}, "Customers' SMS are shown here", false, false},
			"an inbox of one line":             {[]string{"/inbox on 30005678"}, "Customers' SMS are shown here", false, false},
			"an inbox that was switched off":   {[]string{"/inbox on", "/inbox off"}, will, true, false},
			"a group that belongs to somebody": {[]string{"/link 09121111111"}, "SMS of 09121111111 are shown here", true, false},
		} {
			group := w.group
			if !tc.setting {
				group = w.tg.AddSupergroup("Other", w.sara, w.ali, w.tg.Bot().ID)
			}
			for _, command := range tc.before {
				w.answers(group, func() { w.says(telegram.Post{Chat: group, From: w.sara, Text: command}) })
			}
			if err := w.tg.RemoveBot(group, w.sara); err != nil {
				t.Fatal(err)
			}
			if err := w.tg.AddBot(group, w.sara); err != nil {
				t.Fatal(err)
			}
			m := w.sees(group, "Hello.")
			if !strings.Contains(m.Text, tc.told) || strings.Contains(m.Text, will) != (tc.told == will) || (len(m.Buttons) > 0) != tc.button {
				t.Errorf("%s is told %q, %v", name, m.Text, m.Buttons)
			}
		}
	})
}
