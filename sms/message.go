// Package sms holds the words of the domain: numbers, messages, conversations, delivery, and the desk that answers: chats and agents. It knows
// neither the panel nor Telegram nor the store.
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

// Conversation is what one customer and one line of ours have to say to each other.
type Conversation struct {
	Line     Number
	Customer Number
}

// Message is one SMS, in either direction.
type Message struct {
	Direction Direction
	Conversation
	Text     string
	Time     time.Time // when the panel had it; kept to the second
	Clock    string    `json:",omitempty"` // what the panel said of the time, where that is none, or none to the second; it is not kept
	Received time.Time // when it reached us; zero when outbound

	// AsItCame says that Text could not be read, and is what stood in the panel's answer.
	AsItCame bool `json:",omitempty"`
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
	Delivered               // the handset has it
	Failed                  // it will not arrive; the panel may still change its mind for a while
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
