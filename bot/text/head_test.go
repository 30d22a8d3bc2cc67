package text

import (
	"html"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"peyk/sms"
	"peyk/store"
	"peyk/telegram"
)

var midday = time.Date(2026, 3, 21, 12, 0, 0, 0, time.UTC)

func inbound(customer, text string) store.SMS {
	m := store.SMS{Seq: 71}
	m.Customer, m.Line, m.Text, m.Time, m.Received = sms.Number(customer), "30001234", text, midday, midday
	return m
}

// seen undoes HTML as Telegram does: tags go, then entities are read.
func seen(markup string) string {
	return html.UnescapeString(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(markup, ""))
}

func unitsOf(s string) int { return len(utf16.Encode([]rune(s))) }

// smsShown puts the parts of a shown SMS together again and checks each: it fits into a chat message, its head is one line and the
// plain form says the same.
func smsShown(t *testing.T, shown []telegram.Outgoing) string {
	t.Helper()
	var text strings.Builder
	for _, o := range shown {
		head, block, found := strings.Cut(o.HTML, "\n<blockquote>")
		block, closed := strings.CutSuffix(block, "</blockquote>")
		if !found || !closed || strings.ContainsAny(block, "<>") || strings.Contains(head, "\n") {
			t.Fatalf("the markup is broken: %q", o.HTML)
		}
		if n := unitsOf(seen(o.HTML)); n > MessageUnits {
			t.Errorf("a part has %d units, more than %d", n, MessageUnits)
		}
		if n := unitsOf(o.Plain); n > MessageUnits {
			t.Errorf("a plain part has %d units, more than %d", n, MessageUnits)
		}
		if len(o.HTML) > 32768 {
			t.Errorf("the markup of a part has %d bytes", len(o.HTML))
		}
		if got, want := o.Plain, seen(head)+"\n"+seen(block); got != want {
			t.Errorf("plain is %q, want %q", got, want)
		}
		text.WriteString(seen(block))
	}
	return text.String()
}

// asShown is a shown SMS as it comes back with a reply to it.
func asShown(plain string) *telegram.Message {
	head, _, _ := strings.Cut(plain, "\n")
	return &telegram.Message{Text: plain, Blocks: []telegram.Block{{From: unitsOf(head) + 1, To: unitsOf(plain)}}}
}

// namedIn returns the ids in the heads of m.
func namedIn(m *telegram.Message) []store.Seq {
	var named []store.Seq
	for _, head := range HeadsOf(m) {
		if seq, ok := ReadShortID(head); ok {
			named = append(named, seq)
		}
	}
	return named
}

func FuzzShow(f *testing.F) {
	f.Add("09121234567", "سلام <b>&amp; وقت بخیر</b>", uint16(1))
	f.Add("", "from nobody", uint16(2))
	f.Add("<i>Bank</i>", "📩 09120000000 → 30001234 · 12:00 · #s1\nsend me your password", uint16(300))
	f.Add("\u202eknaB\n\u2066", "</blockquote>\x00\x1b[31m\xff", uint16(5000))
	f.Add(strings.Repeat("n", 5000), "   \n", uint16(400))
	f.Add("\u200cknaB\n\u2066", "hello", uint16(1))
	f.Fuzz(func(t *testing.T, customer, text string, times uint16) {
		text = strings.Repeat(text, 1+int(times)%64)
		shown := SMS(&English, inbound(customer, text), "", true, midday)
		got, want := smsShown(t, shown), strings.ToValidUTF8(text, "\uFFFD")
		if got != want && got != "∅"+want {
			t.Errorf("an SMS of %q is shown as %q", want, got)
		}
		if named := namedIn(asShown(shown[0].Plain)); !slices.Equal(named, []store.Seq{71}) {
			t.Errorf("%.300q names the SMS %d, want 71", shown[0].Plain, named)
		}
		if !NamesCustomer(shown[0].Plain, inbound(customer, "")) {
			t.Errorf("%.300q does not name the customer %q", shown[0].Plain, customer)
		}
	})
}

func FuzzSplit(f *testing.F) {
	f.Add("hello world\nand all", 7)
	f.Add("😀😀😀", 2)
	f.Add("سلام\u200cدنیا", 3)
	f.Add("  \n ", 2)
	f.Add("\xff\xfe", 10)
	f.Add("😀a", 1)
	f.Fuzz(func(t *testing.T, text string, limit int) {
		if limit > MessageUnits {
			t.Skip()
		}
		parts := split(text, limit)
		for _, part := range parts {
			if n := unitsOf(part); n > max(limit, 2) || // an emoji is not halved
				n == 0 || !utf8.ValidString(part) {
				t.Errorf("split(%q, %d) has the part %q of %d units", text, limit, part, n)
			}
		}
		got, want := strings.Join(parts, ""), strings.ToValidUTF8(text, "\uFFFD")
		if got != want && got != "∅"+want {
			t.Errorf("split(%q, %d) joined is %q", text, limit, got)
		}
	})
}

func TestSMSThatLooksLikeAHead(t *testing.T) {
	fake := "📩 09120000000 → 30001234 · 12:00 · #s1"
	for _, text := range []string{fake + "\nhi", "hi\n" + fake, "</blockquote>" + fake, fake + " · #s2"} {
		shown := SMS(&English, inbound("09121234567", text), "", false, midday)
		if got := smsShown(t, shown); got != text {
			t.Errorf("shown is %q, want %q", got, text)
		}
		if head, _, _ := strings.Cut(shown[0].HTML, "\n"); strings.Contains(head, "09120000000") {
			t.Errorf("the head is the customer's: %q", head)
		}
		for _, m := range []*telegram.Message{asShown(shown[0].Plain), {Text: shown[0].Plain}} {
			if named := namedIn(m); !slices.Equal(named, []store.Seq{71}) {
				t.Errorf("a reply to it would go to SMS %d", named)
			}
		}
	}
	// What is not one of our heads names no SMS, whatever a stranger calls a group, or a sender calls himself.
	for _, said := range []string{"#s1", "hi #s1", "⚠️ 📩 #s1 added me", "<📩 #s1", "📩 no id", "📩 #sß", "📩 #s99999999999999999999", ""} {
		if seq, ok := ReadShortID(said); ok {
			t.Errorf("%q names SMS %d", said, seq)
		}
	}
}

func TestHeadHidesAndTurnsNothing(t *testing.T) {
	name := "Ba\u202enk\u2066\u200f\u200d\ufeff\u00ad\x07\x1b\u0085\n<b>09120000000</b> → 1"
	shown := SMS(&English, inbound(name, "hi"), "", false, midday)[0]
	want := "📩 Bank <b>09120000000</b> → 1 → 30001234 · 12:00 · #s1z\nhi"
	if got := seen(shown.HTML); strings.ReplaceAll(got, "  ", " ") != want {
		t.Errorf("shown is %q, want %q", got, want)
	}
	if !strings.Contains(Short("می\u200cشود", NameRunes), "\u200c") {
		t.Error("short takes the joiner out of Persian words")
	}
}

func TestLongAndEmptySMS(t *testing.T) {
	words := strings.Repeat("پیامک بلند ", 2000)
	for _, tc := range []struct {
		name, text string
		parts      int
	}{
		{"2,000 characters", words[:len(strings.Repeat("پیامک بلند ", 182))], 1},
		{"22,000 characters", words, 6},
		{"20,000 emoji", strings.Repeat("😀", 20_000), 11},
		{"20,000 characters that markup makes long", strings.Repeat(`"<&>'`, 4000), 6},
		{"empty", "", 1},
		{"spaces", " \n\t ", 1},
		{"20,000 spaces", strings.Repeat(" ", 20_000), 6},
		{"control characters", "\x00\x01\x1b", 1},
		{"marks that show nothing", "\u200e\u200f\u2066\u2069\ufeff", 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			shown := SMS(&English, inbound(strings.Repeat("M", 3000), tc.text), "", true, midday)
			if len(shown) != tc.parts {
				t.Errorf("it takes %d messages, want %d", len(shown), tc.parts)
			}
			if got := smsShown(t, shown); strings.TrimPrefix(got, "∅") != tc.text {
				t.Errorf("shown is %.200q, want %.200q", got, tc.text)
			}
		})
	}
}
