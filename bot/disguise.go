package bot

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"peyk/sms"
)

// disguiseWords is how many words are looked at for a number: one that is written digit by digit has a dozen.
const disguiseWords = 16

// disguisedNumber returns the words that a text begins with when a whole telephone number is in them, however it is dressed: in quotes, in an
// address of the web, in digits of another script, in groups, or glued to a word. What is as long as a number is taken for one, too: perhaps
// the text is for whoever has it, and not for the customer it would go to. A number behind a word is part of the text.
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
		if !first && lettered { // the text, perhaps glued to the end of a number
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

// normalizeWord replaces the digits of all scripts by Latin ones, and leaves out what is not seen or only joins.
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

// digitValue returns the value of a decimal digit. Unicode has those of a script one behind the other, from zero.
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

// digitGroups are groups of digits one behind the other, each with the plus before it if there is one; an empty group is a letter between two.
type digitGroups []string

// add adds the groups in a word and tells whether there were any.
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

// containNumber tells whether some of the groups, one behind the other, are together a telephone number. One of another country may lack its plus, as
// in the addresses of messengers.
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

// hasNumberLength tells whether a word of digits, and of marks as they stand in numbers, is as long as a telephone number. Longer ones are cards
// and accounts.
func hasNumberLength(word string) bool {
	rest := strings.Map(dropDigits, word)
	n := len(word) - len(rest)
	return n >= 9 && n <= 15 && strings.Trim(rest, numberMarks) == ""
}
