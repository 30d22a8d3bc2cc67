//go:build unix

package soap

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"peyk/smsapi"
	"peyk/smsapi/exchange"
)

// TestHugeAnswersTakeNoTime reads answers a quarter as long as exchange lets through, in pieces that are slow to put together
// without care.
func TestHugeAnswersTakeNoTime(t *testing.T) {
	for name, piece := range map[string]string{
		"text in pieces":  "a<!-- -->",
		"CDATA in pieces": "<![CDATA[a]]>",
	} {
		t.Run(name, func(t *testing.T) {
			growsEvenly(t, exchange.MaxAnswer/4, func(size int) string { return answered("0", strings.Repeat(piece, size/len(piece))) })
		})
	}
}

// TestMarkupTakesNoTime: answers made to be looked through again and again.
func TestMarkupTakesNoTime(t *testing.T) {
	for name, piece := range map[string]string{
		"ends":     "</msg>",
		"messages": "</msg><time>1</time></item><item><from>1</from><x>",
		"members":  "</msg>" + strings.Repeat("<a/>", 60),
		"begins":   "<msg>",
		"CDATA":    "<![CDATA[</msg>",
		"brackets": "<",
	} {
		t.Run(name, func(t *testing.T) {
			growsEvenly(t, exchange.MaxAnswer/32, func(size int) string {
				return answered("0", written["structs"]("09120000001", strings.Repeat(piece, size/len(piece)), 1700000000))
			})
		})
	}
}

// growsEvenly checks that an answer with so many bytes inside takes some eight times as long to decode as one with an eighth of them; where it
// is quadratic, 64 times. It is the processor's time that is taken: on a busy machine the larger one waits for the processor more often.
func growsEvenly(t *testing.T, size int, answer func(size int) string) {
	t.Helper()
	takes := func(size int) time.Duration {
		body := []byte(answer(size))
		begun := processorTime(t)
		decodeUnread(smsapi.Answer{Body: body})
		return processorTime(t) - begun
	}
	// The collector's work may fall into one and not into the other, but not each time.
	eighth, whole := takes(size/8), takes(size)
	for tries := 20; whole >= 24*eighth; tries-- {
		if tries == 0 {
			t.Fatalf("an eighth of it took %v, all of it %v", eighth, whole)
		}
		eighth, whole = min(eighth, takes(size/8)), min(whole, takes(size))
	}
}

// processorTime is how long this process has had a processor.
func processorTime(t *testing.T) time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		t.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
