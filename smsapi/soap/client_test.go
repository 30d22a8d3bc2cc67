package soap

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.uber.org/goleak"

	"peyk/sandbox/panel"
	"peyk/sms"
	"peyk/smsapi"
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
	calls = new(atomic.Int32)
	// A program under test elsewhere may still ask the port for a panel that was there before.
	path := fmt.Sprintf("/%d/server.php", rand.Uint64())
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost || r.URL.Path != path {
			http.NotFound(w, r)
			return
		}
		calls.Add(1)
		// Only a server that has read all of a request sees its caller hang up.
		io.Copy(io.Discard, r.Body)
		handler(w, r)
	}))
	server.Start()
	t.Cleanup(server.Close)
	return server.URL + path + "?wsdl", calls
}

// methods calls each method once.
var methods = map[string]func(context.Context, *Client) error{
	"GetCredit": func(ctx context.Context, c *Client) error { _, err := c.Credit(ctx); return err },
	"SendSMS": func(ctx context.Context, c *Client) error {
		_, err := c.Send(ctx, line, []sms.Number{alice, bob}, text)
		return err
	},
	"SendMultipleSMS": func(ctx context.Context, c *Client) error {
		_, err := c.SendEach(ctx, line, []smsapi.Addressed{{To: alice, Text: text}, {To: bob, Text: text}})
		return err
	},
	"GetStatus": func(ctx context.Context, c *Client) error { _, err := c.Status(ctx, []sms.ID{"51"}); return err },
	"GetMsg": func(ctx context.Context, c *Client) error {
		answer, err := c.Unread(ctx)
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
			sent, err := c.Send(t.Context(), line, []sms.Number{alice, bob, alice}, "سلام <b> & \"x\" 😀\u200c\r\n2")
			if err != nil {
				t.Fatal(err)
			}
			want := smsapi.Sent{Results: []smsapi.Result{{Recipient: alice, ID: "5000000001"}, {Recipient: bob, ID: "5000000002"}}}
			if diff := cmp.Diff(want, sent); diff != "" {
				t.Errorf("Send (-want +got):\n%s", diff)
			}
			sent, err = c.SendEach(t.Context(), line, []smsapi.Addressed{{To: alice, Text: "یک"}, {To: "12", Text: "bad"}, {To: alice, Text: "two"}})
			if err != nil {
				t.Fatal(err)
			}
			refused := sent.Results[1].Err
			want = smsapi.Sent{Results: []smsapi.Result{{Recipient: alice, ID: "5000000003"}, {Recipient: "12", Err: refused}, {Recipient: alice, ID: "5000000004"}}}
			if diff := cmp.Diff(want, sent); diff != "" {
				t.Errorf("SendEach (-want +got):\n%s", diff)
			}
			if refused == nil || refused.Kind != smsapi.Rejected || refused.Code != -3 || refused.Text == "" {
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
				{ID: "5000000002", Code: 4, Status: sms.Delivered},
				{ID: "77", Code: 0},
				{ID: "5000000001", Code: 1, Status: sms.Sent},
			}, deliveries); diff != "" {
				t.Errorf("Status (-want +got):\n%s", diff)
			}

			p.ReceiveAt("+989120000001", "30001234", "یک\n<1>", time.Unix(1700000000, 0))
			p.ReceiveAt("8080", "30001234", strings.Repeat("دو ", 500), time.Unix(1700000001, 0))
			answer, err := c.Unread(t.Context())
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
			answer, err = c.Unread(t.Context())
			if messages, wrong := decodeUnread(answer); err != nil || wrong != nil || len(messages) != 0 {
				t.Errorf("Unread of nothing: got %v, %v, %v", messages, err, wrong)
			}

			_, err = c.Send(t.Context(), "30009999", []sms.Number{alice}, text)
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
		{"answers what is no HTTP, and the password", hijack("pass=" + password + " to=" + string(alice) + "\r\n\r\n"), smsapi.Uncertain, false},
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
			z := gzip.NewWriter(w)
			io.WriteString(z, soap("")[:150])
			for range 64 { // as many megabytes, packed to one thousandth: eight are read
				if _, err := z.Write(make([]byte, 1<<20)); err != nil {
					return
				}
			}
			z.Close()
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
				address, calls := service(t, test.handler)
				// What ends by itself needs no limit; what does not is known by it.
				timeout := time.Minute
				if strings.HasPrefix(test.name, "never") {
					timeout = 200 * time.Millisecond
				}
				err := call(t.Context(), newClient(t, address+"&secret-query=1", Options{Timeout: timeout}))
				t.Logf("%s: %v", method, err)
				wantKind(t, err, test.want)
				if got := calls.Load(); got != 1 {
					t.Errorf("%s: the panel was asked %d times, want once", method, got)
				}
			}
		})
	}
}

func TestNoConnectionIsUnavailable(t *testing.T) {
	address, calls := service(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, answered("0", "")) })
	const dead = "127.0.0.1:1" // a port that was free could be another test's by now
	untrusted := httptest.NewUnstartedServer(http.NotFoundHandler())
	untrusted.Config.ErrorLog = log.New(io.Discard, "", 0)
	untrusted.StartTLS()
	defer untrusted.Close()
	silent, err := net.Listen("tcp", "127.0.0.1:0") // takes connections, and says nothing to their TLS
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	proxy := func(u string) Options {
		p, err := url.Parse(u)
		if err != nil {
			t.Fatal(err)
		}
		return Options{Proxy: p}
	}
	for _, test := range []struct {
		name, address string
		ctx           context.Context
		opts          Options
	}{
		{"refused", "http://" + dead, t.Context(), Options{}},
		{"refused, with secrets in the address", "http://u:" + password + "@" + dead + "/?k=secret-query", t.Context(), Options{}},
		{"a certificate nobody trusts", untrusted.URL, t.Context(), Options{}},
		{"TLS that takes too long", "https://" + silent.Addr().String(), t.Context(), Options{Timeout: 100 * time.Millisecond}},
		{"cancelled before", address, cancelled, Options{}},
		{"an http proxy that refuses", address, t.Context(), proxy("http://u:proxy-secret@" + dead)},
		{"a socks5 proxy that refuses", address, t.Context(), proxy("socks5://u:proxy-secret@" + dead)},
	} {
		t.Run(test.name, func(t *testing.T) {
			for method, call := range methods {
				c := newClient(t, test.address, test.opts)
				// Neither with a WSDL to be read first nor without may the request be made.
				for range 2 {
					err := call(test.ctx, c)
					t.Logf("%s: %v", method, err)
					wantKind(t, err, smsapi.Unavailable)
					c.service.operations = map[string]operation{}
				}
			}
		})
	}
	if got := calls.Load(); got != 0 {
		t.Errorf("the panel was asked %d times, want never", got)
	}
}

func TestARequestUnderWayIsUncertainWhenCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	address, calls := service(t, func(w http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	})
	_, err := newClient(t, address, Options{}).Send(ctx, line, []sms.Number{alice}, text)
	wantKind(t, err, smsapi.Uncertain)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled below it", err)
	}
	if got := calls.Load(); got != 1 {
		t.Errorf("the panel was asked %d times, want once", got)
	}
}

// TestADyingConnectionIsNotReused closes every connection after one answer without having said so, as a server does whose
// patience with idle connections ended.
func TestADyingConnectionIsNotReused(t *testing.T) {
	address, calls := service(t, func(w http.ResponseWriter, r *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		body := answered("0", "<item>51</item>")
		fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: keep-alive\r\n\r\n%s", len(body), body)
		conn.Close()
	})
	c := newClient(t, address, Options{})
	for range 20 {
		if _, err := c.Send(t.Context(), line, []sms.Number{alice}, text); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Unread(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := calls.Load(), int32(40); got != want {
		t.Errorf("the panel was asked %d times, want %d", got, want)
	}
}

func TestARedirectIsNotFollowed(t *testing.T) {
	var elsewhere atomic.Int32
	target := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
	defer target.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		address, calls := service(t, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, target.URL+"/?secret-query", status)
		})
		for _, call := range methods {
			err := call(t.Context(), newClient(t, address, Options{}))
			wantKind(t, err, smsapi.Uncertain)
			if want := "the panel redirects to another address"; failureOf(err).Text != want {
				t.Errorf("%d: got %v, want %q", status, err, want)
			}
		}
		if got := calls.Load(); got != int32(len(methods)) {
			t.Errorf("%d: the panel was asked %d times, want once for each method", status, got)
		}
		// With its WSDL elsewhere the panel is not asked at all.
		server := httptest.NewServer(http.RedirectHandler(target.URL, status))
		_, err := newClient(t, server.URL, Options{}).Credit(t.Context())
		server.Close()
		wantKind(t, err, smsapi.Unavailable)
	}
	if got := elsewhere.Load(); got != 0 {
		t.Errorf("the redirect's target was asked %d times, want never", got)
	}
}

func TestSendRefusesWhatThePanelWouldNotTake(t *testing.T) {
	address, calls := service(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, answered("0", "")) })
	c := newClient(t, address, Options{})
	many := make([]sms.Number, smsapi.MaxRecipients+1)
	each := make([]smsapi.Addressed, smsapi.MaxRecipients+1)
	for i := range many {
		many[i] = sms.Number(fmt.Sprintf("0912%07d", i))
		each[i] = smsapi.Addressed{To: many[i], Text: text}
	}
	for name, send := range map[string]func() (smsapi.Sent, error){
		"no recipients":       func() (smsapi.Sent, error) { return c.Send(t.Context(), line, nil, text) },
		"too many recipients": func() (smsapi.Sent, error) { return c.Send(t.Context(), line, many, text) },
		"no text":             func() (smsapi.Sent, error) { return c.Send(t.Context(), line, many[:1], " \n") },
		"each: no recipients": func() (smsapi.Sent, error) { return c.SendEach(t.Context(), line, nil) },
		"each: too many":      func() (smsapi.Sent, error) { return c.SendEach(t.Context(), line, each) },
		"each: a missing text": func() (smsapi.Sent, error) {
			return c.SendEach(t.Context(), line, []smsapi.Addressed{{To: alice, Text: "x"}, {To: bob, Text: ""}})
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := send()
			wantKind(t, err, smsapi.Rejected)
		})
	}
	if got := calls.Load(); got != 0 {
		t.Errorf("the panel was asked %d times, want never", got)
	}
	if sent, err := c.Send(t.Context(), line, slices.Concat(many[:60], many[:60]), text); err != nil || len(sent.Results) != 60 {
		t.Errorf("60 numbers, each twice: got %d results, %v, want 60", len(sent.Results), err)
	}
}

func TestStatusAsksInPieces(t *testing.T) {
	p := panel.New(panel.Options{User: user, Password: password})
	address, err := p.Start("")
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	c := newClient(t, address, Options{})
	var ids []sms.ID
	for i := range 3 {
		var to []sms.Number
		for j := range smsapi.MaxRecipients {
			to = append(to, sms.Number(fmt.Sprintf("0912%03d%04d", i, j)))
		}
		sent, err := c.Send(t.Context(), line, to, text)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range sent.Results {
			ids = append(ids, r.ID)
		}
	}
	ids = append(ids, ids[0])
	p.SetStatus(string(ids[0]), 6)
	p.SetStatus(string(ids[100]), 3)
	deliveries, err := c.Status(t.Context(), ids)
	if err != nil {
		t.Fatal(err)
	}
	asked := 0
	for _, r := range p.Requests() {
		if r.Method == "GetStatus" {
			asked++
		}
	}
	if want := 3; asked != want {
		t.Errorf("the panel was asked %d times, want %d", asked, want)
	}
	for i, d := range deliveries {
		want := smsapi.Delivery{ID: ids[i], Code: 1, Status: sms.Sent}
		switch i {
		case 0, 180:
			want = smsapi.Delivery{ID: ids[i], Code: 6, Status: sms.Failed, Reason: sms.Blacklisted}
		case 100:
			want = smsapi.Delivery{ID: ids[i], Code: 3, Status: sms.AtTelecom}
		}
		if d != want {
			t.Errorf("place %d: got %v, want %v", i, d, want)
		}
	}
	if len(deliveries) != len(ids) {
		t.Errorf("got %d deliveries for %d ids", len(deliveries), len(ids))
	}
}

func TestUnreadReturnsWhatCameOfACutAnswer(t *testing.T) {
	messages := msg("09120000001", "first", 1700000000) + msg("09120000002", "second", 1700000001)
	whole := answered("0", messages)
	cut := whole[:strings.Index(whole, "second")+3]
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	io.WriteString(z, cut)
	z.Flush() // and never closed
	serve := func(length int, encoding, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if encoding != "" {
				w.Header().Set("Content-Encoding", encoding)
			}
			w.Header().Set("Content-Type", "text/xml; charset=utf-8")
			w.Header().Set("Content-Length", fmt.Sprint(length))
			io.WriteString(w, body)
			http.NewResponseController(w).Flush()
			if length > 1<<20 {
				<-r.Context().Done()
			}
		}
	}
	for _, test := range []struct {
		name    string
		handler http.HandlerFunc
		timeout time.Duration
		body    string
	}{
		{"connection lost", serve(len(whole), "", cut), 0, cut},
		{"connection lost, packed", serve(packed.Len()+10, "gzip", packed.String()), 0, cut},
		{"too slow", serve(2<<20, "", cut), 200 * time.Millisecond, cut},
		{"too long", func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, cut)
			io.WriteString(w, strings.Repeat("x", maxAnswer))
		}, 0, cut + strings.Repeat("x", maxAnswer-len(cut))},
	} {
		t.Run(test.name, func(t *testing.T) {
			address, calls := service(t, test.handler)
			answer, err := newClient(t, address, Options{Timeout: test.timeout}).Unread(t.Context())
			wantKind(t, err, smsapi.Uncertain)
			if !answer.Cut || string(answer.Body) != test.body {
				t.Errorf("got Cut %v and %d bytes, want true and the %d bytes that came", answer.Cut, len(answer.Body), len(test.body))
			}
			got, err := decodeUnread(answer)
			wantKind(t, err, smsapi.Uncertain)
			if diff := cmp.Diff([]sms.Message{inbound(alice, "first", 1700000000)}, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if got := calls.Load(); got != 1 {
				t.Errorf("the panel was asked %d times, want once", got)
			}
		})
	}
	t.Run("nothing missing but the promised length", func(t *testing.T) {
		address, _ := service(t, serve(len(whole)+10, "", whole))
		answer, err := newClient(t, address, Options{}).Unread(t.Context())
		if err != nil || answer.Cut {
			t.Errorf("got %v, Cut %v, want the whole answer", err, answer.Cut)
		}
	})
	t.Run("a status of 500 with a page keeps the page", func(t *testing.T) {
		address, _ := service(t, func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(500)
			io.WriteString(w, "<html>")
		})
		answer, err := newClient(t, address, Options{}).Unread(t.Context())
		wantKind(t, err, smsapi.Uncertain)
		if string(answer.Body) != "<html>" || answer.Cut {
			t.Errorf("got %q, Cut %v, want the page", answer.Body, answer.Cut)
		}
	})
}

func TestPackedAnswers(t *testing.T) {
	body := answered("0", "1000")
	pack := func(wrap func(io.Writer) io.WriteCloser) string {
		var b bytes.Buffer
		w := wrap(&b)
		io.WriteString(w, body)
		w.Close()
		return b.String()
	}
	gzipped := pack(func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) })
	for _, test := range []struct{ name, encoding, body string }{
		{"gzip", "gzip", gzipped},
		{"gzip that does not say so", "", gzipped},
		{"gzip that is none", "gzip", body},
		{"deflate as the standard has it", "deflate", pack(func(w io.Writer) io.WriteCloser { return zlib.NewWriter(w) })},
		{"raw deflate", "deflate", pack(func(w io.Writer) io.WriteCloser { f, _ := flate.NewWriter(w, 9); return f })},
		{"deflate that is none", "deflate", body},
	} {
		t.Run(test.name, func(t *testing.T) {
			address, _ := service(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "text/xml")
				if test.encoding != "" {
					w.Header().Set("Content-Encoding", test.encoding)
				}
				io.WriteString(w, test.body)
			})
			if credit, err := newClient(t, address, Options{}).Credit(t.Context()); credit != "1000" || err != nil {
				t.Errorf("got %q, %v, want 1000", credit, err)
			}
		})
	}
}

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
		{"a page is none, but perhaps not for long", serve(200, "text/html", page), guides, 0, 2},
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
				_, err := c.Send(t.Context(), line, []sms.Number{alice}, text)
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
		if _, err := c.Send(t.Context(), line, []sms.Number{alice}, text); err != nil {
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
			if _, err := c.Send(t.Context(), line, []sms.Number{alice}, text); err != nil {
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

func TestProxies(t *testing.T) {
	address, calls := service(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, answered("0", "1000")) })
	var passed atomic.Int32
	forward := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Proxy-Authorization") == "" {
			w.WriteHeader(http.StatusProxyAuthRequired)
			return
		}
		passed.Add(1)
		r.RequestURI = ""
		resp, err := http.DefaultTransport.(*http.Transport).Clone().RoundTrip(r)
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		defer resp.Body.Close()
		w.WriteHeader(resp.StatusCode)
		io.Copy(w, resp.Body)
	}))
	defer forward.Close()
	socks := socks5(t, &passed)
	for _, test := range []struct {
		name, proxy string
		passed      int32
		want        string
	}{
		{"none, whatever the environment says", "", 0, ""},
		{"http", strings.Replace(forward.URL, "http://", "http://u:proxy-secret@", 1), 2, ""},
		{"socks5", "socks5://" + socks, 2, ""},
		{"http without the login it wants", forward.URL, 0, "unavailable"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv("HTTP_PROXY", forward.URL)
			passed.Store(0)
			var opts Options
			if test.proxy != "" {
				proxy, err := url.Parse(test.proxy)
				if err != nil {
					t.Fatal(err)
				}
				opts.Proxy = proxy
			}
			before := calls.Load()
			credit, err := newClient(t, address, opts).Credit(t.Context())
			if test.want != "" {
				wantKind(t, err, smsapi.Unavailable)
			} else if credit != "1000" || err != nil || calls.Load() != before+1 {
				t.Errorf("got %q, %v, %d calls, want 1000 and one", credit, err, calls.Load()-before)
			}
			if got := passed.Load(); got != test.passed {
				t.Errorf("%d requests went through the proxy, want %d", got, test.passed)
			}
		})
	}
}

// socks5 serves RFC 1928 without a login for as long as the test runs, and counts connections.
func socks5(t *testing.T, passed *atomic.Int32) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	t.Cleanup(func() { l.Close(); wg.Wait() })
	serve := func(conn net.Conn) error {
		defer conn.Close()
		greeting := make([]byte, 2)
		if _, err := io.ReadFull(conn, greeting); err != nil {
			return err
		}
		if _, err := io.ReadFull(conn, make([]byte, greeting[1])); err != nil {
			return err
		}
		if _, err := conn.Write([]byte{5, 0}); err != nil {
			return err
		}
		request := make([]byte, 10) // CONNECT to an IPv4 address
		if _, err := io.ReadFull(conn, request); err != nil {
			return err
		}
		target, err := net.Dial("tcp", fmt.Sprintf("%d.%d.%d.%d:%d", request[4], request[5], request[6], request[7], int(request[8])<<8|int(request[9])))
		if err != nil {
			return err
		}
		defer target.Close()
		passed.Add(1)
		if _, err := conn.Write([]byte{5, 0, 0, 1, 0, 0, 0, 0, 0, 0}); err != nil {
			return err
		}
		wg.Go(func() {
			io.Copy(target, conn)
			target.Close()
		})
		io.Copy(conn, target)
		return nil
	}
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				if err := serve(conn); err != nil {
					t.Errorf("socks5: %v", err)
				}
			})
		}
	})
	return l.Addr().String()
}

func TestNewRefusesWhatIsNoAddress(t *testing.T) {
	for _, address := range []string{"", "panel.example", "ftp://panel.example", "http://", "http://a b/" + password, "://"} {
		_, err := New(address, user, password, Options{})
		wantKind(t, err, smsapi.Rejected)
	}
	_, err := New("http://panel.example", user, password, Options{Proxy: &url.URL{Scheme: "ftp", Host: "x", User: url.UserPassword("u", "proxy-secret")}})
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
