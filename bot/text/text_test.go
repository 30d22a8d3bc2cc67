package text

import (
	"context"
	"fmt"
	"net/http/httptest"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	sandbox "peyk/sandbox/telegram"
	"peyk/sms"
	"peyk/store"
	"peyk/telegram"
)

// TestSentencesAreWhole puts sample words into every sentence of a language and posts it: none is empty, none has too few or too
// many arguments, and none has markup that Telegram refuses.
func TestSentencesAreWhole(t *testing.T) {
	server := sandbox.New(sandbox.Options{})
	web := httptest.NewServer(server)
	defer web.Close()
	defer server.Close()
	person := server.AddUser(sandbox.User{FirstName: "Sara"}).ID
	if _, err := server.Say(sandbox.Post{Chat: person, From: person, Text: "/start"}); err != nil {
		t.Fatal(err)
	}
	tg := telegram.New(telegram.Options{Token: server.Token(), URL: web.URL})
	verb := regexp.MustCompile(`%[^%]`)
	check := func(t *testing.T, name, sentence string) {
		if strings.TrimSpace(sentence) == "" {
			t.Errorf("%s is empty", name)
			return
		}
		said := sentence
		if verbs := verb.FindAllString(sentence, -1); len(verbs) > 0 {
			var args []any
			for _, v := range verbs {
				if v != "%v" {
					t.Errorf("%s has the verb %s", name, v)
				}
				args = append(args, Code("<7 & 8>"))
			}
			said = fmt.Sprintf(sentence, args...)
		}
		id, err := tg.Post(context.Background(), telegram.Outgoing{Chat: sms.ChatID(person), HTML: said})
		if err != nil {
			t.Errorf("%s: %v: %q", name, err, said)
			return
		}
		if m, _ := server.Message(person, int(id)); strings.TrimSpace(m.Text) != strings.TrimSpace(seen(said)) {
			t.Errorf("%s is shown as %q, want %q", name, m.Text, seen(said))
		}
	}
	for language, text := range Languages {
		t.Run(language, func(t *testing.T) {
			sentences, first := sentencesOf(t, text), sentencesOf(t, &English)
			for name, sentence := range sentences {
				check(t, name, sentence)
				if got, want := strings.Count(sentence, "%v"), strings.Count(first[name], "%v"); got != want {
					t.Errorf("%s has %d places to fill, in English %d", name, got, want)
				}
			}
			for name := range first {
				if sentences[name] == "" {
					t.Errorf("%s is missing", name)
				}
			}
			for _, status := range []sms.Status{sms.Queued, sms.Sent, sms.AtTelecom, sms.Delivered} {
				if text.Statuses[status] == "" {
					t.Errorf("status %v has no words", status)
				}
			}
			for _, reason := range []sms.Reason{sms.TelecomProblem, sms.NotDelivered, sms.Blacklisted} {
				if text.Failures[reason] == "" {
					t.Errorf("reason %v has no words", reason)
				}
			}
			for name, answer := range map[string]string{"pressOld": text.PressOld, "pressAlready": text.Say(text.PressAlready, strings.Repeat("n", NameRunes+1)),
				"pressDone": text.PressDone, "pressNotYours": text.PressNotYours, "pressNotAgent": text.PressNotAgent, "pressNotAdmins": text.PressNotAdmins} {
				if n := utf8.RuneCountInString(answer); n > 200 {
					t.Errorf("%s has %d characters, and a button's answer holds 200", name, n)
				}
			}
		})
	}
}

// TestTerminalsSentencesAreWhole: none is missing, has too few or too many arguments, or markup. A terminal shows a line from right to left when its
// first letter is Persian.
func TestTerminalsSentencesAreWhole(t *testing.T) {
	verb := regexp.MustCompile(`%[a-z]`)
	for language, lang := range Languages {
		first := sentencesIn(t, reflect.ValueOf(English.Terminal))
		for name, sentence := range sentencesIn(t, reflect.ValueOf(lang.Terminal)) {
			verbs := verb.FindAllString(sentence, -1)
			switch {
			case strings.TrimSpace(sentence) == "":
				t.Errorf("%s: %s is missing", language, name)
			case len(verbs) != strings.Count(sentence, "%v") || len(verbs) != strings.Count(first[name], "%v"):
				t.Errorf("%s: %s has the arguments %q, in English %q", language, name, verbs, first[name])
			case strings.Contains(sentence, "<"):
				t.Errorf("%s: %s has markup: %q", language, name, sentence)
			case lang.persian && name != "Kept" && name != "YesOrNo" && !strings.HasPrefix(name, "Hidden") &&
				!unicode.Is(unicode.Arabic, []rune(strings.TrimLeftFunc(sentence, func(r rune) bool { return !unicode.IsLetter(r) && r != '%' }))[0]):
				t.Errorf("%s: %s does not begin in Persian: %q", language, name, sentence)
			}
			if field, _ := reflect.TypeFor[Language]().FieldByName(name); len(field.Index) != 2 {
				t.Errorf("%s is also a sentence of the bot's, which hides it", name)
			}
		}
	}
}

// TestLanguagesNameTheSameSettings: peyk setup asks again for the settings that a finding names.
func TestLanguagesNameTheSameSettings(t *testing.T) {
	setting := regexp.MustCompile(`\b[A-Z]{2,}_[A-Z_]+[A-Z]\b`)
	named := func(sentence string) []string {
		names := setting.FindAllString(sentence, -1)
		slices.Sort(names)
		return slices.Compact(names)
	}
	for language, lang := range Languages {
		for of, sentences := range map[string][2]map[string]string{
			"the bot":    {sentencesOf(t, &English), sentencesOf(t, lang)},
			"a terminal": {sentencesIn(t, reflect.ValueOf(English.Terminal)), sentencesIn(t, reflect.ValueOf(lang.Terminal))},
		} {
			for name, sentence := range sentences[1] {
				if got, want := named(sentence), named(sentences[0][name]); !slices.Equal(got, want) {
					t.Errorf("%s, %s: %s names %q, in English %q", language, of, name, got, want)
				}
			}
		}
	}
}

// sentencesOf returns every sentence of the bot's in a language by its name.
func sentencesOf(t *testing.T, lang *Language) map[string]string {
	return sentencesIn(t, reflect.ValueOf(*lang))
}

// sentencesIn returns every sentence in a struct by its name.
func sentencesIn(t *testing.T, v reflect.Value) map[string]string {
	sentences := map[string]string{}
	for i := range v.NumField() {
		name, field := v.Type().Field(i).Name, v.Field(i)
		switch field.Kind() {
		case reflect.String:
			sentences[name] = field.String()
		case reflect.Map:
			for _, key := range field.MapKeys() {
				sentences[fmt.Sprintf("%s of %v", name, key)] = field.MapIndex(key).String()
			}
		case reflect.Bool, reflect.Struct: // Terminal has tests of its own
		default:
			t.Errorf("%s is a %s, which this test does not know", name, field.Kind())
		}
	}
	return sentences
}

func TestPersianSetsApart(t *testing.T) {
	m := inbound("09121234567", "سلام")
	shown := SMS(&Persian, m, "", true, midday)[0]
	want := "📩\u200f \u2066<code>09121234567</code>\u2069 ← \u2066<code>30001234</code>\u2069 · ۱۲:۰۰ · \u2066#s1z\u2069 · ♻️ شاید تکراری\n<blockquote>سلام</blockquote>"
	if got := Persian.SetApart(shown.HTML); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if named := namedIn(asShown(shown.Plain)); !slices.Equal(named, []store.Seq{71}) {
		t.Errorf("a reply to it would go to SMS %d", named)
	}
	if !NamesCustomer(HeadsOf(asShown(shown.Plain))[0], m) {
		t.Errorf("%q does not name its customer", shown.Plain)
	}
	if got, want := Persian.Date(time.Date(2026, 3, 21, 12, 5, 9, 0, time.UTC).In(time.FixedZone("", 3*3600+1800)), "15:04:05"), "۱۴۰۵/۰۱/۰۱ ۱۵:۳۵:۰۹"; got != want {
		t.Errorf("the first day of 1405 is %q, want %q", got, want)
	}
	if got, want := Persian.Numbers([]sms.Number{"30001234", "30005678"}), "<code>30001234</code>، <code>30005678</code>"; got != want {
		t.Errorf("two lines are %q, want %q", got, want)
	}
	// A slash or an at sign before Latin letters jumps behind them.
	apart := regexp.MustCompile(`<code>.*?</code>|\x{2066}.*?\x{2069}`)
	for name, sentence := range sentencesOf(t, &Persian) {
		if found := regexp.MustCompile(`[/@][A-Za-z]\w*`).FindString(regexp.MustCompile(`</?b>`).ReplaceAllString(apart.ReplaceAllString(sentence, ""), "")); found != "" {
			t.Errorf("%s does not set %s apart", name, found)
		}
	}
}
