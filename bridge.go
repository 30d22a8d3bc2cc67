package main

import (
	"context"
	"errors"
	"io"
	"log/slog"

	"peyk/bot/text"
	"peyk/bridge"
	"peyk/internal/metrics"
	"peyk/store"
	"peyk/telegram"
)

// bridge runs the bridge until ctx ends.
func (c *call) bridge(ctx context.Context) error {
	s, err := c.readSettings("")
	if err != nil {
		return err
	}
	from := openSources(c.environ, ".env")
	from.Language = &text.English // as the whole log is
	_, warnings, _ := from.read("")
	log := newLog(s, c.stderr)
	for _, w := range append(warnings, s.inClear()...) {
		log.Warn(w)
	}
	log.Info("peyk starting", "version", versionOf(), "store", s.dbPath)
	err = runBridge(ctx, s, log)
	switch {
	case err == nil:
		log.Info("peyk stopped")
		return nil
	case errors.Is(err, store.ErrLocked):
		log.Error("another peyk is running on this file: stop it, or give this one a DB_PATH of its own", "store", s.dbPath)
	case errors.Is(err, store.ErrNewer):
		log.Error("a newer peyk has written this file: run that version, or go back to the copy it made beside the file", "store", s.dbPath)
	case errors.Is(err, store.ErrDamaged):
		log.Error("the store's file cannot be used: put a backup in its place with peyk restore, or have DB_PATH name another", "store", s.dbPath, "err", err)
	default:
		log.Error("peyk gives up", "err", err)
	}
	return exit(1)
}

func runBridge(ctx context.Context, s settings, log *slog.Logger) (err error) {
	panel, err := s.panel.client()
	if err != nil {
		return err
	}
	m := metrics.New()
	s.store.Committed, s.store.Log = m.Committed, log
	st, err := store.Open(s.dbPath, s.store)
	if err != nil {
		return err
	}
	defer func() {
		if closing := st.Close(); !errors.Is(err, store.ErrStuck) { // which it would say again
			err = errors.Join(err, closing)
		}
	}()
	stopBackups, err := serveBackups(st, s.dbPath, log)
	if err != nil {
		log.Warn("peyk backup will work only while the bridge is stopped", "err", err)
	} else {
		defer stopBackups()
	}
	s.relay.Log, s.bot.Log = log, log
	s.telegram.OnCall, s.telegram.OnAnswer = m.TelegramAsked, st.HeardAnswer
	b := bridge.New(st, panel, telegram.New(s.telegram), s.relay, s.bot, m)
	if s.httpAddr != "" {
		stopHealth, err := serveHealth(s.httpAddr, b, st, m, log)
		if err != nil {
			return err
		}
		defer stopHealth()
	}
	return b.Run(ctx)
}

func newLog(s settings, stderr io.Writer) *slog.Logger {
	opts := &slog.HandlerOptions{Level: s.logLevel}
	if s.logJSON {
		return slog.New(slog.NewJSONHandler(stderr, opts))
	}
	return slog.New(slog.NewTextHandler(stderr, opts))
}
