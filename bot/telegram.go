package bot

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	tgbotapi "github.com/go-telegram-bot-api/telegram-bot-api/v5"

	"peyk/sms"
	"peyk/smsapi"
	"peyk/store"
)

const (
	pollTime   = 50 * time.Second // as long as Telegram lets a poll wait
	callTime   = 20 * time.Second
	answerSize = 16 << 20 // 100 updates are far smaller
)

// telegram is one bot's side of the Bot API. It is the only place that knows the library.
type telegram struct {
	api    *tgbotapi.BotAPI
	client *http.Client
	clear  bool                           // the token can be read on the way
	skew   atomic.Pointer[time.Duration]  // how far Telegram's clock is ahead of ours, by its last answer; nil before one
	heard  func(time.Duration, time.Time) // is told the same, when it is not nil
	self   user                           // who we are, once meet has returned

	worked  moment   // when it last answered a call well that puts no mark
	metrics *Metrics // may be nil
}

// TelegramConfig says how to reach Telegram as which bot.
type TelegramConfig struct {
	Token string
	URL   string   // https://api.telegram.org when empty
	Proxy *url.URL // nil: none, whatever the environment says
}

func newTelegram(c TelegramConfig) *telegram {
	if c.URL == "" {
		c.URL = "https://api.telegram.org"
	}
	transport := &http.Transport{
		DialContext:         (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
		TLSHandshakeTimeout: 10 * time.Second,
		MaxIdleConns:        posters, MaxIdleConnsPerHost: posters,
		IdleConnTimeout: 90 * time.Second,
	}
	if c.Proxy != nil {
		transport.Proxy = http.ProxyURL(c.Proxy)
		// In the form of the transport's own errors about the proxy, which would be the bare words of the answer otherwise.
		transport.OnProxyConnectResponse = func(_ context.Context, _ *url.URL, _ *http.Request, answer *http.Response) error {
			if answer.StatusCode == http.StatusOK {
				return nil
			}
			return &net.OpError{Op: "proxyconnect", Net: "tcp", Err: gatewayError(answer.StatusCode)}
		}
	}
	t := &telegram{
		clear: smsapi.InClear(c.URL),
		// Debug stays off: it would print texts and tokens. The library logs nothing else in what is used here.
		api: &tgbotapi.BotAPI{Token: c.Token, Buffer: 100},
		client: &http.Client{
			Transport:     transport,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
	t.api.SetAPIEndpoint(strings.ReplaceAll(strings.TrimRight(c.URL, "/"), "%", "%%") + "/bot%s/%s")
	return t
}

// fate is what an error of Telegram's calls for.
type fate int

const (
	passing      fate = iota // repeat with growing pauses
	slowDown                 // repeat after retryAfter
	revoked                  // the token is not valid, says this one answer: see doubt
	contested                // somebody else polls with our token
	chatLost                 // the chat takes no posts of ours
	migrated                 // the group is now the chat migratedTo
	topicLost                // the topic is deleted
	topicClosed              // the topic is closed, and to us, too
	topicsDenied             // the forum lets us make or change no topics
	replyLost                // the message to be answered is gone
	badMarkup                // send it as plain text
	notModified              // it is as it should be
	notEditable              // the message is gone or too old: post it anew
	marksDenied              // the chat takes no reactions, or not this one
	refused                  // this one call will never work
)

// fates are their names, for those who count.
var fates = map[fate]string{
	passing: "passing", slowDown: "slow_down", revoked: "revoked", contested: "contested", chatLost: "chat_lost", migrated: "migrated",
	topicLost: "topic_lost", topicClosed: "topic_closed", topicsDenied: "topics_denied", replyLost: "reply_lost", badMarkup: "bad_markup", notModified: "not_modified", notEditable: "not_editable",
	marksDenied: "marks_denied", refused: "refused",
}

// telegramError is every error of a call. It holds neither token nor address nor text.
type telegramError struct {
	fate       fate
	method     string
	reason     string
	code       int
	retryAfter time.Duration
	migratedTo sms.ChatID
	arrived    bool  // it may have been carried out
	cause      error // what went wrong below, when it was not Telegram that answered
}

func (e *telegramError) Error() string { return fmt.Sprintf("telegram %s: %s", e.method, e.reason) }

// fateOf returns what err calls for: passing when it is no error of Telegram's.
func fateOf(err error) fate {
	if e, ok := errors.AsType[*telegramError](err); ok {
		return e.fate
	}
	return passing
}

// gatewayError is an answer that Telegram itself did not give, such as a proxy's HTML page.
type gatewayError int

func (e gatewayError) Error() string { return fmt.Sprintf("http status %d", int(e)) }

// unasked is an error of a call for which there was no connection to Telegram.
type unasked struct{ error }

func (e unasked) Unwrap() error { return e.error }

// doer is the library's HTTP client for one call: the library knows neither contexts nor limits, and prints addresses, which
// hold the token (https://github.com/go-telegram-bot-api/telegram-bot-api/issues/628).
type doer struct {
	ctx context.Context
	*telegram
}

func (d doer) Do(req *http.Request) (*http.Response, error) {
	connected, begun := false, time.Now()
	ctx := httptrace.WithClientTrace(d.ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { connected = true }})
	resp, err := d.client.Do(req.WithContext(ctx))
	switch {
	case err != nil && !connected:
		return nil, unasked{withoutURL(err)}
	case err != nil:
		return nil, withoutURL(err)
	}
	defer resp.Body.Close()
	if date, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		skew := time.Until(date)
		d.skew.Store(&skew)
		if d.heard != nil {
			d.heard(time.Since(begun), date)
		}
	}
	// Read to the end, or the connection is not used again.
	body, err := io.ReadAll(io.LimitReader(resp.Body, answerSize))
	if err != nil {
		return nil, withoutURL(err)
	}
	if !json.Valid(body) {
		if resp.StatusCode == http.StatusOK {
			return nil, io.ErrUnexpectedEOF
		}
		return nil, gatewayError(resp.StatusCode)
	}
	if err := readRefusal(body); err != nil {
		return nil, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp, nil
}

// refusal is Telegram saying no. The library would read it, but not one whose parameters are of another form than it knows.
type refusal struct {
	code       int
	words      string
	retryAfter time.Duration
	migratedTo sms.ChatID
}

func (r *refusal) Error() string { return r.words }

// maxPatience is how long Telegram is obeyed at most when it asks for patience: then it is asked again, and may say so again. Nobody knows of a
// longer one that was meant, and a chat must not be lost to a slip.
const maxPatience = time.Hour

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
		r.retryAfter = time.Duration(math.Ceil(min(seconds, maxPatience.Seconds()))) * time.Second
	}
	return r
}

// withoutURL takes the address out of an error of net/http.
func withoutURL(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}

// call asks Telegram once.
func (t *telegram) call(ctx context.Context, method string, params map[string]any) (json.RawMessage, error) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	return t.ask(ctx, method, params)
}

func (t *telegram) ask(ctx context.Context, method string, params map[string]any) (result json.RawMessage, err error) {
	fields := tgbotapi.Params{}
	for name, value := range params {
		switch v := value.(type) {
		case string:
			fields[name] = v
		case int64:
			fields[name] = strconv.FormatInt(v, 10)
		case bool:
			fields[name] = strconv.FormatBool(v)
		default:
			encoded, err := json.Marshal(v)
			if err != nil {
				return nil, fmt.Errorf("telegram %s: %w", method, err)
			}
			fields[name] = string(encoded)
		}
	}
	defer func(begun time.Time) { t.metrics.telegramAsked(ctx, method, begun, err) }(time.Now())
	api := *t.api // nothing in it changes
	api.Client = doer{ctx, t}
	resp, err := api.MakeRequest(method, fields)
	if err != nil {
		e := classify(method, err)
		// net/http quotes what is no HTTP, and a server may repeat what it was asked.
		_, secret, _ := strings.Cut(t.api.Token, ":")
		e.reason = strings.ReplaceAll(e.reason, cmp.Or(secret, t.api.Token), "***")
		return nil, e
	}
	if method != setMark {
		t.worked.set(time.Now())
	}
	return resp.Result, nil
}

// setMark is the method that puts a mark on a message.
const setMark = "setMessageReaction"

// everywhere are methods that no Bot API server lacks.
var everywhere = []string{"getMe", "getUpdates", "sendMessage"}

// lostWords tell that it is the chat. Some are of errors that are 403 elsewhere: those in capitals come as 400.
var lostWords = []string{
	"chat not found", "user not found", "peer_id_invalid", "chat_id_invalid", "channel_invalid", "channel_private", "not enough rights", "have no rights",
	"have no write access", "no rights to send", "need administrator rights", "chat_admin_required", "chat_write_forbidden", "chat_forbidden", "chat_restricted",
	"chat_send_", "chat_guest_send_forbidden", "user_banned_in_channel", "user_restricted", "deactivated", "user_is_blocked", "was blocked", "was kicked", "is not a member",
	"not_participant", "can't initiate conversation", "user_is_bot",
}

// classify is the one place that reads Telegram's wording, where codes and parameters do not tell enough.
func classify(method string, err error) *telegramError {
	e := &telegramError{method: method, reason: withoutURL(err).Error()}
	api, ok := errors.AsType[*refusal](err)
	if !ok {
		e.cause = err
		gateway, ok := errors.AsType[gatewayError](err)
		// 4xx of a gateway was refused on the way; after anything else nobody knows, but for a connection never made.
		_, never := errors.AsType[unasked](err)
		e.arrived = !(ok && gateway < 500) && !never
		if errors.Is(err, context.Canceled) {
			e.arrived = true
		}
		return e
	}
	e.code, e.reason, e.retryAfter, e.migratedTo = api.code, api.words, api.retryAfter, api.migratedTo
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
		e.fate, e.retryAfter = slowDown, max(e.retryAfter, time.Second)
	case api.migratedTo != 0:
		e.fate = migrated
	case api.code >= 500:
		e.fate, e.arrived = passing, true
	case api.code == 401 || api.code == 404 && slices.Contains(everywhere, method): // 404 is for a token of no form, too
		e.fate = revoked
	case api.code == 409:
		e.fate = contested
	case method == setMark && says("not modified", "not_modified"):
		e.fate = notModified
	case method == setMark && says("message to react not found", "message_id_invalid", "message not found", "msg_id_invalid", "topic", "thread not found"):
		e.fate = replyLost
	case method == setMark: // if the whole chat is lost, the message that tells instead finds that out
		e.fate = marksDenied
	case ofTopics && says("not enough rights", "need administrator rights", "not a forum", "chat_admin_required"):
		e.fate = topicsDenied
	case api.code == 403 || says(lostWords...):
		e.fate = chatLost
	case says("message is not modified", "topic_not_modified"):
		e.fate = notModified
	case says("message to edit not found", "message can't be edited", "message_id_invalid"):
		e.fate = notEditable
	case says("topic_closed"):
		e.fate = topicClosed
	case says("thread not found", "topic_deleted", "topic_id_invalid"):
		e.fate = topicLost
	case says("message to be replied not found", "replied message not found", "reply message not found"):
		e.fate = replyLost
	case says("can't parse entities", "entities_too_long", "entity_", "entity beginning"):
		e.fate = badMarkup
	default:
		e.fate = refused
	}
	return e
}

// user is somebody on Telegram.
type user struct {
	ID       sms.AgentID
	Name     string // as others see it
	UserName string
	Bot      bool
}

func (t *telegram) getMe(ctx context.Context) (self user, hearsAll bool, err error) {
	result, err := t.call(ctx, "getMe", nil)
	if err != nil {
		return user{}, false, err
	}
	var me struct {
		tgbotapi.User
		HearsAll bool `json:"can_read_all_group_messages"`
	}
	if err := json.Unmarshal(result, &me); err != nil {
		return user{}, false, &telegramError{method: "getMe", reason: "unreadable answer"}
	}
	return toUser(&me.User), me.HearsAll, nil
}

// chatInfo is what Telegram tells of a chat.
type chatInfo struct {
	tgbotapi.Chat
	Forum bool `json:"is_forum"`
}

// name is a group's title, or who a private chat is with.
func (c chatInfo) name() string {
	return cmp.Or(c.Title, strings.TrimSpace(c.FirstName+" "+c.LastName))
}

func (t *telegram) getChat(ctx context.Context, chat sms.ChatID) (chatInfo, error) {
	result, err := t.call(ctx, "getChat", map[string]any{"chat_id": int64(chat)})
	if err != nil {
		return chatInfo{}, err
	}
	var c chatInfo
	if err := json.Unmarshal(result, &c); err != nil {
		return chatInfo{}, &telegramError{method: "getChat", reason: "unreadable answer"}
	}
	return c, nil
}

// standing is what we may do in a chat.
type standing struct {
	Title  string
	In     bool
	Write  bool
	Forum  bool
	Topics bool // manage them, and so write into closed ones
}

// standing asks what we, who are self, may do in a chat. Only in private, where nothing else tells a block, anybody sees of it: that we
// are typing.
func (t *telegram) standing(ctx context.Context, chat sms.ChatID, self sms.AgentID) (standing, error) {
	c, err := t.getChat(ctx, chat)
	if err != nil {
		return standing{}, err
	}
	s := standing{Title: c.name(), Forum: c.Forum}
	if c.IsPrivate() {
		s.In, s.Write = true, true
		return s, t.typing(ctx, chat)
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
		return s, &telegramError{method: "getChatMember", reason: "unreadable answer"}
	}
	s.In, s.Topics = in(m.ChatMember), m.Topics
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

// typing asks whether we may write in a chat without writing: all that anybody sees of it is that we are typing.
func (t *telegram) typing(ctx context.Context, chat sms.ChatID) error {
	_, err := t.call(ctx, "sendChatAction", map[string]any{"chat_id": int64(chat), "action": "typing"})
	return err
}

// basicGroup tells whether a chat is a group that may become a supergroup: those, and channels, have ids beyond.
func basicGroup(chat sms.ChatID) bool { return chat < 0 && chat > -1_000_000_000_000 }

// in tells whether a member is one.
func in(c tgbotapi.ChatMember) bool {
	return c.Status == "member" || c.Status == "administrator" || c.Status == "creator" || c.Status == "restricted" && c.IsMember
}

// webhook returns where Telegram sends our updates instead of giving them to who asks; "" when nowhere.
func (t *telegram) webhook(ctx context.Context) (string, error) {
	result, err := t.call(ctx, "getWebhookInfo", nil)
	if err != nil {
		return "", err
	}
	var info struct {
		URL string `json:"url"`
	}
	if err := json.Unmarshal(result, &info); err != nil {
		return "", &telegramError{method: "getWebhookInfo", reason: "unreadable answer"}
	}
	return info.URL, nil
}

func toUser(u *tgbotapi.User) user {
	if u == nil {
		return user{}
	}
	name := strings.TrimSpace(u.FirstName + " " + u.LastName)
	return user{ID: sms.AgentID(u.ID), Name: name, UserName: u.UserName, Bot: u.IsBot}
}

// message is what we read of a chat message.
type message struct {
	Chat    sms.ChatID
	ID      sms.ChatMessageID
	Topic   sms.TopicID // 0 outside topics and in General
	Private bool
	Title   string // of a group
	From    user
	Text    string
	// Command is the command the text, or a file's caption, begins with, without its slash and in lower case; Args the text
	// behind it. A command for another bot, and one in forwarded text, is none.
	Command string
	Args    string
	Other   bool // a command, but for another bot
	Named   bool // a command that names us

	Data      string   // what the first button under a message of ours carries
	Blocks    []block  // the customers' words in a message of ours, in its order
	QuoteAt   int      // where in the text of ReplyTo the words quoted from it begin, in UTF-16 units; -1 when none are
	ReplyTo   *message // a real answer: not the topic's first message, which every message of a topic carries
	Elsewhere *message // of ours, in another chat or topic, that it answers
	Forwarded bool     // somebody else's words, by forwarding or by an inline bot
	Faceless  bool     // written as a group or a channel
	Media     bool     // not a text
	Links     []link   // the addresses behind words of Text
	Garbled   bool     // reading it made U+FFFD of what is no character
	MigrateTo sms.ChatID

	Forum        bool   // the chat has topics
	TopicChanged string // what became of the topic: closed, reopened, renamed
	TopicTitle   string // what it was renamed to
}

// block is a block of a text, from and to in UTF-16 units.
type block struct{ from, to int }

// update is one happening the bot is told of; one of its pointers is set, or none when it is of a kind we do not use.
type update struct {
	ID      int64
	Dated   int64 // when it happened, 0 when that is not told
	Message *message
	Edited  *message
	Press   *press
	Member  *member
	Refused string // why it could not be read
}

// press is a button pressed.
type press struct {
	ID      string
	From    user
	Data    string
	Message *message // nil when Telegram does not even say in which chat it stands
	Gone    bool     // of Message nothing but its place is known: it is too old, or deleted
}

// member is a change of what we are in a chat.
type member struct {
	Chat    sms.ChatID
	Private bool
	Title   string
	By      user
	Date    int64
	In      bool // we may write there
	WasIn   bool
}

// wireMessage adds to the library's message what came after it.
type wireMessage struct {
	tgbotapi.Message
	Chat *struct {
		tgbotapi.Chat
		Forum bool `json:"is_forum"`
	} `json:"chat"`
	Closed   *struct{} `json:"forum_topic_closed"`
	Reopened *struct{} `json:"forum_topic_reopened"`
	Renamed  *struct {
		Title string `json:"name"`
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
	Member *tgbotapi.ChatMemberUpdated `json:"my_chat_member"`
}

// updates waits for updates from offset on, which confirms those before it.
func (t *telegram) updates(ctx context.Context, offset int64, wait time.Duration) ([]json.RawMessage, error) {
	ctx, cancel := context.WithTimeout(ctx, wait+15*time.Second)
	defer cancel()
	result, err := t.ask(ctx, "getUpdates", map[string]any{
		"offset": offset, "timeout": int64(wait / time.Second), "limit": int64(100),
		// The server keeps the last list, also across restarts: always in full.
		"allowed_updates": []string{"message", "edited_message", "callback_query", "my_chat_member"},
	})
	if err != nil {
		return nil, err
	}
	var updates []json.RawMessage
	if err := json.Unmarshal(result, &updates); err != nil {
		return nil, &telegramError{method: "getUpdates", reason: "unreadable answer"}
	}
	return updates, nil
}

// readUpdate never fails: what cannot be read is an update that says why.
func (t *telegram) readUpdate(raw json.RawMessage) update {
	var w wireUpdate
	if err := json.Unmarshal(raw, &w); err != nil {
		var id struct {
			ID int64 `json:"update_id"`
		}
		_ = json.Unmarshal(raw, &id) // 0 when even that is unreadable: the caller cannot confirm it
		return update{ID: id.ID, Refused: "unexpected shape"}
	}
	u := update{ID: w.ID, Message: t.read(w.Message), Edited: t.read(w.Edited)}
	if u.Message != nil {
		u.Message.Garbled = garbled(raw)
	}
	if p := w.Press; p != nil && p.From != nil {
		u.Press = &press{ID: p.ID, From: toUser(p.From), Data: p.Data, Message: t.read(p.Message)}
		// https://core.telegram.org/bots/api#inaccessiblemessage
		u.Press.Gone = p.Message != nil && p.Message.Date == 0 && p.Message.From == nil
	}
	if m := w.Member; m != nil {
		u.Member = &member{
			Chat: sms.ChatID(m.Chat.ID), Private: m.Chat.IsPrivate(), Title: m.Chat.Title, By: toUser(&m.From), Date: int64(m.Date),
			In: in(m.NewChatMember), WasIn: in(m.OldChatMember),
		}
		u.Dated = int64(m.Date)
	}
	if w.Message != nil {
		u.Dated = int64(w.Message.Date)
	}
	return u
}

// garbled reports whether JSON holds what is no character, which its decoder takes for U+FFFD: bytes that are no UTF-8, or one half of a
// pair of UTF-16.
func garbled(raw []byte) bool {
	for i := bytes.IndexByte(raw, '\\'); i >= 0 && i < len(raw); i++ {
		if raw[i] != '\\' {
			continue
		}
		i++ // what follows is no backslash that begins anything
		if r := escaped(raw[i-1:]); utf16.IsSurrogate(r) {
			if utf16.DecodeRune(r, escaped(raw[min(i+5, len(raw)):])) == utf8.RuneError {
				return true
			}
			i += 10
		}
	}
	return !utf8.Valid(raw)
}

// escaped returns the UTF-16 unit that raw begins with as \uXXXX, or -1.
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

// Accounts that everybody shares: anonymous administrators, channels speaking in groups, posts of linked channels.
const (
	anonymousAdmin = 1087968824
	channelBot     = 136817688
	linkedChannel  = 777000
)

func faceless(id sms.AgentID) bool {
	return id == anonymousAdmin || id == channelBot || id == linkedChannel
}

func (t *telegram) read(w *wireMessage) *message {
	if w == nil || w.Chat == nil {
		return nil
	}
	m := &message{
		Chat: sms.ChatID(w.Chat.ID), ID: sms.ChatMessageID(w.MessageID), Private: w.Chat.IsPrivate(), Title: w.Chat.Title, From: toUser(w.From), Text: w.Text,
		// A channel's post in the group linked to it is forwarded by nobody: the channel itself speaks.
		Forwarded: (w.ForwardDate != 0 || len(w.ForwardOrigin) > 0 || w.ViaBot != nil) && !w.IsAutomaticForward,
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
	m.Faceless = w.From == nil || w.SenderChat != nil || faceless(m.From.ID)
	m.Media = w.Text == "" && (w.Caption != "" || w.Photo != nil || w.Document != nil || w.Voice != nil || w.Audio != nil || w.Video != nil ||
		w.Sticker != nil || w.Animation != nil || w.VideoNote != nil || w.Contact != nil || w.Location != nil || w.Poll != nil || w.Dice != nil ||
		w.Story != nil || w.PaidMedia != nil || w.Checklist != nil || w.Rich != nil)
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
		case "blockquote":
			m.Blocks = append(m.Blocks, block{e.Offset, e.Offset + e.Length})
		case "text_link":
			before, _ := cutUTF16(w.Text, e.Offset)
			upTo, _ := cutUTF16(w.Text, e.Offset+e.Length)
			m.Links = append(m.Links, link{len(before), len(upTo), e.URL})
		}
	}
	if (w.InTopic || m.TopicChanged != "") && w.Thread != 1 {
		m.Topic = sms.TopicID(w.Thread)
	}
	if w.ReplyTo != nil && !(w.InTopic && int64(w.ReplyTo.MessageID) == w.Thread) {
		m.ReplyTo = t.read(w.ReplyTo)
	}
	if e := w.External; e != nil && sms.AgentID(e.Origin.Sender.ID) == t.self.ID {
		m.Elsewhere = &message{Chat: sms.ChatID(e.Chat.ID), ID: sms.ChatMessageID(e.MessageID), From: t.self}
	}
	words, entities := w.Text, w.Entities
	if words == "" {
		words, entities = w.Caption, w.CaptionEntities
	}
	command := slices.IndexFunc(entities, func(e tgbotapi.MessageEntity) bool { return e.Type == "bot_command" && e.Offset == 0 })
	if !m.Forwarded && command >= 0 {
		name, rest := cutUTF16(words, entities[command].Length)
		name, bot, addressed := strings.Cut(strings.TrimPrefix(name, "/"), "@")
		if addressed && !strings.EqualFold(bot, t.self.UserName) {
			m.Other = true
		} else {
			m.Named = addressed
			m.Command, m.Args = strings.ToLower(name), strings.TrimSpace(rest)
		}
	}
	return m
}

// cutUTF16 cuts s behind its first n UTF-16 units, in which Telegram counts.
func cutUTF16(s string, n int) (string, string) {
	for i, r := range s {
		if n <= 0 {
			return s[:i], s[i:]
		}
		n -= utf16.RuneLen(r)
	}
	return s, ""
}

// outgoing is a message to be posted, or put in place of one.
type outgoing struct {
	chat    sms.ChatID
	topic   sms.TopicID
	replyTo sms.ChatMessageID
	html    string
	plain   string // what to post when Telegram refuses html
	buttons [][]store.Button
	edit    sms.ChatMessageID // the message to change; 0 posts a new one
	loud    bool              // it makes a sound: a new SMS, a question or an alarm
	strict  bool              // in this topic or not at all
}

// post posts or edits and returns the message's id. What Telegram refuses for its markup, or for a reason we do not know, goes out plain, and then
// without its buttons: an SMS is never lost to formatting.
func (t *telegram) post(ctx context.Context, o outgoing) (sms.ChatMessageID, error) {
	id, err := t.postOnce(ctx, o, o.html, "HTML")
	refusedSo := func() bool { return fateOf(err) == badMarkup || fateOf(err) == refused }
	if refusedSo() && o.plain != "" {
		id, err = t.postOnce(ctx, o, o.plain, "")
		if refusedSo() && len(o.buttons) > 0 {
			o.buttons = nil
			id, err = t.postOnce(ctx, o, o.plain, "")
		}
	}
	return id, err
}

func (t *telegram) postOnce(ctx context.Context, o outgoing, text, mode string) (sms.ChatMessageID, error) {
	params := map[string]any{
		"chat_id": int64(o.chat), "text": text,
		// A preview would have Telegram open links in an SMS, which can use up a login link.
		"link_preview_options": map[string]bool{"is_disabled": true},
	}
	if mode != "" {
		params["parse_mode"] = mode
	}
	if len(o.buttons) > 0 {
		rows := make([][]map[string]string, len(o.buttons))
		for i, row := range o.buttons {
			for _, b := range row {
				rows[i] = append(rows[i], map[string]string{"text": b.Label, "callback_data": b.Data})
			}
		}
		params["reply_markup"] = map[string]any{"inline_keyboard": rows}
	}
	method := "sendMessage"
	if o.edit != 0 {
		method = "editMessageText"
		params["message_id"] = int64(o.edit)
	} else {
		if !o.loud {
			params["disable_notification"] = true
		}
		if o.topic != 0 {
			params["message_thread_id"] = int64(o.topic)
		}
		if o.replyTo != 0 {
			params["reply_parameters"] = map[string]any{"message_id": o.replyTo, "allow_sending_without_reply": true}
		}
	}
	result, err := t.call(ctx, method, params)
	if err != nil {
		return 0, err
	}
	var posted struct {
		ID int64 `json:"message_id"`
	}
	if err := json.Unmarshal(result, &posted); err != nil || posted.ID == 0 {
		return 0, &telegramError{method: method, reason: "answer without a message id", arrived: true}
	}
	return sms.ChatMessageID(posted.ID), nil
}

// react puts one emoji on a message, instead of what we put there before; an empty one takes it away.
func (t *telegram) react(ctx context.Context, chat sms.ChatID, id sms.ChatMessageID, emoji string) error {
	reaction := []map[string]string{}
	if emoji != "" {
		reaction = append(reaction, map[string]string{"type": "emoji", "emoji": emoji})
	}
	_, err := t.call(ctx, setMark, map[string]any{"chat_id": int64(chat), "message_id": int64(id), "reaction": reaction})
	return err
}

// answerPress ends the waiting bar of a button, with a word to the presser.
func (t *telegram) answerPress(ctx context.Context, id, text string, alert bool) error {
	_, err := t.call(ctx, "answerCallbackQuery", map[string]any{"callback_query_id": id, "text": text, "show_alert": alert})
	return err
}

// makeTopic makes a topic in a forum. After an error it may be there all the same, and nobody will know of it.
func (t *telegram) makeTopic(ctx context.Context, chat sms.ChatID, title string) (sms.TopicID, error) {
	result, err := t.call(ctx, "createForumTopic", map[string]any{"chat_id": int64(chat), "name": title})
	if err != nil {
		return 0, err
	}
	var made struct {
		ID int64 `json:"message_thread_id"`
	}
	if err := json.Unmarshal(result, &made); err != nil || made.ID == 0 {
		return 0, &telegramError{method: "createForumTopic", reason: "answer without a topic's id", arrived: true}
	}
	return sms.TopicID(made.ID), nil
}

// renameTopic and reopenTopic work, too, on a topic that is so already.
func (t *telegram) renameTopic(ctx context.Context, p sms.Place, title string) error {
	return t.changeTopic(ctx, "editForumTopic", map[string]any{"chat_id": int64(p.Chat), "message_thread_id": int64(p.Topic), "name": title})
}

func (t *telegram) reopenTopic(ctx context.Context, p sms.Place) error {
	return t.changeTopic(ctx, "reopenForumTopic", map[string]any{"chat_id": int64(p.Chat), "message_thread_id": int64(p.Topic)})
}

func (t *telegram) changeTopic(ctx context.Context, method string, params map[string]any) error {
	_, err := t.call(ctx, method, params)
	if fateOf(err) == notModified {
		return nil
	}
	return err
}

func (t *telegram) leave(ctx context.Context, chat sms.ChatID) error {
	_, err := t.call(ctx, "leaveChat", map[string]any{"chat_id": int64(chat)})
	return err
}

// menuEntry is a command in the menu of Telegram's clients.
type menuEntry struct {
	Command     string `json:"command"`
	Description string `json:"description"`
}

// setMenu sets the commands shown in a chat, or everywhere when it is 0, to those who use Telegram in a language, or in any
// when it is empty.
func (t *telegram) setMenu(ctx context.Context, chat sms.ChatID, language string, menu []menuEntry) error {
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
