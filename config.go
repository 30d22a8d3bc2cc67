package main

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/joho/godotenv"

	"peyk/bot"
	"peyk/bot/lint"
	"peyk/bot/text"
	"peyk/internal/connect"
	"peyk/panels"
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
	cluster  clusterSettings
	dbPath   string
	httpAddr string       // empty: off
	dial     connect.Dial // how panel and Telegram are reached; nil: by net.Dialer
	logLevel slog.Level
	logJSON  bool
}

// setting is one row of the table of settings; .env.example explains each to the user.
type setting struct {
	name  string
	value string // the default
	get   string // how to get one, if it is required and has no default
	read  func(*text.Language, string) error
}

// table lists every setting, in the order of .env.example. What its rows read goes into s, and what they say is in the language t.
func (s *settings) table(t *text.Language) []setting {
	return []setting{
		{"TELEGRAM_BOT_TOKEN", "", t.GetToken, into(&s.telegram.Token, readToken)},
		{"TELEGRAM_API_URL", "https://api.telegram.org", "", into(&s.telegram.URL, readURL)},
		{"TELEGRAM_PROXY", "", "", into(&s.telegram.Proxy, readProxy)},
		{"SMS_PANEL", panels.Kinds[0].Name, "", into(&s.panel.Kind, readPanel)},
		{"SMS_API_URL", "", t.GetURL, into(&s.panel.URL, readURL)},
		{"SMS_API_KEY", "", "", into(&s.panel.Key, readKey)},
		{"SMS_API_USER", "", t.GetUser, into(&s.panel.User, readAny)},
		{"SMS_API_PASSWORD", "", t.GetPassword, into(&s.panel.Password, readAny)},
		{"SMS_API_PROXY", "", "", into(&s.panel.Proxy, readProxy)},
		{"SMS_LINES", "", t.GetLines, s.panel.readLines},
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
		{"OPT_OUT_WORDS", "11,لغو,لغو11,stop", "", into(&s.store.OptOutWords, readWords)},
		{"OPT_IN_WORDS", "12", "", into(&s.store.OptInWords, readWords)},
		{"BULK_FOOTER", "", "", into(&s.bot.Footer, readAny)},
		{"QUIET_HOURS", "", "", into(&s.bot.Quiet, readQuiet)},
		{"LINT", "", "", into(&s.bot.Lint, readLint)},
		{"HOURS", "", "", into(&s.store.Hours, readHours)},
		{"AWAY_TEXT", "", "", into(&s.store.Away.Text, readAny)},
		{"AWAY_PER_HOUR", "30", "", into(&s.store.Away.PerHour, readPerHour)},
		{"REMIND_AFTER", "", "", into(&s.store.RemindAfter, readReminder)},
		{"ESCALATE_AFTER", "", "", into(&s.store.EscalateAfter, readReminder)},
		{"DB_PATH", "data/peyk.db", "", into(&s.dbPath, readAny)},
		{"KEEP_DAYS", "90", "", into(&s.store.Keep, readDays)},
		{"CLUSTER", "", "", into(&s.cluster.Endpoints, readEndpoints)},
		{"CLUSTER_NAME", "peyk", "", into(&s.cluster.Name, readName)},
		{"CLUSTER_CA", "", "", into(&s.cluster.CA, readAny)},
		{"CLUSTER_CERT", "", "", into(&s.cluster.Cert, readAny)},
		{"CLUSTER_KEY", "", "", into(&s.cluster.Key, readAny)},
		{"CLUSTER_USER", "", "", into(&s.cluster.User, readAny)},
		{"CLUSTER_PASSWORD", "", "", into(&s.cluster.Password, readAny)},
		{"HTTP_ADDR", "", "", into(&s.httpAddr, readAddress)},
		{"LOG_LEVEL", "info", "", into(&s.logLevel, readLevel)},
		{"LOG_FORMAT", "text", "", into(&s.logJSON, readFormat)},
	}
}

func into[T any](to *T, read func(*text.Language, string) (T, error)) func(*text.Language, string) error {
	return func(t *text.Language, value string) (err error) {
		*to, err = read(t, value)
		return err
	}
}

// names are those of all settings.
func names() []string {
	var all []string
	for _, row := range new(settings).table(&text.English) {
		all = append(all, row.name)
	}
	return all
}

// sources are where settings come from, and the language in which mistakes in them are told.
type sources struct {
	*text.Language
	path    string            // of the file, which is .env
	outside map[string]string // the environment, which wins over the file
	file    map[string]string // what the file holds: nothing if there is none, nil if it cannot be read
	unread  error             // why it cannot
}

// openSources reads the file at path, and finds out which language is spoken: that of LANGUAGE, or English.
func openSources(environ []string, path string) sources {
	from := sources{Language: &text.English, path: path, outside: asMap(environ)}
	held, unread := from.readFile()
	if held["LANGUAGE"] != "" && strings.ContainsAny(from.outside["LANGUAGE"], "_:") {
		delete(from.outside, "LANGUAGE") // a desktop's wish for all programs
	}
	from.file = held
	if value, _, err := from.lookUp("LANGUAGE"); err == nil {
		if name, err := readLanguage(from.Language, value); err == nil {
			from.Language = text.Languages[name]
		}
	}
	if from.unread = unread; unread != nil {
		_, from.unread = from.readFile() // says it in that language
	}
	return from
}

// readSettings reads the settings whose names begin with prefix from environ and from .env in the working directory.
func readSettings(environ []string, prefix string) (s settings, warnings []string, err error) {
	return openSources(environ, ".env").read(prefix)
}

// read reads the settings whose names begin with prefix. The environment wins, and NAME_FILE names a file that holds NAME. The error lists
// every mistake, one a line, each with the setting's name and how to fix it. It holds no value of a secret. Warnings are of what works but
// should be known.
func (from sources) read(prefix string) (s settings, warnings []string, err error) {
	var mistakes []error
	if from.unread != nil {
		mistakes = append(mistakes, from.unread)
	}
	kind, _, _ := from.lookUp("SMS_PANEL") // which other settings are needed goes by it; if it is wrong, its row says so
	s.panel.Kind, _ = readPanel(from.Language, kind)
	same := sha256.New()
	for _, row := range s.table(from.Language) {
		if !strings.HasPrefix(row.name, prefix) || s.panel.unread(row.name) {
			continue
		}
		value, path, err := from.lookUp(row.name)
		if !ofOneMachine(row.name) {
			fmt.Fprintf(same, "%s=%q\n", row.name, cmp.Or(value, row.value))
		}
		if slices.Contains(secret, row.name) && othersRead(path, from.outside["CREDENTIALS_DIRECTORY"]) {
			warnings = append(warnings, from.Say(from.FileOpen, path, row.name, "chmod 600 "+path))
		}
		switch {
		case err == nil && value == "" && row.name == "SMS_API_URL" && s.panel.kind().Address != "":
		case err == nil && value == "" && row.name == "SMS_API_KEY":
			err = says(from.Language, from.Missing, row.name, from.GetKey)
		case err == nil && value == "" && row.get != "":
			if from.file == nil {
				continue // it may be in the file that cannot be read
			}
			err = says(from.Language, from.Missing, row.name, row.get)
		case err == nil && cmp.Or(value, row.value) != "":
			if err = row.read(from.Language, cmp.Or(value, row.value)); err != nil {
				err = says(from.Language, from.Mistake, row.name, err)
			}
		}
		if err != nil {
			mistakes = append(mistakes, err)
		}
	}
	if othersRead(from.path, "") && from.file["TELEGRAM_BOT_TOKEN"]+from.file["SMS_API_PASSWORD"]+from.file["SMS_API_KEY"] != "" {
		warnings = append(warnings, from.Say(from.FileOpenSecret, from.path, "chmod 600 "+from.path))
	}
	for _, word := range s.store.OptInWords {
		if slices.Contains(s.store.OptOutWords, word) {
			mistakes = append(mistakes, says(from.Language, from.Mistake, "OPT_IN_WORDS", says(from.Language, from.BothWays, quoted(word), "OPT_OUT_WORDS")))
		}
	}
	warnings = append(warnings, from.slips()...)
	away := &s.store.Away
	away.Text = strings.TrimSpace(away.Text)
	if hours, _, err := from.lookUp("HOURS"); away.Text != "" && err == nil && strings.TrimSpace(hours) == "" {
		mistakes = append(mistakes, says(from.Language, from.Mistake, "AWAY_TEXT", from.AwayNoHours))
	}
	if away.Prefixes, away.LowCredit = s.bot.Prefixes, s.relay.LowCredit; away.Text != "" {
		away.Parts = cmp.Or(s.bot.PartSizes, sms.StandardParts).Count(away.Text).Parts
	}
	if mistake := s.moveClock(from, prefix); mistake != nil {
		mistakes = append(mistakes, mistake)
	}
	s.cluster.same = hex.EncodeToString(same.Sum(nil)[:8])
	if mistake := s.cluster.readFiles(from.Language); mistake != nil {
		mistakes = append(mistakes, mistake)
	}
	if s.bot.Lint == nil {
		s.bot.Lint = lint.Builtin()
	}
	if strings.HasPrefix("SMS_API_URL", prefix) {
		s.panel.URL = cmp.Or(s.panel.URL, s.panel.kind().Address)
	}
	s.store.RecentPosts, s.relay.Decode = bot.GroupPerMinute, panels.Decode
	s.relay.Lines, s.bot.Lines, s.store.Admins, s.store.Location = s.panel.Lines, s.panel.Lines, s.bot.Admins, s.bot.Location
	return s, warnings, errors.Join(mistakes...)
}

// sandboxClock is how far the bridge's clock runs ahead of the machine's, so that the sandbox can have an evening come. It is no setting for people: it is
// refused unless Telegram's address is on loopback.
const sandboxClock = "SANDBOX_CLOCK"

func (s *settings) moveClock(from sources, prefix string) error {
	value, _, err := from.lookUp(sandboxClock)
	if err != nil || value == "" || prefix != "" {
		return err
	}
	ahead, err := time.ParseDuration(value)
	if err != nil || ahead < 0 || !connect.Loopback(s.telegram.URL) {
		return says(from.Language, from.Mistake, sandboxClock, from.SandboxAlone)
	}
	now := func() time.Time { return time.Now().Add(ahead) }
	s.store.Now, s.telegram.Now, s.panel.Now = now, now, now
	return nil
}

// missing reports whether nothing that is required is set.
func (from sources) missing() bool {
	for _, row := range new(settings).table(from.Language) {
		if value, _, err := from.lookUp(row.name); row.get != "" && (value != "" || err != nil) {
			return false
		}
	}
	return from.unread == nil
}

// slips returns warnings of names that are not of a setting but may be meant to be. The file should hold nothing else; the environment belongs
// to other programs too, so there a name must be like one that is not set.
func (from sources) slips() (warnings []string) {
	known := names()
	for _, name := range names() {
		known = append(known, name+"_FILE")
	}
	for _, name := range slices.Sorted(maps.Keys(from.file)) {
		like := nearest(name, known)
		switch {
		case slices.Contains(known, name):
		case like == "":
			warnings = append(warnings, from.Say(from.NotASetting, name, from.path))
		default:
			warnings = append(warnings, from.Say(from.DidYouMean, name, from.path, like))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(from.outside)) {
		like := nearest(name, known)
		value, _, err := from.lookUp(strings.TrimSuffix(like, "_FILE"))
		ours := strings.HasPrefix(name, "TELEGRAM_") || strings.HasPrefix(name, "SMS_") || slips(name, like) == 1 && strings.Contains(name, "_")
		if like != "" && ours && value == "" && err == nil && !slices.Contains(known, name) {
			warnings = append(warnings, from.Say(from.DidYouMean, name, from.TheEnvironment, like))
		}
	}
	return warnings
}

// secret are the settings that hold a password, or may hold one in an address.
var secret = []string{"TELEGRAM_BOT_TOKEN", "TELEGRAM_API_URL", "TELEGRAM_PROXY", "SMS_API_URL", "SMS_API_KEY", "SMS_API_PASSWORD", "SMS_API_PROXY", "CLUSTER_PASSWORD"}

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
func (from sources) lookUp(name string) (value, path string, err error) {
	for _, place := range []map[string]string{from.outside, from.file} {
		value, given := place[name]
		path, inFile := place[name+"_FILE"]
		for name, value := range map[string]string{name: value, name + "_FILE": path} {
			if err := plain(from.Language, value); err != nil {
				return "", "", says(from.Language, from.Mistake, name, err)
			}
		}
		switch {
		case value != "" && path != "":
			return "", "", says(from.Language, from.BothSet, name, name+"_FILE")
		case path != "":
			held, err := os.ReadFile(path)
			if err != nil {
				return "", "", says(from.Language, from.FileUnread, name+"_FILE", err)
			}
			value = strings.TrimRight(strings.TrimPrefix(string(held), mark), "\r\n")
			if value == "" {
				return "", "", says(from.Language, from.FileEmpty, name+"_FILE", path)
			}
			if !utf8.ValidString(value) {
				return "", "", says(from.Language, from.FileNotUTF8, name+"_FILE", path)
			}
			return value, path, nil
		case given || inFile:
			return strings.TrimRight(value, "\r\n"), "", nil
		}
	}
	return "", "", nil
}

// plain returns an error if a value holds what is surely not part of it: quotation marks around it, or bytes that are not UTF-8.
func plain(t *text.Language, value string) error {
	const quotes = "'\"`‘’‚‛“”„‟«»‹›′″＇＂"
	switch bare := strings.TrimSpace(value); {
	case !utf8.ValidString(value):
		return errors.New(t.NotUTF8)
	case strings.Trim(bare, quotes) != bare:
		return errors.New(t.Quoted)
	}
	return nil
}

// readFile returns what the file holds: an empty map if there is no such file, nil with an error.
func (from sources) readFile() (map[string]string, error) {
	text, err := os.ReadFile(from.path)
	if errors.Is(err, fs.ErrNotExist) {
		return map[string]string{}, nil
	}
	if err != nil {
		return nil, says(from.Language, from.FileUnread, from.path, err)
	}
	if bytes.HasPrefix(text, []byte("\xff\xfe")) || bytes.HasPrefix(text, []byte("\xfe\xff")) || bytes.IndexByte(text, 0) >= 0 {
		return nil, says(from.Language, from.FileUTF16, from.path)
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
	return nil, says(from.Language, from.FileLine, from.path, read+1)
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

// errUnquotable means that no quotes hold a value in a .env file.
var errUnquotable = errors.New("contains quotes that .env cannot hold")

// quote returns a value in the quotes with which .env gives it back exactly, or errUnquotable.
func quote(value string) (string, error) {
	escaped := strings.NewReplacer(`\`, `\\`, `"`, `\"`, `$`, `\$`).Replace(value)
	for _, quoted := range []string{"'" + value + "'", `"` + escaped + `"`, value} {
		if read, err := parseDotEnv([]byte("X=" + quoted)); err == nil && len(read) == 1 && read["X"] == value {
			return quoted, nil
		}
	}
	return "", errUnquotable
}

// inClear returns warnings of secrets that cross the network unencrypted.
func (s *settings) inClear() (warnings []string) {
	if connect.InClear(s.panel.URL) {
		warnings = append(warnings, "SMS_API_URL is http: the panel's login crosses the network in clear text; use https if the panel has it")
	}
	if connect.InClear(s.telegram.URL) {
		warnings = append(warnings, "TELEGRAM_API_URL is http: the bot's token crosses the network in clear text")
	}
	if slices.ContainsFunc(s.cluster.Endpoints, connect.InClear) {
		warnings = append(warnings, "CLUSTER has http: all that the store keeps crosses the network to etcd in clear text; use https, or a network of its own")
	}
	return warnings
}
