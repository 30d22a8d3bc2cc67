// Package exchange makes one request to a panel over HTTP, and says how sure it is that the panel has seen it. Every panel's client is made of
// it: it connects anew each time, follows nothing, repeats nothing, bounds time and size, unpacks, and blanks secrets in errors. It knows no
// panel's protocol.
package exchange

import (
	"bufio"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"time"

	"peyk/internal/connect"
	"peyk/smsapi"
)

// MaxAnswer is how long an answer may be after unpacking: 50 long SMS are some 100 KB.
const MaxAnswer = 8 << 20

var errTooLong = fmt.Errorf("the answer is longer than %d bytes", MaxAnswer)

// Options are what New can do without; the zero value works.
type Options struct {
	Proxy   *url.URL         // http, https or socks5; nil: none, whatever the environment says
	Timeout time.Duration    // for one exchange, from connecting to the end of the answer; 0: 60 seconds
	Dial    connect.Dial     // how a connection is made; nil: by net.Dialer
	Now     func() time.Time // our clock; time.Now when nil
}

// Client asks one panel. It may be used by several goroutines at once.
type Client struct {
	address   *url.URL
	timeout   time.Duration
	transport *http.Transport
	now       func() time.Time
	secrets   []string // what must not be seen in an error

	skew atomic.Pointer[time.Duration] // see Skew
}

// Reply is an answer over HTTP, complete or not.
type Reply struct {
	Status      int
	Answered    error // the status as an error: a connect.Status, or a connect.Redirect
	ContentType string
	Body        []byte // unpacked
	Cut         error  // why the end of Body is missing, or nil
}

// New returns a client of the panel at address. It asks the panel nothing; its error means that the address or the proxy is not a URL it can
// use, and repeats neither. Secrets of its own, in any of the forms in which a server may repeat them, come with Keep.
func New(address string, opts Options) (*Client, error) {
	u, err := url.Parse(strings.TrimSpace(address))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
		return nil, Rejected("the panel's address is not an http:// or https:// URL")
	}
	if p := opts.Proxy; p != nil {
		switch p.Scheme {
		case "http", "https", "socks5":
		default:
			return nil, Rejected("the panel's proxy is not an http://, https:// or socks5:// URL")
		}
	}
	u.Fragment = ""
	c := &Client{address: u, timeout: opts.Timeout, now: opts.Now}
	if c.timeout <= 0 {
		c.timeout = 60 * time.Second
	}
	if c.now == nil {
		c.now = time.Now
	}
	c.transport = newTransport(opts.Dial, opts.Proxy, c.timeout)
	for _, u := range []*url.URL{u, opts.Proxy} {
		if u != nil && u.User != nil {
			secret, _ := u.User.Password()
			c.Keep(secret)
		}
	}
	return c, nil
}

// Address returns where the panel is. It may hold a password.
func (c *Client) Address() url.URL { return *c.address }

// Timeout returns how long one exchange may take.
func (c *Client) Timeout() time.Duration { return c.timeout }

// InClear reports whether what is sent travels unencrypted, the login too.
func (c *Client) InClear() bool { return connect.InClear(c.address.String()) }

// Skew returns how far the clock of the panel's web server is ahead of ours, to a second or two, by its last answer. It reports
// false while no answer had a time.
func (c *Client) Skew() (time.Duration, bool) {
	skew := c.skew.Load()
	if skew == nil {
		return 0, false
	}
	return *skew, true
}

// Now returns what time it is by the clock of the panel's web server, as far as its answers have told it; by ours before that.
func (c *Client) Now() time.Time {
	skew, _ := c.Skew()
	return c.now().Add(skew)
}

// Keep has a secret blanked in errors, in each of its forms, unless it is so short that every other word has it in it.
func (c *Client) Keep(secret string, forms ...string) {
	if len(secret) >= 4 {
		c.secrets = append(append(c.secrets, secret, url.QueryEscape(secret), url.PathEscape(secret)), forms...)
	}
}

// Redact blanks every secret in a text: a server may repeat in its answer what it was sent.
func (c *Client) Redact(text string) string {
	for _, secret := range c.secrets {
		text = strings.ReplaceAll(text, secret, "***")
	}
	return text
}

// redactCause returns err, or its words alone if there are secrets to blank in them.
func (c *Client) redactCause(err error) error {
	if err == nil || c.Redact(err.Error()) == err.Error() {
		return err
	}
	return errors.New(c.Redact(err.Error()))
}

// Redacted returns err as a *smsapi.Error without secrets; nil stays nil.
func (c *Client) Redacted(err error) error {
	if err == nil {
		return nil
	}
	failed, ok := err.(*smsapi.Error)
	if !ok {
		failed = Uncertain("", err)
	}
	failed.Text, failed.Err = c.Redact(failed.Text), c.redactCause(failed.Err)
	return failed
}

// Uncertain returns an error after which nobody knows whether the request was carried out.
func Uncertain(text string, err error) *smsapi.Error {
	return &smsapi.Error{Kind: smsapi.Uncertain, Text: text, Err: err}
}

// Rejected returns an error that is final.
func Rejected(text string) *smsapi.Error { return &smsapi.Error{Kind: smsapi.Rejected, Text: text} }

// Unavailable returns an error after which the request was surely not carried out.
func Unavailable(text string, err error) *smsapi.Error {
	return &smsapi.Error{Kind: smsapi.Unavailable, Text: text, Err: err}
}

// newTransport returns a transport that connects anew for each request: a reused connection can die under a request, and
// then nobody knows whether the panel has seen it. That costs one round trip every few seconds.
func newTransport(dial connect.Dial, proxy *url.URL, timeout time.Duration) *http.Transport {
	t := connect.Transport(dial, proxy, timeout)
	t.DisableKeepAlives = true
	t.DisableCompression = true // Do unpacks: it must also unpack what was cut
	t.MaxResponseHeaderBytes = 64 << 10
	t.Protocols = new(http.Protocols) // HTTP/2 would repeat a request by itself
	t.Protocols.SetHTTP1(true)
	return t
}

// Do makes one request: it follows no redirect and repeats nothing. Its error is Unavailable when
// there was no connection, so that the request was surely not made; later it is Uncertain. What was read of an answer's body
// is in the Reply, whose Cut says what ended it.
func (c *Client) Do(ctx context.Context, req *http.Request) (Reply, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	connected := false
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { connected = true },
	})
	req = req.WithContext(ctx)
	req.Header.Set("User-Agent", "Peyk")
	req.Header.Set("Accept-Encoding", "gzip")
	if c.address.User != nil {
		password, _ := c.address.User.Password()
		req.SetBasicAuth(c.address.User.Username(), password)
	}
	// RoundTrip and not an http.Client: that would follow redirects and put the address into its errors.
	resp, err := c.transport.RoundTrip(req)
	if err != nil {
		return Reply{}, c.withoutReply(ctx, err, connected)
	}
	defer resp.Body.Close()
	r := Reply{Status: resp.StatusCode, Answered: connect.StatusOf(resp), ContentType: resp.Header.Get("Content-Type")}
	if redirect, ok := r.Answered.(connect.Redirect); ok {
		redirect.To = c.Redact(redirect.To)
		r.Answered = redirect
	}
	r.Body, r.Cut = unpack(resp.Header.Get("Content-Encoding"), resp.Body)
	r.Cut = c.redactCause(r.Cut)
	if r.Status == http.StatusBadRequest && c.address.Scheme == "http" && wantsHTTPS.Match(r.Body) {
		return Reply{}, Unavailable("the panel cannot be reached", smsapi.ErrWantsHTTPS)
	}
	if date, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		skew := date.Sub(c.now())
		c.skew.Store(&skew)
	}
	return r, nil
}

// withoutReply returns the error of a request that got no answer.
func (c *Client) withoutReply(ctx context.Context, err error, connected bool) error {
	if !connected {
		return Unavailable("the panel cannot be reached", c.redactCause(err))
	}
	// net/http quotes what is not HTTP, and a number or a text may be in it.
	var lost net.Error
	if ctx.Err() != nil {
		err = ctx.Err()
	} else if strings.Contains(err.Error(), tlsAlert) {
		return Unavailable("the panel cannot be reached", smsapi.ErrWantsHTTPS)
	} else if !errors.As(err, &lost) && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		err = errors.New("the answer is not HTTP")
	}
	return Uncertain("the panel did not answer", c.redactCause(err))
}

// How https servers answer plain http: nginx, Apache and Go in words, others with a TLS alert.
var wantsHTTPS = regexp.MustCompile(`sent to HTTPS port|SSL-enabled server port|to an HTTPS server`)

const tlsAlert = `\x15\x03`

// unpack reads a body up to MaxAnswer. With an error it returns what it could read.
func unpack(encoding string, body io.Reader) ([]byte, error) {
	packed := bufio.NewReader(body)
	// Some hosts compress without saying so, others say so and do not: the first bytes know better.
	head, _ := packed.Peek(2)
	var plain io.Reader = packed
	var err error
	switch {
	case bytes.Equal(head, []byte{0x1f, 0x8b}):
		plain, err = gzip.NewReader(packed)
	case strings.EqualFold(strings.TrimSpace(encoding), "deflate") && len(head) == 2 && head[0] != '<':
		if head[0]&0x0f == 8 && (int(head[0])<<8|int(head[1]))%31 == 0 {
			plain, err = zlib.NewReader(packed)
		} else {
			plain = flate.NewReader(packed)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("unpack answer: %w", err)
	}
	text, err := io.ReadAll(io.LimitReader(plain, MaxAnswer+1))
	if len(text) > MaxAnswer {
		return text[:MaxAnswer], errTooLong
	}
	return text, err
}
