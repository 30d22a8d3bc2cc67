package bot

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"peyk/bot/text"
	"peyk/internal/backoff"
	"peyk/internal/crashpoint"
	"peyk/sms"
	"peyk/smsapi"
	"peyk/store"
	"peyk/telegram"
)

const (
	laterMost      = 366 * 24 * time.Hour // how far off an order can be scheduled
	laterRunes     = 3000                 // of a text, in a question; the message that orders it holds the rest, if there is any
	scheduledShown = 5                    // how many orders a page of /scheduled names: each has a button, and all stand in one row
	scheduledRunes = 60                   // of a text, in that list
	missedAfter    = time.Hour            // what is that late, because we did not run, is asked about
)

// readLater splits what follows /later: when, and what is to be sent then. The time ends where a line does, or where a comma or the number of a phone
// begins; named is that it is a number.
func readLater(args string) (when, rest string, named bool) {
	inWord := false
	for i, r := range args {
		switch {
		case strings.ContainsRune("\n,،;؛", r):
			return args[:i], strings.TrimSpace(args[i+utf8.RuneLen(r):]), false
		case unicode.IsSpace(r):
			inWord = false
		case !inWord:
			if _, length := leadingNumber(args[i:]); length > 0 {
				return args[:i], args[i:], true
			}
			inWord = true
		}
	}
	return args, "", false
}

// later asks whether an SMS is to be sent at a time to come.
func (b *Bot) later(_ context.Context, m *telegram.Message, _ role) error {
	t, now := b.language(m.Chat), b.now()
	words, rest, named := readLater(m.Args)
	work, err := b.store.Hours()
	if err != nil {
		return err
	}
	when, ok := text.ReadWhen(words, now, work.Opens)
	switch {
	case strings.TrimSpace(words) == "":
		return b.respond(m, t.LaterUsage)
	case ok && when.At.Sub(now) > laterMost:
		return b.respond(m, t.LaterTooFar)
	case !ok:
		return b.respond(m, notThen(t, when))
	}
	to, refusal, err := b.laterFor(m, rest, named)
	switch {
	case err != nil:
		return err
	case refusal == t.NothingToSend || refusal == t.NoRecipient:
		return b.respond(m, t.LaterUsage)
	case refusal != "":
		return b.respond(m, refusal)
	}
	o, refusal := b.newOrder(m, to)
	if refusal != "" {
		return b.respond(m, refusal)
	}
	o.QuietUntil = time.Time{} // its agent chooses when
	question, err := b.laterQuestion(t, o)
	if err != nil {
		return err
	}
	row := store.Scheduled{Order: o, At: when.At}
	if !when.Lasts {
		row.Zone = now.Location().String()
	}
	err = b.store.Schedule(updateKey(m), row, func(row store.Scheduled) store.Post {
		p := response(m, t.Say(t.LaterAt, t.Instant(row.At), t.Lasting(row.At.Sub(now)))+"\n"+question)
		p.Buttons = []store.Button{{Label: t.Schedule, Data: laterData(row.ID, laterGo), Style: telegram.Green}, {Label: t.Cancel, Data: laterData(row.ID, laterDrop), Style: telegram.Red}}
		return p
	})
	if errors.Is(err, store.ErrTooMany) {
		return b.respond(m, t.Say(t.LaterFull, store.MaxScheduled))
	}
	if err == nil {
		b.log.Info("asks about an order for later", "agent", int64(m.From.ID), "line", o.Line, "recipients", len(to.numbers))
	}
	return err
}

// notThen says why an order cannot be scheduled for a time, and how that was read.
func notThen(t *text.Language, when text.When) string {
	var said []string
	switch {
	case when.Unread != "":
		said = append(said, t.Say(t.LaterUnread, text.Code(text.Short(when.Unread, text.NameRunes))))
		if !when.At.IsZero() {
			said = append(said, t.Say(t.LaterRead, t.Instant(when.At)))
		}
	case when.At.IsZero():
		said = append(said, t.LaterUnclear)
	default:
		return t.Say(t.LaterPast, t.Instant(when.At))
	}
	return strings.Join(append(said, t.LaterUsage), "\n")
}

// laterFor returns whom an order for later is for: the numbers that follow its time; the customer whose SMS m replies to, or of the place.
func (b *Bot) laterFor(m *telegram.Message, rest string, named bool) (to addressed, refusal string, err error) {
	switch {
	case m.Elsewhere != nil && !named:
		return to, b.language(m.Chat).Elsewhere, nil
	case named || !b.repliesToUs(m):
		return b.addressees(m, rest)
	}
	reply := *m
	reply.Text = rest
	c, words, refusal, err := b.replyTarget(&reply)
	if err == nil && refusal == "" {
		c, refusal, err = b.answerable(m, c)
	}
	if text.Blank(words) && refusal == "" {
		refusal = b.language(m.Chat).NothingToSend
	}
	return addressed{line: c.Line, numbers: []sms.Number{c.Customer}, words: words}, refusal, err
}

// laterQuestion says what is to be sent, to whom, and what that takes.
func (b *Bot) laterQuestion(t *text.Language, o store.Order) (string, error) {
	batch := store.Batch{Text: o.Text, Line: o.Line, Costly: true, AddedURLs: o.AddedURLs}
	var recipients []store.SMS
	for _, n := range slices.Concat(o.Pieces...) {
		var m store.SMS
		m.Customer = n
		recipients = append(recipients, m)
	}
	batch.N = len(recipients)
	c, err := b.store.Customer(recipients[0].Customer)
	batch.CustomerName = c.Name
	return quoted(o.Text, laterRunes) + "\n" + renderQuestion(t, batch, recipients, &b.opts), err
}

// quoted returns at most so many runes of a text as a block quote.
func quoted(words string, runes int) string {
	if utf8.RuneCountInString(words) > runes {
		words = string([]rune(words)[:runes]) + "…"
	}
	return "<blockquote>" + text.Escape(words) + "</blockquote>"
}

// laterTo names the recipients of an order, the first ones when they are many, or counts those of a file.
func (v voice) laterTo(t *text.Language, o store.Order) string {
	if o.Of != 0 {
		batch, err := v.store.Batch(o.Of)
		if err != nil {
			return "–"
		}
		return t.Say(t.BulkCount, batch.N-batch.Withheld)
	}
	to := slices.Concat(o.Pieces...)
	named := t.Numbers(to[:min(len(to), maxNamed)])
	if more := len(to) - maxNamed; more > 0 {
		named += " " + t.Say(t.More, more)
	}
	return named
}

// laterText returns the text of an order, or the first of a file.
func (v voice) laterText(o store.Order) string {
	if o.Text != "" || o.Of == 0 {
		return o.Text
	}
	first := ""
	if batch, err := v.store.Batch(o.Of); err == nil {
		if recipients, err := v.store.Recipients(batch, 0, recipientsShown); err == nil {
			for _, m := range recipients {
				if !m.Reason.Withheld() {
					first = cmp.Or(first, m.Text)
				}
			}
		}
	}
	return first
}

// renderScheduled says what is scheduled.
func (b *Bot) renderScheduled(t *text.Language, s store.Scheduled) string {
	return t.Say(t.LaterSet, t.Instant(s.At.In(b.opts.Location)), text.Isolated(s.Order.AgentName), b.laterTo(t, s.Order)) + "\n" + quoted(b.laterText(s.Order), laterRunes)
}

// What the buttons of an order for later do.
const (
	laterGo   = "go"
	laterDrop = "drop"
	laterList = "list" // drops it, too, from /scheduled
)

func laterData(id store.ScheduledID, do string) string {
	return "later:" + strconv.FormatUint(uint64(id), 36) + ":" + do
}

func readLaterData(data string) (id store.ScheduledID, do string, ok bool) {
	parts := strings.Split(data, ":")
	if len(parts) != 3 || parts[0] != "later" {
		return 0, "", false
	}
	n, err := strconv.ParseUint(parts[1], 36, 64)
	return store.ScheduledID(n), parts[2], err == nil
}

// laterPressed has an order for later confirmed, or dropped.
func (b *Bot) laterPressed(p *telegram.Press, r role, t *text.Language, id store.ScheduledID, do string) (word string, alert bool, err error) {
	expired := func() (string, bool, error) {
		return t.PressExpired, true, b.store.AddPost(inPlaceOf(p.Message, t.Expired))
	}
	s, err := b.store.Scheduled(id)
	switch {
	case errors.Is(err, store.ErrNotFound) && do == laterGo:
		return expired()
	case errors.Is(err, store.ErrNotFound):
		return t.PressOld, true, nil
	case err != nil:
		return "", false, err
	}
	same, err := b.sameChat(s.Order.Chat, p.Message.Chat)
	switch {
	case err != nil:
		return "", false, err
	case !same && (do != laterList || r < admin):
		return t.PressOld, true, nil
	case s.Order.Agent != p.From.ID && (do == laterGo || r < admin):
		return t.PressNotYours, true, nil
	case do == laterGo:
		err = b.store.ConfirmScheduled(id, p.Message.ID, func(s store.Scheduled) store.Post {
			said := inPlaceOf(p.Message, b.renderScheduled(t, s))
			said.Buttons = []store.Button{{Label: t.Cancel, Data: laterData(id, laterDrop), Style: telegram.Red}}
			return said
		})
	default:
		err = b.dropScheduled(p, r, s, do)
	}
	switch {
	case errors.Is(err, store.ErrExpired):
		return expired()
	case errors.Is(err, store.ErrNotFound), errors.Is(err, store.ErrDecided):
		return t.PressOld, true, nil
	case err != nil:
		return "", false, err
	}
	b.log.Info("order for later", "scheduled", uint64(id), "agent", int64(p.From.ID), "decision", do)
	return t.PressDone, false, nil
}

// dropScheduled ends an order for later, and says so in its own message and in the list whose button was pressed.
func (b *Bot) dropScheduled(p *telegram.Press, r role, s store.Scheduled, do string) error {
	t, of := b.language(s.Order.Chat), s.Message
	if do == laterDrop {
		of = p.Message.ID
	}
	said := t.Say(t.LaterCancelled, text.Isolated(p.From.Name), t.Instant(s.At.In(b.opts.Location)), b.laterTo(t, s.Order))
	err := b.store.EndScheduled(s.ID, store.Post{Chat: s.Order.Chat, Topic: s.Order.Topic, Message: of, ReplyTo: of, Kind: store.PostText, Text: said})
	if err != nil || do == laterDrop {
		return err
	}
	return b.turnScheduled(p, r, 0)
}

// scheduledData is the data of the buttons that lead to the other pages of /scheduled: from which order on.
func scheduledData(from int) string { return "scheduled:" + strconv.Itoa(from) }

func readScheduledData(data string) (from int, ok bool) {
	rest, ok := strings.CutPrefix(data, "scheduled:")
	from, err := strconv.Atoi(rest)
	return from, ok && err == nil && from >= 0
}

// scheduled lists the orders for later of a chat; to an admin in private, all.
func (b *Bot) scheduled(_ context.Context, m *telegram.Message, r role) error {
	p, err := b.scheduledPage(m.Chat, m.Private && r >= admin, 0)
	if err != nil {
		return err
	}
	p.Topic, p.ReplyTo = m.Topic, m.ID
	_, err = b.store.Take(updateKey(m), store.Caused{Posts: []store.Post{p}})
	return err
}

// scheduledPressed shows another page of the list in the place of one.
func (b *Bot) scheduledPressed(p *telegram.Press, r role, t *text.Language, from int) (word string, alert bool, err error) {
	if p.Gone {
		return t.PressOld, true, nil
	}
	return "", false, b.turnScheduled(p, r, from)
}

func (b *Bot) turnScheduled(p *telegram.Press, r role, from int) error {
	private := p.Message.Chat == sms.ChatID(p.From.ID)
	page, err := b.scheduledPage(p.Message.Chat, private && r >= admin, from)
	if err != nil {
		return err
	}
	page.Topic, page.Message = p.Message.Topic, p.Message.ID
	return b.store.AddPost(page)
}

// scheduledPage returns the post of a chat that lists what is scheduled there, or everywhere, from one order on.
func (b *Bot) scheduledPage(chat sms.ChatID, everywhere bool, from int) (store.Post, error) {
	t, p := b.language(chat), store.Post{Chat: chat, Kind: store.PostText}
	of := chat
	if everywhere {
		of = 0
	}
	all, err := b.store.ScheduledIn(of)
	if all = slices.DeleteFunc(all, func(s store.Scheduled) bool { return !s.Confirmed }); err != nil || len(all) == 0 {
		p.Text = t.ScheduledNone
		return p, err
	}
	from = min(from, (len(all)-1)/scheduledShown*scheduledShown)
	lines := []string{t.Say(t.ScheduledHead, len(all))}
	if from > 0 {
		p.Buttons = append(p.Buttons, store.Button{Label: t.PageBefore, Data: scheduledData(max(0, from-scheduledShown))})
	}
	for i, s := range all[from:min(len(all), from+scheduledShown)] {
		n := from + i + 1
		lines = append(lines, t.Say(t.ScheduledLine, n, t.Instant(s.At.In(b.opts.Location)), b.laterTo(t, s.Order), text.Isolated(s.Order.AgentName)),
			"<blockquote>"+text.Escape(text.Short(b.laterText(s.Order), scheduledRunes))+"</blockquote>")
		p.Buttons = append(p.Buttons, store.Button{Label: t.Say(t.CancelOne, n), Data: laterData(s.ID, laterList), Style: telegram.Red})
	}
	p.Text = strings.Join(lines, "\n")
	if from+scheduledShown < len(all) {
		p.Buttons = append(p.Buttons, store.Button{Label: t.PageAfter, Data: scheduledData(from + scheduledShown)})
	}
	return p, nil
}

// sendScheduled has orders for later go out, or be asked about, when their time has come.
func (b *Bot) sendScheduled(ctx context.Context) error {
	trouble := backoff.Backoff{Log: b.log, What: "send what was scheduled", Shortest: time.Second}
	for ctx.Err() == nil {
		due, wait, err := b.store.DueScheduled()
		if len(due) > 0 {
			err, wait = b.beginDue(ctx, due), 0
		}
		if err != nil {
			trouble.Wait(ctx, err, nil)
			continue
		}
		trouble.After(nil)
		backoff.Sleep(ctx, wait, b.store.Schedules())
	}
	return nil
}

// beginDue begins orders whose time has come. The credit is asked for once, for all of them.
func (b *Bot) beginDue(ctx context.Context, due []store.Scheduled) error {
	asking, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	credit, err := b.panel.Credit(asking)
	left, known := smsapi.Amount(credit)
	known = known && err == nil // else the panel refuses what is too much
	for _, s := range due {
		takes := float64(s.Order.Parts * len(slices.Concat(s.Order.Pieces...)))
		if s.Order.Of != 0 {
			if batch, err := b.store.Batch(s.Order.Of); err == nil {
				takes = float64(batch.AllParts())
			}
		}
		if err := b.beginScheduled(s, credit, known && left < takes); err != nil {
			return err
		}
		left -= takes
	}
	return nil
}

// beginScheduled begins an order whose time has come, or asks about it, or says why it cannot be.
func (b *Bot) beginScheduled(s store.Scheduled, credit string, tooLittle bool) error {
	crashpoint.At("later.due")
	t, o := b.language(s.Order.Chat), s.Order
	o.Due = s.At.In(b.opts.Location)
	why, err := b.refusesNow(t, o)
	if err == nil && why == "" && o.Of != 0 {
		o.Rows, o.Bulk, err = b.store.Postponed(o.Of)
		b.leaveOutside(o.Rows)
	}
	if err != nil {
		return err
	}
	if why == "" {
		o.Ask = o.Doubtful || tooLittle || b.store.Now().Sub(o.Due) > missedAfter
		var told []store.Post
		if s.Message != 0 {
			told = append(told, store.Post{Chat: o.Chat, Topic: o.Topic, Message: s.Message, ReplyTo: s.Message, Kind: store.PostText, Text: b.renderScheduled(t, s)})
		}
		var id store.BatchID
		id, err = b.store.BeginScheduled(s.ID, o, told...)
		crashpoint.At("later.begun")
		if over, ok := errors.AsType[*store.OverCap](err); ok {
			why = t.Say(t.AboveCap, over.Parts, over.Left, over.Cap)
		} else if err == nil {
			b.log.Info("scheduled order", "scheduled", uint64(s.ID), "batch", uint64(id), "asks", o.Ask)
			if o.Ask && credit != "" {
				err = b.store.SetCredit(id, credit, 0, 0)
			}
		}
	}
	if why != "" {
		b.log.Info("scheduled order not sent", "scheduled", uint64(s.ID))
		said := t.Say(t.LaterNot, t.Instant(o.Due), b.laterTo(t, o), text.Isolated(o.AgentName)) + "\n" + why
		err = b.store.EndScheduled(s.ID, store.Post{Chat: o.Chat, Topic: o.Topic, ReplyTo: o.Message, Kind: store.PostText, Text: said})
	}
	if errors.Is(err, store.ErrNotFound) { // cancelled meanwhile
		return nil
	}
	return err
}

// refusesNow says why an order can no longer be sent as it was scheduled; "" if it can.
func (b *Bot) refusesNow(t *text.Language, o store.Order) (why string, err error) {
	r, err := b.roleOf(o.Agent)
	switch outside := b.outsidePrefixes(slices.Concat(o.Pieces...)); {
	case err != nil:
		return "", err
	case r < agent:
		return t.LaterDenied, nil
	case !slices.Contains(b.opts.Lines, o.Line):
		return t.Say(t.NotOurLine, text.Number(o.Line), t.Numbers(b.opts.Lines)), nil
	case len(outside) > 0:
		return b.notAllowed(t, outside), nil
	}
	return "", nil
}
