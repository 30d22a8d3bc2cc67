package doctor

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"peyk/bot/text"
	"peyk/internal/connect"
	"peyk/sms"
	"peyk/smsapi"
)

// odd is what a panel's client has if its account can be set so that a bridge cannot make it good.
type odd interface {
	Oddities(context.Context) ([]smsapi.Oddity, error)
}

func (d Doctor) checkPanel(ctx context.Context, f *findings) {
	panelSide := side{f.CheckPanelName, "SMS_API_URL", "SMS_API_PROXY"}
	if d.Panel.InClear() {
		f.add(Noted, f.CheckPanelClear)
	}
	lacks, err := ask(ctx, d.Panel.Lacks)
	if err == nil && len(lacks) > 0 {
		f.add(Wrong, f.Say(f.CheckWSDL, text.Code(strings.Join(lacks, ", "))))
		return
	}
	credit := ""
	if err == nil {
		credit, err = ask(ctx, d.Panel.Credit)
	}
	if err != nil {
		f.panelFails(panelSide, d.Panel.Traits(), err)
		return
	}
	login := f.CheckLogin
	if d.Panel.Traits().OneKey {
		login = f.CheckKeyLogin
	}
	f.add(Right, f.Say(login, text.Code(text.Short(credit, text.NameRunes))))
	if of, ok := d.Panel.(odd); ok {
		oddities, err := ask(ctx, of.Oddities)
		if err != nil {
			f.list = append(f.list, Finding{State: Noted, Cause: err, HTML: f.CheckNoOddities})
		}
		for _, o := range oddities {
			f.add(Wrong, map[smsapi.Oddity]string{smsapi.SendsNothing: f.CheckSendsNothing, smsapi.SendsAgain: f.CheckSendsAgain}[o])
		}
	}
	if len(d.Lines) == 0 {
		return
	}
	foreign, told, err := d.Panel.Foreign(ctx, d.Lines)
	for _, line := range foreign {
		f.add(Wrong, f.Say(f.CheckForeign, text.Number(line)))
	}
	ours := slices.DeleteFunc(slices.Clone(d.Lines), func(l sms.Number) bool { return slices.Contains(foreign, l) })
	switch {
	case err != nil:
		f.list = append(f.list, Finding{State: Noted, Cause: err, HTML: f.Say(f.CheckUntold, f.Numbers(ours))})
	case !told:
		f.add(Noted, f.Say(f.CheckUntold, f.Numbers(ours)))
	case len(ours) > 0:
		f.add(Right, f.Say(f.CheckLines, f.Numbers(ours)))
	}
}

// panelFails adds why the panel does not answer with the credit.
func (f *findings) panelFails(s side, can smsapi.Traits, err error) {
	password, nothing := f.CheckPassword, f.Say(f.CheckNoService, text.Code(can.Address))
	if can.OneKey {
		password, nothing = f.CheckKey, f.CheckNoPanel
	}
	e, ok := errors.AsType[*smsapi.Error](err)
	status, _ := errors.AsType[connect.Status](err)
	switch {
	case ok && e.Kind == smsapi.Auth && e.Code == "":
		f.wrong(err, f.CheckWebLogin)
	case ok && e.Kind == smsapi.Auth:
		f.wrong(err, password)
	case ok && e.Kind == smsapi.Rejected, errors.Is(err, smsapi.ErrFault):
		f.wrong(err, f.Say(f.CheckPanelRefuses, text.Reason(e.Text)))
	case errors.Is(err, smsapi.ErrProtocol), status == http.StatusNotFound, status == http.StatusMethodNotAllowed: // a web page takes no POST
		f.wrong(err, nothing)
	default:
		f.unreached(s, err)
	}
}
