package soap

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"peyk/internal/connect"
	"peyk/sandbox/panel"
	"peyk/sandbox/sandboxtest"
	"peyk/sms"
	"peyk/smsapi"
	"peyk/smsapi/exchange"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	user     = "demo"
	password = "pass-nobody-may-see"
	line     = sms.Number("30001234")
	text     = "متن nobody may see"
)

var alice, bob = sms.Number("09120000001"), sms.Number("09120000002")

// newClient returns a client of the panel at address.
func newClient(t testing.TB, address string, opts Options) *Client {
	t.Helper()
	c, err := New(address, user, password, opts)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// service serves handler for POST and answers 404 to the WSDL. It counts the calls.
func service(t testing.TB, handler http.HandlerFunc) (address string, calls *atomic.Int32) {
	t.Helper()
	path, counted, calls := counted(handler)
	server := httptest.NewServer(counted)
	t.Cleanup(server.Close)
	return server.URL + path + "?wsdl", calls
}

// inMemory is service for a client that waits until its time is over, under synctest: on a busy machine a short time would be over before the
// panel has heard of the call.
func inMemory(t testing.TB, handler http.HandlerFunc) (address string, dial connect.Dial, calls *atomic.Int32) {
	t.Helper()
	path, counted, calls := counted(handler)
	network := &sandboxtest.Network{Handler: counted}
	network.Up()
	t.Cleanup(network.Close)
	return "http://panel.example" + path + "?wsdl", network.Dial, calls
}

// counted passes each POST to a path of its own to handler, and counts it.
func counted(handler http.HandlerFunc) (path string, _ http.HandlerFunc, calls *atomic.Int32) {
	calls = new(atomic.Int32)
	// A program under test elsewhere may still ask the port for a panel that was there before.
	path = fmt.Sprintf("/%d/server.php", rand.Uint64())
	return path, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost || r.URL.Path != path {
			http.NotFound(w, r)
			return
		}
		calls.Add(1)
		// Only a server that has read all of a request sees its caller hang up.
		io.Copy(io.Discard, r.Body)
		handler(w, r)
	}, calls
}

// methods calls each method once.
var methods = map[string]func(context.Context, *Client) error{
	"GetCredit": func(ctx context.Context, c *Client) error { _, err := c.Credit(ctx); return err },
	"SendSMS": func(ctx context.Context, c *Client) error {
		_, err := c.Send(ctx, smsapi.Order{Line: line, To: []sms.Number{alice, bob}, Text: text})
		return err
	},
	"SendMultipleSMS": func(ctx context.Context, c *Client) error {
		_, err := c.Send(ctx, smsapi.Order{Line: line, To: []sms.Number{alice, bob}, Texts: []string{text, text}})
		return err
	},
	"GetStatus": func(ctx context.Context, c *Client) error { _, err := c.Status(ctx, []sms.ID{"51"}); return err },
	"GetMsg": func(ctx context.Context, c *Client) error {
		answer, err := c.Fetch(ctx, smsapi.Place{})
		if err == nil {
			_, err = decodeUnread(answer)
		}
		return err
	},
}

// wantKind fails unless err is an *Error of that kind without secrets in it.
func wantKind(t *testing.T, err error, want smsapi.Kind) {
	t.Helper()
	var failed *smsapi.Error
	if !errors.As(err, &failed) {
		t.Fatalf("got %v, want an *Error of kind %v", err, want)
	}
	if failed.Kind != want {
		t.Errorf("got %v (%v), want %v", failed.Kind, err, want)
	}
	shown := fmt.Sprintf("%v %+v %s", err, failed, failed.Text)
	for e := error(failed); e != nil; e = errors.Unwrap(e) {
		shown += fmt.Sprintf("%v %+v %#v", e, e, e)
	}
	for _, secret := range []string{password, "secret-query", "proxy-secret", "nobody may see", string(alice), string(bob)} {
		if strings.Contains(shown, secret) {
			t.Errorf("the error shows %q: %s", secret, shown)
		}
	}
}

func TestPanelsOfEachKind(t *testing.T) {
	for name, opts := range map[string]panel.Options{
		"nusoap":               {},
		"nusoap without WSDL":  {NoWSDL: true},
		"nusoap, older order":  {OldOrder: true},
		"native":               {Dialect: panel.Native},
		"native without WSDL":  {Dialect: panel.Native, NoWSDL: true},
		"native, older order":  {Dialect: panel.Native, OldOrder: true},
		"newest message first": {NewestFirst: true},
	} {
		t.Run(name, func(t *testing.T) {
			opts.User, opts.Password, opts.Credit = user, password, 1000
			p := panel.New(opts)
			address, err := p.Start("")
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			c := newClient(t, address, Options{})

			credit, err := c.Credit(t.Context())
			if err != nil || credit != "1000" {
				t.Errorf("Credit: got %q, %v, want 1000", credit, err)
			}
			sent, err := c.Send(t.Context(), smsapi.Order{Line: line, To: []sms.Number{alice, bob, alice}, Text: "سلام <b> & \"x\" 😀\u200c\r\n2"})
			if err != nil {
				t.Fatal(err)
			}
			want := smsapi.Sent{Results: []smsapi.Result{{Recipient: alice, ID: "5000000001"}, {Recipient: bob, ID: "5000000002"}}}
			if diff := cmp.Diff(want, sent); diff != "" {
				t.Errorf("Send (-want +got):\n%s", diff)
			}
			sent, err = c.Send(t.Context(), smsapi.Order{Line: line, To: []sms.Number{alice, "12", alice}, Texts: []string{"یک", "bad", "two"}})
			if err != nil {
				t.Fatal(err)
			}
			refused := sent.Results[1].Err
			want = smsapi.Sent{Results: []smsapi.Result{{Recipient: alice, ID: "5000000003"}, {Recipient: "12", Err: refused}, {Recipient: alice, ID: "5000000004"}}}
			if diff := cmp.Diff(want, sent); diff != "" {
				t.Errorf("SendEach (-want +got):\n%s", diff)
			}
			if refused == nil || refused.Kind != smsapi.Rejected || refused.Code != "-3" || refused.Text == "" {
				t.Errorf("SendEach to a wrong number: got %v, want a rejection with code -3", refused)
			}
			var got []string
			for _, m := range p.Sent() {
				got = append(got, m.Line+" "+m.Customer+" "+m.Text)
			}
			if diff := cmp.Diff([]string{
				"30001234 09120000001 سلام <b> & \"x\" 😀\u200c\n2",
				"30001234 09120000002 سلام <b> & \"x\" 😀\u200c\n2",
				"30001234 09120000001 یک",
				"30001234 09120000001 two",
			}, got); diff != "" {
				t.Errorf("what the panel sent (-want +got):\n%s", diff)
			}

			p.SetStatus("5000000002", 4)
			deliveries, err := c.Status(t.Context(), []sms.ID{"5000000002", "77", "5000000001"})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]smsapi.Delivery{
				{ID: "5000000002", Code: "4", Status: sms.Delivered},
				{ID: "77"},
				{ID: "5000000001", Code: "1", Status: sms.Sent},
			}, deliveries); diff != "" {
				t.Errorf("Status (-want +got):\n%s", diff)
			}

			p.ReceiveAt("+989120000001", "30001234", "یک\n<1>", time.Unix(1700000000, 0))
			p.ReceiveAt("8080", "30001234", strings.Repeat("دو ", 500), time.Unix(1700000001, 0))
			answer, err := c.Fetch(t.Context(), smsapi.Place{})
			if err != nil {
				t.Fatal(err)
			}
			messages, err := decodeUnread(answer)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]sms.Message{
				inbound(alice, "یک\n<1>", 1700000000),
				inbound("8080", strings.Repeat("دو ", 500), 1700000001),
			}, messages); diff != "" {
				t.Errorf("Unread (-want +got):\n%s", diff)
			}
			answer, err = c.Fetch(t.Context(), smsapi.Place{})
			if messages, wrong := decodeUnread(answer); err != nil || wrong != nil || len(messages) != 0 {
				t.Errorf("Unread of nothing: got %v, %v, %v", messages, err, wrong)
			}

			_, err = c.Send(t.Context(), smsapi.Order{Line: "30009999", To: []sms.Number{alice}, Text: text})
			wantKind(t, err, smsapi.Rejected)
			if got := failureOf(err).Code; got != -5 {
				t.Errorf("Send from a foreign line: got code %d, want -5", got)
			}
			p.SetPassword("another")
			for name, call := range methods {
				err := call(t.Context(), c)
				wantKind(t, err, smsapi.Auth)
				if got := failureOf(err).Code; got != -1 {
					t.Errorf("%s with a wrong password: got code %d, want -1", name, got)
				}
			}
		})
	}
}

// TestFailures lets each method fail in each way. The panel must be asked once, and no secret may be shown.
func TestFailures(t *testing.T) {
	answer := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/xml; charset=utf-8")
			w.WriteHeader(status)
			io.WriteString(w, body)
		}
	}
	hijack := func(raw string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			io.WriteString(conn, raw)
			conn.Close()
		}
	}
	endless := func(w http.ResponseWriter, piece []byte) {
		for {
			if _, err := w.Write(piece); err != nil {
				return
			}
		}
	}
	for _, test := range []struct {
		name    string
		handler http.HandlerFunc
		want    smsapi.Kind
		long    bool
	}{
		{"hangs up without an answer", hijack(""), smsapi.Uncertain, false},
		{"hangs up within the headers", hijack("HTTP/1.1 200 OK\r\nContent-"), smsapi.Uncertain, false},
		{"answers with something other than HTTP, and the password", hijack("pass=" + password + " to=" + string(alice) + "\r\n\r\n"), smsapi.Uncertain, false},
		{"hangs up within the body", hijack("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + soap("")[:150]), smsapi.Uncertain, false},
		{"never answers", func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, smsapi.Uncertain, false},
		{"never ends", func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, soap("")[:150])
			http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}, smsapi.Uncertain, false},
		{"answers without end", func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, soap("")[:150])
			endless(w, bytes.Repeat([]byte(" "), 1<<16))
		}, smsapi.Uncertain, true},
		{"answers headers without end", func(w http.ResponseWriter, r *http.Request) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			io.WriteString(conn, "HTTP/1.1 200 OK\r\n")
			for {
				if _, err := io.WriteString(conn, "X-A: "+strings.Repeat("a", 1000)+"\r\n"); err != nil {
					return
				}
			}
		}, smsapi.Uncertain, false},
		{"answers a gzip bomb", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			packed := func(b []byte) []byte {
				var all bytes.Buffer
				z := gzip.NewWriter(&all)
				z.Write(b)
				z.Close()
				return all.Bytes()
			}
			w.Write(packed([]byte(soap("")[:150])))
			megabyte := packed(make([]byte, 1<<20)) // to one thousandth
			for range 64 {                          // eight are read
				if _, err := w.Write(megabyte); err != nil {
					return
				}
			}
		}, smsapi.Uncertain, true},
		{"answers broken gzip", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			w.Write([]byte{0x1f, 0x8b, 0x08, 0, 1, 2, 3})
		}, smsapi.Uncertain, false},
		{"answers nothing", answer(200, ""), smsapi.Uncertain, false},
		{"crashes", answer(500, ""), smsapi.Uncertain, false},
		{"crashes with a page", answer(500, "<html><body>Error</body></html>"), smsapi.Uncertain, false},
		{"is not available behind a gateway", answer(503, "<html>down</html>"), smsapi.Uncertain, false},
		{"answers a page", answer(200, "<!DOCTYPE html><html><body>Account suspended</body></html>"), smsapi.Uncertain, false},
		{"answers a Fault with the password", answer(500, soap("<SOAP-ENV:Fault><faultcode>SOAP-ENV:Server</faultcode><faultstring>"+
			"call("+password+")</faultstring></SOAP-ENV:Fault>")), smsapi.Uncertain, false},
		{"answers a Fault with success", answer(200, soap("<Fault><faultstring>x</faultstring></Fault>")), smsapi.Uncertain, false},
		{"answers with a DOCTYPE", answer(200, `<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]>`+answered("0", "&b;")), smsapi.Uncertain, false},
		{"answers without ErrCode", answer(200, soap("<R><return><result>51</result></return></R>")), smsapi.Uncertain, false},
		{"answers the word Array", answer(200, soap("<R><return>Array</return></R>")), smsapi.Uncertain, false},
		{"wants another login", answer(401, "<html>401</html>"), smsapi.Auth, false},
		{"does not know the user, and shows the password", answer(200, answered("-1", "no user "+password)), smsapi.Auth, false},
		{"refuses with a code", answer(200, answered("-5", "x")), smsapi.Rejected, false},
		{"refuses with a code and status 500", answer(500, answered("-5", "x")), smsapi.Rejected, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			for method, call := range methods {
				if test.long && method != "SendSMS" {
					continue // reading 8 MiB takes its time
				}
				synctest.Test(t, func(t *testing.T) {
					address, dial, calls := inMemory(t, test.handler)
					err := call(t.Context(), newClient(t, address+"&secret-query=1", Options{Options: exchange.Options{Dial: dial}}))
					t.Logf("%s: %v", method, err)
					wantKind(t, err, test.want)
					if got := calls.Load(); got != 1 {
						t.Errorf("%s: the panel was asked %d times, want once", method, got)
					}
				})
			}
		})
	}
}

func TestNewRefusesWhatIsNotAnAddress(t *testing.T) {
	for _, address := range []string{"", "panel.example", "ftp://panel.example", "http://", "http://a b/" + password, "://"} {
		_, err := New(address, user, password, Options{})
		wantKind(t, err, smsapi.Rejected)
	}
	_, err := New("http://panel.example", user, password, Options{Options: exchange.Options{Proxy: &url.URL{Scheme: "ftp", Host: "x", User: url.UserPassword("u", "proxy-secret")}}})
	wantKind(t, err, smsapi.Rejected)
}

func TestAShortPasswordLeavesWordsAlone(t *testing.T) {
	address, _ := service(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, answered("-5", "1 of 2")) })
	c, err := New(address, "e", "1", Options{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Credit(t.Context())
	if want := (&failure{smsapi.Rejected, -5, "1 of 2"}); !cmp.Equal(want, failureOf(err)) {
		t.Errorf("got %v, want %v", failureOf(err), want)
	}
}
