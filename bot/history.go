package bot

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"peyk/bot/text"
	"peyk/sms"
	"peyk/store"
	"peyk/telegram"
)

// historyShown is how many SMS a page of a customer's has.
const historyShown = 20

// history shows the last SMS of a customer: of the number given, of whoever the message replied to is about, or of whom the place belongs to. A line of ours
// among the words leaves out the others.
func (b *Bot) history(_ context.Context, m *telegram.Message, _ role) error {
	t := b.language(m.Chat)
	page := store.Page{Limit: historyShown}
	var rest []string
	for _, word := range strings.Fields(m.Args) {
		if n := sms.NormalizeLine(word); page.Line == "" && slices.Contains(b.opts.Lines, n) {
			page.Line = n
		} else {
			rest = append(rest, word)
		}
	}
	if page.Customer = sms.Normalize(strings.Join(rest, " ")); page.Customer == "" {
		c, err := b.customerOf(m)
		if err != nil {
			return err
		}
		if page.Customer = c.Customer; page.Customer == "" {
			return b.respond(m, t.HistoryUsage)
		}
	}
	p, err := b.historyPage(t, page)
	switch {
	case err != nil:
		return err
	case p.Text == "":
		return b.respond(m, t.Say(t.HistoryNone, text.Code(text.Short(string(page.Customer), text.NameRunes))))
	}
	p.Chat, p.Topic, p.ReplyTo = m.Chat, m.Topic, m.ID
	_, err = b.store.Take(updateKey(m), store.Caused{Posts: []store.Post{p}})
	return err
}

// historyPage returns the post that shows a page, with its buttons; without text when there is nothing to show.
func (b *Bot) historyPage(t *text.Language, page store.Page) (store.Post, error) {
	found, more, err := b.store.History(page)
	if err != nil || len(found) == 0 {
		return store.Post{}, err
	}
	c, err := b.store.Customer(page.Customer)
	if err != nil {
		return store.Post{}, err
	}
	told := make([]text.Told, len(found))
	for i, m := range found {
		if told[i], err = b.told(t, m); err != nil {
			return store.Post{}, err
		}
	}
	p := store.Post{Kind: store.PostText, Text: text.History(t, page.Customer, c.Name, told, b.now())}
	if older := page.Newer || more; older {
		p.Buttons = append(p.Buttons, store.Button{Label: t.Older, Data: historyData(store.Page{Line: page.Line, From: found[0].Seq})})
	}
	if newer := page.From != 0 && (!page.Newer || more); newer {
		p.Buttons = append(p.Buttons, store.Button{Label: t.Newer, Data: historyData(store.Page{Line: page.Line, From: found[len(found)-1].Seq, Newer: true})})
	}
	return p, nil
}

// told returns an SMS with what its order says of it.
func (v voice) told(t *text.Language, m store.SMS) (text.Told, error) {
	if m.Direction == sms.Inbound {
		return text.Told{SMS: m}, nil
	}
	batch, err := v.store.Batch(m.Batch)
	if errors.Is(err, store.ErrNotFound) { // just deleted
		return text.Told{SMS: m}, nil
	}
	if err != nil {
		return text.Told{}, err
	}
	m.Text = cmp.Or(m.Text, batch.Text)
	agent := text.Isolated(batch.AgentName)
	switch {
	case batch.Away:
		agent = t.AwayBy
	case batch.AgentName == "":
		agent = v.agentName(batch.Agent, "")
	}
	return text.Told{SMS: m, Agent: agent, Fared: fared(t, batch, m)}, nil
}

// fared says in a word or two how far an SMS of a batch has come.
func fared(t *text.Language, batch store.Batch, m store.SMS) string {
	switch m.Status {
	case sms.Queued:
		if batch.State == store.Cancelled || batch.State == store.Expired || batch.Dropped > 0 && batch.Dropped == batch.Counts[sms.Queued] {
			return t.CountDropped
		}
		return t.CountQueued
	case sms.Sending:
		switch {
		case batch.Uncertain > 0:
			return t.CountUncertain
		case batch.LeftUncertain > 0:
			return t.CountLeft
		}
		return t.CountSending
	case sms.Sent:
		return t.CountSent
	case sms.AtTelecom:
		return t.CountAtTelecom
	case sms.Delivered:
		return t.CountDelivered
	}
	if why := t.Failures[m.Reason]; why != "" {
		return why
	}
	return t.CountFailed
}

// historyData is the data of [Older] and [Newer]: the way, the SMS they lead on from, and the line when only that is shown. Whose SMS it is, the message
// says.
func historyData(page store.Page) string {
	way := "o"
	if page.Newer {
		way = "n"
	}
	return fmt.Sprintf("history:%s:%s:%s", way, strconv.FormatUint(uint64(page.From), 36), string(page.Line))
}

func readHistory(data string) (page store.Page, ok bool) {
	parts := strings.Split(data, ":")
	if len(parts) != 4 || parts[0] != "history" || parts[1] != "o" && parts[1] != "n" {
		return page, false
	}
	seq, err := strconv.ParseUint(parts[2], 36, 64)
	return store.Page{Line: sms.Number(parts[3]), From: store.Seq(seq), Newer: parts[1] == "n", Limit: historyShown}, err == nil && seq != 0
}

// historyPressed shows another page in the place of one. Pressing twice shows the same.
func (b *Bot) historyPressed(p *telegram.Press, t *text.Language, page store.Page) (word string, alert bool, err error) {
	customer, shown, ok := text.HistoryOf(p.Message)
	if !ok || p.Gone {
		return t.PressOld, true, nil
	}
	page.Customer = sms.Number(customer)
	for _, seq := range shown { // a long number is cut in the message
		if m, err := b.store.SMS(seq); err == nil && text.Says(customer, m.Customer) {
			page.Customer = m.Customer
		}
	}
	post, err := b.historyPage(t, page)
	switch {
	case err != nil:
		return "", false, err
	case post.Text == "":
		return t.HistoryEnd, false, nil
	}
	post.Chat, post.Topic, post.Message = p.Message.Chat, p.Message.Topic, p.Message.ID
	return "", false, b.store.AddPost(post)
}
