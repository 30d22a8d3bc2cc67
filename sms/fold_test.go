//lint:file-ignore ST1018 Persian is written with U+200C

package sms

import (
	"testing"
	"unicode/utf8"
)

func TestFold(t *testing.T) {
	for _, same := range [][]string{
		{"کی", "كي", "کى"},
		{"۰۹۱۲۳۴۵۶۷۸۹", "٠٩١٢٣٤٥٦٧٨٩", "09123456789", "０９１２３４５６７８９"},
		{"می‌روم", "میروم", "مي‌روم", "مـی‌ـروم"},
		{"آمد", "أمد", "إمد", "امد"},
		{"خانه", "خانة", "خانۀ", "خانهٔ"},
		{"مسول", "مسؤل"},
		{"سلام", "سَلامٌ", "ســـلام", "\u202bسلام\u202c"},
		{"order", "ORDER", "Order", "or\u00adder"},
		{"élan", "Élan"},
	} {
		for _, s := range same[1:] {
			if Fold(s) != Fold(same[0]) {
				t.Errorf("%q folds to %q, %q to %q", s, Fold(s), same[0], Fold(same[0]))
			}
		}
	}
	for _, other := range [][2]string{{"سلام", "سالم"}, {"1", "۲"}, {"گل", "کل"}, {"a b", "ab"}} {
		if Fold(other[0]) == Fold(other[1]) {
			t.Errorf("%q and %q fold to the same", other[0], other[1])
		}
	}
}

// FuzzFold: what is folded stays as it is, is as good as what was given, and does not depend on where it is cut.
func FuzzFold(f *testing.F) {
	for _, s := range []string{"سَلام ۱۲۳ Order", "\xc0\xff\xd8", "İstanbul ǅ", "𝟘𝟙𝟚𝟿 ۀ ﷲ"} {
		f.Add(s, 3)
	}
	f.Fuzz(func(t *testing.T, s string, cut int) {
		folded := Fold(s)
		if Fold(folded) != folded {
			t.Errorf("%q folds to %q, and that to %q", s, folded, Fold(folded))
		}
		if !utf8.ValidString(folded) {
			t.Errorf("%q folds to %q", s, folded)
		}
		if string(AppendFold([]byte("x"), []byte(s))) != "x"+folded {
			t.Errorf("%q folds otherwise as bytes", s)
		}
		if cut >= 0 && cut < len(s) && utf8.RuneStart(s[cut]) && utf8.ValidString(s) && Fold(s[:cut])+Fold(s[cut:]) != folded {
			t.Errorf("%q folds otherwise in two at %d", s, cut)
		}
	})
}

func BenchmarkFold(b *testing.B) {
	s := []byte("سلام، سفارش شمارهٔ ۱۲۳۴ من کجاست؟ Please reply.")
	var folded []byte
	b.SetBytes(int64(len(s)))
	for b.Loop() {
		folded = AppendFold(folded[:0], s)
	}
}
