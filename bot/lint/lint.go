// Package lint warns of words, links and letters in an SMS that operators charge for and do not deliver, or that a panel is closed for. It knows only what
// lint.csv, or a file in its place, lists, each row with its reason and its source; operators publish no lists, and change theirs. It refuses nothing.
package lint

import (
	_ "embed"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"peyk/sms"
)

// Kind says what a row is about.
type Kind string

const (
	Word   Kind = "word"   // a word, or several in a row, that people take for the same
	Host   Kind = "host"   // a link to that host, or to one below it
	Link   Kind = "link"   // a link of any kind; the row's word is what a person calls it
	Card   Kind = "card"   // the number of a bank card, likewise
	Letter Kind = "letter" // one character
)

// Row is one thing to be warned of.
type Row struct {
	Word   string
	Kind   Kind
	Why    string // in English
	WhyFa  string // in Persian; Why if the file has none
	Source string // where it is said
}

// List is what is warned of, in order.
type List []Row

//go:embed lint.csv
var builtin string

// Builtin returns the list that comes with the program.
func Builtin() List {
	list, err := Read(strings.NewReader(builtin))
	if err != nil {
		panic(err) // a test reads it
	}
	return list
}

// Read reads a CSV file whose first row names its columns: word, kind, why, source, and perhaps why_fa, in any order. The error names the row.
func Read(r io.Reader) (List, error) {
	file := csv.NewReader(r)
	head, err := file.Read()
	if err != nil {
		return nil, errors.New("row 1: it names no columns")
	}
	at := map[string]int{}
	for i, name := range head {
		at[strings.TrimPrefix(strings.TrimSpace(name), "\ufeff")] = i
	}
	for _, name := range []string{"word", "kind", "why", "source"} {
		if _, has := at[name]; !has {
			return nil, fmt.Errorf("row 1: no column %s", name)
		}
	}
	list := List{}
	for n := 2; ; n++ {
		cells, err := file.Read()
		if err == io.EOF {
			return list, nil
		}
		if err != nil {
			return nil, fmt.Errorf("row %d: not CSV, or not as many cells as columns", n)
		}
		row := Row{Word: strings.TrimSpace(cells[at["word"]]), Kind: Kind(strings.TrimSpace(cells[at["kind"]])), Why: cells[at["why"]], Source: cells[at["source"]]}
		if row.WhyFa = row.Why; len(at) > 4 {
			if i, has := at["why_fa"]; has && cells[i] != "" {
				row.WhyFa = cells[i]
			}
		}
		switch {
		case row.Word == "" || row.Why == "" || row.Source == "":
			return nil, fmt.Errorf("row %d: no word, why or source", n)
		case row.Kind == Letter && len([]rune(row.Word)) != 1:
			return nil, fmt.Errorf("row %d: a letter is one character", n)
		case row.Kind != Word && row.Kind != Host && row.Kind != Link && row.Kind != Card && row.Kind != Letter:
			return nil, fmt.Errorf("row %d: the kind is none of word, host, link, card, letter", n)
		}
		list = append(list, row)
	}
}

// link finds addresses; its first group is the host.
var link = regexp.MustCompile(`(?i)(?:https?://)?((?:[a-z0-9-]+\.)+[a-z]{2,24})(?:[/:?#]\S*)?`)

// apart finds what stands between words. A half-space does, too: its suffix leaves a word what it is.
var apart = regexp.MustCompile(`[^\p{L}\p{N}]+`)

// digits finds what may be the number of a card: sixteen digits, perhaps in groups.
var digits = regexp.MustCompile(`[0-9](?:[ -]?[0-9])+`)

func words(s string) string {
	return " " + strings.Trim(apart.ReplaceAllString(sms.Fold(strings.ReplaceAll(s, "\u200c", " ")), " "), " ") + " "
}

// Of returns the rows that a text is warned of, in the order of the list.
func (l List) Of(text string) (found []Row) {
	if len(l) == 0 {
		return nil
	}
	said, plain := words(text), sms.Digits(text)
	var hosts []string
	for _, at := range link.FindAllStringSubmatch(plain, -1) {
		hosts = append(hosts, strings.ToLower(at[1]))
	}
	for _, row := range l {
		has := false
		switch row.Kind {
		case Word:
			has = strings.Contains(said, words(row.Word))
		case Link:
			has = len(hosts) > 0
		case Host:
			for _, host := range hosts {
				has = has || host == strings.ToLower(row.Word) || strings.HasSuffix(host, "."+strings.ToLower(row.Word))
			}
		case Card:
			for _, number := range digits.FindAllString(plain, -1) {
				has = has || isCard(number)
			}
		case Letter:
			has = strings.Contains(text, row.Word)
		}
		if has {
			found = append(found, row)
		}
	}
	return found
}

// isCard tells whether digits, perhaps in groups, are the number of a bank card: sixteen of them, with the check of ISO/IEC 7812.
func isCard(number string) bool {
	number = strings.NewReplacer(" ", "", "-", "").Replace(number)
	if len(number) != 16 {
		return false
	}
	sum := 0
	for i, c := range number {
		d := int(c - '0')
		if i%2 == 0 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0
}
