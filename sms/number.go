package sms

import (
	"fmt"
	"log/slog"
	"strings"
	"unicode"
)

// Number is a telephone number, a short code or an alphanumeric sender in the one form by which two of them compare equal:
// Iranian mobile numbers as 09121234567, other full numbers as +447911123456, everything else as the panel gave it.
//
// It masks itself in logs and errors, all but the last four characters; string(n) is the whole number.
type Number string

// String returns the number with all but its last four characters masked.
func (n Number) String() string { return mask(string(n)) }

// LogValue masks the number in every log format.
func (n Number) LogValue() slog.Value { return slog.StringValue(n.String()) }

// Mobile reports whether n is an Iranian mobile number, the kind a panel charges its usual rate for.
func (n Number) Mobile() bool {
	return len(n) == 11 && strings.HasPrefix(string(n), "09") && digitsOnly(string(n))
}

// International returns n with its country code: the form prefixes are compared with. Short codes, and lines of other panels'
// customers, are numbers of this country.
func (n Number) International() Number {
	s := string(n)
	switch {
	case strings.HasPrefix(s, "+"):
		return n
	case strings.HasPrefix(s, "00"):
		return Number("+" + s[2:])
	case strings.HasPrefix(s, "0"):
		return Number("+98" + s[1:])
	}
	// Panels may leave out the plus of a foreign customer, and put in no zero that is dialled at home: 500012345 is a line in this country.
	if n, ok := parseForeign(s); ok && len(n) == len(s)+1 {
		return n
	}
	return Number("+98" + s)
}

// Foreign reports whether n is a number of another country, for which panels charge many times their usual rate.
func (n Number) Foreign() bool { return !strings.HasPrefix(string(n.International()), "+98") }

// Answerable reports whether an SMS can be sent back to n: alphanumeric senders have no telephone behind them.
func (n Number) Answerable() bool {
	s := strings.TrimPrefix(string(n), "+")
	return len(s) >= 3 && len(s) <= 20 && digitsOnly(s)
}

// Names reports whether n names somebody: panels may leave out who sent an SMS, or say what is far too long for a number or a name.
func (n Number) Names() bool { return n != "" && len(n) <= 256 }

// Normalize brings a number of any spelling into its comparable form. What is no telephone number, such as a short code
// or a sender's name, comes back as given, without surrounding space; what cannot be seen is no sender.
func Normalize(s string) Number {
	if n, err := ParseRecipient(s); err == nil {
		return n
	}
	if digits := Clean(s); digitsOnly(digits) && digits != "" {
		return Number(digits)
	}
	s = strings.TrimSpace(s)
	if strings.IndexFunc(s, unicode.IsGraphic) < 0 {
		return ""
	}
	return Number(s)
}

// NormalizeLine brings a line of ours into its comparable form: panels write 30001234 also as +9830001234, 009830001234
// or 030001234. It returns an empty Number for what is no number.
func NormalizeLine(s string) Number {
	digits := strings.TrimPrefix(Clean(s), "+")
	digits = strings.TrimPrefix(digits, "00")
	if !digitsOnly(digits) || len(digits) < 3 {
		return ""
	}
	if len(digits) >= 10 && strings.HasPrefix(digits, "98") {
		digits = digits[2:]
	}
	if n := Normalize("0" + strings.TrimPrefix(digits, "0")); n.Mobile() {
		return n
	}
	return Number(strings.TrimLeft(digits, "0"))
}

// ParseRecipient reads a number someone typed to send an SMS to: 09…, 9…, +98…, 0098…, 98… or any international number
// with its country code, in Latin, Persian or Arabic digits, with spaces, dashes and brackets.
func ParseRecipient(s string) (Number, error) {
	digits := Clean(s)
	if !digitsOnly(strings.TrimPrefix(digits, "+")) {
		return "", fmt.Errorf("%q is not a telephone number", mask(s))
	}
	// Operators open new ranges faster than number tables follow: the form of an Iranian mobile number is enough.
	local, home := digits, false
	for _, prefix := range []string{"+98", "0098", "98", "0"} {
		if local, home = strings.CutPrefix(digits, prefix); home {
			if prefix != "0" { // behind which another zero begins the number of another country, not one of ours with a zero too many
				local = strings.TrimPrefix(local, "0")
			}
			break
		}
	}
	// A landline needs its zero, or it might be of a country whose code looks like our area code. No area code has a zero in second
	// place; panels' lines, such as 3000123456, have.
	if len(local) == 10 && (local[0] == '9' || home && local[0] != '0' && local[1] != '0') {
		return Number("0" + local), nil
	}
	for _, prefix := range []string{"+", "00"} {
		if rest, ok := strings.CutPrefix(digits, prefix); ok {
			if n, ok := parseForeign(rest); ok {
				return n, nil
			}
		}
	}
	return "", fmt.Errorf("%q is not a telephone number", mask(s))
}

// zero marks, among the lengths of a country's mobile numbers, that they may begin with a zero.
const zero = 1

// parseForeign reads a mobile number of another country, with its country code and nothing before it. The number's length is all that is
// known of it, which is enough to find most slips; the question before a foreign number shows the rest.
func parseForeign(digits string) (Number, bool) {
	for n := 1; n <= 3 && n < len(digits); n++ {
		code, national := digits[:n], digits[n:]
		lengths, known := mobileLengths[code]
		if !known {
			continue // no country code begins with another one
		}
		if lengths&zero == 0 { // written as people do at home, +44 (0)7911 …
			national = strings.TrimPrefix(national, "0")
		}
		valid := code != "98" && lengths>>len(national)&1 == 1 && (lengths&zero != 0 || national[0] != '0')
		return Number("+" + code + national), valid
	}
	return "", false
}

// Digits replaces Persian and Arabic digits by Latin ones.
func Digits(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= '۰' && r <= '۹':
			return '0' + r - '۰'
		case r >= '٠' && r <= '٩':
			return '0' + r - '٠'
		}
		return r
	}, s)
}

// Clean leaves of a typed number what counts: Latin digits, a plus, and whatever does not belong there.
func Clean(s string) string {
	return strings.Map(func(r rune) rune {
		// Format characters, such as bidi marks and joiners, come along when a number is copied from Persian text.
		if unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Pd, r) || strings.ContainsRune("()−.", r) {
			return -1
		}
		return r
	}, Digits(s))
}

func digitsOnly(s string) bool {
	return strings.Trim(s, "0123456789") == ""
}

func mask(s string) string {
	runes := []rune(s)
	if len(runes) <= 4 {
		return strings.Repeat("*", len(runes))
	}
	return strings.Repeat("*", len(runes)-4) + string(runes[len(runes)-4:])
}
