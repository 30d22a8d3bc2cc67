package soap

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"peyk/sms"
	"peyk/smsapi"
)

// soap wraps what a method answers.
func soap(response string) string {
	return `<?xml version="1.0" encoding="UTF-8"?><SOAP-ENV:Envelope xmlns:SOAP-ENV="http://schemas.xmlsoap.org/soap/envelope/">` +
		`<SOAP-ENV:Body>` + response + `</SOAP-ENV:Body></SOAP-ENV:Envelope>`
}

// answered is an answer of the usual shape.
func answered(code, result string) string {
	return soap(`<ns1:XResponse><return><ErrCode>` + code + `</ErrCode><result>` + result + `</result></return></ns1:XResponse>`)
}

// failure is what a test compares of an error.
type failure struct {
	Kind smsapi.Kind
	Code int
	Text string
}

func failureOf(err error) *failure {
	var failed *smsapi.Error
	if !errors.As(err, &failed) {
		return nil
	}
	return &failure{failed.Kind, failed.Code, failed.Text}
}

func TestErrCode(t *testing.T) {
	none := &failure{smsapi.Uncertain, 0, "the panel's answer has no ErrCode"}
	for _, test := range []struct {
		name, body string
		want       *failure
	}{
		{"a string zero is success", answered("0", "1000"), nil},
		{"space around the number is nothing", answered("\n 0 ", "1000"), nil},
		{"Persian digits are digits", answered("۰", "1000"), nil},
		{"minus one is a login that failed", answered("-1", "کاربر شناسایی نشد"), &failure{smsapi.Auth, -1, "کاربر شناسایی نشد"}},
		{"a code the guide knows is final", answered("-5", "شماره"), &failure{smsapi.Rejected, -5, "شماره"}},
		{"a code without words takes the guide's", answered("-5", ""), &failure{smsapi.Rejected, -5, "the sending number is not yours"}},
		{"a code nobody knows is an error all the same", answered("17", "x"), &failure{smsapi.Rejected, 17, "x"}},
		{"words in a list are words", answered("-3", "<item>a</item><item>b</item>"), &failure{smsapi.Rejected, -3, "a, b"}},
		{"an empty code is none", answered("", "1000"), none},
		{"a word is no code", answered("Array", "1000"), none},
		{"nil is no code", soap(`<XResponse><return><ErrCode xsi:nil="true">0</ErrCode><result>1</result></return></XResponse>`), none},
		{"a missing code is none", soap(`<XResponse><return><result>1000</result></return></XResponse>`), none},
		{"a bare number is the credit", soap(`<XResponse><return>1000</return></XResponse>`), nil},
		{"a bare word has no code", soap(`<XResponse><return>Array</return></XResponse>`), none},
		{"a bare negative value is a code", soap(`<XResponse><return>-1</return></XResponse>`), &failure{smsapi.Auth, -1, "user not recognised"}},
		{"a bare minus zero has no code", soap(`<XResponse><return>-0</return></XResponse>`), none},
		{"other letters of the key", soap(`<XResponse><return><errcode>0</errcode><Result>1000</Result></return></XResponse>`), nil},
		{"members in another order", soap(`<XResponse><return><result>1000</result><ErrCode>0</ErrCode></return></XResponse>`), nil},
		{"return has another name", soap(`<XResponse><outcome><ErrCode>0</ErrCode><result>1000</result></outcome></XResponse>`), nil},
		{"return is missing", soap(`<XResponse><ErrCode>0</ErrCode><result>1000</result></XResponse>`), nil},
		{"the response is missing", soap(`<return><ErrCode>0</ErrCode><result>1000</result></return>`), nil},
		{"a Map", soap(`<XResponse><return><item><key>result</key><value>1000</value></item><item><key>ErrCode</key><value>0</value></item></return></XResponse>`), nil},
		{"JSON in a string", soap(`<XResponse><return>{"ErrCode":0,"result":"1000"}</return></XResponse>`), nil},
		{"JSON of an error", soap(`<XResponse><return>{"ErrCode":"-5","result":null}</return></XResponse>`), &failure{smsapi.Rejected, -5, "the sending number is not yours"}},
		{"a reference", soap(`<XResponse><return href="#r"/></XResponse><multiRef id="r"><ErrCode href="#e"/><result>1000</result></multiRef><multiRef id="e">0</multiRef>`), nil},
		{"a reference that comes first", soap(`<multiRef id="r"><ErrCode>0</ErrCode><result>1000</result></multiRef><XResponse><return href="#r"/></XResponse>`), nil},
		{"CDATA", answered("<![CDATA[0]]>", "<![CDATA[1000]]>"), nil},
		{"other prefixes", strings.NewReplacer("SOAP-ENV:", "soap:", "ns1:", "m:").Replace(answered("0", "1000")), nil},
		{"no prefixes", strings.NewReplacer("SOAP-ENV:", "", "ns1:", "").Replace(answered("0", "1000")), nil},
		{"a byte order mark, a blank line and a warning before it", "\ufeff\n<br />\n<b>Warning</b>: x in <b>/a.php</b><br />\n" + answered("0", "1000"), nil},
		{"a comment behind it", answered("0", "1000") + "<!-- 0.2 s -->", nil},
		{"a broken page behind it", answered("0", "1000") + "<br><b>Notice", nil},
		{"a fault", soap(`<SOAP-ENV:Fault><faultcode>SOAP-ENV:Client</faultcode><faultstring>no such method</faultstring></SOAP-ENV:Fault>`), &failure{smsapi.Uncertain, 0, "no such method"}},
		{"a fault of SOAP 1.2", soap(`<Fault><Code><Value>Sender</Value></Code><Reason><Text>no</Text></Reason></Fault>`), &failure{smsapi.Uncertain, 0, "no"}},
		{"a fault without words", soap(`<Fault/>`), &failure{smsapi.Uncertain, 0, "the panel's service failed"}},
		{"nothing", "", &failure{smsapi.Uncertain, 0, "the panel answered nothing"}},
		{"blank lines", " \n", &failure{smsapi.Uncertain, 0, "the panel answered nothing"}},
		{"an empty body", soap(""), &failure{smsapi.Uncertain, 0, "the panel's answer is empty"}},
		{"an empty response", soap("<XResponse/>"), none},
		{"no body", "<Envelope></Envelope>", &failure{smsapi.Uncertain, 0, "the panel's answer cannot be read"}},
		{"a page", "<!DOCTYPE html><html><body>Account suspended</body></html>", &failure{smsapi.Uncertain, 0, "the panel answered with a web page"}},
		{"plain words", "Service unavailable", &failure{smsapi.Uncertain, 0, "the panel's answer cannot be read"}},
		{"a DOCTYPE", `<!DOCTYPE x [<!ENTITY e "0">]>` + answered("&e;", "1000"), &failure{smsapi.Uncertain, 0, "the panel's answer cannot be read"}},
		{"a DOCTYPE inside", answered(`<!DOCTYPE x>0`, "1000"), &failure{smsapi.Uncertain, 0, "the panel's answer cannot be read"}},
		{"an entity nobody declared", answered("&zero;", "1000"), none},
		{"a reference to itself", soap(`<XResponse><return href="#r"/></XResponse><r id="r"><x href="#r"/><y href="#r"/></r>`), &failure{smsapi.Uncertain, 0, "the panel's answer cannot be read"}},
		{"references that name each other", soap(`<XResponse><return href="#a"/></XResponse><r id="a" href="#b"/><r id="b" href="#a"/>`), &failure{smsapi.Uncertain, 0, "the panel's answer cannot be read"}},
		{"very deep", soap(strings.Repeat("<a>", 100_000)), &failure{smsapi.Uncertain, 0, "the panel's answer cannot be read"}},
		{"very many", soap(strings.Repeat("<a/>", 200_000)), &failure{smsapi.Uncertain, 0, "the panel's answer cannot be read"}},
		{"cut behind the code", `<Envelope><Body><XResponse><return><ErrCode>0</ErrCode><result>10`, &failure{smsapi.Uncertain, 0, "the panel's answer cannot be read"}},
		{"crossed tags", "<Envelope><Body><a><b></a></b></Body></Envelope>", &failure{smsapi.Uncertain, 0, "the panel's answer cannot be read"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			credit, err := "", error(nil)
			response, err := readResponse("text/xml; charset=utf-8", []byte(test.body))
			if err == nil {
				credit, err = readCredit(response)
			}
			if diff := cmp.Diff(test.want, failureOf(err)); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
			if want := "1000"; test.want == nil && credit != want {
				t.Errorf("got credit %q, want %q", credit, want)
			}
		})
	}
}

func TestCreditIsShownAsGiven(t *testing.T) {
	for result, want := range map[string]string{
		"12,500 ریال":        "12,500 ریال",
		"-3":                 "-3",
		"<credit>7</credit>": "7",
		"{&quot;c&quot;:7}":  "7",
	} {
		response, err := readResponse("", []byte(answered("0", result)))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := readCredit(response); got != want || err != nil {
			t.Errorf("%s: got %q, %v, want %q", result, got, err, want)
		}
	}
	response, err := readResponse("", []byte(answered("0", "")))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := readCredit(response); failureOf(err) == nil || failureOf(err).Kind != smsapi.Uncertain {
		t.Errorf("an empty credit: got %v, want an uncertain error", err)
	}
}

func TestSentIDs(t *testing.T) {
	a, b := sms.Number("09120000001"), sms.Number("09120000002")
	both := []smsapi.Result{{Recipient: a, ID: "51"}, {Recipient: b, ID: "52"}}
	unnamed := []smsapi.Result{{Recipient: a}, {Recipient: b}}
	items := func(ids ...string) string { return "<item>" + strings.Join(ids, "</item><item>") + "</item>" }
	entry := func(key, value string) string {
		return "<item><key>" + key + "</key><value>" + value + "</value></item>"
	}
	for _, test := range []struct {
		name, result string
		want         smsapi.Sent
	}{
		{"as many ids as recipients are parallel", items("51", "52"), smsapi.Sent{Results: both}},
		{"a Map with numbered keys is a list", entry("0", "51") + entry("1", "52"), smsapi.Sent{Results: both}},
		{"a Map with recipients goes by them", entry("+989120000002", "52") + entry("09120000001", "51"), smsapi.Sent{Results: both}},
		{"nusoap's names for recipients", "<__numeric_09120000002>52</__numeric_09120000002><__numeric_09120000001>51</__numeric_09120000001>", smsapi.Sent{Results: both}},
		{"JSON", "[51,&quot;52&quot;]", smsapi.Sent{Results: both}},
		{"ids are opaque", items("a-1", "b/2"), smsapi.Sent{Results: []smsapi.Result{{Recipient: a, ID: "a-1"}, {Recipient: b, ID: "b/2"}}}},
		{"long ids keep their digits", "[98765432109876543210,1]", smsapi.Sent{Results: []smsapi.Result{{Recipient: a, ID: "98765432109876543210"}, {Recipient: b, ID: "1"}}}},
		{"fewer ids are nobody's", "51", smsapi.Sent{Results: unnamed, IDs: []sms.ID{"51"}}},
		{"more ids are nobody's", items("51", "52", "53"), smsapi.Sent{Results: unnamed, IDs: []sms.ID{"51", "52", "53"}}},
		{"no ids are still accepted", "", smsapi.Sent{Results: unnamed}},
		{"an id is missing", items("51", ""), smsapi.Sent{Results: []smsapi.Result{{Recipient: a, ID: "51"}, {Recipient: b, Err: &smsapi.Error{Text: "the panel gave no id"}}}}},
		{"ids in a member of their own", "done</result><outcome>" + items("51", "52") + "</outcome><result>", smsapi.Sent{Results: both}},
	} {
		t.Run(test.name, func(t *testing.T) {
			response, err := readResponse("", []byte(answered("0", test.result)))
			if err != nil {
				t.Fatal(err)
			}
			got, err := readSent(response, []sms.Number{a, b})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got, cmpopts.EquateEmpty(), cmpopts.IgnoreFields(smsapi.Error{}, "Err")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	t.Run("one id alone", func(t *testing.T) {
		response, err := readResponse("", []byte(answered("0", "51")))
		if err != nil {
			t.Fatal(err)
		}
		got, err := readSent(response, []sms.Number{a})
		if want := (smsapi.Sent{Results: both[:1]}); err != nil || !cmp.Equal(want, got) {
			t.Errorf("got %v, %v, want %v", got, err, want)
		}
	})
}

func TestSentEach(t *testing.T) {
	to := []smsapi.Addressed{{To: "09120000001"}, {To: "09120000002"}}
	member := func(code, result string) string {
		return "<item><ErrCode>" + code + "</ErrCode><result>" + result + "</result></item>"
	}
	unsure := &smsapi.Error{Kind: smsapi.Uncertain, Text: "the panel did not say which recipients it refused"}
	for _, test := range []struct {
		name, inside string
		want         smsapi.Sent
		failed       *failure
	}{
		{"each has its own answer", "<return>" + member("0", "51") + member("-3", "x") + "</return>",
			smsapi.Sent{Results: []smsapi.Result{{Recipient: to[0].To, ID: "51"}, {Recipient: to[1].To, Err: &smsapi.Error{Kind: smsapi.Rejected, Code: -3, Meaning: "sending failed", Text: "x"}}}}, nil},
		{"without return", member("0", "51") + member("0", "52"),
			smsapi.Sent{Results: []smsapi.Result{{Recipient: to[0].To, ID: "51"}, {Recipient: to[1].To, ID: "52"}}}, nil},
		{"each in JSON", `<return>[{"ErrCode":0,"result":51},{"ErrCode":0,"result":52}]</return>`,
			smsapi.Sent{Results: []smsapi.Result{{Recipient: to[0].To, ID: "51"}, {Recipient: to[1].To, ID: "52"}}}, nil},
		{"a list of ids behind one ErrCode", "<return><ErrCode>0</ErrCode><result><item>51</item><item>52</item></result></return>",
			smsapi.Sent{Results: []smsapi.Result{{Recipient: to[0].To, ID: "51"}, {Recipient: to[1].To, ID: "52"}}}, nil},
		{"members behind one ErrCode", "<return><ErrCode>0</ErrCode><result>" + member("0", "51") + member("-3", "x") + "</result></return>",
			smsapi.Sent{Results: []smsapi.Result{{Recipient: to[0].To, ID: "51"}, {Recipient: to[1].To, Err: &smsapi.Error{Kind: smsapi.Rejected, Code: -3, Meaning: "sending failed", Text: "x"}}}}, nil},
		{"a member without ErrCode is uncertain", "<return>" + member("0", "51") + "<item><result>52</result></item></return>",
			smsapi.Sent{Results: []smsapi.Result{{Recipient: to[0].To, ID: "51"}, {Recipient: to[1].To, Err: &smsapi.Error{Kind: smsapi.Uncertain, Text: "the panel's answer has no ErrCode"}}}}, nil},
		{"a lone error concerns all", "<return><ErrCode>-4</ErrCode><result>x</result></return>", smsapi.Sent{}, &failure{smsapi.Rejected, -4, "x"}},
		{"a lone error in a list concerns all", "<return>" + member("-1", "x") + "</return>", smsapi.Sent{}, &failure{smsapi.Auth, -1, "x"}},
		{"a lone success is nobody's", "<return>" + member("0", "51") + "</return>",
			smsapi.Sent{Results: []smsapi.Result{{Recipient: to[0].To}, {Recipient: to[1].To}}, IDs: []sms.ID{"51"}}, nil},
		{"too many members, one refused", "<return>" + member("0", "51") + member("-3", "x") + member("0", "53") + "</return>",
			smsapi.Sent{Results: []smsapi.Result{{Recipient: to[0].To, Err: unsure}, {Recipient: to[1].To, Err: unsure}}, IDs: []sms.ID{"51", "53"}}, nil},
		{"nothing", "<return/>", smsapi.Sent{}, &failure{smsapi.Uncertain, 0, "the panel's answer has no ErrCode"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			response, err := readResponse("", []byte(soap("<XResponse>"+test.inside+"</XResponse>")))
			if err != nil {
				t.Fatal(err)
			}
			got, err := readSentEach(response, to)
			if diff := cmp.Diff(test.failed, failureOf(err)); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestStatuses(t *testing.T) {
	ids := []sms.ID{"51", "52", "4"}
	for _, test := range []struct {
		name, result string
		want         map[sms.ID]int
	}{
		{"as many codes as ids are parallel", "<item>1</item><item>۴</item><item></item>", map[sms.ID]int{"51": 1, "52": 4, "4": 0}},
		{"fewer codes are unknown", "<item>1</item><item>4</item>", map[sms.ID]int{}},
		{"a bare code for three is unknown", "4", map[sms.ID]int{}},
		{"a Map goes by ids", "<item><key>52</key><value>4</value></item><item><key>51</key><value>1</value></item>", map[sms.ID]int{"51": 1, "52": 4}},
		{"nusoap's names for ids", "<__numeric_4>5</__numeric_4>", map[sms.ID]int{"4": 5}},
		{"JSON goes by ids", `{"52":4,"51":"1"}`, map[sms.ID]int{"51": 1, "52": 4}},
		{"structs go by ids", "<item><id>52</id><status>4</status></item><item><status>3</status><unique_id>4</unique_id></item>", map[sms.ID]int{"52": 4, "4": 3}},
		{"one struct without its list", "<id>52</id><status>6</status>", map[sms.ID]int{"52": 6}},
		{"a statusId is no id", "<item><statusId>4</statusId><id>51</id></item>", map[sms.ID]int{"51": 4}},
		{"codes nobody knows stay", "<item>9</item><item>x</item><item>-1</item>", map[sms.ID]int{"51": 9, "52": 0, "4": -1}},
		{"nothing", "", map[sms.ID]int{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			response, err := readResponse("", []byte(answered("0", test.result)))
			if err != nil {
				t.Fatal(err)
			}
			got, _, err := readStatuses(response, ids)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	t.Run("one code alone", func(t *testing.T) {
		response, err := readResponse("", []byte(answered("0", "4")))
		if err != nil {
			t.Fatal(err)
		}
		got, _, err := readStatuses(response, ids[:1])
		if want := (map[sms.ID]int{"51": 4}); err != nil || !cmp.Equal(want, got) {
			t.Errorf("got %v, %v, want %v", got, err, want)
		}
	})
}

// msg is one message as nusoap writes it.
func msg(from, text string, at any) string {
	return fmt.Sprintf("<item><from>%s</from><to>30001234</to><msg>%s</msg><time>%v</time></item>", from, text, at)
}

// inbound is one message as DecodeUnread returns it.
func inbound(from sms.Number, text string, at int64) sms.Message {
	m := sms.Message{Direction: sms.Inbound, Conversation: sms.Conversation{Line: "30001234", Customer: from}, Text: text}
	if at != 0 {
		m.Time = time.Unix(at, 0)
	}
	return m
}

// decodeUnread decodes an answer of a panel of whose order nothing is known.
func decodeUnread(a smsapi.Answer) ([]sms.Message, error) {
	messages, _, err := (*Client)(nil).Decode(a, 0)
	return messages, err
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
		{"a list beside an empty result", soap("<R><return><ErrCode>0</ErrCode><result/><messages>" + one + "</messages></return></R>"), hello, nil},
		{"empty list", answered("0", ""), nil, nil},
		{"nil", soap(`<R><return><ErrCode>0</ErrCode><result xsi:nil="true"/></return></R>`), nil, nil},
		{"no result", soap(`<R><return><ErrCode>0</ErrCode></return></R>`), nil, nil},
		{"false", answered("0", "false"), nil, nil},
		{"empty JSON", answered("0", "[]"), nil, nil},
		{"words say there are none", answered("0", "پیامی وجود ندارد"), nil, nil},
		{"markup nobody escaped is shown as it came", answered("0", msg("09120000001", "hello<br/>you", 1700000000)),
			[]sms.Message{func() sms.Message {
				m := inbound("09120000001", "hello<br/>you", 1700000000)
				m.Verbatim = true
				return m
			}()}, nil},
		{"broken JSON is not none", answered("0", `[{"from":"a","msg":`), nil, strange},
		{"an item that is no message is told", answered("0", one+"<item>oops</item>"), hello, strange},
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

func TestDecodeUnreadInForeignCharacterSets(t *testing.T) {
	utf16Bytes := func(bom bool, little bool, s string) string {
		var b []byte
		units := utf16.Encode([]rune(s))
		if bom {
			units = append([]uint16{0xfeff}, units...)
		}
		for _, u := range units {
			if little {
				b = append(b, byte(u), byte(u>>8))
			} else {
				b = append(b, byte(u>>8), byte(u))
			}
		}
		return string(b)
	}
	persian := answered("0", msg("a", "سلام", 10))
	declared := func(charset, body string) string { return strings.Replace(body, "UTF-8", charset, 1) }
	for _, test := range []struct{ name, contentType, body, want string }{
		{"declared ISO-8859-1, written UTF-8", "text/xml; charset=ISO-8859-1", declared("ISO-8859-1", persian), "سلام"},
		{"real ISO-8859-1", "text/xml; charset=ISO-8859-1", declared("ISO-8859-1", answered("0", msg("a", "caf\xe9", 10))), "café"},
		{"ISO-8859-1 in the header alone", "text/xml; charset=iso-8859-1", strings.TrimPrefix(answered("0", msg("a", "caf\xe9", 10)), `<?xml version="1.0" encoding="UTF-8"?>`), "café"},
		{"Windows-1256", "text/xml", declared("windows-1256", answered("0", msg("a", "\xd3\xe1\xc7\xe3", 10))), "سلام"},
		{"Windows-1252", "text/xml; charset=Windows-1252", declared("Windows-1252", answered("0", msg("a", "\x80 5", 10))), "€ 5"},
		{"UTF-8 with a character cut in half", "text/xml; charset=ISO-8859-1", declared("ISO-8859-1", answered("0", msg("a", "سلام\xd8", 10))), "سلام\ufffd"},
		{"a character set nobody knows", "text/xml; charset=x", declared("x-y", answered("0", msg("a", "s\xff", 10))), "s\ufffd"},
		{"a byte order mark", "", "\ufeff" + persian, "سلام"},
		{"UTF-16 with a mark", "text/xml; charset=utf-16", utf16Bytes(true, true, declared("UTF-16", persian)), "سلام"},
		{"UTF-16 big-endian with a mark", "", utf16Bytes(true, false, declared("UTF-16", persian)), "سلام"},
		{"UTF-16 without a mark", "", utf16Bytes(false, true, persian), "سلام"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := decodeUnread(smsapi.Answer{ContentType: test.contentType, Body: []byte(test.body)})
			if err != nil {
				t.Fatal(err)
			}
			if want := []sms.Message{inbound("a", test.want, 10)}; !cmp.Equal(want, got) {
				t.Errorf("got %q, want %q", got[0].Text, test.want)
			}
		})
	}
}

// TestHugeAnswersTakeNoTime reads answers a quarter as long as exchange lets through, in pieces that are slow to put together
// without care.
func TestHugeAnswersTakeNoTime(t *testing.T) {
	for name, piece := range map[string]string{
		"text in pieces":  "a<!-- -->",
		"CDATA in pieces": "<![CDATA[a]]>",
	} {
		t.Run(name, func(t *testing.T) {
			takes := func(size int) time.Duration {
				body := []byte(answered("0", strings.Repeat(piece, size/len(piece))))
				start := time.Now()
				decodeUnread(smsapi.Answer{Body: body})
				return time.Since(start)
			}
			// Eight times as much takes some eight times as long; where it is quadratic, 64 times. A busy machine may stop in some of them.
			eighth, whole := takes(maxAnswer/32), takes(maxAnswer/4)
			for tries := 20; whole >= 20*eighth; tries-- {
				if tries == 0 {
					t.Fatalf("an eighth of it took %v, all of it %v", eighth, whole)
				}
				eighth, whole = min(eighth, takes(maxAnswer/32)), min(whole, takes(maxAnswer/4))
			}
		})
	}
}

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
		each, err := readSentEach(response, []smsapi.Addressed{{To: to[0]}, {To: to[1]}})
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
