package main

import (
	"strings"
	"testing"

	"peyk/bot/text"
	"peyk/doctor"
	"peyk/sandbox/panel"
	"peyk/sms"
)

func startKavenegar(t *testing.T, opts panel.Options) (*panel.Server, panelSettings) {
	t.Helper()
	opts.Dialect = panel.Kavenegar
	p, cfg := startPanel(t, opts)
	cfg.Kind, cfg.Key = opts.Dialect.Kind(), cfg.Password
	return p, cfg
}

// TestPanelCommandIsTheSameForAll asks Kavenegar what TestPanelCommand asks a SOAP panel.
func TestPanelCommandIsTheSameForAll(t *testing.T) {
	p, cfg := startKavenegar(t, panel.Options{Credit: 1000})
	p.Receive("09121234567", "30001234", "hello")
	p.Receive("09121234567", "30005678", "hello there")
	for _, test := range []struct {
		args  []string
		stdin string
		want  string // in what it prints
	}{
		{[]string{"credit"}, "", `{"credit":"1000"}`},
		{[]string{"send", "--to", "09121234567,+989121234568", "سلام"}, "", `{"results":[{"recipient":"09121234567","id":"5000000001"},{"recipient":"09121234568","id":"5000000002"}]}`},
		{[]string{"send-each"}, "09121234567,one\n09121234568,two\n", `{"results":[{"recipient":"09121234567","id":"5000000003"},{"recipient":"09121234568","id":"5000000004"}]}`},
		{[]string{"status", "5000000001", "12"}, "", `{"statuses":[{"id":"5000000001","code":1,"status":"sending"},{"id":"12","code":100,"status":"unknown"}]}`},
		{[]string{"unread"}, "", `"to":"30001234","text":"hello"`},
		{[]string{"unread"}, "", `{"messages":[]}`},
	} {
		got, _ := runPanel(t, cfg, test.stdin, test.args...)
		if got.Code != 0 || !strings.Contains(got.Stdout, test.want) {
			t.Errorf("%v: got %+v, want %s", test.args, got, test.want)
		}
	}
	// What was taken of the first line is printed with the error of the second.
	p.Receive("09121234567", "30001234", "not lost")
	cfg.Lines = []sms.Number{"30001234", "20009999"}
	if got, _ := runPanel(t, cfg, "", "unread"); got.Code != 1 || !strings.Contains(got.Stdout, "not lost") || !strings.Contains(got.Stdout, `"kind":"rejected","code":412`) {
		t.Errorf("a line that is not ours: got %+v", got)
	}
	cfg.Key = "another-key"
	if got, _ := runPanel(t, cfg, "", "credit"); got.Code != 1 || !strings.Contains(got.Stdout, `"kind":"auth","code":403`) || strings.Contains(got.Stdout, cfg.Key) {
		t.Errorf("a wrong key: got %+v", got)
	}
}

func TestCheckKnowsTheMistakesOfKavenegar(t *testing.T) {
	for name, tc := range map[string]struct {
		opts   panel.Options
		change func(*panelSettings)
		want   string
	}{
		"all is well":     {panel.Options{}, nil, "it takes our key; credit 1000000"},
		"a wrong key":     {panel.Options{}, func(s *panelSettings) { s.Key = "another" }, "check SMS_API_KEY"},
		"address is shut": {panel.Options{}, nil, "which addresses the panel's web site lets in"},
		"debug mode":      {panel.Options{Debug: true}, nil, "debug mode"},
		"it repeats":      {panel.Options{ResendFailed: true}, nil, "may get an SMS twice"},
		"another address": {panel.Options{}, nil, "another service at SMS_API_URL"},
	} {
		p, cfg := startKavenegar(t, tc.opts)
		switch name {
		case "another address":
			p.Arm(panel.Fault{Kind: panel.HTML, Times: -1})
		case "address is shut":
			p.Arm(panel.Fault{Kind: panel.ErrCode, Code: 407, Times: -1})
		}
		if tc.change != nil {
			tc.change(&cfg)
		}
		if said := findings(t, cfg); !strings.Contains(said, tc.want) {
			t.Errorf("%s: got\n%s", name, said)
		}
	}
}

// findings returns what check says of a panel, a finding a line.
func findings(t *testing.T, cfg panelSettings) (said string) {
	t.Helper()
	client, err := cfg.client()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range (doctor.Doctor{Panel: client, Lines: cfg.Lines}).Check(t.Context(), &text.English) {
		said += f.Line(&text.English) + "\n"
	}
	return said
}
