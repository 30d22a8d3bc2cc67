package soap

import (
	"bytes"
	"context"
	"net/http"
	"strings"

	"peyk/sms"
	"peyk/smsapi"
	"peyk/smsapi/exchange"
)

// fullAnswer is how many SMS the panel hands out at once.
const fullAnswer = 50

// Fetch takes up to 50 unread messages: the panel is asked once and may never give them again. Decode reads them. An answer is returned
// with an Uncertain error and Cut set if it came too slowly, is longer than 8 MiB or has no end, even if its length is the one that was
// declared; and with an Uncertain error alone if it came with an HTTP error. The password is blanked in an answer that repeats it and holds
// no messages.
func (c *Client) Fetch(ctx context.Context, _ smsapi.Place) (smsapi.Answer, error) {
	r, err := c.post(ctx, "GetMsg", values{})
	if err != nil {
		return smsapi.Answer{}, err
	}
	a := smsapi.Answer{ContentType: r.ContentType, Body: r.Body, Holds: mayHoldSMS(r.Body)}
	if blank := c.Redact(string(r.Body)); blank != string(r.Body) {
		// What looks like the password may be part of a number or a text, but not where there are no messages.
		if in, err := Decode(a); err != nil && len(in.Messages) == 0 {
			a.Body = []byte(blank)
		}
	}
	if r.Cut == nil && r.Status == http.StatusOK {
		if !complete(a) {
			a.Cut = true
			return a, c.Redacted(exchange.Uncertain("the panel's answer was cut", errCut))
		}
		return a, nil
	}
	if _, err := readReply(r); err != nil {
		a.Cut = r.Cut != nil
		return a, c.Redacted(err)
	}
	return a, nil // nothing of it is missing
}

// Decode returns the messages in an answer, in its order. Time is zero where the panel gave none that makes sense. Complete messages are
// returned along with an error, too: an ErrCode other than 0 is an Error that carries it, and an answer that has no ErrCode, cannot be read,
// was cut, or has something in it that is not a message is Uncertain. Decode is pure: it asks the panel nothing.
func Decode(a smsapi.Answer) (smsapi.Inbox, error) {
	response, err := readResponse(a.ContentType, a.Body)
	if response == nil {
		return smsapi.Inbox{}, err
	}
	messages, wrong := readUnread(response)
	if err == nil {
		err = wrong
	}
	return smsapi.Inbox{Messages: messages, More: len(messages) >= fullAnswer}, err
}

// Decode is the package's.
func (*Client) Decode(a smsapi.Answer) (smsapi.Inbox, error) { return Decode(a) }

// mayHoldSMS tells whether a panel's method has answered, and not only something on the way to it: SMS may be in that, however broken it is.
func mayHoldSMS(body []byte) bool {
	body = bytes.ToLower(body)
	for _, sign := range []string{"getmsgresponse", "errcode", "<msg", ">msg<"} {
		if bytes.Contains(body, []byte(sign)) {
			return true
		}
	}
	return false
}

// inbox is what is read from an answer to GetMsg.
type inbox struct {
	messages []sms.Message
	strange  bool // it has something in it that is not a message, or lacks some

	// An account has a few lines, and working out what number one is takes longer than reading all else.
	lines map[string]sms.Number
}

// readUnread reads an answer to GetMsg, whose messages stay in its order. With an error it returns the messages that could be read.
func readUnread(response *node) ([]sms.Message, error) {
	n := outcome(response)
	_, failed := result(n)
	in := inbox{lines: map[string]sms.Number{}}
	switch {
	case failed == nil:
		// The list may have another name, or none, so that each message is a result. A text instead of it says in words that there are
		// none; but not one that was to be JSON.
		for _, k := range n.kids {
			k = k.parsed()
			if text := k.scalar(); strings.HasPrefix(text, "[") || strings.HasPrefix(text, "{") {
				k, in.strange = k.parsedInPart(), true
			}
			in.collect(k)
		}
	case failed.Code == "":
		in.collect(n.parsedInPart()) // without ErrCode they are still messages, and will not come again
	}
	if failed != nil {
		return in.messages, failed
	}
	if in.strange {
		return in.messages, exchange.Uncertain("the panel's answer has something in it that is not a message", nil)
	}
	return in.messages, nil
}

// collect takes the messages in a tree.
func (in *inbox) collect(n *node) {
	if m, ok := in.message(n); ok {
		in.messages = append(in.messages, m)
		return
	}
	in.strange = in.strange || n.size > len(n.kids) // some are missing
	if n.size > 0 && len(n.kids) > n.size {
		// A customer wrote some of them, and nobody can say which.
		in.messages = append(in.messages, unreadable(n))
		in.strange = true
		return
	}
	for _, k := range n.kids {
		k = k.parsed()
		in.strange = in.strange || k.scalar() != ""
		in.collect(k)
	}
}

// message returns the SMS that a complete struct describes.
func (in *inbox) message(n *node) (sms.Message, bool) {
	var from, to, msg, at *node
	known, distinct := 0, 0
	set := func(member **node, k *node) {
		if *member == nil {
			distinct++
		}
		*member = k
	}
	for _, k := range n.kids {
		switch strings.ToLower(k.name) {
		case "from":
			set(&from, k)
		case "to":
			set(&to, k)
		case "msg":
			set(&msg, k)
		case "time":
			set(&at, k)
		default:
			continue
		}
		known++
	}
	if n.open || known < 2 {
		return sms.Message{}, false
	}
	if known > distinct {
		return unreadable(n), true // a customer wrote one of them
	}
	if msg != nil && (msg.mark == markDoubtful || len(msg.kids) > 0) {
		return unreadable(n), true
	}
	m := sms.Message{
		Direction:    sms.Inbound,
		Conversation: sms.Conversation{Line: in.line(to.scalar()), Customer: sms.Normalize(from.scalar())},
	}
	m.Time, m.Clock = readTime(at.scalar())
	if msg != nil && !msg.null {
		m.Text = msg.text
		if strings.Contains(m.Text, "\r") {
			m.Text = lineEnds.Replace(m.Text)
		}
		m.Verbatim = msg.mark != ""
	}
	return m, true
}

// line returns the line that the panel names.
func (in *inbox) line(to string) sms.Number {
	n, ok := in.lines[to]
	if !ok {
		if n = sms.NormalizeLine(to); n == "" {
			n = sms.Normalize(to)
		}
		in.lines[to] = n
	}
	return n
}

// unreadable returns a message that is the source of what cannot be read as one SMS, or as several: nobody can say who wrote it.
func unreadable(n *node) sms.Message {
	return sms.Message{Direction: sms.Inbound, Text: lineEnds.Replace(n.source()), Verbatim: true}
}

var lineEnds = strings.NewReplacer("\r\n", "\n", "\r", "\n")
