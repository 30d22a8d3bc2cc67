package soap

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"peyk/smsapi"
)

// TestCharactersByOtherNames reads what servers write for a character that they do not write as itself.
func TestCharactersByOtherNames(t *testing.T) {
	for written, want := range map[string]string{
		"&#55357;&#56832;":                    "😀",
		"&#xD83D;&#xDE00;":                    "😀",
		"&#xd83d;&#56832; &#55357;&#xde02;":   "😀 😂",
		"&#55357;&#56832;&#55357;&#56834;":    "😀😂",
		"a&#55356;&#57135;b":                  "a🌯b",
		"&#55357;":                            "\ufffd",
		"&#56832;&#55357;":                    "\ufffd\ufffd",
		"&#55357; &#56832;":                   "\ufffd \ufffd",
		"&#55357;&#65;":                       "\ufffdA",
		"&#55357;&#55357;&#56832;":            "\ufffd😀",
		"&#128512;&#x1F600;":                  "😀😀",
		"&#99999999999999999999;&#0;":         "\ufffd\ufffd",
		"&#38;&#60;b&#62;":                    "&<b>",
		"\xed\xa0\xbd\xed\xb8\x80 سلام":       "😀 سلام",
		"می&zwnj;خواهم":                       "می\u200cخواهم",
		"&laquo;سلام&raquo;":                  "«سلام»",
		"a&nbsp;b":                            "a\u00a0b",
		"&hellip;&ndash;&euro;&eacute;&rlm;":  "…–€é\u200f",
		"&check;&NewLine;&fjlig;":             "✓\nfj",
		"&apos;&quot;&lt;&gt;&amp;":           `'"<>&`,
		"&LT;b&GT; &AMP;":                     "<b> &",
		"&nothing; &x; AT&T; a&b &copy2":      "&nothing; &x; AT&T; a&b &copy2",
		"&amp;nbsp; &amp;#55357;&amp;#56832;": "&nbsp; &#55357;&#56832;",
		"<![CDATA[&nbsp;&amp;]]>":             "&nbsp;&amp;",
		"http://x/?a=1&lang=fa&copy=2":        "http://x/?a=1&lang=fa&copy=2",
	} {
		got, err := decodeUnread(smsapi.Answer{ContentType: "text/xml; charset=utf-8", Body: []byte(answered("0", msg("09120000001", written, 1700000000)+msg("09120000002", "second", 1700000001)))})
		if err != nil || len(got) != 2 || got[0].Text != want {
			t.Errorf("%q: got %+v, %v, want %q", written, got, err, want)
		}
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
		answer, err := newClient(t, address, Options{}).Unread(t.Context())
		wantKind(t, err, smsapi.Uncertain)
		got, _ := decodeUnread(answer)
		if !answer.Cut || len(got) != test.want {
			t.Errorf("%s: cut %t, %d messages, want %d", name, answer.Cut, len(got), test.want)
		}
	}
	for name, body := range map[string]string{"whole": whole, "with a comment behind": whole + "<!-- 0.2 s", "a page": "<html>", "nothing": " ", "a fault": soap("<Fault><faultstring>no</faultstring></Fault>")} {
		address, _ := service(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, body) })
		if answer, err := newClient(t, address, Options{}).Unread(t.Context()); answer.Cut || err != nil {
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
