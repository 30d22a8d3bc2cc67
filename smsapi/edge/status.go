package edge

import (
	"context"
	"errors"
	"net/url"
	"strings"

	"peyk/sms"
	"peyk/smsapi"
	"peyk/smsapi/exchange"
)

// statuses are what is said of one recipient, which it is only once the batch is final.
var statuses = map[exchange.Scalar]smsapi.Delivery{
	"0": {Status: sms.Sent, Code: "0"}, // to the operator
	"1": {Status: sms.AtTelecom, Code: "1"},
	"2": {Status: sms.Delivered, Code: "2"},
	"3": {Status: sms.Failed, Reason: sms.NotDelivered, Code: "3"},
	"4": {Status: sms.Failed, Reason: sms.Blacklisted, Code: "4"},
}

// states are what is said of a batch: what was accepted may still not be sent. Of state 6, sent, the recipients tell more.
var states = map[exchange.Scalar]smsapi.Delivery{
	"0": {Status: sms.Sent, Code: "batch 0"}, // is being made
	"1": {Status: sms.Sent, Code: "batch 1"}, // waits for somebody who looks it through
	"2": {Status: sms.Sent, Code: "batch 2"},
	"3": {Status: sms.Failed, Reason: sms.Refused, Code: "batch 3"}, // by who looked it through
	"4": {Status: sms.Failed, Reason: sms.Refused, Code: "batch 4"}, // bad recipients
	"5": {Status: sms.Sent, Code: "batch 5"},                        // in the queue
	"7": {Status: sms.Failed, Reason: sms.Refused, Code: "batch 7"}, // cancelled
	"8": {Status: sms.Failed, Reason: sms.Refused, Code: "batch 8"}, // no credit
	"9": {Status: sms.Failed, Reason: sms.TelecomProblem, Code: "batch 9"},
}

// Status returns a Delivery for each id, in the order asked; for the id of a batch alone, one for each of its recipients.
func (c *Client) Status(ctx context.Context, ids []sms.ID) (all []smsapi.Delivery, err error) {
	known := map[sms.ID]batch{}
	for _, id := range ids {
		name, to, one := strings.Cut(string(id), "/")
		of, asked := known[sms.ID(name)]
		if !asked && exchange.Scalar(name).ID() != "" {
			if of, err = c.batch(ctx, sms.ID(name)); err != nil {
				return nil, err
			}
			known[sms.ID(name)] = of
		}
		if one || len(of.order) == 0 {
			all = append(all, of.delivery(id, sms.Normalize(to)))
			continue
		}
		for _, to := range of.order {
			all = append(all, of.delivery(compose(sms.ID(name), to), to))
		}
	}
	return all, nil
}

// batch is what the panel says of one.
type batch struct {
	order []sms.Number
	told  map[sms.Number]smsapi.Delivery
	whole smsapi.Delivery // of those of whom nothing else is said
}

func (b batch) delivery(id sms.ID, to sms.Number) smsapi.Delivery {
	d, told := b.told[to]
	if !told || d.Status == sms.Sent && b.whole.Status == sms.Failed {
		d = b.whole
	}
	d.ID = id
	return d
}

// batch asks for the recipients of a batch and, if they do not say it all, for its state.
func (c *Client) batch(ctx context.Context, id sms.ID) (b batch, err error) {
	found, err := c.recipients(ctx, id)
	if err != nil {
		return b, err
	}
	b.told = map[sms.Number]smsapi.Delivery{}
	told := len(found) > 0
	for _, r := range found {
		to := sms.Normalize(string(r.Recipient))
		d, ok := statuses[r.Status]
		if b.order = append(b.order, to); ok {
			b.told[to] = d
		}
		told = told && ok && d.Status != sms.Sent
	}
	if told {
		return b, nil
	}
	a, err := c.get(ctx, "report/by_bulk", url.Values{"messages_outbox_id": {string(id)}})
	if errors.Is(err, errNone) {
		return b, nil
	}
	b.whole = states[one[listed](a).State]
	return b, err
}
