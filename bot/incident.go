package bot

import (
	"math"
	"strconv"
	"strings"
	"time"

	"peyk/bot/text"
	"peyk/sms"
	"peyk/store"
)

// chatName returns the id of a chat, after its title if that is known.
func (v voice) chatName(id sms.ChatID) string {
	named := text.Code(strconv.FormatInt(int64(id), 10))
	if id >= 0 {
		return named
	}
	if c, err := v.store.Chat(id); err == nil && c.Title != "" {
		return text.Isolated(c.Title) + " (" + named + ")"
	}
	return named
}

func (w *poster) renderIncident(t *text.Language, i store.Incident, now time.Time) string {
	// To the second, to find the SMS in the panel's own list.
	at := func(when time.Time) string { return t.Date(when.In(now.Location()), "15:04:05") }
	chat := w.chatName(i.Chat)
	if i.Fails() {
		return renderLosses(t, i, at)
	}
	switch i.Kind {
	case store.NoChat:
		return t.NoChat
	case store.ChatLost:
		return t.Say(t.ChatLost, chat, text.Reason(i.Reason))
	case store.PostRefused:
		said := t.Say(t.PostRefused, chat, text.Reason(i.Reason))
		if head := w.smsHead(t, i.Seq); head != "" {
			said += "\n" + head
		}
		return said
	case store.Restored:
		return t.Say(t.Restored, at(i.From), at(i.To))
	case store.LinkLost:
		return t.Say(t.LinkLost, text.Number(i.Customer), chat)
	case store.NoTopics:
		return t.Say(t.NoTopics, chat, text.Reason(i.Reason))
	case store.PanelRefuses:
		if !i.To.IsZero() && !i.Lasts {
			return t.Say(t.PanelAccepts, at(i.From), at(i.To))
		}
		return t.Say(t.PanelRefuses, text.Reason(i.Reason))
	case store.PanelSilent:
		if !i.To.IsZero() {
			return t.Say(t.PanelBack, at(i.From), at(i.To))
		}
		return t.Say(t.PanelDown, at(i.From))
	case store.ClockWrong:
		return t.Say(t.ClockWrong, int(i.Off.Abs().Round(time.Minute)/time.Minute))
	case store.Forgotten:
		return t.Say(t.Forgotten, i.Count, w.agentName(i.Agent, i.AgentName))
	case store.Exported:
		return t.Say(t.Exported, i.Count, w.agentName(i.Agent, i.AgentName))
	case store.PanelRepeats:
		return t.Say(t.PanelRepeats, i.Count)
	case store.AwayStopped:
		switch i.Reason {
		case store.AwayHour:
			return t.Say(t.AwayHour, i.Count)
		case store.AwayCredit:
			return t.AwayCredit
		}
		return t.AwayDay
	case store.LowCredit:
		said := t.Say(t.LowCredit, amountCode(i.Credit), amountCode(i.Low))
		if i.Burn > 0 {
			said += " " + t.Say(t.LowCreditDays, amountCode(roundEstimate(i.Burn)), max(0, int(i.Credit/i.Burn)))
		}
		return said
	}
	return text.Escape(string(i.Kind))
}

// renderLosses reports fetches that failed, by kind of failure: with which SMS may be lost, or whose answer was Garbled.
func renderLosses(t *text.Language, i store.Incident, at func(time.Time) string) string {
	lost, cut, unread := i.Fetches()
	to := i.To
	if to.IsZero() {
		to = i.From
	}
	if lost+cut+unread == 1 {
		switch i.Kind {
		case store.FetchCut:
			return t.Say(t.FetchCut, at(to), i.Saved)
		case store.Undecodable:
			return t.Say(t.Undecodable, at(to))
		case store.Garbled:
			return t.Say(t.NoAnswer, at(to))
		}
	}
	var said []string
	if lost > 0 {
		said = append(said, t.Say(t.FetchLost, at(i.From), at(to), 50*lost, lost))
	}
	if cut > 0 {
		said = append(said, t.Say(t.FetchCutAgain, at(i.From), at(to), cut, i.Saved))
	}
	if unread > 0 && i.Kind == store.Garbled {
		said = append(said, t.Say(t.NoAnswerAgain, at(i.From), at(to), unread))
	} else if unread > 0 {
		said = append(said, t.Say(t.UndecodableAgain, at(i.From), at(to), unread))
	}
	if i.Gone > 0 {
		said = append(said, t.Say(t.NotKept, i.Gone))
	}
	return strings.Join(said, "\n")
}

func amountCode(n float64) string { return text.Code(strconv.FormatFloat(n, 'f', -1, 64)) }

// roundEstimate rounds an estimated amount.
func roundEstimate(n float64) float64 {
	if n < 10 {
		return math.Round(n*100) / 100
	}
	return math.Round(n)
}
