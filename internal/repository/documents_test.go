package repository

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// documents returns the texts of what people read, by file.
func documents(t *testing.T) map[string]string {
	t.Helper()
	files := []string{".env.example", "Makefile", "Dockerfile"}
	for _, pattern := range []string{"*.md", "doc/*.md", "deploy/*", "deploy/deb/*"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	texts := map[string]string{}
	for _, file := range files {
		if info, err := os.Stat(file); err == nil && info.IsDir() {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if file != "CHANGELOG.md" { // it tells of what was
			texts[file] = strings.ReplaceAll(string(text), "\u200e", "")
		}
	}
	return texts
}

// TestDocumentsNameFilesThatExist looks for paths of ours in backticks and in links. One with a slash is a path from the top, or from where
// the document stands in a link; a Go file named alone may be in any package.
func TestDocumentsNameFilesThatExist(t *testing.T) {
	atTop(t)
	packages(t) // sees to it that this test runs again when a Go file moves
	goFiles := map[string]bool{}
	for _, dir := range []string{".", "*", "*/*", "*/*/*"} {
		found, _ := filepath.Glob(dir + "/*.go")
		for _, file := range found {
			goFiles[path.Base(file)] = true
		}
	}
	quoted := regexp.MustCompile("`(\\.?[a-zA-Z_][\\w./-]*)`")
	linked := regexp.MustCompile(`\]\(([^):#]+)[^):]*\)`)
	seen := 0
	for file, text := range documents(t) {
		for _, m := range quoted.FindAllStringSubmatch(text, -1) {
			name := m[1]
			top, _, nested := strings.Cut(name, "/")
			switch {
			case nested:
				if _, err := os.Stat(top); err != nil {
					continue // such as data/peyk.db, which is not ours
				}
				seen++
				if _, err := os.Stat(name); err != nil {
					t.Errorf("%s names %s, which there is not", file, name)
				}
			case strings.HasSuffix(name, ".go"):
				seen++
				if !goFiles[name] {
					t.Errorf("%s names %s, which no package has", file, name)
				}
			}
		}
		for _, m := range linked.FindAllStringSubmatch(text, -1) {
			seen++
			if _, err := os.Stat(filepath.Join(filepath.Dir(file), m[1])); err != nil {
				t.Errorf("%s links to %s, which there is not", file, m[1])
			}
		}
	}
	if seen < 100 {
		t.Errorf("the documents name %d files: does this test still see them?", seen)
	}
}

// TestGuaranteesNameTestsThatExist looks for every test that doc/guarantees.md names, where it names it.
func TestGuaranteesNameTestsThatExist(t *testing.T) {
	atTop(t)
	functions := map[string][]string{} // where each test is
	test := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Benchmark)\w+)\(`)
	for _, dir := range []string{"", "*/", "*/*/"} {
		found, _ := filepath.Glob(dir + "*_test.go")
		for _, file := range found {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range test.FindAllStringSubmatch(string(text), -1) {
				functions[m[1]] = append(functions[m[1]], file)
			}
		}
	}
	guarantees := documents(t)["doc/guarantees.md"]
	name := regexp.MustCompile(`\b(?:Test|Fuzz)[A-Z]\w+`)
	for _, named := range name.FindAllString(guarantees, -1) {
		if functions[named] == nil {
			t.Errorf("%s is named, which there is not", named)
		}
	}
	placed := 0
	for _, m := range regexp.MustCompile("`([\\w./]+)` ((?:(?:, )?(?:Test|Fuzz)[A-Z]\\w+)+)").FindAllStringSubmatch(guarantees, -1) {
		where := strings.TrimPrefix(m[1], "peyk/")
		if where == "peyk" {
			where = "."
		}
		for _, named := range name.FindAllString(m[2], -1) {
			placed++
			if !slices.ContainsFunc(functions[named], func(file string) bool { return file == where || path.Dir(file) == where }) {
				t.Errorf("%s is not in %s but in %s", named, m[1], functions[named])
			}
		}
	}
	if placed < 30 {
		t.Errorf("%d tests are named with their place: does this test still see them?", placed)
	}
}
