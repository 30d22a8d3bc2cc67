package telegram

import (
	"slices"
	"strconv"
)

// findChat finds the chat of a call. A chat that the bot never met does not exist for it.
func (s *Server) findChat(req *request) (*chat, error) {
	if req.str("chat_id") == "" {
		return nil, bad("chat_id is empty")
	}
	c := s.chats[req.chat]
	if c == nil || c.kind == "channel" || c.members[s.bot.ID] == "" {
		return nil, bad("chat not found")
	}
	return c, nil
}

// chatToRead finds a chat that the bot is in.
func (s *Server) chatToRead(req *request) (*chat, error) {
	c, err := s.findChat(req)
	if err != nil {
		return nil, err
	}
	if c.migratedTo != 0 {
		e := bad("group chat was upgraded to a supergroup chat")
		e.migrateTo = c.migratedTo
		return nil, e
	}
	switch status := c.members[s.bot.ID]; {
	case c.kind == "private" && status == "kicked":
		return nil, forbidden("bot was blocked by the user")
	case status == "kicked":
		return nil, forbidden("bot was kicked from the %s chat", c.kind)
	case status == "left":
		return nil, forbidden("bot is not a member of the %s chat", c.kind)
	}
	return c, nil
}

// textMessages is what a bot without the right to send files may still send.
const textMessages = "text messages"

// chatToWrite finds a chat the bot may send to; what is what it wants to send.
func (s *Server) chatToWrite(req *request, what string) (*chat, error) {
	c, err := s.chatToRead(req)
	silenced := c != nil && (c.adminsOnly || c.textOnly && what != textMessages) && c.members[s.bot.ID] == "member"
	if err == nil && (c.members[s.bot.ID] == "restricted" || silenced) {
		return nil, bad("not enough rights to send %s to the chat", what)
	}
	return c, err
}

func (s *Server) getMe(*request) (any, error) {
	return struct {
		wireUser
		CanJoinGroups bool `json:"can_join_groups"`
		CanReadAll    bool `json:"can_read_all_group_messages"`
		Inline        bool `json:"supports_inline_queries"`
		Business      bool `json:"can_connect_to_business"`
		WebApp        bool `json:"has_main_web_app"`
	}{s.bot.wire(), true, s.noPrivacy, s.inline, false, false}, nil
}

func (s *Server) getChat(req *request) (any, error) {
	c, err := s.chatToRead(req)
	if err != nil {
		return nil, err
	}
	full := struct {
		wireChat
		AccentColor  int             `json:"accent_color_id"`
		MaxReactions int             `json:"max_reaction_count"`
		Permissions  map[string]bool `json:"permissions,omitempty"`
		Reactions    *[]string       `json:"available_reactions,omitempty"` // absent: all are
	}{wireChat: s.wireChat(c), MaxReactions: 11}
	if c.group() {
		full.Permissions = map[string]bool{
			"can_send_messages": !c.adminsOnly, "can_send_documents": !c.adminsOnly && !c.textOnly, "can_send_photos": !c.adminsOnly && !c.textOnly,
			"can_send_other_messages":   !c.adminsOnly,
			"can_add_web_page_previews": !c.adminsOnly,
			"can_invite_users":          true, "can_manage_topics": false, "can_change_info": false, "can_pin_messages": false,
		}
	}
	if c.noReaction {
		full.Reactions = &[]string{}
	}
	return full, nil
}

func (s *Server) getChatMember(req *request) (any, error) {
	c, err := s.chatToRead(req)
	if err != nil {
		return nil, err
	}
	id, err := strconv.ParseInt(req.str("user_id"), 10, 64)
	if err != nil {
		return nil, bad("invalid user_id specified")
	}
	if s.users[id] == nil {
		return nil, bad("user not found")
	}
	return s.wireMember(c, id), nil
}

func (s *Server) getChatAdministrators(req *request) (any, error) {
	c, err := s.chatToRead(req)
	if err != nil {
		return nil, err
	}
	if !c.group() {
		return nil, bad("there are no administrators in the private chat")
	}
	all := []map[string]any{}
	for _, id := range c.order {
		u := s.users[id]
		if status := c.members[id]; (status == "creator" || status == "administrator") && (!u.IsBot || id == s.bot.ID) {
			all = append(all, s.wireMember(c, id))
		}
	}
	return all, nil
}

func (s *Server) leaveChat(req *request) (any, error) {
	c, err := s.chatToRead(req)
	if err != nil {
		return nil, err
	}
	if !c.group() {
		return nil, bad("chat member status can't be changed in private chats")
	}
	if err := s.changeBot(c, s.bot.ID, "left", Rights{}); err != nil {
		return nil, err
	}
	return true, nil
}

// isAdmin reports whether a user runs a group.
func (c *chat) isAdmin(user int64) bool {
	return slices.Contains([]string{"creator", "administrator"}, c.members[user])
}
