package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"time"

	"peyk/bot/text"
	"peyk/bridge"
	"peyk/internal/metrics"
	"peyk/relay"
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
	if len(s.cluster.Endpoints) > 0 {
		return runMember(ctx, s, log)
	}
	m := metrics.New()
	s.store.Committed, s.store.Log = m.Committed, log
	if _, err := s.client(); err != nil { // before the store is opened
		return err
	}
	st, err := store.Open(s.dbPath, s.store)
	if err != nil {
		return err
	}
	defer func() {
		if closing := st.Close(); !errors.Is(err, store.ErrStuck) { // which it would say again
			err = errors.Join(err, closing)
		}
	}()
	r, err := s.open(st, m, log)
	if err != nil {
		return err
	}
	defer r.close()
	if s.httpAddr != "" {
		stopHealth, err := serveHealth(s.httpAddr, r, m, log)
		if err != nil {
			return err
		}
		defer stopHealth()
	}
	return r.Run(ctx)
}

// running is a bridge over an open store.
type running struct {
	*bridge.Bridge
	store *store.Store
	close func() // ends what runs beside it
}

// open returns a bridge over st, which is closed after it.
func (s settings) open(st *store.Store, m *metrics.Metrics, log *slog.Logger) (*running, error) {
	panel, err := s.client()
	if err != nil {
		return nil, err
	}
	stopBackups, err := serveBackups(st, s.dbPath, log)
	if err != nil {
		log.Warn("peyk backup will work only while the bridge is stopped", "err", err)
		stopBackups = func() {}
	}
	s.relay.Log, s.bot.Log = log, log
	s.telegram.OnCall, s.telegram.OnAnswer, s.telegram.Dial = m.TelegramAsked, st.HeardAnswer, s.dial
	return &running{bridge.New(st, panel, telegram.New(s.telegram), s.relay, s.bot, m), st, stopBackups}, nil
}

// client returns the panel. Nothing is asked of it yet.
func (s settings) client() (relay.Client, error) {
	s.panel.Dial = s.dial
	return s.panel.client()
}

// Alive returns nil when the store takes a write.
func (r *running) Alive(ctx context.Context) error { return r.store.Alive(ctx) }

// Ready says that both networks answer; its error, which does not.
func (r *running) Ready(now time.Time) (string, error) { return "ready", r.Bridge.Ready(now) }

func newLog(s settings, stderr io.Writer) *slog.Logger {
	opts := &slog.HandlerOptions{Level: s.logLevel}
	if s.logJSON {
		return slog.New(slog.NewJSONHandler(stderr, opts))
	}
	return slog.New(slog.NewTextHandler(stderr, opts))
}
