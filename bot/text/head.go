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

// MessageUnits is how much text one chat message holds, in UTF-16 units without its markup.
const MessageUnits = 4096

// headUnits is kept free for a head.
const headUnits = 256

// SMS returns the messages that show an SMS, as many as it takes: a head on the first line, then the customer's words in a block quote, so
// that no SMS can pass for a head.
func SMS(t *Language, m store.SMS, name string, repeated bool, now time.Time) []telegram.Outgoing {
	head := Head(t, m, name, now)
	parts := split(wordsOf(t, m), MessageUnits-headUnits)
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

// wordsOf returns the text of an SMS, or how often it came when repeats are counted instead of shown.
func wordsOf(t *Language, m store.SMS) string {
	if m.Times > 1 {
		return t.Say(t.times, m.Times)
	}
	return m.Text
}

// Digest returns the message that shows several SMS; names are those of their customers. They must fit: see DigestSize.
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

// DigestMost is how many SMS a digest may hold. Telegram keeps a hundred entities in a message and drops the rest: a digest has one of its
// own and three for each SMS. Without the block of its SMS a reply would not find it.
const DigestMost = 32

// DigestSize returns how many of messages, from the first on, fit in one chat message; names are those of their customers. It is at least
// 1.
func DigestSize(messages []store.SMS, names []string) int {
	units := headUnits
	for i, m := range messages {
		if units += unitsInDigest(m, names[i]); units > MessageUnits {
			return max(i, 1)
		}
	}
	return len(messages)
}

// unitsInDigest returns an upper bound of the room that an SMS takes in a digest.
func unitsInDigest(m store.SMS, name string) int {
	units := 48 // of its head without the name and the two numbers: times, id, separators
	if m.Verbatim {
		units += longest(func(t *Language) string { return t.verbatim })
	}
	if m.Away {
		units += longest(func(t *Language) string { return t.getsAway })
	}
	if m.Customer == "" {
		units += longest(func(t *Language) string { return t.noSender })
	}
	for _, r := range m.Text + Short(name, NameRunes) + Short(string(m.Customer), NameRunes) + Short(string(m.Line), NameRunes) {
		units += utf16.RuneLen(r)
	}
	return units
}

// longest returns the length of a sentence in the longest language, in bytes, which is never less than in UTF-16 units.
func longest(sentence func(*Language) string) int {
	n := 0
	for _, t := range Languages {
		n = max(n, len(sentence(t)))
	}
	return n
}

func quoted(s string) string { return "<blockquote>" + Escape(s) + "</blockquote>" }

// Head returns the line above the words of an SMS: customer, line, time and short id. ReadShortID and NamesCustomer read it back.
func Head(t *Language, m store.SMS, name string, now time.Time) string {
	return head(t, m, name, "", now)
}

// head is Head whose time leads somewhere, if link is not empty.
func head(t *Language, m store.SMS, name, link string, now time.Time) string {
	at := m.Time
	if at.IsZero() {
		at = m.Received
	}
	when := t.Clock(at, now)
	// A panel's clock or time zone may be wrong by hours: then our own time is said too.
	if d := m.Received.Sub(at); d > time.Hour || d < -10*time.Minute {
		when += t.Say(t.arrivedAt, t.Clock(m.Received, now))
	}
	customer := t.sender(m.Customer)
	if name != "" {
		customer += " " + Isolated(name)
	}
	said := t.Say(t.smsHead, customer, Code(Short(string(m.Line), NameRunes)), linked(when, link), ShortID(m.Seq))
	if m.Verbatim {
		said += " · " + t.verbatim
	}
	if m.Away {
		said += " · " + t.getsAway
	}
	return said
}

// headMark begins the head of every shown SMS, and no other message of ours.
const headMark = "📩"

// sentMark begins the head of an SMS that we sent, in lists.
const sentMark = "📤"

// cutMark returns what follows the mark of the head of an SMS.
func cutMark(head string) (said string, ok bool) {
	if said, ok = strings.CutPrefix(head, headMark+" "); !ok {
		said, ok = strings.CutPrefix(head, sentMark+" ")
	}
	return said, ok
}

// ShortID names an SMS in the message that shows it, so that a reply finds it even if we never learned the id of that message.
func ShortID(seq store.Seq) string { return "#s" + strconv.FormatUint(uint64(seq), 36) }

// HeadsOf returns the heads in a message of ours. A head is the line before a block of a customer's words, so that no words pass for a
// head; without blocks only the first line can be one.
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

// NamesCustomer reports whether head is that of an SMS of m's customer.
func NamesCustomer(head string, m store.SMS) bool {
	said, _ := cutMark(withoutMarks(head))
	names := func(who string) bool { return strings.HasPrefix(said, withoutMarks(who)+" ") }
	if m.Customer == "" {
		for _, t := range Languages { // the chat may have spoken another when it was shown
			if names(t.noSender) {
				return true
			}
		}
		return false
	}
	// An earlier version may have spelled the number differently.
	who, _, _ := strings.Cut(said, " ")
	return names(Short(string(m.Customer), NameRunes)) || said != "" && sms.Normalize(who) == m.Customer
}

// withoutMarks removes bidi marks: those that isolate words in Persian, and those that a sender's name may contain.
func withoutMarks(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Cf, r) {
			return -1
		}
		return r
	}, s)
}

// ReadShortID returns the SMS that the short id in a head names.
func ReadShortID(head string) (store.Seq, bool) {
	if _, ok := cutMark(head); !ok {
		return 0, false // another message of ours, which may quote anything
	}
	for _, word := range slices.Backward(strings.Fields(head)) { // the id comes last: a customer's name before it may look like one
		if id, ok := strings.CutPrefix(word, "#s"); ok {
			seq, err := strconv.ParseUint(id, 36, 64)
			return store.Seq(seq), err == nil
		}
	}
	return 0, false
}
