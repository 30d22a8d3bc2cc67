package bot

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"peyk/bot/text"
	"peyk/sms"
	"peyk/store"
	"peyk/telegram"
)

// forgetFor is how long [Forget] can be pressed: whoever comes back later has forgotten whom it was about.
const forgetFor = 15 * time.Minute

// forgetNumber is how long a number can be that fits into a button's data.
const forgetNumber = 40

// forgetData is the data of [Forget]: when it was asked, and whom it is about.
func forgetData(asked time.Time, n sms.Number) string {
	return "forget:" + strconv.FormatInt(asked.Unix(), 36) + ":" + string(n)
}

func readForget(data string) (asked time.Time, n sms.Number, ok bool) {
	rest, ok := strings.CutPrefix(data, "forget:")
	at, number, also := strings.Cut(rest, ":")
	unix, err := strconv.ParseInt(at, 36, 64)
	return time.Unix(unix, 0), sms.Number(number), ok && also && err == nil && number != ""
}

// forget asks whether all that is known of a customer is to be deleted for good.
func (b *Bot) forget(_ context.Context, m *telegram.Message, _ role) error {
	t := b.language(m.Chat)
	n := sms.Normalize(m.Args)
	if n == "" || len(n) > forgetNumber {
		return b.respond(m, t.ForgetUsage)
	}
	p := response(m, t.Say(t.ForgetAsk, text.Number(n)))
	p.Buttons = []store.Button{{Label: t.Forget, Data: forgetData(b.store.Now(), n), Style: telegram.Red}}
	_, err := b.store.Take(updateKey(m), store.Caused{Posts: []store.Post{p}})
	return err
}

// forgetPressed begins to forget a customer. What it answers does not name them: it would stay in the store.
func (b *Bot) forgetPressed(p *telegram.Press, r role, t *text.Language, asked time.Time, n sms.Number) (word string, alert bool, err error) {
	m := p.Message
	switch {
	case r < admin:
		return t.PressNotAdmins, true, nil
	case b.store.Now().Sub(asked).Abs() > forgetFor:
		return t.PressOld, true, nil
	}
	err = b.store.ForgetCustomer(store.UpdateKey{Chat: m.Chat, Message: m.ID, Kind: store.Written}, n, store.Agent{ID: p.From.ID, Name: text.Short(p.From.Name, text.NameRunes)}, inPlaceOf(m, t.ForgetBegun))
	switch {
	case errors.Is(err, store.ErrTaken):
		return t.PressOld, true, nil
	case errors.Is(err, store.ErrOpenOrders):
		return t.ForgetOpen, true, nil
	case err != nil:
		return "", false, err
	}
	b.log.Info("a customer is forgotten", "agent", int64(p.From.ID))
	return t.PressDone, false, nil
}

// agentName returns who an agent is, by the name they had then or by what the store knows.
func (v voice) agentName(id sms.AgentID, then string) string {
	who := telegram.User{ID: id, Name: then}
	if agents, err := v.store.Agents(); err == nil && then == "" {
		for _, a := range agents {
			if a.ID == id {
				who.Name = a.Name
			}
		}
	}
	return mention(who)
}
