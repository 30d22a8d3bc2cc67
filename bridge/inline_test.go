//lint:file-ignore ST1018 Persian is written with U+200C

package bridge_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"peyk/sandbox/panel"
	"peyk/sandbox/telegram"
)

// offered returns the titles that somebody is offered who types words behind the bot's name, and the first text.
func (w *world) offered(from int64, words string) (titles []string, text string) {
	w.Helper()
	q, err := w.tg.Inline(from, "supergroup", words)
	if err != nil {
		w.Fatal(err)
	}
	results, err := q.Wait(w.context())
	if err != nil {
		w.Fatal(err)
	}
	for _, r := range results {
		titles = append(titles, r.Title)
	}
	if len(results) > 0 {
		text = results[0].Content.Text
	}
	return titles, text
}

func TestInline(t *testing.T) {
	for language, s := range map[string]struct{ nameless, toNobody, somebodyElses string }{
		"en": {"has no name yet", "I don't know who that is for", "somebody else's words"},
		"fa": {"هنوز نامی ندارد", "نمی‌دانم این برای چه کسی است", "این نوشته از کس دیگری است"},
	} {
		t.Run(language, func(t *testing.T) {
			atEach(t, func(t *testing.T, server telegram.Options) {
				server.Inline = true
				w := newWorld(t, server, panel.Options{Statuses: []panel.Step{{Status: 4}}})
				w.opts.Language = language
				w.start()
				ours := w.tg.Bot().Username
				for _, text := range []string{"/canned hours {name}: we open at 8. {agent}", "/canned address Main street, open all hours", "/canned command /send 09122222222 hi"} {
					w.says(telegram.Post{Chat: w.group, From: w.ali, Text: text})
				}
				w.sees(w.group, "/c command")
				titles, text := w.offered(w.ali, "HOURS")
				if diff := cmp.Diff([]string{"hours", "address"}, titles); diff != "" || text != "{name}: we open at 8. {agent}" {
					t.Errorf("offered %q %s", text, diff)
				}
				if titles, _ := w.offered(w.omid, "hours"); titles != nil {
					t.Errorf("a stranger is offered %q", titles)
				}
				w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "/canned -address"})
				w.quiet()
				if titles, _ := w.offered(w.ali, "HOURS"); len(titles) != 1 {
					t.Errorf("offered %q after one was removed", titles)
				}

				shown := w.receives("09121111111", "when?")
				chooses := func(from int64, replyTo int, text, via string) int {
					return w.says(telegram.Post{Chat: w.group, From: from, Text: text, ViaBot: via, ReplyTo: replyTo})
				}
				chooses(w.ali, shown.ID, text, ours)
				w.sees(w.group, s.nameless)
				w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "/name Mina", ReplyTo: shown.ID})
				w.bears(w.group, chooses(w.ali, shown.ID, text, ours), "👍")
				if got := w.sent(1)[0]; got.Text != "Mina: we open at 8. Ali" || got.Customer != "09121111111" {
					t.Errorf("sent %+v", got)
				}
				chooses(w.ali, 0, text, ours)
				w.sees(w.group, s.toNobody)
				chooses(w.ali, shown.ID, text, "gif")
				w.sees(w.group, s.somebodyElses)
				before := len(w.fromBot(w.group))
				chooses(w.omid, shown.ID, text, ours)
				chooses(w.omid, 0, text, ours)
				w.quiet()
				if got := len(w.fromBot(w.group)); got != before {
					t.Errorf("a stranger is answered:\n%s", w.transcript(w.group))
				}
				// What begins with a command is a text all the same.
				id := chooses(w.ali, shown.ID, "/send 09122222222 hi", ours)
				w.bears(w.group, id, "👍")
				if got := w.sent(2)[1]; got.Text != "/send 09122222222 hi" || got.Customer != "09121111111" {
					t.Errorf("sent %+v", got)
				}
			})
		})
	}
}

func TestAtMostFiftyAreOffered(t *testing.T) {
	atEach(t, func(t *testing.T, server telegram.Options) {
		server.Inline = true
		w := newWorld(t, server, panel.Options{})
		w.start()
		for i := range 60 {
			w.says(telegram.Post{Chat: w.sara, From: w.sara, Text: fmt.Sprintf("/canned answer%d hello", i)})
		}
		w.sees(w.sara, "/c answer59")
		if titles, _ := w.offered(w.sara, ""); len(titles) != 50 {
			t.Errorf("%d are offered", len(titles))
		}
		if titles, _ := w.offered(w.sara, "nothing like it"); titles != nil {
			t.Errorf("offered %q", titles)
		}
	})
}
