package main

import (
	"slices"
	"strings"
)

// nearest returns the one of names that name is most like, or "" when it is like none: each letter that is missing, wrong or too many, and each
// two that changed places, is a slip, of which one in three letters is too many. To leave out words of a name, such as API of SMS_API_USER, or to
// add some, is one slip.
func nearest(name string, names []string) string {
	best, like := len(name)/3+1, ""
	for _, n := range names {
		d := slips(name, n)
		if d > 1 && (leavesOutWords(name, n) || leavesOutWords(n, name)) {
			d = 1
		}
		if d < best || d == best && like != "" && slips(name, n) < slips(name, like) {
			best, like = d, n
		}
	}
	return like
}

// leavesOutWords reports whether short has several words and all of them are in long, in their order.
func leavesOutWords(short, long string) bool {
	words, left := strings.Split(short, "_"), strings.Split(long, "_")
	if len(words) < 2 {
		return false
	}
	for _, word := range words {
		i := slices.Index(left, word)
		if i < 0 {
			return false
		}
		left = left[i+1:]
	}
	return true
}

// slips returns the fewest slips that make b of a.
func slips(a, b string) int {
	// rows[i][j] is for the first i bytes of a and the first j of b.
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		for j := range rows[i] {
			switch {
			case i == 0 || j == 0:
				rows[i][j] = i + j
				continue
			case a[i-1] == b[j-1]:
				rows[i][j] = rows[i-1][j-1]
			default:
				rows[i][j] = 1 + min(rows[i-1][j-1], rows[i-1][j], rows[i][j-1])
			}
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], 1+rows[i-2][j-2])
			}
		}
	}
	return rows[len(a)][len(b)]
}
