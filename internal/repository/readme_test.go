package repository

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestThePersianReadmeSaysTheSame holds README.fa.md to what does not change with the language: what is typed into a shell and what it
// answers, the commands of the chat, where the links lead, how many sections and rows there are.
func TestThePersianReadmeSaysTheSame(t *testing.T) {
	atTop(t)
	all := func(pattern string) func(string) []string {
		re := regexp.MustCompile(pattern)
		return func(text string) []string { return re.FindAllString(text, -1) }
	}
	english, persian := readReadme(t, "README.md"), readReadme(t, "README.fa.md")
	for what, in := range map[string]func(string) []string{
		"fenced blocks":   all("(?ms)^```\\w+\n.*?^```$"),
		"indented blocks": all(`(?m)^    (?:\$|go|\./peyk|ssh|ok) .*\n(?:    .*\n)*`), // a command, or what it answers
		"chat commands":   chatCommands,
		"links":           all(`\]\((?:https:|doc/|\.env|LICENSE|CONTRIBUTING|SECURITY)[^)]*\)`),
		"sections":        all(`(?m)^##? `),
		"rows":            all(`(?m)^\| `),
	} {
		want, got := in(english), in(persian)
		if len(want) == 0 {
			t.Errorf("README.md has no %s: is this test still looking for the right thing?", what)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s of README.fa.md\n%q\nof README.md\n%q", what, got, want)
		}
	}
}

// TestThePersianManualSaysTheSame holds doc/operations.fa.md to the sections and rows of doc/operations.md, to the first cells that are no words, and to what is
// typed into a shell, without the comments behind it.
func TestThePersianManualSaysTheSame(t *testing.T) {
	atTop(t)
	all := func(pattern string) func(string) []string {
		re := regexp.MustCompile(pattern)
		return func(text string) []string { return re.FindAllString(text, -1) }
	}
	comment := regexp.MustCompile(`(?m) +# .*$`)
	english, persian := comment.ReplaceAllString(readReadme(t, "doc/operations.md"), ""), comment.ReplaceAllString(readReadme(t, "doc/operations.fa.md"), "")
	for what, in := range map[string]func(string) []string{
		"commands": all(`(?m)^    .*$`),
		"sections": all(`(?m)^##? `),
		"rows":     all(`(?m)^\| `),
		"levels":   all(`\| (?:info|warn|error|debug)\b`),
		"alerts":   all(`\bPeyk[A-Z]\w+`),
	} {
		want, got := in(english), in(persian)
		if len(want) < 5 {
			t.Errorf("doc/operations.md has no %s: is this test still looking for the right thing?", what)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s of doc/operations.fa.md\n%q\nof doc/operations.md\n%q", what, got, want)
		}
	}
}

// TestPersianHasOneWordForAgent: whoever answers customers is a کارشناس wherever Peyk speaks Persian. An اپراتور is a carrier.
func TestPersianHasOneWordForAgent(t *testing.T) {
	atTop(t)
	other := regexp.MustCompile(`\S*(?:همکار|مأمور|کارمند|متصدی|پاسخ\x{200c}دهنده)\S*`)
	for _, file := range []string{"README.fa.md", "doc/operations.fa.md", "bot/text/fa.go", "bot/text/terminal_fa.go", "sandbox/page/words.js"} {
		text := readReadme(t, file)
		if found := other.FindAllString(text, -1); len(found) > 0 {
			t.Errorf("%s: %q, where agents are کارشناس", file, found)
		}
		if file != "bot/text/terminal_fa.go" && !strings.Contains(text, "کارشناس") {
			t.Errorf("%s names no agent: is this test still looking for the right thing?", file)
		}
	}
}

// readReadme leaves out the marks that have Latin letters run from left to right within Persian. A link to a document in Persian counts as one to the same in
// English.
func readReadme(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return strings.NewReplacer("\u200e", "", "](doc/operations.fa.md)", "](doc/operations.md)").Replace(string(text))
}

// chatCommands returns what is typed into the chat, by the first cells of the table's rows.
func chatCommands(text string) []string {
	var typed []string
	for _, cell := range regexp.MustCompile("(?m)^\\| `/(?:\\\\\\||[^|])*").FindAllString(text, -1) {
		typed = append(typed, regexp.MustCompile("`[^`]*`").FindAllString(cell, -1)...)
	}
	return typed
}
