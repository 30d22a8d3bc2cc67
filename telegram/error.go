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

// Fate is what an error of Telegram's calls for.
type Fate int

const (
	Passing      Fate = iota // repeat with growing pauses
	SlowDown                 // repeat after retryAfter
	Revoked                  // the token is not valid, says this one answer: see doubt
	Contested                // somebody else polls with our token
	ChatLost                 // the chat takes no posts of ours
	Migrated                 // the group is now the chat migratedTo
	TopicLost                // the topic is deleted
	TopicClosed              // the topic is closed, and to us, too
	TopicsDenied             // the forum lets us make or change no topics
	ReplyLost                // the message to be answered is gone
	BadMarkup                // send it as plain text
	NotModified              // it is as it should be
	NotEditable              // the message is gone or too old: post it anew
	MarksDenied              // the chat takes no reactions, or not this one
	Refused                  // this one call will never work
)

var fates = map[Fate]string{
	Passing: "passing", SlowDown: "slow_down", Revoked: "revoked", Contested: "contested", ChatLost: "chat_lost", Migrated: "migrated",
	TopicLost: "topic_lost", TopicClosed: "topic_closed", TopicsDenied: "topics_denied", ReplyLost: "reply_lost", BadMarkup: "bad_markup", NotModified: "not_modified", NotEditable: "not_editable",
	MarksDenied: "marks_denied", Refused: "refused",
}

// String returns the name of f as it is counted, such as chat_lost.
func (f Fate) String() string { return fates[f] }

// FateNames returns the names of all fates.
func FateNames() []string { return slices.Collect(maps.Values(fates)) }

// Error is every error of a call. It holds neither token nor address nor text.
type Error struct {
	Fate       Fate
	method     string
	Reason     string
	Code       int
	RetryAfter time.Duration
	MigratedTo sms.ChatID
	Arrived    bool  // it may have been carried out
	Cause      error // what went wrong below, when it was not Telegram that answered
}

func (e *Error) Error() string { return fmt.Sprintf("telegram %s: %s", e.method, e.Reason) }

// FateOf returns what err calls for: passing when it is no error of Telegram's.
func FateOf(err error) Fate {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Fate
	}
	return Passing
}

// refusal is Telegram saying no. The library would read it, but not one whose parameters are of another form than it knows.
type refusal struct {
	code       int
	words      string
	retryAfter time.Duration
	migratedTo sms.ChatID
}

func (r *refusal) Error() string { return r.words }

// MaxPatience is how long Telegram is obeyed at most when it asks for patience: then it is asked again, and may say so again. Nobody knows of a
// longer one that was meant, and a chat must not be lost to a slip.
const MaxPatience = time.Hour

var retryWords = regexp.MustCompile(`(?i)(?:retry after |_WAIT_)(\d+)`)

// readRefusal returns the refusal that an answer is, or nil. How long to wait stands in a parameter, of whatever form, or in the words.
func readRefusal(body []byte) error {
	var answer struct {
		OK         bool            `json:"ok"`
		Code       json.Number     `json:"error_code"`
		Words      string          `json:"description"`
		Parameters json.RawMessage `json:"parameters"`
	}
	if err := json.Unmarshal(body, &answer); err != nil || answer.OK {
		return nil // the library says what it makes of it
	}
	var parameters map[string]json.RawMessage
	_ = json.Unmarshal(answer.Parameters, &parameters) // without any there is nothing to be read
	value := func(name string) string { return strings.Trim(string(parameters[name]), `" `) }
	r := &refusal{words: answer.Words}
	code, _ := strconv.ParseFloat(answer.Code.String(), 64)
	r.code = int(code)
	chat, _ := strconv.ParseInt(value("migrate_to_chat_id"), 10, 64)
	r.migratedTo = sms.ChatID(chat)
	seconds, _ := strconv.ParseFloat(value("retry_after"), 64) // 0 for what is no number, without end for one that is too large
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

// universalMethods are methods that no Bot API server lacks.
var universalMethods = []string{"getMe", "getUpdates", "sendMessage"}

// lostWords tell that it is the chat. Some are of errors that are 403 elsewhere: those in capitals come as 400.
var lostWords = []string{
	"chat not found", "user not found", "peer_id_invalid", "chat_id_invalid", "channel_invalid", "channel_private", "not enough rights", "have no rights",
	"have no write access", "no rights to send", "need administrator rights", "chat_admin_required", "chat_write_forbidden", "chat_forbidden", "chat_restricted",
	"chat_send_", "chat_guest_send_forbidden", "user_banned_in_channel", "user_restricted", "deactivated", "user_is_blocked", "was blocked", "was kicked", "is not a member",
	"not_participant", "can't initiate conversation", "user_is_bot",
}

// classify is the one place that reads Telegram's wording, where codes and parameters do not tell enough.
func classify(method string, err error) *Error {
	e := &Error{method: method, Reason: withoutURL(err).Error()}
	api, ok := errors.AsType[*refusal](err)
	if !ok {
		e.Cause = err
		gateway, ok := errors.AsType[connect.Status](err) // something on the way, such as a proxy, answered in its place
		// 4xx of a gateway was refused on the way; after anything else nobody knows, but for a connection never made.
		_, never := errors.AsType[notConnected](err)
		e.Arrived = !(ok && gateway < 500) && !never
		if errors.Is(err, context.Canceled) {
			e.Arrived = true
		}
		return e
	}
	e.Code, e.Reason, e.RetryAfter, e.MigratedTo = api.code, api.words, api.retryAfter, api.migratedTo
	says := func(words ...string) bool {
		for _, w := range words {
			if strings.Contains(strings.ToLower(api.words), w) {
				return true
			}
		}
		return false
	}
	ofTopics := strings.HasSuffix(method, "ForumTopic")
	switch {
	case api.retryAfter > 0 || api.code == 429 || api.code == 420: // 420 as in FLOOD_WAIT_30
		e.Fate, e.RetryAfter = SlowDown, max(e.RetryAfter, time.Second)
	case api.migratedTo != 0:
		e.Fate = Migrated
	case api.code >= 500:
		e.Fate, e.Arrived = Passing, true
	case api.code == 401 || api.code == 404 && slices.Contains(universalMethods, method): // 404 is for a token of no form, too
		e.Fate = Revoked
	case api.code == 409:
		e.Fate = Contested
	case method == setMark && says("not modified", "not_modified"):
		e.Fate = NotModified
	case method == setMark && says("message to react not found", "message_id_invalid", "message not found", "msg_id_invalid", "topic", "thread not found"):
		e.Fate = ReplyLost
	case method == setMark: // if the whole chat is lost, the message that tells instead finds that out
		e.Fate = MarksDenied
	case ofTopics && says("not enough rights", "need administrator rights", "not a forum", "chat_admin_required"):
		e.Fate = TopicsDenied
	case api.code == 403 || says(lostWords...):
		e.Fate = ChatLost
	case says("message is not modified", "topic_not_modified"):
		e.Fate = NotModified
	case says("message to edit not found", "message can't be edited", "message_id_invalid"):
		e.Fate = NotEditable
	case says("topic_closed"):
		e.Fate = TopicClosed
	case says("thread not found", "topic_deleted", "topic_id_invalid"):
		e.Fate = TopicLost
	case says("message to be replied not found", "replied message not found", "reply message not found"):
		e.Fate = ReplyLost
	case says("can't parse entities", "entities_too_long", "entity_", "entity beginning"):
		e.Fate = BadMarkup
	default:
		e.Fate = Refused
	}
	return e
}
