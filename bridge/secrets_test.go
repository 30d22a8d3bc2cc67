package bridge_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"peyk/bridge"
	"peyk/internal/metrics"
	"peyk/sandbox/panel"
	"peyk/sandbox/telegram"
	"peyk/smsapi/exchange"
	"peyk/smsapi/soap"
	"peyk/store"
	api "peyk/telegram"
)

const (
	marker   = "xyzzy-marker"      // in every SMS text, in either direction
	customer = "09127654321"       // writes and is written to
	proxyKey = "proxy-secret-word" // password of both proxies
	panelKey = "pa$s&<word>%41"    // needs escaping in XML, in a URL and in JSON
)

// leaks looks for what nobody may read. What a text may hold is up to the caller.
func leaks(t *testing.T, where, text string, secrets ...string) {
	t.Helper()
	for _, secret := range secrets {
		for _, form := range []string{secret, url.QueryEscape(secret), url.PathEscape(secret), strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(secret)} {
			if i := strings.Index(text, form); i >= 0 {
				t.Errorf("%s hold %q: …%q…", where, form, text[max(0, i-200):min(len(text), i+len(form)+100)])
				break
			}
		}
	}
}

// checkSecrets searches everything a run left behind. The bridge has ended.
func (w *world) checkSecrets(t *testing.T) {
	t.Helper()
	_, key, _ := strings.Cut(w.token, ":")
	passwords := []string{key, w.password, proxyKey}
	log := w.logs.String()
	leaks(t, "the logs", log, passwords...)
	leaks(t, "the logs", log, marker, customer, customer[1:], "+98"+customer[1:])
	var chats strings.Builder
	for _, c := range w.tg.Chats() {
		for _, m := range w.tg.Messages(c.ID) {
			if !m.FromBot {
				continue
			}
			fmt.Fprintln(&chats, m.Text, m.Source, m.Buttons)
			for _, v := range m.History {
				fmt.Fprintln(&chats, v.Text)
			}
		}
	}
	leaks(t, "the chats", chats.String(), passwords...)
	if !strings.Contains(chats.String(), marker) {
		t.Error("the chats do not hold the SMS either: the search finds nothing")
	}
	file, err := os.ReadFile(w.path)
	if err != nil {
		t.Fatal(err)
	}
	leaks(t, "the store", string(file), passwords...)
	if !bytes.Contains(file, []byte(marker)) {
		t.Error("the store does not hold the SMS either: the search finds nothing")
	}
}

// TestNoSecretIsTold runs into every trouble there is, at the most talkative log level.
func TestNoSecretIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{Password: panelKey, Statuses: []panel.Step{{After: time.Millisecond, Status: 3}}})
		w.password = panelKey
		w.start()
		for _, who := range []int64{w.sara, w.ali, w.omid} {
			w.says(telegram.Post{Chat: who, From: who, Text: "/start"})
		}
		shown := w.shows(customer, "hello "+marker)
		reply := func(text string) {
			w.says(telegram.Post{Chat: w.group, From: w.ali, Text: text + " " + marker, ReplyTo: shown.ID})
		}
		reply("one")
		w.sent(1)

		// A server that repeats what it was told, and worse.
		echo := "user demo, password " + panelKey + ", to " + customer + ": " + marker
		strike := func(f panel.Fault) {
			t.Helper()
			for _, method := range []string{"SendSMS", "GetMsg", "GetStatus", "GetCredit"} {
				f.Method = method
				w.panel.Arm(f)
			}
			before := len(w.panel.Requests())
			reply(fmt.Sprint("again ", before))
			w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "/credit"})
			w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "/status 5000000001"})
			w.settles(w.group)
			w.panel.Receive(customer, "30001234", fmt.Sprint(f.Kind, f.Code, marker))
			if err := w.panel.Wait(w.context(), func() bool {
				seen := map[string]bool{}
				for _, r := range w.panel.Requests()[before:] {
					seen[r.Method] = true
				}
				return seen["SendSMS"] && seen["GetMsg"] && seen["GetCredit"] && seen["GetStatus"]
			}); err != nil {
				t.Fatalf("%s: %v", f.Kind, err)
			}
			w.panel.Disarm()
		}
		for _, f := range []panel.Fault{
			{Kind: panel.ErrCode, Code: -1, Text: echo},
			{Kind: panel.ErrCode, Code: -3, Text: echo},
			{Kind: panel.ErrCode, Code: -77, Text: echo},
			{Kind: panel.SOAPFault, Text: echo},
			{Kind: panel.HTML, Body: echo},
			{Kind: panel.Custom, Body: echo, ContentType: echo},
			{Kind: panel.Garbage, Body: echo},
			{Kind: panel.Redirect, Location: "http://127.0.0.1:1/?pass=" + url.QueryEscape(panelKey)},
			{Kind: panel.Crash}, {Kind: panel.Close}, {Kind: panel.Cut}, {Kind: panel.Empty},
		} {
			strike(f)
		}
		strike(panel.Fault{Kind: panel.Hang})
		strike(panel.Fault{Kind: panel.Endless})
		w.panel.SetPassword("another")
		asked := w.agentSays("/credit")
		if _, err := w.tg.WaitMessage(w.context(), w.group, func(m telegram.Message) bool {
			return m.ReplyTo == asked && strings.Contains(m.Text, "refuses our user name or password") // as it was told before
		}); err != nil {
			t.Fatal(err)
		}
		w.panel.SetPassword(panelKey)
		w.PanelNet.Down()
		reply("into the void")
		w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "/credit"})
		w.sees(w.group, "cannot be reached right now")
		w.PanelNet.Up()
		w.logged("cannot be reached")

		for i, f := range []telegram.Fault{
			{Kind: telegram.Refuse, Code: 400, Description: "Bad Request: can't parse entities"},
			{Kind: telegram.Refuse, Code: 400, Description: "Bad Request: something new", Chat: w.group, Times: 3}, // plain, and without buttons, too
			{Kind: telegram.Refuse, Code: 500, Description: "Internal Server Error"},
			{Kind: telegram.TooMany, RetryAfter: 1},
			{Kind: telegram.BadGateway}, {Kind: telegram.CloseBefore}, {Kind: telegram.CutAnswer},
		} {
			f.Method = "sendMessage"
			if err := w.tg.Arm(f); err != nil {
				t.Fatal(err)
			}
			text := fmt.Sprint(i, " ", f.Kind, f.Code, marker) // equal ones within a second would be one SMS
			w.panel.Receive(customer, "30001234", text)
			if f.Description == "Bad Request: something new" {
				w.logged("telegram refuses a post")
			} else {
				w.sees(w.group, text)
			}
		}
		if err := w.tg.Arm(telegram.Fault{Kind: telegram.CutAnswer, Method: "getUpdates"}); err != nil {
			t.Fatal(err)
		}
		w.settles(w.group)
		w.tg.SetDown(true)
		w.logged("ask telegram for updates fails")
		w.tg.SetDown(false)
		w.settles(w.group)
		// What no program of ours said: pressed, unreadable, a stranger's.
		w.gives(`{"message":"` + marker + customer + `"}`)
		w.says(telegram.Post{Chat: w.omid, From: w.omid, Text: customer + " " + marker})
		w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "/send " + customer + "," + customer[:10] + " " + marker})
		w.settles(w.group)
		w.tg.Revoke()
		w.panel.Receive(customer, "30001234", "too late "+marker)
		select {
		case err := <-w.ended:
			if err == nil {
				t.Error("a revoked token does not end the program")
			} else {
				leaks(t, "the error of Run", err.Error(), strings.Split(w.token, ":")[1], panelKey)
			}
			w.ended <- err
		case <-w.context().Done():
			t.Fatal("a revoked token does not end the program")
		}
		w.end()
		w.checkSecrets(t)
	})
}

// TestNoSecretIsToldByServersThatAreNone has Telegram and the panel be what else may answer at an address, with and without proxies: on real sockets.
func TestNoSecretIsToldByServersThatAreNone(t *testing.T) {
	const dead = "http://127.0.0.1:1" // a port that was free could be another test's by now
	serve := func(h http.HandlerFunc) string {
		s := httptest.NewServer(h)
		t.Cleanup(s.Close)
		return s.URL
	}
	gateway := serve(func(rw http.ResponseWriter, r *http.Request) {
		rw.WriteHeader(http.StatusBadGateway)
		fmt.Fprintf(rw, "<html>bad gateway: %s</html>", r.URL) // with the token in it
	})
	mirror := serve(func(rw http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(rw, "%s %s %s %s", r.Method, r.URL, r.Header, body)
	})
	elsewhere := serve(func(rw http.ResponseWriter, r *http.Request) {
		http.Redirect(rw, r, dead+r.URL.Path, http.StatusTemporaryRedirect)
	})
	noHTTP := serve(func(rw http.ResponseWriter, r *http.Request) {
		conn, _, err := rw.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		fmt.Fprintf(conn, "%s\r\n\r\n", r.URL)
		conn.Close()
	})
	refuser := serve(func(rw http.ResponseWriter, r *http.Request) {
		http.Error(rw, fmt.Sprint("who are you? ", r.Header.Get("Proxy-Authorization")), http.StatusProxyAuthRequired)
	})
	proxy := func(address string) *url.URL {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		u.User = url.UserPassword("me", proxyKey)
		return u
	}
	for _, tc := range []struct {
		name    string
		address string
		proxy   *url.URL
	}{
		{"a dead server", dead, nil},
		{"a gateway", gateway, nil},
		{"a mirror", mirror, nil},
		{"a redirect", elsewhere, nil},
		{"no http", noHTTP, nil},
		{"no tls", strings.Replace(gateway, "http:", "https:", 1), nil},
		{"a dead proxy", gateway, proxy(dead)},
		{"a proxy that refuses", gateway, proxy(refuser)},
		{"a proxy that refuses tls", "https://telegram.invalid", proxy(refuser)},
		{"a dead socks proxy", gateway, proxy(strings.Replace(dead, "http:", "socks5:", 1))},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newLoopbackWorld(t, telegram.Options{})
			w.token, w.password = "7000000001:AAa-token-with-%41-and-$", panelKey
			st, err := store.Open(w.path, w.storeOpts)
			if err != nil {
				t.Fatal(err)
			}
			defer st.Close()
			client, err := soap.New(tc.address, "demo", w.password, soap.Options{Options: exchange.Options{Proxy: tc.proxy, Timeout: time.Second}})
			if err != nil {
				t.Fatal(err)
			}
			b := bridge.New(st, client, api.New(api.Options{Token: w.token, URL: tc.address, Proxy: tc.proxy}), w.relay, w.opts, metrics.New())
			ctx, cancel := context.WithCancel(w.context())
			ended := make(chan error, 1)
			go func() { ended <- b.Run(ctx) }()
			w.logged("reach telegram fails")
			w.logged("fetch from panel fails")
			cancel()
			if err := <-ended; err != nil {
				leaks(t, "the error of Run", err.Error(), strings.Split(w.token, ":")[1], panelKey, proxyKey)
			}
			_, key, _ := strings.Cut(w.token, ":")
			leaks(t, "the logs", w.logs.String(), key, panelKey, proxyKey)
		})
	}
}
