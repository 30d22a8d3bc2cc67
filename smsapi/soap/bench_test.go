package soap

import (
	"testing"
	"time"

	"peyk/smsapi"
)

// BenchmarkDecodeUnread decodes a full answer of 50 messages in each dialect; 1 ms is the limit.
func BenchmarkDecodeUnread(b *testing.B) {
	const limit = time.Millisecond
	for _, dialect := range []string{"nusoap", "native"} {
		b.Run(dialect, func(b *testing.B) {
			contentType, body := sampleBody(b, "testdata/wire/"+dialect+"/GetMsg.n50.response.http")
			b.SetBytes(int64(len(body)))
			for b.Loop() {
				messages, err := decodeUnread(smsapi.Answer{ContentType: contentType, Body: body})
				if err != nil || len(messages) != 50 {
					b.Fatalf("got %d messages, %v", len(messages), err)
				}
			}
			each := b.Elapsed() / time.Duration(b.N)
			b.ReportMetric(each.Seconds()*1000, "ms")
			b.ReportMetric(float64(each)/float64(limit), "ratio-to-limit")
		})
	}
}
