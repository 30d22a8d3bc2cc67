package soap

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"peyk/sms"
	"peyk/smsapi"
	"peyk/smsapi/exchange"
)

// msg is one message as nusoap writes it.
func msg(from, text string, at any) string {
	return fmt.Sprintf("<item><from>%s</from><to>30001234</to><msg>%s</msg><time>%v</time></item>", from, text, at)
}

// inbound is one message as Decode returns it.
func inbound(from sms.Number, text string, at int64) sms.Message {
	m := sms.Message{Direction: sms.Inbound, Conversation: sms.Conversation{Line: "30001234", Customer: from}, Text: text}
	if at != 0 {
		m.Time = time.Unix(at, 0)
	}
	return m
}

// decodeUnread decodes an answer of a panel of whose order nothing is known.
func decodeUnread(a smsapi.Answer) ([]sms.Message, error) {
	in, err := Decode(a)
	smsapi.InboxOrder(0).Sort(in.Messages)
	return in.Messages, err
}

func TestDecodeUnread(t *testing.T) {
	hello := []sms.Message{inbound("09120000001", "hello", 1700000000)}
	one := msg("09120000001", "hello", 1700000000)
	strange := &failure{smsapi.Uncertain, 0, "the panel's answer has something in it that is not a message"}
	for _, test := range []struct {
		name, body string
		want       []sms.Message
		failed     *failure
	}{
		{"a list", answered("0", one), hello, nil},
		{"a message without its list", answered("0", strings.NewReplacer("<item>", "", "</item>", "").Replace(one)), hello, nil},
		{"a list in a list", answered("0", "<item>"+one+"</item>"), hello, nil},
		{"JSON of the list", answered("0", `[{"from":"+989120000001","to":30001234,"msg":"hello","time":1700000000}]`), hello, nil},
		{"JSON of each message", answered("0", `<item>{"from":"9120000001","to":"+9830001234","msg":"hello","time":"1700000000"}</item>`), hello, nil},
		{"JSON of all", soap(`<R><return>{"errCode":0,"result":[{"from":"09120000001","to":"30001234","msg":"hello","time":1700000000}]}</return></R>`), hello, nil},
		{"a Map of messages", answered("0", "<item><key>0</key><value>"+strings.NewReplacer("<item>", "", "</item>", "").Replace(one)+"</value></item>"), hello, nil},
		{"other letters in the names", answered("0", strings.NewReplacer("from", "From", "time", "TIME").Replace(one)), hello, nil},
		{"an element for each message, without a list", soap("<R><return><ErrCode>0</ErrCode>" + strings.Repeat(strings.NewReplacer("item>", "result>").Replace(one), 2) + "</return></R>"),
			slices.Concat(hello, hello), nil},
		{"a list of another name", soap("<R><return><ErrCode>0</ErrCode><messages>" + one + "</messages></return></R>"), hello, nil},
		{"a list next to an empty result", soap("<R><return><ErrCode>0</ErrCode><result/><messages>" + one + "</messages></return></R>"), hello, nil},
		{"empty list", answered("0", ""), nil, nil},
		{"nil", soap(`<R><return><ErrCode>0</ErrCode><result xsi:nil="true"/></return></R>`), nil, nil},
		{"no result", soap(`<R><return><ErrCode>0</ErrCode></return></R>`), nil, nil},
		{"false", answered("0", "false"), nil, nil},
		{"empty JSON", answered("0", "[]"), nil, nil},
		{"words say there are none", answered("0", "پیامی وجود ندارد"), nil, nil},
		{"markup nobody escaped is shown verbatim", answered("0", msg("09120000001", "hello<br/>you", 1700000000)),
			[]sms.Message{func() sms.Message {
				m := inbound("09120000001", "hello<br/>you", 1700000000)
				m.Verbatim = true
				return m
			}()}, nil},
		{"broken JSON is not none", answered("0", `[{"from":"a","msg":`), nil, strange},
		{"an item that is not a message is told", answered("0", one+"<item>oops</item>"), hello, strange},
		{"an error", answered("-1", "x"), nil, &failure{smsapi.Auth, -1, "x"}},
		{"messages without ErrCode are kept", soap("<R><return>" + one + "</return></R>"), hello, &failure{smsapi.Uncertain, 0, "the panel's answer has no ErrCode"}},
		{"older first, whatever came first",
			answered("0", msg("a", "3", 30)+msg("a", "2", 20)+msg("a", "1", 10)),
			[]sms.Message{inbound("a", "1", 10), inbound("a", "2", 20), inbound("a", "3", 30)}, nil},
		{"equal times keep their order",
			answered("0", msg("a", "1", 10)+msg("a", "2", 10)+msg("a", "3", 20)),
			[]sms.Message{inbound("a", "1", 10), inbound("a", "2", 10), inbound("a", "3", 20)}, nil},
		{"equal times turn round when the newest came first",
			answered("0", msg("a", "3", 20)+msg("a", "2", 10)+msg("a", "1", 10)),
			[]sms.Message{inbound("a", "1", 10), inbound("a", "2", 10), inbound("a", "3", 20)}, nil},
		{"the same message twice is two", answered("0", one+one), slices.Concat(hello, hello), nil},
		{"a time nobody can read", answered("0", msg("a", "x", "yesterday")), []sms.Message{inbound("a", "x", 0)}, nil},
		{"a time beyond all time", answered("0", msg("a", "x", "99999999999999999999")), []sms.Message{{Conversation: sms.Conversation{Line: "30001234", Customer: "a"}, Text: "x", Clock: "99999999999999999999"}}, nil},
		{"Persian digits", answered("0", msg("۰۹۱۲۰۰۰۰۰۰۱", "hello", "۱۷۰۰۰۰۰۰۰۰")), hello, nil},
		{"alphanumeric and short senders", answered("0", msg("Bank-Melli", "x", 10)+msg("8080", "y", 11)),
			[]sms.Message{inbound("Bank-Melli", "x", 10), inbound("8080", "y", 11)}, nil},
		{"a text that looks like JSON is a text", answered("0", msg("a", "[1,2]", 10)), []sms.Message{inbound("a", "[1,2]", 10)}, nil},
		{"a text keeps its spaces", answered("0", msg("a", "  x \n", 10)), []sms.Message{inbound("a", "  x \n", 10)}, nil},
		{"an empty text", answered("0", msg("a", "", 10)), []sms.Message{inbound("a", "", 10)}, nil},
		{"ends of lines are LF", answered("0", msg("a", "1\r\n2&#13;&#10;3\r4&#xD;5", 10)), []sms.Message{inbound("a", "1\n2\n3\n4\n5", 10)}, nil},
		{"control characters are replaced", answered("0", msg("a", "1\x00\x0b&#0;&#x1F;&#99999999999;\uffff2", 10)+one),
			[]sms.Message{inbound("a", "1\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd2", 10), hello[0]}, nil},
		{"markup and CDATA in a text", answered("0", msg("a", "&lt;b&gt; &amp;amp; <![CDATA[<i>&amp;]]> &#x1F600;", 10)), []sms.Message{inbound("a", "<b> &amp; <i>&amp; 😀", 10)}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := decodeUnread(smsapi.Answer{ContentType: "text/xml; charset=utf-8", Body: []byte(test.body)})
			if diff := cmp.Diff(test.failed, failureOf(err)); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestDecodeUnreadKeepsWholeMessagesOfACutAnswer(t *testing.T) {
	json := soap(`<R><return>{"ErrCode":0,"result":[` +
		`{"from":"a","to":"30001234","msg":"one, whole","time":10},{"from":"b","to":"30001234","msg":"two","time":20}]}</return></R>`)
	bodies := map[string][]byte{"json": []byte(json)}
	for _, dialect := range []string{"nusoap", "native"} {
		_, bodies[dialect] = sampleBody(t, "testdata/wire/"+dialect+"/GetMsg.response.http")
	}
	for name, body := range bodies {
		t.Run(name, func(t *testing.T) {
			whole, err := decodeUnread(smsapi.Answer{Body: body})
			if err != nil || len(whole) != 2 {
				t.Fatalf("got %v, %v", whole, err)
			}
			end := bytes.Index(body, []byte("Envelope>")) + len("Envelope>")
			most := 0
			for n := range body[:end-1] {
				got, err := decodeUnread(smsapi.Answer{Body: body[:n], Cut: true})
				if failureOf(err) == nil || failureOf(err).Kind != smsapi.Uncertain {
					t.Fatalf("cut at %d: got error %v, want an uncertain one", n, err)
				}
				for _, m := range got {
					if !slices.ContainsFunc(whole, func(w sms.Message) bool { return cmp.Equal(w, m) }) {
						t.Fatalf("cut at %d: got %v, which nobody sent", n, m)
					}
				}
				if len(got) < most {
					t.Fatalf("cut at %d: got %d messages, fewer than of a shorter piece", n, len(got))
				}
				most = len(got)
			}
			if want := 2; most != want {
				t.Errorf("got at most %d messages of a cut answer, want %d", most, want)
			}
		})
	}
}

// TestAnAnswerThatWasCutBeforeItWasCounted: the server died, and another counted what there was.
func TestAnAnswerThatWasCutBeforeItWasCounted(t *testing.T) {
	messages := ""
	for i := range 10 {
		messages += msg(fmt.Sprintf("091200000%02d", i), fmt.Sprint("text ", i), 1700000000+i)
	}
	whole := answered("0", messages)
	behind := func(words string, more int) string { return whole[:strings.Index(whole, words)+len(words)+more] }
	for name, test := range map[string]struct {
		body string
		want int
	}{
		"between two":            {behind("<time>1700000006</time></item>", 0), 7},
		"in a text":              {behind("text 7", 0), 7},
		"in a tag":               {behind("text 7</m", 0), 7},
		"in a name":              {behind("<time>1700000006</time></item><", 0), 7},
		"in a character":         {strings.Replace(behind("text 7", 0), "text 7", "سلا\xd9", 1), 7},
		"before the end":         {strings.TrimSuffix(whole, "</SOAP-ENV:Envelope>"), 10},
		"before its last letter": {strings.TrimSuffix(whole, ">"), 10},
		"with PHP's last words":  {behind("<time>1700000006</time></item>", 0) + "<br />\n<b>Fatal error</b>:  Maximum execution time exceeded in <b>/a.php</b> on line <b>7</b><br />", 7},
		"before all":             {whole[:strings.Index(whole, "<item>")], 0},
	} {
		address, _ := service(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(len(test.body)))
			io.WriteString(w, test.body)
		})
		answer, err := newClient(t, address, Options{}).Fetch(t.Context(), smsapi.Place{})
		wantKind(t, err, smsapi.Uncertain)
		got, _ := decodeUnread(answer)
		if !answer.Cut || len(got) != test.want {
			t.Errorf("%s: cut %t, %d messages, want %d", name, answer.Cut, len(got), test.want)
		}
	}
	for name, body := range map[string]string{"whole": whole, "with a comment behind": whole + "<!-- 0.2 s", "a page": "<html>", "nothing": " ", "a fault": soap("<Fault><faultstring>no</faultstring></Fault>")} {
		address, _ := service(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, body) })
		if answer, err := newClient(t, address, Options{}).Fetch(t.Context(), smsapi.Place{}); answer.Cut || err != nil {
			t.Errorf("%s: cut %t, %v", name, answer.Cut, err)
		}
	}
}

// TestAListThatLacksSomeIsTold: the server says how many there are.
func TestAListThatLacksSomeIsTold(t *testing.T) {
	for size, told := range map[int]bool{1: false, 2: true, 10: true} {
		body := soap(fmt.Sprintf(`<R><return><ErrCode>0</ErrCode><result SOAP-ENC:arrayType="x[%d]">%s</result></return></R>`, size, msg("09120000001", "x", 1700000000)))
		got, err := decodeUnread(smsapi.Answer{Body: []byte(body)})
		if len(got) != 1 || (err != nil) != told {
			t.Errorf("%d: got %v, %v", size, got, err)
		}
	}
}

// TestJSONThatWasCutInAWholeAnswer: what could be read of it is kept, and the rest is told of.
func TestJSONThatWasCutInAWholeAnswer(t *testing.T) {
	one := `{"from":"09120000001","to":"30001234","msg":"x","time":1700000000}`
	for _, json := range []string{"[" + one + "," + one + `,{"from":"0912`, `[` + one + `,` + one, "[" + one + "," + one + `,{"from":"09120000003","to":"30001234","msg":"hal`} {
		for name, body := range map[string]string{
			"the result": answered("0", json),
			"all":        soap(`<R><return>{"ErrCode":0,"result":` + json + `</return></R>`),
		} {
			got, err := decodeUnread(smsapi.Answer{Body: []byte(body)})
			if len(got) != 2 || failureOf(err) == nil || failureOf(err).Kind != smsapi.Uncertain {
				t.Errorf("%s, %s: got %+v, %v", name, json, got, err)
			}
		}
	}
}

func TestAnswerOfOneSecondIsReadInThePanelsOrder(t *testing.T) {
	body := []byte(answered("0", msg("a", "third", 10)+msg("a", "second", 10)+msg("a", "first", 10)))
	for known, want := range map[smsapi.InboxOrder]string{0: "third", -3: "third", 1: "first", 8: "first"} {
		in, err := Decode(smsapi.Answer{Body: body})
		messages := in.Messages
		order := known.Sort(messages)
		if err != nil || len(messages) != 3 || messages[0].Text != want || order != known {
			t.Errorf("%d: got %v, %d, %v, want %s first", known, messages, order, err, want)
		}
	}
}

func TestUnreadReturnsWhatCameOfACutAnswer(t *testing.T) {
	messages := msg("09120000001", "first", 1700000000) + msg("09120000002", "second", 1700000001)
	whole := answered("0", messages)
	cut := whole[:strings.Index(whole, "second")+3]
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	io.WriteString(z, cut)
	z.Flush() // and never closed
	serve := func(length int, encoding, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if encoding != "" {
				w.Header().Set("Content-Encoding", encoding)
			}
			w.Header().Set("Content-Type", "text/xml; charset=utf-8")
			w.Header().Set("Content-Length", fmt.Sprint(length))
			io.WriteString(w, body)
			http.NewResponseController(w).Flush()
			if length > 1<<20 {
				<-r.Context().Done()
			}
		}
	}
	for _, test := range []struct {
		name    string
		handler http.HandlerFunc
		body    string
	}{
		{"connection lost", serve(len(whole), "", cut), cut},
		{"connection lost, packed", serve(packed.Len()+10, "gzip", packed.String()), cut},
		{"too slow", serve(2<<20, "", cut), cut},
		{"too long", func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, cut)
			io.WriteString(w, strings.Repeat("x", exchange.MaxAnswer))
		}, cut + strings.Repeat("x", exchange.MaxAnswer-len(cut))},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				address, dial, calls := inMemory(t, test.handler)
				answer, err := newClient(t, address, Options{Options: exchange.Options{Dial: dial}}).Fetch(t.Context(), smsapi.Place{})
				wantKind(t, err, smsapi.Uncertain)
				if !answer.Cut || string(answer.Body) != test.body {
					t.Errorf("got Cut %v and %d bytes, want true and the %d bytes that came", answer.Cut, len(answer.Body), len(test.body))
				}
				got, err := decodeUnread(answer)
				wantKind(t, err, smsapi.Uncertain)
				if diff := cmp.Diff([]sms.Message{inbound(alice, "first", 1700000000)}, got); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
				if got := calls.Load(); got != 1 {
					t.Errorf("the panel was asked %d times, want once", got)
				}
			})
		})
	}
	t.Run("nothing missing but the promised length", func(t *testing.T) {
		address, _ := service(t, serve(len(whole)+10, "", whole))
		answer, err := newClient(t, address, Options{}).Fetch(t.Context(), smsapi.Place{})
		if err != nil || answer.Cut {
			t.Errorf("got %v, Cut %v, want the whole answer", err, answer.Cut)
		}
	})
	t.Run("a status of 500 with a page keeps the page", func(t *testing.T) {
		address, _ := service(t, func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(500)
			io.WriteString(w, "<html>")
		})
		answer, err := newClient(t, address, Options{}).Fetch(t.Context(), smsapi.Place{})
		wantKind(t, err, smsapi.Uncertain)
		if string(answer.Body) != "<html>" || answer.Cut {
			t.Errorf("got %q, Cut %v, want the page", answer.Body, answer.Cut)
		}
	})
}

func TestWhatMayHoldSMS(t *testing.T) {
	for body, want := range map[string]bool{
		`<html><body>503 Service Unavailable</body></html>`:                                                       false,
		`<SOAP-ENV:Envelope><SOAP-ENV:Body><SOAP-ENV:Fault><faultstring>no memory</faultstring></SOAP-ENV:Fault>`: false,
		``:                                   false,
		`Warning: mysql_connect() in db.php`: false,
		`<ns1:GetMsgResponse xmlns:ns1="urn:x"><return><ErrCode`:  true,
		`<e:Body><getmsgresponse>`:                                true,
		`...lost its head...<to>3000</to><msg>hello</msg>`:        true,
		`<item><key>msg</key><value>hello</value></item>`:         true,
		`{"ErrCode":0,"result":[{"from":"0912","text":"hello"}]}`: true,
	} {
		if got := mayHoldSMS([]byte(body)); got != want {
			t.Errorf("%q: %t", body, got)
		}
	}
}
