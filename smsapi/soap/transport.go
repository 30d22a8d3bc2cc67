package soap

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
	"time"

	"peyk/internal/connect"
	"peyk/smsapi"
)

// maxAnswer is how long an answer may be after unpacking: 50 long SMS are some 100 KB.
const maxAnswer = 8 << 20

var errTooLong = fmt.Errorf("the answer is longer than %d bytes", maxAnswer)

// reply is an answer over HTTP, complete or not.
type reply struct {
	status      int
	answered    error // the status as an error: a connect.Status, or a connect.Redirect
	contentType string
	body        []byte // unpacked
	cut         error  // why the end of body is missing, or nil
}

// newTransport returns a transport that connects anew for each request: a reused connection can die under a request, and
// then nobody knows whether the panel has seen it. That costs one round trip every few seconds.
func newTransport(dial connect.Dial, proxy *url.URL, timeout time.Duration) *http.Transport {
	t := connect.Transport(dial, proxy, timeout)
	t.DisableKeepAlives = true
	t.DisableCompression = true // exchange unpacks: it must also unpack what was cut
	t.MaxResponseHeaderBytes = 64 << 10
	t.Protocols = new(http.Protocols) // HTTP/2 would repeat a request by itself
	t.Protocols.SetHTTP1(true)
	return t
}

// exchange makes one request: it follows no redirect and repeats nothing. Its error is Unavailable when
// there was no connection, so that the request was surely not made; later it is Uncertain. What was read of an answer's body
// is in the reply, whose cut says what ended it.
func (c *Client) exchange(ctx context.Context, req *http.Request) (reply, error) {
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
		return reply{}, c.withoutReply(ctx, err, connected)
	}
	defer resp.Body.Close()
	r := reply{status: resp.StatusCode, answered: connect.StatusOf(resp), contentType: resp.Header.Get("Content-Type")}
	if redirect, ok := r.answered.(connect.Redirect); ok {
		redirect.To = c.redact(redirect.To)
		r.answered = redirect
	}
	r.body, r.cut = unpack(resp.Header.Get("Content-Encoding"), resp.Body)
	r.cut = c.redactCause(r.cut)
	if r.status == http.StatusBadRequest && c.address.Scheme == "http" && wantsHTTPS.Match(r.body) {
		return reply{}, unavailable("the panel cannot be reached", smsapi.ErrWantsHTTPS)
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
		return unavailable("the panel cannot be reached", c.redactCause(err))
	}
	// net/http quotes what is not HTTP, and a number or a text may be in it.
	var lost net.Error
	if ctx.Err() != nil {
		err = ctx.Err()
	} else if strings.Contains(err.Error(), tlsAlert) {
		return unavailable("the panel cannot be reached", smsapi.ErrWantsHTTPS)
	} else if !errors.As(err, &lost) && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		err = errors.New("the answer is not HTTP")
	}
	return uncertain("the panel did not answer", c.redactCause(err))
}

// How https servers answer plain http: nginx, Apache and Go in words, others with a TLS alert.
var wantsHTTPS = regexp.MustCompile(`sent to HTTPS port|SSL-enabled server port|to an HTTPS server`)

const tlsAlert = `\x15\x03`

// unpack reads a body up to maxAnswer. With an error it returns what it could read.
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
	text, err := io.ReadAll(io.LimitReader(plain, maxAnswer+1))
	if len(text) > maxAnswer {
		return text[:maxAnswer], errTooLong
	}
	return text, err
}
