package table

import (
	"archive/zip"
	"bytes"
	"encoding/xml"
	"io"
	"path"
	"strconv"
	"strings"
)

// workbook is an XLSX file (ECMA-376, part 1, 18). It is read token by token, so that nothing is built up but the cells.
type workbook struct {
	files map[string]*zip.File
	left  int64 // bytes that may still be unpacked

	strings []string // that cells name by their place
}

func readXLSX(content []byte) ([]Row, error) {
	archive, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		return nil, ErrUnreadable
	}
	w := workbook{files: map[string]*zip.File{}, left: maxUnpacked}
	for _, f := range archive.File {
		w.files[f.Name] = f
	}
	sheet, list, err := w.parts()
	if err == nil && list != "" {
		err = w.readStrings(list)
	}
	if err != nil {
		return nil, err
	}
	return w.readSheet(sheet)
}

// budget reads a part while there is anything left.
type budget struct {
	io.Reader
	left *int64
}

func (b budget) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if *b.left -= int64(n); *b.left < 0 {
		return 0, ErrTooLarge
	}
	return n, err
}

// scan calls begin and end with each element of a part, and text with the characters in it.
func (w *workbook) scan(name string, begin func(name string, attr func(string) string) error, end func(name string) error, text func(string)) error {
	f := w.files[name]
	if f == nil {
		return ErrUnreadable
	}
	part, err := f.Open()
	if err != nil {
		return ErrUnreadable
	}
	defer part.Close()
	d := xml.NewDecoder(budget{part, &w.left})
	for {
		token, err := d.RawToken()
		switch {
		case err == io.EOF:
			return nil
		case w.left < 0:
			return ErrTooLarge
		case err != nil:
			return ErrUnreadable
		}
		switch t := token.(type) {
		case xml.StartElement:
			err = begin(t.Name.Local, func(name string) string {
				for _, a := range t.Attr {
					if a.Name.Local == name {
						return a.Value
					}
				}
				return ""
			})
		case xml.EndElement:
			err = end(t.Name.Local)
		case xml.CharData:
			text(string(t))
		}
		if err != nil {
			return err
		}
	}
}

func nothing(string) error { return nil }

func silent(string) {}

// parts returns the names of the first visible sheet and of the list of strings, if there is one.
func (w *workbook) parts() (sheet, list string, err error) {
	const book = "xl/workbook.xml"
	first := ""
	err = w.scan(book, func(name string, attr func(string) string) error {
		if name == "sheet" && first == "" && !strings.Contains(strings.ToLower(attr("state")), "hidden") {
			first = attr("id")
		}
		return nil
	}, nothing, silent)
	if err != nil {
		return "", "", err
	}
	err = w.scan("xl/_rels/workbook.xml.rels", func(name string, attr func(string) string) error {
		if name != "Relationship" {
			return nil
		}
		target := attr("Target")
		if strings.HasPrefix(target, "/") {
			target = target[1:]
		} else {
			target = path.Join("xl", target)
		}
		switch {
		case attr("Id") == first && first != "":
			sheet = target
		case strings.HasSuffix(attr("Type"), "/sharedStrings"):
			list = target
		}
		return nil
	}, nothing, silent)
	return sheet, list, err
}

// words collects the characters of a cell or string, but not how they are pronounced.
type words struct {
	strings.Builder
	in    bool // an element whose characters count
	aside bool // in a pronunciation
}

func (w *words) begin(name string) {
	switch name {
	case "t", "v":
		w.in = !w.aside
	case "rPh":
		w.aside = true
	}
}

func (w *words) end(name string) {
	switch name {
	case "t", "v":
		w.in = false
	case "rPh":
		w.aside = false
	}
}

func (w *words) add(s string) {
	if w.in {
		w.WriteString(s)
	}
}

func (w *words) take() string {
	s := strings.ReplaceAll(w.String(), "_x000D_", "")
	w.Reset()
	return s
}

func (w *workbook) readStrings(name string) error {
	var one words
	return w.scan(name, func(name string, _ func(string) string) error {
		one.begin(name)
		return nil
	}, func(name string) error {
		one.end(name)
		if name == "si" {
			if len(w.strings) == maxStrings {
				return ErrTooLarge
			}
			w.strings = append(w.strings, one.take())
		}
		return nil
	}, one.add)
}

// readSheet reads the cells of a sheet. They, and rows, may leave out where they stand: then it is behind the one before.
func (w *workbook) readSheet(name string) ([]Row, error) {
	var found rows
	var cells []string
	var one words
	row, column, kind := 0, 0, ""
	err := w.scan(name, func(name string, attr func(string) string) error {
		switch name {
		case "row":
			row, column, cells = max(row+1, number(attr("r"))), -1, nil
			if row > lastRow {
				return ErrTooLarge
			}
		case "c":
			kind = attr("t")
			column = max(column+1, columnOf(attr("r")))
			one.Reset()
		}
		one.begin(name)
		return nil
	}, func(name string) error {
		one.end(name)
		switch {
		case name == "row":
			return found.add(row, cells)
		case name == "c" && column < MaxColumns && row > 0:
			for len(cells) <= column {
				cells = append(cells, "")
			}
			cells[column] = w.value(kind, one.take())
		}
		return nil
	}, one.add)
	return found.all, err
}

// number returns the number in s; 0 when there is none.
func number(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		return 0
	}
	return n
}

// columnOf returns the column of a reference such as AB12: A is 0. It is -1 when there is none, and at most a few beyond those that count.
func columnOf(reference string) int {
	column := 0
	for _, r := range reference {
		if r < 'A' || r > 'Z' || column > MaxColumns {
			break
		}
		column = 26*column + int(r-'A') + 1
	}
	return column - 1
}

// value returns what a cell of a kind shows. Numbers have their digits, as telephone numbers are often kept as such.
func (w *workbook) value(kind, s string) string {
	switch kind {
	case "s":
		if i, err := strconv.Atoi(strings.TrimSpace(s)); err == nil && i >= 0 && i < len(w.strings) {
			return w.strings[i]
		}
		return ""
	case "e": // an error such as #REF!
		return ""
	case "", "n":
		s = strings.TrimSpace(s)
		if f, err := strconv.ParseFloat(s, 64); err == nil && f == float64(int64(f)) && f > -1e15 && f < 1e15 {
			return strconv.FormatInt(int64(f), 10)
		}
	}
	return s
}
