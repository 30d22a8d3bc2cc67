package soap

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"peyk/sms"
	"peyk/smsapi"
)

// described serves a WSDL and takes calls; it keeps the names and values of the last call's parameters.
type described struct {
	mu         sync.Mutex
	wsdl       http.HandlerFunc
	fetched    int
	params     []string
	path       string
	calls      int
	soapAction string
}

func (d *described) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if r.Method == http.MethodGet {
		d.fetched++
		d.wsdl(w, r)
		return
	}
	d.calls++
	d.path, d.soapAction, d.params = r.RequestURI, r.Header.Get("SOAPAction"), nil
	raw, _ := io.ReadAll(r.Body)
	body, err := readEnvelope("", raw)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	for _, p := range body.kids[0].kids {
		value := p.text
		for _, item := range p.kids {
			value += "[" + item.text + "]"
		}
		d.params = append(d.params, p.name+"="+value)
	}
	io.WriteString(w, answered("0", "<item>51</item>"))
}

func TestWSDL(t *testing.T) {
	sample, err := os.ReadFile("testdata/wsdl/older.wsdl")
	if err != nil {
		t.Fatal(err)
	}
	serve := func(status int, contentType, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", contentType)
			w.WriteHeader(status)
			io.WriteString(w, body)
		}
	}
	guides := []string{"user=demo", "pass=" + password, "fromNum=30001234", "toNum=[09120000001]", "messageContent=" + text}
	olders := []string{"fromNum=30001234", "toNum=[09120000001]", "messageContent=" + text, "messageType=normal", "user=demo", "pass=" + password}
	page := "<!DOCTYPE html><html><body>welcome</body></html>"
	for _, test := range []struct {
		name    string
		wsdl    http.HandlerFunc
		want    []string // the parameters of SendSMS, or none when it is not asked
		kind    smsapi.Kind
		fetched int // for two calls
	}{
		{"its order holds, unknown parameters are filled", serve(200, "text/xml; charset=ISO-8859-1", string(sample)), olders, 0, 1},
		{"space and a mark before it", serve(200, "text/xml", "\ufeff\n"+string(sample)), olders, 0, 1},
		{"there is none", serve(404, "text/html", page), guides, 0, 1},
		{"nusoap without one", serve(200, "text/html", "This service does not provide WSDL"), guides, 0, 1},
		{"SoapServer without one", serve(500, "text/xml", soap("<SOAP-ENV:Fault><faultstring>WSDL generation is not supported yet</faultstring></SOAP-ENV:Fault>")), guides, 0, 1},
		{"a web page is no WSDL, but perhaps not for long", serve(200, "text/html", page), guides, 0, 2},
		{"nothing", serve(200, "text/xml", ""), nil, smsapi.Unavailable, 2},
		{"an error", serve(503, "text/html", page), nil, smsapi.Unavailable, 2},
		{"forbidden", serve(403, "text/html", page), nil, smsapi.Unavailable, 2},
		{"a piece of it", serve(200, "text/xml", string(sample[:len(sample)/2])), nil, smsapi.Unavailable, 2},
		{"a DOCTYPE", serve(200, "text/xml", "<!DOCTYPE a>"+string(sample)), nil, smsapi.Unavailable, 2},
		{"cut", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(len(sample)+1))
			w.Write(sample)
		}, nil, smsapi.Unavailable, 2},
		{"a parameter is missing", serve(200, "text/xml", strings.ReplaceAll(string(sample), `name="toNum"`, `name="mobile"`)), nil, smsapi.Rejected, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := &described{wsdl: test.wsdl}
			server := httptest.NewServer(d)
			defer server.Close()
			c := newClient(t, server.URL+"/a/server.php?key=1&WSDL", Options{})
			for range 2 {
				_, err := c.Send(t.Context(), smsapi.Order{Line: line, To: []sms.Number{alice}, Text: text})
				if test.want == nil {
					wantKind(t, err, test.kind)
				} else if err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(test.want, d.params, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("parameters (-want +got):\n%s", diff)
			}
			if d.fetched != test.fetched {
				t.Errorf("the WSDL was fetched %d times, want %d", d.fetched, test.fetched)
			}
			// The WSDL names another address; requests go to the one that was set.
			if want := "/a/server.php?key=1"; test.want != nil && d.path != want {
				t.Errorf("got a request for %q, want %q", d.path, want)
			}
		})
	}
}

// TestAWSDLThatWasAwayIsReadLater begins while a part of the panel is down: what then says that there is no WSDL says nothing of later.
func TestAWSDLThatWasAwayIsReadLater(t *testing.T) {
	sample, err := os.ReadFile("testdata/wsdl/older.wsdl")
	if err != nil {
		t.Fatal(err)
	}
	d := &described{wsdl: func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "<br />\n<b>Warning</b>:  mysqli_connect(): (HY000/2002): Connection refused")
	}}
	server := httptest.NewServer(d)
	defer server.Close()
	c := newClient(t, server.URL, Options{})
	send := func() string {
		if _, err := c.Send(t.Context(), smsapi.Order{Line: line, To: []sms.Number{alice}, Text: text}); err != nil {
			t.Fatal(err)
		}
		return d.params[0]
	}
	if got := send(); got != "user=demo" {
		t.Errorf("without a WSDL the first parameter is %s", got)
	}
	d.wsdl = func(w http.ResponseWriter, r *http.Request) { w.Write(sample) }
	if got := send(); got != "user=demo" || d.fetched != 1 {
		t.Errorf("at once the first parameter is %s, after %d looks", got, d.fetched)
	}
	c.service.read = c.service.read.Add(-time.Minute)
	if got := send(); got != "fromNum=30001234" {
		t.Errorf("later the first parameter is %s", got)
	}
	send()
	if d.fetched != 2 {
		t.Errorf("the WSDL was fetched %d times, want 2", d.fetched)
	}
}

func TestTheWSDLIsReadOnceByMany(t *testing.T) {
	sample, err := os.ReadFile("testdata/wsdl/older.wsdl")
	if err != nil {
		t.Fatal(err)
	}
	d := &described{wsdl: func(w http.ResponseWriter, r *http.Request) { w.Write(sample) }}
	server := httptest.NewServer(d)
	defer server.Close()
	c := newClient(t, server.URL, Options{})
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if _, err := c.Send(t.Context(), smsapi.Order{Line: line, To: []sms.Number{alice}, Text: text}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if d.fetched != 1 || d.calls != 20 {
		t.Errorf("got %d fetches and %d calls, want 1 and 20", d.fetched, d.calls)
	}
	if want := `"SendSMS"`; d.soapAction != want {
		t.Errorf("got SOAPAction %s, want %s", d.soapAction, want)
	}
}
