package soap

import (
	"errors"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

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
	code, _ := strconv.Atoi(string(failed.Code))
	return &failure{failed.Kind, code, failed.Text}
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
		{"a word is not a code", answered("Array", "1000"), none},
		{"nil is not a code", soap(`<XResponse><return><ErrCode xsi:nil="true">0</ErrCode><result>1</result></return></XResponse>`), none},
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
		{"nothing", "", &failure{smsapi.Uncertain, 0, "the panel's answer is empty"}},
		{"blank lines", " \n", &failure{smsapi.Uncertain, 0, "the panel's answer is empty"}},
		{"an empty body", soap(""), &failure{smsapi.Uncertain, 0, "the panel's SOAP body is empty"}},
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
