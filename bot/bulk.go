package bot

import (
	"cmp"
	"context"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"peyk/bot/lint"
	"peyk/bot/text"
	"peyk/internal/table"
	"peyk/internal/xlsx"
	"peyk/sms"
	"peyk/smsapi"
	"peyk/store"
	"peyk/telegram"
)

const (
	bulkRows   = 10_000
	bulkRunes  = 4000 // of a text: no more than an agent can write in a message
	shownTexts = 2    // how many texts a question shows, each up to so many runes
	shownRunes = 600
	rowsUnits  = 800  // how much of a message names the rows that have one thing wrong with them
	lintTexts  = 1000 // how many texts are looked at together for words that operators may not deliver
)

// textWords are what a header calls the texts, as numberWords are for numbers.
var textWords = []string{"متن", "پیام", "text", "message", "body", "sms"}

// bulk asks whether the SMS that a file orders are to be sent; without a file it says how that looks.
func (b *Bot) bulk(ctx context.Context, m *telegram.Message, _ role) error {
	t := b.language(m.Chat)
	if fileOf(m) == nil {
		p := response(m, t.BulkUsage)
		p.Kind = store.PostSample
		_, err := b.store.Take(updateKey(m), store.Caused{Posts: []store.Post{p}})
		return err
	}
	if m.Garbled && strings.ContainsRune(m.Args, utf8.RuneError) {
		return b.respond(m, t.Garbled)
	}
	return b.readFile(ctx, m, func(m *telegram.Message, rows []table.Row, t *text.Language) (store.Post, error) {
		o, refusal, err := b.bulkOrder(m, rows, t)
		if err != nil || refusal != "" {
			return response(m, refusal), err
		}
		batch, err := b.store.AddOrder(o)
		if err != nil {
			return store.Post{}, err
		}
		b.log.Info("ordered by a file", "batch", uint64(batch.ID), "agent", int64(m.From.ID), "line", o.Line, "rows", batch.N, "left_out", batch.Withheld)
		if batch.State == store.Asking {
			b.askPanel(ctx, func(ctx context.Context) { b.addCredit(ctx, batch.ID) })
		}
		return store.Post{}, nil
	})
}

// bulkOrder returns the order that the rows of a file give, or the sentence that says why it cannot be.
func (b *Bot) bulkOrder(m *telegram.Message, rows []table.Row, t *text.Language) (o store.Order, refusal string, err error) {
	template := withAddresses(m, m.Args)
	list, unknown := readBulk(rows, template)
	switch {
	case unknown != "":
		return o, t.Say(t.BulkNoColumn, text.Code(text.Short(unknown, text.NameRunes))), nil
	case len(list.rows) > bulkRows:
		return o, t.Say(t.BulkTooMany, bulkRows), nil
	}
	for _, wrong := range []passedRows{{t.BulkNoNumber, list.numberless}, {t.BulkNoText, list.empty}, {t.BulkNoField, list.incomplete}, {t.BulkTooLong, list.long}} {
		if len(wrong.rows) > 0 {
			refusal += "\n" + t.Say(wrong.sentence, len(wrong.rows), rowRanges(t, wrong.rows))
		}
	}
	switch {
	case refusal != "":
		return o, t.BulkWrong + refusal, nil
	case len(list.rows) == 0:
		return o, t.BulkEmpty, nil
	}
	o = store.Order{
		Place: sms.Place{Chat: m.Chat, Topic: m.Topic}, Agent: m.From.ID, AgentName: text.Short(m.From.Name, text.NameRunes), Message: m.ID, Ask: true,
		Rows: list.rows, AddedURLs: template != m.Args, QuietUntil: b.opts.Quiet.Until(b.now()), Bulk: &store.Bulk{},
	}
	if o.Line, err = b.lineOf(m.Chat); err != nil {
		return o, "", err
	}
	b.measure(&o)
	return o, "", nil
}

// measure ends the texts of a bulk order as the settings say, notes whom nobody may send to, and what the question says of all.
func (b *Bot) measure(o *store.Order) {
	b.leaveOutside(o.Rows)
	bulk, first := o.Bulk, o.Rows[0].Text
	bulk.Own = slices.ContainsFunc(o.Rows, func(row store.Row) bool { return row.Text != first })
	var words strings.Builder
	reaches := 0
	for i := range o.Rows {
		row := &o.Rows[i]
		if bulk.Own || i == 0 {
			full, footer := b.withFooter(row.Text)
			if footer != "" {
				o.Footer = footer
			}
			row.Text = full
			count := b.opts.PartSizes.Count(full)
			row.Parts = count.Parts
			if count.Unicode {
				if bulk.Unicode++; bulk.Forced == 0 {
					bulk.Forced, bulk.Row = count.Forced, row.N
				}
			}
			if bulk.Least = min(bulk.Least, count.Parts); i == 0 {
				bulk.Least = count.Parts
			}
			bulk.Most = max(bulk.Most, count.Parts)
			words.WriteString(full + "\n\u00a6x0x\u00a6\n") // what stands between two texts is a word of neither
		}
		if i%lintTexts == lintTexts-1 || i == len(o.Rows)-1 {
			for _, found := range b.opts.Lint.Of(words.String()) {
				if !slices.Contains(bulk.Words, found.Word) {
					bulk.Words = append(bulk.Words, found.Word)
				}
			}
			words.Reset()
		}
		if row.Why != sms.NoReason {
			continue
		}
		if row.To.Foreign() {
			bulk.Abroad++
		}
		reaches++
	}
	if !bulk.Own {
		o.Text, o.Parts = o.Rows[0].Text, o.Rows[0].Parts
		for i := range o.Rows {
			o.Rows[i].Text, o.Rows[i].Parts = "", 0
		}
	}
	bulk.Takes = b.panel.Takes((reaches + smsapi.MaxRecipients - 1) / smsapi.MaxRecipients)
}

// leaveOutside notes whom the settings allow nobody to send to.
func (b *Bot) leaveOutside(rows []store.Row) {
	for i := range rows {
		if rows[i].Why == sms.NoReason && len(b.outsidePrefixes([]sms.Number{rows[i].To})) > 0 {
			rows[i].Why = sms.Outside
		}
	}
}

// bulkList is what the rows of a file order, and the numbers of those that are wrong.
type bulkList struct {
	rows       []store.Row
	numberless []int
	empty      []int // without a text
	incomplete []int // without a cell that the template names
	long       []int
}

// readBulk reads rows of a number and a text, or of a number and what stands in the braces of a template. unknown is a column that the template names and
// the file does not have.
func readBulk(rows []table.Row, template string) (list bulkList, unknown string) {
	if len(rows) == 0 {
		return list, ""
	}
	of := parseTemplate(template)
	number, header := of.header(rows)
	words := 0
	if number == 0 {
		words = 1
	}
	if header {
		if i := headingOf(rows[0].Cells, textWords, number); i >= 0 {
			words = i
		}
		if unknown = of.find(rows[0].Cells); unknown != "" {
			return list, unknown
		}
		rows = rows[1:]
	} else if unknown = of.find(nil); unknown != "" {
		return list, unknown
	}
	known := make(map[sms.Number]bool, len(rows))
	for _, row := range rows {
		n, err := sms.ParseRecipient(cell(row, number))
		said, whole := whole(row, words), true
		if template != "" {
			said, whole = of.fill(row)
		}
		switch {
		case err != nil:
			list.numberless = append(list.numberless, row.N)
			continue
		case !whole:
			list.incomplete = append(list.incomplete, row.N)
			continue
		case text.Blank(said):
			list.empty = append(list.empty, row.N)
			continue
		case utf8.RuneCountInString(said) > bulkRunes:
			list.long = append(list.long, row.N)
			continue
		}
		one := store.Row{N: row.N, To: n, Text: said}
		if known[n] {
			one.Why = sms.Twice
		}
		known[n] = true
		list.rows = append(list.rows, one)
	}
	return list, ""
}

// whole returns a cell of a row as it stands; "" beyond the last.
func whole(row table.Row, column int) string {
	if column >= len(row.Cells) {
		return ""
	}
	return strings.TrimSpace(row.Cells[column])
}

// headingOf returns the first column but one that a header calls by one of these words; -1 if there is none.
func headingOf(cells, words []string, but int) int {
	return slices.IndexFunc(cells, func(cell string) bool {
		key := cannedKey(text.Short(cell, text.ReasonRunes))
		return (but < 0 || cell != cells[but]) && slices.ContainsFunc(words, func(word string) bool { return strings.Contains(key, word) })
	})
}

// brace finds what a template names.
var brace = regexp.MustCompile(`\{[^{}\n]*\}`)

// template is a text with columns in it.
type template struct {
	words   []string // what stands before each column, and at last behind all
	names   []string // of the columns, as they stand in the braces
	columns []int    // once found
}

func parseTemplate(s string) (t template) {
	for {
		at := brace.FindStringIndex(s)
		if at == nil {
			t.words = append(t.words, s)
			return t
		}
		t.words, t.names = append(t.words, s[:at[0]]), append(t.names, s[at[0]+1:at[1]-1])
		s = s[at[1]:]
	}
}

// header returns which column of a file has the numbers, and whether its first row names the columns.
func (t template) header(rows []table.Row) (number int, is bool) {
	numberIn := func(row table.Row) int {
		return slices.IndexFunc(row.Cells, func(cell string) bool { _, err := sms.ParseRecipient(strings.TrimSpace(cell)); return err == nil })
	}
	first := rows[0]
	if number = numberIn(first); number >= 0 {
		return number, false
	}
	if number = headingOf(first.Cells, numberWords, -1); number >= 0 {
		return number, true
	}
	if len(rows) > 1 {
		number = numberIn(rows[1])
	}
	return max(number, 0), slices.ContainsFunc(t.names, func(name string) bool { return headed(first.Cells, name) >= 0 })
}

// headed returns the column of a heading; -1 if there is none.
func headed(cells []string, name string) int {
	key := headingKey(name)
	if key == "" {
		return -1
	}
	return slices.IndexFunc(cells, func(cell string) bool { return headingKey(cell) == key })
}

// headingKey is what two spellings of a heading have in common.
func headingKey(s string) string {
	return strings.Join(strings.Fields(cannedKey(text.Short(s, text.ReasonRunes))), " ")
}

// find notes which columns the template names, by their numbers or by the headings of a file. It returns one that there is not.
func (t *template) find(headings []string) (unknown string) {
	for _, name := range t.names {
		column := headed(headings, name)
		if n, err := strconv.Atoi(strings.TrimSpace(sms.Digits(name))); err == nil && column < 0 && n <= table.MaxColumns {
			column = n - 1
		}
		if column < 0 {
			return "{" + name + "}"
		}
		t.columns = append(t.columns, column)
	}
	return ""
}

// fill returns the text for a row; whole is that the row has all that it names.
func (t template) fill(row table.Row) (said string, filled bool) {
	var b strings.Builder
	for i, column := range t.columns {
		value := whole(row, column)
		if text.Blank(value) {
			return "", false
		}
		b.WriteString(t.words[i] + value)
	}
	return b.String() + t.words[len(t.columns)], true
}

// rowRanges names rows by their numbers, several in a row as one, and says how many more there are when they are too many for a message.
func rowRanges(t *text.Language, rows []int) string {
	var said []string
	for i := 0; i < len(rows); {
		last := i
		for last+1 < len(rows) && rows[last+1] == rows[last]+1 {
			last++
		}
		one := t.Say("%v", rows[i])
		if last > i {
			one = t.Say("%v–%v", rows[i], rows[last])
		}
		if text.Units(t.List(append(said, one))) > rowsUnits {
			return t.List(said) + " " + t.Say(t.More, len(rows)-i)
		}
		said, i = append(said, one), last+1
	}
	return t.List(said)
}

// renderBulk says what a bulk order would send, and what that takes.
func renderBulk(t *text.Language, batch store.Batch, recipients []store.SMS, opts *Options) []string {
	bulk, sizes := batch.Bulk, opts.PartSizes
	reaches, parts := batch.N-batch.Withheld, bulk.Parts
	var lines []string
	if bulk.Own {
		each := t.Say("%v", bulk.Least)
		if bulk.Most > bulk.Least {
			each = t.Say("%v–%v", bulk.Least, bulk.Most)
		}
		lines = append(lines, t.Say(t.AskEach, reaches, each, bulk.Parts))
	} else {
		parts = batch.Parts * reaches
		lines = append(lines, t.Say(t.Ask, reaches, batch.Parts, parts))
	}
	shown := shownTexts
	if !bulk.Own {
		shown = 1
	}
	for _, m := range recipients {
		if shown == 0 {
			break
		}
		if m.Reason.Withheld() || m.Customer == "" {
			continue
		}
		shown--
		lines = append(lines, t.Say(t.BulkRow, m.Row, text.Number(m.Customer)), quoted(cmp.Or(m.Text, batch.Text), shownRunes))
	}
	unicodes, seg := bulk.Unicode, sms.Segments{Forced: bulk.Forced}
	if !bulk.Own { // it may have been shortened since
		if seg = sizes.Count(batch.Text); !seg.Unicode {
			unicodes = 0
		}
	}
	switch {
	case unicodes == 0:
		lines = append(lines, t.Say(t.AskLatin, sizes.GSM.Alone, sizes.GSM.Joined))
	case !bulk.Own:
		lines = append(lines, t.Say(t.AskUnicode, shownRune(seg.Forced), text.RuneName(seg.Forced), sizes.Unicode.Alone, sizes.Unicode.Joined))
	default:
		lines = append(lines, t.Say(t.BulkUnicode, unicodes, bulk.Row, shownRune(bulk.Forced), text.RuneName(bulk.Forced), sizes.Unicode.Alone, sizes.Unicode.Joined))
	}
	for _, why := range []sms.Reason{sms.Twice, sms.Outside, sms.OptedOut, sms.Blocked, sms.AboveCap} {
		if n := bulk.LeftOut[why]; n > 0 {
			lines = append(lines, "⚠️ "+t.Say(t.Counts, n, t.Failures[why]))
		}
	}
	if bulk.Abroad > 0 {
		lines = append(lines, t.Say(t.AskForeign, bulk.Abroad))
	}
	if bulk.Abroad == 0 {
		lines = append(lines, renderPrice(t, batch.Price, parts)...)
	}
	if batch.Credit != "" {
		lines = append(lines, renderCredit(t, batch.Credit, parts)...)
	}
	if bulk.Takes > 0 {
		lines = append(lines, t.Say(t.BulkTakes, t.Lasting(max(bulk.Takes, 1e9))))
	}
	return lines
}

// shownRune returns a character for a sentence.
func shownRune(r rune) string {
	if !unicode.IsGraphic(r) {
		return " "
	}
	return text.Escape(string(r))
}

// bulkLint returns what a bulk order is warned of.
func bulkLint(batch store.Batch, opts *Options) (found []lint.Row) {
	if !batch.Bulk.Own {
		return opts.Lint.Of(batch.Text)
	}
	for _, row := range opts.Lint {
		if slices.Contains(batch.Bulk.Words, row.Word) {
			found = append(found, row)
		}
	}
	return found
}

// faredInBulk says in a word or two how far an SMS of a bulk order has come.
func faredInBulk(t *text.Language, batch store.Batch, m store.SMS, piece store.PieceState) string {
	switch {
	case m.Status == sms.Queued && (piece == store.PieceDropped || batch.State == store.Cancelled || batch.State == store.Expired):
		return t.CountDropped
	case m.Status == sms.Queued:
		return t.CountQueued
	case m.Status == sms.Sending && piece == store.PieceUncertain:
		return t.CountUncertain
	case m.Status == sms.Sending && piece == store.PieceDropped:
		return t.CountLeft
	case m.Status == sms.Sending:
		return t.CountSending
	case m.Status == sms.Failed && t.Failures[m.Reason] == "":
		return t.CountFailed + ": " + text.Plain(failureReason(t, m))
	}
	return fared(t, batch, m)
}

// resultFile makes the file of what became of each row of a bulk order. It holds no more of anybody than the file it answers.
func (v voice) resultFile(t *text.Language, batch store.Batch) (*telegram.File, error) {
	file := &blocks{}
	sheet, err := xlsx.NewWriter(file, xlsx.Sheet{Name: t.BulkSheet, RightToLeft: t.RightToLeft(), Columns: []xlsx.Column{
		{Title: t.ColumnRow, Width: 8}, {Title: t.ColumnCustomer, Width: 16}, {Title: t.ColumnText, Width: 80}, {Title: t.ColumnStatus, Width: 30}, {Title: t.ColumnParts, Width: 8},
	}})
	if err != nil {
		return nil, err
	}
	err = v.store.Result(batch, func(m store.SMS, piece store.PieceState) error {
		parts := batch.Parts
		if batch.Bulk != nil && batch.Bulk.Own {
			parts = m.Parts
		}
		return sheet.Row(m.Row, string(m.Customer), m.Text, faredInBulk(t, batch, m, piece), parts)
	})
	if err == nil {
		err = sheet.Close()
	}
	return &telegram.File{Name: "bulk-" + strconv.FormatUint(uint64(batch.ID), 10) + ".xlsx", Data: file, Size: file.size}, err
}

// sampleFile makes a file as bulk reads it.
func sampleFile(t *text.Language) (*telegram.File, error) {
	file := &blocks{}
	sheet, err := xlsx.NewWriter(file, xlsx.Sheet{Name: t.BulkSheet, RightToLeft: t.RightToLeft(), Columns: []xlsx.Column{
		{Title: t.SampleNumber, Width: 16}, {Title: t.SampleText, Width: 60}, {Title: t.SampleName, Width: 16}, {Title: t.SampleCode, Width: 12},
	}})
	if err != nil {
		return nil, err
	}
	for i, name := range []string{t.SampleOne, t.SampleOther} {
		code := strconv.Itoa(4711 + i)
		if err := sheet.Row("0912345678"+strconv.Itoa(i+1), t.Say(t.SampleWords, name, code), name, code); err != nil {
			return nil, err
		}
	}
	err = sheet.Close()
	return &telegram.File{Name: "bulk.xlsx", Data: file, Size: file.size}, err
}
