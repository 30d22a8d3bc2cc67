package play

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"peyk/sandbox/panel"
	"peyk/store"
)

// I1 charges each missing SMS to the very call that took it from the panel, and each reported loss to a call that was spoilt; not to a span
// of time in which others were lost.

// Call is a call that reached the panel, and what may excuse that its answer did not reach the bridge.
type Call struct {
	panel.Request
	life   int  // which start of the bridge made it
	spoilt bool // a fault replaced the answer, or a part of it
	shut   int  // 1 + the outage that closed its connection, before or after the answer was read; 0: none did
	ended  bool // of a GetMsg: its bridge was killed before it had noted an answer, or a backup was made then

	forgotten bool // the bridges of now know nothing of it
}

// Excused reports whether SMS of the answer may be missing.
func (f Call) Excused() bool { return f.spoilt || f.shut > 0 || f.ended || f.forgotten }

// spoils reports whether a fault costs the answer. Garbage around an answer mostly does not, nor does an error code.
func (w *World) spoils(r panel.Request) bool {
	switch panel.Kind(r.Answer) {
	case panel.Garbage:
		return w.Kind.garbled(r.Method, w.panel)
	case panel.Slow, panel.ErrCode:
		return false
	}
	_, err := strconv.Atoi(r.Answer)
	return err != nil
}

// lineOf returns the line of which a call asks for SMS; "" where it is all.
func lineOf(f Call) string { return strings.Join(f.Params["linenumber"], "") }

// calls returns the calls of some methods, in order.
func (e *Evidence) calls(methods ...string) []Call {
	var all []Call
	for _, r := range e.Requests {
		if !slices.Contains(methods, r.Method) {
			continue
		}
		f := Call{Request: r, spoilt: e.spoils(r) || r.Answer == string(panel.Slow) && !r.Answered, life: e.lifeAt(r.At), forgotten: e.forgotten(r.At)}
		for i, o := range e.Outages {
			// Ports are reused, but not so soon.
			if r.At.Sub(o.At).Abs() < 2*time.Minute && slices.Contains(o.Callers, r.Caller) {
				f.shut = i + 1
			}
		}
		all = append(all, f)
	}
	return all
}

// lifeAt returns which start was the last by then. What a bridge has put on the wire is handled before the next one starts.
func (p Past) lifeAt(t time.Time) int {
	i, _ := slices.BinarySearchFunc(p.Starts, t, func(s start, t time.Time) int {
		if s.At.After(t) {
			return 1
		}
		return -1
	})
	return max(0, i-1)
}

// Ledger returns the calls that hand out SMS.
func (e *Evidence) Ledger() []Call {
	if e.fetches != nil {
		return e.fetches
	}
	if e.Kind.again || e.Kind.stays {
		e.fetches = e.calls("GetMsg", "ListMsg")
		type flow struct {
			life int
			line string
		}
		last := map[flow]bool{} // calls of which no later one shows that the bridge has noted what they brought
		for i, f := range slices.Backward(e.fetches) {
			k := flow{f.life, lineOf(f)}
			e.fetches[i].ended, last[k] = e.Starts[f.life].broken && !last[k], true
		}
		return e.fetches
	}
	all, last := e.calls("GetMsg"), map[int]int{}
	for i, f := range all {
		last[f.life] = i
	}
	for life, i := range last {
		mark := e.markOf(life)
		all[i].ended = !mark.IsZero() && !all[i].At.Before(mark)
	}
	for _, x := range e.Restored {
		if mark := e.ours(x.mark, e.Starts[0].At, x.backup); !x.mark.IsZero() {
			if i := slices.IndexFunc(all, func(f Call) bool { return !f.At.Before(mark) }); i >= 0 && all[i].life == e.lifeAt(x.backup) {
				all[i].ended = true
			}
		}
	}
	e.fetches = all
	return all
}

// answersLate is by how much a bridge's time is late at most when it goes by Telegram's answers: they tell whole seconds, and take their time.
const answersLate = 3 * time.Second

// aheads returns how far ahead the bridges may ever have believed the time to be.
func (p Past) aheads() []time.Duration { return append([]time.Duration{0}, p.Ahead...) }

// ours returns when it was, by this machine's clock and between two times, that a bridge took for at; at itself when it never was.
func (p Past) ours(at, from, to time.Time) time.Time {
	var found time.Time
	for _, ahead := range p.aheads() {
		t := at.Add(-ahead)
		if ahead != 0 && t.Before(from) && !t.Add(answersLate).Before(from) {
			t = from
		}
		if !t.Before(from) && t.Before(to) && t.After(found) {
			found = t
		}
	}
	if found.IsZero() {
		return at
	}
	return found
}

// markOf returns when the fetch in flight at a bridge's end had begun; zero when there was none. It is that of a bridge before, if this one did not
// get so far.
func (p Past) markOf(life int) time.Time {
	mark, end := p.Starts[life].mark, time.Now()
	switch {
	case mark.IsZero():
		return mark
	case life > 0 && mark.Equal(p.Starts[life-1].mark):
		return p.markOf(life - 1)
	}
	if life+1 < len(p.Starts) {
		end = p.Starts[life+1].At
	}
	return p.ours(mark, p.Starts[life].At, end)
}

// words identify SMS of customers: equal ones of the same second are the same SMS unless they came in one answer.
type words struct {
	n      int
	second int64
}

// order notes in which order SMS are to be shown: as the panel handed them out for the first time. One that begins with the newest is known to do
// so once an answer has shown it, with SMS of different seconds; until then nobody can tell in which order those of one second came. What it gives again
// as the answer before was cut comes after what did arrive of that: the newest.
func (e *Evidence) order() {
	if e.Kind.stays { // it is read in the order in which it came
		for _, m := range e.World.Panel.Inbox() {
			if m.Fetched {
				e.Fetched, e.ranks = append(e.Fetched, NumberOf(m.Text)), append(e.ranks, len(e.ranks))
			}
		}
		return
	}
	known, given := 0, map[words]Call{}
	fetches, ids := e.Ledger(), e.seen("in")
	place, fresh := map[words]int{}, map[time.Time][]int{} // of calls: what may have come with them for the first time, the oldest first
	for i, f := range fetches {
		all := slices.Clone(f.Given)
		if e.panel.NewestFirst {
			slices.Reverse(all)
		}
		before := time.Time{}
		for _, m := range all {
			w := words{NumberOf(m.Text), m.At.Unix()}
			if first, again := given[w]; again && (e.panel.Resend || e.Kind.again) && !e.forgottenBy(first.At, f.At) {
				if !first.Excused() {
					continue
				}
				given[w], fresh[f.At] = f, append(fresh[f.At], w.n) // only now it may have come
				if !e.Kind.again {                                  // else it may be in either place
					if !e.panel.NewestFirst || !beyondCut(w.n, fresh[first.At], ids) {
						continue
					}
					if len(ids[w.n]) == 1 { // else some of what says the same came before
						e.ranks[place[w]] = -1
					}
				}
			} else {
				given[w], fresh[f.At] = f, append(fresh[f.At], w.n)
			}
			place[w] = len(e.Fetched)
			rank := len(e.Fetched)
			if e.panel.NewestFirst && known == 0 && before.Unix() == m.At.Unix() {
				rank = e.ranks[rank-1]
			}
			before = m.At
			e.Fetched, e.ranks = append(e.Fetched, w.n), append(e.ranks, rank)
		}
		// A bridge that is killed now may not have noted what it learned.
		if n := len(f.Given); n > 0 && !f.Excused() && f.Given[0].At.Unix() > f.Given[n-1].At.Unix() && (!e.Starts[f.life].broken || i+1 < len(fetches) && fetches[i+1].life == f.life) {
			known++
		}
	}
}

// beyondCut reports whether an SMS did not come with an answer that began with the newest, as that was cut before it: by the short ids, all before it came
// before all from there on.
func beyondCut(n int, answer []int, ids map[int]map[string]bool) bool {
	var seqs []store.Seq
	at := 0
	for _, m := range slices.Backward(answer) {
		if m == n {
			at = len(seqs)
		}
		if len(ids[m]) == 1 { // else it was said twice, and nobody knows which is which
			for id := range ids[m] {
				seqs = append(seqs, seqOf(id))
			}
		}
	}
	for k := 1; k <= at && k < len(seqs); k++ {
		if slices.Max(seqs[:k]) < slices.Min(seqs[k:]) {
			return true
		}
	}
	return false
}

// balance compares what the panel handed out with what is shown.
type balance struct {
	fetches []Call
	Missing map[int]int  // by number in the SMS: how many are shown nowhere
	wrong   map[int]bool // more are missing than calls excuse, or more are shown than were handed out
	most    map[int]int  // SMS handed out, and
	least   map[int]int  // those that no call excuses
	shown   map[int]int
}

func (e *Evidence) Balance() balance {
	b := balance{e.Ledger(), map[int]int{}, map[int]bool{}, map[int]int{}, map[int]int{}, map[int]int{}}
	most, least := map[words]int{}, map[words]int{}
	type shown struct {
		words
		era int
	}
	forgotten := map[shown]int{} // what nobody may know any more that it was shown
	for _, f := range b.fetches {
		here := map[words]int{}
		for _, m := range f.Given {
			here[words{NumberOf(m.Text), m.At.Unix()}]++
		}
		for w, n := range here {
			switch {
			case !f.forgotten:
				most[w] = max(most[w], n)
			case least[w] < n: // else it was known before
				k := shown{w, e.era(f.At)}
				forgotten[k] = max(forgotten[k], n)
			}
			if !f.Excused() {
				least[w] = max(least[w], n)
			}
		}
	}
	for w, n := range most {
		b.most[w.n] += n
		b.least[w.n] += least[w]
	}
	for w, n := range forgotten {
		b.most[w.n] += n
	}
	begun, ended, again := e.seen("in"), e.seen("end"), e.decodedAgain()
	for n, most := range b.most {
		for id := range begun[n] {
			if ended[n][id] {
				b.shown[n]++
			}
		}
		b.wrong[n] = b.shown[n] < b.least[n] || max(len(begun[n]), len(ended[n])) > most+len(again[n])
		b.Missing[n] = max(0, most-b.shown[n])
		if e.ErasedSMS(n) {
			b.wrong[n], b.Missing[n] = false, 0
		}
		if e.PerhapsHidden(n) {
			b.wrong[n], b.Missing[n] = max(len(begun[n]), len(ended[n])) > most+len(again[n]), 0
		}
	}
	return b
}

// seen returns the short ids, in any chat, under which what begins with the n-th mark of a kind is shown.
func (e *Evidence) seen(kind string) map[int]map[string]bool {
	ids := map[int]map[string]bool{}
	for _, all := range e.Shown {
		for _, s := range all {
			if !strings.HasPrefix(s.Mark, "«"+kind) {
				continue
			}
			n := NumberOf(s.Mark)
			if ids[n] == nil {
				ids[n] = map[string]bool{}
			}
			ids[n][s.id] = true
		}
	}
	return ids
}

// decodedAgain returns the short ids under which an SMS is shown once more, and said to be repeated, as its answer was not yet decoded when a backup was
// made that was restored since.
func (e *Evidence) decodedAgain() map[int]map[string]bool {
	ids := map[int]map[string]bool{}
	for _, all := range e.Shown {
		for i, s := range all {
			if !e.isDecodedAgain(all[:i], s) {
				continue
			}
			n := NumberOf(s.Mark)
			if ids[n] == nil {
				ids[n] = map[string]bool{}
			}
			ids[n][s.id] = true
		}
	}
	return ids
}

// isDecodedAgain tells whether s is such a copy, after those before it in its chat: the SMS was shown before the restore.
func (e *Evidence) isDecodedAgain(before []Sighting, s Sighting) bool {
	return s.Repeated && slices.ContainsFunc(before, func(o Sighting) bool {
		return o.Mark == s.Mark && o.id != s.id && e.era(o.at) < e.era(s.at)
	})
}

// lacks reports whether SMS of a fetch are missing.
func (b balance) lacks(f Call) bool {
	return slices.ContainsFunc(f.Given, func(m panel.SMS) bool { return b.Missing[NumberOf(m.Text)] > 0 })
}

// err returns an error for SMS that are missing without the excuse of a call.
func (b balance) err() error {
	var wrong []error
	for _, f := range b.fetches {
		for _, m := range f.Given {
			n := NumberOf(m.Text)
			if !b.wrong[n] {
				continue
			}
			b.wrong[n] = false // once
			wrong = append(wrong, fmt.Errorf("SMS %d, handed out at %s to start %d, is shown %d times, want %d to %d", n, f.At.Format(time.StampMicro), f.life, b.shown[n], b.least[n], b.most[n]))
		}
	}
	return errors.Join(wrong...)
}

// Missing returns the SMS handed out that are shown nowhere.
func (e *Evidence) Missing() []int {
	var all []int
	for n, k := range e.Balance().Missing {
		for range k {
			all = append(all, n)
		}
	}
	return all
}

// Unaccounted returns an error for an SMS handed out that is neither shown nor lost with a call, as the team was told.
func (e *Evidence) Unaccounted() error {
	b := e.Balance()
	if err := b.err(); err != nil {
		return err
	}
	if len(e.Incidents) == 0 && slices.ContainsFunc(b.fetches, func(f Call) bool { return !f.forgotten && b.lacks(f) }) {
		return errors.New("SMS are missing, and nobody was told")
	}
	return nil
}

// fetchesOf returns how many fetches a loss covers.
func fetchesOf(i store.Incident) int {
	lost, cut, unread := i.Fetches()
	return lost + cut + unread
}

// Losses returns the losses in a store, and of how many fetches they are.
func Losses(st *store.Store) ([]store.Incident, int, error) {
	return failures(st, store.Incident.Loss)
}

// Garbled returns how many answers were none, by a store, without a loss.
func Garbled(st *store.Store) (int, error) {
	_, n, err := failures(st, func(i store.Incident) bool { return i.Kind == store.Garbled })
	return n, err
}

func failures(st *store.Store, such func(store.Incident) bool) ([]store.Incident, int, error) {
	all, err := st.Incidents()
	if err != nil {
		return nil, 0, err
	}
	n := 0
	all = slices.DeleteFunc(all, func(i store.Incident) bool { return !such(i) })
	for _, i := range all {
		n += fetchesOf(i)
	}
	return all, n, nil
}

// I1: each SMS handed out is shown once, except those of a call whose answer was spoilt, or that was in flight when its bridge was killed.
// Each such call is counted once, by a loss that the team was told of, and nothing else is. Where it can be read again it is no excuse, see I25.
func I1(e *Evidence) error {
	b := e.Balance()
	wrong := []error{b.err()}
	stored, counted, err := Losses(e.Store)
	if err != nil {
		return err
	}
	if e.Kind.again || e.Kind.stays {
		return errors.Join(append(wrong, e.toldOfLosses(b, stored))...)
	}
	for n, i := range stored {
		if i.To.Before(i.From) { // between the two the bridge learned from Telegram that its clock is ahead
			stored[n].From, stored[n].To = i.To, i.From
		}
	}
	// A fetch in flight at a kill counts whether it reached the panel or not, as nobody can know.
	marks := map[int64]bool{}
	for life, s := range e.Starts {
		if !s.mark.IsZero() && !s.mark.Equal(e.older.mark) && !e.forgotten(e.markOf(life)) {
			marks[s.mark.UnixNano()] = true
		}
	}
	for _, x := range e.Restored {
		if !x.mark.IsZero() {
			marks[x.mark.UnixNano()] = true
		}
	}
	surely, perhaps := len(marks)+e.older.losses, map[int]bool{} // outages
	for i, o := range e.Outages {
		perhaps[i+1] = len(o.Callers) > 0 && !e.forgotten(o.At)
	}
	for _, f := range b.fetches {
		in := func(i store.Incident) bool {
			return slices.ContainsFunc(e.aheads(), func(ahead time.Duration) bool {
				at, late := f.At.Add(ahead), time.Duration(0)
				if ahead != 0 {
					late = answersLate
				}
				return !at.Before(i.From) && !at.Add(-late).After(i.To)
			})
		}
		if f.Excused() && !f.forgotten && (f.spoilt || b.lacks(f)) && !slices.ContainsFunc(stored, in) {
			wrong = append(wrong, fmt.Errorf("the answer of %s to start %d was spoilt, %q, with %d SMS in it: no incident tells of it", f.At.Format(time.StampMicro), f.life, f.Answer, len(f.Given)))
		}
		switch {
		case f.ended: // counted with the marks
			delete(perhaps, f.shut)
		case f.forgotten:
		case f.spoilt, f.shut > 0 && b.lacks(f):
			surely++
			delete(perhaps, f.shut)
		}
	}
	most := surely
	for _, had := range perhaps {
		if had { // a connection that was closed: before a call was read, after its answer was, or of another method
			most++
		}
	}
	if counted < surely || counted > most {
		wrong = append(wrong, fmt.Errorf("%d fetches are told of as perhaps lost, %d to %d were: %v", counted, surely, most, stored))
	}
	return errors.Join(append(wrong, e.toldOfLosses(b, stored))...)
}

// toldOfLosses returns an error for a loss that nobody was told of as it is.
func (e *Evidence) toldOfLosses(b balance, stored []store.Incident) error {
	var wrong []error
	for n, i := range stored {
		if i.Lasts && (n < len(stored)-1 || b.goodSince(e.ours(i.To, e.Starts[0].At, time.Now()), len(e.Starts)-1) > mostGood) {
			wrong = append(wrong, fmt.Errorf("a loss of %d fetches from %s to %s is over, and was told of before that", fetchesOf(i), i.From.Format(time.StampMicro), i.To.Format(time.StampMicro)))
		}
		told := func(v window) bool {
			// While it lasts, its report stays as it was first told.
			return !v.From.Before(i.From.Truncate(time.Second)) && !v.From.After(i.To) && (v.fetches == fetchesOf(i) || i.Lasts)
		}
		if !slices.ContainsFunc(e.Incidents, told) {
			wrong = append(wrong, fmt.Errorf("a loss of %d fetches from %s to %s was shown to nobody: %v", fetchesOf(i), i.From.Format(time.StampMicro), i.To.Format(time.StampMicro), e.Incidents))
		}
	}
	return errors.Join(wrong...)
}

// mostGood is how many fetches go well at most before a loss is over.
const mostGood = 70

// goodSince returns how many fetches of a bridge went well after that.
func (b balance) goodSince(t time.Time, life int) (n int) {
	for _, f := range b.fetches {
		if f.life == life && f.At.After(t) && f.Answer == "0" && f.Answered && !f.Excused() {
			n++
		}
	}
	return n
}

// window is a span in which SMS may be lost, by a message of the bot, and of how many fetches.
type window struct {
	From, To time.Time
	fetches  int
}

var (
	spans   = regexp.MustCompile(`Between (\S+ \S+) and (\S+ \S+) (?:up to \d+ SMS may be lost.*\(failed fetches: (\d+)\)|answers from the panel were cut off.*\(failed fetches: (\d+)\)|the panel gave (\d+) answers that cannot be read)`)
	damaged = regexp.MustCompile(`At (\S+ \S+) (?:an answer from the panel was cut off|the panel gave an answer that cannot be read)`)
)

// readIncident returns the time a message says SMS may be lost from.
func (w *World) readIncident(text string) []window {
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
	if found := damaged.FindStringSubmatch(text); found != nil {
		return []window{{read(found[1]), read(found[1]).Add(time.Second), 1}}
	}
	var v window
	for _, found := range spans.FindAllStringSubmatch(text, -1) { // a line for each kind of failure
		n, _ := strconv.Atoi(found[3] + found[4] + found[5])
		v = window{read(found[1]), read(found[2]).Add(time.Second), v.fetches + n}
	}
	if v.fetches == 0 {
		return nil
	}
	return []window{v}
}

// FetchMark returns when the fetch began that a store notes as in flight, by the clock that it believed; zero when it notes none. No bridge may
// have the file open; it is copied to path to be read.
func (w *World) FetchMark(file, path string) time.Time {
	if err := CopyFile(file, path); err != nil {
		return time.Time{} // it did not get far enough to have a file
	}
	st, err := store.Inspect(path, w.StoreOptions())
	if err != nil {
		return time.Time{} // nor to have one that is whole: the next start says whether that is right
	}
	defer st.Close()
	begun, err := st.Fetching()
	if err != nil {
		w.Errorf("a fetch under way: %v", err)
	}
	return begun
}
