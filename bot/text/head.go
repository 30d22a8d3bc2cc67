package text

import (
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf16"

	"peyk/sms"
	"peyk/store"
	"peyk/telegram"
)

// MessageUnits is what one chat message holds, in UTF-16 units after its markup is read.
const MessageUnits = 4096

// HeadUnits is kept free for the head of an SMS.
const HeadUnits = 256

// SMS returns what shows an SMS, in as many messages as it takes: a head of ours on the first line, then the customer's words in a
// block of their own, so that no SMS can look like a head.
func SMS(t *Language, m store.SMS, name string, repeated bool, now time.Time) []telegram.Outgoing {
	head := Head(t, m, name, now)
	parts := split(wordsOf(t, m), MessageUnits-HeadUnits)
	shown := make([]telegram.Outgoing, len(parts))
	for i, part := range parts {
		head := head
		if len(parts) > 1 {
			head += t.Say(t.smsPart, i+1, len(parts))
		}
		if repeated {
			head += " · " + t.repeated
		}
		shown[i] = telegram.Outgoing{HTML: head + "\n" + quoted(part), Plain: Plain(head) + "\n" + part, Loud: true}
	}
	return shown
}

// wordsOf returns what an SMS says, or only how often it came where that is counted.
func wordsOf(t *Language, m store.SMS) string {
	if m.Times > 1 {
		return t.Say(t.times, m.Times)
	}
	return m.Text
}

// Digest returns what shows several SMS at once, whose customers have those names. All of them must fit: see Units.
func Digest(t *Language, messages []store.SMS, names []string, repeated bool, now time.Time) telegram.Outgoing {
	head := t.Say(t.digestHead, len(messages), ShortID(messages[0].Seq))
	if repeated {
		head = t.repeated + " · " + head
	}
	o := telegram.Outgoing{HTML: head, Plain: Plain(head), Loud: true}
	for i, m := range messages {
		head, text := Head(t, m, names[i], now), split(wordsOf(t, m), MessageUnits)[0]
		o.HTML += "\n" + head + "\n" + quoted(text)
		o.Plain += "\n" + Plain(head) + "\n" + text
	}
	return o
}

// Units is how much room an SMS takes in a digest at most.
func Units(m store.SMS, name string) int {
	units := 48 // of a head, beside the name and both numbers: the times, the id, what stands between
	if m.Verbatim {
		units += longest(func(t *Language) string { return t.verbatim })
	}
	if m.Customer == "" {
		units += longest(func(t *Language) string { return t.noSender })
	}
	for _, r := range m.Text + Short(name, NameRunes) + Short(string(m.Customer), NameRunes) + Short(string(m.Line), NameRunes) {
		units += utf16.RuneLen(r)
	}
	return units
}

// longest returns the bytes of a sentence in the language that needs most, which are more than its units.
func longest(sentence func(*Language) string) int {
	n := 0
	for _, t := range Languages {
		n = max(n, len(sentence(t)))
	}
	return n
}

func quoted(s string) string { return "<blockquote>" + Escape(s) + "</blockquote>" }

func Head(t *Language, m store.SMS, name string, now time.Time) string {
	at := m.Time
	if at.IsZero() {
		at = m.Received
	}
	when := t.Clock(at, now)
	// A panel's clock, or its zone, may be wrong by hours: then our own time says more.
	if d := m.Received.Sub(at); d > time.Hour || d < -10*time.Minute {
		when += t.Say(t.arrivedAt, t.Clock(m.Received, now))
	}
	customer := t.sender(m.Customer)
	if name != "" {
		customer += " " + Isolated(name)
	}
	head := t.Say(t.smsHead, customer, Code(Short(string(m.Line), NameRunes)), when, ShortID(m.Seq))
	if m.Verbatim {
		head += " · " + t.verbatim
	}
	return head
}

// headMark begins the head of every shown SMS, and no other message of ours.
const headMark = "📩"

// ShortID names an SMS in the text that shows it, so that a reply to a copy whose chat message we never learned finds it.
func ShortID(seq store.Seq) string { return "#s" + strconv.FormatUint(uint64(seq), 36) }

// HeadsOf returns the heads in a message of ours. A head is the line before a customer's words, which stand in blocks of their own, so
// that none of them is taken for one; without blocks only the first line may be a head.
func HeadsOf(m *telegram.Message) []string {
	if len(m.Blocks) == 0 {
		head, _, _ := strings.Cut(m.Text, "\n")
		return []string{withoutMarks(head)}
	}
	var heads []string
	for _, b := range m.Blocks {
		before, _ := telegram.CutUTF16(m.Text, b.From)
		before = strings.TrimRight(before, "\n")
		heads = append(heads, withoutMarks(before[strings.LastIndexByte(before, '\n')+1:]))
	}
	return heads
}

// NamesCustomer tells whether a head is that of an SMS of m's customer.
func NamesCustomer(head string, m store.SMS) bool {
	names := func(who string) bool { return strings.HasPrefix(head, headMark+" "+withoutMarks(who)+" ") }
	if m.Customer == "" {
		for _, t := range Languages { // the chat may have had another then
			if names(t.noSender) {
				return true
			}
		}
		return false
	}
	// A message of before may spell the number otherwise.
	who, _, _ := strings.Cut(strings.TrimPrefix(head, headMark+" "), " ")
	return names(Short(string(m.Customer), NameRunes)) || strings.HasPrefix(head, headMark+" ") && sms.Normalize(who) == m.Customer
}

// withoutMarks takes out the marks that set words apart in Persian, and those a sender's name may have.
func withoutMarks(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Cf, r) {
			return -1
		}
		return r
	}, s)
}

// ReadShortID finds the short id in the head of a shown SMS.
func ReadShortID(head string) (store.Seq, bool) {
	if !strings.HasPrefix(head, headMark) {
		return 0, false // some other message of ours, with foreign words in it
	}
	for _, word := range slices.Backward(strings.Fields(head)) { // a sender's name stands before it and may look alike
		if id, ok := strings.CutPrefix(word, "#s"); ok {
			seq, err := strconv.ParseUint(id, 36, 64)
			return store.Seq(seq), err == nil
		}
	}
	return 0, false
}
