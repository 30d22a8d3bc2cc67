package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"peyk/sms"
)

// TestQuotesAreNoPartOfASetting: docker run --env-file hands them on, and the panel would only say that the password is wrong.
func TestQuotesAreNoPartOfASetting(t *testing.T) {
	for _, quoted := range []string{
		"SMS_API_USER='shop'", `SMS_API_USER="shop"`, "SMS_API_USER=“shop”", "SMS_API_USER=shop'", "SMS_API_USER=‘shop",
		"SMS_API_PASSWORD='hush'", "SMS_API_PASSWORD='hush' ", "SMS_API_PASSWORD='hush'\r", "SMS_API_PASSWORD=«hush»", "SMS_API_PASSWORD=`hush`", "SMS_API_PASSWORD=hush’", "SMS_API_PASSWORD=''",
		"DB_PATH='/data/peyk.db'", `DB_PATH="/data/peyk.db"`, "DB_PATH=/data/peyk.db”",
		"TELEGRAM_BOT_TOKEN='1:hush'", "TELEGRAM_API_URL='https://relay.example'", "SMS_API_URL=http://panel.example/x'", "SMS_LINES='30001234,50004321'", "SMS_LINES=30001234,'50004321'",
		"ALLOWED_PREFIXES='+98'", "LANGUAGE='fa'", "TIMEZONE='UTC'", "HTTP_ADDR='9383'", "LOG_LEVEL='info'", "POLL_INTERVAL='5s'", "INBOX_CHATS='-1001234567890'",
		"ADMIN_USERS=''", "SMS_API_PASSWORD_FILE='held'",
	} {
		t.Run(quoted, func(t *testing.T) {
			t.Chdir(t.TempDir())
			write(t, "held", "hush")
			name, _, _ := strings.Cut(quoted, "=")
			_, _, err := readSettings(required(quoted, "SMS_API_PASSWORD"+map[bool]string{true: "=", false: "_FILE="}[name == "SMS_API_PASSWORD_FILE"]), "")
			if err == nil {
				t.Fatal("no mistake was seen")
			}
			if got := err.Error(); !strings.HasPrefix(got, name+" ") || !strings.Contains(got, "quotation mark") || !strings.Contains(got, "--env-file") || strings.Contains(got, "hush") || strings.Contains(got, "\n") {
				t.Errorf("got %s", got)
			}
			if name != "LANGUAGE" {
				_, _, persian := readSettings(required(quoted, "SMS_API_PASSWORD"+map[bool]string{true: "=", false: "_FILE="}[name == "SMS_API_PASSWORD_FILE"], "LANGUAGE=fa"), "")
				saysTheSame(t, err.Error(), persian.Error())
			}
		})
	}
}

func TestQuotesThatBelongToASecretStandInAFileOfItsOwn(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "password", `"it's"`+"\r\n")
	s, _, err := readSettings(required("SMS_API_PASSWORD=", "SMS_API_PASSWORD_FILE=password", "SMS_API_USER=o'neil"), "")
	if err != nil || s.panel.Password != `"it's"` || s.panel.User != "o'neil" {
		t.Errorf("got %q, %q, %v", s.panel.User, s.panel.Password, err)
	}
}

func TestSettingsThatNobodyCanSeeAreRefused(t *testing.T) {
	for name, test := range map[string]struct{ held, set, want string }{
		"a file in UTF-16":            {"\xff\xfeh\x00u\x00s\x00h\x00", "SMS_API_PASSWORD_FILE=held", "SMS_API_PASSWORD_FILE names a file that is not UTF-8"},
		"a file in Windows-1256":      {"\xd3\xe1\xc7\xe3", "SMS_API_PASSWORD_FILE=held", "SMS_API_PASSWORD_FILE names a file that is not UTF-8"},
		"a file of two lines":         {"hush\nhush\n", "SMS_API_PASSWORD_FILE=held", "SMS_API_PASSWORD contains a line break"},
		"a value in another encoding": {"", "SMS_API_PASSWORD=caf\xe9", "SMS_API_PASSWORD is not UTF-8"},
		"a value of two lines":        {"", "SMS_API_PASSWORD=hush\nhush", "SMS_API_PASSWORD contains a line break"},
		"a tab":                       {"", "SMS_API_PASSWORD=hush\thush", "SMS_API_PASSWORD contains a line break"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			write(t, "held", test.held)
			environ := append(required("SMS_API_PASSWORD="), test.set)
			if _, _, err := readSettings(environ, ""); err == nil || !strings.HasPrefix(err.Error(), test.want) || strings.Contains(err.Error(), "hush") {
				t.Errorf("got %v, want %s…", err, test.want)
			}
		})
	}
	t.Chdir(t.TempDir())
	if s, _, err := readSettings(required("SMS_API_PASSWORD=hush\r", "DB_PATH=x.db\r"), ""); err != nil || s.panel.Password != "hush" || s.dbPath != "x.db" {
		t.Errorf("lines that end as on Windows: got %q, %q, %v", s.panel.Password, s.dbPath, err)
	}
}

func TestADotEnvInUTF16IsNamed(t *testing.T) {
	for _, text := range []string{"\xff\xfe" + inUTF16("LOG_LEVEL=info\r\n"), inUTF16("LOG_LEVEL=info\r\n"), "\xfe\xff\x00L\x00=\x001"} {
		t.Chdir(t.TempDir())
		write(t, ".env", text)
		if _, _, err := readSettings(required(), ""); err == nil || !strings.HasPrefix(err.Error(), ".env cannot be read: it is in UTF-16") {
			t.Errorf("%q: got %v", text, err)
		}
	}
}

func TestNoTwoValuesMergeIntoOne(t *testing.T) {
	for _, set := range []string{
		"SMS_LINES=30001234 50004321", "SMS_LINES=30001234-50004321", "SMS_LINES=30001234/50004321", "SMS_LINES=30001234\t50004321", "SMS_LINES=30001234.50004321",
		"SMS_LINES=30001234\u00a050004321", "SMS_LINES=۳۰۰۰۱۲۳۴ ۵۰۰۰۴۳۲۱", "SMS_LINES=30001234\u200f50004321", "SMS_LINES=+9830001234+9850004321", "SMS_LINES=30001234|50004321", "SMS_LINES=30001234)(50004321", "SMS_LINES=1000,30001234 50004321", "SMS_LINES=1000 2000", "SMS_LINES=021 88776655 30001234", "SMS_LINES=3000 1234 5678",
		"ALLOWED_USERS=11 12", "ALLOWED_USERS=11/12", "ADMIN_USERS=11 12", "ADMIN_USERS=11-12", "ADMIN_USERS=11\t12", "INBOX_CHATS=-100123 -100456", "INBOX_CHATS=-100123/7", "INBOX_CHATS=-100123-100456",
		"ALLOWED_PREFIXES=0912 0935", "ALLOWED_PREFIXES=+98 +44", "ALLOWED_PREFIXES=0912-0935", "ALLOWED_PREFIXES=0912/0935", "ALLOWED_PREFIXES=0912.0935", "ALLOWED_PREFIXES=0912\u200e0935", "ALLOWED_PREFIXES=+98+44",
		"SMS_API_URL=http://panel.example/a http://panel.example/b", "TELEGRAM_API_URL=https://a.example/x https://b.example", "TELEGRAM_PROXY=socks5://a:1/ socks5://b:1",
		"PART_SIZES=160/153 70/67", "LOG_LEVEL=info debug", "POLL_INTERVAL=5s 10s",
	} {
		t.Run(set, func(t *testing.T) {
			t.Chdir(t.TempDir())
			name, _, _ := strings.Cut(set, "=")
			s, _, err := readSettings(required(set), "")
			if err == nil || !strings.HasPrefix(err.Error(), name+" ") {
				t.Fatalf("got %v; lines %q, prefixes %q", err, s.panel.Written, s.bot.Prefixes)
			}
			if strings.HasPrefix(name, "SMS_LINES") && !strings.Contains(err.Error(), "commas") {
				t.Errorf("the mend is missing: %v", err)
			}
		})
	}
}

func TestALineMayBeWrittenWithItsAreaSetApart(t *testing.T) {
	for set, want := range map[string]sms.Number{
		"021 88776655": "2188776655", "+98 30001234": "30001234", "0098-21-88776655": "2188776655", "0912 123 4567": "09121234567", "(021) 88776655": "2188776655",
	} {
		t.Chdir(t.TempDir())
		s, _, err := readSettings(required("SMS_LINES="+set+",1000"), "")
		if err != nil || len(s.panel.Lines) != 2 || s.panel.Lines[0] != sms.NormalizeLine(string(want)) {
			t.Errorf("%s: got %q, %v", set, s.panel.Written, err)
		}
	}
}

func TestSeparatorsOfAListAreUnderstood(t *testing.T) {
	for _, separator := range []string{",", ", ", "،", "، ", ";", "؛", "\n", " ,\u200f "} {
		t.Chdir(t.TempDir())
		join := func(a, b string) string { return a + separator + b }
		s, _, err := readSettings(required("SMS_LINES="+join("30001234", "+9850004321"), "ADMIN_USERS="+join("11", "12"), "INBOX_CHATS="+join("-100123", "12"), "ALLOWED_PREFIXES="+join("0912", "+44")), "")
		if err != nil {
			t.Errorf("%q: %v", separator, err)
			continue
		}
		if diff := cmp.Diff([]sms.Number{"30001234", "50004321"}, s.panel.Lines); diff != "" || len(s.bot.Admins) != 2 || len(s.store.Inbox) != 2 || len(s.bot.Prefixes) != 2 {
			t.Errorf("%q: %v, %v, %v\n%s", separator, s.bot.Admins, s.store.Inbox, s.bot.Prefixes, diff)
		}
	}
}

func TestFilesOfSecretsThatOthersCanReadAreWarnedOf(t *testing.T) {
	t.Chdir(t.TempDir())
	files := map[string]string{
		"SMS_API_PASSWORD": "s3cret", "TELEGRAM_BOT_TOKEN": "1:token", "TELEGRAM_PROXY": "socks5://me:s3cret@127.0.0.1:1", "SMS_LINES": "30001234",
	}
	for name, held := range files {
		for mode, warned := range map[os.FileMode]bool{0o644: true, 0o640: true, 0o604: true, 0o600: false, 0o400: false} {
			path := filepath.Join(t.TempDir(), "held")
			write(t, path, held)
			if err := os.Chmod(path, mode); err != nil {
				t.Fatal(err)
			}
			_, got, err := readSettings(required(name+"=", name+"_FILE="+path), "")
			var want []string
			if warned && name != "SMS_LINES" {
				want = []string{path + " can be read by others, and " + name + " is in it: run chmod 600 " + path}
			}
			if diff := cmp.Diff(want, got); err != nil || diff != "" {
				t.Errorf("%s, %04o: %v\n%s", name, mode, err, diff)
			}
			// systemd hands out its credentials in a directory that is the service's alone; its modes show an access list.
			if _, got, err := readSettings(required(name+"=", name+"_FILE="+path, "CREDENTIALS_DIRECTORY="+filepath.Dir(path)), ""); err != nil || len(got) > 0 {
				t.Errorf("%s, %04o, of systemd: %v, %q", name, mode, err, got)
			}
		}
	}
}
