package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"peyk/sandbox/panel"
	"peyk/sms"
)

// panelRun is what "peyk panel" left behind.
type panelRun struct {
	Code   int
	Stdout string
}

// startPanel starts a panel and returns the settings for it.
func startPanel(t *testing.T, opts panel.Options) (*panel.Server, panelSettings) {
	t.Helper()
	opts.Password = "pass-nobody-may-see"
	p := panel.New(opts)
	address, err := p.Start("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p, panelSettings{URL: address, User: "demo", Password: opts.Password, Lines: []sms.Number{"30001234", "30005678"}}
}

// runPanel runs one command and returns also what it wrote to stderr.
func runPanel(t *testing.T, cfg panelSettings, stdin string, args ...string) (panelRun, string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	c := call{path: "peyk panel", args: args, stdin: strings.NewReader(stdin), stdout: &stdout, stderr: &stderr}
	code := exit(0)
	if err := c.panelWith(t.Context(), cfg); err != nil && !errors.As(err, &code) {
		t.Errorf("got %v, want it told and an exit code", err)
	}
	for _, out := range []string{stdout.String(), stderr.String()} {
		if strings.Contains(out, cfg.Password) {
			t.Errorf("the password is shown: %s", out)
		}
	}
	return panelRun{int(code), stdout.String()}, stderr.String()
}

func TestPanelCommand(t *testing.T) {
	for _, test := range []struct {
		name, stdin string
		args        []string
		prepare     func(*panel.Server)
		want        panelRun
		sent        []string // line, customer and text of what the panel sent
	}{
		{"credit is shown as given", "", []string{"credit"}, nil, panelRun{0, `{"credit":"1000"}` + "\n"}, nil},
		{"send takes numbers of every spelling and leaves the text alone", "",
			[]string{"send", "--to", "09120000001,+98 912-000-0002", "--to", "۰۹۱۲۰۰۰۰۰۰۳", `سلام <b> & "x"`}, nil,
			panelRun{0, `{"results":[{"recipient":"09120000001","id":"5000000001"},{"recipient":"09120000002","id":"5000000002"},{"recipient":"09120000003","id":"5000000003"}]}` + "\n"},
			[]string{`30001234 09120000001 سلام <b> & "x"`, `30001234 09120000002 سلام <b> & "x"`, `30001234 09120000003 سلام <b> & "x"`}},
		{"send counts a number once", "", []string{"send", "--to=09120000001,9120000001", "x"}, nil,
			panelRun{0, `{"results":[{"recipient":"09120000001","id":"5000000001"}]}` + "\n"}, []string{"30001234 09120000001 x"}},
		{"send goes out from the line named", "", []string{"send", "--line", "+9830005678", "--to", "09120000001", "--", "-x"}, nil,
			panelRun{0, `{"results":[{"recipient":"09120000001","id":"5000000001"}]}` + "\n"}, []string{"30005678 09120000001 -x"}},
		{"send shows an error code", "", []string{"send", "--to", "09120000001", "x"},
			func(p *panel.Server) { p.Arm(panel.Fault{Kind: panel.ErrCode, Code: -5, Text: "not <yours>"}) },
			panelRun{1, `{"error":{"kind":"rejected","code":-5,"text":"not <yours>"}}` + "\n"}, nil},
		{"send whose answer is lost is uncertain", "", []string{"send", "--to", "09120000001", "x"},
			func(p *panel.Server) { p.Arm(panel.Fault{Kind: panel.Crash, CarryOut: true}) },
			panelRun{1, `{"error":{"kind":"uncertain","text":"the panel's answer is empty: http status 500"}}` + "\n"}, []string{"30001234 09120000001 x"}},
		{"ids that are nobody's stand beside the results", "", []string{"send", "--to", "09120000001,09120000002", "x"},
			func(p *panel.Server) {
				p.Arm(panel.Fault{Kind: panel.Custom, Body: `<Envelope><Body><R><return><ErrCode>0</ErrCode><result>7</result></return></R></Body></Envelope>`})
			},
			panelRun{0, `{"results":[{"recipient":"09120000001"},{"recipient":"09120000002"}],"ids":["7"]}` + "\n"}, nil},
		{"send-each reads CSV", "\ufeff09120000001,یک\n+989120000002,\"two, \"\"lines\"\"\nof text\"\n", []string{"send-each"}, nil,
			panelRun{0, `{"results":[{"recipient":"09120000001","id":"5000000001"},{"recipient":"09120000002","id":"5000000002"}]}` + "\n"},
			[]string{"30001234 09120000001 یک", "30001234 09120000002 two, \"lines\"\nof text"}},
		{"send-each shows whom the panel refused", "09120000001,x\n09120000002,y\n", []string{"send-each", "--line", "30005678"},
			func(p *panel.Server) { p.SetCredit(1) },
			panelRun{1, `{"results":[{"recipient":"09120000001","id":"5000000001"},{"recipient":"09120000002","error":{"kind":"rejected","code":-3,"text":"خطای ارسال (اعتبار کافی نیست)"}}]}` + "\n"},
			[]string{"30005678 09120000001 x"}},
		{"status words", "", []string{"status", "5000000001", "77"},
			func(p *panel.Server) {
				p.SetStatusOf("*", 5)
			},
			panelRun{0, `{"statuses":[{"id":"5000000001","code":0,"status":"unknown"},{"id":"77","code":0,"status":"unknown"}]}` + "\n"}, nil},
		{"unread lists messages", "", []string{"unread"},
			func(p *panel.Server) {
				p.ReceiveAt("+989120000001", "30001234", "<سلام>\n2", time.Unix(1790000000, 0))
				p.ReceiveAt("Bank", "30005678", "x", time.Unix(1790000001, 0))
			},
			panelRun{0, `{"messages":[{"from":"09120000001","to":"30001234","text":"<سلام>\n2","time":1790000000},{"from":"Bank","to":"30005678","text":"x","time":1790000001}]}` + "\n"}, nil},
		{"unread of nothing is an empty list", "", []string{"unread"}, nil, panelRun{0, `{"messages":[]}` + "\n"}, nil},
		{"a login that fails", "", []string{"unread"}, func(p *panel.Server) { p.SetPassword("another") },
			panelRun{1, `{"error":{"kind":"auth","code":-1,"text":"کاربر شناسایی نشد"}}` + "\n"}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			p, cfg := startPanel(t, panel.Options{Credit: 1000})
			if test.prepare != nil {
				test.prepare(p)
			}
			got, stderr := runPanel(t, cfg, test.stdin, test.args...)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if stderr != "" {
				t.Errorf("got %q on stderr, want nothing", stderr)
			}
			var sent []string
			for _, m := range p.Sent() {
				sent = append(sent, m.Line+" "+m.Customer+" "+m.Text)
			}
			if diff := cmp.Diff(test.sent, sent); diff != "" {
				t.Errorf("what the panel sent (-want +got):\n%s", diff)
			}
		})
	}
}

func TestPanelCommandAfterSending(t *testing.T) {
	p, cfg := startPanel(t, panel.Options{})
	runPanel(t, cfg, "", "send", "--to", "09120000001,09120000002,09120000003,09120000004,09120000005,09120000006,09120000007", "x")
	args := []string{"status"}
	for i := range 7 {
		id := fmt.Sprint(5000000001 + i)
		p.SetStatus(id, i+1)
		args = append(args, id)
	}
	got, _ := runPanel(t, cfg, "", args...)
	want := panelRun{0, `{"statuses":[{"id":"5000000001","code":1,"status":"sending"},{"id":"5000000002","code":2,"status":"telecom_problem"},` +
		`{"id":"5000000003","code":3,"status":"at_telecom"},{"id":"5000000004","code":4,"status":"delivered"},{"id":"5000000005","code":5,"status":"not_delivered"},` +
		`{"id":"5000000006","code":6,"status":"blacklisted"},{"id":"5000000007","code":7,"status":"unknown"}]}` + "\n"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestPanelCommandKeepsWhatCannotBeRead(t *testing.T) {
	p, cfg := startPanel(t, panel.Options{Dialect: panel.Native})
	p.ReceiveAt("09120000001", "30001234", "first", time.Unix(1790000000, 0))
	p.ReceiveAt("09120000001", "30001234", strings.Repeat("second ", 200), time.Unix(1790000001, 0))
	p.Arm(panel.Fault{Kind: panel.Cut, Bytes: 2000, Method: "GetMsg"})
	got, stderr := runPanel(t, cfg, "", "unread")
	if got.Code != 1 || !strings.Contains(got.Stdout, `{"messages":[{"from":"09120000001","to":"30001234","text":"first","time":1790000000}],"error":{"kind":"uncertain"`) {
		t.Errorf("got %+v, want the first message beside the error", got)
	}
	if !strings.Contains(stderr, "second second") {
		t.Errorf("got %q on stderr, want the answer as it came", stderr)
	}
}

func TestPanelCommandRefusesWrongUse(t *testing.T) {
	p, cfg := startPanel(t, panel.Options{})
	noLines, noAddress, noProxy := cfg, cfg, cfg
	noLines.Lines = nil
	noAddress.URL = "panel.example"
	noProxy.Proxy = &url.URL{Scheme: "gopher", Host: "x"}
	for _, test := range []struct {
		name, stdin string
		cfg         panelSettings
		args        []string
		stderr      string
	}{
		{"no command", "", cfg, nil, "it takes a command: credit, send, send-each, status or unread"},
		{"an unknown command", "", cfg, []string{"sned"}, `there is no command "sned": did you mean send?`},
		{"an unknown flag", "", cfg, []string{"credit", "--line", "3"}, "-line"},
		{"a flag without its value", "", cfg, []string{"send", "--to"}, "-to"},
		{"an argument too many", "", cfg, []string{"credit", "now"}, `unexpected argument "now"`},
		{"unread of something", "", cfg, []string{"unread", "5"}, `unexpected argument "5"`},
		{"no recipients", "", cfg, []string{"send", "x"}, "--to is missing"},
		{"no recipients but commas", "", cfg, []string{"send", "--to", ", ,", "x"}, "--to is missing"},
		{"wrong numbers, all named", "", cfg, []string{"send", "--to", "0912,09120000001,علی", "x"}, `nothing was sent: "0912", "علی"`},
		{"no text", "", cfg, []string{"send", "--to", "09120000001"}, "the text is missing"},
		{"an empty text", "", cfg, []string{"send", "--to", "09120000001", " "}, "the text is missing"},
		{"a text without quotes", "", cfg, []string{"send", "--to", "09120000001", "two", "words"}, "in quotes"},
		{"a foreign line", "", cfg, []string{"send", "--line", "30009999", "--to", "09120000001", "x"}, `"30009999" is not one of SMS_LINES`},
		{"no lines", "", noLines, []string{"send", "--to", "09120000001", "x"}, "SMS_LINES"},
		{"an empty table", "", cfg, []string{"send-each"}, "standard input is empty"},
		{"wrong rows, all named", "0912,x\n09120000001,y\n09120000002,\n", cfg, []string{"send-each"}, `line 1: "0912", line 3: no text`},
		{"a column too many", "09120000001,x,y\n", cfg, []string{"send-each"}, "not CSV of number,text"},
		{"no ids", "", cfg, []string{"status"}, "ids are missing"},
		{"no address", "", noAddress, []string{"credit"}, "address"},
		{"no proxy", "", noProxy, []string{"credit"}, "proxy"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, stderr := runPanel(t, test.cfg, test.stdin, test.args...)
			if want := (panelRun{Code: 2}); got != want {
				t.Errorf("got %+v, want %+v", got, want)
			}
			if !strings.Contains(stderr, test.stderr) || strings.Count(stderr, "\n") != 1 {
				t.Errorf("got %q on stderr, want one line with %q in it", stderr, test.stderr)
			}
		})
	}
	if got := len(p.Requests()); got != 0 {
		t.Errorf("the panel was asked %d times, want never", got)
	}
}

func TestPanelCommandHelps(t *testing.T) {
	got, _ := runPanel(t, panelSettings{Password: "x-y"}, "", "--help")
	for _, c := range new(panelCall).commands() {
		if !strings.Contains(got.Stdout, c.name) || got.Code != 0 {
			t.Errorf("got %+v, want %s in it", got, c.name)
		}
		own, _ := runPanel(t, panelSettings{Password: "x-y"}, "", c.name, "-h")
		if want := "usage: peyk panel " + c.name; !strings.HasPrefix(own.Stdout, want) || own.Code != 0 {
			t.Errorf("got %+v, want %q", own, want)
		}
		c.flagSet().VisitAll(func(f *flag.Flag) {
			if !strings.Contains(c.args, "--"+f.Name+" ") {
				t.Errorf("--%s is not in the help of %s: %s", f.Name, c.name, c.args)
			}
		})
		if c.name == "unread" && !strings.Contains(own.Stdout, "marks them as read") {
			t.Errorf("got %q, want a warning", own.Stdout)
		}
	}
}
