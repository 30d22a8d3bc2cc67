package soap

import (
	"bytes"
	"html"
	"mime"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
)

// From whatever bytes a server writes to UTF-8 that XML can hold.

var xmlEncoding = regexp.MustCompile(`^\s*<\?xml[^>]*\sencoding=["']([\w.:-]+)["']`)

// charsets are the character sets besides Unicode in which a panel may write Persian or Western letters. On the web ISO-8859-1 means
// Windows-1252 (https://encoding.spec.whatwg.org/#names-and-labels). Supporting all would bring in those of East Asia, 0.6 MB of tables.
var charsets = map[string]*charmap.Charmap{
	"iso-8859-1":   charmap.Windows1252,
	"windows-1252": charmap.Windows1252,
	"us-ascii":     charmap.Windows1252,
	"windows-1256": charmap.Windows1256,
}

// toUTF8 returns the text of an answer. Servers often declare ISO-8859-1 and write UTF-8, so valid UTF-8 is read as that,
// whatever was declared.
func toUTF8(contentType string, raw []byte) []byte {
	for _, mark := range []struct {
		prefix string
		order  unicode.Endianness
	}{
		{"\xff\xfe", unicode.LittleEndian}, {"<\x00", unicode.LittleEndian},
		{"\xfe\xff", unicode.BigEndian}, {"\x00<", unicode.BigEndian},
	} {
		if bytes.HasPrefix(raw, []byte(mark.prefix)) {
			// The decoder replaces what it cannot read, so its error says nothing.
			text, _ := unicode.UTF16(mark.order, unicode.UseBOM).NewDecoder().Bytes(raw)
			return text
		}
	}
	raw = bytes.TrimPrefix(raw, []byte("\ufeff"))
	if utf8.Valid(raw) {
		return raw
	}
	if joined := joinPairs(raw); len(joined) < len(raw) && (utf8.Valid(joined) || mostlyUTF8(joined)) {
		raw = joined
	}
	if utf8.Valid(raw) {
		return raw
	}
	declared := ""
	if m := xmlEncoding.FindSubmatch(raw[:min(len(raw), 200)]); m != nil {
		declared = string(m[1])
	} else if _, params, err := mime.ParseMediaType(contentType); err == nil {
		declared = params["charset"]
	}
	charset := charsets[strings.ToLower(declared)]
	// One text that a server cut inside a character must not garble the other 49.
	if charset == nil || mostlyUTF8(raw) {
		return bytes.ToValidUTF8(raw, []byte("\ufffd"))
	}
	text, _ := charset.NewDecoder().Bytes(raw) // every byte has a meaning in them
	return text
}

// mostlyUTF8 reports whether more characters are whole in UTF-8 than bytes are broken.
func mostlyUTF8(raw []byte) bool {
	whole, broken := 0, 0
	for len(raw) > 0 {
		r, size := utf8.DecodeRune(raw)
		switch {
		case r == utf8.RuneError && size == 1:
			broken++
		case size > 1:
			whole++
		}
		raw = raw[size:]
	}
	return whole > broken
}

// legal reports whether XML 1.0 allows the character.
func legal(r rune) bool {
	return r == '\t' || r == '\n' || r == '\r' || r >= 0x20 && r <= 0xd7ff || r >= 0xe000 && r <= 0xfffd || r >= 0x10000 && r <= utf8.MaxRune
}

var charRefs = regexp.MustCompile(`(?:&#(?:[0-9]+|[xX][0-9a-fA-F]+);)+`)

// replaceIllegal replaces the characters that XML forbids, raw or as a reference: servers pass them on from an SMS,
// and one of them would make the other 49 messages unreadable.
func replaceIllegal(data []byte) []byte {
	// Nearly always there is none, and bytes show that faster than characters: U+FFFE and U+FFFF begin with 0xef.
	if slices.ContainsFunc(data, func(b byte) bool { return b < ' ' && !legal(rune(b)) || b == 0xef }) {
		data = bytes.Map(func(r rune) rune {
			if !legal(r) {
				return utf8.RuneError
			}
			return r
		}, data)
	}
	if !bytes.Contains(data, []byte("&#")) {
		return data
	}
	return charRefs.ReplaceAllFunc(data, replaceIllegalRefs)
}

// replaceIllegalRefs replaces what XML forbids in a row of character references. Some servers write a character as the two halves of a
// UTF-16 pair: it puts the character in their place.
func replaceIllegalRefs(refs []byte) []byte {
	var out []byte
	high := rune(-1) // the first half of a pair
	for ref := range bytes.SplitAfterSeq(refs, []byte(";")) {
		if len(ref) == 0 {
			break
		}
		digits, base := strings.ToLower(string(ref[2:len(ref)-1])), 10
		if digits[0] == 'x' {
			digits, base = digits[1:], 16
		}
		n, err := strconv.ParseUint(digits, base, 31)
		r := rune(n)
		if pair := utf16.DecodeRune(high, r); high >= 0 && pair != utf8.RuneError {
			out, high = utf8.AppendRune(out, pair), -1
			continue
		}
		if high >= 0 {
			out, high = utf8.AppendRune(out, utf8.RuneError), -1
		}
		switch {
		case err == nil && r >= 0xd800 && r < 0xdc00:
			high = r
		case err != nil || !legal(r):
			out = utf8.AppendRune(out, utf8.RuneError)
		default:
			out = append(out, ref...)
		}
	}
	if high >= 0 {
		out = utf8.AppendRune(out, utf8.RuneError)
	}
	return out
}

// entities returns those of HTML's named characters that are in data: PHP writes them, and XML knows only five.
func entities(data []byte) map[string]string {
	var known map[string]string
	for at := 0; at < len(data); at++ {
		i := bytes.IndexByte(data[at:], '&')
		if i < 0 {
			break
		}
		at += i
		ref := data[at:min(len(data), at+34)]
		end := bytes.IndexByte(ref, ';')
		if end < 2 || ref[1] == '#' {
			continue
		}
		switch name := string(ref[1:end]); name {
		case "lt", "gt", "amp", "quot", "apos":
		default:
			// In HTML some names need no semicolon, so &nothing; begins with one of them.
			text := html.UnescapeString(string(ref[:end+1]))
			if text != string(ref[:end+1]) && (!strings.HasSuffix(text, ";") || name == "semi") {
				if known == nil {
					known = map[string]string{}
				}
				known[name] = text
			}
		}
	}
	return known
}

// joinPairs joins the halves of UTF-16 pairs that were written as UTF-8 one by one, as old databases and Java do.
func joinPairs(raw []byte) []byte {
	half := func(at int, first, last byte) (rune, bool) {
		if at+3 > len(raw) || raw[at] != 0xed || raw[at+1] < first || raw[at+1] > last || raw[at+2]&0xc0 != 0x80 {
			return 0, false
		}
		return 0xd000 | rune(raw[at+1]&0x3f)<<6 | rune(raw[at+2]&0x3f), true
	}
	var out []byte
	done := 0
	for at := 0; at < len(raw); at++ {
		i := bytes.IndexByte(raw[at:], 0xed)
		if i < 0 {
			break
		}
		at += i
		high, ok := half(at, 0xa0, 0xaf)
		low, pair := half(at+3, 0xb0, 0xbf)
		if ok && pair {
			out = utf8.AppendRune(append(out, raw[done:at]...), utf16.DecodeRune(high, low))
			at += 5
			done = at + 1
		}
	}
	return append(out, raw[done:]...)
}
