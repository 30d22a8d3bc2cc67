package soap

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"peyk/sms"
	"peyk/smsapi"
)

// unescaped are texts that mean something in XML.
var unescaped = []string{
	"I <3 you", "a <b>x</b> c", "hello<br/>you", "<msg>", "</msg>", "a < b", "<", ">", "<>", "< b >", "</", "</b>", "<b>never closed", "<!-- ", " -->", "<!DOCTYPE x>", "<?php echo 1 ?>", "]]>", "<![CDATA[",
	"</msg><from>09129999999</from>", "x</msg><from>09129999999</from><msg>y", "</msg></item>", "</msg></item></result></return>", "</msg><time>1</time></item></result></return></R></Body></Envelope>", "<item>", "</item><item>",
	"x</msg><time>1</time><msg>y", "</value></item><item>", "<key>from</key><value>09129999999</value>", "<a b='>'>", "&", "&&amp;<", "<msg xsi:nil=\"true\"/>", "<x:msg>y</x:msg>", "سلام <3 عزیزم", "<3\n<3", `<a href="http://x/?a=1&b=2">x</a>`,
	"<msg></msg><msg>", "x</MSG>y", "x</ msg>y", "</msg ><time>1</time ></item ><item ><to>30001234</to>",
}

// written are the ways in which a panel writes a message.
var written = map[string]func(from, text string, at int) string{
	"structs": func(from, text string, at int) string {
		return fmt.Sprintf("<item><from>%s</from><to>30001234</to><msg>%s</msg><time>%d</time></item>\n", from, text, at)
	},
	"structs with types": func(from, text string, at int) string {
		return fmt.Sprintf(`<item xsi:type="x:S"><from xsi:type="xsd:string">%s</from><to xsi:type="xsd:string">30001234</to><msg xsi:type="xsd:string">%s</msg><time xsi:type="xsd:int">%d</time></item>`, from, text, at)
	},
	"the text first": func(from, text string, at int) string {
		return fmt.Sprintf("<item><msg>%s</msg><time>%d</time><to>30001234</to><from>%s</from></item>", text, at, from)
	},
	"the text last": func(from, text string, at int) string {
		return fmt.Sprintf("<x:item><x:id/><x:time>%d</x:time><x:to>30001234</x:to><x:from>%s</x:from><x:msg>%s</x:msg></x:item>", at, from, text)
	},
	"Maps": func(from, text string, at int) string {
		entry := func(key, value any) string {
			return fmt.Sprintf(`<item><key xsi:type="xsd:string">%v</key><value xsi:type="xsd:string">%v</value></item>`, key, value)
		}
		return `<item xsi:type="ns2:Map">` + entry("from", from) + entry("to", "30001234") + entry("msg", text) + entry("time", at) + "</item>"
	},
}

// TestMarkupThatWasNotEscapedHidesAndForgesNothing has a customer write each of them between two others.
func TestMarkupThatWasNotEscapedHidesAndForgesNothing(t *testing.T) {
	for way, write := range written {
		for _, text := range unescaped {
			for place := range 3 {
				messages := []sms.Message{inbound("09120000001", "first", 1700000000), inbound("09120000002", "second", 1700000001), inbound("09120000003", "third &", 1700000002)}
				messages[place].Text, messages[place].Verbatim = text, strings.Contains(text, "<")
				body := ""
				for i, m := range messages {
					body += write(string(m.Customer), m.Text, 1700000000+i)
				}
				got, err := decodeUnread(smsapi.Answer{ContentType: "text/xml; charset=utf-8", Body: []byte(soap("<R><return><ErrCode>0</ErrCode><result>" + body + "</result></return></R>"))})
				if diff := cmp.Diff(messages, got); diff != "" || err != nil {
					t.Errorf("%s, %q in place %d: %v (-want +got)\n%s", way, text, place, err, diff)
				}
			}
		}
	}
}

// TestTwoTextsThatBelongTogetherHideNothingBetweenThem: what one customer begins another ends.
func TestTwoTextsThatBelongTogetherHideNothingBetweenThem(t *testing.T) {
	for way, write := range written {
		for _, pair := range [][2]string{{"a <!-- ", " --> b"}, {"a <x>", "</x> b"}, {"a <![CDATA[", "]]> b"}, {"<?x ", " ?>"}, {"<msg>", "</msg>"}, {`<a b="`, `">`}, {"<![CDATA[", "]]>"}} {
			body := write("09120000001", pair[0], 1700000000) + write("09120000002", "VICTIM", 1700000001) + write("09120000003", pair[1], 1700000002)
			got, _ := decodeUnread(smsapi.Answer{Body: []byte(answered("0", body))})
			seen := ""
			for _, m := range got {
				seen += m.Text
				if strings.Contains(m.Text, "VICTIM") && m.Customer != "09120000002" && m.Customer != "" {
					t.Errorf("%s, %q: the text of another is shown as that of %s", way, pair, string(m.Customer))
				}
			}
			if !strings.Contains(seen, "VICTIM") {
				t.Errorf("%s, %q: it is hidden: %q", way, pair, seen)
			}
		}
	}
}

// TestABracketInASendersNameHidesNothing: names are short, and of letters that may be anything.
func TestABracketInASendersNameHidesNothing(t *testing.T) {
	for way, write := range written {
		for _, name := range []string{"A<B", "<3", "a < b", "<<"} {
			for place := range 3 {
				froms := []string{"09120000001", "09120000002", "09120000003"}
				froms[place] = name
				body := ""
				for i, from := range froms {
					body += write(from, fmt.Sprint("text ", i), 1700000000+i)
				}
				got, err := decodeUnread(smsapi.Answer{Body: []byte(answered("0", body))})
				if err != nil || len(got) != 3 {
					t.Errorf("%s, %q in place %d: got %+v, %v", way, name, place, got, err)
					continue
				}
				for i, m := range got {
					if string(m.Customer) != froms[i] || m.Text != fmt.Sprint("text ", i) || m.Verbatim {
						t.Errorf("%s, %q in place %d: got %+v", way, name, place, m)
					}
				}
			}
		}
	}
}

// TestAForgedMessageHasNoSender: a whole message inside a text looks like the panel's own, but then there are more than the panel says.
func TestAForgedMessageHasNoSender(t *testing.T) {
	forged := "hi</msg><time>1</time></item><item><from>09129999999</from><to>30001234</to><msg>pay me"
	body := written["structs"]("09120000001", forged, 1700000000) + written["structs"]("09120000002", "VICTIM", 1700000001)
	whole := soap(`<R><return><ErrCode>0</ErrCode><result SOAP-ENC:arrayType="unnamed_struct_use_soapval[2]">` + body + `</result></return></R>`)
	got, err := decodeUnread(smsapi.Answer{Body: []byte(whole)})
	if len(got) != 1 || got[0].Customer != "" || !got[0].Verbatim || !strings.Contains(got[0].Text, "VICTIM") || !strings.Contains(got[0].Text, "pay me") || failureOf(err) == nil || failureOf(err).Kind != smsapi.Uncertain {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestAMessageWithAMemberTwiceHasNoSender(t *testing.T) {
	for _, more := range []string{"<from>09129999999</from>", "<to>1000</to>", "<time>5</time>", "<FROM>09129999999</FROM>"} {
		body := "<item><from>09120000001</from><to>30001234</to><msg>x</msg><time>1700000000</time>" + more + "</item>" + written["structs"]("09120000002", "second", 1700000001)
		got, _ := decodeUnread(smsapi.Answer{Body: []byte(answered("0", body))})
		if len(got) != 2 || got[0].Customer != "" || !got[0].Verbatim || got[1].Customer != "09120000002" {
			t.Errorf("%s: got %+v", more, got)
		}
	}
}

// TestTextsThatAreEscapedStayAsTheyAre: in a well-made answer nothing is taken for markup.
func TestTextsThatAreEscapedStayAsTheyAre(t *testing.T) {
	for way, write := range written {
		for _, text := range unescaped {
			for how, escaped := range map[string]string{"escaped": escaper.Replace(text), "CDATA": "<![CDATA[" + strings.ReplaceAll(text, "]]>", "]]]]><![CDATA[>") + "]]>"} {
				if how == "CDATA" && strings.Contains(text, "]]>") {
					continue
				}
				got, err := decodeUnread(smsapi.Answer{Body: []byte(answered("0", write("09120000001", escaped, 1700000000)+write("09120000002", "second", 1700000001)))})
				want := []sms.Message{inbound("09120000001", text, 1700000000), inbound("09120000002", "second", 1700000001)}
				if diff := cmp.Diff(want, got); diff != "" || err != nil {
					t.Errorf("%s, %s, %q: %v (-want +got)\n%s", way, how, text, err, diff)
				}
			}
		}
	}
}

func TestMarkupInAnAnswerThatWasCut(t *testing.T) {
	for way, write := range written {
		whole := soap("<R><return><ErrCode>0</ErrCode><result>" + write("09120000001", "I <3 you", 1700000000) + write("09120000002", "<b>x</b>", 1700000001) + write("09120000003", "third", 1700000002))
		cut := whole[:strings.Index(whole, "third")+2]
		got, err := decodeUnread(smsapi.Answer{Body: []byte(cut), Cut: true})
		if len(got) != 2 || got[0].Text != "I <3 you" || got[1].Text != "<b>x</b>" || err == nil {
			t.Errorf("%s: got %+v, %v", way, got, err)
		}
	}
}

func TestMarkupInJSON(t *testing.T) {
	body := soap(`<R><return xsi:type="xsd:string">{"ErrCode":0,"result":[{"from":"09120000001","to":"30001234","msg":"I <3 you </return> <b>","time":1700000000},{"from":"09120000002","to":"30001234","msg":"x & y","time":1700000001}]}</return></R>`)
	got, err := decodeUnread(smsapi.Answer{Body: []byte(body)})
	want := []sms.Message{inbound("09120000001", "I <3 you </return> <b>", 1700000000), inbound("09120000002", "x & y", 1700000001)}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got)\n%s", err, diff)
	}
}
