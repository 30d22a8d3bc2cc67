package telegram

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	tgbotapi "github.com/go-telegram-bot-api/telegram-bot-api/v5"

	"peyk/sms"
)

// User is somebody on Telegram.
type User struct {
	ID       sms.AgentID
	Name     string // as others see it
	UserName string
	Bot      bool
}

// Link is an address behind the words of a text from byte From up to byte To.
type Link struct {
	From, To int
	Address  string
}

// Message is what we need of a chat message.
type Message struct {
	Chat    sms.ChatID
	ID      sms.ChatMessageID
	Topic   sms.TopicID // 0 outside topics and in General
	Private bool
	Title   string // of a group
	From    User
	Text    string
	// Command is the command that the text, or a file's caption, begins with, in lower case and without its slash; Args is the rest of the
	// text. Commands for another bot and commands in forwarded text do not count.
	Command     string
	Args        string
	ForOtherBot bool // it begins with a command for another bot
	NamesUs     bool // the command names this bot

	Data      string      // what the first button under a message of ours carries
	Blocks    []Block     // in a message of ours: the customers' words, in order
	QuoteAt   int         // where the words quoted from ReplyTo begin in its text, in UTF-16 units; -1 without a quote
	ReplyTo   *Message    // the message replied to; not the first message of the topic, to which every message in a topic is a reply
	Elsewhere *Message    // a message of ours in another chat or topic that it replies to
	Inline    bool        // chosen among what we offered the writer, see Inline
	Forwarded bool        // somebody else's words: forwarded, or from an inline bot
	Anonymous bool        // written in the name of a group or a channel
	Media     bool        // something other than text
	File      *Attachment // a file, or nil
	Links     []Link      // the addresses behind words of Text
	Garbled   bool        // it contained invalid characters, which became U+FFFD
	MigrateTo sms.ChatID

	Forum        bool   // the chat has topics
	TopicChanged string // closed, reopened or renamed when the message says that; else empty
	TopicTitle   string // after renaming
	Pinned       bool   // the message says that one was pinned
	IconChanged  bool   // likewise, that a topic has another icon
}

// Block is a block quote in a text, in UTF-16 units.
type Block struct{ From, To int }

// Update is one item of getUpdates. At most one of its pointers is set, none when it is of a kind we do not use.
type Update struct {
	ID      int64
	Dated   int64 // Unix time; 0 when not known
	Message *Message
	Edited  *Message
	Press   *Press
	Inline  *Inline
	Member  *Member
	React   *Reaction
	Refused string // why it could not be read
}

// Press is the press of a button.
type Press struct {
	ID      string
	From    User
	Data    string
	Message *Message // the message with the button; nil when Telegram does not even say in which chat it is
	Gone    bool     // only the place of Message is known: it is too old, or deleted
}

// Inline is what somebody types behind the bot's name, in whatever chat.
type Inline struct {
	ID    string
	From  User
	Words string
}

// Reaction is that somebody reacts to a message, or takes reactions back. Nobody is told which message, and whose, it is.
type Reaction struct {
	Chat    sms.ChatID
	Message sms.ChatMessageID
	From    User // with id 0 if in the name of a group or a channel
	Date    int64
	Added   []string // emoji, without U+FE0F
	Removed []string
}

// Member is a change of our own membership in a chat.
type Member struct {
	Chat    sms.ChatID
	Private bool
	Title   string
	By      User
	Date    int64
	In      bool // we may write there
	WasIn   bool
}

func toUser(u *tgbotapi.User) User {
	if u == nil {
		return User{}
	}
	name := strings.TrimSpace(u.FirstName + " " + u.LastName)
	return User{ID: sms.AgentID(u.ID), Name: name, UserName: u.UserName, Bot: u.IsBot}
}

// wireMessage adds to the library's message what the Bot API has gained since.
type wireMessage struct {
	tgbotapi.Message
	Chat *struct {
		tgbotapi.Chat
		Forum bool `json:"is_forum"`
	} `json:"chat"`
	Closed   *struct{} `json:"forum_topic_closed"`
	Reopened *struct{} `json:"forum_topic_reopened"`
	Pinned   *struct{} `json:"pinned_message"`
	Renamed  *struct {
		Title string  `json:"name"`
		Icon  *string `json:"icon_custom_emoji_id"`
	} `json:"forum_topic_edited"`
	ReplyTo  *wireMessage `json:"reply_to_message"`
	External *struct {
		Chat struct {
			ID int64 `json:"id"`
		} `json:"chat"`
		MessageID int64 `json:"message_id"`
		Origin    struct {
			Sender tgbotapi.User `json:"sender_user"`
		} `json:"origin"`
	} `json:"external_reply"`
	Story         json.RawMessage `json:"story"`
	PaidMedia     json.RawMessage `json:"paid_media"`
	Checklist     json.RawMessage `json:"checklist"`
	Rich          json.RawMessage `json:"rich_message"`
	Thread        int64           `json:"message_thread_id"`
	InTopic       bool            `json:"is_topic_message"`
	ForwardOrigin json.RawMessage `json:"forward_origin"`
	Quote         *struct {
		Position int `json:"position"`
	} `json:"quote"`
}

type wireUpdate struct {
	ID      int64        `json:"update_id"`
	Message *wireMessage `json:"message"`
	Edited  *wireMessage `json:"edited_message"`
	Press   *struct {
		ID      string         `json:"id"`
		From    *tgbotapi.User `json:"from"`
		Data    string         `json:"data"`
		Message *wireMessage   `json:"message"`
	} `json:"callback_query"`
	Inline *struct {
		ID    string         `json:"id"`
		From  *tgbotapi.User `json:"from"`
		Words string         `json:"query"`
	} `json:"inline_query"`
	Member *tgbotapi.ChatMemberUpdated `json:"my_chat_member"`
	React  *struct {
		Chat struct {
			ID int64 `json:"id"`
		} `json:"chat"`
		Message int64          `json:"message_id"`
		User    *tgbotapi.User `json:"user"`
		Date    int64          `json:"date"`
		Old     []wireReaction `json:"old_reaction"`
		New     []wireReaction `json:"new_reaction"`
	} `json:"message_reaction"`
}

type wireReaction struct {
	Emoji string `json:"emoji"` // empty if it is none that everybody has
}

// emojiIn returns the emoji of one list that are not in another.
func emojiIn(list, other []wireReaction) (emoji []string) {
	for _, r := range list {
		if r.Emoji != "" && !slices.ContainsFunc(other, func(o wireReaction) bool { return bare(o.Emoji) == bare(r.Emoji) }) {
			emoji = append(emoji, bare(r.Emoji))
		}
	}
	return emoji
}

// bare returns an emoji without U+FE0F, as in ❤️, which is ❤ elsewhere.
func bare(emoji string) string { return strings.ReplaceAll(emoji, "\ufe0f", "") }

// Updates waits for updates with ids from offset on, and confirms those before it.
func (t *Client) Updates(ctx context.Context, offset int64, wait time.Duration) ([]json.RawMessage, error) {
	ctx, cancel := context.WithTimeout(ctx, wait+15*time.Second)
	defer cancel()
	result, err := t.ask(ctx, "getUpdates", map[string]any{
		"offset": offset, "timeout": int64(wait / time.Second), "limit": int64(100),
		// The server remembers the last list it was given, even across our restarts, so it is always sent.
		"allowed_updates": []string{"message", "edited_message", "callback_query", "inline_query", "my_chat_member", "message_reaction"},
	}, nil)
	if err != nil {
		return nil, err
	}
	var updates []json.RawMessage
	if err := json.Unmarshal(result, &updates); err != nil {
		return nil, &Error{method: "getUpdates", Reason: "unreadable answer"}
	}
	return updates, nil
}

// ReadUpdate decodes an update that Updates returned to the bot self. It never fails: Refused says why an update cannot be read.
func ReadUpdate(raw json.RawMessage, self User) Update {
	var w wireUpdate
	if err := json.Unmarshal(raw, &w); err != nil {
		var id struct {
			ID int64 `json:"update_id"`
		}
		_ = json.Unmarshal(raw, &id) // 0 when even that is unreadable: the caller cannot confirm it
		return Update{ID: id.ID, Refused: "unexpected shape"}
	}
	u := Update{ID: w.ID, Message: toMessage(w.Message, self), Edited: toMessage(w.Edited, self)}
	if u.Message != nil {
		u.Message.Garbled = garbled(raw)
	}
	if p := w.Press; p != nil && p.From != nil {
		u.Press = &Press{ID: p.ID, From: toUser(p.From), Data: p.Data, Message: toMessage(p.Message, self)}
		// https://core.telegram.org/bots/api#inaccessiblemessage
		u.Press.Gone = p.Message != nil && p.Message.Date == 0 && p.Message.From == nil
	}
	if q := w.Inline; q != nil && q.From != nil {
		u.Inline = &Inline{ID: q.ID, From: toUser(q.From), Words: q.Words}
	}
	if m := w.Member; m != nil {
		u.Member = &Member{
			Chat: sms.ChatID(m.Chat.ID), Private: m.Chat.IsPrivate(), Title: m.Chat.Title, By: toUser(&m.From), Date: int64(m.Date),
			In: isMember(m.NewChatMember), WasIn: isMember(m.OldChatMember),
		}
		u.Dated = int64(m.Date)
	}
	if r := w.React; r != nil {
		u.React = &Reaction{
			Chat: sms.ChatID(r.Chat.ID), Message: sms.ChatMessageID(r.Message), From: toUser(r.User), Date: r.Date,
			Added: emojiIn(r.New, r.Old), Removed: emojiIn(r.Old, r.New),
		}
		u.Dated = r.Date
	}
	if w.Message != nil {
		u.Dated = int64(w.Message.Date)
	}
	return u
}

// garbled reports whether JSON contains invalid characters, which the decoder turns into U+FFFD: bytes that are not UTF-8, or half of a
// surrogate pair.
func garbled(raw []byte) bool {
	for i := bytes.IndexByte(raw, '\\'); i >= 0 && i < len(raw); i++ {
		if raw[i] != '\\' {
			continue
		}
		i++ // the escaped character, which may itself be a backslash
		if r := escaped(raw[i-1:]); utf16.IsSurrogate(r) {
			if utf16.DecodeRune(r, escaped(raw[min(i+5, len(raw)):])) == utf8.RuneError {
				return true
			}
			i += 10
		}
	}
	return !utf8.Valid(raw)
}

// escaped returns the UTF-16 unit of the \uXXXX that raw begins with, or -1.
func escaped(raw []byte) rune {
	if len(raw) < 6 || raw[0] != '\\' || raw[1] != 'u' {
		return -1
	}
	unit, err := strconv.ParseUint(string(raw[2:6]), 16, 16)
	if err != nil {
		return -1
	}
	return rune(unit)
}

// Accounts shared by many people: anonymous administrators, channels that speak in groups, posts of linked channels.
const (
	anonymousAdmin = 1087968824
	channelBot     = 136817688
	linkedChannel  = 777000
)

// Anonymous reports whether id is an account shared by many people, so that nobody knows who wrote.
func SharedAccount(id sms.AgentID) bool {
	return id == anonymousAdmin || id == channelBot || id == linkedChannel
}

func toMessage(w *wireMessage, self User) *Message {
	if w == nil || w.Chat == nil {
		return nil
	}
	ours := w.ViaBot != nil && sms.AgentID(w.ViaBot.ID) == self.ID
	m := &Message{
		Chat: sms.ChatID(w.Chat.ID), ID: sms.ChatMessageID(w.MessageID), Private: w.Chat.IsPrivate(), Title: w.Chat.Title, From: toUser(w.From), Text: w.Text,
		// A channel's post that appears in its linked group was forwarded by Telegram: the channel itself speaks.
		Forwarded: (w.ForwardDate != 0 || len(w.ForwardOrigin) > 0 || w.ViaBot != nil && !ours) && !w.IsAutomaticForward,
		Inline:    ours,
		MigrateTo: sms.ChatID(w.MigrateToChatID), Forum: w.Chat.Forum,
	}
	switch {
	case w.Closed != nil:
		m.TopicChanged = "closed"
	case w.Reopened != nil:
		m.TopicChanged = "reopened"
	case w.Renamed != nil && w.Renamed.Title != "": // else only its icon was changed
		m.TopicChanged, m.TopicTitle = "renamed", w.Renamed.Title
	}
	m.Pinned, m.IconChanged = w.Pinned != nil, w.Renamed != nil && w.Renamed.Icon != nil
	m.Anonymous = w.From == nil || w.SenderChat != nil || SharedAccount(m.From.ID)
	m.Media = w.media()
	if d := w.Document; d != nil {
		m.File = &Attachment{ID: d.FileID, Name: d.FileName, Size: int64(d.FileSize)}
	}
	if w.ReplyMarkup != nil {
		for _, button := range slices.Concat(w.ReplyMarkup.InlineKeyboard...) {
			if button.CallbackData != nil && m.Data == "" {
				m.Data = *button.CallbackData
			}
		}
	}
	m.QuoteAt = -1
	if w.Quote != nil {
		m.QuoteAt = w.Quote.Position
	}
	for _, e := range w.Entities {
		switch e.Type {
		case "blockquote", "expandable_blockquote", "italic": // see InItalics
			m.addBlock(Block{e.Offset, e.Offset + e.Length})
		case "text_link":
			before, _ := CutUTF16(w.Text, e.Offset)
			upTo, _ := CutUTF16(w.Text, e.Offset+e.Length)
			m.Links = append(m.Links, Link{From: len(before), To: len(upTo), Address: e.URL})
		}
	}
	if (w.InTopic || m.TopicChanged != "") && w.Thread != 1 {
		m.Topic = sms.TopicID(w.Thread)
	}
	if w.ReplyTo != nil && !(w.InTopic && int64(w.ReplyTo.MessageID) == w.Thread) {
		m.ReplyTo = toMessage(w.ReplyTo, self)
	}
	if e := w.External; e != nil && sms.AgentID(e.Origin.Sender.ID) == self.ID {
		m.Elsewhere = &Message{Chat: sms.ChatID(e.Chat.ID), ID: sms.ChatMessageID(e.MessageID), From: self}
	}
	m.readCommand(w, self)
	return m
}

// addBlock adds a block behind the others. What follows the last without a gap belongs to it: servers split italics where an address begins.
func (m *Message) addBlock(b Block) {
	if last := len(m.Blocks) - 1; last >= 0 && m.Blocks[last].To == b.From {
		m.Blocks[last].To = b.To
		return
	}
	m.Blocks = append(m.Blocks, b)
}

// media reports whether a message is something other than text.
func (w *wireMessage) media() bool {
	return w.Text == "" && (w.Caption != "" || w.Photo != nil || w.Document != nil || w.Voice != nil || w.Audio != nil || w.Video != nil ||
		w.Sticker != nil || w.Animation != nil || w.VideoNote != nil || w.Contact != nil || w.Location != nil || w.Poll != nil || w.Dice != nil ||
		w.Story != nil || w.PaidMedia != nil || w.Checklist != nil || w.Rich != nil)
}

// readCommand reads the command that a message begins with.
func (m *Message) readCommand(w *wireMessage, self User) {
	words, entities := w.Text, w.Entities
	if words == "" {
		words, entities = w.Caption, w.CaptionEntities
	}
	command := slices.IndexFunc(entities, func(e tgbotapi.MessageEntity) bool { return e.Type == "bot_command" && e.Offset == 0 })
	if m.Forwarded || m.Inline || command < 0 {
		return
	}
	name, rest := CutUTF16(words, entities[command].Length)
	name, bot, addressed := strings.Cut(strings.TrimPrefix(name, "/"), "@")
	if addressed && !strings.EqualFold(bot, self.UserName) {
		m.ForOtherBot = true
		return
	}
	m.NamesUs = addressed
	m.Command, m.Args = strings.ToLower(name), strings.TrimSpace(rest)
}

// CutUTF16 cuts s after its first n UTF-16 units: Telegram counts in those.
func CutUTF16(s string, n int) (string, string) {
	for i, r := range s {
		if n <= 0 {
			return s[:i], s[i:]
		}
		n -= utf16.RuneLen(r)
	}
	return s, ""
}

// isMember reports whether c is in the chat.
func isMember(c tgbotapi.ChatMember) bool {
	return c.Status == "member" || c.Status == "administrator" || c.Status == "creator" || c.Status == "restricted" && c.IsMember
}
