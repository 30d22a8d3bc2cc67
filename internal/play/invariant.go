package play

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"peyk/sandbox/panel"
	"peyk/sandbox/sandboxtest"
	"peyk/sandbox/telegram"
	"peyk/sms"
	"peyk/store"
)

// Evidence is what the two networks saw and, once the bridge has ended, what its store says.
type Evidence struct {
	*World
	Past
	Messages  map[int64][]telegram.Message // of the bot, by chat
	Shown     map[int64][]Sighting
	Incidents []window // shown
	Sent      []panel.SMS
	Requests  []panel.Request
	fetches   []Call             // see Ledger
	Fetched   []int              // SMS by number, in the order in which they are to be shown: that in which the panel handed them out
	ranks     []int              // of each of those: others of the same rank may come before it; -1 if it is there once more, as it came later
	Outages   []sandboxtest.Shut // of the panel
	Store     *store.Store       // a copy; nil while the bridge runs
	Batches   []batch
	inherited []batch              // with which the world began
	outTold   map[int]time.Time    // see toldOut
	aways     []batch              // nobody ordered them
	until     map[string]time.Time // see erased
}

// Sighting is a mark of an SMS in a message of the bot.
type Sighting struct {
	Mark     string
	id       string // the short id in the head above it
	Message  int
	Topic    int
	at       time.Time
	Repeated bool // the message says that it may be a repeat
}

// batch is an order as the store has it.
type batch struct {
	store.Batch
	recipients []store.SMS
}

func (w *World) Look() *Evidence {
	w.Mu.Lock()
	defer w.Mu.Unlock()
	w.noteLost()
	e := &Evidence{World: w, Past: w.Past, Messages: map[int64][]telegram.Message{}, Shown: map[int64][]Sighting{}, Sent: w.Panel.Sent(), Requests: w.Panel.Requests(), Outages: w.Outages()}
	for _, chat := range []int64{w.Group, w.Sara, w.Ali} {
		var all []telegram.Message
		for _, id := range w.ids(chat) {
			all = append(all, w.TG.Messages(id)...)
		}
		for _, m := range all {
			if !m.FromBot {
				continue
			}
			e.Messages[chat] = append(e.Messages[chat], m)
			e.Incidents = append(e.Incidents, w.readIncident(m.Text)...)
			for _, s := range sightings(m) {
				if s.id == "" {
					w.Errorf("message %d shows an SMS without an id: %q", m.ID, m.Text)
					continue
				}
				e.Shown[chat] = append(e.Shown[chat], s)
			}
		}
	}
	e.order()
	return e
}

// sightings returns the marks in a message.
func sightings(m telegram.Message) []Sighting {
	if !m.FromBot || isList(m) || !strings.Contains(m.Text, "«") { // most are not about SMS, and searching them would cost more than all the rest
		return nil
	}
	var all []Sighting
	repeated := strings.Contains(m.Text, "perhaps repeated")
	id, to := "", 0
	for _, at := range marksIn(m.Text, -1) {
		id, to = cmp.Or(lastID(m.Text[to:at.from]), id), at.to
		all = append(all, Sighting{m.Text[at.from:at.to], id, m.ID, m.Topic, m.Date, repeated})
	}
	return all
}

// I2: per SMS and chat 1 <= posts <= 1 + kills. More exactly: the copy before the next was shown by a call whose answer was lost, or by
// the last call of a bridge that was killed, and the later copy says that it may be a repeat.
func I2(e *Evidence) error {
	var wrong []error
	type copy struct{ mark, id string }
	everywhere := map[copy]bool{}
	for _, all := range e.Shown {
		for _, s := range all {
			everywhere[copy{s.Mark, s.id}] = true
		}
	}
	for _, chat := range []int64{e.Group, e.Sara} {
		posts := slices.DeleteFunc(e.TG.Calls(), func(c telegram.Call) bool { return !slices.Contains(e.ids(chat), c.Chat) || c.Method != "sendMessage" })
		last := map[copy]Sighting{}
		for _, s := range e.Shown[chat] {
			k := copy{s.Mark, s.id}
			before, again := last[k]
			last[k] = s
			if !again {
				continue
			}
			if !s.Repeated {
				wrong = append(wrong, fmt.Errorf("chat %d: %s is shown again in message %d, which does not say so: %s", chat, s.Mark, s.Message, e.story(chat, s.Mark)))
			}
			if !e.unnoted(posts, before) {
				wrong = append(wrong, fmt.Errorf("chat %d: %s is shown again in message %d, after %d, whose answer was noted: %s", chat, s.Mark, s.Message, before.Message, e.story(chat, s.Mark)))
			}
		}
		for m := range everywhere {
			if _, ok := last[m]; !ok && !e.lostSMS(m.id) && !e.ErasedSMS(NumberOf(m.mark)) && !e.PerhapsHidden(NumberOf(m.mark)) {
				wrong = append(wrong, fmt.Errorf("chat %d: %s is not shown, though elsewhere", chat, m))
			}
		}
	}
	return errors.Join(wrong...)
}

// kept is how long SMS and orders are kept, and keptLonger how much longer they may be before they are deleted.
const kept, keptLonger = 90 * 24 * time.Hour, 2 * time.Hour

// pressTooSoon reports whether a press may have been answered that what another machine asked the panel for is not over yet: for a minute after a takeover.
func (e *Evidence) pressTooSoon(p pressed) bool {
	return p.decision == store.Again && slices.ContainsFunc(e.Starts, func(s start) bool { return s.takeover && s.At.After(p.at.Add(-time.Minute)) })
}

// seqOf returns the SMS of a short id.
func seqOf(id string) store.Seq {
	seq, _ := strconv.ParseUint(strings.TrimPrefix(id, "#s"), 36, 64)
	return store.Seq(seq)
}

// lostSMS reports whether an SMS is not in the store because a backup was restored, or because it is old.
func (e *Evidence) lostSMS(id string) bool {
	_, err := e.Store.SMS(seqOf(id))
	old := slices.ContainsFunc(e.Inbound, func(s Sender) bool { return time.Since(s.at) > kept })
	return (len(e.Restored) > 0 || old) && errors.Is(err, store.ErrNotFound)
}

// inTransit is how long after a call its answer may still be on the way, and be cut off by the end of the network.
const inTransit = time.Second

// unnoted reports whether a bridge may not know that it showed s by one of its posts to a chat, which are made one after the other.
func (e *Evidence) unnoted(posts []telegram.Call, s Sighting) bool {
	i := slices.IndexFunc(posts, func(c telegram.Call) bool { return !c.At.Before(s.at) })
	if i < 0 || posts[i].Code != 200 || posts[i].Fault == telegram.CloseAfter || posts[i].Fault == telegram.CutAnswer {
		return true
	}
	if e.TelegramOutages != nil && slices.ContainsFunc(e.TelegramOutages(), func(o sandboxtest.Shut) bool {
		return !o.At.Before(posts[i].At) && o.At.Sub(posts[i].At) <= inTransit
	}) {
		return true
	}
	for _, x := range e.Restored { // the last before a backup may have been noted after it
		if posts[i].At.Before(x.at) && (posts[i].At.After(x.backup) || i == len(posts)-1 || posts[i+1].At.After(x.backup)) {
			return true
		}
	}
	life := e.lifeAt(s.at)
	return e.Starts[life].broken && (i == len(posts)-1 || e.lifeAt(posts[i+1].At) > life)
}

// story says, for whoever looks for the cause, when a chat showed a mark, between which starts and among which calls, all of each message that shows it,
// and what the store knows of it.
func (e *Evidence) story(chat int64, mark string) string {
	type event struct {
		at   time.Time
		what string
	}
	var events []event
	for _, s := range e.Shown[chat] {
		if s.Mark == mark {
			events = append(events, event{s.at, fmt.Sprintf("message %d, repeated %t", s.Message, s.Repeated)})
		}
	}
	first, last := events[0].at.Add(-time.Minute), events[len(events)-1].at
	for i, s := range e.Starts {
		events = append(events, event{s.At, fmt.Sprintf("start, after a kill %t", i > 0 && e.Starts[i-1].broken)})
	}
	for _, c := range e.TG.Calls() {
		if slices.Contains(e.ids(chat), c.Chat) && (c.Fault != "" || c.Code != 200 || !c.At.Before(events[0].at)) {
			events = append(events, event{c.At, fmt.Sprintf("%s of %d: %d %s", c.Method, c.Message, c.Code, c.Fault)})
		}
	}
	slices.SortStableFunc(events, func(a, b event) int { return a.at.Compare(b.at) })
	var told []string
	for _, x := range events {
		if !x.at.Before(first) && !x.at.After(last) {
			told = append(told, x.at.Format("05.000000 ")+x.what)
		}
	}
	return strings.Join(told, "; ") + "\n" + e.copies(chat, mark)
}

// copies tells all of the messages of a chat that show a mark, their buttons and what they reply to among that, and of which SMS or order the store has them.
func (e *Evidence) copies(chat int64, mark string) string {
	var told []string
	for _, m := range e.Messages[chat] {
		if !slices.ContainsFunc(sightings(m), func(s Sighting) bool { return s.Mark == mark }) {
			continue
		}
		all, err := json.Marshal(m)
		if err != nil {
			all = []byte(err.Error())
		}
		told = append(told, string(all))
		if e.Store == nil {
			continue
		}
		shown, err := e.Store.Shows(sms.ChatID(m.Chat), sms.ChatMessageID(m.ID))
		told = append(told, fmt.Sprintf("which shows, by the store, %+v, %v", shown, err))
	}
	if e.Store == nil {
		return strings.Join(told, "\n")
	}
	for _, id := range slices.Sorted(maps.Keys(e.idsOf(mark))) {
		m, err := e.Store.SMS(seqOf(id))
		told = append(told, fmt.Sprintf("%s is, by the store, %#v, %v", id, m, err))
		c, err := e.Store.Customer(m.Customer)
		told = append(told, fmt.Sprintf("of %+v, %v", c, err))
	}
	for _, x := range e.erasings {
		told = append(told, fmt.Sprintf("%s asked to forget %s", x.at.Format("05.000000"), x.customer))
	}
	return strings.Join(told, "\n")
}

// idsOf returns the short ids under which a mark is shown in any chat.
func (e *Evidence) idsOf(mark string) map[string]bool {
	ids := map[string]bool{}
	for _, all := range e.Shown {
		for _, s := range all {
			if s.Mark == mark {
				ids[s.id] = true
			}
		}
	}
	return ids
}

// I3: per chat, and per topic where each customer has one, first copies are in the order the panel handed them out.
func I3(e *Evidence) error {
	var wrong []error
	places := map[int][]int{} // two where a customer said the same twice
	for i, n := range e.Fetched {
		places[n] = append(places[n], i)
	}
	for chat, all := range e.Shown {
		seen := map[string]bool{}
		last := map[string]int{} // by customer
		used := map[int]bool{}   // places
		for at, s := range all {
			if seen[s.Mark+s.id] || !strings.HasPrefix(s.Mark, "«in") || e.isDecodedAgain(all[:at], s) || e.cameBack(s) {
				continue
			}
			seen[s.Mark+s.id] = true
			of, from := places[NumberOf(s.Mark)], e.Inbound[NumberOf(s.Mark)].Customer
			i := slices.IndexFunc(of, func(p int) bool { return e.ranks[p] >= last[from] && !used[p] })
			if i < 0 {
				wrong = append(wrong, fmt.Errorf("chat %d: %s is shown for the first time in message %d, after SMS of its customer that came later", chat, s.Mark, s.Message))
				continue
			}
			last[from], used[of[i]] = e.ranks[of[i]], true
		}
	}
	return errors.Join(wrong...)
}

// orderOf returns the order with that text.
func (e *Evidence) orderOf(text string) (Order, bool) {
	i := slices.IndexFunc(e.Orders, func(o Order) bool { return o.Text == text })
	if i < 0 {
		return Order{}, false
	}
	return e.Orders[i], true
}

// BatchesOf returns the batches of an order. One of a group that became a supergroup knows no message any more.
func (e *Evidence) BatchesOf(o Order) []batch {
	return slices.DeleteFunc(slices.Clone(e.Batches), func(b batch) bool {
		if o.Chat == e.was && e.moved(b) {
			return b.Text != o.Text
		}
		return int64(b.Chat) != o.Chat || int(b.Message) != o.Message
	})
}

// moved reports whether a batch was ordered in a group before that became a supergroup.
func (e *Evidence) moved(b batch) bool {
	return e.was != 0 && int64(b.Chat) == e.Group && b.Message == 0
}

// Attempt identifies requests to send that belong together.
type Attempt struct{ Text, Customer string }

// attempts returns the requests to send, in order.
func (e *Evidence) attempts() map[Attempt][]Call {
	all := map[Attempt][]Call{}
	for _, r := range e.sends() {
		for _, a := range Attempts(r.Request) {
			if e.Settings.Away.Text != "" && a.Text == AwayText {
				continue
			}
			all[a] = append(all[a], r)
		}
	}
	return all
}

// Attempts returns what a request was to send to whom, by the texts of orders; nothing if it was another.
func Attempts(r panel.Request) (all []Attempt) {
	for _, m := range r.Asked {
		all = append(all, Attempt{orderedText(m.Text, m.Customer), m.Customer})
	}
	return all
}

// sends returns the requests to send, of either method.
func (e *Evidence) sends() []Call {
	all := append(e.calls("SendSMS"), e.calls("SendMultipleSMS")...)
	slices.SortStableFunc(all, func(a, b Call) int { return a.At.Compare(b.At) })
	return all
}

// unsure reports whether a bridge may not know what became of a request to send. Several are in flight at once: a kill may concern all that
// its bridge made.
func (e *Evidence) unsure(a Attempt, r Call) bool {
	return r.spoilt || r.shut > 0 || !r.Answered || e.Starts[r.life].broken || e.unsettled(a, r)
}

// twinRefused is the answer of a panel that was asked for the same just before: it sends nothing.
const twinRefused = "429"

// keyOf returns the key with which an attempt was asked for by a request; where panels take none it is "".
func keyOf(r Call, a Attempt) string {
	for i, of := range Attempts(r.Request) {
		if of == a {
			return r.Asked[i].ID
		}
	}
	return ""
}

// I4: each attempt reached the panel at most once: between two requests that name a customer for an order, when a bridge may not
// know the outcome of the first, an agent decided to send it again; or the first was refused because of the login, or of a twin, which sends nothing.
// Two with the same key are one: the panel sends it once, and I25 tells that they do not overlap.
func I4(e *Evidence) error {
	var wrong []error
	for a, requests := range e.attempts() {
		o, ok := e.orderOf(a.Text)
		if e.older.texts[a.Text] {
			continue
		}
		if !ok || !slices.Contains(o.Recipients, a.Customer) {
			wrong = append(wrong, fmt.Errorf("the panel was asked to send %q to %s, which nobody ordered", a.Text, a.Customer))
			continue
		}
		type question struct{ generation, era int } // it may be asked again after a backup was restored
		decided, batches := map[question]bool{}, e.BatchesOf(o)
		for _, lost := range e.lostOf(o) {
			batches = append(batches, lost...)
		}
		for _, b := range e.Batches {
			if o.Chat == e.was && b.Forgotten && e.moved(b) { // it does not say any more of which order it was
				batches = append(batches, b)
			}
		}
		if len(batches) == 0 && time.Since(o.At) > kept { // nobody can tell any more which presses were about it
			continue
		}
		for i, r := range requests[1:] {
			before := requests[i]
			if before.Code == e.Kind.login || before.Answer == twinRefused || e.takenAgain(o, before.At, r.At) || keyOf(before, a) != "" && keyOf(before, a) == keyOf(r, a) {
				continue
			}
			p := slices.IndexFunc(e.presses, func(p pressed) bool {
				ours := slices.ContainsFunc(batches, func(b batch) bool { return b.ID == p.batch })
				return ours && p.decision == store.Again && !decided[question{p.generation, e.era(p.at)}] && p.at.After(before.At) && p.at.Before(r.At)
			})
			if p < 0 || !e.unsure(a, before) {
				wrong = append(wrong, fmt.Errorf("the panel was asked to send %q to %s at %s, %q, and again at %s: decided %t", a.Text, a.Customer, before.At.Format(time.StampMicro), before.Answer, r.At.Format(time.StampMicro), p >= 0))
				continue
			}
			decided[question{e.presses[p].generation, e.era(e.presses[p].at)}] = true
		}
	}
	return errors.Join(wrong...)
}

// takenAgain reports whether an order was taken, and sent, once more because a backup was restored between two requests that does not know it:
// Telegram gives an update again that was not confirmed.
func (e *Evidence) takenAgain(o Order, before, r time.Time) bool {
	for i, lost := range e.lostOf(o) {
		if x := e.Restored[i]; len(lost) > 0 && before.Before(x.at) && r.After(x.at) {
			return true
		}
	}
	return false
}

// I5: one batch per command, with its text and recipients, and each question answered once by the button pressed.
func I5(e *Evidence) error {
	var wrong []error
	all := 0
	for _, o := range e.Orders {
		found, most, least := e.BatchesOf(o), 1, 1
		for _, lost := range e.lostOf(o) {
			most = max(most, len(lost))
			least -= len(lost) // unless Telegram gave it again
		}
		all += len(found)
		if o.later != 0 || o.perhaps || o.bulk || e.lostWith(o) || slices.ContainsFunc(o.of, e.lostSMS) || e.erasedFor(o) || time.Since(o.At) > kept { // the agent was told that nobody knows it any more
			least = 0
		}
		if time.Since(o.At) > kept+keptLonger && len(found) > 0 && !found[0].Undecided() && !e.apart && time.Since(found[0].Created) > kept+keptLonger && !e.changedLately(found[0]) {
			wrong = append(wrong, fmt.Errorf("batch %d, of %s, is still kept", found[0].ID, found[0].Created.Format(time.StampMicro)))
		}
		if len(found) < least || max(len(found), most) > 1 {
			wrong = append(wrong, fmt.Errorf("message %d of chat %d, %.60q, gave %d batches; it answers %v to %v", o.Message, o.Chat, o.Said, len(found), o.of, o.Recipients))
			continue
		}
		if len(found) == 0 {
			continue
		}
		b := found[0]
		if b.Forgotten { // I15 tells whether rightly
			continue
		}
		to := e.namesOf(b, o)
		whole := slices.Equal(to, o.Recipients) || halfDeleted(b) && slices.Equal(to, o.Recipients[:min(len(to), len(o.Recipients))])
		if b.Text != o.Text || !whole || string(b.Line) != o.Line {
			wrong = append(wrong, fmt.Errorf("message %d of chat %d, %.60q, gave batch %d: %q to %v from %s, not to %v from %s", o.Message, o.Chat, o.Said, b.ID, b.Text, to, b.Line, o.Recipients, o.Line))
		}
	}
	for _, b := range e.Batches {
		if b.Forgotten && e.moved(b) { // nothing says any more which order it was of
			all++
		}
	}
	if len(e.Batches) != all {
		wrong = append(wrong, fmt.Errorf("%d batches, %d of them of the %d orders", len(e.Batches), all, len(e.Orders)))
	}
	for _, b := range e.Batches {
		for _, p := range e.presses {
			if p.batch != b.ID || p.generation != b.Generation || e.pressForgotten(b, p) || e.pressTooSoon(p) {
				continue
			}
			asked := b.State == store.Asking && (p.decision == store.Send || p.decision == store.Cancel) && p.by == int64(b.Agent) // one that comes too late ends the question
			if asked || b.Uncertain > 0 && (p.decision == store.Again || p.decision == store.WasSent || p.decision == store.Leave) {
				wrong = append(wrong, fmt.Errorf("batch %d: %q was pressed and decided nothing", b.ID, p.decision))
			}
		}
		if r, sent := e.sentAfterCall(b); sent {
			wrong = append(wrong, fmt.Errorf("batch %d was called off, and the panel asked to send it at %s", b.ID, r.At.Format(time.StampMicro)))
		}
	}
	return errors.Join(wrong...)
}

// namesOf returns the recipients of an order's batch, also those whose number the store had to forget.
func (e *Evidence) namesOf(b batch, o Order) []string {
	var to []string
	for i, r := range b.recipients {
		n := string(r.Customer)
		if n == "" && i < len(o.Recipients) && e.erased(o.Recipients[i], o.At) {
			n = o.Recipients[i]
		}
		to = append(to, n)
	}
	return to
}

// changedLately reports whether the message about a batch was written or changed since what is old is deleted: it is kept for as long again.
func (e *Evidence) changedLately(b batch) bool {
	m, ok := e.Report(b)
	at := m.Date
	if n := len(m.History); n > 0 {
		at = m.History[n-1].Until
	}
	return ok && time.Since(at) <= kept+keptLonger
}

// halfDeleted reports whether a batch is so old that its last pieces may be deleted already.
func halfDeleted(b batch) bool { return time.Since(b.Created).Abs() > kept }

// pressForgotten reports whether a press came to no bridge, or what it decided was lost with the file that a backup replaced, or whether it was made in
// a supergroup that the restored bridge may not have known to be the same group: then it was told that the button is old.
func (e *Evidence) pressForgotten(b batch, p pressed) bool {
	if slices.ContainsFunc(e.lost, func(u telegram.Update) bool { return u.Kind == "callback_query" && u.At.Sub(p.at).Abs() < time.Second }) {
		return true
	}
	return slices.ContainsFunc(e.Restored, func(x restored) bool { return p.at.Before(x.at) || e.moved(b) && x.at.After(e.migrated) })
}

// sentAfterCall returns a request to send of b from after the team was told that it, or the rest of it, is not sent.
func (e *Evidence) sentAfterCall(b batch) (Call, bool) {
	m, ok := e.Report(b)
	if !ok || b.Decision != store.Cancel {
		return Call{}, false
	}
	said := m.Date
	for _, v := range append(m.History, telegram.Version{Text: m.Text}) {
		if strings.Contains(v.Text, "cancelled by") {
			break
		}
		said = v.Until
	}
	for _, r := range e.sends() {
		if of := Attempts(r.Request); len(of) > 0 && of[0].Text == b.Text && !said.IsZero() && r.At.After(said.Add(10*time.Second)) {
			return r, true
		}
	}
	return Call{}, false
}

// I6: what the panel accepted is Sent, or uncertain; and what is uncertain had its answer spoilt, or was in flight at a kill. The store has
// the outcome of the last attempt.
func I6(e *Evidence) error {
	var wrong []error
	requests := e.attempts()
	disturbed := len(e.Outages)+len(e.Restored) > 0 || slices.ContainsFunc(e.Starts, func(s start) bool { return s.broken })
	for _, o := range e.Orders {
		for _, b := range e.BatchesOf(o) {
			if b.Forgotten {
				continue
			}
			sending, to := 0, e.namesOf(b, o)
			for i, r := range b.recipients {
				a := Attempt{o.Text, to[i]}
				all := slices.DeleteFunc(slices.Clone(requests[a]), func(r Call) bool { return e.takenAgain(o, r.At, time.Now()) })
				if r.Status == sms.Sending {
					sending++
					if len(all) == 0 && !disturbed || len(all) > 0 && !e.unsure(a, all[len(all)-1]) {
						wrong = append(wrong, fmt.Errorf("batch %d: the panel answered what it was asked to send to %s, the store does not know", b.ID, to[i]))
					}
					continue
				}
				if len(all) > 0 && all[len(all)-1].Accepted > 0 && (r.Status < sms.Sent || r.Words != "") {
					wrong = append(wrong, fmt.Errorf("batch %d: the panel accepted what it was asked to send to %s, the store has it as status %d, %q", b.ID, to[i], r.Status, r.Words))
				}
			}
			if sending != b.Uncertain+b.LeftUncertain {
				wrong = append(wrong, fmt.Errorf("batch %d: of %d SMS it is not known what became of them, %d are asked about or left", b.ID, sending, b.Uncertain+b.LeftUncertain))
			}
		}
	}
	return errors.Join(wrong...)
}

// Report returns the message that reports on a batch.
func (e *Evidence) Report(b batch) (telegram.Message, bool) {
	m, ok := e.TG.Message(int64(b.Chat), int(b.Shown))
	return m, ok && m.FromBot
}

// reportBefore returns the message that reported on a moved batch in the group that was, and the mark that its order bears there. What was
// new when the group became a supergroup is reported in that.
func (e *Evidence) reportBefore(b batch) (m telegram.Message, told bool, mark string) {
	o, _ := e.orderOf(b.Text)
	for _, m = range slices.Backward(e.Messages[e.Group]) {
		if m.Chat == e.was && m.ReplyTo == o.Message && !answersEdit(m) && m.Document == nil {
			told = true
			break
		}
	}
	ordered, _ := e.TG.Message(o.Chat, o.Message)
	return m, told, MarksOf(ordered)
}

// answersEdit reports whether a message says that an edit does nothing.
func answersEdit(m telegram.Message) bool {
	return strings.Contains(m.Text, "the edit changes nothing") || strings.Contains(m.Text, "I do not read edits")
}

// I7: every uncertain piece was reported, with the buttons of its current question; so was every incident.
func I7(e *Evidence) error {
	var wrong []error
	for _, b := range slices.Concat(e.inherited, e.Batches) {
		if b.Uncertain == 0 {
			continue
		}
		m, ok := e.Report(b)
		again := fmt.Sprintf("b:%s:%d:again", strconv.FormatUint(uint64(b.ID), 36), b.Generation)
		asks := slices.ContainsFunc(m.Buttons, func(row []telegram.Button) bool {
			return slices.ContainsFunc(row, func(x telegram.Button) bool { return x.Data == again })
		})
		if !ok || !strings.Contains(m.Text, "can know whether") || !asks {
			wrong = append(wrong, fmt.Errorf("batch %d: %d are uncertain, message %d does not ask about them: %q", b.ID, b.Uncertain, b.Shown, m.Text))
		}
	}
	incidents, err := e.Store.Incidents()
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
	phrases  = map[int]string{1: "sent, no word from the phone", 2: "trouble in the telecom", 3: "reached the telecom", 4: "delivered.", 5: "did not reach", 6: "blacklist"}
	counts   = regexp.MustCompile(`(\d+) (waiting|being sent|sent|at the telecom|delivered|failed|left out|uncertain|left uncertain|not sent)(?:,|\n|$)`)
)

// I8: the last status shown is the last that the panel gave: as the mark on a reply, and in words or counts wherever a message reports it.
func I8(e *Evidence) error {
	var wrong []error
	at := map[string]int{}
	for _, s := range e.Sent {
		at[s.ID] = s.Status
	}
	for _, b := range e.Batches {
		if b.Forgotten { // what stands there stays
			continue
		}
		m, told := e.Report(b)
		mark, moved := "", !told && e.moved(b)
		if moved {
			m, told, mark = e.reportBefore(b)
		}
		want := map[string]int{}
		silent := b.State == store.Going // nothing but good news
		for _, r := range b.recipients {
			status := r.Status
			if said, ok := at[string(r.ID)]; r.ID != "" && ok {
				status = statuses[said]
				if phrase := phrases[said]; b.N == 1 && told && !strings.Contains(m.Text, phrase) && !e.followedForLong(b, m, status) {
					wrong = append(wrong, fmt.Errorf("batch %d: the panel says %d, message %d %q", b.ID, said, m.ID, m.Text))
				}
			} else {
				silent = false // refused, or without an id to ask about
			}
			silent = silent && (status == sms.Sent || status == sms.AtTelecom || status == sms.Delivered)
			is := []string{"waiting", "uncertain", "sent", "at the telecom", "delivered", "failed"}[status]
			if r.Reason.Withheld() {
				is = "left out"
			}
			want[is]++
		}
		if b.LeftUncertain > 0 && want["uncertain"] > 0 {
			want["left uncertain"] = b.LeftUncertain
			if want["uncertain"] -= b.LeftUncertain; want["uncertain"] == 0 {
				delete(want, "uncertain")
			}
		}
		if b.Dropped > 0 { // cancelled while others of the batch were in flight
			want["not sent"] = b.Dropped
			if want["waiting"] -= b.Dropped; want["waiting"] == 0 {
				delete(want, "waiting")
			}
		}
		if b.N > 1 && b.State == store.Going && (told || !b.Quiet || b.Withheld > 0) { // else its mark tells, as its chat was busy
			got := map[string]int{}
			line, _, _ := strings.Cut(m.Text, "\n")
			for _, found := range counts.FindAllStringSubmatch(line, -1) {
				got[found[2]], _ = strconv.Atoi(found[1])
			}
			if !maps.Equal(got, want) && !halfDeleted(b) {
				wrong = append(wrong, fmt.Errorf("batch %d: message %d says %q, of the recipients are %v", b.ID, m.ID, line, want))
			}
		}
		reply := slices.ContainsFunc(e.Orders, func(o Order) bool {
			return o.Reply && o.Chat == int64(b.Chat) && o.Message == int(b.Message)
		})
		forbidden := e.strict && int64(b.Chat) == e.Group || e.Left[int64(b.Chat)] // reactions were, now and then: then the message tells
		if moved && !told && mark == markFor(b, want) && mark != "" {
			continue
		}
		if !told && (!reply && !b.Quiet || !silent) {
			wrong = append(wrong, fmt.Errorf("batch %d is reported nowhere", b.ID))
		}
		if b.Message == 0 {
			continue
		}
		if got, mark := e.MarkOf(b), markFor(b, want); got != mark && !(forbidden && told) {
			wrong = append(wrong, fmt.Errorf("batch %d: the order bears %q, want %q", b.ID, got, mark))
		}
		if reply && told && !forbidden && !e.hadToSay(b) && !e.perhapsTold(b, m) {
			wrong = append(wrong, fmt.Errorf("batch %d: message %d tells of what went well, %q", b.ID, m.ID, m.Text))
		}
	}
	return errors.Join(wrong...)
}

// followedFor is how long the panel is asked about an SMS.
const followedFor = 48 * time.Hour

// followedForLong reports whether m says, rightly, that there was no report of an SMS for so long that nobody asks any more.
func (e *Evidence) followedForLong(b batch, m telegram.Message, status sms.Status) bool {
	long := len(e.Ahead) > 0 || time.Since(b.Created) > followedFor-time.Hour
	return b.NoReport == 1 && (status == sms.Sent || status == sms.AtTelecom) && long && regexp.MustCompile(`no (delivery )?report (from the phone )?in 48 hours`).MatchString(m.Text)
}

// markFor returns the mark of a reply whose recipients have these states.
func markFor(b batch, are map[string]int) string {
	switch {
	case b.State == store.Cancelled || b.State == store.Expired:
		return ""
	case b.State == store.Asking:
		return "👀"
	case are["failed"] > 0:
		return "👎"
	case are["left out"] == b.N:
		return ""
	case are["delivered"]+are["left out"] == b.N:
		return "👍"
	case are["delivered"]+are["sent"]+are["at the telecom"]+are["left out"] == b.N:
		return "👌"
	}
	return "👀"
}

// MarkOf returns the mark that the bot set on the message that ordered a batch.
func (e *Evidence) MarkOf(b batch) string {
	m, _ := e.TG.Message(int64(b.Chat), int(b.Message))
	return MarksOf(m)
}

func MarksOf(m telegram.Message) string {
	var all []string
	for _, r := range m.Reactions {
		all = append(all, r.Emoji)
	}
	return strings.Join(all, " and ")
}

// goodNews are all that a report may say about a reply that went well.
var goodNews = []string{"not sent yet: waiting for the panel.", "sending…", "sent, no word from the phone yet.", "reached the telecom, not the phone yet.", "delivered."}

// hadToSay reports whether a message about a reply ever said more than its mark does.
func (e *Evidence) hadToSay(b batch) bool {
	for _, m := range e.Messages[int64(b.Chat)] {
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

// perhapsTold reports whether a bridge may have taken m for a message that was there before: one was killed, or a call of it went
// unanswered, between the order and m, and nobody sees what it was about to tell.
func (e *Evidence) perhapsTold(b batch, m telegram.Message) bool {
	o, _ := e.TG.Message(int64(b.Chat), int(b.Message))
	for i, s := range e.Starts {
		if i > 0 && e.Starts[i-1].broken && s.At.After(o.Date) && s.At.Before(m.Date) {
			return true
		}
	}
	if e.TelegramOutages != nil && slices.ContainsFunc(e.TelegramOutages(), func(s sandboxtest.Shut) bool { return s.At.After(o.Date) && s.At.Before(m.Date) }) {
		return true
	}
	return slices.ContainsFunc(e.TG.Calls(), func(c telegram.Call) bool {
		lost := c.Code != 200 && c.Fault != telegram.TooMany || c.Fault == telegram.CloseAfter || c.Fault == telegram.CutAnswer
		return c.Chat == o.Chat && c.Method == "sendMessage" && lost && c.At.After(o.Date) && c.At.Before(m.Date)
	})
}

// I9: indexes agree with rows and the file's pages are sound.
func I9(e *Evidence) error { return e.Store.Check() }

// I11: no 429 caused; those of faults are not.
func I11(e *Evidence) error {
	var wrong []error
	counted := []string{"sendMessage", "sendPhoto", "sendDocument", "editMessageText", "createForumTopic", "editForumTopic", "pinChatMessage"}
	calls := slices.DeleteFunc(e.TG.Calls(), func(c telegram.Call) bool {
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
	return errors.Join(append(wrong, e.impatient(counted))...)
}

// impatient returns an error for a call that did not wait as long as a 429 had asked for. A bridge that was killed, or whose disk took nothing,
// may not have noted it for the next. Others go on while a file is sent: one of them may be on its way as the file is refused.
func (e *Evidence) impatient(counted []string) error {
	var wrong []error
	type hold struct {
		from, until time.Time
		life        int
		noted       bool
		beside      bool // one call may be on its way
	}
	held := map[int64]hold{}
	for _, c := range e.TG.Calls() {
		if !slices.Contains(counted, c.Method) {
			continue
		}
		h, life := held[c.Chat], e.lifeAt(c.At)
		if h.beside && c.At.Sub(h.from) < e.second {
			h.beside = false
			held[c.Chat] = h
		} else if c.At.Before(h.until) && (life == h.life || h.noted && e.era(h.from) == e.era(c.At)) {
			wrong = append(wrong, fmt.Errorf("chat %d: %s at %s, though Telegram had asked for patience until %s", c.Chat, c.Method, c.At.Format(time.StampMicro), h.until.Format(time.StampMicro)))
		}
		var seconds int
		if n, _ := fmt.Sscanf(c.Description, "Too Many Requests: retry after %d", &seconds); n == 1 {
			disk := e.DiskFailed != nil && e.DiskFailed(c.At)
			probe := c.Chat == 0 // in no chat: each bridge asks for itself whether the server has the method
			held[c.Chat] = hold{c.At, c.At.Add(time.Duration(seconds) * e.second), life, !e.Starts[life].broken && !disk && !probe, c.Method == "sendDocument"}
		}
	}
	return errors.Join(wrong...)
}

// I12: where each customer has a topic, all SMS of one are shown in the same, and no two share one. A topic made by a process that was
// killed before it noted so stays empty.
func I12(e *Evidence) error {
	if !e.Topics {
		return nil
	}
	var wrong []error
	topics, customers := map[string]int{}, map[int]string{}
	together := map[int]int{} // SMS in a message
	for _, s := range e.Shown[e.Group] {
		if strings.HasPrefix(s.Mark, "«in") {
			together[s.Message]++
		}
	}
	since := map[string]time.Time{} // when customers had theirs
	for _, s := range e.Shown[e.Group] {
		if e.ErasedSMS(NumberOf(s.Mark)) || e.lostTopic(s) || s.Topic == 0 && e.withoutRights(s) {
			continue
		}
		customer := e.Inbound[NumberOf(s.Mark)].Customer
		if alone := strings.HasPrefix(s.Mark, "«in") && together[s.Message] == 1; s.Topic == 0 {
			given := e.given(s)
			switch had, has := since[customer]; {
			case alone && has && had.Before(given):
				wrong = append(wrong, fmt.Errorf("%s is shown outside of its customer's topic, in message %d", s.Mark, s.Message))
			case alone && !e.busy(s, given):
				wrong = append(wrong, fmt.Errorf("%s is shown outside of topics, in message %d, though there was room for one", s.Mark, s.Message))
			}
			continue
		}
		if t, known := topics[customer]; known && t != s.Topic {
			wrong = append(wrong, fmt.Errorf("%s is shown in topic %d, others of its customer in %d", s.Mark, s.Topic, t))
		}
		if other, known := customers[s.Topic]; known && other != customer {
			wrong = append(wrong, fmt.Errorf("topic %d shows SMS of two customers", s.Topic))
		}
		if topics[customer], customers[s.Topic] = s.Topic, customer; since[customer].IsZero() {
			since[customer] = s.at
		}
	}
	return errors.Join(wrong...)
}

// I13: a file of SMS goes only to an admin, in private, and the admins are told of as many SMS as all files hold, at least; what became of a bulk order
// goes where that was ordered, and is right in each row; a picture goes where it was asked for. What was told of a file that never left may be too much.
func I13(e *Evidence) error {
	var wrong []error
	sent, told := 0, 0
	requests := e.attempts()
	for _, c := range e.TG.Chats() {
		for _, m := range e.TG.Messages(c.ID) {
			switch {
			case m.Document == nil || !m.FromBot:
			case m.Document.Photo:
				asked, ok := e.TG.Message(m.Chat, m.ReplyTo)
				if m.ReplyTo != 0 && (!ok || !strings.HasPrefix(asked.Text, "/stats")) {
					wrong = append(wrong, fmt.Errorf("chat %d: message %d is a picture nobody asked for", m.Chat, m.ID))
				}
			case isResult(m):
				wrong = append(wrong, e.checkResult(m, requests))
			case m.Chat != e.Sara:
				wrong = append(wrong, fmt.Errorf("chat %d: message %d is a file of SMS", m.Chat, m.ID))
			default:
				n, err := strconv.Atoi(exportedCount.FindStringSubmatch(m.Text + " SMS: 0")[1])
				sent += n
				wrong = append(wrong, err)
			}
		}
	}
	incidents, err := e.Store.Incidents()
	for _, i := range incidents {
		if i.Kind == store.Exported {
			told += i.Count
		}
	}
	if told < sent && len(e.Restored) == 0 {
		wrong = append(wrong, fmt.Errorf("%d SMS were exported, %d told of", sent, told))
	}
	return errors.Join(append(wrong, err)...)
}

// exportedCount finds how many SMS a file holds in its caption.
var exportedCount = regexp.MustCompile(`SMS: (\d+)`)

// withoutRights reports whether the bot could make no topic for an SMS: it was thrown out and is back without its rights, or has not been
// heard to make one since it has them again.
func (e *Evidence) withoutRights(s Sighting) bool {
	return slices.ContainsFunc(e.Bare, func(b span) bool {
		if s.at.Before(b.from) || !b.to.IsZero() && s.at.After(b.to.Add(noTopicsFor)) {
			return false
		}
		return b.to.IsZero() || !slices.ContainsFunc(e.TG.Calls(), func(c telegram.Call) bool {
			return c.Method == "createForumTopic" && c.Code == 200 && c.At.After(b.to) && c.At.Before(s.at) && !e.forgottenBy(c.At, s.at)
		})
	})
}

// noTopicsFor is how long a forum that lets the bot make no topics is asked for none, and a little more.
const noTopicsFor = time.Hour + time.Minute

// lostTopic reports whether a topic showed an SMS that is forgotten since a backup was restored.
func (e *Evidence) lostTopic(s Sighting) bool {
	return slices.ContainsFunc(e.Restored, func(x restored) bool { return s.at.Before(x.at) && !x.topics[s.Topic] })
}

// given returns when the panel first gave an SMS.
func (e *Evidence) given(s Sighting) time.Time {
	for _, r := range e.Requests {
		if r.At.Before(s.at) && slices.ContainsFunc(r.Given, func(m panel.SMS) bool { return NumberOf(m.Text) == NumberOf(s.Mark) }) {
			return r.At
		}
	}
	return s.at
}

// busy reports whether the group had a message in the minute before s was given or since then, as s may have been begun then: what each share is
// promised leaves a topic room in an idle minute alone. Or many SMS came, or a backup was restored, after which nothing is posted for a minute, or
// the time was told anew, by which others wait for long, or Telegram made no topic there. Or an answer or an edit waited, too, as s was shown
// (seed 730210).
func (e *Evidence) busy(s Sighting, since time.Time) bool {
	for _, m := range e.Messages[e.Group] {
		asked, ok := e.TG.Message(m.Chat, m.ReplyTo)
		if m.Date.After(s.at) && m.Date.Sub(s.at) < time.Minute && ok && asked.Date.Before(s.at) && !asked.FromBot {
			return true
		}
	}
	for _, r := range e.Requests {
		if r.At.Before(s.at) && since.Sub(r.At) < time.Minute && len(r.Given) > 3 {
			return true
		}
	}
	for _, x := range e.Restored {
		if x.at.Before(s.at) && since.Sub(x.at) < time.Minute {
			return true
		}
	}
	if slices.ContainsFunc(e.clockSet, func(at time.Time) bool { return at.Before(s.at) && since.Sub(at) < time.Minute }) {
		return true
	}
	return slices.ContainsFunc(e.TG.Calls(), func(c telegram.Call) bool {
		if c.Chat != e.Group {
			return false
		}
		if !c.At.Before(s.at) { // an edit has its turn within half a minute
			return (c.Method == "editMessageText" || c.Method == "editForumTopic") && c.At.Sub(s.at) < 30*time.Second
		}
		failed, ago := c.Code != 200 || c.Fault != "", since.Sub(c.At)
		switch c.Method {
		case "sendMessage", "sendPhoto", "createForumTopic":
			return ago < time.Minute || failed && ago < time.Hour
		case "editMessageText", "editForumTopic":
			return ago < time.Minute
		}
		return false
	})
}

// Invariants in order; I10 is about losses of power, see power_test.go, I16 about what grows, see sim.
var Invariants = []struct {
	Name  string
	Check func(*Evidence) error
}{{"I1", I1}, {"I2", I2}, {"I3", I3}, {"I4", I4}, {"I5", I5}, {"I6", I6}, {"I7", I7}, {"I8", I8}, {"I9", I9}, {"I11", I11}, {"I12", I12}, {"I13", I13}, {"I14", I14}, {"I15", I15}, {"I17", I17}, {"I18", I18}, {"I19", I19}, {"I20", I20}, {"I21", I21}, {"I22", I22}, {"I23", I23}, {"I24", I24}, {"I25", I25}}

// Violations checks every invariant on the store of a bridge that has ended.
func (e *Evidence) Violations() []error {
	var all []error
	for _, i := range Invariants {
		if err := i.Check(e); err != nil {
			all = append(all, fmt.Errorf("%s: %w", i.Name, err))
		}
	}
	return all
}

// Open reads what the invariants need from a store whose bridge has ended.
func (e *Evidence) Open(st *store.Store) error {
	e.Store = st
	all, err := e.World.batches(st)
	for _, b := range all {
		switch {
		case b.ID <= e.older.batch || e.older.scheduled[b.Text]:
			e.inherited = append(e.inherited, b)
		default:
			e.Batches = append(e.Batches, b)
		}
	}
	if err == nil {
		err = e.readAways()
	}
	return err
}

// batches returns all in a store.
func (w *World) batches(st *store.Store) (found []batch, err error) {
	for _, chat := range slices.Concat(w.ids(w.Group), []int64{w.Sara, w.Ali}) {
		all, err := st.Batches(sms.ChatID(chat), 1<<20)
		if err != nil {
			return nil, err
		}
		for _, b := range all {
			to, err := st.Recipients(b, 0, b.N)
			if err != nil {
				return nil, err
			}
			for i, r := range to { // a text of its own that is another's is nobody's
				if of := orderedText(r.Text, string(r.Customer)); b.Bulk != nil && r.Text != "" && (i == 0 || of != b.Text) {
					b.Text = of
				}
			}
			found = append(found, batch{b, to})
		}
	}
	return found, nil
}

// ErrNotYet says that there is nothing new to check.
var ErrNotYet = errors.New("the bridge has not fetched")

// quietFetches is how many fetches take longer than any pause between two posts.
const quietFetches = 60

// unread returns how many SMS the panel has yet to hand out. One that marks nothing as read hands out the last ones: others it never will.
func (w *World) unread() int {
	if !w.panel.Resend {
		return w.Panel.Unread()
	}
	n, all := 0, w.Panel.Inbox()
	for _, m := range all[max(0, len(all)-panel.MaxUnread):] {
		if !m.Fetched {
			n++
		}
	}
	return n
}

// Settled returns why, as far as can be seen from outside, the bridge has not come to rest yet.
func (w *World) Settled(since time.Time) error {
	if n := w.unread(); n > 0 {
		return fmt.Errorf("the panel holds %d SMS", n)
	}
	for _, u := range w.TG.Updates() {
		if !u.Confirmed && !u.Lost {
			return fmt.Errorf("update %d is not confirmed", u.ID)
		}
	}
	w.Mu.Lock()
	n := len(w.Fetches)
	// The second fetch shows that the first is finished. Looking costs more than all the rest, so it is done once for each fetch.
	again := n >= 2 && !w.Fetches[n-2].Before(since) && n != w.looked
	w.looked = n
	quiet := w.quiet
	w.Mu.Unlock()
	if !again {
		return ErrNotYet
	}
	e := w.Look()
	if len(e.Fetched) < len(e.Inbound) && !w.panel.Resend {
		return fmt.Errorf("the panel has handed out %d of %d SMS", len(e.Fetched), len(e.Inbound))
	}
	often := quietFetches
	if w.Kind.again { // it asks for each of two lines
		often *= 2
	}
	waits := func(err error) error { return fmt.Errorf("%w, %d fetches after something was shown", err, quiet) } // it comes forward, however slowly
	// What is still not shown after nothing was shown for long never will be: I1 says whether that is right.
	if err := errors.Join(e.Unaccounted(), e.unread()); err != nil && quiet < often {
		return waits(err)
	}
	if err := e.stillErasing(); err != nil && quiet < often {
		return waits(err)
	}
	for _, o := range e.Orders {
		if slices.ContainsFunc(o.Recipients, func(n string) bool { return e.erased(n, o.At) }) {
			continue
		}
		m, _ := e.TG.Message(o.Chat, o.Message)
		if o.later != 0 || o.unheard || o.Reply && MarksOf(m) == "👍" || o.Chat == w.was || e.era(o.At) < len(e.Restored) || o.perhaps || e.lostWith(o) { // of those Behind tells; what answers them may be lost
			continue
		}
		var report telegram.Message
		for _, m := range e.Messages[o.Chat] {
			if m.Chat == o.Chat && m.ReplyTo == o.Message && !answersEdit(m) && m.Document == nil { // numbers of the group that was are others
				report = m
			}
		}
		if report.ID == 0 && MarksOf(m) == "👍" { // its chat was busy
			continue
		}
		if final(report.Text, len(o.Recipients)) {
			continue
		}
		return fmt.Errorf("message %d of chat %d, %.60q, is reported as %q", o.Message, o.Chat, o.Said, report.Text)
	}
	return nil
}

var finalWords = []string{"delivered.", "unknown whether it was sent", "did not reach", "blacklist", "trouble in", "panel refuses:", "can know whether", "left so", "no report", "no delivery report", "is not an SMS I know", "did not say who sent this SMS", "This customer was forgotten"}

// askedWords are those of a question, and of one that ended without a send.
var askedWords = []string{"Send this?", "Send this one all the same?", "Send these?", "Send it now?", "Send now?", "is answering this customer", "ordered exactly this", "cancelled by", "nobody answered in time", "could not get or read that file"}

// final reports whether a report is unlikely to change by itself.
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
		if n, _ := strconv.Atoi(found[1]); slices.Contains([]string{"delivered", "failed", "left out", "uncertain", "left uncertain", "not sent"}, found[2]) {
			done += n
		}
	}
	if _, after, ok := strings.Cut(report, "no report for "); ok {
		n, _, _ := strings.Cut(after, ",")
		unfollowed, _ := strconv.Atoi(n)
		done += unfollowed
	}
	return done == recipients
}

// Behind returns which SMS are not sent yet, and of which the panel knows more than the bridge, which has yet to ask: a question may be
// decided at the moment the bridge seems to be at rest.
func (e *Evidence) Behind() (all []string) {
	all = e.overdue()
	at := map[string]int{}
	for _, m := range e.Sent {
		at[m.ID] = m.Status
	}
	for _, b := range slices.Concat(e.Batches, e.aways) {
		if b.State == store.Going {
			n := b.Counts[sms.Queued] - b.Dropped + b.Counts[sms.Sending] - b.Uncertain - b.LeftUncertain
			all = append(all, slices.Repeat([]string{fmt.Sprintf("batch %d has %d to send", b.ID, n)}, max(0, n))...)
		}
		for _, r := range b.recipients {
			if said, ok := at[string(r.ID)]; ok && !r.Due.IsZero() && statuses[said] != r.Status {
				all = append(all, fmt.Sprintf("of %s the panel says %d, the store %v, asked %d times, and next at %v", r.ID, said, r.Status, r.Asked, r.Due))
			}
		}
	}
	return all
}
