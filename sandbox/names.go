package sandbox

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"

	"peyk/sandbox/panel"
	"peyk/sandbox/telegram"
)

// byName makes Telegram's controls, which take only JSON and ids, easy to type: form fields as well as JSON; people, chats and topics by
// name; messages by "last"; buttons by their label. What it does not know it passes on unchanged.
//
//	from, user, forward_from, members   a first name (in English, too), @username or id; members are separated by commas
//	chat, as_chat                       a title or id; "private" is from's own chat with the bot; to speak, none means Support
//	topic                               a name or id
//	reply                               a message to reply to: an id, or "last", the bot's last there
//	quote                               the words of that message which the reply quotes
//	message                             an id, or "last": the bot's last, for edit and delete from's own last
//	button                              the label of the button to press, or what it sends
//	emoji, delay                        one emoji; a duration such as 2s
//
// The bot's last is waited for while it may still come, so that lines can be pasted one after the other.
type byName struct {
	tg    *telegram.Server
	world world
	next  http.Handler
	// running reports whether there is a bot that may write, showing whether it may still show what a customer wrote just now.
	running, showing func() bool
}

// lastPatience is how long the bot's last message is waited for.
const lastPatience = 10 * time.Second

// words are the fields whose values stay text even if they look like something else in JSON.
var words = map[string]bool{
	"text": true, "caption": true, "name": true, "title": true, "kind": true, "do": true, "data": true, "method": true, "description": true,
	"first_name": true, "last_name": true, "username": true, "language": true, "via_bot": true, "button": true,
	"quote": true,
}

func (h *byName) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodGet:
		query := r.URL.Query()
		if err := h.query(query); err != nil {
			panel.Refuse(w, err.Error())
			return
		}
		r = r.Clone(r.Context())
		r.URL.RawQuery = query.Encode()
	case http.MethodPost:
		fields, err := readFields(w, r)
		if err == nil {
			err = h.fields(r.Context(), r.URL.Path, fields)
		}
		if err != nil {
			panel.Refuse(w, err.Error())
			return
		}
		body, err := json.Marshal(fields)
		if err != nil {
			panel.Refuse(w, err.Error())
			return
		}
		r = r.Clone(r.Context())
		r.Header.Set("Content-Type", "application/json")
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	}
	h.next.ServeHTTP(w, r)
}

// maxFields is enough for a document in base64.
const maxFields = 100 << 20

// readFields reads a JSON object, or form fields as one. curl labels JSON as a form too, so the body decides, not its Content-Type.
func readFields(w http.ResponseWriter, r *http.Request) (map[string]any, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxFields))
	if err != nil {
		return nil, fmt.Errorf("read the fields: %w", err)
	}
	fields := map[string]any{}
	if b := bytes.TrimSpace(body); len(b) > 0 && b[0] == '{' {
		d := json.NewDecoder(bytes.NewReader(b))
		d.UseNumber() // ids need all their digits
		if err := d.Decode(&fields); err != nil {
			return nil, fmt.Errorf("read the JSON object: %w", err)
		}
		return fields, nil
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, fmt.Errorf("read the form: %w", err)
	}
	for name := range form {
		value := form.Get(name)
		fields[name] = value
		if !words[name] && json.Valid([]byte(value)) {
			fields[name] = json.RawMessage(value)
		}
	}
	return fields, nil
}

// query replaces names in a GET's query.
func (h *byName) query(q url.Values) error {
	if name := q.Get("user"); name != "" {
		id, err := h.user(name)
		if err != nil {
			return err
		}
		q.Set("user", strconv.FormatInt(id, 10))
	}
	if name := q.Get("chat"); name != "" {
		chat, err := h.chat(name, 0)
		if err != nil {
			return err
		}
		q.Set("chat", strconv.FormatInt(chat.ID, 10))
	}
	return nil
}

// fields replaces names in a POST's fields.
func (h *byName) fields(ctx context.Context, path string, f map[string]any) error {
	for _, name := range []string{"from", "user", "forward_from"} {
		if value := text(f[name]); value != "" {
			id, err := h.user(value)
			if err != nil {
				return err
			}
			f[name] = id
		}
	}
	from, _ := f["from"].(int64)
	if value, ok := f["members"].(string); ok {
		var ids []int64
		for name := range strings.SplitSeq(value, ",") {
			id, err := h.user(strings.TrimSpace(name))
			if err != nil {
				return err
			}
			ids = append(ids, id)
		}
		f["members"] = ids
	}

	switch path {
	case "/say", "/press", "/react", "/edit", "/delete":
		if from == 0 {
			return errors.New("from is needed: -d from=Ali")
		}
		if _, named := f["chat"]; !named {
			f["chat"] = "Support"
		}
	}
	var chat telegram.ChatInfo
	for _, name := range []string{"as_chat", "chat"} {
		if value := text(f[name]); value != "" {
			var err error
			if chat, err = h.chat(value, from); err != nil {
				return err
			}
			f[name] = chat.ID
		}
	}

	topicID := 0
	if value := text(f["topic"]); value != "" {
		var err error
		if topicID, err = topic(chat, value); err != nil {
			return err
		}
		f["topic"] = topicID
	}
	theBots := func(m telegram.Message) bool { return m.FromBot && (topicID == 0 || m.Topic == topicID) }
	if value := text(f["reply"]); value != "" {
		m, err := h.message(ctx, chat.ID, value, theBots, func(found bool) bool { return !found || h.showing() })
		if err != nil {
			return err
		}
		delete(f, "reply")
		f["reply_to"], f["topic"] = m.ID, m.Topic
		if words, ok := f["quote"].(string); ok {
			before, _, found := strings.Cut(m.Text, words)
			if !found {
				return fmt.Errorf("message %d does not say %q", m.ID, words)
			}
			f["quote"] = telegram.Quote{Text: words, At: len(utf16.Encode([]rune(before)))}
		}
	}
	button, press := f["button"].(string)
	if _, named := f["message"]; press && !named {
		f["message"] = "last"
	}
	if value := text(f["message"]); value != "" {
		fits, comes := theBots, func(bool) bool { return false }
		switch {
		case path == "/edit", path == "/delete":
			fits = func(m telegram.Message) bool { return m.From == from }
		case press:
			fits = func(m telegram.Message) bool { _, has := data(m, button); return theBots(m) && has }
			comes = func(found bool) bool { return !found }
		}
		m, err := h.message(ctx, chat.ID, value, fits, comes)
		if err != nil {
			return err
		}
		f["message"] = m.ID
		if press {
			delete(f, "button")
			f["data"], _ = data(m, button)
		}
	}

	if emoji, ok := f["emoji"].(string); ok {
		f["emoji"] = []string{emoji}
	}
	if delay, ok := f["delay"].(string); ok {
		d, err := time.ParseDuration(delay)
		if err != nil {
			return errors.New("delay is a duration such as 2s")
		}
		f["delay"] = d
	}
	return nil
}

// text returns a field's value as it was typed, whatever it is in JSON.
func text(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case json.RawMessage:
		return string(v)
	}
	return fmt.Sprint(v)
}

// user finds a person, or the bot, by first name or @username. An id is passed on.
func (h *byName) user(name string) (int64, error) {
	if id, err := strconv.ParseInt(name, 10, 64); err == nil {
		return id, nil
	}
	if id := h.world.id(name); id > 0 {
		return id, nil
	}
	var known []string
	for _, u := range h.tg.Users() {
		if strings.EqualFold(u.FirstName, name) || strings.EqualFold("@"+u.Username, name) {
			return u.ID, nil
		}
		known = append(known, u.FirstName)
	}
	return 0, fmt.Errorf("nobody is called %q; there are %s", name, strings.Join(known, ", "))
}

// chat finds a chat by title or id, or a person's own, which exists from the first message there. An unknown id is passed on.
func (h *byName) chat(name string, from int64) (telegram.ChatInfo, error) {
	if name == "private" && from != 0 {
		return telegram.ChatInfo{ID: from}, nil
	}
	if id := h.world.id(name); id < 0 {
		name = strconv.FormatInt(id, 10)
	}
	var known []string
	for _, chat := range h.tg.Chats() {
		group := chat.Type != "private"
		if strconv.FormatInt(chat.ID, 10) == name || group && chat.MigratedTo == 0 && strings.EqualFold(chat.Title, name) {
			return chat, nil
		}
		if group {
			known = append(known, chat.Title)
		}
	}
	if id, err := h.user(name); err == nil { // Ali's own chat is called Ali
		return telegram.ChatInfo{ID: id}, nil
	}
	return telegram.ChatInfo{}, fmt.Errorf("no chat is called %q; there are %s, and private", name, strings.Join(known, ", "))
}

// topic finds a topic by name or id.
func topic(chat telegram.ChatInfo, name string) (int, error) {
	known := []string{}
	for _, t := range chat.Topics {
		if strings.EqualFold(t.Name, name) {
			return t.ID, nil
		}
		known = append(known, t.Name)
	}
	// Names first: a customer's topic is called by a number.
	if id, err := strconv.Atoi(name); err == nil {
		return id, nil
	}
	return 0, fmt.Errorf("%s has no topic called %q; there are %q", chat.Title, name, known)
}

// message finds a message by id, or the last that fits. For a later one it waits while the bot runs and comes, told whether one was found, says that it comes.
func (h *byName) message(ctx context.Context, chat int64, name string, fits func(telegram.Message) bool, comes func(found bool) bool) (telegram.Message, error) {
	if name != "last" {
		id, err := strconv.Atoi(name)
		if err != nil {
			return telegram.Message{}, fmt.Errorf("%q is neither a message's id nor last", name)
		}
		if m, ok := h.tg.Message(chat, id); ok {
			return m, nil
		}
		return telegram.Message{}, fmt.Errorf("there is no message %d", id)
	}
	ctx, cancel := context.WithTimeout(ctx, lastPatience)
	defer cancel()
	events := h.tg.Watch(ctx)
	for {
		m, found := h.last(chat, fits)
		if h.running() && comes(found) {
			if _, more := <-events; more {
				continue
			}
		}
		if !found {
			return telegram.Message{}, errors.New("there is no such message yet")
		}
		return m, nil
	}
}

func (h *byName) last(chat int64, fits func(telegram.Message) bool) (telegram.Message, bool) {
	messages := h.tg.Messages(chat)
	for i := len(messages) - 1; i >= 0; i-- {
		if m := messages[i]; !m.Deleted && m.Service == "" && fits(m) {
			return m, true
		}
	}
	return telegram.Message{}, false
}

// data returns what the button with that label sends, and whether there is such a button. The label may be what it sends itself.
func data(m telegram.Message, label string) (string, bool) {
	for _, row := range m.Buttons {
		for _, b := range row {
			if strings.EqualFold(b.Text, label) || b.Data == label {
				return b.Data, true
			}
		}
	}
	return label, false
}
