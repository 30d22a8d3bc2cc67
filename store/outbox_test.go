package store

import (
	"testing"

	"peyk/sms"
)

// order is a command in the group to send one text; it asks nobody.
func order(to ...sms.Number) *Order {
	o := &Order{Place: Place{Chat: group}, Agent: 5, Message: 9, Line: line, Text: "salam"}
	for len(to) > 0 {
		n := min(60, len(to))
		o.Pieces, to = append(o.Pieces, to[:n]), to[n:]
	}
	return o
}

// queued returns the pieces to be sent now.
func queued(tb testing.TB, s *Store) []Piece {
	tb.Helper()
	var all []Piece
	_, err := s.Queued(func(p Piece, _ Batch, _ []sms.Number) bool {
		all = append(all, p)
		return true
	})
	must(tb, err)
	return all
}

// claim claims the first piece to be sent.
func claim(tb testing.TB, s *Store) Piece {
	tb.Helper()
	all := queued(tb, s)
	if len(all) == 0 {
		tb.Fatal("nothing is queued")
	}
	return ok(s.Claim(all[0]))
}
