// Package sms has the words that everybody else speaks in: numbers and how they are spelled, messages and the parts they are cut into, how far
// an SMS has come, and the desk that answers: chats, topics and agents.
//
// It knows nothing of the panel, of Telegram, or of how anything is stored, and it asks nobody: all of it is values and rules. Names of what
// Telegram or the panel numbers are here so that packages that must not know each other can pass them on.
package sms

import (
	"fmt"
	"time"
)

// Direction tells who wrote an SMS.
type Direction uint8

const (
	Inbound  Direction = iota // from a customer to a line of ours
	Outbound                  // from a line of ours to a customer
)

// Conversation is between one customer and one line of ours.
type Conversation struct {
	Line     Number
	Customer Number
}

// Message is one SMS, in either direction.
type Message struct {
	Direction Direction
	Conversation
	Text     string
	Time     time.Time // when the panel got it; kept to the second
	Clock    string    `json:",omitempty"` // what the panel gave instead of a time, or of one to the second; it is not kept
	Received time.Time // when it reached us; zero when outbound
	InboxID  ID        `json:",omitempty"` // inbound, the panel's, where it gives one; it is not kept

	// Verbatim means that Text is the source as it stood in the panel's answer, since nobody can say for certain what the customer wrote.
	Verbatim bool `json:",omitempty"`
}

// ID is the panel's name for one SMS to one recipient. It is opaque.
type ID string

// Status is how far an outbound SMS has come.
type Status uint8

const (
	Queued    Status = iota // with us
	Sending                 // handed over, no answer seen
	Sent                    // the panel has it
	AtTelecom               // the telecom has it
	Delivered               // the phone has it
	Failed                  // it has not arrived; a Reason says why, and whether it still may
)

func (s Status) String() string {
	switch s {
	case Queued:
		return "queued"
	case Sending:
		return "sending"
	case Sent:
		return "sent"
	case AtTelecom:
		return "at telecom"
	case Delivered:
		return "delivered"
	case Failed:
		return "failed"
	}
	return fmt.Sprintf("status %d", uint8(s))
}

// Reason says why an SMS is Failed.
type Reason uint8

const (
	NoReason       Reason = iota // it is not Failed
	Refused                      // the panel does not send it, and may say why in words of its own
	Unclear                      // the panel named no id where one belongs, so nobody can tell whether it was sent
	TelecomProblem               // a fault in the telecom's network; it may still arrive
	NotDelivered                 // it did not reach the phone, which may be off; it may still arrive
	Blacklisted                  // the recipient does not take SMS of this kind
	OptedOut                     // not sent: the recipient wants none from the line
	Blocked                      // not sent: an admin blocked the recipient
	Twice                        // not sent: the recipient stands further up in the same file
	Outside                      // not sent: the settings allow nobody to send there
	AboveCap                     // not sent: the agent may order no more that day
)

func (r Reason) String() string {
	switch r {
	case NoReason:
		return "no reason"
	case Refused:
		return "refused"
	case Unclear:
		return "unclear"
	case TelecomProblem:
		return "telecom problem"
	case NotDelivered:
		return "not delivered"
	case Blacklisted:
		return "blacklisted"
	case OptedOut:
		return "opted out"
	case Blocked:
		return "blocked"
	case Twice:
		return "twice"
	case Outside:
		return "outside"
	case AboveCap:
		return "above the cap"
	}
	return fmt.Sprintf("reason %d", uint8(r))
}

// Withheld reports whether we sent nothing to the recipient, on purpose.
func (r Reason) Withheld() bool { return r >= OptedOut && r <= AboveCap }

// Final reports whether an SMS of this status, failed for this reason if it failed, will stay as it is. The panel may still change its mind
// about any other.
func (s Status) Final(why Reason) bool {
	return s == Delivered || s == Failed && why != TelecomProblem && why != NotDelivered
}
