// Package smsapi says what an SMS panel is: what it can be asked, what it answers, and what its errors allow a caller to do. It is types
// and their small rules only. Each panel has a package of its own below this one, which speaks that panel's protocol and makes these
// types of what comes; soap is the first.
//
// It knows no protocol, no panel's codes, no store and no Telegram. It shares the words of package sms with all of them.
package smsapi

import "peyk/sms"

// MaxRecipients is how many recipients the panel takes in one request.
const MaxRecipients = 60

// Pieces splits recipients, or whatever else goes out at most MaxRecipients in one request, into such requests: each once, order kept.
// From nothing it returns no pieces.
func Pieces[T comparable](all []T) [][]T {
	var pieces [][]T
	seen := map[T]bool{}
	for _, one := range all {
		if seen[one] {
			continue
		}
		if len(seen)%MaxRecipients == 0 {
			pieces = append(pieces, nil)
		}
		seen[one] = true
		last := len(pieces) - 1
		pieces[last] = append(pieces[last], one)
	}
	return pieces
}

// Addressed is a text for one recipient.
type Addressed struct {
	To   sms.Number
	Text string
}

// Sent is what the panel said of one accepted request.
type Sent struct {
	// Results are one for each recipient, in the order given.
	Results []Result
	// IDs are the panel's ids when they cannot be attributed to the recipients: the
	// request was carried out all the same and must not be repeated. Else nil.
	IDs []sms.ID
}

// Result is what the panel said of one recipient.
type Result struct {
	Recipient sms.Number
	// ID is empty when Err is set, and when Sent.IDs holds the ids. Empty without either,
	// the SMS was accepted and the panel did not name it.
	ID sms.ID
	// Err is why this recipient was refused, or is uncertain, though others were accepted.
	Err *Error
}

// Delivery is the panel's word about one SMS.
type Delivery struct {
	ID     sms.ID
	Status sms.Status // sms.Queued: the panel said nothing, so what was known before still holds
	Reason sms.Reason // why it is sms.Failed
	Code   int        // the panel's own code, for people to read; 0 when it gave none
}

// Known reports whether the panel said what became of the SMS.
func (d Delivery) Known() bool { return d.Status != sms.Queued }

// Answer is the raw answer to a fetch of unread SMS. Fetching takes the messages away from the panel,
// so store it before anything else, also when it came beside an error.
type Answer struct {
	ContentType string
	Body        []byte // unpacked
	Cut         bool   // the end is missing
}
