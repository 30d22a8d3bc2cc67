package soap

import (
	"encoding/json"
	"fmt"
	"strings"
)

// parsed returns the value that a scalar holds as JSON, or else n itself. It is for a place where the answer has its outcome, not for a
// text: an SMS may well look like JSON.
func (n *node) parsed() *node {
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

// parsedInPart is parsed for JSON that may be incomplete: it returns what there is.
func (n *node) parsedInPart() *node {
	cut := *n
	cut.open = true
	if value := cut.parsed(); value != &cut {
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
