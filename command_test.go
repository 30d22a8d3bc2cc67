package main

import (
	"bytes"
	"strings"
	"testing"
)

// runs runs the program and returns its exit code and what it wrote.
func runs(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, failed bytes.Buffer
	code = run(t.Context(), args, nil, strings.NewReader(""), &out, &failed)
	return code, out.String(), failed.String()
}

// TestEveryCommandHelps asks for it as people do, in a directory without settings.
func TestEveryCommandHelps(t *testing.T) {
	t.Chdir(t.TempDir())
	var ask func(below []command, path ...string)
	ask = func(below []command, path ...string) {
		for _, row := range below {
			words := append(path[:len(path):len(path)], row.name)
			if row.name == "" {
				words = path
			}
			called := strings.TrimSpace(strings.Join(append([]string{"peyk"}, words...), " "))
			for _, args := range [][]string{append(words[:len(words):len(words)], "--help"), append(words[:len(words):len(words)], "-h"), append([]string{"help"}, words...)} {
				code, out, failed := runs(t, args...)
				if code != 0 || failed != "" || !strings.HasPrefix(out, "usage: "+called) {
					t.Errorf("%q: got %d, %q, %q", args, code, out, failed)
				}
				for _, f := range row.shownFlags() {
					if f.does == "" || strings.Count(out, "--"+f.name) < 2 {
						t.Errorf("%q does not say what --%s does: %s", args, f.name, out)
					}
				}
			}
			ask(row.below, words...)
		}
	}
	ask(new(call).commands())
}

func TestASlipIsLikeTheNearestName(t *testing.T) {
	known := append(names(), "", "setup", "sandbox", "panel", "check", "backup", "restore", "version", "help")
	for slip, want := range map[string]string{
		"chekc": "check", "chck": "check", "setpu": "setup", "resotre": "restore", "brigde": "", "x": "", "": "", "ls": "",
		"TELEGRAM_TOKEN": "TELEGRAM_BOT_TOKEN", "BOT_TOKEN": "TELEGRAM_BOT_TOKEN", "SMS_USER": "SMS_API_USER", "SMS_PASSWORD": "SMS_API_PASSWORD",
		"SMS_API_USERNAME": "SMS_API_USER", "SMS_API_LINES": "SMS_LINES", "SMS_LINE": "SMS_LINES", "ADMIN_USER": "ADMIN_USERS", "ADMINS_USERS": "ADMIN_USERS",
		"ALOWED_USERS": "ALLOWED_USERS", "TIME_ZONE": "TIMEZONE", "LOGLEVEL": "LOG_LEVEL", "DBPATH": "DB_PATH", "POSTGRES_HOST": "", "PATH": "", "HOME": "",
	} {
		if got := nearest(slip, known); got != want {
			t.Errorf("%q: got %q, want %q", slip, got, want)
		}
	}
}
