package soap

import (
	"testing"

	"peyk/relay"
	"peyk/sandbox/panel"
	"peyk/smsapi/contract"
	"peyk/smsapi/exchange"
)

// TestContract holds the client to what every panel's must keep, on both kinds of server.
func TestContract(t *testing.T) {
	for name, dialect := range map[string]panel.Dialect{"nusoap": panel.Nusoap, "SoapServer": panel.Native} {
		t.Run(name, func(t *testing.T) {
			contract.Test(t, contract.Subject{
				Panel: panel.Options{Dialect: dialect},
				Path:  "/class/sms/webservice3/server.php",
				New: func(address string, opts exchange.Options) (relay.Client, error) {
					return New(address, "demo", contract.Secret, Options{Options: opts})
				},
				Lies: []panel.Fault{{Kind: panel.ErrCode, Code: -3}, {Kind: panel.ErrCode, Code: -99, Text: "no " + contract.Secret}, {Kind: panel.SOAPFault, Text: contract.Secret}},
			})
		})
	}
}
