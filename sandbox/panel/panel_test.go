package panel

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start serves a panel on a port of its own.
func start(t testing.TB, opts Options) (*Server, string) {
	t.Helper()
	s := New(opts)
	url, err := s.Start("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s, url
}

// client returns an HTTP client of the test's own, which leaves no connection behind.
func client(t testing.TB) *http.Client {
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

func deadline(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// do sends an envelope over HTTP and returns the answer with its body read as far as it came.
func do(ctx context.Context, c *http.Client, url, contentType, body string) (*http.Response, string, error) {
	r, err := http.NewRequestWithContext(ctx, "POST", url, strings.NewReader(body))
	if err != nil {
		return nil, "", err
	}
	r.Header.Set("Content-Type", contentType)
	answer, err := c.Do(r)
	if err != nil {
		return nil, "", err
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(io.LimitReader(answer.Body, 1<<20))
	return answer, string(b), err
}

const utf8XML = "text/xml; charset=utf-8"

func sendSMS(to []string, text string) string {
	return envelope("SendSMS", "demo", "demo-pass", "30001234", to, text)
}

func TestNusoapIsParticularAboutTheContentType(t *testing.T) {
	for _, tt := range []struct {
		name, contentType string
		status            int
		text              string // as accepted; "" if it was not
	}{
		{"the right one", utf8XML, 200, "سلام x"},
		{"in capitals", "text/xml; charset=UTF-8", 200, "سلام x"},
		{"without a charset Persian is lost", "text/xml", 200, "???? x"},
		{"a charset without its dash", "text/xml; charset=utf8", 500, ""},
		{"a parameter after the charset", utf8XML + "; action=SendSMS", 500, ""},
		{"SOAP 1.2", "application/soap+xml; charset=utf-8", 500, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, url := start(t, Options{})
			answer, body, err := do(deadline(t), client(t), url, tt.contentType, sendSMS([]string{"09121111111"}, "سلام x"))
			if err != nil {
				t.Fatal(err)
			}
			if answer.StatusCode != tt.status {
				t.Errorf("got status %d, want %d: %s", answer.StatusCode, tt.status, body)
			}
			got := ""
			for _, m := range s.Sent() {
				got += m.Text
			}
			if got != tt.text {
				t.Errorf("got text %q, want %q", got, tt.text)
			}
			if tt.status == 500 && (answer.Proto != "HTTP/1.0" || !strings.Contains(body, "SOAP-ENV:Fault")) {
				t.Errorf("got %s %s, want an HTTP/1.0 SOAP Fault", answer.Proto, body)
			}
		})
	}
}

func TestParameters(t *testing.T) {
	to := []string{"09121111111"}
	right := envelope("SendSMS", "demo", "demo-pass", "30001234", to, "hi")
	swapped := strings.NewReplacer("<user", "<pass", "</user", "</pass", "<pass", "<user", "</pass", "</user").Replace(right)
	swappedPlaces := envelope("SendSMS", "demo-pass", "demo", "30001234", to, "hi")
	missing := envelope("SendSMS", "demo", "demo-pass", "30001234", to)
	untyped := strings.Replace(right, ` xsi:type="SOAP-ENC:Array" SOAP-ENC:arrayType="xsd:string[1]"`, "", 1)
	older := `<m:SendSMS xmlns:m="x"><a>30001234</a>` + right[strings.Index(right, "<toNum"):strings.Index(right, "<messageContent")] +
		`<c>hi</c><d>normal</d><e>demo</e><f>demo-pass</f></m:SendSMS>`
	older = right[:strings.Index(right, "<m:SendSMS")] + older + `</SOAP-ENV:Body></SOAP-ENV:Envelope>`

	for _, tt := range []struct {
		name string
		opts Options
		body string
		want string // Request.Answer
	}{
		{"nusoap looks at places", Options{}, swappedPlaces, "-1"},
		{"nusoap does not look at names", Options{}, swapped, "0"},
		{"native looks at names", Options{Dialect: Native}, swapped, "-1"},
		{"native without a WSDL looks at places", Options{Dialect: Native, NoWSDL: true}, swapped, "0"},
		{"a missing one crashes", Options{}, missing, "crash"},
		{"a bare list crashes", Options{}, untyped, "crash"},
		{"the older order", Options{OldOrder: true}, older, "0"},
		{"the guide's order where the older is expected", Options{OldOrder: true}, right, "crash"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := New(tt.opts)
			post(t, s, tt.body)
			if got := s.Requests()[0].Answer; got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
			if got, want := s.SentCount(), 0; tt.want != "0" && got != want {
				t.Errorf("got %d SMS accepted, want %d", got, want)
			}
		})
	}
}

func TestRequestsHoldNoSecrets(t *testing.T) {
	s := New(Options{})
	post(t, s, sendSMS([]string{"+989121111111"}, "hi"))
	want := []Request{{
		Method:     "SendSMS",
		Params:     map[string][]string{"fromNum": {"30001234"}, "toNum": {"+989121111111"}, "messageContent": {"hi"}},
		CarriedOut: true,
		Answer:     "0",
		Caller:     "192.0.2.1:1234", // httptest's
		Recipients: 1,
		Asked:      []SMS{{Line: "30001234", Customer: "09121111111", Text: "hi"}},
		Accepted:   1,
		Answered:   true,
	}}
	got := s.Requests()
	got[0].At = time.Time{}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestWithoutWSDL(t *testing.T) {
	s, url := start(t, Options{Dialect: Native, NoWSDL: true})
	answer, err := client(t).Get(url + "?wsdl")
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if got, want := answer.StatusCode, 404; got != want {
		t.Errorf("got status %d, want %d", got, want)
	}
	body := post(t, s, sendSMS([]string{"09121111111"}, "hi"))
	want := `<return xsi:type="ns2:Map"><item><key xsi:type="xsd:string">ErrCode</key><value xsi:type="xsd:string">0</value></item>` +
		`<item><key xsi:type="xsd:string">result</key><value SOAP-ENC:arrayType="xsd:string[1]" xsi:type="SOAP-ENC:Array">` +
		`<item xsi:type="xsd:string">5000000001</item></value></item></return>`
	if !strings.Contains(body, want) {
		t.Errorf("got %s, want it to hold %s", body, want)
	}
}

func TestWSDLOfTheOlderOrder(t *testing.T) {
	_, url := start(t, Options{OldOrder: true})
	answer, err := client(t).Get(url + "?wsdl")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	wsdl, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	want := `<message name="SendSMSRequest">
  <part name="fromNum" type="xsd:string" />
  <part name="toNum" type="tns:ArrayOfString" />
  <part name="messageContent" type="xsd:string" />
  <part name="messageType" type="xsd:string" />
  <part name="user" type="xsd:string" />
  <part name="pass" type="xsd:string" /></message>`
	if !strings.Contains(string(wsdl), want) {
		t.Errorf("got %s, want it to hold %s", wsdl, want)
	}
	if !strings.Contains(string(wsdl), `location="`+url+`"`) {
		t.Errorf("the WSDL does not name %s", url)
	}
}

func TestNumbersWrittenDifferentlyAreOneRecipient(t *testing.T) {
	s := New(Options{})
	body := post(t, s, sendSMS([]string{"09121111111", "9121111111", "+989121111111", "00989121111111", "989121111111", "۰۹۱۲۱۱۱۱۱۱۱"}, "hi"))
	if want := `xsd:string[1]`; !strings.Contains(body, want) {
		t.Errorf("got %s, want %s", body, want)
	}
	if got, want := s.Sent()[0].Customer, "09121111111"; got != want {
		t.Errorf("got customer %s, want %s", got, want)
	}
}

func TestCreditFallsByParts(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		parts      int
	}{
		{"empty", "", 1},
		{"a full GSM part", strings.Repeat("a", 160), 1},
		{"one more", strings.Repeat("a", 161), 2},
		{"the euro takes two places", strings.Repeat("a", 159) + "€", 2},
		{"a full Persian part", strings.Repeat("س", 70), 1},
		{"two Persian parts", strings.Repeat("س", 134), 2},
		{"three Persian parts", strings.Repeat("س", 135), 3},
		{"an emoji takes two places", strings.Repeat("س", 69) + "🙂", 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := New(Options{Credit: 10})
			post(t, s, sendSMS([]string{"09121111111", "09122222222"}, tt.text))
			if got, want := s.Credit(), float64(10-2*tt.parts); got != want {
				t.Errorf("got credit %v, want %v", got, want)
			}
		})
	}
}

func TestUsedUpCreditRefusesWhatItCannotPay(t *testing.T) {
	s := New(Options{Credit: 2})
	each := envelope("SendMultipleSMS", "demo", "demo-pass", "30001234",
		[]string{"09121111111", "09122222222", "09123333333"}, []string{"a", "b", "c"})
	if body := post(t, s, each); strings.Count(body, noCredit) != 1 {
		t.Errorf("got %s, want one refusal", body)
	}
	if body := post(t, s, sendSMS([]string{"09121111111"}, "d")); !strings.Contains(body, noCredit) {
		t.Errorf("got %s, want a refusal", body)
	}
	if got, want := s.SentCount(), 2; got != want {
		t.Errorf("got %d accepted, want %d", got, want)
	}
}

func TestStatusesMoveByThemselvesUntilSetByHand(t *testing.T) {
	s := New(Options{Statuses: []Step{{time.Millisecond, 3}, {time.Millisecond, 4}}})
	ctx := deadline(t)
	events := s.Watch(ctx)
	if err := s.SetStatusOf("*22", 6); err != nil {
		t.Fatal(err)
	}
	post(t, s, sendSMS([]string{"09121111111", "09120000022"}, "hi"))

	got := map[string][]int{}
	for len(got["09121111111"]) < 2 || len(got["09120000022"]) < 1 {
		if e := <-events; e.Kind == StatusChanged {
			got[e.SMS.Customer] = append(got[e.SMS.Customer], e.SMS.Status)
		}
	}
	want := map[string][]int{"09121111111": {3, 4}, "09120000022": {6}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}

	if !s.SetStatus("5000000001", 5) || s.SetStatus("77", 5) {
		t.Error("SetStatus must know exactly the ids that were given")
	}
	body := post(t, s, envelope("GetStatus", "demo", "demo-pass", []string{"5000000001", "5000000002"}))
	if want := `<item xsi:type="xsd:int">5</item><item xsi:type="xsd:int">6</item>`; !strings.Contains(body, want) {
		t.Errorf("got %s, want %s", body, want)
	}
}

var getMsg = envelope("GetMsg", "demo", "demo-pass")

func TestUnreadOrder(t *testing.T) {
	first := func(body string) string {
		_, after, _ := strings.Cut(body, `<msg xsi:type="xsd:string">`)
		text, _, _ := strings.Cut(after, "<")
		return text
	}
	for _, tt := range []struct {
		name   string
		opts   Options
		firsts []string // of three fetches
		left   int
	}{
		{"the oldest first", Options{}, []string{"0", "50", ""}, 0},
		{"the newest first", Options{NewestFirst: true}, []string{"59", "9", ""}, 0},
		{"the last fifty again and again", Options{Resend: true}, []string{"10", "10", "10"}, 60},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := New(tt.opts)
			for i := range 60 {
				s.Receive("09121111111", "30001234", fmt.Sprint(i))
			}
			var got []string
			for range tt.firsts {
				got = append(got, first(post(t, s, getMsg)))
			}
			if !slices.Equal(got, tt.firsts) {
				t.Errorf("got %q, want %q", got, tt.firsts)
			}
			if got := s.Unread(); got != tt.left {
				t.Errorf("got %d left, want %d", got, tt.left)
			}
		})
	}
}

func TestControlCharactersAreWrittenRaw(t *testing.T) {
	for _, tt := range []struct {
		dialect Dialect
		want    string
	}{{Nusoap, "a\x01b\rc &amp; &quot;"}, {Native, "a\x01b&#13;c &amp; \""}} {
		s := New(Options{Dialect: tt.dialect})
		s.Receive("09121111111", "30001234", "a\x01b\rc & \"")
		if body := post(t, s, getMsg); !strings.Contains(body, tt.want) {
			t.Errorf("got %q, want it to hold %q", body, tt.want)
		}
	}
}

func TestNusoapCompressesLongAnswers(t *testing.T) {
	s, url := start(t, Options{})
	receive := func() {
		for range 10 {
			s.Receive("09121111111", "30001234", strings.Repeat("سلام ", 20))
		}
	}
	receive()
	c := client(t) // accepts gzip by itself
	answer, body, err := do(deadline(t), c, url, utf8XML, getMsg)
	if err != nil || !answer.Uncompressed || !strings.Contains(body, "unnamed_struct_use_soapval[10]") {
		t.Errorf("got compressed %t, %v, %s", answer.Uncompressed, err, body)
	}
	answer, _, err = do(deadline(t), c, url, utf8XML, getMsg)
	if err != nil || answer.Uncompressed {
		t.Errorf("a short answer must not be compressed: %v", err)
	}
}

func TestFaults(t *testing.T) {
	const whole = "5000000001"
	for _, tt := range []struct {
		fault    Fault
		carried  bool
		status   int    // 0: no answer at all
		contains string // in the body, as far as it came
		cut      bool   // the body ends in an error
		told     bool   // the caller learns what came of it
	}{
		{fault: Fault{Kind: Close}},
		{fault: Fault{Kind: Close, CarryOut: true}, carried: true},
		{fault: Fault{Kind: Cut}, carried: true, status: 200, contains: "Envelope", cut: true},
		{fault: Fault{Kind: Cut, Bytes: 5}, carried: true, status: 200, contains: "<?xml", cut: true},
		{fault: Fault{Kind: Slow, Delay: time.Millisecond}, carried: true, status: 200, contains: whole, told: true},
		{fault: Fault{Kind: Slow, Delay: time.Millisecond, CarryOut: true}, carried: true, status: 200, contains: whole, told: true},
		{fault: Fault{Kind: SOAPFault, Text: "out & about"}, status: 500, contains: "out &amp; about"},
		{fault: Fault{Kind: SOAPFault, CarryOut: true}, carried: true, status: 500, contains: "SOAP-ENV:Fault"},
		{fault: Fault{Kind: Crash}, status: 500},
		{fault: Fault{Kind: HTML}, status: 200, contains: "Account Suspended"},
		{fault: Fault{Kind: Redirect, Location: "http://127.0.0.1:1/"}, status: 302},
		{fault: Fault{Kind: ErrCode, Code: -4}, status: 200, contains: texts[-4], told: true},
		{fault: Fault{Kind: ErrCode, Code: -99, Text: "سامانه"}, status: 200, contains: "سامانه", told: true},
		{fault: Fault{Kind: ErrCode, Code: -3, CarryOut: true}, carried: true, status: 200, contains: texts[-3]},
		{fault: Fault{Kind: Empty}, status: 200},
		{fault: Fault{Kind: Empty, CarryOut: true}, carried: true, status: 200},
		{fault: Fault{Kind: Endless}, carried: true, status: 200, contains: "Envelope"},
		{fault: Fault{Kind: Garbage}, carried: true, status: 200, contains: "<b>Warning</b>", told: true},
		{fault: Fault{Kind: Custom, Body: "{}", ContentType: "application/json"}, status: 200, contains: "{}"},
	} {
		t.Run(fmt.Sprintf("%s carried out %t", tt.fault.Kind, tt.carried), func(t *testing.T) {
			for _, dialect := range []Dialect{Nusoap, Native} {
				s, url := start(t, Options{Dialect: dialect})
				s.Arm(tt.fault)
				c := client(t)
				answer, body, err := do(deadline(t), c, url, utf8XML, sendSMS([]string{"09121111111"}, "hi"))
				switch {
				case tt.status == 0:
					if err == nil {
						t.Fatalf("got an answer %s, want none", body)
					}
				case answer == nil:
					t.Fatalf("no answer: %v", err)
				case tt.cut != (err != nil):
					t.Errorf("got %v reading the answer, want an error %t", err, tt.cut)
				case answer.StatusCode != tt.status || !strings.Contains(body, tt.contains):
					t.Errorf("got %d %.300s, want %d %s", answer.StatusCode, body, tt.status, tt.contains)
				}
				if got, want := s.SentCount() == 1, tt.carried; got != want {
					t.Errorf("got carried out %t, want %t", got, want)
				}
				got := s.Requests()[0]
				if got.CarriedOut != tt.carried || got.Answer != string(tt.fault.Kind) || got.Answered != tt.told || got.Recipients != 1 || (got.Accepted == 1) != tt.carried {
					t.Errorf("got request %+v", got)
				}
				// It struck once.
				if _, body, err := do(deadline(t), c, url, utf8XML, getMsg); err != nil || !strings.Contains(body, "GetMsgResponse") {
					t.Errorf("the next call: %v %s", err, body)
				}
			}
		})
	}
}

func TestHangLastsUntilTheCallerLeaves(t *testing.T) {
	s, url := start(t, Options{})
	s.Arm(Fault{Kind: Hang, CarryOut: true})
	ctx, leave := context.WithCancel(deadline(t))
	ended := make(chan error)
	go func() {
		_, _, err := do(ctx, client(t), url, utf8XML, sendSMS([]string{"09121111111"}, "hi"))
		ended <- err
	}()
	if err := s.Wait(deadline(t), func() bool { return len(s.Requests()) == 1 }); err != nil {
		t.Fatal(err)
	}
	leave()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want no answer before the caller left", err)
	}
}

func TestAnAnswerNobodyWaitedForIsNoAnswer(t *testing.T) {
	for _, carryOut := range []bool{false, true} {
		s, url := start(t, Options{})
		s.Arm(Fault{Kind: Slow, Delay: time.Hour, CarryOut: carryOut})
		ctx, leave := context.WithCancel(deadline(t))
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			do(ctx, client(t), url, utf8XML, sendSMS([]string{"09121111111", "09122222222"}, "hi"))
		}()
		if carryOut {
			if err := s.Wait(deadline(t), func() bool { return len(s.Requests()) == 1 }); err != nil {
				t.Fatal(err)
			}
		} else if err := s.Wait(deadline(t), func() bool { return len(s.State().Faults) == 0 }); err != nil {
			t.Fatal(err)
		}
		leave()
		<-ended
		if err := s.Wait(deadline(t), func() bool { return len(s.Requests()) == 1 }); err != nil {
			t.Fatal(err)
		}
		if got := s.Requests()[0]; got.Answered || got.Recipients != 2 || got.Accepted != 2 {
			t.Errorf("carried out first %t: got %+v, want it accepted and not answered", carryOut, got)
		}
	}
}

func TestTheInboxTellsWhatWasFetched(t *testing.T) {
	s := New(Options{})
	for i := range 51 {
		s.Receive("09121111111", "30001234", fmt.Sprint(i))
	}
	post(t, s, getMsg)
	inbox := s.Inbox()
	if len(inbox) != 51 || inbox[0].Text != "0" || !inbox[49].Fetched || inbox[50].Fetched || s.Unread() != 1 {
		t.Errorf("got %d, %+v … %+v", len(inbox), inbox[0], inbox[50])
	}
}

func TestWhatIsExpectedStrikesOnlyWhatIsToCome(t *testing.T) {
	s := New(Options{Statuses: []Step{{After: 0, Status: 4}}})
	post(t, s, sendSMS([]string{"09121111111"}, "before"))
	delivered := func(i int) func() bool { return func() bool { return s.Sent()[i].Status == 4 } }
	if err := s.Wait(deadline(t), delivered(0)); err != nil {
		t.Fatal(err)
	}
	if err := s.ExpectStatus("09121111111", 6); err != nil {
		t.Fatal(err)
	}
	post(t, s, sendSMS([]string{"09121111111"}, "meanwhile"))
	if got, want := s.State().Expected, map[string]int{"09121111111": 6}; !cmp.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if err := s.ExpectStatus("09121111111", 0); err != nil {
		t.Fatal(err)
	}
	post(t, s, sendSMS([]string{"09121111111"}, "after"))
	if err := s.Wait(deadline(t), delivered(2)); err != nil {
		t.Fatal(err)
	}
	if got, want := s.Sent()[1].Status, 6; got != want || s.Sent()[0].Status != 4 {
		t.Errorf("got %d and %d, want 4 and %d", s.Sent()[0].Status, got, want)
	}
	if err := s.ExpectStatus("[", 5); err == nil {
		t.Error("a bad pattern was taken")
	}
}

func TestFaultsStrikeTheMethodAndAsOftenAsArmed(t *testing.T) {
	s := New(Options{})
	s.Arm(Fault{Kind: Empty, Method: "SendSMS", Times: 2})
	s.Arm(Fault{Kind: Crash, Times: -1})
	for range 3 {
		post(t, s, sendSMS([]string{"09121111111"}, "hi"))
	}
	post(t, s, getMsg)
	s.Disarm()
	post(t, s, getMsg)
	var got []string
	for _, r := range s.Requests() {
		got = append(got, r.Answer)
	}
	if want := []string{"empty", "empty", "crash", "crash", "0"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestAFaultOfWhatIsUnreadWaitsForIt: however often the panel is asked before.
func TestAFaultOfWhatIsUnreadWaitsForIt(t *testing.T) {
	s := New(Options{})
	s.Arm(Fault{Kind: Empty, Method: "GetMsg", Unread: true, CarryOut: true})
	post(t, s, getMsg)
	s.Receive("09121111111", "30001234", "hi")
	post(t, s, getMsg)
	var got []string
	for _, r := range s.Requests() {
		got = append(got, r.Answer)
	}
	if want := []string{"0", "empty"}; !slices.Equal(got, want) || s.Unread() != 0 {
		t.Errorf("got %q, want %q; unread %d", got, want, s.Unread())
	}
}

// TestAFaultIsTakenBackByItself: by its kind, method and code; the others strike as they would have.
func TestAFaultIsTakenBackByItself(t *testing.T) {
	s := New(Options{})
	order := func(fields string) {
		t.Helper()
		r := httptest.NewRequest("POST", "http://127.0.0.1/fault", strings.NewReader(fields))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		if s.Control().ServeHTTP(w, r); w.Code != 200 {
			t.Fatal(w.Body)
		}
	}
	order("kind=errcode&code=-4&method=SendSMS")
	order("kind=errcode&code=-3&method=SendSMS")
	order("kind=close&method=SendSMS&carry_out=true")
	order("kind=close&times=-1&chance=0.2")
	order("kind=errcode&code=-4&method=SendSMS&off=true")
	order("kind=close&times=-1&chance=0.2&off=true")
	got := s.State().Faults
	if len(got) != 2 || got[0].Code != -3 || got[1].Kind != Close || got[1].Method != "SendSMS" {
		t.Errorf("got %+v", got)
	}
}

// TestAShareOfTheCallsFails: of very many by chance, so far from none and from all that chance alone does not get there.
func TestAShareOfTheCallsFails(t *testing.T) {
	s, url := start(t, Options{})
	s.Arm(Fault{Kind: ErrCode, Code: -3, Times: -1, Chance: 0.5})
	const calls = 200
	for range calls {
		do(deadline(t), client(t), url, utf8XML, getMsg)
	}
	struck := 0
	for _, r := range s.Requests() {
		if r.Answer == string(ErrCode) {
			struck++
		}
	}
	if struck < calls/5 || struck > calls*4/5 {
		t.Errorf("%d of %d calls failed, half should", struck, calls)
	}
	if got := s.State().Faults; len(got) != 1 {
		t.Errorf("left: %v", got)
	}
}

func TestAnSMSIsHandedOutOnceMore(t *testing.T) {
	s, url := start(t, Options{})
	if s.Repeat() {
		t.Error("repeated what nobody wrote")
	}
	s.Receive("09121111111", "30001234", "hi")
	if s.Repeat() {
		t.Error("repeated what was not handed out")
	}
	get := func() { do(deadline(t), client(t), url, utf8XML, getMsg) }
	get()
	s.Repeat()
	s.Repeat() // it waits already
	get()
	requests := s.Requests()
	if first, again := requests[0].Given, requests[1].Given; len(first) != 1 || !slices.Equal(first, again) {
		t.Errorf("got %v, then %v", first, again)
	}
	if inbox := s.Inbox(); len(inbox) != 1 || s.Unread() != 0 {
		t.Errorf("the inbox holds %v, %d unread", inbox, s.Unread())
	}
}

func TestDownRefusesConnectionsAndComesBackAtTheSameAddress(t *testing.T) {
	s, url := start(t, Options{})
	if _, _, err := do(deadline(t), client(t), url, utf8XML, getMsg); err != nil {
		t.Fatal(err)
	}
	if err := s.SetDown(true); err != nil {
		t.Fatal(err)
	}
	c := client(t) // the other one has a connection left, whose end it may learn of only when it uses it
	if _, _, err := do(deadline(t), c, url, utf8XML, getMsg); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("got %v, want the connection refused", err)
	}
	if err := s.SetDown(false); err != nil {
		t.Fatal(err)
	}
	if _, _, err := do(deadline(t), c, url, utf8XML, getMsg); err != nil {
		t.Error(err)
	}
}

func TestDownAsAHandlerClosesUnanswered(t *testing.T) {
	s := New(Options{})
	web := httptest.NewServer(s)
	defer web.Close()
	s.SetDown(true)
	if _, _, err := do(deadline(t), client(t), web.URL, utf8XML, getMsg); !errors.Is(err, io.EOF) {
		t.Errorf("got %v, want the connection closed", err)
	}
	if got := len(s.Requests()); got != 0 {
		t.Errorf("got %d requests, want none", got)
	}
}

func TestOnCallStopsTheCallAtEachStage(t *testing.T) {
	s, url := start(t, Options{})
	type sight struct {
		stage  Stage
		unread int
	}
	var seen []sight // written by the only call, read after its last stage
	last := make(chan struct{})
	s.OnCall(func(c Call) {
		seen = append(seen, sight{c.Stage, s.Unread()})
		if c.Stage == Answered {
			close(last)
		}
	})
	s.Receive("09121111111", "30001234", "hi")
	if _, _, err := do(deadline(t), client(t), url, utf8XML, getMsg); err != nil {
		t.Fatal(err)
	}
	<-last
	want := []sight{{Arrived, 1}, {CarriedOut, 0}, {HalfAnswered, 0}, {Answered, 0}}
	if !slices.Equal(seen, want) {
		t.Errorf("got %v, want %v", seen, want)
	}
}

func TestHalfAnsweredMeansHalfIsOnTheWire(t *testing.T) {
	s, url := start(t, Options{})
	read := make(chan struct{})
	s.OnCall(func(c Call) {
		if c.Stage == HalfAnswered {
			<-read
		}
	})
	r, err := http.NewRequestWithContext(deadline(t), "POST", url, strings.NewReader(getMsg))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", utf8XML)
	answer, err := client(t).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	half := make([]byte, answer.ContentLength/2)
	if _, err := io.ReadFull(answer.Body, half); err != nil {
		t.Fatal(err)
	}
	close(read)
	if rest, err := io.ReadAll(answer.Body); err != nil || !strings.HasSuffix(string(rest), "Envelope>") {
		t.Errorf("the other half: %v %s", err, rest)
	}
}

func TestWatchTellsAllInOrderHoweverSlowlyItIsRead(t *testing.T) {
	s := New(Options{})
	events := s.Watch(deadline(t))
	for i := range 100 {
		s.Receive("09121111111", "30001234", fmt.Sprint(i))
	}
	post(t, s, getMsg)
	post(t, s, sendSMS([]string{"09121111111"}, "hi"))
	s.SetDown(true)
	var got []string
	for len(got) < 154 {
		e := <-events
		got = append(got, string(e.Kind)+" "+e.SMS.Text+e.Request.Method)
	}
	var want []string
	for i := range 100 {
		want = append(want, fmt.Sprintf("received %d", i))
	}
	for i := range 50 {
		want = append(want, fmt.Sprintf("fetched %d", i))
	}
	want = append(want, "called GetMsg", "accepted hi", "called SendSMS", "down ")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestWaitEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := New(Options{}).Wait(ctx, func() bool { return false }); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the context's error", err)
	}
}

func TestManyAtOnce(t *testing.T) {
	s, url := start(t, Options{Statuses: []Step{{time.Microsecond, 3}}})
	const senders, each = 8, 50
	var wg sync.WaitGroup
	for i := range senders {
		wg.Go(func() {
			c := client(t)
			for j := range each {
				s.Receive("09121111111", "30001234", "hi")
				to := []string{fmt.Sprintf("0912%03d%04d", i, j)}
				if _, _, err := do(deadline(t), c, url, utf8XML, sendSMS(to, "hi")); err != nil {
					t.Error(err)
				}
				if _, _, err := do(deadline(t), c, url, utf8XML, getMsg); err != nil {
					t.Error(err)
				}
			}
		})
	}
	if err := s.Wait(deadline(t), func() bool {
		sent := s.Sent()
		return len(sent) == senders*each && !slices.ContainsFunc(sent, func(m SMS) bool { return m.Status != 3 })
	}); err != nil {
		t.Error(err)
	}
	wg.Wait()
	ids := map[string]bool{}
	for _, m := range s.Sent() {
		ids[m.ID] = true
	}
	if len(ids) != senders*each || s.Unread() != 0 {
		t.Errorf("got %d ids and %d unread, want %d and none", len(ids), s.Unread(), senders*each)
	}
}

// BenchmarkDrain fetches ten thousand unread over HTTP, fifty at a time.
func BenchmarkDrain(b *testing.B) {
	s, url := start(b, Options{})
	c := client(b)
	const unread = 10_000
	for b.Loop() {
		for range unread {
			s.Receive("09121111111", "30001234", "سلام، جواب من بله است")
		}
		for s.Unread() > 0 {
			if _, _, err := do(context.Background(), c, url, utf8XML, getMsg); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(unread*b.N)/b.Elapsed().Seconds(), "SMS/s")
}

// BenchmarkSend sends one SMS a call over HTTP.
func BenchmarkSend(b *testing.B) {
	_, url := start(b, Options{Statuses: []Step{{time.Second, 3}}, Credit: 1e12})
	c := client(b)
	body := sendSMS([]string{"09121111111"}, "سلام")
	for b.Loop() {
		if _, _, err := do(context.Background(), c, url, utf8XML, body); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "SMS/s")
}
