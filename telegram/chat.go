package telegram

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"strings"

	tgbotapi "github.com/go-telegram-bot-api/telegram-bot-api/v5"

	"peyk/sms"
)

// GetMe returns the bot, and whether it hears everything in groups because group privacy is off.
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

// ChatInfo is what Telegram says about a chat.
type ChatInfo struct {
	tgbotapi.Chat
	Forum bool `json:"is_forum"`
}

// Name returns a group's title, or the name of the person a private chat is with.
func (c ChatInfo) Name() string {
	return cmp.Or(c.Title, strings.TrimSpace(c.FirstName+" "+c.LastName))
}

// GetChat returns what Telegram says about a chat.
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

// Standing is what the bot may do in a chat.
type Standing struct {
	Title  string
	In     bool
	Write  bool
	Forum  bool
	Topics bool // manage topics, and so write into closed ones
	Admin  bool // of a group: told of reactions
}

// Standing returns what the bot, whose id is self, may do in a chat. In a private chat the other side sees the bot typing: nothing else
// shows whether they blocked it.
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
	s.In, s.Topics, s.Admin = isMember(m.ChatMember), m.Topics, m.IsAdministrator()
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

// Typing shows the bot as typing. It fails where the bot may not write, and so tells that without a message.
func (t *Client) Typing(ctx context.Context, chat sms.ChatID) error {
	_, err := t.call(ctx, "sendChatAction", map[string]any{"chat_id": int64(chat), "action": "typing"})
	return err
}

// BasicGroup reports whether a chat is a basic group, which may become a supergroup. Supergroups and channels have lower ids.
func BasicGroup(chat sms.ChatID) bool { return chat < 0 && chat > -1_000_000_000_000 }

// MessageLink returns the link to a message, for members of its chat. Only supergroups have links; of others it is empty.
func MessageLink(at sms.Place, id sms.ChatMessageID) string {
	const first = -1_000_000_000_000 // the ids of supergroups and channels begin below
	switch {
	case at.Chat >= first || id == 0:
		return ""
	case at.Topic == 0:
		return fmt.Sprintf("https://t.me/c/%d/%d", int64(first-at.Chat), id)
	}
	return fmt.Sprintf("https://t.me/c/%d/%d/%d", int64(first-at.Chat), at.Topic, id)
}

// Webhook returns the address to which Telegram sends our updates instead of letting us poll them; "" when there is none.
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

// Leave leaves a group or channel.
func (t *Client) Leave(ctx context.Context, chat sms.ChatID) error {
	_, err := t.call(ctx, "leaveChat", map[string]any{"chat_id": int64(chat)})
	return err
}

// MenuEntry is a command in the menu of Telegram's apps.
type MenuEntry struct {
	Command     string `json:"command"`
	Description string `json:"description"`
}

// SetMenu sets the commands shown in a chat, or in all chats when it is 0, to people who use Telegram in a language, or in any when it is
// empty.
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
