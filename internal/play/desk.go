package play

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	team "peyk/internal/hours"
	"peyk/sandbox/telegram"
	"peyk/sms"
	"peyk/store"
)

// AwayText is what customers are sent in worlds whose team has hours.
const AwayText = "دفتر بسته است"

// UseDesk has the team work in some of each hour alone, with an away text, or be reminded of who waits for so long, or neither; r decides.
func (w *World) UseDesk(r *rand.Rand, after time.Duration) {
	w.Helper()
	w.Settings.Location = time.UTC
	switch r.IntN(4) {
	case 0:
		w.Settings.RemindAfter, w.Settings.EscalateAfter = after, 3*after
	case 1:
		spans, from := []string{"Sat-Fri"}, r.IntN(40)
		for hour := range 24 {
			spans = append(spans, fmt.Sprintf("%d:%02d-%d:%02d", hour, from, hour, from+20))
		}
		w.hours = strings.Join(spans, " ")
		week, err := team.Parse(w.hours)
		if err != nil {
			w.Fatal(err)
		}
		w.Settings.Hours, w.Settings.Away = week, store.Away{Text: AwayText, Parts: 1, PerHour: []int{3, 30}[r.IntN(2)]}
	}
}

// DeskEnviron returns the settings of the desk as the program reads them.
func (w *World) DeskEnviron() (environ []string) {
	if s := w.Settings; s.RemindAfter > 0 {
		environ = append(environ, "REMIND_AFTER="+s.RemindAfter.String(), "ESCALATE_AFTER="+s.EscalateAfter.String())
	} else if s.Away.Text != "" {
		environ = append(environ, "HOURS="+w.hours, "AWAY_TEXT="+s.Away.Text, fmt.Sprint("AWAY_PER_HOUR=", s.Away.PerHour))
	}
	return environ
}

// deed is what somebody did about customers without writing to them.
type deed struct {
	at        time.Time
	by, chat  int64
	message   int
	what      string // a reaction, or a command
	back      bool   // a reaction was taken back
	customers []string
	vain      bool // by somebody who may not
}

// customersIn returns whom a message may be about: whose SMS it shows, or whom it names.
func (w *World) customersIn(m telegram.Message) (found []string) {
	found = listedNumber.FindAllString(m.Text, -1)
	for _, s := range marksIn(m.Text, -1) {
		if of := w.Inbound[s.n].Customer; !slices.Contains(found, of) {
			found = append(found, of)
		}
	}
	return found
}

// shownIn returns a message of a chat that shows SMS, of late.
func (w *World) shownIn(chat int64) (telegram.Message, bool) {
	closed := w.closed()
	return w.Recent(chat, func(m telegram.Message) bool {
		return strings.Contains(m.Text, "«in") && !isList(m) && !closed[m.Topic] && !m.Deleted
	})
}

// agentSeesTo has an agent say that a customer needs no answer, or none for now.
func (w *World) agentSeesTo() {
	agent, chat := w.somebody()
	m, ok := w.shownIn(chat)
	if !ok {
		return
	}
	said := []string{"/done", "/done", "/snooze 1m", "/snooze 30m"}[w.Rand.IntN(4)]
	w.Say(telegram.Post{Chat: chat, From: agent, ReplyTo: m.ID, Text: said})
	w.deeds = append(w.deeds, deed{time.Now(), agent, chat, m.ID, said, false, w.customersIn(m), agent == w.Omid && !w.allowed})
}

// agentReacts has somebody react to a message that shows SMS, or to another of the bot's; half the time in the place of what they had said there.
func (w *World) agentReacts() {
	by, chat := w.somebody()
	m, ok := w.shownIn(chat)
	if w.Rand.IntN(5) == 0 {
		m, ok = w.Recent(chat, func(m telegram.Message) bool { return !m.Deleted && m.Service == "" })
	}
	if !ok {
		return
	}
	emoji := []string{"👌", "👌", "✍", "😴", "❤"}[w.Rand.IntN(5)]
	if w.Rand.IntN(8) == 0 && chat == w.Group { // an admin who does not say who they are; the bot does not see it in the message
		w.reactsAnonymously(m, emoji)
		return
	}
	w.takeBack(by, m)
	w.reacts(by, m, emoji)
}

// reacts has somebody put a reaction on a message.
func (w *World) reacts(by int64, m telegram.Message, emoji ...string) {
	if err := w.TG.React(by, m.Chat, m.ID, emoji...); err != nil {
		w.Errorf("react: %v", err)
	}
	for _, e := range emoji {
		w.deeds = append(w.deeds, deed{time.Now(), by, m.Chat, m.ID, e, false, w.customersIn(m), by == w.Omid && !w.allowed})
	}
}

// takeBack notes that what somebody has on a message is not there any more.
func (w *World) takeBack(by int64, m telegram.Message) (was bool) {
	for _, r := range m.Reactions {
		if r.From == by {
			was = true
			w.deeds = append(w.deeds, deed{time.Now(), by, m.Chat, m.ID, r.Emoji, true, w.customersIn(m), by == w.Omid && !w.allowed})
		}
	}
	return was
}

// agentTakesBack has somebody take back what they had reacted.
func (w *World) agentTakesBack() {
	_, chat := w.somebody()
	m, ok := w.Recent(chat, func(m telegram.Message) bool {
		return !m.Deleted && slices.ContainsFunc(m.Reactions, func(r telegram.Reaction) bool { return r.From != w.TG.Bot().ID })
	})
	if !ok {
		return
	}
	for _, r := range m.Reactions {
		if r.From != w.TG.Bot().ID && (r.From != w.Ali || chat != w.Group || !w.gone) {
			w.takeBack(r.From, m)
			w.reacts(r.From, m)
			return
		}
	}
}

// reactsAnonymously has the bot hear of a reaction that the group itself has put on a message.
func (w *World) reactsAnonymously(m telegram.Message, emoji string) {
	update := fmt.Sprintf(`{"message_reaction":{"chat":{"id":%d,"type":"supergroup","title":"Desk"},"message_id":%d,"actor_chat":{"id":%d,"type":"supergroup","title":"Desk"},`+
		`"date":%d,"old_reaction":[],"new_reaction":[{"type":"emoji","emoji":%q}]}}`, m.Chat, m.ID, m.Chat, time.Now().Unix(), emoji)
	if _, err := w.TG.RawUpdate(update); err != nil {
		w.Errorf("react: %v", err)
	}
}

// pinning is that an admin said whether a chat keeps a list pinned.
type pinning struct {
	chat int64
	at   time.Time
	on   bool
}

// adminPins has a chat keep the list of who waits pinned, or no more; now and then somebody says so who may not.
func (w *World) adminPins() {
	by, chat := w.somebody()
	if w.Rand.IntN(4) > 0 {
		if by, chat = w.Sara, w.Group; w.Away[chat] {
			return
		}
	}
	said, on := "/waiting unpin", w.Rand.IntN(4) > 0
	if on {
		said = "/waiting pin"
	}
	w.Say(telegram.Post{Chat: chat, From: by, Text: said})
	if by == w.Sara {
		w.pins = append(w.pins, pinning{chat, time.Now(), on})
	}
}

// agentAnswersAPrompt has an agent write into the reply field that [Answer] opened, whoever pressed it.
func (w *World) agentAnswersAPrompt() {
	agent, chat := w.somebody()
	closed := w.closed()
	prompt, ok := w.Recent(chat, func(m telegram.Message) bool {
		return m.Prompt != nil && !m.Deleted && m.ReplyTo != 0 && !closed[m.Topic]
	})
	if !ok {
		return
	}
	shown, ok := w.TG.Message(chat, prompt.ReplyTo)
	n := NumberOf(shown.Text)
	if !ok || n < 0 {
		return
	}
	to := w.Inbound[n]
	o := Order{Chat: chat, From: agent, Reply: true, Text: fmt.Sprintf("out%d ok", len(w.Orders)+len(w.refused)), Recipients: []string{to.Customer}, Line: to.Line, of: []string{lastID(shown.Text)}}
	o.Said = o.Text
	w.order(o, telegram.Post{ReplyTo: prompt.ID})
}

// What is at rest.

var (
	listedNumber = regexp.MustCompile(`\b09\d{9}\b`)
	listedCount  = regexp.MustCompile(`^Waiting for an answer: (?:more than )?(\d+)`)
)

// StalePins returns what is wrong with the pinned lists: each is one message, which is pinned where the bot may, and says who waits.
func (e *Evidence) StalePins() error {
	waits, all, _, err := e.Store.WhoWaits(0, 20)
	if err != nil {
		return err
	}
	var want []string
	for _, w := range waits {
		want = append(want, string(w.First.Customer))
	}
	var wrong []error
	for _, chat := range []int64{e.Group, e.Sara} {
		c, err := e.Store.Chat(sms.ChatID(chat))
		if err != nil {
			return err
		}
		var pinned []int
		for _, m := range e.Messages[chat] {
			if m.Chat == chat && m.Pinned && !m.Deleted {
				pinned = append(pinned, m.ID)
			}
		}
		if slices.ContainsFunc(e.TG.Calls(), func(call telegram.Call) bool {
			return slices.Contains(e.ids(chat), call.Chat) && call.Method == "unpinChatMessage" && strings.Contains(call.Description, "not enough rights")
		}) { // who may not pin cannot take back an earlier list either
			pinned = slices.DeleteFunc(pinned, func(id int) bool { return c.Pin == nil || id != int(c.Pin.Message) })
		}
		switch {
		case c.Pin == nil && len(pinned) > 0:
			wrong = append(wrong, fmt.Errorf("chat %d: messages %v are pinned, the store knows of no list", chat, pinned))
		case c.Pin == nil:
		case c.Pin.Pinned && !slices.Equal(pinned, []int{int(c.Pin.Message)}), c.Pin.Denied && len(pinned) > 0:
			wrong = append(wrong, fmt.Errorf("chat %d: messages %v are pinned, the list is %d, pinned %t", chat, pinned, c.Pin.Message, c.Pin.Pinned))
		default:
			m, ok := e.TG.Message(chat, int(c.Pin.Message))
			if said := listedNumber.FindAllString(m.Text, -1); !ok || !slices.Equal(said, want) {
				wrong = append(wrong, fmt.Errorf("chat %d: the list, message %d, names %v; %v wait", chat, c.Pin.Message, said, want))
			}
			if found := listedCount.FindStringSubmatch(m.Text); all > 0 && (found == nil || found[1] != fmt.Sprint(all)) {
				wrong = append(wrong, fmt.Errorf("chat %d: the list, message %d, counts %q of %d", chat, c.Pin.Message, m.Text, all))
			}
		}
	}
	return errors.Join(wrong...)
}

// Pins reports whether any chat was ever asked to keep a list pinned.
func (w *World) Pins() bool {
	w.Mu.Lock()
	defer w.Mu.Unlock()
	return len(w.pins) > 0
}

// I17: a chat that was last asked by an admin to keep the list of who waits pinned has one, and no other; it says who waits. What a backup does not know
// of may stay pinned.
func I17(e *Evidence) error {
	if len(e.Restored) > 0 {
		return nil
	}
	wrong := e.StalePins()
	if len(e.lost) > 0 {
		return wrong
	}
	want := map[int64]bool{}
	for _, p := range e.pins {
		want[p.chat] = p.on
	}
	for _, chat := range []int64{e.Group, e.Sara} {
		on := want[chat]
		if last := slices.IndexFunc(e.pins, func(p pinning) bool { return p.chat == chat }); last < 0 && chat == e.Group && e.was != 0 {
			on = want[e.was]
		}
		c, err := e.Store.Chat(sms.ChatID(chat))
		if err == nil && (c.Pin != nil) != on {
			err = fmt.Errorf("chat %d: a list is kept %t, was asked for %t", chat, c.Pin != nil, on)
		}
		wrong = errors.Join(wrong, err)
	}
	return wrong
}

// iconsOf returns which icon a customer's topic should have, or any of which: how things stand, and which of Telegram's emoji tells it.
func (e *Evidence) iconsOf(c store.Customer) ([]string, error) {
	n, snoozed, err := e.Store.Waits(sms.Conversation{Customer: c.Number})
	switch {
	case err != nil:
		return nil, err
	case n > 0:
		return []string{"❗️"}, nil
	case snoozed:
		return []string{""}, nil
	case c.Answer == 0:
		return []string{"✅"}, nil
	}
	answer, err := e.Store.SMS(c.Answer)
	switch {
	case errors.Is(err, store.ErrNotFound): // it is kept no more
		return []string{"💬", "‼️"}, nil
	case err == nil && answer.Status == sms.Failed:
		return []string{"‼️"}, nil
	}
	return []string{"💬"}, err
}

// I18: the icon of each customer's topic tells how things stand with them. What icon a topic had when a backup was made nobody knows after it is restored.
func I18(e *Evidence) error {
	if !e.Topics || len(e.Restored) > 0 {
		return nil
	}
	icons := map[int]string{}
	for _, c := range e.TG.Chats() {
		for _, t := range c.Topics {
			if c.ID == e.Group {
				icons[t.ID] = t.Icon
			}
		}
	}
	customers := map[string]bool{}
	for _, s := range e.Inbound {
		customers[s.Customer] = true
	}
	var wrong []error
	for _, number := range slices.Sorted(maps.Keys(customers)) {
		c, err := e.Store.Customer(sms.Number(number))
		if err != nil {
			return err
		}
		want, err := e.iconsOf(c)
		if err != nil {
			return err
		}
		for _, p := range c.Topics {
			if icon, ok := icons[int(p.Topic)]; ok && !slices.Contains(want, icon) {
				wrong = append(wrong, fmt.Errorf("topic %d, of %s, has the icon %q, want one of %q", p.Topic, number, icon, want))
			}
		}
	}
	return errors.Join(wrong...)
}

// worked tells whether the team has worked between two times.
func (w *World) worked(from, to time.Time) bool {
	work := team.Calendar{Week: w.Settings.Hours, Zone: time.UTC, Closed: func(string) bool { return false }}
	return !work.Add(from, 1).After(to)
}

var getsAway = regexp.MustCompile(`📩[^\n]*(#s[0-9a-z]+) · 🌙`)

// I19: each customer is sent the away text at most once in a closed time, at most so many in an hour are, each as often as the store says, and what shows
// the SMS says so. An older file has other chats, where it may be told of.
func I19(e *Evidence) error {
	if e.Settings.Away.Text == "" || len(e.Restored) > 0 || e.apart || e.older.texts != nil {
		return nil
	}
	var wrong []error
	of, sent, told := map[string][]batch{}, map[string]int{}, map[string]map[string]bool{}
	old := map[string]bool{} // nothing may be kept of what they were sent
	for _, b := range e.aways {
		if !b.Forgotten && len(b.recipients) == 1 {
			of[string(b.recipients[0].Customer)] = append(of[string(b.recipients[0].Customer)], b)
		}
		inHour := 0
		for _, other := range e.aways {
			if d := b.Created.Sub(other.Created); d >= 0 && d < time.Hour-time.Second && other.ID <= b.ID {
				inHour++
			}
		}
		if inHour > e.Settings.Away.PerHour {
			wrong = append(wrong, fmt.Errorf("batch %d is the away text %d within an hour", b.ID, inHour))
		}
	}
	for _, s := range e.Sent {
		if s.Text == AwayText {
			sent[s.Customer]++
			old[s.Customer] = old[s.Customer] || time.Since(s.At) > kept/2
		}
	}
	for _, m := range e.Messages[e.Group] {
		if isList(m) {
			continue
		}
		for _, found := range getsAway.FindAllStringSubmatch(m.Text, -1) {
			s, err := e.Store.SMS(seqOf(found[1]))
			if err != nil && !errors.Is(err, store.ErrNotFound) {
				return err
			}
			if told[string(s.Customer)] == nil {
				told[string(s.Customer)] = map[string]bool{}
			}
			told[string(s.Customer)][found[1]] = true
		}
	}
	for customer := range sent {
		if of[customer] == nil {
			of[customer] = nil
		}
	}
	for _, customer := range slices.Sorted(maps.Keys(of)) {
		if old[customer] || e.erased(customer, time.Time{}) {
			continue
		}
		accepted, unknown, all := 0, 0, of[customer]
		slices.SortFunc(all, func(a, b batch) int { return cmp.Compare(a.ID, b.ID) })
		for i, b := range all {
			switch r := b.recipients[0]; {
			case r.ID != "":
				accepted++
			case r.Status == sms.Sending || r.Status >= sms.Sent && r.Words == "":
				unknown++
			}
			if i > 0 && !e.worked(all[i-1].Created, b.Created) {
				wrong = append(wrong, fmt.Errorf("%s got away texts at %s and at %s, and nobody worked between", customer, all[i-1].Created.Format(time.StampMilli), b.Created.Format(time.StampMilli)))
			}
		}
		if n := sent[customer]; n < accepted || n > accepted+unknown {
			wrong = append(wrong, fmt.Errorf("%s was sent %d away texts; of %d stored %d were accepted, of %d nobody knows", customer, n, len(all), accepted, unknown))
		}
		blocked := slices.ContainsFunc(e.blockings, func(b blocking) bool { return b.on && b.customer == customer }) // what was not shown by then never is
		if n := len(told[customer]); n > len(all) || n < len(all) && !blocked {
			wrong = append(wrong, fmt.Errorf("%s got %d away texts, the group was told of %d: %v", customer, len(all), len(told[customer]), slices.Sorted(maps.Keys(told[customer]))))
		}
	}
	return errors.Join(wrong...)
}

// reminders are what tells that somebody waits for long.
var reminders = map[string]string{"reminder": "This customer has waited for", "escalation": "Nobody has answered this customer"}

// touched reports whether somebody saw to a customer, or decided about an order to them, or may have, between two times.
func (e *Evidence) touched(customer string, from, to time.Time) bool {
	within := func(at time.Time) bool { return at.After(from.Add(-time.Hour)) && at.Before(to) } // what is said waits while an outage lasts
	return slices.ContainsFunc(e.deeds, func(d deed) bool { return within(d.at) && !d.vain && slices.Contains(d.customers, customer) }) ||
		slices.ContainsFunc(e.Orders, func(o Order) bool { return within(o.At) && slices.Contains(o.Recipients, customer) }) ||
		slices.ContainsFunc(e.presses, func(p pressed) bool { return within(p.at) && e.mayConcern(p, customer) })
}

// mayConcern reports whether a press decided about an order to a customer, or about one that nobody knows any more: the number of a batch that a backup
// does not know is given to another.
func (e *Evidence) mayConcern(p pressed, customer string) bool {
	i := slices.IndexFunc(e.Batches, func(b batch) bool { return b.ID == p.batch })
	return i < 0 || len(e.Restored) > 0 || e.Batches[i].Forgotten || slices.ContainsFunc(e.Batches[i].recipients, func(r store.SMS) bool { return string(r.Customer) == customer })
}

// I20: nobody is reminded before it is time, each wait is told of at most once in each chat, unless the answer of Telegram to the call before was lost or
// its bridge killed; and who was seen to by nobody at all was told of.
func I20(e *Evidence) error {
	after := e.Settings.RemindAfter
	if after == 0 || e.apart {
		return nil
	}
	var wrong []error
	type notice struct{ what, id string }
	told := map[int64]map[notice]time.Time{}
	for _, chat := range []int64{e.Group, e.Sara} {
		posts := slices.DeleteFunc(e.TG.Calls(), func(c telegram.Call) bool { return !slices.Contains(e.ids(chat), c.Chat) || c.Method != "sendMessage" })
		told[chat] = map[notice]time.Time{}
		last := map[notice]telegram.Message{}
		for _, m := range e.Messages[chat] {
			for what, words := range reminders {
				if isList(m) || !strings.Contains(m.Text, words) {
					continue
				}
				n := notice{what, lastID(m.Text)}
				told[chat][n] = m.Date
				s, err := e.Store.SMS(seqOf(n.id))
				if err != nil || s.Customer == "" || e.erased(string(s.Customer), m.Date) {
					continue
				}
				if m.Date.Before(s.Received.Add(after - time.Second)) {
					wrong = append(wrong, fmt.Errorf("chat %d: message %d is a %s of %s, %s after it came", chat, m.ID, what, n.id, m.Date.Sub(s.Received)))
				}
				if before, again := last[n]; again && !e.touched(string(s.Customer), before.Date, m.Date) && !e.unnoted(posts, Sighting{at: before.Date, Message: before.ID}) {
					wrong = append(wrong, fmt.Errorf("chat %d: message %d is a %s of %s, and so was %d, whose answer was noted", chat, m.ID, what, n.id, before.ID))
				}
				last[n] = m
			}
		}
	}
	waits, _, _, err := e.Store.WhoWaits(0, 1<<20)
	if err != nil || len(e.Restored) > 0 {
		return errors.Join(append(wrong, err)...)
	}
	for _, w := range waits {
		id, customer := "#s"+strconv.FormatUint(uint64(w.First.Seq), 36), string(w.First.Customer)
		due := w.First.Received.Add(after)
		if up := e.Starts[len(e.Starts)-1].At.Add(time.Minute); up.After(due) { // its group's minute was full before
			due = up
		}
		if len(e.Fetches) == 0 || e.Fetches[len(e.Fetches)-1].Sub(due) < time.Minute || e.touched(customer, time.Time{}, time.Now()) || e.Left[e.Group] || e.was != 0 || e.older.texts != nil {
			continue
		}
		shown := slices.ContainsFunc(e.Shown[e.Group], func(s Sighting) bool { return s.id == id && w.First.Received.Add(after).Sub(s.at) > inTransit })
		if at := told[e.Group][notice{"reminder", id}]; at.IsZero() && shown { // what comes to be shown later needs none
			wrong = append(wrong, fmt.Errorf("%s, of %s, waits since %s, and nobody was reminded", id, customer, w.First.Received.Format(time.StampMilli)))
		}
	}
	return errors.Join(wrong...)
}

// I21: who wrote, and whom nobody saw to but by reactions that were taken back, or that count for nothing, waits; who was answered, and has not written
// since, does not.
func I21(e *Evidence) error {
	if len(e.Restored)+len(e.lost) > 0 || e.apart || e.older.texts != nil {
		return nil
	}
	type key struct{ customer, line string }
	last := map[key]time.Time{} // when the last SMS was first shown; zero if it is not
	seen := map[int]time.Time{}
	for _, s := range e.Shown[e.Group] {
		if n := NumberOf(s.Mark); seen[n].IsZero() {
			seen[n] = s.at
		}
	}
	unclear := map[key]bool{}
	for i, s := range e.Inbound {
		k := key{s.Customer, s.Line}
		at := seen[i]
		unclear[k] = unclear[k] || at.IsZero() || s.again || time.Since(s.at) > kept/2 || e.erased(s.Customer, s.at)
		if at.After(last[k]) {
			last[k] = at
		}
	}
	var wrong []error
	for _, k := range slices.SortedFunc(maps.Keys(last), func(a, b key) int {
		return cmp.Or(cmp.Compare(a.customer, b.customer), cmp.Compare(a.line, b.line))
	}) {
		if unclear[k] || e.erased(k.customer, time.Time{}) {
			continue
		}
		n, snoozed, err := e.Store.Waits(sms.Conversation{Customer: sms.Number(k.customer), Line: sms.Number(k.line)})
		if err != nil {
			return err
		}
		if !e.seenTo(k.customer) && n == 0 {
			wrong = append(wrong, fmt.Errorf("%s wrote to %s, nobody saw to that, and they do not wait; snoozed %t; %s", k.customer, k.line, snoozed, e.deedsOn(k.customer)))
		}
		if o, ok := e.answeredAfter(k.customer, k.line, last[k]); ok && (n > 0 || snoozed) {
			wrong = append(wrong, fmt.Errorf("%s was answered by message %d of chat %d at %s, after their last SMS was shown at %s, and waits, or is snoozed %t; %s",
				k.customer, o.Message, o.Chat, o.At.Format(time.StampMilli), last[k].Format(time.StampMilli), snoozed, e.deedsOn(k.customer)))
		}
	}
	return errors.Join(wrong...)
}

// seenTo reports whether an agent wrote to a customer, or said anything of them that they did not take back, or that the bot may not have heard of.
func (e *Evidence) seenTo(customer string) bool {
	if slices.ContainsFunc(e.Orders, func(o Order) bool { return slices.Contains(o.Recipients, customer) }) {
		return true
	}
	type reaction struct {
		by, chat int64
		message  int
		what     string
	}
	stands := map[reaction]bool{}
	for _, d := range e.deeds {
		if d.vain && !d.back || !slices.Contains(d.customers, customer) || d.what == "❤" {
			continue
		}
		if e.Left[d.chat] || d.chat == e.was || d.by == e.Omid { // it may have been heard, and its end not
			return true
		}
		stands[reaction{d.by, d.chat, d.message, d.what}] = !d.back
	}
	for _, s := range stands {
		if s {
			return true
		}
	}
	return false
}

// answeredAfter returns an order that surely answered a conversation after a time.
func (e *Evidence) answeredAfter(customer, line string, after time.Time) (Order, bool) {
	for _, o := range e.Orders {
		if !o.At.After(after) || o.later != 0 || o.perhaps || o.From == e.Omid || o.Line != line || !slices.Equal(o.Recipients, []string{customer}) {
			continue
		}
		if found := e.BatchesOf(o); len(found) == 1 && !found[0].Forgotten && found[0].State == store.Going && found[0].N == 1 && found[0].recipients[0].ID != "" {
			return o, true
		}
	}
	return Order{}, false
}

// deedsOn tells what was done about a customer.
func (e *Evidence) deedsOn(customer string) string {
	var all []string
	for _, d := range e.deeds {
		if slices.Contains(d.customers, customer) {
			all = append(all, fmt.Sprintf("%s %q by %d on %d of %d, back %t, vain %t", d.at.Format("15:04:05.000"), d.what, d.by, d.message, d.chat, d.back, d.vain))
		}
	}
	return strings.Join(all, "; ")
}

// readAways reads the away texts in the store. No chat lists them: they are found by their numbers, of which those of old ones are gone.
func (e *Evidence) readAways() error {
	if e.Settings.Away.Text == "" {
		return nil
	}
	for id, missing := e.older.batch+1, 0; missing < 1000; id++ {
		b, err := e.Store.Batch(id)
		if errors.Is(err, store.ErrNotFound) {
			missing++
			continue
		}
		if err != nil {
			return err
		}
		if missing = 0; !b.Away {
			continue
		}
		to, err := e.Store.Recipients(b, 0, b.N)
		if err != nil {
			return err
		}
		e.aways = append(e.aways, batch{b, to})
	}
	return nil
}
