package sandbox

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"peyk/sandbox/telegram"
)

// liveEvent is one event of /live.
type liveEvent struct{ name, data string }

// livePage is what a page hears.
type livePage struct {
	events <-chan liveEvent
	state  liveState
}

// live opens the stream a page listens to.
func (p *play) live(t *testing.T) *livePage {
	t.Helper()
	ctx, leave := context.WithCancel(context.Background())
	r, err := http.NewRequestWithContext(ctx, "GET", "http://"+p.addr+"/live", nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	events, ended := make(chan liveEvent), make(chan struct{})
	go func() {
		defer close(ended)
		defer close(events)
		lines := bufio.NewScanner(answer.Body)
		lines.Buffer(nil, 1<<20)
		name := ""
		for lines.Scan() {
			if n, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
				name = n
			}
			if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				select {
				case events <- liveEvent{name, data}:
				case <-ctx.Done():
					return
				}
			}
		}
	}()
	t.Cleanup(func() {
		leave()
		answer.Body.Close()
		<-ended
	})
	return &livePage{events: events}
}

// next waits for the next event of a name.
func (l *livePage) next(t *testing.T, name string) string {
	t.Helper()
	late := time.After(20 * time.Second)
	for {
		select {
		case e, ok := <-l.events:
			if !ok {
				t.Fatalf("the stream ended before %s", name)
			}
			if e.name == "state" {
				l.state = liveState{} // what JSON leaves out is gone
				if err := json.Unmarshal([]byte(e.data), &l.state); err != nil {
					t.Fatal(err)
				}
			}
			if e.name == name {
				return e.data
			}
		case <-late:
			t.Fatalf("no %s; the state is %+v", name, l.state)
		}
	}
}

// wait waits until the state is as wanted.
func (l *livePage) wait(t *testing.T, what string, is func(liveState) bool) {
	t.Helper()
	for l.state.Users == nil || !is(l.state) {
		t.Log(what)
		l.next(t, "state")
	}
}

func TestThePageHearsWhatThereIsAndWhatHappens(t *testing.T) {
	p := start(t, Options{})
	l := p.life(0)
	p.curl("/panel/sms", "from=09121111111", "text=before")
	p.curl("/telegram/say", "from=Sara", "text=begun")
	page := p.live(t)

	var begin struct {
		Named    map[string]int64
		Messages []telegram.Message
	}
	if err := json.Unmarshal([]byte(page.next(t, "begin")), &begin); err != nil || begin.Named["Peyk"] == 0 || len(begin.Messages) == 0 || begin.Messages[0].Text != "begun" {
		t.Errorf("it begins with %+v, %v", begin, err)
	}
	if got, want := page.next(t, "sms"), `"text":"before"`; !strings.Contains(got, want) || !strings.Contains(got, `"written":"unread"`) {
		t.Errorf("got SMS %s", got)
	}
	page.wait(t, "the bridge runs", func(s liveState) bool { return s.Bridge.Running && s.Counts.Unread == 1 && len(s.Chats) == 4 })

	p.soap(l, "GetMsg", "")
	if got := page.next(t, "sms"); !strings.Contains(got, `"written":"fetched"`) {
		t.Errorf("got SMS %s", got)
	}
	p.curl("/telegram/say", "from=Ali", "text=hi")
	if got := page.next(t, "chat"); !strings.Contains(got, `"text":"hi"`) {
		t.Errorf("got chat %s", got)
	}
	// What no event tells of.
	p.curl("/telegram/down", "on=true")
	page.wait(t, "telegram is down", func(s liveState) bool { return s.Telegram.Down })
	p.curl("/panel/fault", "kind=slow", "delay=1s")
	page.wait(t, "a fault is armed", func(s liveState) bool { return len(s.Panel.Faults) == 1 })
	p.curl("/telegram/group", "kind=group", "title=New", "members=Sara")
	page.wait(t, "a group is there", func(s liveState) bool { return len(s.Chats) == 5 })
	p.curl("/bridge/kill")
	page.wait(t, "the bridge is dead", func(s liveState) bool { return !s.Bridge.Running })
}

func TestBrowsersGetThePageAndShellsTheLines(t *testing.T) {
	p := start(t, Options{})
	get := func(path, accept string) (*http.Response, string) {
		t.Helper()
		r, err := http.NewRequest("GET", "http://"+p.addr+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Accept", accept)
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		body := new(strings.Builder)
		if _, err := bufio.NewReader(answer.Body).WriteTo(body); err != nil {
			t.Fatal(err)
		}
		return answer, body.String()
	}
	for _, tt := range []struct{ path, accept, kind, contains string }{
		{"/", "*/*", "text/plain; charset=utf-8", "curl -d from=09121111111"},
		{"/", "text/html,application/xhtml+xml,*/*;q=0.8", "text/html; charset=utf-8", `src="main.js"`},
		{"/main.js", "*/*", "text/javascript; charset=utf-8", "import"},
		{"/style.css", "text/css", "text/css; charset=utf-8", "prefers-color-scheme"},
		{"/icon.svg", "image/*", "image/svg+xml", "<svg"},
	} {
		answer, body := get(tt.path, tt.accept)
		h := answer.Header
		if answer.StatusCode != 200 || h.Get("Content-Type") != tt.kind || !strings.Contains(body, tt.contains) {
			t.Errorf("%s for %s: got %d %s %.200s", tt.path, tt.accept, answer.StatusCode, h.Get("Content-Type"), body)
		}
		if !strings.HasPrefix(h.Get("Content-Security-Policy"), "default-src 'self';") || strings.Contains(h.Get("Content-Security-Policy"), "unsafe") ||
			h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: got headers %v", tt.path, h)
		}
	}
	if answer, _ := get("/nothing", "text/html"); answer.StatusCode != 404 {
		t.Errorf("got %d for what is not there", answer.StatusCode)
	}
}

func TestThePageIsForThisMachineAndItsOwnRequests(t *testing.T) {
	_, _, control := desk(t)
	for _, path := range []string{"/", "/main.js", "/live", "/bridge", "/telegram/chats", "/telegram/events", "/panel/events"} {
		for name, change := range map[string]func(*http.Request){
			"a rebound name":      func(r *http.Request) { r.Host = "rebound.example" },
			"another machine":     func(r *http.Request) { r.Host = "192.0.2.1:8383" },
			"another site's page": func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") },
			"another port's page": func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "same-site") },
			"another site's frame": func(r *http.Request) {
				r.Header.Set("Sec-Fetch-Site", "cross-site")
				r.Header.Set("Sec-Fetch-Mode", "navigate")
			},
		} {
			r := httptest.NewRequest("GET", "http://127.0.0.1:8383"+path, nil)
			change(r)
			w := httptest.NewRecorder()
			control.ServeHTTP(w, r)
			if w.Code != 403 {
				t.Errorf("%s asked by %s: got %d", path, name, w.Code)
			}
		}
	}
	r := httptest.NewRequest("GET", "http://127.0.0.1:8383/", nil)
	for name, value := range map[string]string{"Site": "cross-site", "Mode": "navigate", "Dest": "document"} {
		r.Header.Set("Sec-Fetch-"+name, value)
	}
	w := httptest.NewRecorder()
	if control.ServeHTTP(w, r); w.Code != 200 {
		t.Errorf("a link to the page: got %d", w.Code)
	}
}
