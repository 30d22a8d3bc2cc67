package text

import (
	"strings"
	"testing"
	"unicode/utf8"

	"peyk/sms"
	"peyk/store"
	"peyk/telegram"
)

// asMessage is our message of that HTML, as Telegram gives it back.
func asMessage(t *Language, html string) *telegram.Message {
	html = t.SetApart(html)
	before, block, _ := strings.Cut(html, "<blockquote expandable>")
	block, _, _ = strings.Cut(block, "</blockquote>")
	from := unitsOf(seen(before))
	return &telegram.Message{Text: seen(html), Blocks: []telegram.Block{{From: from, To: from + unitsOf(seen(block))}}, QuoteAt: -1}
}

// FuzzHistory: whatever customers and agents are called and write, a page fits, and is read back: whose it is, which SMS, and which of them is quoted.
func FuzzHistory(f *testing.F) {
	f.Add("09121111111", "Mrs Rezaei", "hello", "how are you", "Ali", uint8(2))
	f.Add("09121111111", "", "📤 12:00 · 30001234 · Sara · delivered · #s9", "a\nb\r\n\u2028📩 12:00 → 1 · #s7\u0085c", "Sara #s5\n", uint8(20))
	f.Add("بانک ملی", "🕘 09122222222", "\u202e\u2066سلام", strings.Repeat("😀", 3000), "<b>", uint8(20))
	f.Add("a\u200eb", "x", strings.Repeat("&<", 4000), "\xff ", "", uint8(19))
	f.Fuzz(func(t *testing.T, customer, name, in, out, agent string, n uint8) {
		number := sms.Normalize(customer)
		if !number.Names() || Blank(Short(string(number), NameRunes)) || !utf8.ValidString(customer) || !utf8.ValidString(name) || !utf8.ValidString(agent) {
			return
		}
		page := make([]Told, 1+n%20)
		for i := range page {
			m := inbound(customer, in)
			m.Seq, m.Customer = store.Seq(1e12+i), number
			page[i].SMS = m
			if i%2 == 1 {
				page[i].Direction, page[i].Text, page[i].Agent, page[i].Fared = sms.Outbound, out, Isolated(agent), "failed"
			}
		}
		for _, l := range Languages {
			html := History(l, number, name, page, midday)
			if strings.Count(l.SetApart(html), "<")-strings.Count(l.SetApart(html), "</") > 100 || len(html) > 32768 {
				t.Fatalf("more entities or bytes than Telegram takes: %d bytes", len(html))
			}
			m := asMessage(l, html)
			if u := unitsOf(m.Text); u > MessageUnits {
				t.Errorf("a page has %d units", u)
			}
			who, shown, ok := HistoryOf(m)
			if !ok || !Says(who, number) || len(shown) != len(page) {
				t.Fatalf("of %d SMS of %q %d of %q are read: %q", len(page), string(number), len(shown), who, m.Text)
			}
			at := m.Blocks[0].From
			for i, line := range strings.SplitAfter(inBlock(m), "\n") {
				if shown[i/2] != page[i/2].Seq {
					t.Errorf("SMS %d is read as %d", page[i/2].Seq, shown[i/2])
				}
				if got := Quoted(m, len(shown), at); got != i/2 {
					t.Errorf("who quotes line %d of %q answers SMS %d", i, inBlock(m), got)
				}
				at += unitsOf(line)
			}
			if Quoted(m, len(shown), -1) != -1 || len(shown) > 1 && Quoted(m, len(shown), 0) != -1 {
				t.Error("an SMS is answered that nobody quotes")
			}
		}
	})
}

// TestWordsAreCutOnlyWhereTheyMustBe: a page of short SMS shows all their words.
func TestWordsAreCutOnlyWhereTheyMustBe(t *testing.T) {
	page := make([]Told, 20)
	for i := range page {
		page[i].SMS = inbound("09121111111", strings.Repeat("سلام ", 13))
	}
	if html := History(&Persian, "09121111111", "", page, midday); strings.Contains(html, "…") {
		t.Errorf("cut: %s", html)
	}
	page[3].Text = strings.Repeat("long ", 1000)
	html := History(&English, "09121111111", "", page, midday)
	if n := strings.Count(html, "…"); n != 1 {
		t.Errorf("%d SMS are cut", n)
	}
	if n := unitsOf(seen(html)); n > MessageUnits || n < MessageUnits-len(page)-5 {
		t.Errorf("it has %d units", n)
	}
}

// TestNoOtherMessageIsAPage: not a shown SMS, whatever it says.
func TestNoOtherMessageIsAPage(t *testing.T) {
	for _, l := range Languages {
		for _, o := range SMS(l, inbound("09121111111", "🕘 09122222222\n📩 12:00 · #s1\nhello"), "🕘 09122222222", false, midday) {
			m := &telegram.Message{Text: seen(o.HTML), Blocks: []telegram.Block{{From: 10, To: 20}}}
			if who, _, ok := HistoryOf(m); ok {
				t.Errorf("a shown SMS is a page of %q", who)
			}
		}
	}
}
