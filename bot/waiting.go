package bot

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"peyk/bot/text"
	"peyk/sms"
	"peyk/store"
	"peyk/telegram"
)

// waitingShown is how many conversations a page of /waiting names. Telegram keeps a hundred entities in a message.
const waitingShown = 20

// snoozeMost is how long a conversation may be snoozed.
const snoozeMost = 30 * 24 * time.Hour

// waitingData is the data of the buttons that lead to the other pages of /waiting: from which conversation on.
func waitingData(from int) string { return "waiting:" + strconv.Itoa(from) }

func readWaiting(data string) (from int, ok bool) {
	rest, ok := strings.CutPrefix(data, "waiting:")
	from, err := strconv.Atoi(rest)
	return from, ok && err == nil && from >= 0
}

// waiting lists who waits for an answer, once or for good.
func (b *Bot) waiting(_ context.Context, m *telegram.Message, r role) error {
	switch strings.ToLower(m.Args) {
	case "pin":
		return b.pin(m, r)
	case "unpin":
		return b.unpin(m, r)
	}
	p, err := b.waitingPage(b.language(m.Chat), m.Chat, 0)
	if err != nil {
		return err
	}
	p.Topic, p.ReplyTo = m.Topic, m.ID
	_, err = b.store.Take(updateKey(m), store.Caused{Posts: []store.Post{p}})
	return err
}

// waitingPressed shows another page of the list in the place of one.
func (b *Bot) waitingPressed(p *telegram.Press, t *text.Language, from int) (word string, alert bool, err error) {
	if p.Gone {
		return t.PressOld, true, nil
	}
	page, err := b.waitingPage(t, p.Message.Chat, from)
	if err != nil {
		return "", false, err
	}
	page.Topic, page.Message = p.Message.Topic, p.Message.ID
	return "", false, b.store.AddPost(page)
}

// waitingPage returns the post of a chat that lists who waits, from one on.
func (b *Bot) waitingPage(t *text.Language, chat sms.ChatID, from int) (store.Post, error) {
	p := store.Post{Chat: chat, Kind: store.PostText}
	list, err := b.whoWaits(from)
	if err != nil {
		return p, err
	}
	p.Text = b.waitingText(t, chat, list, func(at time.Time) string { return t.Lasting(b.now().Sub(at)) })
	if from > 0 {
		p.Buttons = append(p.Buttons, store.Button{Label: t.PageBefore, Data: waitingData(max(0, from-waitingShown))})
	}
	if !list.last() {
		p.Buttons = append(p.Buttons, store.Button{Label: t.PageAfter, Data: waitingData(from + len(list.page))})
	}
	return p, nil
}

// waitingList is a page of those who wait.
type waitingList struct {
	page    []store.Waiting
	from    int // which is the first, from 0 on
	all     int
	more    bool // they are even more
	snoozed int
}

// last tells whether no page follows.
func (l waitingList) last() bool { return l.from+len(l.page) >= l.all }

// whoWaits returns the page of those who wait that begins at one.
func (v voice) whoWaits(from int) (l waitingList, err error) {
	l.from = from
	if l.page, l.all, l.more, err = v.store.WhoWaits(from, waitingShown); err != nil {
		return l, err
	}
	l.snoozed, err = v.store.Snoozed()
	return l, err
}

// waitingText lists who waits; since says since when.
func (v voice) waitingText(t *text.Language, chat sms.ChatID, l waitingList, since func(time.Time) string) string {
	lines := []string{t.WaitingNone}
	switch {
	case l.more:
		lines[0] = t.Say(t.WaitingMany, l.all)
	case l.all > 0:
		lines[0] = t.Say(t.WaitingHead, l.all)
	}
	if l.snoozed > 0 {
		lines[0] += " · " + t.Say(t.SnoozedCount, l.snoozed)
	}
	for i, w := range l.page {
		lines = append(lines, fmt.Sprintf("%s %s", t.Say("%v.", l.from+i+1), v.waitingLine(t, chat, w, since(w.First.Received))))
	}
	return strings.Join(lines, "\n")
}

// waitingLine says who waits, since when, with a link to the SMS, and who answers them.
func (v voice) waitingLine(t *text.Language, chat sms.ChatID, w store.Waiting, since string) string {
	if link := linkTo(chat, w.Shown); link != "" {
		since = `<a href="` + link + `">` + since + "</a>"
	}
	said := []string{since, text.Number(w.First.Customer)}
	if w.Name != "" {
		said[1] += " " + text.Isolated(w.Name)
	}
	if len(v.opts.Lines) > 1 && w.First.Line != "" {
		said = append(said, text.Number(w.First.Line))
	}
	if w.N > 1 {
		said = append(said, t.Say(t.WaitingSMS, w.N))
	}
	if w.Claim.Held(v.store.Now()) {
		said = append(said, t.Say(t.WaitingClaimed, text.Isolated(w.Claim.Name)))
	}
	return strings.Join(said, " · ")
}

// linkTo returns the link to that of some messages which a chat's members reach most surely; "" when none of them has a link, as in private chats and
// basic groups.
func linkTo(from sms.ChatID, messages []store.ChatMessage) (link string) {
	for _, m := range messages {
		if l := telegram.MessageLink(m.Place, m.ID); l != "" && (link == "" || m.Chat == from) {
			link = l
		}
	}
	return link
}

// conversationOf returns the conversation that a command is about: that of the number it begins with, of the SMS replied to, or of the customer whom
// the place belongs to; rest is what follows the number. Without a line it is about all of the customer's. refusal says why it is about none.
func (b *Bot) conversationOf(m *telegram.Message, usage string) (c sms.Conversation, rest, refusal string, err error) {
	if n, err := sms.ParseRecipient(m.Args); err == nil {
		return sms.Conversation{Customer: n}, "", "", nil
	}
	word, rest, _ := strings.Cut(strings.TrimSpace(m.Args), " ")
	if n, err := sms.ParseRecipient(word); err == nil {
		return sms.Conversation{Customer: n}, rest, "", nil
	}
	if b.repliesToUs(m) {
		if c, _, refusal, err = b.replyTarget(m); err != nil || refusal == "" && c.Customer != "" {
			return c, m.Args, "", err
		}
	}
	bound, err := b.store.Bound(sms.Place{Chat: m.Chat, Topic: m.Topic})
	if errors.Is(err, store.ErrNotFound) {
		if refusal == "" {
			refusal = usage
		}
		return c, "", refusal, nil
	}
	return sms.Conversation{Customer: bound.Customer}, m.Args, "", err
}

// done ends that a customer waits.
func (b *Bot) done(_ context.Context, m *telegram.Message, _ role) error {
	t := b.language(m.Chat)
	c, rest, refusal, err := b.conversationOf(m, t.DoneUsage)
	switch {
	case err != nil:
		return err
	case refusal != "":
		return b.respond(m, refusal)
	case strings.TrimSpace(rest) != "":
		return b.respond(m, t.DoneUsage)
	}
	n, snoozed, err := b.store.Waits(c)
	if err != nil {
		return err
	}
	if n == 0 && !snoozed {
		return b.respond(m, t.Say(t.WaitsNot, text.Number(c.Customer)))
	}
	_, err = b.store.Take(updateKey(m), store.Caused{Done: &c, Posts: []store.Post{response(m, t.Say(t.Done, text.Number(c.Customer)))}})
	return err
}

// snooze has a customer wait only from some time on.
func (b *Bot) snooze(_ context.Context, m *telegram.Message, _ role) error {
	t := b.language(m.Chat)
	c, rest, refusal, err := b.conversationOf(m, t.SnoozeUsage)
	switch {
	case err != nil:
		return err
	case refusal != "":
		return b.respond(m, refusal)
	}
	now := b.now()
	work, err := b.store.Hours()
	if err != nil {
		return err
	}
	when, ok := text.ReadWhen(rest, now, work.Opens)
	until := when.At
	switch {
	case !ok:
		return b.respond(m, t.SnoozeUsage)
	case until.Sub(now) > snoozeMost:
		return b.respond(m, t.SnoozeTooLong)
	}
	n, snoozed, err := b.store.Waits(c)
	if err != nil {
		return err
	}
	if n == 0 && !snoozed {
		return b.respond(m, t.Say(t.WaitsNot, text.Number(c.Customer)))
	}
	said := t.Say(t.Snoozed, text.Number(c.Customer), t.Clock(until, now))
	_, err = b.store.Take(updateKey(m), store.Caused{Snooze: &c, Until: until, Posts: []store.Post{response(m, said)}})
	return err
}

// showWaits says that a customer waits, again or for long, unless that is no longer so. A reply to it goes to the customer.
func (w *poster) showWaits(ctx context.Context, t *text.Language, p store.Post) error {
	waits, err := w.store.StillWaits(p.Seq)
	if errors.Is(err, store.ErrNotFound) {
		return w.store.Persist(ctx, "note a post", func() error { return w.store.PostNotNeeded(p) })
	}
	if err != nil {
		return err
	}
	m, now := waits.First, w.now()
	lasts := t.Lasting(now.Sub(m.Received))
	said := t.Awake
	switch p.Kind {
	case store.PostRemind:
		if said = t.Say(t.Remind, lasts); waits.Claim.Held(now) {
			said += " · " + t.Say(t.WaitingClaimed, text.Isolated(waits.Claim.Name))
		}
	case store.PostEscalate:
		if link := linkTo(p.Chat, waits.Shown); link != "" {
			lasts = `<a href="` + link + `">` + lasts + "</a>"
		}
		if said = t.Say(t.Escalate, lasts); p.Text != "" {
			said += " " + t.Say(t.EscalateClaim, text.Isolated(p.Text))
		}
	}
	// With the head a reply finds its customer also if the id of the message was never learned.
	o := telegram.Outgoing{Chat: p.Chat, Topic: p.Topic, ReplyTo: p.ReplyTo, HTML: text.Head(t, m, waits.Name, now) + "\n" + said, Loud: true}
	if p.Kind != store.PostEscalate {
		o.Buttons = answerButtons(t, m.Customer, true)
	}
	o.Plain = text.Plain(o.HTML)
	id, err := w.post(ctx, &o)
	if err != nil {
		return err
	}
	return w.store.Persist(ctx, "note a post", func() error { return w.store.Posted(p, id, false) })
}
