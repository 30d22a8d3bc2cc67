package soap

import (
	"bytes"
	"slices"
	"strings"
)

// Some servers put an SMS into their answer without escaping it, so that its words can be markup: a heart "<3" hides what stands behind it,
// and a customer who knows what an answer looks like can write a part of one. escapeTexts finds where each text ends by what only the
// server can have written behind it, and escapes the text, so that it is read as the customer wrote it.

// What escapeTexts finds out about a text, as an attribute of its tag.
const (
	markAttribute = "peyk-raw"
	markVerbatim  = "1" // it holds markup, which is shown as it is
	markDoubtful  = "2" // nobody can say where it ends, so nobody can say either who sent it
)

// maxTries bounds the search for the ends of texts. An answer that takes more is an attack, and no further texts in it are escaped.
const maxTries = 20_000

// tag is a tag of an answer.
type tag struct {
	name    []byte // without its prefix
	closing bool
	empty   bool
	end     int // behind it
}

func (t tag) is(name string) bool { return strings.EqualFold(string(t.name), name) } // the compiler makes no copy of it

// layout is how an answer's messages are written: as structs, <item><from>…</from><msg>…</msg></item>, or as Maps, where each member is
// <item><key>msg</key><value>…</value></item>.
type layout struct {
	data []byte
	maps bool
	item []byte // the name of what holds a message
	last int    // where the last tag begins that can end a text

	bracket bool // next has read over one in a member: nearly always all it reads are whole tags
}

// escapeTexts escapes the texts in an answer that hold markup of their own, and marks them.
func escapeTexts(data []byte) []byte {
	if inJSON, ok := escapeJSON(data); ok {
		return inJSON
	}
	l, begin, ok := findLayout(data)
	if !ok {
		return data
	}
	e := escaping{layout: l}
	e.escapeBrackets(0, begin)
	for begin >= 0 {
		end, next, mark := e.endOfCDATA(begin)
		if end < 0 {
			if end, next, mark = e.endOfText(begin); end < 0 {
				break // cut, or written in a way of its own
			}
		}
		e.escapeText(begin, end, mark)
		if begin = next; next < 0 {
			e.escapeBrackets(end, len(data))
		} else if e.bracket {
			e.escapeBrackets(end, next)
		}
	}
	return e.bytes()
}

// escaping copies an answer with its texts escaped. It copies no more than it must: most answers need no escaping.
type escaping struct {
	layout
	out   []byte
	done  int // how much of data is in out
	tries int // see maxTries
}

// replace puts text in the place of a part of data.
func (e *escaping) replace(from, to int, text ...string) {
	e.out = append(e.out, e.data[e.done:from]...)
	for _, t := range text {
		e.out = append(e.out, t...)
	}
	e.done = to
}

func (e *escaping) bytes() []byte {
	if e.done == 0 {
		return e.data
	}
	return append(e.out, e.data[e.done:]...)
}

// escapeBrackets escapes what is not a tag between two texts, where nobody but the server wrote, except for a sender's name.
func (e *escaping) escapeBrackets(from, to int) {
	for at := from; at < to-1; at++ {
		i := bytes.IndexByte(e.data[at:to-1], '<')
		if i < 0 {
			return
		}
		if at += i; e.data[at+1] == '!' || e.data[at+1] == '?' {
			continue
		}
		if _, isTag := readTag(e.data, at); !isTag {
			e.replace(at, at+1, "&lt;")
		}
	}
}

// endOfCDATA returns where a text in CDATA ends and the next one begins; -1 when the text is not in CDATA.
func (e *escaping) endOfCDATA(begin int) (end, next int, mark string) {
	if !bytes.HasPrefix(e.data[begin:], []byte("<![CDATA[")) {
		return -1, -1, ""
	}
	i := bytes.Index(e.data[begin:], []byte("]]>"))
	if i < 0 {
		return -1, -1, ""
	}
	end = begin + i + len("]]>")
	after, closes := e.close(e.space(end))
	if !closes {
		return -1, -1, ""
	}
	next, whole := e.next(after)
	if !whole {
		return -1, -1, ""
	}
	if e.endsWithin(begin, end) {
		mark = markDoubtful // written by the server, or by two customers with one between them
	}
	return end, next, mark
}

// endOfText returns where a text ends and the next one begins; -1 when nothing shows that.
func (e *escaping) endOfText(begin int) (end, next int, mark string) {
	for at := begin; e.tries < maxTries; e.tries++ {
		i := bytes.Index(e.data[at:], []byte("</"))
		if i < 0 {
			break
		}
		at += i
		if after, closes := e.close(at); closes {
			if next, whole := e.next(after); whole {
				if markedUp(e.data[begin:at]) {
					mark = markVerbatim
				}
				return at, next, mark
			}
		}
		at += len("</")
	}
	return -1, -1, ""
}

// endsWithin reports whether a text could as well end somewhere inside, and another begin.
func (e *escaping) endsWithin(begin, end int) bool {
	for at := begin; e.tries < maxTries; e.tries++ {
		i := bytes.Index(e.data[at:end], []byte("</"))
		if i < 0 {
			return false
		}
		at += i
		if after, closes := e.close(at); closes {
			if next, whole := e.next(after); whole && next >= 0 {
				return true
			}
		}
		at += len("</")
	}
	return true
}

// escapeText escapes a text that is marked, and marks its tag.
func (e *escaping) escapeText(begin, end int, mark string) {
	text := e.data[begin:end]
	switch {
	case mark != "":
		e.replace(begin-1, end, ` `, markAttribute, `="`, mark, `">`, escaper.Replace(string(text)))
	case bytes.IndexByte(text, '<') < 0 && bytes.Contains(text, []byte("]]>")): // which XML forbids
		e.replace(begin, end, strings.ReplaceAll(string(text), "]]>", "]]&gt;"))
	}
}

// markedUp reports whether a text holds markup; what stands in CDATA is none.
func markedUp(text []byte) bool {
	for {
		i := bytes.IndexByte(text, '<')
		if i < 0 {
			return false
		}
		if text = text[i:]; !bytes.HasPrefix(text, []byte("<![CDATA[")) {
			return true
		}
		if i = bytes.Index(text, []byte("]]>")); i < 0 {
			return true
		}
		text = text[i+len("]]>"):]
	}
}

// escapeJSON escapes an answer that is JSON in one element, and reports whether it is one.
func escapeJSON(data []byte) ([]byte, bool) {
	for at := 0; ; {
		i := bytes.IndexByte(data[at:], '<')
		if i < 0 {
			return nil, false
		}
		t, ok := readTag(data, at+i)
		if !ok {
			at += i + 1
			continue
		}
		begin := at + i + 1
		at = t.end
		switch string(bytes.ToLower(t.name)) {
		case "item", "key", "from", "to", "msg", "time":
			return nil, false
		}
		text := bytes.TrimLeft(data[at:], " \t\r\n")
		if t.closing || t.empty || len(text) == 0 || text[0] != '{' && text[0] != '[' {
			continue
		}
		name := data[begin : begin+bytes.IndexAny(data[begin:], "> \t\r\n")]
		closing := bytes.LastIndex(data, slices.Concat([]byte("</"), name, []byte(">")))
		if closing < at || bytes.IndexByte(data[at:closing], '<') < 0 {
			return nil, false
		}
		return bytes.Join([][]byte{data[:at], bytes.ReplaceAll(data[at:closing], []byte("<"), []byte("&lt;")), data[closing:]}, nil), true
	}
}

// readTag reads the tag that begins at a place.
func readTag(data []byte, at int) (tag, bool) {
	if at+1 >= len(data) || data[at] != '<' {
		return tag{}, false
	}
	t := tag{closing: data[at+1] == '/'}
	begin := at + 1
	if t.closing {
		begin++
	}
	end := begin
	for ; end < len(data); end++ {
		c := data[end]
		if c == ':' {
			begin = end + 1
		} else if c < 0x80 && c != '_' && c != '-' && c != '.' && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') {
			break
		}
	}
	if t.name = data[begin:end]; len(t.name) == 0 || t.name[0] < 'A' {
		return tag{}, false
	}
	if end < len(data) && data[end] == '>' { // as most tags end, and all that close
		t.end = end + 1
		return t, true
	}
	rest := data[end:min(len(data), end+2000)]
	n := bytes.IndexByte(rest, '>')
	if n < 0 || bytes.IndexByte(rest[:n], '<') >= 0 || n > 0 && strings.IndexByte(" \t\r\n/", rest[0]) < 0 {
		return tag{}, false
	}
	t.end = end + n + 1
	t.empty = n > 0 && (rest[n-1] == '/' || bytes.Contains(rest[:n], []byte(`nil="true"`)))
	return t, true
}

// findLayout finds how the messages are written, by the first, and where its text begins. Nobody but the server wrote what stands before.
func findLayout(data []byte) (l layout, begin int, ok bool) {
	l.data = data
	var open [][]byte
	for at := 0; ; {
		i := bytes.IndexByte(data[at:], '<')
		if i < 0 {
			return l, 0, false
		}
		at += i
		t, isTag := readTag(data, at)
		if !isTag {
			at++
			continue
		}
		begin, parents := t.end, 1
		found := t.is("msg")
		if t.is("key") && !t.closing && len(open) > 1 {
			begin, found = l.valueOf(t.end, "msg")
			parents, l.maps = 2, true
		}
		switch {
		case found && !t.closing && !t.empty && len(open) >= parents:
			l.item = open[len(open)-parents]
			closing := "msg"
			if l.maps {
				closing = "value"
			}
			for at := len(data); at > 0; {
				if at = bytes.LastIndex(data[:at], []byte("</")); at < 0 {
					return l, 0, false
				}
				if t, ok := readTag(data, at); ok && t.is(closing) {
					l.last = at
					return l, begin, true
				}
			}
			return l, 0, false
		case t.closing && len(open) > 0 && bytes.Equal(open[len(open)-1], t.name):
			open = open[:len(open)-1]
		case !t.closing && !t.empty:
			open = append(open, t.name)
		}
		l.maps = false
		at = t.end
	}
}

// space returns the first place from at on that is no space.
func (l *layout) space(at int) int {
	for at < len(l.data) && strings.IndexByte(" \t\r\n", l.data[at]) >= 0 {
		at++
	}
	return at
}

// valueOf returns where the value of a Map's entry begins, behind the key whose text begins at a place and is to be name.
func (l *layout) valueOf(at int, name string) (int, bool) {
	end := bytes.IndexByte(l.data[at:], '<')
	if end < 0 || !strings.EqualFold(strings.TrimSpace(string(l.data[at:at+end])), name) {
		return 0, false
	}
	closing, ok := readTag(l.data, at+end)
	if !ok || !closing.is("key") {
		return 0, false
	}
	value, ok := readTag(l.data, l.space(closing.end))
	return value.end, ok && value.is("value") && !value.closing && !value.empty
}

// close returns the place behind the end of a text.
func (l *layout) close(at int) (int, bool) {
	t, ok := readTag(l.data, at)
	if !ok || !t.closing || !l.maps && !t.is("msg") || l.maps && !t.is("value") {
		return 0, false
	}
	if l.maps {
		t, ok = readTag(l.data, l.space(t.end))
	}
	return t.end, ok && t.closing
}

// maxMembers is how many members of a message are looked at: it has four, and perhaps a few of the panel's own.
const maxMembers = 64

// next reads on from the end of a text to where the next begins, and returns that, or -1 when it was the last. It reports false where
// something stands that the server does not write there, so that the text goes on.
func (l *layout) next(at int) (int, bool) {
	inItem, fresh := true, false
	for range maxMembers {
		at = l.space(at)
		t, ok := readTag(l.data, at)
		switch {
		case !ok && len(l.data)-at < 2000 && bytes.IndexByte(l.data[at:], '>') < 0:
			return -1, true // cut here
		case !ok:
			return 0, false
		case inItem && t.closing:
			if !bytes.Equal(t.name, l.item) {
				return 0, false
			}
			inItem, at = false, t.end
		case inItem:
			begin, end, name := l.member(t)
			isText := strings.EqualFold(string(name), "msg")
			switch {
			case isText && !fresh:
				return 0, false
			case isText && begin > 0:
				return begin, true
			case end == 0:
				return 0, false
			}
			at = end
		case t.closing: // of the list
			return -1, at > l.last
		case !bytes.Equal(t.name, l.item):
			return 0, false
		default:
			inItem, fresh, at = true, true, t.end
		}
	}
	return 0, false
}

// member returns where the text of a member begins, 0 when it has none; the place behind it, 0 when markup is in it; and its name.
func (l *layout) member(t tag) (begin, end int, name []byte) {
	closing := t.name
	name = t.name
	if l.maps {
		key, ok := readTag(l.data, l.space(t.end))
		if !ok || !key.is("key") || t.empty {
			return 0, 0, nil
		}
		n := max(0, bytes.IndexByte(l.data[key.end:], '<'))
		name = bytes.TrimSpace(l.data[key.end : key.end+n])
		behind, ok := readTag(l.data, key.end+n)
		if !ok || !behind.is("key") {
			return 0, 0, nil
		}
		if t, ok = readTag(l.data, l.space(behind.end)); !ok || !t.is("value") || t.closing {
			return 0, 0, nil
		}
		closing = t.name
	}
	end = t.end
	if !t.empty {
		begin = t.end
		// A sender's name may hold a bracket, but no markup.
		n := bytes.Index(l.data[begin:min(len(l.data), begin+200)], []byte("</"))
		if n < 0 || bytes.IndexByte(l.data[begin:begin+n], '>') >= 0 {
			return begin, 0, name
		}
		t, ok := readTag(l.data, begin+n)
		if !ok || !t.closing || !bytes.Equal(t.name, closing) {
			return begin, 0, name
		}
		l.bracket = l.bracket || bytes.IndexByte(l.data[begin:begin+n], '<') >= 0
		end = t.end
	} else if behind, ok := readTag(l.data, end); ok && behind.closing && bytes.Equal(behind.name, closing) { // nil, with an end of its own
		end = behind.end
	}
	if l.maps {
		entry, ok := readTag(l.data, l.space(end))
		if !ok || !entry.closing {
			return begin, 0, name
		}
		end = entry.end
	}
	return begin, end, name
}
