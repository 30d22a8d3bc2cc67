//lint:file-ignore ST1018 Persian is written with U+200C

package bot

import (
	"fmt"
	"strings"
	"testing"

	"peyk/bot/text"
	"peyk/store"
)

func TestBrokenFields(t *testing.T) {
	for words, want := range map[string]string{
		"Dear {name}, {number} {agent} {line} {date}": "",
		"no field }":           "",
		"Dear {nmae}!":         "{nmae}",
		"{name} and {Name}":    "{Name}",
		"it ends in {":         "{",
		"{name":                "{name",
		"{{name}}":             "{{name}",
		"{نام}":                "{نام}",
		"{name}{":              "{",
		"{ name } with spaces": "{ name }",
	} {
		if got, is := brokenField(words); got != want || is != (want != "") {
			t.Errorf("%q: got %q, %t, want %q", words, got, is, want)
		}
	}
}

func TestNamesOfPreparedAnswers(t *testing.T) {
	for _, same := range [][2]string{{"Hours", "hOURS"}, {"كي", "کی"}, {"ساعت‌کار", "ساعتکار"}, {"۱۲", "12"}, {"آدرس", "آدرس"}} {
		if cannedKey(same[0]) != cannedKey(same[1]) {
			t.Errorf("%q and %q are two", same[0], same[1])
		}
	}
	for name, want := range map[string]bool{
		"hours": true, "ساعت": true, "2": true, "": false, "-": false, "{name}": false, "#s1": false, "🙂": false, "/c": false,
		"abcdefghijabcdefghijabcdefghijabcdefghijk": false,
	} {
		if got := nameable(name); got != want {
			t.Errorf("%q: got %t", name, got)
		}
	}
}

func TestPreparedAnswersFitIntoAMessage(t *testing.T) {
	for _, n := range []int{1, 30, 31, store.MaxCanned} {
		for what, long := range map[string]string{"letters": strings.Repeat("ن", text.NameRunes-3), "emoji": strings.Repeat("😀", text.NameRunes-3)} {
			var all []store.Canned
			for i := range n {
				all = append(all, store.Canned{Name: fmt.Sprint(i, long), Text: long})
			}
			for name, lang := range text.Languages {
				list := listCanned(lang, all)
				if units := text.Units(lang.SetApart(list)); units > text.MessageUnits {
					t.Errorf("%s: %d named with %s take %d units", name, n, what, units)
				}
				if !strings.Contains(list, all[0].Name) {
					t.Errorf("%s: of %d named with %s the first is not listed", name, n, what)
				}
			}
		}
	}
}

func TestDistance(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"hours", "hours", 0}, {"huors", "hours", 2}, {"hour", "hours", 1}, {"ho", "hours", 1}, {"kitten", "sitting", 3}, {"", "abc", 3}, {"abc", "", 3}} {
		if got := distance([]rune(test.a), []rune(test.b)); got != test.want {
			t.Errorf("%q and %q: got %d, want %d", test.a, test.b, got, test.want)
		}
	}
}
