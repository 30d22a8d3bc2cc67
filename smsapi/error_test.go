package smsapi

import (
	"errors"
	"io"
	"testing"
)

func TestErrorsKeepThePanelsWordsOutOfLogs(t *testing.T) {
	err := &Error{Kind: Rejected, Code: "-5", Meaning: "the sending number is not yours", Text: "09120000001: the text that was sent", Err: io.EOF}
	for want, err := range map[string]error{
		"rejected: panel error -5, the sending number is not yours: EOF": err,
		"rejected: panel error -77":                                      &Error{Kind: Rejected, Code: "-77", Text: "09120000001"},
		"uncertain: the panel's service failed":                          &Error{Text: "09120000001", Err: ErrFault},
		"rejected: there are no recipients":                              &Error{Kind: Rejected, Text: "there are no recipients"},
	} {
		if got := err.Error(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if !errors.Is(err, io.EOF) {
		t.Error("io.EOF is not below it")
	}
	for kind, want := range map[Kind]string{Rejected: "rejected", Auth: "auth", Unavailable: "unavailable", Uncertain: "uncertain"} {
		if got := kind.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
