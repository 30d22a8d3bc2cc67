// Package connect holds what the HTTP clients of the panel and of Telegram share about connections and proxies. It knows neither client.
package connect

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"
)

// Status is an HTTP status as an error: from a proxy in between, or from a server whose answer is not what was asked for.
type Status int

func (s Status) Error() string { return fmt.Sprintf("http status %d", int(s)) }

// Redirect is a redirect as an error, and a Status too. Nobody follows it: what is sent holds passwords.
type Redirect struct {
	Status
	To string // the address, without user, query and fragment
}

func (r Redirect) Error() string { return fmt.Sprintf("%v, to %s", r.Status, r.To) }

// Unwrap returns the Status.
func (r Redirect) Unwrap() error { return r.Status }

// StatusOf returns the status of an answer as an error: a Redirect when it says where to, otherwise a Status.
func StatusOf(answer *http.Response) error {
	status := Status(answer.StatusCode)
	to, err := answer.Location()
	if err != nil || status < 300 || status > 399 || to.Scheme != "http" && to.Scheme != "https" || to.Host == "" {
		return status
	}
	return Redirect{status, (&url.URL{Scheme: to.Scheme, Host: to.Host, Path: to.Path, RawPath: to.RawPath}).String()}
}

// InClear reports whether requests to address cross the network unencrypted: it is http, and not on this machine.
func InClear(address string) bool {
	u, err := url.Parse(address)
	return err == nil && u.Scheme == "http" && !Loopback(address)
}

// Loopback reports whether address is on this machine.
func Loopback(address string) bool {
	u, err := url.Parse(address)
	return err == nil && (u.Hostname() == "localhost" || net.ParseIP(u.Hostname()).IsLoopback())
}

// Dial connects to an address, as net.Dialer's DialContext does.
type Dial = func(ctx context.Context, network, address string) (net.Conn, error)

// Transport returns a transport that connects through proxy, or directly when it is nil, whatever the environment says. It connects by
// dial, or by net.Dialer when that is nil. To connect, and to agree on TLS, may take timeout each.
func Transport(dial Dial, proxy *url.URL, timeout time.Duration) *http.Transport {
	if dial == nil {
		dial = (&net.Dialer{}).DialContext
	}
	t := &http.Transport{
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			ctx, cancel := context.WithTimeout(ctx, timeout)
			defer cancel()
			return dial(ctx, network, address)
		},
		TLSHandshakeTimeout: timeout,
	}
	if proxy != nil {
		t.Proxy = http.ProxyURL(proxy)
		// An error of the same type as the transport's other errors about a proxy; by default it is just the proxy's status text.
		t.OnProxyConnectResponse = func(_ context.Context, _ *url.URL, _ *http.Request, answer *http.Response) error {
			if answer.StatusCode == http.StatusOK {
				return nil
			}
			return &net.OpError{Op: "proxyconnect", Net: "tcp", Err: Status(answer.StatusCode)}
		}
	}
	return t
}
