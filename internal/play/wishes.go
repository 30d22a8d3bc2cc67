package play

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"peyk/sandbox/sandboxtest"
	"peyk/sandbox/telegram"
	"peyk/sms"
	"peyk/store"
)

// Customers who opt out and in, whom admins block, and for whom orders to several are; also what is ordered for later.

// wishers are so many customers, and wishLine is the line that they write to and are written to from.
const (
	wishers  = 7 // what is sent to each arrives
	wishLine = "30001234"
)

func wisher(n int) string { return fmt.Sprintf("0915000000%d", n) }

func isWisher(customer string) bool { return strings.HasPrefix(customer, "0915000000") }

// wishSMS is how many of the first SMS of customers may be wishes.
const wishSMS = 1500

// wishText returns the n-th SMS of customers if it is a wish. It says its number, as all do, and is the whole of what the settings call a wish.
func wishText(wish store.Wish, n int) string {
	return fmt.Sprintf("«in%d» %s «end%d»", n, map[store.Wish]string{store.OptOut: "stop", store.OptIn: "again"}[wish], n)
}

// wishWords returns the words of the settings for a wish.
func wishWords(wish store.Wish) (words []string) {
	for n := range wishSMS {
		words = append(words, sms.Fold(wishText(wish, n)))
	}
	return words
}

var outWords, inWords = wishWords(store.OptOut), wishWords(store.OptIn)

// WishEnviron returns the settings of wishes as the program reads them. No setting begins or ends with a quotation mark.
func WishEnviron() []string {
	return []string{"OPT_OUT_WORDS=stop," + strings.Join(outWords, ",") + ",11", "OPT_IN_WORDS=again," + strings.Join(inWords, ",") + ",12"}
}

// blocking is that an admin said whether a customer is blocked.
type blocking struct {
	at       time.Time
	customer string
	on       bool
	chat     int64
	message  int
}

// choice is the press of a button that is about an order for later, or about what an SMS wishes.
type choice struct {
	at      time.Time
	by      int64
	chat    int64
	message int    // that the message with the button replies to
	data    string // of the button
}

// customerWishes has a customer opt out or in, or write something else.
func (w *World) customerWishes() {
	n := len(w.Inbound)
	from := Sender{Customer: wisher(w.Rand.IntN(wishers)), Line: wishLine, wish: []store.Wish{store.OptOut, store.OptOut, store.OptIn, ""}[w.Rand.IntN(4)]}
	text := fmt.Sprintf("«in%d» وقت بخیر «end%d»", n, n)
	if n >= wishSMS {
		from.wish = ""
	}
	if from.wish != "" {
		text = wishText(from.wish, n)
		w.deeds = append(w.deeds, deed{at: time.Now(), what: "wish", customers: []string{from.Customer}}) // it waits for no answer
	}
	w.receive(from, text)
}

// adminBlocks has the admin block a customer, or end that.
func (w *World) adminBlocks() {
	chat := []int64{w.Group, w.Sara}[w.Rand.IntN(2)]
	if w.Away[chat] {
		return
	}
	b := blocking{at: time.Now(), customer: wisher(w.Rand.IntN(3)), on: w.Rand.IntN(2) == 0, chat: chat}
	said := "/unblock "
	if b.on {
		said = "/block "
	}
	b.message = w.Say(telegram.Post{Chat: chat, From: w.Sara, Text: said + b.customer})
	w.blockings = append(w.blockings, b)
	w.deeds = append(w.deeds, deed{at: b.at, by: w.Sara, chat: chat, message: b.message, what: said, customers: []string{b.customer}})
}

// orderForWishers returns an order to some of them, perhaps to one alone.
func (w *World) orderForWishers() Order {
	agent, chat := w.somebody()
	o := Order{Chat: chat, From: agent, Line: wishLine, Text: fmt.Sprintf("out%d hello", len(w.Orders)+len(w.refused))}
	first := w.Rand.IntN(wishers)
	for i := range []int{1, 2, 3, 5}[w.Rand.IntN(4)] {
		o.Recipients = append(o.Recipients, wisher((first+i)%wishers))
	}
	return o
}

// agentSendsToWishers has an agent order an SMS to them at once.
func (w *World) agentSendsToWishers() {
	o := w.orderForWishers()
	o.Said = "/send " + strings.Join(o.Recipients, ",") + " " + o.Text
	w.order(o, telegram.Post{})
}

// agentSchedules has an agent order an SMS to them for later.
func (w *World) agentSchedules() {
	o := w.orderForWishers()
	minutes := []int{1, 1, 5, 30, 120}[w.Rand.IntN(5)]
	o.later = time.Duration(minutes) * time.Minute
	o.Said = fmt.Sprintf("/later %dm %s %s", minutes, strings.Join(o.Recipients, ","), o.Text)
	w.order(o, telegram.Post{})
}

// agentPressesSchedule has whoever ordered something for later press [Schedule], or now and then [Cancel].
func (w *World) agentPressesSchedule() {
	_, chat := w.somebody()
	m, ok := w.Recent(chat, func(m telegram.Message) bool {
		return len(m.Buttons) > 0 && strings.HasPrefix(m.Buttons[0][0].Data, "later:") && m.ReplyTo != 0
	})
	if !ok {
		return
	}
	i := slices.IndexFunc(w.Orders, func(o Order) bool { return o.Chat == m.Chat && o.Message == m.ReplyTo })
	if i < 0 || w.Orders[i].From == w.Ali && m.Chat == w.Group && w.gone {
		return
	}
	row := m.Buttons[0]
	button := row[0]
	if w.Rand.IntN(6) == 0 {
		button = row[len(row)-1]
	}
	w.pressAs(w.Orders[i].From, m, button.Data)
}

// aboutWishes reports whether a button is about an order for later, or a wish.
func aboutWishes(data string) bool {
	return strings.HasPrefix(data, "later:") || strings.HasPrefix(data, "scheduled:") || strings.HasPrefix(data, "wish:")
}

// givenWish is a wish that the panel handed out for the first time.
type givenWish struct {
	n  int // of the SMS
	at time.Time
}

// wishesOf returns what a customer wished, in the order in which the panel handed it out.
func (e *Evidence) wishesOf(customer string, wish store.Wish) (found []givenWish) {
	seen := map[words]bool{}
	for _, r := range e.Requests {
		for _, m := range r.Given {
			k := words{NumberOf(m.Text), m.At.Unix()}
			if s := e.Inbound[k.n]; s.Customer == customer && s.wish == wish && !seen[k] {
				seen[k] = true
				found = append(found, givenWish{k.n, r.At})
			}
		}
	}
	return found
}

var saidOut = regexp.MustCompile(`(\d+) opted out of \d+\.`)

// toldOut returns when the team was first told that customers opted out by the n-th SMS of all.
func (e *Evidence) toldOut() map[int]time.Time {
	if e.outTold != nil {
		return e.outTold
	}
	e.outTold = map[int]time.Time{}
	for _, all := range e.Messages {
		for _, m := range all {
			if !strings.HasPrefix(m.Text, "🔕") {
				continue
			}
			shown, _ := e.TG.Message(m.Chat, m.ReplyTo)
			for _, said := range saidOut.FindAllStringSubmatch(m.Text, -1) {
				for _, mark := range marksIn(shown.Text, -1) {
					if s, told := e.Inbound[mark.n], e.outTold[mark.n]; s.Customer == said[1] && s.wish == store.OptOut && (told.IsZero() || m.Date.Before(told)) {
						e.outTold[mark.n] = m.Date
					}
				}
			}
		}
	}
	return e.outTold
}

// optedOut returns since when the team knows that a customer is opted out at a time; zero if they may not be.
func (e *Evidence) optedOut(customer string, at time.Time) (since time.Time) {
	var lastIn time.Time
	for _, in := range e.wishesOf(customer, store.OptIn) {
		if !in.at.After(at) {
			lastIn = in.at
		}
	}
	outs := e.wishesOf(customer, store.OptOut)
	for _, out := range outs { // what they wish once more, while they are opted out, is undone with the first
		if _, told := e.undone(out.n, at); told.After(lastIn) {
			lastIn = told
		}
	}
	for _, out := range outs {
		told := e.toldOut()[out.n]
		if pressed, _ := e.undone(out.n, at); pressed || !out.at.After(lastIn) || told.Before(out.at) || told.After(at) {
			continue
		}
		if slices.ContainsFunc(e.Restored, func(x restored) bool { return x.backup.Before(told) && x.at.Before(at) }) {
			continue
		}
		if since.IsZero() || told.Before(since) {
			since = told
		}
	}
	return since
}

// undone reports whether somebody had pressed [Undo] under the n-th SMS of customers by then, and when the team was last told so; zero if it was not.
func (e *Evidence) undone(n int, at time.Time) (pressed bool, told time.Time) {
	ids := map[string]bool{}
	for _, kind := range []string{"in", "end"} {
		for id := range e.idsOf(fmt.Sprintf("«%s%d»", kind, n)) {
			ids["wish:"+strings.TrimPrefix(id, "#s")] = true
		}
	}
	for _, c := range e.choices {
		if !ids[c.data] || c.at.After(at) {
			continue
		}
		pressed = true
		for _, m := range e.Messages[c.chat] {
			if m.Date.After(told) && !m.Date.Before(c.at) && !m.Date.After(at) && strings.Contains(m.Text, "undid it: "+e.Inbound[n].Customer) {
				told = m.Date
			}
		}
	}
	return pressed, told
}

// underWay is how long a request may be under way to the panel after what it depends on was stored.
const underWay = time.Minute

// heldUp reports whether a bridge stood still on the connection of a request, or that was cut.
func (e *Evidence) heldUp(r Call) bool {
	return slices.ContainsFunc(e.Outages, func(o sandboxtest.Shut) bool {
		return o.At.After(r.At.Add(-time.Hour)) && o.At.Before(r.At.Add(time.Minute)) && slices.Contains(o.Callers, r.Caller)
	})
}

// agreed reports whether somebody pressed [Send] of a question about an order between two times, or may have: nothing tells any more.
func (e *Evidence) agreed(o Order, from, to time.Time) bool {
	batches := e.BatchesOf(o)
	for _, lost := range e.lostOf(o) {
		batches = append(batches, lost...)
	}
	if len(batches) == 0 || len(e.Restored) > 0 || slices.ContainsFunc(batches, func(b batch) bool { return b.Forgotten }) {
		return true
	}
	return slices.ContainsFunc(e.presses, func(p pressed) bool {
		ours := slices.ContainsFunc(batches, func(b batch) bool { return b.ID == p.batch })
		return ours && (p.decision == store.Send || p.decision == store.Again) && p.at.After(from) && p.at.Before(to)
	})
}

// I22: who opted out, as the team was told, is sent nothing that is for several, whether ordered at once or for later, and no away text, from then on; what
// is for them alone only after somebody was asked, and pressed [Send].
func I22(e *Evidence) error {
	var wrong []error
	for _, r := range e.calls("SendSMS") {
		for _, m := range r.Asked {
			text, customer := m.Text, m.Customer
			if !isWisher(customer) {
				continue
			}
			since := e.optedOut(customer, r.At)
			if since.IsZero() || r.At.Sub(since) < underWay || e.heldUp(r) {
				continue
			}
			o, ok := e.orderOf(text)
			switch {
			case text == AwayText && e.Settings.Away.Text != "", ok && len(o.Recipients) > 1:
				wrong = append(wrong, fmt.Errorf("the panel was asked to send %q to %s at %s, who opted out, as the team was told at %s", text, customer, r.At.Format(time.StampMicro), since.Format(time.StampMicro)))
			case ok && !e.agreed(o, e.wishesOf(customer, store.OptOut)[0].at, r.At):
				wrong = append(wrong, fmt.Errorf("the panel was asked to send %q to %s alone at %s, who opted out, as the team was told at %s, and nobody said that it is to be sent", text, customer, r.At.Format(time.StampMicro), since.Format(time.StampMicro)))
			}
		}
	}
	return errors.Join(wrong...)
}

var saidAt = regexp.MustCompile(`^⏰ Scheduled for \w+ (\d{4}-\d\d-\d\d \d\d:\d\d)`)

// told is what the team was told of an order for later.
type told struct {
	due       time.Time // by the minute; zero: not that it is scheduled
	cancelled time.Time // when they were told so
	refused   bool      // that it was not sent when it was due
}

// toldOf returns what the team was told of o.
func (e *Evidence) toldOf(o Order) (all told) {
	for _, m := range e.Messages[o.Chat] {
		if m.ReplyTo != o.Message || m.Chat != o.Chat {
			continue
		}
		since := m.Date
		for _, v := range append(slices.Clone(m.History), telegram.Version{Text: m.Text}) {
			if found := saidAt.FindStringSubmatch(v.Text); found != nil {
				all.due, _ = time.Parse("2006-01-02 15:04", found[1])
			}
			if all.cancelled.IsZero() && strings.Contains(v.Text, "nothing is sent on") {
				all.cancelled = since
			}
			all.refused = all.refused || strings.Contains(v.Text, "was not sent:")
			since = v.Until
		}
	}
	return all
}

// I23: an order for later is sent after [Schedule] was pressed, never before its time, not after the team was told that it is cancelled, and more than an
// hour late only if somebody said so. At rest each that the team was told is scheduled is either still listed, or has become an order, or was cancelled, or the
// team was told why it was not sent.
func I23(e *Evidence) error {
	var wrong []error
	requests := map[string][]Call{}
	for _, r := range e.calls("SendSMS") {
		if len(r.Asked) > 0 {
			requests[r.Asked[0].Text] = append(requests[r.Asked[0].Text], r)
		}
	}
	rows, err := e.Store.ScheduledIn(0)
	if err != nil {
		return err
	}
	listed := map[string]int{}
	for _, s := range rows {
		if s.Confirmed {
			listed[s.Order.Text]++
		}
	}
	for _, o := range e.Orders {
		if o.later == 0 {
			continue
		}
		t := e.toldOf(o)
		say := func(format string, args ...any) {
			wrong = append(wrong, fmt.Errorf("%q, ordered at %s for %s later: %s", o.Text, o.At.Format(time.StampMilli), o.later, fmt.Sprintf(format, args...)))
		}
		pressed := slices.IndexFunc(e.choices, func(c choice) bool {
			return c.by == o.From && c.chat == o.Chat && c.message == o.Message && strings.HasSuffix(c.data, ":go")
		})
		for _, r := range requests[o.Text] {
			late := !t.due.IsZero() && r.At.After(t.due.Add(time.Hour+2*time.Minute))
			switch {
			case pressed < 0 || r.At.Before(e.choices[pressed].at):
				say("sent at %s, and nobody had pressed [Schedule]", r.At.Format(time.StampMilli))
			case !e.apart && r.At.Before(o.At.Add(o.later)), !e.apart && !t.due.IsZero() && r.At.Before(t.due):
				say("sent at %s, before its time, %s", r.At.Format(time.StampMilli), t.due)
			case !t.cancelled.IsZero() && r.At.After(t.cancelled.Add(underWay)) && len(e.Restored) == 0 && !e.heldUp(r):
				say("cancelled, as the team was told at %s, and sent at %s", t.cancelled.Format(time.StampMilli), r.At.Format(time.StampMilli))
			case late && !e.apart && !e.heldUp(r) && !e.agreed(o, t.due, r.At):
				say("sent at %s, which nobody was asked about", r.At.Format(time.StampMilli))
			}
		}
		if pressed < 0 && listed[o.Text] > 0 && !o.perhaps {
			say("is scheduled, and nobody had pressed [Schedule]")
		}
		if len(e.Restored)+len(e.lost) > 0 || o.perhaps || e.Left[o.Chat] || o.Chat == e.was || time.Since(o.At) > kept || slices.ContainsFunc(o.Recipients, func(n string) bool { return e.erased(n, o.At) }) {
			continue
		}
		became, ends := len(e.BatchesOf(o)), 0
		for _, so := range []bool{became > 0, listed[o.Text] > 0, !t.cancelled.IsZero(), t.refused} {
			if so {
				ends++
			}
		}
		if !t.due.IsZero() && ends != 1 || ends > 1 || became > 1 || listed[o.Text] > 1 {
			say("at rest it has become %d orders, is listed %d times, cancelled at %s, refused %t; due %s", became, listed[o.Text], t.cancelled, t.refused, t.due)
		}
	}
	return errors.Join(wrong...)
}

// overdue returns which orders for later wait though their time has come; by whose clock, nobody knows where two are apart.
func (e *Evidence) overdue() (found []string) {
	all, err := e.Store.ScheduledIn(0)
	if err != nil {
		e.Errorf("what is scheduled: %v", err)
	}
	for _, s := range all {
		if s.Confirmed && !e.apart && s.At.Before(e.Store.Now()) {
			found = append(found, fmt.Sprintf("order %d for later waits since %v", s.ID, s.At))
		}
	}
	return found
}

// toldBlocked returns when the team was told that b is so; zero if it was not.
func (w *World) toldBlocked(b blocking) time.Time {
	words := b.customer + " is not blocked"
	if b.on {
		words = b.customer + " is blocked"
	}
	for _, m := range w.TG.Messages(b.chat) {
		if m.FromBot && m.ReplyTo == b.message && strings.Contains(m.Text, words) {
			return m.Date
		}
	}
	return time.Time{}
}

// PerhapsHidden reports whether the n-th SMS of customers may be shown nowhere because its customer is blocked.
func (e *Evidence) PerhapsHidden(n int) bool {
	if n < 0 || !isWisher(e.Inbound[n].Customer) {
		return false
	}
	s := e.Inbound[n]
	return slices.ContainsFunc(e.blockings, func(b blocking) bool {
		if !b.on || b.customer != s.Customer {
			return false
		}
		return len(e.Restored)+len(e.lost) > 0 || !slices.ContainsFunc(e.blockings, func(end blocking) bool {
			told := e.toldBlocked(end)
			return !end.on && end.customer == b.customer && end.at.After(b.at) && !told.IsZero() && told.Before(s.at)
		})
	})
}

// I24: what a customer writes whom an admin has blocked, as the team was told, is kept, and is shown nowhere, until that is ended, or they are forgotten.
func I24(e *Evidence) error {
	if len(e.Restored)+len(e.lost) > 0 {
		return nil
	}
	var wrong []error
	for _, b := range e.blockings {
		since := e.toldBlocked(b)
		if !b.on || since.IsZero() {
			continue
		}
		until := time.Now()
		for _, end := range e.blockings {
			if !end.on && end.customer == b.customer && end.at.After(b.at) && end.at.Before(until) {
				until = end.at
			}
		}
		for _, x := range e.erasings {
			if x.customer == b.customer && x.at.After(b.at) && x.at.Before(until) {
				until = x.at
			}
		}
		first := map[int]Call{} // when the panel handed it out first
		for _, f := range e.Ledger() {
			for _, m := range f.Given {
				n := NumberOf(m.Text)
				if _, before := first[n]; !before && e.Inbound[n].Customer == b.customer {
					first[n] = f
				}
			}
		}
		for chat, all := range e.Shown {
			for _, s := range all {
				n := NumberOf(s.Mark)
				if f, ok := first[n]; ok && f.At.After(since) && s.at.Before(until) {
					wrong = append(wrong, fmt.Errorf("chat %d: message %d shows SMS %d, which came at %s; its customer is blocked since %s", chat, s.Message, n, f.At.Format(time.StampMilli), since.Format(time.StampMilli)))
				}
			}
		}
		wrong = append(wrong, e.unkept(b.customer, first, since))
	}
	return errors.Join(wrong...)
}

// unkept returns an error for SMS that came from a customer since a time and are not in the store, though nothing excuses that.
func (e *Evidence) unkept(customer string, first map[int]Call, since time.Time) error {
	all, _, err := e.Store.History(store.Page{Customer: sms.Number(customer), Limit: 1 << 16})
	if err != nil {
		return err
	}
	has := map[int]bool{}
	for _, m := range all {
		has[NumberOf(m.Text)] = true
	}
	var wrong []error
	for n, f := range first {
		if !has[n] && f.At.After(since) && !f.Excused() && !e.ErasedSMS(n) && time.Since(e.Inbound[n].at) < kept {
			wrong = append(wrong, fmt.Errorf("SMS %d came at %s, and is not kept", n, f.At.Format(time.StampMilli)))
		}
	}
	return errors.Join(wrong...)
}
