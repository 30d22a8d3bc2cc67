package doctor

import "time"

// checkClock compares our clock with those of Telegram and the panel. Telegram's is believed; a panel's may itself be wrong.
func (d Doctor) checkClock(f *findings) {
	var telegrams, panels time.Duration // how far they are ahead of us
	telegramKnown, panelKnown := false, false
	if d.Telegram != nil {
		telegrams, telegramKnown = d.Telegram.Skew()
	}
	if d.Open != nil { // the store has also seen the dates of messages
		if off := d.Open.ClockOff(); off != 0 {
			telegrams, telegramKnown = off, true
		}
	}
	if d.Panel != nil {
		panels, panelKnown = d.Panel.Skew()
	}
	telegramOff, panelOff := telegramKnown && telegrams.Abs() > clockOff, panelKnown && panels.Abs() > clockOff
	minutes := func(d time.Duration) int { return int(d.Abs().Round(time.Minute) / time.Minute) }
	switch {
	case !telegramKnown && !panelKnown:
	case telegramOff:
		f.add(Wrong, f.Say(f.CheckClockOff, minutes(telegrams), f.CheckTelegramName))
	case panelOff && !telegramKnown:
		f.add(Wrong, f.Say(f.CheckClockOff, minutes(panels), f.CheckPanelName))
	case panelOff:
		f.add(Noted, f.Say(f.CheckPanelClock, minutes(panels)))
	default:
		f.add(Right, f.CheckClock)
	}
}
