package sms

import (
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"unicode"
)

// Number is a phone number, a short code or an alphanumeric sender, in the one form in which equal ones compare equal:
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

// International returns n with its country code, the form that prefixes are compared with. Short codes and other panels' lines count as numbers of
// this country.
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
	// Panels may leave out the plus of a foreign number, but then it has no zero that is dialled at home: 500012345 is a line in this country.
	if n, ok := parseForeign(s); ok && len(n) == len(s)+1 {
		return n
	}
	return Number("+98" + s)
}

// Foreign reports whether n is a number of another country, for which panels charge many times their usual rate.
func (n Number) Foreign() bool { return !strings.HasPrefix(string(n.International()), "+98") }

// Answerable reports whether an SMS can be sent back to n. There is no phone behind an alphanumeric sender, and digits that are not a number, such
// as a mobile number without its last digit, may be anybody's.
func (n Number) Answerable() bool {
	s := string(n)
	abroad, international := strings.CutPrefix(s, "+")
	switch {
	case !digitsOnly(abroad) || len(abroad) < 3 || len(abroad) > 15 || strings.HasPrefix(abroad, "98") && len(abroad) > 8:
		return false
	case international:
		return len(abroad) >= 7 && abroad[0] != '0'
	case s[0] == '0':
		return len(s) == 11 && s[1] != '0'
	}
	return s != overflown
}

// overflown is what a panel makes of every number that it keeps in 32 bits.
const overflown = "2147483647"

// Names reports whether n names somebody: panels may leave out the sender of an SMS, or give one that is far too long.
func (n Number) Names() bool { return n != "" && len(n) <= 256 }

// Normalize brings a number of any spelling into its comparable form. What may not be a phone number, such as a short code or a sender's name, comes
// back as given, without surrounding space. What cannot be seen is empty.
func Normalize(s string) Number {
	if n, err := ParseRecipient(s); err == nil {
		return n
	}
	digits := Clean(s)
	if bare := strings.TrimPrefix(digits, "+"); bare == "" || !digitsOnly(bare) {
		s = strings.TrimSpace(s)
		if strings.IndexFunc(s, unicode.IsGraphic) < 0 {
			return ""
		}
		return Number(s)
	}
	abroad, international := cutInternational(digits)
	code := countryCode(abroad)
	switch {
	case code == "98" && isLine(abroad[2:]) && (international || len(abroad) >= 10 && strings.HasPrefix(abroad[3:], "000")):
		return Number(abroad[2:])
	case code == "98":
	case international && code != "" && len(abroad) >= 7 && len(abroad) <= 15:
		// After two zeros, ten digits that begin with 9 may also be an Iranian mobile number.
		if "+"+abroad == digits || len(abroad) != 10 || abroad[0] != '9' {
			return Number("+" + abroad)
		}
	case len(digits) >= 11: // shorter ones may also be lines, or landlines without their zero
		if n, ok := parseForeign(digits); ok && len(n) == len(digits)+1 {
			return n
		}
	}
	return Number(digits)
}

// isLine tells whether digits have the form of a short code or of a line at a panel of this country.
func isLine(digits string) bool {
	return len(digits) >= 3 && digits[0] >= '1' && digits[0] <= '8' && (len(digits) <= 6 || digits[1] == '0')
}

// NormalizeLine brings a line of ours into its comparable form: panels write 30001234 also as +9830001234, 009830001234
// or 030001234, and 300081 as +98300081. It returns an empty Number for what is not a number.
func NormalizeLine(s string) Number {
	digits := strings.TrimLeft(strings.TrimPrefix(Clean(s), "+"), "0")
	if !digitsOnly(digits) || len(digits) < 3 {
		return ""
	}
	if (len(digits) >= 10 || strings.HasPrefix(Clean(s), "+") && len(digits) >= 8) && strings.HasPrefix(digits, "98") {
		digits = digits[2:]
	}
	digits = strings.TrimLeft(digits, "0")
	if n := Normalize("0" + digits); n.Mobile() {
		return n
	}
	return Number(digits)
}

// ParseRecipient reads a number someone typed to send an SMS to: 09…, 9…, +98…, 0098…, 98… or any international number
// with its country code, in Latin, Persian or Arabic digits, with spaces, dashes and brackets.
func ParseRecipient(s string) (Number, error) {
	digits := ungroup(Clean(s))
	bare := strings.TrimPrefix(digits, "+")
	if bare != "" && digitsOnly(bare) {
		if local, ok := parseHome(digits); ok {
			return Number("0" + local), nil
		}
		if abroad, ok := cutInternational(digits); ok {
			if n, ok := parseForeign(abroad); ok {
				return n, nil
			}
		}
	}
	return "", fmt.Errorf("%q is not a telephone number", mask(s))
}

// parseHome reads a number of this country, and returns what follows the zero. Operators open new ranges faster than tables of numbers follow, so
// the form of an Iranian mobile number is enough.
func parseHome(digits string) (local string, ok bool) {
	bare, plus := strings.CutPrefix(digits, "+")
	// Any number of zeros may stand before the country code, and one may follow it. But after two zeros begins the number of another country.
	if local, ok = strings.CutPrefix(strings.TrimLeft(bare, "0"), "98"); ok {
		if twice, ok := strings.CutPrefix(local, "989"); ok && len(local) == 12 {
			return "9" + twice, true
		}
		if local = strings.TrimPrefix(local, "0"); isHome(local) {
			return local, true
		}
	}
	local, ok = strings.CutPrefix(bare, "0")
	switch {
	case ok && !plus:
		return local, isHome(local)
	case !ok:
		local = digits
	}
	// A landline needs its zero, or it might be of a country whose code looks like our area code; and so need mobile numbers that might be
	// foreign, as +961 3… is Lebanon, or a line behind our own country code.
	_, foreign := parseForeign(local)
	foreign = foreign || strings.HasPrefix(local, "98")
	if len(local) == 10 && local[0] == '9' && !foreign {
		return local, true
	}
	return "", false
}

// isHome tells whether "0" and local are a number of this country. No area code has a zero in second place, but panels' lines have, such as
// 3000123456.
func isHome(local string) bool {
	return len(local) == 10 && (local[0] == '9' || local[0] != '0' && local[1] != '0')
}

// cutInternational cuts off what stands before a country code.
func cutInternational(digits string) (abroad string, ok bool) {
	bare, plus := strings.CutPrefix(digits, "+")
	abroad, zeros := strings.CutPrefix(bare, "00")
	return abroad, plus || zeros
}

// zero marks, among the lengths of a country's mobile numbers, that they may begin with a zero.
const zero = 1

// parseForeign reads a mobile number of another country, with its country code and nothing before it. Only its length is checked, which finds most
// slips. For the rest the agent is shown the number and asked before anything is sent there.
func parseForeign(digits string) (Number, bool) {
	code := countryCode(digits)
	if code == "" || code == "98" {
		return "", false
	}
	national, lengths := digits[len(code):], mobileLengths[code]
	if lengths&zero == 0 { // written as people do at home, +44 (0)7911 …
		national = strings.TrimPrefix(national, "0")
	}
	valid := lengths>>len(national)&1 == 1 && (lengths&zero != 0 || national[0] != '0')
	return Number("+" + code + national), valid
}

// countryCode returns the country code that digits begin with, or "" if they have none or nothing follows it. No code begins with another one.
func countryCode(digits string) string {
	for n := 1; n <= 3 && n < len(digits); n++ {
		if _, known := mobileLengths[digits[:n]]; known {
			return digits[:n]
		}
	}
	return ""
}

// Digits replaces Persian, Arabic and full-width digits by Latin ones.
func Digits(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= '۰' && r <= '۹':
			return '0' + r - '۰'
		case r >= '٠' && r <= '٩':
			return '0' + r - '٠'
		case r >= '０' && r <= '９':
			return '0' + r - '０'
		}
		return r
	}, s)
}

// Clean reduces a number to Latin digits, a plus, and whatever does not belong in a number. A number that went through floating point, such as
// 9121234567.0 or 9.121234567E9, becomes what it was. Any other fraction keeps its point.
func Clean(s string) string {
	if strings.Trim(s, "+0123456789") == "" { // as nearly all of them are
		return s
	}
	s = strings.Map(func(r rune) rune {
		switch {
		// Format characters, such as bidi marks and joiners, come along when a number is copied from Persian text.
		case unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) || strings.ContainsRune("()（）ـ", r):
			return -1
		case unicode.Is(unicode.Pd, r) || r == '−':
			return '-'
		case strings.ContainsRune("٫．", r):
			return '.'
		case r == '＋':
			return '+'
		}
		return r
	}, Digits(s))
	if len(s) > 1 && s[0] == '-' && s[1] >= '1' && s[1] <= '9' {
		return s // below zero: an overflow, not a dash
	}
	s = expand(strings.ReplaceAll(s, "-", ""), s)
	if whole, fraction, ok := cutFraction(s); ok && strings.Trim(fraction, "0") == "" {
		return whole
	}
	return s
}

// cutFraction cuts a number at its only point, which may be a comma.
func cutFraction(s string) (whole, fraction string, ok bool) {
	whole, fraction, ok = strings.Cut(strings.Replace(s, ",", ".", 1), ".")
	return whole, fraction, ok && digitsOnly(strings.TrimPrefix(whole, "+")) && digitsOnly(fraction)
}

// expand writes a number with an exponent as digits. One that was rounded stays as it is, as it may be anybody's.
func expand(s, given string) string {
	i := strings.IndexAny(given, "eE")
	if i < 0 {
		return s
	}
	whole, fraction, ok := cutFraction(given[:i])
	n, err := strconv.Atoi(given[i+1:])
	if !ok || len(whole) == 0 || err != nil || n < 0 || n > len(fraction) {
		return s
	}
	return whole + fraction[:n] + "." + fraction[n:]
}

// ungroup joins the groups of a number that is written with points, 0912.111.1111. What may be a fraction stays as it is.
func ungroup(s string) string {
	if !strings.Contains(s, ".") {
		return s
	}
	groups := strings.Split(s, ".")
	first, last := groups[0], groups[len(groups)-1]
	if len(last) < 2 { // nobody writes a group of one digit
		return s
	}
	if prefixed := strings.HasPrefix(first, "+") || strings.HasPrefix(first, "0"); len(groups) == 2 && !(prefixed && len(first) <= 5) {
		return s
	}
	return strings.Join(groups, "")
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
