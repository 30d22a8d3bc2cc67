// Package xlsx writes a spreadsheet of one sheet, row by row and in little memory, as Excel and LibreOffice read it (ECMA-376, Office Open XML). Cells are
// texts, numbers and times. None is ever a formula: what begins with = stays a text, also once somebody edits it.
package xlsx

import (
	"archive/zip"
	"encoding/xml"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
	"unicode/utf8"
)

// What a sheet holds at most, as Excel reads it.
const (
	MaxRows = 1 << 20 // the titles among them
	maxText = 32767   // UTF-16 units of a cell
)

// Sheet says what a sheet looks like. Name is at most 31 characters, none of []:*?/\.
type Sheet struct {
	Name        string
	RightToLeft bool // the first column is the one on the right
	Columns     []Column
}

// Column has a title, which stays in sight, and is about Width characters wide.
type Column struct {
	Title string
	Width float64
}

// Writer writes one spreadsheet. After an error it writes no more.
type Writer struct {
	zip   *zip.Writer
	sheet io.Writer
	rows  int
	row   []byte
	err   error
}

// How cells look, by their number in styles.xml.
const (
	styleText = 1 + iota // Excel's format “text”: it stays one when edited
	styleTime
	styleTitle
)

// NewWriter begins a spreadsheet, with a row of titles. What it writes to need not be able to seek.
func NewWriter(w io.Writer, s Sheet) (*Writer, error) {
	x := &Writer{zip: zip.NewWriter(w)}
	for _, part := range parts(s) {
		f, err := x.zip.Create(part.name)
		if err == nil {
			_, err = io.WriteString(f, xml.Header+part.content)
		}
		if err != nil {
			return nil, fmt.Errorf("begin a spreadsheet: %w", err)
		}
	}
	var err error
	if x.sheet, err = x.zip.Create("xl/worksheets/sheet1.xml"); err != nil {
		return nil, fmt.Errorf("begin a spreadsheet: %w", err)
	}
	var head strings.Builder
	head.WriteString(xml.Header + `<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetViews><sheetView`)
	if s.RightToLeft {
		head.WriteString(` rightToLeft="1"`)
	}
	head.WriteString(` workbookViewId="0"><pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews><cols>`)
	for i, c := range s.Columns {
		fmt.Fprintf(&head, `<col min="%d" max="%d" width="%g" customWidth="1"/>`, i+1, i+1, c.Width)
	}
	head.WriteString(`</cols><sheetData>`)
	if _, err := io.WriteString(x.sheet, head.String()); err != nil {
		return nil, fmt.Errorf("begin a spreadsheet: %w", err)
	}
	x.begin()
	for i, c := range s.Columns {
		x.text(i, c.Title, styleTitle)
	}
	return x, x.end()
}

// Row writes a row of cells: strings, ints, and times, which are shown as in their own zone. An empty string and a time of zero leave the cell empty.
func (x *Writer) Row(cells ...any) error {
	if x.err == nil && x.rows == MaxRows {
		x.err = fmt.Errorf("a spreadsheet has at most %d rows", MaxRows)
	}
	x.begin()
	for i, c := range cells {
		switch c := c.(type) {
		case string:
			x.text(i, c, styleText)
		case int:
			x.number(i, strconv.Itoa(c), 0)
		case time.Time:
			if !c.IsZero() {
				x.number(i, strconv.FormatFloat(serial(c), 'f', -1, 64), styleTime)
			}
		default:
			panic(fmt.Sprintf("a cell cannot hold %T", c))
		}
	}
	return x.end()
}

// Close ends the spreadsheet. It does not close what that is written to.
func (x *Writer) Close() error {
	if x.err != nil {
		return x.err
	}
	if _, err := io.WriteString(x.sheet, `</sheetData></worksheet>`); err != nil {
		return fmt.Errorf("end a spreadsheet: %w", err)
	}
	if err := x.zip.Close(); err != nil {
		return fmt.Errorf("end a spreadsheet: %w", err)
	}
	return nil
}

func (x *Writer) begin() {
	x.rows++
	x.row = append(x.row[:0], `<row r="`...)
	x.row = append(strconv.AppendInt(x.row, int64(x.rows), 10), `">`...)
}

func (x *Writer) end() error {
	if x.err == nil {
		x.row = append(x.row, `</row>`...)
		if _, err := x.sheet.Write(x.row); err != nil {
			x.err = fmt.Errorf("write a row: %w", err)
		}
	}
	return x.err
}

// cell begins a cell of the i-th column.
func (x *Writer) cell(i, style int) {
	x.row = append(x.row, `<c r="`...)
	if i >= 26 {
		x.row = append(x.row, 'A'-1+byte(i/26))
	}
	x.row = append(x.row, 'A'+byte(i%26))
	x.row = strconv.AppendInt(x.row, int64(x.rows), 10)
	x.row = append(x.row, `" s="`...)
	x.row = append(strconv.AppendInt(x.row, int64(style), 10), '"')
}

func (x *Writer) number(i int, n string, style int) {
	x.cell(i, style)
	x.row = append(append(append(x.row, `><v>`...), n...), `</v></c>`...)
}

func (x *Writer) text(i int, s string, style int) {
	if s == "" {
		return
	}
	x.cell(i, style)
	x.row = append(x.row, ` t="inlineStr"><is><t xml:space="preserve">`...)
	x.row = appendText(x.row, s)
	x.row = append(x.row, `</t></is></c>`...)
}

// appendText appends s as the words of a cell. What XML cannot hold is written as _xHHHH_, which is read as that character, and so is the _ of words that
// look like that. A cell holds 32,767 UTF-16 units: a longer text is cut, with … at its end.
func appendText(to []byte, s string) []byte {
	room := maxText
	if len(s) > maxText { // only then can it be too long
		units := 0
		for _, r := range s {
			units += utf16Len(r)
		}
		if units > maxText {
			room--
		}
	}
	for i, r := range s {
		if room -= utf16Len(r); room < 0 {
			return append(to, "…"...)
		}
		switch {
		case r == '<':
			to = append(to, "&lt;"...)
		case r == '>':
			to = append(to, "&gt;"...)
		case r == '&':
			to = append(to, "&amp;"...)
		case r == '_' && looksEscaped(s[i:]):
			to = append(to, "_x005F_"...)
		case r < ' ' && r != '\t' && r != '\n', r == 0xFFFE, r == 0xFFFF:
			to = fmt.Appendf(to, "_x%04X_", r)
		default:
			to = utf8.AppendRune(to, r) // of broken UTF-8, U+FFFD
		}
	}
	return to
}

func utf16Len(r rune) int { return max(1, utf16.RuneLen(r)) }

// looksEscaped tells whether s begins like _x0041_.
func looksEscaped(s string) bool {
	if len(s) < 7 || s[1] != 'x' && s[1] != 'X' || s[6] != '_' {
		return false
	}
	_, err := strconv.ParseUint(s[2:6], 16, 16)
	return err == nil
}

// serial returns a time as spreadsheets count: days since 30 December 1899, by the clock on the wall.
func serial(t time.Time) float64 {
	wall := time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), 0, time.UTC)
	return float64(wall.Unix()-time.Date(1899, 12, 30, 0, 0, 0, 0, time.UTC).Unix()) / (24 * 60 * 60)
}

type part struct{ name, content string }

// parts returns all of a spreadsheet but its sheet.
func parts(s Sheet) []part {
	const types, rels, main = "http://schemas.openxmlformats.org/package/2006/content-types", "http://schemas.openxmlformats.org/package/2006/relationships",
		"http://schemas.openxmlformats.org/spreadsheetml/2006/main"
	const office, format = "http://schemas.openxmlformats.org/officeDocument/2006/relationships", "application/vnd.openxmlformats-officedocument.spreadsheetml."
	return []part{
		{"[Content_Types].xml", `<Types xmlns="` + types + `">` +
			`<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>` +
			`<Override PartName="/xl/workbook.xml" ContentType="` + format + `sheet.main+xml"/>` +
			`<Override PartName="/xl/worksheets/sheet1.xml" ContentType="` + format + `worksheet+xml"/>` +
			`<Override PartName="/xl/styles.xml" ContentType="` + format + `styles+xml"/></Types>`},
		{"_rels/.rels", `<Relationships xmlns="` + rels + `"><Relationship Id="rId1" Type="` + office + `/officeDocument" Target="xl/workbook.xml"/></Relationships>`},
		{"xl/workbook.xml", `<workbook xmlns="` + main + `" xmlns:r="` + office + `"><sheets><sheet name="` + string(appendText(nil, s.Name)) +
			`" sheetId="1" r:id="rId1"/></sheets></workbook>`},
		{"xl/_rels/workbook.xml.rels", `<Relationships xmlns="` + rels + `">` +
			`<Relationship Id="rId1" Type="` + office + `/worksheet" Target="worksheets/sheet1.xml"/>` +
			`<Relationship Id="rId2" Type="` + office + `/styles" Target="styles.xml"/></Relationships>`},
		{"xl/styles.xml", `<styleSheet xmlns="` + main + `"><numFmts count="1"><numFmt numFmtId="164" formatCode="yyyy\-mm\-dd\ hh:mm:ss"/></numFmts>` +
			`<fonts count="2"><font><sz val="11"/><name val="Calibri"/></font><font><b/><sz val="11"/><name val="Calibri"/></font></fonts>` +
			`<fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill></fills>` +
			`<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>` +
			`<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs><cellXfs count="4">` +
			`<xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>` +
			`<xf numFmtId="49" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>` +
			`<xf numFmtId="164" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>` +
			`<xf numFmtId="49" fontId="1" fillId="0" borderId="0" xfId="0" applyNumberFormat="1" applyFont="1"/></cellXfs></styleSheet>`},
	}
}
