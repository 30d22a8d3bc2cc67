package bot

import (
	"cmp"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf16"

	"peyk/sms"
	"peyk/store"
	"peyk/telegram"
)

// messageUnits is what one chat message holds, in UTF-16 units after its markup is read.
const messageUnits = 4096

// headUnits is kept free for the head of an SMS.
const headUnits = 256

// renderSMS returns what shows an SMS, in as many messages as it takes: a head of ours on the first line, then the customer's words in a
// block of their own, so that no SMS can look like a head.
func (b *Bot) renderSMS(t *text, m store.SMS, name string, repeated bool, now time.Time) []telegram.Outgoing {
	head := b.renderHead(t, m, name, now)
	parts := split(t.wordsOf(m), messageUnits-headUnits)
	shown := make([]telegram.Outgoing, len(parts))
	for i, part := range parts {
		head := head
		if len(parts) > 1 {
			head += t.say(t.smsPart, i+1, len(parts))
		}
		if repeated {
			head += " · " + t.repeated
		}
		shown[i] = telegram.Outgoing{HTML: head + "\n" + quoted(part), Plain: plain(head) + "\n" + part, Loud: true}
	}
	return shown
}

// wordsOf returns what an SMS says, or only how often it came where that is counted.
func (t *text) wordsOf(m store.SMS) string {
	if m.Times > 1 {
		return t.say(t.times, m.Times)
	}
	return m.Text
}

// renderDigest returns what shows several SMS at once, whose customers have those names. All of them must fit: see smsUnits.
func (b *Bot) renderDigest(t *text, messages []store.SMS, names []string, repeated bool, now time.Time) telegram.Outgoing {
	head := t.say(t.digestHead, len(messages), shortID(messages[0].Seq))
	if repeated {
		head = t.repeated + " · " + head
	}
	o := telegram.Outgoing{HTML: head, Plain: plain(head), Loud: true}
	for i, m := range messages {
		head, text := b.renderHead(t, m, names[i], now), split(t.wordsOf(m), messageUnits)[0]
		o.HTML += "\n" + head + "\n" + quoted(text)
		o.Plain += "\n" + plain(head) + "\n" + text
	}
	return o
}

// smsUnits is how much room an SMS takes in a digest at most.
func smsUnits(m store.SMS, name string) int {
	units := 48 // of a head, beside the name and both numbers: the times, the id, what stands between
	if m.AsItCame {
		units += len(languages["fa"].asItCame) // more than its units
	}
	for _, r := range m.Text + short(name, nameRunes) + short(cmp.Or(string(m.Customer), languages["fa"].noSender), nameRunes) + short(string(m.Line), nameRunes) {
		units += utf16.RuneLen(r)
	}
	return units
}

func quoted(s string) string { return "<blockquote>" + esc(s) + "</blockquote>" }

func (b *Bot) renderHead(t *text, m store.SMS, name string, now time.Time) string {
	at := m.Time
	if at.IsZero() {
		at = m.Received
	}
	when := b.clock(t, at, now)
	// A panel's clock, or its zone, may be wrong by hours: then our own time says more.
	if d := m.Received.Sub(at); d > time.Hour || d < -10*time.Minute {
		when += t.say(t.arrivedAt, b.clock(t, m.Received, now))
	}
	customer := t.sender(m.Customer)
	if name != "" {
		customer += " " + isolated(name)
	}
	head := t.say(t.smsHead, customer, code(short(string(m.Line), nameRunes)), when, shortID(m.Seq))
	if m.AsItCame {
		head += " · " + t.asItCame
	}
	return head
}

// How much of foreign words is repeated in a line of ours: of a name or a number, and of what the panel or Telegram says. A
// message longer than Telegram takes would not be shown at all.
const (
	nameRunes   = 40
	reasonRunes = 200
)

// short returns foreign words for a line of ours: one line, at most so many runes, and without what could hide or turn around the
// words beside them, such as bidi marks and control characters. The joiner that Persian is written with stays.
func short(s string, runes int) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case unicode.IsSpace(r):
			r = ' '
		case r != '\u200c' && unicode.Is(unicode.Cf, r) || unicode.IsControl(r):
			continue
		}
		if runes--; runes < 0 {
			b.WriteRune('…')
			break
		}
		b.WriteRune(r)
	}
	return b.String()
}

// plain takes our own tags out of a line of ours.
func plain(s string) string {
	return strings.NewReplacer("<code>", "", "</code>", "", "<b>", "", "</b>", "", "&lt;", "<", "&gt;", ">", "&amp;", "&", "&#34;", `"`, "&#39;", "'").Replace(s)
}

// blank tells whether there is nothing in s that anybody can see.
func blank(s string) bool {
	return strings.TrimFunc(s, func(r rune) bool { return !unicode.IsGraphic(r) || unicode.IsSpace(r) }) == ""
}

// split cuts text into parts of at most units UTF-16 units, behind a line or a word where that is not far. Joined again they
// are the text. What Telegram would show as nothing at all is said in words.
func split(s string, units int) []string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if blank(s) {
		s = "∅" + s
	}
	var parts []string
	for {
		cut, n := len(s), 0
		for i, r := range s {
			if n += utf16.RuneLen(r); n > units {
				cut = i
				break
			}
		}
		if cut == len(s) {
			return append(parts, s)
		}
		for _, at := range []string{"\n", " "} {
			if i := strings.LastIndex(s[:cut], at); i > cut*3/4 {
				cut = i + 1
				break
			}
		}
		parts = append(parts, s[:cut])
		s = s[cut:]
	}
}

// shownNumbers is how many recipients of a large batch are named, of those that failed or are foreign.
const shownNumbers = 10

// renderBatch returns how far a batch has come, and the buttons of the question it asks. One recipient is told of in words, many in counts.
func (b *Bot) renderBatch(t *text, batch store.Batch, recipients []store.SMS) (string, [][]telegram.Button) {
	press := func(label string, d store.Decision) telegram.Button {
		return telegram.Button{Label: label, Data: pressData(batch.ID, batch.Generation, d)}
	}
	switch batch.State {
	case store.Asking:
		if batch.Late {
			break // how the rest of it fares is told, too
		}
		send, cancel := t.send, t.cancel
		if batch.Answering != "" || batch.Same {
			send, cancel = t.sendAnyway, t.leaveIt
		}
		return b.renderQuestion(t, batch, recipients), [][]telegram.Button{{press(send, store.Send), press(cancel, store.Cancel)}}
	case store.Cancelled:
		return renderTo(t, batch, recipients) + t.say(t.cancelled, isolated(batch.DecidedBy)), nil
	case store.Expired:
		return renderTo(t, batch, recipients) + t.expired, nil
	}
	var lines []string
	if batch.N == 1 && len(recipients) == 1 {
		lines = append(lines, renderTo(t, batch, recipients)+renderOne(t, batch, recipients[0]))
	} else {
		lines = append(lines, renderTo(t, batch, recipients)+renderCounts(t, batch))
		lines = append(lines, renderFailures(t, batch, recipients)...)
	}
	if batch.NoReport > 0 && batch.N > 1 {
		lines = append(lines, t.say(t.noReport, batch.NoReport))
	}
	switch batch.Decision {
	case store.Again:
		lines = append(lines, t.say(t.decidedAgain, isolated(batch.DecidedBy)))
	case store.WasSent:
		lines = append(lines, t.say(t.decidedWas, isolated(batch.DecidedBy)))
	case store.Leave:
		lines = append(lines, t.say(t.decidedLeave, isolated(batch.DecidedBy)))
	case store.Cancel:
		lines = append(lines, t.say(t.cancelledRest, isolated(batch.DecidedBy)))
	case "":
		if batch.Dropped > 0 {
			lines = append(lines, t.expiredRest)
		}
	}
	var buttons [][]telegram.Button
	switch waiting := batch.Counts[sms.Queued] - batch.Dropped; {
	case batch.State == store.Asking:
		if batch.N > 1 {
			lines = append(lines, t.say(t.askLatePart, waiting))
		}
		buttons = append(buttons, []telegram.Button{press(t.send, store.Send), press(t.cancel, store.Cancel)})
	case batch.Waiting():
		if batch.N > 1 {
			lines = append(lines, t.waits(batch.Waits))
		}
		buttons = append(buttons, []telegram.Button{press(t.cancel, store.Cancel)})
	}
	if batch.Uncertain > 0 {
		if batch.N > 1 {
			lines = append(lines, t.say(t.askAgainPart, batch.Uncertain))
		}
		buttons = append(buttons, []telegram.Button{press(t.again, store.Again), press(t.was, store.WasSent), press(t.leave, store.Leave)})
	}
	return strings.Join(lines, "\n"), buttons
}

func renderTo(t *text, batch store.Batch, recipients []store.SMS) string {
	if batch.N == 1 && len(recipients) == 1 {
		return t.say(t.to, number(recipients[0].Customer))
	}
	return t.say(t.toCount, batch.N)
}

func renderOne(t *text, batch store.Batch, m store.SMS) string {
	hours := int(store.FollowFor.Hours())
	switch m.Status {
	case sms.Queued:
		switch {
		case batch.State == store.Asking:
			return t.askLate
		case batch.Waiting():
			return t.waits(batch.Waits)
		}
		return t.queued
	case sms.Sending:
		switch {
		case batch.Uncertain > 0:
			return t.askAgain
		case batch.Left > 0:
			return t.dropped
		}
		return t.sending
	case sms.Sent:
		switch {
		case batch.NoReport > 0 && m.ID == "":
			return t.sentNoReport
		case batch.NoReport > 0:
			return t.say(t.sentLongAgo, hours)
		}
		return t.sent
	case sms.AtTelecom:
		if batch.NoReport > 0 {
			return t.say(t.telecomLongAgo, hours)
		}
		return t.atTelecom
	case sms.Delivered:
		return t.delivered
	}
	return t.say(t.failed, failure(t, m))
}

// waits says why what is queued does not go out.
func (t *text) waits(why store.Wait) string {
	if why == store.LoginRefused {
		return t.waitsLogin
	}
	return t.waitsDown
}

// failure says why m did not arrive, in the panel's words where it gave any.
func failure(t *text, m store.SMS) string {
	if m.Unsure {
		return t.say(t.unsure, reason(m.Reason))
	}
	if m.Reason != "" {
		return t.say(t.panelRejected, reason(m.Reason))
	}
	switch m.Code {
	case 2:
		return t.telecomTrouble
	case 5:
		return t.notDelivered
	case 6:
		return t.blackList
	}
	return t.say(t.panelRejected, code(strconv.Itoa(m.Code)))
}

func renderCounts(t *text, batch store.Batch) string {
	var said []string
	for _, c := range []struct {
		n    int
		what string
	}{
		{batch.Counts[sms.Queued] - batch.Dropped, t.countQueued},
		{batch.Counts[sms.Sending] - batch.Uncertain - batch.Left, t.countSending},
		{batch.Counts[sms.Sent], t.countSent},
		{batch.Counts[sms.AtTelecom], t.countAtTelecom},
		{batch.Counts[sms.Delivered], t.countDelivered},
		{batch.Counts[sms.Failed], t.countFailed},
		{batch.Uncertain, t.countUncertain},
		{batch.Left, t.countLeft},
		{batch.Dropped, t.countDropped},
	} {
		if c.n > 0 {
			said = append(said, t.say(t.counts, c.n, c.what))
		}
	}
	return t.list(said)
}

func renderFailures(t *text, batch store.Batch, recipients []store.SMS) []string {
	var lines []string
	for _, m := range recipients {
		if m.Status == sms.Failed && len(lines) < shownNumbers {
			lines = append(lines, t.say(t.failedOne, number(m.Customer), failure(t, m)))
		}
	}
	if more := batch.Counts[sms.Failed] - len(lines); more > 0 && len(lines) > 0 {
		lines = append(lines, t.say(t.more, more))
	}
	return lines
}

// renderQuestion says whom an order is for, why it is asked about, and what it will cost.
func (b *Bot) renderQuestion(t *text, batch store.Batch, recipients []store.SMS) string {
	var lines []string
	switch {
	case batch.Answering != "" && batch.N > 1:
		lines = append(lines, t.say(t.answeringSome, isolated(batch.Answering)))
	case batch.Answering != "":
		lines = append(lines, t.say(t.answering, isolated(batch.Answering)))
	}
	if batch.Same {
		lines = append(lines, t.same)
	}
	if batch.Hidden != "" {
		lines = append(lines, t.say(t.askNumber, code(batch.Hidden)))
	}
	if batch.Linked {
		lines = append(lines, t.askLinks)
	}
	if batch.N == 1 && len(recipients) == 1 {
		who := number(recipients[0].Customer)
		if batch.Named != "" {
			who += " " + isolated(batch.Named)
		}
		lines = append([]string{t.say(t.askTo, who)}, lines...)
	}
	if !batch.Costly && (batch.Answering != "" || batch.Same) { // without another reason, as in files of before there was one, it is the cost
		return strings.Join(lines, "\n")
	}
	sizes := b.opts.PartSizes
	seg := sizes.Count(batch.Text)
	lines = append(lines, t.say(t.ask, batch.N, seg.Parts, seg.Parts*batch.N))
	if seg.Unicode {
		shown := string(seg.Forced)
		if !unicode.IsGraphic(seg.Forced) {
			shown = " "
		}
		lines = append(lines, t.say(t.askUnicode, esc(shown), runeName(seg.Forced), sizes.Unicode.Alone, sizes.Unicode.Joined))
	} else {
		lines = append(lines, t.say(t.askLatin, sizes.GSM.Alone, sizes.GSM.Joined))
	}
	var foreign []sms.Number
	for _, r := range recipients {
		if r.Customer.Foreign() {
			foreign = append(foreign, r.Customer)
		}
	}
	if n := min(len(foreign), shownNumbers); n > 0 {
		named := t.numbers(foreign[:n])
		if more := len(foreign) - n; more > 0 {
			named += " " + t.say(t.more, more)
		}
		lines = append(lines, t.say(t.askForeign, named))
	}
	if batch.Credit != "" {
		lines = append(lines, t.say(t.askCredit, code(short(batch.Credit, nameRunes))))
		if credit, ok := amount(batch.Credit); ok && credit < float64(seg.Parts*batch.N) {
			lines = append(lines, t.askTooLittle)
		}
	}
	return strings.Join(lines, "\n")
}

// nameChat names a group by its title, as far as it is known, and any chat by its id.
func (b *Bot) nameChat(id sms.ChatID) string {
	named := code(strconv.FormatInt(int64(id), 10))
	if id >= 0 {
		return named
	}
	if c, err := b.store.Chat(id); err == nil && c.Title != "" {
		return isolated(c.Title) + " (" + named + ")"
	}
	return named
}

func (b *Bot) renderIncident(t *text, i store.Incident, now time.Time) string {
	// To the second: the panel's own list is searched by it.
	at := func(when time.Time) string { return b.date(t, when, "15:04:05") }
	chat := b.nameChat(i.Chat)
	if i.Loss() {
		return t.losses(i, at)
	}
	switch i.Kind {
	case store.NoChat:
		return t.noChat
	case store.ChatLost:
		return t.say(t.chatLost, chat, reason(i.Reason))
	case store.PostRefused:
		said := t.say(t.postRefused, chat, reason(i.Reason))
		if head := b.nameSMS(t, i.Seq); head != "" {
			said += "\n" + head
		}
		return said
	case store.Restored:
		return t.say(t.restored, at(i.From), at(i.To))
	case store.LinkLost:
		return t.say(t.linkLost, number(i.Customer), chat)
	case store.NoTopics:
		return t.say(t.noTopics, chat, reason(i.Reason))
	case store.PanelRefuses:
		if !i.To.IsZero() && !i.Lasts {
			return t.say(t.panelAccepts, at(i.From), at(i.To))
		}
		return t.say(t.panelRefuses, reason(i.Reason))
	case store.PanelSilent:
		if !i.To.IsZero() {
			return t.say(t.panelBack, at(i.From), at(i.To))
		}
		return t.say(t.panelDown, at(i.From))
	case store.ClockWrong:
		return t.say(t.clockWrong, int(i.Off.Abs().Round(time.Minute)/time.Minute))
	case store.PanelRepeats:
		return t.say(t.panelRepeats, i.Count)
	case store.LowCredit:
		said := t.say(t.lowCredit, amountCode(i.Credit), amountCode(i.Low))
		if i.Burn > 0 {
			said += " " + t.say(t.lowCreditDays, amountCode(about(i.Burn)), max(0, int(i.Credit/i.Burn)))
		}
		return said
	}
	return esc(string(i.Kind))
}

// losses tells of fetches with which SMS may be lost: of each kind of failure by itself.
func (t *text) losses(i store.Incident, at func(time.Time) string) string {
	lost, cut, unread := i.Fetches()
	to := i.To
	if to.IsZero() {
		to = i.From
	}
	if lost+cut+unread == 1 {
		switch i.Kind {
		case store.FetchCut:
			return t.say(t.fetchCut, at(to), i.Saved)
		case store.Undecodable:
			return t.say(t.undecodable, at(to))
		}
	}
	var said []string
	if lost > 0 {
		said = append(said, t.say(t.fetchLost, at(i.From), at(to), 50*lost, lost))
	}
	if cut > 0 {
		said = append(said, t.say(t.fetchCutAgain, at(i.From), at(to), cut, i.Saved))
	}
	if unread > 0 {
		said = append(said, t.say(t.undecodableAgain, at(i.From), at(to), unread))
	}
	if i.Gone > 0 {
		said = append(said, t.say(t.notKept, i.Gone))
	}
	return strings.Join(said, "\n")
}
