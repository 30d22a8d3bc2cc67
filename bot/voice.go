package bot

import (
	"time"

	"peyk/bot/text"
	"peyk/sms"
	"peyk/store"
)

// voice is what it takes to speak in a chat: its language, times, names.
type voice struct {
	store *store.Store
	opts  Options
}

// language returns the language of a chat.
func (v voice) language(chat sms.ChatID) *text.Language {
	if c, err := v.store.Chat(chat); err == nil && text.Languages[c.Language] != nil {
		return text.Languages[c.Language]
	}
	return text.Languages[v.opts.Language]
}

// now returns the store's time, in the zone in which times are shown.
func (v voice) now() time.Time { return v.store.Now().In(v.opts.Location) }
