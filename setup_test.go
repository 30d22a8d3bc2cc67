package main

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"peyk/bot/text"
)

// awkward are passwords with all that .env gives a meaning to.
var awkward = []string{
	"demo-pass", " two words ", "#1 pass", "pass #1", "$HOME", "${HOME}", "$(id)", "a$b$$c", `back\slash`, `\n`, `ends in \`, `it's`, `"quoted"`, `"`, `'`,
	`it's "both"!`, `it's $5`, "a=b", "a: b", "export X=1", "رمز\u200cعبور", "`id`", "%41&<>", "tab\there",
}

// TestQuotedValuesAreReadBackExactly tries the awkward ones, and every word of up to four of the signs that mean something.
func TestQuotedValuesAreReadBackExactly(t *testing.T) {
	words := awkward
	for last := []string{""}; len(last[0]) < 4; {
		var longer []string
		for _, word := range last {
			for _, sign := range []string{"'", `"`, `\`, "$", "A", "#", " ", "{"} {
				longer = append(longer, word+sign)
			}
		}
		words, last = append(words, longer...), longer
	}
	refused := 0
	for _, value := range words {
		quoted, err := quote(value)
		if err != nil {
			if refused++; !strings.ContainsAny(value, `'\`) {
				t.Errorf("%q cannot be written", value)
			}
			continue
		}
		// Amid others, which must stay what they are.
		read, err := parseDotEnv([]byte("A='1'\nHOME=2\nX=" + quoted + "\nB=\"3\"\n"))
		if len(read) != 4 || read["A"]+read["HOME"]+read["B"] != "123" || read["X"] != value || err != nil {
			t.Errorf("%q as %s is read as %q, %v", value, quoted, read, err)
		}
	}
	if refused*5 > len(words) {
		t.Errorf("%d of %d are refused", refused, len(words))
	}
}

func TestWhatCannotBeQuotedIsRefused(t *testing.T) {
	for _, value := range []string{`it's$HOME"`, `it's $HOME\`} {
		if quoted, err := quote(value); err == nil {
			t.Errorf("%q as %s", value, quoted)
		}
	}
}

func TestDotEnvKeepsItsOtherLines(t *testing.T) {
	values := map[string]string{"SMS_API_USER": "shop", "SMS_API_PASSWORD": "pa$$"}
	for name, test := range map[string]struct{ text, want string }{
		"nothing there":                 {"", "SMS_API_PASSWORD='pa$$'\nSMS_API_USER='shop'\n"},
		"both there":                    {"SMS_API_USER=a\n# between\nSMS_API_PASSWORD=b\n", "SMS_API_USER='shop'\n# between\nSMS_API_PASSWORD='pa$$'\n"},
		"one as a comment":              {"SMS_API_USER=a\n#SMS_API_PASSWORD=old\nA=1\n", "SMS_API_USER='shop'\n#SMS_API_PASSWORD=old\nSMS_API_PASSWORD='pa$$'\nA=1\n"},
		"one twice":                     {"SMS_API_USER=a\nSMS_API_USER=b\n", "SMS_API_USER='shop'\nSMS_API_PASSWORD='pa$$'\n"},
		"one from a file":               {"SMS_API_PASSWORD_FILE='f'\nSMS_API_USER=a\n", "SMS_API_USER='shop'\nSMS_API_PASSWORD='pa$$'\n"},
		"one exported":                  {"export SMS_API_USER=a\n", "SMS_API_USER='shop'\nSMS_API_PASSWORD='pa$$'\n"},
		"one in several lines":          {"SMS_API_PASSWORD='one\nSMS_API_USER=in it\n'\nA=1\n", "SMS_API_PASSWORD='pa$$'\nA=1\nSMS_API_USER='shop'\n"},
		"another in several lines":      {"A='one\nSMS_API_USER=in it\n'\nSMS_API_USER=a", "A='one\nSMS_API_USER=in it\n'\nSMS_API_USER='shop'\nSMS_API_PASSWORD='pa$$'\n"},
		"a last line without an end":    {"# the end", "# the end\nSMS_API_PASSWORD='pa$$'\nSMS_API_USER='shop'\n"},
		"an editor's mark, and its CR":  {"\ufeffA=1\r\nSMS_API_USER=a\r\n", "\ufeffA=1\r\nSMS_API_USER='shop'\nSMS_API_PASSWORD='pa$$'\n"},
		"names that only begin like it": {"SMS_API_USERS=a\n#SMS_API_USERS=\n", "SMS_API_USERS=a\n#SMS_API_USERS=\nSMS_API_PASSWORD='pa$$'\nSMS_API_USER='shop'\n"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := setDotEnv([]byte(test.text), values)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, string(got)); diff != "" {
				t.Error(diff)
			}
			again, err := setDotEnv(got, values)
			if err != nil || string(again) != string(got) {
				t.Errorf("once more it is %v\n%s", err, again)
			}
		})
	}
}

// TestAFirstDotEnvIsTheManualFilledIn sets every setting at once, to values that need quotes.
func TestAFirstDotEnvIsTheManualFilledIn(t *testing.T) {
	t.Chdir(t.TempDir())
	values := map[string]string{}
	for i, row := range new(settings).table(&text.English) {
		values[row.name] = awkward[i%len(awkward)]
		if _, err := quote(values[row.name]); err != nil {
			values[row.name] = "plain"
		}
	}
	text, err := setDotEnv(manual, values)
	if err != nil {
		t.Fatal(err)
	}
	if err := replaceFile(".env", text); err != nil {
		t.Fatal(err)
	}
	got, err := openSources(nil, ".env").readFile()
	if diff := cmp.Diff(values, got); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
	for line := range strings.Lines(string(manual)) {
		if strings.HasPrefix(line, "#") && !strings.Contains(string(text), line) {
			t.Errorf("the manual has lost %q", line)
		}
	}
}

func TestReplaceFileIsForItsUserAlone(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "real"), "old")
	path := filepath.Join(dir, ".env")
	if err := os.Symlink("real", path); err != nil {
		t.Skip("there are no links here: ", err)
	}
	if err := os.Chmod(filepath.Join(dir, "real"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := replaceFile(path, []byte("new")); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(dir, "real"))
	if err != nil || string(got) != "new" {
		t.Errorf("behind the link: %q, %v", got, err)
	}
	if info, _ := os.Stat(path); runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("mode %04o", info.Mode().Perm())
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 2 {
		t.Errorf("left behind: %v", entries)
	}
	if err := replaceFile(filepath.Join(dir, "nowhere", ".env"), nil); err == nil {
		t.Error("written into a directory that is not there")
	}
}
