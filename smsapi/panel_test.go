package smsapi

import (
	"fmt"
	"slices"
	"testing"

	"peyk/sms"
)

func TestPieces(t *testing.T) {
	var all []sms.Number
	for i := range 2*MaxRecipients + 1 {
		n := sms.Number(fmt.Sprint(i))
		all = append(all, n, n, "0")
	}
	got := Pieces(all)
	var sizes []int
	for _, piece := range got {
		sizes = append(sizes, len(piece))
	}
	if want := []int{60, 60, 1}; !slices.Equal(sizes, want) {
		t.Errorf("got pieces of %v, want %v", sizes, want)
	}
	for i, n := range slices.Concat(got...) {
		if want := sms.Number(fmt.Sprint(i)); n != want {
			t.Fatalf("got %q at place %d, want %q", string(n), i, string(want))
		}
	}
	if got := Pieces[sms.Number](nil); got != nil {
		t.Errorf("of no recipients: got %v, want none", got)
	}
}
