package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// needs skips a test where a program is not installed, except in CI, where nobody reads what was skipped.
func needs(t *testing.T, program string) {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
}

// TestShellsComplete has each shell complete what is typed, in a directory with one file.
func TestShellsComplete(t *testing.T) {
	for shell, ask := range map[string]string{
		"bash": `source ./script; COMP_WORDS=("$@"); COMP_CWORD=$(($#-1)); _peyk; printf '%s\n' "${COMPREPLY[@]}"`,
		"zsh": `compdef() { : }; _describe() { print -l -- ${(M)${(P)2%%:*}:#$words[CURRENT]*} }; _files() { print -l -- $words[CURRENT]*(N) }
			source ./script; words=("$@"); CURRENT=$#; _peyk`,
		"fish": `source script; complete -C (string join -- ' ' $argv) | string replace -r '\t.*' ''; true`,
	} {
		t.Run(shell, func(t *testing.T) {
			needs(t, shell)
			dir := t.TempDir()
			code, script, failed := runs(t, "completion", shell)
			if code != 0 || failed != "" {
				t.Fatalf("got %d, %q", code, failed)
			}
			write(t, filepath.Join(dir, "script"), script)
			for typed, want := range map[string]string{
				"se":                 "setup",
				"re":                 "restore",
				"panel s":            "send send-each status",
				"panel send --l":     "--line",
				"panel send 0 --t":   "--to",
				"check --":           "--help --quick",
				"check --quick --h":  "--help",
				"backup s":           "script",
				"setup --out s":      "script",
				"completion z":       "zsh",
				"help pa":            "panel",
				"--v":                "--version",
				"nothing of the sor": "",
			} {
				cmd := exec.Command(shell, "-c", ask)
				if shell != "fish" {
					cmd.Args = append(cmd.Args, shell)
				}
				cmd.Args = append(append(cmd.Args, "peyk"), strings.Split(typed, " ")...)
				cmd.Dir, cmd.Env = dir, append(os.Environ(), "HOME="+dir)
				out, err := cmd.CombinedOutput()
				var got []string
				for line := range strings.Lines(string(out)) {
					word, _, _ := strings.Cut(strings.TrimSpace(line), ":") // behind it zsh says what it does
					got = append(got, word)
				}
				got = slices.DeleteFunc(got, func(word string) bool { return word == "" })
				slices.Sort(got)
				if err != nil || strings.Join(got, " ") != want {
					t.Errorf("%q: got %q, %v, want %s", typed, got, err, want)
				}
			}
		})
	}
	if code, _, failed := runs(t, "completion", "csh"); code != 2 || !strings.Contains(failed, "bash, zsh or fish") {
		t.Errorf("another shell: got %d, %q", code, failed)
	}
}

// TestTheManualPageIsWhole looks for every command, flag and setting, and has man read it where there is one.
func TestTheManualPageIsWhole(t *testing.T) {
	code, page, failed := runs(t, "man")
	if code != 0 || failed != "" {
		t.Fatalf("got %d, %q", code, failed)
	}
	plain := strings.ReplaceAll(page, `\-`, "-")
	for _, p := range placesBelow(new(call).commands(), nil, nil) {
		if !strings.Contains(plain, `"peyk `+strings.Join(p.typed, " ")) && len(p.typed) > 1 {
			t.Errorf("%q is missing", p.typed)
		}
		for _, f := range p.flags {
			if f.name != "help" && f.name != "version" && !strings.Contains(plain, "\n"+strings.ReplaceAll(f.typed(), "…", "...")+": ") {
				t.Errorf("--%s of %q is missing", f.name, p.typed)
			}
		}
	}
	for _, name := range names() {
		if !strings.Contains(plain, `.B "`+name+"=") {
			t.Errorf("%s is missing", name)
		}
	}
	if _, err := exec.LookPath("groff"); err != nil {
		return
	}
	groff := exec.Command("groff", "-man", "-Tutf8", "-ww", "-Kutf8")
	groff.Stdin = strings.NewReader(page)
	var warned strings.Builder
	groff.Stderr = &warned
	out, err := groff.Output()
	if err != nil || warned.Len() > 0 || len(out) < len(page)/2 {
		t.Errorf("groff: %v, %d bytes, %s", err, len(out), &warned)
	}
}
