// Package smsapi says what an SMS panel is: what goes to it, what comes back, and what its errors allow a caller to do. It has only types
// and their small rules. Each panel has a package below this one, which speaks the panel's protocol and turns what comes into these types;
// soap is the first.
//
// It knows nothing of protocols, of any panel's codes, of the store or of Telegram. Whom an SMS is from and to, and what became of it, are
// the words of package sms.
package smsapi

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"peyk/sms"
)

// Traits are what a panel can, as callers must know it: they decide by these, never by whose panel it is. They do not change.
type Traits struct {
	// Name is the kind of panel, such as "soap": whose decoder reads an answer that was kept.
	Name string
	// Account names whose account it is, without a secret, at a panel that is Keyed, Finds or has a Cursor: what was handed to another one's is not
	// to be found here, and ids of SMS are others there.
	Account string

	OneKey  bool          // its login is a key, instead of a user name and a password, and everybody's address is the same
	Address string        // else what the address of such a panel is often like
	Keyed   bool          // an order sent again with the same keys goes out once; the client has Find
	KeyFor  time.Duration // how long Find knows keys
	Finds   bool          // the client has FindAlike: an order can be found by its content, which proves that it was accepted, never that it was not
	Twin    time.Duration // for how long the same text to the same recipient is refused, with ErrTwin
	Prices  bool          // the client has Price: what an SMS costs, before it is sent

	Again  time.Duration // for how long SMS that were taken can be read again, line by line; 0: they are gone
	Cursor bool          // Fetch takes nothing away, but reads on from a Place: Inbox.Next
}

// Price is what an SMS of one part costs, in rial, at the operators at which it costs least and most.
type Price struct{ Least, Most float64 }

// Oddity is something set in an account that a bridge cannot make good.
type Oddity uint8

const (
	SendsNothing Oddity = iota // it plays only: no SMS goes out
	SendsAgain                 // it repeats by itself what failed, so that a customer may get an SMS twice
)

// MaxRecipients is how many recipients an Order may have, at any panel.
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

// Order is what one call asks a panel to send: from Line to each of To, at most MaxRecipients, Text or a text of their own.
type Order struct {
	Line  sms.Number
	To    []sms.Number
	Text  string   // for all of To, unless there are Texts
	Texts []string // parallel to To
	Keys  []int64  // parallel to To, at a panel that is Keyed: each is below 2^53, and of this SMS alone for ever
}

// Found is what a Keyed panel has of an order.
type Found struct {
	IDs []sms.ID // parallel to To; empty where the SMS was surely not accepted
}

// Place is where to fetch.
type Place struct {
	Line  sms.Number // at a panel whose SMS can be read again
	Since time.Time  // what was taken since then is read again, Again at most; zero: what is unread is taken
	Page  int        // of what is read again, or of a round

	// At a panel with a Cursor, where a round reads page by page what has come.
	After sms.ID // since this SMS; empty: from the newest on, what nobody has seen there
	Down  bool   // from the newest on: the panel does not read on
	Top   sms.ID // the newest that the round has seen
}

// Check returns why an order is none: it has no recipients, more than MaxRecipients, not as many texts, or one that is empty. The error
// is Rejected: no panel need be asked.
func (o Order) Check() error {
	empty := func(text string) bool { return strings.TrimSpace(text) == "" }
	why := ""
	switch {
	case len(o.To) == 0:
		why = "there are no recipients"
	case len(o.To) > MaxRecipients:
		why = fmt.Sprintf("there are more than %d recipients", MaxRecipients)
	case len(o.Texts) == 0 && empty(o.Text):
		why = "the text is empty"
	case len(o.Texts) > 0 && len(o.Texts) != len(o.To):
		why = "there are not as many texts as recipients"
	case slices.ContainsFunc(o.Texts, empty):
		why = "a text is empty"
	default:
		return nil
	}
	return &Error{Kind: Rejected, Text: why}
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
	Code   Code       // the panel's own code, for people to read; empty when it gave none
}

// Known reports whether the panel said anything.
func (d Delivery) Known() bool { return d.Status != sms.Queued }

// Inbox is what an answer to a fetch holds.
type Inbox struct {
	Messages []sms.Message // in the panel's own order, see InboxOrder; with a Cursor by their ids. Received is left to the caller
	More     bool          // there may be more: ask again at once
	Next     Place         // at a panel with a Cursor, where to ask; without More the round is over, and all that came before is known
}

// Answer is the raw answer to a fetch of unread SMS. Fetching takes the messages away from the panel,
// so store it before anything else, also when it came with an error.
type Answer struct {
	ContentType string
	Body        []byte // unpacked
	Cut         bool   // the end is missing
	Holds       bool   // SMS may be in it, as far as can be seen before it is decoded
	At          Place  // at a panel with a Cursor, where it was asked for
}
