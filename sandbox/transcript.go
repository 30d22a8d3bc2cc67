package sandbox

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
	"unicode"

	"peyk/sandbox/panel"
	"peyk/sandbox/telegram"
)

// transcript writes one line for each thing that happens, on either side:
//
//	12:00:01  telephone   09121111111 → 30001234  سلام
//	12:00:01  Support     Peyk: …
type transcript struct {
	tg     *telegram.Server
	colour bool

	mu sync.Mutex
	w  io.Writer
}

func newTranscript(w io.Writer, tg *telegram.Server) *transcript {
	return &transcript{tg: tg, w: w, colour: terminal(w)}
}

// Colours of the sides, as terminals number them.
const (
	cyan    = 36 // telephones
	yellow  = 33 // the panel
	green   = 32 // chats
	magenta = 35 // the bridge
	dim     = 2
)

// line writes what happened where. Foreign text cannot control the terminal: control characters become dots.
func (t *transcript) line(at time.Time, colour int, where, what string) {
	what = strings.Map(func(r rune) rune {
		if r != '\n' && unicode.IsControl(r) {
			return '·'
		}
		return r
	}, what)
	// Further lines stand under the first; empty ones stay empty.
	indent := "\n" + strings.Repeat(" ", 22)
	what = strings.ReplaceAll(strings.TrimRight(what, "\n"), "\n", indent)
	what = strings.ReplaceAll(what, indent+"\n", "\n\n")
	t.mu.Lock()
	defer t.mu.Unlock()
	fmt.Fprintf(t.w, "%s  %s  %s\n", t.paint(dim, at.Format("15:04:05")), t.paint(colour, fmt.Sprintf("%-10s", where)), what)
}

func (t *transcript) paint(colour int, s string) string {
	if !t.colour {
		return s
	}
	return fmt.Sprintf("\x1b[%dm%s\x1b[0m", colour, s)
}

// bridge writes what happened to the bridge's process.
func (t *transcript) bridge(what string) { t.line(time.Now(), magenta, "bridge", what) }

// follow writes the events of both networks until both have ended; then the channel it returns is closed.
func (t *transcript) follow(chats <-chan telegram.Event, sms <-chan panel.Event) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		for chats != nil || sms != nil {
			select {
			case e, ok := <-chats:
				if !ok {
					chats = nil
					continue
				}
				if what := t.describe(e); what != "" {
					t.line(e.At, green, t.place(e.Message), what)
				}
			case e, ok := <-sms:
				if !ok {
					sms = nil
					continue
				}
				if where, what := describeSMS(e); what != "" {
					colour := yellow
					if where == "telephone" {
						colour = cyan
					}
					t.line(e.At, colour, where, what)
				}
			}
		}
	}()
	return done
}

// statuses are the panel's codes in words.
var statuses = map[int]string{
	1: "being sent", 2: "telecom trouble", 3: "at the telecom", 4: "delivered", 5: "not delivered", 6: "blacklisted",
}

// describeSMS says what happened at the panel; "" if it is not worth a line: GetMsg and GetStatus are called all day.
func describeSMS(e panel.Event) (where, what string) {
	m := e.SMS
	switch e.Kind {
	case panel.Received:
		return "telephone", fmt.Sprintf("%s → %s  %s", m.Customer, m.Line, m.Text)
	case panel.Accepted:
		return "panel", fmt.Sprintf("%s → %s  %s", m.Line, m.Customer, m.Text)
	case panel.StatusChanged:
		word := statuses[m.Status]
		if word == "" {
			word = fmt.Sprintf("status %d", m.Status)
		}
		return "panel", fmt.Sprintf("%s → %s  %s", m.Line, m.Customer, word)
	case panel.Called:
		if e.Request.Answer != "0" {
			return "panel", fmt.Sprintf("%s is answered %s", e.Request.Method, e.Request.Answer)
		}
	case panel.Down:
		return "panel", "is down"
	case panel.Up:
		return "panel", "is up again"
	}
	return "", ""
}

// describe says what happened in a chat.
func (t *transcript) describe(e telegram.Event) string {
	m := e.Message
	by := t.user(e.By)
	switch e.Kind {
	case telegram.Said, telegram.Posted:
		switch {
		case m.Service != "":
			return fmt.Sprintf("%s (%s)", by, strings.ReplaceAll(m.Service, "_", " "))
		case m.ReplyTo != 0:
			return fmt.Sprintf("%s ↩ %s", by, content(m))
		}
		return fmt.Sprintf("%s: %s", by, content(m))
	case telegram.Edited:
		return fmt.Sprintf("%s ✎ %s", by, content(m))
	case telegram.Deleted:
		return fmt.Sprintf("%s deletes: %s", by, short(m.Text))
	case telegram.Reacted:
		emoji := "no reaction"
		for _, r := range m.Reactions {
			if r.From == e.By {
				emoji = r.Emoji
			}
		}
		return fmt.Sprintf("%s %s on: %s", by, emoji, short(m.Text))
	case telegram.Pressed:
		return fmt.Sprintf("%s presses [%s]", by, label(m, e.Data))
	case telegram.Answered:
		return fmt.Sprintf("%s answers the button: %s", by, e.Text)
	}
	return ""
}

// content returns a message as its reader sees it.
func content(m telegram.Message) string {
	var b strings.Builder
	b.WriteString(m.Text)
	switch {
	case m.Document == nil:
	case m.Document.Photo:
		b.WriteString(" (photo)")
	default:
		fmt.Fprintf(&b, " (file %s)", m.Document.Name)
	}
	for _, row := range m.Buttons {
		b.WriteString("\n")
		for i, button := range row {
			if i > 0 {
				b.WriteString(" ")
			}
			fmt.Fprintf(&b, "[%s]", button.Text)
		}
	}
	return b.String()
}

// label returns the label of the button with that data.
func label(m telegram.Message, data string) string {
	for _, row := range m.Buttons {
		for _, button := range row {
			if button.Data == data {
				return button.Text
			}
		}
	}
	return data
}

// short returns the first line of a text, enough to recognise it.
func short(text string) string {
	text, _, _ = strings.Cut(text, "\n")
	if r := []rune(text); len(r) > 40 {
		return string(r[:40]) + "…"
	}
	return text
}

func (t *transcript) user(id int64) string {
	for _, u := range t.tg.Users() {
		if u.ID == id {
			return u.FirstName
		}
	}
	return fmt.Sprint(id)
}

// place names the chat of a message, with its topic.
func (t *transcript) place(m telegram.Message) string {
	for _, c := range t.tg.Chats() {
		if c.ID != m.Chat {
			continue
		}
		name := c.Title
		if c.Type == "private" {
			name += "'s own"
		}
		for _, topic := range c.Topics {
			if topic.ID == m.Topic {
				name += "/" + topic.Name
			}
		}
		return name
	}
	return fmt.Sprint(m.Chat)
}

// explain writes what the sandbox is and how to play, before anything happens.
func (t *transcript) explain(addr string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	fmt.Fprintf(t.w, `Open http://%[1]s/ in a browser: a Telegram and customers' telephones to play with, and ways to break things.
The bridge runs between them. Nothing leaves this machine; Ctrl-C ends it and leaves nothing behind.
For a shell: curl %[1]s

`, addr)
}
