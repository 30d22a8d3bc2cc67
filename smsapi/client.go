// Package smsapi is the client of the SMS panel: five methods over SOAP 1.1.
package smsapi

import (
	"context"
	"net/url"
	"time"

	"peyk/sms"
)

// MaxRecipients is how many recipients the panel takes in one request.
const MaxRecipients = 60

// Options are what New can do without; the zero value works.
type Options struct {
	Proxy   *url.URL      // http, https or socks5; nil: none, whatever the environment says
	Timeout time.Duration // for one call, from connecting to the end of the answer; 0: 60 seconds
}

// Client calls one panel for one user. It may be used by several goroutines at once.
type Client struct{}

// New returns a client of the panel at address, with or without "?wsdl". It asks the panel
// nothing; its error means that the address or the proxy is no address.
func New(address, user, password string, opts Options) (*Client, error) { return &Client{}, nil }

// Pieces splits recipients into pieces a single Send takes: each number once, order kept,
// at most MaxRecipients in a piece. No recipients: no pieces.
func Pieces(to []sms.Number) [][]sms.Number { return nil }

// Credit returns what is left at the panel, as the panel writes it; its unit is not known.
func (c *Client) Credit(ctx context.Context) (string, error) { return "", nil }

// Sent is what the panel said of one accepted request.
type Sent struct {
	Results []Result // one for each recipient, in the order given
	// IDs are the panel's ids when they cannot be attributed to the recipients: the
	// request was accepted all the same and must not be repeated. Else nil.
	IDs []sms.ID
}

// Result is what the panel said of one recipient.
type Result struct {
	Recipient sms.Number
	ID        sms.ID // empty when Err is set, and when Sent.IDs holds the ids
	Err       *Error // why this recipient was refused, or is uncertain, though others were accepted
}

// Send asks the panel once to send text to all recipients. No recipients, more than
// MaxRecipients, a repeated one, or an empty text is Rejected before the panel is asked.
// With an error nothing was accepted, or, when it is Uncertain, nobody knows.
func (c *Client) Send(ctx context.Context, line sms.Number, to []sms.Number, text string) (Sent, error) {
	return Sent{}, nil
}

// Addressed is a text for one recipient.
type Addressed struct {
	To   sms.Number
	Text string
}

// SendEach asks the panel once to send each recipient its own text; a recipient may come
// more than once. Its limits and errors are those of Send. The error is nil when the panel
// answered for each recipient, even if it refused some or all of them: see Result.Err.
func (c *Client) SendEach(ctx context.Context, line sms.Number, texts []Addressed) (Sent, error) {
	return Sent{}, nil
}

// Delivery is the panel's word about one SMS.
type Delivery struct {
	ID     sms.ID
	Code   int        // the panel's status code, 0 when it gave none
	Status sms.Status // means nothing unless Known
	Word   string     // sending, telecom_problem, at_telecom, delivered, not_delivered, blacklisted, unknown
}

// Known reports whether the panel named one of its six statuses. When it did not, keep
// what was known before.
func (d Delivery) Known() bool { return d.Code >= 1 && d.Code <= 6 }

// Status returns a Delivery for each id, in the order asked, with as many requests as it
// takes to ask for at most MaxRecipients ids in each.
func (c *Client) Status(ctx context.Context, ids []sms.ID) ([]Delivery, error) { return nil, nil }

// Answer is an answer to GetMsg as it came. Fetching takes the messages away from the panel,
// so store it before anything else, also when it came beside an error.
type Answer struct {
	ContentType string
	Body        []byte // unpacked
	Cut         bool   // the end is missing
}

// Unread fetches up to 50 unread messages: the panel is asked once and may never give them
// again. The answer is not looked at; DecodeUnread does that. An answer that was cut, came
// too slowly or is longer than 8 MiB is returned with Cut set beside an Uncertain error.
func (c *Client) Unread(ctx context.Context) (Answer, error) { return Answer{}, nil }

// DecodeUnread returns the messages in an answer, oldest first; those of one second stay in
// the order they arrived in. Whole messages are returned also beside an error. A non-zero
// ErrCode is an Error that carries it; an answer without ErrCode, or unreadable, is Uncertain.
func DecodeUnread(a Answer) ([]sms.Message, error) { return nil, nil }
