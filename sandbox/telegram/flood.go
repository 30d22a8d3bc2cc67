package telegram

// Limits are Telegram's flood limits. They count messages the bot sends (sendMessage, sendDocument), not edits. A message over
// a limit is refused with 429 and parameters.retry_after, and a refused one does not count. A zero field is no limit.
//
// Time is the sandbox's: with Options.Speed N a sandbox second lasts 1/N real seconds, so all windows pass N times faster.
// retry_after is in sandbox seconds, rounded up, at least 1: at Speed 20 an answer of "retry after 40" is over after 2 real
// seconds. A bridge whose pauses are to fit must run its own clock at the same speed.
type Limits struct {
	PerSecond      int // messages in any one second, all chats together
	PerChatSecond  int // messages a second in one chat, as a leaky bucket: see ChatBurst
	ChatBurst      int // messages that may come at once into a chat that has been quiet; 0 means PerChatSecond
	PerGroupMinute int // messages in any 60 seconds in one group or supergroup
}

// UsualLimits returns what Telegram's FAQ names: 30 a second, 1 a second in a chat, 20 a minute in a group.
func UsualLimits() Limits {
	return Limits{PerSecond: 30, PerChatSecond: 1, PerGroupMinute: 20}
}

// SetLimits replaces the limits and forgets what was counted.
func (s *Server) SetLimits(l Limits) { panic("later") }

// Throttled returns how many calls the limits have answered with 429. Faults do not count.
func (s *Server) Throttled() int { panic("later") }
