package telegram

import (
	"strings"
	"testing"
)

// forum is a forum in which the bot manages topics.
func forum(t testing.TB) (s *Server, b *bot, owner User, team int64) {
	t.Helper()
	s, b = start(t, Options{})
	owner = s.AddUser(User{})
	team = s.AddForum("Support", owner.ID, s.Bot().ID)
	check(t, s.SetBotRights(team, Rights{Admin: true, ManageTopics: true, DeleteMessages: true}))
	b.updates()
	return s, b, owner, team
}

func TestTopicsNeedAForumAndTheRight(t *testing.T) {
	s, b, owner, team := room(t, Options{})
	b.refused("Bad Request: the chat is not a forum", "createForumTopic", params{"chat_id": team, "name": "x"})
	other := s.AddForum("Forum", owner.ID, s.Bot().ID)
	b.refused("Bad Request: not enough rights to create a topic", "createForumTopic", params{"chat_id": other, "name": "x"})
	check(t, s.SetBotRights(other, Rights{Admin: true}))
	b.refused("Bad Request: not enough rights to create a topic", "createForumTopic", params{"chat_id": other, "name": "x"})
	check(t, s.SetBotRights(other, Rights{Admin: true, ManageTopics: true}))
	b.refused("Bad Request: topic name must be non-empty", "createForumTopic", params{"chat_id": other, "name": " "})
	b.refused("Bad Request: TOPIC_ICON_COLOR_INVALID", "createForumTopic", params{"chat_id": other, "name": "x", "icon_color": 1})
	var made struct {
		ID        int `json:"message_thread_id"`
		Name      string
		IconColor int `json:"icon_color"`
	}
	b.must(&made, "createForumTopic", params{"chat_id": other, "name": strings.Repeat("س", 200)})
	if made.ID < 2 || made.Name != strings.Repeat("س", 128) || made.IconColor == 0 {
		t.Errorf("got %+v", made)
	}
}

func TestEveryMessageOfATopicAnswersItsFirst(t *testing.T) {
	s, b, owner, team := forum(t)
	topic, err := s.AddTopic(owner.ID, team, "Customer")
	check(t, err)
	plain := say(t, s, Post{Chat: team, From: owner.ID, Topic: topic, Text: "note"})
	say(t, s, Post{Chat: team, From: owner.ID, Text: "answer", ReplyTo: plain})
	general := say(t, s, Post{Chat: team, From: owner.ID, Text: "general"})
	say(t, s, Post{Chat: team, From: owner.ID, Text: "general answer", ReplyTo: general})

	u := b.updates()
	if len(u) != 5 {
		t.Fatalf("got %d updates", len(u))
	}
	if m := u[0].Message; m.ID != topic || m.TopicCreated == nil || m.TopicCreated.Name != "Customer" || m.ThreadID != topic || !m.IsTopicMessage || m.ReplyTo != nil || !m.Chat.IsForum {
		t.Errorf("first: got %+v", m)
	}
	if m := u[1].Message; m.ThreadID != topic || !m.IsTopicMessage || m.ReplyTo == nil || m.ReplyTo.ID != topic || m.ReplyTo.TopicCreated == nil {
		t.Errorf("plain: got %+v", m)
	}
	if m := u[2].Message; m.ThreadID != topic || m.ReplyTo == nil || m.ReplyTo.ID != plain || m.ReplyTo.ReplyTo != nil {
		t.Errorf("answer: got %+v", m)
	}
	if m := u[3].Message; m.ThreadID != 0 || m.IsTopicMessage || m.ReplyTo != nil {
		t.Errorf("general: got %+v", m)
	}
	if m := u[4].Message; m.ThreadID != general || m.IsTopicMessage || m.ReplyTo.ID != general {
		t.Errorf("general answer: got %+v", m)
	}

	posted := b.send(params{"chat_id": team, "text": "x", "message_thread_id": topic})
	if posted.ReplyTo == nil || posted.ReplyTo.ID != topic || !posted.IsTopicMessage {
		t.Errorf("the bot's own: got %+v", posted)
	}
	if m, _ := s.Message(team, posted.ID); m.Topic != topic || m.ReplyTo != 0 {
		t.Errorf("people see %+v", m)
	}
	landed := b.send(params{"chat_id": team, "text": "y", "reply_parameters": params{"message_id": plain}})
	if landed.ThreadID != topic || landed.ReplyTo.ID != plain {
		t.Errorf("an answer lands in its topic: got %+v", landed)
	}
	b.refused("Bad Request: message thread not found", "sendMessage", params{"chat_id": team, "text": "x", "message_thread_id": 1})
	b.refused("Bad Request: message to be replied not found", "sendMessage", params{"chat_id": team, "text": "x", "message_thread_id": topic, "reply_to_message_id": general})
}

func TestATopicMadeByTheBotDoesNotMakeChatterReplies(t *testing.T) {
	s, b, owner, team := forum(t)
	var made struct {
		ID int `json:"message_thread_id"`
	}
	b.must(&made, "createForumTopic", params{"chat_id": team, "name": "Customer"})
	check(t, s.SetBotRights(team, Rights{}))
	b.updates()
	say(t, s, Post{Chat: team, From: owner.ID, Topic: made.ID, Text: "chatter"})
	if texts := b.texts(); len(texts) != 0 {
		t.Errorf("with privacy the bot heard %q", texts)
	}
}

func TestTopicsCloseReopenAndGo(t *testing.T) {
	s, b, owner, team := forum(t)
	topic, err := s.AddTopic(owner.ID, team, "Customer")
	check(t, err)
	here := params{"chat_id": team, "message_thread_id": topic, "text": "x"}
	rename := params{"chat_id": team, "message_thread_id": topic, "name": "Other"}

	b.must(nil, "editForumTopic", rename)
	b.refused("Bad Request: TOPIC_NOT_MODIFIED", "editForumTopic", rename)
	b.must(nil, "closeForumTopic", here)
	b.refused("Bad Request: TOPIC_NOT_MODIFIED", "closeForumTopic", here)
	b.send(here) // it manages topics
	check(t, s.SetBotRights(team, Rights{}))
	b.refused("Bad Request: TOPIC_CLOSED", "sendMessage", here)
	b.refused("Bad Request: not enough rights to manage the topic", "reopenForumTopic", here)
	check(t, s.ReopenTopic(owner.ID, team, topic))
	b.send(here)
	check(t, s.CloseTopic(owner.ID, team, topic))
	check(t, s.RenameTopic(owner.ID, team, topic, "Third"))
	if info := s.Chats()[0].Topics; len(info) != 1 || info[0] != (Topic{topic, "Third", "", true}) {
		t.Errorf("got %+v", info)
	}
	check(t, s.SetBotRights(team, Rights{Admin: true, ManageTopics: true}))
	b.refused("Bad Request: not enough rights to delete the topic", "deleteForumTopic", here)
	check(t, s.SetBotRights(team, Rights{Admin: true, ManageTopics: true, DeleteMessages: true}))
	b.must(nil, "deleteForumTopic", here)
	b.refused("Bad Request: message thread not found", "sendMessage", here)
	b.refused("Bad Request: TOPIC_ID_INVALID", "closeForumTopic", here)
	for _, m := range s.Messages(team) {
		if m.Topic == topic && !m.Deleted {
			t.Errorf("left behind: %+v", m)
		}
	}
	byHand, err := s.AddTopic(owner.ID, team, "By hand")
	check(t, err)
	check(t, s.DeleteTopic(owner.ID, team, byHand))
	stranger := s.AddUser(User{})
	check(t, s.AddMember(team, stranger.ID))
	again, err := s.AddTopic(owner.ID, team, "Again")
	check(t, err)
	if s.CloseTopic(stranger.ID, team, again) == nil || s.DeleteTopic(owner.ID, team, byHand) == nil {
		t.Error("somebody changed a topic who may not, or one that is gone")
	}
}
