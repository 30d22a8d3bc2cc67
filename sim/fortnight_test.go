package sim

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	team "peyk/internal/hours"
	"peyk/internal/play"
	"peyk/sandbox/telegram"
	"peyk/store"
)

// TestFortnight plays a desk that works from Saturday to Thursday noon, with holidays, and with agents who go on leave; one is denied meanwhile. Nothing
// that this test knows of hours and of who waits is the bridge's: it goes by what both networks saw, and by a table of minutes.
func TestFortnight(t *testing.T) {
	for n := range uint64(max(1, *worlds)) {
		seed := max(1, *seed) + n
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFortnight(t, seed)
				f.lives(cmp.Or(*days, 5))
				f.audit()
			})
		})
	}
}

// tehran has no summer time.
var tehran = time.FixedZone("Tehran", int(3.5*3600))

const (
	night   = "دفتر بسته است. شنبه تا پنجشنبه پاسخ می\u200cدهیم."
	remind  = 30 * time.Minute
	admin   = 2 * time.Hour
	perHour = 4

	// recovers is how long the bridge may need after an outage, or a start.
	recovers = 3 * time.Minute
	late     = 2 * time.Second // a reminder may be
)

// holiday is a day on which the team does not work, as Sara says at some time; or does, after all.
type holiday struct {
	said time.Time
	day  string
	open bool
}

// leave is when somebody answers nobody.
type leave struct {
	who      string
	from, to int // days, to excluded
	denied   bool
}

var leaves = []leave{{"Ali", 3, 4, false}, {"Omid", 4, 5, true}, {"Ali", 8, 11, false}, {"Omid", 9, 12, true}}

// holidays are in local time: the day since the first, a Thursday, and the hour at which it is said.
var holidays = []struct {
	day, hour int
	of        string
	open      bool
}{
	{0, 12, "2026-07-04", false},
	{5, 10, "2026-07-08", false},
	{5, 11, "2026-07-12", false},
	{9, 20, "2026-07-12", true},
	{12, 10, "2026-07-14", false}, // on the day itself
}

// said is what an agent did about a customer.
type said struct {
	at       time.Time
	customer string
	what     string // "answer", "done" or "snooze"
	until    time.Time
}

// fortnight is a desk, and what it did.
type fortnight struct {
	*world
	agents  map[string]int64
	closed  []holiday
	said    []said
	downs   []span // of Telegram, or of the bridge
	panel   []span
	answers map[string]said // the last to each customer,
	by      map[string]int64
	wrote   int
}

type span struct{ from, to time.Time }

func newFortnight(t *testing.T, seed uint64) *fortnight {
	w := bare(t, play.Chance(seed), seed)
	w.poll = time.Minute
	week, err := team.Parse("Sat-Wed 8:00-17:00, Thu 8:00-13:00")
	if err != nil {
		t.Fatal(err)
	}
	w.Settings = store.Options{Hours: week, Location: tehran, RemindAfter: remind, EscalateAfter: admin, Away: store.Away{Text: night, Parts: 1, PerHour: perHour}}
	// What is late is the bridge's fault.
	w.tgNet.Delay = func(int) time.Duration { return 10 * time.Millisecond }
	w.panelNet.Delay = w.tgNet.Delay
	if err := w.TG.SetBotRights(w.Group, telegram.Rights{Admin: true}); err != nil {
		t.Fatal(err)
	}
	return &fortnight{world: w, agents: map[string]int64{"Sara": w.Sara, "Ali": w.Ali, "Omid": w.Omid}, answers: map[string]said{}, by: map[string]int64{}}
}

func (f *fortnight) local() time.Time { return time.Now().In(tehran) }

// day is how many days have passed since the first began.
func (f *fortnight) day() int {
	first := time.Date(start.Year(), start.Month(), start.Day(), 0, 0, 0, 0, tehran)
	return int(f.local().Sub(first) / (24 * time.Hour))
}

// orders has Sara say something in the group, in calm.
func (f *fortnight) orders(text string) {
	f.mend()
	time.Sleep(recovers)
	f.Say(telegram.Post{Chat: f.Group, From: f.Sara, Text: text})
	time.Sleep(5 * time.Second)
}

// lives has so many days pass.
func (f *fortnight) lives(days int) {
	f.start()
	f.orders(fmt.Sprint("/allow ", f.Omid))
	allowed := true
	announced := 0
	for f.day() < days {
		every := 40 * time.Minute
		if f.open(time.Now()) {
			every = 5 * time.Minute
		}
		time.Sleep(time.Duration(f.Rand.ExpFloat64() * float64(every)))
		if h := holidays[min(announced, len(holidays)-1)]; announced < len(holidays) && (f.day() > h.day || f.day() == h.day && f.local().Hour() >= h.hour) {
			announced++
			word := "/closed "
			if h.open {
				word += "-"
			}
			f.orders(word + h.of)
			f.closed = append(f.closed, holiday{time.Now(), h.of, h.open})
		}
		if away := f.onLeave("Omid"); (away == nil || !away.denied) != allowed && f.local().Hour() >= 7 {
			allowed = !allowed
			f.orders(fmt.Sprint(map[bool]string{true: "/allow ", false: "/deny "}[allowed], f.Omid))
		}
		switch n := f.Rand.IntN(200); {
		case n < 110:
			f.writes()
		case n < 185:
			f.act(allowed)
		case n < 188 && !f.open(time.Now()): // forged, or one who writes to all
			for range 8 {
				f.writes()
			}
		case n < 191:
			f.outage(&f.downs, 40*time.Minute, func() { f.TG.SetDown(true) }, func() { f.TG.SetDown(false) })
		case n < 194:
			f.outage(&f.panel, 40*time.Minute, f.panelNet.Down, f.panelNet.Up)
		case n < 196:
			f.outage(&f.downs, time.Hour, f.life.kill, f.start)
		case n < 197:
			f.outage(&f.downs, 10*time.Hour, f.life.askToEnd, f.start)
		case n < 199:
			f.outage(&f.downs, time.Second, f.life.kill, f.start)
		default:
			f.outage(&f.downs, time.Second, f.life.askToEnd, f.start)
		}
	}
	f.mend()
	f.start()
	time.Sleep(2 * recovers)
}

// onLeave returns the leave of somebody who is.
func (f *fortnight) onLeave(who string) *leave {
	for i, l := range leaves {
		if l.who == who && f.day() >= l.from && f.day() < l.to {
			return &leaves[i]
		}
	}
	return nil
}

// outage breaks something for up to so long, while customers and agents go on.
func (f *fortnight) outage(of *[]span, most time.Duration, breaks, mends func()) {
	o := span{from: time.Now()}
	breaks()
	for left := time.Duration(f.Rand.Int64N(int64(most))) + time.Second; left > 0; {
		wait := min(left, time.Duration(f.Rand.ExpFloat64()*float64(7*time.Minute)))
		time.Sleep(wait)
		if left -= wait; left > 0 && f.Rand.IntN(2) == 0 {
			f.writes()
		} else if left > 0 {
			f.act(true)
		}
	}
	mends()
	o.to = time.Now()
	*of = append(*of, o)
}

// writes has a customer write.
func (f *fortnight) writes() {
	n := f.Rand.IntN(90)
	customer, line := fmt.Sprintf("0912111%02d%02d", n, n%7), []string{"30001234", "30005678"}[n%2]
	f.Panel.ReceiveAt(customer, line, fmt.Sprintf("«in%d» سلام «end%d»", f.wrote, f.wrote), time.Now())
	f.wrote++
}

// act has an agent who is there, and whom nobody denied, see to a customer; or Omid, in vain.
func (f *fortnight) act(allowed bool) {
	if !f.open(time.Now()) && f.Rand.IntN(4) > 0 {
		return
	}
	var there []string
	for _, who := range slices.Sorted(maps.Keys(f.agents)) {
		if l := f.onLeave(who); l == nil && (who != "Omid" || allowed) {
			there = append(there, who)
		}
	}
	who := f.agents[there[f.Rand.IntN(len(there))]]
	if l := f.onLeave("Omid"); l != nil && l.denied && !allowed && f.Rand.IntN(5) == 0 {
		who = f.Omid
	}
	obeyed := who != f.Omid || allowed && f.onLeave("Omid") == nil
	m, found := f.Recent(f.Group, func(m telegram.Message) bool { return strings.Count(m.Text, "«in") == 1 })
	if !found {
		return
	}
	s := said{at: time.Now(), customer: number(m.Text), what: "done"}
	switch n := f.Rand.IntN(10); {
	case n < 5:
		if last, is := f.answers[s.customer]; is && f.by[s.customer] != who && s.at.Sub(f.soon(last.at)) < 31*time.Minute { // a colleague answers them
			return
		}
		s.what = "answer"
		f.Say(telegram.Post{Chat: f.Group, From: who, ReplyTo: m.ID, Text: fmt.Sprintf("بله %d", len(f.said))})
		if obeyed {
			f.answers[s.customer], f.by[s.customer] = s, who
		}
	case n < 7:
		f.Say(telegram.Post{Chat: f.Group, From: who, ReplyTo: m.ID, Text: "/done"})
	case n < 8:
		if err := f.TG.React(who, f.Group, m.ID, "👌"); err != nil {
			f.Errorf("react: %v", err)
		}
	default:
		s.what = "snooze"
		lasts := []time.Duration{40 * time.Minute, 2 * time.Hour, 20 * time.Hour}[f.Rand.IntN(3)]
		f.Say(telegram.Post{Chat: f.Group, From: who, ReplyTo: m.ID, Text: fmt.Sprintf("/snooze %dm", lasts/time.Minute)})
		s.until = s.at.Add(lasts)
	}
	if obeyed {
		f.said = append(f.said, s)
	}
}

// number returns the customer's in the head of an SMS.
func number(text string) string {
	at := strings.Index(text, "0912111")
	if at < 0 {
		return ""
	}
	return text[at : at+11]
}

// The ledger: when the team works, minute by minute.

// closedOn tells whether a day was closed, by what had been said by then.
func (f *fortnight) closedOn(day string, by time.Time) bool {
	closed := false
	for _, h := range f.closed {
		if h.day == day && !h.said.After(by) {
			closed = !h.open
		}
	}
	return closed
}

// open tells whether the team works, as is known then.
func (f *fortnight) open(at time.Time) bool { return f.works(at, at) }

// works tells whether the team works in a minute, by what had been said by then.
func (f *fortnight) works(at, by time.Time) bool {
	local := at.In(tehran)
	ends := map[time.Weekday]int{time.Friday: 0, time.Thursday: 13}
	until, short := ends[local.Weekday()]
	if !short {
		until = 17
	}
	return local.Hour() >= 8 && local.Hour() < until && !f.closedOn(local.Format(time.DateOnly), by)
}

// due returns when so many minutes of work have passed since then, by what had been said by then; no later than a week.
func (f *fortnight) due(since time.Time, after time.Duration, by time.Time) time.Time {
	at := since
	for range 7 * 24 * 60 {
		next := at.Truncate(time.Minute).Add(time.Minute)
		if f.works(at, by) {
			if after <= next.Sub(at) {
				return at.Add(after)
			}
			after -= next.Sub(at)
		}
		at = next
	}
	return at
}

// comes returns when it is time, as holidays are announced, and called off.
func (f *fortnight) comes(since time.Time, after time.Duration) time.Time {
	for i := 0; ; i++ {
		by, until := since, since.Add(1000*time.Hour)
		if i > 0 {
			by = f.closed[i-1].said
		}
		if i < len(f.closed) {
			until = f.closed[i].said
		}
		if until.Before(since) {
			continue
		}
		if due := f.due(since, after, by); due.Before(until) || i == len(f.closed) {
			if due.Before(by) {
				due = by
			}
			return due
		}
	}
}

// soon returns until when what happens at a time is known to the bridge, or was said by it.
func (f *fortnight) soon(at time.Time) time.Time {
	at = at.Add(late)
	for again := true; again; {
		again = false
		for _, d := range f.downs {
			if over := d.to.Add(recovers); !at.Before(d.from.Add(-late)) && at.Before(over) {
				at, again = over, true
			}
		}
	}
	return at
}

// The audit: what both networks saw, held against the ledger.

// happened is what happened to a customer, some time from one moment to another.
type happened struct {
	span
	what  string // "wrote", or what an agent did
	sms   int
	until time.Duration // a snooze, from then on
}

// notice is what is to be told of a customer: "remind", "admin" or "awake"; some time from one moment to another.
type notice struct {
	span
	what, customer string
	perhaps        bool      // an agent saw to the customer at about that time
	often          bool      // it is not clear when, nor how often
	ends           time.Time // when somebody saw to the customer, and it need not be told any more
}

var tells = map[string]string{"remind": "This customer has waited for", "admin": "Nobody has answered this customer", "awake": "The snooze is over"}

// given returns the SMS that the bridge has got, by the panel and by what the group shows, with when the panel gave them; by number.
func (f *fortnight) given() (all []given) {
	shown, known := map[int]bool{}, map[int]bool{}
	for _, m := range f.TG.Messages(f.Group) {
		for _, found := range play.MarkPattern.FindAllString(m.Text, -1) {
			shown[play.NumberOf(found)] = true
		}
	}
	for _, r := range f.Panel.Requests() {
		for _, g := range r.Given {
			switch n := play.NumberOf(g.Text); {
			case shown[n] && !known[n]: // there are panels that give all again
				known[n] = true
				all = append(all, given{r.At, g.At, g.Customer, n})
			case !shown[n] && r.Answered && !f.within(r.At, f.downs) && !f.within(r.At, f.panel):
				f.Errorf("SMS %d, given at %s, is not shown", n, clock(r.At))
			}
		}
	}
	slices.SortStableFunc(all, func(a, b given) int { return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.sms, b.sms)) }) // as they are stored
	return all
}

type given struct {
	at, written time.Time
	customer    string
	sms         int
}

// within tells whether something was out at a time, or about to be.
func (f *fortnight) within(at time.Time, outages []span) bool {
	return slices.ContainsFunc(outages, func(d span) bool { return at.After(d.from.Add(-late)) && at.Before(d.to.Add(recovers)) })
}

func clock(at time.Time) string { return at.In(tehran).Format("Mon 02 15:04:05.0") }

// audit compares what was told and sent with what was due.
func (f *fortnight) audit() {
	all := f.given()
	of := map[string][]happened{}
	for _, g := range all {
		of[g.customer] = append(of[g.customer], happened{span: span{g.at, g.at.Add(time.Second)}, what: "wrote", sms: g.sms})
	}
	for _, s := range f.said {
		of[s.customer] = append(of[s.customer], happened{span: span{s.at, f.soon(s.at)}, what: s.what, until: s.until.Sub(s.at)})
	}
	var due []notice
	unclear := 0
	for _, customer := range slices.Sorted(maps.Keys(of)) {
		slices.SortStableFunc(of[customer], func(a, b happened) int { return a.from.Compare(b.from) })
		d, u := f.waits(customer, of[customer])
		due, unclear = append(due, d...), unclear+u
	}
	told := 0
	for _, chat := range []int64{f.Group, f.Sara} {
		told += f.tellsOf(chat, due)
	}
	sent, stopped := f.away(all)
	f.Logf("%d SMS, %d acts of agents, %d notices due, %d told in both chats, %d away texts; admins told %d times that no more went out; %d waits were not clear; %d outages",
		len(all), len(f.said), len(due), told, sent, stopped, unclear, len(f.downs)+len(f.panel))
	if told == 0 || sent == 0 || unclear > len(all)/10 {
		f.Errorf("that tells nothing")
	}
}

// waits returns what is to be told of a customer, and how often that is not clear as two things happened at about the same time.
func (f *fortnight) waits(customer string, all []happened) (due []notice, unclear int) {
	const none, waiting, snoozed, anything = 0, 1, 2, 3
	state, since, until := none, span{}, span{}
	expect := func(what string, at, ends span) {
		at.to = f.soon(at.to)
		if !ends.to.Before(at.from.Add(-time.Second)) {
			due = append(due, notice{at, what, customer, !ends.from.After(at.to), false, ends.from})
		}
	}
	ends := func(e span) { // the wait, or the snooze
		switch state {
		case snoozed:
			expect("awake", until, e)
			if e.from.Before(until.from) {
				return
			}
			since = span{until.from, f.soon(until.to)}
			fallthrough
		case waiting:
			expect("remind", span{f.comes(since.from, remind), f.comes(since.to, remind)}, e)
			expect("admin", span{f.comes(since.from, admin), f.comes(since.to, admin)}, e)
		case anything: // whatever is told may be right
			for _, what := range []string{"awake", "remind", "admin"} {
				due = append(due, notice{span{since.from, e.to.Add(24 * time.Hour)}, what, customer, true, true, e.to})
			}
		}
	}
	for i, e := range all {
		if i > 0 && all[i-1].to.After(e.from) && (e.what != "wrote" || all[i-1].what != "wrote") || state == snoozed && !until.from.After(e.to) && !until.to.Add(recovers).Before(e.from) {
			if unclear++; state != anything {
				ends(span{e.from, e.to})
				state, since = anything, span{all[max(0, i-1)].from, e.to}
			}
			continue
		}
		if state == snoozed && until.to.Before(e.from) {
			expect("awake", until, e.span)
			state, since = waiting, span{until.from, f.soon(until.to)}
		}
		switch {
		case state == anything && e.what != "answer" && e.what != "done":
		case e.what == "wrote" && state == none:
			state, since = waiting, e.span
		case e.what == "wrote" && state == snoozed:
			ends(e.span)
			state, since = waiting, e.span
		case e.what == "wrote", state == none:
		case e.what == "snooze":
			ends(e.span)
			state, until = snoozed, span{e.from.Add(e.until - time.Minute), e.to.Add(e.until)}
		default:
			ends(e.span)
			state = none
		}
	}
	ends(span{time.Now(), time.Now()})
	return due, unclear
}

// tellsOf holds what the bot told in a chat against what was due, and returns how much of that it told.
func (f *fortnight) tellsOf(chat int64, due []notice) (n int) {
	told, posted := make([]bool, len(due)), []time.Time{}
	for _, m := range f.TG.Messages(chat) {
		if !m.FromBot {
			continue
		}
		posted = append(posted, m.Date)
		for what, words := range tells {
			if !strings.Contains(m.Text, words) {
				continue
			}
			i := -1
			for at, d := range due {
				fits := d.what == what && d.customer == number(m.Text) && !m.Date.Before(d.from.Add(-time.Second)) && !m.Date.After(f.paced(d.to, posted))
				if fits && (d.often && i < 0 || !d.often && !told[at]) {
					if i = at; !d.often {
						break
					}
				}
			}
			if i < 0 {
				f.Errorf("in %d at %s of %s: %q, which was not due%s", chat, clock(m.Date), number(m.Text), words, f.telling(due, number(m.Text)))
				continue
			}
			if told[i], n = true, n+1; m.Silent {
				f.Errorf("%q makes no sound", m.Text)
			}
		}
	}
	for i, d := range due {
		before, _ := slices.BinarySearchFunc(posted, d.ends, time.Time.Compare)
		seenTo := before < len(posted) && !d.ends.After(f.paced(d.to, posted[:before+1])) // before its turn came
		if !told[i] && !d.perhaps && !seenTo && (d.what != "admin" || chat == f.Sara) {
			f.Errorf("in %d of %s: %q was due at %s, and not told by %s%s", chat, d.customer, tells[d.what], clock(d.from), clock(d.to), f.telling(due, d.customer))
		}
	}
	return n
}

// paced returns until when what is due at a time may be told in a chat that has had these messages: Telegram takes twenty a minute of a group.
func (f *fortnight) paced(at time.Time, posted []time.Time) time.Time {
	behind, minute := 0, 0
	for _, p := range posted[:len(posted)-1] {
		if p.After(at.Add(-2 * late)) {
			behind++
		}
		if p.After(at.Add(-time.Minute)) {
			minute++
		}
	}
	return at.Add(time.Duration(behind)*3500*time.Millisecond + time.Duration(minute/17)*time.Minute)
}

func (f *fortnight) telling(due []notice, customer string) string {
	var s strings.Builder
	for _, d := range due {
		if d.customer == customer {
			fmt.Fprintf(&s, "\n    %s from %s to %s, perhaps %t", d.what, clock(d.from), clock(d.to), d.perhaps)
		}
	}
	return s.String()
}

// away holds the away texts against the ledger, and returns how many there were, and how often the admins were told that no more went out.
func (f *fortnight) away(all []given) (n, stopped int) {
	sent, told := map[string][]time.Time{}, map[string][]time.Time{}
	for _, s := range f.Panel.Sent() {
		if s.Text == night {
			sent[s.Customer] = append(sent[s.Customer], s.At)
			n++
		}
	}
	var posted []time.Time // to Sara
	var admins []int       // which of these tell that no more go out
	for _, chat := range []int64{f.Group, f.Sara} {
		for _, m := range f.TG.Messages(chat) {
			if m.FromBot && chat == f.Sara {
				posted = append(posted, m.Date)
			}
			switch {
			case m.FromBot && strings.HasPrefix(m.Text, "🌙 Away text to") && chat == f.Group:
				told[number(m.Text)] = append(told[number(m.Text)], m.Date)
			case m.FromBot && strings.HasPrefix(m.Text, "🌙 Customers") && chat == f.Sara:
				admins = append(admins, len(posted)-1)
			}
		}
	}
	last, hour := map[string]time.Time{}, []time.Time{}
	var stops []stop
	for _, g := range all {
		must, may := f.getsAway(g, last[g.customer])
		inHour, edge := 0, false
		for _, at := range hour {
			switch d := g.at.Sub(at); {
			case d < time.Hour-2*time.Second:
				inHour++
			case d < time.Hour+2*time.Second:
				edge = true
			}
		}
		together := 0 // those of one fetch may be stored in any order
		for _, o := range all {
			if o.at.Equal(g.at) {
				together++
			}
		}
		due, crowded := must || may, must && inHour+together > perHour
		if crowded {
			must, may = false, inHour < perHour
		} else if edge && inHour+1 >= perHour {
			must, may = false, must || may
		}
		here := func(at time.Time) bool { return !at.Before(g.at) && at.Sub(g.at) < 70*time.Minute }
		if !must && !may { // then it may be for what they wrote after
			next := slices.IndexFunc(all, func(o given) bool { return o.customer == g.customer && o.at.After(g.at) })
			within := here
			here = func(at time.Time) bool { return within(at) && (next < 0 || at.Before(all[next].at)) }
		}
		i := slices.IndexFunc(sent[g.customer], here)
		got := i >= 0 || slices.ContainsFunc(told[g.customer], here)
		if due && !got {
			stops = append(stops, stop{span{g.at, f.soon(g.at)}, crowded})
		}
		switch {
		case got && !must && !may:
			f.Errorf("SMS %d of %s, given at %s, got an away text: it had one at %s, in the hour %d", g.sms, g.customer, clock(g.at), clock(last[g.customer]), inHour)
		case must && !got:
			f.Errorf("SMS %d of %s, given at %s, got no away text: it had one at %s, in the hour %d%s", g.sms, g.customer, clock(g.at), clock(last[g.customer]), inHour, f.outAbout(g.at))
		}
		if got {
			stored := g.at
			if i >= 0 && f.within(g.at, f.downs) {
				stored = sent[g.customer][i]
			}
			last[g.customer], hour = stored, append(hour, stored)
			if i >= 0 {
				sent[g.customer] = slices.Delete(sent[g.customer], i, i+1)
			}
			told[g.customer] = slices.DeleteFunc(told[g.customer], here)
		}
	}
	for customer, left := range sent {
		for _, at := range left {
			f.Errorf("%s was sent an away text at %s of no SMS", customer, clock(at))
		}
	}
	for _, wrong := range f.stopped(stops, hour, posted, admins) {
		f.Error(wrong)
	}
	return n, len(admins)
}

// stop is an SMS that got no away text though it was due one, or may have been; the hour's limit is why, for sure or perhaps. It was stored some time from
// one moment to another.
type stop struct {
	span
	sure bool
}

// stopped returns what is wrong with what the admins were told of stops, among what was posted to them: once in each closed time, and only when the away texts
// of an hour were out.
func (f *fortnight) stopped(stops []stop, sent, posted []time.Time, told []int) (wrong []string) {
	for i, n := range told {
		at := posted[n]
		if i > 0 && !f.worked(posted[told[i-1]], at) {
			wrong = append(wrong, fmt.Sprintf("admins were told at %s and again at %s that no more go out", clock(posted[told[i-1]]), clock(at)))
		}
		if !slices.ContainsFunc(stops, func(s stop) bool {
			latest, inHour := f.paced(s.to, posted[:n+1]), 0
			for _, away := range sent {
				if away.After(s.from.Add(-time.Hour-late)) && !away.After(latest) {
					inHour++
				}
			}
			return inHour >= perHour && !at.Before(s.from) && !at.After(latest)
		}) {
			wrong = append(wrong, fmt.Sprintf("admins were told at %s that no more go out, and nothing was stopped", clock(at)))
		}
	}
	for _, s := range stops {
		if s.sure && !slices.ContainsFunc(told, func(n int) bool {
			return !posted[n].After(f.paced(s.to, posted[:n+1])) && !f.worked(posted[n], s.from)
		}) {
			wrong = append(wrong, fmt.Sprintf("an away text was stopped at %s, and the admins were not told", clock(s.from)))
		}
	}
	return wrong
}

// TestStopsAreToldOncePerClosedTime holds the ledger itself to a few evenings: what an outage has stored later counts, too.
func TestStopsAreToldOncePerClosedTime(t *testing.T) {
	at := func(day, hour, minute int) time.Time { return time.Date(2026, 7, day, hour, minute, 0, 0, tehran) } // the 5th is a Sunday
	full := func(day, hour int) (sent []time.Time) {
		for n := range perHour {
			sent = append(sent, at(day, hour, n))
		}
		return sent
	}
	for name, c := range map[string]struct {
		stops []stop
		sent  []time.Time
		told  []time.Time
		wrong string
	}{
		"told once in an evening":                {[]stop{{span{at(5, 20, 10), at(5, 20, 10)}, true}, {span{at(5, 20, 50), at(5, 20, 50)}, true}}, full(5, 20), []time.Time{at(5, 20, 10)}, ""},
		"told of what an outage had stored late": {[]stop{{span{at(5, 20, 10), at(5, 20, 30)}, false}}, full(5, 20), []time.Time{at(5, 20, 29)}, ""},
		"what is unclear need not be told":       {[]stop{{span{at(5, 20, 10), at(5, 20, 30)}, false}}, full(5, 20), nil, ""},
		"told twice in an evening":               {[]stop{{span{at(5, 20, 10), at(5, 20, 10)}, true}, {span{at(5, 23, 10), at(5, 23, 10)}, true}}, slices.Concat(full(5, 20), full(5, 23)), []time.Time{at(5, 20, 10), at(5, 23, 10)}, "and again"},
		"told again the next evening":            {[]stop{{span{at(5, 20, 10), at(5, 20, 10)}, true}, {span{at(6, 20, 10), at(6, 20, 10)}, true}}, slices.Concat(full(5, 20), full(6, 20)), []time.Time{at(5, 20, 10), at(6, 20, 10)}, ""},
		"not told the next evening":              {[]stop{{span{at(5, 20, 10), at(5, 20, 10)}, true}, {span{at(6, 20, 10), at(6, 20, 10)}, true}}, slices.Concat(full(5, 20), full(6, 20)), []time.Time{at(5, 20, 10)}, "were not told"},
		"told of nothing":                        {nil, full(5, 20), []time.Time{at(5, 20, 10)}, "nothing was stopped"},
		"told though an away text was left":      {[]stop{{span{at(5, 20, 10), at(5, 20, 10)}, true}}, full(5, 20)[1:], []time.Time{at(5, 20, 10)}, "nothing was stopped"},
	} {
		var told []int
		for i := range c.told {
			told = append(told, i)
		}
		wrong := strings.Join(new(fortnight).stopped(c.stops, c.sent, c.told, told), "; ")
		if (wrong == "") != (c.wrong == "") || !strings.Contains(wrong, c.wrong) {
			t.Errorf("%s: got %q, want %q", name, wrong, c.wrong)
		}
	}
}

// outAbout tells what was out at about a time.
func (f *fortnight) outAbout(at time.Time) string {
	var s strings.Builder
	for what, outages := range map[string][]span{"panel": f.panel, "telegram or bridge": f.downs} {
		for _, d := range outages {
			if at.After(d.from.Add(-time.Hour)) && at.Before(d.to.Add(time.Hour)) {
				fmt.Fprintf(&s, "\n    %s out from %s to %s", what, clock(d.from), clock(d.to))
			}
		}
	}
	return s.String()
}

// getsAway tells whether an SMS must get the away text, or may, when its customer got one at last.
func (f *fortnight) getsAway(g given, last time.Time) (must, may bool) {
	near := func(at time.Time) bool { return f.open(at.Add(-3*time.Second)) != f.open(at.Add(3*time.Second)) }
	switch {
	case f.within(g.at, f.downs) && f.within(g.written, f.downs), near(g.at), near(g.written): // it may have been stored later
		may = true
	case f.open(g.at), f.open(g.written), g.at.Sub(g.written) > time.Hour+time.Second:
		return false, false
	case g.at.Sub(g.written) > time.Hour-time.Second:
		may = true
	}
	if !last.IsZero() && !f.worked(last, g.at) {
		return false, false
	}
	for _, s := range f.said {
		if s.customer != g.customer || s.what != "answer" {
			continue
		}
		known := f.soon(s.at)
		switch {
		case g.at.After(known) && g.at.Before(s.at.Add(30*time.Minute)):
			return false, false
		case g.at.After(s.at) && g.at.Before(known.Add(31*time.Minute)):
			may = true
		}
	}
	return !may, may
}

// worked tells whether the team has worked between two times, as is known at the second.
func (f *fortnight) worked(from, to time.Time) bool {
	for at := from.Truncate(time.Minute).Add(time.Minute); at.Before(to); at = at.Add(time.Minute) {
		if f.works(at, to) {
			return true
		}
	}
	return false
}
