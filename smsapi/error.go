package smsapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Kind says what the caller may do after an error.
type Kind uint8

const (
	// Uncertain means that the request was perhaps carried out: its answer was lost or
	// makes no sense. What fits nowhere else is Uncertain. Never repeat it unasked.
	Uncertain Kind = iota
	// Rejected means that the panel, or this client before asking it, refused for good.
	Rejected
	// Auth means that the panel did not accept the login: slow down, tell once.
	Auth
	// Unavailable means that the request was surely not carried out: it may be repeated.
	Unavailable
)

// String returns "uncertain", "rejected", "auth" or "unavailable".
func (k Kind) String() string {
	switch k {
	case Rejected:
		return "rejected"
	case Auth:
		return "auth"
	case Unavailable:
		return "unavailable"
	}
	return "uncertain"
}

// Code is a code of the panel's own: a number, as at most panels, or a text.
type Code string

// NumberCode returns the code of a number; 0 is none.
func NumberCode(n int) Code {
	if n == 0 {
		return ""
	}
	return Code(strconv.Itoa(n))
}

// MarshalJSON writes a number as one, none as 0, a text as a text.
func (c Code) MarshalJSON() ([]byte, error) {
	if n, err := strconv.Atoi(string(c)); err == nil || c == "" {
		return strconv.AppendInt(nil, int64(n), 10), nil
	}
	return json.Marshal(string(c))
}

// Error is every error a panel's package returns. It never holds the password, an address
// with its user or query, or the text of an SMS that was to be sent.
type Error struct {
	Kind    Kind
	Code    Code   // the panel's error code; empty: it gave none, or was not asked
	Meaning string // what Code means, in our words, which may be logged; empty when it is not known
	Text    string // the panel's own words, or ours when it said nothing; whole, for people to read
	Err     error  // what went wrong below, or nil
}

// What may be below an Error, besides the errors of package net and its kin and the HTTP status of an answer, which is a connect.Status.
var (
	ErrFault      = errors.New("the panel's service failed") // in the words of Text, which are the panel's own
	ErrNoID       = errors.New("the panel gave no id")       // but the words of Text, which are the panel's own
	ErrProtocol   = errors.New("the answer is not in the panel's protocol")
	ErrTwin       = errors.New("the panel had the same text for the same recipient a moment ago")
	ErrWantsHTTPS = errors.New("the server speaks https, the address says http")
)

// Error returns text for logs. The panel's own words are not in it: they may repeat numbers and texts.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Kind.String())
	switch {
	case e.Code != "":
		fmt.Fprintf(&b, ": panel error %s", e.Code)
		if e.Meaning != "" {
			b.WriteString(", " + e.Meaning)
		}
	case e.Text != "" && !errors.Is(e.Err, ErrFault) && !errors.Is(e.Err, ErrNoID):
		b.WriteString(": " + e.Text)
	}
	if e.Err != nil {
		fmt.Fprintf(&b, ": %v", e.Err)
	}
	return b.String()
}

// Unwrap returns what went wrong below.
func (e *Error) Unwrap() error { return e.Err }
