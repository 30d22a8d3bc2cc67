package smsapi

import (
	"slices"

	"peyk/sms"
)

// InboxOrder is what a panel's answers have shown of its order of SMS: above zero it gives the newest first, below zero last. An answer all of
// whose SMS are of one second shows nothing, and needs to know it most.
type InboxOrder int

// surest is how sure an InboxOrder gets. An answer with that many times in the other order turns it round; one with a time or two out of
// place does not.
const surest = 8

// Sure reports whether o is as sure as it gets.
func (o InboxOrder) Sure() bool { return o == surest || o == -surest }

// Sort puts the SMS of an answer in order, oldest first, and returns what is known of the panel's order from now on.
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
