package telegram

import (
	"fmt"
	"strings"
	"testing"
)

func TestTheNearestMenuIsShown(t *testing.T) {
	s, b, owner, team := room(t, Options{})
	agent := s.AddUser(User{})
	check(t, s.AddMember(team, agent.ID))
	set := func(name, scope, language string) {
		t.Helper()
		p := params{"commands": []Command{{name, "x"}}, "language_code": language}
		if scope != "" {
			p["scope"] = scope
		}
		b.must(nil, "setMyCommands", p)
	}
	menu := func(chat, user int64) string {
		var names []string
		for _, c := range s.CommandsFor(chat, user) {
			names = append(names, c.Command)
		}
		return strings.Join(names, " ")
	}
	set("all", "", "")
	set("all_fa", `{"type":"default"}`, "fa")
	set("groups", `{"type":"all_group_chats"}`, "")
	set("admins", `{"type":"all_chat_administrators"}`, "")
	if got := menu(owner.ID, owner.ID) + ", " + menu(team, owner.ID) + ", " + menu(team, agent.ID); got != "all_fa, admins, groups" {
		t.Errorf("got %s", got)
	}
	chat := strings.NewReplacer("TEAM", fmt.Sprint(team), "AGENT", fmt.Sprint(agent.ID))
	set("here", chat.Replace(`{"type":"chat","chat_id":TEAM}`), "")
	set("you", chat.Replace(`{"type":"chat_member","chat_id":"TEAM","user_id":AGENT}`), "")
	if got := menu(team, owner.ID) + ", " + menu(team, agent.ID); got != "here, you" {
		t.Errorf("got %s", got)
	}
	b.must(nil, "deleteMyCommands", params{"scope": chat.Replace(`{"type":"chat_member","chat_id":TEAM,"user_id":AGENT}`)})
	if got := menu(team, agent.ID); got != "here" {
		t.Errorf("got %s", got)
	}
	var list []Command
	if b.must(&list, "getMyCommands", params{"language_code": "fa"}); len(list) != 1 || list[0].Command != "all_fa" {
		t.Errorf("got %v", list)
	}
}

func TestMenusAreChecked(t *testing.T) {
	_, b, _, _ := room(t, Options{})
	many := make([]Command, 101)
	for i := range many {
		many[i] = Command{"x", "y"}
	}
	for _, c := range []struct {
		want string
		p    params
	}{
		{"Bad Request: BOT_COMMAND_INVALID", params{"commands": []Command{{"Send", "x"}}}},
		{"Bad Request: BOT_COMMAND_INVALID", params{"commands": []Command{{strings.Repeat("x", 33), "x"}}}},
		{"Bad Request: BOT_COMMAND_DESCRIPTION_INVALID", params{"commands": []Command{{"send", ""}}}},
		{"Bad Request: BOT_COMMANDS_TOO_MUCH", params{"commands": many}},
		{"Bad Request: invalid language code specified", params{"commands": many[:1], "language_code": "fa_IR"}},
		{"Bad Request: can't parse BotCommandScope: unsupported type specified", params{"commands": many[:1], "scope": `{"type":"x"}`}},
		{"Bad Request: chat not found", params{"commands": many[:1], "scope": `{"type":"chat","chat_id":1}`}},
	} {
		b.refused(c.want, "setMyCommands", c.p)
	}
}
