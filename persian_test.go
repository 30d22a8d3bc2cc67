package main

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
)

// What may be English in a Persian line besides what the system said, at the end: what is typed, and what a server or the user said, in quotes.
var (
	saidByOthers = regexp.MustCompile(`«[^»]*»|"(?:[^"\\]|\\.)*"|https?://\S*`)
	typedOrNamed = strings.NewReplacer("peyk restore", "", "peyk setup", "", "peyk check", "", "peyk panel", "", "peyk man", "", "chmod 600", "", "timedatectl set-ntp true", "", "/topics off", "",
		"Manage Topics", "", "Group Privacy", "")
	englishWords = regexp.MustCompile(`[A-Za-z][a-z']+ [a-z']+`)
	bySystem     = regexp.MustCompile(`( \(\x{200e}?(?:proxyconnect tcp: )?(?:dial|open|stat|mkdir|tls:|http:|listen|lookup|local|remote) .*\)|: open .*)$`)
	settingsIn   = regexp.MustCompile(`\b[A-Z]{2,}_[A-Z_]+[A-Z]\b`)
)

// saysTheSame checks that persian says in Persian what english says in English: line for line, of the same settings, in a line that a terminal shows
// from right to left.
func saysTheSame(t testing.TB, english, persian string) {
	t.Helper()
	was, is := strings.Split(strings.TrimSpace(english), "\n"), strings.Split(strings.TrimSpace(persian), "\n")
	if len(was) != len(is) {
		t.Errorf("%d lines, in English %d:\n%s", len(is), len(was), persian)
		return
	}
	state := map[string]string{"ok ": "درست", "not": "توجه", "WRO": "ایراد"}
	for i, line := range is {
		if want := state[was[i][:3]]; want != "" && !strings.HasPrefix(line, want) {
			t.Errorf("%q does not begin with %s, as %q", line, want, was[i])
		}
		first := strings.IndexFunc(line, unicode.IsLetter)
		if first < 0 || !unicode.Is(unicode.Arabic, []rune(line[first:])[0]) {
			t.Errorf("%q does not begin in Persian", line)
		}
		ours := bySystem.ReplaceAllString(line, "")
		if words := englishWords.FindString(typedOrNamed.Replace(saidByOthers.ReplaceAllString(ours, ""))); words != "" {
			t.Errorf("%q is English in %q", words, line)
		}
		named, want := settingsIn.FindAllString(line, -1), settingsIn.FindAllString(was[i], -1)
		slices.Sort(named)
		slices.Sort(want)
		if !slices.Equal(slices.Compact(named), slices.Compact(want)) {
			t.Errorf("%q names %q, in English %q", line, named, want)
		}
	}
}
