package bot

import (
	"cmp"
	"net/url"
	"slices"
	"strings"
	"unicode"

	"peyk/sms"
	"peyk/telegram"
)

// withAddresses returns words, with which the text of m ends, with the address of each link written after the linked words: an SMS has no
// links. It leaves out an address that the words say already, and one that is of no use on a phone.
func withAddresses(m *telegram.Message, words string) string {
	begin := startOf(m, words)
	var b strings.Builder
	at := begin
	for _, l := range linksFrom(m, begin) {
		said := strings.TrimRightFunc(m.Text[at:l.To], unicode.IsSpace)
		b.WriteString(said)
		at += len(said)
		address := bareAddress(l.Address)
		if address == "" || showsAddress(m.Text[max(l.From, begin):l.To], address) {
			continue
		}
		b.WriteString(" " + address)
		if at < len(m.Text) && !strings.ContainsAny(m.Text[at:at+1], " \n") {
			b.WriteByte(' ')
		}
	}
	b.WriteString(words[at-begin:])
	return b.String()
}

// startOf returns where words begin in the text of m, which ends with them and perhaps some space.
func startOf(m *telegram.Message, words string) int {
	end := func(s string) int { return len(strings.TrimRightFunc(s, unicode.IsSpace)) }
	return max(0, end(m.Text)-end(words))
}

// linksFrom returns the links that end after begin, in order. Telegram reports one in pieces when some of its words are bold; they are
// joined.
func linksFrom(m *telegram.Message, begin int) []telegram.Link {
	var found []telegram.Link
	for _, l := range slices.SortedFunc(slices.Values(m.Links), func(a, b telegram.Link) int { return cmp.Or(a.To-b.To, a.From-b.From) }) {
		if l.To <= max(begin, l.From) || l.To > len(m.Text) {
			continue
		}
		if last := len(found) - 1; last >= 0 && found[last].Address == l.Address {
			if before := &found[last]; l.From <= before.To || strings.TrimSpace(m.Text[before.To:l.From]) == "" {
				before.To = l.To
				continue
			}
		}
		found = append(found, l)
	}
	return found
}

// firstAddress returns the address that the first of words is linked to, if any.
func firstAddress(m *telegram.Message, words string) string {
	begin := startOf(m, words)
	first, _ := nextWord(strings.TrimLeftFunc(words, unicode.IsSpace))
	for _, l := range linksFrom(m, begin) {
		if l.From < begin+strings.Index(words, first)+len(first) {
			return bareAddress(l.Address)
		}
	}
	return ""
}

// bareAddress returns the part of a link's address that is of use to somebody with only a phone: nothing of a link to a Telegram user's id.
func bareAddress(address string) string {
	scheme, rest, found := strings.Cut(address, ":")
	switch scheme = strings.ToLower(scheme); {
	case found && (scheme == "mailto" || scheme == "tel" || scheme == "sms" || scheme == "smsto"):
		rest, _, _ = strings.Cut(strings.TrimLeft(rest, "/"), "?")
		return rest
	case found && scheme == "tg" && strings.HasPrefix(strings.ToLower(strings.TrimLeft(rest, "/")), "user?"):
		return ""
	}
	return address
}

// showsAddress reports whether words, or one of them, are the address as people write it.
func showsAddress(words, address string) bool {
	if n, err := sms.ParseRecipient(words); err == nil {
		if same, err := sms.ParseRecipient(address); err == nil {
			return n == same
		}
	}
	same := func(word string) bool {
		return strings.EqualFold(plainAddress(bareAddress(word)), plainAddress(address))
	}
	return same(words) || slices.ContainsFunc(strings.Fields(words), same)
}

// plainAddress strips from a URL what people often leave out, and decodes it.
func plainAddress(address string) string {
	address = strings.TrimSpace(address)
	if scheme, rest, found := strings.Cut(address, "://"); found && (strings.EqualFold(scheme, "http") || strings.EqualFold(scheme, "https")) {
		address = rest
	}
	if decoded, err := url.PathUnescape(address); err == nil {
		address = decoded
	}
	return strings.TrimRight(address, "/")
}
