package store

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"peyk/sms"
)

// cards shows every card that is due, the n-th message being n, and returns where they stood.
func cards(tb testing.TB, s *Store, message sms.ChatMessageID) []sms.Place {
	tb.Helper()
	var places []sms.Place
	for _, p := range posts(tb, s) {
		if p.Kind == PostCard && !p.NotBefore.After(s.opts.Now()) {
			places = append(places, sms.Place{Chat: p.Chat, Topic: p.Topic})
			must(tb, s.Posted(p, message, false))
		}
	}
	return places
}

func TestTopicOutlivesACrash(t *testing.T) {
	path, c := tempFile(t), newClock()
	s := open(t, path, c.inbox(group))
	edit(t, s, group, func(c *Chat) { c.Topics = true })
	fetched(t, s, unread(c, "one", "two"))
	topic := sms.Place{Chat: group, Topic: 12}
	must(t, s.AddTopic(1, topic, "09121234567", ""))
	must(t, s.AddTopic(1, sms.Place{Chat: group, Topic: 13}, "09121234567", "")) // of a process killed before it noted the first
	crash(t, s)
	s = open(t, path, c.inbox(group))
	got := ok(s.Customer(ali))
	if want := (Customer{Number: ali, Line: line, First: c.now(), Last: c.now(), In: 1, InTo: 1, Topics: []sms.Place{topic}}); !cmp.Equal(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
	if b := ok(s.Bound(topic)); b.Customer != ali || !b.Made || b.Title != "09121234567" {
		t.Errorf("got %+v", b)
	}
	if _, err := s.Bound(sms.Place{Chat: group, Topic: 13}); !errors.Is(err, ErrNotFound) {
		t.Errorf("a second topic is in use: %v", err)
	}
	if got := cards(t, s, 50); !cmp.Equal(got, []sms.Place{topic}) {
		t.Errorf("cards in %v, want one", got)
	}
	if b := ok(s.Bound(topic)); b.Card != 50 {
		t.Errorf("the card is message %d, want 50", b.Card)
	}
	must(t, s.TopicGone(topic))
	if got := ok(s.Customer(ali)); len(got.Topics) != 0 || got.In != 1 {
		t.Errorf("got %+v", got)
	}
}

func TestACardIsOneEditForManySMS(t *testing.T) {
	c := newClock()
	s := open(t, tempFile(t), c.inbox(group))
	topic := sms.Place{Chat: group, Topic: 12}
	fetched(t, s, unread(c, "one", "two", "three"))
	must(t, s.AddTopic(1, topic, "", ""))
	cards(t, s, 50)
	for range 3 {
		p := heads(t, s)[0]
		p.Topic = topic.Topic
		must(t, s.Posted(p, 60, false))
	}
	if got := cards(t, s, 50); len(got) != 0 {
		t.Errorf("cards in %v before the burst can be over", got)
	}
	c.pass(cardDelay)
	if got := cards(t, s, 50); !cmp.Equal(got, []sms.Place{topic}) {
		t.Errorf("cards in %v, want one", got)
	}
	// A name is told at once, also while a count waits.
	p := claimed(t, s, take(t, s, order(ali)))
	must(t, s.Sent(p, []Outcome{{ID: "71"}}, nil))
	ok(s.Take(UpdateKey{Chat: group, Message: 900}, Caused{Customer: ali, EditCustomer: func(c *Customer) { c.Name = "Reza" }}))
	if got := cards(t, s, 50); !cmp.Equal(got, []sms.Place{topic}) {
		t.Errorf("cards in %v, want one", got)
	}
	if got := ok(s.Customer(ali)); got.Out != 1 || got.Name != "Reza" {
		t.Errorf("got %+v", got)
	}
}

func TestSMSAreCountedWhereTheirCustomerHasAPlace(t *testing.T) {
	c := newClock()
	s := open(t, tempFile(t), c.inbox(group, 88))
	began := c.now()
	fetched(t, s, unread(c, "one", "two"))
	c.pass(time.Hour)
	fetched(t, s, unread(c, "three"))
	if n := rows(t, s)["customer"]; n != 0 {
		t.Errorf("%d rows of customers nobody asked about", n)
	}
	topics := map[sms.ChatID]sms.TopicID{group: 12, 88: 13} // two forums show the same SMS
	for chat, topic := range topics {
		must(t, s.AddTopic(1, sms.Place{Chat: chat, Topic: topic}, "", ""))
	}
	if got := ok(s.Customer(ali)); got.In != 1 || got.Line != line || !got.First.Equal(began) {
		t.Errorf("before any is shown: %+v", got)
	}
	var digest []Post
	for _, p := range posts(t, s) {
		switch p.Topic = topics[p.Chat]; {
		case p.Kind != PostSMS:
		case p.Chat == 88:
			must(t, s.Posted(p, sms.ChatMessageID(70+p.Seq), false))
		default:
			digest = append(digest, p)
		}
	}
	must(t, s.DigestPosted(digest, topics[group], 60))
	if got := ok(s.Customer(ali)); got.In != 3 || !got.First.Equal(began) || !got.Last.Equal(c.now()) {
		t.Errorf("got %+v, want each SMS once", got)
	}
}

func TestLinkIsTheOnlyPlace(t *testing.T) {
	c := newClock()
	s := open(t, tempFile(t), c.inbox(group, 88))
	link := func(n sms.Number, p sms.Place) {
		t.Helper()
		next := sms.ChatMessageID(1)
		for ok(s.Taken(UpdateKey{Chat: 5, Message: next})) {
			next++
		}
		ok(s.Take(UpdateKey{Chat: 5, Message: next}, Caused{Link: &Bound{Place: p, Customer: n}}))
	}
	vip := sms.Place{Chat: -77, Topic: 0}
	link(ali, vip)
	link(ali, vip) // once more changes nothing
	fetched(t, s, unread(c, "for the VIP chat"))
	if got := shown(t, s); len(got) != 1 || !cmp.Equal(got[vip.Chat], []string{"for the VIP chat"}) {
		t.Errorf("shown %v", got)
	}
	link(sara, vip) // a place belongs to one customer
	if got := ok(s.Customer(ali)); got.Linked != nil {
		t.Errorf("got %+v", got)
	}
	link(sara, sms.Place{Chat: -78, Topic: 3})
	if _, err := s.Bound(vip); !errors.Is(err, ErrNotFound) {
		t.Errorf("the place left is still taken: %v", err)
	}
	link("", sms.Place{Chat: -78, Topic: 3})
	if got := ok(s.Customer(sara)); got.Linked != nil {
		t.Errorf("got %+v", got)
	}
}

// A group's command may be acted on after a refused post has told what the group became.
func TestLinkOfAGroupThatIsASupergroupByNow(t *testing.T) {
	c := newClock()
	s := open(t, tempFile(t), c.inbox(88))
	must(t, s.MigrateChat(-77, -1077))
	ok(s.Take(UpdateKey{Chat: -77, Message: 1}, Caused{Link: &Bound{Place: sms.Place{Chat: -77}, Customer: ali}}))
	for _, p := range heads(t, s) {
		if b, err := s.Bound(sms.Place{Chat: p.Chat, Topic: p.Topic}); err != nil || b.Customer != ali {
			t.Errorf("the card in %d is of %+v, %v", p.Chat, b, err)
		}
	}
	ok(s.Take(UpdateKey{Chat: -77, Message: 2}, Caused{Link: &Bound{Place: sms.Place{Chat: -77}}}))
	if got := ok(s.Customer(ali)); got.Linked != nil {
		t.Errorf("got %+v", got)
	}
}

func TestDeniedSeesNoCustomer(t *testing.T) {
	c := newClock()
	s := open(t, tempFile(t), c.inbox(group))
	ok(s.Take(UpdateKey{Chat: 5, Message: 1}, Caused{Allow: &Agent{ID: 5}, Link: &Bound{Place: sms.Place{Chat: 5}, Customer: ali}}))
	ok(s.Take(UpdateKey{Chat: 5, Message: 2}, Caused{Deny: 5}))
	fetched(t, s, unread(c, "hello"))
	if got := shown(t, s); len(got[5]) != 0 || len(got[group]) != 1 {
		t.Errorf("shown %v", got)
	}
}

func TestADigestIsOfOneCustomerWhereEachHasATopic(t *testing.T) {
	c := newClock()
	s := open(t, tempFile(t), c.inbox(group))
	messages := unread(c, "a1", "b1", "a2", "b2", "a3")
	messages[1].Customer, messages[3].Customer = sara, sara
	fetched(t, s, messages)
	if got := summary(t, s, following(t, s, heads(t, s)[0], 9, true)); !cmp.Equal(got, []string{"a1", "a2", "a3"}) {
		t.Errorf("following %v, want one customer's", got)
	}
	must(t, s.DigestPosted(following(t, s, heads(t, s)[0], 2, true), 12, 50))
	if got := shown(t, s)[group]; !cmp.Equal(got, []string{"b1", "b2", "a3"}) {
		t.Errorf("left %v", got)
	}
}
