package bot

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"peyk/internal/crashpoint"
	"peyk/sms"
	"peyk/smsapi"
	"peyk/store"
)

// followDelivery asks for the delivery of what was sent, whenever the store says it is time.
func (b *Bot) followDelivery(ctx context.Context) error {
	trouble := outage{log: b.log, what: "ask panel for delivery"}
	limit := smsapi.MaxRecipients
	for ctx.Err() == nil {
		due, next, err := b.store.Due(limit)
		if err != nil {
			return fmt.Errorf("read what is due: %w", err)
		}
		if len(due) == 0 {
			wait := time.Hour
			if !next.IsZero() {
				wait = max(next.Sub(b.store.Now()), time.Millisecond)
			}
			sleep(ctx, wait, b.delivery)
			continue
		}
		if b.state.wait(ctx, creditFails); ctx.Err() != nil {
			return nil
		}
		if err := b.askDelivery(ctx, due); ctx.Err() != nil {
			return nil // broken off by us, which says nothing of the panel
		} else if err != nil {
			if e, ok := errors.AsType[*smsapi.Error](err); ok && e.Kind == smsapi.Uncertain {
				// Perhaps the panel breaks on one id, which must not keep the others from being asked for.
				if len(due) == 1 {
					err = errors.Join(err, b.store.SetDelivery([]store.Report{{Seq: due[0].Seq}}))
				}
				limit = max(1, len(due)/2)
			}
			sleep(ctx, pause(max(5*time.Second, b.store.StatusInterval()), trouble.failed(err)), nil)
			continue
		}
		crashpoint.At("delivery.stored")
		trouble.worked()
		limit = smsapi.MaxRecipients
	}
	return nil
}

// askDelivery asks the panel about SMS it has given ids, and stores what it says.
func (b *Bot) askDelivery(ctx context.Context, asked []store.SMS) error {
	ids := make([]sms.ID, len(asked))
	for i, m := range asked {
		ids[i] = m.ID
	}
	crashpoint.At("delivery.due")
	said, err := b.panel.Status(ctx, ids)
	crashpoint.At("delivery.answered")
	if e, ok := errors.AsType[*smsapi.Error](err); ok && e.Kind == smsapi.Rejected {
		// One id the panel does not take must not keep the others from being asked for.
		if n := len(asked) / 2; n > 0 {
			return cmp.Or(b.askDelivery(ctx, asked[:n]), b.askDelivery(ctx, asked[n:]))
		}
		said, err = nil, nil
	}
	if err != nil {
		return err
	}
	reports := make([]store.Report, len(asked))
	for i, m := range asked {
		reports[i] = store.Report{Seq: m.Seq}
		if i < len(said) && said[i].Known() {
			reports[i].Status, reports[i].Reason = said[i].Status, said[i].Reason
		}
	}
	return b.store.SetDelivery(reports)
}
