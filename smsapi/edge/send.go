package edge

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"peyk/sms"
	"peyk/smsapi"
	"peyk/smsapi/exchange"
)

// addressed is one text of an order and whom it goes to.
type addressed struct {
	Recipients []string `json:"recipients"`
	Message    string   `json:"message,omitempty"`
}

type order struct {
	Type    string `json:"sending_type"`
	From    string `json:"from_number"`
	Message string `json:"message,omitempty"`
	Params  any    `json:"params"`
}

// Send asks the panel to carry out an order, by one request. Of one text it makes one batch, else one of each recipient.
func (c *Client) Send(ctx context.Context, o smsapi.Order) (smsapi.Sent, error) {
	if err := o.Check(); err != nil {
		return smsapi.Sent{}, err
	}
	if !utf8.ValidString(o.Text + strings.Join(o.Texts, "")) {
		return smsapi.Sent{}, exchange.Rejected("a text is not UTF-8")
	}
	all := addressed{}
	each := make([]addressed, len(o.Texts))
	for i, to := range o.To {
		all.Recipients = append(all.Recipients, string(to.International()))
		if len(o.Texts) > 0 {
			each[i] = addressed{all.Recipients[i : i+1], o.Texts[i]}
		}
	}
	body := order{"webservice", lineName(o.Line), o.Text, all}
	if len(o.Texts) > 0 {
		body = order{"peer_to_peer", lineName(o.Line), "", each}
	}
	a, _, err := c.post(ctx, "send", body)
	if err != nil {
		return smsapi.Sent{}, err
	}
	var ids []sms.ID
	for _, id := range one[struct {
		IDs []exchange.Scalar `json:"message_outbox_ids"`
	}](a).IDs {
		if id := id.ID(); id != "" {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return smsapi.Sent{}, exchange.Uncertain("the panel's answer names no SMS", smsapi.ErrNoID)
	}
	sent := smsapi.Sent{Results: make([]smsapi.Result, len(o.To))}
	for i, to := range o.To {
		sent.Results[i].Recipient = to
	}
	if len(ids) != max(1, len(o.Texts)) {
		sent.IDs = ids
		return sent, nil
	}
	for i, to := range o.To {
		sent.Results[i].ID = compose(ids[i%len(ids)], to)
	}
	return sent, nil
}

// compose returns the id of one SMS: its batch's, and its recipient.
func compose(batch sms.ID, to sms.Number) sms.ID { return batch + sms.ID("/"+to.International()) }

// early is how much earlier than by our clock the panel may say that it accepted an order.
const early = 2 * time.Minute

// most is of how many pages a report is read at most.
const most = 50

// listed is a batch in reports.
type listed struct {
	ID      exchange.Scalar `json:"messages_outbox_id"`
	Message string
	Count   exchange.Scalar `json:"rcpts_count"`
	State   exchange.Scalar `json:"state_id"`
}

// recipient is one of a batch.
type recipient struct {
	Recipient exchange.Scalar
	Message   string
	Status    exchange.Scalar `json:"message_status"`
}

// FindAlike returns the ids of what the panel accepted since an order was begun and is like it, for each of its recipients. The panel may not know
// yet what it accepted.
func (c *Client) FindAlike(ctx context.Context, o smsapi.Order, begun time.Time) ([][]sms.ID, error) {
	filters := map[string]string{"number": lineName(o.Line), "create_from_date": strconv.FormatInt(begun.Add(-early).Unix(), 10)}
	count := "1"
	if len(o.Texts) == 0 {
		filters["message"], count = o.Text, strconv.Itoa(len(o.To))
	}
	alike := make([][]sms.ID, len(o.To))
	for page := 1; page <= most; page++ {
		a, _, err := c.post(ctx, "report/new_list", map[string]any{"page": page, "limit": perPage, "filters": filters})
		if err != nil {
			return nil, err
		}
		for _, row := range exchange.DecodeAll[listed](a.data) {
			texts := append([]string{o.Text}, o.Texts...)
			if string(row.Count) != count || row.ID.ID() == "" || row.Message != "" && !slices.ContainsFunc(texts, func(text string) bool { return same(text, row.Message) }) {
				continue
			}
			found, err := c.recipients(ctx, row.ID.ID())
			if err != nil {
				return nil, err
			}
			noteAlike(alike, o, row, found)
		}
		if a.last() {
			return alike, nil
		}
	}
	return make([][]sms.ID, len(o.To)), nil // nobody knows what the other pages have
}

// noteAlike notes a batch if its recipients and their text are those of an order, or of one of its texts.
func noteAlike(alike [][]sms.ID, o smsapi.Order, row listed, found []recipient) {
	has := map[sms.Number]string{}
	for _, r := range found {
		if text := r.Message; text != "" {
			has[sms.Normalize(string(r.Recipient))] = text
		} else {
			has[sms.Normalize(string(r.Recipient))] = row.Message
		}
	}
	for i, to := range o.To {
		text := o.Text
		if len(o.Texts) > 0 {
			text = o.Texts[i]
		}
		said, ok := has[to]
		switch {
		case len(o.Texts) == 0 && (len(has) != len(o.To) || !ok || !same(said, text)):
			return
		case ok && len(has) == len(found) && same(said, text) && !slices.Contains(alike[i], compose(row.ID.ID(), to)): // pages shift
			alike[i] = append(alike[i], compose(row.ID.ID(), to))
		}
	}
}

// same reports whether texts are equal but for how their lines end.
func same(a, b string) bool {
	plain := func(s string) string { return strings.TrimSpace(strings.ReplaceAll(s, "\r\n", "\n")) }
	return plain(a) == plain(b)
}

// recipients returns those of a batch, none if there is no such batch.
func (c *Client) recipients(ctx context.Context, batch sms.ID) (all []recipient, err error) {
	for page := 1; page <= most; page++ {
		a, err := c.get(ctx, "report/recipients", map[string][]string{"bulk_id": {string(batch)}, "page": {strconv.Itoa(page)}, "per_page": {strconv.Itoa(perPage)}})
		if errors.Is(err, errNone) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		all = append(all, exchange.DecodeAll[recipient](a.data)...)
		if a.last() {
			break
		}
	}
	return all, nil
}
