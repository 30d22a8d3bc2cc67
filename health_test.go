package main

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"peyk/bot"
	"peyk/bot/text"
	"peyk/bridge"
	"peyk/cluster"
	"peyk/internal/metrics"
	"peyk/relay"
	"peyk/sandbox/sandboxtest"
	"peyk/smsapi/exchange"
	"peyk/smsapi/soap"
	"peyk/store"
	"peyk/telegram"
)

// get asks for a page and returns its status and text.
func get(t testing.TB, address string) (int, string) {
	t.Helper()
	resp, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

func TestReadyFollowsTheNetworksAndAliveDoesNot(t *testing.T) {
	s := newStage(t)
	settings, _, err := readSettings(s.environ, "")
	if err != nil {
		t.Fatal(err)
	}
	st, err := store.Open(settings.dbPath, settings.store)
	if err != nil {
		t.Fatal(err)
	}
	client, err := soap.New(settings.panel.URL, settings.panel.User, settings.panel.Password, soap.Options{Options: exchange.Options{Timeout: 300 * time.Millisecond}})
	if err != nil {
		t.Fatal(err)
	}
	m := metrics.New()
	settings.telegram.OnCall = m.TelegramAsked
	b := bridge.New(st, client, telegram.New(settings.telegram), settings.relay, settings.bot, m)
	web := httptest.NewServer(healthHandler(&running{Bridge: b, store: st}, m, slog.New(slog.DiscardHandler)))
	defer web.Close()
	ready := func(status int, pattern string) {
		t.Helper()
		for deadline := time.Now().Add(patience); ; {
			gotStatus, got := get(t, web.URL+"/readyz")
			if strings.Count(got, "\n") != 1 {
				t.Fatalf("/readyz says in more than one line: %q", got)
			}
			if gotStatus == status && regexp.MustCompile(pattern).MatchString(got) {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("/readyz: got %d %q, want %d %q", gotStatus, got, status, pattern)
			}
		}
		if status, got := get(t, web.URL+"/healthz"); status != 200 || got != "alive\n" {
			t.Fatalf("/healthz: got %d %q", status, got)
		}
	}

	ready(503, `^no good answer of the panel to GetMsg since the start; no good answer of Telegram to getUpdates since the start\n$`)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- b.Run(ctx) }()
	ready(200, `^ready\n$`)
	if err := s.Panel.SetDown(true); err != nil {
		t.Fatal(err)
	}
	ready(503, `^no good answer of the panel to GetMsg since 20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ\n$`)
	if err := s.Panel.SetDown(false); err != nil {
		t.Fatal(err)
	}
	ready(200, `^ready\n$`)
	s.Panel.SetPassword("another")
	ready(503, `GetMsg since 20`)
	if err := b.Ready(time.Now().Add(time.Hour)); err == nil || !strings.Contains(err.Error(), "Telegram to getUpdates since 20") {
		t.Errorf("an hour without updates: got %v", err)
	}

	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	if status, got := get(t, web.URL+"/healthz"); status != 503 || got != "store is closed\n" {
		t.Errorf("a closed store: got %d %q", status, got)
	}
	for _, path := range []string{"/", "/healthz/", "/debug/pprof/"} {
		if status, _ := get(t, web.URL+path); status != 404 {
			t.Errorf("%s: got %d, want 404", path, status)
		}
	}
	if resp, err := http.Post(web.URL+"/healthz", "", nil); err != nil || resp.StatusCode != 405 {
		t.Errorf("a POST: got %v, %v", resp, err)
	}
}

// journal keeps what a program writes, and lets it be waited for.
type journal struct {
	mu sync.Mutex
	bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.Buffer.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.Buffer.String()
}

// TestTheProgramTellsOfItself starts the program with HTTP_ADDR and asks it as Docker and Prometheus do.
func TestTheProgramTellsOfItself(t *testing.T) {
	t.Chdir(t.TempDir())
	s := newStage(t)
	quick := func(environ []string) (code int, out string) {
		var said bytes.Buffer
		code = run(t.Context(), []string{"check", "--quick"}, environ, nil, &said, &said)
		return code, said.String()
	}
	if code, out := quick(s.environ); code != 2 || !strings.Contains(out, "HTTP_ADDR is off") || !strings.Contains(out, "set it") {
		t.Errorf("off: got %d %q", code, out)
	}
	if code, out := quick([]string{"HTTP_ADDR=off"}); code != 2 || !strings.Contains(out, `HTTP_ADDR is "off", which is not an address`) {
		t.Errorf("no address: got %d %q", code, out)
	}

	taken, err := net.Listen("tcp", sandboxtest.OwnHost()+":0")
	if err != nil {
		t.Fatal(err)
	}
	environ := append(s.environ, "HTTP_ADDR="+taken.Addr().String(), "http_proxy=http://127.0.0.1:1", "HTTP_PROXY=http://127.0.0.1:1")
	var log journal
	if code := run(t.Context(), nil, environ, nil, io.Discard, &log); code != 1 || !strings.Contains(log.String(), "use another address") {
		t.Errorf("a port that is taken: got %d\n%s", code, log.String())
	}
	if err := taken.Close(); err != nil {
		t.Fatal(err)
	}
	if code, out := quick(environ); code != 1 || !strings.HasPrefix(out, "bridge: does not answer: dial tcp "+taken.Addr().String()) || strings.Count(out, "\n") != 1 {
		t.Errorf("no bridge: got %d %q", code, out)
	}

	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan int)
	asked := s.arrivals("getUpdates")
	go func() { ended <- run(ctx, nil, environ, nil, io.Discard, &log) }()
	select {
	case <-asked:
	case <-time.After(patience):
		t.Fatalf("no bridge:\n%s", log.String())
	}
	if code, out := quick(environ); code != 0 || out != "bridge: alive\n" {
		t.Errorf("a bridge: got %d %q", code, out)
	}
	if code, out := quick(append(environ, "LANGUAGE=fa")); code != 0 || out != "ربات: زنده است\n" {
		t.Errorf("in Persian: got %d %q", code, out)
	}
	status, figures := get(t, "http://"+taken.Addr().String()+"/metrics")
	if status != 200 {
		t.Errorf("/metrics: got %d", status)
	}
	problems, err := promlint.New(strings.NewReader(figures)).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("/metrics: got %v, %v", problems, err)
	}
	for _, name := range []string{"peyk_build_info{", "peyk_posts_waiting 0", "go_goroutines ", "process_start_time_seconds "} {
		if name == "process_start_time_seconds " && !strings.Contains(figures, "process_") {
			continue // not every system tells
		}
		if !strings.Contains(figures, "\n"+name) {
			t.Errorf("/metrics does not tell %s", name)
		}
	}
	stop()
	if code := <-ended; code != 0 {
		t.Errorf("it ended with %d:\n%s", code, log.String())
	}
	if code, _ := quick(environ); code != 1 {
		t.Errorf("after its end: got %d, want 1", code)
	}
}

// registered returns the names of all the metrics a bridge tells, seen by now or not.
func registered(t *testing.T) []string {
	t.Helper()
	st, err := store.Open(filepath.Join(t.TempDir(), "peyk.db"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	client, err := soap.New("http://127.0.0.1:1/", "", "", soap.Options{})
	if err != nil {
		t.Fatal(err)
	}
	m := metrics.New()
	b := bridge.New(st, client, telegram.New(telegram.Options{}), relay.Options{}, bot.Options{}, m)
	stop, err := serveHealth("127.0.0.1:0", &running{Bridge: b, store: st}, m, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	m.MustRegister((&member{Member: cluster.New(cluster.Config{})}).figures()...)
	described := make(chan *prometheus.Desc)
	go func() {
		m.Describe(described)
		close(described)
	}()
	var names []string
	for d := range described {
		names = append(names, regexp.MustCompile(`fqName: "(\w+)"`).FindStringSubmatch(d.String())[1])
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// TestTheManualNamesEveryMetric holds the manual, in both languages, to what the bridge tells.
func TestTheManualNamesEveryMetric(t *testing.T) {
	told := registered(t)
	for _, file := range []string{"doc/operations.md", "doc/operations.fa.md"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		named := regexp.MustCompile(`\b(peyk|process|go)_[a-z_]+[a-z]\b`).FindAllString(string(text), -1)
		for _, name := range named {
			if !slices.Contains(told, name) {
				t.Errorf("%s names %s, which there is not", file, name)
			}
		}
		for _, name := range told {
			if !slices.Contains(named, name) && !strings.HasPrefix(name, "process_") {
				t.Errorf("%s does not tell what %s means", file, name)
			}
		}
	}
}

func TestWhereToListenIsLoopbackUnlessSaidOtherwise(t *testing.T) {
	for value, want := range map[string]string{
		"9383": "127.0.0.1:9383", ":9383": "127.0.0.1:9383", " 9383 ": "127.0.0.1:9383", "0.0.0.0:9383": "0.0.0.0:9383", "[::]:9383": "[::]:9383",
		"[::1]:9383": "[::1]:9383", "localhost:9383": "localhost:9383", "10.0.0.5:80": "10.0.0.5:80",
		"0": "", "65536": "", ":http": "", "on": "", "127.0.0.1": "", "::1": "", "http://127.0.0.1:9383": "", "127.0.0.1:9383/metrics": "", "": "",
	} {
		got, err := readAddress(&text.English, value)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q: got %q, %v, want %q", value, got, err, want)
		}
	}
}
