package telegram

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bot calls the server as a bot does: over HTTP.
type bot struct {
	t    testing.TB
	s    *Server
	base string
	http *http.Client
}

type params map[string]any

// answer is the envelope of an answer.
type answer struct {
	OK          bool            `json:"ok"`
	Code        int             `json:"error_code"`
	Description string          `json:"description"`
	Result      json.RawMessage `json:"result"`
	Parameters  struct {
		RetryAfter int   `json:"retry_after"`
		MigrateTo  int64 `json:"migrate_to_chat_id"`
	} `json:"parameters"`
}

func start(t testing.TB, o Options) (*Server, *bot) {
	t.Helper()
	s := New(o)
	web := httptest.NewServer(s)
	client := &http.Client{Transport: &http.Transport{}}
	t.Cleanup(func() {
		s.Close()
		client.CloseIdleConnections()
		web.Close()
	})
	return s, &bot{t, s, web.URL, client}
}

func deadline(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// try makes a call and returns the transport's error, if any.
func (b *bot) try(ctx context.Context, method string, p params) (answer, error) {
	form := url.Values{}
	for name, v := range p {
		switch v := v.(type) {
		case string:
			form.Set(name, v)
		case int, int64, bool:
			form.Set(name, fmt.Sprint(v))
		default:
			raw, err := json.Marshal(v)
			if err != nil {
				b.t.Fatal(err)
			}
			form.Set(name, string(raw))
		}
	}
	req, err := http.NewRequestWithContext(ctx, "POST", b.base+"/bot"+b.s.Token()+"/"+method, strings.NewReader(form.Encode()))
	if err != nil {
		return answer{}, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return b.do(req)
}

func (b *bot) do(req *http.Request) (answer, error) {
	resp, err := b.http.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return answer{}, err
	}
	var a answer
	if err := json.Unmarshal(body, &a); err != nil {
		return answer{}, fmt.Errorf("status %d: %w", resp.StatusCode, err)
	}
	if !a.OK && a.Code != resp.StatusCode {
		b.t.Errorf("error_code %d with status %d", a.Code, resp.StatusCode)
	}
	return a, nil
}

func (b *bot) call(method string, p params) answer {
	b.t.Helper()
	a, err := b.try(deadline(b.t), method, p)
	if err != nil {
		b.t.Fatalf("%s: %v", method, err)
	}
	return a
}

// must makes a call that has to succeed and decodes its result into v, unless that is nil.
func (b *bot) must(v any, method string, p params) {
	b.t.Helper()
	a := b.call(method, p)
	if !a.OK {
		b.t.Fatalf("%s: %d %s", method, a.Code, a.Description)
	}
	if v != nil {
		if err := json.Unmarshal(a.Result, v); err != nil {
			b.t.Fatalf("%s: %v in %s", method, err, a.Result)
		}
	}
}

// refused makes a call that has to fail with this description.
func (b *bot) refused(want string, method string, p params) {
	b.t.Helper()
	a := b.call(method, p)
	if a.OK || a.Description != want {
		b.t.Errorf("%s %v:\ngot  %d %s %s\nwant %s", method, p, a.Code, a.Description, a.Result, want)
	}
}

func (b *bot) send(p params) wireMessage {
	b.t.Helper()
	var m wireMessage
	b.must(&m, "sendMessage", p)
	return m
}

// got is an update as a bot reads it.
type got struct {
	ID       int64        `json:"update_id"`
	Message  *wireMessage `json:"message"`
	Edited   *wireMessage `json:"edited_message"`
	Callback *struct {
		ID      string       `json:"id"`
		From    wireUser     `json:"from"`
		Message *wireMessage `json:"message"`
		Data    string       `json:"data"`
	} `json:"callback_query"`
	MyMember *struct {
		Chat wireChat `json:"chat"`
		From wireUser `json:"from"`
		Old  struct {
			Status string `json:"status"`
		} `json:"old_chat_member"`
		New struct {
			Status string `json:"status"`
		} `json:"new_chat_member"`
	} `json:"my_chat_member"`
	Reaction *json.RawMessage `json:"message_reaction"`
}

// updates fetches what waits and confirms it.
func (b *bot) updates() []got {
	b.t.Helper()
	var all []got
	offset := int64(0)
	for {
		var batch []got
		b.must(&batch, "getUpdates", params{"offset": offset})
		if len(batch) == 0 {
			return all
		}
		all = append(all, batch...)
		offset = batch[len(batch)-1].ID + 1
	}
}

// texts are the texts of the messages the bot hears.
func (b *bot) texts() []string {
	b.t.Helper()
	var all []string
	for _, u := range b.updates() {
		if u.Message != nil {
			all = append(all, u.Message.Text)
		}
	}
	return all
}

// say says something that has to be possible.
func say(t testing.TB, s *Server, p Post) int {
	t.Helper()
	id, err := s.Say(p)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestMethodsAreFoundInAnyCaseAndUnknownOnesAre404(t *testing.T) {
	_, b := start(t, Options{Username: "SomeBot", Token: "42:secret"})
	for _, method := range []string{"getMe", "getme", "GETME"} {
		var me struct {
			wireUser
			CanReadAll bool `json:"can_read_all_group_messages"`
		}
		b.must(&me, method, nil)
		if me.ID != 42 || me.Username != "SomeBot" || !me.IsBot || me.CanReadAll {
			t.Errorf("%s: got %+v", method, me)
		}
	}
	if a := b.call("getMee", nil); a.Code != 404 || a.Description != "Not Found: method not found" {
		t.Errorf("unknown method: got %+v", a)
	}
}

func TestAWrongTokenIs401AndSoIsARevokedOne(t *testing.T) {
	s, b := start(t, Options{})
	for _, path := range []string{"/bot1:wrong/getMe", "/file/bot1:wrong/documents/file_1"} {
		req, err := http.NewRequest("GET", b.base+path, nil)
		check(t, err)
		a, err := b.do(req)
		check(t, err)
		if a.Code != 401 || a.Description != "Unauthorized" {
			t.Errorf("%s: got %+v", path, a)
		}
	}
	s.Revoke()
	if a := b.call("getMe", nil); a.Code != 401 {
		t.Errorf("revoked: got %+v", a)
	}
	if calls := s.Calls(); len(calls) != 2 || calls[1].Method != "getMe" || calls[1].Code != 401 {
		t.Errorf("the log: got %+v", calls)
	}
}

func TestParametersComeInEveryForm(t *testing.T) {
	s, b := start(t, Options{})
	u := s.AddUser(User{})
	say(t, s, Post{Chat: u.ID, From: u.ID, Text: "/start"})

	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	check(t, w.WriteField("chat_id", fmt.Sprint(u.ID)))
	check(t, w.WriteField("text", "hello"))
	check(t, w.Close())
	query := url.Values{"chat_id": {fmt.Sprint(u.ID)}, "text": {"hello"}}.Encode()
	for _, c := range []struct{ name, method, query, kind, body string }{
		{"query", "GET", "?" + query, "", ""},
		{"form", "POST", "", "application/x-www-form-urlencoded", query},
		{"multipart", "POST", "", w.FormDataContentType(), form.String()},
		{"json", "POST", "", "application/json; charset=utf-8", fmt.Sprintf(`{"chat_id":%d,"text":"hello","entities":null}`, u.ID)},
	} {
		t.Run(c.name, func(t *testing.T) {
			req, err := http.NewRequest(c.method, b.base+"/bot"+s.Token()+"/sendMessage"+c.query, strings.NewReader(c.body))
			check(t, err)
			req.Header.Set("Content-Type", c.kind)
			a, err := b.do(req)
			check(t, err)
			var m wireMessage
			if !a.OK || json.Unmarshal(a.Result, &m) != nil || m.Text != "hello" || m.Chat.ID != u.ID {
				t.Errorf("got %+v %s", a, a.Result)
			}
		})
	}
}

func TestTheLogOfCallsNeverHoldsTheToken(t *testing.T) {
	s, b := start(t, Options{})
	b.call("getMe", nil)
	b.call("sendMessage", params{"chat_id": 1, "text": "x"})
	log := fmt.Sprintf("%+v", s.Calls())
	if strings.Contains(log, s.Token()) || !strings.Contains(log, "chat not found") {
		t.Errorf("got %s", log)
	}
}

func TestAnotherClock(t *testing.T) {
	s, b, owner, team := room(t, Options{})
	s.SetClock(time.Hour, -time.Hour)
	say(t, s, Post{Chat: team, From: owner.ID, Text: "/help"})
	resp, err := b.http.Get(b.base + "/bot" + s.Token() + "/getUpdates")
	check(t, err)
	defer resp.Body.Close()
	var updates struct {
		Result []struct {
			Message struct{ Date int64 }
		}
	}
	check(t, json.NewDecoder(resp.Body).Decode(&updates))
	header, err := http.ParseTime(resp.Header.Get("Date"))
	check(t, err)
	if ahead := time.Until(header); ahead < 58*time.Minute || ahead > time.Hour {
		t.Errorf("the answer says that it is %s ahead", ahead)
	}
	for _, u := range updates.Result {
		if ago := time.Since(time.Unix(u.Message.Date, 0)); ago < time.Hour || ago > 62*time.Minute {
			t.Errorf("the message says that it is %s old", ago)
		}
	}
	if at := s.Messages(team); len(updates.Result) == 0 || time.Since(at[len(at)-1].Date) > time.Minute {
		t.Errorf("%d updates, the message is of %s", len(updates.Result), at[len(at)-1].Date)
	}
}

// TestALongPollIsDatedWhenItIsAnswered as Telegram does, also with a clock of its own.
func TestALongPollIsDatedWhenItIsAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(Options{})
		defer s.Close()
		s.SetClock(time.Hour, time.Hour)
		answer := httptest.NewRecorder()
		s.ServeHTTP(answer, httptest.NewRequest("GET", "/bot"+s.Token()+"/getUpdates?timeout=50", nil))
		dated, err := http.ParseTime(answer.Header().Get("Date"))
		check(t, err)
		if ahead := time.Until(dated); ahead < 59*time.Minute+59*time.Second || ahead > time.Hour {
			t.Errorf("an answer after a long poll says that it is %s ahead", ahead)
		}
	})
}
