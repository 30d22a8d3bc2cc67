package soap

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"

	ptime "github.com/yaa110/go-persian-calendar"

	"peyk/sms"
)

// iran is the time zone of dates that name none. Iran has had no summer time since 2022.
var iran = time.FixedZone("", 3*3600+1800)

var (
	// decimal is a number as software writes it, perhaps after it went through floating point.
	decimal = regexp.MustCompile(`^([0-9]+)(?:[.,]([0-9]*))?(?:[eE]\+?([0-9]{1,2}))?$`)
	// dated is a date with a time of day, whose seconds may be missing, and compact the same in digits alone.
	dated   = regexp.MustCompile(`^([0-9]{4})[-/.]([0-9]{1,2})[-/.]([0-9]{1,2})[-T ,]+([0-9]{1,2}):([0-9]{1,2})(?::([0-9]{1,2})(?:[.,][0-9]+)?)? ?(Z|[-+][0-9]{2}:?[0-9]{2})?$`)
	compact = regexp.MustCompile(`^([0-9]{4})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})()$`)
	// dayLast is a date after its time of day.
	dayLast = regexp.MustCompile(`^([0-9:]+)[- ,]+([0-9]{4}[-/.][0-9]{1,2}[-/.][0-9]{1,2})$`)
)

// readTime reads when the panel got an SMS: seconds since 1970, or thousandths, millionths or billionths of them, or a date in the Persian
// or the Gregorian calendar. When the text is not a time, or not one to the second, clock is the text: it still tells SMS apart. A text that
// says nothing, such as 0, gives neither.
func readTime(text string) (at time.Time, clock string) {
	if n, err := strconv.ParseUint(text, 10, 32); err == nil && n > 0 { // as nearly all of them are
		return time.Unix(int64(n), 0), ""
	}
	text = strings.TrimSpace(strings.Map(func(r rune) rune {
		switch {
		case unicode.Is(unicode.Cf, r):
			return -1
		case r == '٫':
			return '.'
		}
		return r
	}, sms.Digits(text)))
	if !strings.ContainsAny(text, "123456789") || strings.HasPrefix(text, "-") {
		return time.Time{}, ""
	}
	at, exact := readNumber(text)
	if at.IsZero() {
		at, exact = readDate(text)
	}
	if exact {
		return at, ""
	}
	return at, text
}

// readNumber reads a time that is a number. Its size shows its unit, as all times are recent. It is exact if none of its digits were rounded
// away.
func readNumber(text string) (at time.Time, exact bool) {
	part := decimal.FindStringSubmatch(text)
	if part == nil {
		return time.Time{}, false
	}
	whole, fraction := part[1], part[2]
	exact = true
	if part[3] != "" {
		shift, _ := strconv.Atoi(part[3]) // two digits
		exact = shift <= len(fraction)
		fraction += strings.Repeat("0", max(0, shift-len(fraction)))
		whole, fraction = whole+fraction[:shift], fraction[shift:]
	}
	n, err := strconv.ParseInt(whole, 10, 64)
	if err != nil {
		return time.Time{}, false
	}
	const seconds = math.MaxUint32 // they end in 2106
	switch {
	case n <= 0:
		return time.Time{}, false
	case n <= seconds:
		at = time.Unix(n, 0)
		if nanos, err := strconv.Atoi((fraction + "000000000")[:9]); err == nil {
			at = at.Add(time.Duration(nanos))
		}
	case n >= 1e12 && n <= seconds*1e3:
		at = time.UnixMilli(n)
	case n >= 1e15 && n <= seconds*1e6:
		at = time.UnixMicro(n)
	case n >= 1e18:
		at = time.Unix(0, n)
	}
	return at, exact && !at.IsZero()
}

// readDate reads a time that is a date. It is exact if it has seconds.
func readDate(text string) (at time.Time, exact bool) {
	if part := dayLast.FindStringSubmatch(text); part != nil {
		text = part[2] + " " + part[1]
	}
	part := dated.FindStringSubmatch(text)
	if part == nil {
		part = compact.FindStringSubmatch(text)
	}
	if part == nil {
		return time.Time{}, false
	}
	var n [7]int
	for i := 1; i < len(n); i++ {
		n[i], _ = strconv.Atoi(part[i]) // four digits at most, or none
	}
	zone := iran
	if z := strings.ReplaceAll(part[7], ":", ""); z == "Z" {
		zone = time.UTC
	} else if z != "" {
		given, err := time.Parse("-0700", z)
		if err != nil {
			return time.Time{}, false
		}
		_, offset := given.Zone()
		zone = time.FixedZone("", offset)
	}
	year, month, day := n[1], n[2], n[3]
	switch {
	case n[4] > 23 || n[5] > 59 || n[6] > 59 || month < 1 || month > 12:
		return time.Time{}, false
	case year >= 1300 && year < 1500:
		date := ptime.Date(year, ptime.Month(month), day, n[4], n[5], n[6], 0, zone)
		if date.Year() != year || int(date.Month()) != month || date.Day() != day {
			return time.Time{}, false
		}
		at = date.Time()
	case year >= 2000 && year < 2100:
		at = time.Date(year, time.Month(month), day, n[4], n[5], n[6], 0, zone)
		if at.Day() != day {
			return time.Time{}, false
		}
	}
	return at, part[6] != "" && !at.IsZero()
}
