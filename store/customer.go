package store

import (
	"errors"
	"slices"
	"time"

	"peyk/internal/crashpoint"
	"peyk/sms"
)

// Customer is what is known of a customer, whichever of our lines they write to. Their SMS are counted only where a place belongs to them, and
// when they are shown there: with a row for everybody who writes, a fetch of 50 SMS would write 50 pages all over the file.
type Customer struct {
	Number sms.Number `json:"-"`
	Name   string     `json:"name,omitempty"`  // given by agents
	Line   sms.Number `json:"line,omitempty"`  // our line that their last SMS came to; until one is counted, the line they were answered from
	First  time.Time  `json:"first,omitzero"`  // when the first SMS that is counted came
	Last   time.Time  `json:"last,omitzero"`   // when the last one came
	In     int        `json:"in,omitempty"`    // SMS counted
	InTo   Seq        `json:"in_to,omitempty"` // up to this one, as two forums may show the same SMS
	Out    int        `json:"out,omitempty"`   // SMS the panel took for them since

	Linked *sms.Place `json:"linked,omitempty"` // the only place that shows their SMS, by /link
	// Made for them, one in each forum with topics. More may follow the first of a forum, from when their number had several spellings.
	Topics []sms.Place `json:"topics,omitempty"`

	Claim   Claim     `json:"claim,omitzero"`
	Ours    bool      `json:"ours,omitempty"`   // see Known
	Answer  Seq       `json:"answer,omitempty"` // of one with topics: the SMS that answered them last, until they need none
	Written time.Time `json:"written,omitzero"` // when an agent last wrote to them alone, to a day
	Away    *lastAway `json:"away,omitempty"`   // the last away text they were sent
}

// Known tells whether c is a customer of ours by what agents did: they wrote to c alone, or named, linked or took c. That c wrote says nothing: a sender
// can be forged.
func (c Customer) Known() bool {
	return c.Ours || c.Out > 0 || c.Name != "" || c.Linked != nil || c.Claim.Owner != 0
}

// class returns where SMS of c wait to be shown.
func (c Customer) class() Class {
	if c.Known() {
		return Known
	}
	return NewNumbers
}

// classOf is class for the customer of an SMS.
func (t *tx) classOf(seq Seq) (Class, error) {
	m, err := t.sms(seq)
	if err != nil {
		return 0, err
	}
	c, err := t.customer(m.Customer)
	return c.class(), err
}

// Bound is a topic, or a whole chat, that belongs to a customer: by /link, or made for them.
type Bound struct {
	sms.Place `json:"-"`
	Customer  sms.Number        `json:"customer"`
	Card      sms.ChatMessageID `json:"card,omitempty"`   // the message that tells who the customer is
	Post      uint64            `json:"post"`             // its row in the post queue, when there is something new to show
	Made      bool              `json:"made,omitempty"`   // a topic of ours
	Title     string            `json:"title,omitempty"`  // of a topic of ours, as we last set it
	Icon      Icon              `json:"icon,omitempty"`   // likewise, the icon
	Closed    bool              `json:"closed,omitempty"` // somebody closed the topic
	Used      bool              `json:"used,omitempty"`   // it has shown an SMS
}

// cardDelay is how long a card may tell less than is known. An edit costs a chat as much as a message: a card that was edited for every SMS
// would take as long as the SMS.
var cardDelay = 20 * crashpoint.Second(15*time.Second) // in a test of crashes, twenty of its seconds

func placeKey(p sms.Place) []byte { return join(i64(p.Chat), i64(p.Topic)) }

func readBound(key, value []byte) (Bound, error) {
	b := Bound{Place: sms.Place{Chat: readI64[sms.ChatID](key[:8]), Topic: readI64[sms.TopicID](key[8:])}}
	err := decode(value, &b)
	return b, err
}

// customer returns what is known of a customer; of one who is not known, the number.
func (t *tx) customer(n sms.Number) (Customer, error) {
	c := Customer{Number: n}
	err := get(t.bucket(bucketCustomer), []byte(n), &c)
	if errors.Is(err, ErrNotFound) {
		err = nil
	}
	return c, err
}

func (t *tx) putCustomer(c Customer) error {
	newly, err := t.storeCustomer(c)
	if err != nil || !newly {
		return err
	}
	return t.showSooner(map[sms.Number]bool{c.Number: true})
}

// storeCustomer is putCustomer without showSooner, which is still to be done if we newly know them.
func (t *tx) storeCustomer(c Customer) (newly bool, err error) {
	before, err := t.customer(c.Number)
	if err != nil {
		return false, err
	}
	c.Ours = c.Known() // for good, or their SMS might overtake those that wait
	return c.Ours && !before.Known(), put(t.bucket(bucketCustomer), []byte(c.Number), c)
}

// bound returns what is bound to a place; the error is ErrNotFound when nothing is.
func (t *tx) bound(p sms.Place) (Bound, error) {
	b := Bound{Place: p}
	err := get(t.bucket(bucketBound), placeKey(p), &b)
	return b, err
}

func (t *tx) putBound(b Bound) error { return put(t.bucket(bucketBound), placeKey(b.Place), b) }

// Customer returns what is known of a customer; of one who is not known, the number.
func (s *Store) Customer(n sms.Number) (Customer, error) {
	var c Customer
	err := s.view(func(t *tx) error {
		var err error
		c, err = t.customer(n)
		return err
	})
	return c, err
}

// Bound returns which customer a topic, or a chat, belongs to; the error is ErrNotFound when it belongs to none.
func (s *Store) Bound(p sms.Place) (Bound, error) {
	var b Bound
	err := s.view(func(t *tx) error {
		var err error
		b, err = t.bound(p)
		return err
	})
	return b, err
}

// places returns every place that belongs to c.
func (c Customer) places() []sms.Place {
	places := slices.Clone(c.Topics)
	if c.Linked != nil && !slices.Contains(places, *c.Linked) {
		places = append(places, *c.Linked)
	}
	return places
}

// TopicIn returns the topic made for c in a forum.
func (c Customer) TopicIn(chat sms.ChatID) (sms.Place, bool) {
	for _, p := range c.Topics {
		if p.Chat == chat {
			return p, true
		}
	}
	return sms.Place{}, false
}

// showCards queues the cards of c to be shown again, at once or after a delay.
func (t *tx) showCards(c Customer, delay time.Duration) error {
	for _, place := range c.places() {
		b, err := t.bound(place)
		if err != nil {
			return err
		}
		if err := t.showCard(b, delay); err != nil {
			return err
		}
	}
	return nil
}

func (t *tx) showCard(b Bound, delay time.Duration) error {
	p := Post{Chat: b.Chat, Class: Answers, ID: b.Post, Kind: PostCard, Topic: b.Topic, Edit: b.Card != 0}
	var waiting Post
	err := get(t.bucket(bucketPost), postKey(p.Chat, p.Class, p.ID), &waiting)
	switch {
	case err == nil && delay > 0:
		return nil // it waits already, and will tell this, too
	case err == nil:
		p.Revision, p.At = waiting.Revision+1, waiting.At
	case !errors.Is(err, ErrNotFound):
		return err
	}
	if delay > 0 {
		p.NotBefore = t.now.Add(delay)
	}
	_, err = t.addPost(p)
	return err
}

// bind gives a place to a customer, who may have others, too.
func (t *tx) bind(b Bound) error {
	if err := t.unbind(b.Place); err != nil {
		return err
	}
	var err error
	if b.Post, err = t.bucket(bucketPost).NextSequence(); err != nil {
		return err
	}
	if err := t.putBound(b); err != nil {
		return err
	}
	return t.showCard(b, 0)
}

// unbind takes a place from the customer it belongs to, if it does.
func (t *tx) unbind(p sms.Place) error {
	b, err := t.bound(p)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	c, err := t.customer(b.Customer)
	if err != nil {
		return err
	}
	c.Topics = slices.DeleteFunc(c.Topics, func(topic sms.Place) bool { return topic == p })
	if c.Linked != nil && *c.Linked == p {
		c.Linked = nil
	}
	if err := t.putCustomer(c); err != nil {
		return err
	}
	if err := t.bucket(bucketPost).Delete(postKey(p.Chat, Answers, b.Post)); err != nil {
		return err
	}
	if p.Topic != 0 {
		if err := t.bucket(bucketPost).Delete(postKey(p.Chat, Signs, uint64(p.Topic))); err != nil {
			return err
		}
	}
	return t.bucket(bucketBound).Delete(placeKey(p))
}

// link makes p the only place that shows a customer's SMS.
func (t *tx) link(n sms.Number, p sms.Place) error {
	c, err := t.customer(n)
	if err != nil {
		return err
	}
	old, err := t.bound(p)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	if c.Linked != nil && *c.Linked != p {
		if err := t.unbind(*c.Linked); err != nil {
			return err
		}
	}
	if old.Customer != n {
		if err := t.bind(Bound{Place: p, Customer: n}); err != nil {
			return err
		}
	}
	if c, err = t.customer(n); err != nil {
		return err
	}
	c.Linked = &p
	return t.putCustomer(c)
}

// setLink links a place to its customer, and shows there what waited for a chat. With no customer it unlinks the place.
func (t *tx) setLink(b Bound) error {
	if chat := t.resolve(b.Chat); chat != b.Chat {
		b.Place = sms.Place{Chat: chat}
	}
	if b.Customer == "" {
		return t.unbind(b.Place)
	}
	if err := t.link(b.Customer, b.Place); err != nil {
		return err
	}
	return t.routeWaiting()
}

// unbindChat takes every place of a chat from the customers they belong to.
func (t *tx) unbindChat(chat sms.ChatID) error {
	var places []sms.Place
	c := t.bucket(bucketBound).Cursor()
	for key, _ := c.Seek(i64(chat)); key != nil && readI64[sms.ChatID](key[:8]) == chat; key, _ = c.Next() {
		places = append(places, sms.Place{Chat: chat, Topic: readI64[sms.TopicID](key[8:])})
	}
	for _, p := range places {
		if err := t.unbind(p); err != nil {
			return err
		}
	}
	return nil
}

// AddTopic notes the topic that was made for the customer of an SMS, with an icon, and queues its card. If another topic was noted meanwhile, that one
// stays.
func (s *Store) AddTopic(seq Seq, p sms.Place, title string, icon Icon) error {
	return s.update(func(t *tx) error {
		m, err := t.sms(seq)
		if err != nil {
			return err
		}
		c, err := t.customer(m.Customer)
		if err != nil {
			return err
		}
		if _, has := c.TopicIn(p.Chat); has {
			return nil
		}
		if err := t.bind(Bound{Place: p, Customer: c.Number, Made: true, Title: title, Icon: icon}); err != nil {
			return err
		}
		c.Topics = append(c.Topics, p)
		if err := t.noteInbound(&c, seq); err != nil {
			return err
		}
		if err := t.putCustomer(c); err != nil {
			return err
		}
		if err := t.countPost(p.Chat); err != nil {
			return err
		}
		return errors.Join(t.allowTopics(p.Chat), t.showIcons(c.Number))
	})
}

// TopicGone notes that a topic does not exist any more. It belongs to nobody now, and its customer's next SMS has another one made. If the
// customer was linked to it, the admins and its chat are told: their SMS are shown where those of others are.
func (s *Store) TopicGone(p sms.Place) error {
	return s.update(func(t *tx) error {
		b, err := t.bound(p)
		if errors.Is(err, ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		c, err := t.customer(b.Customer)
		if err != nil {
			return err
		}
		linked := c.Linked != nil && *c.Linked == p
		if err := t.unbind(p); err != nil || !linked {
			return err
		}
		return t.addIncident(&Incident{Kind: LinkLost, From: t.now, Chat: p.Chat, Customer: c.Number})
	})
}

// LinkAgain links the customer of a topic that is gone to another one, which was made in its place.
func (s *Store) LinkAgain(gone Bound, p sms.Place, title string, icon Icon) error {
	return s.update(func(t *tx) error {
		if err := t.unbind(gone.Place); err != nil {
			return err
		}
		if err := t.bind(Bound{Place: p, Customer: gone.Customer, Made: true, Title: title, Icon: icon}); err != nil {
			return err
		}
		c, err := t.customer(gone.Customer)
		if err != nil {
			return err
		}
		c.Linked, c.Topics = &p, append(c.Topics, p)
		return errors.Join(t.putCustomer(c), t.showIcons(c.Number), t.countPost(p.Chat))
	})
}

// TopicsForbidden notes that a forum lets us make no topics, and why. What belongs in a topic is shown outside of topics. The admins are told
// once, until topics can be made again.
func (s *Store) TopicsForbidden(chat sms.ChatID, reason string) error {
	return s.update(func(t *tx) error {
		c, err := t.chat(chat)
		if err != nil {
			return err
		}
		told := !c.NoTopics.IsZero()
		c.NoTopics = t.now
		if err := t.putChat(c); err != nil || told {
			return err
		}
		return t.addIncident(&Incident{Kind: NoTopics, From: t.now, Chat: chat, Reason: reason})
	})
}

// TopicsAllowed notes that a forum may let us make topics again.
func (s *Store) TopicsAllowed(chat sms.ChatID) error {
	return s.update(func(t *tx) error { return t.allowTopics(t.resolve(chat)) })
}

func (t *tx) allowTopics(chat sms.ChatID) error {
	c, err := t.chat(chat)
	if err != nil || c.NoTopics.IsZero() {
		return err
	}
	c.NoTopics = time.Time{}
	return t.putChat(c)
}

// EditTopic changes what is known of a topic that belongs to a customer. Of others nothing is kept.
func (s *Store) EditTopic(p sms.Place, edit func(*Bound)) error {
	return s.update(func(t *tx) error {
		b, err := t.bound(p)
		if errors.Is(err, ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		edit(&b)
		return t.putBound(b)
	})
}

// editCustomer changes what is known of a customer and has the cards tell it at once.
func (t *tx) editCustomer(n sms.Number, edit func(*Customer)) error {
	c, err := t.customer(n)
	if err != nil {
		return err
	}
	edit(&c)
	if err := t.putCustomer(c); err != nil {
		return err
	}
	return t.showCards(c, 0)
}

// counted tells whether a card tells, or may tell, how many SMS came from c and how many were sent.
func (c Customer) counted() bool { return !c.First.IsZero() || len(c.places()) > 0 }

// noteInbound counts SMS that a place of c shows.
func (t *tx) noteInbound(c *Customer, shown ...Seq) error {
	for _, seq := range shown {
		if seq <= c.InTo {
			continue
		}
		m, err := t.sms(seq)
		if err != nil {
			return err
		}
		if c.First.IsZero() {
			c.First = m.Received
		}
		c.Line, c.Last, c.InTo = m.Line, m.Received, seq
		c.In++
	}
	return nil
}

// noteOutbound counts an SMS that the panel took.
func (t *tx) noteOutbound(n sms.Number) error {
	c, err := t.customer(n)
	if err != nil || !c.counted() {
		return err // an order to many must not add a row for each
	}
	c.Out++
	if err := t.putCustomer(c); err != nil {
		return err
	}
	return t.showCards(c, cardDelay)
}

// moveLink gives the group that a customer is linked to its new id.
func (t *tx) moveLink(from, to sms.Place) error {
	b, err := t.bound(from)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return t.link(b.Customer, to)
}

// cardShown notes which message the card of a place is; 0 is none.
func (t *tx) cardShown(p Post, message sms.ChatMessageID) error {
	b, err := t.bound(sms.Place{Chat: p.Chat, Topic: p.Topic})
	if errors.Is(err, ErrNotFound) || err == nil && (message == 0 || b.Post != p.ID || b.Card == message) {
		return nil // perhaps the place does not belong to them any more
	}
	if err != nil {
		return err
	}
	b.Card = message
	return t.putBound(b)
}

// shownIn notes that a place shows SMS, which its card counts.
func (t *tx) shownIn(p sms.Place, shown ...Seq) error {
	b, err := t.bound(p)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	c, err := t.customer(b.Customer)
	if err != nil {
		return err
	}
	delay := cardDelay
	if c.First.IsZero() {
		delay = 0 // the card knows neither line nor date yet
	}
	if !b.Used {
		b.Used = true
		if err := t.putBound(b); err != nil {
			return err
		}
	}
	if err := t.noteInbound(&c, shown...); err != nil {
		return err
	}
	if err := t.putCustomer(c); err != nil {
		return err
	}
	return t.showCard(b, delay)
}
