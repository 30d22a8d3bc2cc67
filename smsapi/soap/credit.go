package soap

import (
	"context"
	"regexp"

	"peyk/sms"
	"peyk/smsapi/exchange"
)

// Credit returns what is left at the panel, as the panel writes it; its unit is not known.
func (c *Client) Credit(ctx context.Context) (string, error) {
	response, err := c.call(ctx, "GetCredit", values{})
	if err != nil {
		return "", err
	}
	credit, err := readCredit(response)
	return credit, c.Redacted(err)
}

// amount is a number that can be a credit without anything that says so.
var amount = regexp.MustCompile(`^([0-9]+|[0-9]{1,3}(,[0-9]{3})+)(\.[0-9]+)?$`)

// readCredit reads an answer to GetCredit.
func readCredit(response *node) (string, error) {
	n := outcome(response)
	value, failed := result(n)
	if lacksErrCode(n, failed) {
		if all := withoutErrCode(response); len(all) == 1 && amount.MatchString(sms.Digits(all[0].scalar())) {
			return all[0].scalar(), nil
		}
	}
	if failed != nil {
		return "", failed
	}
	credit := value.scalar()
	if all := value.scalars(); len(all) == 1 {
		credit = all[0]
	}
	if credit == "" {
		return "", exchange.Uncertain("the panel's answer has no credit", nil)
	}
	return credit, nil
}
