package sms

import (
	"sync"
	"unicode/utf16"

	"github.com/warthog618/sms/encoding/gsm7"
)

// Segments tells into how many parts networks cut a text, which is what it costs.
type Segments struct {
	Parts   int
	Unicode bool // the parts are of the smaller size
	Forced  rune // the first character that does not fit the GSM alphabet; zero unless Unicode
}

// PartSize is how many characters fit into a text's only part, and into each of several.
type PartSize struct{ Alone, Joined int }

// PartSizes are the sizes for texts in the GSM alphabet, in septets, and for all others, in UTF-16 units.
type PartSizes struct{ GSM, Unicode PartSize }

// StandardParts are the sizes of 3GPP TS 23.040, 9.2.3.24.1. Some panels use others.
var StandardParts = PartSizes{GSM: PartSize{160, 153}, Unicode: PartSize{70, 67}}

// gsm is made once, as the library builds its tables at first use without a lock.
var gsm = sync.OnceValue(func() gsm7.Encoder { return gsm7.NewEncoder() })

// Count returns the segments of text. An empty text has none.
func (s PartSizes) Count(text string) Segments {
	encoder := gsm()
	widths := make([]int, 0, len(text))
	for _, r := range text {
		septets, err := encoder.Encode([]byte(string(r)))
		if err != nil {
			var units []int
			for _, r := range text {
				units = append(units, utf16.RuneLen(r))
			}
			return Segments{Parts: parts(units, s.Unicode), Unicode: true, Forced: r}
		}
		widths = append(widths, len(septets))
	}
	return Segments{Parts: parts(widths, s.GSM)}
}

// parts packs characters of the given widths into parts. A character is never cut in two, so a part may stay one short.
func parts(widths []int, size PartSize) int {
	total := 0
	for _, w := range widths {
		total += w
	}
	if total == 0 {
		return 0
	}
	if total <= size.Alone {
		return 1
	}
	count, used := 1, 0
	for _, w := range widths {
		if used+w > size.Joined {
			count, used = count+1, 0
		}
		used += w
	}
	return count
}
