package xlsx

import (
	"bytes"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/xuri/excelize/v2"
)

var tehran = time.FixedZone("", 3*3600+1800)

// rows has what could go wrong in a cell, and what is to be read back.
var rows = []struct {
	text string
	n    int
	at   time.Time
}{
	{"=HYPERLINK(\"http://evil\")", 1, time.Date(2026, 3, 21, 0, 0, 0, 0, tehran)},
	{"+989121234567", -1, time.Date(2026, 3, 21, 23, 59, 59, 0, tehran)},
	{"-1+1", 0, time.Date(1999, 12, 31, 12, 30, 0, 0, time.UTC)},
	{"@SUM(A1)", 1 << 40, time.Date(2026, 10, 25, 2, 30, 1, 0, time.UTC)},
	{"09121234567", 7, time.Date(2026, 3, 22, 8, 0, 0, 0, tehran)},
	{"سلام، «خوبید»؟ نیم\u200cفاصله", 7, time.Date(2026, 3, 22, 8, 0, 0, 0, tehran)},
	{"a < b && c > d \"e\" 'f'", 7, time.Date(2026, 3, 22, 8, 0, 0, 0, tehran)},
	{"  two lines\n\tand a tab  ", 7, time.Date(2026, 3, 22, 8, 0, 0, 0, tehran)},
	{"_x0041_ and _x005F_ stay", 7, time.Date(2026, 3, 22, 8, 0, 0, 0, tehran)},
	{"😀 beyond the basic plane", 7, time.Date(2026, 3, 22, 8, 0, 0, 0, tehran)},
}

func written(t testing.TB, s Sheet) []byte {
	t.Helper()
	var file bytes.Buffer
	w, err := NewWriter(&file, s)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		if err := w.Row(r.text, "", r.n, r.at, time.Time{}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

var sheet = Sheet{Name: "پیامک & <more>", RightToLeft: true, Columns: []Column{{"متن", 40}, {"empty", 5}, {"n", 8.5}, {"زمان", 20}, {"none", 5}}}

func TestExcelizeReadsIt(t *testing.T) {
	f, err := excelize.OpenReader(bytes.NewReader(written(t, sheet)))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if got := f.GetSheetList(); !cmp.Equal(got, []string{sheet.Name}) {
		t.Errorf("sheets %q", got)
	}
	if view, err := f.GetSheetView(sheet.Name, 0); err != nil || view.RightToLeft == nil || !*view.RightToLeft {
		t.Errorf("view %+v, %v", view, err)
	}
	got, err := f.GetRows(sheet.Name)
	if err != nil || len(got) != len(rows)+1 {
		t.Fatalf("%d rows, %v", len(got), err)
	}
	if want := []string{"متن", "empty", "n", "زمان", "none"}; !cmp.Equal(got[0], want) {
		t.Errorf("titles %q", got[0])
	}
	for i, r := range rows {
		row := got[i+1]
		if len(row) != 4 || row[0] != r.text || row[3] != r.at.Format("2006-01-02 15:04:05") {
			t.Errorf("row %d is %q, want %q at %v", i, row, r.text, r.at)
		}
		for _, column := range "ABCD" {
			cell := string(column) + string(rune('2'+i))
			if i > 7 {
				break
			}
			if formula, err := f.GetCellFormula(sheet.Name, cell); err != nil || formula != "" {
				t.Errorf("%s is the formula %q, %v", cell, formula, err)
			}
		}
	}
}

func TestTextsThatXMLOrACellCannotHold(t *testing.T) {
	long := strings.Repeat("😀", maxText/2)
	for text, want := range map[string]string{
		"a\x00b\x1f\r\n":     "a_x0000_b_x001F__x000D_\n",
		"\uFFFE\uFFFF":       "_xFFFE__xFFFF_",
		"broken \xff":        "broken \uFFFD",
		"_x0041_":            "_x005F_x0041_",
		"_x00_ _y0041_":      "_x00_ _y0041_",
		long:                 long,
		long + "x":           long + "x",
		long + "xy":          long + "…",
		"<&>":                "&lt;&amp;&gt;",
		"\u200f\u2067\ue000": "\u200f\u2067\ue000",
	} {
		if got := string(appendText(nil, text)); got != want {
			t.Errorf("%.20q is written as %.40q (%d runes), want %.40q", text, got, utf8.RuneCountInString(got), want)
		}
	}
}

// FuzzTexts has any text come back, as far as a cell can hold it, and be no formula.
func FuzzTexts(f *testing.F) {
	for _, r := range rows {
		f.Add(r.text)
	}
	f.Add("a\x00b\r\x7f_x000D_")
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > maxText {
			return
		}
		var file bytes.Buffer
		w, err := NewWriter(&file, Sheet{Name: "a", Columns: []Column{{"t", 1}}})
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(w.Row(text), w.Row("end"), w.Close()); err != nil {
			t.Fatal(err)
		}
		x, err := excelize.OpenReader(&file)
		if err != nil {
			t.Fatal(err)
		}
		defer x.Close()
		got, err := x.GetRows("a")
		if err != nil || len(got) != 3 || got[2][0] != "end" {
			t.Fatalf("%q, %v", got, err)
		}
		if formula, err := x.GetCellFormula("a", "A2"); err != nil || formula != "" {
			t.Errorf("it is the formula %q, %v", formula, err)
		}
	})
}

// BenchmarkRows writes a hundred thousand rows as /export has them, and says how much memory that takes at most.
func BenchmarkRows(b *testing.B) {
	at := time.Date(2026, 3, 21, 12, 0, 0, 0, tehran)
	text := strings.Repeat("سلام، سفارش شما آماده است. ", 3)
	for b.Loop() {
		w, err := NewWriter(io.Discard, sheet)
		if err != nil {
			b.Fatal(err)
		}
		for i := range 100_000 {
			if err := w.Row(at.Add(time.Duration(i)*time.Minute), "in", "30001234", "09121234567", "خانم رضایی", text, "Ali", "delivered", 2); err != nil {
				b.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			b.Fatal(err)
		}
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	b.ReportMetric(float64(m.Sys)/1e6, "MB")
}
