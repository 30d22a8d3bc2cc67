package bot

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"peyk/bot/text"
	"peyk/internal/crashpoint"
	"peyk/sms"
	"peyk/store"
	"peyk/telegram"
)

// The data of a button is a batch, the generation of its question and the decision (b:…); a post that Telegram refused, to show again
// (show:…); whom to forget, and when that was asked (forget:…); where a page of SMS, or a search, goes on (history:…,
// find:…); "answer" under an SMS that is shown; a page of /waiting (waiting:…) or of /scheduled (scheduled:…); an SMS whose wish is to be undone (wish:…); what to do with an import
// (import:…) or with an order for later (later:…); or this, to show SMS here.
const pressShowHere = "inbox"

func pressData(id store.BatchID, generation int, d store.Decision) string {
	return fmt.Sprintf("b:%s:%d:%s", strconv.FormatUint(uint64(id), 36), generation, d)
}

// showAgainButton returns the button under the notice of a refused post. Its data is the key of the post in the store.
func showAgainButton(t *text.Language, chat sms.ChatID, class store.Class, id uint64) [][]telegram.Button {
	if class == store.NewNumbers {
		class = store.Known // as of all SMS once; ShowAgain looks among both
	}
	data := fmt.Sprintf("show:%s:%d:%s", strconv.FormatInt(int64(chat), 36), class, strconv.FormatUint(id, 36))
	return [][]telegram.Button{{{Label: t.ShowAgain, Data: data}}}
}

func readShowAgain(data string) (p store.Post, ok bool) {
	parts := strings.Split(data, ":")
	if len(parts) != 4 || parts[0] != "show" {
		return p, false
	}
	chat, chatErr := strconv.ParseInt(parts[1], 36, 64)
	class, classErr := strconv.ParseUint(parts[2], 10, 8)
	id, idErr := strconv.ParseUint(parts[3], 36, 64)
	return store.Post{Chat: sms.ChatID(chat), Class: store.Class(class), ID: id}, errors.Join(chatErr, classErr, idErr) == nil
}

func readPressData(data string) (id store.BatchID, generation int, d store.Decision, ok bool) {
	parts := strings.Split(data, ":")
	if len(parts) != 4 || parts[0] != "b" {
		return 0, 0, "", false
	}
	n, err := strconv.ParseUint(parts[1], 36, 64)
	if err != nil {
		return 0, 0, "", false
	}
	generation, err = strconv.Atoi(parts[2])
	return store.BatchID(n), generation, store.Decision(parts[3]), err == nil
}

// takePress acts on a button. Who presses it is checked like who gives a command; its data is looked up, never trusted.
func (b *Bot) takePress(ctx context.Context, p *telegram.Press) error {
	var chat sms.ChatID
	if p.Message != nil {
		chat = p.Message.Chat
	}
	word, alert, err := b.actOnPress(ctx, p, b.language(chat))
	if err != nil {
		return err
	}
	b.callTelegram(ctx, func(ctx context.Context) {
		if err := b.tg.AnswerPress(ctx, p.ID, word, alert); err != nil {
			b.log.Debug("answer a button", "err", err) // too late to be shown; the decision is stored
		}
	})
	return nil
}

// actOnPress does what a button says, and returns a word for who pressed it; alert shows that word in a dialog.
func (b *Bot) actOnPress(ctx context.Context, p *telegram.Press, t *text.Language) (word string, alert bool, err error) {
	r, err := b.roleOf(p.From.ID)
	switch {
	case err != nil:
		return "", false, err
	case r == stranger:
		return t.PressNotAgent, true, nil
	case p.Message == nil || !p.Gone && p.Message.From.ID != b.self.ID:
		return t.PressOld, true, nil // whose message it was is unknown when it is gone; then the data alone decides
	case p.Data == pressShowHere:
		return b.showHere(ctx, p, r, t)
	case p.Data == pressAnswer:
		return b.answerPressed(p, t)
	}
	if refused, ok := readShowAgain(p.Data); ok {
		return b.showAgain(p, r, t, refused)
	}
	if asked, n, ok := readForget(p.Data); ok {
		return b.forgetPressed(p, r, t, asked, n)
	}
	if from, ok := readFind(p.Data); ok {
		return b.findPressed(ctx, p, t, from)
	}
	if page, ok := readHistory(p.Data); ok {
		return b.historyPressed(p, t, page)
	}
	if from, ok := readWaiting(p.Data); ok {
		return b.waitingPressed(p, t, from)
	}
	if seq, ok := readWish(p.Data); ok {
		return b.wishPressed(p, t, seq)
	}
	if id, do, ok := readImport(p.Data); ok {
		return b.importPressed(p, r, t, id, do)
	}
	if id, do, ok := readLaterData(p.Data); ok {
		return b.laterPressed(p, r, t, id, do)
	}
	if from, ok := readScheduledData(p.Data); ok {
		return b.scheduledPressed(p, r, t, from)
	}
	if id, generation, d, ok := readPressData(p.Data); ok {
		return b.decideBatch(p, r, t, id, generation, d)
	}
	return t.PressOld, true, nil
}

// inPlaceOf returns a post that says something in the place of our message m, whose buttons go with it, or as a reply where m cannot be changed.
func inPlaceOf(m *telegram.Message, html string) store.Post {
	return store.Post{Chat: m.Chat, Topic: m.Topic, Message: m.ID, ReplyTo: m.ID, Kind: store.PostText, Text: html}
}

// decideBatch carries out a decision about a batch.
func (b *Bot) decideBatch(
	p *telegram.Press, r role, t *text.Language, id store.BatchID, generation int, d store.Decision,
) (word string, alert bool, err error) {
	batch, err := b.store.Batch(id)
	if errors.Is(err, store.ErrNotFound) {
		return t.PressOld, true, nil
	}
	if err != nil {
		return "", false, err
	}
	switch same, err := b.sameChat(batch.Chat, p.Message.Chat); {
	case err != nil:
		return "", false, err
	case !same:
		return t.PressOld, true, nil
	}
	// An admin may cancel what somebody else was about to send, but not send it.
	rewords := d == shortenIt || d == asWritten
	if batch.Agent != p.From.ID && (d == store.Send || d == store.Later || rewords || d == store.Cancel && r < admin) {
		return t.PressNotYours, true, nil
	}
	crashpoint.At("press.read")
	switch words, ok := reworded(batch, d, b.opts.PartSizes); {
	case ok:
		batch, err = b.store.Reword(id, generation, words, b.opts.PartSizes.Count(words).Parts)
	case rewords:
		return t.PressOld, true, nil
	default:
		batch, err = b.store.Decide(id, generation, d, p.From.Name)
	}
	crashpoint.At("press.decided")
	if over, ok := errors.AsType[*store.OverCap](err); ok {
		return text.Plain(t.Say(t.AboveCap, over.Parts, over.Left, over.Cap)), true, nil
	}
	switch {
	case errors.Is(err, store.ErrTooMany):
		return text.Plain(t.Say(t.LaterFull, store.MaxScheduled)), true, nil
	case errors.Is(err, store.ErrInFlight):
		return t.PressUnderWay, true, nil
	case errors.Is(err, store.ErrTooSoon):
		return t.PressTooSoon, true, nil
	case errors.Is(err, store.ErrExpired):
		return t.PressExpired, true, nil
	case errors.Is(err, store.ErrDecided) && batch.DecidedBy != "":
		return text.Plain(t.Say(t.PressAlready, text.Isolated(batch.DecidedBy))), true, nil
	case errors.Is(err, store.ErrDecided):
		return t.PressOld, true, nil
	case err != nil:
		return "", false, err
	}
	b.log.Info("decided", "batch", uint64(id), "agent", int64(p.From.ID), "decision", string(d))
	return t.PressDone, false, nil
}

// showAgain has a post shown that Telegram refused. In its chat any agent may ask for that, elsewhere only admins, who were told of it.
func (b *Bot) showAgain(p *telegram.Press, r role, t *text.Language, refused store.Post) (string, bool, error) {
	same, err := b.sameChat(refused.Chat, p.Message.Chat)
	switch {
	case err != nil:
		return "", false, err
	case !same && r < admin:
		return t.PressOld, true, nil
	}
	err = b.store.ShowAgain(refused)
	if errors.Is(err, store.ErrNotFound) {
		return t.ShownAgain, true, nil
	}
	return t.PressDone, false, err
}

// sameChat reports whether two ids are of one chat: a group that became a supergroup has a new id, but its old messages keep the old one.
func (b *Bot) sameChat(one, other sms.ChatID) (bool, error) {
	if one == other {
		return true, nil
	}
	was, err := b.store.Chat(one)
	if err != nil {
		return false, err
	}
	is, err := b.store.Chat(other)
	return was.ID == is.ID, err
}

// showHere makes the chat or topic of the welcome an inbox.
func (b *Bot) showHere(ctx context.Context, p *telegram.Press, r role, t *text.Language) (string, bool, error) {
	if r < admin {
		return t.PressNotAdmins, true, nil
	}
	m := p.Message
	_, err := b.store.Take(store.UpdateKey{Chat: m.Chat, Message: m.ID, Kind: store.Written}, store.Caused{
		EditChat: addInbox(m.Topic, nil), Posts: []store.Post{{Chat: m.Chat, Topic: m.Topic, Kind: store.PostText, Text: t.InboxOn}},
	})
	if errors.Is(err, store.ErrTaken) {
		return t.PressOld, true, nil // the inbox may have been switched off since
	}
	if err == nil {
		b.refreshMenu(ctx, m.Chat, r)
	}
	return t.PressDone, false, err
}
