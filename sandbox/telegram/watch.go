package telegram

import (
	"context"
	"time"
)

// Message is a message as it stands in a chat, the bot's or a person's.
type Message struct {
	Chat      int64
	ID        int
	Topic     int // 0 outside topics
	From      int64
	FromBot   bool // ours
	Date      time.Time
	Text      string // after parsing; the caption of a document
	Source    string // as the bot sent it, markup and all; "" for people's messages
	ParseMode string
	Entities  []Entity
	ReplyTo   int // 0 when it is no reply; the topic's first message does not count as one
	Buttons   [][]Button
	Document  *Document
	Service   string // "" or the kind of service message, as in "forum_topic_created"
	NoPreview bool   // link previews are off
	Edits     int
	History   []Version // what stood there before each edit, oldest first
	Reactions []Reaction
	Deleted   bool
}

// Version is what a message was before an edit.
type Version struct {
	Until   time.Time
	Text    string
	Buttons [][]Button
}

// Entity is formatting of a part of a text. Offset and Length count UTF-16 units.
type Entity struct {
	Type          string `json:"type"`
	Offset        int    `json:"offset"`
	Length        int    `json:"length"`
	URL           string `json:"url,omitempty"`
	Language      string `json:"language,omitempty"`
	CustomEmojiID string `json:"custom_emoji_id,omitempty"`
}

// Button is one button of an inline keyboard.
type Button struct {
	Text string `json:"text"`
	Data string `json:"callback_data,omitempty"`
	URL  string `json:"url,omitempty"`
}

// Reaction is one emoji somebody put on a message.
type Reaction struct {
	From  int64
	Emoji string
}

// Messages returns the messages of a chat, oldest first, deleted and service messages too.
func (s *Server) Messages(chat int64) []Message { panic("later") }

// Message returns one message; false when there never was one of that id.
func (s *Server) Message(chat int64, id int) (Message, bool) { panic("later") }

// WaitMessage waits until a message of the chat satisfies match, and returns it as it then is. Messages already there count;
// each is shown to match again whenever it changes. Chat 0 is any chat. It fails when ctx ends or the server is closed.
func (s *Server) WaitMessage(ctx context.Context, chat int64, match func(Message) bool) (Message, error) {
	panic("later")
}

// Event is something that happened in a chat.
type Event struct {
	Seq     int64
	At      time.Time
	Kind    EventKind
	By      int64   // who did it
	Message Message // as it was just after the event
	Data    string  // of Pressed: the button's data
	Text    string  // of Answered: what the presser was shown
	Alert   bool    // of Answered
}

// EventKind says what happened.
type EventKind string

// What can happen in a chat.
const (
	Said     EventKind = "said"     // by a person; service messages too
	Posted   EventKind = "posted"   // by the bot
	Edited   EventKind = "edited"   // text or buttons
	Deleted  EventKind = "deleted"  //
	Reacted  EventKind = "reacted"  // reactions changed
	Pressed  EventKind = "pressed"  // a button
	Answered EventKind = "answered" // the bot answered a pressed button
)

// Watch returns what happens from now on, in order and without loss however slowly it is read. The channel is closed when
// ctx ends or the server is closed; until then the watch costs memory for what was not read.
func (s *Server) Watch(ctx context.Context) <-chan Event { panic("later") }

// Call is one call of the bot.
type Call struct {
	Method      string // as the bot wrote it
	Chat        int64  // 0 for methods without one
	At          time.Time
	Code        int // error_code of the answer, 200 when ok, 0 when none was given
	Description string
	Fault       FaultKind // what spoilt it, if anything
}

// Calls returns the bot's calls in the order they ended, the last 100,000 at least. It never holds the token.
func (s *Server) Calls() []Call { panic("later") }

// WaitCall waits for the next call that satisfies match to end. Calls already ended do not count.
func (s *Server) WaitCall(ctx context.Context, match func(Call) bool) (Call, error) { panic("later") }
