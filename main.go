// Command peyk joins an SMS panel to Telegram: customers' SMS appear in a team's group, and answers go back as SMS.
//
// This package is the outside of the program: commands, settings, signals, exit codes. What it does is in package bot.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	_ "time/tzdata" // TIMEZONE must work where the system knows no zones, as in the container

	"peyk/bot"
	"peyk/sandbox"
	"peyk/store"
)

// version is put in by the build: -ldflags "-X main.version=v1.2.3".
var version string

const usage = `Peyk joins an SMS panel to Telegram.

usage:
  peyk            run the bridge, with settings from the environment and .env
  peyk setup      ask for the settings it takes, try each of them, and write .env
  peyk sandbox    run it between a Telegram and a panel on this machine: no account, no network, no settings
  peyk panel …    use the panel from the shell; "peyk panel help" lists how
  peyk check      check settings, store, Telegram, chats and panel, without sending anything, and tell the mends
  peyk check --quick   ask the running bridge at HTTP_ADDR whether it is alive
  peyk backup F   write the store to the new file F, also while the bridge runs
  peyk restore F  put the backup F in the store's place, while no bridge runs
  peyk version    tell which version this is
  peyk help       this

README.md tells how to begin, .env.example explains every setting.
`

func main() {
	// Go ends a program that panics with 2, which here means wrong settings: systemd would not start it again. So SIGABRT ends it.
	debug.SetTraceback("crash")
	ctx, stop := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		stop()
		<-signals // somebody does not want to wait
		os.Exit(1)
	}()
	os.Exit(run(ctx, os.Args[1:], os.Environ(), os.Stdin, os.Stdout, os.Stderr))
}

// run runs the program until it is done or ctx ends, and returns its exit code: 0 done, 1 it failed, 2 wrong use or settings.
func run(ctx context.Context, args, environ []string, stdin io.Reader, stdout, stderr io.Writer) int {
	privateFiles()
	name := ""
	if len(args) > 0 {
		name, args = args[0], args[1:]
	}
	if len(args) > 0 && !slices.Contains([]string{"panel", "backup", "restore", "check"}, name) {
		fmt.Fprintf(stderr, "peyk %s: %q is one argument too many\n\n%s", name, args[0], usage)
		return 2
	}
	switch name {
	case "":
		s, warnings, err := readSettings(environ, "")
		if err != nil {
			return wrongSettings(stderr, err)
		}
		return runBridge(ctx, s, warnings, stderr)
	case "sandbox":
		if err := sandbox.Run(ctx, sandbox.Options{Environ: environ, Stdout: stdout, Stderr: stderr}); err != nil {
			fmt.Fprintf(stderr, "peyk sandbox: %v\n", err)
			return 1
		}
		return 0
	case "panel":
		s, _, err := readSettings(environ, "SMS_")
		if err != nil && len(args) > 0 && !slices.ContainsFunc(args, asksForHelp) {
			return wrongSettings(stderr, err)
		}
		return panelCommand(ctx, args, s.panel, stdin, stdout, stderr)
	case "setup":
		return setupCommand(ctx, environ, stdin, stdout, stderr)
	case "check":
		if slices.Equal(args, []string{"--quick"}) {
			return quickCheck(ctx, environ, stdout, stderr)
		}
		return checkCommand(ctx, args, environ, stdout, stderr)
	case "backup", "restore":
		return storeCommand(ctx, name, args, environ, stdout, stderr)
	case "version":
		fmt.Fprintf(stdout, "peyk %s %s %s/%s\n", versionOf(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
		return 0
	}
	if asksForHelp(name) {
		io.WriteString(stdout, usage)
		return 0
	}
	fmt.Fprintf(stderr, "peyk: there is no command %q\n\n%s", name, usage)
	return 2
}

func asksForHelp(word string) bool {
	return slices.Contains([]string{"help", "-h", "-help", "--help"}, word)
}

func wrongSettings(stderr io.Writer, mistakes error) int {
	fmt.Fprintf(stderr, "peyk: the settings are not right; .env.example explains each:\n  %s\n",
		strings.ReplaceAll(mistakes.Error(), "\n", "\n  "))
	return 2
}

// runBridge runs the bridge and returns the exit code.
func runBridge(ctx context.Context, s settings, warnings []string, stderr io.Writer) int {
	log := newLog(s, stderr)
	for _, w := range append(warnings, s.inClear()...) {
		log.Warn(w)
	}
	log.Info("peyk starts", "version", versionOf(), "store", s.dbPath)
	err := bridge(ctx, s, log)
	switch {
	case err == nil:
		log.Info("peyk has ended")
		return 0
	case errors.Is(err, store.ErrLocked):
		log.Error("another peyk is running on this file: stop it, or give this one a DB_PATH of its own", "store", s.dbPath)
	case errors.Is(err, store.ErrNewer):
		log.Error("a newer peyk has written this file: run that version, or go back to the copy it made beside the file", "store", s.dbPath)
	case errors.Is(err, store.ErrDamaged):
		log.Error("the store's file cannot be used: put a backup in its place with peyk restore, or have DB_PATH name another", "store", s.dbPath, "err", err)
	default:
		log.Error("peyk gives up", "err", err)
	}
	return 1
}

func bridge(ctx context.Context, s settings, log *slog.Logger) (err error) {
	panel, err := s.panel.client()
	if err != nil {
		return err
	}
	metrics := bot.NewMetrics()
	s.store.Committed = metrics.Committed
	st, err := store.Open(s.dbPath, s.store)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	stopBackups, err := serveBackups(st, s.dbPath, log)
	if err != nil {
		log.Warn("peyk backup will work only while the bridge does not run", "err", err)
	} else {
		defer stopBackups()
	}
	s.bot.Log, s.bot.Metrics = log, metrics
	b := bot.New(st, panel, s.telegram, s.bot)
	if s.httpAddr != "" {
		stopHealth, err := serveHealth(s.httpAddr, b, st, metrics, log)
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

// versionOf returns the version the build was given, or else what Go knows of it: the module's version or the commit.
func versionOf() string {
	info, ok := debug.ReadBuildInfo()
	if version != "" || !ok {
		return cmp.Or(version, "unknown")
	}
	said := info.Main.Version
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && !strings.Contains(said, s.Value[:min(12, len(s.Value))]) {
			said += " " + s.Value
		}
	}
	return said
}
