package sms_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"peyk/sms"
)

func TestParseRecipient(t *testing.T) {
	for _, tc := range []struct{ name, in, want string }{
		{"national form", "09121234567", "09121234567"},
		{"without zero", "9121234567", "09121234567"},
		{"plus", "+989121234567", "09121234567"},
		{"double zero", "00989121234567", "09121234567"},
		{"country code alone", "989121234567", "09121234567"},
		{"country code and zero", "+98 0912 123 4567", "09121234567"},
		{"persian digits", "۰۹۱۲۱۲۳۴۵۶۷", "09121234567"},
		{"arabic digits", "٠٩١٢١٢٣٤٥٦٧", "09121234567"},
		{"spaces and dashes", " 0912-123 45 67 ", "09121234567"},
		{"brackets", "(0912) 123-4567", "09121234567"},
		{"bidi marks", "\u200e\u206609121234567\u2069", "09121234567"},
		{"a range opened yesterday", "09991234567", "09991234567"},
		{"a landline", "02188776655", "02188776655"},
		{"a landline with the country code", "+98 21 8877 6655", "02188776655"},
		{"a landline without its zero, or a mobile of Norway", "4740612000", ""},
		{"a foreign number", "+447911123456", "+447911123456"},
		{"a foreign number with double zero", "00447911123456", "+447911123456"},
		{"Norway with double zero, like a landline", "0047 406 12 000", "+4740612000"},
		{"Denmark with double zero, like a landline", "004532123456", "+4532123456"},
		{"Lebanon with double zero, like a mobile", "009613123456", "+9613123456"},
		{"a mobile with a zero too many", "009121234567", ""},
		{"a foreign number as at home", "+44 (0)7911 123456", "+447911123456"},
		{"a foreign number too short", "+44791112345", ""},
		{"a country there is none", "+9997911123456", ""},
		{"a country code alone", "+44", ""},
		{"a country code and zero", "+440", ""},
		{"a foreign number without plus", "447911123456", ""},
		{"a line of a panel", "3000123456", ""},
		{"too short", "0912123456", ""},
		{"too long", "091212345678", ""},
		{"a line of ours", "30001234", ""},
		{"letters", "0912123456a", ""},
		{"a name", "Bank", ""},
		{"nothing", "", ""},
		{"a plus alone", "+", ""},
		{"plus in the middle", "0912+1234567", ""},
	} {
		got, err := sms.ParseRecipient(tc.in)
		if string(got) != tc.want || (err == nil) != (tc.want != "") {
			t.Errorf("%s: ParseRecipient(%q) = %q, %v, want %q", tc.name, tc.in, string(got), err, tc.want)
		}
		if err != nil && len(tc.in) > 4 && strings.Contains(err.Error(), tc.in) {
			t.Errorf("%s: the error shows the number: %v", tc.name, err)
		}
	}
}

func TestNormalize(t *testing.T) {
	for in, want := range map[string]string{
		"+98 912 123 4567": "09121234567",
		" MelliBank ":      "MelliBank",
		"۲۰۰۰":             "2000",
		"30001234":         "30001234",
	} {
		if got := sms.Normalize(in); string(got) != want {
			t.Errorf("Normalize(%q) = %q, want %q", in, string(got), want)
		}
	}
	for in, want := range map[string]string{
		"30001234": "30001234", "+9830001234": "30001234", "009830001234": "30001234", "9830001234": "30001234", "030001234": "30001234",
		"۳۰۰۰۱۲۳۴": "30001234", "982188776655": "2188776655", "02188776655": "2188776655", "+989121234567": "09121234567", "98765": "98765", "line": "",
	} {
		if got := sms.NormalizeLine(in); string(got) != want {
			t.Errorf("NormalizeLine(%q) = %q, want %q", in, string(got), want)
		}
	}
}

func TestNumberMasksItself(t *testing.T) {
	n := sms.Number("09121234567")
	var out bytes.Buffer
	slog.New(slog.NewJSONHandler(&out, nil)).Info("sent", "customer", n)
	slog.New(slog.NewTextHandler(&out, nil)).Info("sent", "customer", n)
	fmt.Fprintf(&out, "%s %v %q %+v", n, n, n, sms.Conversation{Customer: n})
	if strings.Contains(out.String(), "0912123") {
		t.Errorf("a whole number was printed: %s", out.String())
	}
	if got, want := n.String(), "*******4567"; got != want {
		t.Errorf("String() = %q, want %q", got, want)
	}
}

func TestCount(t *testing.T) {
	long := strings.Repeat
	for _, tc := range []struct {
		name string
		text string
		want sms.Segments
	}{
		{"nothing", "", sms.Segments{}},
		{"one latin part", long("a", 160), sms.Segments{Parts: 1}},
		{"two latin parts", long("a", 161), sms.Segments{Parts: 2}},
		{"two full latin parts", long("a", 306), sms.Segments{Parts: 2}},
		{"three latin parts", long("a", 307), sms.Segments{Parts: 3}},
		{"euro takes two", long("€", 80), sms.Segments{Parts: 1}},
		{"euro is not cut: 76 fit in a part of 153", long("€", 153), sms.Segments{Parts: 3}},
		{"one persian part", long("س", 70), sms.Segments{Parts: 1, Unicode: true, Forced: 'س'}},
		{"two persian parts", long("س", 71), sms.Segments{Parts: 2, Unicode: true, Forced: 'س'}},
		{"three persian parts", long("س", 135), sms.Segments{Parts: 3, Unicode: true, Forced: 'س'}},
		{"one curly quote makes all unicode", long("a", 70) + "’", sms.Segments{Parts: 2, Unicode: true, Forced: '’'}},
		{"emoji are not cut: 33 fit in a part of 67", long("😀", 67), sms.Segments{Parts: 3, Unicode: true, Forced: '😀'}},
	} {
		if got := sms.StandardParts.Count(tc.text); got != tc.want {
			t.Errorf("%s: Count = %+v, want %+v", tc.name, got, tc.want)
		}
	}
}

func TestCountBySizesOfThePanel(t *testing.T) {
	sizes := sms.PartSizes{GSM: sms.PartSize{Alone: 155, Joined: 150}, Unicode: sms.PartSize{Alone: 60, Joined: 50}}
	for _, tc := range []struct {
		text string
		want int
	}{
		{strings.Repeat("a", 155), 1}, {strings.Repeat("a", 156), 2}, {strings.Repeat("a", 300), 2}, {strings.Repeat("a", 301), 3},
		{strings.Repeat("س", 60), 1}, {strings.Repeat("س", 61), 2}, {strings.Repeat("س", 100), 2}, {strings.Repeat("س", 101), 3},
	} {
		if got := sizes.Count(tc.text); got.Parts != tc.want {
			t.Errorf("%d characters are %d parts, want %d", len([]rune(tc.text)), got.Parts, tc.want)
		}
	}
}

func TestForeignNumbers(t *testing.T) {
	for in, want := range map[string]string{
		"09121234567": "+989121234567", "02188776655": "+982188776655", "+447911123456": "+447911123456",
		// Customers' numbers, as panels write them.
		"447911123456": "+447911123456", "00123": "+123", "+12": "+12", "2000": "+982000", "30001234": "+9830001234", "500012345": "+98500012345", "100012345678": "+98100012345678",
	} {
		n := sms.Normalize(in)
		if got := string(n.International()); got != want {
			t.Errorf("International of %q is %q, want %q", in, got, want)
		}
		if got, want := n.Foreign(), !strings.HasPrefix(want, "+98"); got != want {
			t.Errorf("%q is foreign: %t, want %t", in, got, want)
		}
	}
}

// TestCountAtOnce is for the race detector, in a process in which nothing was counted before: go test -race -run AtOnce ./sms.
func TestCountAtOnce(t *testing.T) {
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if got := sms.StandardParts.Count("hello €"); got.Parts != 1 {
				t.Errorf("got %+v", got)
			}
		})
	}
	all.Wait()
}

func FuzzParseRecipient(f *testing.F) {
	for _, s := range []string{"09121234567", "+44 7911 123456", "۰۹۱۲", "x", "00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, err := sms.ParseRecipient(s)
		if err != nil {
			return
		}
		again, err := sms.ParseRecipient(string(n))
		if err != nil || again != n {
			t.Errorf("ParseRecipient(%q) = %q, and again %q, %v", s, string(n), string(again), err)
		}
		if got := sms.Normalize(s); got != n {
			t.Errorf("Normalize(%q) = %q, want %q", s, string(got), string(n))
		}
	})
}
