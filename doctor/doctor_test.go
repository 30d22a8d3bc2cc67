package doctor

import (
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"peyk/bot/text"
	"peyk/sms"
	"peyk/smsapi/soap"
	"peyk/telegram"
)

// TestNetworksThatHangAreToldOfTogether has both take every request and answer none.
func TestNetworksThatHangAreToldOfTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hangs := func(context.Context, string, string) (net.Conn, error) {
			ours, theirs := net.Pipe()
			go io.Copy(io.Discard, theirs)
			return ours, nil
		}
		panel, err := soap.New("http://panel.example/", "u", "p", soap.Options{Dial: hangs})
		if err != nil {
			t.Fatal(err)
		}
		begun := time.Now()
		found := Doctor{
			Telegram: telegram.New(telegram.Options{Token: "1:t", URL: "http://telegram.example", Dial: hangs}),
			Panel:    panel, Lines: []sms.Number{"30001234"},
		}.Check(t.Context(), &text.English)
		if took := time.Since(begun); took != patience {
			t.Errorf("it took %v, want %v", took, patience)
		}
		for _, side := range []string{"Telegram", "panel"} {
			told := 0
			for _, f := range found {
				if strings.HasPrefix(f.Line(&text.English), "WRONG "+side+": no answer came within 10 seconds: ") {
					told++
				}
			}
			if told != 1 {
				t.Errorf("%s is told of %d times: %v", side, told, found)
			}
		}
	})
}
