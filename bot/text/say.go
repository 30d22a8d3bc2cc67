package text

import (
	"fmt"
	"html"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"

	"peyk/sms"
)

// Say puts args into a sentence, numbers in the digits of the language.
func (t *Language) Say(sentence string, args ...any) string {
	for i, a := range args {
		if n, ok := a.(int); ok {
			args[i] = t.digits(strconv.Itoa(n))
		}
	}
	return fmt.Sprintf(sentence, args...)
}

// sender says who sent an SMS, as far as the panel told.
func (t *Language) sender(n sms.Number) string {
	if n == "" {
		return t.noSender
	}
	return Code(Short(string(n), NameRunes))
}

// digits writes the digits of s as the language does.
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

// SetApart prepares html for being shown. Within Persian, whatever is to be copied by a tap runs from left to right and leaves the words
// around it where they are; the marks for that stand outside of what is copied.
func (t *Language) SetApart(html string) string {
	if !t.persian {
		return html
	}
	return strings.NewReplacer("<code>", "\u2066<code>", "</code>", "</code>\u2069").Replace(html)
}

func Escape(s string) string { return html.EscapeString(s) }

// Code sets a number, an id or foreign words apart: a tap copies them, and text of the other direction around them does not
// scramble them.
func Code(s string) string { return "<code>" + html.EscapeString(s) + "</code>" }

// Isolated is a foreign name in a sentence of ours: what is written in the other direction leaves the words around it where they are.
func Isolated(name string) string { return "\u2068" + Escape(Short(name, NameRunes)) + "\u2069" }

// Reason is what the panel or Telegram says, isolated as a name is.
func Reason(s string) string { return "\u2068" + Escape(Short(s, ReasonRunes)) + "\u2069" }

func Number(n sms.Number) string { return Code(string(n)) }

func (t *Language) Numbers(list []sms.Number) string {
	said := make([]string, len(list))
	for i, n := range list {
		said[i] = Number(n)
	}
	return t.List(said)
}

// List puts commas of the language between what is said.
func (t *Language) List(said []string) string {
	if t.persian {
		return strings.Join(said, "، ")
	}
	return strings.Join(said, ", ")
}

// How much of foreign words is repeated in a line of ours: of a name or a number, and of what the panel or Telegram says. A
// message longer than Telegram takes would not be shown at all.
const (
	NameRunes   = 40
	ReasonRunes = 200
)

// Short returns foreign words for a line of ours: one line, at most so many runes, and without what could hide or turn around the
// words beside them, such as bidi marks and control characters. The joiner that Persian is written with stays.
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

// Plain takes our own tags out of a line of ours.
func Plain(s string) string {
	return strings.NewReplacer("<code>", "", "</code>", "", "<b>", "", "</b>", "", "&lt;", "<", "&gt;", ">", "&amp;", "&", "&#34;", `"`, "&#39;", "'").Replace(s)
}

// Blank tells whether there is nothing in s that anybody can see.
func Blank(s string) bool {
	return strings.TrimFunc(s, func(r rune) bool { return !unicode.IsGraphic(r) || unicode.IsSpace(r) }) == ""
}

// split cuts text into parts of at most units UTF-16 units, behind a line or a word where that is not far. Joined again they
// are the text. What Telegram would show as nothing at all is said in words.
func split(s string, units int) []string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if Blank(s) {
		s = "∅" + s
	}
	var parts []string
	for {
		cut, n := len(s), 0
		for i, r := range s {
			if n += utf16.RuneLen(r); n > units {
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

// RuneName says which character it is, also when it cannot be seen.
func RuneName(r rune) string { return fmt.Sprintf("U+%04X", r) }
