package bot

import (
	"context"
	"sync"
	"time"

	"peyk/sms"
	"peyk/store"
	"peyk/telegram"
)

// What Telegram accepts: 30 messages a second in all, one a second in a chat, 20 a minute in a group
// (https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this). Edits and new topics count like
// messages (https://github.com/tdlib/td/issues/2592); reactions are not known to count.
const (
	perSecond      = 30
	GroupPerMinute = 20
	// answersPerMinute are promised to the agents of a group. Of more that wait those that only say that an order goes well are left to its mark.
	answersPerMinute = GroupPerMinute / 2
)

// shareOf returns whose a post is.
func shareOf(p store.Post) share {
	switch {
	case p.Class == store.Known:
		return known
	case p.Class == store.NewNumbers:
		return newNumbers
	case p.Upkeep():
		return upkeep
	}
	return answers
}

// pacer decides when a chat may be posted to. A message counts from when Telegram has answered, not from when it was sent: Telegram
// received it before that, however long it was on its way.
type pacer struct {
	second time.Duration // how long a second of Telegram's limits lasts

	mu          sync.Mutex
	noted       map[sms.ChatID]bool // groups of which the store knows that a post may be in flight
	chats       map[sms.ChatID]*chatPace
	recent      []time.Time // messages and edits of the last second, in all chats
	inFlight    int         // calls that count and have not been answered
	previousEnd time.Time   // when the previous process may last have posted
	until       time.Time   // no chat is posted to before: Telegram is down
	patience    time.Time   // nor before: it asked two chats for patience

	wakePosts, wakeMarks chan struct{} // wake showPosts and showMarks: a hold has ended
}

// chatPace is what the pacer knows of one chat.
type chatPace struct {
	busy     bool
	inFlight bool      // a call that counts has not been answered
	until    time.Time // nothing is posted before: the chat is lost, or something of its own failed
	patience time.Time // nor before: Telegram asked for patience
	share    share     // whose call is in flight
	room     int       // how many messages more that share can have soon, that one among them
	turns              // whose turn it is: messages, edits and new topics
}

func newPacer(second time.Duration) *pacer {
	return &pacer{
		second: second, chats: map[sms.ChatID]*chatPace{}, noted: map[sms.ChatID]bool{},
		wakePosts: make(chan struct{}, 1), wakeMarks: make(chan struct{}, 1),
	}
}

// remember goes on where the previous process ended: the groups' messages of the last minute, perhaps a message of the last second in any
// chat, and the patience that Telegram asked for. Its times are the store's, which is storeNow when ours is now. One later than that was noted by a clock
// that was ahead, and counts as now.
func (p *pacer) remember(chats []store.Chat, ended, storeNow, now time.Time) {
	past := func(at time.Time) time.Time { return now.Add(-max(0, storeNow.Sub(at))) }
	p.previousEnd = past(ended)
	for _, c := range chats {
		for _, at := range c.Recent {
			p.chat(c.ID).sent = append(p.chat(c.ID).sent, past(time.UnixMilli(at)))
		}
		if store.PutOff(c.Held, storeNow, telegram.MaxPatience+time.Second) { // a longer hold is from a version without this limit
			p.slowDown(c.ID, c.Held.Sub(storeNow), now)
		}
	}
}

func (p *pacer) chat(id sms.ChatID) *chatPace {
	c := p.chats[id]
	if c == nil {
		c = &chatPace{turns: turns{second: p.second}}
		if id < 0 {
			c.most = GroupPerMinute
		}
		p.chats[id] = c
	}
	return c
}

// timesAfter returns the times after from; times are in order.
func timesAfter(times []time.Time, from time.Time) []time.Time {
	for len(times) > 0 && !times[0].After(from) {
		times = times[1:]
	}
	return times
}

// open reports whether anything may be posted to a chat now, and if not, when to look again: zero when the end of a call will show.
func (p *pacer) open(id sms.ChatID, now time.Time) (bool, time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.openTo(p.chat(id), now)
}

func (p *pacer) openTo(c *chatPace, now time.Time) (bool, time.Time) {
	if c.busy {
		return false, time.Time{}
	}
	for _, hold := range []time.Time{p.held(c), p.previousEnd.Add(p.second)} {
		if hold.After(now) {
			return false, hold
		}
	}
	p.recent = timesAfter(p.recent, now.Add(-p.second))
	switch {
	case len(p.recent) > 0 && len(p.recent)+p.inFlight >= perSecond:
		return false, p.recent[0].Add(p.second)
	case p.inFlight >= perSecond:
		return false, time.Time{}
	}
	return true, time.Time{}
}

// next returns which of a chat's heads is to be posted now, or when to ask again.
func (p *pacer) next(heads []store.Post, now time.Time, since func(store.Post) time.Time) (store.Post, bool, time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.chat(heads[0].Chat)
	var of [shares]store.Post
	c.oldest = [shares]time.Time{}
	for _, h := range heads {
		s := shareOf(h)
		of[s], c.oldest[s], c.pair[s] = h, since(h), h.NeedsTopic
	}
	s, ok, again := c.turns.next(now)
	return of[s], ok, again
}

// crowded reports whether a chat had as many answers in the last minute as agents are promised.
func (p *pacer) crowded(chat sms.ChatID, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.chat(chat)
	return c.most > 0 && len(timesAfter(c.answered, now.Add(-60*p.second))) >= answersPerMinute
}

// heldUntil returns until when nothing at all goes to a chat, not even marks: it is lost, Telegram asked for patience, or Telegram is down.
func (p *pacer) heldUntil(id sms.ChatID, now time.Time) time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c := p.chats[id]; c != nil {
		return p.held(c)
	}
	return p.held(&chatPace{})
}

func (p *pacer) held(c *chatPace) time.Time {
	return later(later(c.until, c.patience), later(p.until, p.patience))
}

// room returns how many messages the share whose call is in flight can have soon, that one among them. A private chat could take more than a group,
// but nobody wants to read that many one by one.
func (p *pacer) room(id sms.ChatID) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.chat(id).room
}

// begin notes that a call for a chat begins. It reports false, and when to try again, if calls begun since the gate was asked leave no
// room.
func (p *pacer) begin(post store.Post, now time.Time) (time.Time, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.recent)+p.inFlight >= perSecond {
		if len(p.recent) == 0 {
			return time.Time{}, false
		}
		return p.recent[0].Add(p.second), false
	}
	c := p.chat(post.Chat)
	if c.busy { // a file has begun its end; its own end will show
		return time.Time{}, false
	}
	p.count(c, shareOf(post))
	c.room = c.turns.room(c.share, now)
	return time.Time{}, true
}

// arrived notes that Telegram has, or may have, carried out a new message or an edit.
func (p *pacer) arrived(id sms.ChatID, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.chat(id)
	p.uncount(c)
	p.recent = append(p.recent, now)
	c.turns = *c.after(c.share, now)
}

// wait returns once may says yes; until then may says when to ask again, zero when the end of a call will show. The error is that of ctx.
func (p *pacer) wait(ctx context.Context, may func(now time.Time) (bool, time.Time)) error {
	for ctx.Err() == nil {
		now := time.Now()
		ok, again := may(now)
		if ok {
			return nil
		}
		if again.IsZero() {
			again = now.Add(p.second)
		}
		timer := time.NewTimer(waitUntil(again))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
		}
	}
	return ctx.Err()
}

// beginBeside notes that a call for a private chat begins beside the queue, if it may. Until its end nothing else goes there.
func (p *pacer) beginBeside(id sms.ChatID, now time.Time) (bool, time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.chat(id)
	ok, again := p.openTo(c, now)
	if last := timesAfter(c.sent, now.Add(-p.second)); ok && len(last) > 0 {
		ok, again = false, last[len(last)-1].Add(p.second)
	}
	if ok {
		p.count(c, answers)
	}
	return ok, again
}

// count notes that a call of a share is in flight.
func (p *pacer) count(c *chatPace, s share) {
	c.busy, c.inFlight, c.share = true, true, s
	p.inFlight++
}

// topicArrived notes that Telegram has, or may have, made a topic. It counts as a message, but is nobody's turn: the SMS it was made for still waits.
func (p *pacer) topicArrived(id sms.ChatID, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.chat(id)
	p.uncount(c)
	p.recent = append(p.recent, now)
	c.sent = append(c.sent, now)
}

// noteInFlight notes what the store will know: whether a post to a group may be in flight. It reports whether the store knows that already.
func (p *pacer) noteInFlight(id sms.ChatID, begun bool) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	was := p.noted[id]
	p.noted[id] = begun
	return was == begun
}

// end notes that the call begun for a chat has ended.
func (p *pacer) end(id sms.ChatID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.chat(id)
	p.uncount(c)
	c.busy = false
}

// uncount takes the call of a chat out of those in flight.
func (p *pacer) uncount(c *chatPace) {
	if c.inFlight {
		c.inFlight = false
		p.inFlight--
	}
}

// slowDown keeps a chat from being posted to for d, as a 429 asks. A 429 does not say which limit was hit: if another chat is being held
// for one, all chats are.
func (p *pacer) slowDown(id sms.ChatID, d time.Duration, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for other, c := range p.chats {
		if other != id && c.patience.After(now) {
			p.patience = later(p.patience, now.Add(d))
		}
	}
	c := p.chat(id)
	c.patience = later(c.patience, now.Add(d))
}

// hold keeps a chat from being posted to for d, or until it is heard of.
func (p *pacer) hold(id sms.ChatID, d time.Duration, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.chat(id)
	c.until = later(c.until, now.Add(d))
}

// holdAll keeps all chats from being posted to, unless they are held already, for as long as d returns.
func (p *pacer) holdAll(d func() time.Duration, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.until.After(now) { // calls that failed together count as one failure
		p.until = now.Add(d())
	}
}

// release ends the hold of a lost chat: it was heard of. What a 429 asked for stays.
func (p *pacer) release(id sms.ChatID) {
	p.mu.Lock()
	if c := p.chats[id]; c != nil {
		c.until = time.Time{}
	}
	p.mu.Unlock()
	p.wakeFlows()
}

// releaseAll ends the hold of all chats: Telegram was heard of. What it asked for stays.
func (p *pacer) releaseAll() {
	p.mu.Lock()
	p.until = time.Time{}
	p.mu.Unlock()
	p.wakeFlows()
}

func (p *pacer) wakeFlows() {
	for _, wake := range []chan struct{}{p.wakePosts, p.wakeMarks} {
		select {
		case wake <- struct{}{}:
		default:
		}
	}
}

// forget drops chats about which nothing needs to be known.
func (p *pacer) forget(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for id, c := range p.chats {
		if !c.busy && !later(c.until, c.patience).After(now) && len(timesAfter(c.sent, now.Add(-60*p.second))) == 0 {
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
