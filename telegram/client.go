// Package telegram is a client of the Bot API: it makes calls, reads answers and updates, and says what a failure calls for. It makes each
// call once, keeps no state but its connections, and knows neither the store nor the bridge. No other package uses the Telegram library or
// sees its types.
package telegram

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	tgbotapi "github.com/go-telegram-bot-api/telegram-bot-api/v5"

	"peyk/internal/connect"
)

const (
	callTimeout = 20 * time.Second
	maxAnswer   = 16 << 20 // bytes; 100 updates are far smaller
	maxConns    = 30       // connections kept: Telegram takes as many messages a second
)

// Client makes calls of the Bot API for one bot. It is safe for concurrent use.
type Client struct {
	api    *tgbotapi.BotAPI
	client *http.Client
	opts   Options
	skew   atomic.Pointer[time.Duration] // by the last answer; nil before the first
	worked atomic.Pointer[time.Time]     // when a call other than a reaction last succeeded
}

// Options say how to reach Telegram, and as which bot. Token is required.
type Options struct {
	Token string
	URL   string   // https://api.telegram.org when empty
	Proxy *url.URL // none when nil, whatever the environment says

	OnCall   func(method string, took time.Duration, err error) // called after each call, except those the caller broke off; may be nil
	OnAnswer func(took time.Duration, date time.Time)           // called with the Date of each answer; may be nil

	Dial connect.Dial     // how a connection is made; nil: by net.Dialer
	Now  func() time.Time // our clock; time.Now when nil
}

func New(c Options) *Client {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.URL == "" {
		c.URL = "https://api.telegram.org"
	}
	transport := connect.Transport(c.Dial, c.Proxy, 10*time.Second)
	transport.MaxIdleConns, transport.MaxIdleConnsPerHost, transport.IdleConnTimeout = maxConns, maxConns, 90*time.Second
	t := &Client{
		opts: c,
		// Debug stays off: it would print texts and tokens. The library logs nothing else in what is used here.
		api: &tgbotapi.BotAPI{Token: c.Token, Buffer: 100},
		client: &http.Client{
			Transport:     transport,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
	t.api.SetAPIEndpoint(strings.ReplaceAll(strings.TrimRight(c.URL, "/"), "%", "%%") + "/bot%s/%s")
	return t
}

// Skew returns how far Telegram's clock is ahead of ours, to a second or two, by its last answer. It reports false before the first answer
// with a Date.
func (t *Client) Skew() (time.Duration, bool) {
	if skew := t.skew.Load(); skew != nil {
		return *skew, true
	}
	return 0, false
}

// Worked returns when a call last succeeded, reactions excepted; zero when never.
func (t *Client) Worked() time.Time {
	if at := t.worked.Load(); at != nil {
		return *at
	}
	return time.Time{}
}

// InClear reports whether the token crosses the network unencrypted.
func (t *Client) InClear() bool { return connect.InClear(t.opts.URL) }

// call makes one call within callTimeout.
func (t *Client) call(ctx context.Context, method string, params map[string]any) (json.RawMessage, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	return t.ask(ctx, method, params, nil)
}

// ask makes one call, with a file if there is one.
func (t *Client) ask(ctx context.Context, method string, params map[string]any, file *File) (result json.RawMessage, err error) {
	fields := tgbotapi.Params{}
	for name, value := range params {
		switch v := value.(type) {
		case string:
			fields[name] = v
		case int64:
			fields[name] = strconv.FormatInt(v, 10)
		case bool:
			fields[name] = strconv.FormatBool(v)
		default:
			encoded, err := json.Marshal(v)
			if err != nil {
				return nil, fmt.Errorf("telegram %s: %w", method, err)
			}
			fields[name] = string(encoded)
		}
	}
	if asked := t.opts.OnCall; asked != nil {
		defer func(begun time.Time) {
			if !errors.Is(ctx.Err(), context.Canceled) {
				asked(method, time.Since(begun), err)
			}
		}(time.Now())
	}
	api := *t.api
	api.Client = doer{ctx, t}
	var resp *tgbotapi.APIResponse
	if file != nil {
		resp, err = doer{ctx, t}.sendForm(fields, file)
	} else {
		resp, err = api.MakeRequest(method, fields)
	}
	if err != nil {
		e := classify(method, err)
		e.Reason = t.redact(e.Reason)
		return nil, e
	}
	if method != setMark {
		now := time.Now()
		t.worked.Store(&now)
	}
	return resp.Result, nil
}

// Has reports whether this server has a method. Asked for without any parameter the method must fail: nothing may come of it.
func (t *Client) Has(ctx context.Context, method string) (bool, error) {
	_, err := t.call(ctx, method, nil)
	e, failed := errors.AsType[*Error](err)
	switch {
	case failed && e.Fate == Lacking:
		return false, nil
	case failed && e.Code != http.StatusBadRequest:
		return false, err
	}
	return true, nil
}

// notConnected is the error of a call for which no connection to Telegram was made.
type notConnected struct{ error }

func (e notConnected) Unwrap() error { return e.error }

// doer is the library's HTTP client for one call: the library knows neither contexts nor limits, and prints URLs, which
// contain the token (https://github.com/go-telegram-bot-api/telegram-bot-api/issues/628).
type doer struct {
	ctx context.Context
	*Client
}

func (d doer) Do(req *http.Request) (*http.Response, error) {
	connected, begun := false, time.Now()
	ctx := httptrace.WithClientTrace(d.ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { connected = true }})
	resp, err := d.client.Do(req.WithContext(ctx))
	switch {
	case err != nil && !connected:
		return nil, notConnected{withoutURL(err)}
	case err != nil:
		return nil, withoutURL(err)
	}
	defer resp.Body.Close()
	if date, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		skew := date.Sub(d.opts.Now())
		d.skew.Store(&skew)
		if d.opts.OnAnswer != nil {
			d.opts.OnAnswer(time.Since(begun), date)
		}
	}
	// Read to the end, or the connection is not reused.
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return nil, withoutURL(err)
	}
	if !json.Valid(body) {
		if resp.StatusCode == http.StatusOK {
			return nil, io.ErrUnexpectedEOF
		}
		return nil, d.statusOf(resp)
	}
	if err := readRefusal(body); err != nil {
		return nil, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp, nil
}

// statusOf returns the status of an answer as an error. Where it leads is an address such as Options.URL: without the call, whose path holds the
// token.
func (t *Client) statusOf(resp *http.Response) error {
	err := connect.StatusOf(resp)
	if redirect, ok := err.(connect.Redirect); ok {
		redirect.To, _, _ = strings.Cut(redirect.To, "/bot"+t.opts.Token)
		redirect.To = t.redact(redirect.To)
		return redirect
	}
	return err
}

// redact blanks the token in a text: net/http quotes an answer that is not HTTP, and a server may repeat the request in its answer.
func (t *Client) redact(text string) string {
	_, secret, _ := strings.Cut(t.opts.Token, ":")
	return strings.ReplaceAll(text, cmp.Or(secret, t.opts.Token), "***")
}

// withoutURL strips the URL from an error of net/http.
func withoutURL(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}
