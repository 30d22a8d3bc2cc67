package soap

import (
	"bytes"
	"slices"
	"strings"
)

// Some servers put an SMS into their answer without escaping it, so that its words can be markup: a heart "<3" hides what comes after it,
// and a customer who knows what an answer looks like can write a part of one. escapeTexts finds where each text ends by what only the
// server can have written after it, and escapes the text, so that it is read as the customer wrote it.

// What escapeTexts finds out about a text, as an attribute of its tag.
const (
	markAttribute = "peyk-raw"
	markVerbatim  = "1" // it holds markup, which is shown as it is
	markDoubtful  = "2" // nobody can say where it ends, and so who sent it
)

// maxTries bounds the search for the ends of texts. An answer that takes more is an attack, and no further texts in it are escaped.
const maxTries = 20_000

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
				break // cut, or written in some other way
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

// escaping is a copy of an answer with its texts escaped. Most answers need none, and are not copied.
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

// escapeBrackets escapes what is not a tag between two texts. Only the server writes there, except for a sender's name.
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
	after, closes := e.closeText(e.skipSpace(end))
	if !closes {
		return -1, -1, ""
	}
	next, whole := e.nextText(after)
	if !whole {
		return -1, -1, ""
	}
	if e.endsWithin(begin, end) {
		mark = markDoubtful // the server wrote this, or two customers did, with a third between them
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
		if after, closes := e.closeText(at); closes {
			if next, whole := e.nextText(after); whole {
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

// endsWithin reports whether a text could just as well end earlier, and another begin there.
func (e *escaping) endsWithin(begin, end int) bool {
	for at := begin; e.tries < maxTries; e.tries++ {
		i := bytes.Index(e.data[at:end], []byte("</"))
		if i < 0 {
			return false
		}
		at += i
		if after, closes := e.closeText(at); closes {
			if next, whole := e.nextText(after); whole && next >= 0 {
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

// markedUp reports whether a text has markup in it. CDATA is not markup.
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
