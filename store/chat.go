package store

import (
	"errors"
	"slices"
	"time"

	"peyk/sms"
)

// Chat holds the settings of a chat. The zero value is a chat that nobody has set up.
type Chat struct {
	ID         sms.ChatID `json:"-"`
	Line       sms.Number `json:"line,omitempty"`     // sends from it; empty: the default line
	Language   string     `json:"language,omitempty"` // empty: the settings' language
	InFlight   bool       `json:"begun,omitempty"`    // a group: a post may be on its way that is not noted yet
	Title      string     `json:"title,omitempty"`    // of a group, as last heard
	Inboxes    []Inbox    `json:"inboxes,omitempty"`  // where in the chat inbound SMS are shown
	Off        bool       `json:"off,omitempty"`      // shows no inbound SMS, even if the settings name it
	Topics     bool       `json:"topics,omitempty"`   // a forum: has a topic for each customer
	NoTopics   time.Time  `json:"no_topics,omitzero"` // when it last let us make none; zero if it lets us
	NoIcons    time.Time  `json:"no_icons,omitzero"`  // when it last let us change no icon of a topic; zero if it lets us
	MigratedTo sms.ChatID `json:"migrated_to,omitempty"`
	Gone       string     `json:"gone,omitempty"`       // why it takes no posts; those for it wait
	Recent     []int64    `json:"recent,omitempty"`     // of a group: when its last posts were made, in Unix milliseconds
	Held       time.Time  `json:"held,omitzero"`        // nothing is posted before: Telegram asked for that, or a backup was restored
	NoMarks    time.Time  `json:"no_marks,omitzero"`    // when it last refused a mark on a reply; zero if it takes them
	MarksTold  bool       `json:"marks_told,omitempty"` // it was told what the marks mean
	Pin        *Pin       `json:"pin,omitempty"`        // its pinned list of who waits

	Unpins  []sms.ChatMessageID `json:"unpins,omitempty"`  // lists to be unpinned
	Prompts []Prompt            `json:"prompts,omitempty"` // which are to be deleted
}

// Inbox is a topic that shows inbound SMS.
type Inbox struct {
	Topic sms.TopicID  `json:"topic,omitempty"`
	Lines []sms.Number `json:"lines,omitempty"` // none: all lines
}

func (t *tx) chat(id sms.ChatID) (Chat, error) {
	c := Chat{ID: id}
	err := get(t.bucket(bucketChat), i64(id), &c)
	if errors.Is(err, ErrNotFound) {
		err = nil
	}
	return c, err
}

func (t *tx) putChat(c Chat) error { return put(t.bucket(bucketChat), i64(c.ID), c) }

// resolve follows a group to the supergroup it became.
func (t *tx) resolve(id sms.ChatID) sms.ChatID {
	for range 8 { // a group migrates once; a damaged file could lead in a circle
		c, err := t.chat(id)
		if err != nil || c.MigratedTo == 0 {
			break
		}
		id = c.MigratedTo
	}
	return id
}

// Chat returns the settings of a chat.
func (s *Store) Chat(id sms.ChatID) (Chat, error) {
	c := Chat{}
	err := s.view(func(t *tx) error {
		var err error
		c, err = t.chat(t.resolve(id))
		return err
	})
	return c, err
}

// Chats returns every chat that has settings.
func (s *Store) Chats() ([]Chat, error) {
	var chats []Chat
	err := s.view(func(t *tx) error {
		var err error
		chats, err = t.chats()
		return err
	})
	return chats, err
}

func (t *tx) chats() ([]Chat, error) {
	var chats []Chat
	err := t.bucket(bucketChat).ForEach(func(key, value []byte) error {
		c := Chat{ID: readI64[sms.ChatID](key)}
		if err := decode(value, &c); err != nil {
			return err
		}
		chats = append(chats, c)
		return nil
	})
	return chats, err
}

// editChat changes the settings of a chat. When it becomes an inbox, the SMS that waited for one are shown there.
func (t *tx) editChat(id sms.ChatID, edit func(*Chat)) error {
	c, err := t.chat(t.resolve(id))
	if err != nil {
		return err
	}
	edit(&c)
	if err := t.putChat(c); err != nil {
		return err
	}
	return t.routeWaiting()
}

// SetInFlight notes that this process is about to post to a group, or that nothing is on its way to it after all. One note covers many posts:
// after a kill, one of them may have arrived without being noted.
func (s *Store) SetInFlight(id sms.ChatID, begun bool) error {
	return s.update(func(t *tx) error {
		c, err := t.chat(id)
		if err != nil || c.InFlight == begun || c.MigratedTo != 0 {
			return err
		}
		c.InFlight = begun
		return t.putChat(c)
	})
}

// endInFlight ends the notes of SetInFlight that an earlier process made. If it was killed, its group may have one post more.
func (t *tx) endInFlight(killed bool) error {
	chats, err := t.chats()
	if err != nil {
		return err
	}
	for _, c := range chats {
		if !c.InFlight {
			continue
		}
		c.InFlight = false
		if err := t.putChat(c); err != nil {
			return err
		}
		if killed {
			if err := t.countPost(c.ID); err != nil {
				return err
			}
		}
	}
	return nil
}

// NoteTitle notes what a group is called.
func (s *Store) NoteTitle(id sms.ChatID, title string) error {
	if c, err := s.Chat(id); err != nil || c.Title == title {
		return err
	}
	return s.update(func(t *tx) error {
		c, err := t.chat(t.resolve(id))
		if err != nil {
			return err
		}
		c.Title = title
		return t.putChat(c)
	})
}

// postTaken notes that a chat took a post: so the chat is not lost, and a group has one recent post more. Without that a process that starts
// in the middle of a flood would post too fast.
func (t *tx) postTaken(p Post) error {
	if err := t.chatFound(p.Chat); err != nil {
		return err
	}
	return t.countPost(p.Chat)
}

// countPost remembers one more post of a group. Private chats are not paced by what was posted before the start.
func (t *tx) countPost(id sms.ChatID) error {
	remember := t.store.opts.RecentPosts
	if id > 0 || remember == 0 {
		return nil
	}
	c, err := t.chat(id)
	if err != nil {
		return err
	}
	// By our own clock, as the next start knows no other, and rounded up: never earlier than Telegram's.
	c.Recent = append(c.Recent, t.store.opts.Now().Add(time.Millisecond-1).UnixMilli())
	c.Recent = c.Recent[max(0, len(c.Recent)-remember):]
	return t.putChat(c)
}

// HoldChat notes that Telegram asked to post nothing in a chat for d.
func (s *Store) HoldChat(id sms.ChatID, d time.Duration) error {
	return s.update(func(t *tx) error {
		c, err := t.chat(id)
		if err != nil {
			return err
		}
		c.Held = s.opts.Now().Add(d) // by our own clock, as in countPost
		return t.putChat(c)
	})
}

// inbox is one place that shows inbound SMS.
type inbox struct {
	place sms.Place
	lines []sms.Number
	gone  bool
}

// inboxes returns the places of the settings and of the store, one a chat and line.
func (t *tx) inboxes() ([]inbox, error) {
	chats, err := t.chats()
	if err != nil {
		return nil, err
	}
	var all []inbox
	known := map[sms.ChatID]bool{}
	for _, c := range chats {
		known[c.ID] = c.Off || len(c.Inboxes) > 0
		for _, in := range c.Inboxes {
			all = append(all, inbox{sms.Place{Chat: c.ID, Topic: in.Topic}, in.Lines, c.Gone != ""})
		}
	}
	for _, id := range t.store.opts.Inbox {
		id = t.resolve(id)
		if !known[id] {
			known[id] = true
			c, err := t.chat(id)
			if err != nil {
				return nil, err
			}
			all = append(all, inbox{sms.Place{Chat: id}, nil, c.Gone != ""})
		}
	}
	return all, nil
}

// routes returns where an SMS of c to line is shown: the place c is linked to, else the chats of the line, else the inbox chats, at one
// place in each chat. In a forum with topics it is its customer's topic in the end.
func routes(c Customer, inboxes []inbox, line sms.Number) []sms.Place {
	if c.Linked != nil {
		return []sms.Place{*c.Linked}
	}
	var ofLine, ofAll []sms.Place
	for _, in := range inboxes {
		switch {
		case slices.Contains(in.lines, line):
			ofLine = append(ofLine, in.place)
		case len(in.lines) == 0:
			ofAll = append(ofAll, in.place)
		}
	}
	places := ofLine
	if len(places) == 0 {
		places = ofAll
	}
	seen := map[sms.ChatID]bool{}
	return slices.DeleteFunc(places, func(p sms.Place) bool {
		again := seen[p.Chat]
		seen[p.Chat] = true
		return again
	})
}

// routeWaiting moves the posts that wait for a chat to where they belong now.
func (t *tx) routeWaiting() error {
	inboxes, err := t.inboxes()
	if err != nil {
		return err
	}
	first, _ := t.bucket(bucketBound).Cursor().First()
	waiting, left, err := t.unrouted(len(inboxes) > 0 || first != nil)
	if err != nil {
		return err
	}
	for _, p := range waiting {
		places, err := t.placesNow(p, inboxes)
		if err != nil {
			return err
		}
		if len(places) == 0 || places[0].Chat == 0 {
			left = left || p.Kind == PostSMS
			continue
		}
		if err := t.bucket(bucketPost).Delete(postKey(0, p.Class, p.ID)); err != nil {
			return err
		}
		if p.Kind == PostSMS {
			if p.Class, err = t.classOf(p.Seq); err != nil {
				return err
			}
		}
		for _, place := range places {
			p.Chat, p.Topic = place.Chat, place.Topic
			if _, err := t.addPost(p); err != nil {
				return err
			}
		}
	}
	if left {
		return nil
	}
	return t.bucket(bucketMeta).Delete(keySilent)
}

// unrouted returns the posts that wait for a chat. left is that there are SMS among them that were not read, as no chat shows any: perhaps a hundred
// thousand.
func (t *tx) unrouted(shown bool) (waiting []Post, left bool, err error) {
	c := t.bucket(bucketPost).Cursor()
	for key, value := c.Seek(i64(sms.ChatID(0))); key != nil && readI64[sms.ChatID](key[:8]) == 0; key, value = c.Next() {
		p, err := readPost(key, value)
		if err != nil {
			return nil, false, err
		}
		if p.Kind == PostSMS && !shown {
			return waiting, true, nil
		}
		waiting = append(waiting, p)
	}
	return waiting, false, nil
}

// placesNow returns where a post belongs that waits for a chat.
func (t *tx) placesNow(p Post, inboxes []inbox) ([]sms.Place, error) {
	switch p.Kind {
	case PostSMS:
		m, err := t.sms(p.Seq)
		if err != nil {
			return nil, err
		}
		c, err := t.customer(m.Customer)
		if err != nil {
			return nil, err
		}
		return routes(c, inboxes, m.Line), nil
	case PostIncident:
		var i Incident
		if err := get(t.bucket(bucketIncident), u64(p.Incident), &i); err != nil && !errors.Is(err, ErrNotFound) {
			return nil, err
		}
		return t.noticePlaces(i.concernsAll())
	}
	return t.noticePlaces(false)
}

// ChatLost notes that a chat takes no posts, and why. Other chats are told of the incidents it should have shown. The rest waits until the chat
// takes posts again. The admins are told once.
func (s *Store) ChatLost(id sms.ChatID, reason string) error {
	return s.update(func(t *tx) error {
		c, err := t.chat(id)
		if err != nil || c.Gone != "" || c.MigratedTo != 0 {
			return err
		}
		c.Gone = reason
		if err := t.putChat(c); err != nil {
			return err
		}
		if err := t.retellIncidents(id); err != nil {
			return err
		}
		if key, _ := t.bucket(bucketPost).Cursor().Seek(i64(id)); key == nil || readI64[sms.ChatID](key[:8]) != id {
			return nil // an admin who never wrote to us: nothing waits for them
		}
		return t.addIncident(&Incident{Kind: ChatLost, From: t.now, Chat: id, Reason: reason})
	})
}

// chatFound notes that a chat takes posts again.
func (t *tx) chatFound(id sms.ChatID) error {
	c, err := t.chat(id)
	if err != nil || c.Gone == "" {
		return err
	}
	c.Gone, c.NoMarks = "", time.Time{}
	t.posts = true
	if err := t.putChat(c); err != nil {
		return err
	}
	return t.routeWaiting()
}

// ChatFound notes that a chat takes posts again: the bot was added back, or somebody wrote there.
func (s *Store) ChatFound(id sms.ChatID) error {
	if c, err := s.Chat(id); err == nil && c.Gone == "" {
		return nil
	}
	return s.update(func(t *tx) error { return t.chatFound(t.resolve(id)) })
}

// MigrateChat renames a group that became a supergroup. Its settings, batches and waiting posts move. Messages already shown stay behind, as
// their ids mean nothing in the new chat.
func (s *Store) MigrateChat(from, to sms.ChatID) error {
	return s.update(func(t *tx) error {
		old, err := t.chat(from)
		if err != nil || old.MigratedTo != 0 || from == to {
			return err
		}
		moved := old
		moved.ID, moved.Gone, moved.Unpins, moved.Prompts = to, "", nil, nil
		if moved.Pin != nil {
			moved.Pin = &Pin{By: moved.Pin.By}
		}
		if slices.Contains(t.store.opts.Inbox, from) && !moved.Off && len(moved.Inboxes) == 0 {
			moved.Inboxes = []Inbox{{}}
		}
		if err := t.putChat(moved); err != nil {
			return err
		}
		if err := t.putChat(Chat{ID: from, MigratedTo: to}); err != nil {
			return err
		}
		if err := t.moveBatches(from, to); err != nil {
			return err
		}
		if err := t.moveScheduled(from, to); err != nil {
			return err
		}
		if err := t.moveLink(sms.Place{Chat: from}, sms.Place{Chat: to}); err != nil {
			return err
		}
		if err := t.unbindChat(from); err != nil { // a group has no topics, whatever an old file says
			return err
		}
		if moved.Pin != nil {
			if _, err := t.addPost(moved.PostPin()); err != nil {
				return err
			}
		}
		return t.movePosts(from, func(p *Post) bool {
			if p.Kind == PostPin {
				return false
			}
			p.Chat, p.Topic, p.ReplyTo, p.Message, p.Reason = to, 0, 0, 0, ""
			if p.Kind == PostMark { // the reply stayed behind: a message tells
				p.Kind, p.Class = PostBatch, Answers
			}
			return true
		})
	})
}

// InboxChats returns the chats that show inbound SMS.
func (s *Store) InboxChats() ([]sms.ChatID, error) {
	var chats []sms.ChatID
	err := s.view(func(t *tx) error {
		chats = nil
		inboxes, err := t.inboxes()
		for _, in := range inboxes {
			chats = append(chats, in.place.Chat)
		}
		return err
	})
	return chats, err
}

// LinkedChats returns the chats that show the SMS of customers who belong there, one for each topic.
func (s *Store) LinkedChats() ([]sms.ChatID, error) {
	var chats []sms.ChatID
	err := s.view(func(t *tx) error {
		chats = nil
		return t.bucket(bucketBound).ForEach(func(key, _ []byte) error {
			chats = append(chats, readI64[sms.ChatID](key[:8]))
			return nil
		})
	})
	return chats, err
}
