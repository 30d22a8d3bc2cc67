package main

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"peyk/bot"
	"peyk/smsapi/soap"
	"peyk/store"
	"peyk/telegram"
)

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
	m := bot.NewMetrics()
	b := bot.New(st, client, telegram.New(telegram.Options{}), bot.Options{Metrics: m})
	stop, err := serveHealth("127.0.0.1:0", b, st, m, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
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

var metricName = regexp.MustCompile(`\b(peyk|process|go)_[a-z_]+[a-z]\b`)

// TestOnlyMetricsThatExistAreWatched holds the dashboard, the alert rules and the manual to what the bridge tells.
func TestOnlyMetricsThatExistAreWatched(t *testing.T) {
	names := registered(t)
	of := func(file string) []string {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return metricName.FindAllString(string(text), -1)
	}
	for _, file := range []string{"deploy/grafana.json", "deploy/alerts.yaml", "doc/operations.md"} {
		found := of(file)
		if len(found) < 10 {
			t.Errorf("%s names %d metrics: does this test still see them?", file, len(found))
		}
		for _, name := range found {
			base := name
			for _, end := range []string{"_bucket", "_sum", "_count"} {
				base = strings.TrimSuffix(base, end)
			}
			if !slices.Contains(names, name) && !slices.Contains(names, base) {
				t.Errorf("%s names %s, which there is not", file, name)
			}
		}
	}
	manual := of("doc/operations.md")
	for _, name := range names {
		if !slices.Contains(manual, name) && !strings.HasPrefix(name, "process_") {
			t.Errorf("doc/operations.md does not tell what %s means", name)
		}
	}
}

func TestTheDashboardIsWhole(t *testing.T) {
	text, err := os.ReadFile("deploy/grafana.json")
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct {
		Title, UID    string
		SchemaVersion int
		Templating    struct{ List []struct{ Name, Type string } }
		Panels        []struct {
			ID          int
			Type, Title string
			GridPos     struct{ H, W, X, Y int }
			Datasource  struct{ UID string }
			Targets     []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(text, &dashboard); err != nil {
		t.Fatal(err)
	}
	if dashboard.Title == "" || dashboard.UID == "" || dashboard.SchemaVersion < 36 {
		t.Errorf("got %q, %q, schema %d", dashboard.Title, dashboard.UID, dashboard.SchemaVersion)
	}
	variables := map[string]string{}
	for _, v := range dashboard.Templating.List {
		variables[v.Name] = v.Type
	}
	if variables["datasource"] != "datasource" {
		t.Error("there is no variable for the data source")
	}
	ids, taken := map[int]bool{}, map[[2]int]string{}
	for _, p := range dashboard.Panels {
		if ids[p.ID] || p.ID == 0 {
			t.Errorf("%s: the id %d is taken", p.Title, p.ID)
		}
		ids[p.ID] = true
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				if taken[[2]int{x, y}] != "" || x >= 24 {
					t.Fatalf("%s lies on %s", p.Title, taken[[2]int{x, y}])
				}
				taken[[2]int{x, y}] = p.Title
			}
		}
		if p.Type == "row" {
			continue
		}
		if p.Datasource.UID != "${datasource}" || len(p.Targets) == 0 {
			t.Errorf("%s: data from %q, %d queries", p.Title, p.Datasource.UID, len(p.Targets))
		}
		for _, target := range p.Targets {
			for _, v := range regexp.MustCompile(`\$(\w+)`).FindAllStringSubmatch(target.Expr, -1) {
				if variables[v[1]] == "" && v[1] != "__rate_interval" {
					t.Errorf("%s: there is no variable %s", p.Title, v[0])
				}
			}
		}
	}
}

// TestTheManualNamesEveryLogLine looks for what the source logs at info and above.
func TestTheManualNamesEveryLogLine(t *testing.T) {
	text, err := os.ReadFile("doc/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	manual := string(text)
	lines := 0
	for _, dir := range []string{".", "bot", "store", "smsapi", "smsapi/soap"} {
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			logged := func(phrase ast.Expr, end string) {
				literal, ok := phrase.(*ast.BasicLit)
				if !ok {
					return // put together: of an outage, whose parts are found below, or a warning that explains itself
				}
				line, err := strconv.Unquote(literal.Value)
				if err != nil {
					t.Fatal(err)
				}
				lines++
				if line += end; !strings.Contains(manual, "`"+line+"`") {
					t.Errorf("doc/operations.md does not tell what %q means, which %s logs", line, file)
				}
			}
			ast.Inspect(parsed, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.CallExpr:
					if called, ok := n.Fun.(*ast.SelectorExpr); ok && len(n.Args) > 0 && slices.Contains([]string{"Info", "Warn", "Error"}, called.Sel.Name) {
						logged(n.Args[0], "")
					}
				case *ast.CompositeLit: // outage{what: …}
					if kind, ok := n.Type.(*ast.Ident); ok && kind.Name == "outage" {
						for _, field := range n.Elts {
							if field, ok := field.(*ast.KeyValueExpr); ok && field.Key.(*ast.Ident).Name == "what" {
								logged(field.Value, " fails")
							}
						}
					}
				}
				return true
			})
		}
	}
	if lines < 40 {
		t.Errorf("the source logs %d lines: does this test still see them?", lines)
	}
}
