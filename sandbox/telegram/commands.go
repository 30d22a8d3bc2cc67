package telegram

// Command is an entry of the bot's menu.
type Command struct {
	Command     string `json:"command"`
	Description string `json:"description"`
}

// CommandsFor returns the menu a person sees in a chat: of the nearest scope, in the person's language or in none.
func (s *Server) CommandsFor(chat, user int64) []Command { panic("later") }
