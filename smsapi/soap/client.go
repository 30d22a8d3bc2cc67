// Package soap is the client of an SMS panel: five methods over SOAP 1.1, as PHP panels speak it.
//
// The panel's guide names the methods and their fields and leaves the rest open, so an answer is read in three steps, each
// of which knows nothing of the others: transport.go brings bytes and says how sure it is that the panel has seen the
// request; tree.go makes a tree of whatever came; answer.go looks for what the method should answer in it.
//
// Before it is made into a tree the texts of SMS are set apart from the markup around them (unescaped.go). What the values in it
// mean is of its own, too: times (time.go), the panel's order (smsapi.InboxOrder).
//
// A request is made once. Whatever goes wrong is a *smsapi.Error whose Kind says what the caller may do: only what was surely not
// carried out, Unavailable and Auth, may be repeated without asking anybody, and Auth not before the panel knows us again.
package soap

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/bits"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"peyk/sms"
	"peyk/smsapi"
)

// Options are what New can do without; the zero value works.
type Options struct {
	Proxy   *url.URL      // http, https or socks5; nil: none, whatever the environment says
	Timeout time.Duration // for one exchange, from connecting to the end of the answer; 0: 60 seconds

	// Lines are lines of ours as the panel names them, by sms.NormalizeLine's form of them, which it need not know.
	Lines map[sms.Number]string
}

// Client calls one panel for one user. It may be used by several goroutines at once.
type Client struct {
	address        *url.URL
	user, password string
	timeout        time.Duration
	lines          map[sms.Number]string
	transport      *http.Transport
	secrets        []string // what must not be seen in an error

	skew        atomic.Pointer[time.Duration] // see Skew
	describing  chan struct{}                 // holds one token while the WSDL is being read
	described   map[string]operation          // guarded by describing; nil: not known yet
	undescribed time.Time                     // when there last was none to read; guarded likewise

	strangersMu sync.Mutex
	strangers   map[sms.ID]bool // see sortOut
}

// New returns a client of the panel at address, with or without "?wsdl". It asks the panel
// nothing; its error means that the address or the proxy is none, and repeats neither.
func New(address, user, password string, opts Options) (*Client, error) {
	u, err := url.Parse(strings.TrimSpace(address))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
		return nil, rejected("the panel's address is no http:// or https:// URL")
	}
	if p := opts.Proxy; p != nil {
		switch p.Scheme {
		case "http", "https", "socks5":
		default:
			return nil, rejected("the panel's proxy is no http://, https:// or socks5:// URL")
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
		timeout:    opts.Timeout,
		lines:      opts.Lines,
		describing: make(chan struct{}, 1),
	}
	if c.timeout <= 0 {
		c.timeout = 60 * time.Second
	}
	c.transport = newTransport(opts.Proxy, c.timeout)
	c.keepSecret(password)
	for _, u := range []*url.URL{u, opts.Proxy} {
		if u != nil && u.User != nil {
			secret, _ := u.User.Password()
			c.keepSecret(secret)
		}
	}
	return c, nil
}

// Timeout returns how long one exchange may take.
func (c *Client) Timeout() time.Duration { return c.timeout }

// keepSecret has a password blanked in errors, unless it is so short that every other word has it in it.
func (c *Client) keepSecret(secret string) {
	if len(secret) >= 4 {
		c.secrets = append(c.secrets, secret, escape(secret))
	}
}

// Credit returns what is left at the panel, as the panel writes it; its unit is not known.
func (c *Client) Credit(ctx context.Context) (string, error) {
	response, err := c.call(ctx, "GetCredit", values{})
	if err != nil {
		return "", err
	}
	credit, err := readCredit(response)
	return credit, c.own(err)
}

// Send asks the panel once to send text to all recipients; a number given twice counts once
// and has one Result. No recipients, more than MaxRecipients, or a text that is empty or no
// UTF-8 is Rejected before the panel is asked. With an error nothing was accepted, unless it is Uncertain.
func (c *Client) Send(ctx context.Context, line sms.Number, to []sms.Number, text string) (smsapi.Sent, error) {
	pieces := smsapi.Pieces(to)
	switch {
	case len(pieces) == 0:
		return smsapi.Sent{}, rejected("there are no recipients")
	case len(pieces) > 1:
		return smsapi.Sent{}, rejected(fmt.Sprintf("there are more than %d recipients", smsapi.MaxRecipients))
	case strings.TrimSpace(text) == "":
		return smsapi.Sent{}, rejected("the text is empty")
	}
	response, err := c.call(ctx, "SendSMS", values{
		"fromNum": c.named(line), "toNum": texts(pieces[0]), "messageContent": text,
	})
	if err != nil {
		return smsapi.Sent{}, err
	}
	sent, err := readSent(response, pieces[0])
	return sent, c.own(err)
}

// SendEach asks the panel once to send each recipient its own text; a recipient may come
// more than once and then has as many Results. Its limits are those of Send. With an error
// nothing was accepted, unless it is Uncertain; when the panel answered for each recipient
// there is none, even if it refused all of them: see Result.Err.
func (c *Client) SendEach(ctx context.Context, line sms.Number, each []smsapi.Addressed) (smsapi.Sent, error) {
	if len(each) == 0 {
		return smsapi.Sent{}, rejected("there are no recipients")
	}
	if len(each) > smsapi.MaxRecipients {
		return smsapi.Sent{}, rejected(fmt.Sprintf("there are more than %d recipients", smsapi.MaxRecipients))
	}
	var numbers []sms.Number
	var contents []string
	for _, a := range each {
		if strings.TrimSpace(a.Text) == "" {
			return smsapi.Sent{}, rejected("a text is empty")
		}
		numbers = append(numbers, a.To)
		contents = append(contents, a.Text)
	}
	response, err := c.call(ctx, "SendMultipleSMS", values{
		"fromNum": c.named(line), "toNums": texts(numbers), "messageContents": contents,
	})
	if err != nil {
		return smsapi.Sent{}, err
	}
	sent, err := readSentEach(response, each)
	for i := range sent.Results {
		if failed := sent.Results[i].Err; failed != nil {
			failed.Text = c.redact(failed.Text)
		}
	}
	return sent, c.own(err)
}

// Status returns a Delivery for each id, in the order asked, with as many requests as it
// takes to ask for at most MaxRecipients ids in each, and to find which of them a panel does
// not know that answers by place and leaves those out. With an error there are none.
func (c *Client) Status(ctx context.Context, ids []sms.ID) ([]smsapi.Delivery, error) {
	codes := map[sms.ID]int{}
	familiar, strange := c.sortOut(ids)
	for _, asked := range smsapi.Pieces(familiar) {
		if _, err := c.ask(ctx, asked, codes, true, enough(len(asked))); err != nil {
			return nil, err
		}
	}
	for _, asked := range smsapi.Pieces(strange) {
		if _, err := c.ask(ctx, asked, codes, false, enough(len(asked))); err != nil {
			return nil, err
		}
	}
	c.remember(codes)
	var deliveries []smsapi.Delivery
	for _, id := range ids {
		d := statuses[codes[id]]
		d.ID, d.Code = id, codes[id]
		deliveries = append(deliveries, d)
	}
	return deliveries, nil
}

// ask asks for the codes of ids, at most MaxRecipients, with at most so many requests more as are left, and returns how many are. When
// fewer codes come than ids were asked for, nobody can say whose they are: then it asks in halves, until the ids are alone that the panel
// leaves out. Of ids that it left out before, silence says nothing new.
func (c *Client) ask(ctx context.Context, ids []sms.ID, codes map[sms.ID]int, familiar bool, left int) (int, error) {
	response, err := c.call(ctx, "GetStatus", values{"unique_ids": texts(ids)})
	if err != nil {
		return 0, err
	}
	said, err := readStatuses(response, ids)
	if err != nil {
		return 0, c.own(err)
	}
	maps.Copy(codes, said)
	answered := countStatuses(response, ids)
	switch {
	case len(said) > 0 || answered >= len(ids) || answered == 0 && !familiar:
		return left, nil
	case len(ids) == 1:
		c.leftOut(ids[0])
		return left, nil
	}
	for _, half := range [][]sms.ID{ids[:len(ids)/2], ids[len(ids)/2:]} {
		if left == 0 {
			break
		}
		if left, err = c.ask(ctx, half, codes, true, left-1); err != nil {
			return 0, nil // what is known by now is known
		}
	}
	return left, nil
}

// enough is how many requests find two ids among n. Where there are more, the next question goes on.
func enough(n int) int { return 4 * bits.Len(uint(n)) }

// maxStrangers bounds the memory of ids that the panel left out. What is forgotten is found again.
const maxStrangers = 10_000

func (c *Client) leftOut(id sms.ID) {
	c.strangersMu.Lock()
	defer c.strangersMu.Unlock()
	if c.strangers == nil || len(c.strangers) >= maxStrangers {
		c.strangers = map[sms.ID]bool{}
	}
	c.strangers[id] = true
}

// sortOut splits ids into those that the panel may know, and those that it left out when they were asked for alone.
func (c *Client) sortOut(ids []sms.ID) (familiar, strange []sms.ID) {
	c.strangersMu.Lock()
	defer c.strangersMu.Unlock()
	for _, id := range ids {
		if c.strangers[id] {
			strange = append(strange, id)
		} else {
			familiar = append(familiar, id)
		}
	}
	return familiar, strange
}

// remember takes ids that the panel knows by now from among those it left out.
func (c *Client) remember(codes map[sms.ID]int) {
	c.strangersMu.Lock()
	defer c.strangersMu.Unlock()
	for id := range codes {
		delete(c.strangers, id)
	}
}

// Unread fetches up to 50 unread messages: the panel is asked once and may never give them
// again. What they are is for Decode to say. An answer that was cut, be it before a
// server counted its length, came too slowly or is longer than 8 MiB is returned with Cut set beside an Uncertain error; so is,
// without Cut, one that came with an HTTP error. The password is blanked in an answer
// that repeats it without holding messages.
func (c *Client) Unread(ctx context.Context) (smsapi.Answer, error) {
	r, err := c.post(ctx, "GetMsg", values{})
	if err != nil {
		return smsapi.Answer{}, err
	}
	a := smsapi.Answer{ContentType: r.contentType, Body: r.body}
	if blank := c.redact(string(r.body)); blank != string(r.body) {
		// What looks like the password may be part of a number or a text, but not where there are no messages.
		if messages, _, err := c.Decode(a, 0); err != nil && len(messages) == 0 {
			a.Body = []byte(blank)
		}
	}
	if r.cut == nil && r.status == http.StatusOK {
		if !ended(a) {
			a.Cut = true
			return a, c.own(uncertain("the panel's answer was cut", errCut))
		}
		return a, nil
	}
	if _, err := readReply(r); err != nil {
		a.Cut = r.cut != nil
		return a, c.own(err)
	}
	return a, nil // nothing of it is missing
}

// Decode returns the messages in an answer, oldest first, and what is known of the panel's order with it; known is what was known before, 0
// for nothing. Messages of one second are in the order the others show, or stay in their own. Time is zero where the panel gave none that
// makes sense; Received is left to the caller. Whole messages are returned also beside an error: a non-zero ErrCode is an Error that carries
// it, and an answer without ErrCode, unreadable, cut, or with something in it that is no message, is Uncertain. It asks nobody anything.
func (*Client) Decode(a smsapi.Answer, known smsapi.InboxOrder) ([]sms.Message, smsapi.InboxOrder, error) {
	response, err := readResponse(a.ContentType, a.Body)
	if response == nil {
		return nil, known, err
	}
	messages, wrong := readUnread(response)
	if err == nil {
		err = wrong
	}
	return messages, known.Sort(messages), err
}

// call makes a request and returns the element that answers it.
func (c *Client) call(ctx context.Context, method string, params values) (*node, error) {
	r, err := c.post(ctx, method, params)
	if err != nil {
		return nil, err
	}
	response, err := readReply(r)
	if err != nil {
		return nil, c.own(err)
	}
	return response, nil
}

// readReply returns the element that answers a request, or why there is none. A cut that left the envelope whole took
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
		failed = &smsapi.Error{Kind: smsapi.Unavailable, Text: "the proxy asks for a login"}
	case r.status >= 300 && r.status < 400:
		failed.Text = "the panel redirects to another address"
	}
	if r.status != http.StatusOK {
		status := smsapi.HTTPStatus(r.status)
		if errors.Is(failed.Err, smsapi.ErrFault) {
			failed.Err = fmt.Errorf("%w, %w", smsapi.ErrFault, status)
		} else {
			failed.Err = status
		}
	}
	return nil, failed
}

// post makes the request as the service wants it.
func (c *Client) post(ctx context.Context, method string, params values) (reply, error) {
	params["user"], params["pass"] = c.user, c.password
	if !params.utf8() {
		return reply{}, rejected("a text, a number or the login is not UTF-8")
	}
	op, err := c.operation(ctx, method)
	if err != nil {
		return reply{}, c.own(err)
	}
	req, err := http.NewRequest(http.MethodPost, c.address.String(), bytes.NewReader(writeRequest(method, op, params)))
	if err != nil {
		return reply{}, c.own(rejected("the panel's address is none"))
	}
	// Exactly so: with any other spelling nusoap refuses the request, or turns Persian into question marks.
	req.Header.Set("Content-Type", "text/xml; charset=utf-8")
	req.Header["SOAPAction"] = []string{`"` + op.action + `"`}
	r, err := c.exchange(ctx, req)
	return r, c.own(err)
}

// operation returns how the service wants a method called.
func (c *Client) operation(ctx context.Context, method string) (operation, error) {
	described, err := c.describe(ctx)
	if err != nil {
		return operation{}, err
	}
	op, ok := described[method]
	if !ok {
		return guided(method, "urn:smsserver"), nil
	}
	for _, name := range guide[method] {
		found := false
		for _, p := range op.params {
			found = found || p.known == name
		}
		if !found {
			return operation{}, rejected("the panel's WSDL has no parameter " + name)
		}
	}
	return op, nil
}

// lookAgain is how long a service is believed to have no WSDL: one half of which is down says so, too.
const lookAgain = time.Minute

// describe returns what the service's WSDL says, which is read once; empty for a service without one. A WSDL that cannot be
// fetched is Unavailable, since a wrong order of parameters is worse than none.
func (c *Client) describe(ctx context.Context) (map[string]operation, error) {
	// A panel that is down keeps everybody waiting here, one behind the other: all of them no longer than for one exchange.
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	select {
	case c.describing <- struct{}{}:
		defer func() { <-c.describing }()
	case <-ctx.Done():
		return nil, &smsapi.Error{Kind: smsapi.Unavailable, Text: "the panel was not asked", Err: ctx.Err()}
	}
	if len(c.described) > 0 || c.described != nil && time.Since(c.undescribed) < lookAgain {
		return c.described, nil
	}
	address := *c.address
	address.RawQuery = strings.TrimPrefix(address.RawQuery+"&wsdl", "&")
	req, err := http.NewRequest(http.MethodGet, address.String(), nil)
	if err != nil {
		return nil, rejected("the panel's address is none")
	}
	unavailable := func(err error) error {
		return &smsapi.Error{Kind: smsapi.Unavailable, Text: "the panel's WSDL cannot be fetched", Err: err}
	}
	r, err := c.exchange(ctx, req)
	if err != nil {
		return nil, unavailable(errors.Unwrap(err))
	}
	operations, err := readWSDL(r.contentType, r.body)
	_, notSOAP := readEnvelope(r.contentType, r.body)
	switch {
	case r.status == http.StatusNotFound:
		operations = map[string]operation{}
	case r.cut != nil:
		return nil, unavailable(r.cut)
	case err == errNoWSDL && notSOAP == nil:
		operations = map[string]operation{} // SoapServer without a WSDL says so in a Fault
	case r.status != http.StatusOK:
		return nil, unavailable(smsapi.HTTPStatus(r.status))
	case err == errNoWSDL && looksLikeHTML(r.body):
		return nil, nil // a page may be there for an hour only, so it is no answer to keep
	case err == errNoWSDL && len(bytes.TrimSpace(r.body)) > 0:
		operations = map[string]operation{} // nusoap says so in plain words
	case err != nil:
		return nil, unavailable(err)
	}
	c.described, c.undescribed = operations, time.Now()
	return operations, nil
}

// own makes an error of the client's out of any, without the secrets that the panel may have repeated.
func (c *Client) own(err error) error {
	if err == nil {
		return nil
	}
	failed, ok := err.(*smsapi.Error)
	if !ok {
		failed = uncertain("", err)
	}
	failed.Text, failed.Err = c.redact(failed.Text), c.blank(failed.Err)
	return failed
}

// named returns a line as the panel names it.
func (c *Client) named(line sms.Number) string { return cmp.Or(c.lines[line], string(line)) }

// texts returns numbers or ids as the plain strings they are on the wire.
func texts[T ~string](from []T) []string {
	to := make([]string, len(from))
	for i := range from {
		to[i] = string(from[i])
	}
	return to
}
