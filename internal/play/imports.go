package play

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"peyk/sandbox/telegram"
	"peyk/sms"
	"peyk/store"
)

// importRows is how many customers each file names: more than a step of an import does.
const importRows = 250

// imported returns the n-th customer of a file, whom no other names, and nobody else writes to.
func imported(file, n int) (number, name string) {
	return fmt.Sprintf("0914%03d%04d", file%1000, n), fmt.Sprintf("customer %d of file %d", n, file)
}

// adminImports has Sara send a file of names, or press [Import] or [Undo] under what the bot says of one.
func (w *World) adminImports() {
	if w.Away[w.Sara] {
		return
	}
	said, ok := w.Recent(w.Sara, func(m telegram.Message) bool {
		return len(m.Buttons) > 0 && strings.HasPrefix(m.Buttons[0][0].Data, "import:")
	})
	if ok && w.Rand.IntN(3) > 0 {
		w.press(said, said.Buttons[0][0].Data)
		return
	}
	var rows strings.Builder
	for n := range importRows {
		number, name := imported(w.imports, n)
		fmt.Fprintf(&rows, "%s,%s\n", number, name)
	}
	w.imports++
	w.Say(telegram.Post{Chat: w.Sara, From: w.Sara, Caption: "/contacts", Document: &telegram.Document{Name: "names.csv", Data: []byte(rows.String())}})
}

// I14: the names of a file are given to all of its customers or to none, whenever a bridge was killed, and nothing is left under way but what was
// decided just before the end.
func I14(e *Evidence) error {
	var wrong []error
	switch i, err := e.Store.NextImport(); {
	case errors.Is(err, store.ErrNotFound):
	case err != nil:
		return err
	case e.Store.Now().Sub(i.Since).Abs() < time.Minute:
		return nil
	default:
		wrong = append(wrong, fmt.Errorf("import %d is under way since %s", i.ID, i.Since))
	}
	for file := range e.imports {
		given := 0
		for n := range importRows {
			number, name := imported(file, n)
			c, err := e.Store.Customer(sms.Number(number))
			switch {
			case err != nil:
				return err
			case c.Name == name:
				given++
			case c.Name != "":
				wrong = append(wrong, fmt.Errorf("customer %d of file %d is called %q", n, file, c.Name))
			}
		}
		if given != 0 && given != importRows {
			wrong = append(wrong, fmt.Errorf("%d of the %d names of file %d are given", given, importRows, file))
		}
	}
	return errors.Join(wrong...)
}
