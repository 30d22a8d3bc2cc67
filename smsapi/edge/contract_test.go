package edge

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
		"in its other reading": {PageSize: 3, FromIDBelow: true, Millions: true, PersianDigits: true, EmptyIsNull: true},
	} {
		t.Run(name, func(t *testing.T) {
			opts.Dialect = panel.Edge
			said := func(body string) panel.Fault {
				return panel.Fault{Kind: panel.Custom, ContentType: "application/json", Body: body}
			}
			contract.Test(t, contract.Subject{
				Panel: opts,
				Path:  "/v1",
				New: func(address string, opts exchange.Options) (relay.Client, error) {
					return New(address, contract.Secret, opts)
				},
				Lies: []panel.Fault{
					said(`{"data":null,"meta":{"status":false,"message":"no ` + contract.Secret + `","message_code":"400-2"}}`),
					said(`{"data":null,"meta":{"status":false,"message":"no","errors":{"from_number":["not ` + contract.Secret + `"]}}}`),
					said(`{"data":{"message_outbox_ids":[1],"credit":1},"meta":{"status":false,"message":"no"}}`), said(`{"data":{"message_outbox_ids":[1],"credit":1}}`),
					said(`{"data":[],"meta":{"status":true}`), said(`{"message":"Unauthenticated."}`),
					{Kind: panel.ErrCode, Code: 500}, {Kind: panel.ErrCode, Code: 422}, {Kind: panel.ErrCode, Code: 999},
				},
			})
		})
	}
}
