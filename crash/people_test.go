package crash

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"peyk/sandbox/panel"
	"peyk/sandbox/telegram"
	"peyk/store"
)

// An SMS of a customer says which it is where it begins and where it ends: a long one is shown in several messages.
var mark = regexp.MustCompile(`«(in|end)(\d+)»`)

func numberOf(text string) int {
	found := mark.FindStringSubmatch(text)
	if found == nil {
		return -1
	}
	n, _ := strconv.Atoi(found[2])
	return n
}

// act is the next thing somebody does.
func (w *world) act() {
	w.mu.Lock()
	defer w.mu.Unlock()
	acts := []struct {
		weight int
		act    func()
	}{
		{9, func() { w.customersWrite(1 + w.rand.IntN(3)) }},
		{1, func() { w.customersWrite(25 + w.rand.IntN(30)) }}, // more than a group takes in a minute
		{6, w.agentReplies},
		{4, func() { w.agentSends(1) }},
		{3, func() { w.agentSends(2 + w.rand.IntN(4)) }},
		{1, func() { w.agentSends(61 + w.rand.IntN(10)) }}, // two pieces
		{8, w.agentPresses},
		{1, w.agentEdits},
		{2, w.telegramRepeats},
		{1, w.agentAsks},
		{2, w.agentTidies},
		{1, w.adminForbids},
	}
	total := 0
	for _, a := range acts {
		total += a.weight
	}
	n := w.rand.IntN(total)
	for _, a := range acts {
		if n -= a.weight; n < 0 {
			a.act()
			return
		}
	}
}

func (w *world) customersWrite(n int) {
	for range n {
		among := 110
		if w.rand.IntN(4) == 0 {
			among = len(w.starts) // in each life some are new, who need a topic
		}
		from := sender{customer: fmt.Sprintf("0912111%03d%d", among%1000, w.rand.IntN(10)), line: []string{"30001234", "30005678"}[w.rand.IntN(2)]}
		words := "سلام <b>وقت بخیر</b> & 😀"
		if w.rand.IntN(15) == 0 {
			words = strings.Repeat("a long story ", 400)
		}
		i, now := len(w.inbound), time.Now()
		text := fmt.Sprintf("«in%d» %s «end%d»", i, words, i)
		if i > 0 && w.rand.IntN(10) == 0 { // people do say the same again
			if said := &w.inbound[w.rand.IntN(i)]; !said.again && now.Unix() > said.at.Unix() {
				said.again = true
				from, text = *said, said.text
			}
		}
		from.text, from.at = text, now
		w.inbound = append(w.inbound, from)
		w.Panel.ReceiveAt(from.customer, from.line, text, now)
	}
}

// somebody returns an agent and a chat that agent writes in.
func (w *world) somebody() (agent, chat int64) {
	switch w.rand.IntN(4) {
	case 0:
		return w.Sara, w.Sara
	case 1:
		return w.Sara, w.Group
	}
	return w.Ali, w.Group
}

// recent returns one of the bot's last messages in a chat that have what is wanted.
func (w *world) recent(chat int64, wanted func(telegram.Message) bool) (telegram.Message, bool) {
	var found []telegram.Message
	for _, m := range slices.Backward(w.TG.Messages(chat)) {
		if m.FromBot && wanted(m) {
			if found = append(found, m); len(found) == 20 {
				break
			}
		}
	}
	if len(found) == 0 {
		return telegram.Message{}, false
	}
	return found[w.rand.IntN(len(found))], true
}

var shortIDs = regexp.MustCompile(`#s[0-9a-z]+`)

var shortID = regexp.MustCompile(`📩[^\n]*(#s[0-9a-z]+)`)

func (w *world) agentReplies() {
	agent, chat := w.somebody()
	closed := w.closed()
	shown, ok := w.recent(chat, func(m telegram.Message) bool { return strings.Contains(m.Text, "«in") && !closed[m.Topic] })
	if !ok {
		return
	}
	o := order{chat: chat, from: agent, reply: true, text: fmt.Sprintf("out%d ok", len(w.orders))}
	o.said = o.text
	begins := slices.DeleteFunc(mark.FindAllString(shown.Text, -1), func(s string) bool { return !strings.HasPrefix(s, "«in") })
	of := begins[0]
	if heads := shortID.FindAllStringSubmatch(shown.Text, -1); len(begins) > 1 {
		if len(heads) != len(begins) {
			w.Errorf("a message shows %d SMS under %d heads: %s", len(begins), len(heads), shown.Text)
			return
		}
		i := w.rand.IntN(len(begins))
		of, o.said = begins[i], heads[i][1]+" "+o.text
	}
	to := w.inbound[numberOf(of)]
	o.recipients, o.line = []string{to.customer}, to.line
	o.message = w.say(telegram.Post{Chat: chat, From: agent, Text: o.said, ReplyTo: shown.ID})
	w.orders = append(w.orders, o)
}

func (w *world) agentSends(n int) {
	agent, chat := w.somebody()
	o := order{chat: chat, from: agent, line: "30001234", text: fmt.Sprintf("out%d hello", len(w.orders))}
	if w.rand.IntN(10) == 0 {
		o.text += strings.Repeat(" and more", 20) // two parts: asks first
	}
	first := w.rand.IntN(10000)
	for i := range n {
		o.recipients = append(o.recipients, fmt.Sprintf("0913000%04d", (first+i)%10000))
	}
	o.said = "/send " + strings.Join(o.recipients, ",") + " " + o.text
	o.message = w.say(telegram.Post{Chat: chat, From: agent, Text: o.said})
	w.orders = append(w.orders, o)
}

// agentPresses presses a button, perhaps one that stood there before, half the time twice or after a colleague.
func (w *world) agentPresses() {
	_, chat := w.somebody()
	m, ok := w.recent(chat, func(m telegram.Message) bool { return len(m.Buttons) > 0 || len(m.History) > 0 && w.rand.IntN(5) == 0 })
	if !ok {
		return
	}
	rows := m.Buttons
	for _, v := range m.History {
		if len(rows) == 0 || w.rand.IntN(5) == 0 {
			rows = v.Buttons
		}
	}
	var data []string
	for _, row := range rows {
		for _, b := range row {
			data = append(data, b.Data)
		}
	}
	if len(data) == 0 {
		return
	}
	choice := data[w.rand.IntN(len(data))]
	w.press(m, choice)
	for range w.rand.IntN(2) {
		if w.rand.IntN(2) == 0 {
			choice = data[w.rand.IntN(len(data))]
		}
		w.press(m, choice)
	}
}

func (w *world) press(m telegram.Message, data string) {
	by := w.Sara
	if m.Chat == w.Group && w.rand.IntN(2) == 0 {
		by = w.Ali
	}
	parts := strings.Split(data, ":") // b:BATCH:GENERATION:DECISION
	if len(parts) != 4 {
		w.Errorf("a button carries %q", data)
		return
	}
	batch, _ := strconv.ParseUint(parts[1], 36, 64)
	generation, _ := strconv.Atoi(parts[2])
	w.presses = append(w.presses, pressed{time.Now(), by, store.BatchID(batch), generation, store.Decision(parts[3])})
	if _, err := w.TG.Press(by, m.Chat, m.ID, data); err != nil {
		w.Errorf("press: %v", err)
	}
}

func (w *world) agentEdits() {
	if len(w.orders) == 0 {
		return
	}
	o := w.orders[w.rand.IntN(len(w.orders))]
	if err := w.TG.Edit(o.from, o.chat, o.message, o.said+" edited"); err != nil {
		w.Errorf("edit: %v", err)
	}
}

// telegramRepeats gives the bridge an update it has confirmed once more.
func (w *world) telegramRepeats() {
	all := w.TG.Updates()
	all = slices.DeleteFunc(all[max(0, len(all)-30):], func(u telegram.Update) bool { return !u.Confirmed })
	if len(all) > 0 {
		_ = w.TG.Redeliver(all[w.rand.IntN(len(all))].ID) // another act may have taken it
	}
}

func (w *world) agentAsks() {
	agent, chat := w.somebody()
	w.say(telegram.Post{Chat: chat, From: agent, Text: []string{"/credit", "/status", "/help"}[w.rand.IntN(3)]})
}

// closed returns the topics that are closed: their customers must write before agents can.
func (w *world) closed() map[int]bool {
	closed := map[int]bool{}
	for _, c := range w.TG.Chats() {
		for _, t := range c.Topics {
			if t.Closed {
				closed[t.ID] = true // only the group has topics
			}
		}
	}
	return closed
}

// agentTidies closes a customer's topic, or gives one, or a customer elsewhere, another name.
func (w *world) agentTidies() {
	closed := w.closed()
	m, ok := w.recent(w.Group, func(m telegram.Message) bool { return strings.Contains(m.Text, "«in") && !closed[m.Topic] })
	if !ok {
		return
	}
	name := fmt.Sprintf("Customer %d", w.rand.IntN(100))
	switch w.rand.IntN(3) {
	case 0:
		w.say(telegram.Post{Chat: w.Group, From: w.Ali, ReplyTo: m.ID, Text: "/name " + name})
	case 1:
		if m.Topic != 0 {
			_ = w.TG.CloseTopic(w.Sara, w.Group, m.Topic)
		}
	case 2:
		if m.Topic != 0 {
			_ = w.TG.RenameTopic(w.Sara, w.Group, m.Topic, name)
		}
	}
}

// adminForbids forbids reactions in the group, or allows them again.
func (w *world) adminForbids() {
	if !w.strict {
		return
	}
	if err := w.TG.ForbidReactions(w.Group, w.rand.IntN(2) == 0); err != nil {
		w.Errorf("forbid reactions: %v", err)
	}
}

// fail has the networks fail a few times.
func (w *world) fail() {
	for range w.rand.IntN(3) {
		f := telegram.Fault{
			Method:     []string{"sendMessage", "sendMessage", "sendMessage", "editMessageText", "setMessageReaction", "getUpdates", "answerCallbackQuery", "getMe", "createForumTopic"}[w.rand.IntN(9)],
			Kind:       []telegram.FaultKind{telegram.TooMany, telegram.BadGateway, telegram.CloseBefore, telegram.CloseAfter, telegram.CutAnswer, telegram.Slow}[w.rand.IntN(6)],
			Skip:       w.rand.IntN(4),
			RetryAfter: 1,
			Delay:      40 * time.Millisecond,
		}
		if err := w.TG.Arm(f); err != nil {
			w.Errorf("arm: %v", err)
		}
	}
	for range w.rand.IntN(3) {
		kinds := []panel.Fault{
			{Kind: panel.Close}, {Kind: panel.Close, CarryOut: true}, {Kind: panel.Cut},
			// The SMS are taken away before the delay: what is taken after the caller is dead, nobody could tell of.
			{Kind: panel.Slow, Delay: 40 * time.Millisecond, CarryOut: true},
			{Kind: panel.HTML}, {Kind: panel.HTML, CarryOut: true}, {Kind: panel.Crash}, {Kind: panel.Crash, CarryOut: true},
			{Kind: panel.Empty, CarryOut: true}, {Kind: panel.Garbage}, {Kind: panel.SOAPFault, Text: "no"}, {Kind: panel.ErrCode, Code: -3}, {Kind: panel.ErrCode, Code: -1},
		}
		f := kinds[w.rand.IntN(len(kinds))]
		f.Method = []string{"GetMsg", "GetMsg", "SendSMS", "SendSMS", "SendSMS", "GetStatus", "GetCredit"}[w.rand.IntN(7)]
		w.Panel.Arm(f)
	}
	w.outage = nil
	end := time.Duration(w.rand.Int64N(int64(life / 3)))
	switch w.rand.IntN(16) {
	case 0:
		w.TG.SetDown(true)
		w.outage = time.AfterFunc(end, func() { w.TG.SetDown(false) })
	case 1:
		w.panelNet.down()
		w.outage = time.AfterFunc(end, func() { w.panelUp() })
	}
}

func (w *world) panelUp() {
	if err := w.panelNet.up(); err != nil {
		w.Errorf("panel: %v", err)
	}
}

// mend ends all faults.
func (w *world) mend() {
	if w.outage != nil {
		w.outage.Stop()
	}
	w.TG.Disarm()
	w.TG.SetDown(false)
	w.Panel.Disarm()
	w.panelUp()
}
