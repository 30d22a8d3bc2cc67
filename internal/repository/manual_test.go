package repository

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"peyk/store"
)

// TestTheManualNamesEveryLogLine looks for what the source logs at info and above.
func TestTheManualNamesEveryLogLine(t *testing.T) {
	atTop(t)
	manuals := map[string]string{}
	for _, file := range []string{"doc/operations.md", "doc/operations.fa.md"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		manuals[file] = string(text)
	}
	lines, outages := 0, 0
	for _, p := range packages(t) {
		if strings.HasPrefix(p.ImportPath, "peyk/sandbox") {
			continue
		}
		for _, file := range p.files() {
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
				line += end
				for name, manual := range manuals {
					if !strings.Contains(manual, "`"+line+"`") {
						t.Errorf("%s does not tell what %q means, which %s logs", name, line, file)
					}
				}
			}
			ast.Inspect(parsed, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.CallExpr:
					if called, ok := n.Fun.(*ast.SelectorExpr); ok && len(n.Args) > 0 && slices.Contains([]string{"Info", "Warn", "Error"}, called.Sel.Name) {
						logged(n.Args[0], "")
					}
				case *ast.CompositeLit: // backoff.Backoff{What: …}
					if kind, ok := n.Type.(*ast.SelectorExpr); ok && kind.Sel.Name == "Backoff" {
						for _, field := range n.Elts {
							if field, ok := field.(*ast.KeyValueExpr); ok && field.Key.(*ast.Ident).Name == "What" {
								outages++
								logged(field.Value, " fails")
							}
						}
					}
				}
				return true
			})
		}
	}
	if lines < 40 || outages < 10 {
		t.Errorf("the source logs %d lines, and %d outages: does this test still see them?", lines, outages)
	}
}

// TestTheManualNamesEveryIncident: each kind that peyk_incidents_total counts.
func TestTheManualNamesEveryIncident(t *testing.T) {
	atTop(t)
	for _, file := range []string{"doc/operations.md", "doc/operations.fa.md"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		row := regexp.MustCompile("(?m)^\\| `peyk_incidents_total.*$").FindString(string(text))
		for _, kind := range store.IncidentKinds {
			if name := "`" + strings.ReplaceAll(string(kind), " ", "_") + "`"; strings.Contains(row, name) != kind.Trouble() {
				t.Errorf("%s should name %s among the incidents: %v", file, name, kind.Trouble())
			}
		}
	}
}
