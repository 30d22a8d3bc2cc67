package soap

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"flag"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"peyk/sms"
	"peyk/smsapi"
	"peyk/smsapi/exchange"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// golden compares got with a file, or rewrites it.
func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

// samples returns the files of that ending which real clients and servers wrote, by their names without it.
func samples(t testing.TB, ending string) map[string]string {
	t.Helper()
	files, err := filepath.Glob("testdata/wire/*/*" + ending)
	if err != nil || len(files) == 0 {
		t.Fatalf("no samples %s: %v", ending, err)
	}
	named := map[string]string{}
	for _, file := range files {
		named[strings.TrimSuffix(strings.TrimPrefix(file, "testdata/wire/"), ending)] = file
	}
	return named
}

// sampleBody returns the body and the content type of a sample of an answer.
func sampleBody(t testing.TB, file string) (contentType string, body []byte) {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(raw)), nil)
	if err != nil {
		t.Fatal(err)
	}
	body, err = io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.Header.Get("Content-Type"), body
}

// A written request, by what it means to a server.
type meaning struct {
	ContentType string
	Action      string
	Method      xml.Name
	Params      []meantParam
}

type meantParam struct {
	Name, Type, ArrayType string
	Text                  string
	Items                 []meantParam
}

// readRequest returns what a whole HTTP message with a request means.
func readRequest(t *testing.T, raw []byte) meaning {
	t.Helper()
	req, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(raw)))
	if err != nil {
		t.Fatal(err)
	}
	m := meaning{ContentType: strings.ToLower(req.Header.Get("Content-Type")), Action: req.Header.Get("SOAPAction")}
	type element struct {
		XMLName xml.Name
		Attrs   []xml.Attr `xml:",any,attr"`
		Text    string     `xml:",chardata"`
		Items   []struct {
			XMLName xml.Name
			Attrs   []xml.Attr `xml:",any,attr"`
			Text    string     `xml:",chardata"`
		} `xml:",any"`
	}
	var envelope struct {
		Body struct {
			Call struct {
				XMLName xml.Name
				Params  []element `xml:",any"`
			} `xml:",any"`
		} `xml:"Body"`
	}
	if err := xml.NewDecoder(req.Body).Decode(&envelope); err != nil {
		t.Fatal(err)
	}
	param := func(name, text string, attrs []xml.Attr) meantParam {
		p := meantParam{Name: name, Text: text}
		for _, a := range attrs {
			switch a.Name.Local {
			case "type":
				// The WSDLs define ArrayOfString as an Array of xsd:string.
				p.Type = strings.Replace(localName(a.Value), "ArrayOfString", "Array", 1)
			case "arrayType":
				p.ArrayType = a.Value
			}
		}
		return p
	}
	m.Method = envelope.Body.Call.XMLName
	for _, e := range envelope.Body.Call.Params {
		p := param(e.XMLName.Local, e.Text, e.Attrs)
		for _, item := range e.Items {
			p.Items = append(p.Items, param(item.XMLName.Local, item.Text, item.Attrs))
		}
		m.Params = append(m.Params, p)
	}
	return m
}

// taped is a connection that keeps what was written to it.
type taped struct {
	net.Conn
	mu   *sync.Mutex
	tape *bytes.Buffer
}

func (c taped) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tape.Write(b)
	return c.Conn.Write(b)
}

// TestRequests makes each request that a real client made and compares what it means to the server. The whole messages are
// kept, so that a change in them is seen.
func TestRequests(t *testing.T) {
	for name, file := range samples(t, ".request.http") {
		t.Run(name, func(t *testing.T) {
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			dir := filepath.Dir(file)
			wsdlType, wsdl := sampleBody(t, filepath.Join(dir, "WSDL.response.http"))
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				io.Copy(io.Discard, r.Body) // answered before, the client would not send all of it
				w.Header().Set("Content-Type", wsdlType)
				w.Write(wsdl)
			}))
			defer server.Close()
			var mu sync.Mutex
			var tape bytes.Buffer
			dial := func(ctx context.Context, network, _ string) (net.Conn, error) {
				conn, err := (&net.Dialer{}).DialContext(ctx, network, server.Listener.Addr().String())
				mu.Lock()
				defer mu.Unlock()
				tape.Reset()
				return taped{conn, &mu, &tape}, err
			}
			newClient := func(user, password string) *Client {
				c, err := New("http://panel.example/class/sms/webservice3/server.php?wsdl", user, password, Options{Options: exchange.Options{Dial: dial}})
				if err != nil {
					t.Fatal(err)
				}
				return c
			}
			if strings.HasSuffix(name, "/WSDL") {
				if _, err := newClient("demo", "demo-pass").describe(t.Context()); err != nil {
					t.Fatal(err)
				}
			} else {
				want := readRequest(t, raw)
				params := values{}
				for _, p := range want.Params {
					if p.ArrayType == "" {
						params[p.Name] = p.Text
						continue
					}
					items := []string{}
					for _, item := range p.Items {
						items = append(items, item.Text)
					}
					params[p.Name] = items
				}
				c := newClient(params["user"].(string), params["pass"].(string))
				if _, err := c.post(t.Context(), want.Method.Local, params); err != nil {
					t.Fatal(err)
				}
				mu.Lock()
				got := readRequest(t, tape.Bytes())
				mu.Unlock()
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("the request means something else (-want +got):\n%s", diff)
				}
			}
			mu.Lock()
			defer mu.Unlock()
			golden(t, strings.TrimSuffix(file, ".http")+".golden.http", tape.Bytes())
		})
	}
}

// TestResponses decodes each answer that a real server gave.
func TestResponses(t *testing.T) {
	for name, file := range samples(t, ".response.http") {
		t.Run(name, func(t *testing.T) {
			contentType, body := sampleBody(t, file)
			var got any
			var err error
			if method, _, _ := strings.Cut(filepath.Base(name), "."); method == "WSDL" {
				got, err = readableWSDL(contentType, body)
			} else {
				request, e := os.ReadFile(strings.TrimSuffix(file, ".response.http") + ".request.http")
				if e != nil {
					t.Fatal(e)
				}
				got, err = decode(method, contentType, body, readRequest(t, request))
			}
			said := map[string]any{"value": got}
			if err != nil {
				failed := err.(*smsapi.Error)
				said = map[string]any{"error": map[string]any{"kind": failed.Kind.String(), "code": failed.Code, "text": failed.Text}}
			}
			var b bytes.Buffer
			e := json.NewEncoder(&b)
			e.SetEscapeHTML(false)
			e.SetIndent("", "\t")
			if err := e.Encode(said); err != nil {
				t.Fatal(err)
			}
			golden(t, strings.TrimSuffix(file, ".http")+".golden.json", b.Bytes())
		})
	}
}

// decode interprets an answer to a request as the client does.
func decode(method, contentType string, body []byte, asked meaning) (any, error) {
	param := func(name string) []string {
		i := slices.IndexFunc(asked.Params, func(p meantParam) bool { return p.Name == name })
		var items []string
		for _, item := range asked.Params[i].Items {
			items = append(items, item.Text)
		}
		return items
	}
	response, err := readResponse(contentType, body)
	if err != nil {
		return nil, err
	}
	switch method {
	case "GetCredit":
		return readCredit(response)
	case "SendSMS":
		var to []sms.Number
		for _, n := range param("toNum") {
			to = append(to, sms.Normalize(n))
		}
		return readSent(response, slices.Concat(smsapi.Pieces(to)...))
	case "SendMultipleSMS":
		var to []sms.Number
		for _, n := range param("toNums") {
			to = append(to, sms.Number(n))
		}
		return readSentEach(response, to)
	case "GetStatus":
		var ids []sms.ID
		for _, id := range param("unique_ids") {
			ids = append(ids, sms.ID(id))
		}
		codes, _, err := readStatuses(response, ids)
		return codes, err
	}
	messages, err := decodeUnread(smsapi.Answer{ContentType: contentType, Body: body})
	// What a golden file holds must not depend on the zone of whoever runs the test.
	for i := range messages {
		messages[i].Time = messages[i].Time.UTC()
	}
	return messages, err
}

// readableWSDL returns a service description as its golden file shows it.
func readableWSDL(contentType string, body []byte) (any, error) {
	type call struct {
		Action, Namespace string
		Params            []string
	}
	operations, err := readWSDL(contentType, body)
	readable := map[string]call{}
	for name, op := range operations {
		c := call{Action: op.action, Namespace: op.namespace}
		for _, p := range op.params {
			c.Params = append(c.Params, p.name)
		}
		readable[name] = c
	}
	return readable, err
}
