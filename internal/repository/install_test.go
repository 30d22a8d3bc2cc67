package repository

import (
	"os"
	"path"
	"regexp"
	"strings"
	"testing"
)

// TestInstalledFilesAreWhereTheyAreSought holds the unit, the package, the compose file, the manual and peyk setup to the same paths and names.
func TestInstalledFilesAreWhereTheyAreSought(t *testing.T) {
	atTop(t)
	texts := map[string]string{}
	read := func(file string) string {
		t.Helper()
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		texts[file] = string(text)
		return texts[file]
	}
	unit, list, compose := read("deploy/peyk.service"), read("deploy/deb/nfpm.yaml"), read("deploy/compose.yaml")
	find := func(text, pattern string) string {
		t.Helper()
		m := regexp.MustCompile("(?m)" + pattern).FindStringSubmatch(text)
		if m == nil {
			t.Fatalf("nothing there matches %s", pattern)
		}
		return m[1]
	}
	program, settings := find(unit, `^ExecStart=(\S+)$`), find(unit, `^EnvironmentFile=(\S+)$`)
	state := "/var/lib/" + find(unit, `^StateDirectory=(\S+)$`)
	for file, want := range map[string][]string{
		"deploy/peyk.service": {"ConditionPathExists=" + settings + "\n"},
		"deploy/deb/nfpm.yaml": {"dst: " + program + ",", "dst: /usr/lib/systemd/system/peyk.service,", "dst: " + path.Dir(settings) + ",",
			"peyk setup --out " + path.Dir(settings)},
		"deploy/deb/postinst": {"--home " + state + " ", find(unit, `^User=(\w+)$`) + "\n", "peyk setup --out " + path.Dir(settings) + " ", "[ ! -e " + settings + " ]"},
		"deploy/peyk-service": {". " + settings + "\n", "DB_PATH=" + state + "/peyk.db\n", "setpriv --reuid " + find(unit, `^User=(\w+)$`) + " ", " -- " + program + " "},
		"deploy/deb/postrm":   {"rm -rf " + path.Dir(settings) + "\n", "rm -r " + state + " "},
		"doc/operations.md": {"install -m 755 peyk " + path.Dir(program) + "/\n", "peyk setup --out " + path.Dir(settings) + "\n", "--home-dir " + state + " ",
			"install -d -m 700 " + path.Dir(settings) + "\n", "secrets:/out"},
		"doc/operations.fa.md": {"install -m 755 peyk " + path.Dir(program) + "/\n", "peyk setup --out " + path.Dir(settings) + "\n", "--home-dir " + state + " ",
			"install -d -m 700 " + path.Dir(settings) + "\n", "secrets:/out"},
		"deploy/compose.yaml": {"env_file: secrets/" + path.Base(settings) + "\n", "secrets:/out"},
		"README.md":           {"peyk setup --out " + path.Dir(settings)},
	} {
		if texts[file] == "" {
			read(file)
		}
		for _, w := range want {
			if !strings.Contains(texts[file], w) {
				t.Errorf("%s does not say %q", file, w)
			}
		}
	}

	// The secrets, each in a file of its own.
	secrets := regexp.MustCompile(`"(\w+)"`).FindAllStringSubmatch(find(read("setup.go"), `^var split = \[\]string\{(.*)\}$`), -1)
	for _, m := range secrets {
		setting, file := m[1], strings.ToLower(m[1])
		for _, want := range []string{"LoadCredential=" + file + ":" + path.Dir(settings) + "/" + file + "\n", "Environment=" + setting + "_FILE=%d/" + file + "\n"} {
			if !strings.Contains(unit, want) {
				t.Errorf("the unit does not say %q", want)
			}
		}
		for _, want := range []string{setting + "_FILE=/dev/fd/", " " + path.Dir(settings) + "/" + file + " \"$copy\"\n"} {
			if !strings.Contains(texts["deploy/peyk-service"], want) {
				t.Errorf("peyk-service does not say %q", want)
			}
		}
		for _, want := range []string{setting + "_FILE: /run/secrets/" + file + "\n", "  " + file + ":\n    file: secrets/" + file + "\n", "- " + file + "\n"} {
			if !strings.Contains(compose, want) {
				t.Errorf("the compose file does not say %q", want)
			}
		}
	}
	if len(secrets) != strings.Count(unit, "LoadCredential=") || len(secrets) != strings.Count(compose, "    file: secrets/") {
		t.Errorf("setup writes %d secrets", len(secrets))
	}

	// What the package holds is in the tree, or staged by make release.
	sources := regexp.MustCompile(`(?:src|postinstall|preremove|postremove): ([\w./-]+)`).FindAllStringSubmatch(list, -1)
	for _, m := range sources {
		if strings.HasPrefix(m[1], "../") {
			continue // a link within the package
		}
		if _, err := os.Stat(m[1]); err != nil {
			t.Errorf("the package wants %s, which there is not", m[1])
		}
	}
	if len(sources) < 5 {
		t.Errorf("the package holds %d files of the tree: does this test still see them?", len(sources))
	}
}
