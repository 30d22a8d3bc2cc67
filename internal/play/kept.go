package play

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"peyk/sandbox/panel"
	"peyk/store"
)

// listed is for how long a panel surely lists what it has handed out, a little less than it says; keysKnown for how long it knows keys.
const listed, keysKnown = 46 * time.Hour, 11 * time.Hour

// unread returns an error for SMS that are shown nowhere although the panel can be asked for them again, or though it still has them.
func (e *Evidence) unread() error {
	if !e.Kind.again && !e.Kind.stays || e.mayBeGone() > 0 {
		return nil
	}
	b := e.Balance()
	due := map[int]map[int64]bool{} // by number in the SMS: when each that says it came
	for _, f := range b.fetches {
		for _, m := range f.Given {
			if n := NumberOf(m.Text); (!f.forgotten || e.readsAgain(f, m)) && !e.ErasedSMS(n) && !e.PerhapsHidden(n) {
				if due[n] == nil {
					due[n] = map[int64]bool{}
				}
				due[n][m.At.Unix()] = true
			}
		}
	}
	var wrong []error
	for n, times := range due {
		if b.shown[n] < len(times) {
			wrong = append(wrong, fmt.Errorf("SMS %d is shown %d times, want %d: the panel can be asked for it again", n, b.shown[n], len(times)))
		}
	}
	return errors.Join(wrong...)
}

// readsAgain reports whether a bridge of now surely had an SMS be told again that one had taken of which it cannot know, as a backup was restored since.
func (e *Evidence) readsAgain(f Call, m panel.SMS) bool {
	if e.Kind.stays {
		return true
	}
	began := false
	for _, g := range e.Ledger() {
		if g.forgotten || lineOf(g) != lineOf(f) || e.era(g.At) < len(e.Restored) {
			continue
		}
		if g.Excused() || !g.Answered { // it may have been the only one for as long as that is listed
			return false
		}
		began = began || g.Method == "GetMsg" && g.At.Sub(m.At) < listed
	}
	return began
}

// mayBeGone returns for how many fetches at most nobody can tell whether all that they took can be read again: since nothing was unread there for the
// last time, so far as the bridge can know, more time had passed than the panel lists.
func (e *Evidence) mayBeGone() (n int) {
	if !e.Kind.again {
		return 0
	}
	type flow struct {
		emptied time.Time // when a fetch surely left nothing unread
		lost    bool      // one is owed whose answer may not have arrived,
		at      time.Time // the last of which came then,
		gone    bool      // and is counted
		listed  bool      // since then some were read again,
		last    bool      // as it could come no more
	}
	of := map[string]*flow{"30001234": {}, "30005678": {}}
	fetches := slices.Clone(e.Ledger())
	for life, s := range e.Starts[:len(e.Starts)-1] {
		for line := range of {
			if s.broken { // one may have been under way that did not get as far as the panel: nobody can know
				fetches = append(fetches, Call{Request: panel.Request{At: e.Starts[life+1].At, Params: map[string][]string{"linenumber": {line}}}, ended: true, forgotten: e.forgotten(s.At)})
			}
		}
	}
	slices.SortStableFunc(fetches, func(a, b Call) int { return a.At.Compare(b.At) })
	for _, f := range fetches {
		l := of[lineOf(f)]
		if l.lost && !l.gone && f.At.Sub(l.emptied) > listed {
			l.gone = true
			n++
		}
		switch {
		case f.forgotten: // the bridges of now do not know of it
		case f.Method == "ListMsg":
			l.listed, l.last = true, l.last || f.At.Sub(l.at) > store.FetchLimit && f.At.Sub(e.Starts[f.life].At) > store.FetchLimit
		case f.Excused():
			l.lost, l.at, l.listed, l.last, l.gone = true, f.At, false, false, l.gone && l.lost
			if !l.gone && f.At.Sub(l.emptied) > listed {
				l.gone = true
				n++
			}
		case l.lost && l.listed: // it may be owed until it has been read again for the last time
			l.lost = !l.last
		case f.CarriedOut:
			l.lost = false // it had arrived
			if len(f.Given) == 0 {
				l.emptied = f.At
			}
		}
	}
	return n
}

// I25: where what customers wrote can be read again, or stays at the panel, all that it handed out is shown, and no fetch is told of as lost but those of which
// nobody can tell; answers that are none are counted; where an order has keys, what became of it shows: no piece of one is asked about, none sent twice, and no two requests with the
// same key are under way at once.
func I25(e *Evidence) error {
	if !e.Kind.again && !e.Kind.stays {
		return nil
	}
	wrong := []error{e.unread()}
	_, counted, err := Losses(e.Store)
	if err != nil {
		return err
	}
	if most := e.older.losses + e.mayBeGone(); counted > most {
		wrong = append(wrong, fmt.Errorf("%d fetches are told of as lost, of which at most %d could not be read again", counted, most))
	}
	garbled, err := Garbled(e.Store)
	if err != nil {
		return err
	}
	most, least := 0, 0
	for _, f := range e.Ledger() {
		if f.spoilt && !f.forgotten {
			most++
		}
		if k := panel.Kind(f.Answer); (k == panel.HTML || k == panel.Garbage) && f.Answered && f.shut == 0 && !f.forgotten && !f.ended {
			least++
		}
	}
	if garbled < least || garbled > most {
		wrong = append(wrong, fmt.Errorf("%d answers are told of that were none, of %d to %d", garbled, least, most))
	}
	if !e.Kind.keyed {
		return errors.Join(wrong...)
	}
	if n := e.World.Panel.Overlaps(); n > 0 {
		wrong = append(wrong, fmt.Errorf("%d keys were in a request while another with them was under way", n))
	}
	requests := e.attempts()
	for _, b := range e.Batches {
		if b.Uncertain+b.LeftUncertain == 0 || len(e.Restored) > 0 || e.apart {
			continue
		}
		tells := false // the panel, to a bridge that asks
		for _, r := range b.recipients {
			all := requests[Attempt{b.Text, string(r.Customer)}]
			if r.ID != "" || len(all) == 0 {
				continue
			}
			last := all[len(all)-1]
			tells = tells || time.Since(last.At) < keysKnown || slices.ContainsFunc(e.calls("FindKeys"), func(f Call) bool {
				asks := slices.Contains(strings.Split(strings.Join(f.Params["localid"], ","), ","), keyOf(last, Attempt{b.Text, string(r.Customer)}))
				return asks && !f.Excused() && f.CarriedOut && f.Answered && f.At.Sub(last.At) < keysKnown && !e.Starts[f.life].broken
			})
		}
		if tells {
			wrong = append(wrong, fmt.Errorf("batch %d: %d are asked about or left uncertain, of which the panel can tell", b.ID, b.Uncertain+b.LeftUncertain))
		}
	}
	return errors.Join(wrong...)
}
