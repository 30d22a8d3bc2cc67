package sandboxtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func TestNetwork(t *testing.T) {
	ask := func(n *Network, body string) (string, error) {
		transport := &http.Transport{DialContext: n.Dial}
		defer transport.CloseIdleConnections()
		resp, err := (&http.Client{Transport: transport, Timeout: time.Minute}).Post("http://anybody/", "text/plain", strings.NewReader(body))
		if err != nil {
			return "", err
		}
		defer resp.Body.Close()
		answer, err := io.ReadAll(resp.Body)
		return string(answer), err
	}
	for name, test := range map[string]func(*testing.T, *Network){
		"an answer takes the way of a connection, a question and an answer": func(t *testing.T, n *Network) {
			n.Delay = func(int) time.Duration { return time.Second }
			begun := time.Now()
			if got, err := ask(n, strings.Repeat("x", 3*window)); err != nil || got != fmt.Sprint(3*window) || time.Since(begun) < 3*time.Second {
				t.Errorf("answered %q, %v after %v", got, err, time.Since(begun))
			}
		},
		"down": func(t *testing.T, n *Network) {
			n.Down()
			if _, err := ask(n, "x"); !errors.Is(err, syscall.ECONNREFUSED) {
				t.Errorf("answered by nobody: %v", err)
			}
			n.Up()
			if _, err := ask(n, "x"); err != nil {
				t.Error(err)
			}
		},
		"down in the middle of a call": func(t *testing.T, n *Network) {
			time.AfterFunc(5*time.Second, n.Down)
			if _, err := ask(n, "slow"); !errors.Is(err, io.EOF) {
				t.Errorf("answered by nobody: %v", err)
			}
			if shut := n.Outages(); len(shut) != 1 || len(shut[0].Callers) != 1 {
				t.Errorf("the outages are %v", shut)
			}
		},
		"what was written before a caller goes arrives": func(t *testing.T, n *Network) {
			n.Delay = func(int) time.Duration { return time.Second }
			heard := make(chan string, 1)
			n.Handler = http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				heard <- string(body)
			})
			c, err := n.Dial(context.Background(), "tcp", "anybody")
			if err != nil {
				t.Fatal(err)
			}
			io.WriteString(c, "POST / HTTP/1.1\r\nHost: anybody\r\nContent-Length: 5\r\n\r\nhello")
			c.Close()
			if got := <-heard; got != "hello" {
				t.Errorf("%q arrived", got)
			}
			time.Sleep(time.Minute)
			if open := n.Connections(); open != 0 {
				t.Errorf("%d connections are open", open)
			}
		},
		"nobody answers": func(t *testing.T, n *Network) {
			n.Silent = func() bool { return true }
			begun := time.Now()
			var late net.Error
			if _, err := ask(n, "x"); !errors.As(err, &late) || !late.Timeout() || time.Since(begun) != time.Minute {
				t.Errorf("%v after %v", err, time.Since(begun))
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := &Network{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					body, err := io.ReadAll(r.Body)
					if err != nil {
						t.Error(err)
					}
					if string(body) == "slow" {
						time.Sleep(10 * time.Second)
					}
					fmt.Fprint(w, len(body))
				})}
				n.Up()
				defer n.Close()
				test(t, n)
			})
		})
	}
}
