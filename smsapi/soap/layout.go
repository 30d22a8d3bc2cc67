package soap

import (
	"bytes"
	"strings"
)

// How a server writes its list of messages, found in the bytes: the texts in it may break the XML.

// tag is an opening or closing tag.
type tag struct {
	name    []byte // without its prefix
	closing bool
	empty   bool
	end     int // the place after it
}

func (t tag) is(name string) bool { return strings.EqualFold(string(t.name), name) } // the compiler does not copy the name

// layout is how an answer's messages are written: as structs, <item><from>…</from><msg>…</msg></item>, or as Maps, where each member is
// <item><key>msg</key><value>…</value></item>.
type layout struct {
	data []byte
	maps bool
	item []byte // the name of the element that holds a message
	last int    // where the last tag that can end a text begins

	bracket bool // next read past a "<" that is not a tag, in a member; nearly always there is none
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

// findLayout finds how the messages are written, by the first of them, and where its text begins. Only the server wrote what stands
// before that.
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

// skipSpace returns the first place from at on that is not a space.
func (l *layout) skipSpace(at int) int {
	for at < len(l.data) && strings.IndexByte(" \t\r\n", l.data[at]) >= 0 {
		at++
	}
	return at
}

// valueOf returns where the value of a Map's entry begins. The text of the entry's key begins at a place, and must be name.
func (l *layout) valueOf(at int, name string) (int, bool) {
	end := bytes.IndexByte(l.data[at:], '<')
	if end < 0 || !strings.EqualFold(strings.TrimSpace(string(l.data[at:at+end])), name) {
		return 0, false
	}
	closing, ok := readTag(l.data, at+end)
	if !ok || !closing.is("key") {
		return 0, false
	}
	value, ok := readTag(l.data, l.skipSpace(closing.end))
	return value.end, ok && value.is("value") && !value.closing && !value.empty
}

// closeText returns the place after the tags that close a text, which begin at a place.
func (l *layout) closeText(at int) (int, bool) {
	t, ok := readTag(l.data, at)
	if !ok || !t.closing || !l.maps && !t.is("msg") || l.maps && !t.is("value") {
		return 0, false
	}
	if l.maps {
		t, ok = readTag(l.data, l.skipSpace(t.end))
	}
	return t.end, ok && t.closing
}

// maxMembers is how many members of a message are looked at: it has four, and perhaps a few that only this panel knows.
const maxMembers = 64

// nextText reads on from the end of a text to where the next begins, and returns that place, or -1 when it was the last. It reports false
// if it meets something that the server does not write there: then the text was not at its end.
func (l *layout) nextText(at int) (int, bool) {
	inItem, fresh := true, false
	for range maxMembers {
		at = l.skipSpace(at)
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

// member reads a member that begins with a tag. It returns where its text begins, 0 for no text; the place after the member, 0 when there is
// markup in it; and its name.
func (l *layout) member(t tag) (begin, end int, name []byte) {
	closing := t.name
	name = t.name
	if l.maps {
		key, ok := readTag(l.data, l.skipSpace(t.end))
		if !ok || !key.is("key") || t.empty {
			return 0, 0, nil
		}
		n := max(0, bytes.IndexByte(l.data[key.end:], '<'))
		name = bytes.TrimSpace(l.data[key.end : key.end+n])
		behind, ok := readTag(l.data, key.end+n)
		if !ok || !behind.is("key") {
			return 0, 0, nil
		}
		if t, ok = readTag(l.data, l.skipSpace(behind.end)); !ok || !t.is("value") || t.closing {
			return 0, 0, nil
		}
		closing = t.name
	}
	end = t.end
	if !t.empty {
		begin = t.end
		// A sender's name may have a bracket in it, but not markup.
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
	} else if behind, ok := readTag(l.data, end); ok && behind.closing && bytes.Equal(behind.name, closing) { // nil, with a closing tag all the same
		end = behind.end
	}
	if l.maps {
		entry, ok := readTag(l.data, l.skipSpace(end))
		if !ok || !entry.closing {
			return begin, 0, name
		}
		end = entry.end
	}
	return begin, end, name
}
