package bot

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"

	"peyk/bot/stats"
	"peyk/bot/text"
	"peyk/internal/backoff"
	"peyk/internal/xlsx"
	"peyk/sms"
	"peyk/store"
	"peyk/telegram"
)

// A file of an export is ended, and another begun, at this size or so many rows. What is still to be compressed comes on top: a row or two.
const (
	exportBytes = telegram.MaxFile - 2<<20
	exportRows  = 1_000_000
)

// exportTries is how often a file is sent that Telegram did not take for a passing reason.
const exportTries = 8

// readExport reads whose SMS are to be exported, and of how many days: 0 for all. A last word of at most three digits is days, unless all words are a
// number of a mobile phone.
func readExport(words string) (n sms.Number, days int, ok bool) {
	fields := strings.Fields(sms.Digits(words))
	if len(fields) == 0 {
		return "", 0, true
	}
	if n = sms.Normalize(words); n.Mobile() {
		return n, 0, true
	}
	last := len(fields) - 1
	if d, err := strconv.ParseUint(fields[last], 10, 16); err == nil && len(fields[last]) <= 3 {
		if d == 0 {
			return "", 0, false
		}
		days, fields = int(d), fields[:last]
	}
	if len(fields) == 0 {
		return "", days, true
	}
	n = sms.Normalize(strings.Join(fields, " "))
	return n, days, n != ""
}

// export has the SMS that are kept sent to an admin as a spreadsheet, in private. That a file leaves is kept to be told to the admins before it does. It is made beside the
// flows and in memory: what customers wrote gets into no other file. After a crash the admin has to ask again.
func (b *Bot) export(ctx context.Context, m *telegram.Message, _ role) error {
	n, days, ok := readExport(m.Args)
	t := b.language(m.Chat)
	if !ok {
		return b.respond(m, t.ExportUsage)
	}
	said := t.ExportBegun
	if !m.Private {
		said = t.ExportElsewhere
	}
	if err := b.respond(m, said); err != nil {
		return err
	}
	e := b.exporting(m)
	what := store.Export{Customer: n}
	if days > 0 {
		what.Since = stats.Since(days, b.now())
	}
	b.runLatest(ctx, question{e.to, m.Command}, b.exportSlots, func(ctx context.Context) {
		if err := e.run(ctx, what); err != nil && ctx.Err() == nil {
			b.log.Error("export", "agent", int64(m.From.ID), "err", err)
			e.say(ctx, e.to, e.t.Say(e.t.ExportFailed, text.Reason(reasonOf(err))))
		}
	})
	return nil
}

// reasonOf returns what Telegram said, if it was Telegram that failed.
func reasonOf(err error) string {
	if e, ok := errors.AsType[*telegram.Error](err); ok {
		return e.Reason
	}
	return "store"
}

// exporting returns an export that m asks for.
func (b *Bot) exporting(m *telegram.Message) *exporting {
	private := sms.ChatID(m.From.ID)
	return &exporting{Bot: b, asked: m, to: private, t: b.language(private), link: "https://t.me/" + b.self.UserName, most: exportBytes, rows: exportRows}
}

// exporting is one export under way.
type exporting struct {
	*Bot
	asked *telegram.Message
	to    sms.ChatID     // the private chat of who asked
	t     *text.Language // of that
	link  string         // begins that chat
	most  int64          // bytes of a file
	rows  int            // and rows

	file        *blocks
	sheet       *xlsx.Writer
	in          int       // the file at hand
	sent        int       // files
	first, last time.Time // of the SMS in it
	parts       map[store.BatchID]int
}

// errExportEnded is that the admin was told why no more files come.
var errExportEnded = errors.New("the export ended")

func (e *exporting) run(ctx context.Context, what store.Export) error {
	if err := e.tg.Typing(ctx, e.to); telegram.FateOf(err) == telegram.ChatLost { // before anything is made, and told
		e.startFirst(ctx)
		return nil
	}
	err := e.store.Export(ctx, what, func(rows []store.ExportRow) error {
		for _, m := range rows {
			if err := e.add(m); err != nil {
				return err
			}
			if e.file.size >= e.most || e.in == e.rows {
				if err := e.send(ctx); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err == nil && e.in > 0 {
		err = e.send(ctx)
	}
	switch {
	case errors.Is(err, errExportEnded):
		return nil
	case err == nil && e.sent == 0:
		e.say(ctx, e.to, e.t.ExportNone)
	}
	return err
}

// exportColumns returns the columns of an exported file.
func exportColumns(t *text.Language, zone *time.Location) []xlsx.Column {
	columns := []xlsx.Column{{Title: t.Say(t.ColumnTime, zone), Width: 20}}
	if t.Jalali() {
		columns = append(columns, xlsx.Column{Title: t.ColumnDate, Width: 20})
	}
	return append(columns,
		xlsx.Column{Title: t.ColumnDirection, Width: 10},
		xlsx.Column{Title: t.ColumnLine, Width: 16},
		xlsx.Column{Title: t.ColumnCustomer, Width: 16},
		xlsx.Column{Title: t.ColumnName, Width: 20},
		xlsx.Column{Title: t.ColumnText, Width: 80},
		xlsx.Column{Title: t.ColumnAgent, Width: 20},
		xlsx.Column{Title: t.ColumnStatus, Width: 16},
		xlsx.Column{Title: t.ColumnParts, Width: 8},
	)
}

// add writes an SMS into the file at hand.
func (e *exporting) add(m store.ExportRow) error {
	t := e.t
	if e.sheet == nil {
		e.file, e.parts = &blocks{}, map[store.BatchID]int{}
		var err error
		if e.sheet, err = xlsx.NewWriter(e.file, xlsx.Sheet{Name: t.ExportSheet, RightToLeft: t.RightToLeft(), Columns: exportColumns(t, e.opts.Location)}); err != nil {
			return err
		}
	}
	at := m.Time
	if at.IsZero() {
		at = m.Received
	}
	at = at.In(e.opts.Location)
	if e.in == 0 {
		e.first = at
	}
	e.last = at
	e.in++
	cells := []any{at}
	if t.Jalali() {
		cells = append(cells, t.Date(at, "15:04:05"))
	}
	direction, agent, status := t.In, "", ""
	if m.Direction == sms.Outbound {
		direction, agent, status = t.Out, m.Order.AgentName, fared(t, m.Order, m.SMS)
		switch {
		case m.Order.Away:
			agent = t.AwayBy
		case agent == "" && m.Order.Agent != 0:
			agent = strconv.FormatInt(int64(m.Order.Agent), 10)
		}
	}
	return e.sheet.Row(append(cells, direction, string(m.Line), string(m.Customer), m.Name, m.Text, agent, status, e.partsOf(m))...)
}

// partsOf returns of how many parts an SMS is. An order to many is counted once.
func (e *exporting) partsOf(m store.ExportRow) int {
	if m.Direction == sms.Inbound || m.Parts > 0 {
		return cmp.Or(m.Parts, e.opts.PartSizes.Count(m.Text).Parts)
	}
	n, known := e.parts[m.Batch]
	if !known {
		if n = m.Order.Parts; n == 0 {
			n = e.opts.PartSizes.Count(m.Text).Parts
		}
		clear(e.parts) // the SMS of an order stand together
		e.parts[m.Batch] = n
	}
	return n
}

// send ends the file at hand and sends it, once the admins will hear of that.
func (e *exporting) send(ctx context.Context) error {
	if err := e.sheet.Close(); err != nil {
		return err
	}
	rows, file, t := e.in, e.file, e.t
	e.sheet, e.file, e.in = nil, nil, 0
	incident := store.Incident{
		Kind: store.Exported, From: e.store.Now(), Agent: e.asked.From.ID, AgentName: text.Short(e.asked.From.Name, text.NameRunes), Count: rows,
	}
	if err := e.store.Persist(ctx, "tell of an export", func() error { return e.store.AddIncident(incident) }); err != nil {
		return err
	}
	e.log.Info("SMS are exported", "agent", int64(e.asked.From.ID), "sms", rows)
	e.sent++
	name := "peyk-" + e.store.Now().In(e.opts.Location).Format("2006-01-02")
	if e.sent > 1 {
		name += fmt.Sprintf("-%d", e.sent)
	}
	html := t.SetApart(t.Say(t.ExportCaption, rows, t.Day(e.first), t.Day(e.last)))
	o := telegram.Outgoing{
		Chat: e.to, HTML: html, Plain: text.Plain(html),
		File: &telegram.File{Name: name + ".xlsx", Data: file, Size: file.size},
	}
	if e.asked.Private {
		o.ReplyTo = e.asked.ID
	}
	return e.explain(ctx, e.upload(ctx, o))
}

// upload sends a file in private. What may have arrived is not sent again.
func (e *exporting) upload(ctx context.Context, o telegram.Outgoing) error {
	pause := backoff.Backoff{Log: e.log, What: "send an export", Shortest: firstPause}
	for try := 1; ; try++ {
		arrived, err := e.uploadOnce(ctx, o)
		failed, is := errors.AsType[*telegram.Error](err)
		switch {
		case !is || arrived || try == exportTries:
			return err
		case failed.Fate == telegram.SlowDown:
			e.poster.pace.slowDown(o.Chat, failed.RetryAfter, time.Now())
			if err := e.store.Persist(ctx, "tell of an export", func() error { return e.store.HoldChat(o.Chat, failed.RetryAfter) }); err != nil {
				return err
			}
		case failed.Fate == telegram.ReplyLost:
			o.ReplyTo = 0
		case failed.Fate == telegram.Passing:
			pause.Wait(ctx, err, nil)
		default:
			return err
		}
	}
}

// uploadOnce makes one call with a file, at the pace of its chat: that counts it when all of it has arrived, so its turn is had before its last bytes
// leave, and until then others have theirs. arrived tells whether Telegram has, or may have, the file.
func (e *exporting) uploadOnce(ctx context.Context, o telegram.Outgoing) (arrived bool, err error) {
	pace := e.poster.pace
	if err := pace.wait(ctx, func(now time.Time) (bool, time.Time) { return pace.open(o.Chat, now) }); err != nil {
		return false, err
	}
	call, cancel := context.WithCancel(context.WithoutCancel(ctx))
	keepOn := context.AfterFunc(ctx, cancel)
	defer func() { keepOn() }()
	turn := sync.OnceValue(func() error {
		if err := pace.wait(call, func(now time.Time) (bool, time.Time) { return pace.beginBeside(o.Chat, now) }); err != nil {
			return err
		}
		if !keepOn() { // it was given up in this moment: the last bytes stay here
			pace.end(o.Chat)
			return ctx.Err()
		}
		// They arrive though the call is given up then, perhaps when what follows would no longer wait for them: their answer is heard first.
		keepOn = context.AfterFunc(ctx, func() { time.AfterFunc(backgroundGrace, cancel) })
		return nil
	})
	file := *o.File
	file.Data = &endWaits{file.Data, file.Size, turn}
	o.File = &file
	_, err = e.tg.Post(call, o)
	cancel()
	if turn() != nil { // not had, and now it never will be
		return false, err
	}
	failed, is := errors.AsType[*telegram.Error](err)
	if arrived = !is || failed.Arrived; arrived {
		pace.arrived(o.Chat, time.Now())
	}
	pace.end(o.Chat)
	pace.wakeFlows()
	return arrived, err
}

// endWaits is a file whose end can be read only after turn.
type endWaits struct {
	io.ReaderAt
	size int64
	turn func() error
}

func (f *endWaits) ReadAt(p []byte, from int64) (int, error) {
	if from+int64(len(p)) >= f.size {
		if err := f.turn(); err != nil {
			return 0, err
		}
	}
	return f.ReaderAt.ReadAt(p, from)
}

// explain says why a file did not come, or perhaps did not.
func (e *exporting) explain(ctx context.Context, err error) error {
	failed, is := errors.AsType[*telegram.Error](err)
	switch {
	case !is || ctx.Err() != nil:
		return err
	case failed.Fate == telegram.ChatLost:
		e.startFirst(ctx)
	case failed.Arrived:
		e.say(ctx, e.to, e.t.ExportUnsure)
	default:
		return err
	}
	return errExportEnded
}

// startFirst says, where it was asked for, that the bot may not write in private.
func (e *exporting) startFirst(ctx context.Context) {
	t := e.language(e.asked.Chat)
	e.say(ctx, e.asked.Chat, t.Say(t.ExportStart, text.Escape(e.link)))
}

// say posts something about the export.
func (e *exporting) say(ctx context.Context, chat sms.ChatID, html string) {
	p := store.Post{Chat: chat, Kind: store.PostText, Text: html}
	if chat == e.asked.Chat {
		p = response(e.asked, html)
	}
	if err := e.store.Persist(ctx, "answer a command", func() error { return e.store.AddPost(p) }); err != nil {
		e.log.Error("answer a command", "err", err)
	}
}

// blocks is a file in memory, in pieces of one size: it grows without being copied.
type blocks struct {
	all  [][]byte
	size int64
}

const blockSize = 1 << 20

func (b *blocks) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		at := int(b.size % blockSize)
		if at == 0 {
			b.all = append(b.all, make([]byte, blockSize))
		}
		n := copy(b.all[len(b.all)-1][at:], rest)
		b.size += int64(n)
		rest = rest[n:]
	}
	return len(p), nil
}

func (b *blocks) ReadAt(p []byte, from int64) (n int, err error) {
	for n < len(p) && from < b.size {
		block, at := b.all[from/blockSize], from%blockSize
		moved := copy(p[n:], block[at:min(blockSize, at+b.size-from)])
		n, from = n+moved, from+int64(moved)
	}
	if n < len(p) {
		err = io.EOF
	}
	return n, err
}
