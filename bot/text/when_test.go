package text

import (
	"testing"
	"time"
)

// tehran is Wednesday, 1 July 2026, 10:31 in Tehran.
func tehran(t testing.TB) time.Time {
	zone, err := time.LoadLocation("Asia/Tehran")
	if err != nil {
		t.Fatal(err)
	}
	return time.Date(2026, 7, 1, 10, 31, 0, 0, zone)
}

func TestReadWhen(t *testing.T) {
	now := tehran(t)
	day := func(d, hour, min int) time.Time { return time.Date(2026, 7, d, hour, min, 0, 0, now.Location()) }
	never := time.Time{}
	for s, want := range map[string]time.Time{
		"2h": now.Add(2 * time.Hour), "90m": now.Add(90 * time.Minute), "2h30m": now.Add(150 * time.Minute), "1 day and 2 hours": now.Add(26 * time.Hour),
		"in 2 hours": now.Add(2 * time.Hour), "for 45 min": now.Add(45 * time.Minute), "2 H": now.Add(2 * time.Hour), "3d": now.Add(72 * time.Hour),
		"۲ ساعت": now.Add(2 * time.Hour), "۲ ساعت و ۳۰ دقیقه": now.Add(150 * time.Minute), "نیم ساعت": now.Add(30 * time.Minute), "نیم\u200cساعت": now.Add(30 * time.Minute),
		"۲ ساعت دیگر": now.Add(2 * time.Hour), "٣ روز": now.Add(72 * time.Hour), "۱۵دقیقه": now.Add(15 * time.Minute),

		"9:00": day(2, 9, 0), "10:31": day(2, 10, 31), "10:32": day(1, 10, 32), "until 14:05": day(1, 14, 5), "23:59": day(1, 23, 59), "0:00": day(2, 0, 0),
		"۹:۰۰": day(2, 9, 0), "تا ۱۱:۱۵": day(1, 11, 15), "ساعت ۹": day(2, 9, 0), "ساعت ۱۵": day(1, 15, 0),
		"5pm": day(1, 17, 0), "5 pm": day(1, 17, 0), "9am": day(2, 9, 0), "12:30 pm": day(1, 12, 30), "12 am": day(2, 0, 0), "at 9:30 pm": day(1, 21, 30),
		"ساعت ۵ عصر": day(1, 17, 0), "۹ صبح": day(2, 9, 0), "۸ شب": day(1, 20, 0), "۲ بعد از ظهر": day(1, 14, 0), "۱۲ ظهر": day(1, 12, 0),

		"tomorrow": day(2, 9, 0), "Tomorrow 14:30": day(2, 14, 30), "tomorrow at 8": day(2, 8, 0), "today 18:00": day(1, 18, 0), "14:30 tomorrow": day(2, 14, 30),
		"فردا": day(2, 9, 0), "فردا ۱۰": day(2, 10, 0), "فردا ساعت ۱۰ صبح": day(2, 10, 0), "پس\u200cفردا": day(3, 9, 0), "پس فردا ۸:۳۰": day(3, 8, 30), "امروز ۱۸": day(1, 18, 0),
		"sat": day(4, 9, 0), "Saturday 12:00": day(4, 12, 0), "wed": day(8, 9, 0), "wed 11:00": day(1, 11, 0), "thu": day(2, 9, 0),
		"شنبه": day(4, 9, 0), "سه\u200cشنبه ۱۱:۰۰": day(7, 11, 0), "سه شنبه": day(7, 9, 0), "پنجشنبه": day(2, 9, 0), "جمعه ۱۰": day(3, 10, 0), "يكشنبه": day(5, 9, 0),

		"": never, "soon": never, "2": never, "9": never, "25:00": never, "9:60": never, "9:0": never, "today 9:00": never, "today": never, "0h": never, "-2h": never,
		"2h tomorrow": never, "tomorrow sat": never, "9:00 10:00": never, "pm": never, "13pm": never, "ساعت": never, "2 weeks": never, "99999999999999999999h": never,
		"99999h": never, "2h call her": never, "h": never, ":": never, "\xff": never, "و": never,
	} {
		at, ok := ReadWhen(s, now)
		if ok != !want.IsZero() || ok && !at.Equal(want) {
			t.Errorf("%q is %v (%t), want %v", s, at, ok, want)
		}
	}
}

// TestReadWhenKnowsTheZonesSummer: a day is a day of the calendar, however long it is.
func TestReadWhenKnowsTheZonesSummer(t *testing.T) {
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 3, 28, 12, 0, 0, 0, zone) // the next day has 23 hours
	if at, ok := ReadWhen("tomorrow 12:00", now); !ok || at.Sub(now) != 23*time.Hour {
		t.Errorf("tomorrow at noon is in %v (%t)", at.Sub(now), ok)
	}
}

// FuzzReadWhen: whatever is read is to come, and within a few years.
func FuzzReadWhen(f *testing.F) {
	for _, s := range []string{"2h", "tomorrow 9:00", "فردا ساعت ۱۰ صبح", "sat 5pm", "۲ ساعت و نیم", "9:", "::", "2h2h2h"} {
		f.Add(s)
	}
	now := tehran(f)
	f.Fuzz(func(t *testing.T, s string) {
		if at, ok := ReadWhen(s, now); ok && !at.After(now) {
			t.Errorf("%q is %v", s, at)
		}
	})
}
