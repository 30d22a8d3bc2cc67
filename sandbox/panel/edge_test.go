package panel

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// askEdge makes one request and returns the answer's status and body.
func askEdge(s *Server, method, path, key, body string) (int, string) {
	r := httptest.NewRequest(method, "/v1/api/"+path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", key)
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

// TestEdge asks one panel what its documentation shows, in order. Want are parts of the answers.
func TestEdge(t *testing.T) {
	const one = `{"sending_type":"webservice","from_number":"+98300081","message":"سفارش","params":{"recipients":["+989121110001","+989351110002"]}}`
	s := New(Options{Dialect: Edge, Lines: []string{"300081"}, FirstID: 1200450071})
	for _, tt := range []struct {
		name, method, path, key, body string
		status                        int
		want                          string
	}{
		{"the key alone is the login", "GET", "payment/credit/mine", "Bearer demo-pass", "", 401, `{"data":null,"meta":{"status":false,`},
		{"credit", "GET", "payment/credit/mine", "demo-pass", "", 200, `"data":{"credit":1000000}`},
		{"lines", "GET", "number/numbers", "demo-pass", "", 200, `"number":"+98300081"`},
		{"one text has one id, a number", "POST", "send", "demo-pass", one, 200, `{"data":{"message_outbox_ids":[1200450071]},"meta":{"status":true,`},
		{"the same within 40 seconds", "POST", "send", "demo-pass", one, 429, `"status":false`},
		{
			"own texts have an id each", "POST", "send", "demo-pass",
			`{"sending_type":"peer_to_peer","from_number":"+98300081","params":[{"recipients":["+989121110001"],"message":"سفارش ۱"},{"recipients":["+989351110002"],"message":"سفارش ۲"}]}`,
			200, `"message_outbox_ids":[1200450072,1200450073]`,
		},
		{"not our line", "POST", "send", "demo-pass", strings.Replace(one, "+98300081", "+98300099", 1), 422, `"errors":{"from_number":[`},
		{"a line without its country", "POST", "send", "demo-pass", strings.Replace(one, "+98300081", "300081", 1), 422, `"errors":{"from_number":[`},
		{"a number as people write it", "POST", "send", "demo-pass", strings.Replace(one, "+989121110001", "09121110001", 1), 422, `"errors":{"recipients":[`},
		{"a text for nobody", "POST", "send", "demo-pass", strings.Replace(one, `"+989121110001","+989351110002"`, "", 1), 422, `"errors":{"recipients":[`},
		{"more than 20 parts", "POST", "send", "demo-pass", strings.Replace(one, "سفارش", strings.Repeat("س", 1401), 1), 422, `"errors":{"message":[`},
		{"no JSON", "POST", "send", "demo-pass", "to=1", 422, `"status":false`},
		{"no such path", "POST", "sends", "demo-pass", "{}", 404, `"status":false`},
		{"in reports an id is a text", "POST", "report/new_list", "demo-pass", `{"page":1,"limit":1,"filters":{"number":"+98300081","message":"سفار"}}`, 200, `"messages_outbox_id":"1200450073","number":"+98300081","message":"سفارش ۲","state_id":2,"rcpts_count":"1"`},
		{"a batch", "GET", "report/by_bulk?messages_outbox_id=1200450071", "demo-pass", "", 200, `"state_id":2,"rcpts_count":"2"`},
		{"recipients, before it is final", "GET", "report/recipients?bulk_id=1200450071&page=1&per_page=1", "demo-pass", "", 200, `{"data":[{"recipient":"+989121110001","message":"سفارش","is_readable":true,"msg_parts":"1"}],"meta":{"status":true,`},
		{"nobody's batch", "GET", "report/by_bulk?messages_outbox_id=1", "demo-pass", "", 404, `"status":false`},
		{"an empty inbox", "POST", "report/messages-inbox", "demo-pass", `{}`, 200, `"data":[]`},
	} {
		status, body := askEdge(s, tt.method, tt.path, tt.key, tt.body)
		if status != tt.status || !strings.Contains(body, tt.want) {
			t.Errorf("%s: got %d %s, want %d with %s", tt.name, status, body, tt.status, tt.want)
		}
	}
	if sent := s.Sent(); len(sent) != 4 || sent[1].ID != "1200450071/+989351110002" || sent[1].Customer != "09351110002" || sent[1].Line != "300081" {
		t.Errorf("sent %+v", sent)
	}
	// Accepted is not sent.
	if !s.SetStatus("1200450071/+989351110002", 4) || !s.SetBatch("1200450072/+989121110001", 3) || s.SetBatch("1", 3) {
		t.Fatal("no such SMS")
	}
	for path, want := range map[string]string{
		"report/recipients?bulk_id=1200450071":         `"message_status":"2"`,
		"report/recipients?bulk_id=1200450072":         `"msg_parts":"1"}]`,
		"report/by_bulk?messages_outbox_id=1200450072": `"state_id":3`,
	} {
		if _, body := askEdge(s, http.MethodGet, path, "demo-pass", ""); !strings.Contains(body, want) {
			t.Errorf("%s: got %s, want %s in it", path, body, want)
		}
	}
}

// lastDigits are the ids of the SMS in an answer, in its order, by their last digits.
func lastDigits(body string) string {
	got := ""
	for _, id := range regexp.MustCompile(`"messages_inbox_id":900719925474099(\d)`).FindAllStringSubmatch(body, -1) {
		got += id[1]
	}
	return got
}

func TestInboxOfEdgeInBothReadings(t *testing.T) {
	for _, tt := range []struct {
		name, body  string
		after, from string // the ids, in each reading of from_id
	}{
		{"all, the newest first", `{"per_page":3}`, "765", "765"},
		{"its second page", `{"page":2,"per_page":3}`, "43", "43"},
		{"from an id", `{"filters":{"from_id":9007199254740995}}`, "67", "543"},
		{"the id as a text", `{"page":1,"filters":{"from_id":"9007199254740997"}}`, "", "76543"},
	} {
		for _, below := range []bool{false, true} {
			s, want := New(Options{Dialect: Edge, FromIDBelow: below, Millions: below}), tt.after
			if below {
				want = tt.from
			}
			for range 5 {
				s.Receive("09121110001", "30001234", "ممنون")
			}
			_, body := askEdge(s, http.MethodPost, "report/messages-inbox", "demo-pass", tt.body)
			if got := lastDigits(body); got != want {
				t.Errorf("%s, below %t: got %s, want %s: %s", tt.name, below, got, want, body)
			}
		}
	}
}

// TestTrapsOfEdge arms what is known to go wrong there.
func TestTrapsOfEdge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(Options{Dialect: Edge, PersianDigits: true, ErrorsAre200: true, EmptyIsNull: true, ListDelay: time.Minute})
		inbox := func() string {
			_, body := askEdge(s, http.MethodPost, "report/messages-inbox", "demo-pass", "{}")
			return body
		}
		if body := inbox(); !strings.Contains(body, `"data":null`) {
			t.Errorf("an empty inbox: %s", body)
		}
		control(s, http.MethodPost, "/sms", form, "from=09121110001&text=late&late=1m")
		s.Receive("09121110002", "30001234", "in time")
		if got := lastDigits(inbox()); got != "4" {
			t.Errorf("the late one is hidden: got %s", got)
		}
		if status, body := askEdge(s, http.MethodPost, "send", "demo-pass", "{}"); status != 200 || !strings.Contains(body, `"status":false`) {
			t.Errorf("an error: %d %s", status, body)
		}
		askEdge(s, http.MethodPost, "send", "demo-pass", `{"sending_type":"webservice","from_number":"+9830001234","message":"x","params":{"recipients":["+989121110001"]}}`)
		list := func() string {
			_, body := askEdge(s, http.MethodPost, "report/new_list", "demo-pass", "{}")
			return body
		}
		if body := list(); !strings.Contains(body, `"data":null`) {
			t.Errorf("listed at once: %s", body)
		}
		time.Sleep(time.Minute)
		if body := list(); !strings.Contains(body, `"rcpts_count":"۱"`) {
			t.Errorf("after a minute: %s", body)
		}
		if body := inbox(); lastDigits(body) != "43" || !strings.Contains(body, `"from":"+۹۸۹۱۲۱۱۱۰۰۰۱"`) {
			t.Errorf("after a minute: %s", body)
		}
		s.SetCredit(0)
		askEdge(s, http.MethodPost, "send", "demo-pass", `{"sending_type":"webservice","from_number":"+9830001234","message":"y","params":{"recipients":["+989121110001"]}}`)
		batch := func() string {
			_, body := askEdge(s, http.MethodGet, "report/by_bulk?messages_outbox_id=5000000002", "demo-pass", "")
			return body
		}
		if body := batch(); !strings.Contains(body, `"state_id":8`) {
			t.Errorf("without credit: %s", body)
		}
		if w := control(s, http.MethodPost, "/batch", form, "id=5000000002&state=3"); w.Code != 200 || !strings.Contains(batch(), `"state_id":3`) {
			t.Errorf("its state set by hand: %d %s", w.Code, batch())
		}
		for _, wrong := range []string{"id=77&state=3", "id=5000000002&state=x"} {
			if w := control(s, http.MethodPost, "/batch", form, wrong); w.Code != 400 {
				t.Errorf("%s: got %d", wrong, w.Code)
			}
		}
	})
}
