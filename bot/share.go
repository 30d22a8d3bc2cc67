package bot

import (
	"slices"
	"time"
)

// A group takes twenty messages a minute, and several wait for them: agents for answers, customers for their SMS to be seen, and what stands
// there to be brought up to date. Each has a share of its own, so that none waits for a flood of another; what it leaves idle goes to the others.

// share is one of those who share a group's messages.
type share int

const (
	answers    share = iota // new messages to agents
	known                   // SMS of customers we know
	newNumbers              // SMS of others: anybody can forge a sender
	upkeep                  // edits, cards, titles
	shares
)

// entitled says how soon a share has a turn after its oldest post came, and how often if more wait, in Telegram's milliseconds. Together that is
// nearly all that a group takes.
var entitled = [shares]struct{ soon, every time.Duration }{answers: {4000, 5850}, known: {9000, 12000}, newNumbers: {26000, 28000}, upkeep: {29500, 30000}}

// turns is what decides whose turn it is in a chat.
type turns struct {
	second time.Duration     // how long a second of Telegram's limits lasts
	most   int               // messages a minute; 0: as many as there are
	sent   []time.Time       // messages of the last minute, in order
	last   [shares]time.Time // when each share had its last turn
	oldest [shares]time.Time // since when each waits; zero: it does not
	pair   [shares]bool      // its oldest post should be shown by two messages, one soon after the other

	answered []time.Time // those of sent that were answers
}

func (m *turns) milliseconds(n time.Duration) time.Duration { return n * m.second / 1000 }

func (m *turns) every(s share) time.Duration { return m.milliseconds(entitled[s].every) }

// deadline returns by when a share must have its next turn: it is promised one soon after its oldest post came, and so often if more wait. Of a
// share that does not wait it is the soonest that may come.
func (m *turns) deadline(s share, now time.Time) time.Time {
	since := m.oldest[s]
	if since.IsZero() {
		since = now
	}
	return later(since.Add(m.milliseconds(entitled[s].soon)), m.last[s].Add(m.every(s)))
}

// due reports whether a share must have its turn now.
func (m *turns) due(s share, now time.Time) bool {
	return !m.deadline(s, now).After(now)
}

// next returns whose turn it is now; with ok false, when to ask again: zero if nothing waits.
//
// The earliest deadline goes first. It goes at once if all turns that may become due in the next minute, its own next one among them, could still
// be had in time; else when it must.
func (m *turns) next(now time.Time) (s share, ok bool, again time.Time) {
	s = shares
	for o := range shares { // of those that are due, the first share
		if !m.oldest[o].IsZero() && (s == shares || !m.due(s, now) && m.deadline(o, now).Before(m.deadline(s, now))) {
			s = o
		}
	}
	if s == shares {
		return s, false, time.Time{}
	}
	m.sent = timesAfter(m.sent, now.Add(-60*m.second))
	n := len(m.sent)
	switch {
	case n > 0 && m.sent[n-1].Add(m.second).After(now):
		return s, false, m.sent[n-1].Add(m.second)
	case m.most == 0:
		return s, true, time.Time{}
	case n >= m.most:
		return s, false, m.sent[n-m.most].Add(60 * m.second)
	}
	for at := now; ; at = earliest(at.Add(max(m.second/4, 1)), later(at, m.deadline(s, at))) {
		if m.due(s, at) || m.free(s, at) {
			return s, at.Equal(now), at
		}
	}
}

// free reports whether a share can have its turn without one that is due having to wait.
func (m *turns) free(s share, now time.Time) bool {
	then := m.after(s, now)
	return then.feasible(now) && (!m.pair[s] || then.after(s, now.Add(m.second)).feasible(now.Add(m.second)))
}

// after returns what is left when a share has its turn.
func (m *turns) after(s share, now time.Time) *turns {
	then := *m
	then.oldest[s], then.last[s] = time.Time{}, now
	then.sent = slices.Concat(timesAfter(m.sent, now.Add(-60*m.second)), []time.Time{now})
	if s == answers {
		then.answered = slices.Concat(timesAfter(m.answered, now.Add(-60*m.second)), []time.Time{now})
	}
	return &then
}

// room returns how many messages a share can have, one a second from now on, without one that is due having to wait. It is at least one.
func (m *turns) room(s share, now time.Time) int {
	n := 0
	for then := m.after(s, now); n < GroupPerMinute && (m.most == 0 || then.feasible(now)); n++ {
		now = now.Add(m.second)
		then = then.after(s, now)
	}
	return max(1, n)
}

// feasible reports whether all turns that may become due in the next minute can be had in time: at no deadline are the messages that Telegram
// still counts, and those due by then, more than it takes.
func (m *turns) feasible(now time.Time) bool {
	minute := 60 * m.second
	for o := range shares {
		for at := m.deadline(o, now); at.Before(now.Add(minute)); at = at.Add(m.every(o)) {
			n := len(timesAfter(m.sent, at.Add(-minute)))
			for other := range shares {
				if first := m.deadline(other, now); !first.After(at) {
					n += 1 + int(at.Sub(first)/m.every(other))
				}
			}
			if n > m.most {
				return false
			}
		}
	}
	return true
}
