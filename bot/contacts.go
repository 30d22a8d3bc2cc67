package bot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"peyk/bot/text"
	"peyk/internal/backoff"
	"peyk/internal/crashpoint"
	"peyk/internal/table"
	"peyk/sms"
	"peyk/store"
	"peyk/telegram"
)

// importPause is how long to wait after each step of an import, to leave the disk to others.
const importPause = 20 * time.Millisecond

// namedRows is how many rows of a file are named that say the same.
const namedRows = 20

// What a header calls its columns, in the form of cannedKey. Families are joined to names; none of the others is what it is called beside it.
var (
	numberWords = []string{"شماره", "موبایل", "تلفن", "همراه", "phone", "mobile", "number", "tel"}
	nameWords   = []string{"نام", "مشتری", "name", "customer"}
	familyWords = []string{"خانوادگی", "last", "family", "surname"}
	otherWords  = []string{"label", "type", "نوع"}
)

// columns are where the cells of a file stand; family is -1 where it has none of its own.
type columns struct{ number, name, family int }

// readHeader returns what the first row says of the columns, if it is a header.
func readHeader(cells []string) (at columns, is bool) {
	keys := make([]string, len(cells))
	for i, cell := range cells {
		keys[i] = cannedKey(text.Short(cell, text.ReasonRunes))
	}
	find := func(words []string, but ...int) int {
		for i, key := range keys {
			says := func(word string) bool { return strings.Contains(key, word) }
			if slices.ContainsFunc(words, says) && !slices.ContainsFunc(otherWords, says) && !slices.Contains(but, i) {
				return i
			}
		}
		return -1
	}
	at.number = find(numberWords)
	at.name = find(nameWords, at.number)
	at.family = find(familyWords, at.number, at.name)
	isNumber := func(cell string) bool { _, err := sms.ParseRecipient(cell); return err == nil }
	if at.number < 0 || at.name < 0 || slices.ContainsFunc(cells, isNumber) {
		return columns{number: 0, name: 1, family: -1}, false
	}
	return at, true
}

// cell returns a cell of a row as a word of ours; "" beyond the last.
func cell(row table.Row, column int) string {
	if column < 0 || column >= len(row.Cells) {
		return ""
	}
	return strings.TrimSpace(text.Short(row.Cells[column], text.NameRunes))
}

// contactList is what a file of names for numbers says.
type contactList struct {
	contacts []store.Contact
	wrong    []int // rows without a number
	nameless []int
	doubled  []int // rows whose number stands further up
}

// readContacts reads rows of a number and a name, under a header or not.
func readContacts(rows []table.Row) (list contactList) {
	if len(rows) == 0 {
		return list
	}
	at, header := readHeader(rows[0].Cells)
	if header {
		rows = rows[1:]
	}
	known := map[sms.Number]bool{}
	for _, row := range rows {
		n, err := sms.ParseRecipient(cell(row, at.number))
		name := strings.TrimSpace(text.Short(strings.TrimSpace(cell(row, at.name)+" "+cell(row, at.family)), text.NameRunes))
		switch {
		case err != nil:
			list.wrong = append(list.wrong, row.N)
		case text.Blank(name) || name == "-":
			list.nameless = append(list.nameless, row.N)
		case known[n]:
			list.doubled = append(list.doubled, row.N)
		default:
			known[n] = true
			list.contacts = append(list.contacts, store.Contact{Number: n, Name: name})
		}
	}
	return list
}

// contacts asks whether the names in a file are to be given.
func (b *Bot) contacts(ctx context.Context, m *telegram.Message, _ role) error {
	if fileOf(m) == nil {
		return b.respond(m, b.language(m.Chat).ContactsUsage)
	}
	return b.readFile(ctx, m, b.askContacts)
}

// askContacts keeps the names that are to be given. It returns the question whether to do so, or why nothing is to be done.
func (b *Bot) askContacts(m *telegram.Message, rows []table.Row, t *text.Language) (store.Post, error) {
	list := readContacts(rows)
	added, renamed, same := 0, 0, 0
	var change []store.Contact
	for _, row := range list.contacts {
		c, err := b.store.Customer(row.Number)
		switch {
		case err != nil:
			return store.Post{}, err
		case c.Name == row.Name:
			same++
			continue
		case c.Name == "":
			added++
		default:
			renamed++
		}
		change = append(change, row)
	}
	said := t.Say(t.ContactsAsk, added, renamed, same)
	if len(change) == 0 {
		said = t.Say(t.ContactsNothing, same)
	}
	return b.keepImport(m, t, said, store.Import{}, change, passedRows{t.ContactsWrong, list.wrong}, passedRows{t.ContactsNameless, list.nameless}, passedRows{t.ContactsDoubled, list.doubled})
}

// passedRows are rows of a file that are passed over, and the sentence that says why.
type passedRows struct {
	sentence string
	rows     []int
}

// keepImport keeps what is to be imported, if that changes anything, and returns the question.
func (b *Bot) keepImport(m *telegram.Message, t *text.Language, ask string, i store.Import, change []store.Contact, passed ...passedRows) (store.Post, error) {
	said := []string{ask}
	for _, passed := range passed {
		if len(passed.rows) > 0 {
			said = append(said, t.Say(passed.sentence, len(passed.rows), nameRows(t, passed.rows)))
		}
	}
	p := response(m, strings.Join(said, "\n"))
	if len(change) == 0 {
		return p, nil
	}
	i.Place, i.Agent = sms.Place{Chat: m.Chat, Topic: m.Topic}, m.From.ID
	id, err := b.store.AddImport(i, change)
	label := t.Import
	if i.OptOut {
		label = t.OptOutImport
	}
	p.Buttons = []store.Button{{Label: label, Data: importData(id, importGo), Style: telegram.Green}, {Label: t.Cancel, Data: importData(id, importDrop), Style: telegram.Red}}
	return p, err
}

// nameRows names rows by their numbers, the first ones when they are many.
func nameRows(t *text.Language, rows []int) string {
	var said []string
	for _, n := range rows[:min(namedRows, len(rows))] {
		said = append(said, t.Say("%v", n))
	}
	list := t.List(said)
	if more := len(rows) - namedRows; more > 0 {
		list += " " + t.Say(t.More, more)
	}
	return list
}

// What the buttons of an import do.
const (
	importGo   = "go"
	importDrop = "drop"
	importUndo = "undo"
)

func importData(id store.ImportID, do string) string {
	return fmt.Sprintf("import:%s:%s", strconv.FormatUint(uint64(id), 36), do)
}

func readImport(data string) (id store.ImportID, do string, ok bool) {
	parts := strings.Split(data, ":")
	if len(parts) != 3 || parts[0] != "import" {
		return 0, "", false
	}
	n, err := strconv.ParseUint(parts[1], 36, 64)
	return store.ImportID(n), parts[2], err == nil
}

// importPressed has an import begin, or be dropped, or undone.
func (b *Bot) importPressed(p *telegram.Press, r role, t *text.Language, id store.ImportID, do string) (word string, alert bool, err error) {
	if r < admin {
		return t.PressNotAdmins, true, nil
	}
	i, err := b.store.Import(id)
	if err == nil {
		var same bool
		if same, err = b.sameChat(i.Chat, p.Message.Chat); err == nil && !same {
			err = store.ErrNotFound
		}
	}
	switch {
	case err != nil:
	case do == importGo:
		err = b.store.DecideImport(id, store.Importing, p.Message.ID)
	case do == importUndo:
		err = b.store.DecideImport(id, store.ImportUndoing, p.Message.ID)
	case do == importDrop:
		said := t.ContactsCancelled
		if i.OptOut {
			said = t.OptOutCancelled
		}
		err = b.store.DropImport(id, inPlaceOf(p.Message, t.Say(said, text.Isolated(p.From.Name))))
	default:
		err = store.ErrNotFound
	}
	switch {
	case errors.Is(err, store.ErrNotFound), errors.Is(err, store.ErrDecided), errors.Is(err, store.ErrExpired):
		return t.PressOld, true, nil
	case err != nil:
		return "", false, err
	}
	b.log.Info("import of contacts", "import", uint64(id), "agent", int64(p.From.ID), "decision", do)
	return t.PressDone, false, nil
}

// importContacts carries out the imports that admins decided, also those that a process before this one had begun.
func (b *Bot) importContacts(ctx context.Context) error {
	trouble := backoff.Backoff{Log: b.log, What: "import contacts", Shortest: time.Second}
	for ctx.Err() == nil {
		i, err := b.store.NextImport()
		switch {
		case errors.Is(err, store.ErrNotFound):
			trouble.After(nil)
			select {
			case <-ctx.Done():
			case <-b.store.Imports():
			}
			continue
		case err == nil && i.Done():
			err = b.store.EndImport(i.ID, b.importEnded(i))
		case err == nil:
			err = b.store.ImportStep(i.ID)
		}
		crashpoint.At("import.step")
		if err != nil {
			trouble.Wait(ctx, err, nil)
			continue
		}
		trouble.After(nil)
		backoff.Sleep(ctx, importPause, nil)
	}
	return nil
}

// importEnded says what an import changed.
func (b *Bot) importEnded(i store.Import) store.Post {
	t := b.language(i.Chat)
	p := store.Post{Chat: i.Chat, Topic: i.Topic, Kind: store.PostText, Message: i.Message, ReplyTo: i.Message} // as inPlaceOf
	if i.State == store.ImportUndoing {
		p.Text = t.Say(t.ContactsUndone, i.New, i.Renamed)
		if i.OptOut {
			p.Text = t.Say(t.OptOutTaken, i.New)
		}
		if i.Left > 0 {
			left := t.ContactsLeft
			if i.OptOut {
				left = t.OptOutLeft
			}
			p.Text += "\n" + t.Say(left, i.Left)
		}
		return p
	}
	p.Text = t.Say(t.ContactsDone, i.New, i.Renamed)
	if i.OptOut {
		p.Text = t.Say(t.OptOutDone, i.New)
	}
	p.Buttons = []store.Button{{Label: t.Undo, Data: importData(i.ID, importUndo), Style: telegram.Red}}
	return p
}
