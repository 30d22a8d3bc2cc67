// Package soap is the client of a panel that speaks SOAP 1.1, as PHP panels do: five methods, the panel's error and status codes, and what
// its answers look like. It makes smsapi's types of them. It knows nothing of the store and of Telegram, and keeps nothing but what it
// learned of the service: its WSDL, its clock, and which ids it leaves out.
//
// The panel's guide names the methods and their fields and leaves the rest open, and services of the family differ, so an answer goes
// through steps that know nothing of one another:
//
//	transport.go  a request out, bytes in, and how sure it is that the panel has seen the request
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
	"sync/atomic"
	"time"

	"peyk/internal/connect"
	"peyk/sms"
	"peyk/smsapi"
)

// Options are what New can do without; the zero value works.
type Options struct {
	Proxy   *url.URL      // http, https or socks5; nil: none, whatever the environment says
	Timeout time.Duration // for one exchange, from connecting to the end of the answer; 0: 60 seconds
	Dial    connect.Dial  // how a connection is made; nil: by net.Dialer

	Now func() time.Time // our clock; time.Now when nil

	// Lines says how the panel writes our lines, by sms.NormalizeLine's form of them. A line that is not in it goes out in that form.
	Lines map[sms.Number]string
}

// Client calls one panel for one user. It may be used by several goroutines at once.
type Client struct {
	address        *url.URL
	user, password string
	timeout        time.Duration
	lines          map[sms.Number]string
	transport      *http.Transport
	now            func() time.Time // our clock
	secrets        []string         // what must not be seen in an error

	skew    atomic.Pointer[time.Duration] // see Skew
	service description
	omitted omittedIDs
}

// New returns a client of the panel at address, with or without "?wsdl". It asks the panel
// nothing; its error means that the address or the proxy is not a URL it can use, and repeats neither.
func New(address, user, password string, opts Options) (*Client, error) {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	u, err := url.Parse(strings.TrimSpace(address))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
		return nil, rejected("the panel's address is not an http:// or https:// URL")
	}
	if p := opts.Proxy; p != nil {
		switch p.Scheme {
		case "http", "https", "socks5":
		default:
			return nil, rejected("the panel's proxy is not an http://, https:// or socks5:// URL")
		}
	}
	query := u.Query()
	for name := range query {
		if strings.EqualFold(name, "wsdl") {
			query.Del(name)
		}
	}
	u.RawQuery, u.Fragment = query.Encode(), ""
	c := &Client{
		address: u, user: user, password: password,
		timeout: opts.Timeout,
		lines:   opts.Lines,
		now:     opts.Now,
		service: description{reading: make(chan struct{}, 1)},
	}
	if c.timeout <= 0 {
		c.timeout = 60 * time.Second
	}
	c.transport = newTransport(opts.Dial, opts.Proxy, c.timeout)
	c.keepSecret(password)
	for _, u := range []*url.URL{u, opts.Proxy} {
		if u != nil && u.User != nil {
			secret, _ := u.User.Password()
			c.keepSecret(secret)
		}
	}
	return c, nil
}

// Traits returns what the panel can.
func (*Client) Traits() smsapi.Traits { return smsapi.Traits{Name: "soap"} }

// Timeout returns how long one exchange may take.
func (c *Client) Timeout() time.Duration { return c.timeout }

// call makes a request and returns the element that answers it.
func (c *Client) call(ctx context.Context, method string, params values) (*node, error) {
	r, err := c.post(ctx, method, params)
	if err != nil {
		return nil, err
	}
	response, err := readReply(r)
	if err != nil {
		return nil, c.redacted(err)
	}
	return response, nil
}

// post makes the request as the service wants it.
func (c *Client) post(ctx context.Context, method string, params values) (reply, error) {
	params["user"], params["pass"] = c.user, c.password
	if !params.utf8() {
		return reply{}, rejected("a text, a number or the login is not UTF-8")
	}
	op, err := c.operation(ctx, method)
	if err != nil {
		return reply{}, c.redacted(err)
	}
	req, err := http.NewRequest(http.MethodPost, c.address.String(), bytes.NewReader(writeRequest(method, op, params)))
	if err != nil {
		return reply{}, c.redacted(errBadAddress())
	}
	// Exactly so: with any other spelling nusoap refuses the request, or turns Persian into question marks.
	req.Header.Set("Content-Type", "text/xml; charset=utf-8")
	req.Header["SOAPAction"] = []string{`"` + op.action + `"`}
	r, err := c.exchange(ctx, req)
	return r, c.redacted(err)
}

func errBadAddress() error { return rejected("the panel's address is not a URL") }

// readReply returns the element that answers a request, or why there is none. A cut that left the envelope complete took
// nothing away.
func readReply(r reply) (*node, error) {
	response, err := readResponse(r.contentType, r.body)
	var failed *smsapi.Error
	if !errors.As(err, &failed) {
		return response, nil
	}
	switch {
	case r.cut != nil:
		failed = uncertain("the panel's answer was cut", r.cut)
	case r.status == http.StatusUnauthorized:
		failed = &smsapi.Error{Kind: smsapi.Auth, Text: "the panel's web server asks for another login"}
	case r.status == http.StatusProxyAuthRequired:
		failed = unavailable("the proxy asks for a login", nil)
	case r.status >= 300 && r.status < 400:
		failed.Text = "the panel redirects to another address"
	}
	if r.status != http.StatusOK {
		if errors.Is(failed.Err, smsapi.ErrFault) {
			failed.Err = fmt.Errorf("%w, %w", smsapi.ErrFault, r.answered)
		} else {
			failed.Err = r.answered
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

// keepSecret has a password blanked in errors, unless it is so short that every other word has it in it.
func (c *Client) keepSecret(secret string) {
	if len(secret) >= 4 {
		c.secrets = append(c.secrets, secret, escape(secret))
	}
}

// redact blanks every secret in a text: a server may repeat in its answer what it was sent.
func (c *Client) redact(text string) string {
	for _, secret := range c.secrets {
		text = strings.ReplaceAll(text, secret, "***")
	}
	return text
}

// redactCause returns err, or its words alone if there are secrets to blank in them.
func (c *Client) redactCause(err error) error {
	if err == nil || c.redact(err.Error()) == err.Error() {
		return err
	}
	return errors.New(c.redact(err.Error()))
}

// redacted returns err as a *smsapi.Error without secrets; nil stays nil.
func (c *Client) redacted(err error) error {
	if err == nil {
		return nil
	}
	failed, ok := err.(*smsapi.Error)
	if !ok {
		failed = uncertain("", err)
	}
	failed.Text, failed.Err = c.redact(failed.Text), c.redactCause(failed.Err)
	return failed
}
