package soap

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
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

	"peyk/smsapi"
)

// node is any value in an answer. Whether it is a struct, a list, a Map or a scalar is the
// reader's guess: servers label the same PHP array in all these ways.
type node struct {
	name string // without its prefix; a Map's key, where the node was the value of one
	text string // of a scalar
	read []byte // what text is made of while it comes in several pieces
	kids []*node
	id   string
	href string
	null bool
	open bool // its end is missing: the answer was cut inside it

	mark string // what protect found of the text
	size int    // how many kids its type says it has; 0: nothing is said
}

// Limits of a tree: 50 messages take some 700 nodes, 8 deep. More is an attack or a mistake, and costs memory.
const (
	maxNodes = 100_000
	maxDepth = 64
)

var (
	errDoctype  = errors.New("the answer has a DOCTYPE")
	errCut      = errors.New("the answer has no end")
	errCrossed  = errors.New("the answer is no XML: an element ends inside another")
	errTooLarge = errors.New("the answer has too many elements")
)

// member returns the first child of that name, in any case, or nil.
func (n *node) member(name string) *node {
	if n == nil {
		return nil
	}
	for _, k := range n.kids {
		if strings.EqualFold(k.name, name) {
			return k
		}
	}
	return nil
}

// scalar returns the text without surrounding space; empty for nil, null, what is no scalar and what was cut.
func (n *node) scalar() string {
	if n == nil || n.null || n.open || len(n.kids) > 0 {
		return ""
	}
	return strings.TrimSpace(n.text)
}

// key returns the name under which a PHP array held the node: nusoap has to disguise names that are numbers.
func (n *node) key() string { return strings.TrimPrefix(n.name, "__numeric_") }

// builder grows a tree without recursion.
type builder struct {
	root  node // holds the one element there is
	stack []*node
	count int
	spare []node // made many at once, as an answer has hundreds
}

func (b *builder) node(name string) *node {
	if len(b.spare) == 0 {
		b.spare = make([]node, 32)
	}
	n := &b.spare[0]
	b.spare = b.spare[1:]
	n.name = name
	return n
}

func (b *builder) top() *node {
	if len(b.stack) == 0 {
		return &b.root
	}
	return b.stack[len(b.stack)-1]
}

func (b *builder) push(n *node) error {
	if b.count++; b.count > maxNodes || len(b.stack) >= maxDepth {
		return errTooLarge
	}
	n.open = true
	top := b.top()
	if top.kids == nil {
		top.kids = make([]*node, 0, 4) // as many as a message has
	}
	top.kids = append(top.kids, n)
	b.stack = append(b.stack, n)
	return nil
}

func (b *builder) pop() {
	n := b.top()
	n.open = false
	n.takeText()
	b.stack = b.stack[:len(b.stack)-1]
}

func (n *node) takeText() {
	if n.read != nil {
		n.text, n.read = string(n.read), nil
	}
}

var (
	envelope    = regexp.MustCompile(`<(?:[\w.-]+:)?Envelope[\s>/]`)
	envelopeEnd = regexp.MustCompile(`</(?:[\w.-]+:)?Envelope\s*>`)
)

// readEnvelope reads the SOAP envelope in an answer, whatever stands before or after it, and returns its Body. When the
// envelope is cut or broken, the Body holds what could be read and the error says why it ends there.
func readEnvelope(contentType string, raw []byte) (*node, error) {
	data := toUTF8(contentType, raw)
	at := envelope.FindIndex(data)
	if at == nil {
		return nil, smsapi.ErrProtocol
	}
	if hasDoctype(data[:at[0]]) {
		return nil, errDoctype
	}
	b := builder{}
	data = replaceIllegal(protect(data[at[0]:]))
	err := b.readXML(data)
	if err != nil && !errors.Is(err, errDoctype) && !errors.Is(err, errTooLarge) && !envelopeEnd.Match(data) {
		err = fmt.Errorf("%w: %w", errCut, err)
	}
	if err == errDoctype || len(b.root.kids) == 0 {
		return nil, err
	}
	root, tooLarge := settle(b.root.kids[0])
	if tooLarge != nil {
		return nil, tooLarge
	}
	body := root.member("Body")
	if body == nil && err == nil {
		err = errors.New("the SOAP envelope has no body")
	}
	return body, err
}

// hasDoctype reports whether the text before the root element declares a document type.
func hasDoctype(head []byte) bool {
	return bytes.Contains(bytes.ToUpper(head), []byte("<!DOCTYPE"))
}

// readXML reads one element.
func (b *builder) readXML(data []byte) error {
	d := xml.NewDecoder(bytes.NewReader(data))
	// RawToken neither resolves prefixes nor compares tags, which takes half of the time; tags are compared below. Without
	// Strict unknown entities stay as they are written.
	d.Strict = false
	d.Entity = entities(data)
	defer func() {
		for _, n := range b.stack {
			n.takeText()
		}
	}()
	for {
		token, err := d.RawToken()
		if err != nil {
			return fmt.Errorf("the answer is no XML: %w", err)
		}
		switch t := token.(type) {
		case xml.StartElement:
			n := b.node(t.Name.Local)
			for _, a := range t.Attr {
				switch a.Name.Local {
				case "id":
					n.id = a.Value
				case "href", "ref":
					n.href = strings.TrimPrefix(a.Value, "#")
				case "nil", "null":
					n.null = a.Value == "true" || a.Value == "1"
				case "arrayType":
					_, size, _ := strings.Cut(a.Value, "[")
					n.size, _ = strconv.Atoi(strings.TrimSuffix(size, "]"))
				case rawMark:
					n.mark = a.Value
				}
			}
			if err := b.push(n); err != nil {
				return err
			}
		case xml.EndElement:
			if b.top().name != t.Name.Local {
				return errCrossed
			}
			b.pop()
			if len(b.stack) == 0 {
				return nil
			}
		case xml.CharData:
			// Space between elements is nobody's text.
			switch n := b.top(); {
			case len(n.kids) > 0:
			case n.text == "" && n.read == nil: // nearly always all of it
				n.text = string(t)
			default:
				if n.read == nil {
					n.read = []byte(n.text)
				}
				n.read = append(n.read, t...)
			}
		case xml.Directive:
			return errDoctype
		}
	}
}

// source writes a tree as it may have stood in the answer.
func (n *node) source() string {
	var b strings.Builder
	var write func(n *node)
	write = func(n *node) {
		for _, k := range n.kids {
			b.WriteString("<" + k.name + ">")
			write(k)
			b.WriteString("</" + k.name + ">")
		}
		b.WriteString(n.text)
	}
	write(n)
	return b.String()
}

// settle puts what an href names in its place in a tree, which it copies if there is any, and turns Maps into structs.
func settle(root *node) (*node, error) {
	named := map[string]*node{}
	shared := false // what has a name may be in several places
	var note func(n *node)
	note = func(n *node) {
		shared = shared || n.href != ""
		if n.id != "" {
			named[n.id] = n
		}
		for _, k := range n.kids {
			note(k)
		}
	}
	note(root)
	// References can name one another, so that the tree they stand for is endless, or just huge.
	count := 0
	var copied func(n *node, depth int) (*node, error)
	copied = func(n *node, depth int) (*node, error) {
		if count++; count > maxNodes || depth > maxDepth {
			return nil, errTooLarge
		}
		if target := named[n.href]; n.href != "" && target != nil {
			n = &node{name: n.name, text: target.text, kids: target.kids, href: target.href, null: target.null, open: target.open, mark: target.mark, size: target.size}
			if n.href != "" {
				return copied(n, depth+1)
			}
		}
		c := n
		if shared {
			c = new(*n)
			c.kids = slices.Clone(n.kids)
		}
		for i, k := range c.kids {
			k, err := copied(k, depth+1)
			if err != nil {
				return nil, err
			}
			c.kids[i] = k
		}
		for i, k := range c.kids {
			key, value := k.member("key"), k.member("value")
			if len(k.kids) == 2 && key != nil && value != nil && len(key.kids) == 0 {
				value.name = key.text
				value.open = value.open || k.open
				c.kids[i] = value
			}
		}
		return c, nil
	}
	return copied(root, 0)
}

// unfold returns the value that a scalar holds as JSON, or else n itself. It is for a place where the answer has its
// outcome, not for a text: an SMS may well look like JSON.
func unfold(n *node) *node {
	if n == nil || len(n.kids) > 0 {
		return n
	}
	text := strings.TrimSpace(n.text)
	if !strings.HasPrefix(text, "{") && !strings.HasPrefix(text, "[") {
		return n
	}
	b := builder{}
	err := b.readJSON(text)
	if len(b.root.kids) == 0 || err != nil && !n.open {
		return n
	}
	value := b.root.kids[0]
	value.name = n.name
	return value
}

// begun is unfold for JSON that may have been cut.
func begun(n *node) *node {
	cut := *n
	cut.open = true
	if value := unfold(&cut); value != &cut {
		return value
	}
	return n
}

// readJSON reads one value; members keep their order, which a Go map would lose.
func (b *builder) readJSON(text string) error {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var inObject []bool
	name, named := "", false
	for {
		token, err := d.Token()
		if err != nil {
			return err
		}
		if delim, ok := token.(json.Delim); ok && (delim == '}' || delim == ']') {
			b.pop()
			inObject = inObject[:len(inObject)-1]
		} else if key, ok := token.(string); ok && !named && len(inObject) > 0 && inObject[len(inObject)-1] {
			name, named = key, true
			continue
		} else {
			n := &node{name: name, null: token == nil}
			name, named = "", false
			if err := b.push(n); err != nil {
				return err
			}
			if delim, ok := token.(json.Delim); ok {
				inObject = append(inObject, delim == '{')
				continue
			}
			if token != nil && token != false { // PHP writes false as an empty string or as 0, and means nothing
				n.text = fmt.Sprint(token)
			}
			b.pop()
		}
		if len(b.stack) == 0 {
			return nil
		}
	}
}

var xmlEncoding = regexp.MustCompile(`^\s*<\?xml[^>]*\sencoding=["']([\w.:-]+)["']`)

// charsets are those besides Unicode's in which a panel may write Persian or Western letters. ISO-8859-1 stands for
// Windows-1252 everywhere on the web (https://encoding.spec.whatwg.org/#names-and-labels). A table of all would bring in those of
// East Asia, 0.6 MB of them.
var charsets = map[string]*charmap.Charmap{
	"iso-8859-1":   charmap.Windows1252,
	"windows-1252": charmap.Windows1252,
	"us-ascii":     charmap.Windows1252,
	"windows-1256": charmap.Windows1256,
}

// toUTF8 returns the text of an answer. Servers often declare ISO-8859-1 and write UTF-8, so what is UTF-8 is taken for it
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
	// One text that a server cut inside a character must not garble the 49 beside it.
	if charset == nil || mostlyUTF8(raw) {
		return bytes.ToValidUTF8(raw, []byte("\ufffd"))
	}
	text, _ := charset.NewDecoder().Bytes(raw) // every byte stands for something in them
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

// replaceIllegal replaces the characters that XML forbids, raw or as a reference: servers pass them on from an SMS as they
// came, and one of them would make the other 49 messages unreadable.
func replaceIllegal(data []byte) []byte {
	// Nearly always there is none, which bytes tell sooner than characters: 0xef begins U+FFFE and U+FFFF.
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
	return charRefs.ReplaceAllFunc(data, func(refs []byte) []byte {
		var out []byte
		high := rune(-1) // the first half of a pair: some servers write UTF-16
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
	})
}

// entities returns HTML's names of characters that are in data: PHP writes them, and XML knows five of them.
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
			// For HTML some names end before their semicolon: &nothing; begins with one.
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

// joinPairs puts characters in the place of pairs of UTF-16 that were each written as UTF-8, as old databases and Java do.
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
