package bot

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"peyk/bot/text"
	"peyk/internal/table"
	"peyk/internal/xlsx"
	"peyk/sms"
	"peyk/store"
	"peyk/telegram"
)

// optOutsShown is how many opt-outs are listed in a chat. All are in the file.
const optOutsShown = 20

// lineWords are what a header calls the column of the line, in the form of cannedKey.
var lineWords = []string{"خط", "سرشماره", "line"}

// optOut lists who opted out, and sends the asker all of them as a spreadsheet, in private; with a file of such a kind it asks whether to opt those in it
// out.
func (b *Bot) optOut(ctx context.Context, m *telegram.Message, _ role) error {
	if fileOf(m) != nil {
		return b.readFile(ctx, m, b.askOptOuts)
	}
	t, now := b.language(m.Chat), b.now()
	all, forgotten, err := b.store.OptedOut()
	if err != nil {
		return err
	}
	if len(all) == 0 && forgotten == 0 {
		return b.respond(m, t.OptOutNone)
	}
	head := t.Say(t.OptOutHead, len(all))
	if forgotten > 0 {
		head += " " + t.Say(t.OptOutForgotten, forgotten)
	}
	lines := []string{head}
	newest := slices.Clone(all)
	slices.SortStableFunc(newest, func(a, b store.Wished) int { return b.At.Compare(a.At) })
	for _, w := range newest[:min(optOutsShown, len(newest))] {
		lines = append(lines, fmt.Sprintf("· %s · %s · %s", text.Number(w.Customer), lineName(t, w.Line), t.Clock(w.At.In(now.Location()), now)))
	}
	if more := len(newest) - optOutsShown; more > 0 {
		lines = append(lines, t.Say(t.More, more))
	}
	if err := b.respond(m, text.Clip(append(lines, t.OptOutFile))); err != nil || len(all) == 0 {
		return err
	}
	e := b.exporting(m)
	b.runLatest(ctx, question{e.to, m.Command}, b.exportSlots, func(ctx context.Context) {
		if err := e.sendOptOuts(ctx, all); err != nil && ctx.Err() == nil {
			b.log.Error("export", "agent", int64(m.From.ID), "err", err)
			e.say(ctx, e.to, e.t.Say(e.t.ExportFailed, text.Reason(reasonOf(err))))
		}
	})
	return nil
}

// sendOptOuts sends the file of who opted out, of which askOptOuts reads numbers and lines.
func (e *exporting) sendOptOuts(ctx context.Context, all []store.Wished) error {
	t := e.t
	file := &blocks{}
	sheet, err := xlsx.NewWriter(file, xlsx.Sheet{Name: t.OptOutSheet, RightToLeft: t.RightToLeft(), Columns: []xlsx.Column{
		{Title: t.ColumnCustomer, Width: 16}, {Title: t.ColumnLine, Width: 16}, {Title: t.Say(t.ColumnTime, e.opts.Location), Width: 20},
	}})
	if err != nil {
		return err
	}
	for _, w := range all {
		if err := sheet.Row(string(w.Customer), string(w.Line), w.At.In(e.opts.Location)); err != nil {
			return err
		}
	}
	if err := sheet.Close(); err != nil {
		return err
	}
	html := t.SetApart(t.Say(t.OptOutHead, len(all)))
	o := telegram.Outgoing{Chat: e.to, HTML: html, Plain: text.Plain(html), File: &telegram.File{Name: "opted-out.xlsx", Data: file, Size: file.size}}
	if e.asked.Private {
		o.ReplyTo = e.asked.ID
	}
	if err := e.explain(ctx, e.upload(ctx, o)); err != errExportEnded {
		return err
	}
	return nil
}

// optOutColumns returns where the number and the line stand: where a header says, else in the first and the second column.
func optOutColumns(cells []string) (number, line int, header bool) {
	find := func(words []string, but int) int {
		for i, cell := range cells {
			key := cannedKey(text.Short(cell, text.ReasonRunes))
			if i != but && slices.ContainsFunc(words, func(word string) bool { return strings.Contains(key, word) }) {
				return i
			}
		}
		return -1
	}
	isNumber := func(cell string) bool { _, err := sms.ParseRecipient(cell); return err == nil }
	if slices.ContainsFunc(cells, isNumber) {
		return 0, 1, false
	}
	line = find(lineWords, -1)
	if number = find(numberWords, line); number < 0 {
		number = max(0, find(nameWords, line)) // as our own file calls it
	}
	return number, line, true
}

// askOptOuts keeps the opt-outs that are to be imported, and returns the question. Without a line of ours a row is about all of them.
func (b *Bot) askOptOuts(m *telegram.Message, rows []table.Row, t *text.Language) (store.Post, error) {
	number, line := 0, 1
	if len(rows) > 0 {
		var header bool
		if number, line, header = optOutColumns(rows[0].Cells); header {
			rows = rows[1:]
		}
	}
	out, _, err := b.store.OptedOut()
	if err != nil {
		return store.Post{}, err
	}
	known := map[sms.Conversation]bool{}
	for _, w := range out {
		known[w.Conversation] = true
	}
	already := 0
	seen := map[sms.Conversation]bool{}
	var change []store.Contact
	var wrong, doubled []int
	for _, row := range rows {
		n, err := sms.ParseRecipient(cell(row, number))
		c := sms.Conversation{Customer: n}
		if l := sms.NormalizeLine(cell(row, line)); slices.Contains(b.opts.Lines, l) {
			c.Line = l
		}
		switch {
		case err != nil:
			wrong = append(wrong, row.N)
			continue
		case seen[c]:
			doubled = append(doubled, row.N)
		case known[c] || known[sms.Conversation{Customer: n}]:
			already++
		default:
			change = append(change, store.Contact{Number: n, Line: c.Line})
		}
		seen[c] = true
	}
	said := t.Say(t.OptOutAsk, len(change), already)
	if len(change) == 0 {
		said = t.Say(t.OptOutNothing, already)
	}
	return b.keepImport(m, t, said, store.Import{OptOut: true}, change, passedRows{t.ContactsWrong, wrong}, passedRows{t.ContactsDoubled, doubled})
}
