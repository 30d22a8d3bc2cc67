package telegram

import (
	"cmp"
	"context"
	"encoding/json"
	"strings"

	tgbotapi "github.com/go-telegram-bot-api/telegram-bot-api/v5"

	"peyk/sms"
)

func (t *Client) GetMe(ctx context.Context) (self User, hearsAll bool, err error) {
	result, err := t.call(ctx, "getMe", nil)
	if err != nil {
		return User{}, false, err
	}
	var me struct {
		tgbotapi.User
		HearsAll bool `json:"can_read_all_group_messages"`
	}
	if err := json.Unmarshal(result, &me); err != nil {
		return User{}, false, &Error{method: "getMe", Reason: "unreadable answer"}
	}
	return toUser(&me.User), me.HearsAll, nil
}

// ChatInfo is what Telegram tells of a chat.
type ChatInfo struct {
	tgbotapi.Chat
	Forum bool `json:"is_forum"`
}

// Name is a group's title, or who a private chat is with.
func (c ChatInfo) Name() string {
	return cmp.Or(c.Title, strings.TrimSpace(c.FirstName+" "+c.LastName))
}

func (t *Client) GetChat(ctx context.Context, chat sms.ChatID) (ChatInfo, error) {
	result, err := t.call(ctx, "getChat", map[string]any{"chat_id": int64(chat)})
	if err != nil {
		return ChatInfo{}, err
	}
	var c ChatInfo
	if err := json.Unmarshal(result, &c); err != nil {
		return ChatInfo{}, &Error{method: "getChat", Reason: "unreadable answer"}
	}
	return c, nil
}

// Standing is what we may do in a chat.
type Standing struct {
	Title  string
	In     bool
	Write  bool
	Forum  bool
	Topics bool // manage them, and so write into closed ones
}

// Standing asks what we, who are self, may do in a chat. Only in private, where nothing else tells a block, anybody sees of it: that we
// are typing.
func (t *Client) Standing(ctx context.Context, chat sms.ChatID, self sms.AgentID) (Standing, error) {
	c, err := t.GetChat(ctx, chat)
	if err != nil {
		return Standing{}, err
	}
	s := Standing{Title: c.Name(), Forum: c.Forum}
	if c.IsPrivate() {
		s.In, s.Write = true, true
		return s, t.Typing(ctx, chat)
	}
	result, err := t.call(ctx, "getChatMember", map[string]any{"chat_id": int64(chat), "user_id": int64(self)})
	if err != nil {
		return s, err
	}
	var m struct {
		tgbotapi.ChatMember
		Topics bool `json:"can_manage_topics"`
	}
	if err := json.Unmarshal(result, &m); err != nil {
		return s, &Error{method: "getChatMember", Reason: "unreadable answer"}
	}
	s.In, s.Topics = isMember(m.ChatMember), m.Topics
	switch m.Status {
	case "member":
		s.Write = c.Permissions == nil || c.Permissions.CanSendMessages
	case "restricted":
		s.Write = m.CanSendMessages
	default:
		s.Write = s.In
	}
	return s, nil
}

// Typing asks whether we may write in a chat without writing: all that anybody sees of it is that we are typing.
func (t *Client) Typing(ctx context.Context, chat sms.ChatID) error {
	_, err := t.call(ctx, "sendChatAction", map[string]any{"chat_id": int64(chat), "action": "typing"})
	return err
}

// BasicGroup tells whether a chat is a group that may become a supergroup: those, and channels, have ids beyond.
func BasicGroup(chat sms.ChatID) bool { return chat < 0 && chat > -1_000_000_000_000 }

// Webhook returns where Telegram sends our updates instead of giving them to who asks; "" when nowhere.
func (t *Client) Webhook(ctx context.Context) (string, error) {
	result, err := t.call(ctx, "getWebhookInfo", nil)
	if err != nil {
		return "", err
	}
	var info struct {
		URL string `json:"url"`
	}
	if err := json.Unmarshal(result, &info); err != nil {
		return "", &Error{method: "getWebhookInfo", Reason: "unreadable answer"}
	}
	return info.URL, nil
}

func (t *Client) Leave(ctx context.Context, chat sms.ChatID) error {
	_, err := t.call(ctx, "leaveChat", map[string]any{"chat_id": int64(chat)})
	return err
}

// MenuEntry is a command in the menu of Telegram's clients.
type MenuEntry struct {
	Command     string `json:"command"`
	Description string `json:"description"`
}

// SetMenu sets the commands shown in a chat, or everywhere when it is 0, to those who use Telegram in a language, or in any
// when it is empty.
func (t *Client) SetMenu(ctx context.Context, chat sms.ChatID, language string, menu []MenuEntry) error {
	params := map[string]any{"commands": menu}
	if language != "" {
		params["language_code"] = language
	}
	if chat != 0 {
		params["scope"] = map[string]any{"type": "chat", "chat_id": int64(chat)}
	}
	_, err := t.call(ctx, "setMyCommands", params)
	return err
}
