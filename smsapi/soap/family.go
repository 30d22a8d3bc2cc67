package soap

import (
	"bytes"
	"regexp"
	"strings"

	"peyk/sms"
	"peyk/smsapi"
	"peyk/smsapi/exchange"
)

// Panels of the family answer the same in JSON at another address. What they mean by it is read here, by what reads SOAP; package rest asks them.

// JSON is an answer in JSON, as far as it came.
type JSON struct {
	value *node // nil: there is none
	list  bool  // it has no ErrCode, but is a list
	open  bool  // its end is missing
}

// beforeJSON is what a PHP warning before an answer ends with.
var beforeJSON = regexp.MustCompile(`(?i)\{\s*"errcode"\s*:`)

// ReadJSON reads an answer. What stands before one that begins with its errCode is passed over, as is a text around JSON. What is no JSON is no answer.
func ReadJSON(body []byte) JSON {
	text := strings.TrimSpace(string(exchange.EscapeControls(bytes.TrimPrefix(body, []byte("\ufeff")))))
	if strings.Trim(text[:min(1, len(text))], `{["`) != "" {
		at := beforeJSON.FindStringIndex(text)
		if at == nil {
			return JSON{}
		}
		text = text[at[0]:]
	}
	b := builder{}
	err := b.readJSON(text)
	if err != nil && strings.HasPrefix(text, `"`) { // JSON in a text that was cut, perhaps within an escape
		for short := range min(len(text)-1, len(`\u06cc`)) {
			if b = (builder{}); b.readJSON(text[:len(text)-short]+`"`) == nil {
				break
			}
		}
	}
	if len(b.root.kids) == 0 {
		return JSON{}
	}
	j := JSON{value: b.root.kids[0], list: strings.HasPrefix(text, "["), open: err != nil}
	if len(j.value.kids) == 0 && !j.list {
		inner := strings.TrimSpace(j.value.text)
		j.value, j.list = j.value.parsedInPart(), strings.HasPrefix(inner, "[")
	}
	return j
}

// Whole reports whether the answer is JSON to its end.
func (j JSON) Whole() bool { return j.value != nil && !j.open }

// errNoAnswer is the error of what is no answer.
func errNoAnswer() *smsapi.Error {
	return exchange.Uncertain("the panel's answer makes no sense", smsapi.ErrProtocol)
}

// coded gives a list, or what is alone what it is to be, the errCode 0 that it does not have.
func (j JSON) coded(alone func(*node) bool) *node {
	if j.value.member("ErrCode") == nil && (j.list || alone(j.value)) {
		value := *j.value
		value.name = "result"
		return &node{kids: []*node{{name: "ErrCode", text: "0"}, &value}}
	}
	return j.value
}

// creditName is what a member may be called that holds the credit.
var creditName = regexp.MustCompile(`(?i)credit|charge|balance|remain`)

// Credit reads what is known of an account.
func (j JSON) Credit() (string, error) {
	if !j.Whole() {
		return "", errNoAnswer()
	}
	var find func(n *node) *node
	find = func(n *node) *node {
		for _, k := range n.kids {
			if creditName.MatchString(k.name) && k.scalar() != "" {
				return k
			}
			if found := find(k); found != nil {
				return found
			}
		}
		return nil
	}
	n := j.coded(func(n *node) bool { return find(n) != nil })
	value, failed := result(n)
	if failed != nil {
		return "", failed
	}
	if value != nil {
		if found := find(value); found != nil {
			return found.scalar(), nil
		}
	}
	if credit := value.scalar(); amount.MatchString(sms.Digits(credit)) {
		return credit, nil
	}
	return "", exchange.Uncertain("the panel's answer has no credit", nil)
}

// Sent reads what became of one text to distinct recipients.
func (j JSON) Sent(to []sms.Number) (smsapi.Sent, error) {
	if !j.Whole() || j.value.member("ErrCode") == nil {
		return smsapi.Sent{}, errNoAnswer()
	}
	return readSent(j.value, to)
}

// SentEach reads what became of own texts.
func (j JSON) SentEach(to []sms.Number) (smsapi.Sent, error) {
	if !j.Whole() || !j.list && j.value.member("ErrCode") == nil {
		return smsapi.Sent{}, errNoAnswer()
	}
	return readSentEach(j.value, to)
}

// State reads how far the SMS of an id has come; false if the panel does not say.
func (j JSON) State(id sms.ID) (smsapi.Delivery, bool, error) {
	nothing := smsapi.Delivery{ID: id}
	if !j.Whole() || j.value.member("ErrCode") == nil {
		return nothing, false, errNoAnswer()
	}
	value, failed := result(outcome(j.value))
	if failed != nil {
		return nothing, false, failed
	}
	if value != nil && len(value.kids) == 1 && value.kids[0].unnamed() {
		value = value.kids[0].parsed()
	}
	if value == nil {
		return nothing, false, nil
	}
	code := statusCodes(value, []sms.ID{id})[0]
	d := statuses[code]
	d.ID, d.Code = id, smsapi.NumberCode(code)
	return d, code != 0, nil
}

// Unread reads what customers wrote, as Decode does.
func (j JSON) Unread() (smsapi.Inbox, error) {
	if j.value == nil {
		return smsapi.Inbox{}, errNoAnswer()
	}
	in := inbox{lines: map[string]sms.Number{}}
	messages, err := readUnread(j.coded(func(n *node) bool {
		_, is := in.message(n)
		return is
	}))
	if j.open {
		err = exchange.Uncertain("the panel's answer was cut", errCut)
	}
	return smsapi.Inbox{Messages: messages, More: len(messages) >= fullAnswer}, err
}
