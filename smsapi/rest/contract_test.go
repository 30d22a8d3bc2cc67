package rest

import (
	"errors"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"peyk/relay"
	"peyk/sandbox/panel"
	"peyk/smsapi"
	"peyk/smsapi/contract"
	"peyk/smsapi/exchange"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestContract holds the client to what every panel's must keep, in each form that answers may have, and where the server asks for the login, too.
func TestContract(t *testing.T) {
	for name, server := range map[string]panel.Options{
		"with a code": {Form: panel.WithCode}, "bare lists": {Form: panel.BareList}, "lists in a text": {Form: panel.TextOfList}, "one object": {Form: panel.OneObject, Basic: true},
	} {
		t.Run(name, func(t *testing.T) {
			said := func(body string) panel.Fault {
				return panel.Fault{Kind: panel.Custom, ContentType: "application/json", Body: body}
			}
			server.Dialect = panel.REST
			contract.Test(t, contract.Subject{
				Panel: server,
				Path:  panel.REST.Path(),
				New: func(address string, opts exchange.Options) (relay.Client, error) {
					if server.Basic {
						address = strings.Replace(address, "://", "://"+url.UserPassword("demo", contract.Secret).String()+"@", 1)
					}
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

// TestAServerThatAsksForTheLoginIsToldOf: the address lacks it.
func TestAServerThatAsksForTheLoginIsToldOf(t *testing.T) {
	s := panel.New(panel.Options{Dialect: panel.REST, Basic: true, User: "demo", Password: contract.Secret})
	server := httptest.NewServer(s)
	defer server.Close()
	c, err := New(server.URL+panel.REST.Path(), "demo", contract.Secret, Options{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Credit(t.Context())
	if failed, ok := errors.AsType[*smsapi.Error](err); !ok || failed.Kind != smsapi.Auth {
		t.Errorf("got %v", err)
	}
}
