package telegram

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
)

// Users who are nobody in particular: messages in the name of a chat come from one of them.
const (
	anonymousAdmin  = 1087968824
	channelBot      = 136817688
	telegramService = 777000
)

// User is a person, or a bot.
type User struct {
	ID        int64  `json:"id"` // given by AddUser when 0
	FirstName string `json:"first_name"`
	LastName  string `json:"last_name,omitempty"`
	Username  string `json:"username,omitempty"` // without @
	Language  string `json:"language,omitempty"` // IETF tag, as in "fa"
	IsBot     bool   `json:"is_bot,omitempty"`   // another bot; ours never hears it
}

// ChatInfo is a chat as Chats shows it.
type ChatInfo struct {
	ID         int64   `json:"id"`
	Type       string  `json:"type"`  // "private", "group", "supergroup" or "channel"
	Title      string  `json:"title"` // the person's name in a private chat
	Forum      bool    `json:"forum,omitempty"`
	Members    []int64 `json:"members"` // the bot's id among them when it is in
	BotRights  Rights  `json:"bot_rights"`
	MigratedTo int64   `json:"migrated_to,omitempty"` // the supergroup a group has become
	Topics     []Topic `json:"topics,omitempty"`
}

// Topic is a forum topic. General has none: its messages have Topic 0.
type Topic struct {
	ID     int    `json:"id"` // message_thread_id, the id of the service message that made it
	Name   string `json:"name"`
	Icon   string `json:"icon,omitempty"` // an emoji; "" is the first letter of the name
	Closed bool   `json:"closed,omitempty"`
}

// Rights are what the bot may do in a group.
type Rights struct {
	Admin          bool `json:"admin,omitempty"`           // hears everything
	ManageTopics   bool `json:"manage_topics,omitempty"`   // counts for an administrator only
	DeleteMessages bool `json:"delete_messages,omitempty"` // messages of others; counts for an administrator only
	PinMessages    bool `json:"pin_messages,omitempty"`    // counts for an administrator only
	Muted          bool `json:"muted,omitempty"`           // may not write; counts for an ordinary member only
}

// Post is what a person says.
type Post struct {
	Chat    int64  `json:"chat"`            // a group's id, or the person's own for the private chat with the bot
	Topic   int    `json:"topic,omitempty"` // 0 outside topics
	From    int64  `json:"from"`
	Text    string `json:"text,omitempty"`
	ReplyTo int    `json:"reply_to,omitempty"` // message in the same chat, perhaps of another topic than Topic names
	Quote   *Quote `json:"quote,omitempty"`    // a part of that message which the reply quotes
	// Entities are what the person's app marks in Text or Caption, such as a text_link. Commands are found by themselves.
	Entities []Entity `json:"entities,omitempty"`

	// Document, with Caption instead of Text.
	Document *Document `json:"document,omitempty"`
	Caption  string    `json:"caption,omitempty"`
	// Kind is what else it is instead of a text: "story", "paid_media", "checklist", "rich_message".
	Kind string `json:"kind,omitempty"`

	ForwardFrom int64  `json:"forward_from,omitempty"` // the text is a forward of this user's
	ViaBot      string `json:"via_bot,omitempty"`      // written by means of the inline bot of this username, perhaps of ours
	// AsChat hides From: with the group's own id the post is an anonymous administrator's, with a channel's id
	// (see AddChannel) it is the channel's.
	AsChat      int64 `json:"as_chat,omitempty"`
	AutoForward bool  `json:"auto_forward,omitempty"` // with AsChat: the channel's post as it appears in the group linked to it
}

// Document is a file in a message.
type Document struct {
	Name string `json:"name"`
	MIME string `json:"mime"`
	Data []byte `json:"data"` // base64 in JSON

	Photo  bool `json:"photo,omitempty"` // shown as a picture, without a name
	Width  int  `json:"width,omitempty"` // of a photo, in pixels
	Height int  `json:"height,omitempty"`
}

// chat is a chat and everything in it.
type chat struct {
	id         int64
	kind       string
	title      string
	forum      bool
	members    map[int64]string // status in the API's words, also of those who left
	order      []int64          // members in the order they came
	rights     Rights           // the bot's
	messages   []*message
	byID       map[int]*message
	lastID     int // of supergroups; the others share Server.lastShared
	topics     map[int]*topic
	topicOrder []int
	migratedTo int64
	noReaction bool
	adminsOnly bool // ordinary members may not write
	textOnly   bool // ordinary members may send no files
}

// inside reports whether a member's status means being in the chat.
func inside(status string) bool { return status != "" && status != "left" && status != "kicked" }

func (c *chat) group() bool { return c.kind == "group" || c.kind == "supergroup" }

// Rename gives a person, the bot or a group another name. Nobody is told: whoever asks or hears of them next reads it.
func (s *Server) Rename(id int64, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if u := s.users[id]; u != nil {
		u.FirstName = name
	} else if c := s.chats[id]; c != nil {
		c.title = name
	}
}

// AddUser adds a person. The private chat with the bot begins when the person writes there first.
func (s *Server) AddUser(u User) User {
	s.mu.Lock()
	defer s.mu.Unlock()
	if u.ID == 0 {
		s.lastUser++
		u.ID = s.lastUser
	}
	s.lastUser = max(s.lastUser, u.ID)
	if u.FirstName == "" {
		u.FirstName = "User " + strconv.FormatInt(u.ID, 10)
	}
	if s.users[u.ID] == nil {
		s.userOrder = append(s.userOrder, u.ID)
	}
	s.users[u.ID] = &u
	return u
}

// Begin begins a person's private chat with the bot, as one does who has written there long ago.
func (s *Server) Begin(user int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, err := s.chatToSpeak(user, user)
	return err
}

// AddGroup makes a basic group. The first member owns it. The bot is in it, as an ordinary member, if its id is among the
// members; it gets no update of that. Ids nobody has are people it makes up.
func (s *Server) AddGroup(title string, members ...int64) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addChat("group", title, false, members)
}

// AddSupergroup makes a supergroup, otherwise as AddGroup.
func (s *Server) AddSupergroup(title string, members ...int64) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addChat("supergroup", title, false, members)
}

// AddForum makes a supergroup with topics, otherwise as AddGroup.
func (s *Server) AddForum(title string, members ...int64) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addChat("supergroup", title, true, members)
}

// AddChannel makes a channel whose only use is to speak in groups: see Post.AsChat.
func (s *Server) AddChannel(title string) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addChat("channel", title, false, nil)
}

func (s *Server) addChat(kind, title string, forum bool, members []int64) int64 {
	c := &chat{kind: kind, title: title, forum: forum}
	if kind == "group" {
		s.lastGroup--
		c.id = s.lastGroup
	} else {
		s.lastSuper--
		c.id = s.lastSuper
		c.lastID = 1 // message 1 says that the chat was made; no bot sees it, and no topic gets its id, which is General's
	}
	s.putChat(c)
	for i, id := range members {
		if s.users[id] == nil {
			s.users[id] = &User{ID: id, FirstName: "User " + strconv.FormatInt(id, 10)}
			s.userOrder = append(s.userOrder, id)
		}
		status := "member"
		if i == 0 && id != s.bot.ID {
			status = "creator"
		}
		c.join(id, status)
	}
	return c.id
}

func (s *Server) putChat(c *chat) {
	c.members = map[int64]string{}
	c.byID = map[int]*message{}
	c.topics = map[int]*topic{}
	s.chats[c.id] = c
	s.chatOrder = append(s.chatOrder, c.id)
}

func (c *chat) join(user int64, status string) {
	if !slices.Contains(c.order, user) {
		c.order = append(c.order, user)
	}
	c.members[user] = status
}

// Chats returns all chats in the order they came to be.
func (s *Server) Chats() []ChatInfo {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []ChatInfo
	for _, id := range s.chatOrder {
		c := s.chats[id]
		info := ChatInfo{ID: c.id, Type: c.kind, Title: c.title, Forum: c.forum, BotRights: c.rights, MigratedTo: c.migratedTo}
		if c.kind == "private" {
			info.Title = s.users[id].FirstName
		}
		for _, member := range c.order {
			if inside(c.members[member]) {
				info.Members = append(info.Members, member)
			}
		}
		for _, t := range c.topicOrder {
			info.Topics = append(info.Topics, c.topics[t].Topic)
		}
		all = append(all, info)
	}
	return all
}

// Users returns all users, the bot first.
func (s *Server) Users() []User {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []User
	for _, id := range s.userOrder {
		all = append(all, *s.users[id])
	}
	return all
}

// group finds a group that is still one.
func (s *Server) group(id int64) (*chat, error) {
	c := s.chats[id]
	switch {
	case c == nil:
		return nil, fmt.Errorf("chat %d: there is none", id)
	case !c.group():
		return nil, fmt.Errorf("chat %d is a %s", id, c.kind)
	case c.migratedTo != 0:
		return nil, fmt.Errorf("chat %d has become %d", id, c.migratedTo)
	}
	return c, nil
}

// groupFor finds a group and checks that a person is in it.
func (s *Server) groupFor(id, user int64) (*chat, error) {
	c, err := s.group(id)
	if err == nil && !inside(c.members[user]) {
		err = fmt.Errorf("chat %d: user %d is not in it", id, user)
	}
	return c, err
}

// AddBot adds the bot to a group as an ordinary member: the my_chat_member update and the service message.
func (s *Server) AddBot(chat, by int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.groupFor(chat, by)
	if err != nil {
		return err
	}
	if inside(c.members[s.bot.ID]) {
		return fmt.Errorf("chat %d: the bot is already in it", chat)
	}
	before := s.wireMember(c, s.bot.ID)
	c.join(s.bot.ID, "member")
	c.rights = Rights{}
	s.memberUpdate(c, by, s.bot.ID, before)
	s.sayService(c, by, 0, "new_chat_members", wireService{NewChatMembers: []wireUser{s.bot.wire()}})
	return nil
}

// RemoveBot removes the bot from a group. Writing there is then 403 "bot was kicked".
func (s *Server) RemoveBot(chat, by int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.groupFor(chat, by)
	if err != nil {
		return err
	}
	return s.changeBot(c, by, "kicked", Rights{})
}

// SetBotRights promotes, demotes, mutes or unmutes the bot in a group, as the owner would: a my_chat_member update.
func (s *Server) SetBotRights(chat int64, r Rights) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.group(chat)
	if err != nil {
		return err
	}
	status := "member"
	switch {
	case r.Admin:
		status = "administrator"
	case r.Muted:
		status = "restricted"
	}
	by := s.bot.ID // a group without people
	for _, id := range c.order {
		if c.members[id] == "creator" {
			by = id
		}
	}
	return s.changeBot(c, by, status, r)
}

func (s *Server) changeBot(c *chat, by int64, status string, r Rights) error {
	if !inside(c.members[s.bot.ID]) {
		return fmt.Errorf("chat %d: the bot is not in it", c.id)
	}
	before := s.wireMember(c, s.bot.ID)
	c.members[s.bot.ID] = status
	c.rights = r
	s.memberUpdate(c, by, s.bot.ID, before)
	return nil
}

// SetAdmin makes a member of a group an administrator, or an ordinary member again.
func (s *Server) SetAdmin(chat, user int64, admin bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.groupFor(chat, user)
	if err != nil {
		return err
	}
	if user == s.bot.ID || c.members[user] == "creator" {
		return fmt.Errorf("chat %d: user %d is the bot or the owner", chat, user)
	}
	before := s.wireMember(c, user)
	c.members[user] = "member"
	if admin {
		c.members[user] = "administrator"
	}
	s.memberUpdate(c, c.order[0], user, before)
	return nil
}

// AddMember adds a person to a group, with the service message.
func (s *Server) AddMember(chat, user int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.group(chat)
	if err != nil {
		return err
	}
	u := s.users[user]
	if u == nil || user == s.bot.ID {
		return fmt.Errorf("user %d: there is none, or it is the bot", user)
	}
	before := s.wireMember(c, user)
	c.join(user, "member")
	s.memberUpdate(c, user, user, before)
	s.sayService(c, user, 0, "new_chat_members", wireService{NewChatMembers: []wireUser{u.wire()}})
	return nil
}

// RemoveMember takes a person out of a group, with the service message.
func (s *Server) RemoveMember(chat, user int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.groupFor(chat, user)
	if err != nil {
		return err
	}
	if user == s.bot.ID {
		return errors.New("the bot is removed by RemoveBot")
	}
	before := s.wireMember(c, user)
	c.members[user] = "left"
	s.memberUpdate(c, user, user, before)
	left := s.wireUser(user)
	s.sayService(c, user, 0, "left_chat_member", wireService{LeftChatMember: &left})
	return nil
}

// Block is the person blocking the bot: a my_chat_member update, and writing there is then 403.
func (s *Server) Block(user int64) error { return s.setBlocked(user, "kicked") }

// Unblock lets the bot write to the person again: a my_chat_member update.
func (s *Server) Unblock(user int64) error { return s.setBlocked(user, "member") }

func (s *Server) setBlocked(user int64, status string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.chats[user]
	if c == nil {
		return fmt.Errorf("user %d never wrote to the bot", user)
	}
	before := s.wireMember(c, s.bot.ID)
	c.members[s.bot.ID] = status
	s.memberUpdate(c, user, s.bot.ID, before)
	return nil
}

// ForbidReactions with true makes reactions in the chat fail with REACTION_INVALID.
func (s *Server) ForbidReactions(chat int64, forbid bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.chats[chat]
	if c == nil {
		return fmt.Errorf("chat %d: there is none", chat)
	}
	c.noReaction = forbid
	return nil
}

// OnlyAdminsSendFiles with true takes the right to send photos and documents from a group's ordinary members, including the bot.
func (s *Server) OnlyAdminsSendFiles(chat int64, only bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.group(chat)
	if err != nil {
		return err
	}
	c.textOnly = only
	return nil
}

// OnlyAdminsWrite with true takes the right to write from a group's ordinary members, including the bot.
func (s *Server) OnlyAdminsWrite(chat int64, only bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.group(chat)
	if err != nil {
		return err
	}
	c.adminsOnly = only
	return nil
}

// chatToSpeak finds the chat a person speaks in; the private chat begins with the first word in it.
func (s *Server) chatToSpeak(id, from int64) (*chat, error) {
	u := s.users[from]
	if u == nil {
		return nil, fmt.Errorf("user %d: there is none", from)
	}
	if from == s.bot.ID {
		return nil, errors.New("the bot speaks through its API only")
	}
	if id != from {
		c, err := s.groupFor(id, from)
		if err == nil && c.adminsOnly && !c.isAdmin(from) {
			err = fmt.Errorf("chat %d: user %d may not write there", id, from)
		}
		return c, err
	}
	c := s.chats[id]
	if c == nil {
		if u.IsBot {
			return nil, errors.New("bots cannot write to bots")
		}
		c = &chat{id: id, kind: "private"}
		s.putChat(c)
		c.join(id, "member")
		c.join(s.bot.ID, "member")
	}
	if c.members[s.bot.ID] == "kicked" {
		return nil, fmt.Errorf("user %d has blocked the bot", id)
	}
	return c, nil
}

// Say puts a person's message into a chat and returns its id. The bot gets an update if group privacy lets it hear.
func (s *Server) Say(p Post) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.chatToSpeak(p.Chat, p.From)
	if err != nil {
		return 0, fmt.Errorf("say: %w", err)
	}
	m := &message{sender: p.From, forwardFrom: p.ForwardFrom, viaBot: p.ViaBot, autoForward: p.AutoForward, kind: p.Kind}
	m.Topic, m.ReplyTo, m.Quote, m.Document, m.From = p.Topic, p.ReplyTo, p.Quote, p.Document, p.From
	if p.AsChat != 0 {
		speaker := s.chats[p.AsChat]
		switch {
		case speaker == nil:
			return 0, fmt.Errorf("say: as chat %d: there is none", p.AsChat)
		case p.AsChat == p.Chat:
			m.sender = anonymousAdmin
		case p.AutoForward:
			m.sender = telegramService
		default:
			m.sender = channelBot
		}
		m.senderChat = p.AsChat
	}
	limit := 4096
	text := p.Text
	if p.Document != nil {
		limit, text = 1024, p.Caption
		m.fileID = s.storeFile(p.Document).id
	}
	for _, e := range p.Entities {
		if e.Offset < 0 || e.Length < 0 || e.Offset+e.Length > utf16Len(text) {
			return 0, fmt.Errorf("say: an entity at %d of %d UTF-16 units is outside of the text", e.Offset, e.Length)
		}
	}
	m.Text, m.Entities = cleanText(text, slices.Clone(p.Entities))
	m.Entities = sortEntities(append(botCommands(m.Text), m.Entities...))
	if blank(m.Text) && p.Document == nil && p.Kind == "" {
		return 0, errors.New("say: no text")
	}
	if n := utf16Len(m.Text); n > limit {
		return 0, fmt.Errorf("say: %d UTF-16 units are more than %d", n, limit)
	}
	if p.ReplyTo != 0 {
		answered := c.byID[p.ReplyTo]
		if answered == nil || answered.Deleted {
			return 0, fmt.Errorf("say: message %d: there is none to reply to", p.ReplyTo)
		}
		if p.Topic == 0 {
			m.Topic = answered.Topic
		}
		if m.Topic != answered.Topic {
			m.ReplyTo, m.external = 0, answered
		}
	}
	if p.Quote != nil {
		if answered := c.byID[p.ReplyTo]; answered == nil || !p.Quote.in(answered.Text) {
			return 0, fmt.Errorf("say: message %d does not hold the quoted words there", p.ReplyTo)
		}
	}
	if m.Topic != 0 {
		t := c.topics[m.Topic]
		if t == nil {
			return 0, fmt.Errorf("say: topic %d: there is none", m.Topic)
		}
		if status := c.members[p.From]; t.Closed && status != "creator" && status != "administrator" {
			return 0, fmt.Errorf("say: topic %d is closed", m.Topic)
		}
	}
	s.put(c, m, Said)
	if s.hears(c, m) {
		s.update("message", s.wireMessage(c, m, false))
	}
	return m.ID, nil
}

// in reports whether the quoted words stand in a text where the quote says.
func (q *Quote) in(text string) bool {
	units, words := utf16.Encode([]rune(text)), utf16.Encode([]rune(q.Text))
	return len(words) > 0 && q.At >= 0 && q.At+len(words) <= len(units) && slices.Equal(units[q.At:q.At+len(words)], words)
}

// sayService puts a service message into a chat. The bot hears it unless it is not there, or caused it; of its own it hears of pins and icons.
func (s *Server) sayService(c *chat, by int64, topic int, kind string, body wireService) *message {
	m := &message{sender: by, service: body}
	m.Topic, m.From, m.FromBot, m.Service = topic, by, by == s.bot.ID, kind
	s.put(c, m, Said)
	if (by != s.bot.ID || body.Pinned != nil || body.TopicEdited != nil && body.TopicEdited.Icon != nil) && inside(c.members[s.bot.ID]) {
		s.update("message", s.wireMessage(c, m, false))
	}
	return m
}

// hears applies group privacy: it reports whether the bot is told of a person's message.
func (s *Server) hears(c *chat, m *message) bool {
	status := c.members[s.bot.ID]
	if !inside(status) {
		return false
	}
	if u := s.users[m.sender]; u != nil && u.IsBot {
		return false
	}
	if c.kind == "private" || s.noPrivacy || status == "administrator" {
		return true
	}
	if a := c.byID[m.ReplyTo]; a != nil && a.FromBot && m.ReplyTo != m.Topic {
		return true
	}
	return m.viaBot == s.bot.Username || s.addressed(m)
}

// addressed reports whether a text begins with a command that may be meant for the bot. Nothing says that one in the caption of a file is passed on: a bot
// must not count on it.
func (s *Server) addressed(m *message) bool {
	if m.Document != nil {
		return false
	}
	i := slices.IndexFunc(m.Entities, func(e Entity) bool { return e.Type == "bot_command" && e.Offset == 0 })
	if i < 0 {
		return false
	}
	_, name, named := strings.Cut(m.Text[:m.Entities[i].Length], "@") // commands are ASCII: units are bytes
	return !named || strings.EqualFold(name, s.bot.Username)
}

// Edit changes the text (or caption) of a person's own message.
func (s *Server) Edit(from, chat int64, message int, text string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, m, err := s.findMessage(chat, message)
	if err != nil {
		return fmt.Errorf("edit: %w", err)
	}
	if m.From != from || m.Service != "" {
		return fmt.Errorf("edit: message %d is not of user %d", message, from)
	}
	clean, _ := cleanText(text, nil)
	if blank(clean) && m.Document == nil {
		return errors.New("edit: no text")
	}
	entities := botCommands(clean)
	if clean == m.Text {
		entities = m.Entities
	}
	s.revise(c, m, clean, entities, m.Buttons, from)
	if s.hears(c, m) {
		s.update("edited_message", s.wireMessage(c, m, false))
	}
	return nil
}

func (s *Server) findMessage(chat int64, id int) (*chat, *message, error) {
	c := s.chats[chat]
	if c == nil {
		return nil, nil, fmt.Errorf("chat %d: there is none", chat)
	}
	m := c.byID[id]
	if m == nil || m.Deleted {
		return c, nil, fmt.Errorf("chat %d: there is no message %d", chat, id)
	}
	return c, m, nil
}

// Delete removes a message. The bot is not told.
func (s *Server) Delete(chat int64, message int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, m, err := s.findMessage(chat, message)
	if err != nil {
		return fmt.Errorf("delete: %w", err)
	}
	s.remove(c, m, m.From)
	return nil
}

// React sets the person's reactions to a message, none removes them.
func (s *Server) React(from, chat int64, message int, emoji ...string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, m, err := s.findMessage(chat, message)
	if err == nil && !inside(c.members[from]) {
		err = fmt.Errorf("user %d is not in chat %d", from, chat)
	}
	if err != nil {
		return fmt.Errorf("react: %w", err)
	}
	before := m.reactionsOf(from)
	s.setReactions(c, m, from, emoji)
	if c.kind == "private" || c.members[s.bot.ID] == "administrator" {
		type reaction map[string]string
		list := func(emoji []string) []reaction {
			all := []reaction{}
			for _, e := range emoji {
				all = append(all, reaction{"type": "emoji", "emoji": e})
			}
			return all
		}
		s.update("message_reaction", map[string]any{
			"chat": s.wireChat(c), "message_id": m.ID, "user": s.wireUser(from), "date": s.now().Unix(),
			"old_reaction": list(before), "new_reaction": list(emoji),
		})
	}
	return nil
}

// Query is a pressed button.
type Query struct {
	ID string // callback_query_id

	server   *Server
	chat     *chat
	message  *message
	answered chan struct{} // closed with the answer in place
	answer   Answer
}

// Answer is what the bot answered to a pressed button.
type Answer struct {
	Text  string `json:"text"`
	Alert bool   `json:"alert"`
}

// Press presses a button under a message, also under one that is gone: a client may still show it. Data is not compared
// with the buttons there, because clients may send any.
func (s *Server) Press(from, chat int64, message int, data string) (*Query, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.chats[chat]
	if c == nil || !inside(c.members[from]) {
		return nil, fmt.Errorf("press: user %d is not in chat %d", from, chat)
	}
	m := c.byID[message]
	if m == nil || !m.FromBot {
		return nil, fmt.Errorf("press: message %d of chat %d is not the bot's", message, chat)
	}
	s.lastQuery++
	q := &Query{
		ID:     strconv.FormatInt(from<<20+s.lastQuery, 10),
		server: s, chat: c, message: m, answered: make(chan struct{}),
	}
	s.queries[q.ID] = q
	s.event(Event{Kind: Pressed, By: from, Message: m.Message, Data: data})
	body := map[string]any{
		"id": q.ID, "from": s.wireUser(from), "data": data,
		"chat_instance": strconv.FormatInt(chat^0x5bd1e995, 10),
		"message":       s.wireMessage(c, m, false),
	}
	if m.Deleted || m.old {
		body["message"] = map[string]any{"chat": s.wireChat(c), "message_id": m.ID, "date": 0}
	}
	s.update("callback_query", body)
	return q, nil
}

// Age makes a message so old that Telegram no longer finds it for the bot: the press of a button under it comes with an inaccessible
// message (https://core.telegram.org/bots/api#inaccessiblemessage), and it can be neither edited nor reacted to.
func (s *Server) Age(chat int64, message int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, m, err := s.findMessage(chat, message)
	if err != nil {
		return fmt.Errorf("age: %w", err)
	}
	m.old = true
	return nil
}

// Wait waits for the bot's answer. It fails when ctx ends or the server is closed first.
func (q *Query) Wait(ctx context.Context) (Answer, error) {
	select {
	case <-q.answered:
		return q.answer, nil
	case <-ctx.Done():
		return Answer{}, fmt.Errorf("wait for the answer to a button: %w", ctx.Err())
	case <-q.server.closed:
		return Answer{}, errClosed
	}
}

// Migrate makes a supergroup of a basic group and returns the new id. The bot is told that it was added to the supergroup, then both
// service messages are sent (https://github.com/tdlib/telegram-bot-api/issues/266); writing to the old id is then 400 with
// parameters.migrate_to_chat_id.
func (s *Server) Migrate(chat int64) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.group(chat)
	if err != nil {
		return 0, fmt.Errorf("migrate: %w", err)
	}
	if c.kind != "group" || len(c.order) == 0 {
		return 0, fmt.Errorf("migrate: chat %d is a supergroup or empty", chat)
	}
	id := s.addChat("supergroup", c.title, false, nil)
	n := s.chats[id]
	n.lastID = 0 // the message that says so is the first
	before := s.wireMember(n, s.bot.ID)
	for _, member := range c.order {
		n.join(member, c.members[member])
	}
	n.rights = c.rights
	owner := c.order[0]
	if inside(n.members[s.bot.ID]) {
		s.memberUpdate(n, owner, s.bot.ID, before)
	}
	s.sayService(c, owner, 0, "migrate_to_chat_id", wireService{MigrateTo: id})
	c.migratedTo = id
	s.sayService(n, owner, 0, "migrate_from_chat_id", wireService{MigrateFrom: chat})
	return id, nil
}
