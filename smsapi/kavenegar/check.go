package kavenegar

import (
	"context"
	"encoding/json"
	"net/url"

	"peyk/sms"
	"peyk/smsapi"
	"peyk/smsapi/exchange"
)

// Credit returns what is left, in rial.
func (c *Client) Credit(ctx context.Context) (string, error) {
	var info struct{ RemainCredit exchange.Scalar }
	err := c.ofAccount(ctx, "account/info", &info)
	if err == nil && info.RemainCredit == "" {
		err = exchange.Uncertain("the panel's answer has no credit", nil)
	}
	return string(info.RemainCredit), err
}

// ofAccount asks for what is known of the account.
func (c *Client) ofAccount(ctx context.Context, method string, into any) error {
	a, err := c.call(ctx, method, url.Values{})
	if err != nil {
		return err
	}
	if len(a.entries) != 1 || json.Unmarshal(a.entries[0], into) != nil {
		return exchange.Uncertain("the panel's answer makes no sense", smsapi.ErrProtocol)
	}
	return nil
}

// Lacks returns no methods: the panel describes none.
func (*Client) Lacks(context.Context) ([]string, error) { return nil, nil }

// Foreign tells nothing: no method says which lines are ours without sending, or taking SMS away.
func (*Client) Foreign(context.Context, []sms.Number) (foreign []sms.Number, told bool, err error) {
	return nil, false, nil
}

// Oddities returns what is set in the account that the bridge cannot make good.
func (c *Client) Oddities(ctx context.Context) ([]smsapi.Oddity, error) {
	var set struct{ DebugMode, ResendFailed string }
	if err := c.ofAccount(ctx, "account/config", &set); err != nil {
		return nil, err
	}
	var odd []smsapi.Oddity
	if set.DebugMode == "enabled" {
		odd = append(odd, smsapi.SendsNothing)
	}
	if set.ResendFailed == "enabled" {
		odd = append(odd, smsapi.SendsAgain)
	}
	return odd, nil
}
