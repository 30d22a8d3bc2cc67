package telegram

import "context"

// User is a person, or a bot.
type User struct {
	ID        int64  // given by AddUser when 0
	FirstName string // "" becomes "User" and the id
	LastName  string
	Username  string // without @
	Language  string // IETF tag, as in "fa"
	IsBot     bool   // another bot; ours never hears it
}

// ChatInfo is a chat as Chats shows it.
type ChatInfo struct {
	ID         int64
	Type       string // "private", "group", "supergroup" or "channel"
	Title      string // the person's name in a private chat
	Forum      bool
	Members    []int64 // the bot's id among them when it is in
	BotRights  Rights
	MigratedTo int64 // the supergroup a group has become, else 0
	Topics     []Topic
}

// Topic is a forum topic. General has none: its messages have Topic 0.
type Topic struct {
	ID     int // message_thread_id, the id of the service message that made it
	Name   string
	Closed bool
}

// Rights is what the bot may do in a group.
type Rights struct {
	Admin          bool // hears everything
	ManageTopics   bool // counts for an administrator only
	DeleteMessages bool // messages of others; counts for an administrator only
	Muted          bool // may not write; counts for an ordinary member only
}

// Post is what a person says.
type Post struct {
	Chat    int64 // a group's id, or the person's own for the private chat with the bot
	Topic   int   // 0 outside topics
	From    int64
	Text    string
	ReplyTo int // message in the same chat

	// Document, with Caption instead of Text.
	Document *Document
	Caption  string

	ForwardFrom int64  // the text is a forward of this user's
	ViaBot      string // written by means of the inline bot of this username
	// AsChat hides From: with the group's own id the post is an anonymous administrator's, with a channel's id
	// (see AddChannel) it is the channel's.
	AsChat      int64
	AutoForward bool // with AsChat: the channel's post as it appears in the group linked to it
}

// Document is a file in a message.
type Document struct {
	Name string
	MIME string
	Data []byte
}

// AddUser adds a person. The private chat with the bot begins when the person writes there first.
func (s *Server) AddUser(u User) User { panic("later") }

// AddGroup makes a basic group. The first member owns it. The bot is in it, as an ordinary member, if its id is among the
// members; it gets no update of that. All members must exist.
func (s *Server) AddGroup(title string, members ...int64) int64 { panic("later") }

// AddSupergroup makes a supergroup, otherwise as AddGroup.
func (s *Server) AddSupergroup(title string, members ...int64) int64 { panic("later") }

// AddForum makes a supergroup with topics, otherwise as AddGroup.
func (s *Server) AddForum(title string, members ...int64) int64 { panic("later") }

// AddChannel makes a channel whose only use is to speak in groups: see Post.AsChat.
func (s *Server) AddChannel(title string) int64 { panic("later") }

// Chats returns all chats in the order they came to be.
func (s *Server) Chats() []ChatInfo { panic("later") }

// Users returns all users, the bot first.
func (s *Server) Users() []User { panic("later") }

// AddBot adds the bot to a group as an ordinary member: the my_chat_member update and the service message.
func (s *Server) AddBot(chat, by int64) error { panic("later") }

// RemoveBot throws the bot out of a group. Writing there is then 403 "bot was kicked".
func (s *Server) RemoveBot(chat, by int64) error { panic("later") }

// SetBotRights promotes, demotes, mutes or unmutes the bot in a group, as the owner would: a my_chat_member update.
func (s *Server) SetBotRights(chat int64, r Rights) error { panic("later") }

// SetAdmin makes a member of a group an administrator, or an ordinary member again.
func (s *Server) SetAdmin(chat, user int64, admin bool) error { panic("later") }

// AddMember adds a person to a group, RemoveMember takes one out.
func (s *Server) AddMember(chat, user int64) error { panic("later") }

// RemoveMember takes a person out of a group.
func (s *Server) RemoveMember(chat, user int64) error { panic("later") }

// Block is the person blocking the bot; Unblock ends it. Both are my_chat_member updates.
func (s *Server) Block(user int64) error { panic("later") }

// Unblock lets the bot write to the person again.
func (s *Server) Unblock(user int64) error { panic("later") }

// ForbidReactions with true makes reactions in the chat fail with REACTION_INVALID.
func (s *Server) ForbidReactions(chat int64, forbid bool) error { panic("later") }

// Say puts a person's message into a chat and returns its id. The bot gets an update if group privacy lets it hear.
func (s *Server) Say(p Post) (int, error) { panic("later") }

// Edit changes the text (or caption) of a person's own message.
func (s *Server) Edit(from, chat int64, message int, text string) error { panic("later") }

// Delete removes a message. The bot is not told.
func (s *Server) Delete(chat int64, message int) error { panic("later") }

// React sets the person's reactions to a message, none removes them.
func (s *Server) React(from, chat int64, message int, emoji ...string) error { panic("later") }

// Query is a pressed button the bot has yet to answer.
type Query struct {
	ID string
}

// Answer is what the bot answered to a pressed button.
type Answer struct {
	Text  string
	Alert bool
}

// Press presses a button under a message. Data is not compared with the buttons there: clients may send any.
func (s *Server) Press(from, chat int64, message int, data string) (*Query, error) { panic("later") }

// Wait waits for the bot's answer. It fails when ctx ends or the server is closed first.
func (q *Query) Wait(ctx context.Context) (Answer, error) { panic("later") }

// Migrate makes a supergroup of a basic group and returns the new id. Both service messages are sent; writing to the old
// id is then 400 with parameters.migrate_to_chat_id.
func (s *Server) Migrate(chat int64) (int64, error) { panic("later") }

// AddTopic makes a topic by hand and returns its id.
func (s *Server) AddTopic(from, chat int64, name string) (int, error) { panic("later") }

// RenameTopic renames a topic by hand.
func (s *Server) RenameTopic(from, chat int64, topic int, name string) error { panic("later") }

// CloseTopic closes a topic by hand: the bot can then write there only as an administrator who may manage topics.
func (s *Server) CloseTopic(from, chat int64, topic int) error { panic("later") }

// ReopenTopic opens a closed topic by hand.
func (s *Server) ReopenTopic(from, chat int64, topic int) error { panic("later") }

// DeleteTopic deletes a topic and its messages by hand. The bot is not told.
func (s *Server) DeleteTopic(from, chat int64, topic int) error { panic("later") }
