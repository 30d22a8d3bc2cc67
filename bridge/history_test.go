//lint:file-ignore ST1018 Persian is written with U+200C

package bridge_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf16"

	"peyk/sandbox/panel"
	"peyk/sandbox/telegram"
)

// asks says a command and returns what answers it.
func (w *world) asks(p telegram.Post) telegram.Message {
	time.Sleep(time.Second) // nobody asks before the bridge has noted what they saw it show
	w.Helper()
	return w.Asks(p)
}

// turned waits until a message has changed to say all the words.
func (w *world) turned(m telegram.Message, words ...string) telegram.Message {
	w.Helper()
	changed, err := w.tg.WaitMessage(w.context(), m.Chat, func(now telegram.Message) bool { return now.ID == m.ID && containsAll(now.Text, words) })
	if err != nil {
		w.Fatalf("message %d does not come to say %q: %v\n%s", m.ID, words, err, w.transcript(m.Chat))
	}
	return changed
}

// quoteOf is a quote of words in a message.
func quoteOf(m telegram.Message, words string) *telegram.Quote {
	before, _, _ := strings.Cut(m.Text, words)
	return &telegram.Quote{Text: words, At: len(utf16.Encode([]rune(before)))}
}

// shortID is the id in the head of an SMS, its last word.
var shortID = regexp.MustCompile(`#s\w+(?:\x{2069})?\n`)

// picks has Ali answer the SMS with these words, one of several in a message: by a quote, or by its id on a server that knows no quotes.
func (w *world) picks(m telegram.Message, words, text string) {
	w.Helper()
	p := telegram.Post{Chat: m.Chat, From: w.ali, ReplyTo: m.ID, Text: text}
	if w.old {
		before, _, _ := strings.Cut(m.Text, words)
		ids := shortID.FindAllString(before, -1)
		p.Text = strings.Trim(ids[len(ids)-1], "\u2069\n") + " " + text
	} else {
		p.Quote = quoteOf(m, words)
	}
	w.says(p)
}

// folded tells whether a message has an expandable block quote.
func folded(m telegram.Message) bool {
	for _, e := range m.Entities {
		if e.Type == "expandable_blockquote" {
			return true
		}
	}
	return false
}

func TestHistory(t *testing.T) {
	for language, s := range map[string]struct{ older, newer, delivered, end, none, usage, several string }{
		"en": {"Older", "Newer", "delivered", "Nothing more", "No SMS from or to 09129999999", "Use /history NUMBER", "Quote the one you answer"},
		"fa": {"قدیمی‌تر", "تازه‌تر", "رسیده", "از این سو", "هیچ پیامکی از", "این‌طور بفرستید: \u2066/history", "نقل‌قول"},
	} {
		t.Run(language, func(t *testing.T) {
			atEach(t, func(t *testing.T, server telegram.Options) {
				w := newWorld(t, server, panel.Options{Statuses: []panel.Step{{Status: 4}}})
				w.opts.Language = language
				w.start()
				// To a customer whom only /send knows, in private: 24 SMS.
				ask := func(text string) telegram.Message {
					return w.asks(telegram.Post{Chat: w.ali, From: w.ali, Text: text})
				}
				for i := range 24 {
					w.bears(w.ali, w.says(telegram.Post{Chat: w.ali, From: w.ali, Text: fmt.Sprintf("/send 09123333333 word%d.", i)}), "👍")
				}
				page := ask("/history +98 912 333 3333")
				if folded(page) == w.old || !containsAll(page.Text, []string{"🕘", "09123333333", "word4.", "word23.", "Ali", s.delivered, "30001234"}) || strings.Contains(page.Text, "word3.") {
					t.Fatalf("the first page is %q", page.Text)
				}
				if got := labels(page); got != s.older {
					t.Errorf("under the first page stands %q", got)
				}
				w.presses(w.ali, page, s.older)
				older := w.turned(page, "word0.", "word3.")
				if strings.Contains(older.Text, "word4.") || labels(older) != s.newer {
					t.Errorf("the older page is %q, with %q", older.Text, labels(older))
				}
				w.pressesData(w.ali, older, page.Buttons[0][0].Data) // pressed twice
				w.quiet()
				w.turned(page, "word0.")
				w.presses(w.ali, older, s.newer)
				w.turned(page, "word4.", "word23.")
				w.says(telegram.Post{Chat: w.ali, From: w.ali, ReplyTo: page.ID, Text: "and this"})
				if last := w.sent(25)[24]; last.Customer != "09123333333" || last.Text != "and this" {
					t.Errorf("a reply to a page became %+v", last)
				}

				if m := ask("/history 09129999999"); !strings.Contains(m.Text, s.none) {
					t.Errorf("told %q", m.Text)
				}
				if m := ask("/history"); !strings.Contains(m.Text, s.usage) {
					t.Errorf("told %q", m.Text)
				}
			})
		})
	}
}

// TestHistoryOfALine: SMS of several lines stand together, a line of ours leaves out the others, and an answer goes out from the line of what it quotes.
func TestHistoryOfALine(t *testing.T) {
	for language, several := range map[string]string{"en": "Quote the one you answer", "fa": "نقل‌قول"} {
		t.Run(language, func(t *testing.T) {
			atEach(t, func(t *testing.T, server telegram.Options) {
				w := newWorld(t, server, panel.Options{})
				w.opts.Language = language
				w.start()
				w.panel.Receive("09121111111", "30001234", "to the first\n📩 12:00 → 30005678 · #s99 line")
				shown := w.sees(w.group, "to the first")
				w.panel.Receive("09121111111", "30005678", "to the second")
				w.sees(w.group, "to the second")
				w.says(telegram.Post{Chat: w.group, From: w.ali, ReplyTo: shown.ID, Text: "/name Mrs Rezaei"})

				page := w.asks(telegram.Post{Chat: w.group, From: w.ali, ReplyTo: shown.ID, Text: "/history"})
				if !containsAll(page.Text, []string{"Mrs Rezaei", "to the first 📩 12:00 → 30005678 · #s99 line", "to the second"}) {
					t.Fatalf("the page is %q", page.Text)
				}
				w.isTold(w.group, func() { w.replies(page, "from which?") }, several)
				w.picks(page, "#s99", "from the first")
				w.picks(page, "second", "from the second")
				sent := w.sent(2)
				if sent[0].Line != "30001234" || sent[1].Line != "30005678" || sent[0].Customer != "09121111111" || sent[1].Customer != "09121111111" {
					t.Errorf("sent %+v", sent)
				}
				one := w.asks(telegram.Post{Chat: w.group, From: w.ali, Text: "/history 09121111111 30005678"})
				if !containsAll(one.Text, []string{"to the second", "from the second"}) || strings.Contains(one.Text, "to the first") {
					t.Errorf("of one line: %q", one.Text)
				}
				w.replies(one, "once more")
				if last := w.sent(3)[2]; last.Line != "30005678" {
					t.Errorf("sent %+v", last)
				}
			})
		})
	}
}

// TestHistoryInATopic: of whom the topic belongs to, by their new name, with a stranger who presses in vain.
func TestHistoryInATopic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newDesk(t)
		first := w.receives("09121111111", "hello.")
		w.commands(w.sara, first.Topic, "/name Mr Karimi")
		for i := range 20 {
			w.receives("09121111111", fmt.Sprintf("word%d.", i))
		}
		page := w.asks(telegram.Post{Chat: w.group, From: w.ali, Topic: first.Topic, Text: "/history"})
		if page.Topic != first.Topic || !containsAll(page.Text, []string{"09121111111", "Mr Karimi", "word0.", "word19."}) || strings.Contains(page.Text, "hello.") {
			t.Fatalf("in topic %d: %q", page.Topic, page.Text)
		}
		if err := w.tg.AddMember(w.group, w.omid); err != nil {
			t.Fatal(err)
		}
		if a := w.presses(w.omid, page, "Older"); !a.Alert {
			t.Errorf("a stranger is answered %+v", a)
		}
		w.presses(w.ali, page, "Older")
		w.turned(page, "hello.")
		w.says(telegram.Post{Chat: w.group, From: w.ali, Topic: first.Topic, ReplyTo: page.ID, Text: "welcome"})
		if to := w.sent(1)[0].Customer; to != "09121111111" {
			t.Errorf("a reply to a page went to %s", to)
		}
	})
}

func TestAPageOfWhatIsNoLongerKept(t *testing.T) {
	atEach(t, func(t *testing.T, server telegram.Options) {
		w := newWorld(t, server, panel.Options{})
		w.start()
		for i := range 21 {
			w.panel.Receive("09121111111", "30001234", fmt.Sprintf("word%d.", i))
		}
		w.sees(w.group, "word20.")
		page := w.asks(telegram.Post{Chat: w.group, From: w.ali, Text: "/history 09121111111"})
		w.passes(91 * 24 * time.Hour)
		w.panel.Receive("09122222222", "30001234", "another")
		w.sees(w.group, "another")
		time.Sleep(2 * time.Hour)
		if a := w.presses(w.ali, page, "Older"); !strings.Contains(a.Text, "Nothing more") || a.Alert {
			t.Errorf("answered %+v", a)
		}
		w.isTold(w.group, func() { w.replies(page, "are you there?") }, "not an SMS I know")
	})
}
