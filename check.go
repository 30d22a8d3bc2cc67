package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"

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
	from := openSources(c.environ, ".env")
	t, code := from.Language, exit(0)
	defer linesByTheirLetters(c.stdout, t)()
	found := func(state doctor.State, sentence string) doctor.Finding {
		return doctor.Finding{State: state, HTML: text.Escape(sentence)}
	}
	show := func(f doctor.Finding) {
		fmt.Fprintln(c.stdout, f.Line(t))
		if f.State == doctor.Wrong {
			code = max(code, 1)
		}
	}
	s, warnings, mistakes := from.read("")
	if mistakes == nil {
		show(found(doctor.Right, t.CheckSettings))
	} else {
		code = 2
		for line := range strings.SplitSeq(mistakes.Error(), "\n") {
			show(found(doctor.Wrong, t.Say(t.CheckSetting, line)))
		}
	}
	for _, w := range warnings {
		show(found(doctor.Noted, t.Say(t.CheckSetting, w)))
	}
	// If the proxy or the address is wrong, the other settings of that side must not be used: they would lead elsewhere.
	right := func(prefix string) bool {
		_, _, err := from.read(prefix)
		return err == nil
	}
	d := doctor.Doctor{
		Lines: s.bot.Lines, Users: s.bot.Users, Options: s.store,
		CopyOut: func(w io.Writer) error { return s.copyStore(ctx, w) },
	}
	if right("TELEGRAM_") && s.telegram.Token != "" {
		d.Telegram = telegram.New(s.telegram)
	}
	if right("SMS_API_") {
		if panel, err := s.panel.client(); err != nil {
			show(found(doctor.Wrong, t.Say(t.CheckPanel, err)))
			code = 2
		} else {
			d.Panel = panel
		}
	}
	if right("DB_") {
		d.Path = s.dbPath
	}
	address := make(chan doctor.Finding, 1)
	if s.httpAddr != "" {
		go func() {
			state, sentence, err := tryAddress(ctx, t, s.httpAddr)
			f := found(state, t.Say(sentence, s.httpAddr))
			f.Cause = err
			address <- f
		}()
	}
	for _, f := range d.Check(ctx, t) {
		show(f)
	}
	if len(s.cluster.Endpoints) > 0 && mistakes == nil {
		all, answers := s.cluster.checkEtcd(ctx, t)
		if answers {
			all = append(all, s.cluster.checkMembers(ctx, t, time.Now())...)
		}
		for _, f := range all {
			show(f)
		}
	}
	if s.httpAddr != "" {
		show(<-address)
	}
	if code != 0 {
		return code
	}
	return nil
}

// tryAddress finds out whether the bridge can listen at address, or does, and returns the sentence that says so.
func tryAddress(ctx context.Context, t *text.Language, address string) (state doctor.State, sentence string, err error) {
	listener, err := net.Listen("tcp", address)
	if err == nil {
		return doctor.Right, t.CheckListen, listener.Close()
	}
	if !errors.Is(err, syscall.EADDRINUSE) {
		return doctor.Wrong, t.CheckNoListen, err
	}
	if said, status, err := askHealth(ctx, address); err == nil && status == http.StatusOK && said == alive {
		return doctor.Right, t.CheckListens, nil
	}
	return doctor.Wrong, t.CheckTaken, nil
}
