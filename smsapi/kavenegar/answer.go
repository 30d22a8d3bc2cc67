package kavenegar

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"peyk/sms"
	"peyk/smsapi"
	"peyk/smsapi/exchange"
)

// answer is what could be read of an answer, as far as it came.
type answer struct {
	status  int    // of its return; 0: it has none
	message string // the panel's words
	entries []json.RawMessage
	more    bool  // pages follow
	wrong   error // why nothing is known of the rest of it
}

// read reads an answer. An error of the panel's is no JSON, by its own documentation: of that the return counts.
func read(body []byte) answer {
	var a answer
	if a.wrong = a.read(body); a.wrong != nil && a.status == 0 {
		if m := status.FindSubmatch(body); m != nil {
			a.status, _ = strconv.Atoi(string(m[1]))
			a.message = string(message.FindSubmatch(body)[1])
		}
	}
	return a
}

var (
	status  = regexp.MustCompile(`^\s*\{\s*"return"\s*:\s*\{[^{}]*"status"\s*:\s*"?(\d{3})\b`)
	message = regexp.MustCompile(`(?:"message"\s*:\s*"([^"]*)")?`)
)

// read goes through an answer token by token, so that what came of it is kept.
func (a *answer) read(body []byte) error {
	d := json.NewDecoder(bytes.NewReader(escapeControls(bytes.TrimPrefix(body, []byte("\ufeff")))))
	d.UseNumber()
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return errors.Join(smsapi.ErrProtocol, err)
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return err
		}
		switch name {
		case "return":
			var said struct {
				Status  scalar
				Message string
			}
			if err := d.Decode(&said); err != nil {
				return err
			}
			a.status, _ = strconv.Atoi(sms.Digits(string(said.Status)))
			a.message = said.Message
		case "entries":
			if err := a.readEntries(d); err != nil {
				return err
			}
		case "metadata":
			var page struct{ CurrentPage, TotalPages scalar }
			if err := d.Decode(&page); err != nil {
				return err
			}
			current, _ := strconv.Atoi(sms.Digits(string(page.CurrentPage)))
			total, _ := strconv.Atoi(sms.Digits(string(page.TotalPages)))
			a.more = current < total
		default:
			var other json.RawMessage
			if err := d.Decode(&other); err != nil {
				return err
			}
		}
	}
	_, err := d.Token()
	return err
}

// readEntries reads a list, as far as it came, or an entry that stands alone; null is none.
func (a *answer) readEntries(d *json.Decoder) error {
	first, err := d.Token()
	if err != nil || first == nil {
		return err
	}
	if first == json.Delim('{') { // an entry alone: nobody needs what came of half of it
		alone := json.RawMessage("{")
		for i := 0; d.More(); i++ {
			name, err := d.Token()
			if err != nil {
				return err
			}
			var value json.RawMessage
			if err := d.Decode(&value); err != nil {
				return err
			}
			if i > 0 {
				alone = append(alone, ',')
			}
			alone = fmt.Appendf(alone, "%q:%s", name, value)
		}
		a.entries = []json.RawMessage{append(alone, '}')}
		_, err = d.Token()
		return err
	}
	if first != json.Delim('[') {
		return fmt.Errorf("entries are %v", first)
	}
	for d.More() {
		var entry json.RawMessage
		if err := d.Decode(&entry); err != nil {
			return err
		}
		a.entries = append(a.entries, entry)
	}
	_, err = d.Token()
	return err
}

// failed returns why an answer is not the one to a request that was carried out, nil if it is. Only what the panel itself says counts: a proxy
// in between does not know whether the request went on.
func (a answer) failed(r exchange.Reply) error {
	switch {
	case a.status == 0 && r.Cut != nil:
		return exchange.Uncertain("the panel's answer was cut", r.Cut)
	case a.status == 0 && r.Status != http.StatusOK:
		return exchange.Uncertain("what stands before the panel answered", r.Answered)
	case a.status == 0:
		return exchange.Uncertain("the panel's answer makes no sense", smsapi.ErrProtocol)
	case a.status != http.StatusOK:
		return &smsapi.Error{Kind: kindOf(a.status), Code: a.status, Meaning: meanings[a.status], Text: a.message}
	case r.Status != http.StatusOK:
		return exchange.Uncertain("the panel's answer contradicts itself", r.Answered)
	case a.wrong != nil && r.Cut != nil:
		return exchange.Uncertain("the panel's answer was cut", r.Cut)
	case a.wrong != nil:
		return exchange.Uncertain("the panel's answer was cut", fmt.Errorf("%w: %w", smsapi.ErrProtocol, a.wrong))
	}
	return nil
}

// meanings are the documentation's words for the codes of a return.
var meanings = map[int]string{
	400: "parameters are missing", 401: "the account is switched off", 402: "the operation failed", 403: "the key is not valid", 404: "no such method",
	406: "parameters are missing", 407: "not from this address", 409: "the server is busy", 411: "a recipient is not valid", 412: "the line is not yours",
	413: "the text is empty or too long", 414: "too many at once", 416: "not from this address", 417: "the date is not valid", 418: "the credit is too low",
	419: "the lists have different lengths", 420: "links are not allowed", 422: "characters are not allowed", 427: "the line needs another plan",
	429: "too many requests from this address", 451: "too many requests", 501: "a trial account sends to its owner only", 604: "too many at once",
}

// kindOf says what a return's code means. What its documentation does not say was refused is Uncertain: the key of an order decides.
func kindOf(code int) smsapi.Kind {
	switch code {
	case 401, 403, 407, 416:
		return smsapi.Auth
	case 429, 451:
		return smsapi.Unavailable
	case 400, 404, 406, 411, 412, 413, 414, 417, 418, 419, 420, 422, 427, 501, 604:
		return smsapi.Rejected
	}
	return smsapi.Uncertain
}

// scalar is a number or a text, as it is written: ids are beyond what a float64 counts.
type scalar string

func (s *scalar) UnmarshalJSON(b []byte) error {
	var text string
	if json.Unmarshal(b, &text) == nil {
		*s = scalar(strings.TrimSpace(text))
		return nil
	}
	if text = string(b); text != "null" {
		*s = scalar(text)
	}
	return nil
}

// id returns an id, empty where the panel gave none.
func (s scalar) id() sms.ID {
	if id := sms.Digits(string(s)); strings.Trim(id, "0123456789") == "" && strings.Trim(id, "0") != "" {
		return sms.ID(id)
	}
	return ""
}

// escapeControls writes the control characters within strings as JSON wants them: else one such SMS hides all behind it.
func escapeControls(body []byte) []byte {
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
