package text

import (
	"fmt"
	"html"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"

	"peyk/sms"
)

// Say fills args into a sentence, numbers in the digits of the language.
func (t *Language) Say(sentence string, args ...any) string {
	for i, a := range args {
		if n, ok := a.(int); ok {
			args[i] = t.digits(strconv.Itoa(n))
		}
	}
	return fmt.Sprintf(sentence, args...)
}

// sender says who sent an SMS, as far as the panel said.
func (t *Language) sender(n sms.Number) string {
	if n == "" {
		return t.noSender
	}
	return Code(Short(string(n), NameRunes))
}

// digits turns the digits of s into those of the language.
func (t *Language) digits(s string) string {
	if !t.persian {
		return s
	}
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return '۰' + r - '0'
		}
		return r
	}, s)
}

// SetApart prepares html to be shown. In Persian, what is copied by a tap runs from left to right without moving the words around it. The
// bidi marks for that stand outside of what is copied.
func (t *Language) SetApart(html string) string {
	if !t.persian {
		return html
	}
	return strings.NewReplacer("<code>", "\u2066<code>", "</code>", "</code>\u2069").Replace(html)
}

// Escape returns s as HTML.
func Escape(s string) string { return html.EscapeString(s) }

// Code returns a number, an id or foreign words as HTML that a tap copies, and that text in the other direction does not scramble.
func Code(s string) string { return "<code>" + html.EscapeString(s) + "</code>" }

// Isolated returns a name as HTML for one of our sentences: a name in the other direction does not move the words around it.
func Isolated(name string) string { return "\u2068" + Escape(Short(name, NameRunes)) + "\u2069" }

// Reason returns what the panel or Telegram says as HTML, isolated like a name.
func Reason(s string) string { return "\u2068" + Escape(Short(s, ReasonRunes)) + "\u2069" }

// Number returns a number as HTML, to be copied by a tap.
func Number(n sms.Number) string { return Code(string(n)) }

// Numbers returns a list of numbers as HTML.
func (t *Language) Numbers(list []sms.Number) string {
	said := make([]string, len(list))
	for i, n := range list {
		said[i] = Number(n)
	}
	return t.List(said)
}

// List joins what is said with the commas of the language.
func (t *Language) List(said []string) string {
	if t.persian {
		return strings.Join(said, "، ")
	}
	return strings.Join(said, ", ")
}

// How many characters of foreign words are repeated in a line of ours: of a name or number, and of what the panel or Telegram says. A
// message that is too long for Telegram would not be shown at all.
const (
	NameRunes   = 40
	ReasonRunes = 200
)

// Short returns foreign words for a line of ours: on one line, cut to this many runes, and without what could hide or reorder the words
// next to them, such as bidi marks and control characters. The zero-width non-joiner stays: Persian needs it.
func Short(s string, runes int) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case unicode.IsSpace(r):
			r = ' '
		case r != '\u200c' && unicode.Is(unicode.Cf, r) || unicode.IsControl(r):
			continue
		}
		if runes--; runes < 0 {
			b.WriteRune('…')
			break
		}
		b.WriteRune(r)
	}
	return b.String()
}

// tag is markup of ours: foreign words have none.
var tag = regexp.MustCompile(`</?[a-z][^<>]*>`)

// Plain returns our own HTML as plain text.
func Plain(s string) string {
	return strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&", "&#34;", `"`, "&#39;", "'").Replace(tag.ReplaceAllString(s, ""))
}

// Units returns how much of a chat message or caption one of our texts takes, in UTF-16 units without its markup.
func Units(html string) int {
	n := 0
	for _, r := range Plain(html) {
		n += utf16.RuneLen(r)
	}
	return n
}

// Percent says a share of a hundred; none when it is negative.
func (t *Language) Percent(share int) string {
	switch {
	case share < 0:
		return "–"
	case t.persian:
		return t.Say("%v٪", share)
	}
	return t.Say("%v%%", share)
}

// Jalali reports whether dates are of the Jalali calendar.
func (t *Language) Jalali() bool { return t.persian }

// RightToLeft reports whether the language is written from right to left.
func (t *Language) RightToLeft() bool { return t.persian }

// OnTerminal returns one of our own lines of HTML as a line of plain text. Few terminals know isolates: from right to left, left-to-right marks stand in
// for them.
func (t *Language) OnTerminal(html string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsControl(r): // from a chat's title, or the panel's words
			return ' '
		case r < '\u2066' || r > '\u2069':
			return r
		case t.persian:
			return '\u200e'
		}
		return -1
	}, Plain(t.SetApart(html)))
}

// Blank reports whether nothing in s is visible.
func Blank(s string) bool {
	return strings.TrimFunc(s, func(r rune) bool { return !unicode.IsGraphic(r) || unicode.IsSpace(r) }) == ""
}

// Clip joins as many lines as one chat message holds.
func Clip(lines []string) string {
	size := 0
	for i, line := range lines {
		if size += units(line) + 1; size > MessageUnits-headUnits {
			return strings.Join(lines[:i], "\n") + "\n…"
		}
	}
	return strings.Join(lines, "\n")
}

// split cuts s into parts of at most units UTF-16 units, or one character, after a line or a word where one ends nearby. Joined they are s again. A text of
// nothing visible, which Telegram would not show, begins with ∅.
func split(s string, units int) []string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if Blank(s) {
		s = "∅" + s
	}
	var parts []string
	for {
		cut, n := len(s), 0
		for i, r := range s {
			if n += utf16.RuneLen(r); n > units && i > 0 {
				cut = i
				break
			}
		}
		if cut == len(s) {
			return append(parts, s)
		}
		for _, at := range []string{"\n", " "} {
			if i := strings.LastIndex(s[:cut], at); i > cut*3/4 {
				cut = i + 1
				break
			}
		}
		parts = append(parts, s[:cut])
		s = s[cut:]
	}
}

// RuneName names a character, visible or not.
func RuneName(r rune) string { return fmt.Sprintf("U+%04X", r) }
