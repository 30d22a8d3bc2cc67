package telegram

import (
	"context"
	"encoding/json"
	"strings"

	"peyk/sms"
)

// Button stands under a message. Data, at most 64 bytes, comes back when it is pressed; or Copy, at most 256 characters, is what a press copies.
type Button struct {
	Label, Data, Copy string
	Style             string // a colour; older servers and apps ignore it
}

// The colours of buttons.
const (
	Green = "success"
	Red   = "danger"
)

// wire returns b as Telegram has it.
func (b Button) wire() map[string]any {
	w := map[string]any{"text": b.Label}
	if b.Copy != "" {
		w["copy_text"] = map[string]string{"text": b.Copy}
	} else {
		w["callback_data"] = b.Data
	}
	if b.Style != "" {
		w["style"] = b.Style
	}
	return w
}

// Outgoing is a message to post, or an edit of one.
type Outgoing struct {
	Chat    sms.ChatID
	Topic   sms.TopicID
	ReplyTo sms.ChatMessageID
	HTML    string
	Plain   string // posted when Telegram refuses HTML
	Buttons [][]Button
	Prompt  string            // opens the reply field of whom the text mentions, which says this, at most 64 characters; not with Buttons
	File    *File             // with the text as its caption
	Edit    sms.ChatMessageID // the message to change; 0 posts a new one
	Loud    bool              // with a sound: a new SMS, a question or an alarm
	Strict  bool              // in this topic or nowhere
}

// Post posts or edits a message and returns its id. If Telegram refuses it for its markup, or for an unknown reason, it is posted as plain
// text, and then without its buttons: an SMS is never lost to formatting. If it takes no photo, the words under it are posted alone.
func (t *Client) Post(ctx context.Context, o Outgoing) (sms.ChatMessageID, error) {
	id, err := t.postOnce(ctx, o, o.HTML, "HTML")
	if o.File != nil && o.File.Photo && FateOf(err) == Refused {
		o.File = nil
		return t.Post(ctx, o)
	}
	refused := func() bool { return FateOf(err) == BadMarkup || FateOf(err) == Refused }
	if refused() && o.Plain != "" {
		id, err = t.postOnce(ctx, o, o.Plain, "")
		if refused() && len(o.Buttons) > 0 {
			o.Buttons = nil
			id, err = t.postOnce(ctx, o, o.Plain, "")
		}
	}
	return id, err
}

// italics stand for the block quotes of a text of ours, which has no others.
var italics = strings.NewReplacer("<blockquote>", "<i>", "<blockquote expandable>", "<i>", "</blockquote>", "</i>")

// InItalics returns HTML with italics in place of block quotes, which servers before Bot API 7.0 do not know. Message.Blocks has both.
func InItalics(html string) string { return italics.Replace(html) }

func (t *Client) postOnce(ctx context.Context, o Outgoing, text, mode string) (sms.ChatMessageID, error) {
	params := map[string]any{"chat_id": int64(o.Chat)}
	method := "sendMessage"
	if o.File != nil {
		method, _ = o.File.method()
		params["caption"] = text
	} else {
		params["text"] = text
		// A preview would have Telegram open links in an SMS, which can use up a login link.
		params["link_preview_options"] = map[string]bool{"is_disabled": true}
		params["disable_web_page_preview"] = true // as servers before Bot API 7.0 know it
	}
	if mode != "" {
		params["parse_mode"] = mode
	}
	if len(o.Buttons) > 0 {
		rows := make([][]map[string]any, len(o.Buttons))
		for i, row := range o.Buttons {
			for _, b := range row {
				rows[i] = append(rows[i], b.wire())
			}
		}
		params["reply_markup"] = map[string]any{"inline_keyboard": rows}
	}
	if o.Prompt != "" {
		params["reply_markup"] = map[string]any{"force_reply": true, "selective": true, "input_field_placeholder": o.Prompt}
	}
	if o.Edit != 0 {
		method = "editMessageText"
		params["message_id"] = int64(o.Edit)
	} else {
		if !o.Loud {
			params["disable_notification"] = true
		}
		if o.Topic != 0 {
			params["message_thread_id"] = int64(o.Topic)
		}
		if o.ReplyTo != 0 {
			params["reply_parameters"] = map[string]any{"message_id": o.ReplyTo, "allow_sending_without_reply": true}
			params["reply_to_message_id"], params["allow_sending_without_reply"] = int64(o.ReplyTo), true // likewise
		}
	}
	var result json.RawMessage
	var err error
	if o.File != nil {
		result, err = t.upload(ctx, params, o.File)
	} else {
		result, err = t.call(ctx, method, params)
	}
	if err != nil {
		return 0, err
	}
	var posted struct {
		ID int64 `json:"message_id"`
	}
	if err := json.Unmarshal(result, &posted); err != nil || posted.ID == 0 {
		return 0, &Error{method: method, Reason: "answer without a message id", Arrived: true}
	}
	return sms.ChatMessageID(posted.ID), nil
}

// React sets the bot's one reaction to a message; an empty emoji removes it.
func (t *Client) React(ctx context.Context, chat sms.ChatID, id sms.ChatMessageID, emoji string) error {
	reaction := []map[string]string{}
	if emoji != "" {
		reaction = append(reaction, map[string]string{"type": "emoji", "emoji": emoji})
	}
	_, err := t.call(ctx, setMark, map[string]any{"chat_id": int64(chat), "message_id": int64(id), "reaction": reaction})
	return err
}

// Pin pins a message at the top of its chat or topic, without a sound. A message says so there, of which we get an update.
func (t *Client) Pin(ctx context.Context, chat sms.ChatID, id sms.ChatMessageID) error {
	_, err := t.call(ctx, "pinChatMessage", map[string]any{"chat_id": int64(chat), "message_id": int64(id), "disable_notification": true})
	return err
}

// Unpin takes a message from the top of its chat or topic, where it stays.
func (t *Client) Unpin(ctx context.Context, chat sms.ChatID, id sms.ChatMessageID) error {
	_, err := t.call(ctx, "unpinChatMessage", map[string]any{"chat_id": int64(chat), "message_id": int64(id)})
	return err
}

// Delete deletes a message. Of ours Telegram lets us delete what is younger than two days.
func (t *Client) Delete(ctx context.Context, chat sms.ChatID, id sms.ChatMessageID) error {
	_, err := t.call(ctx, "deleteMessage", map[string]any{"chat_id": int64(chat), "message_id": int64(id)})
	return err
}

// AnswerPress stops the progress bar of a pressed button, with a word to who pressed it.
func (t *Client) AnswerPress(ctx context.Context, id, text string, alert bool) error {
	_, err := t.call(ctx, "answerCallbackQuery", map[string]any{"callback_query_id": id, "text": text, "show_alert": alert})
	return err
}

// MaxOffers is how many offers Telegram takes in answer to what somebody types behind the bot's name.
const MaxOffers = 50

// Offer is a text that somebody may choose to send.
type Offer struct {
	ID          string // unique among the offers
	Title       string
	Description string
	Text        string
}

// AnswerInline shows offers to whoever typed behind the bot's name. They are theirs alone, and are kept nowhere: by default Telegram shows them to
// everybody for five minutes.
func (t *Client) AnswerInline(ctx context.Context, id string, offers []Offer) error {
	results := make([]map[string]any, len(offers))
	for i, o := range offers {
		results[i] = map[string]any{
			"type": "article", "id": o.ID, "title": o.Title, "description": o.Description,
			"input_message_content": map[string]any{"message_text": o.Text, "link_preview_options": map[string]any{"is_disabled": true}},
		}
	}
	_, err := t.call(ctx, "answerInlineQuery", map[string]any{"inline_query_id": id, "results": results, "is_personal": true, "cache_time": int64(0)})
	return err
}

// TopicIcons returns the icons that topics may have: their ids by emoji, without U+FE0F.
func (t *Client) TopicIcons(ctx context.Context) (map[string]string, error) {
	result, err := t.call(ctx, "getForumTopicIconStickers", nil)
	if err != nil {
		return nil, err
	}
	var stickers []struct {
		Emoji string `json:"emoji"`
		ID    string `json:"custom_emoji_id"`
	}
	if err := json.Unmarshal(result, &stickers); err != nil {
		return nil, &Error{method: "getForumTopicIconStickers", Reason: "unreadable answer"}
	}
	icons := map[string]string{}
	for _, s := range stickers {
		icons[bare(s.Emoji)] = s.ID
	}
	return icons, nil
}

// SetTopicIcon gives a topic the icon of that id, or none. It succeeds also when the topic has it already. A message says so there, of which we get an
// update.
func (t *Client) SetTopicIcon(ctx context.Context, at sms.Place, icon string) error {
	return t.changeTopic(ctx, "editForumTopic", map[string]any{"chat_id": int64(at.Chat), "message_thread_id": int64(at.Topic), "icon_custom_emoji_id": icon})
}

// MakeTopic makes a topic in a forum, with the icon of that id, or none. After an error the topic may exist anyway, and there is no way to find out.
func (t *Client) MakeTopic(ctx context.Context, chat sms.ChatID, title, icon string) (sms.TopicID, error) {
	params := map[string]any{"chat_id": int64(chat), "name": title}
	if icon != "" {
		params["icon_custom_emoji_id"] = icon
	}
	result, err := t.call(ctx, "createForumTopic", params)
	if err != nil {
		return 0, err
	}
	var made struct {
		ID int64 `json:"message_thread_id"`
	}
	if err := json.Unmarshal(result, &made); err != nil || made.ID == 0 {
		return 0, &Error{method: "createForumTopic", Reason: "answer without a topic's id", Arrived: true}
	}
	return sms.TopicID(made.ID), nil
}

// RenameTopic gives a topic a title. It succeeds also when the topic has it already.
func (t *Client) RenameTopic(ctx context.Context, at sms.Place, title string) error {
	return t.changeTopic(ctx, "editForumTopic", map[string]any{"chat_id": int64(at.Chat), "message_thread_id": int64(at.Topic), "name": title})
}

// ReopenTopic opens a closed topic. It succeeds also when the topic is open.
func (t *Client) ReopenTopic(ctx context.Context, at sms.Place) error {
	return t.changeTopic(ctx, "reopenForumTopic", map[string]any{"chat_id": int64(at.Chat), "message_thread_id": int64(at.Topic)})
}

func (t *Client) changeTopic(ctx context.Context, method string, params map[string]any) error {
	_, err := t.call(ctx, method, params)
	if FateOf(err) == NotModified {
		return nil
	}
	return err
}
