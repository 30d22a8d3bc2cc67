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

// never is a team without hours.
func never(time.Time) (time.Time, bool) { return time.Time{}, false }

func TestADayWithoutAnHourBeginsWithWork(t *testing.T) {
	now := tehran(t)
	opens := func(day time.Time) (time.Time, bool) {
		return time.Date(day.Year(), day.Month(), day.Day(), 7, 30, 0, 0, day.Location()), day.Weekday() != time.Friday
	}
	for s, want := range map[string]string{"tomorrow": "02 07:30", "جمعه": "03 09:00", "sat": "04 07:30", "tomorrow 10:00": "02 10:00", "24h": "02 10:31"} {
		if when, ok := ReadWhen(s, now, opens); !ok || when.At.Format("02 15:04") != want {
			t.Errorf("%q is %v (%t), want %s", s, when, ok, want)
		}
	}
}

func TestReadWhen(t *testing.T) {
	now := tehran(t)
	day := func(d, hour, min int) time.Time { return time.Date(2026, 7, d, hour, min, 0, 0, now.Location()) }
	none := time.Time{}
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

		"2026-07-03": day(3, 9, 0), "2026/7/3 10:00": day(3, 10, 0), "on 2026-07-01 at 11:00": day(1, 11, 0), "14:30 2026-07-02": day(2, 14, 30), "2026-07-03 10": day(3, 10, 0),
		"1405/04/12 10:00": day(3, 10, 0), "۱۴۰۵/۴/۱۲ ساعت ۱۰": day(3, 10, 0), "۱۴۰۵.۰۴.۱۲": day(3, 9, 0), "۲ ساعت دیگه": now.Add(2 * time.Hour),

		"1405/04/01 10:00": none, "2026-07-01": none, "2026-07-01 10:00": none, "1405/04/12 sat": none, "tomorrow 1405/04/12": none, "1405/04/32": none, "2026-07-03 2h": none,
		"9-10": none, "9:00-10:00": none, "9.30": none, "9:00.": none,
		"": none, "soon": none, "2": none, "9": none, "25:00": none, "9:60": none, "9:0": none, "today 9:00": none, "today": none, "0h": none, "-2h": none,
		"2h tomorrow": none, "tomorrow sat": none, "9:00 10:00": none, "pm": none, "13pm": none, "ساعت": none, "2 weeks": none, "99999999999999999999h": none,
		"99999h": none, "2h call her": none, "h": none, ":": none, "\xff": none, "و": none,
	} {
		when, ok := ReadWhen(s, now, never)
		if ok != !want.IsZero() || ok && !when.At.Equal(want) {
			t.Errorf("%q is %v (%t), want %v", s, when, ok, want)
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
	if when, ok := ReadWhen("tomorrow 12:00", now, never); !ok || when.At.Sub(now) != 23*time.Hour || when.Lasts {
		t.Errorf("tomorrow at noon is in %v (%t)", when.At.Sub(now), ok)
	}
	if when, ok := ReadWhen("24h", now, never); !ok || when.At.Sub(now) != 24*time.Hour || !when.Lasts {
		t.Errorf("a day from now is in %v (%t)", when.At.Sub(now), ok)
	}
}

// TestReadWhenSaysWhatItUnderstood: who wrote a time that is over, or something behind it, is told how it was read.
func TestReadWhenSaysWhatItUnderstood(t *testing.T) {
	now := tehran(t)
	for s, want := range map[string]struct{ at, unread string }{
		"فردا ۹ نفر می\u200cآیند": {"02 09:00", "نفر"}, "today 9:00": {"01 09:00", ""}, "1405/04/10 10:00": {"01 10:00", ""}, "tomorrow at ten": {"02 09:00", "ten"},
		"2h we come": {"01 12:31", "we"}, "hello tomorrow": {"", "hello"}, "9": {"", ""}, "2h tomorrow": {"", ""},
	} {
		when, ok := ReadWhen(s, now, never)
		at := ""
		if !when.At.IsZero() {
			at = when.At.Format("02 15:04")
		}
		if ok || at != want.at || when.Unread != want.unread {
			t.Errorf("%q is %q, unread %q (%t), want %+v", s, at, when.Unread, ok, want)
		}
	}
}

// FuzzReadWhen: whatever is read is to come, and within a few years.
func FuzzReadWhen(f *testing.F) {
	for _, s := range []string{"2h", "tomorrow 9:00", "فردا ساعت ۱۰ صبح", "sat 5pm", "۲ ساعت و نیم", "9:", "::", "2h2h2h", "1405/09/20 10:00", "-2026/1/1", "9-10-11"} {
		f.Add(s)
	}
	now := tehran(f)
	f.Fuzz(func(t *testing.T, s string) {
		if when, ok := ReadWhen(s, now, never); ok && !when.At.After(now) {
			t.Errorf("%q is %v", s, when)
		}
	})
}

func TestReadDate(t *testing.T) {
	now := tehran(t)
	for s, want := range map[string]string{
		"2026-03-21": "2026-03-21", "2026/3/21": "2026-03-21", "1405/01/01": "2026-03-21", "1405-1-1": "2026-03-21", "۱۴۰۵/۰۱/۱۳": "2026-04-02", "۱۴۰۵.۱.۱۳": "2026-04-02",
		"1403/12/30": "2025-03-20", "2028-02-29": "2028-02-29",
		"1404/12/30": "", "2027-02-29": "", "1405/13/01": "", "1405/07/31": "", "1405/01": "", "05/01/13": "", "2026-03-21-1": "", "today": "", "": "", "1405/0/1": "", "3000-01-01": "",
	} {
		day, ok := ReadDate(s, now)
		if ok != (want != "") || ok && day.Format("2006-01-02 15:04") != want+" 00:00" {
			t.Errorf("%q is %v (%t), want %s", s, day, ok, want)
		}
	}
	if got := Persian.Days(now, now.AddDate(0, 0, 2)); got != "چهارشنبه ۱۴۰۵/۰۴/۱۰ تا جمعه ۱۴۰۵/۰۴/۱۲" {
		t.Error(got)
	}
	if got := English.Days(now, now); got != "Wednesday 2026-07-01" {
		t.Error(got)
	}
}

// FuzzReadDate: what is read is said, in either calendar, so that it is read again.
func FuzzReadDate(f *testing.F) {
	for _, s := range []string{"2026-03-21", "1405/01/13", "۱۴۰۴/۱۲/۳۰", "9999-99-99"} {
		f.Add(s)
	}
	now := tehran(f)
	f.Fuzz(func(t *testing.T, s string) {
		day, ok := ReadDate(s, now)
		if !ok {
			return
		}
		for _, lang := range []*Language{&English, &Persian} {
			if again, ok := ReadDate(lang.Day(day), now); day.Year() < 2120 && day.Year() > 1922 && (!ok || !again.Equal(day)) {
				t.Errorf("%q is %v, said %s, which is %v", s, day, lang.Day(day), again)
			}
		}
	})
}
