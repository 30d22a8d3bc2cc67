package bot

import (
	"context"
	"errors"

	"peyk/bot/text"
	"peyk/internal/table"
	"peyk/store"
	"peyk/telegram"
)

// takesFile reports whether a command does something with a file, as whose caption it may come.
func takesFile(command string) bool {
	return command == "contacts" || command == "optout" || command == "bulk"
}

// fileOf returns the file of a message, or of the one it replies to; nil if there is none.
func fileOf(m *telegram.Message) *telegram.Attachment {
	if m.File == nil && m.ReplyTo != nil {
		return m.ReplyTo.File
	}
	return m.File
}

// readFile has ask read the rows of the file of m, beside the flows, and posts the question it returns, if there is one to post, or why there is none. If
// the process ends before, the next one posts that.
func (b *Bot) readFile(ctx context.Context, m *telegram.Message, ask func(*telegram.Message, []table.Row, *text.Language) (store.Post, error)) error {
	file := fileOf(m)
	gone := updateKey(m).IfEnded(response(m, b.language(m.Chat).FileGone))
	return b.inquireIn(ctx, m, b.fileSlots, store.Caused{Posts: []store.Post{gone}}, func(ctx context.Context, t *text.Language) store.Post {
		rows, err := b.rowsOf(ctx, file)
		var p store.Post
		if err == nil {
			p, err = ask(m, rows, t)
		}
		switch {
		case err == nil:
			return p
		case errors.Is(err, telegram.ErrTooLarge) || errors.Is(err, table.ErrTooLarge):
			return response(m, t.Say(t.FileTooLarge, table.MaxSize>>20, table.MaxRows))
		case errors.Is(err, table.ErrUnreadable):
			return response(m, t.FileUnreadable)
		}
		b.log.Warn("read a file of rows", "command", m.Command, "err", err)
		return response(m, t.FileGone)
	})
}

// rowsOf returns the rows of a file, or the errors of package table, and telegram.ErrTooLarge.
func (b *Bot) rowsOf(ctx context.Context, file *telegram.Attachment) ([]table.Row, error) {
	if file.Size > table.MaxSize {
		return nil, telegram.ErrTooLarge
	}
	content, err := b.tg.Download(ctx, file.ID, table.MaxSize)
	if err != nil {
		return nil, err
	}
	return table.Read(content)
}
