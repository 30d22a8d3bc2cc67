//lint:file-ignore ST1018 Persian is written with U+200C

package shorten

import (
	"encoding/csv"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"peyk/sms"
)

// meaning is what of a text must stay: its words, in letters that people take for the same.
func meaning(s string) []string {
	return strings.FieldsFunc(sms.Fold(norm.NFKC.String(s)), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}

func TestText(t *testing.T) {
	for _, tc := range []struct {
		name, text, want string // "" if nothing is saved
		from, to         int
	}{
		{"one part already", "Hello – “you”", "", 1, 1},
		{"Latin with a dash of print", strings.Repeat("a", 100) + " – “b”…", strings.Repeat("a", 100) + " - \"b\"...", 2, 1},
		{"Latin with Persian digits", strings.Repeat("order ", 15) + "۱۲۳", strings.Repeat("order ", 15) + "123", 2, 1},
		{"two spaces in Persian", strings.Repeat("سلام  ", 13), strings.TrimSpace(strings.Repeat("سلام ", 13)), 2, 1},
		{"half-spaces that nobody sees", strings.Repeat("کار‌ها ", 11), strings.TrimSpace(strings.Repeat("کارها ", 11)), 2, 1},
		{"half-spaces that are seen stay", strings.Repeat("می‌شود ", 11), "", 2, 2},
		{"stretched words", strings.Repeat("ســـلام ", 10), strings.TrimSpace(strings.Repeat("سلام ", 10)), 2, 1},
		{"dots in Persian", strings.Repeat("خب... ", 12), strings.TrimSpace(strings.Repeat("خب… ", 12)), 2, 1},
		{"letters of mathematicians", "تخفیف " + strings.Repeat("𝗦𝗔𝗟𝗘 ", 9), "تخفیف " + strings.TrimSpace(strings.Repeat("SALE ", 9)), 2, 1},
		{"a letter that no Latin alphabet of SMS has", strings.Repeat("İ", 71), "", 2, 2},
		{"Cyrillic that looks Latin stays", strings.Repeat("Рос", 30), "", 2, 2},
		{"emoji stay whole", strings.Repeat("👨‍👩‍👧", 9), "", 2, 2},
	} {
		t.Run(tc.name, func(t *testing.T) {
			short, ok := Text(tc.text, sms.StandardParts)
			if want := tc.want; ok != (want != "") || ok && short != want {
				t.Errorf("got %q, %t; want %q", short, ok, want)
			}
			if from, to := sms.StandardParts.Count(tc.text).Parts, sms.StandardParts.Count(short).Parts; from != tc.from || to != tc.to {
				t.Errorf("parts %d and %d, want %d and %d", from, to, tc.from, tc.to)
			}
		})
	}
}

// TestEveryRowKeepsTheMeaning also of itself: what is replaced alone means what stands for it.
func TestEveryRowKeepsTheMeaning(t *testing.T) {
	rows, err := csv.NewReader(strings.NewReader(table)).ReadAll()
	if err != nil || len(rows) < 40 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	for i, row := range rows[1:] {
		from, to := unquote(row[0]), unquote(row[1])
		if !slices.Equal(meaning("a"+from+"a"), meaning("a"+to+"a")) && !slices.Equal(meaning(from), meaning(to)) {
			t.Errorf("row %d: %q means %q, %q means %q", i+2, from, meaning(from), to, meaning(to))
		}
		if !slices.Contains([]string{"any", "unicode", "latin"}, row[2]) || row[3] == "" {
			t.Errorf("row %d is for %q, because %q", i+2, row[2], row[3])
		}
		if from == to || row[2] != "latin" && utf8.RuneCountInString(to) > utf8.RuneCountInString(from) {
			t.Errorf("row %d makes %q of %q", i+2, to, from)
		}
	}
}

// FuzzText: what is shown means the same, takes fewer parts if anything changed, and can be shortened no further.
func FuzzText(f *testing.F) {
	for _, s := range []string{"Hello – “you”…", "ســلام  ، می‌شود؟ ", "𝗦𝗔𝗟𝗘 ۱۲۳ ...", "ا\u0653ب‌ \n\n\n ٪", "\u00ad\ufeff\u200b", "کار‌ها و در‌خت"} {
		f.Add(s, 7)
	}
	f.Fuzz(func(t *testing.T, s string, times int) {
		if !utf8.ValidString(s) || times < 1 || times > 40 || len(s) > 500 {
			return
		}
		s = strings.Repeat(s, times)
		short, ok := Text(s, sms.StandardParts)
		before, after := sms.StandardParts.Count(s).Parts, sms.StandardParts.Count(short).Parts
		if ok && after >= before || !ok && short != s {
			t.Errorf("%q: %d parts, %q: %d", s, before, short, after)
		}
		if !slices.Equal(meaning(s), meaning(short)) {
			t.Errorf("%q means %q; %q, %q", s, meaning(s), short, meaning(short))
		}
		if again, more := Text(short, sms.StandardParts); more {
			t.Errorf("%q becomes %q, and that %q", s, short, again)
		}
	})
}

// BenchmarkText is of a text of a thousand characters: fifteen parts in Persian, seven in Latin.
func BenchmarkText(b *testing.B) {
	const limit = time.Millisecond
	for name, s := range map[string]string{
		"Persian": "سلام،  سفارش شمارهٔ ۱۲۳۴ شما فردا می‌رسد... ",
		"Latin":   "Hello, your “order”  – number ۱۲۳۴ – comes tomorrow… ",
	} {
		b.Run(name, func(b *testing.B) {
			s := string([]rune(strings.Repeat(s, 100))[:1000])
			if _, shorter := Text(s, sms.StandardParts); !shorter {
				b.Fatal("nothing is saved")
			}
			for b.Loop() {
				Text(s, sms.StandardParts)
			}
			b.ReportMetric(float64(b.Elapsed())/float64(b.N)/float64(limit), "ratio-to-limit")
		})
	}
}
