package sandbox

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

// The test binary, started again with this in its environment, stands where the bridge would.
const standIn = "SANDBOX_TEST_BRIDGE"

func TestMain(m *testing.M) {
	if os.Getenv(standIn) != "" {
		beBridge()
		return
	}
	os.Exit(m.Run())
}

// life is what a stand-in tells of itself when it starts.
type life struct {
	PID   int
	Args  []string
	Env   map[string]string
	Files []string // in its working directory
	Lives int      // that have used this DB_PATH, with this one
}

// beBridge tells about itself, then lives until SIGTERM or the kill.
func beBridge() {
	terminate := make(chan os.Signal, 1)
	signal.Notify(terminate, syscall.SIGTERM)
	l := life{PID: os.Getpid(), Args: os.Args[1:], Env: map[string]string{}}
	for _, entry := range os.Environ() {
		name, value, _ := strings.Cut(entry, "=")
		l.Env[name] = value
	}
	files, err := os.ReadDir(".")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	for _, f := range files {
		l.Files = append(l.Files, f.Name())
	}
	store, err := os.ReadFile(os.Getenv("DB_PATH"))
	if err != nil && !os.IsNotExist(err) {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	store = append(store, '.')
	if err := os.WriteFile(os.Getenv("DB_PATH"), store, 0o600); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	l.Lives = len(store)
	b, err := json.Marshal(l)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Fprintf(os.Stderr, "life %s\n", b)
	<-terminate
	fmt.Fprintln(os.Stderr, "stopping as asked")
}

// output collects what is written and lets a test wait for it.
type output struct {
	mu      sync.Mutex
	buf     bytes.Buffer
	changed chan struct{}
}

func newOutput() *output { return &output{changed: make(chan struct{})} }

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	close(o.changed)
	o.changed = make(chan struct{})
	return o.buf.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// wait returns the submatches of the n-th match of pattern (from 0), as soon as there is one.
func (o *output) wait(t *testing.T, pattern string, n int) []string {
	t.Helper()
	re := regexp.MustCompile(pattern)
	timeout := time.After(20 * time.Second)
	for {
		o.mu.Lock()
		text, changed := o.buf.String(), o.changed
		o.mu.Unlock()
		if m := re.FindAllStringSubmatch(text, n+1); len(m) > n {
			return m[n]
		}
		select {
		case <-changed:
		case <-timeout:
			t.Fatalf("no %q (%d) in:\n%s", pattern, n, text)
		}
	}
}

// play is a running sandbox.
type play struct {
	t        *testing.T
	out, log *output
	addr     string
	end      context.CancelFunc
	ended    chan error
}

// start runs a sandbox whose bridge is the stand-in.
func start(t *testing.T, opts Options) *play {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &play{t: t, out: newOutput(), log: newOutput(), ended: make(chan error, 1)}
	opts.Exe, opts.Stdout, opts.Stderr = exe, p.out, p.log
	opts.Environ = append(opts.Environ, standIn+"=1")
	if opts.Addr == "" {
		opts.Addr = "127.0.0.1:0"
	}
	ctx, end := context.WithCancel(context.Background())
	p.end = end
	go func() {
		p.ended <- Run(ctx, opts)
		close(p.ended)
	}()
	t.Cleanup(func() {
		end()
		<-p.ended
	})
	p.addr = p.out.wait(t, `http://(\S+)/`, 0)[1]
	return p
}

// life waits for the n-th start of the bridge (from 0).
func (p *play) life(n int) life {
	p.t.Helper()
	var l life
	if err := json.Unmarshal([]byte(p.log.wait(p.t, `(?m)^bridge: life (.*)$`, n)[1]), &l); err != nil {
		p.t.Fatal(err)
	}
	return l
}

// curl posts form fields to a control and returns the answer.
func (p *play) curl(path string, fields ...string) string {
	p.t.Helper()
	form := url.Values{}
	for _, f := range fields {
		name, value, _ := strings.Cut(f, "=")
		form.Set(name, value)
	}
	answer, err := http.PostForm("http://"+p.addr+path, form)
	if err != nil {
		p.t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return strings.TrimSpace(string(body))
}

// soap calls the panel as the bridge would.
func (p *play) soap(l life, method, params string) string {
	p.t.Helper()
	body := `<?xml version="1.0" encoding="UTF-8"?><e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"` +
		` xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xsd="http://www.w3.org/2001/XMLSchema"` +
		` xmlns:c="http://schemas.xmlsoap.org/soap/encoding/"><e:Body><m:` + method + ` xmlns:m="urn:smsserver"><user>` + l.Env["SMS_API_USER"] +
		`</user><pass>` + l.Env["SMS_API_PASSWORD"] + `</pass>` + params + `</m:` + method + `></e:Body></e:Envelope>`
	answer, err := http.Post(l.Env["SMS_API_URL"], "text/xml; charset=utf-8", strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return string(b)
}

// bot calls Telegram as the bridge would.
func (p *play) bot(l life, method string, params map[string]any) string {
	p.t.Helper()
	b, err := json.Marshal(params)
	if err != nil {
		p.t.Fatal(err)
	}
	answer, err := http.Post(l.Env["TELEGRAM_API_URL"]+"/bot"+l.Env["TELEGRAM_BOT_TOKEN"]+"/"+method, "application/json", bytes.NewReader(b))
	if err != nil {
		p.t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	if !strings.HasPrefix(string(body), `{"ok":true`) {
		p.t.Fatalf("%s: %s", method, body)
	}
	return string(body)
}

// TestNoSettingOfTheShellReachesTheBridge: but those of a desk's hours, which doc/sandbox.md names.
func TestNoSettingOfTheShellReachesTheBridge(t *testing.T) {
	manual, err := os.ReadFile("../.env.example")
	if err != nil {
		t.Fatal(err)
	}
	all := regexp.MustCompile(`(?m)^#?([A-Z_]+)=`).FindAllStringSubmatch(string(manual), -1)
	if len(all) < 30 {
		t.Fatalf("got %d settings, there are more", len(all))
	}
	hours := []string{"HOURS", "AWAY_TEXT", "AWAY_PER_HOUR", "REMIND_AFTER", "ESCALATE_AFTER"}
	for _, m := range all {
		got := withoutSettings([]string{m[1] + "=x", m[1] + "_FILE=/x", "MY_" + m[1] + "=y"})
		if reaches := len(got) == 3; reaches != slices.Contains(hours, m[1]) || !reaches && len(got) != 1 {
			t.Errorf("of %s the bridge gets %q", m[1], got)
		}
	}
}

func TestTheBridgeHasItsSettingsFromTheSandboxAlone(t *testing.T) {
	p := start(t, Options{
		Args: []string{"-flag"},
		Environ: []string{
			"PATH=/bin", "TELEGRAM_BOT_TOKEN=real", "TELEGRAM_PROXY=socks5://127.0.0.1:1", "SMS_API_PASSWORD_FILE=/real", "LANGUAGE=fa",
			"DB_PATH=/real", "HTTP_ADDR=127.0.0.1:1",
		},
	})
	l := p.life(0)
	if got, want := l.Args, []string{"-flag"}; !cmp.Equal(got, want) {
		t.Errorf("got arguments %q, want %q", got, want)
	}
	if len(l.Files) != 0 {
		t.Errorf("the working directory holds %q, want nothing", l.Files)
	}
	dir := filepath.Dir(l.Env["DB_PATH"])
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the store's directory: %v, mode %v", err, info.Mode())
	}
	delete(l.Env, "DB_PATH")
	for _, name := range []string{"TELEGRAM_API_URL", "SMS_API_URL"} {
		u, err := url.Parse(l.Env[name])
		if err != nil || u.Hostname() != "127.0.0.1" {
			t.Errorf("%s is %q, want a loopback address", name, l.Env[name])
		}
		delete(l.Env, name)
	}
	for _, name := range []string{"PWD", "GOCOVERDIR"} { // what os/exec and go test add
		delete(l.Env, name)
	}
	want := map[string]string{
		standIn:              "1",
		"PATH":               "/bin",
		"TELEGRAM_BOT_TOKEN": "7000000001:AAsandbox-token-for-loopback-only-000",
		"SMS_API_USER":       "demo",
		"SMS_API_PASSWORD":   "demo-pass",
		"SMS_API_KEY":        "demo-pass",
		"SMS_PANEL":          "soap",
		"SMS_LINES":          "30001234,30005678",
		"ADMIN_USERS":        "500000001",
		"ALLOWED_USERS":      "500000002",
		"INBOX_CHATS":        "-1002000000001",
		"POLL_INTERVAL":      "1s",
		"STATUS_INTERVAL":    "2s",
		"LOG_LEVEL":          "info",
		"LANGUAGE":           "en",
		"LOW_CREDIT":         "100",
		"REMIND_AFTER":       "30m",
		"ESCALATE_AFTER":     "2h",
	}
	if diff := cmp.Diff(want, l.Env); diff != "" {
		t.Errorf("environment (-want +got):\n%s", diff)
	}
}

func TestTranscriptTellsBothSides(t *testing.T) {
	p := start(t, Options{})
	l := p.life(0)
	support := l.Env["INBOX_CHATS"]

	p.curl("/panel/sms", "from=09121111111", "text=سلام\x1b[2J\n\nخوبید؟")
	p.out.wait(t, "خوبید", 0)
	p.soap(l, "GetMsg", "")
	p.bot(l, "sendMessage", map[string]any{"chat_id": support, "text": "09121111111: <blockquote>سلام[2J خوبید؟</blockquote>", "parse_mode": "HTML", "reply_markup": map[string]any{
		"inline_keyboard": [][]map[string]string{{{"text": "Send", "callback_data": "s1"}, {"text": "Cancel", "callback_data": "c1"}}},
	}})
	p.out.wait(t, `\[Cancel\]`, 0)
	if got, want := p.curl("/telegram/say", "from=ali", "reply=last", "text=بفرمایید"), `{"id":3}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	p.out.wait(t, "Ali ↩", 0)
	p.soap(l, "SendSMS", `<fromNum>30001234</fromNum><toNum c:arrayType="xsd:string[1]"><item xsi:type="xsd:string">09121111111</item></toNum>`+
		`<messageContent>بفرمایید</messageContent>`)
	p.out.wait(t, "→ 09121111111  بفرمایید", 0)
	p.curl("/panel/status", "id=5000000001", "status=4")
	p.out.wait(t, "delivered", 0)
	p.soap(l, "SendSMS", "")
	p.out.wait(t, "answered crash", 0)
	p.curl("/panel/down", "down=true")
	p.out.wait(t, "is down", 0)

	pressed := make(chan string)
	go func() { pressed <- p.curl("/telegram/press", "from=Ali", "button=send") }()
	p.out.wait(t, "presses", 0)
	var updates struct {
		Result []struct {
			CallbackQuery struct{ ID string } `json:"callback_query"`
		}
	}
	if err := json.Unmarshal([]byte(p.bot(l, "getUpdates", map[string]any{"offset": -1})), &updates); err != nil {
		t.Fatal(err)
	}
	p.bot(l, "answerCallbackQuery", map[string]any{"callback_query_id": updates.Result[0].CallbackQuery.ID, "text": "done"})
	if got, want := <-pressed, `{"text":"done","alert":false}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	p.out.wait(t, "answers the button", 0)

	_, transcript, _ := strings.Cut(p.out.String(), "For a shell: curl "+p.addr+"\n\n")
	transcript = regexp.MustCompile(`(?m)^\d\d:\d\d:\d\d  `).ReplaceAllString(transcript, "")
	transcript = regexp.MustCompile(`process \d+`).ReplaceAllString(transcript, "process N")
	want := `bridge      started, process N
telephone   09121111111 → 30001234  سلام·[2J

                      خوبید؟
Support     Peyk: 09121111111: سلام[2J خوبید؟
                      [Send] [Cancel]
Support     Ali ↩ بفرمایید
panel       30001234 → 09121111111  بفرمایید
panel       30001234 → 09121111111  delivered
panel       SendSMS is answered crash
panel       is down
Support     Ali presses [Send]
Support     Peyk answers the button: done
`
	if diff := cmp.Diff(want, transcript); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestTheBotsLastIsWaitedFor types ahead of the bot, as who pastes lines does.
func TestTheBotsLastIsWaitedFor(t *testing.T) {
	p := start(t, Options{})
	l := p.life(0)
	support := l.Env["INBOX_CHATS"]
	told := func(path string, fields ...string) <-chan string {
		answer := make(chan string, 1)
		go func() { answer <- p.curl(path, fields...) }()
		return answer
	}
	p.out.wait(t, "started", 0)
	p.curl("/telegram/limits") // none
	p.bot(l, "sendMessage", map[string]any{"chat_id": support, "text": "an old one"})
	p.curl("/panel/sms", "from=09121111111", "text=hello")
	said := told("/telegram/say", "from=Ali", "reply=last", "text=hi")
	p.bot(l, "sendMessage", map[string]any{"chat_id": support, "text": "09121111111 <blockquote>hello</blockquote>", "parse_mode": "HTML"})
	<-said
	pressed := told("/telegram/press", "from=Ali", "button=Send", "seconds=0.001")
	p.bot(l, "sendMessage", map[string]any{"chat_id": support, "text": "Send this?", "reply_markup": map[string]any{
		"inline_keyboard": [][]map[string]string{{{"text": "Send", "callback_data": "s1"}}},
	}})
	if got, want := <-pressed, "deadline"; !strings.Contains(got, want) { // it was pressed, and nobody answers
		t.Errorf("got %s, want %s", got, want)
	}
	var updates struct {
		Result []struct {
			Message struct {
				Text    string
				ReplyTo struct{ Text string } `json:"reply_to_message"`
			}
		}
	}
	if err := json.Unmarshal([]byte(p.bot(l, "getUpdates", nil)), &updates); err != nil {
		t.Fatal(err)
	}
	answers := ""
	for _, u := range updates.Result {
		if u.Message.Text == "hi" {
			answers = u.Message.ReplyTo.Text
		}
	}
	if got, want := answers, "09121111111 hello"; got != want {
		t.Errorf("got an answer to %q, want one to %q", got, want)
	}
	p.curl("/bridge/stop")
	if got, want := p.curl("/telegram/press", "from=Ali", "button=Never"), "no such message"; !strings.Contains(got, want) {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestTheBridgeSpeaksWhatIsChosen: it is started anew with another language, and only for another.
func TestTheBridgeSpeaksWhatIsChosen(t *testing.T) {
	p := start(t, Options{})
	if l := p.life(0); l.Env["LANGUAGE"] != "en" {
		t.Errorf("it begins with %q", l.Env["LANGUAGE"])
	}
	p.curl("/bridge/language", "language=en")
	if got, want := p.curl("/bridge/language", "language=fa"), `"starts":2,"language":"fa"`; !strings.Contains(got, want) {
		t.Errorf("got %s, want %s", got, want)
	}
	if l := p.life(1); l.Env["LANGUAGE"] != "fa" {
		t.Errorf("it goes on with %q", l.Env["LANGUAGE"])
	}
	if got, want := p.curl("/bridge/language", "language=de"), `{"error":"language is en or fa"}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	p.curl("/bridge/kill")
	if got, want := p.curl("/bridge/language", "language=en"), `{"running":false,"starts":2,"language":"en"}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestTheBridgeCanBeKilledStoppedAndStarted(t *testing.T) {
	p := start(t, Options{})
	first := p.life(0)
	if got, want := p.curl("/bridge/kill"), `{"running":false,"starts":1,"language":"en"}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if err := syscall.Kill(first.PID, 0); err != syscall.ESRCH {
		t.Errorf("got %v, want no such process", err)
	}
	if got, want := p.curl("/bridge/kill"), `{"error":"the bridge is not running"}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := p.log.String(); strings.Contains(got, "stopping") {
		t.Errorf("a killed bridge had time to say %q", got)
	}

	p.curl("/bridge/start")
	second := p.life(1)
	if second.Lives != 2 || second.Env["DB_PATH"] != first.Env["DB_PATH"] {
		t.Errorf("got life %d of the store, want the second", second.Lives)
	}
	if got, want := p.curl("/bridge/start"), `{"error":"the bridge is running already"}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	p.curl("/bridge/stop")
	p.log.wait(t, "bridge: stopping as asked", 0)

	p.curl("/bridge/start")
	third := p.life(2)
	if err := syscall.Kill(third.PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if fourth := p.life(3); fourth.Lives != 4 {
		t.Errorf("got life %d of the store, want the fourth", fourth.Lives)
	}
	p.out.wait(t, "bridge +killed\n", 0)
	p.out.wait(t, "bridge +stopped: exit status 0\n", 0)
	p.out.wait(t, "bridge +ended by itself: signal: killed; starting again in 1s\n", 0)
	p.out.wait(t, "bridge +started", 3)
}

func TestEndStopsTheBridgeAndLeavesNothing(t *testing.T) {
	p := start(t, Options{})
	l := p.life(0)
	p.end()
	if err := <-p.ended; err != nil {
		t.Fatal(err)
	}
	p.log.wait(t, "bridge: stopping as asked", 0)
	http.DefaultClient.CloseIdleConnections()
	goleak.VerifyNone(t)
	if _, err := os.Stat(filepath.Dir(l.Env["DB_PATH"])); !os.IsNotExist(err) {
		t.Errorf("the temporary directory: got %v, want it gone", err)
	}
	for _, addr := range []string{"http://" + p.addr, l.Env["TELEGRAM_API_URL"], l.Env["SMS_API_URL"]} {
		u, err := url.Parse(addr)
		if err != nil {
			t.Fatal(err)
		}
		if conn, err := net.Dial("tcp", u.Host); err == nil {
			conn.Close()
			t.Errorf("%s still answers", addr)
		}
	}
}

func TestATakenAddressGivesWayToAFreeOne(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	p := start(t, Options{Addr: taken.Addr().String()})
	if p.addr == taken.Addr().String() {
		t.Error("got the taken address")
	}
	answer, err := http.Get("http://" + p.addr + "/")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil || !strings.Contains(string(body), "curl -d from=09121111111 -d text='سلام' "+p.addr+"/panel/sms") {
		t.Errorf("the page: %v %s", err, body)
	}
}

func TestOnlyLoopbackIsServed(t *testing.T) {
	err := Run(context.Background(), Options{Addr: "0.0.0.0:0", Exe: "/nonexistent"})
	if err == nil || !strings.Contains(err.Error(), "not a loopback address") {
		t.Errorf("got %v, want a refusal", err)
	}
}
