package telegram

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Message is a message in a chat as it is now, the bot's or a person's.
type Message struct {
	Chat      int64      `json:"chat"`
	ID        int        `json:"id"`
	Topic     int        `json:"topic,omitempty"` // 0 outside topics
	From      int64      `json:"from"`
	FromBot   bool       `json:"from_bot"` // ours
	Date      time.Time  `json:"date"`
	Text      string     `json:"text"`             // after parsing; the caption of a document or photo
	Source    string     `json:"source,omitempty"` // as the bot sent it, markup and all; "" for people's messages
	ParseMode string     `json:"parse_mode,omitempty"`
	Entities  []Entity   `json:"entities,omitempty"`
	ReplyTo   int        `json:"reply_to,omitempty"` // 0 when it is no reply; the topic's first message does not count as one
	Quote     *Quote     `json:"quote,omitempty"`    // the part of the answered message that a reply is about
	Buttons   [][]Button `json:"buttons,omitempty"`
	Prompt    *Prompt    `json:"prompt,omitempty"`
	Document  *Document  `json:"document,omitempty"`
	Service   string     `json:"service,omitempty"`    // "" or the kind of service message, as in "forum_topic_created"
	NoPreview bool       `json:"no_preview,omitempty"` // link previews are off
	Silent    bool       `json:"silent,omitempty"`     // it came without a sound
	Edits     int        `json:"edits,omitempty"`
	History   []Version  `json:"history,omitempty"` // what stood there before each edit, oldest first
	Reactions []Reaction `json:"reactions,omitempty"`
	Pinned    bool       `json:"pinned,omitempty"`
	Deleted   bool       `json:"deleted,omitempty"`
}

// Button returns the data of the button with that label, and whether there is one.
func (m Message) Button(label string) (data string, ok bool) {
	for _, row := range m.Buttons {
		for _, b := range row {
			if b.Text == label {
				return b.Data, true
			}
		}
	}
	return "", false
}

// Quote is a part of a message that a person's reply quotes. At counts UTF-16 units.
type Quote struct {
	Text string `json:"text"`
	At   int    `json:"at"`
}

// Version is what a message was before an edit.
type Version struct {
	Until   time.Time  `json:"until"`
	Text    string     `json:"text"`
	Buttons [][]Button `json:"buttons,omitempty"`
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
	Text  string   `json:"text"`
	Data  string   `json:"callback_data,omitempty"`
	URL   string   `json:"url,omitempty"`
	Copy  CopyText `json:"copy_text,omitzero"`
	Style string   `json:"style,omitempty"`
}

// CopyText is what the press of a button copies. The bot hears nothing of it.
type CopyText struct {
	Text string `json:"text"`
}

// Prompt is that a message opens the reply field.
type Prompt struct {
	For   []int64 `json:"for"`             // of whom; nil is of everybody
	Field string  `json:"field,omitempty"` // what the empty field says
}

// Reaction is one emoji somebody put on a message.
type Reaction struct {
	From  int64  `json:"from"`
	Emoji string `json:"emoji"`
}

// Event is something that happened in a chat.
type Event struct {
	Seq     int64     `json:"seq"`
	At      time.Time `json:"at"`
	Kind    EventKind `json:"kind"`
	By      int64     `json:"by"`      // who did it
	Message Message   `json:"message"` // as it was just after the event
	Data    string    `json:"data,omitempty"`
	Text    string    `json:"text,omitempty"`  // of Answered: what the presser was shown
	Alert   bool      `json:"alert,omitempty"` // of Answered
}

// EventKind says what happened.
type EventKind string

// What can happen in a chat.
const (
	Said     EventKind = "said"     // by a person; service messages too
	Posted   EventKind = "posted"   // by the bot
	Edited   EventKind = "edited"   // text or buttons
	Deleted  EventKind = "deleted"  // a message, for everybody
	Reacted  EventKind = "reacted"  // reactions changed
	Pressed  EventKind = "pressed"  // a button; Data is the button's
	Answered EventKind = "answered" // the bot answered a pressed button
	Pinned   EventKind = "pinned"   // a message, or unpinned
)

// Call is one call of the bot.
type Call struct {
	Method      string    `json:"method"` // as the bot wrote it
	Chat        int64     `json:"chat,omitempty"`
	Message     int       `json:"message,omitempty"` // the one it names, as that to be edited
	At          time.Time `json:"at"`                // when it ended
	Code        int       `json:"code"`              // error_code of the answer, 200 when ok, 0 when none was given
	Description string    `json:"description,omitempty"`
	Fault       FaultKind `json:"fault,omitempty"` // what spoilt it, if anything
}

// feed hands events to listeners, each at its own pace. Server.mu guards it.
type feed[T any] struct {
	listeners map[*listener[T]]bool
}

type listener[T any] struct {
	queue []T
	ready chan struct{} // has one element while queue may have some
}

func (f *feed[T]) listen() *listener[T] {
	if f.listeners == nil {
		f.listeners = map[*listener[T]]bool{}
	}
	l := &listener[T]{ready: make(chan struct{}, 1)}
	f.listeners[l] = true
	return l
}

func (f *feed[T]) publish(v T) {
	for l := range f.listeners {
		l.queue = append(l.queue, v)
		select {
		case l.ready <- struct{}{}:
		default:
		}
	}
}

// next waits for what a listener has not seen yet.
func next[T any](ctx context.Context, s *Server, l *listener[T]) ([]T, error) {
	for {
		s.mu.Lock()
		got := l.queue
		l.queue = nil
		s.mu.Unlock()
		if len(got) > 0 {
			return got, nil
		}
		select {
		case <-l.ready:
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-s.closed:
			return nil, errClosed
		}
	}
}

func leave[T any](s *Server, f *feed[T], l *listener[T]) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(f.listeners, l)
}

func (s *Server) event(e Event) {
	s.lastSeq++
	if len(s.eventFeed.listeners) == 0 {
		return
	}
	e.Seq, e.At = s.lastSeq, s.peoples()
	s.eventFeed.publish(e)
}

// Messages returns the messages of a chat, oldest first, deleted and service messages too.
func (s *Server) Messages(chat int64) []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.messages(chat)
}

func (s *Server) messages(chat int64) []Message {
	c := s.chats[chat]
	if c == nil {
		return nil
	}
	all := make([]Message, len(c.messages))
	for i, m := range c.messages {
		all[i] = m.Message
	}
	return all
}

// Message returns one message; false when there never was one of that id.
func (s *Server) Message(chat int64, id int) (Message, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.chats[chat]; c != nil && c.byID[id] != nil {
		return c.byID[id].Message, true
	}
	return Message{}, false
}

// WaitMessage waits until a message of the chat satisfies match, and returns it as it then is. Messages already there count;
// each is shown to match again whenever it changes. Chat 0 is any chat. It fails when ctx ends or the server is closed.
func (s *Server) WaitMessage(ctx context.Context, chat int64, match func(Message) bool) (Message, error) {
	s.mu.Lock()
	l := s.eventFeed.listen() // before looking at what is there, so that nothing is missed
	var there []Message
	if chat != 0 {
		there = s.messages(chat)
	} else {
		for _, id := range s.chatOrder {
			there = append(there, s.messages(id)...)
		}
	}
	s.mu.Unlock()
	defer leave(s, &s.eventFeed, l)
	for _, m := range there {
		if match(m) {
			return m, nil
		}
	}
	for {
		events, err := next(ctx, s, l)
		if err != nil {
			return Message{}, fmt.Errorf("wait for a message in chat %d: %w", chat, err)
		}
		for _, e := range events {
			if (chat == 0 || e.Message.Chat == chat) && match(e.Message) {
				return e.Message, nil
			}
		}
	}
}

// Watch returns what happens from now on, in order and without loss however slowly it is read. The channel is closed when
// ctx ends or the server is closed; until then the watch costs memory for what was not read.
func (s *Server) Watch(ctx context.Context) <-chan Event {
	out := make(chan Event)
	s.mu.Lock()
	l := s.eventFeed.listen()
	s.pumps.Add(1)
	s.mu.Unlock()
	go func() {
		defer s.pumps.Done()
		defer close(out)
		defer leave(s, &s.eventFeed, l)
		for {
			events, err := next(ctx, s, l)
			if err != nil {
				return
			}
			for _, e := range events {
				select {
				case out <- e:
				case <-ctx.Done():
					return
				case <-s.closed:
					return
				}
			}
		}
	}()
	return out
}

// keptCalls is how many calls Calls remembers at least.
const keptCalls = 100_000

// record writes a call into the log.
func (s *Server) record(req *request, err error, fault FaultKind) {
	call := Call{Method: req.method, Chat: req.chat, Message: req.int("message_id"), At: time.Now(), Code: 200, Fault: fault}
	if e, ok := errors.AsType[*apiError](err); ok {
		call.Code, call.Description = e.code, e.text
	} else if errors.Is(err, errGateway) {
		call.Code = 502
	} else if err != nil {
		call.Code = 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.calls) == 2*keptCalls {
		s.calls = slices.Clone(s.calls[keptCalls:])
	}
	s.calls = append(s.calls, call)
	s.callFeed.publish(call)
}

// Calls returns the bot's calls in the order they ended, the last 100,000 at least. It never holds the token.
func (s *Server) Calls() []Call { return s.CallsAfter(0) }

// CallsAfter returns all Calls but the first n.
func (s *Server) CallsAfter(n int) []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls[min(n, len(s.calls)):])
}

// WaitCall waits for the next call that satisfies match to end. Calls already ended do not count.
func (s *Server) WaitCall(ctx context.Context, match func(Call) bool) (Call, error) {
	s.mu.Lock()
	l := s.callFeed.listen()
	s.mu.Unlock()
	defer leave(s, &s.callFeed, l)
	for {
		calls, err := next(ctx, s, l)
		if err != nil {
			return Call{}, fmt.Errorf("wait for a call: %w", err)
		}
		for _, c := range calls {
			if match(c) {
				return c, nil
			}
		}
	}
}
