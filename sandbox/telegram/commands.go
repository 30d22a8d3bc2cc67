package telegram

import (
	"regexp"
	"slices"
	"strconv"
	"unicode/utf8"
)

// Command is an entry of the bot's menu.
type Command struct {
	Command     string `json:"command"`
	Description string `json:"description"`
}

// menuKey says whose menu a list of commands is.
type menuKey struct {
	scope      string
	chat, user int64
	language   string
}

var (
	commandName  = regexp.MustCompile(`^[a-z0-9_]{1,32}$`)
	languageCode = regexp.MustCompile(`^([a-z]{2})?$`)
)

func (s *Server) menuKey(req *request) (menuKey, error) {
	scope := struct {
		Type string `json:"type"`
		Chat any    `json:"chat_id"`
		User int64  `json:"user_id"`
	}{Type: "default"}
	if raw := req.str("scope"); raw != "" && raw != "null" && !decode(raw, &scope) {
		return menuKey{}, bad("can't parse BotCommandScope: expected an Object")
	}
	key := menuKey{scope: scope.Type, language: req.str("language_code")}
	if !languageCode.MatchString(key.language) {
		return key, bad("invalid language code specified")
	}
	switch scope.Type {
	case "default", "all_private_chats", "all_group_chats", "all_chat_administrators":
		return key, nil
	case "chat_member":
		key.user = scope.User
	case "chat", "chat_administrators":
	default:
		return key, bad("can't parse BotCommandScope: unsupported type specified")
	}
	switch id := scope.Chat.(type) {
	case float64:
		key.chat = int64(id)
	case string:
		key.chat, _ = strconv.ParseInt(id, 10, 64)
	}
	c := s.chats[key.chat]
	if c == nil || c.members[s.bot.ID] == "" {
		return key, bad("chat not found")
	}
	if scope.Type != "chat" && !c.group() {
		return key, bad("can't change commands of members or administrators of a private chat")
	}
	if scope.Type == "chat_member" && s.users[key.user] == nil {
		return key, bad("user not found")
	}
	return key, nil
}

func (s *Server) setMyCommands(req *request) (any, error) {
	key, err := s.menuKey(req)
	if err != nil {
		return nil, err
	}
	var list []Command
	if raw := req.str("commands"); raw != "" && !decode(raw, &list) {
		return nil, bad("can't parse commands: expected an Array of BotCommand")
	}
	if len(list) > 100 {
		return nil, bad("BOT_COMMANDS_TOO_MUCH")
	}
	for i, c := range list {
		if len(c.Command) > 0 && c.Command[0] == '/' {
			list[i].Command = c.Command[1:]
		}
		if !commandName.MatchString(list[i].Command) {
			return nil, bad("BOT_COMMAND_INVALID")
		}
		if n := utf8.RuneCountInString(c.Description); n < 1 || n > 256 {
			return nil, bad("BOT_COMMAND_DESCRIPTION_INVALID")
		}
	}
	if len(list) == 0 {
		delete(s.menus, key)
	} else {
		s.menus[key] = list
	}
	return true, nil
}

func (s *Server) getMyCommands(req *request) (any, error) {
	key, err := s.menuKey(req)
	if err != nil {
		return nil, err
	}
	return append([]Command{}, s.menus[key]...), nil
}

func (s *Server) deleteMyCommands(req *request) (any, error) {
	key, err := s.menuKey(req)
	if err != nil {
		return nil, err
	}
	delete(s.menus, key)
	return true, nil
}

// CommandsFor returns the menu a person sees in a chat: of the nearest scope that has one, in the person's language or in none.
func (s *Server) CommandsFor(chat, user int64) []Command {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, u := s.chats[chat], s.users[user]
	if c == nil || u == nil {
		return nil
	}
	var scopes []menuKey
	if c.group() {
		scopes = append(scopes, menuKey{scope: "chat_member", chat: chat, user: user})
		if c.isAdmin(user) {
			scopes = append(scopes, menuKey{scope: "chat_administrators", chat: chat})
		}
	}
	scopes = append(scopes, menuKey{scope: "chat", chat: chat})
	switch {
	case !c.group():
		scopes = append(scopes, menuKey{scope: "all_private_chats"})
	case c.isAdmin(user):
		scopes = append(scopes, menuKey{scope: "all_chat_administrators"}, menuKey{scope: "all_group_chats"})
	default:
		scopes = append(scopes, menuKey{scope: "all_group_chats"})
	}
	language := ""
	if len(u.Language) >= 2 {
		language = u.Language[:2]
	}
	for _, key := range append(scopes, menuKey{scope: "default"}) {
		for _, l := range []string{language, ""} {
			key.language = l
			if list := s.menus[key]; list != nil {
				return slices.Clone(list)
			}
		}
	}
	return nil
}
