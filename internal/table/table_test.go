//lint:file-ignore ST1018 Persian is written with U+200C

package table

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	utf16 "golang.org/x/text/encoding/unicode"
)

func TestCSV(t *testing.T) {
	persian := "شماره;نام\n۰۹۱۲۱۱۱۱۱۱۱;مینا رضایی\n"
	want := []Row{{1, []string{"شماره", "نام"}}, {2, []string{"۰۹۱۲۱۱۱۱۱۱۱", "مینا رضایی"}}}
	arabic := strings.NewReplacer("ی", "ي", "۰", "0", "۱", "1", "۲", "2", "۹", "9").Replace(persian) // what Windows-1256 has
	wantArabic := []Row{{1, []string{"شماره", "نام"}}, {2, []string{"09121111111", "مينا رضايي"}}}
	in := func(e encoding.Encoding, s string) string {
		out, err := e.NewEncoder().String(s)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	for name, test := range map[string]struct {
		content string
		want    []Row
	}{
		"utf-8":                 {persian, want},
		"utf-8 with its mark":   {"\ufeff" + persian, want},
		"utf-16 le":             {in(utf16.UTF16(utf16.LittleEndian, utf16.UseBOM), persian), want},
		"utf-16 be":             {in(utf16.UTF16(utf16.BigEndian, utf16.UseBOM), persian), want},
		"utf-16 le, unmarked":   {in(utf16.UTF16(utf16.LittleEndian, utf16.IgnoreBOM), persian), want},
		"utf-16 be, unmarked":   {in(utf16.UTF16(utf16.BigEndian, utf16.IgnoreBOM), persian), want},
		"windows-1256":          {in(charmap.Windows1256, arabic), wantArabic},
		"commas":                {"a,b\r\nc,\"d, e\"\r\n", []Row{{1, []string{"a", "b"}}, {2, []string{"c", "d, e"}}}},
		"tabs, and commas":      {"a\tb, c\nd\te", []Row{{1, []string{"a", "b, c"}}, {2, []string{"d", "e"}}}},
		"semicolons and commas": {"a;b, c\nd;e", []Row{{1, []string{"a", "b, c"}}, {2, []string{"d", "e"}}}},
		"told what separates":   {"sep=;\na;b", []Row{{2, []string{"a", "b"}}}},
		"one column":            {"a\nb\n", []Row{{1, []string{"a"}}, {2, []string{"b"}}}},
		"empty rows":            {"\n\na,,\n , \n\nb", []Row{{3, []string{"a"}}, {6, []string{"b"}}}},
		"lines in a cell":       {"\"a\nb\",c\nd,e\n", []Row{{1, []string{"a\nb", "c"}}, {2, []string{"d", "e"}}}},
		"old line ends":         {"a,b\rc,d", []Row{{1, []string{"a", "b"}}, {2, []string{"c", "d"}}}},
		"stray quotes":          {"a \"b\" c,d\n", []Row{{1, []string{"a \"b\" c", "d"}}}},
		"nothing":               {"", nil},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Read([]byte(test.content))
			if diff := cmp.Diff(test.want, got); err != nil || diff != "" {
				t.Errorf("%v\n%s", err, diff)
			}
		})
	}
}

// book is an XLSX file whose only sheet has these rows; strings are what its list has.
func book(t testing.TB, rows, strings string, more map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	parts := map[string]string{
		"xl/workbook.xml":            `<?xml version="1.0" encoding="UTF-8"?><workbook xmlns:r="r"><sheets><sheet name="old" state="hidden" r:id="rId9"/><sheet name="a" r:id="rId1"/></sheets></workbook>`,
		"xl/_rels/workbook.xml.rels": `<Relationships><Relationship Id="rId1" Type="x/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="rId2" Type="x/sharedStrings" Target="/xl/sharedStrings.xml"/></Relationships>`,
		"xl/worksheets/sheet1.xml":   `<worksheet><sheetData>` + rows + `</sheetData></worksheet>`,
		"xl/sharedStrings.xml":       `<sst>` + strings + `</sst>`,
	}
	for name, part := range more {
		parts[name] = part
	}
	for name, part := range parts {
		f, err := w.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		f.Write([]byte(part))
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestXLSX(t *testing.T) {
	for name, test := range map[string]struct {
		rows, strings string
		want          []Row
	}{
		"strings of the list": {
			`<row r="1"><c r="A1" t="s"><v>1</v></c><c r="B1" t="s"><v>0</v></c></row>`,
			`<si><t>name &amp; more</t></si><si><r><t>nu</t></r><r><t>mber</t></r><rPh><t>aside</t></rPh></si>`,
			[]Row{{1, []string{"number", "name & more"}}},
		},
		"strings in place": {`<row r="3"><c r="B3" t="inlineStr"><is><t xml:space="preserve"> a </t></is></c><c r="C3" t="str"><f>A1</f><v>b</v></c></row>`, ``, []Row{{3, []string{"", " a ", "b"}}}},
		"numbers": {
			`<row r="1"><c r="A1"><v>9.12E+9</v></c><c r="B1" t="n"><v>9.121234567E9</v></c><c r="C1"><v>98912123456700.0</v></c><c r="D1"><v>1.5</v></c></row>`, ``,
			[]Row{{1, []string{"9120000000", "9121234567", "98912123456700", "1.5"}}},
		},
		"without places":        {`<row><c><v>1</v></c><c><v>2</v></c></row><row><c><v>3</v></c></row>`, ``, []Row{{1, []string{"1", "2"}}, {2, []string{"3"}}}},
		"errors and wild lists": {`<row r="1"><c t="e"><v>#REF!</v></c><c t="s"><v>7</v></c><c t="s"><v>-1</v></c><c t="str"><v>x</v></c></row>`, ``, []Row{{1, []string{"", "", "", "x"}}}},
		"far to the right":      {`<row r="1"><c r="A1"><v>1</v></c><c r="XFD1"><v>2</v></c><c r="ZZZZZZZZZZZZZZZ1"><v>2</v></c></row>`, ``, []Row{{1, []string{"1"}}}},
		"a prefix":              {`<x:row r="2"><x:c r="A2"><x:v>1</x:v></x:c></x:row>`, ``, []Row{{2, []string{"1"}}}},
		"empty rows":            {`<row r="1"/><row r="2"><c r="A2"/></row><row r="9"><c r="A9"><v>1</v></c></row>`, ``, []Row{{9, []string{"1"}}}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Read(book(t, test.rows, test.strings, nil))
			if diff := cmp.Diff(test.want, got); err != nil || diff != "" {
				t.Errorf("%v\n%s", err, diff)
			}
		})
	}
}

// TestFilesOfPrograms reads the same table as other programs wrote it.
func TestFilesOfPrograms(t *testing.T) {
	files, err := filepath.Glob("testdata/*.xlsx")
	if err != nil || len(files) < 2 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	want := []Row{
		{1, []string{"شماره", "نام"}}, {2, []string{"9121111111", "مینا رضایی"}}, {3, []string{"09122222222", "Ali & Co."}}, {5, []string{"989123333333", "سارا"}},
	}
	for _, name := range files {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Read(content)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v\n%s", name, err, diff)
		}
	}
}

func TestWhatIsNoTable(t *testing.T) {
	plain := book(t, `<row><c><v>1</v></c></row>`, ``, nil)
	for name, content := range map[string][]byte{
		"an old Excel file":     []byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\x00\x00"),
		"a picture":             []byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"),
		"a PDF":                 []byte("%PDF-1.7\n%\xb5\xed\xae\xfb\x01\x02"),
		"another archive":       book(t, "", "", map[string]string{"xl/workbook.xml": "<nothing/>"}),
		"half an archive":       plain[:len(plain)/2],
		"broken XML":            book(t, `<row><c><v>1</`, ``, nil),
		"an encoding unheard":   book(t, ``, ``, map[string]string{"xl/sharedStrings.xml": `<?xml version="1.0" encoding="ebcdic"?><sst/>`}),
		"entities of their own": book(t, `<row><c t="str"><v>&lol;</v></c></row>`, ``, nil),
	} {
		if got, err := Read(content); !errors.Is(err, ErrUnreadable) {
			t.Errorf("%s: %d rows, %v", name, len(got), err)
		}
	}
}

func TestTablesAreBounded(t *testing.T) {
	row := func(n int) string { return fmt.Sprintf("0912%07d,x\n", n) }
	var many strings.Builder
	for i := range MaxRows {
		many.WriteString(row(i))
	}
	if got, err := Read([]byte(many.String())); err != nil || len(got) != MaxRows {
		t.Errorf("as many rows as a table may hold: %d, %v", len(got), err)
	}
	for name, content := range map[string][]byte{
		"a row more":        []byte(many.String() + row(0)),
		"too many bytes":    make([]byte, MaxSize+1),
		"a bomb":            book(t, strings.Repeat(" ", maxUnpacked), ``, nil),
		"a bomb of strings": book(t, ``, strings.Repeat("<si/>", maxStrings+1), nil),
		"a bomb of text":    book(t, ``, "<si><t>"+strings.Repeat("x", maxUnpacked)+"</t></si>", nil),
		"a bomb of marks":   book(t, strings.Repeat("<row><c>", maxUnpacked/8), ``, nil),
		"rows without end":  book(t, strings.Repeat(`<row><c><v>1</v></c></row>`, MaxRows+1), ``, nil),
		"one text in many":  book(t, strings.Repeat(`<row><c t="s"><v>0</v></c></row>`, MaxRows), "<si><t>"+strings.Repeat("x", 30_000)+"</t></si>", nil),
		"a row far below":   book(t, `<row r="2000000"><c><v>1</v></c></row>`, ``, nil),
	} {
		if got, err := Read(content); !errors.Is(err, ErrTooLarge) {
			t.Errorf("%s: %d rows, %v", name, len(got), err)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte("\ufeffشماره;نام\n0912;\"a\nb\""))
	f.Add([]byte("\xff\xfe0\x009\x00"))
	f.Add(book(f, `<row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1"><v>9.1E+9</v></c></row>`, `<si><t>a</t></si>`, nil))
	f.Fuzz(func(t *testing.T, content []byte) {
		rows, err := Read(content)
		if err != nil && !errors.Is(err, ErrUnreadable) && !errors.Is(err, ErrTooLarge) {
			t.Errorf("unexpected error %v", err)
		}
		last := 0
		for _, r := range rows {
			if r.N <= last || len(r.Cells) == 0 || len(r.Cells) > MaxColumns {
				t.Errorf("row %d behind row %d: %q", r.N, last, r.Cells)
			}
			last = r.N
		}
	})
}

// BenchmarkXLSX reads a sheet of as many rows as a table may hold.
func BenchmarkXLSX(b *testing.B) {
	var rows strings.Builder
	for i := range MaxRows {
		fmt.Fprintf(&rows, `<row r="%d"><c r="A%d"><v>912%07d</v></c><c r="B%d" t="inlineStr"><is><t>مینا رضایی</t></is></c></row>`, i+1, i+1, i, i+1)
	}
	content := book(b, rows.String(), ``, nil)
	b.ReportAllocs()
	for b.Loop() {
		if got, err := Read(content); err != nil || len(got) != MaxRows {
			b.Fatal(len(got), err)
		}
	}
}
