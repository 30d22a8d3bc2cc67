package soap

import (
	"cmp"
	"context"
	"regexp"
	"slices"
	"strings"

	"peyk/sms"
	"peyk/smsapi"
	"peyk/smsapi/exchange"
)

// Send asks the panel once to carry out an order, by SendMultipleSMS if each recipient has its own text. What is no order, or not UTF-8, is
// Rejected before the panel is asked. With an error nothing was accepted, unless it is Uncertain. To one text a number given twice counts
// once and has one Result. With texts of their own a recipient may come more than once and then has as many, and when the panel answered
// for each recipient there is no error, even if it refused all of them: see Result.Err.
func (c *Client) Send(ctx context.Context, o smsapi.Order) (smsapi.Sent, error) {
	own := len(o.Texts) > 0
	if pieces := smsapi.Pieces(o.To); !own && len(pieces) == 1 {
		o.To = pieces[0]
	}
	if err := o.Check(); err != nil {
		return smsapi.Sent{}, err
	}
	method, params, read := "SendSMS", values{"toNum": plain(o.To), "messageContent": o.Text}, readSent
	if own {
		method, params, read = "SendMultipleSMS", values{"toNums": plain(o.To), "messageContents": o.Texts}, readSentEach
	}
	params["fromNum"] = c.lineName(o.Line)
	response, err := c.call(ctx, method, params)
	if err != nil {
		return smsapi.Sent{}, err
	}
	return c.redactedSent(read(response, o.To))
}

// redactedSent returns both without secrets.
func (c *Client) redactedSent(sent smsapi.Sent, err error) (smsapi.Sent, error) {
	for _, r := range sent.Results {
		if r.Err != nil {
			r.Err.Text = c.Redact(r.Err.Text)
		}
	}
	return sent, c.Redacted(err)
}

// notTold is the error of recipients one of whom was refused, when the answer does not say which.
func notTold() *smsapi.Error {
	return exchange.Uncertain("the panel did not say which recipients it refused", nil)
}

// readSent reads an answer to SendSMS; the recipients are distinct.
func readSent(response *node, to []sms.Number) (smsapi.Sent, error) {
	items, noCode, failed := sentItems(response)
	if failed != nil {
		return smsapi.Sent{}, failed
	}
	answers := make([]smsapi.Result, len(items))
	var ids []sms.ID
	for i, item := range items {
		answers[i].ID, answers[i].Err = readID(item)
		if noCode != nil && answers[i].Err == nil && !digitsOnly(string(answers[i].ID)) {
			answers[i] = smsapi.Result{Err: noCode} // words, which may say anything
		}
		if answers[i].Err == nil {
			ids = append(ids, answers[i].ID)
		}
	}
	if len(items) == 1 && answers[0].Err != nil && answers[0].Err.Code != "" { // a lone error concerns all
		return smsapi.Sent{}, answers[0].Err
	}
	sent := smsapi.Sent{Results: make([]smsapi.Result, len(to)), IDs: ids}
	if lone := len(items) == 1 && noCode == nil && saysSuccess(items[0]); !lone {
		switch results := attribute(items, answers, to); {
		case results != nil:
			sent = smsapi.Sent{Results: results}
		case slices.ContainsFunc(answers, func(r smsapi.Result) bool { return r.Err != nil }):
			return smsapi.Sent{}, notTold()
		}
	}
	unsure := 0
	for i := range sent.Results {
		sent.Results[i].Recipient = to[i]
		if failed := sent.Results[i].Err; failed != nil && failed.Kind == smsapi.Uncertain {
			unsure++
		}
	}
	if unsure == len(to) {
		return smsapi.Sent{}, sent.Results[0].Err
	}
	return sent, nil
}

// sentItems returns what an answer to SendSMS holds for each recipient, in a list or by their numbers. When no ErrCode says that the request
// was carried out, noCode is the error that this is; it holds for whatever is not clear by itself.
func sentItems(response *node) (items []*node, noCode, failed *smsapi.Error) {
	n := outcome(response)
	value, failed := result(n)
	if lacksErrCode(n, failed) {
		for _, item := range withoutErrCode(response) {
			items = append(items, item.items()...)
		}
		if !slices.ContainsFunc(items, isIDOrCode) {
			return nil, nil, failed
		}
		return items, failed, nil
	}
	if failed != nil {
		return nil, nil, failed
	}
	items = value.items()
	if value == nil || len(value.kids) == 0 {
		// The guide speaks of the ids as of a member of their own, which it does not name.
		for _, k := range n.kids {
			if k = k.parsed(); len(k.kids) > 0 {
				items = k.kids
			}
		}
	}
	return items, nil, nil
}

func isIDOrCode(item *node) bool {
	id, failed := readID(item)
	return digitsOnly(string(id)) || failed != nil && failed.Code != ""
}

// attribute gives each recipient the answer that is about it: the one under its number, or the one in its place. It returns nil when the
// answers are not as many as the recipients and do not name them.
func attribute(items []*node, answers []smsapi.Result, to []sms.Number) []smsapi.Result {
	places := map[sms.Number]int{}
	for i, item := range items {
		if recipient := sms.Normalize(item.key()); slices.Contains(to, recipient) {
			places[recipient] = i
		}
	}
	if len(places) == 0 || len(places) != len(items) {
		if len(items) == len(to) {
			return answers
		}
		return nil
	}
	results := make([]smsapi.Result, len(to))
	for i, recipient := range to {
		if place, ok := places[recipient]; ok {
			results[i] = answers[place]
		} else {
			results[i].Err = exchange.Uncertain("the panel gave no id", smsapi.ErrNoID)
		}
	}
	return results
}

// readSentEach reads an answer to SendMultipleSMS.
func readSentEach(response *node, to []sms.Number) (smsapi.Sent, error) {
	n := outcome(response)
	items := n.kids
	accepted := false
	if n.member("ErrCode") != nil || len(n.kids) == 0 {
		// An error that stands alone concerns all recipients.
		value, failed := result(n)
		if failed != nil {
			return smsapi.Sent{}, failed
		}
		items, accepted = value.items(), true
	}
	answers := make([]smsapi.Result, len(items))
	refused := len(items) == 0 && !accepted
	var ids []sms.ID
	for i, item := range items {
		if item = item.parsed(); !accepted && item.member("ErrCode") == nil {
			_, answers[i].Err = result(item)
		} else if !accepted || len(items) > 1 || !saysSuccess(item) {
			answers[i].ID, answers[i].Err = readID(item)
		}
		if answers[i].ID != "" {
			ids = append(ids, answers[i].ID)
		}
		refused = refused || answers[i].Err != nil
	}
	if len(answers) == len(to) {
		for i := range to {
			answers[i].Recipient = to[i]
		}
		return smsapi.Sent{Results: answers}, nil
	}
	sent := smsapi.Sent{Results: make([]smsapi.Result, len(to)), IDs: ids}
	for i := range to {
		sent.Results[i].Recipient = to[i]
		if refused {
			sent.Results[i].Err = notTold()
		}
	}
	return sent, nil
}

// idForm is what can be an id. Numbers are the rule, but nothing says so.
var idForm = regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z._:/+=-]*$`)

// readID returns the id that stands in an id's place, or why there is none. For a recipient that it refuses, a panel puts an error code
// there, or words, and nobody can say whether those mean a refusal.
func readID(item *node) (sms.ID, *smsapi.Error) {
	item = item.parsed()
	if item.member("ErrCode") != nil {
		value, failed := result(item)
		if failed != nil || value == nil || len(value.kids) == 0 && value.scalar() == "" {
			return "", failed // or it was carried out, and not named
		}
		item = value
	}
	for item != nil && len(item.kids) == 1 {
		item = item.kids[0]
	}
	if item != nil && len(item.kids) == 0 {
		if _, failed := result(item); failed.Code != "" {
			return "", failed
		}
	}
	text := item.scalar()
	switch id := sms.Digits(text); {
	case digitsOnly(strings.Trim(id, "0")):
		return sms.ID(id), nil
	case idForm.MatchString(text) && strings.ContainsAny(text, "123456789") && !strings.Contains(strings.ToLower(text), "err"):
		return sms.ID(text), nil
	}
	return "", exchange.Uncertain(cmp.Or(text, "the panel gave no id"), smsapi.ErrNoID)
}

// success are words for a whole request behind its ErrCode 0: the guide's own, and what is often said. Array is PHP's word for a list that
// its WSDL has no room for.
var success = []string{"اجرای موفق درخواست", "array", "ok", "done", "sent", "success", "successful", "true"}

// saysSuccess reports whether a lone result behind ErrCode 0 says only that the request was carried out.
func saysSuccess(n *node) bool { return slices.Contains(success, strings.ToLower(n.scalar())) }
