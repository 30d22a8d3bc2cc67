package sandbox

import (
	"context"
	"errors"
	"fmt"
	"time"

	"peyk/sandbox/panel"
	"peyk/sandbox/telegram"
)

// The sandbox's clock can be moved forward, so that nobody has to wait for the evening. Both networks and the bridge go forward together, or the bridge
// would find its clock wrong. It is ended before and started after: to a process no hour passes in a moment.

// sandboxClock is the setting that tells a bridge how far its clock is to run ahead. No other is the sandbox's alone.
const sandboxClock = "SANDBOX_CLOCK"

// clockState is what GET /clock shows.
type clockState struct {
	Now   time.Time `json:"now"` // to the minute
	Ahead string    `json:"ahead,omitempty"`
}

// move is by how much the clock goes forward, and what has the networks' clocks do so.
type move struct {
	by       time.Duration
	networks func(time.Duration)
}

// zone is the bridge's time zone unless a setting says otherwise; none does here.
const zone = "Asia/Tehran"

// mostAhead bounds how far the clock can be moved: a bridge that has missed a year has much to forget.
const mostAhead = 366 * 24 * time.Hour

// clock returns what time it is in the sandbox.
func (b *bridge) clock() clockState {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := clockState{Now: time.Now().Add(b.moved).UTC().Truncate(time.Minute)}
	if b.moved != 0 {
		s.Ahead = b.moved.String()
	}
	return s
}

// forward moves the clock. Only run's goroutine calls it.
func (b *bridge) forward(m move, pause func(change func()) error) error {
	if b.ahead+m.by > mostAhead {
		return errors.New("the clock is far enough ahead: start the sandbox anew")
	}
	return pause(func() {
		b.ahead += m.by
		m.networks(m.by)
		b.mu.Lock()
		b.moved = b.ahead
		b.mu.Unlock()
		b.report(fmt.Sprintf("the clock is moved forward by %v", m.by))
	})
}

// moveClock moves the clock as the fields say: forward, a duration such as 1h, or to, a time of day such as 8:00, which comes next.
func moveClock(ctx context.Context, fields map[string]any, tg *telegram.Server, sms *panel.Server, b *bridge) error {
	by, err := time.ParseDuration(fmt.Sprint(fields["forward"]))
	if to, given := fields["to"]; given {
		by, err = until(fmt.Sprint(to), b.clock().Now)
	}
	if err != nil || by <= 0 {
		return errors.New("forward is how far, such as 1h, or to a time of day, such as 8:00")
	}
	return b.order(ctx, order{what: "forward", move: &move{by, func(by time.Duration) {
		tg.Forward(by)
		sms.Forward(by)
	}}})
}

// until returns how long it is from now to the next time of day.
func until(day string, now time.Time) (time.Duration, error) {
	at, err := time.Parse("15:04", day)
	if err != nil {
		return 0, err
	}
	where, err := time.LoadLocation(zone)
	if err != nil {
		return 0, err
	}
	now = now.In(where)
	next := time.Date(now.Year(), now.Month(), now.Day(), at.Hour(), at.Minute(), 0, 0, where)
	if !next.After(now) {
		next = next.AddDate(0, 0, 1)
	}
	return next.Sub(now), nil
}
