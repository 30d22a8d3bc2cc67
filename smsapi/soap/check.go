package soap

import (
	"context"
	"errors"
	"maps"
	"slices"

	"peyk/sms"
	"peyk/smsapi"
)

// Lacks returns those of the five methods that the service's WSDL does not have; none for a service without a WSDL.
func (c *Client) Lacks(ctx context.Context) ([]string, error) {
	described, err := c.describe(ctx)
	if err != nil {
		return nil, c.Redacted(err)
	}
	var lacks []string
	for _, method := range slices.Sorted(maps.Keys(guide)) {
		if _, has := described[method]; len(described) > 0 && !has {
			lacks = append(lacks, method)
		}
	}
	return lacks, nil
}

// unusedLine is a line that no account has.
const unusedLine = "1"

// Foreign returns those of lines that the panel says are not ours. Nothing is sent, whatever kind of server it is: each line is asked
// to send no texts to no recipients, so that no phone number is in the request at all. A panel that does not refuse this from a
// line nobody has would not refuse it from a foreign one either: then told is false, and nothing is known of the lines that are not
// returned.
func (c *Client) Foreign(ctx context.Context, lines []sms.Number) (foreign []sms.Number, told bool, err error) {
	for _, line := range lines {
		refused, err := c.refusesLine(ctx, line)
		if err != nil {
			return nil, false, err
		}
		if refused {
			foreign = append(foreign, line)
		}
	}
	if len(foreign) > 0 {
		return foreign, true, nil // it tells them apart, or takes none of ours
	}
	told, err = c.refusesLine(ctx, unusedLine)
	return nil, told, err
}

func (c *Client) refusesLine(ctx context.Context, line sms.Number) (bool, error) {
	response, err := c.call(ctx, "SendMultipleSMS", values{"fromNum": c.lineName(line), "toNums": []string{}, "messageContents": []string{}})
	if errors.Is(err, smsapi.ErrFault) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	_, failed := result(outcome(response))
	return failed != nil && failed.Code == smsapi.NumberCode(foreignLine), nil
}
