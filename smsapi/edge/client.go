// Package edge is the client of IPPanel Edge, by its documentation at github.com/ippanelcom/Edge-Document: JSON out and in, the key alone in the
// header. It makes smsapi's types of what it says, and knows nothing of the store and of Telegram.
//
//	answer.go    from an answer to its data and its verdict, however much of it came
//	send.go      orders, and what is like one among those that were accepted
//	inbox.go     what customers wrote, read on from the last one
//	status.go    how far SMS have come, by batch
//	price.go     what an SMS costs
//
// The panel names an order, not its SMS: an id of ours is the batch and the recipient, BATCH/+98….
package edge

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"

	"peyk/sms"
	"peyk/smsapi"
	"peyk/smsapi/exchange"
)

// Address is where the panel is, unless a setting says otherwise.
const Address = "https://edge.ippanel.com/v1"

// Client calls the panel for one account. It may be used by several goroutines at once.
type Client struct {
	*exchange.Client
	key     string
	account string // see smsapi.Traits
}

// New returns a client of the panel at address, the part before /api. Its error is that of exchange.New.
func New(address, key string, opts exchange.Options) (*Client, error) {
	e, err := exchange.New(strings.TrimRight(strings.TrimSpace(address), "/"), opts)
	if err != nil {
		return nil, err
	}
	e.Keep(key)
	sum := sha256.Sum256([]byte("peyk " + key))
	return &Client{Client: e, key: key, account: "edge " + hex.EncodeToString(sum[:6])}, nil
}

// Traits returns what the panel can.
func (c *Client) Traits() smsapi.Traits {
	return smsapi.Traits{Name: "edge", Account: c.account, OneKey: true, Finds: true, Twin: 40 * time.Second, Prices: true, Cursor: true}
}

// get asks for what is only read.
func (c *Client) get(ctx context.Context, path string, query url.Values) (answer, error) {
	a, _, err := c.ask(ctx, http.MethodGet, path, query, nil)
	return a, err
}

// post asks with a body.
func (c *Client) post(ctx context.Context, path string, body any) (answer, exchange.Reply, error) {
	return c.ask(ctx, http.MethodPost, path, nil, body)
}

// ask makes a request, and returns its answer, and what came. Its error says why that is not the answer to one that was carried out.
func (c *Client) ask(ctx context.Context, method, path string, query url.Values, body any) (answer, exchange.Reply, error) {
	address := c.Address()
	u := address.JoinPath("api", path)
	u.RawQuery = query.Encode()
	var text []byte
	if body != nil {
		text, _ = json.Marshal(body) // of texts and numbers alone
	}
	req, err := http.NewRequest(method, u.String(), bytes.NewReader(text))
	if err != nil {
		return answer{}, exchange.Reply{}, exchange.Rejected("the panel's address is not a URL")
	}
	req.Header.Set("Authorization", c.key) // "Bearer" before it is refused
	req.Header.Set("Content-Type", "application/json")
	r, err := c.Do(ctx, req)
	if err != nil {
		return answer{}, r, c.Redacted(err)
	}
	a := read(r.Body)
	return a, r, c.Redacted(a.failed(r))
}

// Credit returns what is left, in a unit of the panel's own.
func (c *Client) Credit(ctx context.Context) (string, error) {
	a, err := c.get(ctx, "payment/credit/mine", nil)
	said := one[struct{ Credit exchange.Scalar }](a)
	if err == nil && said.Credit == "" {
		err = exchange.Uncertain("the panel's answer has no credit", smsapi.ErrProtocol)
	}
	return string(said.Credit), err
}

// Lacks returns no methods: the panel describes none.
func (*Client) Lacks(context.Context) ([]string, error) { return nil, nil }

// Foreign returns which lines are not among those of the account.
func (c *Client) Foreign(ctx context.Context, lines []sms.Number) (foreign []sms.Number, told bool, err error) {
	a, err := c.get(ctx, "number/numbers", nil)
	ours := map[sms.Number]bool{}
	for _, row := range exchange.DecodeAll[struct{ Number exchange.Scalar }](a.data) {
		ours[sms.NormalizeLine(string(row.Number))] = true
	}
	for _, line := range lines {
		if !ours[sms.NormalizeLine(string(line))] {
			foreign = append(foreign, line)
		}
	}
	if err != nil || len(ours) == 0 {
		return nil, false, err
	}
	return foreign, true, nil
}

// lineName returns a line as the panel wants it. Its recipients are sms.Number's International.
func lineName(line sms.Number) string {
	return "+98" + strings.TrimPrefix(string(sms.NormalizeLine(string(line))), "0")
}
