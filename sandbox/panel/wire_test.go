package panel

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestWire sends the requests real PHP clients wrote and expects the answers real servers gave, byte for byte.
func TestWire(t *testing.T) {
	for _, d := range []struct {
		name    string
		dialect Dialect
	}{{"nusoap", Nusoap}, {"native", Native}} {
		files, err := filepath.Glob("testdata/" + d.name + "/*.request.http")
		if err != nil || len(files) == 0 {
			t.Fatalf("no samples of %s: %v", d.name, err)
		}
		for _, file := range files {
			name := strings.TrimSuffix(filepath.Base(file), ".request.http")
			t.Run(d.name+"/"+name, func(t *testing.T) {
				s := world(t, d.dialect, clientPart.ReplaceAllString(name, ""))
				request, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				wire, err := os.ReadFile(strings.Replace(file, ".request.", ".response.", 1))
				if err != nil {
					t.Fatal(err)
				}
				got, gotBody := exchange(t, s, request)
				want, wantBody := parseAnswer(t, wire)
				if got.Proto != want.Proto || got.Status != want.Status {
					t.Errorf("got %s %s, want %s %s", got.Proto, got.Status, want.Proto, want.Status)
				}
				for _, name := range []string{"Content-Type", "Content-Encoding", "Server", "X-Powered-By", "X-Soap-Server"} {
					if got, want := got.Header.Get(name), want.Header.Get(name); got != want {
						t.Errorf("%s: got %q, want %q", name, got, want)
					}
				}
				if diff := cmp.Diff(wantBody, gotBody); diff != "" {
					t.Errorf("body (-want +got):\n%s", diff)
				}
			})
		}
	}
}

// clientPart is the part of a sample's name that says which other client asked.
var clientPart = regexp.MustCompile(`\.from-.*`)

const sampleText = "سلام، این یک پیام آزمایشی است.\nشماره ۱۲۳ می\u200cخواهد <تأیید> & \"پاسخ\""

// world is the panel a sample was taken from.
func world(t *testing.T, d Dialect, sample string) *Server {
	opts := Options{Dialect: d, Credit: 1000, NewestFirst: true}
	sent, statuses := 0, []int(nil)
	switch sample {
	case "GetCredit.special-chars":
		opts.User, opts.Password, opts.Credit = "a&b<c", `p"'<&>رمز`, 5
	case "SendSMS.err-3":
		opts.Credit = 1
	case "GetStatus":
		statuses = []int{4, 5}
	case "GetStatus.n6":
		statuses = []int{1, 2, 3, 4, 5, 6}
	case "GetStatus.n1", "GetStatus.unknown":
		sent = 2
	}
	s := New(opts)
	for range max(sent, len(statuses)) {
		post(t, s, envelope("SendSMS", "demo", "demo-pass", "30001234", []string{"09120000001"}, "متن"))
	}
	for i, status := range statuses {
		if !s.SetStatus(fmt.Sprint(5000000001+i), status) {
			t.Fatalf("SMS %d was not accepted", i)
		}
	}
	receive := func(n int) {
		for i := 1; i <= n; i++ {
			s.ReceiveAt("09123456789", "30001234", fmt.Sprintf("پیام شماره %d", i), time.Unix(1700000000+int64(i-1), 0))
		}
	}
	switch sample {
	case "GetMsg":
		s.ReceiveAt("09123456789", "30001234", "سلام، جواب من «بله» است", time.Unix(1700000000, 0))
		s.ReceiveAt("+989351112233", "30001234", sampleText, time.Unix(1700000060, 0))
	case "GetMsg.n1":
		s.ReceiveAt("09123456789", "30001234", "تنها پیام", time.Unix(1700000000, 0))
	case "GetMsg.of60":
		receive(60)
	case "GetMsg.rest-of60":
		receive(10)
	}
	return s
}

// exchange writes a raw HTTP request to the panel and reads the raw answer.
func exchange(t *testing.T, s *Server, request []byte) (*http.Response, string) {
	t.Helper()
	web := httptest.NewServer(s)
	defer web.Close()
	conn, err := net.Dial("tcp", web.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := conn.Write(request); err != nil {
		t.Fatal(err)
	}
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer, string(body)
}

func parseAnswer(t *testing.T, wire []byte) (*http.Response, string) {
	t.Helper()
	answer, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(wire)), nil)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer, string(body)
}

// envelope writes a call as a client that does everything right. Arguments are strings and lists of strings, in order.
func envelope(method string, args ...any) string {
	names := map[string][]string{
		"GetCredit":       {"user", "pass"},
		"GetMsg":          {"user", "pass"},
		"GetStatus":       {"user", "pass", "unique_ids"},
		"SendSMS":         {"user", "pass", "fromNum", "toNum", "messageContent"},
		"SendMultipleSMS": {"user", "pass", "fromNum", "toNums", "messageContents"},
	}[method]
	var b strings.Builder
	b.WriteString(`<?xml version="1.0" encoding="UTF-8"?><SOAP-ENV:Envelope xmlns:SOAP-ENV="http://schemas.xmlsoap.org/soap/envelope/"` +
		` xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"` +
		` xmlns:SOAP-ENC="http://schemas.xmlsoap.org/soap/encoding/"><SOAP-ENV:Body><m:` + method + ` xmlns:m="urn:smsserver">`)
	for i, arg := range args {
		switch arg := arg.(type) {
		case string:
			fmt.Fprintf(&b, `<%s xsi:type="xsd:string">%s</%[1]s>`, names[i], nusoapEscape.Replace(arg))
		case []string:
			fmt.Fprintf(&b, `<%s xsi:type="SOAP-ENC:Array" SOAP-ENC:arrayType="xsd:string[%d]">`, names[i], len(arg))
			for _, item := range arg {
				fmt.Fprintf(&b, `<item xsi:type="xsd:string">%s</item>`, nusoapEscape.Replace(item))
			}
			fmt.Fprintf(&b, `</%s>`, names[i])
		}
	}
	b.WriteString(`</m:` + method + `></SOAP-ENV:Body></SOAP-ENV:Envelope>`)
	return b.String()
}

// post sends an envelope without a network and returns the answer's body.
func post(t testing.TB, s *Server, body string) string {
	t.Helper()
	r := httptest.NewRequest("POST", "/", strings.NewReader(body))
	r.Header.Set("Content-Type", "text/xml; charset=utf-8")
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w.Body.String()
}
