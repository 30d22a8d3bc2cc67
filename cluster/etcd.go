package cluster

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"peyk/internal/connect"
)

// Etcd is what a member asks of etcd: Client, or in simulations etcdtest.Model. After an error nobody knows whether a transaction was carried out, and a
// client may ask for it more than once: each must be one that can be repeated.
type Etcd interface {
	// Do carries out Then if all of If hold, otherwise Else.
	Do(ctx context.Context, t Txn) (Result, error)
	// Compact has etcd forget what keys held before a revision.
	Compact(ctx context.Context, revision int64) error
	// Size returns how many bytes etcd's file has.
	Size(ctx context.Context) (int64, error)
}

// Txn is one transaction of etcd.
type Txn struct {
	If         []Guard
	Then, Else []Op
}

// Guard holds if a key was changed last at a revision, 0 if there must be no such key; or, when Value is not nil, if the key holds that.
type Guard struct {
	Key      string
	Revision int64
	Value    []byte
}

// Op is one step of a transaction. It reads, unless Put or Delete is set, the keys from Key on, before To, in their order: Limit of them. An empty To stands
// for Key alone.
type Op struct {
	Key, To string
	Limit   int64 // none when 0
	Names   bool  // only the keys, without what they hold
	Put     []byte
	Delete  bool
}

// Pair is a key and what it holds.
type Pair struct {
	Key      string
	Value    []byte
	Revision int64 // at which it was changed last
}

// Result is what became of a Txn.
type Result struct {
	Held     bool     // whether Then was carried out
	Revision int64    // etcd's at that moment
	Reads    [][]Pair // what each Op that reads has read, in their order
}

// ErrNoRoom means that etcd's file has reached its quota: it takes no key until there is room again and its alarm is disarmed.
var ErrNoRoom = errors.New("etcd has no room: its quota is used up")

// Options of a Client.
type Options struct {
	Endpoints      []string    // http://HOST:PORT or https://HOST:PORT
	TLS            *tls.Config // nil: the system's
	User, Password string      // none when User is ""
}

// Client is an etcd cluster, by the JSON gateway that every server of it has since 3.4 (https://etcd.io/docs/v3.4/dev-guide/api_grpc_gateway/). etcd's own
// client brings gRPC: 8 MB of program, and of memory even where no cluster is. It is safe for concurrent use.
type Client struct {
	opts  Options
	http  *http.Transport
	first atomic.Int64 // the endpoint that is asked first: the last that answered

	mu    sync.Mutex
	token string // of User, as etcd gave it
}

// hedgeAfter is how long one server may take before the next is asked the same: a third of what a question may take.
const hedgeAfter = askFor / 3

// answerLimit is how much of an answer is read: more than etcd gives for anything that is asked here.
const answerLimit = 256 << 20

// Dial returns a client, which the caller closes. It asks etcd nothing.
func Dial(opts Options) *Client {
	t := connect.Transport(nil, nil, askFor)
	t.TLSClientConfig = opts.TLS
	t.MaxIdleConnsPerHost = 4 // the renewals, the writer's entries, a copy
	t.IdleConnTimeout = time.Minute
	return &Client{opts: opts, http: t}
}

// Close closes the connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// The wire: messages of etcd's protocol as JSON, where numbers of 64 bits are strings, bytes base64, and what is 0 or empty may be left out.
type (
	wireTxn struct {
		Compare []wireCompare `json:"compare,omitempty"`
		Success []wireOp      `json:"success,omitempty"`
		Failure []wireOp      `json:"failure,omitempty"`
	}
	wireCompare struct {
		Key      []byte  `json:"key"`
		Target   string  `json:"target"` // MOD, VALUE; EQUAL is the default result
		Revision *int64  `json:"mod_revision,string,omitempty"`
		Value    *[]byte `json:"value,omitempty"`
	}
	wireOp struct {
		Range  *wireRange `json:"request_range,omitempty"`
		Put    *wirePair  `json:"request_put,omitempty"`
		Delete *wireRange `json:"request_delete_range,omitempty"`
	}
	wireRange struct {
		Key      []byte `json:"key"`
		End      []byte `json:"range_end,omitempty"`
		Limit    int64  `json:"limit,string,omitempty"`
		KeysOnly bool   `json:"keys_only,omitempty"`
	}
	wirePair struct {
		Key      []byte `json:"key"`
		Value    []byte `json:"value,omitempty"`
		Revision int64  `json:"mod_revision,string,omitempty"`
	}
	wireHeader struct {
		Member   uint64 `json:"member_id,string"`
		Revision int64  `json:"revision,string"`
	}
	wireResult struct {
		Header    wireHeader `json:"header"`
		Succeeded bool       `json:"succeeded"`
		Responses []struct {
			Range *struct {
				Pairs []wirePair `json:"kvs"`
			} `json:"response_range"`
		} `json:"responses"`
	}
	wireStatus struct {
		Header  wireHeader `json:"header"`
		Version string     `json:"version"`
		Size    int64      `json:"dbSize,string"`
		Quota   int64      `json:"dbSizeQuota,string"` // since 3.6
		Leader  uint64     `json:"leader,string"`
		Errors  []string   `json:"errors"`
	}
)

func (c *Client) Do(ctx context.Context, t Txn) (Result, error) {
	ask := wireTxn{Success: wireOps(t.Then), Failure: wireOps(t.Else)}
	for _, g := range t.If {
		if g.Value != nil {
			ask.Compare = append(ask.Compare, wireCompare{Key: []byte(g.Key), Target: "VALUE", Value: &g.Value})
		} else {
			ask.Compare = append(ask.Compare, wireCompare{Key: []byte(g.Key), Target: "MOD", Revision: &g.Revision})
		}
	}
	var answer wireResult
	if err := c.Ask(ctx, "/v3/kv/txn", ask, &answer); err != nil {
		return Result{}, err
	}
	r := Result{Held: answer.Succeeded, Revision: answer.Header.Revision}
	for _, one := range answer.Responses {
		if one.Range == nil {
			continue
		}
		var pairs []Pair
		for _, p := range one.Range.Pairs {
			pairs = append(pairs, Pair{string(p.Key), p.Value, p.Revision})
		}
		r.Reads = append(r.Reads, pairs)
	}
	return r, nil
}

func wireOps(all []Op) (made []wireOp) {
	for _, o := range all {
		switch {
		case o.Put != nil:
			made = append(made, wireOp{Put: &wirePair{Key: []byte(o.Key), Value: o.Put}})
		case o.Delete:
			made = append(made, wireOp{Delete: &wireRange{Key: []byte(o.Key), End: []byte(o.To)}})
		default:
			made = append(made, wireOp{Range: &wireRange{Key: []byte(o.Key), End: []byte(o.To), Limit: o.Limit, KeysOnly: o.Names}})
		}
	}
	return made
}

func (c *Client) Compact(ctx context.Context, revision int64) error {
	ask := struct {
		Revision int64 `json:"revision,string"`
	}{revision}
	err := c.Ask(ctx, "/v3/kv/compaction", ask, &struct{}{})
	var refused *refusal
	if errors.As(err, &refused) && strings.Contains(refused.Text, compacted) { // by somebody else
		return nil
	}
	return err
}

func (c *Client) Size(ctx context.Context) (size int64, err error) {
	servers, err := c.Servers(ctx)
	for _, s := range servers {
		size = max(size, s.Size)
	}
	return size, err
}

// Server is what one of etcd's servers says of itself.
type Server struct {
	Address string
	Version string
	Size    int64 // of its file, in bytes
	Quota   int64 // of that; 0 when it does not say
	Leads   bool
	Errors  []string // what it complains of, such as its quota
	Took    time.Duration
	Date    time.Time // of its answer, by its clock, cut to seconds
	Err     error     // why it said nothing
}

// Servers asks each server at once. The error is that of the first, when none answered.
func (c *Client) Servers(ctx context.Context) ([]Server, error) {
	all := make([]Server, len(c.opts.Endpoints))
	var asking sync.WaitGroup
	for i, address := range c.opts.Endpoints {
		asking.Go(func() {
			var status wireStatus
			begun := time.Now()
			date, err := c.askOne(ctx, i, "/v3/maintenance/status", []byte("{}"), &status)
			if within := errors.Unwrap(err); within != nil {
				err = within // the address stands beside it
			}
			all[i] = Server{
				Address: address, Version: status.Version, Size: status.Size, Quota: status.Quota, Leads: status.Leader != 0 && status.Leader == status.Header.Member,
				Errors: status.Errors, Took: time.Since(begun), Date: date, Err: err,
			}
		})
	}
	asking.Wait()
	for _, s := range all {
		if s.Err == nil {
			return all, nil
		}
	}
	return all, all[0].Err
}

// refusal is what etcd answers instead of what was asked for: a code of gRPC's, and a text.
type refusal struct {
	Code int    `json:"code"`
	Text string `json:"message"`
}

// Codes of gRPC's, which are those of its answers.
const (
	invalid      = 3
	denied       = 7
	exhausted    = 8
	outOfRange   = 11
	unauthorized = 16
)

// Texts of etcd's, where the code alone does not say it.
const (
	noAuth    = "authentication is not enabled"
	oldAuth   = "revision of auth store is old"
	noSpace   = "database space exceeded"
	compacted = "has been compacted"
)

func (r *refusal) Error() string { return r.Text }

// final reports whether each server would answer the same.
func (r *refusal) final() bool {
	return r.Code == invalid || r.Code == denied || r.Code == outOfRange || r.Code == exhausted && strings.Contains(r.Text, noSpace)
}

// Ask posts a question at a path of etcd's gateway to one server after the other, until one answers: the next as soon as one has failed, or has taken
// hedgeAfter. Question and answer are what encoding/json takes.
func (c *Client) Ask(ctx context.Context, path string, question, answer any) error {
	body, err := json.Marshal(question)
	if err != nil {
		return err
	}
	type result struct {
		from   int
		answer json.RawMessage
		err    error
	}
	n := len(c.opts.Endpoints)
	results := make(chan result, n)
	var asking sync.WaitGroup
	defer asking.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	first, asked := int(c.first.Load()), 0
	next := func() {
		i := (first + asked) % n
		asked++
		asking.Go(func() {
			r := result{from: i}
			_, r.err = c.askOne(ctx, i, path, body, &r.answer)
			results <- r
		})
	}
	next()
	for failed := 0; ; {
		var hedge <-chan time.Time
		if asked < n {
			hedge = time.After(hedgeAfter)
		}
		select {
		case <-hedge:
			next()
		case r := <-results:
			var refused *refusal
			switch {
			case r.err == nil:
				c.first.Store(int64(r.from))
				return json.Unmarshal(r.answer, answer)
			case errors.As(r.err, &refused) && refused.final():
				return r.err
			}
			failed++
			switch {
			case failed == n:
				return r.err
			case failed == asked:
				next()
			}
		}
	}
}

// askOne posts a question to one server, and returns the date of its answer. It logs in first, where that is to be done.
func (c *Client) askOne(ctx context.Context, i int, path string, body []byte, answer any) (time.Time, error) {
	c.mu.Lock()
	token := c.token
	c.mu.Unlock()
	for again := false; ; again = true {
		var err error
		if token == "" && c.opts.User != "" {
			if token, err = c.logIn(ctx, i); err != nil {
				return time.Time{}, err
			}
		}
		date, err := c.post(ctx, i, path, token, body, answer)
		var refused *refusal
		if c.opts.User == "" || again || !errors.As(err, &refused) || refused.Code != unauthorized && !strings.Contains(refused.Text, oldAuth) {
			return date, err
		}
		token = "" // it was good for some minutes only
	}
}

func (c *Client) logIn(ctx context.Context, i int) (string, error) {
	var answer struct {
		Token string `json:"token"`
	}
	body, err := json.Marshal(map[string]string{"name": c.opts.User, "password": c.opts.Password})
	if err != nil {
		return "", err
	}
	_, err = c.post(ctx, i, "/v3/auth/authenticate", "", body, &answer)
	var refused *refusal
	if errors.As(err, &refused) && strings.Contains(refused.Text, noAuth) { // it lets everybody in, without a token
		return "", nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.token = answer.Token
	return answer.Token, err
}

func (c *Client) post(ctx context.Context, i int, path, token string, body []byte, answer any) (date time.Time, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.opts.Endpoints[i]+path, bytes.NewReader(body))
	if err != nil {
		return date, err
	}
	req.Header.Set("Content-Type", "application/json")
	if token != "" {
		req.Header.Set("Authorization", token)
	}
	defer func() {
		var at *url.Error
		if errors.As(err, &at) {
			err = at.Err
		}
		if err != nil {
			err = fmt.Errorf("etcd at %s: %w", req.URL.Host, err)
		}
	}()
	resp, err := c.http.RoundTrip(req) // it follows no redirect, and asks no proxy of the environment's
	if err != nil {
		return date, err
	}
	defer resp.Body.Close()
	read, err := io.ReadAll(io.LimitReader(resp.Body, answerLimit))
	if err != nil {
		return date, err
	}
	date, _ = http.ParseTime(resp.Header.Get("Date"))
	if resp.StatusCode == http.StatusOK {
		return date, json.Unmarshal(read, answer)
	}
	refused := new(refusal)
	switch {
	case json.Unmarshal(read, refused) != nil || refused.Text == "":
		said, _, _ := strings.Cut(strings.TrimSpace(string(read)), "\n")
		return date, fmt.Errorf("%w: %.200s", connect.StatusOf(resp), said)
	case refused.Code == exhausted && strings.Contains(refused.Text, noSpace):
		return date, fmt.Errorf("%w: %w", ErrNoRoom, refused)
	}
	return date, refused
}

// after returns the end of the range of all keys that begin with a prefix, which ends with a slash.
func after(prefix string) string { return strings.TrimSuffix(prefix, "/") + "0" }
