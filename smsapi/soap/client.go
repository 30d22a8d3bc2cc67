// Package soap is the client of a panel that speaks SOAP 1.1, as PHP panels do: five methods, the panel's error and status codes, and what
// its answers look like. It makes smsapi's types of them. It knows nothing of the store and of Telegram, and keeps nothing but what it
// learned of the service: its WSDL, its clock, and which ids it leaves out.
//
// The panel's guide names the methods and their fields and leaves the rest open, and services of the family differ, so an answer goes
// through steps that know nothing of one another:
//
//	exchange      a request out, bytes in, and how sure it is that the panel has seen the request: a package of its own
//	charset.go    from bytes to UTF-8 that XML can hold
//	unescaped.go  the texts of SMS told apart from the markup around them, where the server did not escape them (layout.go)
//	envelope.go   from the SOAP envelope to a tree (tree.go, json.go), and in it to the element that answers
//	outcome.go    the ErrCode and the result
//	credit.go, send.go, status.go, unread.go, time.go
//	              the methods, and what each looks for in its result
//
// A request is written by request.go, in the order of parameters that the service's WSDL asks for (wsdl.go). What only peyk check asks is
// in check.go.
//
// A request is made once. Whatever goes wrong is a *smsapi.Error whose Kind says what the caller may do: only what was surely not
// carried out, Unavailable and Auth, may be repeated without asking anybody, and Auth not before the panel accepts the login again.
package soap

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"peyk/sms"
	"peyk/smsapi"
	"peyk/smsapi/exchange"
)

// Options are what New can do without; the zero value works.
type Options struct {
	exchange.Options

	// Lines says how the panel writes our lines, by sms.NormalizeLine's form of them. A line that is not in it goes out in that form.
	Lines map[sms.Number]string
}

// Client calls one panel for one user. It may be used by several goroutines at once.
type Client struct {
	*exchange.Client
	user, password string
	lines          map[sms.Number]string

	service description
	omitted omittedIDs
}

// New returns a client of the panel at address, with or without "?wsdl". Its error is that of exchange.New.
func New(address, user, password string, opts Options) (*Client, error) {
	e, err := exchange.New(withoutWSDL(address), opts.Options)
	if err != nil {
		return nil, err
	}
	e.Keep(password, escape(password))
	return &Client{Client: e, user: user, password: password, lines: opts.Lines, service: description{reading: make(chan struct{}, 1)}}, nil
}

// withoutWSDL returns the address that takes the calls; what is no address stays as it is.
func withoutWSDL(address string) string {
	u, err := url.Parse(strings.TrimSpace(address))
	if err != nil {
		return address
	}
	query := u.Query()
	for name := range query {
		if strings.EqualFold(name, "wsdl") {
			query.Del(name)
		}
	}
	u.RawQuery = query.Encode()
	return u.String()
}

// Traits returns what the panel can.
func (*Client) Traits() smsapi.Traits {
	return smsapi.Traits{Name: "soap", Address: "http://HOST/class/sms/webservice3/server.php?wsdl"}
}

// call makes a request and returns the element that answers it.
func (c *Client) call(ctx context.Context, method string, params values) (*node, error) {
	r, err := c.post(ctx, method, params)
	if err != nil {
		return nil, err
	}
	response, err := readReply(r)
	if err != nil {
		return nil, c.Redacted(err)
	}
	return response, nil
}

// post makes the request as the service wants it.
func (c *Client) post(ctx context.Context, method string, params values) (exchange.Reply, error) {
	params["user"], params["pass"] = c.user, c.password
	if !params.utf8() {
		return exchange.Reply{}, exchange.Rejected("a text, a number or the login is not UTF-8")
	}
	op, err := c.operation(ctx, method)
	if err != nil {
		return exchange.Reply{}, c.Redacted(err)
	}
	address := c.Address()
	req, err := http.NewRequest(http.MethodPost, address.String(), bytes.NewReader(writeRequest(method, op, params)))
	if err != nil {
		return exchange.Reply{}, c.Redacted(errBadAddress())
	}
	// Exactly so: with any other spelling nusoap refuses the request, or turns Persian into question marks.
	req.Header.Set("Content-Type", "text/xml; charset=utf-8")
	req.Header["SOAPAction"] = []string{`"` + op.action + `"`}
	r, err := c.Do(ctx, req)
	return r, c.Redacted(err)
}

func errBadAddress() error { return exchange.Rejected("the panel's address is not a URL") }

// readReply returns the element that answers a request, or why there is none. A cut that left the envelope complete took
// nothing away.
func readReply(r exchange.Reply) (*node, error) {
	response, err := readResponse(r.ContentType, r.Body)
	var failed *smsapi.Error
	if !errors.As(err, &failed) {
		return response, nil
	}
	switch {
	case r.Cut != nil:
		failed = exchange.Uncertain("the panel's answer was cut", r.Cut)
	case r.Status == http.StatusUnauthorized:
		failed = &smsapi.Error{Kind: smsapi.Auth, Text: "the panel's web server asks for another login"}
	case r.Status == http.StatusProxyAuthRequired:
		failed = exchange.Unavailable("the proxy asks for a login", nil)
	case r.Status >= 300 && r.Status < 400:
		failed.Text = "the panel redirects to another address"
	}
	if r.Status != http.StatusOK {
		if errors.Is(failed.Err, smsapi.ErrFault) {
			failed.Err = fmt.Errorf("%w, %w", smsapi.ErrFault, r.Answered)
		} else {
			failed.Err = r.Answered
		}
	}
	return nil, failed
}

// lineName returns a line as the panel writes it.
func (c *Client) lineName(line sms.Number) string { return cmp.Or(c.lines[line], string(line)) }

// plain returns numbers or ids as the strings they are on the wire.
func plain[T ~string](from []T) []string {
	to := make([]string, len(from))
	for i := range from {
		to[i] = string(from[i])
	}
	return to
}
