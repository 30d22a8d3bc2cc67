package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/joho/godotenv"

	"peyk/bot"
	"peyk/bot/text"
	"peyk/internal/connect"
	"peyk/relay"
	"peyk/sms"
	"peyk/store"
	"peyk/telegram"
)

// settings are all settings of the program. readSettings makes them.
type settings struct {
	telegram telegram.Options
	panel    panelSettings
	relay    relay.Options
	bot      bot.Options
	store    store.Options
	dbPath   string
	httpAddr string // empty: off
	logLevel slog.Level
	logJSON  bool
}

// setting is one row of the table of settings; .env.example explains each to the user.
type setting struct {
	name    string
	value   string // the default
	missing string // how to get one, if it is required and has no default
	read    func(string) error
}

// table lists every setting, in the order of .env.example. What its rows read goes into s.
func (s *settings) table() []setting {
	return []setting{
		{"TELEGRAM_BOT_TOKEN", "", "send /newbot to @BotFather on Telegram and put in the token he gives", into(&s.telegram.Token, readToken)},
		{"TELEGRAM_API_URL", "https://api.telegram.org", "", into(&s.telegram.URL, readURL)},
		{"TELEGRAM_PROXY", "", "", into(&s.telegram.Proxy, readProxy)},
		{"SMS_API_URL", "", "put in the address of the panel's web service, with or without ?wsdl", into(&s.panel.URL, readURL)},
		{"SMS_API_USER", "", "put in the user name of the panel's web service", into(&s.panel.User, readAny)},
		{"SMS_API_PASSWORD", "", "put in the password of the panel's web service", into(&s.panel.Password, readAny)},
		{"SMS_API_PROXY", "", "", into(&s.panel.Proxy, readProxy)},
		{"SMS_LINES", "", "put in your numbers at the panel, separated by commas, the one to send from first", s.panel.readLines},
		{"ALLOWED_USERS", "", "", into(&s.bot.Users, readUsers)},
		{"ADMIN_USERS", "", "", into(&s.bot.Admins, readUsers)},
		{"INBOX_CHATS", "", "", into(&s.store.Inbox, readIDs[sms.ChatID])},
		{"DAILY_PARTS", "0", "", into(&s.store.DailyParts, readCap)},
		{"ALLOWED_PREFIXES", "", "", into(&s.bot.Prefixes, readPrefixes)},
		{"PART_SIZES", "160/153,70/67", "", into(&s.bot.PartSizes, readPartSizes)},
		{"LOW_CREDIT", "0", "", into(&s.relay.LowCredit, readCredit)},
		{"POLL_INTERVAL", "5s", "", into(&s.relay.PollInterval, readPause)},
		{"STATUS_INTERVAL", "15s", "", into(&s.store.StatusInterval, readPause)},
		{"LANGUAGE", "en", "", into(&s.bot.Language, readLanguage)},
		{"TIMEZONE", "Asia/Tehran", "", into(&s.bot.Location, readZone)},
		{"DB_PATH", "data/peyk.db", "", into(&s.dbPath, readAny)},
		{"KEEP_DAYS", "90", "", into(&s.store.Keep, readDays)},
		{"HTTP_ADDR", "", "", into(&s.httpAddr, readAddress)},
		{"LOG_LEVEL", "info", "", into(&s.logLevel, readLevel)},
		{"LOG_FORMAT", "text", "", into(&s.logJSON, readFormat)},
	}
}

func into[T any](to *T, read func(string) (T, error)) func(string) error {
	return func(value string) (err error) {
		*to, err = read(value)
		return err
	}
}

// readSettings reads the settings whose names begin with prefix from environ and from .env in the working directory; environ
// wins, and NAME_FILE names a file that holds NAME. The error lists every mistake, one a line, each with the setting's name and
// how to fix it. It holds no value of a secret. Warnings are for the log.
func readSettings(environ []string, prefix string) (s settings, warnings []string, err error) {
	var mistakes []error
	outside := asMap(environ)
	file, err := readDotEnv()
	if err != nil {
		mistakes = append(mistakes, err)
	}
	for _, row := range s.table() {
		if !strings.HasPrefix(row.name, prefix) {
			continue
		}
		value, path, err := lookUp(row.name, outside, file)
		if slices.Contains(secret, row.name) && othersRead(path, outside["CREDENTIALS_DIRECTORY"]) {
			warnings = append(warnings, fmt.Sprintf("%s can be read by others, and %s is in it: run chmod 600 %[1]s", path, row.name))
		}
		switch {
		case err == nil && value == "" && row.missing != "":
			if file == nil {
				continue // it may be in the file that cannot be read
			}
			err = fmt.Errorf("%s is missing: %s", row.name, row.missing)
		case err == nil && cmp.Or(value, row.value) != "":
			if err = row.read(cmp.Or(value, row.value)); err != nil {
				err = fmt.Errorf("%s %w", row.name, err)
			}
		}
		if err != nil {
			mistakes = append(mistakes, err)
		}
	}
	if info, err := os.Stat(".env"); err == nil && info.Mode().Perm()&0o077 != 0 && file["TELEGRAM_BOT_TOKEN"]+file["SMS_API_PASSWORD"] != "" {
		warnings = append(warnings, ".env can be read by others, and a secret is in it: run chmod 600 .env")
	}
	for _, name := range slices.Sorted(maps.Keys(file)) {
		if name := strings.TrimSuffix(name, "_FILE"); !slices.ContainsFunc(s.table(), func(row setting) bool { return row.name == name }) {
			warnings = append(warnings, name+" in .env is not a setting: check its spelling")
		}
	}
	s.store.RecentPosts = bot.GroupPerMinute
	s.relay.Lines, s.bot.Lines, s.store.Admins, s.store.Location = s.panel.Lines, s.panel.Lines, s.bot.Admins, s.bot.Location
	return s, warnings, errors.Join(mistakes...)
}

// secret are the settings that hold a password, or may hold one in an address.
var secret = []string{"TELEGRAM_BOT_TOKEN", "TELEGRAM_API_URL", "TELEGRAM_PROXY", "SMS_API_URL", "SMS_API_PASSWORD", "SMS_API_PROXY"}

// othersRead reports whether the file's mode lets other users read it. In systemd's directory of credentials, which only the service can read, the
// mode means something else: an access list.
func othersRead(path, credentials string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().Perm()&0o077 != 0 && (credentials == "" || filepath.Dir(path) != filepath.Clean(credentials))
}

// asMap returns an environment as a map.
func asMap(environ []string) map[string]string {
	values := map[string]string{}
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		values[name] = value
	}
	return values
}

// mark is the byte order mark that some editors put at the beginning of a file.
const mark = "\ufeff"

// lookUp returns the value of a setting from the first place that has it, or "". path is the file that NAME_FILE named, if it came from there.
func lookUp(name string, places ...map[string]string) (value, path string, err error) {
	for _, place := range places {
		value, given := place[name]
		path, inFile := place[name+"_FILE"]
		for name, value := range map[string]string{name: value, name + "_FILE": path} {
			if err := plain(value); err != nil {
				return "", "", fmt.Errorf("%s %w", name, err)
			}
		}
		switch {
		case value != "" && path != "":
			return "", "", fmt.Errorf("%s and %s_FILE are both set: leave one of them out", name, name)
		case path != "":
			held, err := os.ReadFile(path)
			if err != nil {
				return "", "", fmt.Errorf("%s_FILE cannot be read: %w", name, err)
			}
			value = strings.TrimRight(strings.TrimPrefix(string(held), mark), "\r\n")
			if value == "" {
				return "", "", fmt.Errorf("%s_FILE names an empty file: %s", name, path)
			}
			if !utf8.ValidString(value) {
				return "", "", fmt.Errorf("%s_FILE names a file that is not UTF-8: save it as UTF-8: %s", name, path)
			}
			return value, path, nil
		case given || inFile:
			return strings.TrimRight(value, "\r\n"), "", nil
		}
	}
	return "", "", nil
}

// plain returns an error if a value holds what is surely not part of it: quotation marks around it, or bytes that are not UTF-8.
func plain(value string) error {
	const quotes = "'\"`‘’‚‛“”„‟«»‹›′″＇＂"
	switch bare := strings.TrimSpace(value); {
	case !utf8.ValidString(value):
		return errors.New("is not UTF-8: write it in UTF-8")
	case strings.Trim(bare, quotes) != bare:
		return errors.New("begins or ends with a quotation mark, which something in between, such as docker's --env-file, made part of the value: " +
			"leave the quotes out there. If they do belong to it, put the value into a file, and that file's path into the same name with _FILE")
	}
	return nil
}

// readDotEnv returns what .env holds: an empty map if there is no such file, nil with an error.
func readDotEnv() (map[string]string, error) {
	text, err := os.ReadFile(".env")
	if errors.Is(err, fs.ErrNotExist) {
		return map[string]string{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf(".env cannot be read: %w", err)
	}
	if bytes.HasPrefix(text, []byte("\xff\xfe")) || bytes.HasPrefix(text, []byte("\xfe\xff")) || bytes.IndexByte(text, 0) >= 0 {
		return nil, errors.New(".env cannot be read: it is in UTF-16; save it in UTF-8")
	}
	values, err := parseDotEnv(text)
	if err == nil {
		return values, nil
	}
	read := 0
	for _, statement := range statements(text) {
		if _, err := parseDotEnv(statement); err == nil {
			read += bytes.Count(statement, []byte("\n"))
		}
	}
	// The library's error quotes the text, secrets and all, and names no line.
	return nil, fmt.Errorf(".env line %d cannot be read: write NAME='value', with both quotes", read+1)
}

func parseDotEnv(text []byte) (map[string]string, error) {
	// The library ignores a last line without a line break.
	return godotenv.UnmarshalBytes(slices.Concat(bytes.TrimPrefix(text, []byte(mark)), []byte("\n")))
}

// statements splits the text of a .env file into settings, which may span several lines if quoted, and the comments and empty lines between
// them. From the first that cannot be read on, the rest is one statement.
func statements(text []byte) [][]byte {
	var all [][]byte
	begin, end := 0, 0
	for line := range bytes.Lines(text) {
		end += len(line)
		if _, err := parseDotEnv(text[begin:end]); err == nil {
			all = append(all, text[begin:end])
			begin = end
		}
	}
	if begin < end {
		all = append(all, text[begin:])
	}
	return all
}

// quote returns a value in the quotes with which .env gives it back exactly.
func quote(value string) (string, error) {
	escaped := strings.NewReplacer(`\`, `\\`, `"`, `\"`, `$`, `\$`).Replace(value)
	for _, quoted := range []string{"'" + value + "'", `"` + escaped + `"`, value} {
		if read, err := parseDotEnv([]byte("X=" + quoted)); err == nil && len(read) == 1 && read["X"] == value {
			return quoted, nil
		}
	}
	return "", errors.New("contains quotes that .env cannot hold")
}

func readAny(value string) (string, error) {
	if strings.ContainsFunc(value, unicode.IsControl) {
		return "", errors.New("contains a line break, a tab or the like: write it on one line")
	}
	return value, nil
}

var tokenForm = regexp.MustCompile(`^[0-9]+:[A-Za-z0-9_-]+$`)

func readToken(value string) (string, error) {
	value = strings.TrimSpace(value)
	if !tokenForm.MatchString(value) {
		return "", errors.New("is not a bot token: one looks like 123456789:AAHd…, digits, a colon, letters; copy it again from @BotFather")
	}
	return value, nil
}

// readURL keeps the address out of its error: it may hold a password.
func readURL(value string) (string, error) {
	value = strings.TrimSpace(value)
	u, err := url.Parse(value)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || strings.ContainsFunc(value, unicode.IsSpace) {
		return "", errors.New("is not an address: write all of it, beginning with http:// or https://, without spaces")
	}
	return value, nil
}

// readProxy keeps the address out of its error: it may hold a password.
func readProxy(value string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimSpace(value))
	if err != nil || !slices.Contains([]string{"http", "https", "socks5"}, u.Scheme) || u.Hostname() == "" || strings.Trim(u.Path, "/") != "" {
		return nil, errors.New("is not a proxy's address: write socks5://HOST:PORT, http://HOST:PORT or https://HOST:PORT, " +
			"with USER:PASSWORD@ before the host if the proxy asks for them; write @ and / in them as %40 and %2F")
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

func (p *panelSettings) readLines(value string) error {
	p.Lines, p.Written = nil, map[sms.Number]string{}
	for _, item := range list(value) {
		line := sms.NormalizeLine(item)
		if line == "" {
			return fmt.Errorf("holds %q, which is not a number: write the lines as the panel names them, separated by commas", item)
		}
		if several(item) {
			return fmt.Errorf("holds %q, which may be one line or several: write each without spaces or dashes, and commas between them", item)
		}
		if slices.Contains(p.Lines, line) {
			return fmt.Errorf("names the line %s twice: leave one out", string(line))
		}
		p.Lines = append(p.Lines, line)
		p.Written[line] = sms.Clean(item)
	}
	if len(p.Lines) == 0 {
		return errors.New("names no line: write your numbers at the panel, separated by commas")
	}
	return nil
}

// shared are accounts that many people write as: anonymous administrators, channels in groups, posts of linked channels.
var shared = []int64{1087968824, 136817688, 777000}

func readIDs[T ~int64](value string) ([]T, error) {
	var ids []T
	for _, item := range list(value) {
		id, err := strconv.ParseInt(item, 10, 64)
		if err != nil || id == 0 {
			return nil, fmt.Errorf("holds %q, which is not a Telegram id: ids are numbers, with commas between them; send the bot /id to see them", item)
		}
		if slices.Contains(shared, id) {
			return nil, fmt.Errorf("holds %d, an account that Telegram lets anybody use: remove it", id)
		}
		if !slices.Contains(ids, T(id)) {
			ids = append(ids, T(id))
		}
	}
	return ids, nil
}

func readUsers(value string) ([]sms.AgentID, error) {
	ids, err := readIDs[sms.AgentID](value)
	for _, id := range ids {
		if id < 0 {
			return nil, fmt.Errorf("holds %d, which is a group's id: a user's id is above 0; the user sees it by sending the bot /id in private", id)
		}
	}
	return ids, err
}

func readPause(value string) (time.Duration, error) {
	value = strings.TrimSpace(value)
	d, err := time.ParseDuration(value)
	if _, number := strconv.ParseFloat(value, 64); number == nil && err != nil {
		return 0, fmt.Errorf("is %q, which has no unit: write %ss for seconds", value, value)
	}
	switch {
	case err != nil:
		return 0, fmt.Errorf("is %q, which is not a length of time: write one such as 500ms, 5s or 1m", value)
	case d < 100*time.Millisecond:
		return 0, fmt.Errorf("is %s, which is too short: write 100ms or more", value)
	case d > time.Hour:
		return 0, fmt.Errorf("is %s, which is too long: write 1h or less", value)
	}
	return d, nil
}

func readCap(value string) (int, error) {
	n, err := strconv.Atoi(strings.TrimSpace(value))
	if err != nil || n < 0 || n > 1e9 {
		return 0, fmt.Errorf("is %q, which is not a number of parts: write a whole number, or 0 for no limit", value)
	}
	return n, nil
}

func readCredit(value string) (float64, error) {
	n, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
	if err != nil || !(n >= 0 && n < 1e15) {
		return 0, fmt.Errorf("is %q, which is not an amount: write a number in the unit of the panel's credit, or 0 for no warning", value)
	}
	return n, nil
}

var prefixForm = regexp.MustCompile(`^\+[1-9][0-9]{0,14}$`)

// readPrefixes returns the prefixes with their country codes.
func readPrefixes(value string) ([]string, error) {
	var prefixes []string
	for _, item := range list(value) {
		given := sms.Clean(item)
		// After a space or a dash a prefix goes on with a digit other than 0; if not, a comma is missing.
		for _, part := range strings.FieldsFunc(sms.Digits(item), func(r rune) bool { return r != '+' && (r < '0' || r > '9') })[min(1, len(given)):] {
			if strings.HasPrefix(part, "0") || strings.HasPrefix(part, "+") {
				return nil, fmt.Errorf("holds %q, which may be one prefix or several: write commas between them", item)
			}
		}
		prefix := string(sms.Number(given).International())
		if !strings.HasPrefix(given, "+") && !strings.HasPrefix(given, "0") || !prefixForm.MatchString(prefix) || strings.HasPrefix(prefix, "+980") || strings.HasPrefix(prefix, "+9898") {
			return nil, fmt.Errorf("holds %q, but no number begins with it: write +98 for a whole country, 0912 or +98912 for a part of it", item)
		}
		prefixes = append(prefixes, prefix)
	}
	return prefixes, nil
}

var partSizesForm = regexp.MustCompile(`^([0-9]{1,4})/([0-9]{1,4}),([0-9]{1,4})/([0-9]{1,4})$`)

func readPartSizes(value string) (sms.PartSizes, error) {
	var n [4]int
	given := partSizesForm.FindStringSubmatch(strings.ReplaceAll(value, " ", ""))
	if given == nil {
		return sms.PartSizes{}, fmt.Errorf("is %q: write 160/153,70/67, the characters in an SMS of one part and in each of several parts, of Latin text, then of all other", value)
	}
	for i := range n {
		n[i], _ = strconv.Atoi(given[i+1])
	}
	sizes := sms.PartSizes{GSM: sms.PartSize{Alone: n[0], Joined: n[1]}, Unicode: sms.PartSize{Alone: n[2], Joined: n[3]}}
	for _, s := range []sms.PartSize{sizes.GSM, sizes.Unicode} {
		if s.Joined < 10 || s.Joined > s.Alone {
			return sms.PartSizes{}, fmt.Errorf("holds %d/%d: each of several parts holds at least 10 characters and no more than a single part", s.Alone, s.Joined)
		}
	}
	return sizes, nil
}

// readLanguage also understands what desktops set LANGUAGE to, such as "fa_IR:en": languages in order of preference.
func readLanguage(value string) (string, error) {
	for item := range strings.SplitSeq(strings.ToLower(strings.TrimSpace(value)), ":") {
		if language, _, _ := strings.Cut(item, "_"); text.Languages[language] != nil {
			return language, nil
		}
	}
	known := strings.Join(slices.Sorted(maps.Keys(text.Languages)), " or ")
	return "", fmt.Errorf("is %q, which the bot does not speak: write %s, or leave it out", value, known)
}

func readDays(value string) (time.Duration, error) {
	days, err := strconv.Atoi(strings.TrimSpace(value))
	if err != nil || days < 1 || days > 36500 {
		return 0, fmt.Errorf("is %q, which is not a number of days: write a whole number from 1 to 36500", value)
	}
	return time.Duration(days) * 24 * time.Hour, nil
}

func readZone(value string) (*time.Location, error) {
	zone, err := time.LoadLocation(strings.TrimSpace(value))
	if err != nil {
		return nil, fmt.Errorf("is %q, which is not a time zone: write one such as Asia/Tehran, Europe/Berlin or UTC", value)
	}
	return zone, nil
}

func readLevel(value string) (slog.Level, error) {
	switch value {
	case "debug", "info", "warn", "error":
		var level slog.Level
		return level, level.UnmarshalText([]byte(value))
	}
	return 0, fmt.Errorf("is %q: write debug, info, warn or error", value)
}

func readFormat(value string) (json bool, err error) {
	switch value {
	case "text", "json":
		return value == "json", nil
	}
	return false, fmt.Errorf("is %q: write text or json", value)
}

// inClear returns warnings of secrets that cross the network unencrypted.
func (s *settings) inClear() (warnings []string) {
	if connect.InClear(s.panel.URL) {
		warnings = append(warnings, "SMS_API_URL is http: the panel's user name and password cross the network in clear text; use https if the panel has it")
	}
	if connect.InClear(s.telegram.URL) {
		warnings = append(warnings, "TELEGRAM_API_URL is http: the bot's token crosses the network in clear text")
	}
	return warnings
}
