package store

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"peyk/sms"
)

// Class tells apart the posts of one chat that wait for one another: those of each class are shown in order.
type Class uint8

const (
	Answers    Class = iota // to agents
	Known                   // SMS of customers we know, see Customer.Known
	Marks                   // on orders; see mark.go
	NewNumbers              // SMS of others
	Signs                   // the pinned list of who waits, and the icons of topics, by whose ids they are
	IfEnded                 // shown only if the process ends: see ended.go
)

// inbound are the classes of inbound SMS.
var inbound = []Class{Known, NewNumbers}

// PostKind says what a post shows.
type PostKind string

const (
	PostText     PostKind = "text"     // Text as it stands
	PostSMS      PostKind = "sms"      // the SMS Seq
	PostBatch    PostKind = "batch"    // how far Batch has come; edited as that changes
	PostIncident PostKind = "incident" // Incident
	PostCard     PostKind = "card"     // the customer the place belongs to; edited as what is known of them changes
	PostMark     PostKind = "mark"     // how far Batch has come, on the reply that ordered it
	PostMarks    PostKind = "marks"    // what marks mean
	PostAwake    PostKind = "awake"    // that the SMS Seq waits again, as its snooze is over
	PostPrompt   PostKind = "prompt"   // that Agent, whose name is Text, is to answer the SMS Seq in reply to it
	PostRemind   PostKind = "remind"   // that the SMS Seq waits for long
	PostWish     PostKind = "wish"     // that the customers of the SMS Wishes opted out, or in
	PostEscalate PostKind = "escalate" // likewise, to the admins; Text is who had claimed its customer
	PostPin      PostKind = "pin"      // the pinned list of who waits
	PostIcon     PostKind = "icon"     // of the topic
	PostResult   PostKind = "result"   // a file of what became of each SMS of Batch
	PostSample   PostKind = "sample"   // a file as a bulk order has it
)

// Button is under a post; Data comes back when it is pressed.
type Button struct {
	Label string `json:"label"`
	Data  string `json:"data"`
	Copy  string `json:"copy,omitempty"`  // what a press copies, instead
	Style string `json:"style,omitempty"` // success or danger
}

// Post is one row of the queue of what chats are to show.
type Post struct {
	Chat  sms.ChatID `json:"-"`
	Class Class      `json:"-"`
	ID    uint64     `json:"-"` // the Seq of an inbound SMS

	Kind      PostKind          `json:"k"`
	Topic     sms.TopicID       `json:"topic,omitempty"`
	ReplyTo   sms.ChatMessageID `json:"reply,omitempty"`
	Message   sms.ChatMessageID `json:"message,omitempty"` // of ours: it is changed, in an answer to who pressed its button
	Text      string            `json:"text,omitempty"`    // HTML
	Photo     []byte            `json:"photo,omitempty"`   // a picture above Text, of at most 100 kB: it is read at each look at the queue
	Buttons   []Button          `json:"buttons,omitempty"`
	Seq       Seq               `json:"seq,omitempty"`
	Agent     sms.AgentID       `json:"agent,omitempty"`
	Batch     BatchID           `json:"batch,omitempty"`
	Incident  uint64            `json:"incident,omitempty"`
	Part      int               `json:"part,omitempty"`     // parts of a long post shown so far
	Repeated  bool              `json:"repeated,omitempty"` // the chat may show it already, perhaps as it was before
	Digest    int               `json:"digest,omitempty"`   // this many, from this one on, were to be shown in one message
	Mixed     bool              `json:"mixed,omitempty"`    // of Digest: whoever they are from, though each customer has a topic
	Edit      bool              `json:"edit,omitempty"`     // changes a message instead of posting one, and nobody waits for it
	At        time.Time         `json:"at,omitzero"`        // since when it waits
	Wish      Wish              `json:"wish,omitempty"`     // what the SMS says its customer wishes: that is told under it
	Wishes    []Seq             `json:"wishes,omitempty"`   // the SMS of which it tells what they wish
	NotBefore time.Time         `json:"after,omitzero"`
	Revision  int               `json:"rev,omitempty"`    // grows when what is to be shown changes
	Reason    string            `json:"reason,omitempty"` // why Telegram refused it: it is in dead, or a notice is due in its place
	Refused   time.Time         `json:"refused,omitzero"` // in dead: when

	NeedsTopic bool `json:"-"` // of a head: one should be made for its customer first, if there is room for that
}

// Shown says what a chat message shows, or, with Order set, which batch it ordered.
type Shown struct {
	Seq   Seq     `json:"seq,omitempty"`
	Seqs  []Seq   `json:"seqs,omitempty"` // of a digest, in its order
	Batch BatchID `json:"batch,omitempty"`
	Order bool    `json:"order,omitempty"`
	Deeds []deed  `json:"deeds,omitempty"` // by reactions to it
}

// Since returns since when p might be shown.
func (p Post) Since() time.Time {
	if p.NotBefore.After(p.At) {
		return p.NotBefore
	}
	return p.At
}

// Upkeep tells whether p only brings up to date what stands there, and nobody waits for it.
func (p Post) Upkeep() bool { return p.Edit || p.Kind == PostCard }

// addPost queues p. Posts of class Answers get their number here.
func (t *tx) addPost(p Post) (uint64, error) {
	rows := t.bucket(bucketPost)
	p.Chat = t.resolve(p.Chat)
	if p.Class == Answers && p.ID == 0 {
		id, err := rows.NextSequence()
		if err != nil {
			return 0, err
		}
		p.ID = id
	}
	if p.At.IsZero() {
		p.At = t.now
	}
	t.posts = true
	return p.ID, put(rows, postKey(p.Chat, p.Class, p.ID), p)
}

// post returns the row that waits for p, which may have got into another class since p was read. The error is ErrNotFound if there is none.
func (t *tx) post(p Post) (Post, error) {
	classes := []Class{p.Class}
	if p.Kind == PostSMS {
		classes = inbound
	}
	for _, class := range classes {
		p.Class = class
		if row, err := t.waits(p); !errors.Is(err, ErrNotFound) {
			return row, err
		}
	}
	return Post{}, ErrNotFound
}

// waits returns p as it waits now, and ErrNotFound if it waits no longer where it was read.
func (t *tx) waits(p Post) (Post, error) {
	key := postKey(p.Chat, p.Class, p.ID)
	value := t.bucket(bucketPost).Get(key)
	if value == nil {
		return Post{}, ErrNotFound
	}
	return readPost(key, value)
}

// first is waits for the post of an SMS, which it no longer finds where others have come before it: theirs may be among those behind it, too.
func (t *tx) first(p Post) (Post, error) {
	row, err := t.waits(p)
	if key, _ := t.bucket(bucketPost).Cursor().Seek(postKey(p.Chat, p.Class, 0)); err == nil && string(key) != string(postKey(p.Chat, p.Class, p.ID)) {
		return Post{}, ErrNotFound
	}
	return row, err
}

func (t *tx) putPost(p Post) error {
	return put(t.bucket(bucketPost), postKey(p.Chat, p.Class, p.ID), p)
}

func (t *tx) deletePost(p Post) error {
	return t.bucket(bucketPost).Delete(postKey(p.Chat, p.Class, p.ID))
}

// AddPost queues p as an answer to agents.
func (s *Store) AddPost(p Post) error {
	return s.update(func(t *tx) error {
		_, err := t.addPost(p)
		return err
	})
}

// ofClass tells whether key is that of a post of that class in chat.
func ofClass(key []byte, chat sms.ChatID, class Class) bool {
	return key != nil && readI64[sms.ChatID](key[:8]) == chat && Class(key[8]) == class
}

func readPost(key, value []byte) (Post, error) {
	p := Post{Chat: readI64[sms.ChatID](key[:8]), Class: Class(key[8]), ID: binary.BigEndian.Uint64(key[9:])}
	err := decode(value, &p)
	return p, err
}

// Heads returns the posts of each chat that wait for no other: the first answer, the first that only brings up to date what stands there, among them
// the pinned list and icons, and the first SMS of each class. Chats that are not open are left out. next is when the first of the posts that are not due yet will be; zero if there is
// none.
func (s *Store) Heads(open func(sms.ChatID) bool) (heads [][]Post, next time.Time, err error) {
	err = s.view(func(t *tx) error {
		heads, next = nil, time.Time{}
		c := t.bucket(bucketPost).Cursor()
		for key, _ := c.First(); key != nil; {
			chat := readI64[sms.ChatID](key[:8])
			if chat != 0 && open(chat) {
				settings, err := t.chat(chat)
				if err != nil {
					return err
				}
				first, due, err := t.heads(settings)
				if err != nil {
					return err
				}
				if len(first) > 0 {
					heads = append(heads, first)
				}
				next = sooner(next, due)
			}
			key, _ = c.Seek(i64(chat + 1))
		}
		return nil
	})
	return heads, next, err
}

// mostPutOff is the longest that a post is put off, and a little more: the patience that Telegram may ask for.
const mostPutOff = time.Hour + time.Minute

// heads is Heads for one chat.
func (t *tx) heads(settings Chat) (heads []Post, next time.Time, err error) {
	chat := settings.ID
	var found [2]bool // an answer, upkeep
	c := t.bucket(bucketPost).Cursor()
	for key, value := c.Seek(i64(chat)); ofClass(key, chat, Answers) && found != [2]bool{true, true}; key, value = c.Next() {
		p, err := readPost(key, value)
		if err != nil {
			return nil, next, err
		}
		of := &found[0]
		if p.Upkeep() {
			of = &found[1]
		}
		switch {
		case PutOff(p.NotBefore, t.now, mostPutOff):
			next = sooner(next, p.NotBefore)
		case !*of:
			*of = true
			heads = append(heads, p)
		}
	}
	switch p, due, err := t.nextSign(settings); {
	case err == nil:
		i := slices.IndexFunc(heads, func(h Post) bool { return h.Upkeep() == p.Upkeep() })
		if i < 0 {
			heads = append(heads, p)
		} else if p.Since().Before(heads[i].Since()) { // or cards would keep it from its turn for good, or it them
			heads[i] = p
		}
		next = sooner(next, due)
	case errors.Is(err, ErrNotFound):
		next = sooner(next, due)
	default:
		return nil, next, err
	}
	for _, class := range inbound { // SMS stay in order
		if key, value := c.Seek(postKey(chat, class, 0)); ofClass(key, chat, class) {
			p, err := readPost(key, value)
			if err != nil {
				return nil, next, err
			}
			if PutOff(p.NotBefore, t.now, mostPutOff) {
				next = sooner(next, p.NotBefore)
				continue
			}
			if settings.Topics && p.Part == 0 && p.Reason == "" && p.Digest == 0 {
				n, err := t.crowd(p, manyNew, time.Time{})
				if err != nil {
					return nil, next, err
				}
				p.NeedsTopic = n.first > 1 && (class == Known || n.all <= manyNew)
			}
			heads = append(heads, p)
		}
	}
	return heads, next, nil
}

// sooner returns the earlier of two times, of which zero is none.
func sooner(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// followingRead bounds how many of the posts that wait are read to find those of one customer.
const followingRead = 1000

// ToShow is what it takes to show an SMS, read at one moment.
type ToShow struct {
	Chat     Chat
	Customer Customer // whose SMS it is
	Mixed    bool     // SMS of several customers go into one message, outside of topics
	Posts    []Post   // the post of the SMS as it waits now, and those that may stand in one message with it
	SMS      []SMS    // of each post
	Names    []string // of the customer of each
}

// ToShow returns what it takes to show of, the post of an SMS. If it began a digest, the other posts of that come with it; if more wait than the chat
// has room for, in messages, or since before late, those that may stand in one message with it do, at most most in all. If each customer has a topic,
// these are the customer's, or, without room for the topics of all who wait, those of all: once others wait since before late, or many new numbers do.
// The error is ErrNotFound if it is no longer the first where it waited: it moved, its customer was forgotten, or others moved there.
func (s *Store) ToShow(of Post, most, room int, late time.Time) (ToShow, error) {
	var show ToShow
	err := s.view(func(t *tx) error {
		p, err := t.first(of)
		if err != nil { // those behind it must not be taken for it
			return fmt.Errorf("post %d of chat %d: %w", of.ID, of.Chat, err)
		}
		show = ToShow{Posts: []Post{p}, Mixed: p.Mixed && p.Digest > 0}
		if show.Chat, err = t.chat(p.Chat); err != nil {
			return err
		}
		if p.Part == 0 && p.Reason == "" {
			if p.Digest == 0 && show.Chat.Topics {
				n, err := t.crowd(p, max(room, manyNew), late)
				if err != nil {
					return err
				}
				show.Mixed = n.all > room && (n.waited || n.first > room || p.Class == NewNumbers && n.all > manyNew)
			}
			posts, waiting, err := t.following(p, cmp.Or(p.Digest, most), show.Chat.Topics && !show.Mixed)
			if err != nil {
				return err
			}
			if p.Digest == 0 && !show.Mixed && waiting <= room && (len(posts) == 1 || !posts[1].At.Before(late)) {
				posts = posts[:1]
			}
			show.Posts = posts
		}
		for i, post := range show.Posts {
			m, err := t.sms(post.Seq)
			if err != nil {
				return fmt.Errorf("read sms %d: %v", post.Seq, err)
			}
			c, err := t.customer(m.Customer)
			if err != nil {
				return err
			}
			if i == 0 {
				show.Customer = c
			} else if show.Mixed && p.Digest == 0 && c.Linked != nil { // linked since
				show.Posts = show.Posts[:i]
				break
			}
			show.SMS, show.Names = append(show.SMS, m), append(show.Names, c.Name)
		}
		return nil
	})
	return show, err
}

// crowd is what it takes to show those who wait in a forum with topics each in their own.
type crowd struct {
	first  int  // messages for the first: one, or two if the topic is to be made
	all    int  // for all; only so many that it is too many
	waited bool // another than the first waits for long
}

// manyNew is how many messages new numbers may take for topics of their own, before they are shown together outside of topics.
const manyNew = 8

// crowd returns what it takes from p, the first of its class, on; more than most it does not count. Long is since before late.
func (t *tx) crowd(p Post, most int, late time.Time) (crowd, error) {
	var n crowd
	seen := map[sms.Number]bool{}
	c := t.bucket(bucketPost).Cursor()
	for key, value := c.Seek(postKey(p.Chat, p.Class, p.ID)); ofClass(key, p.Chat, p.Class) && (n.all <= most || !n.waited) && len(seen) < followingRead; key, value = c.Next() {
		next, err := readPost(key, value)
		if err != nil {
			return n, err
		}
		m, err := t.sms(next.Seq)
		if err != nil {
			return n, err
		}
		if seen[m.Customer] {
			continue
		}
		customer, err := t.customer(m.Customer)
		if err != nil {
			return n, err
		}
		if customer.Linked != nil { // shown nowhere else
			if len(seen) == 0 {
				return crowd{first: 1, all: 1}, nil
			}
			continue
		}
		costs := 1
		if _, has := customer.TopicIn(p.Chat); !has && customer.Number.Names() {
			costs = 2
		}
		if len(seen) == 0 {
			n.first = costs
		} else if next.At.Before(late) {
			n.waited = true
		} else if n.all > most { // those behind wait for less
			return n, nil
		}
		n.all += costs
		seen[m.Customer] = true
	}
	return n, nil
}

// following returns p, the post of an SMS, and those that follow it in the same topic, at most limit. If each customer has a topic, these are the
// posts about the same customer; else all up to the first that belongs elsewhere. waiting is how many it read.
func (t *tx) following(p Post, limit int, topics bool) (found []Post, waiting int, err error) {
	var of sms.Number
	c := t.bucket(bucketPost).Cursor()
	for key, value := c.Seek(postKey(p.Chat, p.Class, p.ID)); ofClass(key, p.Chat, p.Class) && len(found) < limit && waiting < followingRead; key, value = c.Next() {
		next, err := readPost(key, value)
		if err != nil {
			return nil, 0, err
		}
		fits := next.Topic == p.Topic && next.Part == 0 && next.Reason == ""
		if fits && topics {
			m, err := t.sms(next.Seq)
			if err != nil {
				return nil, 0, err
			}
			if waiting == 0 {
				of = m.Customer
			}
			fits = m.Customer == of
		} else if !fits && !topics {
			break
		}
		waiting++
		if fits {
			found = append(found, next)
		}
	}
	return found, waiting, nil
}

// BeginDigest notes that posts are about to be shown in one message, mixed as ToShow says. After a crash the same ones are shown together, as perhaps
// repeated. The error is ErrNotFound if they are no longer the first that wait, one behind the other, and are to be read anew.
func (s *Store) BeginDigest(posts []Post, mixed bool) error {
	return s.update(func(t *tx) error {
		if _, err := t.first(posts[0]); err != nil {
			return fmt.Errorf("digest of chat %d: %w", posts[0].Chat, err)
		}
		settings, err := t.chat(posts[0].Chat)
		if err != nil {
			return err
		}
		now, _, err := t.following(posts[0], len(posts), settings.Topics && !mixed)
		if err != nil {
			return err
		}
		if !slices.EqualFunc(now, posts, func(a, b Post) bool { return a.ID == b.ID }) {
			return fmt.Errorf("digest of chat %d: %w", posts[0].Chat, ErrNotFound)
		}
		row := now[0]
		row.Digest, row.Mixed = len(posts), mixed
		return t.putPost(row)
	})
}

// PostUncertain notes that a chat may show p already: the answer of Telegram never came.
func (s *Store) PostUncertain(p Post) error {
	return s.update(func(t *tx) error {
		if err := t.countPost(p.Chat); err != nil || p.Kind != PostSMS && p.Kind != PostBatch {
			return err
		}
		row, err := t.post(p)
		if errors.Is(err, ErrNotFound) { // forgotten meanwhile, or moved with its group
			return nil
		}
		if err != nil {
			return err
		}
		row.Repeated = true
		return t.putPost(row)
	})
}

// TopicUncertain notes that a chat may have a new topic: the answer of Telegram never came.
func (s *Store) TopicUncertain(chat sms.ChatID) error {
	return s.update(func(t *tx) error { return t.countPost(chat) })
}

// DigestPosted records that message, in topic, now shows all of posts, which are SMS of one chat.
func (s *Store) DigestPosted(posts []Post, topic sms.TopicID, message sms.ChatMessageID) error {
	return s.update(func(t *tx) error {
		link, wishes := Shown{}, []Seq(nil)
		for _, p := range posts {
			link.Seqs = append(link.Seqs, p.Seq)
			if err := t.waitsIn(p.Seq, ChatMessage{sms.Place{Chat: p.Chat, Topic: topic}, message}); err != nil {
				return err
			}
			row, err := t.post(p)
			if err == nil && row.Wish != "" {
				row.Wish = ""
				wishes = append(wishes, row.Seq)
			}
			switch {
			case errors.Is(err, ErrNotFound):
				continue
			case err == nil && row.Revision != p.Revision: // shown as it was before
				row.Digest = 0
				err = t.putPost(row)
			case err == nil:
				err = t.deletePost(row)
			}
			if err != nil {
				return err
			}
		}
		if err := t.tellWishes(ChatMessage{sms.Place{Chat: posts[0].Chat, Topic: topic}, message}, wishes...); err != nil {
			return err
		}
		if err := t.postTaken(posts[0]); err != nil {
			return err
		}
		if err := t.shownIn(sms.Place{Chat: posts[0].Chat, Topic: topic}, link.Seqs...); err != nil {
			return err
		}
		return put(t.bucket(bucketShows), messageKey(posts[0].Chat, message), link)
	})
}

// Posted records that message now shows p, or its next part if more follow. Message 0 means that none was needed. If the row changed while
// Telegram was asked, it stays and is shown again. The topic of p is the one where the message stands.
func (s *Store) Posted(p Post, message sms.ChatMessageID, more bool) error {
	return s.update(func(t *tx) error {
		if message != 0 && (p.Seq != 0 || p.Batch != 0) {
			if err := put(t.bucket(bucketShows), messageKey(p.Chat, message), Shown{Seq: p.Seq, Batch: p.Batch}); err != nil {
				return err
			}
		}
		var err error
		switch p.Kind {
		case PostBatch:
			err = t.batchShown(p.Batch, message)
		case PostCard:
			err = t.cardShown(p, message)
		case PostSMS:
			place := sms.Place{Chat: p.Chat, Topic: p.Topic}
			err = errors.Join(t.waitsIn(p.Seq, ChatMessage{place, message}), t.shownIn(place, p.Seq))
		case PostIncident:
			err = t.incidentTold(p.Incident)
		case PostPrompt:
			err = t.editChat(p.Chat, func(c *Chat) { c.prompt(Prompt{message, p.Agent, p.Seq, t.now.Add(promptLasts)}, t.now) })
		}
		if err == nil {
			err = t.postTaken(p)
		}
		if err != nil {
			return err
		}
		row, err := t.post(p)
		if err == nil && row.Wish != "" && !more {
			row.Wish = ""
			err = t.tellWishes(ChatMessage{sms.Place{Chat: p.Chat, Topic: p.Topic}, message}, row.Seq)
		}
		switch {
		case errors.Is(err, ErrNotFound):
			return nil
		case err != nil:
			return err
		case more:
			row.Part++
			return t.putPost(row)
		case row.Revision != p.Revision && p.Kind == PostBatch:
			b, err := t.batch(p.Batch)
			if err != nil {
				return err
			}
			row.Edit = b.edits()
			return t.putPost(row)
		case row.Revision != p.Revision:
			return t.putPost(row)
		}
		return t.deletePost(row)
	})
}

// SetAside puts aside a post that its chat will never show, with Telegram's reason, and tells the admins. If the row changed while Telegram was
// asked, it stays and is tried again. Of a digest the first stays, to be tried alone.
func (s *Store) SetAside(p Post, reason string) error {
	return s.update(func(t *tx) error {
		row, err := t.post(p)
		switch {
		case errors.Is(err, ErrNotFound):
			return nil
		case err != nil:
			return err
		case row.Revision != p.Revision:
			return nil
		case row.Digest > 1: // one of several is at fault
			return t.splitDigest(row)
		}
		p.Class = row.Class
		return t.setAside(p, reason)
	})
}

// NoticeInstead notes that Telegram refused p in every form, and why: a notice is due in its place. Without a reason p itself is due again. Of a
// digest the first is due alone.
func (s *Store) NoticeInstead(p Post, reason string) error {
	return s.update(func(t *tx) error {
		row, err := t.post(p)
		switch {
		case errors.Is(err, ErrNotFound):
			return nil
		case err != nil:
			return err
		case row.Revision != p.Revision:
			return nil
		case row.Digest > 1 && reason != "":
			return t.splitDigest(row)
		}
		row.Reason = reason
		return t.putPost(row)
	})
}

// NoticePosted records that message tells that p was refused, and puts p aside. A reply to that message is a reply to p.
func (s *Store) NoticePosted(p Post, message sms.ChatMessageID) error {
	return s.update(func(t *tx) error {
		if p.Seq != 0 || p.Batch != 0 {
			if err := put(t.bucket(bucketShows), messageKey(p.Chat, message), Shown{Seq: p.Seq, Batch: p.Batch}); err != nil {
				return err
			}
		}
		if err := t.postTaken(p); err != nil {
			return err
		}
		if row, err := t.post(p); err == nil {
			p.Class = row.Class
		}
		if p.Wish != "" {
			p.Wish = ""
			if err := t.tellWishes(ChatMessage{sms.Place{Chat: p.Chat, Topic: p.Topic}, message}, p.Seq); err != nil {
				return err
			}
		}
		return t.setAside(p, p.Reason)
	})
}

// ShowAgain queues a post again that was put aside. The error is ErrNotFound if that was done already, or the post is no longer kept.
func (s *Store) ShowAgain(refused Post) error {
	return s.update(func(t *tx) error {
		key := postKey(refused.Chat, refused.Class, refused.ID)
		value := t.bucket(bucketDead).Get(key)
		if value == nil && refused.Class == Known {
			key = postKey(refused.Chat, NewNumbers, refused.ID)
			value = t.bucket(bucketDead).Get(key)
		}
		if value == nil {
			return ErrNotFound
		}
		p, err := readPost(key, value)
		if err != nil {
			return err
		}
		if p.Seq != 0 {
			if _, err := t.sms(p.Seq); err != nil {
				return err
			}
		}
		if p.Batch != 0 {
			if _, err := t.batch(p.Batch); err != nil {
				return err
			}
		}
		if p.Kind == PostCard {
			if _, err := t.bound(sms.Place{Chat: p.Chat, Topic: p.Topic}); err != nil {
				return err
			}
		}
		if err := t.bucket(bucketDead).Delete(key); err != nil {
			return err
		}
		if chat := t.resolve(p.Chat); chat != p.Chat {
			p.Chat, p.Topic, p.ReplyTo = chat, 0, 0
		}
		if _, err := t.post(p); err == nil {
			return nil // it is due already, and will tell the newest
		}
		p.Reason, p.Refused, p.Digest, p.NotBefore, p.At = "", time.Time{}, 0, time.Time{}, time.Time{}
		_, err = t.addPost(p)
		return err
	})
}

// setAside puts a post among those that were refused, and tells the admins.
func (t *tx) setAside(p Post, reason string) error {
	key := postKey(p.Chat, p.Class, p.ID)
	if err := t.bucket(bucketPost).Delete(key); err != nil {
		return err
	}
	p.Reason, p.Refused = reason, t.now
	if err := put(t.bucket(bucketDead), key, p); err != nil {
		return err
	}
	if p.Kind == PostIncident {
		return nil // telling of it would fail, too
	}
	return t.addIncident(&Incident{Kind: PostRefused, From: t.now, Chat: p.Chat, Seq: p.Seq, Class: p.Class, Post: p.ID, Reason: reason})
}

// digest returns the posts of the digest that p began, or p.
func (t *tx) digest(p Post) ([]Post, error) {
	c, err := t.chat(p.Chat)
	if err != nil {
		return nil, err
	}
	posts, _, err := t.following(p, max(1, p.Digest), c.Topics && !p.Mixed)
	return posts, err
}

// splitDigest has the first of a digest, which is row, shown alone. All of them may be shown already, and will say so.
func (t *tx) splitDigest(row Post) error {
	posts, err := t.digest(row)
	if err != nil {
		return err
	}
	for i, next := range posts {
		if i == 0 {
			next.Digest = 1
		}
		next.Repeated = next.Repeated || row.Repeated
		if err := t.putPost(next); err != nil {
			return err
		}
	}
	return nil
}

// showSooner has the SMS of customers whom we know now wait with those of others we know. Those that may be on their way to a chat say that they
// are perhaps repeated; what was to be shown in one message with them still is. It reads all SMS of new numbers that wait.
func (t *tx) showSooner(known map[sms.Number]bool) error {
	rows := t.bucket(bucketPost)
	c := rows.Cursor()
	for key, _ := c.First(); key != nil; {
		chat := readI64[sms.ChatID](key[:8])
		if key, value := c.Seek(postKey(chat, NewNumbers, 0)); ofClass(key, chat, NewNumbers) {
			first, err := readPost(key, value)
			if err != nil {
				return err
			}
			if err := t.moveToKnown(first, known); err != nil {
				return err
			}
		}
		key, _ = c.Seek(i64(chat + 1))
	}
	return nil
}

// moveToKnown is showSooner for one chat, whose first post of a new number is first.
func (t *tx) moveToKnown(first Post, known map[sms.Number]bool) error {
	begun, err := t.digest(first)
	if err != nil {
		return err
	}
	var moved []Post
	var left []Post // of those begun
	c := t.bucket(bucketPost).Cursor()
	for key, value := c.Seek(postKey(first.Chat, NewNumbers, 0)); ofClass(key, first.Chat, NewNumbers); key, value = c.Next() {
		p, err := readPost(key, value)
		if err != nil {
			return err
		}
		m, err := t.sms(p.Seq)
		if err != nil {
			return err
		}
		under := slices.ContainsFunc(begun, func(b Post) bool { return b.ID == p.ID })
		switch {
		case known[m.Customer]:
			p.Repeated = p.Repeated || under
			moved = append(moved, p)
		case under:
			left = append(left, p)
		}
	}
	if len(moved) == 0 {
		return nil
	}
	if err := t.markOvertaken(moved[0]); err != nil {
		return err
	}
	if first.Digest > 0 && len(left) > 0 {
		head := left[0] // should Telegram's answer be lost, that is noted with the first, which may have moved
		head.Digest, head.Mixed, head.Repeated = len(left), first.Mixed, true
		if err := t.putPost(head); err != nil {
			return err
		}
	}
	for _, p := range moved {
		if err := t.deletePost(p); err != nil {
			return err
		}
		p.Class = Known
		if len(left) > 0 {
			p.Digest = 0
		}
		if _, err := t.addPost(p); err != nil {
			return err
		}
	}
	return nil
}

// markOvertaken has what may be on its way to a chat, of those we know, say that it is perhaps repeated, if next, which joins them, comes before it or
// into the midst of it: after a crash it is no longer what is first.
func (t *tx) markOvertaken(next Post) error {
	key, value := t.bucket(bucketPost).Cursor().Seek(postKey(next.Chat, Known, 0))
	if !ofClass(key, next.Chat, Known) {
		return nil
	}
	first, err := readPost(key, value)
	if err != nil {
		return err
	}
	begun, err := t.digest(first)
	if err != nil || len(begun) == 0 || next.ID > begun[len(begun)-1].ID {
		return err
	}
	for _, p := range begun {
		p.Repeated, p.Digest, p.Mixed = true, 0, false
		if err := t.putPost(p); err != nil {
			return err
		}
	}
	return nil
}

// Shows returns what a chat message shows. The error is ErrNotFound if it shows neither SMS nor batch, or if any of them is no longer kept: the
// rest of a digest must not be taken for all of it.
func (s *Store) Shows(chat sms.ChatID, message sms.ChatMessageID) (Shown, error) {
	var l Shown
	err := s.view(func(t *tx) error {
		l = Shown{}
		if err := get(t.bucket(bucketShows), messageKey(chat, message), &l); err != nil {
			return err
		}
		_, err := t.newestShown(l) // what messages show is forgotten a little later than the SMS
		return err
	})
	return l, err
}

// newestShown returns when the newest of what l names came to us, or ErrNotFound if any of it is gone.
func (t *tx) newestShown(l Shown) (newest time.Time, err error) {
	later := func(at time.Time) {
		if at.After(newest) {
			newest = at
		}
	}
	for _, seq := range append(slices.Clone(l.Seqs), l.Seq) {
		if seq == 0 {
			continue
		}
		m, err := t.sms(seq)
		if err != nil {
			return newest, err
		}
		later(arrived(m))
	}
	if l.Batch != 0 {
		b, err := t.batch(l.Batch)
		if err != nil {
			return newest, err
		}
		later(b.Created)
	}
	return newest, nil
}

// Waiting returns how many posts wait for a chat that shows them, and how many for their turn in their chat.
func (s *Store) Waiting() (unrouted, queued int, err error) {
	err = s.view(func(t *tx) error {
		unrouted, queued = 0, 0
		return t.bucket(bucketPost).ForEach(func(key, _ []byte) error {
			if readI64[sms.ChatID](key[:8]) == 0 {
				unrouted++
			} else {
				queued++
			}
			return nil
		})
	})
	return unrouted, queued, err
}

// queues returns the chats that posts wait for, zero for those that wait for a chat.
func (t *tx) queues() (chats []sms.ChatID) {
	c := t.bucket(bucketPost).Cursor()
	for key, _ := c.First(); key != nil; {
		chat := readI64[sms.ChatID](key[:8])
		chats = append(chats, chat)
		key, _ = c.Seek(i64(chat + 1))
	}
	return chats
}

// markRepeated marks the first SMS of each class in every chat as perhaps repeated: the process before this one may have posted it without noting it.
func (t *tx) markRepeated() error {
	rows := t.bucket(bucketPost)
	for _, chat := range t.queues() {
		if chat == 0 {
			continue
		}
		var told []Post
		c := rows.Cursor()
		for key, value := c.Seek(i64(chat)); ofClass(key, chat, Answers); key, value = c.Next() {
			p, err := readPost(key, value)
			if err != nil {
				return err
			}
			if p.Kind == PostBatch {
				told = append(told, p)
			}
		}
		for _, p := range told {
			p.Repeated = true
			if err := t.putPost(p); err != nil {
				return err
			}
		}
		for _, class := range inbound {
			key, value := rows.Cursor().Seek(postKey(chat, class, 0))
			if !ofClass(key, chat, class) {
				continue
			}
			p, err := readPost(key, value)
			if err != nil {
				return err
			}
			p.Repeated = true
			if err := t.putPost(p); err != nil {
				return err
			}
		}
	}
	return nil
}

// movePosts takes the posts of a chat that change accepts from its queue and puts them, as changed, where they say.
func (t *tx) movePosts(from sms.ChatID, change func(*Post) bool) error {
	var moved []Post
	err := t.dropPosts(from, func(p Post) bool {
		if !change(&p) {
			return false
		}
		moved = append(moved, p)
		return true
	})
	if err != nil {
		return err
	}
	for _, p := range moved {
		if _, err := t.addPost(p); err != nil {
			return err
		}
	}
	return nil
}

// dropPosts takes the posts of a chat that drop accepts from its queue.
func (t *tx) dropPosts(chat sms.ChatID, drop func(Post) bool) error {
	rows := t.bucket(bucketPost)
	var dropped [][]byte
	c := rows.Cursor()
	for key, value := c.Seek(i64(chat)); key != nil && readI64[sms.ChatID](key[:8]) == chat; key, value = c.Next() {
		p, err := readPost(key, value)
		if err != nil {
			return err
		}
		if drop(p) {
			dropped = append(dropped, postKey(p.Chat, p.Class, p.ID))
		}
	}
	for _, key := range dropped {
		if err := rows.Delete(key); err != nil {
			return err
		}
	}
	return nil
}
