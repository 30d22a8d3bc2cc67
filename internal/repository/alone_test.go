package repository

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestWhatIsNotRacedRunsAlone holds the Makefile to what it says of packages that it tests without the race detector.
func TestWhatIsNotRacedRunsAlone(t *testing.T) {
	atTop(t)
	makefile, err := os.ReadFile("Makefile")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`(?m)^ALONE = (.+)$`).FindSubmatch(makefile)
	if found == nil {
		t.Fatal("the Makefile says of no package that it runs alone")
	}
	for _, dir := range strings.Fields(string(found[1])) {
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil || len(files) == 0 {
			t.Errorf("no source in %s: %v", dir, err)
		}
		for _, file := range files {
			parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			for _, i := range parsed.Imports {
				switch name, _ := strconv.Unquote(i.Path.Value); name {
				case "sync", "sync/atomic", "net", "net/http", "net/http/httptest", "golang.org/x/sync/errgroup":
					t.Errorf("%s imports %s", file, name)
				}
			}
			ast.Inspect(parsed, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.GoStmt:
					t.Errorf("%s starts a goroutine", file)
				case *ast.SelectorExpr:
					if n.Sel.Name == "Parallel" || n.Sel.Name == "RunParallel" || n.Sel.Name == "AfterFunc" {
						t.Errorf("%s has %s", file, n.Sel.Name)
					}
				}
				return true
			})
		}
	}
}
