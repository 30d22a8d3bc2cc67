// Package stats makes figures of SMS, and a picture of the figures. It reads no store and says no words: the picture holds digits and signs, and
// what they mean is said beside it.
package stats

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"peyk/sms"
)

// SMS is one of those that are counted, in either direction.
type SMS struct {
	Out      bool
	Line     sms.Number
	Customer int         // each has a small number
	At       int64       // Unix time
	Agent    sms.AgentID // who ordered it
	Status   sms.Status  // of an outbound one
	Away     bool        // no agent did: it answers nobody
}

// Tally counts SMS. Those not yet taken by the panel do not count.
type Tally struct {
	In, Out   int
	Delivered int           // of Out
	Answered  int           // how often a customer who waited was answered
	Median    time.Duration // from a customer's first SMS that waited to the answer; zero if none was answered

	took []int32 // each of these, in seconds
}

// Share returns how many of a hundred SMS were delivered; -1 if none went out.
func (t Tally) Share() int {
	if t.Out == 0 {
		return -1
	}
	return (100*t.Delivered + t.Out/2) / t.Out
}

// Figures are what became of the SMS of some days.
type Figures struct {
	Tally
	Days   []Tally // the oldest first; the last is today
	Hours  [24]int // inbound, by the hour of the day
	Lines  []OfLine
	Agents []OfAgent // who wrote at least one
	First  time.Time // when the first of Days began
}

// OfLine and OfAgent are the figures of one line or agent, in Figures those with most SMS first.
type (
	OfLine struct {
		Line sms.Number
		Tally
	}
	OfAgent struct {
		Agent sms.AgentID
		Tally
	}
)

// Since returns when the first of so many days began, of which the last is that of now.
func Since(days int, now time.Time) time.Time {
	return time.Date(now.Year(), now.Month(), now.Day()-days+1, 0, 0, 0, 0, now.Location())
}

// Counter makes figures of SMS that come one by one, about the oldest first.
type Counter struct {
	figures Figures
	zone    *time.Location
	lines   map[sms.Number]*Tally
	agents  map[sms.AgentID]*Tally
	waits   []wait // of each customer

	quarter   int64 // of an hour: SMS come by the time, and mostly in the same one as those before
	day, hour int
}

// wait is since when a customer waits for an answer, and at which line. Zero is of one who does not.
type wait struct {
	since int64
	line  sms.Number
}

// NewCounter returns a Counter for so many days, in the calendar of now's zone.
func NewCounter(days int, now time.Time) *Counter {
	return &Counter{
		figures: Figures{First: Since(days, now), Days: make([]Tally, days)}, zone: now.Location(),
		lines: map[sms.Number]*Tally{}, agents: map[sms.AgentID]*Tally{}, quarter: -1,
	}
}

// when returns which day and hour a time is of; a day that is none of ours if it is not.
func (c *Counter) when(at int64) (day, hour int) {
	if quarter := at / 900; quarter != c.quarter { // no zone is off by less
		c.quarter = quarter
		t := time.Unix(at, 0).In(c.zone)
		days := func(t time.Time) int64 {
			return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC).Unix() / (24 * 60 * 60)
		}
		c.day, c.hour = int(days(t)-days(c.figures.First)), t.Hour()
	}
	return c.day, c.hour
}

// Add counts m, if it is of one of the days.
func (c *Counter) Add(m SMS) {
	day, hour := c.when(m.At)
	if day < 0 || day >= len(c.figures.Days) {
		return
	}
	for m.Customer >= len(c.waits) {
		c.waits = append(c.waits, wait{})
	}
	tallies := []*Tally{&c.figures.Tally, &c.figures.Days[day], tallyOf(c.lines, m.Line)}
	if !m.Out {
		for _, t := range tallies {
			t.In++
		}
		c.figures.Hours[hour]++
		if c.waits[m.Customer] == (wait{}) {
			c.waits[m.Customer] = wait{m.At, m.Line}
		}
		return
	}
	if m.Status < sms.Sent {
		return
	}
	if !m.Away {
		tallies = append(tallies, tallyOf(c.agents, m.Agent))
	}
	for _, t := range tallies {
		t.Out++
		if m.Status == sms.Delivered {
			t.Delivered++
		}
	}
	w := c.waits[m.Customer]
	if w == (wait{}) || m.Away {
		return
	}
	c.waits[m.Customer] = wait{}
	tallies[2] = tallyOf(c.lines, w.line) // where they had written
	for _, t := range tallies {
		t.took = append(t.took, int32(max(0, m.At-w.since)))
	}
}

func tallyOf[K comparable](of map[K]*Tally, key K) *Tally {
	if of[key] == nil {
		of[key] = &Tally{}
	}
	return of[key]
}

// Figures returns what was counted. No more can be added.
func (c *Counter) Figures() Figures {
	f := c.figures
	f.settle()
	for i := range f.Days {
		f.Days[i].settle()
	}
	for line, t := range c.lines {
		t.settle()
		f.Lines = append(f.Lines, OfLine{line, *t})
	}
	for agent, t := range c.agents {
		t.settle()
		f.Agents = append(f.Agents, OfAgent{agent, *t})
	}
	slices.SortFunc(f.Lines, func(a, b OfLine) int { return cmp.Or(cmp.Compare(b.In+b.Out, a.In+a.Out), cmp.Compare(a.Line, b.Line)) })
	slices.SortFunc(f.Agents, func(a, b OfAgent) int { return cmp.Or(cmp.Compare(b.Out, a.Out), cmp.Compare(a.Agent, b.Agent)) })
	return f
}

// settle makes the median of what was noted.
func (t *Tally) settle() {
	if t.Answered = len(t.took); t.Answered > 0 {
		slices.Sort(t.took)
		t.Median = time.Duration(t.took[len(t.took)/2]) * time.Second
	}
	t.took = nil
}

// Busiest returns at most n hours of the day in which most SMS came, in the order of the day.
func (f Figures) Busiest(n int) []int {
	hours := map[int]int{}
	for hour, in := range f.Hours {
		if in > 0 {
			hours[hour] = in
		}
	}
	busiest := slices.SortedFunc(maps.Keys(hours), func(a, b int) int { return cmp.Or(cmp.Compare(hours[b], hours[a]), cmp.Compare(a, b)) })
	busiest = busiest[:min(n, len(busiest))]
	slices.Sort(busiest)
	return busiest
}
