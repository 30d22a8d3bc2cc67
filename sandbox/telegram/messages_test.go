package telegram

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// room is a supergroup of an owner and the bot, and the owner's private chat.
func room(t testing.TB, o Options) (s *Server, b *bot, owner User, team int64) {
	t.Helper()
	s, b = start(t, o)
	owner = s.AddUser(User{FirstName: "Sara", Username: "sara", Language: "fa"})
	team = s.AddSupergroup("Support", owner.ID, s.Bot().ID)
	say(t, s, Post{Chat: owner.ID, From: owner.ID, Text: "/start"})
	b.updates()
	return s, b, owner, team
}

func TestSendMessageAnswersWithTheMessage(t *testing.T) {
	s, b, owner, team := room(t, Options{})
	a := b.call("sendMessage", params{"chat_id": team, "text": "<b>سلام</b> 😀 <code>0912</code>", "parse_mode": "HTML",
		"reply_markup":         params{"inline_keyboard": [][]Button{{{Text: "Send", Data: "s:1"}, {Text: "Site", URL: "https://example.com"}}}},
		"link_preview_options": params{"is_disabled": true}})
	var m map[string]any
	if err := json.Unmarshal(a.Result, &m); err != nil || !a.OK {
		t.Fatalf("got %+v, %v", a, err)
	}
	delete(m, "date")
	got, err := json.Marshal(m)
	check(t, err)
	want := fmt.Sprintf(`{"chat":{"id":%d,"title":"Support","type":"supergroup"},`+
		`"entities":[{"length":4,"offset":0,"type":"bold"},{"length":4,"offset":8,"type":"code"}],`+
		`"from":{"first_name":"Peyk","id":7000000001,"is_bot":true,"username":"PeykSandboxBot"},`+
		`"link_preview_options":{"is_disabled":true},"message_id":2,`+
		`"reply_markup":{"inline_keyboard":[[{"callback_data":"s:1","text":"Send"},{"text":"Site","url":"https://example.com"}]]},`+
		`"text":"سلام 😀 0912"}`, team)
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if seen := s.Messages(team)[0]; !seen.FromBot || !seen.NoPreview || seen.Text != "سلام 😀 0912" || !strings.HasPrefix(seen.Source, "<b>") || len(seen.Buttons[0]) != 2 {
		t.Errorf("people see %+v", seen)
	}
	private := b.send(params{"chat_id": owner.ID, "text": "x"})
	if c := private.Chat; c != (wireChat{ID: owner.ID, Type: "private", FirstName: "Sara", Username: "sara"}) {
		t.Errorf("private chat: got %+v", c)
	}
}

func TestSendMessageRefusesWhatTelegramRefuses(t *testing.T) {
	s, b, owner, team := room(t, Options{})
	silent := s.AddUser(User{})
	foreign := s.AddSupergroup("Foreign", silent.ID)
	old := s.AddGroup("Old", owner.ID, s.Bot().ID)
	kicked := s.AddGroup("Kicked", owner.ID, s.Bot().ID)
	check(t, s.RemoveBot(kicked, owner.ID))
	left := s.AddSupergroup("Left", owner.ID, s.Bot().ID)
	b.must(nil, "leaveChat", params{"chat_id": left})
	muted := s.AddSupergroup("Muted", owner.ID, s.Bot().ID)
	check(t, s.SetBotRights(muted, Rights{Muted: true}))
	quiet := s.AddSupergroup("Quiet", owner.ID, s.Bot().ID)
	check(t, s.OnlyAdminsWrite(quiet, true))
	blocker := s.AddUser(User{})
	say(t, s, Post{Chat: blocker.ID, From: blocker.ID, Text: "/start"})
	check(t, s.Block(blocker.ID))
	moved, err := s.Migrate(old)
	check(t, err)

	keyboard := func(button string) params {
		return params{"chat_id": team, "text": "x", "reply_markup": `{"inline_keyboard":[[` + button + `]]}`}
	}
	for _, c := range []struct {
		want string
		p    params
	}{
		{"Bad Request: chat_id is empty", params{"text": "x"}},
		{"Bad Request: chat not found", params{"chat_id": 12345, "text": "x"}},
		{"Bad Request: chat not found", params{"chat_id": "@someone", "text": "x"}},
		{"Bad Request: chat not found", params{"chat_id": silent.ID, "text": "x"}},
		{"Bad Request: chat not found", params{"chat_id": foreign, "text": "x"}},
		{"Forbidden: bot was kicked from the group chat", params{"chat_id": kicked, "text": "x"}},
		{"Forbidden: bot is not a member of the supergroup chat", params{"chat_id": left, "text": "x"}},
		{"Forbidden: bot was blocked by the user", params{"chat_id": blocker.ID, "text": "x"}},
		{"Bad Request: not enough rights to send text messages to the chat", params{"chat_id": muted, "text": "x"}},
		{"Bad Request: not enough rights to send text messages to the chat", params{"chat_id": quiet, "text": "x"}},
		{"Bad Request: message text is empty", params{"chat_id": team}},
		{"Bad Request: message text is empty", params{"chat_id": team, "text": " \n\u200b"}},
		{"Bad Request: message text is empty", params{"chat_id": team, "text": "<b> </b>", "parse_mode": "HTML"}},
		{"Bad Request: message is too long", params{"chat_id": team, "text": strings.Repeat("س", 4097)}},
		{"Bad Request: message is too long", params{"chat_id": team, "text": strings.Repeat("😀", 2049)}},
		{"Bad Request: text is too long", params{"chat_id": team, "text": strings.Repeat("<b>x</b>", 5000), "parse_mode": "HTML"}},
		{"Bad Request: strings must be encoded in UTF-8", params{"chat_id": team, "text": "\xff"}},
		{`Bad Request: can't parse entities: Unsupported start tag "x" at byte offset 0`, params{"chat_id": team, "text": "<x>", "parse_mode": "html"}},
		{"Bad Request: unsupported parse_mode", params{"chat_id": team, "text": "x", "parse_mode": "rtf"}},
		{"Bad Request: entity beginning at UTF-16 offset 1 ends after the end of the text at UTF-16 offset 3",
			params{"chat_id": team, "text": "😀", "entities": []Entity{{Type: "bold", Offset: 1, Length: 2}}}},
		{"Bad Request: message to be replied not found", params{"chat_id": team, "text": "x", "reply_to_message_id": 99}},
		{"Bad Request: message to be replied not found", params{"chat_id": team, "text": "x", "reply_parameters": params{"message_id": 99}}},
		{"Bad Request: message thread not found", params{"chat_id": team, "text": "x", "message_thread_id": 99}},
		{"Bad Request: object expected as reply markup", params{"chat_id": team, "text": "x", "reply_markup": "[]"}},
		{`Bad Request: field "inline_keyboard" must be of type Array`, params{"chat_id": team, "text": "x", "reply_markup": `{"inline_keyboard":null}`}},
		{"Bad Request: BUTTON_DATA_INVALID", keyboard(`{"text":"x","callback_data":""}`)},
		{"Bad Request: BUTTON_DATA_INVALID", keyboard(`{"text":"x","callback_data":"` + strings.Repeat("س", 33) + `"}`)},
		{"Bad Request: can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard", keyboard(`{"text":"x"}`)},
		{`Bad Request: can't parse inline keyboard button: Can't find field "text"`, keyboard(`{"callback_data":"x"}`)},
	} {
		b.refused(c.want, "sendMessage", c.p)
	}
	a := b.call("sendMessage", params{"chat_id": old, "text": "x"})
	if a.Description != "Bad Request: group chat was upgraded to a supergroup chat" || a.Parameters.MigrateTo != moved {
		t.Errorf("migrated: got %+v, want %d", a, moved)
	}
	if n := len(s.Messages(team)); n != 0 {
		t.Errorf("refused messages were posted: %d", n)
	}
	b.send(params{"chat_id": team, "text": strings.Repeat("س", 4096)})
	b.send(params{"chat_id": team, "text": strings.Repeat("<b>س</b>", 3000), "parse_mode": "HTML"})
	b.send(keyboard(`{"text":"x","callback_data":"` + strings.Repeat("س", 32) + `"}`))
}

func TestRepliesFindTheirMessageOrGoWithout(t *testing.T) {
	s, b, owner, team := room(t, Options{})
	question := say(t, s, Post{Chat: team, From: owner.ID, Text: "/help"})
	first := b.send(params{"chat_id": team, "text": "x", "reply_parameters": params{"message_id": question}})
	if first.ReplyTo == nil || first.ReplyTo.Text != "/help" || first.ThreadID != question || first.IsTopicMessage {
		t.Errorf("got %+v", first)
	}
	second := b.send(params{"chat_id": team, "text": "y", "reply_to_message_id": first.ID})
	if second.ReplyTo == nil || second.ReplyTo.ID != first.ID || second.ReplyTo.ReplyTo != nil || second.ThreadID != question {
		t.Errorf("got %+v", second)
	}
	check(t, s.Delete(team, question))
	b.refused("Bad Request: message to be replied not found", "sendMessage", params{"chat_id": team, "text": "z", "reply_to_message_id": question})
	for _, p := range []params{
		{"chat_id": team, "text": "z", "reply_to_message_id": question, "allow_sending_without_reply": true},
		{"chat_id": team, "text": "z", "reply_parameters": params{"message_id": question, "allow_sending_without_reply": true}},
	} {
		if m := b.send(p); m.ReplyTo != nil {
			t.Errorf("%v: got %+v", p, m)
		}
	}
}

func TestMessageIDsCountPerSupergroupAndTogetherElsewhere(t *testing.T) {
	s, b, owner, team := room(t, Options{})
	other := s.AddSupergroup("Other", owner.ID, s.Bot().ID)
	basic := s.AddGroup("Basic", owner.ID, s.Bot().ID)
	ids := func(chat int64) int { return b.send(params{"chat_id": chat, "text": "x"}).ID }
	if a, c := ids(team), ids(other); a != c {
		t.Errorf("supergroups: got %d and %d", a, c)
	}
	if a, c := ids(owner.ID), ids(basic); c != a+1 {
		t.Errorf("private and basic: got %d and %d", a, c)
	}
}

func TestEditsChangeTheBotsOwnMessagesOnly(t *testing.T) {
	s, b, owner, team := room(t, Options{})
	buttons := params{"inline_keyboard": [][]Button{{{Text: "Send", Data: "s"}}}}
	m := b.send(params{"chat_id": team, "text": "one", "reply_markup": buttons})
	theirs := say(t, s, Post{Chat: team, From: owner.ID, Text: "theirs"})
	edit := func(id int, text string, markup any) params {
		p := params{"chat_id": team, "message_id": id, "text": text}
		if markup != nil {
			p["reply_markup"] = markup
		}
		return p
	}
	same := "Bad Request: message is not modified: specified new message content and reply markup are exactly the same as a current content and reply markup of the message"
	b.refused(same, "editMessageText", edit(m.ID, "one", buttons))
	b.refused("Bad Request: message can't be edited", "editMessageText", edit(theirs, "x", nil))
	b.refused("Bad Request: message to edit not found", "editMessageText", edit(99, "x", nil))
	b.refused("Bad Request: message text is empty", "editMessageText", edit(m.ID, "", nil))

	var edited wireMessage
	b.must(&edited, "editMessageText", edit(m.ID, "two", buttons))
	if edited.Text != "two" || edited.EditDate == 0 || edited.Markup == nil {
		t.Errorf("got %+v", edited)
	}
	b.must(&edited, "editMessageText", params{"chat_id": team, "message_id": m.ID, "text": "<b>two</b>", "parse_mode": "HTML"})
	seen, _ := s.Message(team, m.ID)
	if len(seen.Buttons) != 0 || seen.Edits != 2 || seen.History[0].Text != "one" || len(seen.History[1].Buttons) != 1 || len(seen.Entities) != 1 {
		t.Errorf("people see %+v", seen)
	}
	b.refused(same, "editMessageReplyMarkup", params{"chat_id": team, "message_id": m.ID})
	b.must(nil, "editMessageReplyMarkup", params{"chat_id": team, "message_id": m.ID, "reply_markup": buttons})
	b.must(nil, "editMessageReplyMarkup", params{"chat_id": team, "message_id": m.ID, "reply_markup": `{"inline_keyboard":[]}`})
	if seen, _ = s.Message(team, m.ID); len(seen.Buttons) != 0 || seen.Text != "two" || seen.Edits != 4 {
		t.Errorf("people see %+v", seen)
	}
	check(t, s.Delete(team, m.ID))
	b.refused("Bad Request: message to edit not found", "editMessageText", edit(m.ID, "x", nil))
}

func TestDeleteMessageNeedsTheRight(t *testing.T) {
	s, b, owner, team := room(t, Options{})
	mine := b.send(params{"chat_id": team, "text": "mine"}).ID
	theirs := say(t, s, Post{Chat: team, From: owner.ID, Text: "theirs"})
	del := func(id int) params { return params{"chat_id": team, "message_id": id} }
	b.must(nil, "deleteMessage", del(mine))
	b.refused("Bad Request: message to delete not found", "deleteMessage", del(mine))
	b.refused("Bad Request: message can't be deleted for everyone", "deleteMessage", del(theirs))
	check(t, s.SetBotRights(team, Rights{Admin: true, DeleteMessages: true}))
	b.must(nil, "deleteMessage", del(theirs))
	if m, ok := s.Message(team, theirs); !ok || !m.Deleted {
		t.Errorf("got %+v", m)
	}
}

func TestMessagesWithoutASound(t *testing.T) {
	s, b, _, team := room(t, Options{})
	for silent, p := range map[bool]params{true: {"disable_notification": true}, false: {}} {
		p["chat_id"], p["text"] = team, "x"
		if m, _ := s.Message(team, b.send(p).ID); m.Silent != silent {
			t.Errorf("%v: silent %t", p, m.Silent)
		}
	}
}

func TestReactionsAreFromAFixedList(t *testing.T) {
	s, b, owner, team := room(t, Options{})
	id := say(t, s, Post{Chat: team, From: owner.ID, Text: "x"})
	react := func(id int, emoji ...string) params {
		list := []params{}
		for _, e := range emoji {
			list = append(list, params{"type": "emoji", "emoji": e})
		}
		return params{"chat_id": team, "message_id": id, "reaction": list}
	}
	for _, e := range []string{"👀", "👌", "👍", "👎", "❤", "✍️"} {
		b.must(nil, "setMessageReaction", react(id, e))
	}
	for _, e := range []string{"✅", "❌", "⏳", "📤", "", "x"} {
		b.refused("Bad Request: REACTION_INVALID", "setMessageReaction", react(id, e))
	}
	b.refused("Bad Request: REACTIONS_TOO_MANY", "setMessageReaction", react(id, "👍", "👎"))
	b.refused("Bad Request: message to react not found", "setMessageReaction", react(99, "👍"))
	if m, _ := s.Message(team, id); len(m.Reactions) != 1 || m.Reactions[0] != (Reaction{s.Bot().ID, "✍"}) {
		t.Errorf("got %v", m.Reactions)
	}
	b.must(nil, "setMessageReaction", react(id))
	if m, _ := s.Message(team, id); len(m.Reactions) != 0 {
		t.Errorf("got %v", m.Reactions)
	}
	check(t, s.ForbidReactions(team, true))
	b.refused("Bad Request: REACTION_INVALID", "setMessageReaction", react(id, "👍"))
}

func TestAPressedButtonIsAnsweredOnce(t *testing.T) {
	s, b, owner, team := room(t, Options{})
	m := b.send(params{"chat_id": team, "text": "x", "reply_markup": params{"inline_keyboard": [][]Button{{{Text: "Send", Data: "s"}}}}})
	q, err := s.Press(owner.ID, team, m.ID, "anything")
	check(t, err)
	u := b.updates()
	if len(u) != 1 || u[0].Callback == nil || u[0].Callback.ID != q.ID || u[0].Callback.Data != "anything" ||
		u[0].Callback.From.ID != owner.ID || u[0].Callback.Message.ID != m.ID || u[0].Callback.Message.Markup == nil {
		t.Fatalf("got %+v", u)
	}
	b.refused("Bad Request: MESSAGE_TOO_LONG", "answerCallbackQuery", params{"callback_query_id": q.ID, "text": strings.Repeat("x", 201)})
	b.must(nil, "answerCallbackQuery", params{"callback_query_id": q.ID, "text": "done", "show_alert": true})
	if a, err := q.Wait(deadline(t)); err != nil || a != (Answer{"done", true}) {
		t.Errorf("got %+v, %v", a, err)
	}
	old := "Bad Request: query is too old and response timeout expired or query ID is invalid"
	b.refused(old, "answerCallbackQuery", params{"callback_query_id": q.ID})
	b.refused(old, "answerCallbackQuery", params{"callback_query_id": "1"})

	check(t, s.Delete(team, m.ID))
	_, err = s.Press(owner.ID, team, m.ID, "s")
	check(t, err)
	if u := b.updates(); len(u) != 1 || u[0].Callback.Message.Date != 0 || u[0].Callback.Message.Text != "" {
		t.Errorf("a button of a message that is gone: got %+v", u[0].Callback.Message)
	}
}

func TestChatActionsAreKnownOnes(t *testing.T) {
	_, b, _, team := room(t, Options{})
	b.must(nil, "sendChatAction", params{"chat_id": team, "action": "typing"})
	b.refused("Bad Request: wrong parameter action in request", "sendChatAction", params{"chat_id": team, "action": "sleeping"})
}

func BenchmarkSendMessage(b *testing.B) {
	for _, there := range []int{10, 100_000} {
		b.Run(fmt.Sprintf("of%d", there), func(b *testing.B) {
			s := New(Options{})
			owner := s.AddUser(User{})
			team := s.AddSupergroup("Support", owner.ID, s.Bot().ID)
			req := &request{method: "sendMessage", chat: team, params: map[string]string{
				"chat_id": fmt.Sprint(team), "text": "<b>0912</b>\n" + strings.Repeat("سلام ", 30), "parse_mode": "HTML", "reply_to_message_id": "5"}}
			for range there {
				if _, err := s.Say(Post{Chat: team, From: owner.ID, Text: "x"}); err != nil {
					b.Fatal(err)
				}
			}
			for b.Loop() {
				if _, err := s.handle(req); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkSendMessageHTTP(b *testing.B) {
	s, client := start(b, Options{})
	owner := s.AddUser(User{})
	team := s.AddSupergroup("Support", owner.ID, s.Bot().ID)
	for b.Loop() {
		client.send(params{"chat_id": team, "text": "<b>0912</b>\n" + strings.Repeat("سلام ", 30), "parse_mode": "HTML"})
	}
}
