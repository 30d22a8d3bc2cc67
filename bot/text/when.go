package text

import (
	"strconv"
	"strings"
	"time"
	"unicode"

	"peyk/sms"
)

// Morning is the hour that a day without an hour means.
const Morning = 9

// words that people write about time, in both languages, as ReadWhen spells them.
var (
	timeUnits = map[string]time.Duration{
		"m": time.Minute, "min": time.Minute, "mins": time.Minute, "minute": time.Minute, "minutes": time.Minute, "دقیقه": time.Minute,
		"h": time.Hour, "hour": time.Hour, "hours": time.Hour, "ساعت": time.Hour,
		"d": 24 * time.Hour, "day": 24 * time.Hour, "days": 24 * time.Hour, "روز": 24 * time.Hour,
	}
	timeDays = map[string]int{
		"today": 0, "امروز": 0, "tomorrow": 1, "فردا": 1, "پسفردا": 2,
	}
	timeWeekdays = map[string]time.Weekday{
		"sat": time.Saturday, "saturday": time.Saturday, "شنبه": time.Saturday,
		"sun": time.Sunday, "sunday": time.Sunday, "یکشنبه": time.Sunday,
		"mon": time.Monday, "monday": time.Monday, "دوشنبه": time.Monday,
		"tue": time.Tuesday, "tuesday": time.Tuesday, "سهشنبه": time.Tuesday,
		"wed": time.Wednesday, "wednesday": time.Wednesday, "چهارشنبه": time.Wednesday,
		"thu": time.Thursday, "thursday": time.Thursday, "پنجشنبه": time.Thursday,
		"fri": time.Friday, "friday": time.Friday, "جمعه": time.Friday,
	}
	// Which half of the day an hour up to 12 is in.
	timeHalves = map[string]bool{"am": false, "صبح": false, "pm": true, "ظهر": true, "بعدازظهر": true, "عصر": true, "شب": true}
	timeFiller = map[string]bool{
		"at": true, "on": true, "until": true, "till": true, "for": true, "in": true, "and": true,
		"تا": true, "در": true, "و": true, "دیگر": true, "دیگه": true, "بعد": true,
	}
	// What is written in one word or in two.
	timeJoined = strings.NewReplacer(
		"پس فردا", "پسفردا", "یک شنبه", "یکشنبه", "دو شنبه", "دوشنبه", "سه شنبه", "سهشنبه", "چهار شنبه", "چهارشنبه", "پنج شنبه", "پنجشنبه",
		"بعد از ظهر", "بعدازظهر", "نیم ساعت", "30 دقیقه",
	)
)

// When is a time as it was read.
type When struct {
	At     time.Time // what was understood, in the zone of now; zero if nothing was
	Lasts  bool      // it is so long from now on, whatever clocks show then
	Unread string    // the first word that makes no sense where it stands; "" if there is none
}

// ReadWhen reads when something is to be: "2h", "1 day and 2 hours", "9:00", "tomorrow", "sat 14:30", "1405/09/20 10:00", "۲ ساعت", "فردا ساعت ۱۰ صبح".
// An hour is the next one, a day that is named without an hour is when work begins on it, by opens, else its morning. ok is false if s means nothing
// else, or nothing to come. now bears the zone.
func ReadWhen(s string, now time.Time, opens func(day time.Time) (time.Time, bool)) (found When, ok bool) {
	w := when{now: now}
	tokens := timeTokens(s)
	for i := 0; i < len(tokens); i++ {
		next := ""
		if i+1 < len(tokens) {
			next = tokens[i+1]
		}
		used, ok := w.read(tokens[i], next)
		if !ok {
			found.Unread = tokens[i]
			break
		}
		i += used - 1
	}
	found.Lasts = w.hasLasts
	if found.At = w.at(); found.At.After(now) && !w.hasHour && !w.hasLasts {
		if begins, works := opens(found.At); works && begins.After(now) {
			found.At = begins
		}
	}
	return found, found.Unread == "" && found.At.After(now)
}

// when is what was read so far.
type when struct {
	now       time.Time
	lasts     time.Duration
	days      int // from today on
	date      time.Time
	weekday   time.Weekday
	hour, min int

	hasLasts, hasDay, hasWeekday, hasDate, hasHour bool
	sure                                           bool // the hour is one, and no number of something
}

// dated tells whether a day was named.
func (w when) dated() bool { return w.hasDay || w.hasWeekday || w.hasDate }

// timeTokens splits s into words, numbers, which may have a colon, and dates, spelled as the tables above.
func timeTokens(s string) (tokens []string) {
	s = strings.ToLower(sms.Digits(strings.ToValidUTF8(s, "?")))
	s = strings.NewReplacer("ي", "ی", "ك", "ک", "\u200c", " ", "،", " ", ",", " ").Replace(s)
	s = timeJoined.Replace(strings.Join(strings.Fields(s), " "))
	kind := func(r rune) int {
		switch {
		case r == ' ':
			return 0
		case r >= '0' && r <= '9' || r == ':':
			return 1
		case unicode.IsLetter(r):
			return 2
		}
		return 3
	}
	last := 0
	for _, r := range s {
		k := kind(r)
		if last == 1 && (r == '/' || r == '-' || r == '.') {
			k = 1
		}
		switch {
		case k == 0:
		case k == last:
			tokens[len(tokens)-1] += string(r)
		default:
			tokens = append(tokens, string(r))
		}
		last = k
	}
	return tokens
}

// read takes a token, with the one that follows it, and returns how many it took. ok is false if they make no sense there.
func (w *when) read(token, next string) (used int, ok bool) {
	if day, isDate := ReadDate(token, w.now); isDate && !w.dated() {
		w.date, w.hasDate = day, true
		return 1, true
	}
	if hour, min, clock := readClock(token); clock {
		unit := timeUnits[next]
		switch {
		case strings.Contains(token, ":") || unit == 0:
			if w.hasHour {
				return 0, false
			}
			w.hour, w.min, w.hasHour = hour, min, true
			w.sure = w.sure || strings.Contains(token, ":")
			return 1, min >= 0
		case hour > 10000:
			return 0, false
		}
		w.lasts += time.Duration(hour) * unit
		w.hasLasts = true
		return 2, true
	}
	days, isDay := timeDays[token]
	weekday, isWeekday := timeWeekdays[token]
	afternoon, isHalf := timeHalves[token]
	switch {
	case isDay && !w.dated():
		w.days, w.hasDay = days, true
	case isWeekday && !w.dated():
		w.weekday, w.hasWeekday = weekday, true
	case isHalf && w.hasHour && w.hour >= 1 && w.hour <= 12:
		w.hour, w.sure = w.hour%12, true
		if afternoon {
			w.hour += 12
		}
	case token == "ساعت" && !w.hasHour && !w.hasLasts:
		w.sure = true
	default:
		return 1, timeFiller[token]
	}
	return 1, true
}

// readClock reads a number, or an hour with its minutes; min is negative if there is no such hour. ok is false for a word.
func readClock(s string) (hour, min int, ok bool) {
	if s[0] != ':' && (s[0] < '0' || s[0] > '9') {
		return 0, 0, false
	}
	hours, minutes, colon := strings.Cut(s, ":")
	hour, err := strconv.Atoi(hours)
	if err != nil {
		return 1 << 30, -1, true
	}
	if colon {
		if min, err = strconv.Atoi(minutes); err != nil || len(minutes) != 2 || min > 59 {
			return hour, -1, true
		}
	}
	if hour > 23 {
		return hour, -1, true
	}
	return hour, min, true
}

// at returns when that is; zero if what was read means no time, or two.
func (w when) at() (at time.Time) {
	switch {
	case w.hasLasts && (w.lasts <= 0 || w.dated() || w.hasHour):
		return at
	case w.hasLasts:
		return w.now.Add(w.lasts)
	case !w.hasHour && (w.sure || !w.dated()):
		return at
	case !w.hasHour:
		w.hour = Morning
	case !w.sure && !w.dated(): // a bare number
		return at
	}
	day := w.now
	if w.hasDate {
		day = w.date
	}
	days := w.days
	if w.hasWeekday {
		days = (int(w.weekday-w.now.Weekday()) + 7) % 7
	}
	on := func(days int) time.Time {
		return time.Date(day.Year(), day.Month(), day.Day()+days, w.hour, w.min, 0, 0, w.now.Location())
	}
	at = on(days)
	switch {
	case at.After(w.now):
	case w.hasWeekday:
		at = on(days + 7)
	case !w.hasDay && !w.hasDate:
		at = on(1)
	}
	return at
}
