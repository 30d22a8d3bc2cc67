package bridge_test

import (
	"fmt"
	"math"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"peyk/sandbox/panel"
	"peyk/sandbox/telegram"
)

// figures returns what the bridge counted, by name and label as in a_total{kind="b"}; of a histogram, how many it saw.
func (w *world) figures() map[string]float64 {
	w.Helper()
	families, err := w.metrics.Gather()
	if err != nil {
		w.Fatal(err)
	}
	found := map[string]float64{}
	for _, family := range families {
		for _, m := range family.Metric {
			name := family.GetName()
			for _, l := range m.Label {
				name += fmt.Sprintf("{%s=%q}", l.GetName(), l.GetValue())
			}
			found[name] = m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	return found
}

// counts waits until the figures are at least as they should be, and compares them: what is named must be there.
func (w *world) counts(want map[string]float64) {
	w.Helper()
	for late := w.context(); ; time.Sleep(time.Second) {
		got, wrong := w.figures(), ""
		for name, n := range want {
			if got[name] != n {
				wrong += fmt.Sprintf("%s: got %v, want %v\n", name, got[name], n)
			}
		}
		if wrong == "" {
			return
		}
		if late.Err() != nil {
			w.Fatalf("%slog:\n%s", wrong, w.logs)
		}
	}
}

func TestWhatHappensIsCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{Credit: 98765, Statuses: []panel.Step{{After: time.Millisecond, Status: 3}, {After: 5 * time.Millisecond, Status: 4}}})
		w.start()
		w.quiet()
		w.counts(map[string]float64{
			`peyk_sms_received_total`: 0, `peyk_sms_sent_total{outcome="accepted"}`: 0, `peyk_incidents_total{kind="fetch_lost"}`: 0,
			`peyk_telegram_errors_total{fate="slow_down"}`: 0, `peyk_panel_errors_total{kind="auth"}`: 0,
			`peyk_posts_waiting`: 0, `peyk_outbox_pieces`: 0, `peyk_uncertain_pieces`: 0, `peyk_store_commit_errors_total`: 0,
		})
		if _, told := w.figures()["peyk_panel_credit"]; told {
			t.Error("a credit is told that nobody has asked for")
		}

		shown := w.shows(customer, "hello "+marker)
		reply := func(text string) int {
			return w.says(telegram.Post{Chat: w.group, From: w.ali, Text: text + " " + marker, ReplyTo: shown.ID})
		}
		w.bears(w.group, reply("one"), "👍") // what the marks mean is told with the same words
		w.panel.Arm(panel.Fault{Kind: panel.ErrCode, Code: -5, Method: "SendSMS"})
		reply("refused")
		w.sees(w.group, "The panel refuses")
		w.panel.Arm(panel.Fault{Kind: panel.Close, Method: "SendSMS", CarryOut: true})
		reply("uncertain")
		w.sees(w.group, "can know whether")
		if err := w.tg.Arm(telegram.Fault{Kind: telegram.TooMany, Method: "sendMessage"}); err != nil {
			t.Fatal(err)
		}
		w.agentSays("/credit")
		w.sees(w.group, "98763")
		w.panel.Arm(panel.Fault{Kind: panel.Close, Method: "GetMsg", CarryOut: true})
		w.sees(w.group, "may be lost")
		w.counts(map[string]float64{
			`peyk_sms_received_total`:                 1,
			`peyk_sms_sent_total{outcome="accepted"}`: 1, `peyk_sms_sent_total{outcome="rejected"}`: 1, `peyk_sms_sent_total{outcome="uncertain"}`: 1,
			`peyk_sms_delivery_total{status="delivered"}`:             1,
			`peyk_incidents_total{kind="fetch_lost"}`:                 1,
			`peyk_panel_errors_total{kind="rejected"}`:                1,
			`peyk_panel_errors_total{kind="uncertain"}`:               2,
			`peyk_telegram_errors_total{fate="slow_down"}`:            1,
			`peyk_panel_request_duration_seconds{method="SendSMS"}`:   3,
			`peyk_telegram_request_duration_seconds{method="getMe"}`:  1,
			`peyk_panel_request_duration_seconds{method="GetCredit"}`: 3, // after each loss the panel is asked how it is
			`peyk_uncertain_pieces`:                                   1,
			`peyk_outbox_pieces`:                                      0,
			`peyk_posts_waiting`:                                      0, // the loss is told elsewhere, too
			`peyk_panel_credit`:                                       98763,
		})
		got := w.figures()
		for _, name := range []string{"peyk_panel_last_fetch_timestamp_seconds", "peyk_telegram_last_updates_timestamp_seconds"} {
			if age := float64(time.Now().Unix()) - got[name]; age < -1 || age > 60 {
				t.Errorf("%s is %v s old", name, age)
			}
		}
		if commits := got["peyk_store_commit_duration_seconds"]; commits < 10 {
			t.Errorf("%v commits were timed", commits)
		}

		// What cannot be shown waits, and is older by and by.
		w.tg.SetDown(true)
		w.panel.Receive(customer, "30001234", "anybody? "+marker)
		w.counts(map[string]float64{`peyk_sms_received_total`: 2, `peyk_posts_waiting`: 1})
		if age := w.figures()["peyk_posts_oldest_sms_age_seconds"]; age <= 0 || age > 60 {
			t.Errorf("the SMS that waits is %v s old", age)
		}
		w.tg.SetDown(false)
		w.sees(w.group, "anybody?")
		w.counts(map[string]float64{`peyk_posts_waiting`: 0, `peyk_posts_oldest_sms_age_seconds`: 0})

		w.checkFigures(t)
		w.end()
		w.checkSecrets(t)
	})
}

// checkFigures looks for what is wrong with the form of the figures, and for what nobody may read in them.
func (w *world) checkFigures(t *testing.T) {
	t.Helper()
	scraped := httptest.NewRecorder()
	promhttp.HandlerFor(w.metrics, promhttp.HandlerOpts{}).ServeHTTP(scraped, httptest.NewRequest("GET", "/metrics", nil))
	text := scraped.Body.String()
	problems, err := promlint.New(strings.NewReader(text)).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
	series := 0
	// What is said, with whole numbers in full and without fractions, in which any digits may come up by chance.
	var said strings.Builder
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "#") {
			said.WriteString(line)
			continue
		}
		series++
		at := strings.LastIndexByte(line, ' ')
		value, err := strconv.ParseFloat(strings.TrimSpace(line[at:]), 64)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&said, "%s %.0f\n", line[:at], math.Trunc(value))
	}
	if series > 400 {
		t.Errorf("%d series are too many for one bridge", series)
	}
	for _, label := range regexp.MustCompile(`([a-z]+)="([^"]*)"`).FindAllStringSubmatch(text, -1) {
		if label[1] != "le" && (label[2] == "" || strings.ContainsAny(label[2], "0123456789")) {
			t.Errorf("a label is %s", label[0])
		}
	}
	_, key, _ := strings.Cut(w.token, ":")
	leaks(t, "the figures", said.String(), key, w.password, marker, customer[1:], "30001234", w.tg.Bot().Username,
		fmt.Sprint(w.group), fmt.Sprint(w.ali), fmt.Sprint(w.sara))
	if !strings.Contains(said.String(), "peyk_sms_received_total 2") || !strings.Contains(said.String(), "peyk_panel_credit 98763") {
		t.Errorf("the figures hold no SMS either: the search finds nothing:\n%s", &said)
	}
}
