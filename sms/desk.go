package sms

// Where the team sits: its chats in Telegram, and who is in them.
type (
	ChatID        int64 // a private chat's is its user's AgentID
	TopicID       int64 // 0 is no topic, or General
	ChatMessageID int64
	AgentID       int64
)

// Place is where posts go: a chat, or one topic of it.
type Place struct {
	Chat  ChatID  `json:"chat"`
	Topic TopicID `json:"topic,omitempty"`
}
