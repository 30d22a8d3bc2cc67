// Package rest is the client of the REST sibling of SOAP panels: the same methods, codes and limits in JSON, by what public clients of it show, as it is
// documented nowhere. It makes requests; what the answers mean package soap reads, as they mean the same there.
//
// Where those clients leave open how something is answered, each form that it may have is read, and all else refused. Like its sibling it neither
// takes keys nor tells again what it has handed out.
package rest

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"peyk/sms"
	"peyk/smsapi"
	"peyk/smsapi/exchange"
	"peyk/smsapi/soap"
)

// Options are what New can do without; the zero value works.
type Options struct {
	exchange.Options

	// Lines says how the panel writes our lines, by sms.NormalizeLine's form of them. A line that is not in it goes out in that form.
	Lines map[sms.Number]string
}

// Client calls the panel for one account. It may be used by several goroutines at once.
type Client struct {
	*exchange.Client
	user, password string
	lines          map[sms.Number]string
}

// New returns a client of the panel at address, the part before a method's file. A panel that asks for a login over HTTP besides has that in the
// address. Its error is that of exchange.New.
func New(address, user, password string, opts Options) (*Client, error) {
	e, err := exchange.New(strings.TrimRight(strings.TrimSpace(address), "/"), opts.Options)
	if err != nil {
		return nil, err
	}
	quoted, _ := json.Marshal(password)
	e.Keep(password, strings.Trim(string(quoted), `"`))
	return &Client{Client: e, user: user, password: password, lines: opts.Lines}, nil
}

// Traits returns what the panel can.
func (*Client) Traits() smsapi.Traits {
	return smsapi.Traits{Name: "rest", Address: "http://HOST/class/sms/restful"}
}

// fields are those of a request.
type fields map[string]any

// ask makes a request. Its error says why the answer is not one.
func (c *Client) ask(ctx context.Context, method string, f fields) (soap.JSON, exchange.Reply, error) {
	f["uname"], f["pass"] = c.user, c.password
	var body bytes.Buffer
	e := json.NewEncoder(&body)
	e.SetEscapeHTML(false)
	if err := e.Encode(f); err != nil {
		return soap.JSON{}, exchange.Reply{}, exchange.Rejected("a text or a number cannot be sent")
	}
	address := c.Address()
	req, err := http.NewRequest(http.MethodPost, address.JoinPath(method+".php").String(), &body)
	if err != nil {
		return soap.JSON{}, exchange.Reply{}, exchange.Rejected("the panel's address is not a URL")
	}
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	r, err := c.Do(ctx, req)
	if err != nil {
		return soap.JSON{}, r, c.Redacted(err)
	}
	j := soap.ReadJSON(r.Body)
	return j, r, c.Redacted(failed(j, r))
}

// failed returns why an answer is none, or nil. A cut that left it whole took nothing away.
func failed(j soap.JSON, r exchange.Reply) error {
	switch {
	case r.Status == http.StatusUnauthorized:
		return &smsapi.Error{Kind: smsapi.Auth, Text: "the panel's web server asks for another login"}
	case r.Status != http.StatusOK:
		return exchange.Uncertain("what stands before the panel answered", r.Answered)
	case j.Whole():
		return nil
	case r.Cut != nil:
		return exchange.Uncertain("the panel's answer was cut", r.Cut)
	}
	return exchange.Uncertain("the panel's answer makes no sense", smsapi.ErrProtocol)
}

// Credit returns what is left, as the panel writes it.
func (c *Client) Credit(ctx context.Context) (string, error) {
	j, _, err := c.ask(ctx, "getData", fields{})
	if err != nil {
		return "", err
	}
	credit, err := j.Credit()
	return credit, c.Redacted(err)
}

// Send asks the panel once to carry out an order; see soap's.
func (c *Client) Send(ctx context.Context, o smsapi.Order) (smsapi.Sent, error) {
	if pieces := smsapi.Pieces(o.To); len(o.Texts) == 0 && len(pieces) == 1 {
		o.To = pieces[0]
	}
	if err := o.Check(); err != nil {
		return smsapi.Sent{}, err
	}
	if !utf8.ValidString(o.Text) || slices.ContainsFunc(o.Texts, func(text string) bool { return !utf8.ValidString(text) }) {
		return smsapi.Sent{}, exchange.Rejected("a text is not UTF-8")
	}
	line := cmp.Or(c.lines[o.Line], string(o.Line))
	method, f, read := "sendSms_OneToMany", fields{"from": line, "to": o.To, "msg": o.Text}, soap.JSON.Sent
	if len(o.Texts) > 0 {
		var content []fields
		for i, to := range o.To {
			content = append(content, fields{"to": to, "msg": o.Texts[i]})
		}
		method, f, read = "sendSms_ManyToMany_v2", fields{"op": "sendSms", "from": line, "content": content}, soap.JSON.SentEach
	}
	j, _, err := c.ask(ctx, method, f)
	if err != nil {
		return smsapi.Sent{}, err
	}
	sent, err := read(j, o.To)
	for _, r := range sent.Results {
		if r.Err != nil {
			r.Err.Text = c.Redact(r.Err.Text)
		}
	}
	return sent, c.Redacted(err)
}

// Status returns a Delivery for each id, in the order asked: one by one, as nobody knows how several are answered. One that the panel does not know
// among those of one text is asked for among those of own texts.
func (c *Client) Status(ctx context.Context, ids []sms.ID) ([]smsapi.Delivery, error) {
	known := map[sms.ID]smsapi.Delivery{}
	for _, id := range ids {
		if _, asked := known[id]; asked {
			continue
		}
		for _, many := range []string{"", "1"} {
			j, _, err := c.ask(ctx, "getStatus", fields{"uniqueID": id, "ManyToMany": many})
			if err != nil {
				return nil, err
			}
			d, told, err := j.State(id)
			if err != nil {
				return nil, c.Redacted(err)
			}
			if known[id] = d; told {
				break
			}
		}
	}
	deliveries := make([]smsapi.Delivery, len(ids))
	for i, id := range ids {
		deliveries[i] = known[id]
	}
	return deliveries, nil
}

// Fetch takes unread SMS: the panel is asked once and may never give them again. Decode reads them.
func (c *Client) Fetch(ctx context.Context, _ smsapi.Place) (smsapi.Answer, error) {
	j, r, err := c.ask(ctx, "getMessages", fields{})
	a := smsapi.Answer{ContentType: r.ContentType, Body: r.Body, Cut: r.Cut != nil && !j.Whole(), Holds: bytes.Contains(r.Body, []byte(`msg\"`)) || bytes.Contains(r.Body, []byte(`"msg"`))}
	if in, _ := j.Unread(); len(in.Messages) == 0 { // else what looks like the password may be part of a text
		a.Body = []byte(c.Redact(string(a.Body)))
	}
	return a, err
}

// Decode returns the SMS in an answer of Fetch, in its order. Complete ones are returned along with an error, too.
func Decode(a smsapi.Answer) (smsapi.Inbox, error) {
	in, err := soap.ReadJSON(a.Body).Unread()
	if err == nil && a.Cut {
		err = exchange.Uncertain("the panel's answer was cut", nil)
	}
	return in, err
}

// Decode is the package's.
func (*Client) Decode(a smsapi.Answer) (smsapi.Inbox, error) { return Decode(a) }

// Lacks returns no methods: the panel describes none.
func (*Client) Lacks(context.Context) ([]string, error) { return nil, nil }

// Foreign tells nothing: what the panel says to an order without recipients is not known.
func (*Client) Foreign(context.Context, []sms.Number) (foreign []sms.Number, told bool, err error) {
	return nil, false, nil
}
