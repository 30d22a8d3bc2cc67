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

// statuses are what the documentation's codes mean; 100, an id it does not know, means nothing.
var statuses = map[int]smsapi.Delivery{
	1: {Status: sms.Sent}, 2: {Status: sms.Sent},
	4: {Status: sms.AtTelecom}, 5: {Status: sms.AtTelecom},
	6:  {Status: sms.Failed, Reason: sms.TelecomProblem},
	10: {Status: sms.Delivered},
	11: {Status: sms.Failed, Reason: sms.NotDelivered},
	13: {Status: sms.Failed, Reason: sms.Refused}, // cancelled; in debug mode all end so
	14: {Status: sms.Failed, Reason: sms.Blacklisted},
}

// mostIDs is how many ids one request may ask for.
const mostIDs = 500

// Status returns a Delivery for each id, in the order asked. What cannot be an id of this panel's is not asked for.
func (c *Client) Status(ctx context.Context, ids []sms.ID) ([]smsapi.Delivery, error) {
	var ask []string
	for _, id := range ids {
		if exchange.Scalar(id).ID() == id && !slices.Contains(ask, string(id)) {
			ask = append(ask, string(id))
		}
	}
	codes := map[sms.ID]int{}
	for part := range slices.Chunk(ask, mostIDs) {
		a, err := c.call(ctx, "sms/status", url.Values{"messageid": {strings.Join(part, ",")}})
		if err != nil {
			return nil, err
		}
		for _, e := range exchange.DecodeAll[sent](a.entries) {
			codes[e.MessageID.ID()], _ = strconv.Atoi(string(e.Status))
		}
	}
	deliveries := make([]smsapi.Delivery, len(ids))
	for i, id := range ids {
		deliveries[i] = statuses[codes[id]]
		deliveries[i].ID, deliveries[i].Code = id, smsapi.NumberCode(codes[id])
	}
	return deliveries, nil
}
