package telegram

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"
)

func TestEveryFateHasAName(t *testing.T) {
	for f := Passing; f <= Refused; f++ {
		if fates[f] == "" {
			t.Errorf("fate %d has none", f)
		}
	}
}

// TestWhatNeverLeftIsNotTakenForPosted posts by ways that end before Telegram: the next try must not be called a repetition.
func TestWhatNeverLeftIsNotTakenForPosted(t *testing.T) {
	const dead = "127.0.0.1:1" // a port that was free could be another test's by now
	serve := func(s func(net.Conn)) string {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				go func() {
					defer c.Close()
					s(c)
				}()
			}
		}()
		return l.Addr().String()
	}
	unable := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }))
	t.Cleanup(unable.Close)
	socks := serve(func(c net.Conn) {
		io.ReadFull(c, make([]byte, 3))
		c.Write([]byte{5, 0})
		io.ReadFull(c, make([]byte, 10))
		c.Write([]byte{5, 4, 0, 1, 0, 0, 0, 0, 0, 0}) // host unreachable
	})
	hangsUp := serve(func(c net.Conn) { io.ReadFull(c, make([]byte, 1)) })
	for name, test := range map[string]struct {
		address, proxy string
		arrived        bool
	}{
		"nobody listens":                         {"https://" + dead, "", false},
		"the proxy is down":                      {"https://" + dead, "http://" + dead, false},
		"the socks proxy is down":                {"https://" + dead, "socks5://" + dead, false},
		"the proxy cannot get there":             {"https://" + dead, unable.URL, false},
		"the socks proxy cannot get there":       {"https://" + dead, "socks5://" + socks, false},
		"the greeting of https breaks off":       {"https://" + hangsUp, "", false},
		"Telegram hangs up when it was asked":    {"http://" + hangsUp, "", true},
		"a gateway before Telegram is overtaxed": {unable.URL, "", true},
	} {
		t.Run(name, func(t *testing.T) {
			config := Options{Token: "1:secret", URL: test.address}
			if test.proxy != "" {
				config.Proxy, _ = url.Parse(test.proxy)
			}
			_, err := New(config).Post(context.Background(), Outgoing{Chat: 1, HTML: "hello"})
			e, ok := errors.AsType[*Error](err)
			if !ok || e.Fate != Passing || e.Arrived != test.arrived {
				t.Errorf("got %+v (%v), want one that passes, arrived %t", e, err, test.arrived)
			}
		})
	}
}

// TestPatienceForReactionsAndButtons makes calls that are not posts.
func TestPatienceForReactionsAndButtons(t *testing.T) {
	for _, method := range []string{"editMessageText", "setMessageReaction", "createForumTopic", "editForumTopic", "answerCallbackQuery", "getUpdates"} {
		e := classify(method, readRefusal([]byte(`{"ok":false,"error_code":429,"description":"Too Many Requests","parameters":{"retry_after":1000000000}}`)))
		if e.Fate != SlowDown || e.RetryAfter != time.Hour {
			t.Errorf("%s: %v, %v", method, e.Fate, e.RetryAfter)
		}
	}
	if e := classify("sendMessage", readRefusal([]byte(`{"ok":false,"error_code":400,"description":"Bad Request: group chat was upgraded","parameters":{"migrate_to_chat_id":"-1001"}}`))); e.Fate != Migrated || e.MigratedTo != -1001 {
		t.Errorf("%v to %d", e.Fate, e.MigratedTo)
	}
	if err := readRefusal([]byte(fmt.Sprintf(`{"ok":true,"result":%d}`, 1))); err != nil {
		t.Errorf("an answer is refused: %v", err)
	}
}
