package bot

import (
	"context"
	"strings"
	"time"

	"peyk/bot/text"
	"peyk/internal/hours"
	"peyk/store"
	"peyk/telegram"
)

// closedMost is how many days in a row one command closes.
const closedMost = 60

// closed lists the days on which the team does not work, or changes them.
func (b *Bot) closed(_ context.Context, m *telegram.Message, _ role) error {
	t := b.language(m.Chat)
	if strings.TrimSpace(m.Args) == "" {
		said, err := b.closedDays(t)
		if err != nil {
			return err
		}
		return b.respond(m, said)
	}
	first, last, open, ok := readClosed(m.Args, b.now())
	switch {
	case !ok:
		return b.respond(m, t.ClosedUsage)
	case last.After(first.AddDate(0, 0, closedMost-1)):
		return b.respond(m, t.Say(t.ClosedTooMany, closedMost))
	}
	sentence := t.ClosedOn
	if open {
		sentence = t.OpenOn
	}
	_, err := b.store.Take(updateKey(m), store.Caused{
		Days:  &store.Days{First: hours.Day(first), Last: hours.Day(last), Open: open},
		Posts: []store.Post{response(m, t.Say(sentence, t.Days(first, last)))},
	})
	return err
}

// readClosed reads a day or the first and the last of several; open says that a dash stands before them.
func readClosed(s string, now time.Time) (first, last time.Time, open, ok bool) {
	s = strings.TrimSpace(s)
	for _, dash := range []string{"-", "−", "–"} {
		if rest, cut := strings.CutPrefix(s, dash); cut {
			s, open = rest, true
			break
		}
	}
	var days []time.Time
	for _, word := range strings.Fields(s) {
		if word == "تا" || word == "to" || word == "-" || word == "–" {
			continue
		}
		day, ok := text.ReadDate(word, now)
		if !ok {
			return first, last, open, false
		}
		days = append(days, day)
	}
	if len(days) == 0 || len(days) > 2 {
		return first, last, open, false
	}
	first, last = days[0], days[len(days)-1]
	return first, last, open, !last.Before(first)
}

// closedDays says on which days, from today on, the team does not work.
func (b *Bot) closedDays(t *text.Language) (string, error) {
	days, err := b.store.Closed()
	if err != nil {
		return "", err
	}
	now := b.now()
	lines := []string{t.ClosedHead}
	for i := 0; i < len(days); i++ {
		first, err := time.ParseInLocation(time.DateOnly, days[i], now.Location())
		if err != nil {
			return "", err
		}
		last := first
		for i+1 < len(days) && days[i+1] == hours.Day(last.AddDate(0, 0, 1)) {
			last = last.AddDate(0, 0, 1)
			i++
		}
		if hours.Day(last) >= hours.Day(now) {
			lines = append(lines, "· "+t.Days(first, last))
		}
	}
	if len(lines) == 1 {
		return t.ClosedNone, nil
	}
	return text.Clip(lines), nil
}
