package play

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"peyk/sandbox/telegram"
)

// Class is what somebody waits for.
type Class string

// The classes: from what is there to what shows it.
const (
	MarkWait   Class = "order -> mark"            // or a message, where it is asked about or takes no mark
	AnswerWait Class = "command -> answer"        // an order that is a command among them
	KnownWait  Class = "SMS of a known customer"  // from when the panel hands it out
	NewWait    Class = "SMS of a new number"      // likewise
	EditWait   Class = "what the panel says anew" // in GetStatus -> edit of the message that reports on the order
)

// Classes are all of them, in the order they are told in.
var Classes = []Class{MarkWait, AnswerWait, KnownWait, NewWait, EditWait}

// Waits are how long those of a class waited, and how long those have waited whom nothing was shown until now.
type Waits struct{ Over, Open []time.Duration }

// Waits returns the waits of each class in those chats, by what both networks saw. Of what is lost with its answer nothing is ever shown. A
// customer is known once somebody ordered an SMS to them, or named them.
func (w *World) Waits(chats ...int64) map[Class]Waits {
	w.Mu.Lock()
	defer w.Mu.Unlock()
	m := measuring{World: w, now: time.Now(), all: map[Class]Waits{}, told: map[int64]map[int][]telegram.Message{}, said: map[int64]map[int]telegram.Message{}}
	for _, chat := range chats {
		told, said := map[int][]telegram.Message{}, map[int]telegram.Message{}
		for _, x := range w.TG.Messages(chat) {
			if said[x.ID] = x; x.FromBot {
				told[x.ReplyTo] = append(told[x.ReplyTo], x)
			}
		}
		m.told[chat], m.said[chat] = told, said
	}
	m.marks(chats)
	m.answers()
	m.sms(chats)
	m.edits()
	return m.all
}

// measuring is what Waits knows.
type measuring struct {
	*World
	now  time.Time
	told map[int64]map[int][]telegram.Message // by chat and message: what the bot replied
	said map[int64]map[int]telegram.Message   // by chat and id
	all  map[Class]Waits
}

// note notes a wait that ended; at zero it has not.
func (m *measuring) note(c Class, since, ended time.Time) {
	w := m.all[c]
	if ended.IsZero() {
		w.Open = append(w.Open, m.now.Sub(since))
	} else {
		w.Over = append(w.Over, ended.Sub(since))
	}
	m.all[c] = w
}

// answered returns when the bot first replied to a message; zero if it has not.
func (m *measuring) answered(chat int64, message int) time.Time {
	if all := m.told[chat][message]; len(all) > 0 {
		return all[0].Date
	}
	return time.Time{}
}

func (m *measuring) marks(chats []int64) {
	type reply struct {
		chat    int64
		message int
	}
	marked := map[reply]time.Time{}
	for _, c := range m.TG.Calls() {
		if of := (reply{c.Chat, c.Message}); c.Method == "setMessageReaction" && c.Code == 200 && marked[of].IsZero() {
			marked[of] = c.At
		}
	}
	for _, o := range m.Orders {
		if !slices.Contains(chats, o.Chat) {
			continue
		}
		at, told := marked[reply{o.Chat, o.Message}], m.answered(o.Chat, o.Message)
		if at.IsZero() || !told.IsZero() && told.Before(at) {
			at = told
		}
		m.note(MarkWait, m.said[o.Chat][o.Message].Date, at)
	}
}

func (m *measuring) answers() {
	for chat, said := range m.said {
		for _, x := range said {
			if !x.FromBot && strings.HasPrefix(x.Text, "/") && !strings.HasPrefix(x.Text, "/c ") { // a mark answers that
				m.note(AnswerWait, x.Date, m.answered(chat, x.ID))
			}
		}
	}
}

func (m *measuring) sms(chats []int64) {
	shown := map[int][]time.Time{} // by number in the SMS, in order; the same in several parts or copies once
	for _, chat := range chats {
		seen := map[string]bool{}
		for _, x := range m.TG.Messages(chat) {
			for _, s := range sightings(x) {
				if n := NumberOf(s.Mark); strings.HasPrefix(s.Mark, "«in") && !seen[s.Mark+s.id] {
					seen[s.Mark+s.id] = true
					shown[n] = append(shown[n], x.Date)
				}
			}
		}
	}
	known := m.knownSince()
	for _, r := range m.Panel.Requests() {
		for _, g := range r.Given {
			class, n, at := NewWait, NumberOf(g.Text), time.Time{}
			if since, is := known[g.Customer]; is && since.Before(r.At) {
				class = KnownWait
			}
			if of := shown[n]; len(of) > 0 {
				at, shown[n] = of[0], of[1:]
			}
			m.note(class, r.At, at)
		}
	}
}

// knownSince returns since when customers are known.
func (m *measuring) knownSince() map[string]time.Time {
	known := map[string]time.Time{}
	note := func(customer string, at time.Time) {
		if since, is := known[customer]; !is || at.Before(since) {
			known[customer] = at
		}
	}
	for _, o := range m.Orders {
		for _, customer := range o.Recipients {
			note(customer, o.At)
		}
	}
	for _, n := range m.named {
		note(n.customer, n.at)
	}
	return known
}

func (m *measuring) edits() {
	of := map[string]Order{} // by the panel's id
	texts := map[string]Order{}
	for _, o := range m.Orders {
		texts[o.Text] = o
	}
	for _, s := range m.Panel.Sent() {
		if o, ok := texts[s.Text]; ok {
			of[s.ID] = o
		}
	}
	last := map[string]int{}
	news := map[string][]time.Time{} // by the order's text: when the panel told what is new
	for _, r := range m.Panel.Requests() {
		for id, status := range r.Told {
			if o, ok := of[id]; ok && r.Answered && status != max(1, last[id]) {
				last[id] = status
				news[o.Text] = append(news[o.Text], r.At)
			}
		}
	}
	for text, at := range news {
		o := texts[text]
		all := m.told[o.Chat][o.Message]
		if len(all) == 0 {
			continue // a mark tells
		}
		report := all[len(all)-1]
		edited := []time.Time{report.Date}
		for _, v := range report.History {
			edited = append(edited, v.Until)
		}
		for _, at := range at {
			i := slices.IndexFunc(edited, func(t time.Time) bool { return t.After(at) })
			switch {
			case i > 0:
				m.note(EditWait, at, edited[i])
			case i < 0:
				m.note(EditWait, at, time.Time{})
			}
		}
	}
}

// TellWaits returns a table of waits.
func TellWaits(all map[Class]Waits) string {
	var text strings.Builder
	t := tabwriter.NewWriter(&text, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "\twaits\t50 %\t90 %\t99 %\tlongest\topen\t")
	for _, c := range Classes {
		of := slices.Sorted(slices.Values(all[c].Over))
		if len(of) == 0 {
			continue
		}
		fmt.Fprintf(t, "%s\t%d", c, len(of))
		for _, part := range []float64{0.5, 0.9, 0.99, 1} {
			fmt.Fprintf(t, "\t%s", Part(of, part).Round(10*time.Millisecond))
		}
		fmt.Fprintf(t, "\t%d\t\n", len(all[c].Open))
	}
	t.Flush()
	return text.String()
}

// Part returns the wait that so large a part of the waits, which are in order, does not exceed; zero when there are none.
func Part(inOrder []time.Duration, part float64) time.Duration {
	if len(inOrder) == 0 {
		return 0
	}
	return inOrder[max(0, int(math.Ceil(part*float64(len(inOrder))))-1)]
}
