package store

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"peyk/sms"
)

// Class orders the posts of one chat: those of a lower class go first. Marks wait for none.
type Class uint8

const (
	Answers Class = iota // to agents, ahead of any backlog
	Backlog              // inbound SMS
	Marks                // on replies; see mark.go
)

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
)

// Button is under a post; Data comes back when it is pressed.
type Button struct {
	Label string `json:"label"`
	Data  string `json:"data"`
}

// Post is one row of the queue of what chats are to show.
type Post struct {
	Chat  sms.ChatID `json:"-"`
	Class Class      `json:"-"`
	ID    uint64     `json:"-"` // the Seq in class Backlog

	Kind      PostKind          `json:"k"`
	Topic     sms.TopicID       `json:"topic,omitempty"`
	ReplyTo   sms.ChatMessageID `json:"reply,omitempty"`
	Text      string            `json:"text,omitempty"` // HTML
	Buttons   []Button          `json:"buttons,omitempty"`
	Seq       Seq               `json:"seq,omitempty"`
	Batch     BatchID           `json:"batch,omitempty"`
	Incident  uint64            `json:"incident,omitempty"`
	Part      int               `json:"part,omitempty"`     // parts of a long post shown so far
	Repeated  bool              `json:"repeated,omitempty"` // the chat may show it already, perhaps as it was before
	Digest    int               `json:"digest,omitempty"`   // this many, from this one on, were to be shown in one message
	Edit      bool              `json:"edit,omitempty"`     // changes a message instead of posting one
	NotBefore time.Time         `json:"after,omitzero"`
	Revision  int               `json:"rev,omitempty"`    // grows when what is to be shown changes
	Reason    string            `json:"reason,omitempty"` // why Telegram refused it: it is in dead, or a notice is due in its place
	Refused   time.Time         `json:"refused,omitzero"` // in dead: when
}

// Shown says what a chat message shows, or, with Order set, which batch it ordered.
type Shown struct {
	Seq   Seq     `json:"seq,omitempty"`
	Seqs  []Seq   `json:"seqs,omitempty"` // of a digest, in its order
	Batch BatchID `json:"batch,omitempty"`
	Order bool    `json:"order,omitempty"`
}

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
	t.posts = true
	return p.ID, put(rows, postKey(p.Chat, p.Class, p.ID), p)
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

// Gate is what a chat may be shown at a moment.
type Gate int

const (
	Closed         Gate = iota // nothing
	AnswersOnly                // no inbound SMS
	NoEdits                    // new messages only
	NewAnswersOnly             // neither inbound SMS nor edits
	Ungated
)

// lets tells whether p may pass.
func (g Gate) lets(p Post) bool {
	switch g {
	case AnswersOnly:
		return p.Class == Answers
	case NoEdits:
		return !p.Edit
	case NewAnswersOnly:
		return p.Class == Answers && !p.Edit
	}
	return g == Ungated
}

// Heads returns the next post of each chat that its gate lets pass, and when the first of the posts that are not due yet will be; zero if there
// is none.
func (s *Store) Heads(gate func(sms.ChatID) Gate) (heads []Post, next time.Time, err error) {
	err = s.view(func(t *tx) error {
		heads, next = nil, time.Time{}
		c := t.bucket(bucketPost).Cursor()
		key, value := c.First()
		for key != nil {
			chat := readI64[sms.ChatID](key[:8])
			g := Closed
			if chat != 0 {
				g = gate(chat)
			}
			for g != Closed && (ofClass(key, chat, Answers) || ofClass(key, chat, Backlog)) {
				p, err := readPost(key, value)
				if err != nil {
					return err
				}
				if PutOff(p.NotBefore, t.now, aDay) {
					if next.IsZero() || p.NotBefore.Before(next) {
						next = p.NotBefore
					}
				} else if g.lets(p) {
					heads = append(heads, p)
					break
				}
				if p.Class == Backlog {
					break // SMS stay in order
				}
				key, value = c.Next()
			}
			key, value = c.Seek(i64(chat + 1))
		}
		return nil
	})
	return heads, next, err
}

// followingRead bounds how many of the posts that wait are read to find those of one customer.
const followingRead = 1000

// ToShow is what it takes to show an SMS, read at one moment.
type ToShow struct {
	Chat     Chat
	Customer Customer // whose SMS it is
	Posts    []Post   // the post of the SMS, and those that may stand in one message with it
	SMS      []SMS    // of each post
	Names    []string // of the customer of each
}

// ToShow returns what it takes to show p, the post of an SMS. If p began a digest, the other posts of that come with it; if more than room posts
// wait, those that may stand in one message with it do, at most most in all. The error is ErrNotFound if p no longer waits.
func (s *Store) ToShow(p Post, most, room int) (ToShow, error) {
	var show ToShow
	err := s.view(func(t *tx) error {
		show = ToShow{Posts: []Post{p}}
		var err error
		if show.Chat, err = t.chat(p.Chat); err != nil {
			return err
		}
		if p.Part == 0 && p.Reason == "" {
			posts, waiting, err := t.following(p, cmp.Or(p.Digest, most), show.Chat.Topics)
			if err != nil {
				return err
			}
			if len(posts) == 0 {
				return fmt.Errorf("post %d of chat %d: %w", p.ID, p.Chat, ErrNotFound)
			}
			if p.Digest == 0 && waiting <= room {
				posts = posts[:1]
			}
			show.Posts = posts
		}
		for i, post := range show.Posts {
			m, err := t.sms(post.Seq)
			if err != nil {
				return fmt.Errorf("read sms %d: %w", post.Seq, err)
			}
			c, err := t.customer(m.Customer)
			if err != nil {
				return err
			}
			if i == 0 {
				show.Customer = c
			}
			show.SMS, show.Names = append(show.SMS, m), append(show.Names, c.Name)
		}
		return nil
	})
	return show, err
}

// following returns p, a post of class Backlog, and those that follow it in the same topic, at most limit. If each customer has a topic, these are
// the posts about the same customer; else all up to the first that belongs elsewhere. waiting is how many it read.
func (t *tx) following(p Post, limit int, topics bool) (found []Post, waiting int, err error) {
	var of sms.Number
	c := t.bucket(bucketPost).Cursor()
	for key, value := c.Seek(postKey(p.Chat, p.Class, p.ID)); key != nil && len(found) < limit && waiting < followingRead; key, value = c.Next() {
		next, err := readPost(key, value)
		if err != nil {
			return nil, 0, err
		}
		if next.Chat != p.Chat || next.Class != p.Class {
			break
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

// BeginDigest notes that the n posts from p on are about to be shown in one message. After a crash the same ones are shown together, as perhaps
// repeated.
func (s *Store) BeginDigest(p Post, n int) error {
	return s.update(func(t *tx) error {
		rows, key := t.bucket(bucketPost), postKey(p.Chat, p.Class, p.ID)
		var row Post
		if err := get(rows, key, &row); err != nil {
			return err
		}
		row.Digest = n
		return put(rows, key, row)
	})
}

// PostUncertain notes that a chat may show p already: the answer of Telegram never came.
func (s *Store) PostUncertain(p Post) error {
	return s.update(func(t *tx) error {
		if err := t.countPost(p.Chat); err != nil || p.Class != Backlog && p.Kind != PostBatch {
			return err
		}
		rows, key := t.bucket(bucketPost), postKey(p.Chat, p.Class, p.ID)
		var row Post
		if err := get(rows, key, &row); err != nil {
			return err
		}
		row.Repeated = true
		return put(rows, key, row)
	})
}

// TopicUncertain notes that a chat may have a new topic: the answer of Telegram never came.
func (s *Store) TopicUncertain(chat sms.ChatID) error {
	return s.update(func(t *tx) error { return t.countPost(chat) })
}

// DigestPosted records that message, in topic, now shows all of posts, which are SMS of one chat.
func (s *Store) DigestPosted(posts []Post, topic sms.TopicID, message sms.ChatMessageID) error {
	return s.update(func(t *tx) error {
		link := Shown{}
		for _, p := range posts {
			link.Seqs = append(link.Seqs, p.Seq)
			rows, key := t.bucket(bucketPost), postKey(p.Chat, p.Class, p.ID)
			var row Post
			if err := get(rows, key, &row); err == nil && row.Revision != p.Revision { // shown as it was before
				row.Digest = 0
				if err := put(rows, key, row); err != nil {
					return err
				}
				continue
			}
			if err := rows.Delete(key); err != nil {
				return err
			}
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
			err = t.shownIn(sms.Place{Chat: p.Chat, Topic: p.Topic}, p.Seq)
		case PostIncident:
			err = t.incidentTold(p.Incident)
		}
		if err == nil {
			err = t.postTaken(p)
		}
		if err != nil {
			return err
		}
		rows, key := t.bucket(bucketPost), postKey(p.Chat, p.Class, p.ID)
		var row Post
		switch err := get(rows, key, &row); {
		case err == ErrNotFound:
			return nil
		case err != nil:
			return err
		case more:
			row.Part++
			return put(rows, key, row)
		case row.Revision != p.Revision:
			row.Edit = p.Kind == PostBatch || p.Kind == PostCard
			return put(rows, key, row)
		}
		return rows.Delete(key)
	})
}

// SetAside puts aside a post that its chat will never show, with Telegram's reason, and tells the admins. If the row changed while Telegram was
// asked, it stays and is tried again. Of a digest the first stays, to be tried alone.
func (s *Store) SetAside(p Post, reason string) error {
	return s.update(func(t *tx) error {
		rows, key := t.bucket(bucketPost), postKey(p.Chat, p.Class, p.ID)
		var row Post
		switch err := get(rows, key, &row); {
		case err == ErrNotFound:
			return nil
		case err != nil:
			return err
		case row.Revision != p.Revision:
			return nil
		case row.Digest > 1: // one of several is at fault
			return t.splitDigest(p, row)
		}
		return t.setAside(p, reason)
	})
}

// NoticeInstead notes that Telegram refused p in every form, and why: a notice is due in its place. Without a reason p itself is due again. Of a
// digest the first is due alone.
func (s *Store) NoticeInstead(p Post, reason string) error {
	return s.update(func(t *tx) error {
		rows, key := t.bucket(bucketPost), postKey(p.Chat, p.Class, p.ID)
		var row Post
		switch err := get(rows, key, &row); {
		case err == ErrNotFound:
			return nil
		case err != nil:
			return err
		case row.Revision != p.Revision:
			return nil
		case row.Digest > 1 && reason != "":
			return t.splitDigest(p, row)
		}
		row.Reason = reason
		return put(rows, key, row)
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
		return t.setAside(p, p.Reason)
	})
}

// ShowAgain queues a post again that was put aside. The error is ErrNotFound if that was done already, or the post is no longer kept.
func (s *Store) ShowAgain(refused Post) error {
	return s.update(func(t *tx) error {
		key := postKey(refused.Chat, refused.Class, refused.ID)
		value := t.bucket(bucketDead).Get(key)
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
		if err := t.bucket(bucketDead).Delete(key); err != nil {
			return err
		}
		if chat := t.resolve(p.Chat); chat != p.Chat {
			p.Chat, p.Topic, p.ReplyTo = chat, 0, 0
		}
		if t.bucket(bucketPost).Get(postKey(p.Chat, p.Class, p.ID)) != nil {
			return nil // it is due already, and will tell the newest
		}
		p.Reason, p.Refused, p.Digest, p.NotBefore = "", time.Time{}, 0, time.Time{}
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

// splitDigest has the first of a digest, which is row, shown alone. All of them may be shown already, and will say so.
func (t *tx) splitDigest(p, row Post) error {
	c, err := t.chat(p.Chat)
	if err != nil {
		return err
	}
	p.Topic = row.Topic
	posts, _, err := t.following(p, row.Digest, c.Topics)
	if err != nil {
		return err
	}
	for i, next := range posts {
		if i == 0 {
			next.Digest = 1
		}
		next.Repeated = next.Repeated || row.Repeated
		if err := put(t.bucket(bucketPost), postKey(next.Chat, next.Class, next.ID), next); err != nil {
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

// markRepeated marks the first SMS of every chat as perhaps repeated: the process before this one may have posted it without noting it.
func (t *tx) markRepeated() error {
	rows := t.bucket(bucketPost)
	var chats []sms.ChatID
	c := rows.Cursor()
	for key, _ := c.First(); key != nil; {
		chat := readI64[sms.ChatID](key[:8])
		chats = append(chats, chat)
		key, _ = c.Seek(i64(chat + 1))
	}
	for _, chat := range chats {
		if key, _ := rows.Cursor().Seek(i64(chat)); chat == 0 || ofClass(key, chat, Marks) {
			continue // a mark may be set twice
		}
		var told []Post
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
			if err := put(rows, postKey(p.Chat, p.Class, p.ID), p); err != nil {
				return err
			}
		}
		key, value := rows.Cursor().Seek(postKey(chat, Backlog, 0))
		if !ofClass(key, chat, Backlog) {
			continue
		}
		p, err := readPost(key, value)
		if err != nil {
			return err
		}
		p.Repeated = true
		if err := put(rows, postKey(p.Chat, p.Class, p.ID), p); err != nil {
			return err
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
