package telegram

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestHTMLBecomesTextAndEntities(t *testing.T) {
	for src, want := range map[string]struct {
		text     string
		entities []Entity
	}{
		"":                           {"", nil},
		"سلام &lt;b&gt; &amp;c":      {"سلام <b> &c", nil},
		"&lt&gt&amp&quot;":           {`<>&"`, nil},
		"&laquo;&apos;&nbsp; & a&b;": {"&laquo;&apos;&nbsp; & a&b;", nil},
		"&#1587;&#x6F1;&#65":         {"س۱A", nil},
		"&#12345678; &#; &#0;":       {"&#12345678; &#; &#0;", nil},
		"<b>a</b><strong>b</strong>": {"ab", []Entity{{Type: "bold", Offset: 0, Length: 1}, {Type: "bold", Offset: 1, Length: 1}}},
		"😀<i>😀x</i>":                 {"😀😀x", []Entity{{Type: "italic", Offset: 2, Length: 3}}},
		"<U>a</u><ins>b</INS>":       {"ab", []Entity{{Type: "underline", Offset: 0, Length: 1}, {Type: "underline", Offset: 1, Length: 1}}},
		"<s>a</s><strike>b</strike><del>c</del>": {"abc", []Entity{
			{Type: "strikethrough", Offset: 0, Length: 1}, {Type: "strikethrough", Offset: 1, Length: 1}, {Type: "strikethrough", Offset: 2, Length: 1}}},
		"<b></b>x":                           {"x", nil},
		"<b>x</>":                            {"x", []Entity{{Type: "bold", Offset: 0, Length: 1}}},
		"<b >x</b  >":                        {"x", []Entity{{Type: "bold", Offset: 0, Length: 1}}},
		"<b any = thing-1.x other='>'>x</b>": {"x", []Entity{{Type: "bold", Offset: 0, Length: 1}}},
		`<span class="tg-spoiler">a</span><tg-spoiler>b</tg-spoiler>`: {"ab", []Entity{
			{Type: "spoiler", Offset: 0, Length: 1}, {Type: "spoiler", Offset: 1, Length: 1}}},
		`<a href="https://example.com/?a=1&amp;b=2">x</a>`: {"x", []Entity{{Type: "text_link", Offset: 0, Length: 1, URL: "https://example.com/?a=1&b=2"}}},
		`<a href='example.com'>x</a><a>y</a>`:              {"xy", []Entity{{Type: "text_link", Offset: 0, Length: 1, URL: "http://example.com/"}}},
		`<a>example.com</a>`:                               {"example.com", []Entity{{Type: "text_link", Offset: 0, Length: 11, URL: "http://example.com/"}}},
		"<code>09121234567</code>":                         {"09121234567", []Entity{{Type: "code", Offset: 0, Length: 11}}},
		`<pre><code class="language-go">x</code></pre>`:    {"x", []Entity{{Type: "pre", Offset: 0, Length: 1, Language: "go"}}},
		`<pre>y<code class="language-go">x</code></pre>`:   {"yx", []Entity{{Type: "pre", Offset: 0, Length: 2}, {Type: "code", Offset: 1, Length: 1}}},
		"<blockquote>x</blockquote>":                       {"x", []Entity{{Type: "blockquote", Offset: 0, Length: 1}}},
		"<blockquote expandable>x</blockquote>":            {"x", []Entity{{Type: "expandable_blockquote", Offset: 0, Length: 1}}},
		`<tg-emoji emoji-id="5368324170671202286">👍</tg-emoji>`: {"👍", []Entity{
			{Type: "custom_emoji", Offset: 0, Length: 2, CustomEmojiID: "5368324170671202286"}}},
		"<i><b>x</b> y</i>": {"x y", []Entity{{Type: "italic", Offset: 0, Length: 3}, {Type: "bold", Offset: 0, Length: 1}}},
		"<i><b>x</b></i>":   {"x", []Entity{{Type: "bold", Offset: 0, Length: 1}, {Type: "italic", Offset: 0, Length: 1}}},
	} {
		text, entities, err := parseHTML(src, htmlTags)
		if err != nil || text != want.text {
			t.Errorf("%s: got %q, %v, want %q", src, text, err, want.text)
		}
		if diff := cmp.Diff(want.entities, entities, cmp.Transformer("empty", func(e []Entity) []Entity {
			if len(e) == 0 {
				return nil
			}
			return e
		})); diff != "" && (len(want.entities) > 0 || len(entities) > 0) {
			t.Errorf("%s: %s", src, diff)
		}
	}
}

func TestWrongHTMLIsRefusedInTelegramsWords(t *testing.T) {
	for src, want := range map[string]string{
		"a < b":                               `Unsupported start tag "" at byte offset 2`,
		"سلام <br>":                           `Unsupported start tag "br" at byte offset 9`,
		"<b/>x":                               `Unsupported start tag "b/" at byte offset 0`,
		"x <b":                                `Unclosed start tag at byte offset 2`,
		"<a href":                             `Unclosed start tag "a" at byte offset 0`,
		"<a href = ":                          `Unclosed start tag "a" at byte offset 0`,
		`<a href="x>y</a>`:                    `Unclosed start tag at byte offset 0`,
		`<a ="x">y</a>`:                       `Empty attribute name in the tag "a" at byte offset 0`,
		"<a href=x/y>z</a>":                   `Unexpected end of name token at byte offset 8`,
		"<span>x</span>":                      `Tag "span" must have class "tg-spoiler" at byte offset 0`,
		"x</b>":                               `Unexpected end tag at byte offset 1`,
		"<b>x</b":                             `Unclosed end tag at byte offset 4`,
		"<b>x</i>":                            `Unmatched end tag at byte offset 4, expected "</b>", found "</i>"`,
		"<i>y<b>x":                            `Can't find end tag corresponding to start tag "b"`,
		"&#xD83D;&#xDE00;":                    `Text contains invalid Unicode characters after decoding HTML entities, check for unmatched surrogate code units`,
		`<tg-emoji emoji-id="x">y</tg-emoji>`: `Invalid custom emoji identifier specified`,
	} {
		text, _, err := parseHTML(src, htmlTags)
		if err == nil || err.Error() != "Bad Request: can't parse entities: "+want {
			t.Errorf("%s: got %q, %v, want %s", src, text, err, want)
		}
	}
}

func TestTextsAreCleanedAndEntitiesMoveAlong(t *testing.T) {
	for _, c := range []struct {
		name, src, want string
		entity, moved   Entity
	}{
		{"space at the ends goes", "\n  ab \n", "ab", Entity{Offset: 1, Length: 4}, Entity{Offset: 0, Length: 2}},
		{"carriage returns go", "a\r\nbc", "a\nbc", Entity{Offset: 3, Length: 2}, Entity{Offset: 2, Length: 2}},
		{"marks of direction go", "\u202eab\u202c😀c", "ab😀c", Entity{Offset: 4, Length: 2}, Entity{Offset: 2, Length: 2}},
		{"control characters become spaces", "a\x01b", "a b", Entity{Offset: 2, Length: 1}, Entity{Offset: 2, Length: 1}},
		{"isolates and joiners stay", "\u2068a\u200c\u2069", "\u2068a\u200c\u2069", Entity{Offset: 1, Length: 1}, Entity{Offset: 1, Length: 1}},
	} {
		text, entities := cleanText(c.src, []Entity{c.entity})
		if text != c.want || len(entities) != 1 || entities[0] != c.moved {
			t.Errorf("%s: got %q %v, want %q %v", c.name, text, entities, c.want, c.moved)
		}
	}
	if _, entities := cleanText("a  ", []Entity{{Offset: 1, Length: 2}}); len(entities) != 0 {
		t.Errorf("an entity of spaces that went: got %v", entities)
	}
}

func TestCommandsAreFound(t *testing.T) {
	for text, want := range map[string][]Entity{
		"/send 0912":           {{Type: "bot_command", Offset: 0, Length: 5}},
		"/send@PeykBot":        {{Type: "bot_command", Offset: 0, Length: 13}},
		"😀 /a\n/b":             {{Type: "bot_command", Offset: 3, Length: 2}, {Type: "bot_command", Offset: 6, Length: 2}},
		"/send\u00a0x":         {{Type: "bot_command", Offset: 0, Length: 5}},
		"(/a)":                 {{Type: "bot_command", Offset: 1, Length: 2}},
		"/send_to":             {{Type: "bot_command", Offset: 0, Length: 8}},
		"/usr/bin a/b http://": nil,
		"/ x":                  nil,
		"/فارسی":               nil,
	} {
		if diff := cmp.Diff(want, botCommands(text)); diff != "" {
			t.Errorf("%q: %s", text, diff)
		}
	}
}

func FuzzParseHTML(f *testing.F) {
	for _, seed := range []string{"<b>x</b>", "a < b", "&lt;&#x41", `<a href="x&quot;">😀</a>`, "<pre><code class='language-go'>x</></>", "<b\xff>"} {
		f.Add(seed)
	}
	escape := strings.NewReplacer("<", "&lt;", ">", "&gt;", "&", "&amp;")
	f.Fuzz(func(t *testing.T, src string) {
		if !utf8.ValidString(src) {
			t.Skip("refused before the parser")
		}
		if text, entities, err := parseHTML(src, htmlTags); err == nil {
			cleaned, moved := cleanText(text, entities)
			length := utf16Len(cleaned)
			for _, e := range moved {
				if e.Offset < 0 || e.Length <= 0 || e.Offset+e.Length > length {
					t.Errorf("%q: %+v outside of %d units", src, e, length)
				}
			}
		}
		if text, entities, err := parseHTML(escape.Replace(src), htmlTags); err != nil || text != src || len(entities) != 0 {
			t.Errorf("%q escaped: got %q, %v, %v", src, text, entities, err)
		}
	})
}
