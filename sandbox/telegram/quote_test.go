package telegram

import (
	"strings"
	"testing"
)

func TestAReplyQuotesWordsThatStandThere(t *testing.T) {
	s, b, owner, team := room(t, Options{})
	shown := b.send(params{"chat_id": team, "text": "📩 one\nسلام"}).ID
	for _, tt := range []struct {
		name  string
		quote Quote
		wrong string
	}{
		{"behind an emoji of two units", Quote{"one", 3}, ""},
		{"Persian", Quote{"سلام", 7}, ""},
		{"other words", Quote{"two", 3}, "does not hold"},
		{"elsewhere", Quote{"one", 2}, "does not hold"},
		{"beyond the end", Quote{"سلام", 8}, "does not hold"},
		{"before the beginning", Quote{"one", -1}, "does not hold"},
		{"nothing", Quote{"", 0}, "does not hold"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			id, err := s.Say(Post{Chat: team, From: owner.ID, Text: "answer", ReplyTo: shown, Quote: &tt.quote})
			if tt.wrong != "" {
				if err == nil || !strings.Contains(err.Error(), tt.wrong) {
					t.Errorf("got %v, want %s", err, tt.wrong)
				}
				return
			}
			check(t, err)
			updates := s.Updates()
			wire := updates[len(updates)-1].JSON
			if !strings.Contains(wire, `"is_manual":true`) || !strings.Contains(wire, tt.quote.Text) {
				t.Errorf("the bot is told %s", wire)
			}
			if m, _ := s.Message(team, id); m.Quote == nil || *m.Quote != tt.quote {
				t.Errorf("the message has %+v", m.Quote)
			}
		})
	}
	if _, err := s.Say(Post{Chat: team, From: owner.ID, Text: "no reply", Quote: &Quote{"one", 3}}); err == nil {
		t.Error("a quote without a reply was taken")
	}
}
