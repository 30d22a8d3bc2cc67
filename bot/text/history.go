package text

import (
	"strconv"
	"strings"
	"time"
	"unicode/utf16"

	"peyk/sms"
	"peyk/store"
	"peyk/telegram"
)

// Told is an SMS as lists tell of it: an outbound one with the words of its order.
type Told struct {
	store.SMS
	Agent string // HTML: who ordered it
	Fared string // how far it has come
}

// historyMark begins the first line of a page of a customer's SMS, and of no other message of ours.
const historyMark = "🕘"

// History returns a page of what a customer wrote and was sent, in order, as HTML. The customer's number stands alone in the first line; each SMS
// has two lines of the quote, a head and its words, so that no words pass for a head. HistoryOf reads it back. Words are cut so that all SMS fit.
func History(t *Language, n sms.Number, name string, page []Told, now time.Time) string {
	title := t.Say(t.historyHead, Code(Short(string(n), NameRunes)))
	if name != "" {
		title += "\n<b>" + Isolated(name) + "</b>"
	}
	left := MessageUnits - shownUnits(t, title) - 1
	heads, words := make([]string, len(page)), make([]string, len(page))
	for i, m := range page {
		heads[i], words[i] = toldHead(t, m, now), oneLine(wordsOf(t, m.SMS))
		left -= shownUnits(t, heads[i]) + 3 // two ends of lines, and … where words are cut
	}
	most := longestThatFits(words, left)
	lines := make([]string, len(page))
	for i := range page {
		if units(words[i]) > most {
			words[i] = split(words[i], most)[0] + "…"
		}
		lines[i] = "<b>" + heads[i] + "</b>\n" + Escape(words[i])
	}
	return title + "\n<blockquote expandable>" + strings.Join(lines, "\n") + "</blockquote>"
}

// toldHead returns the line above the words of an SMS in a list about one customer. It ends with the short id.
func toldHead(t *Language, m Told, now time.Time) string {
	line := Escape(Short(string(m.Line), NameRunes))
	if m.Direction == sms.Inbound {
		return t.Say(t.historyIn, t.Clock(cameAt(m.SMS), now), line, ShortID(m.Seq))
	}
	return t.Say(t.historyOut, t.Clock(cameAt(m.SMS), now), line, m.Agent, m.Fared, ShortID(m.Seq))
}

// cameAt returns the time of an SMS that is shown: the panel's if it gave one.
func cameAt(m store.SMS) time.Time {
	if m.Time.IsZero() {
		return m.Received
	}
	return m.Time
}

// oneLine returns foreign words on one line.
func oneLine(s string) string {
	s = strings.Join(strings.Fields(strings.ToValidUTF8(s, "\uFFFD")), " ")
	if Blank(s) {
		s = "∅" + s
	}
	return s
}

// longestThatFits returns to how many UTF-16 units words must be cut so that all together take at most room.
func longestThatFits(words []string, room int) int {
	low, high := 1, MessageUnits
	for low < high {
		middle, all := (low+high+1)/2, 0
		for _, w := range words {
			all += min(units(w), middle)
		}
		if all <= room {
			low = middle
		} else {
			high = middle - 1
		}
	}
	return low
}

func shownUnits(t *Language, html string) int { return units(Plain(t.SetApart(html))) }

// units returns the length of s as Telegram counts it.
func units(s string) (n int) {
	for _, r := range s {
		n += utf16.RuneLen(r)
	}
	return n
}

// HistoryOf returns whose SMS our message m is a page of, as it names them, and which; ok is false if it is none.
func HistoryOf(m *telegram.Message) (customer string, shown []store.Seq, ok bool) {
	first, _, _ := strings.Cut(m.Text, "\n")
	customer, ok = strings.CutPrefix(withoutMarks(first), historyMark+" ")
	if !ok || len(m.Blocks) != 1 {
		return "", nil, false
	}
	for i, line := range strings.Split(inBlock(m), "\n") {
		if i%2 != 0 {
			continue
		}
		seq, ok := lastShortID(line)
		if !ok {
			return "", nil, false
		}
		shown = append(shown, seq)
	}
	return customer, shown, true
}

// inBlock returns the text of the only block of m.
func inBlock(m *telegram.Message) string {
	before, _ := telegram.CutUTF16(m.Text, m.Blocks[0].From)
	upTo, _ := telegram.CutUTF16(m.Text, m.Blocks[0].To)
	return upTo[len(before):]
}

// Says reports whether a page names n as its customer.
func Says(customer string, n sms.Number) bool {
	return customer != "" && customer == withoutMarks(Short(string(n), NameRunes))
}

// Quoted returns which of the n SMS that our message m shows holds the place at, in UTF-16 units of its text; -1 when that cannot be told.
func Quoted(m *telegram.Message, n, at int) int {
	switch {
	case at < 0:
		return -1
	case len(m.Blocks) == n: // the head of an SMS stands just before its block
		for i, block := range m.Blocks {
			before, _ := telegram.CutUTF16(m.Text, block.From)
			head := units(before[:1+strings.LastIndexByte(strings.TrimRight(before, "\n"), '\n')])
			if at >= head && at < block.To {
				return i
			}
		}
	case len(m.Blocks) == 1 && at >= m.Blocks[0].From && at < m.Blocks[0].To: // of a page
		before, _ := telegram.CutUTF16(inBlock(m), at-m.Blocks[0].From)
		if i := strings.Count(before, "\n") / 2; i < n {
			return i
		}
	}
	return -1
}

// lastShortID returns the SMS that the last id in a line of ours names: foreign words before it may look like one.
func lastShortID(line string) (store.Seq, bool) {
	words := strings.Fields(withoutMarks(line))
	if len(words) == 0 {
		return 0, false
	}
	id, ok := strings.CutPrefix(words[len(words)-1], "#s")
	seq, err := strconv.ParseUint(id, 36, 64)
	return store.Seq(seq), ok && err == nil
}
