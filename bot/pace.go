package bot

import (
	"sync"
	"time"

	"peyk/sms"
	"peyk/store"
	"peyk/telegram"
)

// What Telegram takes: 30 messages a second in all, one a second in a chat, 20 in any minute in a group
// (https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this). Edits and new topics count like
// messages (https://github.com/tdlib/td/issues/2592); of reactions nobody says that they do.
const (
	perSecond      = 30
	GroupPerMinute = 20
	// While a backlog goes out many at once, this many of a group's minute are kept for answers to agents.
	reservedForAnswers = 2
	// Of a group's minute edits take no more than this: how orders fare must not keep SMS from being seen.
	editsPerMinute = GroupPerMinute / 2
)

// pacer decides when a chat may be posted to. It counts a message from when Telegram has answered, not from when it was asked:
// Telegram saw it before that, whatever the way there took.
type pacer struct {
	second time.Duration // how long Telegram's second lasts

	mu          sync.Mutex
	noted       map[sms.ChatID]bool // groups of which the store knows that something may be on its way
	chats       map[sms.ChatID]*chatPace
	recent      []time.Time // messages and edits in all chats, of the last second
	inFlight    int         // calls under way that count
	previousEnd time.Time   // when a process before this one may have posted last
	until       time.Time   // before which no chat is posted to: Telegram is down, or asked for patience twice
	wake        chan struct{}

	released chan struct{} // as wake, for the marks
}

// chatPace is what the pacer knows of one chat.
type chatPace struct {
	busy      bool
	inFlight  bool        // a call that counts is under way
	until     time.Time   // asked for patience, or lost
	flood     bool        // until is from a 429
	digesting bool        // more SMS wait than it takes one by one
	recent    []time.Time // messages and edits
	edited    []time.Time // edits alone
}

func newPacer(second time.Duration) *pacer {
	return &pacer{second: second, chats: map[sms.ChatID]*chatPace{}, noted: map[sms.ChatID]bool{}, wake: make(chan struct{}, 1), released: make(chan struct{}, 1)}
}

// remember takes up where an earlier process left off when it ended: the groups' messages of the last minute, in any chat perhaps one
// of the last second, and the patience that Telegram asked for. What is later than now was noted by a clock that was ahead: it counts
// as now. That now is of the clock that nobody sets, which may be ahead itself and be put back soon.
func (p *pacer) remember(chats []store.Chat, ended, now time.Time) {
	past := func(at time.Time) time.Time { return now.Add(-max(0, now.Sub(at))) }
	p.previousEnd = past(ended)
	for _, c := range chats {
		for _, at := range c.Recent {
			p.chat(c.ID).recent = append(p.chat(c.ID).recent, past(time.UnixMilli(at)))
		}
		if store.PutOff(c.Held, now, telegram.MaxPatience+time.Second) { // else of a time when there was no such limit
			p.slowDown(c.ID, c.Held.Sub(now), now)
		}
	}
}

func (p *pacer) chat(id sms.ChatID) *chatPace {
	c := p.chats[id]
	if c == nil {
		c = &chatPace{}
		p.chats[id] = c
	}
	return c
}

// timesAfter drops the times before from.
func timesAfter(times []time.Time, from time.Time) []time.Time {
	for len(times) > 0 && !times[0].After(from) {
		times = times[1:]
	}
	return times
}

// gate tells what a chat may be sent at now, and, when that is not everything, when to look again; zero if an end of a call will tell.
func (p *pacer) gate(id sms.ChatID, now time.Time) (store.Gate, time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.chats[id]
	if c == nil {
		c = &chatPace{}
	}
	if c.busy {
		return store.Closed, time.Time{}
	}
	if hold := later(c.until, p.until); hold.After(now) {
		return store.Closed, hold
	}
	if quiet := p.previousEnd.Add(p.second); quiet.After(now) {
		return store.Closed, quiet
	}
	p.recent = timesAfter(p.recent, now.Add(-p.second))
	c.recent, c.edited = timesAfter(c.recent, now.Add(-60*p.second)), timesAfter(c.edited, now.Add(-60*p.second))
	n := len(c.recent)
	switch {
	case n > 0 && c.recent[n-1].Add(p.second).After(now):
		return store.Closed, c.recent[n-1].Add(p.second)
	case id < 0 && n >= GroupPerMinute:
		return store.Closed, c.recent[n-GroupPerMinute].Add(60 * p.second)
	case len(p.recent) > 0 && len(p.recent)+p.inFlight >= perSecond:
		return store.Closed, p.recent[0].Add(p.second)
	case p.inFlight >= perSecond:
		return store.Closed, time.Time{}
	}
	g, next := store.Ungated, time.Time{}
	if id < 0 && len(c.edited) >= editsPerMinute {
		g, next = store.NoEdits, c.edited[len(c.edited)-editsPerMinute].Add(60*p.second)
	}
	if id < 0 && c.digesting && n >= GroupPerMinute-reservedForAnswers {
		at := c.recent[n-(GroupPerMinute-reservedForAnswers)].Add(60 * p.second)
		if g == store.NoEdits {
			return store.NewAnswersOnly, at
		}
		return store.AnswersOnly, at
	}
	return g, next
}

// heldUntil returns until when nothing at all is to be sent to a chat, marks neither: it is lost, or asked for patience, or Telegram is down.
func (p *pacer) heldUntil(id sms.ChatID, now time.Time) time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c := p.chats[id]; c != nil {
		return later(c.until, p.until)
	}
	return p.until
}

// room is how many more messages a chat takes this minute; a private chat could take more, and so many at once nobody wants to read
// one by one.
func (p *pacer) room(id sms.ChatID, now time.Time) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if id > 0 {
		return GroupPerMinute
	}
	return GroupPerMinute - len(timesAfter(p.chat(id).recent, now.Add(-60*p.second)))
}

// setDigesting notes whether more SMS wait for a chat than it takes one by one.
func (p *pacer) setDigesting(id sms.ChatID, yes bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.chat(id).digesting = yes
}

// begin notes that a call for a chat is under way. It reports false, and when to try again, if calls begun since the gate was asked
// leave no room for it.
func (p *pacer) begin(id sms.ChatID) (time.Time, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.recent)+p.inFlight >= perSecond {
		if len(p.recent) == 0 {
			return time.Time{}, false
		}
		return p.recent[0].Add(p.second), false
	}
	c := p.chat(id)
	c.busy, c.inFlight = true, true
	p.inFlight++
	return time.Time{}, true
}

// arrived notes that Telegram has, or may have, taken a new message, a new topic or an edit.
func (p *pacer) arrived(id sms.ChatID, edit bool, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.chat(id)
	p.uncount(c)
	p.recent = append(p.recent, now)
	c.recent = append(timesAfter(c.recent, now.Add(-60*p.second)), now)
	if edit {
		c.edited = append(timesAfter(c.edited, now.Add(-60*p.second)), now)
	}
}

// noteInFlight remembers whether the store knows that something may be on its way to a group, and reports whether it did so before.
func (p *pacer) noteInFlight(id sms.ChatID, begun bool) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	was := p.noted[id]
	p.noted[id] = begun
	return was == begun
}

// end notes that what was begun for a chat came to its end.
func (p *pacer) end(id sms.ChatID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.chat(id)
	p.uncount(c)
	c.busy = false
}

func (p *pacer) uncount(c *chatPace) {
	if c.inFlight {
		c.inFlight = false
		p.inFlight--
	}
}

// slowDown keeps a chat from being posted to for d, as a 429 asks. Nothing in a 429 says which limit was hit: if another chat
// is being held for one, all are.
func (p *pacer) slowDown(id sms.ChatID, d time.Duration, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for other, c := range p.chats {
		if other != id && c.flood && c.until.After(now) {
			p.until = later(p.until, now.Add(d))
		}
	}
	c := p.chat(id)
	c.until, c.flood = later(c.until, now.Add(d)), true
}

// hold keeps a chat from being posted to for d.
func (p *pacer) hold(id sms.ChatID, d time.Duration, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.chat(id)
	c.until, c.flood = later(c.until, now.Add(d)), false
}

// holdAll keeps all chats from being posted to, for as long as d says if they are not held already.
func (p *pacer) holdAll(d func() time.Duration, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.until.After(now) { // calls that failed together are one failure
		p.until = now.Add(d())
	}
}

// release lets a chat that was lost be tried at once: it was heard of. One that asked for patience is not disturbed.
func (p *pacer) release(id sms.ChatID) {
	p.mu.Lock()
	if c := p.chats[id]; c != nil && !c.flood {
		c.until = time.Time{}
	}
	p.mu.Unlock()
	p.wakeFlows()
}

// releaseAll ends a hold of all chats: Telegram was heard of.
func (p *pacer) releaseAll() {
	p.mu.Lock()
	p.until = time.Time{}
	p.mu.Unlock()
	p.wakeFlows()
}

func (p *pacer) wakeFlows() {
	for _, flow := range []chan struct{}{p.wake, p.released} {
		select {
		case flow <- struct{}{}:
		default:
		}
	}
}

// forget drops chats of which nothing need be known any more.
func (p *pacer) forget(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for id, c := range p.chats {
		if !c.busy && !c.until.After(now) && len(timesAfter(c.recent, now.Add(-60*p.second))) == 0 {
			delete(p.chats, id)
		}
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
