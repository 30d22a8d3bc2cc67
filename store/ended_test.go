package store

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"peyk/sms"
)

// TestWhatEndedIsTold takes what two agents asked for, in a group that migrates before one of them is answered and the process ends.
func TestWhatEndedIsTold(t *testing.T) {
	const to = sms.ChatID(-1002)
	path, c := tempFile(t), newClock()
	s := open(t, path, c.options())
	says := func() (all []string) {
		t.Helper()
		heads, _, err := s.Heads(func(sms.ChatID) bool { return true })
		must(t, err)
		for _, head := range heads {
			for _, p := range head {
				if p.Chat != to || p.Class != Answers {
					t.Errorf("in chat %d, of class %d: %q", p.Chat, p.Class, p.Text)
				}
				all = append(all, p.Text)
				must(t, s.Posted(p, sms.ChatMessageID(100+len(all)), false))
			}
		}
		return all
	}
	for message, text := range map[sms.ChatMessageID]string{7: "seven", 8: "eight"} {
		k := UpdateKey{Chat: group, Message: message}
		ok(s.Take(k, Caused{Posts: []Post{k.IfEnded(Post{Chat: group, Kind: PostText, Text: text, ReplyTo: message})}}))
	}
	must(t, s.MigrateChat(group, to))
	must(t, s.Answer(UpdateKey{Chat: group, Message: 7}, Post{Chat: group, Kind: PostText, Text: "answer"}))
	if diff := cmp.Diff([]string{"answer"}, says()); diff != "" {
		t.Error(diff)
	}
	crash(t, s)
	s = open(t, path, c.options())
	must(t, s.TellEnded())
	must(t, s.TellEnded())
	if diff := cmp.Diff([]string{"eight"}, says()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string(nil), says()); diff != "" {
		t.Error(diff)
	}
}
