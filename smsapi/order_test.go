package smsapi

import (
	"strings"
	"testing"
	"time"

	"peyk/sms"
)

// TestOrderOfAPanelIsLearned gives the answers of one panel after another: each SMS is a letter and its second.
func TestOrderOfAPanelIsLearned(t *testing.T) {
	for _, tc := range []struct {
		name    string
		answers []string
		want    string // the letters of the last answer, the oldest first
		order   InboxOrder
	}{
		{"nothing is known of one second", []string{"a5 b5 c5"}, "abc", 0},
		{"an answer shows its own order", []string{"c6 b5 a5"}, "abc", 1},
		{"newest first, known from an earlier answer", []string{"b6 a5", "d7 c7"}, "cd", 1},
		{"newest first, known from long ago", []string{"c6 b5 a4", "d7", "", "e8", "g9 f9 h9"}, "hfg", 2},
		{"newest last, known from an earlier answer", []string{"a5 b6", "c7 d7"}, "cd", -1},
		{"three in one second between others", []string{"b6 a5", "f9 e8 d8 c8"}, "cdef", 2},
		{"surely newest first; a late one does not turn it", []string{"j9 i8 h7 g6 f5 e4 d3 c2 b1 a0", "y2 x2 z3"}, "xyz", 7},
		{"a late one among many of one second", []string{"e9 d8 c7 b6 a5", "w5 v5 u5 x6 t4"}, "tuvwx", 4},
		{"it may turn round for good", []string{"c6 b5 a4", "d1 e2 f3 g4 h5 i6 j7", "k8 l8"}, "kl", -4},
		{"as sure as it gets, it still turns", []string{"j9 i8 h7 g6 f5 e4 d3 c2 b1 a0", "j9 i8 h7 g6 f5 e4 d3 c2 b1 a0", "a0 b1 c2 d3 e4 f5 g6 h7 i8 j9", "x5 y5"}, "xy", -1},
		{"times nobody can read show nothing", []string{"b6 a5", "c? d? e?"}, "edc", 1},
		{"one that is not a time among others", []string{"b6 a5", "d7 x? c6"}, "xcd", 1},
	} {
		var order InboxOrder
		var got string
		for _, answer := range tc.answers {
			var messages []sms.Message
			for _, m := range strings.Fields(answer) {
				at := time.Time{}
				if m[1] != '?' {
					at = time.Unix(int64(m[1]-'0')+1700000000, 0)
				}
				messages = append(messages, sms.Message{Text: m[:1], Time: at})
			}
			order, got = order.Sort(messages), ""
			for _, m := range messages {
				got += m.Text
			}
		}
		if got != tc.want || order != tc.order {
			t.Errorf("%s: got %s, %d, want %s, %d", tc.name, got, order, tc.want, tc.order)
		}
	}
}
