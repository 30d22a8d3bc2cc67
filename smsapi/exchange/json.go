package exchange

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"peyk/sms"
	"peyk/smsapi"
)

// Members reads a JSON object member by member, so that those that came of an answer that was cut are known: read decodes each member's value
// from d. The error says why nothing is known of the rest; of what is no object at all it is smsapi.ErrProtocol.
func Members(body []byte, read func(name string, d *json.Decoder) error) error {
	d := json.NewDecoder(bytes.NewReader(EscapeControls(bytes.TrimPrefix(body, []byte("\ufeff")))))
	d.UseNumber()
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return errors.Join(smsapi.ErrProtocol, err)
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return err
		}
		if err := read(name.(string), d); err != nil {
			return err
		}
	}
	_, err := d.Token()
	return err
}

// Items decodes a list, as far as it came, or a value that stands alone; null, an empty text and an empty object are none.
func Items(d *json.Decoder) (items []json.RawMessage, err error) {
	first, err := d.Token()
	switch {
	case err != nil || first == nil || first == "":
		return nil, err
	case first == json.Delim('{'): // nobody needs what came of half of it
		alone := json.RawMessage("{")
		for i := 0; d.More(); i++ {
			name, err := d.Token()
			if err != nil {
				return nil, err
			}
			var value json.RawMessage
			if err := d.Decode(&value); err != nil {
				return nil, err
			}
			if i > 0 {
				alone = append(alone, ',')
			}
			alone = fmt.Appendf(alone, "%q:%s", name, value)
		}
		if _, err = d.Token(); len(alone) == 1 {
			return nil, err
		}
		return []json.RawMessage{append(alone, '}')}, err
	case first != json.Delim('['):
		return nil, fmt.Errorf("a list is %v", first)
	}
	for d.More() {
		var item json.RawMessage
		if err := d.Decode(&item); err != nil {
			return items, err
		}
		items = append(items, item)
	}
	_, err = d.Token()
	return items, err
}

// DecodeAll decodes items; one that is none of its kind is its zero value.
func DecodeAll[T any](items []json.RawMessage) []T {
	all := make([]T, len(items))
	for i, item := range items {
		if json.Unmarshal(item, &all[i]) != nil {
			all[i] = *new(T)
		}
	}
	return all
}

// Scalar is a number or a text, as it is written but with Latin digits: ids are beyond what a float64 counts.
type Scalar string

// UnmarshalJSON takes whatever value there is; null is "".
func (s *Scalar) UnmarshalJSON(b []byte) error {
	var text string
	if json.Unmarshal(b, &text) != nil {
		text = string(b)
	}
	*s = Scalar(sms.Digits(strings.TrimSpace(text)))
	return nil
}

// ID returns an id, empty where the panel gave none.
func (s Scalar) ID() sms.ID {
	if strings.Trim(string(s), "0123456789") == "" && strings.Trim(string(s), "0") != "" {
		return sms.ID(s)
	}
	return ""
}

// EscapeControls writes the control characters within strings as JSON wants them: else one such SMS hides all behind it.
func EscapeControls(body []byte) []byte {
	if !bytes.ContainsFunc(body, func(r rune) bool { return r < ' ' }) {
		return body
	}
	var out []byte
	quoted, escaped := false, false
	for _, b := range body {
		switch {
		case quoted && b < ' ':
			out = fmt.Appendf(out, `\u%04x`, b)
			escaped = false
			continue
		case escaped:
			escaped = false
		case quoted && b == '\\':
			escaped = true
		case b == '"':
			quoted = !quoted
		}
		out = append(out, b)
	}
	return out
}
