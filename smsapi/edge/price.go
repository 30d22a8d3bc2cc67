package edge

import (
	"context"

	"peyk/sms"
	"peyk/smsapi"
	"peyk/smsapi/exchange"
)

// Price returns what an SMS costs from a line with a text of one part. Of a longer one it tells nothing: the documentation does not say whether what
// the panel answers is for all of it.
func (c *Client) Price(ctx context.Context, line sms.Number, text string) (smsapi.Price, error) {
	a, _, err := c.post(ctx, "send/calculate-price", map[string]string{"number": lineName(line), "message": text})
	if err != nil {
		return smsapi.Price{}, err
	}
	said := one[struct {
		Parts exchange.Scalar
		MCI   exchange.Scalar `json:"mci_price"`
		Other exchange.Scalar `json:"other_price"`
	}](a)
	mci, told := smsapi.Amount(string(said.MCI))
	other, too := smsapi.Amount(string(said.Other))
	if !told || !too || mci <= 0 || other <= 0 {
		return smsapi.Price{}, exchange.Uncertain("the panel's answer has no price", smsapi.ErrProtocol)
	}
	if said.Parts != "1" {
		return smsapi.Price{}, exchange.Rejected("the panel counts more parts than one")
	}
	return smsapi.Price{Least: min(mci, other), Most: max(mci, other)}, nil
}
