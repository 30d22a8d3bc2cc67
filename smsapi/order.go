package smsapi

import (
	"slices"

	"peyk/sms"
)

// InboxOrder is what answers have shown of how a panel orders SMS: above zero that it gives the newest first, below that it gives it last. An answer
// all of whose SMS are of one second shows nothing, and needs it most.
type InboxOrder int

// surest is how sure an InboxOrder gets: an answer with so many times against it turns it round, one with a time or two astray does not.
const surest = 8

// Sure tells whether nothing can make o surer.
func (o InboxOrder) Sure() bool { return o == surest || o == -surest }

// Sort puts the SMS of an answer in order, oldest first, and returns what is known of the panel's order with it.
func (o InboxOrder) Sort(messages []sms.Message) InboxOrder {
	for i := 1; i < len(messages); i++ {
		if before, at := messages[i-1].Time, messages[i].Time; !before.IsZero() && !at.IsZero() {
			o -= InboxOrder(at.Compare(before))
		}
	}
	if o > 0 {
		slices.Reverse(messages)
	}
	slices.SortStableFunc(messages, func(a, b sms.Message) int { return a.Time.Compare(b.Time) })
	return max(-surest, min(o, surest))
}
