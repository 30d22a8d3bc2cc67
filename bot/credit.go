package bot

import (
	"context"
	"math"
	"regexp"
	"strconv"
	"strings"

	"peyk/bot/text"
	"peyk/sms"
)

// watchCredit looks at the credit now and then, and after sends, and has the admins told when it is low. Without LOW_CREDIT it ends at
// once.
func (b *Bot) watchCredit(ctx context.Context) error {
	trouble := outage{log: b.log, what: "watch the credit"}
	readable := true
	for b.opts.LowCredit > 0 && ctx.Err() == nil {
		if c, _, _ := b.state.condition(); c.troubled() { // it is asked as it is
			sleep(ctx, b.opts.CreditInterval/10, nil)
			continue
		}
		said, err := b.panel.Credit(ctx)
		credit, ok := amount(said)
		if err == nil && ok {
			err = b.store.SaveCredit(credit, b.opts.LowCredit)
		}
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			trouble.failed(err)
		default:
			trouble.worked()
			if readable && !ok {
				b.log.Warn("the panel's credit is no number: nobody is warned when it is low")
			}
			readable = ok
		}
		sleep(ctx, b.opts.CreditInterval/10, nil) // many sends are looked at together
		sleep(ctx, b.opts.CreditInterval-b.opts.CreditInterval/10, b.sent)
	}
	return nil
}

var amountForm = regexp.MustCompile(`^-?([0-9]+|[0-9]{1,3}(,[0-9]{3})+)(\.[0-9]+)?$`)

// amount reads a credit as the panel writes it, if that is a plain number. Its unit is not known: money, or parts.
func amount(credit string) (float64, bool) {
	credit = strings.TrimSpace(sms.Digits(credit))
	if !amountForm.MatchString(credit) {
		return 0, false
	}
	n, err := strconv.ParseFloat(strings.ReplaceAll(credit, ",", ""), 64)
	return n, err == nil
}

func amountCode(n float64) string { return text.Code(strconv.FormatFloat(n, 'f', -1, 64)) }

// about rounds an amount that is an estimate.
func about(n float64) float64 {
	if n < 10 {
		return math.Round(n*100) / 100
	}
	return math.Round(n)
}
