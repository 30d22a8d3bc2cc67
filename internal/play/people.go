package play

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"

	"peyk/sandbox/panel"
	"peyk/sandbox/telegram"
	"peyk/store"
)

// An SMS of a customer says its number at both ends: a long one is shown in several messages.
var MarkPattern = regexp.MustCompile(`«(in|end)(\d+)»`)

// mark is where a text has one, and of which SMS.
type mark struct{ from, to, n int }

// marksIn returns the marks in a text, at most so many; all of them if most is negative. It is asked so often that a regular expression would cost a
// twentieth of all.
func marksIn(text string, most int) (found []mark) {
	for at := 0; len(found) != most; {
		i := strings.Index(text[at:], "«")
		if i < 0 {
			break
		}
		m := mark{from: at + i}
		at = m.from + len("«")
		number, ok := strings.CutPrefix(text[at:], "in")
		if !ok {
			number, ok = strings.CutPrefix(text[at:], "end")
		}
		number, _, closed := strings.Cut(number[:min(len(number), 20)], "»")
		if n, err := strconv.ParseUint(number, 10, 32); ok && closed && err == nil {
			m.n, m.to = int(n), at+strings.Index(text[at:], "»")+len("»")
			found = append(found, m)
		}
	}
	return found
}

// NumberOf returns which SMS of a customer a text belongs to, by its first mark; -1 when none.
func NumberOf(text string) int {
	for _, m := range marksIn(text, 1) {
		return m.n
	}
	return -1
}

// acts are what people do, and how often.
var acts = []struct {
	name   string
	weight int
	do     func(*World)
}{
	{"customers write", 9, func(w *World) { w.CustomersWrite(1 + w.Rand.IntN(3)) }},
	{"many customers write", 1, func(w *World) { w.CustomersWrite(25 + w.Rand.IntN(30)) }}, // more than a group takes in a minute
	{"an agent replies", 6, (*World).AgentReplies},
	{"an agent sends", 4, func(w *World) { w.agentSends(1) }},
	{"an agent sends to several", 3, func(w *World) { w.agentSends(2 + w.Rand.IntN(4)) }},
	{"an agent sends to many", 1, func(w *World) { w.agentSends(61 + w.Rand.IntN(10)) }},     // two pieces
	{"an agent sends a file", 2, func(w *World) { w.agentSendsFile(50 + w.Rand.IntN(100)) }}, // up to three pieces
	{"agents press", 8, (*World).agentPresses},
	{"an agent edits", 1, (*World).agentEdits},
	{"telegram repeats", 2, (*World).telegramRepeats},
	{"an admin imports names", 2, (*World).adminImports},
	{"an agent asks", 1, (*World).agentAsks},
	{"an agent asks for figures", 1, (*World).agentAsksForFigures},
	{"an admin exports", 1, (*World).adminExports},
	{"an admin forgets", 1, (*World).adminForgets},
	{"an admin presses Forget", 1, (*World).adminPressesForget},
	{"an agent looks back", 2, (*World).agentLooksBack},
	{"an agent answers from a list", 2, (*World).agentAnswersFromAList},
	{"an agent tidies", 2, (*World).agentTidies},
	{"an admin forbids", 1, (*World).adminForbids},
	{"an admin allows or denies", 1, (*World).adminAllows},
	{"an agent leaves or comes", 1, (*World).agentLeaves},
	{"a customer wishes", 4, (*World).customerWishes},
	{"an admin blocks", 1, (*World).adminBlocks},
	{"an agent sends to wishers", 3, (*World).agentSendsToWishers},
	{"an agent schedules", 3, (*World).agentSchedules},
	{"an agent presses Schedule", 3, (*World).agentPressesSchedule},
	{"an agent sees to a customer", 2, (*World).agentSeesTo},
	{"an agent reacts", 4, (*World).agentReacts},
	{"an agent takes a reaction back", 3, (*World).agentTakesBack},
	{"an admin pins who waits", 1, (*World).adminPins},
	{"an agent answers a prompt", 2, (*World).agentAnswersAPrompt},
}

// Act does the next thing somebody does.
func (w *World) Act() {
	w.Mu.Lock()
	defer w.Mu.Unlock()
	w.do(AnAct(w.Rand))
}

// AnAct returns the name of something that people do.
func AnAct(r *rand.Rand) string {
	total := 0
	for _, a := range acts {
		total += a.weight
	}
	n := r.IntN(total)
	for _, a := range acts {
		if n -= a.weight; n < 0 {
			return a.name
		}
	}
	return "" // unreachable
}

// Do does the act of that name, as r decides.
func (w *World) Do(name string, r *rand.Rand) {
	w.Mu.Lock()
	defer w.Mu.Unlock()
	before := w.Rand
	w.Rand = r
	defer func() { w.Rand = before }()
	w.do(name)
}

func (w *World) do(name string) {
	for _, a := range acts {
		if a.name == name {
			a.do(w)
		}
	}
}

// CustomersWrite has n SMS arrive. Mu is held.
func (w *World) CustomersWrite(n int) {
	for range n {
		among := 110
		if w.Rand.IntN(4) == 0 {
			among = len(w.Starts) // after each start some are new and need a topic
		}
		from := Sender{Customer: fmt.Sprintf("0912111%03d%d", among%1000, w.Rand.IntN(10)), Line: []string{"30001234", "30005678"}[w.Rand.IntN(2)]}
		words := "سلام <b>وقت بخیر</b> & 😀"
		if w.Rand.IntN(15) == 0 {
			words = strings.Repeat("a long story ", 400)
		}
		i, now := len(w.Inbound), time.Now()
		text := fmt.Sprintf("«in%d» %s «end%d»", i, words, i)
		if i > 0 && w.Rand.IntN(10) == 0 { // people do repeat themselves
			if said := &w.Inbound[w.Rand.IntN(i)]; !said.again && now.Unix() > said.at.Unix() {
				said.again = true
				from, text = *said, said.text
			}
		}
		w.receive(from, text)
	}
}

// receive has an SMS arrive. Mu is held.
func (w *World) receive(from Sender, text string) {
	from.text, from.at = text, time.Now()
	w.Inbound = append(w.Inbound, from)
	w.Panel.ReceiveAt(from.Customer, from.Line, text, from.at)
}

// CustomerWrites has an SMS of one part arrive from a customer.
func (w *World) CustomerWrites(customer string) {
	w.Mu.Lock()
	defer w.Mu.Unlock()
	i := len(w.Inbound)
	w.receive(Sender{Customer: customer, Line: "30001234"}, fmt.Sprintf("«in%d» سلام، سفارش من چه شد؟ «end%d»", i, i))
}

// AliOrders has Ali order an SMS to customers, in the group.
func (w *World) AliOrders(customers ...string) {
	w.Mu.Lock()
	defer w.Mu.Unlock()
	text := fmt.Sprintf("out%d hello", len(w.Orders))
	w.order(Order{Chat: w.Group, From: w.Ali, Line: "30001234", Said: "/send " + strings.Join(customers, ",") + " " + text, Text: text, Recipients: customers}, telegram.Post{})
}

// somebody returns a person and a chat that they write in: an agent, or Omid, who is one only while he is allowed to be.
func (w *World) somebody() (person, chat int64) {
	all := [][2]int64{{w.Sara, w.Sara}, {w.Sara, w.Group}, {w.Ali, w.Group}, {w.Ali, w.Group}, {w.Ali, w.Ali}, {w.Omid, w.Group}}
	all = slices.DeleteFunc(all, func(who [2]int64) bool { return w.Away[who[1]] || who[0] == w.Ali && who[1] == w.Group && w.gone })
	who := all[w.Rand.IntN(len(all))]
	return who[0], who[1]
}

// order has somebody order an SMS. What Omid says while he is not allowed to is no order.
func (w *World) order(o Order, p telegram.Post) {
	p.Chat, p.From = o.Chat, o.From
	if p.Document == nil {
		p.Text = o.Said
	}
	given := len(w.TG.Updates())
	o.Message, o.At = w.Say(p), time.Now()
	o.unheard = len(w.TG.Updates()) == given
	if o.From == w.Omid && !w.allowed {
		w.refused = append(w.refused, o)
		return
	}
	w.Orders = append(w.Orders, o)
}

// adminAllows lets Omid use the bot, or no longer.
func (w *World) adminAllows() {
	w.allowed = !w.allowed
	w.sayOfOmid()
}

// sayOfOmid has Sara say whether Omid may use the bot.
func (w *World) sayOfOmid() {
	chat, word := w.Sara, "/deny"
	if w.Away[chat] {
		chat = w.Group
	}
	if w.allowed {
		word = "/allow"
	}
	w.Say(telegram.Post{Chat: chat, From: w.Sara, Text: fmt.Sprint(word, " ", w.Omid)})
}

// agentLeaves takes Ali out of the group, or lets him in again.
func (w *World) agentLeaves() {
	do := w.TG.RemoveMember
	if w.gone {
		do = w.TG.AddMember
	}
	if err := do(w.Group, w.Ali); err != nil {
		w.Errorf("leave: %v", err)
		return
	}
	w.gone = !w.gone
}

// Recent returns one of the bot's last messages in a chat that satisfy a condition.
func (w *World) Recent(chat int64, wanted func(telegram.Message) bool) (telegram.Message, bool) {
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
	return found[w.Rand.IntN(len(found))], true
}

// lastID returns the last short id in a text; none is "".
func lastID(text string) string {
	for i := strings.LastIndex(text, "#s"); i >= 0; i = strings.LastIndex(text[:i], "#s") {
		rest := strings.TrimLeft(text[i+2:], "0123456789abcdefghijklmnopqrstuvwxyz")
		if id := text[i : len(text)-len(rest)]; len(id) > 2 {
			return id
		}
	}
	return ""
}

var shortID = regexp.MustCompile(`📩[^\n]*(#s[0-9a-z]+)`)

// AgentReplies has an agent answer an SMS that is shown, if one is. Mu is held.
func (w *World) AgentReplies() {
	agent, chat := w.somebody()
	closed := w.closed()
	shown, ok := w.Recent(chat, func(m telegram.Message) bool {
		return strings.Contains(m.Text, "«in") && !isList(m) && !closed[m.Topic]
	})
	if !ok {
		return
	}
	o := Order{Chat: chat, From: agent, Reply: true, Text: fmt.Sprintf("out%d ok", len(w.Orders)+len(w.refused))}
	o.Said = o.Text
	begins := slices.DeleteFunc(MarkPattern.FindAllString(shown.Text, -1), func(s string) bool { return !strings.HasPrefix(s, "«in") })
	of := begins[0]
	heads := shortID.FindAllStringSubmatch(shown.Text, -1)
	for _, h := range heads {
		o.of = append(o.of, h[1])
	}
	if len(heads) > 1 {
		older := len(heads) - len(begins) // of the file with which the world began one SMS may be shown, the first
		if older != 0 && (older != 1 || w.older.batch == 0) {
			w.Errorf("a message shows %d SMS under %d heads: %s", len(begins), len(heads), shown.Text)
			return
		}
		i := w.Rand.IntN(len(begins))
		of, o.Said = begins[i], heads[older+i][1]+" "+o.Text
	}
	to := w.Inbound[NumberOf(of)]
	o.Recipients, o.Line = []string{to.Customer}, to.Line
	if w.Rand.IntN(5) == 0 {
		w.answerWithCanned(o, shown.ID)
		return
	}
	w.order(o, telegram.Post{ReplyTo: shown.ID})
}

// answerWithCanned has an agent prepare the answer that o is, send it, and remove it; or choose it among what the bot offers.
func (w *World) answerWithCanned(o Order, shown int) {
	name, words := strings.Fields(o.Text)[0], o.Text+" {number} {line}"
	say := func(text string) { w.Say(telegram.Post{Chat: o.Chat, From: o.From, Text: text}) }
	alone := o.Said == o.Text // what is chosen cannot begin with an SMS's id
	of := strings.TrimSuffix(o.Said, o.Text)
	o.Text += " " + o.Recipients[0] + " " + o.Line
	if alone && w.Rand.IntN(2) == 0 {
		o.Said = words
		w.order(o, telegram.Post{ReplyTo: shown, ViaBot: w.TG.Bot().Username})
		return
	}
	say("/canned " + name + " " + words)
	o.Said, o.canned = "/c "+of+name, true
	w.order(o, telegram.Post{ReplyTo: shown})
	say("/canned -" + name)
}

func (w *World) agentSends(n int) {
	agent, chat := w.somebody()
	o := Order{Chat: chat, From: agent, Line: "30001234", Text: fmt.Sprintf("out%d hello", len(w.Orders)+len(w.refused))}
	if w.Rand.IntN(10) == 0 {
		o.Text += strings.Repeat(" and more", 20) // two parts: asks first
	}
	first := w.Rand.IntN(10000)
	for i := range n {
		o.Recipients = append(o.Recipients, fmt.Sprintf("0913000%04d", (first+i)%10000))
	}
	o.Said = "/send " + strings.Join(o.Recipients, ",") + " " + o.Text
	w.order(o, telegram.Post{})
}

// agentPresses presses a button, perhaps one that stood there before, half the time twice or after a colleague.
func (w *World) agentPresses() {
	_, chat := w.somebody()
	m, ok := w.Recent(chat, func(m telegram.Message) bool { return len(m.Buttons) > 0 || len(m.History) > 0 && w.Rand.IntN(5) == 0 })
	if !ok {
		return
	}
	rows := m.Buttons
	for _, v := range m.History {
		if len(rows) == 0 || w.Rand.IntN(5) == 0 {
			rows = v.Buttons
		}
	}
	var data []string
	for _, row := range rows {
		for _, b := range row {
			if b.Data != "" { // nobody hears of the press of one that copies
				data = append(data, b.Data)
			}
		}
	}
	if len(data) == 0 {
		return
	}
	choice := data[w.Rand.IntN(len(data))]
	w.press(m, choice)
	for range w.Rand.IntN(2) {
		if w.Rand.IntN(2) == 0 {
			choice = data[w.Rand.IntN(len(data))]
		}
		w.press(m, choice)
	}
}

func (w *World) press(m telegram.Message, data string) {
	by := m.Chat
	if m.Chat == w.Group {
		by = []int64{w.Sara, w.Sara, w.Ali, w.Ali, w.Omid}[w.Rand.IntN(5)]
		if by == w.Ali && w.gone {
			by = w.Sara
		}
	}
	w.pressAs(by, m, data)
}

// pressAs has somebody press a button, and notes it. Mu is held.
func (w *World) pressAs(by int64, m telegram.Message, data string) {
	if strings.HasPrefix(data, "forget:") {
		w.pressForget(by, m, data)
		return
	}
	if aboutWishes(data) {
		w.choices = append(w.choices, choice{time.Now(), by, m.Chat, m.ReplyTo, data})
	} else if by != w.Omid || w.allowed {
		w.NotePress(by, data)
	}
	if _, err := w.TG.Press(by, m.Chat, m.ID, data); err != nil {
		w.Errorf("press: %v", err)
	}
}

// NotePress notes that an agent presses a button. Mu is held.
func (w *World) NotePress(by int64, data string) {
	if strings.HasPrefix(data, "history:") || strings.HasPrefix(data, "find:") || strings.HasPrefix(data, "import:") || strings.HasPrefix(data, "waiting:") || data == "inbox" || data == "answer" { // it turns a page, or is not about an order
		return
	}
	parts := strings.Split(data, ":") // b:BATCH:GENERATION:DECISION
	if len(parts) != 4 {
		w.Errorf("a button carries %q", data)
		return
	}
	batch, _ := strconv.ParseUint(parts[1], 36, 64)
	generation, _ := strconv.Atoi(parts[2])
	w.presses = append(w.presses, pressed{time.Now(), by, store.BatchID(batch), generation, store.Decision(parts[3])})
}

// Pressed returns how often a button was pressed. Mu is held.
func (w *World) Pressed() int { return len(w.presses) }

func (w *World) agentEdits() {
	if len(w.Orders) == 0 {
		return
	}
	o := w.Orders[w.Rand.IntN(len(w.Orders))]
	if o.bulk || w.Away[o.Chat] || o.Chat == w.was || o.Chat == w.Group && o.From == w.Ali && w.gone {
		return
	}
	if err := w.TG.Edit(o.From, o.Chat, o.Message, o.Said+" edited"); err != nil {
		w.Errorf("edit: %v", err)
	}
}

// telegramRepeats redelivers an update that the bridge has confirmed. Telegram keeps them for a day. It repeats nothing that
// Omid said in vain, as he may be allowed by now; and of before a restored backup nothing that says whether he is: the backup may not know that it was
// taken, and the bridge would obey.
func (w *World) telegramRepeats() {
	all := w.TG.Updates()
	inVain := func(u telegram.Update) bool {
		return slices.ContainsFunc(w.refused, func(o Order) bool { return strings.Contains(u.JSON, strconv.Quote(o.Said)) })
	}
	all = slices.DeleteFunc(all[max(0, len(all)-30):], func(u telegram.Update) bool {
		return !u.Confirmed || time.Since(u.At) > 23*time.Hour || inVain(u) || w.era(u.At) < len(w.Restored) && aboutOmid(u)
	})
	if len(all) > 0 {
		_ = w.TG.Redeliver(all[w.Rand.IntN(len(all))].ID) // another act may have taken it
	}
}

func (w *World) agentAsks() {
	agent, chat := w.somebody()
	w.Say(telegram.Post{Chat: chat, From: agent, Text: []string{"/credit", "/status", "/help", "/waiting", "/scheduled"}[w.Rand.IntN(5)]})
}

// agentAsksForFigures has an agent ask for a picture.
func (w *World) agentAsksForFigures() {
	agent, chat := w.somebody()
	w.Say(telegram.Post{Chat: chat, From: agent, Text: []string{"/stats", "/stats 30"}[w.Rand.IntN(2)]})
}

// adminExports has the admin, or somebody who may not, ask for SMS as a file.
func (w *World) adminExports() {
	agent, chat := w.somebody()
	if w.Rand.IntN(4) > 0 {
		if agent = w.Sara; chat != w.Group && chat != w.Sara {
			chat = w.Group
		}
		if w.Away[chat] {
			return
		}
	}
	words := "/export"
	if len(w.Inbound) > 0 && w.Rand.IntN(2) == 0 {
		words += " " + w.Inbound[w.Rand.IntN(len(w.Inbound))].Customer + " 30"
	}
	w.Say(telegram.Post{Chat: chat, From: agent, Text: words})
}

// isList reports whether a message of the bot tells of SMS that were shown before.
func isList(m telegram.Message) bool {
	return strings.HasPrefix(m.Text, "🕘") || strings.HasPrefix(m.Text, "🔎")
}

// agentLooksBack has an agent ask for the SMS of a customer, or look for some.
func (w *World) agentLooksBack() {
	if len(w.Inbound) == 0 {
		return
	}
	agent, chat := w.somebody()
	of := w.Inbound[w.Rand.IntN(len(w.Inbound))]
	w.Say(telegram.Post{Chat: chat, From: agent, Text: []string{"/history " + of.Customer, "/find سلام", "/find " + of.Customer[4:9]}[w.Rand.IntN(3)]})
}

var headInList = regexp.MustCompile(`(?m)^(?:📩|📤)[^\n]*(#s[0-9a-z]+)$`)

// agentAnswersFromAList has an agent answer an SMS by quoting it in a list, which must go to its customer and nobody else.
func (w *World) agentAnswersFromAList() {
	agent, chat := w.somebody()
	closed := w.closed()
	list, ok := w.Recent(chat, func(m telegram.Message) bool {
		return isList(m) && strings.Contains(m.Text, "«in") && !closed[m.Topic]
	})
	if !ok {
		return
	}
	begins := slices.DeleteFunc(MarkPattern.FindAllStringIndex(list.Text, -1), func(at []int) bool { return !strings.HasPrefix(list.Text[at[0]:], "«in") })
	at := begins[w.Rand.IntN(len(begins))]
	to := w.Inbound[NumberOf(list.Text[at[0]:at[1]])]
	o := Order{Chat: chat, From: agent, Reply: true, Text: fmt.Sprintf("out%d ok", len(w.Orders)+len(w.refused)), Recipients: []string{to.Customer}, Line: to.Line}
	// One SMS on the list that nobody knows any more makes all of it unknown.
	o.Said, o.perhaps = o.Text, w.era(list.Date) < len(w.Restored) || time.Since(list.Date) > kept/2 || slices.ContainsFunc(w.erasings, func(x erasing) bool { return strings.Contains(list.Text, x.customer) })
	for _, head := range headInList.FindAllStringSubmatch(list.Text, -1) {
		o.of = append(o.of, head[1])
	}
	quote := &telegram.Quote{Text: list.Text[at[0]:at[1]], At: len(utf16.Encode([]rune(list.Text[:at[0]])))}
	if now, _ := w.TG.Message(chat, list.ID); now.Text == list.Text { // else the page was turned
		w.order(o, telegram.Post{ReplyTo: list.ID, Quote: quote})
	}
}

// closed returns the topics that are closed: their customers must write before agents can.
func (w *World) closed() map[int]bool {
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

// agentTidies closes or renames a customer's topic, or renames a customer elsewhere.
func (w *World) agentTidies() {
	if w.Away[w.Group] {
		return
	}
	closed := w.closed()
	m, ok := w.Recent(w.Group, func(m telegram.Message) bool {
		return strings.Contains(m.Text, "«in") && !isList(m) && !closed[m.Topic]
	})
	if !ok {
		return
	}
	name := fmt.Sprintf("Customer %d!", len(w.named))
	of := w.Inbound[NumberOf(m.Text)].Customer
	switch w.Rand.IntN(3) {
	case 0:
		w.named = append(w.named, named{of, name, time.Now()})
		w.Say(telegram.Post{Chat: w.Group, From: w.Sara, ReplyTo: m.ID, Text: "/name " + name})
	case 1:
		if m.Topic != 0 {
			_ = w.TG.CloseTopic(w.Sara, w.Group, m.Topic) // it may be gone
		}
	case 2:
		if m.Topic != 0 {
			w.named = append(w.named, named{of, name, time.Now()})
			_ = w.TG.RenameTopic(w.Sara, w.Group, m.Topic, name) // it may be gone
		}
	}
}

// adminForbids forbids reactions in the group, or allows them again.
func (w *World) adminForbids() {
	if !w.strict {
		return
	}
	if err := w.TG.ForbidReactions(w.Group, w.Rand.IntN(2) == 0); err != nil {
		w.Errorf("forbid reactions: %v", err)
	}
}

// Spoil has the networks fail a few times.
func (w *World) Spoil() {
	for range w.Rand.IntN(3) {
		f := telegram.Fault{
			Method:     []string{"sendMessage", "sendMessage", "sendMessage", "editMessageText", "setMessageReaction", "getUpdates", "answerCallbackQuery", "getMe", "createForumTopic", "sendPhoto", "sendDocument"}[w.Rand.IntN(11)],
			Kind:       []telegram.FaultKind{telegram.TooMany, telegram.BadGateway, telegram.CloseBefore, telegram.CloseAfter, telegram.CutAnswer, telegram.Slow}[w.Rand.IntN(6)],
			Skip:       w.Rand.IntN(4),
			RetryAfter: 1,
			Delay:      40 * time.Millisecond,
		}
		if err := w.TG.Arm(f); err != nil {
			w.Errorf("arm: %v", err)
		}
	}
	for range w.Rand.IntN(3) {
		kinds := []panel.Fault{
			{Kind: panel.Close}, {Kind: panel.Close, CarryOut: true}, {Kind: panel.Cut},
			// The SMS are taken away before the delay: nobody could know of those taken after the caller is dead.
			{Kind: panel.Slow, Delay: 40 * time.Millisecond, CarryOut: true},
			{Kind: panel.HTML}, {Kind: panel.HTML, CarryOut: true}, {Kind: panel.Crash}, {Kind: panel.Crash, CarryOut: true},
			{Kind: panel.Empty, CarryOut: true}, {Kind: panel.Garbage}, {Kind: panel.SOAPFault, Text: "no"}, {Kind: panel.ErrCode, Code: w.Kind.refused}, {Kind: panel.ErrCode, Code: w.Kind.login},
		}
		f := kinds[w.Rand.IntN(len(kinds))]
		f.Method = []string{"GetMsg", "GetMsg", "SendSMS", "SendSMS", "SendSMS", "GetStatus", "GetCredit", "SendMultipleSMS"}[w.Rand.IntN(8)]
		if n := len(w.Kind.methods); n > 0 && w.Rand.IntN(4) == 0 {
			f.Method = w.Kind.methods[w.Rand.IntN(n)]
		}
		w.Panel.Arm(f)
	}
}
