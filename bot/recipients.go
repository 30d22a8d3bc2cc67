package bot

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"peyk/sms"
)

// readSend reads what follows /send: numbers, separated by commas, spaces or lines and themselves perhaps written with spaces, then
// the text. Words that were surely meant as numbers and are none are wrong.
func readSend(args string) (to []sms.Number, wrong []string, words string) {
	rest := args
	listed := false // a comma came before: what follows is a number
	for {
		rest = strings.TrimLeftFunc(rest, unicode.IsSpace)
		n, length := leadingNumber(rest)
		if length == 0 {
			word, after := nextWord(rest)
			if word == "" || !listed && !numberLike(word, after) {
				return to, wrong, rest
			}
			if listed && !hasDigit(word) {
				return to, wrong, rest // a comma too many before the text
			}
			wrong = append(wrong, word)
			length = len(word)
		} else if !slices.Contains(to, n) {
			to = append(to, n)
		}
		rest = strings.TrimLeftFunc(rest[length:], func(r rune) bool { return r == ' ' || r == '\t' })
		listed = false
		if r, size := utf8.DecodeRuneInString(rest); strings.ContainsRune(",،;؛", r) && size > 0 {
			rest, listed = rest[size:], true
		}
	}
}

// numberMarks are what people write between the digits of a number, and the bidi marks that come along when one is copied.
const numberMarks = "+-–−.()\u200e\u200f\u202a\u202c\u2066\u2067\u2068\u2069"

// leadingNumber returns the telephone number s begins with and how much of s it takes: one word, or several that are one only
// together. Of foreign ones in groups that is as many as can belong to it: some countries have numbers of very different lengths.
func leadingNumber(s string) (found sms.Number, length int) {
	end := 0
	for i := range 6 { // +98 912 123 45 67 has five
		word, _ := nextWord(s[end:])
		if end > 0 && utf8.RuneCountInString(word) < 2 {
			break // nobody writes a group of one digit: it is the text that begins
		}
		if word == "" || strings.Trim(strings.Map(dropDigits, sms.Digits(word)), numberMarks) != "" {
			break
		}
		end += len(word)
		if n, err := sms.ParseRecipient(s[:end]); err == nil {
			found, length = n, end
			if i == 0 || !n.Foreign() {
				break
			}
		}
		spaces := len(s[end:]) - len(strings.TrimLeft(s[end:], " \u00a0\u202f"))
		if spaces == 0 {
			break
		}
		end += spaces
	}
	return found, length
}

// nextWord returns the word s begins with, and what follows it.
func nextWord(s string) (word, after string) {
	i := strings.IndexFunc(s, func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune(",،;؛", r) })
	if i < 0 {
		return s, ""
	}
	return s[:i], s[i:]
}

// numberLike tells whether a word that is no telephone number was meant as one: it is written like one, or a comma that makes a
// list of it follows. To take a slip of the pen for text would send it to the others.
func numberLike(word, after string) bool {
	word = sms.Digits(word)
	digits := len(word) - len(strings.Map(dropDigits, word))
	if strings.HasPrefix(word, "09") && digits >= 7 {
		return true
	}
	if digits == 0 || strings.Trim(strings.Map(dropDigits, word), numberMarks+"/_*#") != "" {
		return false
	}
	if r, size := utf8.DecodeRuneInString(strings.TrimLeft(after, " ")); strings.ContainsRune(",،;؛", r) {
		group, _ := nextWord(strings.TrimLeft(after, " ")[size:])
		sum := digits <= 3 && len([]rune(group)) == 3 && strings.Map(dropDigits, sms.Digits(group)) == "" && after[0] != ' '
		return !sum
	}
	return hasNumberLength(word) && (strings.HasPrefix(sms.Clean(word), "+") || strings.HasPrefix(sms.Clean(word), "00"))
}

func dropDigits(r rune) rune {
	if r >= '0' && r <= '9' {
		return -1
	}
	return r
}

func hasDigit(word string) bool { return strings.ContainsAny(sms.Digits(word), "0123456789") }
