package store

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"peyk/sms"
)

// unread returns what a decoded answer holds: one SMS of Ali's a text, to line, of this second.
func unread(c *clock, texts ...string) []sms.Message {
	var all []sms.Message
	for _, text := range texts {
		all = append(all, sms.Message{Conversation: sms.Conversation{Line: line, Customer: ali}, Text: text, Time: c.now(), Received: c.now()})
	}
	return all
}

func fromCustomer(n sms.Number, messages []sms.Message) []sms.Message {
	for i := range messages {
		messages[i].Customer = n
	}
	return messages
}

func toLine(l sms.Number, messages []sms.Message) []sms.Message {
	for i := range messages {
		messages[i].Line = l
	}
	return messages
}

// fetched stores messages as one fetch does and returns how many were new.
func fetched(tb testing.TB, s *Store, messages []sms.Message) int {
	tb.Helper()
	must(tb, s.BeginFetch())
	return ok(s.SaveUnread(ok(s.SaveRaw(Raw{Body: []byte("<xml/>")})), messages, nil))
}

func heads(tb testing.TB, s *Store) []Post {
	tb.Helper()
	all, _, err := s.Heads(func(sms.ChatID) bool { return true })
	must(tb, err)
	var first []Post // of each chat
	for _, of := range all {
		first = append(first, of[0])
	}
	return first
}

// shown posts all that is due in every chat, marks among it, and returns, a chat, the texts of the SMS in their order.
func shown(tb testing.TB, s *Store) map[sms.ChatID][]string {
	tb.Helper()
	texts := map[sms.ChatID][]string{}
	message := sms.ChatMessageID(1000)
	for {
		due := heads(tb, s)
		if len(due) == 0 && len(marked(tb, s)) == 0 {
			return texts
		}
		for _, p := range due {
			if p.Kind == PostSMS {
				texts[p.Chat] = append(texts[p.Chat], ok(s.SMS(p.Seq)).Text)
			}
			message++
			must(tb, s.Posted(p, message, false))
		}
	}
}

// told returns the incidents queued for each chat.
func told(tb testing.TB, s *Store) map[sms.ChatID][]IncidentKind {
	tb.Helper()
	all := map[sms.ChatID][]IncidentKind{}
	for _, p := range posts(tb, s) {
		if p.Kind == PostIncident {
			all[p.Chat] = append(all[p.Chat], ok(s.Incident(p.Incident)).Kind)
		}
	}
	return all
}

// posts returns the whole queue.
func posts(tb testing.TB, s *Store) []Post {
	tb.Helper()
	var all []Post
	must(tb, s.view(func(t *tx) error {
		return t.bucket(bucketPost).ForEach(func(key, value []byte) error {
			p, err := readPost(key, value)
			all = append(all, p)
			return err
		})
	}))
	return all
}

func TestFetchStoppedAfterEachStep(t *testing.T) {
	steps := []struct {
		name      string
		do        func(*testing.T, *Store, *clock)
		incident  bool
		undecoded int
		posts     int
	}{
		{"before the marker", func(*testing.T, *Store, *clock) {}, false, 0, 0},
		{"marker committed", func(t *testing.T, s *Store, c *clock) { must(t, s.BeginFetch()) }, true, 0, 0},
		{"nothing came", func(t *testing.T, s *Store, c *clock) {
			must(t, s.BeginFetch())
			must(t, s.EndFetch(nil))
		}, false, 0, 0},
		{"raw committed", func(t *testing.T, s *Store, c *clock) {
			must(t, s.BeginFetch())
			ok(s.SaveRaw(Raw{Body: []byte("<xml/>")}))
		}, false, 1, 0},
		{"decoded", func(t *testing.T, s *Store, c *clock) { fetched(t, s, unread(c, "salam")) }, false, 0, 1},
	}
	for _, step := range steps {
		t.Run(step.name, func(t *testing.T) {
			path, c := tempFile(t), newClock()
			s := open(t, path, c.inbox(group))
			begun := c.now()
			step.do(t, s, c)
			crash(t, s)
			c.pass(7 * time.Second)
			s = open(t, path, c.inbox(group))

			incidents := ok(s.Incidents())
			if got := len(incidents) == 1; got != step.incident {
				t.Fatalf("incidents %v, want one: %t", incidents, step.incident)
			}
			if step.incident {
				if i := incidents[0]; i.Kind != FetchLost || !i.From.Equal(begun) || !i.To.Equal(begun.Add(FetchLimit)) {
					t.Errorf("got %+v, want fetch lost between %v and %v", i, begun, begun.Add(FetchLimit))
				}
				want := map[sms.ChatID][]IncidentKind{admin: {FetchLost}, group: {FetchLost}}
				if diff := cmp.Diff(want, told(t, s)); diff != "" {
					t.Error(diff)
				}
			}
			if got := len(ok(s.Undecoded())); got != step.undecoded {
				t.Errorf("%d answers undecoded, want %d", got, step.undecoded)
			}
			if got := len(shown(t, s)[group]); got != step.posts {
				t.Errorf("%d SMS shown, want %d", got, step.posts)
			}
			crash(t, s)
			s = open(t, path, c.inbox(group))
			if got := len(ok(s.Incidents())); got != len(incidents) {
				t.Errorf("opened once more there are %d incidents, want %d", got, len(incidents))
			}
		})
	}
}

func TestAFetchThatNeverEndedIsToldByTheNext(t *testing.T) {
	c := newClock()
	s := open(t, tempFile(t), c.inbox(group))
	begun := c.now()
	must(t, s.BeginFetch())
	c.pass(time.Minute) // the answer could not be saved
	must(t, s.BeginFetch())
	if i := ok(s.Incidents()); len(i) != 1 || i[0].Kind != FetchLost || !i[0].From.Equal(begun) || !i[0].To.Equal(begun.Add(FetchLimit)) {
		t.Errorf("got %+v, want fetch lost since %v", i, begun)
	}
	must(t, s.EndFetch(nil))
	must(t, s.EndLosses())
	must(t, s.BeginFetch())
	must(t, s.EndFetch(&Incident{Kind: FetchLost, From: c.now()}))
	if i := ok(s.Incidents()); len(i) != 2 || !i[1].From.Equal(c.now()) {
		t.Errorf("got %+v, want the second as given", i)
	}
}

func TestSMSWithoutATimeAreNotTakenForOneAnother(t *testing.T) {
	c := newClock()
	s := open(t, tempFile(t), c.inbox(group))
	for range 2 {
		m := unread(c, "yes")
		m[0].Time = time.Time{}
		fetched(t, s, m)
		c.pass(time.Minute)
	}
	if diff := cmp.Diff([]string{"yes", "yes"}, shown(t, s)[group]); diff != "" {
		t.Error(diff)
	}
}

func TestRawAnswerIsKeptAsItCame(t *testing.T) {
	path, c := tempFile(t), newClock()
	s := open(t, path, c.options())
	want := Raw{ContentType: "text/xml; charset=ISO-8859-1", Body: []byte("\x00\xff<xml>\n"), Cut: true, Fetched: c.now().UTC()}
	want.ID = ok(s.SaveRaw(want))
	crash(t, s)
	s = open(t, path, c.options())
	got := ok(s.Undecoded())
	if diff := cmp.Diff([]Raw{want}, got); diff != "" {
		t.Error(diff)
	}
}

func TestUndecodableAnswerIsKeptAndToldAndNotTriedAgain(t *testing.T) {
	c := newClock()
	s := open(t, tempFile(t), c.inbox(group))
	raw := ok(s.SaveRaw(Raw{Body: []byte("<html>")}))
	incident := Incident{Kind: Undecodable, From: c.now()}
	ok(s.SaveUnread(raw, nil, &incident))
	if got := ok(s.Undecoded()); len(got) != 0 {
		t.Errorf("%d answers to decode, want none", len(got))
	}
	if got := ok(s.Incidents()); len(got) != 1 || got[0].Raw != raw {
		t.Errorf("got %+v, want one incident that names raw %d", got, raw)
	}
	kept := Raw{}
	must(t, s.view(func(t *tx) error { return get(t.bucket(bucketRaw), u64(raw), &kept) }))
	if string(kept.Body) != "<html>" || !kept.Kept {
		t.Errorf("got %+v, want the bytes that came", kept)
	}
	want := map[sms.ChatID][]IncidentKind{admin: {Undecodable}, group: {Undecodable}}
	if diff := cmp.Diff(want, told(t, s)); diff != "" {
		t.Error(diff)
	}
}

func TestSameAnswerAgainIsAbsorbed(t *testing.T) {
	path, c := tempFile(t), newClock()
	s := open(t, path, c.inbox(group))
	answer := unread(c, "one", "same", "same", "two", "same")
	if got := fetched(t, s, answer); got != 5 {
		t.Errorf("%d new, want 5", got)
	}
	crash(t, s)
	s = open(t, path, c.inbox(group))
	if got := fetched(t, s, answer); got != 0 {
		t.Errorf("the same answer: %d new, want none", got)
	}
	if got := fetched(t, s, append(answer, unread(c, "same", "three")...)); got != 2 {
		t.Errorf("with a fourth equal one and another: %d new, want 2", got)
	}
	c.pass(time.Second)
	if got := fetched(t, s, unread(c, "same")); got != 1 {
		t.Errorf("the same text a second later: %d new, want 1", got)
	}
	want := []string{"one", "same", "same", "two", "same", "same", "three", "same"}
	if diff := cmp.Diff(want, shown(t, s)[group]); diff != "" {
		t.Error(diff)
	}
}

func TestWhereSMSAreShown(t *testing.T) {
	const topics, private = sms.ChatID(-1002), sms.ChatID(88)
	tests := []struct {
		name  string
		inbox []sms.ChatID
		chats []Chat
		want  []sms.Place // of an SMS to line
	}{
		{"the inbox chats of the settings", []sms.ChatID{group, private}, nil, []sms.Place{{Chat: group, Topic: 0}, {Chat: private, Topic: 0}}},
		{"an inbox chat of the store", nil, []Chat{{ID: topics, Inboxes: []Inbox{{Topic: 4}}}}, []sms.Place{{Chat: topics, Topic: 4}}},
		{"both", []sms.ChatID{group}, []Chat{{ID: topics, Inboxes: []Inbox{{Topic: 4}}}}, []sms.Place{{Chat: topics, Topic: 4}, {Chat: group, Topic: 0}}},
		{"chats of the line, and no others", []sms.ChatID{group}, []Chat{{ID: topics, Inboxes: []Inbox{{Topic: 4, Lines: []sms.Number{line}}}}}, []sms.Place{{Chat: topics, Topic: 4}}},
		{"chats of another line do not count", []sms.ChatID{group}, []Chat{{ID: topics, Inboxes: []Inbox{{Topic: 4, Lines: []sms.Number{line2}}}}}, []sms.Place{{Chat: group, Topic: 0}}},
		{"one place a chat", nil, []Chat{{ID: topics, Inboxes: []Inbox{{Topic: 4}, {Topic: 5}}}}, []sms.Place{{Chat: topics, Topic: 4}}},
		{"the topic of the line", nil, []Chat{{ID: topics, Inboxes: []Inbox{{Topic: 4}, {Topic: 5, Lines: []sms.Number{line, line2}}}}}, []sms.Place{{Chat: topics, Topic: 5}}},
		{"switched off although the settings name it", []sms.ChatID{group}, []Chat{{ID: group, Off: true}}, []sms.Place{{}}},
		{"a topic although the settings name the chat", []sms.ChatID{group}, []Chat{{ID: group, Inboxes: []Inbox{{Topic: 3}}}}, []sms.Place{{Chat: group, Topic: 3}}},
		{"nowhere", nil, nil, []sms.Place{{}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := newClock()
			s := open(t, tempFile(t), c.inbox(test.inbox...))
			for i, chat := range test.chats {
				ok(s.Take(UpdateKey{Chat: chat.ID, Message: sms.ChatMessageID(i)}, Caused{EditChat: func(c *Chat) { id := c.ID; *c = chat; c.ID = id }}))
			}
			fetched(t, s, unread(c, "salam"))
			var got []sms.Place
			for _, p := range posts(t, s) {
				if p.Kind == PostSMS {
					got = append(got, sms.Place{Chat: p.Chat, Topic: p.Topic})
				}
			}
			byChat := func(a, b sms.Place) int { return int(a.Chat - b.Chat) }
			slices.SortFunc(got, byChat)
			slices.SortFunc(test.want, byChat)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestSMSWaitForAChat(t *testing.T) {
	path, c := tempFile(t), newClock()
	s := open(t, path, c.inbox())
	var want []string
	for i := range 120 {
		text := fmt.Sprintf("number %d", i)
		want = append(want, text)
		fetched(t, s, unread(c, text))
	}
	if got := told(t, s); !cmp.Equal(got, map[sms.ChatID][]IncidentKind{admin: {NoChat}}) {
		t.Errorf("told %v, want the admin once", got)
	}
	if unrouted, _, err := s.Waiting(); err != nil || unrouted != len(want) {
		t.Errorf("%d wait for a chat (%v), want %d", unrouted, err, len(want))
	}
	crash(t, s)
	s = open(t, path, c.inbox())
	showHere := func(c *Chat) { c.Inboxes = []Inbox{{Topic: 9}} }
	ok(s.Take(UpdateKey{Chat: group, Message: 1}, Caused{EditChat: showHere}))
	if p := heads(t, s)[0]; p.Chat != group || p.Topic != 9 {
		t.Errorf("first post goes to chat %d, topic %d", p.Chat, p.Topic)
	}
	fetched(t, s, unread(c, "after"))
	if diff := cmp.Diff(append(want, "after"), shown(t, s)[group]); diff != "" {
		t.Error(diff)
	}
	hideHere := func(c *Chat) { c.Inboxes = nil }
	ok(s.Take(UpdateKey{Chat: group, Message: 2}, Caused{EditChat: hideHere}))
	fetched(t, s, unread(c, "without a chat again"))
	if got := told(t, s); !cmp.Equal(got, map[sms.ChatID][]IncidentKind{admin: {NoChat}}) {
		t.Errorf("the second time told %v, want the admin once more", got)
	}
}

func TestSMSWaitForTheChatOfTheirLine(t *testing.T) {
	c := newClock()
	s := open(t, tempFile(t), c.inbox())
	fetched(t, s, append(unread(c, "a1", "a2"), toLine(line2, unread(c, "b1", "b2"))...))
	only := func(l sms.Number) func(*Chat) {
		return func(c *Chat) { c.Inboxes = []Inbox{{Lines: []sms.Number{l}}} }
	}
	ok(s.Take(UpdateKey{Chat: group, Message: 1}, Caused{EditChat: only(line2)}))
	if diff := cmp.Diff([]string{"b1", "b2"}, shown(t, s)[group]); diff != "" {
		t.Error(diff)
	}
	if unrouted, _, _ := s.Waiting(); unrouted != 2 {
		t.Errorf("%d wait, want 2", unrouted)
	}
}

func TestSMSReadBackAsStored(t *testing.T) {
	c := newClock()
	s := open(t, tempFile(t), c.options())
	want := unread(c, "سلام <b>&\u200cچطوری 😀")[0]
	fetched(t, s, []sms.Message{want})
	got := ok(s.SMS(1))
	if diff := cmp.Diff(SMS{Seq: 1, Message: want}, got); diff != "" {
		t.Error(diff)
	}
	if _, err := s.SMS(2); !errors.Is(err, ErrNotFound) {
		t.Errorf("got %v, want ErrNotFound", err)
	}
}

// TestSaveUnreadRunsAgain has a write fail in the transaction that stores an answer, which then runs once more without it.
func TestSaveUnreadRunsAgain(t *testing.T) {
	c := newClock()
	s := open(t, tempFile(t), c.inbox(group))
	raw := ok(s.SaveRaw(Raw{Body: []byte("<cut")}))
	incident := &Incident{Kind: FetchCut, From: c.now()}
	// The writer is held until both writes wait for it, so that they share a transaction.
	held, release := make(chan struct{}), make(chan struct{})
	go s.update(func(*tx) error { close(held); <-release; return nil })
	<-held
	stored, failed := make(chan error), make(chan error)
	go func() {
		n, err := s.SaveUnread(raw, unread(c, "of a cut answer"), incident)
		if n != 1 {
			t.Errorf("stored %d, want 1", n)
		}
		stored <- err
	}()
	for len(s.writes) < 1 {
		runtime.Gosched()
	}
	go func() { failed <- s.update(func(*tx) error { return ErrTaken }) }()
	for len(s.writes) < 2 {
		runtime.Gosched()
	}
	close(release)
	must(t, <-stored)
	if err := <-failed; !errors.Is(err, ErrTaken) {
		t.Errorf("got %v", err)
	}
	if got := ok(s.Incidents()); len(got) != 1 || incident.ID != got[0].ID {
		t.Errorf("incidents %+v, the caller's is %d", got, incident.ID)
	}
}

// TestWhatIsAskedForAgainIsNoLoss has answers be none in a time in which SMS may be lost, too: each is told of apart, and to whom it concerns.
func TestWhatIsAskedForAgainIsNoLoss(t *testing.T) {
	c := newClock()
	s := open(t, tempFile(t), c.inbox(group))
	for _, kind := range []IncidentKind{Garbled, Undecodable, Garbled, Undecodable, Garbled} {
		raw := ok(s.SaveRaw(Raw{Body: []byte("page of " + kind), Again: kind == Garbled}))
		ok(s.SaveUnread(raw, nil, &Incident{Kind: kind, From: c.now(), To: c.now(), Count: 1}))
		c.pass(time.Second)
	}
	want := map[sms.ChatID][]IncidentKind{admin: {Garbled, Undecodable}, group: {Undecodable}}
	if diff := cmp.Diff(want, told(t, s)); diff != "" {
		t.Error(diff)
	}
	must(t, s.EndLosses())
	all := ok(s.Incidents())
	if len(all) != 2 || all[0].Count != 3 || all[1].Count != 2 || all[0].Lasts || all[1].Lasts || all[0].Raw == 0 {
		t.Errorf("got %+v", all)
	}
	want = map[sms.ChatID][]IncidentKind{admin: {Garbled, Undecodable, Garbled, Undecodable}, group: {Undecodable, Undecodable}}
	gotten := told(t, s)
	slices.Sort(gotten[admin][2:])
	slices.Sort(want[admin][2:])
	if diff := cmp.Diff(want, gotten); diff != "" {
		t.Error(diff)
	}
	must(t, s.Check())
}
