package main

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"peyk/bot/text"
)

// dialog asks questions on a terminal, or reads the answers from a pipe.
type dialog struct {
	*text.Language
	in       *bufio.Reader
	terminal int // its file descriptor, -1 when there is none
	out      io.Writer
}

func newDialog(in io.Reader, out io.Writer) dialog {
	d := dialog{Language: &text.English, in: bufio.NewReader(in), terminal: -1, out: out}
	if f, ok := in.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		d.terminal = int(f.Fd())
	}
	return d
}

// say says a sentence in a line of its own.
func (d *dialog) say(sentence string) { fmt.Fprintln(d.out, sentence) }

// ask returns what is typed, or was if that is nothing. The error is io.EOF when the input has ended, or that of ctx.
func (d *dialog) ask(ctx context.Context, q question, was string) (string, error) {
	prompt := q.ask + ": "
	switch {
	case was != "" && q.secret:
		prompt = d.Say(d.HiddenKept, q.ask)
	case q.secret:
		prompt = d.Say(d.Hidden, q.ask)
	case was != "":
		prompt = d.Say(d.Kept, q.ask, was)
	}
	fmt.Fprint(d.out, prompt)
	typed, err := d.line(ctx, q.secret)
	if d.terminal < 0 || q.secret && err == nil {
		fmt.Fprintln(d.out)
	}
	return cmp.Or(strings.TrimSpace(typed), was), err
}

// yes asks a question whose answer is no unless it begins with yes, in English or in the dialog's language.
func (d *dialog) yes(ctx context.Context, ask string) (bool, error) {
	typed, err := d.ask(ctx, question{ask: d.Say(d.YesOrNo, ask)}, "")
	typed = strings.ToLower(typed)
	return strings.HasPrefix(typed, text.English.Yes) || strings.HasPrefix(typed, d.Yes), err
}

// line reads a line. A read from a terminal cannot be interrupted: when ctx ends the read is left behind, as the program is about to end.
func (d *dialog) line(ctx context.Context, secret bool) (string, error) {
	type line struct {
		text string
		err  error
	}
	came := make(chan line, 1)
	read := func() line {
		text, err := d.in.ReadString('\n')
		if text != "" {
			err = nil
		}
		return line{text, err}
	}
	if secret && d.terminal >= 0 {
		shown, err := term.GetState(d.terminal)
		if err != nil {
			return "", err
		}
		defer term.Restore(d.terminal, shown)
		read = func() line {
			text, err := term.ReadPassword(d.terminal)
			return line{string(text), err}
		}
	}
	go func() { came <- read() }()
	select {
	case l := <-came:
		return l.text, l.err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}
