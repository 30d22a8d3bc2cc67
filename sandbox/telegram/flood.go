package telegram

import "time"

// Limits are Telegram's flood limits. They count messages the bot sends (sendMessage, sendPhoto, sendDocument), edits, pins, the topics it makes and their icons, which
// share them (https://github.com/tdlib/td/issues/2592). One over a limit is refused with 429 and parameters.retry_after, and a refused one
// does not count. A zero field is no limit.
//
// Time is the sandbox's: with Options.Speed N a sandbox second lasts 1/N real seconds, so all windows pass N times faster.
// retry_after is in sandbox seconds, rounded up, at least 1: at Speed 20 an answer of "retry after 40" is over after 2 real
// seconds. A bridge must run its own clock at the same speed for its pauses to fit.
type Limits struct {
	PerSecond      int `json:"per_second"`       // messages in any one second, all chats together
	PerChatSecond  int `json:"per_chat_second"`  // messages a second in one chat, as a leaky bucket: see ChatBurst
	ChatBurst      int `json:"chat_burst"`       // messages that may come at once into a chat that has been quiet; 0 means PerChatSecond
	PerGroupMinute int `json:"per_group_minute"` // messages in any 60 seconds in one group or supergroup
}

// UsualLimits returns what Telegram's FAQ names: 30 a second, 1 a second in a chat, 20 a minute in a group.
func UsualLimits() Limits {
	return Limits{PerSecond: 30, PerChatSecond: 1, PerGroupMinute: 20}
}

// SetLimits replaces the limits and forgets what was counted.
func (s *Server) SetLimits(l Limits) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.flood = newLimiter(l)
}

// Throttled returns how many calls the limits have answered with 429. Faults do not count.
func (s *Server) Throttled() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.throttled
}

// count counts a message, an edit or a new topic of the bot's, or refuses it.
func (s *Server) count(c *chat) error {
	if wait := s.flood.take(s.sandboxNow(), c.id, c.group()); wait > 0 {
		s.throttled++
		return tooMany(wait)
	}
	return nil
}

// window allows n events in any span. It is a ring of the times of the last n.
type window struct {
	span  time.Duration
	times []time.Duration
	next  int
	full  bool
}

func newWindow(n int, span time.Duration) *window {
	return &window{span: span, times: make([]time.Duration, n)}
}

// wait returns how long after now the next event would be allowed.
func (w *window) wait(now time.Duration) time.Duration {
	if !w.full {
		return 0
	}
	return w.times[w.next] + w.span - now
}

func (w *window) add(now time.Duration) {
	w.times[w.next] = now
	w.next++
	if w.next == len(w.times) {
		w.next, w.full = 0, true
	}
}

// limiter applies Limits. Times are durations since a fixed moment.
type limiter struct {
	Limits
	all    *window
	groups map[int64]*window
	full   map[int64]time.Duration // by chat: when its bucket will have leaked empty
}

func newLimiter(l Limits) *limiter {
	if l.ChatBurst <= 0 {
		l.ChatBurst = l.PerChatSecond
	}
	f := &limiter{Limits: l, groups: map[int64]*window{}, full: map[int64]time.Duration{}}
	if l.PerSecond > 0 {
		f.all = newWindow(l.PerSecond, time.Second)
	}
	return f
}

// take counts a message, or returns in how many seconds it may be tried again.
func (f *limiter) take(now time.Duration, chat int64, group bool) int {
	var wait time.Duration
	if f.all != nil {
		wait = max(wait, f.all.wait(now))
	}
	var empty, drop time.Duration
	if f.PerChatSecond > 0 {
		drop = time.Second / time.Duration(f.PerChatSecond)
		empty = max(f.full[chat], now)
		wait = max(wait, empty+drop-time.Duration(f.ChatBurst)*drop-now)
	}
	var minute *window
	if f.PerGroupMinute > 0 && group {
		if minute = f.groups[chat]; minute == nil {
			minute = newWindow(f.PerGroupMinute, time.Minute)
			f.groups[chat] = minute
		}
		wait = max(wait, minute.wait(now))
	}
	if wait > 0 {
		return int((wait + time.Second - 1) / time.Second)
	}
	if f.all != nil {
		f.all.add(now)
	}
	if drop > 0 {
		f.full[chat] = empty + drop
	}
	if minute != nil {
		minute.add(now)
	}
	return 0
}
