package crash

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"peyk/internal/play"
	"peyk/sandbox/telegram"
)

// copies returns the messages of a chat that show the n-th SMS.
func (e *evidence) copies(chat int64, n int) []play.Sighting {
	return slices.DeleteFunc(slices.Clone(e.Shown[chat]), func(s play.Sighting) bool { return s.Mark != fmt.Sprintf("«in%d»", n) })
}

// shownOnce checks that each SMS stands once in each chat, and that nobody was told of a loss.
func (e *evidence) shownOnce() {
	e.Helper()
	for n := range e.Inbound {
		for _, chat := range []int64{e.Group, e.Sara} {
			if got := len(e.copies(chat, n)); got != 1 {
				e.Errorf("SMS %d is shown %d times in chat %d, want once", n, got, chat)
			}
		}
	}
	if len(e.Incidents) != 0 {
		e.Errorf("told of a loss: %v", e.Incidents)
	}
}

// toldOfLoss checks that both chats were told of a loss, between the two times.
func (e *evidence) toldOfLoss(from, to time.Time) {
	e.Helper()
	if len(e.Incidents) != 2 {
		e.Errorf("told of a loss in %d messages, want one in each chat", len(e.Incidents))
	}
	for _, v := range e.Incidents {
		if v.From.Before(from.Truncate(time.Second)) || v.To.After(to.Add(time.Second)) {
			e.Errorf("told of a loss between %v and %v; it was between %v and %v", v.From, v.To, from, to)
		}
	}
}

// sentOnce checks that the only order went out once and is reported as delivered.
func (e *evidence) sentOnce() {
	e.Helper()
	if asked, sent := e.Asked("SendSMS"), e.Panel.SentCount(); asked != 1 || sent != 1 {
		e.Errorf("the panel was asked %d times to send, and sent %d SMS, want one", asked, sent)
	}
	e.reports("delivered.")
}

// uncertain checks that the agents are asked about the only order, with all they may answer, and that the panel was asked so often.
func (e *evidence) uncertain(asked, sent int) telegram.Message {
	e.Helper()
	if a, s := e.Asked("SendSMS"), e.Panel.SentCount(); a != asked || s != sent {
		e.Errorf("the panel was asked %d times to send, and sent %d SMS, want %d and %d", a, s, asked, sent)
	}
	m := e.reports("can know whether")
	var labels []string
	for _, row := range m.Buttons {
		for _, b := range row {
			labels = append(labels, b.Text)
		}
	}
	slices.Sort(labels)
	if want := []string{"It was sent", "Leave", "Send again"}; !slices.Equal(labels, want) {
		e.Errorf("the question has the buttons %q, want %q", labels, want)
	}
	return m
}

// reports checks that the only order's report has words in it, and returns it.
func (e *evidence) reports(words string) telegram.Message {
	e.Helper()
	if len(e.Batches) != 1 {
		e.Fatalf("%d batches, want 1", len(e.Batches))
	}
	m, ok := e.Report(e.Batches[0])
	if !ok || !strings.Contains(m.Text, words) {
		e.Errorf("the order is reported as %q, want %q", m.Text, words)
	}
	return m
}

// marked checks that the only order, a reply, bears a mark and is told of by nothing else.
func (e *evidence) marked(mark string) {
	e.Helper()
	if len(e.Batches) != 1 {
		e.Fatalf("%d batches, want 1", len(e.Batches))
	}
	if got := e.MarkOf(e.Batches[0]); got != mark {
		e.Errorf("the reply bears %q, want %q", got, mark)
	}
	for _, m := range e.Messages[int64(e.Batches[0].Chat)] {
		if m.ReplyTo == int(e.Batches[0].Message) {
			e.Errorf("a message tells of it, too: %q", m.Text)
		}
	}
}
