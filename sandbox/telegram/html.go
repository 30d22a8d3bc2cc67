package telegram

import (
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// htmlTags are the tags that Telegram knows and the entities they make.
var htmlTags = map[string]string{
	"b": "bold", "strong": "bold",
	"i": "italic", "em": "italic",
	"u": "underline", "ins": "underline",
	"s": "strikethrough", "strike": "strikethrough", "del": "strikethrough",
	"span": "spoiler", "tg-spoiler": "spoiler",
	"a": "text_link", "code": "code", "pre": "pre",
	"blockquote": "blockquote", "tg-emoji": "custom_emoji",
}

// entityRank orders entities that begin and end together, outermost first.
var entityRank = map[string]int{
	"blockquote": 0, "expandable_blockquote": 0, "pre": 11, "code": 20, "text_link": 49, "bold": 90,
	"italic": 91, "underline": 92, "strikethrough": 93, "spoiler": 94, "custom_emoji": 99,
}

// openTag is a start tag without its end tag so far.
type openTag struct {
	name, argument string // argument is the one attribute that matters to the tag
	offset, size   int    // of the text before it: UTF-16 units, bytes
}

// htmlParser is the state of parsing src.
type htmlParser struct {
	src      string
	tags     map[string]string // that it knows, and the entities they make
	i        int
	text     strings.Builder
	offset   int // length of text in UTF-16 units
	entities []Entity
	open     []openTag
}

// unparsable returns the refusal of a text, in Telegram's own words, which start with a capital after the prefix.
func unparsable(format string, args ...any) error {
	return bad("can't parse entities: "+format, args...)
}

// parseHTML reads a text in Telegram's HTML. Byte offsets in refusals count in src. Like Telegram it takes &lt &gt &amp &quot and
// numbers, with or without semicolon, and leaves every other & as it stands.
func parseHTML(src string, tags map[string]string) (string, []Entity, error) {
	p := &htmlParser{src: src, tags: tags}
	for p.i < len(src) {
		var err error
		switch {
		case src[p.i] == '<' && p.at(p.i+1) == '/':
			err = p.endTag()
		case src[p.i] == '<':
			err = p.startTag()
		default:
			var r rune
			r, err = p.char()
			p.text.WriteRune(r)
			p.offset += utf16.RuneLen(r)
		}
		if err != nil {
			return "", nil, err
		}
	}
	if n := len(p.open); n > 0 {
		return "", nil, unparsable("Can't find end tag corresponding to start tag \"%s\"", p.open[n-1].name)
	}
	return p.text.String(), mergeCode(sortEntities(p.entities)), nil
}

// at returns the byte at i, or 0 past the end.
func (p *htmlParser) at(i int) byte {
	if i < len(p.src) {
		return p.src[i]
	}
	return 0
}

func (p *htmlParser) skipSpace() {
	for isSpace(p.at(p.i)) {
		p.i++
	}
}

// until reads up to a space, one of the stops, or the end.
func (p *htmlParser) until(stops string) string {
	start := p.i
	for p.i < len(p.src) && !isSpace(p.src[p.i]) && !strings.Contains(stops, p.src[p.i:p.i+1]) {
		p.i++
	}
	return strings.ToLower(p.src[start:p.i])
}

// char reads one character of text, which may be written as an entity.
func (p *htmlParser) char() (rune, error) {
	if p.src[p.i] == '&' {
		r, end, err := decodeHTMLEntity(p.src, p.i)
		if err != nil || end > p.i {
			p.i = end
			return r, err
		}
	}
	r, n := utf8.DecodeRuneInString(p.src[p.i:])
	p.i += n
	return r, nil
}

func (p *htmlParser) startTag() error {
	begin := p.i
	p.i++
	tag := openTag{name: p.until(">"), offset: p.offset, size: p.text.Len()}
	if p.i == len(p.src) {
		return unparsable("Unclosed start tag at byte offset %d", begin)
	}
	if p.tags[tag.name] == "" {
		return unparsable("Unsupported start tag \"%s\" at byte offset %d", tag.name, begin)
	}
	for p.skipSpace(); p.at(p.i) != '>'; p.skipSpace() {
		if err := p.attribute(&tag, begin); err != nil {
			return err
		}
	}
	p.i++
	if tag.name == "span" && tag.argument != "tg-spoiler" {
		return unparsable("Tag \"span\" must have class \"tg-spoiler\" at byte offset %d", begin)
	}
	p.open = append(p.open, tag)
	return nil
}

// attribute reads one attribute of the tag that begins at begin. It skips those that Telegram does not know.
func (p *htmlParser) attribute(tag *openTag, begin int) error {
	unclosed := unparsable("Unclosed start tag \"%s\" at byte offset %d", tag.name, begin)
	if p.i == len(p.src) {
		return unclosed
	}
	name := p.until("=>")
	if name == "" {
		return unparsable("Empty attribute name in the tag \"%s\" at byte offset %d", tag.name, begin)
	}
	p.skipSpace()
	value := ""
	if p.at(p.i) == '=' {
		p.i++
		p.skipSpace()
		if p.i == len(p.src) {
			return unclosed
		}
		var err error
		if value, err = p.value(); err != nil {
			return err
		}
		if p.i == len(p.src) {
			return unparsable("Unclosed start tag at byte offset %d", begin)
		}
	}
	switch tag.name + " " + name {
	case "a href", "tg-emoji emoji-id", "span class":
		tag.argument = value
	case "code class":
		if language, ok := strings.CutPrefix(value, "language-"); ok {
			tag.argument = language
		}
	case "blockquote expandable":
		tag.argument = name
	}
	return nil
}

// value reads the value of an attribute: in quotes, or a token of letters, digits, periods and hyphens.
func (p *htmlParser) value() (string, error) {
	if quote := p.src[p.i]; quote == '"' || quote == '\'' {
		var b strings.Builder
		p.i++
		for p.i < len(p.src) && p.src[p.i] != quote {
			r, err := p.char()
			if err != nil {
				return "", err
			}
			b.WriteRune(r)
		}
		p.i = min(p.i+1, len(p.src))
		return b.String(), nil
	}
	start := p.i
	for c := p.at(p.i); c == '.' || c == '-' || isAlnum(c); c = p.at(p.i) {
		p.i++
	}
	if p.i < len(p.src) && !isSpace(p.src[p.i]) && p.src[p.i] != '>' {
		return "", unparsable("Unexpected end of name token at byte offset %d", start)
	}
	return strings.ToLower(p.src[start:p.i]), nil
}

func (p *htmlParser) endTag() error {
	begin := p.i
	if len(p.open) == 0 {
		return unparsable("Unexpected end tag at byte offset %d", begin)
	}
	p.i += len("</")
	name := p.until(">")
	p.skipSpace()
	if p.at(p.i) != '>' {
		return unparsable("Unclosed end tag at byte offset %d", begin)
	}
	p.i++
	tag := p.open[len(p.open)-1]
	p.open = p.open[:len(p.open)-1]
	if name != "" && name != tag.name {
		return unparsable("Unmatched end tag at byte offset %d, expected \"</%s>\", found \"</%s>\"", begin, tag.name, name)
	}
	if p.offset == tag.offset {
		return nil // nothing between the tags
	}
	e := Entity{Type: htmlTags[tag.name], Offset: tag.offset, Length: p.offset - tag.offset}
	switch tag.name {
	case "a":
		link := tag.argument
		if link == "" {
			link = p.text.String()[tag.size:]
		}
		if e.URL = linkURL(link); e.URL == "" {
			return nil // a link to nowhere is text
		}
	case "code":
		e.Language = tag.argument
	case "blockquote":
		if tag.argument != "" {
			e.Type = "expandable_blockquote"
		}
	case "tg-emoji":
		if n, err := strconv.ParseUint(tag.argument, 10, 64); err != nil || n == 0 || strconv.FormatUint(n, 10) != tag.argument {
			return unparsable("Invalid custom emoji identifier specified")
		}
		e.CustomEmojiID = tag.argument
	}
	p.entities = append(p.entities, e)
	return nil
}

func sortEntities(entities []Entity) []Entity {
	slices.SortStableFunc(entities, func(a, b Entity) int {
		switch {
		case a.Offset != b.Offset:
			return a.Offset - b.Offset
		case a.Length != b.Length:
			return b.Length - a.Length
		default:
			return entityRank[a.Type] - entityRank[b.Type]
		}
	})
	return entities
}

// mergeCode makes one entity of a pre and a code with a language that cover the same text; elsewhere a language means nothing.
func mergeCode(entities []Entity) []Entity {
	merged := entities[:0]
	for _, e := range entities {
		if e.Type == "code" && e.Language != "" {
			if n := len(merged) - 1; n >= 0 && merged[n].Type == "pre" && merged[n].Offset == e.Offset && merged[n].Length == e.Length {
				merged[n].Language = e.Language
				continue
			}
			e.Language = ""
		}
		merged = append(merged, e)
	}
	return merged
}

// decodeHTMLEntity reads the entity at src[i], which is '&'. It returns i itself when there is none that Telegram knows.
func decodeHTMLEntity(src string, i int) (rune, int, error) {
	end := i + 1
	var r rune
	if end < len(src) && src[end] == '#' {
		end++
		base := 10
		if end < len(src) && src[end] == 'x' {
			base = 16
			end++
		}
		start := end
		for end < len(src) && isDigit(src[end], base) {
			end++
		}
		n, err := strconv.ParseUint(src[start:end], base, 32)
		if err != nil || n == 0 || n >= 0x10ffff {
			return 0, i, nil
		}
		r = rune(n)
		if utf16.IsSurrogate(r) {
			return 0, i, unparsable("Text contains invalid Unicode characters after decoding HTML entities, check for unmatched surrogate code units")
		}
	} else {
		for end < len(src) && isAlpha(src[end]) {
			end++
		}
		switch src[i+1 : end] {
		case "lt":
			r = '<'
		case "gt":
			r = '>'
		case "amp":
			r = '&'
		case "quot":
			r = '"'
		default:
			return 0, i, nil
		}
	}
	if end < len(src) && src[end] == ';' {
		end++
	}
	return r, end, nil
}

// linkURL returns the address that a link leads to, or "" when it leads nowhere.
func linkURL(link string) string {
	link = strings.TrimSpace(link)
	if link == "" || strings.ContainsAny(link, " \t\n") {
		return ""
	}
	scheme, rest, ok := strings.Cut(link, "://")
	switch {
	case strings.HasPrefix(link, "tg:"), strings.HasPrefix(link, "mailto:"), strings.HasPrefix(link, "tel:"):
		return link
	case !ok:
		rest, link = link, "http://"+link
	case !strings.EqualFold(scheme, "http") && !strings.EqualFold(scheme, "https"):
		return ""
	}
	host, _, slash := strings.Cut(rest, "/")
	if host == "" || !strings.Contains(host, ".") && !strings.HasPrefix(host, "localhost") {
		return ""
	}
	if !slash {
		link += "/"
	}
	return link
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\v' }
func isAlpha(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }
func isAlnum(c byte) bool { return isAlpha(c) || '0' <= c && c <= '9' }

func isDigit(c byte, base int) bool {
	return '0' <= c && c <= '9' || base == 16 && 'a' <= c|0x20 && c|0x20 <= 'f'
}

// utf16Len returns the length of a text as Telegram counts.
func utf16Len(s string) int {
	n := 0
	for _, r := range s {
		n += utf16.RuneLen(r)
	}
	return n
}

// cleanText does what Telegram does to every text before keeping it: control characters become spaces, carriage returns,
// line separators, marks of direction (U+2028 to U+202E) and some overlaid lines vanish, space at both ends goes. Entities move along.
func cleanText(s string, entities []Entity) (string, []Entity) {
	var b strings.Builder
	moved := make([]int, 0, len(s)+1) // UTF-16 offset before -> after
	units := 0
	for _, r := range s {
		kept := r
		switch {
		case r == '\r', r >= 0x2028 && r <= 0x202e, r == 0x333, r == 0x33f, r == 0x30a:
			kept = -1
		case r < ' ' && r != '\n':
			kept = ' '
		}
		moved = append(moved, units)
		if utf16.RuneLen(r) == 2 {
			moved = append(moved, units)
		}
		if kept >= 0 {
			b.WriteRune(kept)
			units += utf16.RuneLen(kept)
		}
	}
	moved = append(moved, units)
	text := strings.TrimRight(b.String(), " \n")
	trimmed := strings.TrimLeft(text, " \n")
	cut := len(text) - len(trimmed) // spaces and line feeds: as many units as bytes
	length := utf16Len(trimmed)
	var kept []Entity
	for _, e := range entities {
		from := max(moved[e.Offset]-cut, 0)
		to := min(moved[e.Offset+e.Length]-cut, length)
		if to > from {
			e.Offset, e.Length = from, to-from
			kept = append(kept, e)
		}
	}
	return trimmed, kept
}

// blank reports whether nothing of a text is visible.
func blank(s string) bool {
	return strings.Trim(s, " \n\u00a0\u200b\u200c\u200d\u200e\u200f\u2060\u2800\ufeff") == ""
}

// botCommands finds the commands in a text: a slash that no word goes before, and a name of letters, digits and underscores.
func botCommands(text string) []Entity {
	if !strings.Contains(text, "/") {
		return nil
	}
	var found []Entity
	units := 0
	free := true // the character before lets a command begin
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRuneInString(text[i:])
		if r == '/' && free {
			if length := commandLength(text[i:]); length > 0 {
				found = append(found, Entity{Type: "bot_command", Offset: units, Length: length})
				units += length
				i += length
				free = false
				continue
			}
		}
		free = endsCommand(r)
		units += utf16.RuneLen(r)
		i += n
	}
	return found
}

// commandLength returns the length of the command that s begins with, including the bot's name, or 0.
func commandLength(s string) int {
	word := func(i int) int {
		for i < len(s) && (isAlnum(s[i]) || s[i] == '_') {
			i++
		}
		return i
	}
	end := word(1)
	if end == 1 || end > 65 {
		return 0
	}
	if end < len(s) && s[end] == '@' {
		if name := word(end + 1); name-end-1 >= 3 {
			end = name
		}
	}
	if r, _ := utf8.DecodeRuneInString(s[end:]); end < len(s) && !endsCommand(r) {
		return 0 // "/usr/bin" is a path; a name that goes on in other letters is no command
	}
	return end
}

// endsCommand reports whether a command can end before r, or begin after it.
func endsCommand(r rune) bool {
	return r != '/' && r != '<' && r != '>' && r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r)
}
