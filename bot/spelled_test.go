package bot

import (
	"strings"
	"testing"

	"peyk/telegram"
)

// FuzzSpelled: what is added to a text are addresses and spaces, wherever somebody says that links are.
func FuzzSpelled(f *testing.F) {
	f.Add("see this and that", "this and that", 4, 8, "https://e.ir/1", 0, 17, "tel:+98")
	f.Add("😀 a\n b ", "b", 0, 5, "x", 7, 9, "tg://user?id=1")
	f.Add("سلام", "لام", 8, 2, "mailto:", -1, 99, "")
	f.Fuzz(func(t *testing.T, text, words string, from, to int, one string, from2, to2 int, two string) {
		if !strings.HasSuffix(text, words) {
			return
		}
		within := func(n int) int { return max(0, min(n, len(text))) }
		m := &telegram.Message{Text: text, Links: []telegram.Link{{From: within(from), To: within(to), Address: one}, {From: within(from2), To: within(to2), Address: two}}}
		written := withAddresses(m, words)
		rest := written
		for _, r := range []byte(words) { // all of it is there, in its order
			at := strings.IndexByte(rest, r)
			if at < 0 {
				t.Fatalf("%q with links to %q and %q is written %q", words, one, two, written)
			}
			rest = rest[at+1:]
		}
		firstAddress(m, words)
		if m.Links = nil; withAddresses(m, words) != words {
			t.Errorf("%q without links becomes %q", words, withAddresses(m, words))
		}
	})
}
