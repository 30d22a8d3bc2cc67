package bot

import (
	"math"
	"strconv"
	"strings"

	"peyk/bot/lint"
	"peyk/bot/shorten"
	"peyk/bot/text"
	"peyk/sms"
	"peyk/smsapi"
	"peyk/store"
	"peyk/telegram"
)

// maxNamed is how many recipients of a large batch are named, of those that failed and of those that are foreign.
const maxNamed = 10

// renderBatch returns how far a batch has come, and the buttons of the question it asks. One recipient is reported in words, many in
// counts.
func renderBatch(t *text.Language, batch store.Batch, recipients []store.SMS, opts *Options) (string, [][]telegram.Button) {
	switch {
	case batch.State == store.Asking && !batch.Late: // a late one has begun already: its progress is shown as well
		send, cancel := t.Send, t.Cancel
		if batch.MayWait() {
			send = t.SendNow
		}
		if batch.ClaimedBy != "" || batch.Duplicate || batch.Against != sms.NoReason {
			send, cancel = t.SendAnyway, t.LeaveIt
		}
		buttons := [][]telegram.Button{{pressButton(batch, send, store.Send), pressButton(batch, cancel, store.Cancel)}}
		if batch.MayWait() {
			at := batch.QuietUntil.In(opts.Location)
			buttons = append([][]telegram.Button{{pressButton(batch, t.Say(t.SendAt, t.Clock(at, at)), store.Later)}}, buttons...)
		}
		if _, shorter := shortened(batch, opts.PartSizes); shorter {
			buttons = append(buttons, []telegram.Button{pressButton(batch, t.Shorten, shortenIt)})
		}
		if batch.Written != "" {
			buttons = append(buttons, []telegram.Button{pressButton(batch, t.AsWritten, asWritten)})
		}
		return renderQuestion(t, batch, recipients, opts), buttons
	case batch.Decision == store.Later:
		drop := telegram.Button{Label: t.Cancel, Data: laterData(batch.Scheduled, laterDrop), Style: telegram.Red}
		return renderTo(t, batch, recipients) + t.Say(t.Postponed, t.Instant(batch.QuietUntil.In(opts.Location)), text.Isolated(batch.DecidedBy)),
			[][]telegram.Button{{drop}}
	case batch.State == store.Cancelled:
		return renderTo(t, batch, recipients) + t.Say(t.Cancelled, text.Isolated(batch.DecidedBy)), nil
	case batch.State == store.Expired && batch.Away:
		return renderTo(t, batch, recipients) + t.AwayLate, nil
	case batch.State == store.Expired:
		return renderTo(t, batch, recipients) + t.Expired, nil
	}
	lines := renderProgress(t, batch, recipients)
	asked, buttons := renderOpenQuestions(t, batch)
	return strings.Join(append(lines, asked...), "\n"), buttons
}

// styles are the colours of decisions: the right one is green, what calls an order off is red. The rest of them need thought, not a colour.
var styles = map[store.Decision]string{store.Send: telegram.Green, store.Cancel: telegram.Red}

func pressButton(batch store.Batch, label string, d store.Decision) telegram.Button {
	return telegram.Button{Label: label, Data: pressData(batch.ID, batch.Generation, d), Style: styles[d]}
}

// renderProgress says how far a batch has come, and what was decided about it.
func renderProgress(t *text.Language, batch store.Batch, recipients []store.SMS) []string {
	var lines []string
	if batch.Lone() && len(recipients) == 1 {
		lines = append(lines, renderTo(t, batch, recipients)+renderOne(t, batch, recipients[0]))
	} else {
		lines = append(lines, renderTo(t, batch, recipients)+renderCounts(t, batch))
		lines = append(lines, renderFailures(t, batch, recipients)...)
		lines = append(lines, renderWithheld(t, batch, recipients)...)
	}
	if batch.NoReport > 0 && !batch.Lone() {
		lines = append(lines, t.Say(t.NoReport, batch.NoReport))
	}
	if batch.Found > 0 {
		lines = append(lines, t.Say(t.LostFound, batch.Found))
	}
	if batch.Matched > 0 {
		lines = append(lines, t.Say(t.LostMatched, batch.Matched))
	}
	if batch.Unmatched > 0 {
		lines = append(lines, t.Say(t.LostUnmatched, batch.Unmatched))
	}
	if batch.Resent > 0 {
		lines = append(lines, t.Say(t.LostResent, batch.Resent))
	}
	switch batch.Decision {
	case store.Again:
		lines = append(lines, t.Say(t.DecidedAgain, text.Isolated(batch.DecidedBy)))
	case store.WasSent:
		lines = append(lines, t.Say(t.DecidedWas, text.Isolated(batch.DecidedBy)))
	case store.Leave:
		lines = append(lines, t.Say(t.DecidedLeave, text.Isolated(batch.DecidedBy)))
	case store.Cancel:
		lines = append(lines, t.Say(t.CancelledRest, text.Isolated(batch.DecidedBy)))
	case "":
		if batch.Dropped > 0 {
			lines = append(lines, t.ExpiredRest)
		}
	}
	return lines
}

// renderOpenQuestions returns what a batch that has begun still asks, with buttons: whether to send what waits, or what is uncertain. For
// one recipient renderOne says it already.
func renderOpenQuestions(t *text.Language, batch store.Batch) (lines []string, buttons [][]telegram.Button) {
	many := !batch.Lone()
	switch {
	case batch.State == store.Asking:
		if many {
			lines = append(lines, t.Say(t.AskLatePart, batch.Counts[sms.Queued]-batch.Dropped))
		}
		buttons = append(buttons, []telegram.Button{pressButton(batch, t.Send, store.Send), pressButton(batch, t.Cancel, store.Cancel)})
	case batch.Waiting() && !batch.Away:
		if many {
			lines = append(lines, waitReason(t, batch.Waits))
		}
		buttons = append(buttons, []telegram.Button{pressButton(batch, t.Cancel, store.Cancel)})
	case batch.Bulk != nil && batch.Counts[sms.Queued] > batch.Dropped:
		buttons = append(buttons, []telegram.Button{pressButton(batch, t.Stop, store.Cancel)})
	}
	if batch.Uncertain > 0 {
		if many {
			lines = append(lines, t.Say(t.AskAgainPart, batch.Uncertain))
		}
		buttons = append(buttons, []telegram.Button{
			pressButton(batch, t.Again, store.Again), pressButton(batch, t.Was, store.WasSent), pressButton(batch, t.Leave, store.Leave),
		})
	}
	return lines, buttons
}

func renderTo(t *text.Language, batch store.Batch, recipients []store.SMS) string {
	if batch.Lone() && len(recipients) == 1 && recipients[0].Customer != "" { // else they were forgotten
		if batch.Away {
			return t.Say(t.AwayTo, text.Number(recipients[0].Customer))
		}
		return t.Say(t.To, text.Number(recipients[0].Customer))
	}
	return t.Say(t.ToCount, batch.N)
}

func renderOne(t *text.Language, batch store.Batch, m store.SMS) string {
	hours := int(store.FollowFor.Hours())
	switch m.Status {
	case sms.Queued:
		switch {
		case batch.State == store.Asking && batch.Against != sms.NoReason:
			return against(t, batch)
		case batch.State == store.Asking:
			return t.AskLate
		case batch.Waiting():
			return waitReason(t, batch.Waits)
		}
		return t.Queued
	case sms.Sending:
		switch {
		case batch.Uncertain > 0:
			return t.AskAgain
		case batch.LeftUncertain > 0:
			return t.Dropped
		}
		return t.Sending
	case sms.Sent:
		switch {
		case batch.NoReport > 0 && m.ID == "":
			return t.SentNoReport
		case batch.NoReport > 0:
			return t.Say(t.SentLongAgo, hours)
		}
		return t.Sent
	case sms.AtTelecom:
		if batch.NoReport > 0 {
			return t.Say(t.TelecomLongAgo, hours)
		}
		return t.AtTelecom
	case sms.Delivered:
		return t.Delivered
	}
	return t.Say(t.Failed, failureReason(t, m))
}

// waitReason says why queued SMS are not sent.
func waitReason(t *text.Language, why store.Wait) string {
	switch why {
	case store.SaidJustNow:
		return t.WaitsTwin
	case store.LoginRefused:
		return t.WaitsLogin
	}
	return t.WaitsDown
}

// failureReason says why m did not arrive, in the panel's words if there are any.
func failureReason(t *text.Language, m store.SMS) string {
	switch m.Reason {
	case sms.Unclear:
		return t.Say(t.Unsure, text.Reason(m.Words))
	case sms.TelecomProblem:
		return t.TelecomTrouble
	case sms.NotDelivered:
		return t.NotDelivered
	case sms.Blacklisted:
		return t.BlackList
	}
	if m.Words == "" {
		return t.Say(t.PanelRejected, text.Code(m.Code))
	}
	return t.Say(t.PanelRejected, text.Reason(m.Words))
}

func renderCounts(t *text.Language, batch store.Batch) string {
	var said []string
	for _, c := range []struct {
		n    int
		what string
	}{
		{batch.Counts[sms.Queued] - batch.Dropped, t.CountQueued},
		{batch.Counts[sms.Sending] - batch.Uncertain - batch.LeftUncertain, t.CountSending},
		{batch.Counts[sms.Sent], t.CountSent},
		{batch.Counts[sms.AtTelecom], t.CountAtTelecom},
		{batch.Counts[sms.Delivered], t.CountDelivered},
		{batch.Counts[sms.Failed] - batch.Withheld, t.CountFailed},
		{batch.Withheld, t.CountWithheld},
		{batch.Uncertain, t.CountUncertain},
		{batch.LeftUncertain, t.CountLeft},
		{batch.Dropped, t.CountDropped},
	} {
		if c.n > 0 {
			said = append(said, t.Say(t.Counts, c.n, c.what))
		}
	}
	return t.List(said)
}

func renderFailures(t *text.Language, batch store.Batch, recipients []store.SMS) []string {
	var lines []string
	for _, m := range recipients {
		if m.Status == sms.Failed && !m.Reason.Withheld() && m.Customer != "" && len(lines) < maxNamed {
			lines = append(lines, t.Say(t.FailedOne, text.Number(m.Customer), failureReason(t, m)))
		}
	}
	if more := batch.Counts[sms.Failed] - batch.Withheld - len(lines); more > 0 && len(lines) > 0 {
		lines = append(lines, t.Say(t.More, more))
	}
	return lines
}

// renderQuestion says whom an order is for, why it is asked about, and what it will cost.
func renderQuestion(t *text.Language, batch store.Batch, recipients []store.SMS, opts *Options) string {
	var lines []string
	if !batch.Due.IsZero() {
		lines = append(lines, renderDue(t, batch))
	}
	if batch.Lone() && len(recipients) == 1 {
		who := text.Number(recipients[0].Customer)
		if batch.CustomerName != "" {
			who += " " + text.Isolated(batch.CustomerName)
		}
		lines = append(lines, t.Say(t.AskTo, who))
	}
	switch {
	case batch.ClaimedBy != "" && !batch.Lone():
		lines = append(lines, t.Say(t.AnsweringSome, text.Isolated(batch.ClaimedBy)))
	case batch.ClaimedBy != "":
		lines = append(lines, t.Say(t.Answering, text.Isolated(batch.ClaimedBy)))
	}
	if batch.Duplicate {
		lines = append(lines, t.Same)
	}
	if why := against(t, batch); why != "" {
		lines = append(lines, why)
	}
	if batch.MaybeNumber != "" {
		lines = append(lines, t.Say(t.AskNumber, text.Code(batch.MaybeNumber)))
	}
	if batch.AddedURLs {
		lines = append(lines, t.AskLinks)
	}
	if batch.Bulk != nil {
		return strings.Join(append(append(lines, renderBulk(t, batch, recipients, opts)...), renderEnd(t, batch, bulkLint(batch, opts), opts)...), "\n")
	}
	// Without any other reason the question is about the cost: batches stored by older versions do not say so.
	if batch.Costly || batch.ClaimedBy == "" && !batch.Duplicate && batch.Against == sms.NoReason {
		lines = append(lines, renderCost(t, batch, recipients, opts.PartSizes)...)
	}
	lines = append(lines, renderWithheld(t, batch, recipients)...)
	return strings.Join(append(lines, renderEnd(t, batch, opts.Lint.Of(batch.Text), opts)...), "\n")
}

// renderEnd says what else there is to know before an order is sent, warned of what was found in it.
func renderEnd(t *text.Language, batch store.Batch, found []lint.Row, opts *Options) []string {
	var lines []string
	if batch.Footer != "" {
		lines = append(lines, t.Say(t.AskFooter, text.Isolated(batch.Footer)))
	}
	if zone := opts.Location; !batch.QuietUntil.IsZero() {
		lines = append(lines, t.Say(t.AskQuiet, t.Clock(batch.QuietUntil.In(zone), batch.Created.In(zone))))
	}
	lines = append(lines, renderLint(t, found)...)
	if batch.Written != "" {
		lines = append(lines, t.AskShortened, text.Escape(batch.Text))
	}
	return lines
}

// maxLint is of how many words a question warns.
const maxLint = 5

// renderLint warns of what operators may not deliver.
func renderLint(t *text.Language, found []lint.Row) []string {
	var lines []string
	for _, row := range found[:min(maxLint, len(found))] {
		why := row.Why
		if t.Jalali() {
			why = row.WhyFa
		}
		lines = append(lines, t.Say(t.AskLint, text.Isolated(row.Word), text.Reason(why)))
	}
	if more := len(found) - maxLint; more > 0 {
		lines = append(lines, t.Say(t.More, more))
	}
	return lines
}

// What else the buttons of a question do, in the place of a decision: they change its text.
const (
	shortenIt store.Decision = "short"
	asWritten store.Decision = "long"
)

// shortenedRoom is how much of a message is left to the rest of a question that shows a text.
const shortenedRoom = 2000

// shortened returns the text of a question in fewer parts, if there is one and it fits into the question: it must be seen before it is sent.
func shortened(batch store.Batch, sizes sms.PartSizes) (string, bool) {
	short, ok := shorten.Text(batch.Text, sizes)
	return short, ok && text.Units(text.Escape(short)) <= text.MessageUnits-shortenedRoom
}

// reworded returns the text that a button of a question stands for; ok is false if it is none of those.
func reworded(batch store.Batch, d store.Decision, sizes sms.PartSizes) (words string, ok bool) {
	switch {
	case d == shortenIt:
		return shortened(batch, sizes)
	case d == asWritten:
		return batch.Written, batch.Written != ""
	}
	return "", false
}

// renderDue says when a scheduled order was due, which is asked about now.
func renderDue(t *text.Language, batch store.Batch) string {
	switch {
	case batch.Doubtful:
		return t.Say(t.LaterDoubtful, t.Instant(batch.Due))
	case batch.Created.Sub(batch.Due) > missedAfter:
		return t.Say(t.LaterMissed, t.Instant(batch.Due))
	}
	return t.Say(t.LaterWas, t.Instant(batch.Due))
}

// renderCost says how many parts an order takes and why, which of its recipients are foreign, and what credit there is.
func renderCost(t *text.Language, batch store.Batch, recipients []store.SMS, sizes sms.PartSizes) []string {
	seg := sizes.Count(batch.Text)
	reaches := batch.N - batch.Withheld
	lines := []string{t.Say(t.Ask, reaches, seg.Parts, seg.Parts*reaches)}
	if seg.Unicode {
		lines = append(lines, t.Say(t.AskUnicode, shownRune(seg.Forced), text.RuneName(seg.Forced), sizes.Unicode.Alone, sizes.Unicode.Joined))
	} else {
		lines = append(lines, t.Say(t.AskLatin, sizes.GSM.Alone, sizes.GSM.Joined))
	}
	var foreign []sms.Number
	for _, r := range recipients {
		if r.Customer.Foreign() && !r.Reason.Withheld() {
			foreign = append(foreign, r.Customer)
		}
	}
	if n := min(len(foreign), maxNamed); n > 0 {
		named := t.Numbers(foreign[:n])
		if more := len(foreign) - n; more > 0 {
			named += " " + t.Say(t.More, more)
		}
		lines = append(lines, t.Say(t.AskForeign, named))
	}
	if len(foreign) == 0 {
		lines = append(lines, renderPrice(t, batch.Price, seg.Parts*reaches)...)
	}
	if batch.Credit != "" {
		lines = append(lines, renderCredit(t, batch.Credit, seg.Parts*reaches)...)
	}
	return lines
}

// renderPrice says what so many parts cost at home, if the panel tells what one does.
func renderPrice(t *text.Language, part [2]float64, parts int) []string {
	if part[0] <= 0 || parts == 0 {
		return nil
	}
	about := func(each float64) string { return strconv.FormatFloat(math.Round(each*float64(parts)), 'f', -1, 64) }
	said := about(part[0])
	if most := about(part[1]); most != said {
		said += "–" + most
	}
	return []string{t.Say(t.AskPrice, text.Code(said))}
}

// renderCredit says what is left at the panel, and whether that may be too little for so many parts.
func renderCredit(t *text.Language, left string, parts int) []string {
	lines := []string{t.Say(t.AskCredit, text.Code(text.Short(left, text.NameRunes)))}
	if credit, ok := smsapi.Amount(left); ok && credit < float64(parts) {
		lines = append(lines, t.AskTooLittle)
	}
	return lines
}
