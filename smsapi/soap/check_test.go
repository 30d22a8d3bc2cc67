package soap

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"peyk/sandbox/panel"
	"peyk/sms"
	"peyk/smsapi"
)

// TestForeignLinesAreFoundWithoutSending asks every kind of server there is a sample of.
func TestForeignLinesAreFoundWithoutSending(t *testing.T) {
	for name, opts := range map[string]panel.Options{
		"nusoap":                           {},
		"nusoap without a WSDL":            {NoWSDL: true},
		"SoapServer":                       {Dialect: panel.Native},
		"SoapServer without a WSDL":        {Dialect: panel.Native, NoWSDL: true},
		"the older family":                 {OldOrder: true},
		"the older family on a SoapServer": {Dialect: panel.Native, OldOrder: true},
	} {
		t.Run(name, func(t *testing.T) {
			s := panel.New(opts)
			web := httptest.NewServer(s)
			defer web.Close()
			c, err := New(web.URL, "demo", "demo-pass", Options{})
			if err != nil {
				t.Fatal(err)
			}
			for _, test := range []struct{ lines, want []sms.Number }{
				{[]sms.Number{"30001234", "30005678"}, nil},
				{[]sms.Number{"30001234", "20009999"}, []sms.Number{"20009999"}},
				{[]sms.Number{"20009999"}, []sms.Number{"20009999"}},
			} {
				foreign, told, err := c.Foreign(t.Context(), test.lines)
				if diff := cmp.Diff(test.want, foreign); diff != "" || !told || err != nil {
					t.Errorf("%v: told %t, %v\n%s", test.lines, told, err, diff)
				}
			}
			if s.SentCount() != 0 {
				t.Errorf("%d SMS were sent", s.SentCount())
			}
			for _, r := range s.Requests() {
				if len(r.Params["toNums"]) > 0 || len(r.Params["messageContents"]) > 0 {
					t.Errorf("a number or a text was in the request: %v", r)
				}
			}
		})
	}
}

func TestAPanelThatRefusesNoLineTellsNothing(t *testing.T) {
	for name, fault := range map[string]panel.Fault{
		"it counts first":         {Kind: panel.ErrCode, Code: -4},
		"it fails":                {Kind: panel.SOAPFault, Text: "no recipients"},
		"it answers an empty one": {Kind: panel.Custom, Body: `<Envelope><Body><SendMultipleSMSResponse><return/></SendMultipleSMSResponse></Body></Envelope>`},
	} {
		t.Run(name, func(t *testing.T) {
			s := panel.New(panel.Options{})
			web := httptest.NewServer(s)
			defer web.Close()
			c, err := New(web.URL, "demo", "demo-pass", Options{})
			if err != nil {
				t.Fatal(err)
			}
			fault.Method, fault.Times = "SendMultipleSMS", -1
			s.Arm(fault)
			foreign, told, err := c.Foreign(t.Context(), []sms.Number{"20009999"})
			if len(foreign) > 0 || told || err != nil {
				t.Errorf("got %v, told %t, %v", foreign, told, err)
			}
			s.Disarm()
			s.Arm(panel.Fault{Kind: panel.Close, Method: "SendMultipleSMS"})
			if _, told, err := c.Foreign(t.Context(), []sms.Number{"20009999"}); told || err == nil {
				t.Errorf("after no answer: told %t, %v", told, err)
			}
		})
	}
}

func TestLacks(t *testing.T) {
	const other = `<definitions xmlns="http://schemas.xmlsoap.org/wsdl/"><message name="q"><part name="city" type="xsd:string"/></message>
		<portType name="weather"><operation name="GetWeather"><input message="q"/></operation></portType></definitions>`
	for name, test := range map[string]struct {
		handler http.Handler
		want    []string
	}{
		"all are there": {panel.New(panel.Options{}), nil},
		"no WSDL":       {panel.New(panel.Options{NoWSDL: true}), nil},
		"another service": {http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Write([]byte(other)) }),
			[]string{"GetCredit", "GetMsg", "GetStatus", "SendMultipleSMS", "SendSMS"}},
	} {
		t.Run(name, func(t *testing.T) {
			web := httptest.NewServer(test.handler)
			defer web.Close()
			c, err := New(web.URL, "demo", "demo-pass", Options{})
			if err != nil {
				t.Fatal(err)
			}
			lacks, err := c.Lacks(t.Context())
			if diff := cmp.Diff(test.want, lacks); diff != "" || err != nil {
				t.Errorf("%v\n%s", err, diff)
			}
		})
	}
}

func TestHTTPToAnHTTPSPortIsNamed(t *testing.T) {
	const alert = "\x15\x03\x01\x00\x02\x02\x46"
	for name, answer := range map[string]string{
		"nginx":  "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n<html><center>The plain HTTP request was sent to HTTPS port</center></html>",
		"Apache": "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\nYou're speaking plain HTTP to an SSL-enabled server port.",
		"Go":     "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n",
		"TLS":    alert,
	} {
		t.Run(name, func(t *testing.T) {
			web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				conn, _, err := http.NewResponseController(w).Hijack()
				if err != nil {
					t.Error(err)
					return
				}
				defer conn.Close()
				io.WriteString(conn, answer)
			}))
			defer web.Close()
			c, err := New(web.URL, "demo", "demo-pass", Options{})
			if err != nil {
				t.Fatal(err)
			}
			_, err = c.Credit(t.Context())
			if failed, ok := errors.AsType[*smsapi.Error](err); !ok || failed.Kind != smsapi.Unavailable || !errors.Is(err, smsapi.ErrWantsHTTPS) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestSkewIsThatOfTheLastAnswer(t *testing.T) {
	s := panel.New(panel.Options{})
	ahead := time.Duration(0)
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", time.Now().Add(ahead).UTC().Format(http.TimeFormat))
		s.ServeHTTP(w, r)
	}))
	defer web.Close()
	c, err := New(web.URL, "demo", "demo-pass", Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, known := c.Skew(); known {
		t.Error("known before anything was asked")
	}
	for _, ahead = range []time.Duration{0, time.Hour, -time.Hour} {
		if _, err := c.Credit(context.Background()); err != nil {
			t.Fatal(err)
		}
		if skew, known := c.Skew(); !known || (skew-ahead).Abs() > 5*time.Second {
			t.Errorf("got %v, want %v", skew, ahead)
		}
	}
}
