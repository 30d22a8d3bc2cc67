package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
)

// command is one row of a table of commands. The table is also their help.
type command struct {
	name  string
	args  string              // as the help shows them; empty: it takes none
	does  string              // one line
	more  string              // what only its own help says
	flags func(*flag.FlagSet) // declares its flags; nil: it has none
	run   func(context.Context) error
}

// call is one call of the program. Its methods are the commands.
type call struct {
	name           string   // of the command, as typed
	args           []string // after the name and, once parse was called, after the flags
	quick          bool     // --quick of peyk check
	environ        []string
	stdin          io.Reader
	stdout, stderr io.Writer
}

// exit is an error that ends the program with this code. The user has been told why.
type exit int

func (e exit) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

// shift takes the first argument for the name of the command.
func (c *call) shift() {
	c.name = ""
	if len(c.args) > 0 {
		c.name, c.args = c.args[0], c.args[1:]
	}
}

// find returns the row that c names.
func (c *call) find(table []command) (row command, found bool) {
	i := slices.IndexFunc(table, func(row command) bool { return row.name == c.name })
	if i < 0 {
		return command{}, false
	}
	return table[i], true
}

// parse reads the flags of a command from the arguments, and leaves what follows them. The error is flag.ErrHelp when help was asked for.
func (c *call) parse(row command) error {
	flags := row.flagSet()
	err := flags.Parse(c.args)
	c.args = flags.Args()
	return err
}

func (row command) flagSet() *flag.FlagSet {
	flags := flag.NewFlagSet(row.name, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	if row.flags != nil {
		row.flags(flags)
	}
	return flags
}

// synopsis is how a command is typed, without the program's name.
func (row command) synopsis() string { return strings.TrimSpace(row.name + " " + row.args) }

func asksForHelp(word string) bool {
	return slices.Contains([]string{"help", "-h", "-help", "--help"}, word)
}
