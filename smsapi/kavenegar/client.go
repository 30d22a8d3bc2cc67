// Package kavenegar is the client of the panel of that name, by its documentation at kavenegar.com/rest.html: form fields out, JSON in, the
// key in the path. It makes smsapi's types of what it says, and knows nothing of the store and of Telegram.
//
//	answer.go    from an answer to its return and its entries, however much of it came
//	send.go      orders, and what became of them by the keys they were sent with
//	inbox.go     what customers wrote: taken, or read again for two days
//	status.go    how far SMS have come
//	check.go     what only peyk check asks
//
// What makes this panel worth more than others: an order sent twice with the same keys goes out once, and it says by a key whether it has
// an SMS. It does so for 12 hours.
package kavenegar

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"peyk/sms"
	"peyk/smsapi"
	"peyk/smsapi/exchange"
)

// Address is where the panel is, unless a setting says otherwise.
const Address = "https://api.kavenegar.com/v1"

// Options are what New can do without; the zero value works.
type Options struct {
	exchange.Options

	// Lines says how the panel writes our lines, by sms.NormalizeLine's form of them. A line that is not in it goes out in that form.
	Lines map[sms.Number]string
}

// Client calls the panel for one account. It may be used by several goroutines at once.
type Client struct {
	*exchange.Client
	key     string
	account string // see smsapi.Traits
	lines   map[sms.Number]string
}

// New returns a client of the panel at address, the part before the key. Its error is that of exchange.New.
func New(address, key string, opts Options) (*Client, error) {
	e, err := exchange.New(strings.TrimRight(strings.TrimSpace(address), "/"), opts.Options)
	if err != nil {
		return nil, err
	}
	e.Keep(key)
	sum := sha256.Sum256([]byte("peyk " + key))
	return &Client{Client: e, key: key, account: "kavenegar " + hex.EncodeToString(sum[:6]), lines: opts.Lines}, nil
}

// Traits returns what the panel can.
func (c *Client) Traits() smsapi.Traits {
	return smsapi.Traits{Name: "kavenegar", Account: c.account, OneKey: true, Keyed: true, KeyFor: 12 * time.Hour, Again: 48 * time.Hour}
}

// call asks for a method such as sms/send, and returns the answer. Its error says why that is not the one to a request that was carried out.
// Everything is a POST: net/http may repeat a GET by itself.
func (c *Client) call(ctx context.Context, method string, fields url.Values) (answer, error) {
	a, _, err := c.ask(ctx, method, fields)
	return a, err
}

// ask is call, and returns what came, too.
func (c *Client) ask(ctx context.Context, method string, fields url.Values) (answer, exchange.Reply, error) {
	for _, values := range fields {
		for _, value := range values {
			if !utf8.ValidString(value) {
				return answer{}, exchange.Reply{}, exchange.Rejected("a text or a number is not UTF-8")
			}
		}
	}
	address := c.Address()
	req, err := http.NewRequest(http.MethodPost, address.JoinPath(url.PathEscape(c.key), method+".json").String(), strings.NewReader(fields.Encode()))
	if err != nil {
		return answer{}, exchange.Reply{}, exchange.Rejected("the panel's address is not a URL")
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r, err := c.Do(ctx, req)
	if err != nil {
		return answer{}, r, c.Redacted(err)
	}
	a := read(r.Body)
	return a, r, c.Redacted(a.failed(r))
}

// lineName returns a line as the panel writes it.
func (c *Client) lineName(line sms.Number) string { return cmp.Or(c.lines[line], string(line)) }
