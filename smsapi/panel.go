// Package smsapi says what an SMS panel is: what goes to it, what comes back, and what its errors allow a caller to do. It has only types
// and their small rules. Each panel has a package below this one, which speaks the panel's protocol and turns what comes into these types;
// soap is the first.
//
// It knows nothing of protocols, of any panel's codes, of the store or of Telegram. Whom an SMS is from and to, and what became of it, are
// the words of package sms.
package smsapi

import (
	"context"
	"time"

	"peyk/sms"
)

// Panel is what an SMS panel can do for us. Every method asks it at most once, but for Status, and its error is an *Error.
type Panel interface {
	// Credit returns what is left, in the panel's own words and unit.
	Credit(context.Context) (string, error)
	// Send sends a text from a line of ours to at most MaxRecipients.
	Send(ctx context.Context, line sms.Number, to []sms.Number, text string) (Sent, error)
	// SendEach sends each of at most MaxRecipients a text of its own.
	SendEach(ctx context.Context, line sms.Number, each []Addressed) (Sent, error)
	// Status returns how far each of the SMS has come, in their order.
	Status(context.Context, []sms.ID) ([]Delivery, error)
	// Unread takes unread SMS away from the panel. With an error it returns what came of the answer.
	Unread(context.Context) (Answer, error)
	// Decode reads an answer of Unread without asking anybody, by the order the panel is known to have. With an error it
	// returns what it could read.
	Decode(Answer, InboxOrder) ([]sms.Message, InboxOrder, error)

	// Timeout is how long a call may take at most.
	Timeout() time.Duration
	// InClear reports whether user name and password can be read on the way.
	InClear() bool
	// Skew is how far the panel's clock is ahead of ours by its last answer, false before there was one.
	Skew() (time.Duration, bool)
	// Lacks returns which methods it does not have of those that it should.
	Lacks(context.Context) ([]string, error)
	// Foreign returns which lines are not ours there; told is false when it does not tell.
	Foreign(ctx context.Context, lines []sms.Number) (foreign []sms.Number, told bool, err error)
}

// MaxRecipients is how many recipients the panel takes in one request.
const MaxRecipients = 60

// Pieces splits recipients, or ids, into pieces for one request each: every one once, in the same order, at most MaxRecipients in a piece.
// Of none there are no pieces.
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

// Delivery is what the panel said became of one SMS.
type Delivery struct {
	ID     sms.ID
	Status sms.Status // sms.Queued: the panel said nothing, so what was known before still holds
	Reason sms.Reason // why it is sms.Failed
	Code   int        // the panel's own code, for people to read; 0 when it gave none
}

// Known reports whether the panel said anything.
func (d Delivery) Known() bool { return d.Status != sms.Queued }

// Answer is the raw answer to a fetch of unread SMS. Fetching takes the messages away from the panel,
// so store it before anything else, also when it came with an error.
type Answer struct {
	ContentType string
	Body        []byte // unpacked
	Cut         bool   // the end is missing
	Holds       bool   // SMS may be in it, as far as can be seen before it is decoded
}
