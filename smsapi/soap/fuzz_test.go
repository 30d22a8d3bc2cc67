package soap

import (
	"slices"
	"strings"
	"testing"

	"peyk/sms"
	"peyk/smsapi"
)

func addSamples(f *testing.F) {
	for _, file := range samples(f, ".response.http") {
		contentType, body := sampleBody(f, file)
		f.Add(contentType, body)
	}
	f.Add("", []byte(soap(`<R><return href="#a"/></R><m id="a">{"ErrCode":0,"result":[1]}</m>`)))
	f.Add("text/xml; charset=utf-16", []byte("\xff\xfe<\x00"))
}

// FuzzEnvelope looks for an answer that is taken for a success without an ErrCode of 0 in it.
func FuzzEnvelope(f *testing.F) {
	addSamples(f)
	to := []sms.Number{"09120000001", "09120000002"}
	f.Fuzz(func(t *testing.T, contentType string, body []byte) {
		response, err := readResponse(contentType, body)
		if err != nil {
			if failureOf(err) == nil {
				t.Fatalf("got %T, want *Error", err)
			}
			return
		}
		sent, err := readSent(response, to)
		if err == nil && len(sent.Results) != len(to) {
			t.Errorf("got %d results for %d recipients", len(sent.Results), len(to))
		}
		each, err := readSentEach(response, to)
		if err == nil && len(each.Results) != len(to) {
			t.Errorf("got %d results for %d recipients", len(each.Results), len(to))
		}
		if codes, _, err := readStatuses(response, []sms.ID{"1", "2"}); err == nil {
			for id := range codes {
				if id != "1" && id != "2" {
					t.Errorf("got a status for %q, which nobody asked for", id)
				}
			}
		}
	})
}

// FuzzDecodeUnread looks for messages that cannot be stored or are out of order.
func FuzzDecodeUnread(f *testing.F) {
	addSamples(f)
	f.Fuzz(func(t *testing.T, contentType string, body []byte) {
		messages, err := decodeUnread(smsapi.Answer{ContentType: contentType, Body: body})
		if err != nil && failureOf(err) == nil {
			t.Fatalf("got %T, want *Error", err)
		}
		if !slices.IsSortedFunc(messages, func(a, b sms.Message) int { return a.Time.Compare(b.Time) }) {
			t.Errorf("got messages out of order: %v", messages)
		}
		for _, m := range messages {
			if strings.ToValidUTF8(m.Text, "") != m.Text || strings.ContainsAny(m.Text, "\x00\r") {
				t.Errorf("got the text %q", m.Text)
			}
		}
	})
}

// FuzzRequest looks for a text that does not arrive as it was written.
func FuzzRequest(f *testing.F) {
	f.Add("سلام <b>&amp;]]> \"'\r\n\x00\xff😀\u200c")
	f.Add("\r\x00\n")
	f.Fuzz(func(t *testing.T, text string) {
		request := writeRequest("SendSMS", guided("SendSMS", "urn:x"), values{"messageContent": text, "toNum": []string{text}})
		body, err := readEnvelope("text/xml; charset=utf-8", request)
		if err != nil {
			t.Fatal(err)
		}
		// What XML cannot carry is left out, and CR LF is LF.
		want := strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(strings.Map(func(r rune) rune {
			if !legal(r) {
				return -1
			}
			return r
		}, text))
		call := body.member("SendSMS")
		for _, got := range []string{call.member("messageContent").text, call.member("toNum").member("item").text} {
			if got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		}
	})
}
