package main

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"peyk/bot/lint"
	"peyk/bot/text"
	"peyk/internal/hours"
	"peyk/panels"
	"peyk/sms"
)

// What reads a setting of each kind returns an error in the language t, which goes on where the setting's name ends: what is wrong, and how to
// fix it. It holds no value that may be a secret.

// says returns a sentence as an error.
func says(t *text.Language, sentence string, args ...any) error {
	return errors.New(t.Say(sentence, args...))
}

// quoted returns what somebody wrote in quotes, on one line.
func quoted(value string) string { return strconv.Quote(value) }

func readAny(t *text.Language, value string) (string, error) {
	if strings.ContainsFunc(value, unicode.IsControl) {
		return "", errors.New(t.NotOneLine)
	}
	return value, nil
}

var tokenForm = regexp.MustCompile(`^[0-9]+:[A-Za-z0-9_-]+$`)

func readToken(t *text.Language, value string) (string, error) {
	value = strings.TrimSpace(value)
	if !tokenForm.MatchString(value) {
		return "", errors.New(t.NotAToken)
	}
	return value, nil
}

func readPanel(t *text.Language, value string) (string, error) {
	kind, known := panels.Named(strings.ToLower(strings.TrimSpace(value)))
	if !known {
		return "", says(t, t.NotAPanel, quoted(value), strings.Join(panels.Names(), ", "))
	}
	return kind.Name, nil
}

// readKey keeps the key out of its error.
func readKey(t *text.Language, value string) (string, error) {
	value, err := readAny(t, strings.TrimSpace(value))
	if strings.ContainsFunc(value, unicode.IsSpace) {
		return "", errors.New(t.NotAKey)
	}
	return value, err
}

// readURL keeps the address out of its error: it may hold a password.
func readURL(t *text.Language, value string) (string, error) {
	value = strings.TrimSpace(value)
	u, err := url.Parse(value)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || strings.ContainsFunc(value, unicode.IsSpace) {
		return "", errors.New(t.NotAnAddress)
	}
	return value, nil
}

// readProxy keeps the address out of its error: it may hold a password.
func readProxy(t *text.Language, value string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimSpace(value))
	if err != nil || !slices.Contains([]string{"http", "https", "socks5"}, u.Scheme) || u.Hostname() == "" || strings.Trim(u.Path, "/") != "" {
		return nil, errors.New(t.NotAProxy)
	}
	return u, nil
}

// list splits a list at commas, of any script, semicolons and line breaks.
func list(value string) []string {
	var items []string
	for item := range strings.FieldsFuncSeq(value, func(r rune) bool { return strings.ContainsRune(",،;؛\n", r) }) {
		if item = strings.TrimFunc(item, unseen); item != "" {
			items = append(items, item)
		}
	}
	return items
}

// unseen reports whether r is a space, or a mark such as those copied along with a number from Persian text.
func unseen(r rune) bool { return unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) }

// several reports whether a comma may be missing where a line has a space or a dash: when what comes before is too long for a country or area
// code, and another number follows.
func several(line string) bool {
	parts := strings.FieldsFunc(sms.Digits(line), func(r rune) bool { return r < '0' || r > '9' })
	first := slices.IndexFunc(parts, func(part string) bool { return len(part) > 4 || len(part) == 4 && part[0] != '0' })
	return first >= 0 && slices.ContainsFunc(parts[first+1:], func(part string) bool { return len(part) >= 3 })
}

func (p *panelSettings) readLines(t *text.Language, value string) error {
	p.Lines, p.Written = nil, map[sms.Number]string{}
	for _, item := range list(value) {
		line := sms.NormalizeLine(item)
		if line == "" {
			return says(t, t.NotALine, quoted(item))
		}
		if several(item) {
			return says(t, t.LineOrSeveral, quoted(item))
		}
		if slices.Contains(p.Lines, line) {
			return says(t, t.LineTwice, string(line))
		}
		p.Lines = append(p.Lines, line)
		p.Written[line] = sms.Clean(item)
	}
	if len(p.Lines) == 0 {
		return errors.New(t.NoLine)
	}
	return nil
}

// shared are accounts that many people write as: anonymous administrators, channels in groups, posts of linked channels.
var shared = []int64{1087968824, 136817688, 777000}

func readIDs[T ~int64](t *text.Language, value string) ([]T, error) {
	var ids []T
	for _, item := range list(value) {
		id, err := strconv.ParseInt(item, 10, 64)
		if err != nil || id == 0 {
			return nil, says(t, t.NotAnID, quoted(item))
		}
		if slices.Contains(shared, id) {
			return nil, says(t, t.SharedID, fmt.Sprint(id))
		}
		if !slices.Contains(ids, T(id)) {
			ids = append(ids, T(id))
		}
	}
	return ids, nil
}

func readUsers(t *text.Language, value string) ([]sms.AgentID, error) {
	ids, err := readIDs[sms.AgentID](t, value)
	for _, id := range ids {
		if id < 0 {
			return nil, says(t, t.GroupID, fmt.Sprint(int64(id)))
		}
	}
	return ids, err
}

func readPause(t *text.Language, value string) (time.Duration, error) {
	value = strings.TrimSpace(value)
	d, err := time.ParseDuration(value)
	if _, number := strconv.ParseFloat(value, 64); number == nil && err != nil {
		return 0, says(t, t.NoUnit, quoted(value), value+"s")
	}
	switch {
	case err != nil:
		return 0, says(t, t.NotATime, quoted(value))
	case d < 100*time.Millisecond:
		return 0, says(t, t.TimeTooShort, value)
	case d > time.Hour:
		return 0, says(t, t.TimeTooLong, value)
	}
	return d, nil
}

// readReminder reads how long a customer may wait.
func readReminder(t *text.Language, value string) (time.Duration, error) {
	d, err := time.ParseDuration(strings.TrimSpace(value))
	if err != nil || d != 0 && d < 10*time.Second || d > 30*24*time.Hour {
		return 0, says(t, t.NotAReminder, quoted(value))
	}
	return d, nil
}

func readCap(t *text.Language, value string) (int, error) {
	n, err := strconv.Atoi(strings.TrimSpace(value))
	if err != nil || n < 0 || n > 1e9 {
		return 0, says(t, t.NotParts, quoted(value))
	}
	return n, nil
}

// readPerHour reads how many away texts may go out in an hour.
func readPerHour(t *text.Language, value string) (int, error) {
	n, err := strconv.Atoi(strings.TrimSpace(sms.Digits(value)))
	if err != nil || n < 1 || n > 1000 {
		return 0, says(t, t.NotPerHour, quoted(value))
	}
	return n, nil
}

func readCredit(t *text.Language, value string) (float64, error) {
	n, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
	if err != nil || !(n >= 0 && n < 1e15) {
		return 0, says(t, t.NotAnAmount, quoted(value))
	}
	return n, nil
}

var prefixForm = regexp.MustCompile(`^\+[1-9][0-9]{0,14}$`)

// readPrefixes returns the prefixes with their country codes.
func readPrefixes(t *text.Language, value string) ([]string, error) {
	var prefixes []string
	for _, item := range list(value) {
		given := sms.Clean(item)
		// After a space or a dash a prefix goes on with a digit other than 0; if not, a comma is missing.
		for _, part := range strings.FieldsFunc(sms.Digits(item), func(r rune) bool { return r != '+' && (r < '0' || r > '9') })[min(1, len(given)):] {
			if strings.HasPrefix(part, "0") || strings.HasPrefix(part, "+") {
				return nil, says(t, t.SeveralPrefixes, quoted(item))
			}
		}
		prefix := string(sms.Number(given).International())
		if !strings.HasPrefix(given, "+") && !strings.HasPrefix(given, "0") || !prefixForm.MatchString(prefix) || strings.HasPrefix(prefix, "+980") || strings.HasPrefix(prefix, "+9898") {
			return nil, says(t, t.NotAPrefix, quoted(item))
		}
		prefixes = append(prefixes, prefix)
	}
	return prefixes, nil
}

var partSizesForm = regexp.MustCompile(`^([0-9]{1,4})/([0-9]{1,4}),([0-9]{1,4})/([0-9]{1,4})$`)

func readPartSizes(t *text.Language, value string) (sms.PartSizes, error) {
	var n [4]int
	given := partSizesForm.FindStringSubmatch(strings.ReplaceAll(value, " ", ""))
	if given == nil {
		return sms.PartSizes{}, says(t, t.NotPartSizes, quoted(value))
	}
	for i := range n {
		n[i], _ = strconv.Atoi(given[i+1])
	}
	sizes := sms.PartSizes{GSM: sms.PartSize{Alone: n[0], Joined: n[1]}, Unicode: sms.PartSize{Alone: n[2], Joined: n[3]}}
	for _, s := range []sms.PartSize{sizes.GSM, sizes.Unicode} {
		if s.Joined < 10 || s.Joined > s.Alone {
			return sms.PartSizes{}, says(t, t.UnevenPartSizes, fmt.Sprintf("%d/%d", s.Alone, s.Joined))
		}
	}
	return sizes, nil
}

// readLanguage also understands what desktops set LANGUAGE to, such as "fa_IR:en": languages in order of preference.
func readLanguage(t *text.Language, value string) (string, error) {
	for item := range strings.SplitSeq(strings.ToLower(strings.TrimSpace(value)), ":") {
		if language, _, _ := strings.Cut(item, "_"); text.Languages[language] != nil {
			return language, nil
		}
	}
	return "", says(t, t.NotALanguage, quoted(value), t.List(slices.Sorted(maps.Keys(text.Languages))))
}

func readDays(t *text.Language, value string) (time.Duration, error) {
	days, err := strconv.Atoi(strings.TrimSpace(value))
	if err != nil || days < 1 || days > 36500 {
		return 0, says(t, t.NotDays, quoted(value))
	}
	return time.Duration(days) * 24 * time.Hour, nil
}

func readZone(t *text.Language, value string) (*time.Location, error) {
	zone, err := time.LoadLocation(strings.TrimSpace(value))
	if err != nil {
		return nil, says(t, t.NotAZone, quoted(value))
	}
	return zone, nil
}

func readHours(t *text.Language, value string) (hours.Week, error) {
	week, err := hours.Parse(sms.Digits(value))
	if wrong, ok := errors.AsType[*hours.Mistake](err); ok {
		return week, says(t, t.NotHours, quoted(wrong.At))
	}
	return week, err
}

func readQuiet(t *text.Language, value string) (hours.Quiet, error) {
	quiet, err := hours.ParseQuiet(sms.Digits(value))
	if err != nil {
		return quiet, says(t, t.NotQuiet, quoted(value))
	}
	return quiet, nil
}

// readLint reads the file of that name.
func readLint(t *text.Language, path string) (lint.List, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, says(t, t.NoLint, err)
	}
	defer file.Close()
	list, err := lint.Read(file)
	if err != nil {
		return nil, says(t, t.NotLint, err)
	}
	return list, nil
}

// readWords reads words that a customer may write, and folds them.
func readWords(t *text.Language, value string) ([]string, error) {
	var words []string
	for word := range strings.FieldsFuncSeq(sms.Fold(value), func(r rune) bool { return r == ',' || r == '،' }) {
		if word = strings.Join(strings.Fields(word), " "); word != "" {
			words = append(words, word)
		}
	}
	if len(words) == 0 {
		return nil, says(t, t.NotWords, quoted(value))
	}
	return words, nil
}

func readLevel(t *text.Language, value string) (slog.Level, error) {
	switch value {
	case "debug", "info", "warn", "error":
		var level slog.Level
		return level, level.UnmarshalText([]byte(value))
	}
	return 0, says(t, t.NotALevel, quoted(value))
}

func readFormat(t *text.Language, value string) (json bool, err error) {
	switch value {
	case "text", "json":
		return value == "json", nil
	}
	return false, says(t, t.NotAFormat, quoted(value))
}

// readAddress reads where to listen: HOST:PORT, or a port alone, which means loopback.
func readAddress(t *text.Language, value string) (string, error) {
	address := strings.TrimSpace(value)
	if !strings.Contains(address, ":") {
		address = ":" + address
	}
	host, port, err := net.SplitHostPort(address)
	if n, wrong := strconv.Atoi(port); err != nil || wrong != nil || n < 1 || n > 65535 || strings.ContainsAny(host, " /@") {
		return "", says(t, t.NotToListenAt, quoted(value))
	}
	if host == "" {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port), nil
}
