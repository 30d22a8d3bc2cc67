package telegram

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// topic is a forum topic and who made it.
type topic struct {
	Topic
	by        int64
	iconColor int
	icon      string // the id of Icon
}

// iconColors are the colours a topic may have; the first is the default.
var iconColors = []int{0x6FB9F0, 0xFFD67E, 0xCB86DB, 0x8EEE98, 0xFF93B2, 0xFB6F5F}

const longestTopicName = 128

// topicIcons are some of the icons that Telegram offers for topics, by their ids.
var topicIcons = func() map[string]string {
	icons := map[string]string{}
	for i, emoji := range strings.Fields("📰 💡 ⚡️ 🎙 🔝 🗣 🆒 ❗️ 📝 📆 📁 🔎 📣 🔥 ❤️ ❓ 📈 📉 💎 💰 ⁉️ 💻 📱 🚗 🏠 🎉 ‼️ 🏆 🏁 💬 ✅ ☕️ 💼 🤖") {
		icons[strconv.FormatInt(5312000000000000001+int64(i), 10)] = emoji
	}
	return icons
}()

func (s *Server) getForumTopicIconStickers(*request) (any, error) {
	type sticker struct {
		ID    string `json:"file_id"`
		Type  string `json:"type"`
		Emoji string `json:"emoji"`
		Icon  string `json:"custom_emoji_id"`
	}
	all := []sticker{}
	for _, id := range slices.Sorted(maps.Keys(topicIcons)) {
		all = append(all, sticker{"S" + id, "custom_emoji", topicIcons[id], id})
	}
	return all, nil
}

// icon returns the icon that a request names. Whatever is no number is none, as on the real server.
func (r *request) icon() (string, error) {
	id := r.str("icon_custom_emoji_id")
	if n, err := strconv.ParseInt(id, 10, 64); err != nil || n == 0 {
		return "", nil
	}
	if topicIcons[id] == "" {
		return "", bad("DOCUMENT_INVALID")
	}
	return id, nil
}

// topicName returns a name as Telegram keeps it: on one line, and cut when it is too long.
func topicName(name string) string {
	name = strings.TrimSpace(strings.ReplaceAll(name, "\n", " "))
	if utf8.RuneCountInString(name) > longestTopicName {
		name = strings.TrimSpace(string([]rune(name)[:longestTopicName]))
	}
	return name
}

// managesTopics reports whether the bot may change all topics.
func (s *Server) managesTopics(c *chat) bool {
	return c.members[s.bot.ID] == "administrator" && c.rights.ManageTopics
}

func (s *Server) makeTopic(c *chat, by int64, name string, color int) *topic {
	created := wireService{TopicCreated: &wireTopic{Name: name, IconColor: color}}
	m := &message{sender: by, service: created}
	m.From, m.FromBot, m.Service = by, by == s.bot.ID, "forum_topic_created"
	s.put(c, m, Said)
	t := &topic{Topic: Topic{ID: m.ID, Name: name}, by: by, iconColor: color}
	c.topics[t.ID] = t
	c.topicOrder = append(c.topicOrder, t.ID)
	if by != s.bot.ID && inside(c.members[s.bot.ID]) {
		s.update("message", s.wireMessage(c, m, false))
	}
	return t
}

func (s *Server) renameTopic(c *chat, by int64, t *topic, name string) {
	t.Name = name
	s.sayService(c, by, t.ID, "forum_topic_edited", wireService{TopicEdited: &wireTopic{Name: name}})
}

func (s *Server) setTopicClosed(c *chat, by int64, t *topic, closed bool) {
	t.Closed = closed
	if closed {
		s.sayService(c, by, t.ID, "forum_topic_closed", wireService{TopicClosed: &struct{}{}})
	} else {
		s.sayService(c, by, t.ID, "forum_topic_reopened", wireService{TopicReopened: &struct{}{}})
	}
}

// dropTopic deletes a topic. It searches for its messages: the one operation whose cost grows with the chat.
func (s *Server) dropTopic(c *chat, by int64, t *topic) {
	delete(c.topics, t.ID)
	c.topicOrder = slices.DeleteFunc(c.topicOrder, func(id int) bool { return id == t.ID })
	for _, m := range c.messages {
		if m.Topic == t.ID && !m.Deleted {
			s.remove(c, m, by)
		}
	}
}

// forum finds a forum the bot is in.
func (s *Server) forum(req *request) (*chat, error) {
	c, err := s.chatToRead(req)
	if err == nil && !c.forum {
		return nil, bad("the chat is not a forum")
	}
	return c, err
}

// topicToChange finds a topic the bot may change: every one as a manager of topics, else those it made.
func (s *Server) topicToChange(req *request) (*chat, *topic, error) {
	c, err := s.forum(req)
	if err != nil {
		return nil, nil, err
	}
	t := c.topics[req.int("message_thread_id")]
	if t == nil {
		return nil, nil, bad("TOPIC_ID_INVALID")
	}
	if !s.managesTopics(c) && t.by != s.bot.ID {
		return nil, nil, bad("not enough rights to manage the topic")
	}
	return c, t, nil
}

func (s *Server) createForumTopic(req *request) (any, error) {
	c, err := s.forum(req)
	if err != nil {
		return nil, err
	}
	if !s.managesTopics(c) {
		return nil, bad("not enough rights to create a topic")
	}
	name := topicName(req.str("name"))
	if name == "" {
		return nil, bad("topic name must be non-empty")
	}
	color := iconColors[0]
	if req.has("icon_color") {
		if color = req.int("icon_color"); !slices.Contains(iconColors, color) {
			return nil, bad("TOPIC_ICON_COLOR_INVALID")
		}
	}
	icon, err := req.icon()
	if err != nil {
		return nil, err
	}
	if err := s.count(c); err != nil {
		return nil, err
	}
	t := s.makeTopic(c, s.bot.ID, name, color)
	t.icon, t.Icon = icon, topicIcons[icon]
	return struct {
		ID        int    `json:"message_thread_id"`
		Name      string `json:"name"`
		IconColor int    `json:"icon_color"`
		Icon      string `json:"icon_custom_emoji_id,omitempty"`
	}{t.ID, t.Name, t.iconColor, t.icon}, nil
}

func (s *Server) editForumTopic(req *request) (any, error) {
	c, t, err := s.topicToChange(req)
	if err != nil {
		return nil, err
	}
	icon, err := req.icon()
	if err != nil {
		return nil, err
	}
	name := topicName(req.str("name"))
	newName, newIcon := name != "" && name != t.Name, req.has("icon_custom_emoji_id") && icon != t.icon // what is absent stays
	if !newName && !newIcon {
		return nil, bad("TOPIC_NOT_MODIFIED")
	}
	if newIcon {
		if err := s.count(c); err != nil {
			return nil, err
		}
		t.icon, t.Icon = icon, topicIcons[icon]
	}
	edited := &wireTopic{}
	if newName {
		t.Name, edited.Name = name, name
	}
	if newIcon {
		edited.Icon = &icon
	}
	s.sayService(c, s.bot.ID, t.ID, "forum_topic_edited", wireService{TopicEdited: edited})
	return true, nil
}

func (s *Server) closeForumTopic(req *request) (any, error) { return s.setForumTopicClosed(req, true) }

func (s *Server) reopenForumTopic(req *request) (any, error) {
	return s.setForumTopicClosed(req, false)
}

func (s *Server) setForumTopicClosed(req *request, closed bool) (any, error) {
	c, t, err := s.topicToChange(req)
	if err != nil {
		return nil, err
	}
	if t.Closed == closed {
		return nil, bad("TOPIC_NOT_MODIFIED")
	}
	s.setTopicClosed(c, s.bot.ID, t, closed)
	return true, nil
}

func (s *Server) deleteForumTopic(req *request) (any, error) {
	c, t, err := s.topicToChange(req)
	if err != nil {
		return nil, err
	}
	if !c.rights.DeleteMessages {
		return nil, bad("not enough rights to delete the topic")
	}
	s.dropTopic(c, s.bot.ID, t)
	return true, nil
}

// topicByHand finds a topic a person may change: an administrator every one, others those they made.
func (s *Server) topicByHand(from, chatID int64, id int) (*chat, *topic, error) {
	c, err := s.groupFor(chatID, from)
	if err != nil {
		return nil, nil, err
	}
	t := c.topics[id]
	if t == nil {
		return nil, nil, fmt.Errorf("chat %d: there is no topic %d", chatID, id)
	}
	if !c.isAdmin(from) && t.by != from {
		return nil, nil, fmt.Errorf("chat %d: user %d may not change topic %d", chatID, from, id)
	}
	return c, t, nil
}

// AddTopic makes a topic by hand and returns its id.
func (s *Server) AddTopic(from, chat int64, name string) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.groupFor(chat, from)
	if err != nil {
		return 0, fmt.Errorf("add topic: %w", err)
	}
	if !c.forum {
		return 0, fmt.Errorf("add topic: chat %d is no forum", chat)
	}
	if name = topicName(name); name == "" {
		return 0, errors.New("add topic: no name")
	}
	return s.makeTopic(c, from, name, iconColors[0]).ID, nil
}

// RenameTopic renames a topic by hand.
func (s *Server) RenameTopic(from, chat int64, topic int, name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, t, err := s.topicByHand(from, chat, topic)
	if err != nil {
		return fmt.Errorf("rename topic: %w", err)
	}
	if name = topicName(name); name == "" {
		return errors.New("rename topic: no name")
	}
	s.renameTopic(c, from, t, name)
	return nil
}

// CloseTopic closes a topic by hand: the bot can then write there only as an administrator who may manage topics.
func (s *Server) CloseTopic(from, chat int64, topic int) error {
	return s.closeByHand(from, chat, topic, true)
}

// ReopenTopic opens a closed topic by hand.
func (s *Server) ReopenTopic(from, chat int64, topic int) error {
	return s.closeByHand(from, chat, topic, false)
}

func (s *Server) closeByHand(from, chat int64, topic int, closed bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, t, err := s.topicByHand(from, chat, topic)
	if err != nil {
		return fmt.Errorf("close or reopen topic: %w", err)
	}
	s.setTopicClosed(c, from, t, closed)
	return nil
}

// DeleteTopic deletes a topic and its messages by hand. The bot is not told.
func (s *Server) DeleteTopic(from, chat int64, topic int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, t, err := s.topicByHand(from, chat, topic)
	if err != nil {
		return fmt.Errorf("delete topic: %w", err)
	}
	s.dropTopic(c, from, t)
	return nil
}
