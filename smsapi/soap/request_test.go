package soap

import (
	"net/http"
	"testing"

	"peyk/sms"
	"peyk/smsapi"
)

// TestOnlyUTF8IsSent tries every way in which bytes come into a request.
func TestOnlyUTF8IsSent(t *testing.T) {
	address, calls := service(t, func(w http.ResponseWriter, _ *http.Request) {})
	c := newClient(t, address, Options{})
	for name, ask := range map[string]func() error{
		"a text cut inside a character": func() error {
			_, err := c.Send(t.Context(), smsapi.Order{Line: line, To: []sms.Number{alice}, Text: "سلا\xd9"})
			return err
		},
		"a text in Windows-1256": func() error {
			_, err := c.Send(t.Context(), smsapi.Order{Line: line, To: []sms.Number{alice}, Text: "\xd3\xe1\xc7\xe3"})
			return err
		},
		"half of a pair of UTF-16": func() error {
			_, err := c.Send(t.Context(), smsapi.Order{Line: line, To: []sms.Number{alice}, Text: "\xed\xa0\xbd"})
			return err
		},
		"a recipient": func() error {
			_, err := c.Send(t.Context(), smsapi.Order{Line: line, To: []sms.Number{"0912\xff"}, Text: "x"})
			return err
		},
		"a line": func() error {
			_, err := c.Send(t.Context(), smsapi.Order{Line: "3000\xff", To: []sms.Number{alice}, Text: "x"})
			return err
		},
		"the second of two texts": func() error {
			_, err := c.Send(t.Context(), smsapi.Order{Line: line, To: []sms.Number{alice, bob}, Texts: []string{"x", "\x80"}})
			return err
		},
		"an id": func() error { _, err := c.Status(t.Context(), []sms.ID{"51", "5\xfe"}); return err },
		"a password": func() error {
			c, err := New(address, user, "pass\xe9word", Options{})
			if err == nil {
				_, err = c.Credit(t.Context())
			}
			return err
		},
	} {
		t.Run(name, func(t *testing.T) { wantKind(t, ask(), smsapi.Rejected) })
	}
	if n := calls.Load(); n != 0 {
		t.Errorf("the panel was asked %d times", n)
	}
}
