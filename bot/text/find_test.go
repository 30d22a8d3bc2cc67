package text

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"peyk/sms"
	"peyk/store"
	"peyk/telegram"
)

// listed is our message of that HTML with its blocks, as Telegram gives it back.
func listed(t *Language, html string) *telegram.Message {
	html = t.SetApart(html)
	m := &telegram.Message{Text: seen(html), QuoteAt: -1}
	for rest, at := html, 0; ; {
		before, after, found := strings.Cut(rest, "<blockquote>")
		if !found {
			return m
		}
		block, after, _ := strings.Cut(after, "</blockquote>")
		from := at + unitsOf(seen(before))
		at = from + unitsOf(seen(block))
		m.Blocks = append(m.Blocks, telegram.Block{From: from, To: at})
		rest = after
	}
}

// TestAListOfTheLongestNamesFits: some words of each SMS are shown, rather than all customers.
func TestAListOfTheLongestNamesFits(t *testing.T) {
	long := strings.Repeat("😀", NameRunes)
	number := sms.Number(strings.Repeat("BANK", NameRunes/4))
	var hits []Hit
	var customers []store.Customer
	for range 10 {
		m := inbound(string(number), long)
		m.Line, m.Direction = number, sms.Outbound
		hits = append(hits, Hit{Told: Told{SMS: m, Agent: Isolated(long), Fared: "failed"}, Name: long, Link: "https://t.me/c/1234567890/12/1234567"})
		customers = append(customers, store.Customer{Number: number, Name: long})
	}
	for name, l := range Languages {
		list := l.SetApart(Hits(l, long, customers, hits, midday))
		if u := Units(list); u > MessageUnits || !strings.Contains(list, "👤") || strings.Count(list, strings.Repeat("😀", leastWords/2-1)+"…</blockquote>") != len(hits) {
			t.Errorf("%s: %d units: %s", name, u, list)
		}
	}
}

// FuzzHits: whatever customers are called and write, a list fits, and is read back: what was sought, which SMS it shows, and which of them is quoted, if any.
func FuzzHits(f *testing.F) {
	f.Add("order ۱۲۳", "09121111111", "Mrs Rezaei", "hello", uint8(3))
	f.Add("می\u200cروم \u2069\n🔎", "bank\"x", "📩 09122222222 → 1 · 12:00 · #s9", "a\n📩 09122222222 → 1 · 12:00 · #s7\nb", uint8(10))
	f.Add("<b>", "09121111111", "", strings.Repeat("&😀", 3000), uint8(10))
	f.Fuzz(func(t *testing.T, query, customer, name, words string, n uint8) {
		number := sms.Normalize(customer)
		query = Query(query)
		if query == "" || !number.Names() || Blank(Short(string(number), NameRunes)) || !utf8.ValidString(query+customer+name) {
			return
		}
		hits := make([]Hit, 1+n%10)
		var seqs []store.Seq
		for i := range hits {
			m := inbound(customer, words)
			m.Seq, m.Customer = store.Seq(1e12+i), number
			if i%2 == 1 {
				m.Direction = sms.Outbound
			}
			hits[i] = Hit{Told: Told{SMS: m, Agent: Isolated(name), Fared: "failed"}, Name: name, Link: "https://t.me/c/1234567890/12/1234567"}
			seqs = append(seqs, m.Seq)
		}
		known := []store.Customer{{Number: number, Name: name}}
		for _, l := range Languages {
			html := Hits(l, query, known, hits, midday)
			if len(html) > 32768 || strings.Count(l.SetApart(html), "</") > 100 {
				t.Fatalf("more entities or bytes than Telegram takes: %d bytes", len(html))
			}
			m := listed(l, html)
			if u := unitsOf(m.Text); u > MessageUnits {
				t.Errorf("a list has %d units", u)
			}
			if got, ok := QueryOf(m); !ok || got != query {
				t.Errorf("%q is read as %q", query, got)
			}
			var read []store.Seq
			for i, head := range HeadsOf(m) {
				seq, ok := ReadShortID(head)
				if !ok || !NamesCustomer(head, hits[i].SMS) {
					t.Fatalf("the head %q does not name SMS %d of %q", head, hits[i].Seq, string(number))
				}
				read = append(read, seq)
			}
			if !slices.Equal(read, seqs) {
				t.Fatalf("read %v, want %v", read, seqs)
			}
			for i, block := range m.Blocks {
				if got := Quoted(m, len(seqs), block.From); got != i {
					t.Errorf("who quotes the words of hit %d answers %d", i, got)
				}
			}
			if at := strings.Index(m.Text, "👤"); Quoted(m, len(seqs), 0) != -1 || Quoted(m, len(seqs), unitsOf(m.Text[:at])) != -1 {
				t.Error("who quotes what stands above all SMS answers one")
			}
		}
	})
}
