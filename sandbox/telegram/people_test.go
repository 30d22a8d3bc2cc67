package telegram

import (
	"slices"
	"strings"
	"testing"
)

func TestPrivacyLetsTheBotHearWhatIsForItOnly(t *testing.T) {
	heard := func(t *testing.T, s *Server, b *bot, owner User, team int64) []string {
		mine := b.send(params{"chat_id": team, "text": "mine"}).ID
		stranger := s.AddUser(User{IsBot: true, Username: "OtherBot"})
		check(t, s.AddMember(team, stranger.ID))
		theirs := say(t, s, Post{Chat: team, From: owner.ID, Text: "chatter"})
		for _, p := range []Post{
			{Text: "/plain"},
			{Text: "/named@peyksandboxBOT now"},
			{Text: "/foreign@OtherBot"},
			{Text: "see /inside"},
			{Text: "@PeykSandboxBot hello"},
			{Text: "to the bot", ReplyTo: mine},
			{Text: "to a colleague", ReplyTo: theirs},
		} {
			p.Chat, p.From = team, owner.ID
			say(t, s, p)
		}
		say(t, s, Post{Chat: team, From: stranger.ID, Text: "/frombot"})
		return b.texts()
	}
	service := "" // the new member
	some := []string{service, "/plain", "/named@peyksandboxBOT now", "to the bot"}
	all := []string{service, "chatter", "/plain", "/named@peyksandboxBOT now", "/foreign@OtherBot", "see /inside", "@PeykSandboxBot hello", "to the bot", "to a colleague"}
	t.Run("an ordinary member", func(t *testing.T) {
		s, b, owner, team := room(t, Options{})
		if got := heard(t, s, b, owner, team); !slices.Equal(got, some) {
			t.Errorf("got %q, want %q", got, some)
		}
	})
	t.Run("an administrator", func(t *testing.T) {
		s, b, owner, team := room(t, Options{})
		check(t, s.SetBotRights(team, Rights{Admin: true}))
		if got := heard(t, s, b, owner, team); !slices.Equal(got, all) {
			t.Errorf("got %q, want %q", got, all)
		}
	})
	t.Run("without privacy", func(t *testing.T) {
		s, b, owner, team := room(t, Options{NoPrivacy: true})
		if got := heard(t, s, b, owner, team); !slices.Equal(got, all) {
			t.Errorf("got %q, want %q", got, all)
		}
		var me struct {
			CanReadAll bool `json:"can_read_all_group_messages"`
		}
		if b.must(&me, "getMe", nil); !me.CanReadAll {
			t.Error("getMe does not say so")
		}
	})
}

func TestWhoSpeaksAndHowIsToldAsOnTheWire(t *testing.T) {
	s, b, owner, team := room(t, Options{NoPrivacy: true})
	channel := s.AddChannel("News")
	friend := s.AddUser(User{FirstName: "Ali"})
	for _, p := range []Post{
		{Text: "anonymous", AsChat: team},
		{Text: "channel", AsChat: channel},
		{Text: "linked", AsChat: channel, AutoForward: true},
		{Text: "/send forwarded", ForwardFrom: friend.ID},
		{Text: "inline", ViaBot: "gif"},
		{Document: &Document{Name: "numbers.csv", MIME: "text/csv", Data: []byte("0912,x")}, Caption: "/send@PeykSandboxBot"},
	} {
		p.Chat, p.From = team, owner.ID
		say(t, s, p)
	}
	u := b.updates()
	if len(u) != 6 {
		t.Fatalf("got %d updates", len(u))
	}
	if m := u[0].Message; m.From.ID != 1087968824 || m.From.Username != "GroupAnonymousBot" || m.SenderChat.ID != team {
		t.Errorf("anonymous: got %+v %+v", m.From, m.SenderChat)
	}
	if m := u[1].Message; m.From.ID != 136817688 || m.SenderChat.ID != channel || m.SenderChat.Type != "channel" || m.AutoForward {
		t.Errorf("channel: got %+v %+v", m.From, m.SenderChat)
	}
	if m := u[2].Message; m.From.ID != 777000 || m.SenderChat.ID != channel || !m.AutoForward {
		t.Errorf("linked: got %+v %+v", m.From, m.SenderChat)
	}
	if m := u[3].Message; m.From.ID != owner.ID || m.ForwardOrigin == nil || m.ForwardOrigin.Sender.ID != friend.ID || m.ForwardFrom.ID != friend.ID || m.ForwardDate == 0 {
		t.Errorf("forward: got %+v", m)
	}
	if m := u[4].Message; m.ViaBot == nil || m.ViaBot.Username != "gif" || !m.ViaBot.IsBot {
		t.Errorf("via bot: got %+v", m.ViaBot)
	}
	if m := u[5].Message; m.Text != "" || m.Caption != "/send@PeykSandboxBot" || len(m.CaptionEntities) != 1 || m.Document.FileName != "numbers.csv" || m.Document.Size != 6 {
		t.Errorf("document: got %+v", m)
	}
}

func TestTheBotComesAndGoes(t *testing.T) {
	s, b := start(t, Options{})
	owner := s.AddUser(User{})
	team := s.AddGroup("Support", owner.ID)
	step := func(what, old, new string, services ...string) {
		t.Helper()
		u := b.updates()
		if len(u) != 1+len(services) || u[0].MyMember == nil || u[0].MyMember.Old.Status != old || u[0].MyMember.New.Status != new || u[0].MyMember.From.ID == 0 {
			t.Errorf("%s: got %+v", what, u)
		}
	}
	check(t, s.AddBot(team, owner.ID))
	step("added", "left", "member", "new_chat_members")
	check(t, s.SetBotRights(team, Rights{Admin: true}))
	step("promoted", "member", "administrator")
	check(t, s.SetBotRights(team, Rights{Muted: true}))
	step("muted", "administrator", "restricted")
	check(t, s.RemoveBot(team, owner.ID))
	step("removed", "restricted", "kicked")
	check(t, s.AddBot(team, owner.ID))
	step("added again", "kicked", "member", "new_chat_members")
	b.must(nil, "leaveChat", params{"chat_id": team})
	step("left", "member", "left")

	say(t, s, Post{Chat: owner.ID, From: owner.ID, Text: "/start"})
	b.updates()
	check(t, s.Block(owner.ID))
	step("blocked", "member", "kicked")
	if _, err := s.Say(Post{Chat: owner.ID, From: owner.ID, Text: "x"}); err == nil {
		t.Error("who blocked the bot wrote to it")
	}
	check(t, s.Unblock(owner.ID))
	step("unblocked", "kicked", "member")
	b.send(params{"chat_id": owner.ID, "text": "x"})
}

func TestAGroupBecomesASupergroup(t *testing.T) {
	s, b := start(t, Options{})
	owner := s.AddUser(User{})
	old := s.AddGroup("Support", owner.ID, s.Bot().ID)
	id, err := s.Migrate(old)
	check(t, err)
	u := b.updates()
	if len(u) != 3 || u[0].MyMember == nil || u[0].MyMember.Old.Status != "left" || u[0].MyMember.New.Status != "member" {
		t.Fatalf("got %+v", u)
	}
	if u = u[1:]; u[0].Message.Chat.ID != old || u[0].Message.MigrateTo != id || u[1].Message.Chat.ID != id || u[1].Message.MigrateFrom != old || u[1].Message.ID != 1 {
		t.Fatalf("got %+v", u)
	}
	if _, err := s.Say(Post{Chat: old, From: owner.ID, Text: "x"}); err == nil {
		t.Error("somebody wrote to the old group")
	}
	b.send(params{"chat_id": id, "text": "x"})
	if _, err := s.Migrate(id); err == nil {
		t.Error("migrated twice")
	}
}

func TestPeopleCannotDoWhatTelegramForbidsThem(t *testing.T) {
	s, b, owner, team := room(t, Options{})
	stranger := s.AddUser(User{})
	mine := b.send(params{"chat_id": team, "text": "x"}).ID
	theirs := say(t, s, Post{Chat: team, From: owner.ID, Text: "x"})
	for what, p := range map[string]Post{
		"a stranger in a group": {Chat: team, From: stranger.ID, Text: "x"},
		"nobody":                {Chat: team, From: 1, Text: "x"},
		"the bot":               {Chat: team, From: s.Bot().ID, Text: "x"},
		"no text":               {Chat: team, From: owner.ID, Text: " "},
		"too much text":         {Chat: team, From: owner.ID, Text: strings.Repeat("x", 4097)},
		"no such question":      {Chat: team, From: owner.ID, Text: "x", ReplyTo: 99},
		"no such topic":         {Chat: team, From: owner.ID, Text: "x", Topic: 99},
		"no such channel":       {Chat: team, From: owner.ID, Text: "x", AsChat: 99},
	} {
		if _, err := s.Say(p); err == nil {
			t.Errorf("%s: said", what)
		}
	}
	if s.Edit(stranger.ID, team, theirs, "y") == nil || s.Edit(owner.ID, team, mine, "y") == nil || s.Edit(owner.ID, team, theirs, "") == nil {
		t.Error("edited what is not theirs, or to nothing")
	}
	if _, err := s.Press(stranger.ID, team, mine, "x"); err == nil {
		t.Error("a stranger pressed a button")
	}
	if _, err := s.Press(owner.ID, team, theirs, "x"); err == nil {
		t.Error("a button under a person's message")
	}
	if s.React(stranger.ID, team, mine, "👍") == nil || s.Delete(team, 99) == nil || s.AddBot(team, owner.ID) == nil || s.Block(stranger.ID) == nil {
		t.Error("something impossible was done")
	}
}

func TestEditsAndReactionsOfPeopleAreTold(t *testing.T) {
	s, b, owner, team := room(t, Options{})
	b.must(nil, "getUpdates", params{"allowed_updates": []string{"message", "edited_message", "message_reaction"}})
	id := say(t, s, Post{Chat: team, From: owner.ID, Text: "/send 1"})
	deaf := say(t, s, Post{Chat: team, From: owner.ID, Text: "chatter"})
	check(t, s.Edit(owner.ID, team, id, "/send 2"))
	check(t, s.Edit(owner.ID, team, deaf, "more chatter"))
	check(t, s.React(owner.ID, team, id, "👍"))
	u := b.updates()
	if len(u) != 2 || u[1].Edited == nil || u[1].Edited.Text != "/send 2" || u[1].Edited.EditDate == 0 {
		t.Fatalf("an ordinary member: got %+v", u)
	}
	check(t, s.SetBotRights(team, Rights{Admin: true}))
	check(t, s.React(owner.ID, team, id))
	if u := b.updates(); len(u) != 1 || u[0].Reaction == nil || !strings.Contains(string(*u[0].Reaction), `"new_reaction":[],"old_reaction":[{"emoji":"👍","type":"emoji"}]`) {
		t.Errorf("an administrator: got %+v", u)
	}
}

func TestMembersAreShown(t *testing.T) {
	s, b, owner, team := room(t, Options{})
	agent := s.AddUser(User{})
	check(t, s.AddMember(team, agent.ID))
	status := func(user int64) string {
		t.Helper()
		var m struct{ Status string }
		b.must(&m, "getChatMember", params{"chat_id": team, "user_id": user})
		return m.Status
	}
	if got := status(owner.ID) + " " + status(agent.ID) + " " + status(s.Bot().ID); got != "creator member member" {
		t.Errorf("got %s", got)
	}
	check(t, s.SetAdmin(team, agent.ID, true))
	var admins []struct {
		User   wireUser
		Status string
	}
	b.must(&admins, "getChatAdministrators", params{"chat_id": team})
	if len(admins) != 2 || admins[0].Status != "creator" || admins[1].User.ID != agent.ID {
		t.Errorf("got %+v", admins)
	}
	check(t, s.RemoveMember(team, agent.ID))
	if got := status(agent.ID); got != "left" {
		t.Errorf("got %s", got)
	}
	b.refused("Bad Request: user not found", "getChatMember", params{"chat_id": team, "user_id": 1})
	b.refused("Bad Request: invalid user_id specified", "getChatMember", params{"chat_id": team})
	b.refused("Bad Request: there are no administrators in the private chat", "getChatAdministrators", params{"chat_id": owner.ID})

	check(t, s.SetBotRights(team, Rights{Admin: true, ManageTopics: true}))
	var mine struct {
		Status string
		Topics bool `json:"can_manage_topics"`
	}
	if b.must(&mine, "getChatMember", params{"chat_id": team, "user_id": s.Bot().ID}); mine.Status != "administrator" || mine.Topics {
		t.Errorf("in a group without topics: got %+v", mine)
	}
	var full struct {
		wireChat
		Reactions *[]string `json:"available_reactions"`
	}
	if b.must(&full, "getChat", params{"chat_id": team}); full.Title != "Support" || full.Reactions != nil {
		t.Errorf("got %+v", full)
	}
	check(t, s.ForbidReactions(team, true))
	if b.must(&full, "getChat", params{"chat_id": team}); full.Reactions == nil {
		t.Error("getChat does not say that reactions are forbidden")
	}
	if infos := s.Chats(); infos[0].ID != team || !slices.Equal(infos[0].Members, []int64{owner.ID, s.Bot().ID}) || !infos[0].BotRights.Admin {
		t.Errorf("got %+v", infos)
	}
}
