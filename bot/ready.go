package bot

import (
	"errors"
	"strings"
	"sync/atomic"
	"time"
)

// pollTime is as long as Telegram lets a poll wait.
const pollTime = 50 * time.Second

// moment is a time that one goroutine sets and others read; the zero value is never.
type moment struct{ ns atomic.Int64 }

func (m *moment) set(at time.Time) { m.ns.Store(at.UnixNano()) }

// after tells whether it is later than at.
func (m *moment) after(at time.Time) bool { return m.ns.Load() > at.UnixNano() }

func (m *moment) seconds() float64 { return float64(m.ns.Load()) / 1e9 }

// since tells that the last one is longer ago at now than limit, or "" when it is not.
func (m *moment) since(what string, limit time.Duration, now time.Time) string {
	switch last := time.Unix(0, m.ns.Load()); {
	case m.ns.Load() == 0:
		return what + " since the start"
	case now.Sub(last) > limit:
		return what + " since " + last.UTC().Format(time.RFC3339)
	}
	return ""
}

// Ready returns nil when SMS come in and updates do: both networks answered well not longer before now than it takes when all is
// well. Its error says in one line who does not, and since when.
func (b *Bot) Ready(now time.Time) error {
	var stale []string
	for _, words := range []string{
		// A slow panel may take as long as it is let, and a fetch or two may fail.
		b.fetched.since("no good answer of the panel to GetMsg", 3*b.opts.PollInterval+b.panel.Timeout(), now),
		b.updated.since("no good answer of Telegram to getUpdates", 2*pollTime, now),
	} {
		if words != "" {
			stale = append(stale, words)
		}
	}
	if len(stale) > 0 {
		return errors.New(strings.Join(stale, "; "))
	}
	return nil
}
