package bot

import (
	"context"
	"errors"
	"fmt"
	"time"

	"peyk/internal/backoff"
	"peyk/internal/crashpoint"
	"peyk/store"
	"peyk/telegram"
)

// takeUpdates polls Telegram for updates and acts on each before it confirms it. No offset is stored: Telegram keeps what is not confirmed,
// and the store knows what was acted on.
func (b *Bot) takeUpdates(ctx context.Context) error {
	if err := b.identify(ctx); err != nil || ctx.Err() != nil {
		return err
	}
	trouble := backoff.Backoff{Log: b.log, What: "ask telegram for updates", Shortest: 500 * time.Millisecond, Longest: 10 * time.Second}
	var offset int64
	for ctx.Err() == nil {
		updates, err := b.tg.Updates(ctx, offset, pollTime)
		if ctx.Err() != nil {
			break
		}
		if err != nil {
			if err := b.verifyToken(ctx, err); err != nil {
				return err
			}
			if telegram.FateOf(err) == telegram.Contested {
				b.contested = time.Now()
			}
			if trouble.Failures() == 0 && telegram.FateOf(err) == telegram.Contested {
				b.log.Warn("another program uses this bot's token, or a webhook is set: stop the other one")
			}
			trouble.Wait(ctx, err, nil)
			continue
		}
		if trouble.Failures() > 0 {
			b.poster.pace.releaseAll()
		}
		trouble.After(nil)
		b.metrics.Updated(time.Now())
		b.store.NoteClock()
		for _, raw := range updates {
			u := telegram.ReadUpdate(raw, b.self)
			if u.Dated > 0 {
				b.store.HeardMessage(time.Unix(u.Dated, 0))
			}
			crashpoint.At("update.given")
			switch err := b.store.Persist(ctx, "take an update", func() error { return b.take(ctx, u) }); {
			case errors.Is(err, store.ErrDisk), errors.Is(err, store.ErrStuck):
				return nil // not confirmed: Telegram will send it again
			case err != nil:
				b.log.Error("update passed over", "update_id", u.ID, "err", err)
			}
			crashpoint.At("update.taken")
			// Even when it is lower than before: after a quiet week ids start over.
			offset = u.ID + 1
		}
		if len(updates) > 0 {
			b.store.NoteClock()
		}
	}
	return b.confirm(ctx, offset)
}

// confirm confirms the last updates taken, so that the next start need not skip them.
func (b *Bot) confirm(ctx context.Context, offset int64) error {
	if offset == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	if _, err := b.tg.Updates(ctx, offset, 0); err != nil {
		b.log.Debug("confirm updates", "err", err) // they are taken all the same
	}
	return nil
}

// identify asks Telegram which bot this is, until it answers.
func (b *Bot) identify(ctx context.Context) error {
	trouble := backoff.Backoff{Log: b.log, What: "reach telegram", Shortest: 500 * time.Millisecond, Longest: 10 * time.Second}
	for ctx.Err() == nil {
		self, hearsAll, err := b.tg.GetMe(ctx)
		if err == nil {
			trouble.After(nil)
			b.metrics.Updated(time.Now()) // the first getUpdates may be a minute away
			b.self = self
			b.tokenKnown.Store(true)
			b.store.NoteClock()
			b.log.Info("bridging", "bot", self.UserName, "group_privacy", !hearsAll)
			b.offerOwnership()
			b.background.Go(func() { b.setMenus(ctx) })
			b.background.Go(func() { b.poster.abilities.probe(ctx, b.tg) })
			return nil
		}
		if ctx.Err() != nil {
			break
		}
		if err := b.verifyToken(ctx, err); err != nil {
			return err
		}
		trouble.Wait(ctx, err, nil)
	}
	return nil
}

// How many of Telegram's seconds it must go on rejecting our token before we believe it. A token that it has never accepted since the start
// is usually mistyped, and whoever started the program is watching.
const (
	distrustFor    = 600
	distrustNewFor = 2
)

// verifyToken checks the token after err says that Telegram does not know it, as its servers are known to say so by mistake. It asks with
// growing pauses until Telegram accepts the token, or has rejected it for ten minutes, or for some seconds if it never accepted it. Then it
// returns the error that ends the program. Of several callers at once one asks while the others wait. It returns nil for any other error,
// and when ctx ends.
func (b *Bot) verifyToken(ctx context.Context, err error) error {
	if telegram.FateOf(err) != telegram.Revoked {
		return nil
	}
	select {
	case b.verifying <- struct{}{}:
	case <-ctx.Done():
		return nil
	}
	defer func() { <-b.verifying }()
	trouble := backoff.Backoff{Log: b.log, What: "ask telegram who we are", Shortest: min(time.Second, b.opts.TelegramSecond)}
	patience := distrustFor * b.opts.TelegramSecond
	if !b.tokenKnown.Load() {
		patience = distrustNewFor * b.opts.TelegramSecond
	}
	var since time.Time // of the first rejection in a row
	for ctx.Err() == nil {
		_, _, err := b.tg.GetMe(ctx)
		if err == nil {
			trouble.After(nil)
			return nil
		}
		switch now := time.Now(); {
		case ctx.Err() != nil:
			return nil
		case telegram.FateOf(err) != telegram.Revoked:
			since = time.Time{}
		case since.IsZero():
			since = now
		case now.Sub(since) >= patience:
			return fmt.Errorf("telegram does not know this token: set TELEGRAM_BOT_TOKEN to the one @BotFather gives, and check TELEGRAM_API_URL: %w", err)
		}
		trouble.Wait(ctx, err, nil)
	}
	return nil
}
