package bot

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"fmt"
	"strings"
	"time"

	"peyk/bot/text"
	"peyk/sms"
	"peyk/store"
	"peyk/telegram"
)

// How often strangers are answered in an hour: each, and all together. A flood of them costs no more than reading it.
const (
	answersPerPerson = 3
	answersPerHour   = 60
)

// answerLimit limits answers to strangers in each hour. The zero value is ready.
type answerLimit struct {
	hour  time.Time
	all   int
	given map[sms.AgentID]int
}

// allow reports whether a stranger may be answered once more, and counts it.
func (s *answerLimit) allow(id sms.AgentID, now time.Time) bool {
	if hour := now.Truncate(time.Hour); !hour.Equal(s.hour) || s.given == nil {
		*s = answerLimit{hour: hour, given: map[sms.AgentID]int{}}
	}
	if s.all >= answersPerHour || s.given[id] >= answersPerPerson {
		return false
	}
	s.all++
	s.given[id]++
	return true
}

// makeOwnerCode makes the one-time code when nobody may use the bot yet.
func (b *Bot) makeOwnerCode() error {
	admins, err := b.store.Admins()
	if err != nil {
		return fmt.Errorf("read allow-list: %w", err)
	}
	if len(admins) > 0 || len(b.opts.Users) > 0 {
		return nil
	}
	b.code = strings.ToLower(rand.Text()[:12])
	return nil
}

// offerOwnership logs the one-time code as a link that sends it. Only whoever runs the program reads the log.
func (b *Bot) offerOwnership() {
	if b.code != "" {
		b.log.Warn("nobody may use the bot yet: the first to open this link, or to send the bot /start and this code in private, becomes its owner",
			"link", "https://t.me/"+b.self.UserName+"?start="+b.code, "code", b.code)
	}
}

// takeStranger answers /start and /id in private, within limits. Everything else, and everything in groups, is met with silence.
func (b *Bot) takeStranger(ctx context.Context, m *telegram.Message) error {
	if !m.Private || m.Command != "start" && m.Command != "id" {
		return nil
	}
	t := b.language(m.Chat)
	// The code is too long to guess, so no limit applies: it works during a flood and after typos.
	if b.code != "" && m.Command == "start" && subtle.ConstantTimeCompare([]byte(strings.ToLower(m.Args)), []byte(b.code)) == 1 {
		owner := store.Agent{ID: m.From.ID, Name: m.From.Name, Admin: true, Since: b.store.Now(), Update: b.taking}
		_, err := b.store.Take(updateKey(m), store.Caused{Allow: &owner, Posts: []store.Post{response(m, t.WelcomeOwner)}})
		if err == nil {
			b.code = ""
			b.refreshMenu(ctx, m.Chat, admin)
			b.log.Info("the bot has an owner", "agent", int64(owner.ID))
		}
		return err
	}
	if !b.strangers.allow(m.From.ID, time.Now()) {
		return nil
	}
	return b.respond(m, t.Say(t.HelloStranger, text.Code(fmt.Sprint(int64(m.From.ID)))))
}

// role is what somebody may do.
type role int

const (
	stranger role = iota
	agent
	admin
)

// numbersLast is how long Telegram's numbers of updates surely rise: after a week without any they may start over.
const numbersLast = 6 * 24 * time.Hour

// letIn reports whether an agent of the store was one when the update at hand was made. What a stranger says is not noted, so Telegram may give
// it again when they are no stranger any more.
func (b *Bot) letIn(a store.Agent) bool {
	return b.taking >= a.Update || b.store.Now().Sub(a.Since).Abs() > numbersLast
}

// roleOf looks somebody up in the allow-lists of the settings and of the store, as of the update at hand. Accounts shared by many people are
// strangers.
func (b *Bot) roleOf(id sms.AgentID) (role, error) {
	if id == 0 || telegram.SharedAccount(id) {
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
		if a.ID == id && b.letIn(a) {
			found = agent
			if a.Admin {
				return admin, nil
			}
		}
	}
	return found, err
}
