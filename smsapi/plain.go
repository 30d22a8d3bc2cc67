package smsapi

import "bytes"

// readPlain reads what nearly every answer is: tags, and texts with no more in them than XML's own names of characters. An XML
// decoder understands all else, in three times as long. It reports false where there is more to the answer; what it has read by then is of no
// use.
func (b *builder) readPlain(data []byte) bool {
	if bytes.IndexByte(data, '\r') >= 0 || bytes.Contains(data, []byte("]]>")) {
		return false
	}
	for len(data) > 0 {
		if data[0] != '<' {
			end := bytes.IndexByte(data, '<')
			if end < 0 || len(b.stack) == 0 {
				return false
			}
			text, ok := plainText(data[:end])
			if !ok {
				return false
			}
			if n := b.top(); len(n.kids) == 0 {
				n.text = text
			}
			data = data[end:]
		}
		data = data[1:]
		closing := len(data) > 0 && data[0] == '/'
		if closing {
			data = data[1:]
		}
		name, rest := plainName(data)
		if data = rest; len(name) == 0 {
			return false
		}
		if closing {
			if data[0] != '>' || b.top().name != string(name) {
				return false
			}
			b.pop()
			if len(b.stack) == 0 {
				return true
			}
			data = data[1:]
			continue
		}
		n := b.node(string(name))
		for len(data) > 0 && data[0] == ' ' {
			attribute, rest := plainName(data[1:])
			if len(attribute) == 0 || !bytes.HasPrefix(rest, []byte(`="`)) {
				return false
			}
			value, rest, ok := bytes.Cut(rest[len(`="`):], []byte(`"`))
			if !ok || bytes.IndexByte(value, '<') >= 0 || bytes.IndexByte(value, '&') >= 0 {
				return false
			}
			if string(attribute) != "type" { // which most are, and which says nothing
				n.attribute(string(attribute), string(value))
			}
			data = rest
		}
		rest, empty := bytes.CutPrefix(data, []byte("/"))
		if len(rest) == 0 || rest[0] != '>' || b.push(n) != nil {
			return false
		}
		if data = rest[1:]; empty {
			b.pop()
			if len(b.stack) == 0 {
				return true
			}
		}
	}
	return false
}

// plainText reads the names of characters in a text. It reports false where there is any but XML's own.
func plainText(data []byte) (string, bool) {
	var read []byte
	for {
		i := bytes.IndexByte(data, '&')
		switch {
		case i < 0 && read == nil:
			return string(data), true
		case i < 0:
			return string(append(read, data...)), true
		}
		read = append(read, data[:i]...)
		name, rest, ended := bytes.Cut(data[i+1:], []byte(";"))
		if data = rest; !ended {
			return "", false
		}
		switch string(name) {
		case "amp":
			read = append(read, '&')
		case "lt":
			read = append(read, '<')
		case "gt":
			read = append(read, '>')
		case "quot":
			read = append(read, '"')
		case "apos":
			read = append(read, '\'')
		default:
			return "", false
		}
	}
}

// plainName returns the name that data begins with, without its prefix, and what follows. Of a name with anything odd in it the rest follows.
func plainName(data []byte) (name, rest []byte) {
	begin := 0
	for at, c := range data {
		switch {
		case c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_':
		case at > begin && (c >= '0' && c <= '9' || c == '-' || c == '.'):
		case c == ':' && begin == 0 && at > 0:
			begin = at + 1
		default:
			return data[begin:at], data[at:]
		}
	}
	return nil, nil
}
