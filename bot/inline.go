package bot

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"peyk/bot/text"
	"peyk/store"
	"peyk/telegram"
)

// descriptionRunes is how much of a prepared answer is shown beside its name.
const descriptionRunes = 120

// takeInline offers prepared answers to an agent who types behind the bot's name, and nothing to anybody else. What is sent so has its fields open: whom
// it is for is not known before it comes back as a reply. Nothing is stored.
func (b *Bot) takeInline(ctx context.Context, q *telegram.Inline) error {
	r, err := b.roleOf(q.From.ID)
	if err != nil {
		return err
	}
	var offers []telegram.Offer
	if r >= agent {
		all, err := b.store.Canned()
		if err != nil {
			return err
		}
		for i, c := range matchCanned(all, q.Words) {
			offers = append(offers, telegram.Offer{ID: strconv.Itoa(i), Title: c.Name, Description: text.Short(c.Text, descriptionRunes), Text: c.Text})
		}
	}
	b.callTelegram(ctx, func(ctx context.Context) {
		if err := b.tg.AnswerInline(ctx, q.ID, offers); err != nil {
			b.log.Debug("answer an inline query", "err", err) // too late: they have typed on
		}
	})
	return nil
}

// matchCanned returns the prepared answers whose name or text holds words, those first whose name begins with them.
func matchCanned(all []store.Canned, words string) []store.Canned {
	key := cannedKey(strings.TrimSpace(words))
	rank := func(c store.Canned) int {
		switch {
		case strings.HasPrefix(c.Key, key):
			return 0
		case strings.Contains(c.Key, key):
			return 1
		case strings.Contains(cannedKey(c.Text), key):
			return 2
		}
		return 3
	}
	all = slices.DeleteFunc(all, func(c store.Canned) bool { return rank(c) == 3 })
	slices.SortStableFunc(all, func(a, b store.Canned) int { return rank(a) - rank(b) })
	return all[:min(len(all), telegram.MaxOffers)]
}
