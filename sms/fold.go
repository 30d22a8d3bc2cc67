package sms

import (
	"slices"
	"unicode"
	"unicode/utf8"
)

// Fold returns s in the form in which words that people take for the same are equal: in lower case, with Persian letters for their Arabic likenesses, Latin
// digits, and without marks above and below letters, joining strokes and what cannot be seen, such as half-spaces.
func Fold(s string) string { return string(AppendFold(nil, s)) }

// AppendFold appends Fold(s) to folded. It takes some hundred megabytes a second: a search folds all there is.
func AppendFold[T string | []byte](folded []byte, s T) []byte {
	n := len(folded)
	folded = slices.Grow(folded, utf8.UTFMax*(len(s)+1)) // at worst
	out := folded[:cap(folded)]
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			out[n] = foldedASCII[c]
			n++
			i++
			continue
		}
		if c >= 0xC2 && c < 0xE0 && i+1 < len(s) && s[i+1]&0xC0 == 0x80 { // two bytes: nearly all of Arabic script
			to := &foldedShort[int(c&0x1F)<<6|int(s[i+1]&0x3F)]
			out[n], out[n+1], out[n+2] = to.bytes[0], to.bytes[1], to.bytes[2]
			n += int(to.n)
			i += 2
			continue
		}
		r, size := utf8.DecodeRuneInString(string(s[i:min(i+utf8.UTFMax, len(s))]))
		if r = foldRune(r); r >= 0 {
			n += utf8.EncodeRune(out[n:n+utf8.UTFMax], r)
		}
		i += size
	}
	return out[:n]
}

// foldRune returns what a character folds to; -1 is nothing.
func foldRune(r rune) rune {
	switch r {
	case 'ي', 'ى', 'ئ':
		return 'ی'
	case 'ك':
		return 'ک'
	case 'ة', 'ۀ', 'ھ', 'ە', 'ہ':
		return 'ه'
	case 'أ', 'إ', 'آ', 'ٱ':
		return 'ا'
	case 'ؤ':
		return 'و'
	case 'ـ':
		return -1
	}
	switch {
	case unicode.In(r, unicode.Cf, unicode.Mn, unicode.Me):
		return -1
	case r > unicode.MaxASCII && unicode.Is(unicode.Nd, r):
		return '0' + digitOf(r)
	}
	return unicode.ToLower(r)
}

// digitOf returns the value of a decimal digit. Unicode has those of a script in a row, and some rows one behind the other.
func digitOf(r rune) rune {
	zero := r
	for unicode.Is(unicode.Nd, zero-1) {
		zero--
	}
	return (r - zero) % 10
}

var foldedASCII = func() (all [utf8.RuneSelf]byte) {
	for c := range all {
		all[c] = byte(foldRune(rune(c)))
	}
	return all
}()

// foldedShort is what the characters of at most two bytes fold to.
var foldedShort = func() (all [1 << 11]struct {
	n     uint8
	bytes [3]byte
}) {
	for r := rune(utf8.RuneSelf); int(r) < len(all); r++ {
		if to := foldRune(r); to >= 0 {
			all[r].n = uint8(utf8.EncodeRune(all[r].bytes[:], to))
		}
	}
	return all
}()
