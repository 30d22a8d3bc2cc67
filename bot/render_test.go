package bot

import (
	"fmt"
	"html"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"peyk/bot/text"
	"peyk/sms"
	"peyk/store"
	"peyk/telegram"
)

var noon = time.Date(2026, 3, 21, 12, 0, 0, 0, time.UTC)

// shownText undoes HTML as Telegram does: tags go, then entities are read.
func shownText(markup string) string {
	return html.UnescapeString(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(markup, ""))
}

func units(s string) int { return len(utf16.Encode([]rune(s))) }

func renderer() *poster {
	return &poster{voice: voice{opts: Options{Location: time.UTC, PartSizes: sms.StandardParts}}}
}

// TestMenuAndHelpTellOfEveryCommand looks at both, in every language.
func TestMenuAndHelpTellOfEveryCommand(t *testing.T) {
	for name, lang := range text.Languages {
		t.Run(name, func(t *testing.T) {
			for _, c := range commands() {
				if example := lang.Examples[c.name]; !strings.HasPrefix(text.Plain(example)+" ", "/"+c.name+" ") {
					t.Errorf("the help's example of /%s is %q", c.name, example)
				}
				if english := regexp.MustCompile(`\b(NUMBER|NAME|TEXT|WORDS|DAYS|ID|DATE|LINE)\b`); lang == &text.Persian && english.MatchString(lang.Commands[c.name]) {
					t.Errorf("/%s is told in English: %s", c.name, lang.Commands[c.name])
				}
				if what := lang.Commands[c.name]; what == "" || utf8.RuneCountInString(what) > 256 {
					t.Errorf("the menu says of /%s %q", c.name, what)
				}
			}
		})
	}
}

func TestPersianIsolatesForeignWords(t *testing.T) {
	b := renderer()
	for name, said := range map[string]string{
		"a person":            mention(telegram.User{ID: 12, Name: "Ali K."}),
		"who decided":         first(renderBatch(&text.Persian, store.Batch{N: 2, State: store.Cancelled, DecidedBy: "Ali K."}, nil, &Options{PartSizes: sms.StandardParts, Location: time.UTC})),
		"what Telegram says":  b.renderIncident(&text.Persian, store.Incident{Kind: store.ChatLost, Reason: "Ali K."}, noon),
		"what the panel says": failureReason(&text.Persian, store.SMS{Reason: sms.Refused, Words: "Ali K."}),
	} {
		if !strings.Contains(said, "\u2068Ali K.\u2069") {
			t.Errorf("%s reorders the words next to it: %q", name, said)
		}
	}
}

// TestForeignWordsFitIntoSentences has the panel and Telegram talk without end.
func TestForeignWordsFitIntoSentences(t *testing.T) {
	b := renderer()
	b.log = Options{}.Log
	endless := strings.Repeat("<never> & ", 2000)
	batch := store.Batch{ID: 1, N: 20, State: store.Going, DecidedBy: endless, Decision: store.Again, Credit: endless, Text: "hi"}
	batch.Counts[sms.Failed] = 20
	var failed []store.SMS
	for i := range 20 {
		m := store.SMS{Status: sms.Failed, Reason: sms.Refused, Words: endless, Code: "-3"}
		m.Customer = sms.Number(fmt.Sprintf("091211111%02d", i))
		failed = append(failed, m)
	}
	asking := batch
	asking.State = store.Asking
	for name, said := range map[string]string{
		"a batch":     first(renderBatch(&text.English, batch, failed, &Options{PartSizes: sms.StandardParts, Location: time.UTC})),
		"a question":  first(renderBatch(&text.English, asking, failed, &Options{PartSizes: sms.StandardParts, Location: time.UTC})),
		"an incident": b.renderIncident(&text.English, store.Incident{Kind: store.ChatLost, Reason: endless}, noon),
	} {
		if n := units(shownText(said)); n > text.MessageUnits || strings.Contains(said, "<never>") {
			t.Errorf("%s has %d units: %.300q", name, n, said)
		}
	}
}

// TestQuestionsOfBefore: a file of the first schema does not say why a question is asked.
func TestQuestionsOfBefore(t *testing.T) {
	said := first(renderBatch(&text.English, store.Batch{ID: 1, N: 2, State: store.Asking, Generation: 1, Text: "hi"}, nil, &Options{PartSizes: sms.StandardParts, Location: time.UTC}))
	if !strings.Contains(said, "Recipients: 2, parts each: 1") {
		t.Errorf("asked %q", said)
	}
}

// TestAnswersToButtonsFit: Telegram takes 200 characters.
func TestAnswersToButtonsFit(t *testing.T) {
	for name, t2 := range text.Languages {
		if n := units(text.Plain(t2.Say(t2.AboveCap, int(1e9), int(1e9), int(1e9)))); n > 200 {
			t.Errorf("%s: %d characters", name, n)
		}
	}
}

func first(html string, _ [][]telegram.Button) string { return html }

func TestAFileOfTextsThatTakeMorePartsThanOthers(t *testing.T) {
	batch := store.Batch{N: 3, Bulk: &store.Bulk{Own: true, Parts: 5, Least: 1, Most: 3}}
	said := strings.Join(renderBulk(&text.English, batch, nil, &Options{PartSizes: sms.StandardParts}), "\n")
	if want := "Recipients: 3, parts each: 1–3, parts in all: 5."; !strings.Contains(said, want) {
		t.Errorf("the question says %q, want %q", said, want)
	}
}
