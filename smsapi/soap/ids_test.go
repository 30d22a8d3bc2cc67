package soap

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"peyk/sms"
	"peyk/smsapi"
)

// TestBareAnswers reads what older services answer without ErrCode.
func TestBareAnswers(t *testing.T) {
	none := &failure{smsapi.Uncertain, 0, "the panel's answer has no ErrCode"}
	inReturn := func(s string) string { return "<return>" + s + "</return>" }
	t.Run("credit", func(t *testing.T) {
		for answer, want := range map[string]any{
			inReturn("125000"): "125000", inReturn(" 0 "): "0", inReturn("۱۲۵۰۰۰"): "۱۲۵۰۰۰", inReturn("12500.50"): "12500.50", inReturn("1,250,000"): "1,250,000",
			`<return xsi:type="xsd:float">99.5</return>`: "99.5", inReturn("<![CDATA[7]]>"): "7", "<GetCreditResult>7</GetCreditResult>": "7", "7": "7",
			inReturn("<item>7</item>"): "7", inReturn("[7]"): "7", inReturn("<item><key>0</key><value>7</value></item>"): "7",
			inReturn("-1"): &failure{smsapi.Auth, -1, "user not recognised"}, inReturn("-5"): &failure{smsapi.Rejected, -5, "the sending number is not yours"}, inReturn("-17"): &failure{smsapi.Rejected, -17, ""},
			inReturn("Array"): none, inReturn("credit: 7"): none, inReturn("7 ریال"): none, inReturn("-0"): none, inReturn("-7.5"): none, inReturn("NaN"): none, inReturn("1e"): none, inReturn(""): none,
			inReturn("<item>7</item><item>8</item>"): none, inReturn("<status>7</status>"): none, inReturn("<code>0</code>"): none, inReturn("<result>7</result>"): none,
			inReturn("<a>7</a><b>8</b>"): none, inReturn(`<x xsi:nil="true">7</x>`): none, inReturn("7<br/>"): none,
		} {
			response, err := readResponse("", []byte(soap("<XResponse>"+answer+"</XResponse>")))
			if err != nil {
				t.Fatal(err)
			}
			credit, err := readCredit(response)
			var got any = credit
			if err != nil {
				got = failureOf(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", answer, diff)
			}
		}
	})
	t.Run("ids", func(t *testing.T) {
		a, b := sms.Number("09120000001"), sms.Number("09120000002")
		both := smsapi.Sent{Results: []smsapi.Result{{Recipient: a, ID: "51"}, {Recipient: b, ID: "52"}}}
		refused := &smsapi.Error{Kind: smsapi.Rejected, Code: "-5", Meaning: "the sending number is not yours", Text: "the sending number is not yours"}
		for name, test := range map[string]struct {
			answer string
			to     []sms.Number
			want   smsapi.Sent
			failed *failure
		}{
			"one id":                            {inReturn("5000000001"), []sms.Number{a}, smsapi.Sent{Results: []smsapi.Result{{Recipient: a, ID: "5000000001"}}}, nil},
			"one id of two":                     {inReturn("51"), []sms.Number{a, b}, smsapi.Sent{Results: []smsapi.Result{{Recipient: a}, {Recipient: b}}, IDs: []sms.ID{"51"}}, nil},
			"a list":                            {inReturn("<item>51</item><item>52</item>"), []sms.Number{a, b}, both, nil},
			"a list without return":             {"<item>51</item><item>52</item>", []sms.Number{a, b}, both, nil},
			"an element each":                   {"<return>51</return><return>52</return>", []sms.Number{a, b}, both, nil},
			"a list of strings":                 {inReturn("<string>51</string><string>52</string>"), []sms.Number{a, b}, both, nil},
			"JSON":                              {inReturn("[51,&quot;52&quot;]"), []sms.Number{a, b}, both, nil},
			"commas":                            {inReturn("51, 52"), []sms.Number{a, b}, both, nil},
			"a Map":                             {inReturn("<item><key>0</key><value>51</value></item><item><key>1</key><value>52</value></item>"), []sms.Number{a, b}, both, nil},
			"by recipient":                      {inReturn("<__numeric_09120000002>52</__numeric_09120000002><__numeric_09120000001>51</__numeric_09120000001>"), []sms.Number{a, b}, both, nil},
			"Persian digits":                    {inReturn("<item>۵۱</item><item>۵۲</item>"), []sms.Number{a, b}, both, nil},
			"a refusal":                         {inReturn("-2"), []sms.Number{a, b}, smsapi.Sent{}, &failure{smsapi.Rejected, -2, "more than 60 numbers"}},
			"a login":                           {inReturn("<item>-1</item>"), []sms.Number{a, b}, smsapi.Sent{}, &failure{smsapi.Auth, -1, "user not recognised"}},
			"one refused":                       {inReturn("<item>51</item><item>-5</item>"), []sms.Number{a, b}, smsapi.Sent{Results: []smsapi.Result{{Recipient: a, ID: "51"}, {Recipient: b, Err: refused}}}, nil},
			"both refused":                      {inReturn("<item>-5</item><item>-5</item>"), []sms.Number{a, b}, smsapi.Sent{Results: []smsapi.Result{{Recipient: a, Err: refused}, {Recipient: b, Err: refused}}}, nil},
			"the word Array":                    {inReturn("Array"), []sms.Number{a}, smsapi.Sent{}, none},
			"a sentence":                        {inReturn("ارسال شد"), []sms.Number{a}, smsapi.Sent{}, none},
			"a zero":                            {inReturn("0"), []sms.Number{a}, smsapi.Sent{}, none},
			"letters and digits":                {inReturn("a-1"), []sms.Number{a}, smsapi.Sent{}, none},
			"nothing":                           {inReturn(""), []sms.Number{a}, smsapi.Sent{}, none},
			"a status":                          {inReturn("<status>1</status>"), []sms.Number{a}, smsapi.Sent{}, none},
			"a status and an id":                {inReturn("<status>1</status><id>51</id>"), []sms.Number{a, b}, smsapi.Sent{}, none},
			"words, words":                      {inReturn("<item>no</item><item>no</item>"), []sms.Number{a, b}, smsapi.Sent{}, none},
			"three of two, one of them refused": {inReturn("<item>51</item><item>-5</item><item>53</item>"), []sms.Number{a, b}, smsapi.Sent{}, &failure{smsapi.Uncertain, 0, "the panel did not say which recipients it refused"}},
		} {
			response, err := readResponse("", []byte(soap("<XResponse>"+test.answer+"</XResponse>")))
			if err != nil {
				t.Fatal(err)
			}
			got, err := readSent(response, test.to)
			if diff := cmp.Diff(test.failed, failureOf(err)); diff != "" {
				t.Errorf("%s: error (-want +got):\n%s", name, diff)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
		}
	})
	t.Run("nothing else", func(t *testing.T) {
		for _, bare := range []string{"0", "51", "<item>51</item>"} {
			response, err := readResponse("", []byte(soap("<XResponse>"+inReturn(bare)+"</XResponse>")))
			if err != nil {
				t.Fatal(err)
			}
			if _, _, err := readStatuses(response, []sms.ID{"51"}); err == nil {
				t.Errorf("statuses from %s", bare)
			}
			if _, err := readUnread(response); err == nil {
				t.Errorf("no messages from %s", bare)
			}
			if sent, err := readSentEach(response, []sms.Number{"09120000001"}); err == nil && sent.Results[0].Err == nil {
				t.Errorf("sent to each from %s", bare)
			}
		}
	})
}

// TestOnlyAnIDIsAnID puts something else in the place of the second of three ids.
func TestOnlyAnIDIsAnID(t *testing.T) {
	to := []sms.Number{"09120000001", "09120000002", "09120000003"}
	for item, want := range map[string]smsapi.Kind{
		"-5": smsapi.Rejected, " -3 ": smsapi.Rejected, "-1": smsapi.Auth, "-۴": smsapi.Rejected, "-999": smsapi.Rejected, "<item>-5</item>": smsapi.Rejected,
		"<ErrCode>-5</ErrCode><result>x</result>": smsapi.Rejected,
		"0": smsapi.Uncertain, "00": smsapi.Uncertain, "": smsapi.Uncertain, "خطا": smsapi.Uncertain, "شماره 12 نامعتبر است": smsapi.Uncertain, "not a valid number": smsapi.Uncertain, "Array": smsapi.Uncertain, "false": smsapi.Uncertain, "true": smsapi.Uncertain, "null": smsapi.Uncertain,
		"error5": smsapi.Uncertain, "ERR-12": smsapi.Uncertain, "&lt;b&gt;5&lt;/b&gt;": smsapi.Uncertain, "5 6": smsapi.Uncertain, "-": smsapi.Uncertain, "-5.5": smsapi.Uncertain, "<a>1</a><b>2</b>": smsapi.Uncertain, "<item>1</item><item>2</item>": smsapi.Uncertain,
		"<ErrCode>0</ErrCode><result>نامعتبر</result>": smsapi.Uncertain, "51\n52": smsapi.Uncertain, "\u200f": smsapi.Uncertain,
	} {
		for name, answer := range map[string]string{
			"a list":      "<item>51</item><item>" + item + "</item><item>53</item>",
			"a Map":       "<item><key>0</key><value>51</value></item><item><key>1</key><value>" + item + "</value></item><item><key>2</key><value>53</value></item>",
			"by receiver": "<item><key>+989120000002</key><value>" + item + "</value></item><item><key>09120000001</key><value>51</value></item><item><key>09120000003</key><value>53</value></item>",
		} {
			response, err := readResponse("", []byte(answered("0", answer)))
			if err != nil {
				t.Fatal(err)
			}
			ways := map[string]func() (smsapi.Sent, error){"SendSMS": func() (smsapi.Sent, error) { return readSent(response, to) }}
			if name != "by receiver" {
				ways["SendMultipleSMS"] = func() (smsapi.Sent, error) { return readSentEach(response, to) }
			}
			for method, read := range ways {
				sent, err := read()
				if err != nil || len(sent.Results) != 3 {
					t.Errorf("%s, %s, %q: got %v, %v", method, name, item, sent, err)
					continue
				}
				if r := sent.Results[1]; r.Err == nil || r.Err.Kind != want || r.ID != "" || r.Err.Text == "" && failureOf(r.Err).Code > -6 {
					t.Errorf("%s, %s, %q: got %+v, want %v", method, name, item, r, want)
				}
				if sent.Results[0].ID != "51" || sent.Results[2].ID != "53" || len(sent.IDs) > 0 {
					t.Errorf("%s, %s, %q: got %v as well", method, name, item, sent)
				}
			}
		}
		// Alone it concerns the one recipient, and nothing is known, or nothing was sent.
		response, err := readResponse("", []byte(answered("0", "<item>"+item+"</item>")))
		if err != nil {
			t.Fatal(err)
		}
		if sent, err := readSent(response, to[:1]); err == nil && item != "" && item != "Array" && item != "true" && sent.Results[0].Err == nil {
			t.Errorf("%q alone: got %v", item, sent)
		}
	}
}

func TestIDsThatAreNotNumbers(t *testing.T) {
	for _, id := range []string{"a-1", "b/2", "5f0c2a9e-77aa-4d0e-9b1c-0a1b2c3d4e5f", "MSG_12", "12:34", "98765432109876543210"} {
		response, err := readResponse("", []byte(answered("0", id)))
		if err != nil {
			t.Fatal(err)
		}
		if sent, err := readSent(response, []sms.Number{"09120000001"}); err != nil || sent.Results[0].ID != sms.ID(id) {
			t.Errorf("%s: got %v, %v", id, sent, err)
		}
	}
}

func TestWordsForAllSayThatItWasCarriedOut(t *testing.T) {
	for _, words := range []string{"Array", "OK", "اجرای موفق درخواست", "true", ""} {
		response, err := readResponse("", []byte(answered("0", words)))
		if err != nil {
			t.Fatal(err)
		}
		for _, to := range [][]sms.Number{{"09120000001"}, {"09120000001", "09120000002"}} {
			if sent, err := readSent(response, to); err != nil || sent.Results[0] != (smsapi.Result{Recipient: to[0]}) || len(sent.IDs) > 0 {
				t.Errorf("%q for %d: got %v, %v", words, len(to), sent, err)
			}
		}
	}
}

// TestThePanelsWordsInAnIDsPlaceStayOutOfLogs: they may repeat a number.
func TestThePanelsWordsInAnIDsPlaceStayOutOfLogs(t *testing.T) {
	response, err := readResponse("", []byte(answered("0", "شماره 09120000001 نامعتبر است")))
	if err != nil {
		t.Fatal(err)
	}
	_, err = readSent(response, []sms.Number{"09120000001"})
	if !errors.Is(err, smsapi.ErrNoID) || strings.Contains(err.Error(), "0912") || !strings.Contains(failureOf(err).Text, "09120000001") {
		t.Errorf("got %v, %v", err, failureOf(err))
	}
}

// TestARefusalOfOneRecipientShowsNoPassword: a panel may repeat in it what it was sent, and the team is shown it.
func TestARefusalOfOneRecipientShowsNoPassword(t *testing.T) {
	refusal := "<ErrCode>-3</ErrCode><result>user demo, " + password + "</result>"
	address, _ := service(t, func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, answered("0", "<item>51</item><item>"+refusal+"</item>"))
	})
	c := newClient(t, address, Options{})
	one, err := c.Send(t.Context(), smsapi.Order{Line: line, To: []sms.Number{alice, bob}, Text: text})
	each, errEach := c.Send(t.Context(), smsapi.Order{Line: line, To: []sms.Number{alice, bob}, Texts: []string{text, text}})
	if err != nil || errEach != nil {
		t.Fatal(err, errEach)
	}
	for method, sent := range map[string]smsapi.Sent{"SendSMS": one, "SendMultipleSMS": each} {
		failed := sent.Results[1].Err
		if failed == nil || failed.Code != "-3" {
			t.Fatalf("%s: got %+v, want the second refused", method, sent.Results)
		}
		if strings.Contains(failed.Text, password) {
			t.Errorf("%s shows the password: %s", method, failed.Text)
		}
	}
}
