package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"peyk/bot/text"
	"peyk/doctor"
	"peyk/telegram"
)

// check runs peyk check. It ends with 0 when all is well, with 1 when something is wrong, with 2 when the settings are wrong. Even then it checks
// what the other settings allow.
func (c *call) check(ctx context.Context) error {
	if c.quick {
		return c.quickCheck(ctx)
	}
	code := exit(0)
	s, warnings, mistakes := readSettings(c.environ, "")
	switch {
	case mistakes != nil:
		code = 2
		for line := range strings.SplitSeq(mistakes.Error(), "\n") {
			fmt.Fprintln(c.stdout, "WRONG settings:", line)
		}
	default:
		fmt.Fprintln(c.stdout, "ok    settings: all are there and can be read.")
	}
	for _, w := range warnings {
		fmt.Fprintln(c.stdout, "note  settings:", w)
	}
	// If the proxy or the address is wrong, the other settings of that side must not be used: they would lead elsewhere.
	right := func(prefix string) bool {
		_, _, err := readSettings(c.environ, prefix)
		return err == nil
	}
	d := doctor.Doctor{
		Lines: s.bot.Lines, Users: s.bot.Users, Options: s.store,
		CopyOut: func(w io.Writer) error { return copyStore(ctx, s.dbPath, w) },
	}
	if right("TELEGRAM_") && s.telegram.Token != "" {
		d.Telegram = telegram.New(s.telegram)
	}
	if right("SMS_API_") {
		if panel, err := s.panel.client(); err != nil {
			fmt.Fprintln(c.stdout, "WRONG panel:", err)
			code = 2
		} else {
			d.Panel = panel
		}
	}
	if right("DB_") {
		d.Path = s.dbPath
	}
	for _, found := range d.Check(ctx, &text.English) {
		fmt.Fprintln(c.stdout, found)
		if found.State == doctor.Wrong {
			code = max(code, 1)
		}
	}
	if code != 0 {
		return code
	}
	return nil
}
