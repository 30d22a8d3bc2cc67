package main

import (
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"peyk/bot/text"
	"peyk/sms"
)

// required is the least an environment must hold; what a test adds comes behind it and wins.
func required(more ...string) []string {
	return append([]string{
		"TELEGRAM_BOT_TOKEN=123456:AAsecret-token", "SMS_API_URL=https://panel.example/server.php?wsdl",
		"SMS_API_USER=shop", "SMS_API_PASSWORD=s3cret", "SMS_LINES=30001234",
	}, more...)
}

// write makes a file in the working directory, which is the test's own.
func write(t testing.TB, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestSettingsHaveTheirDefaults(t *testing.T) {
	t.Chdir(t.TempDir())
	s, warnings, err := readSettings(required(), "")
	if err != nil || len(warnings) > 0 {
		t.Fatalf("got %v, warnings %q", err, warnings)
	}
	if got, want := s.telegram.URL, "https://api.telegram.org"; got != want {
		t.Errorf("telegram: got %q, want %q", got, want)
	}
	if got, want := s.bot.PartSizes, sms.StandardParts; got != want {
		t.Errorf("part sizes: got %v, want %v", got, want)
	}
	if got, want := s.relay.PollInterval, 5*time.Second; got != want {
		t.Errorf("poll interval: got %v, want %v", got, want)
	}
	if got, want := s.store.StatusInterval, 15*time.Second; got != want {
		t.Errorf("status interval: got %v, want %v", got, want)
	}
	if got, want := s.bot.Location.String(), "Asia/Tehran"; got != want {
		t.Errorf("zone: got %v, want %v", got, want)
	}
	if got, want := s.dbPath, "data/peyk.db"; got != want {
		t.Errorf("store: got %q, want %q", got, want)
	}
	if s.logLevel != slog.LevelInfo || s.logJSON || s.telegram.Proxy != nil || s.panel.Proxy != nil || len(s.bot.Users)+len(s.bot.Admins)+len(s.store.Inbox) > 0 {
		t.Errorf("got %+v", s)
	}
}

func TestSettingsAreRead(t *testing.T) {
	t.Chdir(t.TempDir())
	s, _, err := readSettings(required(
		"TELEGRAM_API_URL=http://127.0.0.1:8081", "TELEGRAM_PROXY=socks5://me:pa%40ss@127.0.0.1:1080", "SMS_API_PROXY=http://proxy:3128",
		"SMS_LINES=+9830001234, ۳۰۰۰۵۶۷۸", "ALLOWED_USERS=11, 12,11", "ADMIN_USERS=12", "INBOX_CHATS=-1001234567890,12",
		"DAILY_PARTS=500", "LOW_CREDIT=99.5", "ALLOWED_PREFIXES=۰۹۱۲,0098 935, +44", "PART_SIZES=155/150, 60/50", "POLL_INTERVAL=500ms", "STATUS_INTERVAL=1m", "TIMEZONE=UTC", "DB_PATH=/srv/peyk.db", "LOG_LEVEL=debug", "LOG_FORMAT=json",
	), "")
	if err != nil {
		t.Fatal(err)
	}
	if password, _ := s.telegram.Proxy.User.Password(); password != "pa@ss" || s.telegram.Proxy.Host != "127.0.0.1:1080" {
		t.Errorf("telegram's proxy: got %v", s.telegram.Proxy)
	}
	if s.panel.Proxy.Host != "proxy:3128" {
		t.Errorf("the panel's proxy: got %v", s.panel.Proxy)
	}
	lines := []sms.Number{"30001234", "30005678"}
	for what, diff := range map[string]string{
		"prefixes":       cmp.Diff([]string{"+98912", "+98935", "+44"}, s.bot.Prefixes),
		"part sizes":     cmp.Diff(sms.PartSizes{GSM: sms.PartSize{Alone: 155, Joined: 150}, Unicode: sms.PartSize{Alone: 60, Joined: 50}}, s.bot.PartSizes),
		"panel's lines":  cmp.Diff(lines, s.panel.Lines),
		"bot's lines":    cmp.Diff(lines, s.bot.Lines),
		"users":          cmp.Diff([]sms.AgentID{11, 12}, s.bot.Users),
		"admins":         cmp.Diff([]sms.AgentID{12}, s.bot.Admins),
		"store's admins": cmp.Diff([]sms.AgentID{12}, s.store.Admins),
		"inbox":          cmp.Diff([]sms.ChatID{-1001234567890, 12}, s.store.Inbox),
	} {
		if diff != "" {
			t.Errorf("%s:\n%s", what, diff)
		}
	}
	if s.relay.PollInterval != 500*time.Millisecond || s.store.StatusInterval != time.Minute || s.store.DailyParts != 500 || s.relay.LowCredit != 99.5 || s.bot.Location != time.UTC || s.store.Location != time.UTC ||
		s.dbPath != "/srv/peyk.db" || s.logLevel != slog.LevelDebug || !s.logJSON {
		t.Errorf("got %+v", s)
	}
}

func TestOneMistakeIsNamedWithItsMend(t *testing.T) {
	for name, test := range map[string]struct{ set, want string }{
		"a token without a colon":               {"TELEGRAM_BOT_TOKEN=hush-hush", "TELEGRAM_BOT_TOKEN is not a bot token: one looks like 123456789:AAHd…"},
		"a token with a blank inside":           {"TELEGRAM_BOT_TOKEN=12:hush hush", "TELEGRAM_BOT_TOKEN is not a bot token"},
		"no such kind of panel":                 {"SMS_PANEL=postal", "SMS_PANEL is \"postal\", which is no kind of panel: write one of soap, kavenegar, edge, rest"},
		"a panel without its key":               {"SMS_PANEL=kavenegar", "SMS_API_KEY is missing: put in the API key"},
		"an address without a scheme":           {"SMS_API_URL=hush.example/server.php", "SMS_API_URL is not an address: write all of it"},
		"an address of another scheme":          {"TELEGRAM_API_URL=ftp://hush.example", "TELEGRAM_API_URL is not an address"},
		"an address without a host":             {"SMS_API_URL=http:///hush", "SMS_API_URL is not an address"},
		"an address that cannot be parsed":      {"SMS_API_URL=http://u:hush@[::1/", "SMS_API_URL is not an address"},
		"a proxy without a scheme":              {"TELEGRAM_PROXY=hush:1080", "TELEGRAM_PROXY is not a proxy's address: write socks5://HOST:PORT"},
		"a proxy whose password is not escaped": {"SMS_API_PROXY=http://me:hu/sh@proxy:1", "SMS_API_PROXY is not a proxy's address"},
		"a proxy of another scheme":             {"SMS_API_PROXY=socks4://hush:1", "SMS_API_PROXY is not a proxy's address"},
		"a line that is no number":              {"SMS_LINES=30001234,office", `SMS_LINES holds "office", which is not a number`},
		"lines that are only commas":            {"SMS_LINES=, ,", "SMS_LINES names no line"},
		"a line twice, written differently":     {"SMS_LINES=30001234,+9830001234", "SMS_LINES names the line 30001234 twice"},
		"an empty required setting":             {"SMS_LINES=", "SMS_LINES is missing: put in your numbers"},
		"a user's name instead of an id":        {"ALLOWED_USERS=@sara", `ALLOWED_USERS holds "@sara", which is not a Telegram id`},
		"a group among the users":               {"ADMIN_USERS=-100123", "ADMIN_USERS holds -100123, which is a group's id"},
		"the anonymous administrators' account": {"ADMIN_USERS=1087968824", "ADMIN_USERS holds 1087968824, an account that Telegram lets anybody use"},
		"the channels' account":                 {"ALLOWED_USERS=1,136817688", "ALLOWED_USERS holds 136817688"},
		"the linked channels' account":          {"INBOX_CHATS=777000", "INBOX_CHATS holds 777000"},
		"a chat that is 0":                      {"INBOX_CHATS=0", `INBOX_CHATS holds "0"`},
		"a length of time without a unit":       {"POLL_INTERVAL=5", `POLL_INTERVAL is "5", which has no unit: write 5s for seconds`},
		"a length of time below 0":              {"POLL_INTERVAL=-5s", "POLL_INTERVAL is -5s, which is too short: write 100ms or more"},
		"a length of time of 0":                 {"STATUS_INTERVAL=0", "STATUS_INTERVAL is 0, which is too short"},
		"a length of time of days":              {"STATUS_INTERVAL=48h", "STATUS_INTERVAL is 48h, which is too long: write 1h or less"},
		"words for a length of time":            {"POLL_INTERVAL=soon", `POLL_INTERVAL is "soon", which is not a length of time`},
		"a cap below 0":                         {"DAILY_PARTS=-1", `DAILY_PARTS is "-1", which is not a number of parts: write a whole number, or 0`},
		"a cap in words":                        {"DAILY_PARTS=few", `DAILY_PARTS is "few"`},
		"a credit below 0":                      {"LOW_CREDIT=-1", `LOW_CREDIT is "-1", which is not an amount: write a number`},
		"a credit that is no number":            {"LOW_CREDIT=NaN", `LOW_CREDIT is "NaN"`},
		"a credit without end":                  {"LOW_CREDIT=inf", `LOW_CREDIT is "inf"`},
		"a prefix without a country":            {"ALLOWED_PREFIXES=0912, 98", `ALLOWED_PREFIXES holds "98", but no number begins with it: write +98 for a whole country, 0912`},
		"a prefix with a zero behind it":        {"ALLOWED_PREFIXES=+980912", `ALLOWED_PREFIXES holds "+980912", but no number begins with it`},
		"a prefix with a zero before it":        {"ALLOWED_PREFIXES=098912", `ALLOWED_PREFIXES holds "098912", but no number begins with it`},
		"a prefix of letters":                   {"ALLOWED_PREFIXES=+Iran", `ALLOWED_PREFIXES holds "+Iran"`},
		"a prefix of nothing":                   {"ALLOWED_PREFIXES=+", `ALLOWED_PREFIXES holds "+"`},
		"part sizes without the joined ones":    {"PART_SIZES=160,70", `PART_SIZES is "160,70": write 160/153,70/67, the characters in an SMS of one part`},
		"part sizes in words":                   {"PART_SIZES=160/153,70/many", `PART_SIZES is "160/153,70/many"`},
		"part sizes with something behind":      {"PART_SIZES=160/153,70/67,1/1", `PART_SIZES is "160/153,70/67,1/1"`},
		"joined parts that hold more":           {"PART_SIZES=160/153,67/70", "PART_SIZES holds 67/70: each of several parts holds at least 10 characters and no more than a single part"},
		"parts that hold nothing":               {"PART_SIZES=160/0,70/67", "PART_SIZES holds 160/0"},
		"another language":                      {"LANGUAGE=de", `LANGUAGE is "de", which the bot does not speak`},
		"a zone that does not exist":            {"TIMEZONE=Tehran", `TIMEZONE is "Tehran", which is not a time zone: write one such as Asia/Tehran`},
		"hours without a day":                   {"HOURS=8:00-17:00", `HOURS has "8:00-17:00", which I cannot read`},
		"hours said twice":                      {"HOURS=Sat-Wed 8:00-17:00, Mon 16:00-18:00", `HOURS has "mon 16:00-17:00", which I cannot read, or which is said twice`},
		"an away text without hours":            {"AWAY_TEXT=Until tomorrow", "AWAY_TEXT is set, but without HOURS you are always there"},
		"no away text in an hour":               {"AWAY_PER_HOUR=0", `AWAY_PER_HOUR is "0": write how many away texts may go out in an hour, from 1 to 1000`},
		"a clock that is the sandbox's":         {"SANDBOX_CLOCK=1h", "SANDBOX_CLOCK is for the sandbox alone, on loopback: leave it out"},
		"a reminder at once":                    {"REMIND_AFTER=5s", `REMIND_AFTER is "5s": write a length of time from 10s to 720h`},
		"a reminder without a unit":             {"ESCALATE_AFTER=15", `ESCALATE_AFTER is "15": write a length of time`},
		"a level that does not exist":           {"LOG_LEVEL=loud", `LOG_LEVEL is "loud": write debug, info, warn or error`},
		"a format that does not exist":          {"LOG_FORMAT=xml", `LOG_FORMAT is "xml": write text or json`},
		"a file that does not exist":            {"TIMEZONE_FILE=nowhere", "TIMEZONE_FILE cannot be read: open nowhere: no such file"},
		"a value and a file for it":             {"SMS_API_USER_FILE=nowhere", "SMS_API_USER and SMS_API_USER_FILE are both set: leave one of them out"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			_, _, err := readSettings(required(test.set), "")
			if err == nil {
				t.Fatal("no mistake was seen")
			}
			if got := err.Error(); !strings.HasPrefix(got, test.want) || strings.Contains(got, "\n") {
				t.Errorf("got  %s\nwant %s…, and nothing else", got, test.want)
			}
			if strings.Contains(err.Error(), "hu") {
				t.Errorf("the value of a secret is shown: %v", err)
			}
			if !strings.HasPrefix(test.set, "LANGUAGE=") { // else which language is spoken?
				_, _, persian := readSettings(required(test.set, "LANGUAGE=fa"), "")
				saysTheSame(t, err.Error(), persian.Error())
			}
		})
	}
}

func TestAllMistakesAreToldAtOnceInTheOrderOfTheManual(t *testing.T) {
	t.Chdir(t.TempDir())
	_, _, err := readSettings([]string{"SMS_API_USER=shop", "LOG_FORMAT=xml", "POLL_INTERVAL=5", "SMS_LINES=x"}, "")
	if err == nil {
		t.Fatal("no mistake was seen")
	}
	var got []string
	for line := range strings.Lines(err.Error()) {
		name, _, _ := strings.Cut(line, " ")
		got = append(got, name)
	}
	want := []string{"TELEGRAM_BOT_TOKEN", "SMS_API_URL", "SMS_API_PASSWORD", "SMS_LINES", "POLL_INTERVAL", "LOG_FORMAT"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestSettingsComeFromTheEnvironmentTheFileAndFilesOfTheirOwn(t *testing.T) {
	const base = "TELEGRAM_BOT_TOKEN='1:token'\nSMS_API_URL='http://127.0.0.1/'\nSMS_API_USER='shop'\nSMS_LINES='30001234'\n"
	for name, test := range map[string]struct {
		file, held string // .env, and the file "held"
		environ    []string
		want       string
	}{
		"the file alone":                           {file: "SMS_API_PASSWORD='pa$$W0RD #1'", want: "pa$$W0RD #1"},
		"the environment wins":                     {file: "SMS_API_PASSWORD='file'", environ: []string{"SMS_API_PASSWORD=outside"}, want: "outside"},
		"a file of its own, named outside":         {held: "held\n", environ: []string{"SMS_API_PASSWORD_FILE=held"}, want: "held"},
		"a file of its own, named in .env":         {held: " he ld \r\n", file: "SMS_API_PASSWORD_FILE=held", want: " he ld "},
		"a file named outside wins over .env":      {held: "held", file: "SMS_API_PASSWORD='file'", environ: []string{"SMS_API_PASSWORD_FILE=held"}, want: "held"},
		"a value outside wins over a file in .env": {file: "SMS_API_PASSWORD_FILE=nowhere", environ: []string{"SMS_API_PASSWORD=outside"}, want: "outside"},
		"an editor's mark before the first line":   {file: "\ufeffSMS_API_PASSWORD='file'\r\n", want: "file"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			write(t, ".env", test.file+"\n"+base)
			write(t, "held", test.held)
			s, _, err := readSettings(test.environ, "")
			if err != nil {
				t.Fatal(err)
			}
			if got := s.panel.Password; got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestAMalformedFileIsToldByItsLineAndNotQuoted(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"a line without a value":      {"# settings\nSMS_LINES=1000\nhush\nLOG_LEVEL=info", ".env line 3 cannot be read"},
		"a last line without a value": {"SMS_LINES=1000\nhush", ".env line 2 cannot be read"},
		"a quote that does not end":   {"LOG_LEVEL=info\n\nSMS_API_PASSWORD='hush\nSMS_LINES=1000\n", ".env line 3 cannot be read"},
		"behind a value of two lines": {"A='one\ntwo'\nSMS-API-PASSWORD=hush\n", ".env line 3 cannot be read"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			write(t, ".env", test.text)
			_, _, err := readSettings(nil, "")
			if err == nil {
				t.Fatal("no mistake was seen")
			}
			// Whether the required ones are missing cannot be told, so nothing else is said.
			if got := err.Error(); !strings.HasPrefix(got, test.want) || strings.Contains(got, "hush") || strings.Contains(got, "\n") {
				t.Errorf("got %s, want %s…", got, test.want)
			}
		})
	}
}

func TestAnEmptyOrUnreadableFileOfASecretIsAMistake(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "empty", "\n")
	_, _, err := readSettings(required("SMS_API_PASSWORD=", "SMS_API_PASSWORD_FILE=empty"), "")
	if err == nil || err.Error() != "SMS_API_PASSWORD_FILE names an empty file: empty" {
		t.Errorf("got %v", err)
	}
}

// TestWhatEditorsAddToAFileOfASecretIsNoPartOfIt: nobody sees it, and the panel would only say that the password is wrong.
func TestWhatEditorsAddToAFileOfASecretIsNoPartOfIt(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "password", "\ufeffs3cret \r\n")
	write(t, "token", "\ufeff1:token \n\n")
	write(t, "mark", "\ufeff\n")
	s, _, err := readSettings(required("SMS_API_PASSWORD=", "SMS_API_PASSWORD_FILE=password", "TELEGRAM_BOT_TOKEN=", "TELEGRAM_BOT_TOKEN_FILE=token"), "")
	if err != nil || s.panel.Password != "s3cret " || s.telegram.Token != "1:token" {
		t.Errorf("got password %q, token %q, %v", s.panel.Password, s.telegram.Token, err)
	}
	if _, _, err := readSettings(required("SMS_API_PASSWORD=", "SMS_API_PASSWORD_FILE=mark"), ""); err == nil {
		t.Error("a mark alone was taken for a password")
	}
}

func TestThePanelsSettingsNeedNoOthers(t *testing.T) {
	t.Chdir(t.TempDir())
	environ := []string{"TELEGRAM_BOT_TOKEN=none", "LOG_LEVEL=loud", "SMS_API_URL=http://127.0.0.1/", "SMS_API_USER=shop", "SMS_API_PASSWORD=s3cret", "SMS_LINES=30001234"}
	s, _, err := readSettings(environ, "SMS_")
	want := panelSettings{Kind: "soap", URL: "http://127.0.0.1/", User: "shop", Password: "s3cret", Lines: []sms.Number{"30001234"}, Written: map[sms.Number]string{"30001234": "30001234"}}
	if diff := cmp.Diff(want, s.panel); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
}

func TestWhatWorksButShouldBeKnownIsWarnedOf(t *testing.T) {
	for name, test := range map[string]struct {
		set  string
		want []string // how the warnings begin
	}{
		"the panel over http":                  {"SMS_API_URL=http://panel.example/", []string{"SMS_API_URL is http"}},
		"the panel over http on an address":    {"SMS_API_URL=http://192.0.2.1:8080/", []string{"SMS_API_URL is http"}},
		"the panel over https":                 {"SMS_API_URL=https://panel.example/", nil},
		"the panel on loopback":                {"SMS_API_URL=http://127.0.0.1:8080/", nil},
		"the panel on loopback by name":        {"SMS_API_URL=http://localhost/", nil},
		"the panel on loopback, IPv6":          {"SMS_API_URL=http://[::1]:80/", nil},
		"Telegram over http":                   {"TELEGRAM_API_URL=http://relay.example", []string{"TELEGRAM_API_URL is http"}},
		"a desktop's languages, English first": {"LANGUAGE=en_US:en", nil},
		"a desktop's languages, English after": {"LANGUAGE=de_DE:en", nil},
		"Persian":                              {"LANGUAGE=fa", nil},
		"Persian as a desktop has it":          {"LANGUAGE=fa_IR:en", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			s, got, err := readSettings(required(test.set), "")
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, s.inClear()...)
			begins := cmp.Comparer(func(a, b string) bool { return strings.HasPrefix(a, b) || strings.HasPrefix(b, a) })
			if diff := cmp.Diff(test.want, got, begins, cmpopts.EquateEmpty()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestASlipInANameIsWarnedOf(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, ".env", "ADMIN_USER='1'\nSMS_API_PASSWORD_FILES='2'\nLOG_LEVEL_FILE=''\nHTTP_ADDR=''\nWEATHER='fine'\n")
	// The environment belongs to other programs, too.
	_, got, err := readSettings(required("OF_ANOTHER_PROGRAM=1", "DB_PATHS=1", "LOG_FILE=1", "SMS_LINE=1", "TELEGRAM_TOKEN=1", "PATH=/bin", "DB_PATH=x.db",
		"ALOWED_USERS=1", "TELEGRAM_API_PROXY=1"), "")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"ADMIN_USER in .env is not a setting: did you mean ADMIN_USERS?",
		"SMS_API_PASSWORD_FILES in .env is not a setting: did you mean SMS_API_PASSWORD_FILE?",
		"WEATHER in .env is not a setting: check its spelling",
		"ALOWED_USERS in the environment is not a setting: did you mean ALLOWED_USERS?",
		"TELEGRAM_API_PROXY in the environment is not a setting: did you mean TELEGRAM_PROXY?",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestSecretsThatOthersCanReadAreWarnedOf(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, test := range []struct {
		text string
		mode os.FileMode
		want []string
	}{
		{"SMS_API_PASSWORD='s3cret'\n", 0o644, []string{".env can be read by others, and a secret is in it: run chmod 600 .env"}},
		{"TELEGRAM_BOT_TOKEN='1:token'\n", 0o640, []string{".env can be read by others, and a secret is in it: run chmod 600 .env"}},
		{"SMS_API_PASSWORD='s3cret'\n", 0o600, nil},
		{"SMS_API_PASSWORD=''\nLOG_LEVEL=info\n", 0o644, nil},
	} {
		write(t, ".env", test.text)
		if err := os.Chmod(".env", test.mode); err != nil {
			t.Fatal(err)
		}
		_, got, err := readSettings(required(), "")
		if diff := cmp.Diff(test.want, got); err != nil || diff != "" {
			t.Errorf("%04o: %v\n%s", test.mode, err, diff)
		}
	}
}

func TestTheManualNamesEverySettingWithItsDefault(t *testing.T) {
	manual, err := os.ReadFile(".env.example")
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	explained := false
	for line := range strings.Lines(string(manual)) {
		line = strings.TrimSpace(line)
		name, value, isSetting := strings.Cut(strings.TrimPrefix(line, "#"), "=")
		if !isSetting || name != strings.ToUpper(name) || strings.Contains(name, " ") {
			explained = strings.HasPrefix(line, "# ")
			continue
		}
		if !explained {
			t.Errorf("%s has no comment before it", name)
		}
		if required := !strings.HasPrefix(line, "#"); required && value != "''" {
			t.Errorf("%s is required and wants single quotes, has %s", name, value)
		}
		got[name] = strings.Trim(value, "'")
	}
	want := map[string]string{}
	for _, row := range new(settings).table(&text.English) {
		want[row.name] = row.value
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	// As it stands it can be read, and only what is required waits to be filled in.
	t.Chdir(t.TempDir())
	write(t, ".env", string(manual))
	values, err := openSources(nil, ".env").readFile()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range new(settings).table(&text.English) {
		if _, given := values[row.name]; given != (row.get != "") {
			t.Errorf("%s: given %v, required %v", row.name, given, row.get != "")
		}
	}
}
