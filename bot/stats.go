package bot

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"peyk/bot/stats"
	"peyk/bot/text"
	"peyk/sms"
	"peyk/store"
	"peyk/telegram"
)

// How many days /stats is about when it does not say, and at most.
const (
	statsDays = 7
	mostDays  = 366
)

// statsRows is how many lines, and how many agents, are named at most.
const statsRows = 12

// readDays reads a number of days; without words it is usual.
func readDays(words string, usual int) (days int, ok bool) {
	words = strings.TrimSpace(words)
	if words == "" {
		return usual, true
	}
	days, err := strconv.Atoi(sms.Digits(words))
	return days, err == nil && days >= 1 && days <= mostDays
}

// stats shows figures of the last days, as a picture with the same in words beneath.
func (b *Bot) stats(ctx context.Context, m *telegram.Message, _ role) error {
	days, ok := readDays(m.Args, statsDays)
	if !ok {
		t := b.language(m.Chat)
		return b.respond(m, t.Say(t.StatsUsage, mostDays))
	}
	return b.inquireStore(ctx, m, func(ctx context.Context, t *text.Language) (store.Post, error) {
		f, names, err := b.figures(ctx, days)
		if err != nil {
			return store.Post{}, err
		}
		if f.In+f.Out == 0 {
			return response(m, t.Say(t.StatsNone, days)), nil
		}
		p := response(m, statsCaption(t, f, b.namesIn(ctx, f, names)))
		p.Photo, err = stats.Picture(f, t.DayOfMonth)
		return p, err
	})
}

// figures makes the figures of so many days, of which the last is today, and returns how agents were called last.
func (b *Bot) figures(ctx context.Context, days int) (stats.Figures, map[sms.AgentID]string, error) {
	now := b.now()
	count, names := stats.NewCounter(days, now), map[sms.AgentID]string{}
	err := b.store.Entries(ctx, stats.Since(days, now), func(e *store.Entry) {
		count.Add(stats.SMS{Out: e.Direction == sms.Outbound, Line: e.Line, Customer: e.Customer, At: e.At, Agent: e.Agent, Status: e.Status, Away: e.Away})
		if e.AgentName != "" {
			names[e.Agent] = e.AgentName
		}
	})
	return count.Figures(), names, err
}

// namesIn returns those agents in f who are to be named, as sentences have them; Telegram may know of whom we know no name.
func (b *Bot) namesIn(ctx context.Context, f stats.Figures, known map[sms.AgentID]string) map[sms.AgentID]string {
	ctx, cancel := context.WithTimeout(ctx, namesTimeout)
	defer cancel()
	names := map[sms.AgentID]string{}
	for _, a := range f.Agents[:min(statsRows, len(f.Agents))] {
		names[a.Agent] = mention(b.named(ctx, a.Agent, known))
	}
	return names
}

// statsCaption says figures in as many words as a caption takes: of lines and agents perhaps only the first.
func statsCaption(t *text.Language, f stats.Figures, names map[sms.AgentID]string) string {
	said := []string{
		t.Say(t.StatsHead, len(f.Days), t.Day(f.First)), "",
		t.Say(t.StatsIn, f.In), t.Say(t.StatsOut, f.Out), t.Say(t.StatsDelivered, t.Percent(f.Share())),
	}
	if f.Answered > 0 {
		said = append(said, t.Say(t.StatsFirst, t.Took(f.Median), f.Answered))
	}
	if f.In > 0 {
		var hours []string
		for _, hour := range f.Busiest(3) {
			hours = append(hours, t.Say("%v", hour))
		}
		said = append(said, t.Say(t.StatsBusiest, t.List(hours)))
	}
	var lines, agents []string
	for _, l := range f.Lines {
		lines = append(lines, t.Say(t.StatsLine, text.Number(l.Line), l.In, l.Out, t.Percent(l.Share()), tookOf(t, l.Tally)))
	}
	for _, a := range f.Agents {
		agents = append(agents, t.Say(t.StatsAgent, names[a.Agent], a.Out, t.Percent(a.Share()), tookOf(t, a.Tally)))
	}
	shownLines, shownAgents := min(statsRows, len(lines)), min(statsRows, len(agents))
	for {
		caption := strings.Join(slices.Concat(said, rows(t, t.StatsLines, lines, shownLines), rows(t, t.StatsAgents, agents, shownAgents)), "\n")
		if text.Units(t.SetApart(caption)) <= telegram.CaptionUnits {
			return caption
		}
		if shownLines > shownAgents {
			shownLines--
		} else {
			shownAgents--
		}
	}
}

func tookOf(t *text.Language, of stats.Tally) string {
	if of.Answered == 0 {
		return "–"
	}
	return t.Took(of.Median)
}

// rows returns the first of all under a heading, and how many more there are.
func rows(t *text.Language, heading string, all []string, shown int) []string {
	if len(all) == 0 {
		return nil
	}
	said := append([]string{"", heading}, all[:shown]...)
	if more := len(all) - shown; more > 0 {
		said = append(said, t.Say(t.More, more))
	}
	return said
}
