package telegram

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"peyk/internal/connect"
	"peyk/sms"
)

// Fate is what an error calls for.
type Fate int

const (
	Passing       Fate = iota // repeat with growing pauses
	SlowDown                  // repeat after RetryAfter
	Revoked                   // this one answer says that the token is not valid; Telegram is known to say so by mistake
	Contested                 // another program polls with our token
	ChatLost                  // the chat does not let us post
	Migrated                  // the group is now the chat MigratedTo
	TopicLost                 // the topic is deleted
	TopicClosed               // the topic is closed, also to us
	TopicsDenied              // the forum does not let us make or change topics
	ReplyLost                 // the message to be answered is gone
	BadMarkup                 // send it as plain text
	NotModified               // it is already as it should be
	NotEditable               // the message is gone or too old: post it anew
	MarksDenied               // the chat does not allow reactions, or not this one
	PinsDenied                // the chat does not let us pin messages
	Lacking                   // this server is older than the method: do it the old way
	LackingTag                // likewise, than a tag in the text
	LackingButton             // likewise, than what a button is to do
	Refused                   // this one call will never work
)

var fates = map[Fate]string{
	Passing: "passing", SlowDown: "slow_down", Revoked: "revoked", Contested: "contested", ChatLost: "chat_lost", Migrated: "migrated",
	TopicLost: "topic_lost", TopicClosed: "topic_closed", TopicsDenied: "topics_denied", ReplyLost: "reply_lost", BadMarkup: "bad_markup",
	NotModified: "not_modified", NotEditable: "not_editable",
	MarksDenied: "marks_denied", PinsDenied: "pins_denied", Lacking: "lacking", LackingTag: "lacking_tag", LackingButton: "lacking_button", Refused: "refused",
}

// String returns the name of f as metrics have it, such as chat_lost.
func (f Fate) String() string { return fates[f] }

// FateNames returns the names of all fates.
func FateNames() []string { return slices.Collect(maps.Values(fates)) }

// Error is the error of a call, whatever the cause. It contains no token, address or text.
type Error struct {
	Fate       Fate
	method     string
	Reason     string
	Code       int
	RetryAfter time.Duration
	MigratedTo sms.ChatID
	Arrived    bool  // the call may have been carried out
	Cause      error // the error below, when Telegram itself did not answer
}

func (e *Error) Error() string { return fmt.Sprintf("telegram %s: %s", e.method, e.Reason) }

// FateOf returns what err calls for: Passing when it is not an Error.
func FateOf(err error) Fate {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Fate
	}
	return Passing
}

// refusal is an answer with which Telegram refuses a call. The library reads refusals too, but fails on parameters of an unexpected type.
type refusal struct {
	code       int
	words      string
	retryAfter time.Duration
	migratedTo sms.ChatID
}

func (r *refusal) Error() string { return r.words }

// MaxPatience is the longest that we obey a request to slow down: after that we ask again, and Telegram may repeat it. No longer one is
// known to have been meant, and a mistaken one must not silence a chat.
const MaxPatience = time.Hour

var retryWords = regexp.MustCompile(`(?i)(?:retry after |_WAIT_)(\d+)`)

// readRefusal returns the *refusal in an answer, or nil. How long to wait is in a parameter, of whatever type, or in the words.
func readRefusal(body []byte) error {
	var answer struct {
		OK         bool            `json:"ok"`
		Code       json.Number     `json:"error_code"`
		Words      string          `json:"description"`
		Parameters json.RawMessage `json:"parameters"`
	}
	if err := json.Unmarshal(body, &answer); err != nil || answer.OK {
		return nil // left to the library
	}
	var parameters map[string]json.RawMessage
	_ = json.Unmarshal(answer.Parameters, &parameters) // there may be none
	value := func(name string) string { return strings.Trim(string(parameters[name]), `" `) }
	r := &refusal{words: answer.Words}
	code, _ := strconv.ParseFloat(answer.Code.String(), 64)
	r.code = int(code)
	chat, _ := strconv.ParseInt(value("migrate_to_chat_id"), 10, 64)
	r.migratedTo = sms.ChatID(chat)
	seconds, _ := strconv.ParseFloat(value("retry_after"), 64) // 0 if not a number, +Inf if too large
	if found := retryWords.FindStringSubmatch(r.words); found != nil && !(seconds > 0) {
		seconds, _ = strconv.ParseFloat(found[1], 64)
	}
	if seconds > 0 {
		r.retryAfter = time.Duration(math.Ceil(min(seconds, MaxPatience.Seconds()))) * time.Second
	}
	return r
}

// setMark is the method that puts a mark on a message.
const setMark = "setMessageReaction"

// universalMethods are methods that every Bot API server has.
var universalMethods = []string{"getMe", "getUpdates", "sendMessage"}

// fileWords say that a chat takes texts, but no files of this kind. Where it takes nothing at all Telegram says the same of a file.
var fileWords = []string{"rights to send photo", "rights to send document", "rights to send a photo", "rights to send a document", "chat_send_photos_forbidden", "chat_send_docs_forbidden"}

// lostWords say that the chat is lost to us. Some belong to errors that come as 403 elsewhere; those in capitals come as 400.
var lostWords = []string{
	"chat not found", "user not found", "peer_id_invalid", "chat_id_invalid", "channel_invalid", "channel_private", "not enough rights", "have no rights",
	"have no write access", "no rights to send", "need administrator rights", "chat_admin_required", "chat_write_forbidden", "chat_forbidden", "chat_restricted",
	"chat_send_", "chat_guest_send_forbidden", "user_banned_in_channel", "user_restricted", "deactivated", "user_is_blocked", "was blocked", "was kicked", "is not a member",
	"not_participant", "can't initiate conversation", "user_is_bot",
}

// classify returns the error of a call, and is the one place that reads Telegram's wording, where codes and parameters do not say enough.
func classify(method string, err error) *Error {
	r, ok := errors.AsType[*refusal](err)
	if !ok {
		return unanswered(method, err)
	}
	e := &Error{method: method, Reason: r.words, Code: r.code, RetryAfter: r.retryAfter, MigratedTo: r.migratedTo}
	switch {
	case r.retryAfter > 0 || r.code == 429 || r.code == 420: // 420 as in FLOOD_WAIT_30
		e.Fate, e.RetryAfter = SlowDown, max(e.RetryAfter, time.Second)
	case r.migratedTo != 0:
		e.Fate = Migrated
	case r.code >= 500:
		e.Fate, e.Arrived = Passing, true
	case r.code == 401 || r.code == 404 && slices.Contains(universalMethods, method): // 404 also when the token is malformed
		e.Fate = Revoked
	case r.code == 409:
		e.Fate = Contested
	case r.code == 404:
		e.Fate = Lacking
	case r.says("unsupported start tag"):
		e.Fate = LackingTag
	case r.says("text buttons are unallowed"): // a button without an action that it knows
		e.Fate = LackingButton
	case method == setMark:
		e.Fate = r.fateOfMark()
	case method == "editForumTopic" && r.says("not a forum"): // with which its topics went: no rights bring them back
		e.Fate = TopicLost
	case strings.HasSuffix(method, "ForumTopic") && r.says("not enough rights", "need administrator rights", "not a forum", "chat_admin_required"):
		e.Fate = TopicsDenied
	case (method == "pinChatMessage" || method == "unpinChatMessage") && r.says("not enough rights", "chat_admin_required"):
		e.Fate = PinsDenied
	case r.code != 403 && r.says(fileWords...):
		e.Fate = Refused
	case r.code == 403 || r.says(lostWords...):
		e.Fate = ChatLost
	case r.says("message is not modified", "topic_not_modified"):
		e.Fate = NotModified
	case r.says("message to edit not found", "message can't be edited", "message_id_invalid"):
		e.Fate = NotEditable
	case r.says("topic_closed"):
		e.Fate = TopicClosed
	case r.says("thread not found", "topic_deleted", "topic_id_invalid"):
		e.Fate = TopicLost
	case r.says("message to be replied not found", "replied message not found", "reply message not found"):
		e.Fate = ReplyLost
	case r.says("can't parse entities", "entities_too_long", "entity_", "entity beginning"):
		e.Fate = BadMarkup
	default:
		e.Fate = Refused
	}
	return e
}

// unanswered returns the error of a call that Telegram itself did not answer.
func unanswered(method string, err error) *Error {
	_, unreached := errors.AsType[notConnected](err)
	gateway, ok := errors.AsType[connect.Status](err) // something in between, such as a proxy, answered in its place
	refused := ok && gateway < 500                    // and did not pass the call on
	return &Error{
		method: method, Reason: withoutURL(err).Error(), Cause: err,
		Arrived: !unreached && !refused || errors.Is(err, context.Canceled),
	}
}

// says reports whether Telegram's words contain one of words.
func (r *refusal) says(words ...string) bool {
	said := strings.ToLower(r.words)
	return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(said, w) })
}

// fateOfMark returns what a refused mark calls for.
func (r *refusal) fateOfMark() Fate {
	switch {
	case r.says("not modified", "not_modified"):
		return NotModified
	case r.says("message to react not found", "message_id_invalid", "message not found", "msg_id_invalid", "topic", "thread not found"):
		return ReplyLost
	}
	return MarksDenied // if the whole chat is lost, the message that is posted instead of the mark finds that out
}
