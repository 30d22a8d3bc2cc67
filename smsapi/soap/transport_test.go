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
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"peyk/sms"
	"peyk/smsapi"
	"peyk/smsapi/exchange"
)

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
		return Options{Options: exchange.Options{Proxy: p}}
	}
	for _, test := range []struct {
		name, address string
		ctx           context.Context
		opts          Options
	}{
		{"refused", "http://" + dead, t.Context(), Options{}},
		{"refused, with secrets in the address", "http://u:" + password + "@" + dead + "/?k=secret-query", t.Context(), Options{}},
		{"a certificate nobody trusts", untrusted.URL, t.Context(), Options{}},
		{"TLS that takes too long", "https://" + silent.Addr().String(), t.Context(), Options{Options: exchange.Options{Timeout: 100 * time.Millisecond}}},
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
	_, err := newClient(t, address, Options{}).Send(ctx, smsapi.Order{Line: line, To: []sms.Number{alice}, Text: text})
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
		if _, err := c.Send(t.Context(), smsapi.Order{Line: line, To: []sms.Number{alice}, Text: text}); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Fetch(t.Context(), smsapi.Place{}); err != nil {
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
		{"gzip in name only", "gzip", body},
		{"deflate as the standard has it", "deflate", pack(func(w io.Writer) io.WriteCloser { return zlib.NewWriter(w) })},
		{"raw deflate", "deflate", pack(func(w io.Writer) io.WriteCloser { f, _ := flate.NewWriter(w, 9); return f })},
		{"deflate in name only", "deflate", body},
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
