package play

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"peyk/internal/table"
	"peyk/sandbox/telegram"
	"peyk/store"
)

// A bulk order has a text of its own for each recipient, which ends with their number: what stands before that is the order's, as if all had the same.

// rowOf returns the text that a recipient of a bulk order gets, or of any other order.
func (o Order) rowOf(customer string) string {
	if o.bulk {
		return o.Text + ", " + customer
	}
	return o.Text
}

// orderedText returns which order's text a text to a customer is; itself if it is not one of a bulk order, or of another customer's.
func orderedText(text, customer string) string { return strings.TrimSuffix(text, ", "+customer) }

// agentSendsFile has an agent send a file of n recipients, say that it is to go out, or ask what became of one.
func (w *World) agentSendsFile(n int) {
	agent, chat := w.somebody()
	if w.Rand.IntN(3) == 0 {
		if m, ok := w.Recent(chat, func(m telegram.Message) bool { return m.Document != nil && isResult(m) }); ok {
			w.Say(telegram.Post{Chat: chat, From: agent, Text: "/status", ReplyTo: m.ID})
			return
		}
	}
	asked, ok := w.Recent(chat, func(m telegram.Message) bool { return len(m.Buttons) > 0 && strings.Contains(m.Text, "Send these?") })
	if ok && w.Rand.IntN(4) > 0 {
		w.press(asked, asked.Buttons[0][0].Data)
		return
	}
	w.sendFile(agent, chat, n)
}

// AliSendsFile has Ali send a file of n recipients in private. It returns what each text begins with, and the recipients.
func (w *World) AliSendsFile(n int) (text string, to []string) {
	w.Mu.Lock()
	defer w.Mu.Unlock()
	w.sendFile(w.Ali, w.Ali, n)
	o := w.Orders[len(w.Orders)-1]
	return o.Text, o.Recipients
}

func (w *World) sendFile(agent, chat int64, n int) {
	o := Order{Chat: chat, From: agent, Line: "30001234", Text: fmt.Sprintf("out%d hello", len(w.Orders)+len(w.refused)), bulk: true}
	var rows strings.Builder
	first := w.Rand.IntN(10000)
	for i := range n {
		to := fmt.Sprintf("0913000%04d", (first+i)%10000)
		o.Recipients = append(o.Recipients, to)
		fmt.Fprintf(&rows, "%s,%d\n", to, i)
	}
	o.Said = "/bulk " + o.Text + ", {1}"
	w.order(o, telegram.Post{Caption: o.Said, Document: &telegram.Document{Name: "bulk.csv", Data: []byte(rows.String())}})
}

func isResult(m telegram.Message) bool { return strings.HasPrefix(m.Text, "What became of each row") }

// checkResult tells what is wrong with a file that says what became of a bulk order: it stands where that was ordered, has its rows, and says of each
// what the panel knew of it by then, or had not been asked.
func (e *Evidence) checkResult(m telegram.Message, requests map[Attempt][]Call) error {
	rows, err := table.Read(m.Document.Data)
	if err != nil || len(rows) < 2 || len(rows[1].Cells) < 5 {
		return fmt.Errorf("chat %d: message %d is no result of anything: %v", m.Chat, m.ID, err)
	}
	o, ok := e.orderOf(orderedText(rows[1].Cells[2], rows[1].Cells[1]))
	if e.older.texts[orderedText(rows[1].Cells[2], rows[1].Cells[1])] {
		return nil
	}
	if !ok || !o.bulk || o.Chat != m.Chat && (o.Chat != e.was || m.Chat != e.Group) {
		return fmt.Errorf("chat %d: message %d is the result of what was not ordered there", m.Chat, m.ID)
	}
	var wrong []error
	if len(rows) != 1+len(o.Recipients) {
		wrong = append(wrong, fmt.Errorf("the result %d of chat %d has %d rows, of %d", m.ID, m.Chat, len(rows)-1, len(o.Recipients)))
	}
	for i, row := range rows[1:] {
		if i >= len(o.Recipients) || len(row.Cells) < 5 || row.Cells[0] != strconv.Itoa(i+1) || row.Cells[1] != o.Recipients[i] || row.Cells[2] != o.rowOf(o.Recipients[i]) {
			wrong = append(wrong, fmt.Errorf("the result %d of chat %d says in row %d %q", m.ID, m.Chat, i+1, row.Cells))
			continue
		}
		a, known, sure := Attempt{o.Text, row.Cells[1]}, false, false
		for _, r := range requests[a] {
			if r.At.Before(m.Date) && r.Accepted > 0 {
				known = known || !r.spoilt || e.Kind.keyed || e.Kind.stays // or it is found at the panel
				sure = sure || !e.unsure(a, r) && !e.Kind.keyed            // there one of its piece may be in doubt
			}
		}
		switch said := row.Cells[3]; said {
		case "sent", "at the telecom", "delivered", "not delivered", "on the blacklist", "trouble in the telecom's network":
			if !known && len(e.Restored) == 0 { // or an agent said so
				known = e.decided(o, store.WasSent)
			}
			if !known && len(e.Restored) == 0 {
				wrong = append(wrong, fmt.Errorf("the result %d of chat %d says that row %d is %s, which the panel never said", m.ID, m.Chat, i+1, said))
			}
		case "not sent", "waiting", "uncertain", "left uncertain", "being sent":
			if sure && said != "being sent" && len(e.Restored) == 0 {
				wrong = append(wrong, fmt.Errorf("the result %d of chat %d says that row %d is %s, which the panel took", m.ID, m.Chat, i+1, said))
			}
		default:
			if !strings.HasPrefix(said, "failed") {
				wrong = append(wrong, fmt.Errorf("the result %d of chat %d says that row %d is %q", m.ID, m.Chat, i+1, said))
			}
		}
	}
	return errors.Join(wrong...)
}

// decided reports whether a button of that decision was pressed about an order.
func (e *Evidence) decided(o Order, d store.Decision) bool {
	for _, b := range e.BatchesOf(o) {
		for _, p := range e.presses {
			if p.batch == b.ID && p.decision == d {
				return true
			}
		}
	}
	return false
}
