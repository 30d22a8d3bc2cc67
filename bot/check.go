package bot

import (
	"context"
	"slices"
	"time"

	"peyk/bot/text"
	"peyk/doctor"
	"peyk/telegram"
)

// contestedLately is how long a check goes on saying that another program polled with our token.
const contestedLately = 10 * time.Minute

// checkCommand shows the check in the chat, what is wrong first.
func (b *Bot) checkCommand(ctx context.Context, m *telegram.Message, _ role) error {
	contested := b.contested
	d := doctor.Doctor{
		Telegram: b.tg, Panel: b.panel, Lines: b.opts.Lines, Users: b.opts.Users, Path: b.store.Path(), Open: b.store, CopyOut: b.store.Backup,
	}
	return b.inquire(ctx, m, func(ctx context.Context, t *text.Language) string {
		list := d.Check(ctx, t)
		if time.Since(contested) < contestedLately {
			list = append(list, doctor.Finding{State: doctor.Wrong, HTML: t.Say(t.CheckContested, t.Clock(contested, b.now()))})
		}
		slices.SortStableFunc(list, func(a, b doctor.Finding) int { return int(b.State - a.State) })
		lines := make([]string, len(list))
		for i, found := range list {
			lines[i] = [...]string{"✅ ", "ℹ️ ", "❌ "}[found.State] + found.HTML
			if found.Cause != nil {
				b.log.Warn("check", "err", found.Cause)
			}
		}
		return text.Clip(lines)
	})
}
