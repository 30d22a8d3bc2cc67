package soap

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"peyk/sms"
	"peyk/smsapi"
)

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
		{"fewer ids belong to no recipient", "51", smsapi.Sent{Results: unnamed, IDs: []sms.ID{"51"}}},
		{"more ids belong to no recipient", items("51", "52", "53"), smsapi.Sent{Results: unnamed, IDs: []sms.ID{"51", "52", "53"}}},
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
	to := []sms.Number{"09120000001", "09120000002"}
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
			smsapi.Sent{Results: []smsapi.Result{{Recipient: to[0], ID: "51"}, {Recipient: to[1], Err: &smsapi.Error{Kind: smsapi.Rejected, Code: "-3", Meaning: "sending failed", Text: "x"}}}}, nil},
		{"without return", member("0", "51") + member("0", "52"),
			smsapi.Sent{Results: []smsapi.Result{{Recipient: to[0], ID: "51"}, {Recipient: to[1], ID: "52"}}}, nil},
		{"each in JSON", `<return>[{"ErrCode":0,"result":51},{"ErrCode":0,"result":52}]</return>`,
			smsapi.Sent{Results: []smsapi.Result{{Recipient: to[0], ID: "51"}, {Recipient: to[1], ID: "52"}}}, nil},
		{"a list of ids behind one ErrCode", "<return><ErrCode>0</ErrCode><result><item>51</item><item>52</item></result></return>",
			smsapi.Sent{Results: []smsapi.Result{{Recipient: to[0], ID: "51"}, {Recipient: to[1], ID: "52"}}}, nil},
		{"members behind one ErrCode", "<return><ErrCode>0</ErrCode><result>" + member("0", "51") + member("-3", "x") + "</result></return>",
			smsapi.Sent{Results: []smsapi.Result{{Recipient: to[0], ID: "51"}, {Recipient: to[1], Err: &smsapi.Error{Kind: smsapi.Rejected, Code: "-3", Meaning: "sending failed", Text: "x"}}}}, nil},
		{"a member without ErrCode is uncertain", "<return>" + member("0", "51") + "<item><result>52</result></item></return>",
			smsapi.Sent{Results: []smsapi.Result{{Recipient: to[0], ID: "51"}, {Recipient: to[1], Err: &smsapi.Error{Kind: smsapi.Uncertain, Text: "the panel's answer has no ErrCode"}}}}, nil},
		{"a lone error concerns all", "<return><ErrCode>-4</ErrCode><result>x</result></return>", smsapi.Sent{}, &failure{smsapi.Rejected, -4, "x"}},
		{"a lone error in a list concerns all", "<return>" + member("-1", "x") + "</return>", smsapi.Sent{}, &failure{smsapi.Auth, -1, "x"}},
		{"a lone success belongs to no recipient", "<return>" + member("0", "51") + "</return>",
			smsapi.Sent{Results: []smsapi.Result{{Recipient: to[0]}, {Recipient: to[1]}}, IDs: []sms.ID{"51"}}, nil},
		{"too many members, one refused", "<return>" + member("0", "51") + member("-3", "x") + member("0", "53") + "</return>",
			smsapi.Sent{Results: []smsapi.Result{{Recipient: to[0], Err: unsure}, {Recipient: to[1], Err: unsure}}, IDs: []sms.ID{"51", "53"}}, nil},
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

func TestSendRefusesWhatThePanelWouldNotTake(t *testing.T) {
	address, calls := service(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, answered("0", "")) })
	c := newClient(t, address, Options{})
	many := make([]sms.Number, smsapi.MaxRecipients+1)
	each := make([]string, smsapi.MaxRecipients+1)
	for i := range many {
		many[i] = sms.Number(fmt.Sprintf("0912%07d", i))
		each[i] = text
	}
	for name, send := range map[string]func() (smsapi.Sent, error){
		"no recipients": func() (smsapi.Sent, error) { return c.Send(t.Context(), smsapi.Order{Line: line, To: nil, Text: text}) },
		"too many recipients": func() (smsapi.Sent, error) {
			return c.Send(t.Context(), smsapi.Order{Line: line, To: many, Text: text})
		},
		"no text": func() (smsapi.Sent, error) {
			return c.Send(t.Context(), smsapi.Order{Line: line, To: many[:1], Text: " \n"})
		},
		"each: no recipients": func() (smsapi.Sent, error) {
			return c.Send(t.Context(), smsapi.Order{Line: line, Texts: []string{text}})
		},
		"each: too many": func() (smsapi.Sent, error) {
			return c.Send(t.Context(), smsapi.Order{Line: line, To: many, Texts: each})
		},
		"each: a missing text": func() (smsapi.Sent, error) {
			return c.Send(t.Context(), smsapi.Order{Line: line, To: []sms.Number{alice, bob}, Texts: []string{"x", ""}})
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := send()
			wantKind(t, err, smsapi.Rejected)
		})
	}
	if got := calls.Load(); got != 0 {
		t.Errorf("the panel was asked %d times, want never", got)
	}
	if sent, err := c.Send(t.Context(), smsapi.Order{Line: line, To: slices.Concat(many[:60], many[:60]), Text: text}); err != nil || len(sent.Results) != 60 {
		t.Errorf("60 numbers, each twice: got %d results, %v, want 60", len(sent.Results), err)
	}
}
