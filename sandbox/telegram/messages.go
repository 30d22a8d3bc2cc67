package telegram

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// message is a Message and what only the wire needs.
type message struct {
	Message
	thread      int   // message_thread_id: the topic, or where a chain of replies began
	sender      int64 // from as the wire shows it: not From when the person speaks as a chat
	senderChat  int64
	forwardFrom int64
	viaBot      string
	autoForward bool
	kind        string   // of what is neither text nor file
	external    *message // the message of another topic that it replies to
	service     wireService
	fileID      string
	dated       time.Time // what the bot is told of Date
	edited      time.Time // likewise, of the last edit
	old         bool      // the bot is told only where it is
}

// put adds a message to a chat.
func (s *Server) put(c *chat, m *message, kind EventKind) {
	m.Chat = c.id
	m.Date, m.dated = s.peoples(), s.now()
	if c.kind == "supergroup" {
		c.lastID++
		m.ID = c.lastID
	} else {
		s.lastShared++
		m.ID = s.lastShared
	}
	if m.Service == "forum_topic_created" {
		m.Topic = m.ID
	}
	m.thread = m.Topic
	if a := c.byID[m.ReplyTo]; a != nil && m.thread == 0 && c.kind == "supergroup" {
		if m.thread = a.thread; m.thread == 0 {
			m.thread = a.ID
		}
	}
	c.messages = append(c.messages, m)
	c.byID[m.ID] = m
	s.event(Event{Kind: kind, By: m.From, Message: m.Message})
}

// revise replaces what a message says.
func (s *Server) revise(c *chat, m *message, text string, entities []Entity, buttons [][]Button, by int64) {
	m.edited = s.now()
	m.History = append(slices.Clip(m.History), Version{s.peoples(), m.Text, m.Buttons})
	m.Edits++
	m.Text, m.Entities, m.Buttons = text, entities, buttons
	s.event(Event{Kind: Edited, By: by, Message: m.Message})
}

func (s *Server) remove(c *chat, m *message, by int64) {
	m.Deleted = true
	s.event(Event{Kind: Deleted, By: by, Message: m.Message})
}

func (m *message) reactionsOf(user int64) []string {
	var all []string
	for _, r := range m.Reactions {
		if r.From == user {
			all = append(all, r.Emoji)
		}
	}
	return all
}

func (s *Server) setReactions(c *chat, m *message, user int64, emoji []string) {
	var all []Reaction // a new slice: snapshots share the old one
	for _, r := range m.Reactions {
		if r.From != user {
			all = append(all, r)
		}
	}
	for _, e := range emoji {
		all = append(all, Reaction{user, e})
	}
	m.Reactions = all
	s.event(Event{Kind: Reacted, By: user, Message: m.Message})
}

// text reads a text or caption with its markup.
func (r *request) text(name, entityName string, limit int) (string, []Entity, error) {
	text := r.str(name)
	if !utf8.ValidString(text) {
		return "", nil, bad("strings must be encoded in UTF-8")
	}
	if len(text) > 1<<15 {
		return "", nil, bad("%s is too long", name)
	}
	var entities []Entity
	switch mode := strings.ToLower(r.str("parse_mode")); mode {
	case "":
		if raw := r.str(entityName); raw != "" && raw != "null" {
			if !decode(raw, &entities) {
				return "", nil, bad("can't parse MessageEntity: expected an array")
			}
			length := utf16Len(text)
			for _, e := range entities {
				if e.Offset < 0 || e.Length < 0 || e.Offset+e.Length > length {
					return "", nil, bad("entity beginning at UTF-16 offset %d ends after the end of the text at UTF-16 offset %d", e.Offset, e.Offset+e.Length)
				}
			}
			entities = sortEntities(entities)
		}
	case "html":
		var err error
		if text, entities, err = parseHTML(text, r.tags()); err != nil {
			return "", nil, err
		}
	case "markdown", "markdownv2":
		return "", nil, bad("parse_mode %s is real, but not in the sandbox", mode)
	default:
		return "", nil, bad("unsupported parse_mode")
	}
	text, entities = cleanText(text, entities)
	if utf16Len(text) > limit {
		if name == "caption" {
			return "", nil, bad("message caption is too long")
		}
		return "", nil, bad("message is too long")
	}
	return text, entities[:min(len(entities), maxEntities)], nil
}

// maxEntities is how many entities a message keeps, in order; the rest are dropped silently
// (https://github.com/rubenlagus/TelegramBots/issues/854).
const maxEntities = 100

// noPreview reads both ways to switch link previews off.
func (r *request) noPreview() (bool, error) {
	if raw := r.str("link_preview_options"); raw != "" && raw != "null" {
		var o struct {
			IsDisabled bool `json:"is_disabled"`
		}
		if !decode(raw, &o) {
			return false, bad("object expected as link preview options")
		}
		return o.IsDisabled, nil
	}
	return r.bool("disable_web_page_preview"), nil
}

// place fills in where a new message of the bot goes: the topic, and the message it answers.
func (s *Server) place(c *chat, m *message, req *request) error {
	replyTo, lenient := req.int("reply_to_message_id"), req.bool("allow_sending_without_reply")
	if raw := req.str("reply_parameters"); raw != "" && raw != "null" {
		var p struct {
			MessageID int   `json:"message_id"`
			ChatID    int64 `json:"chat_id"`
			Lenient   bool  `json:"allow_sending_without_reply"`
		}
		if !decode(raw, &p) {
			return bad("object expected as reply parameters")
		}
		replyTo, lenient = p.MessageID, p.Lenient
	}
	m.Topic = req.int("message_thread_id")
	if m.Topic != 0 && c.topics[m.Topic] == nil {
		return bad("message thread not found")
	}
	if replyTo != 0 {
		answered := c.byID[replyTo]
		gone := answered == nil || answered.Deleted || m.Topic != 0 && answered.Topic != m.Topic
		switch {
		case !gone:
			m.ReplyTo, m.Topic = replyTo, answered.Topic
		case !lenient:
			return bad("message to be replied not found")
		}
	}
	if t := c.topics[m.Topic]; t != nil && t.Closed && !s.managesTopics(c) {
		return bad("TOPIC_CLOSED")
	}
	return nil
}

func (s *Server) sendMessage(req *request) (any, error) {
	c, err := s.chatToWrite(req, textMessages)
	if err != nil {
		return nil, err
	}
	m := &message{sender: s.bot.ID}
	m.From, m.FromBot, m.Source, m.ParseMode = s.bot.ID, true, req.str("text"), req.str("parse_mode")
	if m.Text, m.Entities, err = req.text("text", "entities", 4096); err != nil {
		return nil, err
	}
	if blank(m.Text) {
		return nil, bad("message text is empty")
	}
	if m.NoPreview, err = req.noPreview(); err != nil {
		return nil, err
	}
	return s.post(c, m, req)
}

// post is the last step of every method that sends: buttons, place, flood limits, the message itself.
func (s *Server) post(c *chat, m *message, req *request) (any, error) {
	var err error
	m.Silent = req.bool("disable_notification")
	if m.Buttons, err = req.buttons(); err != nil {
		return nil, err
	}
	if err = s.place(c, m, req); err != nil {
		return nil, err
	}
	if m.Prompt, err = s.prompt(c, m, req); err != nil {
		return nil, err
	}
	if err := s.count(c); err != nil {
		return nil, err
	}
	s.put(c, m, Posted)
	return s.wireMessage(c, m, false), nil
}

// ownMessage finds the bot's message that an edit is about.
func (s *Server) ownMessage(req *request) (*chat, *message, error) {
	c, err := s.chatToWrite(req, textMessages)
	if err != nil {
		return nil, nil, err
	}
	m := c.byID[req.int("message_id")]
	switch {
	case req.str("message_id") == "":
		return nil, nil, bad("message identifier is not specified")
	case m == nil || m.Deleted || m.old:
		return nil, nil, bad("message to edit not found")
	case !m.FromBot || m.Service != "":
		return nil, nil, bad("message can't be edited")
	}
	return c, m, nil
}

const notModified = "message is not modified: specified new message content and reply markup are exactly the same as a current content and reply markup of the message"

func (s *Server) editMessageText(req *request) (any, error) {
	c, m, err := s.ownMessage(req)
	if err != nil {
		return nil, err
	}
	if m.Document != nil {
		return nil, bad("there is no text in the message to edit")
	}
	text, entities, err := req.text("text", "entities", 4096)
	if err != nil {
		return nil, err
	}
	if blank(text) {
		return nil, bad("message text is empty")
	}
	noPreview, err := req.noPreview()
	if err != nil {
		return nil, err
	}
	buttons, err := req.buttons()
	if err != nil {
		return nil, err
	}
	if text == m.Text && slices.Equal(entities, m.Entities) && sameButtons(buttons, m.Buttons) {
		return nil, bad(notModified)
	}
	if err := s.count(c); err != nil {
		return nil, err
	}
	m.Source, m.ParseMode, m.NoPreview = req.str("text"), req.str("parse_mode"), noPreview
	s.revise(c, m, text, entities, buttons, s.bot.ID)
	return s.wireMessage(c, m, false), nil
}

func (s *Server) editMessageReplyMarkup(req *request) (any, error) {
	c, m, err := s.ownMessage(req)
	if err != nil {
		return nil, err
	}
	buttons, err := req.buttons()
	if err != nil {
		return nil, err
	}
	if sameButtons(buttons, m.Buttons) {
		return nil, bad(notModified)
	}
	if err := s.count(c); err != nil {
		return nil, err
	}
	s.revise(c, m, m.Text, m.Entities, buttons, s.bot.ID)
	return s.wireMessage(c, m, false), nil
}

// deletable is how long a message can be deleted.
const deletable = 48 * time.Hour

func (s *Server) deleteMessage(req *request) (any, error) {
	c, err := s.chatToRead(req)
	if err != nil {
		return nil, err
	}
	m := c.byID[req.int("message_id")]
	if m == nil || m.Deleted {
		return nil, bad("message to delete not found")
	}
	may := time.Since(m.Date) < deletable && (m.FromBot || c.kind == "private")
	if c.group() && c.rights.Admin && c.rights.DeleteMessages {
		may = true
	}
	if !may {
		return nil, bad("message can't be deleted for everyone")
	}
	s.remove(c, m, s.bot.ID)
	return true, nil
}

// messageToPin finds the message to pin or unpin.
func (s *Server) messageToPin(req *request) (*chat, *message, error) {
	c, err := s.chatToRead(req)
	if err != nil {
		return nil, nil, err
	}
	if c.group() && !(c.rights.Admin && c.rights.PinMessages) {
		return nil, nil, bad("not enough rights to manage pinned messages in the chat")
	}
	return c, c.byID[req.int("message_id")], nil
}

func (s *Server) pinChatMessage(req *request) (any, error) {
	c, m, err := s.messageToPin(req)
	switch {
	case err != nil:
		return nil, err
	case m == nil || m.Deleted:
		return nil, bad("message to pin not found")
	case m.Service != "":
		return nil, bad("message can't be pinned")
	case m.Pinned:
		return true, nil
	}
	if err := s.count(c); err != nil {
		return nil, err
	}
	s.setPinned(m, s.bot.ID, true)
	said := s.sayService(c, s.bot.ID, m.Topic, "pinned_message", wireService{Pinned: s.wireMessage(c, m, true)})
	said.Silent = req.bool("disable_notification")
	return true, nil
}

func (s *Server) unpinChatMessage(req *request) (any, error) {
	_, m, err := s.messageToPin(req)
	switch {
	case err != nil:
		return nil, err
	case m == nil || m.Deleted || !m.Pinned:
		return nil, bad("message to unpin not found")
	}
	s.setPinned(m, s.bot.ID, false)
	return true, nil
}

func (s *Server) setPinned(m *message, by int64, pinned bool) {
	m.Pinned = pinned
	s.event(Event{Kind: Pinned, By: by, Message: m.Message})
}

// Unpin has an administrator unpin a message. The bot is not told.
func (s *Server) Unpin(from, chat int64, message int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, m, err := s.findMessage(chat, message)
	if err == nil && !(m.Pinned && (c.isAdmin(from) || c.kind == "private")) {
		err = fmt.Errorf("it is not pinned, or user %d may not", from)
	}
	if err != nil {
		return fmt.Errorf("unpin: %w", err)
	}
	s.setPinned(m, from, false)
	return nil
}

// reactionEmoji are the emoji a bot may react with.
var reactionEmoji = strings.Fields("👍 👎 ❤ 🔥 🥰 👏 😁 🤔 🤯 😱 🤬 😢 🎉 🤩 🤮 💩 🙏 👌 🕊 🤡 🥱 🥴 😍 🐳 ❤‍🔥 🌚 🌭 💯 🤣 ⚡ 🍌 🏆 💔 🤨 😐 🍓 🍾 💋 🖕 😈 " +
	"😴 😭 🤓 👻 👨‍💻 👀 🎃 🙈 😇 😨 🤝 ✍ 🤗 🫡 🎅 🎄 ☃ 💅 🤪 🗿 🆒 💘 🙉 🦄 😘 💊 🙊 😎 👾 🤷‍♂ 🤷 🤷‍♀ 😡")

func (s *Server) setMessageReaction(req *request) (any, error) {
	c, err := s.chatToRead(req)
	if err != nil {
		return nil, err
	}
	var list []struct {
		Type  string `json:"type"`
		Emoji string `json:"emoji"`
	}
	if raw := req.str("reaction"); raw != "" && !decode(raw, &list) {
		return nil, bad("expected an Array of ReactionType")
	}
	m := c.byID[req.int("message_id")]
	if m == nil || m.Deleted || m.old {
		return nil, bad("message to react not found")
	}
	if len(list) > 1 {
		return nil, bad("REACTIONS_TOO_MANY")
	}
	var emoji []string
	for _, r := range list {
		e := strings.ReplaceAll(r.Emoji, "\ufe0f", "") // clients add the variation selector, Telegram does without
		if r.Type != "emoji" || c.noReaction || !slices.Contains(reactionEmoji, e) {
			return nil, bad("REACTION_INVALID")
		}
		emoji = append(emoji, e)
	}
	s.setReactions(c, m, s.bot.ID, emoji)
	return true, nil
}

func (s *Server) answerCallbackQuery(req *request) (any, error) {
	text := req.str("text")
	if utf8.RuneCountInString(text) > 200 {
		return nil, bad("MESSAGE_TOO_LONG")
	}
	q := s.queries[req.str("callback_query_id")]
	if q == nil {
		return nil, bad("query is too old and response timeout expired or query ID is invalid")
	}
	delete(s.queries, q.ID)
	q.answer = Answer{text, req.bool("show_alert")}
	close(q.answered)
	s.event(Event{Kind: Answered, By: s.bot.ID, Message: q.message.Message, Text: text, Alert: q.answer.Alert})
	return true, nil
}

func (s *Server) sendChatAction(req *request) (any, error) {
	if _, err := s.chatToWrite(req, textMessages); err != nil {
		return nil, err
	}
	switch req.str("action") {
	case "typing", "upload_photo", "record_video", "upload_video", "record_voice", "upload_voice", "upload_document", "choose_sticker",
		"find_location", "record_video_note", "upload_video_note":
		return true, nil
	}
	return nil, bad("wrong parameter action in request")
}
