package sandbox

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf16"

	"peyk/sandbox/panel"
	"peyk/sandbox/telegram"
)

// counts is how many SMS are where, as the two networks saw it. The bridge is not asked, so the counts are right whatever becomes of it.
// In each group the first is the sum of the others, at any moment.
type counts struct {
	Written int `json:"written"` // by customers
	Unread  int `json:"unread"`  // wait at the panel
	Fetched int `json:"fetched"` // handed to the bridge and not shown yet
	Lost    int `json:"lost"`    // handed out in an answer that did not arrive, and not shown
	Shown   int `json:"shown"`   // are shown in a chat

	Asked     int `json:"asked"`     // recipients named by the sending calls that reached the panel
	Sent      int `json:"sent"`      // accepted, and the bridge was told
	Refused   int `json:"refused"`   // not accepted, and the bridge was told
	Uncertain int `json:"uncertain"` // the answer never arrived, whether they were accepted or not

	Accepted  int `json:"accepted"` // Sent, and those of Uncertain that went out anyway
	Underway  int `json:"underway"`
	Delivered int `json:"delivered"`
	Failed    int `json:"failed"`
}

// count counts the customers' inbox, of which some are shown, the calls that the panel handled, and what it had accepted by then or later.
func count(inbox []panel.Inbound, shown []bool, requests []panel.Request, sent []panel.SMS) counts {
	c := counts{Written: len(inbox)}
	for i, m := range inbox {
		switch {
		case shown[i]:
			c.Shown++
		case m.Lost:
			c.Lost++
		case m.Fetched:
			c.Fetched++
		default:
			c.Unread++
		}
	}
	for _, r := range requests {
		c.Asked += r.Recipients
		c.Accepted += r.Accepted
		if !r.Answered {
			c.Uncertain += r.Recipients
			continue
		}
		c.Sent += r.Accepted
		c.Refused += r.Recipients - r.Accepted
	}
	for _, m := range sent[:c.Accepted] {
		switch m.Status {
		case 4:
			c.Delivered++
		case 2, 5, 6:
			c.Failed++
		default:
			c.Underway++
		}
	}
	return c
}

var (
	// shortID is the id in the head of a shown SMS, the same each time that SMS is shown.
	shortID  = regexp.MustCompile(`#s[0-9a-z]+`)
	repeated = regexp.MustCompile("♻")
)

// longSMS is how many UTF-16 units surely fit into one message. A longer SMS counts as shown with its last part.
const longSMS = 3000

// findShown reports which SMS of an inbox some chat shows. A shown SMS is a block quote under a head that names the customer, or in the
// customer's topic; equal ones are told apart by their order.
func findShown(inbox []panel.Inbound, messages []telegram.Message) []bool {
	shown := make([]bool, len(inbox))
	waiting := map[string][]int{} // by their words, in order
	for i, m := range inbox {
		w := visible(m.Text)
		waiting[w] = append(waiting[w], i)
	}
	known := map[string]bool{} // short ids seen
	for _, m := range messages {
		if !m.FromBot {
			continue
		}
		units, at := utf16.Encode([]rune(m.Text)), 0
		for _, e := range m.Entities {
			if e.Type != "blockquote" || e.Offset < at || e.Offset+e.Length > len(units) {
				continue
			}
			head := string(utf16.Decode(units[at:e.Offset]))
			words := visible(string(utf16.Decode(units[e.Offset : e.Offset+e.Length])))
			at = e.Offset + e.Length
			id := shortID.FindString(head)
			if id != "" && known[id] || id == "" && repeated.MatchString(head) {
				continue
			}
			named := func(i int) bool { return strings.Contains(head, tail(inbox[i].Customer)) }
			found := -1
			for _, i := range waiting[words] {
				if !shown[i] && (named(i) || found < 0 && m.Topic != 0) {
					if found = i; named(i) {
						break
					}
				}
			}
			for i := 0; i < len(inbox) && found < 0; i++ {
				if !shown[i] && len(inbox[i].Text) > longSMS && strings.HasSuffix(visible(inbox[i].Text), words) && (named(i) || m.Topic != 0) {
					found = i
				}
			}
			if found >= 0 {
				shown[found] = true
				known[id] = id != ""
			}
		}
	}
	return shown
}

// tail returns the digits that all ways to write a number have in common.
func tail(number string) string { return number[max(0, len(number)-10):] }

// visible returns a text without what networks add, replace or drop: spaces and invisible characters.
func visible(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || !unicode.IsGraphic(r) || r == unicode.ReplacementChar || r == '∅' {
			return -1
		}
		return r
	}, text)
}
