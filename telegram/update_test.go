package telegram

import (
	"encoding/json"
	"testing"
)

func FuzzReadUpdate(f *testing.F) {
	for _, seed := range []string{
		`{"update_id":1,"message":{"message_id":2,"date":1,"chat":{"id":3,"type":"private"},"from":{"id":3},"text":"/send 0912 hi","entities":[{"type":"bot_command","offset":0,"length":5}]}}`,
		`{"update_id":1,"callback_query":{"id":"1","from":{"id":1},"data":"b:1:1:send","message":{"message_id":3,"chat":{"id":1}}}}`,
		`{"update_id":1,"inline_query":{"id":"1","from":{"id":1},"query":"hours","offset":""}}`,
		`{"update_id":1,"my_chat_member":{"chat":{"id":1},"from":{"id":2},"new_chat_member":{"status":"member"}}}`,
		`{"update_id":1,"message":{"message_id":2,"chat":{"id":3},"caption":"/contacts","caption_entities":[{"type":"bot_command","length":9}],"document":{"file_id":"f","file_size":9}}}`,
		`{"update_id":1,"message_reaction":{"chat":{"id":1},"message_id":2,"user":{"id":3},"date":1,"old_reaction":[],"new_reaction":[{"type":"emoji","emoji":"👌"}]}}`,
		`{"update_id":1,"message":{"reply_to_message":{"chat":null}}}`, `null`, `[]`, `{"update_id":"x"}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		u := ReadUpdate(json.RawMessage(raw), User{})
		for _, m := range []*Message{u.Message, u.Edited} {
			if m != nil && m.Command != "" && (m.Forwarded || m.ForOtherBot) {
				t.Errorf("%s: a command of somebody else's: %+v", raw, m)
			}
		}
	})
}
