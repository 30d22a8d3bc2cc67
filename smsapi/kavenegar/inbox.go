package kavenegar

import (
	"bytes"
	"context"
	"encoding/json"
	"net/url"
	"strconv"
	"strings"
	"time"

	"peyk/sms"
	"peyk/smsapi"
	"peyk/smsapi/exchange"
)

// fullAnswer is how many SMS sms/receive hands out at once.
const fullAnswer = 100

// Fetch takes up to 100 unread SMS of a line, or reads a page of those again that were taken since a time. Those it reads as read: a page
// of unread ones marks them, and the pages shift.
func (c *Client) Fetch(ctx context.Context, at smsapi.Place) (smsapi.Answer, error) {
	method, fields := "sms/receive", url.Values{"linenumber": {c.lineName(at.Line)}, "isread": {"0"}}
	if !at.Since.IsZero() {
		method = "sms/inboxpaged"
		fields.Set("isread", "1")
		fields.Set("startdate", strconv.FormatInt(at.Since.Unix(), 10))
		fields.Set("pagenumber", strconv.Itoa(at.Page+1))
	}
	_, r, err := c.ask(ctx, method, fields)
	return smsapi.Answer{ContentType: r.ContentType, Body: r.Body, Cut: r.Cut != nil, Holds: bytes.Contains(r.Body, []byte(`"messageid"`))}, err
}

// received is an entry of what customers wrote.
type received struct {
	MessageID exchange.Scalar
	Message   *string
	Sender    exchange.Scalar
	Receptor  exchange.Scalar
	Date      exchange.Scalar
}

// Decode returns the SMS in an answer of Fetch, in its order. Complete ones are returned along with an error, too.
func Decode(a smsapi.Answer) (smsapi.Inbox, error) {
	said := read(a.Body)
	in := smsapi.Inbox{More: said.more || len(said.entries) >= fullAnswer}
	err := said.failed(exchange.Reply{Status: 200})
	for _, entry := range said.entries {
		var e received
		if json.Unmarshal(entry, &e) != nil || e.Message == nil {
			if err == nil {
				err = exchange.Uncertain("the panel's answer has something in it that is not a message", nil)
			}
			continue
		}
		m := sms.Message{
			Direction:    sms.Inbound,
			Conversation: sms.Conversation{Line: sms.NormalizeLine(string(e.Receptor)), Customer: sms.Normalize(string(e.Sender))},
			Text:         strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(*e.Message),
			InboxID:      e.MessageID.ID(),
		}
		if n, err := strconv.ParseInt(string(e.Date), 10, 64); err == nil && n > 0 {
			m.Time = time.Unix(n, 0)
		}
		in.Messages = append(in.Messages, m)
	}
	return in, err
}

// Decode is the package's.
func (*Client) Decode(a smsapi.Answer) (smsapi.Inbox, error) { return Decode(a) }
