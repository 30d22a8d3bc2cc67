package sandbox

import (
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestThePageIsSmall: without the font it is below 200 kB, and the font's licence stands beside it.
func TestThePageIsSmall(t *testing.T) {
	const most = 200_000
	total, fonts := 0, 0
	err := fs.WalkDir(pageFiles, "page", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := pageFiles.ReadFile(name)
		switch {
		case err != nil:
			return err
		case path.Ext(name) == ".woff2":
			fonts++
			licence, err := pageFiles.ReadFile(strings.TrimSuffix(name, ".woff2") + "-OFL.txt")
			if err != nil || !strings.Contains(string(licence), "SIL OPEN FONT LICENSE Version 1.1") {
				t.Errorf("%s has no licence beside it: %v", name, err)
			}
		case !strings.HasSuffix(name, "-OFL.txt"): // nobody's browser asks for it
			total += len(b)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if total > most || fonts != 1 {
		t.Errorf("the page has %d bytes, at most %d are wanted, and %d fonts", total, most, fonts)
	}
	t.Logf("%d bytes", total)
}

var entry = regexp.MustCompile(`(?:^|[\s,{])(?:'([^']+)'|(\w+)): '((?:[^'\\]|\\.)*)'`)

// TestEverySentenceOfThePageStandsInBothLanguages, with the same arguments.
func TestEverySentenceOfThePageStandsInBothLanguages(t *testing.T) {
	b, err := pageFiles.ReadFile("page/words.js")
	if err != nil {
		t.Fatal(err)
	}
	_, all, _ := strings.Cut(string(b), "const en = {")
	english, persian, _ := strings.Cut(all, "const fa = {")
	argument := regexp.MustCompile(`\{\w+\}`)
	read := func(text string) map[string][]string {
		sentences := map[string][]string{}
		for _, m := range entry.FindAllStringSubmatch(text, -1) {
			arguments := argument.FindAllString(m[3], -1)
			slices.Sort(arguments)
			sentences[m[1]+m[2]] = arguments
		}
		return sentences
	}
	en, fa := read(english), read(persian)
	if len(en) < 200 {
		t.Errorf("got %d sentences, there are more", len(en))
	}
	for _, key := range slices.Sorted(maps.Keys(en)) {
		if got, there := fa[key]; !there || !slices.Equal(got, en[key]) {
			t.Errorf("%s: %v in English; in Persian %v, %v", key, en[key], there, got)
		}
	}
	for key := range fa {
		if _, there := en[key]; !there {
			t.Errorf("%s is in Persian alone", key)
		}
	}
}
