package main

import (
	"io"
	"os"
	"runtime"

	"golang.org/x/term"

	"peyk/bot/text"
)

// linesByTheirLetters has a terminal lay out each line by its first letter, until done is called, if t is written from right to left. GNOME's terminal
// and its kin otherwise begin every line on the left, which tears apart a Persian line with a Latin name in it; others ignore what they do not know.
// https://terminal-wg.pages.freedesktop.org/bidi/recommendation/escape-sequences.html
func linesByTheirLetters(w io.Writer, t *text.Language) (done func()) {
	f, ok := w.(*os.File)
	if !ok || !t.RightToLeft() || !term.IsTerminal(int(f.Fd())) || runtime.GOOS == "windows" {
		return func() {}
	}
	io.WriteString(f, "\x1b[?2501h")
	return func() { io.WriteString(f, "\x1b[?2501l") }
}
