package soap

import (
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"

	"peyk/sms"
	"peyk/smsapi"
)

// TestCharactersByOtherNames reads what servers write for a character that they do not write as itself.
func TestCharactersByOtherNames(t *testing.T) {
	for written, want := range map[string]string{
		"&#55357;&#56832;":                    "😀",
		"&#xD83D;&#xDE00;":                    "😀",
		"&#xd83d;&#56832; &#55357;&#xde02;":   "😀 😂",
		"&#55357;&#56832;&#55357;&#56834;":    "😀😂",
		"a&#55356;&#57135;b":                  "a🌯b",
		"&#55357;":                            "\ufffd",
		"&#56832;&#55357;":                    "\ufffd\ufffd",
		"&#55357; &#56832;":                   "\ufffd \ufffd",
		"&#55357;&#65;":                       "\ufffdA",
		"&#55357;&#55357;&#56832;":            "\ufffd😀",
		"&#128512;&#x1F600;":                  "😀😀",
		"&#99999999999999999999;&#0;":         "\ufffd\ufffd",
		"&#38;&#60;b&#62;":                    "&<b>",
		"\xed\xa0\xbd\xed\xb8\x80 سلام":       "😀 سلام",
		"می&zwnj;خواهم":                       "می\u200cخواهم",
		"&laquo;سلام&raquo;":                  "«سلام»",
		"a&nbsp;b":                            "a\u00a0b",
		"&hellip;&ndash;&euro;&eacute;&rlm;":  "…–€é\u200f",
		"&check;&NewLine;&fjlig;":             "✓\nfj",
		"&apos;&quot;&lt;&gt;&amp;":           `'"<>&`,
		"&LT;b&GT; &AMP;":                     "<b> &",
		"&nothing; &x; AT&T; a&b &copy2":      "&nothing; &x; AT&T; a&b &copy2",
		"&amp;nbsp; &amp;#55357;&amp;#56832;": "&nbsp; &#55357;&#56832;",
		"<![CDATA[&nbsp;&amp;]]>":             "&nbsp;&amp;",
		"http://x/?a=1&lang=fa&copy=2":        "http://x/?a=1&lang=fa&copy=2",
	} {
		got, err := decodeUnread(smsapi.Answer{ContentType: "text/xml; charset=utf-8", Body: []byte(answered("0", msg("09120000001", written, 1700000000)+msg("09120000002", "second", 1700000001)))})
		if err != nil || len(got) != 2 || got[0].Text != want {
			t.Errorf("%q: got %+v, %v, want %q", written, got, err, want)
		}
	}
}

func TestDecodeUnreadInForeignCharacterSets(t *testing.T) {
	utf16Bytes := func(bom bool, little bool, s string) string {
		var b []byte
		units := utf16.Encode([]rune(s))
		if bom {
			units = append([]uint16{0xfeff}, units...)
		}
		for _, u := range units {
			if little {
				b = append(b, byte(u), byte(u>>8))
			} else {
				b = append(b, byte(u>>8), byte(u))
			}
		}
		return string(b)
	}
	persian := answered("0", msg("a", "سلام", 10))
	declared := func(charset, body string) string { return strings.Replace(body, "UTF-8", charset, 1) }
	for _, test := range []struct{ name, contentType, body, want string }{
		{"declared ISO-8859-1, written UTF-8", "text/xml; charset=ISO-8859-1", declared("ISO-8859-1", persian), "سلام"},
		{"real ISO-8859-1", "text/xml; charset=ISO-8859-1", declared("ISO-8859-1", answered("0", msg("a", "caf\xe9", 10))), "café"},
		{"ISO-8859-1 in the header alone", "text/xml; charset=iso-8859-1", strings.TrimPrefix(answered("0", msg("a", "caf\xe9", 10)), `<?xml version="1.0" encoding="UTF-8"?>`), "café"},
		{"Windows-1256", "text/xml", declared("windows-1256", answered("0", msg("a", "\xd3\xe1\xc7\xe3", 10))), "سلام"},
		{"Windows-1252", "text/xml; charset=Windows-1252", declared("Windows-1252", answered("0", msg("a", "\x80 5", 10))), "€ 5"},
		{"UTF-8 with a character cut in half", "text/xml; charset=ISO-8859-1", declared("ISO-8859-1", answered("0", msg("a", "سلام\xd8", 10))), "سلام\ufffd"},
		{"a character set nobody knows", "text/xml; charset=x", declared("x-y", answered("0", msg("a", "s\xff", 10))), "s\ufffd"},
		{"a byte order mark", "", "\ufeff" + persian, "سلام"},
		{"UTF-16 with a mark", "text/xml; charset=utf-16", utf16Bytes(true, true, declared("UTF-16", persian)), "سلام"},
		{"UTF-16 big-endian with a mark", "", utf16Bytes(true, false, declared("UTF-16", persian)), "سلام"},
		{"UTF-16 without a mark", "", utf16Bytes(false, true, persian), "سلام"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := decodeUnread(smsapi.Answer{ContentType: test.contentType, Body: []byte(test.body)})
			if err != nil {
				t.Fatal(err)
			}
			if want := []sms.Message{inbound("a", test.want, 10)}; !cmp.Equal(want, got) {
				t.Errorf("got %q, want %q", got[0].Text, test.want)
			}
		})
	}
}
