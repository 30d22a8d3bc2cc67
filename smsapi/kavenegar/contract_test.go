package kavenegar

import (
	"testing"

	"go.uber.org/goleak"

	"peyk/relay"
	"peyk/sandbox/panel"
	"peyk/smsapi/contract"
	"peyk/smsapi/exchange"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestContract holds the client to what every panel's must keep, in each reading of what the documentation leaves open.
func TestContract(t *testing.T) {
	for name, opts := range map[string]panel.Options{
		"as documented":        {PageSize: 3},
		"in its other reading": {PageSize: 3, DocumentedErrors: true, BareUnknown: true, EmptyIsNull: true},
	} {
		t.Run(name, func(t *testing.T) {
			opts.Dialect = panel.Kavenegar
			said := func(body string) panel.Fault {
				return panel.Fault{Kind: panel.Custom, ContentType: "application/json", Body: body}
			}
			contract.Test(t, contract.Subject{
				Panel: opts,
				Path:  "/v1/",
				New: func(address string, opts exchange.Options) (relay.Client, error) {
					return New(address, contract.Secret, Options{Options: opts})
				},
				Lies: []panel.Fault{
					said(`{"return":{"status":418,"message":"no ` + contract.Secret + `"},"entries":null}`), said(`{"return":{"status":418,"message":"no"},"entries": {null},}`),
					said(`{"return":{"status":200,"message":"ok"},"entries":null`), said(`{"entries":[]}`), said(`{"return":{"status":"۴۱۸","message":"no"}}`),
					{Kind: panel.ErrCode, Code: 409}, {Kind: panel.ErrCode, Code: 999},
				},
			})
		})
	}
}
