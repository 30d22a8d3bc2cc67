package telegram

import "encoding/json"

// The shapes below are those of the Bot API, as far as this server fills them.

type wireUser struct {
	ID        int64  `json:"id"`
	IsBot     bool   `json:"is_bot"`
	FirstName string `json:"first_name"`
	LastName  string `json:"last_name,omitempty"`
	Username  string `json:"username,omitempty"`
	Language  string `json:"language_code,omitempty"`
}

type wireChat struct {
	ID        int64  `json:"id"`
	Title     string `json:"title,omitempty"`
	Username  string `json:"username,omitempty"`
	FirstName string `json:"first_name,omitempty"`
	LastName  string `json:"last_name,omitempty"`
	Type      string `json:"type"`
	IsForum   bool   `json:"is_forum,omitempty"`
}

type wireDocument struct {
	FileName string `json:"file_name,omitempty"`
	MIME     string `json:"mime_type,omitempty"`
	FileID   string `json:"file_id"`
	UniqueID string `json:"file_unique_id"`
	Size     int    `json:"file_size"`
}

// wirePhoto is one of the sizes of a photo; here there is only one.
type wirePhoto struct {
	FileID   string `json:"file_id"`
	UniqueID string `json:"file_unique_id"`
	Width    int    `json:"width"`
	Height   int    `json:"height"`
	Size     int    `json:"file_size"`
}

type wireTopic struct {
	Name      string  `json:"name,omitempty"`
	IconColor int     `json:"icon_color,omitempty"`
	Icon      *string `json:"icon_custom_emoji_id,omitempty"`
}

// wireService is what a service message says; one field is set.
type wireService struct {
	NewChatMembers []wireUser `json:"new_chat_members,omitempty"`
	LeftChatMember *wireUser  `json:"left_chat_member,omitempty"`
	MigrateTo      int64      `json:"migrate_to_chat_id,omitempty"`
	MigrateFrom    int64      `json:"migrate_from_chat_id,omitempty"`
	TopicCreated   *wireTopic `json:"forum_topic_created,omitempty"`
	TopicEdited    *wireTopic `json:"forum_topic_edited,omitempty"`
	TopicClosed    *struct{}  `json:"forum_topic_closed,omitempty"`
	TopicReopened  *struct{}  `json:"forum_topic_reopened,omitempty"`

	Pinned *wireMessage `json:"pinned_message,omitempty"`
}

type wireOrigin struct {
	Type   string   `json:"type"`
	Sender wireUser `json:"sender_user"`
	Date   int64    `json:"date"`
}

// wireExternal is a message replied to from another topic: reply_to_message is absent then
// (https://core.telegram.org/bots/api#externalreplyinfo).
type wireExternal struct {
	Origin wireOrigin `json:"origin"`
	Chat   wireChat   `json:"chat"`
	ID     int        `json:"message_id"`
}

type wireMarkup struct {
	Rows [][]Button `json:"inline_keyboard"`
}

type wireQuote struct {
	Text     string `json:"text"`
	Position int    `json:"position"`
	IsManual bool   `json:"is_manual"`
}

type wirePreview struct {
	IsDisabled bool `json:"is_disabled"`
}

type wireMessage struct {
	ID              int           `json:"message_id"`
	ThreadID        int           `json:"message_thread_id,omitempty"`
	From            *wireUser     `json:"from,omitempty"`
	SenderChat      *wireChat     `json:"sender_chat,omitempty"`
	Chat            wireChat      `json:"chat"`
	Date            int64         `json:"date"`
	EditDate        int64         `json:"edit_date,omitempty"`
	ForwardOrigin   *wireOrigin   `json:"forward_origin,omitempty"`
	ForwardFrom     *wireUser     `json:"forward_from,omitempty"`
	ForwardDate     int64         `json:"forward_date,omitempty"`
	IsTopicMessage  bool          `json:"is_topic_message,omitempty"`
	AutoForward     bool          `json:"is_automatic_forward,omitempty"`
	ReplyTo         *wireMessage  `json:"reply_to_message,omitempty"`
	External        *wireExternal `json:"external_reply,omitempty"`
	Quote           *wireQuote    `json:"quote,omitempty"`
	ViaBot          *wireUser     `json:"via_bot,omitempty"`
	Text            string        `json:"text,omitempty"`
	Entities        []Entity      `json:"entities,omitempty"`
	Preview         *wirePreview  `json:"link_preview_options,omitempty"`
	Document        *wireDocument `json:"document,omitempty"`
	Photo           []wirePhoto   `json:"photo,omitempty"`
	Caption         string        `json:"caption,omitempty"`
	CaptionEntities []Entity      `json:"caption_entities,omitempty"`
	Markup          *wireMarkup   `json:"reply_markup,omitempty"`
	Story           *struct{}     `json:"story,omitempty"`
	PaidMedia       *struct{}     `json:"paid_media,omitempty"`
	Checklist       *struct{}     `json:"checklist,omitempty"`
	Rich            *struct{}     `json:"rich_message,omitempty"`
	wireService
}

func (u *User) wire() wireUser {
	return wireUser{u.ID, u.IsBot, u.FirstName, u.LastName, u.Username, u.Language}
}

// wireUser describes the user of an id, including those who are nobody in particular.
func (s *Server) wireUser(id int64) wireUser {
	switch id {
	case anonymousAdmin:
		return wireUser{ID: id, IsBot: true, FirstName: "Group", Username: "GroupAnonymousBot"}
	case channelBot:
		return wireUser{ID: id, IsBot: true, FirstName: "Channel", Username: "Channel_Bot"}
	case telegramService:
		return wireUser{ID: id, FirstName: "Telegram"}
	}
	if u := s.users[id]; u != nil {
		return u.wire()
	}
	return wireUser{ID: id}
}

func (s *Server) wireChat(c *chat) wireChat {
	w := wireChat{ID: c.id, Type: c.kind, Title: c.title, IsForum: c.forum && !s.old}
	if c.kind == "private" {
		u := s.users[c.id]
		w.Title, w.FirstName, w.LastName, w.Username = "", u.FirstName, u.LastName, u.Username
	}
	return w
}

// wireMessage describes a message, with the one it answers unless nested: an answered message never carries its own.
func (s *Server) wireMessage(c *chat, m *message, nested bool) *wireMessage {
	w := &wireMessage{
		ID:          m.ID,
		ThreadID:    m.thread,
		Chat:        s.wireChat(c),
		Date:        m.dated.Unix(),
		AutoForward: m.autoForward,
		wireService: m.service,
	}
	from := s.wireUser(m.sender)
	w.From = &from
	if m.senderChat != 0 {
		sender := s.wireChat(s.chats[m.senderChat])
		w.SenderChat = &sender
	}
	if m.Edits > 0 {
		w.EditDate = m.edited.Unix()
	}
	if m.forwardFrom != 0 {
		u := s.wireUser(m.forwardFrom)
		w.ForwardOrigin = &wireOrigin{"user", u, w.Date}
		w.ForwardFrom, w.ForwardDate = &u, w.Date
	}
	switch m.viaBot {
	case "":
	case s.bot.Username:
		us := s.bot.wire()
		w.ViaBot = &us
	default:
		w.ViaBot = &wireUser{ID: 990000001, IsBot: true, FirstName: m.viaBot, Username: m.viaBot}
	}
	if m.Topic != 0 {
		w.IsTopicMessage = true
	}
	answered := m.ReplyTo
	if answered == 0 && m.ID != m.Topic && m.external == nil {
		answered = m.Topic // every plain message of a topic answers the topic's first
	}
	if a := c.byID[answered]; a != nil && !a.Deleted && !nested {
		w.ReplyTo = s.wireMessage(c, a, true)
	}
	if a := m.external; a != nil && !nested {
		w.External = &wireExternal{wireOrigin{"user", s.wireUser(a.sender), a.dated.Unix()}, w.Chat, a.ID}
	}
	for kind, field := range map[string]**struct{}{"story": &w.Story, "paid_media": &w.PaidMedia, "checklist": &w.Checklist, "rich_message": &w.Rich} {
		if m.kind == kind {
			*field = &struct{}{}
		}
	}
	if m.Quote != nil && !nested {
		w.Quote = &wireQuote{m.Quote.Text, m.Quote.At, true}
	}
	switch d := m.Document; {
	case d == nil:
		w.Text, w.Entities = m.Text, m.Entities
	case d.Photo:
		w.Photo = []wirePhoto{{m.fileID, "U" + m.fileID, d.Width, d.Height, len(d.Data)}}
		w.Caption, w.CaptionEntities = m.Text, m.Entities
	default:
		w.Document = &wireDocument{d.Name, d.MIME, m.fileID, "U" + m.fileID, len(d.Data)}
		w.Caption, w.CaptionEntities = m.Text, m.Entities
	}
	if m.NoPreview {
		w.Preview = &wirePreview{true}
	}
	if len(m.Buttons) > 0 {
		w.Markup = &wireMarkup{m.Buttons}
	}
	if s.old {
		w.dropNew()
	}
	return w
}

// wireMember is a chat member as getChatMember and the member updates show it.
func (s *Server) wireMember(c *chat, user int64) map[string]any {
	status := "left"
	if m := c.members[user]; m != "" {
		status = m
	}
	w := map[string]any{"user": s.wireUser(user), "status": status}
	switch status {
	case "creator":
		w["is_anonymous"] = false
	case "administrator":
		ours := user == s.bot.ID
		for _, right := range []string{"can_manage_chat", "can_invite_users"} {
			w[right] = true
		}
		for _, right := range []string{"can_be_edited", "is_anonymous", "can_manage_video_chats", "can_restrict_members", "can_promote_members",
			"can_change_info", "can_post_stories", "can_edit_stories", "can_delete_stories"} {
			w[right] = false
		}
		w["can_delete_messages"] = !ours || c.rights.DeleteMessages
		w["can_pin_messages"] = !ours || c.rights.PinMessages
		w["can_manage_topics"] = c.forum && !s.old && (!ours || c.rights.ManageTopics)
	case "restricted":
		w["is_member"] = true
		w["until_date"] = 0
		for _, right := range []string{"can_send_messages", "can_send_documents", "can_send_other_messages", "can_add_web_page_previews", "can_manage_topics"} {
			w[right] = false
		}
	case "kicked":
		w["until_date"] = 0
	}
	return w
}

// memberUpdate tells the bot that somebody's place in a chat changed: my_chat_member when it is its own.
func (s *Server) memberUpdate(c *chat, by, user int64, before map[string]any) {
	body := map[string]any{
		"chat": s.wireChat(c), "from": s.wireUser(by), "date": s.now().Unix(),
		"old_chat_member": before, "new_chat_member": s.wireMember(c, user),
	}
	switch {
	case user == s.bot.ID:
		s.update("my_chat_member", body)
	case c.members[s.bot.ID] == "administrator":
		s.update("chat_member", body)
	}
}

func decode(raw string, v any) bool { return json.Unmarshal([]byte(raw), v) == nil }
