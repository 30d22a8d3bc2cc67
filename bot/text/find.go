package text

import (
	"strings"
	"time"
	"unicode"

	"peyk/sms"
	"peyk/store"
	"peyk/telegram"
)

// findMark begins the first line of a list of SMS that were found, behind it the words, and of no other message of ours.
const findMark = "🔎"

// queryRunes is how much of what is sought counts.
const queryRunes = 100

// Query returns what is sought as it is repeated in the list: on one line, without what cannot be seen but half-spaces.
func Query(s string) string {
	s = strings.TrimSuffix(Short(strings.Join(strings.Fields(s), " "), queryRunes), "…")
	return strings.TrimSpace(s)
}

// leastWords is how much of each SMS in a list is shown at least, in UTF-16 units.
const leastWords = 20

// Hit is an SMS that was found.
type Hit struct {
	Told
	Name string // of its customer
	Link string // of the message that shows it; "" where Telegram has none
}

// Hits returns a list of what was found for a query, and what it says of customers, as HTML. Each SMS stands as a shown one does, so that a reply finds it.
// Words are cut so that all SMS fit, and of customers as many are told of as leave room for leastWords of each.
func Hits(t *Language, query string, customers []store.Customer, hits []Hit, now time.Time) string {
	lines := []string{t.Say(t.findHead, "\u2068"+Escape(query)+"\u2069")}
	answer := ""
	if len(hits) > 0 {
		answer = "\n" + t.Say(t.FindAnswer, ShortID(hits[0].Seq))
	}
	left := MessageUnits - shownUnits(t, lines[0]+answer)
	heads, words := make([]string, len(hits)), make([]string, len(hits))
	for i, h := range hits {
		heads[i], words[i] = hitHead(t, h, now), split(h.Text, MessageUnits)[0]
		left -= shownUnits(t, heads[i]) + 3 // two ends of lines, and … where words are cut
	}
	for _, c := range customers {
		line := "\n" + t.Say(t.CardHead, "<b>"+Isolated(c.Name)+"</b> · "+Code(Short(string(c.Number), NameRunes)))
		rest := left - shownUnits(t, line)
		if rest < leastWords*len(hits) {
			break
		}
		left, lines[0] = rest, lines[0]+line
	}
	lines[0] += answer
	most := longestThatFits(words, left)
	for i := range hits {
		if units(words[i]) > most {
			words[i] = split(words[i], most)[0] + "…"
		}
		lines = append(lines, heads[i], quoted(words[i]))
	}
	return strings.Join(lines, "\n")
}

// hitHead returns the line above the words of an SMS in a list. Its time leads to the message that shows it.
func hitHead(t *Language, h Hit, now time.Time) string {
	if h.Direction == sms.Inbound {
		return head(t, h.SMS, h.Name, h.Link, now)
	}
	customer := Code(Short(string(h.Customer), NameRunes))
	if h.Name != "" {
		customer += " " + Isolated(h.Name)
	}
	return t.Say(t.sentHead, customer, Code(Short(string(h.Line), NameRunes)), linked(t.Clock(cameAt(h.SMS), now), h.Link), h.Agent, h.Fared, ShortID(h.Seq))
}

// linked returns our words as HTML that leads somewhere.
func linked(words, link string) string {
	if link == "" {
		return words
	}
	return `<a href="` + link + `">` + words + "</a>"
}

// QueryOf returns what our message m is a list for; ok is false if it is none.
func QueryOf(m *telegram.Message) (query string, ok bool) {
	first, _, _ := strings.Cut(m.Text, "\n")
	first = strings.Map(func(r rune) rune {
		if r != '\u200c' && unicode.Is(unicode.Cf, r) {
			return -1
		}
		return r
	}, first)
	return strings.CutPrefix(first, findMark+" ")
}
