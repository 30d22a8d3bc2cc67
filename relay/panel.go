package relay

import (
	"context"
	"time"

	"peyk/internal/metrics"
	"peyk/sms"
	"peyk/smsapi"
	"peyk/store"
)

// Panel is the panel's client. Whoever makes a call, it is counted, and its outcome says how the panel is doing.
type Panel struct {
	smsapi.Panel
	store   *store.Store
	metrics *metrics.Metrics
	state   *panelState
}

func (p Panel) Credit(ctx context.Context) (string, error) { return p.credit(ctx, false) }

// probe asks for the credit to learn how the panel is doing.
func (p Panel) probe(ctx context.Context) { p.credit(ctx, true) }

func (p Panel) credit(ctx context.Context, probe bool) (string, error) {
	begun := time.Now()
	credit, err := p.Panel.Credit(ctx)
	p.metrics.PanelAsked("GetCredit", time.Since(begun), err)
	p.state.noteCall(panelCall{method: "GetCredit", probe: probe, begun: begun, err: err})
	if n, ok := smsapi.Amount(credit); ok {
		p.metrics.Credit(n)
	}
	return credit, err
}

func (p Panel) Send(ctx context.Context, line sms.Number, to []sms.Number, text string) (smsapi.Sent, error) {
	begun := time.Now()
	sent, err := p.Panel.Send(ctx, line, to, text)
	p.metrics.PanelAsked("SendSMS", time.Since(begun), err)
	p.state.noteCall(panelCall{method: "SendSMS", begun: begun, err: err})
	p.metrics.Sends(len(to), sent.Results, err)
	return sent, err
}

func (p Panel) SendEach(ctx context.Context, line sms.Number, each []smsapi.Addressed) (smsapi.Sent, error) {
	begun := time.Now()
	sent, err := p.Panel.SendEach(ctx, line, each)
	p.metrics.PanelAsked("SendMultipleSMS", time.Since(begun), err)
	p.state.noteCall(panelCall{method: "SendMultipleSMS", begun: begun, err: err})
	p.metrics.Sends(len(each), sent.Results, err)
	return sent, err
}

// Takes returns how long so many requests to send take, as the panel has answered of late; 0 if it has not yet.
func (p Panel) Takes(requests int) time.Duration {
	return time.Duration((requests+senders-1)/senders) * p.state.pace()
}

func (p Panel) Status(ctx context.Context, ids []sms.ID) ([]smsapi.Delivery, error) {
	begun := time.Now()
	said, err := p.Panel.Status(ctx, ids)
	p.metrics.PanelAsked("GetStatus", time.Since(begun), err)
	p.state.noteCall(panelCall{method: "GetStatus", begun: begun, err: err})
	return said, err
}

// Unread does not count its error, nor does it note how the panel is doing: whether a fetch failed is known only once the flow has decoded
// the answer.
func (p Panel) Unread(ctx context.Context) (smsapi.Answer, error) {
	begun := time.Now()
	answer, err := p.Panel.Unread(ctx)
	p.metrics.PanelAsked("GetMsg", time.Since(begun), nil)
	return answer, err
}
