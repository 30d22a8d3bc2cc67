package panel

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const form = "application/x-www-form-urlencoded"

func control(s *Server, method, path, contentType, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "http://127.0.0.1:8383"+path, strings.NewReader(body))
	r.Header.Set("Content-Type", contentType)
	w := httptest.NewRecorder()
	s.Control().ServeHTTP(w, r)
	return w
}

func TestControl(t *testing.T) {
	s := New(Options{})
	post(t, s, sendSMS([]string{"09121111111", "09122222222"}, "hi"))
	for _, tt := range []struct {
		name, method, path, contentType, body string
		status                                int
		answer                                string
	}{
		{"a customer writes", "POST", "/sms", form, "from=09121111111&text=%D8%B3%D9%84%D8%A7%D9%85", 200, `{"unread":1}`},
		{"a customer writes in JSON", "POST", "/sms", "application/json", `{"from":"09121111111","to":"30005678","text":"hi","time":1700000000}`, 200, `{"unread":2}`},
		{"a plus in a form", "POST", "/sms", form, "from=+989121111111&text=hi", 200, `{"unread":3}`},
		{"nobody writes", "POST", "/sms", form, "text=hi", 400, `{"error":"from and text are needed: -d from=09121111111 -d text=..."}`},
		{"no JSON", "POST", "/sms", "application/json", `{`, 400, `{"error":"read the JSON object: unexpected EOF"}`},
		{"unread", "GET", "/unread", "", "", 200, `{"unread":3}`},
		{"a status by id", "POST", "/status", form, "id=5000000001&status=4", 200, `{}`},
		{"a status by a number's pattern", "POST", "/status", "application/json", `{"number":"0912222*","status":5}`, 200, `{}`},
		{"a status of what is to come", "POST", "/status", form, "number=0912333*&status=6&later=true", 200, `{}`},
		{"a status of no SMS", "POST", "/status", form, "id=77&status=4", 400, `{"error":"no SMS has the id 77"}`},
		{"a fault", "POST", "/fault", form, "kind=slow&method=GetCredit&delay=1ms&times=1&carry_out=true", 200, `{}`},
		{"no such fault", "POST", "/fault", form, "kind=earthquake", 400, `{"error":"no fault is called \"earthquake\"; there are [close cut slow hang soap_fault crash html redirect errcode empty endless garbage custom]"}`},
		{"credit", "POST", "/credit", form, "credit=12.5", 200, `{"credit":"12.5"}`},
		{"password", "POST", "/password", form, "password=other", 200, `{}`},
		{"down", "POST", "/down", form, "down=true", 200, `{"down":true}`},
		{"up", "POST", "/down", form, "down=false", 200, `{"down":false}`},
		{"state", "GET", "/state", "", "", 200, `{"down":false,"credit":12.5,"password":"other","faults":[{"kind":"slow","method":"GetCredit","times":1,"carry_out":true,"delay":1000000}],` +
			`"expected":{"0912222*":5,"0912333*":6}}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := control(s, tt.method, tt.path, tt.contentType, tt.body)
			if got := strings.TrimSpace(w.Body.String()); w.Code != tt.status || got != tt.answer {
				t.Errorf("got %d %s, want %d %s", w.Code, got, tt.status, tt.answer)
			}
		})
	}

	var sent []SMS
	if err := json.Unmarshal(control(s, "GET", "/sent", "", "").Body.Bytes(), &sent); err != nil {
		t.Fatal(err)
	}
	for i := range sent {
		sent[i].At = time.Time{}
	}
	want := []SMS{
		{ID: "5000000001", Line: "30001234", Customer: "09121111111", Text: "hi", Status: 4},
		{ID: "5000000002", Line: "30001234", Customer: "09122222222", Text: "hi", Status: 5},
	}
	if diff := cmp.Diff(want, sent); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if body := post(t, s, envelope("GetMsg", "demo", "other")); strings.Count(body, ">+989121111111<") != 1 {
		t.Errorf("got %s, want the number with its plus", body)
	}
	if body := post(t, s, envelope("GetCredit", "demo", "other")); !strings.Contains(body, ">12.5<") {
		t.Errorf("got %s, want the credit under the new password", body)
	}
	if got, want := s.Requests()[2].Answer, "slow"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestControlRefusesOtherSites(t *testing.T) {
	for _, tt := range []struct {
		name, host string
		header     http.Header
		want       int
	}{
		{"an address", "127.0.0.1:8383", nil, 200},
		{"localhost", "localhost:8383", nil, 200},
		{"IPv6", "[::1]:8383", nil, 200},
		{"its own page", "localhost:8383", http.Header{"Origin": {"http://localhost:8383"}}, 200},
		{"another name for this address", "rebound.example:8383", nil, 403},
		{"another machine", "192.0.2.1:8383", nil, 403},
		{"a page on another port", "127.0.0.1:8383", http.Header{"Sec-Fetch-Site": {"same-site"}}, 403},
		{"another site's page", "127.0.0.1:8383", http.Header{"Sec-Fetch-Site": {"cross-site"}}, 403},
		{"another site's form", "127.0.0.1:8383", http.Header{"Origin": {"http://example.com"}}, 403},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := New(Options{})
			r := httptest.NewRequest("POST", "http://"+tt.host+"/sms", strings.NewReader("from=1&text=hi"))
			r.Header = tt.header.Clone()
			if r.Header == nil {
				r.Header = http.Header{}
			}
			r.Header.Set("Content-Type", form)
			w := httptest.NewRecorder()
			s.Control().ServeHTTP(w, r)
			if w.Code != tt.want || (s.Unread() == 1) != (tt.want == 200) {
				t.Errorf("got %d with %d unread, want %d", w.Code, s.Unread(), tt.want)
			}
		})
	}
}

func TestOtherSitesCanLeadHereButNotLookOn(t *testing.T) {
	for _, tt := range []struct {
		name, site, mode, dest string
		want                   int
	}{
		{"the page itself", "same-origin", "cors", "empty", 200},
		{"a typed address", "none", "navigate", "document", 200},
		{"a link", "cross-site", "navigate", "document", 200},
		{"a frame", "cross-site", "navigate", "iframe", 403},
		{"a script", "cross-site", "no-cors", "script", 403},
		{"events", "same-site", "cors", "empty", 403},
	} {
		r := httptest.NewRequest("GET", "http://127.0.0.1:8383/state", nil)
		for name, value := range map[string]string{"Site": tt.site, "Mode": tt.mode, "Dest": tt.dest} {
			r.Header.Set("Sec-Fetch-"+name, value)
		}
		w := httptest.NewRecorder()
		New(Options{}).Control().ServeHTTP(w, r)
		if w.Code != tt.want {
			t.Errorf("%s: got %d, want %d", tt.name, w.Code, tt.want)
		}
	}
}

func TestControlStreamsEvents(t *testing.T) {
	s := New(Options{})
	web := httptest.NewServer(s.Control())
	defer web.Close()
	ctx, cancel := context.WithCancel(deadline(t))
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, "GET", web.URL+"/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := client(t).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	s.Receive("09121111111", "30001234", "hi")
	line, err := bufio.NewReader(answer.Body).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	var e Event
	if err := json.Unmarshal([]byte(strings.TrimPrefix(line, "data: ")), &e); err != nil {
		t.Fatal(err)
	}
	if e.Kind != Received || e.SMS.Text != "hi" {
		t.Errorf("got %+v, want what the customer wrote", e)
	}
}
