// Package table reads the rows of a spreadsheet that somebody sent: CSV in the encodings and with the separators that programs write, or XLSX. What it is
// given may be anything: it takes bounded memory and time, whatever the file holds. It knows nothing of what the cells mean.
package table

import (
	"bytes"
	"errors"
	"strings"
	"unicode"
)

// What a file may hold.
const (
	MaxSize    = 10 << 20 // bytes
	MaxRows    = 100_000  // with something in them
	MaxColumns = 64       // those beyond are passed over

	maxUnpacked = 32 << 20 // bytes of an XLSX file's parts
	maxStrings  = 1 << 20  // in an XLSX file's list of them
	maxText     = 64 << 20 // bytes in all cells together: those of an XLSX file may all name one long string
	lastRow     = 1 << 20  // the highest number of a row in an XLSX file
)

// Errors of Read.
var (
	ErrUnreadable = errors.New("neither CSV nor XLSX")
	ErrTooLarge   = errors.New("more than a table may hold")
)

// Row is a row that is not empty.
type Row struct {
	N     int // its number, as a spreadsheet program shows it: the first is 1
	Cells []string
}

// Read returns the rows of a CSV file, or of the first visible sheet of an XLSX file. The error is ErrUnreadable if it is neither, and ErrTooLarge.
func Read(content []byte) ([]Row, error) {
	switch {
	case len(content) > MaxSize:
		return nil, ErrTooLarge
	case bytes.HasPrefix(content, []byte("PK\x03\x04")):
		return readXLSX(content)
	}
	text, err := decode(content)
	if err != nil {
		return nil, err
	}
	return readCSV(text)
}

// rows collects rows.
type rows struct {
	all  []Row
	text int // bytes in them
}

// add adds a row unless it is empty.
func (r *rows) add(n int, cells []string) error {
	if len(cells) > MaxColumns {
		cells = cells[:MaxColumns]
	}
	for len(cells) > 0 && strings.TrimFunc(cells[len(cells)-1], unicode.IsSpace) == "" {
		cells = cells[:len(cells)-1]
	}
	if len(cells) == 0 {
		return nil
	}
	for _, cell := range cells {
		r.text += len(cell)
	}
	if len(r.all) == MaxRows || r.text > maxText {
		return ErrTooLarge
	}
	r.all = append(r.all, Row{n, cells})
	return nil
}
