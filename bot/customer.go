package bot

import (
	"context"
	"errors"
	"strings"

	"peyk/bot/text"
	"peyk/sms"
	"peyk/store"
	"peyk/telegram"
)

// customerOf returns the conversation that a command is about: that of the message replied to, else that of the customer whom the chat or
// topic belongs to. It is empty when there is none.
func (b *Bot) customerOf(m *telegram.Message) (sms.Conversation, error) {
	if m.ReplyTo != nil {
		c, _, refusal, err := b.replyTarget(m)
		if err != nil || refusal == "" {
			if !c.Customer.Names() {
				c = sms.Conversation{}
			}
			return c, err
		}
	}
	return b.customerOfPlace(sms.Place{Chat: m.Chat, Topic: m.Topic})
}

// customerOfPlace returns the conversation with the customer whom a chat or topic belongs to. It is empty when there is none.
func (b *Bot) customerOfPlace(place sms.Place) (sms.Conversation, error) {
	bound, err := b.store.Bound(place)
	if errors.Is(err, store.ErrNotFound) {
		return sms.Conversation{}, nil
	}
	if err != nil {
		return sms.Conversation{}, err
	}
	return b.conversationWith(place.Chat, bound.Customer)
}

// conversationWith returns the conversation of a customer with the line they last wrote to, else with the chat's line.
func (b *Bot) conversationWith(chat sms.ChatID, n sms.Number) (sms.Conversation, error) {
	c, err := b.store.Customer(n)
	if err != nil {
		return sms.Conversation{}, err
	}
	line := c.Line
	if line == "" {
		line, err = b.lineOf(chat)
	}
	return sms.Conversation{Line: line, Customer: n}, err
}

// link binds a chat or a topic to a customer.
func (b *Bot) link(ctx context.Context, m *telegram.Message, r role) error {
	t := b.language(m.Chat)
	n, err := sms.ParseRecipient(m.Args)
	if err != nil {
		return b.respond(m, t.LinkUsage)
	}
	_, err = b.store.Take(updateKey(m), store.Caused{
		Link:  &store.Bound{Place: sms.Place{Chat: m.Chat, Topic: m.Topic}, Customer: n},
		Posts: []store.Post{response(m, t.Say(t.Linked, text.Number(n)))},
	})
	if err == nil {
		b.refreshMenu(ctx, m.Chat, r)
	}
	return err
}

// unlink ends the bond between a chat or topic and its customer.
func (b *Bot) unlink(_ context.Context, m *telegram.Message, _ role) error {
	t := b.language(m.Chat)
	place := sms.Place{Chat: m.Chat, Topic: m.Topic}
	bound, err := b.store.Bound(place)
	if errors.Is(err, store.ErrNotFound) {
		return b.respond(m, t.NotLinked)
	}
	if err != nil {
		return err
	}
	_, err = b.store.Take(updateKey(m), store.Caused{
		Link:  &store.Bound{Place: place},
		Posts: []store.Post{response(m, t.Say(t.Unlinked, text.Number(bound.Customer)))},
	})
	return err
}

// name gives a customer a name.
func (b *Bot) name(_ context.Context, m *telegram.Message, _ role) error {
	t := b.language(m.Chat)
	c, err := b.customerOf(m)
	switch name := strings.TrimSpace(text.Short(m.Args, text.NameRunes)); {
	case err != nil:
		return err
	case c.Customer == "" || text.Blank(name):
		return b.respond(m, t.NameUsage)
	default:
		said := t.Say(t.Named, text.Number(c.Customer), text.Isolated(name))
		if name == "-" {
			name, said = "", t.Say(t.Nameless, text.Number(c.Customer))
		}
		_, err = b.store.Take(updateKey(m), store.Caused{
			Customer: c.Customer, EditCustomer: func(c *store.Customer) { c.Name = name }, Posts: []store.Post{response(m, said)},
		})
		return err
	}
}

// takeOver makes the asker the one who answers a customer, until they release the customer or somebody else takes over.
func (b *Bot) takeOver(_ context.Context, m *telegram.Message, _ role) error {
	t := b.language(m.Chat)
	c, err := b.customerOf(m)
	switch {
	case err != nil:
		return err
	case c.Customer == "":
		return b.respond(m, t.TakeUsage)
	}
	who := text.Short(m.From.Name, text.NameRunes)
	_, err = b.store.Take(updateKey(m), store.Caused{
		Customer: c.Customer,
		EditCustomer: func(c *store.Customer) {
			c.Claim = store.Claim{Owner: m.From.ID, Name: who, At: b.store.Now(), Taken: true}
		},
		Posts: []store.Post{response(m, t.Say(t.Taken, text.Isolated(who), text.Number(c.Customer)))},
	})
	return err
}

// release lets everybody answer a customer again. Only who answers the customer now, or an admin, may do it.
func (b *Bot) release(_ context.Context, m *telegram.Message, r role) error {
	t := b.language(m.Chat)
	about, err := b.customerOf(m)
	if err != nil {
		return err
	}
	if about.Customer == "" {
		return b.respond(m, t.TakeUsage)
	}
	c, err := b.store.Customer(about.Customer)
	switch {
	case err != nil:
		return err
	case !c.Claim.Held(b.store.Now()):
		return b.respond(m, t.Say(t.TakenByNobody, text.Number(c.Number)))
	case c.Claim.Owner != m.From.ID && r < admin:
		return b.respond(m, t.Say(t.TakenByOther, text.Isolated(c.Claim.Name)))
	}
	_, err = b.store.Take(updateKey(m), store.Caused{
		Customer: c.Number, EditCustomer: func(c *store.Customer) { c.Claim = store.Claim{} },
		Posts: []store.Post{response(m, t.Say(t.Released, text.Number(c.Number)))},
	})
	return err
}
