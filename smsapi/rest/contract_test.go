package rest

import (
	"testing"

	"go.uber.org/goleak"

	"peyk/relay"
	"peyk/sandbox/panel"
	"peyk/smsapi/contract"
	"peyk/smsapi/exchange"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestContract holds the client to what every panel's must keep, in each form that answers may have.
func TestContract(t *testing.T) {
	for name, form := range map[string]panel.RESTForm{"with a code": panel.WithCode, "bare lists": panel.BareList, "lists in a text": panel.TextOfList, "one object": panel.OneObject} {
		t.Run(name, func(t *testing.T) {
			said := func(body string) panel.Fault {
				return panel.Fault{Kind: panel.Custom, ContentType: "application/json", Body: body}
			}
			contract.Test(t, contract.Subject{
				Panel: panel.Options{Dialect: panel.REST, Form: form},
				Path:  panel.REST.Path(),
				New: func(address string, opts exchange.Options) (relay.Client, error) {
					return New(address, "demo", contract.Secret, Options{Options: opts})
				},
				Lies: []panel.Fault{
					{Kind: panel.ErrCode, Code: -3}, {Kind: panel.ErrCode, Code: -99, Text: "no " + contract.Secret},
					said(`{"errCode":"-1","result":"no"}`), said(`{"errCode":""}`), said(`{"error":"no"}`), said(`"no"`), said(`5`), said(`true`), said(`["no"]`), said(`{"errCode":0`),
				},
			})
		})
	}
}
