package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
)

// command is one row of a table of commands. Help, completion and the manual page are made of the table.
type command struct {
	name  string
	args  string              // what follows its flags, as the help shows it; empty: nothing
	does  string              // one line
	more  string              // what only its own help says
	flags func(*flag.FlagSet) // declares its flags; nil: it has none. A value is named in the usage in backquotes
	below []command           // its own commands
	run   func(context.Context) error
}

// call is one call of the program. Its methods are the commands.
type call struct {
	path           string   // how it was called, as far as it is read: peyk, peyk check, peyk panel send
	name           string   // the last word of it, empty when there was none
	args           []string // after the name and, once parse was called, after the flags
	quick          bool     // --quick of peyk check
	out            string   // --out of peyk setup
	kind           string   // --panel of peyk sandbox
	environ        []string
	stdin          io.Reader
	stdout, stderr io.Writer
}

// exit is an error that ends the program with this code. The user has been told why.
type exit int

func (e exit) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

// wrongUse is a mistake in how the program was called. Nothing was done.
type wrongUse string

func (w wrongUse) Error() string { return string(w) }

// tell tells err in one line, unless the user was told, and returns the exit code that it means.
func (c *call) tell(err error) exit {
	code, told := errors.AsType[exit](err)
	wrong, misused := errors.AsType[wrongUse](err)
	switch {
	case err == nil:
		return 0
	case told:
		return code
	case misused:
		fmt.Fprintf(c.stderr, "%s: %v; see %[1]s --help\n", c.path, wrong)
		return 2
	}
	fmt.Fprintf(c.stderr, "%s: %s\n", c.path, strings.ReplaceAll(err.Error(), "\n", "; "))
	return 1
}

// find takes the first argument for the name of a command, and returns its row.
func (c *call) find(table []command) (command, error) {
	if c.name = ""; len(c.args) > 0 {
		c.name = c.args[0]
	}
	row, err := find(table, c.name)
	if len(c.args) > 0 && err == nil {
		c.args, c.path = c.args[1:], c.path+" "+c.name
	}
	return row, err
}

func find(table []command, name string) (command, error) {
	var names []string
	for _, row := range table {
		if row.name == name {
			return row, nil
		}
		names = append(names, row.name)
	}
	if like := nearest(name, names); like != "" {
		return command{}, wrongUse(fmt.Sprintf("there is no command %q: did you mean %s?", name, like))
	}
	return command{}, wrongUse(fmt.Sprintf("there is no command %q", name))
}

// parse reads the flags of a command from the arguments, and leaves what follows them. The error is flag.ErrHelp when help was asked for.
func (c *call) parse(row command) error {
	flags, typed := row.flagSet(), c.args
	err := flags.Parse(c.args)
	c.args = flags.Args()
	switch {
	case err == flag.ErrHelp:
		return err
	case err != nil:
		return wrongUse(err.Error())
	case row.args == "" && len(c.args) > 0:
		return wrongUse(fmt.Sprintf("unexpected argument %q", cmp.Or(c.args[0], typed[0])))
	}
	return nil
}

func (row command) flagSet() *flag.FlagSet {
	flags := flag.NewFlagSet(row.name, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	if row.flags != nil {
		row.flags(flags)
	}
	return flags
}

// shownFlag is a flag as people read it.
type shownFlag struct{ name, value, does string }

// shownFlags returns the flags of a command, in the order of the alphabet.
func (row command) shownFlags() []shownFlag {
	var shown []shownFlag
	row.flagSet().VisitAll(func(f *flag.Flag) {
		value, does := flag.UnquoteUsage(f)
		shown = append(shown, shownFlag{f.Name, value, does})
	})
	return shown
}

// typed is how the flag is typed, with a name for its value.
func (f shownFlag) typed() string { return strings.TrimSpace("--" + f.name + " " + f.value) }

// synopsis is how a command is typed, without what comes before it.
func (row command) synopsis() string {
	words := []string{row.name}
	for _, f := range row.shownFlags() {
		if !strings.Contains(row.args, "--"+f.name) { // which says where it goes, and whether it must
			words = append(words, "["+f.typed()+"]")
		}
	}
	return strings.Trim(strings.Join(append(words, row.args), " "), " ")
}

// help writes how a command is used; path is how it is called.
func (row command) help(w io.Writer, path string) {
	before := strings.TrimSuffix(path, row.name)
	fmt.Fprintf(w, "usage: %s%s\n\n%s.\n", before, row.synopsis(), upperFirst(row.does))
	if row.more != "" {
		fmt.Fprintf(w, "\n%s\n", row.more)
	}
	for i, f := range row.shownFlags() {
		if i == 0 {
			fmt.Fprintln(w)
		}
		fmt.Fprintf(w, "  %-16s %s\n", f.typed(), f.does)
	}
	if len(row.below) == 0 {
		return
	}
	fmt.Fprintln(w)
	width := 0
	for _, sub := range row.below {
		width = max(width, len(sub.name))
	}
	for _, sub := range row.below {
		fmt.Fprintf(w, "  %s %-*s  %s\n", path, width, sub.name, sub.does)
	}
	fmt.Fprintf(w, "\nEach of them has --help.\n")
}

func upperFirst(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

func asksForHelp(word string) bool {
	return slices.Contains([]string{"help", "-h", "-help", "--help"}, word)
}
