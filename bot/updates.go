package bot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"peyk/bot/text"
	"peyk/internal/backoff"
	"peyk/internal/crashpoint"
	"peyk/sms"
	"peyk/store"
	"peyk/telegram"
)

// takeUpdates asks Telegram for updates and acts on each before it confirms it. No offset is stored: Telegram keeps what is
// unconfirmed, and the store knows what was acted on.
func (b *Bot) takeUpdates(ctx context.Context) error {
	if err := b.meet(ctx); err != nil || ctx.Err() != nil {
		return err
	}
	trouble := backoff.Backoff{Log: b.log, What: "ask telegram for updates", Shortest: 500 * time.Millisecond, Longest: 10 * time.Second}
	var offset int64
	for ctx.Err() == nil {
		updates, err := b.tg.Updates(ctx, offset, pollTime)
		if ctx.Err() != nil {
			break
		}
		if err != nil {
			if err := b.doubt(ctx, err); err != nil {
				return err
			}
			if telegram.FateOf(err) == telegram.Contested {
				b.contested = time.Now()
			}
			if trouble.Failures() == 0 && telegram.FateOf(err) == telegram.Contested {
				b.log.Warn("another program uses this bot's token, or a webhook is set: stop the other one")
			}
			trouble.Wait(ctx, err, nil)
			continue
		}
		if trouble.Failures() > 0 {
			b.pace.releaseAll()
		}
		trouble.After(nil)
		b.metrics.Updated(time.Now())
		b.store.NoteClock()
		for _, raw := range updates {
			u := telegram.ReadUpdate(raw, b.self)
			if u.Dated > 0 {
				b.store.HeardMessage(time.Unix(u.Dated, 0))
			}
			crashpoint.At("update.given")
			switch err := b.store.Persist(ctx, "take an update", func() error { return b.take(ctx, u) }); {
			case errors.Is(err, store.ErrDisk):
				return nil // not confirmed: Telegram gives it again
			case err != nil:
				b.log.Error("update passed over", "update_id", u.ID, "err", err)
			}
			crashpoint.At("update.taken")
			// Also when it is lower than before: after a quiet week ids start anew.
			offset = u.ID + 1
		}
		if len(updates) > 0 {
			b.store.NoteClock()
		}
	}
	return b.confirm(ctx, offset)
}

// confirm tells Telegram of the last updates taken, so that the next start need not pass over them.
func (b *Bot) confirm(ctx context.Context, offset int64) error {
	if offset == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	if _, err := b.tg.Updates(ctx, offset, 0); err != nil {
		b.log.Debug("confirm updates", "err", err) // taken all the same
	}
	return nil
}

// meet learns who we are, repeating until Telegram answers.
func (b *Bot) meet(ctx context.Context) error {
	trouble := backoff.Backoff{Log: b.log, What: "reach telegram", Shortest: 500 * time.Millisecond, Longest: 10 * time.Second}
	for ctx.Err() == nil {
		self, hearsAll, err := b.tg.GetMe(ctx)
		if err == nil {
			trouble.After(nil)
			b.metrics.Updated(time.Now()) // the first getUpdates may be a minute away
			b.self = self
			b.known.Store(true)
			b.store.NoteClock()
			b.log.Info("bridging", "bot", self.UserName, "group_privacy", !hearsAll)
			b.questions.Go(func() { b.setMenus(ctx) })
			return nil
		}
		if ctx.Err() != nil {
			break
		}
		if err := b.doubt(ctx, err); err != nil {
			return err
		}
		trouble.Wait(ctx, err, nil)
	}
	return nil
}

// How many of Telegram's seconds it must go on not knowing our token before it is believed. One that it never knew since the start is mistyped most
// often, and whoever starts the program looks on.
const (
	doubtFor   = 600
	doubtUnmet = 2
)

// doubt asks Telegram who we are when an answer said that it does not know our token, which its servers are known to say by mistake: with
// growing pauses, until it knows us, or has said nothing else for ten minutes, or for some seconds at the start; then it returns the error that ends the program. Of several
// who doubt at once the first asks, the others wait for what it learns. Any other error, and the end of ctx, is no doubt.
func (b *Bot) doubt(ctx context.Context, err error) error {
	if telegram.FateOf(err) != telegram.Revoked {
		return nil
	}
	select {
	case b.doubting <- struct{}{}:
	case <-ctx.Done():
		return nil
	}
	defer func() { <-b.doubting }()
	trouble := backoff.Backoff{Log: b.log, What: "ask telegram who we are", Shortest: min(time.Second, b.opts.TelegramSecond)}
	patience := doubtFor * b.opts.TelegramSecond
	if !b.known.Load() {
		patience = doubtUnmet * b.opts.TelegramSecond
	}
	var since time.Time // of a row of answers that say so
	for ctx.Err() == nil {
		_, _, err := b.tg.GetMe(ctx)
		if err == nil {
			trouble.After(nil)
			return nil
		}
		switch now := time.Now(); {
		case ctx.Err() != nil:
			return nil
		case telegram.FateOf(err) != telegram.Revoked:
			since = time.Time{}
		case since.IsZero():
			since = now
		case now.Sub(since) >= patience:
			return fmt.Errorf("telegram does not know this token: set TELEGRAM_BOT_TOKEN to the one @BotFather gives, and check TELEGRAM_API_URL: %w", err)
		}
		trouble.Wait(ctx, err, nil)
	}
	return nil
}

// take acts on one update. An error means that nothing was stored and it is to be taken again.
func (b *Bot) take(ctx context.Context, u telegram.Update) error {
	var err error
	switch {
	case u.Refused != "":
		b.log.Warn("update passed over", "update_id", u.ID, "reason", u.Refused)
	case u.Message != nil:
		err = b.takeMessage(ctx, u.Message)
	case u.Edited != nil:
		err = b.takeEdit(u.Edited)
	case u.Press != nil:
		err = b.takePress(ctx, u.Press)
	case u.Member != nil:
		err = b.takeMember(ctx, u.Member)
	}
	switch {
	case errors.Is(err, store.ErrTaken):
		return nil
	case errors.Is(err, store.ErrNotFound): // also the next time
		b.log.Error("update about what is not in the store passed over", "update_id", u.ID, "err", err)
		return nil
	}
	return err
}

// role is what somebody may do.
type role int

const (
	stranger role = iota
	agent
	admin
)

// roleOf looks somebody up in the allow-list of the settings and of the store. Accounts that everybody shares are on neither.
func (b *Bot) roleOf(id sms.AgentID) (role, error) {
	if id == 0 || telegram.Faceless(id) {
		return stranger, nil
	}
	found := stranger
	for _, u := range b.opts.Users {
		if u == id {
			found = agent
		}
	}
	for _, a := range b.opts.Admins {
		if a == id {
			return admin, nil
		}
	}
	agents, err := b.store.Agents()
	for _, a := range agents {
		if a.ID == id {
			found = agent
			if a.Admin {
				return admin, nil
			}
		}
	}
	return found, err
}

func key(m *telegram.Message) store.UpdateKey { return store.UpdateKey{Chat: m.Chat, Message: m.ID} }

// answer is the post that answers m.
func answer(m *telegram.Message, html string) store.Post {
	return store.Post{Chat: m.Chat, Topic: m.Topic, Kind: store.PostText, Text: html, ReplyTo: m.ID}
}

// say takes m and answers it.
func (b *Bot) say(m *telegram.Message, html string) error {
	_, err := b.store.Take(key(m), store.Caused{Posts: []store.Post{answer(m, html)}})
	return err
}

// takeMessage acts on what somebody wrote, if it concerns us: commands, and replies to our messages.
func (b *Bot) takeMessage(ctx context.Context, m *telegram.Message) error {
	if m.MigrateTo != 0 {
		b.giveMenu(ctx, m.MigrateTo, agent)
		return b.store.MigrateChat(m.Chat, m.MigrateTo)
	}
	if m.TopicChanged != "" {
		return b.takeTopicChange(m)
	}
	toUs := m.ReplyTo != nil && m.ReplyTo.From.ID == b.self.ID
	if m.Other || m.Command == "" && !toUs && m.Elsewhere == nil && !m.Private {
		return nil
	}
	if m.Command != "" && !m.Private && !m.Named && !toUs && !isCommand(m.Command) {
		return nil // where we hear everything, that is some other bot's
	}
	t := b.language(m.Chat)
	if m.Faceless {
		// Not without end: somebody off the list may speak as a channel, too.
		if !b.strangers.answer(sms.AgentID(m.Chat), time.Now()) {
			return nil
		}
		return b.say(m, t.Faceless)
	}
	r, err := b.roleOf(m.From.ID)
	if err != nil {
		return err
	}
	if r == stranger {
		return b.takeStranger(ctx, m)
	}
	if err := errors.Join(b.store.ChatFound(m.Chat), b.noteTitle(m.Chat, m.Title)); err != nil {
		return err
	}
	b.pace.release(m.Chat)
	asks := false
	if answered := b.answered(m); answered != nil && sends(m.Command) {
		if asks, err = b.asks(answered); err != nil {
			return err
		}
	}
	switch {
	case asks:
		return b.say(m, t.Undecided)
	case m.Media:
		return b.say(m, t.OnlyText)
	case m.Command != "":
		return b.takeCommand(ctx, m, r)
	case m.Elsewhere != nil:
		return b.say(m, t.Elsewhere)
	case m.Forwarded && m.Text != "":
		return b.say(m, t.NotYourWords)
	case toUs:
		return b.takeReply(ctx, m)
	case m.Text != "": // in private, not a reply
		return b.say(m, t.ToNobody)
	}
	return nil
}

// takeEdit tells whoever edits an order that it was carried out as it was.
func (b *Bot) takeEdit(m *telegram.Message) error {
	link, err := b.store.Shows(m.Chat, m.ID)
	if errors.Is(err, store.ErrNotFound) || err == nil && !link.Order {
		return b.refuseEdit(m)
	}
	if err != nil {
		return err
	}
	batch, err := b.store.Batch(link.Batch)
	if err != nil {
		return err
	}
	// Telegram calls it an edit, too, when nothing that anybody can see has changed.
	if same, err := b.sameOrder(m, batch); err != nil || same {
		return err
	}
	k := key(m)
	k.Kind = store.Edited
	t := b.language(m.Chat)
	said := t.Edited
	switch batch.State {
	case store.Asking:
		said = t.EditedAsked
	case store.Cancelled, store.Expired:
		said = t.EditedUnsent
	}
	_, err = b.store.Take(k, store.Caused{Posts: []store.Post{answer(m, said)}})
	return err
}

// sameOrder reports whether m, as it now stands, would order what batch is.
func (b *Bot) sameOrder(m *telegram.Message, batch store.Batch) (bool, error) {
	if m.Command != "send" {
		return batch.Reply && spelled(m, m.Text) == batch.Text, nil
	}
	to, _, words := readSend(m.Args)
	if spelled(m, words) != batch.Text {
		return false, nil
	}
	if len(to) == 0 {
		c, err := b.customerOf(&telegram.Message{Chat: m.Chat, Topic: m.Topic})
		if err != nil {
			return false, err
		}
		to = []sms.Number{c.Customer}
	}
	recipients, err := b.store.Recipients(batch, 0, batch.N)
	return slices.EqualFunc(to, recipients, func(n sms.Number, r store.SMS) bool { return n == r.Customer }), err
}

// refuseEdit tells an agent who mends a /send that was refused that nobody reads the mended one.
func (b *Bot) refuseEdit(m *telegram.Message) error {
	r, err := b.roleOf(m.From.ID)
	if err != nil || r == stranger || m.Faceless || m.Command != "send" {
		return err
	}
	k := key(m)
	k.Kind = store.Edited
	_, err = b.store.Take(k, store.Caused{Posts: []store.Post{answer(m, b.language(m.Chat).EditUnread)}})
	return err
}

// takeMember acts on our being added to a chat or thrown out.
func (b *Bot) takeMember(ctx context.Context, m *telegram.Member) error {
	switch {
	case m.Private && m.In, !m.Private && m.In && m.WasIn:
		b.pace.release(m.Chat)
		return errors.Join(b.noteTitle(m.Chat, m.Title), b.store.ChatFound(m.Chat), b.store.TopicsAllowed(m.Chat), b.store.MarksAllowed(m.Chat)) // our rights may have changed
	case !m.In || m.Private:
		return nil // what it was to show waits, and the first post refused tells the admins
	}
	if ours, err := b.becameOurs(ctx, m.Chat); err != nil || ours {
		if ours {
			b.giveMenu(ctx, m.Chat, agent)
		}
		return err
	}
	r, err := b.roleOf(m.By.ID)
	if err != nil {
		return err
	}
	t := b.language(m.Chat)
	k := store.UpdateKey{Chat: m.Chat, Message: sms.ChatMessageID(m.Date), Kind: store.Joined}
	if r == admin {
		b.pace.release(m.Chat)
		if err := errors.Join(b.store.ChatFound(m.Chat), b.noteTitle(m.Chat, m.Title)); err != nil {
			return err
		}
		welcome, err := b.welcome(t, m.Chat)
		if err != nil {
			return err
		}
		_, err = b.store.Take(k, store.Caused{Posts: []store.Post{welcome}})
		return err
	}
	b.log.Warn("added to a chat by somebody who is no admin: leaving", "chat", int64(m.Chat))
	told := b.joiners.answer(m.By.ID, b.store.Now())
	b.tell(ctx, func(ctx context.Context) {
		if told {
			if _, err := b.tg.Post(ctx, telegram.Outgoing{Chat: m.Chat, HTML: t.Leaving}); err != nil {
				b.log.Debug("say why it leaves", "chat", int64(m.Chat), "err", err)
			}
			b.pace.arrived(m.Chat, false, time.Now())
		}
		if err := b.tg.Leave(ctx, m.Chat); err != nil {
			b.log.Warn("leave chat", "chat", int64(m.Chat), "err", err)
		}
	})
	if !told {
		return nil // the admins know by now
	}
	caused := store.Caused{}
	admins, err := b.store.Admins()
	if err != nil {
		return err
	}
	for _, id := range admins {
		t := b.language(sms.ChatID(id))
		caused.Posts = append(caused.Posts, store.Post{Chat: sms.ChatID(id), Kind: store.PostText, Text: t.Say(t.LeftGroup, mention(m.By), text.Isolated(m.Title))})
	}
	_, err = b.store.Take(k, caused)
	return err
}

// welcome is the post that greets a group: it says what is shown there, and offers what is not.
func (b *Bot) welcome(t *text.Language, chat sms.ChatID) (store.Post, error) {
	p := store.Post{Chat: chat, Kind: store.PostText, Text: t.WelcomeShown}
	inboxes, err := b.store.InboxChats()
	if err != nil || slices.Contains(inboxes, chat) {
		return p, err
	}
	p.Text, p.Buttons = t.WelcomeGroup, []store.Button{{Label: t.ShowHere, Data: pressShowHere}}
	bound, err := b.store.Bound(sms.Place{Chat: chat})
	if errors.Is(err, store.ErrNotFound) {
		return p, nil
	}
	p.Text = t.Say(t.WelcomeLinked, text.Number(bound.Customer))
	return p, err
}

// becameOurs tells whether a chat is the supergroup that a group of ours became. Whoever made it one, by a setting of the group's, is told as
// who added us to it, and perhaps before the group tells what it became (https://github.com/tdlib/telegram-bot-api/issues/266).
func (b *Bot) becameOurs(ctx context.Context, chat sms.ChatID) (bool, error) {
	chats, err := b.store.Chats()
	if err != nil {
		return false, err
	}
	groups, err := b.store.InboxChats()
	if err != nil {
		return false, err
	}
	for _, c := range chats {
		if c.MigratedTo == chat {
			return true, nil
		}
		if c.MigratedTo == 0 && !slices.Contains(groups, c.ID) {
			groups = append(groups, c.ID)
		}
	}
	for _, id := range groups {
		if !telegram.BasicGroup(id) {
			continue
		}
		e, ok := errors.AsType[*telegram.Error](b.tg.Typing(ctx, id))
		if ok && e.MigratedTo == chat {
			return true, b.store.MigrateChat(id, chat)
		}
	}
	return false, nil
}

// giveMenu sets the menu of a chat whose members came to use the bot there: a group's is an agent's, as all of it see it.
func (b *Bot) giveMenu(ctx context.Context, chat sms.ChatID, r role) {
	if chat < 0 {
		r = agent
	}
	b.tell(ctx, func(ctx context.Context) { b.setMenu(ctx, chat, r) })
}

// noteTitle keeps what a group is called, for those who are told of it elsewhere.
func (b *Bot) noteTitle(chat sms.ChatID, title string) error {
	if chat > 0 || title == "" {
		return nil
	}
	return b.store.NoteTitle(chat, text.Short(title, text.NameRunes))
}

// setMenus puts the commands each person may use into the menus of Telegram's clients. That is a convenience: who may do what is
// decided when they do it.
func (b *Bot) setMenus(ctx context.Context) {
	menus := map[sms.ChatID]role{0: stranger}
	admins, err := b.store.Admins()
	if err != nil {
		return
	}
	for _, id := range b.opts.Users {
		menus[sms.ChatID(id)] = agent
	}
	agents, _ := b.store.Agents()
	for _, a := range agents {
		menus[sms.ChatID(a.ID)] = agent
	}
	for _, id := range admins {
		menus[sms.ChatID(id)] = admin
	}
	inboxes, _ := b.store.InboxChats()
	linked, _ := b.store.LinkedChats()
	for _, id := range slices.Concat(inboxes, linked) {
		menus[id] = max(menus[id], agent)
	}
	for chat, r := range menus {
		if ctx.Err() != nil {
			return
		}
		b.setMenu(ctx, chat, r)
		if chat < 0 { // one that nobody wrote in since is told of by its title, too
			if c, err := b.tg.GetChat(ctx, chat); err == nil {
				_ = b.noteTitle(chat, c.Title) // heard again with the next message
			}
		}
	}
}

// setMenu sets the menu of one chat, in its language; chat 0 is every chat without a menu of its own, in both.
func (b *Bot) setMenu(ctx context.Context, chat sms.ChatID, r role) {
	err := b.tg.SetMenu(ctx, chat, "", menu(b.language(chat), r))
	if chat == 0 {
		for name, t := range text.Languages {
			err = errors.Join(err, b.tg.SetMenu(ctx, chat, name, menu(t, r)))
		}
	}
	if err != nil {
		b.log.Debug("set menu", "chat", int64(chat), "err", err) // somebody who never wrote to us, most often
	}
}
