package smsapi

import (
	"fmt"
	"regexp"
	"strings"

	"peyk/sms"
)

// Kind says what the caller may do after an error.
type Kind uint8

const (
	// Uncertain means that the request was perhaps carried out: its answer was lost or
	// makes no sense. What fits nowhere else is Uncertain. Never repeat it by itself.
	Uncertain Kind = iota
	// Rejected means that the panel, or this client before asking it, refused for good.
	Rejected
	// Auth means that the panel did not recognise the user: slow down, tell once.
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

// Error is every error this package returns. It never holds the password, an address
// with its user or query, or the text of an SMS that was to be sent.
type Error struct {
	Kind Kind
	Code int    // the panel's ErrCode, 0 when there was none
	Text string // the panel's own words, or ours when the panel said nothing; whole, for people to read
	Err  error  // what went wrong below, or nil
}

// digits finds what may be a telephone number in the panel's words.
var digits = regexp.MustCompile(`\+?\p{Nd}{7,}`)

// Error is meant for logs: telephone numbers the panel mentioned are masked in it.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Kind.String())
	if e.Code != 0 {
		fmt.Fprintf(&b, ": panel error %d", e.Code)
	}
	if e.Text != "" {
		b.WriteString(": ")
		b.WriteString(digits.ReplaceAllStringFunc(e.Text, func(s string) string { return sms.Number(s).String() }))
	}
	if e.Err != nil {
		fmt.Fprintf(&b, ": %v", e.Err)
	}
	return b.String()
}

// Unwrap returns what went wrong below.
func (e *Error) Unwrap() error { return e.Err }
