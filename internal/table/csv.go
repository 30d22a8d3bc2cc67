package table

import (
	"bytes"
	"encoding/csv"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	utf16 "golang.org/x/text/encoding/unicode"
)

// decode returns a file's text. What has neither a mark of its encoding nor is UTF-8 or UTF-16 is taken for Windows-1256: programs in Iran write that.
func decode(content []byte) (string, error) {
	var from encoding.Encoding
	switch {
	case bytes.HasPrefix(content, []byte("\xef\xbb\xbf")):
		content = content[3:]
	case bytes.HasPrefix(content, []byte("\xff\xfe")):
		from, content = utf16.UTF16(utf16.LittleEndian, utf16.IgnoreBOM), content[2:]
	case bytes.HasPrefix(content, []byte("\xfe\xff")):
		from, content = utf16.UTF16(utf16.BigEndian, utf16.IgnoreBOM), content[2:]
	case bytes.IndexByte(content, 0) >= 0: // digits and separators have a zero beside them
		from = utf16.UTF16(zeros(content), utf16.IgnoreBOM)
	case !utf8.Valid(content):
		from = charmap.Windows1256
	}
	text := string(content)
	if from != nil {
		decoded, err := from.NewDecoder().Bytes(content)
		if err != nil {
			return "", ErrUnreadable
		}
		text = string(decoded)
	}
	control := func(r rune) bool {
		return unicode.IsControl(r) && r != '\t' && r != '\r' && r != '\n' || r == utf8.RuneError
	}
	if strings.ContainsFunc(text, control) {
		return "", ErrUnreadable
	}
	return strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n"), nil
}

// zeros returns which byte of a UTF-16 character comes first, by where most zeros stand.
func zeros(content []byte) utf16.Endianness {
	at := [2]int{}
	for i, b := range content {
		if b == 0 {
			at[i%2]++
		}
	}
	if at[0] > at[1] {
		return utf16.BigEndian
	}
	return utf16.LittleEndian
}

func readCSV(text string) ([]Row, error) {
	var found rows
	r := csv.NewReader(strings.NewReader(text))
	r.Comma, r.LazyQuotes, r.FieldsPerRecord = separator(text), true, -1
	within := 0 // line ends within cells, before this row
	for {
		cells, err := r.Read()
		if err == io.EOF {
			return found.all, nil
		}
		if err != nil {
			return nil, ErrUnreadable
		}
		line, _ := r.FieldPos(0)
		if line == 1 && strings.HasPrefix(cells[0], "sep=") { // how Excel is told what separates
			continue
		}
		if err := found.add(line-within, cells); err != nil {
			return nil, err
		}
		for _, cell := range cells {
			within += strings.Count(cell, "\n")
		}
	}
}

// separator returns what separates the cells of a text: what stands in most of its first lines.
func separator(text string) rune {
	best, most := ',', 0
	for _, r := range "\t;," {
		in, lines := 0, 0
		for line := range strings.Lines(text) {
			if strings.ContainsRune(line, r) {
				in++
			}
			if lines++; lines == 50 {
				break
			}
		}
		if in > most {
			best, most = r, in
		}
	}
	return best
}
