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
	timeFiller = map[string]bool{"at": true, "until": true, "till": true, "for": true, "in": true, "and": true, "تا": true, "در": true, "و": true, "دیگر": true}
	// What is written in one word or in two.
	timeJoined = strings.NewReplacer(
		"پس فردا", "پسفردا", "یک شنبه", "یکشنبه", "دو شنبه", "دوشنبه", "سه شنبه", "سهشنبه", "چهار شنبه", "چهارشنبه", "پنج شنبه", "پنجشنبه",
		"بعد از ظهر", "بعدازظهر", "نیم ساعت", "30 دقیقه",
	)
)

// ReadWhen reads when something is to be: "2h", "1 day and 2 hours", "9:00", "tomorrow", "sat 14:30", "۲ ساعت", "فردا ساعت ۱۰ صبح". An hour is the next
// one, a day that is named without an hour is when work begins on it, by opens, else its morning. ok is false if s means nothing else, or nothing to
// come. now bears the zone.
func ReadWhen(s string, now time.Time, opens func(day time.Time) (time.Time, bool)) (at time.Time, ok bool) {
	var w when
	tokens := timeTokens(s)
	for i := 0; i < len(tokens); i++ {
		next := ""
		if i+1 < len(tokens) {
			next = tokens[i+1]
		}
		used, ok := w.read(tokens[i], next)
		if !ok {
			return at, false
		}
		i += used - 1
	}
	if at, ok = w.at(now); ok && !w.hasHour && !w.hasLasts {
		if begins, works := opens(at); works && begins.After(now) {
			at = begins
		}
	}
	return at, ok
}

// when is what was read so far.
type when struct {
	lasts     time.Duration
	days      int // from today on
	weekday   time.Weekday
	hour, min int

	hasLasts, hasDay, hasWeekday, hasHour bool
	sure                                  bool // the hour is one, and no number of something
}

// timeTokens splits s into words and numbers, which may have a colon, spelled as the tables above.
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
	case isDay && !w.hasDay && !w.hasWeekday:
		w.days, w.hasDay = days, true
	case isWeekday && !w.hasDay && !w.hasWeekday:
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

// at returns when that is.
func (w when) at(now time.Time) (at time.Time, ok bool) {
	switch {
	case w.hasLasts:
		return now.Add(w.lasts), w.lasts > 0 && !w.hasDay && !w.hasWeekday && !w.hasHour
	case !w.hasHour && (w.sure || !w.hasDay && !w.hasWeekday):
		return at, false
	case !w.hasHour:
		w.hour = Morning
	case !w.sure && !w.hasDay && !w.hasWeekday: // a bare number
		return at, false
	}
	days := w.days
	if w.hasWeekday {
		days = (int(w.weekday-now.Weekday()) + 7) % 7
	}
	on := func(days int) time.Time {
		return time.Date(now.Year(), now.Month(), now.Day()+days, w.hour, w.min, 0, 0, now.Location())
	}
	at = on(days)
	switch {
	case at.After(now):
	case w.hasWeekday:
		at = on(days + 7)
	case !w.hasDay:
		at = on(1)
	}
	return at, at.After(now)
}
