package bot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"peyk/bot/text"
	"peyk/sms"
	"peyk/store"
	"peyk/telegram"
)

// Under a shown SMS stand [Answer] and [Copy number]. [Answer] opens the reply field of who pressed it, by a message that mentions them: what they write is
// a reply to it, and a reply to it is an answer to the SMS, whoever gives it. A reply to the SMS itself is as good.

// pressAnswer is the data of [Answer]: the message above says which SMS.
const pressAnswer = "answer"

// promptsRead is how often prompts are looked for that are to be deleted.
const promptsRead = 5 * time.Second

// answerButtons returns the row under an SMS of a customer who can be answered. Where everything is about one customer the card has their number.
func answerButtons(t *text.Language, n sms.Number, own bool) [][]telegram.Button {
	if !n.Answerable() {
		return nil
	}
	row := []telegram.Button{{Label: t.Answer, Data: pressAnswer}}
	if !own {
		row = append(row, copyButton(t, n))
	}
	return [][]telegram.Button{row}
}

func copyButton(t *text.Language, n sms.Number) telegram.Button {
	return telegram.Button{Label: t.CopyNumber, Copy: string(n)}
}

// answerPressed has the reply field opened for who pressed [Answer].
func (b *Bot) answerPressed(p *telegram.Press, t *text.Language) (word string, alert bool, err error) {
	m := p.Message
	shown, err := b.store.Shows(m.Chat, m.ID)
	if errors.Is(err, store.ErrNotFound) && !p.Gone { // its id was never learned
		shown.Seqs, err = b.seqsInHeads(m)
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return "", false, err
	}
	if len(shown.Seqs) == 1 {
		shown.Seq = shown.Seqs[0]
	}
	if shown.Seq == 0 {
		return t.PressOld, true, nil
	}
	chat, err := b.store.Chat(m.Chat)
	if err != nil {
		return "", false, err
	}
	post := store.Post{
		Chat: m.Chat, Topic: m.Topic, ReplyTo: m.ID, Kind: store.PostPrompt, Seq: shown.Seq, Agent: p.From.ID, Text: text.Short(p.From.Name, text.NameRunes),
	}
	open, _ := chat.Prompted(p.From.ID, shown.Seq)
	switch {
	case chat.ID != m.Chat: // what stands there cannot be replied to from the new one
		post.Topic, post.ReplyTo = 0, 0
	case open.Open(b.store.Now()):
		return t.PromptStands, false, nil
	}
	return "", false, b.store.AddPost(post)
}

// showPrompt opens an agent's reply field, unless it was opened just now, by the first of two presses, or the SMS is no longer there.
func (w *poster) showPrompt(ctx context.Context, t *text.Language, p store.Post) error {
	chat, err := w.store.Chat(p.Chat)
	if err != nil {
		return fmt.Errorf("read chat: %w", err)
	}
	m, err := w.store.SMS(p.Seq)
	if _, twice := chat.Prompted(p.Agent, p.Seq); errors.Is(err, store.ErrNotFound) || err == nil && (m.Customer == "" || twice) {
		return w.store.Persist(ctx, "note a post", func() error { return w.store.PostNotNeeded(p) })
	}
	if err != nil {
		return err
	}
	c, err := w.store.Customer(m.Customer)
	if err != nil {
		return err
	}
	// As in showWaits, with the head a reply finds its customer also if the id of the prompt was never learned.
	agent := fmt.Sprintf(`<a href="tg://user?id=%d">%s</a>`, p.Agent, text.Isolated(p.Text))
	o := telegram.Outgoing{
		Chat: p.Chat, Topic: p.Topic, ReplyTo: p.ReplyTo,
		HTML: text.Head(t, m, c.Name, w.now()) + "\n" + t.Say(t.Prompt, agent), Prompt: text.Plain(t.Say(t.PromptField, text.Number(m.Customer))),
	}
	o.Plain = text.Plain(o.HTML)
	id, err := w.post(ctx, &o)
	if err != nil {
		return err
	}
	return w.store.Persist(ctx, "note a post", func() error { return w.store.Posted(p, id, false) })
}

// answersPrompt returns what an order in reply to a message changes in its chat: nothing, unless that is a prompt.
func (b *Bot) answersPrompt(m *telegram.Message) (func(*store.Chat), error) {
	if m.ReplyTo == nil {
		return nil, nil
	}
	chat, err := b.store.Chat(m.Chat)
	for _, p := range chat.Prompts {
		if p.Message == m.ReplyTo.ID {
			return func(c *store.Chat) { c.Answered(p.Message) }, err
		}
	}
	return nil, err
}

// deletePrompts deletes prompts that are answered, or that nobody answers.
func (w *poster) deletePrompts(ctx context.Context) error {
	every := time.NewTicker(promptsRead)
	defer every.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-every.C:
		}
		if err := w.deleteDuePrompts(ctx); err != nil {
			w.log.Debug("delete prompts", "err", err) // tried again soon
		}
	}
}

func (w *poster) deleteDuePrompts(ctx context.Context) error {
	chats, err := w.store.Chats()
	if err != nil {
		return err
	}
	for _, c := range chats {
		for _, p := range c.Prompts {
			now := time.Now()
			if p.Open(w.store.Now()) || w.pace.heldUntil(c.ID, now).After(now) {
				continue
			}
			deleted := w.tg.Delete(ctx, c.ID, p.Message)
			if e, failed := errors.AsType[*telegram.Error](deleted); failed && e.Fate == telegram.SlowDown {
				w.pace.slowDown(c.ID, e.RetryAfter, now)
				err = errors.Join(err, w.store.HoldChat(c.ID, e.RetryAfter))
			}
			if again := []telegram.Fate{telegram.Passing, telegram.SlowDown, telegram.Migrated, telegram.Revoked}; deleted != nil &&
				slices.Contains(again, telegram.FateOf(deleted)) {
				err = errors.Join(err, deleted)
				continue
			}
			err = errors.Join(err, w.store.PromptGone(c.ID, p.Message))
		}
	}
	return err
}
