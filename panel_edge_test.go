package main

import (
	"strings"
	"testing"

	"peyk/sandbox/panel"
)

func startEdge(t *testing.T) (*panel.Server, panelSettings) {
	t.Helper()
	p, cfg := startPanel(t, panel.Options{Dialect: panel.Edge, Credit: 1000.5})
	cfg.Kind, cfg.Key = panel.Edge.Kind(), cfg.Password
	return p, cfg
}

// TestPanelCommandAtEdge asks IPPanel Edge what TestPanelCommand asks a SOAP panel.
func TestPanelCommandAtEdge(t *testing.T) {
	p, cfg := startEdge(t)
	p.Receive("09121234567", "30001234", "hello")
	for _, test := range []struct {
		args  []string
		stdin string
		want  string // in what it prints
	}{
		{[]string{"credit"}, "", `{"credit":"1000.5"}`},
		{[]string{"send", "--to", "09121234567,+989121234568", "سلام"}, "", `{"results":[{"recipient":"09121234567","id":"5000000001/+989121234567"},{"recipient":"09121234568","id":"5000000001/+989121234568"}]}`},
		{[]string{"send-each"}, "09121234567,one\n09121234568,two\n", `{"results":[{"recipient":"09121234567","id":"5000000002/+989121234567"},{"recipient":"09121234568","id":"5000000003/+989121234568"}]}`},
		{[]string{"status", "5000000002/+989121234567", "12"}, "", `{"statuses":[{"id":"5000000002/+989121234567","code":"batch 2","status":"sending"},{"id":"12","code":0,"status":"unknown"}]}`},
		{[]string{"status", "5000000001"}, "", `{"statuses":[{"id":"5000000001/+989121234567","code":"batch 2","status":"sending"},{"id":"5000000001/+989121234568","code":"batch 2","status":"sending"}]}`},
		{[]string{"unread"}, "", `"to":"30001234","text":"hello"`},
		{[]string{"unread"}, "", `"to":"30001234","text":"hello"`}, // it takes nothing away
	} {
		got, _ := runPanel(t, cfg, test.stdin, test.args...)
		if got.Code != 0 || !strings.Contains(got.Stdout, test.want) {
			t.Errorf("%v: got %+v, want %s", test.args, got, test.want)
		}
	}
	if got, _ := runPanel(t, cfg, "", "send", "--to", "09121234567", "سلام"); got.Code != 1 || !strings.Contains(got.Stdout, `"kind":"unavailable","code":"429-1"`) {
		t.Errorf("the same again at once: got %+v", got)
	}
	cfg.Key = "another-key"
	if got, _ := runPanel(t, cfg, "", "credit"); got.Code != 1 || !strings.Contains(got.Stdout, `"kind":"auth","code":"400-1"`) || strings.Contains(got.Stdout, cfg.Key) {
		t.Errorf("a wrong key: got %+v", got)
	}
}

func TestCheckKnowsTheMistakesOfEdge(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*panel.Server, *panelSettings)
		want   string
	}{
		"all is well":     {func(*panel.Server, *panelSettings) {}, "it takes our key; credit 1000.5"},
		"a wrong key":     {func(_ *panel.Server, s *panelSettings) { s.Key = "another" }, "check SMS_API_KEY"},
		"not our line":    {func(_ *panel.Server, s *panelSettings) { s.Lines = append(s.Lines, "20009999") }, "20009999"},
		"another address": {func(p *panel.Server, _ *panelSettings) { p.Arm(panel.Fault{Kind: panel.HTML, Times: -1}) }, "another service at SMS_API_URL"},
	} {
		p, cfg := startEdge(t)
		tc.change(p, &cfg)
		if said := findings(t, cfg); !strings.Contains(said, tc.want) {
			t.Errorf("%s: got\n%s", name, said)
		}
	}
}
