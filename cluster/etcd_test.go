package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestAnotherServerIsAsked has servers that fail in every way, beside one that answers.
func TestAnotherServerIsAsked(t *testing.T) {
	answers := func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"header":{"revision":"9007199254740993"},"succeeded":true,"responses":[{"response_range":{"kvs":[{"key":"YQ==","value":"AP8=","mod_revision":"7"}],"count":"1"}},{"response_put":{}}]}`)
	}
	refuses := func(status, code int, text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			fmt.Fprintf(w, `{"error":%q,"code":%d,"message":%q}`, text, code, text)
		}
	}
	hangs := func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.ReadAll(r.Body) // only then the server sees the client go
		<-r.Context().Done()
	}
	for name, bad := range map[string]http.HandlerFunc{
		"it hangs":                hangs,
		"it has no leader":        refuses(503, 14, "etcdserver: no leader"),
		"it took too long itself": refuses(503, 14, "etcdserver: request timed out"),
		"it is something else":    func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "<html>", http.StatusBadGateway) },
		"it cuts the answer": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			fmt.Fprint(w, "{")
		},
		"it is elsewhere":             func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) },
		"it breaks the connection":    func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"it answers what is not JSON": func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "hello") },
	} {
		t.Run(name, func(t *testing.T) {
			c := dial(t, bad, bad, answers)
			r, err := c.Do(t.Context(), Txn{Then: []Op{{Key: "a"}}})
			if err != nil || !r.Held || r.Revision != 1<<53+1 || len(r.Reads) != 1 || string(r.Reads[0][0].Value) != "\x00\xff" || r.Reads[0][0].Revision != 7 {
				t.Errorf("%+v, %v", r, err)
			}
			if got := c.first.Load(); got != 2 {
				t.Errorf("next time server %d is asked first, not the one that answered", got)
			}
		})
	}
	t.Run("none answers", func(t *testing.T) {
		c := dial(t, refuses(503, 14, "etcdserver: no leader"), refuses(503, 14, "etcdserver: no leader"))
		if _, err := c.Do(t.Context(), Txn{}); err == nil || !strings.Contains(err.Error(), "no leader") {
			t.Errorf("error %v", err)
		}
	})
	t.Run("until the context ends", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		c := dial(t, func(w http.ResponseWriter, r *http.Request) { cancel(); hangs(w, r) })
		if _, err := c.Do(ctx, Txn{}); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
	})
	t.Run("a full one need not be asked elsewhere", func(t *testing.T) {
		c := dial(t, refuses(429, 8, "etcdserver: mvcc: database space exceeded"), answers)
		if _, err := c.Do(t.Context(), Txn{}); !errors.Is(err, ErrNoRoom) {
			t.Errorf("error %v", err)
		}
	})
}

// dial returns a client of one server for each handler.
func dial(t *testing.T, handlers ...http.HandlerFunc) *Client {
	var opts Options
	for _, h := range handlers {
		s := httptest.NewServer(h)
		t.Cleanup(s.Close)
		opts.Endpoints = append(opts.Endpoints, s.URL)
	}
	c := Dial(opts)
	t.Cleanup(c.Close)
	return c
}
