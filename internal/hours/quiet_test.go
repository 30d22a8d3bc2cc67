package hours

import (
	"testing"
	"time"
)

func TestQuiet(t *testing.T) {
	zone := time.FixedZone("", 3*3600+1800)
	for _, tc := range []struct{ quiet, at, until string }{
		{"22:00-8:00", "2026-11-29 21:59", ""},
		{"22:00-8:00", "2026-11-29 22:00", "2026-11-30 08:00"},
		{"22:00-8:00", "2026-11-30 00:00", "2026-11-30 08:00"},
		{"22:00-8:00", "2026-11-30 07:59", "2026-11-30 08:00"},
		{"22:00-8:00", "2026-11-30 08:00", ""},
		{"22-8", "2026-12-31 23:30", "2027-01-01 08:00"},
		{"13:30-15:00", "2026-11-29 13:29", ""},
		{"13:30-15:00", "2026-11-29 14:59", "2026-11-29 15:00"},
		{"13:30-15:00", "2026-11-29 15:00", ""},
		{"22:00-24:00", "2026-11-29 23:00", "2026-11-30 00:00"},
	} {
		q, err := ParseQuiet(tc.quiet)
		if err != nil {
			t.Fatal(err)
		}
		at, err := time.ParseInLocation("2006-01-02 15:04", tc.at, zone)
		if err != nil {
			t.Fatal(err)
		}
		until := ""
		if end := q.Until(at); !end.IsZero() {
			until = end.Format("2006-01-02 15:04")
		}
		if until != tc.until {
			t.Errorf("%s at %s: until %q, want %q", tc.quiet, tc.at, until, tc.until)
		}
	}
	if !(Quiet{}).Until(time.Now()).IsZero() {
		t.Error("quiet without hours")
	}
	for _, wrong := range []string{"", "22:00", "8:00-8:00", "25:00-8:00", "Sat 22:00-8:00", "22:0-8:00", "22:00-8:00, 13:00-14:00"} {
		if q, err := ParseQuiet(wrong); err == nil {
			t.Errorf("%q is read as %v", wrong, q)
		}
	}
}
