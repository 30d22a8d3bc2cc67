package edge

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"peyk/sandbox/panel"
	"peyk/sandbox/sandboxtest"
	"peyk/sms"
	"peyk/smsapi"
	"peyk/smsapi/exchange"
)

// newClient returns a client of a handler on a network in memory.
func newClient(t *testing.T, handler http.Handler) *Client {
	network := &sandboxtest.Network{Handler: handler}
	network.Up()
	t.Cleanup(network.Close)
	c, err := New("http://panel.example/v1/", "the key", exchange.Options{Dial: network.Dial})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// answered returns a client of which every question is answered so.
func answered(t *testing.T, status int, body string) *Client {
	return newClient(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		w.WriteHeader(status)
		io.WriteString(w, body)
	}))
}

var order1 = smsapi.Order{Line: "300081", To: []sms.Number{"09121110001"}, Text: "سفارش"}

// TestOnlyAnIDIsASuccess answers a send with everything that is none, and some that is.
func TestOnlyAnIDIsASuccess(t *testing.T) {
	uncertain, rejected := smsapi.Uncertain, smsapi.Rejected
	for _, tc := range []struct {
		name   string
		status int
		body   string
		id     sms.ID
		kind   smsapi.Kind
		code   smsapi.Code
	}{
		{"a number", 200, `{"data":{"message_outbox_ids":[1200450071]},"meta":{"status":true}}`, "1200450071/+989121110001", 0, ""},
		{"beyond 2^53", 200, `{"data":{"message_outbox_ids":[92233720368547758089]},"meta":{"status":true}}`, "92233720368547758089/+989121110001", 0, ""},
		{"in Persian digits", 201, `{"data":{"message_outbox_ids":["۱۲۰۰"]},"meta":{"status":"true"}}`, "1200/+989121110001", 0, ""},
		{"200 with an error", 200, `{"data":null,"meta":{"status":false,"message":"خیر","message_code":"400-2"}}`, "", rejected, "400-2"},
		{"200 with an error and no code", 200, `{"data":{},"meta":{"status":false}}`, "", rejected, "200"},
		{"200 with an error and an id", 200, `{"data":{"message_outbox_ids":[1]},"meta":{"status":false}}`, "", uncertain, ""},
		{"500 with a success", 500, `{"data":{"message_outbox_ids":[1]},"meta":{"status":true}}`, "", uncertain, ""},
		{"500 with an error", 500, `{"data":null,"meta":{"status":false}}`, "", uncertain, "500"},
		{"empty data", 200, `{"data":[],"meta":{"status":true}}`, "", uncertain, ""},
		{"empty data as a text", 200, `{"data":"","meta":{"status":true}}`, "", uncertain, ""},
		{"data null", 200, `{"data":null,"meta":{"status":true}}`, "", uncertain, ""},
		{"no data", 200, `{"meta":{"status":true}}`, "", uncertain, ""},
		{"no ids", 200, `{"data":{"message_outbox_ids":[]},"meta":{"status":true}}`, "", uncertain, ""},
		{"an id of nothing", 200, `{"data":{"message_outbox_ids":[0,null,""]},"meta":{"status":true}}`, "", uncertain, ""},
		{"no verdict", 200, `{"data":{"message_outbox_ids":[1]}}`, "", uncertain, ""},
		{"the key", 401, `{"data":null,"meta":{"status":false,"message_code":"400-1"}}`, "", smsapi.Auth, "400-1"},
		{"a proxy's 401", 401, `<html>`, "", uncertain, ""},
		{"a proxy's 429", 429, `<html>`, "", uncertain, ""},
	} {
		sent, err := answered(t, tc.status, tc.body).Send(t.Context(), order1)
		failed, _ := err.(*smsapi.Error)
		switch {
		case tc.id != "" && (err != nil || len(sent.Results) != 1 || sent.Results[0].ID != tc.id):
			t.Errorf("%s: got %+v, %v", tc.name, sent, err)
		case tc.id == "" && (failed == nil || failed.Kind != tc.kind || failed.Code != tc.code):
			t.Errorf("%s: got %+v, %v, want one that is %v of code %q", tc.name, sent, err, tc.kind, tc.code)
		}
	}
	_, err := answered(t, 422, `{"data":null,"meta":{"status":false,"message":"نامعتبر","errors":{"from_number":["not yours"],"a":["x","y"]}}}`).Send(t.Context(), order1)
	if failed, _ := err.(*smsapi.Error); failed == nil || failed.Text != "نامعتبر; a: x; a: y; from_number: not yours" {
		t.Errorf("got %+v", err)
	}
	// More ids than there are batches: they are nobody's in particular, and the order was carried out.
	sent, err := answered(t, 200, `{"data":{"message_outbox_ids":[1,2]},"meta":{"status":true}}`).Send(t.Context(), order1)
	if err != nil || !slices.Equal(sent.IDs, []sms.ID{"1", "2"}) || sent.Results[0].ID != "" {
		t.Errorf("got %+v, %v", sent, err)
	}
}

func TestAcceptedIsNotSent(t *testing.T) {
	p := panel.New(panel.Options{Dialect: panel.Edge, Password: "the key", PageSize: 2})
	c := newClient(t, p)
	to := []sms.Number{"09121110001", "09121110002", "+447911123456"}
	sent, err := c.Send(t.Context(), smsapi.Order{Line: "30001234", To: to, Text: "x"})
	if err != nil {
		t.Fatal(err)
	}
	var ids []sms.ID
	for _, r := range sent.Results {
		ids = append(ids, r.ID)
	}
	batch, _, _ := strings.Cut(string(ids[0]), "/")
	p.SetStatus(string(ids[1]), 4)
	for state, want := range map[int]smsapi.Delivery{
		0: {Status: sms.Sent, Code: "0"}, 1: {Status: sms.Sent, Code: "batch 1"}, 3: {Status: sms.Failed, Reason: sms.Refused, Code: "batch 3"},
		8: {Status: sms.Failed, Reason: sms.Refused, Code: "batch 8"}, 9: {Status: sms.Failed, Reason: sms.TelecomProblem, Code: "batch 9"}, 11: {},
	} {
		p.SetBatch(batch, state)
		got, err := c.Status(t.Context(), []sms.ID{ids[2], "77/+989121110001", ids[0]})
		one, none, other := want, smsapi.Delivery{ID: "77/+989121110001"}, want
		one.ID, other.ID = ids[2], ids[0]
		if err != nil || !reflect.DeepEqual(got, []smsapi.Delivery{one, none, other}) {
			t.Errorf("state %d: got %+v, %v, want %+v", state, got, err, want)
		}
		// The batch alone stands for each of its recipients.
		got, err = c.Status(t.Context(), []sms.ID{sms.ID(batch)})
		if err != nil || len(got) != 3 || got[0] != other || got[2] != one || got[1].ID != ids[1] || state == 0 && got[1].Status != sms.Delivered {
			t.Errorf("state %d, of the batch: got %+v, %v", state, got, err)
		}
	}
}

// TestWhatNobodyHasReadBefore has an inbox that was seen at the panel but for its newest.
func TestWhatNobodyHasReadBefore(t *testing.T) {
	row := func(id, seen int) string {
		return fmt.Sprintf(`{"messages_inbox_id":%d,"from":"+989121110001","number":"+98300081","message":"%d","time":"۱۷۹۰۰۰۰۴۱۲","seen":"%d"}`, id, id, seen)
	}
	page := `{"data":[` + row(44, 0) + "," + row(43, 0) + "," + row(42, 1) + "," + row(41, 0) + `],"meta":{"status":true,"current_page":1,"last_page":"۹۰۰۰"}}`
	in, err := Decode(smsapi.Answer{Body: []byte(page)})
	if err != nil || len(in.Messages) != 3 || in.More || in.Next != (smsapi.Place{After: "44"}) {
		t.Errorf("got %+v, %v", in, err)
	}
	if m := in.Messages[2]; m.Line != "300081" || m.Customer != "09121110001" || m.Text != "44" || !m.Time.Equal(time.Unix(1790000412, 0)) || m.InboxID != "44" {
		t.Errorf("got %+v", m)
	}
	// All unseen: read on, but not to the end of millions.
	unseen := strings.ReplaceAll(page, `"seen":"1"`, `"seen":"0"`)
	for n, more := range map[int]bool{0: true, 248: true, 249: false} {
		if in, err := Decode(smsapi.Answer{Body: []byte(unseen), At: smsapi.Place{Page: n}}); err != nil || in.More != more || more && in.Next != (smsapi.Place{Page: n + 1, Top: "44"}) {
			t.Errorf("page %d: got %+v, %v", n, in, err)
		}
	}
	// The rows show that from_id is not what it says.
	in, err = Decode(smsapi.Answer{Body: []byte(page), At: smsapi.Place{After: "44"}})
	if err != nil || len(in.Messages) != 0 || !in.More || in.Next != (smsapi.Place{After: "44", Down: true, Top: "44"}) {
		t.Errorf("got %+v, %v", in, err)
	}
}

// TestABrokenRowHidesNoOther has rows that are no SMS.
func TestABrokenRowHidesNoOther(t *testing.T) {
	for _, broken := range []string{
		`{}`, `null`, `7`, `[]`, `"x"`, `{"messages_inbox_id":8,"message":null}`, `{"messages_inbox_id":8,"message":{"a":1}}`, `{"message":"without an id"}`,
		"{\"messages_inbox_id\":8,\"message\":\"a\tb\"}",
	} {
		for _, list := range []string{broken + `,{"messages_inbox_id":9,"message":"whole"}`, `{"messages_inbox_id":9,"message":"whole"},` + broken} {
			in, err := Decode(smsapi.Answer{Body: []byte(`{"data":[` + list + `],"meta":{"status":true}}`), At: smsapi.Place{After: "7"}})
			if err != nil || len(in.Messages) != 2 || !slices.ContainsFunc(in.Messages, func(m sms.Message) bool { return m.Text == "whole" && m.InboxID == "9" }) || in.Next.Top != "9" {
				t.Errorf("%s: got %+v, %v", list, in, err)
			}
		}
	}
}

func TestIDsAreOrderedAsNumbers(t *testing.T) {
	for _, tc := range []struct {
		a, b sms.ID
		want bool
	}{
		{"2", "10", false}, {"10", "2", true}, {"9007199254740993", "9007199254740992", true}, {"92233720368547758089", "9223372036854775808", true},
		{"7", "7", false}, {"007", "7", false}, {"1", "", true}, {"", "", false}, {"", "1", false},
	} {
		if got := later(tc.a, tc.b); got != tc.want {
			t.Errorf("later(%s, %s) = %t", tc.a, tc.b, got)
		}
	}
}

func TestLinesThatAreNotOurs(t *testing.T) {
	c := newClient(t, panel.New(panel.Options{Dialect: panel.Edge, Password: "the key"}))
	foreign, told, err := c.Foreign(t.Context(), []sms.Number{"30001234", "20009999"})
	if err != nil || !told || !slices.Equal(foreign, []sms.Number{"20009999"}) {
		t.Errorf("got %v, %t, %v", foreign, told, err)
	}
	if _, told, err := answered(t, 200, `{"data":[],"meta":{"status":true}}`).Foreign(t.Context(), []sms.Number{"30001234"}); told || err != nil {
		t.Errorf("of no lines: got %t, %v", told, err)
	}
}

// FuzzDecode feeds any answer: what it makes of it is valid, the same each time, and no SMS of an answer that says no.
func FuzzDecode(f *testing.F) {
	s := panel.New(panel.Options{Dialect: panel.Edge})
	s.Receive("09121110001", "30001234", "سلام")
	r := httptest.NewRequest(http.MethodPost, "/v1/api/report/messages-inbox", strings.NewReader("{}"))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "demo-pass")
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	f.Add(w.Body.Bytes(), "", uint8(0), false)
	f.Add(w.Body.Bytes()[:w.Body.Len()/2], "7", uint8(1), true)
	f.Add([]byte(`{"data":{"":{}},"meta":{"status":true,"errors":{"a":[1]}}}`), "07", uint8(2), false)
	f.Fuzz(func(t *testing.T, body []byte, after string, page uint8, down bool) {
		at := smsapi.Place{After: exchange.Scalar(after).ID(), Page: int(page), Down: down}
		in, err := Decode(smsapi.Answer{Body: body, At: at})
		again, wrong := Decode(smsapi.Answer{Body: body, At: at})
		if !reflect.DeepEqual(in, again) || (err == nil) != (wrong == nil) {
			t.Fatalf("got %+v, %v, then %+v, %v", in, err, again, wrong)
		}
		if failed := (*smsapi.Error)(nil); err != nil && !errors.As(err, &failed) {
			t.Fatalf("the error is %T", err)
		}
		if err == nil && !in.More && later(at.After, in.Next.After) {
			t.Fatalf("the cursor went back from %q to %q", at.After, in.Next.After)
		}
	})
}
