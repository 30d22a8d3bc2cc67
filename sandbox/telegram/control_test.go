package telegram

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestEverythingCanBeDoneOverHTTP(t *testing.T) {
	s, b := start(t, Options{})
	web := httptest.NewServer(s.Control())
	defer web.Close()
	do := func(method, path, body string, v any) {
		t.Helper()
		req, err := http.NewRequestWithContext(deadline(t), method, web.URL+path, strings.NewReader(body))
		check(t, err)
		resp, err := http.DefaultClient.Do(req)
		check(t, err)
		defer resp.Body.Close()
		raw, err := io.ReadAll(resp.Body)
		check(t, err)
		if resp.StatusCode != 200 || strings.Contains(string(raw), s.Token()) {
			t.Fatalf("%s %s %s: %d %s", method, path, body, resp.StatusCode, raw)
		}
		if v != nil {
			check(t, json.Unmarshal(raw, v))
		}
	}
	defer http.DefaultClient.CloseIdleConnections()
	var made struct{ ID int64 }
	id := func(path, body string) int64 {
		t.Helper()
		do("POST", path, body, &made)
		return made.ID
	}
	ctx, cancel := context.WithCancel(deadline(t))
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, "GET", web.URL+"/events", nil)
	check(t, err)
	resp, err := http.DefaultClient.Do(req)
	check(t, err)
	defer resp.Body.Close()
	events := bufio.NewScanner(resp.Body)
	events.Scan() // ": watching"

	user := id("/user", `{"first_name":"Sara"}`)
	agent := id("/user", `{"first_name":"Ali"}`)
	team := id("/group", fmt.Sprintf(`{"kind":"forum","title":"Support","members":[%d,%d]}`, user, s.Bot().ID))
	at := func(format string, args ...any) string {
		return fmt.Sprintf(`{"chat":%d,"from":%d,"user":%d,`, team, user, agent) + fmt.Sprintf(format, args...) + "}"
	}
	do("POST", "/bot", at(`"do":"rights","rights":{"admin":true,"manage_topics":true}`), nil)
	do("POST", "/member", at(`"do":"add"`), nil)
	do("POST", "/member", at(`"do":"promote"`), nil)
	topic := id("/topic", at(`"do":"add","name":"Customer"`))
	said := id("/say", fmt.Sprintf(`{"chat":%d,"from":%d,"topic":%d,"text":"/help"}`, team, user, topic))
	do("POST", "/edit", at(`"message":%d,"text":"/help me"`, said), nil)
	do("POST", "/react", at(`"message":%d,"emoji":["👍"]`, said), nil)
	for _, change := range []string{"close", "reopen", "rename"} {
		do("POST", "/topic", at(`"do":%q,"topic":%d,"name":"Other"`, change, topic), nil)
	}
	posted := b.send(params{"chat_id": team, "text": "x", "reply_markup": `{"inline_keyboard":[[{"text":"x","callback_data":"y"}]]}`})
	b.updates()
	go func() {
		var batch []got
		b.must(&batch, "getUpdates", params{"timeout": 20})
		b.must(nil, "answerCallbackQuery", params{"callback_query_id": batch[0].Callback.ID, "text": "done"})
	}()
	var answer Answer
	do("POST", "/press", at(`"message":%d,"data":"y"`, posted.ID), &answer)
	if answer.Text != "done" {
		t.Errorf("got %+v", answer)
	}
	do("POST", "/delete", at(`"message":%d`, said), nil)
	do("POST", "/reactions", at(`"on":false`), nil)
	do("POST", "/limits", `{"per_second":100}`, nil)
	do("POST", "/fault", `{"kind":"refuse","method":"sendMessage"}`, nil)
	var faults []Fault
	if do("GET", "/faults", "", &faults); len(faults) != 1 || faults[0].Kind != Refuse {
		t.Errorf("got %+v", faults)
	}
	do("POST", "/disarm", "", nil)
	do("POST", "/down", `{"on":true}`, nil)
	do("POST", "/down", `{"on":false}`, nil)
	update := id("/raw", `{"update":{"x":1}}`)
	b.updates()
	do("POST", "/redeliver", fmt.Sprintf(`{"id":%d}`, update), nil)
	do("POST", "/say", fmt.Sprintf(`{"chat":%d,"from":%d,"text":"/start"}`, user, user), nil)
	do("POST", "/block", fmt.Sprintf(`{"user":%d,"on":true}`, user), nil)
	basic := id("/group", fmt.Sprintf(`{"kind":"group","title":"Old","members":[%d]}`, user))
	id("/migrate", fmt.Sprintf(`{"chat":%d}`, basic))

	var chats []ChatInfo
	if do("GET", "/chats", "", &chats); len(chats) != 4 || chats[0].Topics[0].Name != "Other" || chats[2].MigratedTo != chats[3].ID {
		t.Errorf("got %+v", chats)
	}
	var messages []Message
	if do("GET", fmt.Sprintf("/messages?chat=%d", team), "", &messages); len(messages) != 7 || messages[2].History[0].Text != "/help" || !messages[2].Deleted {
		t.Errorf("got %+v", messages)
	}
	for _, path := range []string{"/users", "/updates", "/calls", "/throttled", fmt.Sprintf("/commands?chat=%d&user=%d", team, user)} {
		do("GET", path, "", nil)
	}

	var kinds []string
	for len(kinds) < 15 && events.Scan() {
		if kind, ok := strings.CutPrefix(events.Text(), "event: "); ok {
			kinds = append(kinds, kind)
		}
	}
	want := "said said said edited reacted said said said posted pressed answered deleted said said said"
	if got := strings.Join(kinds, " "); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestSlipsAreNamed(t *testing.T) {
	s, _ := start(t, Options{})
	for path, body := range map[string]string{
		"/say":    `{"chat":1,"from":2,"text":"x"}`,
		"/user":   `{"firstname":"x"}`,
		"/group":  `{"kind":"x"}`,
		"/bot":    `{"do":"x"}`,
		"/member": `{"do":"x"}`,
		"/topic":  `{"do":"x"}`,
		"/fault":  `{"kind":"x"}`,
		"/press":  `{"chat":1}`,
	} {
		w := httptest.NewRecorder()
		r := httptest.NewRequest("POST", path, strings.NewReader(body))
		r.Host = "127.0.0.1:8080"
		s.Control().ServeHTTP(w, r)
		if w.Code != 400 || !strings.Contains(w.Body.String(), `"error":"`) {
			t.Errorf("%s: got %d %s", path, w.Code, w.Body)
		}
	}
}

func TestOtherSitesAreKeptOut(t *testing.T) {
	s, _ := start(t, Options{})
	for _, c := range []struct {
		name, host, header, value string
		want                      int
	}{
		{"curl", "127.0.0.1:8080", "", "", 200},
		{"by name", "localhost:8080", "", "", 200},
		{"IPv6", "[::1]:8080", "", "", 200},
		{"the page itself", "localhost:8080", "Origin", "http://localhost:8080", 200},
		{"a typed address", "localhost:8080", "Sec-Fetch-Site", "none", 200},
		{"a rebound name", "evil.example:8080", "", "", 403},
		{"a name like it", "localhost.evil.example", "", "", 403},
		{"no host", "", "", "", 403},
		{"another origin", "localhost:8080", "Origin", "https://evil.example", 403},
		{"another port", "localhost:8080", "Origin", "http://localhost:9090", 403},
		{"no origin to speak of", "localhost:8080", "Origin", "null", 403},
		{"another site", "localhost:8080", "Sec-Fetch-Site", "cross-site", 403},
		{"the same site, another port", "localhost:8080", "Sec-Fetch-Site", "same-site", 403},
	} {
		for _, method := range []string{"GET", "POST"} {
			w := httptest.NewRecorder()
			path := map[string]string{"GET": "/chats", "POST": "/disarm"}[method]
			r := httptest.NewRequest(method, path, nil)
			r.Host = c.host
			if c.header != "" {
				r.Header.Set(c.header, c.value)
			}
			if s.Control().ServeHTTP(w, r); w.Code != c.want {
				t.Errorf("%s, %s: got %d, want %d", c.name, method, w.Code, c.want)
			}
		}
	}
}
