package bot

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"peyk/sms"
)

// disguiseWords is how many words are searched for a number: one written digit by digit has a dozen.
const disguiseWords = 16

// disguisedNumber returns the words at the beginning of a text that contain a whole phone number, however it is written: in quotes, in a
// URL, in digits of another script, in groups, or attached to a word. Digits of the length of a phone number count too. Perhaps the text is
// meant for that number and not for the customer it would go to. A number after a word is part of the text.
func disguisedNumber(text string) string {
	var run digitGroups
	for i, word := range strings.Fields(text) {
		if i == disguiseWords {
			break
		}
		word := normalizeWord(word)
		if word == "tel:" || strings.IndexFunc(word, letterOrDigit) < 0 {
			continue
		}
		lettered := strings.ContainsFunc(word, unicode.IsLetter)
		first := len(run) == 0
		if !first && lettered { // the text begins, perhaps attached to the end of a number
			word = word[:strings.IndexFunc(word, unicode.IsLetter)]
		}
		if !run.add(word) && first {
			return ""
		}
		if run.containNumber() || first && !lettered && hasNumberLength(word) {
			return strings.Join(strings.Fields(text)[:i+1], " ")
		}
		if lettered {
			return ""
		}
	}
	return ""
}

// normalizeWord returns a word in lower case, with the digits of all scripts as Latin ones and without invisible or joining characters.
func normalizeWord(word string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.In(r, unicode.Cf, unicode.M) || r == 'ـ':
			return -1
		case unicode.Is(unicode.Nd, r):
			return '0' + digitValue(r)
		}
		return unicode.ToLower(r)
	}, norm.NFKC.String(word))
}

// digitValue returns the value of a decimal digit. Unicode has the digits of a script in order, from zero.
func digitValue(r rune) rune {
	for _, of := range unicode.Nd.R16 {
		if r >= rune(of.Lo) && r <= rune(of.Hi) {
			return (r - rune(of.Lo)) % 10
		}
	}
	for _, of := range unicode.Nd.R32 {
		if r >= rune(of.Lo) && r <= rune(of.Hi) {
			return (r - rune(of.Lo)) % 10
		}
	}
	return 0
}

func letterOrDigit(r rune) bool { return unicode.IsLetter(r) || r >= '0' && r <= '9' }

// digitGroups are successive groups of digits, each with its plus if it has one. An empty group stands for a letter between two others.
type digitGroups []string

// add adds the groups in a word and reports whether there were any.
func (d *digitGroups) add(word string) bool {
	found, inside, plus := false, false, ""
	for _, r := range word {
		switch {
		case r < '0' || r > '9':
			inside = false
			plus = ""
			if r == '+' {
				plus = "+"
			}
			if unicode.IsLetter(r) {
				*d = append(*d, "")
			}
			continue
		case !inside:
			*d = append(*d, plus)
		}
		found, inside = true, true
		(*d)[len(*d)-1] += string(r)
	}
	return found
}

// containNumber reports whether successive groups form a phone number. A foreign number may lack its plus, as in links of messengers.
func (d digitGroups) containNumber() bool {
	for i := range d {
		number := ""
		for _, group := range d[i:] {
			if group == "" {
				break
			}
			number += group
			if _, err := sms.ParseRecipient(number); err == nil {
				return true
			}
		}
		if _, err := sms.ParseRecipient("+" + d[i]); err == nil && len(d[i]) >= 10 {
			return true
		}
	}
	return false
}

// hasNumberLength reports whether a word of digits, and of marks as people write them in numbers, is as long as a phone number. Longer ones
// are cards and accounts.
func hasNumberLength(word string) bool {
	rest := strings.Map(dropDigits, word)
	n := len(word) - len(rest)
	return n >= 9 && n <= 15 && strings.Trim(rest, numberMarks) == ""
}
