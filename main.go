// Command peyk joins an SMS panel to Telegram: customers' SMS appear in a team's group, and answers go back as SMS.
//
// This package is the outside of the program: its commands, settings, signals and exit codes. It knows nothing of SMS or chats. What it is given on
// the command line, in the environment and in .env it hands to the packages that do the work, bridge first of all; what they find or return it
// prints and makes an exit code of.
package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	_ "time/tzdata" // TIMEZONE must work where the system knows no zones, as in the container

	_ "golang.org/x/crypto/x509roots/fallback" // so must https where the system trusts nobody, as a bare Debian without ca-certificates

	"peyk/panels"
	"peyk/sandbox"
)

// version is set by the build: -ldflags "-X main.version=v1.2.3".
var version string

func main() {
	// Go ends a program that panics with 2, which here means wrong settings: systemd would not start it again. So SIGABRT ends it.
	debug.SetTraceback("crash")
	ctx, stop := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		stop()
		<-signals // a second one: somebody does not want to wait
		os.Exit(1)
	}()
	os.Exit(run(ctx, os.Args[1:], os.Environ(), os.Stdin, os.Stdout, os.Stderr))
}

// run runs the program until it is done or ctx ends, and returns its exit code: 0 done, 1 it failed, 2 wrong use or settings.
func run(ctx context.Context, args, environ []string, stdin io.Reader, stdout, stderr io.Writer) int {
	privateFiles()
	c := &call{path: "peyk", args: args, environ: environ, stdin: stdin, stdout: stdout, stderr: stderr}
	return int(c.tell(c.dispatch(ctx)))
}

// program is the command that all others are below.
func (c *call) program() command {
	return command{name: "peyk", args: "[COMMAND …]", does: "Peyk joins an SMS panel to Telegram",
		more:  "peyk setup is the way to begin. peyk man explains every setting.",
		below: c.commands()}
}

// commands are those of the program, in the order of its help.
func (c *call) commands() []command {
	return []command{
		{name: "", does: "run the bridge, with settings from the environment and .env", run: c.bridge},
		{name: "setup", does: "ask for the settings it needs, try each of them, and write .env", run: c.setup,
			flags: func(flags *flag.FlagSet) {
				flags.StringVar(&c.out, "out", "", "write `FILE`, or peyk.env in that directory, for systemd or compose: token and password go into files of their own beside it")
			}},
		{name: "sandbox", does: "run the bridge between a Telegram and a panel on this machine: no account, network or settings needed", flags: c.sandboxFlags, run: c.sandbox},
		{name: "panel", args: "COMMAND …", does: "use the panel from the shell",
			more:  "It needs only the settings that begin with SMS_, and prints JSON, errors too.",
			below: (&panelCall{call: *c}).commands(), run: c.panel},
		{name: "check", does: "check settings, store, Telegram, chats and panel without sending anything, and say how to fix what is wrong", run: c.check,
			flags: func(flags *flag.FlagSet) {
				flags.BoolVar(&c.quick, "quick", false, "ask the running bridge at HTTP_ADDR whether it is alive, and nothing else")
			}},
		{name: "backup", args: "FILE", does: "write the store to a new file, even while the bridge runs", run: c.backup},
		{name: "restore", args: "FILE", does: "replace the store with a backup, while no bridge runs", run: c.restore},
		{name: "completion", args: "bash|zsh|fish", does: "write a script that has your shell complete commands and flags",
			more: "For example, in ~/.bashrc: source <(peyk completion bash)", run: c.completion},
		{name: "man", does: "write the manual page; peyk man | man -l - shows it", run: c.man},
		{name: "version", does: "show the version", run: c.version},
		{name: "help", args: "[COMMAND …]", does: "show this, or how a command is used", run: c.help},
	}
}

func (c *call) dispatch(ctx context.Context) error {
	switch {
	case len(c.args) > 0 && asksForHelp(c.args[0]) && c.args[0] != "help":
		c.args = c.args[1:]
		return c.help(ctx)
	case len(c.args) > 0 && slices.Contains([]string{"-version", "--version"}, c.args[0]):
		c.args[0] = "version"
	}
	row, err := c.find(c.commands())
	if err == nil && row.below == nil {
		err = c.parse(row)
	}
	switch {
	case err == flag.ErrHelp:
		row.help(c.stdout, c.path)
		return nil
	case err != nil:
		return err
	}
	return row.run(ctx)
}

// readSettings reads those settings whose names begin with prefix. It tells what is wrong with them, and then returns exit(2).
func (c *call) readSettings(prefix string) (s settings, err error) {
	from := openSources(c.environ, ".env")
	s, warnings, mistakes := from.read(prefix)
	if mistakes == nil {
		return s, nil
	}
	defer linesByTheirLetters(c.stderr, from.Language)()
	switch {
	case prefix == "" && from.missing():
		fmt.Fprintln(c.stderr, from.Say(from.CommandSays, c.path, from.NoSettings))
	default:
		fmt.Fprintf(c.stderr, "%s\n  %s\n", from.Say(from.CommandSays, c.path, from.WrongSettings), strings.ReplaceAll(mistakes.Error(), "\n", "\n  "))
	}
	for _, w := range warnings {
		fmt.Fprintln(c.stderr, " ", from.Say(from.Note, w))
	}
	return s, exit(2)
}

func (c *call) help(context.Context) error {
	row, path := c.program(), "peyk"
	for _, name := range c.args {
		below, err := find(row.below, name)
		if err != nil {
			return err
		}
		row, path = below, path+" "+name
	}
	row.help(c.stdout, path)
	return nil
}

func (c *call) sandboxFlags(flags *flag.FlagSet) {
	flags.StringVar(&c.kind, "panel", panels.Kinds[0].Name, "the `KIND` of panel: "+strings.Join(panels.Names(), ", "))
}

func (c *call) sandbox(ctx context.Context) error {
	kind, known := panels.Named(c.kind)
	if !known {
		return wrongUse("there is no panel of that kind; there are " + strings.Join(panels.Names(), ", "))
	}
	return sandbox.Run(ctx, sandbox.Options{Panel: kind.Name, Environ: c.environ, Stdout: c.stdout, Stderr: c.stderr})
}

func (c *call) version(context.Context) error {
	fmt.Fprintf(c.stdout, "peyk %s %s %s/%s\n", versionOf(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return nil
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
