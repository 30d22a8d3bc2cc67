package telegram

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// prompt reads a request to open reply fields. A selective one opens those of whom the message mentions, and of whom it answers.
func (s *Server) prompt(c *chat, m *message, req *request) (*Prompt, error) {
	var markup struct {
		Force     bool   `json:"force_reply"`
		Selective bool   `json:"selective"`
		Field     string `json:"input_field_placeholder"`
	}
	if raw := req.str("reply_markup"); raw == "" || !decode(raw, &markup) || !markup.Force || m.Buttons != nil {
		return nil, nil
	}
	if utf8.RuneCountInString(markup.Field) > 64 {
		return nil, bad("input field placeholder is too long")
	}
	p := &Prompt{Field: markup.Field}
	if markup.Selective && c.kind != "private" {
		p.For = []int64{}
		for _, e := range m.Entities {
			if id, ok := strings.CutPrefix(e.URL, "tg://user?id="); ok {
				user, _ := strconv.ParseInt(id, 10, 64)
				p.For = append(p.For, user)
			}
		}
		if a := c.byID[m.ReplyTo]; a != nil && !a.FromBot {
			p.For = append(p.For, a.From)
		}
	}
	return p, nil
}

// buttonStyles are the colours of buttons.
var buttonStyles = []string{"", "danger", "success", "primary"}

// buttons reads an inline keyboard. Other markups are not shown.
func (r *request) buttons() ([][]Button, error) {
	raw := r.str("reply_markup")
	if raw == "" || raw == "null" {
		return nil, nil
	}
	var markup map[string]json.RawMessage
	if !decode(raw, &markup) || markup == nil {
		return nil, bad("object expected as reply markup")
	}
	keyboard, ok := markup["inline_keyboard"]
	if !ok {
		return nil, nil
	}
	var rows []json.RawMessage
	if !decode(string(keyboard), &rows) || rows == nil {
		return nil, bad("field \"inline_keyboard\" must be of type Array")
	}
	var all [][]Button
	for _, raw := range rows {
		var cells []map[string]json.RawMessage
		if !decode(string(raw), &cells) || cells == nil {
			return nil, bad("can't parse inline keyboard: InlineKeyboardButton must be an Array")
		}
		var row []Button
		for _, cell := range cells {
			r.dropNewFields(cell)
			b, err := readButton(cell)
			if err != nil {
				return nil, err
			}
			row = append(row, b)
		}
		if len(row) > 0 {
			all = append(all, row)
		}
	}
	return all, nil
}

func readButton(cell map[string]json.RawMessage) (Button, error) {
	var b Button
	for name, value := range map[string]*string{"text": &b.Text, "callback_data": &b.Data, "url": &b.URL, "style": &b.Style} {
		if raw, ok := cell[name]; ok && !decode(string(raw), value) {
			return b, bad("can't parse inline keyboard button: Field \"%s\" must be of type String", name)
		}
	}
	if raw, ok := cell["copy_text"]; ok && cell["callback_data"] == nil && b.URL == "" && (!decode(string(raw), &b.Copy) || b.Copy.Text == "" ||
		utf8.RuneCountInString(b.Copy.Text) > 256) {
		return b, bad("BUTTON_COPY_TEXT_INVALID")
	}
	switch {
	case !slices.Contains(buttonStyles, b.Style):
		return b, bad("can't parse inline keyboard button: invalid button style specified")
	case cell["text"] == nil:
		return b, bad("can't parse inline keyboard button: Can't find field \"text\"")
	case strings.TrimSpace(b.Text) == "":
		return b, bad("can't parse inline keyboard button: Text must be non-empty")
	case b.Copy.Text != "":
	case cell["callback_data"] == nil && b.URL == "":
		return b, bad("can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard")
	case b.URL != "" && linkURL(b.URL) == "":
		return b, bad("inline keyboard button URL '%s' is invalid: Wrong HTTP URL", b.URL)
	case b.URL == "" && (b.Data == "" || len(b.Data) > 64):
		return b, bad("BUTTON_DATA_INVALID")
	}
	return b, nil
}

func sameButtons(a, b [][]Button) bool {
	return slices.EqualFunc(a, b, slices.Equal[[]Button])
}
