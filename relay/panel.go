package relay

import (
	"context"
	"time"

	"peyk/internal/metrics"
	"peyk/sms"
	"peyk/smsapi"
	"peyk/store"
)

// Client is what relay needs of a panel's client, and what it hands on to commands and checks. Every method asks the panel at most once, but
// for Status, and its error is an *smsapi.Error.
type Client interface {
	// Traits are what the panel can.
	Traits() smsapi.Traits
	// Credit returns what is left, in the panel's own words and unit.
	Credit(context.Context) (string, error)
	// Send carries out an order.
	Send(context.Context, smsapi.Order) (smsapi.Sent, error)
	// Status returns how far each of the SMS has come, in their order.
	Status(context.Context, []sms.ID) ([]smsapi.Delivery, error)
	// Fetch takes unread SMS away from the panel. With an error it returns what came of the answer.
	Fetch(context.Context, smsapi.Place) (smsapi.Answer, error)
	// Decode reads an answer of Fetch without asking anybody. With an error it returns what it could read.
	Decode(smsapi.Answer) (smsapi.Inbox, error)

	// Timeout is how long a call may take at most.
	Timeout() time.Duration
	// InClear reports whether the login can be read on the way.
	InClear() bool
	// Skew is how far the panel's clock is ahead of ours by its last answer, false before there was one.
	Skew() (time.Duration, bool)
	// Now is what time it is by the panel's clock, as far as is known.
	Now() time.Time
	// Lacks returns which methods it does not have of those that it should.
	Lacks(context.Context) ([]string, error)
	// Foreign returns which lines are not ours there; told is false when it does not tell.
	Foreign(ctx context.Context, lines []sms.Number) (foreign []sms.Number, told bool, err error)
}

// Panel is the panel's client. Whoever makes a call, it is counted, and its outcome says how the panel is doing.
type Panel struct {
	Client
	store   *store.Store
	metrics *metrics.Metrics
	state   *panelState
}

func (p Panel) Credit(ctx context.Context) (string, error) { return p.credit(ctx, false) }

// probe asks for the credit to learn how the panel is doing.
func (p Panel) probe(ctx context.Context) { p.credit(ctx, true) }

func (p Panel) credit(ctx context.Context, probe bool) (string, error) {
	begun := time.Now()
	credit, err := p.Client.Credit(ctx)
	p.metrics.PanelAsked("GetCredit", time.Since(begun), err)
	p.state.noteCall(panelCall{method: "GetCredit", probe: probe, begun: begun, err: err})
	if n, ok := smsapi.Amount(credit); ok {
		p.metrics.Credit(n)
	}
	return credit, err
}

func (p Panel) Send(ctx context.Context, o smsapi.Order) (smsapi.Sent, error) {
	method := "SendSMS"
	if len(o.Texts) > 0 {
		method = "SendMultipleSMS"
	}
	begun := time.Now()
	sent, err := p.Client.Send(ctx, o)
	p.metrics.PanelAsked(method, time.Since(begun), err)
	p.state.noteCall(panelCall{method: method, begun: begun, err: err})
	p.metrics.Sends(len(o.To), sent.Results, err)
	return sent, err
}

// Oddities are the client's, if it has any.
func (p Panel) Oddities(ctx context.Context) ([]smsapi.Oddity, error) {
	if of, ok := p.Client.(interface {
		Oddities(context.Context) ([]smsapi.Oddity, error)
	}); ok {
		return of.Oddities(ctx)
	}
	return nil, nil
}

// pricer is what the client of a panel has whose Traits say that it tells Prices.
type pricer interface {
	// Price returns what an SMS from a line costs with a text, of one part at most.
	Price(ctx context.Context, line sms.Number, text string) (smsapi.Price, error)
}

// Price is the client's; zero where the panel tells none.
func (p Panel) Price(ctx context.Context, line sms.Number, text string) (smsapi.Price, error) {
	of, ok := p.Client.(pricer)
	if !ok {
		return smsapi.Price{}, nil
	}
	begun := time.Now()
	price, err := of.Price(ctx, line, text)
	p.metrics.PanelAsked("GetPrice", time.Since(begun), err)
	return price, err
}

// Takes returns how long so many requests to send take, as the panel has answered of late; 0 if it has not yet.
func (p Panel) Takes(requests int) time.Duration {
	return time.Duration((requests+senders-1)/senders) * p.state.pace()
}

func (p Panel) Status(ctx context.Context, ids []sms.ID) ([]smsapi.Delivery, error) {
	begun := time.Now()
	said, err := p.Client.Status(ctx, ids)
	p.metrics.PanelAsked("GetStatus", time.Since(begun), err)
	p.state.noteCall(panelCall{method: "GetStatus", begun: begun, err: err})
	return said, err
}

// Fetch does not count its error, nor does it note how the panel is doing: whether a fetch failed is known only once the flow has decoded
// the answer.
func (p Panel) Fetch(ctx context.Context, at smsapi.Place) (smsapi.Answer, error) {
	begun := time.Now()
	answer, err := p.Client.Fetch(ctx, at)
	p.metrics.PanelAsked("GetMsg", time.Since(begun), nil)
	return answer, err
}
