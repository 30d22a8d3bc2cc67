// Package shorten rewrites an SMS so that it takes fewer parts and shows the same. What it replaces, and why that changes no letter's meaning, stands in
// shorten.csv. Its columns: what is replaced; by what; where, any for every text, unicode for those that no Latin alphabet holds, latin for those that it
// holds once this is replaced; and why. If both sides have as many characters, each is replaced by its counterpart. What could not be seen in the file is
// written as \uXXXX.
package shorten

import (
	_ "embed"
	"encoding/csv"
	"fmt"
	"strconv"
	"strings"

	"peyk/sms"
)

//go:embed shorten.csv
var table string

// rules is the table, as replacers of each of its places.
type rules struct{ any, unicode, latin *strings.Replacer }

var all = read()

// read reads the table. A test reads it, too, so that the program never ends here.
func read() rules {
	rows, err := csv.NewReader(strings.NewReader(table)).ReadAll()
	if err != nil {
		panic(err)
	}
	pairs := map[string][]string{}
	for _, row := range rows[1:] {
		from, to := unquote(row[0]), unquote(row[1])
		if letters, by := []rune(from), []rune(to); len(letters) == len(by) {
			for i := range letters {
				pairs[row[2]] = append(pairs[row[2]], string(letters[i]), string(by[i]))
			}
			continue
		}
		pairs[row[2]] = append(pairs[row[2]], from, to)
	}
	made := rules{
		any:     strings.NewReplacer(pairs["any"]...),
		unicode: strings.NewReplacer(append(pairs["any"], pairs["unicode"]...)...),
		latin:   strings.NewReplacer(append(pairs["any"], pairs["latin"]...)...),
	}
	if len(pairs) != 3 {
		panic(fmt.Sprintf("shorten.csv has rows for %d places", len(pairs)))
	}
	return made
}

func unquote(s string) string {
	said, err := strconv.Unquote(`"` + strings.ReplaceAll(s, `"`, `\"`) + `"`)
	if err != nil {
		panic(err)
	}
	return said
}

// Text returns s in the form that takes the fewest parts, and whether these are fewer than those of s; if not, s itself.
func Text(s string, sizes sms.PartSizes) (string, bool) {
	before := sizes.Count(s).Parts
	if before < 2 {
		return s, false
	}
	short := replace(s, all.any)
	count := sizes.Count(short)
	if count.Unicode {
		by := all.unicode
		if forced := string(count.Forced); all.latin.Replace(forced) != forced { // else nothing makes it Latin
			by = all.latin
		}
		form := replace(short, by)
		if by == all.latin && sizes.Count(form).Unicode {
			form = replace(short, all.unicode)
		}
		if n := sizes.Count(form); n.Parts < count.Parts {
			short, count = form, n
		}
	}
	if count.Parts == 0 || count.Parts >= before {
		return s, false
	}
	return short, true
}

// replace replaces until there is nothing left to.
func replace(s string, by *strings.Replacer) string {
	for {
		next := strings.TrimSpace(by.Replace(s))
		if next == s {
			return s
		}
		s = next
	}
}
