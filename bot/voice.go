package bot

import (
	"time"

	"peyk/bot/text"
	"peyk/sms"
	"peyk/store"
)

// voice is how we speak: in the language of a chat, with the times and names that are known.
type voice struct {
	store *store.Store
	opts  Options
}

// language returns the sentences in the language of a chat.
func (v voice) language(chat sms.ChatID) *text.Language {
	if c, err := v.store.Chat(chat); err == nil && text.Languages[c.Language] != nil {
		return text.Languages[c.Language]
	}
	return text.Languages[v.opts.Language]
}

// now is the store's time, in the zone that times are shown in.
func (v voice) now() time.Time { return v.store.Now().In(v.opts.Location) }
