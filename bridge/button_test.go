package bridge_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"

	"peyk/sandbox/panel"
	"peyk/sandbox/telegram"
)

// buttonForms are all forms of button data there ever were. They stand under messages in people's chats, some for months: a form is only
// ever added here. Of a question stand the batch, to the base of 36, its generation, and the answer.
var buttonForms = []struct {
	form  string
	label string
	sent  int // SMS the panel took by then
}{
	{"b:%s:%d:send", "Send", 2},
	{"b:%s:%d:cancel", "Cancel", 0},
	{"b:%s:%d:again", "Send again", 1},
	{"b:%s:%d:was", "It was sent", 0},
	{"b:%s:%d:leave", "Leave", 0},
	{"inbox", "Show SMS here", 0},
	{"show:%s:1:1", "Show again", 0}, // a post that was refused: its chat to the base of 36, its class, its number
}

// oldButtons are the ways a message ends that bears a button.
var oldButtons = map[string]func(*world, telegram.Message) error{
	"as it was":        func(*world, telegram.Message) error { return nil },
	"after an upgrade": func(w *world, _ telegram.Message) error { w.restart(); return nil },
	"too old":          func(w *world, m telegram.Message) error { return w.tg.Age(m.Chat, m.ID) },
	"deleted":          func(w *world, m telegram.Message) error { return w.tg.Delete(m.Chat, m.ID) },
}

func TestEveryFormOfButtonEverMadeStillWorks(t *testing.T) {
	for name, age := range oldButtons {
		for _, f := range buttonForms {
			t.Run(name+" "+f.form, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := newWorld(t, telegram.Options{}, panel.Options{})
					who := w.ali
					var m telegram.Message
					var data string
					switch {
					case f.form == "inbox":
						w.storeOpts.Inbox = nil
						w.start()
						who, w.group = w.sara, w.tg.AddSupergroup("Shop", w.sara, w.ali, w.omid)
						if err := w.tg.AddBot(w.group, w.sara); err != nil {
							t.Fatal(err)
						}
						m, data = w.sees(w.group, "press the button"), f.form
					case f.label == "Send" || f.label == "Cancel":
						w.start()
						w.agentSays("/send 09121234567,09121234568 to both")
						m, data = w.sees(w.group, "Send this?"), fmt.Sprintf(f.form, "1", 1)
					case f.label == "Show again":
						w.start()
						w.declines("odd", 3)
						w.panel.Receive("09121111111", "30001234", "where is my order?")
						m, data = w.sees(w.group, "refuses to show this SMS"), fmt.Sprintf(f.form, strconv.FormatInt(w.group, 36))
					default:
						w.panel.Arm(panel.Fault{Method: "SendSMS", Kind: panel.Close})
						w.start()
						w.agentSays("/send 09121234567 to one")
						m, data = w.sees(w.group, uncertain), fmt.Sprintf(f.form, "1", 1)
					}
					found := false
					for _, row := range m.Buttons {
						for _, b := range row {
							found = found || b.Text == f.label && b.Data == data
						}
					}
					if !found {
						t.Errorf("no button %q with %q under %q: %v", f.label, data, m.Text, m.Buttons)
					}
					w.settles(w.group) // the message is known to be there
					if err := age(w, m); err != nil {
						t.Fatal(err)
					}
					if a := w.pressesData(w.omid, m, data); !a.Alert {
						t.Errorf("a stranger is told %+v", a)
					}
					if a := w.pressesData(who, m, data); a.Alert {
						t.Errorf("who presses is told %+v", a)
					}
					switch f.label {
					case "Show SMS here":
						w.sees(w.group, "Inbound SMS of all lines are now shown here")
					case "Show again":
						w.sees(w.group, "where is my order?")
					default:
						w.tells(m, name == "too old" || name == "deleted")
						if batch, err := w.store.Batch(1); err != nil || !strings.HasSuffix(data, ":"+string(batch.Decision)) {
							t.Errorf("decided %q, %v", batch.Decision, err)
						}
					}
					if a := w.pressesData(who, m, data); !a.Alert {
						t.Errorf("who presses again is told %+v", a)
					}
					w.quiet()
					w.sent(f.sent)
				})
			})
		}
	}
}

// tells waits until the outcome of a question is shown: in its message, or in a new one.
func (w *world) tells(asked telegram.Message, anew bool) telegram.Message {
	w.Helper()
	m, err := w.tg.WaitMessage(w.context(), asked.Chat, func(m telegram.Message) bool {
		return m.FromBot && !m.Deleted && m.ID >= asked.ID && (m.ID != asked.ID) == anew && len(m.Buttons) == 0 && strings.HasPrefix(m.Text, "To ")
	})
	if err != nil {
		w.Fatalf("the outcome is not told: %v\nit has:\n%s\nlog:\n%s", err, w.transcript(asked.Chat), w.logs)
	}
	return m
}

// gone is the press of a button whose message Telegram does not find any more.
func gone(from, chat int64, id int, data string) string {
	return fmt.Sprintf(`{"callback_query":{"id":"1","from":{"id":%d,"first_name":"X"},"chat_instance":"1","data":%q,"message":{"chat":{"id":%d,"type":"supergroup"},"message_id":%d,"date":0}}}`,
		from, data, chat, id)
}

// TestButtonsUnderWhatIsGoneDecideNothingElse presses buttons whose message cannot be asked whose it is: only our own data decides, in the
// chat it is of, by whom it may.
func TestButtonsUnderWhatIsGoneDecideNothingElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		other := w.tg.AddSupergroup("Other", w.sara, w.ali, w.omid, w.tg.Bot().ID)
		w.panel.Arm(panel.Fault{Method: "SendSMS", Kind: panel.Close})
		w.start()
		w.agentSays("/send 09121234567 to one")
		m := w.sees(w.group, uncertain)
		const again = "b:1:1:again"
		for name, update := range map[string]string{
			"a stranger":             gone(w.omid, w.group, m.ID, again),
			"the anonymous admin":    gone(1087968824, w.group, m.ID, again),
			"another chat":           gone(w.ali, other, m.ID, again),
			"a private chat":         gone(w.ali, w.ali, m.ID, again),
			"a chat nobody knows":    gone(w.ali, -1009999999999, m.ID, again),
			"another generation":     gone(w.ali, w.group, m.ID, "b:1:2:again"),
			"the one before":         gone(w.ali, w.group, m.ID, "b:1:0:again"),
			"another batch":          gone(w.ali, w.group, m.ID, "b:2:1:again"),
			"another question":       gone(w.ali, w.group, m.ID, "b:1:1:send"),
			"no decision":            gone(w.ali, w.group, m.ID, "b:1:1:"),
			"nothing":                gone(w.ali, w.group, m.ID, ""),
			"not an admin's":         gone(w.ali, w.group, m.ID, "inbox"),
			"no message at all":      fmt.Sprintf(`{"callback_query":{"id":"2","from":{"id":%d,"first_name":"Ali"},"chat_instance":"1","data":%q}}`, w.ali, again),
			"an inline message":      fmt.Sprintf(`{"callback_query":{"id":"3","from":{"id":%d,"first_name":"Ali"},"chat_instance":"1","inline_message_id":"AgAA","data":%q}}`, w.ali, again),
			"a message without chat": fmt.Sprintf(`{"callback_query":{"id":"4","from":{"id":%d,"first_name":"Ali"},"data":%q,"message":{"message_id":%d,"date":0}}}`, w.ali, again, m.ID),
			"a message of somebody":  fmt.Sprintf(`{"callback_query":{"id":"5","from":{"id":%[1]d,"first_name":"Ali"},"data":%[2]q,"message":{"message_id":%[3]d,"date":0,"from":{"id":%[1]d},"chat":{"id":%[4]d,"type":"supergroup"}}}}`, w.ali, again, m.ID, w.group),
			"nobody":                 fmt.Sprintf(`{"callback_query":{"id":"6","data":%q,"message":{"message_id":%d,"date":0,"chat":{"id":%d,"type":"supergroup"}}}}`, again, m.ID, w.group),
		} {
			if _, err := w.tg.RawUpdate(update); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		w.quiet()
		if batch, err := w.store.Batch(1); err != nil || batch.Uncertain != 1 || batch.DecidedBy != "" {
			t.Fatalf("decided by %q, %d uncertain, %v", batch.DecidedBy, batch.Uncertain, err)
		}
		w.gives(gone(w.ali, w.group, m.ID, again))
		w.sent(1)
	})
}

// TestButtonsUnderWhatIsGoneInATopic has the outcome told where the question stood.
func TestButtonsUnderWhatIsGoneInATopic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newDesk(t)
		shown := w.receives("09121111111", "where is my order?")
		w.panel.Arm(panel.Fault{Method: "SendSMS", Kind: panel.Close})
		w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "on its way", ReplyTo: shown.ID})
		m := w.sees(w.group, uncertain)
		if err := w.tg.Age(w.group, m.ID); err != nil {
			t.Fatal(err)
		}
		if a := w.presses(w.sara, m, "Send again"); a.Alert {
			t.Errorf("an agent is told %+v", a)
		}
		w.sent(1)
		if told := w.tells(m, true); told.Topic != shown.Topic {
			t.Errorf("told in topic %d by message %d, want %d and a new one", told.Topic, told.ID, shown.Topic)
		}
	})
}

// TestButtonsOfAGroupThatBecameASupergroup presses buttons that stayed in the old group, and those posted again in the new one.
func TestButtonsOfAGroupThatBecameASupergroup(t *testing.T) {
	for name, aged := range map[string]bool{"told of": false, "too old": true} {
		for _, where := range []string{"in the old group", "in the new one"} {
			t.Run(name+" "+where, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := newWorld(t, telegram.Options{}, panel.Options{})
					w.group = w.tg.AddGroup("Support", w.sara, w.ali, w.tg.Bot().ID)
					w.panel.Arm(panel.Fault{Method: "SendSMS", Kind: panel.Close})
					w.start()
					w.agentSays("/send 09121234567 to one")
					m := w.sees(w.group, uncertain)
					supergroup, err := w.tg.Migrate(w.group)
					if err != nil {
						t.Fatal(err)
					}
					anew := w.sees(supergroup, uncertain)
					if where == "in the new one" {
						m = anew
					}
					if aged {
						if err := w.tg.Age(m.Chat, m.ID); err != nil {
							t.Fatal(err)
						}
					}
					if a := w.pressesData(w.ali, m, m.Buttons[0][0].Data); a.Alert {
						t.Errorf("who presses is told %+v", a)
					}
					w.sent(1)
					w.tells(anew, aged && m.Chat == supergroup)
				})
			})
		}
	}
}
