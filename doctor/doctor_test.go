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
	"peyk/smsapi/exchange"
	"peyk/smsapi/soap"
	"peyk/telegram"
)

// TestNetworksThatHangAreToldOfTogether has both take every request and answer none.
func TestNetworksThatHangAreToldOfTogether(t *testing.T) {
	t.Run("in English", func(t *testing.T) {
		bothHang(t, &text.English, "WRONG Telegram: no answer came within 10 seconds: ", "WRONG panel: no answer came within 10 seconds: ")
	})
	t.Run("in Persian", func(t *testing.T) {
		bothHang(t, &text.Persian, "ایراد تلگرام: تا ۱۰ ثانیه پاسخی نرسید؛", "ایراد پنل: تا ۱۰ ثانیه پاسخی نرسید؛")
	})
}

func bothHang(t *testing.T, lang *text.Language, want ...string) {
	synctest.Test(t, func(t *testing.T) {
		hangs := func(context.Context, string, string) (net.Conn, error) {
			ours, theirs := net.Pipe()
			go io.Copy(io.Discard, theirs)
			return ours, nil
		}
		panel, err := soap.New("http://panel.example/", "u", "p", soap.Options{Options: exchange.Options{Dial: hangs}})
		if err != nil {
			t.Fatal(err)
		}
		begun := time.Now()
		found := Doctor{
			Telegram: telegram.New(telegram.Options{Token: "1:t", URL: "http://telegram.example", Dial: hangs}),
			Panel:    panel, Lines: []sms.Number{"30001234"},
		}.Check(t.Context(), lang)
		if took := time.Since(begun); took != patience {
			t.Errorf("it took %v, want %v", took, patience)
		}
		var wrong []string
		for _, f := range found {
			if f.State == Wrong {
				wrong = append(wrong, f.Line(lang))
			}
		}
		if len(wrong) != 2 || !strings.HasPrefix(wrong[0], want[0]) || !strings.HasPrefix(wrong[1], want[1]) {
			t.Errorf("got %q", wrong)
		}
	})
}
