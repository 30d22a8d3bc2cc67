package relay

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"peyk/internal/backoff"
	"peyk/internal/crashpoint"
	"peyk/sms"
	"peyk/smsapi"
	"peyk/store"
)

// followDelivery asks for the delivery status of what was sent, when the store says that it is due.
func (r *Relay) followDelivery(ctx context.Context) error {
	trouble := backoff.Backoff{Log: r.log, What: "ask panel for delivery", Shortest: max(5*time.Second, r.store.StatusInterval())}
	limit := smsapi.MaxRecipients
	for ctx.Err() == nil {
		due, next, err := r.store.Due(limit)
		if err != nil {
			return fmt.Errorf("read what is due: %w", err)
		}
		if len(due) == 0 {
			wait := time.Hour
			if !next.IsZero() {
				wait = max(next.Sub(r.store.Now()), time.Millisecond)
			}
			backoff.Sleep(ctx, wait, r.delivery)
			continue
		}
		if r.state.wait(ctx, believeAfter); ctx.Err() != nil {
			return nil
		}
		if err := r.panel.AskDelivery(ctx, due); ctx.Err() != nil {
			return nil // we broke it off, which says nothing about the panel
		} else if err != nil {
			if e, ok := errors.AsType[*smsapi.Error](err); ok && e.Kind == smsapi.Uncertain {
				// Perhaps the panel fails on one id, which must not hold up the others.
				if len(due) == 1 {
					err = errors.Join(err, r.store.SetDelivery([]store.Report{{Seq: due[0].Seq, Unanswered: true}}))
				}
				limit = max(1, len(due)/2)
			}
			trouble.Wait(ctx, err, nil)
			continue
		}
		crashpoint.At("delivery.stored")
		trouble.After(nil)
		limit = smsapi.MaxRecipients
	}
	return nil
}

// AskDelivery asks the panel for the status of SMS that have its ids, and stores what it says.
func (p Panel) AskDelivery(ctx context.Context, asked []store.SMS) error {
	asked, elsewhere, err := p.store.Here(asked)
	if err != nil {
		return fmt.Errorf("read where SMS were sent: %w", err)
	}
	if len(elsewhere) > 0 {
		nothing := make([]store.Report, len(elsewhere))
		for i, m := range elsewhere {
			nothing[i].Seq = m.Seq
		}
		if err := p.store.SetDelivery(nothing); err != nil {
			return err
		}
	}
	if len(asked) == 0 {
		return nil
	}
	ids := make([]sms.ID, len(asked))
	for i, m := range asked {
		ids[i] = m.ID
	}
	crashpoint.At("delivery.due")
	said, err := p.Status(ctx, ids)
	crashpoint.At("delivery.answered")
	if e, ok := errors.AsType[*smsapi.Error](err); ok && e.Kind == smsapi.Rejected {
		// One id that the panel does not accept must not hold up the others.
		if n := len(asked) / 2; n > 0 {
			return cmp.Or(p.AskDelivery(ctx, asked[:n]), p.AskDelivery(ctx, asked[n:]))
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
	return p.store.SetDelivery(reports)
}
