package sms

import (
	"sync"
	"unicode/utf16"

	"github.com/warthog618/sms/encoding/gsm7"
)

// Segments says into how many parts networks cut a text, which is what it costs.
type Segments struct {
	Parts   int
	Unicode bool // 70 characters a part instead of 160
	Forced  rune // the first character that does not fit the GSM alphabet; zero unless Unicode
}

// The sizes of a lone part and of one part of several, in septets and in UTF-16 units (3GPP TS 23.040, 9.2.3.24.1).
const (
	gsmAlone, gsmJoined         = 160, 153
	unicodeAlone, unicodeJoined = 70, 67
)

// gsm is made once: the library builds its tables at first use, unguarded.
var gsm = sync.OnceValue(func() gsm7.Encoder { return gsm7.NewEncoder() })

// Count returns the segments of text. An empty text has none.
func Count(text string) Segments {
	encoder := gsm()
	widths := make([]int, 0, len(text))
	for _, r := range text {
		septets, err := encoder.Encode([]byte(string(r)))
		if err != nil {
			var units []int
			for _, r := range text {
				units = append(units, utf16.RuneLen(r))
			}
			return Segments{Parts: parts(units, unicodeAlone, unicodeJoined), Unicode: true, Forced: r}
		}
		widths = append(widths, len(septets))
	}
	return Segments{Parts: parts(widths, gsmAlone, gsmJoined)}
}

// parts packs characters of the given widths into parts. A character is never cut in two, so a part may stay one short.
func parts(widths []int, alone, joined int) int {
	total := 0
	for _, w := range widths {
		total += w
	}
	if total == 0 {
		return 0
	}
	if total <= alone {
		return 1
	}
	count, used := 1, 0
	for _, w := range widths {
		if used+w > joined {
			count, used = count+1, 0
		}
		used += w
	}
	return count
}
