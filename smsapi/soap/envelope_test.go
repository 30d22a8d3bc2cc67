package soap

import (
	"strings"
	"testing"
	"time"

	"peyk/smsapi"
)

// TestHugeAnswersTakeNoTime reads answers a quarter as long as exchange lets through, in pieces that are slow to put together
// without care.
func TestHugeAnswersTakeNoTime(t *testing.T) {
	for name, piece := range map[string]string{
		"text in pieces":  "a<!-- -->",
		"CDATA in pieces": "<![CDATA[a]]>",
	} {
		t.Run(name, func(t *testing.T) {
			takes := func(size int) time.Duration {
				body := []byte(answered("0", strings.Repeat(piece, size/len(piece))))
				start := time.Now()
				decodeUnread(smsapi.Answer{Body: body})
				return time.Since(start)
			}
			// Eight times as much takes some eight times as long; where it is quadratic, 64 times. A busy machine may stop in some of them.
			eighth, whole := takes(maxAnswer/32), takes(maxAnswer/4)
			for tries := 20; whole >= 20*eighth; tries-- {
				if tries == 0 {
					t.Fatalf("an eighth of it took %v, all of it %v", eighth, whole)
				}
				eighth, whole = min(eighth, takes(maxAnswer/32)), min(whole, takes(maxAnswer/4))
			}
		})
	}
}
