package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
)

// man writes the manual page, which is made of the table of commands and of .env.example.
func (c *call) man(context.Context) error {
	p := manualPage{c.stdout}
	p.macro("TH", "PEYK", "1", "", "Peyk", "")
	p.macro("SH", "NAME")
	p.text("peyk - joins an SMS panel to Telegram")
	p.macro("SH", "SYNOPSIS")
	p.macro("B", "peyk")
	p.text(c.program().args)
	p.macro("SH", "DESCRIPTION")
	p.text("Customers' SMS appear in a team's Telegram group, answers go back as SMS, and everybody sees whether they arrived. " +
		"Without a command it runs the bridge. peyk setup is the way to begin, peyk sandbox lets you play without any account.")
	p.macro("SH", "COMMANDS")
	p.commands("peyk", c.commands())
	p.macro("SH", "SETTINGS")
	p.settings()
	p.macro("SH", "EXIT STATUS")
	for _, code := range [][2]string{{"0", "done"}, {"1", "it failed, or peyk check found something wrong"}, {"2", "wrong use, or wrong settings"}} {
		p.macro("TP")
		p.macro("B", code[0])
		p.text(code[1])
	}
	return nil
}

// manualPage is a manual page being written.
type manualPage struct{ w io.Writer }

// inRoff writes a line so that roff shows it as it is.
var inRoff = strings.NewReplacer(`\`, `\e`, "-", `\-`, "…", "...", "“", `"`, "”", `"`)

func (p manualPage) text(line string) {
	line = inRoff.Replace(line)
	if strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'") {
		line = `\&` + line
	}
	fmt.Fprintln(p.w, line)
}

// macro writes a request to roff; with arguments in quotes, as they may hold spaces.
func (p manualPage) macro(name string, args ...string) {
	fmt.Fprint(p.w, "."+name)
	for _, arg := range args {
		fmt.Fprintf(p.w, ` "%s"`, strings.ReplaceAll(inRoff.Replace(arg), `"`, `""`))
	}
	fmt.Fprintln(p.w)
}

func (p manualPage) commands(path string, table []command) {
	for _, row := range table {
		if row.below != nil {
			p.commands(path+" "+row.name, row.below)
			continue
		}
		p.macro("TP")
		p.macro("B", strings.TrimSpace(path+" "+row.synopsis()))
		p.text(upperFirst(row.does) + ".")
		for line := range strings.Lines(row.more) {
			p.text(strings.TrimSpace(line))
		}
		for _, f := range row.shownFlags() {
			p.text(f.typed() + ": " + f.does + ".")
		}
	}
}

// settings writes what .env.example says: paragraphs of comments, those that explain settings before them.
func (p manualPage) settings() {
	var said []string // comments that wait for the settings they explain
	var names []string
	flush := func() {
		for i, name := range names {
			p.macro([]string{"TP", "TQ"}[min(i, 1)]) // TQ: one more for the same paragraph
			p.macro("B", name)
		}
		if len(names) == 0 && len(said) > 0 {
			p.macro("PP")
		}
		for _, line := range said {
			p.text(line)
		}
		said, names = nil, nil
	}
	for raw := range bytes.Lines(manual) {
		line := strings.TrimSpace(string(raw))
		comment, explains := strings.CutPrefix(line, "# ")
		heading, isHeading := strings.CutPrefix(comment, "--- ")
		switch {
		case isHeading:
			flush()
			p.macro("SS", strings.TrimSuffix(heading, " ---"))
		case line == "" || line == "#":
			flush()
		case explains:
			said = append(said, comment)
		default:
			names = append(names, strings.TrimPrefix(line, "#"))
		}
	}
	flush()
}
