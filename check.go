package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"peyk/bot"
	"peyk/smsapi/soap"
)

// checkCommand runs peyk check and returns the exit code: 0 all is well, 1 something is wrong, 2 the settings are. What the settings
// let be checked is checked all the same.
func checkCommand(ctx context.Context, args, environ []string, stdout, stderr io.Writer) int {
	if len(args) > 0 {
		fmt.Fprintf(stderr, "peyk check: %q is one argument too many\n\n%s", args[0], usage)
		return 2
	}
	code := 0
	s, warnings, mistakes := readSettings(environ, "")
	switch {
	case mistakes != nil:
		code = 2
		for line := range strings.SplitSeq(mistakes.Error(), "\n") {
			fmt.Fprintln(stdout, "WRONG settings:", line)
		}
	default:
		fmt.Fprintln(stdout, "ok    settings: none is missing, each can be read.")
	}
	for _, w := range warnings {
		fmt.Fprintln(stdout, "note  settings:", w)
	}
	// With a wrong proxy or address the others must not be used: they would lead elsewhere.
	right := func(prefix string) bool {
		_, _, err := readSettings(environ, prefix)
		return err == nil
	}
	var tg bot.TelegramConfig
	if right("TELEGRAM_") {
		tg = s.telegram
	}
	var panel *soap.Client
	if right("SMS_API_") {
		var err error
		if panel, err = s.panel.client(); err != nil {
			fmt.Fprintln(stdout, "WRONG panel:", err)
			code = 2
		}
	}
	if !right("DB_") {
		s.dbPath = ""
	}
	copyOut := func(w io.Writer) error { return copyStore(ctx, s.dbPath, w) }
	for _, found := range bot.New(nil, panel, tg, s.bot).Check(ctx, s.dbPath, s.store, copyOut) {
		fmt.Fprintln(stdout, found)
		if found.State == bot.Wrong {
			code = max(code, 1)
		}
	}
	return code
}
