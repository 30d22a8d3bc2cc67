package bot

import (
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"peyk/bot/text"
)

func TestReadLater(t *testing.T) {
	for args, want := range map[string]struct {
		when, rest string
		named      bool
	}{
		"tomorrow 9:00 09121234567 hello":       {"tomorrow 9:00 ", "09121234567 hello", true},
		"فردا ۹ ۰۹۱۲۱۲۳۴۵۶۷ سلام":               {"فردا ۹ ", "۰۹۱۲۱۲۳۴۵۶۷ سلام", true},
		"فردا ۹ نفر می\u200cآیند":               {"فردا ۹ نفر می\u200cآیند", "", false},
		"فردا ۹، ۱۰ نفر می\u200cآیند، با مهمان": {"فردا ۹", "۱۰ نفر می\u200cآیند، با مهمان", false},
		"2h, 09121234567 is our number":         {"2h", "09121234567 is our number", false},
		"2h\n09121234567\nhello":                {"2h", "09121234567\nhello", false},
		"1405/09/20 10:00 +98 912 123 4567 hi":  {"1405/09/20 10:00 ", "+98 912 123 4567 hi", true},
		"2026-12-10 10 02188776655,0912… hi":    {"2026-12-10 10 ", "02188776655,0912… hi", true},
		"sat 10:30 +447911123456 hi":            {"sat 10:30 ", "+447911123456 hi", true},
		"9:00; hi":                              {"9:00", "hi", false},
		"":                                      {},
		", hi":                                  {"", "hi", false},
	} {
		if when, rest, named := readLater(args); when != want.when || rest != want.rest || named != want.named {
			t.Errorf("%q is %q and %q (%t), want %+v", args, when, rest, named, want)
		}
	}
}

// FuzzReadLater: nothing of what follows the time is lost, and the time holds no number of a phone.
func FuzzReadLater(f *testing.F) {
	for _, s := range []string{"tomorrow 9:00 09121234567 hello", "فردا ۹، سلام", "2h\n\nhello", "2h", "1405/09/20 0912"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, args string) {
		when, rest, named := readLater(args)
		if !strings.HasPrefix(args, when) || !strings.HasSuffix(strings.TrimSpace(args), strings.TrimSpace(rest)) {
			t.Errorf("%q is %q and %q", args, when, rest)
		}
		between := strings.TrimSuffix(strings.TrimSpace(args[len(when):]), strings.TrimSpace(rest))
		if between = strings.TrimSpace(between); named && between != "" || len([]rune(between)) > 1 {
			t.Errorf("%q is lost of %q", between, args)
		}
	})
}

// TestATimeIsReadAsItsClockShowsIt, on every day of a year in which clocks change: the next time that they show what was written, and where a clock skips
// that, at most an hour beside it.
func TestATimeIsReadAsItsClockShowsIt(t *testing.T) {
	never := func(time.Time) (time.Time, bool) { return time.Time{}, false }
	for _, name := range []string{"Europe/Berlin", "Asia/Tehran", "America/St_Johns", "Australia/Lord_Howe"} {
		zone, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		skipped := 0
		for now := time.Date(2021, 1, 1, 0, 10, 0, 0, zone); now.Year() == 2021; now = now.Add(5 * time.Hour) {
			for said, shows := range map[string]string{"0:30": "00:30", "2:30": "02:30", "tomorrow 2:15": "02:15", "فردا ۰:۱۵": "00:15", "sat 9:00": "09:00"} {
				when, ok := text.ReadWhen(said, now, never)
				if !ok || when.Lasts || !when.At.After(now) || when.At.Sub(now) > 8*24*time.Hour {
					t.Fatalf("%s at %v is %v (%t)", said, now, when, ok)
				}
				if got := when.At.Format("15:04"); got != shows {
					skipped++
					beside, _ := time.Parse("15:04", got)
					meant, _ := time.Parse("15:04", shows)
					if off := beside.Sub(meant).Abs(); off > time.Hour && off < 23*time.Hour {
						t.Errorf("%s at %v is %v", said, now, when.At)
					}
				}
			}
		}
		if skipped == 0 || skipped > 40 {
			t.Errorf("in %s clocks skip %d of them", name, skipped)
		}
	}
}
