//lint:file-ignore ST1018 Persian is written with U+200C

package lint

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// TestVerdicts has texts as people write them, and of which words they are warned.
func TestVerdicts(t *testing.T) {
	list := Builtin()
	for _, tc := range []struct {
		text string
		want string // words, with spaces for commas
	}{
		{"سلام، سفارش شما فرستاده شد.", ""},
		{"شما برنده شدید!", "برنده"},
		{"شما برنده‌اید", "برنده"},
		{"برنـده خوش‌شانس", "برنده"},
		{"بَرنده", "برنده"},
		{"برندگان این ماه اعلام شد", "برندگان"},
		{"پرنده‌ها برگشتند", ""},
		{"ماشین بُرنده‌تر", "برنده"}, // the marks that tell them apart are seldom written
		{"برندهٔ مسابقه", "برنده"},
		{"بهترین برند کفش", "برند"},
		{"برنده و برندگان", "برنده,برندگان"},
		{"نرسیده به تقاطع دوم", "تقاطع"},
		{"تا ۲۴ ساعت دیگر می‌رسد", "24 ساعت"},
		{"تا 24ساعت", ""},
		{"تا ٢٤  ساعت", "24 ساعت"},
		{"ساعت ۲۴", ""},
		{"جايزه ويژه", "جایزه"},
		{"جوایز", ""},
		{"قرعه‌کشی بزرگ", "قرعه کشی"},
		{"قرعه كشي", "قرعه کشی"},
		{"بن کالا هدیه بگیرید", "بن کالا"},
		{"بن‌بست کالا", ""},
		{"وام فوری", "وام"},
		{"با دوام و مقاوم", ""},
		{"وام‌گیرندگان گرامی", "وام"},
		{"خرید فیش حج", "فیش حج"},
		{"فیش حقوقی", ""},
		{"کمپ ترک اعتیاد", "ترک اعتیاد"},
		{"پیش‌فروش واحدها", "پیش فروش"},
		{"به شمارهٔ کارت زیر واریز کنید", "شماره کارت"},
		{"6037 9911 1111 1112", "شماره کارت"},
		{"۶۰۳۷-۹۹۱۱-۱۱۱۱-۱۱۱۲", "شماره کارت"},
		{"6037991111111111", ""}, // whose check digit is wrong
		{"کد رهگیری 123456789012", ""},
		{"https://bit.ly/abc را ببینید", "bit.ly,پیوند"},
		{"BIT.LY/x", "bit.ly,پیوند"},
		{"go.tinyurl.com/x", "tinyurl.com,پیوند"},
		{"notbit.ly/x", "پیوند"},
		{"www.example.ir", "پیوند"},
		{"example.ir/a?b=c", "پیوند"},
		{"We open at 8.30 a.m. tomorrow", ""},
		{"قیمت 12.500 تومان", ""},
		{"سلا� دوست عزیز", "�"},
		{"", ""},
	} {
		var got []string
		for _, row := range list.Of(tc.text) {
			got = append(got, row.Word)
		}
		if strings.Join(got, ",") != tc.want {
			t.Errorf("%q is warned of %q, want %q", tc.text, got, tc.want)
		}
	}
}

func TestEveryRowSaysWhyAndWhere(t *testing.T) {
	list := Builtin()
	if len(list) < 15 {
		t.Errorf("%d rows", len(list))
	}
	for i, row := range list {
		if row.WhyFa == row.Why {
			t.Errorf("%s has no reason in Persian", row.Word)
		}
		if slices.Contains(list[:i], row) {
			t.Errorf("%s is listed twice", row.Word)
		}
	}
}

func TestAFileOfOnesOwn(t *testing.T) {
	list, err := Read(strings.NewReader("\ufeffkind,word,source,why\nword,discount,our panel,it is filtered\nhost,example.com,our panel,\"blocked, they say\"\n"))
	if err != nil || len(list) != 2 || list[1].Why != "blocked, they say" || list[0].WhyFa != "it is filtered" {
		t.Fatalf("got %+v, %v", list, err)
	}
	if got := list.Of("A DISCOUNT at shop.example.com"); len(got) != 2 {
		t.Errorf("found %+v", got)
	}
	if nothing, err := Read(strings.NewReader("word,kind,why,source\n")); err != nil || len(nothing) != 0 {
		t.Errorf("a list of nothing: %v, %v", nothing, err)
	}
	for wrong, named := range map[string]string{
		"":                     "row 1",
		"word,kind,why\na,b,c": "source",
		"word,kind,why,source\nx,word,y,z\nx,sound,y,z": "row 3",
		"word,kind,why,source\nx,word,,z":               "row 2",
		"word,kind,why,source\nxy,letter,y,z":           "row 2",
		"word,kind,why,source\nx,word":                  "row 2",
	} {
		if _, err := Read(strings.NewReader(wrong)); err == nil || !strings.Contains(err.Error(), named) {
			t.Errorf("%q: %v, want an error that names %s", wrong, err, named)
		}
	}
}

// BenchmarkOf is of a text of a thousand characters, fifteen parts. Each question is looked through, so it has a millisecond.
func BenchmarkOf(b *testing.B) {
	const limit = time.Millisecond
	list, text := Builtin(), string([]rune(strings.Repeat("سلام، سفارش شمارهٔ ۱۲۳۴ شما فردا می‌رسد، ببینید: example.com/a. ", 100))[:1000])
	for b.Loop() {
		list.Of(text)
	}
	b.ReportMetric(float64(b.Elapsed())/float64(b.N)/float64(limit), "ratio-to-limit")
}
