package repository

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

// atTop runs a test in the top directory: there it names files as a reader of the repository does.
func atTop(t *testing.T) {
	t.Helper()
	t.Chdir("../..") // in TestMain it would hide from Go which files the test looks at, and with a file changed it would still have passed
}

// listed is what "go list" says of a package of ours.
type listed struct {
	ImportPath string
	Imports    []string
	GoFiles    []string
}

// files returns the paths of the package's sources without its tests.
func (p listed) files() []string {
	var files []string
	for _, name := range p.GoFiles {
		files = append(files, path.Join(strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, "peyk"), "/"), name))
	}
	return files
}

// packages lists this module's packages.
func packages(t testing.TB) []listed {
	t.Helper()
	// Go remembers that a test has passed until a file changes that it looked at. It does not see what "go list" looks at.
	err := filepath.WalkDir(".", func(file string, d fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(file, ".go") {
			_, err = os.ReadFile(file)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports,GoFiles", "./...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []listed
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		err := d.Decode(&p)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}
