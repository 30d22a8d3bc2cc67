package play

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Points returns the names of the points in the program, as its source, one directory up, has them.
func Points(t testing.TB) []string {
	t.Helper()
	var found []string
	for _, pattern := range []string{"../*/*.go", "../*/*/*.go"} { // wherever a flow moves to
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("no source in %s: %v", pattern, err)
		}
		files = slices.DeleteFunc(files, func(file string) bool { return strings.HasSuffix(file, "_test.go") })
		for _, file := range files {
			parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(parsed, func(n ast.Node) bool {
				if call, ok := n.(*ast.CallExpr); ok && len(call.Args) == 1 {
					if f, ok := call.Fun.(*ast.SelectorExpr); ok && f.Sel.Name == "At" && fmt.Sprint(f.X) == "crashpoint" {
						name, err := strconv.Unquote(call.Args[0].(*ast.BasicLit).Value)
						if err != nil {
							t.Fatal(err)
						}
						found = append(found, name)
					}
				}
				return true
			})
		}
	}
	slices.Sort(found)
	if len(found) == 0 || len(slices.Compact(slices.Clone(found))) != len(found) {
		t.Fatalf("points in the program: %v", found)
	}
	return found
}
