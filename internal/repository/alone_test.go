package repository

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
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

// TestLongTestsGoAlone holds the Makefile to what it says of tests that it tests without the race detector: each is in one of the packages that it
// names, no other has its name, which would be skipped with it, and in bot and store none starts anything beside itself.
func TestLongTestsGoAlone(t *testing.T) {
	atTop(t)
	makefile, err := os.ReadFile("Makefile")
	if err != nil {
		t.Fatal(err)
	}
	list := regexp.MustCompile(`(?m)^LONG = ((?:.*\\\n)*.*)$`).FindString(string(makefile))
	names := regexp.MustCompile(`Test\w+`).FindAllString(list, -1)
	if len(names) == 0 {
		t.Fatal("the Makefile says of no test that it is long")
	}
	in := map[string][]string{}
	err = filepath.WalkDir(".", func(path string, _ os.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		for _, d := range parsed.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Recv != nil || !slices.Contains(names, f.Name.Name) {
				continue
			}
			dir := filepath.Dir(path)
			if in[f.Name.Name] = append(in[f.Name.Name], dir); dir == "sim" {
				continue
			}
			ast.Inspect(f, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.GoStmt:
					t.Errorf("%s starts a goroutine", f.Name.Name)
				case *ast.SelectorExpr:
					if slices.Contains([]string{"Go", "Parallel", "AfterFunc"}, n.Sel.Name) {
						t.Errorf("%s has %s", f.Name.Name, n.Sel.Name)
					}
				}
				return true
			})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if len(in[name]) != 1 || !slices.Contains([]string{"bot", "sim"}, in[name][0]) {
			t.Errorf("%s is in %v, want one of bot and sim", name, in[name])
		}
	}
}
