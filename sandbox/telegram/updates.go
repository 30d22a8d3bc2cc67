package telegram

import "context"

// Update is an update as the tester sees it.
type Update struct {
	ID        int64
	Kind      string // "message", "callback_query", ...
	JSON      string // with update_id
	Confirmed bool   // a later offset has passed it
}

// Updates returns the updates not yet confirmed and the last 1,000 confirmed, oldest first.
func (s *Server) Updates() []Update { panic("later") }

// RawUpdate gives the bot an update of any shape: a JSON object without update_id. It returns the update's id.
func (s *Server) RawUpdate(object string) (int64, error) { panic("later") }

// Redeliver gives the bot a confirmed update once more, under its old id, whatever offset the bot names.
func (s *Server) Redeliver(id int64) error { panic("later") }

// SetNextUpdateID makes later updates count from id, perhaps lower than before, as Telegram does after a quiet week.
// No update may be waiting.
func (s *Server) SetNextUpdateID(id int64) error { panic("later") }

// WaitConfirmed waits until the bot has confirmed every update.
func (s *Server) WaitConfirmed(ctx context.Context) error { panic("later") }
