package bot

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"peyk/sms"
)

// readSend reads what follows /send: numbers, separated by commas, spaces or lines and perhaps containing spaces, then the text. wrong are
// words that were surely meant as numbers and are not.
func readSend(args string) (to []sms.Number, wrong []string, words string) {
	rest := args
	listed := false // after a comma: a number follows
	for {
		rest = strings.TrimLeftFunc(rest, unicode.IsSpace)
		n, length := leadingNumber(rest)
		if length == 0 {
			word, after := nextWord(rest)
			if word == "" || !listed && !numberLike(word, after) {
				return to, wrong, rest
			}
			if listed && !hasDigit(word) {
				return to, wrong, rest // a stray comma before the text
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

// numberMarks are what people write between the digits of a number, and the bidi marks that are copied along with one.
const numberMarks = "+-–−.()\u200e\u200f\u202a\u202c\u2066\u2067\u2068\u2069"

// leadingNumber returns the phone number that s begins with and how many bytes it takes: one word, or several that form a number only
// together. A foreign number takes as many groups as can belong to it: some countries have numbers of very different lengths.
func leadingNumber(s string) (found sms.Number, length int) {
	end := 0
	for i := range 6 { // +98 912 123 45 67 has five
		word, _ := nextWord(s[end:])
		if end > 0 && utf8.RuneCountInString(word) < 2 {
			break // nobody writes a group of one digit: the text begins here
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

// nextWord returns the word that s begins with, and what follows it.
func nextWord(s string) (word, after string) {
	i := strings.IndexFunc(s, func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune(",،;؛", r) })
	if i < 0 {
		return s, ""
	}
	return s[:i], s[i:]
}

// numberLike reports whether a word that is not a phone number was meant as one: it is written like one, or followed by a comma, as in a
// list. Taking a mistyped number for text would send it to the other recipients.
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
		amount := digits <= 3 && len([]rune(group)) == 3 && strings.Map(dropDigits, sms.Digits(group)) == "" && after[0] != ' ' // 12,000
		return !amount
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
