package store

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"peyk/sms"
)

func edit(tb testing.TB, s *Store, chat sms.ChatID, fn func(*Chat)) {
	tb.Helper()
	next := sms.ChatMessageID(1)
	for ok(s.Taken(UpdateKey{Chat: chat, Message: next})) {
		next++
	}
	ok(s.Take(UpdateKey{Chat: chat, Message: next}, Caused{EditChat: fn}))
}

func TestChatSettings(t *testing.T) {
	path, c := tempFile(t), newClock()
	s := open(t, path, c.options())
	if got := ok(s.Chat(group)); !cmp.Equal(got, Chat{ID: group}) {
		t.Errorf("a chat nobody set up: %+v", got)
	}
	edit(t, s, group, func(c *Chat) { c.Language = "fa" })
	edit(t, s, group, func(c *Chat) { c.Line = line })
	crash(t, s)
	s = open(t, path, c.options())
	want := Chat{ID: group, Language: "fa", Line: line}
	if diff := cmp.Diff(want, ok(s.Chat(group))); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]Chat{want}, ok(s.Chats())); diff != "" {
		t.Error(diff)
	}
}

func TestChatLostAndBack(t *testing.T) {
	path, c := tempFile(t), newClock()
	s := open(t, path, c.inbox(group, 88))
	fetched(t, s, unread(c, "one"))
	must(t, s.ChatLost(group, "bot was kicked"))
	must(t, s.ChatLost(group, "bot was kicked"))
	fetched(t, s, unread(c, "two"))
	crash(t, s)
	s = open(t, path, c.inbox(group, 88))
	if got := told(t, s); !cmp.Equal(got, map[sms.ChatID][]IncidentKind{admin: {ChatLost}}) {
		t.Errorf("told %v, want the admin once", got)
	}
	if got := ok(s.Chat(group)).Gone; got != "bot was kicked" {
		t.Errorf("gone for %q", got)
	}
	must(t, s.AddIncident(Incident{Kind: FetchCut}))
	if got := told(t, s); len(got[group]) != 0 || len(got[88]) != 1 {
		t.Errorf("told %v, want nothing in the chat that is lost", got)
	}
	select {
	case <-s.Posts():
	default:
	}
	must(t, s.ChatFound(group))
	select {
	case <-s.Posts():
	default:
		t.Error("the queue of the chat is not taken up")
	}
	want := map[sms.ChatID][]string{group: {"one", "two"}, 88: {"one", "two"}}
	if diff := cmp.Diff(want, shown(t, s)); diff != "" {
		t.Error(diff)
	}
}

func TestPostingShowsThatAChatIsBack(t *testing.T) {
	c := newClock()
	s := open(t, tempFile(t), c.inbox(group))
	fetched(t, s, unread(c, "one"))
	p := heads(t, s)[0]
	must(t, s.ChatLost(group, "bot was kicked"))
	must(t, s.Posted(p, 5, false))
	if got := ok(s.Chat(group)).Gone; got != "" {
		t.Errorf("gone for %q", got)
	}
}

func TestIncidentsOfALostAdminGoElsewhere(t *testing.T) {
	c := newClock()
	s := open(t, tempFile(t), c.inbox(group))
	must(t, s.AddIncident(Incident{Kind: PanelRefuses}))
	must(t, s.ChatLost(admin, "bot was blocked by the user"))
	want := map[sms.ChatID][]IncidentKind{group: {PanelRefuses}}
	if diff := cmp.Diff(want, told(t, s)); diff != "" {
		t.Error(diff)
	}
}

func TestIncidentsWaitForTheOnlyAdmin(t *testing.T) {
	path, c := tempFile(t), newClock()
	s := open(t, path, c.inbox())
	must(t, s.AddIncident(Incident{Kind: PanelRefuses}))
	must(t, s.ChatLost(admin, "bot was blocked by the user"))
	want := map[sms.ChatID][]IncidentKind{0: {PanelRefuses}}
	if diff := cmp.Diff(want, told(t, s)); diff != "" {
		t.Error(diff)
	}
	crash(t, s)
	s = open(t, path, c.inbox())
	must(t, s.ChatFound(admin))
	want = map[sms.ChatID][]IncidentKind{admin: {PanelRefuses}}
	if diff := cmp.Diff(want, told(t, s)); diff != "" {
		t.Error(diff)
	}
}

func TestIncidentsWaitForTheFirstAdmin(t *testing.T) {
	c := newClock()
	s := open(t, tempFile(t), c.options())
	must(t, s.AddIncident(Incident{Kind: PanelRefuses}))
	ok(s.Take(UpdateKey{Chat: 5, Message: 1}, Caused{Allow: &Agent{ID: 5, Name: "Ali"}}))
	if got := told(t, s); len(got[0]) != 1 {
		t.Errorf("told %v, want it to wait: an agent is no admin", got)
	}
	ok(s.Take(UpdateKey{Chat: 5, Message: 2}, Caused{Allow: &Agent{ID: 5, Name: "Ali", Admin: true}}))
	if diff := cmp.Diff(map[sms.ChatID][]IncidentKind{5: {PanelRefuses}}, told(t, s)); diff != "" {
		t.Error(diff)
	}
}

func TestSettingsGiveWaitingSMSAChat(t *testing.T) {
	path, c := tempFile(t), newClock()
	s := open(t, path, c.options())
	fetched(t, s, unread(c, "one", "two"))
	must(t, s.Close())
	s = open(t, path, c.inbox(group))
	if diff := cmp.Diff([]string{"one", "two"}, shown(t, s)[group]); diff != "" {
		t.Error(diff)
	}
	if unrouted, queued, _ := s.Waiting(); unrouted != 0 || queued != 0 {
		t.Errorf("%d wait for a chat, %d in one, want none", unrouted, queued)
	}
}

func TestMigration(t *testing.T) {
	const super = sms.ChatID(-100999)
	path, c := tempFile(t), newClock()
	s := open(t, path, c.inbox(group))
	edit(t, s, group, func(c *Chat) { c.Language = "fa" })
	id := take(t, s, reply())
	must(t, s.Requeue(claim(t, s), c.now()))
	must(t, s.Posted(heads(t, s)[0], 40, false)) // in the group the report is message 40
	marked(t, s)
	must(t, s.Posted(heads(t, s)[0], 41, false)) // what the marks mean
	fetched(t, s, unread(c, "one", "two"))
	must(t, s.AddPost(Post{Chat: group, Kind: PostText, Text: " answer", ReplyTo: 9}))

	must(t, s.MigrateChat(group, super))
	must(t, s.MigrateChat(group, super)) // Telegram says it twice: in both chats
	crash(t, s)
	s = open(t, path, c.inbox(group))
	for _, chat := range []sms.ChatID{group, super} {
		if got := ok(s.Chat(chat)); got.ID != super || got.Language != "fa" {
			t.Errorf("settings of %d: %+v, want those of the supergroup", chat, got)
		}
	}
	must(t, s.ChatLost(group, "the group is gone, Telegram says of its old id"))
	if got := ok(s.Incidents()); len(got) != 0 || ok(s.Chat(super)).Gone != "" {
		t.Errorf("got %+v, want the supergroup untouched by what happens to the group", got)
	}

	must(t, s.Refuse(claim(t, s), "", "-5"))
	fetched(t, s, unread(c, "three"))
	for _, p := range posts(t, s) {
		if p.Chat != super || p.ReplyTo != 0 {
			t.Errorf("%+v is not for the supergroup", p)
		}
	}
	b := ok(s.Batch(id))
	if b.Chat != super || b.Shown != 0 || b.Message != 0 || b.Reply || b.Reaction != "" {
		t.Errorf("got %+v, want no trace of the group's message ids", b)
	}
	if got := ok(s.Batches(super, 9)); len(got) != 1 || got[0].ID != id {
		t.Errorf("batches of the supergroup: %+v, want the group's", got)
	}
	if diff := cmp.Diff(map[sms.ChatID][]string{super: {"one", "two", "three"}}, shown(t, s)); diff != "" {
		t.Error(diff)
	}
	if ok(s.Batch(id)).Shown == 0 {
		t.Error("the report is not shown anew")
	}

	// An update of the group that was under way when it migrated.
	id = take(t, s, order(ali))
	if b := ok(s.Batch(id)); b.Chat != super || b.Message != 0 {
		t.Errorf("got %+v, want it in the supergroup", b)
	}
	if got := ok(s.Batches(super, 9)); len(got) != 2 {
		t.Errorf("%d batches of the supergroup, want 2", len(got))
	}
	c.pass(time.Minute)
	shown(t, s)
}

func TestAdminsAndInboxesOfSettingsAndStore(t *testing.T) {
	c := newClock()
	s := open(t, tempFile(t), c.inbox(group, 88))
	for i, a := range []Agent{{ID: 5, Admin: true}, {ID: 6}, {ID: admin, Admin: true}} {
		ok(s.Take(UpdateKey{Chat: 5, Message: sms.ChatMessageID(100 + i)}, Caused{Allow: &a}))
	}
	if got := ok(s.Admins()); !cmp.Equal(got, []sms.AgentID{admin, 5}) {
		t.Errorf("admins %v, want each once", got)
	}
	edit(t, s, group, func(c *Chat) { c.Inboxes = []Inbox{{Topic: 2, Lines: []sms.Number{line}}} })
	edit(t, s, 88, func(c *Chat) { c.Off = true })
	if got := ok(s.InboxChats()); !cmp.Equal(got, []sms.ChatID{group}) {
		t.Errorf("inbox chats %v, want the group alone", got)
	}
}

func TestAgents(t *testing.T) {
	path, c := tempFile(t), newClock()
	s := open(t, path, c.options())
	want := []Agent{{ID: 3, Name: "Sara", Since: c.now().UTC()}, {ID: 5, Name: "Ali", Admin: true, Since: c.now().UTC()}}
	for i, a := range want {
		ok(s.Take(UpdateKey{Chat: 5, Message: sms.ChatMessageID(i)}, Caused{Allow: &a}))
	}
	crash(t, s)
	s = open(t, path, c.options())
	if diff := cmp.Diff(want, ok(s.Agents())); diff != "" {
		t.Error(diff)
	}
	ok(s.Take(UpdateKey{Chat: 5, Message: 10}, Caused{Deny: 5}))
	if diff := cmp.Diff(want[:1], ok(s.Agents())); diff != "" {
		t.Error(diff)
	}
}
