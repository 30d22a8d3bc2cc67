package bot

import (
	"slices"
	"strings"
	"testing"
	"unicode"

	"peyk/sms"
)

func TestReadSend(t *testing.T) {
	const a, b, c = "09121111111", "09122222222", "09123333333"
	for _, tc := range []struct {
		name, in string
		to       []sms.Number
		wrong    []string
		words    string
	}{
		{"one number", "09121111111 hello", []sms.Number{a}, nil, "hello"},
		{"a text of several lines", "09121111111 hello\n  world\n\nbye", []sms.Number{a}, nil, "hello\n  world\n\nbye"},
		{"the text on the next line", "09121111111\nhello", []sms.Number{a}, nil, "hello"},
		{"commas", "09121111111,09122222222,09123333333 hello", []sms.Number{a, b, c}, nil, "hello"},
		{"commas and spaces", "09121111111 , 09122222222, 09123333333 hello", []sms.Number{a, b, c}, nil, "hello"},
		{"persian commas", "۰۹۱۲۱۱۱۱۱۱۱، ۰۹۱۲۲۲۲۲۲۲۲؛ ۰۹۱۲۳۳۳۳۳۳۳ سلام", []sms.Number{a, b, c}, nil, "سلام"},
		{"spaces", "09121111111 09122222222 hello", []sms.Number{a, b}, nil, "hello"},
		{"lines", "09121111111\n09122222222\r\n09123333333\nhello", []sms.Number{a, b, c}, nil, "hello"},
		{"spaces within a number", "+98 912 111 11 11 0912 222 2222 hello", []sms.Number{a, b}, nil, "hello"},
		{"no-break spaces within a number", "0912\u00a0111\u00a01111 hello", []sms.Number{a}, nil, "hello"},
		{"dashes, brackets and dots", "0912-111-1111 (0912)222-2222 0912.333.3333 hello", []sms.Number{a, b, c}, nil, "hello"},
		{"bidi marks of a copied number", "\u200e09121111111\u200e hello", []sms.Number{a}, nil, "hello"},
		{"the same in four spellings", "09121111111, 9121111111 +989121111111 ۰۰۹۸۹۱۲۱۱۱۱۱۱۱ hello", []sms.Number{a}, nil, "hello"},
		{"a comma too many", "09121111111, hello", []sms.Number{a}, nil, "hello"},
		{"a foreign number", "+447911123456 hello", []sms.Number{"+447911123456"}, nil, "hello"},
		{"a foreign number in groups, the first of which would do", "+27 82 123 4567 hello", []sms.Number{"+27821234567"}, nil, "hello"},
		{"groups of two in Austria", "+43 664 123 45 67, 0912 111 1111 hello", []sms.Number{"+436641234567", a}, nil, "hello"},
		{"groups in Finland", "00358 40 123 4567\nhello", []sms.Number{"+358401234567"}, nil, "hello"},
		{"a sum behind a foreign number in one word", "+436641234567 500 euro", []sms.Number{"+436641234567"}, nil, "500 euro"},
		{"a digit behind a foreign number in groups", "+43 664 1234567 2 boxes", []sms.Number{"+436641234567"}, nil, "2 boxes"},

		{"no text", "09121111111", []sms.Number{a}, nil, ""},
		{"no number", "hello", nil, nil, "hello"},
		{"nothing", "", nil, nil, ""},

		{"a digit too few", "0912111111 hello", nil, []string{"0912111111"}, "hello"},
		{"a digit too many", "091211111111 hello", nil, []string{"091211111111"}, "hello"},
		{"a wrong one among right ones", "09121111111,0912,09122222222 hello", []sms.Number{a, b}, []string{"0912"}, "hello"},
		{"a wrong one at the end", "09121111111 091222222222 hello", []sms.Number{a}, []string{"091222222222"}, "hello"},
		{"a letter for a zero", "09121111111 0912222222O hello", []sms.Number{a}, []string{"0912222222O"}, "hello"},
		{"a slash between", "09121111111 09122222222/09123333333 hello", []sms.Number{a}, []string{"09122222222/09123333333"}, "hello"},
		{"a plus between", "09121111111+09122222222 hello", nil, []string{"09121111111+09122222222"}, "hello"},
		{"no space between", "0912111111109122222222 hello", nil, []string{"0912111111109122222222"}, "hello"},
		{"every wrong one", "0912,0913,0914 hello", nil, []string{"0912", "0913", "0914"}, "hello"},

		{"a sum begins the text", "09121111111 500 toman", []sms.Number{a}, nil, "500 toman"},
		{"a date begins the text", "09121111111 1403/05/12 is the day", []sms.Number{a}, nil, "1403/05/12 is the day"},
		{"a time begins the text", "09121111111 12:30، منتظریم", []sms.Number{a}, nil, "12:30، منتظریم"},
		{"a card begins the text", "09121111111 6037-9975-1234-5678 is ours", []sms.Number{a}, nil, "6037-9975-1234-5678 is ours"},
		{"a number later in the text", "09121111111 call 09122222222", []sms.Number{a}, nil, "call 09122222222"},
		// What may be either is asked about, by naming it as wrong or by the question before two recipients.
		{"a sum with commas", "09121111111 1,500,000 toman", []sms.Number{a}, nil, "1,500,000 toman"},
		{"a sum with persian digits", "09121111111 ۱۲،۵۰۰ تومان", []sms.Number{a}, nil, "۱۲،۵۰۰ تومان"},
		{"a digit of the text does not mend a number", "0912345678 9 sharp tomorrow", nil, []string{"0912345678"}, "9 sharp tomorrow"},
		{"a slip in a list", "09121111111 123, 09122222222 hello", []sms.Number{a, b}, []string{"123"}, "hello"},
		{"a number begins the text", "09121111111 09122222222 is our new number", []sms.Number{a, b}, nil, "is our new number"},
	} {
		to, wrong, words := readSend(tc.in)
		if !slices.Equal(to, tc.to) || !slices.Equal(wrong, tc.wrong) || words != tc.words {
			t.Errorf("%s: readSend(%q) = %q, %q, %q, want %q, %q, %q", tc.name, tc.in, plainNumbers(to), wrong, words, plainNumbers(tc.to), tc.wrong, tc.words)
		}
	}
}

// plainNumbers unmasks numbers for a test's own output.
func plainNumbers(masked []sms.Number) []string {
	var plain []string
	for _, n := range masked {
		plain = append(plain, string(n))
	}
	return plain
}

func FuzzReadSend(f *testing.F) {
	for _, seed := range []string{
		"09121111111 hello", "+98 912 111 11 11, ۰۹۱۲۲۲۲۲۲۲۲؛0912 سلام", "0912\u00a0111 1111\n\n09121111111/0912 x", ",,,", "+", "\xff0912\xc2", "1,500 toman",
		"\u200e\u202e09121111111\u2069,", "0 0 0 0 0 0 0 0 9", "(((0912)))",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		to, wrong, words := readSend(in)
		if held := disguisedNumber(in); held != "" && !hasDigit(normalizeWord(held)) {
			t.Errorf("%q is taken for a number", held)
		}
		seen := map[sms.Number]bool{}
		for _, n := range to {
			if again, err := sms.ParseRecipient(string(n)); err != nil || again != n {
				t.Errorf("readSend(%q) returns the number %q, which reads as %q, %v", in, string(n), string(again), err)
			}
			if seen[n] {
				t.Errorf("readSend(%q) returns %q twice", in, string(n))
			}
			seen[n] = true
		}
		if !strings.HasSuffix(in, words) {
			t.Errorf("readSend(%q) has the text %q, which is not what it ends with", in, words)
		}
		for _, w := range wrong {
			if w == "" || !strings.Contains(in, w) || strings.ContainsFunc(w, unicode.IsSpace) {
				t.Errorf("readSend(%q) names %q as wrong", in, w)
			}
		}
	})
}
