package bot

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"peyk/bot/stats"
	"peyk/bot/text"
	"peyk/sms"
	"peyk/telegram"
)

func TestCaptionOfStatsFits(t *testing.T) {
	now := time.Date(2026, 3, 21, 12, 0, 0, 0, time.UTC)
	for name, lang := range text.Languages {
		for _, many := range []int{0, 1, 3, 12, 40} {
			c, names := stats.NewCounter(90, now), map[sms.AgentID]string{}
			for i := range many {
				line, agent := sms.Number(fmt.Sprintf("3000%04d", i)), sms.AgentID(100000000+i)
				names[agent] = mention(telegram.User{ID: agent, Name: strings.Repeat("علی 😀", 20)})
				c.Add(stats.SMS{Line: line, Customer: i, At: now.Add(-2 * time.Hour).Unix()})
				c.Add(stats.SMS{Out: true, Line: line, Customer: i, At: now.Add(-17 * time.Minute).Unix(), Agent: agent, Status: sms.Delivered})
			}
			said := statsCaption(lang, c.Figures(), names)
			shown := shownText(lang.SetApart(said))
			if n := units(shown); n > telegram.CaptionUnits || many == 40 && n < telegram.CaptionUnits/2 {
				t.Errorf("%s, %d lines: %d units, want at most %d and much of that", name, many, n, telegram.CaptionUnits)
			}
			if strings.Contains(said, "%!") || strings.Contains(shown, "<") {
				t.Errorf("%s, %d lines: %s", name, many, said)
			}
			more, _, _ := strings.Cut(lang.More, "%v")
			if got, want := strings.Contains(said, more), many >= 12; got != want {
				t.Errorf("%s, %d lines: says that there are more: %t, want %t", name, many, got, want)
			}
		}
	}
}
