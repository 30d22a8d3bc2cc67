package kavenegar

import (
	"context"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"peyk/sms"
	"peyk/smsapi"
	"peyk/smsapi/exchange"
)

// sent is an entry of an answer to sms/send and sms/statuslocalmessageid.
type sent struct {
	MessageID exchange.Scalar
	LocalID   exchange.Scalar
	Receptor  exchange.Scalar
	Status    exchange.Scalar
}

// unknown is the status of a key, or an id, that the panel does not know, or no longer.
const unknown = "100"

// Send asks the panel to carry out an order. Recipients of the same text are one request of sms/send: of sms/sendarray each official client
// names the keys otherwise, and with a wrong name they are silently none. If one request fails, those after it are not made. With keys an
// order of which anything is in doubt is Uncertain as a whole, though some of it was accepted: Find says which, and sent again, it goes out once.
func (c *Client) Send(ctx context.Context, o smsapi.Order) (smsapi.Sent, error) {
	if err := o.Check(); err != nil {
		return smsapi.Sent{}, err
	}
	all := smsapi.Sent{Results: make([]smsapi.Result, len(o.To))}
	accepted := false
	var failed *smsapi.Error // that ended it
	for _, g := range byText(o) {
		var results []smsapi.Result
		var ids []sms.ID
		err := exchange.Unavailable("not sent: the request before it failed", nil)
		if failed == nil {
			results, ids, err = c.sendOne(ctx, o, g.text, g.places)
		}
		switch {
		case err == nil:
			accepted = true
		case failed == nil && err.Kind != smsapi.Rejected:
			failed = err
		}
		for i, at := range g.places {
			all.Results[at] = smsapi.Result{Recipient: o.To[at], Err: err}
			if err == nil {
				all.Results[at] = results[i]
			}
		}
		all.IDs = append(all.IDs, ids...)
	}
	switch {
	case failed != nil && len(o.Keys) > 0 && accepted:
		return smsapi.Sent{}, exchange.Uncertain("the panel accepted a part of it", failed)
	case failed != nil && (len(o.Keys) > 0 || !accepted && failed.Kind != smsapi.Uncertain):
		return smsapi.Sent{}, failed
	case !accepted && len(o.Texts) == 0:
		return smsapi.Sent{}, all.Results[0].Err
	}
	return all, nil
}

// group is the recipients of one text, by their places in the order.
type group struct {
	text   string
	places []int
}

func byText(o smsapi.Order) []group {
	var all []group
	for i := range o.To {
		text := o.Text
		if len(o.Texts) > 0 {
			text = o.Texts[i]
		}
		at := slices.IndexFunc(all, func(g group) bool { return g.text == text })
		if at < 0 {
			at, all = len(all), append(all, group{text: text})
		}
		all[at].places = append(all[at].places, i)
	}
	return all
}

// sendOne makes one request. ids are those that cannot be attributed, without keys; with keys that is Uncertain.
func (c *Client) sendOne(ctx context.Context, o smsapi.Order, text string, places []int) (results []smsapi.Result, ids []sms.ID, failed *smsapi.Error) {
	var to, keys []string
	for _, at := range places {
		to = append(to, string(o.To[at]))
		if len(o.Keys) > 0 {
			keys = append(keys, strconv.FormatInt(o.Keys[at], 10))
		}
	}
	fields := url.Values{"receptor": {strings.Join(to, ",")}, "sender": {c.lineName(o.Line)}, "message": {text}}
	if len(keys) > 0 {
		fields.Set("localid", strings.Join(keys, ","))
	}
	a, err := c.call(ctx, "sms/send", fields)
	if err != nil {
		return nil, nil, err.(*smsapi.Error)
	}
	entries := exchange.DecodeAll[sent](a.entries)
	inOrder := len(entries) == len(places)
	for i, at := range places {
		if inOrder = inOrder && sms.Normalize(string(entries[i].Receptor)) == sms.Normalize(to[i]) && entries[i].MessageID.ID() != ""; !inOrder {
			break
		}
		results = append(results, smsapi.Result{Recipient: o.To[at], ID: entries[i].MessageID.ID()})
	}
	switch {
	case inOrder:
		return results, nil, nil
	case len(keys) > 0: // or a key is another SMS's
		return nil, nil, exchange.Uncertain("the panel's answer does not name the recipients", smsapi.ErrNoID)
	case len(entries) == 0:
		return nil, nil, exchange.Uncertain("the panel's answer names no SMS", smsapi.ErrNoID)
	}
	results = nil
	for _, at := range places {
		results = append(results, smsapi.Result{Recipient: o.To[at]})
	}
	for _, e := range entries {
		if id := e.MessageID.ID(); id != "" {
			ids = append(ids, id)
		}
	}
	return results, ids, nil
}

// Find returns what the panel has of an order that was sent with keys, in the last 12 hours: what has no id was surely not accepted.
func (c *Client) Find(ctx context.Context, o smsapi.Order) (smsapi.Found, error) {
	keys := make([]string, len(o.Keys))
	for i, key := range o.Keys {
		keys[i] = strconv.FormatInt(key, 10)
	}
	a, err := c.call(ctx, "sms/statuslocalmessageid", url.Values{"localid": {strings.Join(keys, ",")}})
	if err != nil {
		return smsapi.Found{}, err
	}
	found := smsapi.Found{IDs: make([]sms.ID, len(keys))}
	told := map[string]sent{}
	for _, e := range exchange.DecodeAll[sent](a.entries) {
		told[string(e.LocalID)] = e
	}
	for i, key := range keys {
		e, ok := told[key]
		switch id := e.MessageID.ID(); {
		case ok && string(e.Status) == unknown:
		case ok && id != "":
			found.IDs[i] = id
		default:
			return smsapi.Found{}, exchange.Uncertain("the panel's answer does not tell of every key", smsapi.ErrNoID)
		}
	}
	return found, nil
}
