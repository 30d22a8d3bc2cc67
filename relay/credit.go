package relay

import (
	"context"

	"peyk/internal/backoff"
	"peyk/smsapi"
)

// watchCredit asks for the credit now and then, and after sends, and has the admins told when it is low. Without LOW_CREDIT it returns at
// once.
func (r *Relay) watchCredit(ctx context.Context) error {
	trouble := backoff.Backoff{Log: r.log, What: "watch the credit"}
	readable := true
	for r.opts.LowCredit > 0 && ctx.Err() == nil {
		if c, _, _ := r.state.condition(); c.troubled() { // the probes ask for it already
			backoff.Sleep(ctx, r.opts.CreditInterval/10, nil)
			continue
		}
		said, err := r.panel.Credit(ctx)
		credit, ok := smsapi.Amount(said)
		if err == nil && ok {
			err = r.store.SaveCredit(credit, r.opts.LowCredit)
		}
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			trouble.After(err)
		default:
			trouble.After(nil)
			if readable && !ok {
				r.log.Warn("the panel's credit is not a number: nobody is warned when it is low")
			}
			readable = ok
		}
		backoff.Sleep(ctx, r.opts.CreditInterval/10, nil) // one look for many sends
		backoff.Sleep(ctx, r.opts.CreditInterval-r.opts.CreditInterval/10, r.sent)
	}
	return nil
}
