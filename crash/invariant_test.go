package crash

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"peyk/sandbox/panel"
	"peyk/sandbox/telegram"
	"peyk/sms"
	"peyk/store"
)

// evidence is what the two networks saw and, once the bridge has ended, what its store says.
type evidence struct {
	*world
	past
	messages  map[int64][]telegram.Message // of the bot, by chat
	shown     map[int64][]sighting
	incidents []window // shown
	sent      []panel.SMS
	requests  []panel.Request
	store     *store.Store // a copy; nil while the bridge runs
	batches   []batch
}

// sighting is a mark of an SMS in a message of the bot.
type sighting struct {
	mark     string
	message  int
	topic    int
	at       time.Time
	repeated bool // the message says that it perhaps repeats
}

// window is a time in which, says a message, SMS may be lost.
type window struct{ from, to time.Time }

// batch is an order as the store has it.
type batch struct {
	store.Batch
	recipients []store.SMS
}

func (w *world) look() *evidence {
	w.mu.Lock()
	defer w.mu.Unlock()
	e := &evidence{world: w, past: w.past, messages: map[int64][]telegram.Message{}, shown: map[int64][]sighting{}, sent: w.panel.Sent(), requests: w.panel.Requests()}
	for _, chat := range []int64{w.group, w.sara, w.ali} {
		for _, m := range w.tg.Messages(chat) {
			if !m.FromBot {
				continue
			}
			e.messages[chat] = append(e.messages[chat], m)
			e.incidents = append(e.incidents, w.readIncident(m.Text)...)
			if !strings.Contains(m.Text, "«") {
				continue // most are about no SMS, and to search them would cost more than all the rest
			}
			for _, found := range mark.FindAllString(m.Text, -1) {
				e.shown[chat] = append(e.shown[chat], sighting{found, m.ID, m.Topic, m.Date, strings.Contains(m.Text, "perhaps repeated")})
			}
		}
	}
	return e
}

var (
	lost    = regexp.MustCompile(`Between (\S+ \S+) and (\S+ \S+) up to \d+ SMS may be lost`)
	again   = regexp.MustCompile(`Between (\S+ \S+) and (\S+ \S+) (?:the panel gave \d+ answers that cannot be read|answers of the panel broke off)`)
	damaged = regexp.MustCompile(`At (\S+ \S+) (?:an answer of the panel broke off|the panel gave an answer that cannot be read)`)
)

// readIncident returns the time a message says SMS may be lost from. Of a damaged answer it tells when it was there: the SMS
// in it were handed out after the call before it began.
func (w *world) readIncident(text string) []window {
	if !strings.HasPrefix(text, "⚠️") {
		return nil
	}
	read := func(s string) time.Time {
		t, err := time.Parse("2006-01-02 15:04:05", s)
		if err != nil {
			w.Errorf("time of an incident: %v", err)
		}
		return t
	}
	if found := lost.FindStringSubmatch(text); found != nil {
		return []window{{read(found[1]), read(found[2]).Add(time.Second)}}
	}
	if found := again.FindStringSubmatch(text); found != nil {
		return []window{w.call(read(found[1]), read(found[2]).Add(time.Second))}
	}
	if found := damaged.FindStringSubmatch(text); found != nil {
		return []window{w.call(read(found[1]), read(found[1]).Add(time.Second))}
	}
	return nil
}

// call returns the time that the fetches with an answer between from and to took: since when they were under way, until to.
func (p past) call(from, to time.Time) window {
	i, _ := slices.BinarySearchFunc(p.fetches, from, time.Time.Compare)
	return window{p.fetches[max(0, i-1)], to}
}

// windows returns when, say incidents of the store, SMS may have been lost.
func (p past) windows(incidents []store.Incident) (windows []window) {
	for _, i := range incidents {
		switch i.Kind {
		case store.FetchLost:
			windows = append(windows, window{i.From, i.To})
		case store.FetchCut, store.Undecodable:
			to := i.To
			if to.IsZero() {
				to = i.From
			}
			windows = append(windows, p.call(i.From, to))
		}
	}
	return windows
}

func (v window) holds(t time.Time) bool { return !t.Before(v.from) && !t.After(v.to) }

// missing returns which SMS the panel handed out and are shown nowhere.
func (e *evidence) missing() []handed {
	seen := map[string]bool{}
	for _, all := range e.shown {
		for _, s := range all {
			seen[s.mark] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(e.fetched), func(h handed) bool {
		return seen[fmt.Sprintf("«in%d»", h.n)] && seen[fmt.Sprintf("«end%d»", h.n)]
	})
}

// unaccounted returns an error for an SMS handed out that is neither shown nor told of by an incident.
func (e *evidence) unaccounted() error {
	for _, h := range e.missing() {
		if !slices.ContainsFunc(e.incidents, func(v window) bool { return v.holds(h.at) }) {
			return fmt.Errorf("SMS %d is neither shown nor covered by an incident", h.n)
		}
	}
	return nil
}

// I1: SMS handed out = posted + covered by an incident, which the team was shown. One that lasts was told of, and will be once more in full.
func I1(e *evidence) error {
	var wrong []error
	stored, err := e.store.Incidents()
	if err != nil {
		return err
	}
	windows := e.windows(stored)
	lasting := e.windows(slices.DeleteFunc(stored, func(i store.Incident) bool { return !i.Lasts }))
	for _, h := range e.missing() {
		covers := func(v window) bool { return v.holds(h.at) }
		switch {
		case !slices.ContainsFunc(windows, covers):
			wrong = append(wrong, fmt.Errorf("SMS %d, handed out at %s, is neither shown nor in an incident", h.n, h.at.Format(time.StampMicro)))
		case !slices.ContainsFunc(e.incidents, covers) && !slices.ContainsFunc(lasting, covers):
			wrong = append(wrong, fmt.Errorf("SMS %d, handed out at %s, is in an incident that nobody was shown", h.n, h.at.Format(time.StampMicro)))
		}
	}
	return errors.Join(wrong...)
}

// I2: per SMS and chat 1 <= posts <= 1 + kills. More exactly: between two copies lies a kill, or a call whose answer was lost,
// and the later copy says that it perhaps repeats.
func I2(e *evidence) error {
	var wrong []error
	everywhere := map[string]bool{}
	for _, all := range e.shown {
		for _, s := range all {
			everywhere[s.mark] = true
		}
	}
	for _, chat := range []int64{e.group, e.sara} {
		var reasons []time.Time // why something may come twice
		for _, s := range e.starts {
			if s.afterKill {
				reasons = append(reasons, s.at)
			}
		}
		for _, c := range e.tg.Calls() {
			if c.Chat == chat && c.Method == "sendMessage" && (c.Fault == telegram.CloseAfter || c.Fault == telegram.CutAnswer) {
				reasons = append(reasons, c.At)
			}
		}
		last := map[string]sighting{}
		for _, s := range e.shown[chat] {
			before, again := last[s.mark]
			last[s.mark] = s
			if !again {
				continue
			}
			if !s.repeated {
				wrong = append(wrong, fmt.Errorf("chat %d: %s is shown again in message %d, which does not say so: %s", chat, s.mark, s.message, e.story(chat, s.mark)))
			}
			// What a bridge had put on the wire is shown a little after its end.
			if !slices.ContainsFunc(reasons, (window{before.at.Add(-50 * time.Millisecond), s.at}).holds) {
				wrong = append(wrong, fmt.Errorf("chat %d: %s is shown again in message %d, after %d, and nothing happened in between: %s", chat, s.mark, s.message, before.message, e.story(chat, s.mark)))
			}
		}
		for m := range everywhere {
			if _, ok := last[m]; !ok {
				wrong = append(wrong, fmt.Errorf("chat %d: %s is not shown, though elsewhere", chat, m))
			}
		}
	}
	return errors.Join(wrong...)
}

// story tells, for who looks for the cause, when a chat showed what bears a mark, and between which starts.
func (e *evidence) story(chat int64, mark string) string {
	type event struct {
		at   time.Time
		what string
	}
	var events []event
	for _, s := range e.shown[chat] {
		if s.mark == mark {
			events = append(events, event{s.at, fmt.Sprintf("message %d, repeated %t", s.message, s.repeated)})
		}
	}
	first, last := events[0].at.Add(-life), events[len(events)-1].at
	for _, s := range e.starts {
		events = append(events, event{s.at, fmt.Sprintf("start, after a kill %t", s.afterKill)})
	}
	for _, c := range e.tg.Calls() {
		if c.Chat == chat && (c.Fault != "" || c.Code != 200) {
			events = append(events, event{c.At, fmt.Sprintf("%s: %d %s", c.Method, c.Code, c.Fault)})
		}
	}
	slices.SortStableFunc(events, func(a, b event) int { return a.at.Compare(b.at) })
	var told []string
	for _, x := range events {
		if !x.at.Before(first) && !x.at.After(last) {
			told = append(told, x.at.Format("05.000000 ")+x.what)
		}
	}
	return strings.Join(told, "; ")
}

// I3: per chat, and per topic where each customer has one, first copies are in the order the panel handed them out.
func I3(e *evidence) error {
	var wrong []error
	place := map[int]int{}
	for i, h := range e.fetched {
		place[h.n] = i
	}
	for chat, all := range e.shown {
		seen := map[string]bool{}
		last := map[int]int{} // by topic
		for _, s := range all {
			if seen[s.mark] || !strings.HasPrefix(s.mark, "«in") {
				continue
			}
			seen[s.mark] = true
			if p := place[numberOf(s.mark)]; p < last[s.topic] {
				wrong = append(wrong, fmt.Errorf("chat %d: %s is shown for the first time in message %d, after SMS that came later", chat, s.mark, s.message))
			} else {
				last[s.topic] = p
			}
		}
	}
	return errors.Join(wrong...)
}

// orderOf returns the order with that text.
func (e *evidence) orderOf(text string) (order, bool) {
	i := slices.IndexFunc(e.orders, func(o order) bool { return o.text == text })
	if i < 0 {
		return order{}, false
	}
	return e.orders[i], true
}

// batchesOf returns what an order gave.
func (e *evidence) batchesOf(o order) []batch {
	return slices.DeleteFunc(slices.Clone(e.batches), func(b batch) bool {
		return int64(b.Chat) != o.chat || int(b.Message) != o.message
	})
}

// again returns how often an agent may have decided that what is uncertain be sent again.
func (e *evidence) again(id store.BatchID) int {
	generations := map[int]bool{}
	for _, p := range e.presses {
		if p.batch == id && p.decision == store.Again {
			generations[p.generation] = true
		}
	}
	return len(generations)
}

// I4: each attempt reached the panel at most once: a customer is named by one request for an order, and by one more for each
// decision to send again.
func I4(e *evidence) error {
	var wrong []error
	type attempt struct{ text, customer string }
	requests := map[attempt]int{}
	for _, r := range e.requests {
		if r.Method != "SendSMS" || len(r.Params["messageContent"]) != 1 || r.Code == -1 { // a login refused sends nothing, and is tried again
			continue
		}
		for _, n := range r.Params["toNum"] {
			requests[attempt{r.Params["messageContent"][0], n}]++
		}
	}
	for a, n := range requests {
		o, ok := e.orderOf(a.text)
		if !ok || !slices.Contains(o.recipients, a.customer) {
			wrong = append(wrong, fmt.Errorf("the panel was asked to send %q to %s, which nobody ordered", a.text, a.customer))
			continue
		}
		allowed := 1
		for _, b := range e.batchesOf(o) {
			allowed += e.again(b.ID)
		}
		if n > allowed {
			wrong = append(wrong, fmt.Errorf("the panel was asked %d times to send %q to %s, %d are in order", n, a.text, a.customer, allowed))
		}
	}
	return errors.Join(wrong...)
}

// I5: one batch per command, with its text and recipients, and each question answered once by the button pressed.
func I5(e *evidence) error {
	var wrong []error
	for _, o := range e.orders {
		found := e.batchesOf(o)
		if len(found) != 1 {
			wrong = append(wrong, fmt.Errorf("message %d of chat %d, %.60q, gave %d batches", o.message, o.chat, o.said, len(found)))
			continue
		}
		b := found[0]
		var to []string
		for _, r := range b.recipients {
			to = append(to, string(r.Customer))
		}
		if b.Text != o.text || !slices.Equal(to, o.recipients) || string(b.Line) != o.line {
			wrong = append(wrong, fmt.Errorf("message %d of chat %d, %.60q, gave batch %d: %q to %v from %s, not to %v from %s", o.message, o.chat, o.said, b.ID, b.Text, to, b.Line, o.recipients, o.line))
		}
	}
	if len(e.batches) != len(e.orders) {
		wrong = append(wrong, fmt.Errorf("%d batches for %d orders", len(e.batches), len(e.orders)))
	}
	for _, b := range e.batches {
		for _, p := range e.presses {
			if p.batch != b.ID || p.generation != b.Generation {
				continue
			}
			asked := b.State == store.Asking && (p.decision == store.Send || p.decision == store.Cancel) && p.by == int64(b.Agent)
			if asked || b.Uncertain > 0 && (p.decision == store.Again || p.decision == store.WasSent || p.decision == store.Leave) {
				wrong = append(wrong, fmt.Errorf("batch %d: %q was pressed and decided nothing", b.ID, p.decision))
			}
		}
	}
	return errors.Join(wrong...)
}

// I6: what the panel accepted is Sent, or uncertain.
func I6(e *evidence) error {
	var wrong []error
	for _, s := range e.sent {
		o, _ := e.orderOf(s.Text)
		for _, b := range e.batchesOf(o) {
			i := slices.IndexFunc(b.recipients, func(r store.SMS) bool { return string(r.Customer) == s.Customer })
			if i < 0 {
				continue // I4 tells of it
			}
			r := b.recipients[i]
			known := r.Status >= sms.Sent && r.Reason == "" || r.Status == sms.Sending && b.Uncertain+b.Left > 0
			if !known && e.again(b.ID) == 0 { // of an SMS sent again the store tells how the last attempt went
				wrong = append(wrong, fmt.Errorf("batch %d: the panel accepted %s for %s, the store has it as status %d, %q", b.ID, s.ID, s.Customer, r.Status, r.Reason))
			}
		}
	}
	return errors.Join(wrong...)
}

// report returns the message that reports a batch.
func (e *evidence) report(b batch) (telegram.Message, bool) {
	i := slices.IndexFunc(e.messages[int64(b.Chat)], func(m telegram.Message) bool { return m.ID == int(b.Shown) })
	if i < 0 {
		return telegram.Message{}, false
	}
	return e.messages[int64(b.Chat)][i], true
}

// I7: every uncertain was told, with the buttons of the question asked now; so was every incident.
func I7(e *evidence) error {
	var wrong []error
	for _, b := range e.batches {
		if b.Uncertain == 0 {
			continue
		}
		m, ok := e.report(b)
		again := fmt.Sprintf("b:%s:%d:again", strconv.FormatUint(uint64(b.ID), 36), b.Generation)
		asks := slices.ContainsFunc(m.Buttons, func(row []telegram.Button) bool {
			return slices.ContainsFunc(row, func(x telegram.Button) bool { return x.Data == again })
		})
		if !ok || !strings.Contains(m.Text, "cannot be known") || !asks {
			wrong = append(wrong, fmt.Errorf("batch %d: %d are uncertain, message %d does not ask about them: %q", b.ID, b.Uncertain, b.Shown, m.Text))
		}
	}
	incidents, err := e.store.Incidents()
	for _, i := range incidents {
		if !i.Told {
			wrong = append(wrong, fmt.Errorf("incident %d, %s, was not told", i.ID, i.Kind))
		}
	}
	return errors.Join(append(wrong, err)...)
}

// of the panel's status codes.
var (
	statuses = map[int]sms.Status{1: sms.Sent, 2: sms.Failed, 3: sms.AtTelecom, 4: sms.Delivered, 5: sms.Failed, 6: sms.Failed}
	phrases  = map[int]string{1: "sent, no word yet", 2: "trouble in the telecom", 3: "reached the telecom", 4: "delivered.", 5: "did not reach", 6: "black list"}
	counts   = regexp.MustCompile(`(\d+) (waiting|being sent|sent|at the telecom|delivered|failed|uncertain|left uncertain)(?:,|\n|$)`)
)

// I8: the last status shown is the last the panel gave: on a reply as its mark, and in words or in counts wherever a message tells of it.
func I8(e *evidence) error {
	var wrong []error
	at := map[string]int{}
	for _, s := range e.sent {
		at[s.ID] = s.Status
	}
	for _, b := range e.batches {
		m, told := e.report(b)
		want := map[string]int{}
		silent := b.State == store.Going // nothing but good news
		for _, r := range b.recipients {
			status := r.Status
			if said, ok := at[string(r.ID)]; r.ID != "" && ok {
				status = statuses[said]
				if b.N == 1 && told && !strings.Contains(m.Text, phrases[said]) {
					wrong = append(wrong, fmt.Errorf("batch %d: the panel says %d, message %d %q", b.ID, said, m.ID, m.Text))
				}
			} else {
				silent = false // refused, or nobody can ask how it fares
			}
			silent = silent && (status == sms.Sent || status == sms.AtTelecom || status == sms.Delivered)
			want[[]string{"waiting", "uncertain", "sent", "at the telecom", "delivered", "failed"}[status]]++
		}
		if b.Left > 0 && want["uncertain"] > 0 {
			want["left uncertain"] = b.Left
			if want["uncertain"] -= b.Left; want["uncertain"] == 0 {
				delete(want, "uncertain")
			}
		}
		if b.N > 1 && b.State == store.Going {
			got := map[string]int{}
			line, _, _ := strings.Cut(m.Text, "\n")
			for _, found := range counts.FindAllStringSubmatch(line, -1) {
				got[found[2]], _ = strconv.Atoi(found[1])
			}
			if !maps.Equal(got, want) {
				wrong = append(wrong, fmt.Errorf("batch %d: message %d says %q, of the recipients are %v", b.ID, m.ID, line, want))
			}
		}
		reply := slices.ContainsFunc(e.orders, func(o order) bool {
			return o.reply && o.chat == int64(b.Chat) && o.message == int(b.Message)
		})
		forbidden := e.strict && int64(b.Chat) == e.group // reactions were, now and then: then the message tells
		if !told && (!reply || !silent) {
			wrong = append(wrong, fmt.Errorf("batch %d is reported nowhere", b.ID))
		}
		if !reply {
			continue
		}
		if got, mark := e.markOf(b), markFor(b, want); got != mark && !(forbidden && told) {
			wrong = append(wrong, fmt.Errorf("batch %d: the reply bears %q, want %q", b.ID, got, mark))
		}
		if told && !forbidden && !e.hadToSay(b) {
			wrong = append(wrong, fmt.Errorf("batch %d: message %d tells of what went well, %q", b.ID, m.ID, m.Text))
		}
	}
	return errors.Join(wrong...)
}

// markFor is the mark of a reply of whose recipients so many are this and that.
func markFor(b batch, are map[string]int) string {
	switch {
	case b.State == store.Cancelled || b.State == store.Expired:
		return ""
	case are["failed"] > 0:
		return "👎"
	case are["delivered"] == b.N:
		return "👍"
	case are["delivered"]+are["sent"]+are["at the telecom"] == b.N:
		return "👌"
	}
	return "👀"
}

// markOf is what the bot put on the message that ordered a batch.
func (e *evidence) markOf(b batch) string {
	m, _ := e.tg.Message(int64(b.Chat), int(b.Message))
	return marksOf(m)
}

func marksOf(m telegram.Message) string {
	var all []string
	for _, r := range m.Reactions {
		all = append(all, r.Emoji)
	}
	return strings.Join(all, " and ")
}

// goodNews are all that a report may say of a reply that went well.
var goodNews = []string{"sending…", "sent, no word yet", "reached the telecom, not yet", "delivered."}

// hadToSay tells whether a message about a reply ever said more than its mark does.
func (e *evidence) hadToSay(b batch) bool {
	for _, m := range e.messages[int64(b.Chat)] {
		if m.ReplyTo != int(b.Message) {
			continue
		}
		for _, v := range append(m.History, telegram.Version{Text: m.Text}) {
			if !slices.ContainsFunc(goodNews, func(words string) bool { return strings.HasSuffix(v.Text, words) }) {
				return true
			}
		}
	}
	return false
}

// I9: indexes agree with rows and the file's pages are sound.
func I9(e *evidence) error { return e.store.Check() }

// I11: no 429 caused; those of faults are not.
func I11(e *evidence) error {
	var wrong []error
	counted := []string{"sendMessage", "editMessageText", "createForumTopic"}
	calls := slices.DeleteFunc(e.tg.Calls(), func(c telegram.Call) bool {
		return !slices.Contains(counted, c.Method) || c.Code == 429 && c.Fault == telegram.TooMany
	})
	for i, c := range calls {
		if c.Code != 429 {
			continue
		}
		var before []string
		for _, b := range calls[max(0, i-50):i] {
			if b.Chat == c.Chat {
				before = append(before, fmt.Sprintf("%s %d%s %s", b.Method, b.Code, b.Fault, c.At.Sub(b.At).Round(100*time.Microsecond)))
			}
		}
		wrong = append(wrong, fmt.Errorf("chat %d: %s %s at %s; calls before that by %q", c.Chat, c.Method, c.Description, c.At.Format(time.StampMicro), before))
	}
	return errors.Join(wrong...)
}

// I12: where each customer has a topic, all SMS of one are shown in the same, and no two share one. A topic made by a process that was
// killed before it noted so stays empty.
func I12(e *evidence) error {
	if !e.topics {
		return nil
	}
	var wrong []error
	topics, customers := map[string]int{}, map[int]string{}
	for _, s := range e.shown[e.group] {
		customer := e.inbound[numberOf(s.mark)].customer
		if t, known := topics[customer]; s.topic == 0 || known && t != s.topic {
			wrong = append(wrong, fmt.Errorf("%s is shown in topic %d, others of its customer in %d", s.mark, s.topic, t))
		}
		if other, known := customers[s.topic]; known && other != customer {
			wrong = append(wrong, fmt.Errorf("topic %d shows SMS of two customers", s.topic))
		}
		topics[customer], customers[s.topic] = s.topic, customer
	}
	return errors.Join(wrong...)
}

// invariants in their order; I10 is of losses of power, see power_test.go.
var invariants = []struct {
	name  string
	check func(*evidence) error
}{{"I1", I1}, {"I2", I2}, {"I3", I3}, {"I4", I4}, {"I5", I5}, {"I6", I6}, {"I7", I7}, {"I8", I8}, {"I9", I9}, {"I11", I11}, {"I12", I12}}

// violations checks every invariant on the store of a bridge that has ended.
func (e *evidence) violations() []error {
	var all []error
	for _, i := range invariants {
		if err := i.check(e); err != nil {
			all = append(all, fmt.Errorf("%s: %w", i.name, err))
		}
	}
	return all
}

// open opens a copy of the file and reads what the invariants need of it.
func (e *evidence) open() error {
	st, err := e.openCopy()
	if err != nil {
		return err
	}
	e.store = st
	for _, chat := range []int64{e.group, e.sara, e.ali} {
		all, err := st.Batches(store.ChatID(chat), 1<<20)
		if err != nil {
			return err
		}
		for _, b := range all {
			to, err := st.Recipients(b, 0, b.N)
			if err != nil {
				return err
			}
			e.batches = append(e.batches, batch{b, to})
		}
	}
	return nil
}

// settled returns why, as far as can be seen from outside, the bridge has not come to rest yet.
func (w *world) settled() error {
	if n := w.panel.Unread(); n > 0 {
		return fmt.Errorf("the panel holds %d SMS", n)
	}
	for _, u := range w.tg.Updates() {
		if !u.Confirmed {
			return fmt.Errorf("update %d is not confirmed", u.ID)
		}
	}
	w.mu.Lock()
	n := len(w.fetches)
	// The second fetch tells that the first one is done with. To look costs more than all the rest: once for each fetch.
	again := n >= 2 && !w.fetches[n-2].Before(w.bridge.started) && n != w.looked
	w.looked = n
	w.mu.Unlock()
	if !again {
		return errNotYet
	}
	e := w.look()
	if len(e.fetched) < len(e.inbound) {
		return fmt.Errorf("the panel has handed out %d of %d SMS", len(e.fetched), len(e.inbound))
	}
	if err := e.unaccounted(); err != nil {
		return err
	}
	for _, o := range e.orders {
		if m, _ := e.tg.Message(o.chat, o.message); o.reply && marksOf(m) == "👍" {
			continue
		}
		var report telegram.Message
		for _, m := range e.messages[o.chat] {
			if m.ReplyTo == o.message && !strings.Contains(m.Text, "the edit changes nothing") { // an edit's answer
				report = m
			}
		}
		if !final(report.Text, len(o.recipients)) {
			return fmt.Errorf("message %d of chat %d, %.60q, is reported as %q", o.message, o.chat, o.said, report.Text)
		}
	}
	return nil
}

var finalWords = []string{"delivered.", "did not reach", "black list", "trouble in", "panel refuses", "cannot be known", "left so", "no report"}

// askedWords are those of a question, and of one that ended without a send.
var askedWords = []string{"Send this?", "is answering this customer", "ordered exactly this", "cancelled by", "nobody answered in time"}

// final tells whether a report will hardly change by itself.
func final(report string, recipients int) bool {
	said := func(word string) bool { return strings.Contains(report, word) }
	if slices.ContainsFunc(askedWords, said) {
		return true
	}
	if recipients == 1 {
		return slices.ContainsFunc(finalWords, said)
	}
	done := 0
	for _, found := range counts.FindAllStringSubmatch(report, -1) {
		if n, _ := strconv.Atoi(found[1]); slices.Contains([]string{"delivered", "failed", "uncertain", "left uncertain"}, found[2]) {
			done += n
		}
	}
	if _, after, ok := strings.Cut(report, "no report of "); ok {
		n, _, _ := strings.Cut(after, ",")
		unfollowed, _ := strconv.Atoi(n)
		done += unfollowed
	}
	return done == recipients
}

// rest starts the bridge, lets it come to rest and ends it, until its store has nothing left to do, and returns the evidence, to be
// closed. The error is why it does not come to rest.
func (w *world) rest() (*evidence, error) {
	deadline := time.Now().Add(patience)
	for {
		w.start()
		if err := w.until(w.settled); err != nil {
			return nil, fmt.Errorf("the bridge does not come to rest: %w", err)
		}
		if err := w.bridge.end(); err != nil {
			return nil, err
		}
		e := w.look()
		if err := e.open(); err != nil {
			return nil, err
		}
		homeless, queued, err := e.store.Waiting()
		if err != nil {
			return nil, err
		}
		if homeless+queued == 0 {
			return e, nil
		}
		e.store.Close()
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("%d posts are never shown", homeless+queued)
		}
	}
}
